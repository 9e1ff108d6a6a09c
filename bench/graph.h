/* SPDX-License-Identifier: MIT */
/* graph.h -- what the benches of the graph share: three stages as small as can be, and a run.
 *
 * `numbers` counts up, `touch` adds one to each number, `add` sums them up: whoever loses,
 * doubles or skips one is found out.
 */
#ifndef TUBES_BENCH_GRAPH_H
#define TUBES_BENCH_GRAPH_H

#include "bench.h"

#include <tubes/tubes.h>

/** A pipeline to run. */
typedef struct graph_run {
    const char *text;
    uint64_t rows;               /* that the source makes */
    uint32_t batch;              /* rows of a batch; 0: 1,024 */
    int32_t workers;             /* 0: one for each core */
    uint32_t touches;            /* that a row meets on its way */
    uint32_t copies;             /* of a row that arrive; 0: one */
    const tube_stage_def *extra; /* a stage of the bench's own; NULL: none */
} graph_run;

static const graph_run *graph_now; /* the one that runs */

typedef struct graph_numbers {
    int64_t next;
} graph_numbers;

/* By each `add`, and once more for all of them. */
typedef struct graph_sum {
    uint64_t sum, rows;
} graph_sum;
static _Atomic uint64_t graph_sum_all, graph_rows_all;

static tube_status
graph_numbers_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = { { "n", TUBE_INT, NULL } };

    return tube_set_schema(s, columns, 1, err);
}

static tube_status
graph_numbers_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    graph_numbers *g = tube_state(s);
    uint64_t left = graph_now->rows - (uint64_t)g->next;
    tube_batch *b;
    uint32_t n;

    (void)none;
    (void)err;
    if (left == 0)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    n = left < b->cap ? (uint32_t)left : b->cap;
    for (uint32_t r = 0; r < n; r++)
        tube_set_int(b->cells + r, g->next + r);
    tube_batch_rows(b, n);
    g->next += n;
    return tube_emit(s, &b);
}

/* Nothing was taken out of most batches: then no bit need be looked at. */
static inline void
graph_touch(tube_batch *b)
{
    if (b->n_live == b->n) {
        for (uint32_t r = 0; r < b->n; r++)
            b->cells[r].integer++;
        return;
    }
    TUBE_EACH(b, r)
        tube_row(b, r)->integer++;
}

static tube_status
graph_touch_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    graph_touch(b);
    return TUBE_OK;
}

static tube_status
graph_add_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    graph_sum *g = tube_state(s);

    (void)err;
    g->rows += tube_batch_count(b);
    if (b->n_live == b->n) {
        for (uint32_t r = 0; r < b->n; r++)
            g->sum += (uint64_t)b->cells[r].integer;
        return TUBE_OK;
    }
    TUBE_EACH(b, r)
        g->sum += (uint64_t)tube_row(b, r)->integer;
    return TUBE_OK;
}

static void
graph_add_close(tube_stage *s)
{
    const graph_sum *g = tube_state(s);

    graph_sum_all += g->sum;
    graph_rows_all += g->rows;
}

static const tube_stage_def graph_numbers_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "numbers",
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(graph_numbers),
    .open = graph_numbers_open,
    .process = graph_numbers_process,
};
static const tube_stage_def graph_touch_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "touch",
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .flags = TUBE_STATELESS,
    .process = graph_touch_process,
};
static const tube_stage_def graph_add_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "add",
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(graph_sum),
    .process = graph_add_process,
    .close = graph_add_close,
};

/** A pipeline of `run`, not opened; NULL: the error is printed. */
static inline tube_pipeline *
graph_new(const graph_run *run)
{
    tube_pipeline *p = tube_pipeline_new(
        TUBE_PIPELINE_OPTS(.workers = run->workers, .batch_rows = run->batch), NULL);
    tube_error err = { 0 };

    graph_now = run;
    graph_sum_all = graph_rows_all = 0;
    if (p != NULL && tube_define(p, &graph_numbers_def, &err) == TUBE_OK
        && tube_define(p, &graph_touch_def, &err) == TUBE_OK
        && tube_define(p, &graph_add_def, &err) == TUBE_OK
        && (run->extra == NULL || tube_define(p, run->extra, &err) == TUBE_OK)
        && tube_series(p, run->text, &err) == TUBE_OK && tube_open(p, &err) == TUBE_OK)
        return p;
    tube_error_print(&err, stderr);
    tube_pipeline_free(p);
    return NULL;
}

/** Free it; true: every row arrived, touched as often as it should be. */
static inline bool
graph_end(tube_pipeline *p, tube_status st, const tube_error *err)
{
    const graph_run *run = graph_now;
    uint64_t copies = run->copies > 0 ? run->copies : 1;
    uint64_t n = run->rows;
    uint64_t sum = copies * (n * (n - 1) / 2 + n * run->touches);
    tube_counts c;

    tube_stats(p, &c);
    tube_pipeline_free(p);
    if (st != TUBE_OK) {
        tube_error_print(err, stderr);
        return false;
    }
    if (graph_rows_all == n * copies && graph_sum_all == sum
        && c.committed == n * copies)
        return true;
    fprintf(stderr, "'%s': %llu rows of %llu, sum %llu of %llu\n", run->text,
            (unsigned long long)graph_rows_all, (unsigned long long)(n * copies),
            (unsigned long long)graph_sum_all, (unsigned long long)sum);
    return false;
}

/** Seconds from the first row to the last; negative: it failed. */
static inline double
graph_seconds(const graph_run *run)
{
    tube_pipeline *p = graph_new(run);
    tube_error err = { 0 };
    uint64_t since;
    tube_status st;

    if (p == NULL)
        return -1;
    since = bench_now();
    st = tube_run(p, &err);
    since = bench_now() - since;
    return graph_end(p, st, &err) ? (double)since * 1e-9 : -1;
}

#endif /* TUBES_BENCH_GRAPH_H */
