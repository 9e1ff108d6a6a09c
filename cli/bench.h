/* SPDX-License-Identifier: MIT */
/* bench.h -- figures of `tubes bench`: made, written, read again, compared. */
#ifndef TUBES_CLI_BENCH_H
#define TUBES_CLI_BENCH_H

#include "session.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    BENCH_RUNS = 64,    /**< of a figure at most */
    BENCH_FIGURES = 512 /**< of a result at most */
};

/** One thing that was measured, in several runs. */
struct bench_figure {
    char name[72]; /**< "whole", or "2 parse combined": place and name of a stage */
    int workers;
    unsigned n;
    double ns[BENCH_RUNS];   /**< a row, in each run */
    double yard[BENCH_RUNS]; /**< ns of a fixed piece of work, right around that run */
    double share;            /**< of all stages' busy time; 1 for the whole */
    double bytes_a_row;      /**< of input */
    double busy, wait, fill; /**< shares: of the time, of the time, of the queue */
    double delay;            /**< of the whole: threads that had to wait for a core */
};

/** Where figures are from: only equal machines can be compared. */
struct bench_machine {
    char cpu[128];
    int cores;
    char kernel[128];
};

struct bench_result {
    struct bench_machine machine;
    char version[32];
    char commit[64];
    char *text; /**< the pipeline; free() it */
    struct bench_figure *figure;
    unsigned n;
};

/** Verdict on one figure. */
struct bench_verdict {
    const struct bench_figure *before;
    const struct bench_figure *now;
    double ratio; /**< of the times, 1.2: 20 % slower */
    double limit; /**< a ratio above it is no chance */
    bool slower;
    bool faster;
    bool crowded; /**< others had the cores: not judged */
};

/** Median of `n` values; changes their order. */
double bench_median(double *v, unsigned n);

/** Median of ns a row. */
double bench_figure_ns(const struct bench_figure *f);

/** Half the range of all runs, as a share of the median. */
double bench_figure_spread(const struct bench_figure *f);

/** Compare one figure with its twin of another build. */
struct bench_verdict bench_compare(const struct bench_figure *before,
                                   const struct bench_figure *now);

/** Print all verdicts; how many are slower, -1: these cannot be compared (told). */
int bench_compare_print(const struct bench_result *before,
                        const struct bench_result *now);

/** Write as JSON. */
void bench_json(FILE *to, const struct bench_result *r);

/** Read what bench_json() wrote; -1: done, else the exit status, the error is told. */
int bench_read(const char *path, struct bench_result *r);

/** Free what a result holds. */
void bench_fini(struct bench_result *r);

/** Fill in machine, version and commit. */
void bench_here(struct bench_result *r);

/**
 * Run a pipeline `repeat` times with each number of workers, and more often while the
 * figures spread; the figures are added to `r`.
 *
 * @return -1: done, else the exit status, the error is told
 */
int bench_measure(struct bench_result *r, const struct cli_run_opts *o, int64_t workers,
                  unsigned repeat);

#endif /* TUBES_CLI_BENCH_H */
