/* SPDX-License-Identifier: MIT */
/* civil.h -- calendar arithmetic, and the time stamps of access logs. */
#ifndef TUBES_STAGES_CIVIL_H
#define TUBES_STAGES_CIVIL_H

#include "scan.h"

#include <stdbool.h>
#include <stdint.h>

#define TUBEI_SECOND INT64_C(1000000)
#define TUBEI_DAY    (86400 * TUBEI_SECOND)

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar. */
int64_t tubei_civil_days(int64_t year, uint32_t month, uint32_t day);

/** Days that a month has; `month` is 1..12. */
uint32_t tubei_civil_month_days(int64_t year, uint32_t month);

/** What is wrong with a text, and where. */
struct tubei_clf_error {
    uint32_t at;      /**< byte in the text that was to be parsed */
    char reason[120]; /**< one line of printable ASCII */
};

/** Bytes of "10/Oct/2000:13:55:36 -0700". */
enum { TUBEI_CLF_TIME = 26 };

/** The last date and zone that were seen, and what they came to; zero is empty. */
struct tubei_clf_clock {
    uint64_t date[2]; /**< bytes 0..7 and 4..11: "10/Oct/2000:" */
    uint64_t zone;    /**< bytes 20..25: " -0700" */
    int64_t midnight; /**< that date's 00:00:00 in that zone */
};

/**
 * Learn another date and zone.
 *
 * @param text  TUBEI_CLF_TIME bytes
 */
bool tubei_clf_clock_set(struct tubei_clf_clock *c, const char *text,
                         struct tubei_clf_error *e);

/** Say what is wrong with the time of day. */
void tubei_clf_clock_fail(const char *text, struct tubei_clf_error *e);

/**
 * "10/Oct/2000:13:55:36 -0700" to microseconds UTC.
 *
 * Second 60 is the first of the next minute.
 *
 * @param text  TUBEI_CLF_TIME bytes
 * @param e     e->at counts from `text`
 */
static inline bool
tubei_clf_time(struct tubei_clf_clock *c, const char *text, int64_t *us,
               struct tubei_clf_error *e)
{
    /* The digits' places get their values, those of the colons 0; then a byte that
     * is too high sets its top bit. */
    uint64_t day = tubei_load8(text + 12) ^ UINT64_C(0x30303a30303a3030);
    uint64_t high = ((day + UINT64_C(0x76767f76767f7676)) | day) & TUBEI_HIGHS;
    uint64_t two = day * 10 + (day >> 8);
    uint32_t hour = two & 0xff;
    uint32_t minute = two >> 24 & 0xff;
    uint32_t second = two >> 48 & 0xff;

    if (c->date[0] != tubei_load8(text) || c->date[1] != tubei_load8(text + 4)
        || c->zone != tubei_load8(text + 18) >> 16)
        if (!tubei_clf_clock_set(c, text, e))
            return false;
    if (high != 0 || hour > 23 || minute > 59 || second > 60) {
        tubei_clf_clock_fail(text, e);
        return false;
    }
    *us = c->midnight + (int64_t)((hour * 60 + minute) * 60 + second) * TUBEI_SECOND;
    return true;
}

#endif /* TUBES_STAGES_CIVIL_H */
