/* SPDX-License-Identifier: MIT */
/* ring.c -- see ring.h; the only file that knows Concurrency Kit.
 *
 * ThreadSanitizer cannot see ck_pr's inline assembly and reports every slot as a
 * race.  So this file alone is built with -fno-sanitize=thread (and -O2: at -O0 the
 * 8-byte memcpy in ck_ring is a call, which the sanitizer intercepts), and tells the
 * sanitizer by hand what the ring guarantees (R1).  The announcement is made on the
 * item, not on the ring: on the ring it would also hide a write after push().
 */
#include "ring.h"

#include <ck_ring.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#ifdef TUBES_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#  define HB_RELEASE(item) __tsan_release(item)
#  define HB_ACQUIRE(item) __tsan_acquire(item)
#else
#  define HB_RELEASE(item) ((void)(item))
#  define HB_ACQUIRE(item) ((void)(item))
#endif

struct tubei_ring {
    ck_ring_t ring;
    /* Each side remembers how far it has seen the other, and looks again only when that
     * is not enough: a look is a cache line that comes from another core. */
    _Alignas(CK_MD_CACHELINE) unsigned int seen_head; /* producer only */
    _Alignas(CK_MD_CACHELINE) unsigned int seen_tail; /* consumer only */
    _Alignas(CK_MD_CACHELINE) ck_ring_buffer_t slot[];
};

static_assert(sizeof(ck_ring_buffer_t) == sizeof(void *), "slots are copied in bulk");

tubei_ring *
tubei_ring_new(uint32_t slots)
{
    size_t bytes = sizeof(tubei_ring) + slots * sizeof(ck_ring_buffer_t);
    tubei_ring *r =
        aligned_alloc(CK_MD_CACHELINE, (bytes + CK_MD_CACHELINE - 1) / CK_MD_CACHELINE
                                           * CK_MD_CACHELINE);

    if (r != NULL) {
        ck_ring_init(&r->ring, slots);
        r->seen_head = r->seen_tail = 0;
    }
    return r;
}

void
tubei_ring_free(tubei_ring *r)
{
    free(r);
}

bool
tubei_ring_push(tubei_ring *r, void *item)
{
    HB_RELEASE(item); /* [R1] pairs with [R2] */
    return ck_ring_enqueue_spsc(&r->ring, r->slot, item);
}

bool
tubei_ring_pop(tubei_ring *r, void **item)
{
    if (!ck_ring_dequeue_spsc(&r->ring, r->slot, item))
        return false;
    HB_ACQUIRE(*item); /* [R2] pairs with [R1] */
    return true;
}

void *
tubei_ring_peek(const tubei_ring *r)
{
    void *item;

    if (tubei_ring_count(r) == 0)
        return NULL;
    ck_pr_fence_load(); /* [R2] as in pop() */
    item = r->slot[r->ring.c_head & r->ring.mask].value;
    HB_ACQUIRE(item);
    return item;
}

/* Room for as many as that, or all there is. */
static uint32_t
room_for(tubei_ring *r, uint32_t tail, uint32_t n)
{
    uint32_t mask = r->ring.mask;

    if (tail - r->seen_head > mask || mask - (tail - r->seen_head) < n) {
        r->seen_head = ck_pr_load_uint(&r->ring.c_head);
        /* [R3] pairs with [R6]: the slots are overwritten only after c_head said that
         * they were read; a branch is no order for stores on every machine. */
        ck_pr_fence_load_store();
    }
    return mask - (tail - r->seen_head);
}

static void
copy(void **to, void *const *from, uint32_t n)
{
#ifdef TUBES_TSAN /* it would look into memcpy(), and cannot see what orders the slots */
    void *volatile *out = to;

    for (uint32_t i = 0; i < n; i++)
        out[i] = from[i];
#else
    memcpy(to, from, n * sizeof(*to));
#endif
}

/* Of `n` slots from place `at` on, those before the ring begins again. */
static uint32_t
before_end(const tubei_ring *r, uint32_t at, uint32_t n)
{
    uint32_t left = r->ring.mask + 1 - at;

    return n < left ? n : left;
}

uint32_t
tubei_ring_push_n(tubei_ring *r, void *const *items, uint32_t n)
{
    uint32_t tail = r->ring.p_tail;
    uint32_t room = room_for(r, tail, n);
    uint32_t at;
    uint32_t first;

    if (n > room)
        n = room;
    if (n == 0)
        return 0;
    for (uint32_t i = 0; i < n; i++)
        HB_RELEASE(items[i]); /* [R1] pairs with [R2] */
    at = tail & r->ring.mask;
    first = before_end(r, at, n);
    copy(&r->slot[at].value, items, first);
    copy(&r->slot[0].value, items + first, n - first);
    ck_pr_fence_store(); /* [R4] pairs with [R5]: the slots before the tail */
    ck_pr_store_uint(&r->ring.p_tail, tail + n);
    return n;
}

uint32_t
tubei_ring_pop_n(tubei_ring *r, void **items, uint32_t n)
{
    uint32_t head = r->ring.c_head;
    uint32_t ready = r->seen_tail - head;
    uint32_t at;
    uint32_t first;

    if (ready < n || ready > r->ring.mask) { /* too few, or pop() has gone past it */
        r->seen_tail = ck_pr_load_uint(&r->ring.p_tail);
        ready = r->seen_tail - head;
        ck_pr_fence_load(); /* [R5] pairs with [R4]: the tail before the slots */
    }
    if (n > ready)
        n = ready;
    if (n == 0)
        return 0;
    at = head & r->ring.mask;
    first = before_end(r, at, n);
    copy(items, &r->slot[at].value, first);
    copy(items + first, &r->slot[0].value, n - first);
    for (uint32_t i = 0; i < n; i++)
        HB_ACQUIRE(items[i]); /* [R2] pairs with [R1] */
    ck_pr_fence_load_store(); /* [R6] pairs with [R3]: read before they are free */
    ck_pr_store_uint(&r->ring.c_head, head + n);
    return n;
}

uint32_t
tubei_ring_count(const tubei_ring *r)
{
    uint32_t head = ck_pr_load_uint(&r->ring.c_head);

    return ck_pr_load_uint(&r->ring.p_tail) - head;
}
