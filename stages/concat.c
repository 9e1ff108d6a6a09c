/* SPDX-License-Identifier: MIT */
/* concat.c -- one input after the other.
 *
 * in   any records, by several inputs
 * out  all of the first input, then all of the second, and so on
 */
#include "join_type.h"

struct concat {
    int64_t until;  /* option */
    bool hold;      /* option */
    const char *of; /* option */
};

#define AT(member) offsetof(struct concat, member)
static const tube_option options[] = {
    { "until", TUBE_OPT_ENUM, AT(until), "all", "all|any|error",
      "end when all inputs have ended, when one has, or when one has failed", 0 },
    { "hold", TUBE_OPT_BOOL, AT(hold), "no", "",
      "go on without inputs until it is sealed", 0 },
    { "of", TUBE_OPT_TEXT, AT(of), "", "record",
      "what comes, if no input says it: a declared record, or lines", 0 },
    { 0 },
};

static const char *const examples[] = {
    "concat ( file access.log.1 ) ( file access.log ) | parse combined",
    "concat ( gen combined 100 | parse combined | keep path ) "
    "( gen common 100 | parse common | keep path )",
    NULL,
};

static tube_status
concat_open(tube_stage *s, tube_error *err)
{
    static const tube_until until[] = { TUBE_UNTIL_ALL, TUBE_UNTIL_ANY,
                                        TUBE_UNTIL_ERROR };
    const struct concat *c = tube_state(s);

    tube_status st = tubei_join_type(s, c->of, err);

    if (st != TUBE_OK)
        return st;
    tube_end_when(s, until[c->until]);
    if (c->hold)
        tube_hold_open(s);
    tube_ordered(s);
    return TUBE_OK;
}

static uint32_t
concat_select(tube_stage *s)
{
    uint32_t n = tube_inputs(s);

    for (uint32_t i = 0; i < n; i++)
        if (tube_input_open(s, i))
            return i;
    return TUBE_ANY_INPUT;
}

static tube_status
concat_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_OK;
}

const tube_stage_def tube_stage_concat = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "concat",
    .summary = "one input after the other",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct concat),
    .flags = TUBE_JOINS,
    .open = concat_open,
    .process = concat_process,
    .select = concat_select,
};
