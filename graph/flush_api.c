/* SPDX-License-Identifier: MIT */
/* flush_api.c -- one flush as the program sees it; its tokens are engine/flush.c's. */
#include "../engine/check.h"
#include "pipeline.h"

#include <stdlib.h>

struct tube_flush {
    tube_pipeline *pipeline;
    uint32_t home; /* its own */
    uint64_t number;
    tube_flush_mode mode;
    _Atomic uint32_t tokens; /* on their way, and one for tube_flush_begin() */
    _Atomic uint32_t refs;   /* the program's, and one for all tokens */
    _Atomic bool cut;        /* a token went no further */
    tubei_latch done;
};

static void
flush_release(tube_flush *f)
{
    /* [F1] acq_rel: the last one has seen all that the others did */
    if (atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return;
    tubei_latch_fini(&f->done);
    free(f);
}

void
tubei_flush_ref(tube_flush *f)
{
    atomic_fetch_add_explicit(&f->tokens, 1, memory_order_relaxed);
}

void
tubei_flush_unref(tube_flush *f, bool passed)
{
    if (!passed)
        atomic_store_explicit(&f->cut, true, memory_order_relaxed);
    if (atomic_fetch_sub_explicit(&f->tokens, 1, memory_order_acq_rel) != 1)
        return;
    tubei_latch_set(&f->done);
    flush_release(f);
}

uint64_t
tubei_flush_number(const tube_flush *f)
{
    return f->number;
}

bool
tubei_flush_settles(const tube_flush *f)
{
    return f->mode == TUBE_SETTLED;
}

/* Under the graph's lock, so that every road sees flushes in the same order. */
static bool
to_sources(tube_pipeline *p, tube_flush *f)
{
    for (uint32_t i = 0; i < p->n; i++) {
        tube_stage *s = p->stages[i];
        tubei_request *r;
        tubei_batch *b;

        /* fan-ins too: an input may have ended and gone, and what it brought is inside */
        if (s == NULL
            || (s->def->kind != TUBE_SOURCE && (s->def->flags & TUBE_JOINS) == 0))
            continue;
        r = calloc(1, sizeof(*r));
        b = r != NULL ? tubei_batch_mark(p->memory, f) : NULL;
        if (b == NULL) {
            free(r);
            return false;
        }
        tubei_flush_ref(f);
        *r = (tubei_request){ .what = TUBEI_WATERMARK, .mark = b };
        tubei_stage_request(s, r);
    }
    for (struct tube_inlet *in = p->inlets; in != NULL;
         in = (struct tube_inlet *)(uintptr_t)tubei_inlet_next(in))
        (void)tubei_inlet_mark(in, f);
    return true;
}

tube_flush *
tube_flush_begin(tube_pipeline *p, tube_flush_mode mode, tube_error *err)
{
    tube_flush *f;
    bool sent = true;

    if (tubei_forked(p) || !p->started) {
        (void)(tubei_forked(p)
                   ? tubei_fork_fail(err)
                   : tube_fail(err, TUBE_EINVAL, "the pipeline was not started"));
        return NULL;
    }
    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    *f = (tube_flush){ .pipeline = p, .home = p->home, .mode = mode };
    atomic_init(&f->tokens, 1);
    atomic_init(&f->refs, 2);
    tubei_latch_init(&f->done);
    pthread_mutex_lock(&p->lock);
    f->number = ++p->flushes;
    if (atomic_load_explicit(&p->live, memory_order_acquire) > 0)
        sent = to_sources(p, f);
    pthread_mutex_unlock(&p->lock);
    tubei_flush_unref(f, sent);
    return f;
}

tube_status
tube_flush_wait(tube_flush *f, uint64_t timeout_ns)
{
    uint64_t now = tube_now();
    uint64_t until = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;

    if (tubei_is_away(f->home))
        return TUBE_EFORK;
    while (timeout_ns > 0 && !tubei_latch_wait(&f->done, 0)
           && tubei_sched_is_caller(f->pipeline->sched)
           && tubei_caller_runs(f->pipeline, until)) {
    }
    if (!tubei_latch_wait(&f->done, timeout_ns == 0 ? 0 : until))
        return TUBE_ETIME;
    return atomic_load_explicit(&f->cut, memory_order_relaxed) ? TUBE_END : TUBE_OK;
}

void
tube_flush_free(tube_flush *f)
{
    if (f != NULL && !tubei_is_away(f->home))
        flush_release(f);
}
