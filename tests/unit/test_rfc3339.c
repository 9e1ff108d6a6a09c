/* SPDX-License-Identifier: MIT */
/* test_rfc3339.c -- times as text and back, against tables and the C library. */
#include "../../stages/rfc3339.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

TestSuite(rfc3339, .timeout = 60);

struct stamp {
    const char *text;
    tubei_time_form form; /* the shortest that takes it; 0: none does */
    int64_t us;
};

#define FULL  TUBEI_TIME_FULL
#define SHORT TUBEI_TIME_SHORT
#define S     INT64_C(1000000)

/* clang-format off */
static const struct stamp stamps[] = {
    { "1970-01-01T00:00:00Z", FULL, 0 },
    { "1969-12-31T23:59:59.999999Z", FULL, -1 },
    { "1985-04-12T23:20:50.52Z", FULL, 482196050 * S + 520000 },
    { "1996-12-19T16:39:57-08:00", FULL, 851042397 * S },
    { "1990-12-31T23:59:60Z", FULL, 662688000 * S },
    { "1937-01-01T12:00:27.87+00:20", FULL, -1041337173 * S + 870000 },
    { "2024-02-29t12:00:00z", FULL, 1709208000 * S },
    { "2024-02-29 12:00:00Z", FULL, 1709208000 * S },
    { "2024-02-29T12:00:00.1234567899Z", FULL, 1709208000 * S + 123456 },
    { "2024-02-29T12:00:00-00:00", FULL, 1709208000 * S },
    { "0000-01-01T00:00:00Z", FULL, -62167219200 * S },
    { "9999-12-31T23:59:59Z", FULL, 253402300799 * S },
    { "2024-02-29", SHORT, 1709164800 * S },
    { "2024-02-29T12:00:00", SHORT, 1709208000 * S },
    { "2024-02-29 12:00", SHORT, 1709208000 * S },
    { "2024-02-29T12:00Z", SHORT, 1709208000 * S },
    { "2024-02-29T12:00+01:00", SHORT, 1709204400 * S },
    { "2024-02-29T12:00:00.5", SHORT, 1709208000 * S + 500000 },
    { "", 0, 0 }, { "2024", 0, 0 }, { "2024-02", 0, 0 }, { "2024-2-29", 0, 0 }, { "24-02-29", 0, 0 },
    { "2023-02-29", 0, 0 }, { "1900-02-29T00:00:00Z", 0, 0 }, { "2024-13-01", 0, 0 },
    { "2024-00-01", 0, 0 }, { "2024-01-00", 0, 0 }, { "2024-01-32", 0, 0 }, { "2024-04-31", 0, 0 },
    { "2024-01-01T", 0, 0 }, { "2024-01-01T12", 0, 0 }, { "2024-01-01T1:00:00Z", 0, 0 },
    { "2024-01-01T24:00:00Z", 0, 0 }, { "2024-01-01T12:60:00Z", 0, 0 }, { "2024-01-01T12:00:61Z", 0, 0 },
    { "2024-01-01T12:00:00.Z", 0, 0 }, { "2024-01-01T12:00:00,5Z", 0, 0 }, { "2024-01-01T12:00:00+1:00", 0, 0 },
    { "2024-01-01T12:00:00+24:00", 0, 0 }, { "2024-01-01T12:00:00+00:60", 0, 0 }, { "2024-01-01T12:00:00+0100", 0, 0 },
    { "2024-01-01T12:00:00Z ", 0, 0 }, { " 2024-01-01T12:00:00Z", 0, 0 }, { "2024-01-01T12:00:00ZZ", 0, 0 },
    { "2024/01/01", 0, 0 }, { "2024-01-01_12:00:00Z", 0, 0 }, { "2024-01-01Z", 0, 0 }, { "-2024-01-01", 0, 0 },
};
/* clang-format on */

Test(rfc3339, reads_what_the_form_asks_for)
{
    for (size_t i = 0; i < sizeof(stamps) / sizeof(stamps[0]); i++) {
        const struct stamp *t = &stamps[i];
        size_t len = strlen(t->text);
        int64_t us = 0;

        cr_expect_eq(tubei_time_read(t->text, len, FULL, &us), t->form == FULL, "%s",
                     t->text);
        if (t->form == FULL)
            cr_expect_eq(us, t->us, "%s: %jd", t->text, (intmax_t)us);
        cr_expect_eq(tubei_time_read(t->text, len, SHORT, &us), t->form != 0, "%s",
                     t->text);
        if (t->form != 0)
            cr_expect_eq(us, t->us, "%s: %jd", t->text, (intmax_t)us);
    }
}

Test(rfc3339, reads_no_byte_behind_the_text)
{
    int64_t us;

    cr_assert(!tubei_time_read("2024-01-01T00:00:00Z", 19, FULL, &us));
    cr_assert(!tubei_time_read("2024-01-01", 9, SHORT, &us));
    cr_assert(tubei_time_read("2024-01-01T00:00:00Zx", 20, FULL, &us));
}

static void
expect_text(int64_t us, const char *want)
{
    char out[TUBEI_TIME_MAX];
    size_t n = tubei_time_write(us, out);

    cr_expect(n == strlen(want) && memcmp(out, want, n) == 0, "%.*s, not %s", (int)n,
              out, want);
}

Test(rfc3339, writes_microseconds_only_if_there_are_any)
{
    expect_text(0, "1970-01-01T00:00:00Z");
    expect_text(1, "1970-01-01T00:00:00.000001Z");
    expect_text(-1, "1969-12-31T23:59:59.999999Z");
    expect_text(1709208000 * S + 500000, "2024-02-29T12:00:00.500000Z");
    expect_text(-62167219200 * S, "0000-01-01T00:00:00Z");
    expect_text(-62167219200 * S - 1, "-0001-12-31T23:59:59.999999Z");
    expect_text(253402300800 * S, "+10000-01-01T00:00:00Z");
    expect_text(INT64_MAX, "+294247-01-10T04:00:54.775807Z");
    expect_text(INT64_MIN, "-290308-12-21T19:59:05.224192Z");
}

Test(rfc3339, agrees_with_the_c_library_and_with_itself)
{
    for (int64_t s = -62167219200; s < 253402300800; s += 86400 * 13 + 3607) {
        time_t t = (time_t)s;
        struct tm tm;
        char want[40];
        char out[TUBEI_TIME_MAX];
        int64_t us;
        size_t n;

        cr_assert_not_null(gmtime_r(&t, &tm));
        snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                 tm.tm_sec);
        n = tubei_time_write(s * S, out);
        cr_assert(n == strlen(want) && memcmp(out, want, n) == 0, "%s", want);
        cr_assert(tubei_time_read(out, n, FULL, &us) && us == s * S, "%s", want);
    }
}
