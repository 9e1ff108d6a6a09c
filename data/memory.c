/* SPDX-License-Identifier: MIT */
/* memory.c -- see memory.h.
 *
 * Fast path: a block of the right class from the thread's own magazine, last in
 * first out, so that the same bytes stay in one core's cache from source to sink
 * and back.  Slow path: the store under a lock, then malloc.
 */
#include "memory.h"

#include "../engine/check.h"
#include "../engine/stage.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 64, SMALLEST = 10 /* log2 */ };

typedef struct block {
    struct block *next;
    uint64_t bytes;           /* charged */
    uint32_t cls;             /* TUBEI_CLASSES: too big for a class */
    struct tube_stage *owner; /* whose reserve it is; NULL: the budget's */
} block;

static_assert(sizeof(block) <= HEADER, "the header of a block keeps it aligned");

struct tubei_memory {
    uint64_t limit;
    _Atomic uint64_t used;
    _Atomic uint64_t high;
    _Atomic uint64_t kept;    /* bytes in magazines and in the store */
    _Atomic uint32_t waiting; /* stages on the list, written under lock */
    pthread_mutex_t lock;
    struct tube_stage *waiters;            /* under lock, by next_waiter */
    block *store[TUBEI_CLASSES];           /* under lock */
    void *(*get)(void *arg, size_t bytes); /* the program's; NULL: aligned_alloc() */
    void (*put)(void *arg, void *ptr, size_t bytes);
    void *arg;
};

_Thread_local tubei_magazine *tubei_magazine_here;

/* Classes are quarters of powers of two: 1024, 1280, 1536, 1792, 2048, ... */
static uint32_t
class_of(size_t bytes, uint64_t *rounded)
{
    uint64_t last = bytes > (1u << SMALLEST) ? bytes - 1 : 0;

    if (last == 0) {
        *rounded = 1u << SMALLEST;
        return 0;
    }
    uint32_t log2 = 63 - (uint32_t)__builtin_clzll(last);
    uint64_t quarter = ((uint64_t)1 << log2) / 4;
    uint32_t step = (uint32_t)((last - quarter * 4) / quarter) + 1;
    uint32_t cls = (log2 - SMALLEST) * 4 + step;

    *rounded = cls < TUBEI_CLASSES ? quarter * (4 + step) : bytes;
    return cls < TUBEI_CLASSES ? cls : TUBEI_CLASSES;
}

tubei_memory *
tubei_memory_new(uint64_t limit)
{
    tubei_memory *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->limit = limit;
    (void)pthread_mutex_init(&m->lock, NULL);
    return m;
}

void
tubei_memory_hooks(tubei_memory *m, void *(*get)(void *arg, size_t bytes),
                   void (*put)(void *arg, void *ptr, size_t bytes), void *arg)
{
    m->get = get;
    m->put = put;
    m->arg = arg;
}

/* What a block takes with its header. */
static size_t
whole(uint64_t bytes)
{
    return HEADER + (bytes + HEADER - 1) / HEADER * HEADER;
}

static void
block_free(tubei_memory *m, block *b)
{
    if (m->put != NULL)
        m->put(m->arg, b, whole(b->bytes));
    else
        free(b);
}

static void
store_trim(tubei_memory *m)
{
    block *all = NULL;

    pthread_mutex_lock(&m->lock);
    for (uint32_t c = 0; c < TUBEI_CLASSES; c++)
        while (m->store[c] != NULL) {
            block *b = m->store[c];

            m->store[c] = b->next;
            b->next = all;
            all = b;
        }
    pthread_mutex_unlock(&m->lock);
    while (all != NULL) {
        block *next = all->next;

        atomic_fetch_sub_explicit(&m->kept, all->bytes, memory_order_relaxed);
        block_free(m, all);
        all = next;
    }
}

void
tubei_memory_free(tubei_memory *m)
{
    if (m == NULL)
        return;
    store_trim(m);
    tubei_check(atomic_load(&m->used) == 0);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

/* The thread's magazine, if it is this pipeline's: a stage may push into another one. */
static tubei_magazine *
magazine_of(const tubei_memory *m)
{
    tubei_magazine *mag = tubei_magazine_here;

    return mag != NULL && mag->memory == m ? mag : NULL;
}

static block *
block_find(tubei_memory *m, uint32_t cls)
{
    tubei_magazine *mag = magazine_of(m);
    block *b;

    if (mag != NULL && mag->head[cls] != NULL) {
        b = mag->head[cls];
        mag->head[cls] = b->next;
        mag->count[cls]--;
    } else {
        pthread_mutex_lock(&m->lock);
        b = m->store[cls];
        if (b != NULL)
            m->store[cls] = b->next;
        pthread_mutex_unlock(&m->lock);
    }
    if (b != NULL)
        atomic_fetch_sub_explicit(&m->kept, b->bytes, memory_order_relaxed);
    return b;
}

static block *
block_new(tubei_memory *m, uint32_t cls, uint64_t bytes)
{
    block *b = cls < TUBEI_CLASSES ? block_find(m, cls) : NULL;

    if (b != NULL)
        return b;
    if (atomic_load_explicit(&m->used, memory_order_relaxed)
            + atomic_load_explicit(&m->kept, memory_order_relaxed)
        > m->limit)
        store_trim(m); /* M4 */
    b = m->get != NULL ? m->get(m->arg, whole(bytes))
                       : aligned_alloc(HEADER, whole(bytes));
    if (b == NULL)
        return NULL;
    b->bytes = bytes;
    b->cls = cls;
    return b;
}

static void
note_high(tubei_memory *m, uint64_t used)
{
    uint64_t high = atomic_load_explicit(&m->high, memory_order_relaxed);

    while (used > high
           && !atomic_compare_exchange_weak_explicit(
               &m->high, &high, used, memory_order_relaxed, memory_order_relaxed)) {
    }
}

/* One try: the budget, else the stage's own reserve. */
static bool
charge(tubei_memory *m, uint64_t bytes, struct tube_stage *who, bool *reserve)
{
    uint64_t used = atomic_load_explicit(&m->used, memory_order_seq_cst); /* [M4] */

    *reserve = false;
    while (who == NULL || used + bytes <= m->limit || used == 0) {
        /* [M1] acquires what [M2] released: the block's memory is free */
        if (atomic_compare_exchange_weak_explicit(&m->used, &used, used + bytes,
                                                  memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            note_high(m, used + bytes);
            return true;
        }
    }
    if (who->reserve_ok
        && !atomic_exchange_explicit(&who->reserve_used, true, memory_order_seq_cst)) {
        *reserve = true;
        return true;
    }
    return false;
}

void
tubei_memory_forget(tubei_memory *m, struct tube_stage *who)
{
    pthread_mutex_lock(&m->lock);
    for (struct tube_stage **link = &m->waiters; *link != NULL;
         link = &(*link)->next_waiter)
        if (*link == who) {
            *link = who->next_waiter;
            who->waits_memory = false;
            atomic_fetch_sub_explicit(&m->waiting, 1, memory_order_seq_cst);
            break;
        }
    pthread_mutex_unlock(&m->lock);
}

void *
tubei_memory_get(tubei_memory *m, size_t bytes, struct tube_stage *who)
{
    uint64_t size;
    uint32_t cls = class_of(bytes, &size);
    bool reserve;
    block *b;

    if (!charge(m, size, who, &reserve)) {
        bool first = false;

        pthread_mutex_lock(&m->lock);
        if (!who->waits_memory) {
            who->waits_memory = true;
            who->next_waiter = m->waiters;
            m->waiters = who;
            first = atomic_fetch_add_explicit(&m->waiting, 1, memory_order_seq_cst)
                    == 0; /* [M3] */
        }
        pthread_mutex_unlock(&m->lock);
        /* Looks again: a put() between the first look and the list told nobody (M2).
         * [M3] and [M4] are sequentially consistent: one of the two sees the other. */
        if (!charge(m, size, who, &reserve)) {
            if (first) /* whoever begins to hold later sees the level (M3) */
                tubei_stage_pressure(who);
            return NULL;
        }
        tubei_memory_forget(m, who); /* what came meanwhile is enough */
    }
    b = block_new(m, cls, size);
    if (b == NULL) {
        if (reserve)
            atomic_store_explicit(&who->reserve_used, false, memory_order_release);
        else
            atomic_fetch_sub_explicit(&m->used, size, memory_order_acq_rel);
        if (who != NULL)
            tubei_stage_nomem(who);
        return NULL;
    }
    b->owner = reserve ? who : NULL;
    return (char *)b + HEADER;
}

static void
wake_waiters(tubei_memory *m)
{
    struct tube_stage *list;

    pthread_mutex_lock(&m->lock);
    list = m->waiters;
    m->waiters = NULL;
    atomic_store_explicit(&m->waiting, 0, memory_order_seq_cst);
    for (struct tube_stage *s = list; s != NULL; s = s->next_waiter)
        s->waits_memory = false;
    /* Notified under the lock: behind it, a stage may list itself again and change
     * next_waiter. */
    while (list != NULL) {
        struct tube_stage *next = list->next_waiter;

        tubei_stage_notify(list);
        list = next;
    }
    pthread_mutex_unlock(&m->lock);
}

static void
block_keep(tubei_memory *m, block *b)
{
    tubei_magazine *mag = magazine_of(m);

    if (b->cls == TUBEI_CLASSES
        || atomic_load_explicit(&m->used, memory_order_relaxed)
                   + atomic_load_explicit(&m->kept, memory_order_relaxed) + b->bytes
               > m->limit) {
        block_free(m, b);
        return;
    }
    atomic_fetch_add_explicit(&m->kept, b->bytes, memory_order_relaxed);
    if (mag != NULL && mag->count[b->cls] < TUBEI_MAGAZINE_DEPTH) {
        b->next = mag->head[b->cls];
        mag->head[b->cls] = b;
        mag->count[b->cls]++;
        return;
    }
    pthread_mutex_lock(&m->lock);
    b->next = m->store[b->cls];
    m->store[b->cls] = b;
    pthread_mutex_unlock(&m->lock);
}

void
tubei_memory_put(tubei_memory *m, void *payload)
{
    block *b = (block *)(void *)((char *)payload - HEADER);
    struct tube_stage *owner = b->owner;
    uint64_t bytes = b->bytes;

    block_keep(m, b);
    if (owner != NULL)
        atomic_store_explicit(&owner->reserve_used, false,
                              memory_order_seq_cst); /* [M4] */
    else
        atomic_fetch_sub_explicit(&m->used, bytes,
                                  memory_order_seq_cst); /* [M2] [M4] */
    if (atomic_load_explicit(&m->waiting, memory_order_seq_cst)
        != 0) /* [M4] pairs [M3] */
        wake_waiters(m);
}

uint64_t
tubei_memory_size(const void *payload)
{
    return ((const block *)(const void *)((const char *)payload - HEADER))->bytes;
}

bool
tubei_memory_pressure(const tubei_memory *m)
{
    return atomic_load_explicit(&m->waiting, memory_order_acquire) != 0;
}

bool
tubei_memory_has(const tubei_memory *m)
{
    return atomic_load_explicit(&m->used, memory_order_relaxed) < m->limit;
}

void
tubei_memory_read(const tubei_memory *m, uint64_t *used, uint64_t *high)
{
    *used = atomic_load_explicit(&m->used, memory_order_relaxed);
    *high = atomic_load_explicit(&m->high, memory_order_relaxed);
}

void
tubei_magazine_empty(tubei_memory *m, tubei_magazine *mag)
{
    pthread_mutex_lock(&m->lock);
    for (uint32_t c = 0; c < TUBEI_CLASSES; c++)
        while (mag->head[c] != NULL) {
            block *b = mag->head[c];

            mag->head[c] = b->next;
            b->next = m->store[c];
            m->store[c] = b;
        }
    memset(mag->count, 0, sizeof(mag->count));
    pthread_mutex_unlock(&m->lock);
}
