/* SPDX-License-Identifier: MIT */
/* explain.h -- drawings of a pipeline, on stdout. */
#ifndef TUBES_CLI_EXPLAIN_H
#define TUBES_CLI_EXPLAIN_H

#include "draw_graph.h"

#include <stdbool.h>
#include <stddef.h>

/** What is drawn, and how. */
struct cli_picture {
    const struct cli_graph *g;
    const struct cli_node_stats *stats; /**< by node; NULL: it has not run */
    double seconds;                     /**< how long it ran */
    bool caller;                        /**< everything runs on the caller's thread */
    bool ascii;
    size_t width; /**< characters in a line */
};

/* Each: false: no memory to draw with. */

bool cli_explain_text(const struct cli_picture *x);
bool cli_explain_dot(const struct cli_picture *x);
bool cli_explain_mermaid(const struct cli_picture *x);
bool cli_explain_json(const struct cli_picture *x);

/** The stage that the others wait for: of all threads' the busiest; CLI_NO_NODE: none
 * was busy. */
uint32_t cli_bottleneck(const struct cli_picture *x);

#endif /* TUBES_CLI_EXPLAIN_H */
