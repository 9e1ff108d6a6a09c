/* SPDX-License-Identifier: MIT */
/* flow_cpu.c -- what a row costs us from the file to the bytes of a COPY.
 *
 * file_to_copy  file | lines | parse combined | discard, one worker; `discard` prepares
 *               and encodes rows as the sink `postgres` does, and throws them away
 * by_hand       read() into one buffer, hand.h, and an encoder for this one table
 *
 * CPU time, user and system.  Before the rounds both are run once with a digest over
 * their bytes, which must be the same.  TUBES_BENCH_LOG names the log.
 */
#include "bench.h"
#include "flow.h"
#include "stages/pg_copy.h"

#include <fcntl.h>

#if defined(__x86_64__)
#  include "hand.h"
#endif

#define US_1970_TO_2000 INT64_C(946684800000000)

/* What was encoded. */
static struct {
    uint64_t bytes;
    uint64_t digest;
    bool digesting;
} out;

/* FNV-1a. */
static void
throw_away(const char *p, size_t len)
{
    out.bytes += len;
    bench_keep(p);
    for (size_t i = 0; out.digesting && i < len; i++)
        out.digest = (out.digest ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
}

static double
cpu_per_row(uint64_t since)
{
    return (double)(bench_cpu(RUSAGE_SELF) - since) / (double)flow_log.sum.rows;
}

/* Ours. */

struct discard {
    pg_table table;
    pg_column column[TUBEI_CLF_COMBINED];
    pg_copy copy;
    pg_chunk chunk;
};

static tube_status
discard_open(tube_stage *s, tube_error *err)
{
    static const pg_catalog_type text = { 25, -1, 'b', "text", "text" };
    static const pg_catalog_type time = { 1184, -1, 'b', "timestamptz", "timestamptz" };
    static const pg_catalog_type int2 = { 21, -1, 'b', "int2", "smallint" };
    static const pg_catalog_type int8 = { 20, -1, 'b', "int8", "bigint" };
    struct discard *d = tube_state(s);
    const tube_schema *fields = tube_input(s);
    tube_status st = TUBE_OK;

    d->table.column = d->column;
    d->table.n = tube_schema_width(fields);
    for (uint32_t i = 0; st == TUBE_OK && i < d->table.n; i++) {
        const tube_column *f = tube_schema_column(fields, (tube_field)i);
        const pg_catalog_type *t = &text;

        if (f->type == TUBE_TIME)
            t = &time;
        else if (f->type == TUBE_INT)
            t = strcmp(f->name, "status") == 0 ? &int2 : &int8;
        d->column[i].field = (tube_field)i;
        st = tubei_pg_type_choose(t, f->type, f->name, &d->column[i], err);
    }
    if (st == TUBE_OK && !tubei_pg_chunk_room(&d->chunk, PG_CHUNK_BYTES))
        st = tube_fail(err, TUBE_ENOMEM, "out of memory");
    return st == TUBE_OK ? tubei_pg_copy_plan(&d->copy, &d->table, fields, err) : st;
}

static tube_status
discard_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct discard *d = tube_state(s);
    tube_status st = tubei_pg_copy_prepare(&d->copy, s, b, err);

    if (st != TUBE_OK)
        return st;
    TUBE_EACH(b, r) {
        if (!tubei_pg_chunk_row(&d->chunk, &d->copy, tube_row(b, r)))
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        if (d->chunk.len < PG_CHUNK_BYTES)
            continue;
        throw_away(d->chunk.data, d->chunk.len);
        d->chunk.len = 0;
    }
    return TUBE_OK;
}

static tube_status
discard_finish(tube_stage *s, tube_error *err)
{
    struct discard *d = tube_state(s);

    (void)err;
    throw_away(d->chunk.data, d->chunk.len);
    d->chunk.len = 0;
    return TUBE_OK;
}

static void
discard_close(tube_stage *s)
{
    struct discard *d = tube_state(s);

    tubei_pg_copy_free(&d->copy);
    free(d->chunk.data);
}

static const tube_stage_def discard_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "discard",
    .summary = "encode rows for PostgreSQL and throw them away",
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct discard),
    .open = discard_open,
    .process = discard_process,
    .finish = discard_finish,
    .close = discard_close,
};

static double
run_ours(void *unused)
{
    uint64_t since = bench_cpu(RUSAGE_SELF);
    char text[4096];

    (void)unused;
    snprintf(text, sizeof(text), "file `%s` | parse combined | discard", flow_log.path);
    out.bytes = 0;
    return flow_run(text, 1, &discard_def) ? cpu_per_row(since) : -1;
}

#if defined(__x86_64__)

/* By hand. */

static inline char *
hand_put32(char *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
}

static inline char *
hand_put64(char *p, int64_t v)
{
    uint64_t u = __builtin_bswap64((uint64_t)v);

    memcpy(p, &u, sizeof(u));
    return p + sizeof(u);
}

static inline char *
hand_put_text(char *p, const tube_cell *c)
{
    if (!c->set)
        return hand_put32(p, UINT32_MAX);
    p = hand_put32(p, c->len);
    if (c->len <= 32)
        memcpy(p, c->text, 32);
    else
        memcpy(p, c->text, c->len);
    return p + c->len;
}

static inline char *
hand_row(char *p, const tube_cell *c)
{
    *p++ = 0;
    *p++ = TUBEI_CLF_COMBINED;
    for (int i = TUBEI_CLF_CLIENT; i <= TUBEI_CLF_USERNAME; i++)
        p = hand_put_text(p, &c[i]);
    p = hand_put64(hand_put32(p, 8), c[TUBEI_CLF_STAMP].integer - US_1970_TO_2000);
    for (int i = TUBEI_CLF_METHOD; i <= TUBEI_CLF_PROTOCOL; i++)
        p = hand_put_text(p, &c[i]);
    p = hand_put32(p, 2);
    *p++ = (char)(c[TUBEI_CLF_STATUS].integer >> 8);
    *p++ = (char)c[TUBEI_CLF_STATUS].integer;
    if (c[TUBEI_CLF_BYTES].set)
        p = hand_put64(hand_put32(p, 8), c[TUBEI_CLF_BYTES].integer);
    else
        p = hand_put32(p, UINT32_MAX);
    p = hand_put_text(p, &c[TUBEI_CLF_REFERRER]);
    return hand_put_text(p, &c[TUBEI_CLF_AGENT]);
}

enum { IN_BYTES = TUBE_BUFFER_BYTES, OUT_BYTES = PG_CHUNK_BYTES, ROW_MOST = 16384 };

/* All lines that end in [in, end); where the last one ends. */
static const char *
hand_lines(const char *in, const char *end, char *chunk, size_t *len,
           struct hand_clock *last)
{
    const char *stop = memrchr(in, '\n', (size_t)(end - in));
    tube_cell cells[TUBEI_CLF_COMBINED];

    while (stop != NULL && in <= stop) {
        in = hand_line(in, cells, last);
        *len = (size_t)(hand_row(chunk + *len, cells) - chunk);
        if (*len >= OUT_BYTES) {
            throw_away(chunk, *len);
            *len = 0;
        }
    }
    return in;
}

static double
run_hand(void *unused)
{
    static char in[IN_BYTES + ROW_MOST + TUBE_PAD];
    static char chunk[OUT_BYTES + ROW_MOST];
    uint64_t since = bench_cpu(RUSAGE_SELF);
    struct hand_clock last = { .us = 0 };
    int fd = open(flow_log.path, O_RDONLY | O_CLOEXEC);
    size_t left = 0;
    size_t len = 0;
    ssize_t n;

    (void)unused;
    out.bytes = 0;
    while ((n = read(fd, in + left, IN_BYTES)) > 0) {
        const char *end = in + left + n;
        const char *rest = hand_lines(in, end, chunk, &len, &last);

        left = (size_t)(end - rest);
        if (left > ROW_MOST)
            return -1;
        memmove(in, rest, left);
    }
    throw_away(chunk, len);
    close(fd);
    return n == 0 ? cpu_per_row(since) : -1;
}

/* Both must make the same bytes. */
static bool
same_bytes(void)
{
    uint64_t bytes, digest;

    out.digesting = true;
    if (run_ours(NULL) < 0)
        return false;
    bytes = out.bytes;
    digest = out.digest;
    out.digest = 0;
    if (run_hand(NULL) < 0)
        return false;
    out.digesting = false;
    if (bytes == out.bytes && digest == out.digest)
        return true;
    fprintf(stderr, "flow_cpu: %llu bytes with digest %llx, by hand %llu with %llx\n",
            (unsigned long long)bytes, (unsigned long long)digest,
            (unsigned long long)out.bytes, (unsigned long long)out.digest);
    return false;
}

#endif

int
main(int argc, char **argv)
{
    bench_begin("flow_cpu", argc, argv);
    flow_log_open();
    bench_add("file_to_copy", "ns/row", run_ours, NULL);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        if (!same_bytes())
            return 1;
        bench_add("by_hand", "ns/row", run_hand, NULL);
    }
#endif
    bench_ratio("by_hand_share", "by_hand", "file_to_copy");
    return bench_end();
}
