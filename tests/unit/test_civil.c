/* SPDX-License-Identifier: MIT */
/* test_civil.c -- the calendar against the C library's, time stamps against a table. */
#include "../../stages/civil.h"

#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

TestSuite(civil, .timeout = 60);

Test(civil, days_follow_each_other_for_ten_thousand_years)
{
    int64_t day = -719528;

    for (int64_t y = 0; y < 10000; y++)
        for (uint32_t m = 1; m <= 12; m++)
            for (uint32_t d = 1; d <= tubei_civil_month_days(y, m); d++)
                cr_assert_eq(tubei_civil_days(y, m, d), day++);
    cr_assert_eq(tubei_civil_days(1970, 1, 1), 0);
    cr_assert_eq(tubei_civil_days(2000, 3, 1), 11017);
    cr_assert_eq(tubei_civil_days(-1, 12, 31), -719529);
}

Test(civil, months_have_their_days)
{
    static const uint32_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    for (uint32_t m = 1; m <= 12; m++)
        cr_assert_eq(tubei_civil_month_days(2023, m), days[m - 1]);
    cr_assert_eq(tubei_civil_month_days(2024, 2), 29);
    cr_assert_eq(tubei_civil_month_days(2000, 2), 29);
    cr_assert_eq(tubei_civil_month_days(1900, 2), 28);
}

struct stamp {
    char text[TUBEI_CLF_TIME + 1];
    int64_t seconds;
    const char *reason; /* NULL: seconds are right */
    uint32_t at;
};

/* clang-format off */
static const struct stamp stamps[] = {
    { "10/Oct/2000:13:55:36 -0700", 971211336, NULL, 0 },
    { "01/Jan/1970:00:00:00 +0000", 0, NULL, 0 },
    { "31/Dec/1969:23:59:59 +0000", -1, NULL, 0 },
    { "29/Feb/2024:23:59:59 +0000", 1709251199, NULL, 0 },
    { "29/Feb/2000:00:00:00 +0530", 951762600, NULL, 0 },
    { "01/Jan/2015:00:00:00 +1400", 1420020000, NULL, 0 },
    { "01/Jan/2015:00:00:00 -1130", 1420111800, NULL, 0 },
    { "30/Jun/2015:23:59:60 +0000", 1435708800, NULL, 0 },
    { "01/Jan/0000:00:00:00 +0000", -62167219200, NULL, 0 },
    { "31/Dec/9999:23:59:59 +0000", 253402300799, NULL, 0 },
    { "29/Feb/2023:00:00:00 +0000", 0, "bad day '29' in the time stamp", 0 },
    { "31/Apr/2023:00:00:00 +0000", 0, "bad day '31' in the time stamp", 0 },
    { "00/Jan/2023:00:00:00 +0000", 0, "bad day '00' in the time stamp", 0 },
    { "1x/Jan/2023:00:00:00 +0000", 0, "bad day '1x' in the time stamp", 0 },
    { "10/Foo/2000:13:55:36 -0700", 0, "bad month 'Foo' in the time stamp", 3 },
    { "10/oct/2000:13:55:36 -0700", 0, "bad month 'oct' in the time stamp", 3 },
    { "10/nFe/2000:13:55:36 -0700", 0, "bad month 'nFe' in the time stamp", 3 },
    { "10/\x80\n\x01/2000:13:55:36 -0700", 0, "bad month '?\?\?' in the time stamp", 3 },
    { "10/Oct/20x0:13:55:36 -0700", 0, "bad year '20x0' in the time stamp", 7 },
    { "10-Oct-2000:13:55:36 -0700", 0, "bad date '10-Oct-2000:' in the time stamp", 0 },
    { "10/Oct/2000 13:55:36 -0700", 0, "bad date '10/Oct/2000 ' in the time stamp", 0 },
    { "10/Oct/2000:24:00:00 -0700", 0, "bad time of day '24:00:00' in the time stamp", 12 },
    { "10/Oct/2000:13:60:00 -0700", 0, "bad time of day '13:60:00' in the time stamp", 12 },
    { "10/Oct/2000:13:55:61 -0700", 0, "bad time of day '13:55:61' in the time stamp", 12 },
    { "10/Oct/2000:13.55:36 -0700", 0, "bad time of day '13.55:36' in the time stamp", 12 },
    { "10/Oct/2000:13:55:3/ -0700", 0, "bad time of day '13:55:3/' in the time stamp", 12 },
    { "10/Oct/2000:1::55:36 -0700", 0, "bad time of day '1::55:36' in the time stamp", 12 },
    { "10/Oct/2000:13:55:36 *0700", 0, "bad zone '*0700' in the time stamp", 21 },
    { "10/Oct/2000:13:55:36 +1600", 0, "bad zone '+1600' in the time stamp", 21 },
    { "10/Oct/2000:13:55:36 +0060", 0, "bad zone '+0060' in the time stamp", 21 },
    { "10/Oct/2000:13:55:36-+0000", 0, "bad zone '+0000' in the time stamp", 21 },
    { "10/Oct/2000:13:55:36 +00:0", 0, "bad zone '+00:0' in the time stamp", 21 },
};
/* clang-format on */

static void
check(const struct stamp *t)
{
    char text[TUBEI_CLF_TIME + TUBE_PAD] = { 0 };
    struct tubei_clf_clock clock = { .midnight = 7 };
    struct tubei_clf_error e;
    int64_t us = 0;

    memcpy(text, t->text, TUBEI_CLF_TIME);
    /* Twice: the second time date and zone are known. */
    for (int i = 0; i < 2; i++) {
        bool ok = tubei_clf_time(&clock, text, &us, &e);

        cr_assert_eq(ok, t->reason == NULL, "%s", t->text);
        if (ok) {
            cr_assert_eq(us, t->seconds * TUBEI_SECOND, "%s: %lld", t->text,
                         (long long)us);
            continue;
        }
        cr_assert_str_eq(e.reason, t->reason);
        cr_assert_eq(e.at, t->at);
    }
}

Test(civil, time_stamps)
{
    for (size_t i = 0; i < sizeof(stamps) / sizeof(*stamps); i++)
        check(&stamps[i]);
}

Test(civil, a_clock_that_knows_another_date_or_zone)
{
    struct tubei_clf_clock clock = { 0 };
    struct tubei_clf_error e;

    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 8; k++) {
            char text[TUBEI_CLF_TIME + TUBE_PAD] = { 0 };
            int64_t us;

            memcpy(text, stamps[k].text, TUBEI_CLF_TIME);
            memcpy(text + 20, stamps[i].text + 20, 6); /* the other's zone */
            struct tubei_clf_clock fresh = { 0 };
            int64_t want;
            cr_assert(tubei_clf_time(&fresh, text, &want, &e));
            cr_assert(tubei_clf_time(&clock, text, &us, &e));
            cr_assert_eq(us, want, "%s", text);
        }
}

Test(civil, each_second_of_a_day)
{
    struct tubei_clf_clock clock = { 0 };
    struct tubei_clf_error e;

    for (time_t t = 1709164800; t < 1709164800 + 86400; t++) {
        char text[TUBEI_CLF_TIME + TUBE_PAD];
        struct tm tm;
        int64_t us;

        gmtime_r(&t, &tm);
        strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S +0000", &tm);
        cr_assert(tubei_clf_time(&clock, text, &us, &e));
        cr_assert_eq(us, t * TUBEI_SECOND);
    }
}

Test(civil, a_bad_stamp_does_not_spoil_the_clock)
{
    char good[TUBEI_CLF_TIME + TUBE_PAD] = "10/Oct/2000:13:55:36 -0700";
    char bad[TUBEI_CLF_TIME + TUBE_PAD] = "10/Oct/2000:13:55:36 -0799";
    struct tubei_clf_clock clock = { 0 };
    struct tubei_clf_error e;
    int64_t us;

    cr_assert(tubei_clf_time(&clock, good, &us, &e));
    cr_assert(!tubei_clf_time(&clock, bad, &us, &e));
    cr_assert(!tubei_clf_time(&clock, bad, &us, &e));
    cr_assert(tubei_clf_time(&clock, good, &us, &e));
    cr_assert_eq(us, 971211336 * TUBEI_SECOND);
}
