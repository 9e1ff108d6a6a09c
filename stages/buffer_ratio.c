/* SPDX-License-Identifier: MIT */
/* buffer_ratio.c -- see buffer_ratio.h. */
#include "buffer_ratio.h"

#include <stdbool.h>
#include <stddef.h>

enum { SHOWN = 48 };

#define DEN_MOST 1000000000000u

/* Digits at *p, at least one and no more than DEN_MOST says. */
static bool
ratio_digits(const char **p, uint64_t *to)
{
    const char *first = *p;
    uint64_t v = 0;

    for (; **p >= '0' && **p <= '9' && v <= DEN_MOST; (*p)++)
        v = v * 10 + (uint64_t)(**p - '0');
    *to = v;
    return *p > first && v <= DEN_MOST;
}

/* ".5" behind the digits of a percentage. */
static bool
ratio_fraction(const char **p, tubei_ratio *r)
{
    const char *first = ++*p;

    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (r->den >= DEN_MOST)
            return false;
        r->num = r->num * 10 + (uint64_t)(**p - '0');
        r->den *= 10;
    }
    return *p > first;
}

static bool
ratio_parse(const char *p, tubei_ratio *r)
{
    if (!ratio_digits(&p, &r->num))
        return false;
    if (*p == '/') {
        p++;
        return ratio_digits(&p, &r->den) && *p == '\0';
    }
    r->den = 100;
    if (r->num > r->den)
        return false;
    if (*p == '.' && !ratio_fraction(&p, r))
        return false;
    return p[0] == '%' && p[1] == '\0';
}

tube_status
tubei_ratio_read(const char *text, tubei_ratio *to, tube_error *err)
{
    tubei_ratio r = { 0, 0 };

    if (!ratio_parse(text, &r) || r.num == 0 || r.num > r.den) {
        (void)tube_fail(err, TUBE_ECONFIG, "'%.*s' is no share of the records", SHOWN,
                        text);
        tube_hint(err, "1/100 is one in a hundred, 2.5%% the same as 1/40; more than 0 "
                       "and at most 100%%");
        return TUBE_ECONFIG;
    }
    *to = r;
    return TUBE_OK;
}
