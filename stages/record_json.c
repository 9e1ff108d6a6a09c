/* SPDX-License-Identifier: MIT */
/* record_json.c -- a record from a JSON object. */
#include "json.h"
#include "record_parts.h"
#include "rfc3339.h"

#include <string.h>

enum { SHOWN = 48 };

static const char *
kind_name(tubei_json_kind kind)
{
    switch (kind) {
    case TUBEI_JSON_NULL: return "null";
    case TUBEI_JSON_BOOL: return "true or false";
    case TUBEI_JSON_INT:
    case TUBEI_JSON_REAL: return "a number";
    case TUBEI_JSON_STRING: return "a string";
    case TUBEI_JSON_OBJECT: return "an object";
    case TUBEI_JSON_ARRAY: return "an array";
    }
    return "?";
}

static tube_status
no_such(const tubei_json_value *v, const char *what, tube_error *err)
{
    char shown[SHOWN];

    return tube_fail(
        err, TUBE_EPARSE, "'%s' is no %s",
        tubei_record_show((tube_slice){ v->text, v->len }, shown, sizeof(shown)), what);
}

/* The characters of a string, in place if nothing is escaped. */
static tube_status
json_string(const tubei_json_value *v, tube_scratch *memory, tube_slice *out,
            tube_error *err)
{
    char *text;

    *out = (tube_slice){ v->text, v->len };
    if (!v->escaped)
        return TUBE_OK;
    text = tube_scratch_take(memory, v->len);
    if (text == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no room for %zu bytes of text", v->len);
    out->ptr = text;
    out->len = tubei_json_unescape(v, text);
    return out->len != SIZE_MAX
               ? TUBE_OK
               : tube_fail(err, TUBE_EPARSE, "a surrogate stands without its partner");
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "\x00ff", as tubei_put_json_cell() writes bytes. */
static tube_status
json_bytes(tube_slice text, tube_scratch *memory, tube_cell *c, tube_error *err)
{
    size_t n = text.len / 2 - (text.len >= 2);
    bool good = text.len >= 2 && text.len % 2 == 0 && memcmp(text.ptr, "\\x", 2) == 0;
    char *out = good ? tube_scratch_take(memory, n) : NULL;

    for (size_t i = 0; good && out != NULL && i < n; i++) {
        int high = hex_value(text.ptr[2 + 2 * i]);
        int low = hex_value(text.ptr[3 + 2 * i]);

        good = high >= 0 && low >= 0;
        out[i] = (char)(good ? high * 16 + low : 0);
    }
    if (!good)
        return tube_fail(err, TUBE_EPARSE,
                         "bytes are written as \"\\\\x\" and two digits each");
    if (out == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no room for %zu bytes", n);
    tube_set_text(c, out, n);
    return TUBE_OK;
}

static tube_status
json_from_string(const tube_column *column, const tubei_json_value *v, tube_slice text,
                 tube_scratch *memory, tube_cell *c, tube_error *err)
{
    switch (column->type) {
    case TUBE_TEXT: tube_set_text(c, text.ptr, text.len); return TUBE_OK;
    case TUBE_BYTES: return json_bytes(text, memory, c, err);
    case TUBE_TIME:
        c->set = 1;
        if (tubei_time_read(text.ptr, text.len, TUBEI_TIME_FULL, &c->integer))
            return TUBE_OK;
        return no_such(v, "time: 2024-01-31T12:00:00Z", err);
    case TUBE_BOOL:
    case TUBE_INT:
    case TUBE_FLOAT:
    case TUBE_JSON: break;
    }
    return tube_fail(err, TUBE_EPARSE, "%s, not %s", kind_name(v->kind),
                     tubei_record_type(column));
}

/* A number, or true or false. */
static tube_status
json_scalar(const tube_column *column, const tubei_json_value *v, tube_cell *c,
            tube_error *err)
{
    bool number = v->kind == TUBEI_JSON_INT || v->kind == TUBEI_JSON_REAL;

    tube_set_int(c, 0);
    if (column->type == TUBE_BOOL && v->kind == TUBEI_JSON_BOOL) {
        c->integer = *v->text == 't';
        return TUBE_OK;
    }
    if (column->type == TUBE_INT && number)
        return v->kind == TUBEI_JSON_INT && tubei_json_int(v, &c->integer)
                   ? TUBE_OK
                   : no_such(v, "int of 64 bits", err);
    if (column->type == TUBE_FLOAT && number)
        return tubei_json_real(v, &c->real) ? TUBE_OK
                                            : no_such(v, "float of 64 bits", err);
    return tube_fail(err, TUBE_EPARSE, "%s, not %s", kind_name(v->kind),
                     tubei_record_type(column));
}

static tube_status
json_value(tubei_record_run *r, uint32_t i, const tubei_json_value *v, tube_cell *c,
           tube_error *err)
{
    const tube_record_def *d = r->d;
    const tube_column *column = tubei_record_column(d, i);
    tube_slice text = tubei_json_raw(v);
    tube_status st = TUBE_OK;

    tube_set_null(c);
    if (column->type == TUBE_JSON && (d->member == NULL || !d->member[i].convert)) {
        tube_set_text(c, text.ptr, text.len);
        return TUBE_OK;
    }
    if (v->kind == TUBEI_JSON_STRING)
        st = json_string(v, r->memory, &text, err);
    if (st != TUBE_OK)
        return st;
    if (d->member != NULL && d->member[i].convert != NULL)
        return tubei_record_read(d, i, text, r->memory, c, err);
    return v->kind == TUBEI_JSON_STRING
               ? json_from_string(column, v, text, r->memory, c, err)
               : json_scalar(column, v, c, err);
}

/* One member of the object. */
static void
json_member(tubei_record_run *r, const tubei_json_value *name,
            const tubei_json_value *v)
{
    tube_error err = { 0 };
    tube_slice text;
    tube_status st = json_string(name, r->memory, &text, &err);
    tube_field f = st == TUBE_OK ? tubei_record_find(r->d, text) : -1;
    tube_cell c;

    if (st == TUBE_ENOMEM) {
        tubei_record_wrong(r->errors, NULL, "%s", err.message);
        r->status = TUBE_ENOMEM;
    } else if (f < 0) {
        tubei_record_unknown(r, (tube_slice){ name->text, name->len });
    } else if (v->kind != TUBEI_JSON_NULL && tubei_record_given(r, (uint32_t)f)) {
        st = json_value(r, (uint32_t)f, v, &c, &err);
        tubei_record_took(r, (uint32_t)f, st, &c, &err);
    }
}

/* The text is no object; nothing is said about fields. */
static tube_status
no_json(tubei_record_run *r, const tubei_json *j, const char *text)
{
    tubei_record_no_errors(r->errors);
    tubei_record_wrong(r->errors, NULL, "%s at byte %zu", j->error,
                       (size_t)(j->at - text) + 1);
    tube_record_defaults(r->d, r->record);
    return TUBE_EPARSE;
}

tube_status
tube_record_from_json(const tube_record_def *d, tube_slice json, tube_scratch *memory,
                      void *record, tube_record_errors *errors)
{
    tubei_record_run r = {
        .d = d, .memory = memory, .record = record, .errors = errors
    };
    char *text = tube_scratch_take(memory, json.len + TUBE_PAD);
    tubei_json_value name;
    tubei_json_value v;
    tubei_json j;
    bool first = true;
    int more;

    tubei_record_begin(&r);
    if (text == NULL) {
        tubei_record_wrong(errors, NULL, "no room for %zu bytes of text",
                           json.len + TUBE_PAD);
        return TUBE_ENOMEM;
    }
    if (json.len > 0)
        memcpy(text, json.ptr, json.len);
    memset(text + json.len, 0, TUBE_PAD);
    j = tubei_json_start(text, json.len);
    if (!tubei_json_enter(&j))
        return no_json(&r, &j, text);
    while ((more = tubei_json_member(&j, &first, &name, &v)) == 1)
        json_member(&r, &name, &v);
    if (more < 0 || !tubei_json_end(&j))
        return no_json(&r, &j, text);
    return tubei_record_finish(&r);
}
