/* SPDX-License-Identifier: MIT */
/* ports.c -- the inputs and outputs of a stage: which is next, which has room, which is over.
 *
 * All of it is called by the stage's runner.  Who ends when is decided here: an input
 * is over when its token was taken, a fan-in when it is sealed and none is left, a
 * fan-out when nobody wants anything any more.
 */
#include "../graph/pipeline.h"
#include "check.h"
#include "stage.h"

#include <stdlib.h>

uint32_t
tubei_ports_add(tubei_edge ***ports, uint32_t *n, tubei_edge *e, bool last)
{
    tubei_edge **all;
    uint32_t i = 0;

    if (last) /* behind all that are there */
        for (i = *n; i > 0 && (*ports)[i - 1] == NULL;)
            i--;
    for (; i < *n; i++)
        if ((*ports)[i] == NULL) {
            (*ports)[i] = e;
            return i;
        }
    if ((*n & (*n - 1)) == 0) { /* room for a power of two */
        all = realloc((void *)*ports, (*n == 0 ? 1 : (size_t)*n * 2) * sizeof(void *));
        if (all == NULL)
            return TUBE_ANY_INPUT;
        *ports = all;
    }
    (*ports)[*n] = e;
    return (*n)++;
}

/* Inputs. */

static tubei_item
pop(tube_stage *s, uint32_t i, tubei_batch **b)
{
    tubei_item item = tubei_edge_pop(s->in[i], b);

    s->at = i;
    /* with others full it may find no time to find this one empty */
    if (s->n_in > 1 && item != TUBEI_NONE)
        tubei_edge_drained(s->in[i]);
    return item;
}

static bool
is_open(const tube_stage *s, uint32_t i)
{
    return s->in[i] != NULL && !s->in[i]->over;
}

/* In turn, each as many batches as its weight says.  One that has brought a watermark is
 * not held: what comes behind it may overtake it, nothing that was before it may. */
static tubei_item
next_of_any(tube_stage *s, tubei_batch **b)
{
    for (uint32_t k = 0; k < s->n_in; k++) {
        uint32_t i = s->turn + k < s->n_in ? s->turn + k : s->turn + k - s->n_in;
        tubei_item item;

        if (!is_open(s, i) || !tubei_edge_ready(s->in[i]))
            continue;
        item = pop(s, i, b);
        if (item == TUBEI_NONE)
            continue;
        if (i != s->turn)
            s->burst = 0;
        s->turn = i;
        if (++s->burst >= s->in[i]->weight) {
            s->burst = 0;
            s->turn = i + 1 < s->n_in ? i + 1 : 0;
        }
        return item;
    }
    return TUBEI_NONE;
}

/* Of the one that is wanted; while it has nothing, watermarks of the others. */
static tubei_item
next_of(tube_stage *s, uint32_t i, tubei_batch **b)
{
    tubei_item item = pop(s, i, b);

    for (uint32_t k = 0; item == TUBEI_NONE && k < s->n_in; k++)
        if (is_open(s, k) && tubei_edge_at_mark(s->in[k]))
            item = pop(s, k, b);
    return item;
}

tubei_item
tubei_ports_next(tube_stage *s, tubei_batch **b)
{
    if (s->n_in == 1)
        return is_open(s, 0) ? pop(s, 0, b) : TUBEI_NONE;
    if (s->def->select != NULL && s->discarding == TUBE_STOP_NONE
        && !tubei_pipeline_aborted(s->pipeline)) {
        uint32_t i = s->def->select(s);

        if (i < s->n_in && is_open(s, i))
            return next_of(s, i, b);
    }
    return s->open_in > 0 ? next_of_any(s, b) : TUBEI_NONE;
}

bool
tubei_ports_ready(const tube_stage *s)
{
    for (uint32_t i = 0; i < s->n_in; i++)
        if (is_open(s, i) && tubei_edge_ready(s->in[i]))
            return true;
    return false;
}

bool
tubei_ports_drained(tube_stage *s)
{
    bool more = false;

    for (uint32_t i = 0; i < s->n_in; i++) {
        tubei_edge *e = s->in[i];

        if (!is_open(s, i) || tubei_edge_ready(e))
            continue;
        tubei_edge_drained(e);
        if (e->inlet != NULL && tubei_inlet_pull(e->inlet))
            more = true;
    }
    return more;
}

void
tubei_ports_close(tube_stage *s, tubei_edge *e, tube_stop why)
{
    tubei_edge_close(e, why, &s->reason);
    if (e->inlet != NULL)
        tubei_inlet_close(e->inlet, why, &s->reason);
}

bool
tubei_ports_sealed(tube_stage *s)
{
    struct tube_pipeline *p = s->pipeline;
    bool sealed;

    if ((s->def->flags & TUBE_JOINS) == 0)
        return true;
    pthread_mutex_lock(&p->lock);
    if (s->promised == 0 && !s->held_open)
        s->sealed = true; /* from here on tube_attach() answers END */
    sealed = s->sealed && s->promised == 0;
    pthread_mutex_unlock(&p->lock);
    return sealed;
}

void
tubei_ports_unhold(tube_stage *s)
{
    pthread_mutex_lock(&s->pipeline->lock);
    s->held_open = false;
    s->sealed = true; /* those that were promised still come */
    pthread_mutex_unlock(&s->pipeline->lock);
}

/* Tell the stage; false: it is to be told again. */
static bool
tell_ended(tube_stage *s, uint32_t i, tube_stop why)
{
    tube_error err = { 0 };
    tube_status st;

    s->unended = TUBE_ANY_INPUT;
    if (s->discarding != TUBE_STOP_NONE || s->def->ended == NULL)
        return true;
    st = s->def->ended(s, i, why, &err);
    if (st < 0 && tubei_survive(s, st, &err) == TUBEI_LATER) {
        s->unended = i;
        s->unended_why = why;
        return false;
    }
    s->attempts = st < 0 ? s->attempts : 0;
    return true;
}

bool
tubei_ports_end_again(tube_stage *s)
{
    return tell_ended(s, s->unended, s->unended_why);
}

static void
input_ended(tube_stage *s, uint32_t i, tube_stop why)
{
    (void)tell_ended(s, i, why);
    if (s->until == TUBE_UNTIL_ANY)
        tubei_stage_close(s, TUBE_STOP_SATISFIED);
    else if (s->until == TUBE_UNTIL_ERROR && why >= TUBE_STOP_ERROR)
        tubei_stage_close(s, why);
}

void
tubei_ports_over(tube_stage *s, uint32_t i)
{
    tubei_edge *e = s->in[i];

    tubei_check(!e->over); /* S4 */
    e->over = true;
    s->open_in--;
    tubei_reason_merge(&s->reason, &e->reason);
    if ((s->def->flags & TUBE_JOINS) == 0)
        return;
    pthread_mutex_lock(&s->pipeline->lock);
    s->promised--;
    pthread_mutex_unlock(&s->pipeline->lock);
    input_ended(s, i, e->reason.kind);
    tubei_marks_align(s);
    if (!e->dynamic)
        return;
    tubei_marks_keep(s, e); /* they wait for the others without it */
    s->in[i] = NULL;
    if (e->inlet != NULL)
        tubei_inlet_over(e->inlet);
    tubei_pipeline_edge_release(s->pipeline, e);
}

/* Outputs. */

/* A branch that wants no more gets its token now, others go on. */
static void
output_closed(tube_stage *s, uint32_t i, tube_stop why)
{
    tubei_edge *e = s->out[i];
    if (e->stopping || e->stopped)
        return;
    tubei_reason_worsen(&e->reason, why);
    tubei_edge_stop(e, &e->why);
    s->open_out--;
}

/* The token is in the ring: a port that was attached goes. */
static void
output_gone(tube_stage *s, uint32_t i)
{
    tubei_edge *e = s->out[i];

    if (!e->dynamic || !e->stopped)
        return;
    s->out[i] = NULL;
    tubei_pipeline_edge_release(s->pipeline, e);
}

/* Nobody wants what it makes: it knows why from all of them. */
static void
close_from_outputs(tube_stage *s, tube_stop kind)
{
    for (uint32_t i = 0; i < s->n_out; i++)
        if (s->out[i] != NULL && tubei_edge_closed(s->out[i]) != TUBE_STOP_NONE)
            tubei_reason_merge(&s->reason, &s->out[i]->why);
    tubei_stage_close(s, kind);
}

/* One output with one consumer, as most have. */
static bool
single_room(tube_stage *s)
{
    tube_stop closed = tubei_edge_closed(s->out[0]);

    if (closed != TUBE_STOP_NONE && s->discarding == TUBE_STOP_NONE)
        close_from_outputs(s, closed);
    return tubei_edge_room(s->out[0]);
}

static bool
forked_room(tube_stage *s)
{
    tube_stop worst = TUBE_STOP_NONE;
    bool all_end = false;
    bool all = true;
    bool any = false;

    for (uint32_t i = 0; i < s->n_out; i++) {
        tubei_edge *e = s->out[i];
        tube_stop closed;
        bool room;

        if (e == NULL)
            continue;
        closed = tubei_edge_closed(e);
        if (closed != TUBE_STOP_NONE) {
            worst = closed > worst ? closed : worst;
            output_closed(s, i, closed);
            all_end = all_end || s->until == TUBE_UNTIL_ANY
                      || (s->until == TUBE_UNTIL_ERROR && closed >= TUBE_STOP_ERROR);
        }
        room = tubei_edge_room(e);
        if (!e->stopping && !e->stopped) {
            any = any || room;
            all = all && room;
        }
    }
    if ((s->open_out == 0 || all_end) && s->discarding == TUBE_STOP_NONE)
        close_from_outputs(s, worst != TUBE_STOP_NONE ? worst : TUBE_STOP_CANCELLED);
    for (uint32_t i = 0; i < s->n_out; i++)
        if (s->out[i] != NULL && s->out[i]->stopped)
            output_gone(s, i);
    return s->open_out == 0 || (s->any_room ? any : all);
}

bool
tubei_ports_room(tube_stage *s)
{
    bool fork = (s->def->flags & TUBE_FORKS) != 0;
    bool room;

    if ((s->n_out == 0 && !fork) || s->phase >= TUBEI_PHASE_STOP)
        return true;
    room = fork ? forked_room(s) : single_room(s);
    if ((s->def->flags & TUBE_BUFFERS) != 0) {
        if (room && s->was_full) {
            s->was_full = false;
            (void)tubei_stage_call_wake(s, TUBE_WOKE_ROOM);
        } else if (!room) {
            s->was_full = true;
        }
        return true;
    }
    return room || s->discarding != TUBE_STOP_NONE
           || tubei_pipeline_aborted(s->pipeline);
}

tube_status
tubei_ports_push(tube_stage *s, uint32_t i, tubei_batch **b)
{
    tubei_edge *e = i < s->n_out ? s->out[i] : NULL;
    bool fork = (s->def->flags & TUBE_FORKS) != 0;
    bool room;

    if (e == NULL || e->stopping || e->stopped) {
        tube_stop why = e != NULL ? tubei_edge_closed(e) : TUBE_STOP_CANCELLED;

        if ((*b)->pub.schema != NULL)
            tubei_stage_discard(s, *b,
                                why != TUBE_STOP_NONE ? why : TUBE_STOP_CANCELLED);
        else
            tubei_batch_free(*b);
        *b = NULL;
        return s->open_out > 0 ? TUBE_OK : TUBE_END;
    }
    room = tubei_edge_push(e, b);
    if (!fork && tubei_edge_closed(e) != TUBE_STOP_NONE)
        return TUBE_END;
    s->no_room = !room && !s->any_room;
    return s->no_room ? TUBE_AGAIN : TUBE_OK;
}

bool
tubei_ports_stop(tube_stage *s)
{
    bool all = true;

    for (uint32_t i = 0; i < s->n_out; i++) {
        tubei_edge *e = s->out[i];

        if (e == NULL)
            continue;
        if (!e->stopping && !e->stopped)
            tubei_edge_stop(e, &s->reason);
        (void)tubei_edge_room(e);
        if (!e->stopped)
            all = false;
        else
            output_gone(s, i);
    }
    return all;
}
