/* SPDX-License-Identifier: MIT */
/* test_expr.c -- conditions: what is true, what is refused, and where. */
#include "../../data/schema.h"
#include "../../stages/expr.h"
#include "../../stages/expr_parts.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(expr, .timeout = 60);

static const tube_column columns[] = {
    { "status", TUBE_INT, NULL },      { "path", TUBE_TEXT, NULL },
    { "user", TUBE_TEXT, NULL },       { "price", TUBE_FLOAT, NULL },
    { "ok", TUBE_BOOL, NULL },         { "time", TUBE_TIME, NULL },
    { "more", TUBE_JSON, NULL },       { "none", TUBE_INT, NULL },
    { "raw", TUBE_BYTES, NULL },       { "limit", TUBE_INT, NULL },
    { "big", TUBE_INT, NULL },         { "nan", TUBE_FLOAT, NULL },
    { "user-agent", TUBE_TEXT, NULL }, { "@ts", TUBE_TIME, NULL },
    { "hidden", TUBE_BOOL, NULL },     { "empty", TUBE_TEXT, NULL },
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static tube_cell row[COLUMNS];
static tube_schema *schema;

static void
set_up(void)
{
    tube_error err = { 0 };

    schema = tubei_schema_new(columns, COLUMNS, &err);
    cr_assert_not_null(schema, "%s", err.message);
    tube_set_int(&row[0], 404);
    tube_set_text(&row[1], "/api/v1", 7);
    tube_set_null(&row[2]);
    tube_set_real(&row[3], 2.5);
    tube_set_int(&row[4], 1);
    tube_set_int(&row[5], INT64_C(1709208000) * 1000000); /* 2024-02-29 12:00 */
    tube_set_text(&row[6], "{}", 2);
    tube_set_null(&row[7]);
    tube_set_text(&row[8], "a\0b", 3);
    tube_set_int(&row[9], 404);
    tube_set_int(&row[10], INT64_C(9007199254740993));
    tube_set_real(&row[11], (double)NAN);
    tube_set_text(&row[12], "curl/8", 6);
    tube_set_int(&row[13], INT64_C(1709208000) * 1000000 + 1);
    tube_set_null(&row[14]);
    tube_set_text(&row[15], "", 0);
}

static void
tear_down(void)
{
    tubei_schema_free(schema);
}

static bool
holds(const char *text)
{
    tube_expr_text t = { text, 1, 1 };
    tube_error err = { 0 };
    tubei_expr *e = NULL;
    bool is;

    cr_assert_eq(tubei_expr_new(&t, schema, &e, &err), TUBE_OK, "%s: %s", text,
                 err.message);
    is = tubei_expr_holds(e, row);
    tubei_expr_free(e);
    return is;
}

/* clang-format off */
static const char *const true_ones[] = {
    "status = 404", "status == 404", "status != 403", "status <> 403", "status >= 404",
    "status <= 404", "status > 403", "status < 405", "404 = status", "403 < status", "405>=status",
    "status=404", "status>=404 and status<405", "status < 404.5", "status > 403.5", "status != 404.5",
    "status = 404.0", "status > -1e300", "status < 1e300", "status < 99999999999999999999",
    "status = +404", "-404 < status", "status = limit", "status <= limit", "limit = status",
    "price = 2.5", "price > 2", "price >= 2.5", "price < 3", "price < status", "status > price",
    "price != status", "big = 9007199254740993", "big > 9007199254740992.0", "big != 9007199254740992.0",
    "path = \"/api/v1\"", "path = '/api/v1'", "path = `/api/v1`", "path != \"/\"", "path > \"/api\"",
    "path < \"/b\"", "path < \"/api/v1/\"", "path <> user-agent", "\"/\" < path",
    "path contains \"api\"", "path contains \"\"", "path startswith \"/api\"", "path endswith \"v1\"",
    "path startswith \"/api/v1\"", "path endswith \"/api/v1\"", "path not contains \"web\"",
    "not path contains \"web\"", "raw contains \"\\x00\"", "raw = \"a\\x00b\"", "empty = \"\"",
    "empty contains \"\"", "path != \"a\\n\\r\\t\\\"\\\\\"", "path != 'it\\'s'", "path != `\\n`",
    "ok", "ok = true", "ok != false", "not ok = false", "true", "not false", "ok and true",
    "time = \"2024-02-29T12:00:00Z\"", "time >= \"2024-02-29\"", "time < \"2024-03-01\"",
    "time = \"2024-02-29 13:00:00+01:00\"", "\"2024-01-01\" < time", "time < @ts", "time != @ts",
    "time = '2024-02-29T12:00'", "user is null", "none is null", "status is not null", "more is not null",
    "not user is not null", "status in (404)", "status in (1, 2, 404)", "path in ('/', \"/api/v1\")",
    "status not in (1, 2)", "price in (1, 2.5)", "ok in (true)", "time in (\"2024-02-29T12:00:00Z\")",
    "status = 404 and ok", "status = 1 or ok", "status = 1 and ok or ok", "ok or status = 1 and ok",
    "(ok or ok) and ok", "not (status = 1 or status = 2)", "not not ok", "not not not status = 1",
    "((((status = 404))))", "user-agent = \"curl/8\"",
    "user is null or user = \"x\"", "ok or user = \"x\"", "user = \"x\" or ok", "not (user = \"x\" and not ok)",
    "nan != 1", "nan != nan", "not nan = nan", "not nan < 1", "not nan > 1", "status\n=\t404",
};

static const char *const false_ones[] = {
    "status = 403", "status != 404", "status > 404", "status < 404", "status = 404.5", "403 > status",
    "status > limit", "price > 2.5", "price = status", "big = 9007199254740992.0", "path = \"/api\"",
    "path = \"/api/v1/\"", "path startswith \"api\"", "path endswith \"/api\"", "path contains \"web\"",
    "path startswith \"/api/v1/x\"", "empty contains \"a\"", "not ok", "ok = false", "ok != true", "false",
    "time > \"2024-03-01\"", "time = @ts", "user is not null", "status is null", "status in (1, 2)",
    "status not in (404)", "status = 404 and not ok", "status = 1 or not ok", "not (ok or ok)",
    "(status = 1 or ok) and status = 2", "ok and (status = 1 or status = 2)", "nan = nan", "nan < 1", "nan > 1",
    "nan in (1)",
    /* unknown is not true */
    "user = \"x\"", "user != \"x\"", "not user = \"x\"", "not user != \"x\"", "none = 1", "not none = 1",
    "none < limit", "limit > none", "none = none", "none in (1, 2)", "none not in (1, 2)", "user contains \"\"",
    "not user contains \"\"", "hidden", "not hidden", "hidden = true", "hidden != true", "hidden or hidden",
    "hidden and ok", "not (hidden and ok)", "hidden or not ok", "not (hidden or ok)", "none = 1 or none != 1",
    "user startswith \"\"", "user endswith \"\"",
};
/* clang-format on */

Test(expr, true_is_true, .init = set_up, .fini = tear_down)
{
    for (size_t i = 0; i < sizeof(true_ones) / sizeof(true_ones[0]); i++)
        cr_expect(holds(true_ones[i]), "%s", true_ones[i]);
}

Test(expr, false_and_unknown_are_not, .init = set_up, .fini = tear_down)
{
    for (size_t i = 0; i < sizeof(false_ones) / sizeof(false_ones[0]); i++)
        cr_expect(!holds(false_ones[i]), "%s", false_ones[i]);
}

struct mistake {
    const char *text;
    uint32_t column;
    uint32_t width;
    const char *message;
    const char *hint; /* its beginning */
};

/* clang-format off */
static const struct mistake mistakes[] = {
    { "statsu = 1", 1, 6, "no field 'statsu'", "did you mean 'status'?" },
    { "STATUS = 1", 1, 6, "no field 'STATUS'", "" },
    { "ok and zzzzzzzz > 1", 8, 8, "no field 'zzzzzzzz'", "fields: status, path, user, " },
    { "path = GET", 8, 3, "no field 'GET'", "a text stands in quotes: \"GET\"; " },
    { "path in (GET)", 10, 3, "no field 'GET'", "a text stands in quotes: \"GET\"; " },
    { "status = \"404\"", 10, 5, "status is an int, and \"404\" is not", "write a number, without quotes" },
    { "path = 404", 8, 3, "path is text, and 404 is not", "put it in quotes" },
    { "404 = path", 1, 3, "path is text, and 404 is not", "put it in quotes" },
    { "price = 'x'", 9, 3, "price is a float, and 'x' is not", "write a number, without quotes" },
    { "ok = 1", 6, 1, "ok is a bool, and 1 is not", "write true or false" },
    { "path = true", 8, 4, "path is text, and true is not", "put it in quotes" },
    { "ok < true", 4, 1, "ok is a bool, which has no order", "use = or !=" },
    { "time > 5", 8, 1, "time is a time, and 5 is not", "write \"2024-01-31\"" },
    { "time > \"yesterday\"", 8, 11, "time is a time, and \"yesterday\" is not", "write \"2024-01-31\"" },
    { "time > \"2024-02-30\"", 8, 12, "time is a time, and \"2024-02-30\" is not", "write" },
    { "more = \"{}\"", 1, 4, "more is json, which is compared with nothing", "a json field can be asked" },
    { "path = more", 8, 4, "more is json, which is compared with nothing", "" },
    { "more in (\"\")", 1, 4, "more is json, which is compared with nothing", "" },
    { "path = status", 6, 1, "path is text, and status is an int", "" },
    { "ok = status", 4, 1, "ok is a bool, and status is an int", "" },
    { "status = null", 8, 1, "nothing is equal to null, nor different from it", "write: is null" },
    { "null != status", 6, 2, "nothing is equal to null, nor different from it", "write: is null" },
    { "1 = 1", 1, 1, "no field is compared here", "a text stands in quotes" },
    { "\"path\" = \"/\"", 1, 6, "no field is compared here", "a text stands in quotes" },
    { "status", 1, 6, "'status' alone is no condition", "compare it" },
    { "ok and 1", 8, 1, "'1' alone is no condition", "compare it" },
    { "null", 1, 4, "'null' alone is no condition", "compare it" },
    { "status ~ \"4\"", 8, 1, "'~' is no operator", "there are no regular expressions here" },
    { "path !~ `^/a`", 6, 2, "'!~' is no operator", "there are no regular expressions here" },
    { "path =~ `^/a`", 6, 2, "'=~' is no operator", "there are no regular expressions here" },
    { "ok && ok", 4, 2, "'&&' is no operator", "write 'and'" },
    { "ok || ok", 4, 2, "'||' is no operator", "write 'or'" },
    { "!ok", 1, 1, "'!' is no operator", "write 'not'" },
    { "status + 1 = 2", 8, 1, "unexpected '+'", "" },
    { "ok \x01", 4, 1, "unexpected byte 0x01", "" },
    { "", 1, 1, "expected a field or a value, and here is the end", "" },
    { "status >", 9, 1, "expected a field or a value, and here is the end", "" },
    { "ok and", 7, 1, "expected a field or a value, and here is the end", "" },
    { "not", 4, 1, "expected a field or a value, and here is the end", "" },
    { "(", 2, 1, "expected a field or a value, and here is the end", "" },
    { "()", 2, 1, "expected a field or a value before ')'", "" },
    { "ok and and ok", 8, 3, "expected a field or a value before 'and'", "" },
    { "= 4", 1, 1, "expected a field or a value before '='", "" },
    { "status = = 4", 10, 1, "expected a field or a value before '='", "" },
    { "(ok", 1, 1, "the '(' here has no ')'", "" },
    { "((ok) and ok", 1, 1, "the '(' here has no ')'", "" },
    { "ok)", 3, 1, "this ')' closes nothing", "" },
    { "(ok))", 5, 1, "this ')' closes nothing", "" },
    { "ok ok", 4, 2, "expected 'and' or 'or' before 'ok'", "" },
    { "status = 4 = 4", 12, 1, "expected 'and' or 'or' before '='", "" },
    { "(status) = 4", 2, 6, "'status' alone is no condition", "" },
    { "status is 4", 11, 1, "expected null before '4'", "" },
    { "status is not 4", 15, 1, "expected null before '4'", "" },
    { "status not = 4", 12, 1, "expected in, contains, startswith or endswith before '='", "" },
    { "status not null", 12, 4, "expected in, contains, startswith or endswith before 'null'", "" },
    { "status in 4", 11, 1, "expected '(' before '4'", "" },
    { "status in ()", 12, 1, "expected a field or a value before ')'", "" },
    { "status in (1", 13, 1, "expected ',' or ')', and here is the end", "" },
    { "status in (1 2)", 14, 1, "expected ',' or ')' before '2'", "" },
    { "status in (1, null)", 15, 4, "only texts, numbers, true and false stand in a list", "" },
    { "status in (limit)", 12, 5, "only texts, numbers, true and false stand in a list", "" },
    { "status in (1, 2.5)", 15, 3, "status is an int, and 2.5 is not", "write a whole number" },
    { "path contains 4", 15, 1, "expected a text in quotes before '4'", "" },
    { "path contains user", 15, 4, "expected a text in quotes before 'user'", "" },
    { "status contains \"4\"", 1, 6, "status is an int, and 'contains' is for text", "" },
    { "4 contains \"4\"", 3, 8, "expected a field before 'contains'", "" },
    { "4 is null", 3, 2, "expected a field before 'is'", "" },
    { "path = \"abc", 8, 1, "the text that begins here has no end", "" },
    { "path = 'abc", 8, 1, "the text that begins here has no end", "" },
    { "path = `abc", 8, 1, "the text that begins here has no end", "" },
    { "path = \"a\nb\"", 8, 1, "the text that begins here has no end", "" },
    { "path = \"\\q\"", 9, 2, "no such escape", "known are" },
    { "path = \"\\x4\"", 9, 2, "no such escape", "known are" },
    { "status = 10k", 10, 3, "'10k' is no number", "a text stands in quotes" },
    { "status = 1.2.3", 10, 5, "'1.2.3' is no number", "" },
    { "time > 2024-01-01", 8, 10, "'2024-01-01' is no number", "a text stands in quotes" },
    { "status = 1e999", 10, 5, "this number is out of range", "" },
};
/* clang-format on */

static void
expect_mistake(const struct mistake *m)
{
    tube_expr_text t = { m->text, 3, 10 };
    tube_error err = { 0 };
    tubei_expr *e = NULL;

    cr_expect_eq(tubei_expr_new(&t, schema, &e, &err), TUBE_ECONFIG, "%s", m->text);
    cr_expect_null(e);
    cr_expect_str_eq(err.message, m->message, "%s: %s", m->text, err.message);
    cr_expect(strncmp(err.hint, m->hint, strlen(m->hint)) == 0, "%s: %s", m->text,
              err.hint);
    cr_expect_eq(err.line, 3, "%s: line %u", m->text, err.line);
    cr_expect_eq(err.column, m->column + 9, "%s: column %u", m->text, err.column - 9);
    cr_expect_eq(err.width, m->width, "%s: width %u", m->text, err.width);
    cr_expect_eq(tubei_expr_new(&t, schema, &e, NULL), TUBE_ECONFIG, "%s", m->text);
}

Test(expr, a_mistake_is_named_and_has_its_place, .init = set_up, .fini = tear_down)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++)
        expect_mistake(&mistakes[i]);
}

Test(expr, places_count_lines, .init = set_up, .fini = tear_down)
{
    tube_expr_text t = { "ok and\n  status = 1\n and `a\nb` = 7", 5, 20 };
    tube_error err = { 0 };
    tubei_expr *e;

    cr_assert_eq(tubei_expr_new(&t, schema, &e, &err), TUBE_ECONFIG);
    cr_assert_eq(err.line, 7);
    cr_assert_eq(err.column, 6);
    cr_assert_eq(err.width, 2);
    cr_assert_str_eq(err.message, "no field is compared here");
}

Test(expr, key_words_may_be_capital, .init = set_up, .fini = tear_down)
{
    cr_assert(
        holds("status IS NOT NULL AND NOT (FALSE OR status IN (1)) AND ok = TRUE"));
    cr_assert(
        holds("path CONTAINS 'api' AND path STARTSWITH '/' AND path EndsWith '1'"));
}

/* Every level waits with an "or", an "and" and a "not": the most the stacks can hold. */
static char *
deep(unsigned depth)
{
    char *text = malloc((size_t)depth * 64 + 64);
    char *p = text;

    cr_assert_not_null(text);
    for (unsigned i = 0; i < depth; i++)
        p = stpcpy(p, "hidden or ok and not (");
    p = stpcpy(p, "hidden or ok and status = 1");
    for (unsigned i = 0; i < depth; i++)
        *p++ = ')';
    *p = '\0';
    return text;
}

Test(expr, nests_as_deep_as_it_says, .init = set_up, .fini = tear_down)
{
    char *text = deep(EXPR_DEPTH);
    tube_expr_text t;
    tube_error err = { 0 };
    tubei_expr *e;

    (void)holds(text);
    free(text);
    text = deep(EXPR_DEPTH + 1);
    t = (tube_expr_text){ text, 1, 1 };
    cr_assert_eq(tubei_expr_new(&t, schema, &e, &err), TUBE_ECONFIG);
    cr_assert_str_eq(err.message, "parentheses nest more than 64 deep");
    cr_assert_eq(err.column, 64 * 22 + 22);
    free(text);
}

Test(expr, long_chains_are_no_depth, .init = set_up, .fini = tear_down)
{
    enum { LINKS = 20000 };
    char *text = malloc(LINKS * 16 + 16);
    char *p = text;

    cr_assert_not_null(text);
    for (int i = 0; i < LINKS; i++)
        p = stpcpy(p, i % 2 == 0 ? "not not ok and " : "ok and ");
    strcpy(p, "ok");
    cr_assert(holds(text));
    strcpy(p, "not ok");
    cr_assert(!holds(text));
    free(text);
}

/* Random conditions over fields that are true, false and unknown, beside a plain
 * evaluation of the same tree. */

enum { NO, YES, UNKNOWN };

static uint64_t state;

static unsigned
chance(unsigned n)
{
    state = state * 6364136223846793005 + 1442695040888963407;
    return (unsigned)((state >> 33) % n);
}

static unsigned
build(char **out, unsigned depth)
{
    static const char *const leaf[] = { "status = 1", "ok", "hidden" };
    unsigned kind = depth == 0 ? 3 : chance(4);
    unsigned a;
    unsigned b;

    if (kind == 3) {
        unsigned i = chance(3);

        *out = stpcpy(*out, leaf[i]);
        return i;
    }
    if (kind == 2) {
        *out = stpcpy(*out, "not (");
        a = build(out, depth - 1);
        *out = stpcpy(*out, ")");
        return a == UNKNOWN ? UNKNOWN : !a;
    }
    *out = stpcpy(*out, "(");
    a = build(out, depth - 1);
    *out = stpcpy(*out, kind == 0 ? ") and (" : ") or (");
    b = build(out, depth - 1);
    *out = stpcpy(*out, ")");
    if (kind == 0)
        return a == NO || b == NO ? NO : a == YES && b == YES ? YES : UNKNOWN;
    return a == YES || b == YES ? YES : a == NO && b == NO ? NO : UNKNOWN;
}

Test(expr, agrees_with_a_plain_evaluation, .init = set_up, .fini = tear_down)
{
    static char text[1 << 16];

    state = 11;
    for (int i = 0; i < 20000; i++) {
        char *p = text;
        unsigned want = build(&p, 6);

        *p = '\0';
        cr_assert_eq(holds(text), want == YES, "%s", text);
    }
}

/* "and" binds more tightly than "or": all chains of five, against their definition. */
Test(expr, and_binds_more_tightly_than_or, .init = set_up, .fini = tear_down)
{
    static const char *const leaf[] = { "status = 1", "ok" };

    for (unsigned bits = 0; bits < 1 << 9; bits++) {
        char text[200];
        char *p = stpcpy(text, leaf[bits & 1]);
        bool any = false;
        bool all = bits & 1;

        for (unsigned i = 1; i < 5; i++) {
            bool is = bits >> i & 1;
            bool or = bits >> (4 + i) & 1;

            p = stpcpy(p, or ? " or " : " and ");
            p = stpcpy(p, leaf[is]);
            any |= or &&all;
            all = or ? is : all && is;
        }
        cr_assert_eq(holds(text), any || all, "%s", text);
    }
}
