/* SPDX-License-Identifier: MIT */
/* future.h -- the engine's side of <tubes/push.h>'s futures.
 *
 * Invariants
 *   U1  a future that was begun completes once: when its last part has ended
 *   U2  behind the change of its word that completes it, a future without a call is not
 *       touched any more: its program may have freed it
 */
#ifndef TUBES_DATA_FUTURE_H
#define TUBES_DATA_FUTURE_H

#include <tubes/push.h>

#include <stdbool.h>
#include <stdint.h>

/** Of two outcomes the worse one; 0 is none.  Threads: any.  Blocks: no. */
tube_outcome tubei_outcome_worse(tube_outcome a, tube_outcome b);

/** A record has it now, in one part; false: one had it before.  Threads: the one that
 * pushes.  Blocks: no. */
bool tubei_future_begin(tube_future *f);

/** The record has become one more.  Threads: who holds a part.  Blocks: no. */
void tubei_future_share(tube_future *f);

/**
 * A part has ended.
 *
 * @param outcome  0: it says nothing
 * @param reason   of tubei_reason_of(); 0: none
 * @return true: that was the last one, and the future is complete
 *
 * Threads: who holds that part.  Blocks: as long as the call of a tube_then without a loop.
 */
bool tubei_future_part(tube_future *f, tube_outcome outcome, uint32_t reason);

/** Number of the reason it has; 0: none.  Threads: any, once it is complete. */
uint32_t tubei_future_reason(const tube_future *f);

/** To be dispatched by `l`.  Threads: any.  Blocks: no. */
void tubei_loop_add(tube_loop *l, tube_future *f);

#endif /* TUBES_DATA_FUTURE_H */
