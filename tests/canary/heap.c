/* SPDX-License-Identifier: MIT */
/* heap.c -- reads freed memory; must fail under AddressSanitizer. */
#include <stdlib.h>

int
main(void)
{
    volatile char *p = malloc(16);

    if (p == NULL)
        return 0;
    p[3] = 7;
    free((void *)p);
    return p[3] & 0;
}
