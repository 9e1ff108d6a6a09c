/* SPDX-License-Identifier: MIT */
/* future.c -- see future.h and <tubes/push.h>.
 *
 * One word says all: outcome so far (4 bits), flags (4), parts that are open (24), and in
 * its upper half the number of a reason.  Who sleeps, sleeps on its lower half.
 */
#include "future.h"

#include "../engine/check.h"
#include "../engine/park.h"

#include <tubes/stage.h>

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>

enum {
    OUTCOME = 0xf,
    DONE = 1 << 4,
    WAITED = 1 << 5,    /* somebody sleeps on it */
    CANCELLED = 1 << 6, /* nobody is to be called */
    PART = 1 << 8,
    REASON_SHIFT = 32,
};

static_assert(sizeof(tube_future) == 24 || sizeof(void *) != 8, "as it is promised");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "its lower half comes first");

static _Atomic uint64_t *
word_of(const tube_future *f)
{
    return (_Atomic uint64_t *)(uintptr_t)&f->word;
}

tube_outcome
tubei_outcome_worse(tube_outcome a, tube_outcome b)
{
    static const unsigned char rank[] = {
        [0] = 0,
        [TUBE_FILTERED] = 1,
        [TUBE_COMMITTED] = 2,
        [TUBE_DROPPED] = 3,
        [TUBE_REJECTED] = 4,
        [TUBE_BROKEN] = 5,
        [TUBE_UNKNOWN] = 6,
    };

    return rank[b] > rank[a] ? b : a;
}

void
tube_future_init(tube_future *f, const tube_then *then)
{
    *f = (tube_future){ .then = then };
}

bool
tubei_future_begin(tube_future *f)
{
    uint64_t word = atomic_load_explicit(word_of(f), memory_order_relaxed);

    if ((uint32_t)word >= PART || (word & DONE) != 0)
        return false;
    /* somebody may wait for it already, or have called it off: the flags stay */
    atomic_fetch_add_explicit(word_of(f), PART, memory_order_relaxed);
    return true;
}

void
tubei_future_share(tube_future *f)
{
    atomic_fetch_add_explicit(word_of(f), PART, memory_order_relaxed);
}

bool
tubei_future_part(tube_future *f, tube_outcome outcome, uint32_t reason)
{
    const tube_then *then = f->then; /* U2 */
    uint64_t was = atomic_load_explicit(word_of(f), memory_order_relaxed);
    uint64_t is;

    do {
        tube_outcome so_far = (tube_outcome)(was & OUTCOME);

        tubei_check((uint32_t)was >= PART && (was & DONE) == 0); /* U1 */
        is = was - PART;
        if (tubei_outcome_worse(so_far, outcome) != so_far)
            is = (uint32_t)(is & ~(uint64_t)OUTCOME) | (unsigned)outcome
                 | (uint64_t)reason << REASON_SHIFT;
        if ((uint32_t)is < PART)
            is |= (is & OUTCOME) == 0 ? DONE | TUBE_FILTERED : DONE;
        /* [U1] releases what became of the record; acquires the other parts' ends */
    } while (!atomic_compare_exchange_weak_explicit(
        word_of(f), &was, is, memory_order_acq_rel, memory_order_relaxed));
    if ((is & DONE) == 0)
        return false;
    if ((was & WAITED) != 0)
        tubei_word_wake(word_of(f));
    if (then == NULL || then->fn == NULL || (was & CANCELLED) != 0)
        return true;
    if (then->loop != NULL)
        tubei_loop_add(then->loop, f);
    else
        then->fn(f);
    return true;
}

tube_outcome
tube_future_look(const tube_future *f)
{
    uint64_t word = atomic_load_explicit(word_of(f), memory_order_acquire); /* [U1] */

    return (word & DONE) != 0 ? (tube_outcome)(word & OUTCOME) : (tube_outcome)0;
}

uint32_t
tubei_future_reason(const tube_future *f)
{
    return (uint32_t)(atomic_load_explicit(word_of(f), memory_order_acquire)
                      >> REASON_SHIFT);
}

tube_status
tube_future_wait(tube_future *f, uint64_t timeout_ns)
{
    uint64_t now = tube_now();
    uint64_t until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;

    for (;;) {
        uint64_t word =
            atomic_fetch_or_explicit(word_of(f), WAITED, memory_order_acq_rel);

        if ((word & DONE) != 0)
            return TUBE_OK;
        if (timeout_ns == 0
            || !tubei_word_wait(word_of(f), (uint32_t)(word | WAITED), until))
            return tube_future_look(f) != 0 ? TUBE_OK : TUBE_ETIME;
    }
}

bool
tube_future_cancel(tube_future *f)
{
    return (atomic_fetch_or_explicit(word_of(f), CANCELLED, memory_order_acq_rel)
            & DONE)
           == 0;
}

/* Several at once. */

static void
part_done(tube_future *f)
{
    tube_all *all = TUBE_HOST_OF((uintptr_t)f->then, tube_all, part);

    (void)tubei_future_part(&all->done, tube_future_look(f), tubei_future_reason(f));
}

void
tube_all_init(tube_all *all, uint32_t n, const tube_then *then)
{
    *all = (tube_all){ .part = { .fn = part_done } };
    tube_future_init(&all->done, then);
    (void)tubei_future_begin(&all->done);
    for (uint32_t i = 0; i < n; i++)
        tubei_future_share(&all->done);
    (void)tubei_future_part(&all->done, n == 0 ? TUBE_COMMITTED : (tube_outcome)0, 0);
}

void
tube_all_without(tube_all *all, tube_outcome outcome)
{
    (void)tubei_future_part(&all->done, outcome, 0);
}
