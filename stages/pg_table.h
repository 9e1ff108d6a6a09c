/* SPDX-License-Identifier: MIT */
/* pg_table.h -- the table that rows go into: found, compared with the fields, or made. */
#ifndef TUBES_STAGES_PG_TABLE_H
#define TUBES_STAGES_PG_TABLE_H

#include "pg_conn.h"
#include "pg_sql.h"
#include "pg_types.h"

#include <tubes/stage.h>

/** What the user wants of the table. */
typedef struct pg_wishes {
    pg_name name;
    tube_list ignore; /**< fields that are not stored */
    const char *rest; /**< column for the fields without one; "": none */
} pg_wishes;

/** The table, and how a row is sent to it. */
typedef struct pg_table {
    uint32_t oid; /**< 0: it does not exist */
    char schema[64];
    char name[64];
    pg_column *column; /**< those that are sent, in the order of the fields */
    uint32_t n;
    tube_field *rest; /**< fields that make up the last column as one JSON object */
    uint32_t n_rest;
    bool partitioned;
    bool dry; /**< a dry run: all is one transaction, which is rolled back */
} pg_table;

/** Free what it holds; a zeroed one is fine.  Threads: the owner.  Blocks: no. */
void tubei_pg_table_free(pg_table *t);

/**
 * Look for the table in the catalog.
 *
 * @param t  oid 0 afterwards: there is none; then `schema` is where it would be made
 * @return TUBE_ECONFIG  something else has that name, or there is no such schema
 *         TUBE_EDB, TUBE_EREACH
 *
 * Threads: the owner of `c`.  Blocks: yes.
 */
tube_status tubei_pg_table_find(pg_conn *c, const pg_name *name, pg_table *t,
                                tube_error *err) TUBE_NODISCARD;

/**
 * Decide which field goes into which column.
 *
 * @return TUBE_ECONFIG  a field without a column, a column that must have a field, a
 *                       type that cannot be loaded or does not fit
 *         TUBE_EDB, TUBE_EREACH, TUBE_ENOMEM
 *
 * Threads: the owner of `c`.  Blocks: yes.
 */
tube_status tubei_pg_table_map(pg_conn *c, const pg_wishes *w,
                               const tube_schema *fields, pg_table *t,
                               tube_error *err) TUBE_NODISCARD;

/**
 * Write the statement that makes a table for the fields.
 *
 * @return TUBE_ECONFIG  a name that is too long, a column that is there twice
 *         TUBE_ENOMEM
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_pg_table_ddl(const pg_wishes *w, const char *schema,
                               const tube_schema *fields, pg_sql *q,
                               tube_error *err) TUBE_NODISCARD;

/** Append the columns that are sent, "(a, b)".  Threads: any.  Blocks: no. */
void tubei_pg_table_columns(const pg_table *t, pg_sql *q);

#endif /* TUBES_STAGES_PG_TABLE_H */
