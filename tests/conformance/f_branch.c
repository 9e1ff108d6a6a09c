/* SPDX-License-Identifier: MIT */
/* f_branch.c -- branches of a fan-out that stop, come late or hold things; no silent loss. */
#include "f_reasons.h"

/* F10 */

static void
stop_branch(tube_pipeline *p, const char *name)
{
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, name), TUBE_STOP_SATISFIED, name),
                 TUBE_OK);
}

static void
branch_with_pause(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pause_info info;
    tube_pipeline *p =
        conform_new(o, "src 0 fed=yes as=s | tee ( pass id=1 as=one | sink 2 as=two )"
                       " ( sink 3 as=three ) | sink 4 as=four");

    conform_go(p);
    conform_feed(0, 2);
    conform_until_rows(p, 4, 2);
    conform_until_rows(p, 2, 2);
    cr_assert_eq(
        tube_pause(p, conform_ref(p, "s"), conform_ref(p, "one"), "by one", &id),
        TUBE_OK);
    conform_feed(0, 2);
    conform_quiet(p);
    cr_assert_eq(conform.at[4].rows, 2, "the source is not paused");
    stop_branch(p, "one");
    conform_until_rows(p, 4, 4); /* its pause went with it */
    cr_assert_eq(tube_pauses(p, &info, 1), 0);
    cr_assert_eq(tube_resume(p, id), TUBE_EINVAL);
    until_finished(p, 2); /* its consumer was told, though all else goes on */
    conform_until_rows(p, 3, 4);
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 finish");
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_NONE);

    stop_branch(p, "three");
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_NONE, "one branch is left");
    conform_feed(0, 1);
    conform_until_rows(p, 4, 5);
    stop_branch(p, "four");
    conform_finish(p, TUBE_OK); /* the source ends, though nobody ended it */
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_SATISFIED);
    cr_assert_eq(conform.at[0].rows, 5);
    tube_pipeline_free(p);
}

/* covers: TUB-46, TUB-14, test_oneFountStops, test_oneFountStopsInReceive */
Test(F10, a_stopped_branch_gives_its_pauses_back_and_tells_its_consumer,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(branch_with_pause);
}

static void
all_have_enough(const tube_pipeline_opts *o)
{
    tube_ref out[3];
    tube_pipeline *p = conform_new(
        o, "src 0 as=s | tee ( pass id=1 | sink 2 stop=3 as=a ) ( sink 3 stop=30 as=b )"
           " | sink 4 stop=60 as=c");

    out[0] = conform_ref(p, "a");
    out[1] = conform_ref(p, "b");
    out[2] = conform_ref(p, "c");
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(2, "sink"), "open 0 1 2 3 finish");
    cr_assert_str_eq(conform_log(3, "sink"), numbers(0, 31, "open", "finish"));
    cr_assert_str_eq(conform_log(4, "sink"), numbers(0, 61, "open", "finish"));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(cause_from(p, conform_ref(p, "s"), out[i]).kind,
                     TUBE_STOP_SATISFIED);
    tube_pipeline_free(p);
}

/* covers: TUB-46 */
Test(F10, the_last_branch_that_stops_stops_upstream_with_all_reasons,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(all_have_enough);
}

static void
routes_stop(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        o,
        "src 0 fed=yes as=s | route to=tag ( as a | sink 1 as=one ) ( as b | sink 2 )"
        " | sink 3 as=rest");

    conform_go(p);
    conform_feed(0, 8);
    conform_until_rows(p, 3, 4);
    conform_until_rows(p, 1, 2);
    stop_branch(p, "one");
    until_finished(p, 1);
    conform_feed(0, 8);
    conform_until_rows(p, 3, 8);
    conform_until_rows(p, 2, 4);
    cr_assert_str_eq(conform_log(1, "sink"), "open 0 4 finish");
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(2, "sink"), "open 1 5 9 13 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-59, TUB-46 */
Test(F10, a_stopped_route_tells_its_consumer_too, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(routes_stop);
}

/* F11 */

static void
held_items(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        o, "src 0 n=9 as=s | tee ( sink 1 gate=yes as=a ) ( hoard 2 held=3 | sink 3 )"
           " | sink 4 as=c");

    conform_gate(1, true);
    conform_go(p);
    until_finished(p, 4);
    until_finished(p, 3);
    conform_quiet(p);
    cr_assert_str_eq(conform_log(1, "sink"), "open"); /* neither items nor the stop */
    cr_assert_eq(conform_stop(p, "a"), TUBE_STOP_NONE);
    conform_gate(1, false);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), numbers(0, 9, "open", "finish"));
    cr_assert_str_eq(conform_log(3, "sink"), numbers(0, 9, "open", "finish"));
    cr_assert_str_eq(conform_log(4, "sink"), numbers(0, 9, "open", "finish"));
    tube_pipeline_free(p);
}

/* covers: TUB-47, TUB-45, test_oneFountPausesOthersInReceive */
Test(F11, a_stop_waits_behind_what_a_branch_holds, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(held_items);
}

static void
paused_branch(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pipeline *p =
        conform_new(o, "src 0 n=40 bad=process at=30 | tee pace=fastest until=all"
                       " ( pass id=1 as=held | sink 2 ) | sink 4");

    cr_assert_eq(tube_pause(p, conform_ref(p, "held"), WHOLE, "a test", &id), TUBE_OK);
    conform_go(p);
    until_finished(p, 4);
    conform_quiet(p);
    cr_assert_str_eq(conform_log(2, "sink"), "open");
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(conform_log(2, "sink"), numbers(0, 30, "open", "finish"));
    tube_pipeline_free(p);
}

/* covers: TUB-47, TUB-45 */
Test(F11, also_a_failure_and_more_than_its_queue_holds, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(paused_branch);
}

/* F12 */

static const char *const forks[] = {
    "src 0 n=3 as=s | tee as=f ( sink 1 ) | sink 2 gate=yes",
    "src 0 n=3 as=s | tee pace=slowest as=f ( pass id=3 | sink 1 ) | sink 2 gate=yes",
    "src 0 n=3 bad=process at=2 as=s | tee until=all as=f ( sink 1 ) | sink 2 gate=yes",
};

/* Sink `n` of a late branch that begins with `ref` ends for the reason of the fork. */
static void
told_why(tube_pipeline *p, tube_ref ref, int n, tube_stop kind)
{
    heard h = { 0 };
    tube_watch *w;

    if (conform.caller) { /* else it may be gone before one can ask */
        w = tube_watch_done(p, ref, hear, &h, NULL);
        cr_assert_not_null(w);
        conform_quiet(p);
        cr_assert_eq(h.calls, 1);
        cr_assert_eq(h.reason.kind, kind);
        cr_assert_not(tube_watch_cancel(w));
    }
    until_finished(p, n);
}

static void
learns_of_the_end(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++) {
        bool fails = strstr(forks[i], "bad") != NULL;
        tube_ref ref;
        tube_error err = { 0 };
        tube_pipeline *p;

        conform_reset();
        p = conform_new(o, forks[i]);
        conform_gate(2, true);
        conform_go(p);
        until_ended(p, conform_ref(p, "f"));
        for (int n = 5; n < 8; n++) {
            char text[64];

            (void)snprintf(text, sizeof(text), "pass id=9 | sink %d as=late%d", n, n);
            cr_assert_eq(tube_attach(p, conform_ref(p, "f"), text, &ref, &err), TUBE_OK,
                         "%s: %s", forks[i], err.message);
            told_why(p, ref, n, fails ? TUBE_STOP_ERROR : TUBE_STOP_END);
            cr_assert_str_eq(conform_log(n, "sink"), "open finish");
        }
        conform_gate(2, false);
        conform_finish(p, fails ? TUBE_EIO : TUBE_OK);
        cr_assert_eq(reason_of(p, WHOLE).n_causes, 1, "a late branch added causes");
        tube_pipeline_free(p);
    }
}

/* covers: TUB-47, TUB-31 */
Test(F12, a_branch_added_behind_the_end_learns_of_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(learns_of_the_end);
}

static void
added_in_time(const tube_pipeline_opts *o)
{
    tube_ref ref;
    tube_error err = { 0 };
    heard h = { 0 };
    tube_watch *w;
    tube_pipeline *p =
        conform_new(o, "src 0 fed=yes as=s | tee as=f ( sink 1 ) | sink 2");

    conform_go(p);
    conform_feed(0, 3);
    conform_until_rows(p, 2, 3);
    cr_assert_eq(tube_attach(p, conform_ref(p, "f"), "sink 5 as=late", &ref, &err),
                 TUBE_OK, "%s", err.message);
    w = tube_watch_done(p, ref, hear, &h, &err);
    cr_assert_not_null(w, "%s", err.message);
    conform_quiet(p);
    conform_feed(0, 2);
    conform_until_rows(p, 5, 2);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(5, "sink"), "open 3 4 finish");
    cr_assert_eq(h.calls, 1);
    cr_assert_eq(h.reason.kind, TUBE_STOP_END);
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);
}

/* covers: TUB-47 */
Test(F12, and_so_does_one_that_was_added_before, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(added_in_time);
}

/* F13 */

static void
unknown_route(const tube_pipeline_opts *o)
{
    tube_counts c;
    tube_pipeline *p = conform_start(
        o, "src 0 n=100 batch=7 | route to=tag ( as a | sink 1 ) ( as zzz | sink 2 )"
           " | sink 3");

    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    cr_assert_eq(conform.at[1].rows, 25);
    cr_assert_eq(conform.at[2].rows, 0);
    cr_assert_eq(conform.at[3].rows, 75, "rows that no branch takes are not lost");
    cr_assert_eq(c.read, 100);
    cr_assert_eq(c.committed, 100);
    cr_assert_eq(c.dropped + c.filtered, 0);
    tube_pipeline_free(p);
}

/* covers: TUB-58 */
Test(F13, what_no_route_takes_goes_on_in_the_main_flow, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(unknown_route);
}

static void
nobody_there(const tube_pipeline_opts *o)
{
    tube_counts c;
    int64_t delivered;
    tube_stage_stats st;
    tube_pipeline *p = conform_new(
        o, "src 0 fed=yes batch=4 | route as=r to=tag ( as a | sink 1 as=one )"
           " ( as b | sink 2 ) | sink 3");

    conform_go(p);
    conform_feed(0, 40);
    conform_until_rows(p, 1, 10);
    stop_branch(p, "one");
    until_finished(p, 1);
    conform_feed(0, 40);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    delivered = conform.at[1].rows + conform.at[2].rows + conform.at[3].rows;
    st = conform_stats(p, "r");
    cr_assert_eq(conform.at[1].rows, 10);
    cr_assert_eq(conform.at[2].rows, 20);
    cr_assert_eq(c.read, 80);
    cr_assert_eq(delivered + (int64_t)(c.dropped + c.filtered), 80,
                 "%jd delivered, %ju dropped, %ju filtered", (intmax_t)delivered,
                 (uintmax_t)c.dropped, (uintmax_t)c.filtered);
    cr_assert_eq((int64_t)c.committed, delivered);
    if (conform.at[3].rows == 40) /* not given to the main flow: then it says so */
        cr_assert_eq(st.dropped + st.filtered, 10);
    tube_pipeline_free(p);
}

/* covers: TUB-59, TUB-43 */
Test(F13, what_a_stopped_branch_would_have_got_is_counted, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(nobody_there);
}

static void
copies_are_counted(const tube_pipeline_opts *o)
{
    tube_counts c;
    tube_pipeline *p = conform_start(
        o,
        "src 0 n=60 | tee until=all ( sink 1 stop=9 ) ( pass id=5 filter=3 | sink 2 )"
        " | pass id=6 reject=2 | sink 3");

    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    cr_assert_eq(conform.at[1].rows, 10);
    cr_assert_eq(conform.at[2].rows, 40);
    cr_assert_eq(conform.at[3].rows, 30);
    cr_assert_eq(c.rejected, 30);
    cr_assert_eq(c.committed, 80);
    cr_assert_eq(c.broken + c.in_flight, 0);
    /* every copy that was made for branch 1 and not taken is in an account */
    cr_assert_eq(c.read, 80 + 30 + c.filtered + c.dropped);
    cr_assert_geq(c.filtered + c.dropped, 20);
    tube_pipeline_free(p);
}

/* covers: TUB-43, test_fanReceivesBeforeFountsHaveDrains */
Test(F13, every_copy_is_in_the_accounts, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(copies_are_counted);
}
