/* SPDX-License-Identifier: MIT */
/* registry.h -- the stages built into this library. */
#ifndef TUBES_STAGES_REGISTRY_H
#define TUBES_STAGES_REGISTRY_H

#include <tubes/stage.h>

/** Built-in stage `i` in the order of stages.def, NULL behind the last (borrowed).
 * Threads: any.  Blocks: no. */
const tube_stage_def *tubei_stage_builtin(uint32_t i);

/** What the graph puts behind a fork whose branches come back; not in the list, because
 * nobody types it. */
extern const tube_stage_def tube_stage_rejoin;

#endif /* TUBES_STAGES_REGISTRY_H */
