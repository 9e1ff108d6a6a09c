/* SPDX-License-Identifier: MIT */
/* inspect.c -- looking at a pipeline: counters, stages, options, origins, features. */
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
get(const _Atomic uint64_t *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static tube_pipeline *
enter(const tube_pipeline *cp)
{
    static tube_pipeline nothing = { .lock = PTHREAD_MUTEX_INITIALIZER };
    tube_pipeline *p = (tube_pipeline *)(uintptr_t)cp; /* for its lock */

    if (tubei_forked(cp))
        p = &nothing;
    pthread_mutex_lock(&p->lock);
    return p;
}

static void
leave(tube_pipeline *p)
{
    pthread_mutex_unlock(&p->lock);
}

/* What can only be said by adding up stages and edges. */
static void
phases(const tube_pipeline *p, tube_counts *c)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const tube_stage *s = p->stages[i];

        if (s == NULL)
            continue;
        if (s->def->in == TUBE_FLOW_LINES && s->def->out == TUBE_FLOW_RECORDS)
            c->parsed += get(&s->count.rows_out);
        if (s->def->kind == TUBE_SINK)
            c->sent += get(&s->count.rows_in);
    }
    for (uint32_t i = 0; i < p->n_links; i++)
        if (p->links[i].edge != NULL && p->links[i].to != NULL
            && p->links[i].to->def->kind == TUBE_SINK)
            c->queued += get(&p->links[i].edge->rows);
}

#define SUM(member) tubei_totals_sum(t, offsetof(tubei_stripe, member))

void
tube_stats(const tube_pipeline *cp, tube_counts *c)
{
    const tubei_totals *t = &cp->totals;
    tube_pipeline *p;

    *c = (tube_counts){
        .read = SUM(read),
        .committed = SUM(committed),
        .filtered = SUM(filtered),
        .rejected = SUM(rejected),
        .dropped = SUM(dropped),
        .broken = SUM(broken),
        .in_flight = SUM(in_flight),
        .released = SUM(released),
        .settled = SUM(settled),
        .latency_ns = SUM(latency_ns),
        .latency_max_ns = get(&t->latency_max_ns),
        .unconfirmed_ns = tubei_ack_oldest(t),
        .bytes = get(&t->bytes),
        .bytes_total = get(&t->bytes_total),
    };
    p = enter(cp);
    phases(p, c);
    c->pauses = p->n_pauses;
    if (p->memory != NULL)
        tubei_memory_read(p->memory, &c->memory, &c->memory_high);
    leave(p);
}

static void
stage_stats(const tube_stage *s, tube_stage_stats *st)
{
    const tubei_counters *c = &s->count;

    *st = (tube_stage_stats){
        .activations = get(&c->activations),
        .batches_in = get(&c->batches_in),
        .batches_out = get(&c->batches_out),
        .rows_in = get(&c->rows_in),
        .rows_out = get(&c->rows_out),
        .bytes_in = get(&c->bytes_in),
        .filtered = get(&c->filtered),
        .rejected = get(&c->rejected),
        .dropped = get(&c->dropped),
        .broken = get(&c->broken),
        .errors = get(&c->errors),
        .retries = get(&c->retries),
        .restarts = get(&c->restarts),
        .paused_ns = get(&c->paused_ns),
        .busy_ns = get(&c->busy_ns),
        .blocked_ns = get(&c->blocked_ns),
        .queue_sum = get(&c->queue_sum),
    };
}

/* Batches in the queue now: a third party may see it torn. */
static uint32_t
queued(const tubei_edge *e)
{
    uint32_t n = tubei_ring_count(e->ring);

    return n <= e->most * 2 ? n : 0;
}

void
tube_stats_stage(const tube_pipeline *cp, uint32_t i, tube_stage_stats *st)
{
    tube_pipeline *p = enter(cp);
    const tube_stage *s = i < p->n ? p->stages[i] : NULL;

    *st = (tube_stage_stats){ 0 };
    if (s != NULL)
        stage_stats(s, st);
    for (uint32_t k = 0; s != NULL && k < p->n_links; k++) {
        const tubei_edge *e = p->links[k].edge;
        uint32_t high;

        if (e == NULL || p->links[k].to != s)
            continue;
        high = atomic_load_explicit(&e->high, memory_order_relaxed);
        st->queue += queued(e);
        st->queue_high = high > st->queue_high ? high : st->queue_high;
    }
    leave(p);
}

uint32_t
tube_worker_count(const tube_pipeline *p)
{
    return p->sched != NULL ? tubei_sched_workers(p->sched) : 0;
}

uint32_t
tube_stage_count(const tube_pipeline *cp)
{
    tube_pipeline *p = enter(cp);
    uint32_t n = p->n;

    leave(p);
    return n;
}

tube_stage_info
tube_stage_at(const tube_pipeline *cp, uint32_t i)
{
    tube_pipeline *p = enter(cp);
    const tube_stage *s = i < p->n ? p->stages[i] : NULL;
    tube_stage_info info = { .label = "" };

    if (s != NULL) {
        info = (tube_stage_info){
            .def = s->def,
            .output = s->def->kind == TUBE_SINK ? NULL : s->output,
            .label =
                s->common != NULL && s->common->label != NULL ? s->common->label : "",
            .copy = s->copy,
            .inserted = s->call == NULL || s->adapts,
        };
        for (uint32_t k = 0; k < p->n_links && info.depth == 0; k++)
            if (p->links[k].edge != NULL && p->links[k].to == s)
                info.depth = atomic_load_explicit(&p->links[k].edge->depth,
                                                  memory_order_relaxed);
    }
    leave(p);
    return info;
}

uint32_t
tube_edge_count(const tube_pipeline *cp)
{
    tube_pipeline *p = enter(cp);
    uint32_t n = p->n_links;

    leave(p);
    return n;
}

static void
edge_head(const tubei_link *l, tube_edge_info *info)
{
    const tube_expr_text *when = NULL;

    if (l->from == NULL || (l->from->def->flags & TUBE_PORTS_KEYED) == 0)
        return;
    info->head = tube_output_head(l->from, l->output, &when, &info->head_text);
    if (when != NULL)
        info->head_text = when->text;
}

bool
tube_edge_at(const tube_pipeline *cp, uint32_t i, tube_edge_info *info)
{
    tube_pipeline *p = enter(cp);
    const tubei_link *l = i < p->n_links ? &p->links[i] : NULL;
    bool there = l != NULL && l->edge != NULL && l->to != NULL;

    if (there) {
        *info = (tube_edge_info){
            .from = l->from != NULL ? l->from->index : UINT32_MAX,
            .to = l->to->index,
            .output = l->output,
            .input = l->input,
            .depth = atomic_load_explicit(&l->edge->depth, memory_order_relaxed),
            .rows_limit = get(&l->edge->rows_limit),
            .bytes_limit = get(&l->edge->bytes_limit),
            .schema = l->from != NULL ? l->from->output : l->to->output,
        };
        edge_head(l, info);
    }
    leave(p);
    return there;
}

bool
tube_stats_edge(const tube_pipeline *cp, uint32_t i, tube_edge_stats *st)
{
    tube_pipeline *p = enter(cp);
    const tubei_edge *e = i < p->n_links ? p->links[i].edge : NULL;

    if (e != NULL)
        *st = (tube_edge_stats){
            .batches = get(&e->batches),
            .rows = get(&e->rows),
            .rows_taken = get(&e->rows_taken),
            .queue = queued(e),
            .queue_high = atomic_load_explicit(&e->high, memory_order_relaxed),
            .full = get(&e->full),
            .overshoot = get(&e->overshoot),
        };
    leave(p);
    return e != NULL;
}

const tube_option *
tube_common_options(void)
{
    return tubei_common_options();
}

const char *
tube_option_text(const tube_pipeline *p, uint32_t i, const char *name, char *buf,
                 size_t len)
{
    const tube_stage *s = p->stages[i];
    const tube_option *o = s != NULL ? tubei_option_find(s->def, name) : NULL;

    if (s == NULL)
        return NULL;
    if (o == NULL && s->common != NULL) {
        for (o = tubei_common_options(); o->name != NULL && strcmp(o->name, name) != 0;)
            o++;
        return o->name != NULL ? tubei_option_text(o, s->common, buf, len) : NULL;
    }
    return o != NULL ? tubei_option_text(o, s->state, buf, len) : NULL;
}

uint32_t
tube_origin_count(const tube_pipeline *cp)
{
    tube_pipeline *p = enter(cp);
    uint32_t n = p->n_origins;

    leave(p);
    return n;
}

tube_origin_info
tube_origin_at(const tube_pipeline *p, uint32_t i)
{
    const tubei_origin *o = &p->origins[i];

    return (tube_origin_info){ .name = o->name, .size = o->size, .mark = o->mark };
}

/* A word of the pipeline text, whatever is in it; given: free(). */
static char *
quoted(const char *before, const char *word, const char *behind)
{
    size_t room = strlen(before) + strlen(word) * 4 + strlen(behind) + 3;
    char *text = malloc(room);
    char *o = text;

    if (text == NULL)
        return NULL;
    o = stpcpy(o, before);
    *o++ = '"';
    for (; *word != '\0'; word++) {
        if ((unsigned char)*word < 0x20) {
            o += snprintf(o, 5, "\\x%02x", (unsigned)*word);
            continue;
        }
        if (*word == '"' || *word == '\\' || *word == '$')
            *o++ = '\\';
        *o++ = *word;
    }
    *o++ = '"';
    (void)stpcpy(o, behind);
    return text;
}

/* Open the source alone, and ask it. */
static tube_status
sample_of(tube_pipeline *p, char *buf, size_t *len, tube_error *err)
{
    tube_stage *source = p->stages[0];
    tube_status st = source->def->open(source, err);
    tube_slice first = { NULL, 0 };

    if (st < 0)
        return st;
    source->opened = true;
    if (source->def->sample != NULL)
        first = source->def->sample(source);
    if (first.len < *len)
        *len = first.len;
    if (*len > 0)
        memcpy(buf, first.ptr, *len);
    source->def->close(source);
    source->opened = false;
    return TUBE_OK;
}

tube_status
tube_peek_file(const char *path, char *buf, size_t *len, tube_error *err)
{
    char *text = quoted("file ", path, " | lines | null");
    tube_pipeline *p = text != NULL ? tube_pipeline_new(NULL, err) : NULL;
    tube_status st;

    if (p == NULL) {
        free(text);
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    st = tube_series(p, text, err);
    if (st == TUBE_OK)
        st = sample_of(p, buf, len, err);
    tube_pipeline_free(p);
    free(text);
    return st;
}
