/* SPDX-License-Identifier: MIT */
/* tubes/stats.h -- counters of a pipeline, readable while it runs. */
#ifndef TUBES_STATS_H
#define TUBES_STATS_H

#include <tubes/attr.h>

#include <stdbool.h>
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
    /* Phases, each a running total: read >= parsed, queued >= sent >= committed. */
    uint64_t parsed; /**< made from lines by a parser */
    uint64_t queued; /**< put into the queue of a sink */
    uint64_t sent;   /**< taken by a sink */
    uint64_t
        released; /**< settled, together with all that was made of the same batch */
    uint64_t
        unconfirmed_ns; /**< age of the oldest batch in flight, a quarter second fine */
    uint64_t latency_ns; /**< sum over `settled` of the time from reading to settling */
    uint64_t latency_max_ns;
    uint64_t settled;     /**< batches that were read and are released */
    uint64_t pauses;      /**< tokens out now */
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
    uint64_t dropped;
    uint64_t broken;
    uint64_t errors; /**< failures of its callbacks, those that were survived too */
    uint64_t retries;
    uint64_t restarts;
    uint64_t paused_ns;
    uint64_t busy_ns; /**< inside the stage */
    uint64_t
        blocked_ns; /**< waiting for room, memory or its own AGAIN, with input there */
    uint32_t queue; /**< batches in its input edge now */
    uint32_t queue_high; /**< most of them */
    uint64_t queue_sum;  /**< sum over activations of the queue at their start */
} tube_stage_stats;

/** One edge's counters. */
typedef struct tube_edge_stats {
    uint64_t batches;    /**< pushed */
    uint64_t rows;       /**< pushed */
    uint64_t rows_taken; /**< of them, taken by the consumer */
    uint32_t queue;      /**< batches inside now */
    uint32_t queue_high; /**< most of them */
    uint64_t full;       /**< times the producer found no room */
    uint64_t overshoot;  /**< batches that went to the spill list, having no room */
} tube_edge_stats;

/** Read the counters.  Threads: any.  Blocks: no. */
void tube_stats(const struct tube_pipeline *p, tube_counts *c);

/** Read stage `i`'s counters.  Threads: any.  Blocks: no. */
void tube_stats_stage(const struct tube_pipeline *p, uint32_t i, tube_stage_stats *st);

/** Read edge `i`'s counters; false: that place is empty.  Threads: any.  Blocks: no. */
bool tube_stats_edge(const struct tube_pipeline *p, uint32_t i, tube_edge_stats *st);

/**
 * All counters in the text format of Prometheus, version 0.0.4.
 *
 * @return given: free(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
char *tube_stats_text(const struct tube_pipeline *p) TUBE_NODISCARD;

TUBES_END

#endif /* TUBES_STATS_H */
