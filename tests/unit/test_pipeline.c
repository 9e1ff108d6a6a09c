/* SPDX-License-Identifier: MIT */
/* test_pipeline.c -- what the engine promises, on small graphs of test stages. */
#include "pipeline.h"
#include "test_stages.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define SECOND 1000000000u

static tube_counts
counts(const tube_pipeline *p)
{
    tube_counts c;

    tube_stats(p, &c);
    return c;
}

static void
run_all(const char *text, int32_t workers, uint64_t rows)
{
    tube_pipeline *p = test_pipeline(TUBE_PIPELINE_OPTS(.workers = workers), text);
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s: %s", text, err.message);
    cr_assert(test_accounted(p));
    cr_assert_eq(seen.rows, rows, "%s: %ju rows", text, (uintmax_t)seen.rows);
    cr_assert_eq(seen.disorder, 0);
    tube_pipeline_free(p);
}

static void
wait_until_true(bool (*look)(const tube_pipeline *p), const tube_pipeline *p)
{
    for (uint64_t end = tube_now() + (uint64_t)10 * SECOND; !look(p);) {
        cr_assert(tube_now() < end, "the state was not reached in 10 s");
        usleep(200);
    }
}

Test(pipeline, passes_every_record_once_and_in_order, .timeout = 20)
{
    run_all("count 100000 | touch | touch | collect", 1, 100000);
    test_reset();
    run_all("count 100000 | touch | touch | collect", 2, 100000);
    test_reset();
    run_all("count 100000 | touch | touch | collect", TUBE_CALLER, 100000);
}

Test(pipeline, ends_with_no_records_at_all, .timeout = 20)
{
    run_all("count 0 | touch | collect", 2, 0);
    cr_assert_eq(seen.finished, 1);
}

Test(pipeline, accounts_for_filtered_and_rejected_records, .timeout = 20)
{
    tube_pipeline *p =
        test_pipeline(NULL, "count 30000 | touch filter=3 reject=5 | collect");

    cr_assert_eq(tube_run(p, NULL), TUBE_OK);
    tube_counts c = counts(p);
    cr_assert_eq(c.read, 30000);
    cr_assert_eq(c.rejected, 6000);
    cr_assert_eq(c.filtered, 8000);
    cr_assert_eq(c.committed, 16000);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

static bool
gate_is_closed_on_it(const tube_pipeline *p)
{
    tube_stage_stats s;

    tube_stats_stage(p, tube_stage_count(p) - 1, &s);
    return counts(p).in_flight == 100 && s.queue == 0;
}

Test(pipeline, is_done_only_when_the_last_commit_is_answered, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 100 | gated delay=1ms");
    tube_error err;

    seen.gate = true;
    cr_assert_eq(tube_start(p, &err), TUBE_OK);
    wait_until_true(gate_is_closed_on_it, p);
    cr_assert_eq(tube_wait(p, SECOND / 5, &err), TUBE_ETIME);
    cr_assert_eq(seen.rows, 0);
    seen.gate = false;
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_OK);
    cr_assert_eq(seen.rows, 100);
    tube_pipeline_free(p);
}

static bool
source_has_stopped(const tube_pipeline *p)
{
    static uint64_t last;
    uint64_t made = seen.made;
    bool same = made == last && made > 0;

    (void)p;
    last = made;
    usleep(20000);
    return same;
}

Test(pipeline, a_stalled_sink_stops_the_source_at_the_bound_of_the_edges, .timeout = 30)
{
    tube_pipeline *p =
        test_pipeline(TUBE_PIPELINE_OPTS(.workers = 2, .depth = 8, .batch_rows = 100),
                      "count 1000000 | touch | touch | gated limit=100 delay=1ms");
    tube_error err;

    seen.gate = true;
    cr_assert_eq(tube_start(p, &err), TUBE_OK);
    wait_until_true(source_has_stopped, p);
    for (uint32_t i = 1; i < tube_stage_count(p); i++) {
        tube_stage_stats s;

        tube_stats_stage(p, i, &s);
        cr_assert_leq(s.queue_high, 8); /* the spilled batch is not in the ring */
    }
    /* three edges of 8 and one spilled batch each, one in hand, one in the sink */
    cr_assert_leq(seen.made, 100 * (3 * 9 + 3));
    cr_assert_leq(counts(p).memory, 64u << 20);
    seen.gate = false;
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_OK);
    cr_assert_eq(seen.rows, 1000000);
    tube_pipeline_free(p);
}

Test(pipeline, one_record_becomes_a_million_within_the_budget, .timeout = 60)
{
    tube_pipeline *p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = 2, .budget = 4u << 20),
        "count 1 | repeat 1000000 | touch | gated limit=100000000 delay=100us");

    cr_assert_eq(tube_run(p, NULL), TUBE_OK);
    cr_assert_eq(seen.rows, 1000000);
    cr_assert_leq(counts(p).memory_high, 4u << 20);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

Test(pipeline, two_stages_run_at_once_on_two_workers, .timeout = 30)
{
    tube_pipeline *p =
        test_pipeline(TUBE_PIPELINE_OPTS(.workers = 2, .batch_rows = 10),
                      "count 2000 | touch spin=300000 | collect spin=300000");

    cr_assert_eq(tube_run(p, NULL), TUBE_OK);
    cr_assert_geq(seen.together, 2);
    tube_pipeline_free(p);
}

Test(pipeline, blocking_stages_leave_the_workers_alone, .timeout = 30)
{
    run_all("count 50000 | touch | blocking", 1, 50000);
}

Test(pipeline, the_first_failure_is_the_cause_and_what_came_before_is_kept,
     .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 50000 | touch fail=20480 | gated");
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_EIO);
    cr_assert_str_eq(err.stage, "touch");
    cr_assert_eq(seen.rows, 20480);
    cr_assert_eq(seen.finished, 1);
    cr_assert(test_accounted(p));
    cr_assert_gt(counts(p).broken, 0);
    tube_pipeline_free(p);
}

Test(pipeline, a_failing_sink_ends_the_source, .timeout = 20)
{
    tube_pipeline *p =
        test_pipeline(NULL, "count 100000000 | touch | collect fail=5000");
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_EDB);
    cr_assert_str_eq(err.stage, "collect");
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

Test(pipeline, a_satisfied_sink_ends_an_endless_source_without_failure, .timeout = 20)
{
    tube_pipeline *p =
        test_pipeline(NULL, "count 100000000 | touch | collect stop=5000");
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    cr_assert(test_accounted(p));
    cr_assert_eq(counts(p).broken, 0);
    cr_assert_lt(counts(p).read, 10000000);
    tube_pipeline_free(p);
}

static bool
has_begun(const tube_pipeline *p)
{
    return counts(p).read > 0;
}

Test(pipeline, drain_finishes_what_is_inside, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 1000000000 | touch | gated");
    tube_error err = { 0 };

    cr_assert_eq(tube_start(p, &err), TUBE_OK);
    wait_until_true(has_begun, p);
    tube_drain(p);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(counts(p).read, counts(p).committed);
    cr_assert_eq(seen.rows, counts(p).read);
    tube_pipeline_free(p);
}

Test(pipeline, abort_settles_everything_and_says_so, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 1000000000 | touch | gated");
    tube_error err = { 0 };

    seen.gate = true;
    cr_assert_eq(tube_start(p, &err), TUBE_OK);
    wait_until_true(has_begun, p);
    tube_abort(p);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_ECANCELED);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
    cr_assert_eq(seen.closed, 3);
}

Test(pipeline, freeing_a_running_pipeline_ends_it, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 1000000000 | touch | collect");

    cr_assert_eq(tube_start(p, NULL), TUBE_OK);
    tube_pipeline_free(p);
    cr_assert_eq(seen.closed, 3);
}

Test(pipeline, an_idle_pipeline_does_not_wake_up, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(TUBE_PIPELINE_OPTS(.workers = 2),
                                     "count 100 wait=yes | touch | gated");
    struct rusage before, after;
    tube_error err;

    cr_assert_eq(tube_start(p, &err), TUBE_OK);
    for (uint64_t end = tube_now() + (uint64_t)10 * SECOND; seen.rows < 100;)
        cr_assert(tube_now() < end);
    usleep(50000);
    (void)getrusage(RUSAGE_SELF, &before);
    cr_assert_eq(tube_wait(p, SECOND, &err), TUBE_ETIME);
    (void)getrusage(RUSAGE_SELF, &after);
#ifndef __SANITIZE_THREAD__ /* which has a thread of its own */
    /* this thread itself slept once; of others, none */
    cr_assert_leq(after.ru_nvcsw - before.ru_nvcsw, 2);
#endif
    tube_abort(p);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_ECANCELED);
    tube_pipeline_free(p);
}

Test(pipeline, too_many_rejects_stop_it_early, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(TUBE_PIPELINE_OPTS(.max_rejects = 10),
                                     "count 100000000 | touch reject=7 | collect");
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_EPARSE);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

Test(pipeline, a_stage_that_waits_for_nothing_is_named, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 10 | touch | sleepy");
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_EINVAL);
    cr_assert(strstr(err.message, "deadlock") != NULL, "%s", err.message);
    cr_assert(strstr(err.message, "sleepy") != NULL, "%s", err.message);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

typedef struct trace {
    uint64_t hash;
} trace;

static void
note_reject(void *arg, const tube_reject_info *r)
{
    trace *t = arg;

    for (const char *c = r->reason; *c != '\0'; c++)
        t->hash = (t->hash ^ (unsigned char)*c) * 1099511628211u;
}

static uint64_t
activation_hash(uint64_t seed)
{
    trace t = { 1469598103934665603u };
    tube_pipeline *p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = seed, .batch_rows = 7,
                           .on_reject = note_reject, .arg = &t),
        "count 5000 | touch reject=11 | touch | gated limit=50 delay=0ns");

    cr_assert_eq(tube_run(p, NULL), TUBE_OK);
    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_stats s;

        tube_stats_stage(p, i, &s);
        t.hash = (t.hash ^ s.activations ^ s.queue_sum << 32) * 1099511628211u;
    }
    tube_pipeline_free(p);
    return t.hash;
}

Test(pipeline, the_same_seed_gives_the_same_run, .timeout = 30)
{
    cr_assert_eq(activation_hash(1), activation_hash(1));
    cr_assert_neq(activation_hash(1), activation_hash(2));
}

Test(pipeline, an_abort_after_the_end_changes_nothing, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 100 | collect");
    tube_error err = { 0 };

    cr_assert_eq(tube_run(p, &err), TUBE_OK);
    tube_abort(p);
    tube_drain(p);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_OK);
    tube_pipeline_free(p);
}

Test(pipeline, a_drain_before_the_start_is_not_lost, .timeout = 20)
{
    tube_pipeline *p = test_pipeline(NULL, "count 1000000000 | collect");
    tube_error err = { 0 };

    tube_drain(p);
    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(seen.rows, 0);
    tube_pipeline_free(p);
}

static tube_status
fail_at_once(tube_stage *s, tube_error *err)
{
    (void)s;
    return tube_fail(err, TUBE_EIO, "the farewell fails");
}

static tube_status
nothing(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_END;
}

static tube_status
one_column(tube_stage *s, tube_error *err)
{
    const tube_column column = { .name = "n", .type = TUBE_INT };

    return tube_set_schema(s, &column, 1, err);
}

static tube_status
asleep(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    usleep(20000);
    return TUBE_AGAIN;
}

/* Shapes twice, as a stage may that was told AGAIN behind the first time. */
static tube_status
shape_twice(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)err;
    if (tube_reshape(s, b) != TUBE_OK || tube_reshape(s, b) != TUBE_OK)
        return TUBE_AGAIN;
    TUBE_EACH(b, r)
        tube_row(b, r)[0] = b->old[(size_t)r * b->old_width];
    return TUBE_OK;
}

static const tube_stage_def odd_defs[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SOURCE,
      .name = "badfinish",
      .out = TUBE_FLOW_RECORDS,
      .open = one_column,
      .process = nothing,
      .finish = fail_at_once },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "asleep",
      .in = TUBE_FLOW_RECORDS,
      .flags = TUBE_BLOCKS,
      .process = asleep },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "twice",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .open = one_column,
      .process = shape_twice },
};

static tube_status
run_odd(const char *text, tube_error *err)
{
    tube_pipeline *p = test_pipeline_with(odd_defs, 3, text);
    tube_status st = tube_run(p, err);

    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
    return st;
}

Test(pipeline, a_source_that_fails_in_finish_ends, .timeout = 20)
{
    tube_error err = { 0 };

    cr_assert_eq(run_odd("badfinish | collect", &err), TUBE_EIO);
    cr_assert_str_eq(err.message, "the farewell fails");
}

Test(pipeline, a_blocking_stage_that_waits_for_nothing_is_named_too, .timeout = 20)
{
    tube_error err = { 0 };

    cr_assert_eq(run_odd("count 10 | asleep", &err), TUBE_EINVAL);
    cr_assert(strstr(err.message, "asleep") != NULL, "%s", err.message);
}

Test(pipeline, reshaping_again_behind_AGAIN_is_the_same_shape, .timeout = 20)
{
    tube_error err = { 0 };

    cr_assert_eq(run_odd("count 5000 | twice | twice | collect", &err), TUBE_OK);
    cr_assert_eq(seen.rows, 5000);
    cr_assert_eq(seen.sum, (uint64_t)5000 * 4999 / 2);
}
