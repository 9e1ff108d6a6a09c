/* SPDX-License-Identifier: MIT */
/* rejoin.c -- where the branches of a fork come together again; put in by the engine.
 *
 * in   any records, by one input for each branch
 * out  all of them; if the fork takes turns, one turn of each branch after the other
 *
 * A fork that gives every item to all branches sends its position down each of them: it
 * passes with the last one.  One that gives each item to one branch sends each position
 * once.  Which one it is shows when the second branch delivers; until then a position
 * waits, which is right in both cases.
 */
#include "registry.h"
#include "route_positions.h"

#include <tubes/stage.h>

typedef enum fork_kind {
    FORK_UNKNOWN,
    FORK_COPIES, /* every item to all branches */
    FORK_SHARES, /* every item to one of them */
} fork_kind;

struct rejoin {
    bool turns;
    uint32_t turn; /* the input whose turn it is, if that is open */
    fork_kind kind;
    uint32_t owed_by; /* input that the last position waits for others with */
    bool failed;      /* records are missing */
    tubei_positions positions;
};

static const char *const examples[] = {
    "gen combined 1000 | parse combined | parallel 2 ( where status >= 500 ) | print",
    NULL,
};

static tube_status
rejoin_open(tube_stage *s, tube_error *err)
{
    struct rejoin *r = tube_state(s);

    (void)err;
    r->turns = tube_joins_turns(s);
    tube_end_when(s, TUBE_UNTIL_ERROR);
    return TUBE_OK;
}

static void
rejoin_close(tube_stage *s)
{
    struct rejoin *r = tube_state(s);

    tubei_positions_fini(&r->positions);
}

static uint32_t
rejoin_select(tube_stage *s)
{
    const struct rejoin *r = tube_state(s);
    uint32_t n = tube_inputs(s);

    for (uint32_t k = 0; r->turns && k < n; k++)
        if (tube_input_open(s, (r->turn + k) % n))
            return (r->turn + k) % n;
    return TUBE_ANY_INPUT;
}

static bool
is_last(const tube_stage *s, uint32_t input)
{
    uint32_t n = tube_inputs(s);

    for (uint32_t i = input + 1; i < n; i++)
        if (tube_input_open(s, i))
            return false;
    return true;
}

static bool
positions_in_turn(const tube_stage *s, struct rejoin *r, tube_batch *b)
{
    uint32_t input = tube_input_at(s);

    if (!tubei_position_real(b))
        return true;
    if (r->kind == FORK_UNKNOWN && r->positions.n > 0 && input > r->owed_by)
        r->kind = tubei_positions_known(&r->positions, b) ? FORK_COPIES : FORK_SHARES;
    if (r->kind == FORK_SHARES || is_last(s, input))
        return tubei_positions_pay(&r->positions, b);
    r->owed_by = input;
    return tubei_positions_owe(&r->positions, b);
}

static bool
positions_sorted(const tube_stage *s, struct rejoin *r, tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents; i++) {
        uint32_t origin = b->extents[i].origin;

        if (origin != TUBE_NO_ORIGIN && !tubei_positions_begun(&r->positions, origin)
            && !tubei_positions_begin(&r->positions, origin,
                                      tube_origin_mark(s, origin).low))
            return false;
    }
    return tubei_positions_sort(&r->positions, b);
}

static tube_status
rejoin_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct rejoin *r = tube_state(s);
    bool fits = r->turns ? positions_in_turn(s, r, b) : positions_sorted(s, r, b);

    if (!fits)
        return tube_fail(err, TUBE_ENOMEM, "no memory for positions");
    if (r->turns && tube_turn_ended(s, b))
        r->turn = (tube_input_at(s) + 1) % tube_inputs(s);
    return TUBE_OK;
}

static tube_status
rejoin_ended(tube_stage *s, uint32_t input, tube_stop why, tube_error *err)
{
    struct rejoin *r = tube_state(s);

    (void)input;
    (void)err;
    r->failed = r->failed || why > TUBE_STOP_CANCELLED;
    return TUBE_OK;
}

/* What the last branches would have brought, had they not ended before. */
static tube_status
rejoin_finish(tube_stage *s, tube_error *err)
{
    struct rejoin *r = tube_state(s);

    (void)err;
    while (r->positions.n > 0 && !r->failed) {
        tube_batch *b = tube_take(s);
        tube_status st;

        if (b == NULL)
            return TUBE_AGAIN;
        tubei_positions_rest(&r->positions, b);
        st = tube_emit(s, &b);
        if (st != TUBE_OK && (st == TUBE_END || r->positions.n > 0))
            return st;
    }
    return TUBE_OK;
}

const tube_stage_def tube_stage_rejoin = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "rejoin",
    .summary = "where branches come together again; put in where it is needed",
    .examples = examples,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct rejoin),
    .flags = TUBE_JOINS,
    .open = rejoin_open,
    .process = rejoin_process,
    .finish = rejoin_finish,
    .close = rejoin_close,
    .select = rejoin_select,
    .ended = rejoin_ended,
};
