/* SPDX-License-Identifier: MIT */
/* pg_table.c -- see pg_table.h. */
#include "pg_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
tubei_pg_table_free(pg_table *t)
{
    free(t->column);
    free(t->rest);
    *t = (pg_table){ 0 };
}

static tube_status
schema_check(pg_conn *c, const pg_name *name, pg_table *t, tube_error *err)
{
    static const char sql[] =
        "SELECT n.nspname FROM pg_catalog.pg_namespace n"
        " WHERE n.nspname = CASE WHEN $1 = '' THEN pg_catalog.current_schema() ELSE $1 END";
    const char *value[] = { name->schema };
    tube_status st = tubei_pg_run(c, sql, value, 1, err);

    if (st != TUBE_OK)
        return st;
    if (tubei_pg_rows(c) == 1) {
        (void)snprintf(t->schema, sizeof(t->schema), "%s", tubei_pg_value(c, 0, 0));
        return TUBE_OK;
    }
    if (*name->schema != '\0')
        return tube_fail(err, TUBE_ECONFIG, "no schema '%s'", name->schema);
    (void)tube_fail(err, TUBE_ECONFIG, "no schema for table '%s'", name->table);
    tube_hint(err, "table=SCHEMA.%s", name->table);
    return TUBE_ECONFIG;
}

static const char *
kind_name(char kind)
{
    switch (kind) {
    case 'v': return "a view";
    case 'm': return "a materialized view";
    case 'f': return "a foreign table";
    case 'i':
    case 'I': return "an index";
    case 'S': return "a sequence";
    case 'c': return "a composite type";
    default: return "no table";
    }
}

tube_status
tubei_pg_table_find(pg_conn *c, const pg_name *name, pg_table *t, tube_error *err)
{
    static const char sql[] =
        "SELECT c.oid, n.nspname, c.relname, c.relkind FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.oid = pg_catalog.to_regclass($1)";
    pg_sql q = { 0 };
    const char *value[1];
    tube_status st;

    tubei_pg_sql_table(&q, name->schema, name->table);
    if (q.failed)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    value[0] = q.text;
    st = tubei_pg_run(c, sql, value, 1, err);
    tubei_pg_sql_free(&q);
    if (st != TUBE_OK)
        return st;
    t->oid = 0;
    (void)snprintf(t->name, sizeof(t->name), "%s", name->table);
    if (tubei_pg_rows(c) == 0)
        return schema_check(c, name, t, err);
    char kind = *tubei_pg_value(c, 0, 3);
    if (kind != 'r' && kind != 'p') {
        (void)tube_fail(err, TUBE_ECONFIG, "'%s' is %s, rows can only go into a table",
                        name->table, kind_name(kind));
        return TUBE_ECONFIG;
    }
    t->oid = (uint32_t)tubei_pg_integer(c, 0, 0);
    t->partitioned = kind == 'p';
    (void)snprintf(t->schema, sizeof(t->schema), "%s", tubei_pg_value(c, 0, 1));
    (void)snprintf(t->name, sizeof(t->name), "%s", tubei_pg_value(c, 0, 2));
    return TUBE_OK;
}

/* One row per column, its domains peeled off: what they ask for is asked of it. */
static const char columns_sql[] =
    "WITH RECURSIVE d AS ("
    "SELECT a.attnum, a.attname, a.atttypid AS typ, a.atttypmod AS mod, a.attnotnull AS nn,"
    " a.atthasdef OR a.attidentity <> '' AS def,"
    " a.attidentity = 'a' OR a.attgenerated <> '' AS own,"
    " pg_catalog.format_type(a.atttypid, a.atttypmod) AS whole"
    " FROM pg_catalog.pg_attribute a"
    " WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " UNION ALL "
    "SELECT d.attnum, d.attname, t.typbasetype,"
    " CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE d.mod END, d.nn OR t.typnotnull,"
    " d.def OR t.typdefault IS NOT NULL, d.own, d.whole"
    " FROM d JOIN pg_catalog.pg_type t ON t.oid = d.typ WHERE t.typtype = 'd') "
    "SELECT d.attname, d.typ, d.mod, t.typtype, t.typname, d.whole, d.nn::int, d.def::int,"
    " d.own::int FROM d JOIN pg_catalog.pg_type t ON t.oid = d.typ"
    " WHERE t.typtype <> 'd' ORDER BY d.attnum";

enum { NAME, TYPE, MODIFIER, KIND, TYPE_NAME, WHOLE, NOT_NULL, HAS_DEFAULT, OWN };

static bool
list_has(const tube_list *l, const char *word)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->item[i], word) == 0)
            return true;
    return false;
}

/* Row of the catalog's answer for a column, -1: there is none. */
static int
catalog_find(const pg_conn *c, const char *name)
{
    for (int i = 0; i < tubei_pg_rows(c); i++)
        if (strcmp(tubei_pg_value(c, i, NAME), name) == 0)
            return i;
    return -1;
}

static tube_status
no_column(const pg_conn *c, const pg_table *t, const char *field, tube_error *err)
{
    const char *known[128];
    const char *near;
    size_t n = 0;

    for (int i = 0; i < tubei_pg_rows(c) && n < 128; i++)
        known[n++] = tubei_pg_value(c, i, NAME);
    near = tube_nearest(field, known, n);
    (void)tube_fail(err, TUBE_ECONFIG, "no column '%s' in table '%s'", field, t->name);
    if (near != NULL)
        tube_hint(err, "ignore=[%s] or rest=COLUMN; there is a column '%s'", field,
                  near);
    else
        tube_hint(err, "ignore=[%s] or rest=COLUMN", field);
    return TUBE_ECONFIG;
}

static tube_status
column_fill(const pg_conn *c, int row, const tube_column *field, pg_column *col,
            tube_error *err)
{
    pg_catalog_type type = {
        .oid = (uint32_t)tubei_pg_integer(c, row, TYPE),
        .modifier = (int32_t)tubei_pg_integer(c, row, MODIFIER),
        .kind = *tubei_pg_value(c, row, KIND),
        .name = tubei_pg_value(c, row, TYPE_NAME),
        .whole = tubei_pg_value(c, row, WHOLE),
    };

    (void)snprintf(col->name, sizeof(col->name), "%s", tubei_pg_value(c, row, NAME));
    col->not_null = tubei_pg_integer(c, row, NOT_NULL) != 0;
    return tubei_pg_type_choose(&type, field->type, field->name, col, err);
}

static tube_status
map_field(const pg_conn *c, const pg_wishes *w, const tube_column *field, tube_field f,
          pg_table *t, tube_error *err)
{
    int row = catalog_find(c, field->name);

    if (list_has(&w->ignore, field->name))
        return TUBE_OK;
    if (*w->rest != '\0' && (row < 0 || strcmp(field->name, w->rest) == 0)) {
        t->rest[t->n_rest++] = f;
        return TUBE_OK;
    }
    if (row < 0)
        return no_column(c, t, field->name, err);
    if (tubei_pg_integer(c, row, OWN) != 0) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "column '%s' of table '%s' is filled by the server",
                        field->name, t->name);
        tube_hint(err, "ignore=[%s]", field->name);
        return TUBE_ECONFIG;
    }
    t->column[t->n].field = f;
    return column_fill(c, row, field, &t->column[t->n++], err);
}

/* The column that takes one JSON object of all fields that have none of their own.  The
 * object is put where the first of those fields was. */
static tube_status
map_rest(const pg_conn *c, const pg_wishes *w, pg_table *t, tube_error *err)
{
    int row = catalog_find(c, w->rest);
    tube_column object = { .name = w->rest, .type = TUBE_JSON };
    tube_status st;

    if (row < 0)
        return tube_fail(err, TUBE_ECONFIG, "no column '%s' in table '%s'", w->rest,
                         t->name);
    if (t->n_rest == 0)
        return TUBE_OK;
    t->column[t->n].field = t->rest[0];
    st = column_fill(c, row, &object, &t->column[t->n], err);
    if (st == TUBE_OK && !tubei_pg_type_is_json(t->column[t->n].oid)) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "column '%s' is %s, rest= wants json or jsonb", w->rest,
                        t->column[t->n].type);
        st = TUBE_ECONFIG;
    }
    t->n++;
    return st;
}

/* A column that nobody fills must not need a value. */
static tube_status
map_missing(const pg_conn *c, const pg_table *t, tube_error *err)
{
    for (int i = 0; i < tubei_pg_rows(c); i++) {
        const char *name = tubei_pg_value(c, i, NAME);
        bool sent = false;

        for (uint32_t k = 0; k < t->n; k++)
            sent |= strcmp(t->column[k].name, name) == 0;
        if (!sent && tubei_pg_integer(c, i, NOT_NULL) != 0
            && tubei_pg_integer(c, i, HAS_DEFAULT) == 0) {
            (void)tube_fail(
                err, TUBE_ECONFIG,
                "column '%s' of table '%s' is NOT NULL without a default, and"
                " there is no field of that name",
                name, t->name);
            return TUBE_ECONFIG;
        }
    }
    return TUBE_OK;
}

static tube_status
wishes_check(const pg_wishes *w, const tube_schema *fields, tube_error *err)
{
    for (size_t i = 0; i < w->ignore.n; i++)
        if (tube_schema_find(fields, w->ignore.item[i]) < 0)
            return tube_fail(err, TUBE_ECONFIG, "ignore: no field '%s'",
                             w->ignore.item[i]);
    return *w->rest != '\0' ? tubei_pg_name_check("column", w->rest, err) : TUBE_OK;
}

tube_status
tubei_pg_table_map(pg_conn *c, const pg_wishes *w, const tube_schema *fields,
                   pg_table *t, tube_error *err)
{
    uint32_t width = tube_schema_width(fields);
    char oid[16];
    const char *value[] = { oid };
    tube_status st = wishes_check(w, fields, err);

    (void)snprintf(oid, sizeof(oid), "%u", t->oid);
    free(t->column);
    free(t->rest);
    t->n = 0;
    t->n_rest = 0;
    t->column = calloc(width + 1, sizeof(*t->column));
    t->rest = calloc(width + 1, sizeof(*t->rest));
    if (t->column == NULL || t->rest == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    if (st == TUBE_OK)
        st = tubei_pg_run(c, columns_sql, value, 1, err);
    for (uint32_t f = 0; f < width && st == TUBE_OK; f++)
        st = map_field(c, w, tube_schema_column(fields, (tube_field)f), (tube_field)f,
                       t, err);
    if (st == TUBE_OK && *w->rest != '\0')
        st = map_rest(c, w, t, err);
    return st == TUBE_OK ? map_missing(c, t, err) : st;
}

/* A type that a stage wishes for: words, digits, parentheses, nothing that ends it. */
static bool
type_is_sane(const char *type)
{
    return *type != '\0'
           && type[strspn(type, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_ (),[]")]
                  == '\0';
}

tube_status
tubei_pg_table_ddl(const pg_wishes *w, const char *schema, const tube_schema *fields,
                   pg_sql *q, tube_error *err)
{
    const char *between = "\n    ";
    tube_status st = wishes_check(w, fields, err);

    if (st != TUBE_OK)
        return st;
    tubei_pg_sql_add(q, "CREATE TABLE ");
    tubei_pg_sql_table(q, schema, w->name.table);
    tubei_pg_sql_add(q, " (");
    for (uint32_t f = 0; f < tube_schema_width(fields); f++) {
        const tube_column *field = tube_schema_column(fields, (tube_field)f);

        if (list_has(&w->ignore, field->name) || strcmp(field->name, w->rest) == 0)
            continue;
        if (field->sql != NULL && !type_is_sane(field->sql))
            return tube_fail(err, TUBE_ECONFIG, "field '%s' has no usable column type",
                             field->name);
        st = tubei_pg_name_check("column", field->name, err);
        if (st != TUBE_OK)
            return st;
        tubei_pg_sql_add(q, "%s", between);
        tubei_pg_sql_name(q, field->name);
        tubei_pg_sql_add(
            q, " %s", field->sql != NULL ? field->sql : tubei_pg_type_for(field->type));
        between = ",\n    ";
    }
    if (*w->rest != '\0') {
        tubei_pg_sql_add(q, "%s", between);
        tubei_pg_sql_name(q, w->rest);
        tubei_pg_sql_add(q, " jsonb");
    }
    tubei_pg_sql_add(q, "\n)");
    return q->failed ? tube_fail(err, TUBE_ENOMEM, "out of memory") : TUBE_OK;
}

void
tubei_pg_table_columns(const pg_table *t, pg_sql *q)
{
    tubei_pg_sql_add(q, "(");
    for (uint32_t i = 0; i < t->n; i++) {
        if (i > 0)
            tubei_pg_sql_add(q, ", ");
        tubei_pg_sql_name(q, t->column[i].name);
    }
    tubei_pg_sql_add(q, ")");
}
