/* SPDX-License-Identifier: MIT */
/* test_option.c -- from words to the state of a stage, and back. */
#include "../../text/option.h"
#include "../../text/value.h"
#include "stage_table.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    tube_option_type type;
    const char *domain;
    const char *text;
    int64_t want;
    const char *back; /* NULL: as `text`, "": the text is refused */
} values[] = {
    { TUBE_OPT_INT, "rows", "0", 0, NULL },
    { TUBE_OPT_INT, "rows", "-5", -5, NULL },
    { TUBE_OPT_INT, "rows", "9223372036854775807", INT64_MAX, NULL },
    { TUBE_OPT_INT, "rows", "-9223372036854775808", INT64_MIN, NULL },
    { TUBE_OPT_INT, "rows", "9223372036854775808", 0, "" },
    { TUBE_OPT_INT, "rows", "-9223372036854775809", 0, "" },
    { TUBE_OPT_INT, "rows", "", 0, "" },
    { TUBE_OPT_INT, "rows", "-", 0, "" },
    { TUBE_OPT_INT, "rows", "+1", 0, "" },
    { TUBE_OPT_INT, "rows", "1k", 0, "" },
    { TUBE_OPT_INT, "rows", "1.5", 0, "" },
    { TUBE_OPT_INT, "rows", " 1", 0, "" },
    { TUBE_OPT_INT, "1..64 threads", "1", 1, NULL },
    { TUBE_OPT_INT, "1..64 threads", "64", 64, NULL },
    { TUBE_OPT_INT, "1..64 threads", "0", 0, "" },
    { TUBE_OPT_INT, "1..64 threads", "65", 0, "" },
    { TUBE_OPT_INT, "1.. records", "1000000", 1000000, NULL },
    { TUBE_OPT_INT, "1..", "0", 0, "" },
    { TUBE_OPT_INT, "-3..3", "-3", -3, NULL },
    { TUBE_OPT_INT, "-3..3", "-4", 0, "" },
    { TUBE_OPT_INT, NULL, "7", 7, NULL },
    { TUBE_OPT_SIZE, "", "0", 0, NULL },
    { TUBE_OPT_SIZE, "", "100", 100, NULL },
    { TUBE_OPT_SIZE, "", "64k", 65536, NULL },
    { TUBE_OPT_SIZE, "", "64K", 65536, "64k" },
    { TUBE_OPT_SIZE, "", "64KiB", 65536, "64k" },
    { TUBE_OPT_SIZE, "", "64kB", 65536, "64k" },
    { TUBE_OPT_SIZE, "", "64B", 64, "64" },
    { TUBE_OPT_SIZE, "", "1024k", 1 << 20, "1M" },
    { TUBE_OPT_SIZE, "", "16m", 16 << 20, "16M" },
    { TUBE_OPT_SIZE, "", "2T", 2LL << 40, NULL },
    { TUBE_OPT_SIZE, "", "9223372036854775807k", 0, "" },
    { TUBE_OPT_SIZE, "", "-1", 0, "" },
    { TUBE_OPT_SIZE, "", "1x", 0, "" },
    { TUBE_OPT_SIZE, "", "1iB", 0, "" },
    { TUBE_OPT_SIZE, "", "k", 0, "" },
    { TUBE_OPT_SIZE, "64k..1G bytes", "64k", 65536, NULL },
    { TUBE_OPT_SIZE, "64k..1G bytes", "1", 0, "" },
    { TUBE_OPT_SIZE, "64k..1G bytes", "2G", 0, "" },
    { TUBE_OPT_TIME, "", "250ms", 250000000, NULL },
    { TUBE_OPT_TIME, "", "1500ms", 1500000000, NULL },
    { TUBE_OPT_TIME, "", "5s", 5000000000, NULL },
    { TUBE_OPT_TIME, "", "60s", 60000000000, "1m" },
    { TUBE_OPT_TIME, "", "2h", 7200000000000, NULL },
    { TUBE_OPT_TIME, "", "1d", 86400000000000, NULL },
    { TUBE_OPT_TIME, "", "7us", 7000, NULL },
    { TUBE_OPT_TIME, "", "7ns", 7, NULL },
    { TUBE_OPT_TIME, "", "0", 0, "0ns" },
    { TUBE_OPT_TIME, "", "5", 0, "" },
    { TUBE_OPT_TIME, "", "5 s", 0, "" },
    { TUBE_OPT_TIME, "", "300000000d", 0, "" },
    { TUBE_OPT_ENUM, "auto|never|print", "auto", 0, NULL },
    { TUBE_OPT_ENUM, "auto|never|print", "print", 2, NULL },
    { TUBE_OPT_ENUM, "auto|never|print", "prin", 0, "" },
    { TUBE_OPT_ENUM, "auto|never|print", "", 0, "" },
};

Test(value, reads_and_writes, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        tube_option o = { "x", values[i].type, 0, NULL, values[i].domain, "", 0 };
        const char *back = values[i].back == NULL ? values[i].text : values[i].back;
        int64_t got = 0;
        tube_error err = { 0 };
        char buf[64];
        tube_status st = tubei_value_read(&o, values[i].text, &got, &err);

        cr_expect_eq(st == TUBE_OK, back[0] != '\0', "'%s' in '%s': %s", values[i].text,
                     values[i].domain, err.message);
        if (st != TUBE_OK)
            continue;
        cr_expect_eq(got, values[i].want, "'%s' is %" PRId64, values[i].text, got);
        cr_expect_str_eq(tubei_value_text(&o, &got, buf, sizeof(buf)), back);
    }
}

/* What is apply()d of one text that holds one stage. */
struct applied {
    tubei_text *text;
    tubei_strings m;
    tubei_report report;
    struct every state;
    tube_status st;
};

static void
apply(struct applied *a, const char *text)
{
    memset(a, 0, sizeof(*a));
    a->text = tubei_text_parse(text, &table_lookup, &a->report);
    cr_assert_not_null(a->text, "%s: %s", text, a->report.first.message);
    a->st = tubei_option_apply(a->text->main.call[0].def, &a->text->main.call[0],
                               &a->state, &a->m, &a->report);
}

static void
fini(struct applied *a)
{
    tubei_text_free(a->text);
    tubei_strings_free(&a->m);
}

Test(option, stores_defaults, .timeout = 10)
{
    struct applied a;

    apply(&a, "postgres table=t");
    cr_assert_eq(a.st, TUBE_OK);
    cr_expect_str_eq(a.state.table, "t");
    cr_expect_str_eq(a.state.dsn, "");
    cr_expect_eq(a.state.workers, 4);
    cr_expect_eq(a.state.size, 4 << 20);
    cr_expect_eq(a.state.age, 200000000);
    cr_expect_eq(a.state.mode, 0);
    cr_expect_not(a.state.flag);
    cr_assert_eq(a.state.path.n, 2);
    cr_expect_str_eq(a.state.path.item[0], "a");
    cr_expect_str_eq(a.state.path.item[1], "b");
    fini(&a);
}

Test(option, needs_no_call, .timeout = 10)
{
    tubei_strings m = { 0 };
    tubei_report r = { 0 };
    struct every state = { 0 };

    cr_expect_eq(tubei_option_apply(table_find(NULL, "print"), NULL, &state, &m, &r),
                 TUBE_OK);
    cr_expect_eq(tubei_option_apply(table_find(NULL, "file"), NULL, &state, &m, &r),
                 TUBE_ECONFIG);
    tubei_strings_free(&m);
}

Test(option, stores_what_is_given, .timeout = 10)
{
    struct applied a;

    apply(&a, "postgres workers=8 table=\"a b\" dsn=host=h size=1M age=1s create=never "
              "flag=yes ignore=[x]");
    cr_assert_eq(a.st, TUBE_OK, "%s", a.report.first.message);
    tubei_text_free(a.text);
    a.text = NULL;
    cr_expect_str_eq(a.state.table, "a b");
    cr_expect_str_eq(a.state.dsn, "host=h");
    cr_expect_eq(a.state.workers, 8);
    cr_expect_eq(a.state.size, 1 << 20);
    cr_expect_eq(a.state.age, 1000000000);
    cr_expect_eq(a.state.mode, 1);
    cr_expect(a.state.flag);
    cr_expect_eq(a.state.path.n, 1);
    fini(&a);
}

Test(option, fills_positions_in_order, .timeout = 10)
{
    struct applied a;

    apply(&a, "gen combined seed=9 200");
    cr_assert_eq(a.st, TUBE_OK);
    cr_expect_str_eq(a.state.word, "combined");
    cr_expect_eq(a.state.workers, 200);
    cr_expect_eq(a.state.size, 9);
    fini(&a);
    apply(&a, "file a b \"c d\" e");
    cr_assert_eq(a.st, TUBE_OK);
    cr_assert_eq(a.state.path.n, 4);
    cr_expect_str_eq(a.state.path.item[2], "c d");
    fini(&a);
    apply(&a, "file path=[]");
    cr_assert_eq(a.st, TUBE_OK);
    cr_expect_eq(a.state.path.n, 0);
    fini(&a);
    apply(&a, "where a = 1");
    cr_assert_eq(a.st, TUBE_OK);
    cr_expect_str_eq(a.state.expr.text, "a = 1");
    cr_expect_eq(a.state.expr.column, 7);
    fini(&a);
}

Test(option, knows_what_was_given, .timeout = 10)
{
    struct applied a;
    const tubei_call *c;

    apply(&a, "gen combined seed=9");
    c = a.text->main.call;
    cr_expect(tubei_option_given(c, tubei_option_find(c->def, "format")));
    cr_expect(tubei_option_given(c, tubei_option_find(c->def, "seed")));
    cr_expect_not(tubei_option_given(c, tubei_option_find(c->def, "count")));
    cr_expect_not(tubei_option_given(NULL, tubei_option_find(c->def, "seed")));
    cr_expect_null(tubei_option_find(c->def, "sed"));
    fini(&a);
}

Test(option, points_at_the_value, .timeout = 10)
{
    struct applied a;
    tube_error e = { 0 };

    apply(&a, "gen combined seed=99");
    tubei_option_blame(a.text->main.call, "seed", &e);
    cr_expect_eq(e.column, 19);
    cr_expect_eq(e.width, 2);
    cr_expect_str_eq(e.stage, "gen");
    tubei_option_blame(a.text->main.call, "format", &e);
    cr_expect_eq(e.column, 5);
    tubei_option_blame(a.text->main.call, "count", &e);
    cr_expect_eq(e.column, 1);
    fini(&a);
}

static const struct {
    const char *text;
    const char *want;
    uint32_t column;
    const char *hint;
} bad[] = {
    { "postgres", "option 'table' is missing", 1, "table=" },
    { "file", "option 'path' is missing", 1, "files to read" },
    { "where", "option 'expr' is missing", 1, "what must be true" },
    { "postgres tabel=x", "unknown option 'tabel'", 10, "did you mean 'table'?" },
    { "postgres xyz=x", "unknown option 'xyz'", 10, "tubes help postgres" },
    { "postgres table=a table=b", "option 'table' is given twice", 18, "" },
    { "postgres table=[a, b]", "option 'table' takes one value, not 2", 17, "" },
    { "postgres table=[]", "option 'table' takes one value, not 0", 10, "" },
    { "postgres table=a workers=99", "option 'workers': 99 is out of range", 26,
      "1..64 threads" },
    { "postgres table=a workers=x", "option 'workers': 'x' is no whole number", 26,
      "" },
    { "postgres table=a create=nevr", "option 'create': 'nevr' is none of the choices",
      25, "did you mean 'never'?   choices: auto|never|print" },
    { "postgres table=a size=1x", "option 'size': '1x' is no size", 23, "64k" },
    { "postgres table=a age=5", "option 'age': '5' is no duration", 22, "250ms" },
    { "postgres table=a flag=maybe", "option 'flag': 'maybe' is neither yes nor no", 23,
      "" },
    { "postgres access table=a", "unexpected word 'access'", 10, "'|'" },
    { "postgres table=a as x", "unexpected word 'as'", 18, "as=..." },
    { "postgres table=a fial=skip", "unknown option 'fial'", 18,
      "did you mean 'fail'?" },
    { "postgres table=a retries=1001", "option 'retries': 1001 is out of range", 26,
      "0..1000 times" },
    { "postgres table=a queue=1", "option 'queue': 1 is no power of two", 24, "4096" },
    { "postgres table=a queue=8192", "option 'queue': 8192 is out of range", 24,
      "0..4096" },
    { "postgres table=a queue=4 queue=8", "option 'queue' is given twice", 26, "" },
    { "postgres table=a as=a.b", "option 'as': 'a.b' is no name", 21, "letters" },
    { "postgres table=a as=\"\"", "option 'as': '' is no name", 21, "letters" },
    { "postgres table=a as=[a, b]", "option 'as' takes one value, not 2", 22, "" },
    { "postgres table=a as=x1234567890123456789012345678901",
      "option 'as': the name is too long", 21, "31" },
    { "postgres table=a as=$TUBES_TEST_SECRET", "the value of option 'as' is wrong", 21,
      "$NAME" },
    { "postgres table=a queue=$TUBES_TEST_THREE",
      "the value of option 'queue' is wrong", 24, "" },
    { "postgres table access", "unexpected word 'table'", 10, "table=" },
    { "gen combined 2 3", "unexpected word '3'", 16, "" },
    { "file a path=b", "option 'path' is given with its name and without", 8, "" },
    { "postgres table=a workers=$TUBES_TEST_SECRET",
      "the value of option 'workers' is wrong", 26, "" },
};

Test(option, refuses, .timeout = 10)
{
    setenv("TUBES_TEST_SECRET", "hunter2", 1);
    setenv("TUBES_TEST_THREE", "3", 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        tubei_report r = { 0 };

        cr_expect_null(tubei_text_parse(bad[i].text, &table_lookup, &r), "%s",
                       bad[i].text);
        cr_expect_eq(r.first.status, TUBE_ECONFIG);
        cr_expect_eq(r.errors, 1, "%s: %u errors", bad[i].text, r.errors);
        cr_expect_str_eq(r.first.message, bad[i].want, "%s: %s", bad[i].text,
                         r.first.message);
        cr_expect_eq(r.first.column, bad[i].column, "%s: column %u", bad[i].text,
                     r.first.column);
        cr_expect_not_null(strstr(r.first.hint, bad[i].hint), "%s: %s", bad[i].text,
                           r.first.hint);
    }
}

Test(option, common_ones_are_taken_out, .timeout = 10)
{
    const tube_option *table = tubei_common_options();
    tubei_common plain = tubei_common_defaults();
    tubei_common read = { 0 };
    tube_stage_def def = { .name = "x", .options = table };
    tubei_report r = { 0 };
    tubei_strings m = { 0 };
    struct applied a;

    cr_assert_eq(tubei_option_apply(&def, NULL, &read, &m, &r), TUBE_OK);
    cr_expect_str_eq(read.label, plain.label);
    cr_expect_eq(read.fail, plain.fail);
    cr_expect_eq(read.retries, plain.retries);
    cr_expect_eq(read.queue, plain.queue);
    tubei_strings_free(&m);
    apply(&a, "gen fail=retry combined as=a-1_B retries=0 seed=9 queue=4096 200");
    cr_assert_eq(a.st, TUBE_OK, "%s", a.report.first.message);
    cr_expect_eq(a.text->main.call->n_args, 3);
    cr_expect_eq(a.state.workers, 200);
    cr_expect_str_eq(a.text->main.call->common.label, "a-1_B");
    cr_expect_eq(a.text->main.call->common.fail, TUBEI_FAIL_RETRY);
    cr_expect_eq(a.text->main.call->common.retries, 0);
    cr_expect_eq(a.text->main.call->common.queue, 4096);
    fini(&a);
}

static const struct {
    const char *name;
    const char *want;
} texts[] = {
    { "table", "t" },   { "dsn", "***" },
    { "workers", "8" }, { "size", "4M" },
    { "age", "200ms" }, { "create", "auto" },
    { "flag", "no" },   { "ignore", "[a, `b c`, \"`\"]" },
};

Test(option, has_a_text_without_secrets, .timeout = 10)
{
    struct applied a;
    char buf[64];

    apply(&a,
          "postgres table=t workers=8 dsn=password=hunter2 ignore=[a, \"b c\", \"`\"]");
    cr_assert_eq(a.st, TUBE_OK);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const tube_option *o = tubei_option_find(a.text->main.call->def, texts[i].name);
        const char *got = tubei_option_text(o, &a.state, buf, sizeof(buf));

        cr_expect_str_eq(got, texts[i].want, "%s is %s", texts[i].name, got);
    }
    for (size_t len = 1; len < 16; len++) {
        const tube_option *o = tubei_option_find(a.text->main.call->def, "ignore");

        cr_expect_lt(strlen(tubei_option_text(o, &a.state, buf, len)), len);
    }
    fini(&a);
}

Test(strings, hold_any_size, .timeout = 10)
{
    tubei_strings m = { 0 };
    char *last = NULL;

    for (size_t n = 0; n < 20000; n += 37) {
        char *p = tubei_strings_take(&m, n);

        cr_assert_not_null(p);
        cr_expect_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        memset(p, 'x', n);
        last = n > 0 ? p : last;
    }
    cr_expect_eq(last[0], 'x');
    cr_expect_null(tubei_strings_take(&m, SIZE_MAX - 8));
    cr_expect_null(tubei_strings_copy(&m, "", SIZE_MAX));
    tubei_strings_free(&m);
}
