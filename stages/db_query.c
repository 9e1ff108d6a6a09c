/* SPDX-License-Identifier: MIT */
/* db_query.c -- tube_query(): which database a name stands for, and SQLite's half. */
#include "db_query.h"

#include "sq_db.h"

#include <stdlib.h>
#include <string.h>

static bool
is_postgres(const char *db)
{
    return strchr(db, '=') != NULL || strncmp(db, "postgres://", 11) == 0
           || strncmp(db, "postgresql://", 13) == 0;
}

static tube_status
prepare_one(sq_db *db, const char *sql, sq_stmt **stmt, tube_error *err)
{
    sq_stmt *second = NULL;
    const char *rest = NULL;

    if (tubei_sq_prepare_first(db, sql, stmt, &rest) != SQ_DONE)
        return tubei_sq_fail(db, "sql", err);
    if (*stmt == NULL || tubei_sq_columns(*stmt) == 0)
        return tube_fail(err, TUBE_EDB, "sql: the statement returns no rows");
    if (!tubei_sq_only_looks(*stmt))
        return tube_fail(err, TUBE_EDB, "sql: the statement would change the database");
    if (tubei_sq_prepare(db, rest, &second) == SQ_DONE && second == NULL)
        return TUBE_OK;
    tubei_sq_finalize(&second);
    return tube_fail(err, TUBE_EDB, "sql: more than one statement");
}

static tube_status
each_row(sq_db *db, sq_stmt *stmt, tube_query_row *row, void *arg, tube_error *err)
{
    size_t n = (size_t)tubei_sq_columns(stmt);
    const char **text = calloc(2 * n, sizeof(*text)); /* the names, then the values */
    sq_result rc = SQ_DONE;
    bool more = true;

    if (text == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    for (size_t i = 0; i < n; i++)
        text[i] = tubei_sq_column_name(stmt, (int)i);
    while (more && (rc = tubei_sq_step(stmt)) == SQ_ROW) {
        for (size_t i = 0; i < n; i++)
            text[n + i] = tubei_sq_text(stmt, (int)i);
        more = row(arg, n, text, text + n);
    }
    free(text);
    return rc == SQ_DONE || rc == SQ_ROW ? TUBE_OK : tubei_sq_fail(db, "sql", err);
}

static tube_status
query_sqlite(const char *path, const char *sql, tube_query_row *row, void *arg,
             tube_error *err)
{
    sq_db *db = NULL;
    sq_stmt *stmt = NULL;
    tube_status st = tubei_sq_open(path, SQ_READ, &db, err);

    if (st == TUBE_OK)
        st = prepare_one(db, sql, &stmt, err);
    if (st == TUBE_OK)
        st = each_row(db, stmt, row, arg, err);
    tubei_sq_finalize(&stmt);
    tubei_sq_close(db);
    return st;
}

tube_status
tube_query(const char *db, const char *sql, tube_query_row *row, void *arg,
           tube_error *err)
{
    if (db == NULL || sql == NULL || row == NULL)
        return tube_fail(err, TUBE_EINVAL, "tube_query: a parameter is NULL");
    return is_postgres(db) ? tubei_pg_query(db, sql, row, arg, err)
                           : query_sqlite(db, sql, row, arg, err);
}
