/* SPDX-License-Identifier: MIT */
/* route.c -- each record to one of the branches, or on.
 *
 * in   any records
 * out  a record goes to the first branch whose condition is true, whose name a field
 *      has, or that its hash decides; what no branch takes goes on in the main flow
 */
#include "expr.h"
#include "fields.h"
#include "hash.h"
#include "route_split.h"

#include <tubes/stage.h>

#include <stdlib.h>
#include <string.h>

enum { PACE_FASTEST, PACE_SLOWEST };

/* A branch; the last one is the main flow. */
struct branch {
    tube_head head;
    tubei_expr *when; /* TUBE_HEAD_WHEN */
    tube_slice name;  /* TUBE_HEAD_AS */
    uint32_t next;    /* the next one whose name has the same slot; n: none */
};

struct route {
    const char *to;   /* option */
    const char *hash; /* option */
    int64_t pace;     /* option */
    int64_t until;    /* option */
    tube_field field; /* of to= or hash= */
    tube_type type;
    struct branch *branch;
    uint32_t n;         /* with the main flow */
    uint32_t otherwise; /* what no condition and no name takes */
    uint32_t *slot;     /* of a name's hash: the first branch with it; n: none */
    uint32_t slots;
    tubei_split split;
};

#define AT(member) offsetof(struct route, member)
static const tube_option options[] = {
    { "to", TUBE_OPT_TEXT, AT(to), "", "field",
      "a record goes to the branch `as NAME` that this field names", 0 },
    { "hash", TUBE_OPT_TEXT, AT(hash), "", "field",
      "records with the same value of this field go to the same branch", 0 },
    { "pace", TUBE_OPT_ENUM, AT(pace), "fastest", "fastest|slowest",
      "fastest: what a slow branch cannot take waits in memory; slowest: all wait for it",
      0 },
    { "until", TUBE_OPT_ENUM, AT(until), "error", "error|all|any",
      "end when a branch has failed, when all have ended, or when one has", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | route ( when status >= 500 | print ) "
    "( when status >= 400 | null ) | null",
    "gen combined 1000 | parse combined | route to=method ( as GET | null ) "
    "( otherwise | print )",
    "gen combined 1000 | parse combined | route hash=client ( null ) ( null )",
    NULL,
};

static tube_status
route_field(tube_stage *s, struct route *r, const char *option, const char *name,
            tube_error *err)
{
    const tube_schema *in = tube_input(s);

    r->field = in != NULL ? tube_schema_find(in, name) : -1;
    if (r->field < 0) {
        if (in != NULL)
            (void)tubei_fields_unknown(in, name, err);
        else
            (void)tube_fail(err, TUBE_ECONFIG, "no field '%s'", name);
        return tube_blame(s, option, err);
    }
    r->type = tube_schema_column(in, r->field)->type;
    return TUBE_OK;
}

/* How a branch may begin here. */
static tube_status
check_head(const struct route *r, uint32_t i, tube_error *err)
{
    tube_head head = r->branch[i].head;

    if (r->hash[0] != '\0') {
        if (head == TUBE_HEAD_NONE)
            return TUBE_OK;
        return tube_fail(
            err, TUBE_ECONFIG,
            "with hash= a branch begins with a stage, not with a condition");
    }
    if (head == TUBE_HEAD_OTHERWISE)
        return TUBE_OK;
    if (r->to[0] != '\0' && head != TUBE_HEAD_AS)
        return tube_fail(err, TUBE_ECONFIG,
                         "with to= branch %u must begin with 'as NAME' or 'otherwise'",
                         i + 1);
    if (r->to[0] == '\0' && head == TUBE_HEAD_AS)
        return tube_fail(err, TUBE_ECONFIG, "'as NAME' is for to=FIELD");
    if (head == TUBE_HEAD_NONE)
        return tube_fail(err, TUBE_ECONFIG,
                         "branch %u must begin with 'when CONDITION' or 'otherwise'",
                         i + 1);
    return TUBE_OK;
}

/* Names, by their hash. */

static uint32_t
find_name(const struct route *r, tube_slice name)
{
    uint64_t h = tubei_hash_bytes(name.ptr, name.len, 0);
    uint32_t i = r->slot[h & (r->slots - 1)];

    while (i < r->n
           && (r->branch[i].name.len != name.len
               || memcmp(r->branch[i].name.ptr, name.ptr, name.len) != 0))
        i = r->branch[i].next;
    return i;
}

/* The text has made sure that names are different. */
static void
add_name(struct route *r, uint32_t i, const char *name)
{
    size_t len = strlen(name);
    uint32_t *slot = &r->slot[tubei_hash_bytes(name, len, 0) & (r->slots - 1)];

    r->branch[i].name = (tube_slice){ name, len };
    r->branch[i].next = *slot;
    *slot = i;
}

static tube_status
open_branches(tube_stage *s, struct route *r, tube_error *err)
{
    for (uint32_t i = 0; i + 1 < r->n; i++) {
        const tube_expr_text *when = NULL;
        const char *name = NULL;
        tube_status st;

        r->branch[i].head = tube_output_head(s, i, &when, &name);
        st = check_head(r, i, err);
        if (st == TUBE_OK && r->branch[i].head == TUBE_HEAD_WHEN)
            st = tubei_expr_new(when, tube_input(s), &r->branch[i].when, err);
        if (st != TUBE_OK)
            return st;
        if (r->branch[i].head == TUBE_HEAD_AS)
            add_name(r, i, name);
        if (r->branch[i].head == TUBE_HEAD_OTHERWISE)
            r->otherwise = i;
    }
    return TUBE_OK;
}

static void
route_free(struct route *r)
{
    for (uint32_t i = 0; r->branch != NULL && i < r->n; i++)
        tubei_expr_free(r->branch[i].when);
    free(r->branch);
    free(r->slot);
    r->branch = NULL;
    r->slot = NULL;
    tubei_split_close(&r->split);
}

static tube_status
open_keys(tube_stage *s, struct route *r, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (r->to[0] != '\0' && r->hash[0] != '\0') {
        (void)tube_fail(err, TUBE_ECONFIG, "to= and hash= exclude each other");
        return tube_blame(s, "hash", err);
    }
    if (r->hash[0] != '\0')
        return route_field(s, r, "hash", r->hash, err);
    if (r->to[0] != '\0')
        st = route_field(s, r, "to", r->to, err);
    if (st == TUBE_OK && r->to[0] != '\0' && r->type != TUBE_TEXT
        && r->type != TUBE_BYTES) {
        (void)tube_fail(err, TUBE_ECONFIG, "to=%s: the field is no text", r->to);
        st = tube_blame(s, "to", err);
    }
    return st;
}

static tube_status
route_open(tube_stage *s, tube_error *err)
{
    static const tube_until until[] = { TUBE_UNTIL_ERROR, TUBE_UNTIL_ALL,
                                        TUBE_UNTIL_ANY };
    struct route *r = tube_state(s);
    tube_status st = open_keys(s, r, err);

    if (st != TUBE_OK)
        return st;
    r->n = tube_outputs(s);
    if (r->n < 2)
        return tube_fail(err, TUBE_ECONFIG, "no branch: route ( when ... | ... )");
    r->otherwise = r->n - 1;
    for (r->slots = 1; r->slots < 2 * r->n;)
        r->slots *= 2;
    r->branch = calloc(r->n, sizeof(*r->branch));
    r->slot = calloc(r->slots, sizeof(*r->slot));
    st = tubei_split_open(s, &r->split, true, err);
    if (st == TUBE_OK && (r->branch == NULL || r->slot == NULL))
        st = tube_fail(err, TUBE_ENOMEM, "no memory for %u branches", r->n);
    for (uint32_t i = 0; st == TUBE_OK && i < r->slots; i++)
        r->slot[i] = r->n;
    if (st == TUBE_OK)
        st = open_branches(s, r, err);
    if (st != TUBE_OK) {
        route_free(r);
        return st;
    }
    r->split.turns = true;
    tube_take_turns(s);
    tube_pace_all(s, r->pace == PACE_SLOWEST);
    tube_end_when(s, until[r->until]);
    return TUBE_OK;
}

static void
route_close(tube_stage *s)
{
    route_free(tube_state(s));
}

/* The branch that a record goes to. */
static uint32_t
route_row(const struct route *r, const tube_cell *row)
{
    if (r->hash[0] != '\0')
        return tubei_hash_part(tubei_hash_cell(&row[r->field], r->type, 0), r->n - 1);
    if (r->to[0] != '\0') {
        uint32_t i = row[r->field].set ? find_name(r, tube_text(&row[r->field])) : r->n;

        return i < r->n ? i : r->otherwise;
    }
    for (uint32_t i = 0; i + 1 < r->n; i++)
        if (r->branch[i].when != NULL && tubei_expr_holds(r->branch[i].when, row))
            return i;
    return r->otherwise;
}

static tube_status
route_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct route *r = tube_state(s);

    (void)err;
    if (tubei_split_begin(&r->split))
        TUBE_EACH(b, row)
            tubei_split_give(&r->split, row, route_row(r, tube_row(b, row)));
    return tubei_split_send(s, &r->split, b);
}

const tube_stage_def tube_stage_route = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "route",
    .summary = "each record to one of the branches, or on",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct route),
    .flags = TUBE_FORKS | TUBE_PORTS_KEYED,
    .open = route_open,
    .process = route_process,
    .close = route_close,
    .rejoin = TUBE_REJOIN_OPEN,
};
