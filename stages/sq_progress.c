/* SPDX-License-Identifier: MIT */
/* sq_progress.c -- see sq_progress.h. */
#include "sq_progress.h"

#include <string.h>

enum { PRINT_MOST = 1024, STREAM_PRINT = 16 };

#define NOW "strftime('%Y-%m-%d %H:%M:%f', 'now')"

sq_result
tubei_sq_progress_create(sq_db *db)
{
    return tubei_sq_exec(
        db,
        "CREATE TABLE IF NOT EXISTS tubes_target"
        " (token TEXT PRIMARY KEY, name TEXT NOT NULL,"
        " created TEXT NOT NULL DEFAULT (" NOW "));"
        "CREATE TABLE IF NOT EXISTS tubes_source"
        " (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL,"
        " target TEXT NOT NULL, fp_len INTEGER NOT NULL, fp BLOB NOT NULL,"
        " created TEXT NOT NULL DEFAULT (" NOW "));"
        "CREATE INDEX IF NOT EXISTS tubes_source_path ON tubes_source (path, target);"
        "CREATE TABLE IF NOT EXISTS tubes_progress"
        " (source_id INTEGER NOT NULL, generation INTEGER NOT NULL,"
        " low INTEGER NOT NULL, lines INTEGER NOT NULL,"
        " rows INTEGER NOT NULL DEFAULT 0, rejects INTEGER NOT NULL DEFAULT 0,"
        " updated TEXT NOT NULL DEFAULT (" NOW "),"
        " PRIMARY KEY (source_id, generation)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS tubes_reject"
        " (source_id INTEGER, generation INTEGER, off INTEGER, line_no INTEGER,"
        " line BLOB, stage TEXT, sqlstate TEXT, reason TEXT,"
        " at TEXT NOT NULL DEFAULT (" NOW "))");
}

/* Of several that fit, the one that is known best; of its lives, the last. */
static const char find_sql[] =
    "SELECT s.id, s.fp_len, p.generation, p.low, p.lines, p.low IS NOT NULL"
    " FROM tubes_source s LEFT JOIN tubes_progress p ON p.source_id = s.id"
    " WHERE s.path = ?1 AND s.target = ?2 AND s.fp_len <= ?3"
    " AND s.fp = substr(?4, 1, s.fp_len)"
    " ORDER BY s.id DESC, p.generation DESC LIMIT 1";

/* Where two processes do this at once, the second one finds the first one's row. */
static const char make_sql[] =
    "INSERT INTO tubes_source (path, target, fp_len, fp) SELECT ?1, ?2, ?3, ?4"
    " WHERE NOT EXISTS (SELECT 1 FROM tubes_source WHERE path = ?1 AND target = ?2"
    " AND fp_len <= ?3 AND fp = substr(?4, 1, fp_len))";

static const char extend_sql[] =
    "UPDATE tubes_source SET fp_len = ?2, fp = ?3 WHERE id = ?1 AND fp_len < ?2";

static const char begin_sql[] =
    "INSERT OR IGNORE INTO tubes_progress (source_id, generation, low, lines)"
    " VALUES (?1, ?2, ?3, ?4)";

static const char move_sql[] = "UPDATE tubes_progress SET low = ?3, lines = ?4"
                               " WHERE source_id = ?1 AND generation = ?2 AND low = ?5";

static const char count_sql[] =
    "UPDATE tubes_progress SET rows = rows + ?3, rejects = rejects + ?4, updated = " NOW
    " WHERE source_id = ?1 AND generation = ?2";

static const char reject_sql[] =
    "INSERT INTO tubes_reject (source_id, generation, off, line_no, line, stage, sqlstate,"
    " reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

static const char ask_sql[] =
    "SELECT low FROM tubes_progress WHERE source_id = ?1 AND generation = ?2";

void
tubei_sq_progress_detach(sq_progress *p)
{
    tubei_sq_finalize(&p->find);
    tubei_sq_finalize(&p->make);
    tubei_sq_finalize(&p->extend);
    tubei_sq_finalize(&p->begin);
    tubei_sq_finalize(&p->move);
    tubei_sq_finalize(&p->count);
    tubei_sq_finalize(&p->reject);
    tubei_sq_finalize(&p->ask);
    p->db = NULL;
}

sq_result
tubei_sq_progress_attach(sq_progress *p, sq_db *db)
{
    const struct {
        sq_stmt **stmt;
        const char *sql;
    } all[] = {
        { &p->find, find_sql },     { &p->make, make_sql }, { &p->extend, extend_sql },
        { &p->begin, begin_sql },   { &p->move, move_sql }, { &p->count, count_sql },
        { &p->reject, reject_sql }, { &p->ask, ask_sql },
    };
    sq_result rc = SQ_DONE;

    p->db = db;
    for (size_t i = 0; rc == SQ_DONE && i < sizeof(all) / sizeof(all[0]); i++)
        rc = tubei_sq_prepare(db, all[i].sql, all[i].stmt);
    return rc;
}

/* Locating. */

static void
bind_origin(sq_stmt *stmt, const char *target, const tube_origin *o)
{
    uint32_t len = o->print_len < PRINT_MOST ? o->print_len : PRINT_MOST;

    tubei_sq_bind_text(stmt, 1, o->name, strlen(o->name));
    tubei_sq_bind_text(stmt, 2, target, strlen(target));
    tubei_sq_bind_int(stmt, 3, len);
    tubei_sq_bind_blob(stmt, 4, o->print, len);
}

static sq_result
find(sq_progress *p, const char *target, const tube_origin *o, sq_source *src,
     uint32_t *fp_len)
{
    sq_result rc;

    bind_origin(p->find, target, o);
    rc = tubei_sq_step(p->find);
    if (rc == SQ_ROW) {
        src->id = tubei_sq_int(p->find, 0);
        *fp_len = (uint32_t)tubei_sq_int(p->find, 1);
        src->generation = tubei_sq_int(p->find, 2);
        src->low = (uint64_t)tubei_sq_int(p->find, 3);
        src->line = (uint64_t)tubei_sq_int(p->find, 4);
        src->begun = tubei_sq_int(p->find, 5) != 0;
        rc = SQ_DONE;
    }
    tubei_sq_reset(p->find);
    return rc;
}

static sq_result
extend(sq_progress *p, const tube_origin *o, int64_t id, uint32_t fp_len)
{
    uint32_t len = o->print_len < PRINT_MOST ? o->print_len : PRINT_MOST;

    if (fp_len >= len)
        return SQ_DONE;
    tubei_sq_bind_int(p->extend, 1, id);
    tubei_sq_bind_int(p->extend, 2, len);
    tubei_sq_bind_blob(p->extend, 3, o->print, len);
    return tubei_sq_run(p->extend);
}

static void
next_generation(sq_source *src)
{
    src->generation++;
    src->low = 0;
    src->line = 0;
    src->begun = false;
}

sq_result
tubei_sq_progress_locate(sq_progress *p, const char *target, const tube_origin *o,
                         bool again, sq_source *src, sq_found *how)
{
    uint32_t fp_len = 0;
    sq_result rc;

    *src = (sq_source){ .id = 0 };
    rc = find(p, target, o, src, &fp_len);
    if (rc == SQ_DONE && src->id == 0) {
        bind_origin(p->make, target, o);
        rc = tubei_sq_run(p->make);
        if (rc == SQ_DONE)
            rc = find(p, target, o, src, &fp_len);
    }
    if (rc != SQ_DONE)
        return rc;
    *how = src->begun ? SQ_FOUND_KNOWN : SQ_FOUND_NEW;
    if (src->begun && o->size < src->low) {
        *how = SQ_FOUND_SHORTER;
        next_generation(src);
    } else if (src->begun && again) {
        *how = SQ_FOUND_AGAIN;
        next_generation(src);
    }
    return extend(p, o, src->id, fp_len);
}

/* Moving. */

sq_source
tubei_sq_progress_stream(void)
{
    sq_source src = { .stream = true };

    tubei_sq_random(&src.generation, sizeof(src.generation));
    src.generation &= INT64_MAX;
    return src;
}

static sq_result
make_stream(sq_progress *p, const char *target, sq_source *src)
{
    char print[STREAM_PRINT];
    tube_origin o = { .name = "-", .print = print, .print_len = sizeof(print) };
    sq_result rc;

    tubei_sq_random(print, sizeof(print));
    bind_origin(p->make, target, &o);
    rc = tubei_sq_run(p->make);
    src->id = tubei_sq_last_id(p->db);
    return rc;
}

sq_result
tubei_sq_progress_move(sq_progress *p, const char *target, const sq_move *m,
                       bool *moved)
{
    sq_source *src = m->source;
    sq_stmt *stmt = src->begun ? p->move : p->begin;
    sq_result rc = SQ_DONE;

    *moved = src->low == m->lo;
    if (!*moved)
        return SQ_DONE;
    if (src->stream && !src->begun)
        rc = make_stream(p, target, src);
    if (rc != SQ_DONE)
        return rc;
    tubei_sq_bind_int(stmt, 1, src->id);
    tubei_sq_bind_int(stmt, 2, src->generation);
    tubei_sq_bind_int(stmt, 3, (int64_t)m->hi);
    tubei_sq_bind_int(stmt, 4, (int64_t)m->line);
    if (src->begun)
        tubei_sq_bind_int(stmt, 5, (int64_t)m->lo);
    rc = tubei_sq_run(stmt);
    *moved = rc == SQ_DONE && tubei_sq_changes(p->db) == 1;
    return rc;
}

sq_result
tubei_sq_progress_count(sq_progress *p, const sq_move *m)
{
    tubei_sq_bind_int(p->count, 1, m->source->id);
    tubei_sq_bind_int(p->count, 2, m->source->generation);
    tubei_sq_bind_int(p->count, 3, (int64_t)m->rows);
    tubei_sq_bind_int(p->count, 4, (int64_t)m->rejects);
    return tubei_sq_run(p->count);
}

sq_result
tubei_sq_progress_reject(sq_progress *p, const sq_source *source, const tube_batch *b,
                         const tube_rejected *r, uint64_t line_no)
{
    sq_stmt *stmt = p->reject;
    const tube_cell *raw = b->raw != NULL ? &b->raw[r->row] : NULL;
    size_t most = tubei_sq_most_bytes(p->db) / 2; /* the rest of the row must fit too */

    for (int i = 1; i <= 5; i++)
        tubei_sq_bind_null(stmt, i);
    if (source != NULL) {
        tubei_sq_bind_int(stmt, 1, source->id);
        tubei_sq_bind_int(stmt, 2, source->generation);
    }
    if (b->offset != NULL)
        tubei_sq_bind_int(stmt, 3, (int64_t)b->offset[r->row]);
    if (line_no > 0)
        tubei_sq_bind_int(stmt, 4, (int64_t)line_no);
    if (raw != NULL)
        tubei_sq_bind_blob(stmt, 5, raw->text, raw->len < most ? raw->len : most);
    tubei_sq_bind_text(stmt, 6, r->stage, strlen(r->stage));
    tubei_sq_bind_text(stmt, 7, r->sqlstate, strlen(r->sqlstate));
    tubei_sq_bind_text(stmt, 8, r->reason, strlen(r->reason));
    return tubei_sq_run(stmt);
}

sq_result
tubei_sq_progress_ask(sq_progress *p, const sq_move *m, size_t n, sq_verdict *verdict)
{
    size_t committed = 0;
    size_t open = 0;

    for (size_t i = 0; i < n; i++) {
        const sq_source *src = m[i].source;
        sq_result rc;

        tubei_sq_bind_int(p->ask, 1, src->id);
        tubei_sq_bind_int(p->ask, 2, src->generation);
        rc = tubei_sq_step(p->ask);
        if (rc == SQ_ROW) {
            uint64_t low = (uint64_t)tubei_sq_int(p->ask, 0);

            committed += low == m[i].hi;
            open += low == m[i].lo && src->begun;
        } else {
            open += rc == SQ_DONE && !src->begun;
        }
        tubei_sq_reset(p->ask);
        if (rc != SQ_ROW && rc != SQ_DONE)
            return rc;
    }
    *verdict = committed == n ? SQ_COMMITTED : open == n ? SQ_OPEN : SQ_MOVED;
    return SQ_DONE;
}
