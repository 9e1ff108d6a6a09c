/* SPDX-License-Identifier: MIT */
/* ack.c -- see ack.h. */
#include "ack.h"

#include "../engine/check.h"

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum {
    AGE_SHIFT = 28, /* log2 of the ns of an age */
    STORE_MOST = 64,
};

_Thread_local tubei_ack_store *tubei_acks_here;

struct tubei_ack {
    struct tubei_ack *next; /* in a store */
    _Atomic uint32_t refs;
    uint64_t born;           /* ns, coarse */
    _Atomic int64_t rows;    /* made, less those that became others */
    _Atomic int64_t settled; /* of them */
    tubei_totals *totals;
    _Atomic uint32_t outcomes;                /* bit o: some row was that */
    _Atomic(struct tubei_group_asks *) asked; /* futures of the group as a whole */
};

/* Where this thread counts. */
typedef struct place {
    tubei_stripe *stripe;
    bool own; /* nobody else writes there */
} place;

static place
mine(tubei_totals *t)
{
    const tubei_ack_store *s = tubei_acks_here;

    if (s == NULL || s->totals != t || s->stripe == 0)
        return (place){ t->stripe, false };
    return (place){ &t->stripe[s->stripe], true };
}

static void
add(place at, _Atomic uint64_t *to, uint64_t n)
{
    if (n == 0)
        return;
    if (at.own)
        atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n,
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

uint64_t
tubei_totals_sum(const tubei_totals *t, size_t member)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < TUBEI_STRIPES; i++)
        sum += atomic_load_explicit(
            (const _Atomic uint64_t *)(const void *)((const char *)&t->stripe[i]
                                                     + member),
            memory_order_relaxed);
    return sum;
}

void
tubei_acks_empty(tubei_ack_store *s)
{
    while (s->head != NULL) {
        tubei_ack *a = s->head;

        s->head = a->next;
        free(a);
    }
    s->n = 0;
}

static tubei_ack *
ack_take(void)
{
    tubei_ack_store *s = tubei_acks_here;
    tubei_ack *a = s != NULL ? s->head : NULL;

    if (a == NULL)
        return malloc(sizeof(*a));
    s->head = a->next;
    s->n--;
    return a;
}

static void
ack_give(tubei_ack *a)
{
    tubei_ack_store *s = tubei_acks_here;

    if (s == NULL || s->n == STORE_MOST) {
        free(a);
        return;
    }
    a->next = s->head;
    s->head = a;
    s->n++;
}

/* A few milliseconds fine, and much cheaper than the exact one. */
static uint64_t
coarse_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t
age_of(uint64_t when)
{
    return (uint32_t)(when >> AGE_SHIFT) % TUBEI_AGES;
}

uint64_t
tubei_ack_oldest(const tubei_totals *t)
{
    uint64_t now = coarse_now();

    for (uint32_t i = TUBEI_AGES; i-- > 0;) {
        uint64_t back = (uint64_t)i << AGE_SHIFT;

        if (back <= now
            && atomic_load_explicit(&t->born[age_of(now - back)], memory_order_relaxed)
                   > 0)
            return back > 0 ? back : 1;
    }
    return 0;
}

tubei_ack *
tubei_ack_new(tubei_totals *t)
{
    tubei_ack *a = ack_take();

    if (a == NULL)
        return NULL;
    atomic_init(&a->rows, 0);
    atomic_init(&a->settled, 0);
    atomic_init(&a->refs, 1);
    atomic_init(&a->outcomes, 0);
    atomic_init(&a->asked, NULL);
    a->totals = t;
    a->born = coarse_now();
    atomic_fetch_add_explicit(&t->born[age_of(a->born)], 1, memory_order_relaxed);
    return a;
}

void
tubei_ack_ref(tubei_ack *a)
{
    atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
}

/* Whoever holds the only reference is alone with the group. */
static bool
is_alone(const tubei_ack *a)
{
    /* [A2] acquire pairs with [A1]: what those who let go did is before this */
    return atomic_load_explicit(&a->refs, memory_order_acquire) == 1;
}

static void
count_in_group(tubei_ack *a, _Atomic int64_t *to, int64_t n)
{
    if (is_alone(a))
        atomic_store_explicit(to, atomic_load_explicit(to, memory_order_relaxed) + n,
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void
tubei_ack_rows(tubei_ack *a, int64_t rows)
{
    place at = mine(a->totals);

    count_in_group(a, &a->rows, rows);
    add(at, &at.stripe->read, (uint64_t)rows);
    add(at, &at.stripe->in_flight, (uint64_t)rows);
}

static void
note_latency(tubei_totals *t, uint64_t ns)
{
    uint64_t most = atomic_load_explicit(&t->latency_max_ns, memory_order_relaxed);
    place at = mine(t);

    add(at, &at.stripe->settled, 1);
    add(at, &at.stripe->latency_ns, ns);
    while (ns > most
           && !atomic_compare_exchange_weak_explicit(&t->latency_max_ns, &most, ns,
                                                     memory_order_relaxed,
                                                     memory_order_relaxed)) {
    }
}

void
tubei_ack_asks(tubei_ack *a, struct tubei_group_asks *g, struct tubei_group_asks **next)
{
    *next = atomic_load_explicit(&a->asked, memory_order_relaxed);
    /* [A3] release; complete() is behind [A1] of the reference that the caller has */
    while (!atomic_compare_exchange_weak_explicit(
        &a->asked, next, g, memory_order_release, memory_order_relaxed)) {
    }
}

/* The worst outcome in a group. */
static tube_outcome
worst(const tubei_ack *a)
{
    uint32_t seen = atomic_load_explicit(&a->outcomes, memory_order_relaxed);

    return (seen & 1u << TUBE_BROKEN) != 0      ? TUBE_BROKEN
           : (seen & 1u << TUBE_REJECTED) != 0  ? TUBE_REJECTED
           : (seen & 1u << TUBE_DROPPED) != 0   ? TUBE_DROPPED
           : (seen & 1u << TUBE_COMMITTED) != 0 ? TUBE_COMMITTED
                                                : TUBE_FILTERED;
}

static void
note_outcome(tubei_ack *a, tube_outcome o, uint64_t n)
{
    uint32_t bit = 1u << o;

    if (n > 0 && (atomic_load_explicit(&a->outcomes, memory_order_relaxed) & bit) == 0)
        atomic_fetch_or_explicit(&a->outcomes, bit, memory_order_relaxed);
}

static void
complete(tubei_ack *a)
{
    struct tubei_group_asks *asked =
        atomic_load_explicit(&a->asked, memory_order_acquire);
    tube_outcome outcome = worst(a);
    tubei_totals *t = a->totals;
    int64_t n = atomic_load_explicit(&a->settled, memory_order_relaxed);
    place at = mine(t);

    tubei_check(n == atomic_load_explicit(&a->rows, memory_order_relaxed)); /* A1 */
    add(at, &at.stripe->released, (uint64_t)n);
    note_latency(t, coarse_now() - a->born);
    atomic_fetch_sub_explicit(&t->born[age_of(a->born)], 1, memory_order_relaxed);
    ack_give(a);
    tubei_group_asks_end(asked, outcome);
}

void
tubei_ack_settle(tubei_ack *a, const tubei_settled *s)
{
    place at = mine(a->totals);
    tubei_stripe *t = at.stripe;
    uint64_t n = s->committed + s->filtered + s->rejected + s->dropped + s->broken;

    add(at, &t->committed, s->committed);
    add(at, &t->filtered, s->filtered);
    add(at, &t->rejected, s->rejected);
    add(at, &t->dropped, s->dropped);
    add(at, &t->broken, s->broken);
    add(at, &t->in_flight, (uint64_t)0 - n);
    count_in_group(a, &a->settled, (int64_t)n);
    note_outcome(a, TUBE_COMMITTED, s->committed);
    note_outcome(a, TUBE_REJECTED, s->rejected);
    note_outcome(a, TUBE_DROPPED, s->dropped);
    note_outcome(a, TUBE_BROKEN, s->broken);
    /* [A1] acq_rel: the last one sees every other's counts, released by the same word */
    if (is_alone(a)
        || atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
        complete(a);
}
