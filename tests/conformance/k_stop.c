/* SPDX-License-Identifier: MIT */
/* k_stop.c -- K2, K3, K6, K7: backlog, farewell, stop; greetings; requests. */
#include "conform.h"

static void
backlog_farewell_stop(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        o, "src 1 n=3 | emit 2 bye=2 | pass 3 | emit 4 bye=1 | sink 9 gate=yes as=s");
    tube_reason r;
    tube_cause c;

    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_str_eq(conform_log(9, NULL), "open");
    conform_gate(9, false);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 1 2 1001 1002 1001 finish close");
    cr_assert_eq(tube_reason_of(p, conform_ref(p, "s"), &r), TUBE_OK);
    cr_assert_eq(r.kind, TUBE_STOP_END);
    cr_assert_eq(r.n_causes, 1);
    cr_assert_eq(tube_cause_of(p, conform_ref(p, "s"), 0, &c), TUBE_OK);
    cr_assert_str_eq(c.name, "src");
    cr_assert_eq(c.rows, 3);
    tube_pipeline_free(p);
}

/* covers: TUB-28, test_tubeStopped, test_stopFlowWhileStartingFlow, TUB-30,
 * pipe create_reader 2 */
Test(K2, backlog_then_farewell_then_stop, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(backlog_farewell_stop);
}

static void
same_reason(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 fed=yes | emit 2 bye=2 | pass 3 | sink 9 as=s");
    tube_cause c;

    conform_feed(1, 2);
    conform_until_rows(p, 9, 2);
    conform_break(1);
    conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 1 1001 1002 finish close");
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_ERROR);
    cr_assert_eq(tube_cause_of(p, conform_ref(p, "s"), 0, &c), TUBE_OK);
    cr_assert_eq(c.status, TUBE_EIO);
    cr_assert_str_eq(c.message, "broken 1");
    cr_assert_eq(c.rows, 2);
    tube_pipeline_free(p);
}

/* covers: TUB-28, TUB-26, test_tubeStopped, pipe create_reader 6 */
Test(K2, a_failure_comes_last_too_and_with_its_own_words, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(same_reason);
}

static void
slow_finish(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 n=4 | sink 9 hold=yes as=s");

    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_NONE);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 1 2 3");
    conform_let(9, 4);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 1 2 3 finish close");
    tube_pipeline_free(p);
}

/* covers: TUB-42, test_tubeStoppedDeferredly */
Test(K2, a_finish_that_takes_its_time_is_waited_for, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(slow_finish);
}

/* K3 */

static void
greets(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=2 | emit 2 greet=2 | emit 3 greet=1 | sink 9");

    conform_finish(p, TUBE_OK);
    /* the greetings of 2 pass through 3, whose own comes first */
    cr_assert_str_eq(conform_log(9, "sink"), "open -1 -1 -2 0 1 finish");
    cr_assert_eq(conform.at[2].greets, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-16, test_tubeStarted, test_startedFlowingToAnother */
Test(K3, a_greeting_comes_before_everything_else, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(greets);
}

static void
greets_once(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge hold=yes as=m ( src 1 n=2 ) | emit 3 greet=1 | sink 9 as=s");

    conform_until_rows(p, 9, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(
            tube_attach(p, conform_ref(p, "m"), "src 2 n=1 from=7", NULL, NULL),
            TUBE_OK);
        conform_until_rows(p, 9, 4 + i);
    }
    cr_assert_eq(
        tube_divert(p, conform_ref(p, "s"), "pass 4 | sink 10 as=t", NULL, NULL),
        TUBE_OK);
    cr_assert_eq(tube_attach(p, conform_ref(p, "m"), "src 2 n=1 from=8", NULL, NULL),
                 TUBE_OK);
    conform_until_rows(p, 10, 1);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open -1 0 1 7 7 7 finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 8 finish");
    cr_assert_eq(conform.at[3].greets, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-16, test_tubeReStarted, test_reentrantFlowTo */
Test(K3, a_greeting_runs_once_whatever_is_attached_before_or_behind,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(greets_once);
}

static void
greets_although_idle(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | emit 2 greet=2 | sink 9");

    conform_quiet(p);
    cr_assert_str_eq(conform_log(9, NULL), "open -1 -2");
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: TUB-16, test_tubeStarted */
Test(K3, a_greeting_does_not_wait_for_input, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(greets_although_idle);
}

/* K6 */

static void
stopped_before_start(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "src 1 | pass 2 | sink 9 as=s");

    cr_assert_eq(
        tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_SATISFIED, "not needed"),
        TUBE_OK);
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open finish close");
    cr_assert_eq(conform.at[1].closes, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-24, test_stopFlowBeforeFlowBegins, test_stopFlow (memory) */
Test(K6, a_stop_before_the_start_ends_the_source, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stopped_before_start);
}

static void
stopped_before_source(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "merge hold=yes as=m ( src 1 n=1 ) | pass 2 as=p | sink 9");
    tube_ref m = conform_ref(p, "m");
    tube_status st;

    conform_until_rows(p, 9, 1);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "p"), TUBE_STOP_CANCELLED, NULL),
                 TUBE_OK);
    st = tube_attach(p, m, "src 3 n=-1", NULL, NULL);
    cr_assert(st == TUBE_OK || st == TUBE_END, "%d", (int)st);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[3].opens, conform.at[3].closes);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 finish");
    cr_assert_eq(tube_attach(p, m, "src 3 n=-1", NULL, NULL), TUBE_END);
    tube_pipeline_free(p);
}

/* covers: TUB-24, TUB-34, TUB-54, test_stopFlowBeforeFlowBegins */
Test(K6, a_stop_reaches_a_source_that_is_attached_later, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stopped_before_source);
}

/* K7 */

static void
drops_backlog(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        o, "src 1 as=a | emit 2 bye=2 copies=3 single=yes | sink 9 gate=yes as=s");
    tube_counts c;

    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_gt(conform_counts(p).in_flight, 10);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_CANCELLED, "enough"),
                 TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open finish close");
    c = conform_counts(p);
    cr_assert_eq(c.filtered, c.read);
    cr_assert_eq(c.broken, 0);
    cr_assert_eq(conform.at[1].closes, 1);
    cr_assert_eq(conform.at[2].closes, 1);
    cr_assert_eq(conform.at[1].finished, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-24, TUB-25, test_stopFlow, test_stopFlowStopsFlowImmediately,
 * test_stopPausedFlow, test_flowUnpausedAfterPausedFlowIsStopped */
Test(K7, a_requested_stop_drops_the_backlog_and_ends_the_producers,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(drops_backlog);
}

static void
stops_the_middle(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 fed=yes as=a | pass 2 gate=yes as=p | emit 3 bye=1 | sink 9 as=s");
    tube_reason r;

    conform_feed(1, 2);
    conform_until_rows(p, 9, 2);
    conform_gate(2, true);
    conform_feed(1, 5);
    conform_quiet(p);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "p"), TUBE_STOP_SATISFIED, "enough"),
                 TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 1 1001 finish close");
    cr_assert_eq(conform_counts(p).filtered, 5);
    cr_assert_eq(tube_reason_of(p, conform_ref(p, "a"), &r), TUBE_OK);
    cr_assert_eq(r.kind, TUBE_STOP_SATISFIED);
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_SATISFIED);
    tube_pipeline_free(p);
}

/* covers: TUB-24, TUB-26, test_stopFlow, test_stopFlowStopsConnection */
Test(K7, what_is_behind_a_stopped_stage_is_finished, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stops_the_middle);
}

static tube_pipeline *hooked;

static void
stop_in_process(int id, int64_t call)
{
    if (id == 9 && call == 1)
        cr_assert_eq(tube_stop_stage(hooked, conform_ref(hooked, "s"),
                                     TUBE_STOP_SATISFIED, NULL),
                     TUBE_OK);
}

static void
stops_itself(const tube_pipeline_opts *o)
{
    hooked = conform_new(o, "src 1 n=1000 | emit 2 copies=50 single=yes | sink 9 as=s");
    conform.hook = stop_in_process;
    conform_go(hooked);
    conform_finish(hooked, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 0 finish close");
    cr_assert_eq(conform.at[2].finishes, 1);
    cr_assert_leq(conform.at[1].rows, 100);
    tube_pipeline_free(hooked);
}

/* covers: TUB-25, TUB-27, PIPE-21, test_stopFlowInterruptsStarted,
 * test_stopFlowStopsFlowImmediately, test_stopProducing,
 * pipe close_read and single-item processors 1-8 */
Test(K7, a_stop_from_inside_a_record_is_obeyed_behind_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stops_itself);
}

static void
stops_twice(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | sink 9 as=s");
    tube_ref s = conform_ref(p, "s");

    conform_quiet(p);
    cr_assert_eq(tube_stop_stage(p, s, TUBE_STOP_END, NULL), TUBE_EINVAL);
    cr_assert_eq(tube_stop_stage(p, s, TUBE_STOP_SATISFIED, NULL), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_stop_stage(p, s, TUBE_STOP_CANCELLED, NULL), TUBE_END);
    cr_assert_eq(conform.at[9].finishes, 1);
    cr_assert_eq(conform.at[1].finishes, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-32, TUB-67, test_stopFlowCalledAfterFlowStopped */
Test(K7, a_second_request_behind_the_end_says_so_and_changes_nothing,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stops_twice);
}
