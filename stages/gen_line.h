/* SPDX-License-Identifier: MIT */
/* gen_line.h -- made-up lines of a web server's log, the same ones for the same seed. */
#ifndef TUBES_STAGES_GEN_LINE_H
#define TUBES_STAGES_GEN_LINE_H

#include <stddef.h>
#include <stdint.h>

enum { TUBEI_GEN_LINE_MAX = 4096 }; /**< room that a line needs */

typedef enum tubei_gen_format {
    TUBEI_GEN_COMBINED,
    TUBEI_GEN_COMMON,
    TUBEI_GEN_JSON,
} tubei_gen_format;

/** Where the sequence of lines stands. */
typedef struct tubei_gen {
    tubei_gen_format format;
    uint32_t stamp_len;
    uint64_t random;
    uint64_t seed;
    int64_t second; /**< since 1970 */
    uint32_t ms;    /**< within it */
    char stamp[32]; /**< `second` as text */
} tubei_gen;

/** Start with the first line of a seed.  Threads: any.  Blocks: no. */
void tubei_gen_init(tubei_gen *g, tubei_gen_format format, int64_t seed);

/**
 * Write the next line, its newline included.
 *
 * @param out  room for TUBEI_GEN_LINE_MAX bytes (borrowed)
 * @return bytes written
 *
 * Threads: the owner of `g`.  Blocks: no.
 */
size_t tubei_gen_line(tubei_gen *g, char *out);

#endif /* TUBES_STAGES_GEN_LINE_H */
