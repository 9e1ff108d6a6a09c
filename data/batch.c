/* SPDX-License-Identifier: MIT */
/* batch.c -- see batch.h. */
#include "../engine/check.h"
#include "../engine/stage.h"
#include "asks.h"

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

/* Text that several batches point to: nobody allocates in it any more. */
struct text_shared {
    _Atomic uint32_t refs;
    struct text_chunk *text;
    struct text_shared *older;
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
chunks_free(tubei_memory *m, struct text_chunk *c)
{
    while (c != NULL) {
        struct text_chunk *next = c->next;

        tubei_memory_put(m, c);
        c = next;
    }
}

static void
text_free(tubei_batch *b)
{
    chunks_free(b->memory, b->text);
    b->text = NULL;
    b->text_left = 0;
    while (b->shared != NULL) {
        struct text_shared *s = b->shared;

        /* [B2] acq_rel, as [B1]: the last one frees what all have read */
        if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
            break;
        b->shared = s->older;
        chunks_free(b->memory, s->text);
        tubei_memory_put(b->memory, s);
    }
    b->shared = NULL;
}

/* Make what text the batch has common property, for one more batch. */
static bool
text_share(tubei_batch *b, tubei_batch *with)
{
    if (b->text != NULL) {
        struct text_shared *s = tubei_memory_get(b->memory, sizeof(*s), NULL);

        if (s == NULL)
            return false;
        atomic_init(&s->refs, 1);
        s->text = b->text;
        s->older = b->shared;
        b->shared = s;
        b->text = NULL;
        b->text_left = 0;
    }
    if (b->shared != NULL)
        atomic_fetch_add_explicit(&b->shared->refs, 1, memory_order_relaxed);
    with->shared = b->shared;
    return true;
}

static void
buffers_share(tubei_batch *b, tubei_batch *with)
{
    for (uint32_t i = 0; i < b->n_buffers; i++) {
        atomic_fetch_add_explicit(&b->buffer[i]->refs, 1, memory_order_relaxed);
        with->buffer[with->n_buffers++] = b->buffer[i];
    }
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
    tubei_asks_settle(b, TUBE_BROKEN, TUBE_BROKEN);
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
tubei_batch_take_back(tubei_batch *b)
{
    uint32_t r = --b->pub.n;

    b->pub.n_live--;
    b->pub.live[r / 64] &= ~((uint64_t)1 << (r % 64));
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

/* Copies. */

/* A batch like `b`, with room for cells, offsets and raw lines as asked for, all in one
 * block: an inner stage's reserve is one. */
static tubei_batch *
batch_like(const tubei_batch *b, bool cells, bool raw, struct tube_stage *who)
{
    size_t head = round_up(sizeof(tubei_batch), 64);
    size_t rows = b->pub.n > 0 ? b->pub.n : 1;
    size_t offsets = b->pub.offset != NULL ? round_up(rows * sizeof(uint64_t), 64) : 0;
    size_t row_bytes = rows * b->pub.width * sizeof(tube_cell);
    size_t raws = raw ? rows * sizeof(tube_cell) : 0;
    tubei_batch *c = tubei_memory_get(
        b->memory, head + offsets + (cells ? row_bytes : 0) + raws, who);
    char *at;

    if (c == NULL)
        return NULL;
    memset(c, 0, offsetof(tubei_batch, buffer));
    at = (char *)c + head;
    c->memory = b->memory;
    c->pub = b->pub;
    c->pub.old = NULL;
    c->pub.old_width = 0;
    c->pub.rejected = NULL;
    c->pub.n_rejected = 0;
    c->pub.cap = (uint32_t)rows;
    c->pub.extents = c->extent;
    c->pub.segments = c->segment;
    memcpy(c->extent, b->extent, b->pub.n_extents * sizeof(*b->extent));
    c->pub.offset = offsets > 0 ? (uint64_t *)(void *)at : NULL;
    if (offsets > 0)
        memcpy(c->pub.offset, b->pub.offset, b->pub.n * sizeof(uint64_t));
    at += offsets;
    c->pub.cells = cells ? (tube_cell *)(void *)at : NULL;
    at += cells ? row_bytes : 0;
    c->pub.raw = raw ? (const tube_cell *)(const void *)at : NULL;
    return c;
}

tubei_batch *
tubei_batch_copy(tubei_batch *b, struct tube_stage *who)
{
    bool own_raw = b->pub.raw != NULL && b->pub.raw != b->pub.cells;
    tubei_batch *c = batch_like(b, true, own_raw, who);

    if (c == NULL)
        return NULL;
    if (!text_share(b, c) || !tubei_asks_copy(b, c)) {
        tubei_batch_free(c);
        tubei_stage_nomem(who);
        return NULL;
    }
    buffers_share(b, c);
    if (b->pub.cells != NULL)
        memcpy(c->pub.cells, b->pub.cells,
               (size_t)b->pub.n * b->pub.width * sizeof(tube_cell));
    if (own_raw)
        memcpy(tube_batch_raw(&c->pub), b->pub.raw, b->pub.n * sizeof(tube_cell));
    else if (b->pub.raw != NULL)
        c->pub.raw = c->pub.cells;
    return c;
}

tube_cell *
tube_batch_raw(tube_batch *b)
{
    return (tube_cell *)(uintptr_t)b->raw;
}

/* Hand over what is not in the block: the group, the counts, the turn. */
static void
batch_replace(tubei_batch **b, tubei_batch *by)
{
    tubei_batch *old = *b;

    by->ack = old->ack;
    by->asks = old->asks;
    old->asks = NULL;
    by->turns = old->turns;
    by->n_filtered = old->n_filtered;
    by->n_dropped = old->n_dropped;
    by->next = old->next;
    by->prev = old->prev;
    if (by->prev != NULL) /* kept: it takes the place in the list too */
        *by->prev = by;
    if (by->prev != NULL && by->next != NULL)
        by->next->prev = &by->next;
    old->ack = NULL;
    tubei_batch_free(old);
    *b = by;
}

bool
tubei_batch_strip(tubei_batch **b)
{
    tubei_batch *thin;

    if ((*b)->pub.n_rejected > 0 || tubei_asks_in_text(*b))
        return false;
    thin = batch_like(*b, false, false, NULL);
    if (thin == NULL)
        return false;
    thin->had_raw = (*b)->pub.raw != NULL;
    batch_replace(b, thin);
    return true;
}

bool
tubei_batch_refill(tubei_batch **b, struct tube_stage *who)
{
    tubei_batch *full = batch_like(*b, true, (*b)->had_raw, who);

    if (full == NULL)
        return false;
    batch_replace(b, full);
    return true;
}

tubei_batch *
tubei_batch_mark(tubei_memory *m, struct tube_flush *mark)
{
    tubei_batch *b = tubei_memory_get(m, sizeof(*b), NULL);

    if (b == NULL)
        return NULL;
    memset(b, 0, offsetof(tubei_batch, buffer));
    b->memory = m;
    b->mark = mark;
    return b;
}

bool
tube_batch_spent(const tube_batch *pub)
{
    const tubei_batch *b = (const tubei_batch *)(const void *)pub;

    if (pub->n_rejected > 0 || tube_batch_count(pub) > 0 || b->turns != 0)
        return false;
    for (uint32_t i = 0; i < pub->n_extents; i++)
        if (pub->extents[i].origin != TUBE_NO_ORIGIN)
            return false;
    return true;
}

uint64_t
tube_batch_bytes(const tube_batch *pub)
{
    const tubei_batch *b = (const tubei_batch *)(const void *)pub;
    uint64_t bytes = tubei_memory_size(b);

    for (const struct text_chunk *c = b->text; c != NULL; c = c->next)
        bytes += tubei_memory_size(c);
    if (b->block != NULL)
        bytes += tubei_memory_size(b->block);
    for (uint32_t i = 0; i < b->n_buffers; i++) /* its share of what it shares */
        bytes += tubei_memory_size(b->buffer[i])
                 / atomic_load_explicit(&b->buffer[i]->refs, memory_order_relaxed);
    return bytes;
}
