/* SPDX-License-Identifier: MIT */
/* thru.c -- every item through every branch, in the order of the branches.
 *
 * in   any records
 * out  for each item what the first branch makes of it, then the second, and so on
 */
#include "route_split.h"

#include <tubes/stage.h>

enum { BY_BATCH, BY_RECORD };

struct thru {
    int64_t by; /* option */
    tubei_split split;
    bool inside;     /* those below are a cursor in the batch */
    bool last;       /* only the last record is left */
    uint32_t row;    /* record that is sent */
    uint32_t output; /* the next one that gets it */
};

#define AT(member) offsetof(struct thru, member)
static const tube_option options[] = {
    { "by", TUBE_OPT_ENUM, AT(by), "batch", "batch|record",
      "what an item is: a batch as it comes, or one record, which is slow", 0 },
    { 0 },
};

static const char *const examples[] = {
    "gen combined 10 | parse combined | thru by=record ( keep path ) ( keep path ) "
    "| print",
    "gen combined 1000 | parse combined | thru ( where status >= 500 ) "
    "( where status < 500 | head 5 )",
    NULL,
};

static tube_status
thru_open(tube_stage *s, tube_error *err)
{
    struct thru *t = tube_state(s);

    tube_take_turns(s);
    tube_end_when(s, TUBE_UNTIL_ERROR);
    t->split.turns = true;
    return tubei_split_open(s, &t->split, false, err);
}

/* Send the record at the cursor, alone, to one branch after the other. */
static tube_status
thru_record(tube_stage *s, struct thru *t, tube_batch *b)
{
    uint32_t n = tube_outputs(s);

    for (; t->output < n; t->output++) {
        tube_batch *one;

        if (!tube_output_open(s, t->output))
            continue;
        if (!tube_output_room(s, t->output))
            return TUBE_AGAIN;
        one = tubei_split_row(s, b, t->row, false);
        if (one == NULL)
            return TUBE_AGAIN;
        tube_end_turn(s, one);
        tubei_split_emit(s, t->output, one); /* room is looked at the next time */
    }
    t->output = 0;
    return TUBE_OK;
}

/* All records but the last, each alone; the last one is left in the batch. */
static tube_status
thru_records(tube_stage *s, struct thru *t, tube_batch *b)
{
    uint64_t only[TUBE_BATCH_ROWS / 64] = { 0 };

    for (;;) {
        uint32_t next = t->row < b->n ? tube_next(b, t->row + 1) : b->n;
        tube_status st;

        if (next == b->n)
            break;
        st = thru_record(s, t, b);
        if (st != TUBE_OK)
            return st;
        t->row = next;
    }
    if (t->row < b->n) {
        only[t->row / 64] = (uint64_t)1 << (t->row % 64);
        tube_keep_rows(s, b, only);
    }
    t->last = true;
    return TUBE_OK;
}

/* With the last record go the position and the rejects: it is sent as a batch is. */
static tube_status
thru_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct thru *t = tube_state(s);
    tube_status st = TUBE_OK;

    (void)err;
    if (t->by == BY_RECORD && !t->inside) {
        t->inside = true;
        t->last = false;
        t->row = tube_next(b, 0);
        t->output = 0;
    }
    if (t->by == BY_RECORD && !t->last)
        st = thru_records(s, t, b);
    if (st == TUBE_OK && t->by == BY_RECORD && !tube_room(s))
        st = TUBE_AGAIN;
    if (st != TUBE_OK)
        return st;
    (void)tubei_split_begin(&t->split);
    st = tubei_split_send(s, &t->split, b);
    t->inside = st != TUBE_OK;
    return st;
}

const tube_stage_def tube_stage_thru = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "thru",
    .summary = "every item through every branch, in the order of the branches",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct thru),
    .flags = TUBE_FORKS,
    .open = thru_open,
    .process = thru_process,
    .rejoin = TUBE_REJOIN_ALL,
};
