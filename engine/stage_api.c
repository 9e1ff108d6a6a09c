/* SPDX-License-Identifier: MIT */
/* stage_api.c -- what a stage may ask of the engine: <tubes/stage.h>. */
#include "../data/schema.h"
#include "../graph/pipeline.h"
#include "check.h"
#include "sched.h"
#include "stage.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 512, ORIGINS_MAX = 1 << 24 };

void *
tube_state(tube_stage *s)
{
    return s->state;
}

const tube_schema *
tube_input(const tube_stage *s)
{
    return s->input;
}

const char *
tube_stage_name(const tube_stage *s)
{
    return s->def->name;
}

tube_status
tube_set_schema(tube_stage *s, const tube_column *columns, uint32_t n, tube_error *err)
{
    tube_schema *schema = tubei_schema_new(columns, n, err);
    bool same;

    if (schema == NULL)
        return TUBE_ECONFIG;
    if (s->own_schema != NULL && s->phase > TUBEI_PHASE_GREET) {
        /* restarted: batches of the old schema are on their way */
        same = tubei_schema_same(s->own_schema, schema);
        tubei_schema_free(schema);
        return same ? TUBE_OK
                    : tube_fail(err, TUBE_ECONFIG,
                                "'%s' gives other fields than before its restart",
                                s->def->name);
    }
    tubei_schema_free(s->own_schema);
    s->own_schema = schema;
    s->output = schema;
    return TUBE_OK;
}

const tube_schema *
tube_output(const tube_stage *s)
{
    return s->output;
}

tube_slice
tube_sample(tube_stage *s)
{
    if (s->pipeline->started) /* what runs is not asked */
        return (tube_slice){ NULL, 0 };
    while (s->n_in > 0 && s->in[0] != NULL && s->in[0]->from != NULL)
        s = s->in[0]->from;
    if (s->def->sample == NULL || !s->opened)
        return (tube_slice){ NULL, 0 };
    return s->def->sample(s);
}

tube_status
tube_blame(const tube_stage *s, const char *name, tube_error *err)
{
    if (err == NULL)
        return TUBE_ECONFIG;
    tubei_option_blame(s->call, name, err);
    return err->status;
}

bool
tube_option_given(const tube_stage *s, const char *name)
{
    const tube_option *o = tubei_option_find(s->def, name);

    return o != NULL && tubei_option_given(s->call, o);
}

/* Origins. */

static tube_status
origin_make(struct tube_pipeline *p, const tube_origin *o, uint32_t *id,
            tube_error *err)
{
    uint32_t n = p->n_origins;
    tubei_origin *all;

    if (n == ORIGINS_MAX)
        return tube_fail(err, TUBE_ENOMEM, "more than %d inputs", ORIGINS_MAX);
    if ((n & (n - 1)) == 0) { /* room for a power of two */
        all = realloc(p->origins, (n == 0 ? 1 : (size_t)n * 2) * sizeof(*all));
        if (all == NULL)
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        p->origins = all;
    }
    all = &p->origins[n];
    *all = (tubei_origin){ .print_len = o->print_len, .size = o->size };
    all->name = strdup(o->name);
    all->print = malloc(o->print_len > 0 ? o->print_len : 1);
    if (all->name == NULL || all->print == NULL) {
        free(all->name);
        free(all->print);
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    memcpy(all->print, o->print, o->print_len);
    *id = p->n_origins++;
    return TUBE_OK;
}

tube_status
tube_origin_add(tube_stage *s, const tube_origin *o, uint32_t *id, tube_error *err)
{
    struct tube_pipeline *p = s->pipeline;
    const tube_stage *keeper = p->located ? tubei_pipeline_keeper(p) : NULL;
    tube_status st;

    if (keeper != NULL)
        return tube_fail(
            err, TUBE_EINVAL,
            "'%s' reads '%s', whose position '%s' would have to look up, and "
            "that runs already",
            s->def->name, o->name, keeper->def->name);
    pthread_mutex_lock(&p->lock);
    st = origin_make(p, o, id, err);
    pthread_mutex_unlock(&p->lock);
    return st;
}

tube_mark
tube_origin_mark(const tube_stage *s, uint32_t id)
{
    struct tube_pipeline *p = s->pipeline;
    tube_mark m;

    pthread_mutex_lock(&p->lock);
    tubei_check(id < p->n_origins);
    m = p->origins[id].mark;
    pthread_mutex_unlock(&p->lock);
    return m;
}

const char *
tube_origin_name(const tube_stage *s, uint32_t id)
{
    struct tube_pipeline *p = s->pipeline;
    const char *name;

    pthread_mutex_lock(&p->lock);
    name = id < p->n_origins ? p->origins[id].name : "-";
    pthread_mutex_unlock(&p->lock);
    return name;
}

bool
tube_feeds(const tube_stage *s, const char *name)
{
    return s->n_out > 0 && s->out[0] != NULL && s->out[0]->to != NULL
           && strcmp(s->out[0]->to->def->name, name) == 0;
}

void
tube_expect_bytes(tube_stage *s, uint64_t bytes)
{
    atomic_store_explicit(&s->pipeline->totals.bytes_total, bytes,
                          memory_order_relaxed);
}

bool
tube_input_complete(const tube_stage *s)
{
    return s->reason.kind == TUBE_STOP_END;
}

/* Making batches. */

tube_batch *
tube_take(tube_stage *s)
{
    struct tube_pipeline *p = s->pipeline;
    bool framed = (s->def->flags & TUBE_FRAMES) != 0;
    tubei_batch *b =
        tubei_batch_new(p->memory, s->output, p->opts.batch_rows, framed, s);

    return b != NULL ? &b->pub : NULL;
}

void
tube_untake(tube_stage *s, tube_batch **b)
{
    (void)s;
    if (*b != NULL) {
        tubei_asks_settle(tubei_batch_of(*b), (tube_outcome)0, (tube_outcome)0);
        tubei_batch_free(tubei_batch_of(*b));
    }
    *b = NULL;
}

/* Which group do the rows of a new batch belong to?  Those of a stage that keeps batches
 * may be made of several: they begin a group. */
static bool
join_group(tube_stage *s, tubei_batch *b)
{
    bool derived = s->current != NULL && s->current->ack != NULL
                   && (s->def->flags & (TUBE_HOLDS | TUBE_BUFFERS)) == 0;

    if (derived)
        tubei_ack_ref(s->current->ack);
    b->ack = derived ? s->current->ack : tubei_ack_new(&s->pipeline->totals);
    if (b->ack == NULL)
        return false;
    tubei_ack_rows(b->ack, (int64_t)tubei_batch_rows(b));
    s->emitted = s->current != NULL;
    return true;
}

tube_status
tube_emit_to(tube_stage *s, uint32_t output, tube_batch **pub)
{
    tubei_batch *b = tubei_batch_of(*pub);

    *pub = NULL;
    if (b->pub.schema != NULL) {
        if (!join_group(s, b)) {
            tubei_batch_free(b);
            tubei_stage_nomem(s);
            return TUBE_END;
        }
        tubei_count(&s->count.rows_out, tube_batch_count(&b->pub));
        for (uint32_t i = 0; i < b->pub.n_extents && s->def->kind == TUBE_SOURCE; i++)
            atomic_fetch_add_explicit(&s->pipeline->totals.bytes,
                                      b->pub.extents[i].hi - b->pub.extents[i].lo,
                                      memory_order_relaxed);
    } else {
        s->emitted = s->current != NULL;
        for (uint32_t i = 0; i < b->pub.n_segments && s->def->kind == TUBE_SOURCE; i++)
            atomic_fetch_add_explicit(&s->pipeline->totals.bytes,
                                      b->pub.segments[i].bytes.len,
                                      memory_order_relaxed);
    }
    tubei_count(&s->count.batches_out, 1);
    return tubei_ports_push(s, output, &b);
}

tube_status
tube_emit(tube_stage *s, tube_batch **pub)
{
    return tube_emit_to(s, 0, pub);
}

tube_status
tube_reshape(tube_stage *s, tube_batch *b)
{
    return tubei_batch_reshape(tubei_batch_of(b), s->output, s) ? TUBE_OK : TUBE_AGAIN;
}

/* Taking rows out. */

void
tube_filter(tube_stage *s, tube_batch *b, uint32_t row)
{
    uint64_t bit = (uint64_t)1 << (row % 64);

    tubei_assert(row < b->n && (b->live[row / 64] & bit) != 0);
    b->live[row / 64] &= ~bit;
    b->n_live--;
    tubei_batch_of(b)->n_filtered++;
    tubei_asks_end(tubei_batch_of(b), row, TUBE_FILTERED);
    tubei_count(&s->count.filtered, 1);
}

void
tube_ask(tube_stage *s, tube_batch *b, uint32_t row, tube_future *f)
{
    if (tubei_asks_put(tubei_batch_of(b), &s->pipeline->asking, row, f) == TUBE_ENOMEM
        && tubei_future_begin(f))
        (void)tubei_future_part(f, TUBE_BROKEN, 0);
}

/* End the extents before row `row`. */
static void
extents_cut(tube_batch *b, uint32_t row)
{
    uint32_t keep = 0;

    for (uint32_t i = 0; i < b->n_extents; i++) {
        tube_extent *e = &b->extents[i];

        if (e->first_row >= row)
            break;
        keep = i + 1;
        if (b->offset == NULL || b->offset[row] < e->lo || b->offset[row] >= e->hi)
            continue;
        if (i + 1 < b->n_extents && b->extents[i + 1].first_row <= row)
            continue; /* the row lies in a later extent */
        e->hi = b->offset[row];
        e->lines = row - e->first_row;
    }
    b->n_extents = keep;
}

void
tube_batch_cut(tube_stage *s, tube_batch *b, uint32_t row)
{
    if (row >= b->n)
        return;
    extents_cut(b, row);
    for (uint32_t r = tube_next(b, row); r < b->n; r = tube_next(b, r + 1))
        tube_filter(s, b, r);
    for (uint32_t i = 0; i < b->n_rejected;) {
        if (b->rejected[i].row < row) {
            i++;
            continue;
        }
        tubei_asks_end(tubei_batch_of(b), b->rejected[i].row, TUBE_FILTERED);
        b->rejected[i] = b->rejected[--b->n_rejected];
        tubei_batch_of(b)->n_filtered++;
        atomic_fetch_sub_explicit(&s->pipeline->rejects, 1, memory_order_relaxed);
    }
}

static void
reject(tube_stage *s, tube_batch *b, tube_rejected *r, const char *reason)
{
    size_t len = strlen(reason);
    char *text = tube_batch_alloc(b, len + 1);

    tubei_assert((b->live[r->row / 64] >> (r->row % 64) & 1) != 0);
    if (text != NULL)
        memcpy(text, reason, len + 1);
    r->reason = text != NULL ? text : "";
    r->stage = s->def->name;
    if (text == NULL || !tubei_batch_reject(tubei_batch_of(b), r)) {
        tubei_stage_nomem(s);
        return;
    }
    tubei_count(&s->count.rejected, 1);
    tubei_pipeline_rejected(s->pipeline);
}

void
tube_reject(tube_stage *s, tube_batch *b, uint32_t row, uint32_t at, const char *fmt,
            ...)
{
    tube_rejected r = { .row = row, .at = at };
    char text[REASON_MAX];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    reject(s, b, &r, text);
}

void
tube_reject_sql(tube_stage *s, tube_batch *b, uint32_t row, const char *sqlstate,
                const char *reason)
{
    tube_rejected r = { .row = row, .at = UINT32_MAX };

    (void)snprintf(r.sqlstate, sizeof(r.sqlstate), "%s", sqlstate);
    reject(s, b, &r, reason);
}

/* Settling. */

bool
tube_rejects_elsewhere(const tube_stage *s)
{
    return s->pipeline->opts.rejects_only;
}

static tube_reject_info
reject_info(const tube_stage *s, const tube_batch *b, const tube_rejected *r)
{
    tube_reject_info info = {
        .origin = "-",
        .offset = b->offset != NULL ? b->offset[r->row] : UINT64_MAX,
        .at = r->at,
        .stage = r->stage,
        .sqlstate = r->sqlstate,
        .reason = r->reason,
    };

    for (uint32_t i = 0; i < b->n_extents && b->extents[i].first_row <= r->row; i++) {
        info.origin = tube_origin_name(s, b->extents[i].origin);
        info.line = b->extents[i].line + (r->row - b->extents[i].first_row) + 1;
    }
    if (b->raw != NULL)
        info.raw = (tube_slice){ b->raw[r->row].text, b->raw[r->row].len };
    return info;
}

void
tube_publish_rejects(tube_stage *s, tube_batch *pub)
{
    struct tube_pipeline *p = s->pipeline;
    tubei_batch *b = tubei_batch_of(pub);

    if (p->opts.on_reject == NULL || b->published == pub->n_rejected)
        return;
    pthread_mutex_lock(&p->tell_lock);
    for (; b->published < pub->n_rejected; b->published++) {
        tube_reject_info info = reject_info(s, pub, &pub->rejected[b->published]);

        p->opts.on_reject(p->opts.arg, &info);
    }
    pthread_mutex_unlock(&p->tell_lock);
}

void
tube_settle(tube_stage *s, tube_batch **pub, tube_outcome outcome)
{
    tubei_batch *b = tubei_batch_of(*pub);
    tubei_settled out = tubei_batch_ended(b);

    tubei_stage_unkeep(s, b);
    if (outcome == TUBE_COMMITTED) {
        tube_publish_rejects(s, *pub);
        out.committed = tube_batch_count(*pub);
        out.rejected = (*pub)->n_rejected;
        tubei_count(&s->count.rows_out, out.committed);
    } else {
        out.broken = tube_batch_count(*pub) + (*pub)->n_rejected;
        tubei_count(&s->count.broken, out.broken);
        tubei_count(&s->count.broken_batches, 1);
    }
    *pub = NULL;
    if (outcome == TUBE_UNKNOWN)
        tubei_asks_settle(b, TUBE_UNKNOWN, TUBE_UNKNOWN);
    tubei_stage_settle(b, &out);
}

/* Waiting. */

void
tube_wait_fd(tube_stage *s, int fd, unsigned events)
{
    if (!tubei_sched_wait_fd(s->pipeline->sched, s, fd, events))
        tubei_stage_wake(s, TUBE_WOKE_FD); /* a plain file is always ready */
}

void
tube_forget_fd(tube_stage *s, int fd)
{
    tubei_sched_forget_fd(s->pipeline->sched, s, fd);
}

void
tube_wait_until(tube_stage *s, uint64_t when)
{
    s->wants_at = when;
    tubei_stage_arm(s);
}

bool
tube_dry_run(const tube_stage *s)
{
    return s->pipeline->opts.dry_run;
}

bool
tube_aborted(const tube_stage *s)
{
    return tubei_pipeline_aborted(s->pipeline);
}

void
tube_warn(tube_stage *s, const char *fmt, ...)
{
    struct tube_pipeline *p = s->pipeline;
    char line[REASON_MAX];
    int len = snprintf(line, sizeof(line), "%s: ", s->def->name);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line + len, sizeof(line) - (size_t)len, fmt, ap);
    va_end(ap);
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    pthread_mutex_lock(&p->tell_lock);
    if (p->opts.on_warn != NULL)
        p->opts.on_warn(p->opts.arg, line);
    else
        (void)fprintf(stderr, "warning: %s\n", line);
    pthread_mutex_unlock(&p->tell_lock);
}
