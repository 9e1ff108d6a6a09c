/* SPDX-License-Identifier: MIT */
/* edge.h -- one edge of the graph: a ring, a spill list, a stop token.
 *
 * Fullness is the backpressure; nothing else in the engine slows a stage down.
 *
 * Invariants
 *   E1  batches in the ring <= slots / 2; the ring has room for the token beside them
 *   E2  the spill list holds what the producer had in hand when there was no room:
 *       one batch for each activation, a watermark, and the token
 *   E3  while the spill list is not empty, everything is appended to it
 *   E4  the token is the last thing that enters the ring, once
 *   E5  a producer that found no room has set `want` before its last look; the
 *       consumer that finds the ring empty, or takes from one with limits, takes
 *       `want` and notifies
 *   E6  `closed` is set once, by the consumer
 *   E7  `to` is the producer's and `from` the consumer's: each side learns of the
 *       other's change by a request, at an activation boundary (request.c)
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

#include "../data/batch.h"
#include "../data/stop.h"
#include "ring.h"

struct tube_stage;
struct tube_inlet;

typedef struct tubei_edge {
    tubei_ring *ring;
    uint32_t most;               /* batches that the ring can hold */
    _Atomic uint32_t depth;      /* batches that it shall hold */
    struct tube_stage *from;     /* consumer's; NULL: an inlet, or nobody any more */
    struct tube_stage *to;       /* producer's */
    struct tube_inlet *inlet;    /* NULL: a stage */
    _Atomic uint32_t want;       /* [E1] */
    _Atomic uint32_t closed;     /* tube_stop; [E3] */
    _Atomic bool limited;        /* rows, bytes or a reservation count too */
    _Atomic uint64_t rows_limit; /* UINT64_MAX: none */
    _Atomic uint64_t bytes_limit;
    _Atomic uint64_t reserved; /* rows */

    /* The producer's. */
    tubei_batch *spill; /* oldest first */
    tubei_batch *spill_last;
    bool stopping;       /* the token is in the spill list */
    bool stopped;        /* the token is in the ring */
    tubei_reason reason; /* written before the token enters the ring */
    tubei_reason why;    /* written before `closed` is set */

    /* The consumer's. */
    tubei_batch *back; /* given back by who was diverted: comes before the ring */
    bool back_stop;    /* and behind it the token, which was taken already */
    bool over;         /* the token was taken */
    bool dynamic;      /* goes when it is over */
    uint32_t weight;   /* batches in one turn */
    uint64_t born;     /* the last watermark that was begun before it was made */
    uint64_t seen;     /* the last one it brought, or `born` */
    tubei_batch *mark; /* watermarks that wait for the other inputs, oldest first */

    /* Counters: the first block by the producer, the second by the consumer. */
    _Atomic uint64_t batches, rows, bytes, full, overshoot;
    _Atomic uint64_t rows_taken, bytes_taken;
    _Atomic uint32_t marks; /* watermarks in the ring: they take no room from batches */
    _Atomic uint32_t high;  /* most batches in the ring */
    uint32_t slot;          /* in the pipeline's table */
    uint32_t refs;          /* ends that hold it, under the graph's lock */
} tubei_edge;

typedef enum tubei_item { TUBEI_NONE, TUBEI_BATCH, TUBEI_STOP, TUBEI_MARK } tubei_item;

/** Make an edge; NULL: out of memory.  Threads: any.  Blocks: no. */
tubei_edge *tubei_edge_new(uint32_t depth);

/** Free it; it must be empty.  Threads: the last user.  Blocks: no. */
void tubei_edge_free(tubei_edge *e);

/**
 * Send a batch, or a watermark.
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

/** True if what pop() would give is a watermark.  Threads: consumer.  Blocks: no. */
bool tubei_edge_at_mark(const tubei_edge *e);

/** True if pop() has something.  Threads: consumer.  Blocks: no. */
bool tubei_edge_ready(const tubei_edge *e);

/** True if the consumer has something to take already.  Threads: producer.  Blocks: no. */
bool tubei_edge_busy(const tubei_edge *e);

/** The consumer found it empty: tell a producer that waits (E5).  Blocks: no. */
void tubei_edge_drained(tubei_edge *e);

/** The consumer wants no more, and why: `kind`, and the causes of `why`.  Threads:
 * consumer.  Blocks: no. */
void tubei_edge_close(tubei_edge *e, tube_stop kind, const tubei_reason *why);

/** Why the consumer wants no more; NONE: it does.  Threads: any.  Blocks: no. */
tube_stop tubei_edge_closed(const tubei_edge *e);

#endif /* TUBES_ENGINE_EDGE_H */
