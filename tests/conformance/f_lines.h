/* SPDX-License-Identifier: MIT */
/* f_lines.h -- bytes in pieces of any size, and what became of their lines.
 *
 *   bytes step=N [last=no] [fail=yes]   lines_text in segments of N bytes; last=no: nobody
 *                          says that the origin ends; fail: it fails instead of ending
 *   words                  a sink of lines: [each] into lines_got, odd bytes as \xHH
 */
#ifndef TUBES_TESTS_F_LINES_H
#define TUBES_TESTS_F_LINES_H

#include "f_reasons.h"

enum { LINES_GOT = 1 << 16 };

static const char *lines_text;
static size_t lines_len;
static char lines_got[LINES_GOT];
static size_t lines_got_len;
static int lines_finished;
static char lines_rejects[LINES_GOT];
static size_t lines_rejects_len;

struct bytes {
    int64_t step;
    bool last, fail;
    size_t at;
};

static const tube_option bytes_options[] = {
    { "step", TUBE_OPT_INT, offsetof(struct bytes, step), "1", "", "bytes", 0 },
    { "last", TUBE_OPT_BOOL, offsetof(struct bytes, last), "yes", "", "", 0 },
    { "fail", TUBE_OPT_BOOL, offsetof(struct bytes, fail), "no", "", "", 0 },
    { 0 },
};

static tube_status
bytes_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct bytes *c = tube_state(s);
    size_t n = (size_t)c->step;
    tube_segment seg = { .origin = TUBE_NO_ORIGIN, .offset = c->at };
    tube_batch *b;
    char *room;

    (void)unused;
    if (c->at == lines_len)
        return c->fail ? tube_fail(err, TUBE_EIO, "it is cut off here") : TUBE_END;
    b = tube_take(s);
    room = b != NULL ? tube_batch_buffer(b) : NULL;
    if (room == NULL) {
        tube_untake(s, &b);
        return TUBE_AGAIN;
    }
    n = n < lines_len - c->at ? n : lines_len - c->at;
    n = n < TUBE_BUFFER_BYTES ? n : TUBE_BUFFER_BYTES;
    memcpy(room, lines_text + c->at, n);
    c->at += n;
    seg.bytes = (tube_slice){ room, n };
    seg.last = c->last && c->at == lines_len;
    if (!tube_batch_segment(b, &seg))
        abort();
    return tube_emit(s, &b);
}

static void
lines_put(const char *text, size_t len)
{
    cr_assert_lt(lines_got_len + 4 * len + 3, LINES_GOT);
    lines_got[lines_got_len++] = '[';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c >= ' ' && c < 0x7f)
            lines_got[lines_got_len++] = (char)c;
        else
            lines_got_len +=
                (size_t)snprintf(lines_got + lines_got_len, 5, "\\x%02x", c);
    }
    lines_got[lines_got_len++] = ']';
    lines_got[lines_got_len] = '\0';
}

static tube_status
words_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    TUBE_EACH(b, r)
        lines_put(tube_row(b, r)->text, tube_row(b, r)->len);
    return TUBE_OK;
}

static tube_status
words_finish(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    lines_finished++;
    return TUBE_OK;
}

static void
lines_reject(void *arg, const tube_reject_info *r)
{
    (void)arg;
    lines_rejects_len += (size_t)snprintf(
        lines_rejects + lines_rejects_len, LINES_GOT - lines_rejects_len,
        "%ju@%ju: %s;", (uintmax_t)r->line, (uintmax_t)r->offset, r->reason);
}

static const tube_stage_def lines_defs[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SOURCE,
      .name = "bytes",
      .options = bytes_options,
      .out = TUBE_FLOW_BYTES,
      .state_size = sizeof(struct bytes),
      .process = bytes_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "words",
      .in = TUBE_FLOW_LINES,
      .process = words_process,
      .finish = words_finish },
};

/* Run `pipe` over `len` bytes of `text`; what came is in lines_got and lines_rejects. */
static inline tube_counts
lines_run(const tube_pipeline_opts *o, const char *text, size_t len, const char *pipe,
          tube_status want)
{
    tube_pipeline_opts opts = *o;
    tube_counts c;
    tube_pipeline *p;

    conform_reset();
    lines_text = text;
    lines_len = len;
    lines_got_len = lines_rejects_len = 0;
    lines_got[0] = lines_rejects[0] = '\0';
    lines_finished = 0;
    opts.on_reject = lines_reject;
    p = conform_new_with(&opts, lines_defs, 2, pipe);
    conform_go(p);
    (void)conform_finish(p, want);
    c = conform_counts(p);
    tube_pipeline_free(p);
    return c;
}

#endif /* TUBES_TESTS_F_LINES_H */
