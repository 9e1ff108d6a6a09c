/* SPDX-License-Identifier: MIT */
/* test_print_table.c -- columns that line up, fit a terminal, and cannot command it. */
#include "../../data/schema.h"
#include "../../stages/print_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(print_table, .timeout = 60);

static char buf[1 << 16];
static tube_cell cells[64];
static tube_batch batch;
static tubei_writer out;

/* Print rows that lie in `cells` as a table on a terminal with `room` columns. */
static void
print(const tube_column *columns, uint32_t n, uint32_t rows, uint32_t room)
{
    tube_error err = { 0 };
    tube_schema *schema = tubei_schema_new(columns, n, &err);
    tubei_table t = { 0 };

    cr_assert_not_null(schema, "%s", err.message);
    batch = (tube_batch){ .schema = schema, .cells = cells, .width = n, .n = rows };
    batch.live[0] = (UINT64_C(1) << rows) - 1;
    out = (tubei_writer){ .buf = buf, .cap = sizeof(buf) - 1, .fd = -1 };
    cr_assert(tubei_table_open(&t, schema, room));
    tubei_table_head(&t, &batch, &out);
    TUBE_EACH(&batch, r)
        tubei_table_row(&t, tube_row(&batch, r), &out);
    buf[out.len] = '\0';
    tubei_table_fini(&t);
    tubei_schema_free(schema);
}

static void
text(uint32_t i, const char *s)
{
    tube_set_text(&cells[i], s, strlen(s));
}

Test(print_table, numbers_stand_to_the_right_and_null_is_a_dash)
{
    static const tube_column columns[] = {
        { "name", TUBE_TEXT, NULL }, { "n", TUBE_INT, NULL },
        { "x", TUBE_FLOAT, NULL },   { "ok", TUBE_BOOL, NULL },
        { "time", TUBE_TIME, NULL }, { "last", TUBE_JSON, NULL }
    };

    text(0, "a");
    tube_set_int(&cells[1], -12345);
    tube_set_real(&cells[2], 0.5);
    tube_set_int(&cells[3], 1);
    tube_set_int(&cells[4], 1500000);
    text(5, "{\"a\":1}");
    for (uint32_t i = 6; i < 12; i++)
        tube_set_null(&cells[i]);
    print(columns, 6, 2, 0);
    cr_expect_str_eq(buf,
                     "name       n    x  ok    time                         last\n"
                     "----  ------  ---  ----  ---------------------------  -------\n"
                     "a     -12345  0.5  true  1970-01-01T00:00:01.500000Z  {\"a\":1}\n"
                     "-          -    -  -     -                            -\n",
                     "\n%s", buf);
}

Test(print_table, rows_that_are_not_live_neither_count_nor_show)
{
    static const tube_column columns[] = { { "a", TUBE_TEXT, NULL },
                                           { "b", TUBE_TEXT, NULL } };
    tube_error err = { 0 };
    tube_schema *schema = tubei_schema_new(columns, 2, &err);
    tubei_table t = { 0 };

    text(0, "long long text");
    text(1, "x");
    text(2, "s");
    text(3, "y");
    batch = (tube_batch){ .schema = schema, .cells = cells, .width = 2, .n = 2 };
    batch.live[0] = 2;
    out = (tubei_writer){ .buf = buf, .cap = sizeof(buf) - 1, .fd = -1 };
    cr_assert(tubei_table_open(&t, schema, 80));
    tubei_table_head(&t, &batch, &out);
    buf[out.len] = '\0';
    cr_expect_str_eq(buf, "a  b\n-  -\n", "\n%s", buf);
    tubei_table_fini(&t);
    tubei_schema_free(schema);
}

Test(print_table, a_terminal_is_not_commanded)
{
    static const tube_column columns[] = { { "t", TUBE_TEXT, NULL } };

    text(0, "\x1b[2J\x07");
    text(1, "a\tb\nc\rd\x7f");
    text(2, "\xC2\x9B"
            "31m");
    text(3, "\xFF\x80");
    text(4, "\xE2\x80\xAE"
            "abc");
    text(5, "\xC3\xA4 \xE4\xB8\xAD");
    tube_set_text(&cells[6], "\0", 1);
    print(columns, 1, 7, 0);
    cr_expect_str_eq(buf,
                     "t\n--------------\n\\x1b[2J\\x07\na\\tb\\nc\\rd\\x7f\n\\x9b31m\n"
                     "\\xff\\x80\n\\u202eabc\n\xC3\xA4 \xE4\xB8\xAD\n\\x00\n",
                     "\n%s", buf);
}

/* Columns of the longest line. */
static size_t
widest(void)
{
    size_t most = 0;

    for (const char *p = buf; *p != '\0'; p += strcspn(p, "\n") + 1)
        if (strcspn(p, "\n") > most)
            most = strcspn(p, "\n");
    return most;
}

Test(print_table, long_values_are_cut_where_there_is_a_terminal)
{
    static const tube_column columns[] = { { "id", TUBE_INT, NULL },
                                           { "a", TUBE_TEXT, NULL },
                                           { "b", TUBE_TEXT, NULL } };

    tube_set_int(&cells[0], 7);
    text(1, "0123456789012345678901234567890123456789");
    text(2, "short");
    print(columns, 3, 1, 30);
    cr_expect_str_eq(buf,
                     "id  a                    b\n"
                     "--  -------------------  -----\n"
                     " 7  0123456789012345...  short\n",
                     "\n%s", buf);
    cr_expect_eq(widest(), 30);
    print(columns, 3, 1, 51);
    cr_expect_null(strstr(buf, "..."));
    print(columns, 3, 1, 50);
    cr_expect_not_null(strstr(buf, "..."));
    print(columns, 3, 1, 0);
    cr_expect_null(strstr(buf, "..."));
}

Test(print_table, two_long_columns_share_what_is_left)
{
    static const tube_column columns[] = { { "id", TUBE_INT, NULL },
                                           { "a", TUBE_TEXT, NULL },
                                           { "b", TUBE_TEXT, NULL } };

    tube_set_int(&cells[0], 7);
    text(1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    text(2, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    print(columns, 3, 1, 40);
    cr_expect_not_null(strstr(buf, " 7  aaaaaaaaaaaaaa...  bbbbbbbbbbbbbb...\n"),
                       "\n%s", buf);
    cr_expect_leq(widest(), 40);
}

Test(print_table, wide_characters_count_twice)
{
    static const tube_column columns[] = { { "a", TUBE_TEXT, NULL },
                                           { "b", TUBE_TEXT, NULL } };

    text(0, "\xE4\xB8\xAD\xE6\x96\x87");
    text(1, "x");
    text(2, "e\xCC\x81");
    text(3, "y");
    text(4, "\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD"
            "\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD");
    text(5, "z");
    print(columns, 2, 2, 0);
    cr_expect_str_eq(buf,
                     "a     b\n----  -\n\xE4\xB8\xAD\xE6\x96\x87  x\ne\xCC\x81     y\n",
                     "\n%s", buf);
    print(columns, 2, 3, 17);
    cr_expect_not_null(
        strstr(
            buf,
            "\n\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD\xE4\xB8\xAD...   z\n"),
        "\n%s", buf);
}

Test(print_table, columns_without_room_are_counted_not_squeezed)
{
    static char names[32][8];
    static tube_column columns[32];

    for (uint32_t i = 0; i < 32; i++) {
        snprintf(names[i], sizeof(names[i]), "f%u", i);
        columns[i] = (tube_column){ names[i], TUBE_TEXT, NULL };
        text(i, "some long text here");
    }
    print(columns, 32, 1, 60);
    cr_expect_not_null(strstr(buf, "f2               +29 more\n"), "\n%s", buf);
    cr_expect_leq(widest(), 60, "%zu", widest());
    for (uint32_t room = 1; room < 300; room++) {
        print(columns, 32, 1, room);
        cr_expect(widest() <= room || room < 23, "%zu in %u", widest(), room);
    }
}

Test(print_table, numbers_and_times_are_not_cut)
{
    static const tube_column columns[] = { { "path", TUBE_TEXT, NULL },
                                           { "time", TUBE_TIME, NULL },
                                           { "size", TUBE_INT, NULL },
                                           { "agent", TUBE_TEXT, NULL } };

    text(0, "a path that is rather long");
    tube_set_int(&cells[1], 0);
    tube_set_int(&cells[2], 1234567890);
    text(3, "an agent that is rather long");
    print(columns, 4, 1, 66);
    cr_expect_str_eq(
        buf,
        "path             time                        size  agent\n"
        "---------------  --------------------  ----------  ---------------\n"
        "a path that ...  1970-01-01T00:00:00Z  1234567890  an agent tha...\n",
        "\n%s", buf);
    print(columns, 4, 1, 50);
    cr_expect_str_eq(buf,
                     "path               time                  +2 more\n"
                     "-----------------  --------------------\n"
                     "a path that is...  1970-01-01T00:00:00Z\n",
                     "\n%s", buf);
}

Test(print_table, a_later_row_may_be_longer_than_the_first_ones)
{
    static const tube_column columns[] = { { "a", TUBE_TEXT, NULL },
                                           { "b", TUBE_TEXT, NULL } };

    text(0, "short");
    text(1, "x");
    text(2, "much longer than short");
    text(3, "y");
    for (int room = 0; room < 2; room++) {
        tube_error err = { 0 };
        tube_schema *schema = tubei_schema_new(columns, 2, &err);
        tubei_table t = { 0 };

        batch = (tube_batch){ .schema = schema, .cells = cells, .width = 2, .n = 1 };
        batch.live[0] = 1;
        out = (tubei_writer){ .buf = buf, .cap = sizeof(buf) - 1, .fd = -1 };
        cr_assert(tubei_table_open(&t, schema, room == 0 ? 0 : 80));
        tubei_table_head(&t, &batch, &out);
        out.len = 0;
        tubei_table_row(&t, cells + 2, &out);
        buf[out.len] = '\0';
        cr_expect_str_eq(buf, room == 0 ? "much longer than short  y\n" : "mu...  y\n");
        tubei_table_fini(&t);
        tubei_schema_free(schema);
    }
}
