/* SPDX-License-Identifier: MIT */
/* stage.c -- one activation of a stage, from its state word to its token.
 *
 * Fast path: room in the output, a batch from the ring, process(), push; up to
 * QUANTUM_BATCHES of them.  Everything that ends a stream goes through the phases
 * of stage.h, one step each.
 */
#include "stage.h"

#include "check.h"
#include "pipeline.h"
#include "sched.h"

#include <string.h>

enum { QUANTUM_BATCHES = 4, QUANTUM_NS = 200 * 1000 };

/* What a step of an activation says about the next one. */
typedef enum step {
    GO,   /* look again at once */
    IDLE, /* nothing to do until somebody notifies */
} step;

void
tubei_stage_notify(tube_stage *s)
{
    /* [N1] pairs with [N2]: an RMW in every case, also if it is notified already,
     * or the activation that runs might not see what came before this (S2) */
    if (atomic_fetch_or_explicit(&s->word, TUBEI_NOTIFIED, memory_order_acq_rel)
        == TUBEI_IDLE)
        tubei_sched_publish(s->pipeline->sched, s);
}

void
tubei_stage_wake(tube_stage *s, unsigned why)
{
    atomic_fetch_or_explicit(&s->woke, why, memory_order_release); /* [W1] */
    tubei_stage_notify(s);
}

void
tubei_stage_pressure(tube_stage *s)
{
    struct tube_pipeline *p = s->pipeline;

    for (uint32_t i = 0; i < p->n; i++)
        if (&p->stages[i] != s && (p->stages[i].def->flags & TUBE_HOLDS) != 0)
            tubei_stage_wake(&p->stages[i], TUBE_WOKE_PRESSURE);
}

void
tubei_stage_nomem(tube_stage *s)
{
    tube_error err;

    (void)tube_fail(&err, TUBE_ENOMEM, "out of memory");
    tubei_pipeline_fail(s->pipeline, s, &err);
    tube_abort(s->pipeline);
}

/* Settling. */

void
tubei_stage_settle(tube_stage *s, tubei_batch *b, const tubei_settled *outcome)
{
    (void)s;
    if (b->ack != NULL) {
        tubei_ack *ack = b->ack;

        b->ack = NULL;
        tubei_ack_settle(ack, outcome);
    }
    tubei_batch_free(b);
}

void
tubei_stage_discard(tube_stage *s, tubei_batch *b, tubei_kind why)
{
    uint64_t left = tube_batch_count(&b->pub) + b->pub.n_rejected;
    tubei_settled out = { .filtered = b->n_filtered };

    if (why == TUBEI_SATISFIED || why == TUBEI_CANCELLED)
        out.filtered += left;
    else
        out.broken = left;
    tubei_stage_settle(s, b, &out);
}

/* A batch in which nothing lives on and that moves no position ends here. */
static bool
is_spent(const tubei_batch *b)
{
    if (b->pub.n_rejected > 0 || tube_batch_count(&b->pub) > 0)
        return false;
    for (uint32_t i = 0; i < b->pub.n_extents; i++)
        if (b->pub.extents[i].origin != TUBE_NO_ORIGIN)
            return false;
    return true;
}

/* Send on what an in-place stage is done with. */
static void
forward(tube_stage *s, tubei_batch *b)
{
    if (is_spent(b)) {
        tubei_settled out = { .filtered = b->n_filtered };

        tubei_stage_settle(s, b, &out);
        return;
    }
    tubei_batch_compact(b);
    tubei_count(&s->count.batches_out, 1);
    tubei_count(&s->count.rows_out, tube_batch_count(&b->pub));
    (void)tubei_edge_push(s->out, &b);
}

/* An emitter has used up its input: what is left of it carries its position and its
 * rejects on, behind all that was made of it. */
static void
consumed(tube_stage *s, tubei_batch *b)
{
    if (b->pub.schema == NULL) {
        tubei_batch_free(b);
        return;
    }
    tubei_ack_rows(b->ack, -(int64_t)tube_batch_count(&b->pub));
    memset(b->pub.live, 0, sizeof(b->pub.live));
    b->pub.n_live = 0;
    b->pub.schema = s->output;
    forward(s, b);
}

/* Failing and ending. */

static void
begin_discarding(tube_stage *s, tubei_kind why)
{
    if (s->discarding != TUBEI_NO_KIND)
        return;
    s->discarding = why;
    if (s->in != NULL)
        tubei_edge_close(s->in, why);
    if (s->current != NULL) {
        tubei_batch *b = s->current;

        s->current = NULL;
        tubei_stage_discard(s, b, why);
    }
}

static void
fail(tube_stage *s, tube_error *err)
{
    if (!s->failed)
        tubei_pipeline_fail(s->pipeline, s, err);
    s->failed = true;
    s->reason = (tubei_reason){ TUBEI_ERROR, s->index };
    begin_discarding(s, TUBEI_ERROR);
    if (s->in == NULL) /* also from finish(): it is not called again */
        s->input_over = true;
    if (s->phase < TUBEI_PHASE_STOP && s->input_over)
        s->phase = TUBEI_PHASE_STOP;
    /* what it holds is settled by the stage itself, now or when it is woken */
    if (s->held > 0 && s->def->wake != NULL)
        (void)s->def->wake(s, TUBE_WOKE_ABORT, NULL);
}

/* Take note of a status that a callback returned; true: it was a failure. */
static bool
failed(tube_stage *s, tube_status st, tube_error *err)
{
    if (st >= 0)
        return false;
    if (err->status >= 0) /* the callback returned a failure and said nothing */
        (void)tube_fail(err, st, "failed with status %d", (int)st);
    fail(s, err);
    return true;
}

static void
call_wake(tube_stage *s, unsigned why)
{
    tube_error err = { 0 };
    tube_status st;

    if (s->def->wake == NULL)
        return;
    st = s->def->wake(s, why, &err);
    if (!failed(s, st, &err) && st == TUBE_END)
        begin_discarding(s, TUBEI_SATISFIED);
}

static void
take_token(tube_stage *s)
{
    s->input_over = true;
    s->reason = s->failed ? s->reason : tubei_reason_merge(s->reason, s->in->reason);
    s->phase = s->failed || tubei_pipeline_aborted(s->pipeline) ? TUBEI_PHASE_STOP
                                                                : TUBEI_PHASE_FINISH;
}

/* Steps, one for each phase. */

/* After AGAIN: at once if there may be room now, else when notified. */
static step
again(tube_stage *s)
{
    bool full = s->no_room;

    s->no_room = false;
    return full ? GO : IDLE;
}

static step
run_source(tube_stage *s)
{
    struct tube_pipeline *p = s->pipeline;
    tube_error err = { 0 };
    tube_status st;

    if (s->discarding != TUBEI_NO_KIND || tubei_pipeline_aborted(p)) {
        s->reason = (tubei_reason){ s->discarding != TUBEI_NO_KIND ? s->discarding
                                                                   : TUBEI_ABORT,
                                    s->index };
        s->phase = TUBEI_PHASE_STOP;
        return GO;
    }
    if (atomic_load_explicit(&p->draining, memory_order_acquire)) { /* [D1] */
        s->reason = (tubei_reason){ TUBEI_CANCELLED, s->index };
        s->phase = TUBEI_PHASE_FINISH;
        return GO;
    }
    st = s->def->process(s, NULL, &err);
    if (failed(s, st, &err) || st == TUBE_OK)
        return GO;
    if (st == TUBE_AGAIN)
        return again(s);
    s->reason =
        (tubei_reason){ s->discarding != TUBEI_NO_KIND ? s->discarding : TUBEI_END,
                        s->index };
    s->phase = TUBEI_PHASE_FINISH;
    return GO;
}

/* process() returned: who has the batch now, and what next. */
static step
processed(tube_stage *s, tube_status st, tube_error *err)
{
    tubei_batch *b = s->current;

    if (st == TUBE_AGAIN)
        return again(s);
    if (failed(s, st, err))
        return GO;
    s->current = NULL;
    s->fresh = true;
    if (st == TUBE_QUEUED)
        return GO;
    if (s->out == NULL) {
        tube_batch *pub = &b->pub;

        s->held++;
        tube_settle(s, &pub, TUBE_COMMITTED);
    } else if ((s->def->flags & TUBE_EMITS) != 0) {
        consumed(s, b);
    } else {
        tubei_batch_reshaped(b);
        forward(s, b);
    }
    if (st == TUBE_END)
        begin_discarding(s, TUBEI_SATISFIED);
    return GO;
}

static void
count_in(tube_stage *s, const tubei_batch *b)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < b->pub.n_segments; i++)
        bytes += b->pub.segments[i].bytes.len;
    tubei_count(&s->count.batches_in, 1);
    tubei_count(&s->count.rows_in, tube_batch_count(&b->pub));
    tubei_count(&s->count.bytes_in, bytes);
}

/* Nothing is in the ring: say so once since the last batch. */
static void
input_empty(tube_stage *s)
{
    tubei_edge_drained(s->in);
    if (s->fresh && s->discarding == TUBEI_NO_KIND) {
        s->fresh = false;
        call_wake(s, TUBE_WOKE_EMPTY);
    }
}

static step
run_input(tube_stage *s)
{
    tube_error err = { 0 };
    tube_status st;

    if (s->current == NULL) {
        tubei_batch *b = NULL;

        switch (tubei_edge_pop(s->in, &b)) {
        case TUBEI_STOP: take_token(s); return GO;
        case TUBEI_NONE: input_empty(s); return IDLE;
        case TUBEI_BATCH: break;
        }
        if (s->discarding != TUBEI_NO_KIND || tubei_pipeline_aborted(s->pipeline)) {
            tubei_stage_discard(
                s, b, s->discarding != TUBEI_NO_KIND ? s->discarding : TUBEI_ABORT);
            return GO;
        }
        count_in(s, b);
        s->current = b;
    } else if (tubei_pipeline_aborted(s->pipeline)) {
        begin_discarding(s, TUBEI_ABORT);
        return GO;
    }
    /* A sink may settle the batch before process() returns: it is held from here on. */
    if (s->out == NULL)
        s->held++;
    st = s->def->process(s, &s->current->pub, &err);
    if (s->out == NULL && st != TUBE_QUEUED)
        s->held--;
    return processed(s, st, &err);
}

static step
run_finish(tube_stage *s)
{
    tube_error err = { 0 };
    tube_status st = TUBE_OK;

    if (s->def->finish != NULL && !tubei_pipeline_aborted(s->pipeline))
        st = s->def->finish(s, &err);
    if (failed(s, st, &err))
        return GO;
    if (st == TUBE_AGAIN && !tubei_pipeline_aborted(s->pipeline))
        return again(s);
    s->phase = TUBEI_PHASE_STOP;
    return GO;
}

static step
run_stop(tube_stage *s)
{
    if (s->held > 0)
        return IDLE; /* the last answer has not come (S5) */
    if (s->out != NULL) {
        if (tubei_pipeline_aborted(s->pipeline))
            s->reason =
                tubei_reason_merge(s->reason, (tubei_reason){ TUBEI_ABORT, s->index });
        if (!s->out->stopping && !s->out->stopped)
            tubei_edge_stop(s->out, &s->reason);
        (void)tubei_edge_room(s->out);
        if (!s->out->stopped)
            return IDLE;
    }
    s->phase = TUBEI_PHASE_DONE;
    tubei_pipeline_stage_done(s->pipeline);
    return IDLE;
}

/* May it go on?  Not while its output is full, unless all of it goes nowhere. */
static bool
has_room(tube_stage *s)
{
    tubei_kind closed;

    if (s->out == NULL || s->phase >= TUBEI_PHASE_STOP)
        return true;
    closed = tubei_edge_closed(s->out);
    if (closed != TUBEI_NO_KIND)
        begin_discarding(s, closed);
    return tubei_edge_room(s->out) || s->discarding != TUBEI_NO_KIND
           || tubei_pipeline_aborted(s->pipeline);
}

static step
run_step(tube_stage *s)
{
    unsigned why = 0;

    /* A reason that this look misses is followed by a notify(): it is seen then. */
    if (atomic_load_explicit(&s->woke, memory_order_relaxed) != 0)
        why = atomic_exchange_explicit(&s->woke, 0, memory_order_acquire); /* [W2] */

    if (s->phase == TUBEI_PHASE_DONE)
        return IDLE;
    if (why != 0)
        call_wake(s, why);
    if (!has_room(s))
        return IDLE;
    switch (s->phase) {
    case TUBEI_PHASE_RUN: return s->in == NULL ? run_source(s) : run_input(s);
    case TUBEI_PHASE_FINISH: return run_finish(s);
    case TUBEI_PHASE_STOP: return run_stop(s);
    case TUBEI_PHASE_DONE: break;
    }
    return IDLE;
}

/* Who holds memory and is about to sleep lets go of it while others wait (M3). */
static bool
relieve(tube_stage *s)
{
    uint32_t held = s->held;

    if (held == 0 || !tubei_memory_pressure(s->pipeline->memory))
        return false;
    call_wake(s, TUBE_WOKE_PRESSURE);
    return s->held < held;
}

static bool
has_work(const tube_stage *s)
{
    return s->current != NULL || (s->in != NULL && tubei_ring_count(s->in->ring) > 0)
           || (s->in == NULL && s->phase < TUBEI_PHASE_STOP);
}

uint64_t
tubei_stage_run(tube_stage *s, uint64_t start)
{
    uint64_t now = start;
    unsigned steps = 0;
    step last;

    /* [N2] pairs with [N1] and [N3]: acquires what the notifiers and the last runner did */
    tubei_check(atomic_exchange_explicit(&s->word, TUBEI_RUNNING, memory_order_acq_rel)
                == TUBEI_NOTIFIED); /* S1 */
    tubei_count(&s->count.activations, 1);
    if (s->in != NULL)
        tubei_count(&s->count.queue_sum, tubei_ring_count(s->in->ring));
    if (s->blocked_since != 0)
        tubei_count(&s->count.blocked_ns, start - s->blocked_since);
    do {
        last = run_step(s);
        if (last == IDLE && relieve(s))
            last = GO;
        steps++;
        if (!s->quick)
            now = tube_now();
    } while (last == GO && steps < QUANTUM_BATCHES && now - start < QUANTUM_NS);
    now = tube_now();
    /* the deterministic mode does not let the clock decide who runs */
    s->quick = tubei_sched_is_caller(s->pipeline->sched)
               || now - start < (uint64_t)steps * (QUANTUM_NS / QUANTUM_BATCHES);
    s->slow = steps <= 1 && now - start > QUANTUM_NS; /* sched.h Q6 */
    tubei_count(&s->count.busy_ns, now - start);
    s->blocked_since = last == IDLE && has_work(s) ? now : 0;
    if (last == GO) {
        (void)atomic_exchange_explicit(&s->word, TUBEI_NOTIFIED, memory_order_acq_rel);
        tubei_sched_yield(s->pipeline->sched, s);
        return now;
    }
    uint32_t running = TUBEI_RUNNING;
    /* [N3] a plain store would lose a notify() that came meanwhile */
    if (!atomic_compare_exchange_strong_explicit(&s->word, &running, TUBEI_IDLE,
                                                 memory_order_acq_rel,
                                                 memory_order_acquire)) {
        (void)atomic_exchange_explicit(&s->word, TUBEI_NOTIFIED, memory_order_acq_rel);
        tubei_sched_yield(s->pipeline->sched, s);
    }
    return now;
}
