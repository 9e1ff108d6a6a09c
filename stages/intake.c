/* SPDX-License-Identifier: MIT */
/* intake.c -- see intake.h. */
#include "intake.h"

#include "framer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { TEXT_MOST = 256 * 1024 };

tube_status
tubei_intake_open(tube_stage *s, tubei_intake *in, tube_error *err)
{
    static const tube_column columns[] = { { "line", TUBE_TEXT, NULL } };
    tube_status st = tube_set_schema(s, columns, 1, err);

    if (st != TUBE_OK)
        return st;
    in->buffer = malloc(TUBE_BUFFER_BYTES);
    return in->buffer != NULL ? TUBE_OK : tubei_intake_nomem(in, err);
}

void
tubei_intake_close(tube_stage *s, tubei_intake *in)
{
    tube_untake(s, &in->out);
    free(in->buffer);
    in->buffer = NULL;
}

tube_status
tubei_intake_nomem(const tubei_intake *in, tube_error *err)
{
    (void)tube_fail(err, TUBE_ENOMEM, "no memory for a record of up to %lld bytes",
                    (long long)in->max);
    tube_hint(err, "set max to less");
    return TUBE_ENOMEM;
}

bool
tubei_intake_room(tube_stage *s, tubei_intake *in)
{
    if (in->out != NULL)
        return true;
    in->out = tube_take(s);
    in->text = 0;
    return in->out != NULL;
}

bool
tubei_intake_full(const tubei_intake *in)
{
    return in->out->n == in->out->cap || in->text >= TEXT_MOST;
}

tube_status
tubei_intake_emit(tube_stage *s, tubei_intake *in)
{
    if (in->out != NULL && in->out->n > 0)
        return tube_emit(s, &in->out);
    tube_untake(s, &in->out);
    return TUBE_OK;
}

ssize_t
tubei_intake_receive(tubei_intake *in, int fd)
{
    ssize_t n;

    do
        n = recv(fd, in->buffer, TUBE_BUFFER_BYTES, 0);
    while (n < 0 && errno == EINTR);
    in->pos = 0;
    in->len = n > 0 ? (size_t)n : 0;
    return n;
}

static bool
intake_add(tube_stage *s, tubei_intake *in, const tubei_decoder *d,
           const tubei_frame *f)
{
    uint32_t row = in->out->n;
    const tube_extent e = {
        .origin = TUBE_NO_ORIGIN,
        .first_row = row,
        .lo = in->bytes,
        .hi = in->bytes + (f->end - f->offset),
        .line = in->records++,
        .lines = 1,
    };

    if (!tubei_frame_add(s, in->out, d, f, true, in->bytes - f->offset))
        return false;
    if (d->framing == TUBEI_FRAME_LINES && f->length == 0)
        tube_filter(s, in->out, row);
    in->text += f->len;
    in->bytes = e.hi;
    return tube_batch_extent(in->out, &e);
}

int
tubei_intake_decode(tube_stage *s, tubei_intake *in, tubei_decoder *d)
{
    while (!tubei_intake_full(in)) {
        tubei_frame f;
        int found = tubei_decoder_next(d, in->buffer, in->len, &in->pos, &f);

        if (found <= 0)
            return found;
        if (!intake_add(s, in, d, &f))
            return -1;
    }
    return 1;
}

int
tubei_intake_end(tube_stage *s, tubei_intake *in, tubei_decoder *d, bool whole)
{
    while (!tubei_intake_full(in)) {
        tubei_frame f;
        int found = tubei_decoder_end(d, whole, &f);

        if (found <= 0)
            return found;
        if (!intake_add(s, in, d, &f))
            return -1;
    }
    return 1;
}
