/* SPDX-License-Identifier: MIT */
/* scan.h -- find the bytes that structure text: newlines, quotes, blanks.
 *
 * The two scanners of whole buffers exist twice: for AVX2, and for any CPU eight
 * bytes at a time.  tubei_scan() chooses when the program runs; tests prove the
 * twins equal.  All functions read up to TUBE_PAD bytes behind the text, and none
 * lets them count.
 */
#ifndef TUBES_STAGES_SCAN_H
#define TUBES_STAGES_SCAN_H

#include <tubes/batch.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Places behind the last one wanted that a scanner may overwrite. */
enum { TUBEI_SCAN_SLACK = 64 };

struct tubei_scan {
    const char *name;

    /**
     * Find newlines.
     *
     * Stops behind the `max`-th; a result below `max` means that all was seen.
     *
     * @param len    at most UINT32_MAX
     * @param at     their places, ascending; room for max + TUBEI_SCAN_SLACK
     * @param plain  set to false if a byte that was seen is not 0x01..0x7f; that can
     *               be one up to 63 bytes behind the last newline found
     * @return how many
     */
    uint32_t (*lines)(const char *text, size_t len, uint32_t *at, uint32_t max,
                      bool *plain);

    /** Find double quotes that no odd run of backslashes precedes; as lines(). */
    uint32_t (*quotes)(const char *text, size_t len, uint32_t *at, uint32_t max);
};

/** For any CPU. */
extern const struct tubei_scan tubei_scan_portable;

#if defined(__x86_64__)
/** Only where tubei_scan() returns it. */
extern const struct tubei_scan tubei_scan_avx2;
#endif

/** The best for this CPU. */
const struct tubei_scan *tubei_scan(void);

/* Eight bytes in one word, the first of them lowest: the small change of scanning.
 * Read up to 7 bytes behind the text. */

#define TUBEI_ONES  UINT64_C(0x0101010101010101)
#define TUBEI_HIGHS UINT64_C(0x8080808080808080)

static inline uint64_t
tubei_load8(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

/** High bit of each zero byte; exact up to the first one, 0 if there is none. */
static inline uint64_t
tubei_zero8(uint64_t v)
{
    return (v - TUBEI_ONES) & ~v & TUBEI_HIGHS;
}

/** First blank in [p, end), or `end`. */
static inline const char *
tubei_word_end(const char *p, const char *end)
{
    for (; p < end; p += 8) {
        uint64_t hit = tubei_zero8(tubei_load8(p) ^ (' ' * TUBEI_ONES));

        if (hit != 0) {
            p += __builtin_ctzll(hit) / 8;
            break;
        }
    }
    return p < end ? p : end;
}

#endif /* TUBES_STAGES_SCAN_H */
