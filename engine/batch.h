/* SPDX-License-Identifier: MIT */
/* batch.h -- the engine's side of a batch: memory, buffers, group, spill link.
 *
 * Invariants
 *   B1  a batch is owned by exactly one of: a stage, a ring, a spill list
 *   B2  cells point into a buffer that the batch holds, or into its own memory
 *   B3  row r of a framed batch is line (r - first_row) of its extent
 */
#ifndef TUBES_ENGINE_BATCH_H
#define TUBES_ENGINE_BATCH_H

#include "ack.h"
#include "memory.h"

#include <tubes/batch.h>

enum { TUBEI_BATCH_BUFFERS = 4 };

/** Input bytes, shared by the batches whose cells point into them. */
typedef struct tubei_buffer {
    _Atomic uint32_t refs;
    tubei_memory *memory;
    char data[];
} tubei_buffer;

typedef struct tubei_batch {
    tube_batch pub;           /* first: a tube_batch * is a tubei_batch * */
    struct tubei_batch *next; /* spill list */
    tubei_memory *memory;
    tubei_ack *ack; /* NULL: a batch of bytes, or not emitted yet */
    void *block;    /* block that the current cells have to themselves, or NULL */
    void *old_block;
    struct text_chunk *text; /* own memory, newest chunk first */
    size_t text_left;
    uint32_t n_buffers;
    uint32_t n_filtered;
    uint32_t published; /* rejects that on_reject() has seen */
    uint32_t rejected_room;
    tubei_buffer *buffer[TUBEI_BATCH_BUFFERS];
    tube_extent extent[TUBE_BATCH_EXTENTS];
    tube_segment segment[TUBE_BATCH_EXTENTS];
} tubei_batch;

static inline tubei_batch *
tubei_batch_of(tube_batch *b)
{
    return (tubei_batch *)(void *)b;
}

/**
 * A batch of records, or of bytes with its buffer.
 *
 * @param schema  NULL: bytes (borrowed)
 * @param rows    room, 1..TUBE_BATCH_ROWS; with bytes, ignored
 * @param framed  with offsets; raw is the cells
 * @param who     see tubei_memory_get()
 * @return given: tubei_batch_free(); NULL: refused
 *
 * Threads: the one that runs `who`.  Blocks: no.
 */
tubei_batch *tubei_batch_new(tubei_memory *m, const tube_schema *schema, uint32_t rows,
                             bool framed, struct tube_stage *who);

/** Free it and what it holds; its rows must be settled.  Threads: its owner.  Blocks: no. */
void tubei_batch_free(tubei_batch *b);

/** Cells of another schema, the old ones as pub.old; false: refused.  Threads: as new. */
bool tubei_batch_reshape(tubei_batch *b, const tube_schema *schema,
                         struct tube_stage *who);

/** After process(): let go of pub.old.  Threads: the owner.  Blocks: no. */
void tubei_batch_reshaped(tubei_batch *b);

/** If few rows are left, copy them out of the input buffers and let those go. */
void tubei_batch_compact(tubei_batch *b);

/** Note a rejected row; its bit is cleared; false: out of memory. */
bool tubei_batch_reject(tubei_batch *b, const tube_rejected *r);

#endif /* TUBES_ENGINE_BATCH_H */
