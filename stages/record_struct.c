/* SPDX-License-Identifier: MIT */
/* record_struct.c -- where a record has its values: in a struct, or in a row of cells. */
#include "hash.h"
#include "record_parts.h"

#include <inttypes.h>
#include <string.h>

#define EXACT INT64_C(9007199254740992) /* 2^53 */

char *
tube_scratch_take(tube_scratch *memory, size_t bytes)
{
    char *p;

    if (memory == NULL || memory->at == NULL || bytes > memory->left)
        return NULL;
    p = memory->at;
    memory->at += bytes;
    memory->left -= bytes;
    return p;
}

tube_record_def
tube_record_rows(const tube_record *r)
{
    return (tube_record_def){ .record = *r };
}

const char *
tubei_record_type(const tube_column *c)
{
    static const char *const name[] = {
        [TUBE_TEXT] = "text", [TUBE_BYTES] = "bytes", [TUBE_BOOL] = "bool",
        [TUBE_INT] = "int",   [TUBE_FLOAT] = "float", [TUBE_TIME] = "time",
        [TUBE_JSON] = "json",
    };

    return c->sql != NULL ? c->sql : name[c->type];
}

tube_field
tubei_record_find(const tube_record_def *d, tube_slice name)
{
    for (uint32_t i = 0; i < d->record.n; i++) {
        const char *has = tubei_record_column(d, i)->name;

        if (strlen(has) == name.len && memcmp(has, name.ptr, name.len) == 0)
            return (tube_field)i;
    }
    return -1;
}

bool
tubei_record_get(const tube_record_def *d, const void *record, uint32_t i, tube_cell *c)
{
    const tube_record_member *m = &d->member[i];
    const char *at = record;
    tube_slice text;

    if (d->member == NULL) {
        *c = ((const tube_cell *)record)[i];
        return true;
    }
    *c = (tube_cell){ .set = m->has == SIZE_MAX || *(const bool *)(at + m->has) };
    at += m->at;
    switch (tubei_record_column(d, i)->type) {
    case TUBE_BOOL: c->integer = *(const bool *)at; break;
    case TUBE_INT:
    case TUBE_TIME: memcpy(&c->integer, at, sizeof(c->integer)); break;
    case TUBE_FLOAT: memcpy(&c->real, at, sizeof(c->real)); break;
    case TUBE_TEXT:
    case TUBE_BYTES:
    case TUBE_JSON:
        memcpy(&text, at, sizeof(text));
        c->text = text.ptr;
        c->len = text.len > UINT32_MAX ? UINT32_MAX : (uint32_t)text.len;
        c->set = text.ptr != NULL;
        return text.ptr == NULL || text.len <= UINT32_MAX;
    }
    return true;
}

void
tubei_record_put(const tube_record_def *d, void *record, uint32_t i, const tube_cell *c)
{
    const tube_record_member *m = &d->member[i];
    char *at = record;
    tube_cell none = { .set = 0 };
    const tube_cell *v = c->set ? c : &none;
    tube_slice text = { NULL, 0 };

    if (d->member == NULL) {
        ((tube_cell *)record)[i] = *v;
        return;
    }
    if (m->has != SIZE_MAX)
        *(bool *)(at + m->has) = c->set != 0;
    at += m->at;
    switch (tubei_record_column(d, i)->type) {
    case TUBE_BOOL: *(bool *)at = v->integer != 0; break;
    case TUBE_INT:
    case TUBE_TIME: memcpy(at, &v->integer, sizeof(v->integer)); break;
    case TUBE_FLOAT: memcpy(at, &v->real, sizeof(v->real)); break;
    case TUBE_TEXT:
    case TUBE_BYTES:
    case TUBE_JSON:
        if (v->set)
            text = tube_text(v);
        memcpy(at, &text, sizeof(text));
        break;
    }
}

void
tubei_record_clear(const tube_record_def *d, void *record)
{
    static const tube_cell none = { .set = 0 };

    if (d->size > 0)
        memset(record, 0, d->size);
    for (uint32_t i = 0; i < d->record.n; i++)
        tubei_record_put(d, record, i, &none);
}

bool
tubei_record_defaulted(const tube_record_def *d, uint32_t i)
{
    return d->member != NULL && (d->member[i].make != NULL || d->member[i].def != NULL);
}

bool
tubei_record_default(const tube_record_def *d, uint32_t i, tube_cell *c)
{
    tube_type type = tubei_record_column(d, i)->type;
    tube_slice text;

    tube_set_null(c);
    if (!tubei_record_defaulted(d, i))
        return false;
    if (d->member[i].make != NULL) {
        d->member[i].make(c);
        return true;
    }
    text = tube_str(d->member[i].def);
    if (!tubei_record_is_text(type))
        return tubei_record_read_as(type, text, NULL, c, NULL) == TUBE_OK;
    tube_set_text(c, text.ptr, text.len);
    return true;
}

void
tube_record_defaults(const tube_record_def *d, void *record)
{
    tube_cell c;

    tubei_record_clear(d, record);
    for (uint32_t i = 0; i < d->record.n; i++)
        if (tubei_record_default(d, i, &c))
            tubei_record_put(d, record, i, &c);
}

/* Comparing. */

static int
compare_reals(double a, double b)
{
    bool a_is = a == a;
    bool b_is = b == b;

    if (!a_is || !b_is)
        return (int)b_is - (int)a_is;
    return (a > b) - (a < b);
}

static int
compare_cells(tube_type type, const tube_cell *a, const tube_cell *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    int order;

    if (!a->set || !b->set)
        return (int)b->set - (int)a->set;
    if (type == TUBE_FLOAT)
        return compare_reals(a->real, b->real);
    if (!tubei_record_is_text(type))
        return (a->integer > b->integer) - (a->integer < b->integer);
    order = n > 0 ? memcmp(a->text, b->text, n) : 0;
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static bool
is_apart(const tube_record_def *d, uint32_t i)
{
    return d->member != NULL && (d->member[i].flags & TUBE_MEMBER_APART) != 0;
}

int
tube_record_compare(const tube_record_def *d, const void *a, const void *b)
{
    int order = 0;
    tube_cell x;
    tube_cell y;

    for (uint32_t i = 0; i < d->record.n && order == 0; i++) {
        if (is_apart(d, i))
            continue;
        (void)tubei_record_get(d, a, i, &x);
        (void)tubei_record_get(d, b, i, &y);
        order = compare_cells(tubei_record_column(d, i)->type, &x, &y);
    }
    return order;
}

uint64_t
tube_record_hash(const tube_record_def *d, const void *record)
{
    uint64_t h = d->record.n;
    tube_cell c;

    for (uint32_t i = 0; i < d->record.n; i++) {
        if (is_apart(d, i))
            continue;
        (void)tubei_record_get(d, record, i, &c);
        h = tubei_hash_cell(&c, tubei_record_column(d, i)->type, h);
    }
    return h;
}

/* Rows of cells. */

enum slot_way { SLOT_TO, SLOT_FROM };

/* A whole number may become a float; nothing else changes its type. */
static bool
slot_fits(tube_type from, tube_type to)
{
    return from == to || (from == TUBE_INT && to == TUBE_FLOAT);
}

static tube_status
slots_find(const tube_record_def *d, const tube_schema *schema, enum slot_way way,
           tube_record_slot *slots, tube_error *err)
{
    tube_record_errors e = { .n = 0 };

    for (uint32_t i = 0; i < d->record.n; i++) {
        const tube_column *c = tubei_record_column(d, i);
        tube_field at = tube_schema_find(schema, c->name);
        tube_type type = at >= 0 ? tube_schema_column(schema, at)->type : c->type;
        const tube_column there = { .type = type };
        bool may_miss =
            way == SLOT_FROM
            && (d->record.field[i].optional || tubei_record_defaulted(d, i));

        slots[i] = (tube_record_slot){ at, type };
        if (at < 0 && !may_miss)
            tubei_record_wrong(&e, c->name, "there is no field '%s'", c->name);
        else if (way == SLOT_TO ? !slot_fits(c->type, type) : !slot_fits(type, c->type))
            tubei_record_wrong(&e, c->name, "field '%s' is %s there, not %s", c->name,
                               tubei_record_type(&there), tubei_record_type(c));
    }
    if (tube_record_fail(d, &e, err) == TUBE_OK)
        return TUBE_OK;
    if (err != NULL)
        err->status = TUBE_ECONFIG;
    return TUBE_ECONFIG;
}

tube_status
tube_record_slots_to(const tube_record_def *d, const tube_schema *schema,
                     tube_record_slot *slots, tube_error *err)
{
    return slots_find(d, schema, SLOT_TO, slots, err);
}

tube_status
tube_record_slots_from(const tube_record_def *d, const tube_schema *schema,
                       tube_record_slot *slots, tube_error *err)
{
    return slots_find(d, schema, SLOT_FROM, slots, err);
}

bool
tubei_record_widen(tube_cell *c, tube_type from, tube_type to, tube_error *err)
{
    int64_t v = c->integer;

    if (from == to || !c->set)
        return true;
    c->real = (double)v;
    if (v >= -EXACT && v <= EXACT)
        return true;
    (void)tube_fail(err, TUBE_EPARSE, "%" PRId64 " is too large to be exact", v);
    return false;
}

tube_status
tube_record_cells(const tube_record_def *d, const void *record,
                  const tube_record_slot *slots, tube_cell *row)
{
    tube_cell c;

    for (uint32_t i = 0; i < d->record.n; i++) {
        tube_type type = tubei_record_column(d, i)->type;
        tube_field at = slots != NULL ? slots[i].column : (tube_field)i;

        if (!tubei_record_get(d, record, i, &c)
            || (slots != NULL && !tubei_record_widen(&c, type, slots[i].type, NULL)))
            return TUBE_EINVAL;
        if (at >= 0)
            row[at] = c;
    }
    return TUBE_OK;
}

tube_status
tube_record_from_cells(const tube_record_def *d, const tube_cell *row,
                       const tube_record_slot *slots, void *record,
                       tube_record_errors *errors)
{
    tubei_record_run r = { .d = d, .record = record, .errors = errors };

    tubei_record_begin(&r);
    for (uint32_t i = 0; i < d->record.n; i++) {
        const tube_column *column = tubei_record_column(d, i);
        tube_field at = slots != NULL ? slots[i].column : (tube_field)i;
        tube_cell c = { .set = 0 };
        tube_error err = { 0 };
        bool fits;

        if (at >= 0)
            c = row[at];
        if (!c.set)
            continue;
        fits =
            slots == NULL || tubei_record_widen(&c, slots[i].type, column->type, &err);
        (void)tubei_record_given(&r, i);
        tubei_record_took(&r, i, fits ? TUBE_OK : err.status, &c, &err);
    }
    return tubei_record_finish(&r);
}
