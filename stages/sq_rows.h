/* SPDX-License-Identifier: MIT */
/* sq_rows.h -- rows of batches into the table, many by one statement.
 *
 * What a row is refused for is the same as with PostgreSQL where both can know it: text
 * that holds NUL or is no UTF-8 (22021), a time outside of the years 0 to 9999 (22008).
 * A float that is NaN is stored as NULL: SQLite has no other way.
 */
#ifndef TUBES_STAGES_SQ_ROWS_H
#define TUBES_STAGES_SQ_ROWS_H

#include "sq_db.h"
#include "sq_table.h"

enum { SQ_SIZES = 3 };

/** The statements; zeroed before the first use. */
typedef struct sq_rows {
    sq_db *db;
    const sq_table *table;
    sq_stmt *insert[SQ_SIZES];
    uint32_t size[SQ_SIZES]; /**< rows of each, the most first, the last is 1 */
    sq_stmt *save;           /**< only where triggers look at what is inserted */
    sq_stmt *undo;
    sq_stmt *keep;
} sq_rows;

/** Make the statements ready.  A failure leaves some of them; see detach. */
sq_result tubei_sq_rows_attach(sq_rows *r, sq_db *db, const sq_table *t);

/** Free the statements; before the file is closed. */
void tubei_sq_rows_detach(sq_rows *r);

/**
 * Once for each batch: bring times and the rest into their form, reject rows that can be
 * seen to be bad.
 *
 * @param most  bytes that a value may have
 * @return TUBE_ENOMEM
 *
 * Threads: the owner of `b`.  Blocks: no.
 */
tube_status tubei_sq_rows_prepare(const sq_table *t, tube_stage *s, tube_batch *b,
                                  size_t most, tube_error *err) TUBE_NODISCARD;

/**
 * In a transaction: insert the live rows of a prepared batch; rows that the database
 * refuses are rejected.
 *
 * @return SQ_REFUSED  a row was, and a trigger has ended the transaction: begin anew
 *
 * Threads: the owner of the file.  Blocks: as writing a file does.
 */
sq_result tubei_sq_rows_insert(sq_rows *r, tube_stage *s, tube_batch *b);

#endif /* TUBES_STAGES_SQ_ROWS_H */
