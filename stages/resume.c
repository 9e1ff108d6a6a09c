/* SPDX-License-Identifier: MIT */
/* resume.c -- see resume.h. */
#include "resume.h"

#include <stdlib.h>
#include <string.h>

/* Where a row belongs that may have been stored. */
typedef enum verdict {
    ABOVE,   /* to be stored */
    BELOW,   /* it was stored before this run */
    UNKNOWN, /* nothing says which */
} verdict;

static resume_origin *
find(const tubei_resume *r, uint32_t origin)
{
    return origin < r->room && r->origin[origin].known ? &r->origin[origin] : NULL;
}

static bool
has_bytes(const tube_extent *e)
{
    return e->hi > e->lo;
}

bool
tubei_resume_at(tubei_resume *r, uint32_t origin, uint64_t low)
{
    uint32_t room = r->room > 0 ? r->room : 8;
    resume_origin *o;

    while (room <= origin)
        room *= 2;
    if (room != r->room) {
        resume_origin *more = reallocarray(r->origin, room, sizeof(*more));

        if (more == NULL)
            return false;
        memset(more + r->room, 0, (room - r->room) * sizeof(*more));
        r->origin = more;
        r->room = room;
    }
    o = &r->origin[origin];
    r->n_known += !o->known;
    *o = (resume_origin){ .low = low, .next = low, .known = true };
    return true;
}

void
tubei_resume_begin(tubei_resume *r, const tube_stage *s)
{
    if (r->begun)
        return;
    r->begun = true;
    for (uint32_t i = 0; i < r->room; i++) {
        resume_origin *o = find(r, i);

        if (o == NULL || o->low <= tube_origin_mark(s, i).low)
            continue;
        o->ahead = true;
        r->n_ahead++;
    }
}

uint32_t
tubei_resume_live(const tube_batch *b, uint32_t from, uint32_t to)
{
    uint32_t n = 0;

    for (uint32_t r = from; r < to;) {
        uint32_t bit = r % 64;
        uint32_t take = 64 - bit < to - r ? 64 - bit : to - r;
        uint64_t word = b->live[r / 64] >> bit;

        if (take < 64)
            word &= ((uint64_t)1 << take) - 1;
        n += (uint32_t)__builtin_popcountll(word);
        r += take;
    }
    return n;
}

bool
tubei_resume_has_rows(const tube_batch *b, uint32_t from, uint32_t to)
{
    if (from >= to)
        return false;
    if (tube_next(b, from) < to)
        return true;
    for (uint32_t i = 0; i < b->n_rejected; i++)
        if (b->rejected[i].row >= from && b->rejected[i].row < to)
            return true;
    return false;
}

static void
owe(tubei_resume *r, resume_origin *o, bool owed)
{
    if (o->owed == owed)
        return;
    o->owed = owed;
    r->n_owed += owed ? 1 : UINT32_MAX;
}

static bool
remember(tubei_resume *r, const tube_extent *e)
{
    if (r->n_ahead == 0)
        return true;
    if (r->n_group == r->group_room) {
        uint32_t room = r->group_room > 0 ? r->group_room * 2 : 16;
        tube_extent *more = reallocarray(r->group, room, sizeof(*more));

        if (more == NULL)
            return false;
        r->group = more;
        r->group_room = room;
    }
    r->group[r->n_group++] = *e;
    return true;
}

/* An extent with bytes brings the position of its origin. */
static tube_status
note_position(tubei_resume *r, const tube_stage *s, const tube_extent *e,
              tube_error *err)
{
    resume_origin *o = find(r, e->origin);

    if (o == NULL)
        return TUBE_OK;
    if (!remember(r, e))
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    owe(r, o, false);
    if (e->hi <= o->low)
        return TUBE_OK;
    if (e->lo != o->next && (e->lo > o->low || o->next != o->low))
        return tube_fail(err, TUBE_EINVAL, "%s: bytes %llu to %llu %s",
                         tube_origin_name(s, e->origin),
                         (unsigned long long)(e->lo < o->next ? e->lo : o->next),
                         (unsigned long long)(e->lo < o->next ? o->next : e->lo),
                         e->lo < o->next ? "came twice" : "are missing");
    o->next = e->hi;
    return TUBE_OK;
}

tube_status
tubei_resume_note(tubei_resume *r, const tube_stage *s, const tube_batch *b,
                  bool *border, tube_error *err)
{
    uint32_t first = b->n_extents > 0 ? b->extents[0].first_row : b->n;
    tube_status st = TUBE_OK;

    *border = true;
    if (r->n_known == 0)
        return TUBE_OK;
    if (b->n_extents > 0)
        r->owed_any = false;
    else if (tubei_resume_has_rows(b, 0, first))
        r->owed_any = true;
    for (uint32_t i = 0; i < b->n_extents && st == TUBE_OK; i++) {
        const tube_extent *e = &b->extents[i];
        resume_origin *o = find(r, e->origin);

        if (has_bytes(e))
            st = note_position(r, s, e, err);
        else if (o != NULL
                 && tubei_resume_has_rows(b, e->first_row,
                                          tubei_resume_extent_end(b, i)))
            owe(r, o, true);
    }
    *border = r->n_owed == 0 && !r->owed_any;
    return st;
}

/* Hiding. */

/* What two witnesses say together. */
static verdict
both(verdict a, verdict b)
{
    return a == b ? a : UNKNOWN;
}

/* All positions that came since the last border are asked. */
static verdict
ask_group(const tubei_resume *r, const uint64_t *offset)
{
    verdict ranges = UNKNOWN;
    verdict rows = UNKNOWN;
    bool any_range = false;
    bool any_row = false;

    for (uint32_t i = 0; i < r->n_group; i++) {
        const tube_extent *e = &r->group[i];
        uint64_t low = r->origin[e->origin].low;
        verdict v = e->hi <= low ? BELOW : e->lo >= low ? ABOVE : UNKNOWN;

        ranges = any_range ? both(ranges, v) : v;
        any_range = true;
        if (offset == NULL || *offset < e->lo || *offset >= e->hi)
            continue;
        v = *offset < low ? BELOW : ABOVE;
        rows = any_row ? both(rows, v) : v;
        any_row = true;
    }
    if (!any_range)
        return ABOVE;
    return any_row ? rows : ranges;
}

static verdict
ask_row(const tubei_resume *r, const tube_batch *b, const tube_extent *e, uint32_t row)
{
    const uint64_t *offset = b->offset != NULL ? &b->offset[row] : NULL;
    const resume_origin *o;

    if (e == NULL)
        return ask_group(r, offset);
    o = find(r, e->origin);
    if (o == NULL)
        return ABOVE;
    /* Where branches joined, a row may stand behind an extent that is not its own. */
    if (offset != NULL && has_bytes(e) && (*offset < e->lo || *offset >= e->hi))
        return ask_group(r, offset);
    if (offset != NULL)
        return *offset < o->low ? BELOW : ABOVE;
    if (!has_bytes(e))
        return ask_group(r, NULL);
    return e->hi <= o->low ? BELOW : e->lo >= o->low ? ABOVE : UNKNOWN;
}

static verdict
look_up(const tubei_resume *r, const tube_batch *b, uint32_t row)
{
    const tube_extent *e = NULL;

    for (uint32_t i = 0; i < b->n_extents && b->extents[i].first_row <= row; i++)
        e = &b->extents[i];
    return ask_row(r, b, e, row);
}

static tube_status
fail_of_mixture(const tubei_resume *r, const tube_stage *s, tube_error *err)
{
    const tube_extent *e = NULL;

    for (uint32_t i = 0; i < r->n_group && e == NULL; i++)
        if (r->group[i].lo < r->origin[r->group[i].origin].low
            && r->group[i].hi > r->origin[r->group[i].origin].low)
            e = &r->group[i];
    (void)tube_fail(
        err, TUBE_EINVAL,
        "%s: what was made of a batch is stored in part, and cannot be told "
        "from the rest",
        e != NULL ? tube_origin_name(s, e->origin) : "-");
    tube_hint(err, "run it once with batches of one record: set batch=1");
    return TUBE_EINVAL;
}

static bool
put(tube_batch *b, resume_hidden **hidden, uint32_t row)
{
    if (*hidden == NULL) {
        *hidden = (resume_hidden *)(void *)tube_batch_alloc(b, sizeof(**hidden));
        if (*hidden == NULL)
            return false;
        memset(*hidden, 0, sizeof(**hidden));
    }
    (*hidden)->below[row / 64] |= (uint64_t)1 << (row % 64);
    return true;
}

static tube_status
hide_row(const tubei_resume *r, const tube_stage *s, tube_batch *b, uint32_t row,
         resume_hidden **hidden, tube_error *err)
{
    switch (look_up(r, b, row)) {
    case ABOVE: return TUBE_OK;
    case UNKNOWN: return fail_of_mixture(r, s, err);
    case BELOW:
    default:
        return put(b, hidden, row) ? TUBE_OK
                                   : tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
}

tube_status
tubei_resume_hide(const tubei_resume *r, const tube_stage *s, tube_batch *b,
                  resume_hidden **hidden, tube_error *err)
{
    tube_status st = TUBE_OK;

    *hidden = NULL;
    for (uint32_t row = tube_next(b, 0); st == TUBE_OK && row < b->n;
         row = tube_next(b, row + 1))
        st = hide_row(r, s, b, row, hidden, err);
    for (uint32_t i = 0; st == TUBE_OK && i < b->n_rejected; i++)
        st = hide_row(r, s, b, b->rejected[i].row, hidden, err);
    for (uint32_t w = 0; *hidden != NULL && w < TUBE_BATCH_ROWS / 64; w++) {
        (*hidden)->live[w] = b->live[w] & (*hidden)->below[w];
        (*hidden)->n_live += (uint32_t)__builtin_popcountll((*hidden)->live[w]);
        b->live[w] &= ~(*hidden)->live[w];
    }
    return st;
}

void
tubei_resume_pass(tubei_resume *r)
{
    for (uint32_t i = 0; i < r->n_group; i++) {
        resume_origin *o = &r->origin[r->group[i].origin];

        if (!o->ahead || r->group[i].hi < o->low)
            continue;
        o->ahead = false;
        r->n_ahead--;
    }
    r->n_group = 0;
}

void
tubei_resume_show(tube_batch *b, const resume_hidden *hidden)
{
    for (uint32_t w = 0; hidden != NULL && w < TUBE_BATCH_ROWS / 64; w++)
        b->live[w] |= hidden->live[w];
}

void
tubei_resume_fini(tubei_resume *r)
{
    free(r->origin);
    free(r->group);
    memset(r, 0, sizeof(*r));
}
