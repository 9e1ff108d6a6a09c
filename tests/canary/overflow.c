/* SPDX-License-Identifier: MIT */
/* overflow.c -- overflows an int; must fail under UndefinedBehaviorSanitizer. */
#include <limits.h>

int
main(void)
{
    volatile int n = INT_MAX;

    n = n + 1;
    return 0;
}
