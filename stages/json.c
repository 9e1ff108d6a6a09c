/* SPDX-License-Identifier: MIT */
/* json.c -- see json.h.
 *
 * source  RFC 8259
 */
#include "json.h"

#include "scan.h"

#include <string.h>

static bool
json_fail(tubei_json *j, const char *at, const char *why)
{
    j->at = at < j->end ? at : j->end;
    j->error = at < j->end ? why : "the text ends too early";
    return false;
}

/* The next byte that is no blank, 0 at the end; a NUL in the text is wrong wherever
 * this is asked, so the two need no difference. */
static char
json_peek(tubei_json *j)
{
    while (j->at < j->end
           && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r'))
        j->at++;
    return j->at < j->end ? *j->at : '\0';
}

/* A mark in every byte that is a quote, a backslash or below 0x20.  The lowest mark is
 * exact; one above it may be false, because subtractions borrow upwards. */
static uint64_t
string_marks(uint64_t w)
{
    return tubei_zero8(w ^ ('"' * TUBEI_ONES)) | tubei_zero8(w ^ ('\\' * TUBEI_ONES))
           | ((w - 0x20 * TUBEI_ONES) & ~w & TUBEI_HIGHS);
}

/* First byte from `p` on that a string cannot hold as it is; may lie behind `end`. */
static const char *
string_run(const char *p, const char *end)
{
    while (p < end) {
        uint64_t marks = string_marks(tubei_load8(p));

        if (marks != 0)
            return p + __builtin_ctzll(marks) / 8;
        p += 8;
    }
    return p;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Behind the escape at `p`, or NULL after json_fail(). */
static const char *
string_escape(tubei_json *j, const char *p)
{
    char c = p + 1 < j->end ? p[1] : '\0';

    if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL)
        return p + 2;
    if (c != 'u') {
        json_fail(j, p + 1, "no such escape in a string");
        return NULL;
    }
    for (int i = 2; i < 6; i++) {
        if (p + i >= j->end || hex_value(p[i]) < 0) {
            json_fail(j, p + i, "expected four hexadecimal digits behind '\\u'");
            return NULL;
        }
    }
    return p + 6;
}

/* The cursor is at the quote. */
static bool
scan_string(tubei_json *j, tubei_json_value *v)
{
    const char *p = j->at + 1;

    v->kind = TUBEI_JSON_STRING;
    v->escaped = false;
    v->text = p;
    for (;;) {
        p = string_run(p, j->end);
        if (p >= j->end)
            return json_fail(j, j->end, "");
        if (*p == '"')
            break;
        if (*p != '\\')
            return json_fail(j, p, "control character in a string");
        v->escaped = true;
        p = string_escape(j, p);
        if (p == NULL)
            return false;
    }
    v->len = (size_t)(p - v->text);
    j->at = p + 1;
    return true;
}

static bool
is_digit(const tubei_json *j, const char *p)
{
    return p < j->end && *p >= '0' && *p <= '9';
}

static bool
scan_number(tubei_json *j, tubei_json_value *v)
{
    const char *p = j->at;

    v->kind = TUBEI_JSON_INT;
    v->escaped = false;
    v->text = p;
    p += *p == '-';
    if (!is_digit(j, p))
        return json_fail(j, p, v->text == p ? "expected a value" : "expected a digit");
    if (*p == '0')
        p++;
    else
        while (is_digit(j, p))
            p++;
    if (p < j->end && *p == '.') {
        v->kind = TUBEI_JSON_REAL;
        if (!is_digit(j, ++p))
            return json_fail(j, p, "expected a digit behind the point");
        while (is_digit(j, p))
            p++;
    }
    if (p < j->end && (*p == 'e' || *p == 'E')) {
        v->kind = TUBEI_JSON_REAL;
        p++;
        p += p < j->end && (*p == '+' || *p == '-');
        if (!is_digit(j, p))
            return json_fail(j, p, "expected a digit in the exponent");
        while (is_digit(j, p))
            p++;
    }
    v->len = (size_t)(p - v->text);
    j->at = p;
    return true;
}

static bool
scan_word(tubei_json *j, tubei_json_value *v, const char *word, tubei_json_kind kind)
{
    size_t len = strlen(word);

    if ((size_t)(j->end - j->at) < len || memcmp(j->at, word, len) != 0)
        return json_fail(j, j->at, "expected a value");
    *v = (tubei_json_value){ kind, false, j->at, len };
    j->at += len;
    return true;
}

/* Any value but a container. */
static bool
scan_scalar(tubei_json *j, tubei_json_value *v)
{
    switch (json_peek(j)) {
    case '"': return scan_string(j, v);
    case 't': return scan_word(j, v, "true", TUBEI_JSON_BOOL);
    case 'f': return scan_word(j, v, "false", TUBEI_JSON_BOOL);
    case 'n': return scan_word(j, v, "null", TUBEI_JSON_NULL);
    case '\0': return json_fail(j, j->at, "expected a value");
    default: return scan_number(j, v);
    }
}

/* The containers that are open, one bit each: set for an object. */
struct nest {
    uint64_t object[TUBEI_JSON_DEPTH / 64];
    uint32_t depth;
};

static bool
nest_is_object(const struct nest *n)
{
    return n->object[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1;
}

static bool
scan_name(tubei_json *j, tubei_json_value *name)
{
    if (json_peek(j) != '"')
        return json_fail(j, j->at, "expected a name in quotes");
    if (!scan_string(j, name))
        return false;
    if (json_peek(j) != ':')
        return json_fail(j, j->at, "expected ':' behind a name");
    j->at++;
    return true;
}

/* Go into the container at the cursor.  1: it is empty and left again; 0: a value is
 * next; -1: failed. */
static int
nest_enter(tubei_json *j, struct nest *n)
{
    bool object = *j->at == '{';
    tubei_json_value name;

    if (n->depth == TUBEI_JSON_DEPTH) {
        json_fail(j, j->at, "values nest too deeply");
        return -1;
    }
    if (n->depth % 64 == 0)
        n->object[n->depth / 64] = 0;
    if (object)
        n->object[n->depth / 64] |= UINT64_C(1) << (n->depth % 64);
    else
        n->object[n->depth / 64] &= ~(UINT64_C(1) << (n->depth % 64));
    n->depth++;
    j->at++;
    if (json_peek(j) == (object ? '}' : ']')) {
        j->at++;
        n->depth--;
        return 1;
    }
    return !object || scan_name(j, &name) ? 0 : -1;
}

/* Go on behind a value.  1: the outermost container has ended; 0: a value is next;
 * -1: failed. */
static int
nest_after(tubei_json *j, struct nest *n)
{
    tubei_json_value name;

    while (n->depth > 0) {
        bool object = nest_is_object(n);
        char c = json_peek(j);

        if (c == ',') {
            j->at++;
            return !object || scan_name(j, &name) ? 0 : -1;
        }
        if (c != (object ? '}' : ']')) {
            json_fail(j, j->at, object ? "expected ',' or '}'" : "expected ',' or ']'");
            return -1;
        }
        j->at++;
        n->depth--;
    }
    return 1;
}

static bool
scan_nested(tubei_json *j, tubei_json_value *v)
{
    struct nest n;
    tubei_json_value scalar;
    int at_end = 0;

    n.depth = 0;
    v->kind = *j->at == '{' ? TUBEI_JSON_OBJECT : TUBEI_JSON_ARRAY;
    v->escaped = false;
    v->text = j->at;
    while (at_end == 0) {
        char c = json_peek(j);

        if (c == '{' || c == '[')
            at_end = nest_enter(j, &n);
        else
            at_end = scan_scalar(j, &scalar) ? 1 : -1;
        if (at_end == 1)
            at_end = nest_after(j, &n);
    }
    v->len = (size_t)(j->at - v->text);
    return at_end == 1;
}

bool
tubei_json_next(tubei_json *j, tubei_json_value *v)
{
    char c = json_peek(j);

    return c == '{' || c == '[' ? scan_nested(j, v) : scan_scalar(j, v);
}

bool
tubei_json_enter(tubei_json *j)
{
    if (json_peek(j) != '{')
        return json_fail(j, j->at, "expected an object");
    j->at++;
    return true;
}

int
tubei_json_member(tubei_json *j, bool *first, tubei_json_value *name,
                  tubei_json_value *v)
{
    char c = json_peek(j);

    if (c == '}') {
        j->at++;
        return 0;
    }
    if (!*first) {
        if (c != ',') {
            json_fail(j, j->at, "expected ',' or '}'");
            return -1;
        }
        j->at++;
    }
    *first = false;
    return scan_name(j, name) && tubei_json_next(j, v) ? 1 : -1;
}

bool
tubei_json_end(tubei_json *j)
{
    json_peek(j);
    return j->at == j->end || json_fail(j, j->at, "more text behind the value");
}

static uint32_t
read_hex4(const char *p)
{
    uint32_t u = 0;

    for (int i = 0; i < 4; i++)
        u = u << 4 | (uint32_t)hex_value(p[i]);
    return u;
}

static char *
put_utf8(char *out, uint32_t u)
{
    if (u < 0x80) {
        *out++ = (char)u;
    } else if (u < 0x800) {
        *out++ = (char)(0xC0 | u >> 6);
        *out++ = (char)(0x80 | (u & 0x3F));
    } else if (u < 0x10000) {
        *out++ = (char)(0xE0 | u >> 12);
        *out++ = (char)(0x80 | (u >> 6 & 0x3F));
        *out++ = (char)(0x80 | (u & 0x3F));
    } else {
        *out++ = (char)(0xF0 | u >> 18);
        *out++ = (char)(0x80 | (u >> 12 & 0x3F));
        *out++ = (char)(0x80 | (u >> 6 & 0x3F));
        *out++ = (char)(0x80 | (u & 0x3F));
    }
    return out;
}

/* Resolve "\uXXXX" at `p`, and the partner behind it; NULL: it has none.  The scanner
 * has checked the digits of all escapes. */
static const char *
unescape_unicode(const char *p, const char *end, char **out)
{
    uint32_t u = read_hex4(p + 2);
    uint32_t low;

    p += 6;
    if (u >= 0xD800 && u < 0xE000) {
        if (u >= 0xDC00 || end - p < 6 || p[0] != '\\' || p[1] != 'u')
            return NULL;
        low = read_hex4(p + 2);
        if (low < 0xDC00 || low >= 0xE000)
            return NULL;
        u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
        p += 6;
    }
    *out = put_utf8(*out, u);
    return p;
}

size_t
tubei_json_unescape(const tubei_json_value *v, char *out)
{
    static const char letters[] = "bfnrt";
    static const char meant[] = "\b\f\n\r\t";
    const char *p = v->text;
    const char *end = p + v->len;
    char *start = out;

    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = slash != NULL ? slash : end;
        const char *letter;

        memcpy(out, p, (size_t)(stop - p));
        out += stop - p;
        p = stop;
        if (p == end)
            break;
        if (p[1] == 'u') {
            p = unescape_unicode(p, end, &out);
            if (p == NULL)
                return SIZE_MAX;
            continue;
        }
        letter = strchr(letters, p[1]);
        *out++ = letter != NULL ? meant[letter - letters] : p[1];
        p += 2;
    }
    return (size_t)(out - start);
}
