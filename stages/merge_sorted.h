/* SPDX-License-Identifier: MIT */
/* merge_sorted.h -- several sorted inputs as one sorted output.
 *
 * One batch of each input is kept.  While every input that is waited for has one, the
 * least row goes on; then the merge waits for the input that has run out.  An input
 * is not waited for when it has ended, or was quiet for too long, until it delivers.
 *
 * Invariants
 *   M1  rows that were sent on in a new batch are no longer live in their own
 *   M2  what is left of a batch, its rejects and its position, goes on behind its rows
 */
#ifndef TUBES_STAGES_MERGE_SORTED_H
#define TUBES_STAGES_MERGE_SORTED_H

#include "merge_heap.h"

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

/** What is known of one input. */
typedef struct merge_input {
    tube_batch *batch; /**< NULL: nothing here */
    uint32_t row;      /**< the next one */
    bool touched;      /**< rows of it were copied */
    bool sorted;       /**< its rows are in order */
    bool idle;         /**< not waited for until it delivers */
    tube_cell high;    /**< key of its last row */
    tube_cell last;    /**< the last key that came; text: in `text` */
    bool any;          /**< there was one */
    char *text;
    size_t room;
} merge_input;

/** A batch that came though its input had one: the engine takes what it finds when no
 * input is waited for. */
typedef struct merge_extra {
    tube_batch *batch;
    uint32_t input;
} merge_extra;

typedef struct merge_sorted {
    merge_heap heap;
    merge_input *input;
    uint32_t n;
    merge_extra *extra; /* oldest first */
    uint32_t n_extra;
    uint32_t extra_room;
    uint32_t used;    /* input whose batch is used up; TUBE_ANY_INPUT: none */
    tube_batch *out;  /* being filled, or NULL */
    uint32_t *column; /* those that are text */
    uint32_t n_columns;
    uint64_t idle_ns;
    uint64_t idle_at;  /* from then on the missing are not waited for; 0: unset */
    uint64_t unsorted; /* rows that came behind a greater one */
} merge_sorted;

/* All functions below: Threads: the stage's.  Blocks: no. */

/**
 * In open().
 *
 * @param by  field to sort by
 * @return TUBE_ECONFIG  no such field, or none that has an order
 */
tube_status tubei_merge_open(tube_stage *s, merge_sorted *m, const char *by, bool desc,
                             tube_error *err);

/** The input to take from next. */
uint32_t tubei_merge_select(tube_stage *s, merge_sorted *m);

tube_status tubei_merge_process(tube_stage *s, merge_sorted *m, tube_batch *b,
                                tube_error *err);
tube_status tubei_merge_ended(tube_stage *s, merge_sorted *m, uint32_t input,
                              tube_error *err);
tube_status tubei_merge_wake(tube_stage *s, merge_sorted *m, unsigned why,
                             tube_error *err);
tube_status tubei_merge_finish(tube_stage *s, merge_sorted *m, tube_error *err);
tube_status tubei_merge_reassemble(tube_stage *s, merge_sorted *m);
void tubei_merge_close(merge_sorted *m);

#endif /* TUBES_STAGES_MERGE_SORTED_H */
