/* SPDX-License-Identifier: MIT */
/* tubes/db.h -- look at what was loaded: one query, rows as text. */
#ifndef TUBES_DB_H
#define TUBES_DB_H

#include <tubes/attr.h>
#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>

TUBES_BEGIN

/** One row; NULL for SQL NULL.  All borrowed.  Return false to stop. */
typedef bool tube_query_row(void *arg, size_t n, const char *const *name,
                            const char *const *value);

/**
 * Run one statement that returns rows, read-only.
 *
 * @param db  a PostgreSQL connection string or URI (contains '=' or begins with
 *            postgres:// or postgresql://), else the path of an SQLite file
 * @return TUBE_EREACH  no connection, or no such file
 *         TUBE_EDB     the database refused the statement
 *
 * Threads: any.  Blocks: yes.
 */
tube_status tube_query(const char *db, const char *sql, tube_query_row *row, void *arg,
                       tube_error *err) TUBE_NODISCARD;

TUBES_END

#endif /* TUBES_DB_H */
