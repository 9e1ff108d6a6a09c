/* SPDX-License-Identifier: MIT */
/* flow_sqlite.c -- a log into a table of SQLite, beside a bare loop of INSERTs.
 *
 * tubes      file | parse combined | sqlite, all defaults: write-ahead log, a sync at
 *            each commit, exactly once, transactions of 10,000 rows
 * bare       the same rows, parsed beforehand, from memory: a prepared INSERT of one
 *            row, the same journal, sync and transactions, no positions
 * bare_page  the same with the page size that the sink chooses
 *
 * Each run makes a new file; rates count from opening it to behind closing it, when all
 * is in the main file.  Then count and sum are compared with the log.
 * TUBES_BENCH_LOG names the log; files are made in TMPDIR.
 */
#include "bench.h"
#include "flow.h"

#include <sqlite3.h>

enum { FIELDS = 11, PER_TRANSACTION = 10000, BLOCK_BYTES = 1 << 20 };

/* What is bound to a column. */
struct value {
    union {
        const char *text;
        sqlite3_int64 number;
    };
    int len;
    int type; /* SQLITE_TEXT, SQLITE_INTEGER, SQLITE_NULL */
};

static char path[512];
static struct value *values; /* FIELDS of each row */
static char *create;         /* the statement that made our table */
static int page_size;

static _Noreturn void
die(sqlite3 *db, const char *what)
{
    fprintf(stderr, "flow_sqlite: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static void
run_sql(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(db, sql);
}

static sqlite3 *
open_file(void)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK)
        die(db, path);
    return db;
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *q;

    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
        die(db, sql);
    return q;
}

static void
remove_file(void)
{
    static const char *const ends[] = { "", "-wal", "-shm" };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char name[sizeof(path) + 8];

        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static bool
file_is_right(const char *who)
{
    sqlite3 *db = open_file();
    sqlite3_stmt *q = prepare(db, "SELECT count(*), sum(bytes) FROM access");
    struct flow_sum got = { 0 };

    if (sqlite3_step(q) == SQLITE_ROW) {
        got.rows = (uint64_t)sqlite3_column_int64(q, 0);
        got.bytes = (uint64_t)sqlite3_column_int64(q, 1);
    }
    sqlite3_finalize(q);
    sqlite3_close(db);
    return flow_same(who, got);
}

static bool
load_tubes(void)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "file `%s` | parse combined | sqlite `%s` table=access", flow_log.path,
             path);
    return flow_run(text, 0, NULL);
}

static double
run_tubes(void *unused)
{
    uint64_t since;
    double rate;
    bool good;

    (void)unused;
    remove_file();
    since = bench_now();
    good = load_tubes();
    rate = flow_rate(since);
    return good && file_is_right("tubes") ? rate : -1;
}

static void
bare_row(sqlite3 *db, sqlite3_stmt *q, const struct value *v)
{
    for (int i = 0; i < FIELDS; i++)
        if (v[i].type == SQLITE_TEXT)
            sqlite3_bind_text(q, i + 1, v[i].text, v[i].len, SQLITE_STATIC);
        else if (v[i].type == SQLITE_INTEGER)
            sqlite3_bind_int64(q, i + 1, v[i].number);
        else
            sqlite3_bind_null(q, i + 1);
    if (sqlite3_step(q) != SQLITE_DONE)
        die(db, "INSERT");
    sqlite3_reset(q);
}

static double
run_bare(void *page)
{
    char pragma[64];
    uint64_t since;
    double rate;

    remove_file();
    since = bench_now();
    sqlite3 *db = open_file();
    if (page != NULL) {
        snprintf(pragma, sizeof(pragma), "PRAGMA page_size = %d", page_size);
        run_sql(db, pragma);
    }
    run_sql(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    run_sql(db, create);
    sqlite3_stmt *q =
        prepare(db, "INSERT INTO access VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (uint64_t i = 0; i < flow_log.sum.rows; i++) {
        if (i % PER_TRANSACTION == 0)
            run_sql(db, i == 0 ? "BEGIN" : "COMMIT; BEGIN");
        bare_row(db, q, values + i * FIELDS);
    }
    run_sql(db, "COMMIT");
    sqlite3_finalize(q);
    if (sqlite3_close(db) != SQLITE_OK)
        return -1;
    rate = flow_rate(since);
    return file_is_right("bare") ? rate : -1;
}

/* Setting up: load once, and read the rows back. */

/* Texts lie behind each other, as in a file that was read. */
static char *
room_for(size_t len)
{
    static char *block;
    static size_t left;
    char *p;

    if (left < len) {
        left = len > BLOCK_BYTES ? len : BLOCK_BYTES;
        block = malloc(left);
        if (block == NULL)
            exit(1);
    }
    p = block;
    block += len;
    left -= len;
    return p;
}

static void
keep(struct value *v, sqlite3_stmt *q, int column)
{
    char *copy;

    v->type = sqlite3_column_type(q, column);
    if (v->type != SQLITE_TEXT) {
        v->number = sqlite3_column_int64(q, column);
        return;
    }
    v->len = sqlite3_column_bytes(q, column);
    copy = room_for((size_t)v->len);
    memcpy(copy, sqlite3_column_text(q, column), (size_t)v->len);
    v->text = copy;
}

static void
set_up(void)
{
    const char *dir = getenv("TMPDIR");
    struct value *v;

    snprintf(path, sizeof(path), "%s/tubes-bench-%d.db", dir != NULL ? dir : "/tmp",
             (int)getpid());
    remove_file();
    values = calloc(flow_log.sum.rows, FIELDS * sizeof(*values));
    if (values == NULL || !load_tubes() || !file_is_right("tubes"))
        exit(1);
    sqlite3 *db = open_file();
    sqlite3_stmt *q =
        prepare(db, "SELECT sql FROM sqlite_schema WHERE name = 'access'");
    if (sqlite3_step(q) == SQLITE_ROW)
        create = strdup((const char *)sqlite3_column_text(q, 0));
    sqlite3_finalize(q);
    q = prepare(db, "PRAGMA page_size");
    if (sqlite3_step(q) == SQLITE_ROW)
        page_size = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    q = prepare(db, "SELECT * FROM access ORDER BY rowid");
    for (v = values; sqlite3_step(q) == SQLITE_ROW; v += FIELDS)
        for (int i = 0; i < FIELDS; i++)
            keep(&v[i], q, i);
    sqlite3_finalize(q);
    sqlite3_close(db);
    if (create == NULL || v != values + flow_log.sum.rows * FIELDS)
        exit(1);
}

int
main(int argc, char **argv)
{
    int status;

    bench_begin("flow_sqlite", argc, argv);
    flow_log_open();
    set_up();
    bench_add("tubes", "rows/s", run_tubes, NULL);
    bench_add("bare", "rows/s", run_bare, NULL);
    bench_add("bare_page", "rows/s", run_bare, &page_size);
    bench_ratio("tubes_of_bare", "tubes", "bare");
    bench_ratio("tubes_of_bare_page", "tubes", "bare_page");
    status = bench_end();
    remove_file();
    return status;
}
