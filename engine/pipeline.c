/* SPDX-License-Identifier: MIT */
/* pipeline.c -- build, open, start, wait, drain, abort, free. */
#include "pipeline.h"

#include "check.h"
#include "schema.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_FOR_SHARE = 1000, SMALLEST_BUDGET = 4 << 20, DEFAULT_BUDGET = 64 << 20 };

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
    (void)pthread_mutex_init(&p->cause.lock, NULL);
    (void)pthread_mutex_init(&p->tell_lock, NULL);
    (void)pthread_mutex_init(&p->close_lock, NULL);
    tubei_future_init(&p->done_future);
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
    st = tubei_series_build(p, text, &report, err);
    if (report.errors > 0) {
        if (err != NULL)
            *err = report.first;
        return report.first.status;
    }
    return st == TUBE_ENOMEM ? tube_fail(err, st, "out of memory") : st;
}

/* Ending. */

void
tubei_pipeline_fail(tube_pipeline *p, const tube_stage *s, tube_error *err)
{
    if (err->stage[0] == '\0')
        (void)snprintf(err->stage, sizeof(err->stage), "%s", s->def->name);
    tubei_cause_set(&p->cause, err);
}

void
tubei_pipeline_stage_done(tube_pipeline *p)
{
    if (atomic_fetch_sub_explicit(&p->live, 1, memory_order_acq_rel) != 1)
        return;
    /* [L1] pairs with the looks at `done`: all that every stage did is before it */
    atomic_store_explicit(&p->done, true, memory_order_release);
    tubei_future_set(&p->done_future);
}

bool
tubei_pipeline_aborted(const tube_pipeline *p)
{
    return atomic_load_explicit(&p->cause.abort,
                                memory_order_acquire); /* [S2] pairs [S1] */
}

/* Are more records rejected than the limits allow?  The share says little about the
 * first few records: it counts from ROWS_FOR_SHARE on, and at the end. */
static bool
too_many_rejects(const tube_pipeline *p, uint64_t rows_for_share)
{
    const tube_pipeline_opts *o = &p->opts;
    uint64_t n = atomic_load_explicit(&p->rejects, memory_order_relaxed);
    uint64_t read = atomic_load_explicit(&p->totals.read, memory_order_relaxed);

    return (o->max_rejects > 0 && n > o->max_rejects)
           || (o->fail_on_first_reject && n > 0)
           || (o->max_reject_share > 0 && read >= rows_for_share
               && (double)n > o->max_reject_share * (double)read);
}

static void
fail_of_rejects(tube_pipeline *p)
{
    tube_error err;

    (void)tube_fail(&err, TUBE_EPARSE, "%ju of %ju records rejected, more than %s",
                    (uintmax_t)atomic_load(&p->rejects),
                    (uintmax_t)atomic_load(&p->totals.read), "the limit (max-rejects)");
    tubei_cause_set(&p->cause, &err);
}

void
tubei_pipeline_rejected(tube_pipeline *p)
{
    atomic_fetch_add_explicit(&p->rejects, 1, memory_order_relaxed);
    if (!too_many_rejects(p, ROWS_FOR_SHARE))
        return;
    fail_of_rejects(p);
    tube_drain(p);
}

void
tube_drain(tube_pipeline *p)
{
    /* [D2] pairs with [D1]; a start in this moment sees it, or we see `started` */
    if (!atomic_exchange_explicit(&p->draining, true, memory_order_seq_cst)
        && p->started)
        tubei_stage_notify(&p->stages[0]);
}

void
tube_abort(tube_pipeline *p)
{
    if (atomic_load_explicit(&p->done, memory_order_acquire))
        return; /* what is over is not aborted any more */
    atomic_store_explicit(&p->cause.abort, true, memory_order_seq_cst); /* [S1] */
    for (uint32_t i = 0; p->started && i < p->n; i++)
        tubei_stage_wake(&p->stages[i], TUBE_WOKE_ABORT);
}

/* The scheduler's questions. */

static void
quiet(void *arg)
{
    tube_pipeline *p = arg;

    for (uint32_t i = 0; i < p->n; i++)
        if ((p->stages[i].def->flags & TUBE_HOLDS) != 0)
            tubei_stage_wake(&p->stages[i], TUBE_WOKE_QUIET);
}

static void
stuck(void *arg)
{
    tube_pipeline *p = arg;
    const tube_stage *who = &p->stages[0];
    tube_error err;

    if (!p->started || atomic_load_explicit(&p->done, memory_order_acquire)
        || tubei_pipeline_aborted(p)) /* not begun, or what can be done was done */
        return;
    /* the last one that has work and does not do it keeps all before it waiting */
    for (uint32_t i = 0; i < p->n; i++)
        if (p->stages[i].current != NULL || p->stages[i].waits_memory)
            who = &p->stages[i];
    (void)tube_fail(&err, TUBE_EINVAL, "deadlock: '%s' waits for %s, and nothing runs",
                    who->def->name, who->waits_memory ? "memory" : "itself");
    tube_hint(&err, "a stage returned TUBE_AGAIN and waits for nothing, or the memory "
                    "budget is too small");
    tubei_pipeline_fail(p, who, &err);
    tube_abort(p);
}

/* Opening. */

static tube_status
stage_open(tube_stage *s, tube_error *err)
{
    const tube_column line = { .name = "line", .type = TUBE_TEXT };
    tube_status st = TUBE_OK;

    if (s->index > 0)
        s->input = s->pipeline->stages[s->index - 1].output;
    if (s->def->in == TUBE_FLOW_LINES
        && (s->input == NULL || tube_schema_width(s->input) != 1
            || tube_schema_find(s->input, "line") != 0)) {
        (void)tube_fail(err, TUBE_ECONFIG, "'%s' takes lines, and gets records",
                        s->def->name);
        tubei_option_blame(s->call, "", err);
        return TUBE_ECONFIG;
    }
    if (s->def->out == TUBE_FLOW_RECORDS || s->def->out == TUBE_FLOW_LINES)
        s->output = s->input;
    if (s->def->open != NULL)
        st = s->def->open(s, err);
    if (st < 0) {
        if (err != NULL && err->stage[0] == '\0')
            (void)snprintf(err->stage, sizeof(err->stage), "%s", s->def->name);
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
        tube_stage *s = &p->stages[i];

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

        for (uint32_t k = 0; k < p->n; k++) {
            tube_stage *s = &p->stages[k];
            tube_status st;

            if (s->def->locate == NULL)
                continue;
            st = s->def->locate(s, i, &seen, &o->mark, err);
            if (st < 0 && err != NULL && err->stage[0] == '\0')
                (void)snprintf(err->stage, sizeof(err->stage), "%s", s->def->name);
            if (st < 0)
                return st;
        }
    }
    return TUBE_OK;
}

tube_status
tube_open(tube_pipeline *p, tube_error *err)
{
    tubei_sched_ops ops = { .quiet = quiet, .stuck = stuck, .arg = p };
    int32_t workers = p->opts.workers;
    tube_status st = TUBE_OK;

    if (p->n == 0 || p->opened)
        return tube_fail(err, TUBE_EINVAL,
                         p->n == 0 ? "the pipeline has no stages"
                                   : "the pipeline is open already");
    if (workers == 0)
        workers = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
    p->memory = tubei_memory_new(p->opts.budget);
    if (p->memory == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    p->sched = tubei_sched_new(workers < 0 ? 0 : (uint32_t)workers, p->opts.seed,
                               p->memory, &ops, err);
    if (p->sched == NULL)
        return TUBE_ENOMEM;
    p->opened = true;
    for (uint32_t i = 0; i < p->n && st == TUBE_OK; i++)
        st = stage_open(&p->stages[i], err);
    if (st == TUBE_OK)
        st = origins_locate(p, err);
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
        stages_close(p);
    }
    p->closed = true;
    pthread_mutex_unlock(&p->close_lock);
}

tube_status
tube_start(tube_pipeline *p, tube_error *err)
{
    tube_status st;

    if (p->opts.dry_run)
        return tube_fail(err, TUBE_EINVAL, "a dry run does not start");
    if (p->started || p->closed)
        return tube_fail(err, TUBE_EINVAL, "the pipeline was started already");
    if (!p->opened && (st = tube_open(p, err)) < 0)
        return st;
    atomic_store(&p->live, p->n);
    for (uint32_t i = 0; i < p->n; i++)
        p->stages[i].quick = true;
    st = tubei_sched_start(p->sched, err); /* before there is work: it may fail */
    if (st < 0) {
        pipeline_close(p);
        return st;
    }
    p->started = true;
    tubei_stage_notify(&p->stages[0]);
    tubei_sched_begun(p->sched);
    return TUBE_OK;
}

tube_status
tube_wait(tube_pipeline *p, uint64_t timeout_ns, tube_error *err)
{
    uint64_t now = tube_now();
    uint64_t until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
    tube_error cause;

    if (!p->started)
        return tube_fail(err, TUBE_EINVAL, "the pipeline was not started");
    if (tubei_sched_is_caller(p->sched) && !p->closed)
        (void)tubei_sched_run(p->sched, &p->done, until);
    if (!tubei_future_wait(&p->done_future, until))
        return tube_fail(err, TUBE_ETIME, "not done in time");
    pipeline_close(p);
    if (too_many_rejects(p, 1))
        fail_of_rejects(p);
    if (tubei_cause_get(&p->cause, &cause)) {
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
    if (p == NULL)
        return;
    tubei_check(p->magic == TUBEI_PIPELINE_MAGIC);
    if (p->started && !p->closed) {
        tube_abort(p);
        (void)!tube_wait(p, TUBE_FOREVER, NULL);
    }
    if (p->opened)
        pipeline_close(p);
    tubei_sched_free(p->sched);
    for (uint32_t i = 0; i < p->n; i++) {
        tubei_schema_free(p->stages[i].own_schema);
        free(p->stages[i].state);
        if (p->edges != NULL && p->edges[i].ring != NULL)
            tubei_edge_fini(&p->edges[i]);
    }
    for (uint32_t i = 0; i < p->n_origins; i++) {
        free(p->origins[i].name);
        free(p->origins[i].print);
    }
    tubei_memory_free(p->memory);
    tubei_text_free(p->text);
    tubei_strings_free(&p->strings);
    tubei_future_fini(&p->done_future);
    (void)pthread_mutex_destroy(&p->cause.lock);
    (void)pthread_mutex_destroy(&p->tell_lock);
    (void)pthread_mutex_destroy(&p->close_lock);
    free(p->own_defs);
    free(p->origins);
    free(p->edges);
    free(p->stages);
    p->magic = 0;
    free(p);
}

void
tube_pipeline_freep(tube_pipeline **p)
{
    tube_pipeline_free(*p);
    *p = NULL;
}
