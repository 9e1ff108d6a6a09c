/* SPDX-License-Identifier: MIT */
/* drop.c -- leave out the fields that are named.
 *
 * in   any records
 * out  all fields but those that are named
 */
#include "fields.h"

#include <tubes/stage.h>

struct drop {
    tube_list names; /* option */
    tubei_fields fields;
};

static const tube_option options[] = {
    { "fields", TUBE_OPT_LIST, offsetof(struct drop, names), NULL, "names",
      "fields to leave out", TUBE_OPT_POSITIONAL },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | drop ident agent",
    "gen combined 1000 | parse combined | drop agent referrer | print",
    NULL,
};

static tube_status
drop_open(tube_stage *s, tube_error *err)
{
    struct drop *k = tube_state(s);

    return tubei_fields_open(s, &k->fields, &k->names, false, err);
}

static tube_status
drop_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct drop *k = tube_state(s);

    (void)err;
    return tubei_fields_process(s, &k->fields, b);
}

static void
drop_close(tube_stage *s)
{
    struct drop *k = tube_state(s);

    tubei_fields_fini(&k->fields);
}

const tube_stage_def tube_stage_drop = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "drop",
    .summary = "leave out the fields that are named",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct drop),
    .flags = TUBE_STATELESS,
    .open = drop_open,
    .process = drop_process,
    .close = drop_close,
};
