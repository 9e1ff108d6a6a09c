/* SPDX-License-Identifier: MIT */
/* edge.c -- see edge.h. */
#include "edge.h"

#include "check.h"
#include "stage.h"

#include <stddef.h>

/* In the ring the token is this address; batches are other addresses. */
static char stop_token;

bool
tubei_edge_init(tubei_edge *e, uint32_t depth, struct tube_stage *from,
                struct tube_stage *to)
{
    *e = (tubei_edge){ .depth = depth, .from = from, .to = to };
    e->ring = tubei_ring_new(depth * 2); /* holds 2 * depth - 1 > depth: E1 */
    return e->ring != NULL;
}

void
tubei_edge_fini(tubei_edge *e)
{
    tubei_ring_free(e->ring);
    e->ring = NULL;
}

static bool
has_room(const tubei_edge *e)
{
    return tubei_ring_count(e->ring) < e->depth;
}

static void
ring_push(tubei_edge *e, tubei_batch *b)
{
    uint32_t n;

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
    e->reason = *reason;
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
    (void)atomic_exchange_explicit(&e->want, 1, memory_order_seq_cst);
    return spill_move(e) && has_room(e);
}

tubei_item
tubei_edge_pop(tubei_edge *e, tubei_batch **b)
{
    void *item;

    if (!tubei_ring_pop(e->ring, &item))
        return TUBEI_NONE;
    if (item == &stop_token)
        return TUBEI_STOP;
    *b = item;
    return TUBEI_BATCH;
}

void
tubei_edge_drained(tubei_edge *e)
{
    /* [E2] pairs with [E1]: always an RMW, so that one of the two sees the other */
    if (atomic_exchange_explicit(&e->want, 0, memory_order_seq_cst) != 0)
        tubei_stage_notify(e->from);
}

void
tubei_edge_close(tubei_edge *e, tubei_kind why)
{
    uint32_t none = TUBEI_NO_KIND;

    /* [E3] the notify() behind it publishes it to the producer's next activation */
    if (atomic_compare_exchange_strong_explicit(
            &e->closed, &none, why, memory_order_release, memory_order_relaxed))
        tubei_stage_notify(e->from);
}

tubei_kind
tubei_edge_closed(const tubei_edge *e)
{
    return (tubei_kind)atomic_load_explicit(&e->closed,
                                            memory_order_acquire); /* [E4] */
}
