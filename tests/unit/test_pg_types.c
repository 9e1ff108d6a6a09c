/* SPDX-License-Identifier: MIT */
/* test_pg_types.c -- what a column makes of a field, and how it says no. */
#include "pg_types.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(pg_types, .timeout = 60);

static pg_column col;
static tube_cell cell;
static char memory[512];

static void
choose(uint32_t oid, int32_t modifier, tube_type from)
{
    pg_catalog_type t = {
        .oid = oid, .modifier = modifier, .kind = 'b', .name = "x", .whole = "some type"
    };

    memset(&col, 0, sizeof(col));
    memcpy(col.name, "c", 2);
    cr_assert_eq(tubei_pg_type_choose(&t, from, "f", &col, NULL), TUBE_OK);
}

static pg_fault
convert_text(const char *value)
{
    char *mem = memory;

    memset(memory, 0, sizeof(memory));
    memcpy(memory + 256, value, strlen(value));
    tube_set_text(&cell, memory + 256, strlen(value));
    return col.convert(&col, &cell, &mem);
}

Test(pg_types, what_needs_no_look_has_no_converter)
{
    choose(20, -1, TUBE_INT);
    cr_assert_null(col.convert);
    choose(1184, -1, TUBE_TIME);
    cr_assert_null(col.convert);
    choose(701, -1, TUBE_FLOAT);
    cr_assert_null(col.convert);
    choose(17, -1, TUBE_TEXT);
    cr_assert_null(col.convert);
    cr_assert_not(col.text);
    choose(25, -1, TUBE_TEXT);
    cr_assert_null(col.convert);
    cr_assert(col.text, "but its bytes are looked at");
}

Test(pg_types, jsonb_takes_no_escape_that_it_cannot_hold)
{
    static const struct {
        const char *json;
        pg_fault fault;
    } cases[] = {
        { "\"\\u0000\"", PG_FAULT_ESCAPE },
        { "\"\\\\u0000\"", PG_FAULT_NONE },
        { "\"\\u0001\"", PG_FAULT_NONE },
        { "\"\\ud83d\\ude00\"", PG_FAULT_NONE },
        { "\"\\ud83d\"", PG_FAULT_ESCAPE },
        { "\"\\ud83d\\ud83d\"", PG_FAULT_ESCAPE },
        { "\"\\ud83dx\\ude00\"", PG_FAULT_ESCAPE },
        { "\"\\ude00\"", PG_FAULT_ESCAPE },
        { "\"\\ud83d\\n\"", PG_FAULT_ESCAPE },
        { "\"\\uD83D\\uDE00\\u00e9\"", PG_FAULT_NONE },
        { "{\"a\":\"\\\"\\/\\b\"}", PG_FAULT_NONE },
    };

    choose(3802, -1, TUBE_TEXT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_assert_eq(convert_text(cases[i].json), cases[i].fault, "%s", cases[i].json);
    choose(114, -1, TUBE_TEXT);
    cr_assert_eq(convert_text("\"\\u0000\""), PG_FAULT_NONE, "json takes it");
    cr_assert_eq(convert_text("{"), PG_FAULT_SYNTAX);
    cr_assert_eq(convert_text("1 2"), PG_FAULT_SYNTAX);
}

Test(pg_types, a_limit_counts_characters)
{
    choose(1043, 4 + 3, TUBE_TEXT);
    cr_assert_eq(convert_text("abc"), PG_FAULT_NONE);
    cr_assert_eq(convert_text("\xc3\xa4\xc3\xb6\xc3\xbc"), PG_FAULT_NONE);
    cr_assert_eq(convert_text("abcd"), PG_FAULT_LENGTH);
    cr_assert_eq(convert_text("abc    "), PG_FAULT_NONE, "the server cuts off blanks");
    cr_assert_eq(convert_text("\xff"), PG_FAULT_UTF8);
}

Test(pg_types, days_are_counted_down_before_1970)
{
    char *mem = memory;

    choose(1082, -1, TUBE_TIME);
    tube_set_int(&cell, 0);
    cr_assert_eq(col.convert(&col, &cell, &mem), PG_FAULT_NONE);
    cr_assert_eq(cell.integer, -10957);
    tube_set_int(&cell, -1);
    cr_assert_eq(col.convert(&col, &cell, &mem), PG_FAULT_NONE);
    cr_assert_eq(cell.integer, -10958);
    tube_set_int(&cell, INT64_C(946684800000000));
    cr_assert_eq(col.convert(&col, &cell, &mem), PG_FAULT_NONE);
    cr_assert_eq(cell.integer, 0);
}

Test(pg_types, a_fault_names_column_value_and_type)
{
    char out[320];

    choose(21, -1, TUBE_INT);
    tube_set_int(&cell, 70000);
    tubei_pg_fault_text(PG_FAULT_RANGE, &col, &cell, out, sizeof(out));
    cr_assert_str_eq(out, "column 'c': 70000 is out of range for some type");
    choose(25, -1, TUBE_TEXT);
    memset(memory, 'x', sizeof(memory));
    memory[1] = '\n';
    memory[2] = '\xff';
    tube_set_text(&cell, memory, 200);
    tubei_pg_fault_text(PG_FAULT_UTF8, &col, &cell, out, sizeof(out));
    cr_assert_eq(strncmp(out, "column 'c': 'x??xxx", 19), 0);
    cr_assert_not_null(strstr(out, "xxx...' is not UTF-8"));
    cr_assert_lt(strlen(out), 130);
    tubei_pg_fault_text(PG_FAULT_NULL, &col, &cell, out, sizeof(out));
    cr_assert_str_eq(out, "column 'c': no value, but the column is NOT NULL");
}

Test(pg_types, what_does_not_fit_is_said)
{
    pg_catalog_type t = { .oid = 869, .kind = 'b', .name = "inet", .whole = "inet" };
    tube_error err = { 0 };

    memcpy(col.name, "c", 2);
    cr_assert_eq(tubei_pg_type_choose(&t, TUBE_FLOAT, "f", &col, &err), TUBE_ECONFIG);
    cr_assert_str_eq(err.message,
                     "field 'f' is float and does not fit column 'c', inet");
    t = (pg_catalog_type){ .oid = 600, .kind = 'b', .name = "point", .whole = "point" };
    cr_assert_eq(tubei_pg_type_choose(&t, TUBE_TEXT, "f", &col, &err), TUBE_ECONFIG);
    cr_assert_str_eq(err.message, "column 'c' has type point, which cannot be loaded");
    t = (pg_catalog_type){ .oid = 99999, .kind = 'e', .name = "mood", .whole = "mood" };
    cr_assert_eq(tubei_pg_type_choose(&t, TUBE_TEXT, "f", &col, &err), TUBE_OK);
}
