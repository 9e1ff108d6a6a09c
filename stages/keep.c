/* SPDX-License-Identifier: MIT */
/* keep.c -- keep only the fields that are named, in that order.
 *
 * in   any records
 * out  the fields that are named, in that order
 */
#include "fields.h"

#include <tubes/stage.h>

struct keep {
    tube_list names; /* option */
    tubei_fields fields;
};

static const tube_option options[] = {
    { "fields", TUBE_OPT_LIST, offsetof(struct keep, names), NULL, "names",
      "fields to keep", TUBE_OPT_POSITIONAL },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | keep time status path",
    "gen json 1000 | parse json | keep status | print",
    NULL,
};

static tube_status
keep_open(tube_stage *s, tube_error *err)
{
    struct keep *k = tube_state(s);

    return tubei_fields_open(s, &k->fields, &k->names, true, err);
}

static tube_status
keep_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct keep *k = tube_state(s);

    (void)err;
    return tubei_fields_process(s, &k->fields, b);
}

static void
keep_close(tube_stage *s)
{
    struct keep *k = tube_state(s);

    tubei_fields_fini(&k->fields);
}

const tube_stage_def tube_stage_keep = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "keep",
    .summary = "keep only the fields that are named, in that order",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct keep),
    .flags = TUBE_STATELESS,
    .open = keep_open,
    .process = keep_process,
    .close = keep_close,
};
