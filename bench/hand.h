/* SPDX-License-Identifier: MIT */
/* hand.h -- one log line taken apart by code for that one format: a ceiling.
 *
 * It finds fields with AVX2, types them, and checks next to nothing: no form of a
 * request but "METHOD path HTTP/1.1", no end of the buffer but the newline.
 */
#ifndef TUBES_BENCH_HAND_H
#define TUBES_BENCH_HAND_H

#include "stages/clf.h"

#include <immintrin.h>
#include <string.h>

#define HAND_AVX2 __attribute__((target("avx2")))

/** Times are computed where they differ from the last line's. */
struct hand_clock {
    char text[TUBEI_CLF_TIME];
    int64_t us;
};

/** The next `c`, without a look at the end. */
HAND_AVX2 static inline const char *
hand_find(const char *p, char c)
{
    for (;; p += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i hit = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));
        uint32_t bits = (uint32_t)_mm256_movemask_epi8(hit);

        if (bits != 0)
            return p + __builtin_ctz(bits);
    }
}

/** The next quote that no backslash stands before. */
HAND_AVX2 static inline const char *
hand_quote(const char *p)
{
    do
        p = hand_find(p, '"') + 1;
    while (p[-2] == '\\');
    return p - 1;
}

/** Cell [from, to), where "-" is NULL; what stands behind the byte at `to`. */
static inline const char *
hand_text(tube_cell *c, const char *from, const char *to)
{
    tube_set_text(c, from, (size_t)(to - from));
    c->set = c->len != 1 || *from != '-';
    return to + 1;
}

static inline int64_t
hand_number(const char *p, const char *end)
{
    int64_t v = 0;

    for (; p < end; p++)
        v = v * 10 + (*p - '0');
    return v;
}

/** One line into eleven cells; where the next one begins. */
HAND_AVX2 static inline const char *
hand_line(const char *p, tube_cell *c, struct hand_clock *last)
{
    struct tubei_clf_clock clock = { .midnight = 0 };
    struct tubei_clf_error e;
    const char *q;

    p = hand_text(c++, p, hand_find(p, ' '));
    p = hand_text(c++, p, hand_find(p, ' '));
    p = hand_text(c++, p, hand_find(p, ' '));
    if (memcmp(last->text, p + 1, TUBEI_CLF_TIME) != 0) {
        memcpy(last->text, p + 1, TUBEI_CLF_TIME);
        (void)tubei_clf_time(&clock, p + 1, &last->us, &e);
    }
    tube_set_int(c++, last->us);
    p += TUBEI_CLF_TIME + 4;
    q = hand_quote(p);
    p = hand_text(c++, p, hand_find(p, ' '));
    hand_text(c++, p, q - 9);
    hand_text(c++, q - 8, q);
    p = q + 2;
    tube_set_int(c++, hand_number(p, p + 3));
    p += 4;
    q = hand_find(p, ' ');
    tube_set_int(c, *p == '-' ? 0 : hand_number(p, q));
    c++->set = *p != '-';
    p = hand_text(c++, q + 2, hand_quote(q + 2)) + 2;
    p = hand_text(c, p, hand_quote(p));
    return p + 1;
}

#endif /* TUBES_BENCH_HAND_H */
