/* SPDX-License-Identifier: MIT */
/* types.c -- do records fit where they go?  If not, is there an adapter?
 *
 * Records are typed by structure: one that has the fields of a declared record is one,
 * whatever else it has.  Where a stage names the record that it expects and gets
 * something else, adapters are looked for: one that is made of exactly these fields,
 * else the one that uses the most of them.  Two that are equally good are an error.
 */
#include "../data/schema.h"
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

const tube_record *
tube_record_find(const tube_pipeline *p, const char *name)
{
    for (uint32_t i = 0; p->text != NULL && i < p->text->n_records; i++)
        if (strcmp(p->text->record[i].name, name) == 0)
            return &p->text->record[i];
    return NULL;
}

static tube_status
blame(const tube_stage *s, const char *option, tube_error *err)
{
    if (err != NULL)
        tubei_option_blame(s->call, option, err);
    return TUBE_ECONFIG;
}

/* The first thing in which `b` differs from `a`. */
static void
difference(const tube_schema *a, const tube_schema *b, char *text, size_t len)
{
    for (uint32_t i = 0; i < tube_schema_width(a); i++) {
        const tube_column *want = tube_schema_column(a, (tube_field)i);
        tube_field f = tube_schema_find(b, want->name);
        tube_type has = f >= 0 ? tube_schema_column(b, f)->type : want->type;

        if (f < 0)
            (void)snprintf(text, len, "no '%s'", want->name);
        else if (has != want->type)
            (void)snprintf(text, len, "'%s' is %s, not %s", want->name,
                           tubei_type_name(has), tubei_type_name(want->type));
        else if ((uint32_t)f != i)
            (void)snprintf(text, len, "'%s' is field %d, not %u", want->name, f + 1,
                           i + 1);
        else
            continue;
        return;
    }
    (void)snprintf(text, len, "'%s' more",
                   tube_schema_column(b, (tube_field)tube_schema_width(a))->name);
}

/* Every input of a fan-in gives the same records. */
static tube_status
inputs_agree(const tube_stage *s, tube_error *err)
{
    for (uint32_t i = 1; i < s->n_in; i++) {
        const tube_schema *other =
            s->in[i]->from != NULL ? s->in[i]->from->output : s->input;
        char text[120] = "bytes";

        if (tubei_schema_same(s->input, other))
            continue;
        if (other != NULL && s->input != NULL)
            difference(s->input, other, text, sizeof(text));
        (void)tube_fail(err, TUBE_ECONFIG,
                        "input %u of '%s' gives other records than input 1: %s", i + 1,
                        tubei_stage_label(s), text);
        tube_hint(err, "end each branch with the same fields: keep a b c");
        return blame(s, "", err);
    }
    return TUBE_OK;
}

/* Adapters. */

static uint32_t
common_fields(const tube_schema *s, const tube_record *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->n; i++)
        n += tube_schema_find(s, r->field[i].column.name) >= 0;
    return n;
}

/* The best adapter from what comes to `to`; *n: how many are equally good. */
static const tubei_adapter *
adapter_find(const tube_pipeline *p, const tube_schema *has, const char *to,
             uint32_t *n)
{
    const tubei_adapter *best = NULL;
    uint32_t most = 0;

    *n = 0;
    for (uint32_t i = 0; i < p->n_adapters; i++) {
        const tubei_adapter *a = &p->adapters[i];
        const tube_record *from = tube_record_find(p, a->from);
        uint32_t fields;

        if (strcmp(a->to, to) != 0 || from == NULL
            || !tubei_schema_extends(has, from, NULL, 0))
            continue;
        fields = common_fields(has, from);
        if (from->n == tube_schema_width(has) && fields == from->n)
            fields = UINT32_MAX; /* exact */
        if (best != NULL && fields < most)
            continue;
        *n = best != NULL && fields == most ? *n + 1 : 1;
        best = a;
        most = fields;
    }
    return best;
}

static uint32_t
output_of(const tubei_edge *e)
{
    for (uint32_t i = 0; i < e->from->n_out; i++)
        if (e->from->out[i] == e)
            return i;
    return TUBE_ANY_INPUT;
}

/* Opened already: into the tables, next to what opens them. */
static tube_status
adapter_open(tubei_piece *b, tube_error *err)
{
    tube_pipeline *p = b->p;
    tube_status st = TUBE_OK;
    uint32_t n = b->n;
    bool placed;

    for (uint32_t i = 0; i < n && st == TUBE_OK; i++) {
        b->stage[i]->adapts = true;
        st = tubei_stage_open(b->stage[i], err);
    }
    if (p->opening != NULL) {
        placed = tubei_piece_add(p->opening, b);
    } else {
        pthread_mutex_lock(&p->lock);
        placed = tubei_piece_commit(
            b); /* also those that refused: the pipeline frees them */
        pthread_mutex_unlock(&p->lock);
    }
    return placed ? st : tube_fail(err, TUBE_ENOMEM, "out of memory");
}

/* Put an adapter's stages before `s`: its first edge takes the place of `e` at the
 * producer, and `e` leads on from its last stage. */
static tube_status
adapter_insert(tube_stage *s, const tubei_adapter *a, tube_error *err)
{
    tube_pipeline *p = s->pipeline;
    tubei_edge *e = s->in[0];
    tube_stage *from = e->from;
    uint32_t port = output_of(e);
    tubei_report report = { 0 };
    tubei_piece b = { .p = p,
                      .report = &report,
                      .last = from,
                      .flow = from->def->out,
                      .depth = s->depth,
                      .copy = s->copy,
                      .dynamic = s->dynamic };
    tube_status st;

    from->out[port] = NULL;
    from->open_out--;
    st = tubei_piece_build(&b, a->with);
    if (st < 0 || b.n == 0 || b.last == NULL
        || tubei_ports_add(&b.last->out, &b.last->n_out, e, false) == TUBE_ANY_INPUT) {
        from->out[port] = e;
        tubei_piece_free(&b);
        if (report.errors > 0 && err != NULL)
            *err = report.first;
        return report.errors > 0
                   ? report.first.status
                   : tube_fail(err, TUBE_ECONFIG, "the adapter %s -> %s ends in a sink",
                               a->from, a->to);
    }
    b.last->open_out++;
    e->from = b.last;
    if (e->slot < p->n_links && p->links[e->slot].edge == e) {
        p->links[e->slot].from = b.last;
        from->fed--;
        b.last->fed++;
    }
    st = adapter_open(&b, err);
    s->input = b.last->output;
    tubei_piece_free(&b);
    if (st < 0)
        tube_hint(err, "the adapter %s -> %s refused", a->from, a->to);
    return st;
}

/* What a stage names in its option `record`. */
static const char *
expected(const tube_stage *s)
{
    const tube_option *o;

    if ((s->def->flags & TUBE_EXPECTS) == 0)
        return NULL;
    o = tubei_option_find(s->def, "record");
    return o != NULL && o->type == TUBE_OPT_TEXT ? *(
               const char *const *)(const void *)((const char *)s->state + o->offset)
                                                 : NULL;
}

static tube_status
record_fits(tube_stage *s, tube_error *err)
{
    const char *name = expected(s);
    const tube_record *r = name != NULL ? tube_record_find(s->pipeline, name) : NULL;
    const tubei_adapter *a;
    char report[160] = "";
    uint32_t n;

    if (r == NULL || s->input == NULL
        || tubei_schema_extends(s->input, r, report, sizeof(report)))
        return TUBE_OK; /* a record that is not declared is the stage's own error */
    a = adapter_find(s->pipeline, s->input, name, &n);
    if (a == NULL) {
        (void)tube_fail(err, TUBE_ECONFIG, "the records are no '%s': %s", name, report);
        tube_hint(err,
                  "mend the fields before it, or say how: adapt RECORD -> %s = ...",
                  name);
        return blame(s, "record", err);
    }
    if (n > 1) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "%u adapters to '%s' fit these records equally well", n, name);
        tube_hint(err, "put the stages in by hand, or leave one adapter");
        return blame(s, "record", err);
    }
    return adapter_insert(s, a, err);
}

tube_status
tubei_types_fit(tube_stage *s, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (s->n_in > 0 && s->in[0] != NULL && s->in[0]->from != NULL)
        s->input = s->in[0]->from->output;
    if (s->def->in == TUBE_FLOW_LINES
        && (s->input == NULL || tube_schema_width(s->input) != 1
            || tube_schema_find(s->input, "line") != 0)) {
        (void)tube_fail(err, TUBE_ECONFIG, "'%s' takes lines, and gets records",
                        s->def->name);
        return blame(s, "", err);
    }
    if ((s->def->flags & TUBE_JOINS) != 0 && s->n_in > 1)
        st = inputs_agree(s, err);
    if (st == TUBE_OK)
        st = record_fits(s, err);
    return st;
}

static tube_status
adapter_add(tube_pipeline *p, const tubei_adapter *a, tube_error *err)
{
    tubei_adapter *all;

    for (uint32_t i = 0; i < p->n_adapters; i++)
        if (strcmp(p->adapters[i].from, a->from) == 0
            && strcmp(p->adapters[i].to, a->to) == 0)
            return tube_fail(err, TUBE_ECONFIG, "there is an adapter %s -> %s already",
                             a->from, a->to);
    all = realloc(p->adapters, (p->n_adapters + 1) * sizeof(*all));
    if (all == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    p->adapters = all;
    all[p->n_adapters++] = *a;
    return TUBE_OK;
}

tube_status
tube_adapter(tube_pipeline *p, const char *from, const char *to, const char *text,
             tube_error *err)
{
    tubei_adapter a = { .from = tubei_strings_copy(&p->strings, from, strlen(from)),
                        .to = tubei_strings_copy(&p->strings, to, strlen(to)),
                        .source = tubei_strings_copy(&p->strings, text, strlen(text)) };

    if (p->n > 0)
        return tube_fail(err, TUBE_EINVAL, "adapters are defined before tube_series()");
    if (a.from == NULL || a.to == NULL || a.source == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    return adapter_add(p, &a, err);
}

tube_status
tubei_types_adapters(tube_pipeline *p, tubei_report *report, tube_error *err)
{
    tubei_lookup lookup = tubei_build_lookup(p);
    tube_status st = TUBE_OK;

    for (uint32_t i = 0; i < p->n_adapters;
         i++) { /* the program's: the text has come */
        tubei_adapter *a = &p->adapters[i];

        if (tube_record_find(p, a->from) == NULL || tube_record_find(p, a->to) == NULL)
            return tube_fail(err, TUBE_ECONFIG,
                             "the adapter %s -> %s: the text declares no record '%s'",
                             a->from, a->to,
                             tube_record_find(p, a->from) == NULL ? a->from : a->to);
        a->text = tubei_text_parse_part(a->source, &lookup, p->text, report);
        if (a->text == NULL)
            return TUBE_ECONFIG;
        a->with = &a->text->main;
    }
    for (uint32_t i = 0; i < p->text->n_adapts && st == TUBE_OK; i++) {
        const tubei_adapt *t = &p->text->adapt[i];
        tubei_adapter a = { .from = t->from.text, .to = t->to.text, .with = &t->with };

        st = adapter_add(p, &a, err);
    }
    return st;
}
