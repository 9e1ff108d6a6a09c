/* SPDX-License-Identifier: MIT */
/* record_copy.c -- records as rows of a binary COPY, by the encoder of `postgres`. */
#include "pg_convert.h"
#include "pg_copy.h"
#include "record_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tube_record_copy {
    const tube_record_def *d;
    pg_table table;
    pg_copy plan;
    tube_cell *row;
    pg_chunk memory; /* texts, padded, and what they were converted to */
    pg_chunk out;
};

/* Numbers of the types of columns that tube_record_ddl() makes. */
static uint32_t
oid_of(const tube_column *c)
{
    static const struct {
        const char *sql;
        uint32_t oid;
    } own[] = {
        { "inet", 869 }, { "cidr", PG_OID_CIDR }, { "uuid", 2950 }, { "date", 1082 }
    };
    static const uint32_t plain[] = {
        [TUBE_TEXT] = 25,           [TUBE_BYTES] = 17,
        [TUBE_BOOL] = 16,           [TUBE_INT] = 20,
        [TUBE_FLOAT] = 701,         [TUBE_TIME] = 1184,
        [TUBE_JSON] = PG_OID_JSONB,
    };

    for (size_t i = 0; c->sql != NULL && i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i].sql, c->sql) == 0)
            return own[i].oid;
    return plain[c->type];
}

static tube_status
plan_column(const tube_record_def *d, uint32_t i, pg_column *col, tube_error *err)
{
    const tube_column *field = tubei_record_column(d, i);
    const char *type = field->sql != NULL ? field->sql : tubei_pg_type_for(field->type);
    pg_catalog_type there = {
        .oid = oid_of(field), .modifier = -1, .kind = 'b', .name = type, .whole = type
    };

    (void)snprintf(col->name, sizeof(col->name), "%s", field->name);
    col->field = (tube_field)i;
    col->not_null = !d->record.field[i].optional;
    return tubei_pg_type_choose(&there, field->type, field->name, col, err);
}

tube_record_copy *
tube_record_copy_new(const tube_record_def *d, tube_error *err)
{
    tube_record_copy *c = calloc(1, sizeof(*c));
    tube_status st = TUBE_OK;

    if (c != NULL) {
        c->d = d;
        c->table.n = d->record.n;
        c->table.column = calloc(d->record.n, sizeof(*c->table.column));
        c->row = calloc(d->record.n, sizeof(*c->row));
    }
    if (c == NULL || c->table.column == NULL || c->row == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        tube_record_copy_free(c);
        return NULL;
    }
    for (uint32_t i = 0; i < d->record.n && st == TUBE_OK; i++)
        st = plan_column(d, i, &c->table.column[i], err);
    if (st == TUBE_OK)
        st = tubei_pg_copy_plan(&c->plan, &c->table, NULL, err);
    if (st == TUBE_OK)
        return c;
    tube_record_copy_free(c);
    return NULL;
}

void
tube_record_copy_free(tube_record_copy *c)
{
    if (c == NULL)
        return;
    tubei_pg_copy_free(&c->plan);
    free(c->table.column);
    free(c->row);
    free(c->memory.data);
    free(c->out.data);
    free(c);
}

void
tube_record_copy_head(char out[TUBE_COPY_HEAD])
{
    pg_chunk c = { .data = out, .room = TUBE_COPY_HEAD };

    tubei_pg_chunk_head(&c);
}

void
tube_record_copy_tail(char out[TUBE_COPY_TAIL])
{
    pg_chunk c = { .data = out, .room = TUBE_COPY_TAIL };

    tubei_pg_chunk_tail(&c);
}

/* What the server checks of a value that is sent as it is. */
static pg_fault
plain_fault(const pg_column *col, const tube_cell *cell)
{
    if (cell->len > (1 << 30) - 64)
        return PG_FAULT_SIZE;
    return col->text ? tubei_pg_check_text(cell->text, cell->len) : PG_FAULT_NONE;
}

/* A cell in its wire form, with padding behind its text. */
static void
convert(tube_record_copy *c, uint32_t i, char **mem, tube_record_errors *e)
{
    const pg_column *col = &c->table.column[i];
    tube_cell *cell = &c->row[i];
    tube_cell before = *cell;
    pg_fault f = PG_FAULT_NONE;
    char line[320];

    if (cell->set && tubei_record_is_text(col->from)) {
        if (cell->len > 0)
            memcpy(*mem, cell->text, cell->len);
        memset(*mem + cell->len, 0, TUBE_PAD);
        cell->text = *mem;
        *mem += cell->len + TUBE_PAD;
        f = plain_fault(col, cell);
    }
    if (f == PG_FAULT_NONE && cell->set && col->convert != NULL)
        f = col->convert(col, cell, mem);
    *mem += TUBE_PAD;
    if (!cell->set && col->not_null)
        f = PG_FAULT_NULL;
    if (f == PG_FAULT_NONE)
        return;
    tubei_pg_fault_text(f, col, &before, line, sizeof(line));
    tubei_record_wrong(e, col->name, "%.190s", line);
}

tube_status
tube_record_copy_row(tube_record_copy *c, const void *record, tube_slice *bytes,
                     tube_record_errors *errors)
{
    tube_record_errors local;
    tube_record_errors *e = errors != NULL ? errors : &local;
    size_t room = TUBE_PAD;
    char *mem;

    e->n = 0;
    *bytes = (tube_slice){ NULL, 0 };
    for (uint32_t i = 0; i < c->plan.n; i++) {
        const pg_column *col = &c->table.column[i];
        tube_cell *cell = &c->row[i];

        if (!tubei_record_get(c->d, record, i, cell))
            tubei_record_wrong(e, col->name, "field '%s' is over 4 GiB", col->name);
        room += 2 * TUBE_PAD + col->room;
        if (cell->set && tubei_record_is_text(col->from))
            room += cell->len * (size_t)(1 + col->room_each);
    }
    c->memory.len = 0;
    c->out.len = 0;
    if (e->n > 0)
        return TUBE_EPARSE;
    if (!tubei_pg_chunk_room(&c->memory, room))
        return TUBE_ENOMEM;
    mem = c->memory.data;
    for (uint32_t i = 0; i < c->plan.n; i++)
        convert(c, i, &mem, e);
    if (e->n > 0)
        return TUBE_EPARSE;
    if (!tubei_pg_chunk_room(&c->out, tubei_pg_copy_room(&c->plan, c->row))
        || !tubei_pg_chunk_row(&c->out, &c->plan, c->row))
        return TUBE_ENOMEM;
    *bytes = (tube_slice){ c->out.data, c->out.len };
    return TUBE_OK;
}
