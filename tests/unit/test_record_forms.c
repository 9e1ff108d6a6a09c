/* SPDX-License-Identifier: MIT */
/* test_record_forms.c -- a declaration in other forms: rows, text, table, COPY. */
#include "pg_sql.h"
#include "pg_table.h"
#include "schema.h"
#include "sq_table.h"

#include <tubes/record.h>
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <string.h>

#define ALL(F)                                          \
  F(a_text, TEXT, OPTIONAL, RANGE(1, 64))               \
  F(a_bytes, BYTES, OPTIONAL)                           \
  F(a_bool, BOOL, OPTIONAL)                             \
  F(an_int, INT, OPTIONAL, RANGE(-5, 9007199254740992)) \
  F(a_float, FLOAT, OPTIONAL, AT_LEAST(0.1))            \
  F(a_time, TIME, OPTIONAL)                             \
  F(a_json, JSON, OPTIONAL)                             \
  F(an_inet, INET, OPTIONAL)                            \
  F(a_cidr, CIDR, OPTIONAL)                             \
  F(a_uuid, UUID, OPTIONAL)                             \
  F(a_date, DATE, OPTIONAL)
TUBE_RECORD(all, ALL)

#define HIT(F)                                 \
  F(path, TEXT, DEFAULT("it's /"))             \
  F(status, INT, DEFAULT("200"))               \
  F(ratio, FLOAT, DEFAULT("0.5"))              \
  F(ok, BOOL, DEFAULT("yes"))                  \
  F(raw, BYTES, DEFAULT("ab"))                 \
  F(at, TIME, DEFAULT("2024-01-31T12:00:00Z")) \
  F(more, JSON, DEFAULT("{\"a\":1}"))          \
  F(user, TEXT, REQUIRED)                      \
  F(note, TEXT, OPTIONAL)
TUBE_RECORD(hit, HIT)

static struct hit
a_hit(void)
{
    struct hit h;

    tube_record_defaults(hit_record(), &h);
    h.user = tube_str("me");
    return h;
}

static tube_schema *
schema_of(const tube_record_def *d)
{
    tube_column columns[32];
    tube_error err = { 0 };
    tube_schema *s;

    for (uint32_t i = 0; i < d->record.n; i++)
        columns[i] = d->record.field[i].column;
    s = tubei_schema_new(columns, d->record.n, &err);
    cr_assert_not_null(s, "%s", err.message);
    return s;
}

/* Rows. */

Test(record_forms, cells_there_and_back)
{
    const tube_record_def *d = hit_record();
    struct hit h = a_hit();
    struct hit back;
    tube_cell row[hit_width];
    tube_record_errors e;

    h.note = tube_str("");
    cr_assert_eq(tube_record_cells(d, &h, NULL, row), TUBE_OK);
    cr_assert_eq(row[1].integer, 200);
    cr_assert(row[8].set && row[8].len == 0, "an empty text is a value");
    cr_assert_eq(tube_record_from_cells(d, row, NULL, &back, &e), TUBE_OK, "%s",
                 e.item[0].message);
    cr_assert_eq(tube_record_compare(d, &h, &back), 0);
    cr_assert_eq(back.user.ptr, h.user.ptr);
    tube_set_null(&row[1]);
    tube_set_null(&row[7]);
    cr_assert_eq(tube_record_from_cells(d, row, NULL, &back, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 1);
    cr_assert_str_eq(e.item[0].message, "field 'user' is null and required");
    cr_assert_eq(back.status, 200, "a default");
    h.user.len = (size_t)UINT32_MAX + 1;
    cr_assert_eq(tube_record_cells(d, &h, NULL, row), TUBE_EINVAL);
}

#define FEW(F) F(n, INT, REQUIRED) F(x, FLOAT, DEFAULT("1"))
#define MANY(F)           \
  F(more, TEXT, OPTIONAL) \
  F(x, INT, REQUIRED) F(n, FLOAT, REQUIRED) F(last, BOOL, REQUIRED)
TUBE_RECORD(few, FEW)
TUBE_RECORD(many, MANY)

Test(record_forms, rows_of_another_schema)
{
    tube_schema *schema = schema_of(many_record());
    tube_record_slot slots[few_width];
    tube_record_slot others[many_width];
    tube_cell row[many_width];
    tube_error err = { 0 };
    tube_record_errors e;
    struct few f = { .n = 3, .x = 4 };

    memset(row, 0, sizeof(row));
    cr_assert_eq(tube_record_slots_to(few_record(), schema, slots, &err), TUBE_ECONFIG);
    cr_assert_not_null(strstr(err.message, "'x' is int there, not float"), "%s",
                       err.message);
    cr_assert_eq(tube_record_slots_from(few_record(), schema, slots, &err),
                 TUBE_ECONFIG);
    cr_assert_not_null(strstr(err.message, "'n' is float there, not int"), "%s",
                       err.message);
    tubei_schema_free(schema);
    schema = schema_of(few_record());
    cr_assert_eq(tube_record_slots_from(many_record(), schema, others, &err),
                 TUBE_ECONFIG);
    cr_assert_not_null(strstr(err.message, "no field 'last'"), "%s", err.message);
    cr_assert_null(strstr(err.message, "'more'"), "%s", err.message);
    cr_assert_null(strstr(err.message, "'n'"), "%s", err.message);
    tubei_schema_free(schema);

    slots[0] = (tube_record_slot){ 2, TUBE_FLOAT }; /* n widened */
    slots[1] = (tube_record_slot){ 1, TUBE_FLOAT };
    cr_assert_eq(tube_record_cells(few_record(), &f, slots, row), TUBE_OK);
    cr_assert_eq(row[2].real, 3.0);
    cr_assert_eq(row[1].real, 4.0);
    cr_assert(!row[0].set);
    f.n = (INT64_C(1) << 53) + 1;
    cr_assert_eq(tube_record_cells(few_record(), &f, slots, row), TUBE_EINVAL);
    slots[0] = (tube_record_slot){ 0, TUBE_INT };
    slots[1] = (tube_record_slot){ 3, TUBE_INT };
    tube_set_int(&row[0], 9);
    tube_set_int(&row[3], 7);
    cr_assert_eq(tube_record_from_cells(few_record(), row, slots, &f, &e), TUBE_OK);
    cr_assert(f.n == 9 && f.x == 7.0);
    tube_set_int(&row[3], INT64_MAX);
    cr_assert_eq(tube_record_from_cells(few_record(), row, slots, &f, &e), TUBE_EPARSE);
    cr_assert_not_null(strstr(e.item[0].message, "too large to be exact"));
    slots[1].column = -1;
    cr_assert_eq(tube_record_from_cells(few_record(), row, slots, &f, &e), TUBE_OK);
    cr_assert_eq(f.x, 1.0);
}

/* Text of a pipeline. */

Test(record_forms, the_text_declares_the_same_record)
{
    const tube_record_def *d = all_record();
    tube_error err = { 0 };
    char text[1000];
    size_t n = tube_record_text(d, text, sizeof(text));
    tube_pipeline *p = tube_pipeline_new(NULL, &err);
    const tube_record *r;
    tube_record_def rows;
    char again[1000];

    cr_assert_gt(n, 0);
    (void)snprintf(text + n, sizeof(text) - n, "gen combined 1 | lines | null");
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s\n%s", text, err.message);
    r = tube_record_find(p, "all");
    cr_assert_not_null(r);
    cr_assert_eq(r->n, d->record.n);
    for (uint32_t i = 0; i < r->n; i++) {
        const tube_record_field *a = &r->field[i];
        const tube_record_field *b = &d->record.field[i];

        cr_assert_str_eq(a->column.name, b->column.name);
        cr_assert_eq(a->column.type, b->column.type);
        cr_assert((a->column.sql == NULL) == (b->column.sql == NULL));
        cr_assert(a->column.sql == NULL || strcmp(a->column.sql, b->column.sql) == 0);
        cr_assert(a->optional == b->optional && a->ranged == b->ranged);
        cr_assert(a->lo == b->lo && a->hi == b->hi, "%s", a->column.name);
    }
    rows = tube_record_rows(r);
    text[n] = '\0';
    cr_assert_eq(tube_record_text(&rows, again, sizeof(again)), n);
    cr_assert_str_eq(again, text);
    tube_pipeline_free(p);
}

Test(record_forms, names_that_are_no_words_are_quoted)
{
    static const tube_record_field f[] = {
        { .column = { "a \"b\"\\\n", TUBE_INT, NULL } },
        { .column = { "9lives", TUBE_INT, NULL } },
    };
    tube_record r = { "odd", f, 2 };
    tube_record_def d = tube_record_rows(&r);
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(NULL, &err);
    char text[300];
    size_t n = tube_record_text(&d, text, sizeof(text));

    (void)snprintf(text + n, sizeof(text) - n, "gen combined 1 | lines | null");
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s\n%s", text, err.message);
    cr_assert_str_eq(tube_record_find(p, "odd")->field[0].column.name,
                     f[0].column.name);
    tube_pipeline_free(p);
}

/* Records of the pipeline text are rows of cells, and all of this works on them. */
Test(record_forms, a_record_of_the_text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(NULL, &err);
    tube_record_def d;
    tube_record_errors e;
    char memory[512];
    char out[200];
    tube_scratch scratch = { memory, sizeof(memory) };
    tube_cell row[3];
    tube_cell other[3];

    cr_assert_eq(tube_series(p,
                             "record hit { path text 1..; status int 100..599; b int? }"
                             " gen combined 1 | lines | null",
                             &err),
                 TUBE_OK, "%s", err.message);
    d = tube_record_rows(tube_record_find(p, "hit"));
    cr_assert_eq(tube_record_valid(&d, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_record_from_json(&d, tube_str("{\"path\":\"/\",\"status\":200}"),
                                       &scratch, row, &e),
                 TUBE_OK, "%s", e.item[0].message);
    cr_assert_gt(tube_record_print(&d, row, out, sizeof(out)), 0);
    cr_assert_str_eq(out, "hit(path='/', status=200, b=null)");
    cr_assert_gt(tube_record_json(&d, row, out, sizeof(out)), 0);
    cr_assert_str_eq(out, "{\"path\":\"/\",\"status\":200,\"b\":null}");
    tube_record_defaults(&d, other);
    cr_assert_eq(tube_record_check(&d, other, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 2);
    cr_assert_lt(tube_record_compare(&d, row, other), 0);
    tube_pipeline_free(p);
}

/* Tables. */

Test(record_forms, tables_have_the_columns_that_the_sinks_make)
{
    static const pg_wishes pg = { .name = { .table = "t" }, .rest = "" };
    static const sq_wishes sq = { .name = "t", .rest = "" };
    tube_schema *schema = schema_of(all_record());
    tube_error err = { 0 };
    pg_sql q = { 0 };
    sq_table t = { 0 };
    char ddl[1000];
    char *made;

    cr_assert_eq(tubei_pg_table_ddl(&pg, "", schema, &q, &err), TUBE_OK, "%s",
                 err.message);
    cr_assert_gt(tube_record_ddl(all_record(), TUBE_POSTGRESQL, "t", ddl, sizeof(ddl)),
                 0);
    cr_assert_str_eq(ddl, q.text);
    tubei_pg_sql_free(&q);
    cr_assert_eq(tubei_sq_table_find(NULL, &sq, schema, &t, &err), TUBE_OK, "%s",
                 err.message);
    made = tubei_sq_table_ddl(&t);
    cr_assert_gt(tube_record_ddl(all_record(), TUBE_SQLITE, "t", ddl, sizeof(ddl)), 0);
    cr_assert_str_eq(ddl, made);
    free(made);
    tubei_sq_table_free(&t);
    tubei_schema_free(schema);
}

Test(record_forms, tables_know_what_is_required_and_defaults)
{
    char ddl[1000];

    cr_assert_gt(
        tube_record_ddl(hit_record(), TUBE_POSTGRESQL, "my \"t\"", ddl, sizeof(ddl)),
        0);
    cr_assert_str_eq(ddl, "CREATE TABLE \"my \"\"t\"\"\" (\n"
                          "    \"path\" text NOT NULL DEFAULT 'it''s /',\n"
                          "    \"status\" bigint NOT NULL DEFAULT 200,\n"
                          "    \"ratio\" double precision NOT NULL DEFAULT 0.5,\n"
                          "    \"ok\" boolean NOT NULL DEFAULT true,\n"
                          "    \"raw\" bytea NOT NULL DEFAULT '\\x6162',\n"
                          "    \"at\" timestamp with time zone NOT NULL DEFAULT "
                          "'2024-01-31T12:00:00Z',\n"
                          "    \"more\" jsonb NOT NULL DEFAULT '{\"a\":1}',\n"
                          "    \"user\" text NOT NULL,\n"
                          "    \"note\" text\n"
                          ")");
    cr_assert_gt(tube_record_ddl(hit_record(), TUBE_SQLITE, "t", ddl, sizeof(ddl)), 0);
    cr_assert_not_null(strstr(ddl, "\"ok\" INTEGER NOT NULL DEFAULT 1,"), "%s", ddl);
    cr_assert_not_null(strstr(ddl, "\"raw\" BLOB NOT NULL DEFAULT X'6162',"), "%s",
                       ddl);
    cr_assert_not_null(
        strstr(ddl, "\"at\" TEXT NOT NULL DEFAULT '2024-01-31 12:00:00',"), "%s", ddl);
    cr_assert_eq(tube_record_ddl(hit_record(), TUBE_SQLITE, "t", ddl, 100), 0);
}

/* Binary COPY. */

#define WIRE(F)         \
  F(t, TEXT, OPTIONAL)  \
  F(n, INT, OPTIONAL)   \
  F(f, FLOAT, OPTIONAL) \
  F(b, BOOL, OPTIONAL)  \
  F(at, TIME, OPTIONAL) \
  F(j, JSON, OPTIONAL)  \
  F(ip, INET, REQUIRED) F(day, DATE, OPTIONAL) F(x, BYTES, OPTIONAL)
TUBE_RECORD(wire, WIRE)

Test(record_forms, binary_copy)
{
    static const char want[] = "\0\x09"
                               "\0\0\0\x03h\xc3\xa9"
                               "\0\0\0\x08\0\0\0\0\0\0\0\x07"
                               "\0\0\0\x08\x3f\xe0\0\0\0\0\0\0"
                               "\0\0\0\x01\x01"
                               "\0\0\0\x08\0\0\0\0\0\0\0\x01"
                               "\0\0\0\x03\x01[]"
                               "\0\0\0\x08\x02\x20\0\x04\x0a\0\0\x01"
                               "\0\0\0\x04\0\0\0\x02"
                               "\xff\xff\xff\xff";
    tube_error err = { 0 };
    tube_record_copy *c = tube_record_copy_new(wire_record(), &err);
    char head[TUBE_COPY_HEAD];
    char tail[TUBE_COPY_TAIL];
    tube_record_errors e;
    tube_slice bytes;
    char big[200000];
    struct wire w = { .t = tube_str("h\xc3"), .n = 7, .has_n = true, .f = 0.5 };

    cr_assert_not_null(c, "%s", err.message);
    tube_record_copy_head(head);
    tube_record_copy_tail(tail);
    cr_assert_eq(memcmp(head, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19), 0);
    cr_assert_eq(memcmp(tail, "\xff\xff", 2), 0);
    w.has_f = w.has_b = w.b = w.has_at = true;
    w.at = INT64_C(946684800000001);
    w.j = tube_str("[]");
    w.ip = tube_str("10.0.0.1");
    w.day = tube_str("2000-01-03");
    cr_assert_eq(tube_record_copy_row(c, &w, &bytes, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 1);
    cr_assert_not_null(strstr(e.item[0].message, "is not UTF-8"), "%s",
                       e.item[0].message);
    w.t = tube_str("h\xc3\xa9");
    cr_assert_eq(tube_record_copy_row(c, &w, &bytes, &e), TUBE_OK, "%s",
                 e.item[0].message);
    cr_assert_eq(bytes.len, sizeof(want) - 1);
    cr_assert_eq(memcmp(bytes.ptr, want, bytes.len), 0);

    w.ip = tube_str("10.0.0.256");
    w.day = tube_str("soon");
    cr_assert_eq(tube_record_copy_row(c, &w, &bytes, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 2);
    w.ip.ptr = NULL;
    cr_assert_eq(tube_record_copy_row(c, &w, &bytes, &e), TUBE_EPARSE);
    cr_assert_not_null(strstr(e.item[0].message, "NOT NULL"), "%s", e.item[0].message);

    memset(big, 'x', sizeof(big));
    w = (struct wire){ .t = { big, sizeof(big) }, .ip = tube_str("::1") };
    cr_assert_eq(tube_record_copy_row(c, &w, &bytes, &e), TUBE_OK, "%s",
                 e.item[0].message);
    cr_assert_eq(bytes.len, 2 + 4 + sizeof(big) + 5 * 4 + 4 + 20 + 2 * 4);
    tube_record_copy_free(c);
    tube_record_copy_free(NULL);
}

/* Versions. */

#define V1(F) F(n, INT, REQUIRED, RANGE(0, 9)) F(s, TEXT, OPTIONAL)
#define V2(F)                         \
  F(s, TEXT, OPTIONAL)                \
  F(n, FLOAT, REQUIRED, RANGE(-1, 9)) \
  F(more, INT, OPTIONAL) F(kind, TEXT, DEFAULT("old"))
#define V3(F)          \
  F(n, TEXT, REQUIRED) \
  F(s, TEXT, REQUIRED, AT_MOST(5)) F(extra, INT, REQUIRED) F(more, INT, REQUIRED)
TUBE_RECORD(v1, V1)
TUBE_RECORD(v2, V2)
TUBE_RECORD(v3, V3)

static bool
has(const tube_record_errors *e, const char *message)
{
    for (uint32_t i = 0; i < e->n; i++)
        if (strcmp(e->item[i].message, message) == 0)
            return true;
    return false;
}

Test(record_forms, versions)
{
    tube_record_errors e;
    struct v1 a = { .n = 3, .s = tube_str("x") };
    struct v2 b;

    cr_assert_eq(tube_record_fits(v1_record(), v1_record(), &e), TUBE_OK);
    cr_assert_eq(tube_record_fits(v1_record(), v2_record(), &e), TUBE_OK, "%s",
                 e.item[0].message);
    cr_assert_eq(tube_record_upgrade(v1_record(), &a, v2_record(), &b, &e), TUBE_OK);
    cr_assert(b.n == 3.0 && !b.has_more && b.s.ptr == a.s.ptr);
    cr_assert_eq(memcmp(b.kind.ptr, "old", 3), 0);
    a.n = 10;
    cr_assert_eq(tube_record_upgrade(v1_record(), &a, v2_record(), &b, &e),
                 TUBE_EPARSE);
    cr_assert_eq(tube_record_fits(v2_record(), v3_record(), &e), TUBE_ECONFIG);
    cr_assert(has(&e, "field 'n' was float and is text"));
    cr_assert(has(&e, "field 's' was optional and is required"));
    cr_assert(has(&e, "field 's' was in -inf..inf and is in -inf..5"));
    cr_assert(has(&e, "field 'more' was optional and is required"));
    cr_assert(has(&e, "field 'kind' is gone"));
    cr_assert(has(&e, "field 'extra' is new and required"));
    cr_assert_eq(tube_record_fits(v2_record(), v1_record(), &e), TUBE_ECONFIG);
    cr_assert(has(&e, "field 'n' was float and is int"), "narrower");
    cr_assert(has(&e, "field 'n' was in -1..9 and is in 0..9"));
    cr_assert_eq(tube_record_fits(v2_record(), v1_record(), NULL), TUBE_ECONFIG);
}
