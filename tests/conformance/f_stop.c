/* SPDX-License-Identifier: MIT */
/* f_stop.c -- a stop is passed on, kept, given once, behind the data, also when diverted. */
#include "f_reasons.h"

/* Stages that say nothing at the end, in every way there is to say nothing. */

static tube_status
swallow(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_OK;
}

static tube_status
nothing_more(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    return TUBE_OK;
}

static const tube_stage_def mutes[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "mute",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .process = swallow },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "mute_emitter",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .flags = TUBE_EMITS,
      .process = swallow },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "mute_farewell",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .flags = TUBE_EMITS,
      .process = swallow,
      .finish = nothing_more },
};

static void
passes_the_stop(const tube_pipeline_opts *o, const char *text, const char *sink)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_new_with(o, mutes, 3, text);
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), sink, "%s: %s", text,
                     conform_log(1, "sink"));
    only_cause(p, conform_ref(p, "sink"), TUBE_STOP_END, conform_ref(p, "src"));
    tube_pipeline_free(p);
}

static void
no_farewell(const tube_pipeline_opts *o)
{
    passes_the_stop(o, "src n=4 batch=2 | mute | sink 1", "open 0 1 2 3 finish");
    passes_the_stop(o, "src n=4 batch=2 | mute_emitter | sink 1", "open finish");
    passes_the_stop(o, "src n=4 batch=2 | mute_farewell | sink 1", "open finish");
    passes_the_stop(o, "src n=4 | mute | mute_emitter | mute_farewell | sink 1",
                    "open finish");
}

/* covers: SEED-1, TUB-29, test_tubeStopped */
Test(F1, a_stage_without_a_farewell_passes_the_stop_on, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(no_farewell);
}

static void
no_farewell_no_data(const tube_pipeline_opts *o)
{
    passes_the_stop(o, "src n=0 | mute | sink 1", "open finish");
    passes_the_stop(o, "src n=0 | mute_emitter | sink 1", "open finish");
    passes_the_stop(o, "src n=0 | mute_farewell | mute | sink 1", "open finish");
    passes_the_stop(o, "src n=9 | pass id=2 filter=1 | mute | sink 1", "open finish");
}

/* covers: SEED-1, SEED-2, TUB-29 */
Test(F1, also_when_it_never_had_anything_to_pass_on, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(no_farewell_no_data);
}

/* F2: the tee has come to its end, but its main flow is still going on. */

static void
late_branch(const tube_pipeline_opts *o)
{
    heard late = { 0 };
    tube_error err = { 0 };
    tube_ref ref;
    tube_watch *w;
    tube_pipeline *p =
        conform_new(o, "src n=3 as=s | tee as=t ( sink 1 ) | sink 2 gate=yes");

    conform_gate(2, true);
    conform_go(p);
    until_ended(p, conform_ref(p, "t"));
    cr_assert_eq(tube_attach(p, conform_ref(p, "t"), "sink 3", &ref, &err), TUBE_OK,
                 "%s", err.message);
    if (conform.caller) {
        w = tube_watch_done(p, ref, hear, &late, NULL);
        cr_assert_not_null(w);
        until_finished(p, 3);
        conform_quiet(p);
        cr_assert_eq(late.calls, 1);
        cr_assert_eq(late.reason.kind, TUBE_STOP_END);
        cr_assert_eq(late.reason.n_causes, 1);
        cr_assert_not(tube_watch_cancel(w));
    }
    until_finished(p, 3);
    conform_gate(2, false);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(3, "sink"), "open finish");
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 2 finish");
    tube_pipeline_free(p);
}

/* covers: SEED-4, TUB-31, TUB-39, test_stopFlowWhileStartingFlow */
Test(F2, who_attaches_behind_the_end_gets_the_stop_at_once, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(late_branch);
}

static void
late_watch(const tube_pipeline_opts *o)
{
    heard h[3] = { 0 };
    tube_watch *w[3];
    tube_pipeline *p = conform_start(o, "src n=3 bad=process at=1 batch=1 | sink 1");

    conform_finish(p, TUBE_EIO);
    w[0] = tube_watch_done(p, WHOLE, hear, &h[0], NULL);
    w[1] = tube_watch_done(p, conform_ref(p, "sink"), hear, &h[1], NULL);
    w[2] = tube_watch_done(p, WHOLE, hear, &h[2], NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert_not_null(w[i]);
        cr_assert_eq(h[i].calls, 1, "watcher %d was called %d times", i, h[i].calls);
        cr_assert_eq(h[i].reason.kind, TUBE_STOP_ERROR);
        cr_assert_not(tube_watch_cancel(w[i]));
    }
    for (int again = 0; again < 2; again++)
        only_cause(p, conform_ref(p, "sink"), TUBE_STOP_ERROR, conform_ref(p, "src"));
    tube_pipeline_free(p);
}

/* covers: TUB-31, TUB-39, SEED-4 */
Test(F2, the_reason_is_there_for_whoever_asks_later, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(late_watch);
}

static void
ended_at_once(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_pipeline *p = conform_new(o, "merge as=m hold=yes ( src n=0 ) | sink 1");
    tube_inlet *in;
    tube_cell row[2];

    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    in = tube_inlet_new(p, conform_ref(p, "m"), NULL, &err);
    cr_assert_not_null(in, "%s", err.message);
    tube_set_int(&row[0], 7);
    tube_set_text(&row[1], "d", 1);
    cr_assert_eq(tube_push(in, row, NULL), TUBE_OK);
    tube_inlet_stop(in, TUBE_STOP_SATISFIED, "that was all");
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_go(p); /* all of that was before anything ran */
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), "open 7 finish");
    cr_assert_eq(reason_of(p, conform_ref(p, "sink")).n_causes, 2);
    cr_assert_eq(reason_of(p, conform_ref(p, "sink")).kind, TUBE_STOP_SATISFIED);
    tube_pipeline_free(p);
}

/* covers: SEED-4, TUB-30 */
Test(F2, a_stop_from_before_the_start_is_not_forgotten, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(ended_at_once);
}

/* F3 */

static void
asked_often(const tube_pipeline_opts *o)
{
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p = conform_new(o, "src as=s | pass id=1 as=mid | sink 2 as=out");
    tube_status again;

    w = tube_watch_done(p, conform_ref(p, "out"), hear, &h, NULL);
    cr_assert_not_null(w);
    conform_go(p);
    conform_until_rows(p, 2, 5);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "mid"), TUBE_STOP_SATISFIED, "one"),
                 TUBE_OK);
    again = tube_stop_stage(p, conform_ref(p, "mid"), TUBE_STOP_CANCELLED, "two");
    cr_assert(again == TUBE_OK || again == TUBE_END);
    tube_drain(p);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "mid"), TUBE_STOP_CANCELLED, "late"),
                 TUBE_END);
    cr_assert_eq(times_in(conform_log(2, NULL), "finish"), 1);
    cr_assert(ends_in(conform_log(2, "sink"), " finish"), "%s", conform_log(2, "sink"));
    cr_assert_eq(times_in(conform_log(1, NULL), "finish"), 1);
    cr_assert_eq(cause_from(p, conform_ref(p, "out"), conform_ref(p, "mid")).kind,
                 TUBE_STOP_SATISFIED, "the second request is no second cause");
    cr_assert_eq(h.calls, 1);
    cr_assert_not(tube_watch_cancel(w));
    tube_pipeline_free(p);
}

/* covers: TUB-32, TUB-26, test_stopFlowCalledAfterFlowStopped */
Test(F3, however_often_it_is_asked_a_stop_comes_once, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(asked_often);
}

static void
push_behind_stop(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_pipeline *p = conform_start(o, "merge as=m hold=yes ( src n=0 ) | sink 1");
    tube_inlet *in = tube_inlet_new(p, conform_ref(p, "m"), NULL, &err);
    tube_reason r;
    tube_cell row[2];

    cr_assert_not_null(in, "%s", err.message);
    tube_set_text(&row[1], "a", 1);
    for (int i = 1; i <= 3; i++) {
        tube_set_int(&row[0], i);
        cr_assert_eq(tube_push(in, row, NULL), TUBE_OK);
    }
    tube_inlet_stop(in, TUBE_STOP_SATISFIED, "first");
    tube_inlet_stop(in, TUBE_STOP_CANCELLED, "second");
    cr_assert_eq(tube_push(in, row, NULL), TUBE_END);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_push(in, row, NULL), TUBE_END);
    cr_assert_str_eq(conform_log(1, "sink"), "open 1 2 3 finish");
    r = reason_of(p, conform_ref(p, "sink"));
    cr_assert_eq(r.n_causes, 2); /* the source, and the inlet once */
    cr_assert_eq(r.count[TUBE_STOP_SATISFIED], 1);
    cr_assert_eq(r.count[TUBE_STOP_CANCELLED], 0);
    tube_inlet_free(in);
    tube_pipeline_free(p);
}

/* covers: TUB-33, TUB-32 */
Test(F3, nothing_comes_behind_a_stop, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(push_behind_stop);
}

static void
ends_in_many_ways(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "merge until=error ( src n=20 batch=1 bad=process at=7 as=a )"
                         " ( src n=20 from=100 batch=1 bad=process at=7 as=b )"
                         " | pass id=4 | sink 5 stop=110 as=out");
    tube_error err;

    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 0");
    cr_assert_eq(times_in(conform_log(5, NULL), "finish"), 1);
    cr_assert(ends_in(conform_log(5, "sink"), "finish"), "%s", conform_log(5, "sink"));
    cr_assert_eq(conform.at[5].finished, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-32, TUB-33 */
Test(F3, several_ends_at_once_are_one_stop, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(ends_in_many_ways);
}

/* F4 */

static void
stopped_before(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, "src n=4 | emit 1 greet=2 bye=1 as=e | sink 2 as=out");

    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "e"), TUBE_STOP_CANCELLED, "no"),
                 TUBE_OK);
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[1].greets, 0, "it greeted behind its stop");
    cr_assert_eq(times_in(conform_log(2, NULL), "-1"), 0);
    cr_assert_eq(times_in(conform_log(2, NULL), "0"), 0);
    cr_assert(ends_in(conform_log(2, "sink"), "finish"));
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_CANCELLED);
    tube_pipeline_free(p);
}

/* covers: TUB-24, test_stopFlowBeforeFlowBegins */
Test(F4, who_was_stopped_before_it_began_does_not_greet, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stopped_before);
}

static void
stopped_while_paused(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pipeline *p =
        conform_new(o, "src n=4 batch=1 | emit 1 greet=2 as=e | sink 2 as=out");

    cr_assert_eq(tube_pause(p, conform_ref(p, "e"), WHOLE, "a test", &id), TUBE_OK);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].greets, 0);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "e"), TUBE_STOP_SATISFIED, NULL),
                 TUBE_OK);
    cr_assert_neq(tube_resume(p, id), TUBE_AGAIN); /* it may have gone with the stage */
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[1].greets, 0);
    cr_assert_str_eq(conform_log(2, "sink"), "open finish");
    tube_pipeline_free(p);
}

/* covers: TUB-24, test_stopFlowInterruptsStarted */
Test(F4, nor_who_was_stopped_while_it_could_not_run, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stopped_while_paused);
}

static void
aborted_before(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "src n=4 | emit 1 greet=2 | sink 2");

    tube_abort(p);
    conform_go(p);
    conform_finish(p, TUBE_ECANCELED);
    cr_assert_eq(conform.at[1].greets, 0);
    cr_assert_str_eq(conform_log(2, "rows"), "");
    tube_pipeline_free(p);
}

/* covers: TUB-24 */
Test(F4, nor_anybody_in_an_aborted_pipeline, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(aborted_before);
}

/* F6: a failure behind a backlog that cannot move yet. */

static void
failure_behind_backlog(const tube_pipeline_opts *o)
{
    tube_error err;
    tube_pipeline *p = conform_new(o, "src n=20 batch=1 | pass id=1 bad=process at=5"
                                      " as=bad | pass id=2 | sink 3 gate=yes as=out");

    conform_gate(3, true);
    conform_go(p);
    until_ended(p, conform_ref(p, "bad"));
    conform_quiet(p);
    cr_assert_str_eq(conform_log(3, "sink"), "open"); /* the failure waits as well */
    conform_gate(3, false);
    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 1");
    cr_assert_str_eq(conform_log(3, "sink"), "open 0 1 2 3 4 finish");
    only_cause(p, conform_ref(p, "out"), TUBE_STOP_ERROR, conform_ref(p, "bad"));
    tube_pipeline_free(p);
}

/* covers: TUB-38, test_startedRaises */
Test(F6, a_failure_stays_behind_the_backlog, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(failure_behind_backlog);
}

static void
failure_of_source(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pipeline *p = conform_new(
        o, "src n=9 batch=1 bad=process at=4 as=s | emit 1 bye=1 as=e | sink 2");

    cr_assert_eq(tube_pause(p, conform_ref(p, "e"), WHOLE, "a test", &id), TUBE_OK);
    conform_go(p);
    until_ended(p, conform_ref(p, "s"));
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 2 3 1001 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-38, TUB-28 */
Test(F6, backlog_then_farewell_then_the_failure, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(failure_of_source);
}

/* F15 */

static void
diverted_with_stop(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_ref fresh;
    tube_error err = { 0 };
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p =
        conform_new(o, "src n=3 batch=1 as=s | pass id=1 as=mid | sink 2 as=old");

    cr_assert_eq(tube_pause(p, conform_ref(p, "mid"), WHOLE, "a test", &id), TUBE_OK);
    conform_go(p);
    until_ended(p, conform_ref(p, "s"));
    conform_quiet(p);
    cr_assert_eq(
        tube_divert(p, conform_ref(p, "mid"), "sink 3 gate=yes as=new", &fresh, &err),
        TUBE_OK, "%s", err.message);
    w = tube_watch_done(p, fresh, hear, &h, NULL);
    cr_assert_not_null(w);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(3, "sink"), "open 0 1 2 finish");
    cr_assert_str_eq(conform_log(2, "sink"), "open finish");
    cr_assert_eq(h.calls, 1);
    cr_assert_eq(h.reason.kind, TUBE_STOP_END);
    cr_assert_eq(conform_stop(p, "old"), TUBE_STOP_CANCELLED);
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);
}

/* covers: TUB-66, test_divertWhilePaused */
Test(F15, a_stop_on_its_way_goes_to_the_new_stages, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(diverted_with_stop);
}

static void
diverted_with_failure(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_error err = { 0 };
    tube_ref fresh;
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p = conform_new(o, "src id=0 fed=yes batch=1 as=s"
                                      " | hoard 1 held=2 as=k | sink 2");

    conform_go(p);
    conform_feed(0, 3);
    conform_until_rows(p, 2, 1);
    cr_assert_eq(tube_pause(p, conform_ref(p, "k"), WHOLE, "a test", &id), TUBE_OK);
    conform_feed(0, 2);
    conform_until_rows(p, 0, 5);
    conform_break(0);
    until_ended(p, conform_ref(p, "s"));
    cr_assert_eq(tube_divert(p, conform_ref(p, "k"), "sink 3", &fresh, &err), TUBE_OK,
                 "%s", err.message);
    w = tube_watch_done(p, fresh, hear, &h, NULL);
    cr_assert_not_null(w);
    conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(conform_log(3, "sink"), "open 1 2 3 4 finish");
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 finish");
    cr_assert_eq(h.reason.kind, TUBE_STOP_ERROR);
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);
}

/* covers: TUB-66, test_tubeDivertingReassembly */
Test(F15, behind_what_was_given_back_and_what_waited, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(diverted_with_failure);
}

static void
diverted_in_farewell(const tube_pipeline_opts *o)
{
    tube_ref fresh;
    tube_error err = { 0 };
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p = conform_new(o, "src n=8 batch=1 as=s | hoard 1 held=9 as=k"
                                      " | sink 2 gate=yes queue=2");

    conform_gate(2, true);
    conform_go(p);
    until_ended(p, conform_ref(p, "s"));
    conform_quiet(p); /* the stop has been taken, and finish() waits for room */
    cr_assert_eq(conform_stop(p, "k"), TUBE_STOP_NONE);
    cr_assert_eq(tube_divert(p, conform_ref(p, "k"), "sink 3", &fresh, &err), TUBE_OK,
                 "%s", err.message);
    w = tube_watch_done(p, fresh, hear, &h, NULL);
    cr_assert_not_null(w);
    conform_gate(2, false);
    conform_finish(p, TUBE_OK);
    cr_assert_gt(conform.at[3].rows, 0);
    cr_assert_eq(conform.at[2].rows + conform.at[3].rows, 8);
    cr_assert(ends_in(conform_log(3, "sink"), " 7 finish"), "%s",
              conform_log(3, "sink"));
    cr_assert_eq(h.calls, 1);
    cr_assert_eq(h.reason.kind, TUBE_STOP_END);
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);
}

/* covers: TUB-66 */
Test(F15, also_one_that_was_taken_and_not_passed_on, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(diverted_in_farewell);
}
