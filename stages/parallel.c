/* SPDX-License-Identifier: MIT */
/* parallel.c -- the same stages several times, side by side.
 *
 * in   any records
 * out  what the copies make of them: in the order of the input, as it comes, or with all
 *      records of a key by the same copy
 */
#include "fields.h"
#include "hash.h"
#include "route_split.h"

#include <tubes/stage.h>

enum { ORDER_INPUT, ORDER_NONE, ORDER_KEY };

struct parallel {
    int64_t n;       /* option, for the engine: that many copies are the outputs */
    int64_t order;   /* option */
    const char *key; /* option */
    tube_field field;
    tube_type type;
    tubei_split split;
    uint32_t next; /* the output whose turn it is */
};

#define AT(member) offsetof(struct parallel, member)
static const tube_option options[] = {
    { "n", TUBE_OPT_INT, AT(n), NULL, "1..64 copies", "how many run side by side",
      TUBE_OPT_POSITIONAL },
    { "order", TUBE_OPT_ENUM, AT(order), "input", "input|none|key",
      "input: batches stay in order; none: as they are done, and what a crash cuts off may be "
      "stored twice; key: by key",
      0 },
    { "key", TUBE_OPT_TEXT, AT(key), "", "field",
      "with order=key: records with the same value go through the same copy", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parallel 2 ( parse combined ) | print",
    "gen combined 1000 | parse combined | parallel 4 order=key key=client "
    "( where status >= 400 )",
    NULL,
};

static tube_status
parallel_key(tube_stage *s, struct parallel *p, tube_error *err)
{
    const tube_schema *in = tube_input(s);

    if (p->key[0] == '\0') {
        (void)tube_fail(err, TUBE_ECONFIG, "order=key needs key=FIELD");
        return tube_blame(s, "order", err);
    }
    p->field = in != NULL ? tube_schema_find(in, p->key) : -1;
    if (p->field < 0) {
        if (in != NULL)
            (void)tubei_fields_unknown(in, p->key, err);
        else
            (void)tube_fail(err, TUBE_ECONFIG, "no field '%s'", p->key);
        return tube_blame(s, "key", err);
    }
    p->type = tube_schema_column(in, p->field)->type;
    tube_take_turns(s);
    p->split.turns = true;
    return tubei_split_open(s, &p->split, true, err);
}

static tube_status
parallel_open(tube_stage *s, tube_error *err)
{
    struct parallel *p = tube_state(s);

    tube_end_when(s, TUBE_UNTIL_ERROR);
    if (p->order == ORDER_KEY)
        return parallel_key(s, p, err);
    if (p->key[0] != '\0') {
        (void)tube_fail(err, TUBE_ECONFIG, "key= is for order=key");
        return tube_blame(s, "key", err);
    }
    tube_pace_all(s, false);
    if (p->order == ORDER_INPUT)
        tube_take_turns(s);
    return TUBE_OK;
}

static void
parallel_close(tube_stage *s)
{
    struct parallel *p = tube_state(s);

    tubei_split_close(&p->split);
}

static tube_status
parallel_by_key(tube_stage *s, struct parallel *p, tube_batch *b)
{
    if (tubei_split_begin(&p->split))
        TUBE_EACH(b, r) {
            uint64_t h = tubei_hash_cell(tube_row(b, r) + p->field, p->type, 0);

            tubei_split_give(&p->split, r, tubei_hash_part(h, p->split.n));
        }
    return tubei_split_send(s, &p->split, b);
}

/* The output for the next batch: the one whose turn it is, or the next one with room. */
static uint32_t
parallel_next(tube_stage *s, const struct parallel *p)
{
    uint32_t n = tube_outputs(s);

    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = (p->next + k) % n;

        if (!tube_output_open(s, i))
            continue;
        if (tube_output_room(s, i))
            return i;
        if (p->order == ORDER_INPUT)
            break;
    }
    return TUBE_ANY_INPUT;
}

static tube_status
parallel_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct parallel *p = tube_state(s);
    uint32_t i;

    (void)err;
    if (p->order == ORDER_KEY)
        return parallel_by_key(s, p, b);
    i = parallel_next(s, p);
    if (i == TUBE_ANY_INPUT)
        return TUBE_AGAIN;
    if (p->order == ORDER_INPUT)
        tube_end_turn(s, b);
    tube_pass(s, i);
    p->next = i + 1;
    return TUBE_OK;
}

const tube_stage_def tube_stage_parallel = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "parallel",
    .summary = "the same stages several times, side by side",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct parallel),
    .flags = TUBE_FORKS,
    .open = parallel_open,
    .process = parallel_process,
    .close = parallel_close,
    .rejoin = TUBE_REJOIN_ALL,
};
