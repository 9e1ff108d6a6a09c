/* SPDX-License-Identifier: MIT */
/* stage.c -- one activation of a stage, from its state word to its token.
 *
 * Fast path: room in the output, a batch from the ring, process(), push; up to
 * QUANTUM_BATCHES of them.  Everything that ends a stream goes through the phases
 * of stage.h, one step each.
 */
#include "stage.h"

#include "../graph/pipeline.h"
#include "check.h"
#include "sched.h"

#include <string.h>

/* A quantum: so many batches, or more if they are small, and not for longer. */
enum {
    QUANTUM_BATCHES = 4,
    QUANTUM_MOST = 16,
    QUANTUM_ROWS = 4096,
    QUANTUM_NS = 200 * 1000
};

void
tubei_stage_notify(tube_stage *s)
{
    /* it starts here, behind all that this thread has done */
    if (tubei_sched_is_next(s))
        return;
    /* [N1] pairs with [N2]: an RMW in every other case, also if it is notified already,
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
tubei_stage_request(tube_stage *s, tubei_request *r)
{
    r->next = atomic_load_explicit(&s->requests, memory_order_relaxed);
    /* [Q1] release pairs with the acquire in tubei_requests_run() */
    while (!atomic_compare_exchange_weak_explicit(
        &s->requests, &r->next, r, memory_order_release, memory_order_relaxed)) {
    }
    if (s->pipeline->started) /* tube_start() notifies all that have one */
        tubei_stage_notify(s);
}

void
tubei_stage_nomem(tube_stage *s)
{
    tube_error err;

    (void)tube_fail(&err, TUBE_ENOMEM, "out of memory");
    tubei_pipeline_fail(s->pipeline, s, &err);
    tube_abort(s->pipeline);
}

/* Send on what an in-place stage is done with. */
static void
forward(tube_stage *s, tubei_batch *b, uint32_t output)
{
    if (tube_batch_spent(&b->pub)) {
        tubei_settled out = tubei_batch_ended(b);

        tubei_stage_settle(b, &out);
        return;
    }
    b->pub.schema = s->output; /* a fan-in has inputs with schemas of their own */
    tubei_batch_compact(b);
    tubei_count(&s->count.batches_out, 1);
    tubei_count(&s->count.rows_out, tube_batch_count(&b->pub));
    (void)tubei_ports_push(s, output, &b);
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
    if (!s->emitted)
        tube_drop(s, &b->pub, TUBE_FILTERED); /* 1 to 0 */
    if (!tubei_asks_consumed(b))
        tubei_stage_nomem(s);
    tubei_ack_rows(b->ack, -(int64_t)tube_batch_count(&b->pub));
    memset(b->pub.live, 0, sizeof(b->pub.live));
    b->pub.n_live = 0;
    forward(s, b, 0);
}

/* A fork is done with a batch: it goes where tube_pass() said. */
static void
passed(tube_stage *s, tubei_batch *b)
{
    uint32_t to = s->pass_to;

    s->pass_to = TUBE_ANY_INPUT;
    if (to == TUBE_ANY_INPUT) {
        tube_drop(s, &b->pub, TUBE_DROPPED);
        for (to = 0; to + 1 < s->n_out && !tube_output_open(s, to);)
            to++;
    }
    forward(s, b, to);
}

/* Ending. */

/* Every input is over. */
static void
input_over(tube_stage *s)
{
    s->input_over = true;
    s->phase = s->failed || tubei_pipeline_aborted(s->pipeline) ? TUBEI_PHASE_STOP
                                                                : TUBEI_PHASE_FINISH;
}

/* Steps, one for each phase. */

/* After AGAIN: at once if there may be room now, else when notified. */
static tubei_step
again(tube_stage *s)
{
    bool full = s->no_room;

    s->no_room = false;
    return full ? TUBEI_GO : TUBEI_WAIT;
}

/* After a failure that was survived: at once, or when the retry is due. */
static tubei_step
later(const tube_stage *s)
{
    return s->retry_at != 0 ? TUBEI_WAIT : TUBEI_GO;
}

static tubei_step
run_greet(tube_stage *s)
{
    tube_error err;
    tube_status st = TUBE_OK;

    err.status = TUBE_OK;
    if (s->discarding == TUBE_STOP_NONE && !tubei_pipeline_aborted(s->pipeline))
        st = s->def->greet(s, &err);
    if (st == TUBE_AGAIN)
        return again(s);
    if (st < 0)
        switch (tubei_survive(s, st, &err)) {
        case TUBEI_LATER: return later(s);
        case TUBEI_DEAD:
        case TUBEI_SKIP: break;
        }
    if (s->phase == TUBEI_PHASE_GREET)
        s->phase = TUBEI_PHASE_RUN;
    return TUBEI_GO;
}

/* The source ends: what kind, and whether that begins here. */
static void
source_ends(tube_stage *s, tube_stop kind, const char *message)
{
    if (message != NULL || kind == TUBE_STOP_END)
        tubei_stage_cause(s, kind, message, NULL);
    else
        tubei_reason_worsen(&s->reason, kind);
    s->input_over = true;
    s->phase = kind == TUBE_STOP_END || kind == TUBE_STOP_CANCELLED
                       || kind == TUBE_STOP_SATISFIED
                   ? TUBEI_PHASE_FINISH
                   : TUBEI_PHASE_STOP;
}

static tubei_step
run_source(tube_stage *s)
{
    struct tube_pipeline *p = s->pipeline;
    tube_error err;
    tube_status st;

    if (tubei_pipeline_aborted(p)) {
        source_ends(s, TUBE_STOP_ABORT, NULL);
        return TUBEI_GO;
    }
    if (s->discarding != TUBE_STOP_NONE) {
        source_ends(s, s->discarding, NULL);
        return TUBEI_GO;
    }
    if (atomic_load_explicit(&p->draining, memory_order_acquire)) { /* [D1] */
        source_ends(s, TUBE_STOP_CANCELLED, "drained");
        return TUBEI_GO;
    }
    err.status = TUBE_OK;
    st = s->def->process(s, NULL, &err);
    if (st < 0)
        return tubei_survive(s, st, &err) == TUBEI_LATER ? later(s) : TUBEI_GO;
    s->attempts = 0;
    if (st == TUBE_OK)
        return TUBEI_GO;
    if (st == TUBE_AGAIN)
        return again(s);
    (void)tubei_ports_room(s); /* does it end because nobody wants more? */
    source_ends(s, s->discarding != TUBE_STOP_NONE ? s->discarding : TUBE_STOP_END,
                NULL);
    return TUBEI_GO;
}

/* process() returned: who has the batch now, and what next. */
static tubei_step
processed(tube_stage *s, tube_status st, tube_error *err)
{
    tubei_batch *b = s->current;

    if (st == TUBE_AGAIN)
        return again(s);
    if (st < 0) {
        switch (tubei_survive(s, st, err)) {
        case TUBEI_DEAD: return TUBEI_GO;
        case TUBEI_LATER: return later(s);
        case TUBEI_SKIP: tubei_survive_skip(s, err); break;
        }
        st = TUBE_OK;
    }
    s->attempts = 0;
    s->current = NULL;
    s->fresh = true;
    if (st == TUBE_QUEUED) {
        s->emitted = false;
        return TUBEI_GO;
    }
    if (s->def->kind == TUBE_SINK) {
        tube_batch *pub = &b->pub;

        tubei_stage_keep(s, b);
        tube_settle(s, &pub, TUBE_COMMITTED);
    } else if ((s->def->flags & TUBE_EMITS) != 0) {
        consumed(s, b);
    } else if ((s->def->flags & TUBE_FORKS) != 0) {
        passed(s, b);
    } else {
        tubei_batch_reshaped(b);
        forward(s, b, 0);
    }
    s->emitted = false;
    if (st == TUBE_END && s->discarding == TUBE_STOP_NONE) {
        tubei_stage_cause(s, TUBE_STOP_SATISFIED, NULL, NULL);
        tubei_stage_close(s, TUBE_STOP_SATISFIED);
    }
    return TUBEI_GO;
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

/* Nothing is there: tell those who wait for that, once since the last batch. */
static tubei_step
input_empty(tube_stage *s)
{
    if (s->open_in == 0 && tubei_ports_sealed(s)) {
        input_over(s);
        return TUBEI_GO;
    }
    if (tubei_ports_drained(s))
        return TUBEI_GO;
    if (s->fresh && s->discarding == TUBE_STOP_NONE) {
        s->fresh = false;
        (void)tubei_stage_call_wake(s, TUBE_WOKE_EMPTY);
    }
    if (s->quiet_later) {
        s->quiet_later = false;
        (void)tubei_stage_call_wake(s, TUBE_WOKE_QUIET);
        return TUBEI_GO; /* it may want something else now */
    }
    return TUBEI_WAIT;
}

/* Take the next thing; GO: look again, WAIT: nothing there; else there is a batch. */
static bool
take(tube_stage *s, tubei_step *next)
{
    tubei_batch *b = NULL;
    bool aborted = tubei_pipeline_aborted(s->pipeline);

    *next = TUBEI_GO;
    switch (tubei_ports_next(s, &b)) {
    case TUBEI_STOP:
        tubei_ports_over(s, s->at);
        if (s->open_in == 0 && tubei_ports_sealed(s))
            input_over(s);
        return false;
    case TUBEI_MARK: *next = tubei_mark_in(s, b); return false;
    case TUBEI_NONE: *next = input_empty(s); return false;
    case TUBEI_BATCH: break;
    }
    if (s->discarding != TUBE_STOP_NONE || aborted) {
        tubei_stage_discard(
            s, b, s->discarding != TUBE_STOP_NONE ? s->discarding : TUBE_STOP_ABORT);
        return false;
    }
    count_in(s, b);
    s->current = b;
    return true;
}

static tubei_step
run_input(tube_stage *s)
{
    bool keeps =
        s->def->kind == TUBE_SINK || (s->def->flags & (TUBE_HOLDS | TUBE_BUFFERS)) != 0;
    tube_error err;
    tubei_step next;
    tube_status st;

    if (s->current == NULL) {
        if (!take(s, &next))
            return next;
    } else if (tubei_pipeline_aborted(s->pipeline)) {
        tubei_stage_close(s, TUBE_STOP_ABORT);
        return TUBEI_GO;
    }
    /* It may settle or release the batch before process() returns: it is held from
     * here on. */
    if (keeps)
        tubei_stage_keep(s, s->current);
    err.status = TUBE_OK;
    st = s->def->process(s, &s->current->pub, &err);
    if (keeps && st != TUBE_QUEUED)
        tubei_stage_unkeep(s, s->current);
    return processed(s, st, &err);
}

static tubei_step
run_finish(tube_stage *s)
{
    tube_error err;
    tube_status st = TUBE_OK;

    s->finishing = true;
    err.status = TUBE_OK;
    if (s->def->finish != NULL && !tubei_pipeline_aborted(s->pipeline))
        st = s->def->finish(s, &err);
    if (st < 0)
        switch (tubei_survive(s, st, &err)) {
        case TUBEI_DEAD: return TUBEI_GO;
        case TUBEI_LATER: return later(s);
        case TUBEI_SKIP: break;
        }
    if (st == TUBE_AGAIN && !tubei_pipeline_aborted(s->pipeline))
        return again(s);
    s->phase = TUBEI_PHASE_STOP;
    return TUBEI_GO;
}

static tubei_step
run_stop(tube_stage *s)
{
    struct tube_pipeline *p = s->pipeline;

    if (s->held > 0)
        return TUBEI_WAIT; /* the last answer has not come (S5) */
    if (tubei_pipeline_aborted(p))
        tubei_reason_merge(&s->reason, &p->abort_reason);
    if (!tubei_ports_stop(s))
        return TUBEI_WAIT;
    s->phase = TUBEI_PHASE_DONE;
    tubei_marks_follow(s);
    tubei_pipeline_stage_done(s);
    return TUBEI_WAIT;
}

/* May it run?  Pauses do not hold what was aborted. */
static bool
is_paused(tube_stage *s)
{
    if (atomic_load_explicit(&s->pauses, memory_order_acquire) == 0 /* [T1] */
        || tubei_pipeline_aborted(s->pipeline)) {
        if (s->paused_since != 0)
            tubei_count(&s->count.paused_ns, tube_now() - s->paused_since);
        s->paused_since = 0;
        return false;
    }
    if (s->paused_since == 0)
        s->paused_since = tube_now();
    return true;
}

/* A source that is to stop does so without room: its token waits in the spill list. */
static bool
may_end(const tube_stage *s)
{
    return s->def->kind == TUBE_SOURCE
           && (s->phase == TUBEI_PHASE_FINISH
                   ? !s->finishing
                   : atomic_load_explicit(&s->pipeline->draining,
                                          memory_order_relaxed));
}

static tubei_step
run_step(tube_stage *s)
{
    unsigned why = 0;

    if (atomic_load_explicit(&s->requests, memory_order_relaxed) != NULL)
        tubei_requests_run(s);
    if (s->moved != NULL)
        tubei_stage_notify(s->moved_to);
    if (s->phase == TUBEI_PHASE_DONE || is_paused(s))
        return TUBEI_WAIT;
    if (s->retry_at != 0) {
        if (tube_now() < s->retry_at && !tubei_pipeline_aborted(s->pipeline))
            return TUBEI_WAIT;
        s->retry_at = 0;
        tubei_stage_arm(s);
    }
    /* A reason that this look misses is followed by a notify(): it is seen then. */
    if (atomic_load_explicit(&s->woke, memory_order_relaxed) != 0)
        why = atomic_exchange_explicit(&s->woke, 0, memory_order_acquire); /* [W2] */
    if ((why & TUBE_WOKE_DEADLINE) != 0) {
        if (s->wants_at == 0 || tube_now() < s->wants_at)
            why &= ~(unsigned)TUBE_WOKE_DEADLINE; /* it was the retry's */
        else
            s->wants_at = 0;
    }
    /* what was pushed meanwhile was not published: it belongs to this quiet */
    if ((why & TUBE_WOKE_QUIET) != 0 && s->current == NULL && tubei_ports_ready(s)) {
        s->quiet_later = true;
        why &= ~(unsigned)TUBE_WOKE_QUIET;
    }
    if (why != 0)
        (void)tubei_stage_call_wake(s, why);
    if (s->retry_at != 0)
        return TUBEI_WAIT;
    if (s->unended != TUBE_ANY_INPUT && !tubei_ports_end_again(s))
        return later(s);
    if (!tubei_ports_room(s) && !may_end(s))
        return TUBEI_WAIT;
    if (s->mark != NULL)
        return tubei_mark_step(s);
    switch (s->phase) {
    case TUBEI_PHASE_GREET: return run_greet(s);
    case TUBEI_PHASE_RUN:
        return s->def->kind == TUBE_SOURCE ? run_source(s) : run_input(s);
    case TUBEI_PHASE_FINISH: return run_finish(s);
    case TUBEI_PHASE_STOP: return run_stop(s);
    case TUBEI_PHASE_DONE: break;
    }
    return TUBEI_WAIT;
}

/* Who holds memory and is about to sleep lets go of it while others wait (M3). */
static bool
relieve(tube_stage *s)
{
    uint32_t held = s->held;

    if (held == 0 || s->paused_since != 0
        || !tubei_memory_pressure(s->pipeline->memory))
        return false;
    (void)tubei_stage_call_wake(s, TUBE_WOKE_PRESSURE);
    return s->held < held;
}

static bool
is_needed(const tube_stage *s)
{
    return s->current != NULL || tubei_ports_ready(s)
           || (s->def->kind == TUBE_SOURCE && s->phase < TUBEI_PHASE_STOP);
}

/* Rows that went in and out so far. */
static uint64_t
rows_moved(const tube_stage *s)
{
    return atomic_load_explicit(&s->count.rows_in, memory_order_relaxed)
           + atomic_load_explicit(&s->count.rows_out, memory_order_relaxed);
}

/* Are `steps` steps less than a quantum?  Batches of bytes count as full ones. */
static bool
goes_on(const tube_stage *s, unsigned steps, uint64_t rows_before)
{
    uint64_t rows;

    if (steps < QUANTUM_BATCHES)
        return true;
    rows = rows_moved(s) - rows_before;
    return steps < QUANTUM_MOST && rows > 0 && rows < QUANTUM_ROWS;
}

uint64_t
tubei_stage_run(tube_stage *s, uint64_t start)
{
    uint64_t rows = rows_moved(s);
    uint64_t now = start;
    unsigned steps = 0;
    tubei_step last;
    bool needed;

    /* [N2] pairs with [N1] and [N3]: acquires what the notifiers and the last runner did */
    tubei_check(atomic_exchange_explicit(&s->word, TUBEI_RUNNING, memory_order_acq_rel)
                == TUBEI_NOTIFIED); /* S1 */
    tubei_count(&s->count.activations, 1);
    if (s->n_in > 0 && s->in[0] != NULL)
        tubei_count(&s->count.queue_sum, tubei_ring_count(s->in[0]->ring));
    if (s->blocked_since != 0)
        tubei_count(&s->count.blocked_ns, start - s->blocked_since);
    do {
        last = run_step(s);
        if (last == TUBEI_WAIT && relieve(s))
            last = TUBEI_GO;
        steps++;
        if (!s->quick)
            now = tube_now();
    } while (last == TUBEI_GO && goes_on(s, steps, rows) && now - start < QUANTUM_NS);
    now = tube_now();
    /* the deterministic mode does not let the clock decide who runs */
    s->quick = tubei_sched_is_caller(s->pipeline->sched)
               || now - start < (uint64_t)steps * (QUANTUM_NS / QUANTUM_MOST);
    s->slow = steps <= 1 && now - start > QUANTUM_NS; /* sched.h Q6 */
    tubei_count(&s->count.busy_ns, now - start);
    needed = is_needed(s);
    atomic_store_explicit(&s->has_work, needed, memory_order_relaxed);
    s->blocked_since = last == TUBEI_WAIT && needed ? now : 0;
    if (last == TUBEI_GO) {
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
