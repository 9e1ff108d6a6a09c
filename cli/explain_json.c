/* SPDX-License-Identifier: MIT */
/* explain_json.c -- the graph for programs; the keys are described in docs/seeing.md. */
#include "draw_label.h"
#include "explain.h"
#include "out.h"
#include "schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 65536 }; /**< bytes of an option's value */

static void
json_option(const struct cli_graph *g, uint32_t i, const tube_option *o, char *buf,
            bool first)
{
    printf("%s", first ? "" : ",");
    cli_json_text(stdout, o->name);
    printf(":");
    cli_json_text(stdout, tube_option_text(g->p, i, o->name, buf, VALUE));
}

/* Options of the stage with their values, and those of all stages that were given. */
static void
json_options(const struct cli_graph *g, uint32_t i, char *buf)
{
    const tube_option *o = g->node[i].info.def->options;
    const char *text;
    bool first = true;

    printf(",\"options\":{");
    for (; o != NULL && o->name != NULL; o++) {
        json_option(g, i, o, buf, first);
        first = false;
    }
    for (o = tube_common_options(); o != NULL && o->name != NULL; o++) {
        if (strcmp(o->name, "as") == 0 || cli_has_option(g->node[i].info.def, o->name)
            || !cli_option_differs(g->p, i, o, &text, buf, VALUE))
            continue;
        json_option(g, i, o, buf, first);
        first = false;
    }
    printf("}");
}

static void
json_time(const struct cli_picture *x, uint32_t i)
{
    tube_stage_stats st = { 0 };

    tube_stats_stage(x->g->p, i, &st);
    printf(",\"rows_in\":%" PRIu64 ",\"rows_out\":%" PRIu64
           ",\"busy_share\":%.4f,\"blocked_share\":%.4f",
           st.rows_in, st.rows_out, (double)st.busy_ns / 1e9 / x->seconds,
           (double)st.blocked_ns / 1e9 / x->seconds);
}

static void
json_stage(const struct cli_picture *x, uint32_t i, char *buf)
{
    const struct cli_node *u = &x->g->node[i];

    printf("{\"index\":%" PRIu32 ",\"stage\":", i);
    cli_json_text(stdout, u->info.def->name);
    printf(",\"label\":");
    cli_json_text(stdout, u->info.label == NULL ? "" : u->info.label);
    printf(",\"kind\":\"%s\",\"thread\":\"%s\",\"inserted\":%s,\"copy\":%" PRIu32
           ",\"gives\":\"%s\",\"queue\":%" PRIu32 ",\"fields\":",
           cli_kind_name(u->info.def->kind), cli_label_thread(u, x->caller),
           u->info.inserted ? "true" : "false", u->info.copy,
           cli_flow_name(u->info.def->out), u->info.depth);
    cli_schema_json(stdout, u->info.output);
    json_options(x->g, i, buf);
    if (x->stats != NULL)
        json_time(x, i);
    printf("}");
}

/* No limit is null. */
static void
json_limit(const char *name, uint64_t limit)
{
    printf(",\"%s\":", name);
    if (limit == UINT64_MAX)
        printf("null");
    else
        printf("%" PRIu64, limit);
}

static void
json_edge(const tube_edge_info *e)
{
    printf("{\"from\":%" PRIu32 ",\"output\":%" PRIu32 ",\"to\":%" PRIu32
           ",\"input\":%" PRIu32 ",\"queue\":%" PRIu32,
           e->from, e->output, e->to, e->input, e->depth);
    json_limit("rows_limit", e->rows_limit);
    json_limit("bytes_limit", e->bytes_limit);
    printf(",\"fields\":");
    cli_schema_json(stdout, e->schema);
    printf("}");
}

bool
cli_explain_json(const struct cli_picture *x)
{
    uint32_t slow = cli_bottleneck(x);
    char *buf = malloc(VALUE);
    bool first = true;

    if (buf == NULL)
        return false;
    printf("{\"stages\":[");
    for (uint32_t i = 0; i < x->g->n; i++) {
        if (x->g->node[i].info.def == NULL)
            continue;
        printf("%s", first ? "" : ",");
        json_stage(x, i, buf);
        first = false;
    }
    printf("],\"edges\":[");
    for (uint32_t i = 0; i < x->g->n_edges; i++) {
        printf("%s", i > 0 ? "," : "");
        json_edge(&x->g->edge[i]);
    }
    printf("]");
    if (x->stats != NULL)
        printf(",\"seconds\":%.6f", x->seconds);
    if (slow != CLI_NO_NODE) {
        printf(",\"bottleneck\":");
        cli_json_text(stdout, x->g->node[slow].info.def->name);
        printf(",\"bottleneck_index\":%" PRIu32, slow);
    }
    printf("}\n");
    free(buf);
    return true;
}
