/* SPDX-License-Identifier: MIT */
/* memory.h -- the byte budget of a pipeline, and the blocks it is spent on.
 *
 * Invariants
 *   M1  bytes of gated blocks <= limit + one reserve for each inner stage
 *   M2  a stage that was refused is on the waiter list, or room came meanwhile and
 *       it was notified: it lists itself, then looks again
 *   M3  pressure is a level: it is on while the waiter list is not empty
 *   M4  blocks in use and blocks kept for reuse together stay within the limit,
 *       apart from M1's reserves and forced blocks
 *
 * tests/model/budget.pml is the model of get() and put().
 */
#ifndef TUBES_DATA_MEMORY_H
#define TUBES_DATA_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tube_stage;
typedef struct tubei_memory tubei_memory;

enum {
    TUBEI_CLASSES = 56, /* block sizes: 1 KiB to 14 MiB in quarters of a power of two */
    TUBEI_MAGAZINE_DEPTH = 16, /* blocks of a class in a magazine */
};

/** Blocks a worker has at hand, last in first out; owned by one thread. */
typedef struct tubei_magazine {
    const tubei_memory *memory; /* whose blocks they are */
    void *head[TUBEI_CLASSES];
    uint16_t count[TUBEI_CLASSES];
} tubei_magazine;

/**
 * Make a budget.
 *
 * @return given: tubei_memory_free(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
tubei_memory *tubei_memory_new(uint64_t limit);

/** Blocks come from and go to these from now on.  Threads: the owner, before any get(). */
void tubei_memory_hooks(tubei_memory *m, void *(*get)(void *arg, size_t bytes),
                        void (*put)(void *arg, void *ptr, size_t bytes), void *arg);

/** Free it and every block kept for reuse.  Threads: the last user.  Blocks: no. */
void tubei_memory_free(tubei_memory *m);

/**
 * Get a block, at the expense of the budget or of `who`'s reserve.
 *
 * @param who  stage to notify when there is room; NULL: forced, counted but never
 *             refused (text of a row that is already inside)
 * @return aligned to 64 bytes, not zeroed; NULL: refused (M2), or out of memory
 *
 * Threads: the one that runs `who`.  Blocks: no.
 */
void *tubei_memory_get(tubei_memory *m, size_t bytes, struct tube_stage *who);

/** Give a block back; notifies those who wait.  Threads: any.  Blocks: no. */
void tubei_memory_put(tubei_memory *m, void *payload);

/** A stage waits for memory no longer.  Threads: any.  Blocks: no. */
void tubei_memory_forget(tubei_memory *m, struct tube_stage *who);

/** Bytes that a block is charged with.  Threads: any.  Blocks: no. */
uint64_t tubei_memory_size(const void *payload);

/** True while somebody waits (M3).  Threads: any.  Blocks: no. */
bool tubei_memory_pressure(const tubei_memory *m);

/** True if the budget has room for a block.  Threads: any.  Blocks: no. */
bool tubei_memory_has(const tubei_memory *m);

/** Bytes in use, and the most there were.  Threads: any.  Blocks: no. */
void tubei_memory_read(const tubei_memory *m, uint64_t *used, uint64_t *high);

/** Hand a magazine's blocks back to the budget's store.  Threads: its owner.  Blocks: no. */
void tubei_magazine_empty(tubei_memory *m, tubei_magazine *mag);

/** The running thread's magazine; NULL: it has none. */
extern _Thread_local tubei_magazine *tubei_magazine_here;

#endif /* TUBES_DATA_MEMORY_H */
