/* SPDX-License-Identifier: MIT */
/* overflow_criterion.c -- overflows an int inside a Criterion test. */
#include <criterion/criterion.h>
#include <limits.h>

Test(canary, overflow)
{
    volatile int n = INT_MAX;

    n = n + 1;
    cr_expect(n != 0);
}
