/* SPDX-License-Identifier: MIT */
/* flow.h -- what the benches of whole flows share: the log, what it holds, a run of it.
 *
 * TUBES_BENCH_LOG names a log in the combined format; `tubes gen combined N` makes one.
 * bench/run.sh does it all.
 */
#ifndef TUBES_BENCH_FLOW_H
#define TUBES_BENCH_FLOW_H

#include "bench.h"

#include <tubes/tubes.h>

#include <stdbool.h>

/** What a database must hold after a load of the log. */
struct flow_sum {
    uint64_t rows;
    uint64_t bytes; /**< sum of that column */
};

static struct {
    const char *path;
    struct flow_sum sum;
} flow_log;

/** The size behind the request and the status of one line; "-" is 0. */
static inline uint64_t
flow_size_of(const char *line)
{
    const char *p = strchr(line, '"');

    while (p != NULL && (p = strchr(p + 1, '"')) != NULL && p[-1] == '\\')
        continue;
    return p != NULL && strlen(p) > 6 ? strtoull(p + 6, NULL, 10) : 0;
}

/** Find the log and add it up, by other means than the library's. */
static inline void
flow_log_open(void)
{
    char line[16384];
    FILE *f;

    flow_log.path = getenv("TUBES_BENCH_LOG");
    f = flow_log.path != NULL ? fopen(flow_log.path, "re") : NULL;
    if (f == NULL) {
        fprintf(stderr, "%s: TUBES_BENCH_LOG names no log; see bench/run.sh\n",
                bench.name);
        exit(2);
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        flow_log.sum.rows++;
        flow_log.sum.bytes += flow_size_of(line);
    }
    fclose(f);
}

/** True if `got` is what the log holds; else says so. */
static inline bool
flow_same(const char *who, struct flow_sum got)
{
    bool same = got.rows == flow_log.sum.rows && got.bytes == flow_log.sum.bytes;

    if (!same)
        fprintf(stderr, "%s: %s: %llu rows with %llu bytes, not %llu with %llu\n",
                bench.name, who, (unsigned long long)got.rows,
                (unsigned long long)got.bytes, (unsigned long long)flow_log.sum.rows,
                (unsigned long long)flow_log.sum.bytes);
    return same;
}

/** Rows a second, since bench_now() was `since`. */
static inline double
flow_rate(uint64_t since)
{
    return (double)flow_log.sum.rows * 1e9 / (double)(bench_now() - since);
}

/** Run a pipeline over the log; false unless every one of its lines was committed.
 * @param own  a stage of the bench, or NULL */
static inline bool
flow_run(const char *text, int workers, const tube_stage_def *own)
{
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = workers), NULL);
    tube_error err = { 0 };
    tube_counts c = { 0 };
    bool good = p != NULL && (own == NULL || tube_define(p, own, &err) == TUBE_OK)
                && tube_series(p, text, &err) == TUBE_OK
                && tube_run(p, &err) == TUBE_OK;

    if (p != NULL)
        tube_stats(p, &c);
    if (!good)
        tube_error_print(&err, stderr);
    tube_pipeline_free(p);
    if (good && c.read == c.committed && c.read == flow_log.sum.rows)
        return true;
    fprintf(stderr, "%s: read %llu, committed %llu of %llu lines\n", bench.name,
            (unsigned long long)c.read, (unsigned long long)c.committed,
            (unsigned long long)flow_log.sum.rows);
    return false;
}

#endif /* TUBES_BENCH_FLOW_H */
