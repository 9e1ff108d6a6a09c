/* SPDX-License-Identifier: MIT */
/* n_depth.c -- ten thousand stages in series, on a small stack: N25. */
#include "f_reasons.h"

#include <limits.h>
#include <pthread.h>

enum { DEEP = 10000, STACK = 256 * 1024 };

static _Atomic int step_opens, step_closes, step_finishes;

static tube_status
step_open(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    atomic_fetch_add(&step_opens, 1);
    return TUBE_OK;
}

static tube_status
step_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    TUBE_EACH(b, r)
        tube_row(b, r)->integer++;
    return TUBE_OK;
}

static tube_status
step_finish(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    atomic_fetch_add(&step_finishes, 1);
    return TUBE_OK;
}

static void
step_close(tube_stage *s)
{
    (void)s;
    atomic_fetch_add(&step_closes, 1);
}

static const tube_stage_def step_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "step",
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .open = step_open,
    .process = step_process,
    .finish = step_finish,
    .close = step_close,
};

static tube_pipeline *
deep(const tube_pipeline_opts *o, const char *first, const char *last)
{
    tube_pipeline_opts opts = *o;
    char *text = malloc(DEEP * 8 + 200);
    size_t at;
    tube_pipeline *p;

    cr_assert_not_null(text);
    at = (size_t)snprintf(text, DEEP * 8 + 200, "%s", first);
    for (int i = 0; i < DEEP; i++) {
        memcpy(text + at, " | step", 7);
        at += 7;
    }
    (void)snprintf(text + at, DEEP * 8 + 200 - at, " | %s", last);
    opts.depth = 2;
    conform_reset();
    step_opens = step_closes = step_finishes = 0;
    p = conform_new_with(&opts, &step_def, 1, text);
    cr_assert_eq(tube_stage_count(p), DEEP + 2);
    free(text);
    return p;
}

static void
runs(const tube_pipeline_opts *o)
{
    tube_pipeline *p = deep(o, "src 0 n=20 batch=5", "sink 1");

    conform_go(p);
    cr_assert_eq(step_opens, DEEP);
    cr_assert_eq(tube_wait(p, 50 * SECOND, NULL), TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), numbers(DEEP, 20, "open", "finish"));
    cr_assert_eq(step_finishes, DEEP);
    cr_assert_eq(conform_counts(p).committed, 20);
    cr_assert_eq(conform_counts(p).memory, 0);
    tube_pipeline_free(p);
    cr_assert_eq(step_closes, DEEP);
}

/* A pipeline with records in all of its stages that ends early. */
static void
ends_early(const tube_pipeline_opts *o, int how)
{
    tube_pipeline *p = deep(o, "src 0", "sink 1");
    tube_status st = TUBE_AGAIN;
    uint64_t begun = tube_now();

    conform_go(p);
    while (conform.at[1].rows < 3) {
        cr_assert_lt(tube_now() - begun, 50 * SECOND);
        if (conform.caller)
            cr_assert_neq(tube_step(p), TUBE_END);
    }
    if (how == 0)
        tube_drain(p);
    else if (how == 1)
        cr_assert_eq(
            tube_stop_stage(p, conform_ref(p, "sink"), TUBE_STOP_SATISFIED, NULL),
            TUBE_OK);
    else if (how == 2)
        tube_abort(p);
    if (how < 3) {
        st = tube_wait(p, 50 * SECOND, NULL);
        cr_assert_eq(st, how == 2 ? TUBE_ECANCELED : TUBE_OK, "%d: %d", how, (int)st);
        cr_assert_eq(times_in(conform_log(1, NULL), "finish"), how != 2);
        cr_assert_eq(conform_counts(p).in_flight, 0);
        cr_assert_eq(conform_counts(p).memory, 0);
    }
    tube_pipeline_free(p); /* how 3: that is its end */
    cr_assert_eq(step_closes, DEEP);
}

static void *
on_small_stack(void *arg)
{
    int how = *(const int *)arg;
    const tube_pipeline_opts *caller =
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = 5);

    if (how < 0)
        runs(caller);
    else
        ends_early(caller, how);
    return NULL;
}

/* All of it, parser included, on a stack that a recursion of that depth does not fit. */
static void
small(int how)
{
    pthread_attr_t attr;
    pthread_t t;

    cr_assert_eq(pthread_attr_init(&attr), 0);
    cr_assert_eq(pthread_attr_setstacksize(&attr, STACK), 0);
    cr_assert_eq(pthread_create(&t, &attr, on_small_stack, &how), 0);
    cr_assert_eq(pthread_join(t, NULL), 0);
    (void)pthread_attr_destroy(&attr);
}

/* covers: TUB-37 */
Test(N25, ten_thousand_stages_run_on_a_small_stack, .timeout = 2 * CONFORM_SECONDS)
{
    small(-1);
}

/* covers: TUB-37 */
Test(N25, are_drained_stopped_aborted_and_freed, .timeout = 4 * CONFORM_SECONDS)
{
    for (int how = 0; how < 4; how++)
        small(how);
}

/* covers: TUB-37 */
Test(N25, and_all_that_on_workers, .timeout = 4 * CONFORM_SECONDS)
{
    runs(TUBE_PIPELINE_OPTS(.workers = 2));
    for (int how = 0; how < 4; how++)
        ends_early(TUBE_PIPELINE_OPTS(.workers = 2), how);
}
