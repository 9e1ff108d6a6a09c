/* SPDX-License-Identifier: MIT */
/* explain.h -- drawings of a pipeline.  `seconds` is how long it ran, 0: it did not. */
#ifndef TUBES_CLI_EXPLAIN_H
#define TUBES_CLI_EXPLAIN_H

#include <tubes/tubes.h>

void cli_explain_boxes(const tube_pipeline *p, double seconds);
void cli_explain_dot(const tube_pipeline *p);
void cli_explain_mermaid(const tube_pipeline *p);
void cli_explain_json(const tube_pipeline *p, double seconds);

/** The stage that the others wait for; -1: none was busy. */
int cli_bottleneck(const tube_pipeline *p);

#endif /* TUBES_CLI_EXPLAIN_H */
