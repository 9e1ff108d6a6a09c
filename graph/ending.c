/* SPDX-License-Identifier: MIT */
/* ending.c -- how a pipeline ends: stages that are done or fail, rejects, drain, abort, and
 * what the scheduler has to say when nothing runs. */
#include "pipeline.h"

#include <stdio.h>

enum { ROWS_FOR_SHARE = 1000 };

void
tubei_pipeline_fail(tube_pipeline *p, const tube_stage *s, tube_error *err)
{
    if (err->stage[0] == '\0')
        (void)snprintf(err->stage, sizeof(err->stage), "%s", tubei_stage_label(s));
    tubei_cause_fail(&p->causes, err);
}

void
tubei_pipeline_stage_done(tube_stage *s)
{
    tube_pipeline *p = s->pipeline;
    bool last;

    tubei_sched_wait_until(p->sched, s, 0);
    tubei_memory_forget(p->memory, s);
    pthread_mutex_lock(&p->lock);
    if (s->def->kind == TUBE_SINK)
        tubei_reason_merge(&p->end, &s->reason);
    tubei_pauses_end(p, s);
    p->dead += s->dynamic;
    atomic_store_explicit(&s->ended, true, memory_order_release);             /* [G1] */
    last = atomic_fetch_sub_explicit(&p->live, 1, memory_order_acq_rel) == 1; /* G3 */
    pthread_cond_broadcast(&p->stage_done);
    pthread_mutex_unlock(&p->lock);
    tubei_watches_call(p, s);
    if (!last)
        return;
    /* [L1] pairs with the looks at `done`: all that every stage did is before it */
    atomic_store_explicit(&p->done, true, memory_order_release);
    tubei_watches_call(p, NULL);
    tubei_latch_set(&p->done_future);
}

bool
tubei_pipeline_aborted(const tube_pipeline *p)
{
    return atomic_load_explicit(&p->causes.abort,
                                memory_order_acquire); /* [S2] pairs [S1] */
}

/* Are more records rejected than the limits allow?  The share says little about the
 * first few records: it counts from ROWS_FOR_SHARE on, and at the end. */
static bool
too_many_rejects(const tube_pipeline *p, uint64_t rows_for_share)
{
    const tube_pipeline_opts *o = &p->opts;
    uint64_t n = atomic_load_explicit(&p->rejects, memory_order_relaxed);
    uint64_t read = tubei_totals_sum(&p->totals, offsetof(tubei_stripe, read));

    return (o->max_rejects > 0 && n > o->max_rejects)
           || (o->fail_on_first_reject && n > 0)
           || (o->max_reject_share > 0 && read >= rows_for_share
               && (double)n > o->max_reject_share * (double)read);
}

static void
fail_of_rejects(tube_pipeline *p)
{
    tube_error err;

    (void)tube_fail(
        &err, TUBE_EPARSE, "%ju of %ju records rejected, more than %s",
        (uintmax_t)atomic_load(&p->rejects),
        (uintmax_t)tubei_totals_sum(&p->totals, offsetof(tubei_stripe, read)),
        "the limit (max-rejects)");
    tubei_cause_fail(&p->causes, &err);
}

void
tubei_pipeline_rejects_end(tube_pipeline *p)
{
    if (too_many_rejects(p, 1))
        fail_of_rejects(p);
}

void
tubei_pipeline_rejected(tube_pipeline *p)
{
    atomic_fetch_add_explicit(&p->rejects, 1, memory_order_relaxed);
    if (!too_many_rejects(p, ROWS_FOR_SHARE))
        return;
    fail_of_rejects(p);
    tube_drain(p);
}

/* Under the lock: notify every stage that `which` wants, with a reason for wake(). */
static void
wake(tube_pipeline *p, bool (*which)(const tube_stage *s), unsigned why)
{
    for (uint32_t i = 0; i < p->n; i++)
        if (p->stages[i] != NULL && which(p->stages[i]))
            tubei_stage_wake(p->stages[i], why);
}

static void
wake_all(tube_pipeline *p, bool (*which)(const tube_stage *s), unsigned why)
{
    pthread_mutex_lock(&p->lock);
    wake(p, which, why);
    pthread_mutex_unlock(&p->lock);
}

static bool
is_any(const tube_stage *s)
{
    return s != NULL;
}

bool
tubei_stage_is_root(const tube_stage *s)
{
    return s->def->kind == TUBE_SOURCE || (s->def->flags & TUBE_JOINS) != 0;
}

static bool
is_holder(const tube_stage *s)
{
    return (s->def->flags & TUBE_HOLDS) != 0;
}

void
tubei_stage_pressure(tube_stage *s)
{
    wake_all(s->pipeline, is_holder, TUBE_WOKE_PRESSURE);
}

void
tube_drain(tube_pipeline *p)
{
    if (tubei_forked(p))
        return;
    /* [D2] pairs with [D1]; a start in this moment sees it, or we see `started` */
    if (atomic_exchange_explicit(&p->draining, true, memory_order_seq_cst))
        return;
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n; i++)
        if (p->stages[i] != NULL)
            p->stages[i]->held_open = false;
    if (p->started)
        wake(p, tubei_stage_is_root, 0);
    pthread_mutex_unlock(&p->lock);
    tubei_inlets_stop(p, TUBE_STOP_CANCELLED, "drained");
}

void
tube_abort(tube_pipeline *p)
{
    tube_cause what = { .kind = TUBE_STOP_ABORT, .when = tube_now() };

    if (tubei_forked(p))
        return;
    if (atomic_load_explicit(&p->done, memory_order_acquire))
        return; /* what is over is not aborted any more */
    pthread_mutex_lock(&p->lock);
    if (tubei_pipeline_aborted(p)) {
        pthread_mutex_unlock(&p->lock);
        return;
    }
    (void)snprintf(what.message, sizeof(what.message), "aborted");
    tubei_cause_add(&p->causes, &p->abort_reason, &what, NULL);
    for (uint32_t i = 0; i < p->n; i++)
        if (p->stages[i] != NULL)
            p->stages[i]->held_open = false;
    atomic_store_explicit(&p->causes.abort, true, memory_order_seq_cst); /* [S1] */
    pthread_mutex_unlock(&p->lock);
    tubei_inlets_stop(p, TUBE_STOP_ABORT, "aborted");
    if (p->started)
        wake_all(p, is_any, TUBE_WOKE_ABORT);
}

void
tubei_pipeline_alarm(void *arg)
{
    tube_pipeline *p = arg;

    tubei_deadline_look(p);
}

void
tubei_deadline_look(tube_pipeline *p)
{
    uint64_t when = atomic_load_explicit(&p->deadline, memory_order_acquire);

    if (when == 0 || tube_now() < when
        || atomic_load_explicit(&p->done, memory_order_acquire))
        return;
    atomic_store_explicit(&p->deadline, 0, memory_order_release);
    tube_abort(p);
}

tube_status
tube_drain_within(tube_pipeline *p, uint64_t ns)
{
    uint64_t when = tube_now() + (ns < UINT64_MAX / 2 ? ns : UINT64_MAX / 2);

    if (tubei_forked(p))
        return TUBE_EFORK;
    if (!p->started)
        return TUBE_EINVAL;
    atomic_store_explicit(&p->deadline, when, memory_order_release);
    tubei_sched_alarm(p->sched, when);
    tube_drain(p);
    return TUBE_OK;
}

/* The scheduler's questions. */

void
tubei_pipeline_quiet(void *arg)
{
    wake_all(arg, is_holder, TUBE_WOKE_QUIET);
}

/* Does something outside keep it waiting?  Then nothing is wrong. */
static bool
is_waited_for(tube_pipeline *p)
{
    bool waited = p->n_pauses > 0;

    for (const tube_inlet *in = p->inlets; in != NULL && !waited;
         in = tubei_inlet_next(in))
        waited = tubei_inlet_open(in);
    for (uint32_t i = 0; i < p->n && !waited; i++)
        waited = p->stages[i] != NULL && p->stages[i]->held_open
                 && !atomic_load_explicit(&p->stages[i]->ended, memory_order_relaxed);
    return waited;
}

void
tubei_pipeline_stuck(void *arg)
{
    tube_pipeline *p = arg;
    const tube_stage *who = NULL;
    tube_error err;
    bool waited;

    if (!p->started || atomic_load_explicit(&p->done, memory_order_acquire))
        return;
    pthread_mutex_lock(&p->lock);
    /* an abort: what can be done was done; not still: somebody has just begun something */
    waited =
        tubei_pipeline_aborted(p) || is_waited_for(p) || !tubei_sched_still(p->sched);
    /* the last one that has work and does not do it keeps all before it waiting */
    for (uint32_t i = 0; i < p->n; i++)
        if (p->stages[i] != NULL
            && (who == NULL || p->stages[i]->waits_memory
                || atomic_load_explicit(&p->stages[i]->has_work, memory_order_relaxed)))
            who = p->stages[i];
    if (!waited && who != NULL) {
        (void)tube_fail(
            &err, TUBE_EINVAL, "deadlock: '%s' waits for %s, and nothing runs",
            tubei_stage_label(who), who->waits_memory ? "memory" : "itself");
        tube_hint(&err, "a stage returned TUBE_AGAIN and waits for nothing, or the "
                        "memory budget is too small");
        tubei_pipeline_fail(p, who, &err);
    }
    pthread_mutex_unlock(&p->lock);
    if (!waited && who != NULL)
        tube_abort(p);
}
