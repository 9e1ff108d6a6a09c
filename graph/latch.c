/* SPDX-License-Identifier: MIT */
/* latch.c -- see latch.h. */
#include "latch.h"

#include <time.h>

void
tubei_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
}

bool
tubei_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t until)
{
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000u),
                          .tv_nsec = (long)(until % 1000000000u) };

    if (until == 0)
        return false;
    if (until == UINT64_MAX)
        return pthread_cond_wait(c, m) == 0;
    return pthread_cond_timedwait(c, m, &t) == 0;
}

void
tubei_latch_init(tubei_latch *f)
{
    (void)pthread_mutex_init(&f->lock, NULL);
    tubei_cond_init(&f->changed);
    f->done = false;
}

void
tubei_latch_fini(tubei_latch *f)
{
    (void)pthread_cond_destroy(&f->changed);
    (void)pthread_mutex_destroy(&f->lock);
}

void
tubei_latch_set(tubei_latch *f)
{
    pthread_mutex_lock(&f->lock);
    f->done = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

bool
tubei_latch_wait(tubei_latch *f, uint64_t until)
{
    bool done;

    pthread_mutex_lock(&f->lock);
    while (!f->done && tubei_cond_wait(&f->changed, &f->lock, until)) {
    }
    done = f->done;
    pthread_mutex_unlock(&f->lock);
    return done;
}
