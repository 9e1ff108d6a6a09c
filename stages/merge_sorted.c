/* SPDX-License-Identifier: MIT */
/* merge_sorted.c -- see merge_sorted.h. */
#include "merge_sorted.h"

#include "fields.h"
#include "merge_positions.h"

#include <stdlib.h>

enum {
    REST_ROWS = 128,    /* so many rows are not copied if all of them come next */
    RETRY_NS = 1000000, /* when there was no memory outside of process() */
};

static bool
is_text(tube_type t)
{
    return t == TUBE_TEXT || t == TUBE_BYTES || t == TUBE_JSON;
}

tube_status
tubei_merge_open(tube_stage *s, merge_sorted *m, const char *by, bool desc,
                 tube_error *err)
{
    const tube_schema *in = tube_input(s) != NULL ? tube_input(s) : tube_output(s);
    uint32_t width = in != NULL ? tube_schema_width(in) : 0;
    tube_field f = in != NULL ? tube_schema_find(in, by) : -1;

    m->used = TUBE_ANY_INPUT;
    if (in == NULL)
        return tube_fail(err, TUBE_ECONFIG, "by=%s: what comes has no fields", by);
    if (f < 0)
        return tubei_fields_unknown(in, by, err);
    m->heap.order = (merge_order){ .field = f,
                                   .type = tube_schema_column(in, f)->type,
                                   .desc = desc };
    if (m->heap.order.type == TUBE_JSON)
        return tube_fail(err, TUBE_ECONFIG, "by=%s: JSON has no order", by);
    m->column = calloc(width, sizeof(*m->column));
    if (m->column == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for %u fields", width);
    for (uint32_t i = 0; i < width; i++)
        if (is_text(tube_schema_column(in, (tube_field)i)->type))
            m->column[m->n_columns++] = i;
    tube_ordered(s);
    return TUBE_OK;
}

void
tubei_merge_close(merge_sorted *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        free(m->input[i].text);
    free(m->input);
    free(m->extra);
    free(m->column);
    tubei_merge_heap_fini(&m->heap);
}

/* See that there is a place for every input. */
static bool
merge_grow(merge_sorted *m, uint32_t n)
{
    merge_input *more;
    uint32_t room = m->n > 0 ? m->n : 4;

    if (n <= m->n)
        return true;
    while (room < n)
        room *= 2;
    more = reallocarray(m->input, room, sizeof(*more));
    if (more == NULL)
        return false;
    memset(more + m->n, 0, (room - m->n) * sizeof(*more));
    m->input = more;
    m->n = room;
    return tubei_merge_heap_reserve(&m->heap, room);
}

static const tube_cell *
key_at(const merge_sorted *m, const tube_batch *b, uint32_t row)
{
    return tube_row(b, row) + m->heap.order.field;
}

/* Which inputs are waited for. */

static bool
has_batch(const merge_sorted *m, uint32_t i)
{
    return i < m->n && m->input[i].batch != NULL;
}

static bool
is_idle(const merge_sorted *m, uint32_t i)
{
    return i < m->n && m->input[i].idle;
}

static bool
has_extra(const merge_sorted *m, uint32_t i)
{
    for (uint32_t k = 0; k < m->n_extra; k++)
        if (m->extra[k].input == i)
            return true;
    return false;
}

uint32_t
tubei_merge_select(tube_stage *s, merge_sorted *m)
{
    uint32_t n = tube_inputs(s);
    uint32_t missing = TUBE_ANY_INPUT;
    uint32_t full = TUBE_ANY_INPUT;

    for (uint32_t i = 0; i < n; i++) {
        if (!tube_input_open(s, i))
            continue;
        if (has_batch(m, i)) {
            if (full == TUBE_ANY_INPUT || has_extra(m, full))
                full = i;
            continue;
        }
        if (tube_input_ready(s, i))
            return i;
        if (missing == TUBE_ANY_INPUT || is_idle(m, missing))
            missing = i;
    }
    /* If every input has a batch there is no room to go on, and nothing to wait for. */
    return missing != TUBE_ANY_INPUT ? missing : full;
}

static bool
must_wait(tube_stage *s, const merge_sorted *m)
{
    uint32_t n = tube_inputs(s);

    for (uint32_t i = 0; i < n; i++)
        if (tube_input_open(s, i) && !has_batch(m, i) && !is_idle(m, i))
            return true;
    return false;
}

/* Wait no longer for those that have nothing; `ready`: but for what is on its way. */
static void
give_up_waiting(tube_stage *s, merge_sorted *m, bool ready)
{
    uint32_t n = tube_inputs(s);

    for (uint32_t i = 0; i < n && i < m->n; i++)
        if (tube_input_open(s, i) && !has_batch(m, i)
            && !(ready && tube_input_ready(s, i)))
            m->input[i].idle = true;
}

/* Sending on. */

static void
keep_from(tube_stage *s, tube_batch *b, uint32_t row)
{
    uint64_t keep[TUBE_BATCH_ROWS / 64];

    for (uint32_t w = 0; w < TUBE_BATCH_ROWS / 64; w++)
        keep[w] = row <= w * 64        ? ~(uint64_t)0
                  : row >= w * 64 + 64 ? 0
                                       : ~(uint64_t)0 << (row % 64);
    tube_keep_rows(s, b, keep);
}

/* Send what was copied (M1). */
static tube_status
merge_flush(tube_stage *s, merge_sorted *m)
{
    tube_status st;

    if (m->out == NULL)
        return TUBE_OK;
    if (!tube_room(s))
        return TUBE_AGAIN;
    tubei_merge_positions(m);
    st = tube_emit(s, &m->out);
    for (uint32_t i = 0; i < m->n; i++)
        if (m->input[i].batch != NULL && m->input[i].touched)
            keep_from(s, m->input[i].batch, m->input[i].row);
    return st == TUBE_END ? TUBE_END : TUBE_OK;
}

/* Let the batch of an input go on as it is, behind what was copied (M2). */
static tube_status
merge_release(tube_stage *s, merge_sorted *m, uint32_t i)
{
    merge_input *in = &m->input[i];
    tube_status st = merge_flush(s, m);

    if (st == TUBE_OK && !tube_room(s))
        st = TUBE_AGAIN;
    if (st != TUBE_OK)
        return st;
    st = tube_release(s, &in->batch);
    return st == TUBE_END ? TUBE_END : TUBE_OK;
}

/* Give everything up: nobody takes it any more. */
static void
merge_let_go(tube_stage *s, merge_sorted *m)
{
    tube_status st = TUBE_OK;

    tube_untake(s, &m->out);
    for (uint32_t i = 0; i < m->n; i++)
        if (m->input[i].batch != NULL)
            st = tube_release(s, &m->input[i].batch);
    for (uint32_t k = 0; k < m->n_extra; k++)
        st = tube_release(s, &m->extra[k].batch);
    (void)st; /* it is the engine's business where they go */
    m->n_extra = 0;
    m->heap.n = 0;
    m->used = TUBE_ANY_INPUT;
}

/* Its text is copied too: it may lie in memory of its batch. */
static bool
copy_row(const merge_sorted *m, tube_batch *out, tube_cell *to, const tube_cell *from)
{
    size_t bytes = 0;
    char *text;

    memcpy(to, from, out->width * sizeof(*to));
    for (uint32_t i = 0; i < m->n_columns; i++)
        if (from[m->column[i]].set)
            bytes += from[m->column[i]].len;
    if (bytes == 0)
        return true;
    text = tube_batch_alloc(out, bytes);
    if (text == NULL)
        return false;
    for (uint32_t i = 0; i < m->n_columns; i++) {
        tube_cell *c = &to[m->column[i]];

        if (!c->set || c->len == 0)
            continue;
        memcpy(text, c->text, c->len);
        c->text = text;
        text += c->len;
    }
    return true;
}

/* Copy rows of the first input as long as they come first. */
static tube_status
merge_copy(tube_stage *s, merge_sorted *m, tube_error *err)
{
    const merge_entry *second = tubei_merge_heap_second(&m->heap);
    merge_entry top = m->heap.entry[0];
    merge_input *in = &m->input[top.input];
    const tube_batch *b = in->batch;
    tube_status st = TUBE_OK;

    do {
        tube_cell *cell;

        if (m->out == NULL)
            m->out = tube_take(s);
        if (m->out == NULL) {
            st = TUBE_AGAIN;
            break;
        }
        cell = tube_batch_add(m->out);
        if (cell == NULL) {
            st = merge_flush(s, m);
            if (st != TUBE_OK)
                break;
            continue;
        }
        if (!copy_row(m, m->out, cell, tube_row(b, in->row))
            || !tube_carry(m->out, m->out->n - 1, in->batch, in->row))
            return tube_fail(err, TUBE_ENOMEM, "no memory for a copy of a record");
        in->touched = true;
        in->row = tube_next(b, in->row + 1);
        if (in->row == b->n) {
            tubei_merge_heap_pop(&m->heap);
            m->used = top.input;
            return TUBE_OK;
        }
        top.key = *key_at(m, b, in->row);
    } while (second == NULL || tubei_merge_before(&m->heap.order, &top, second));
    tubei_merge_heap_replace(&m->heap, &top.key);
    return st;
}

/* True if all that is left of the first input comes next, and is not worth a copy. */
static bool
rest_is_next(const merge_sorted *m)
{
    const merge_entry *second = tubei_merge_heap_second(&m->heap);
    uint32_t i = m->heap.entry[0].input;
    const merge_input *in = &m->input[i];
    merge_entry high = { .key = in->high, .input = i };

    if (!in->sorted || (in->touched && in->batch->n - in->row < REST_ROWS))
        return false;
    return second == NULL || tubei_merge_before(&m->heap.order, &high, second);
}

/* Taking in. */

/* Keep a key beyond its batch. */
static bool
remember(const merge_sorted *m, merge_input *in, const tube_cell *key)
{
    in->any = true;
    in->last = *key;
    if (!key->set || !is_text(m->heap.order.type))
        return true;
    if (key->len > in->room) {
        char *more = realloc(in->text, key->len);

        if (more == NULL)
            return false;
        in->text = more;
        in->room = key->len;
    }
    if (key->len > 0)
        memcpy(in->text, key->text, key->len);
    in->last.text = in->text;
    return true;
}

/* Look through the keys of a new batch. */
static bool
look_through(tube_stage *s, merge_sorted *m, uint32_t i)
{
    merge_input *in = &m->input[i];
    const tube_batch *b = in->batch;
    const tube_cell *before = in->any ? &in->last : NULL;
    uint64_t unsorted = 0;

    in->sorted = true;
    TUBE_EACH(b, r) {
        const tube_cell *key = key_at(m, b, r);

        if (before != NULL && tubei_merge_compare(&m->heap.order, key, before) < 0) {
            in->sorted = false;
            unsorted++;
        }
        before = key;
    }
    if (unsorted > 0 && m->unsorted == 0)
        tube_warn(s, "input %u is not sorted by '%s', so the output is not either",
                  i + 1, tube_schema_column(b->schema, m->heap.order.field)->name);
    m->unsorted += unsorted;
    if (tube_batch_count(b) == 0)
        return true;
    in->high = *before;
    return remember(m, in, before);
}

/* Begin with a new batch of an input that has none; false: out of memory. */
static bool
begin_batch(tube_stage *s, merge_sorted *m, uint32_t i, tube_batch *b)
{
    merge_input *in = &m->input[i];

    in->batch = b;
    in->row = tube_next(b, 0);
    in->touched = false;
    in->idle = false;
    m->idle_at = 0; /* who is missing now may have spoken a moment ago */
    if (!look_through(s, m, i)) {
        in->batch = NULL;
        return false;
    }
    if (in->row < b->n)
        tubei_merge_heap_push(&m->heap, key_at(m, b, in->row), i);
    else
        m->used = i;
    return true;
}

/* The next batch of an input, if it came before it was wanted. */
static bool
begin_extra(tube_stage *s, merge_sorted *m, uint32_t i)
{
    uint32_t k = 0;
    tube_batch *b;

    while (k < m->n_extra && m->extra[k].input != i)
        k++;
    if (k == m->n_extra)
        return true;
    b = m->extra[k].batch;
    if (!begin_batch(s, m, i, b))
        return false;
    m->n_extra--;
    memmove(&m->extra[k], &m->extra[k + 1], (m->n_extra - k) * sizeof(*m->extra));
    return true;
}

static bool
keep_extra(merge_sorted *m, uint32_t i, tube_batch *b)
{
    if (m->n_extra == m->extra_room) {
        uint32_t room = m->extra_room > 0 ? m->extra_room * 2 : 4;
        merge_extra *more = reallocarray(m->extra, room, sizeof(*more));

        if (more == NULL)
            return false;
        m->extra = more;
        m->extra_room = room;
    }
    m->extra[m->n_extra++] = (merge_extra){ .batch = b, .input = i };
    return true;
}

/* What is left of the first input's batch goes on, or all of one that is used up; then
 * comes the next one, if it is there. */
static tube_status
merge_next(tube_stage *s, merge_sorted *m, uint32_t i, tube_error *err)
{
    tube_status st = merge_release(s, m, i);

    if (m->input[i].batch != NULL)
        return st;
    if (m->used == i)
        m->used = TUBE_ANY_INPUT;
    else
        tubei_merge_heap_pop(&m->heap);
    if (!begin_extra(s, m, i))
        return tube_fail(err, TUBE_ENOMEM, "no memory for a key");
    return st;
}

/* Send on what may be sent; `all`: without waiting for anybody. */
static tube_status
merge_run(tube_stage *s, merge_sorted *m, bool all, tube_error *err)
{
    tube_status st = TUBE_OK;

    while (st == TUBE_OK) {
        if (m->used != TUBE_ANY_INPUT) {
            st = merge_next(s, m, m->used, err);
            continue;
        }
        if (all)
            give_up_waiting(s, m, false);
        if (m->heap.n == 0 || must_wait(s, m))
            break;
        if (rest_is_next(m))
            st = merge_next(s, m, m->heap.entry[0].input, err);
        else
            st = merge_copy(s, m, err);
    }
    if (st == TUBE_OK)
        st = merge_flush(s, m);
    if (st == TUBE_END || st < 0)
        merge_let_go(s, m);
    return st;
}

/* After a run outside of finish(): when to go on. */
static tube_status
merge_wait(tube_stage *s, merge_sorted *m, tube_status st)
{
    bool waiting = m->heap.n > 0 && st == TUBE_OK;

    if (st == TUBE_AGAIN && tube_room(s)) {
        tube_wait_until(s, tube_now() + RETRY_NS);
        return TUBE_OK;
    }
    if (!waiting)
        m->idle_at = 0;
    else if (m->idle_at == 0)
        m->idle_at = tube_now() + m->idle_ns;
    tube_wait_until(s, m->idle_at);
    return st < 0 ? st : TUBE_OK;
}

tube_status
tubei_merge_process(tube_stage *s, merge_sorted *m, tube_batch *b, tube_error *err)
{
    uint32_t i = tube_input_at(s);
    bool fits = merge_grow(m, i + 1);

    if (fits && has_batch(m, i))
        (void)merge_run(s, m, false, err);
    if (fits && has_batch(m, i) && !must_wait(s, m))
        return TUBE_AGAIN;
    if (fits)
        fits = has_batch(m, i) ? keep_extra(m, i, b) : begin_batch(s, m, i, b);
    if (!fits)
        return tube_fail(err, TUBE_ENOMEM, "no memory for a batch of input %u", i + 1);
    (void)merge_wait(s, m, merge_run(s, m, false, err));
    return TUBE_QUEUED;
}

tube_status
tubei_merge_ended(tube_stage *s, merge_sorted *m, uint32_t input, tube_error *err)
{
    if (input < m->n) {
        m->input[input].any = false;
        m->input[input].idle = false;
    }
    return merge_wait(s, m, merge_run(s, m, false, err));
}

tube_status
tubei_merge_wake(tube_stage *s, merge_sorted *m, unsigned why, tube_error *err)
{
    bool all = (why & TUBE_WOKE_FLUSH) != 0;
    tube_status st;

    if ((why & TUBE_WOKE_ABORT) != 0) {
        merge_let_go(s, m);
        return TUBE_OK;
    }
    if ((why & TUBE_WOKE_QUIET) != 0 || (m->idle_at != 0 && tube_now() >= m->idle_at)) {
        m->idle_at = 0;
        give_up_waiting(s, m, true);
    }
    st = merge_run(s, m, all, err);
    if ((why & TUBE_WOKE_FLUSH) != 0 && st == TUBE_AGAIN)
        return TUBE_AGAIN;
    return merge_wait(s, m, st);
}

tube_status
tubei_merge_finish(tube_stage *s, merge_sorted *m, tube_error *err)
{
    return merge_run(s, m, true, err);
}

tube_status
tubei_merge_reassemble(tube_stage *s, merge_sorted *m)
{
    tube_untake(s, &m->out);
    m->heap.n = 0;
    m->used = TUBE_ANY_INPUT;
    for (uint32_t i = 0; i < m->n; i++)
        if (m->input[i].batch != NULL)
            tube_give_back(s, &m->input[i].batch);
    for (uint32_t k = 0; k < m->n_extra; k++)
        tube_give_back(s, &m->extra[k].batch);
    m->n_extra = 0;
    return TUBE_OK;
}
