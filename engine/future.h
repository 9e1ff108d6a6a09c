/* SPDX-License-Identifier: MIT */
/* future.h -- something that happens once, and can be waited for. */
#ifndef TUBES_ENGINE_FUTURE_H
#define TUBES_ENGINE_FUTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct tubei_future {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done; /* under lock */
} tubei_future;

/** A condition variable of the monotonic clock.  Threads: the owner.  Blocks: no. */
void tubei_cond_init(pthread_cond_t *c);

/** Wait for it; false: `until` has passed (UINT64_MAX: never, 0: at once).  Blocks: yes. */
bool tubei_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t until);

/** Make it.  Threads: the owner.  Blocks: no. */
void tubei_future_init(tubei_future *f);

/** Unmake it.  Threads: the last user.  Blocks: no. */
void tubei_future_fini(tubei_future *f);

/** It happened; later calls change nothing.  Threads: any.  Blocks: no. */
void tubei_future_set(tubei_future *f);

/** True if it happened before `until` (monotonic ns; UINT64_MAX: wait for ever; 0:
 * only look).  Threads: any.  Blocks: yes. */
bool tubei_future_wait(tubei_future *f, uint64_t until);

#endif /* TUBES_ENGINE_FUTURE_H */
