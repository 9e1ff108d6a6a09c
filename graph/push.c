/* SPDX-License-Identifier: MIT */
/* push.c -- records from the program, by an input of a fan-in.
 *
 * A record goes into the batch at hand; that is sent when it is full or when the queue
 * is empty, and a consumer that finds the queue empty comes and takes it: a record
 * waits for others only while the consumer is busy.  The inlet's lock makes its
 * programs, a flush and that consumer one producer (edge.h).
 */
#include "../engine/park.h"
#include "inlet.h"

#include <string.h>

enum { INLET_ROWS = 256, LOOK_NS = 10 * 1000 * 1000 };

bool
tubei_inlet_send(tube_inlet *in)
{
    tubei_batch *b = in->open;

    if (b == NULL || in->edge->stopping || in->edge->stopped)
        return false;
    in->open = NULL;
    b->ack = tubei_ack_new(&in->pipeline->totals);
    if (b->ack == NULL) {
        in->open = b; /* later, perhaps */
        return false;
    }
    tubei_ack_rows(b->ack, (int64_t)tubei_batch_rows(b));
    (void)tubei_edge_push(in->edge, &b);
    return true;
}

/* Text has to live as long as the batch. */
static bool
copy_row(tube_inlet *in, tube_cell *to, const tube_cell *from)
{
    for (uint32_t f = 0; f < in->open->pub.width; f++) {
        tube_type type = tube_schema_column(in->schema, (tube_field)f)->type;
        char *text;

        to[f] = from[f];
        if (!from[f].set
            || (type != TUBE_TEXT && type != TUBE_BYTES && type != TUBE_JSON))
            continue;
        text = tube_batch_alloc(&in->open->pub, from[f].len);
        if (text == NULL)
            return false;
        memcpy(text, from[f].text, from[f].len);
        to[f].text = text;
    }
    return true;
}

/* Under the lock: a batch to put a record into; else why not. */
static tube_status
have_batch(tube_inlet *in)
{
    if (in->open != NULL && in->open->pub.n < in->open->pub.cap)
        return TUBE_OK;
    if (!tubei_edge_room(in->edge))
        return TUBE_AGAIN;
    if (in->open != NULL)
        (void)tubei_inlet_send(in);
    if (!tubei_memory_has(in->pipeline->memory))
        return TUBE_AGAIN;
    in->open = tubei_batch_new(in->pipeline->memory, in->schema, in->rows, false, NULL);
    if (in->rows < INLET_ROWS)
        in->rows *= 2;
    return in->open != NULL ? TUBE_OK : TUBE_AGAIN;
}

/* Under the lock: `f` asks about the record that was put in last. */
static tube_status
ask(tube_inlet *in, tube_future *f)
{
    tubei_batch *b = in->open;

    return f != NULL ? tubei_asks_put(b, &in->pipeline->asking, b->pub.n - 1, f)
                     : TUBE_OK;
}

static bool
may_ask(const tube_pipeline *p)
{
    uint64_t bound = atomic_load_explicit(&p->asking.bound, memory_order_relaxed);

    return bound == 0
           || atomic_load_explicit(&p->asking.open, memory_order_relaxed) < bound;
}

/* Under the lock. */
static tube_status
push(tube_inlet *in, const tube_cell *row, tube_future *f)
{
    tube_status st;

    if (in->edge == NULL || in->stopped
        || tubei_edge_closed(in->edge) != TUBE_STOP_NONE)
        return TUBE_END;
    if (f != NULL && !may_ask(in->pipeline))
        return TUBE_AGAIN;
    st = have_batch(in);
    if (st != TUBE_OK)
        return st;
    if (!copy_row(in, tube_batch_add(&in->open->pub), row))
        st = TUBE_AGAIN;
    else
        st = ask(in, f);
    if (st != TUBE_OK) {
        tubei_batch_take_back(in->open);
        return st == TUBE_EINVAL ? st : TUBE_AGAIN;
    }
    in->pushed++;
    if (!tubei_edge_busy(in->edge))
        (void)tubei_inlet_send(in);
    return TUBE_OK;
}

tube_status
tube_push(tube_inlet *in, const tube_cell *row, tube_future *f)
{
    tube_status st;

    if (tubei_is_away(in->home))
        return TUBE_EFORK;
    pthread_mutex_lock(&in->lock);
    st = push(in, row, f);
    pthread_mutex_unlock(&in->lock);
    return st;
}

tube_status
tube_push_line(tube_inlet *in, const char *line, size_t len, tube_future *f)
{
    tube_cell cell = { 0 };

    if (!in->lines || len > UINT32_MAX)
        return TUBE_EINVAL;
    tube_set_text(&cell, line, len);
    return tube_push(in, &cell, f);
}

void
tubei_inlet_room(tube_inlet *in)
{
    /* [I1] pairs with [I2]: who counts itself first sees the new number, or is woken */
    atomic_fetch_add_explicit(&in->room, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&in->waiting, memory_order_seq_cst) > 0)
        tubei_word_wake(&in->room);
}

tube_status
tube_push_within(tube_inlet *in, const tube_cell *row, tube_future *f,
                 uint64_t timeout_ns)
{
    uint64_t now = tube_now();
    uint64_t until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
    tube_status st = tube_push(in, row, f);

    if (st != TUBE_AGAIN)
        return st;
    atomic_fetch_add_explicit(&in->waiting, 1, memory_order_seq_cst); /* [I2] */
    for (;;) {
        uint64_t room = atomic_load_explicit(&in->room, memory_order_seq_cst);
        uint64_t look;

        st = tube_push(in, row, f);
        now = tube_now();
        if (st != TUBE_AGAIN || now >= until)
            break;
        look = now + LOOK_NS; /* memory, and the bound, come back without a word */
        (void)tubei_word_wait(&in->room, (uint32_t)room, look < until ? look : until);
    }
    atomic_fetch_sub_explicit(&in->waiting, 1, memory_order_relaxed);
    return st == TUBE_AGAIN ? TUBE_ETIME : st;
}

/* Futures. */

void
tube_bound(tube_pipeline *p, uint64_t n)
{
    atomic_store_explicit(&p->asking.bound, n, memory_order_relaxed);
}

uint64_t
tube_outstanding(const tube_pipeline *p)
{
    return atomic_load_explicit(&p->asking.open, memory_order_relaxed);
}

static tube_outcome
reason(tube_pipeline *p, const tube_future *f, tube_error *err)
{
    tube_outcome outcome = tube_future_look(f);

    *err = (tube_error){ 0 };
    if (outcome != 0)
        (void)tubei_asking_reason(&p->asking, tubei_future_reason(f), err);
    return outcome;
}

tube_outcome
tube_future_reason(const tube_pipeline *p, const tube_future *f, tube_error *err)
{
    return reason((tube_pipeline *)(uintptr_t)p, f, err); /* for its lock */
}

tube_outcome
tube_ask_reason(tube_stage *s, const tube_future *f, tube_error *err)
{
    return reason(s->pipeline, f, err);
}
