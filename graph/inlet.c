/* SPDX-License-Identifier: MIT */
/* inlet.c -- how an inlet begins and ends; see push.c. */
#include "inlet.h"

#include "../data/schema.h"

#include <stdlib.h>
#include <string.h>

enum { INLET_DEPTH = 4, SMALL_ROWS = 16 };

bool
tubei_inlet_pull(tube_inlet *in)
{
    bool sent;

    pthread_mutex_lock(&in->lock);
    sent = in->edge->spill != NULL || in->edge->stopping;
    (void)tubei_edge_room(in->edge);
    sent = tubei_inlet_send(in) || sent;
    pthread_mutex_unlock(&in->lock);
    tubei_inlet_room(in);
    return sent;
}

void
tubei_inlet_moved(tube_inlet *in, tube_stage *to)
{
    pthread_mutex_lock(&in->lock);
    in->edge->to = to;
    pthread_mutex_unlock(&in->lock);
    tubei_stage_notify(to);
}

bool
tubei_inlet_mark(tube_inlet *in, struct tube_flush *f)
{
    tubei_batch *b;
    bool sent = false;

    pthread_mutex_lock(&in->lock);
    if (!in->stopped && (b = tubei_batch_mark(in->pipeline->memory, f)) != NULL) {
        tubei_flush_ref(f);
        (void)tubei_inlet_send(in);
        (void)tubei_edge_push(in->edge, &b);
        sent = true;
    }
    pthread_mutex_unlock(&in->lock);
    return sent;
}

const tube_inlet *
tubei_inlet_next(const tube_inlet *in)
{
    return in->next;
}

bool
tubei_inlet_open(const tube_inlet *in)
{
    return !in->stopped;
}

/* Making. */

static const tube_schema *
schema_of(tube_stage *at)
{
    return at->output;
}

static tube_status
check_record(tube_pipeline *p, tube_stage *at, const char *record, tube_error *err)
{
    const tube_record *r;

    if (schema_of(at) == NULL)
        return tube_fail(err, TUBE_EINVAL, "'%s' takes bytes, and an inlet has records",
                         tubei_stage_label(at));
    if (record == NULL)
        return TUBE_OK;
    if (strcmp(record, "lines") == 0)
        return tube_schema_width(schema_of(at)) == 1
                       && tube_schema_find(schema_of(at), "line") == 0
                   ? TUBE_OK
                   : tube_fail(err, TUBE_ECONFIG, "'%s' does not take lines",
                               tubei_stage_label(at));
    r = tube_record_find(p, record);
    if (r == NULL)
        return tube_fail(err, TUBE_ECONFIG, "there is no record '%s' in the text",
                         record);
    if (!tubei_schema_extends(schema_of(at), r, NULL, 0)
        || tube_schema_width(schema_of(at)) != r->n)
        return tube_fail(err, TUBE_ECONFIG, "'%s' does not take records of '%s'",
                         tubei_stage_label(at), record);
    return TUBE_OK;
}

/* Under the graph's lock: may a fan-in have one more input? */
static tube_status
promise(tube_pipeline *p, tube_stage *at, tube_error *err)
{
    if ((at->def->flags & TUBE_JOINS) == 0)
        return tube_fail(err, TUBE_EINVAL, "'%s' is no fan-in", tubei_stage_label(at));
    if (at->sealed || atomic_load_explicit(&p->draining, memory_order_acquire)
        || tubei_pipeline_aborted(p)
        || atomic_load_explicit(&at->ended, memory_order_acquire)) {
        (void)tube_fail(err, TUBE_ECANCELED, "'%s' takes no more inputs",
                        tubei_stage_label(at));
        if (err != NULL)
            err->status = TUBE_END;
        return TUBE_END;
    }
    at->promised++;
    return TUBE_OK;
}

/* It is held for some twenty nanoseconds: whoever finds it taken had better wait awake. */
static void
lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attr;

    (void)pthread_mutexattr_init(&attr);
    (void)pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    (void)pthread_mutex_init(lock, &attr);
    (void)pthread_mutexattr_destroy(&attr);
}

static tube_inlet *
inlet_new(tube_pipeline *p, tube_stage *at, tube_error *err)
{
    tube_inlet *in = calloc(1, sizeof(*in));
    tubei_piece b = { .p = p, .dynamic = true };
    tubei_request *r = calloc(1, sizeof(*r));
    tubei_edge *e =
        in != NULL && r != NULL ? tubei_piece_link(&b, NULL, at, INLET_DEPTH) : NULL;

    if (e == NULL || !tubei_piece_commit(&b)) {
        tubei_piece_free(&b);
        free(in);
        free(r);
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    tubei_piece_free(&b);
    lock_init(&in->lock);
    in->pipeline = p;
    in->home = p->home;
    in->edge = e;
    in->at = at;
    in->schema = schema_of(at);
    in->lines = tube_schema_width(in->schema) == 1
                && tube_schema_column(in->schema, 0)->type == TUBE_TEXT;
    in->rows = SMALL_ROWS;
    in->refs = 2;
    in->next = p->inlets;
    p->inlets = in;
    e->inlet = in;
    e->born = e->seen = p->flushes;
    *r = (tubei_request){ .what = TUBEI_ADD_INPUT, .edge = e };
    tubei_stage_request(at, r);
    return in;
}

tube_inlet *
tube_inlet_new(tube_pipeline *p, tube_ref ref, const char *record, tube_error *err)
{
    tube_stage *at = p->opened ? tubei_pipeline_enter(p, ref) : NULL;
    tube_inlet *in = NULL;
    bool editing = false;

    if (at != NULL && pthread_mutex_trylock(&p->edit_lock) == 0) {
        editing = true; /* nobody opens stages meanwhile */
        tubei_pipeline_reap(p);
        at = tubei_pipeline_find(p, ref);
    }
    if (at == NULL && p->opened)
        (void)tubei_pipeline_stale(p, err);
    else if (at == NULL)
        (void)tube_fail(err, TUBE_EINVAL, "an inlet is made behind tube_open()");
    else if (check_record(p, at, record, err) == TUBE_OK
             && promise(p, at, err) == TUBE_OK) {
        in = inlet_new(p, at, err);
        at->promised -= in == NULL;
    }
    if (at != NULL || editing)
        pthread_mutex_unlock(&p->lock);
    if (editing) {
        tubei_pipeline_bury(p);
        pthread_mutex_unlock(&p->edit_lock);
    }
    return in;
}

const tube_schema *
tube_inlet_schema(const tube_inlet *in)
{
    return in->schema;
}

/* Under the lock.  Till something was published the program is waited for; and once it is
 * not, somebody has to find out that nothing is (tubei_pipeline_stuck()). */
static void
end(tube_inlet *in, const tubei_reason *why)
{
    tubei_edge_stop(in->edge, why);
    in->stopped = true;
    tubei_inlet_room(in);
    tubei_sched_look_again(in->pipeline->sched);
}

/* Under the lock. */
static void
stop(tube_inlet *in, tube_stop kind, const char *message)
{
    tubei_reason reason = { 0 };
    tube_cause what = { .kind = kind, .when = tube_now(), .rows = in->pushed };

    if (in->stopped || in->edge == NULL)
        return;
    (void)tubei_inlet_send(in);
    (void)snprintf(what.name, sizeof(what.name), "inlet");
    (void)snprintf(what.message, sizeof(what.message), "%s",
                   message != NULL ? message : "");
    tubei_cause_add(&in->pipeline->causes, &reason, &what, NULL);
    end(in, &reason);
    tubei_reason_fini(&reason);
}

void
tubei_inlet_close(tube_inlet *in, tube_stop kind, const tubei_reason *why)
{
    pthread_mutex_lock(&in->lock);
    if (!in->stopped && in->edge != NULL) {
        (void)tubei_inlet_send(in);
        tubei_reason_worsen(&in->edge->reason, kind);
        end(in, why);
    }
    pthread_mutex_unlock(&in->lock);
}

void
tube_inlet_stop(tube_inlet *in, tube_stop kind, const char *message)
{
    if (tubei_is_away(in->home))
        return;
    pthread_mutex_lock(&in->lock);
    stop(in, kind == TUBE_STOP_NONE ? TUBE_STOP_END : kind, message);
    pthread_mutex_unlock(&in->lock);
}

void
tubei_inlets_stop(tube_pipeline *p, tube_stop kind, const char *message)
{
    pthread_mutex_lock(&p->lock);
    for (tube_inlet *in = p->inlets; in != NULL; in = in->next)
        tube_inlet_stop(in, kind, message);
    pthread_mutex_unlock(&p->lock);
}

/* One user less; true: it was freed. */
static void
unref(tube_inlet *in)
{
    bool last;

    pthread_mutex_lock(&in->lock);
    last = --in->refs == 0;
    pthread_mutex_unlock(&in->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&in->lock);
    free(in);
}

/* No edge any more: nothing can be pushed. */
static void
cut(tube_inlet *in)
{
    tubei_batch *left;

    pthread_mutex_lock(&in->lock);
    left = in->open;
    in->open = NULL;
    in->edge = NULL;
    in->schema = NULL;
    in->stopped = true;
    pthread_mutex_unlock(&in->lock);
    if (left != NULL) /* who asks about its records is told here */
        tubei_batch_free(left);
    unref(in);
}

void
tubei_inlet_over(tube_inlet *in)
{
    tube_pipeline *p = in->pipeline;
    tubei_edge *e = in->edge;

    pthread_mutex_lock(&p->lock);
    for (tube_inlet **link = &p->inlets; *link != NULL; link = &(*link)->next)
        if (*link == in) {
            *link = in->next;
            break;
        }
    pthread_mutex_unlock(&p->lock);
    cut(in);
    tubei_pipeline_edge_release(p, e);
}

uint32_t
tubei_inlets_stop_at(tube_pipeline *p, const tube_stage *at, const char *message)
{
    uint32_t n = 0;

    for (tube_inlet *in = p->inlets; in != NULL; in = in->next)
        if (in->at == at) {
            tube_inlet_stop(in, TUBE_STOP_CANCELLED, message);
            n++;
        }
    return n;
}

void
tubei_inlets_orphan(tube_pipeline *p)
{
    while (p->inlets != NULL) {
        tube_inlet *in = p->inlets;

        p->inlets = in->next;
        cut(in);
    }
}

void
tube_inlet_free(tube_inlet *in)
{
    if (in == NULL || tubei_is_away(in->home))
        return;
    tube_inlet_stop(in, TUBE_STOP_END, NULL);
    unref(in);
}
