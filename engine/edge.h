/* SPDX-License-Identifier: MIT */
/* edge.h -- one edge of the graph: a ring, a spill list, a stop token.
 *
 * Fullness is the backpressure; nothing else in the engine slows a stage down.
 *
 * Invariants
 *   E1  batches in the ring <= depth; the ring has room for the token beside them
 *   E2  the spill list holds what the producer had in hand when the ring was full:
 *       one batch for each activation, and the token
 *   E3  while the spill list is not empty, everything is appended to it
 *   E4  the token is the last thing that enters the ring, once
 *   E5  a producer that found no room has set `want` before its last look; the
 *       consumer that finds the ring empty takes `want` and notifies
 *   E6  `closed` is set once, by the consumer
 *
 * Calls that may overlap in time ("-") and calls that must not ("X")
 *             push  stop  room   pop  drained  close
 *   push       X     X     X      -      -       -      producer's side
 *   stop       X     X     X      -      -       -
 *   room       X     X     X      -      -       -
 *   pop        -     -     -      X      X       X      consumer's side
 *   drained    -     -     -      X      X       X
 *   close      -     -     -      X      X       X
 *
 * Fast path: push and pop on the ring, one RMW on the neighbour's state word.
 * tests/model/scheduler.pml is the model of room(), drained() and notify().
 */
#ifndef TUBES_ENGINE_EDGE_H
#define TUBES_ENGINE_EDGE_H

#include "batch.h"
#include "ring.h"
#include "stop.h"

struct tube_stage;

typedef struct tubei_edge {
    tubei_ring *ring;
    uint32_t depth;
    struct tube_stage *from;
    struct tube_stage *to;
    _Atomic uint32_t want;   /* [E1] */
    _Atomic uint32_t closed; /* tubei_kind; [E3] */
    tubei_batch *spill;      /* producer only, oldest first */
    tubei_batch *spill_last;
    bool stopping;         /* producer only: the token is in the spill list */
    bool stopped;          /* producer only: the token is in the ring */
    tubei_reason reason;   /* written before the token enters the ring */
    _Atomic uint32_t high; /* most batches in the ring, by the producer */
} tubei_edge;

typedef enum tubei_item { TUBEI_NONE, TUBEI_BATCH, TUBEI_STOP } tubei_item;

/** Make an edge between two stages; false: out of memory.  Threads: owner.  Blocks: no. */
bool tubei_edge_init(tubei_edge *e, uint32_t depth, struct tube_stage *from,
                     struct tube_stage *to);

/** Free it; it must be empty.  Threads: the last user.  Blocks: no. */
void tubei_edge_fini(tubei_edge *e);

/**
 * Send a batch.
 *
 * @param b  set to NULL (taken)
 * @return false: taken, but there is no room for another
 *
 * Threads: producer.  Blocks: no.
 */
bool tubei_edge_push(tubei_edge *e, tubei_batch **b);

/** Send the token, behind all that was pushed.  Threads: producer.  Blocks: no. */
void tubei_edge_stop(tubei_edge *e, const tubei_reason *reason);

/** Move the spill list on; true: there is room (E5).  Threads: producer.  Blocks: no. */
bool tubei_edge_room(tubei_edge *e);

/** Take the next thing.  Threads: consumer.  Blocks: no. */
tubei_item tubei_edge_pop(tubei_edge *e, tubei_batch **b);

/** The consumer found it empty: tell a producer that waits (E5).  Blocks: no. */
void tubei_edge_drained(tubei_edge *e);

/** The consumer wants no more, and why.  Threads: consumer.  Blocks: no. */
void tubei_edge_close(tubei_edge *e, tubei_kind why);

/** Why the consumer wants no more; TUBEI_NO_KIND: it does.  Threads: any.  Blocks: no. */
tubei_kind tubei_edge_closed(const tubei_edge *e);

#endif /* TUBES_ENGINE_EDGE_H */
