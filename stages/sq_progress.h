/* SPDX-License-Identifier: MIT */
/* sq_progress.h -- positions in the file: tubes_source, tubes_progress, tubes_reject.
 *
 * Invariant P1: `low` of a source's row says that every byte below it is stored or
 * rejected, and only a transaction that stores [low, hi) moves it from low to hi.
 * source  docs/delivery.md, "SQLite"
 */
#ifndef TUBES_STAGES_SQ_PROGRESS_H
#define TUBES_STAGES_SQ_PROGRESS_H

#include "sq_db.h"

#include <tubes/stage.h>

/** One life of one source, and how far its rows are committed. */
typedef struct sq_source {
    int64_t id;         /**< 0: not in the file yet (a stream) */
    int64_t generation; /**< which life of it; of a stream, random */
    uint64_t low;       /**< of a stream, records */
    uint64_t line;      /**< lines below `low` */
    bool begun;         /**< the generation has a row in tubes_progress */
    bool stream;        /**< nothing in it can be found again */
    uint32_t move;      /**< in the open transaction: index of its move + 1; 0: none */
} sq_source;

/** What a transaction does to a source's position. */
typedef struct sq_move {
    sq_source *source;
    uint64_t lo; /**< must be the source's low */
    uint64_t hi;
    uint64_t line;    /**< lines below `hi` */
    uint64_t rows;    /**< stored by the transaction */
    uint64_t rejects; /**< rejected by it */
} sq_move;

/** A source for input without an origin.  Its row only tells what became of a commit. */
sq_source tubei_sq_progress_stream(void);

/** How a source was found. */
typedef enum sq_found {
    SQ_FOUND_NEW,     /**< never loaded before */
    SQ_FOUND_KNOWN,   /**< go on at source.low */
    SQ_FOUND_SHORTER, /**< the file was cut: its next generation begins */
    SQ_FOUND_AGAIN,   /**< the user wants it once more: its next generation begins */
} sq_found;

/** What the file says about a transaction whose end was not seen. */
typedef enum sq_verdict {
    SQ_COMMITTED,
    SQ_OPEN,  /**< it did not commit: do it again */
    SQ_MOVED, /**< somebody else has moved a position */
} sq_verdict;

/** The statements; zeroed before the first use. */
typedef struct sq_progress {
    sq_db *db;
    sq_stmt *find;
    sq_stmt *make;
    sq_stmt *extend;
    sq_stmt *begin;
    sq_stmt *move;
    sq_stmt *count;
    sq_stmt *reject;
    sq_stmt *ask;
} sq_progress;

/** Make what is missing of the tables, in a transaction. */
sq_result tubei_sq_progress_create(sq_db *db);

/** Make the statements ready.  A failure leaves it detached. */
sq_result tubei_sq_progress_attach(sq_progress *p, sq_db *db);

/** Free the statements; before the file is closed. */
void tubei_sq_progress_detach(sq_progress *p);

/**
 * Find an origin's row, or make one; no transaction is open.
 *
 * A source is a path and the first bytes, compared over exactly as many as are stored;
 * what is stored grows with the file.  A row in tubes_source says nothing was loaded:
 * that is what tubes_progress says, whose row comes with the first commit.
 *
 * @param target  token of the table
 * @param again   begin a new generation, whatever is there
 *
 * Threads: the owner of the file.  Blocks: while another process writes.
 */
sq_result tubei_sq_progress_locate(sq_progress *p, const char *target,
                                   const tube_origin *o, bool again, sq_source *src,
                                   sq_found *how);

/**
 * In the transaction, first of all: move a position, and see that nobody else has.
 *
 * A stream that is new gets its row here.
 *
 * @param moved  false: somebody else has moved it (borrowed)
 *
 * Threads: the owner of the file.  Blocks: as writing a file does.
 */
sq_result tubei_sq_progress_move(sq_progress *p, const char *target, const sq_move *m,
                                 bool *moved);

/** In the transaction, when it is known: note how many rows there were. */
sq_result tubei_sq_progress_count(sq_progress *p, const sq_move *m);

/** In the transaction: store one rejected row.  `line_no` counts from 1, 0: unknown;
 * `source` may be NULL. */
sq_result tubei_sq_progress_reject(sq_progress *p, const sq_source *source,
                                   const tube_batch *b, const tube_rejected *r,
                                   uint64_t line_no);

/** What became of a transaction with these moves?  No transaction is open. */
sq_result tubei_sq_progress_ask(sq_progress *p, const sq_move *m, size_t n,
                                sq_verdict *verdict);

#endif /* TUBES_STAGES_SQ_PROGRESS_H */
