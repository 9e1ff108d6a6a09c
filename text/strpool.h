/* SPDX-License-Identifier: MIT */
/* strpool.h -- memory for words and lists that all live as long as one owner. */
#ifndef TUBES_TEXT_STRPOOL_H
#define TUBES_TEXT_STRPOOL_H

#include <tubes/attr.h>

#include <stddef.h>

/** Chunks, newest first.  Zero is an empty pool. */
typedef struct tubei_strings {
    struct tubei_chunk *chunk;
    size_t used; /**< bytes of the newest chunk */
} tubei_strings;

/**
 * Take `bytes` zeroed bytes, aligned for any object.
 *
 * @return NULL: out of memory
 *
 * Threads: the pool's owner.  Blocks: no.
 */
void *tubei_strings_take(tubei_strings *m, size_t bytes);

/**
 * Copy `len` bytes and put a NUL behind them.
 *
 * @return NULL: out of memory
 *
 * Threads: the pool's owner.  Blocks: no.
 */
char *tubei_strings_copy(tubei_strings *m, const char *text, size_t len);

/** Give all of it back.  Threads: the pool's owner.  Blocks: no. */
void tubei_strings_free(tubei_strings *m);

#endif /* TUBES_TEXT_STRPOOL_H */
