/* SPDX-License-Identifier: MIT */
/* clf.c -- the parser behind `parse common` and `parse combined`. */
#include "clf.h"

#include "number.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The way of a well-formed line through this file is one function in the end: the
 * reader then stays in registers.  What it is given to by value is the rest. */
#define HOT  static inline __attribute__((always_inline))
#define COLD __attribute__((cold, noinline))

#define likely(x)   __builtin_expect((x), 1)
#define unlikely(x) __builtin_expect((x), 0)

/* Quotes that a line can need: three pairs.  More are not looked for. */
enum { MAX_QUOTES = 6 };

/* A line, as far as it has been read. */
struct reader {
    const char *line;
    const char *p;
    const char *end;
    struct tubei_clf_error *e;
};

COLD static bool reader_fail(struct reader in, const char *at, const char *fmt, ...)
    TUBE_PRINTF(3, 4);

static bool
reader_fail(struct reader in, const char *at, const char *fmt, ...)
{
    char *c = in.e->reason;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(c, sizeof(in.e->reason), fmt, ap);
    va_end(ap);
    for (; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    in.e->at = (uint32_t)(at - in.line);
    return false;
}

/* How much of a text to show in a reason. */
static int
shown(const char *from, const char *to)
{
    return to - from < 24 ? (int)(to - from) : 24;
}

HOT void
cell_text(tube_cell *c, const char *from, const char *to)
{
    c->text = from;
    c->len = (uint32_t)(to - from);
    c->set = c->len != 1 || *from != '-';
}

/* A word and the blank behind it. */
HOT bool
read_word(struct reader *in, tube_cell *c, const char *name)
{
    const char *to = tubei_word_end(in->p, in->end);

    if (to == in->p || to == in->end)
        return reader_fail(*in, to, "expected %s%s",
                           to == in->p ? "" : "a blank after ", name);
    cell_text(c, in->p, to);
    in->p = to + 1;
    return true;
}

/* True if a time stamp begins at `p`, its bracket included. */
static inline bool
stamp_begins(const char *p, const char *end)
{
    if (*p == '[')
        return (end - p > TUBEI_CLF_TIME + 1 && p[TUBEI_CLF_TIME + 1] == ']')
               || (end - p > 2 && p[1] == '-' && p[2] == ']');
    return end - p > 2 && p[0] == '-' && p[1] == ' ' && (p[2] == '"' || p[2] == '-');
}

/* End of a user name with blanks in it: the first thing that looks like a time is
 * behind it.  NULL: there is none. */
COLD static const char *
spaced_user_end(struct reader in)
{
    const char *to = in.p;
    const char *bracket = NULL;

    while ((to = tubei_word_end(to, in.end)) < in.end - 1) {
        if (to[1] == '[' && stamp_begins(to + 1, in.end))
            break;
        if (to[1] == '[' && bracket == NULL)
            bracket = to + 1;
        to++;
    }
    if (to < in.end - 1 && (in.p[0] != '-' || in.p[1] != ' '))
        return to;
    if (to < in.end - 1)
        reader_fail(in, in.p + 2, "expected '[' after the user name, found '%.*s'",
                    shown(in.p + 2, to), in.p + 2);
    else if (bracket == NULL)
        reader_fail(in, in.p, "expected a user name and '[' before the time stamp");
    else if (in.end - bracket > TUBEI_CLF_TIME + 1)
        reader_fail(in, bracket + TUBEI_CLF_TIME + 1,
                    "expected ']' after the time stamp");
    else
        reader_fail(in, in.end, "expected ']' after the time stamp");
    return NULL;
}

HOT bool
read_user(struct reader *in, tube_cell *c)
{
    const char *to = tubei_word_end(in->p, in->end);

    if (unlikely(to == in->p || to == in->end || !stamp_begins(to + 1, in->end))) {
        to = spaced_user_end(*in);
        if (to == NULL)
            return false;
    }
    cell_text(c, in->p, to);
    in->p = to + 1;
    return true;
}

/* The time stamp, which read_user() has seen, and the blank behind it. */
HOT bool
read_stamp(struct reader *in, struct tubei_clf_clock *clock, tube_cell *c)
{
    const char *from = in->p + 1;

    if (likely(in->p[0] == '[' && in->p[1] != '-')) {
        int64_t us;

        if (!tubei_clf_time(clock, from, &us, in->e)) {
            in->e->at += (uint32_t)(from - in->line);
            return false;
        }
        tube_set_int(c, us);
        in->p += TUBEI_CLF_TIME + 2;
    } else {
        tube_set_null(c);
        in->p += *in->p == '[' ? 3 : 1;
    }
    if (in->p >= in->end || *in->p != ' ')
        return reader_fail(*in, in->p, "expected a blank after the time stamp");
    in->p++;
    return true;
}

/* Places of the quotes that are still ahead, counted from `base`. */
struct quotes {
    const char *base;
    const uint32_t *at;
    uint32_t left;
};

/* A quoted text, or a `-` without quotes. */
HOT bool
read_quoted(struct reader *in, struct quotes *q, tube_cell *c, const char *name)
{
    if (likely(in->p < in->end && *in->p == '"')) {
        if (q->left < 2)
            return reader_fail(*in, in->p, "the quote before %s is not closed", name);
        c->text = in->p + 1;
        c->len = (uint32_t)(q->base + q->at[1] - c->text);
        c->set = c->len != 1 || *c->text != '-';
        in->p = q->base + q->at[1] + 1;
        q->at += 2;
        q->left -= 2;
        return true;
    }
    if (in->p >= in->end || *in->p != '-')
        return reader_fail(*in, in->p < in->end ? in->p : in->end,
                           "expected '\"' before %s", name);
    tube_set_null(c);
    in->p++;
    return true;
}

/* "HTTP/1.1", "HTTP/2", "RTSP/1.0" */
static bool
is_protocol(const char *p, const char *end)
{
    const char *from = p;

    while (p < end && 'A' <= *p && *p <= 'Z')
        p++;
    if (p == from || end - p < 2 || *p++ != '/')
        return false;
    for (from = p; p < end; p++)
        if ((*p < '0' || *p > '9') && (*p != '.' || p == from || p + 1 == end))
            return false;
    return true;
}

/* "HTTP/" DIGIT "." DIGIT in the eight bytes at `p`. */
static inline bool
is_http(const char *p)
{
    uint64_t v = tubei_load8(p) ^ UINT64_C(0x302e302f50545448);

    return (v & UINT64_C(0xf0fff0ffffffffff)) == 0 && tubei_digits8(v);
}

/* A method is a token; almost always one of capital letters. */
static inline bool
is_method(const char *p, const char *end)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    size_t len = (size_t)(end - p);

    if (len - 1 < 8) {
        uint64_t behind = len < 8 ? ~UINT64_C(0) << 8 * len : 0;
        uint64_t v = (tubei_load8(p) & ~behind) | (('A' * TUBEI_ONES) & behind);
        uint64_t low = v + (0x80 - 'A') * TUBEI_ONES;
        uint64_t high = v + (0x7f - 'Z') * TUBEI_ONES;

        if ((low & ~(v | high) & TUBEI_HIGHS) == TUBEI_HIGHS)
            return true;
    }
    for (; p < end; p++) {
        bool letter =
            ('a' <= (*p | 0x20) && (*p | 0x20) <= 'z') || ('0' <= *p && *p <= '9');

        if (!letter && (*p == '\0' || strchr(others, *p) == NULL))
            return false;
    }
    return len > 0;
}

/* Where the protocol of the request [p, end) begins, or NULL if it has none. */
HOT const char *
protocol_of(const char *p, const char *end)
{
    const char *from = end;

    if (likely(end - p > 9 && end[-9] == ' ' && is_http(end - 8)))
        return end - 8;
    while (from > p && from[-1] != ' ')
        from--;
    return is_protocol(from, end) ? from : NULL;
}

/* The request, which is in the path's cell, to its three. */
HOT void
split_request(tube_cell *cells)
{
    const char *p = cells[TUBEI_CLF_PATH].text;
    const char *end = p + cells[TUBEI_CLF_PATH].len;
    const char *blank;
    const char *protocol;

    tube_set_null(&cells[TUBEI_CLF_METHOD]);
    tube_set_null(&cells[TUBEI_CLF_PROTOCOL]);
    if (unlikely(!cells[TUBEI_CLF_PATH].set))
        return;
    blank = tubei_word_end(p, end);
    protocol = protocol_of(p, end);
    if (likely(protocol != NULL && protocol - 2 > blank && is_method(p, blank))) {
        tube_set_text(&cells[TUBEI_CLF_METHOD], p, (size_t)(blank - p));
        tube_set_text(&cells[TUBEI_CLF_PATH], blank + 1,
                      (size_t)(protocol - 1 - (blank + 1)));
        tube_set_text(&cells[TUBEI_CLF_PROTOCOL], protocol, (size_t)(end - protocol));
    } else if (end - p > 4 && memcmp(p, "GET ", 4) == 0
               && tubei_word_end(p + 4, end) == end) {
        /* The Simple-Request of RFC 1945. */
        tube_set_text(&cells[TUBEI_CLF_METHOD], p, 3);
        tube_set_text(&cells[TUBEI_CLF_PATH], p + 4, (size_t)(end - (p + 4)));
    }
}

COLD static bool
number_fail(struct reader in, const char *from, int64_t most, const char *name)
{
    const char *to = in.p;
    const char *p = from;

    while (p < to && '0' <= *p && *p <= '9')
        p++;
    if (to == from)
        return reader_fail(in, from, "expected the %s", name);
    if (p < to)
        return reader_fail(in, from, "%s '%.*s' is not a number", name, shown(from, to),
                           from);
    return reader_fail(in, from, "%s '%.*s' is more than %lld", name, shown(from, to),
                       from, (long long)most);
}

/* A number or `-`, up to a blank or the end of the line. */
HOT bool
read_number(struct reader *in, tube_cell *c, int64_t most, const char *name)
{
    const char *from = in->p;
    int64_t v;

    in->p = tubei_word_end(from, in->end);
    if (likely(tubei_decimal(from, (size_t)(in->p - from), &v) && v <= most)) {
        tube_set_int(c, v);
        return true;
    }
    tube_set_null(c);
    return (in->p - from == 1 && *from == '-') || number_fail(*in, from, most, name);
}

HOT bool
read_blank(struct reader *in, const char *behind)
{
    if (likely(in->p < in->end && *in->p == ' ')) {
        in->p++;
        return true;
    }
    return reader_fail(*in, in->p, "expected a blank after %s", behind);
}

/* Blanks do not count at the end of a line. */
static inline const char *
line_end(const char *p, const char *end)
{
    while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return end;
}

bool
tubei_clf_parse(struct tubei_clf *p, tube_slice line, tube_cell *cells, uint32_t width,
                struct tubei_clf_error *e)
{
    uint32_t at[MAX_QUOTES + TUBEI_SCAN_SLACK];
    struct reader in = { line.ptr, line.ptr, line_end(line.ptr, line.ptr + line.len),
                         e };
    struct quotes q = { .at = at };

    if (!read_word(&in, &cells[TUBEI_CLF_CLIENT], "the client")
        || !read_word(&in, &cells[TUBEI_CLF_IDENT], "the ident")
        || !read_user(&in, &cells[TUBEI_CLF_USERNAME])
        || !read_stamp(&in, &p->clock, &cells[TUBEI_CLF_STAMP]))
        return false;
    q.base = in.p;
    q.left = p->scan->quotes(in.p, (size_t)(in.end - in.p), at, MAX_QUOTES);
    if (!read_quoted(&in, &q, &cells[TUBEI_CLF_PATH], "the request"))
        return false;
    split_request(cells);
    if (!read_blank(&in, "the request")
        || !read_number(&in, &cells[TUBEI_CLF_STATUS], INT16_MAX, "status")
        || !read_blank(&in, "the status")
        || !read_number(&in, &cells[TUBEI_CLF_BYTES], INT64_MAX, "byte count"))
        return false;
    if (width == TUBEI_CLF_COMBINED) {
        if (!read_blank(&in, "the byte count")
            || !read_quoted(&in, &q, &cells[TUBEI_CLF_REFERRER], "the referrer"))
            return false;
        if (!read_blank(&in, "the referrer")
            || !read_quoted(&in, &q, &cells[TUBEI_CLF_AGENT], "the user agent"))
            return false;
    }
    if (in.p != in.end)
        return reader_fail(in, in.p, "expected the end of the line after the %s",
                           width == TUBEI_CLF_COMBINED ? "user agent" : "byte count");
    return true;
}

tube_status
tubei_clf_open(tube_stage *s, uint32_t width, tube_error *err)
{
    static const tube_column columns[TUBEI_CLF_COMBINED] = {
        [TUBEI_CLF_CLIENT] = { "client", TUBE_TEXT, NULL },
        [TUBEI_CLF_IDENT] = { "ident", TUBE_TEXT, NULL },
        [TUBEI_CLF_USERNAME] = { "username", TUBE_TEXT, NULL },
        [TUBEI_CLF_STAMP] = { "time", TUBE_TIME, "timestamptz" },
        [TUBEI_CLF_METHOD] = { "method", TUBE_TEXT, NULL },
        [TUBEI_CLF_PATH] = { "path", TUBE_TEXT, NULL },
        [TUBEI_CLF_PROTOCOL] = { "protocol", TUBE_TEXT, NULL },
        [TUBEI_CLF_STATUS] = { "status", TUBE_INT, "smallint" },
        [TUBEI_CLF_BYTES] = { "bytes", TUBE_INT, "bigint" },
        [TUBEI_CLF_REFERRER] = { "referrer", TUBE_TEXT, NULL },
        [TUBEI_CLF_AGENT] = { "agent", TUBE_TEXT, NULL },
    };
    struct tubei_clf *p = tube_state(s);

    p->scan = tubei_scan();
    return tube_set_schema(s, columns, width, err);
}

tube_status
tubei_clf_process(tube_stage *s, tube_batch *b)
{
    struct tubei_clf *p = tube_state(s);
    struct tubei_clf_error e;
    tube_status st = tube_reshape(s, b);

    if (st != TUBE_OK)
        return st;
    TUBE_EACH(b, r)
        if (!tubei_clf_parse(p, tube_text(&b->old[r]), tube_row(b, r), b->width, &e))
            tube_reject(s, b, r, e.at, "%s", e.reason);
    return TUBE_OK;
}
