/* SPDX-License-Identifier: MIT */
/* flush.c -- watermarks: "all that was sent on before this call is settled".
 *
 * A watermark is one token or more of one tube_flush.  Sources and inlets put one behind
 * what they have sent; a fork makes one for each output; a fan-in waits until every
 * input that was there when the flush began has brought it, or is over; a sink
 * commits, and when it holds nothing more, the token is spent.  The last one spent
 * completes the flush, so it completes whatever stops, fails or is aborted.
 * A source that is done hands its token down the road that its stop went, to the
 * first stage that is not done, where it waits until that one is.
 */
#include "../graph/pipeline.h"
#include "check.h"
#include "stage.h"

#include <stdlib.h>

void
tubei_mark_drop(tubei_batch *mark, bool passed)
{
    tubei_flush_unref(mark->mark, passed);
    mark->mark = NULL;
    tubei_batch_free(mark);
}

static bool
is_discarding(const tube_stage *s)
{
    return s->discarding != TUBE_STOP_NONE || tubei_pipeline_aborted(s->pipeline);
}

/* One token is on its way in; a second one of the same flush is the same. */
static void
pass(tube_stage *s, tubei_batch *mark)
{
    if (s->mark != NULL)
        tubei_mark_drop(mark, true);
    else
        s->mark = mark;
}

static tubei_batch *
take_first(tubei_batch **list)
{
    tubei_batch *b = *list;

    *list = b->next;
    b->next = NULL;
    return b;
}

/* By number, the lowest first. */
static void
insert(tubei_batch **list, tubei_batch *b)
{
    while (*list != NULL
           && tubei_flush_number((*list)->mark) <= tubei_flush_number(b->mark))
        list = &(*list)->next;
    b->next = *list;
    *list = b;
}

void
tubei_marks_drop(tube_stage *s)
{
    for (uint32_t i = 0; i < s->n_in; i++)
        while (s->in[i] != NULL && s->in[i]->mark != NULL)
            tubei_mark_drop(take_first(&s->in[i]->mark), false);
    if (s->mark != NULL)
        tubei_mark_drop(s->mark, false);
    s->mark = NULL;
}

/* A sink has taken what was before a token that came by request: a later one came with
 * the data, or no data will come. */
static void
handed_over(tube_stage *s)
{
    for (tubei_batch **link = &s->orphans; *link != NULL;) {
        tubei_batch *b = *link;
        bool behind = s->input_over
                      || (s->n_in == 1 && s->in[0] != NULL
                          && s->in[0]->seen >= tubei_flush_number(b->mark));

        if (!behind || tubei_flush_settles(b->mark)) {
            link = &b->next;
            continue;
        }
        *link = b->next;
        b->next = NULL;
        tubei_mark_drop(b, true);
    }
}

/* The lowest number that an input waits with; 0: none waits. */
static uint64_t
lowest(const tube_stage *s)
{
    uint64_t low = s->orphans != NULL ? tubei_flush_number(s->orphans->mark) : 0;

    for (uint32_t i = 0; i < s->n_in; i++) {
        uint64_t n = s->in[i] != NULL && s->in[i]->mark != NULL
                         ? tubei_flush_number(s->in[i]->mark->mark)
                         : 0;

        if (n != 0 && (low == 0 || n < low))
            low = n;
    }
    return low;
}

void
tubei_marks_align(tube_stage *s)
{
    uint64_t low = s->mark == NULL ? lowest(s) : 0;

    if (low == 0)
        return;
    for (uint32_t i = 0; i < s->n_in; i++)
        if (s->in[i] != NULL && !s->in[i]->over && s->in[i]->seen < low)
            return;
    for (uint32_t i = 0; i < s->n_in; i++) {
        tubei_edge *e = s->in[i];

        if (e != NULL && e->mark != NULL && tubei_flush_number(e->mark->mark) == low)
            pass(s, take_first(&e->mark));
    }
    while (s->orphans != NULL && tubei_flush_number(s->orphans->mark) == low)
        pass(s, take_first(&s->orphans));
}

tubei_step
tubei_mark_in(tube_stage *s, tubei_batch *mark)
{
    tubei_edge *e = s->in[s->at];

    e->seen = tubei_flush_number(mark->mark);
    if (s->def->kind == TUBE_SINK)
        handed_over(s);
    if (is_discarding(s)) {
        tubei_mark_drop(mark, false);
        return TUBEI_GO;
    }
    if ((s->def->flags & TUBE_JOINS) == 0) {
        pass(s, mark);
        return TUBEI_GO;
    }
    insert(&e->mark, mark);
    tubei_marks_align(s);
    return TUBEI_GO;
}

/* On to every output that is open, one token each. */
static void
spread(tube_stage *s, tubei_batch *mark)
{
    struct tube_flush *f = mark->mark;

    for (uint32_t i = 0; i < s->n_out; i++) {
        tubei_edge *e = s->out[i];
        tubei_batch *b;

        if (e == NULL || e->stopping || e->stopped)
            continue;
        b = tubei_batch_mark(s->pipeline->memory, f);
        if (b == NULL) {
            tubei_stage_nomem(s);
            continue;
        }
        tubei_flush_ref(f);
        (void)tubei_edge_push(e, &b);
    }
    tubei_mark_drop(mark, true);
}

tubei_step
tubei_mark_step(tube_stage *s)
{
    tubei_batch *mark = s->mark;
    bool wait = false;

    if (is_discarding(s)) {
        tubei_marks_drop(s);
        return TUBEI_GO;
    }
    if (s->def->kind != TUBE_SINK || tubei_flush_settles(mark->mark)) {
        wait = tubei_stage_call_wake(s, TUBE_WOKE_FLUSH) == TUBE_AGAIN
               || (s->def->kind == TUBE_SINK && s->held > 0);
        if (s->mark == NULL) /* it failed */
            return TUBEI_GO;
        wait = wait || s->retry_at != 0;
    }
    if (wait) { /* as behind any other AGAIN: at once if there may be room now */
        bool full = s->no_room;

        s->no_room = false;
        return full ? TUBEI_GO : TUBEI_WAIT;
    }
    s->mark = NULL;
    spread(s, mark);
    tubei_marks_align(s);
    return TUBEI_GO;
}

/* Has a token of this flush gone through a fan-in already?  Then one that comes late by
 * request has nothing to add. */
static bool
has_passed(const tube_stage *s, uint64_t number)
{
    for (uint32_t i = 0; i < s->n_in; i++) {
        const tubei_edge *e = s->in[i];

        if (e != NULL && !e->over && e->born < number
            && (e->seen > number || (e->seen == number && e->mark == NULL)))
            return true;
    }
    return false;
}

/* A token that came by request waits here until the stage is done, or, in a fan-in,
 * until the inputs that are left have brought theirs. */
static void
keep(tube_stage *s, tubei_batch *mark)
{
    if ((s->def->flags & TUBE_JOINS) != 0
        && has_passed(s, tubei_flush_number(mark->mark))) {
        tubei_mark_drop(mark, true);
        return;
    }
    insert(&s->orphans, mark);
    if ((s->def->flags & TUBE_JOINS) != 0 && s->phase <= TUBEI_PHASE_RUN)
        tubei_marks_align(s);
    if (s->def->kind == TUBE_SINK)
        handed_over(s);
}

void
tubei_marks_keep(tube_stage *s, tubei_edge *e)
{
    while (e->mark != NULL)
        insert(&s->orphans, take_first(&e->mark));
}

/* Down the road that the stop went. */
static void
follow(tube_stage *s, tubei_batch *mark)
{
    for (uint32_t i = 0; i < s->n_out; i++) {
        tubei_request *r;
        tubei_batch *b;

        if (s->out[i] == NULL)
            continue;
        r = calloc(1, sizeof(*r));
        b = tubei_batch_mark(s->pipeline->memory, mark->mark);
        if (r == NULL || b == NULL) {
            free(r);
            tubei_stage_nomem(s);
            continue;
        }
        tubei_flush_ref(mark->mark);
        *r = (tubei_request){ .what = TUBEI_WATERMARK, .mark = b };
        tubei_stage_request(s->out[i]->to, r);
    }
    tubei_mark_drop(mark, s->failed ? false : true);
}

void
tubei_marks_follow(tube_stage *s)
{
    while (s->orphans != NULL)
        follow(s, take_first(&s->orphans));
}

void
tubei_marks_divert(tube_stage *s, tube_stage *to)
{
    while (s->orphans != NULL) {
        tubei_request *r = calloc(1, sizeof(*r));

        if (r == NULL) {
            tubei_stage_nomem(s);
            return;
        }
        *r =
            (tubei_request){ .what = TUBEI_WATERMARK, .mark = take_first(&s->orphans) };
        tubei_stage_request(to, r);
    }
}

void
tubei_mark_begin(tube_stage *s, tubei_batch *mark)
{
    if (s->phase == TUBEI_PHASE_DONE)
        follow(s, mark);
    else if (s->def->kind == TUBE_SOURCE && s->phase < TUBEI_PHASE_FINISH)
        spread(s, mark);
    else
        keep(s, mark);
}
