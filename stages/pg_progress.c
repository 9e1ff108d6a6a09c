/* SPDX-License-Identifier: MIT */
/* pg_progress.c -- see pg_progress.h. */
#include "pg_progress.h"

#include "utf8.h"
#include "writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 5, PRINT_MOST = 1024 };

/* A statement about a tubes_ table, whose name comes between two parts. */
struct statement {
    const char *before;
    const char *table;
    const char *after;
    int values;
};

static tube_status
run_on(pg_conn *c, const pg_table *t, const struct statement *sql,
       const char *const *value, tube_error *err)
{
    pg_sql q = { 0 };
    tube_status st;

    tubei_pg_sql_add(&q, "%s", sql->before);
    tubei_pg_sql_table(&q, t->schema, sql->table);
    tubei_pg_sql_add(&q, "%s", sql->after);
    st = q.failed ? tube_fail(err, TUBE_ENOMEM, "out of memory")
                  : tubei_pg_run(c, q.text, value, sql->values, err);
    tubei_pg_sql_free(&q);
    return st;
}

static const struct wanted {
    const char *name;
    const char *columns;
} wanted[] = {
    { "tubes_source",
      " (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, path text NOT NULL,"
      " target oid NOT NULL, fp_len int NOT NULL, fp bytea NOT NULL,"
      " created timestamptz NOT NULL DEFAULT pg_catalog.now())" },
    { "tubes_progress",
      " (source_id bigint, generation int, low bigint NOT NULL,"
      " lines bigint NOT NULL DEFAULT 0, rows bigint NOT NULL DEFAULT 0,"
      " rejects bigint NOT NULL DEFAULT 0,"
      " updated timestamptz NOT NULL DEFAULT pg_catalog.now(),"
      " PRIMARY KEY (source_id, generation)) WITH (fillfactor = 50)" },
    { "tubes_reject",
      " (source_id bigint, generation int, off bigint, line_no bigint, line bytea,"
      " stage text, sqlstate text, reason text,"
      " at timestamptz NOT NULL DEFAULT pg_catalog.now())" },
};

/* Looked for first: making what is there already asks for rights that are not needed. */
static tube_status
table_there(pg_conn *c, const pg_table *t, const char *name, bool *there,
            tube_error *err)
{
    static const char sql[] =
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
        " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
    const char *value[] = { t->schema, name };
    tube_status st = tubei_pg_run(c, sql, value, 2, err);

    *there = st == TUBE_OK && tubei_pg_rows(c) > 0;
    return st;
}

static bool
somebody_was_faster(tube_status st, const tube_error *err)
{
    return st == TUBE_EDB
           && (strcmp(err->sqlstate, "23505") == 0
               || strcmp(err->sqlstate, "42P07") == 0
               || strcmp(err->sqlstate, "42710") == 0); /* its row type was there */
}

static tube_status
table_make(pg_conn *c, const pg_table *t, const struct wanted *w, tube_error *err)
{
    static const struct statement index = { "CREATE INDEX ON ", "tubes_source",
                                            " USING hash (path)", 0 };
    struct statement sql = { "CREATE TABLE IF NOT EXISTS ", w->name, w->columns, 0 };
    tube_error own = { 0 };
    bool there = false;
    tube_status st = TUBE_OK;

    for (int i = 0; i < TRIES; i++) {
        st = table_there(c, t, w->name, &there, &own);
        if (st != TUBE_OK || there)
            break;
        st = run_on(c, t, &sql, NULL, &own);
        if (st == TUBE_OK && w == &wanted[0])
            st = run_on(c, t, &index, NULL, &own);
        if (!somebody_was_faster(st, &own))
            break;
    }
    if (st != TUBE_OK && err != NULL) {
        *err = own;
        (void)snprintf(err->message, sizeof(err->message), "table %s: %.200s", w->name,
                       own.message);
    }
    return st;
}

tube_status
tubei_pg_progress_create(pg_conn *c, const pg_table *t, tube_error *err)
{
    tube_status st = TUBE_OK;

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && st == TUBE_OK; i++)
        st = table_make(c, t, &wanted[i], err);
    return st;
}

/* What is sent about an origin, as text. */
struct asked {
    char *path;
    uint32_t print_len;
    char target[16];
    char length[16];
    char print[2 * PRINT_MOST + 3];
};

/* A path is bytes, a text is not: what is no UTF-8 is written as \xNN. */
static char *
path_text(const char *path)
{
    size_t len = strlen(path);
    tubei_writer w = { .cap = 4 * len + 1, .fd = -1 };

    w.buf = malloc(w.cap);
    for (size_t i = 0; w.buf != NULL && i < len;) {
        uint32_t code;
        size_t n = tubei_utf8_next(path + i, len - i, &code);

        if (code != TUBEI_UTF8_BAD)
            tubei_put(&w, path + i, n);
        else
            tubei_put_hex(&w, (tube_slice){ path + i, n });
        i += n;
    }
    if (w.buf != NULL)
        tubei_put_char(&w, '\0');
    return w.buf;
}

static void
bytea_text(const unsigned char *p, size_t n, char *out)
{
    static const char digit[] = "0123456789abcdef";

    *out++ = '\\';
    *out++ = 'x';
    for (size_t i = 0; i < n; i++) {
        *out++ = digit[p[i] >> 4];
        *out++ = digit[p[i] & 15];
    }
    *out = '\0';
}

static tube_status
asked_fill(struct asked *a, const pg_table *t, const tube_origin *o, tube_error *err)
{
    a->print_len = o->print_len < PRINT_MOST ? o->print_len : PRINT_MOST;
    (void)snprintf(a->target, sizeof(a->target), "%" PRIu32, t->oid);
    (void)snprintf(a->length, sizeof(a->length), "%" PRIu32, a->print_len);
    bytea_text((const unsigned char *)o->print, a->print_len, a->print);
    a->path = path_text(o->name);
    return a->path != NULL ? TUBE_OK : tube_fail(err, TUBE_ENOMEM, "out of memory");
}

/* The source's row and its latest generation; src->id 0: there is none.  Under lock: a
 * transaction of a process that has died may still be on its way to its end. */
static tube_status
source_find(pg_conn *c, const pg_table *t, const struct asked *a, pg_source *src,
            uint32_t *stored, tube_error *err)
{
    pg_sql q = { 0 };
    const char *value[] = { a->path, a->target, a->length, a->print };
    tube_status st;

    tubei_pg_sql_add(&q, "SELECT s.id, s.fp_len, p.generation, p.low, p.lines FROM ");
    tubei_pg_sql_table(&q, t->schema, "tubes_source");
    tubei_pg_sql_add(&q, " s JOIN ");
    tubei_pg_sql_table(&q, t->schema, "tubes_progress");
    tubei_pg_sql_add(&q,
                     " p ON p.source_id = s.id WHERE s.path = $1 AND s.target = $2::oid"
                     " AND s.fp_len BETWEEN 1 AND $3::int"
                     " AND s.fp = pg_catalog.substr($4::bytea, 1, s.fp_len)"
                     " ORDER BY s.id DESC, p.generation DESC LIMIT 1"
                     " FOR UPDATE OF p");
    st = q.failed ? tube_fail(err, TUBE_ENOMEM, "out of memory")
                  : tubei_pg_run(c, q.text, value, 4, err);
    tubei_pg_sql_free(&q);
    *src = (pg_source){ 0 };
    if (st != TUBE_OK || tubei_pg_rows(c) == 0)
        return st;
    src->id = tubei_pg_integer(c, 0, 0);
    *stored = (uint32_t)tubei_pg_integer(c, 0, 1);
    src->generation = (int32_t)tubei_pg_integer(c, 0, 2);
    src->low = (uint64_t)tubei_pg_integer(c, 0, 3);
    src->line = (uint64_t)tubei_pg_integer(c, 0, 4);
    return TUBE_OK;
}

static tube_status
generation_begin(pg_conn *c, const pg_table *t, pg_source *src, int32_t generation,
                 tube_error *err)
{
    static const struct statement insert = {
        "INSERT INTO ", "tubes_progress",
        " (source_id, generation, low) VALUES ($1::bigint, $2::int, 0)"
        " ON CONFLICT DO NOTHING",
        2
    };
    char id[24];
    char number[16];
    const char *value[] = { id, number };

    (void)snprintf(id, sizeof(id), "%" PRId64, src->id);
    (void)snprintf(number, sizeof(number), "%" PRId32, generation);
    src->generation = generation;
    src->low = 0;
    src->line = 0;
    return run_on(c, t, &insert, value, err);
}

/* Under a lock that keeps other makers out, so that one file is one source. */
static tube_status
source_make(pg_conn *c, const pg_table *t, const struct asked *a, pg_source *src,
            tube_error *err)
{
    static const struct statement lock = { "LOCK TABLE ", "tubes_source",
                                           " IN SHARE ROW EXCLUSIVE MODE", 0 };
    static const struct statement insert = {
        "INSERT INTO ", "tubes_source",
        " (path, target, fp_len, fp) VALUES ($1, $2::oid, $3::int, $4::bytea) RETURNING id",
        4
    };
    const char *value[] = { a->path, a->target, a->length, a->print };
    uint32_t stored;
    tube_status st = TUBE_OK;

    if (!t->dry)
        st = tubei_pg_run(c, "BEGIN ISOLATION LEVEL READ COMMITTED", NULL, 0, err);
    if (st == TUBE_OK)
        st = run_on(c, t, &lock, NULL, err);
    if (st == TUBE_OK)
        st = source_find(c, t, a, src, &stored, err);
    if (st == TUBE_OK && src->id == 0) {
        st = run_on(c, t, &insert, value, err);
        if (st == TUBE_OK) {
            src->id = tubei_pg_integer(c, 0, 0);
            st = generation_begin(c, t, src, 0, err);
        }
    }
    /* What failed is rolled back with the connection, which is given up then. */
    return st == TUBE_OK && !t->dry ? tubei_pg_run(c, "COMMIT", NULL, 0, err) : st;
}

static tube_status
print_extend(pg_conn *c, const pg_table *t, const struct asked *a, const pg_source *src,
             tube_error *err)
{
    static const struct statement update = {
        "UPDATE ", "tubes_source",
        " SET fp_len = $2::int, fp = $3::bytea WHERE id = $1::bigint AND fp_len < $2::int",
        3
    };
    char id[24];
    const char *value[] = { id, a->length, a->print };

    (void)snprintf(id, sizeof(id), "%" PRId64, src->id);
    return run_on(c, t, &update, value, err);
}

static tube_status
find_or_make(pg_conn *c, const pg_table *t, const struct asked *a, pg_located *at,
             tube_error *err)
{
    uint32_t stored = a->print_len;
    tube_status st = source_find(c, t, a, &at->source, &stored, err);

    at->how = PG_FOUND_KNOWN;
    if (st == TUBE_OK && at->source.id == 0) {
        at->how = PG_FOUND_NEW;
        return source_make(c, t, a, &at->source, err);
    }
    return st == TUBE_OK && stored < a->print_len
               ? print_extend(c, t, a, &at->source, err)
               : st;
}

tube_status
tubei_pg_progress_locate(pg_conn *c, const pg_table *t, const tube_origin *o,
                         bool again, pg_located *at, tube_error *err)
{
    struct asked a = { 0 };
    tube_status st = asked_fill(&a, t, o, err);

    if (st == TUBE_OK)
        st = find_or_make(c, t, &a, at, err);
    free(a.path);
    at->was = at->source.low;
    if (st != TUBE_OK || at->how == PG_FOUND_NEW)
        return st;
    if (o->size < at->was) /* an unknown size is the largest number */
        at->how = PG_FOUND_SHORTER;
    else if (again && at->was > 0)
        at->how = PG_FOUND_AGAIN;
    else
        return TUBE_OK;
    return generation_begin(c, t, &at->source, at->source.generation + 1, err);
}

void
tubei_pg_progress_stream(const pg_table *t, const unsigned char print[16], pg_sql *q)
{
    char hex[2 * 16 + 3];

    bytea_text(print, 16, hex);
    tubei_pg_sql_add(q, "WITH s AS (INSERT INTO ");
    tubei_pg_sql_table(q, t->schema, "tubes_source");
    tubei_pg_sql_add(q,
                     " (path, target, fp_len, fp) VALUES ('-', %" PRIu32
                     ", 16, E'\\%s')"
                     " RETURNING id) INSERT INTO ",
                     t->oid, hex);
    tubei_pg_sql_table(q, t->schema, "tubes_progress");
    tubei_pg_sql_add(q, " (source_id, generation, low) SELECT id, 0, 0 FROM s"
                        " RETURNING source_id");
}

void
tubei_pg_progress_move(const pg_table *t, const pg_move *m, uint32_t n, pg_sql *q)
{
    /* A schema may be called anything, also like the quote around the block. */
    const char *quote = strstr(t->schema, "$tubes$") == NULL ? "$tubes$" : "$tubes_$";

    tubei_pg_sql_add(q, "DO %s BEGIN", quote);
    for (uint32_t i = 0; i < n; i++) {
        const pg_source *s = m[i].source;

        tubei_pg_sql_add(q, " UPDATE ");
        tubei_pg_sql_table(q, t->schema, "tubes_progress");
        tubei_pg_sql_add(
            q,
            " SET low = %" PRIu64 ", lines = %" PRIu64 ", rows = rows + %" PRIu64
            ", rejects = rejects + %" PRIu64 ", updated = now()"
            " WHERE source_id = %" PRId64 " AND generation = %" PRId32
            " AND low = %" PRIu64 ";",
            m[i].hi, m[i].line, m[i].rows, m[i].rejects, s->id, s->generation, s->low);
        tubei_pg_sql_add(q,
                         " IF NOT FOUND THEN RAISE EXCEPTION 'source %" PRId64
                         " is not at byte %" PRIu64
                         "' USING ERRCODE = 'TB002'; END IF;",
                         s->id, s->low);
    }
    tubei_pg_sql_add(q, " END %s; ", quote);
}

void
tubei_pg_progress_ask(const pg_table *t, const pg_move *m, uint32_t n, pg_sql *q)
{
    tubei_pg_sql_add(q, "SELECT source_id, generation, low FROM ");
    tubei_pg_sql_table(q, t->schema, "tubes_progress");
    for (uint32_t i = 0; i < n; i++)
        tubei_pg_sql_add(q, "%s (source_id = %" PRId64 " AND generation = %" PRId32 ")",
                         i == 0 ? " WHERE" : " OR", m[i].source->id,
                         m[i].source->generation);
    tubei_pg_sql_add(q, " ORDER BY source_id, generation FOR UPDATE; ");
}

pg_verdict
tubei_pg_progress_verdict(const pg_conn *c, const pg_move *m, uint32_t n)
{
    uint32_t moved = 0;
    uint32_t open = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (int row = 0; row < tubei_pg_rows(c); row++) {
            uint64_t low = (uint64_t)tubei_pg_integer(c, row, 2);

            if (tubei_pg_integer(c, row, 0) != m[i].source->id)
                continue;
            moved += low == m[i].hi;
            open += low == m[i].source->low;
        }
    }
    if (moved == n)
        return PG_VERDICT_COMMITTED;
    return open == n ? PG_VERDICT_OPEN : PG_VERDICT_MOVED;
}
