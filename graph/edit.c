/* SPDX-License-Identifier: MIT */
/* edit.c -- changing the graph while it runs.
 *
 * The new stages are made and opened on the calling thread, then they go into the tables
 * and a request goes to the stage they hang on (engine/request.c).  What was promised to
 * a fan-in is counted under the graph's lock, so that it cannot end in between: the
 * answer of tube_attach() is final.
 */
#include "../data/schema.h"
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

tube_ref
tube_find(const tube_pipeline *cp, const char *name)
{
    tube_pipeline *p = (tube_pipeline *)(uintptr_t)cp;
    tube_ref found = { 0 };
    uint32_t n = 0;

    if (tubei_forked(p))
        return (tube_ref){ 0 };
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n; i++) {
        const tube_stage *s = p->stages[i];

        if (s == NULL)
            continue;
        if (s->common != NULL && strcmp(s->common->label, name) == 0 && s->copy <= 1) {
            found.id = s->id;
            n = 1;
            break;
        }
        if (strcmp(s->def->name, name) == 0) {
            found.id = s->id;
            n++;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return n == 1 ? found : (tube_ref){ 0 };
}

tube_ref
tube_ref_at(const tube_pipeline *cp, uint32_t i)
{
    tube_pipeline *p = (tube_pipeline *)(uintptr_t)cp;
    tube_ref ref = { 0 };

    if (tubei_forked(p))
        return (tube_ref){ 0 };
    pthread_mutex_lock(&p->lock);
    if (i < p->n && p->stages[i] != NULL)
        ref.id = p->stages[i]->id;
    pthread_mutex_unlock(&p->lock);
    return ref;
}

/* Ask a stage; frees `message` if it cannot. */
static tube_status
ask(tube_stage *s, const tubei_request *what)
{
    tubei_request *r = malloc(sizeof(*r));

    if (r == NULL) {
        free(what->message);
        return TUBE_ENOMEM;
    }
    *r = *what;
    tubei_stage_request(s, r);
    return TUBE_OK;
}

tube_status
tube_stop_stage(tube_pipeline *p, tube_ref ref, tube_stop kind, const char *message)
{
    tubei_request r = { .what = TUBEI_CLOSE, .kind = kind };
    tube_stage *s;
    tube_status st;

    if (kind != TUBE_STOP_SATISFIED && kind != TUBE_STOP_CANCELLED)
        return TUBE_EINVAL;
    s = tubei_pipeline_enter(p, ref);
    if (s == NULL)
        return tubei_pipeline_stale(p, NULL);
    if (message != NULL)
        r.message = strdup(message);
    if (atomic_load_explicit(&s->ended, memory_order_acquire)) {
        free(r.message);
        st = TUBE_END;
    } else {
        st = ask(s, &r);
        tubei_pauses_end(p, s); /* what is stopped is not paused */
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

/* Making. */

/* Parse and build; the text is kept as long as its stages. */
static tube_status
piece_make(tubei_piece *b, const char *text, bool ends, tube_error *err)
{
    tube_pipeline *p = b->p;
    tubei_lookup lookup = tubei_build_lookup(p);
    tubei_text *t = tubei_text_parse_part(text, &lookup, p->text, b->report);
    tube_status st = TUBE_ECONFIG;

    if (t != NULL) {
        b->held = calloc(1, sizeof(*b->held));
        if (b->held == NULL) {
            tubei_text_free(t);
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        }
        *b->held = (tubei_held){ .text = t, .refs = 1 };
        st = tubei_piece_build(b, &t->main);
    }
    if (st == TUBE_OK)
        st = ends ? tubei_piece_end(b) : tubei_piece_frame(b);
    if (st < 0 && err != NULL)
        *err = b->report->first;
    return st;
}

static tube_status
piece_open(tubei_piece *b, tube_error *err)
{
    uint32_t n = b->n; /* adapters come behind it, open */
    tube_status st = TUBE_OK;

    b->p->opening = b;
    for (uint32_t i = 0; i < n && st == TUBE_OK; i++)
        st = tubei_stage_open(b->stage[i], err);
    b->p->opening = NULL;
    return st;
}

/* Under the lock: into the tables, and counted as living; false: out of memory. */
static bool
piece_enter(tubei_piece *b)
{
    uint32_t n = b->n;

    for (uint32_t i = 0; i < b->n_links; i++)
        b->link[i].edge->born = b->link[i].edge->seen = b->p->flushes;
    if (!tubei_piece_commit(b))
        return false;
    if (b->p->counted) /* else tube_start() counts */
        atomic_fetch_add_explicit(&b->p->live, n, memory_order_relaxed);
    return true;
}

/* Let new stages begin. */
static void
piece_start(tube_stage *const *stage, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (stage[i]->def->kind == TUBE_SOURCE || stage[i]->def->greet != NULL)
            tubei_stage_notify(stage[i]);
}

/* An attached stage's list, for what follows the commit; given. */
static tube_stage **
piece_stages(const tubei_piece *b, uint32_t *n)
{
    tube_stage **all = malloc((b->n > 0 ? b->n : 1) * sizeof(*all));

    *n = b->n;
    if (all != NULL)
        memcpy((void *)all, (const void *)b->stage, b->n * sizeof(*all));
    return all;
}

/* Attach. */

/* Under the lock: may `at` get one more port? */
static tube_status
port_promised(tube_pipeline *p, tube_stage *at, tube_error *err)
{
    bool joins = (at->def->flags & TUBE_JOINS) != 0;
    bool over =
        (p->counted && atomic_load_explicit(&p->live, memory_order_acquire) == 0)
        || tubei_pipeline_aborted(p)
        || (joins
            && (at->sealed
                || atomic_load_explicit(&p->draining, memory_order_acquire)));

    if (over) {
        (void)tube_fail(err, TUBE_ECANCELED, "'%s' takes no more inputs: it has ended",
                        tubei_stage_label(at));
        if (err != NULL)
            err->status = TUBE_END;
        return TUBE_END;
    }
    at->promised += joins;
    return TUBE_OK;
}

static tube_status
attach_input(tubei_piece *b, tube_stage *at, const char *text, tube_error *err)
{
    tube_status st = piece_make(b, text, false, err);
    tubei_edge *e;

    if (st == TUBE_OK && b->last == NULL)
        st = tube_fail(err, TUBE_ECONFIG, "an input of '%s' must not end in a sink",
                       tubei_stage_label(at));
    if (st < 0)
        return st;
    e = tubei_piece_link(b, b->last, at, b->p->opts.depth);
    if (e == NULL
        || tubei_ports_add(&b->last->out, &b->last->n_out, e, false) == TUBE_ANY_INPUT)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    b->last->open_out++;
    b->joint = e;
    for (uint32_t i = 0; i < b->n && at->reserve_walked; i++)
        b->stage[i]->reserve_ok = true;
    st = piece_open(b, err);
    if (st == TUBE_OK && !tubei_schema_same(b->last->output, at->output))
        st = tube_fail(err, TUBE_ECONFIG, "the records are not those that '%s' takes",
                       tubei_stage_label(at));
    return st;
}

/* What a piece hangs on while it is made: gives what goes into it. */
static tube_stage
gate_make(tubei_piece *b, const tube_schema *schema)
{
    static const tube_stage_def bytes = { .kind = TUBE_SOURCE,
                                          .name = "",
                                          .out = TUBE_FLOW_BYTES };
    static const tube_stage_def records = { .kind = TUBE_SOURCE,
                                            .name = "",
                                            .out = TUBE_FLOW_RECORDS };

    b->flow = schema != NULL ? TUBE_FLOW_RECORDS : TUBE_FLOW_BYTES;
    return (tube_stage){ .pipeline = b->p,
                         .def = schema != NULL ? &records : &bytes,
                         .output = schema };
}

static tube_status
attach_branch(tubei_piece *b, tube_stage *at, const char *text, tube_error *err)
{
    tube_stage gate = gate_make(b, at->output);
    tube_status st;

    b->last = &gate;
    st = piece_make(b, text, true, err);
    if (st == TUBE_OK && gate.n_out != 1)
        st = tube_fail(err, TUBE_ECONFIG, "a branch begins with one stage");
    if (st == TUBE_OK)
        st = piece_open(b, err);
    if (st == TUBE_OK) { /* an adapter may have come before it */
        b->joint = gate.out[0];
        b->joint->from = at;
    }
    free((void *)gate.out);
    return st;
}

/* Where the new piece meets the old graph: the edge, and who is to know. */
static tube_status
attach_commit(tubei_piece *b, tube_stage *at, tube_ref *ref, tube_error *err)
{
    tube_pipeline *p = b->p;
    bool joins = (at->def->flags & TUBE_JOINS) != 0;
    tubei_request r = { .what = joins ? TUBEI_ADD_INPUT : TUBEI_ADD_OUTPUT,
                        .edge = b->joint };
    uint32_t n;
    tube_stage **all = piece_stages(b, &n);
    tube_stage *next = joins ? b->last : b->joint->to;
    tube_status st;

    pthread_mutex_lock(&p->lock);
    st = port_promised(p, at, err);
    if (st == TUBE_OK && (all == NULL || !piece_enter(b))) {
        at->promised -= joins;
        st = tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    if (st == TUBE_OK) {
        if (ref != NULL)
            ref->id = next->id;
        (void)ask(at, &r);
        if (p->started)
            piece_start(all, n);
    }
    pthread_mutex_unlock(&p->lock);
    free((void *)all);
    return st;
}

/* With the edit lock held: nobody frees `at` meanwhile. */
static tube_status
attach(tube_pipeline *p, tube_ref at_ref, const char *text, tube_ref *ref,
       tube_error *err)
{
    tubei_report report = { 0 };
    tubei_piece b = { .p = p, .report = &report, .dynamic = true };
    tube_stage *at = p->opened ? tubei_pipeline_enter(p, at_ref) : NULL;
    tube_status st;
    bool joins;

    if (at == NULL)
        return tubei_pipeline_stale(p, err);
    tubei_pipeline_reap(p);
    at = tubei_pipeline_find(p, at_ref);
    joins = at != NULL && (at->def->flags & TUBE_JOINS) != 0;
    st = at != NULL ? port_promised(p, at, err)
                    : tubei_pipeline_stale(p, err); /* nothing opens in vain */
    if (st == TUBE_OK)
        at->promised -= joins;
    pthread_mutex_unlock(&p->lock);
    tubei_pipeline_bury(p);
    if (st != TUBE_OK)
        return st;
    if (!joins
        && ((at->def->flags & (TUBE_FORKS | TUBE_PORTS_KEYED)) != TUBE_FORKS
            || at->def->rejoin != TUBE_REJOIN_NO))
        return tube_fail(err, TUBE_EINVAL, "nothing can be attached to '%s'",
                         tubei_stage_label(at));
    st = joins ? attach_input(&b, at, text, err) : attach_branch(&b, at, text, err);
    if (st == TUBE_OK)
        st = attach_commit(&b, at, ref, err);
    tubei_piece_free(&b);
    return st;
}

tube_status
tube_attach(tube_pipeline *p, tube_ref at, const char *text, tube_ref *ref,
            tube_error *err)
{
    tube_status st;

    if (tubei_forked(p))
        return tubei_fork_fail(err);
    pthread_mutex_lock(&p->edit_lock);
    st = attach(p, at, text, ref, err);
    pthread_mutex_unlock(&p->edit_lock);
    return st;
}

/* Detach. */

/* Under the lock: how a branch begins at its fork; NULL: `s` is in no branch.  Inside of
 * one, the road goes back over stages of one input each. */
static tubei_link *
branch_of(tube_pipeline *p, const tube_stage *s)
{
    for (uint32_t i = 0; i < p->n_links;) {
        tubei_link *l = &p->links[i++];

        if (l->edge == NULL || l->from == NULL || l->to != s)
            continue;
        if ((l->from->def->flags & TUBE_FORKS) != 0)
            return l;
        if ((s->def->flags & TUBE_JOINS) != 0)
            return NULL;
        s = l->from;
        i = 0;
    }
    return NULL;
}

/* Under the lock: does a road without forks lead from `s` to a fan-in? */
static bool
leads_to_join(tube_pipeline *p, const tube_stage *s)
{
    for (uint32_t i = 0; i < p->n_links;) {
        const tubei_link *l = &p->links[i++];

        if (l->edge == NULL || l->from != s || (s->def->flags & TUBE_FORKS) != 0)
            continue;
        if ((l->to->def->flags & TUBE_JOINS) != 0)
            return true;
        s = l->to;
        i = 0;
    }
    return false;
}

/* Under the lock: every source from which a road leads to `s`. */
static uint32_t
stop_sources(tube_pipeline *p, tube_stage *s)
{
    tubei_request r = { .what = TUBEI_CLOSE, .kind = TUBE_STOP_CANCELLED };
    uint32_t n = 0;

    if (s->def->kind == TUBE_SOURCE) {
        if (atomic_load_explicit(&s->ended, memory_order_acquire))
            return 1;
        r.message = strdup("detached");
        return ask(s, &r) == TUBE_OK;
    }
    if ((s->def->flags & TUBE_JOINS) != 0) {
        s->held_open = false;
        s->sealed = true;
        n += tubei_inlets_stop_at(p, s, "detached");
        if (p->started)
            tubei_stage_notify(s);
    }
    for (uint32_t i = 0; i < p->n_links; i++)
        if (p->links[i].edge != NULL && p->links[i].to == s && p->links[i].from != NULL
            && (p->links[i].from->def->flags & TUBE_FORKS) == 0)
            n += stop_sources(p, p->links[i].from);
    return n;
}

tube_status
tube_detach(tube_pipeline *p, tube_ref ref, tube_error *err)
{
    tubei_request r = { .what = TUBEI_END_OUTPUT, .kind = TUBE_STOP_CANCELLED };
    tube_stage *s = tubei_pipeline_enter(p, ref);
    tubei_link *branch;
    tube_status st = TUBE_OK;

    if (s == NULL)
        return tubei_pipeline_stale(p, err);
    branch = branch_of(p, s);
    if (atomic_load_explicit(&s->ended, memory_order_acquire)) {
        st = TUBE_END;
    } else if (branch != NULL) {
        r.edge = branch->edge;
        st = ask(branch->from, &r);
    } else if (!leads_to_join(p, s) || stop_sources(p, s) == 0) {
        st = tube_fail(err, TUBE_EINVAL, "'%s' is part of no input and of no branch",
                       tubei_stage_label(s));
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

/* Divert. */

static tube_status
divert_commit(tubei_piece *b, tube_stage *at, tube_stage *first, tube_ref *ref,
              tube_error *err)
{
    tube_pipeline *p = b->p;
    tubei_request r = { .what = TUBEI_DIVERT, .stage = first };
    uint32_t n;
    tube_stage **all = piece_stages(b, &n);
    uint32_t inputs = 0;
    tube_status st = TUBE_OK;

    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_links; i++)
        inputs += p->links[i].edge != NULL && p->links[i].to == at;
    if (inputs == 0
        || (p->counted && atomic_load_explicit(&p->live, memory_order_acquire) == 0)) {
        (void)tube_fail(err, TUBE_ECANCELED, "'%s' has ended, or was diverted already",
                        tubei_stage_label(at));
        st = TUBE_END;
    } else if (all == NULL || !piece_enter(b))
        st = tube_fail(err, TUBE_ENOMEM, "out of memory");
    if (st == TUBE_OK) {
        if (ref != NULL)
            ref->id = first->id;
        for (uint32_t i = 0; i < p->n_links; i++)
            if (p->links[i].edge != NULL && p->links[i].to == at) {
                p->links[i].to = first;
                at->eats--;
                first->eats++;
            }
        (void)ask(at, &r);
        tubei_pauses_end(p, at); /* it ends, and what is paused cannot */
        if (p->started)
            piece_start(all, n);
    }
    pthread_mutex_unlock(&p->lock);
    free((void *)all);
    return st;
}

/* With the edit lock held. */
static tube_status
divert(tube_pipeline *p, tube_stage *at, const char *text, tube_ref *ref,
       tube_error *err)
{
    tubei_report report = { 0 };
    tubei_piece b = { .p = p, .report = &report, .dynamic = true };
    tube_stage gate = gate_make(&b, at->input);
    tube_status st;

    b.last = &gate;
    st = piece_make(&b, text, true, err);
    if (st == TUBE_OK && gate.n_out != 1)
        st = tube_fail(err, TUBE_ECONFIG, "what is diverted goes into one stage");
    if (st == TUBE_OK)
        st = piece_open(&b, err);
    if (st == TUBE_OK && (gate.out[0]->to->def->flags & TUBE_JOINS) != 0)
        st = tube_fail(err, TUBE_ECONFIG,
                       "'%s' has several inputs: put a stage before it",
                       tubei_stage_label(gate.out[0]->to));
    if (st == TUBE_OK) {
        tube_stage *first = gate.out[0]->to;
        uint32_t at_link = 0;

        /* the old edge comes in the place of the gate's: its port stays open for it */
        while (b.link[at_link].edge != gate.out[0])
            at_link++;
        first->in[0] = NULL;
        tubei_edge_free(gate.out[0]);
        b.n_links--;
        memmove(&b.link[at_link], &b.link[at_link + 1],
                (b.n_links - at_link) * sizeof(*b.link));
        st = divert_commit(&b, at, first, ref, err);
    }
    free((void *)gate.out);
    tubei_piece_free(&b);
    return st;
}

tube_status
tube_divert(tube_pipeline *p, tube_ref at_ref, const char *text, tube_ref *ref,
            tube_error *err)
{
    tube_stage *at;
    tube_status st;

    if (tubei_forked(p))
        return tubei_fork_fail(err);
    pthread_mutex_lock(&p->edit_lock);
    at = p->opened ? tubei_pipeline_enter(p, at_ref) : NULL;
    if (at != NULL)
        pthread_mutex_unlock(&p->lock);
    if (at == NULL)
        st = tubei_pipeline_stale(p, err);
    else if (atomic_load_explicit(&at->ended, memory_order_acquire))
        st = TUBE_END;
    else if ((at->def->flags & TUBE_JOINS) != 0 || at->def->kind == TUBE_SOURCE)
        st = tube_fail(err, TUBE_EINVAL, "'%s' cannot be diverted: it has %s",
                       tubei_stage_label(at),
                       at->def->kind == TUBE_SOURCE ? "no input" : "several inputs");
    else if (at->depth - (at->def->rejoin != TUBE_REJOIN_NO) > 1)
        /* it would take the turns of the outer fork along, which nobody ends then */
        st = tube_fail(err, TUBE_EINVAL,
                       "'%s' stands in branches of branches that rejoin",
                       tubei_stage_label(at));
    else
        st = divert(p, at, text, ref, err);
    pthread_mutex_unlock(&p->edit_lock);
    return st;
}
