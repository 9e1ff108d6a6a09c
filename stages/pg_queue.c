/* SPDX-License-Identifier: MIT */
/* pg_queue.c -- see pg_queue.h. */
#include "pg_queue.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_FIRST = 64, MOVES_MOST = 256 };

static pg_entry *
entry_at(const pg_queue *q, uint32_t i)
{
    return &q->entry[(q->head + i) & (q->room - 1)];
}

void
tubei_pg_queue_free(pg_queue *q)
{
    tubei_resume_fini(&q->resume);
    free(q->entry);
    free(q->source);
    free(q->move);
    *q = (pg_queue){ 0 };
}

pg_source *
tubei_pg_queue_source(pg_queue *q, uint32_t id)
{
    if (id >= q->sources) {
        uint32_t n = q->sources > 0 ? q->sources : 8;
        pg_source *more;

        while (n <= id)
            n *= 2;
        more = realloc(q->source, n * sizeof(*more));
        if (more == NULL)
            return NULL;
        memset(more + q->sources, 0, (n - q->sources) * sizeof(*more));
        q->source = more;
        q->sources = n;
    }
    return &q->source[id];
}

/* About as many bytes as the batch's rows came from. */
static uint64_t
bytes_of(const tube_batch *b, uint32_t live)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < b->n_extents; i++)
        bytes += b->extents[i].hi - b->extents[i].lo;
    return b->n > 0 ? bytes / b->n * live : 0;
}

static bool
queue_grow(pg_queue *q)
{
    uint32_t room = q->room > 0 ? q->room * 2 : ENTRIES_FIRST;
    pg_entry *more = malloc(room * sizeof(*more));

    if (more == NULL)
        return false;
    for (uint32_t i = 0; i < q->n; i++)
        more[i] = *entry_at(q, i);
    free(q->entry);
    q->entry = more;
    q->room = room;
    q->head = 0;
    return true;
}

static void
drop_last(pg_queue *q)
{
    pg_entry *e = entry_at(q, q->n - 1);

    tubei_resume_show(e->batch, e->hidden);
    q->rows -= e->rows;
    q->bytes -= e->bytes;
    q->moves -= e->batch->n_extents;
    q->n--;
    if (q->n < q->ready) {
        q->ready = q->n;
        return;
    }
    q->owed_rows -= e->rows;
    q->owed_bytes -= e->bytes;
    q->owed_moves -= e->batch->n_extents;
}

void
tubei_pg_queue_free_all(pg_queue *q)
{
    q->ready = q->n;
    q->owed_rows = 0;
    q->owed_bytes = 0;
    q->owed_moves = 0;
}

/* At a border: what has come since the one before, and is stored? */
static tube_status
hide_group(pg_queue *q, const tube_stage *s, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (!tubei_resume_is_ahead(&q->resume))
        return TUBE_OK;
    for (uint32_t i = q->ready; st == TUBE_OK && i < q->n; i++) {
        pg_entry *e = entry_at(q, i);

        st = tubei_resume_hide(&q->resume, s, e->batch, &e->hidden, err);
        if (e->hidden == NULL)
            continue;
        e->rows -= e->hidden->n_live;
        q->rows -= e->hidden->n_live;
        q->owed_rows -= e->hidden->n_live;
    }
    tubei_resume_pass(&q->resume);
    return st;
}

tube_status
tubei_pg_queue_push(pg_queue *q, const tube_stage *s, tube_batch *b, size_t row_bytes,
                    tube_error *err)
{
    uint32_t live = tube_batch_count(b);
    pg_entry *e;
    tube_status st;

    if (q->n == q->room && !queue_grow(q))
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    e = entry_at(q, q->n++);
    *e = (pg_entry){ .batch = b, .base = q->next, .rows = live };
    e->bytes = bytes_of(b, live) + live * row_bytes;
    q->rows += e->rows;
    q->bytes += e->bytes;
    q->moves += b->n_extents;
    q->owed_rows += e->rows;
    q->owed_bytes += e->bytes;
    q->owed_moves += b->n_extents;
    st = tubei_resume_note(&q->resume, s, b, &e->border, err);
    if (st == TUBE_OK && e->border)
        st = hide_group(q, s, err);
    if (st != TUBE_OK) {
        drop_last(q);
        return st;
    }
    q->next += b->n;
    q->taken++;
    if (e->border)
        tubei_pg_queue_free_all(q);
    return TUBE_OK;
}

uint64_t
tubei_pg_queue_memory(const pg_queue *q)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < q->n; i++)
        bytes += tube_batch_bytes(entry_at(q, i)->batch);
    return bytes;
}

static bool
limit_reached(const pg_limits *l, uint64_t rows, uint64_t bytes, uint32_t moves)
{
    return rows >= l->rows || bytes >= l->bytes || moves >= MOVES_MOST;
}

bool
tubei_pg_queue_full_behind(const pg_queue *q, const pg_limits *l, uint32_t n)
{
    uint64_t rows = q->rows - q->owed_rows;
    uint64_t bytes = q->bytes - q->owed_bytes;
    uint32_t moves = q->moves - q->owed_moves;

    for (uint32_t i = 0; i < n; i++) {
        const pg_entry *e = entry_at(q, i);

        rows -= e->rows;
        bytes -= e->bytes;
        moves -= e->batch->n_extents;
    }
    return limit_reached(l, rows, bytes, moves);
}

bool
tubei_pg_queue_full(const pg_queue *q, const pg_limits *l)
{
    return tubei_pg_queue_full_behind(q, l, q->tx);
}

/* The source that the rows of an extent come from. */
static pg_source *
source_at(const pg_queue *q, const tube_extent *e)
{
    bool known = e->origin < q->sources && q->source[e->origin].id != 0;

    return known ? &q->source[e->origin] : (pg_source *)(uintptr_t)&q->stream;
}

/* The source whose position an extent moves.  One without bytes moves none: something
 * must, or nobody could tell what became of a commit. */
static pg_source *
moved_by(const pg_queue *q, const tube_extent *e)
{
    return e->hi > e->lo ? source_at(q, e) : (pg_source *)(uintptr_t)&q->stream;
}

static bool
batch_wants_stream(const pg_queue *q, const tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents; i++)
        if (moved_by(q, &b->extents[i]) == &q->stream)
            return true;
    return b->n_extents == 0 && b->n > 0;
}

bool
tubei_pg_queue_wants_stream(const pg_queue *q)
{
    if (q->stream.id != 0)
        return false;
    for (uint32_t i = 0; i < q->n; i++)
        if (batch_wants_stream(q, entry_at(q, i)->batch))
            return true;
    return false;
}

static bool
is_refused(const pg_entry *e, uint32_t row, uint32_t from, uint32_t to)
{
    return row >= from && row < to && !tubei_resume_is_hidden(e->hidden, row);
}

static uint32_t
rejects_between(const pg_entry *e, uint32_t from, uint32_t to)
{
    const tube_batch *b = e->batch;
    uint32_t n = 0;

    for (uint32_t i = 0; i < b->n_rejected; i++)
        n += is_refused(e, b->rejected[i].row, from, to);
    return n;
}

static pg_move *
move_of(pg_queue *q, pg_source *src)
{
    if (src->slot != 0)
        return &q->move[src->slot - 1];
    if (q->n_moves == q->move_room) {
        uint32_t room = q->move_room > 0 ? q->move_room * 2 : 16;
        pg_move *more = realloc(q->move, room * sizeof(*more));

        if (more == NULL)
            return NULL;
        q->move = more;
        q->move_room = room;
    }
    q->move[q->n_moves] = (pg_move){ .source = src, .hi = src->low, .line = src->line };
    src->slot = ++q->n_moves;
    return &q->move[q->n_moves - 1];
}

/* How far extent `i` moves its source, if the transaction ends before row `to`. */
static void
move_position(pg_move *m, const tube_batch *b, uint32_t i, uint32_t to)
{
    const tube_extent *e = &b->extents[i];
    bool whole = to >= tubei_resume_extent_end(b, i);
    uint64_t hi = whole ? e->hi : b->offset[to];

    if (hi <= m->hi) /* it was stored before this run */
        return;
    m->hi = hi;
    m->line = e->line + (whole ? e->lines : to - e->first_row);
}

/* Rows [from, to) of one batch that lie in extent `i` belong to the transaction. */
static bool
move_extent(pg_queue *q, const pg_entry *entry, uint32_t i, uint32_t from, uint32_t to)
{
    const tube_batch *b = entry->batch;
    const tube_extent *e = &b->extents[i];
    uint32_t end = tubei_resume_extent_end(b, i);
    uint32_t first = e->first_row > from ? e->first_row : from;
    uint32_t last = end < to ? end : to;
    pg_source *src = moved_by(q, e);
    pg_move *m;

    /* An extent without rows goes with the row behind it, or with the batch's end. */
    if ((e->first_row >= to && to < b->n) || (end <= from && e->first_row < from))
        return true;
    m = move_of(q, src);
    if (m == NULL)
        return false;
    if (first < last) {
        m->rows += tubei_resume_live(b, first, last);
        m->rejects += rejects_between(entry, first, last);
    }
    if (src == &q->stream) {
        m->hi += last > first ? last - first : 0;
        m->line = m->hi;
    } else {
        move_position(m, b, i, last);
    }
    return true;
}

static bool
move_batch(pg_queue *q, const pg_entry *entry, uint32_t from, uint32_t to)
{
    const tube_batch *b = entry->batch;
    pg_move *m;

    for (uint32_t i = 0; i < b->n_extents; i++)
        if (!move_extent(q, entry, i, from, to))
            return false;
    if (b->n_extents > 0 || b->n == 0)
        return true;
    m = move_of(q, &q->stream);
    if (m == NULL)
        return false;
    m->rows += tubei_resume_live(b, from, to);
    m->rejects += rejects_between(entry, from, to);
    m->hi += to - from;
    m->line = m->hi;
    return true;
}

/* Several sources are always locked in the same order. */
static int
move_order(const void *a, const void *b)
{
    const pg_move *x = a;
    const pg_move *y = b;

    return (x->source->id > y->source->id) - (x->source->id < y->source->id);
}

static void
moves_clear(pg_queue *q)
{
    for (uint32_t i = 0; i < q->n_moves; i++)
        q->move[i].source->slot = 0;
    q->n_moves = 0;
}

/* A source that stays where it is needs no statement. */
static void
moves_finish(pg_queue *q)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < q->n_moves; i++) {
        q->move[i].source->slot = 0;
        if (q->move[i].hi != q->move[i].source->low)
            q->move[kept++] = q->move[i];
    }
    q->n_moves = kept;
    qsort(q->move, kept, sizeof(*q->move), move_order);
}

static uint32_t
from_row(const pg_queue *q, uint32_t i)
{
    return i == 0 ? q->done : 0;
}

/* Without offsets of rows a batch has no position inside it: it goes as a whole. */
static bool
can_split(const tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents; i++)
        if (b->extents[i].origin != TUBE_NO_ORIGIN && b->offset == NULL)
            return false;
    return true;
}

/* Row before which batch `b` is cut, so that at most `live` of its rows are taken. */
static uint32_t
cut_row(const tube_batch *b, uint32_t from, uint64_t live)
{
    uint32_t r = tube_next(b, from);

    while (live > 0 && r < b->n) {
        live--;
        r = tube_next(b, r + 1);
    }
    return r;
}

/* Is a position owed before batch `i`? */
static bool
owes_before(const pg_queue *q, uint32_t i)
{
    return i > 0 ? !entry_at(q, i - 1)->border : q->owing;
}

/* The row of batch `i` before which the transaction ends. */
static uint32_t
end_in(const pg_queue *q, const pg_wanted *w, uint32_t i)
{
    const pg_entry *e = entry_at(q, i);
    bool part = w->apart || (e->border && !owes_before(q, i));
    uint32_t to = e->batch->n;

    if (!part || !can_split(e->batch))
        return to;
    to = cut_row(e->batch, from_row(q, i), w->live - q->tx_rows);
    return e->base + to > w->end ? (uint32_t)(w->end - e->base) : to;
}

bool
tubei_pg_queue_cut(pg_queue *q, const pg_limits *l, const pg_wanted *w)
{
    uint64_t rows = 0;
    uint64_t bytes = 0;
    uint32_t moves = 0;

    moves_clear(q);
    q->tx_rows = 0;
    q->tx_rejects = 0;
    for (q->tx = 0; q->tx < q->ready;) {
        const pg_entry *e = entry_at(q, q->tx);
        uint32_t from = from_row(q, q->tx);
        bool enough = e->base >= w->end || q->tx_rows >= w->live
                      || limit_reached(l, rows, bytes, moves);

        if (q->tx > 0 && enough && (w->apart || !owes_before(q, q->tx)))
            break;
        q->to = end_in(q, w, q->tx);
        if (!move_batch(q, e, from, q->to))
            return false;
        q->tx++;
        q->tx_rows += tubei_resume_live(e->batch, from, q->to);
        q->tx_rejects += rejects_between(e, from, q->to);
        rows += e->rows;
        bytes += e->bytes;
        moves += e->batch->n_extents;
        if (q->to < e->batch->n)
            break;
    }
    moves_finish(q);
    return true;
}

uint64_t
tubei_pg_queue_begin(const pg_queue *q)
{
    return q->n > 0 ? entry_at(q, 0)->base + q->done : q->next;
}

uint64_t
tubei_pg_queue_end(const pg_queue *q)
{
    return q->tx > 0 ? entry_at(q, q->tx - 1)->base + q->to : tubei_pg_queue_begin(q);
}

uint64_t
tubei_pg_queue_live(const pg_queue *q, uint64_t end)
{
    uint64_t live = 0;

    for (uint32_t i = 0; i < q->n; i++) {
        const pg_entry *e = entry_at(q, i);
        uint64_t to = e->base + e->batch->n < end ? e->batch->n : end - e->base;

        if (e->base >= end)
            break;
        if (from_row(q, i) < to)
            live += tubei_resume_live(e->batch, from_row(q, i), (uint32_t)to);
    }
    return live;
}

/* Row behind the last one of the transaction in its batch `i`. */
static uint32_t
to_row(const pg_queue *q, uint32_t i)
{
    return i + 1 == q->tx ? q->to : entry_at(q, i)->batch->n;
}

tube_batch *
tubei_pg_queue_row(const pg_queue *q, pg_cursor *at, uint32_t *row)
{
    for (; at->entry < q->tx; at->entry++, at->row = 0) {
        tube_batch *b = entry_at(q, at->entry)->batch;
        uint32_t from = from_row(q, at->entry);

        *row = tube_next(b, at->row > from ? at->row : from);
        if (*row < to_row(q, at->entry)) {
            at->row = *row + 1;
            return b;
        }
    }
    return NULL;
}

tube_batch *
tubei_pg_queue_nth(const pg_queue *q, uint64_t n, uint32_t *row, uint64_t *number)
{
    pg_cursor at = { 0 };
    tube_batch *b = NULL;

    while (n-- > 0)
        b = tubei_pg_queue_row(q, &at, row);
    *number = entry_at(q, at.entry)->base + *row;
    return b;
}

static const pg_source *
source_of(const pg_queue *q, const tube_batch *b, uint32_t row, uint64_t *line)
{
    const tube_extent *e = NULL;

    for (uint32_t i = 0; i < b->n_extents && b->extents[i].first_row <= row; i++)
        e = &b->extents[i];
    *line = e != NULL && b->offset != NULL ? e->line + (row - e->first_row) + 1 : 0;
    return e == NULL ? &q->stream : source_at(q, e);
}

tube_batch *
tubei_pg_queue_rejected(const pg_queue *q, pg_cursor *at, const tube_rejected **why,
                        const pg_source **source, uint64_t *line)
{
    for (; at->entry < q->tx; at->entry++, at->row = 0) {
        const pg_entry *e = entry_at(q, at->entry);
        tube_batch *b = e->batch;

        while (at->row < b->n_rejected) {
            *why = &b->rejected[at->row++];
            if (!is_refused(e, (*why)->row, from_row(q, at->entry),
                            to_row(q, at->entry)))
                continue;
            *source = source_of(q, b, (*why)->row, line);
            return b;
        }
    }
    return NULL;
}

static void
pop(pg_queue *q, tube_stage *s, tube_outcome outcome)
{
    pg_entry *e = entry_at(q, 0);

    q->rows -= e->rows;
    q->bytes -= e->bytes;
    q->moves -= e->batch->n_extents;
    q->head = (q->head + 1) & (q->room - 1);
    q->n--;
    q->ready--;
    q->done = 0;
    q->owing = !e->border;
    tubei_resume_show(e->batch, e->hidden);
    tube_settle(s, &e->batch, outcome);
}

void
tubei_pg_queue_committed(pg_queue *q, tube_stage *s)
{
    bool whole = q->tx > 0 && q->to == entry_at(q, q->tx - 1)->batch->n;

    for (uint32_t i = 0; i < q->n_moves; i++) {
        q->move[i].source->low = q->move[i].hi;
        q->move[i].source->line = q->move[i].line;
    }
    for (uint32_t i = whole ? 0 : 1; i < q->tx; i++)
        pop(q, s, TUBE_COMMITTED);
    if (!whole && q->tx > 0)
        q->done = q->to;
    tubei_pg_queue_uncut(q);
}

void
tubei_pg_queue_uncut(pg_queue *q)
{
    q->tx = 0;
    q->n_moves = 0;
    q->tx_rows = 0;
    q->tx_rejects = 0;
}

void
tubei_pg_queue_break(pg_queue *q, tube_stage *s, uint32_t keep)
{
    while (q->n > keep) {
        pg_entry *e = entry_at(q, q->n - 1);

        drop_last(q);
        tube_settle(s, &e->batch, TUBE_BROKEN);
    }
}
