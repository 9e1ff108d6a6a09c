/* SPDX-License-Identifier: MIT */
/* merge_heap.c -- see merge_heap.h. */
#include "merge_heap.h"

#include <stdlib.h>

bool
tubei_merge_heap_reserve(merge_heap *h, uint32_t n)
{
    uint32_t room = h->room > 0 ? h->room : 8;
    merge_entry *more;

    if (n <= h->room)
        return true;
    while (room < n)
        room *= 2;
    more = reallocarray(h->entry, room, sizeof(*more));
    if (more == NULL)
        return false;
    h->entry = more;
    h->room = room;
    return true;
}

/* Put `e` at place `i` or above it. */
static void
sift_up(merge_heap *h, uint32_t i, merge_entry e)
{
    while (i > 0) {
        uint32_t up = (i - 1) / 2;

        if (!tubei_merge_before(&h->order, &e, &h->entry[up]))
            break;
        h->entry[i] = h->entry[up];
        i = up;
    }
    h->entry[i] = e;
}

/* Put `e` at place `i` or below it. */
static void
sift_down(merge_heap *h, uint32_t i, merge_entry e)
{
    for (uint32_t down = 2 * i + 1; down < h->n; down = 2 * i + 1) {
        if (down + 1 < h->n
            && tubei_merge_before(&h->order, &h->entry[down + 1], &h->entry[down]))
            down++;
        if (!tubei_merge_before(&h->order, &h->entry[down], &e))
            break;
        h->entry[i] = h->entry[down];
        i = down;
    }
    h->entry[i] = e;
}

void
tubei_merge_heap_push(merge_heap *h, const tube_cell *key, uint32_t input)
{
    sift_up(h, h->n++, (merge_entry){ .key = *key, .input = input });
}

void
tubei_merge_heap_replace(merge_heap *h, const tube_cell *key)
{
    sift_down(h, 0, (merge_entry){ .key = *key, .input = h->entry[0].input });
}

void
tubei_merge_heap_pop(merge_heap *h)
{
    if (--h->n > 0)
        sift_down(h, 0, h->entry[h->n]);
}

void
tubei_merge_heap_remove(merge_heap *h, uint32_t input)
{
    uint32_t i = 0;
    merge_entry last;

    while (i < h->n && h->entry[i].input != input)
        i++;
    if (i == h->n)
        return;
    last = h->entry[--h->n];
    if (i == h->n)
        return;
    if (i > 0 && tubei_merge_before(&h->order, &last, &h->entry[(i - 1) / 2]))
        sift_up(h, i, last);
    else
        sift_down(h, i, last);
}

const merge_entry *
tubei_merge_heap_second(const merge_heap *h)
{
    if (h->n < 2)
        return NULL;
    if (h->n > 2 && tubei_merge_before(&h->order, &h->entry[2], &h->entry[1]))
        return &h->entry[2];
    return &h->entry[1];
}

void
tubei_merge_heap_fini(merge_heap *h)
{
    free(h->entry);
    h->entry = NULL;
    h->n = h->room = 0;
}
