/* SPDX-License-Identifier: MIT */
/* stop.h -- why a stream ends.
 *
 * Invariants
 *   C1  a cause is written once, gets the next sequence number, and never changes
 *   C2  a reason is the set of its causes, by number: merging is associative,
 *       commutative and idempotent, so that a diamond counts nothing twice
 *   C3  its kind is the worst of all that were merged into it, causes or not
 */
#ifndef TUBES_DATA_STOP_H
#define TUBES_DATA_STOP_H

#include <tubes/graph.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { TUBEI_CAUSES_MAX = 1 << 16 }; /* more than these only count by kind */

/** What a stop token carries.  All zero: nothing yet. */
typedef struct tubei_reason {
    tube_stop kind;
    uint32_t n;
    uint32_t room;
    uint32_t *cause; /* sequence numbers, ascending */
} tubei_reason;

/** The causes of a pipeline, and whether it is aborted. */
typedef struct tubei_causes {
    pthread_mutex_t lock;
    struct tubei_cause *row; /* under lock */
    uint32_t n;
    uint32_t room;
    bool set;           /* under lock: there was a failure */
    tube_error error;   /* under lock: the first one */
    _Atomic bool abort; /* [S1] */
} tubei_causes;

/** Note a cause; its number goes into `r`.  `e` NULL: no failure; `message` NULL: none.
 * Threads: any.  Blocks: no. */
void tubei_cause_add(tubei_causes *c, tubei_reason *r, const tube_cause *what,
                     const tube_error *e);

/** Keep `e` if it is the first failure.  Threads: any.  Blocks: no. */
void tubei_cause_fail(tubei_causes *c, const tube_error *e);

/** The first failure, if there is one.  Threads: any.  Blocks: no. */
bool tubei_cause_first(tubei_causes *c, tube_error *e);

/** Cause number `sequence`; false: it was not kept.  Threads: any.  Blocks: no. */
bool tubei_cause_read(tubei_causes *c, uint32_t sequence, tube_cause *out);

/** Free all.  Threads: the last user.  Blocks: no. */
void tubei_causes_fini(tubei_causes *c);

/** Merge `from` into `to` (C2).  What there is no memory for is left out; the kind is
 * right in any case.  Threads: the owner of both.  Blocks: no. */
void tubei_reason_merge(tubei_reason *to, const tubei_reason *from);

/** Make the kind at least as bad as `kind`. */
void tubei_reason_worsen(tubei_reason *r, tube_stop kind);

/** Free its set. */
void tubei_reason_fini(tubei_reason *r);

#endif /* TUBES_DATA_STOP_H */
