/* SPDX-License-Identifier: MIT */
/* sq_rows.c -- see sq_rows.h. */
#include "sq_rows.h"

#include "pg_text.h"
#include "rfc3339.h"
#include "writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More rows a statement do not get faster. */
enum { MANY = 64, SOME = 8 };

void
tubei_sq_rows_detach(sq_rows *r)
{
    for (int i = 0; i < SQ_SIZES; i++)
        tubei_sq_finalize(&r->insert[i]);
    tubei_sq_finalize(&r->save);
    tubei_sq_finalize(&r->undo);
    tubei_sq_finalize(&r->keep);
}

sq_result
tubei_sq_rows_attach(sq_rows *r, sq_db *db, const sq_table *t)
{
    static const uint32_t sizes[SQ_SIZES] = { MANY, SOME, 1 };
    uint32_t most = tubei_sq_most_parameters(db) / t->n;
    sq_result rc = SQ_DONE;

    *r = (sq_rows){ .db = db, .table = t };
    for (int i = 0; rc == SQ_DONE && i < SQ_SIZES; i++) {
        char *sql;

        /* A trigger may want to see the rows one by one, and may ignore one. */
        r->size[i] = t->has_triggers || sizes[i] > most ? 1 : sizes[i];
        sql = tubei_sq_table_insert(t, r->size[i]);
        rc = sql != NULL ? tubei_sq_prepare(db, sql, &r->insert[i]) : SQ_FAILED;
        free(sql);
    }
    if (rc != SQ_DONE || !t->has_triggers)
        return rc;
    rc = tubei_sq_prepare(db, "SAVEPOINT tubes_row", &r->save);
    if (rc == SQ_DONE)
        rc = tubei_sq_prepare(db, "ROLLBACK TO tubes_row", &r->undo);
    return rc == SQ_DONE ? tubei_sq_prepare(db, "RELEASE tubes_row", &r->keep) : rc;
}

/* Preparing. */

/* The last day that was written, and memory for what is written. */
struct clock {
    int64_t day;
    char date[11]; /* "2000-10-10 " */
    char *out;
};

enum { TIME_MOST = 26, DAY_SECONDS = 86400 };

/* Seconds since 1970 between which SQLite's functions know the year: 0000 to 9999. */
#define YEAR_0     INT64_C(-62167219200)
#define YEAR_10000 INT64_C(253402300800)

static void
refuse(tube_stage *s, tube_batch *b, uint32_t row, const char *state,
       const char *column, const char *what)
{
    char reason[160];

    (void)snprintf(reason, sizeof(reason), "column '%s': %s", column, what);
    tube_reject_sql(s, b, row, state, reason);
}

/* Why a text cannot be stored; NULL: it can. */
static const char *
text_flaw(const char *text, size_t len)
{
    switch (tubei_pg_text_flaw(text, len)) {
    case PG_TEXT_NUL: return "text holds a NUL byte";
    case PG_TEXT_UTF8: return "text is not UTF-8";
    case PG_TEXT_GOOD:
    default: return NULL;
    }
}

/* In a plain batch, what points into a row's line is plain. */
static inline bool
is_plain(const tube_batch *b, uint32_t row, const tube_cell *c)
{
    return (b->flags & TUBE_PLAIN) != 0 && b->raw != NULL
           && (uintptr_t)c->text - (uintptr_t)b->raw[row].text <= b->raw[row].len;
}

static inline void
put_two(char *out, int64_t v)
{
    out[0] = (char)('0' + v / 10);
    out[1] = (char)('0' + v % 10);
}

/* Another day; false: of a year that SQLite's functions do not know. */
static bool
clock_set(struct clock *k, int64_t day)
{
    char text[TUBEI_TIME_MAX];

    (void)tubei_time_write(day * DAY_SECONDS * 1000000, text);
    if (text[0] < '0' || text[0] > '9')
        return false;
    k->day = day;
    memcpy(k->date, text, sizeof(k->date));
    k->date[10] = ' ';
    return true;
}

/* 2000-10-10 13:55:36[.123456] */
static bool
put_time(struct clock *k, tube_cell *c)
{
    int64_t seconds = c->integer / 1000000 - (c->integer % 1000000 < 0);
    int64_t fraction = c->integer % 1000000 + (c->integer % 1000000 < 0) * 1000000;
    int64_t day = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
    char *out = k->out;

    if (seconds < YEAR_0 || seconds >= YEAR_10000
        || (day != k->day && !clock_set(k, day)))
        return false;
    seconds -= day * DAY_SECONDS;
    memcpy(out, k->date, sizeof(k->date));
    put_two(out + 11, seconds / 3600);
    out[13] = ':';
    put_two(out + 14, seconds / 60 % 60);
    out[16] = ':';
    put_two(out + 17, seconds % 60);
    out += 19;
    if (fraction != 0) {
        *out++ = '.';
        put_two(out, fraction / 10000);
        put_two(out + 2, fraction / 100 % 100);
        put_two(out + 4, fraction % 100);
        out += 6;
    }
    tube_set_text(c, k->out, (size_t)(out - k->out));
    k->out = out;
    return true;
}

/* Room that the object of a row needs at most; *flaw: why it cannot be stored. */
static size_t
measure_rest(const sq_table *t, const tube_cell *row, const char **flaw)
{
    size_t room = 2;

    *flaw = NULL;
    for (uint32_t i = 0; i < t->n_rest; i++) {
        const tube_column *field = tube_schema_column(t->fields, t->rest[i]);
        const tube_cell *c = &row[t->rest[i]];

        if (!c->set)
            continue;
        room += 6 * strlen(field->name) + 6 + 48;
        if (field->type == TUBE_TEXT || field->type == TUBE_JSON
            || field->type == TUBE_BYTES)
            room += 6 * (size_t)c->len;
        if (*flaw == NULL && (field->type == TUBE_TEXT || field->type == TUBE_JSON))
            *flaw = text_flaw(c->text, c->len);
    }
    return room;
}

static void
put_rest(const sq_table *t, const tube_cell *row, tubei_writer *w)
{
    bool first = true;

    tubei_put_char(w, '{');
    for (uint32_t i = 0; i < t->n_rest; i++) {
        const tube_column *field = tube_schema_column(t->fields, t->rest[i]);
        const tube_cell *c = &row[t->rest[i]];

        if (!c->set)
            continue;
        if (!first)
            tubei_put_char(w, ',');
        first = false;
        tubei_put_json_string(w, (tube_slice){ field->name, strlen(field->name) });
        tubei_put_char(w, ':');
        tubei_put_json_cell(w, field->type, c);
    }
    tubei_put_char(w, '}');
}

/* The objects go into the cells of the first field that they hold. */
static bool
make_rests(const sq_table *t, const char *column, tube_stage *s, tube_batch *b,
           size_t most)
{
    TUBE_EACH(b, r) {
        tube_cell *row = tube_row(b, r);
        tubei_writer w = { .fd = -1 };
        const char *flaw;

        w.cap = measure_rest(t, row, &flaw);
        if (flaw != NULL) {
            refuse(s, b, r, "22021", column, flaw);
            continue;
        }
        w.buf = tube_batch_alloc(b, w.cap);
        if (w.buf == NULL)
            return false;
        put_rest(t, row, &w);
        if (w.error != 0 || w.len > most)
            refuse(s, b, r, "54000", column, "value is too long");
        tube_set_text(&row[t->rest[0]], w.buf, w.len);
    }
    return true;
}

/* The first column that a row is refused for, and why; NULL: none. */
struct flaw {
    const char *column;
    const char *state;
    const char *what;
};

/* Why a value cannot be stored; NULL: it can. */
static const char *
value_flaw(const tube_batch *b, uint32_t row, const tube_cell *c, sq_form form,
           size_t most)
{
    if (c->len > most)
        return "value is too long";
    return form == SQ_AS_BLOB || is_plain(b, row, c) ? NULL
                                                     : text_flaw(c->text, c->len);
}

static struct flaw
prepare_row(const sq_table *t, const tube_batch *b, uint32_t r, size_t most,
            struct clock *k)
{
    tube_cell *row = tube_row(b, r);

    for (uint32_t i = 0; i < t->n; i++) {
        const sq_column *col = &t->column[i];
        tube_cell *c = col->form != SQ_AS_REST ? &row[col->field] : NULL;
        const char *what;

        if (c == NULL || !c->set)
            continue;
        if (col->form == SQ_AS_TIME_TEXT && !put_time(k, c))
            return (struct flaw){ col->name, "22008",
                                  "time is outside of the years 0 to 9999" };
        if (col->form != SQ_AS_TEXT && col->form != SQ_AS_BLOB)
            continue;
        what = value_flaw(b, r, c, col->form, most);
        if (what != NULL)
            return (struct flaw){ col->name, c->len > most ? "54000" : "22021", what };
    }
    return (struct flaw){ NULL, NULL, NULL };
}

tube_status
tubei_sq_rows_prepare(const sq_table *t, tube_stage *s, tube_batch *b, size_t most,
                      tube_error *err)
{
    struct clock k = { .day = INT64_MIN };
    size_t times = 0;

    for (uint32_t i = 0; i < t->n; i++) {
        const sq_column *col = &t->column[i];

        times += col->form == SQ_AS_TIME_TEXT;
        if (col->form == SQ_AS_REST && t->n_rest > 0
            && !make_rests(t, col->name, s, b, most))
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    k.out = tube_batch_alloc(b, times * tube_batch_count(b) * TIME_MOST + 1);
    if (k.out == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    TUBE_EACH(b, r) {
        struct flaw f = prepare_row(t, b, r, most, &k);

        if (f.what != NULL)
            refuse(s, b, r, f.state, f.column, f.what);
    }
    return TUBE_OK;
}

/* Inserting. */

static int64_t
whole_seconds(int64_t us)
{
    return us / 1000000 - (us % 1000000 < 0);
}

static void
bind_row(const sq_table *t, sq_stmt *stmt, int at, const tube_cell *row)
{
    for (uint32_t i = 0; i < t->n; i++, at++) {
        const sq_column *col = &t->column[i];
        bool is_rest = col->form == SQ_AS_REST;
        const tube_cell *c = is_rest ? NULL : &row[col->field];

        if (is_rest && t->n_rest > 0)
            c = &row[t->rest[0]];
        if (c == NULL || !c->set) {
            tubei_sq_bind_null(stmt, at);
            continue;
        }
        switch (col->form) {
        case SQ_AS_TEXT:
        case SQ_AS_TIME_TEXT:
        case SQ_AS_REST: tubei_sq_bind_text(stmt, at, c->text, c->len); break;
        case SQ_AS_INT: tubei_sq_bind_int(stmt, at, c->integer); break;
        case SQ_AS_REAL: tubei_sq_bind_real(stmt, at, c->real); break;
        case SQ_AS_BLOB: tubei_sq_bind_blob(stmt, at, c->text, c->len); break;
        case SQ_AS_TIME_INT:
            tubei_sq_bind_int(stmt, at, whole_seconds(c->integer));
            break;
        case SQ_AS_TIME_REAL:
            tubei_sq_bind_real(stmt, at, (double)c->integer / 1e6);
            break;
        }
    }
}

static sq_result
insert(const sq_rows *r, int which, const tube_batch *b, const uint32_t *row)
{
    sq_stmt *stmt = r->insert[which];

    for (uint32_t i = 0; i < r->size[which]; i++)
        bind_row(r->table, stmt, (int)(i * r->table->n) + 1, tube_row(b, row[i]));
    return tubei_sq_run(stmt);
}

static sq_result
insert_one(sq_rows *r, tube_stage *s, tube_batch *b, uint32_t row)
{
    sq_result rc = insert(r, SQ_SIZES - 1, b, &row);

    if (rc != SQ_REFUSED)
        return rc;
    tube_reject_sql(s, b, row, tubei_sq_state(r->db), tubei_sq_message(r->db));
    return tubei_sq_in_transaction(r->db) ? SQ_DONE : SQ_REFUSED;
}

/* A trigger can refuse a row and leave what it has done so far, drop the row without a
 * word, or end the transaction. */
static sq_result
insert_watched(sq_rows *r, tube_stage *s, tube_batch *b, uint32_t row)
{
    sq_result rc = tubei_sq_run(r->save);

    if (rc == SQ_DONE)
        rc = insert(r, SQ_SIZES - 1, b, &row);
    if (rc == SQ_DONE && tubei_sq_changes(r->db) == 1)
        return tubei_sq_run(r->keep);
    if (rc == SQ_REFUSED)
        tube_reject_sql(s, b, row, tubei_sq_state(r->db), tubei_sq_message(r->db));
    else if (rc == SQ_DONE)
        tube_reject_sql(s, b, row, "", "a trigger of the table ignored the row");
    else
        return rc;
    if (!tubei_sq_in_transaction(r->db))
        return SQ_REFUSED;
    rc = tubei_sq_run(r->undo);
    return rc == SQ_DONE ? tubei_sq_run(r->keep) : rc;
}

/* Rows of one statement; if one of them is refused, one by one. */
static sq_result
insert_rows(sq_rows *r, tube_stage *s, tube_batch *b, int which, const uint32_t *row)
{
    sq_result rc = r->size[which] > 1 ? insert(r, which, b, row) : SQ_REFUSED;

    if (rc != SQ_REFUSED)
        return rc;
    if (!tubei_sq_in_transaction(r->db))
        return SQ_REFUSED;
    rc = SQ_DONE;
    for (uint32_t i = 0; rc == SQ_DONE && i < r->size[which]; i++)
        rc = r->save != NULL ? insert_watched(r, s, b, row[i])
                             : insert_one(r, s, b, row[i]);
    return rc;
}

sq_result
tubei_sq_rows_insert(sq_rows *r, tube_stage *s, tube_batch *b)
{
    uint32_t row[TUBE_BATCH_ROWS];
    uint32_t n = 0;
    uint32_t at = 0;
    sq_result rc = SQ_DONE;

    TUBE_EACH(b, i)
        row[n++] = i;
    for (int which = 0; which < SQ_SIZES; which++)
        for (; rc == SQ_DONE && n - at >= r->size[which]; at += r->size[which])
            rc = insert_rows(r, s, b, which, row + at);
    return rc;
}
