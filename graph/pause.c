/* SPDX-License-Identifier: MIT */
/* pause.c -- counted, single-use tokens that keep a stage from being run. */
#include "pipeline.h"

#include <stdlib.h>
#include <string.h>

struct tubei_pause {
    uint64_t id;
    uint64_t stage;
    uint64_t owner; /* 0: the program */
    uint64_t since;
    char why[64];
};

tube_status
tube_pause(tube_pipeline *p, tube_ref ref, tube_ref owner, const char *why,
           tube_pause_id *id)
{
    tube_stage *s = tubei_pipeline_enter(p, ref);
    tube_status st = TUBE_OK;
    struct tubei_pause *all;

    if (s == NULL)
        return tubei_pipeline_stale(p, NULL);
    if (owner.id != 0 && tubei_pipeline_find(p, owner) == NULL)
        st = TUBE_EINVAL;
    else if (atomic_load_explicit(&s->ended, memory_order_relaxed)
             || (owner.id != 0
                 && atomic_load_explicit(&tubei_pipeline_find(p, owner)->ended,
                                         memory_order_relaxed)))
        st = TUBE_END;
    if (st == TUBE_OK && (p->n_pauses & (p->n_pauses - 1)) == 0) {
        all =
            realloc(p->pause, (p->n_pauses == 0 ? 1 : p->n_pauses * 2) * sizeof(*all));
        if (all == NULL)
            st = TUBE_ENOMEM;
        else
            p->pause = all;
    }
    if (st == TUBE_OK) {
        struct tubei_pause *t = &p->pause[p->n_pauses++];

        *t = (struct tubei_pause){ .id = ++p->next_pause,
                                   .stage = s->id,
                                   .owner = owner.id,
                                   .since = tube_now() };
        (void)snprintf(t->why, sizeof(t->why), "%s", why != NULL ? why : "");
        id->id = t->id;
        /* [T1] release: a stage that sees it is not run; one that runs goes on */
        atomic_fetch_add_explicit(&s->pauses, 1, memory_order_release);
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

/* Under the lock: token `i` goes, and its stage may run. */
static void
release(tube_pipeline *p, uint32_t i)
{
    tube_stage *s = tubei_pipeline_find(p, (tube_ref){ p->pause[i].stage });

    p->pause[i] = p->pause[--p->n_pauses];
    if (s != NULL
        && atomic_fetch_sub_explicit(&s->pauses, 1, memory_order_acq_rel) == 1)
        tubei_stage_notify(s);
}

tube_status
tube_resume(tube_pipeline *p, tube_pause_id id)
{
    tube_status st = TUBE_EINVAL;

    if (tubei_forked(p))
        return TUBE_EFORK;
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < p->n_pauses; i++)
        if (p->pause[i].id == id.id) {
            release(p, i);
            st = TUBE_OK;
            break;
        }
    pthread_mutex_unlock(&p->lock);
    return st;
}

void
tubei_pauses_end(tube_pipeline *p, tube_stage *s)
{
    for (uint32_t i = p->n_pauses; i-- > 0;)
        if (p->pause[i].owner == s->id || p->pause[i].stage == s->id)
            release(p, i);
}

uint32_t
tube_pauses(const tube_pipeline *cp, tube_pause_info *out, uint32_t n)
{
    tube_pipeline *p = (tube_pipeline *)(uintptr_t)cp;
    uint32_t all;

    if (tubei_forked(p))
        return 0;
    pthread_mutex_lock(&p->lock);
    all = p->n_pauses;
    for (uint32_t i = 0; i < all && i < n; i++) {
        out[i] = (tube_pause_info){ .id = { p->pause[i].id },
                                    .stage = { p->pause[i].stage },
                                    .owner = { p->pause[i].owner },
                                    .since = p->pause[i].since };
        memcpy(out[i].why, p->pause[i].why, sizeof(out[i].why));
    }
    pthread_mutex_unlock(&p->lock);
    return all;
}
