/* SPDX-License-Identifier: MIT */
/* seed_flow.c -- SEED-1, 4, 8, 9, 10, 11, 16, 17: what the seed's author ran into. */
#include "conform.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* SEED-1: stages that have nothing to say at the end, not even a function for it. */

static tube_status
mute_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_OK;
}

static tube_status
swallow_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)err;
    TUBE_EACH(b, r)
        tube_filter(s, b, r);
    return TUBE_OK;
}

static const tube_stage_def mute_defs[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "mute",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .process = mute_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "swallow",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .process = swallow_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "muteemit",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .flags = TUBE_EMITS,
      .process = mute_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "mutesink",
      .in = TUBE_FLOW_RECORDS,
      .process = mute_process },
};

static void
mute_stages(const tube_pipeline_opts *o)
{
    static const char *const texts[] = {
        "src 1 n=3 | mute | sink 9",
        "src 1 n=0 | mute | swallow | muteemit | sink 9",
        "src 1 n=9 | muteemit | mute | mute | sink 9",
        "src 1 n=9 | tee ( swallow | mutesink ) ( mute | mutesink ) | mute | sink 9",
        "merge ( src 1 n=3 | mute ) ( src 2 n=3 | swallow ) | mute | sink 9",
        "src 1 n=3 | thru ( mute ) ( swallow ) | sink 9",
        "src 1 n=3 | parallel 2 ( mute ) | sink 9",
        "src 1 n=3 | route ( when n = 1 | swallow | mutesink ) | mute | sink 9",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tube_pipeline *p;

        conform_reset();
        p = conform_new_with(o, mute_defs, 4, texts[i]);
        conform_go(p);
        conform_finish(p, TUBE_OK);
        cr_assert_eq(conform.at[9].finished, 1, "%s: no stop", texts[i]);
        tube_pipeline_free(p);
    }
}

/* covers: SEED-1, TUB-29, TUB-3, test_noOps */
Test(SEED_1, a_stage_without_a_farewell_passes_the_stop_on, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(mute_stages);
}

/* SEED-4 */

static void
dev_null(const tube_pipeline_opts *o)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    tube_error err = { 0 };
    tube_pipeline *p;

    cr_assert_eq(dup2(null, STDIN_FILENO), STDIN_FILENO);
    (void)close(null);
    p = conform_new(o, "file \"-\" | lines | sink 9");

    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    (void)usleep(2000);
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open finish close");
    tube_pipeline_free(p);
}

/* covers: SEED-4, test_provides */
Test(SEED_4, an_input_that_ended_before_all_is_set_up_ends_the_pipeline,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(dev_null);
}

static void
late_learns(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge hold=yes as=m ( src 1 fed=yes | tee as=t ( sink 10 ) | pass 2 ) "
           "| sink 9 as=s");
    tube_ref t = conform_ref(p, "t"), ref = { 0 };
    tube_reason r = { 0 };
    tube_status st;

    conform_feed(1, 2);
    conform_end(1);
    conform_until_rows(p, 9, 2);
    conform_quiet(p);
    cr_assert_eq(conform.at[10].finished, 1);
    cr_assert_eq(conform.at[9].finished, 0);
    st = tube_attach(p, t, "sink 11 as=late", &ref, NULL);
    cr_assert(st == TUBE_OK || st == TUBE_END, "%d", (int)st);
    conform_quiet(p);
    cr_assert_str_eq(conform_log(11, "sink"), "open finish");
    if (tube_reason_of(p, ref, &r) == TUBE_OK)
        cr_assert_eq(r.kind, TUBE_STOP_END);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: SEED-4, TUB-31, TUB-47, test_stopFlowBeforeFlowBegins */
Test(SEED_4, who_is_attached_behind_the_end_learns_of_it_at_once,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(late_learns);
}

/* SEED-8 */

static void
fan_in(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "merge ( src 1 n=100 ) ( src 2 n=100 from=100 | pass 4 ) "
                         "( src 3 n=100 from=200 batch=9 ) | pass 5 | sink 9");

    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 300, 1);
    cr_assert_eq(conform.at[9].finished, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-8, TUB-50, test_oneDrainReceives */
Test(SEED_8, several_sources_into_one_sink, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(fan_in);
}

/* SEED-9 */

static void
fan_out_and_in(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "src 1 fed=yes | thru ( pass 2 add=10 | pass 3 add=1 ) ( pass 4 add=20 ) "
           "( emit 5 bye=1 | pass 6 add=30 ) | sink 9 as=s");

    conform_feed(1, 2);
    conform_until_rows(p, 9, 6);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 11 20 30 12 21 31 1031 finish");
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_END);
    tube_pipeline_free(p);
}

/* covers: SEED-9, TUB-56, test_thru */
Test(SEED_9, out_to_n_series_and_in_again_lets_the_stop_through,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(fan_out_and_in);
}

static void
broken_through(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 fed=yes | thru ( pass 2 ) ( pass 3 ) | sink 9 as=s");
    tube_reason r;

    conform_feed(1, 1);
    conform_until_rows(p, 9, 2);
    conform_break(1);
    conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 0 finish");
    cr_assert_eq(tube_reason_of(p, conform_ref(p, "s"), &r), TUBE_OK);
    cr_assert_eq(r.kind, TUBE_STOP_ERROR);
    cr_assert_eq(r.n_causes, 1, "one cause came two ways");
    tube_pipeline_free(p);
}

/* covers: SEED-9, TUB-56 */
Test(SEED_9, a_failure_gets_through_all_branches_and_is_one, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(broken_through);
}

/* SEED-10 */

static void
all_reasons(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge until=all as=m ( src 1 n=3 as=a ) ( src 2 fed=yes as=b ) "
           "( src 3 fed=yes as=c ) | sink 9 as=s");
    bool seen[3] = { false };
    tube_reason r;
    tube_ref m = conform_ref(p, "m");

    conform_feed(2, 2);
    conform_until_rows(p, 9, 5);
    conform_break(2);
    conform_quiet(p);
    cr_assert_eq(tube_reason_of(p, m, &r), TUBE_AGAIN, "one input is open");
    conform_feed(3, 4);
    conform_end(3);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(tube_reason_of(p, conform_ref(p, "s"), &r), TUBE_OK);
    cr_assert_eq(r.n_causes, 3);
    cr_assert_eq(r.kind, TUBE_STOP_ERROR);
    cr_assert_eq(r.count[TUBE_STOP_END], 2);
    cr_assert_eq(r.count[TUBE_STOP_ERROR], 1);
    for (uint32_t i = 0; i < 3; i++) {
        tube_cause c;

        cr_assert_eq(tube_cause_of(p, conform_ref(p, "s"), i, &c), TUBE_OK);
        cr_assert(c.name[0] >= 'a' && c.name[0] <= 'c', "%s", c.name);
        seen[c.name[0] - 'a'] = true;
        cr_assert_eq(c.rows, (uint64_t)(c.name[0] == 'a'   ? 3
                                        : c.name[0] == 'b' ? 2
                                                           : 4));
        if (c.name[0] == 'b')
            cr_assert_str_eq(c.message, "broken 2");
    }
    cr_assert(seen[0] && seen[1] && seen[2]);
    cr_assert_eq(conform.at[9].rows, 9);
    tube_pipeline_free(p);
}

/* covers: SEED-10, TUB-53, test_flowStopped (fan in) */
Test(SEED_10, a_fan_in_ends_with_its_last_input_and_keeps_every_reason,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(all_reasons);
}

static void
empty_is_not_ended(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "merge as=m ( src 1 n=2 ) | sink 9");
    tube_ref m = conform_ref(p, "m");

    if (tube_hold(p, m) == TUBE_OK) {
        conform_quiet(p);
        cr_assert_eq(conform.at[9].finished, 0, "empty is not ended");
        cr_assert_eq(tube_attach(p, m, "src 2 n=1 from=5", NULL, NULL), TUBE_OK);
        conform_until_rows(p, 9, 3);
        conform_quiet(p);
        cr_assert_eq(conform.at[9].finished, 0);
        cr_assert_eq(tube_seal(p, m), TUBE_OK);
        cr_assert_eq(tube_attach(p, m, "src 2 n=1", NULL, NULL), TUBE_END);
    }
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].finished, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-10 */
Test(SEED_10, whether_it_stops_when_empty_is_said_by_hold_and_seal,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(empty_is_not_ended);
}

/* SEED-11 */

static void
while_it_is_set_up(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, "record row { n int; tag text }\n"
                       "merge hold=yes of=row as=m ( src 1 n=1 as=a ) | sink 9");
    tube_ref m = conform_ref(p, "m"), in[3];
    tube_error err = { 0 };
    tube_inlet *idle;
    tube_pause_id id;

    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    idle = tube_inlet_new(p, m, "row", &err); /* is never fed */
    cr_assert_not_null(idle, "%s", err.message);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tube_attach(p, m, "src 2 n=1 from=10", &in[i], &err), TUBE_OK,
                     "%s", err.message);
        if (i == 1)
            cr_assert_eq(tube_detach(p, in[0], &err), TUBE_OK, "%s", err.message);
    }
    cr_assert_eq(tube_detach(p, conform_ref(p, "a"), &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_pause(p, m, (tube_ref){ 0 }, "test", &id), TUBE_OK);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_go(p);
    conform_until_rows(p, 9, 2);
    conform_quiet(p);
    cr_assert_eq(conform.at[9].finished, 0);
    cr_assert_geq(conform.at[9].rows, 2);
    cr_assert_eq(tube_stop_stage(p, m, TUBE_STOP_CANCELLED, NULL), TUBE_OK);
    conform_finish(p, TUBE_OK);
    tube_inlet_free(idle);
    tube_pipeline_free(p);
}

/* covers: SEED-11, TUB-55 */
Test(SEED_11, inputs_are_added_and_removed_before_the_start_without_a_stop,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(while_it_is_set_up);
}

static void
taken_away_for_nothing(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes as=a | pass 2 as=b | sink 9");

    cr_assert_eq(tube_detach(p, conform_ref(p, "a"), NULL), TUBE_EINVAL);
    cr_assert_eq(tube_detach(p, conform_ref(p, "b"), NULL), TUBE_EINVAL);
    cr_assert_eq(tube_detach(p, (tube_ref){ 0 }, NULL), TUBE_EINVAL);
    conform_feed(1, 2);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 finish");
    tube_pipeline_free(p);
}

/* covers: SEED-11, test_flowToNoneInitialNoOp */
Test(SEED_11, taking_away_what_is_no_input_is_refused_and_harmless,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(taken_away_for_nothing);
}

/* SEED-16 */

static void
until_fired(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, "src 1 n=30 | pass 2 gate=yes | pass 3 | sink 9 hold=yes");

    conform_gate(2, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(conform.at[2].calls, 0);
    conform_gate(2, false);
    conform_until_rows(p, 9, 30);
    conform_quiet(p);
    cr_assert_eq(conform_counts(p).committed, 0);
    for (int i = 1; i <= 3; i++) {
        conform_let(9, 10);
        conform_quiet(p);
        cr_assert_eq(conform_counts(p).committed, (uint64_t)i * 10);
    }
    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 30, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-16, PIPE-18, test_tubeYieldsUnfiredDeferred,
 * test_tubeYieldsMultipleDeferreds, test_tubeYieldsFiredDeferred,
 * test_tubeYieldedDeferredFiresWhileFlowIsPaused */
Test(SEED_16, a_stage_waits_for_what_it_began_and_nothing_overtakes,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(until_fired);
}

/* SEED-17, SEED-15: `work` sleeps, as a stage does that calls something slow. */

static _Atomic int64_t working, most_working;

static tube_status
work_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    int64_t n = atomic_fetch_add(&working, 1) + 1;

    (void)s;
    if (n > atomic_load(&most_working))
        atomic_store(&most_working, n);
    (void)usleep(2000 + 1000 * (unsigned)(tube_row(b, 0)->integer % 3));
    atomic_fetch_sub(&working, 1);
    if (tube_row(b, 0)->integer == 40)
        return tube_fail(err, TUBE_EIO, "the work fails at 40");
    return TUBE_OK;
}

static const tube_stage_def work_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "work",
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .flags = TUBE_BLOCKS | TUBE_STATELESS,
    .process = work_process,
};

/* covers: SEED-17, PIPE-23, PIPE-34, pipe iter' 1, pipe iter 1,
 * pipe iter_without_pushback 1 */
Test(SEED_17, slow_work_runs_side_by_side_and_keeps_the_order,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p =
        conform_new_with(TUBE_PIPELINE_OPTS(.workers = 1), &work_def, 1,
                         "src 1 n=40 | parallel 4 ( work ) order=input | sink 9");

    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "rows"), conform_log(1, "rows"));
    cr_assert_eq(conform.at[9].rows, 40);
    cr_assert_geq(most_working, 2);
    cr_assert_leq(most_working, 4);
    tube_pipeline_free(p);
}

/* covers: SEED-17, TUB-42, PIPE-22, test_deferredFromNextOnIteratorFails, pipe iter' 2,
 * pipe iter 2, pipe iter_without_pushback 2 */
Test(SEED_17, work_that_fails_ends_the_pipeline_and_wedges_nothing,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p =
        conform_new_with(TUBE_PIPELINE_OPTS(.workers = 1), &work_def, 1,
                         "src 1 n=400 | parallel 4 ( work ) order=input | sink 9");
    tube_error err;

    conform_go(p);
    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.message, "the work fails at 40");
    cr_assert_leq(conform.at[9].rows, 40);
    cr_assert_eq(conform.at[9].finished, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-17, PIPE-22, PIPE-29, pipe iter' 3, pipe iter 3,
 * pipe iter_without_pushback 3, pipe create_reader 5 */
Test(SEED_17, work_that_fails_may_be_passed_over_if_so_asked,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p = conform_new_with(
        TUBE_PIPELINE_OPTS(.workers = 1), &work_def, 1,
        "src 1 n=60 bad=process at=5 fail=retry | work fail=skip | sink 9");

    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[1].failures, 1);
    cr_assert_eq(conform.at[9].rows, 59);
    cr_assert_eq(conform_counts(p).rejected, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-15 */
Test(SEED_15, a_stage_that_blocks_has_a_thread_and_holds_up_nobody,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p = conform_new_with(
        TUBE_PIPELINE_OPTS(.workers = 1, .depth = 2), &work_def, 1,
        "merge ( src 1 n=39 | work ) ( src 2 n=2000 from=1000 ) | sink 9");
    const char *log;

    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, 2039);
    log = conform_log(9, "rows");
    /* the one worker had all of the quick input while the thread was at work */
    cr_assert_lt(strstr(log, " 2999"), strstr(log, " 38"));
    tube_pipeline_free(p);
}
