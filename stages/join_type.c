/* SPDX-License-Identifier: MIT */
/* join_type.c -- see join_type.h. */
#include "join_type.h"

#include <tubes/graph.h>

#include <stdlib.h>
#include <string.h>

tube_status
tubei_join_type(tube_stage *s, const char *of, tube_error *err)
{
    static const tube_column line = { .name = "line", .type = TUBE_TEXT };
    const tube_record *r = tube_record_of(s, of);
    tube_column *columns;
    tube_status st;

    if (of[0] == '\0' && tube_input(s) == NULL) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "a fan-in without inputs has to say what comes");
        tube_hint(err, "of=lines, or of= the name of a record");
        return tube_blame(s, "of", err);
    }
    if (of[0] == '\0' || tube_input(s) != NULL)
        return TUBE_OK;
    if (strcmp(of, "lines") == 0)
        return tube_set_schema(s, &line, 1, err);
    if (r == NULL) {
        (void)tube_fail(err, TUBE_ECONFIG, "there is no record '%s' in the text", of);
        return tube_blame(s, "of", err);
    }
    columns = calloc(r->n, sizeof(*columns));
    if (columns == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < r->n; i++)
        columns[i] = r->field[i].column;
    st = tube_set_schema(s, columns, r->n, err);
    free(columns);
    return st;
}
