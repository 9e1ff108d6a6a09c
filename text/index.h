/* SPDX-License-Identifier: MIT */
/* index.h -- a name to a number: what is declared in a text. */
#ifndef TUBES_TEXT_INDEX_H
#define TUBES_TEXT_INDEX_H

#include "strpool.h"

#include <tubes/attr.h>

#include <stdbool.h>
#include <stdint.h>

/** Zero is an empty index. */
typedef struct tubei_index {
    struct tubei_index_entry *entry;
    uint32_t n;
    uint32_t room; /**< entries there is memory for: 0 or a power of two */
} tubei_index;

/**
 * Put a name in that is not there.
 *
 * @param m     the index lives there                                 (borrowed)
 * @param name  string                                                (borrowed)
 * @return false: no memory
 *
 * Threads: the pool's owner.  Blocks: no.
 */
bool tubei_index_put(tubei_index *x, tubei_strings *m, const char *name,
                     uint32_t number) TUBE_NODISCARD;

/**
 * The number of a name.
 *
 * @param number  set if the name is there; may be NULL
 * @return false: it is not there
 *
 * Threads: any, as long as nobody puts one in.  Blocks: no.
 */
bool tubei_index_get(const tubei_index *x, const char *name, uint32_t *number);

/** The very string that was put in, NULL: it is not there.  Threads, blocks: as
 * tubei_index_get(). */
const char *tubei_index_key(const tubei_index *x, const char *name);

#endif /* TUBES_TEXT_INDEX_H */
