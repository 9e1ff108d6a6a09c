/* SPDX-License-Identifier: MIT */
/* buffer_bucket.h -- a token bucket, and rates such as `1000/s`. */
#ifndef TUBES_STAGES_BUFFER_BUCKET_H
#define TUBES_STAGES_BUFFER_BUCKET_H

#include <tubes/error.h>

#include <stdbool.h>
#include <stdint.h>

/** So many of something in so many nanoseconds. */
typedef struct tubei_rate {
    int64_t n;
    int64_t ns;
} tubei_rate;

/**
 * Tokens come in at a rate and are taken by what passes.
 *
 * What needs more than the bucket holds passes when it is full, and leaves less than
 * nothing behind: so the rate holds on average whatever the sizes are.
 */
typedef struct tubei_bucket {
    double per_ns; /**< 0: no limit */
    double most;   /**< it holds */
    double late;   /**< comes in on top while something waits that is due already */
    double level;
    uint64_t at; /**< time of `level`; 0: nothing has come yet */
} tubei_bucket;

/**
 * Read a rate: a number, with `sizes` also one with k, M or G (powers of 1,024), then
 * /s, /m or /h.
 *
 * @return TUBE_ECONFIG  it is none, or 0
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_rate_read(const char *text, bool sizes, tubei_rate *to,
                            tube_error *err) TUBE_NODISCARD;

/** A bucket that holds what comes in `burst_ns`, and is empty.  Threads: its owner. */
void tubei_bucket_init(tubei_bucket *b, const tubei_rate *rate, int64_t burst_ns);

/**
 * When may this pass?
 *
 * @param need     tokens
 * @param waiting  it was asked before for the same thing, and was not to pass yet
 * @param now      ns; never goes back
 * @return `now` or less: at once
 *
 * Threads: its owner.  Blocks: no.
 */
uint64_t tubei_bucket_due(tubei_bucket *b, uint64_t need, bool waiting, uint64_t now);

/** It passes.  Threads: its owner.  Blocks: no. */
void tubei_bucket_take(tubei_bucket *b, uint64_t need);

#endif /* TUBES_STAGES_BUFFER_BUCKET_H */
