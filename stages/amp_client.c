/* SPDX-License-Identifier: MIT */
/* amp_client.c -- see amp_client.h. */
#include "amp_client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_MOST = 256 << 10, /* bytes that are put together ahead */
    IN_FIRST = 16 << 10,
    BOX_MOST = 1 << 20, /* of an answer */
    SPREAD = 4,         /* slots for each call that may be open: answers overtake */
    OWN_PAIRS = 2,      /* _ask and _command */
    TAG = 17,
};

tube_status
tubei_amp_client_open(amp_client *c, tube_error *err)
{
    c->last = &c->first;
    c->fd = -1;
    c->slots = 64;
    while (c->slots < (uint64_t)SPREAD * c->window)
        c->slots *= 2;
    c->slot = calloc(c->slots, sizeof(*c->slot));
    c->again = calloc(c->window, sizeof(*c->again));
    c->pair = calloc(c->fields->n + OWN_PAIRS, sizeof(*c->pair));
    if (c->slot == NULL || c->again == NULL || c->pair == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory for %u open calls", c->window);
    return tubei_amp_link_first(c, err);
}

void
tubei_amp_client_close(amp_client *c)
{
    tubei_amp_client_abort(c);
    tubei_amp_out_fini(&c->scratch);
    tubei_amp_out_fini(&c->out);
    free(c->slot);
    free(c->again);
    free(c->pair);
    free(c->in);
}

bool
tubei_amp_client_idle(const amp_client *c)
{
    return c->first == NULL;
}

bool
tubei_amp_client_has_room(const amp_client *c)
{
    return c->fresh == NULL && c->again_at == c->again_n && c->open < c->window;
}

/* Batches. */

static void
held_remove(amp_client *c, amp_held *h)
{
    amp_held **p = &c->first;

    while (*p != h)
        p = &(*p)->behind;
    *p = h->behind;
    if (*p == NULL)
        c->last = p;
    if (c->fresh == h)
        c->fresh = h->behind;
    free(h);
}

/* One more row of a batch is over. */
static void
row_done(amp_held *h)
{
    h->left--;
}

/* `taken` is still the engine's. */
static void
settle_done(amp_client *c, const amp_held *taken)
{
    for (amp_held *h = c->first, *behind; h != NULL; h = behind) {
        behind = h->behind;
        if (h->left > 0 || h == taken)
            continue;
        tube_settle(c->stage, &h->batch, TUBE_COMMITTED);
        held_remove(c, h);
    }
}

void
tubei_amp_client_abort(amp_client *c)
{
    while (c->first != NULL) {
        amp_held *h = c->first;

        tube_settle(c->stage, &h->batch, TUBE_BROKEN);
        held_remove(c, h);
    }
    c->open = c->again_at = c->again_n = 0;
    if (c->slot != NULL)
        memset(c->slot, 0, c->slots * sizeof(*c->slot));
    tubei_amp_link_close(c);
}

/* Calls. */

static amp_sent *
slot_of(const amp_client *c, uint64_t tag)
{
    return &c->slot[tag & (c->slots - 1)];
}

static void
call_over(amp_client *c, uint64_t tag)
{
    slot_of(c, tag)->held = NULL;
    c->open--;
    while (c->oldest < c->tag && slot_of(c, c->oldest)->held == NULL)
        c->oldest++;
}

void
tubei_amp_client_requeue(amp_client *c)
{
    uint32_t left = c->again_n - c->again_at;
    uint32_t n = c->open;

    /* At most `window` in all: what waits here was open once. */
    memmove(c->again + n, c->again + c->again_at, left * sizeof(*c->again));
    c->again_at = 0;
    c->again_n = n + left;
    n = 0;
    for (uint64_t tag = c->oldest; tag < c->tag; tag++) {
        amp_sent *s = slot_of(c, tag);

        if (s->held != NULL)
            c->again[n++] = *s;
        s->held = NULL;
    }
    c->open = 0;
    c->oldest = c->tag;
}

void
tubei_amp_client_give_up_first(amp_client *c, const char *why)
{
    amp_sent s = *slot_of(c, c->oldest);

    tube_reject(c->stage, s.held->batch, s.row, UINT32_MAX,
                "the connection was lost %u times over this call: %s", c->costs, why);
    row_done(s.held);
    call_over(c, c->oldest);
    c->costs = 0;
}

/* What to send next: there is something. */
static amp_sent
next_call(amp_client *c)
{
    amp_sent s;

    if (c->again_at < c->again_n)
        return c->again[c->again_at++];
    s = (amp_sent){ c->fresh, c->fresh->next };
    c->fresh->next = tube_next(c->fresh->batch, s.row + 1);
    if (c->fresh->next == c->fresh->batch->n)
        c->fresh = c->fresh->behind;
    return s;
}

/* Put a row into a box.  What cannot be sent is rejected. */
static tube_status
put_call(amp_client *c, const amp_sent *s, tube_error *err)
{
    char why[AMP_REASON];
    char tag[TAG];
    uint32_t n;
    tube_status st = tubei_amp_fields_write(c->fields, tube_row(s->held->batch, s->row),
                                            c->pair, &n, &c->scratch, why);

    if (st == TUBE_OK) {
        c->pair[n++] = (amp_pair){ tubei_amp_str("_command"), c->command };
        (void)snprintf(tag, sizeof(tag), "%" PRIx64, c->tag);
        if (c->asks)
            c->pair[n++] = (amp_pair){ tubei_amp_str("_ask"), tubei_amp_str(tag) };
        st = tubei_amp_put(&c->out, c->pair, n, err);
        if (st == TUBE_EINVAL && err != NULL)
            (void)snprintf(why, sizeof(why), "%s", err->message);
    }
    if (st == TUBE_ENOMEM)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    if (st != TUBE_OK) {
        tube_reject(c->stage, s->held->batch, s->row, UINT32_MAX, "%s", why);
        row_done(s->held);
        return TUBE_OK;
    }
    *slot_of(c, c->tag++) = *s;
    c->open++;
    return TUBE_OK;
}

/* May one more call be made?  While one may be what costs the connections it is alone. */
static bool
may_send(const amp_client *c)
{
    return c->link == AMP_LINK_UP && c->open < (c->costs > 0 ? 1 : c->window)
           && c->tag - c->oldest < c->slots && c->out.len - c->out.sent < OUT_MOST
           && (c->again_at < c->again_n || c->fresh != NULL);
}

static tube_status
send_calls(amp_client *c, tube_error *err)
{
    tube_status st = TUBE_OK;

    while (st == TUBE_OK && may_send(c)) {
        amp_sent s = next_call(c);

        st = put_call(c, &s, err);
    }
    return st;
}

static void
all_sent(amp_client *c)
{
    for (uint64_t tag = c->oldest; !c->asks && tag < c->tag; tag++)
        row_done(slot_of(c, tag)->held);
    while (!c->asks && c->open > 0)
        call_over(c, c->oldest);
}

/* Write; true: all is gone. */
static bool
write_out(amp_client *c)
{
    while (c->link == AMP_LINK_UP && c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.data + c->out.sent, c->out.len - c->out.sent,
                         MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return false;
        if (n < 0) {
            tubei_amp_link_lost(c, strerror(errno));
            return false;
        }
        tubei_amp_sent(&c->out, (size_t)n);
        if (!c->asks)
            tubei_amp_link_alive(c);
    }
    if (c->link != AMP_LINK_UP)
        return false;
    all_sent(c);
    return true;
}

/* Answers. */

/* Lower-case digits, as they were sent. */
static bool
tag_read(tube_slice text, uint64_t *tag)
{
    *tag = 0;
    if (text.len == 0 || text.len >= TAG || text.ptr[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.ptr[i];

        if (ch >= '0' && ch <= '9')
            *tag = *tag << 4 | (uint64_t)(ch - '0');
        else if (ch >= 'a' && ch <= 'f')
            *tag = *tag << 4 | (uint64_t)(ch - 'a' + 10);
        else
            return false;
    }
    return true;
}

static bool
is_sqlstate(tube_slice code)
{
    for (size_t i = 0; i < code.len; i++)
        if ((code.ptr[i] < '0' || code.ptr[i] > '9')
            && (code.ptr[i] < 'A' || code.ptr[i] > 'Z'))
            return false;
    return code.len == 5;
}

/* A row is refused in the words of the other side. */
static void
refuse_row(amp_client *c, const amp_sent *s, const amp_box *box)
{
    tube_slice code = tubei_amp_value(box, "_error_code");
    tube_slice text = tubei_amp_value(box, "_error_description");
    tube_slice state = tubei_amp_value(box, "sqlstate");
    char sqlstate[6] = "";
    char reason[256];

    if (is_sqlstate(state))
        (void)snprintf(sqlstate, sizeof(sqlstate), "%.5s", state.ptr);
    (void)snprintf(
        reason, sizeof(reason), "%.*s: %.*s", (int)(code.len < 63 ? code.len : 63),
        code.ptr != NULL ? code.ptr : "", (int)(text.len < 180 ? text.len : 180),
        text.ptr != NULL ? text.ptr : "");
    for (char *p = reason; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    tube_reject_sql(c->stage, s->held->batch, s->row, sqlstate, reason);
}

/* An answer to a call that is not open: late, twice, or invented.  The others' answers
 * are as good as before. */
static void
unknown_tag(amp_client *c, tube_slice tag)
{
    if (!c->told_tag)
        tube_warn(c->stage,
                  "an answer to a call that is not open, tag '%.*s'; further "
                  "ones are not told",
                  (int)(tag.len < 32 ? tag.len : 32), tag.ptr);
    c->told_tag = true;
}

static void
take_answer(amp_client *c, tube_slice text, bool good, const amp_box *box)
{
    uint64_t tag;
    amp_sent s;

    if (!c->asks || !tag_read(text, &tag) || tag < c->oldest || tag >= c->tag
        || slot_of(c, tag)->held == NULL) {
        unknown_tag(c, text);
        return;
    }
    s = *slot_of(c, tag);
    if (!good)
        refuse_row(c, &s, box);
    row_done(s.held);
    call_over(c, tag);
    c->costs = 0;
}

/* It asks us: nobody here knows any command. */
static tube_status
take_command(amp_client *c, tube_slice ask, tube_error *err)
{
    amp_pair pair[] = {
        { tubei_amp_str("_error"), ask },
        { tubei_amp_str("_error_code"), tubei_amp_str("UNHANDLED") },
        { tubei_amp_str("_error_description"), tubei_amp_str("Unhandled Command") },
    };

    return ask.ptr != NULL ? tubei_amp_put(&c->out, pair, 3, err) : TUBE_OK;
}

static tube_status
take_box(amp_client *c, const amp_box *box, tube_error *err)
{
    tube_slice answer = tubei_amp_value(box, "_answer");
    tube_slice error = tubei_amp_value(box, "_error");

    if (answer.ptr != NULL)
        take_answer(c, answer, true, box);
    else if (error.ptr != NULL)
        take_answer(c, error, false, box);
    else if (tubei_amp_value(box, "_command").ptr != NULL)
        return take_command(c, tubei_amp_value(box, "_ask"), err);
    else
        tubei_amp_link_lost(c, "a box that is neither a call nor an answer");
    return TUBE_OK;
}

static bool
in_room(amp_client *c)
{
    size_t used = c->in_len - c->in_at;
    size_t room = c->in_room > 0 ? c->in_room : IN_FIRST;
    char *more;

    if (c->in_at > 0)
        memmove(c->in, c->in + c->in_at, used);
    c->in_at = 0;
    c->in_len = used;
    if (c->in_room - used >= IN_FIRST / 2)
        return true;
    while (room - used < IN_FIRST / 2)
        room *= 2;
    more = realloc(c->in, room + TUBE_PAD);
    if (more == NULL)
        return false;
    c->in = more;
    c->in_room = room;
    return true;
}

/* All boxes in what was read. */
static tube_status
take_boxes(amp_client *c, tube_error *err)
{
    tube_status st = TUBE_OK;
    tube_error bad;
    amp_box box;

    while (st == TUBE_OK && c->in_at < c->in_len) {
        tube_slice from = { c->in + c->in_at, c->in_len - c->in_at };

        switch (tubei_amp_scan(&c->scan, from, BOX_MOST, &box, &bad)) {
        case AMP_MORE: return TUBE_OK;
        case AMP_BAD: tubei_amp_link_lost(c, bad.message); return TUBE_OK;
        case AMP_BOX: break;
        }
        c->scan = (amp_scan){ 0 };
        c->in_at += box.len + 2;
        st = take_box(c, &box, err);
    }
    return st;
}

/* Read until there is no more. */
static tube_status
read_in(amp_client *c, tube_error *err)
{
    tube_status st = TUBE_OK;

    while (st == TUBE_OK && c->link == AMP_LINK_UP) {
        ssize_t n;

        if (!in_room(c))
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        n = recv(c->fd, c->in + c->in_len, c->in_room - c->in_len, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (n <= 0) {
            tubei_amp_link_lost(c, n == 0 ? "it hung up" : strerror(errno));
            break;
        }
        c->in_len += (size_t)n;
        tubei_amp_link_alive(c);
        st = take_boxes(c, err);
    }
    return st;
}

tube_status
tubei_amp_client_pump(amp_client *c, tube_error *err)
{
    tube_status st;

    tubei_amp_link_step(c);
    st = read_in(c, err);
    do {
        if (st == TUBE_OK)
            st = send_calls(c, err);
    } while (st == TUBE_OK && write_out(c) && may_send(c));
    settle_done(c, NULL);
    tubei_amp_link_wait(c);
    return st;
}

tube_status
tubei_amp_client_take(amp_client *c, tube_batch *b, bool *done, tube_error *err)
{
    amp_held *h = calloc(1, sizeof(*h));
    tube_status st;

    if (h == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    h->batch = b;
    h->next = tube_next(b, 0);
    h->left = b->n_live;
    if (c->open == 0 && c->again_at == c->again_n)
        tubei_amp_link_rested(c);
    *c->last = h;
    c->last = &h->behind;
    c->fresh = h;
    st = send_calls(c, err);
    if (st == TUBE_OK)
        (void)write_out(c);
    *done = h->left == 0;
    settle_done(c, h);
    if (*done || st != TUBE_OK)
        held_remove(c, h);
    tubei_amp_link_wait(c);
    return st;
}
