/* SPDX-License-Identifier: MIT */
/* pool.h -- threads for stages that block: as many as have work, and no more. */
#ifndef TUBES_ENGINE_POOL_H
#define TUBES_ENGINE_POOL_H

#include "stage.h"

#include <pthread.h>

typedef struct tubei_pool tubei_pool;

/**
 * Make an empty pool.
 *
 * @param idle  called on a pool thread when nothing is left to run
 * @return given: tubei_pool_free(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
tubei_pool *tubei_pool_new(void (*idle)(void *arg), void *arg);

/** End and join its threads when they have run what they run; what is published later
 * does not run.  Threads: the owner.  Blocks: yes. */
void tubei_pool_stop(tubei_pool *p);

/** tubei_pool_stop(), and free it; NULL is fine.  Threads: the last user.  Blocks: yes. */
void tubei_pool_free(tubei_pool *p);

/**
 * Run one activation of a stage.
 *
 * @param returning  the caller is a thread of the pool that will look for work at once:
 *                   none needs to be started
 * @return false: no thread can be had
 *
 * Threads: any.  Blocks: no.
 */
bool tubei_pool_publish(tubei_pool *p, tube_stage *stage, bool returning);

/** True if something runs or waits to run.  Threads: any.  Blocks: no. */
bool tubei_pool_busy(tubei_pool *p);

/** Start a thread of ours (NULL: detached): it blocks all signals but those that a thread
 * brings on itself.  0, or an errno.  Threads: any.  Blocks: no. */
int tubei_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg);

/** Name the running thread: tubes-w1, tubes-p1. */
void tubei_thread_name(char kind, uint32_t number);

#endif /* TUBES_ENGINE_POOL_H */
