/* SPDX-License-Identifier: MIT */
/* n_stop.c -- stops in band, and reasons as data: N1 to N4. */
#include "f_reasons.h"

/* N1 */

static size_t
place(const char *log, const char *word)
{
    const char *at = strstr(log, word);

    cr_assert_not_null(at, "no '%s' in: %s", word, log);
    return (size_t)(at - log);
}

static void
in_band(const tube_pipeline_opts *o)
{
    const char *log;
    tube_pipeline *p = conform_start(
        o, "src 0 n=40 batch=3 | pass id=1 filter=1 queue=2 | emit 2 bye=3 single=yes"
           " | hoard 3 held=4 queue=2 | pass id=4 queue=2 | sink 5 queue=2");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(5, "sink"), "open 1001 1002 1003 finish");
    log = conform_log_all();
    cr_assert_lt(place(log, "1:finish"), place(log, "2:finish"));
    cr_assert_lt(place(log, "2:finish"), place(log, "3:finish"));
    cr_assert_lt(place(log, "3:finish"), place(log, "4:finish"));
    cr_assert_lt(place(log, "4:finish"), place(log, "5:finish"));
    for (int id = 0; id < 6; id++)
        cr_assert_eq(conform.at[id].finished, 1, "%d finished %d times", id,
                     (int)conform.at[id].finished);
    only_cause(p, conform_ref(p, "sink"), TUBE_STOP_END, conform_ref(p, "src"));
    tube_pipeline_free(p);
}

/* covers: SEED-1, TUB-28, TUB-29 */
Test(N1, a_stop_passes_stage_by_stage_behind_all_data_once, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(in_band);
}

static void
through_full_queue(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, "src 0 n=2 | sink 1 gate=yes queue=2 as=out"); /* no room left */

    conform_gate(1, true);
    conform_go(p);
    conform_until_rows(p, 0, 2);
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_NONE);
    conform_gate(1, false);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), "open 0 1 finish");
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_END); /* and stays */
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_END);
    tube_pipeline_free(p);
}

/* covers: SEED-1, SEED-4 */
Test(N1, a_full_queue_neither_loses_nor_hurries_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(through_full_queue);
}

/* N2 */

static void
kinds_differ(const tube_pipeline_opts *o)
{
    static const struct {
        const char *text;
        tube_stop kind;
        const char *from;
        tube_status st;
        uint64_t rows;
        const char *message;
    } t[] = {
        { "src 0 n=7 | pass id=1 | sink 2", TUBE_STOP_END, "src", TUBE_OK, 7, "" },
        { "src 0 | pass id=1 | sink 2 stop=5", TUBE_STOP_SATISFIED, "sink", TUBE_OK, 6,
          "" },
        { "src 0 | pass id=1 | sink 2 bad=process at=5", TUBE_STOP_ERROR, "sink",
          TUBE_EIO, 5, "bad process of 2" },
        { "src 0 | pass id=1 bad=process at=5 | sink 2", TUBE_STOP_ERROR, "pass",
          TUBE_EIO, 5, "bad process of 1" },
        { "src 0 bad=process at=5 | pass id=1 | sink 2", TUBE_STOP_ERROR, "src",
          TUBE_EIO, 5, "bad process of 0" },
    };

    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        uint64_t begun = tube_now();
        tube_cause c;
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, t[i].text);
        conform_finish(p, t[i].st);
        c = cause_from(p, WHOLE, conform_ref(p, t[i].from));
        cr_assert_eq(reason_of(p, WHOLE).kind, t[i].kind, "%s: %d", t[i].text,
                     (int)reason_of(p, WHOLE).kind);
        cr_assert_eq(reason_of(p, WHOLE).headline, c.sequence, "%s", t[i].text);
        cr_assert_eq(c.kind, t[i].kind);
        cr_assert_str_eq(c.name, t[i].from);
        cr_assert_str_eq(c.message, t[i].message, "%s: %s", t[i].text, c.message);
        cr_assert_eq(c.rows, t[i].rows, "%s: %ju rows", t[i].text, (uintmax_t)c.rows);
        cr_assert_eq(c.status, t[i].st, "%s: status %d", t[i].text, (int)c.status);
        cr_assert_geq(c.sequence, 1);
        cr_assert(c.when >= begun && c.when <= tube_now());
        /* the one that was told from below knows why as well */
        cr_assert_eq(conform_stop(p, "src"), t[i].kind, "%s: src has %d", t[i].text,
                     (int)conform_stop(p, "src"));
        tube_pipeline_free(p);
    }
}

/* covers: SEED-10 */
Test(N2, having_enough_differs_from_failing_and_each_says_who_and_how_much,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(kinds_differ);
}

static void
asked_to_stop(const tube_pipeline_opts *o)
{
    tube_cause c;
    tube_pipeline *p = conform_new(o, "src 0 as=s | pass id=1 as=mid | sink 2 as=out");

    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_END, ""),
                 TUBE_EINVAL);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_ERROR, ""),
                 TUBE_EINVAL);
    cr_assert_eq(tube_stop_stage(p, (tube_ref){ 987654 }, TUBE_STOP_CANCELLED, ""),
                 TUBE_EINVAL);
    conform_go(p);
    conform_until_rows(p, 2, 4);
    cr_assert_eq(
        tube_stop_stage(p, conform_ref(p, "mid"), TUBE_STOP_CANCELLED, "by the user"),
        TUBE_OK);
    conform_finish(p, TUBE_OK);
    c = cause_from(p, conform_ref(p, "out"), conform_ref(p, "mid"));
    cr_assert_eq(c.kind, TUBE_STOP_CANCELLED);
    cr_assert_str_eq(c.message, "by the user");
    c = cause_from(p, conform_ref(p, "s"), conform_ref(p, "mid"));
    cr_assert_eq(c.kind, TUBE_STOP_CANCELLED, "upstream does not know why");
    tube_pipeline_free(p);
}

Test(N2, a_request_carries_its_kind_and_words_both_ways, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(asked_to_stop);
}

static void
drained_or_aborted(const tube_pipeline_opts *o)
{
    for (int abort_it = 0; abort_it < 2; abort_it++) {
        tube_stop kind = abort_it ? TUBE_STOP_ABORT : TUBE_STOP_CANCELLED;
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, "src 0 | pass id=1 | sink 2");
        conform_until_rows(p, 2, 4);
        if (abort_it)
            tube_abort(p);
        else
            tube_drain(p);
        conform_finish(p, abort_it ? TUBE_ECANCELED : TUBE_OK);
        cr_assert_eq(conform_stop(p, "sink"), kind);
        cr_assert_eq(reason_of(p, WHOLE).kind, kind);
        cr_assert_geq(reason_of(p, WHOLE).count[kind], 1);
        tube_pipeline_free(p);
    }
}

Test(N2, drained_and_aborted_are_kinds_too, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(drained_or_aborted);
}

static void
worst_wins(const tube_pipeline_opts *o)
{
    tube_reason r;
    tube_ref out;
    uint64_t last = 0;
    tube_pipeline *p = conform_new(
        o, "merge until=all ( src 0 n=3 as=a ) ( src 1 fed=yes as=b )"
           " ( src 2 n=9 bad=process at=4 as=c ) ( src 3 n=9 bad=process at=2 as=d )"
           " | sink 4 as=out");

    out = conform_ref(p, "out");
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "b"), TUBE_STOP_SATISFIED, NULL),
                 TUBE_OK);
    conform_go(p);
    conform_finish(p, TUBE_EIO);
    r = reason_of(p, out);
    cr_assert_eq(r.kind, TUBE_STOP_ERROR);
    cr_assert_eq(r.n_causes, 4);
    cr_assert_eq(r.count[TUBE_STOP_ERROR], 2);
    cr_assert_eq(r.count[TUBE_STOP_SATISFIED], 1);
    cr_assert_eq(r.count[TUBE_STOP_END], 1);
    for (uint32_t i = 0; i < r.n_causes; i++) {
        tube_cause c = cause_at(p, out, i);

        cr_assert_gt(c.sequence, last, "not in order");
        last = c.sequence;
        if (c.kind == TUBE_STOP_ERROR) { /* the first of the worst */
            cr_assert_eq(r.headline, c.sequence);
            break;
        }
    }
    cr_assert_eq(tube_cause_of(p, out, r.n_causes, &(tube_cause){ 0 }), TUBE_EINVAL);
    tube_pipeline_free(p);
}

Test(N2, of_several_the_worst_kind_leads_and_its_first_cause,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(worst_wins);
}

/* N3 */

static void
until_any(const tube_pipeline_opts *o)
{
    tube_ref a, b, out;
    tube_pipeline *p = conform_new(
        o,
        "merge until=any ( src 0 n=3 as=a ) ( src 1 from=100 as=b ) | sink 4 as=out");

    a = conform_ref(p, "a");
    b = conform_ref(p, "b");
    out = conform_ref(p, "out");
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(cause_from(p, out, a).kind, TUBE_STOP_END);
    cr_assert_eq(cause_from(p, out, a).rows, 3);
    cr_assert_neq(tube_reason_of(p, b, &(tube_reason){ 0 }), TUBE_AGAIN);
    cr_assert_eq(times_in(conform_log(4, NULL), "finish"), 1);
    cr_assert_eq(times_in(conform_log(4, NULL), "2"), 1, "the ended input's rows came");
    tube_pipeline_free(p);
}

static void
until_error(const tube_pipeline_opts *o)
{
    tube_ref a, b, c, out;
    tube_pipeline *p =
        conform_new(o, "merge until=error ( src 0 n=3 as=a ) ( src 1 fed=yes as=b )"
                       " ( src 2 fed=yes as=c ) | sink 4 as=out");

    a = conform_ref(p, "a");
    b = conform_ref(p, "b");
    c = conform_ref(p, "c");
    out = conform_ref(p, "out");
    conform_go(p);
    conform_until_rows(p, 4, 3);
    until_ended(p, a);
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_NONE, "an end is no error");
    conform_feed(2, 2);
    conform_until_rows(p, 4, 5);
    conform_break(2);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(cause_from(p, out, a).kind, TUBE_STOP_END);
    cr_assert_eq(cause_from(p, out, c).kind, TUBE_STOP_ERROR);
    cr_assert_eq(cause_from(p, out, c).rows, 2);
    cr_assert_lt(cause_from(p, out, a).sequence, cause_from(p, out, c).sequence);
    cr_assert_leq(cause_from(p, out, a).when, cause_from(p, out, c).when);
    cr_assert_neq(tube_reason_of(p, b, &(tube_reason){ 0 }), TUBE_AGAIN);
    tube_pipeline_free(p);
}

static void
until_all(const tube_pipeline_opts *o)
{
    tube_ref a, b, out;
    tube_pipeline *p =
        conform_new(o, "merge until=all ( src 0 n=9 bad=process at=3 as=a )"
                       " ( src 1 from=100 n=30 as=b ) | sink 4 as=out");

    a = conform_ref(p, "a");
    b = conform_ref(p, "b");
    out = conform_ref(p, "out");
    conform_go(p);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(conform.at[4].rows, 33, "a failed input ended the others");
    cr_assert_eq(cause_from(p, out, a).kind, TUBE_STOP_ERROR);
    cr_assert_eq(cause_from(p, out, b).kind, TUBE_STOP_END);
    cr_assert_eq(cause_from(p, out, b).rows, 30);
    tube_pipeline_free(p);
}

/* covers: SEED-10, TUB-53, PIPE-24 */
Test(N3, until_any_ends_with_the_first_that_ends, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(until_any);
}

/* covers: SEED-10, TUB-53 */
Test(N3, until_error_ends_with_the_first_that_fails, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(until_error);
}

/* covers: SEED-10, TUB-53 */
Test(N3, until_all_hears_all_of_them_out, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(until_all);
}

/* N4 */

static void
empty_is_not_finished(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_ref ref, m, sink;
    tube_pipeline *p = conform_new(o, "merge as=m hold=yes ( src 0 n=2 ) | sink 4");

    m = conform_ref(p, "m");
    sink = conform_ref(p, "sink");
    conform_go(p);
    conform_until_rows(p, 4, 2);
    conform_quiet(p);
    cr_assert_eq(tube_reason_of(p, sink, &(tube_reason){ 0 }), TUBE_AGAIN,
                 "it has ended, though it is held");
    for (int i = 1; i <= 2; i++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "src %d n=3 from=%d", i, 100 * i);
        cr_assert_eq(tube_attach(p, m, text, &ref, &err), TUBE_OK, "%s", err.message);
        conform_until_rows(p, 4, 2 + 3 * i);
        conform_quiet(p);
        cr_assert_eq(tube_reason_of(p, sink, &(tube_reason){ 0 }), TUBE_AGAIN);
    }
    cr_assert_eq(tube_seal(p, m), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(4, "sink"), "open 0 1 100 101 102 200 201 202 finish");
    cr_assert_eq(reason_of(p, sink).n_causes, 3);
    cr_assert_eq(tube_attach(p, m, "src 5", &ref, &err), TUBE_END);
    cr_assert_eq(tube_hold(p, m), TUBE_END);
    tube_pipeline_free(p);
}

/* covers: SEED-10, SEED-11, PIPE-25 */
Test(N4, a_held_fan_in_without_inputs_lives_until_it_is_sealed,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(empty_is_not_finished);
}

static void
sealed_with_inputs(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_ref ref, m;
    tube_pipeline *p =
        conform_new(o, "merge as=m ( src 0 n=2 ) ( src 1 fed=yes ) | sink 4");

    m = conform_ref(p, "m");
    cr_assert_eq(tube_hold(p, m), TUBE_OK); /* the same as hold=yes */
    conform_go(p);
    conform_until_rows(p, 4, 2);
    cr_assert_eq(tube_seal(p, m), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(tube_attach(p, m, "src 5 n=1", &ref, &err), TUBE_END);
    cr_assert_null(tube_inlet_new(p, m, NULL, &err));
    cr_assert_eq(err.status, TUBE_END);
    cr_assert_eq(conform_stop(p, "sink"), TUBE_STOP_NONE, "an input is still open");
    conform_feed(1, 2);
    conform_until_rows(p, 4, 4);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[5].rows, 0);
    tube_pipeline_free(p);
}

/* covers: SEED-10, PIPE-25 */
Test(N4, sealing_takes_no_new_inputs_and_waits_for_the_old, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sealed_with_inputs);
}

static void
not_held(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "merge ( src 0 n=2 ) | sink 4");

    conform_finish(p, TUBE_OK); /* without a hold, the last input is the end */
    cr_assert_str_eq(conform_log(4, "sink"), "open 0 1 finish");
    tube_pipeline_free(p);
    conform_reset();
    p = conform_start(o, "merge hold=yes ( src 0 n=2 ) | sink 4");
    conform_until_rows(p, 4, 2);
    tube_drain(p); /* is above a hold */
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: SEED-10 */
Test(N4, without_a_hold_or_when_drained_it_ends_by_itself, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(not_held);
}
