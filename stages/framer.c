/* SPDX-License-Identifier: MIT */
/* framer.c -- see framer.h.
 *
 * Rows point into the input buffer if their frame lies in one piece of it.  Each byte of
 * an origin is in one frame, so that the extents of the rows follow each other.
 */
#include "framer.h"

#include <string.h>

enum { SMALL = TUBE_BUFFER_BYTES / 4 };

tube_status
tubei_framer_open(tube_stage *s, tubei_framing framing, tube_error *err)
{
    static const tube_column columns[] = { { "line", TUBE_TEXT, NULL } };
    tubei_framer *f = tube_state(s);

    tubei_decoder_init(&f->decoder, framing, (size_t)f->max, f->garbage);
    return tube_set_schema(s, columns, 1, err);
}

void
tubei_framer_close(tube_stage *s)
{
    tubei_framer *f = tube_state(s);

    tube_untake(s, &f->out);
    tubei_decoder_fini(&f->decoder);
}

bool
tubei_frame_add(tube_stage *s, tube_batch *b, const tubei_decoder *d,
                const tubei_frame *f, bool copy, uint64_t base)
{
    uint32_t r = b->n;
    tube_cell *cell = tube_batch_add(b);
    const char *text = f->text;
    char why[TUBEI_FRAME_WHY];

    if (copy) {
        char *mine = tube_batch_alloc(b, f->len);

        if (mine == NULL)
            return false;
        if (f->len > 0)
            memcpy(mine, text, f->len);
        text = mine;
    }
    tube_set_text(cell, text, f->len);
    b->offset[r] = base + f->offset;
    if (f->verdict != TUBEI_FRAME_OK)
        tube_reject(s, b, r, UINT32_MAX, "%s", tubei_frame_why(d, f, why));
    return true;
}

static tube_status
framer_emit(tube_stage *s, tubei_framer *f)
{
    if (f->out == NULL)
        return TUBE_OK;
    if (f->out->n == 0) {
        tube_untake(s, &f->out);
        return TUBE_OK;
    }
    return tube_emit(s, &f->out);
}

/* See that there is an output batch with room for one more row and extent. */
static tube_status
framer_room(tube_stage *s, tubei_framer *f, tube_batch *hold, tube_error *err)
{
    tube_status st;

    if (f->out != NULL && f->out->n < f->out->cap
        && f->out->n_extents < TUBE_BATCH_EXTENTS)
        return TUBE_OK;
    st = framer_emit(s, f);
    if (st != TUBE_OK)
        return st;
    f->out = tube_take(s);
    if (f->out == NULL)
        return TUBE_AGAIN;
    if (hold != NULL && !tube_batch_hold(f->out, hold))
        return tube_fail(err, TUBE_EINVAL, "the input batch has too many buffers");
    return TUBE_OK;
}

static tube_status
framer_nomem(const tubei_framer *f, tube_error *err)
{
    (void)tube_fail(err, TUBE_ENOMEM, "no memory for a record of up to %lld bytes",
                    (long long)f->max);
    tube_hint(err, "set max to less");
    return TUBE_ENOMEM;
}

/* Garbage that is to fail: what lies before it goes out first. */
static void
framer_refuse(tube_stage *s, tubei_framer *f, const tubei_frame *frame)
{
    uint64_t at = f->base + frame->offset;
    char why[TUBEI_FRAME_WHY];

    (void)tube_fail(&f->failure, TUBE_EPARSE, "%s, at byte %llu of %s",
                    tubei_frame_why(&f->decoder, frame, why), (unsigned long long)at,
                    tube_origin_name(s, f->origin));
    tube_hint(&f->failure, "garbage=resync rejects it and goes on at the next record");
    f->failure.offset = at;
    f->failed = true;
}

/* Add what the decoder found; there is room for it. */
static bool
framer_add(tube_stage *s, tubei_framer *f, const tubei_frame *frame, bool copy)
{
    const tube_extent e = {
        .origin = f->origin,
        .first_row = f->out->n,
        .lo = f->base + frame->offset,
        .hi = f->base + frame->end,
        .line = f->line,
        .lines = 1,
    };

    if (frame->verdict == TUBEI_FRAME_GARBAGE && f->garbage == TUBEI_GARBAGE_FAIL) {
        framer_refuse(s, f, frame);
        return true;
    }
    if (!tubei_frame_add(s, f->out, &f->decoder, frame, copy || !frame->in_chunk,
                         f->base))
        return false;
    f->line++;
    return tube_batch_extent(f->out, &e);
}

/* The origin ends here: what is left in the decoder goes out. */
static tube_status
framer_end(tube_stage *s, tubei_framer *f, tube_batch *hold, tube_error *err)
{
    tubei_frame frame;
    int found;

    do {
        tube_status st = framer_room(s, f, hold, err);

        if (st != TUBE_OK)
            return st;
        found = tubei_decoder_end(&f->decoder, true, &frame);
        if (found < 0 || (found > 0 && !framer_add(s, f, &frame, true)))
            return framer_nomem(f, err);
    } while (found > 0);
    f->started = false;
    return TUBE_OK;
}

/* Read the segment whose turn it is to its end. */
static tube_status
framer_read(tube_stage *s, tubei_framer *f, const tube_segment *seg, tube_batch *hold,
            tube_error *err)
{
    tubei_frame frame;
    int found;

    do {
        tube_status st = framer_room(s, f, hold, err);

        if (st != TUBE_OK)
            return st;
        found = tubei_decoder_next(&f->decoder, seg->bytes.ptr, seg->bytes.len, &f->pos,
                                   &frame);
        if (found < 0 || (found > 0 && !framer_add(s, f, &frame, hold == NULL)))
            return framer_nomem(f, err);
    } while (found > 0 && !f->failed);
    return TUBE_OK;
}

static tube_status
framer_segment(tube_stage *s, tubei_framer *f, const tube_segment *seg,
               tube_batch *hold, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (f->step == FRAMER_BEFORE) {
        if (f->started && seg->origin != f->origin)
            st = framer_end(s, f, hold, err);
        if (st != TUBE_OK)
            return st;
        if (!f->started) {
            f->started = true;
            f->origin = seg->origin;
            f->line = seg->line;
            f->base = seg->offset - f->decoder.at;
        }
        f->step = FRAMER_READ;
    }
    if (f->step == FRAMER_READ) {
        st = framer_read(s, f, seg, hold, err);
        if (st != TUBE_OK || f->failed)
            return st;
        f->step = FRAMER_BEHIND;
    }
    if (seg->last)
        st = framer_end(s, f, hold, err);
    if (st != TUBE_OK)
        return st;
    f->step = FRAMER_BEFORE;
    f->segment++;
    f->pos = 0;
    return TUBE_OK;
}

/* Send what there is; then, if the bytes were no good, it is time to say so. */
static tube_status
framer_done(tube_stage *s, tubei_framer *f, tube_error *err)
{
    tube_status st = framer_emit(s, f);

    if (st != TUBE_OK || !f->failed)
        return st;
    if (err != NULL)
        *err = f->failure;
    return f->failure.status;
}

tube_status
tubei_framer_process(tube_stage *s, tube_batch *in, tube_error *err)
{
    tubei_framer *f = tube_state(s);
    size_t bytes = 0;
    tube_status st;

    /* A few records do not pin a whole buffer. */
    for (uint32_t i = 0; i < in->n_segments; i++)
        bytes += in->segments[i].bytes.len;
    while (f->segment < in->n_segments && !f->failed) {
        st = framer_segment(s, f, &in->segments[f->segment], bytes < SMALL ? NULL : in,
                            err);
        if (st != TUBE_OK)
            return st;
    }
    st = framer_done(s, f, err);
    if (st == TUBE_OK)
        f->segment = 0;
    return st;
}

tube_status
tubei_framer_finish(tube_stage *s, tube_error *err)
{
    tubei_framer *f = tube_state(s);
    tube_status st;

    /* What a drain or a failure cut off is read again by the next run. */
    if (!f->started || !tube_input_complete(s))
        return TUBE_OK;
    st = framer_end(s, f, NULL, err);
    return st == TUBE_OK ? framer_done(s, f, err) : st;
}
