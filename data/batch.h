/* SPDX-License-Identifier: MIT */
/* batch.h -- the engine's side of a batch: memory, buffers, group, spill link.
 *
 * Invariants
 *   B1  a batch is owned by exactly one of: a stage, a ring, a spill list
 *   B2  cells point into a buffer that the batch holds, or into its own memory
 *   B3  row r of a framed batch is line (r - first_row) of its extent
 */
#ifndef TUBES_DATA_BATCH_H
#define TUBES_DATA_BATCH_H

#include "ack.h"
#include "memory.h"

#include <tubes/batch.h>
#include <tubes/stage.h>

enum { TUBEI_BATCH_BUFFERS = 4 };

/** Input bytes, shared by the batches whose cells point into them. */
typedef struct tubei_buffer {
    _Atomic uint32_t refs;
    tubei_memory *memory;
    char data[];
} tubei_buffer;

typedef struct tubei_batch {
    tube_batch pub;            /* first: a tube_batch * is a tubei_batch * */
    struct tubei_batch *next;  /* of the list it is in: spilled, given back, kept */
    struct tubei_batch **prev; /* kept: what points to it; else NULL */
    tubei_memory *memory;
    struct tubei_asks *asks; /* NULL: nobody asks about a row (asks.h) */
    tubei_ack *ack;          /* NULL: a batch of bytes, or not emitted yet */
    struct tube_flush *mark; /* not NULL: no batch but a watermark */
    uint32_t turns;          /* bit d: the last of a turn of the fork at depth d */
    uint32_t n_dropped;
    uint64_t weighed; /* what it counts for in a queue with a limit of bytes */
    struct text_shared *shared; /* text it has in common with copies */
    void *block; /* block that the current cells have to themselves, or NULL */
    void *old_block;
    struct text_chunk *text; /* own memory, newest chunk first */
    size_t text_left;
    uint32_t n_buffers;
    uint32_t n_filtered;
    uint32_t published; /* rejects that on_reject() has seen */
    uint32_t rejected_room;
    bool had_raw; /* stripped: it had raw lines */
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

/**
 * Another batch with the same live rows: cells of its own, input buffers and text shared.
 *
 * @return given, with no group; NULL: refused
 *
 * Threads: the one that runs `who`, which owns `b`.  Blocks: no.
 */
tubei_batch *tubei_batch_copy(tubei_batch *b, struct tube_stage *who);

/** Replace `b` by one without cells and input buffers, extents and offsets kept. */
bool tubei_batch_strip(tubei_batch **b);

/** Replace a stripped `b` by one with cells, and raw lines if it had some; false: refused. */
bool tubei_batch_refill(tubei_batch **b, struct tube_stage *who);

/** A watermark on its way; NULL: out of memory. */
tubei_batch *tubei_batch_mark(tubei_memory *m, struct tube_flush *mark);

/** How its rows that ended inside the graph settle. */
static inline tubei_settled
tubei_batch_ended(const tubei_batch *b)
{
    return (tubei_settled){ .filtered = b->n_filtered, .dropped = b->n_dropped };
}

/** Rows it accounts for. */
static inline uint64_t
tubei_batch_rows(const tubei_batch *b)
{
    return tube_batch_count(&b->pub) + (uint64_t)b->pub.n_rejected + b->n_filtered
           + b->n_dropped;
}

/** After process(): let go of pub.old.  Threads: the owner.  Blocks: no. */
void tubei_batch_reshaped(tubei_batch *b);

/** If few rows are left, copy them out of the input buffers and let those go. */
void tubei_batch_compact(tubei_batch *b);

/** Undo the last tube_batch_add(). */
void tubei_batch_take_back(tubei_batch *b);

/** Note a rejected row; its bit is cleared; false: out of memory. */
bool tubei_batch_reject(tubei_batch *b, const tube_rejected *r);

#endif /* TUBES_DATA_BATCH_H */
