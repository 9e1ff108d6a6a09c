/* SPDX-License-Identifier: MIT */
/* latch.h -- something that happens once, and can be waited for. */
#ifndef TUBES_GRAPH_LATCH_H
#define TUBES_GRAPH_LATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct tubei_latch {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done; /* under lock */
} tubei_latch;

/** A condition variable of the monotonic clock.  Threads: the owner.  Blocks: no. */
void tubei_cond_init(pthread_cond_t *c);

/** Wait for it; false: `until` has passed (UINT64_MAX: never, 0: at once).  Blocks: yes. */
bool tubei_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t until);

/** Make it.  Threads: the owner.  Blocks: no. */
void tubei_latch_init(tubei_latch *f);

/** Unmake it.  Threads: the last user.  Blocks: no. */
void tubei_latch_fini(tubei_latch *f);

/** It happened; later calls change nothing.  Threads: any.  Blocks: no. */
void tubei_latch_set(tubei_latch *f);

/** True if it happened before `until` (monotonic ns; UINT64_MAX: wait for ever; 0:
 * only look).  Threads: any.  Blocks: yes. */
bool tubei_latch_wait(tubei_latch *f, uint64_t until);

#endif /* TUBES_GRAPH_LATCH_H */
