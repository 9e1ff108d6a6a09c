/* SPDX-License-Identifier: MIT */
/* sched.c -- what the engine adds to the work of the stages.
 *
 * Four stages touch every cell of every row of batches of 1,024; rows of one column (a
 * cell is all there is to do) and of four (a cache line).  Ceiling: the same callbacks, called
 * by a plain loop on one core.  Beside it, on all cores, oneTBB's parallel_pipeline with
 * the same work, where it was found.  G7: engine >= 0.90 of the loop, <= 1 ns a row and hop.
 */
#include "bench.h"
#include "sched_tbb.h"

#include <tubes/tubes.h>

enum { ROWS = 10 * 1000 * 1000, STAGES = 4, COLUMNS = 4 };

static uint64_t total;
static uint32_t width; /* columns of the figure at hand */

static void
fill(tube_batch *b, int64_t first)
{
    const uint32_t n = width;

    for (uint32_t r = 0; r < b->cap; r++)
        for (uint32_t f = 0; f < n; f++)
            tube_set_int(tube_row(b, r) + f, first + r);
    tube_batch_rows(b, b->cap);
}

static void
touch(tube_batch *b)
{
    const uint32_t n = width;

    TUBE_EACH(b, r)
        for (uint32_t f = 0; f < n; f++)
            tube_row(b, r)[f].integer += 1;
}

static void
add_up(const tube_batch *b)
{
    uint64_t sum = 0;

    TUBE_EACH(b, r)
        sum += (uint64_t)tube_row(b, r)->integer;
    total += sum;
}

/* As stages of a pipeline. */

static tube_status
source_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = {
        { "a", TUBE_INT, NULL },
        { "b", TUBE_INT, NULL },
        { "c", TUBE_INT, NULL },
        { "d", TUBE_INT, NULL },
    };

    return tube_set_schema(s, columns, width, err);
}

static tube_status
source_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    int64_t *next = tube_state(s);
    tube_batch *b;

    (void)unused;
    (void)err;
    if (*next >= ROWS)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    fill(b, *next);
    *next += b->n;
    return tube_emit(s, &b);
}

static tube_status
touch_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    touch(b);
    return TUBE_OK;
}

static tube_status
sink_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    add_up(b);
    return TUBE_OK;
}

static const tube_stage_def numbers = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "numbers",
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(int64_t),
    .open = source_open,
    .process = source_process,
};
static const tube_stage_def toucher = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "touch",
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .process = touch_process,
};
static const tube_stage_def adder = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "add",
    .in = TUBE_FLOW_RECORDS,
    .process = sink_process,
};

typedef struct figure {
    uint32_t width;
    int32_t workers;
} figure;

/* ns a row */
static double
engine(void *arg)
{
    const figure *g = arg;
    tube_pipeline *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = g->workers), NULL);
    uint64_t start;
    bool ok;

    total = 0;
    width = g->width;
    ok = p != NULL && tube_define(p, &numbers, NULL) == TUBE_OK
         && tube_define(p, &toucher, NULL) == TUBE_OK
         && tube_define(p, &adder, NULL) == TUBE_OK
         && tube_series(p, "numbers | touch | touch | touch | touch | add", NULL)
                == TUBE_OK;
    start = bench_now();
    ok = ok && tube_run(p, NULL) == TUBE_OK;
    start = bench_now() - start;
    tube_pipeline_free(p);
    return ok ? (double)start / ROWS : -1;
}

/* The same by hand: one batch, in a loop. */
static double
loop(void *arg)
{
    static tube_cell cells[TUBE_BATCH_ROWS * COLUMNS];
    const figure *g = arg;
    tube_batch b = { .cells = cells, .width = g->width, .cap = TUBE_BATCH_ROWS };
    uint64_t start = bench_now();

    total = 0;
    width = g->width;
    for (int64_t next = 0; next < ROWS; next += b.n) {
        fill(&b, next);
        for (int i = 0; i < STAGES; i++) {
            touch(&b);
            __asm__ volatile("" ::: "memory"); /* four passes, not one of four */
        }
        add_up(&b);
    }
    return (double)(bench_now() - start) / ROWS;
}

#ifdef TUBES_HAVE_TBB
static void *
make(void)
{
    tube_batch *b = calloc(1, sizeof(*b));

    if (b == NULL
        || (b->cells = calloc(TUBE_BATCH_ROWS * COLUMNS, sizeof(tube_cell))) == NULL)
        abort();
    b->width = width;
    b->cap = TUBE_BATCH_ROWS;
    return b;
}

static void
unmake(void *batch)
{
    tube_batch *b = batch;

    free(b->cells);
    free(b);
}

static int
fill_any(void *batch, long first)
{
    fill(batch, first);
    return TUBE_BATCH_ROWS;
}

static void
touch_any(void *batch)
{
    touch(batch);
}

static void
add_up_any(const void *batch)
{
    add_up(batch);
}

static double
tbb(void *arg)
{
    static const bench_work work = { make, unmake, fill_any, touch_any, add_up_any };

    total = 0;
    width = ((const figure *)arg)->width;
    return bench_sched_tbb(&work, ROWS, STAGES);
}
#endif

static double
hop(void *arg)
{
    double with = engine(arg);
    double without = loop(arg);

    return with < 0 ? -1 : with > without ? (with - without) / (STAGES + 1) : 0;
}

int
main(int argc, char **argv)
{
    static figure cell = { 1, 1 }, cell_all = { 1, 0 };
    static figure row = { COLUMNS, 1 }, row_all = { COLUMNS, 0 };

    bench_begin("sched", argc, argv);
    bench_add("cell_loop", "ns/row", loop, &cell);
    bench_add("cell_engine", "ns/row", engine, &cell);
    bench_add("cell_engine_all", "ns/row", engine, &cell_all);
    bench_add("cell_hop", "ns/row/hop", hop, &cell);
    bench_add("row_loop", "ns/row", loop, &row);
    bench_add("row_engine", "ns/row", engine, &row);
    bench_add("row_engine_all", "ns/row", engine, &row_all);
    bench_add("row_hop", "ns/row/hop", hop, &row);
#ifdef TUBES_HAVE_TBB
    bench_add("cell_tbb", "ns/row", tbb, &cell);
    bench_add("row_tbb", "ns/row", tbb, &row);
#endif
    bench_ratio("cell_engine_over_loop", "cell_loop", "cell_engine");
    bench_ratio("row_engine_over_loop", "row_loop", "row_engine");
#ifdef TUBES_HAVE_TBB
    bench_ratio("cell_engine_over_tbb", "cell_tbb", "cell_engine_all");
    bench_ratio("row_engine_over_tbb", "row_tbb", "row_engine_all");
#endif
    return bench_end();
}
