/* SPDX-License-Identifier: MIT */
/* pg_types.c -- see pg_types.h.
 *
 * source  pg_type.dat of PostgreSQL for the numbers of types
 */
#include "pg_types.h"

#include "pg_convert.h"
#include "pg_text.h"
#include "writer.h"

#include <stdio.h>
#include <string.h>

static const struct type {
    uint32_t oid;
    pg_family family;
    pg_wire wire;
} types[] = {
    { 25, PG_FAMILY_TEXT, PG_WIRE_BYTES },
    { PG_OID_VARCHAR, PG_FAMILY_TEXT, PG_WIRE_BYTES },
    { PG_OID_BPCHAR, PG_FAMILY_TEXT, PG_WIRE_BYTES },
    { 17, PG_FAMILY_BYTES, PG_WIRE_BYTES },
    { 16, PG_FAMILY_BOOL, PG_WIRE_BOOL },
    { 21, PG_FAMILY_INT, PG_WIRE_INT2 },
    { 23, PG_FAMILY_INT, PG_WIRE_INT4 },
    { 20, PG_FAMILY_INT, PG_WIRE_INT8 },
    { 700, PG_FAMILY_FLOAT, PG_WIRE_FLOAT4 },
    { 701, PG_FAMILY_FLOAT, PG_WIRE_FLOAT8 },
    { 1700, PG_FAMILY_NUMERIC, PG_WIRE_BYTES },
    { 1114, PG_FAMILY_TIME, PG_WIRE_TIME },
    { 1184, PG_FAMILY_TIME, PG_WIRE_TIME },
    { 1082, PG_FAMILY_DATE, PG_WIRE_INT4 },
    { 869, PG_FAMILY_INET, PG_WIRE_BYTES },
    { PG_OID_CIDR, PG_FAMILY_INET, PG_WIRE_BYTES },
    { 2950, PG_FAMILY_UUID, PG_WIRE_BYTES },
    { PG_OID_JSON, PG_FAMILY_JSON, PG_WIRE_BYTES },
    { PG_OID_JSONB, PG_FAMILY_JSON, PG_WIRE_JSONB },
};

static const char *const type_names[] = {
    [TUBE_TEXT] = "text", [TUBE_BYTES] = "bytes", [TUBE_BOOL] = "bool",
    [TUBE_INT] = "int",   [TUBE_FLOAT] = "float", [TUBE_TIME] = "time",
    [TUBE_JSON] = "json",
};

static const struct type *
type_find(const pg_catalog_type *t)
{
    static const struct type text = { 0, PG_FAMILY_TEXT, PG_WIRE_BYTES };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (types[i].oid == t->oid)
            return &types[i];
    /* The binary form of an enum is its label, that of citext the text. */
    return t->kind == 'e' || strcmp(t->name, "citext") == 0 ? &text : NULL;
}

tube_status
tubei_pg_type_choose(const pg_catalog_type *t, tube_type from, const char *field,
                     pg_column *col, tube_error *err)
{
    const struct type *type = type_find(t);
    const pg_way *w;

    (void)snprintf(col->type, sizeof(col->type), "%s", t->whole);
    if (type == NULL) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "column '%s' has type %s, which cannot be loaded", col->name,
                        col->type);
        tube_hint(err, "ignore=[%s], or a column of type text", field);
        return TUBE_ECONFIG;
    }
    w = tubei_pg_way(type->family, from);
    if (!w->fits) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "field '%s' is %s and does not fit column '%s', %s", field,
                        type_names[from], col->name, col->type);
        tube_hint(err, "ignore=[%s], or another type for the column", field);
        return TUBE_ECONFIG;
    }
    col->oid = t->oid;
    col->from = from;
    col->wire = type->wire;
    col->limit = 0;
    if ((t->oid == PG_OID_VARCHAR || t->oid == PG_OID_BPCHAR) && t->modifier > 4)
        col->limit = t->modifier - 4;
    col->convert = w->convert;
    col->room = w->room;
    col->room_each = w->room_each;
    col->text = type->family == PG_FAMILY_TEXT && w->convert == NULL;
    if (col->text && col->limit > 0) {
        col->convert = tubei_pg_limited_text;
        col->text = false;
    }
    if (col->wire == PG_WIRE_INT8 && from == TUBE_INT)
        col->convert = NULL;
    if (col->wire == PG_WIRE_FLOAT8 && from == TUBE_FLOAT)
        col->convert = NULL;
    return TUBE_OK;
}

const char *
tubei_pg_type_for(tube_type from)
{
    static const char *const names[] = {
        [TUBE_TEXT] = "text",
        [TUBE_BYTES] = "bytea",
        [TUBE_BOOL] = "boolean",
        [TUBE_INT] = "bigint",
        [TUBE_FLOAT] = "double precision",
        [TUBE_TIME] = "timestamp with time zone",
        [TUBE_JSON] = "jsonb",
    };

    return names[from];
}

bool
tubei_pg_type_is_json(uint32_t oid)
{
    return oid == PG_OID_JSON || oid == PG_OID_JSONB;
}

static const struct fault_words {
    const char *state;
    const char *words; /* behind the value, before the type */
    bool type;
} fault_words[PG_FAULTS] = {
    [PG_FAULT_NUL] = { "22021", "holds a NUL byte", false },
    [PG_FAULT_UTF8] = { "22021", "is not UTF-8", false },
    [PG_FAULT_SYNTAX] = { "22P02", "is no valid", true },
    [PG_FAULT_RANGE] = { "22003", "is out of range for", true },
    [PG_FAULT_LENGTH] = { "22001", "is too long for", true },
    [PG_FAULT_ESCAPE] = { "22P05", "holds a \\u escape that has no place in", true },
    [PG_FAULT_NULL] = { "23502", "no value, but the column is NOT NULL", false },
    [PG_FAULT_SIZE] = { "54000", "is over 1 GiB", false },
};

const char *
tubei_pg_fault_state(pg_fault f)
{
    return fault_words[f].state;
}

enum { VALUE_SHOWN = 80 };

/* The value as a person would write it; control bytes are shown as '?'. */
static void
value_show(const pg_column *col, const tube_cell *c, tubei_writer *w)
{
    switch (col->from) {
    case TUBE_BOOL:
    case TUBE_INT: tubei_put_int(w, c->integer); return;
    case TUBE_FLOAT: w->len = tubei_pg_real_write(c->real, w->buf); return;
    case TUBE_TIME: tubei_put_time(w, c->integer); return;
    case TUBE_TEXT:
    case TUBE_BYTES:
    case TUBE_JSON:
    default: break;
    }
    tubei_put_char(w, '\'');
    for (uint32_t i = 0; i < c->len && i < VALUE_SHOWN; i++) {
        bool shown = c->text[i] >= 0x20 && c->text[i] < 0x7f;

        tubei_put(w, shown ? &c->text[i] : "?", 1);
    }
    tubei_put_string(w, c->len > VALUE_SHOWN ? "...'" : "'");
}

void
tubei_pg_fault_text(pg_fault f, const pg_column *col, const tube_cell *c, char *out,
                    size_t room)
{
    const struct fault_words *w = &fault_words[f];
    char value[VALUE_SHOWN + 16];
    tubei_writer v = { .buf = value, .cap = sizeof(value), .fd = -1 };

    if (f != PG_FAULT_NULL)
        value_show(col, c, &v);
    (void)snprintf(out, room, "column '%s': %.*s%s%s%s%s", col->name, (int)v.len, value,
                   v.len > 0 ? " " : "", w->words, w->type ? " " : "",
                   w->type ? col->type : "");
}
