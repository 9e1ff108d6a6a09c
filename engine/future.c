/* SPDX-License-Identifier: MIT */
/* future.c -- see future.h. */
#include "future.h"

#include <time.h>

void
tubei_future_init(tubei_future *f)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    f->done = false;
}

void
tubei_future_fini(tubei_future *f)
{
    (void)pthread_cond_destroy(&f->changed);
    (void)pthread_mutex_destroy(&f->lock);
}

void
tubei_future_set(tubei_future *f)
{
    pthread_mutex_lock(&f->lock);
    f->done = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

bool
tubei_future_wait(tubei_future *f, uint64_t until)
{
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000u),
                          .tv_nsec = (long)(until % 1000000000u) };
    bool done;

    pthread_mutex_lock(&f->lock);
    while (!f->done && until != 0) {
        if (until == UINT64_MAX)
            pthread_cond_wait(&f->changed, &f->lock);
        else if (pthread_cond_timedwait(&f->changed, &f->lock, &t) != 0)
            break;
    }
    done = f->done;
    pthread_mutex_unlock(&f->lock);
    return done;
}
