/* SPDX-License-Identifier: MIT */
/* route_positions.h -- positions where branches of a fork come together again.
 *
 * A position that a sink commits says that everything below it is stored, whichever
 * branch it went through.  So it may pass the join only behind the rows of every
 * branch; until then it is owed, and the batch it came with goes on without it, as the
 * batches do that an emitter makes.
 *
 * Invariant P1: what has passed, in the order in which it did, is [lo, hi) of an origin
 * with no byte twice, and all rows from below hi have passed before or with it.
 */
#ifndef TUBES_STAGES_ROUTE_POSITIONS_H
#define TUBES_STAGES_ROUTE_POSITIONS_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

/** Bytes [lo, hi) of an origin. */
typedef struct position_range {
    uint32_t origin;
    uint64_t lo;
    uint64_t hi;
    uint64_t line; /**< lines below hi */
} position_range;

typedef struct tubei_positions {
    position_range *owed;
    uint32_t n;
    uint32_t room;
    uint64_t *mark; /**< of each origin: what is below has passed */
    uint32_t origins;
} tubei_positions;

/* All functions below: Threads: the stage's.  Blocks: no.  Those that return bool:
 * false: out of memory. */

/** True if a batch moves a position. */
bool tubei_position_real(const tube_batch *b);

/** Take the positions out of a batch. */
void tubei_position_drop(tube_batch *b);

/** Note the positions of a batch as owed, and take them out. */
bool tubei_positions_owe(tubei_positions *p, tube_batch *b);

/** True if a batch brings what is owed already. */
bool tubei_positions_known(const tubei_positions *p, const tube_batch *b);

/** The rows of all that is owed have passed: let a batch carry it beside its own. */
bool tubei_positions_pay(tubei_positions *p, tube_batch *b);

/** Batches come in any order: a position passes when all below it have.  Every origin was
 * begun with tubei_positions_begin(). */
bool tubei_positions_sort(tubei_positions *p, tube_batch *b);

/** An origin's first position; the first call counts. */
bool tubei_positions_begin(tubei_positions *p, uint32_t origin, uint64_t low);

/** True if it was begun. */
bool tubei_positions_begun(const tubei_positions *p, uint32_t origin);

/** Put what is owed into a batch without rows, as much as fits. */
void tubei_positions_rest(tubei_positions *p, tube_batch *b);

/** Free what it holds. */
void tubei_positions_fini(tubei_positions *p);

#endif /* TUBES_STAGES_ROUTE_POSITIONS_H */
