/* SPDX-License-Identifier: MIT */
/* redact.c -- see redact.h.
 *
 * in   any records with that field
 * out  the same; a value that is there becomes `with`
 */
#include "redact.h"

#include <stdatomic.h>
#include <string.h>

struct redact {
    const char *field; /* option */
    const char *with;  /* option */
    tube_field column;
};

static atomic_long redacted;

#define AT(member) offsetof(struct redact, member)
static const tube_option redact_options[] = {
    { "field", TUBE_OPT_TEXT, AT(field), NULL, "field", "which one",
      TUBE_OPT_POSITIONAL },
    { "with", TUBE_OPT_TEXT, AT(with), "-", "text", "what stands there instead", 0 },
    { 0 },
};

static tube_status
redact_open(tube_stage *s, tube_error *err)
{
    struct redact *d = tube_state(s);

    d->column = tube_schema_find(tube_input(s), d->field);
    if (d->column >= 0
        && tube_schema_column(tube_input(s), d->column)->type == TUBE_TEXT)
        return TUBE_OK;
    (void)tube_fail(err, TUBE_ECONFIG, "no text field '%s'", d->field);
    return tube_blame(s, "field", err);
}

static tube_status
redact_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct redact *d = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        tube_cell *cell = tube_row(b, r) + d->column;

        if (!cell->set)
            continue;
        tube_set_text(cell, d->with, strlen(d->with));
        atomic_fetch_add(&redacted, 1);
    }
    return TUBE_OK;
}

const tube_stage_def redact_stage = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "redact",
    .summary = "replace a text field",
    .options = redact_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct redact),
    .open = redact_open,
    .process = redact_process,
};

long
redact_count(void)
{
    return atomic_load(&redacted);
}
