/* SPDX-License-Identifier: MIT */
/* joints_stages.h -- a source with a position, and a sink that checks positions.
 *
 * The sink checks what exactly-once storage needs: positions of an origin form a chain,
 * and when one arrives, every record below it has arrived as often as it must.
 */
#ifndef TUBES_TESTS_JOINTS_STAGES_H
#define TUBES_TESTS_JOINTS_STAGES_H

#include <tubes/tubes.h>

#include <stdlib.h>
#include <string.h>

enum {
    MOST = 20000,
    LEDGERS = 8,
    ORIGINS = 4,
    BYTES = 10 /* of a record in its origin */
};

/* places: a source with a position.  Record k is the bytes [k * BYTES, (k + 1) * BYTES). */

struct places {
    int64_t n, rows;
    int64_t done;
    uint32_t origin;
};

static const tube_option places_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct places, n), NULL, "rows", "how many",
      TUBE_OPT_POSITIONAL },
    { "rows", TUBE_OPT_INT, offsetof(struct places, rows), "50", "", "in a batch", 0 },
    { 0 },
};

static tube_status
places_open(tube_stage *s, tube_error *err)
{
    const tube_column column = { .name = "k", .type = TUBE_INT };
    struct places *p = tube_state(s);
    tube_status st = tube_set_schema(s, &column, 1, err);

    if (st != TUBE_OK)
        return st;
    return tube_origin_add(
        s,
        &(tube_origin){
            .name = "/places", .print = "x", .print_len = 1, .size = UINT64_MAX },
        &p->origin, err);
}

static tube_status
places_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct places *p = tube_state(s);
    tube_extent e = { .origin = p->origin };
    tube_batch *b;
    tube_cell *row;

    (void)unused;
    (void)err;
    if (p->done == p->n)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    e.line = (uint64_t)p->done;
    while (b->n < p->rows && p->done < p->n && (row = tube_batch_add(b)) != NULL) {
        b->offset[b->n - 1] = (uint64_t)p->done * BYTES;
        tube_set_int(row, p->done++);
    }
    e.lines = b->n;
    e.lo = e.line * BYTES;
    e.hi = (e.line + e.lines) * BYTES;
    if (!tube_batch_extent(b, &e))
        abort();
    return tube_emit(s, &b);
}

/* ledger: a sink that keeps positions, and checks them. */

static struct ledger_seen {
    uint32_t times[MOST];
    uint64_t rows, rejected;
    uint64_t early;     /* records that a position was ahead of */
    uint64_t broken;    /* positions that did not begin where the last one ended */
    uint64_t low, line; /* of origin 0 */
    uint64_t others[ORIGINS]; /* low of the others */
    int64_t last;
    uint64_t disorder;
} seen_by[LEDGERS];

struct ledger {
    int64_t id, times, of;
};

static const tube_option ledger_options[] = {
    { "id", TUBE_OPT_INT, offsetof(struct ledger, id), "0", "", "of what it sees",
      TUBE_OPT_POSITIONAL },
    { "times", TUBE_OPT_INT, offsetof(struct ledger, times), "1", "",
      "how often each record comes; 0: not checked", 0 },
    { 0 },
};

static tube_status
ledger_locate(tube_stage *s, uint32_t id, const tube_origin *o, tube_mark *m,
              tube_error *err)
{
    (void)s;
    (void)id;
    (void)o;
    (void)err;
    *m = (tube_mark){ 0 };
    return TUBE_OK;
}

static void
ledger_position(const struct ledger *l, struct ledger_seen *z, const tube_extent *e)
{
    if (e->origin == TUBE_NO_ORIGIN || e->hi == e->lo)
        return;
    if (e->origin > 0) {
        z->broken += e->lo != z->others[e->origin] || e->hi < e->lo;
        z->others[e->origin] = e->hi;
        return;
    }
    z->broken += e->lo != z->low || e->hi < e->lo;
    for (uint64_t k = z->low / BYTES; k < e->hi / BYTES; k++)
        z->early += l->times > 0 && z->times[k] != (uint64_t)l->times;
    z->low = e->hi;
    z->line = e->line + e->lines;
}

static tube_status
ledger_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct ledger *l = tube_state(s);
    struct ledger_seen *z = &seen_by[l->id];

    (void)err;
    TUBE_EACH(b, r) {
        int64_t k = tube_row(b, r)->integer;

        z->times[k]++;
        z->rows++;
        z->disorder += k < z->last;
        z->last = k;
    }
    for (uint32_t i = 0; i < b->n_rejected; i++) {
        z->times[tube_row(b, b->rejected[i].row)->integer]++;
        z->rejected++;
    }
    for (uint32_t i = 0; i < b->n_extents; i++)
        ledger_position(l, z, &b->extents[i]);
    return TUBE_OK;
}

/* until: passes records below a number, then has enough. */

struct until {
    int64_t n;
};

static const tube_option until_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct until, n), NULL, "", "", TUBE_OPT_POSITIONAL },
    { 0 },
};

static tube_status
until_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct until *u = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        if (tube_row(b, r)->integer >= u->n) {
            tube_batch_cut(s, b, r);
            return TUBE_END;
        }
    }
    return TUBE_OK;
}

/* alone: each record in a batch of its own, as an emitter makes them. */

struct alone {
    uint32_t row;
    bool inside;
};

static tube_status
alone_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct alone *a = tube_state(s);

    (void)err;
    if (!a->inside)
        a->row = tube_next(b, 0);
    a->inside = true;
    while (a->row < b->n) {
        tube_batch *out = tube_take(s);
        tube_status st;

        if (out == NULL)
            return TUBE_AGAIN;
        *tube_batch_add(out) = *tube_row(b, a->row);
        a->row = tube_next(b, a->row + 1);
        st = tube_emit(s, &out);
        if (st != TUBE_OK && (st == TUBE_END || a->row < b->n))
            return st;
    }
    a->inside = false;
    return TUBE_OK;
}

/* sieve: refuses every n-th. */

static tube_status
sieve_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct until *u = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        if (tube_row(b, r)->integer % u->n == 0)
            tube_reject(s, b, r, UINT32_MAX, "refused");
    }
    return TUBE_OK;
}

/* once: passes the first record of each method that this instance sees. */

enum { METHODS = 32, METHOD_BYTES = 16 };

struct once {
    char seen[METHODS][METHOD_BYTES];
    uint32_t n;
};

static bool
once_is_new(struct once *o, tube_slice method)
{
    for (uint32_t i = 0; i < o->n; i++)
        if (strlen(o->seen[i]) == method.len
            && memcmp(o->seen[i], method.ptr, method.len) == 0)
            return false;
    if (o->n == METHODS || method.len >= METHOD_BYTES)
        abort();
    memcpy(o->seen[o->n++], method.ptr, method.len);
    return true;
}

static tube_status
once_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    tube_field f = tube_schema_find(tube_input(s), "method");

    (void)err;
    TUBE_EACH(b, r) {
        if (!once_is_new(tube_state(s), tube_text(tube_row(b, r) + f)))
            tube_filter(s, b, r);
    }
    return TUBE_OK;
}

static const tube_stage_def stages[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SOURCE,
      .name = "places",
      .summary = "numbers with positions",
      .options = places_options,
      .out = TUBE_FLOW_RECORDS,
      .flags = TUBE_FRAMES, /* its batches have offsets */
      .state_size = sizeof(struct places),
      .open = places_open,
      .process = places_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "ledger",
      .summary = "checks positions",
      .options = ledger_options,
      .in = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct ledger),
      .process = ledger_process,
      .locate = ledger_locate },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "until",
      .summary = "enough",
      .options = until_options,
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct until),
      .process = until_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "alone",
      .summary = "small batches",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct alone),
      .flags = TUBE_EMITS,
      .process = alone_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "sieve",
      .summary = "refuses",
      .options = until_options,
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct until),
      .process = sieve_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_TRANSFORM,
      .name = "once",
      .summary = "each method once",
      .in = TUBE_FLOW_RECORDS,
      .out = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct once),
      .process = once_process },
};

#endif /* TUBES_TESTS_JOINTS_STAGES_H */
