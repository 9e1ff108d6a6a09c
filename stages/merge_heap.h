/* SPDX-License-Identifier: MIT */
/* merge_heap.h -- the order of a sorted merge, and a heap of the inputs by it.
 *
 * NULL comes first, in both directions; NaN behind all numbers.  Of equal keys the one
 * of the lower input comes first.
 */
#ifndef TUBES_STAGES_MERGE_HEAP_H
#define TUBES_STAGES_MERGE_HEAP_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct merge_order {
    tube_field field;
    tube_type type;
    bool desc;
} merge_order;

/** An input and the key of its next row; the text of the key is borrowed. */
typedef struct merge_entry {
    tube_cell key;
    uint32_t input;
} merge_entry;

/** The least entry is entry[0]; there is none if n is 0. */
typedef struct merge_heap {
    merge_order order;
    merge_entry *entry;
    uint32_t n;
    uint32_t room;
} merge_heap;

/* All functions below: Threads: the heap's owner.  Blocks: no. */

/** <0, 0, >0: key a comes before b, is equal, comes behind it. */
static inline int
tubei_merge_compare(const merge_order *o, const tube_cell *a, const tube_cell *b)
{
    int c = 0;

    if (!a->set || !b->set)
        return (a->set != 0) - (b->set != 0);
    switch (o->type) {
    case TUBE_BOOL:
    case TUBE_INT:
    case TUBE_TIME: c = (a->integer > b->integer) - (a->integer < b->integer); break;
    case TUBE_FLOAT:
        c = (a->real > b->real) - (a->real < b->real);
        if (c == 0)
            c = (a->real != a->real) - (b->real != b->real);
        break;
    case TUBE_TEXT:
    case TUBE_BYTES:
    case TUBE_JSON:
        c = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
        if (c == 0)
            c = (a->len > b->len) - (a->len < b->len);
        break;
    }
    return o->desc ? -c : c;
}

/** True if entry a is to be taken before b. */
static inline bool
tubei_merge_before(const merge_order *o, const merge_entry *a, const merge_entry *b)
{
    int c = tubei_merge_compare(o, &a->key, &b->key);

    return c != 0 ? c < 0 : a->input < b->input;
}

/** See that `n` entries fit; false: out of memory. */
bool tubei_merge_heap_reserve(merge_heap *h, uint32_t n);

/** Add an entry, for which there is room. */
void tubei_merge_heap_push(merge_heap *h, const tube_cell *key, uint32_t input);

/** The least entry's input goes on to its next key. */
void tubei_merge_heap_replace(merge_heap *h, const tube_cell *key);

/** Take the least entry out. */
void tubei_merge_heap_pop(merge_heap *h);

/** Take the entry of an input out, if it is there. */
void tubei_merge_heap_remove(merge_heap *h, uint32_t input);

/** The entry that would be the least without the first; NULL: none. */
const merge_entry *tubei_merge_heap_second(const merge_heap *h);

/** Free what it holds. */
void tubei_merge_heap_fini(merge_heap *h);

#endif /* TUBES_STAGES_MERGE_HEAP_H */
