/* SPDX-License-Identifier: MIT */
/* pg_conn.h -- one connection to PostgreSQL.  pg_conn.c alone knows libpq.
 *
 * Two ways to use it.  Blocking, while a pipeline is opened: connect, query, look at
 * the values.  Without blocking, while it runs: send a string of statements, then ask
 * for its answers one by one; PG_NOTHING means "wait for the descriptor".
 */
#ifndef TUBES_STAGES_PG_CONN_H
#define TUBES_STAGES_PG_CONN_H

#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pg_conn pg_conn;

/** What the server, or the connection, has said. */
typedef enum pg_kind {
    PG_NOTHING, /**< nothing yet: wait until the descriptor is readable */
    PG_DONE,    /**< all answers are read: the next statements may be sent */
    PG_COMMAND, /**< a statement without rows was executed; see tag */
    PG_ROWS,    /**< a statement with rows was executed; see tubei_pg_value() */
    PG_COPY_IN, /**< the server waits for COPY data */
    PG_ERROR,   /**< a statement failed, the connection is alive */
    PG_LOST,    /**< the connection is gone */
} pg_kind;

/** One answer. */
typedef struct pg_answer {
    pg_kind kind;
    char tag[32];      /**< "COMMIT", "COPY 10000" */
    char sqlstate[6];  /**< "" if the server did not say one */
    char message[320]; /**< one line: what the server says, and its detail */
    uint64_t line;     /**< of a COPY, from 1; 0: none was named */
} pg_answer;

/** State of a connection that is being made without blocking. */
typedef enum pg_making {
    PG_MAKING_READ,  /**< wait until the descriptor is readable */
    PG_MAKING_WRITE, /**< ... writable */
    PG_MADE,
    PG_MAKING_FAILED, /**< see tubei_pg_conn_error() */
} pg_making;

/**
 * Take a connection string and check its form; connects to nothing.
 *
 * @param dsn  conninfo string, URI, name of a database, or "" for libpq's defaults;
 *             copied
 * @param conn  the connection, free it with tubei_pg_conn_free() (given)
 * @return TUBE_ECONFIG  it is malformed; no part of it is shown that may be a secret
 *         TUBE_ENOMEM
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_pg_conn_new(const char *dsn, pg_conn **conn,
                              tube_error *err) TUBE_NODISCARD;

/** Close and free.  NULL is fine (taken).  Threads: the owner.  Blocks: no. */
void tubei_pg_conn_free(pg_conn *c);

/** Connect.  @return TUBE_EREACH.  Threads: the owner.  Blocks: yes. */
tube_status tubei_pg_conn_open(pg_conn *c, tube_error *err) TUBE_NODISCARD;

/** Drop the connection, if there is one.  Threads: the owner.  Blocks: no. */
void tubei_pg_conn_drop(pg_conn *c);

/** Begin to connect anew.  Threads: the owner.  Blocks: while a name is looked up. */
pg_making tubei_pg_conn_start(pg_conn *c);

/** Go on connecting, when the descriptor is ready.  Threads: the owner.  Blocks: no. */
pg_making tubei_pg_conn_poll(pg_conn *c);

/** Descriptor to wait for, -1 without a connection.  Threads: the owner.  Blocks: no. */
int tubei_pg_conn_fd(const pg_conn *c);

/** Why connecting failed, as an answer of kind PG_LOST.  Threads: the owner. Blocks: no. */
void tubei_pg_conn_error(const pg_conn *c, pg_answer *a);

/** Version of the server, 150004 for 15.4.  Threads: the owner.  Blocks: no. */
int tubei_pg_conn_version(const pg_conn *c);

/** True if a transaction is open, failed or not.  Threads: the owner.  Blocks: no. */
bool tubei_pg_conn_in_transaction(const pg_conn *c);

/**
 * Run one statement with text parameters and keep its rows.
 *
 * @return TUBE_EDB     the server refused; err->sqlstate
 *         TUBE_EREACH  the connection was lost
 *
 * Threads: the owner.  Blocks: yes.
 */
tube_status tubei_pg_run(pg_conn *c, const char *sql, const char *const *value, int n,
                         tube_error *err) TUBE_NODISCARD;

/** Begin one statement whose rows are wanted one by one.
 * @return TUBE_EREACH.  Threads: the owner.  Blocks: yes. */
tube_status tubei_pg_rows_begin(pg_conn *c, const char *sql,
                                tube_error *err) TUBE_NODISCARD;

/**
 * The next row of it, kept as an answer of one row, or at the end of none.
 *
 * @param more  false: there is nothing left
 * @return TUBE_EDB     the server refused, or the statement has no rows to give
 *         TUBE_EREACH  the connection was lost
 *
 * Threads: the owner.  Blocks: yes.
 */
tube_status tubei_pg_rows_next(pg_conn *c, bool *more, tube_error *err) TUBE_NODISCARD;

/** Columns of the last answer with rows, and the name of one (borrowed). */
int tubei_pg_columns(const pg_conn *c);
const char *tubei_pg_column_name(const pg_conn *c, int column);

/** Rows of the last answer with rows.  Threads: the owner.  Blocks: no. */
int tubei_pg_rows(const pg_conn *c);

/** One value of them, NULL for NULL; lives until the next answer (borrowed). */
const char *tubei_pg_value(const pg_conn *c, int row, int column);

/** The same as a number, 0 for NULL.  Threads: the owner.  Blocks: no. */
int64_t tubei_pg_integer(const pg_conn *c, int row, int column);

/** Send statements in one string; false: lost.  Threads: the owner.  Blocks: no. */
bool tubei_pg_send(pg_conn *c, const char *sql);

/**
 * The next answer to what was sent.
 *
 * @param relation  name of the table that a COPY is going into, to find the line in
 *                  the server's words; NULL: none (borrowed)
 *
 * Threads: the owner.  Blocks: no.
 */
void tubei_pg_answer(pg_conn *c, const char *relation, pg_answer *a);

/**
 * Push out what was sent.
 *
 * @return 0: all is with the kernel; 1: wait until readable or writable; -1: lost
 *
 * Threads: the owner.  Blocks: no.
 */
int tubei_pg_flush(pg_conn *c);

/** Give COPY data, only when flush said 0: the library queues without bound otherwise. */
bool tubei_pg_copy(pg_conn *c, const char *data, size_t len);

/** End the COPY.  @return false: lost.  Threads: the owner.  Blocks: no. */
bool tubei_pg_copy_end(pg_conn *c);

#endif /* TUBES_STAGES_PG_CONN_H */
