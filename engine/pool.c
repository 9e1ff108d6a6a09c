/* SPDX-License-Identifier: MIT */
/* pool.c -- see pool.h.
 *
 * A thread is started when a stage is published and none is free, and ends after
 * IDLE_S seconds without work.
 */
#include "pool.h"

#include "runq.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { IDLE_S = 10 };

struct tubei_pool {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* a stage was published, or the pool ends */
    pthread_cond_t empty; /* a thread has ended */
    tubei_runq queue;     /* under lock, as the rest */
    uint32_t threads;
    uint32_t started; /* ever */
    uint32_t free;    /* threads that wait */
    uint32_t tasks;   /* published and not yet run to their end */
    bool ended;
    void (*idle)(void *arg);
    void *arg;
};

tubei_pool *
tubei_pool_new(void (*idle)(void *arg), void *arg)
{
    tubei_pool *p = calloc(1, sizeof(*p));
    pthread_condattr_t attr;

    if (p == NULL)
        return NULL;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->work, &attr);
    (void)pthread_cond_init(&p->empty, &attr);
    (void)pthread_condattr_destroy(&attr);
    p->idle = idle;
    p->arg = arg;
    return p;
}

/* Under the lock; NULL: nothing came for a long time, or the pool ends. */
static tube_stage *
take(tubei_pool *p)
{
    struct timespec until;
    tube_stage *stage;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IDLE_S;
    while (p->queue.head == NULL) {
        if (p->ended || pthread_cond_timedwait(&p->work, &p->lock, &until) == ETIMEDOUT)
            break;
    }
    stage = p->queue.head != NULL ? tubei_runq_take(&p->queue, 0) : NULL;
    return stage;
}

static void *
work(void *arg)
{
    tubei_pool *p = arg;
    tube_stage *stage;

    pthread_mutex_lock(&p->lock);
    tubei_thread_name('p', ++p->started);
    for (;;) {
        p->free++;
        stage = take(p);
        p->free--;
        if (stage == NULL)
            break;
        pthread_mutex_unlock(&p->lock);
        (void)tubei_stage_run(stage, tube_now());
        pthread_mutex_lock(&p->lock);
        if (--p->tasks == 0) {
            pthread_mutex_unlock(&p->lock);
            p->idle(p->arg);
            pthread_mutex_lock(&p->lock);
        }
    }
    p->threads--;
    pthread_cond_signal(&p->empty);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Under the lock. */
static bool
thread_add(tubei_pool *p)
{
    int failed = tubei_thread_start(NULL, work, p);

    if (failed == 0)
        p->threads++;
    return failed == 0;
}

bool
tubei_pool_publish(tubei_pool *p, tube_stage *stage, bool returning)
{
    uint32_t soon = returning ? 1 : 0;
    bool ok;

    pthread_mutex_lock(&p->lock);
    if (p->ended) { /* everything is done: nothing is left to run */
        pthread_mutex_unlock(&p->lock);
        return true;
    }
    /* A thread that was signalled and has not yet woken still counts as free. */
    ok = p->free + soon > p->queue.n || thread_add(p) || p->threads > 0;
    if (ok) {
        tubei_runq_push(&p->queue, stage);
        p->tasks++;
        pthread_cond_signal(&p->work);
    }
    pthread_mutex_unlock(&p->lock);
    return ok;
}

bool
tubei_pool_busy(tubei_pool *p)
{
    bool busy;

    pthread_mutex_lock(&p->lock);
    busy = p->tasks > 0;
    pthread_mutex_unlock(&p->lock);
    return busy;
}

void
tubei_pool_stop(tubei_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ended = true;
    pthread_cond_broadcast(&p->work);
    while (p->threads > 0)
        pthread_cond_wait(&p->empty, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void
tubei_pool_free(tubei_pool *p)
{
    if (p == NULL)
        return;
    tubei_pool_stop(p);
    (void)pthread_cond_destroy(&p->empty);
    (void)pthread_cond_destroy(&p->work);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}
