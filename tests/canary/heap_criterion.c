/* SPDX-License-Identifier: MIT */
/* heap_criterion.c -- reads freed memory inside a Criterion test. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(canary, heap)
{
    volatile char *p = malloc(16);

    cr_assert(p != NULL);
    p[3] = 7;
    free((void *)p);
    cr_expect(p[3] == 7 || p[3] != 7);
}
