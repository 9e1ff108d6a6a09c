/* SPDX-License-Identifier: MIT */
/* test_sq_faults.c -- every write and every sync fails once, before or after its work.
 *
 * A file system in between counts what SQLite asks for.  Whatever fails, each line is
 * in the table once when the run ends; where the failure came behind the work, that is
 * a COMMIT whose answer was lost.
 */
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 4000, NEVER = 1 << 30 };

static _Atomic int countdown = NEVER; /* operations until one fails */
static _Atomic int more;              /* further ones that fail then */
static bool behind;                   /* it fails behind its work */
static int failure;                   /* with this */
static sqlite3_vfs *below;

typedef struct shim {
    sqlite3_file file;
    sqlite3_file *real;
} shim;

static const sqlite3_io_methods *
real_of(sqlite3_file *f, sqlite3_file **real)
{
    *real = ((shim *)(void *)f)->real;
    return (*real)->pMethods;
}

static bool
is_due(void)
{
    int left = atomic_fetch_sub(&countdown, 1);

    return left <= 1 && left > 1 - 1 - atomic_load(&more);
}

#define PASS(name, params, args)                     \
  static int shim_##name params                      \
  {                                                  \
    sqlite3_file *real;                              \
    const sqlite3_io_methods *m = real_of(f, &real); \
                                                     \
    return m->name args;                             \
  }

/* clang-format off */
PASS(xRead, (sqlite3_file *f, void *p, int n, sqlite3_int64 at), (real, p, n, at))
PASS(xTruncate, (sqlite3_file *f, sqlite3_int64 n), (real, n))
PASS(xFileSize, (sqlite3_file *f, sqlite3_int64 *n), (real, n))
PASS(xLock, (sqlite3_file *f, int how), (real, how))
PASS(xUnlock, (sqlite3_file *f, int how), (real, how))
PASS(xCheckReservedLock, (sqlite3_file *f, int *out), (real, out))
PASS(xFileControl, (sqlite3_file *f, int op, void *arg), (real, op, arg))
PASS(xSectorSize, (sqlite3_file *f), (real))
PASS(xDeviceCharacteristics, (sqlite3_file *f), (real))
PASS(xShmMap, (sqlite3_file *f, int i, int n, int extend, void volatile **p), (real, i, n, extend, p))
PASS(xShmLock, (sqlite3_file *f, int at, int n, int flags), (real, at, n, flags))
PASS(xShmUnmap, (sqlite3_file *f, int drop), (real, drop))
/* clang-format on */

static void
shim_xShmBarrier(sqlite3_file *f)
{
    sqlite3_file *real;

    real_of(f, &real)->xShmBarrier(real);
}

static int
shim_xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    sqlite3_file *real;
    const sqlite3_io_methods *m = real_of(f, &real);
    bool due = is_due();
    int rc = due && !behind ? failure : m->xWrite(real, p, n, at);

    return due ? failure : rc;
}

static int
shim_xSync(sqlite3_file *f, int flags)
{
    sqlite3_file *real;
    const sqlite3_io_methods *m = real_of(f, &real);
    bool due = is_due();
    int rc = due && !behind ? failure : m->xSync(real, flags);

    return due ? failure : rc;
}

static int
shim_xClose(sqlite3_file *f)
{
    sqlite3_file *real;
    const sqlite3_io_methods *m = real_of(f, &real);
    int rc = m->xClose(real);

    free(real);
    return rc;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = shim_xClose,
    .xRead = shim_xRead,
    .xWrite = shim_xWrite,
    .xTruncate = shim_xTruncate,
    .xSync = shim_xSync,
    .xFileSize = shim_xFileSize,
    .xLock = shim_xLock,
    .xUnlock = shim_xUnlock,
    .xCheckReservedLock = shim_xCheckReservedLock,
    .xFileControl = shim_xFileControl,
    .xSectorSize = shim_xSectorSize,
    .xDeviceCharacteristics = shim_xDeviceCharacteristics,
    .xShmMap = shim_xShmMap,
    .xShmLock = shim_xShmLock,
    .xShmBarrier = shim_xShmBarrier,
    .xShmUnmap = shim_xShmUnmap,
};

static int
shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    shim *s = (shim *)(void *)f;
    int rc;

    (void)v;
    s->file.pMethods = NULL;
    s->real = calloc(1, (size_t)below->szOsFile);
    if (s->real == NULL)
        return SQLITE_NOMEM;
    rc = below->xOpen(below, name, s->real, flags, out);
    if (rc == SQLITE_OK)
        s->file.pMethods = &methods;
    else
        free(s->real);
    return rc;
}

static char log_path[64];
static char db_path[64];

static void
start(void)
{
    static sqlite3_vfs shim_vfs;
    FILE *f;

    below = sqlite3_vfs_find(NULL);
    shim_vfs = *below;
    shim_vfs.szOsFile = (int)sizeof(shim);
    shim_vfs.zName = "shim";
    shim_vfs.xOpen = shim_open;
    shim_vfs.pNext = NULL;
    cr_assert_eq(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
    (void)snprintf(log_path, sizeof(log_path), "/tmp/test_sq_faults.%ld.log",
                   (long)getpid());
    (void)snprintf(db_path, sizeof(db_path), "/tmp/test_sq_faults.%ld.db",
                   (long)getpid());
    f = fopen(log_path, "w");
    cr_assert_not_null(f);
    for (int i = 1; i <= ROWS; i++)
        (void)fprintf(
            f, "{\"n\":%d,\"text\":\"some text that makes the row longer\"}\n", i);
    cr_assert_eq(fclose(f), 0);
}

static void
remove_db(void)
{
    char name[80];

    (void)unlink(db_path);
    (void)snprintf(name, sizeof(name), "%s-wal", db_path);
    (void)unlink(name);
    (void)snprintf(name, sizeof(name), "%s-shm", db_path);
    (void)unlink(name);
}

static void
end(void)
{
    remove_db();
    (void)unlink(log_path);
}

static void
quiet(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

/* Load the file; the i-th operation behind tube_open() fails, and `n` behind it. */
static tube_status
load(int i, int n, tube_error *err)
{
    char text[256];
    tube_pipeline *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 1, .on_warn = quiet), err);
    tube_status st;

    cr_assert_not_null(p);
    (void)snprintf(text, sizeof(text),
                   "file \"%s\" | parse json | sqlite \"%s\" rows=1000", log_path,
                   db_path);
    st = tube_series(p, text, err);
    if (st == TUBE_OK)
        st = tube_open(p, err);
    cr_assert_eq(st, TUBE_OK, "%s", err->message);
    atomic_store(&more, n);
    atomic_store(&countdown, i);
    st = tube_run(p, err);
    atomic_store(&more, 0);
    tube_pipeline_free(p);
    return st;
}

static long
number(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    long n;

    atomic_store(&countdown, NEVER);
    cr_assert_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(stmt), SQLITE_ROW);
    n = (long)sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return n;
}

static void
check_rows(int i)
{
    cr_expect_eq(number("SELECT count(*) FROM logs"), ROWS, "operation %d", i);
    cr_expect_eq(number("SELECT count(DISTINCT n) FROM logs"), ROWS, "operation %d", i);
    cr_expect_eq(number("SELECT rows FROM tubes_progress"), ROWS, "operation %d", i);
}

/* Every operation in its turn, until one is behind the last. */
static void
fail_each(int rc, bool is_behind)
{
    failure = rc;
    behind = is_behind;
    for (int i = 1; i < 1000; i++) {
        tube_error err = { 0 };
        tube_status st;
        bool met;

        remove_db();
        st = load(i, 1, &err);
        met = atomic_load(&countdown) < 1;
        if (st == TUBE_EREACH && number("SELECT count(*) FROM logs") == 0) {
            /* While positions are looked up it may still say that it cannot begin. */
            cr_expect_leq(i, 10, "operation %d: %s", i, err.message);
            st = load(NEVER, 0, &err);
        }
        cr_expect_eq(st, TUBE_OK, "operation %d: %s", i, err.message);
        check_rows(i);
        if (!met) {
            cr_expect_gt(i, 30, "only %d operations", i);
            return;
        }
    }
    cr_expect_fail("no end");
}

TestSuite(sq_faults, .init = start, .fini = end, .timeout = 110);

Test(sq_faults, an_error_before_the_work)
{
    fail_each(SQLITE_IOERR_WRITE, false);
}

Test(sq_faults, an_error_behind_the_work)
{
    fail_each(SQLITE_IOERR_FSYNC, true);
}

Test(sq_faults, a_full_disk)
{
    fail_each(SQLITE_FULL, false);
}

/* It gives up on a disk that never works again, and the next run goes on. */
Test(sq_faults, an_error_that_stays)
{
    tube_error err = { 0 };
    tube_status st;

    failure = SQLITE_IOERR_WRITE;
    behind = false;
    remove_db();
    st = load(20, NEVER / 2, &err);
    cr_expect_eq(st, TUBE_EREACH, "%s", err.message);
    atomic_store(&countdown, NEVER);
    cr_expect_lt(number("SELECT count(*) FROM logs"), ROWS);
    cr_expect_eq(load(NEVER, 0, &err), TUBE_OK, "%s", err.message);
    check_rows(0);
}
