/* SPDX-License-Identifier: MIT */
/* request.c -- changes of the graph, carried out by the stage that owns the port.
 *
 * Others put a request on the stage's list and notify it; it carries them out between
 * two batches, in the order in which they came, also when it is paused or done.
 *
 * Divert.  The consumer X of an edge gives it to another stage D: it puts back what it
 * had not finished, and D takes the consumer's side when it carries out GIVEN.  The producer's
 * `to` still says X until it has carried out MOVED; meanwhile X passes every notify()
 * on to D (run_step).  X is not freed before MOVED_SEEN.  tests/model/divert.pml.
 */
#include "../graph/pipeline.h"
#include "check.h"
#include "stage.h"

#include <stdlib.h>

static void
add_input(tube_stage *s, tubei_edge *e)
{
    if (tubei_ports_add(&s->in, &s->n_in, e, s->ordered) == TUBE_ANY_INPUT) {
        tubei_stage_nomem(s); /* `e` stays closed and is freed with the pipeline */
        return;
    }
    s->open_in++;
    if (s->discarding != TUBE_STOP_NONE)
        tubei_ports_close(s, e, s->discarding);
}

static void
add_output(tube_stage *s, tubei_edge *e)
{
    if (tubei_ports_add(&s->out, &s->n_out, e, false) == TUBE_ANY_INPUT) {
        tubei_stage_nomem(s);
        return;
    }
    if (s->phase < TUBEI_PHASE_STOP) {
        s->open_out++;
        return;
    }
    (void)tubei_ports_stop(s); /* whoever comes late learns of the end at once */
}

static void
end_output(tube_stage *s, const tubei_request *r)
{
    tubei_reason reason = { 0 };

    for (uint32_t i = 0; i < s->n_out; i++) {
        tubei_edge *e = s->out[i];

        if (e != r->edge || e->stopping || e->stopped)
            continue;
        tubei_reason_worsen(&reason, r->kind);
        tubei_edge_stop(e, &reason);
        s->open_out--;
        return;
    }
}

static void
close_stage(tube_stage *s, const tubei_request *r)
{
    if (s->phase >= TUBEI_PHASE_FINISH || s->discarding != TUBE_STOP_NONE)
        return;
    tubei_stage_cause(s, r->kind, r->message, NULL);
    if (s->def->kind != TUBE_SOURCE) {
        tubei_stage_close(s, r->kind);
        return;
    }
    s->input_over = true;
    s->phase = TUBEI_PHASE_FINISH;
}

/* Behind what was given back already. */
static void
back_append(tubei_edge *e, tubei_batch *b)
{
    tubei_batch **link = &e->back;

    while (*link != NULL)
        link = &(*link)->next;
    b->next = NULL;
    *link = b;
}

void
tube_give_back(tube_stage *s, tube_batch **pub)
{
    tubei_batch *b = tubei_batch_of(*pub);

    *pub = NULL;
    if (b->prev != NULL) { /* one that it has kept */
        tubei_stage_unkeep(s, b);
    } else if (b->pub.schema != NULL) {
        b->ack = tubei_ack_new(&s->pipeline->totals);
        if (b->ack == NULL)
            tubei_stage_nomem(s);
        else
            tubei_ack_rows(b->ack, (int64_t)tubei_batch_rows(b));
    }
    back_append(s->giving, b);
}

/* What the stage has taken and not finished goes back to the edge. */
static void
put_back(tube_stage *s, tubei_edge *e)
{
    tube_error err = { 0 };
    tubei_batch *b = s->current;
    tube_status st = TUBE_OK;

    s->current = NULL;
    if (s->def->reassemble != NULL && s->discarding == TUBE_STOP_NONE)
        st = s->def->reassemble(s, &err);
    if (st < 0)
        tubei_stage_fail(
            s, &err); /* what it held is lost, and counted; the rest goes on */
    if (b != NULL) {
        if (!s->emitted)
            back_append(e, b);
        else if (b->pub.schema == NULL)
            tubei_batch_free(b); /* reassemble() has given back what was left of it */
        else
            tubei_stage_discard(s, b, TUBE_STOP_CANCELLED);
    }
    if (s->mark != NULL) {
        back_append(e, s->mark);
        s->mark = NULL;
    }
    if (e->over)
        e->back_stop = true; /* taken already: the new consumer gets it again */
    e->over = false;
}

/* The producer, or the inlet, learns who its consumer is. */
static void
tell_producer(tube_stage *s, tubei_edge *e, tube_stage *to, tubei_request *tell)
{
    atomic_fetch_add_explicit(&to->guards, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->guards, 1, memory_order_relaxed); /* the answer's */
    s->moved = e;
    s->moved_to = to;
    *tell = (tubei_request){ .what = TUBEI_MOVED, .edge = e, .stage = to, .who = s };
    if (e->from != NULL) {
        tubei_stage_request(e->from, tell);
        return;
    }
    tubei_inlet_moved(e->inlet, to);
    s->moved = NULL;
    atomic_fetch_sub_explicit(&to->guards, 1, memory_order_release);
    atomic_fetch_sub_explicit(&s->guards, 1, memory_order_release);
    free(tell);
}

/* True: carried out; false: the input has not come yet, it is done when it has. */
static bool
divert(tube_stage *s, tubei_request *r)
{
    tubei_edge *e = s->n_in == 1 ? s->in[0] : NULL;
    tubei_request *tell;
    tubei_request *given;

    if (e == NULL && s->open_in == 1 && s->later == NULL) {
        s->later = r;
        return false;
    }
    tell = calloc(1, sizeof(*tell));
    given = calloc(1, sizeof(*given));
    if (e == NULL || tell == NULL || given == NULL) {
        free(tell);
        free(given);
        tubei_stage_nomem(s);
        return true;
    }
    s->giving = e;
    s->in[0] = NULL; /* a failure from here on does not close what goes */
    s->open_in = 0;
    put_back(s, e);
    /* told before it is given: the producer learns of a second divert behind this one */
    tell_producer(s, e, r->stage, tell);
    *given = (tubei_request){ .what = TUBEI_GIVEN, .edge = e };
    tubei_stage_request(r->stage, given);
    tubei_marks_divert(s, r->stage);
    if (s->phase < TUBEI_PHASE_FINISH) {
        tubei_stage_cause(s, TUBE_STOP_CANCELLED, "diverted", NULL);
        s->input_over = true;
        s->phase = s->failed ? TUBEI_PHASE_STOP : TUBEI_PHASE_FINISH;
    }
    return true;
}

static void
given(tube_stage *s, tubei_edge *e)
{
    tubei_request *later = s->later;

    s->in[0] = e;
    s->later = NULL;
    if (s->discarding != TUBE_STOP_NONE)
        tubei_ports_close(s, e, s->discarding);
    if (later != NULL) {
        (void)divert(s, later);
        free(later);
    }
}

static void
request_run(tube_stage *s, tubei_request *r)
{
    tube_stage *who;

    switch (r->what) {
    case TUBEI_ADD_INPUT: add_input(s, r->edge); break;
    case TUBEI_ADD_OUTPUT: add_output(s, r->edge); break;
    case TUBEI_END_OUTPUT: end_output(s, r); break;
    case TUBEI_CLOSE: close_stage(s, r); break;
    case TUBEI_DIVERT:
        if (!divert(s, r))
            return;
        break;
    case TUBEI_GIVEN: given(s, r->edge); break;
    case TUBEI_MOVED:
        r->edge->to = r->stage;
        r->what = TUBEI_MOVED_SEEN;
        who = r->who;
        tubei_stage_request(who, r);
        atomic_fetch_sub_explicit(&who->guards, 1, memory_order_release); /* [G2] */
        return;
    case TUBEI_MOVED_SEEN:
        tubei_stage_notify(s->moved_to); /* for what came since the last look */
        s->moved = NULL;
        /* [G2] releases to is_still(): nobody notifies it for us any more */
        atomic_fetch_sub_explicit(&s->moved_to->guards, 1, memory_order_release);
        break;
    case TUBEI_WATERMARK: tubei_mark_begin(s, r->mark); break;
    }
    free(r->message);
    free(r);
}

void
tubei_requests_drop(tube_stage *s)
{
    tubei_request *all =
        atomic_exchange_explicit(&s->requests, NULL, memory_order_acquire);

    free(s->later);
    s->later = NULL;
    while (all != NULL) {
        tubei_request *next = all->next;

        if (all->mark != NULL)
            tubei_mark_drop(all->mark, false);
        free(all->message);
        free(all);
        all = next;
    }
}

void
tubei_requests_run(tube_stage *s)
{
    /* [Q2] acquires what [Q1] released */
    tubei_request *all =
        atomic_exchange_explicit(&s->requests, NULL, memory_order_acquire);
    tubei_request *oldest = NULL;

    while (all != NULL) {
        tubei_request *next = all->next;

        all->next = oldest;
        oldest = all;
        all = next;
    }
    while (oldest != NULL) {
        tubei_request *next = oldest->next;

        request_run(s, oldest);
        oldest = next;
    }
}
