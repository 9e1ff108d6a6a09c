/* SPDX-License-Identifier: MIT */
/* amp_list.c -- ListOf and AmpList: JSON arrays in a cell.
 *
 * Elements of a list are behind their u16 length each; an AmpList is boxes one behind the
 * other.  A list that ends in the middle of an element is refused.
 */
#include "amp_arg.h"
#include "json.h"
#include "rfc3339.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROWS = 6, /* a byte is at most six in JSON */
    SPARE = 64,
    LENGTH = 2,
};

/* To JSON. */

/* One value as JSON. */
static tube_status
put_value(tubei_writer *w, amp_type type, tube_slice value, char why[AMP_WHY])
{
    const amp_arg one = { .type = type };
    tube_cell cell = { 0 };
    tube_status st = tubei_amp_read(&one, value, NULL, &cell, why);

    if (st != TUBE_OK)
        return st;
    if (type == AMP_FLOAT && !(cell.real - cell.real == 0)) { /* nan, inf */
        char text[AMP_NUMBER];
        size_t n = tubei_amp_float_write(cell.real, text);

        tubei_put_char(w, '"');
        tubei_put(w, text, n);
        tubei_put_char(w, '"');
    } else {
        tubei_put_json_cell(w, tubei_amp_cell_type(type), &cell);
    }
    return TUBE_OK;
}

static tube_status
put_elements(tubei_writer *w, const amp_arg *arg, tube_slice value, char why[AMP_WHY])
{
    tube_status st = TUBE_OK;
    size_t at = 0;

    while (st == TUBE_OK && at < value.len) {
        size_t left = value.len - at;
        size_t len = left < LENGTH ? left : tubei_amp_u16(value.ptr + at);

        if (left < LENGTH || len > left - LENGTH) {
            (void)snprintf(why, AMP_WHY, "ends in the middle of an element");
            return TUBE_EPARSE;
        }
        if (at > 0)
            tubei_put_char(w, ',');
        st = put_value(w, arg->element, (tube_slice){ value.ptr + at + LENGTH, len },
                       why);
        at += LENGTH + len;
    }
    return st;
}

static tube_status
put_box(tubei_writer *w, const tube_record *r, const amp_box *box, char why[AMP_WHY])
{
    bool first = true;

    tubei_put_char(w, '{');
    for (uint32_t i = 0; i < r->n; i++) {
        const tube_column *c = &r->field[i].column;
        tube_slice v = tubei_amp_value(box, c->name);
        tube_status st;

        if (v.ptr == NULL && !r->field[i].optional) {
            (void)snprintf(why, AMP_WHY, "has no '%.63s' in one of its boxes", c->name);
            return TUBE_EPARSE;
        }
        if (v.ptr == NULL)
            continue;
        if (!first)
            tubei_put_char(w, ',');
        first = false;
        tubei_put_json_string(w, tubei_amp_str(c->name));
        tubei_put_char(w, ':');
        st = put_value(w, tubei_amp_type_of(c->type), v, why);
        if (st != TUBE_OK)
            return st;
    }
    tubei_put_char(w, '}');
    return TUBE_OK;
}

static tube_status
put_boxes(tubei_writer *w, const amp_arg *arg, tube_slice value, char why[AMP_WHY])
{
    tube_status st = TUBE_OK;
    tube_error err;
    bool first = true;
    amp_box box;

    while (st == TUBE_OK && value.len > 0) {
        amp_scan scan = { 0 };

        if (tubei_amp_scan(&scan, value, value.len, &box, &err) != AMP_BOX) {
            (void)snprintf(why, AMP_WHY, "ends in the middle of a box");
            return TUBE_EPARSE;
        }
        if (!first)
            tubei_put_char(w, ',');
        first = false;
        st = put_box(w, arg->record, &box, why);
        value.ptr += box.len + LENGTH;
        value.len -= box.len + LENGTH;
    }
    return st;
}

tube_status
tubei_amp_list_read(const amp_arg *arg, tube_slice value, tube_batch *b,
                    tube_cell *cell, char why[AMP_WHY])
{
    tubei_writer w = { .fd = -1, .cap = GROWS * value.len + SPARE };
    tube_status st;
    char *copy;

    w.buf = malloc(w.cap);
    if (w.buf == NULL)
        return TUBE_ENOMEM;
    tubei_put_char(&w, '[');
    st = arg->type == AMP_LIST ? put_elements(&w, arg, value, why)
                               : put_boxes(&w, arg, value, why);
    tubei_put_char(&w, ']');
    if (st == TUBE_OK && w.error != 0)
        st = TUBE_ENOMEM;
    copy = st == TUBE_OK ? tube_batch_alloc(b, w.len) : NULL;
    if (copy != NULL) {
        memcpy(copy, w.buf, w.len);
        tube_set_text(cell, copy, w.len);
    } else if (st == TUBE_OK) {
        st = TUBE_ENOMEM;
    }
    free(w.buf);
    return st;
}

/* From JSON. */

static tube_status
refuse(char why[AMP_WHY], const tubei_json_value *v, const char *what)
{
    tube_slice raw = tubei_json_raw(v);

    (void)snprintf(why, AMP_WHY, "holds %.*s, which %s",
                   (int)(raw.len < 40 ? raw.len : 40), raw.ptr, what);
    return TUBE_EPARSE;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* "\x616d70", as bytes are written in JSON, to bytes in place; any other text is itself. */
static size_t
hex_bytes(char *text, size_t n)
{
    if (n < 2 || n % 2 != 0 || text[0] != '\\' || text[1] != 'x')
        return n;
    for (size_t i = 2; i < n; i++)
        if (hex_digit(text[i]) < 0)
            return n;
    for (size_t i = 2; i < n; i += 2)
        text[i / 2 - 1] = (char)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
    return n / 2 - 1;
}

/* A JSON string's characters behind what is in `out`; SIZE_MAX: none. */
static size_t
add_string(const tubei_json_value *v, amp_out *out)
{
    char *to;

    if (!tubei_amp_room(out, v->len + TUBE_PAD))
        return SIZE_MAX;
    to = out->data + out->len;
    if (v->escaped)
        return tubei_json_unescape(v, to);
    memcpy(to, v->text, v->len);
    return v->len;
}

static tube_status
add_text(amp_type type, const tubei_json_value *v, amp_out *out, char why[AMP_WHY])
{
    const amp_arg one = { .type = type };
    tube_cell cell = { 0 };
    tube_slice text;
    tube_status st;
    bool made;
    size_t n = add_string(v, out);

    if (n == SIZE_MAX)
        return refuse(why, v, "is no text");
    if (type == AMP_BYTES)
        n = hex_bytes(out->data + out->len, n);
    tube_set_text(&cell, out->data + out->len, n);
    st = tubei_amp_write(&one, &cell, out, &text, &made, why);
    out->len += n;
    return st;
}

static bool
number_cell(amp_type type, const tubei_json_value *v, tube_cell *cell)
{
    int64_t n = 0;
    double real = 0;
    bool good;

    switch (type) {
    case AMP_BOOL:
        tube_set_int(cell, v->text[0] == 't');
        return v->kind == TUBEI_JSON_BOOL;
    case AMP_INT: good = v->kind == TUBEI_JSON_INT && tubei_json_int(v, &n); break;
    case AMP_TIME:
        good = v->kind == TUBEI_JSON_STRING
               && tubei_time_read(v->text, v->len, TUBEI_TIME_FULL, &n);
        break;
    case AMP_FLOAT:
        if (v->kind == TUBEI_JSON_STRING)
            good = tubei_amp_float_read((tube_slice){ v->text, v->len }, &real);
        else
            good = (v->kind == TUBEI_JSON_INT || v->kind == TUBEI_JSON_REAL)
                   && tubei_json_real(v, &real);
        tube_set_real(cell, real);
        return good;
    default: good = false;
    }
    tube_set_int(cell, n);
    return good;
}

/* Append one value to `out`. */
static tube_status
add_value(amp_type type, const tubei_json_value *v, amp_out *out, char why[AMP_WHY])
{
    const amp_arg one = { .type = type };
    tube_slice raw = tubei_json_raw(v);
    tube_cell cell = { 0 };
    bool made;

    if (type == AMP_JSON
        || (type == AMP_DECIMAL
            && (v->kind == TUBEI_JSON_INT || v->kind == TUBEI_JSON_REAL))) {
        if (!tubei_amp_room(out, raw.len))
            return TUBE_ENOMEM;
        memcpy(out->data + out->len, raw.ptr, raw.len);
        out->len += raw.len;
        return TUBE_OK;
    }
    if (type == AMP_TEXT || type == AMP_BYTES || type == AMP_DECIMAL)
        return v->kind == TUBEI_JSON_STRING ? add_text(type, v, out, why)
                                            : refuse(why, v, "is no string");
    if (!number_cell(type, v, &cell))
        return refuse(why, v, "is not of the list's type");
    return tubei_amp_write(&one, &cell, out, &raw, &made, why);
}

static tube_status
add_element(const amp_arg *arg, const tubei_json_value *v, amp_out *out,
            char why[AMP_WHY])
{
    size_t before = out->len;
    tube_status st;

    if (!tubei_amp_room(out, LENGTH))
        return TUBE_ENOMEM;
    out->len += LENGTH;
    st = add_value(arg->element, v, out, why);
    if (st != TUBE_OK)
        return st;
    if (out->len - before - LENGTH > AMP_VALUE_MOST) {
        (void)snprintf(why, AMP_WHY,
                       "has an element of %zu bytes, and AMP carries at most 65,535",
                       out->len - before - LENGTH);
        return TUBE_EPARSE;
    }
    tubei_amp_set_u16(out->data + before, out->len - before - LENGTH);
    return TUBE_OK;
}

/* Values of one box while it is put together. */
struct members {
    amp_pair *pair;
    bool *there;
    uint32_t n;
    amp_out values; /* pair[i].value.ptr is made of lengths when all are there */
};

static tube_status
add_member(struct members *m, const tube_record *r, const tubei_json_value *name,
           const tubei_json_value *v, char why[AMP_WHY])
{
    size_t before = m->values.len;
    tube_status st;

    for (uint32_t i = 0; i < r->n; i++) {
        const tube_column *c = &r->field[i].column;

        if (strlen(c->name) != name->len || memcmp(c->name, name->text, name->len) != 0
            || m->there[i])
            continue;
        m->there[i] = true;
        if (v->kind == TUBEI_JSON_NULL) {
            m->there[i] = r->field[i].optional;
            return TUBE_OK;
        }
        st = add_value(tubei_amp_type_of(c->type), v, &m->values, why);
        m->pair[m->n++] =
            (amp_pair){ tubei_amp_str(c->name), { NULL, m->values.len - before } };
        return st;
    }
    return refuse(why, name, "is no field of the record, or is there twice");
}

static tube_status
add_members(struct members *m, const amp_arg *arg, const tubei_json_value *v,
            amp_out *out, char why[AMP_WHY])
{
    tubei_json j = tubei_json_start(v->text, v->len);
    const tube_record *r = arg->record;
    const char *at;
    bool first = true;
    tubei_json_value name, value;
    tube_status st = TUBE_OK;
    tube_error err;

    (void)tubei_json_enter(&j);
    while (st == TUBE_OK && tubei_json_member(&j, &first, &name, &value) == 1)
        st = add_member(m, r, &name, &value, why);
    for (uint32_t i = 0; st == TUBE_OK && i < r->n; i++)
        if (!m->there[i] && !r->field[i].optional)
            st = refuse(why, v, "lacks a field that is required");
    if (st != TUBE_OK)
        return st;
    at = m->values.data;
    for (uint32_t i = 0; i < m->n; i++) {
        m->pair[i].value.ptr = at;
        at = at != NULL ? at + m->pair[i].value.len : NULL;
    }
    st = tubei_amp_put(out, m->pair, m->n, &err);
    if (st == TUBE_EINVAL) {
        (void)snprintf(why, AMP_WHY, "%.*s", AMP_WHY - 1, err.message);
        st = TUBE_EPARSE;
    }
    return st;
}

static tube_status
add_box(const amp_arg *arg, const tubei_json_value *v, amp_out *out, char why[AMP_WHY])
{
    struct members m = { 0 };
    tube_status st = TUBE_ENOMEM;

    if (v->kind != TUBEI_JSON_OBJECT)
        return refuse(why, v, "is no object");
    m.pair = calloc(arg->record->n + 1, sizeof(*m.pair));
    m.there = calloc(arg->record->n + 1, sizeof(*m.there));
    if (m.pair != NULL && m.there != NULL)
        st = add_members(&m, arg, v, out, why);
    free(m.pair);
    free(m.there);
    tubei_amp_out_fini(&m.values);
    return st;
}

static void
skip_blanks(tubei_json *j)
{
    while (j->at < j->end && memchr(" \t\r\n", *j->at, 4) != NULL)
        j->at++;
}

tube_status
tubei_amp_list_write(const amp_arg *arg, const tube_cell *cell, amp_out *scratch,
                     char why[AMP_WHY])
{
    tubei_json whole = tubei_json_start(cell->text, cell->len);
    tubei_json j = whole;
    tubei_json_value v;
    tube_status st = TUBE_OK;

    if (!tubei_json_next(&whole, &v) || v.kind != TUBEI_JSON_ARRAY
        || !tubei_json_end(&whole)) {
        (void)snprintf(why, AMP_WHY, "is no JSON array");
        return TUBE_EPARSE;
    }
    /* It is well formed: only brackets and commas are left to step over. */
    skip_blanks(&j);
    j.at++;
    for (skip_blanks(&j); st == TUBE_OK && *j.at != ']'; skip_blanks(&j)) {
        if (*j.at == ',')
            j.at++;
        if (!tubei_json_next(&j, &v))
            return TUBE_EPARSE;
        st = arg->type == AMP_LIST ? add_element(arg, &v, scratch, why)
                                   : add_box(arg, &v, scratch, why);
    }
    return st;
}
