/* SPDX-License-Identifier: MIT */
/* buffer_full.c -- see buffer_full.h.
 *
 * Rows are counted one by one, so that no more than rows= are kept.  Memory is that of
 * whole batches: it is given up when a batch has lost all of its rows.  One batch is
 * always taken, so that none is too large to get through.
 */
#include "buffer_full.h"

enum { RELIEF = 4 }; /**< memory is short: let go of that part of it */

/* Rows and memory. */

static bool
rows_fit(const buffer *bf, uint64_t rows)
{
    return bf->rows == 0 || bf->q.rows + rows <= (uint64_t)bf->rows;
}

static bool
bytes_fit(const buffer *bf, const tube_batch *b)
{
    return bf->q.rows == 0 || bf->q.bytes + tube_batch_bytes(b) <= (uint64_t)bf->bytes;
}

static bool
fits(const buffer *bf, const tube_batch *b)
{
    uint64_t rows = tube_batch_count(b);

    return rows == 0 || bf->q.rows == 0 || (rows_fit(bf, rows) && bytes_fit(bf, b));
}

/* Give up as much as can be of a batch whose rows are in the file, or gone. */
static void
strip(tube_stage *s, buffer_entry *e)
{
    if (e->batch == NULL || (e->where.size == 0 && e->batch->n_live > 0))
        return;
    if (tube_batch_spent(e->batch))
        tube_settle(s, &e->batch, TUBE_COMMITTED);
    else if (!e->stripped)
        e->stripped = tube_strip(s, &e->batch);
}

void
tubei_buffer_strip(tube_stage *s)
{
    const buffer *bf = tube_state(s);

    /* Only the last one came as process()'s, which cannot be stripped there. */
    if (bf->q.n > 0)
        strip(s, tubei_buffer_at(&bf->q, bf->q.n - 1));
}

/* Dropping. */

/* Drop the first or the last `n` live rows of a batch. */
static void
drop_rows(tube_stage *s, tube_batch *b, uint64_t n, bool first)
{
    uint64_t skip = first ? 0 : tube_batch_count(b) - n;

    TUBE_EACH(b, r) {
        if (skip > 0) {
            skip--;
            continue;
        }
        if (n-- == 0)
            break;
        tube_drop_row(s, b, r);
    }
}

void
tubei_buffer_drop(tube_stage *s, buffer_entry *e)
{
    buffer *bf = tube_state(s);

    if (bf->full == BUFFER_ROLL_UP)
        e->missed += tube_batch_count(e->batch);
    tube_drop(s, e->batch, TUBE_DROPPED);
    tubei_spill_forget(bf->spill, &e->where);
    tubei_buffer_account(&bf->q, e);
    strip(s, e);
}

void
tubei_buffer_expire(tube_stage *s, uint64_t now)
{
    const buffer *bf = tube_state(s);

    for (uint32_t i = 0; bf->age > 0 && i < bf->q.n; i++) {
        buffer_entry *e = tubei_buffer_at(&bf->q, i);

        if (now - e->since <= (uint64_t)bf->age)
            return; /* those behind it are younger */
        if (e->batch != NULL && e->batch->n_live > 0)
            tubei_buffer_drop(s, e);
    }
}

/* Of the batch that comes, keep what there is room for. */
static void
drop_newest(tube_stage *s, tube_batch *b)
{
    buffer *bf = tube_state(s);
    uint64_t rows = tube_batch_count(b);
    uint64_t left = 0;

    if (bytes_fit(bf, b) && bf->rows == 0)
        return;
    if (bytes_fit(bf, b) && bf->q.rows < (uint64_t)bf->rows)
        left = (uint64_t)bf->rows - bf->q.rows;
    if (left >= rows)
        return;
    if (bf->full == BUFFER_ROLL_UP)
        bf->missed += rows - left;
    drop_rows(s, b, rows - left, false);
}

/* Of what is inside, drop as much as room is needed for. */
static void
drop_oldest(tube_stage *s, tube_batch *b)
{
    buffer *bf = tube_state(s);

    if (bf->rows > 0 && tube_batch_count(b) > (uint64_t)bf->rows)
        drop_rows(s, b, tube_batch_count(b) - (uint64_t)bf->rows, true);
    for (uint32_t i = 0; i < bf->q.n && !fits(bf, b); i++) {
        buffer_entry *e = tubei_buffer_at(&bf->q, i);
        uint64_t over;

        if (e->rows == 0)
            continue;
        over = bf->q.rows + tube_batch_count(b) - (uint64_t)bf->rows;
        if (!bytes_fit(bf, b) || over >= e->rows) {
            tubei_buffer_drop(s, e);
            continue;
        }
        drop_rows(s, e->batch, over, true);
        tubei_buffer_account(&bf->q, e);
    }
}

static void
sift_batch(tube_stage *s, tube_batch *b)
{
    const buffer *bf = tube_state(s);

    TUBE_EACH(b, r)
        if (tubei_expr_holds(bf->expr, tube_row(b, r)))
            tube_drop_row(s, b, r);
}

static void
sift_entry(tube_stage *s, buffer_entry *e)
{
    buffer *bf = tube_state(s);

    if (e->rows == 0 || e->sifted)
        return;
    e->sifted = true;
    sift_batch(s, e->batch);
    tubei_buffer_account(&bf->q, e);
    strip(s, e);
}

/* What the condition is true for goes, the oldest first, as long as room is needed. */
static void
sift(tube_stage *s, tube_batch *b)
{
    buffer *bf = tube_state(s);

    for (uint32_t i = 0; i < bf->q.n && !fits(bf, b); i++)
        sift_entry(s, tubei_buffer_at(&bf->q, i));
    if (fits(bf, b) || bf->thinned)
        return;
    bf->thinned = true;
    sift_batch(s, b);
}

/* Keep the batch's share, once. */
static void
thin(tube_stage *s, tube_batch *b)
{
    buffer *bf = tube_state(s);

    if (bf->thinned)
        return;
    bf->thinned = true;
    TUBE_EACH(b, r) {
        bf->passed += bf->ratio.num;
        if (bf->passed >= bf->ratio.den)
            bf->passed -= bf->ratio.den;
        else
            tube_drop_row(s, b, r);
    }
}

/* Spilling. */

/* Write a batch's rows; TUBE_AGAIN: they cannot be, now. */
static tube_status
spill(tube_stage *s, const tube_batch *b, tubei_spilled *where, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_error full = { 0 };
    tube_status st;

    if (b->n_rejected > 0) /* it keeps its memory all the same */
        return TUBE_AGAIN;
    st = tubei_spill_write(bf->spill, b, where, &full);
    if (st == TUBE_AGAIN && !bf->warned) {
        bf->warned = true;
        tube_warn(s, "%s; records wait before it until there is room", full.message);
    }
    if (st < 0 && err != NULL)
        *err = full;
    return st;
}

/* All but the first, which is needed soonest. */
static tube_status
spill_inside(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_status st = TUBE_OK;

    for (uint32_t i = 1; i < bf->q.n && (st == TUBE_OK || st == TUBE_AGAIN); i++) {
        buffer_entry *e = tubei_buffer_at(&bf->q, i);

        if (e->rows == 0 || e->batch->n_rejected > 0)
            continue;
        st = spill(s, e->batch, &e->where, err);
        if (st == TUBE_AGAIN)
            return TUBE_OK;
        tubei_buffer_account(&bf->q, e);
        strip(s, e);
    }
    return st < 0 ? st : TUBE_OK;
}

/* The policies. */

tube_status
tubei_buffer_relieve(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    bool newest = bf->full == BUFFER_DROP_NEWEST || bf->full == BUFFER_ROLL_UP;
    uint64_t down_to = bf->q.bytes - bf->q.bytes / RELIEF;

    if (bf->full == BUFFER_SPILL)
        return spill_inside(s, err);
    for (uint32_t i = 0; i < bf->q.n && bf->full == BUFFER_DROP; i++)
        sift_entry(s, tubei_buffer_at(&bf->q, i));
    if (!newest && bf->full != BUFFER_DROP_OLDEST)
        return TUBE_OK;
    for (uint32_t i = 0; i < bf->q.n && bf->q.bytes > down_to; i++) {
        buffer_entry *e = tubei_buffer_at(&bf->q, newest ? bf->q.n - 1 - i : i);

        if (e->rows > 0)
            tubei_buffer_drop(s, e);
    }
    return TUBE_OK;
}

tube_status
tubei_buffer_make_room(tube_stage *s, tube_batch *b, uint64_t now, tube_error *err)
{
    buffer *bf = tube_state(s);

    if (bf->full == BUFFER_DROP_OLDEST)
        drop_oldest(s, b);
    else if (bf->full == BUFFER_DROP_NEWEST || bf->full == BUFFER_ROLL_UP)
        drop_newest(s, b);
    if (fits(bf, b))
        return TUBE_OK;
    switch ((buffer_policy)bf->full) {
    case BUFFER_BLOCK_FOR:
        if (!bf->holding || now - bf->held_since < (uint64_t)bf->wait)
            return TUBE_AGAIN;
        drop_newest(s, b);
        return TUBE_OK;
    case BUFFER_DROP: sift(s, b); break;
    case BUFFER_SAMPLE: thin(s, b); break;
    case BUFFER_SPILL: return spill(s, b, &bf->where, err);
    case BUFFER_STOP: tube_batch_cut(s, b, 0); return TUBE_END;
    default: break;
    }
    return fits(bf, b) ? TUBE_OK : TUBE_AGAIN;
}
