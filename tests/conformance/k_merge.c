/* SPDX-License-Identifier: MIT */
/* k_merge.c -- K21: merge, concat, and the pace of a fork. */
#include "conform.h"

#include <string.h>

/* Rows [from, to) of `id` are a subsequence of the log in order. */
static void
in_order(int id, int64_t from, int64_t n)
{
    const char *rows = conform_log(id, "rows");
    int64_t next = from;
    char *end;

    for (int64_t row = strtoll(rows, &end, 10); end != rows;
         rows = end, row = strtoll(rows, &end, 10))
        if (row >= from && row < from + n)
            cr_assert_eq(row, next++, "%jd is out of order", (intmax_t)row);
    cr_assert_eq(next, from + n, "only to %jd", (intmax_t)next);
}

static void
interleave_all(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge as=m ( src 1 n=300 ) ( src 2 n=5 from=1000 ) "
           "( src 3 n=200 from=2000 batch=7 | pass 4 ) ( src 5 n=0 ) | sink 9");
    tube_reason r;

    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, 505);
    in_order(9, 0, 300);
    in_order(9, 1000, 5);
    in_order(9, 2000, 200);
    cr_assert_eq(tube_reason_of(p, (tube_ref){ 0 }, &r), TUBE_OK);
    cr_assert_eq(r.kind, TUBE_STOP_END);
    cr_assert_eq(r.n_causes, 4);
    tube_pipeline_free(p);
}

/* covers: PIPE-24, TUB-50, pipe interleave 2, pipe interleave 3,
 * pipe interleave_pipe 3, test_oneDrainReceives */
Test(K21, merge_takes_all_and_keeps_the_order_of_each, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(interleave_all);
}

static void
interleave_any(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge until=any ( src 1 fed=yes ) ( src 2 n=-1 from=1000 ) | sink 9");

    conform_feed(1, 3);
    conform_until_rows(p, 9, 500);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    in_order(9, 0, 3);
    cr_assert_eq(conform.at[9].finished, 1);
    cr_assert_eq(conform.at[2].closes, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-24 */
Test(K21, merge_until_any_ends_the_others, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(interleave_any);
}

static void
no_input(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "record row { n int; tag text }\nmerge hold=yes of=row as=m | sink 9");
    tube_ref in;

    conform_quiet(p);
    cr_assert_eq(conform.at[9].finished, 0);
    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(
            tube_attach(p, conform_ref(p, "m"), "src 2 n=2 | pass 3 add=10", &in, NULL),
            TUBE_OK);
        conform_until_rows(p, 9, 2 * i);
        conform_quiet(p);
        cr_assert_eq(conform.at[9].finished, 0, "without inputs is not at its end");
    }
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 10 11 10 11 10 11 finish");
    tube_pipeline_free(p);
}

/* covers: PIPE-25, pipe interleave_pipe 1, pipe interleave_pipe 2,
 * pipe interleave_pipe 4, pipe create_reader 1 */
Test(K21, inputs_come_and_go_until_it_is_sealed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(no_input);
}

static void
ended_at_once(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "record row { n int; tag text }\nmerge of=row | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open finish");
    tube_pipeline_free(p);
}

/* covers: PIPE-24, pipe interleave 1 */
Test(K21, merge_of_nothing_is_at_its_end, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(ended_at_once);
}

static void
nothing_is_kept(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "record row { n int; tag text }\nmerge hold=yes of=row as=m | sink 9");
    tube_ref m = conform_ref(p, "m");

    for (int i = 1; i <= 300; i++) {
        cr_assert_eq(tube_attach(p, m, "src 2 n=2 | pass 3", NULL, NULL), TUBE_OK);
        if (i % 10 == 0)
            conform_until_rows(p, 9, (int64_t)i * 2);
    }
    conform_quiet(p);
    cr_assert_geq(conform.at[2].closes, 300 - 20);
    cr_assert_eq(conform_counts(p).memory, 0);
    cr_assert_leq(tube_stage_count(p), 2 + 2 * 75, "places are used again");
    cr_assert_leq(tube_edge_count(p), 2 + 2 * 75);
    cr_assert_eq(tube_seal(p, m), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, 600);
    tube_pipeline_free(p);
}

/* covers: PIPE-33, pipe flush chaining 3 */
Test(K21, nothing_is_kept_of_inputs_that_have_ended, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(nothing_is_kept);
}

static void
output_closes(const tube_pipeline_opts *o)
{
    static const char *const texts[] = {
        "merge ( src 1 ) ( src 2 ) | sink 9 stop=50",
        "merge by=n ( src 1 ) ( src 2 ) | sink 9 stop=50",
        "concat ( src 1 ) ( src 2 ) | sink 9 stop=50",
    };

    for (int i = 0; i < 3; i++) {
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, texts[i]);
        conform_finish(p, TUBE_OK);
        cr_assert_eq(conform.at[1].closes, 1, "%s", texts[i]);
        cr_assert_eq(conform.at[2].closes, 1, "%s", texts[i]);
        cr_assert_geq(conform.at[9].rows, 51);
        cr_assert_leq(conform.at[9].rows, 102);
        tube_pipeline_free(p);
    }
}

/* covers: PIPE-24, PIPE-26, PIPE-27, pipe merge 2, test_stopFlow (fan in) */
Test(K21, when_the_output_has_enough_all_inputs_end, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(output_closes);
}

/* K21, sorted */

static void
sorted_shape(const tube_pipeline_opts *o, const int *n, int inputs, int batch)
{
    char text[512] = "merge by=n";
    size_t len = strlen(text);
    int64_t rows = 0, last = -1;
    const char *log;
    tube_pipeline *p;
    char *end;

    for (int i = 0; i < inputs; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                " ( src %d n=%d from=%d step=%d batch=%d )", i + 1,
                                n[i], i * i % 5, i + 1, batch);
        rows += n[i];
    }
    (void)snprintf(text + len, sizeof(text) - len, " | sink 9");
    conform_reset();
    p = conform_start(o, text);
    conform_finish(p, TUBE_OK);
    log = conform_log(9, "rows");
    for (int64_t row = strtoll(log, &end, 10); end != log;
         log = end, row = strtoll(log, &end, 10), rows--) {
        cr_assert_leq(last, row, "%s: %jd behind %jd", text, (intmax_t)row,
                      (intmax_t)last);
        last = row;
    }
    cr_assert_eq(rows, 0, "%s: %jd rows are missing", text, (intmax_t)rows);
    tube_pipeline_free(p);
}

static void
sorted(const tube_pipeline_opts *o)
{
    static const int shapes[10][4] = {
        { 0 },      { 5 },        { 0, 0 },       { 7, 0 },         { 0, 9 },
        { 20, 20 }, { 1, 50, 2 }, { 30, 30, 30 }, { 3, 0, 40, 11 }, { 64, 1, 1, 64 },
    };
    static const int inputs[10] = { 1, 1, 2, 2, 2, 2, 3, 3, 4, 4 };
    static const int batches[5] = { 1, 2, 3, 10, 1000 };

    for (int i = 0; i < 10; i++)
        for (int j = 0; j < 5; j++)
            sorted_shape(o, shapes[i], inputs[i], batches[j]);
}

/* covers: PIPE-26, pipe merge 1 */
Test(K21, merge_by_a_field_is_sorted_whatever_the_shapes, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sorted);
}

/* The first input is busy for long before it says its one word. */
static void
sorted_waits(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "merge by=n ( src 1 n=4000 | emit 3 copies=0 bye=1 ) "
                         "( src 2 n=3 from=2000 ) ( src 4 n=1 from=5 ) | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 5 1001 2000 2001 2002 finish");
    tube_pipeline_free(p);
}

/* covers: PIPE-26 */
Test(K21, a_sorted_merge_waits_for_each_input, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sorted_waits);
}

/* K21, concat */

static void
one_after_the_other(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "concat ( src 1 fed=yes ) ( src 2 n=3 from=10 ) ( src 3 n=0 ) "
                         "( src 4 n=2 from=20 | pass 5 ) | sink 9");

    conform_feed(1, 2);
    conform_quiet(p);
    cr_assert_str_eq(conform_log(9, "rows"), "0 1");
    conform_feed(1, 1);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 10 11 12 20 21 finish");
    tube_pipeline_free(p);
}

/* covers: PIPE-27 */
Test(K21, concat_takes_one_input_after_the_other, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(one_after_the_other);
}

/* K21, pace of a fork */

static void
slowest(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, "src 1 n=1000 | tee pace=slowest ( sink 10 gate=yes ) | sink 9");

    conform_gate(10, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_leq(conform.at[9].rows, 16 + 2, "ahead of the slowest");
    cr_assert_leq(conform.at[1].rows, 2 * (16 + 2));
    conform_gate(10, false);
    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 1000, 1);
    conform_complete(10, 0, 1000, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-28, TUB-44, test_pausingOneOutFountPausesUpstreamFount */
Test(K21, a_fork_at_the_pace_of_its_slowest_waits_for_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(slowest);
}

static void
fastest(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, "src 1 n=1000 | tee ( sink 10 gate=yes ) ( sink 11 ) | sink 9");

    conform_gate(10, true);
    conform_go(p);
    conform_until_rows(p, 9, 1000);
    conform_until_rows(p, 11, 1000);
    cr_assert_eq(conform.at[10].rows, 0);
    cr_assert_leq(conform_counts(p).memory, 64u << 20);
    conform_gate(10, false);
    conform_finish(p, TUBE_OK);
    conform_complete(10, 0, 1000, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-28 */
Test(K21, a_fork_at_the_pace_of_its_fastest_lets_the_others_queue,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(fastest);
}

static void
fastest_in_budget(const tube_pipeline_opts *o)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;

    opts.budget = 4u << 20;
    p = conform_new(&opts, "src 1 n=-1 batch=1000 | tee ( sink 10 gate=yes ) | sink 9");
    conform_gate(10, true);
    conform_go(p);
    conform_quiet(p); /* the budget stops it, not the memory of the machine */
    cr_assert_gt(conform.at[9].rows, 16 * 1000);
    cr_assert_eq(conform.at[10].rows, 0);
    conform_gate(10, false);
    conform_until_rows(p, 10, 400000);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, conform.at[10].rows);
    tube_pipeline_free(p);
}

/* covers: PIPE-28, TUB-36 */
Test(K21, a_fork_at_the_pace_of_its_fastest_is_bounded_by_the_budget,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(fastest_in_budget);
}

static void
one_leaves(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=500 | tee ( sink 10 stop=20 ) | sink 9");

    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 500, 1);
    conform_complete(10, 0, 21, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-28, TUB-46, test_oneFountStops */
Test(K21, one_consumer_that_leaves_does_not_end_the_other, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(one_leaves);
}
