/* SPDX-License-Identifier: MIT */
/* asks.c -- see asks.h. */
#include "asks.h"

#include "../engine/check.h"

#include <stdlib.h>
#include <string.h>

/* Reasons that were told, each once. */
struct tubei_told {
    uint32_t n;
    uint32_t head[TUBEI_REASONS]; /* by hash: number of the newest; 0: none */
    uint32_t next[TUBEI_REASONS]; /* behind number i + 1 */
    tube_error err[TUBEI_REASONS];
};

enum { MANY = 1 }; /* bit of an entry: it is a list */

struct tubei_asks {
    tubei_asking *of;
    uint32_t room;
    bool carried;    /* some row said what it became */
    bool in_text;    /* there are lists */
    uintptr_t row[]; /* 0, a tube_future *, or a list with MANY */
};

/* Lists are never changed: copies of a batch share them, as they do its text. */
struct list {
    tube_future *first;
    uintptr_t rest;
};

/* Reasons. */

void
tubei_asking_init(tubei_asking *a, tubei_causes *causes)
{
    a->causes = causes;
    (void)pthread_mutex_init(&a->lock, NULL);
}

void
tubei_asking_fini(tubei_asking *a)
{
    free(a->told);
    (void)pthread_mutex_destroy(&a->lock);
}

bool
tubei_asking_reason(tubei_asking *a, uint32_t id, tube_error *err)
{
    bool found;

    pthread_mutex_lock(&a->lock);
    found = id > 0 && a->told != NULL && id <= a->told->n;
    if (found)
        *err = a->told->err[id - 1];
    pthread_mutex_unlock(&a->lock);
    return found;
}

static uint32_t
hash_of(const tube_error *e)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (const char *c = e->message; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    for (const char *c = e->sqlstate; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    return h % TUBEI_REASONS;
}

static bool
is_same(const tube_error *a, const tube_error *b)
{
    return strcmp(a->message, b->message) == 0 && strcmp(a->sqlstate, b->sqlstate) == 0
           && strcmp(a->stage, b->stage) == 0;
}

/* Number of a reason, a new one if it is new; 0: there are too many. */
static uint32_t
reason_number(tubei_asking *a, const tube_error *e)
{
    uint32_t h = hash_of(e), id = 0;
    struct tubei_told *t;

    pthread_mutex_lock(&a->lock);
    if (a->told == NULL) /* its pages come as they are written */
        a->told = calloc(1, sizeof(*a->told));
    t = a->told;
    if (t != NULL) {
        id = t->head[h];
        while (id != 0 && !is_same(&t->err[id - 1], e))
            id = t->next[id - 1];
        if (id == 0 && t->n < TUBEI_REASONS) {
            id = ++t->n;
            t->err[id - 1] = *e;
            t->next[id - 1] = t->head[h];
            t->head[h] = id;
        }
    }
    pthread_mutex_unlock(&a->lock);
    return id;
}

/* Why does something break?  The first failure of the pipeline, if there was one. */
static uint32_t
reason_broken(tubei_asking *a, tube_outcome outcome)
{
    tube_error err = { 0 };

    if (outcome != TUBE_BROKEN && outcome != TUBE_UNKNOWN)
        return 0;
    if (!tubei_cause_first(a->causes, &err))
        (void)tube_fail(&err, TUBE_ECANCELED,
                        atomic_load_explicit(&a->causes->abort, memory_order_relaxed)
                            ? "aborted"
                            : "stopped before it was stored");
    return reason_number(a, &err);
}

static uint32_t
reason_rejected(tubei_asking *a, const tube_rejected *r)
{
    tube_error err = { 0 };

    (void)tube_fail(&err, TUBE_EPARSE, "%s", r->reason);
    (void)snprintf(err.stage, sizeof(err.stage), "%s", r->stage);
    memcpy(err.sqlstate, r->sqlstate, sizeof(err.sqlstate));
    return reason_number(a, &err);
}

/* Columns. */

static tubei_asks *
column(tubei_batch *b, tubei_asking *a)
{
    uint32_t room = b->pub.cap > b->pub.n ? b->pub.cap : b->pub.n;
    size_t bytes = sizeof(tubei_asks) + room * sizeof(uintptr_t);

    if (b->asks != NULL)
        return b->asks;
    b->asks = tubei_memory_get(b->memory, bytes, NULL);
    if (b->asks == NULL)
        return NULL;
    memset(b->asks, 0, bytes);
    b->asks->of = a;
    b->asks->room = room;
    return b->asks;
}

static void
column_free(tubei_batch *b)
{
    tubei_asks *q = b->asks;

    b->asks = NULL;
    tubei_memory_put(b->memory, q);
}

/* The first future of an entry; the entry becomes what is left. */
static tube_future *
first(uintptr_t *entry)
{
    const struct list *l = (const struct list *)(void *)(*entry & ~(uintptr_t)MANY);
    tube_future *f = (tube_future *)(void *)*entry;

    if ((*entry & MANY) != 0) {
        f = l->first;
        *entry = l->rest;
    } else {
        *entry = 0;
    }
    return f;
}

static void
share(uintptr_t entry)
{
    while (entry != 0)
        tubei_future_share(first(&entry));
}

/* One part of each future of an entry has ended; how many are complete now. */
static uint64_t
part(uintptr_t entry, tube_outcome outcome, uint32_t reason)
{
    uint64_t done = 0;

    while (entry != 0)
        done += tubei_future_part(first(&entry), outcome, reason);
    return done;
}

static void
completed(tubei_asking *a, uint64_t done)
{
    if (done > 0)
        atomic_fetch_sub_explicit(&a->open, done, memory_order_relaxed);
}

tube_status
tubei_asks_put(tubei_batch *b, tubei_asking *a, uint32_t row, tube_future *f)
{
    tubei_asks *q = column(b, a);

    if (q == NULL)
        return TUBE_ENOMEM;
    tubei_check(row < q->room && q->row[row] == 0);
    if (!tubei_future_begin(f))
        return TUBE_EINVAL;
    atomic_fetch_add_explicit(&a->open, 1, memory_order_relaxed);
    q->row[row] = (uintptr_t)f;
    return TUBE_OK;
}

bool
tubei_asks_copy(const tubei_batch *b, tubei_batch *copy)
{
    tubei_asks *q;

    if (b->asks == NULL)
        return true;
    q = column(copy, b->asks->of);
    if (q == NULL)
        return false;
    q->in_text = b->asks->in_text;
    for (uint32_t r = 0; r < b->pub.n && r < b->asks->room; r++) {
        if ((b->pub.live[r / 64] >> (r % 64) & 1) == 0)
            continue; /* rejected: told by the other batch */
        q->row[r] = b->asks->row[r];
        share(q->row[r]);
    }
    return true;
}

void
tubei_asks_end(tubei_batch *b, uint32_t row, tube_outcome outcome)
{
    tubei_asks *q = b->asks;
    uintptr_t entry;

    if (q == NULL || row >= q->room || q->row[row] == 0)
        return;
    entry = q->row[row];
    q->row[row] = 0;
    completed(q->of, part(entry, outcome, reason_broken(q->of, outcome)));
}

/* Rejected rows that have an entry. */
static void
end_rejected(tubei_batch *b, tube_outcome outcome)
{
    tubei_asks *q = b->asks;
    uint64_t done = 0;

    for (uint32_t i = 0; i < b->pub.n_rejected; i++) {
        const tube_rejected *r = &b->pub.rejected[i];
        uintptr_t entry = r->row < q->room ? q->row[r->row] : 0;

        if (entry == 0)
            continue;
        q->row[r->row] = 0;
        done += part(entry, outcome,
                     outcome == TUBE_REJECTED ? reason_rejected(q->of, r)
                                              : reason_broken(q->of, outcome));
    }
    completed(q->of, done);
}

/* Live rows, and no others, if `live`; else all that are left. */
static void
end_rows(tubei_batch *b, tube_outcome outcome, bool live)
{
    tubei_asks *q = b->asks;
    uint32_t reason = reason_broken(q->of, outcome);
    uint64_t done = 0;

    for (uint32_t r = 0; r < b->pub.n && r < q->room; r++) {
        uintptr_t entry = q->row[r];

        if (entry == 0 || (live && (b->pub.live[r / 64] >> (r % 64) & 1) == 0))
            continue;
        q->row[r] = 0;
        done += part(entry, outcome, reason);
    }
    completed(q->of, done);
}

void
tubei_asks_gone(tubei_batch *b)
{
    tubei_asks *q = b->asks;
    uint64_t here[TUBE_BATCH_ROWS / 64];

    if (q == NULL)
        return;
    memcpy(here, b->pub.live, sizeof(here));
    for (uint32_t i = 0; i < b->pub.n_rejected; i++)
        here[b->pub.rejected[i].row / 64] |= (uint64_t)1
                                             << (b->pub.rejected[i].row % 64);
    for (uint32_t r = 0; r < b->pub.n && r < q->room; r++)
        if ((here[r / 64] >> (r % 64) & 1) == 0)
            tubei_asks_end(b, r, (tube_outcome)0);
}

void
tubei_asks_settle(tubei_batch *b, tube_outcome live, tube_outcome rejected)
{
    if (b->asks == NULL)
        return;
    end_rejected(b, rejected);
    end_rows(b, live, true);
    end_rows(b, TUBE_FILTERED, false);
    column_free(b);
}

/* Lineage. */

static bool
chain(tubei_batch *b, uintptr_t *entry, tube_future *f)
{
    struct list *l;

    if (*entry == 0) {
        *entry = (uintptr_t)f;
        return true;
    }
    l = (struct list *)(void *)tube_batch_alloc(&b->pub, sizeof(*l));
    if (l == NULL)
        return false;
    *l = (struct list){ f, *entry };
    *entry = (uintptr_t)l | MANY;
    b->asks->in_text = true;
    return true;
}

bool
tube_carry(tube_batch *to, uint32_t to_row, tube_batch *from, uint32_t row)
{
    tubei_batch *b = tubei_batch_of(to);
    tubei_asks *source = tubei_batch_of(from)->asks;
    uintptr_t entry;
    tubei_asks *q;

    if (source == NULL)
        return true;
    source->carried = true;
    entry = row < source->room ? source->row[row] : 0;
    if (entry == 0)
        return true;
    q = column(b, source->of);
    if (q == NULL || to_row >= q->room)
        return false;
    while (entry != 0) {
        tube_future *f = first(&entry);

        if (!chain(b, &q->row[to_row], f))
            return false;
        tubei_future_share(f);
    }
    return true;
}

bool
tubei_asks_in_text(const tubei_batch *b)
{
    return b->asks != NULL && b->asks->in_text;
}

bool
tube_is_asked(const tube_batch *b)
{
    return ((const tubei_batch *)(const void *)b)->asks != NULL;
}

/* Futures that wait for a whole group. */
struct tubei_group_asks {
    struct tubei_group_asks *next;
    tubei_asking *of;
    uint32_t n;
    tube_future *future[];
};

void
tubei_group_asks_end(struct tubei_group_asks *g, tube_outcome outcome)
{
    while (g != NULL) {
        struct tubei_group_asks *next = g->next;

        uint32_t reason = reason_broken(g->of, outcome);
        uint64_t done = 0;

        for (uint32_t i = 0; i < g->n; i++)
            done += part((uintptr_t)g->future[i], outcome, reason);
        completed(g->of, done);
        free(g);
        g = next;
    }
}

bool
tubei_asks_consumed(tubei_batch *b)
{
    tubei_asks *q = b->asks;
    struct tubei_group_asks *g;
    uint32_t n = 0;

    if (q == NULL)
        return true;
    if (q->carried) {
        end_rows(b, (tube_outcome)0, true);
        return true;
    }
    TUBE_EACH(&b->pub, r)
        for (uintptr_t entry = r < q->room ? q->row[r] : 0; entry != 0; n++)
            (void)first(&entry);
    g = malloc(sizeof(*g) + n * sizeof(tube_future *));
    if (g == NULL)
        return false;
    *g = (struct tubei_group_asks){ .of = q->of };
    TUBE_EACH(&b->pub, r) {
        if (r >= q->room)
            break;
        while (q->row[r] != 0)
            g->future[g->n++] = first(&q->row[r]);
    }
    tubei_ack_asks(b->ack, g, &g->next);
    return true;
}
