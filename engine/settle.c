/* SPDX-License-Identifier: MIT */
/* settle.c -- what becomes of a stage's batches, and of the stage when it ends early. */
#include "../graph/pipeline.h"
#include "check.h"
#include "stage.h"

#include <stdio.h>
#include <string.h>

/* Keeping and settling. */

void
tubei_stage_keep(tube_stage *s, tubei_batch *b)
{
    s->held++;
    b->prev = &s->kept;
    b->next = s->kept;
    if (b->next != NULL)
        b->next->prev = &b->next;
    s->kept = b;
}

void
tubei_stage_unkeep(tube_stage *s, tubei_batch *b)
{
    tubei_check(s->held > 0 && b->prev != NULL);
    s->held--;
    *b->prev = b->next;
    if (b->next != NULL)
        b->next->prev = b->prev;
    b->next = NULL;
    b->prev = NULL;
}

void
tubei_stage_settle(tubei_batch *b, const tubei_settled *outcome)
{
    tube_outcome live = outcome->broken > 0      ? TUBE_BROKEN
                        : outcome->committed > 0 ? TUBE_COMMITTED
                                                 : TUBE_FILTERED;
    tube_outcome rejected = outcome->rejected > 0 ? TUBE_REJECTED : live;

    if (b->ack != NULL) {
        tubei_ack *ack = b->ack;

        b->ack = NULL;
        tubei_ack_settle(ack, outcome);
    }
    tubei_asks_settle(b, live, rejected);
    tubei_batch_free(b);
}

/* The end of a turn is waited for at the join: a batch that brings it goes on, without its
 * records, and moves no position. */
static bool
turn_goes_on(tube_stage *s, tubei_batch *b, uint64_t left)
{
    if (b->turns == 0 || s->n_out != 1 || s->phase >= TUBEI_PHASE_STOP
        || !tube_output_open(s, 0))
        return false;
    tubei_count(&s->count.filtered, left);
    b->n_filtered += (uint32_t)left;
    tubei_asks_settle(b, TUBE_FILTERED, TUBE_FILTERED);
    memset(b->pub.live, 0, sizeof(b->pub.live));
    b->pub.n_live = b->pub.n_rejected = b->pub.n_extents = 0;
    b->pub.schema = s->output;
    tubei_batch_compact(b);
    (void)tubei_ports_push(s, 0, &b);
    return true;
}

void
tubei_stage_discard(tube_stage *s, tubei_batch *b, tube_stop why)
{
    uint64_t left = tube_batch_count(&b->pub) + b->pub.n_rejected;
    tubei_settled out = tubei_batch_ended(b);
    bool asked = why == TUBE_STOP_SATISFIED || why == TUBE_STOP_CANCELLED;

    if (asked && turn_goes_on(s, b, left))
        return;
    if (asked) {
        out.filtered += left;
        tubei_count(&s->count.filtered, left);
    } else {
        out.broken = left;
        tubei_count(&s->count.broken, left);
        tubei_count(&s->count.broken_batches, 1);
    }
    tubei_stage_settle(b, &out);
}

/* Failing and ending. */

void
tubei_stage_cause(tube_stage *s, tube_stop kind, const char *message,
                  const tube_error *err)
{
    tube_cause what = { .kind = kind,
                        .stage = { s->id },
                        .when = tube_now(),
                        .rows = atomic_load_explicit(&s->count.rows_out,
                                                     memory_order_relaxed) };

    (void)snprintf(what.name, sizeof(what.name), "%s", tubei_stage_label(s));
    if (message != NULL)
        (void)snprintf(what.message, sizeof(what.message), "%s", message);
    tubei_cause_add(&s->pipeline->causes, &s->reason, &what, err);
}

void
tubei_stage_close(tube_stage *s, tube_stop why)
{
    if (s->discarding != TUBE_STOP_NONE)
        return;
    s->discarding = why;
    if ((s->def->flags & TUBE_JOINS) != 0)
        tubei_ports_unhold(s);
    for (uint32_t i = 0; i < s->n_in; i++)
        if (s->in[i] != NULL && !s->in[i]->over)
            tubei_ports_close(s, s->in[i], why);
    tubei_marks_drop(s);
    if (s->current != NULL) {
        tubei_batch *b = s->current;

        s->current = NULL;
        tubei_stage_discard(s, b, why);
    }
}

void
tubei_stage_fail(tube_stage *s, tube_error *err)
{
    if (!s->failed) {
        tubei_pipeline_fail(s->pipeline, s, err);
        tubei_stage_cause(s, TUBE_STOP_ERROR, NULL, err);
    }
    s->failed = true;
    s->retry_at = 0;
    tubei_stage_close(s, TUBE_STOP_ERROR);
    if (s->def->kind == TUBE_SOURCE) /* also from finish(): it is not called again */
        s->input_over = true;
    if (s->phase < TUBEI_PHASE_STOP && s->input_over)
        s->phase = TUBEI_PHASE_STOP;
    /* what it holds is settled by the stage itself, now or when it is woken */
    if (s->held > 0 && s->def->wake != NULL
        && s->def->wake(s, TUBE_WOKE_ABORT, NULL) < 0)
        while (s->kept != NULL) { /* it cannot even that: it is not called any more */
            tubei_batch *b = s->kept;

            tubei_stage_unkeep(s, b);
            tubei_stage_discard(s, b, TUBE_STOP_ERROR);
        }
}

tube_status
tubei_stage_call_wake(tube_stage *s, unsigned why)
{
    tube_error err; /* a callback that fails and says nothing leaves it OK */
    tube_status st;

    if (s->def->wake == NULL)
        return TUBE_OK;
    err.status = TUBE_OK;
    st = s->def->wake(s, why, &err);
    if (st < 0) {
        s->wake_failed = true;
        if (tubei_survive(s, st, &err) == TUBEI_LATER) /* the same again */
            atomic_fetch_or_explicit(&s->woke, why, memory_order_relaxed);
        return st;
    }
    if (s->wake_failed)
        s->attempts = 0;
    s->wake_failed = false;
    if (st == TUBE_END && s->discarding == TUBE_STOP_NONE) {
        tubei_stage_cause(s, TUBE_STOP_SATISFIED, NULL, NULL);
        tubei_stage_close(s, TUBE_STOP_SATISFIED);
    }
    return st;
}
