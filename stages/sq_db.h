/* SPDX-License-Identifier: MIT */
/* sq_db.h -- one SQLite file.  sq_db.c alone knows sqlite3.h.
 *
 * The wrappers exist for three things: a result says what to do and not what happened,
 * an error is a tube_error, and a new file is nobody else's to read.
 *
 * All of it is for one thread at a time.  While a file is open here, nothing else in
 * the process may open and close it: that would drop its locks.
 */
#ifndef TUBES_STAGES_SQ_DB_H
#define TUBES_STAGES_SQ_DB_H

#include <tubes/batch.h>
#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sqlite3 sq_db;
typedef struct sqlite3_stmt sq_stmt;

/** How a statement ended, as what is to be done about it. */
typedef enum sq_result {
    SQ_DONE,
    SQ_ROW,     /**< a row is there */
    SQ_REFUSED, /**< the row is refused; the others are not */
    SQ_BUSY,    /**< another process writes: again, later */
    SQ_LATER,   /**< disk full or I/O error: open the file again and look */
    SQ_FAILED,  /**< no repetition mends it */
} sq_result;

typedef enum sq_mode {
    SQ_READ,   /**< look only */
    SQ_WRITE,  /**< the file must exist */
    SQ_CREATE, /**< a missing file is made, mode 0600 */
} sq_mode;

/** How much a commit is worth. */
typedef enum sq_sync {
    SQ_SYNC_LAZY, /**< consistent after a loss of power, but the last may be gone */
    SQ_SYNC_FULL, /**< it is on the disk */
} sq_sync;

/**
 * Open a file; a writable one is put into WAL mode.
 *
 * @param path  of a file; has no other meaning, whatever it looks like (borrowed)
 * @param db    given: tubei_sq_close()
 * @return TUBE_EREACH   cannot be opened, made or written; locked for 10 s
 *         TUBE_ECONFIG  is no SQLite database
 *         TUBE_ENOMEM
 *
 * Threads: one at a time.  Blocks: up to 10 s, while another process locks the file.
 */
tube_status tubei_sq_open(const char *path, sq_mode mode, sq_db **db,
                          tube_error *err) TUBE_NODISCARD;

/** Close it; an open transaction is rolled back.  NULL is fine (taken). */
void tubei_sq_close(sq_db *db);

/** What the next commits are worth. */
sq_result tubei_sq_sync(sq_db *db, sq_sync how);

/** How long a statement waits for a lock before it says SQ_BUSY. */
void tubei_sq_patience(sq_db *db, int ms);

/** Run statements without parameters. */
sq_result tubei_sq_exec(sq_db *db, const char *sql);

/** Make one statement ready; *stmt is NULL after a failure, and where `sql` is blank. */
sq_result tubei_sq_prepare(sq_db *db, const char *sql, sq_stmt **stmt);

/** The same, and where in `sql` the statement ends. */
sq_result tubei_sq_prepare_first(sq_db *db, const char *sql, sq_stmt **stmt,
                                 const char **rest);

/** Free a statement and set it to NULL. */
void tubei_sq_finalize(sq_stmt **stmt);

/** Parameters, counted from 1.  Text and blob must live until the statement has run. */
void tubei_sq_bind_null(sq_stmt *stmt, int i);
void tubei_sq_bind_int(sq_stmt *stmt, int i, int64_t v);
void tubei_sq_bind_real(sq_stmt *stmt, int i, double v);
void tubei_sq_bind_text(sq_stmt *stmt, int i, const char *text, size_t len);
void tubei_sq_bind_blob(sq_stmt *stmt, int i, const char *bytes, size_t len);

/** Get the next row, or the end. */
sq_result tubei_sq_step(sq_stmt *stmt);

/** Let it begin anew; parameters stay. */
void tubei_sq_reset(sq_stmt *stmt);

/** Run a statement that has no rows to its end, and let it begin anew. */
sq_result tubei_sq_run(sq_stmt *stmt);

/** Of the row that is there, columns counted from 0; NULL and 0 for NULL. */
int64_t tubei_sq_int(sq_stmt *stmt, int i);
const char *tubei_sq_text(sq_stmt *stmt, int i);
int tubei_sq_columns(sq_stmt *stmt);
const char *tubei_sq_column_name(sq_stmt *stmt, int i);

/** True for a statement that changes nothing in the file. */
bool tubei_sq_only_looks(sq_stmt *stmt);

/** Rows that the last statement changed itself. */
int64_t tubei_sq_changes(sq_db *db);

/** Id of the last row inserted. */
int64_t tubei_sq_last_id(sq_db *db);

/** True if the last call failed because there is no room on the disk. */
bool tubei_sq_is_full(sq_db *db);

/** True while a transaction is open. */
bool tubei_sq_in_transaction(sq_db *db);

/** Parameters that a statement may have. */
uint32_t tubei_sq_most_parameters(sq_db *db);

/** Bytes that a value may have, and a row. */
size_t tubei_sq_most_bytes(sq_db *db);

/** In the library's words, why the last call failed (borrowed until the next). */
const char *tubei_sq_message(sq_db *db);

/** The same as the SQLSTATE that PostgreSQL has for it, "" if there is none. */
const char *tubei_sq_state(sq_db *db);

/**
 * Fill `err` about the last failure.
 *
 * @param what  "table 'logs'", what was being done (borrowed)
 * @return TUBE_EREACH for a lock, a full disk or an I/O error, TUBE_ECONFIG for a file
 *         that is no database, TUBE_ENOMEM, else TUBE_EDB
 */
tube_status tubei_sq_fail(sq_db *db, const char *what, tube_error *err);

/** Fill with random bytes. */
void tubei_sq_random(void *bytes, size_t len);

#endif /* TUBES_STAGES_SQ_DB_H */
