/* SPDX-License-Identifier: MIT */
/* expect_check.c -- see expect_check.h. */
#include "expect_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { SHOWN = 40 };

/* 2^63 as a double: the first that no int64_t holds. */
#define INT_END 0x1p63

/* A text that is put together, and cut where it is full. */
struct piece {
    char *at;
    size_t left;
};

static void TUBE_PRINTF(2, 3) piece_add(struct piece *p, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (p->left == 0)
        return;
    va_start(ap, fmt);
    n = vsnprintf(p->at, p->left, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= p->left)
        n = (int)p->left - 1;
    p->at += n;
    p->left -= (size_t)n;
}

static const char *
type_name(tube_type type)
{
    switch (type) {
    case TUBE_TEXT: return "text";
    case TUBE_BYTES: return "bytes";
    case TUBE_BOOL: return "bool";
    case TUBE_INT: return "int";
    case TUBE_FLOAT: return "float";
    case TUBE_TIME: return "time";
    case TUBE_JSON: return "json";
    }
    return "?";
}

static bool
is_text(tube_type type)
{
    return type == TUBE_TEXT || type == TUBE_BYTES || type == TUBE_JSON;
}

/* The least integer that is not below `lo`. */
static int64_t
int_from(double lo)
{
    double up = ceil(lo);

    if (up >= INT_END)
        return INT64_MAX;
    return up < -INT_END ? INT64_MIN : (int64_t)up;
}

/* The greatest integer that is not above `hi`. */
static int64_t
int_to(double hi)
{
    double down = floor(hi);

    if (down >= INT_END)
        return INT64_MAX;
    return down < -INT_END ? INT64_MIN : (int64_t)down;
}

static expect_check
check_of(const tube_record_field *field, tube_field at)
{
    expect_check c = {
        .field = field,
        .at = at,
        .lo = INT64_MIN,
        .hi = INT64_MAX,
        .hi_len = UINT64_MAX,
    };

    if (!field->ranged)
        return c;
    c.lo = int_from(field->lo);
    c.hi = int_to(field->hi);
    /* A range that begins behind the last integer, or ends before the first. */
    if (field->lo >= INT_END || field->hi < -INT_END) {
        c.lo = INT64_MAX;
        c.hi = INT64_MIN;
    }
    c.lo_len = c.lo > 0 ? (uint64_t)c.lo : 0;
    c.hi_len = c.hi >= 0 ? (uint64_t)c.hi : 0;
    return c;
}

tube_status
tubei_expect_schema(const tube_record *record, const tube_schema *in,
                    expect_check *checks, uint32_t *n, tube_error *err)
{
    char wrong[sizeof(err->message)] = "";
    char got[sizeof(err->hint)] = "";
    struct piece p = { wrong, sizeof(wrong) };

    *n = 0;
    for (uint32_t i = 0; i < record->n; i++) {
        const tube_record_field *f = &record->field[i];
        tube_field at = tube_schema_find(in, f->column.name);
        const char *sep = wrong[0] != '\0' ? ", " : "";

        if (at < 0 && !f->optional)
            piece_add(&p, "%sno %s '%s'", sep, type_name(f->column.type),
                      f->column.name);
        else if (at >= 0 && tube_schema_column(in, at)->type != f->column.type)
            piece_add(&p, "%s'%s' is %s, not %s", sep, f->column.name,
                      type_name(tube_schema_column(in, at)->type),
                      type_name(f->column.type));
        else if (at >= 0 && (!f->optional || f->ranged))
            checks[(*n)++] = check_of(f, at);
    }
    if (wrong[0] == '\0')
        return TUBE_OK;
    (void)tube_fail(err, TUBE_ECONFIG, "records are no '%s': %s", record->name, wrong);
    p = (struct piece){ got, sizeof(got) };
    for (uint32_t i = 0; i < tube_schema_width(in); i++) {
        const tube_column *c = tube_schema_column(in, (tube_field)i);

        piece_add(&p, "%s%s %s", i > 0 ? ", " : "", c->name, type_name(c->type));
    }
    tube_hint(err, "declare 'adapt ... -> %s', or 'NAME TYPE?'; here are: %s",
              record->name, got);
    return TUBE_ECONFIG;
}

/* "100..599", "..599" */
static void
piece_range(struct piece *p, const tube_record_field *f)
{
    if (isfinite(f->lo))
        piece_add(p, "%.15g", f->lo);
    piece_add(p, "..");
    if (isfinite(f->hi))
        piece_add(p, "%.15g", f->hi);
}

/* The first bytes of a text, as they can stand in a line. */
static void
piece_text(struct piece *p, tube_slice v)
{
    char shown[SHOWN + 1];
    size_t n = v.len < SHOWN ? v.len : SHOWN;

    for (size_t i = 0; i < n; i++) {
        unsigned char byte = (unsigned char)v.ptr[i];

        shown[i] = byte < 0x20 || byte > 0x7e ? '?' : v.ptr[i];
    }
    shown[n] = '\0';
    piece_add(p, ": '%s%s'", shown, v.len > n ? "..." : "");
}

static bool
out_of_range(const expect_check *c, const tube_cell *cell)
{
    tube_type type = c->field->column.type;

    if (is_text(type))
        return cell->len < c->lo_len || cell->len > c->hi_len;
    if (type == TUBE_FLOAT) /* not a number is in no range */
        return !(cell->real >= c->field->lo && cell->real <= c->field->hi);
    return cell->integer < c->lo || cell->integer > c->hi;
}

bool
tubei_expect_cell(const expect_check *c, const tube_cell *cell, char *line, size_t size)
{
    struct piece p = { line, size };
    tube_type type = c->field->column.type;

    *line = '\0';
    if (cell->set ? !c->field->ranged || !out_of_range(c, cell) : c->field->optional)
        return false;
    piece_add(&p, "field '%s' ", c->field->column.name);
    if (!cell->set) {
        piece_add(&p, "is null and required");
        return true;
    }
    if (is_text(type))
        piece_add(&p, "has %u bytes, not ", cell->len);
    else if (type == TUBE_FLOAT)
        piece_add(&p, "is %.15g, not in ", cell->real);
    else
        piece_add(&p, "is %" PRId64 ", not in ", cell->integer);
    piece_range(&p, c->field);
    if (is_text(type))
        piece_text(&p, tube_text(cell));
    return true;
}
