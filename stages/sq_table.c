/* SPDX-License-Identifier: MIT */
/* sq_table.c -- see sq_table.h. */
#include "sq_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A column as the database knows it, source: sqlite.org/datatype3.html 3.1. */
struct known {
    char name[SQ_NAME];
    enum { INTEGER, TEXT, BLOB, REAL, NUMERIC } affinity;
    bool needed;    /* it must be given a value */
    bool generated; /* it must not */
};

struct catalog {
    struct known *item;
    size_t n;
};

void
tubei_sq_table_free(sq_table *t)
{
    free(t->column);
    free(t->rest);
    *t = (sq_table){ 0 };
}

/* Names. */

static tube_status
check_name(const char *what, const char *name, tube_error *err)
{
    if (*name == '\0')
        return tube_fail(err, TUBE_ECONFIG, "a %s without a name", what);
    if (strlen(name) >= SQ_NAME)
        return tube_fail(err, TUBE_ECONFIG, "name of %s '%.70s' is over %d bytes", what,
                         name, SQ_NAME - 1);
    return TUBE_OK;
}

static tube_status
check_wishes(const sq_wishes *w, const tube_schema *fields, const char **option,
             tube_error *err)
{
    tube_status st = check_name("table", w->name, err);

    *option = "table";
    if (st != TUBE_OK)
        return st;
    if (strncasecmp(w->name, "tubes_", 6) == 0
        || strncasecmp(w->name, "sqlite_", 7) == 0)
        return tube_fail(err, TUBE_ECONFIG,
                         "'%s' cannot be the name of a table of yours", w->name);
    *option = "ignore";
    for (size_t i = 0; i < w->ignore.n; i++)
        if (tube_schema_find(fields, w->ignore.item[i]) < 0)
            return tube_fail(err, TUBE_ECONFIG, "ignore: no field '%s'",
                             w->ignore.item[i]);
    *option = *w->rest != '\0' ? "rest" : "table";
    return *w->rest != '\0' ? check_name("column", w->rest, err) : TUBE_OK;
}

static void
put_name(FILE *to, const char *name)
{
    (void)fputc('"', to);
    for (; *name != '\0'; name++) {
        if (*name == '"')
            (void)fputc('"', to);
        (void)fputc(*name, to);
    }
    (void)fputc('"', to);
}

/* Text that was put together, or NULL. */
static char *
finished(FILE *to, char **text)
{
    bool bad = ferror(to) != 0;

    if (fclose(to) != 0 || bad) {
        free(*text);
        *text = NULL;
    }
    return *text;
}

/* Looking the table up. */

static bool
has_word(const char *type, const char *word)
{
    return strcasestr(type, word) != NULL;
}

static void
know(sq_stmt *row, struct known *k)
{
    const char *type = tubei_sq_text(row, 1) != NULL ? tubei_sq_text(row, 1) : "";
    bool not_null = tubei_sq_int(row, 2) != 0;
    bool has_default = tubei_sq_int(row, 3) != 0;
    bool is_rowid = tubei_sq_int(row, 4) != 0 && strcasecmp(type, "INTEGER") == 0;

    (void)snprintf(k->name, sizeof(k->name), "%s", tubei_sq_text(row, 0));
    k->needed = not_null && !has_default && !is_rowid;
    k->generated = tubei_sq_int(row, 5) > 1;
    if (has_word(type, "INT"))
        k->affinity = INTEGER;
    else if (has_word(type, "CHAR") || has_word(type, "CLOB") || has_word(type, "TEXT"))
        k->affinity = TEXT;
    else if (has_word(type, "BLOB") || *type == '\0')
        k->affinity = BLOB;
    else if (has_word(type, "REAL") || has_word(type, "FLOA") || has_word(type, "DOUB"))
        k->affinity = REAL;
    else
        k->affinity = NUMERIC;
}

static tube_status
read_columns(sq_db *db, const sq_table *t, struct catalog *c, tube_error *err)
{
    static const char sql[] =
        "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden"
        " FROM pragma_table_xinfo(?1)";
    sq_stmt *stmt = NULL;
    sq_result rc = tubei_sq_prepare(db, sql, &stmt);

    if (rc == SQ_DONE) {
        tubei_sq_bind_text(stmt, 1, t->name, strlen(t->name));
        rc = tubei_sq_step(stmt);
    }
    for (; rc == SQ_ROW; rc = tubei_sq_step(stmt)) {
        struct known *more = reallocarray(c->item, c->n + 1, sizeof(*more));

        if (more == NULL) {
            tubei_sq_finalize(&stmt);
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        }
        c->item = more;
        know(stmt, &c->item[c->n++]);
    }
    tubei_sq_finalize(&stmt);
    return rc == SQ_DONE ? TUBE_OK : tubei_sq_fail(db, t->name, err);
}

/* What kind of thing has that name, and how it is written. */
static tube_status
find_name(sq_db *db, sq_table *t, tube_error *err)
{
    static const char sql[] =
        "SELECT name, type, sql LIKE 'CREATE VIRTUAL%' FROM sqlite_schema"
        " WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')";
    sq_stmt *stmt = NULL;
    sq_result rc = tubei_sq_prepare(db, sql, &stmt);
    const char *kind = NULL;

    if (rc == SQ_DONE) {
        tubei_sq_bind_text(stmt, 1, t->name, strlen(t->name));
        rc = tubei_sq_step(stmt);
    }
    if (rc == SQ_ROW && strcmp(tubei_sq_text(stmt, 1), "view") == 0)
        kind = "a view";
    else if (rc == SQ_ROW && tubei_sq_int(stmt, 2) != 0)
        kind = "a virtual table";
    t->exists = rc == SQ_ROW;
    if (t->exists) {
        char name[SQ_NAME];

        (void)snprintf(name, sizeof(name), "%s", tubei_sq_text(stmt, 0));
        memcpy(t->name, name, sizeof(name));
    }
    tubei_sq_finalize(&stmt);
    if (kind != NULL)
        return tube_fail(err, TUBE_ECONFIG, "'%s' is %s, rows can only go into a table",
                         t->name, kind);
    return rc == SQ_ROW || rc == SQ_DONE ? TUBE_OK : tubei_sq_fail(db, t->name, err);
}

/* The table's mark, and whether triggers look at what is inserted. */
static tube_status
find_triggers(sq_db *db, sq_table *t, tube_error *err)
{
    static const char sql[] =
        "SELECT name GLOB 'tubes_mark_*', substr(name, 12), sql LIKE '%INSERT%'"
        " FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE";
    sq_stmt *stmt = NULL;
    sq_result rc = tubei_sq_prepare(db, sql, &stmt);

    if (rc == SQ_DONE) {
        tubei_sq_bind_text(stmt, 1, t->name, strlen(t->name));
        rc = tubei_sq_step(stmt);
    }
    for (; rc == SQ_ROW; rc = tubei_sq_step(stmt))
        if (tubei_sq_int(stmt, 0) != 0)
            (void)snprintf(t->token, sizeof(t->token), "%s", tubei_sq_text(stmt, 1));
        else
            t->has_triggers |= tubei_sq_int(stmt, 2) != 0;
    tubei_sq_finalize(&stmt);
    return rc == SQ_DONE ? TUBE_OK : tubei_sq_fail(db, t->name, err);
}

static tube_status
look_up(sq_db *db, sq_table *t, struct catalog *c, tube_error *err)
{
    tube_status st = find_name(db, t, err);

    if (st == TUBE_OK && t->exists)
        st = read_columns(db, t, c, err);
    return st == TUBE_OK && t->exists ? find_triggers(db, t, err) : st;
}

/* Fields to columns. */

static sq_form
form_of(tube_type type, const struct known *k)
{
    switch (type) {
    case TUBE_BOOL:
    case TUBE_INT: return SQ_AS_INT;
    case TUBE_FLOAT: return SQ_AS_REAL;
    case TUBE_BYTES: return SQ_AS_BLOB;
    case TUBE_TIME:
        if (k != NULL && k->affinity == INTEGER)
            return SQ_AS_TIME_INT;
        return k != NULL && k->affinity == REAL ? SQ_AS_TIME_REAL : SQ_AS_TIME_TEXT;
    case TUBE_TEXT:
    case TUBE_JSON: break;
    }
    return SQ_AS_TEXT;
}

static const struct known *
find_known(const struct catalog *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcasecmp(c->item[i].name, name) == 0)
            return &c->item[i];
    return NULL;
}

static tube_status
no_column(const struct catalog *c, const sq_table *t, const char *field,
          tube_error *err)
{
    const char *names[128];
    const char *near;
    size_t n = 0;

    for (; n < c->n && n < sizeof(names) / sizeof(names[0]); n++)
        names[n] = c->item[n].name;
    near = tube_nearest(field, names, n);
    (void)tube_fail(err, TUBE_ECONFIG, "no column '%s' in table '%s'", field, t->name);
    if (near != NULL)
        tube_hint(err, "ignore=[%s] or rest=COLUMN; there is a column '%s'", field,
                  near);
    else
        tube_hint(err, "ignore=[%s] or rest=COLUMN", field);
    return TUBE_ECONFIG;
}

static tube_status
add_column(sq_table *t, const char *name, tube_field f, sq_form form, tube_error *err)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (strcasecmp(t->column[i].name, name) == 0)
            return tube_fail(err, TUBE_ECONFIG,
                             "two fields for column '%s': SQLite does not tell capital"
                             " letters from small ones",
                             name);
    t->column[t->n].field = f;
    t->column[t->n].form = form;
    (void)snprintf(t->column[t->n].name, SQ_NAME, "%s", name);
    t->n++;
    return TUBE_OK;
}

static bool
is_ignored(const sq_wishes *w, const char *name)
{
    for (size_t i = 0; i < w->ignore.n; i++)
        if (strcmp(w->ignore.item[i], name) == 0)
            return true;
    return false;
}

static tube_status
map_field(const struct catalog *c, const sq_wishes *w, tube_field f, sq_table *t,
          tube_error *err)
{
    const tube_column *field = tube_schema_column(t->fields, f);
    const struct known *k = find_known(c, field->name);

    if (is_ignored(w, field->name))
        return TUBE_OK;
    if (*w->rest != '\0'
        && ((t->exists && k == NULL) || strcasecmp(field->name, w->rest) == 0)) {
        t->rest[t->n_rest++] = f;
        return TUBE_OK;
    }
    if (t->exists && k == NULL)
        return no_column(c, t, field->name, err);
    if (k != NULL && k->generated) {
        (void)tube_fail(err, TUBE_ECONFIG, "column '%s' of table '%s' is generated",
                        k->name, t->name);
        tube_hint(err, "ignore=[%s]", field->name);
        return TUBE_ECONFIG;
    }
    return add_column(t, k != NULL ? k->name : field->name, f, form_of(field->type, k),
                      err);
}

static tube_status
map_rest(const struct catalog *c, const sq_wishes *w, sq_table *t, tube_error *err)
{
    const struct known *k = find_known(c, w->rest);

    if (*w->rest == '\0')
        return TUBE_OK;
    if (t->exists && k == NULL)
        return tube_fail(err, TUBE_ECONFIG, "no column '%s' in table '%s'", w->rest,
                         t->name);
    if (k != NULL && k->generated)
        return tube_fail(err, TUBE_ECONFIG, "column '%s' of table '%s' is generated",
                         k->name, t->name);
    if (t->n_rest == 0 && t->exists)
        return TUBE_OK;
    return add_column(t, w->rest, -1, SQ_AS_REST, err);
}

/* A column that nobody fills must not need a value. */
static tube_status
check_missing(const struct catalog *c, const sq_table *t, tube_error *err)
{
    for (size_t i = 0; i < c->n; i++) {
        bool filled = !c->item[i].needed || c->item[i].generated;

        for (uint32_t k = 0; k < t->n; k++)
            filled |= strcasecmp(t->column[k].name, c->item[i].name) == 0;
        if (!filled)
            return tube_fail(err, TUBE_ECONFIG,
                             "column '%s' of table '%s' is NOT NULL without a default,"
                             " and there is no field of that name",
                             c->item[i].name, t->name);
    }
    return TUBE_OK;
}

tube_status
tubei_sq_table_find(sq_db *db, const sq_wishes *w, const tube_schema *fields,
                    sq_table *t, tube_error *err)
{
    uint32_t width = tube_schema_width(fields);
    struct catalog c = { 0 };
    const char *option;
    tube_status st = check_wishes(w, fields, &option, err);

    t->option = option;
    if (st != TUBE_OK)
        return st;
    option = "table";
    (void)snprintf(t->name, sizeof(t->name), "%s", w->name);
    t->fields = fields;
    t->column = calloc(width + 1, sizeof(*t->column));
    t->rest = calloc(width + 1, sizeof(*t->rest));
    if (t->column == NULL || t->rest == NULL) {
        tubei_sq_table_free(t);
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    if (db != NULL)
        st = look_up(db, t, &c, err);
    for (uint32_t f = 0; st == TUBE_OK && f < width; f++)
        st = map_field(&c, w, (tube_field)f, t, err);
    if (st == TUBE_OK) {
        st = map_rest(&c, w, t, err);
        option = st == TUBE_OK ? option : "rest";
    }
    if (st == TUBE_OK && t->n == 0)
        st = tube_fail(err, TUBE_ECONFIG, "no field is left to be stored");
    if (st == TUBE_OK && t->exists)
        st = check_missing(&c, t, err);
    free(c.item);
    if (st != TUBE_OK)
        tubei_sq_table_free(t);
    t->option = option;
    return st;
}

/* Making it. */

char *
tubei_sq_table_ddl(const sq_table *t)
{
    static const char *const types[] = {
        [SQ_AS_INT] = "INTEGER",    [SQ_AS_REAL] = "REAL",
        [SQ_AS_TEXT] = "TEXT",      [SQ_AS_BLOB] = "BLOB",
        [SQ_AS_TIME_TEXT] = "TEXT", [SQ_AS_TIME_INT] = "INTEGER",
        [SQ_AS_TIME_REAL] = "REAL", [SQ_AS_REST] = "TEXT",
    };
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    if (to == NULL)
        return NULL;
    (void)fputs("CREATE TABLE ", to);
    put_name(to, t->name);
    (void)fputs(" (", to);
    for (uint32_t i = 0; i < t->n; i++) {
        (void)fputs(i == 0 ? "\n    " : ",\n    ", to);
        put_name(to, t->column[i].name);
        (void)fprintf(to, " %s", types[t->column[i].form]);
    }
    (void)fputs("\n)", to);
    return finished(to, &text);
}

char *
tubei_sq_table_insert(const sq_table *t, uint32_t rows)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    if (to == NULL)
        return NULL;
    /* Or else an ON CONFLICT clause of the table could drop rows without a word. */
    (void)fputs("INSERT OR ABORT INTO ", to);
    put_name(to, t->name);
    for (uint32_t i = 0; i < t->n; i++) {
        (void)fputs(i == 0 ? " (" : ", ", to);
        put_name(to, t->column[i].name);
    }
    for (uint32_t r = 0; r < rows; r++) {
        (void)fputs(r == 0 ? ") VALUES (" : "), (", to);
        for (uint32_t i = 0; i < t->n; i++)
            (void)fputs(i == 0 ? "?" : ", ?", to);
    }
    (void)fputc(')', to);
    return finished(to, &text);
}

/* Was another table of that name loaded before? */
static sq_result
find_former(sq_db *db, sq_table *t)
{
    sq_stmt *stmt = NULL;
    sq_result rc = tubei_sq_prepare(
        db, "SELECT 1 FROM tubes_target WHERE name = ?1 COLLATE NOCASE", &stmt);

    if (rc == SQ_DONE) {
        tubei_sq_bind_text(stmt, 1, t->name, strlen(t->name));
        rc = tubei_sq_step(stmt);
    }
    t->rebuilt = rc == SQ_ROW && t->exists;
    tubei_sq_finalize(&stmt);
    return rc == SQ_ROW ? SQ_DONE : rc;
}

static sq_result
put_mark(sq_db *db, const sq_table *t)
{
    static const char sql[] = "INSERT INTO tubes_target (token, name) VALUES (?1, ?2)";
    char *text = NULL;
    size_t len;
    sq_stmt *stmt = NULL;
    FILE *to = open_memstream(&text, &len);
    sq_result rc;

    if (to == NULL)
        return SQ_FAILED;
    (void)fprintf(to, "CREATE TRIGGER tubes_mark_%s AFTER UPDATE OF rowid ON ",
                  t->token);
    put_name(to, t->name);
    (void)fputs(" WHEN 0 BEGIN SELECT 1; END", to);
    rc = finished(to, &text) != NULL ? tubei_sq_exec(db, text) : SQ_FAILED;
    free(text);
    if (rc == SQ_DONE)
        rc = tubei_sq_prepare(db, sql, &stmt);
    if (rc == SQ_DONE) {
        tubei_sq_bind_text(stmt, 1, t->token, SQ_TOKEN);
        tubei_sq_bind_text(stmt, 2, t->name, strlen(t->name));
        rc = tubei_sq_run(stmt);
    }
    tubei_sq_finalize(&stmt);
    return rc;
}

tube_status
tubei_sq_table_make(sq_db *db, sq_table *t, tube_error *err)
{
    sq_result rc = SQ_DONE;
    uint64_t token;

    if (!t->exists) {
        char *ddl = tubei_sq_table_ddl(t);

        if (ddl == NULL)
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        rc = tubei_sq_exec(db, ddl);
        free(ddl);
    }
    if (rc == SQ_DONE && t->token[0] == '\0') {
        tubei_sq_random(&token, sizeof(token));
        (void)snprintf(t->token, sizeof(t->token), "%016llx",
                       (unsigned long long)token);
        rc = find_former(db, t);
        if (rc == SQ_DONE)
            rc = put_mark(db, t);
    }
    return rc == SQ_DONE ? TUBE_OK : tubei_sq_fail(db, t->name, err);
}
