/* SPDX-License-Identifier: MIT */
/* record_read.c -- values from texts, records from values and from pairs. */
#include "json.h"
#include "pg_text.h"
#include "record_parts.h"
#include "rfc3339.h"

#include <string.h>

enum { SHOWN = 48, NAMES = 128 };

static tube_status
no_such(tube_slice in, const char *what, tube_error *err)
{
    char shown[SHOWN];

    return tube_fail(err, TUBE_EPARSE, "'%s' is no %s",
                     tubei_record_show(in, shown, sizeof(shown)), what);
}

static tube_status
no_room(size_t bytes, tube_error *err)
{
    return tube_fail(err, TUBE_ENOMEM, "no room for %zu bytes of text", bytes);
}

static tube_status
read_json(tube_slice in, tube_scratch *memory, tube_cell *c, tube_error *err)
{
    char *copy = tube_scratch_take(memory, in.len + TUBE_PAD);
    tubei_json_value v;
    tubei_json j;

    if (copy == NULL)
        return no_room(in.len + TUBE_PAD, err);
    if (in.len > 0)
        memcpy(copy, in.ptr, in.len);
    memset(copy + in.len, 0, TUBE_PAD);
    j = tubei_json_start(copy, in.len);
    if (!tubei_json_next(&j, &v) || !tubei_json_end(&j))
        return tube_fail(err, TUBE_EPARSE, "%s at byte %zu", j.error,
                         (size_t)(j.at - copy) + 1);
    tube_set_text(c, copy, in.len);
    return TUBE_OK;
}

tube_status
tubei_record_read_as(tube_type type, tube_slice in, tube_scratch *memory, tube_cell *c,
                     tube_error *err)
{
    bool range = false;
    bool truth;

    c->set = 1;
    c->len = 0;
    switch (type) {
    case TUBE_TEXT:
    case TUBE_BYTES: tube_set_text(c, in.ptr, in.len); return TUBE_OK;
    case TUBE_JSON: return read_json(in, memory, c, err);
    case TUBE_BOOL:
        if (!tubei_pg_bool_read(in.ptr, in.len, &truth))
            return no_such(in, "bool: yes or no, true or false, on or off, 1 or 0",
                           err);
        c->integer = truth;
        return TUBE_OK;
    case TUBE_INT:
        if (tubei_pg_int_read(in.ptr, in.len, &c->integer, &range))
            return TUBE_OK;
        return no_such(in, range ? "int of 64 bits" : "int", err);
    case TUBE_FLOAT:
        if (tubei_pg_real_read(in.ptr, in.len, &c->real, &range))
            return TUBE_OK;
        return no_such(in, range ? "float of 64 bits" : "float", err);
    case TUBE_TIME:
        if (tubei_time_read(in.ptr, in.len, TUBEI_TIME_SHORT, &c->integer))
            return TUBE_OK;
        return no_such(in, "time: 2024-01-31T12:00:00Z", err);
    }
    return tube_fail(err, TUBE_EINVAL, "there is no type %d", (int)type);
}

tube_status
tubei_record_read(const tube_record_def *d, uint32_t i, tube_slice in,
                  tube_scratch *memory, tube_cell *c, tube_error *err)
{
    tube_scratch none = { NULL, 0 };

    if (memory == NULL)
        memory = &none;
    tube_set_null(c);
    if (in.len > UINT32_MAX)
        return tube_fail(err, TUBE_EPARSE, "it is over 4 GiB");
    if (d->member != NULL && d->member[i].convert != NULL) {
        c->set = 1;
        return d->member[i].convert(in, memory, c, err);
    }
    return tubei_record_read_as(tubei_record_column(d, i)->type, in, memory, c, err);
}

/* A record in the making. */

void
tubei_record_begin(tubei_record_run *r)
{
    memset(&r->seen, 0, sizeof(r->seen));
    memset(&r->bad, 0, sizeof(r->bad));
    r->status = TUBE_OK;
    tubei_record_no_errors(r->errors);
    tubei_record_clear(r->d, r->record);
}

static void
spoil(tubei_record_run *r, uint32_t i)
{
    tubei_record_mark(&r->bad, i);
    if (r->status == TUBE_OK)
        r->status = TUBE_EPARSE;
}

bool
tubei_record_given(tubei_record_run *r, uint32_t i)
{
    const char *name = tubei_record_column(r->d, i)->name;
    bool before = tubei_record_has(&r->seen, i);

    tubei_record_mark(&r->seen, i);
    if (!before)
        return true;
    if (!tubei_record_has(&r->bad, i))
        tubei_record_wrong(r->errors, name, "field '%s' is given twice", name);
    spoil(r, i);
    return false;
}

void
tubei_record_took(tubei_record_run *r, uint32_t i, tube_status st, const tube_cell *c,
                  const tube_error *err)
{
    const tube_record_def *d = r->d;
    const char *name = tubei_record_column(d, i)->name;
    bool secret = d->member != NULL && (d->member[i].flags & TUBE_MEMBER_SECRET) != 0;

    if (st >= 0) {
        tubei_record_put(d, r->record, i, c);
        return;
    }
    tubei_record_wrong(r->errors, name, "field '%s': %s", name,
                       secret && st != TUBE_ENOMEM ? "it cannot be read"
                       : err->message[0] == '\0'   ? "it is refused"
                                                   : err->message);
    spoil(r, i);
    if (st == TUBE_ENOMEM)
        r->status = TUBE_ENOMEM;
}

void
tubei_record_unknown(tubei_record_run *r, tube_slice name)
{
    const char *names[NAMES];
    char shown[64];
    const char *near;
    uint32_t n = 0;

    for (; n < r->d->record.n && n < NAMES; n++)
        names[n] = tubei_record_column(r->d, n)->name;
    (void)tubei_record_show(name, shown, sizeof(shown));
    near = tube_nearest(shown, names, n);
    tubei_record_wrong(r->errors, NULL, "there is no field '%s'%s%s%s", shown,
                       near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                       near != NULL ? "'?" : "");
    if (r->status == TUBE_OK)
        r->status = TUBE_EPARSE;
}

/* A field that was not given. */
static void
fill(tubei_record_run *r, uint32_t i)
{
    const char *name = tubei_record_column(r->d, i)->name;
    tube_cell c;

    if (tubei_record_default(r->d, i, &c)) {
        tubei_record_put(r->d, r->record, i, &c);
    } else if (!r->d->record.field[i].optional) {
        tubei_record_wrong(r->errors, name, "field '%s' is null and required", name);
        spoil(r, i);
    }
}

tube_status
tubei_record_finish(tubei_record_run *r)
{
    tube_status st;

    for (uint32_t i = 0; i < r->d->record.n; i++)
        if (!tubei_record_has(&r->seen, i))
            fill(r, i);
    st = tubei_record_look(r->d, r->record, &r->bad, r->errors);
    return r->status != TUBE_OK ? r->status : st;
}

tube_status
tube_record_from_pairs(const tube_record_def *d, const tube_pair *pairs, uint32_t n,
                       tube_scratch *memory, void *record, tube_record_errors *errors)
{
    tubei_record_run r = {
        .d = d, .memory = memory, .record = record, .errors = errors
    };

    tubei_record_begin(&r);
    for (uint32_t k = 0; k < n; k++) {
        tube_field f = tubei_record_find(d, pairs[k].name);
        tube_error err = { 0 };
        tube_status st;
        tube_cell c;

        if (f < 0) {
            tubei_record_unknown(&r, pairs[k].name);
            continue;
        }
        if (pairs[k].value.ptr == NULL || !tubei_record_given(&r, (uint32_t)f))
            continue;
        st = tubei_record_read(d, (uint32_t)f, pairs[k].value, memory, &c, &err);
        tubei_record_took(&r, (uint32_t)f, st, &c, &err);
    }
    return tubei_record_finish(&r);
}
