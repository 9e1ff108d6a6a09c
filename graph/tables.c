/* SPDX-License-Identifier: MIT */
/* tables.c -- the tables of stages and edges: what is in them, and until when. */
#include "../data/schema.h"
#include "../engine/check.h"
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

static bool
place_stage(struct tube_pipeline *p, tube_stage *s)
{
    uint32_t at = p->n;
    tube_stage **all;

    for (uint32_t i = 0; s->dynamic && i < p->n && at == p->n; i++)
        if (p->stages[i] == NULL)
            at = i;
    if (at == p->n && (p->n & (p->n - 1)) == 0) { /* room for a power of two */
        all =
            realloc((void *)p->stages, (p->n == 0 ? 1 : (size_t)p->n * 2) * sizeof(s));
        if (all == NULL)
            return false;
        p->stages = all;
    }
    p->stages[at] = s;
    if (at == p->n)
        p->n++;
    s->index = at;
    s->id = ++p->next_id << 24 | at;
    p->live_dynamic += s->dynamic;
    return true;
}

static bool
place_link(struct tube_pipeline *p, const tubei_link *l)
{
    uint32_t at = p->n_links;
    tubei_link *all;

    for (uint32_t i = 0; l->edge->dynamic && i < p->n_links && at == p->n_links; i++)
        if (p->links[i].edge == NULL)
            at = i;
    if (at == p->n_links && (at & (at - 1)) == 0) {
        all = realloc(p->links, (at == 0 ? 1 : (size_t)at * 2) * sizeof(*all));
        if (all == NULL)
            return false;
        p->links = all;
    }
    p->links[at] = (tubei_link){ .edge = l->edge,
                                 .from = l->edge->from,
                                 .to = l->edge->to,
                                 .output = l->output,
                                 .input = l->input };
    l->edge->slot = at;
    if (l->edge->from != NULL)
        l->edge->from->fed++;
    l->edge->to->eats++;
    if (at == p->n_links)
        p->n_links++;
    return true;
}

bool
tubei_piece_commit(tubei_piece *b)
{
    for (uint32_t i = 0; i < b->n; i++) {
        if (place_stage(b->p, b->stage[i]))
            continue;
        b->n -= i;
        memmove((void *)b->stage, (void *)(b->stage + i), b->n * sizeof(*b->stage));
        return false;
    }
    b->n = 0;
    for (; b->n_links > 0; b->n_links--)
        if (!place_link(b->p, &b->link[b->n_links - 1]))
            return false;
    return true;
}

void
tubei_piece_free(tubei_piece *b)
{
    for (uint32_t i = b->n; i-- > 0;) {
        if (b->stage[i]->opened && b->stage[i]->def->close != NULL)
            b->stage[i]->def->close(b->stage[i]);
        tubei_stage_free(b->stage[i]);
    }
    for (uint32_t i = 0; i < b->n_links; i++)
        tubei_edge_free(b->link[i].edge);
    tubei_held_unref(b->held);
    b->held = NULL;
    free((void *)b->stage);
    free(b->link);
    b->stage = NULL;
    b->link = NULL;
    b->n = b->n_links = 0;
}

/* Nobody will take it: what is inside is broken. */
static void
batch_lost(tubei_batch *b)
{
    tubei_settled out;

    if (b->mark != NULL) {
        tubei_mark_drop(b, false);
        return;
    }
    out = tubei_batch_ended(b);
    out.broken = tube_batch_count(&b->pub) + b->pub.n_rejected;
    tubei_stage_settle(b, &out);
}

static void
list_lost(tubei_batch **list)
{
    while (*list != NULL) {
        tubei_batch *b = *list;

        *list = b->next;
        b->next = NULL;
        batch_lost(b);
    }
}

void
tubei_held_unref(tubei_held *h)
{
    if (h == NULL || --h->refs > 0)
        return;
    tubei_text_free(h->text);
    free(h);
}

void
tubei_stage_free(tube_stage *s)
{
    if (s == NULL)
        return;
    tubei_held_unref(s->text);
    tubei_requests_drop(s);
    list_lost(&s->orphans);
    if (s->mark != NULL)
        batch_lost(s->mark);
    tubei_schema_free(s->own_schema);
    tubei_reason_fini(&s->reason);
    free(s->state);
    free((void *)s->in);
    free((void *)s->out);
    free(s);
}

void
tubei_pipeline_edge_empty(tubei_edge *e)
{
    tubei_batch *b = NULL;
    tubei_item item;

    while ((item = tubei_edge_pop(e, &b)) != TUBEI_NONE)
        if (item != TUBEI_STOP)
            batch_lost(b);
    list_lost(&e->spill);
    list_lost(&e->mark);
}

void
tubei_pipeline_rest(struct tube_pipeline *p)
{
    bool more = p->started;

    while (more) {
        more = false;
        for (uint32_t i = 0; i < p->n; i++) {
            tube_stage *s = p->stages[i];

            if (s == NULL
                || atomic_load_explicit(&s->requests, memory_order_acquire) == NULL)
                continue;
            tubei_requests_run(s);
            more = true;
        }
    }
}

tube_stage *
tubei_pipeline_find(const struct tube_pipeline *p, tube_ref ref)
{
    uint64_t at = ref.id & 0xffffff;
    tube_stage *s = ref.id != 0 && at < p->n ? p->stages[at] : NULL;

    return s != NULL && s->id == ref.id ? s : NULL;
}

tube_stage *
tubei_pipeline_enter(struct tube_pipeline *p, tube_ref ref)
{
    tube_stage *s;

    if (tubei_forked(p))
        return NULL;
    pthread_mutex_lock(&p->lock);
    s = tubei_pipeline_find(p, ref);
    if (s == NULL)
        pthread_mutex_unlock(&p->lock);
    return s;
}

tube_status
tubei_pipeline_stale(const tube_pipeline *p, tube_error *err)
{
    return tubei_forked(p)
               ? tubei_fork_fail(err)
               : tube_fail(err, TUBE_EINVAL, "there is no such stage any more");
}

void
tubei_edge_unref(struct tube_pipeline *p, tubei_edge *e)
{
    tubei_check(e->refs > 0);
    if (--e->refs > 0)
        return;
    if (e->from != NULL)
        e->from->fed--;
    p->links[e->slot].to->eats--;
    p->links[e->slot] = (tubei_link){ 0 };
    tubei_edge_free(e);
}

void
tubei_pipeline_edge_release(struct tube_pipeline *p, tubei_edge *e)
{
    pthread_mutex_lock(&p->lock);
    tubei_edge_unref(p, e);
    pthread_mutex_unlock(&p->lock);
}

/* Done, idle, and nobody can notify it any more but its neighbours. */
static bool
is_still(const tube_stage *s)
{
    /* [G1] acquires what the last activation did.  Each of the former is only given up
     * inside an activation or before a notify(): the state word is looked at last. */
    return atomic_load_explicit(&s->moved, memory_order_acquire) == NULL
           && atomic_load_explicit(&s->guards, memory_order_acquire) == 0
           && !atomic_load_explicit(&s->reserve_used, memory_order_acquire)
           && atomic_load_explicit(&s->requests, memory_order_acquire) == NULL
           && atomic_load_explicit(&s->ended, memory_order_acquire)
           && atomic_load_explicit(&s->word, memory_order_acquire) == TUBEI_IDLE;
}

/* Can it go?  Not while a neighbour that may still run has a port to it. */
static bool
is_free(const tube_stage *s)
{
    uint32_t ports = 0;
    uint32_t inputs = 0;

    if (!s->dynamic || !is_still(s))
        return false;
    for (uint32_t i = 0; i < s->n_in; i++)
        inputs += s->in[i] != NULL;
    if (inputs != s->eats) /* a producer may still notify it, or its input is to come */
        return false;
    for (uint32_t i = 0; i < s->n_in; i++)
        if (s->in[i] != NULL && s->in[i]->refs > 1 && s->in[i]->from != NULL
            && (!s->in[i]->from->dynamic || !is_still(s->in[i]->from)))
            return false;
    for (uint32_t i = 0; i < s->n_out; i++) {
        ports += s->out[i] != NULL;
        if (s->out[i] != NULL && s->out[i]->refs > 1
            && (!s->out[i]->to->dynamic || !is_still(s->out[i]->to)))
            return false;
    }
    return s->fed == ports; /* who has not taken its token yet may notify it */
}

static void
stage_bury(struct tube_pipeline *p, tube_stage *s)
{
    for (uint32_t i = 0; i < s->n_in; i++)
        if (s->in[i] != NULL) {
            s->in[i]->to = NULL;
            tubei_edge_unref(p, s->in[i]);
        }
    for (uint32_t i = 0; i < s->n_out; i++)
        if (s->out[i] != NULL) {
            s->out[i]->from = NULL;
            tubei_edge_unref(p, s->out[i]);
        }
    p->stages[s->index] = NULL;
    p->dead--;
    p->live_dynamic--;
    s->next_run = p->buried;
    p->buried = s;
}

void
tubei_pipeline_bury(struct tube_pipeline *p)
{
    while (p->buried != NULL) {
        tube_stage *s = p->buried;

        p->buried = s->next_run;
        if (s->opened && s->def->close != NULL)
            s->def->close(s);
        tubei_stage_free(s);
    }
}

void
tubei_pipeline_reap(struct tube_pipeline *p)
{
    bool more = true;

    if (p->dead < 16 || p->dead < p->live_dynamic / 4)
        return;    /* looking at all of them is worth while */
    while (more) { /* a chain goes from its end on */
        more = false;
        for (uint32_t i = p->n; i-- > 0;)
            if (p->stages[i] != NULL && is_free(p->stages[i])) {
                stage_bury(p, p->stages[i]);
                more = true;
            }
    }
}
