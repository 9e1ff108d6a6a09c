/* SPDX-License-Identifier: MIT */
/* buffer_queue.h -- the batches that a buffer keeps, oldest first.
 *
 * Invariants
 *   Q1  rows and bytes are the sums over the entries
 *   Q2  an entry's rows are live, in memory, and wanted; its bytes are 0 without rows
 *   Q3  an entry whose rows are in the file, or gone, is stripped as soon as it may be
 */
#ifndef TUBES_STAGES_BUFFER_QUEUE_H
#define TUBES_STAGES_BUFFER_QUEUE_H

#include "spill.h"

#include <tubes/stage.h>

/** One batch. */
typedef struct buffer_entry {
    tube_batch *batch;   /**< NULL: gone, only `missed` may be left to tell */
    uint64_t since;      /**< when it came */
    uint64_t rows;       /**< live and in memory */
    uint64_t bytes;      /**< of memory, if there are rows */
    uint64_t missed;     /**< records dropped in or behind it, to be told after it */
    tubei_spilled where; /**< its rows, if they are in the file */
    bool stripped;
    bool sifted; /**< by the condition of full=drop */
} buffer_entry;

typedef struct buffer_queue {
    buffer_entry *entry; /* a ring */
    uint32_t room;       /* a power of two */
    uint32_t first;
    uint32_t n;
    uint64_t rows;
    uint64_t bytes;
} buffer_queue;

/* All functions below: Threads: the queue's owner.  Blocks: no. */

/** Entry `i`, from the oldest on (borrowed until the next push). */
static inline buffer_entry *
tubei_buffer_at(const buffer_queue *q, uint32_t i)
{
    return &q->entry[(q->first + i) & (q->room - 1)];
}

/** Make room for one more entry, if need be by forgetting those that are empty; false:
 * out of memory. */
bool tubei_buffer_reserve(buffer_queue *q);

/** Append a batch, for which room was reserved; `where`: its rows are in the file. */
buffer_entry *tubei_buffer_push(buffer_queue *q, tube_batch *b,
                                const tubei_spilled *where, uint64_t now);

/** Bring rows and bytes up to date with the batch. */
void tubei_buffer_account(buffer_queue *q, buffer_entry *e);

/** The first entry's batch, for sending it on; NULL: there is none. */
tube_batch *tubei_buffer_take(buffer_queue *q);

/** Forget the first entry, whose batch was taken. */
void tubei_buffer_pop(buffer_queue *q);

/** Release what the queue itself occupies. */
void tubei_buffer_free(buffer_queue *q);

#endif /* TUBES_STAGES_BUFFER_QUEUE_H */
