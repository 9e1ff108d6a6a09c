/* SPDX-License-Identifier: MIT */
/* queue.c -- how long a fan-in lives, and how much waits before a stage. */
#include "pipeline.h"

/* Fan-ins. */

tube_status
tube_hold(tube_pipeline *p, tube_ref ref)
{
    tube_stage *s = tubei_pipeline_enter(p, ref);
    tube_status st = TUBE_OK;

    if (s == NULL)
        return tubei_pipeline_stale(p, NULL);
    if ((s->def->flags & TUBE_JOINS) == 0)
        st = TUBE_EINVAL;
    else if (s->sealed || tubei_pipeline_aborted(p)
             || atomic_load_explicit(&p->draining, memory_order_acquire))
        st = TUBE_END;
    else
        s->held_open = true;
    pthread_mutex_unlock(&p->lock);
    return st;
}

tube_status
tube_seal(tube_pipeline *p, tube_ref ref)
{
    tube_stage *s = tubei_pipeline_enter(p, ref);
    tube_status st = TUBE_OK;

    if (s == NULL)
        return tubei_pipeline_stale(p, NULL);
    if ((s->def->flags & TUBE_JOINS) == 0)
        st = TUBE_EINVAL;
    else if (atomic_load_explicit(&s->ended, memory_order_acquire))
        st = TUBE_END;
    s->held_open = false;
    s->sealed = true; /* those that were promised still come */
    if (p->started)
        tubei_stage_notify(s);
    pthread_mutex_unlock(&p->lock);
    return st;
}

/* Queues. */

tube_status
tube_queue_resize(tube_pipeline *p, tube_ref ref, const tube_queue_limits *l)
{
    tube_stage *s = tubei_pipeline_enter(p, ref);
    tube_status st = TUBE_EINVAL;

    if (s == NULL)
        return tubei_pipeline_stale(p, NULL);
    for (uint32_t i = 0; i < p->n_links; i++) {
        tubei_edge *e = p->links[i].edge;

        if (e == NULL || p->links[i].to != s || l->batches > e->most)
            continue;
        if (l->batches > 0)
            atomic_store_explicit(&e->depth, l->batches, memory_order_relaxed);
        if (l->rows > 0)
            atomic_store_explicit(&e->rows_limit, l->rows, memory_order_relaxed);
        if (l->bytes > 0)
            atomic_store_explicit(&e->bytes_limit, l->bytes, memory_order_relaxed);
        if (l->rows > 0 || l->bytes > 0)
            atomic_store_explicit(&e->limited, true, memory_order_relaxed);
        if (e->from != NULL && p->started) /* there may be room now */
            tubei_stage_notify(e->from);
        st = TUBE_OK;
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

tube_status
tube_queue_reserve(tube_pipeline *p, tube_ref ref, uint64_t rows)
{
    tube_stage *s = tubei_pipeline_enter(p, ref);
    tube_status st = TUBE_EINVAL;

    if (s == NULL)
        return tubei_pipeline_stale(p, NULL);
    for (uint32_t i = 0; i < p->n_links && st != TUBE_OK; i++) {
        tubei_edge *e = p->links[i].edge;

        if (e == NULL || p->links[i].to != s)
            continue;
        if (rows > atomic_load_explicit(&e->rows_limit, memory_order_relaxed)
                       - atomic_load_explicit(&e->reserved, memory_order_relaxed))
            break;
        atomic_fetch_add_explicit(&e->reserved, rows, memory_order_relaxed);
        atomic_store_explicit(&e->limited, true, memory_order_relaxed);
        st = TUBE_OK;
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}
