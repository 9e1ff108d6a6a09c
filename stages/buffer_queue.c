/* SPDX-License-Identifier: MIT */
/* buffer_queue.c -- see buffer_queue.h. */
#include "buffer_queue.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM_FIRST = 64 };

/* Close up over entries whose batch is gone; what they have to tell, the one before
 * them tells. */
static void
queue_compact(buffer_queue *q)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < q->n; i++) {
        buffer_entry *e = tubei_buffer_at(q, i);

        if (e->batch == NULL && n > 0)
            tubei_buffer_at(q, n - 1)->missed += e->missed;
        else if (e->batch != NULL || e->missed > 0)
            *tubei_buffer_at(q, n++) = *e;
    }
    q->n = n;
}

bool
tubei_buffer_reserve(buffer_queue *q)
{
    uint32_t room = q->room > 0 ? q->room * 2 : ROOM_FIRST;
    buffer_entry *more;

    if (q->n < q->room)
        return true;
    queue_compact(q);
    if (q->n < q->room - q->room / 4) /* or it would be closed up each time */
        return true;
    if (room < q->room)
        return q->n < q->room;
    more = calloc(room, sizeof(*more));
    if (more == NULL)
        return q->n < q->room;
    for (uint32_t i = 0; i < q->n; i++)
        more[i] = *tubei_buffer_at(q, i);
    free(q->entry);
    q->entry = more;
    q->room = room;
    q->first = 0;
    return true;
}

buffer_entry *
tubei_buffer_push(buffer_queue *q, tube_batch *b, const tubei_spilled *where,
                  uint64_t now)
{
    buffer_entry *e = tubei_buffer_at(q, q->n++);

    *e = (buffer_entry){ .batch = b, .since = now, .where = *where };
    tubei_buffer_account(q, e);
    return e;
}

void
tubei_buffer_account(buffer_queue *q, buffer_entry *e)
{
    bool here = e->batch != NULL && e->where.size == 0;

    q->rows -= e->rows;
    q->bytes -= e->bytes;
    e->rows = here ? tube_batch_count(e->batch) : 0;
    e->bytes = e->rows > 0 ? tube_batch_bytes(e->batch) : 0;
    q->rows += e->rows;
    q->bytes += e->bytes;
}

tube_batch *
tubei_buffer_take(buffer_queue *q)
{
    buffer_entry *e = tubei_buffer_at(q, 0);
    tube_batch *b = e->batch;

    e->batch = NULL;
    tubei_buffer_account(q, e);
    return b;
}

void
tubei_buffer_pop(buffer_queue *q)
{
    q->first = (q->first + 1) & (q->room - 1);
    q->n--;
}

void
tubei_buffer_free(buffer_queue *q)
{
    free(q->entry);
    memset(q, 0, sizeof(*q));
}
