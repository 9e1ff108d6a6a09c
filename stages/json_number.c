/* SPDX-License-Identifier: MIT */
/* json_number.c -- JSON's numbers as 64-bit integers and doubles, exactly rounded.
 *
 * The C library's strtod() reads the decimal point that the program's locale has, so
 * it is only ever given digits and an exponent.
 */
#include "json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
tubei_json_int(const tubei_json_value *v, int64_t *out)
{
    const char *p = v->text;
    const char *end = p + v->len;
    bool negative = *p == '-';
    uint64_t n = 0;

    for (p += negative; p < end; p++) {
        if (__builtin_mul_overflow(n, UINT64_C(10), &n)
            || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
            return false;
    }
    if (n > (uint64_t)INT64_MAX + negative)
        return false;
    *out = (int64_t)(negative ? 0 - n : n);
    return true;
}

enum {
    /* A double is decided by 767 significant digits and by whether more follow. */
    DIGITS_MAX = 800,
    EXPONENT_MAX = 100000, /* far over what a double can hold */
};

/* A number as digits * 10^exponent. */
struct decimal {
    uint64_t small; /* the first 19 digits as a number */
    uint32_t n;     /* significant digits in `digit` */
    bool negative;
    bool more; /* digits that are not zero had no room */
    int64_t exponent;
    char digit[DIGITS_MAX];
};

static void
decimal_digit(struct decimal *d, char c, bool fraction)
{
    d->exponent -= fraction;
    if (d->n == 0 && c == '0')
        return;
    if (d->n == DIGITS_MAX) {
        d->more |= c != '0';
        d->exponent++;
        return;
    }
    if (d->n < 19)
        d->small = d->small * 10 + (uint64_t)(c - '0');
    d->digit[d->n++] = c;
}

static void
decimal_read(struct decimal *d, const char *p, const char *end)
{
    int64_t exponent = 0;
    bool fraction = false;
    bool negative;

    d->small = 0;
    d->n = 0;
    d->more = false;
    d->exponent = 0;
    d->negative = *p == '-';
    for (p += d->negative; p < end && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.')
            fraction = true;
        else
            decimal_digit(d, *p, fraction);
    }
    if (p == end)
        return;
    negative = *++p == '-';
    p += *p == '-' || *p == '+';
    for (; p < end; p++)
        if (exponent < INT64_C(1) << 40)
            exponent = exponent * 10 + (*p - '0');
    d->exponent += negative ? -exponent : exponent;
}

static double
decimal_slow(const struct decimal *d)
{
    char text[DIGITS_MAX + 32];
    int64_t exponent = d->exponent;
    size_t n = d->n;

    memcpy(text, d->digit, n);
    if (d->more) {
        text[n++] = '1';
        exponent--;
    }
    if (exponent > EXPONENT_MAX)
        exponent = EXPONENT_MAX;
    if (exponent < -EXPONENT_MAX)
        exponent = -EXPONENT_MAX;
    (void)snprintf(text + n, sizeof(text) - n, "e%d", (int)exponent);
    return strtod(text, NULL);
}

bool
tubei_json_real(const tubei_json_value *v, double *out)
{
    static const double power[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    struct decimal d;
    double x;

    decimal_read(&d, v->text, v->text + v->len);
    if (d.n == 0)
        x = 0;
    /* Both factors are exact, so one rounding is all there is. */
    else if (FLT_EVAL_METHOD == 0 && d.small <= UINT64_C(1) << 53 && d.exponent >= -22
             && d.exponent <= 22)
        x = d.exponent < 0 ? (double)d.small / power[-d.exponent]
                           : (double)d.small * power[d.exponent];
    else
        x = decimal_slow(&d);
    *out = d.negative ? -x : x;
    return isfinite(x);
}
