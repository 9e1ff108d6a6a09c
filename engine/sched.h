/* SPDX-License-Identifier: MIT */
/* sched.h -- who runs next, and on which thread.
 *
 * Threads: n workers; one more for each blocking stage that has work; or none, and
 * the caller of tubei_sched_run() does everything in an order that a seed decides.
 *
 * Invariants
 *   Q1  the run queue, the idle list, the seat and the deadlines change under the lock
 *   Q2  at most one thread is in epoll_wait with a time-out, and it holds the seat
 *   Q3  who publishes picks under the lock an idle worker, else the seat's holder,
 *       and wakes it behind the lock
 *   Q4  who leaves the seat for work hands it to an idle worker, if there is one
 *   Q5  who parks has looked at the queue under the lock
 *   Q6  a slot is private to its worker: a stage that may take long publishes its
 *       neighbours to the queue instead
 *
 * Models: tests/model/scheduler.pml, tests/model/seat.pml.
 */
#ifndef TUBES_ENGINE_SCHED_H
#define TUBES_ENGINE_SCHED_H

#include "stage.h"

typedef struct tubei_sched tubei_sched;

/** What the scheduler tells its pipeline, on one of its threads. */
typedef struct tubei_sched_ops {
    /** Nothing runs and nothing is queued: whoever holds back may go on. */
    void (*quiet)(void *arg);
    /** Still nothing, and neither a descriptor nor a deadline is awaited: so it was when
     * this was called, and still is if tubei_sched_still() says so. */
    void (*stuck)(void *arg);
    /** The time of tubei_sched_alarm() has come. */
    void (*alarm)(void *arg);
    void *arg;
} tubei_sched_ops;

/**
 * Make a scheduler; no thread runs yet.
 *
 * @param workers  0: the caller of tubei_sched_run()
 * @param totals   where its threads count, each for itself as long as there are stripes
 * @return given: tubei_sched_free(); NULL: `err` says why
 *
 * Threads: any.  Blocks: no.
 */
tubei_sched *tubei_sched_new(uint32_t workers, uint64_t seed, tubei_memory *memory,
                             tubei_totals *totals, const tubei_sched_ops *ops,
                             tube_error *err);

/** Start the workers.  Threads: the owner.  Blocks: no. */
tube_status tubei_sched_start(tubei_sched *s, tube_error *err);

/** With no workers: run until `done` is set or `until` has passed; true: done. */
bool tubei_sched_run(tubei_sched *s, const _Atomic bool *done, uint64_t until);

/** With no workers: run one activation; false: there is none now. */
bool tubei_sched_step(tubei_sched *s);

/** Tell the pipeline at `when`, once; 0: do not.  Threads: any.  Blocks: no. */
void tubei_sched_alarm(tubei_sched *s, uint64_t when);

/** Worker threads; 0: the caller.  Threads: any.  Blocks: no. */
uint32_t tubei_sched_workers(const tubei_sched *s);

/** True if the caller runs everything.  Threads: any.  Blocks: no. */
bool tubei_sched_is_caller(const tubei_sched *s);

/** The source was notified: before that, quiet() and stuck() are never told. */
void tubei_sched_begun(tubei_sched *s);

/** Inside stuck(): has nothing been published since it was called?  Who takes away what
 * kept a pipeline waiting publishes before, or under the lock that stuck() looks under. */
bool tubei_sched_still(tubei_sched *s);

/** Somebody whom a pipeline waited for has gone: look once more whether anything runs.
 * Threads: any.  Blocks: no. */
void tubei_sched_look_again(tubei_sched *s);

/** End and join all threads when they have run what they run.  Blocks: yes. */
void tubei_sched_stop(tubei_sched *s);

/** tubei_sched_stop(), and free it; NULL is fine.  Blocks: yes. */
void tubei_sched_free(tubei_sched *s);

/** Put a stage whose word has just become NOTIFIED where a worker finds it.
 * Threads: any.  Blocks: no. */
void tubei_sched_publish(tubei_sched *s, tube_stage *stage);

/** The same for one that runs and has used up its quantum: always the queue. */
void tubei_sched_yield(tubei_sched *s, tube_stage *stage);

/** True if it is NOTIFIED, and nobody but this thread can start it: it lies in its slot. */
bool tubei_sched_is_next(const tube_stage *stage);

/** Arm a descriptor for a stage; false: it is always ready. */
bool tubei_sched_wait_fd(tubei_sched *s, tube_stage *stage, int fd, unsigned events);

/** Forget a descriptor. */
void tubei_sched_forget_fd(tubei_sched *s, tube_stage *stage, int fd);

/** Set a stage's deadline; 0: none. */
void tubei_sched_wait_until(tubei_sched *s, tube_stage *stage, uint64_t when);

#endif /* TUBES_ENGINE_SCHED_H */
