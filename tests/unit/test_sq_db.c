/* SPDX-License-Identifier: MIT */
/* test_sq_db.c -- opening SQLite files, and looking into them with tube_query(). */
#include "../../stages/sq_db.h"

#include <tubes/db.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/test_sq_db.XXXXXX";

static void
start(void)
{
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static void
end(void)
{
    char command[64];
    FILE *done;

    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    done = popen(command, "r");
    if (done != NULL)
        (void)pclose(done);
}

static void
write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    cr_assert_not_null(f);
    (void)fputs(text, f);
    cr_assert_eq(fclose(f), 0);
}

static sq_db *
open_file(const char *name, sq_mode mode)
{
    sq_db *db;
    tube_error err;

    cr_assert_eq(tubei_sq_open(name, mode, &db, &err), TUBE_OK, "%s", err.message);
    return db;
}

static void
refused(const char *name, sq_mode mode, tube_status want, const char *what)
{
    sq_db *db;
    tube_error err = { 0 };

    cr_expect_eq(tubei_sq_open(name, mode, &db, &err), want, "%s", name);
    cr_expect_eq(err.status, want, "%s", name);
    cr_expect_null(db);
    cr_expect_not_null(strstr(err.message, what), "'%s' is not in '%s'", what,
                       err.message);
}

TestSuite(sq_db, .init = start, .fini = end, .timeout = 30);

Test(sq_db, a_new_file_is_for_its_owner)
{
    struct stat st;

    (void)umask(0);
    tubei_sq_close(open_file("new.db", SQ_CREATE));
    cr_assert_eq(stat("new.db", &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
}

Test(sq_db, a_path_is_a_path)
{
    tubei_sq_close(open_file(":memory:", SQ_CREATE));
    cr_expect_eq(access(":memory:", F_OK), 0);
    tubei_sq_close(open_file("file:x?mode=memory", SQ_CREATE));
    cr_expect_eq(access("file:x?mode=memory", F_OK), 0);
}

Test(sq_db, what_cannot_be_opened)
{
    write_file("text.db",
               "this is no database, whatever its name says; it is a text file\n");
    refused("none.db", SQ_WRITE, TUBE_EREACH, "none.db: No such file");
    refused("none/x.db", SQ_CREATE, TUBE_EREACH, "none/x.db: No such file");
    refused(".", SQ_CREATE, TUBE_EREACH, ".: is a directory");
    refused("text.db", SQ_CREATE, TUBE_ECONFIG, "text.db: is no SQLite database");
    refused("", SQ_CREATE, TUBE_ECONFIG, "no name of a database file");
    cr_assert_eq(symlink("elsewhere.db", "planted.db"), 0);
    refused("planted.db", SQ_CREATE, TUBE_EREACH, "planted.db: No such file");
    cr_expect_neq(access("elsewhere.db", F_OK), 0,
                  "a link that leads nowhere is not followed");
}

Test(sq_db, a_writer_waits_for_another_one_and_says_so)
{
    sq_db *one = open_file("a.db", SQ_CREATE);
    sq_db *two = open_file("a.db", SQ_WRITE);
    tube_error err;

    cr_assert_eq(tubei_sq_exec(one, "CREATE TABLE t (x)"), SQ_DONE);
    cr_assert_eq(tubei_sq_exec(one, "BEGIN IMMEDIATE"), SQ_DONE);
    tubei_sq_patience(two, 50);
    cr_expect_eq(tubei_sq_exec(two, "BEGIN IMMEDIATE"), SQ_BUSY);
    cr_expect_eq(tubei_sq_fail(two, "a.db", &err), TUBE_EREACH);
    cr_expect_str_eq(err.message, "a.db: locked by another process");
    tubei_sq_close(one);
    cr_expect_eq(tubei_sq_exec(two, "BEGIN IMMEDIATE"), SQ_DONE,
                 "rolled back when it closed");
    cr_expect(tubei_sq_in_transaction(two));
    tubei_sq_close(two);
}

Test(sq_db, results_say_what_to_do)
{
    static const struct {
        const char *sql;
        sq_result rc;
        const char *state;
    } cases[] = {
        { "INSERT INTO t VALUES (1, 1)", SQ_DONE, NULL },
        { "INSERT INTO t VALUES (1, 1)", SQ_REFUSED, "23505" },
        { "INSERT INTO t VALUES (2, NULL)", SQ_REFUSED, "23502" },
        { "INSERT INTO t VALUES (3, -1)", SQ_REFUSED, "23514" },
        { "INSERT INTO t VALUES ('x', 1)", SQ_REFUSED, "42804" },
        { "INSERT INTO t VALUES (4, zeroblob(1000000001))", SQ_REFUSED, "54000" },
        { "INSERT INTO s VALUES ('x')", SQ_REFUSED, "42804" },
        { "INSERT INTO none VALUES (1)", SQ_FAILED, "" },
    };
    sq_db *db = open_file("a.db", SQ_CREATE);

    cr_assert_eq(
        tubei_sq_exec(
            db, "CREATE TABLE t (id INTEGER PRIMARY KEY, v NOT NULL CHECK (v >= 0));"
                " CREATE TABLE s (n INTEGER) STRICT"),
        SQ_DONE);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(tubei_sq_exec(db, cases[i].sql), cases[i].rc, "%s: %s",
                     cases[i].sql, tubei_sq_message(db));
        if (cases[i].state != NULL)
            cr_expect_str_eq(tubei_sq_state(db), cases[i].state, "%s", cases[i].sql);
    }
    tubei_sq_close(db);
}

/* Looking. */

struct seen {
    char text[256];
    size_t most;
    size_t n;
};

static bool
each(void *arg, size_t n, const char *const *name, const char *const *value)
{
    struct seen *s = arg;

    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(s->text);

        (void)snprintf(s->text + len, sizeof(s->text) - len, "%s=%s;", name[i],
                       value[i] != NULL ? value[i] : "NULL");
    }
    return ++s->n < s->most;
}

static void
make(void)
{
    sq_db *db = open_file("a.db", SQ_CREATE);

    cr_assert_eq(
        tubei_sq_exec(
            db, "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2.5, NULL)"),
        SQ_DONE);
    tubei_sq_close(db);
}

Test(sq_db, a_query_gives_rows_as_text)
{
    struct seen s = { .most = 10 };
    struct seen first = { .most = 1 };
    tube_error err;

    make();
    cr_assert_eq(
        tube_query("a.db", "SELECT a, b AS \"B b\" FROM t -- all", each, &s, &err),
        TUBE_OK);
    cr_expect_str_eq(s.text, "a=1;B b=x;a=2.5;B b=NULL;");
    cr_assert_eq(tube_query("a.db", "SELECT a FROM t;", each, &first, &err), TUBE_OK);
    cr_expect_str_eq(first.text, "a=1;", "until it has enough");
    cr_expect_neq(access("a.db-wal", F_OK), 0, "nothing is left lying about");
}

Test(sq_db, a_query_changes_nothing)
{
    static const struct {
        const char *db;
        const char *sql;
        tube_status st;
        const char *what;
    } cases[] = {
        { "a.db", "DELETE FROM t", TUBE_EDB, "returns no rows" },
        { "a.db", "DELETE FROM t RETURNING a", TUBE_EDB, "would change" },
        { "a.db", "SELECT 1; DELETE FROM t", TUBE_EDB, "more than one statement" },
        { "a.db", "SELECT 1; nonsense", TUBE_EDB, "more than one statement" },
        { "a.db", "ATTACH 'b.db' AS b", TUBE_EDB, "returns no rows" },
        { "a.db", "VACUUM INTO 'b.db'", TUBE_EDB, "returns no rows" },
        { "a.db", "", TUBE_EDB, "returns no rows" },
        { "a.db", "SELECT nope FROM t", TUBE_EDB, "no such column: nope" },
        { "b.db", "SELECT 1", TUBE_EREACH, "b.db: No such file" },
    };

    make();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct seen s = { .most = 10 };
        tube_error err = { 0 };

        cr_expect_eq(tube_query(cases[i].db, cases[i].sql, each, &s, &err), cases[i].st,
                     "%s", cases[i].sql);
        cr_expect_not_null(strstr(err.message, cases[i].what), "%s: %s", cases[i].sql,
                           err.message);
    }
    struct seen s = { .most = 10 };
    tube_error err;
    cr_assert_eq(tube_query("a.db", "SELECT count(*) AS n FROM t", each, &s, &err),
                 TUBE_OK);
    cr_expect_str_eq(s.text, "n=2;");
    cr_expect_neq(access("b.db", F_OK), 0);
}
