/* SPDX-License-Identifier: MIT */
/* number.h -- decimal digits to an integer, without a branch per digit. */
#ifndef TUBES_STAGES_NUMBER_H
#define TUBES_STAGES_NUMBER_H

#include "scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** True if each byte of `v` is 0..9. */
static inline bool
tubei_digits8(uint64_t v)
{
    return (((v + 0x76 * TUBEI_ONES) | v) & TUBEI_HIGHS) == 0;
}

/** Value of eight digits 0..9, the first lowest. */
static inline uint32_t
tubei_value8(uint64_t v)
{
    v = v * 10 + (v >> 8);
    v = (v & 0x00ff00ff00ff00ff) * 100 + ((v & 0x00ff00ff00ff00ff) >> 16);
    v = (v & 0x0000ffff0000ffff) * 10000 + ((v & 0x0000ffff0000ffff) >> 32);
    return (uint32_t)v;
}

/**
 * Digits only, and at least one, to a number.
 *
 * @return false: something else is there, or the number is above INT64_MAX
 */
static inline bool
tubei_decimal(const char *p, size_t len, int64_t *value)
{
    uint64_t sum = 0;

    if (len == 0)
        return false;
    for (; len > 8; len--, p++) {
        uint32_t digit = (uint32_t)(unsigned char)*p - '0';

        if (digit > 9 || sum > INT64_MAX / 10)
            return false;
        sum = sum * 10 + digit;
    }
    uint64_t v = (tubei_load8(p) ^ ('0' * TUBEI_ONES)) << (64 - 8 * len);

    if (!tubei_digits8(v) || sum > INT64_MAX / 100000000)
        return false;
    sum = sum * 100000000 + tubei_value8(v);
    *value = (int64_t)sum;
    return sum <= INT64_MAX;
}

#endif /* TUBES_STAGES_NUMBER_H */
