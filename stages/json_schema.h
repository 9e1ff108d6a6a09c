/* SPDX-License-Identifier: MIT */
/* json_schema.h -- the columns of JSON records: as given, or found in a sample. */
#ifndef TUBES_STAGES_JSON_SCHEMA_H
#define TUBES_STAGES_JSON_SCHEMA_H

#include "json.h"

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

typedef struct tubei_json_column {
    char *name; /**< string */
    uint32_t len;
    tube_type type;
    unsigned seen; /**< kinds of values, while a sample is read */
} tubei_json_column;

/** Columns in order, found by name; zeroed: none. */
typedef struct tubei_json_columns {
    tubei_json_column *column;
    uint32_t *slot; /**< hash table of 1 + column, 0: free */
    uint32_t n;
    uint32_t room; /**< columns; the table has four times as many slots */
} tubei_json_columns;

/** Column of that name, or -1.  Threads: any.  Blocks: no. */
tube_field tubei_json_columns_find(const tubei_json_columns *c, tube_slice name);

/**
 * Take the columns from words of the form name:type.
 *
 * @return TUBE_ECONFIG  a word has another form, or a name comes twice
 *         TUBE_ENOMEM   out of memory
 *
 * Threads: the owner of `c`.  Blocks: no.
 */
tube_status tubei_json_columns_given(tubei_json_columns *c, const tube_list *given,
                                     tube_error *err) TUBE_NODISCARD;

/** What tubei_json_columns_infer() looks at. */
typedef struct tubei_json_sample {
    tube_slice text;    /**< first lines of the input; the last one may be cut */
    int64_t rows;       /**< read at most so many of them */
    const char *except; /**< a field that never becomes a column, "" for none */
    bool any_name;      /**< pass over names that no column can have */
} tubei_json_sample;

/**
 * Take the columns from the first lines of the input.
 *
 * A field's type is what all its values have in common: bool, int, float (int too, and
 * whole numbers over 64 bits), time (strings of RFC 3339), text; json where one is an
 * object or an array; text where they differ or all are null.  Lines that hold no JSON
 * object are passed over, so `c` may stay empty.
 *
 * @return TUBE_ECONFIG  a field's name cannot be a column's
 *         TUBE_ENOMEM   out of memory
 *
 * Threads: the owner of `c`.  Blocks: no.
 */
tube_status tubei_json_columns_infer(tubei_json_columns *c,
                                     const tubei_json_sample *from,
                                     tube_error *err) TUBE_NODISCARD;

/** Free the columns.  Threads: the owner of `c`.  Blocks: no. */
void tubei_json_columns_fini(tubei_json_columns *c);

/** "int", "time", ... as types= has them.  Threads: any.  Blocks: no. */
const char *tubei_json_type_name(tube_type type);

/**
 * Text for a message: cut to fit, in one line, and '?' for what cannot be printed.
 *
 * @return `out`, a string
 *
 * Threads: any.  Blocks: no.
 */
const char *tubei_json_show(tube_slice text, char *out, size_t room);

#endif /* TUBES_STAGES_JSON_SCHEMA_H */
