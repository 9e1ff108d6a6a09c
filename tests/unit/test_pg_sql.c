/* SPDX-License-Identifier: MIT */
/* test_pg_sql.c -- names, quotes, and what an SQLSTATE asks for. */
#include "pg_sql.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

TestSuite(pg_sql, .timeout = 60);

struct name_case {
    char text[160];
    char schema[80]; /* "-": not a name */
    char table[80];
};

#define LONG63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

ParameterizedTestParameters(pg_sql, names)
{
    static struct name_case cases[] = {
        { "logs", "", "logs" },
        { "Logs", "", "logs" },
        { "web.access", "web", "access" },
        { "\"Web\".\"Access\"", "Web", "Access" },
        { "\"a.b\"", "", "a.b" },
        { "\"a\"\"b\"", "", "a\"b" },
        { "s.\"x y\"", "s", "x y" },
        { "a-b", "", "a-b" },
        { LONG63, "", LONG63 },
        { LONG63 "h", "-", "" },
        { "", "-", "" },
        { ".t", "-", "" },
        { "s.", "-", "" },
        { "a.b.c", "-", "" },
        { "\"\"", "-", "" },
        { "\"open", "-", "" },
        { "a b", "-", "" },
        { "\"a\"b", "-", "" },
    };

    return cr_make_param_array(struct name_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct name_case *c, pg_sql, names)
{
    pg_name name = { .schema = "", .table = "" };
    tube_status st = tubei_pg_name_read(c->text, &name, NULL);

    cr_assert_eq(st, strcmp(c->schema, "-") == 0 ? TUBE_ECONFIG : TUBE_OK, "%s",
                 c->text);
    if (st != TUBE_OK)
        return;
    cr_assert_str_eq(name.schema, c->schema);
    cr_assert_str_eq(name.table, c->table);
}

Test(pg_sql, a_quote_in_a_name_is_doubled)
{
    pg_sql q = { 0 };

    tubei_pg_sql_table(&q, "s", "x\"; DROP TABLE y; --");
    cr_assert_str_eq(q.text, "\"s\".\"x\"\"; DROP TABLE y; --\"");
    tubei_pg_sql_clear(&q);
    tubei_pg_sql_table(&q, "", "\"\"\"");
    cr_assert_str_eq(q.text, "\"\"\"\"\"\"\"\"");
    tubei_pg_sql_free(&q);
}

Test(pg_sql, a_text_grows)
{
    pg_sql q = { 0 };

    for (int i = 0; i < 10000; i++)
        tubei_pg_sql_add(&q, "%d,", i % 10);
    cr_assert_eq(q.len, 20000);
    cr_assert_eq(strlen(q.text), 20000);
    cr_assert_not(q.failed);
    tubei_pg_sql_free(&q);
}

struct cure_case {
    char state[6];
    int line;
    pg_cure cure;
};

ParameterizedTestParameters(pg_sql, cures)
{
    static struct cure_case cases[] = {
        { "", 0, PG_CURE_SOON },       { "08006", 0, PG_CURE_SOON },
        { "57P01", 1, PG_CURE_SOON },  { "57P03", 0, PG_CURE_SOON },
        { "40001", 1, PG_CURE_LATER }, { "40P01", 0, PG_CURE_LATER },
        { "53100", 1, PG_CURE_LATER }, { "53300", 0, PG_CURE_LATER },
        { "55P03", 1, PG_CURE_LATER }, { "57014", 1, PG_CURE_LATER },
        { "25006", 0, PG_CURE_LATER }, { "22P02", 0, PG_CURE_ROW },
        { "23505", 1, PG_CURE_ROW },   { "23503", 0, PG_CURE_ROW },
        { "P0001", 1, PG_CURE_ROW },   { "P0001", 0, PG_CURE_NONE },
        { "54000", 1, PG_CURE_ROW },   { "44000", 1, PG_CURE_ROW },
        { "42P01", 1, PG_CURE_NONE },  { "42501", 0, PG_CURE_NONE },
        { "28P01", 0, PG_CURE_NONE },  { "3D000", 0, PG_CURE_NONE },
        { "XX000", 1, PG_CURE_NONE },  { "TB002", 0, PG_CURE_FENCED },
        { "TB001", 0, PG_CURE_NONE },  { "0A000", 1, PG_CURE_NONE },
    };

    return cr_make_param_array(struct cure_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct cure_case *c, pg_sql, cures)
{
    cr_assert_eq(tubei_pg_cure(c->state, c->line != 0), c->cure, "%s", c->state);
}
