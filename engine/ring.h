/* SPDX-License-Identifier: MIT */
/* ring.h -- bounded lock-free FIFO of pointers, one producer and one consumer.
 *
 * Invariants
 *   R1  what was written before push() is visible after the pop() that returns it
 *   R2  items leave in the order in which they came
 *   R3  at most slots - 1 items are inside
 *
 * Calls that may overlap in time ("-") and calls that must not ("X")
 *             push  pop  count
 *   push       X     -     -
 *   pop        -     X     -
 */
#ifndef TUBES_ENGINE_RING_H
#define TUBES_ENGINE_RING_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tubei_ring tubei_ring;

/**
 * Make a ring.
 *
 * @param slots  a power of two, at least 2; it holds one item less
 * @return given: tubei_ring_free(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
tubei_ring *tubei_ring_new(uint32_t slots);

/** Free an empty ring; NULL is fine.  Threads: the last user.  Blocks: no. */
void tubei_ring_free(tubei_ring *r);

/** Append; false: full.  Threads: the producer.  Blocks: no. */
bool tubei_ring_push(tubei_ring *r, void *item);

/** Take the oldest; false: empty.  Threads: the consumer.  Blocks: no. */
bool tubei_ring_pop(tubei_ring *r, void **item);

/** The oldest, which stays; NULL: empty.  Threads: the consumer.  Blocks: no. */
void *tubei_ring_peek(const tubei_ring *r);

/** Append up to `n` with one publication; how many.  Threads: the producer.  Blocks: no. */
uint32_t tubei_ring_push_n(tubei_ring *r, void *const *items, uint32_t n);

/** Take up to `n` with one release; how many.  Threads: the consumer.  Blocks: no. */
uint32_t tubei_ring_pop_n(tubei_ring *r, void **items, uint32_t n);

/**
 * Items inside.
 *
 * To the producer the truth or more, to the consumer the truth or less, to anybody
 * else a recent value.
 *
 * Threads: any.  Blocks: no.
 */
uint32_t tubei_ring_count(const tubei_ring *r);

#endif /* TUBES_ENGINE_RING_H */
