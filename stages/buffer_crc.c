/* SPDX-License-Identifier: MIT */
/* buffer_crc.c -- see buffer_crc.h. */
#include "buffer_crc.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#  include <nmmintrin.h>
#endif

enum { SLICES = 8 };

#define POLYNOMIAL 0x82f63b78u /* of Castagnoli, bits in reverse */

static uint32_t table[SLICES][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void
table_fill(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = (c >> 1) ^ (POLYNOMIAL & -(c & 1));
        table[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < SLICES; k++)
            table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
}

static uint64_t
load_le(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

uint32_t
tubei_crc32c_table(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint32_t c = ~crc;

    (void)pthread_once(&table_once, table_fill);
    for (; len >= SLICES; len -= SLICES, p += SLICES) {
        uint64_t v = load_le(p) ^ c;

        c = 0;
        for (int k = 0; k < SLICES; k++)
            c ^= table[SLICES - 1 - k][v >> (8 * k) & 0xff];
    }
    for (; len > 0; len--, p++)
        c = (c >> 8) ^ table[0][(c ^ *p) & 0xff];
    return ~c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const unsigned char *p, size_t len)
{
    uint64_t c = ~crc;
    uint64_t v;

    for (; len >= sizeof(v); len -= sizeof(v), p += sizeof(v)) {
        memcpy(&v, p, sizeof(v));
        c = _mm_crc32_u64(c, v);
    }
    for (; len > 0; len--, p++)
        c = _mm_crc32_u8((uint32_t)c, *p);
    return ~(uint32_t)c;
}
#endif

uint32_t
tubei_crc32c(uint32_t crc, const void *data, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse42(crc, data, len);
#endif
    return tubei_crc32c_table(crc, data, len);
}
