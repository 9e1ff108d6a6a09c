/* SPDX-License-Identifier: MIT */
/* k_demand.c -- K1, K8, K16: when a stage runs, and that it may have nothing to say. */
#include "conform.h"

#include <stdio.h>

/* Rows are one a batch here, so an edge holds `depth` of them and one that overshot. */
enum { DEPTH = 4 };

static const tube_pipeline_opts *
shallow(const tube_pipeline_opts *o)
{
    static tube_pipeline_opts opts;

    opts = *o;
    opts.depth = DEPTH;
    opts.batch_rows = 1;
    return &opts;
}

static void
edges_hold(const tube_pipeline *p)
{
    for (uint32_t i = 0; i < tube_edge_count(p); i++) {
        tube_edge_stats e;

        if (!tube_stats_edge(p, i, &e))
            continue;
        cr_assert_leq(e.rows - e.rows_taken, DEPTH + 1, "edge %u holds %ju", i,
                      (uintmax_t)(e.rows - e.rows_taken));
        cr_assert_leq(e.queue, DEPTH, "edge %u: queue of %u", i, e.queue);
    }
}

static void
run_shut(const tube_pipeline_opts *o, const char *text, uint32_t edges)
{
    tube_pipeline *p = conform_new(shallow(o), text);

    conform_gate(9, true);
    conform_go(p);
    if (conform.caller)
        while (conform_step(p) == TUBE_OK)
            edges_hold(p);
    conform_quiet(p);
    edges_hold(p);
    cr_assert_eq(conform.at[9].rows, 0);
    /* each edge full, one in the hands of each stage */
    cr_assert_leq(conform_counts(p).in_flight, edges * (DEPTH + 2));
    cr_assert_gt(conform_counts(p).in_flight, edges);
    conform_gate(9, false);
    conform_until_rows(p, 9, 5000);
    tube_abort(p);
    conform_finish(p, TUBE_ECANCELED);
    tube_pipeline_free(p);
}

static void
in_place(const tube_pipeline_opts *o)
{
    run_shut(o, "src 1 | pass 2 | pass 3 | sink 9 gate=yes", 3);
}

/* covers: TUB-17, TUB-36, PIPE-2, PIPE-3, PIPE-28 */
Test(K1, a_shut_sink_stops_what_is_before_it_within_one_batch_of_room,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(in_place);
}

static void
one_to_many(const tube_pipeline_opts *o)
{
    run_shut(o, "src 1 | emit 2 copies=100 single=yes | pass 3 | sink 9 gate=yes", 3);
}

/* covers: TUB-17, TUB-19, test_siphonReceiveCallsTubeReceived,
 * test_receiveCallsTubeReceived, test_receiveIterableDeliversDownstream */
Test(K1, the_outputs_of_one_record_are_made_as_there_is_room,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(one_to_many);
}

static void
long_farewell(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(shallow(o), "src 1 n=1 | emit 2 bye=50 as=e | sink 9 gate=yes");

    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    edges_hold(p);
    cr_assert_leq(conform_stats(p, "e").batches_out, DEPTH + 2, "%ju rows are out",
                  (uintmax_t)conform_stats(p, "e").batches_out);
    cr_assert_eq(conform.at[2].finished, 0);
    conform_gate(9, false);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, 51);
    tube_pipeline_free(p);
}

/* covers: TUB-17, TUB-28 */
Test(K1, a_farewell_is_made_as_there_is_room, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(long_farewell);
}

/* What one record becomes is in the middle of being sent when its stage is paused. */
static void
paused_inside(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        shallow(o), "src 1 n=1 | emit 2 copies=40 single=yes as=e | sink 9 gate=yes");
    tube_pause_id id;
    int64_t rows;

    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(tube_pause(p, conform_ref(p, "e"), (tube_ref){ 0 }, "test", &id),
                 TUBE_OK);
    conform_gate(9, false);
    conform_quiet(p);
    rows = conform.at[9].rows;
    cr_assert_leq(rows, DEPTH + 2);
    cr_assert_gt(rows, 0);
    cr_assert_eq(conform.at[9].finished, 0);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, 40);
    tube_pipeline_free(p);
}

/* covers: TUB-20, TUB-21, test_tubePausesItself */
Test(K1, a_stage_paused_in_the_middle_of_its_outputs_goes_on_where_it_was,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(paused_inside);
}

/* K8 */

static void
some_say_nothing(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=6 | pass 2 filter=2 | pass 3 filter=3 | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 1 5 finish");
    cr_assert_eq(conform_counts(p).filtered, 4);
    cr_assert_eq(conform_counts(p).committed, 2);
    tube_pipeline_free(p);
}

/* covers: TUB-18, PIPE-19 */
Test(K8, a_stage_goes_on_behind_records_for_which_it_had_nothing,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(some_say_nothing);
}

static void
all_say_nothing(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=500 | emit 2 copies=0 bye=1 | pass 3 | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[2].rows, 500);
    cr_assert_str_eq(conform_log(9, "sink"), "open 1001 finish");
    cr_assert_eq(conform_counts(p).read, 501);
    cr_assert_eq(conform_counts(p).filtered, 500);
    tube_pipeline_free(p);
}

/* covers: TUB-18, test_noOps */
Test(K8, a_stage_that_never_says_anything_but_goodbye_is_heard,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(all_say_nothing);
}

/* K16 */

static void
never_idle(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 n=3000 batch=3 | pass 2 filter=1 | pass 3 | emit 4 | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[3].calls, 0, "called %jd times with nothing",
                 (intmax_t)conform.at[3].calls);
    cr_assert_eq(conform.at[9].calls, 0);
    cr_assert_eq(conform_counts(p).filtered, 3000);
    tube_pipeline_free(p);
}

/* covers: PIPE-11, pipe read_all 1 */
Test(K16, nobody_is_called_with_nothing, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(never_idle);
}

static void
progress(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=2000 batch=4 | pass 2 filter=7 | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[2].calls, 500);
    cr_assert_eq(conform.at[9].calls, 500);
    cr_assert_eq(conform.at[2].idle + conform.at[9].idle, 0);
    tube_pipeline_free(p);
}

/* covers: PIPE-11, PIPE-20, pipe read_all 2, pipe read' 1, pipe read' 2 */
Test(K16, each_call_takes_a_batch_and_none_is_split_or_waited_for,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(progress);
}

static void
few_or_none(const tube_pipeline_opts *o)
{
    static const char all[] = " 0 1 2 3 4 5 6 7 8 9";
    char text[64], want[sizeof(all)];

    for (int n = 0; n < 10; n++) {
        tube_pipeline *p;

        conform_reset();
        (void)snprintf(text, sizeof(text), "src 1 n=%d batch=4 | pass 2 | sink 9", n);
        (void)snprintf(want, sizeof(want), "%.*s", 2 * n, all);
        p = conform_start(o, text);
        conform_finish(p, TUBE_OK);
        cr_assert_str_eq(conform_log(9, "rows"), want + (n > 0));
        cr_assert_eq(conform.at[9].calls, (n + 3) / 4);
        tube_pipeline_free(p);
    }
}

/* covers: PIPE-11, PIPE-30, pipe of_list 1, pipe of_sequence 1, pipe create_reader 4 */
Test(K16, what_goes_in_comes_out_for_none_to_nine, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(few_or_none);
}

static void
what_there_is(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes batch=100 | pass 2 | sink 9");

    for (int i = 1; i <= 3; i++) {
        conform_feed(1, i);
        conform_quiet(p);
        cr_assert_eq(conform.at[9].calls, i);
    }
    cr_assert_str_eq(conform_log(9, "batches"), "0 / 1 2 / 3 4 5 /");
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: PIPE-11, PIPE-12 */
Test(K16, what_there_is_goes_on_and_does_not_wait_for_a_full_batch,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(what_there_is);
}
