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

void
tube_stats(const tube_pipeline *p, tube_counts *c)
{
    const tubei_totals *t = &p->totals;

    *c = (tube_counts){
        .read = get(&t->read),
        .committed = get(&t->done.committed),
        .filtered = get(&t->done.filtered),
        .rejected = get(&t->done.rejected),
        .dropped = get(&t->done.dropped),
        .broken = get(&t->done.broken),
        .in_flight = get(&t->in_flight),
        .bytes = get(&t->bytes),
        .bytes_total = get(&t->bytes_total),
    };
    if (p->memory != NULL)
        tubei_memory_read(p->memory, &c->memory, &c->memory_high);
}

void
tube_stats_stage(const tube_pipeline *p, uint32_t i, tube_stage_stats *st)
{
    const tube_stage *s = &p->stages[i];
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
        .busy_ns = get(&c->busy_ns),
        .blocked_ns = get(&c->blocked_ns),
        .queue_sum = get(&c->queue_sum),
    };
    if (s->in != NULL) {
        uint32_t n = tubei_ring_count(s->in->ring);

        st->queue = n <= s->in->depth * 2 ? n : 0; /* a third party may see it torn */
        st->queue_high = atomic_load_explicit(&s->in->high, memory_order_relaxed);
    }
}

uint32_t
tube_stage_count(const tube_pipeline *p)
{
    return p->n;
}

tube_stage_info
tube_stage_at(const tube_pipeline *p, uint32_t i)
{
    const tube_stage *s = &p->stages[i];

    return (tube_stage_info){
        .def = s->def,
        .output = s->def->kind == TUBE_SINK ? NULL : s->output,
        .depth = s->in != NULL ? s->in->depth : 0,
        .inserted = s->call == NULL,
    };
}

const char *
tube_option_text(const tube_pipeline *p, uint32_t i, const char *name, char *buf,
                 size_t len)
{
    const tube_option *o = tubei_option_find(p->stages[i].def, name);

    return o != NULL ? tubei_option_text(o, p->stages[i].state, buf, len) : NULL;
}

uint32_t
tube_origin_count(const tube_pipeline *p)
{
    return p->n_origins;
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
    tube_stage *source = &p->stages[0];
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
