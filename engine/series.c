/* SPDX-License-Identifier: MIT */
/* series.c -- pipeline text -> stages and edges, with what is missing put between. */
#include "../stages/registry.h"
#include "pipeline.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Looking up. */

static const tube_stage_def *
find(void *arg, const char *name)
{
    const struct tube_pipeline *p = arg;

    for (uint32_t i = 0; i < p->n_own_defs; i++)
        if (strcmp(p->own_defs[i]->name, name) == 0)
            return p->own_defs[i];
    return tube_builtin_find(name);
}

static const char *
name_at(void *arg, uint32_t i)
{
    const struct tube_pipeline *p = arg;
    const tube_stage_def *def;

    if (i < p->n_own_defs)
        return p->own_defs[i]->name;
    def = tubei_stage_builtin(i - p->n_own_defs);
    return def != NULL ? def->name : NULL;
}

const tube_stage_def *
tube_builtin(uint32_t i)
{
    return tubei_stage_builtin(i);
}

const tube_stage_def *
tube_builtin_find(const char *name)
{
    const tube_stage_def *def;

    for (uint32_t i = 0; (def = tubei_stage_builtin(i)) != NULL; i++)
        if (strcmp(def->name, name) == 0)
            return def;
    return NULL;
}

/* Settings: `set workers=2`. */

static const tube_option settings[] = {
    { "workers", TUBE_OPT_INT, offsetof(tubei_settings, workers), "-1",
      "-1..256 threads", "threads; 0: the caller's own", 0 },
    { "batch", TUBE_OPT_INT, offsetof(tubei_settings, batch), "0", "0..1024 rows",
      "records per batch", 0 },
    { "depth", TUBE_OPT_INT, offsetof(tubei_settings, depth), "0", "0..4096 batches",
      "batches per edge, a power of two", 0 },
    { "memory", TUBE_OPT_SIZE, offsetof(tubei_settings, memory), "0", "bytes",
      "budget for batches, at least 4M", 0 },
    { 0 },
};

static const tube_stage_def setting_def = {
    .name = "set",
    .options = settings,
    .state_size = sizeof(tubei_settings),
};

static tube_status
settings_apply(struct tube_pipeline *p, tubei_report *report, tube_error *err)
{
    tubei_call call = { .def = &setting_def,
                        .arg = p->text->setting,
                        .n_args = p->text->n_settings };
    tubei_settings set = { 0 };

    call.name = (tubei_word){ .text = "set", .line = 1, .column = 1, .width = 3 };
    if (tubei_option_apply(&setting_def, &call, &set, &p->strings, report) < 0)
        return TUBE_ECONFIG;
    /* what the program gave wins */
    if (set.workers >= 0 && p->opts.workers == 0)
        p->opts.workers = set.workers == 0 ? TUBE_CALLER : (int32_t)set.workers;
    if (p->opts.batch_rows == 0)
        p->opts.batch_rows = (uint32_t)set.batch;
    if (p->opts.depth == 0)
        p->opts.depth = (uint32_t)set.depth;
    if (p->opts.budget == 0)
        p->opts.budget = (uint64_t)set.memory;
    return tubei_opts_check(&p->opts, err);
}

/* Linking. */

static const char *
flow_name(tube_flow f)
{
    static const char *const name[] = { "nothing", "bytes", "lines", "records" };

    return name[f];
}

static tube_status complain(tubei_report *report, const tubei_call *call,
                            const char *hint, const char *fmt, ...) TUBE_PRINTF(4, 5);

static tube_status
complain(tubei_report *report, const tubei_call *call, const char *hint,
         const char *fmt, ...)
{
    char text[200];
    tube_error err;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)tube_fail(&err, TUBE_ECONFIG, "%s", text);
    if (hint != NULL)
        tube_hint(&err, "%s", hint);
    err.line = call->name.line;
    err.column = call->name.column;
    err.width = call->name.width;
    tubei_report_add(report, &err);
    return TUBE_ECONFIG;
}

/* Does `def` go behind a stage that gives `flow`?  LINES are records too; whether
 * records still are lines is seen when the stages are open. */
static bool
takes(const tube_stage_def *def, tube_flow flow)
{
    if (def->in == TUBE_FLOW_LINES || def->in == TUBE_FLOW_RECORDS)
        return flow == TUBE_FLOW_LINES || flow == TUBE_FLOW_RECORDS;
    return def->in == flow;
}

typedef struct chain {
    struct tube_pipeline *p;
    tubei_report *report;
    uint32_t room;
    tube_flow flow; /* what the last stage gives */
} chain;

static tube_status
append(chain *c, const tube_stage_def *def, const tubei_call *call)
{
    struct tube_pipeline *p = c->p;
    tube_stage *s = &p->stages[p->n];

    *s = (tube_stage){ .pipeline = p, .def = def, .call = call, .index = p->n };
    p->n++;
    s->reserve_ok = def->kind == TUBE_TRANSFORM;
    s->state = calloc(1, def->state_size > 0 ? def->state_size : 1);
    if (s->state == NULL)
        return TUBE_ENOMEM;
    c->flow = def->out;
    return tubei_option_apply(def, call, s->state, &p->strings, c->report);
}

static tube_status
link_call(chain *c, const tubei_call *call)
{
    const tube_stage_def *def = call->def;
    bool first = c->p->n == 0;

    if (first && def->kind != TUBE_SOURCE)
        return complain(c->report, call, "a pipeline begins with a source: file, gen",
                        "'%s' needs input, and nothing comes before it", def->name);
    if (!first && def->kind == TUBE_SOURCE)
        return complain(c->report, call, NULL,
                        "'%s' is a source and can only come first", def->name);
    if (!first && c->flow == TUBE_FLOW_NONE)
        return complain(c->report, call, NULL,
                        "'%s' comes behind a sink, which gives nothing", def->name);
    if (!first && !takes(def, c->flow) && c->flow == TUBE_FLOW_BYTES
        && append(c, find(c->p, "lines"), NULL) < 0)
        return TUBE_ECONFIG;
    if (!first && !takes(def, c->flow))
        return complain(c->report, call, NULL, "'%s' takes %s, and gets %s", def->name,
                        flow_name(def->in), flow_name(c->flow));
    return append(c, def, call);
}

static tube_status
edges_make(struct tube_pipeline *p)
{
    p->edges = calloc(p->n, sizeof(*p->edges));
    if (p->edges == NULL)
        return TUBE_ENOMEM;
    for (uint32_t i = 0; i + 1 < p->n; i++) {
        if (!tubei_edge_init(&p->edges[i], p->opts.depth, &p->stages[i],
                             &p->stages[i + 1]))
            return TUBE_ENOMEM;
        p->stages[i].out = &p->edges[i];
        p->stages[i + 1].in = &p->edges[i];
    }
    return TUBE_OK;
}

/* The default sink, and what it needs before it. */
static tube_status
finish_chain(chain *c)
{
    if (c->flow == TUBE_FLOW_BYTES && append(c, find(c->p, "lines"), NULL) < 0)
        return TUBE_ECONFIG;
    if (c->flow != TUBE_FLOW_NONE && append(c, find(c->p, "print"), NULL) < 0)
        return TUBE_ECONFIG;
    return edges_make(c->p);
}

tube_status
tubei_series_build(struct tube_pipeline *p, const char *text, tubei_report *report,
                   tube_error *err)
{
    tubei_lookup lookup = { .find = find, .name_at = name_at, .arg = p };
    chain c = { .p = p, .report = report };
    tube_status st;

    p->text = tubei_text_parse(text, &lookup, report);
    if (p->text == NULL)
        return TUBE_ECONFIG;
    st = settings_apply(p, report, err);
    if (st < 0)
        return st;
    /* each stage may need a framing stage before it; two more at the end */
    p->stages = calloc((size_t)p->text->n * 2 + 2, sizeof(*p->stages));
    if (p->stages == NULL)
        return TUBE_ENOMEM;
    for (uint32_t i = 0; i < p->text->n; i++) {
        st = link_call(&c, &p->text->call[i]);
        if (st < 0)
            return st;
    }
    return finish_chain(&c);
}
