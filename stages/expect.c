/* SPDX-License-Identifier: MIT */
/* expect.c -- records must be as declared.
 *
 * in   records that have the fields of a `record`; more of them are fine
 * out  the same; what lacks a required value or is out of its range is rejected
 */
#include "expect_check.h"

#include <stdlib.h>

struct expect {
    const char *name; /* option */

    expect_check *check;
    uint32_t n;
};

static const tube_option options[] = {
    { "record", TUBE_OPT_TEXT, offsetof(struct expect, name), NULL, "record",
      "record of the pipeline text", TUBE_OPT_POSITIONAL },
    { 0 },
};

static const char *const examples[] = {
    "record hit { path text; status int 100..599 }\n"
    "gen combined 1000 | parse combined | expect hit",
    "record named { username text 1..64 }\n"
    "file access.log | parse combined | expect named | keep username path",
    NULL,
};

static tube_status
expect_open(tube_stage *s, tube_error *err)
{
    struct expect *e = tube_state(s);
    const tube_record *record = tube_record_of(s, e->name);
    tube_status st;

    if (record == NULL) {
        (void)tube_fail(err, TUBE_ECONFIG, "no record '%s' is declared", e->name);
        tube_hint(err, "before the pipeline: record %s { path text; status int; }",
                  e->name);
        return tube_blame(s, "record", err);
    }
    e->check = calloc(record->n > 0 ? record->n : 1, sizeof(*e->check));
    if (e->check == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for %u fields", record->n);
    st = tubei_expect_schema(record, tube_input(s), e->check, &e->n, err);
    if (st != TUBE_OK) {
        free(e->check);
        return tube_blame(s, "record", err);
    }
    return TUBE_OK;
}

/* Where the cell begins in the row's line, UINT32_MAX if it does not lie there. */
static uint32_t
place_of(const tube_batch *b, uint32_t r, const expect_check *c)
{
    tube_type type = c->field->column.type;
    const tube_cell *cell = tube_row(b, r) + c->at;
    uintptr_t at;

    if (b->raw == NULL || !cell->set
        || (type != TUBE_TEXT && type != TUBE_BYTES && type != TUBE_JSON))
        return UINT32_MAX;
    at = (uintptr_t)cell->text - (uintptr_t)b->raw[r].text;
    return at <= b->raw[r].len ? (uint32_t)at : UINT32_MAX;
}

/* Reject a row for the first thing that is wrong with it. */
static void
look_at(tube_stage *s, tube_batch *b, uint32_t r)
{
    const struct expect *e = tube_state(s);
    const tube_cell *row = tube_row(b, r);
    char line[256];

    for (uint32_t i = 0; i < e->n; i++) {
        const expect_check *c = &e->check[i];

        if (tubei_expect_cell(c, &row[c->at], line, sizeof(line))) {
            tube_reject(s, b, r, place_of(b, r, c), "%s", line);
            return;
        }
    }
}

static tube_status
expect_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)err;
    TUBE_EACH(b, r)
        look_at(s, b, r);
    return TUBE_OK;
}

static void
expect_close(tube_stage *s)
{
    struct expect *e = tube_state(s);

    free(e->check);
}

const tube_stage_def tube_stage_expect = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "expect",
    .summary = "reject records that are not as declared",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct expect),
    .flags = TUBE_STATELESS | TUBE_EXPECTS,
    .open = expect_open,
    .process = expect_process,
    .close = expect_close,
};
