/* SPDX-License-Identifier: MIT */
/* rfc3339.c -- see rfc3339.h.
 *
 * source  RFC 3339 5.6; the Gregorian calendar is used for all years
 */
#include "rfc3339.h"

#include "civil.h"

#include <string.h>

enum {
    SECONDS_A_DAY = 86400,
    DAYS_AN_ERA = 146097,     /* 400 years */
    DAYS_BEFORE_1970 = 719468 /* from 0000-03-01 */
};

struct reader {
    const char *at;
    const char *end;
};

/* Exactly `n` digits; -1: they are not there. */
static int
read_digits(struct reader *r, int n)
{
    int v = 0;

    if (r->end - r->at < n)
        return -1;
    for (int i = 0; i < n; i++) {
        if (r->at[i] < '0' || r->at[i] > '9')
            return -1;
        v = v * 10 + (r->at[i] - '0');
    }
    r->at += n;
    return v;
}

static bool
read_char(struct reader *r, const char *any_of)
{
    if (r->at == r->end || *r->at == '\0' || strchr(any_of, *r->at) == NULL)
        return false;
    r->at++;
    return true;
}

static bool
read_date(struct reader *r, int64_t *seconds)
{
    int year = read_digits(r, 4);
    int month = year >= 0 && read_char(r, "-") ? read_digits(r, 2) : -1;
    int day = month >= 1 && month <= 12 && read_char(r, "-") ? read_digits(r, 2) : -1;

    if (day < 1 || (uint32_t)day > tubei_civil_month_days(year, (uint32_t)month))
        return false;
    *seconds = tubei_civil_days(year, (uint32_t)month, (uint32_t)day) * SECONDS_A_DAY;
    return true;
}

static bool
read_fraction(struct reader *r, int64_t *us)
{
    int64_t unit = TUBEI_SECOND;

    *us = 0;
    if (!read_char(r, "."))
        return true;
    if (r->at == r->end || *r->at < '0' || *r->at > '9')
        return false;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        unit /= 10;
        *us += unit * (*r->at - '0');
    }
    return true;
}

/* "12:30", "12:30:59" or "12:30:59.25"; the full form has the seconds. */
static bool
read_clock(struct reader *r, tubei_time_form form, int64_t *seconds, int64_t *us)
{
    int hour = read_digits(r, 2);
    int minute = hour >= 0 && hour < 24 && read_char(r, ":") ? read_digits(r, 2) : -1;
    int second = 0;

    *us = 0;
    if (minute < 0 || minute > 59)
        return false;
    if (form == TUBEI_TIME_FULL || (r->at < r->end && *r->at == ':')) {
        second = read_char(r, ":") ? read_digits(r, 2) : -1;
        if (second < 0 || second > 60 || !read_fraction(r, us))
            return false;
    }
    *seconds += hour * 3600 + minute * 60 + second;
    return true;
}

static bool
read_zone(struct reader *r, int64_t *seconds)
{
    bool west;
    int hour;
    int minute;
    int zone;

    if (read_char(r, "Zz"))
        return true;
    west = r->at < r->end && *r->at == '-';
    if (!read_char(r, "+-"))
        return false;
    hour = read_digits(r, 2);
    minute = hour >= 0 && hour < 24 && read_char(r, ":") ? read_digits(r, 2) : -1;
    if (minute < 0 || minute > 59)
        return false;
    zone = hour * 3600 + minute * 60;
    *seconds -= west ? -zone : zone;
    return true;
}

bool
tubei_time_read(const char *text, size_t len, tubei_time_form form, int64_t *us)
{
    struct reader r = { text, text + len };
    int64_t seconds;
    int64_t fraction = 0;
    bool full = form == TUBEI_TIME_FULL;

    if (!read_date(&r, &seconds))
        return false;
    if (full || r.at < r.end) {
        if (!read_char(&r, "Tt ") || !read_clock(&r, form, &seconds, &fraction))
            return false;
        if ((full || r.at < r.end) && !read_zone(&r, &seconds))
            return false;
    }
    *us = seconds * TUBEI_SECOND + fraction;
    return r.at == r.end;
}

static char *
put_digits(char *out, int64_t v, int at_least)
{
    char digit[20];
    int n = 0;

    do
        digit[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    for (int i = n; i < at_least; i++)
        *out++ = '0';
    while (n > 0)
        *out++ = digit[--n];
    return out;
}

static char *
put_date(char *out, int64_t days)
{
    int64_t z = days + DAYS_BEFORE_1970;
    int64_t era = (z >= 0 ? z : z - DAYS_AN_ERA + 1) / DAYS_AN_ERA;
    int64_t of_era = z - era * DAYS_AN_ERA;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_AN_ERA - 1)) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t day = of_year - (153 * month + 2) / 5 + 1;

    year += era * 400 + (month >= 10);
    if (year < 0)
        *out++ = '-';
    else if (year > 9999)
        *out++ = '+';
    out = put_digits(out, year < 0 ? -year : year, 4);
    *out++ = '-';
    out = put_digits(out, month + (month < 10 ? 3 : -9), 2);
    *out++ = '-';
    return put_digits(out, day, 2);
}

size_t
tubei_time_write(int64_t us, char out[TUBEI_TIME_MAX])
{
    int64_t seconds = us / TUBEI_SECOND - (us % TUBEI_SECOND < 0);
    int64_t fraction = us % TUBEI_SECOND + (us % TUBEI_SECOND < 0 ? TUBEI_SECOND : 0);
    int64_t days = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0);
    int64_t clock = seconds - days * SECONDS_A_DAY;
    char *p = put_date(out, days);

    *p++ = 'T';
    p = put_digits(p, clock / 3600, 2);
    *p++ = ':';
    p = put_digits(p, clock / 60 % 60, 2);
    *p++ = ':';
    p = put_digits(p, clock % 60, 2);
    if (fraction != 0) {
        *p++ = '.';
        p = put_digits(p, fraction, 6);
    }
    *p++ = 'Z';
    return (size_t)(p - out);
}
