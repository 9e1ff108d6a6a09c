/* SPDX-License-Identifier: MIT */
/* copy.c -- records to the bytes of a binary COPY: how near to code made for one table?
 *
 * Ceilings, in the same rounds: an encoder written by hand for these eleven columns,
 * and a copy of the bytes that come out.  The rows are a transaction's worth, so that
 * they lie in the same cache as in a load.
 */
#include "bench/bench.h"
#include "stages/clf.h"
#include "stages/gen_line.h"
#include "stages/pg_copy.h"

#include <endian.h>

enum { BATCHES = 10, ROWS = BATCHES * TUBE_BATCH_ROWS, WIDTH = TUBEI_CLF_COMBINED };

static struct {
    char *text;
    tube_cell *cells;
    tube_cell *raw;
    tube_batch batch[BATCHES];
    pg_column column[WIDTH];
    pg_table table;
    pg_copy plan;
    char *out;
    char *copy;
    size_t len; /* of what is encoded */
} data;

static void
columns_make(void)
{
    static const struct {
        tube_type type;
        pg_catalog_type catalog;
    } columns[WIDTH] = {
        [TUBEI_CLF_STAMP] = { TUBE_TIME, { .oid = 1184, .name = "", .whole = "" } },
        [TUBEI_CLF_STATUS] = { TUBE_INT, { .oid = 21, .name = "", .whole = "" } },
        [TUBEI_CLF_BYTES] = { TUBE_INT, { .oid = 20, .name = "", .whole = "" } },
    };
    static const pg_catalog_type text = { .oid = 25, .name = "", .whole = "" };

    for (int i = 0; i < WIDTH; i++) {
        bool is_text = columns[i].type == 0;
        const pg_catalog_type *type = is_text ? &text : &columns[i].catalog;

        data.column[i].field = i;
        if (tubei_pg_type_choose(type, is_text ? TUBE_TEXT : columns[i].type, "",
                                 &data.column[i], NULL)
            != TUBE_OK)
            exit(1);
    }
    data.table = (pg_table){ .column = data.column, .n = WIDTH };
    if (tubei_pg_copy_plan(&data.plan, &data.table, NULL, NULL) != TUBE_OK)
        exit(1);
}

static void
rows_make(void)
{
    struct tubei_clf clf;
    struct tubei_clf_error e;
    tubei_gen g;
    char *p;

    memset(&clf, 0, sizeof(clf));
    clf.scan = tubei_scan();
    tubei_gen_init(&g, TUBEI_GEN_COMBINED, 1);
    data.text = calloc(ROWS, TUBEI_GEN_LINE_MAX + TUBE_PAD);
    data.cells = calloc((size_t)ROWS * WIDTH, sizeof(*data.cells));
    data.raw = calloc(ROWS, sizeof(*data.raw));
    data.out = calloc(ROWS, 1024);
    data.copy = calloc(ROWS, 1024);
    p = data.text;
    if (p == NULL || data.cells == NULL || data.raw == NULL || data.out == NULL
        || data.copy == NULL)
        exit(1);
    for (size_t r = 0; r < ROWS; r++) {
        size_t len = tubei_gen_line(&g, p);

        tube_set_text(&data.raw[r], p, len - 1);
        if (!tubei_clf_parse(&clf, (tube_slice){ p, len - 1 }, &data.cells[r * WIDTH],
                             WIDTH, &e))
            exit(1);
        p += len;
    }
    for (size_t i = 0; i < BATCHES; i++) {
        tube_batch *b = &data.batch[i];

        b->cells = data.cells + i * TUBE_BATCH_ROWS * WIDTH;
        b->raw = data.raw + i * TUBE_BATCH_ROWS;
        b->width = WIDTH;
        b->cap = TUBE_BATCH_ROWS;
        b->flags = TUBE_PLAIN;
        b->n = TUBE_BATCH_ROWS;
        memset(b->live, 0xff, sizeof(b->live));
    }
}

static double
per_row(uint64_t since)
{
    return (double)(bench_now() - since) / ROWS;
}

/* What process() does: check, convert. */
static double
run_prepare(void *unused)
{
    uint64_t since = bench_now();

    (void)unused;
    for (size_t i = 0; i < BATCHES; i++)
        if (tubei_pg_copy_prepare(&data.plan, NULL, &data.batch[i], NULL) != TUBE_OK)
            return -1;
    return per_row(since);
}

static double
run_encode(void *unused)
{
    const char *end = data.out + (size_t)ROWS * 1024;
    uint64_t since = bench_now();
    char *out = data.out;

    (void)unused;
    for (size_t i = 0; i < BATCHES && out != NULL; i++)
        for (uint32_t r = 0; r < data.batch[i].n && out != NULL; r++)
            out = tubei_pg_copy_row(&data.plan, tube_row(&data.batch[i], r), out, end);
    if (out == NULL)
        return -1;
    data.len = (size_t)(out - data.out);
    return per_row(since);
}

static double
run_both(void *unused)
{
    uint64_t since = bench_now();

    if (run_prepare(unused) < 0 || run_encode(unused) < 0)
        return -1;
    return per_row(since);
}

/* The same rows by hand. */

static inline char *
hand_length(char *p, uint32_t n)
{
    n = htobe32(n);
    memcpy(p, &n, sizeof(n));
    return p + sizeof(n);
}

static inline char *
hand_text(char *p, const tube_cell *c)
{
    if (!c->set)
        return hand_length(p, UINT32_MAX);
    p = hand_length(p, c->len);
    memcpy(p, c->text, 32);
    if (c->len > 32)
        memcpy(p + 32, c->text + 32, c->len - 32);
    return p + c->len;
}

static inline char *
hand_int8(char *p, const tube_cell *c, int64_t v)
{
    uint64_t bits = htobe64((uint64_t)v);

    if (!c->set)
        return hand_length(p, UINT32_MAX);
    p = hand_length(p, 8);
    memcpy(p, &bits, sizeof(bits));
    return p + sizeof(bits);
}

static char *
hand_row(char *p, const tube_cell *c)
{
    uint16_t n = htobe16(WIDTH);
    uint16_t status;

    memcpy(p, &n, sizeof(n));
    p = hand_text(p + 2, &c[TUBEI_CLF_CLIENT]);
    p = hand_text(p, &c[TUBEI_CLF_IDENT]);
    p = hand_text(p, &c[TUBEI_CLF_USERNAME]);
    p = hand_int8(p, &c[TUBEI_CLF_STAMP],
                  c[TUBEI_CLF_STAMP].integer - INT64_C(946684800000000));
    p = hand_text(p, &c[TUBEI_CLF_METHOD]);
    p = hand_text(p, &c[TUBEI_CLF_PATH]);
    p = hand_text(p, &c[TUBEI_CLF_PROTOCOL]);
    if (c[TUBEI_CLF_STATUS].set) {
        status = htobe16((uint16_t)c[TUBEI_CLF_STATUS].integer);
        p = hand_length(p, 2);
        memcpy(p, &status, sizeof(status));
        p += 2;
    } else {
        p = hand_length(p, UINT32_MAX);
    }
    p = hand_int8(p, &c[TUBEI_CLF_BYTES], c[TUBEI_CLF_BYTES].integer);
    p = hand_text(p, &c[TUBEI_CLF_REFERRER]);
    return hand_text(p, &c[TUBEI_CLF_AGENT]);
}

static double
run_hand(void *unused)
{
    uint64_t since = bench_now();
    char *out = data.copy;

    (void)unused;
    for (size_t r = 0; r < ROWS; r++)
        out = hand_row(out, data.cells + r * WIDTH);
    double ns = per_row(since);
    if (data.len > 0 && memcmp(data.out, data.copy, data.len) != 0) {
        fprintf(stderr, "copy: the encoder by hand gives other bytes\n");
        return -1;
    }
    bench_keep(out);
    return ns;
}

static double
run_memcpy(void *unused)
{
    uint64_t since = bench_now();

    (void)unused;
    memcpy(data.copy, data.out, data.len);
    bench_keep(data.copy);
    return per_row(since);
}

int
main(int argc, char **argv)
{
    bench_begin("copy", argc, argv);
    columns_make();
    rows_make();
    bench_add("encode", "ns/row", run_encode, NULL);
    bench_add("hand", "ns/row", run_hand, NULL);
    bench_add("prepare", "ns/row", run_prepare, NULL);
    bench_add("prepare_encode", "ns/row", run_both, NULL);
    bench_add("memcpy", "ns/row", run_memcpy, NULL);
    bench_ratio("encode_share", "hand", "encode");
    return bench_end();
}
