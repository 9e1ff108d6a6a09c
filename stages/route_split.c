/* SPDX-License-Identifier: MIT */
/* route_split.c -- see route_split.h. */
#include "route_split.h"

#include "route_positions.h"

#include <stdlib.h>
#include <string.h>

tube_status
tubei_split_open(tube_stage *s, tubei_split *p, bool by_row, tube_error *err)
{
    p->n = tube_outputs(s);
    if (!by_row)
        return TUBE_OK;
    p->rows = calloc(p->n > 0 ? p->n : 1, sizeof(*p->rows));
    if (p->rows == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for %u branches", p->n);
    return TUBE_OK;
}

void
tubei_split_close(tubei_split *p)
{
    free(p->rows);
    p->rows = NULL;
}

bool
tubei_split_begin(tubei_split *p)
{
    if (p->next > 0)
        return false;
    if (p->rows != NULL)
        memset(p->rows, 0, p->n * sizeof(*p->rows));
    memset(&p->lost, 0, sizeof(p->lost));
    return true;
}

uint32_t
tubei_split_home(const tube_stage *s, uint32_t n)
{
    uint32_t all = tube_outputs(s);

    for (uint32_t i = n; i-- > 0;)
        if (tube_output_open(s, i))
            return i;
    for (uint32_t i = all; i-- > n;)
        if (tube_output_open(s, i))
            return i;
    return TUBE_ANY_INPUT;
}

/* A copy takes what the batch shows: make it show `n` rows from `first` on, all live, for
 * that time.  Their number is small, so is the copy. */
static tube_batch *
copy_part(tube_stage *s, tube_batch *b, uint32_t first, uint32_t n)
{
    tube_batch was = *b;
    tube_batch *c;

    b->cells = tube_row(b, first);
    b->offset = b->offset != NULL ? b->offset + first : NULL;
    b->raw = b->raw != NULL ? b->raw + first : NULL;
    memset(b->live, 0, sizeof(b->live));
    b->live[0] = n;
    b->n = b->n_live = n;
    c = tube_copy(s, b);
    *b = was;
    return c;
}

tube_batch *
tubei_split_position(tube_stage *s, tube_batch *b)
{
    tube_batch *c = copy_part(s, b, 0, 0);

    for (uint32_t i = 0; c != NULL && i < c->n_extents; i++)
        c->extents[i].first_row = 0;
    return c;
}

tube_batch *
tubei_split_row(tube_stage *s, tube_batch *b, uint32_t row, bool position)
{
    tube_batch *c = copy_part(s, b, row, 1);

    for (uint32_t i = 0; c != NULL && i < c->n_extents; i++) {
        tube_extent *e = &c->extents[i];
        uint64_t before = row > e->first_row ? row - e->first_row : 0;

        /* The line of row 0 is what counts; the line behind the last one stays. */
        before = before < e->lines ? before : e->lines;
        e->line += before;
        e->lines -= before;
        e->first_row = e->first_row > row ? 1 : 0;
    }
    if (c != NULL && !position)
        tubei_position_drop(c);
    return c;
}

void
tubei_split_emit(tube_stage *s, uint32_t i, tube_batch *b)
{
    tube_status st = tube_emit_to(s, i, &b);

    (void)st;
}

/* What output `i` gets; NULL: no memory. */
static tube_batch *
share_of(tube_stage *s, tubei_split *p, tube_batch *b, uint32_t i)
{
    tube_batch *c;

    if (p->rows == NULL)
        return tube_copy(s, b);
    if (i >= p->n || p->rows[i].n == 0)
        return tubei_split_position(s, b);
    c = tube_copy(s, b);
    if (c != NULL && p->rows[i].n < b->n_live)
        tube_keep_rows(s, c, p->rows[i].bit);
    return c;
}

static void
lose(tubei_split *p, uint32_t i)
{
    if (p->rows == NULL || i >= p->n || p->rows[i].n == 0)
        return;
    for (uint32_t w = 0; w < TUBE_BATCH_ROWS / 64; w++)
        p->lost.bit[w] |= p->rows[i].bit[w];
    p->lost.n += p->rows[i].n;
}

/* The batch itself, with what no copy has.  `had` a copy: the output that was to get it
 * has ended meanwhile, and this one has been served before. */
static void
pass_on(tube_stage *s, tubei_split *p, tube_batch *b, uint32_t home, bool had)
{
    for (uint32_t r = p->lost.n > 0 ? 0 : b->n; (r = tube_next(b, r)) < b->n; r++)
        if ((p->lost.bit[r / 64] >> (r % 64) & 1) != 0)
            tube_drop_row(s, b, r);
    if (had) {
        tube_keep_rows(s, b, NULL);
        tubei_position_drop(b);
    } else if (p->rows != NULL) {
        tube_keep_rows(s, b, home < p->n ? p->rows[home].bit : NULL);
    }
    if (p->turns && !had)
        tube_end_turn(s, b);
    tube_pass(s, home);
}

/* The output that gets the batch, anew on each call: the one before may have ended.
 * True if it has a copy already. */
static bool
find_home(const tube_stage *s, tubei_split *p)
{
    uint32_t before = p->home;

    p->home = tubei_split_home(s, p->n);
    if (p->next == 0 || p->home == before)
        return false;
    if (before < p->next)
        lose(p, before);
    return p->home < p->next;
}

tube_status
tubei_split_send(tube_stage *s, tubei_split *p, tube_batch *b)
{
    bool had = find_home(s, p);
    uint32_t n = tube_outputs(s);

    for (uint32_t i = p->next; i < n; i++) {
        tube_batch *c;

        if (i == p->home)
            continue;
        if (!tube_output_open(s, i)) {
            lose(p, i);
            continue;
        }
        c = share_of(s, p, b, i);
        if (c == NULL) {
            p->next = i;
            return TUBE_AGAIN;
        }
        if (p->turns)
            tube_end_turn(s, c);
        tubei_split_emit(s, i, c);
    }
    if (p->home != TUBE_ANY_INPUT)
        pass_on(s, p, b, p->home, had);
    p->next = 0;
    return TUBE_OK;
}
