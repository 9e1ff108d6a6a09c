/* SPDX-License-Identifier: MIT */
/* tee.c -- every record to every branch, and on.
 *
 * in   any records
 * out  all of them, to each branch and in the main flow
 */
#include "route_split.h"

#include <tubes/stage.h>

enum { PACE_FASTEST, PACE_SLOWEST };

struct tee {
    int64_t pace;  /* option */
    int64_t until; /* option */
    tubei_split split;
};

#define AT(member) offsetof(struct tee, member)
static const tube_option options[] = {
    { "pace", TUBE_OPT_ENUM, AT(pace), "fastest", "fastest|slowest",
      "fastest: what a slow branch cannot take waits in memory; slowest: all wait for it",
      0 },
    { "until", TUBE_OPT_ENUM, AT(until), "error", "error|all|any",
      "end when a branch has failed, when all have ended, or when one has", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | tee ( where status >= 500 | print ) | null",
    "gen combined 1000 | parse combined | tee pace=slowest ( head 3 | print ) ( null ) "
    "| null",
    NULL,
};

static tube_status
tee_open(tube_stage *s, tube_error *err)
{
    static const tube_until until[] = { TUBE_UNTIL_ERROR, TUBE_UNTIL_ALL,
                                        TUBE_UNTIL_ANY };
    struct tee *t = tube_state(s);

    tube_pace_all(s, t->pace == PACE_SLOWEST);
    tube_end_when(s, until[t->until]);
    return tubei_split_open(s, &t->split, false, err);
}

static tube_status
tee_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct tee *t = tube_state(s);

    (void)err;
    (void)tubei_split_begin(&t->split);
    return tubei_split_send(s, &t->split, b);
}

const tube_stage_def tube_stage_tee = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "tee",
    .summary = "every record to every branch, and on",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct tee),
    .flags = TUBE_FORKS,
    .open = tee_open,
    .process = tee_process,
};
