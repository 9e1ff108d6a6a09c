/* SPDX-License-Identifier: MIT */
/* sq_db.c -- see sq_db.h. */
#include "sq_db.h"

#include <tubes/stage.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10 * 1000, NAP_MS = 10 };

/* Rows that are appended cost a quarter less than with the usual 4 KiB. */
#define PAGE_BYTES "16384"

static sq_result
result_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE: return SQ_DONE;
    case SQLITE_ROW: return SQ_ROW;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG: return SQ_REFUSED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SQ_BUSY;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL: return SQ_LATER;
    default: return SQ_FAILED;
    }
}

const char *
tubei_sq_state(sq_db *db)
{
    switch (sqlite3_extended_errcode(db)) {
    case SQLITE_CONSTRAINT_NOTNULL: return "23502";
    case SQLITE_CONSTRAINT_FOREIGNKEY: return "23503";
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_PRIMARYKEY: return "23505";
    case SQLITE_CONSTRAINT_CHECK: return "23514";
    case SQLITE_CONSTRAINT_TRIGGER: return "P0001";
    case SQLITE_CONSTRAINT_DATATYPE:
    case SQLITE_MISMATCH: return "42804";
    case SQLITE_TOOBIG: return "54000";
    default: break;
    }
    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_CONSTRAINT: return "23000";
    case SQLITE_FULL: return "53100";
    case SQLITE_IOERR: return "58030";
    case SQLITE_BUSY: return "55P03";
    default: return "";
    }
}

const char *
tubei_sq_message(sq_db *db)
{
    return sqlite3_errmsg(db);
}

/* What the system refused is, of a database, that it cannot be reached. */
static tube_status
unreachable(tube_status st, tube_error *err)
{
    if (err != NULL && st == TUBE_EIO)
        err->status = TUBE_EREACH;
    return TUBE_EREACH;
}

tube_status
tubei_sq_fail(sq_db *db, const char *what, tube_error *err)
{
    int rc = sqlite3_extended_errcode(db);
    const char *text = sqlite3_errmsg(db);

    switch (rc & 0xff) {
    case SQLITE_NOMEM: return tube_fail(err, TUBE_ENOMEM, "%s: out of memory", what);
    case SQLITE_NOTADB:
        return tube_fail(err, TUBE_ECONFIG, "%s: is no SQLite database", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return tube_fail(err, TUBE_EREACH, "%s: locked by another process", what);
    case SQLITE_READONLY:
        return tube_fail(err, TUBE_EREACH, "%s: no permission to write", what);
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        errno = sqlite3_system_errno(db);
        if (errno == 0)
            return tube_fail(err, TUBE_EREACH, "%s: %s", what, text);
        return unreachable(tube_fail_errno(err, "%s: %s", what, text), err);
    default: return tube_fail(err, TUBE_EDB, "%s: %s", what, text);
    }
}

void
tubei_sq_random(void *bytes, size_t len)
{
    sqlite3_randomness((int)len, bytes);
}

/* A new file is made here, because SQLite would ask the umask who may read it. */
static tube_status
make_file(const char *path, tube_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                  S_IRUSR | S_IWUSR);

    if (fd < 0 && errno != EEXIST)
        return unreachable(tube_fail_errno(err, "%s", path), err);
    if (fd >= 0)
        (void)close(fd);
    return TUBE_OK;
}

/* Run a statement; also where SQLite does not wait for a lock by itself. */
static sq_result
insist(sq_db *db, const char *sql)
{
    uint64_t until = tube_now() + PATIENCE_MS * UINT64_C(1000000);
    struct timespec nap = { .tv_nsec = NAP_MS * 1000000L };
    sq_result rc = tubei_sq_exec(db, sql);

    while (rc == SQ_BUSY && tube_now() < until) {
        (void)nanosleep(&nap, NULL);
        rc = tubei_sq_exec(db, sql);
    }
    return rc;
}

/* Learn now whether it is a database, and can be written. */
static tube_status
look_inside(sq_db *db, const char *path, sq_mode mode, tube_error *err)
{
    /* Only a file that has nothing in it yet heeds the size of a page.  Where the file
     * system has no shared memory the journal's mode becomes another one: slower, and
     * as safe. */
    static const char *const writer[] = { "PRAGMA page_size = " PAGE_BYTES,
                                          "PRAGMA journal_mode = WAL",
                                          "PRAGMA synchronous = FULL", NULL };
    static const char *const reader[] = { "PRAGMA query_only = ON", NULL };

    if (insist(db, "SELECT count(*) FROM sqlite_schema") != SQ_DONE)
        return tubei_sq_fail(db, path, err);
    if (mode != SQ_READ && sqlite3_db_readonly(db, "main") != 0)
        return tube_fail(err, TUBE_EREACH, "%s: no permission to write", path);
    for (const char *const *sql = mode == SQ_READ ? reader : writer; *sql != NULL;
         sql++)
        if (insist(db, *sql) != SQ_DONE)
            return tubei_sq_fail(db, path, err);
    return TUBE_OK;
}

static tube_status
open_file(const char *path, sq_mode mode, sq_db **db, tube_error *err)
{
    /* Also for reading: who may not write could not take the -wal file away. */
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
    struct stat st;
    tube_status rc = mode == SQ_CREATE ? make_file(path, err) : TUBE_OK;

    if (rc != TUBE_OK)
        return rc;
    if (stat(path, &st) != 0)
        return unreachable(tube_fail_errno(err, "%s", path), err);
    if (S_ISDIR(st.st_mode))
        return tube_fail(err, TUBE_EREACH, "%s: is a directory", path);
    if (sqlite3_open_v2(path, db, flags, NULL) != SQLITE_OK) {
        if (*db == NULL)
            return tube_fail(err, TUBE_ENOMEM, "%s: out of memory", path);
        return tubei_sq_fail(*db, path, err);
    }
    (void)sqlite3_extended_result_codes(*db, 1);
    tubei_sq_patience(*db, PATIENCE_MS);
    return look_inside(*db, path, mode, err);
}

tube_status
tubei_sq_open(const char *path, sq_mode mode, sq_db **db, tube_error *err)
{
    /* ":memory:" and "file:..." would not be files without a directory before them. */
    size_t len = strlen(path);
    char *full = malloc(len + 3);
    tube_status st;

    *db = NULL;
    if (full == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    if (len == 0) {
        free(full);
        return tube_fail(err, TUBE_ECONFIG, "no name of a database file");
    }
    (void)snprintf(full, len + 3, "%s%s",
                   *path == ':' || strncmp(path, "file:", 5) == 0 ? "./" : "", path);
    st = open_file(full, mode, db, err);
    free(full);
    if (st != TUBE_OK) {
        tubei_sq_close(*db);
        *db = NULL;
    }
    return st;
}

void
tubei_sq_close(sq_db *db)
{
    (void)sqlite3_close_v2(db);
}

sq_result
tubei_sq_sync(sq_db *db, sq_sync how)
{
    return tubei_sq_exec(db, how == SQ_SYNC_FULL ? "PRAGMA synchronous = FULL"
                                                 : "PRAGMA synchronous = NORMAL");
}

void
tubei_sq_patience(sq_db *db, int ms)
{
    (void)sqlite3_busy_timeout(db, ms);
}

sq_result
tubei_sq_exec(sq_db *db, const char *sql)
{
    return result_of(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

sq_result
tubei_sq_prepare_first(sq_db *db, const char *sql, sq_stmt **stmt, const char **rest)
{
    return result_of(
        sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, rest));
}

sq_result
tubei_sq_prepare(sq_db *db, const char *sql, sq_stmt **stmt)
{
    return tubei_sq_prepare_first(db, sql, stmt, NULL);
}

void
tubei_sq_finalize(sq_stmt **stmt)
{
    (void)sqlite3_finalize(*stmt);
    *stmt = NULL;
}

void
tubei_sq_bind_null(sq_stmt *stmt, int i)
{
    (void)sqlite3_bind_null(stmt, i);
}

void
tubei_sq_bind_int(sq_stmt *stmt, int i, int64_t v)
{
    (void)sqlite3_bind_int64(stmt, i, v);
}

void
tubei_sq_bind_real(sq_stmt *stmt, int i, double v)
{
    (void)sqlite3_bind_double(stmt, i, v);
}

void
tubei_sq_bind_text(sq_stmt *stmt, int i, const char *text, size_t len)
{
    (void)sqlite3_bind_text64(stmt, i, text != NULL ? text : "", len, SQLITE_STATIC,
                              SQLITE_UTF8);
}

void
tubei_sq_bind_blob(sq_stmt *stmt, int i, const char *bytes, size_t len)
{
    (void)sqlite3_bind_blob64(stmt, i, bytes != NULL ? bytes : "", len, SQLITE_STATIC);
}

sq_result
tubei_sq_step(sq_stmt *stmt)
{
    return result_of(sqlite3_step(stmt));
}

void
tubei_sq_reset(sq_stmt *stmt)
{
    (void)sqlite3_reset(stmt);
}

sq_result
tubei_sq_run(sq_stmt *stmt)
{
    sq_result rc = tubei_sq_step(stmt);

    tubei_sq_reset(stmt);
    return rc == SQ_ROW ? SQ_DONE : rc;
}

int64_t
tubei_sq_int(sq_stmt *stmt, int i)
{
    return sqlite3_column_int64(stmt, i);
}

const char *
tubei_sq_text(sq_stmt *stmt, int i)
{
    return (const char *)sqlite3_column_text(stmt, i);
}

int
tubei_sq_columns(sq_stmt *stmt)
{
    return sqlite3_column_count(stmt);
}

const char *
tubei_sq_column_name(sq_stmt *stmt, int i)
{
    return sqlite3_column_name(stmt, i);
}

bool
tubei_sq_only_looks(sq_stmt *stmt)
{
    return sqlite3_stmt_readonly(stmt) != 0;
}

int64_t
tubei_sq_changes(sq_db *db)
{
    return sqlite3_changes64(db);
}

int64_t
tubei_sq_last_id(sq_db *db)
{
    return sqlite3_last_insert_rowid(db);
}

bool
tubei_sq_is_full(sq_db *db)
{
    return sqlite3_errcode(db) == SQLITE_FULL || sqlite3_system_errno(db) == ENOSPC
           || sqlite3_system_errno(db) == EDQUOT;
}

bool
tubei_sq_in_transaction(sq_db *db)
{
    return sqlite3_get_autocommit(db) == 0;
}

uint32_t
tubei_sq_most_parameters(sq_db *db)
{
    return (uint32_t)sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, -1);
}

size_t
tubei_sq_most_bytes(sq_db *db)
{
    return (size_t)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, -1);
}
