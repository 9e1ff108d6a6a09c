/* SPDX-License-Identifier: MIT */
/* f_fan.c -- fan-in: it ends, knows why, minds no idle input; every join passes stops. */
#include "f_reasons.h"

/* F7 */

static void
keeps_every_reason(const tube_pipeline_opts *o)
{
    tube_ref a, b, c, out;
    tube_reason r;
    tube_cause x;
    tube_pipeline *p = conform_new(
        o, "merge until=all ( src 0 n=3 as=a ) ( src 1 n=9 bad=process at=5 as=b )"
           " ( src 2 fed=yes as=c ) as=m | sink 4 as=out");

    a = conform_ref(p, "a");
    b = conform_ref(p, "b");
    c = conform_ref(p, "c");
    out = conform_ref(p, "out");
    conform_feed(2, 1);
    conform_go(p);
    conform_until_rows(p, 4, 9); /* 3 and 5 and 1 */
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_NONE, "an input is still open");
    cr_assert_eq(conform_stop(p, "m"), TUBE_STOP_NONE);
    cr_assert_eq(times_in(conform_log(4, NULL), "finish"), 0);
    cr_assert_eq(tube_stop_stage(p, c, TUBE_STOP_CANCELLED, "no more of it"), TUBE_OK);
    conform_finish(p, TUBE_EIO);

    cr_assert_eq(times_in(conform_log(4, NULL), "finish"), 1);
    r = reason_of(p, out);
    cr_assert_eq(r.n_causes, 3);
    cr_assert_eq(r.kind, TUBE_STOP_ERROR);
    cr_assert_eq(r.count[TUBE_STOP_END], 1);
    cr_assert_eq(r.count[TUBE_STOP_CANCELLED], 1);
    cr_assert_eq(r.count[TUBE_STOP_ERROR], 1);
    x = cause_from(p, out, a);
    cr_assert_eq(x.kind, TUBE_STOP_END);
    cr_assert_eq(x.rows, 3);
    cr_assert_str_eq(x.message, "");
    x = cause_from(p, out, b);
    cr_assert_eq(x.kind, TUBE_STOP_ERROR);
    cr_assert_eq(x.rows, 5);
    cr_assert_eq(x.status, TUBE_EIO);
    cr_assert_str_eq(x.message, "bad process of 1");
    cr_assert_eq(r.headline, x.sequence);
    x = cause_from(p, out, c);
    cr_assert_eq(x.kind, TUBE_STOP_CANCELLED);
    cr_assert_eq(x.rows, 1);
    cr_assert_str_eq(x.message, "no more of it");
    tube_pipeline_free(p);
}

/* covers: TUB-53, SEED-10, test_flowStopped (fan in) */
Test(F7, a_fan_in_ends_with_its_last_input_and_keeps_every_reason,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(keeps_every_reason);
}

static const char *const joins[] = {
    "merge ( src 0 n=5 as=a ) ( src 1 n=4 from=10 as=b ) | sink 4",
    "concat ( src 0 n=5 as=a ) ( src 1 n=4 from=10 as=b ) | sink 4",
    "merge by=n ( src 0 n=5 as=a ) ( src 1 n=4 from=10 as=b ) | sink 4",
    "src 0 n=5 as=a | merge ( src 1 n=4 from=10 as=b ) | sink 4",
};

static void
every_join_ends(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
        tube_ref a, b, out;
        tube_pipeline *p;

        conform_reset();
        p = conform_new(o, joins[i]);
        a = conform_ref(p, "a");
        b = conform_ref(p, "b");
        out = conform_ref(p, "sink");
        conform_go(p);
        conform_finish(p, TUBE_OK);
        cr_assert_eq(conform.at[4].rows, 9, "%s: %jd rows", joins[i],
                     (intmax_t)conform.at[4].rows);
        cr_assert_eq(times_in(conform_log(4, NULL), "finish"), 1, "%s", joins[i]);
        cr_assert(ends_in(conform_log(4, "sink"), "finish"), "%s", joins[i]);
        cr_assert_eq(reason_of(p, out).n_causes, 2, "%s", joins[i]);
        cr_assert_eq(cause_from(p, out, a).kind, TUBE_STOP_END);
        cr_assert_eq(cause_from(p, out, b).kind, TUBE_STOP_END);
        tube_pipeline_free(p);
    }
}

/* covers: TUB-53, PIPE-24, PIPE-27, SEED-10 */
Test(F7, every_kind_of_fan_in_does, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(every_join_ends);
}

static void
diamond(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 0 n=4 | thru ( pass id=1 ) ( pass id=2 ) ( pass id=3 ) | sink 4");

    conform_finish(p, TUBE_OK);
    conform_complete(4, 0, 4, 3);
    only_cause(p, conform_ref(p, "sink"), TUBE_STOP_END, conform_ref(p, "src"));
    tube_pipeline_free(p);
}

/* covers: TUB-53 */
Test(F7, a_reason_that_came_two_ways_is_one, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(diamond);
}

/* F8 */

static void
idle_inlet(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_pause_id id;
    tube_inlet *in;
    tube_pipeline *p = conform_new(o, "merge as=m ( src 0 n=9 ) | sink 4 as=out");

    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    in = tube_inlet_new(p, conform_ref(p, "m"), NULL, &err);
    cr_assert_not_null(in, "%s", err.message);
    cr_assert_eq(tube_pause(p, conform_ref(p, "m"), WHOLE, "a test", &id), TUBE_OK);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(conform.at[4].rows, 0);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_until_rows(p, 4, 9); /* what never gives anything holds up nothing */
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_NONE); /* but may give something */
    tube_inlet_free(in);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(4, "sink"), numbers(0, 9, "open", "finish"));
    tube_pipeline_free(p);
}

/* covers: TUB-55, SEED-11 */
Test(F8, an_input_that_was_never_used_survives_pause_and_resume,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(idle_inlet);
}

enum ending { FE_DRAIN, FE_ABORT, FE_STOP, FE_SEAL, ENDINGS };

static void
idle_inlet_ends(const tube_pipeline_opts *o)
{
    for (int e = 0; e < ENDINGS; e++) {
        tube_error err = { 0 };
        tube_inlet *in;
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, "merge as=m hold=yes ( src 0 n=3 ) | sink 4");
        in = tube_inlet_new(p, conform_ref(p, "m"), NULL, &err);
        cr_assert_not_null(in, "%s", err.message);
        conform_until_rows(p, 4, 3);
        if (e == FE_DRAIN)
            tube_drain(p);
        else if (e == FE_ABORT)
            tube_abort(p);
        else if (e == FE_STOP)
            cr_assert_eq(
                tube_stop_stage(p, conform_ref(p, "m"), TUBE_STOP_CANCELLED, NULL),
                TUBE_OK);
        else
            cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
        if (e == FE_SEAL)
            tube_inlet_stop(in, TUBE_STOP_END, NULL);
        conform_finish(p, e == FE_ABORT ? TUBE_ECANCELED : TUBE_OK);
        cr_assert_eq(times_in(conform_log(4, NULL), "finish"), e != FE_ABORT,
                     "ending %d", e);
        cr_assert_neq(conform_stop(p, "sink"), TUBE_STOP_NONE);
        tube_inlet_free(in);
        tube_pipeline_free(p);
    }
}

/* covers: TUB-55, SEED-11 */
Test(F8, and_drain_abort_stop_and_seal, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(idle_inlet_ends);
}

static void
no_input_at_all(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_ref ref;
    tube_pause_id id;
    tube_pipeline *p = conform_start(o, "merge as=m hold=yes ( src 0 n=0 ) | sink 4");

    conform_quiet(p);
    cr_assert_eq(tube_pause(p, conform_ref(p, "m"), WHOLE, "a test", &id), TUBE_OK);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "m"), TUBE_STOP_NONE);
    cr_assert_eq(tube_attach(p, conform_ref(p, "m"), "src 1 n=2", &ref, &err), TUBE_OK,
                 "%s", err.message);
    conform_until_rows(p, 4, 2);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(4, "sink"), "open 0 1 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-55, SEED-11 */
Test(F8, and_so_does_a_fan_in_without_any, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(no_input_at_all);
}

/* F9 */

static void
later_inputs(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_ref ref = WHOLE;
    tube_inlet *early, *late;
    tube_status st;
    tube_cell row[2];
    tube_pipeline *p = conform_new(
        o, "merge as=m hold=yes ( src 0 as=s ) | pass id=2 | sink 4 as=out");

    tube_set_int(&row[0], -77);
    tube_set_null(&row[1]);
    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    early = tube_inlet_new(p, conform_ref(p, "m"), NULL, &err);
    cr_assert_not_null(early);
    conform_go(p);
    conform_until_rows(p, 4, 3);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "m"), TUBE_STOP_SATISFIED, "enough"),
                 TUBE_OK);
    /* it may not have been carried out yet, but nothing overtakes it */
    st = tube_attach(p, conform_ref(p, "m"), "src 1 from=1000000000", &ref, &err);
    cr_assert(st == TUBE_OK || st == TUBE_END, "%d %s", (int)st, err.message);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(times_in(conform_log(4, NULL), "1000000000"), 0,
                 "it came behind the stop");
    cr_assert_eq(tube_attach(p, conform_ref(p, "m"), "src 3", &ref, &err), TUBE_END);
    late = tube_inlet_new(p, conform_ref(p, "m"), NULL, &err);
    cr_assert_null(late);
    cr_assert_eq(err.status, TUBE_END, "%d", (int)err.status);
    cr_assert_eq(tube_push(early, row, NULL), TUBE_END);
    cr_assert_eq(times_in(conform_log(4, NULL), "-77"), 0);
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_SATISFIED);
    cr_assert_neq(conform_stop(p, "s"), TUBE_STOP_NONE, "an input was not stopped");
    tube_inlet_free(early);
    tube_pipeline_free(p);
}

static bool
never_opened(int id)
{
    return conform.at[id].opens == 0 || conform.at[id].closes == conform.at[id].opens;
}

/* covers: TUB-54, test_stopFlow (fan in) */
Test(F9, a_stop_of_a_fan_in_reaches_inputs_that_come_later, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(later_inputs);
    cr_assert(never_opened(1));
    cr_assert(never_opened(3));
}

static void
stopped_while_held_up(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_ref ref = WHOLE;
    tube_pause_id id;
    tube_status st;
    tube_pipeline *p =
        conform_new(o, "merge as=m hold=yes ( src 0 n=2 ) | sink 4 as=out");

    cr_assert_eq(tube_pause(p, conform_ref(p, "m"), WHOLE, "a test", &id), TUBE_OK);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "m"), TUBE_STOP_CANCELLED, NULL),
                 TUBE_OK);
    st = tube_attach(p, conform_ref(p, "m"), "src 1 from=1000000000", &ref, &err);
    cr_assert(st == TUBE_OK || st == TUBE_END);
    (void)!tube_resume(p, id);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(4, "sink"),
                     "open finish"); /* the backlog is dropped */
    tube_pipeline_free(p);
}

/* covers: TUB-54 */
Test(F9, also_if_it_could_not_run_in_between, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stopped_while_held_up);
}

/* F14 */

static const char *const shapes[] = {
    "src 0 n=$ | tee ( sink 10 ) ( pass id=1 | sink 11 ) | sink 12",
    "src 0 n=$ | thru ( pass id=1 ) ( pass id=2 ) | sink 10",
    "src 0 n=$ | thru by=record ( pass id=1 ) ( emit 2 ) | sink 10",
    "src 0 n=$ | route ( when n < 3 | sink 10 ) ( when n < 5 | pass id=1 ) | sink 11",
    "src 0 n=$ | route to=tag ( as a | sink 10 ) ( as b | sink 11 ) | sink 12",
    "src 0 n=$ | route hash=n ( sink 10 ) ( sink 11 ) | sink 12",
    "src 0 n=$ | route ( when n = 1 | sink 10 ) ( otherwise | sink 11 ) | sink 12",
    "merge ( src 0 n=$ ) ( src 3 n=0 ) | sink 10",
    "concat ( src 0 n=$ ) ( src 3 n=0 ) | sink 10",
    "merge by=n ( src 0 n=$ ) ( src 3 n=0 ) | sink 10",
    "src 0 n=$ | parallel 2 ( pass id=1 ) | sink 10",
    "src 0 n=$ | parallel 3 ( emit 1 ) order=none | sink 10",
    "src 0 n=$ | parallel 2 ( pass id=1 ) order=key key=n | sink 10",
    ("src 0 n=$ | tee ( tee ( sink 10 ) | thru ( pass id=1 ) ( pass id=2 ) | sink 11 )"
     " | parallel 2 ( route ( when n = 1 | pass id=3 ) ) | sink 12"),
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* Every sink there is has finished, once, and nothing came behind that. */
static void
sinks_finished(const char *text)
{
    for (int id = 10; id < 13; id++) {
        const char *log = conform_log(id, "sink");

        if (conform.at[id].opens == 0)
            continue;
        cr_assert_eq(times_in(log, "finish"), 1, "%s: %d: %s", text, id, log);
        cr_assert(ends_in(log, "finish"), "%s: %d: %s", text, id, log);
    }
}

/* A shape with `what` in the place of its $. */
static const char *
shape_text(size_t i, const char *what)
{
    static char text[300];
    size_t before = strcspn(shapes[i], "$");

    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)before, shapes[i], what,
                   shapes[i] + before + 1);
    return text;
}

static void
shape_passes(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_start(o, text);
    conform_finish(p, TUBE_OK);
    sinks_finished(text);
    cr_assert_eq(reason_of(p, WHOLE).kind, TUBE_STOP_END, "%s", text);
    cr_assert_eq(conform_counts(p).broken + conform_counts(p).dropped, 0, "%s", text);
    tube_pipeline_free(p);
}

static void
all_shapes_pass(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < SHAPES; i++) {
        shape_passes(o, shape_text(i, "0"));
        shape_passes(o, shape_text(i, "12"));
    }
}

/* covers: TUB-56, TUB-59, TUB-47, SEED-9 */
Test(F14, thru_tee_merge_route_and_parallel_pass_the_end_on, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(all_shapes_pass);
}

static void
shapes_pass_failure(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const char *text = shape_text(i, "12 bad=process at=6");
        tube_pipeline *p;
        tube_error err;

        conform_reset();
        p = conform_start(o, text);
        err = conform_finish(p, TUBE_EIO);
        cr_assert_str_eq(err.message, "bad process of 0", "%s: %s", text, err.message);
        sinks_finished(text);
        cr_assert_eq(reason_of(p, WHOLE).kind, TUBE_STOP_ERROR, "%s", text);
        cr_assert_eq(reason_of(p, WHOLE).count[TUBE_STOP_ERROR], 1, "%s", text);
        tube_pipeline_free(p);
    }
}

/* covers: TUB-56, TUB-59, TUB-47 */
Test(F14, and_a_failure, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(shapes_pass_failure);
}

static void
shapes_pass_upstream(const tube_pipeline_opts *o)
{
    static const char *const endless[] = {
        "src 0 | tee ( sink 10 stop=9 ) ( pass id=1 | sink 11 stop=5 ) | sink 12 stop=7",
        "src 0 | thru ( pass id=1 ) ( pass id=2 ) | sink 10 stop=5",
        "src 0 | route ( when n < 3 | pass id=1 ) | sink 10 stop=5",
        "merge ( src 0 ) ( src 1 from=100 ) | sink 10 stop=3",
        "merge by=n ( src 0 ) ( src 1 from=100 ) | sink 10 stop=3",
        "concat ( src 0 ) ( src 1 from=100 ) | sink 10 stop=3",
        "src 0 | parallel 2 ( pass id=1 ) | sink 10 stop=5",
        "src 0 | parallel 2 ( pass id=1 ) order=none | sink 10 stop=5",
    };

    for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, endless[i]);
        conform_finish(p, TUBE_OK); /* that it ends is the point */
        sinks_finished(endless[i]);
        cr_assert_eq(reason_of(p, WHOLE).count[TUBE_STOP_ERROR], 0, "%s", endless[i]);
        cr_assert_gt(reason_of(p, WHOLE).count[TUBE_STOP_SATISFIED], 0, "%s",
                     endless[i]);
        tube_pipeline_free(p);
    }
}

/* covers: TUB-46, TUB-54, TUB-56 */
Test(F14, and_that_nobody_wants_more_upstream, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(shapes_pass_upstream);
}
