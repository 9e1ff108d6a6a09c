/* SPDX-License-Identifier: MIT */
/* workers.c -- does a second core double what a stateless stage gets done?
 *
 * The same stage once with one worker, and twice, in `parallel 2`, with two; sources that
 * cost next to nothing, so that the stage is all there is to do.  Ceiling: two pipelines
 * at the same time, each with one worker and half of the rows; less than twice as much
 * as one is the machine's doing.  TUBES_BENCH_LOG names a log for the figures with `file`.
 */
#include "bench.h"
#include "stages/gen_line.h"

#include <tubes/tubes.h>

enum { LINES = 16 * TUBE_BATCH_ROWS, MIXES = 24, MILLION = 1000 * 1000, AT_ONCE = 2 };

static tube_cell line[LINES]; /* of text that lives as long as the program */
static int64_t source_rows;   /* that each source makes */
static _Atomic uint64_t sum_all;

/* Sources. */

typedef struct source {
    int64_t next;
} source;

/* How many rows the next batch has; 0: that was all. */
static uint32_t
source_left(const source *g, uint32_t cap)
{
    int64_t left = source_rows - g->next;

    return left < cap ? (uint32_t)left : cap;
}

static tube_status
numbers_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = { { "n", TUBE_INT, NULL },
                                           { "mixed", TUBE_INT, NULL } };

    return tube_set_schema(s, columns, 2, err);
}

static tube_status
numbers_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    source *g = tube_state(s);
    tube_batch *b;
    uint32_t n;

    (void)none;
    (void)err;
    if (source_left(g, 1) == 0)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    n = source_left(g, b->cap);
    for (uint32_t r = 0; r < n; r++) {
        tube_set_int(tube_row(b, r), g->next + r);
        tube_set_int(tube_row(b, r) + 1, 0);
    }
    tube_batch_rows(b, n);
    g->next += n;
    return tube_emit(s, &b);
}

static tube_status
prepared_open(tube_stage *s, tube_error *err)
{
    static const tube_column column = { "line", TUBE_TEXT, NULL };

    return tube_set_schema(s, &column, 1, err);
}

static tube_status
prepared_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    source *g = tube_state(s);
    tube_batch *b;
    uint32_t n;

    (void)none;
    (void)err;
    if (source_left(g, 1) == 0)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    n = source_left(g, b->cap);
    memcpy(b->cells, line + g->next % LINES, n * sizeof(*line));
    tube_batch_rows(b, n);
    b->flags |= TUBE_PLAIN;
    g->next += n;
    return tube_emit(s, &b);
}

/* The stage, and what finds out whether all rows came through it, in their order. */

/* The finaliser of MurmurHash3 (Austin Appleby, public domain), over and over. */
static uint64_t
mix(uint64_t v)
{
    for (int i = 0; i < MIXES; i++) {
        v ^= v >> 33;
        v *= 0xff51afd7ed558ccdu;
    }
    return v;
}

static tube_status
compute_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    TUBE_EACH(b, r)
        tube_row(b, r)[1].integer = (int64_t)mix((uint64_t)tube_row(b, r)->integer);
    return TUBE_OK;
}

typedef struct check {
    bool ordered; /* option */
    int64_t next;
    uint64_t sum;
} check;

static const tube_option check_options[] = {
    { "ordered", TUBE_OPT_BOOL, offsetof(check, ordered), "no", NULL,
      "rows must come as they were made", 0 },
    { 0 },
};

static tube_status
check_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    check *c = tube_state(s);

    TUBE_EACH(b, r) {
        const tube_cell *row = tube_row(b, r);

        if (c->ordered && row->integer != c->next++)
            return tube_fail(err, TUBE_EINVAL, "row %lld out of order",
                             (long long)row->integer);
        c->sum += (uint64_t)row[1].integer;
    }
    return TUBE_OK;
}

static void
check_close(tube_stage *s)
{
    sum_all += ((const check *)tube_state(s))->sum;
}

static const tube_stage_def defs[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SOURCE,
      .name = "numbers",
      .out = TUBE_FLOW_RECORDS,
      .state_size = sizeof(source),
      .open = numbers_open,
      .process = numbers_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SOURCE,
      .name = "prepared",
      .out = TUBE_FLOW_LINES,
      .state_size = sizeof(source),
      .open = prepared_open,
      .process = prepared_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "compute",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .flags = TUBE_STATELESS,
      .process = compute_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "check",
      .in = TUBE_FLOW_RECORDS,
      .options = check_options,
      .state_size = sizeof(check),
      .process = check_process,
      .close = check_close },
};

/* Running. */

typedef struct figure {
    const char *text;
    int64_t rows;
    int32_t workers;
    int pipelines; /* at the same time; 0: one */
    bool computes;
} figure;

static tube_pipeline *
opened(const figure *g)
{
    tube_pipeline *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = g->workers), NULL);
    tube_error err = { 0 };
    bool ok = p != NULL;

    for (size_t i = 0; ok && i < sizeof(defs) / sizeof(*defs); i++)
        ok = tube_define(p, &defs[i], &err) == TUBE_OK;
    if (ok && tube_series(p, g->text, &err) == TUBE_OK && tube_open(p, &err) == TUBE_OK)
        return p;
    tube_error_print(&err, stderr);
    tube_pipeline_free(p);
    return NULL;
}

/* The sum that all rows of a figure have to come to. */
static uint64_t
expected(const figure *g)
{
    static int64_t rows;
    static uint64_t sum;

    for (; rows < g->rows; rows++)
        sum += mix((uint64_t)rows);
    return sum;
}

/* Wait for it and free it; rows that came through, 0: it failed. */
static uint64_t
ended(tube_pipeline *p)
{
    tube_error err = { 0 };
    tube_status st = tube_wait(p, TUBE_FOREVER, &err);
    tube_counts c;

    tube_stats(p, &c);
    tube_pipeline_free(p);
    if (st == TUBE_OK)
        return c.committed;
    tube_error_print(&err, stderr);
    return 0;
}

/* M rows/s */
static double
run(void *arg)
{
    const figure *g = arg;
    int n = g->pipelines > 0 ? g->pipelines : 1;
    tube_pipeline *p[AT_ONCE] = { NULL };
    uint64_t came = 0;
    uint64_t since;

    source_rows = g->rows / n;
    sum_all = 0;
    for (int i = 0; i < n; i++)
        if ((p[i] = opened(g)) == NULL)
            return -1;
    since = bench_now();
    for (int i = 0; i < n; i++)
        if (tube_start(p[i], NULL) != TUBE_OK)
            return -1;
    for (int i = 0; i < n; i++)
        came += ended(p[i]);
    since = bench_now() - since;
    if (came != (uint64_t)g->rows
        || (g->computes && n == 1 && sum_all != expected(g))) {
        fprintf(stderr,
                "workers: '%s': %llu rows of %lld, or not what they should be\n",
                g->text, (unsigned long long)came, (long long)g->rows);
        return -1;
    }
    return (double)g->rows * 1000 / (double)since;
}

static bool
lines_make(void)
{
    char *text = malloc((size_t)LINES * TUBEI_GEN_LINE_MAX + TUBE_PAD);
    tubei_gen gen;

    if (text == NULL)
        return false;
    tubei_gen_init(&gen, TUBEI_GEN_COMBINED, 1);
    for (size_t i = 0; i < LINES; i++) {
        size_t len = tubei_gen_line(&gen, text);

        tube_set_text(&line[i], text, len - 1); /* without its newline */
        text += len;
    }
    return true;
}

static int64_t
lines_of(const char *path)
{
    FILE *f = fopen(path, "re");
    int64_t n = 0;
    int c;

    while (f != NULL && (c = getc_unlocked(f)) != EOF)
        n += c == '\n';
    if (f != NULL)
        fclose(f);
    return n;
}

static void
add_compute(void)
{
    enum { ROWS = 4 * MILLION };
    static figure g[] = {
        { "numbers | compute | check", ROWS, 1, 0, true },
        { "numbers | compute | check", ROWS, 1, AT_ONCE, true },
        { "numbers | parallel 2 ( compute ) | check ordered=yes", ROWS, 2, 0, true },
        { "numbers | parallel 2 order=none ( compute ) | check", ROWS, 2, 0, true },
        { "numbers | parallel 2 order=key key=n ( compute ) | check", ROWS, 2, 0,
          true },
    };

    bench_add("compute", "Mrows/s", run, &g[0]);
    bench_add("compute_apart", "Mrows/s", run, &g[1]);
    bench_add("compute_input", "Mrows/s", run, &g[2]);
    bench_add("compute_none", "Mrows/s", run, &g[3]);
    bench_add("compute_key", "Mrows/s", run, &g[4]);
    bench_goal("compute_input_of_1", "compute_input", "compute", "G10", 1.8);
    bench_goal("compute_none_of_1", "compute_none", "compute", "G10", 1.8);
    bench_ratio("compute_key_of_1", "compute_key", "compute");
    bench_ratio("compute_apart_of_1", "compute_apart", "compute");
}

static void
add_parse(void)
{
    enum { ROWS = 3 * MILLION };
    static figure g[] = {
        { "prepared | parse combined | null", ROWS, 1, 0, false },
        { "prepared | parse combined | null", ROWS, 1, AT_ONCE, false },
        { "prepared | parallel 2 ( parse combined ) | null", ROWS, 2, 0, false },
        { "prepared | parallel 2 order=none ( parse combined ) | null", ROWS, 2, 0,
          false },
    };

    bench_add("parse", "Mlines/s", run, &g[0]);
    bench_add("parse_apart", "Mlines/s", run, &g[1]);
    bench_add("parse_input", "Mlines/s", run, &g[2]);
    bench_add("parse_none", "Mlines/s", run, &g[3]);
    bench_goal("parse_input_of_1", "parse_input", "parse", "G10", 1.6);
    bench_ratio("parse_none_of_1", "parse_none", "parse");
    bench_ratio("parse_apart_of_1", "parse_apart", "parse");
}

/* What is left of it where lines have to be read and cut first, by one core. */
static void
add_file(const char *log)
{
    static const char *const stages[] = { "lines | parse combined",
                                          "lines | parallel 2 ( parse combined )" };
    static char text[2][512];
    static figure g[3];
    int64_t n = lines_of(log);

    for (int i = 0; i < 2; i++)
        (void)snprintf(text[i], sizeof(text[i]), "file \"%s\" | %s | null", log,
                       stages[i]);
    g[0] = (figure){ text[0], n, 1, 0, false };
    g[1] = (figure){ text[0], n, 2, 0, false };
    g[2] = (figure){ text[1], n, 2, 0, false };
    bench_add("file", "Mlines/s", run, &g[0]);
    bench_add("file_2_workers", "Mlines/s", run, &g[1]);
    bench_add("file_input", "Mlines/s", run, &g[2]);
    bench_ratio("file_2_workers_of_1", "file_2_workers", "file");
    bench_ratio("file_input_of_1", "file_input", "file");
}

int
main(int argc, char **argv)
{
    const char *log = getenv("TUBES_BENCH_LOG");

    bench_begin("workers", argc, argv);
    if (!lines_make())
        return 1;
    add_compute();
    add_parse();
    if (log != NULL)
        add_file(log);
    else
        fprintf(stderr, "workers: no TUBES_BENCH_LOG: no figures with a file\n");
    return bench_end();
}
