/* SPDX-License-Identifier: MIT */
/* test_stages.c -- see test_stages.h. */
#include "test_stages.h"

#include <stdlib.h>
#include <string.h>

test_seen seen;

void
test_reset(void)
{
    memset((void *)&seen, 0, sizeof(seen));
}

static void
enter(void)
{
    uint64_t n = atomic_fetch_add(&seen.inside, 1) + 1;
    uint64_t most = atomic_load(&seen.together);

    while (n > most && !atomic_compare_exchange_weak(&seen.together, &most, n)) {
    }
}

static void
leave(void)
{
    atomic_fetch_sub(&seen.inside, 1);
}

static void
spin(int64_t ns)
{
    uint64_t until = tube_now() + (uint64_t)ns;

    while (ns > 0 && tube_now() < until) {
    }
}

static void
count_close(tube_stage *s)
{
    (void)s;
    atomic_fetch_add(&seen.closed, 1);
}

/* count */

struct count {
    int64_t n, from, fail;
    bool wait;
    int64_t next;
};

static const tube_option count_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct count, n), NULL, "rows", "how many",
      TUBE_OPT_POSITIONAL },
    { "from", TUBE_OPT_INT, offsetof(struct count, from), "0", "", "first", 0 },
    { "fail", TUBE_OPT_INT, offsetof(struct count, fail), "-1", "", "fail there", 0 },
    { "wait", TUBE_OPT_BOOL, offsetof(struct count, wait), "no", "", "wait at the end",
      0 },
    { 0 },
};

static tube_status
count_open(tube_stage *s, tube_error *err)
{
    const tube_column column = { .name = "n", .type = TUBE_INT };

    return tube_set_schema(s, &column, 1, err);
}

static tube_status
count_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct count *c = tube_state(s);
    tube_batch *b;
    tube_cell *row;

    (void)unused;
    if (c->next == c->fail)
        return tube_fail(err, TUBE_EIO, "the source fails at %jd", (intmax_t)c->next);
    if (c->next == c->n) {
        if (!c->wait)
            return TUBE_END;
        tube_wait_until(s, tube_now() + 3600000000000u);
        return TUBE_AGAIN;
    }
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    while (c->next < c->n && c->next != c->fail && (row = tube_batch_add(b)) != NULL)
        tube_set_int(row, c->from + c->next++);
    atomic_fetch_add(&seen.made, b->n);
    return tube_emit(s, &b);
}

static const tube_stage_def count_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "count",
    .summary = "numbers",
    .options = count_options,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct count),
    .open = count_open,
    .process = count_process,
    .close = count_close,
};

/* touch */

struct touch {
    int64_t reject, filter, fail, spin;
};

static const tube_option touch_options[] = {
    { "reject", TUBE_OPT_INT, offsetof(struct touch, reject), "0", "", "every K-th",
      0 },
    { "filter", TUBE_OPT_INT, offsetof(struct touch, filter), "0", "", "every K-th",
      0 },
    { "fail", TUBE_OPT_INT, offsetof(struct touch, fail), "-1", "", "fail there", 0 },
    { "spin", TUBE_OPT_INT, offsetof(struct touch, spin), "0", "ns", "work", 0 },
    { 0 },
};

static tube_status
touch_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct touch *t = tube_state(s);

    enter();
    spin(t->spin);
    TUBE_EACH(b, r) {
        int64_t n = tube_row(b, r)->integer;

        if (n == t->fail) {
            leave();
            return tube_fail(err, TUBE_EIO, "the transform fails at %jd", (intmax_t)n);
        }
        if (t->reject > 0 && n % t->reject == 0)
            tube_reject(s, b, r, UINT32_MAX, "%jd is refused", (intmax_t)n);
        else if (t->filter > 0 && n % t->filter == 0)
            tube_filter(s, b, r);
    }
    leave();
    return TUBE_OK;
}

static const tube_stage_def touch_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "touch",
    .summary = "look",
    .options = touch_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct touch),
    .process = touch_process,
    .close = count_close,
};

/* repeat */

struct repeat {
    int64_t n;
    uint32_t row;
    int64_t done;
    bool inside; /* row and done are a cursor in the batch */
};

static const tube_option repeat_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct repeat, n), NULL, "", "copies",
      TUBE_OPT_POSITIONAL },
    { 0 },
};

static tube_status
repeat_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct repeat *p = tube_state(s);
    tube_cell *row = NULL;

    (void)err;
    if (!p->inside) {
        p->inside = true;
        p->row = tube_next(b, 0);
        p->done = 0;
    }
    while (p->row < b->n) {
        tube_batch *out = tube_take(s);
        tube_status st;

        if (out == NULL)
            return TUBE_AGAIN;
        while (p->row < b->n && (row = tube_batch_add(out)) != NULL) {
            *row = *tube_row(b, p->row);
            if (++p->done == p->n) {
                p->done = 0;
                p->row = tube_next(b, p->row + 1);
            }
        }
        atomic_fetch_add(&seen.made, out->n);
        st = tube_emit(s, &out);
        if (st != TUBE_OK && p->row < b->n)
            return st;
    }
    p->inside = false;
    return TUBE_OK;
}

static const tube_stage_def repeat_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "repeat",
    .summary = "copies",
    .options = repeat_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct repeat),
    .flags = TUBE_EMITS,
    .process = repeat_process,
    .close = count_close,
};

/* farewell: copies its input, and has more to say at the end. */

struct farewell {
    int64_t n;
    bool rude; /* does not stop when there is no more room */
    int64_t said;
    int64_t last;
    bool copied; /* the input at hand was */
};

static const tube_option farewell_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct farewell, n), NULL, "batches", "of one row",
      TUBE_OPT_POSITIONAL },
    { "rude", TUBE_OPT_BOOL, offsetof(struct farewell, rude), "no", "", "", 0 },
    { 0 },
};

static tube_status
farewell_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct farewell *f = tube_state(s);
    tube_batch *out;
    tube_status st;

    (void)err;
    if (!f->copied) {
        out = tube_take(s);
        if (out == NULL)
            return TUBE_AGAIN;
        TUBE_EACH(b, r) {
            f->last = tube_row(b, r)->integer;
            *tube_batch_add(out) = *tube_row(b, r);
        }
        f->copied = true;
        st = tube_emit(s, &out);
        if (st != TUBE_OK)
            return st;
    }
    f->copied = false;
    return TUBE_OK;
}

static tube_status
farewell_finish(tube_stage *s, tube_error *err)
{
    struct farewell *f = tube_state(s);

    (void)err;
    while (f->said < f->n) {
        tube_batch *out = tube_take(s);
        tube_status st;

        if (out == NULL)
            return TUBE_AGAIN;
        tube_set_int(tube_batch_add(out), f->last + ++f->said);
        st = tube_emit(s, &out);
        if (st == TUBE_END || (st == TUBE_AGAIN && f->said < f->n && !f->rude))
            return st;
    }
    return TUBE_OK;
}

static const tube_stage_def farewell_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "farewell",
    .summary = "says more at the end",
    .options = farewell_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct farewell),
    .flags = TUBE_EMITS,
    .process = farewell_process,
    .finish = farewell_finish,
    .close = count_close,
};

/* collect */

struct collect {
    int64_t fail, spin, stop;
    int64_t last;
    bool any;
};

static const tube_option collect_options[] = {
    { "fail", TUBE_OPT_INT, offsetof(struct collect, fail), "-1", "", "fail there", 0 },
    { "spin", TUBE_OPT_INT, offsetof(struct collect, spin), "0", "ns", "work", 0 },
    { "stop", TUBE_OPT_INT, offsetof(struct collect, stop), "-1", "", "enough there",
      0 },
    { 0 },
};

static tube_status
collect_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct collect *c = tube_state(s);
    tube_status st = TUBE_OK;

    enter();
    spin(c->spin);
    TUBE_EACH(b, r) {
        int64_t n = tube_row(b, r)->integer;

        if (n == c->fail) {
            leave();
            return tube_fail(err, TUBE_EDB, "the sink fails at %jd", (intmax_t)n);
        }
        if (n == c->stop)
            st = TUBE_END;
        if (c->any && n < c->last)
            atomic_fetch_add(&seen.disorder, 1);
        c->last = n;
        c->any = true;
        atomic_fetch_add(&seen.sum, (uint64_t)n);
        atomic_fetch_add(&seen.rows, 1);
    }
    leave();
    return st;
}

static tube_status
collect_finish(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    atomic_fetch_add(&seen.finished, 1);
    return TUBE_OK;
}

static const tube_stage_def collect_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "collect",
    .summary = "adds up",
    .options = collect_options,
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct collect),
    .process = collect_process,
    .finish = collect_finish,
    .close = count_close,
};

static const tube_stage_def blocking_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "blocking",
    .summary = "adds up",
    .options = collect_options,
    .in = TUBE_FLOW_RECORDS,
    .flags = TUBE_BLOCKS,
    .state_size = sizeof(struct collect),
    .process = collect_process,
    .finish = collect_finish,
    .close = count_close,
};

/* gated: keeps batches until `limit` rows are there, then commits them, later. */

enum { GATED_MAX = 4096 };

struct gated {
    int64_t limit, delay;
    bool quiet;
    tube_batch *held[GATED_MAX];
    uint32_t n;
    int64_t rows;
    bool committing;
    bool finishing;
};

static const tube_option gated_options[] = {
    { "limit", TUBE_OPT_INT, offsetof(struct gated, limit), "5000", "rows", "commit at",
      0 },
    { "delay", TUBE_OPT_TIME, offsetof(struct gated, delay), "100us", "", "of COMMIT",
      0 },
    { "quiet", TUBE_OPT_BOOL, offsetof(struct gated, quiet), "yes", "",
      "commit when nothing else runs", 0 },
    { 0 },
};

static void
gated_begin(tube_stage *s)
{
    struct gated *g = tube_state(s);

    g->committing = true;
    tube_wait_until(s, tube_now() + (uint64_t)g->delay);
}

static tube_status
gated_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct gated *g = tube_state(s);

    (void)err;
    if (g->committing || g->n == GATED_MAX)
        return TUBE_AGAIN;
    g->held[g->n++] = b;
    g->rows += tube_batch_count(b);
    if (g->rows >= g->limit)
        gated_begin(s);
    return TUBE_QUEUED;
}

static void
gated_settle(tube_stage *s, tube_outcome outcome)
{
    struct gated *g = tube_state(s);

    for (uint32_t i = 0; i < g->n; i++) {
        if (outcome == TUBE_COMMITTED)
            TUBE_EACH(g->held[i], r) {
                atomic_fetch_add(&seen.sum, (uint64_t)tube_row(g->held[i], r)->integer);
                atomic_fetch_add(&seen.rows, 1);
            }
        tube_settle(s, &g->held[i], outcome);
    }
    g->n = 0;
    g->rows = 0;
    g->committing = false;
}

static tube_status
gated_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct gated *g = tube_state(s);

    (void)err;
    if ((why & TUBE_WOKE_DEADLINE) != 0 && g->committing) {
        if (atomic_load(&seen.gate) && !tube_aborted(s))
            tube_wait_until(s, tube_now() + 1000000);
        else
            gated_settle(s, TUBE_COMMITTED);
    }
    if (g->committing || g->n == 0)
        return TUBE_OK;
    if ((why & TUBE_WOKE_ABORT) != 0)
        gated_settle(s, TUBE_BROKEN);
    else if ((why & TUBE_WOKE_PRESSURE) != 0
             || ((why & TUBE_WOKE_QUIET) != 0 && g->quiet))
        gated_begin(s);
    return TUBE_OK;
}

static tube_status
gated_finish(tube_stage *s, tube_error *err)
{
    struct gated *g = tube_state(s);

    (void)err;
    if (!g->committing && g->n > 0)
        gated_begin(s);
    if (g->n > 0)
        return TUBE_AGAIN;
    atomic_fetch_add(&seen.finished, 1);
    return TUBE_OK;
}

static const tube_stage_def gated_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "gated",
    .summary = "like a database",
    .options = gated_options,
    .in = TUBE_FLOW_RECORDS,
    .flags = TUBE_HOLDS,
    .state_size = sizeof(struct gated),
    .process = gated_process,
    .wake = gated_wake,
    .finish = gated_finish,
    .close = count_close,
};

/* sleepy: takes nothing and waits for nothing. */

static tube_status
sleepy_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_AGAIN;
}

static const tube_stage_def sleepy_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "sleepy",
    .summary = "a mistake",
    .in = TUBE_FLOW_RECORDS,
    .process = sleepy_process,
    .close = count_close,
};

/* Pipelines. */

static const tube_stage_def *const defs[] = { &count_def,    &touch_def, &repeat_def,
                                              &collect_def,  &gated_def, &blocking_def,
                                              &farewell_def, &sleepy_def };

static tube_pipeline *
make(const tube_pipeline_opts *o, const tube_stage_def *more, size_t n,
     const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(o, &err);
    bool ok = p != NULL;

    for (size_t i = 0; ok && i < sizeof(defs) / sizeof(defs[0]); i++)
        ok = tube_define(p, defs[i], &err) == TUBE_OK;
    for (size_t i = 0; ok && i < n; i++)
        ok = tube_define(p, &more[i], &err) == TUBE_OK;
    if (!ok || tube_series(p, text, &err) != TUBE_OK) {
        tube_error_print(&err, stderr);
        abort();
    }
    return p;
}

tube_pipeline *
test_pipeline(const tube_pipeline_opts *o, const char *text)
{
    return make(o, NULL, 0, text);
}

tube_pipeline *
test_pipeline_with(const tube_stage_def *more, size_t n, const char *text)
{
    return make(NULL, more, n, text);
}

bool
test_accounted(const tube_pipeline *p)
{
    tube_counts c;

    tube_stats(p, &c);
    return c.in_flight == 0 && c.memory == 0
           && c.read == c.committed + c.filtered + c.rejected + c.dropped + c.broken;
}
