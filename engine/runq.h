/* SPDX-License-Identifier: MIT */
/* runq.h -- stages that wait to run, in the order in which they came. */
#ifndef TUBES_ENGINE_RUNQ_H
#define TUBES_ENGINE_RUNQ_H

#include "stage.h"

/** All zero is an empty queue.  Its user has a lock. */
typedef struct tubei_runq {
    tube_stage *head;
    tube_stage *tail;
    uint32_t n;
} tubei_runq;

/** Append.  Threads: under the user's lock.  Blocks: no. */
static inline void
tubei_runq_push(tubei_runq *q, tube_stage *stage)
{
    stage->next_run = NULL;
    if (q->head == NULL)
        q->head = stage;
    else
        q->tail->next_run = stage;
    q->tail = stage;
    q->n++;
}

/** Take the stage at place `at` < n; 0: the oldest.  Threads: as push.  Blocks: no. */
static inline tube_stage *
tubei_runq_take(tubei_runq *q, uint32_t at)
{
    tube_stage **link = &q->head;
    tube_stage *before = NULL;
    tube_stage *stage;

    while (at-- > 0) {
        before = *link;
        link = &before->next_run;
    }
    stage = *link;
    *link = stage->next_run;
    if (q->tail == stage)
        q->tail = before;
    q->n--;
    return stage;
}

#endif /* TUBES_ENGINE_RUNQ_H */
