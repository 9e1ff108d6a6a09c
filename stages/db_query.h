/* SPDX-License-Identifier: MIT */
/* db_query.h -- what tube_query() needs of the connection to PostgreSQL. */
#ifndef TUBES_STAGES_DB_QUERY_H
#define TUBES_STAGES_DB_QUERY_H

#include <tubes/db.h>

/**
 * Run one statement that returns rows in a read-only transaction; in pg_conn.c.
 *
 * @param row  called for each row, until it returns false
 * @return TUBE_EREACH  no connection
 *         TUBE_EDB     the server refused, or the statement returns no rows
 *         TUBE_ECONFIG the connection string is malformed
 *
 * Threads: any.  Blocks: yes.
 */
tube_status tubei_pg_query(const char *dsn, const char *sql, tube_query_row *row,
                           void *arg, tube_error *err) TUBE_NODISCARD;

#endif /* TUBES_STAGES_DB_QUERY_H */
