/* SPDX-License-Identifier: MIT */
/* fields.c -- see fields.h. */
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tube_status
tubei_fields_unknown(const tube_schema *schema, const char *name, tube_error *err)
{
    uint32_t width = tube_schema_width(schema);
    const char **names = calloc(width, sizeof(*names));
    const char *near = NULL;
    char all[sizeof(err->hint)];
    size_t n = 0;

    if (names == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for %u names", width);
    for (uint32_t i = 0; i < width; i++) {
        names[i] = tube_schema_column(schema, (tube_field)i)->name;
        if (n < sizeof(all))
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i > 0 ? ", " : "",
                                  names[i]);
    }
    near = tube_nearest(name, names, width);
    tube_fail(err, TUBE_ECONFIG, "no field '%s'", name);
    if (near != NULL)
        tube_hint(err, "did you mean '%s'?", near);
    else
        tube_hint(err, "fields: %s", all);
    free(names);
    return TUBE_ECONFIG;
}

/* Mark which input columns are named: named[i] is 1 + the place in the list. */
static tube_status
fields_mark(const tube_schema *in, const tube_list *names, uint32_t *named,
            tube_error *err)
{
    for (size_t i = 0; i < names->n; i++) {
        tube_field f = tube_schema_find(in, names->item[i]);

        if (f < 0)
            return tubei_fields_unknown(in, names->item[i], err);
        if (named[f] != 0)
            return tube_fail(err, TUBE_ECONFIG, "field '%s' is named twice",
                             names->item[i]);
        named[f] = (uint32_t)i + 1;
    }
    return TUBE_OK;
}

static tube_status
fields_choose(tube_stage *s, tubei_fields *f, const tube_list *names, bool keep,
              tube_error *err)
{
    const tube_schema *in = tube_input(s);
    uint32_t width = tube_schema_width(in);
    tube_column *column = calloc(width, sizeof(*column));
    uint32_t *named = calloc(width, sizeof(*named));
    tube_status st;

    f->from = calloc(width, sizeof(*f->from));
    f->n = 0;
    if (column == NULL || named == NULL || f->from == NULL) {
        st = tube_fail(err, TUBE_ENOMEM, "no memory for %u fields", width);
        goto done;
    }
    st = fields_mark(in, names, named, err);
    if (st != TUBE_OK)
        goto done;
    for (uint32_t i = 0; i < width; i++) {
        if (keep && named[i] != 0)
            f->from[named[i] - 1] = i;
        else if (!keep && named[i] == 0)
            f->from[f->n++] = i;
    }
    if (keep)
        f->n = (uint32_t)names->n;
    if (f->n == 0) {
        st = tube_fail(err, TUBE_ECONFIG, "no field would be left");
        goto done;
    }
    for (uint32_t i = 0; i < f->n; i++)
        column[i] = *tube_schema_column(in, (tube_field)f->from[i]);
    st = tube_set_schema(s, column, f->n, err);
done:
    free(column);
    free(named);
    return st;
}

tube_status
tubei_fields_open(tube_stage *s, tubei_fields *f, const tube_list *names, bool keep,
                  tube_error *err)
{
    tube_status st = fields_choose(s, f, names, keep, err);

    if (st != TUBE_OK) {
        tubei_fields_fini(f);
        if (st == TUBE_ECONFIG)
            tube_blame(s, "fields", err);
    }
    return st;
}

tube_status
tubei_fields_process(tube_stage *s, const tubei_fields *f, tube_batch *b)
{
    tube_status st = tube_reshape(s, b);

    if (st != TUBE_OK)
        return st;
    TUBE_EACH(b, r) {
        const tube_cell *old = b->old + (size_t)r * b->old_width;
        tube_cell *cell = tube_row(b, r);

        for (uint32_t i = 0; i < f->n; i++)
            cell[i] = old[f->from[i]];
    }
    return TUBE_OK;
}

void
tubei_fields_fini(tubei_fields *f)
{
    free(f->from);
    f->from = NULL;
    f->n = 0;
}
