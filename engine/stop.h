/* SPDX-License-Identifier: MIT */
/* stop.h -- why a stream ends. */
#ifndef TUBES_ENGINE_STOP_H
#define TUBES_ENGINE_STOP_H

#include <tubes/error.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/** Ordered: of two reasons the worse one wins. */
typedef enum tubei_kind {
    TUBEI_NO_KIND = 0,
    TUBEI_END,       /* the source came to its end */
    TUBEI_SATISFIED, /* a consumer has enough */
    TUBEI_CANCELLED, /* drained: what is inside is finished, what is outside is left */
    TUBEI_TIMEOUT,
    TUBEI_ERROR,
    TUBEI_ABORT,
} tubei_kind;

/** What a stop token carries. */
typedef struct tubei_reason {
    tubei_kind kind;
    uint32_t origin; /* index of the stage where it began */
} tubei_reason;

/** The worse of two; of equals the one that began nearer to the source. */
tubei_reason tubei_reason_merge(tubei_reason a, tubei_reason b);

/** First failure of a pipeline, and whether it is aborted. */
typedef struct tubei_cause {
    pthread_mutex_t lock;
    bool set;           /* under lock */
    tube_error error;   /* under lock; the first one stays */
    _Atomic bool abort; /* [S1] */
} tubei_cause;

/** Keep `e` if it is the first.  Threads: any.  Blocks: no. */
void tubei_cause_set(tubei_cause *c, const tube_error *e);

/** The first failure, if there is one.  Threads: any.  Blocks: no. */
bool tubei_cause_get(tubei_cause *c, tube_error *e);

#endif /* TUBES_ENGINE_STOP_H */
