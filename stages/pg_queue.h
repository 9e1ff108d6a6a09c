/* SPDX-License-Identifier: MIT */
/* pg_queue.h -- batches that are not committed yet, and the transaction cut from them.
 *
 * Invariants
 *   Q1  the transaction is the front of the queue: rows [done of its first batch, `to`
 *       of its last) and all between
 *   Q2  its moves take each source from where the last commit left it to the end of
 *       its rows, and no further
 *   Q3  a batch is settled when its last row is committed, or with all others as broken
 *   Q4  it ends at a border (resume.h), unless that is waived by tubei_pg_queue_free_all()
 *       or to look for a bad row
 */
#ifndef TUBES_STAGES_PG_QUEUE_H
#define TUBES_STAGES_PG_QUEUE_H

#include "pg_progress.h"
#include "resume.h"

#include <tubes/stage.h>

/** A batch that waits. */
typedef struct pg_entry {
    tube_batch *batch;
    uint64_t base;         /**< number of its first row, counted over all batches */
    uint64_t bytes;        /**< about as many as its rows will take */
    uint32_t rows;         /**< live when it came */
    bool border;           /**< behind it no position is owed */
    resume_hidden *hidden; /**< rows that the database has already; or NULL */
} pg_entry;

/** When a transaction is large enough. */
typedef struct pg_limits {
    uint64_t rows;
    uint64_t bytes;
} pg_limits;

typedef struct pg_queue {
    pg_entry *entry; /**< ring of `room`, a power of two */
    uint32_t room;
    uint32_t head;
    uint32_t n;
    uint32_t done;  /**< rows of the first batch that are committed */
    uint64_t next;  /**< number of the next row to come */
    uint64_t rows;  /**< of all batches */
    uint64_t bytes; /**< of all batches */
    uint32_t moves; /**< extents of all batches */
    uint64_t taken; /**< batches that ever came */

    tubei_resume resume;
    uint32_t ready;      /**< batches that may be committed */
    uint64_t owed_rows;  /**< of those behind them */
    uint64_t owed_bytes; /**< likewise */
    uint32_t owed_moves; /**< likewise */
    bool owing;          /**< the last commit was not at a border */

    pg_source *source; /**< by origin */
    uint32_t sources;
    pg_source stream; /**< of rows without an origin */

    uint32_t tx; /**< batches in the transaction; 0: there is none */
    uint32_t to;
    uint64_t tx_rows; /**< live rows in it */
    uint64_t tx_rejects;
    pg_move *move;
    uint32_t n_moves;
    uint32_t move_room;
} pg_queue;

/** Free the memory; every batch must be settled.  Threads: the owner.  Blocks: no. */
void tubei_pg_queue_free(pg_queue *q);

/** Make a place for origin `id`; NULL: out of memory.  Threads: the owner.  Blocks: no. */
pg_source *tubei_pg_queue_source(pg_queue *q, uint32_t id);

/** Append a batch.  @return TUBE_EINVAL, TUBE_ENOMEM: not taken.  Threads: the owner. */
tube_status tubei_pg_queue_push(pg_queue *q, const tube_stage *s, tube_batch *b,
                                size_t row_bytes, tube_error *err) TUBE_NODISCARD;

/** All that waits may be committed, though positions are owed.  Blocks: no. */
void tubei_pg_queue_free_all(pg_queue *q);

/** Bytes of memory that all batches hold.  Threads: the owner.  Blocks: no. */
uint64_t tubei_pg_queue_memory(const pg_queue *q);

/** Number of the oldest batch, counted over all.  Threads: the owner.  Blocks: no. */
static inline uint64_t
tubei_pg_queue_oldest(const pg_queue *q)
{
    return q->taken - q->n;
}

/** True if what waits behind the transaction, and may be committed, reaches a limit.
 * Blocks: no. */
bool tubei_pg_queue_full(const pg_queue *q, const pg_limits *l);

/** The same of what lies behind the first `n` batches, at most all. */
bool tubei_pg_queue_full_behind(const pg_queue *q, const pg_limits *l, uint32_t n);

/** True if a transaction cut now would need a position for rows without an origin. */
bool tubei_pg_queue_wants_stream(const pg_queue *q);

/** What a transaction is wanted to hold. */
typedef struct pg_wanted {
    uint64_t end;  /**< number of the row before which it ends; UINT64_MAX: any */
    uint64_t live; /**< live rows at most */
    bool apart;    /**< also where a position is owed; else the next border ends it */
} pg_wanted;

/**
 * Cut a transaction: whole batches up to the limit, or less.
 *
 * @return false: out of memory
 */
bool tubei_pg_queue_cut(pg_queue *q, const pg_limits *l, const pg_wanted *w);

/** Number of the row behind the transaction's last.  Threads: the owner.  Blocks: no. */
uint64_t tubei_pg_queue_end(const pg_queue *q);

/** Number of the transaction's first row.  Threads: the owner.  Blocks: no. */
uint64_t tubei_pg_queue_begin(const pg_queue *q);

/** Live rows from the transaction's first row up to row number `end`.  Blocks: no. */
uint64_t tubei_pg_queue_live(const pg_queue *q, uint64_t end);

/** A place in the transaction. */
typedef struct pg_cursor {
    uint32_t entry;
    uint32_t row; /**< in rejects: index in batch->rejected */
} pg_cursor;

/** The next live row at or behind the cursor, which is moved behind it.
 * @return its batch; NULL: there are no more */
tube_batch *tubei_pg_queue_row(const pg_queue *q, pg_cursor *at, uint32_t *row);

/** The transaction's `n`th live row, from 1; it must be there.
 * @param number  its number over all batches */
tube_batch *tubei_pg_queue_nth(const pg_queue *q, uint64_t n, uint32_t *row,
                               uint64_t *number);

/** The next rejected row, likewise.  @param source  where it came from */
tube_batch *tubei_pg_queue_rejected(const pg_queue *q, pg_cursor *at,
                                    const tube_rejected **why, const pg_source **source,
                                    uint64_t *line);

/** The transaction is committed: move on, settle what is done (Q3). */
void tubei_pg_queue_committed(pg_queue *q, tube_stage *s);

/** The transaction will be cut anew.  Threads: the owner.  Blocks: no. */
void tubei_pg_queue_uncut(pg_queue *q);

/** Settle all batches from the `keep`th on as broken.  Threads: the owner.  Blocks: no. */
void tubei_pg_queue_break(pg_queue *q, tube_stage *s, uint32_t keep);

#endif /* TUBES_STAGES_PG_QUEUE_H */
