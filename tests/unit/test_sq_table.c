/* SPDX-License-Identifier: MIT */
/* test_sq_table.c -- fields and columns of an SQLite table, and the table's mark. */
#include "../../data/schema.h"
#include "../../stages/sq_progress.h"
#include "../../stages/sq_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static sq_db *db;
static tube_schema *fields;

static const tube_column columns[] = {
    { "client", TUBE_TEXT, NULL },  { "time", TUBE_TIME, NULL },
    { "status", TUBE_INT, "int2" }, { "share", TUBE_FLOAT, NULL },
    { "ok", TUBE_BOOL, NULL },      { "raw", TUBE_BYTES, NULL },
    { "more", TUBE_JSON, NULL },
};
enum { WIDTH = sizeof(columns) / sizeof(columns[0]) };

static void
start(void)
{
    tube_error err;

    (void)snprintf(path, sizeof(path), "/tmp/test_sq_table.%ld", (long)getpid());
    (void)unlink(path);
    cr_assert_eq(tubei_sq_open(path, SQ_CREATE, &db, &err), TUBE_OK, "%s", err.message);
    fields = tubei_schema_new(columns, WIDTH, &err);
    cr_assert_not_null(fields);
}

static void
end(void)
{
    tubei_sq_close(db);
    tubei_schema_free(fields);
    (void)unlink(path);
}

static void
exec(const char *sql)
{
    cr_assert_eq(tubei_sq_exec(db, sql), SQ_DONE, "%s: %s", sql, tubei_sq_message(db));
}

/* What a query of one value says; "" for none. */
static char *
ask(const char *sql)
{
    static char text[1024];
    sq_stmt *stmt;

    text[0] = '\0';
    cr_assert_eq(tubei_sq_prepare(db, sql, &stmt), SQ_DONE, "%s", tubei_sq_message(db));
    if (tubei_sq_step(stmt) == SQ_ROW && tubei_sq_text(stmt, 0) != NULL)
        (void)snprintf(text, sizeof(text), "%s", tubei_sq_text(stmt, 0));
    tubei_sq_finalize(&stmt);
    return text;
}

static sq_table
find(sq_wishes w)
{
    sq_table t = { 0 };
    tube_error err = { 0 };

    w.rest = w.rest != NULL ? w.rest : "";
    cr_assert_eq(tubei_sq_table_find(db, &w, fields, &t, &err), TUBE_OK, "%s",
                 err.message);
    return t;
}

/* Expect a failure with this text and this option to blame. */
static void
refused(sq_wishes w, const char *what, const char *option)
{
    sq_table t = { 0 };
    tube_error err = { 0 };

    w.rest = w.rest != NULL ? w.rest : "";
    cr_expect_eq(tubei_sq_table_find(db, &w, fields, &t, &err), TUBE_ECONFIG);
    cr_expect_not_null(strstr(err.message, what), "'%s' is not in '%s'", what,
                       err.message);
    cr_expect_str_eq(t.option, option);
    cr_expect_null(t.column);
}

TestSuite(sq_table, .init = start, .fini = end, .timeout = 20);

Test(sq_table, a_missing_table_is_planned_from_the_fields)
{
    const char *const ignored[] = { "raw", "ok" };
    sq_table t =
        find((sq_wishes){ .name = "lo\"gs", .ignore = { ignored, 2 }, .rest = "more" });
    char *ddl = tubei_sq_table_ddl(&t);
    char *insert = tubei_sq_table_insert(&t, 2);

    cr_expect_not(t.exists);
    cr_expect_str_eq(
        ddl, "CREATE TABLE \"lo\"\"gs\" (\n    \"client\" TEXT,\n    \"time\" TEXT,\n"
             "    \"status\" INTEGER,\n    \"share\" REAL,\n    \"more\" TEXT\n)");
    cr_expect_str_eq(
        insert, "INSERT OR ABORT INTO \"lo\"\"gs\" (\"client\", \"time\", \"status\", "
                "\"share\", \"more\") VALUES (?, ?, ?, ?, ?), (?, ?, ?, ?, ?)");
    cr_expect_eq(t.n_rest, 1);
    exec(ddl);
    free(ddl);
    free(insert);
    tubei_sq_table_free(&t);
}

Test(sq_table, columns_are_found_whatever_their_letters)
{
    exec(
        "CREATE TABLE Logs (id INTEGER PRIMARY KEY NOT NULL, MORE TEXT, Client TEXT, TIME DATETIME,"
        " status INT, share NUMERIC, ok BOOLEAN, raw, twice AS (status * 2),"
        " kind TEXT NOT NULL DEFAULT 'x')");
    sq_table t = find((sq_wishes){ .name = "LOGS" });

    cr_expect(t.exists);
    cr_expect_str_eq(t.name, "Logs");
    cr_expect_eq(t.n, WIDTH);
    cr_expect_str_eq(t.column[0].name, "Client");
    cr_expect_eq(t.column[1].form, SQ_AS_TIME_TEXT);
    cr_expect_str_eq(t.column[6].name, "MORE");
    cr_expect_not(t.has_triggers);
    tubei_sq_table_free(&t);
}

Test(sq_table, a_time_is_what_its_column_can_hold)
{
    static const struct {
        const char *type;
        sq_form form;
    } cases[] = {
        { "INTEGER", SQ_AS_TIME_INT },      { "bigint", SQ_AS_TIME_INT },
        { "REAL", SQ_AS_TIME_REAL },        { "double precision", SQ_AS_TIME_REAL },
        { "TEXT", SQ_AS_TIME_TEXT },        { "DATETIME", SQ_AS_TIME_TEXT },
        { "varchar(30)", SQ_AS_TIME_TEXT }, { "", SQ_AS_TIME_TEXT },
        { "timestamp", SQ_AS_TIME_TEXT },
    };
    const char *const ignored[] = { "client", "status", "share", "ok", "raw", "more" };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char sql[80];

        exec("DROP TABLE IF EXISTS logs");
        (void)snprintf(sql, sizeof(sql), "CREATE TABLE logs (time %s)", cases[i].type);
        exec(sql);
        sq_table t = find((sq_wishes){ .name = "logs", .ignore = { ignored, 6 } });
        cr_expect_eq(t.n, 1);
        cr_expect_eq(t.column[0].form, cases[i].form, "%s", cases[i].type);
        tubei_sq_table_free(&t);
    }
}

Test(sq_table, fields_without_a_column_are_collected)
{
    exec("CREATE TABLE logs (client TEXT, rest TEXT)");
    sq_table t = find((sq_wishes){ .name = "logs", .rest = "REST" });

    cr_expect_eq(t.n, 2);
    cr_expect_eq(t.n_rest, WIDTH - 1);
    cr_expect_eq(t.column[1].form, SQ_AS_REST);
    tubei_sq_table_free(&t);
}

Test(sq_table, wishes_that_cannot_be_met)
{
    const char *const ignored[] = { "user" };
    char name[80] = { 0 };

    memset(name, 'n', 64);
    refused((sq_wishes){ .name = "" }, "a table without a name", "table");
    refused((sq_wishes){ .name = name }, "over 63 bytes", "table");
    refused((sq_wishes){ .name = "Tubes_source" }, "cannot be the name", "table");
    refused((sq_wishes){ .name = "sqlite_x" }, "cannot be the name", "table");
    refused((sq_wishes){ .name = "logs", .ignore = { ignored, 1 } }, "no field 'user'",
            "ignore");
    refused((sq_wishes){ .name = "logs", .rest = name }, "over 63 bytes", "rest");
}

Test(sq_table, tables_that_do_not_fit)
{
    exec("CREATE TABLE few (client, time, status, share, ok, raw)");
    refused((sq_wishes){ .name = "few" }, "no column 'more' in table 'few'", "table");
    refused((sq_wishes){ .name = "few", .rest = "other" }, "no column 'other'", "rest");
    exec("CREATE TABLE made (client, time, status, share, ok, raw, more AS (client))");
    refused((sq_wishes){ .name = "made" }, "column 'more' of table 'made' is generated",
            "table");
    exec(
        "CREATE TABLE needs (client, time, status, share, ok, raw, more, who NOT NULL)");
    refused((sq_wishes){ .name = "needs" }, "column 'who' of table 'needs' is NOT NULL",
            "table");
    exec("CREATE VIEW seen AS SELECT * FROM few");
    refused((sq_wishes){ .name = "seen" }, "'seen' is a view", "table");
    exec("CREATE VIRTUAL TABLE found USING fts5(client)");
    refused((sq_wishes){ .name = "found" }, "'found' is a virtual table", "table");
}

Test(sq_table, two_fields_for_one_column)
{
    static const tube_column twins[] = { { "a", TUBE_INT, NULL },
                                         { "A", TUBE_INT, NULL } };
    sq_wishes w = { .name = "logs", .rest = "" };
    sq_table t = { 0 };
    tube_error err = { 0 };
    tube_schema *s = tubei_schema_new(twins, 2, &err);

    cr_assert_not_null(s);
    cr_expect_eq(tubei_sq_table_find(NULL, &w, s, &t, &err), TUBE_ECONFIG);
    cr_expect_not_null(strstr(err.message, "two fields for column 'A'"), "%s",
                       err.message);
    tubei_schema_free(s);
}

/* Make the table as the sink does; the token that it has then. */
static void
make(const char *name, char token[SQ_TOKEN + 1], bool *rebuilt)
{
    sq_table t = find((sq_wishes){ .name = name });
    tube_error err = { 0 };

    exec("BEGIN");
    cr_assert_eq(tubei_sq_progress_create(db), SQ_DONE);
    cr_assert_eq(tubei_sq_table_make(db, &t, &err), TUBE_OK, "%s", err.message);
    exec("COMMIT");
    memcpy(token, t.token, SQ_TOKEN + 1);
    *rebuilt = t.rebuilt;
    tubei_sq_table_free(&t);
}

Test(sq_table, a_mark_lives_as_long_as_its_table)
{
    char first[SQ_TOKEN + 1];
    char later[SQ_TOKEN + 1];
    bool rebuilt;

    make("lo gs", first, &rebuilt);
    cr_expect_eq(strlen(first), SQ_TOKEN);
    make("LO GS", later, &rebuilt);
    cr_expect_str_eq(later, first, "found again");
    exec(
        "ALTER TABLE \"lo gs\" RENAME TO other; ALTER TABLE other RENAME COLUMN client TO who;"
        " ALTER TABLE other RENAME COLUMN who TO client; ALTER TABLE other ADD COLUMN x;"
        " ALTER TABLE other DROP COLUMN x; VACUUM; DELETE FROM other; UPDATE other SET time = 1");
    make("other", later, &rebuilt);
    cr_expect_str_eq(later, first, "renamed and changed");
    cr_expect_not(rebuilt);
    exec("DROP TABLE other");
    make("other", later, &rebuilt);
    cr_expect_str_neq(later, first, "dropped and made anew");
    cr_expect_not(rebuilt, "by us");
    make("lo gs", later, &rebuilt);
    exec(
        "DROP TABLE \"lo gs\"; CREATE TABLE \"lo gs\" (client, time, status, share, ok, raw, more)");
    make("lo gs", first, &rebuilt);
    cr_expect_str_neq(later, first, "dropped and made anew");
    cr_expect(rebuilt, "by somebody else");
}

Test(sq_table, a_mark_does_nothing_and_other_triggers_are_seen)
{
    char token[SQ_TOKEN + 1];
    bool rebuilt;
    sq_table t;

    exec(
        "CREATE TABLE w (client PRIMARY KEY, time, status, share, ok, raw, more) WITHOUT ROWID");
    make("w", token, &rebuilt);
    exec("INSERT INTO w (client) VALUES ('a'); UPDATE w SET client = 'b'");
    cr_expect_str_eq(ask("SELECT client FROM w"), "b");
    t = find((sq_wishes){ .name = "w" });
    cr_expect_not(t.has_triggers);
    tubei_sq_table_free(&t);
    exec("CREATE TRIGGER d AFTER DELETE ON w BEGIN SELECT 1; END");
    t = find((sq_wishes){ .name = "w" });
    cr_expect_not(t.has_triggers);
    tubei_sq_table_free(&t);
    exec("CREATE TRIGGER i AFTER insert ON w BEGIN SELECT 1; END");
    t = find((sq_wishes){ .name = "w" });
    cr_expect(t.has_triggers);
    tubei_sq_table_free(&t);
}
