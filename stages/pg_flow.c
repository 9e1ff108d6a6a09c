/* SPDX-License-Identifier: MIT */
/* pg_flow.c -- see pg_flow.h.
 *
 * Sending, feeding and reading answers.  What follows from an answer, and all about
 * lost connections, is in pg_mend.c.
 */
#include "pg_flow.h"

#include "pg_mend.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    GIVE_BYTES = 256 << 10,   /* at once, while the kernel takes all of it */
    STATEMENT_MS = 60 * 1000, /* ends a COPY that stalls */
};

#define ABORT_NS UINT64_C(10000000000) /* how long an abort waits for COMMIT's answer */

void
tubei_pg_flow_init(pg_flow *f, tube_stage *s)
{
    f->stage = s;
    f->fd = -1;
    f->try_rows = UINT64_MAX;
    f->random = tube_now() | 1;
}

void
tubei_pg_flow_fini(pg_flow *f)
{
    tubei_pg_queue_break(&f->queue, f->stage, 0);
    tubei_pg_mend_drop(f);
    tubei_pg_conn_free(f->conn);
    tubei_pg_queue_free(&f->queue);
    tubei_pg_copy_free(&f->copy);
    tubei_pg_table_free(&f->table);
    tubei_pg_sql_free(&f->sql);
    free(f->chunk.data);
}

/* Rows are taken at the rate at which rows are sent.  A whole transaction's worth at
 * once, as soon as the one before was committed, would busy every core just when the
 * server has work again. */
bool
tubei_pg_flow_full(const pg_flow *f)
{
    uint32_t sent = f->queue.tx;

    if (f->state == PG_FEEDING && !f->refusing)
        sent = f->cursor.entry;
    else if (f->state == PG_SENT && !f->ended)
        sent = 0;
    return tubei_pg_queue_full_behind(&f->queue, &f->limits, sent);
}

tube_status
tubei_pg_flow_take(pg_flow *f, tube_batch *b, tube_error *err)
{
    if (f->queue.n == f->queue.tx)
        f->first = tube_now();
    return tubei_pg_queue_push(&f->queue, f->stage, b, 2 + 4 * (size_t)f->table.n, err);
}

void
tubei_pg_flow_hurry(pg_flow *f)
{
    f->hurry = f->queue.taken;
}

void
tubei_pg_flow_flush(pg_flow *f)
{
    tubei_pg_queue_free_all(&f->queue);
    tubei_pg_flow_hurry(f);
}

void
tubei_pg_flow_relieve(pg_flow *f, bool quiet)
{
    const pg_queue *q = &f->queue;

    tubei_pg_flow_hurry(f);
    if (!quiet)
        f->pressed = q->taken;
    if (!quiet || q->ready > 0 || f->pressed != q->taken
        || tubei_pg_queue_memory(q) < TUBEI_RESUME_LARGE)
        return;
    if (!f->told_owed)
        tube_warn(f->stage, "memory is short: records are stored before the position "
                            "behind them; a crash in between would store them twice");
    f->told_owed = true;
    tubei_pg_queue_free_all(&f->queue);
}

bool
tubei_pg_flow_idle(const pg_flow *f)
{
    return f->queue.n == 0 && f->state == PG_READY;
}

/* Composing. */

static void
compose(pg_flow *f)
{
    pg_sql *q = &f->sql;
    const pg_queue *tx = &f->queue;

    tubei_pg_sql_clear(q);
    tubei_pg_sql_add(q, "BEGIN ISOLATION LEVEL READ COMMITTED; ");
    if (!f->keep_commit)
        tubei_pg_sql_add(q, "SET LOCAL synchronous_commit = on; ");
    tubei_pg_sql_add(q,
                     "SET LOCAL statement_timeout = %d;"
                     " SET LOCAL search_path = pg_catalog; ",
                     STATEMENT_MS);
    if (tx->n_moves > 0)
        tubei_pg_progress_move(&f->table, tx->move, tx->n_moves, q);
    if (f->with_rejects) {
        tubei_pg_sql_add(q, "COPY ");
        tubei_pg_sql_table(q, f->table.schema, "tubes_reject");
        tubei_pg_sql_add(q, " " PG_REFUSED_COLUMNS " FROM STDIN (FORMAT binary); ");
    }
    if (tx->tx_rows > 0) {
        tubei_pg_sql_add(q, "COPY ");
        tubei_pg_sql_table(q, f->table.schema, f->table.name);
        tubei_pg_sql_add(q, " ");
        tubei_pg_table_columns(&f->table, q);
        tubei_pg_sql_add(q, " FROM STDIN (FORMAT binary); ");
    }
    tubei_pg_sql_add(q, "COMMIT");
}

static void
publish(pg_flow *f)
{
    pg_cursor at = { 0 };
    const tube_rejected *why;
    const pg_source *source;
    uint64_t line;
    tube_batch *b;

    while ((b = tubei_pg_queue_rejected(&f->queue, &at, &why, &source, &line)) != NULL)
        tube_publish_rejects(f->stage, b);
}

/* How many rows may the next transaction have? */
static uint64_t
rows_to_try(const pg_flow *f)
{
    uint64_t half;

    if (f->suspect_end == 0)
        return f->try_rows;
    half = tubei_pg_queue_live(&f->queue, f->suspect_end) / 2;
    return half > 0 ? half : 1;
}

static tube_status
send(pg_flow *f, tube_error *err)
{
    uint64_t end = f->suspect_end != 0 ? f->suspect_end : f->try_end;
    pg_wanted w = { .end = end != 0 ? end : UINT64_MAX,
                    .live = rows_to_try(f),
                    .apart = f->suspect_end != 0 };

    if (!tubei_pg_queue_cut(&f->queue, &f->limits, &w))
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    f->with_rejects = f->queue.tx_rejects > 0 && !tube_rejects_elsewhere(f->stage);
    if (f->queue.tx_rejects > 0 && !f->with_rejects)
        publish(f);
    compose(f);
    if (f->sql.failed)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    f->ended = f->queue.tx_rows == 0 && !f->with_rejects;
    f->committed = false;
    f->refusing = false;
    f->owed = true;
    if (f->queue.n > f->queue.tx)
        f->first = tube_now();
    f->state = PG_SENT;
    if (!tubei_pg_send(f->conn, f->sql.text))
        tubei_pg_mend_lost(f, NULL);
    return TUBE_OK;
}

static void
name_stream(pg_flow *f)
{
    unsigned char print[16];

    for (size_t i = 0; i < sizeof(print); i++)
        print[i] = (unsigned char)(tubei_pg_mend_random(f) >> 24);
    tubei_pg_sql_clear(&f->sql);
    tubei_pg_progress_stream(&f->table, print, &f->sql);
    f->state = PG_NAMING;
    if (f->sql.failed || !tubei_pg_send(f->conn, f->sql.text))
        tubei_pg_mend_lost(f, NULL);
}

/* Is it time for the next transaction? */
static bool
is_due(const pg_flow *f)
{
    if (f->queue.ready == 0)
        return false;
    return f->finishing || tubei_pg_queue_oldest(&f->queue) < f->hurry || f->owed
           || tubei_pg_queue_full(&f->queue, &f->limits)
           || tube_now() >= f->first + f->age;
}

/* Feeding. */

/* The row after the cursor goes into the chunk; *end: there is none. */
static bool
fill_refused(pg_flow *f, bool *end)
{
    pg_refused r = { 0 };
    const pg_source *source;
    const tube_batch *b =
        tubei_pg_queue_rejected(&f->queue, &f->cursor, &r.why, &source, &r.line);

    *end = b == NULL;
    if (b == NULL)
        return true;
    r.source = source->id;
    r.generation = source->generation;
    r.has_offset = b->offset != NULL;
    r.offset = r.has_offset ? b->offset[r.why->row] : 0;
    r.raw = b->raw != NULL ? &b->raw[r.why->row] : NULL;
    return tubei_pg_chunk_refused(&f->chunk, &r);
}

static bool
fill_row(pg_flow *f, bool *end)
{
    uint32_t row;
    const tube_batch *b = tubei_pg_queue_row(&f->queue, &f->cursor, &row);

    *end = b == NULL;
    return b == NULL || tubei_pg_chunk_row(&f->chunk, &f->copy, tube_row(b, row));
}

/* Fill the chunk; false: out of memory. */
static bool
fill(pg_flow *f)
{
    bool good = true;

    while (good && !f->last && f->chunk.len < PG_CHUNK_BYTES)
        good = f->refusing ? fill_refused(f, &f->last) : fill_row(f, &f->last);
    if (!good || (f->last && !tubei_pg_chunk_room(&f->chunk, PG_COPY_TAIL)))
        return false;
    if (f->last)
        tubei_pg_chunk_tail(&f->chunk);
    return true;
}

static bool
feed_begin(pg_flow *f)
{
    f->refusing = f->with_rejects && !f->refusing;
    f->cursor = (pg_cursor){ 0 };
    f->chunk.len = 0;
    f->given = 0;
    f->last = false;
    f->state = PG_FEEDING;
    if (!tubei_pg_chunk_room(&f->chunk, PG_COPY_HEAD))
        return false;
    tubei_pg_chunk_head(&f->chunk);
    return fill(f);
}

/* Hand on the chunk, while the kernel takes it; false: out of memory. */
static bool
feed(pg_flow *f)
{
    int left = 0;

    while (f->state == PG_FEEDING && (left = tubei_pg_flush(f->conn)) == 0) {
        size_t n = f->chunk.len - f->given;

        if (n == 0 && f->last) {
            f->ended = !f->refusing || f->queue.tx_rows == 0;
            f->state = PG_SENT;
            left = tubei_pg_copy_end(f->conn) ? 0 : -1;
            break;
        }
        if (n == 0) {
            f->chunk.len = 0;
            f->given = 0;
            if (!fill(f))
                return false;
            n = f->chunk.len;
        }
        n = n < GIVE_BYTES ? n : GIVE_BYTES;
        if (!tubei_pg_copy(f->conn, f->chunk.data + f->given, n)) {
            left = -1;
            break;
        }
        f->given += n;
    }
    if (left < 0)
        tubei_pg_mend_lost(f, NULL);
    return true;
}

/* Steps: each looks at one answer, or does one thing.  They return false when there is
 * nothing to do but wait. */

static void
note_error(pg_flow *f, const pg_answer *a)
{
    if (f->error.kind == PG_NOTHING)
        f->error = *a;
}

/* A trigger may keep rows out of the table, or put them elsewhere: that is its business,
 * but then the counts here and there differ. */
static void
look_at_count(pg_flow *f, const char *tag)
{
    unsigned long long stored;

    if (f->told_count || sscanf(tag, "COPY %llu", &stored) != 1
        || stored == f->queue.tx_rows)
        return;
    f->told_count = true;
    tube_warn(f->stage,
              "the server says that %llu of %llu rows went into '%s': a trigger takes "
              "the others; they count as committed",
              stored, (unsigned long long)f->queue.tx_rows, f->table.name);
}

static bool
step_sent(pg_flow *f, tube_status *st, tube_error *err)
{
    /* The rows' COPY is the last one: what is refused before it is not a row's fault. */
    bool rows =
        f->queue.tx_rows > 0 && (!f->with_rejects || (f->ended && !f->refusing));
    pg_answer a;

    tubei_pg_answer(f->conn, rows ? f->table.name : NULL, &a);
    switch (a.kind) {
    case PG_NOTHING: return false;
    case PG_COMMAND:
        f->committed |= strcmp(a.tag, "COMMIT") == 0;
        if (rows)
            look_at_count(f, a.tag);
        break;
    case PG_ROWS: break;
    case PG_COPY_IN:
        if (!feed_begin(f))
            *st = tube_fail(err, TUBE_ENOMEM, "out of memory");
        break;
    case PG_ERROR: note_error(f, &a); break;
    case PG_LOST: tubei_pg_mend_lost(f, &a); break;
    case PG_DONE:
        if (f->committed && f->error.kind == PG_NOTHING) {
            tubei_pg_mend_committed(f);
        } else if (f->error.kind == PG_NOTHING) {
            tubei_pg_mend_lost(f, NULL); /* no error and no COMMIT: ask */
        } else if (tubei_pg_conn_in_transaction(f->conn)) {
            f->state = PG_UNDOING;
            if (!tubei_pg_send(f->conn, "ROLLBACK"))
                tubei_pg_mend_lost(f, NULL);
        } else {
            *st = tubei_pg_mend_error(f, err);
        }
    }
    return true;
}

static bool
step_undoing(pg_flow *f, tube_status *st, tube_error *err)
{
    pg_answer a;

    tubei_pg_answer(f->conn, NULL, &a);
    if (a.kind == PG_LOST)
        tubei_pg_mend_lost(f, &a);
    else if (a.kind == PG_DONE)
        *st = tubei_pg_mend_error(f, err);
    return a.kind != PG_NOTHING;
}

static bool
step_naming(pg_flow *f, tube_status *st, tube_error *err)
{
    pg_answer a;

    tubei_pg_answer(f->conn, NULL, &a);
    if (a.kind == PG_ROWS && tubei_pg_rows(f->conn) == 1)
        f->queue.stream.id = tubei_pg_integer(f->conn, 0, 0);
    else if (a.kind == PG_ERROR)
        note_error(f, &a);
    else if (a.kind == PG_LOST)
        tubei_pg_mend_lost(f, &a);
    else if (a.kind == PG_DONE && f->error.kind == PG_ERROR)
        *st = tubei_pg_mend_error(f, err);
    else if (a.kind == PG_DONE)
        f->state = PG_READY;
    return a.kind != PG_NOTHING;
}

static bool
step_asking(pg_flow *f, tube_status *st, tube_error *err)
{
    const pg_queue *q = &f->queue;
    pg_answer a;

    tubei_pg_answer(f->conn, NULL, &a);
    if (a.kind == PG_ROWS)
        f->verdict = tubei_pg_progress_verdict(f->conn, q->move, q->n_moves);
    else if (a.kind == PG_ERROR)
        note_error(f, &a);
    else if (a.kind == PG_LOST)
        tubei_pg_mend_lost(f, &a);
    else if (a.kind == PG_DONE)
        *st = tubei_pg_mend_asked(f, err);
    return a.kind != PG_NOTHING;
}

static bool
step_ready(pg_flow *f, tube_status *st, tube_error *err)
{
    if (f->give_up != 0 || !is_due(f))
        return false;
    f->error = (pg_answer){ 0 };
    if (tubei_pg_queue_wants_stream(&f->queue))
        name_stream(f);
    else
        *st = send(f, err);
    return true;
}

static bool
step(pg_flow *f, tube_status *st, tube_error *err)
{
    switch (f->state) {
    case PG_READY: return step_ready(f, st, err);
    case PG_NAMING: return step_naming(f, st, err);
    case PG_SENT: return step_sent(f, st, err);
    case PG_FEEDING:
        if (!feed(f))
            *st = tube_fail(err, TUBE_ENOMEM, "out of memory");
        return f->state != PG_FEEDING;
    case PG_UNDOING: return step_undoing(f, st, err);
    case PG_ASKING: return step_asking(f, st, err);
    case PG_PAUSING: return tubei_pg_mend_paused(f);
    case PG_CONNECTING: return tubei_pg_mend_connecting(f, st, err);
    case PG_FAILED:
    default: return false;
    }
}

/* Waiting. */

static unsigned
awaited_events(pg_flow *f)
{
    switch (f->state) {
    case PG_FEEDING: return TUBE_READABLE | TUBE_WRITABLE;
    case PG_CONNECTING:
        return f->making == PG_MAKING_READ ? TUBE_READABLE : TUBE_WRITABLE;
    case PG_SENT:
    case PG_NAMING:
    case PG_UNDOING:
    case PG_ASKING:
        return tubei_pg_flush(f->conn) == 1 ? TUBE_READABLE | TUBE_WRITABLE
                                            : TUBE_READABLE;
    case PG_READY:
    case PG_PAUSING:
    case PG_FAILED:
    default: return 0;
    }
}

static void
wait(pg_flow *f)
{
    unsigned events = awaited_events(f);
    uint64_t until = 0;

    if (events != 0) {
        f->fd = tubei_pg_conn_fd(f->conn);
        tube_wait_fd(f->stage, f->fd, events);
    }
    if (f->state == PG_PAUSING)
        until = f->pause;
    else if (f->state == PG_CONNECTING)
        until = f->connect_by;
    else if (f->state == PG_READY && f->queue.ready > 0 && f->give_up == 0)
        until = f->first + f->age;
    if (f->give_up != 0 && f->queue.n > 0)
        until = f->give_up;
    tube_wait_until(f->stage, until);
}

tube_status
tubei_pg_flow_pump(pg_flow *f, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (f->give_up != 0 && f->state != PG_FAILED && tube_now() >= f->give_up)
        tubei_pg_mend_give_up(f);
    while (st == TUBE_OK && step(f, &st, err)) {
        /* until there is nothing to do but wait */
    }
    if (st < TUBE_OK)
        tubei_pg_mend_give_up(f);
    wait(f);
    return st;
}

void
tubei_pg_flow_abort(pg_flow *f)
{
    if (f->give_up == 0)
        f->give_up = tube_now() + ABORT_NS;
    if (f->state == PG_SENT && f->ended)
        tubei_pg_queue_break(&f->queue, f->stage, f->queue.tx);
    else
        tubei_pg_mend_give_up(f);
}
