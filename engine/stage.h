/* SPDX-License-Identifier: MIT */
/* stage.h -- one running instance of a stage, and the states it goes through.
 *
 * State word (tests/model/scheduler.pml)
 *   IDLE -> NOTIFIED            notify(); whoever does this publishes the stage
 *   NOTIFIED -> RUNNING         exchange, by the worker that took it from the queue
 *   RUNNING -> RUNNING|NOTIFIED notify()
 *   RUNNING -> IDLE             CAS; if it fails: -> NOTIFIED, and it publishes itself
 *
 * Invariants
 *   S1  a stage is in the run queue, in a slot or running if its word is not IDLE,
 *       and then in one of them only
 *   S2  what a notifier did before notify() is seen by the activation it causes
 *   S3  phases only go forward: RUN, FINISH, STOP, DONE
 *   S4  a stage takes nothing from its input behind the token
 *   S5  it is DONE when its token is in the ring and it holds no batch
 */
#ifndef TUBES_ENGINE_STAGE_H
#define TUBES_ENGINE_STAGE_H

#include "../text/option.h"
#include "edge.h"
#include "memory.h"

#include <tubes/stage.h>
#include <tubes/stats.h>

#include <stdatomic.h>
#include <stdbool.h>

struct tube_pipeline;

enum { TUBEI_IDLE = 0, TUBEI_NOTIFIED = 1, TUBEI_RUNNING = 2 };

typedef enum tubei_phase {
    TUBEI_PHASE_RUN,    /* takes input, or makes it */
    TUBEI_PHASE_FINISH, /* the input is over: finish() */
    TUBEI_PHASE_STOP,   /* the token waits for its place; a sink for its last answer */
    TUBEI_PHASE_DONE,
} tubei_phase;

/** Counters: written by the stage's runner, read by anyone. */
typedef struct tubei_counters {
    _Atomic uint64_t activations, batches_in, batches_out, rows_in, rows_out, bytes_in;
    _Atomic uint64_t filtered, rejected, busy_ns, blocked_ns, queue_sum;
} tubei_counters;

struct tube_stage {
    struct tube_pipeline *pipeline;
    const tube_stage_def *def;
    const tubei_call *call; /* where it stands in the text; NULL: inserted */
    void *state;
    uint32_t index;
    bool opened;
    const tube_schema *input;
    const tube_schema *output;
    tube_schema *own_schema; /* set by tube_set_schema() */
    tubei_edge *in;          /* NULL: a source */
    tubei_edge *out;         /* NULL: a sink */

    _Atomic uint32_t word;         /* the state word */
    _Atomic uint32_t woke;         /* TUBE_WOKE_ bits for the next activation */
    struct tube_stage *next_run;   /* under the scheduler's lock */
    struct tube_stage *next_timer; /* under the scheduler's lock */
    uint64_t deadline;             /* under the scheduler's lock; 0: none */
    bool armed; /* under the scheduler's lock: a descriptor is awaited */

    bool reserve_ok; /* an inner stage: has a reserve of one batch */
    _Atomic bool reserve_used;
    bool waits_memory;              /* under the memory's lock */
    struct tube_stage *next_waiter; /* under the memory's lock */

    /* From here on: the runner only. */
    tubei_phase phase;
    tubei_batch *current;  /* input batch with the stage's cursor in it */
    tubei_reason reason;   /* of the token that came, or that this stage begins with */
    tubei_kind discarding; /* what comes in goes nowhere: why */
    bool input_over;       /* the token has come */
    bool no_room;          /* tube_emit() said AGAIN */
    bool fresh;            /* something was processed since the input ran empty */
    bool quick;            /* the clock need not be read between its batches */
    bool slow;             /* the last activation overran the quantum in one call */
    bool failed;
    uint32_t held;          /* batches kept with TUBE_QUEUED */
    uint64_t blocked_since; /* 0: not blocked */
    tubei_counters count;
};

/** Let the stage run once more (S2).  Threads: any.  Blocks: no. */
void tubei_stage_notify(tube_stage *s);

/** notify() with a reason for wake().  Threads: any.  Blocks: no. */
void tubei_stage_wake(tube_stage *s, unsigned why);

/** Memory is short: tell the stages that hold some (memory.h M3).  Blocks: no. */
void tubei_stage_pressure(tube_stage *s);

/** malloc() failed for this stage: the pipeline fails.  Blocks: no. */
void tubei_stage_nomem(tube_stage *s);

/** Run one activation, at most the quantum: from tube_now(), given, to tube_now(),
 * returned.  Threads: one at a time.  Blocks: as the stage does. */
uint64_t tubei_stage_run(tube_stage *s, uint64_t start);

/** Settle a batch that goes no further.  Threads: its owner.  Blocks: no. */
void tubei_stage_settle(tube_stage *s, tubei_batch *b, const tubei_settled *outcome);

/** All live rows and rejects of `b` in one outcome; frees `b`. */
void tubei_stage_discard(tube_stage *s, tubei_batch *b, tubei_kind why);

/** Add to a counter of the running stage. */
static inline void
tubei_count(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

#endif /* TUBES_ENGINE_STAGE_H */
