/* SPDX-License-Identifier: MIT */
/* f_fail.c -- failures in the middle, and that whoever waits is told of them. */
#include "f_reasons.h"

/* F5 */

static void
stops_on_failure(const tube_pipeline_opts *o, const char *text, const char *who,
                 const char *first, const char *message)
{
    tube_error err;
    tube_pipeline *p;
    const char *log;

    conform_reset();
    p = conform_start(o, text);
    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.message, message, "%s: %s", text, err.message);
    log = conform_log(2, "sink");
    cr_assert(strncmp(log, first, strlen(first)) == 0, "%s: %s", text, log);
    cr_assert(ends_in(log, " finish"), "%s: %s", text, log);
    cr_assert_eq(times_in(log, "finish"), 1);
    only_cause(p, conform_ref(p, "sink"), TUBE_STOP_ERROR, conform_ref(p, who));
    cr_assert_neq(conform_stop(p, "src"), TUBE_STOP_NONE, "its source goes on");
    cr_assert_lt(conform.at[0].rows, 1000, "its source was not told");
    tube_pipeline_free(p);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(conform.at[i].closes, 1, "%s: %d closed %d times", text, i,
                     (int)conform.at[i].closes);
}

static void
entry_and_middle(const tube_pipeline_opts *o)
{
    stops_on_failure(o, "src batch=2 | emit 1 copies=2 bad=process at=1 | sink 2",
                     "emit", "open 0 0 1 1", "bad process of 1");
    stops_on_failure(o, "src batch=2 | emit 1 copies=2 bad=middle at=1 | sink 2",
                     "emit", "open 0 0 1 1", "bad middle of 1");
    stops_on_failure(o, "src batch=2 | emit 1 greet=1 bad=greet | sink 2", "emit",
                     "open", "bad greet of 1");
}

/* covers: TUB-40, TUB-27, test_nextOnIteratorRaises, test_receivedRaises,
 * test_startedRaises, test_iterOnResultRaises */
Test(F5, a_failure_in_the_middle_of_an_output_is_as_one_at_its_beginning,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(entry_and_middle);
}

static void
farewell_fails(const tube_pipeline_opts *o)
{
    tube_error err;
    tube_pipeline *p =
        conform_start(o, "src n=4 batch=2 | emit 1 bye=2 bad=finish | sink 2 as=out");

    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.message, "bad finish of 1");
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 2 3 1001 1002 finish");
    cause_from(p, conform_ref(p, "out"), conform_ref(p, "emit"));
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_ERROR);
    tube_pipeline_free(p);
}

/* covers: TUB-40, test_stoppedRaises */
Test(F5, and_so_is_one_in_the_farewell, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(farewell_fails);
}

static void
consumer_fails(const tube_pipeline_opts *o)
{
    tube_error err;
    tube_pipeline *p =
        conform_start(o, "src | emit 1 copies=2 single=yes | sink 2 bad=process at=3");

    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 2");
    cr_assert_str_eq(conform_log(2, "rows"), "0 0 1");
    cr_assert_eq(conform.at[1].finishes, conform.at[1].finished);
    cr_assert_neq(conform_stop(p, "emit"), TUBE_STOP_NONE, "it is wedged");
    cr_assert_neq(conform_stop(p, "src"), TUBE_STOP_NONE, "it was not told");
    tube_pipeline_free(p);
    cr_assert_eq(conform.at[1].closes, 1);
    cr_assert_eq(conform.at[0].closes, 1);
}

/* covers: TUB-41, TUB-57 */
Test(F5, a_consumer_that_fails_does_not_wedge_who_feeds_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(consumer_fails);
}

static void
siblings_go_on(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src n=20 batch=2 | tee until=all ( emit 1 bad=middle at=2 | sink 2 as=a )"
           " ( sink 3 bad=process at=1 as=b ) | sink 4 as=c");

    conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(conform_log(4, "sink"), numbers(0, 20, "open", "finish"));
    cr_assert_eq(conform_stop(p, "c"), TUBE_STOP_END);
    cr_assert_eq(conform_stop(p, "a"), TUBE_STOP_ERROR);
    cr_assert(strncmp(conform_log(2, "sink"), "open 0 1 2 3", 12) == 0, "%s",
              conform_log(2, "sink"));
    cr_assert_str_eq(conform_log(3, "rows"), "0 1");
    tube_pipeline_free(p);
}

/* covers: TUB-57, TUB-41 */
Test(F5, nor_the_branches_beside_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(siblings_go_on);
}

static void
goes_on_behind(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src n=6 batch=2 | pass id=1 bad=process at=1 fail=skip | sink 2");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 4 5 finish");
    cr_assert_eq(conform_counts(p).rejected, 2);
    cr_assert_eq(conform_counts(p).committed, 4);
    tube_pipeline_free(p);
    conform_reset();
    p = conform_start(o, "src n=6 batch=2 | emit 1 bad=middle at=1 fail=skip | sink 2");
    conform_finish(p, TUBE_OK);
    cr_assert(ends_in(conform_log(2, "sink"), " 4 5 finish"), "%s",
              conform_log(2, "sink"));
    cr_assert_eq(conform_counts(p).broken, 0);
    cr_assert_eq(conform_stats(p, "emit").errors, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-40 */
Test(F5, a_stage_that_may_go_on_does, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(goes_on_behind);
}

/* F17 */

static void
tells_failure(const tube_pipeline_opts *o)
{
    heard all = { 0 }, sink = { 0 }, source = { 0 };
    tube_watch *w[3];
    tube_error err = { 0 };
    tube_pipeline *p = conform_new(o, "src n=9 bad=process at=3 | pass id=1 | sink 2");

    w[0] = tube_watch_done(p, WHOLE, hear, &all, &err);
    w[1] = tube_watch_done(p, conform_ref(p, "sink"), hear, &sink, &err);
    w[2] = tube_watch_done(p, conform_ref(p, "src"), hear, &source, &err);
    conform_go(p);
    cr_assert(!conform.caller || all.calls == 0);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "sink"), SECOND, &err), TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 0");
    cr_assert_eq(tube_wait_stage(p, WHOLE, SECOND, &err), TUBE_EIO);
    cr_assert_eq(all.calls, 1);
    cr_assert_eq(sink.calls, 1);
    cr_assert_eq(source.calls, 1);
    cr_assert_eq(all.reason.kind, TUBE_STOP_ERROR);
    cr_assert_eq(sink.reason.kind, TUBE_STOP_ERROR);
    cr_assert_eq(source.reason.kind, TUBE_STOP_ERROR);
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 2 finish"); /* values came */
    for (int i = 0; i < 3; i++)
        cr_assert_not(tube_watch_cancel(w[i]));
    tube_pipeline_free(p);
}

/* covers: SEED-5, test_fountToDeferred */
Test(F17, failure_is_told_as_failure_though_values_came, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(tells_failure);
}

static void
tells_what_it_was(const tube_pipeline_opts *o)
{
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p = conform_new(o, "src n=3 | sink 1");

    w = tube_watch_done(p, WHOLE, hear, &h, NULL);
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(h.calls, 1);
    cr_assert_eq(h.reason.kind, TUBE_STOP_END);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "sink"), SECOND, NULL), TUBE_OK);
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);

    conform_reset();
    h.calls = 0;
    p = conform_new(o, "src | sink 1");
    w = tube_watch_done(p, WHOLE, hear, &h, NULL);
    conform_go(p);
    conform_until_rows(p, 1, 3);
    tube_abort(p);
    conform_finish(p, TUBE_ECANCELED);
    cr_assert_eq(h.calls, 1);
    cr_assert_eq(h.reason.kind, TUBE_STOP_ABORT);
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);
}

/* covers: SEED-5 */
Test(F17, success_as_success_and_an_abort_as_an_abort, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(tells_what_it_was);
}

static void
can_be_cancelled(const tube_pipeline_opts *o)
{
    heard gone = { 0 }, kept = { 0 }, late = { 0 };
    tube_watch *w[4];
    tube_pipeline *p = conform_new(o, "src n=50 | pass id=1 | sink 2 gate=yes");

    conform_gate(2, true);
    w[0] = tube_watch_done(p, WHOLE, hear, &gone, NULL);
    w[1] = tube_watch_done(p, conform_ref(p, "sink"), hear, &kept, NULL);
    w[2] = tube_watch_done(p, conform_ref(p, "sink"), hear, &gone, NULL);
    cr_assert(tube_watch_cancel(w[0]), "it was not called and never will be");
    conform_go(p);
    conform_quiet(p);
    cr_assert(tube_watch_cancel(w[2]));
    conform_gate(2, false);
    conform_finish(p, TUBE_OK); /* the pipeline does not mind */
    cr_assert_eq(gone.calls, 0);
    cr_assert_eq(kept.calls, 1);
    cr_assert_not(tube_watch_cancel(w[1]));
    w[3] = tube_watch_done(p, WHOLE, hear, &late, NULL);
    cr_assert_eq(late.calls, 1);
    cr_assert_not(tube_watch_cancel(w[3]));
    cr_assert_str_eq(conform_log(2, "sink"), numbers(0, 50, "open", "finish"));
    tube_pipeline_free(p);
}

/* covers: SEED-5 */
Test(F17, whoever_waits_can_cancel_without_a_mark_on_the_pipeline,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(can_be_cancelled);
}

/* F21: whatever ends it, every watcher and every flush is told, once. */

enum { WATCHES = 6 };

typedef struct waiters {
    heard h[WATCHES];
    tube_watch *w[WATCHES];
    uint32_t n;
    tube_flush *f[2];
} waiters;

static void
wait_for_all(tube_pipeline *p, waiters *x)
{
    uint32_t stages = tube_stage_count(p);

    memset((void *)x, 0, sizeof(*x));
    x->w[x->n] = tube_watch_done(p, WHOLE, hear, &x->h[x->n], NULL);
    cr_assert_not_null(x->w[x->n++]);
    for (uint32_t i = 0; i < stages && x->n < WATCHES; i++) {
        x->w[x->n] = tube_watch_done(p, tube_ref_at(p, i), hear, &x->h[x->n], NULL);
        cr_assert_not_null(x->w[x->n++]);
    }
    conform_go(p);
    x->f[0] = tube_flush_begin(p, TUBE_HANDED_OVER, NULL);
    x->f[1] = tube_flush_begin(p, TUBE_SETTLED, NULL);
}

static void
all_are_told(tube_pipeline *p, waiters *x, const char *text)
{
    for (uint32_t i = 0; i < x->n; i++) {
        cr_assert_eq(x->h[i].calls, 1, "%s: watcher %u was called %d times", text, i,
                     x->h[i].calls);
        cr_assert_not(tube_watch_cancel(x->w[i]));
    }
    for (int i = 0; i < 2; i++) {
        tube_status st;

        cr_assert_not_null(x->f[i]);
        st = tube_flush_wait(x->f[i], 0);
        cr_assert(st == TUBE_OK || st == TUBE_END, "%s: flush %d: %d", text, i,
                  (int)st);
        tube_flush_free(x->f[i]);
    }
    tube_pipeline_free(p);
}

static const char *const broken[] = {
    "src n=40 bad=process at=5 | pass id=1 | sink 2",
    "src n=40 bad=finish | pass id=1 | sink 2",
    "src n=40 | pass id=1 bad=process at=5 | sink 2",
    "src n=40 | pass id=1 bad=finish | sink 2",
    "src n=40 | emit 1 greet=1 bad=greet | sink 2",
    "src n=40 | emit 1 bad=middle at=7 | sink 2",
    "src n=40 | emit 1 bye=1 bad=finish | sink 2",
    "src n=40 | hoard 1 held=3 bad=process at=9 | sink 2",
    "src n=40 | hoard 1 held=3 bad=finish | sink 2",
    "src n=40 | pass id=1 | sink 2 bad=process at=5",
    "src n=40 | pass id=1 | sink 2 bad=finish",
    "src n=40 | tee ( sink 1 bad=process at=3 ) | sink 2",
    "merge ( src n=40 bad=process at=3 ) ( src 3 n=40 ) | sink 2",
};

static void
failures_resolve(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        waiters x;
        tube_pipeline *p;

        conform_reset();
        p = conform_new(o, broken[i]);
        wait_for_all(p, &x);
        conform_finish(p, TUBE_EIO);
        all_are_told(p, &x, broken[i]);
    }
}

/* covers: PIPE-22, TUB-42 */
Test(F21, whatever_fails_whoever_waits_is_told, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(failures_resolve);
}

static void
flush_of_wake(const tube_pipeline_opts *o)
{
    waiters x;
    tube_pipeline *p =
        conform_new(o, "src fed=yes | hoard 1 held=3 bad=wake times=-1 | sink 2");

    conform_feed(0, 2);
    wait_for_all(p, &x); /* the flush is what wakes it */
    conform_finish(p, TUBE_EIO);
    cr_assert_geq(conform.at[1].failures, 1);
    all_are_told(p, &x, "wake");
}

/* covers: PIPE-22 */
Test(F21, also_if_the_failure_is_in_the_flush_itself, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(flush_of_wake);
}

enum how { BY_ABORT, BY_DRAIN, BY_STOP, BY_DEADLINE, HOWS };

static void
ended_by_hand(const tube_pipeline_opts *o, enum how how)
{
    tube_status st;
    waiters x;
    tube_pipeline *p = conform_new(o, "src | pass id=1 | sink 2 gate=yes as=out");

    conform_gate(2, true);
    wait_for_all(p, &x);
    conform_quiet(p);
    if (how == BY_ABORT)
        tube_abort(p);
    else if (how == BY_DRAIN)
        tube_drain(p);
    else if (how == BY_STOP)
        cr_assert_eq(tube_stop_stage(p, conform_ref(p, "out"), TUBE_STOP_SATISFIED, ""),
                     TUBE_OK);
    else
        cr_assert_eq(tube_drain_within(p, 20 * MS), TUBE_OK);
    if (how != BY_DEADLINE)
        conform_gate(2, false);
    until_ended(p, WHOLE);
    st = tube_wait(p, SECOND, NULL);
    if (how == BY_ABORT || how == BY_DEADLINE)
        cr_assert_eq(st, TUBE_ECANCELED, "%d", (int)st);
    else
        cr_assert_eq(st, TUBE_OK, "%d", (int)st);
    all_are_told(p, &x, "by hand");
}

static void
ends_resolve(const tube_pipeline_opts *o)
{
    for (int how = 0; how < HOWS; how++) {
        conform_reset();
        ended_by_hand(o, (enum how)how);
    }
}

/* covers: PIPE-22, TXP-10 */
Test(F21, and_also_if_it_is_aborted_drained_or_stopped, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(ends_resolve);
}

static void
freed_while_running(const tube_pipeline_opts *o)
{
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p = conform_new(o, "src | pass id=1 | sink 2");

    w = tube_watch_done(p, WHOLE, hear, &h, NULL);
    cr_assert_not_null(w);
    conform_go(p);
    conform_until_rows(p, 2, 3);
    tube_pipeline_free(p);
    cr_assert_eq(h.calls, 1);
    cr_assert_eq(h.reason.kind, TUBE_STOP_ABORT);
    cr_assert_not(tube_watch_cancel(w));
}

/* covers: PIPE-22 */
Test(F21, and_if_the_pipeline_is_freed_before_its_end, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(freed_while_running);
}
