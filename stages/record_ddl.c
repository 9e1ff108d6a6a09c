/* SPDX-License-Identifier: MIT */
/* record_ddl.c -- the declaration in other forms: text of a pipeline, a table. */
#include "pg_text.h"
#include "pg_types.h"
#include "record_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Text of a pipeline. */

static bool
is_word(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    return strspn(name, letters) == strlen(name) && (*name < '0' || *name > '9');
}

static void
put_name(tubei_writer *w, const char *name)
{
    char hex[8];

    if (is_word(name)) {
        tubei_put_string(w, name);
        return;
    }
    tubei_put_char(w, '"');
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;

        if (c < 0x20 || c == 0x7f) {
            (void)snprintf(hex, sizeof(hex), "\\x%02X", c);
            tubei_put_string(w, hex);
            continue;
        }
        if (c == '"' || c == '\\')
            tubei_put_char(w, '\\');
        tubei_put_char(w, *name);
    }
    tubei_put_char(w, '"');
}

static void
put_bound(tubei_writer *w, double v)
{
    char text[PG_REAL_MAX];

    if (isfinite(v))
        tubei_put(w, text, tubei_pg_real_write(v, text));
}

size_t
tube_record_text(const tube_record_def *d, char *out, size_t room)
{
    tubei_writer w = tubei_record_writer(out, room);

    tubei_put_string(&w, "record ");
    tubei_put_string(&w, d->record.name);
    for (uint32_t i = 0; i < d->record.n; i++) {
        const tube_record_field *f = &d->record.field[i];
        bool bounded = f->ranged && (isfinite(f->lo) || isfinite(f->hi));

        tubei_put_string(&w, i == 0 ? " { " : "; ");
        put_name(&w, f->column.name);
        tubei_put_char(&w, ' ');
        tubei_put_string(&w, tubei_record_type(&f->column));
        tubei_put_string(&w, f->optional ? "?" : "");
        if (!bounded)
            continue;
        tubei_put_char(&w, ' ');
        put_bound(&w, f->lo);
        tubei_put_string(&w, "..");
        put_bound(&w, f->hi);
    }
    tubei_put_string(&w, " }\n");
    return tubei_record_written(&w, out, room);
}

/* A table. */

/* Types of the columns that the sink `sqlite` makes. */
static const char *
sqlite_type(tube_type type)
{
    switch (type) {
    case TUBE_BOOL:
    case TUBE_INT: return "INTEGER";
    case TUBE_FLOAT: return "REAL";
    case TUBE_BYTES: return "BLOB";
    case TUBE_TEXT:
    case TUBE_TIME:
    case TUBE_JSON: break;
    }
    return "TEXT";
}

static void
put_sql(tubei_writer *w, char quote, tube_slice text)
{
    tubei_put_char(w, quote);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == quote)
            tubei_put_char(w, quote);
        tubei_put_char(w, text.ptr[i]);
    }
    tubei_put_char(w, quote);
}

/* "2024-01-31T12:00:00Z" is "2024-01-31 12:00:00" for SQLite, as the sink writes it. */
static void
put_time(tubei_writer *w, tube_dialect dialect, int64_t us)
{
    size_t at = w->len + 1;

    tubei_put_char(w, '\'');
    tubei_put_time(w, us);
    if (dialect == TUBE_SQLITE && w->error == 0) {
        char *blank = memchr(w->buf + at, 'T', w->len - at);

        if (blank != NULL)
            *blank = ' ';
        w->len--;
    }
    tubei_put_char(w, '\'');
}

static void
put_bytes(tubei_writer *w, tube_dialect dialect, tube_slice bytes)
{
    tubei_put_string(w, dialect == TUBE_SQLITE ? "X'" : "'\\x");
    for (size_t i = 0; i < bytes.len; i++) {
        char hex[4];

        (void)snprintf(hex, sizeof(hex), "%02x", (unsigned char)bytes.ptr[i]);
        tubei_put_string(w, hex);
    }
    tubei_put_char(w, '\'');
}

static void
put_value(tubei_writer *w, tube_dialect dialect, tube_type type, const tube_cell *c)
{
    char real[PG_REAL_MAX];

    switch (type) {
    case TUBE_TEXT:
    case TUBE_JSON: put_sql(w, '\'', tube_text(c)); break;
    case TUBE_BYTES: put_bytes(w, dialect, tube_text(c)); break;
    case TUBE_BOOL:
        if (dialect == TUBE_SQLITE)
            tubei_put_int(w, c->integer);
        else
            tubei_put_string(w, c->integer != 0 ? "true" : "false");
        break;
    case TUBE_INT: tubei_put_int(w, c->integer); break;
    case TUBE_FLOAT: tubei_put(w, real, tubei_pg_real_write(c->real, real)); break;
    case TUBE_TIME: put_time(w, dialect, c->integer); break;
    }
}

static void
put_column(tubei_writer *w, const tube_record_def *d, uint32_t i, tube_dialect dialect)
{
    const tube_record_field *f = &d->record.field[i];
    tube_cell c;

    put_sql(w, '"', tube_str(f->column.name));
    tubei_put_char(w, ' ');
    if (dialect == TUBE_SQLITE)
        tubei_put_string(w, sqlite_type(f->column.type));
    else
        tubei_put_string(w, f->column.sql != NULL ? f->column.sql
                                                  : tubei_pg_type_for(f->column.type));
    if (!f->optional)
        tubei_put_string(w, " NOT NULL");
    if (d->member == NULL || d->member[i].def == NULL || !tubei_record_default(d, i, &c)
        || (f->column.type == TUBE_FLOAT && !isfinite(c.real)))
        return;
    tubei_put_string(w, " DEFAULT ");
    put_value(w, dialect, f->column.type, &c);
}

size_t
tube_record_ddl(const tube_record_def *d, tube_dialect dialect, const char *table,
                char *out, size_t room)
{
    tubei_writer w = tubei_record_writer(out, room);

    tubei_put_string(&w, "CREATE TABLE ");
    put_sql(&w, '"', tube_str(table));
    tubei_put_string(&w, " (");
    for (uint32_t i = 0; i < d->record.n; i++) {
        tubei_put_string(&w, i == 0 ? "\n    " : ",\n    ");
        put_column(&w, d, i, dialect);
    }
    tubei_put_string(&w, "\n)");
    return tubei_record_written(&w, out, room);
}
