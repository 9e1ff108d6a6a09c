/* SPDX-License-Identifier: MIT */
/* parse_json.c -- lines of JSON, one object each, to typed records.
 *
 * in      lines
 * out     a column for each field of `types`, or of the objects in the first lines
 * source  RFC 8259; what it leaves open is decided in json.h
 *
 * A field that an object lacks, or that is null in it, is NULL.  Of fields that have
 * the same name the last one counts.  What does not fit its column, and half of an
 * escaped surrogate pair, rejects the row.
 */
#include "json.h"
#include "json_schema.h"
#include "rfc3339.h"

#include <tubes/stage.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN_REJECT, UNKNOWN_IGNORE };

struct parse_json {
    tube_list types;  /* option; empty: infer */
    int64_t sample;   /* option: rows */
    const char *rest; /* option: "" for none */
    int64_t unknown;  /* option */
    tubei_json_columns columns;
    uint32_t width; /* columns, `rest` included */
};

#define AT(member) offsetof(struct parse_json, member)
static const tube_option options[] = {
    { "types", TUBE_OPT_LIST, AT(types), "", "name:type",
      "fields and their types: text, int, float, bool, time, json; without it they are "
      "inferred from a sample",
      0 },
    { "sample", TUBE_OPT_INT, AT(sample), "1000", "1.. rows",
      "rows the types are inferred from, within the first 64 KiB", 0 },
    { "rest", TUBE_OPT_TEXT, AT(rest), "", "column",
      "column that collects all other fields as one JSON object", 0 },
    { "unknown", TUBE_OPT_ENUM, AT(unknown), "reject", "reject|ignore",
      "what to do with a row that has other fields, where there is no rest=", 0 },
    { 0 },
};

static const char *const examples[] = {
    "gen json 1000 | parse json | where status >= 500 | print",
    "gen json 1000 | parse json types=[time:time, status:int, path:text] rest=more | "
    "head 3 | print",
    NULL,
};

static tube_status
infer_columns(tube_stage *s, struct parse_json *p, tube_error *err)
{
    tubei_json_sample from = { .text = tube_sample(s),
                               .rows = p->sample,
                               .except = p->rest,
                               .any_name =
                                   *p->rest != '\0' || p->unknown == UNKNOWN_IGNORE };
    tube_status st = tubei_json_columns_infer(&p->columns, &from, err);
    bool none = st == TUBE_OK && p->columns.n == 0;

    if (none && from.text.len == 0)
        st =
            tube_fail(err, TUBE_ECONFIG, "the input gives nothing to infer types from");
    else if (none && *p->rest == '\0')
        st = tube_fail(err, TUBE_ECONFIG,
                       "no line in the beginning of the input is a JSON object with "
                       "fields");
    if (st == TUBE_ECONFIG && (err == NULL || *err->hint == '\0'))
        tube_hint(err, "say which fields there are: types=[name:type, ...]");
    return st;
}

static tube_status
set_schema(tube_stage *s, struct parse_json *p, tube_error *err)
{
    tube_column *column = calloc((size_t)p->columns.n + 1, sizeof(*column));
    tube_status st;

    if (column == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for the fields");
    for (uint32_t i = 0; i < p->columns.n; i++)
        column[i] = (tube_column){ .name = p->columns.column[i].name,
                                   .type = p->columns.column[i].type };
    p->width = p->columns.n;
    if (*p->rest != '\0')
        column[p->width++] = (tube_column){ .name = p->rest, .type = TUBE_JSON };
    st = tube_set_schema(s, column, p->width, err);
    free(column);
    return st;
}

static tube_status
json_open(tube_stage *s, tube_error *err)
{
    struct parse_json *p = tube_state(s);
    tube_status st;

    if (p->types.n > 0) {
        st = tubei_json_columns_given(&p->columns, &p->types, err);
        if (st == TUBE_ECONFIG)
            tube_blame(s, "types", err);
    } else {
        st = infer_columns(s, p, err);
    }
    if (st == TUBE_OK)
        st = set_schema(s, p, err);
    if (st != TUBE_OK)
        tubei_json_columns_fini(&p->columns);
    return st;
}

/* What became of a row, or of a part of it. */
typedef enum verdict { GOOD, REJECTED, NO_MEMORY } verdict;

struct row {
    tube_stage *stage;
    const struct parse_json *p;
    tube_batch *b;
    uint32_t r;
    uint32_t guess; /* column that comes next if fields have their usual order */
    const char *line;
    const char *end;
    tube_cell *cell;
    char *rest; /* where the object of other fields goes on; NULL: none yet */
};

static uint32_t
place(const struct row *row, const char *at)
{
    return (uint32_t)(at - row->line);
}

/* Characters of a string. */
static verdict
read_string(struct row *row, const tubei_json_value *v, tube_slice *text)
{
    char *out;

    *text = (tube_slice){ v->text, v->len };
    if (!v->escaped)
        return GOOD;
    out = tube_batch_alloc(row->b, v->len);
    if (out == NULL)
        return NO_MEMORY;
    *text = (tube_slice){ out, tubei_json_unescape(v, out) };
    if (text->len != SIZE_MAX)
        return GOOD;
    tube_reject(row->stage, row->b, row->r, place(row, v->text),
                "half of a surrogate pair in a string");
    return REJECTED;
}

static verdict
reject_value(struct row *row, tube_field f, const tubei_json_value *v)
{
    const tubei_json_column *column = &row->p->columns.column[f];
    tube_slice raw = tubei_json_raw(v);
    char value[80];

    tube_reject(row->stage, row->b, row->r, place(row, raw.ptr),
                "field '%s': %s is no %s", column->name,
                tubei_json_show(raw, value, sizeof(value)),
                tubei_json_type_name(column->type));
    return REJECTED;
}

static bool
set_int(tube_cell *c, const tubei_json_value *v)
{
    double real;

    if (v->kind == TUBEI_JSON_INT) {
        c->set = tubei_json_int(v, &c->integer);
        return c->set;
    }
    if (v->kind != TUBEI_JSON_REAL || !tubei_json_real(v, &real) || real != floor(real)
        || fabs(real) > 0x1p53)
        return false;
    tube_set_int(c, (int64_t)real);
    return true;
}

static bool
set_real(tube_cell *c, const tubei_json_value *v)
{
    c->set = (v->kind == TUBEI_JSON_INT || v->kind == TUBEI_JSON_REAL)
             && tubei_json_real(v, &c->real);
    return c->set;
}

/* An int, a float or a bool. */
static bool
set_plain(tube_cell *c, tube_type type, const tubei_json_value *v)
{
    if (type == TUBE_INT)
        return set_int(c, v);
    if (type == TUBE_FLOAT)
        return set_real(c, v);
    if (v->kind != TUBEI_JSON_BOOL)
        return false;
    tube_set_int(c, *v->text == 't');
    return true;
}

/* Many programs put numbers and bools in quotes: what stands between them counts. */
static bool
set_quoted(tube_cell *c, tube_type type, const tubei_json_value *v)
{
    tubei_json j = tubei_json_start(v->text, v->len);
    tubei_json_value inner;

    return v->kind == TUBEI_JSON_STRING && tubei_json_next(&j, &inner)
           && tubei_json_end(&j) && set_plain(c, type, &inner);
}

static verdict
set_cell(struct row *row, tube_field f, const tubei_json_value *v)
{
    tube_type type = row->p->columns.column[f].type;
    tube_cell *c = &row->cell[f];
    tube_slice text = tubei_json_raw(v);
    verdict how = GOOD;
    int64_t us;

    c->set = 0;
    c->len = 0;
    if (v->kind == TUBEI_JSON_NULL)
        return GOOD;
    if (v->kind == TUBEI_JSON_STRING && (type == TUBE_TEXT || type == TUBE_TIME))
        how = read_string(row, v, &text);
    if (how != GOOD)
        return how;
    if (type == TUBE_TEXT || type == TUBE_JSON) {
        tube_set_text(c, text.ptr, text.len);
    } else if (type == TUBE_TIME) {
        if (v->kind != TUBEI_JSON_STRING
            || !tubei_time_read(text.ptr, text.len, TUBEI_TIME_FULL, &us))
            return reject_value(row, f, v);
        tube_set_int(c, us);
    } else if (!set_plain(c, type, v) && !set_quoted(c, type, v)) {
        return reject_value(row, f, v);
    }
    return GOOD;
}

/* Append a member to the object of other fields.  Its room is what is left of the line
 * where the first of them begins: no member gets longer, and each has a comma, a brace
 * or a colon to spare. */
static verdict
keep_rest(struct row *row, const tubei_json_value *name, const tubei_json_value *v)
{
    tube_slice key = tubei_json_raw(name);
    tube_slice value = tubei_json_raw(v);
    tube_cell *c = &row->cell[row->p->width - 1];
    char *out = row->rest;

    if (out == NULL) {
        out = tube_batch_alloc(row->b, (size_t)(row->end - key.ptr) + 2);
        if (out == NULL)
            return NO_MEMORY;
        tube_set_text(c, out, 0);
        *out++ = '{';
    } else {
        out[-1] = ',';
    }
    memcpy(out, key.ptr, key.len);
    out += key.len;
    *out++ = ':';
    memcpy(out, value.ptr, value.len);
    out += value.len;
    *out++ = '}';
    row->rest = out;
    c->len = (uint32_t)(out - c->text);
    return GOOD;
}

static verdict
other_field(struct row *row, const tubei_json_value *name, tube_slice plain,
            const tubei_json_value *v)
{
    char shown[80];

    if (*row->p->rest != '\0')
        return keep_rest(row, name, v);
    if (row->p->unknown == UNKNOWN_IGNORE)
        return GOOD;
    tube_reject(row->stage, row->b, row->r, place(row, name->text),
                "field '%s' is none of the columns; name it in types=, or use rest= or "
                "unknown=ignore",
                tubei_json_show(plain, shown, sizeof(shown)));
    return REJECTED;
}

static verdict
set_member(struct row *row, const tubei_json_value *name, const tubei_json_value *v)
{
    const tubei_json_columns *columns = &row->p->columns;
    tube_field f = (tube_field)row->guess;
    tube_slice plain;
    verdict how = read_string(row, name, &plain);

    if (how != GOOD)
        return how;
    if (row->guess >= columns->n || columns->column[f].len != plain.len
        || memcmp(columns->column[f].name, plain.ptr, plain.len) != 0)
        f = tubei_json_columns_find(columns, plain);
    if (f < 0)
        return other_field(row, name, plain, v);
    row->guess = (uint32_t)f + 1;
    return set_cell(row, f, v);
}

static verdict
parse_row(struct row *row)
{
    tubei_json j = tubei_json_line(row->line, row->end);
    tubei_json_value name;
    tubei_json_value v;
    verdict how = GOOD;
    bool first = true;
    int more = tubei_json_enter(&j) ? 1 : -1;

    memset(row->cell, 0, row->p->width * sizeof(*row->cell));
    while (more == 1 && how == GOOD) {
        more = tubei_json_member(&j, &first, &name, &v);
        if (more == 1)
            how = set_member(row, &name, &v);
    }
    if (how != GOOD)
        return how;
    if (more == 0 && tubei_json_end(&j))
        return GOOD;
    tube_reject(row->stage, row->b, row->r, place(row, j.at), "invalid JSON: %s",
                j.error);
    return REJECTED;
}

static tube_status
json_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct parse_json *p = tube_state(s);
    tube_status st = tube_reshape(s, b);

    if (st != TUBE_OK)
        return st;
    TUBE_EACH(b, r) {
        tube_slice line = tube_text(&b->old[(size_t)r * b->old_width]);
        struct row row = { .stage = s,
                           .p = p,
                           .b = b,
                           .r = r,
                           .line = line.ptr,
                           .end = line.ptr + line.len,
                           .cell = tube_row(b, r) };

        if (parse_row(&row) == NO_MEMORY)
            return tube_fail(err, TUBE_ENOMEM, "no memory for the text of a row");
    }
    return TUBE_OK;
}

static void
json_close(tube_stage *s)
{
    struct parse_json *p = tube_state(s);

    tubei_json_columns_fini(&p->columns);
}

const tube_stage_def tube_stage_parse_json = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "parse json",
    .summary = "lines of JSON, one object each, to typed records",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_LINES,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct parse_json),
    .flags = TUBE_STATELESS,
    .open = json_open,
    .process = json_process,
    .close = json_close,
};
