/* SPDX-License-Identifier: MIT */
/* schema.h -- names and types of columns, resolved once at start. */
#ifndef TUBES_ENGINE_SCHEMA_H
#define TUBES_ENGINE_SCHEMA_H

#include <tubes/batch.h>

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

#endif /* TUBES_ENGINE_SCHEMA_H */
