/* SPDX-License-Identifier: MIT */
/* merge_positions.h -- which positions go with the rows that a sorted merge has copied. */
#ifndef TUBES_STAGES_MERGE_POSITIONS_H
#define TUBES_STAGES_MERGE_POSITIONS_H

#include "merge_sorted.h"

/** Give the output batch the extents of the rows that were copied into it; the inputs keep
 * the rest.  Threads: the stage's.  Blocks: no. */
void tubei_merge_positions(merge_sorted *m);

#endif /* TUBES_STAGES_MERGE_POSITIONS_H */
