/* SPDX-License-Identifier: MIT */
/* n_after.c -- behind a failure a stage is usable, or provably dead: N27. */
#include "f_reasons.h"

static void
dead(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_error err = { 0 };
    tube_ref ref, bad;
    tube_pipeline *p = conform_new(
        o,
        "src 0 fed=yes | tee until=all ( pass id=1 bad=process at=2 as=bad | sink 2 )"
        " | sink 3");
    int64_t calls;

    bad = conform_ref(p, "bad");
    conform_go(p);
    conform_feed(0, 4);
    until_ended(p, bad);
    until_finished(p, 2);
    calls = conform.at[1].calls;
    /* it says so to everybody who wants something of it */
    cr_assert_eq(tube_stop_stage(p, bad, TUBE_STOP_CANCELLED, NULL), TUBE_END);
    cr_assert_eq(tube_pause(p, bad, WHOLE, "", &id), TUBE_END);
    cr_assert_eq(tube_divert(p, bad, "sink 9", &ref, &err), TUBE_END);
    cr_assert_eq(tube_wait_stage(p, bad, 0, &err), TUBE_EIO);
    cr_assert_eq(conform_stop(p, "bad"), TUBE_STOP_ERROR);
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 finish");
    /* nothing calls it any more, and the others go on */
    conform_feed(0, 4);
    conform_until_rows(p, 3, 8);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].calls, calls, "a dead stage was called");
    conform_end(0);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(conform.at[1].calls, calls);
    cr_assert_str_eq(conform_log(3, "sink"), numbers(0, 8, "open", "finish"));
    tube_pipeline_free(p);
    cr_assert_eq(conform.at[1].closes, 1);
    cr_assert_eq(conform.at[9].opens, conform.at[9].closes);
}

/* covers: TUB-38, TUB-40 */
Test(N27, a_stage_that_stopped_is_dead_for_everybody, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(dead);
}

static void
dead_fan_in(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_ref ref, m;
    tube_inlet *in;
    tube_cell row[2];
    tube_pipeline *p = conform_new(o, "merge as=m hold=yes ( src 0 fed=yes as=s )"
                                      " | pass id=1 bad=process at=2 | sink 2");

    tube_set_int(&row[0], 5);
    tube_set_null(&row[1]);
    m = conform_ref(p, "m");
    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    in = tube_inlet_new(p, m, NULL, &err);
    cr_assert_not_null(in, "%s", err.message);
    conform_go(p);
    conform_feed(0, 3);
    conform_finish(p, TUBE_EIO); /* though it was held, and an inlet was open */
    cr_assert_eq(tube_push(in, row, NULL), TUBE_END);
    cr_assert_eq(tube_attach(p, m, "src 4 n=1", &ref, &err), TUBE_END);
    cr_assert_null(tube_inlet_new(p, m, NULL, &err));
    cr_assert_eq(tube_seal(p, m), TUBE_END);
    tube_inlet_free(in);
    tube_pipeline_free(p);
}

/* covers: TUB-41 */
Test(N27, and_so_is_all_that_ended_with_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(dead_fan_in);
}

static void
usable(const tube_pipeline_opts *o)
{
    static const char *const survive[] = { "skip", "retry", "restart" };

    for (int i = 0; i < 3; i++) {
        char text[200];
        tube_pause_id id;
        tube_flush *f;
        tube_ref bad;
        tube_pipeline *p;

        conform_reset();
        (void)snprintf(
            text, sizeof(text),
            "src 0 fed=yes | pass id=1 bad=process at=2 fail=%s as=bad | sink 2",
            survive[i]);
        p = conform_new(o, text);
        bad = conform_ref(p, "bad");
        conform_go(p);
        conform_feed(0, 6);
        conform_until_rows(p, 2, i == 0 ? 5 : 6);
        conform_quiet(p);
        cr_assert_eq(conform.at[1].failures, 1);
        cr_assert_eq(conform_stop(p, "bad"), TUBE_STOP_NONE);
        /* as if nothing had been: it is paused and resumed, flushed, and takes records */
        cr_assert_eq(tube_pause(p, bad, WHOLE, "", &id), TUBE_OK);
        conform_feed(0, 3);
        conform_quiet(p);
        cr_assert_eq(conform.at[2].rows, i == 0 ? 5 : 6);
        cr_assert_eq(tube_resume(p, id), TUBE_OK);
        conform_until_rows(p, 2, i == 0 ? 8 : 9);
        f = tube_flush_begin(p, TUBE_SETTLED, NULL);
        conform_quiet(p);
        cr_assert_eq(tube_flush_wait(f, 0), TUBE_OK);
        tube_flush_free(f);
        conform_end(0);
        conform_finish(p, TUBE_OK);
        cr_assert_eq(conform_counts(p).rejected, i == 0 ? 1 : 0);
        cr_assert_eq(conform_counts(p).committed, i == 0 ? 8 : 9);
        cr_assert_eq(conform_stop(p, "bad"), TUBE_STOP_END);
        tube_pipeline_free(p);
    }
}

/* covers: TUB-40, PIPE-22 */
Test(N27, one_that_survived_is_as_before, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(usable);
}

/* Stopped, aborted or drained while it waits for its next attempt. */
static void
ended_between_attempts(const tube_pipeline_opts *o)
{
    for (int how = 0; how < 3; how++) {
        tube_counts c;
        uint64_t begun;
        tube_pipeline *p;

        conform_reset();
        p = conform_new(o,
                        "src 0 fed=yes | pass id=1 bad=process at=1 times=-1 fail=retry"
                        " retries=1000 as=bad | sink 2");
        conform_feed(0, 4);
        conform_go(p);
        for (begun = tube_now(); conform.at[1].failures < 2;) {
            cr_assert_lt(tube_now() - begun, CONFORM_DEADLINE);
            if (conform.caller)
                (void)!conform_step(p);
        }
        if (how == 0)
            tube_abort(p);
        else if (how == 1)
            cr_assert_eq(
                tube_stop_stage(p, conform_ref(p, "bad"), TUBE_STOP_CANCELLED, NULL),
                TUBE_OK);
        else
            cr_assert_eq(tube_drain_within(p, 50 * MS), TUBE_OK);
        conform_finish(p, how == 1 ? TUBE_OK : TUBE_ECANCELED);
        c = conform_counts(p);
        cr_assert_eq(c.read, 4);
        cr_assert_eq(c.committed, 1);
        cr_assert_eq(c.broken + c.filtered, 3);
        /* an abort calls nothing but wake() and close() */
        cr_assert_eq(times_in(conform_log(2, NULL), "finish"), how == 1);
        tube_pipeline_free(p);
        cr_assert_eq(conform.at[1].closes, 1);
    }
}

Test(N27, one_that_waits_for_its_next_attempt_can_be_ended, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(ended_between_attempts);
}
