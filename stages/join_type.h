/* SPDX-License-Identifier: MIT */
/* join_type.h -- what comes to a fan-in that has no inputs yet: its option `of`. */
#ifndef TUBES_STAGES_JOIN_TYPE_H
#define TUBES_STAGES_JOIN_TYPE_H

#include <tubes/stage.h>

/**
 * In open(): set the schema that `of` says, if no input says one.
 *
 * @param of  "lines", the name of a declared record, or ""
 * @return TUBE_ECONFIG  neither an input nor `of` says it, or there is no such record
 *
 * Threads: the stage's.  Blocks: no.
 */
tube_status tubei_join_type(tube_stage *s, const char *of, tube_error *err);

#endif /* TUBES_STAGES_JOIN_TYPE_H */
