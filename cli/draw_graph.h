/* SPDX-License-Identifier: MIT */
/* draw_graph.h -- what is connected with what, and in which order one draws it.
 *
 * Copies of the stages of `parallel` are folded: one stands for all.  No function here
 * recurses, and none takes more than linear time in stages and edges.
 */
#ifndef TUBES_CLI_DRAW_GRAPH_H
#define TUBES_CLI_DRAW_GRAPH_H

#include <tubes/tubes.h>

#include <stdbool.h>
#include <stdint.h>

#define CLI_NO_NODE UINT32_MAX

/** A stage.  Its number is that of tube_stage_at(). */
struct cli_node {
    tube_stage_info info; /**< .def NULL: the place is empty */
    uint32_t first_out;   /**< in graph.out, ordered by output; n_out of them */
    uint32_t n_out;
    uint32_t first_in; /**< in graph.in, ordered by input */
    uint32_t n_in;
    uint32_t like;   /**< the node that is drawn for this one: mostly itself */
    uint32_t copies; /**< how many it is drawn for */
    bool hidden;     /**< a copy that another node stands for */
};

/** A pipeline as it was when cli_graph_init() looked at it. */
struct cli_graph {
    const tube_pipeline *p;
    struct cli_node *node;
    uint32_t n;
    tube_edge_info *edge; /**< those between stages, ordered by `from` and `output` */
    uint32_t n_edges;
    uint32_t *out; /**< numbers of edges; those of hidden nodes are left out */
    uint32_t *in;
};

/** Look at `p`; false: no memory.  Free it with cli_graph_fini() either way. */
bool cli_graph_init(struct cli_graph *g, const tube_pipeline *p);

void cli_graph_fini(struct cli_graph *g);

/** Counters of a node and its copies. */
struct cli_node_stats {
    tube_stage_stats sum;
    tube_stage_stats busiest; /**< of the one with the most busy time */
};

/** Those of all nodes, by number, zeros for hidden ones; free() it; NULL: no memory. */
struct cli_node_stats *cli_graph_stats(const struct cli_graph *g);

/** One line of a drawing, from the top down. */
enum cli_row_kind {
    CLI_ROW_STAGE = 1,
    CLI_ROW_EDGE,  /**< straight down */
    CLI_ROW_OPEN,  /**< a branch leaves to the right: the next rows are its */
    CLI_ROW_CLOSE, /**< the branch comes back from the right, or ends in a join */
};

struct cli_row {
    enum cli_row_kind kind;
    uint32_t level; /**< rails to the left of it */
    uint32_t node;  /**< CLI_ROW_STAGE */
    uint32_t edge;  /**< of the others; CLI_NO_NODE: it was told already */
};

struct cli_walk;

/** Begin; NULL: no memory.  Free it with cli_walk_end(). */
struct cli_walk *cli_walk_begin(const struct cli_graph *g);

/** The next row; false: there is none. */
bool cli_walk_next(struct cli_walk *w, struct cli_row *row);

/** True if there was no memory to go on with. */
bool cli_walk_failed(const struct cli_walk *w);

void cli_walk_end(struct cli_walk *w);

#endif /* TUBES_CLI_DRAW_GRAPH_H */
