/* SPDX-License-Identifier: MIT */
/* test_ring.c -- a ring alone, on one thread; stress/ring.c has two. */
#include "ring.h"

#include <criterion/criterion.h>

static int mark[64];

Test(ring, holds_one_less_than_its_slots, .timeout = 5)
{
    tubei_ring *r = tubei_ring_new(8);
    void *item;

    for (int i = 0; i < 7; i++)
        cr_assert(tubei_ring_push(r, &mark[i]));
    cr_assert_not(tubei_ring_push(r, &mark[7]));
    cr_assert_eq(tubei_ring_count(r), 7);
    for (int i = 0; i < 7; i++) {
        cr_assert(tubei_ring_pop(r, &item));
        cr_assert_eq(item, &mark[i]);
    }
    cr_assert_not(tubei_ring_pop(r, &item));
    tubei_ring_free(r);
}

Test(ring, a_burst_takes_what_fits_and_keeps_the_order, .timeout = 5)
{
    tubei_ring *r = tubei_ring_new(8);
    void *in[10], *out[10];

    for (int i = 0; i < 10; i++)
        in[i] = &mark[i];
    for (int round = 0; round < 20; round++) {
        cr_assert_eq(tubei_ring_push_n(r, in, 10), 7);
        cr_assert_eq(tubei_ring_push_n(r, in, 1), 0);
        cr_assert_eq(tubei_ring_pop_n(r, out, 3), 3);
        cr_assert_eq(tubei_ring_push_n(r, in + 7, 3), 3);
        cr_assert_eq(tubei_ring_pop_n(r, out + 3, 10), 7);
        for (int i = 0; i < 10; i++)
            cr_assert_eq(out[i], &mark[i]);
        cr_assert_eq(tubei_ring_pop_n(r, out, 1), 0);
    }
    tubei_ring_free(r);
}
