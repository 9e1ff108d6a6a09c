/* SPDX-License-Identifier: MIT */
/* test_memory.c -- the byte budget: what is refused, what a reserve is for, what is given back. */
#include "memory.h"
#include "pipeline.h"
#include "schema.h"
#include "test_stages.h"

#include <criterion/criterion.h>

/* A pipeline that is open but does not run: its stages can be asked for memory. */
static tube_pipeline *
opened(uint64_t budget)
{
    tube_pipeline *p =
        test_pipeline(TUBE_PIPELINE_OPTS(.budget = budget, .workers = TUBE_CALLER),
                      "count 1 | repeat 1 | collect");

    cr_assert_eq(tube_open(p, NULL), TUBE_OK);
    return p;
}

Test(memory, counts_what_is_out_and_the_most_there_was, .timeout = 5)
{
    tube_pipeline *p = opened(4u << 20);
    uint64_t used, high;
    void *a = tubei_memory_get(p->memory, 5000, p->stages[0]);
    void *b = tubei_memory_get(p->memory, 100000, NULL);

    cr_assert(a != NULL && b != NULL);
    cr_assert_eq((uintptr_t)a % 64, 0);
    tubei_memory_read(p->memory, &used, &high);
    cr_assert(used >= 105000 && used <= 105000 * 5 / 4, "%ju", (uintmax_t)used);
    tubei_memory_put(p->memory, a);
    tubei_memory_put(p->memory, b);
    tubei_memory_read(p->memory, &used, &high);
    cr_assert_eq(used, 0);
    cr_assert_geq(high, 105000);
    tube_pipeline_free(p);
}

Test(memory, refuses_a_source_at_the_limit_and_an_inner_stage_behind_its_reserve,
     .timeout = 5)
{
    tube_pipeline *p = opened(4u << 20);
    tube_stage *source = p->stages[0];
    tube_stage *inner = p->stages[1];
    void *most = tubei_memory_get(p->memory, 4u << 20, source);
    void *reserve;

    cr_assert(most != NULL);
    cr_assert(tubei_memory_get(p->memory, 1024, source) == NULL);
    cr_assert(source->waits_memory);
    cr_assert(tubei_memory_pressure(p->memory));
    reserve = tubei_memory_get(p->memory, 1024, inner);
    cr_assert(reserve != NULL);
    cr_assert(tubei_memory_get(p->memory, 1024, inner) == NULL);

    tubei_memory_put(p->memory, reserve); /* back to the reserve, and both are told */
    cr_assert_not(tubei_memory_pressure(p->memory));
    reserve = tubei_memory_get(p->memory, 1024, inner);
    cr_assert(reserve != NULL);
    cr_assert(tubei_memory_get(p->memory, 1024, source) == NULL);
    tubei_memory_put(p->memory, most);
    most = tubei_memory_get(p->memory, 1024, source);
    cr_assert(most != NULL);
    tubei_memory_put(p->memory, most);
    tubei_memory_put(p->memory, reserve);
    tube_pipeline_free(p);
}

Test(memory, every_size_gets_what_it_asked_for, .timeout = 20)
{
    tube_pipeline *p = opened(64u << 20);

    for (size_t n = 1; n < (32u << 20); n = n * 5 / 4 + 1) {
        char *m = tubei_memory_get(p->memory, n, NULL);

        cr_assert(m != NULL);
        memset(m, 0x5a, n);
        tubei_memory_put(p->memory, m);
    }
    tube_pipeline_free(p);
}

Test(memory, a_batch_that_keeps_few_rows_lets_go_of_its_buffer, .timeout = 5)
{
    tube_pipeline *p = opened(4u << 20);
    const tube_column column = { .name = "line", .type = TUBE_TEXT };
    tube_error err;
    tube_schema *schema = tubei_schema_new(&column, 1, &err);
    tubei_batch *bytes = tubei_batch_new(p->memory, NULL, 0, false, p->stages[0]);
    tubei_batch *b = tubei_batch_new(p->memory, schema, 100, true, p->stages[0]);
    char *buffer = tube_batch_buffer(&bytes->pub);

    cr_assert(tube_batch_alloc(&b->pub, 0) != NULL); /* an empty line is text too */
    for (uint32_t r = 0; r < 100; r++) {
        (void)snprintf(buffer + (size_t)r * 8, 16, "row %03u", r);
        tube_set_text(tube_row(&b->pub, r), buffer + (size_t)r * 8, 7);
    }
    tube_batch_rows(&b->pub, 100);
    cr_assert(tube_batch_hold(&b->pub, &bytes->pub));
    tubei_batch_free(bytes);
    for (uint32_t r = 0; r < 100; r++)
        if (r % 10 != 0)
            tube_filter(p->stages[1], &b->pub, r);
    tubei_batch_compact(b);
    cr_assert_eq(b->n_buffers, 0);
    TUBE_EACH(&b->pub, r) {
        char want[16];

        (void)snprintf(want, sizeof(want), "row %03u", r);
        cr_assert_arr_eq(tube_row(&b->pub, r)->text, want, 7);
        cr_assert_arr_eq(b->pub.raw[r].text, want, 7);
    }
    tubei_batch_free(b);
    tubei_schema_free(schema);
    tube_pipeline_free(p);
}

Test(batch, a_cut_ends_the_extent_before_the_row, .timeout = 5)
{
    tube_pipeline *p = opened(4u << 20);
    const tube_column column = { .name = "line", .type = TUBE_TEXT };
    tube_error err;
    tube_schema *schema = tubei_schema_new(&column, 1, &err);
    tubei_batch *b = tubei_batch_new(p->memory, schema, 10, true, p->stages[0]);
    const tube_extent a = { .origin = 0, .lo = 100, .hi = 150, .lines = 5 };
    const tube_extent c = {
        .origin = 1, .first_row = 5, .lo = 0, .hi = 50, .lines = 5
    };

    for (uint32_t r = 0; r < 10; r++) {
        tube_set_text(tube_row(&b->pub, r), "123456789", 9);
        b->pub.offset[r] = r < 5 ? 100 + r * 10 : (r - 5) * 10;
    }
    tube_batch_rows(&b->pub, 10);
    cr_assert(tube_batch_extent(&b->pub, &a) && tube_batch_extent(&b->pub, &c));
    tube_batch_cut(p->stages[1], &b->pub, 7);
    cr_assert_eq(b->pub.n_extents, 2);
    cr_assert_eq(b->pub.extents[0].hi, 150);
    cr_assert_eq(b->pub.extents[1].hi, 20);
    cr_assert_eq(b->pub.extents[1].lines, 2);
    cr_assert_eq(tube_batch_count(&b->pub), 7);
    tube_batch_cut(p->stages[1], &b->pub, 3);
    cr_assert_eq(b->pub.n_extents, 1);
    cr_assert_eq(b->pub.extents[0].hi, 130);
    cr_assert_eq(tube_batch_count(&b->pub), 3);
    tubei_batch_free(b);
    tubei_schema_free(schema);
    tube_pipeline_free(p);
}

Test(batch, live_rows_are_visited_in_order_and_may_be_taken_out_meanwhile, .timeout = 5)
{
    tube_pipeline *p = opened(4u << 20);
    const tube_column column = { .name = "n", .type = TUBE_INT };
    tube_error err;
    tube_schema *schema = tubei_schema_new(&column, 1, &err);
    tubei_batch *b = tubei_batch_new(p->memory, schema, 1024, false, p->stages[0]);
    uint32_t seen_rows = 0;

    tube_batch_rows(&b->pub, 1000);
    TUBE_EACH(&b->pub, r) {
        cr_assert_eq(r, seen_rows);
        seen_rows++;
        if (r % 3 != 0)
            tube_filter(p->stages[1], &b->pub, r);
    }
    cr_assert_eq(seen_rows, 1000);
    seen_rows = 0;
    TUBE_EACH(&b->pub, r) {
        cr_assert_eq(r, seen_rows * 3);
        seen_rows++;
    }
    cr_assert_eq(seen_rows, 334);
    cr_assert_eq(tube_batch_count(&b->pub), 334);
    tubei_batch_free(b);
    tubei_schema_free(schema);
    tube_pipeline_free(p);
}
