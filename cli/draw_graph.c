/* SPDX-License-Identifier: MIT */
/* draw_graph.c -- see draw_graph.h: stages and edges, copies folded. */
#include "draw_graph.h"

#include <stdlib.h>
#include <string.h>

static int
graph_compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int
graph_by_output(const void *x, const void *y)
{
    const tube_edge_info *a = x;
    const tube_edge_info *b = y;

    return graph_compare(((uint64_t)a->from << 32) | a->output,
                         ((uint64_t)b->from << 32) | b->output);
}

/** An edge, as its consumer sees it. */
struct graph_input {
    uint32_t to;
    uint32_t input;
    uint32_t edge;
};

static int
graph_by_input(const void *x, const void *y)
{
    const struct graph_input *a = x;
    const struct graph_input *b = y;

    return graph_compare(((uint64_t)a->to << 32) | a->input,
                         ((uint64_t)b->to << 32) | b->input);
}

static bool
graph_is_stage(const struct cli_graph *g, uint32_t i)
{
    return i < g->n && g->node[i].info.def != NULL;
}

static bool
graph_read(struct cli_graph *g)
{
    uint32_t edges = tube_edge_count(g->p);

    g->n = tube_stage_count(g->p);
    g->node = calloc((size_t)g->n + 1, sizeof(*g->node));
    g->edge = calloc((size_t)edges + 1, sizeof(*g->edge));
    g->out = calloc((size_t)edges + 1, sizeof(*g->out));
    g->in = calloc((size_t)edges + 1, sizeof(*g->in));
    if (g->node == NULL || g->edge == NULL || g->out == NULL || g->in == NULL)
        return false;
    for (uint32_t i = 0; i < g->n; i++) {
        g->node[i].info = tube_stage_at(g->p, i);
        g->node[i].like = CLI_NO_NODE;
    }
    for (uint32_t i = 0; i < edges; i++) {
        tube_edge_info e = { 0 };

        if (tube_edge_at(g->p, i, &e) && graph_is_stage(g, e.from)
            && graph_is_stage(g, e.to))
            g->edge[g->n_edges++] = e;
    }
    return true;
}

/* Edges by the ports at both of their ends. */
static bool
graph_link(struct cli_graph *g)
{
    struct graph_input *by = calloc((size_t)g->n_edges + 1, sizeof(*by));

    if (by == NULL)
        return false;
    qsort(g->edge, g->n_edges, sizeof(*g->edge), graph_by_output);
    for (uint32_t e = 0; e < g->n_edges; e++) {
        g->out[e] = e;
        by[e] = (struct graph_input){ g->edge[e].to, g->edge[e].input, e };
        g->node[g->edge[e].from].n_out++;
        g->node[g->edge[e].to].n_in++;
    }
    qsort(by, g->n_edges, sizeof(*by), graph_by_input);
    for (uint32_t e = 0; e < g->n_edges; e++)
        g->in[e] = by[e].edge;
    for (uint32_t i = 0; i + 1 < g->n; i++) {
        g->node[i + 1].first_out = g->node[i].first_out + g->node[i].n_out;
        g->node[i + 1].first_in = g->node[i].first_in + g->node[i].n_in;
    }
    free(by);
    return true;
}

/* Every stage behind all that it gets records from; given: free(). */
static uint32_t *
graph_order(const struct cli_graph *g, uint32_t *n)
{
    uint32_t *order = calloc((size_t)g->n + 1, sizeof(*order));
    uint32_t *missing = calloc((size_t)g->n + 1, sizeof(*missing));

    *n = 0;
    if (order == NULL || missing == NULL) {
        free(order);
        free(missing);
        return NULL;
    }
    for (uint32_t i = 0; i < g->n; i++) {
        missing[i] = g->node[i].n_in;
        if (missing[i] == 0 && g->node[i].info.def != NULL)
            order[(*n)++] = i;
    }
    for (uint32_t k = 0; k < *n; k++) {
        const struct cli_node *u = &g->node[order[k]];

        for (uint32_t j = 0; j < u->n_out; j++) {
            uint32_t to = g->edge[g->out[u->first_out + j]].to;

            if (--missing[to] == 0)
                order[(*n)++] = to;
        }
    }
    free(missing);
    return order;
}

static void
graph_hide(struct cli_graph *g, uint32_t i)
{
    struct cli_node *u = &g->node[i];

    u->hidden = u->info.copy > 1 || u->n_in > 0;
    for (uint32_t j = 0; u->info.copy <= 1 && j < u->n_in; j++)
        u->hidden = u->hidden && g->node[g->edge[g->in[u->first_in + j]].from].hidden;
    if (!u->hidden)
        u->like = i;
}

/* What stands behind a copy is like what stands behind that which it is a copy of. */
static void
graph_like_down(struct cli_graph *g, uint32_t i)
{
    const struct cli_node *u = &g->node[i];
    const struct cli_node *r;

    if (u->like == CLI_NO_NODE)
        return;
    r = &g->node[u->like];
    for (uint32_t j = 0; j < u->n_out; j++) {
        uint32_t to = g->edge[g->out[u->first_out + j]].to;
        uint32_t twin = r == u ? 0 : j;

        if (g->node[to].hidden && g->node[to].like == CLI_NO_NODE && twin < r->n_out)
            g->node[to].like = g->edge[g->out[r->first_out + twin]].to;
    }
}

/* The same for what stands before it: sources inside a copy. */
static void
graph_like_up(struct cli_graph *g, uint32_t i)
{
    const struct cli_node *u = &g->node[i];
    const struct cli_node *r;

    if (!u->hidden || u->like == CLI_NO_NODE)
        return;
    r = &g->node[u->like];
    for (uint32_t j = 0; j < u->n_in && j < r->n_in; j++) {
        uint32_t from = g->edge[g->in[u->first_in + j]].from;

        if (g->node[from].hidden && g->node[from].like == CLI_NO_NODE)
            g->node[from].like = g->edge[g->in[r->first_in + j]].from;
    }
}

/* A copy inside a copy is like one that is hidden itself. */
static void
graph_count_copies(struct cli_graph *g)
{
    for (uint32_t i = 0; i < g->n; i++) {
        uint32_t to = g->node[i].like;

        while (to != CLI_NO_NODE && g->node[to].hidden && g->node[to].like != to)
            to = g->node[to].like;
        g->node[i].like = to == CLI_NO_NODE ? i : to;
        g->node[g->node[i].like].copies++;
    }
}

/* Forget the edges of hidden nodes. */
static uint32_t
graph_trim(const struct cli_graph *g, uint32_t *list, uint32_t first, uint32_t n)
{
    uint32_t kept = 0;

    for (uint32_t j = 0; j < n; j++) {
        const tube_edge_info *e = &g->edge[list[first + j]];

        if (!g->node[e->from].hidden && !g->node[e->to].hidden)
            list[first + kept++] = list[first + j];
    }
    return kept;
}

static bool
graph_fold(struct cli_graph *g)
{
    uint32_t n;
    uint32_t *order = graph_order(g, &n);

    if (order == NULL)
        return false;
    for (uint32_t k = 0; k < n; k++)
        graph_hide(g, order[k]);
    for (uint32_t k = 0; k < n; k++)
        graph_like_down(g, order[k]);
    for (uint32_t k = n; k-- > 0;)
        graph_like_up(g, order[k]);
    graph_count_copies(g);
    for (uint32_t i = 0; i < g->n; i++) {
        struct cli_node *u = &g->node[i];

        u->n_out = graph_trim(g, g->out, u->first_out, u->n_out);
        u->n_in = graph_trim(g, g->in, u->first_in, u->n_in);
    }
    free(order);
    return true;
}

bool
cli_graph_init(struct cli_graph *g, const tube_pipeline *p)
{
    *g = (struct cli_graph){ .p = p };
    return graph_read(g) && graph_link(g) && graph_fold(g);
}

void
cli_graph_fini(struct cli_graph *g)
{
    free(g->node);
    free(g->edge);
    free(g->out);
    free(g->in);
    *g = (struct cli_graph){ .p = NULL };
}

static void
graph_add(tube_stage_stats *to, const tube_stage_stats *s)
{
    to->activations += s->activations;
    to->batches_in += s->batches_in;
    to->batches_out += s->batches_out;
    to->rows_in += s->rows_in;
    to->rows_out += s->rows_out;
    to->bytes_in += s->bytes_in;
    to->filtered += s->filtered;
    to->rejected += s->rejected;
    to->dropped += s->dropped;
    to->broken += s->broken;
    to->errors += s->errors;
    to->retries += s->retries;
    to->restarts += s->restarts;
    to->paused_ns += s->paused_ns;
    to->busy_ns += s->busy_ns;
    to->blocked_ns += s->blocked_ns;
    to->queue += s->queue;
    to->queue_high = to->queue_high > s->queue_high ? to->queue_high : s->queue_high;
    to->queue_sum += s->queue_sum;
}

struct cli_node_stats *
cli_graph_stats(const struct cli_graph *g)
{
    struct cli_node_stats *all = calloc((size_t)g->n + 1, sizeof(*all));

    for (uint32_t i = 0; all != NULL && i < g->n; i++) {
        struct cli_node_stats *to = &all[g->node[i].like];
        tube_stage_stats st = { 0 };

        if (g->node[i].info.def == NULL)
            continue;
        tube_stats_stage(g->p, i, &st);
        graph_add(&to->sum, &st);
        if (st.busy_ns >= to->busiest.busy_ns)
            to->busiest = st;
    }
    return all;
}
