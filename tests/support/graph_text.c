/* SPDX-License-Identifier: MIT */
/* graph_text.c -- random pipelines: joints in joints, some stages that fail. */
#include "graph_world.h"

#include <stdarg.h>
#include <string.h>

enum { NESTED_MOST = 4 };

static void flow(uint32_t depth);

uint32_t
graph_rnd(uint32_t n)
{
    graph.rnd ^= graph.rnd >> 12;
    graph.rnd ^= graph.rnd << 25;
    graph.rnd ^= graph.rnd >> 27;
    return (uint32_t)(((graph.rnd * 0x2545F4914F6CDD1Du >> 32) * n) >> 32);
}

bool
graph_one_in(uint32_t n)
{
    return graph_rnd(n) == 0;
}

static void put(const char *fmt, ...) TUBE_PRINTF(1, 2);

static void
put(const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(graph.text + graph.text_len, GRAPH_TEXT - graph.text_len, fmt, ap);
    va_end(ap);
    graph.text_len += n > 0 ? (size_t)n : 0;
    if (graph.text_len >= GRAPH_TEXT)
        graph.text_len = GRAPH_TEXT - 1;
}

/* Options that every stage has; a trap for some. */
static void
common(bool may_fail, bool may_survive)
{
    static const char *const policy[] = { "stop", "skip", "retry", "restart" };

    if (graph.stages > 0)
        graph.stages--;
    if (graph_one_in(6))
        put(" queue=%u", 2u << graph_rnd(3));
    if (!may_fail || !graph_one_in(8))
        return;
    if (graph.n_traps < GRAPH_TRAPS) {
        graph_trap *t = &graph.trap[graph.n_traps++];

        t->at = graph_rnd(30);
        t->times = graph_one_in(5) ? UINT64_MAX / 2 : 1 + graph_rnd(2);
    }
    put(" trap=%u", graph_rnd(graph.n_traps));
    if (may_survive)
        put(" fail=%s retries=%u", policy[graph_rnd(4)], graph_rnd(3));
}

static void
source(void)
{
    put("gsrc n=%u batch=%u", graph_rnd(graph_one_in(4) ? 5000 : 200),
        1 + graph_rnd(graph_one_in(3) ? 1024 : 20));
    common(true, true);
}

static void
sink(void)
{
    if (graph_one_in(3)) {
        put("gdb limit=%u", 1 + graph_rnd(20));
        if (graph_one_in(4))
            put(" slow=yes");
        common(true, false);
        return;
    }
    put("gsink");
    if (graph_one_in(8))
        put(" stop=%u", graph_rnd(300));
    common(true, true);
}

static void
buffer(void)
{
    static const char *const full[] = { "block", "drop-newest", "drop-oldest", "sample",
                                        "stop" };

    put("buffer %s rows=%u", full[graph_rnd(5)], 1 + graph_rnd(400));
    common(false, false);
}

static void
plain(void)
{
    switch (graph_rnd(9)) {
    case 0: put("sample 1/%u", 1 + graph_rnd(4)); break;
    case 1: put("sample every=%u", 1 + graph_rnd(5)); break;
    case 2: put("limit rows=%u/s", 2000000 + graph_rnd(1000000)); break;
    case 3: put("head %u", graph_rnd(3000)); break;
    case 4: buffer(); return;
    case 5:
        graph.doubles = true;
        put("gmul copies=%u bye=%u", 1 + graph_rnd(3), graph_rnd(4));
        common(true, true);
        return;
    case 6:
        put("ghold held=%u", 1 + graph_rnd(20));
        common(true, true);
        return;
    default:
        put("gpass some=%u", graph_rnd(3) * graph_rnd(30));
        common(true, true);
        return;
    }
    common(false, false);
}

static void
until(void)
{
    static const char *const when[] = { "all", "any", "error" };

    if (graph_one_in(3))
        put(" until=%s", when[graph_rnd(3)]);
}

/* Stages, with joints among them; at least `least`. */
static void
stages(uint32_t least, uint32_t most, uint32_t depth)
{
    uint32_t n = least + graph_rnd(most - least + 1);

    for (uint32_t i = 0; i < n && (i < least || graph.stages > 0); i++) {
        if (i > 0)
            put(" | ");
        if (depth < NESTED_MOST && graph.stages > 3 && graph_one_in(3))
            flow(depth + 1);
        else
            plain();
    }
}

static void
tee(uint32_t depth)
{
    uint32_t n = 1 + graph_rnd(3);

    put("tee pace=%s", graph_one_in(2) ? "fastest" : "slowest");
    until();
    common(false, false);
    for (uint32_t i = 0; i < n; i++) {
        put(" ( ");
        if (graph_one_in(2)) {
            stages(1, 3, depth);
            put(" | ");
        }
        sink();
        put(" )");
    }
}

static void
route(uint32_t depth)
{
    uint32_t n = 1 + graph_rnd(3);
    bool hash = graph_one_in(3);

    put("route%s", hash ? " hash=n" : "");
    until();
    common(false, false);
    for (uint32_t i = 0; i < n; i++) {
        bool ends = graph_one_in(2);
        bool empty = !hash && !ends && graph_one_in(4);

        put(" ( ");
        if (!hash && i + 1 == n && graph_one_in(2))
            put("otherwise%s", empty ? "" : " | ");
        else if (!hash)
            put("when n >= %llu%s",
                (unsigned long long)graph_rnd(6) << GRAPH_SHIFT | graph_rnd(300),
                empty ? "" : " | ");
        if (!ends)
            graph.disorder = true;
        if (!empty && !ends) {
            stages(1, 2, depth);
        } else if (ends) {
            if (graph_one_in(2)) {
                stages(1, 2, depth);
                put(" | ");
            }
            sink();
        }
        put(" )");
    }
}

static void
rejoining(uint32_t depth)
{
    static const char *const order[] = { "input", "none", "key key=n" };
    uint32_t n = 1 + graph_rnd(3);
    uint32_t o = graph_rnd(3);

    if (graph_one_in(2)) {
        put("parallel %u order=%s", n, order[o]);
        if (o > 0)
            graph.disorder = true;
        n = 1;
    } else {
        put("thru%s", graph_one_in(6) ? " by=record" : "");
        if (n > 1)
            graph.doubles = graph.disorder = true;
    }
    common(false, false);
    for (uint32_t i = 0; i < n; i++) {
        put(" ( ");
        stages(1, 2, depth);
        put(" )");
    }
}

static void
inputs(uint32_t least, uint32_t depth)
{
    uint32_t n = least + graph_rnd(3);

    for (uint32_t i = 0; i < n; i++) {
        put(" ( ");
        if (depth < NESTED_MOST && graph_one_in(6)) {
            put("merge");
            common(false, false);
            inputs(1, depth + 1);
        } else {
            source();
        }
        if (graph_one_in(2)) {
            put(" | ");
            stages(1, 2, depth);
        }
        put(" )");
    }
}

static void
fan_in(uint32_t least, uint32_t depth)
{
    put("%s%s", graph_one_in(4) ? "concat" : "merge",
        graph_one_in(3) ? " hold=yes" : "");
    until();
    common(false, false);
    inputs(least, depth);
}

/* A joint in the middle of a flow. */
static void
flow(uint32_t depth)
{
    switch (graph_rnd(4)) {
    case 0: tee(depth); break;
    case 1: route(depth); break;
    case 2: rejoining(depth); break;
    case 3: fan_in(1, depth); break;
    }
}

/* Rarely many stages: most texts must be small to be understood. */
static void
begin(bool small)
{
    graph.text_len = 0;
    graph.text[0] = '\0';
    graph.stages = 1 + graph_rnd(small ? 4 : graph_one_in(3) ? GRAPH_STAGES : 12);
}

void
graph_write(void)
{
    begin(false);
    if (graph_one_in(3))
        source();
    else
        fan_in(1, 0);
    if (graph.stages > 0) {
        put(" | ");
        stages(1, 6, 0);
    }
    put(" | ");
    sink();
}

const char *
graph_write_input(void)
{
    begin(true);
    source();
    if (graph_one_in(2)) {
        put(" | ");
        stages(1, 2, graph_one_in(4) ? 0 : NESTED_MOST);
    }
    return graph.text;
}

const char *
graph_write_branch(void)
{
    begin(true);
    if (graph_one_in(2)) {
        stages(1, 2, graph_one_in(4) ? 0 : NESTED_MOST);
        put(" | ");
    }
    sink();
    return graph.text;
}
