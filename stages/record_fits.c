/* SPDX-License-Identifier: MIT */
/* record_fits.c -- versions of a record: is every old one a new one, and make it so. */
#include "record_parts.h"

#include <math.h>
#include <string.h>

static bool
same_sql(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Lower and upper end; a range that is not there is open. */
static double
low_of(const tube_record_field *f)
{
    return f->ranged ? f->lo : -(double)INFINITY;
}

static double
high_of(const tube_record_field *f)
{
    return f->ranged ? f->hi : (double)INFINITY;
}

static void
field_fits(const tube_record_field *old, const tube_record_def *now, uint32_t i,
           tube_record_errors *e)
{
    const tube_record_field *f = &now->record.field[i];
    const char *name = f->column.name;
    bool widened = old->column.type == TUBE_INT && f->column.type == TUBE_FLOAT;

    if (!widened
        && (old->column.type != f->column.type
            || !same_sql(old->column.sql, f->column.sql)))
        tubei_record_wrong(e, name, "field '%s' was %s and is %s", name,
                           tubei_record_type(&old->column),
                           tubei_record_type(&f->column));
    if (old->optional && !f->optional && !tubei_record_defaulted(now, i))
        tubei_record_wrong(e, name, "field '%s' was optional and is required", name);
    if (low_of(f) > low_of(old) || high_of(f) < high_of(old))
        tubei_record_wrong(e, name,
                           "field '%s' was in %.15g..%.15g and is in %.15g..%.15g",
                           name, low_of(old), high_of(old), low_of(f), high_of(f));
}

tube_status
tube_record_fits(const tube_record_def *old, const tube_record_def *now,
                 tube_record_errors *errors)
{
    tube_record_errors local;
    tube_record_errors *e = errors != NULL ? errors : &local;

    e->n = 0;
    for (uint32_t i = 0; i < old->record.n; i++) {
        const tube_record_field *f = &old->record.field[i];
        tube_field at = tubei_record_find(now, tube_str(f->column.name));

        if (at >= 0)
            field_fits(f, now, (uint32_t)at, e);
        else
            tubei_record_wrong(e, f->column.name, "field '%s' is gone", f->column.name);
    }
    for (uint32_t i = 0; i < now->record.n; i++) {
        const char *name = tubei_record_column(now, i)->name;

        if (tubei_record_find(old, tube_str(name)) < 0 && !now->record.field[i].optional
            && !tubei_record_defaulted(now, i))
            tubei_record_wrong(e, name, "field '%s' is new and required", name);
    }
    return e->n == 0 ? TUBE_OK : TUBE_ECONFIG;
}

tube_status
tube_record_upgrade(const tube_record_def *old, const void *from,
                    const tube_record_def *now, void *to, tube_record_errors *errors)
{
    tubei_record_run r = { .d = now, .record = to, .errors = errors };

    tubei_record_begin(&r);
    for (uint32_t i = 0; i < now->record.n; i++) {
        const tube_column *column = tubei_record_column(now, i);
        tube_field at = tubei_record_find(old, tube_str(column->name));
        tube_error err = { 0 };
        tube_type type;
        tube_cell c;
        bool fits;

        if (at < 0)
            continue;
        (void)tubei_record_get(old, from, (uint32_t)at, &c);
        if (!c.set)
            continue;
        type = tubei_record_column(old, (uint32_t)at)->type;
        fits = tubei_record_widen(&c, type, column->type, &err);
        (void)tubei_record_given(&r, i);
        tubei_record_took(&r, i, fits ? TUBE_OK : err.status, &c, &err);
    }
    return tubei_record_finish(&r);
}
