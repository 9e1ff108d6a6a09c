/* SPDX-License-Identifier: MIT */
/* sched.c -- see sched.h.
 *
 * Fast path: a stage that was notified by the one that runs lies in the worker's
 * slot and runs next, so that a batch is consumed on the core that made it.
 * Slow path: the queue under the lock, and a futex for who sleeps.
 */
#include "sched.h"

#include "check.h"
#include "sched_inside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local tubei_worker *self;
static _Thread_local bool telling_quiet; /* inside ops.quiet() */

tubei_worker *
tubei_sched_self(tubei_worker *w)
{
    tubei_worker *was = self;

    self = w;
    return was;
}

/* Waking. */

typedef struct target {
    tubei_worker *idle; /* on its futex */
    bool seat;          /* the holder, in epoll_wait */
} target;

/* Under the lock: whom to tell that there is work (Q3). */
static target
pick(tubei_sched *s)
{
    tubei_worker *w = s->idle;

    if (w != NULL) {
        s->idle = w->next_idle;
        s->busy++;
        return (target){ .idle = w };
    }
    return (target){ .seat = s->seat != NULL && s->seat != self };
}

/* Under the lock: give up the seat, to an idle worker if there is one (Q4). */
static target
leave(tubei_sched *s)
{
    tubei_worker *w = s->idle;

    s->seat = NULL;
    if (w == NULL)
        return (target){ 0 };
    s->idle = w->next_idle;
    s->busy++;
    s->seat = w;
    return (target){ .idle = w };
}

/* Behind the lock. */
static void
tell(tubei_sched *s, target t)
{
    if (t.idle != NULL)
        tubei_park_wake(&t.idle->park);
    else if (t.seat)
        tubei_poller_wake(&s->poller);
}

static void
enqueue(tubei_sched *s, tube_stage *stage)
{
    target t;

    pthread_mutex_lock(&s->lock);
    tubei_runq_push(&s->queue, stage);
    if (!telling_quiet)
        s->published++;
    t = pick(s);
    pthread_mutex_unlock(&s->lock);
    tell(s, t);
}

static void
count_published(tubei_sched *s)
{
    if (telling_quiet)
        return;
    pthread_mutex_lock(&s->lock);
    s->published++;
    pthread_mutex_unlock(&s->lock);
}

void
tubei_sched_publish(tubei_sched *s, tube_stage *stage)
{
    tubei_worker *w = self != NULL && self->sched == s ? self : NULL;

    if (s->pool != NULL && (stage->def->flags & TUBE_BLOCKS) != 0) {
        count_published(s); /* before: it may have run by the time this returns */
        if (tubei_pool_publish(s->pool, stage, false))
            return;
    }
    if (w != NULL && !s->caller && w->slot == NULL
        && (w->running == NULL || !w->running->slow)) { /* Q6 */
        w->slot = stage;
        w->slotted += !telling_quiet;
        return;
    }
    enqueue(s, stage);
}

bool
tubei_sched_is_next(const tube_stage *stage)
{
    return self != NULL && self->slot == stage;
}

void
tubei_sched_yield(tubei_sched *s, tube_stage *stage)
{
    if (s->pool != NULL && (stage->def->flags & TUBE_BLOCKS) != 0)
        count_published(s);
    if (s->pool != NULL && (stage->def->flags & TUBE_BLOCKS) != 0
        && tubei_pool_publish(s->pool, stage, self == NULL))
        return; /* a thread without a worker is the pool's, at the end of a run */
    enqueue(s, stage);
}

/* Descriptors and deadlines. */

bool
tubei_sched_wait_fd(tubei_sched *s, tube_stage *stage, int fd, unsigned events)
{
    pthread_mutex_lock(&s->lock);
    if (!stage->armed)
        s->armed++;
    stage->armed = true;
    pthread_mutex_unlock(&s->lock);
    if (tubei_poller_arm(&s->poller, fd, events, stage))
        return true;
    tubei_sched_forget_fd(s, stage, fd);
    return false;
}

void
tubei_sched_forget_fd(tubei_sched *s, tube_stage *stage, int fd)
{
    tubei_poller_forget(&s->poller, fd);
    pthread_mutex_lock(&s->lock);
    if (stage->armed)
        s->armed--;
    stage->armed = false;
    pthread_mutex_unlock(&s->lock);
}

void
tubei_sched_wait_until(tubei_sched *s, tube_stage *stage, uint64_t when)
{
    tube_stage **link;
    bool wake;

    pthread_mutex_lock(&s->lock);
    for (link = &s->timers; *link != NULL; link = &(*link)->next_timer)
        if (*link == stage) {
            *link = stage->next_timer;
            break;
        }
    stage->deadline = when;
    if (when != 0) {
        stage->next_timer = s->timers;
        s->timers = stage;
    }
    wake = when != 0 && s->seat != NULL && s->seat != self && when < s->seat_until;
    if (wake)
        s->seat_until = when;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        tubei_poller_wake(&s->poller);
}

void
tubei_sched_alarm(tubei_sched *s, uint64_t when)
{
    bool wake;

    pthread_mutex_lock(&s->lock);
    s->alarm = when;
    wake = when != 0 && s->seat != NULL && s->seat != self && when < s->seat_until;
    if (wake)
        s->seat_until = when;
    pthread_mutex_unlock(&s->lock);
    if (wake)
        tubei_poller_wake(&s->poller);
}

/* Under the lock: the earliest deadline. */
static uint64_t
earliest(const tubei_sched *s)
{
    uint64_t when = s->alarm != 0 ? s->alarm : UINT64_MAX;

    for (const tube_stage *t = s->timers; t != NULL; t = t->next_timer)
        if (t->deadline < when)
            when = t->deadline;
    return when;
}

/* Under the lock: take out one whose deadline has passed. */
static tube_stage *
due(tubei_sched *s, uint64_t now)
{
    for (tube_stage **link = &s->timers; *link != NULL; link = &(*link)->next_timer)
        if ((*link)->deadline <= now) {
            tube_stage *stage = *link;

            *link = stage->next_timer;
            stage->deadline = 0;
            return stage;
        }
    return NULL;
}

/* Holding the seat, not the lock: wait, and notify whose time has come. */
void
tubei_sched_poll_once(tubei_sched *s, uint64_t timeout_ns, bool sleeping)
{
    void *ready[EVENTS];
    int n = tubei_poller_wait(&s->poller, timeout_ns, ready, EVENTS);
    uint64_t now = tube_now();
    tube_stage *late;
    bool ring;

    pthread_mutex_lock(&s->lock);
    if (sleeping)
        s->busy++;
    ring = s->alarm != 0 && s->alarm <= now;
    if (ring)
        s->alarm = 0;
    if (n > 0 || ring)
        s->published++;
    for (int i = 0; i < n; i++) {
        tube_stage *stage = ready[i];

        if (stage->armed)
            s->armed--;
        stage->armed = false;
    }
    pthread_mutex_unlock(&s->lock);
    if (ring)
        s->ops.alarm(s->ops.arg);
    for (int i = 0; i < n; i++)
        tubei_stage_wake(ready[i], TUBE_WOKE_FD);
    for (;;) {
        pthread_mutex_lock(&s->lock);
        late = due(s, now);
        if (late != NULL)
            s->published++;
        pthread_mutex_unlock(&s->lock);
        if (late == NULL)
            return;
        tubei_stage_wake(late, TUBE_WOKE_DEADLINE);
    }
}

/* Under the lock, which it gives up meanwhile: sit in epoll_wait. */
void
tubei_sched_sit(tubei_sched *s, tubei_worker *w, uint64_t until)
{
    uint64_t when = earliest(s);
    uint64_t now = tube_now();

    if (until < when)
        when = until;
    s->seat = w;
    s->seat_until = when;
    s->busy--;
    pthread_mutex_unlock(&s->lock);
    tubei_sched_poll_once(s,
                          when == UINT64_MAX ? UINT64_MAX
                          : when > now       ? when - now
                                             : 0,
                          true);
    pthread_mutex_lock(&s->lock);
}

/* A busy worker looks in without waiting, if nobody sits there. */
static void
look(tubei_sched *s, tubei_worker *w)
{
    target t;

    pthread_mutex_lock(&s->lock);
    if (s->seat != NULL) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    s->seat = w;
    s->seat_until = 0;
    pthread_mutex_unlock(&s->lock);
    tubei_sched_poll_once(s, 0, false);
    pthread_mutex_lock(&s->lock);
    t = leave(s);
    pthread_mutex_unlock(&s->lock);
    tell(s, t);
}

/* Under the lock, which it gives up meanwhile: if nothing runs anywhere, say so, once
 * for all that was published before; true: look at the queue again. */
bool
tubei_sched_quiet(tubei_sched *s, uint32_t others)
{
    void (*say)(void *arg) = s->ops.quiet;

    if (!s->begun || s->busy != others || s->queue.head != NULL || s->telling
        || s->ended || (s->pool != NULL && tubei_pool_busy(s->pool)))
        return false;
    if (s->published == s->quiet_at) {
        if (s->armed > 0 || s->timers != NULL || s->alarm != 0
            || s->stuck_at == s->published)
            return false;
        s->stuck_at = s->published;
        say = s->ops.stuck;
    }
    s->quiet_at = s->published;
    s->telling = true;
    pthread_mutex_unlock(&s->lock);
    telling_quiet = say == s->ops.quiet;
    say(s->ops.arg);
    telling_quiet = false;
    pthread_mutex_lock(&s->lock);
    s->telling = false;
    return true;
}

bool
tubei_sched_still(tubei_sched *s)
{
    bool still;

    pthread_mutex_lock(&s->lock);
    still = s->published == s->stuck_at;
    pthread_mutex_unlock(&s->lock);
    return still;
}

void
tubei_sched_look_again(tubei_sched *s)
{
    target t;

    pthread_mutex_lock(&s->lock);
    s->published++;
    t = pick(s);
    pthread_mutex_unlock(&s->lock);
    tell(s, t);
}

/* A thread of the pool has finished an activation. */
static void
pool_idle(void *arg)
{
    tubei_sched *s = arg;

    pthread_mutex_lock(&s->lock);
    while (tubei_sched_quiet(s, 0)) {
        /* perhaps nobody else is awake to look again */
    }
    pthread_mutex_unlock(&s->lock);
}

void
tubei_sched_begun(tubei_sched *s)
{
    pthread_mutex_lock(&s->lock);
    s->begun = true;
    while (tubei_sched_quiet(s, 0)) {
        /* all of it may be over by now, and nobody awake to look again */
    }
    pthread_mutex_unlock(&s->lock);
}

/* What the worker runs next; NULL: the scheduler has ended. */
static tube_stage *
next(tubei_sched *s, tubei_worker *w)
{
    tube_stage *stage = w->slot;
    target t = { 0 };

    if (stage != NULL && w->chain < CHAIN_RUNS && w->now - w->chain_start < CHAIN_NS) {
        w->chain++;
        w->slot = NULL;
        return stage;
    }
    w->chain = 0;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        s->published += w->slotted;
        w->slotted = 0;
        if (w->slot
            != NULL) { /* left from the chain, or from tubei_sched_poll_once() or tubei_sched_quiet() */
            tubei_runq_push(&s->queue, w->slot);
            w->slot = NULL;
        }
        if (s->queue.head != NULL) {
            stage = tubei_runq_take(&s->queue, 0);
            if (s->seat == w)
                t = leave(s);
            else if (s->queue.head != NULL)
                t = pick(s);
            break;
        }
        if (s->ended) {
            stage = NULL;
            break;
        }
        if (tubei_sched_quiet(s, 1))
            continue;
        if (s->seat == NULL || s->seat == w) {
            tubei_sched_sit(s, w, UINT64_MAX);
            continue;
        }
        w->next_idle = s->idle;
        s->idle = w;
        s->busy--;
        pthread_mutex_unlock(&s->lock);
        tubei_park_wait(&w->park);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    tell(s, t);
    w->now = w->chain_start = tube_now();
    return stage;
}

static void *
work(void *arg)
{
    tubei_worker *w = arg;
    tubei_sched *s = w->sched;
    tube_stage *stage;

    self = w;
    tubei_thread_name('w', (uint32_t)(w - s->workers) + 1);
    tubei_magazine_here = &w->magazine;
    tubei_acks_here = &w->acks;
    w->last_look = tube_now();
    while ((stage = next(s, w)) != NULL) {
        w->running = stage;
        w->now = tubei_stage_run(stage, w->now);
        w->running = NULL;
        if (++w->runs >= LOOK_RUNS || w->now - w->last_look > LOOK_NS) {
            w->runs = 0;
            w->last_look = w->now;
            look(s, w);
        }
    }
    tubei_magazine_empty(s->memory, &w->magazine);
    tubei_acks_empty(&w->acks);
    tubei_magazine_here = NULL;
    tubei_acks_here = NULL;
    self = NULL;
    return NULL;
}

uint32_t
tubei_sched_workers(const tubei_sched *s)
{
    return s->caller ? 0 : s->n_workers;
}

bool
tubei_sched_is_caller(const tubei_sched *s)
{
    return s->caller;
}

tubei_sched *
tubei_sched_new(uint32_t workers, uint64_t seed, tubei_memory *memory,
                tubei_totals *totals, const tubei_sched_ops *ops, tube_error *err)
{
    tubei_sched *s = calloc(1, sizeof(*s));
    uint32_t n = workers > 0 ? workers : 1;

    if (s == NULL || (s->workers = calloc(n, sizeof(*s->workers))) == NULL) {
        free(s);
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    s->ops = *ops;
    s->memory = memory;
    s->caller = workers == 0;
    s->seed = seed * 2 + 0x9E3779B97F4A7C15u; /* never 0 */
    s->n_workers = n;
    s->busy = n;
    for (uint32_t i = 0; i < n; i++) {
        s->workers[i].sched = s;
        s->workers[i].magazine.memory = memory;
        s->workers[i].acks.totals = totals;
        s->workers[i].acks.stripe = i + 1 < TUBEI_STRIPES ? i + 1 : 0;
    }
    if (!tubei_poller_init(&s->poller)) {
        (void)tube_fail_errno(err, "epoll");
        goto fail;
    }
    if (!s->caller && (s->pool = tubei_pool_new(pool_idle, s)) == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        goto fail;
    }
    return s;
fail:
    tubei_sched_free(s);
    return NULL;
}

tube_status
tubei_sched_start(tubei_sched *s, tube_error *err)
{
    if (s->caller)
        return TUBE_OK;
    for (; s->n_started < s->n_workers; s->n_started++) {
        tubei_worker *w = &s->workers[s->n_started];

        errno = tubei_thread_start(&w->thread, work, w);
        if (errno != 0)
            return tube_fail_errno(err, "cannot start worker %u", s->n_started + 1);
    }
    return TUBE_OK;
}

void
tubei_sched_stop(tubei_sched *s)
{
    if (s->pool != NULL)
        tubei_pool_stop(s->pool);
    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_mutex_unlock(&s->lock);
    tubei_poller_wake(&s->poller);
    for (uint32_t i = 0; i < s->n_started; i++)
        tubei_park_wake(&s->workers[i].park);
    for (uint32_t i = 0; i < s->n_started; i++)
        (void)pthread_join(s->workers[i].thread, NULL);
    s->n_started = 0;
}

void
tubei_sched_free(tubei_sched *s)
{
    if (s == NULL)
        return;
    tubei_sched_stop(s);
    tubei_pool_free(s->pool);
    tubei_poller_fini(&s->poller);
    (void)pthread_mutex_destroy(&s->lock);
    for (uint32_t i = 0; i < s->n_workers; i++) { /* of a caller that only stepped */
        tubei_acks_empty(&s->workers[i].acks);
        tubei_magazine_empty(s->memory, &s->workers[i].magazine);
    }
    free(s->workers);
    free(s);
}
