/* SPDX-License-Identifier: MIT */
/* pg_prepare.c -- tubei_pg_copy_prepare(): a batch's cells to their wire form.
 *
 * What is found wrong here does not cost a transaction.  What only the server can know
 * is left to it.
 */
#include "pg_copy.h"
#include "writer.h"

#include <stdint.h>
#include <string.h>

enum {
    /* A value has at most 1 GiB, the version of jsonb and the message's own head. */
    VALUE_MOST = (1 << 30) - 64,
    /* Texts shorter than this together cannot make a value that is too long. */
    LENGTHS_SAFE = 1 << 24,
};

static void
refuse(tube_stage *s, tube_batch *b, uint32_t row, pg_fault f, const pg_column *col,
       const tube_cell *before)
{
    char reason[320];

    tubei_pg_fault_text(f, col, before, reason, sizeof(reason));
    tube_reject_sql(s, b, row, tubei_pg_fault_state(f), reason);
}

static bool
out_of_memory(tube_error *err)
{
    (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
    return false;
}

/* Memory that the new forms of a column's values need, for all rows at once. */
static bool
column_memory(const pg_column *col, tube_batch *b, char **mem, tube_error *err)
{
    size_t bytes = 0;

    *mem = NULL;
    if (col->room == 0)
        return true;
    TUBE_EACH(b, r) {
        const tube_cell *c = tube_row(b, r) + col->field;

        if (c->set)
            bytes += col->room + (size_t)col->room_each * c->len;
    }
    if (bytes == 0)
        return true;
    *mem = tube_batch_alloc(b, bytes);
    return *mem != NULL || out_of_memory(err);
}

static bool
column_convert(const pg_column *col, tube_stage *s, tube_batch *b, tube_error *err)
{
    char *mem;

    if (!column_memory(col, b, &mem, err))
        return false;
    TUBE_EACH(b, r) {
        tube_cell *c = tube_row(b, r) + col->field;
        tube_cell before = *c;
        pg_fault f;

        if (!c->set)
            continue;
        f = col->convert(col, c, &mem);
        if (__builtin_expect(f != PG_FAULT_NONE, 0))
            refuse(s, b, r, f, col, &before);
    }
    return true;
}

static void
column_not_null(const pg_column *col, tube_stage *s, tube_batch *b)
{
    TUBE_EACH(b, r) {
        const tube_cell *c = tube_row(b, r) + col->field;

        if (!c->set)
            refuse(s, b, r, PG_FAULT_NULL, col, c);
    }
}

/* Bytes that the object of a row's other fields has at most, and whether its texts are
 * such that it can be stored. */
static size_t
rest_room(const pg_copy *p, const tube_cell *row, pg_fault *f)
{
    const pg_table *t = p->table;
    size_t room = 2;

    for (uint32_t i = 0; i < t->n_rest; i++) {
        const tube_cell *c = &row[t->rest[i]];
        const tube_column *field = tube_schema_column(p->fields, t->rest[i]);
        bool text = field->type == TUBE_TEXT || field->type == TUBE_JSON;

        if (!c->set)
            continue;
        room += 6 * strlen(field->name) + 6 + 48;
        if (text || field->type == TUBE_BYTES)
            room += 6 * (size_t)c->len;
        if (text && *f == PG_FAULT_NONE)
            *f = tubei_pg_check_text(c->text, c->len);
    }
    return room;
}

/* One object of all fields without a column, in the cell of the first of them. */
static bool
rest_row(const pg_copy *p, tube_stage *s, tube_batch *b, uint32_t r, tube_error *err)
{
    const pg_table *t = p->table;
    const pg_column *col = &t->column[t->n - 1];
    tube_cell *row = tube_row(b, r);
    pg_fault f = PG_FAULT_NONE;
    tubei_writer w = { .cap = rest_room(p, row, &f), .fd = -1 };
    char between = '{';

    w.buf = tube_batch_alloc(b, w.cap);
    if (w.buf == NULL)
        return out_of_memory(err);
    for (uint32_t i = 0; i < t->n_rest; i++) {
        const tube_cell *c = &row[t->rest[i]];
        const tube_column *field = tube_schema_column(p->fields, t->rest[i]);

        if (!c->set)
            continue;
        tubei_put_char(&w, between);
        between = ',';
        tubei_put_json_string(&w, (tube_slice){ field->name, strlen(field->name) });
        tubei_put_char(&w, ':');
        tubei_put_json_cell(&w, field->type, c);
    }
    if (between == '{')
        tubei_put_char(&w, '{');
    tubei_put_char(&w, '}');
    tube_set_text(&row[col->field], w.buf, w.len);
    if (f != PG_FAULT_NONE || w.error != 0)
        refuse(s, b, r, f != PG_FAULT_NONE ? f : PG_FAULT_SIZE, col, &row[col->field]);
    return true;
}

/* Text that is sent as it is.  Where the line has been seen to be plain, so is what
 * points into it. */
static void
texts_check(const pg_copy *p, tube_stage *s, tube_batch *b, uint32_t r, bool plain)
{
    const tube_cell *row = tube_row(b, r);

    for (uint32_t i = 0; i < p->n; i++) {
        const pg_column *col = &p->table->column[i];
        const tube_cell *c = &row[col->field];
        pg_fault f = PG_FAULT_NONE;

        if (!c->set || (col->wire != PG_WIRE_BYTES && col->wire != PG_WIRE_JSONB))
            continue;
        if (c->len > VALUE_MOST)
            f = PG_FAULT_SIZE;
        else if (col->text
                 && !(plain
                      && (uintptr_t)c->text - (uintptr_t)b->raw[r].text
                             <= b->raw[r].len))
            f = tubei_pg_check_text(c->text, c->len);
        if (f == PG_FAULT_NONE)
            continue;
        refuse(s, b, r, f, col, c);
        return;
    }
}

/* True if one look shows that all texts of a row are short and lie in its line. */
static inline bool
row_is_plain(const pg_copy *p, const tube_batch *b, uint32_t r)
{
    const tube_cell *row = tube_row(b, r);
    uintptr_t line = (uintptr_t)b->raw[r].text;
    size_t len = b->raw[r].len;
    uint32_t outside = 0;
    uint32_t lengths = 0;

    for (uint32_t i = 0; i < p->n_texts; i++) {
        const tube_cell *c = &row[p->texts[i]];

        outside |= c->set & (uint32_t)((uintptr_t)c->text - line > len);
        lengths |= c->len;
    }
    return outside == 0 && lengths < LENGTHS_SAFE;
}

tube_status
tubei_pg_copy_prepare(const pg_copy *p, tube_stage *s, tube_batch *b, tube_error *err)
{
    const pg_table *t = p->table;
    bool plain = (b->flags & TUBE_PLAIN) != 0 && b->raw != NULL;

    if (t->n_rest > 0)
        TUBE_EACH(b, r)
            if (!rest_row(p, s, b, r, err))
                return TUBE_ENOMEM;
    for (uint32_t i = 0; i < t->n; i++) {
        const pg_column *col = &t->column[i];

        if (col->not_null)
            column_not_null(col, s, b);
        if (col->convert != NULL && !column_convert(col, s, b, err))
            return TUBE_ENOMEM;
    }
    TUBE_EACH(b, r)
        if (!plain || !row_is_plain(p, b, r))
            texts_check(p, s, b, r, plain);
    return TUBE_OK;
}
