/* SPDX-License-Identifier: MIT */
/* sq_txn.c -- see sq_txn.h. */
#include "sq_txn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SHORT_MS = 250,  /* for one look whether a lock is gone */
    FIRST_MS = 20,   /* before the file is opened again for the first time */
    PAUSE_MS = 1000, /* and the next times */
    SLICE_MS = 50,   /* of a pause, between two looks whether to stop */
    TRIES = 10,      /* of what is no full disk and no lock */
    LOOKS = 40,      /* at a lock, before the user is told */
};

/* How one try ended. */
typedef enum outcome {
    COMMITTED,
    AGAIN,   /* at once: it was rolled back, and what was wrong is out of the way */
    WAIT,    /* another process writes */
    REOPEN,  /* the file may have it or not */
    STOPPED, /* rolled back; the error says why */
} outcome;

void
tubei_sq_txn_detach(sq_txn *t)
{
    tubei_sq_progress_detach(&t->progress);
    tubei_sq_rows_detach(&t->rows);
    tubei_sq_close(t->db);
    t->db = NULL;
}

/* The statements; the file is open. */
static sq_result
attach(sq_txn *t)
{
    sq_result rc = tubei_sq_progress_attach(&t->progress, t->db);

    return rc == SQ_DONE ? tubei_sq_rows_attach(&t->rows, t->db, &t->table) : rc;
}

tube_status
tubei_sq_txn_attach(sq_txn *t, tube_error *err)
{
    tube_status st =
        t->db == NULL ? tubei_sq_open(t->path, SQ_WRITE, &t->db, err) : TUBE_OK;

    if (st == TUBE_OK && attach(t) != SQ_DONE)
        st = tubei_sq_fail(t->db, t->path, err);
    if (st != TUBE_OK)
        tubei_sq_txn_detach(t);
    return st;
}

void
tubei_sq_txn_free(sq_txn *t)
{
    tubei_sq_txn_detach(t);
    tubei_sq_table_free(&t->table);
    tubei_resume_fini(&t->resume);
    free(t->source);
    free(t->batch);
    free(t->move);
}

sq_source *
tubei_sq_txn_source(sq_txn *t, uint32_t id)
{
    size_t room = t->sources_room == 0 ? 16 : t->sources_room;

    while (room <= id)
        room *= 2;
    if (room != t->sources_room) {
        sq_source *more = reallocarray(t->source, room, sizeof(*more));

        if (more == NULL)
            return NULL;
        t->source = more;
        t->sources_room = room;
    }
    while (t->n_sources <= id)
        t->source[t->n_sources++] = (sq_source){ .id = 0 };
    return &t->source[id];
}

/* Which batches wait. */

static tube_status
hide_group(sq_txn *t, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (!tubei_resume_is_ahead(&t->resume))
        return TUBE_OK;
    for (size_t i = t->border; st == TUBE_OK && i < t->n; i++)
        st = tubei_resume_hide(&t->resume, t->stage, t->batch[i].batch,
                               &t->batch[i].hidden, err);
    tubei_resume_pass(&t->resume);
    return st;
}

tube_status
tubei_sq_txn_add(sq_txn *t, tube_batch *b, tube_error *err)
{
    bool border = true;
    tube_status st;

    if (t->n == t->room) {
        size_t room = t->room == 0 ? 16 : t->room * 2;
        sq_batch *more = reallocarray(t->batch, room, sizeof(*more));

        if (more == NULL)
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        t->batch = more;
        t->room = room;
    }
    t->batch[t->n++] = (sq_batch){ .batch = b };
    st = tubei_resume_note(&t->resume, t->stage, b, &border, err);
    if (st == TUBE_OK && border)
        st = hide_group(t, err);
    if (st != TUBE_OK)
        tubei_sq_txn_take_back(t);
    else if (border)
        t->border = t->n;
    return st;
}

void
tubei_sq_txn_take_back(sq_txn *t)
{
    sq_batch *last = &t->batch[--t->n];

    tubei_resume_show(last->batch, last->hidden);
    if (t->border > t->n)
        t->border = t->n;
}

void
tubei_sq_txn_settle(sq_txn *t, size_t n, tube_outcome how)
{
    for (size_t i = 0; i < n; i++) {
        tubei_resume_show(t->batch[i].batch, t->batch[i].hidden);
        tube_settle(t->stage, &t->batch[i].batch, how);
    }
    t->n -= n;
    t->border -= n < t->border ? n : t->border;
    memmove(t->batch, t->batch + n, t->n * sizeof(*t->batch));
}

/* Which rows belong to which source. */

/* Rows [from, to) of a batch that come from one place. */
struct part {
    const tube_batch *batch;
    const resume_hidden *hidden;
    const tube_extent *extent; /* NULL: the rows before the first */
    sq_source *source;
    uint32_t from;
    uint32_t to;
};

static uint32_t
part_count(const sq_batch *b)
{
    return b->batch->n_extents + 1;
}

static struct part
part_at(sq_txn *t, const sq_batch *from, uint32_t i)
{
    const tube_batch *b = from->batch;
    struct part p = { .batch = b,
                      .hidden = from->hidden,
                      .to = i < b->n_extents ? b->extents[i].first_row : b->n };

    p.source = &t->stream;
    if (i == 0)
        return p;
    p.extent = &b->extents[i - 1];
    p.from = p.extent->first_row;
    if (p.extent->origin < t->n_sources)
        p.source = &t->source[p.extent->origin];
    return p;
}

static uint64_t
count_live(const struct part *p)
{
    return tubei_resume_live(p->batch, p->from, p->to);
}

/* A reject of the part that is to be stored. */
static bool
is_refused(const struct part *p, const tube_rejected *r)
{
    return r->row >= p->from && r->row < p->to
           && !tubei_resume_is_hidden(p->hidden, r->row);
}

static uint64_t
count_rejected(const struct part *p)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < p->batch->n_rejected; i++)
        n += is_refused(p, &p->batch->rejected[i]);
    return n;
}

static sq_move *
move_of(sq_txn *t, sq_source *src)
{
    if (src->move != 0)
        return &t->move[src->move - 1];
    if (t->n_moves == t->moves_room) {
        size_t room = t->moves_room == 0 ? 16 : t->moves_room * 2;
        sq_move *more = reallocarray(t->move, room, sizeof(*more));

        if (more == NULL)
            return NULL;
        t->move = more;
        t->moves_room = room;
    }
    t->move[t->n_moves++] =
        (sq_move){ .source = src, .lo = src->low, .hi = src->low, .line = src->line };
    src->move = (uint32_t)t->n_moves;
    return &t->move[t->n_moves - 1];
}

/* Of what has no position, the records are counted. */
static tube_status
add_stream_part(sq_txn *t, const struct part *p, tube_error *err)
{
    uint64_t records = count_live(p) + count_rejected(p);
    sq_move *m = records > 0 ? move_of(t, &t->stream) : NULL;

    if (m != NULL)
        m->hi += records;
    return m != NULL || records == 0 ? TUBE_OK
                                     : tube_fail(err, TUBE_ENOMEM, "out of memory");
}

/* An extent without bytes says where its rows come from, but moves nothing: something
 * must move, or nobody could tell what became of a commit. */
static tube_status
add_part(sq_txn *t, const struct part *p, tube_error *err)
{
    const tube_extent *e = p->extent;
    sq_move *m;

    if (e == NULL || p->source->stream || e->hi == e->lo || e->hi <= p->source->low)
        return add_stream_part(t, p, err);
    m = move_of(t, p->source);
    if (m == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    m->hi = e->hi;
    m->line = e->line + e->lines;
    return TUBE_OK;
}

static void
forget_moves(sq_txn *t)
{
    for (size_t i = 0; i < t->n_moves; i++)
        t->move[i].source->move = 0;
    t->n_moves = 0;
}

static tube_status
collect_moves(sq_txn *t, tube_error *err)
{
    tube_status st = TUBE_OK;

    forget_moves(t);
    for (size_t i = 0; i < t->tx; i++)
        for (uint32_t k = 0; st == TUBE_OK && k < part_count(&t->batch[i]); k++) {
            struct part p = part_at(t, &t->batch[i], k);

            st = add_part(t, &p, err);
        }
    return st;
}

/* The steps of a transaction. */

static outcome
fenced(const sq_txn *t, const sq_move *m, tube_error *err)
{
    const char *name = "-";

    if (!m->source->stream)
        name = tube_origin_name(t->stage, (uint32_t)(m->source - t->source));
    (void)tube_fail(err, TUBE_EFENCED,
                    "another process has loaded %s into table '%s' meanwhile", name,
                    t->table.name);
    return STOPPED;
}

/* What a failed step means; the error is written while the library still has it. */
static outcome
outcome_of(sq_txn *t, sq_result rc, tube_error *err)
{
    switch (rc) {
    case SQ_BUSY: return WAIT;
    case SQ_LATER:
        t->full = tubei_sq_is_full(t->db);
        (void)tubei_sq_fail(t->db, t->path, err);
        return REOPEN;
    case SQ_REFUSED:
        if (!tubei_sq_in_transaction(t->db))
            return AGAIN;
        break;
    case SQ_DONE:
    case SQ_ROW:
    case SQ_FAILED: break;
    }
    (void)tubei_sq_fail(t->db, t->path, err);
    return STOPPED;
}

static outcome
move_all(sq_txn *t, tube_error *err)
{
    for (size_t i = 0; i < t->n_moves; i++) {
        bool moved = false;
        sq_result rc =
            tubei_sq_progress_move(&t->progress, t->table.token, &t->move[i], &moved);

        if (rc != SQ_DONE)
            return outcome_of(t, rc, err);
        if (!moved)
            return fenced(t, &t->move[i], err);
    }
    return COMMITTED;
}

static outcome
insert_all(sq_txn *t, tube_error *err)
{
    for (size_t i = 0; i < t->tx; i++) {
        sq_result rc;

        if (tube_aborted(t->stage)) {
            (void)tube_fail(err, TUBE_ECANCELED, "aborted");
            return STOPPED;
        }
        rc = tubei_sq_rows_insert(&t->rows, t->stage, t->batch[i].batch);
        if (rc == SQ_REFUSED)
            t->table.has_triggers = true;
        if (rc != SQ_DONE)
            return outcome_of(t, rc, err);
    }
    return COMMITTED;
}

static sq_result
store_rejects(sq_txn *t, const struct part *p)
{
    const tube_batch *b = p->batch;
    sq_result rc = SQ_DONE;

    for (uint32_t i = 0; rc == SQ_DONE && i < b->n_rejected; i++) {
        const tube_rejected *r = &b->rejected[i];
        uint64_t line = 0;

        if (!is_refused(p, r))
            continue;
        if (p->extent != NULL && b->offset != NULL) /* else rows are no lines */
            line = p->extent->line + (r->row - p->from) + 1;
        rc = tubei_sq_progress_reject(&t->progress, p->source, b, r, line);
    }
    return rc;
}

/* Rejects, and how many rows of each source there were. */
static outcome
account_all(sq_txn *t, tube_error *err)
{
    bool keep = !tube_rejects_elsewhere(t->stage);
    sq_result rc = SQ_DONE;

    for (size_t i = 0; i < t->n_moves; i++)
        t->move[i].rows = t->move[i].rejects = 0;
    for (size_t i = 0; i < t->tx; i++)
        for (uint32_t k = 0; rc == SQ_DONE && k < part_count(&t->batch[i]); k++) {
            struct part p = part_at(t, &t->batch[i], k);

            if (p.source->move != 0) {
                t->move[p.source->move - 1].rows += count_live(&p);
                t->move[p.source->move - 1].rejects += count_rejected(&p);
            }
            if (keep)
                rc = store_rejects(t, &p);
        }
    for (size_t i = 0; rc == SQ_DONE && i < t->n_moves; i++)
        rc = tubei_sq_progress_count(&t->progress, &t->move[i]);
    return rc == SQ_DONE ? COMMITTED : outcome_of(t, rc, err);
}

static outcome
end_it(sq_txn *t, tube_error *err)
{
    sq_result rc;

    for (size_t i = 0; i < t->tx; i++)
        tube_publish_rejects(t->stage, t->batch[i].batch);
    /* Too many rejects may have ended the run. */
    if (tube_aborted(t->stage)) {
        (void)tube_fail(err, TUBE_ECANCELED, "aborted");
        return STOPPED;
    }
    do
        rc = tubei_sq_exec(t->db, "COMMIT");
    while (rc == SQ_BUSY && !tube_aborted(t->stage));
    if (rc == SQ_DONE)
        return COMMITTED;
    return rc == SQ_LATER ? outcome_of(t, rc, err) : outcome_of(t, SQ_FAILED, err);
}

static outcome
try_once(sq_txn *t, tube_error *err)
{
    sq_result rc = tubei_sq_exec(t->db, "BEGIN IMMEDIATE");
    outcome o = rc == SQ_DONE ? move_all(t, err) : outcome_of(t, rc, err);

    if (o == COMMITTED)
        o = insert_all(t, err);
    if (o == COMMITTED)
        o = account_all(t, err);
    if (o == COMMITTED)
        o = end_it(t, err);
    if (o != COMMITTED && tubei_sq_in_transaction(t->db))
        (void)tubei_sq_exec(t->db, "ROLLBACK");
    return o;
}

/* Waiting and coming back. */

/* False: the pipeline was aborted meanwhile. */
static bool
pause_for(const sq_txn *t, unsigned ms)
{
    for (unsigned done = 0; done < ms; done += SLICE_MS) {
        struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };

        if (tube_aborted(t->stage))
            return false;
        while (nanosleep(&slice, &slice) != 0 && errno == EINTR)
            continue;
    }
    return !tube_aborted(t->stage);
}

static tube_status
wait_for_lock(sq_txn *t, tube_error *err)
{
    if (++t->looks == LOOKS && !t->warned) {
        tube_warn(t->stage, "%s is locked by another process, waiting", t->path);
        t->warned = true;
    }
    /* The library has waited already; this is for locks that it does not wait for. */
    return pause_for(t, SLICE_MS) ? TUBE_OK : tube_fail(err, TUBE_ECANCELED, "aborted");
}

/* Open the file anew and ask what became of the transaction. */
static outcome
reopen(sq_txn *t, tube_error *err)
{
    sq_verdict verdict;

    tubei_sq_txn_detach(t);
    if (!pause_for(t, t->tries++ == 0 ? FIRST_MS : PAUSE_MS)) {
        (void)tube_fail(err, TUBE_ECANCELED, "aborted");
        return STOPPED;
    }
    if (tubei_sq_txn_attach(t, err) != TUBE_OK)
        return REOPEN;
    tubei_sq_patience(t->db, SHORT_MS);
    if (tubei_sq_progress_ask(&t->progress, t->move, t->n_moves, &verdict) != SQ_DONE)
        return REOPEN;
    switch (verdict) {
    case SQ_COMMITTED: return COMMITTED;
    case SQ_OPEN: return AGAIN;
    case SQ_MOVED:
    default: return fenced(t, &t->move[0], err);
    }
}

/* Until it is known what became of it. */
static outcome
recover(sq_txn *t, tube_error *err)
{
    outcome o = REOPEN;

    if (!t->warned && err != NULL)
        tube_warn(t->stage, "%s, trying again", err->message);
    t->warned = true;
    while (o == REOPEN) {
        if (!t->full && t->tries > TRIES)
            return STOPPED;
        o = reopen(t, err);
    }
    return o;
}

static void
committed(sq_txn *t)
{
    for (size_t i = 0; i < t->n_moves; i++) {
        sq_source *src = t->move[i].source;

        src->low = t->move[i].hi;
        src->line = t->move[i].line;
        src->begun = true;
    }
    t->looks = 0;
    t->tries = 0;
    t->warned = false;
}

/* After a trigger has ended a transaction: from now on one row at a time. */
static outcome
look_closer(sq_txn *t, tube_error *err)
{
    sq_result rc;

    tubei_sq_rows_detach(&t->rows);
    rc = tubei_sq_rows_attach(&t->rows, t->db, &t->table);
    return rc == SQ_DONE ? AGAIN : outcome_of(t, rc, err);
}

tube_status
tubei_sq_txn_commit(sq_txn *t, size_t n, tube_error *err)
{
    tube_error own = { 0 };
    tube_status st;
    outcome o;

    t->tx = n;
    st = collect_moves(t, &own);
    o = st == TUBE_OK ? AGAIN : STOPPED;

    /* Nothing is to be stored or refused, and no position moves. */
    if (st == TUBE_OK && t->n_moves == 0)
        o = COMMITTED;
    if (t->db != NULL)
        tubei_sq_patience(t->db, SHORT_MS);
    while (o != COMMITTED && o != STOPPED) {
        if (o == WAIT && wait_for_lock(t, &own) != TUBE_OK)
            break;
        o = o == REOPEN ? recover(t, &own) : try_once(t, &own);
        if (o == AGAIN && t->table.has_triggers && t->rows.save == NULL)
            o = look_closer(t, &own);
    }
    if (o == COMMITTED)
        committed(t);
    forget_moves(t);
    if (o != COMMITTED && err != NULL)
        *err = own;
    return o == COMMITTED ? TUBE_OK : own.status;
}
