/* SPDX-License-Identifier: MIT */
/* route_split.h -- one batch to several outputs: all of its rows, or some to each.
 *
 * Every open output gets a batch for each that comes in, in order of the outputs: a copy,
 * and one of them the batch itself.  One that gets no rows gets the position, so that
 * no sink's falls behind and every turn has its end.
 *
 * The batch itself, with its rejects, goes to the main flow, the last output of the text;
 * when that has ended, to the last one that is open.
 */
#ifndef TUBES_STAGES_ROUTE_SPLIT_H
#define TUBES_STAGES_ROUTE_SPLIT_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

/** A set of rows of a batch. */
typedef struct split_rows {
    uint64_t bit[TUBE_BATCH_ROWS / 64];
    uint32_t n;
} split_rows;

typedef struct tubei_split {
    uint32_t n;       /**< outputs as the text has them */
    bool turns;       /**< each batch is a turn of every output */
    split_rows *rows; /**< of each of the n; NULL: all rows go to every output */
    split_rows lost;  /**< their output has ended */
    uint32_t next;    /**< the output that is served next; 0: the batch is new */
    uint32_t home;    /**< the output that gets the batch itself */
} tubei_split;

/* All functions below: Threads: the stage's.  Blocks: no. */

/** In open(): `by_row`: tubei_split_give() says where rows go. */
tube_status tubei_split_open(tube_stage *s, tubei_split *p, bool by_row,
                             tube_error *err);

/** Free what it holds. */
void tubei_split_close(tubei_split *p);

/** True if the batch of process() was not seen before: give all its rows now. */
bool tubei_split_begin(tubei_split *p);

/** Row `r` goes to output `i` < n. */
static inline void
tubei_split_give(tubei_split *p, uint32_t r, uint32_t i)
{
    p->rows[i].bit[r / 64] |= (uint64_t)1 << (r % 64);
    p->rows[i].n++;
}

/** Serve the outputs.  TUBE_AGAIN: no memory, call again with the same batch. */
tube_status tubei_split_send(tube_stage *s, tubei_split *p, tube_batch *b);

/** The output that gets the batch itself, or TUBE_ANY_INPUT if all have ended. */
uint32_t tubei_split_home(const tube_stage *s, uint32_t n);

/** Send a batch to one output (taken); that it is full or has ended holds up nobody. */
void tubei_split_emit(tube_stage *s, uint32_t i, tube_batch *b);

/** A copy of a batch without its rows; NULL: no memory. */
tube_batch *tubei_split_position(tube_stage *s, tube_batch *b);

/** A copy of a live row alone; it carries the batch's position if `position`, else none;
 * NULL: no memory. */
tube_batch *tubei_split_row(tube_stage *s, tube_batch *b, uint32_t row, bool position);

#endif /* TUBES_STAGES_ROUTE_SPLIT_H */
