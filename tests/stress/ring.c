/* SPDX-License-Identifier: MIT */
/* ring.c -- no item is lost, doubled, reordered or seen half-written; single and burst.
 *
 *   stress/ring [items [seed]]
 */
#include "ring.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { BURST = 24 };

static tubei_ring *ring;
static uint64_t items = 200000;
static uint64_t seed = 1;

static uint64_t
next(uint64_t *s)
{
    *s ^= *s >> 12;
    *s ^= *s << 25;
    *s ^= *s >> 27;
    return *s * 0x2545F4914F6CDD1Du;
}

/* The number is written before the push, by plain stores: a consumer that sees it
 * otherwise has a ring without the fence R1. */
static void *
produce(void *arg)
{
    uint64_t s = seed;

    (void)arg;
    for (uint64_t i = 0; i < items;) {
        uint64_t n = 1 + next(&s) % BURST;
        void *burst[BURST];
        uint32_t sent = 0;

        if (n > items - i)
            n = items - i;
        for (uint64_t k = 0; k < n; k++) {
            uint64_t *v = malloc(sizeof(*v));

            *v = i + k;
            burst[k] = v;
        }
        while (sent < n) {
            if (n == 1)
                sent += tubei_ring_push(ring, burst[0]);
            else
                sent += tubei_ring_push_n(ring, burst + sent, (uint32_t)n - sent);
            if (sent < n)
                sched_yield();
        }
        i += n;
    }
    return NULL;
}

static bool
consume(void)
{
    uint64_t s = seed + 1;

    for (uint64_t want = 0; want < items;) {
        uint32_t most = (uint32_t)(1 + next(&s) % BURST);
        void *burst[BURST];
        uint32_t n = most == 1 ? tubei_ring_pop(ring, burst)
                               : tubei_ring_pop_n(ring, burst, most);

        if (n == 0)
            sched_yield();
        for (uint32_t i = 0; i < n; i++) {
            uint64_t *v = burst[i];

            if (*v != want++) {
                fprintf(stderr,
                        "%" PRIu64 " came instead of %" PRIu64 ", seed %" PRIu64 "\n",
                        *v, want - 1, seed);
                return false;
            }
            free(v);
        }
    }
    return true;
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        items = strtoull(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    for (uint32_t slots = 2; slots <= 64; slots *= 2) {
        pthread_t t;
        bool ok;

        ring = tubei_ring_new(slots);
        if (ring == NULL || pthread_create(&t, NULL, produce, NULL) != 0)
            return 1;
        ok = consume();
        if (!ok)
            return 1;
        (void)pthread_join(t, NULL);
        tubei_ring_free(ring);
    }
    return 0;
}
