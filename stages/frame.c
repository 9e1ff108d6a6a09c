/* SPDX-License-Identifier: MIT */
/* frame.c -- see frame.h.
 *
 * The bytes at hand are those of the chunk; once an open frame had to be kept they are
 * the held ones, to which as many of the chunk are added as the frame needs.  What turns
 * out to be no frame is looked through again where it lies.
 */
#include "frame.h"

#include <stdlib.h>
#include <string.h>

enum { DIGITS = 10, SPARE = 16, SMALL = 16 * 1024 };

void
tubei_decoder_init(tubei_decoder *d, tubei_framing framing, size_t max, int64_t garbage)
{
    *d = (tubei_decoder){
        .framing = framing,
        .fails = garbage == TUBEI_GARBAGE_FAIL,
        .max = max,
    };
}

void
tubei_decoder_fini(tubei_decoder *d)
{
    free(d->held);
    free(d->junk);
    d->held = d->junk = NULL;
    d->held_at = d->held_len = d->held_room = d->junk_len = 0;
}

bool
tubei_decoder_open(const tubei_decoder *d)
{
    return d->held_len > 0 || d->length > 0 || d->junk_len > 0;
}

/* Keep bytes of the open frame. */
static bool
hold(tubei_decoder *d, const char *bytes, size_t n)
{
    size_t most = 2 * (d->max + SPARE);
    char *more;

    if (n == 0)
        return true;
    if (d->held_len + n > d->held_room && d->held_at > 0
        && d->held_at >= d->held_room / 2) {
        memmove(d->held, d->held + d->held_at, d->held_len - d->held_at);
        d->held_len -= d->held_at;
        d->held_at = 0;
    }
    if (d->held_len + n > d->held_room) {
        size_t room = 2 * (d->held_len + n);

        room = room < most ? room : most;
        more = realloc(d->held, room);
        if (more == NULL)
            return false;
        d->held = more;
        d->held_room = room;
    }
    memcpy(d->held + d->held_len, bytes, n);
    d->held_len += n;
    return true;
}

/* The memory of a large frame that was handed out is not kept for ever. */
static void
trim(tubei_decoder *d)
{
    if (d->held_len > 0 || d->held_room <= SMALL)
        return;
    free(d->held);
    d->held = NULL;
    d->held_room = 0;
}

/* Keep the first bytes of what is skipped. */
static bool
junk_add(tubei_decoder *d, const char *bytes, size_t n)
{
    size_t room = TUBEI_FRAME_KEEP - d->junk_len;

    if (d->junk == NULL)
        d->junk = malloc(TUBEI_FRAME_KEEP);
    if (d->junk == NULL)
        return false;
    n = n < room ? n : room;
    memcpy(d->junk + d->junk_len, bytes, n);
    d->junk_len += n;
    return true;
}

/* Hand out the garbage that was gathered. */
static int
give_junk(tubei_decoder *d, tubei_frame *f)
{
    *f = (tubei_frame){
        .verdict = TUBEI_FRAME_GARBAGE,
        .text = d->junk,
        .len = d->junk_len,
        .length = d->junk_len,
        .offset = d->at - d->junk_len,
        .end = d->at,
    };
    d->junk_len = 0;
    return 1;
}

/* Lines. */

static bool
line_hold(tubei_decoder *d, const char *bytes, size_t n)
{
    size_t room = d->max + 1 - d->held_len; /* and a carriage return */

    if (n == 0)
        return true;
    d->length += n;
    d->last = bytes[n - 1];
    return hold(d, bytes, n < room ? n : room);
}

/* A line has ended, `ending` bytes before the next one. */
static int
give_line(tubei_decoder *d, tube_slice text, uint64_t length, unsigned ending,
          tubei_frame *f)
{
    *f = (tubei_frame){
        .in_chunk = text.ptr != d->held,
        .text = text.ptr,
        .len = text.len,
        .length = length,
        .offset = d->at,
        .end = d->at + length + ending,
    };
    d->at = f->end;
    if (length > 0 && d->last == '\r')
        f->length--;
    if (f->len > f->length)
        f->len = (size_t)f->length;
    if (f->length > d->max) {
        f->verdict = TUBEI_FRAME_LONG;
        f->len = f->len < d->max + 1 ? f->len : d->max + 1;
        f->len = f->len < TUBEI_FRAME_KEEP ? f->len : TUBEI_FRAME_KEEP;
    }
    d->length = 0;
    d->held_len = 0;
    return 1;
}

static int
next_line(tubei_decoder *d, const char *chunk, size_t len, size_t *pos, tubei_frame *f)
{
    const char *p = chunk + *pos;
    const char *end = len > *pos ? memchr(p, '\n', len - *pos) : NULL;
    size_t n = end != NULL ? (size_t)(end - p) : len - *pos;

    *pos += n + (end != NULL);
    if (end != NULL && d->length == 0) {
        d->last = n > 0 ? p[n - 1] : '\0';
        return give_line(d, (tube_slice){ p, n }, n, 1, f);
    }
    if (!line_hold(d, p, n))
        return -1;
    if (end == NULL)
        return 0;
    return give_line(d, (tube_slice){ d->held, d->held_len }, d->length, 1, f);
}

/* Frames with a length. */

typedef enum head_state { HEAD_OK, HEAD_MORE, HEAD_BAD } head_state;

/* How a frame begins. */
struct head {
    size_t bytes;     /* before its text */
    uint64_t text;    /* bytes of it */
    unsigned trailer; /* bytes behind it */
};

static head_state
head_digits(const char *p, size_t n, char behind, struct head *h)
{
    size_t i = 0;

    h->text = 0;
    for (; i < n && i < DIGITS && p[i] >= '0' && p[i] <= '9'; i++) {
        if (i == 1 && p[0] == '0')
            return HEAD_BAD;
        h->text = h->text * 10 + (unsigned)(p[i] - '0');
    }
    if (h->text > UINT32_MAX)
        return HEAD_BAD;
    if (i == n)
        return HEAD_MORE;
    h->bytes = i + 1;
    return i > 0 && p[i] == behind ? HEAD_OK : HEAD_BAD;
}

static head_state
head_integer(const char *p, size_t n, size_t bytes, struct head *h)
{
    if (n < bytes)
        return HEAD_MORE;
    h->bytes = bytes;
    h->text = 0;
    for (size_t i = 0; i < bytes; i++)
        h->text = h->text << 8 | (unsigned char)p[i];
    return HEAD_OK;
}

/* What begins at `p`?  Behind garbage it must look like a frame, not only like a length. */
static head_state
look(const tubei_decoder *d, const char *p, size_t n, struct head *h)
{
    head_state st = HEAD_BAD;

    h->trailer = 0;
    if (n == 0)
        return HEAD_MORE;
    switch (d->framing) {
    case TUBEI_FRAME_LINES: break;
    case TUBEI_FRAME_INT8:
    case TUBEI_FRAME_INT16:
    case TUBEI_FRAME_INT32:
        return head_integer(p, n, tubei_frame_integer(d->framing), h);
    case TUBEI_FRAME_NETSTRING:
        st = head_digits(p, n, ':', h);
        h->trailer = 1;
        break;
    case TUBEI_FRAME_OCTETS:
        st = p[0] == '0' ? HEAD_BAD : head_digits(p, n, ' ', h);
        if (st != HEAD_OK || !d->hunting)
            break;
        if (n == h->bytes)
            return HEAD_MORE;
        st = p[h->bytes] == '<' ? HEAD_OK : HEAD_BAD;
        break;
    }
    return st == HEAD_OK && d->hunting && h->text > d->max ? HEAD_BAD : st;
}

/* The bytes at hand. */
static tube_slice
at_hand(const tubei_decoder *d, const char *chunk, size_t len, size_t pos)
{
    if (d->held_len > 0)
        return (tube_slice){ d->held + d->held_at, d->held_len - d->held_at };
    return (tube_slice){ chunk + pos, len - pos };
}

/* Go behind `n` of them. */
static void
advance(tubei_decoder *d, size_t n, size_t *pos)
{
    d->at += n;
    if (d->held_len == 0) {
        *pos += n;
        return;
    }
    d->held_at += n;
    if (d->held_at == d->held_len)
        d->held_at = d->held_len = 0;
}

/* The frame wants `need` bytes; false: they are not there, or (*memory) cannot be held. */
static bool
gather(tubei_decoder *d, size_t need, const char *chunk, size_t len, size_t *pos,
       bool *memory)
{
    size_t have = d->held_len - d->held_at;
    size_t take = len - *pos;

    if (d->held_len > 0 && take > need - have)
        take = need - have;
    *memory = hold(d, chunk + *pos, take);
    if (!*memory)
        return false;
    *pos += take;
    return take > 0 && d->held_len - d->held_at >= need;
}

/* A whole frame is at hand. */
static int
give_frame(tubei_decoder *d, const char *p, const struct head *h, size_t *pos,
           tubei_frame *f)
{
    *f = (tubei_frame){
        .in_chunk = d->held_len == 0,
        .text = p + h->bytes,
        .len = (size_t)h->text,
        .length = h->text,
        .offset = d->at,
    };
    advance(d, h->bytes + (size_t)h->text + h->trailer, pos);
    f->end = d->at;
    d->hunting = false;
    return 1;
}

/* A frame that is too long goes by: 1 when it is over. */
static int
skip_long(tubei_decoder *d, const char *chunk, size_t len, size_t *pos, tubei_frame *f)
{
    unsigned trailer = d->framing == TUBEI_FRAME_NETSTRING;

    while (d->skip > 0) {
        tube_slice v = at_hand(d, chunk, len, *pos);
        size_t n = v.len < d->skip ? v.len : (size_t)d->skip;
        uint64_t text = d->skip - trailer;

        if (n == 0)
            return 0;
        if (text > 0 && !junk_add(d, v.ptr, n < text ? n : (size_t)text))
            return -1;
        d->last = v.ptr[n - 1];
        d->skip -= n;
        advance(d, n, pos);
    }
    *f = (tubei_frame){
        .verdict = TUBEI_FRAME_LONG,
        .text = d->junk,
        .len = d->junk_len,
        .length = d->length,
        .offset = d->long_at,
        .end = d->at,
    };
    /* Without its comma it was no frame, and what follows may be anything. */
    d->hunting = trailer != 0 && d->last != ',';
    d->junk_len = 0;
    d->length = 0;
    return 1;
}

/* No frame begins here. */
static int
garbage(tubei_decoder *d, tube_slice v, size_t *pos, tubei_frame *f)
{
    size_t n = 1;

    if (d->fails) {
        n = v.len < TUBEI_FRAME_KEEP ? v.len : TUBEI_FRAME_KEEP;
        d->dead = true;
    } else {
        while (n < v.len && (v.ptr[n] < '0' || v.ptr[n] > '9')
               && d->junk_len + n < TUBEI_FRAME_KEEP)
            n++;
    }
    d->hunting = true;
    if (!junk_add(d, v.ptr, n))
        return -1;
    advance(d, n, pos);
    return d->dead || d->junk_len == TUBEI_FRAME_KEEP ? give_junk(d, f) : 0;
}

/* A head was read. */
static int
begin(tubei_decoder *d, tube_slice v, const struct head *h, size_t *pos, tubei_frame *f)
{
    if (h->text > d->max) {
        d->length = h->text;
        d->skip = h->text + h->trailer;
        d->long_at = d->at;
        advance(d, h->bytes, pos);
        return 0;
    }
    if (h->trailer > 0 && v.ptr[h->bytes + h->text] != ',')
        return garbage(d, v, pos, f);
    if (d->junk_len > 0) /* first what lies before it */
        return give_junk(d, f);
    return give_frame(d, v.ptr, h, pos, f);
}

int
tubei_decoder_next(tubei_decoder *d, const char *chunk, size_t len, size_t *pos,
                   tubei_frame *f)
{
    trim(d);
    if (d->framing == TUBEI_FRAME_LINES)
        return next_line(d, chunk, len, pos, f);
    while (!d->dead) {
        tube_slice v = at_hand(d, chunk, len, *pos);
        struct head h;
        head_state st;
        size_t need = v.len + 1;
        bool memory;
        int found = 0;

        if (d->skip > 0)
            return skip_long(d, chunk, len, pos, f);
        st = look(d, v.ptr, v.len, &h);
        if (st == HEAD_OK)
            need = h.bytes + (size_t)h.text + h.trailer;
        if (st == HEAD_BAD)
            found = garbage(d, v, pos, f);
        else if (st == HEAD_OK && (h.text > d->max || need <= v.len))
            found = begin(d, v, &h, pos, f);
        else if (!gather(d, need, chunk, len, pos, &memory))
            return memory ? 0 : -1;
        if (found != 0)
            return found;
    }
    d->held_at = d->held_len = 0;
    *pos = len;
    return 0;
}

/* The end came inside of a frame: what there is of it. */
static int
give_cut(tubei_decoder *d, tubei_frame *f)
{
    size_t n = d->held_len - d->held_at;

    *f = (tubei_frame){
        .verdict = TUBEI_FRAME_CUT,
        .text = d->held + d->held_at,
        .len = n < TUBEI_FRAME_KEEP ? n : TUBEI_FRAME_KEEP,
        .length = n,
        .offset = d->at,
        .end = d->at + n,
    };
    d->at = f->end;
    d->held_at = d->held_len = 0;
    return 1;
}

static int
end_lines(tubei_decoder *d, bool whole, tubei_frame *f)
{
    if (d->length == 0)
        return 0;
    (void)give_line(d, (tube_slice){ d->held, d->held_len }, d->length, 0, f);
    if (!whole && f->verdict == TUBEI_FRAME_OK) {
        f->verdict = TUBEI_FRAME_CUT;
        f->len = f->len < TUBEI_FRAME_KEEP ? f->len : TUBEI_FRAME_KEEP;
    }
    return 1;
}

int
tubei_decoder_end(tubei_decoder *d, bool whole, tubei_frame *f)
{
    size_t none = 0;
    int found;

    if (d->framing == TUBEI_FRAME_LINES)
        return end_lines(d, whole, f);
    if (d->dead)
        d->held_at = d->held_len = 0;
    /* Frames may lie in what was held for one that did not come. */
    while (d->held_len > 0) {
        found = tubei_decoder_next(d, "", 0, &none, f);
        if (found == 0 && d->hunting && d->held_len > 0)
            found = garbage(d, (tube_slice){ d->held + d->held_at, 1 }, &none, f);
        else if (found == 0)
            break;
        if (found != 0)
            return found;
    }
    if (d->skip > 0) {
        d->skip = 0;
        (void)skip_long(d, "", 0, &none, f);
        d->hunting = false;
        return 1;
    }
    if (d->junk_len > 0)
        return give_junk(d, f);
    if (d->held_len > 0)
        return give_cut(d, f);
    d->hunting = d->dead = false;
    return 0;
}
