/* SPDX-License-Identifier: MIT */
/* civil.c -- dates to days, and the date and zone of "10/Oct/2000:13:55:36 -0700". */
#include "civil.h"

#include <stdio.h>

int64_t
tubei_civil_days(int64_t year, uint32_t month, uint32_t day)
{
    /* Years begin with March, so that the leap day is a year's last: the lengths of
     * the months before it then follow one line, (153 m + 2) / 5. */
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * ((int64_t)(month + 9) % 12) + 2) / 5 + (int64_t)day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

uint32_t
tubei_civil_month_days(int64_t year, uint32_t month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    if (month == 2)
        return leap ? 29 : 28;
    return 30 + (month + (month > 7)) % 2;
}

static bool
clock_fail(struct tubei_clf_error *e, uint32_t at, const char *what, const char *text,
           uint32_t len)
{
    char shown[16];

    for (uint32_t i = 0; i < len; i++) {
        char c = text[at + i];

        shown[i] = (char)(' ' <= c && c <= '~' ? c : '?');
    }
    e->at = at;
    snprintf(e->reason, sizeof(e->reason), "%s '%.*s' in the time stamp", what,
             (int)len, shown);
    return false;
}

/* `n` digits at `p`, or -1. */
static int
digits(const char *p, int n)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

/* 1..12, or 0. */
static uint32_t
month_of(const char *p)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    const char *name = names;

    for (uint32_t m = 1; m <= 12; m++, name += 3)
        if (memcmp(p, name, 3) == 0)
            return m;
    return 0;
}

bool
tubei_clf_clock_set(struct tubei_clf_clock *c, const char *text,
                    struct tubei_clf_error *e)
{
    int day = digits(text, 2);
    uint32_t month = month_of(text + 3);
    int year = digits(text + 7, 4);
    int zone_hour = digits(text + 22, 2);
    int zone_minute = digits(text + 24, 2);
    int64_t zone;

    if (text[2] != '/' || text[6] != '/' || text[11] != ':')
        return clock_fail(e, 0, "bad date", text, 12);
    if (month == 0)
        return clock_fail(e, 3, "bad month", text, 3);
    if (year < 0)
        return clock_fail(e, 7, "bad year", text, 4);
    if (day < 1 || (uint32_t)day > tubei_civil_month_days(year, month))
        return clock_fail(e, 0, "bad day", text, 2);
    if (text[20] != ' ' || (text[21] != '+' && text[21] != '-') || zone_hour < 0
        || zone_hour > 15 || zone_minute < 0 || zone_minute > 59)
        return clock_fail(e, 21, "bad zone", text, 5);
    zone = ((int64_t)zone_hour * 60 + zone_minute) * 60 * TUBEI_SECOND;
    c->midnight = tubei_civil_days(year, month, (uint32_t)day) * TUBEI_DAY
                  + (text[21] == '-' ? zone : -zone);
    c->date[0] = tubei_load8(text);
    c->date[1] = tubei_load8(text + 4);
    c->zone = tubei_load8(text + 18) >> 16;
    return true;
}

void
tubei_clf_clock_fail(const char *text, struct tubei_clf_error *e)
{
    clock_fail(e, 12, "bad time of day", text, 8);
}
