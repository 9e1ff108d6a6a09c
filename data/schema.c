/* SPDX-License-Identifier: MIT */
/* schema.c -- see schema.h. */
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 63, COLUMNS_MAX = 1600 /* PostgreSQL's limit */ };

struct tube_schema {
    uint32_t n;
    tube_column column[];
};

static tube_status
column_check(const tube_column *c, uint32_t i, tube_error *err)
{
    if (c[i].name == NULL || c[i].name[0] == '\0')
        return tube_fail(err, TUBE_ECONFIG, "column %u has no name", i + 1);
    if (strlen(c[i].name) > NAME_MAX_BYTES)
        return tube_fail(err, TUBE_ECONFIG,
                         "the name of column '%.80s' is over %d bytes", c[i].name,
                         NAME_MAX_BYTES);
    for (uint32_t k = 0; k < i; k++)
        if (strcmp(c[k].name, c[i].name) == 0)
            return tube_fail(err, TUBE_ECONFIG, "two columns are named '%s'",
                             c[i].name);
    return TUBE_OK;
}

tube_schema *
tubei_schema_new(const tube_column *columns, uint32_t n, tube_error *err)
{
    tube_schema *s;

    if (n == 0 || n > COLUMNS_MAX) {
        (void)tube_fail(err, TUBE_ECONFIG, "a record has 1 to %d columns, not %u",
                        COLUMNS_MAX, n);
        return NULL;
    }
    s = calloc(1, sizeof(*s) + n * sizeof(s->column[0]));
    if (s == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (column_check(columns, i, err) < 0)
            goto fail;
        s->n = i + 1;
        s->column[i].type = columns[i].type;
        s->column[i].name = strdup(columns[i].name);
        s->column[i].sql = columns[i].sql != NULL ? strdup(columns[i].sql) : NULL;
        if (s->column[i].name == NULL
            || (columns[i].sql != NULL && s->column[i].sql == NULL)) {
            (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
            goto fail;
        }
    }
    return s;
fail:
    tubei_schema_free(s);
    return NULL;
}

void
tubei_schema_free(tube_schema *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; i < s->n; i++) {
        free((void *)(uintptr_t)s->column[i].name);
        free((void *)(uintptr_t)s->column[i].sql);
    }
    free(s);
}

uint32_t
tube_schema_width(const tube_schema *s)
{
    return s->n;
}

const tube_column *
tube_schema_column(const tube_schema *s, tube_field f)
{
    return &s->column[f];
}

tube_field
tube_schema_find(const tube_schema *s, const char *name)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (strcmp(s->column[i].name, name) == 0)
            return (tube_field)i;
    return -1;
}

bool
tubei_schema_same(const tube_schema *a, const tube_schema *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->column[i].type != b->column[i].type
            || strcmp(a->column[i].name, b->column[i].name) != 0)
            return false;
    return true;
}

const char *
tubei_type_name(tube_type t)
{
    static const char *const name[] = { "?",   "text",  "bytes", "bool",
                                        "int", "float", "time",  "json" };

    return (size_t)t < sizeof(name) / sizeof(name[0]) ? name[t] : "?";
}

bool
tubei_schema_extends(const tube_schema *s, const tube_record *r, char *report,
                     size_t len)
{
    size_t used = 0;
    bool good = true;

    for (uint32_t i = 0; i < r->n; i++) {
        const tube_column *want = &r->field[i].column;
        tube_field f = s != NULL ? tube_schema_find(s, want->name) : -1;
        tube_type has = f >= 0 ? tube_schema_column(s, f)->type : (tube_type)0;
        int put;

        if (has == want->type || (f < 0 && r->field[i].optional))
            continue;
        good = false;
        if (report == NULL || used >= len)
            continue;
        put = f < 0 ? snprintf(report + used, len - used, "%sno field '%s'",
                               used > 0 ? ", " : "", want->name)
                    : snprintf(report + used, len - used, "%s'%s' is %s, not %s",
                               used > 0 ? ", " : "", want->name, tubei_type_name(has),
                               tubei_type_name(want->type));
        used += put > 0 ? (size_t)put : 0;
    }
    return good;
}
