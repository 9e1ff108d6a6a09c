/* SPDX-License-Identifier: MIT */
/* walk.h -- all stages of a branch, those in its parentheses too, one after the other. */
#ifndef TUBES_TEXT_WALK_H
#define TUBES_TEXT_WALK_H

#include "strpool.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

enum { TUBEI_DEEP = 32 }; /**< parentheses in parentheses at most, in every text */

/** One level of parentheses on the way. */
typedef struct tubei_walk_at {
    tubei_branch *branch;
    uint32_t call; /**< its next stage */
    uint32_t next; /**< next branch of the stage before that */
} tubei_walk_at;

/** Where a walk stands. */
typedef struct tubei_walk {
    tubei_walk_at at[TUBEI_DEEP + 1];
    uint32_t deep; /**< of the stage that was given last; 0: in no parentheses */
} tubei_walk;

/** Begin a walk through `branch` (borrowed).  Threads: any.  Blocks: no. */
void tubei_walk_begin(tubei_walk *w, tubei_branch *branch);

/**
 * The next stage, as it stands in the text: a stage, then what is in its parentheses,
 * then what stands behind it.
 *
 * @return NULL behind the last
 *
 * Threads: any.  Blocks: no.
 */
tubei_call *tubei_walk_next(tubei_walk *w);

/**
 * Give a copied stage branches of its own in place of those it shares, down to the last.
 * Words stay shared.
 *
 * @return false: no memory
 *
 * Threads: the pool's owner.  Blocks: no.
 */
bool tubei_walk_unshare(tubei_call *c, tubei_strings *m) TUBE_NODISCARD;

#endif /* TUBES_TEXT_WALK_H */
