/* SPDX-License-Identifier: MIT */
/* edge.c -- see edge.h. */
#include "edge.h"

#include "check.h"
#include "stage.h"

#include <stddef.h>
#include <stdlib.h>

/* In the ring the token is this address; batches are other addresses. */
static char stop_token;

tubei_edge *
tubei_edge_new(uint32_t depth)
{
    tubei_edge *e = calloc(1, sizeof(*e));
    uint32_t slots = 8;

    if (e == NULL)
        return NULL;
    while (slots < depth * 4)
        slots *= 2;
    e->ring = tubei_ring_new(slots);
    if (e->ring == NULL) {
        free(e);
        return NULL;
    }
    e->most = slots / 2; /* E1 */
    e->weight = 1;
    atomic_init(&e->depth, depth);
    atomic_init(&e->rows_limit, UINT64_MAX);
    atomic_init(&e->bytes_limit, UINT64_MAX);
    return e;
}

void
tubei_edge_free(tubei_edge *e)
{
    if (e == NULL)
        return;
    tubei_check(e->spill == NULL && e->back == NULL);
    tubei_ring_free(e->ring);
    tubei_reason_fini(&e->reason);
    tubei_reason_fini(&e->why);
    free(e);
}

static uint64_t
get(const _Atomic uint64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* Rows and bytes inside, as the producer sees them: the truth or more. */
static bool
within_limits(const tubei_edge *e)
{
    uint64_t inside = get(&e->rows) - get(&e->rows_taken);
    uint64_t reserved = get(&e->reserved);

    /* an empty queue takes what it was all reserved for */
    return (inside == 0 || inside + reserved < get(&e->rows_limit))
           && get(&e->bytes) - get(&e->bytes_taken) < get(&e->bytes_limit);
}

static bool
has_room(const tubei_edge *e)
{
    uint32_t n = tubei_ring_count(e->ring);
    uint32_t marks = atomic_load_explicit(&e->marks, memory_order_relaxed);

    return n < e->most /* E1 */
           && n < atomic_load_explicit(&e->depth, memory_order_relaxed) + marks
           && (!atomic_load_explicit(&e->limited, memory_order_relaxed)
               || within_limits(e));
}

/* Reserved rows have come: they count by themselves from now on. */
static void
unreserve(tubei_edge *e, uint64_t rows)
{
    uint64_t left = get(&e->reserved);

    while (left > 0
           && !atomic_compare_exchange_weak_explicit(
               &e->reserved, &left, left > rows ? left - rows : 0, memory_order_relaxed,
               memory_order_relaxed)) {
    }
}

static void
ring_push(tubei_edge *e, tubei_batch *b)
{
    uint32_t n;

    if (b->pub.schema != NULL)
        tubei_count(&e->rows, tube_batch_count(&b->pub));
    tubei_count(&e->batches, b->mark == NULL);
    if (atomic_load_explicit(&e->limited, memory_order_relaxed)) {
        unreserve(e, tube_batch_count(&b->pub));
        b->weighed = tube_batch_bytes(&b->pub);
        tubei_count(&e->bytes, b->weighed);
    }
    if (b->mark != NULL)
        atomic_fetch_add_explicit(&e->marks, 1, memory_order_relaxed);
    tubei_check(tubei_ring_push(e->ring, b)); /* E1 */
    n = tubei_ring_count(e->ring);
    if (n > atomic_load_explicit(&e->high, memory_order_relaxed))
        atomic_store_explicit(&e->high, n, memory_order_relaxed);
}

bool
tubei_edge_push(tubei_edge *e, tubei_batch **b)
{
    tubei_check(!e->stopping && !e->stopped); /* E4 */
    if (e->spill == NULL && has_room(e)) {
        ring_push(e, *b);
        *b = NULL;
        tubei_stage_notify(e->to);
        return has_room(e);
    }
    tubei_count(&e->overshoot, 1);
    (*b)->next = NULL;
    if (e->spill == NULL)
        e->spill = *b;
    else
        e->spill_last->next = *b;
    e->spill_last = *b;
    *b = NULL;
    return false;
}

static void
token_push(tubei_edge *e)
{
    tubei_check(tubei_ring_push(e->ring, &stop_token)); /* E1 */
    e->stopping = false;
    e->stopped = true;
    tubei_stage_notify(e->to);
}

void
tubei_edge_stop(tubei_edge *e, const tubei_reason *reason)
{
    tubei_check(!e->stopping && !e->stopped); /* E4 */
    tubei_reason_merge(&e->reason, reason);
    if (e->spill == NULL)
        token_push(e);
    else
        e->stopping = true;
}

/* Into the ring as much as there is room for; true: the spill list is empty. */
static bool
spill_move(tubei_edge *e)
{
    bool moved = false;

    while (e->spill != NULL && has_room(e)) {
        tubei_batch *b = e->spill;

        e->spill = b->next;
        b->next = NULL;
        ring_push(e, b);
        moved = true;
    }
    if (moved)
        tubei_stage_notify(e->to);
    if (e->spill != NULL)
        return false;
    if (e->stopping)
        token_push(e);
    return true;
}

bool
tubei_edge_room(tubei_edge *e)
{
    if (spill_move(e) && has_room(e))
        return true;
    /* [E1] an RMW, and a second look behind it: a pop between the first look and
     * the announcement told nobody (E5) */
    if (atomic_exchange_explicit(&e->want, 1, memory_order_seq_cst) == 0)
        tubei_count(&e->full, 1);
    return spill_move(e) && has_room(e);
}

/* What was given back comes first. */
static tubei_item
back_pop(tubei_edge *e, tubei_batch **b)
{
    *b = e->back;
    if (*b == NULL) {
        e->back_stop = false;
        return TUBEI_STOP;
    }
    e->back = (*b)->next;
    (*b)->next = NULL;
    return (*b)->mark != NULL ? TUBEI_MARK : TUBEI_BATCH;
}

tubei_item
tubei_edge_pop(tubei_edge *e, tubei_batch **b)
{
    void *item;

    if (e->back != NULL || e->back_stop)
        return back_pop(e, b);
    if (!tubei_ring_pop(e->ring, &item))
        return TUBEI_NONE;
    if (item == &stop_token)
        return TUBEI_STOP;
    *b = item;
    if ((*b)->pub.schema != NULL)
        tubei_count(&e->rows_taken, tube_batch_count(&(*b)->pub));
    tubei_count(&e->bytes_taken, (*b)->weighed);
    (*b)->weighed = 0;
    if ((*b)->mark != NULL)
        atomic_fetch_sub_explicit(&e->marks, 1, memory_order_relaxed);
    if (atomic_load_explicit(&e->limited, memory_order_relaxed))
        tubei_edge_drained(
            e); /* room by rows or bytes may come long before it is empty */
    return (*b)->mark != NULL ? TUBEI_MARK : TUBEI_BATCH;
}

bool
tubei_edge_at_mark(const tubei_edge *e)
{
    const tubei_batch *b = e->back;

    if (b == NULL && !e->back_stop)
        b = tubei_ring_peek(e->ring);
    return b != NULL && (const void *)b != (const void *)&stop_token && b->mark != NULL;
}

bool
tubei_edge_ready(const tubei_edge *e)
{
    return e->back != NULL || e->back_stop || tubei_ring_count(e->ring) > 0;
}

bool
tubei_edge_busy(const tubei_edge *e)
{
    return e->spill != NULL || tubei_ring_count(e->ring) > 0;
}

void
tubei_edge_drained(tubei_edge *e)
{
    /* [E2] pairs with [E1]: always an RMW, so that one of the two sees the other */
    if (atomic_exchange_explicit(&e->want, 0, memory_order_seq_cst) != 0
        && e->from != NULL)
        tubei_stage_notify(e->from);
}

void
tubei_edge_close(tubei_edge *e, tube_stop kind, const tubei_reason *why)
{
    if (tubei_edge_closed(e) != TUBE_STOP_NONE) /* E6 */
        return;
    tubei_reason_merge(&e->why, why);
    /* [E3] releases `why`; the notify() behind it brings it to the producer */
    atomic_store_explicit(&e->closed, kind, memory_order_release);
    if (e->from != NULL)
        tubei_stage_notify(e->from);
}

tube_stop
tubei_edge_closed(const tubei_edge *e)
{
    return (tube_stop)atomic_load_explicit(&e->closed, memory_order_acquire); /* [E4] */
}
