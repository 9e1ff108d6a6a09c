/* SPDX-License-Identifier: MIT */
/* pipeline.c -- build, open, start, wait, drain, abort, free. */
#include "pipeline.h"

#include "../data/schema.h"
#include "../engine/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALLEST_BUDGET = 4 << 20, DEFAULT_BUDGET = 64 << 20 };

/* Making. */

tube_status
tubei_opts_check(tube_pipeline_opts *o, tube_error *err)
{
    if (o->batch_rows == 0)
        o->batch_rows = TUBE_BATCH_ROWS;
    if (o->depth == 0)
        o->depth = 16;
    if (o->budget == 0)
        o->budget = DEFAULT_BUDGET;
    if (o->batch_rows > TUBE_BATCH_ROWS)
        return tube_fail(err, TUBE_EINVAL, "a batch has 1 to %d rows, not %u",
                         TUBE_BATCH_ROWS, o->batch_rows);
    if (o->depth < 2 || o->depth > 4096 || (o->depth & (o->depth - 1)) != 0)
        return tube_fail(
            err, TUBE_EINVAL,
            "the depth of an edge is a power of two from 2 to 4096, not %u", o->depth);
    if (o->budget < SMALLEST_BUDGET)
        return tube_fail(err, TUBE_EINVAL, "the memory budget is at least 4M, not %ju",
                         (uintmax_t)o->budget);
    if (o->workers < TUBE_CALLER || o->workers > 256)
        return tube_fail(err, TUBE_EINVAL, "workers is -1 to 256, not %d", o->workers);
    if ((o->memory_get == NULL) != (o->memory_put == NULL))
        return tube_fail(err, TUBE_EINVAL, "memory_get and memory_put go together");
    return TUBE_OK;
}

tube_pipeline *
tube_pipeline_new(const tube_pipeline_opts *o, tube_error *err)
{
    tube_pipeline *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    if (o != NULL) /* a caller built against an older header knows fewer members */
        memcpy(&p->opts, o, o->struct_size < sizeof(*o) ? o->struct_size : sizeof(*o));
    tube_pipeline_opts checked = p->opts; /* zeros stay: the text may say more */

    if (tubei_opts_check(&checked, err) < 0) {
        free(p);
        return NULL;
    }
    p->magic = TUBEI_PIPELINE_MAGIC;
    (void)pthread_mutex_init(&p->causes.lock, NULL);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_mutex_init(&p->edit_lock, NULL);
    tubei_cond_init(&p->stage_done);
    (void)pthread_mutex_init(&p->tell_lock, NULL);
    (void)pthread_mutex_init(&p->close_lock, NULL);
    tubei_latch_init(&p->done_future);
    tubei_asking_init(&p->asking, &p->causes);
    return p;
}

tube_status
tube_define(tube_pipeline *p, const tube_stage_def *def, tube_error *err)
{
    const tube_stage_def **all;

    if (def->abi != TUBE_STAGE_ABI || def->name == NULL || def->process == NULL)
        return tube_fail(err, TUBE_EINVAL,
                         "a stage needs abi = TUBE_STAGE_ABI, a name and process()");
    if (p->n > 0)
        return tube_fail(err, TUBE_EINVAL,
                         "'%s' is defined too late: before tube_series()", def->name);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers */
    all = realloc(p->own_defs, (p->n_own_defs + 1) * sizeof(*all));
    if (all == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    p->own_defs = all;
    all[p->n_own_defs++] = def;
    return TUBE_OK;
}

tube_status
tube_series(tube_pipeline *p, const char *text, tube_error *err)
{
    tubei_report report = { .on_error = p->opts.on_error, .arg = p->opts.arg };
    tube_status st;

    if (p->n > 0)
        return tube_fail(err, TUBE_EINVAL, "tube_series() is called once a pipeline");
    st = tubei_build(p, text, &report, err);
    if (report.errors > 0) {
        if (err != NULL)
            *err = report.first;
        return report.first.status;
    }
    return st == TUBE_ENOMEM ? tube_fail(err, st, "out of memory") : st;
}

/* Opening. */

const tube_stage *
tubei_pipeline_keeper(tube_pipeline *p)
{
    const tube_stage *keeper = NULL;

    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n && keeper == NULL; i++)
        if (p->stages[i] != NULL && p->stages[i]->def->locate != NULL)
            keeper = p->stages[i];
    pthread_mutex_unlock(&p->lock);
    return keeper;
}

void
tubei_pipeline_reserve(tube_stage *s)
{
    tube_pipeline *p = s->pipeline;
    tube_stage **all = p->opening != NULL ? p->opening->stage : p->stages;
    uint32_t n = p->opening != NULL ? p->opening->n : p->n;
    bool more = true;

    s->reserve_walked = true;
    while (more) { /* once, and once more for each adapter: their places are higher */
        more = false;
        for (uint32_t i = n; i-- > 0;) {
            tube_stage *before = all[i];

            for (uint32_t k = 0; !before->reserve_walked && k < before->n_out; k++)
                if (before->out[k] != NULL && before->out[k]->to->reserve_walked)
                    more = before->reserve_walked = before->reserve_ok = true;
        }
    }
}

tube_status
tubei_stage_open(tube_stage *s, tube_error *err)
{
    const tube_column line = { .name = "line", .type = TUBE_TEXT };
    tube_status st = tubei_types_fit(s, err);

    if (st == TUBE_OK
        && (s->def->out == TUBE_FLOW_RECORDS || s->def->out == TUBE_FLOW_LINES))
        s->output = s->input;
    if (st == TUBE_OK && s->def->open != NULL)
        st = s->def->open(s, err);
    if (st < 0) {
        if (err != NULL && err->stage[0] == '\0')
            (void)snprintf(err->stage, sizeof(err->stage), "%s", tubei_stage_label(s));
        return st;
    }
    s->opened = true;
    if (s->def->out == TUBE_FLOW_LINES && s->own_schema == NULL)
        return tube_set_schema(s, &line, 1, err);
    if (s->def->out == TUBE_FLOW_RECORDS && s->output == NULL)
        return tube_fail(err, TUBE_EINVAL, "'%s' did not say what records it gives",
                         s->def->name);
    return TUBE_OK;
}

static void
stages_close(tube_pipeline *p)
{
    for (uint32_t i = p->n; i-- > 0;) {
        tube_stage *s = p->stages[i];

        if (s == NULL)
            continue;
        if (s->opened && s->def->close != NULL)
            s->def->close(s);
        s->opened = false;
    }
}

/* Where to go on: the least that any sink knows. */
static tube_status
origins_locate(tube_pipeline *p, tube_error *err)
{
    for (uint32_t i = 0; i < p->n_origins; i++) {
        tubei_origin *o = &p->origins[i];
        tube_origin seen = { .name = o->name,
                             .print = o->print,
                             .print_len = o->print_len,
                             .size = o->size };
        bool asked = false;

        for (uint32_t k = 0; k < p->n; k++) {
            tube_stage *s = p->stages[k];
            tube_mark mark = { 0 };
            tube_status st;

            if (s->def->locate == NULL)
                continue;
            st = s->def->locate(s, i, &seen, &mark, err);
            if (st < 0 && err != NULL && err->stage[0] == '\0')
                (void)snprintf(err->stage, sizeof(err->stage), "%s", s->def->name);
            if (st < 0)
                return st;
            /* what others have already they pass over themselves */
            if (!asked || mark.low < o->mark.low)
                o->mark = mark;
            asked = true;
        }
    }
    return TUBE_OK;
}

tube_status
tube_open(tube_pipeline *p, tube_error *err)
{
    tubei_sched_ops ops = {
        .quiet = tubei_pipeline_quiet,
        .stuck = tubei_pipeline_stuck,
        .alarm = tubei_pipeline_alarm,
        .arg = p,
    };
    int32_t workers = p->opts.workers;
    tube_status st = TUBE_OK;

    if (tubei_forked(p))
        return tubei_fork_fail(err);
    if (p->n == 0 || p->opened)
        return tube_fail(err, TUBE_EINVAL,
                         p->n == 0 ? "the pipeline has no stages"
                                   : "the pipeline is open already");
    if (workers == 0)
        workers = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
    p->home = tubei_forks_watch();
    p->memory = tubei_memory_new(p->opts.budget);
    if (p->memory == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    tubei_memory_hooks(p->memory, p->opts.memory_get, p->opts.memory_put, p->opts.arg);
    p->sched = tubei_sched_new(workers < 0 ? 0 : (uint32_t)workers, p->opts.seed,
                               p->memory, &p->totals, &ops, err);
    if (p->sched == NULL)
        return TUBE_ENOMEM;
    p->opened = true;
    for (uint32_t i = 0; i < p->n && st == TUBE_OK; i++)
        if (!p->stages[i]->opened) /* an adapter opens with the stage behind it */
            st = tubei_stage_open(p->stages[i], err);
    if (st == TUBE_OK)
        st = origins_locate(p, err);
    p->located = true;
    if (st < 0) {
        stages_close(p);
        p->closed = true;
    }
    return st < 0 ? st : TUBE_OK;
}

/* Everything is done, or never began: no thread of ours runs from here on. */
static void
pipeline_close(tube_pipeline *p)
{
    pthread_mutex_lock(&p->close_lock);
    if (!p->closed) {
        tubei_sched_stop(p->sched);
        tubei_pipeline_rest(p);
        stages_close(p);
    }
    p->closed = true;
    pthread_mutex_unlock(&p->close_lock);
}

tube_status
tube_start(tube_pipeline *p, tube_error *err)
{
    uint32_t living = 0;
    tube_status st;

    if (tubei_forked(p))
        return tubei_fork_fail(err);
    if (p->opts.dry_run)
        return tube_fail(err, TUBE_EINVAL, "a dry run does not start");
    if (p->started || p->closed)
        return tube_fail(err, TUBE_EINVAL, "the pipeline was started already");
    if (!p->opened && (st = tube_open(p, err)) < 0)
        return st;
    /* Counted before a worker runs: what was pushed or resumed already runs at once. */
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n; i++)
        living += p->stages[i] != NULL;
    atomic_store(&p->live, living);
    p->counted = true;
    pthread_mutex_unlock(&p->lock);
    st = tubei_sched_start(p->sched, err); /* before there is work: it may fail */
    if (st < 0) {
        pipeline_close(p);
        return st;
    }
    pthread_mutex_lock(&p->lock);
    p->started = true;
    for (uint32_t i = 0; i < p->n; i++)
        if (tubei_stage_is_root(p->stages[i]) || p->stages[i]->def->greet != NULL
            || atomic_load_explicit(&p->stages[i]->requests, memory_order_relaxed)
                   != NULL)
            tubei_stage_notify(p->stages[i]);
    pthread_mutex_unlock(&p->lock);
    tubei_sched_begun(p->sched);
    return TUBE_OK;
}

tube_status
tube_wait(tube_pipeline *p, uint64_t timeout_ns, tube_error *err)
{
    uint64_t now = tube_now();
    uint64_t until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
    tube_error cause;

    if (tubei_forked(p))
        return tubei_fork_fail(err);
    if (!p->started)
        return tube_fail(err, TUBE_EINVAL, "the pipeline was not started");
    if (tubei_sched_is_caller(p->sched) && !p->closed)
        (void)tubei_sched_run(p->sched, &p->done, until);
    if (!tubei_latch_wait(&p->done_future, until))
        return tube_fail(err, TUBE_ETIME, "not done in time");
    pipeline_close(p);
    tubei_pipeline_rejects_end(p);
    if (tubei_cause_first(&p->causes, &cause)) {
        if (err != NULL)
            *err = cause;
        return cause.status;
    }
    if (tubei_pipeline_aborted(p))
        return tube_fail(err, TUBE_ECANCELED, "aborted");
    return TUBE_OK;
}

tube_status
tube_run(tube_pipeline *p, tube_error *err)
{
    tube_status st = tube_start(p, err);

    return st < 0 ? st : tube_wait(p, TUBE_FOREVER, err);
}

/* Freeing. */

void
tube_pipeline_free(tube_pipeline *p)
{
    if (p == NULL || tubei_forked(p))
        return; /* the parent's, with its sessions and files: nothing is closed here */
    tubei_check(p->magic == TUBEI_PIPELINE_MAGIC);
    if (p->started && !p->closed) {
        tube_abort(p);
        (void)!tube_wait(p, TUBE_FOREVER, NULL);
    }
    if (p->opened)
        pipeline_close(p);
    tubei_sched_free(p->sched);
    tubei_inlets_orphan(p);
    tubei_watches_orphan(p);
    for (uint32_t i = 0; i < p->n; i++)
        tubei_stage_free(p->stages[i]);
    for (uint32_t i = 0; i < p->n_links; i++)
        if (p->links[i].edge != NULL) {
            tubei_pipeline_edge_empty(p->links[i].edge);
            tubei_edge_free(p->links[i].edge);
        }
    for (uint32_t i = 0; i < p->n_origins; i++) {
        free(p->origins[i].name);
        free(p->origins[i].print);
    }
    tubei_memory_free(p->memory);
    tubei_text_free(p->text);
    for (uint32_t i = 0; i < p->n_adapters; i++)
        tubei_text_free(p->adapters[i].text);
    tubei_strings_free(&p->strings);
    tubei_latch_fini(&p->done_future);
    tubei_asking_fini(&p->asking);
    tubei_causes_fini(&p->causes);
    tubei_reason_fini(&p->end);
    tubei_reason_fini(&p->abort_reason);
    (void)pthread_cond_destroy(&p->stage_done);
    (void)pthread_mutex_destroy(&p->edit_lock);
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_mutex_destroy(&p->tell_lock);
    (void)pthread_mutex_destroy(&p->close_lock);
    free((void *)p->own_defs);
    free(p->origins);
    free(p->adapters);
    free(p->pause);
    free(p->links);
    free((void *)p->stages);
    p->magic = 0;
    free(p);
}

void
tube_pipeline_freep(tube_pipeline **p)
{
    tube_pipeline_free(*p);
    *p = NULL;
}
