/* SPDX-License-Identifier: MIT */
/* route_positions.c -- see route_positions.h. */
#include "route_positions.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t UNKNOWN = UINT64_MAX; /* mark of an origin that was not seen */

static bool
is_real(const tube_extent *e)
{
    return e->origin != TUBE_NO_ORIGIN && e->hi > e->lo;
}

/* Take an extent out of its batch. */
static void
remove_extent(tube_batch *b, uint32_t i)
{
    b->n_extents--;
    memmove(&b->extents[i], &b->extents[i + 1],
            (b->n_extents - i) * sizeof(*b->extents));
}

bool
tubei_position_real(const tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents; i++)
        if (is_real(&b->extents[i]))
            return true;
    return false;
}

void
tubei_position_drop(tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents;)
        if (b->extents[i].origin != TUBE_NO_ORIGIN)
            remove_extent(b, i);
        else
            i++;
}

/* Marks. */

static bool
marks_grow(tubei_positions *p, uint32_t origin)
{
    uint32_t room = p->origins > 0 ? p->origins : 8;
    uint64_t *more;

    if (origin < p->origins)
        return true;
    while (room <= origin)
        room *= 2;
    more = reallocarray(p->mark, room, sizeof(*more));
    if (more == NULL)
        return false;
    for (uint32_t i = p->origins; i < room; i++)
        more[i] = UNKNOWN;
    p->mark = more;
    p->origins = room;
    return true;
}

bool
tubei_positions_begun(const tubei_positions *p, uint32_t origin)
{
    return origin < p->origins && p->mark[origin] != UNKNOWN;
}

bool
tubei_positions_begin(tubei_positions *p, uint32_t origin, uint64_t low)
{
    if (!marks_grow(p, origin))
        return false;
    if (p->mark[origin] == UNKNOWN)
        p->mark[origin] = low;
    return true;
}

/* Cut off what has passed before; all of it may have.  False: out of memory. */
static bool
clamp(tubei_positions *p, tube_extent *e)
{
    if (!tubei_positions_begin(p, e->origin, 0))
        return false;
    if (e->lo < p->mark[e->origin])
        e->lo = p->mark[e->origin];
    return true;
}

/* What is owed. */

static void
owed_remove(tubei_positions *p, uint32_t i)
{
    p->n--;
    memmove(&p->owed[i], &p->owed[i + 1], (p->n - i) * sizeof(*p->owed));
}

static bool
owed_add(tubei_positions *p, const tube_extent *e)
{
    uint64_t line = e->line + e->lines;

    for (uint32_t i = 0; i < p->n; i++) {
        position_range *o = &p->owed[i];

        if (o->origin != e->origin || e->lo < o->lo || e->lo > o->hi)
            continue;
        if (e->hi > o->hi) {
            o->hi = e->hi;
            o->line = line;
        }
        return true;
    }
    if (p->n == p->room) {
        uint32_t room = p->room > 0 ? p->room * 2 : 8;
        position_range *more = reallocarray(p->owed, room, sizeof(*more));

        if (more == NULL)
            return false;
        p->owed = more;
        p->room = room;
    }
    p->owed[p->n++] =
        (position_range){ .origin = e->origin, .lo = e->lo, .hi = e->hi, .line = line };
    return true;
}

bool
tubei_positions_owe(tubei_positions *p, tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents; i++) {
        tube_extent *e = &b->extents[i];

        if (is_real(e) && (!clamp(p, e) || (is_real(e) && !owed_add(p, e))))
            return false;
    }
    tubei_position_drop(b);
    return true;
}

bool
tubei_positions_known(const tubei_positions *p, const tube_batch *b)
{
    for (uint32_t i = 0; i < b->n_extents; i++) {
        const tube_extent *e = &b->extents[i];

        for (uint32_t k = 0; k < p->n && is_real(e); k++)
            if (p->owed[k].origin == e->origin && e->lo < p->owed[k].hi
                && p->owed[k].lo < e->hi)
                return true;
    }
    return false;
}

/* An extent takes over what is owed and touches it: the same position, or one that a
 * branch has cut short. */
static void
pay_extent(tubei_positions *p, tube_extent *e)
{
    for (uint32_t i = 0; i < p->n;) {
        const position_range *o = &p->owed[i];

        if (o->origin != e->origin || o->hi < e->lo || o->lo > e->hi) {
            i++;
            continue;
        }
        if (o->lo < e->lo)
            e->lo = o->lo;
        if (o->hi > e->hi) {
            e->hi = o->hi;
            e->lines = o->line > e->line ? o->line - e->line : 0;
        }
        owed_remove(p, i);
        i = 0;
    }
    p->mark[e->origin] = e->hi;
}

/* Put an owed range before the batch's own; false: no room. */
static bool
insert(tubei_positions *p, tube_batch *b, const position_range *o)
{
    if (b->n_extents == TUBE_BATCH_EXTENTS)
        return false;
    memmove(&b->extents[1], &b->extents[0], b->n_extents * sizeof(*b->extents));
    b->n_extents++;
    b->extents[0] =
        (tube_extent){ .origin = o->origin, .lo = o->lo, .hi = o->hi, .line = o->line };
    if (p->mark[o->origin] == UNKNOWN || p->mark[o->origin] < o->hi)
        p->mark[o->origin] = o->hi;
    return true;
}

/* The next extent of a batch with bytes that have not passed, from `i` on; what has is
 * taken out.  False: out of memory. */
static bool
next_real(tubei_positions *p, tube_batch *b, uint32_t *i)
{
    for (; *i < b->n_extents; (*i)++) {
        tube_extent *e = &b->extents[*i];

        if (e->origin == TUBE_NO_ORIGIN || e->hi == e->lo)
            continue;
        if (!clamp(p, e))
            return false;
        if (is_real(e))
            return true;
        remove_extent(b, (*i)--);
    }
    return true;
}

bool
tubei_positions_pay(tubei_positions *p, tube_batch *b)
{
    for (uint32_t i = 0;; i++) {
        if (!next_real(p, b, &i))
            return false;
        if (i >= b->n_extents)
            break;
        pay_extent(p, &b->extents[i]);
    }
    /* Each goes before those that are there: the last first. */
    while (p->n > 0 && insert(p, b, &p->owed[p->n - 1]))
        p->n--;
    return true;
}

bool
tubei_positions_sort(tubei_positions *p, tube_batch *b)
{
    for (uint32_t i = 0;; i++) {
        tube_extent *e;

        if (!next_real(p, b, &i))
            return false;
        if (i >= b->n_extents)
            return true;
        e = &b->extents[i];
        if (e->lo <= p->mark[e->origin]) {
            pay_extent(p, e);
            continue;
        }
        if (!owed_add(p, e))
            return false;
        remove_extent(b, i--);
    }
}

static int
range_order(const void *a, const void *b)
{
    const position_range *x = a;
    const position_range *y = b;

    if (x->origin != y->origin)
        return x->origin < y->origin ? -1 : 1;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

void
tubei_positions_rest(tubei_positions *p, tube_batch *b)
{
    uint32_t n = p->n < TUBE_BATCH_EXTENTS ? p->n : TUBE_BATCH_EXTENTS;

    if (n == 0)
        return;
    qsort(p->owed, p->n, sizeof(*p->owed), range_order);
    for (uint32_t i = n; i-- > 0;)
        (void)insert(p, b, &p->owed[i]);
    p->n -= n;
    memmove(p->owed, p->owed + n, p->n * sizeof(*p->owed));
}

void
tubei_positions_fini(tubei_positions *p)
{
    free(p->owed);
    free(p->mark);
    memset(p, 0, sizeof(*p));
}
