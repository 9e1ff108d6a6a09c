/* SPDX-License-Identifier: MIT */
/* scan.c -- find newlines and quotes: AVX2, its portable twin, and the choice. */
#include "scan.h"

/* True if the quote at `at` is escaped.  Each run of backslashes is walked once, for
 * the one quote behind it. */
static bool
quote_escaped(const char *text, size_t at)
{
    size_t run = 0;

    while (run < at && text[at - run - 1] == '\\')
        run++;
    return run % 2 != 0;
}

/* High bit of each byte of `v` that is zero, exact for all of them. */
static inline uint64_t
portable_zeros(uint64_t v)
{
    uint64_t low = ~TUBEI_HIGHS;

    return ~(((v & low) + low) | v | low);
}

static uint32_t
portable_lines(const char *text, size_t len, uint32_t *at, uint32_t max, bool *plain)
{
    uint64_t odd = 0;
    uint32_t n = 0;

    for (size_t i = 0; i < len && n < max; i += 8) {
        uint64_t v = tubei_load8(text + i);
        uint64_t hit;

        if (len - i < 8) {
            uint64_t inside = (UINT64_C(1) << (len - i) * 8) - 1;

            v = (v & inside) | (TUBEI_ONES & ~inside);
        }
        odd |= v | tubei_zero8(v);
        hit = portable_zeros(v ^ ('\n' * TUBEI_ONES));
        for (; hit != 0; hit &= hit - 1)
            at[n++] = (uint32_t)i + (uint32_t)__builtin_ctzll(hit) / 8;
    }
    if ((odd & TUBEI_HIGHS) != 0)
        *plain = false;
    return n < max ? n : max;
}

static uint32_t
portable_quotes(const char *text, size_t len, uint32_t *at, uint32_t max)
{
    uint32_t n = 0;

    for (size_t i = 0; i < len && n < max; i += 8) {
        uint64_t hit = portable_zeros(tubei_load8(text + i) ^ ('"' * TUBEI_ONES));

        if (len - i < 8)
            hit &= (UINT64_C(1) << (len - i) * 8) - 1;
        for (; hit != 0; hit &= hit - 1) {
            size_t q = i + (size_t)__builtin_ctzll(hit) / 8;

            if (q == 0 || text[q - 1] != '\\' || !quote_escaped(text, q))
                at[n++] = (uint32_t)q;
        }
    }
    return n < max ? n : max;
}

const struct tubei_scan tubei_scan_portable = {
    .name = "portable",
    .lines = portable_lines,
    .quotes = portable_quotes,
};

#if defined(__x86_64__)

#  include <immintrin.h>

#  define AVX2 __attribute__((target("avx2,bmi,popcnt")))

/* Bit i: byte i of the 64 is `c`. */
AVX2 static inline uint64_t
avx2_equal(__m256i lo, __m256i hi, char c)
{
    __m256i v = _mm256_set1_epi8(c);
    uint32_t l = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(lo, v));
    uint32_t h = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(hi, v));

    return l | (uint64_t)h << 32;
}

/* Write base + the number of each bit.  Almost every block has at most one, and a
 * store that is overwritten later is cheaper than a jump that is guessed wrong. */
AVX2 static inline uint32_t
avx2_places(uint64_t bits, uint32_t base, uint32_t *at)
{
    uint32_t n = (uint32_t)__builtin_popcountll(bits);

    at[0] = base + (uint32_t)_tzcnt_u64(bits);
    for (uint32_t k = 1; k < n; k++) {
        bits &= bits - 1;
        at[k] = base + (uint32_t)_tzcnt_u64(bits);
    }
    return n;
}

AVX2 static uint32_t
avx2_lines(const char *text, size_t len, uint32_t *at, uint32_t max, bool *plain)
{
    __m256i high = _mm256_setzero_si256();
    __m256i least = _mm256_set1_epi8(1);
    uint32_t n = 0;
    size_t i = 0;

    for (; i + 64 <= len && n < max; i += 64) {
        __m256i lo = _mm256_loadu_si256((const __m256i *)(const void *)(text + i));
        __m256i hi = _mm256_loadu_si256((const __m256i *)(const void *)(text + i + 32));

        high = _mm256_or_si256(high, _mm256_or_si256(lo, hi));
        least = _mm256_min_epu8(least, _mm256_min_epu8(lo, hi));
        n += avx2_places(avx2_equal(lo, hi, '\n'), (uint32_t)i, at + n);
    }
    if (i < len && n < max) {
        __m256i lo = _mm256_loadu_si256((const __m256i *)(const void *)(text + i));
        __m256i hi = _mm256_loadu_si256((const __m256i *)(const void *)(text + i + 32));
        uint64_t inside = len - i < 64 ? (UINT64_C(1) << (len - i)) - 1 : ~UINT64_C(0);
        uint64_t bad = avx2_equal(lo, hi, '\0');

        bad |= (uint32_t)_mm256_movemask_epi8(lo);
        bad |= (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
        if ((bad & inside) != 0)
            *plain = false;
        n += avx2_places(avx2_equal(lo, hi, '\n') & inside, (uint32_t)i, at + n);
    }
    if (_mm256_movemask_epi8(high) != 0
        || _mm256_movemask_epi8(_mm256_cmpeq_epi8(least, _mm256_setzero_si256())) != 0)
        *plain = false;
    return n < max ? n : max;
}

AVX2 static uint32_t
avx2_quotes(const char *text, size_t len, uint32_t *at, uint32_t max)
{
    uint64_t carry = 0;
    uint32_t n = 0;

    for (size_t i = 0; i < len && n < max; i += 64) {
        __m256i lo = _mm256_loadu_si256((const __m256i *)(const void *)(text + i));
        __m256i hi = _mm256_loadu_si256((const __m256i *)(const void *)(text + i + 32));
        uint64_t quotes = avx2_equal(lo, hi, '"');
        uint64_t slashes = avx2_equal(lo, hi, '\\');
        uint64_t doubt = quotes & (slashes << 1 | carry);

        carry = slashes >> 63;
        if (len - i < 64)
            quotes &= (UINT64_C(1) << (len - i)) - 1;
        for (doubt &= quotes; doubt != 0; doubt &= doubt - 1)
            if (quote_escaped(text, i + (size_t)_tzcnt_u64(doubt)))
                quotes &= ~(doubt & -doubt);
        n += avx2_places(quotes, (uint32_t)i, at + n);
    }
    return n < max ? n : max;
}

const struct tubei_scan tubei_scan_avx2 = {
    .name = "avx2",
    .lines = avx2_lines,
    .quotes = avx2_quotes,
};

#endif

const struct tubei_scan *
tubei_scan(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
        && __builtin_cpu_supports("popcnt"))
        return &tubei_scan_avx2;
#endif
    return &tubei_scan_portable;
}
