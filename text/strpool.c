/* SPDX-License-Identifier: MIT */
/* strpool.c -- see strpool.h. */
#include "strpool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 4096 };

struct tubei_chunk {
    struct tubei_chunk *next;
    size_t size;
    alignas(max_align_t) char bytes[];
};

void *
tubei_strings_take(tubei_strings *m, size_t bytes)
{
    size_t round = alignof(max_align_t) - 1;
    struct tubei_chunk *c = m->chunk;
    void *p;

    if (__builtin_add_overflow(bytes, round, &bytes))
        return NULL;
    bytes &= ~round;
    if (c == NULL || c->size - m->used < bytes) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        size_t whole;

        if (__builtin_add_overflow(size, sizeof(*c), &whole))
            return NULL;
        c = calloc(1, whole);
        if (c == NULL)
            return NULL;
        c->size = size;
        c->next = m->chunk;
        m->chunk = c;
        m->used = 0;
    }
    p = c->bytes + m->used;
    m->used += bytes;
    return p;
}

char *
tubei_strings_copy(tubei_strings *m, const char *text, size_t len)
{
    char *p = len == SIZE_MAX ? NULL : tubei_strings_take(m, len + 1);

    if (p != NULL && len > 0)
        memcpy(p, text, len);
    return p;
}

void
tubei_strings_free(tubei_strings *m)
{
    while (m->chunk != NULL) {
        struct tubei_chunk *next = m->chunk->next;

        free(m->chunk);
        m->chunk = next;
    }
    m->used = 0;
}
