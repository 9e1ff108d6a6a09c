/* SPDX-License-Identifier: MIT */
/* stop.c -- see stop.h. */
#include "stop.h"

tubei_reason
tubei_reason_merge(tubei_reason a, tubei_reason b)
{
    if (a.kind != b.kind)
        return a.kind > b.kind ? a : b;
    return a.origin <= b.origin ? a : b;
}

void
tubei_cause_set(tubei_cause *c, const tube_error *e)
{
    pthread_mutex_lock(&c->lock);
    if (!c->set) {
        c->error = *e;
        c->set = true;
    }
    pthread_mutex_unlock(&c->lock);
}

bool
tubei_cause_get(tubei_cause *c, tube_error *e)
{
    bool set;

    pthread_mutex_lock(&c->lock);
    set = c->set;
    if (set && e != NULL)
        *e = c->error;
    pthread_mutex_unlock(&c->lock);
    return set;
}
