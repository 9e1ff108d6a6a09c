/* SPDX-License-Identifier: MIT */
/* graph_dump.c -- where a graph stands that has failed, for people. */
#include "graph_world.h"

static void
dump_stage(uint32_t i)
{
    tube_stage_info info = tube_stage_at(graph.p, i);
    tube_ref ref = tube_ref_at(graph.p, i);
    tube_stage_stats st;
    tube_reason r;

    if (info.def == NULL)
        return;
    tube_stats_stage(graph.p, i, &st);
    graph_log("  %u %s%s: %ju rows in, %ju out, %ju activations, %ju errors", i,
              info.def->name,
              tube_reason_of(graph.p, ref, &r) == TUBE_OK ? ", ended" : "",
              (uintmax_t)st.rows_in, (uintmax_t)st.rows_out, (uintmax_t)st.activations,
              (uintmax_t)st.errors);
}

static void
dump_edge(uint32_t i)
{
    tube_edge_info info;
    tube_edge_stats st;

    if (tube_edge_at(graph.p, i, &info) && tube_stats_edge(graph.p, i, &st)
        && st.queue > 0)
        graph_log("  %d -> %u (input %u): %u of %u batches wait", (int)info.from,
                  info.to, info.input, st.queue, info.depth);
}

void
graph_dump(void)
{
    tube_pause_info pause[GRAPH_THINGS];
    uint32_t n = tube_pauses(graph.p, pause, GRAPH_THINGS);

    for (uint32_t i = 0; i < tube_stage_count(graph.p); i++)
        dump_stage(i);
    for (uint32_t i = 0; i < tube_edge_count(graph.p); i++)
        dump_edge(i);
    for (uint32_t i = 0; i < n && i < GRAPH_THINGS; i++)
        graph_log("  pause %ju of stage %jx, owner %jx", (uintmax_t)pause[i].id.id,
                  (uintmax_t)pause[i].stage.id, (uintmax_t)pause[i].owner.id);
}
