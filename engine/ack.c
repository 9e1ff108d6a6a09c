/* SPDX-License-Identifier: MIT */
/* ack.c -- see ack.h. */
#include "ack.h"

#include "check.h"

#include <stdlib.h>

struct tubei_ack {
    _Atomic uint32_t refs;
    _Atomic int64_t rows; /* not yet settled */
    tubei_totals *totals;
    tubei_outcomes done;
};

tubei_ack *
tubei_ack_new(tubei_totals *t)
{
    tubei_ack *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return NULL;
    atomic_init(&a->refs, 1);
    a->totals = t;
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
    add(&a->totals->read, (uint64_t)rows);
    add(&a->totals->in_flight, (uint64_t)rows);
}

static uint64_t
move(_Atomic uint64_t *to, _Atomic uint64_t *from)
{
    uint64_t n = atomic_load_explicit(from, memory_order_relaxed);

    add(to, n);
    return n;
}

static void
complete(tubei_ack *a)
{
    tubei_totals *t = a->totals;
    uint64_t n = move(&t->done.committed, &a->done.committed)
                 + move(&t->done.filtered, &a->done.filtered)
                 + move(&t->done.rejected, &a->done.rejected)
                 + move(&t->done.dropped, &a->done.dropped)
                 + move(&t->done.broken, &a->done.broken);

    tubei_check((int64_t)n
                == atomic_load_explicit(&a->rows, memory_order_relaxed)); /* A1 */
    add(&t->in_flight, (uint64_t)0 - n);
    free(a);
}

void
tubei_ack_settle(tubei_ack *a, const tubei_settled *s)
{
    add(&a->done.committed, s->committed);
    add(&a->done.filtered, s->filtered);
    add(&a->done.rejected, s->rejected);
    add(&a->done.dropped, s->dropped);
    add(&a->done.broken, s->broken);
    /* [A1] acq_rel: the last one sees every other's counts, released by the same word */
    if (atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
        complete(a);
}
