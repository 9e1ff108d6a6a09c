/* SPDX-License-Identifier: MIT */
/* null.c -- count records and forget them: for trials and measurements.
 *
 * in   any records
 */
#include <tubes/stage.h>

static const char *const examples[] = {
    "file access.log | parse combined | null",
    "gen combined 100000 | parse combined | null",
    NULL,
};

static tube_status
null_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_OK; /* the engine counts what is left in `b` as committed */
}

const tube_stage_def tube_stage_null = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "null",
    .summary = "count records and forget them",
    .examples = examples,
    .in = TUBE_FLOW_RECORDS,
    .process = null_process,
};
