/* SPDX-License-Identifier: MIT */
/* buffer_ratio.h -- how many of how many records: `1/100`, `10%`, `2.5%`. */
#ifndef TUBES_STAGES_BUFFER_RATIO_H
#define TUBES_STAGES_BUFFER_RATIO_H

#include <tubes/error.h>

#include <stdint.h>

/** 1 <= num <= den <= 10^12. */
typedef struct tubei_ratio {
    uint64_t num;
    uint64_t den;
} tubei_ratio;

/**
 * Read a ratio.
 *
 * @param text  string (borrowed)
 * @return TUBE_ECONFIG  it is none, or is not above 0 and at most 1
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_ratio_read(const char *text, tubei_ratio *to,
                             tube_error *err) TUBE_NODISCARD;

#endif /* TUBES_STAGES_BUFFER_RATIO_H */
