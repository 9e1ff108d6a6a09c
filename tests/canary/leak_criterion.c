/* SPDX-License-Identifier: MIT */
/* leak_criterion.c -- forgets memory inside a Criterion test. */
#include <criterion/criterion.h>
#include <stdlib.h>

static void *volatile kept;

Test(canary, leak)
{
    kept = malloc(1000);
    cr_assert(kept != NULL);
    kept = NULL;
}
