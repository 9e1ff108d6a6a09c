/* SPDX-License-Identifier: MIT */
/* leak.c -- forgets memory; must fail under LeakSanitizer. */
#include <stdlib.h>

static void *volatile kept;

int
main(void)
{
    kept = malloc(1000);
    kept = NULL;
    return 0;
}
