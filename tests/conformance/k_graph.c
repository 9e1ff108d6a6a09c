/* SPDX-License-Identifier: MIT */
/* k_graph.c -- K10, K11, K13, K14: series, fan-out, thru, routes. */
#include "conform.h"

#include <string.h>

/* K10 */

static void
same_series(const tube_pipeline_opts *o)
{
    static const char *const texts[] = {
        "src 1 n=3 | pass 2 add=1 | pass 3 add=10 | emit 4 copies=2 | pass 5 | sink 9",
        ("let a = pass 2 add=1 | pass 3 add=10\n"
         "let b = a | emit 4 copies=2\n"
         "let c = pass 5 | sink 9\n"
         "src 1 n=3 | b | c"),
        ("let s = src 1 n=3 | pass 2 add=1\nlet t = s | pass 3 add=10\n"
         "let u = sink 9\nlet v = u\nt | emit 4 copies=2 | pass 5 | v"),
    };

    for (size_t i = 0; i < 3; i++) {
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, texts[i]);
        cr_assert_eq(tube_stage_count(p), 6, "%s: %u stages", texts[i],
                     tube_stage_count(p));
        conform_finish(p, TUBE_OK);
        cr_assert_str_eq(conform_log(9, "sink"), "open 11 11 12 12 13 13 finish");
        tube_pipeline_free(p);
    }
}

/* covers: TUB-15, test_flowTo, test_flowToDeliversValues,
 * test_seriesStartsWithSeries, test_siphonFlowingFromReturnsNextFount,
 * test_seriesEndsInTerminalDrain */
Test(K10, a_series_of_series_is_a_series, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(same_series);
}

static void
terminal_branches(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "let end = pass 3 | sink 10\nsrc 1 n=3 | tee ( pass 2 | end ) | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 0 1 2 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-15, TUB-10, test_seriesEndsInTerminalDrain, test_flowingFromFirst */
Test(K10, a_series_that_ends_in_a_sink_is_a_branch, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(terminal_branches);
}

/* covers: TUB-15 */
Test(K10, nothing_comes_behind_a_sink, .timeout = CONFORM_SECONDS)
{
    tube_error err = conform_refused("src 1 n=1 | sink 9 | sink 10");

    cr_assert_eq(err.status, TUBE_ECONFIG);
    err = conform_refused("let end = pass 2 | sink 9\nsrc 1 | end | pass 3 | sink 10");
    cr_assert_eq(err.status, TUBE_ECONFIG);
    err = conform_refused("src 1 | src 2 | sink 9");
    cr_assert_eq(err.status, TUBE_ECONFIG);
}

/* K11 */

/* Pushes into the branches of `tee`, which are never behind a later one. */
static void
in_branch_order(const tube_pipeline *p, uint32_t tee)
{
    uint64_t pushed[8] = { 0 };

    for (uint32_t i = 0; i < tube_edge_count(p); i++) {
        tube_edge_info at;
        tube_edge_stats e;

        if (tube_edge_at(p, i, &at) && at.from == tee && tube_stats_edge(p, i, &e))
            pushed[at.output] = e.batches;
    }
    for (int i = 1; i < 4; i++)
        cr_assert_geq(pushed[i - 1], pushed[i], "branch %d is ahead of branch %d", i,
                      i - 1);
}

static uint32_t
index_of(const tube_pipeline *p, const char *name)
{
    tube_ref ref = conform_ref(p, name);

    for (uint32_t i = 0; i < tube_stage_count(p); i++)
        if (tube_ref_at(p, i).id == ref.id)
            return i;
    return UINT32_MAX;
}

static void
every_branch(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o,
        "src 1 n=500 batch=3 | tee pace=slowest as=t ( sink 10 ) ( pass 2 | sink 11 ) "
        "( sink 12 ) | pass 3 | sink 9");
    uint32_t tee = index_of(p, "t");

    while (conform.caller && conform_step(p) != TUBE_END)
        in_branch_order(p, tee);
    conform_finish(p, TUBE_OK);
    for (int id = 9; id <= 12; id++) {
        conform_complete(id, 0, 500, 1);
        cr_assert_str_eq(conform_log(id, "rows"), conform_log(1, "rows"));
    }
    cr_assert_eq(conform_counts(p).read, 4 * 500);
    cr_assert_eq(conform_counts(p).committed, 4 * 500);
    tube_pipeline_free(p);
}

/* covers: TUB-43, TUB-45, TUB-57, test_fanOut, test_outFountFlowTo,
 * test_flowStopped (fan out) */
Test(K11, every_branch_gets_every_record_in_branch_order, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(every_branch);
}

static void
one_branch_waits(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 fed=yes | tee ( sink 10 ) ( pass 2 as=p | sink 11 ) | sink 9");
    tube_pause_id id;

    conform_feed(1, 2);
    conform_quiet(p);
    cr_assert_eq(tube_pause(p, conform_ref(p, "p"), (tube_ref){ 0 }, "test", &id),
                 TUBE_OK);
    conform_feed(1, 3);
    conform_until_rows(p, 10, 5);
    conform_until_rows(p, 9, 5);
    conform_quiet(p);
    cr_assert_eq(conform.at[11].rows, 2);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    for (int sink = 9; sink <= 11; sink++)
        cr_assert_str_eq(conform_log(sink, "sink"), "open 0 1 2 3 4 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-44, TUB-45, test_oneFountPausesInReceive,
 * test_oneFountPausesOthersInReceive, test_pausingOneOutFountPausesUpstreamFount */
Test(K11, a_paused_branch_gets_all_of_it_later_and_in_order, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(one_branch_waits);
}

static void
late_branch(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 fed=yes | tee as=t ( sink 10 as=b ) | sink 9");

    conform_feed(1, 2);
    conform_quiet(p);
    cr_assert_eq(tube_attach(p, conform_ref(p, "t"), "pass 2 | sink 11", NULL, NULL),
                 TUBE_OK);
    conform_quiet(p);
    conform_feed(1, 2);
    conform_quiet(p);
    cr_assert_eq(tube_detach(p, conform_ref(p, "b"), NULL), TUBE_OK);
    conform_quiet(p);
    conform_feed(1, 1);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(10, "sink"), "open 0 1 2 3 finish");
    cr_assert_str_eq(conform_log(11, "sink"), "open 2 3 4 finish");
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 3 4 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-43, test_fanReceivesBeforeFountsHaveDrains, test_oneFountStops,
 * test_oneFountStopsInReceive, test_dataReceivedBeforeFlowingThenFlowTo */
Test(K11, a_branch_gets_what_comes_while_it_is_there, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(late_branch);
}

/* K13 */

static void
thru_in_order(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 n=4 | thru ( pass 2 add=100 ) ( emit 3 copies=2 single=yes "
           "| pass 4 add=200 ) ( pass 5 add=300 ) | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"),
                     "open 100 200 200 300 101 201 201 301 102 202 202 302 "
                     "103 203 203 303 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-56, test_thru */
Test(K13, outputs_come_in_branch_order_for_each_item, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(thru_in_order);
}

static void
thru_long(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=3000 batch=10 | thru ( pass 2 ) ( pass 3 filter=2 ) "
                         "( emit 4 copies=3 | pass 5 filter=5 ) | sink 9");
    int64_t at = 0;
    char *end;
    const char *rows;

    conform_finish(p, TUBE_OK);
    rows = conform_log(9, "rows");
    for (int64_t first = 0; first < 3000; first += 10)
        for (int branch = 0; branch < 3; branch++)
            for (int64_t n = first; n < first + 10; n++) {
                bool out = (branch == 1 && n % 2 == 0) || (branch == 2 && n % 5 == 0);

                for (int copy = 0; !out && copy < (branch == 2 ? 3 : 1); copy++) {
                    cr_assert_eq(strtoll(rows, &end, 10), n, "row %jd is not %jd",
                                 (intmax_t)at, (intmax_t)n);
                    rows = end;
                    at++;
                }
            }
    cr_assert_eq(conform.at[9].rows, at);
    tube_pipeline_free(p);
}

/* covers: TUB-56, test_thru */
Test(K13, branches_that_say_nothing_or_much_keep_the_order, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(thru_long);
}

static void
thru_by_record(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=6 batch=3 | thru by=record ( pass 2 add=100 ) "
                         "( pass 4 filter=2 | pass 3 add=200 ) | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"),
                     "open 100 101 201 102 103 203 104 105 205 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-56, test_thru */
Test(K13, by_record_an_item_is_one_record, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(thru_by_record);
}

static void
thru_in_thru(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 n=3 | thru ( thru ( pass 2 add=100 ) ( pass 3 add=200 ) "
           "| pass 6 add=1000 ) ( pass 4 add=300 ) | pass 5 | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 1100 1200 300 1101 1201 301 "
                                             "1102 1202 302 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-56 */
Test(K13, thru_in_thru_keeps_the_order_of_both, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(thru_in_thru);
}

/* K14 */

static void
by_name(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 n=8 | route to=tag ( as a | sink 10 ) ( as c | pass 2 | sink 11 ) "
           "( otherwise | sink 12 ) | sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(10, "sink"), "open 0 4 finish");
    cr_assert_str_eq(conform_log(11, "sink"), "open 2 6 finish");
    cr_assert_str_eq(conform_log(12, "sink"), "open 1 3 5 7 finish");
    cr_assert_str_eq(conform_log(9, "sink"), "open finish");
    cr_assert_eq(conform_counts(p).committed, 8);
    tube_pipeline_free(p);
}

/* covers: TUB-58, TUB-60, test_twoRoutes, RoutedTests test_eq, RoutedTests test_ne,
 * test_joining */
Test(K14, a_record_goes_to_the_output_that_it_names, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(by_name);
}

static void
by_no_name(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 n=400 batch=7 | route to=tag ( as b | sink 10 ) ( as zz | sink 11 ) "
           "| sink 9");

    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[10].rows, 100);
    cr_assert_str_eq(conform_log(11, "sink"), "open finish");
    cr_assert_eq(conform.at[9].rows, 300);
    cr_assert_eq(conform_counts(p).committed, 400);
    cr_assert_eq(conform_counts(p).dropped + conform_counts(p).filtered, 0);
    tube_pipeline_free(p);
}

/* covers: TUB-58, TUB-59 */
Test(K14, a_record_that_names_no_output_stays_in_the_main_flow,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(by_no_name);
}

/* covers: TUB-49, TUB-60, test_defaultTypeChecking, test_specifiedTypeChecking */
Test(K14, what_an_output_carries_is_checked_before_anything_runs,
     .timeout = CONFORM_SECONDS)
{
    static const char *const wrong[] = {
        ("record other { x text }\nsrc 1 n=1 | route to=tag ( as a | expect other "
         "| sink 10 ) | sink 9"),
        "src 1 n=1 | route to=nosuch ( as a | sink 10 ) | sink 9",
        "src 1 n=1 | route ( when nosuch = 1 | sink 10 ) | sink 9",
        "src 1 n=1 | route to=tag ( when n = 1 | sink 10 ) | sink 9",
        "src 1 n=1 | route to=tag ( sink 10 ) | sink 9",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        tube_error err = conform_refused(wrong[i]);

        cr_assert_eq(err.status, TUBE_ECONFIG, "%s: %d", wrong[i], (int)err.status);
        cr_assert_eq(conform.at[1].calls, 0);
    }
}

static void
shut_route(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        o, "src 1 n=40 | route to=tag ( as a | sink 10 gate=yes ) ( as b | sink 11 ) "
           "| sink 9");

    conform_gate(10, true);
    conform_go(p);
    conform_until_rows(p, 11, 10);
    conform_until_rows(p, 9, 20);
    cr_assert_eq(conform.at[10].rows, 0);
    conform_gate(10, false);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[10].rows, 10);
    tube_pipeline_free(p);
}

/* covers: TUB-59 */
Test(K14, a_shut_output_keeps_its_records_and_holds_back_no_other,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(shut_route);
}
