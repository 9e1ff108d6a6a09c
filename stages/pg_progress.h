/* SPDX-License-Identifier: MIT */
/* pg_progress.h -- positions in the database: tubes_source, tubes_progress, tubes_reject.
 *
 * Invariant P1: `low` of a source's row says that every byte below it is stored or
 * rejected, and only a transaction that stores [low, hi) moves it from low to hi.
 */
#ifndef TUBES_STAGES_PG_PROGRESS_H
#define TUBES_STAGES_PG_PROGRESS_H

#include "pg_conn.h"
#include "pg_sql.h"
#include "pg_table.h"

#include <tubes/stage.h>

/** One life of one source, and how far its rows are committed. */
typedef struct pg_source {
    int64_t id; /**< 0: not in the database yet */
    int32_t generation;
    uint64_t low;
    uint64_t line; /**< lines below `low` */
    uint32_t slot; /**< index + 1 of its move in the transaction; 0: none */
} pg_source;

/** What a transaction does to a source's position. */
typedef struct pg_move {
    pg_source *source;
    uint64_t hi;      /**< new value of low */
    uint64_t line;    /**< lines below it */
    uint64_t rows;    /**< stored by the transaction */
    uint64_t rejects; /**< rejected by it */
} pg_move;

/** How a source was found. */
typedef enum pg_found {
    PG_FOUND_NEW,     /**< never seen before */
    PG_FOUND_KNOWN,   /**< go on at source.low */
    PG_FOUND_SHORTER, /**< the file was cut: its next generation begins */
    PG_FOUND_AGAIN,   /**< the user wants it once more: its next generation begins */
} pg_found;

/** What was found, and where it stood. */
typedef struct pg_located {
    pg_source source;
    pg_found how;
    uint64_t was; /**< low of the generation that was found */
} pg_located;

/** What the database says about a transaction whose end was not seen. */
typedef enum pg_verdict {
    PG_VERDICT_COMMITTED,
    PG_VERDICT_OPEN,  /**< it did not commit: send it again */
    PG_VERDICT_MOVED, /**< somebody else moved a position */
} pg_verdict;

/**
 * Make what is missing of the three tables in the target's schema.
 *
 * @return TUBE_EDB, TUBE_EREACH, TUBE_ENOMEM
 *
 * Threads: the owner of `c`.  Blocks: yes.
 */
tube_status tubei_pg_progress_create(pg_conn *c, const pg_table *t,
                                     tube_error *err) TUBE_NODISCARD;

/**
 * Find an origin's row, or make one.
 *
 * A source is a path and the first bytes, compared over exactly as many as are stored;
 * what is stored grows with the file.
 *
 * @param again  begin a new generation, whatever is there
 *
 * Threads: the owner of `c`.  Blocks: yes.
 */
tube_status tubei_pg_progress_locate(pg_conn *c, const pg_table *t,
                                     const tube_origin *o, bool again, pg_located *at,
                                     tube_error *err) TUBE_NODISCARD;

/** Append a statement that makes a source for input without an origin, and gives its
 * id as a row.  @param print  random bytes.  Threads: any.  Blocks: no. */
void tubei_pg_progress_stream(const pg_table *t, const unsigned char print[16],
                              pg_sql *q);

/** Append the compare-and-set of all moves, sorted by source; it raises TB002. */
void tubei_pg_progress_move(const pg_table *t, const pg_move *m, uint32_t n, pg_sql *q);

/** Append the question where the sources of `m` stand, under lock. */
void tubei_pg_progress_ask(const pg_table *t, const pg_move *m, uint32_t n, pg_sql *q);

/** Read the answer to it, the last one of `c` with rows. */
pg_verdict tubei_pg_progress_verdict(const pg_conn *c, const pg_move *m, uint32_t n);

#endif /* TUBES_STAGES_PG_PROGRESS_H */
