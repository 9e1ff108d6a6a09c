/* SPDX-License-Identifier: MIT */
/* send.c -- records to a server that is connected to.
 *
 * in      any records: of one text field the text, else a JSON object (RFC 8259), in a frame
 * out     nothing
 *
 * A batch is committed when the kernel has taken all of its bytes: handed over, which is
 * not confirmed.  A peer that does not read makes the stage wait, and so all before it.
 * What the peer sends is read and forgotten, so that both do not wait for each other.
 */
#include "frame.h"
#include "socket.h"
#include "writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FULL = 64 * 1024, /* bytes that are put together before they are sent */
    TEXT_FIRST = 4096,
    TEXT_MOST = 64 * 1024 * 1024,
};

struct send {
    const char *address; /* option */
    int64_t frame;       /* option; a tubei_framing */
    int64_t timeout;     /* option */
    int64_t reconnect;   /* option */
    int64_t linger;      /* option */

    tubei_address to;
    tubei_dialer dialer;
    const tube_schema *schema;
    bool plain;      /* one field of text */
    bool peer_ended; /* nothing comes from there any more */
    bool told;       /* that it cannot be reached, since it last could */
    uint64_t again;  /* connect again then; 0: now */
    uint64_t gone;   /* finish(): wait for the peer until then; 0: not begun */

    tubei_writer text; /* of one record */
    char *buf;
    size_t len, sent, room;
    uint32_t row;                /* of the batch, the next to be framed */
    uint32_t frames;             /* in the buffer */
    size_t end[TUBE_BATCH_ROWS]; /* of each of them */
};

#define AT(member) offsetof(struct send, member)
static const tube_option options[] = {
    { "address", TUBE_OPT_TEXT, AT(address), NULL, NULL, TUBEI_ADDRESS_HELP,
      TUBE_OPT_POSITIONAL },
    { "frame", TUBE_OPT_ENUM, AT(frame), "lines", TUBEI_FRAME_NAMES,
      "how records stand in the stream", 0 },
    { "timeout", TUBE_OPT_TIME, AT(timeout), "10s", "1ms..1h",
      "an attempt to connect takes at most", 0 },
    { "reconnect", TUBE_OPT_TIME, AT(reconnect), "0s", "0s..24h",
      "connect again after so long, and go on with the first record that was not handed "
      "over; 0s: fail",
      0 },
    { "linger", TUBE_OPT_TIME, AT(linger), "1s", "0s..1h",
      "at the end, wait so long for the peer to end too", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | lines | send tcp:127.0.0.1:6514",
    "file access.log | parse combined | send unix:/run/app.sock frame=netstring",
    NULL,
};

static void
send_close(tube_stage *s)
{
    struct send *c = tube_state(s);

    tubei_dialer_close(s, &c->dialer);
    free(c->text.buf);
    free(c->buf);
}

static tube_status
send_open(tube_stage *s, tube_error *err)
{
    struct send *c = tube_state(s);
    tube_status st = tubei_address_read(&c->to, c->address, false, err);

    if (st != TUBE_OK)
        return err != NULL ? tube_blame(s, "address", err) : st;
    tubei_dialer_init(&c->dialer, &c->to, (uint64_t)c->timeout);
    c->schema = tube_input(s);
    c->plain = tube_schema_width(c->schema) == 1
               && tube_schema_column(c->schema, 0)->type == TUBE_TEXT;
    c->room = (size_t)2 * FULL;
    c->buf = malloc(c->room);
    c->text = (tubei_writer){ .buf = malloc(TEXT_FIRST), .cap = TEXT_FIRST, .fd = -1 };
    if (c->buf != NULL && c->text.buf != NULL)
        return TUBE_OK;
    send_close(s);
    return tube_fail(err, TUBE_ENOMEM, "no memory for a buffer of %d bytes", 2 * FULL);
}

/* Connection. */

/* What was not taken whole goes to the next connection from its first byte. */
static void
send_keep_rest(struct send *c)
{
    uint32_t taken = 0;
    size_t start = 0;

    while (taken < c->frames && c->end[taken] <= c->sent)
        start = c->end[taken++];
    for (uint32_t i = taken; i < c->frames; i++)
        c->end[i - taken] = c->end[i] - start;
    c->frames -= taken;
    memmove(c->buf, c->buf + start, c->len - start);
    c->len -= start;
    c->sent = 0;
}

/* The connection is lost, or there was none: later again, or a failure. */
static tube_status
send_lost(tube_stage *s, struct send *c, tube_error *failure, tube_error *err)
{
    tubei_dialer_close(s, &c->dialer);
    c->peer_ended = false;
    if (c->reconnect == 0) {
        /* Who tries again begins with the first record, whichever batch it is then. */
        c->frames = c->row = 0;
        c->len = c->sent = 0;
        if (err != NULL)
            *err = *failure;
        return failure->status;
    }
    send_keep_rest(c);
    if (!c->told)
        tube_warn(s, "%s: connecting again", failure->message);
    c->told = true;
    c->again = tube_now() + (uint64_t)c->reconnect;
    tube_wait_until(s, c->again);
    return TUBE_AGAIN;
}

/* Have a connection; TUBE_AGAIN: wait. */
static tube_status
send_ready(tube_stage *s, struct send *c, tube_error *err)
{
    tube_error failure;
    tube_status st;

    if (c->dialer.connected)
        return TUBE_OK;
    if (c->again > tube_now()) {
        tube_wait_until(s, c->again);
        return TUBE_AGAIN;
    }
    c->again = 0;
    st = tubei_dialer_step(s, &c->dialer, &failure);
    return st < 0 ? send_lost(s, c, &failure, err) : st;
}

/* Forget what the peer sends; the end of it says nothing about what it reads. */
static void
send_forget_input(struct send *c)
{
    char drop[4096];
    ssize_t n = 1;

    while (!c->peer_ended && n > 0) {
        n = recv(c->dialer.fd, drop, sizeof(drop), 0);
        c->peer_ended = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    }
}

/* Hand over what is in the buffer. */
static tube_status
send_flush(tube_stage *s, struct send *c, tube_error *err)
{
    tube_error failure;

    while (c->sent < c->len) {
        ssize_t n =
            send(c->dialer.fd, c->buf + c->sent, c->len - c->sent, MSG_NOSIGNAL);

        if (n >= 0) {
            c->sent += (size_t)n;
            c->told = false;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            (void)tube_fail_errno(&failure, "the connection to '%s' broke", c->to.text);
            return send_lost(s, c, &failure, err);
        }
        send_forget_input(c);
        tube_wait_fd(s, c->dialer.fd,
                     TUBE_WRITABLE | (c->peer_ended ? 0u : (unsigned)TUBE_READABLE));
        return TUBE_AGAIN;
    }
    c->frames = 0;
    c->len = c->sent = 0;
    return TUBE_OK;
}

/* Framing. */

static void
put_object(tubei_writer *w, const tube_schema *schema, const tube_cell *row)
{
    uint32_t width = tube_schema_width(schema);

    for (uint32_t i = 0; i < width; i++) {
        const tube_column *c = tube_schema_column(schema, (tube_field)i);

        tubei_put_char(w, i == 0 ? '{' : ',');
        tubei_put_json_string(w, (tube_slice){ c->name, strlen(c->name) });
        tubei_put_char(w, ':');
        tubei_put_json_cell(w, c->type, &row[i]);
    }
    tubei_put_char(w, '}');
}

/* A record's text; false: it is larger than memory for it. */
static bool
send_text(struct send *c, const tube_cell *row, tube_slice *text)
{
    if (c->plain) {
        *text = row->set ? tube_text(row) : (tube_slice){ "", 0 };
        return true;
    }
    for (;;) {
        char *more;

        c->text.len = 0;
        c->text.error = 0;
        put_object(&c->text, c->schema, row);
        *text = (tube_slice){ c->text.buf, c->text.len };
        if (c->text.error == 0)
            return true;
        if (c->text.cap >= TEXT_MOST)
            return false;
        more = realloc(c->text.buf, c->text.cap * 2);
        if (more == NULL)
            return false;
        c->text.buf = more;
        c->text.cap *= 2;
    }
}

static bool
send_room(struct send *c, size_t more)
{
    char *larger;

    if (c->room - c->len >= more)
        return true;
    larger = realloc(c->buf, c->len + more);
    if (larger == NULL)
        return false;
    c->buf = larger;
    c->room = c->len + more;
    return true;
}

static bool
send_put(struct send *c, tube_slice text)
{
    char head[TUBEI_FRAME_HEAD];
    size_t n = tubei_frame_head((tubei_framing)c->frame, text.len, head);
    tube_slice tail = tubei_frame_tail((tubei_framing)c->frame);

    if (!send_room(c, n + text.len + tail.len))
        return false;
    memcpy(c->buf + c->len, head, n);
    c->len += n;
    memcpy(c->buf + c->len, text.ptr, text.len);
    c->len += text.len;
    memcpy(c->buf + c->len, tail.ptr, tail.len);
    c->len += tail.len;
    c->end[c->frames++] = c->len;
    return true;
}

/* Frame rows of `b` until the buffer is full. */
static tube_status
send_fill(tube_stage *s, struct send *c, tube_batch *b, tube_error *err)
{
    for (c->row = tube_next(b, c->row); c->row < b->n && c->len < FULL;
         c->row = tube_next(b, c->row + 1)) {
        const char *why = NULL;
        tube_slice text;

        if (!send_text(c, tube_row(b, c->row), &text))
            why = "is too large to be sent";
        else
            why = tubei_frame_refuses((tubei_framing)c->frame, text);
        if (why != NULL)
            tube_reject(s, b, c->row, UINT32_MAX, "this record %s", why);
        else if (!send_put(c, text))
            return tube_fail(err, TUBE_ENOMEM, "no memory for a record of %zu bytes",
                             text.len);
    }
    return TUBE_OK;
}

static tube_status
send_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct send *c = tube_state(s);

    for (;;) {
        tube_status st = send_ready(s, c, err);

        if (st == TUBE_OK)
            st = send_flush(s, c, err);
        if (st == TUBE_OK && c->row < b->n)
            st = send_fill(s, c, b, err);
        if (st != TUBE_OK)
            return st;
        if (c->row >= b->n && c->len == 0)
            break;
    }
    c->row = 0;
    return TUBE_OK;
}

/* Say that this is the end, and leave the peer time to take what it has: to close before
 * could throw that away. */
static tube_status
send_finish(tube_stage *s, tube_error *err)
{
    struct send *c = tube_state(s);

    (void)err;
    if (!c->dialer.connected)
        return TUBE_OK;
    if (c->gone == 0) {
        (void)shutdown(c->dialer.fd, SHUT_WR);
        c->gone = tube_now() + (uint64_t)c->linger;
    }
    send_forget_input(c);
    if (!c->peer_ended && tube_now() < c->gone) {
        tube_wait_fd(s, c->dialer.fd, TUBE_READABLE);
        tube_wait_until(s, c->gone);
        return TUBE_AGAIN;
    }
    tube_wait_until(s, 0);
    tubei_dialer_close(s, &c->dialer);
    return TUBE_OK;
}

const tube_stage_def tube_stage_send = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "send",
    .summary = "records to a server that is connected to",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct send),
    .open = send_open,
    .process = send_process,
    .finish = send_finish,
    .close = send_close,
};
