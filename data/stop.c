/* SPDX-License-Identifier: MIT */
/* stop.c -- see stop.h. */
#include "stop.h"

#include <stdlib.h>
#include <string.h>

/* A cause as it is kept: most have neither an error nor a text of their own. */
struct tubei_cause {
    uint64_t when;
    uint64_t rows;
    uint64_t stage;
    char *message; /* NULL: none */
    tube_stop kind;
    tube_status status;
    char name[32];
};

static bool
grow(void **array, uint32_t *room, uint32_t n, size_t item)
{
    uint32_t more = *room > 0 ? *room * 2 : 4;
    void *all;

    if (n < *room)
        return true;
    all = realloc(*array, more * item);
    if (all == NULL)
        return false;
    *array = all;
    *room = more;
    return true;
}

static bool
reason_insert(tubei_reason *r, uint32_t sequence)
{
    uint32_t at = r->n;

    while (at > 0 && r->cause[at - 1] > sequence)
        at--;
    if (at > 0 && r->cause[at - 1] == sequence)
        return true;
    if (!grow((void **)&r->cause, &r->room, r->n, sizeof(*r->cause)))
        return false;
    memmove(&r->cause[at + 1], &r->cause[at], (r->n - at) * sizeof(*r->cause));
    r->cause[at] = sequence;
    r->n++;
    return true;
}

void
tubei_cause_add(tubei_causes *c, tubei_reason *r, const tube_cause *what,
                const tube_error *e)
{
    const char *message = e != NULL ? e->message : what->message;
    struct tubei_cause *row = NULL;
    void *all;

    tubei_reason_worsen(r, what->kind);
    pthread_mutex_lock(&c->lock);
    all = c->row;
    if (c->n < TUBEI_CAUSES_MAX && grow(&all, &c->room, c->n, sizeof(*row))) {
        c->row = all;
        row = &c->row[c->n++];
        *row = (struct tubei_cause){
            .when = what->when,
            .rows = what->rows,
            .stage = what->stage.id,
            .kind = what->kind,
            .status = e != NULL ? e->status : TUBE_OK,
            .message = message[0] != '\0' ? strdup(message) : NULL,
        };
        (void)snprintf(row->name, sizeof(row->name), "%s", what->name);
        (void)reason_insert(r, c->n);
    }
    pthread_mutex_unlock(&c->lock);
}

void
tubei_cause_fail(tubei_causes *c, const tube_error *e)
{
    pthread_mutex_lock(&c->lock);
    if (!c->set) {
        c->error = *e;
        c->set = true;
    }
    pthread_mutex_unlock(&c->lock);
}

bool
tubei_cause_first(tubei_causes *c, tube_error *e)
{
    bool set;

    pthread_mutex_lock(&c->lock);
    set = c->set;
    if (set && e != NULL)
        *e = c->error;
    pthread_mutex_unlock(&c->lock);
    return set;
}

bool
tubei_cause_read(tubei_causes *c, uint32_t sequence, tube_cause *out)
{
    bool there;

    pthread_mutex_lock(&c->lock);
    there = sequence > 0 && sequence <= c->n;
    if (there) {
        const struct tubei_cause *row = &c->row[sequence - 1];

        *out = (tube_cause){ .sequence = sequence,
                             .kind = row->kind,
                             .stage = { row->stage },
                             .when = row->when,
                             .rows = row->rows,
                             .status = row->status };
        (void)snprintf(out->name, sizeof(out->name), "%s", row->name);
        if (row->message != NULL)
            (void)snprintf(out->message, sizeof(out->message), "%s", row->message);
    }
    pthread_mutex_unlock(&c->lock);
    return there;
}

void
tubei_causes_fini(tubei_causes *c)
{
    for (uint32_t i = 0; i < c->n; i++)
        free(c->row[i].message);
    free(c->row);
    (void)pthread_mutex_destroy(&c->lock);
}

void
tubei_reason_worsen(tubei_reason *r, tube_stop kind)
{
    if (kind > r->kind)
        r->kind = kind;
}

void
tubei_reason_merge(tubei_reason *to, const tubei_reason *from)
{
    tubei_reason_worsen(to, from->kind);
    for (uint32_t i = 0; i < from->n; i++)
        if (!reason_insert(to, from->cause[i]))
            return;
}

void
tubei_reason_fini(tubei_reason *r)
{
    free(r->cause);
    *r = (tubei_reason){ 0 };
}
