/* SPDX-License-Identifier: MIT */
/* json_schema.c -- see json_schema.h. */
#include "json_schema.h"

#include "rfc3339.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 63 };

/* Kinds of values a field has had, as bits. */
enum {
    SEEN_BOOL = 1 << 0,
    SEEN_INT = 1 << 1,
    SEEN_REAL = 1 << 2, /* or a whole number over 64 bits */
    SEEN_TIME = 1 << 3,
    SEEN_TEXT = 1 << 4,
    SEEN_NESTED = 1 << 5,
};

static const char *const type_names[] = {
    "text", "int", "float", "bool", "time", "json"
};
static const tube_type types[] = { TUBE_TEXT, TUBE_INT,  TUBE_FLOAT,
                                   TUBE_BOOL, TUBE_TIME, TUBE_JSON };

enum { TYPES = sizeof(types) / sizeof(types[0]) };

const char *
tubei_json_type_name(tube_type type)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i] == type)
            return type_names[i];
    return "";
}

const char *
tubei_json_show(tube_slice text, char *out, size_t room)
{
    static const char cut[] = "...";
    size_t n = 0;

    for (size_t i = 0; i < text.len;) {
        uint32_t code;
        size_t bytes = tubei_utf8_next(text.ptr + i, text.len - i, &code);
        bool shown =
            (code >= 0x20 && code < 0x7f) || (code >= 0xA0 && code <= 0x10FFFF);

        if (n + bytes + sizeof(cut) > room) {
            memcpy(out + n, cut, sizeof(cut));
            return out;
        }
        if (shown)
            memcpy(out + n, text.ptr + i, bytes);
        else
            out[n] = '?';
        n += shown ? bytes : 1;
        i += bytes;
    }
    out[n] = '\0';
    return out;
}

static uint32_t
name_hash(const char *name, size_t len)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619U;
    return h ^ h >> 15;
}

tube_field
tubei_json_columns_find(const tubei_json_columns *c, tube_slice name)
{
    uint32_t mask = c->room * 4 - 1;

    if (c->n == 0)
        return -1;
    for (uint32_t at = name_hash(name.ptr, name.len) & mask; c->slot[at] != 0;
         at = (at + 1) & mask) {
        const tubei_json_column *column = &c->column[c->slot[at] - 1];

        if (column->len == name.len && memcmp(column->name, name.ptr, name.len) == 0)
            return (tube_field)(c->slot[at] - 1);
    }
    return -1;
}

static void
columns_enter(tubei_json_columns *c, uint32_t i)
{
    uint32_t mask = c->room * 4 - 1;
    uint32_t at = name_hash(c->column[i].name, c->column[i].len) & mask;

    while (c->slot[at] != 0)
        at = (at + 1) & mask;
    c->slot[at] = i + 1;
}

static bool
columns_grow(tubei_json_columns *c)
{
    uint32_t room = c->room == 0 ? 16 : c->room * 2;
    tubei_json_column *column = reallocarray(c->column, room, sizeof(*column));
    uint32_t *slot = calloc((size_t)room * 4, sizeof(*slot));

    if (column != NULL)
        c->column = column;
    if (column == NULL || slot == NULL) {
        free(slot);
        return false;
    }
    free(c->slot);
    c->slot = slot;
    c->room = room;
    for (uint32_t i = 0; i < c->n; i++)
        columns_enter(c, i);
    return true;
}

static tube_status
columns_add(tubei_json_columns *c, tube_slice name, tube_type type, tube_error *err)
{
    tubei_json_column *column;

    if (c->n == c->room && !columns_grow(c))
        return tube_fail(err, TUBE_ENOMEM, "no memory for the fields");
    column = &c->column[c->n];
    *column = (tubei_json_column){ .len = (uint32_t)name.len, .type = type };
    column->name = strndup(name.ptr, name.len);
    if (column->name == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for the fields");
    columns_enter(c, c->n++);
    return TUBE_OK;
}

static tube_status
given_word(tubei_json_columns *c, const char *word, tube_error *err)
{
    const char *colon = strrchr(word, ':');
    tube_slice name = { word, colon != NULL ? (size_t)(colon - word) : 0 };
    const char *near;

    if (name.len == 0) {
        tube_fail(err, TUBE_ECONFIG, "'%.80s' is not of the form name:type", word);
        tube_hint(err, "types=[time:time, user:text, n:int, price:float, ok:bool]");
        return TUBE_ECONFIG;
    }
    if (tubei_json_columns_find(c, name) >= 0)
        return tube_fail(err, TUBE_ECONFIG, "field '%.*s' has two types", (int)name.len,
                         word);
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(colon + 1, type_names[i]) == 0)
            return columns_add(c, name, types[i], err);
    near = tube_nearest(colon + 1, type_names, TYPES);
    tube_fail(err, TUBE_ECONFIG, "no type '%.80s'", colon + 1);
    tube_hint(err, "%s%s%stypes: text, int, float, bool, time, json",
              near != NULL ? "did you mean '" : "", near != NULL ? near : "",
              near != NULL ? "'?  " : "");
    return TUBE_ECONFIG;
}

tube_status
tubei_json_columns_given(tubei_json_columns *c, const tube_list *given, tube_error *err)
{
    tube_status st = TUBE_OK;

    for (size_t i = 0; i < given->n && st == TUBE_OK; i++)
        st = given_word(c, given->item[i], err);
    return st;
}

static unsigned
seen_kind(const tubei_json_value *v)
{
    int64_t whole;

    switch (v->kind) {
    case TUBEI_JSON_NULL: break;
    case TUBEI_JSON_BOOL: return SEEN_BOOL;
    case TUBEI_JSON_INT: return tubei_json_int(v, &whole) ? SEEN_INT : SEEN_REAL;
    case TUBEI_JSON_REAL: return SEEN_REAL;
    case TUBEI_JSON_STRING:
        return tubei_time_read(v->text, v->len, TUBEI_TIME_FULL, &whole) ? SEEN_TIME
                                                                         : SEEN_TEXT;
    case TUBEI_JSON_OBJECT:
    case TUBEI_JSON_ARRAY: return SEEN_NESTED;
    }
    return 0;
}

static tube_type
seen_type(unsigned seen)
{
    if ((seen & SEEN_NESTED) != 0)
        return TUBE_JSON;
    switch (seen) {
    case SEEN_BOOL: return TUBE_BOOL;
    case SEEN_INT: return TUBE_INT;
    case SEEN_REAL:
    case SEEN_REAL | SEEN_INT: return TUBE_FLOAT;
    case SEEN_TIME: return TUBE_TIME;
    default: return TUBE_TEXT;
    }
}

static bool
can_be_column(tube_slice name)
{
    uint32_t code = 0;

    for (size_t i = 0; i < name.len && code != TUBEI_UTF8_BAD;) {
        i += tubei_utf8_next(name.ptr + i, name.len - i, &code);
        if (code == 0)
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES && code != TUBEI_UTF8_BAD;
}

/* Note one member of an object of the sample. */
static tube_status
infer_member(tubei_json_columns *c, const tubei_json_sample *from, tube_slice name,
             const tubei_json_value *v, tube_error *err)
{
    tube_field f = tubei_json_columns_find(c, name);
    char shown[80];
    tube_status st;

    if (f < 0 && name.len > 0 && strlen(from->except) == name.len
        && memcmp(from->except, name.ptr, name.len) == 0)
        return TUBE_OK;
    if (f < 0 && !can_be_column(name)) {
        if (from->any_name)
            return TUBE_OK;
        tube_fail(err, TUBE_ECONFIG, "the input's field '%s' cannot be a column",
                  tubei_json_show(name, shown, sizeof(shown)));
        tube_hint(err, "a name has 1 to %d bytes of UTF-8; rest=COLUMN collects others",
                  NAME_MAX_BYTES);
        return TUBE_ECONFIG;
    }
    if (f < 0) {
        f = (tube_field)c->n;
        st = columns_add(c, name, TUBE_TEXT, err);
        if (st != TUBE_OK)
            return st;
    }
    c->column[f].seen |= seen_kind(v);
    return TUBE_OK;
}

/* Note all members of an object, which is valid. */
static tube_status
infer_object(tubei_json_columns *c, const tubei_json_sample *from, tubei_json j,
             char *names, tube_error *err)
{
    tubei_json_value name;
    tubei_json_value v;
    tube_status st = TUBE_OK;
    bool first = true;

    if (!tubei_json_enter(&j))
        return TUBE_OK;
    while (st == TUBE_OK && tubei_json_member(&j, &first, &name, &v) == 1) {
        size_t len = tubei_json_unescape(&name, names);

        /* Rows with half a surrogate pair in a name will be rejected. */
        if (len != SIZE_MAX)
            st = infer_member(c, from, (tube_slice){ names, len }, &v, err);
    }
    return st;
}

static tube_status
infer_lines(tubei_json_columns *c, const tubei_json_sample *from, const char *text,
            char *names, tube_error *err)
{
    const char *end = text + from->text.len;
    tube_status st = TUBE_OK;

    for (int64_t rows = 0; text < end && rows < from->rows && st == TUBE_OK;) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        tubei_json j = tubei_json_line(text, newline != NULL ? newline : end);
        tubei_json whole = j;
        tubei_json_value v;

        if (tubei_json_next(&whole, &v) && v.kind == TUBEI_JSON_OBJECT
            && tubei_json_end(&whole)) {
            st = infer_object(c, from, j, names, err);
            rows++;
        }
        text = newline != NULL ? newline + 1 : end;
    }
    return st;
}

tube_status
tubei_json_columns_infer(tubei_json_columns *c, const tubei_json_sample *from,
                         tube_error *err)
{
    size_t len = from->text.len;
    char *text = malloc(len + TUBE_PAD);
    char *names = malloc(len + 1);
    tube_status st;

    if (text == NULL || names == NULL) {
        st = tube_fail(err, TUBE_ENOMEM, "no memory for a sample of the input");
        goto done;
    }
    if (len > 0)
        memcpy(text, from->text.ptr, len);
    memset(text + len, 0, TUBE_PAD);
    st = infer_lines(c, from, text, names, err);
    for (uint32_t i = 0; i < c->n; i++)
        c->column[i].type = seen_type(c->column[i].seen);
done:
    free(text);
    free(names);
    return st;
}

void
tubei_json_columns_fini(tubei_json_columns *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        free(c->column[i].name);
    free(c->column);
    free(c->slot);
    *c = (tubei_json_columns){ 0 };
}
