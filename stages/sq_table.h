/* SPDX-License-Identifier: MIT */
/* sq_table.h -- the table that rows go into: found, compared with the fields, or made.
 *
 * SQLite has no id for a table that would tell it from a later one of the same name.
 * So the table gets a mark: a trigger that never does anything, which is renamed and
 * dropped together with it.  Its name holds a random token, which is what positions
 * belong to.
 */
#ifndef TUBES_STAGES_SQ_TABLE_H
#define TUBES_STAGES_SQ_TABLE_H

#include "sq_db.h"

#include <tubes/stage.h>

enum {
    SQ_TOKEN = 16, /**< hexadecimal digits of a token */
    SQ_NAME = 64,  /**< room for a name of 63 bytes */
};

/** What to do about a table that does not exist. */
typedef enum sq_create { SQ_MAKE = 0, SQ_MAKE_NEVER, SQ_MAKE_PRINT } sq_create;

/** What the user wants of the table. */
typedef struct sq_wishes {
    const char *name;
    tube_list ignore; /**< fields that are not stored */
    const char *rest; /**< column for the fields without one; "": none */
} sq_wishes;

/** How a cell becomes a value. */
typedef enum sq_form {
    SQ_AS_INT,
    SQ_AS_REAL,
    SQ_AS_TEXT, /**< checked: UTF-8 without NUL */
    SQ_AS_BLOB,
    SQ_AS_TIME_TEXT, /**< 2000-10-10 13:55:36[.ffffff] */
    SQ_AS_TIME_INT,  /**< seconds since 1970 */
    SQ_AS_TIME_REAL, /**< the same with their fraction */
    SQ_AS_REST,      /**< a JSON object of the fields without a column */
} sq_form;

/** A column that is filled. */
typedef struct sq_column {
    char name[SQ_NAME];
    tube_field field;
    sq_form form;
} sq_column;

typedef struct sq_table {
    char name[SQ_NAME];
    char token[SQ_TOKEN + 1];
    bool exists;
    bool rebuilt; /**< a table of that name was loaded before, and is not this one */
    bool has_triggers; /**< of the user's, on INSERT */
    sq_column *column; /**< those that are filled, in the order of the fields */
    uint32_t n;
    tube_field *rest; /**< fields that make up the column of form SQ_AS_REST */
    uint32_t n_rest;
    const tube_schema *fields;
    const char *option; /**< after a failure: the option that is to blame */
} sq_table;

/** Free what it holds; a zeroed one is fine.  Threads: the owner.  Blocks: no. */
void tubei_sq_table_free(sq_table *t);

/**
 * Find the table and decide which field goes into which column.
 *
 * @param db  NULL: there is no file yet, and so no table (borrowed)
 * @param t   zeroed; `exists` tells whether it was found
 * @return TUBE_ECONFIG  a field without a column, a column that must have a field, a
 *                       view, a name that cannot be used
 *         TUBE_EDB, TUBE_EREACH, TUBE_ENOMEM
 *
 * Threads: the owner of `db`.  Blocks: as reading a file does.
 */
tube_status tubei_sq_table_find(sq_db *db, const sq_wishes *w,
                                const tube_schema *fields, sq_table *t,
                                tube_error *err) TUBE_NODISCARD;

/**
 * The statement that makes the table.
 *
 * @return given: free(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
char *tubei_sq_table_ddl(const sq_table *t);

/**
 * In a transaction: make the table if it does not exist, and its mark if it has none.
 *
 * @return TUBE_EDB, TUBE_EREACH, TUBE_ENOMEM
 *
 * Threads: the owner of `db`.  Blocks: as writing a file does.
 */
tube_status tubei_sq_table_make(sq_db *db, sq_table *t, tube_error *err) TUBE_NODISCARD;

/**
 * The statement that inserts `rows` rows.
 *
 * @return given: free(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
char *tubei_sq_table_insert(const sq_table *t, uint32_t rows);

#endif /* TUBES_STAGES_SQ_TABLE_H */
