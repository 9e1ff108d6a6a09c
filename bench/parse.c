/* SPDX-License-Identifier: MIT */
/* parse.c -- cut a combined log into lines and fields: how near to the limits?
 *
 * Limits, in the same rounds: memchr() over the newlines, and a parser written for this
 * one format by hand, which finds the fields with AVX2 and checks next to nothing.
 * TUBES_BENCH_LOG names a log to use instead of a made-up one.
 */
#include "bench/bench.h"
#include "stages/clf.h"
#include "stages/gen_line.h"

#include <tubes/tubes.h>

enum { LINES = 200000, CHUNK = TUBE_BUFFER_BYTES };

static struct {
    char *text; /* padded */
    size_t len;
    uint64_t lines;
} input;

static tube_cell cells[TUBE_BATCH_ROWS * TUBEI_CLF_COMBINED];
static tube_cell rows[TUBE_BATCH_ROWS];
static uint32_t places[TUBE_BATCH_ROWS + TUBEI_SCAN_SLACK];

static void
input_read(const char *path)
{
    FILE *f = fopen(path, "re");
    long len = -1;

    if (f != NULL && fseek(f, 0, SEEK_END) == 0)
        len = ftell(f);
    if (len <= 0) {
        fprintf(stderr, "parse: cannot read '%s'\n", path);
        exit(1);
    }
    rewind(f);
    input.text = calloc(1, (size_t)len + TUBE_PAD);
    if (input.text != NULL)
        input.len = fread(input.text, 1, (size_t)len, f);
    fclose(f);
}

static void
input_make(void)
{
    tubei_gen g;

    tubei_gen_init(&g, TUBEI_GEN_COMBINED, 1);
    input.text = calloc(LINES, 400);
    for (size_t i = 0; input.text != NULL && i < LINES; i++) {
        if (input.len + TUBEI_GEN_LINE_MAX + TUBE_PAD > (size_t)LINES * 400)
            break;
        input.len += tubei_gen_line(&g, input.text + input.len);
    }
}

static double
per_line(uint64_t since)
{
    return (double)(bench_now() - since) / (double)input.lines;
}

/* Limits. */

static double
run_memchr(void *unused)
{
    const char *end = input.text + input.len;
    uint64_t since = bench_now();
    const char *nl;

    (void)unused;
    for (const char *p = input.text; (nl = memchr(p, '\n', (size_t)(end - p))) != NULL;
         p = nl + 1)
        bench_keep(nl);
    return per_line(since);
}

#if defined(__x86_64__)

#  include <immintrin.h>

#  define AVX2 __attribute__((target("avx2")))

/* The next `c`, without a look at the end. */
AVX2 static inline const char *
hand_find(const char *p, char c)
{
    for (;; p += 32) {
        __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
        __m256i hit = _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c));
        uint32_t bits = (uint32_t)_mm256_movemask_epi8(hit);

        if (bits != 0)
            return p + __builtin_ctz(bits);
    }
}

AVX2 static inline const char *
hand_quote(const char *p)
{
    do
        p = hand_find(p, '"') + 1;
    while (p[-2] == '\\');
    return p - 1;
}

static inline const char *
hand_text(tube_cell *c, const char *from, const char *to)
{
    tube_set_text(c, from, (size_t)(to - from));
    return to + 1;
}

static inline int64_t
hand_number(const char *p, const char *end)
{
    int64_t v = 0;

    for (; p < end; p++)
        v = v * 10 + (*p - '0');
    return v;
}

/* One line; where the next begins. */
AVX2 static const char *
hand_line(const char *p, tube_cell *c, char last[TUBEI_CLF_TIME], int64_t *us)
{
    struct tubei_clf_clock clock = { .midnight = 0 };
    struct tubei_clf_error e;
    const char *q;

    p = hand_text(c++, p, hand_find(p, ' '));
    p = hand_text(c++, p, hand_find(p, ' '));
    p = hand_text(c++, p, hand_find(p, ' '));
    if (memcmp(last, p + 1, TUBEI_CLF_TIME) != 0) {
        memcpy(last, p + 1, TUBEI_CLF_TIME);
        (void)tubei_clf_time(&clock, p + 1, us, &e);
    }
    tube_set_int(c++, *us);
    p += TUBEI_CLF_TIME + 4;
    q = hand_quote(p);
    p = hand_text(c++, p, hand_find(p, ' '));
    hand_text(c++, p, q - 9);
    hand_text(c++, q - 8, q);
    p = q + 2;
    tube_set_int(c++, hand_number(p, p + 3));
    p += 4;
    q = hand_find(p, ' ');
    tube_set_int(c, *p == '-' ? 0 : hand_number(p, q));
    c++->set = *p != '-';
    p = hand_text(c++, q + 2, hand_quote(q + 2)) + 2;
    p = hand_text(c, p, hand_quote(p));
    return p + 1;
}

static double
run_hand(void *unused)
{
    const char *end = input.text + input.len;
    char last[TUBEI_CLF_TIME] = { 0 };
    int64_t us = 0;
    uint64_t since = bench_now();
    uint32_t row = 0;

    (void)unused;
    for (const char *p = input.text; p < end; row = (row + 1) % TUBE_BATCH_ROWS)
        p = hand_line(p, cells + (size_t)row * TUBEI_CLF_COMBINED, last, &us);
    bench_keep(cells);
    return per_line(since);
}

#endif

/* Ours, alone. */

/* Newlines of the chunk at `from` into rows; where the next chunk begins. */
static size_t
chunk_lines(const struct tubei_scan *scan, size_t from, uint32_t *n)
{
    size_t len = input.len - from < CHUNK ? input.len - from : CHUNK;
    bool plain = true;
    uint32_t start = 0;

    *n = scan->lines(input.text + from, len, places, TUBE_BATCH_ROWS, &plain);
    for (uint32_t i = 0; i < *n; start = places[i++] + 1)
        tube_set_text(&rows[i], input.text + from + start, places[i] - start);
    return *n > 0 ? from + start : input.len;
}

static double
run_lines(void *arg)
{
    const struct tubei_scan *scan = *(const struct tubei_scan *const *)arg;
    uint64_t since = bench_now();
    uint32_t n;

    for (size_t at = 0; at < input.len;) {
        at = chunk_lines(scan, at, &n);
        bench_keep(rows);
    }
    return per_line(since);
}

static double
run_parse(void *arg)
{
    const struct tubei_scan *scan = *(const struct tubei_scan *const *)arg;
    struct tubei_clf p = { .scan = scan };
    struct tubei_clf_error e;
    uint64_t spent = 0;
    uint32_t n;

    for (size_t at = 0; at < input.len;) {
        at = chunk_lines(scan, at, &n);
        uint64_t since = bench_now();
        for (uint32_t i = 0; i < n; i++)
            if (!tubei_clf_parse(&p, tube_text(&rows[i]),
                                 cells + (size_t)i * TUBEI_CLF_COMBINED,
                                 TUBEI_CLF_COMBINED, &e)) {
                fprintf(stderr, "parse: %s: %.*s\n", e.reason, (int)rows[i].len,
                        rows[i].text);
                return -1;
            }
        bench_keep(cells);
        spent += bench_now() - since;
    }
    return (double)spent / (double)input.lines;
}

static double
run_rate(void *arg)
{
    return 1000 / run_parse(arg);
}

/* Ours, as stages of a pipeline. */

struct memory {
    size_t at;
};

static tube_status
memory_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct memory *m = tube_state(s);
    size_t len = input.len - m->at < CHUNK ? input.len - m->at : CHUNK;
    tube_batch *b = tube_take(s);

    (void)none;
    (void)err;
    if (b == NULL)
        return TUBE_AGAIN;
    memcpy(tube_batch_buffer(b), input.text + m->at, len);
    tube_batch_segment(b, &(tube_segment){ .bytes = { tube_batch_buffer(b), len },
                                           .origin = TUBE_NO_ORIGIN,
                                           .offset = m->at,
                                           .last = m->at + len == input.len });
    m->at += len;
    tube_status st = tube_emit(s, &b);
    return m->at == input.len ? TUBE_END : st;
}

static const tube_stage_def memory_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "memory",
    .summary = "the input of the bench",
    .out = TUBE_FLOW_BYTES,
    .state_size = sizeof(struct memory),
    .process = memory_process,
};

/* ns a line inside stage `*which` of "memory | lines | parse combined | null", of all
 * of them if that is 4. */
static double
run_stage(void *which)
{
    uint32_t i = *(const uint32_t *)which;
    tube_pipeline *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER), NULL);
    tube_error err = { 0 };
    tube_stage_stats st;
    tube_counts c;

    if (p == NULL || tube_define(p, &memory_def, &err) != TUBE_OK
        || tube_series(p, "memory | lines | parse combined | null", &err) != TUBE_OK
        || tube_open(p, &err) != TUBE_OK) {
        tube_error_print(&err, stderr);
        return -1;
    }
    uint64_t since = bench_now();
    tube_status ran = tube_run(p, &err);
    double figure = per_line(since);
    tube_stats(p, &c);
    if (i < 4) {
        tube_stats_stage(p, i, &st);
        figure = (double)st.busy_ns / (double)input.lines;
    }
    tube_pipeline_free(p);
    return ran == TUBE_OK && c.committed == input.lines ? figure : -1;
}

int
main(int argc, char **argv)
{
    static uint32_t stage[] = { 0, 1, 2, 3, 4 };
    const char *log = getenv("TUBES_BENCH_LOG");
    const struct tubei_scan *best = tubei_scan();
    const struct tubei_scan *twin = &tubei_scan_portable;

    bench_begin("parse", argc, argv);
    if (log != NULL)
        input_read(log);
    else
        input_make();
    if (input.text == NULL)
        return 1;
    for (size_t i = 0; i < input.len; i++)
        input.lines += input.text[i] == '\n';
    bench_add("memchr", "ns/line", run_memchr, NULL);
    bench_add("lines", "ns/line", run_lines, &best);
    bench_add("lines_portable", "ns/line", run_lines, &twin);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        bench_add("by_hand", "ns/line", run_hand, NULL);
#endif
    bench_add("parse", "ns/line", run_parse, &best);
    bench_add("parse_portable", "ns/line", run_parse, &twin);
    bench_add("parse_rate", "Mlines/s", run_rate, &best);
    bench_add("stage_lines", "ns/line", run_stage, &stage[1]);
    bench_add("stage_parse", "ns/line", run_stage, &stage[2]);
    bench_add("pipeline", "ns/line", run_stage, &stage[4]);
    bench_ratio("lines_of_memchr", "memchr", "lines");
    bench_ratio("parse_of_by_hand", "by_hand", "parse");
    return bench_end();
}
