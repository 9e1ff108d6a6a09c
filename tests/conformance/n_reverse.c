/* SPDX-License-Identifier: MIT */
/* n_reverse.c -- what goes against the stream is never blocked by it: N19, N20, N21. */
#include "f_reasons.h"

#include <unistd.h>

/* N19: of several tries one must be in time, since the machine may be busy. */

enum { TRIES = 6, SOON = 10 };

static const char *const forked =
    "src 0 as=s | pass id=1 as=a | tee pace=slowest ( pass id=2 as=b"
    " | sink 3 gate=yes as=x ) | parallel 2 ( pass id=4 ) | sink 5 hold=yes gate=yes as=out";
static const char *const plain =
    "src 0 as=s | pass id=1 as=a | parallel 2 ( pass id=4 as=b ) | pass id=6 as=x"
    " | sink 5 hold=yes gate=yes as=out";

static bool
all_full(void *arg)
{
    const tube_pipeline *p = arg;
    tube_ref x = conform_ref(p, "x");
    uint32_t n = 0;

    for (uint32_t i = 0; i < tube_edge_count(p); i++) {
        tube_edge_info info;
        tube_edge_stats st;

        if (tube_edge_at(p, i, &info) && tube_stats_edge(p, i, &st)
            && tube_ref_at(p, info.to).id == x.id)
            n += st.queue + 2 >= info.depth; /* who takes from a full one wakes late */
    }
    return n > 0;
}

/* Every queue is full, and nothing moves. */
static tube_pipeline *
stuffed(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_new(o, text);
    conform_gate(3, true);
    conform_go(p);
    conform_until_rows(p, 5, 3);
    conform_gate(5, true);
    conform_until(p, all_full, p); /* where nobody runs it is quiet, too */
    conform_quiet(p);
    return p;
}

static void
unstuff(tube_pipeline *p)
{
    conform_gate(3, false);
    conform_gate(5, false);
    conform_let(5, 1 << 20);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

typedef bool tried(tube_pipeline *p);

/* True if `is` comes true within 10 ms of `act`. */
static void
in_time(const tube_pipeline_opts *o, const char *text, void (*act)(tube_pipeline *p),
        tried *is)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < TRIES && best > SOON * MS; i++) {
        tube_pipeline *p = stuffed(o, text);
        uint64_t begun, took;

        cr_assert(all_full(p), "the queue is not full");
        begun = tube_now();
        act(p);
        for (bool done = is(p); !done; done = is(p)) {
            cr_assert_lt(tube_now() - begun, 10 * SECOND, "it does not come at all");
            if (!conform.caller || conform_step(p) != TUBE_OK)
                (void)usleep(200);
        }
        took = tube_now() - begun;
        best = took < best ? took : best;
        unstuff(p);
    }
    cr_assert_leq(best, SOON * MS, "the best of %d tries took %ju us", TRIES,
                  (uintmax_t)(best / 1000));
}

static void
ask_source(tube_pipeline *p)
{
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_CANCELLED, "now"),
                 TUBE_OK);
}

static bool
source_has_ended(tube_pipeline *p)
{
    (void)p; /* its token has a full queue before it, but it has the request */
    return conform.at[0].finished == 1;
}

static void
ask_sinks(tube_pipeline *p)
{
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "x"), TUBE_STOP_SATISFIED, "x"),
                 TUBE_OK);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "out"), TUBE_STOP_SATISFIED, "out"),
                 TUBE_OK);
    conform_let(5, 1 << 20);
}

static bool
source_knows_both(tube_pipeline *p)
{
    return conform_stop(p, "s") == TUBE_STOP_SATISFIED;
}

static void
settle_one(tube_pipeline *p)
{
    cr_assert_eq(conform_counts(p).committed, 0);
    conform_let(5, 1);
}

static bool
one_is_committed(tube_pipeline *p)
{
    return conform_counts(p).committed == 1;
}

static void
nothing_at_all(tube_pipeline *p)
{
    (void)p;
}

static bool
counters_answer(tube_pipeline *p)
{
    tube_counts c = conform_counts(p);
    tube_stage_stats st = conform_stats(p, "s");
    char *text = tube_stats_text(p);
    bool right = text != NULL && (int64_t)c.read >= conform.at[0].rows
                 && (int64_t)st.rows_out == conform.at[0].rows;

    free(text);
    return right;
}

static void
reverse(const tube_pipeline_opts *o)
{
    in_time(o, forked, ask_source, source_has_ended);
    in_time(o, plain, ask_source, source_has_ended);
    in_time(o, forked, ask_sinks, source_knows_both);
    in_time(o, plain, settle_one, one_is_committed);
    in_time(o, forked, nothing_at_all, counters_answer);
}

/* covers: SEED-13 */
Test(N19, with_every_queue_full_stops_settlings_and_counters_arrive_in_10_ms,
     .timeout = CONFORM_SECONDS)
{
    conform_each_seed(3, reverse);
    reverse(TUBE_PIPELINE_OPTS(.workers = 1));
    reverse(TUBE_PIPELINE_OPTS(.workers = 2));
}

/* N20 */

static const tube_pause_info *
pause_of(const tube_pause_info *all, uint32_t n, tube_pause_id id)
{
    for (uint32_t i = 0; i < n; i++)
        if (all[i].id.id == id.id)
            return &all[i];
    cr_assert_fail("a pause is not listed");
    return NULL;
}

static void
accountable(const tube_pipeline_opts *o)
{
    uint64_t begun = tube_now(), between;
    tube_pause_id mine, its, third;
    tube_pause_info all[8];
    const tube_pause_info *i;
    tube_pipeline *p = conform_new(
        o, "src 0 fed=yes as=s | tee ( pass id=1 as=owner | sink 2 ) | sink 3 as=out");

    conform_go(p);
    conform_feed(0, 1);
    conform_until_rows(p, 3, 1);
    conform_quiet(p);
    cr_assert_eq(tube_pauses(p, all, 8), 0);
    cr_assert_eq(tube_pause(p, conform_ref(p, "out"), WHOLE, "the disk is full", &mine),
                 TUBE_OK);
    between = tube_now();
    cr_assert_eq(tube_pause(p, conform_ref(p, "out"), conform_ref(p, "owner"),
                            "a reason that is longer than the sixty-three bytes that"
                            " there are for one",
                            &its),
                 TUBE_OK);
    cr_assert_eq(
        tube_pause(p, conform_ref(p, "s"), conform_ref(p, "owner"), NULL, &third),
        TUBE_OK);
    cr_assert_eq(tube_pauses(p, all, 8), 3);
    cr_assert_eq(tube_pauses(p, all, 1), 3, "it counts those that it does not show");
    (void)tube_pauses(p, all, 8);
    i = pause_of(all, 3, mine);
    cr_assert_str_eq(i->why, "the disk is full");
    cr_assert_eq(i->stage.id, conform_ref(p, "out").id);
    cr_assert_eq(i->owner.id, 0);
    cr_assert(i->since >= begun && i->since <= between);
    i = pause_of(all, 3, its);
    cr_assert_eq(strlen(i->why), 63);
    cr_assert_eq(i->owner.id, conform_ref(p, "owner").id);
    cr_assert(i->since >= between && i->since <= tube_now());
    cr_assert_eq(conform_counts(p).pauses, 3);

    conform_feed(0, 1);
    conform_quiet(p);
    cr_assert_eq(conform.at[0].rows, 1, "the source is not paused");
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "owner"), TUBE_STOP_CANCELLED, NULL),
                 TUBE_OK);
    conform_until_rows(p, 0, 2); /* it gave its tokens back; mine is still out */
    conform_quiet(p);
    cr_assert_eq(tube_pauses(p, all, 8), 1);
    cr_assert_eq(all[0].id.id, mine.id);
    cr_assert_eq(conform.at[3].rows, 1);
    cr_assert_eq(tube_resume(p, its), TUBE_EINVAL);
    cr_assert_eq(tube_resume(p, mine), TUBE_OK);
    cr_assert_eq(tube_resume(p, mine), TUBE_EINVAL);
    conform_until_rows(p, 3, 2);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_counts(p).pauses, 0);
    tube_pipeline_free(p);
}

/* covers: TUB-14, TUB-46, TUB-68 */
Test(N20, a_pause_says_who_why_and_since_when_and_ends_with_its_owner,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(accountable);
}

static void
of_the_dead(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pipeline *p = conform_new(
        o, "src 0 n=2 as=s | tee ( sink 1 as=gone ) | sink 2 gate=yes as=out");

    conform_gate(2, true);
    conform_go(p);
    until_ended(p, conform_ref(p, "gone"));
    cr_assert_eq(tube_pause(p, conform_ref(p, "gone"), WHOLE, "", &id), TUBE_END);
    cr_assert_eq(tube_pause(p, (tube_ref){ 987654 }, WHOLE, "", &id), TUBE_EINVAL);
    cr_assert_eq(tube_pause(p, conform_ref(p, "out"), (tube_ref){ 987654 }, "", &id),
                 TUBE_EINVAL);
    cr_assert_eq(tube_pauses(p, NULL, 0), 0);
    conform_gate(2, false);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

Test(N20, what_has_ended_neither_pauses_nor_is_paused, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(of_the_dead);
}

static void
abort_is_above(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pipeline *p = conform_new(o, "src 0 as=s | pass id=1 as=a | sink 2");

    cr_assert_eq(tube_pause(p, conform_ref(p, "a"), WHOLE, "for ever", &id), TUBE_OK);
    conform_go(p);
    conform_quiet(p);
    tube_abort(p);
    conform_finish(p, TUBE_ECANCELED);
    cr_assert_eq(tube_pauses(p, NULL, 0), 0);
    tube_pipeline_free(p);
}

Test(N20, an_abort_is_above_pauses, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(abort_is_above);
}

/* N21 */

static tube_status
takes_nothing(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_AGAIN;
}

enum { MISER = 4096 };

struct miser {
    tube_batch *kept[MISER];
    uint32_t n;
};

static tube_status
miser_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct miser *c = tube_state(s);

    if (c->n == MISER)
        return tube_fail(err, TUBE_EINVAL, "the test gives it too much");
    c->kept[c->n++] = b;
    return TUBE_QUEUED;
}

static tube_status
miser_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct miser *c = tube_state(s);

    (void)err;
    if ((why & TUBE_WOKE_ABORT) != 0)
        while (c->n > 0)
            tube_settle(s, &c->kept[--c->n], TUBE_BROKEN);
    return TUBE_OK;
}

/* Wants its second input first, always. */
static uint32_t
second_first(tube_stage *s)
{
    (void)s;
    return 1;
}

static tube_status
pass_on(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_OK;
}

static tube_status
ended_is_fine(tube_stage *s, uint32_t input, tube_stop why, tube_error *err)
{
    (void)s;
    (void)input;
    (void)why;
    (void)err;
    return TUBE_OK;
}

static const tube_stage_def wrong_defs[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "sleepy",
      .in = TUBE_FLOW_RECORDS,
      .process = takes_nothing },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "miser",
      .in = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct miser),
      .flags = TUBE_HOLDS,
      .process = miser_process,
      .wake = miser_wake },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "sulky",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .process = takes_nothing },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "picky",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .flags = TUBE_JOINS,
      .process = pass_on,
      .select = second_first,
      .ended = ended_is_fine },
};

static void
deadlock(const tube_pipeline_opts *o, const char *text, const char *who)
{
    tube_pipeline_opts opts = *o;
    tube_error err = { 0 };
    tube_pipeline *p;

    opts.budget = 4 << 20;
    conform_reset();
    p = conform_new_with(&opts, wrong_defs, 4, text);
    conform_go(p);
    err = conform_finish(p, TUBE_EINVAL);
    cr_assert_not_null(strstr(err.message, "deadlock"), "%s: %s", text, err.message);
    cr_assert(strstr(err.message, who) != NULL || strcmp(err.stage, who) == 0,
              "%s: %s: %s", text, err.stage, err.message);
    tube_pipeline_free(p);
}

static void
deadlocks(const tube_pipeline_opts *o)
{
    deadlock(o, "src 0 n=5 | sleepy", "sleepy");
    deadlock(o, "src 0 | pass id=1 | sulky | sink 2", "sulky");
    deadlock(o, "src 0 batch=500 | pass id=1 | miser", "waits for memory");
    deadlock(o, "src 0 n=9 | tee ( sink 1 ) | parallel 2 ( sulky ) | sink 2", "sulky");
    deadlock(o, "src 0 n=9 | tee until=all ( sleepy ) | sink 2", "sleepy");
}

/* covers: PIPE-28 */
Test(N21, whoever_waits_for_nothing_is_named, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(deadlocks);
}

static void
not_a_deadlock(const tube_pipeline_opts *o)
{
    tube_pause_id id;
    tube_pipeline *p = conform_new_with(
        o, wrong_defs, 4,
        "picky ( src 0 n=200 ) ( src 1 fed=yes from=1000 ) | pass id=3 as=a | sink 2");

    conform_go(p);
    conform_quiet(p); /* one input is full, the other may come at any time */
    cr_assert_eq(tube_reason_of(p, WHOLE, &(tube_reason){ 0 }), TUBE_AGAIN);
    cr_assert_eq(tube_pause(p, conform_ref(p, "a"), WHOLE, "the user", &id), TUBE_OK);
    conform_end(1);
    conform_quiet(p); /* nothing can run, but somebody may resume it */
    cr_assert_eq(tube_reason_of(p, WHOLE, &(tube_reason){ 0 }), TUBE_AGAIN);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[2].rows, 200);
    tube_pipeline_free(p);
}

Test(N21, waiting_for_input_or_for_a_resume_is_none, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(not_a_deadlock);
}
