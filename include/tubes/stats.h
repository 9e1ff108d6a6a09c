/* SPDX-License-Identifier: MIT */
/* tubes/stats.h -- counters of a pipeline, readable while it runs. */
#ifndef TUBES_STATS_H
#define TUBES_STATS_H

#include <tubes/attr.h>

#include <stdint.h>

TUBES_BEGIN

struct tube_pipeline;

/**
 * Where every record is.
 *
 * read = committed + filtered + rejected + dropped + broken + in_flight, exactly
 * whenever nothing moves: at the end, and between two steps of TUBE_CALLER.
 */
typedef struct tube_counts {
    uint64_t read;      /**< records made from input, or made by stages of 1 to n */
    uint64_t committed; /**< a sink has stored them */
    uint64_t filtered;  /**< taken out by a stage, blank lines included */
    uint64_t rejected;  /**< refused, with a reason */
    uint64_t dropped;   /**< by an overflow policy */
    uint64_t broken;    /**< neither stored nor refused: failure or abort */
    uint64_t in_flight;
    uint64_t bytes;       /**< of input, read */
    uint64_t bytes_total; /**< of input, expected; 0: unknown */
    uint64_t memory;      /**< bytes of the budget in use */
    uint64_t memory_high; /**< most of it */
} tube_counts;

/** One stage's counters. */
typedef struct tube_stage_stats {
    uint64_t activations;
    uint64_t batches_in;
    uint64_t batches_out;
    uint64_t rows_in;
    uint64_t rows_out;
    uint64_t bytes_in; /**< of segments (framing stages) */
    uint64_t filtered;
    uint64_t rejected;
    uint64_t busy_ns; /**< inside the stage */
    uint64_t
        blocked_ns; /**< waiting for room, memory or its own AGAIN, with input there */
    uint32_t queue; /**< batches in its input edge now */
    uint32_t queue_high; /**< most of them */
    uint64_t queue_sum;  /**< sum over activations of the queue at their start */
} tube_stage_stats;

/** Read the counters.  Threads: any.  Blocks: no. */
void tube_stats(const struct tube_pipeline *p, tube_counts *c);

/** Read stage `i`'s counters.  Threads: any.  Blocks: no. */
void tube_stats_stage(const struct tube_pipeline *p, uint32_t i, tube_stage_stats *st);

TUBES_END

#endif /* TUBES_STATS_H */
