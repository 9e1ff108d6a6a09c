/* SPDX-License-Identifier: MIT */
/* survive.c -- what becomes of a stage when one of its callbacks fails.
 *
 * fail=stop     the stage ends with the failure as its reason
 * fail=skip     the records it failed at are rejected with the failure's text
 * fail=retry    it is called again with the same batch, later and later
 * fail=restart  it is closed and opened, and called again
 *
 * Behind the last attempt every policy is stop: a stage is usable or provably dead.
 */
#include "../graph/pipeline.h"
#include "sched.h"
#include "stage.h"

#include <string.h>

enum { FIRST_NS = 10 * 1000 * 1000, DOUBLINGS = 9 /* 5 s at most */ };

/* Twice as long each time, a quarter more or less, so that many do not come together. */
static uint64_t
backoff(const tube_stage *s)
{
    uint32_t n = s->attempts - 1 < DOUBLINGS ? s->attempts - 1 : DOUBLINGS;
    uint64_t ns = (uint64_t)FIRST_NS << n;
    uint64_t mix = (s->id * 31 + s->attempts) * 0x9E3779B97F4A7C15u;

    return ns - ns / 4 + (mix >> 32) % (ns / 2);
}

/* There is one deadline a stage: the nearer of its own and the retry's. */
void
tubei_stage_arm(tube_stage *s)
{
    uint64_t when = s->wants_at;

    if (s->retry_at != 0 && (when == 0 || s->retry_at < when))
        when = s->retry_at;
    tubei_sched_wait_until(s->pipeline->sched, s, when);
}

/* As new: options again, then open(). */
static bool
restart(tube_stage *s, tube_error *err)
{
    tubei_report report = { 0 };
    tube_status st;

    if (s->def->close != NULL)
        s->def->close(s);
    s->opened = false;
    memset(s->state, 0, s->def->state_size);
    pthread_mutex_lock(&s->pipeline->lock);
    st = tubei_option_apply(s->def, s->call, s->state, &s->pipeline->strings, &report);
    pthread_mutex_unlock(&s->pipeline->lock);
    if (st < 0)
        return false;
    if (s->def->open != NULL && s->def->open(s, err) < 0)
        return false;
    s->opened = true;
    return true;
}

tubei_verdict
tubei_survive(tube_stage *s, tube_status st, tube_error *err)
{
    tubei_fail policy =
        s->common != NULL ? (tubei_fail)s->common->fail : TUBEI_FAIL_STOP;
    bool can_skip = s->current != NULL
                        ? s->current->pub.schema != NULL
                        : s->def->kind != TUBE_SOURCE || s->phase != TUBEI_PHASE_RUN;

    tubei_count(&s->count.errors, 1);
    if (err->status >= 0) /* the callback returned a failure and said nothing */
        (void)tube_fail(err, st, "failed with status %d", (int)st);
    if (policy == TUBEI_FAIL_SKIP && can_skip && s->discarding == TUBE_STOP_NONE)
        return TUBEI_SKIP;
    if ((policy == TUBEI_FAIL_RETRY || policy == TUBEI_FAIL_RESTART)
        && s->discarding == TUBE_STOP_NONE
        && (policy == TUBEI_FAIL_RETRY || s->kept == NULL)
        && (int64_t)s->attempts < s->common->retries) {
        s->attempts++;
        tubei_count(policy == TUBEI_FAIL_RETRY ? &s->count.retries : &s->count.restarts,
                    1);
        s->retry_at = tube_now() + backoff(s);
        tubei_stage_arm(s);
        if (policy == TUBEI_FAIL_RETRY)
            return TUBEI_LATER;
        if (restart(s, err))
            /* what was made of the batch is gone on: making it again would be twice */
            return s->emitted ? TUBEI_SKIP : TUBEI_LATER;
    }
    tubei_stage_fail(s, err);
    return TUBEI_DEAD;
}

void
tubei_survive_skip(tube_stage *s, const tube_error *err)
{
    tube_batch *b = &s->current->pub;

    TUBE_EACH(b, r)
        tube_reject(s, b, r, UINT32_MAX, "%s", err->message);
}
