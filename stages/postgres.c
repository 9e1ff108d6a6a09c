/* SPDX-License-Identifier: MIT */
/* postgres.c -- store records in a PostgreSQL table, each exactly once.
 *
 * in      any records
 * source  binary COPY, and the positions of docs/delivery.md in the same transaction
 *
 * This file opens and closes.  pg_table.c compares the table with the fields,
 * pg_prepare.c and pg_copy.c turn rows into bytes, pg_queue.c keeps the batches,
 * pg_flow.c and pg_mend.c run the transactions, pg_progress.c has the SQL of positions.
 */
#include "pg_flow.h"
#include "pg_mend.h"

#include <stdio.h>
#include <string.h>

enum create { CREATE_AUTO, CREATE_NEVER, CREATE_PRINT };

struct postgres {
    const char *dsn;   /* option */
    const char *table; /* option */
    int64_t create;    /* option; enum create */
    tube_list ignore;  /* option */
    const char *rest;  /* option */
    int64_t rows;      /* option */
    int64_t bytes;     /* option */
    int64_t age;       /* option */
    bool again;        /* option */
    pg_flow flow;
    bool asked; /* somebody waits to be told about a record that is kept */
};

#define AT(member) offsetof(struct postgres, member)
static const tube_option options[] = {
    { "dsn", TUBE_OPT_TEXT, AT(dsn), "", "",
      "connection string or URI; without it PGHOST, PGDATABASE and the like decide",
      TUBE_OPT_POSITIONAL | TUBE_OPT_SECRET },
    { "table", TUBE_OPT_TEXT, AT(table), "logs", "name",
      "table, or schema.table; its columns decide how values are stored", 0 },
    { "create", TUBE_OPT_ENUM, AT(create), "auto", "auto|never|print",
      "make a missing table from the fields, or only print the statement", 0 },
    { "ignore", TUBE_OPT_LIST, AT(ignore), "", "fields", "fields that are not stored",
      0 },
    { "rest", TUBE_OPT_TEXT, AT(rest), "", "column",
      "jsonb column for all fields that have no column of their own", 0 },
    { "rows", TUBE_OPT_INT, AT(rows), "10000", "1..1000000 rows",
      "a transaction ends at the first batch that reaches so many rows", 0 },
    { "bytes", TUBE_OPT_SIZE, AT(bytes), "4M", "1k..256M bytes", "... or so many bytes",
      0 },
    { "age", TUBE_OPT_TIME, AT(age), "200ms", "0s..1h",
      "... or has waited so long; at once when there is no more input", 0 },
    { "again", TUBE_OPT_BOOL, AT(again), "no", "",
      "store inputs once more from their start", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | postgres `dbname=logs` table=access",
    "file access.log | parse combined | postgres postgresql:///logs table=web.access "
    "ignore=[ident, agent]",
    NULL,
};

/* Point at the connection string, unless that would show a password. */
static tube_status
blame_dsn(const tube_stage *s, const struct postgres *p, tube_error *err)
{
    if (strstr(p->dsn, "password") != NULL || strchr(p->dsn, '@') != NULL)
        return err->status;
    return tube_blame(s, "dsn", err);
}

/* What the server's settings mean for a commit. */
static tube_status
settings_look(tube_stage *s, pg_flow *f, tube_error *err)
{
    static const char sql[] = "SELECT pg_catalog.current_setting('fsync'),"
                              " pg_catalog.current_setting('full_page_writes'),"
                              " pg_catalog.current_setting('synchronous_commit'),"
                              " pg_catalog.pg_is_in_recovery()::int";
    tube_status st = tubei_pg_run(f->conn, sql, NULL, 0, err);

    if (st != TUBE_OK)
        return st;
    if (tubei_pg_integer(f->conn, 0, 3) != 0) {
        (void)tube_fail(err, TUBE_EREACH, "the server is a standby, it takes no rows");
        tube_hint(
            err,
            "target_session_attrs=read-write with several hosts finds the primary");
        return TUBE_EREACH;
    }
    for (int i = 0; i < 2; i++)
        if (strcmp(tubei_pg_value(f->conn, 0, i), "off") == 0)
            tube_warn(s,
                      "the server runs with %s=off: committed rows may be lost with it",
                      i == 0 ? "fsync" : "full_page_writes");
    f->keep_commit = strcmp(tubei_pg_value(f->conn, 0, 2), "remote_apply") == 0;
    return TUBE_OK;
}

static tube_status
connect_to(tube_stage *s, struct postgres *p, tube_error *err)
{
    tube_status st = tubei_pg_conn_new(p->dsn, &p->flow.conn, err);

    if (st == TUBE_OK)
        st = tubei_pg_conn_open(p->flow.conn, err);
    if (st != TUBE_OK)
        return blame_dsn(s, p, err);
    if (tubei_pg_conn_version(p->flow.conn) < 120000) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "the server is PostgreSQL %d, 12 or later is needed",
                        tubei_pg_conn_version(p->flow.conn) / 10000);
        return blame_dsn(s, p, err);
    }
    return settings_look(s, &p->flow, err);
}

static tube_status
table_create(pg_flow *f, const pg_wishes *w, const tube_schema *fields, tube_error *err)
{
    pg_sql q = { 0 };
    tube_error own = { 0 };
    tube_status st = tubei_pg_table_ddl(w, f->table.schema, fields, &q, err);

    if (st == TUBE_OK) {
        st = tubei_pg_run(f->conn, q.text, NULL, 0, &own);
        /* Somebody else may have made it in this moment: then that one is used. */
        if (st == TUBE_EDB
            && (strcmp(own.sqlstate, "42P07") == 0 || strcmp(own.sqlstate, "42710") == 0
                || strcmp(own.sqlstate, "23505") == 0))
            st = TUBE_OK;
        else if (st != TUBE_OK && err != NULL)
            *err = own;
    }
    tubei_pg_sql_free(&q);
    return st == TUBE_OK ? tubei_pg_table_find(f->conn, &w->name, &f->table, err) : st;
}

static tube_status
table_open(tube_stage *s, struct postgres *p, const pg_wishes *w, tube_error *err)
{
    pg_flow *f = &p->flow;
    tube_status st = tubei_pg_table_find(f->conn, &w->name, &f->table, err);

    if (st == TUBE_OK && f->table.oid == 0 && p->create == CREATE_NEVER) {
        (void)tube_fail(err, TUBE_ECONFIG, "no table '%s'", p->table);
        tube_hint(err, "create=auto makes one from the fields, create=print shows how");
        st = TUBE_ECONFIG;
    } else if (st == TUBE_OK && f->table.oid == 0) {
        st = table_create(f, w, tube_input(s), err);
    }
    if (st == TUBE_OK)
        st = tubei_pg_table_map(f->conn, w, tube_input(s), &f->table, err);
    return st == TUBE_OK || st == TUBE_EREACH ? st : tube_blame(s, "table", err);
}

static tube_status
print_ddl(tube_stage *s, const pg_wishes *w, tube_error *err)
{
    pg_sql q = { 0 };
    tube_status st = tubei_pg_table_ddl(w, w->name.schema, tube_input(s), &q, err);

    if (st == TUBE_OK && (printf("%s;\n", q.text) < 0 || fflush(stdout) != 0))
        st = tube_fail_errno(err, "standard output");
    tubei_pg_sql_free(&q);
    return st;
}

static tube_status
open_all(tube_stage *s, struct postgres *p, const pg_wishes *w, tube_error *err)
{
    pg_flow *f = &p->flow;
    tube_status st = connect_to(s, p, err);

    /* A dry run makes what it needs, and its connection takes all of it away again. */
    if (st == TUBE_OK && tube_dry_run(s))
        st = tubei_pg_run(f->conn, "BEGIN", NULL, 0, err);
    if (st == TUBE_OK)
        st = table_open(s, p, w, err);
    f->table.dry = tube_dry_run(s);
    if (st == TUBE_OK)
        st = tubei_pg_copy_plan(&f->copy, &f->table, tube_input(s), err);
    return st == TUBE_OK ? tubei_pg_progress_create(f->conn, &f->table, err) : st;
}

static tube_status
postgres_open(tube_stage *s, tube_error *err)
{
    struct postgres *p = tube_state(s);
    pg_wishes w = { .ignore = p->ignore, .rest = p->rest };
    tube_error own = { 0 };
    tube_status st = tubei_pg_name_read(p->table, &w.name, &own);

    tubei_pg_flow_init(&p->flow, s);
    p->flow.limits = (pg_limits){ (uint64_t)p->rows, (uint64_t)p->bytes };
    p->flow.age = (uint64_t)p->age;
    if (st != TUBE_OK)
        (void)tube_blame(s, "table", &own);
    else if (p->create == CREATE_PRINT)
        st = print_ddl(s, &w, &own);
    else
        st = open_all(s, p, &w, &own);
    if (st == TUBE_OK)
        return TUBE_OK;
    if (strcmp(own.sqlstate, "25006") == 0)
        st = tube_fail(&own, TUBE_EREACH, "the server is read-only, a standby perhaps");
    if (err != NULL)
        *err = own;
    tubei_pg_flow_fini(&p->flow);
    return st;
}

static tube_status
postgres_locate(tube_stage *s, uint32_t id, const tube_origin *o, tube_mark *m,
                tube_error *err)
{
    struct postgres *p = tube_state(s);
    pg_located at = { 0 };
    pg_source *src;
    tube_status st;

    if (p->create == CREATE_PRINT)
        return TUBE_OK;
    src = tubei_pg_queue_source(&p->flow.queue, id);
    if (src == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    st = tubei_pg_progress_locate(p->flow.conn, &p->flow.table, o, p->again, &at, err);
    if (st != TUBE_OK)
        return st;
    if (at.how == PG_FOUND_SHORTER)
        tube_warn(
            s, "%s has %llu bytes, %llu were stored: it was cut, all of it is stored",
            o->name, (unsigned long long)o->size, (unsigned long long)at.was);
    *src = at.source;
    if (!tubei_resume_at(&p->flow.queue.resume, id, src->low))
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    m->low = src->low;
    m->line = src->line;
    return TUBE_OK;
}

static tube_status
postgres_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct postgres *p = tube_state(s);
    pg_flow *f = &p->flow;
    tube_status st = TUBE_OK;

    if (p->create == CREATE_PRINT) {
        TUBE_EACH(b, r)
            tube_filter(s, b, r);
        return TUBE_END;
    }
    tubei_resume_begin(&f->queue.resume, s);
    /* Not after the batch was taken: a failure must not find it in two places. */
    if (f->state == PG_READY || tubei_pg_flow_full(f))
        st = tubei_pg_flow_pump(f, err);
    if (st == TUBE_OK && tubei_pg_flow_full(f))
        return TUBE_AGAIN;
    if (st == TUBE_OK)
        st = tubei_pg_copy_prepare(&f->copy, s, b, err);
    if (st == TUBE_OK)
        st = tubei_pg_flow_take(f, b, err);
    p->asked = p->asked || (st == TUBE_OK && tube_is_asked(b));
    return st == TUBE_OK ? TUBE_QUEUED : st;
}

static tube_status
postgres_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct postgres *p = tube_state(s);

    if (p->create == CREATE_PRINT)
        return TUBE_OK;
    if ((why & TUBE_WOKE_FLUSH) != 0)
        tubei_pg_flow_flush(&p->flow);
    if ((why & TUBE_WOKE_EMPTY) != 0 && p->asked) {
        tubei_pg_flow_hurry(&p->flow); /* somebody waits, and nothing else comes now */
        p->asked = false;
    }
    if ((why & (TUBE_WOKE_PRESSURE | TUBE_WOKE_QUIET)) != 0)
        tubei_pg_flow_relieve(&p->flow, (why & TUBE_WOKE_PRESSURE) == 0);
    if ((why & TUBE_WOKE_ABORT) != 0)
        tubei_pg_flow_abort(&p->flow);
    return tubei_pg_flow_pump(&p->flow, err);
}

static tube_status
postgres_finish(tube_stage *s, tube_error *err)
{
    struct postgres *p = tube_state(s);
    tube_status st;

    if (p->create == CREATE_PRINT)
        return TUBE_OK;
    p->flow.finishing = true;
    tubei_pg_queue_free_all(&p->flow.queue);
    st = tubei_pg_flow_pump(&p->flow, err);
    if (st != TUBE_OK)
        return st;
    return tubei_pg_flow_idle(&p->flow) ? TUBE_OK : TUBE_AGAIN;
}

static void
postgres_close(tube_stage *s)
{
    struct postgres *p = tube_state(s);

    tubei_pg_flow_fini(&p->flow);
}

const tube_stage_def tube_stage_postgres = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "postgres",
    .summary = "store records in a PostgreSQL table, each exactly once",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct postgres),
    .flags = TUBE_HOLDS,
    .open = postgres_open,
    .process = postgres_process,
    .wake = postgres_wake,
    .finish = postgres_finish,
    .close = postgres_close,
    .locate = postgres_locate,
};
