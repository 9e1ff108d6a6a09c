/* SPDX-License-Identifier: MIT */
/* test_confirm.c -- a future that says "committed" is believed by another connection. */
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONE = 50, BURST = 3000 };

static char path[] = "/tmp/tubes-confirm-XXXXXX";

static int64_t
rows(sqlite3 *db)
{
    sqlite3_stmt *q;
    int64_t n;

    cr_assert_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM audit", -1, &q, NULL), 0,
                 "%s", sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(q), SQLITE_ROW);
    n = sqlite3_column_int64(q, 0);
    (void)sqlite3_finalize(q);
    return n;
}

static void
push(tube_inlet *in, int64_t v, tube_future *f)
{
    tube_cell row;

    tube_future_init(f, NULL);
    tube_set_int(&row, v);
    cr_assert_eq(tube_push_within(in, &row, f, TUBE_FOREVER), TUBE_OK);
}

static void
check(const tube_pipeline_opts *o)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    static tube_future f[BURST];
    char text[256], file[128];
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(o, &err);
    tube_inlet *in;
    sqlite3 *db;

    cr_assert_not_null(mkdtemp(path));
    (void)snprintf(file, sizeof(file), "%s/a.db", path);
    (void)snprintf(text, sizeof(text),
                   "record audit { n int }\n"
                   "merge hold=yes of=audit as=in | sqlite %s table=audit age=10m",
                   file);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
    in = tube_inlet_new(p, tube_find(p, "in"), "audit", &err);
    cr_assert_not_null(in, "%s", err.message);
    cr_assert_eq(sqlite3_open(file, &db), SQLITE_OK);
    for (int i = 0; i < LONE; i++) {
        push(in, i, &f[i]);
        cr_assert_eq(tube_future_wait(&f[i], 10000000000u), TUBE_OK);
        cr_assert_eq(tube_future_look(&f[i]), TUBE_COMMITTED);
        cr_assert_eq(rows(db), i + 1);
    }
    for (int i = 0; i < BURST; i++)
        push(in, LONE + i, &f[i]);
    cr_assert_eq(tube_future_wait(&f[BURST - 1], 10000000000u), TUBE_OK);
    cr_assert_eq(rows(db), LONE + BURST);
    for (int i = 0; i < BURST; i++)
        cr_assert_eq(tube_future_look(&f[i]), TUBE_COMMITTED);
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, tube_find(p, "in")), TUBE_OK);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
    (void)sqlite3_close(db);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(file, sizeof(file), "%s/a.db%s", path, ends[i]);
        (void)unlink(file);
    }
    cr_assert_eq(rmdir(path), 0);
}

/* Nobody flushes, and `age` is ten minutes: who asks is not kept waiting. */
Test(confirm, committed_is_committed, .timeout = 60)
{
    check(TUBE_PIPELINE_OPTS(.workers = 2));
}
