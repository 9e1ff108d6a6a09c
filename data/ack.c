/* SPDX-License-Identifier: MIT */
/* ack.c -- see ack.h. */
#include "ack.h"

#include "../engine/check.h"

#include <stdlib.h>
#include <time.h>

enum {
    AGE_SHIFT = 28, /* log2 of the ns of an age */
    STORE_MOST = 64,
};

_Thread_local tubei_ack_store *tubei_acks_here;
static _Thread_local uint32_t own_stripe; /* from 1; 0: not chosen yet */
static _Atomic uint32_t stripes_given;

struct tubei_ack {
    struct tubei_ack *next; /* in a store */
    _Atomic uint32_t refs;
    uint64_t born;           /* ns, coarse */
    _Atomic int64_t rows;    /* made, less those that became others */
    _Atomic int64_t settled; /* of them */
    tubei_totals *totals;
};

static tubei_stripe *
mine(tubei_totals *t)
{
    if (own_stripe == 0)
        own_stripe =
            1
            + atomic_fetch_add_explicit(&stripes_given, 1, memory_order_relaxed)
                  % TUBEI_STRIPES;
    return &t->stripe[own_stripe - 1];
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

static void
add(_Atomic uint64_t *to, uint64_t n)
{
    if (n != 0)
        atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

void
tubei_ack_rows(tubei_ack *a, int64_t rows)
{
    atomic_fetch_add_explicit(&a->rows, rows, memory_order_relaxed);
    add(&mine(a->totals)->read, (uint64_t)rows);
    add(&mine(a->totals)->in_flight, (uint64_t)rows);
}

static void
note_latency(tubei_totals *t, uint64_t ns)
{
    uint64_t most = atomic_load_explicit(&t->latency_max_ns, memory_order_relaxed);

    add(&mine(t)->settled, 1);
    add(&mine(t)->latency_ns, ns);
    while (ns > most
           && !atomic_compare_exchange_weak_explicit(&t->latency_max_ns, &most, ns,
                                                     memory_order_relaxed,
                                                     memory_order_relaxed)) {
    }
}

static void
complete(tubei_ack *a)
{
    tubei_totals *t = a->totals;
    int64_t n = atomic_load_explicit(&a->settled, memory_order_relaxed);

    tubei_check(n == atomic_load_explicit(&a->rows, memory_order_relaxed)); /* A1 */
    add(&mine(t)->released, (uint64_t)n);
    note_latency(t, coarse_now() - a->born);
    atomic_fetch_sub_explicit(&t->born[age_of(a->born)], 1, memory_order_relaxed);
    ack_give(a);
}

void
tubei_ack_settle(tubei_ack *a, const tubei_settled *s)
{
    tubei_stripe *t = mine(a->totals);
    uint64_t n = s->committed + s->filtered + s->rejected + s->dropped + s->broken;

    add(&t->committed, s->committed);
    add(&t->filtered, s->filtered);
    add(&t->rejected, s->rejected);
    add(&t->dropped, s->dropped);
    add(&t->broken, s->broken);
    add(&t->in_flight, (uint64_t)0 - n);
    atomic_fetch_add_explicit(&a->settled, (int64_t)n, memory_order_relaxed);
    /* [A1] acq_rel: the last one sees every other's counts, released by the same word */
    if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
        complete(a);
}
