/* SPDX-License-Identifier: MIT */
/* sqlite.c -- rows into a table of an SQLite file.
 *
 * in      records of any schema
 * out     nothing
 * source  docs/delivery.md: rows, rejects and positions are in one transaction
 *
 * Batches are kept until one of the limits is met, then committed at once: writing to
 * a file cannot be waited for, so the stage blocks and has a thread for it.
 */
#include "sq_txn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BATCHES_MOST = 4096,
    LOOK_NS = 100 * 1000 * 1000, /* others may write in between */
};

struct sqlite {
    const char *path;  /* option */
    const char *table; /* option */
    int64_t create;    /* option; sq_create */
    tube_list ignore;  /* option */
    const char *rest;  /* option */
    int64_t rows;      /* option */
    int64_t bytes;     /* option */
    int64_t age;       /* option; ns */
    bool again;        /* option */

    sq_txn txn;
    bool lazy;          /* positions are being looked up: commits need no disk */
    uint64_t looking;   /* in a transaction that began then; 0: in none */
    uint64_t kept_rows; /* of the batches that are kept, rejects included */
    uint64_t kept_bytes;
    bool late;        /* the deadline has passed, and a position was owed */
    uint64_t taken;   /* batches that came */
    uint64_t pressed; /* of them, when memory was short; 0: it was not */
    bool told_owed;
    bool asked; /* somebody waits to be told about a record that is kept */
};

#define AT(member) offsetof(struct sqlite, member)
static const tube_option options[] = {
    { "path", TUBE_OPT_TEXT, AT(path), "tubes.db", NULL, "file of the database",
      TUBE_OPT_POSITIONAL },
    { "table", TUBE_OPT_TEXT, AT(table), "logs", NULL, "table the rows go into", 0 },
    { "create", TUBE_OPT_ENUM, AT(create), "auto", "auto|never|print",
      "make a missing table, refuse, or print how it would be made and refuse", 0 },
    { "ignore", TUBE_OPT_LIST, AT(ignore), "[]", NULL, "fields that are not stored",
      0 },
    { "rest", TUBE_OPT_TEXT, AT(rest), "", NULL,
      "column for the fields without one, as a JSON object", 0 },
    { "rows", TUBE_OPT_INT, AT(rows), "10000", "1.. rows", "most in a transaction", 0 },
    { "bytes", TUBE_OPT_SIZE, AT(bytes), "4M", "1.. bytes",
      "most input in a transaction", 0 },
    { "age", TUBE_OPT_TIME, AT(age), "200ms", NULL, "a row waits for others at most",
      0 },
    { "again", TUBE_OPT_BOOL, AT(again), "no", NULL,
      "load what has been loaded once more", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | sqlite",
    "file access.log | parse combined | sqlite web.db table=hits ignore=[ident] rows=50000",
    NULL,
};

static sq_wishes
wishes_of(const struct sqlite *q)
{
    return (sq_wishes){ .name = q->table, .ignore = q->ignore, .rest = q->rest };
}

/* Opening. */

/* A table that does not exist, and must not be made. */
static tube_status
refuse_missing(tube_stage *s, const sq_table *t, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    char *ddl = q->create == SQ_MAKE_PRINT ? tubei_sq_table_ddl(t) : NULL;

    if (ddl != NULL)
        (void)printf("%s;\n", ddl);
    free(ddl);
    (void)fflush(stdout);
    (void)tube_fail(err, TUBE_ECONFIG, "no table '%s' in %s", q->table, q->path);
    tube_hint(err, q->create == SQ_MAKE_PRINT ? "the statement above makes it"
                                              : "create=auto makes it");
    return tube_blame(s, "table", err);
}

/* Before a file is made for it: would the table do? */
static tube_status
try_without_file(tube_stage *s, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    sq_wishes w = wishes_of(q);
    sq_table t = { .exists = false };
    struct stat st;
    tube_status rc;

    if (stat(q->path, &st) == 0 || errno != ENOENT)
        return TUBE_OK;
    rc = tubei_sq_table_find(NULL, &w, tube_input(s), &t, err);
    if (rc == TUBE_OK && q->create != SQ_MAKE)
        rc = refuse_missing(s, &t, err);
    else if (rc == TUBE_ECONFIG)
        (void)tube_blame(s, t.option, err);
    tubei_sq_table_free(&t);
    return rc;
}

/* In a transaction, so that two that start together make everything once. */
static tube_status
make_tables(tube_stage *s, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    sq_table *t = &q->txn.table;
    sq_wishes w = wishes_of(q);
    tube_status st;

    if (tubei_sq_exec(q->txn.db, "BEGIN IMMEDIATE") != SQ_DONE)
        return tubei_sq_fail(q->txn.db, q->path, err);
    st = tubei_sq_table_find(q->txn.db, &w, tube_input(s), t, err);
    if (st == TUBE_ECONFIG)
        (void)tube_blame(s, t->option, err);
    if (st == TUBE_OK && !t->exists && q->create != SQ_MAKE)
        st = refuse_missing(s, t, err);
    if (st == TUBE_OK && tubei_sq_progress_create(q->txn.db) != SQ_DONE)
        st = tubei_sq_fail(q->txn.db, q->path, err);
    if (st == TUBE_OK)
        st = tubei_sq_table_make(q->txn.db, t, err);
    /* What a dry run made is taken back when the file is closed. */
    if (st == TUBE_OK && !tube_dry_run(s)
        && tubei_sq_exec(q->txn.db, "COMMIT") != SQ_DONE)
        st = tubei_sq_fail(q->txn.db, q->path, err);
    return st;
}

static tube_status
open_file(tube_stage *s, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    sq_mode mode = q->create == SQ_MAKE && !tube_dry_run(s) ? SQ_CREATE : SQ_WRITE;
    tube_status st = tubei_sq_open(q->path, mode, &q->txn.db, err);

    if (st != TUBE_OK)
        (void)tube_blame(s, "path", err);
    return st;
}

static tube_status
sqlite_open(tube_stage *s, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    sq_txn *t = &q->txn;
    tube_status st = try_without_file(s, err);

    t->stage = s;
    t->path = q->path;
    t->stream = tubei_sq_progress_stream();
    if (st == TUBE_OK && tube_dry_run(s) && access(q->path, F_OK) != 0)
        return TUBE_OK; /* it would be made, and is empty then */
    if (st == TUBE_OK)
        st = open_file(s, err);
    if (st == TUBE_OK)
        st = make_tables(s, err);
    if (st == TUBE_OK)
        st = tubei_sq_txn_attach(t, err);
    if (st != TUBE_OK) {
        tubei_sq_txn_free(t);
        return st;
    }
    /* A row in tubes_source that is lost together with the power is made again. */
    q->lazy = tubei_sq_sync(t->db, SQ_SYNC_LAZY) == SQ_DONE;
    if (t->table.rebuilt)
        tube_warn(s,
                  "table '%s' is not the one that was loaded before: files are loaded "
                  "from their beginning",
                  t->table.name);
    return TUBE_OK;
}

static void
sqlite_close(tube_stage *s)
{
    struct sqlite *q = tube_state(s);

    tubei_sq_txn_free(&q->txn);
}

/* End the transaction in which positions are looked up. */
static tube_status
looked_up(struct sqlite *q, tube_error *err)
{
    if (q->looking == 0)
        return TUBE_OK;
    q->looking = 0;
    return tubei_sq_exec(q->txn.db, "COMMIT") == SQ_DONE
               ? TUBE_OK
               : tubei_sq_fail(q->txn.db, q->path, err);
}

/* Many origins share a transaction.  It ends with the first that has rows, or by the
 * deadline, which is due as soon as the pipeline runs; if it never does, nothing is
 * left behind. */
static tube_status
sqlite_locate(tube_stage *s, uint32_t id, const tube_origin *o, tube_mark *m,
              tube_error *err)
{
    struct sqlite *q = tube_state(s);
    sq_txn *t = &q->txn;
    sq_source *src = tubei_sq_txn_source(t, id);
    sq_found how;

    if (src == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    if (t->db == NULL)
        return TUBE_OK; /* a dry run without a file */
    if (q->looking == 0 && !tube_dry_run(s)) {
        if (tubei_sq_exec(t->db, "BEGIN IMMEDIATE") != SQ_DONE)
            return tubei_sq_fail(t->db, q->path, err);
        q->looking = tube_now();
        tube_wait_until(s, q->looking);
    }
    if (tubei_sq_progress_locate(&t->progress, t->table.token, o, q->again, src, &how)
        != SQ_DONE)
        return tubei_sq_fail(t->db, q->path, err);
    if (how == SQ_FOUND_SHORTER)
        tube_warn(s,
                  "%s is shorter than what was loaded of it: loaded from its beginning",
                  o->name);
    if (!tubei_resume_at(&t->resume, id, src->low))
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    m->low = src->low;
    m->line = src->line;
    return q->looking != 0 && tube_now() - q->looking > LOOK_NS ? looked_up(q, err)
                                                                : TUBE_OK;
}

/* Running. */

static uint64_t
bytes_of(const tube_batch *b)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < b->n_extents; i++)
        bytes += b->extents[i].hi - b->extents[i].lo;
    return bytes;
}

/* Count what is kept anew, and how long it may wait from now on. */
static void
recount(tube_stage *s)
{
    struct sqlite *q = tube_state(s);

    q->late = false;
    q->kept_rows = 0;
    q->kept_bytes = 0;
    for (size_t i = 0; i < q->txn.n; i++) {
        q->kept_rows +=
            tube_batch_count(q->txn.batch[i].batch) + q->txn.batch[i].batch->n_rejected;
        q->kept_bytes += bytes_of(q->txn.batch[i].batch);
    }
    tube_wait_until(s, q->txn.n > 0 ? tube_now() + (uint64_t)q->age : 0);
}

/* From now on what is committed must stay. */
static tube_status
be_safe(struct sqlite *q, tube_error *err)
{
    tube_status st = looked_up(q, err);

    if (st != TUBE_OK || !q->lazy)
        return st;
    q->lazy = false;
    return tubei_sq_sync(q->txn.db, SQ_SYNC_FULL) == SQ_DONE
               ? TUBE_OK
               : tubei_sq_fail(q->txn.db, q->path, err);
}

/* Commit the first `n` batches that are kept. */
static tube_status
commit(tube_stage *s, size_t n, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    tube_status st = be_safe(q, err);

    if (st != TUBE_OK || n == 0)
        return st;
    st = tubei_sq_txn_commit(&q->txn, n, err);
    if (st != TUBE_OK)
        return st;
    tubei_sq_txn_settle(&q->txn, n, TUBE_COMMITTED);
    recount(s);
    return TUBE_OK;
}

/* All that is kept.  At a watermark and at the end no position is on its way. */
static tube_status
flush(tube_stage *s, tube_error *err)
{
    struct sqlite *q = tube_state(s);

    return commit(s, q->txn.n, err);
}

/* Is so much kept that memory may be short because of it? */
static bool
is_large(const sq_txn *t)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < t->n; i++)
        bytes += tube_batch_bytes(t->batch[i].batch);
    return bytes >= TUBEI_RESUME_LARGE;
}

/* Memory is short.  Only if nothing came since then, and nothing runs, is it what lies
 * behind the border that all wait for. */
static tube_status
relieve(tube_stage *s, bool quiet, tube_error *err)
{
    struct sqlite *q = tube_state(s);

    if (!quiet)
        q->pressed = q->taken;
    if (!quiet || q->txn.border > 0 || q->pressed != q->taken || !is_large(&q->txn))
        return commit(s, q->txn.border, err);
    if (!q->told_owed)
        tube_warn(s, "memory is short: records are stored before the position behind "
                     "them; a crash in between would store them twice");
    q->told_owed = true;
    return flush(s, err);
}

static bool
is_full(const struct sqlite *q)
{
    return q->txn.border == q->txn.n
           && (q->late || q->txn.n >= BATCHES_MOST || q->kept_rows >= (uint64_t)q->rows
               || q->kept_bytes >= (uint64_t)q->bytes);
}

static tube_status
sqlite_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct sqlite *q = tube_state(s);
    tube_status st = be_safe(q, err);

    tubei_resume_begin(&q->txn.resume, s);
    if (st == TUBE_OK)
        st = tubei_sq_rows_prepare(&q->txn.table, s, b, tubei_sq_most_bytes(q->txn.db),
                                   err);
    if (st == TUBE_OK)
        st = tubei_sq_txn_add(&q->txn, b, err);
    if (st != TUBE_OK)
        return st;
    q->taken++;
    q->asked = q->asked || tube_is_asked(b);
    q->kept_rows += tube_batch_count(b) + b->n_rejected;
    q->kept_bytes += bytes_of(b);
    if (!is_full(q)) {
        if (q->txn.n == 1)
            tube_wait_until(s, tube_now() + (uint64_t)q->age);
        return TUBE_QUEUED;
    }
    st = tubei_sq_txn_commit(&q->txn, q->txn.n, err);
    tubei_sq_txn_take_back(&q->txn); /* the engine's again */
    if (st != TUBE_OK)
        return st;
    tubei_sq_txn_settle(&q->txn, q->txn.n, TUBE_COMMITTED);
    recount(s);
    return TUBE_OK;
}

static tube_status
sqlite_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct sqlite *q = tube_state(s);

    if ((why & TUBE_WOKE_ABORT) != 0) {
        tubei_sq_txn_settle(&q->txn, q->txn.n, TUBE_BROKEN);
        recount(s);
        return TUBE_OK;
    }
    if ((why & TUBE_WOKE_FLUSH) != 0)
        return flush(s, err);
    if ((why & (TUBE_WOKE_PRESSURE | TUBE_WOKE_QUIET)) != 0)
        return relieve(s, (why & TUBE_WOKE_PRESSURE) == 0, err);
    if ((why & TUBE_WOKE_EMPTY) != 0 && q->asked) { /* nothing else comes now */
        q->asked = false;
        return commit(s, q->txn.border, err);
    }
    if ((why & TUBE_WOKE_DEADLINE) == 0)
        return TUBE_OK;
    if (q->txn.border > 0 || q->txn.n == 0)
        return commit(s, q->txn.border, err);
    q->late = true;
    return TUBE_OK;
}

const tube_stage_def tube_stage_sqlite = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "sqlite",
    .summary = "store records in a table of an SQLite file",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_NONE,
    .state_size = sizeof(struct sqlite),
    .flags = TUBE_BLOCKS | TUBE_HOLDS,
    .open = sqlite_open,
    .process = sqlite_process,
    .wake = sqlite_wake,
    .finish = flush,
    .close = sqlite_close,
    .locate = sqlite_locate,
};
