/* SPDX-License-Identifier: MIT */
/* draw_label.h -- what stands at a stage and at an edge of a drawing, in words. */
#ifndef TUBES_CLI_DRAW_LABEL_H
#define TUBES_CLI_DRAW_LABEL_H

#include "draw_graph.h"

#include <stddef.h>
#include <stdio.h>

/**
 * Print text so that it cannot harm a terminal: control bytes, bytes that are no UTF-8
 * and marks that turn the direction of writing are shown by their code.
 *
 * @param ascii  show every character that is not ASCII by its code
 */
void cli_visible(FILE *to, const char *text, bool ascii);

/** "parse combined as=clf n=5", options that are as they would be anyway left out;
 * free() it; NULL: no memory. */
char *cli_label_stage(const struct cli_graph *g, uint32_t node, bool ascii);

/** "name" or "name as=label", for sentences and tables; free() it; NULL: no memory. */
char *cli_label_name(const struct cli_graph *g, uint32_t node);

/** Only its options, "n=5 seed=3", as in cli_label_stage(). */
char *cli_label_options(const struct cli_graph *g, uint32_t node, bool ascii);

/** What flows on an edge and how much of it may wait: "line text; queue of 16 batches".
 * Fields that do not fit in `room` characters are counted; free() it; NULL: no memory. */
char *cli_label_edge(const struct cli_graph *g, uint32_t edge, size_t room, bool ascii);

/** What runs a stage: "caller", "pool" or "worker"; `caller`: the caller runs all. */
const char *cli_label_thread(const struct cli_node *u, bool caller);

/** True if the option's value is not the one it has without being given; its value is
 * in `*text`, for which `buf` may be used. */
bool cli_option_differs(const tube_pipeline *p, uint32_t stage, const tube_option *o,
                        const char **text, char *buf, size_t len);

#endif /* TUBES_CLI_DRAW_LABEL_H */
