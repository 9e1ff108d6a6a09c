/* SPDX-License-Identifier: MIT */
/* buffer_full.h -- what a buffer does when it is full. */
#ifndef TUBES_STAGES_BUFFER_FULL_H
#define TUBES_STAGES_BUFFER_FULL_H

#include "buffer_queue.h"
#include "buffer_ratio.h"
#include "expr.h"

/** In the order of the option's choices. */
typedef enum buffer_policy {
    BUFFER_BLOCK,
    BUFFER_BLOCK_FOR,
    BUFFER_DROP_NEWEST,
    BUFFER_DROP_OLDEST,
    BUFFER_DROP,
    BUFFER_SAMPLE,
    BUFFER_ROLL_UP,
    BUFFER_SPILL,
    BUFFER_STOP,
} buffer_policy;

/** State of the stage. */
typedef struct buffer {
    int64_t rows;     /* option; 0: no limit */
    int64_t bytes;    /* option */
    int64_t age;      /* option; ns, 0: no limit */
    int64_t full;     /* option; buffer_policy */
    int64_t wait;     /* option; ns */
    const char *when; /* option */
    const char *keep; /* option */
    const char *into; /* option; "": the first that is text */
    const char *dir;  /* option */
    int64_t max;      /* option */

    buffer_queue q;
    tubei_expr *expr;  /* of when= */
    tubei_ratio ratio; /* of keep= */
    uint64_t
        passed; /* of the ratio: num is added for a record, den taken if it stays */
    tube_field column; /* of into= */
    tubei_spill *spill;
    bool warned; /* that the file is full */

    /* The batch that process() was called with, and will be called with again. */
    bool holding;
    bool thinned; /* the condition or the share was applied to it */
    uint64_t held_since;
    tubei_spilled where; /* its rows, if they were written */
    uint64_t missed;     /* records dropped of it */
    uint64_t retry;      /* when to ask for memory again; 0: not needed */
    uint64_t deadline;   /* that was asked for; 0: none */
} buffer;

/**
 * Make room for a batch: nothing, if there is; else by the policy.
 *
 * @param b    process()'s; rows of it may be dropped, or written to the file
 * @return TUBE_OK     it can be kept
 *         TUBE_AGAIN  it has to wait
 *         TUBE_END    no more is taken, and `b` was not
 *
 * Threads: the stage's.  Blocks: on the disk with full=spill.
 */
tube_status tubei_buffer_make_room(tube_stage *s, tube_batch *b, uint64_t now,
                                   tube_error *err) TUBE_NODISCARD;

/** Memory is short: do a part of what the policy does when the buffer is full. */
tube_status tubei_buffer_relieve(tube_stage *s, tube_error *err) TUBE_NODISCARD;

/** Drop the rows of entries that are too old. */
void tubei_buffer_expire(tube_stage *s, uint64_t now);

/** Drop what is left of an entry's rows. */
void tubei_buffer_drop(tube_stage *s, buffer_entry *e);

/** Give up the memory of batches whose rows are in the file, or gone. */
void tubei_buffer_strip(tube_stage *s);

#endif /* TUBES_STAGES_BUFFER_FULL_H */
