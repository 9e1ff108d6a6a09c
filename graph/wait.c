/* SPDX-License-Identifier: MIT */
/* wait.c -- why things ended, and waiting for it. */
#include "../engine/check.h"
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

static tube_pipeline *mutable(const tube_pipeline *p)
{
    return (tube_pipeline *)(uintptr_t)p; /* for its lock */
}

/* Reasons. */

tube_reason
tubei_reason_public(tube_pipeline *p, const tubei_reason *r)
{
    tube_reason out = { .kind = r->kind, .n_causes = r->n };

    for (uint32_t i = 0; i < r->n; i++) {
        tube_cause c;

        if (!tubei_cause_read(&p->causes, r->cause[i], &c))
            continue;
        out.count[c.kind]++;
        if (c.kind == r->kind && out.headline == 0)
            out.headline = c.sequence;
    }
    return out;
}

/* Under the lock: the reason of a stage or of the pipeline, if it has ended. */
static tube_status
reason_find(const tube_pipeline *p, tube_ref ref, const tubei_reason **r)
{
    const tube_stage *s = ref.id != 0 ? tubei_pipeline_find(p, ref) : NULL;

    if (ref.id != 0 && s == NULL)
        return TUBE_EINVAL;
    if (s != NULL ? !atomic_load_explicit(&s->ended, memory_order_acquire)
                  : !atomic_load_explicit(&p->done, memory_order_acquire))
        return TUBE_AGAIN;
    *r = s != NULL ? &s->reason : &p->end;
    return TUBE_OK;
}

tube_status
tube_reason_of(const tube_pipeline *cp, tube_ref ref, tube_reason *out)
{
    tube_pipeline *p = mutable(cp);
    const tubei_reason *r = NULL;
    tube_status st;

    if (tubei_forked(p))
        return TUBE_EFORK;
    pthread_mutex_lock(&p->lock);
    st = reason_find(p, ref, &r);
    if (st == TUBE_OK)
        *out = tubei_reason_public(p, r);
    pthread_mutex_unlock(&p->lock);
    return st;
}

tube_status
tube_cause_of(const tube_pipeline *cp, tube_ref ref, uint32_t i, tube_cause *c)
{
    tube_pipeline *p = mutable(cp);
    const tubei_reason *r = NULL;
    tube_status st;

    if (tubei_forked(p))
        return TUBE_EFORK;
    pthread_mutex_lock(&p->lock);
    st = reason_find(p, ref, &r);
    if (st == TUBE_OK && (i >= r->n || !tubei_cause_read(&p->causes, r->cause[i], c)))
        st = TUBE_EINVAL;
    pthread_mutex_unlock(&p->lock);
    return st;
}

uint32_t
tube_report(const tube_pipeline *cp, tube_unfinished *out, uint32_t n)
{
    tube_pipeline *p = mutable(cp);
    uint32_t found = 0;

    if (tubei_forked(p))
        return 0;
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n; i++) {
        tube_stage *s = p->stages[i];
        uint64_t broken = s != NULL ? atomic_load(&s->count.broken) : 0;

        if (broken == 0 || found++ >= n)
            continue;
        out[found - 1] =
            (tube_unfinished){ .stage = { s->id },
                               .records = broken,
                               .batches = atomic_load(&s->count.broken_batches) };
        (void)snprintf(out[found - 1].name, sizeof(out->name), "%s",
                       tubei_stage_label(s));
    }
    pthread_mutex_unlock(&p->lock);
    return found;
}

/* Watches. */

struct tube_watch {
    tube_pipeline *pipeline; /* NULL: it is gone */
    uint64_t stage;          /* 0: the pipeline */
    void (*fn)(void *arg, const tube_reason *r);
    void *arg;
    bool called;
    bool calling;
    bool gone; /* cancelled from inside its own call */
    pthread_t caller;
    struct tube_watch *next;
};

static bool
is_due(const tube_pipeline *p, const tube_watch *w)
{
    const tubei_reason *r;

    return !w->called && reason_find(p, (tube_ref){ w->stage }, &r) == TUBE_OK;
}

void
tubei_watches_call(tube_pipeline *p, const tube_stage *s)
{
    tube_watch *w;

    (void)s;
    pthread_mutex_lock(&p->lock);
    for (w = p->watches; w != NULL;) {
        const tubei_reason *r = NULL;
        tube_reason reason;

        if (!is_due(p, w)) {
            w = w->next;
            continue;
        }
        (void)reason_find(p, (tube_ref){ w->stage }, &r);
        reason = tubei_reason_public(p, r);
        w->called = w->calling = true;
        w->caller = pthread_self();
        pthread_mutex_unlock(&p->lock); /* G4 */
        w->fn(w->arg, &reason);
        pthread_mutex_lock(&p->lock);
        w->calling = false;
        if (w->gone)
            free(w);
        pthread_cond_broadcast(&p->stage_done);
        w = p->watches; /* it may have changed meanwhile */
    }
    pthread_mutex_unlock(&p->lock);
}

tube_watch *
tube_watch_done(tube_pipeline *p, tube_ref ref,
                void (*fn)(void *arg, const tube_reason *r), void *arg, tube_error *err)
{
    tube_watch *w = tubei_forked(p) ? NULL : calloc(1, sizeof(*w));

    if (tubei_forked(p)) {
        (void)tubei_fork_fail(err);
        return NULL;
    }
    if (w == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    *w = (tube_watch){ .pipeline = p, .stage = ref.id, .fn = fn, .arg = arg };
    pthread_mutex_lock(&p->lock);
    if (ref.id != 0 && tubei_pipeline_find(p, ref) == NULL) {
        pthread_mutex_unlock(&p->lock);
        free(w);
        (void)tube_fail(err, TUBE_EINVAL, "there is no such stage any more");
        return NULL;
    }
    w->next = p->watches;
    p->watches = w;
    pthread_mutex_unlock(&p->lock);
    tubei_watches_call(p, NULL);
    return w;
}

bool
tube_watch_cancel(tube_watch *w)
{
    tube_pipeline *p = w->pipeline;
    bool never = !w->called;

    if (p != NULL && tubei_forked(p))
        return never; /* nobody calls it here, and its lock may be held for ever */
    if (p != NULL) {
        pthread_mutex_lock(&p->lock);
        while (w->calling && !pthread_equal(w->caller, pthread_self()))
            (void)tubei_cond_wait(&p->stage_done, &p->lock, UINT64_MAX);
        never = !w->called;
        for (tube_watch **link = &p->watches; *link != NULL; link = &(*link)->next)
            if (*link == w) {
                *link = w->next;
                break;
            }
        w->gone = w->calling;
        if (w->gone)
            w = NULL; /* whoever calls frees it */
        pthread_mutex_unlock(&p->lock);
    }
    free(w);
    return never;
}

void
tubei_watches_orphan(tube_pipeline *p)
{
    while (p->watches != NULL) {
        tube_watch *w = p->watches;

        p->watches = w->next;
        w->pipeline = NULL;
    }
}

/* Waiting. */

static uint64_t
until_of(uint64_t timeout_ns)
{
    uint64_t now = tube_now();

    return timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
}

/* Under the lock: has a stage ended, and was its end good? */
static tube_status
stage_state(tube_pipeline *p, tube_ref ref, tube_error *err)
{
    const tubei_reason *r = NULL;
    tube_status st = reason_find(p, ref, &r);
    tube_reason reason;
    tube_cause c;

    if (st == TUBE_EINVAL)
        return tube_fail(err, st, "there is no such stage any more");
    if (st == TUBE_AGAIN || r->kind < TUBE_STOP_ERROR)
        return st;
    if (r->kind == TUBE_STOP_ABORT)
        return tube_fail(err, TUBE_ECANCELED, "aborted");
    reason = tubei_reason_public(p, r);
    if (!tubei_cause_read(&p->causes, (uint32_t)reason.headline, &c))
        return tube_fail(err, TUBE_ECANCELED, "a neighbour failed");
    (void)tube_fail(err, c.status, "%s", c.message);
    if (err != NULL)
        (void)snprintf(err->stage, sizeof(err->stage), "%.31s", c.name);
    return c.status;
}

/* Run what can be run, or sleep until something can; false: the time is over. */
bool
tubei_caller_runs(tube_pipeline *p, uint64_t until)
{
    enum { NAP_NS = 10 * 1000 * 1000 };
    uint64_t now = tube_now();
    uint64_t nap = now + NAP_NS;

    if (now >= until)
        return false;
    if (atomic_load_explicit(&p->done, memory_order_acquire)) {
        tubei_pipeline_rest(p); /* what was asked of stages that are done */
        return true;
    }
    if (tube_step(p) == TUBE_AGAIN)
        (void)tubei_sched_run(p->sched, &p->done, nap < until ? nap : until);
    return true;
}

tube_status
tube_wait_stage(tube_pipeline *p, tube_ref ref, uint64_t timeout_ns, tube_error *err)
{
    uint64_t until = until_of(timeout_ns);
    tube_status st;

    if (tubei_forked(p))
        return tubei_fork_fail(err);
    if (ref.id == 0)
        return tube_wait(p, timeout_ns, err);
    if (!p->started)
        return tube_fail(err, TUBE_EINVAL, "the pipeline was not started");
    for (;;) {
        bool more;

        pthread_mutex_lock(&p->lock);
        st = stage_state(p, ref, err);
        more = st == TUBE_AGAIN;
        if (more && !tubei_sched_is_caller(p->sched))
            more =
                tubei_cond_wait(&p->stage_done, &p->lock, timeout_ns == 0 ? 0 : until);
        pthread_mutex_unlock(&p->lock);
        if (st != TUBE_AGAIN)
            return st;
        if (more && tubei_sched_is_caller(p->sched))
            more = tube_now() < until && tubei_caller_runs(p, until);
        if (!more)
            return tube_fail(err, TUBE_ETIME, "not done in time");
    }
}

tube_status
tube_step(tube_pipeline *p)
{
    if (tubei_forked(p))
        return TUBE_EFORK;
    if (!p->started || !tubei_sched_is_caller(p->sched))
        return TUBE_EINVAL;
    tubei_deadline_look(p);
    if (atomic_load_explicit(&p->done, memory_order_acquire))
        return TUBE_END;
    return tubei_sched_step(p->sched) ? TUBE_OK : TUBE_AGAIN;
}

/* One look at each; true: the policy is satisfied. */
static bool
look_at_all(tube_pipeline *const *p, uint32_t n, tube_wait_policy policy, bool *failed)
{
    uint32_t done = 0;

    *failed = false;
    for (uint32_t i = 0; i < n; i++) {
        bool is_done = atomic_load_explicit(&p[i]->done, memory_order_acquire);

        if (!is_done && p[i]->started && tubei_sched_is_caller(p[i]->sched))
            is_done = tubei_caller_runs(p[i], UINT64_MAX)
                      && atomic_load_explicit(&p[i]->done, memory_order_acquire);
        done += is_done;
        if (is_done && tube_wait(p[i], TUBE_FOREVER, NULL) < 0)
            *failed = true;
    }
    return done == n || (policy == TUBE_WAIT_ANY && done > 0)
           || (policy == TUBE_WAIT_FIRST_ERROR && *failed);
}

tube_status
tube_wait_all(tube_pipeline *const *p, uint32_t n, tube_wait_policy policy,
              uint64_t timeout_ns, tube_error *err)
{
    enum { NAP_NS = 1000 * 1000 };
    uint64_t until = until_of(timeout_ns);
    bool failed;

    for (uint32_t i = 0; i < n; i++)
        if (tubei_forked(p[i]))
            return tubei_fork_fail(err);
    for (uint32_t i = 0; i < n; i++)
        if (!p[i]->started)
            return tube_fail(err, TUBE_EINVAL, "pipeline %u was not started", i + 1);
    while (!look_at_all(p, n, policy, &failed)) {
        uint64_t now = tube_now();

        if (now >= until)
            return tube_fail(err, TUBE_ETIME, "not done in time");
        for (uint32_t i = 0; i < n; i++) /* sleep until one of ours may be done */
            if (!tubei_sched_is_caller(p[i]->sched)
                && !atomic_load_explicit(&p[i]->done, memory_order_acquire)) {
                (void)tubei_latch_wait(
                    &p[i]->done_future,
                    n == 1 || policy == TUBE_WAIT_ALL ? until : now + NAP_NS);
                break;
            }
    }
    for (uint32_t i = 0; i < n; i++)
        if (atomic_load_explicit(&p[i]->done, memory_order_acquire)) {
            tube_status st = tube_wait(p[i], TUBE_FOREVER, err);

            if (st < 0)
                return st;
        }
    return TUBE_OK;
}

int
tube_exit_status(const tube_pipeline *p, tube_status st)
{
    tube_counts c;

    switch (st) {
    case TUBE_OK: break;
    case TUBE_ECONFIG:
    case TUBE_EINVAL: return p->started ? 1 : 2;
    case TUBE_EREACH: return 4;
    case TUBE_EFENCED: return 5;
    default: return st < 0 ? 1 : 0;
    }
    tube_stats(p, &c);
    return c.rejected > 0 ? 3 : 0;
}
