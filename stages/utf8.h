/* SPDX-License-Identifier: MIT */
/* utf8.h -- one character of a text that may not be UTF-8. */
#ifndef TUBES_STAGES_UTF8_H
#define TUBES_STAGES_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define TUBEI_UTF8_BAD UINT32_MAX

/**
 * Decode the character at `p`.
 *
 * @param n     bytes there are, at least 1
 * @param code  set; TUBEI_UTF8_BAD where the bytes are no UTF-8
 * @return bytes it takes: of bad ones those that one U+FFFD stands for, the longest
 *         beginning of a character (Unicode 3.9, table 3-7)
 *
 * Threads: any.  Blocks: no.
 */
static inline size_t
tubei_utf8_next(const char *p, size_t n, uint32_t *code)
{
    const unsigned char *u = (const unsigned char *)p;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    size_t more = u[0] < 0xE0 ? 1 : u[0] < 0xF0 ? 2 : 3;
    uint32_t c = u[0];

    *code = c;
    if (c < 0x80)
        return 1;
    *code = TUBEI_UTF8_BAD;
    if (c < 0xC2 || c > 0xF4)
        return 1;
    if (c == 0xE0)
        low = 0xA0;
    else if (c == 0xED)
        high = 0x9F;
    else if (c == 0xF0)
        low = 0x90;
    else if (c == 0xF4)
        high = 0x8F;
    c &= 0x3FU >> more;
    for (size_t i = 1; i <= more; i++) {
        if (i == n || u[i] < low || u[i] > high)
            return i;
        c = c << 6 | (u[i] & 0x3FU);
        low = 0x80;
        high = 0xBF;
    }
    *code = c;
    return more + 1;
}

#endif /* TUBES_STAGES_UTF8_H */
