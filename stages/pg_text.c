/* SPDX-License-Identifier: MIT */
/* pg_text.c -- see pg_text.h.
 *
 * source  the binary forms are those of PostgreSQL's *_recv() functions
 */
#include "pg_text.h"

#include "json.h"
#include "utf8.h"
#include "writer.h"

#include <arpa/inet.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (uint64_t)(x))

/* First byte that is not 0x01 to 0x7f, or some byte not far before it. */
static const char *
plain_run(const char *p, const char *end)
{
    uint64_t w;

    for (; end - p >= 8; p += 8) {
        memcpy(&w, p, sizeof(w));
        if (((w | (w - EACH_BYTE(1))) & EACH_BYTE(0x80)) != 0)
            break;
    }
    return p;
}

pg_text_flaw
tubei_pg_text_flaw(const char *p, size_t len)
{
    const char *end = p + len;

    for (p = plain_run(p, end); p < end; p = plain_run(p, end)) {
        uint32_t code;
        size_t n = tubei_utf8_next(p, (size_t)(end - p), &code);

        if (code == 0)
            return PG_TEXT_NUL;
        if (code == TUBEI_UTF8_BAD)
            return PG_TEXT_UTF8;
        p += n;
    }
    return PG_TEXT_GOOD;
}

size_t
tubei_pg_characters(const char *p, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)p[i] & 0xc0) != 0x80;
    return n;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool
tubei_pg_int_read(const char *p, size_t len, int64_t *v, bool *range)
{
    const char *end = p + len;
    bool negative = len > 0 && *p == '-';
    uint64_t n = 0;

    *range = false;
    p += len > 0 && (*p == '-' || *p == '+');
    if (p == end)
        return false;
    for (const char *d = p; d < end; d++)
        if (!is_digit(*d))
            return false;
    for (; p < end; p++)
        if (__builtin_mul_overflow(n, UINT64_C(10), &n)
            || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n)) {
            *range = true;
            return false;
        }
    *range = n > (uint64_t)INT64_MAX + negative;
    *v = (int64_t)(negative ? 0 - n : n);
    return !*range;
}

static bool
word_is(const char *p, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(p, word, len) == 0;
}

bool
tubei_pg_real_read(const char *p, size_t len, double *v, bool *range)
{
    bool negative = len > 0 && *p == '-';
    tubei_json j;
    tubei_json_value number;

    *range = false;
    if (len > 0 && *p == '+') {
        p++;
        len--;
    }
    if (word_is(p, len, "nan")) {
        *v = (double)NAN;
        return true;
    }
    if (word_is(p + negative, len - negative, "infinity")
        || word_is(p + negative, len - negative, "inf")) {
        *v = negative ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    j = tubei_json_start(p, len);
    if (len == 0 || (!negative && !is_digit(*p)) || !tubei_json_next(&j, &number)
        || j.at != j.end
        || (number.kind != TUBEI_JSON_INT && number.kind != TUBEI_JSON_REAL))
        return false;
    *range = !tubei_json_real(&number, v);
    return !*range;
}

bool
tubei_pg_bool_read(const char *p, size_t len, bool *v)
{
    static const char *const yes[] = { "t", "true", "yes", "y", "on", "1" };
    static const char *const no[] = { "f", "false", "no", "n", "off", "0" };

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        *v = word_is(p, len, yes[i]);
        if (*v || word_is(p, len, no[i]))
            return true;
    }
    return false;
}

static char *
put16(char *p, uint16_t v)
{
    v = htons(v);
    memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
}

/* A decimal number taken apart: digits without leading zeros, and where its point is. */
struct decimal {
    const char *digit; /* of the mantissa, the point among them */
    size_t n;          /* bytes of it */
    int64_t before;    /* digits before the point, the exponent counted in */
    int64_t scale;     /* digits behind it */
    bool negative;
};

enum { NUMERIC_BEFORE = 131072, NUMERIC_SCALE = 16383 };

static bool
exponent_read(const char *p, const char *end, int64_t *e)
{
    bool negative = p < end && *p == '-';

    p += p < end && (*p == '-' || *p == '+');
    if (p == end)
        return false;
    for (*e = 0; p < end; p++) {
        if (!is_digit(*p))
            return false;
        if (*e < 1000000)
            *e = *e * 10 + (*p - '0');
    }
    *e = negative ? -*e : *e;
    return true;
}

static bool
decimal_read(const char *p, size_t len, struct decimal *d)
{
    const char *end = p + len;
    const char *point = NULL;
    int64_t exponent = 0;
    size_t digits = 0;

    d->negative = len > 0 && *p == '-';
    p += len > 0 && (*p == '-' || *p == '+');
    d->digit = p;
    for (; p < end && (is_digit(*p) || (*p == '.' && point == NULL)); p++) {
        digits += *p != '.';
        if (*p == '.')
            point = p;
    }
    d->n = (size_t)(p - d->digit);
    if (digits == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        if (!exponent_read(p + 1, end, &exponent))
            return false;
    } else if (p != end) {
        return false;
    }
    d->before = (point != NULL ? point - d->digit : (int64_t)digits) + exponent;
    d->scale = (int64_t)digits - d->before;
    if (d->scale < 0)
        d->scale = 0;
    return true;
}

/* Leading zeros are not digits: they only move the point. */
static void
decimal_trim(struct decimal *d)
{
    while (d->n > 0 && (*d->digit == '0' || *d->digit == '.')) {
        d->before -= *d->digit == '0';
        d->digit++;
        d->n--;
    }
}

size_t
tubei_pg_numeric_read(const char *p, size_t len, char *out, bool *range)
{
    struct decimal d;
    char *to = out + PG_NUMERIC_HEAD;
    int64_t weight;
    int64_t place; /* of the next digit in its group of four, 0..3 */
    uint16_t group = 0;
    uint16_t groups = 0;

    *range = false;
    if (word_is(p, len, "nan")) {
        to = put16(put16(put16(put16(out, 0), 0), 0xc000), 0);
        return (size_t)(to - out);
    }
    if (!decimal_read(p, len, &d))
        return 0;
    decimal_trim(&d);
    if ((d.n > 0 && d.before > NUMERIC_BEFORE) || d.scale > NUMERIC_SCALE) {
        *range = true;
        return 0;
    }
    weight = (d.before > 0 ? d.before - 1 : d.before - 4) / 4;
    place = 3 - (d.before - 1 - 4 * weight);
    for (size_t i = 0; i < d.n; i++) {
        if (d.digit[i] == '.')
            continue;
        group = (uint16_t)(group * 10 + (d.digit[i] - '0'));
        if (++place == 4) {
            to = put16(to, group);
            groups++;
            group = 0;
            place = 0;
        }
    }
    if (d.n > 0 && place > 0) {
        for (; place < 4; place++)
            group = (uint16_t)(group * 10);
        to = put16(to, group);
        groups++;
    }
    (void)put16(put16(put16(put16(out, groups), groups > 0 ? (uint16_t)weight : 0),
                      d.negative && groups > 0 ? 0x4000 : 0),
                (uint16_t)d.scale);
    return (size_t)(to - out);
}

/* "/24" behind an address; without it all bits count. */
static bool
bits_read(const char *p, const char *end, int most, int *bits)
{
    *bits = most;
    if (p == end)
        return true;
    if (*p++ != '/' || p == end || end - p > 3)
        return false;
    for (*bits = 0; p < end; p++) {
        if (!is_digit(*p))
            return false;
        *bits = *bits * 10 + (*p - '0');
    }
    return *bits <= most;
}

size_t
tubei_pg_inet_read(const char *p, size_t len, bool cidr, char *out)
{
    enum { PGSQL_INET = 2, PGSQL_INET6 = 3 };
    const char *slash = memchr(p, '/', len);
    size_t host = slash != NULL ? (size_t)(slash - p) : len;
    bool six = memchr(p, ':', host) != NULL;
    char text[INET6_ADDRSTRLEN];
    int bits;

    if (host == 0 || host >= sizeof(text)
        || !bits_read(p + host, p + len, six ? 128 : 32, &bits))
        return 0;
    memcpy(text, p, host);
    text[host] = '\0';
    if (strlen(text) != host || inet_pton(six ? AF_INET6 : AF_INET, text, out + 4) != 1)
        return 0;
    out[0] = six ? PGSQL_INET6 : PGSQL_INET;
    out[1] = (char)bits;
    out[2] = (char)cidr;
    out[3] = six ? 16 : 4;
    return 4 + (size_t)out[3];
}

static int
hex_value(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool
tubei_pg_uuid_read(const char *p, size_t len, char out[PG_UUID_SIZE])
{
    size_t digits = 0;
    int high = 0;

    if (len >= 2 && p[0] == '{' && p[len - 1] == '}') {
        p++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++) {
        int v = hex_value(p[i]);

        /* A hyphen may stand between two groups of four digits. */
        if (p[i] == '-' && digits > 0 && digits < 32 && digits % 4 == 0
            && p[i - 1] != '-')
            continue;
        if (v < 0 || digits == 32)
            return false;
        if (digits % 2 == 0)
            high = v;
        else
            out[digits / 2] = (char)(high * 16 + v);
        digits++;
    }
    return digits == 32;
}

size_t
tubei_pg_int_write(int64_t v, char out[PG_INTEGER_MAX])
{
    tubei_writer w = { .cap = PG_INTEGER_MAX, .fd = -1 };

    w.buf = out;
    tubei_put_int(&w, v);
    return w.len;
}

size_t
tubei_pg_real_write(double v, char out[PG_REAL_MAX])
{
    tubei_writer w = { .cap = PG_REAL_MAX, .fd = -1 };

    w.buf = out;
    if (isfinite(v))
        tubei_put_real(&w, v);
    else
        tubei_put_string(&w, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
    return w.len;
}
