/* SPDX-License-Identifier: MIT */
/* pg_query.c -- see db_query.h: one statement, read-only, row by row. */
#include "db_query.h"
#include "pg_conn.h"

#include <stdlib.h>

/* Hand on one row; false: enough. */
static bool
query_row(const pg_conn *c, const char **text, tube_query_row *each, void *arg)
{
    int n = tubei_pg_columns(c);

    for (int i = 0; i < n; i++) {
        text[i] = tubei_pg_column_name(c, i);
        text[n + i] = tubei_pg_value(c, 0, i);
    }
    return each(arg, (size_t)n, text, text + n);
}

tube_status
tubei_pg_query(const char *dsn, const char *sql, tube_query_row *row, void *arg,
               tube_error *err)
{
    pg_conn *c = NULL;
    const char **text = NULL;
    bool more = true;
    tube_status st = tubei_pg_conn_new(dsn, &c, err);

    if (st == TUBE_OK)
        st = tubei_pg_conn_open(c, err);
    if (st == TUBE_OK)
        st = tubei_pg_run(c, "BEGIN READ ONLY", NULL, 0, err);
    if (st == TUBE_OK)
        st = tubei_pg_rows_begin(c, sql, err);
    while (st == TUBE_OK && more) {
        st = tubei_pg_rows_next(c, &more, err);
        if (st == TUBE_OK && more && text == NULL)
            text = malloc(2 * (size_t)tubei_pg_columns(c) * sizeof(*text) + 1);
        if (st == TUBE_OK && more && text == NULL)
            st = tube_fail(err, TUBE_ENOMEM, "out of memory");
        if (st == TUBE_OK && more && tubei_pg_rows(c) > 0)
            more = query_row(c, text, row, arg);
    }
    free(text);
    tubei_pg_conn_free(c);
    return st;
}
