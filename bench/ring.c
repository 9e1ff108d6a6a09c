/* SPDX-License-Identifier: MIT */
/* ring.c -- what a hop through the ring costs, across cores, one item and bursts.
 *
 * Ceiling: the same ring arithmetic written out in place, without a call and without
 * the sanitizer's hooks (`raw`).  G9: burst >= 0.8 of it.
 */
#include "engine/ring.h"

#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { ITEMS = 8000000, BURST = 64, TAKE = 256, SLOTS = 1024 };

static void
pin(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void
relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static uintptr_t sum;

/* Ours. */

static tubei_ring *ring;

static void *
push_one(void *arg)
{
    (void)arg;
    pin(1);
    for (uintptr_t i = 1; i <= ITEMS; i++)
        while (!tubei_ring_push(ring, (void *)i))
            relax();
    return NULL;
}

static void
pop_one(void)
{
    void *item;

    for (uint32_t i = 0; i < ITEMS; i++) {
        while (!tubei_ring_pop(ring, &item))
            relax();
        sum += (uintptr_t)item;
    }
}

static void *
push_burst(void *arg)
{
    void *items[BURST];

    (void)arg;
    pin(1);
    for (uintptr_t i = 1; i <= ITEMS;) {
        uint32_t sent = 0;

        for (uintptr_t k = 0; k < BURST; k++)
            items[k] = (void *)(i + k);
        while (sent < BURST) {
            uint32_t n = tubei_ring_push_n(ring, items + sent, BURST - sent);

            if (n == 0)
                relax();
            sent += n;
        }
        i += BURST;
    }
    return NULL;
}

static void
pop_burst(void)
{
    void *items[TAKE]; /* as the other one: nearly all there is */

    for (uint32_t i = 0; i < ITEMS;) {
        uint32_t n = tubei_ring_pop_n(ring, items, TAKE);

        if (n == 0)
            relax();
        for (uint32_t k = 0; k < n; k++)
            sum += (uintptr_t)items[k];
        i += n;
    }
}

/* The same by hand. */

static struct {
    _Alignas(64) _Atomic uint32_t head;
    _Alignas(64) _Atomic uint32_t tail;
    _Alignas(64) void *slot[SLOTS];
} raw;

static void *
raw_push(void *arg)
{
    (void)arg;
    pin(1);
    for (uintptr_t i = 1; i <= ITEMS;) {
        uint32_t tail = atomic_load_explicit(&raw.tail, memory_order_relaxed);
        uint32_t head = atomic_load_explicit(&raw.head, memory_order_acquire);

        if (SLOTS - 1 - (tail - head) < BURST) {
            relax();
            continue;
        }
        for (uint32_t k = 0; k < BURST; k++)
            raw.slot[(tail + k) % SLOTS] = (void *)(i + k);
        atomic_store_explicit(&raw.tail, tail + BURST, memory_order_release);
        i += BURST;
    }
    return NULL;
}

static void
raw_pop(void)
{
    for (uint32_t i = 0; i < ITEMS;) {
        uint32_t head = atomic_load_explicit(&raw.head, memory_order_relaxed);
        uint32_t n = atomic_load_explicit(&raw.tail, memory_order_acquire) - head;

        if (n == 0) {
            relax();
            continue;
        }
        for (uint32_t k = 0; k < n; k++)
            sum += (uintptr_t)raw.slot[(head + k) % SLOTS];
        atomic_store_explicit(&raw.head, head + n, memory_order_release);
        i += n;
    }
}

typedef struct pair {
    void *(*producer)(void *arg);
    void (*consumer)(void);
} pair;

static double
millions_a_second(void *arg)
{
    const pair *p = arg;
    pthread_t thread;
    uint64_t start;

    raw.head = raw.tail = 0;
    ring = tubei_ring_new(SLOTS);
    pin(0);
    start = bench_now();
    if (ring == NULL || pthread_create(&thread, NULL, p->producer, NULL) != 0)
        return -1;
    p->consumer();
    (void)pthread_join(thread, NULL);
    tubei_ring_free(ring);
    return ITEMS * 1e3 / (double)(bench_now() - start);
}

int
main(int argc, char **argv)
{
    static pair one = { push_one, pop_one };
    static pair burst = { push_burst, pop_burst };
    static pair by_hand = { raw_push, raw_pop };

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        fprintf(stderr, "ring: needs two cores\n");
        return 0;
    }
    bench_begin("ring", argc, argv);
    bench_add("one", "M items/s", millions_a_second, &one);
    bench_add("burst", "M items/s", millions_a_second, &burst);
    bench_add("raw_burst", "M items/s", millions_a_second, &by_hand);
    bench_ratio("burst_over_raw", "burst", "raw_burst");
    return bench_end();
}
