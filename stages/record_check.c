/* SPDX-License-Identifier: MIT */
/* record_check.c -- what is wrong with a record, all of it, and with a description. */
#include "expect_check.h"
#include "record_parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 63, SCRATCH = 4096 };

#define EXACT 9007199254740992.0 /* 2^53: below it a double is an exact integer */

void
tubei_record_no_errors(tube_record_errors *e)
{
    if (e != NULL)
        e->n = 0;
}

void
tubei_record_wrong(tube_record_errors *e, const char *field, const char *fmt, ...)
{
    tube_record_error *item;
    va_list ap;

    if (e == NULL || e->n++ >= TUBE_RECORD_ERRORS)
        return;
    item = &e->item[e->n - 1];
    (void)snprintf(item->field, sizeof(item->field), "%s", field != NULL ? field : "");
    va_start(ap, fmt);
    (void)vsnprintf(item->message, sizeof(item->message), fmt, ap);
    va_end(ap);
}

const char *
tubei_record_show(tube_slice text, char *out, size_t room)
{
    bool cut = text.len >= room;
    size_t n = cut ? room - sizeof("...") : text.len;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        out[i] = c < 0x20 || c > 0x7e ? '?' : text.ptr[i];
    }
    (void)snprintf(out + n, room - n, "%s", cut ? "..." : "");
    return out;
}

tube_status
tube_record_fail(const tube_record_def *d, const tube_record_errors *errors,
                 tube_error *err)
{
    char text[sizeof(err->message)];
    char more[24] = "";
    size_t used = 0;
    uint32_t shown = 0;

    if (errors->n == 0)
        return TUBE_OK;
    for (; shown < errors->n && shown < TUBE_RECORD_ERRORS; shown++) {
        const char *message = errors->item[shown].message;
        size_t room = sizeof(text) - sizeof(more) - 32 - strlen(d->record.name) % 64;

        if (shown > 0 && used + 2 + strlen(message) > room)
            break;
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s",
                                 shown > 0 ? "; " : "", (int)room, message);
    }
    if (shown < errors->n)
        (void)snprintf(more, sizeof(more), "; and %u more", errors->n - shown);
    return tube_fail(err, TUBE_EPARSE, "no '%.63s': %s%s", d->record.name, text, more);
}

/* One field. */

/* The words are those of the stage `expect`. */
static bool
check_range(const tube_record_field *f, const tube_cell *c, char *line, size_t room)
{
    double lo = ceil(f->lo);
    double hi = floor(f->hi);
    expect_check plan = {
        .field = f,
        .lo = lo >= -EXACT ? (int64_t)lo : INT64_MIN,
        .hi = hi <= EXACT ? (int64_t)hi : INT64_MAX,
        .lo_len = lo > 0 && lo <= EXACT ? (uint64_t)lo : 0,
        .hi_len = hi >= 0 && hi <= EXACT ? (uint64_t)hi : UINT64_MAX,
    };

    return tubei_expect_cell(&plan, c, line, room);
}

/* False: it is wrong, which is noted. */
static bool
check_field(const tube_record_def *d, const void *record, uint32_t i,
            tube_record_errors *e)
{
    const tube_record_field *f = &d->record.field[i];
    const tube_record_member *m = d->member != NULL ? &d->member[i] : NULL;
    bool secret = m != NULL && (m->flags & TUBE_MEMBER_SECRET) != 0;
    tube_error err = { 0 };
    char line[192];
    tube_cell c;

    if (!tubei_record_get(d, record, i, &c)) {
        tubei_record_wrong(e, f->column.name, "field '%s' is over 4 GiB",
                           f->column.name);
        return false;
    }
    if (check_range(f, &c, line, sizeof(line))) {
        if (secret && c.set)
            (void)snprintf(line, sizeof(line), "field '%s' is out of its range",
                           f->column.name);
        tubei_record_wrong(e, f->column.name, "%s", line);
        return false;
    }
    if (m == NULL || m->check == NULL || !c.set || m->check(record, &c, &err) >= 0)
        return true;
    tubei_record_wrong(e, f->column.name, "field '%s': %s", f->column.name,
                       err.message[0] != '\0' ? err.message : "it is refused");
    return false;
}

tube_status
tubei_record_look(const tube_record_def *d, const void *record,
                  const tubei_record_bits *bad, tube_record_errors *e)
{
    tube_status st = TUBE_OK;

    for (uint32_t i = 0; i < d->record.n; i++)
        if ((bad == NULL || !tubei_record_has(bad, i)) && !check_field(d, record, i, e))
            st = TUBE_EPARSE;
    return st;
}

tube_status
tube_record_check(const tube_record_def *d, const void *record,
                  tube_record_errors *errors)
{
    tubei_record_no_errors(errors);
    return tubei_record_look(d, record, NULL, errors);
}

/* The description. */

static const char *
range_flaw(const tube_record_field *f)
{
    tube_type type = f->column.type;
    bool whole = type != TUBE_FLOAT;

    if (!f->ranged)
        return NULL;
    if (type == TUBE_BOOL || type == TUBE_TIME || f->column.sql != NULL)
        return "its type has no range";
    if (!(f->lo <= f->hi))
        return "its range holds nothing";
    if (whole
        && ((isfinite(f->lo) && fabs(f->lo) > EXACT)
            || (isfinite(f->hi) && fabs(f->hi) > EXACT)))
        return "its range is too large to be exact";
    if (whole
        && ((isfinite(f->lo) && floor(f->lo) < f->lo)
            || (isfinite(f->hi) && floor(f->hi) < f->hi)))
        return "its range is not of whole numbers";
    return tubei_record_is_text(type) && f->hi < 0 ? "its length cannot be below 0"
                                                   : NULL;
}

static tube_status
valid_default(const tube_record_def *d, uint32_t i, tube_error *err)
{
    const tube_record_field *f = &d->record.field[i];
    const char *def = d->member != NULL ? d->member[i].def : NULL;
    char memory[SCRATCH];
    char line[192];
    tube_scratch scratch = { memory, sizeof(memory) };
    tube_error why = { 0 };
    tube_cell c;

    if (def == NULL)
        return TUBE_OK;
    if (tubei_record_read_as(f->column.type, tube_str(def), &scratch, &c, &why) < 0)
        return tube_fail(err, TUBE_ECONFIG, "record '%s': the default of '%s': %s",
                         d->record.name, f->column.name, why.message);
    if (check_range(f, &c, line, sizeof(line)))
        return tube_fail(err, TUBE_ECONFIG, "record '%s': the default: %s",
                         d->record.name, line);
    return TUBE_OK;
}

static tube_status
valid_field(const tube_record_def *d, uint32_t i, tube_error *err)
{
    const tube_record_field *f = &d->record.field[i];
    const char *name = f->column.name;
    const char *flaw = range_flaw(f);

    if (*name == '\0' || strlen(name) > NAME_MOST)
        return tube_fail(err, TUBE_ECONFIG,
                         "record '%s': the name of a field has 1 to %d bytes, not '%s'",
                         d->record.name, NAME_MOST, name);
    if (tubei_record_find(d, tube_str(name)) != (tube_field)i)
        return tube_fail(err, TUBE_ECONFIG, "record '%s': two fields are named '%s'",
                         d->record.name, name);
    if (flaw != NULL)
        return tube_fail(err, TUBE_ECONFIG, "record '%s': field '%s': %s",
                         d->record.name, name, flaw);
    return valid_default(d, i, err);
}

tube_status
tube_record_valid(const tube_record_def *d, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (d->record.n == 0 || d->record.n > TUBEI_RECORD_FIELDS)
        return tube_fail(err, TUBE_ECONFIG, "record '%s' has %u fields, not 1 to %d",
                         d->record.name, d->record.n, TUBEI_RECORD_FIELDS);
    if (strcmp(d->record.name, "lines") == 0)
        return tube_fail(err, TUBE_ECONFIG,
                         "'lines' is the name of the records of lines");
    for (uint32_t i = 0; i < d->record.n && st == TUBE_OK; i++)
        st = valid_field(d, i, err);
    return st;
}
