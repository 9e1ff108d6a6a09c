/* SPDX-License-Identifier: MIT */
/* conform_hold.c -- stages of the conformance tests that hold batches. */
#include "conform_stages.h"

#include <stdlib.h>
#include <string.h>

/* hoard */

enum { HOARD_MOST = 64 };

struct hoard {
    conform_own own;
    int64_t held;
    tube_batch *kept[HOARD_MOST];
    uint32_t n;
};

static const tube_option hoard_options[] = {
    OWN_OPTIONS(struct hoard),
    { "held", TUBE_OPT_INT, offsetof(struct hoard, held), "1", "0..60 batches", "", 0 },
    { 0 },
};

/* Let go of the oldest until `left` are left. */
static tube_status
hoard_release(tube_stage *s, uint32_t left)
{
    struct hoard *c = tube_state(s);

    while (c->n > left) {
        tube_batch *b = c->kept[0];
        tube_status st;

        memmove(c->kept, c->kept + 1, (--c->n) * sizeof(c->kept[0]));
        st = tube_release(s, &b);
        if (st == TUBE_END || (st == TUBE_AGAIN && c->n > left))
            return st;
    }
    return TUBE_OK;
}

static tube_status
hoard_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct hoard *c = tube_state(s);
    tube_status st = conform_called(s, BAD_PROCESS, &conform_at_of(s)->calls, err);

    if (st != TUBE_OK)
        return st;
    if (c->held == 0 && c->n == 0) {
        conform_take(s, b);
        return TUBE_OK;
    }
    if (c->n >= (uint64_t)c->held) {
        st = hoard_release(s, (uint32_t)(c->held > 0 ? c->held - 1 : 0));
        if (st == TUBE_END)
            return st;
        if (c->n == HOARD_MOST)
            return TUBE_AGAIN;
    }
    conform_take(s, b);
    c->kept[c->n++] = b;
    return TUBE_QUEUED;
}

static tube_status
hoard_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct hoard *c = tube_state(s);
    tube_status st = conform_own_wake(s, why, err);

    if (st == TUBE_OK && (why & TUBE_WOKE_ABORT) != 0) {
        for (uint32_t i = 0; i < c->n; i++)
            tube_settle(s, &c->kept[i], TUBE_BROKEN);
        c->n = 0;
    } else if (st == TUBE_OK && (why & (TUBE_WOKE_FLUSH | TUBE_WOKE_PRESSURE)) != 0) {
        st = hoard_release(s, 0);
    }
    return st;
}

static tube_status
hoard_finish(tube_stage *s, tube_error *err)
{
    tube_status st = hoard_release(s, 0);

    return st == TUBE_AGAIN ? st : conform_own_finish(s, err);
}

static tube_status
hoard_reassemble(tube_stage *s, tube_error *err)
{
    struct hoard *c = tube_state(s);
    tube_status st =
        conform_called(s, BAD_REASSEMBLE, &conform_at_of(s)->reassembles, err);

    if (st != TUBE_OK)
        return st;
    conform_note((int)c->own.id, 'a', 0);
    for (uint32_t i = 0; i < c->n; i++)
        tube_give_back(s, &c->kept[i]);
    c->n = 0;
    return TUBE_OK;
}

const tube_stage_def conform_hoard = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "hoard",
    .summary = "holds the last",
    .options = hoard_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct hoard),
    .flags = TUBE_HOLDS,
    .open = conform_own_open,
    .process = hoard_process,
    .wake = hoard_wake,
    .finish = hoard_finish,
    .close = conform_own_close,
    .reassemble = hoard_reassemble,
};

/* sink */

struct sink {
    conform_own own;
    int64_t stop;
    bool gate, hold;
    tube_batch **kept;
    uint32_t n, room;
    int64_t settled;
};

static const tube_option sink_options[] = {
    OWN_OPTIONS(struct sink),
    { "stop", TUBE_OPT_INT, offsetof(struct sink, stop), "-1", "", "enough there", 0 },
    { "gate", TUBE_OPT_BOOL, offsetof(struct sink, gate), "no", "", "", 0 },
    { "hold", TUBE_OPT_BOOL, offsetof(struct sink, hold), "no", "", "", 0 },
    { 0 },
};

static void
sink_settle(tube_stage *s, bool aborted)
{
    struct sink *c = tube_state(s);
    uint32_t i = 0;

    for (; i < c->n && (aborted || c->settled < atomic_load(&conform_at_of(s)->let));
         i++) {
        tube_settle(s, &c->kept[i], aborted ? TUBE_BROKEN : TUBE_COMMITTED);
        c->settled++;
    }
    c->n -= i;
    if (c->n > 0)
        memmove(c->kept, c->kept + i, c->n * sizeof(tube_batch *));
}

static tube_status
sink_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct sink *c = tube_state(s);
    conform_at *a = conform_at_of(s);
    tube_status st;

    if (c->gate) {
        conform_own_listen(s);
        if (atomic_load(&a->gate))
            return conform_own_wait(s);
    }
    st = conform_called(s, BAD_PROCESS, &a->calls, err);
    if (st != TUBE_OK)
        return st;
    conform_enter(a);
    conform_take(s, b);
    atomic_fetch_sub(&a->inside, 1);
    if (c->stop >= 0)
        TUBE_EACH(b, r)
            if (conform_number(b, r) >= c->stop)
                return TUBE_END;
    if (!c->hold)
        return TUBE_OK;
    if (c->n == c->room) {
        c->room = c->room * 2 + 8;
        c->kept = realloc(c->kept, c->room * sizeof(tube_batch *));
        if (c->kept == NULL)
            abort();
    }
    c->kept[c->n++] = b;
    conform_own_listen(s);
    sink_settle(s, false);
    (void)conform_own_wait(s);
    return TUBE_QUEUED;
}

static tube_status
sink_wake(tube_stage *s, unsigned why, tube_error *err)
{
    const struct sink *c = tube_state(s);

    if (c->hold) {
        conform_own_listen(s);
        sink_settle(s, (why & TUBE_WOKE_ABORT) != 0);
        if (c->n > 0)
            (void)conform_own_wait(s);
    }
    return conform_own_wake(s, why, err);
}

static tube_status
sink_finish(tube_stage *s, tube_error *err)
{
    const struct sink *c = tube_state(s);

    if (c->hold) {
        conform_own_listen(s);
        sink_settle(s, tube_aborted(s));
        if (c->n > 0)
            return conform_own_wait(s);
    }
    return conform_own_finish(s, err);
}

static void
sink_close(tube_stage *s)
{
    struct sink *c = tube_state(s);

    free(c->kept);
    conform_own_close(s);
}

const tube_stage_def conform_sink = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "sink",
    .summary = "logs",
    .options = sink_options,
    .in = TUBE_FLOW_RECORDS,
    .flags = TUBE_HOLDS,
    .state_size = sizeof(struct sink),
    .open = conform_own_open,
    .process = sink_process,
    .wake = sink_wake,
    .finish = sink_finish,
    .close = sink_close,
};
