/* SPDX-License-Identifier: MIT */
/* asks.h -- who asks what becomes of the rows of a batch.
 *
 * A hidden column of a batch, there only if somebody asks: for each row nobody, a future,
 * or a list of them.
 *
 * Invariants
 *   Q1  an entry of a column is one part of its future
 *   Q2  a batch whose last row has settled has no column any more
 */
#ifndef TUBES_DATA_ASKS_H
#define TUBES_DATA_ASKS_H

#include "batch.h"
#include "future.h"
#include "stop.h"

#include <pthread.h>

enum { TUBEI_REASONS = 4096 };

typedef struct tubei_asks tubei_asks;

/** What the futures of a pipeline have in common. */
typedef struct tubei_asking {
    _Atomic uint64_t open;  /* futures that are not complete */
    _Atomic uint64_t bound; /* 0: none */
    tubei_causes *causes;   /* of the pipeline */
    pthread_mutex_t lock;
    struct tubei_told *told; /* under lock: reasons; NULL: none so far */
} tubei_asking;

/** Make it.  Threads: the owner.  Blocks: no. */
void tubei_asking_init(tubei_asking *a, tubei_causes *causes);

/** Free its reasons.  Threads: the last user.  Blocks: no. */
void tubei_asking_fini(tubei_asking *a);

/** Reason number `id`, of tubei_future_reason(); false: there is none. */
bool tubei_asking_reason(tubei_asking *a, uint32_t id, tube_error *err);

/** `f` asks about a row; TUBE_ENOMEM, TUBE_EINVAL (it was not made anew): it is as it was.
 * Threads: as the batch's owner, also the three below. */
tube_status tubei_asks_put(tubei_batch *b, tubei_asking *a, uint32_t row,
                           tube_future *f);

/** A copy of `b` has the same rows; false: out of memory. */
bool tubei_asks_copy(const tubei_batch *b, tubei_batch *copy);

/** A row has ended; outcome 0: it lives on elsewhere, or never was here. */
void tubei_asks_end(tubei_batch *b, uint32_t row, tube_outcome outcome);

/** Rows that are not live any more and not rejected have gone elsewhere. */
void tubei_asks_gone(tubei_batch *b);

/** All rows end: live ones as `live`, rejected ones as `rejected`; the column is freed. */
void tubei_asks_settle(tubei_batch *b, tube_outcome live, tube_outcome rejected);

/** True if its column points into the batch's text. */
bool tubei_asks_in_text(const tubei_batch *b);

/** An emitter is done with its input: live rows end as what was made of them does. */
bool tubei_asks_consumed(tubei_batch *b);

#endif /* TUBES_DATA_ASKS_H */
