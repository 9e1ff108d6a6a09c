/* SPDX-License-Identifier: MIT */
/* test_pg_copy.c -- rows to COPY's bytes, read back by a decoder of its own. */
#include "pg_copy.h"

#include <criterion/criterion.h>
#include <endian.h>
#include <string.h>

TestSuite(pg_copy, .timeout = 60);

enum { FIELDS = 10 };

static const struct {
    tube_type from;
    pg_catalog_type type;
} columns[FIELDS] = {
    { TUBE_TEXT, { .oid = 25, .name = "text", .whole = "text" } },
    { TUBE_INT, { .oid = 21, .name = "int2", .whole = "smallint" } },
    { TUBE_INT, { .oid = 23, .name = "int4", .whole = "integer" } },
    { TUBE_INT, { .oid = 20, .name = "int8", .whole = "bigint" } },
    { TUBE_TIME, { .oid = 1184, .name = "timestamptz", .whole = "timestamptz" } },
    { TUBE_BOOL, { .oid = 16, .name = "bool", .whole = "boolean" } },
    { TUBE_FLOAT, { .oid = 700, .name = "float4", .whole = "real" } },
    { TUBE_FLOAT, { .oid = 701, .name = "float8", .whole = "double precision" } },
    { TUBE_JSON, { .oid = 3802, .name = "jsonb", .whole = "jsonb" } },
    { TUBE_BYTES, { .oid = 17, .name = "bytea", .whole = "bytea" } },
};

static pg_column column[FIELDS];
static pg_table table = { .column = column, .n = FIELDS };
static pg_copy plan;
static tube_cell row[FIELDS];
static char text[70000];

static void
plan_make(void)
{
    for (int i = 0; i < FIELDS; i++) {
        column[i].field = i;
        cr_assert_eq(tubei_pg_type_choose(&columns[i].type, columns[i].from, "f",
                                          &column[i], NULL),
                     TUBE_OK);
    }
    cr_assert_eq(tubei_pg_copy_plan(&plan, &table, NULL, NULL), TUBE_OK);
    memset(text, 'x', sizeof(text));
}

static void
row_fill(size_t len, int64_t v)
{
    tube_set_text(&row[0], text, len);
    tube_set_int(&row[1], (int16_t)v);
    tube_set_int(&row[2], (int32_t)v);
    tube_set_int(&row[3], v);
    tube_set_int(&row[4], v);
    tube_set_int(&row[5], v & 1);
    tube_set_real(&row[6], (double)(v % 1000) / 4);
    tube_set_real(&row[7], (double)v);
    tube_set_text(&row[8], text, len / 2);
    tube_set_text(&row[9], text, len / 3);
}

static uint64_t
take(const char **p, size_t bytes)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)*(*p)++;
    return v;
}

static void
check_text(const char **p, const tube_cell *c, size_t extra)
{
    cr_assert_eq(take(p, 4), c->len + extra);
    if (extra > 0)
        cr_assert_eq(take(p, 1), 1);
    cr_assert_eq(memcmp(*p, c->text, c->len), 0);
    *p += c->len;
}

static void
check_row(const char **p, int64_t v)
{
    double back;
    float narrow;
    uint32_t bits4;
    uint64_t bits8;

    cr_assert_eq(take(p, 2), FIELDS);
    check_text(p, &row[0], 0);
    cr_assert(take(p, 4) == 2 && (int16_t)take(p, 2) == (int16_t)v);
    cr_assert(take(p, 4) == 4 && (int32_t)take(p, 4) == (int32_t)v);
    cr_assert(take(p, 4) == 8 && (int64_t)take(p, 8) == v);
    cr_assert_eq(take(p, 4), 8);
    cr_assert_eq((int64_t)take(p, 8), v - INT64_C(946684800000000));
    cr_assert(take(p, 4) == 1 && (int64_t)take(p, 1) == (v & 1));
    cr_assert_eq(take(p, 4), 4);
    bits4 = (uint32_t)take(p, 4);
    memcpy(&narrow, &bits4, sizeof(narrow));
    cr_assert_float_eq((double)narrow, (double)(v % 1000) / 4, 0);
    cr_assert_eq(take(p, 4), 8);
    bits8 = take(p, 8);
    memcpy(&back, &bits8, sizeof(back));
    cr_assert_float_eq(back, (double)v, 0);
    check_text(p, &row[8], 1);
    check_text(p, &row[9], 0);
}

Test(pg_copy, rows_read_back_as_they_were)
{
    static char out[400000];

    plan_make();
    for (size_t len = 0; len < 200; len++) {
        int64_t v = (int64_t)len * 1234567 - 100000000;
        const char *p = out;
        char *end;

        row_fill(len, v);
        end = tubei_pg_copy_row(&plan, row, out, out + sizeof(out));
        cr_assert_not_null(end);
        check_row(&p, v);
        cr_assert_eq(p, end);
    }
    tubei_pg_copy_free(&plan);
}

Test(pg_copy, nulls_have_no_bytes)
{
    char out[1000];
    const char *p = out;
    char *end;

    plan_make();
    memset(row, 0, sizeof(row));
    end = tubei_pg_copy_row(&plan, row, out, out + sizeof(out));
    cr_assert_eq(end - out, 2 + 4 * FIELDS);
    (void)take(&p, 2);
    for (int i = 0; i < FIELDS; i++)
        cr_assert_eq(take(&p, 4), UINT32_MAX);
    tubei_pg_copy_free(&plan);
}

/* Whatever room there is: either nothing is said to be written, or all of it, and not
 * a byte behind the end is touched. */
Test(pg_copy, the_end_is_kept)
{
    static char out[2000];

    plan_make();
    for (size_t len = 0; len < 400; len += 13) {
        size_t room;
        bool fitted = false;

        row_fill(len, 7);
        for (room = 0; room <= tubei_pg_copy_room(&plan, row) + 1; room++) {
            char *end;

            memset(out, '#', sizeof(out));
            end = tubei_pg_copy_row(&plan, row, out, out + room);
            for (size_t i = room; i < sizeof(out); i++)
                cr_assert_eq(out[i], '#', "room %zu, byte %zu", room, i);
            cr_assert(!fitted || end != NULL);
            fitted = end != NULL;
        }
        cr_assert(fitted, "the room that was promised is enough");
    }
    tubei_pg_copy_free(&plan);
}

Test(pg_copy, a_chunk_grows_for_a_long_row)
{
    pg_chunk c = { 0 };
    const char *p;

    plan_make();
    cr_assert(tubei_pg_chunk_room(&c, PG_COPY_HEAD));
    tubei_pg_chunk_head(&c);
    for (int i = 0; i < 10; i++) {
        row_fill(65000, i);
        cr_assert(tubei_pg_chunk_row(&c, &plan, row));
    }
    cr_assert(tubei_pg_chunk_room(&c, PG_COPY_TAIL));
    tubei_pg_chunk_tail(&c);
    p = c.data;
    cr_assert_eq(memcmp(p, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", PG_COPY_HEAD), 0);
    p += PG_COPY_HEAD;
    for (int i = 0; i < 10; i++)
        check_row(&p, i);
    cr_assert_eq(take(&p, 2), 0xffff);
    cr_assert_eq(p, c.data + c.len);
    free(c.data);
    tubei_pg_copy_free(&plan);
}

Test(pg_copy, a_reject_becomes_a_row)
{
    pg_chunk c = { 0 };
    tube_rejected why = { .stage = "parse x",
                          .reason = "bad \xff\xc3\xa4",
                          .sqlstate = "" };
    tube_cell raw;
    pg_refused r = { .source = 7,
                     .generation = 2,
                     .has_offset = true,
                     .offset = 99,
                     .line = 3,
                     .raw = &raw,
                     .why = &why };
    const char *p;

    memset(text, 'r', sizeof(text));
    tube_set_text(&raw, text, 5);
    cr_assert(tubei_pg_chunk_refused(&c, &r));
    p = c.data;
    cr_assert_eq(take(&p, 2), 8);
    cr_assert(take(&p, 4) == 8 && take(&p, 8) == 7);
    cr_assert(take(&p, 4) == 4 && take(&p, 4) == 2);
    cr_assert(take(&p, 4) == 8 && take(&p, 8) == 99);
    cr_assert(take(&p, 4) == 8 && take(&p, 8) == 3);
    check_text(&p, &raw, 0);
    cr_assert_eq(take(&p, 4), 7);
    cr_assert_eq(memcmp(p, "parse x", 7), 0);
    p += 7;
    cr_assert_eq(take(&p, 4), UINT32_MAX, "no SQLSTATE is NULL");
    cr_assert_eq(take(&p, 4), 7);
    cr_assert_eq(memcmp(p, "bad ?\xc3\xa4", 7), 0, "words are UTF-8 in any case");
    cr_assert_eq(p + 7, c.data + c.len);
    free(c.data);
}
