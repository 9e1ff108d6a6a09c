/* SPDX-License-Identifier: MIT */
/* value.c -- see value.h. */
#include "value.h"

#include "suggest.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN = 48,   /**< bytes of a value in a message */
    CHOICES = 32, /**< choices of an enum at most */
    CHOICE = 32,  /**< bytes of one */
};

struct value_unit {
    const char *name;
    int64_t factor;
};

static const struct value_unit sizes[] = {
    { "T", 1LL << 40 }, { "G", 1LL << 30 }, { "M", 1LL << 20 },
    { "k", 1LL << 10 }, { "", 1 },
};

static const struct value_unit times[] = {
    { "d", 86400000000000LL },
    { "h", 3600000000000LL },
    { "m", 60000000000LL },
    { "s", 1000000000LL },
    { "ms", 1000000LL },
    { "us", 1000LL },
    { "ns", 1 },
};

enum {
    SIZES = sizeof(sizes) / sizeof(sizes[0]),
    TIMES = sizeof(times) / sizeof(times[0])
};

/* Digits of a number from `*p` on; false: none, or too many. */
static bool
value_digits(const char **p, int64_t *to)
{
    bool minus = **p == '-';
    const char *first;
    int64_t v = 0;

    *p += minus;
    for (first = *p; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(v, 10, &v)
            || __builtin_sub_overflow(v, **p - '0', &v))
            return false;
    /* Counted downwards, because INT64_MIN has no positive twin. */
    if (*p == first || (!minus && __builtin_sub_overflow(0, v, &v)))
        return false;
    *to = v;
    return true;
}

static bool
value_same(const char *unit, const char *p, size_t n)
{
    return strlen(unit) == n && strncmp(unit, p, n) == 0;
}

/* The unit at `p`, `n` bytes: "k", "K", "KiB", "kB" and "kb" are one. */
static int64_t
value_size_factor(const char *p, size_t n)
{
    if (n >= 2 && (p[n - 1] == 'B' || p[n - 1] == 'b')) {
        n--;
        n -= n >= 2 && p[n - 1] == 'i';
    } else if (n == 1 && p[0] == 'B') {
        n = 0;
    }
    for (size_t i = 0; i < SIZES; i++)
        if (value_same(sizes[i].name, p, n)
            || (n == 1 && sizes[i].name[0] == (p[0] ^ 0x20)))
            return sizes[i].factor;
    return 0;
}

static int64_t
value_time_factor(const char *p, size_t n, int64_t number)
{
    for (size_t i = 0; i < TIMES; i++)
        if (value_same(times[i].name, p, n))
            return times[i].factor;
    return n == 0 && number == 0 ? 1 : 0;
}

/* A number with its unit, `n` bytes of `text`. */
static bool
value_number(tube_option_type type, const char *text, size_t n, int64_t *to)
{
    const char *p = text;
    int64_t factor = 1;
    size_t unit;

    if (!value_digits(&p, to) || (size_t)(p - text) > n)
        return false;
    unit = n - (size_t)(p - text);
    if (type == TUBE_OPT_SIZE)
        factor = value_size_factor(p, unit);
    else if (type == TUBE_OPT_TIME)
        factor = value_time_factor(p, unit, *to);
    else if (unit > 0)
        return false;
    return factor > 0 && !__builtin_mul_overflow(*to, factor, to)
           && (type == TUBE_OPT_INT || *to >= 0);
}

/* Whether `v` lies in a domain such as "1..64 threads" or "4M.."; others hold all. */
static bool
value_in_domain(const tube_option *o, int64_t v)
{
    const char *d = o->domain == NULL ? "" : o->domain;
    size_t n = strcspn(d, " ");
    const char *dots = strstr(d, "..");
    int64_t end;

    if (dots == NULL || (size_t)(dots - d) >= n)
        return true;
    if (value_number(o->type, d, (size_t)(dots - d), &end) && v < end)
        return false;
    n -= (size_t)(dots - d) + 2;
    return n == 0 || !value_number(o->type, dots + 2, n, &end) || v <= end;
}

static tube_status
value_read_number(const tube_option *o, const char *text, int64_t *to, tube_error *err)
{
    tube_status st;

    if (!value_number(o->type, text, strlen(text), to)) {
        if (o->type == TUBE_OPT_SIZE) {
            st = tube_fail(err, TUBE_ECONFIG, "'%.*s' is no size", SHOWN, text);
            tube_hint(err, "write bytes, or a number with k, M or G: 64k");
        } else if (o->type == TUBE_OPT_TIME) {
            st = tube_fail(err, TUBE_ECONFIG, "'%.*s' is no duration", SHOWN, text);
            tube_hint(err, "write a number with its unit: 250ms, 5s, 2m, 1h");
        } else {
            st = tube_fail(err, TUBE_ECONFIG, "'%.*s' is no whole number", SHOWN, text);
        }
        return st;
    }
    if (value_in_domain(o, *to))
        return TUBE_OK;
    st = tube_fail(err, TUBE_ECONFIG, "%.*s is out of range", SHOWN, text);
    tube_hint(err, "it can be %s", o->domain);
    return st;
}

static tube_status
value_read_bool(const char *text, bool *to, tube_error *err)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            *to = i % 2 != 0;
            return TUBE_OK;
        }
    }
    tube_fail(err, TUBE_ECONFIG, "'%.*s' is neither yes nor no", SHOWN, text);
    return TUBE_ECONFIG;
}

/* Choice `i` of "a|b|c", its length in `n`; NULL behind the last. */
static const char *
value_choice(const char *domain, int64_t i, size_t *n)
{
    for (; i > 0 && domain != NULL; i--) {
        domain = strchr(domain, '|');
        if (domain != NULL)
            domain++;
    }
    if (domain != NULL)
        *n = strcspn(domain, "| ");
    return domain;
}

static tube_status
value_read_enum(const tube_option *o, const char *text, int64_t *to, tube_error *err)
{
    char copy[CHOICES][CHOICE];
    const char *names[CHOICES];
    const char *choice;
    const char *near;
    size_t n = 0;
    int64_t i;

    for (i = 0; i < CHOICES && (choice = value_choice(o->domain, i, &n)) != NULL; i++) {
        if (value_same(text, choice, n)) {
            *to = i;
            return TUBE_OK;
        }
        snprintf(copy[i], CHOICE, "%.*s", (int)n, choice);
        names[i] = copy[i];
    }
    tube_fail(err, TUBE_ECONFIG, "'%.*s' is none of the choices", SHOWN, text);
    near = tube_nearest(text, names, (size_t)i);
    if (near != NULL)
        tube_hint(err, "did you mean '%s'?   choices: %s", near, o->domain);
    else
        tube_hint(err, "choices: %s", o->domain);
    return TUBE_ECONFIG;
}

tube_status
tubei_value_read(const tube_option *o, const char *text, void *to, tube_error *err)
{
    switch (o->type) {
    case TUBE_OPT_BOOL: return value_read_bool(text, to, err);
    case TUBE_OPT_ENUM: return value_read_enum(o, text, to, err);
    case TUBE_OPT_INT:
    case TUBE_OPT_SIZE:
    case TUBE_OPT_TIME: return value_read_number(o, text, to, err);
    case TUBE_OPT_TEXT:
    case TUBE_OPT_LIST:
    case TUBE_OPT_EXPR: break;
    }
    return tube_fail(err, TUBE_EINVAL, "option '%s' is no scalar", o->name);
}

static const char *
value_unit_text(const struct value_unit *unit, size_t n, int64_t v, char *buf,
                size_t len)
{
    size_t i = 0;

    while (i + 1 < n && (v == 0 || v % unit[i].factor != 0))
        i++;
    snprintf(buf, len, "%" PRId64 "%s", v / unit[i].factor, unit[i].name);
    return buf;
}

const char *
tubei_value_text(const tube_option *o, const void *from, char *buf, size_t len)
{
    const char *choice;
    size_t n = 0;
    int64_t v;

    if (o->type == TUBE_OPT_BOOL) {
        snprintf(buf, len, "%s", *(const bool *)from ? "yes" : "no");
        return buf;
    }
    v = *(const int64_t *)from;
    if (o->type == TUBE_OPT_SIZE)
        return value_unit_text(sizes, SIZES, v, buf, len);
    if (o->type == TUBE_OPT_TIME)
        return value_unit_text(times, TIMES, v, buf, len);
    if (o->type == TUBE_OPT_ENUM) {
        choice = value_choice(o->domain, v, &n);
        snprintf(buf, len, "%.*s", (int)n, choice == NULL ? "" : choice);
        return buf;
    }
    snprintf(buf, len, "%" PRId64, v);
    return buf;
}
