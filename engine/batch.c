/* SPDX-License-Identifier: MIT */
/* batch.c -- see batch.h. */
#include "batch.h"

#include "check.h"
#include "stage.h"

#include <tubes/stage.h>

#include <stdlib.h>
#include <string.h>

enum { CHUNK_FIRST = 4096 - 128, CHUNK_MOST = 64 * 1024 - 128 };

/* A batch's own memory for text: chunks in which allocation only goes forward. */
struct text_chunk {
    struct text_chunk *next;
    size_t size;
    char data[];
};

static size_t
round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static tubei_buffer *
buffer_new(tubei_memory *m, struct tube_stage *who)
{
    tubei_buffer *buf =
        tubei_memory_get(m, sizeof(*buf) + TUBE_BUFFER_BYTES + TUBE_PAD, who);

    if (buf == NULL)
        return NULL;
    atomic_init(&buf->refs, 1);
    buf->memory = m;
    return buf;
}

static void
buffer_unref(tubei_buffer *buf)
{
    /* [B1] acq_rel: whoever recycles it has seen the last read of every other holder */
    if (atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel) == 1)
        tubei_memory_put(buf->memory, buf);
}

tubei_batch *
tubei_batch_new(tubei_memory *m, const tube_schema *schema, uint32_t rows, bool framed,
                struct tube_stage *who)
{
    uint32_t width = schema != NULL ? tube_schema_width(schema) : 0;
    size_t head = round_up(sizeof(tubei_batch), 64);
    size_t offsets = framed ? rows * sizeof(uint64_t) : 0;
    size_t cells = (size_t)rows * width * sizeof(tube_cell);
    tubei_buffer *buf = NULL;
    tubei_batch *b;

    if (schema == NULL && (buf = buffer_new(m, who)) == NULL)
        return NULL;
    /* The reserve of an inner stage is one batch: a buffer's header is forced. */
    b = tubei_memory_get(m, head + (schema != NULL ? offsets + cells : 0),
                         buf != NULL ? NULL : who);
    if (b == NULL) {
        if (buf != NULL) {
            buffer_unref(buf);
            tubei_stage_nomem(who);
        }
        return NULL;
    }
    memset(b, 0, offsetof(tubei_batch, buffer));
    b->memory = m;
    b->pub.extents = b->extent;
    b->pub.segments = b->segment;
    if (buf != NULL) {
        b->buffer[b->n_buffers++] = buf;
        return b;
    }
    b->pub.schema = schema;
    b->pub.width = width;
    b->pub.cap = rows;
    b->pub.offset = framed ? (uint64_t *)(void *)((char *)b + head) : NULL;
    b->pub.cells = (tube_cell *)(void *)((char *)b + head + offsets);
    if (framed)
        b->pub.raw = b->pub.cells;
    return b;
}

static void
text_free(tubei_batch *b)
{
    while (b->text != NULL) {
        struct text_chunk *next = b->text->next;

        tubei_memory_put(b->memory, b->text);
        b->text = next;
    }
    b->text_left = 0;
}

static void
block_drop(tubei_batch *b, void **block)
{
    if (*block != NULL)
        tubei_memory_put(b->memory, *block);
    *block = NULL;
}

void
tubei_batch_free(tubei_batch *b)
{
    tubei_check(b->ack == NULL); /* A1 */
    for (uint32_t i = 0; i < b->n_buffers; i++)
        buffer_unref(b->buffer[i]);
    text_free(b);
    block_drop(b, &b->block);
    block_drop(b, &b->old_block);
    tubei_memory_put(b->memory, b);
}

bool
tubei_batch_reshape(tubei_batch *b, const tube_schema *schema, struct tube_stage *who)
{
    uint32_t width = tube_schema_width(schema);
    uint32_t rows = b->pub.n > 0 ? b->pub.n : 1;
    tube_cell *cells;

    if (b->pub.old != NULL) /* the stage returned TUBE_AGAIN behind it */
        return true;
    cells = tubei_memory_get(b->memory, (size_t)rows * width * sizeof(tube_cell), who);
    if (cells == NULL)
        return false;
    b->pub.old = b->pub.cells;
    b->pub.old_width = b->pub.width;
    b->old_block = b->block;
    b->block = cells;
    b->pub.cells = cells;
    b->pub.width = width;
    b->pub.cap = rows;
    b->pub.schema = schema;
    return true;
}

void
tubei_batch_reshaped(tubei_batch *b)
{
    b->pub.old = NULL;
    block_drop(b, &b->old_block);
}

char *
tube_batch_alloc(tube_batch *pub, size_t bytes)
{
    tubei_batch *b = tubei_batch_of(pub);
    size_t need = round_up(bytes, 8);

    if (need < bytes)
        return NULL;
    if (b->text == NULL || need > b->text_left) { /* the first also for no bytes */
        size_t size = b->text == NULL ? CHUNK_FIRST : b->text->size * 2;
        struct text_chunk *chunk;

        if (size > CHUNK_MOST)
            size = CHUNK_MOST;
        if (size < need)
            size = need;
        if (size > SIZE_MAX / 2)
            return NULL;
        chunk = tubei_memory_get(b->memory, sizeof(*chunk) + size + TUBE_PAD, NULL);
        if (chunk == NULL)
            return NULL;
        chunk->next = b->text;
        chunk->size = size;
        b->text = chunk;
        b->text_left = size;
    }
    char *p = b->text->data + b->text->size - b->text_left;
    b->text_left -= need;
    return p;
}

tube_cell *
tube_batch_add(tube_batch *b)
{
    tube_cell *row;
    uint32_t r = b->n;

    if (r == b->cap)
        return NULL;
    row = tube_row(b, r);
    memset(row, 0, b->width * sizeof(*row));
    b->n = r + 1;
    b->n_live++;
    b->live[r / 64] |= (uint64_t)1 << (r % 64);
    return row;
}

void
tube_batch_rows(tube_batch *b, uint32_t n)
{
    tubei_check(n <= b->cap);
    b->n = b->n_live = n;
    for (uint32_t w = 0; w < TUBE_BATCH_ROWS / 64; w++)
        b->live[w] = n >= (w + 1) * 64 ? ~(uint64_t)0
                     : n > w * 64      ? ((uint64_t)1 << (n % 64)) - 1
                                       : 0;
}

char *
tube_batch_buffer(tube_batch *b)
{
    return tubei_batch_of(b)->n_buffers > 0 ? tubei_batch_of(b)->buffer[0]->data : NULL;
}

bool
tube_batch_segment(tube_batch *b, const tube_segment *seg)
{
    if (b->n_segments == TUBE_BATCH_EXTENTS)
        return false;
    b->segments[b->n_segments++] = *seg;
    return true;
}

bool
tube_batch_hold(tube_batch *pub, tube_batch *from)
{
    tubei_batch *b = tubei_batch_of(pub);
    const tubei_batch *f = tubei_batch_of(from);

    for (uint32_t i = 0; i < f->n_buffers; i++) {
        bool held = false;

        for (uint32_t k = 0; k < b->n_buffers && !held; k++)
            held = b->buffer[k] == f->buffer[i];
        if (held)
            continue;
        if (b->n_buffers == TUBEI_BATCH_BUFFERS)
            return false;
        atomic_fetch_add_explicit(&f->buffer[i]->refs, 1, memory_order_relaxed);
        b->buffer[b->n_buffers++] = f->buffer[i];
    }
    return true;
}

bool
tube_batch_extent(tube_batch *b, const tube_extent *e)
{
    if (b->n_extents > 0) {
        tube_extent *last = &b->extents[b->n_extents - 1];

        if (last->origin == e->origin && last->hi == e->lo) {
            last->hi = e->hi;
            last->lines += e->lines;
            return true;
        }
    }
    if (b->n_extents == TUBE_BATCH_EXTENTS)
        return false;
    b->extents[b->n_extents++] = *e;
    return true;
}

static bool
rejected_grow(tubei_batch *b)
{
    uint32_t room = b->rejected_room > 0 ? b->rejected_room * 2 : 16;
    tube_rejected *more =
        (tube_rejected *)(void *)tube_batch_alloc(&b->pub, room * sizeof(*more));

    if (more == NULL)
        return false;
    if (b->pub.n_rejected > 0)
        memcpy(more, b->pub.rejected, b->pub.n_rejected * sizeof(*more));
    b->pub.rejected = more;
    b->rejected_room = room;
    return true;
}

bool
tubei_batch_reject(tubei_batch *b, const tube_rejected *r)
{
    if (b->pub.n_rejected == b->rejected_room && !rejected_grow(b))
        return false;
    b->pub.rejected[b->pub.n_rejected++] = *r;
    b->pub.live[r->row / 64] &= ~((uint64_t)1 << (r->row % 64));
    b->pub.n_live--;
    return true;
}

/* Copy one row's line, and move the cells that point into it. */
static bool
row_copy(tubei_batch *b, uint32_t r, bool cells)
{
    tube_cell *raw = (tube_cell *)(uintptr_t)&b->pub.raw[r];
    const char *from = raw->text;
    uint32_t len = raw->len;
    char *to = tube_batch_alloc(&b->pub, len);

    if (to == NULL)
        return false;
    memcpy(to, from, len);
    for (uint32_t f = 0; cells && f < b->pub.width; f++) {
        tube_cell *c = tube_row(&b->pub, r) + f;
        tube_type type = tube_schema_column(b->pub.schema, (tube_field)f)->type;

        if (c->set && (type == TUBE_TEXT || type == TUBE_BYTES || type == TUBE_JSON)
            && (uintptr_t)c->text - (uintptr_t)from <= len)
            c->text = to + (c->text - from);
    }
    raw->text = to;
    return true;
}

void
tubei_batch_compact(tubei_batch *b)
{
    uint32_t left = tube_batch_count(&b->pub);

    if (b->n_buffers == 0 || b->pub.raw == NULL
        || (left + b->pub.n_rejected) * 4 >= b->pub.n)
        return;
    TUBE_EACH(&b->pub, r)
        if (!row_copy(b, r, b->pub.raw != b->pub.cells))
            return;
    for (uint32_t i = 0; i < b->pub.n_rejected; i++)
        if (!row_copy(b, b->pub.rejected[i].row, false))
            return;
    for (uint32_t i = 0; i < b->n_buffers; i++)
        buffer_unref(b->buffer[i]);
    b->n_buffers = 0;
}
