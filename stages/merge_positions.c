/* SPDX-License-Identifier: MIT */
/* merge_positions.c -- see merge_positions.h. */
#include "merge_positions.h"

/* Row behind the last one of extent `i`. */
static uint32_t
extent_end(const tube_batch *b, uint32_t i)
{
    return i + 1 < b->n_extents ? b->extents[i + 1].first_row : b->n;
}

/* Its position can be sent on row by row: rejects go with the rest of the batch, and a
 * position must not pass them. */
static bool
can_part(const merge_input *in)
{
    for (uint32_t i = 0; i < in->batch->n_rejected; i++)
        if (in->batch->rejected[i].row < in->row)
            return false;
    return in->batch->offset != NULL;
}

/* The part of an extent that the copied rows have used up, behind all of them; or, if it
 * cannot be parted, an empty one before them: it says whose position comes later. */
static tube_extent
part_of(const merge_input *in, uint32_t i, const tube_batch *out)
{
    tube_extent e = in->batch->extents[i];

    if (!can_part(in)) {
        e.hi = e.lo;
        e.lines = 0;
    } else if (in->row < extent_end(in->batch, i)) {
        e.hi = in->batch->offset[in->row];
        e.lines = in->row - e.first_row;
    }
    e.first_row = can_part(in) ? out->n : 0;
    return e;
}

static bool
is_used(const merge_input *in, uint32_t i)
{
    const tube_extent *e = &in->batch->extents[i];

    return e->origin != TUBE_NO_ORIGIN && e->hi > e->lo && e->first_row <= in->row
           && !(e->first_row == in->row && in->row < in->batch->n);
}

/* Let the copied rows bring their positions; `in` keeps the rest. */
static bool
send_positions(merge_input *in, tube_batch *out)
{
    for (uint32_t i = 0; i < in->batch->n_extents; i++) {
        tube_extent *e = &in->batch->extents[i];
        tube_extent part;

        if (!is_used(in, i))
            continue;
        part = part_of(in, i, out);
        if (!tube_batch_extent(out, &part))
            return false;
        if (!can_part(in))
            continue;
        e->lo = part.hi;
        e->line += part.lines;
        e->lines -= part.lines;
        if (in->row < extent_end(in->batch, i))
            e->first_row = in->row;
    }
    return true;
}

/* Where there is no room for all, the positions go behind the rows as they are. */
void
tubei_merge_positions(merge_sorted *m)
{
    uint32_t parts = 0;

    for (uint32_t i = 0; i < m->n; i++)
        for (uint32_t k = 0; m->input[i].batch != NULL && m->input[i].touched
                             && k < m->input[i].batch->n_extents;
             k++)
            parts += is_used(&m->input[i], k);
    for (uint32_t i = 0; parts <= TUBE_BATCH_EXTENTS && i < 2 * m->n; i++) {
        merge_input *in = &m->input[i % m->n];

        if (in->batch != NULL && in->touched && can_part(in) == (i >= m->n)
            && !send_positions(in, m->out))
            return;
    }
}
