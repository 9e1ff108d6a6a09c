/* SPDX-License-Identifier: MIT */
/* graph_act.c -- what a program may do to a pipeline that runs, at random. */
#include "graph_world.h"

#include <stdarg.h>
#include <string.h>

void
graph_log(const char *fmt, ...)
{
    size_t room = GRAPH_LOG - graph.log_len;
    int head;
    int n;
    va_list ap;

    if (room < 512)
        return;
    head = snprintf(graph.log + graph.log_len, room,
                    "%llu: ", (unsigned long long)graph.steps);
    va_start(ap, fmt);
    n = vsnprintf(graph.log + graph.log_len + head, room - (size_t)head - 1, fmt, ap);
    va_end(ap);
    graph.log_len += (size_t)head + (size_t)n;
    if (graph.log_len > GRAPH_LOG - 2)
        graph.log_len = GRAPH_LOG - 2;
    graph.log[graph.log_len++] = '\n';
}

/* One of `n` answers is right. */
static void
expect(const char *what, tube_status st, const tube_error *err, const tube_status *ok,
       size_t n)
{
    graph_log("  -> %d", (int)st);
    for (size_t i = 0; i < n; i++)
        if (ok[i] == st)
            return;
    graph_wrong("%s: %d %s", what, (int)st, err != NULL ? err->message : "");
}

#define EXPECT(what, st, err, ...)                            \
  expect(what, st, err, (const tube_status[]){ __VA_ARGS__ }, \
         sizeof((tube_status[]){ __VA_ARGS__ }) / sizeof(tube_status))

/* A stage, or a place where one was. */
static tube_ref
any(uint32_t *place)
{
    *place = graph_rnd(tube_stage_count(graph.p));
    return tube_ref_at(graph.p, *place);
}

/* A stage that joins (or forks and does not rejoin); id 0: luck has found none. */
static tube_ref
any_port(uint32_t flag)
{
    for (uint32_t tries = 0; tries < 30; tries++) {
        uint32_t i = graph_rnd(tube_stage_count(graph.p));
        const tube_stage_def *d = tube_stage_at(graph.p, i).def;

        if (d != NULL && (d->flags & flag) != 0 && strcmp(d->name, "rejoin") != 0
            && (flag == TUBE_JOINS || strcmp(d->name, "tee") == 0)) {
            graph_log("at %u %s", i, d->name);
            return tube_ref_at(graph.p, i);
        }
    }
    return (tube_ref){ 0 };
}

static void
act_stop(void)
{
    tube_stop kind = graph_one_in(2) ? TUBE_STOP_SATISFIED : TUBE_STOP_CANCELLED;
    uint32_t i;
    tube_ref ref = any(&i);

    graph_log("tube_stop_stage %u kind %d", i, (int)kind);
    EXPECT("tube_stop_stage", tube_stop_stage(graph.p, ref, kind, "stopped"), NULL,
           TUBE_OK, TUBE_END, TUBE_EINVAL);
}

static void
act_pause(void)
{
    uint32_t i;
    uint32_t k = 0;
    tube_ref ref = any(&i);
    tube_ref owner = graph_one_in(3) ? any(&k) : (tube_ref){ 0 };
    tube_pause_id id = { 0 };
    tube_status st;

    if (graph.n_pauses == GRAPH_THINGS)
        return;
    graph_log("tube_pause %u owner %s%u", i, owner.id != 0 ? "stage " : "none ", k);
    st = tube_pause(graph.p, ref, owner, "random", &id);
    EXPECT("tube_pause", st, NULL, TUBE_OK, TUBE_END, TUBE_EINVAL);
    if (st == TUBE_OK)
        graph.pause[graph.n_pauses++] = id;
}

static void
act_resume(void)
{
    uint32_t i;
    tube_pause_id id;

    if (graph.n_pauses == 0)
        return;
    i = graph_rnd(graph.n_pauses);
    id = graph.pause[i];
    graph_log("tube_resume %llu", (unsigned long long)id.id);
    EXPECT("tube_resume", tube_resume(graph.p, id), NULL, TUBE_OK, TUBE_EINVAL);
    EXPECT("tube_resume twice", tube_resume(graph.p, id), NULL, TUBE_EINVAL);
    graph.pause[i] = graph.pause[--graph.n_pauses];
}

static void
act_attach(void)
{
    bool joins = graph_one_in(2);
    tube_ref at = any_port(joins ? TUBE_JOINS : TUBE_FORKS);
    tube_error err = { 0 };
    tube_status st;
    const char *text;

    if (at.id == 0)
        return;
    text = joins ? graph_write_input() : graph_write_branch();
    graph_log("tube_attach %s", text);
    st = tube_attach(graph.p, at, text, NULL, &err);
    EXPECT("tube_attach", st, &err, TUBE_OK, TUBE_END, TUBE_EINVAL);
    graph.refused = graph.refused || st != TUBE_OK;
}

static void
act_detach(void)
{
    tube_error err = { 0 };
    uint32_t i;
    tube_ref ref = any(&i);

    graph_log("tube_detach %u", i);
    EXPECT("tube_detach", tube_detach(graph.p, ref, &err), &err, TUBE_OK, TUBE_END,
           TUBE_EINVAL);
}

static void
act_divert(void)
{
    tube_error err = { 0 };
    uint32_t i;
    tube_ref ref = any(&i);
    const char *text = graph_write_branch();
    tube_status st;

    graph_log("tube_divert %u %s", i, text);
    st = tube_divert(graph.p, ref, text, NULL, &err);
    EXPECT("tube_divert", st, &err, TUBE_OK, TUBE_END, TUBE_EINVAL, TUBE_ECONFIG);
    graph.refused = graph.refused || st != TUBE_OK;
}

static void
act_hold(void)
{
    tube_ref at = any_port(TUBE_JOINS);

    if (at.id == 0)
        return;
    if (graph_one_in(2)) {
        graph_log("tube_hold");
        EXPECT("tube_hold", tube_hold(graph.p, at), NULL, TUBE_OK, TUBE_END,
               TUBE_EINVAL);
    } else {
        graph_log("tube_seal");
        EXPECT("tube_seal", tube_seal(graph.p, at), NULL, TUBE_OK, TUBE_END,
               TUBE_EINVAL);
    }
}

/* Inlets. */

static void
act_inlet(void)
{
    tube_ref at = any_port(TUBE_JOINS);
    tube_error err = { 0 };
    tube_inlet *in;

    if (at.id == 0 || graph.n_inlets == GRAPH_THINGS)
        return;
    graph_log("tube_inlet_new");
    in = tube_inlet_new(graph.p, at, NULL, &err);
    EXPECT("tube_inlet_new", in != NULL ? TUBE_OK : err.status, &err, TUBE_OK, TUBE_END,
           TUBE_EINVAL);
    if (in == NULL)
        return;
    graph.inlet[graph.n_inlets++] =
        (graph_inlet){ .in = in,
                       .source = atomic_fetch_add(&graph.sources, 1) % GRAPH_SOURCES };
}

static void
told(tube_future *f)
{
    (void)f;
    atomic_fetch_add(&graph.told, 1);
}

/* A future for one record in three; NULL: nobody asks. */
static tube_future *
graph_ask(void)
{
    static const tube_then then = { .fn = told };
    tube_future *f = &graph.asked[graph.n_asked];

    graph.asking = graph.n_asked < GRAPH_ASKED && graph_one_in(3);
    if (!graph.asking)
        return NULL;
    tube_future_init(f, &then);
    return f;
}

static void
act_push(void)
{
    graph_inlet *g;
    uint32_t n = 1 + graph_rnd(300);
    tube_status st = TUBE_OK;

    if (graph.n_inlets == 0)
        return;
    g = &graph.inlet[graph_rnd(graph.n_inlets)];
    graph_log("tube_push %u", n);
    for (; n > 0 && st == TUBE_OK; n--) {
        tube_cell cell = { .set = 1 };

        cell.integer = (int64_t)g->source << GRAPH_SHIFT | g->pushed++;
        st = tube_push(g->in, &cell, graph_ask());
        graph.n_asked += graph.asking && st == TUBE_OK;
    }
    EXPECT("tube_push", st, NULL, TUBE_OK, TUBE_AGAIN, TUBE_END);
}

static void
inlet_end(uint32_t i)
{
    tube_inlet *in = graph.inlet[i].in;
    tube_stop kind = (tube_stop)(TUBE_STOP_END + graph_rnd(3));

    graph.inlet[i] = graph.inlet[--graph.n_inlets];
    graph_log("tube_inlet_stop kind %d, free", (int)kind);
    if (!graph_one_in(3)) {
        tube_inlet_stop(in, kind, graph_one_in(2) ? "enough" : NULL);
        tube_inlet_stop(in, kind, NULL);
    }
    tube_inlet_free(in);
}

static void
act_inlet_end(void)
{
    if (graph.n_inlets > 0)
        inlet_end(graph_rnd(graph.n_inlets));
}

/* The rest. */

static void
act_resize(void)
{
    tube_queue_limits l = { .batches = graph_rnd(20) };
    uint32_t i;
    tube_ref ref = any(&i);

    if (graph_one_in(2))
        l.rows = 1 + graph_rnd(500);
    if (graph_one_in(4))
        l.bytes = 1 + graph_rnd(1 << 20);
    if (graph_one_in(4))
        l.rows = l.bytes = UINT64_MAX;
    graph_log("tube_queue_resize %u batches %u rows %llu bytes %llu", i, l.batches,
              (unsigned long long)l.rows, (unsigned long long)l.bytes);
    EXPECT("tube_queue_resize", tube_queue_resize(graph.p, ref, &l), NULL, TUBE_OK,
           TUBE_EINVAL);
}

static void
act_flush(void)
{
    tube_flush_mode mode = graph_one_in(2) ? TUBE_SETTLED : TUBE_HANDED_OVER;
    tube_error err = { 0 };
    tube_flush *f;

    if (graph.n_flushes == GRAPH_THINGS || !graph.started)
        return;
    graph_log("tube_flush_begin mode %d", (int)mode);
    f = tube_flush_begin(graph.p, mode, &err);
    if (f == NULL)
        graph_wrong("tube_flush_begin: %s", err.message);
    else
        graph.flush[graph.n_flushes++] = (graph_flush){ f, mode == TUBE_SETTLED };
}

static void
act_flush_look(void)
{
    uint32_t i;
    tube_status st;

    if (graph.n_flushes == 0)
        return;
    i = graph_rnd(graph.n_flushes);
    graph_log("tube_flush_wait");
    st = tube_flush_wait(graph.flush[i].f, 0);
    EXPECT("tube_flush_wait", st, NULL, TUBE_OK, TUBE_END, TUBE_ETIME);
    if (st == TUBE_ETIME && !graph_one_in(8))
        return;
    tube_flush_free(graph.flush[i].f);
    graph.flush[i] = graph.flush[--graph.n_flushes];
}

static void
act_end(void)
{
    switch (graph_rnd(graph.started ? 6 : 5)) {
    case 5:
        graph_log("tube_drain_within");
        atomic_store(&graph.aborting, true);
        EXPECT("tube_drain_within",
               tube_drain_within(graph.p, graph_rnd(3) * (uint64_t)500000), NULL,
               TUBE_OK);
        break;
    case 1:
        graph_log("tube_abort");
        atomic_store(&graph.aborting, true);
        tube_abort(graph.p);
        break;
    default:
        graph_log("tube_drain");
        tube_drain(graph.p);
        break;
    }
}

static void
act(void)
{
    static const struct {
        void (*act)(void);
        uint32_t weight;
    } acts[] = {
        { act_stop, 5 },      { act_pause, 10 },     { act_resume, 14 },
        { act_attach, 14 },   { act_detach, 4 },     { act_divert, 5 },
        { act_hold, 6 },      { act_inlet, 10 },     { act_push, 25 },
        { act_inlet_end, 7 }, { act_resize, 6 },     { act_flush, 8 },
        { act_end, 1 },       { act_flush_look, 6 },
    };
    uint32_t all = 0;
    uint32_t i = 0;
    uint32_t k;

    for (size_t n = 0; n < sizeof(acts) / sizeof(acts[0]); n++)
        all += acts[n].weight;
    for (k = graph_rnd(all); k >= acts[i].weight; i++)
        k -= acts[i].weight;
    acts[i].act();
}

void
graph_act(uint32_t k)
{
    uint64_t rnd = graph.rnd;

    graph.rnd = ((graph.seed << 16) + k + 1) * 0x9E3779B97F4A7C15u;
    graph.rnd |= graph.rnd == 0;
    for (int i = 0; i < 8; i++)
        (void)graph_rnd(2);
    act();
    graph.rnd = rnd;
}

void
graph_release(void)
{
    graph_log("release");
    while (graph.n_pauses > 0)
        (void)!tube_resume(graph.p, graph.pause[--graph.n_pauses]);
    while (graph.n_inlets > 0)
        inlet_end(graph.n_inlets - 1);
    for (uint32_t i = 0; i < tube_stage_count(graph.p); i++) {
        const tube_stage_def *d = tube_stage_at(graph.p, i).def;

        if (d != NULL && (d->flags & TUBE_JOINS) != 0)
            (void)!tube_seal(graph.p, tube_ref_at(graph.p, i));
    }
    if (graph_one_in(4))
        tube_drain(graph.p);
}
