/* SPDX-License-Identifier: MIT */
/* schema.h -- names and types of columns, resolved once at start. */
#ifndef TUBES_DATA_SCHEMA_H
#define TUBES_DATA_SCHEMA_H

#include <tubes/batch.h>
#include <tubes/graph.h>

/** The same columns of the same types in the same order.  Threads: any.  Blocks: no. */
bool tubei_schema_same(const tube_schema *a, const tube_schema *b);

/**
 * What `s` lacks to be a record of type `r`: every required field of `r` with its type is
 * enough, more do not matter.
 *
 * @param report  up to `len` bytes: all that is missing or of another type; may be NULL
 * @return true: it lacks nothing
 *
 * Threads: any.  Blocks: no.
 */
bool tubei_schema_extends(const tube_schema *s, const tube_record *r, char *report,
                          size_t len);

/** Field types by name: "text".  Threads: any.  Blocks: no. */
const char *tubei_type_name(tube_type t);

/**
 * Make a schema.
 *
 * @param columns  copied, names too (borrowed)
 * @return given: tubei_schema_free(); NULL: `err` says which column is wrong
 *
 * Threads: any.  Blocks: no.
 */
tube_schema *tubei_schema_new(const tube_column *columns, uint32_t n, tube_error *err);

/** Free it; NULL is fine.  Threads: the last user.  Blocks: no. */
void tubei_schema_free(tube_schema *s);

#endif /* TUBES_DATA_SCHEMA_H */
