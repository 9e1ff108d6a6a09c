/* SPDX-License-Identifier: MIT */
/* test_joints_parts.c -- the hash of a cell, and positions where branches meet. */
#include "hash.h"
#include "route_positions.h"

#include <criterion/criterion.h>

/* Hash. */

Test(hash, is_the_same_for_equal_cells_and_spreads_the_others)
{
    uint32_t part[8] = { 0 };
    tube_cell c, d;

    for (int64_t i = 0; i < 8000; i++) {
        tube_set_int(&c, i);
        part[tubei_hash_part(tubei_hash_cell(&c, TUBE_INT, 0), 8)]++;
    }
    for (uint32_t i = 0; i < 8; i++)
        cr_assert(part[i] > 800 && part[i] < 1200, "part %u: %u", i, part[i]);
    tube_set_real(&c, 0.0);
    tube_set_real(&d, -0.0);
    cr_assert_eq(tubei_hash_cell(&c, TUBE_FLOAT, 0),
                 tubei_hash_cell(&d, TUBE_FLOAT, 0));
    tube_set_text(&c, "abcdefghi-", 9);
    tube_set_text(&d, "abcdefghi+", 9);
    cr_assert_eq(tubei_hash_cell(&c, TUBE_TEXT, 0), tubei_hash_cell(&d, TUBE_TEXT, 0));
    cr_assert_neq(tubei_hash_cell(&c, TUBE_TEXT, 0), tubei_hash_cell(&d, TUBE_TEXT, 1));
    tube_set_text(&d, "abcdefgh", 8);
    cr_assert_neq(tubei_hash_cell(&c, TUBE_TEXT, 0), tubei_hash_cell(&d, TUBE_TEXT, 0));
    tube_set_null(&d);
    tube_set_text(&c, "", 0);
    cr_assert_neq(tubei_hash_cell(&c, TUBE_TEXT, 0), tubei_hash_cell(&d, TUBE_TEXT, 0));
}

/* Positions, without an engine. */

struct bare {
    tube_batch b;
    tube_extent e[TUBE_BATCH_EXTENTS];
};

static tube_batch *
with_extent(struct bare *x, uint32_t origin, uint64_t lo, uint64_t hi)
{
    *x = (struct bare){ .b = { .n_extents = 1 } };
    x->b.extents = x->e;
    x->e[0] = (tube_extent){
        .origin = origin, .lo = lo, .hi = hi, .line = lo / 10, .lines = (hi - lo) / 10
    };
    return &x->b;
}

static void
has_extent(const tube_batch *b, uint32_t i, uint64_t lo, uint64_t hi)
{
    cr_assert(i < b->n_extents);
    cr_assert_eq(b->extents[i].lo, lo);
    cr_assert_eq(b->extents[i].hi, hi);
    cr_assert(lo == hi || b->extents[i].line + b->extents[i].lines == hi / 10);
}

Test(positions, of_copies_pass_with_the_last_one)
{
    tubei_positions p = { 0 };
    struct bare x;

    cr_assert(tubei_positions_owe(&p, with_extent(&x, 3, 0, 100)));
    cr_assert_eq(x.b.n_extents, 0);
    cr_assert(tubei_positions_known(&p, with_extent(&x, 3, 0, 100)));
    cr_assert(tubei_positions_owe(&p, &x.b));
    cr_assert_eq(p.n, 1);
    cr_assert_not(tubei_positions_known(&p, with_extent(&x, 3, 100, 200)));
    cr_assert_not(tubei_positions_known(&p, with_extent(&x, 2, 0, 100)));
    cr_assert(tubei_positions_pay(&p, with_extent(&x, 3, 0, 100)));
    cr_assert_eq(x.b.n_extents, 1);
    has_extent(&x.b, 0, 0, 100);
    cr_assert_eq(p.n, 0);
    cr_assert(tubei_positions_pay(&p, with_extent(&x, 3, 0, 100)));
    cr_assert_eq(x.b.n_extents, 0); /* not twice */
    tubei_positions_fini(&p);
}

Test(positions, that_a_branch_did_not_bring_come_with_the_next)
{
    tubei_positions p = { 0 };
    struct bare x;

    cr_assert(tubei_positions_owe(&p, with_extent(&x, 0, 0, 100)));
    cr_assert(tubei_positions_owe(&p, with_extent(&x, 0, 100, 250)));
    cr_assert(tubei_positions_owe(&p, with_extent(&x, 1, 0, 50)));
    cr_assert(tubei_positions_pay(&p, with_extent(&x, 0, 250, 300)));
    cr_assert_eq(x.b.n_extents, 2);
    has_extent(&x.b, 0, 0, 50); /* of origin 1 */
    has_extent(&x.b, 1, 0, 300);
    cr_assert(tubei_positions_owe(&p, with_extent(&x, 0, 300, 400)));
    cr_assert(tubei_positions_pay(&p, with_extent(&x, 0, 300, 320)));
    has_extent(&x.b, 0, 300, 400); /* a branch has cut it short */
    cr_assert(tubei_positions_owe(&p, with_extent(&x, 1, 50, 60)));
    with_extent(&x, 9, 0, 0)->n_extents = 0;
    tubei_positions_rest(&p, &x.b);
    has_extent(&x.b, 0, 50, 60);
    cr_assert_eq(p.n, 0);
    tubei_positions_fini(&p);
}

Test(positions, that_come_early_wait_for_those_below)
{
    tubei_positions p = { 0 };
    struct bare x;

    cr_assert(tubei_positions_begin(&p, 0, 100));
    cr_assert(tubei_positions_sort(&p, with_extent(&x, 0, 200, 300)));
    cr_assert_eq(x.b.n_extents, 0);
    cr_assert(tubei_positions_sort(&p, with_extent(&x, 0, 400, 500)));
    cr_assert_eq(x.b.n_extents, 0);
    cr_assert(tubei_positions_sort(&p, with_extent(&x, 0, 100, 200)));
    has_extent(&x.b, 0, 100, 300);
    cr_assert(tubei_positions_sort(&p, with_extent(&x, 0, 300, 400)));
    has_extent(&x.b, 0, 300, 500);
    cr_assert_eq(p.n, 0);
    tubei_positions_fini(&p);
}
