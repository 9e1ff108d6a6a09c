/* SPDX-License-Identifier: MIT */
/* test_sq_rows.c -- values at their limits, from cells to an SQLite table. */
#include "../../stages/sq_db.h"

#include <tubes/db.h>
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];

/* A source of the rows below: number, time, text, bytes, real. */
static const struct {
    int64_t time;
    const char *text;
    size_t text_len;
    const char *bytes;
    size_t bytes_len;
    double real;
    const char *want;    /* time|text|hex of bytes|real; NULL: refused */
    const char *refusal; /* sqlstate */
} rows[] = {
    { 0, "", 0, "", 0, 0, "1970-01-01 00:00:00|||0.0", NULL },
    { -1, "a", 1, "\0\xff", 2, -0.5, "1969-12-31 23:59:59.999999|a|00FF|-0.5", NULL },
    { 951782400000000, "\xc3\xa9", 2, "x", 1, 1e300,
      "2000-02-29 00:00:00|\xc3\xa9|78|1.0e+300", NULL },
    { 951868799123456, "12345678", 8, "", 0, 1,
      "2000-02-29 23:59:59.123456|12345678||1.0", NULL },
    { 951868800000001, "123456789", 9, "", 0, 1,
      "2000-03-01 00:00:00.000001|123456789||1.0", NULL },
    { -62167219200000000, "first", 5, "", 0, 1, "0000-01-01 00:00:00|first||1.0",
      NULL },
    { 253402300799999999, "last", 4, "", 0, 1, "9999-12-31 23:59:59.999999|last||1.0",
      NULL },
    { -62167219200000001, "", 0, "", 0, 0, NULL, "22008" },
    { 253402300800000000, "", 0, "", 0, 0, NULL, "22008" },
    { INT64_MIN, "", 0, "", 0, 0, NULL, "22008" },
    { INT64_MAX, "", 0, "", 0, 0, NULL, "22008" },
    { 0, "a\0b", 3, "", 0, 0, NULL, "22021" },
    { 0, "\0", 1, "", 0, 0, NULL, "22021" },
    { 0, "1234567\xff", 8, "", 0, 0, NULL, "22021" },
    { 0, "12345678\xc3", 9, "", 0, 0, NULL, "22021" },
    { 0, "\xed\xa0\x80", 3, "", 0, 0, NULL, "22021" },
    { 0, "\xf4\x90\x80\x80", 4, "", 0, 0, NULL, "22021" },
    { 0, "\xc0\x80", 2, "", 0, 0, NULL, "22021" },
    { 0, "fine", 4, "", 0, HUGE_VAL, "1970-01-01 00:00:00|fine||Inf", NULL },
    { 0, "fine", 4, "", 0, -HUGE_VAL, "1970-01-01 00:00:00|fine||-Inf", NULL },
};
enum { N = sizeof(rows) / sizeof(rows[0]) };

static tube_status
odd_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = {
        { "n", TUBE_INT, NULL },      { "time", TUBE_TIME, NULL },
        { "text", TUBE_TEXT, NULL },  { "bytes", TUBE_BYTES, NULL },
        { "real", TUBE_FLOAT, NULL }, { "null", TUBE_JSON, NULL }
    };

    return tube_set_schema(s, columns, 6, err);
}

static char *
copy(tube_batch *b, const char *text, size_t len)
{
    char *mem = tube_batch_alloc(b, len + 1);

    cr_assert_not_null(mem);
    memcpy(mem, text, len);
    return mem;
}

static tube_status
odd_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    size_t *at = tube_state(s);
    tube_batch *b;
    tube_cell *c;

    (void)none;
    (void)err;
    if (*at == N)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    while (*at < N && (c = tube_batch_add(b)) != NULL) {
        tube_set_int(&c[0], (int64_t)*at);
        tube_set_int(&c[1], rows[*at].time);
        tube_set_text(&c[2], copy(b, rows[*at].text, rows[*at].text_len),
                      rows[*at].text_len);
        tube_set_text(&c[3], copy(b, rows[*at].bytes, rows[*at].bytes_len),
                      rows[*at].bytes_len);
        tube_set_real(&c[4], rows[*at].real);
        ++*at;
    }
    return tube_emit(s, &b);
}

static const tube_stage_def odd = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "odd",
    .summary = "rows at their limits",
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(size_t),
    .open = odd_open,
    .process = odd_process,
};

static void
start(void)
{
    (void)snprintf(path, sizeof(path), "/tmp/test_sq_rows.%ld.db", (long)getpid());
    (void)unlink(path);
}

static void
end(void)
{
    (void)unlink(path);
}

static void
run(const char *options)
{
    tube_error err = { 0 };
    char text[256];
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 1), &err);

    cr_assert_not_null(p);
    cr_assert_eq(tube_define(p, &odd, &err), TUBE_OK);
    (void)snprintf(text, sizeof(text), "odd | sqlite \"%s\" %s", path, options);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
}

struct answer {
    char text[256];
    int n;
};

static bool
keep_first(void *arg, size_t n, const char *const *name, const char *const *value)
{
    struct answer *a = arg;

    (void)name;
    cr_assert_eq(n, 1);
    if (a->n++ == 0)
        (void)snprintf(a->text, sizeof(a->text), "%s",
                       value[0] != NULL ? value[0] : "NULL");
    return true;
}

static struct answer
ask(const char *sql)
{
    struct answer a = { "", 0 };
    tube_error err = { 0 };

    cr_assert_eq(tube_query(path, sql, keep_first, &a, &err), TUBE_OK, "%s",
                 err.message);
    return a;
}

TestSuite(sq_rows, .init = start, .fini = end, .timeout = 20);

Test(sq_rows, values_at_their_limits)
{
    run("");
    for (int i = 0; i < (int)N; i++) {
        char sql[256];
        struct answer a;

        (void)snprintf(sql, sizeof(sql),
                       "SELECT time || '|' || text || '|' || hex(bytes) || '|' || real"
                       " FROM logs WHERE n = %d",
                       i);
        a = ask(sql);
        cr_expect_eq(a.n, rows[i].want != NULL, "row %d", i);
        if (rows[i].want != NULL)
            cr_expect_str_eq(a.text, rows[i].want, "row %d", i);
    }
}

Test(sq_rows, refusals_are_those_of_postgresql)
{
    char want[128] = "";
    struct answer a;

    run("");
    for (size_t i = 0; i < N; i++)
        if (rows[i].refusal != NULL)
            (void)snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%s",
                           *want != '\0' ? "," : "", rows[i].refusal);
    a = ask(
        "SELECT group_concat(sqlstate) FROM (SELECT * FROM tubes_reject ORDER BY rowid)");
    cr_expect_str_eq(a.text, want);
}

Test(sq_rows, storage_of_each_type)
{
    run("");
    cr_expect_str_eq(
        ask("SELECT typeof(n) || ',' || typeof(time) || ',' || typeof(text) || ','"
            " || typeof(bytes) || ',' || typeof(real) || ',' || typeof(\"null\")"
            " FROM logs WHERE n = 1")
            .text,
        "integer,text,text,blob,real,null");
    cr_expect_str_eq(ask("SELECT typeof(text) FROM logs WHERE n = 0").text, "text",
                     "no bytes are not NULL");
    cr_expect_str_eq(ask("SELECT typeof(bytes) FROM logs WHERE n = 0").text, "blob");
}

/* Make a table as another program would, and load into it. */
static void
run_into(const char *ddl, const char *options)
{
    sq_db *db;
    tube_error err = { 0 };

    (void)unlink(path);
    cr_assert_eq(tubei_sq_open(path, SQ_CREATE, &db, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tubei_sq_exec(db, ddl), SQ_DONE, "%s", tubei_sq_message(db));
    tubei_sq_close(db);
    run(options);
}

Test(sq_rows, times_as_numbers)
{
    run_into("CREATE TABLE logs (n INT, time INTEGER)",
             "ignore=[text, bytes, real, null]");
    cr_expect_str_eq(ask("SELECT group_concat(time) FROM logs WHERE n < 4").text,
                     "0,-1,951782400,951868799");
    run_into("CREATE TABLE logs (n INT, time REAL)",
             "ignore=[text, bytes, real, null]");
    cr_expect_str_eq(ask("SELECT group_concat(time) FROM logs WHERE n < 4").text,
                     "0.0,-1.0e-06,951782400.0,951868799.123456");
    cr_expect_str_eq(ask("SELECT count(*) FROM logs").text, "20", "any year will do");
}

Test(sq_rows, the_rest_is_an_object)
{
    run_into("CREATE TABLE logs (n INT, time INTEGER, more TEXT)", "rest=more");
    cr_expect_str_eq(ask("SELECT more FROM logs WHERE n = 1").text,
                     "{\"text\":\"a\",\"bytes\":\"\\\\x00ff\",\"real\":-0.5}");
    cr_expect_str_eq(ask("SELECT count(*) FROM logs WHERE json_valid(more)").text,
                     "13");
    cr_expect_str_eq(
        ask("SELECT count(*) FROM tubes_reject WHERE sqlstate = '22021'").text, "7");
}
