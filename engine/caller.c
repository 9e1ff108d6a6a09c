/* SPDX-License-Identifier: MIT */
/* caller.c -- the scheduler without workers: the caller's thread runs everything, in an
 * order that a seed decides. */
#include "sched_inside.h"

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled", 2016. */
static uint32_t
random_below(tubei_sched *s, uint32_t n)
{
    s->seed ^= s->seed >> 12;
    s->seed ^= s->seed << 25;
    s->seed ^= s->seed >> 27;
    return (uint32_t)(((s->seed * 0x2545F4914F6CDD1Du >> 32) * n) >> 32);
}

/* Under the lock, which it gives up meanwhile: one activation; false: none is queued. */
static bool
run_one(tubei_sched *s, tubei_worker *w)
{
    tube_stage *stage;

    if (s->queue.head == NULL)
        return false;
    stage = tubei_runq_take(&s->queue, random_below(s, s->queue.n));
    pthread_mutex_unlock(&s->lock);
    (void)tubei_stage_run(stage, tube_now());
    if (++w->runs % LOOK_RUNS == 0)
        tubei_sched_poll_once(s, 0, false);
    pthread_mutex_lock(&s->lock);
    return true;
}

/* The calling thread is the worker until caller_leave(). */
typedef struct caller_state {
    tubei_worker *outer;
    tubei_magazine *outer_magazine;
    tubei_ack_store *outer_acks;
} caller_state;

static caller_state
caller_enter(tubei_sched *s)
{
    caller_state was = { tubei_sched_self(s->workers), tubei_magazine_here,
                         tubei_acks_here };

    tubei_magazine_here = &s->workers->magazine;
    tubei_acks_here = &s->workers->acks;
    pthread_mutex_lock(&s->lock);
    return was;
}

static void
caller_leave(tubei_sched *s, caller_state was)
{
    s->seat = NULL;
    pthread_mutex_unlock(&s->lock);
    tubei_magazine_here = was.outer_magazine;
    tubei_acks_here = was.outer_acks;
    (void)tubei_sched_self(was.outer);
}

bool
tubei_sched_run(tubei_sched *s, const _Atomic bool *done, uint64_t until)
{
    tubei_worker *w = s->workers;
    caller_state was = caller_enter(s);

    while (!atomic_load_explicit(done, memory_order_acquire)) {
        if (!run_one(s, w) && !tubei_sched_quiet(s, 1))
            tubei_sched_sit(s, w, until);
        if (until != UINT64_MAX && tube_now() > until)
            break;
    }
    caller_leave(s, was);
    tubei_magazine_empty(s->memory, &w->magazine);
    tubei_acks_empty(&w->acks);
    return atomic_load_explicit(done, memory_order_acquire);
}

bool
tubei_sched_step(tubei_sched *s)
{
    tubei_worker *w = s->workers;
    caller_state was = caller_enter(s);
    bool ran = run_one(s, w);

    if (!ran && tubei_sched_quiet(s, 1)) /* told: that may have made work */
        ran = run_one(s, w);
    if (!ran) {
        pthread_mutex_unlock(&s->lock);
        tubei_sched_poll_once(s, 0, false);
        pthread_mutex_lock(&s->lock);
        ran = run_one(s, w);
    }
    caller_leave(s, was);
    return ran;
}
