/* SPDX-License-Identifier: MIT */
/* index.c -- see index.h.
 *
 * Open addressing, at most half full; what it grew out of stays in the pool.
 */
#include "index.h"

#include <stddef.h>
#include <string.h>

enum { ROOM_FIRST = 16 };

struct tubei_index_entry {
    const char *name; /* NULL: free */
    uint32_t number;
};

/* FNV-1a. */
static uint32_t
index_hash(const char *name)
{
    uint32_t h = 2166136261U;

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 16777619U;
    return h ^ (h >> 16);
}

/* Where `name` is, or where it belongs. */
static struct tubei_index_entry *
index_at(const tubei_index *x, const char *name)
{
    uint32_t i = index_hash(name);

    while (x->entry[i & (x->room - 1)].name != NULL
           && strcmp(x->entry[i & (x->room - 1)].name, name) != 0)
        i++;
    return &x->entry[i & (x->room - 1)];
}

static bool
index_grow(tubei_index *x, tubei_strings *m)
{
    tubei_index bigger = { .n = x->n, .room = x->room == 0 ? ROOM_FIRST : x->room * 2 };

    bigger.entry = tubei_strings_take(m, bigger.room * sizeof(*bigger.entry));
    if (bigger.entry == NULL)
        return false;
    for (uint32_t i = 0; i < x->room; i++)
        if (x->entry[i].name != NULL)
            *index_at(&bigger, x->entry[i].name) = x->entry[i];
    *x = bigger;
    return true;
}

bool
tubei_index_put(tubei_index *x, tubei_strings *m, const char *name, uint32_t number)
{
    struct tubei_index_entry *e;

    if (x->n >= x->room / 2 && !index_grow(x, m))
        return false;
    e = index_at(x, name);
    x->n += e->name == NULL;
    *e = (struct tubei_index_entry){ name, number };
    return true;
}

bool
tubei_index_get(const tubei_index *x, const char *name, uint32_t *number)
{
    const struct tubei_index_entry *e = x->room > 0 ? index_at(x, name) : NULL;

    if (e == NULL || e->name == NULL)
        return false;
    if (number != NULL)
        *number = e->number;
    return true;
}

const char *
tubei_index_key(const tubei_index *x, const char *name)
{
    return x->room > 0 ? index_at(x, name)->name : NULL;
}
