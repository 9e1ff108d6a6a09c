/* SPDX-License-Identifier: MIT */
/* test_pg_text.c -- text to PostgreSQL's binary forms. */
#include "pg_text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

TestSuite(pg_text, .timeout = 60);

/* Parsers may read beyond the end. */
static const char *
padded(const char *text)
{
    static char buf[512];

    memset(buf, '9', sizeof(buf));
    memcpy(buf, text, strlen(text));
    return buf;
}

Test(pg_text, every_two_byte_sequence_is_judged_as_the_standard_says)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char p[] = { (char)a, (char)b };
            pg_text_flaw expected = PG_TEXT_GOOD;

            if (a == 0 || (a < 0x80 && b == 0))
                expected = PG_TEXT_NUL;
            else if (a < 0x80 ? b >= 0x80 : a < 0xc2 || a > 0xdf || (b & 0xc0) != 0x80)
                expected = PG_TEXT_UTF8;
            cr_assert_eq(tubei_pg_text_flaw(p, 2), expected, "%02x %02x", a, b);
        }
    }
}

Test(pg_text, a_flaw_is_found_at_every_place)
{
    char text[40];

    for (size_t len = 1; len <= 32; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', sizeof(text));
            cr_assert_eq(tubei_pg_text_flaw(text, len), PG_TEXT_GOOD);
            text[at] = '\0';
            cr_assert_eq(tubei_pg_text_flaw(text, len), PG_TEXT_NUL, "%zu of %zu", at,
                         len);
            text[at] = '\xff';
            cr_assert_eq(tubei_pg_text_flaw(text, len), PG_TEXT_UTF8);
            cr_assert_eq(tubei_pg_text_flaw(text, at), PG_TEXT_GOOD);
        }
    }
}

struct utf8_case {
    char text[8];
    int good;
};

ParameterizedTestParameters(pg_text, longer_sequences)
{
    static struct utf8_case cases[] = {
        { "\xe2\x82\xac", 1 },     { "\xf0\x9f\x98\x80", 1 },
        { "\xf4\x8f\xbf\xbf", 1 }, { "\xed\x9f\xbf", 1 },
        { "\xef\xbf\xbe", 1 },     { "\xed\xa0\x80", 0 },
        { "\xe0\x9f\xbf", 0 },     { "\xf0\x8f\xbf\xbf", 0 },
        { "\xf4\x90\x80\x80", 0 }, { "\xf8\x88\x80\x80\x80", 0 },
        { "\xe2\x82", 0 },         { "\xe2\x82x", 0 },
    };

    return cr_make_param_array(struct utf8_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct utf8_case *c, pg_text, longer_sequences)
{
    cr_assert_eq(tubei_pg_text_flaw(c->text, strlen(c->text)) == PG_TEXT_GOOD, c->good);
}

struct int_case {
    char text[32];
    int good;
    int range;
    int64_t value;
};

ParameterizedTestParameters(pg_text, integers)
{
    static struct int_case cases[] = {
        { "0", 1, 0, 0 },
        { "-1", 1, 0, -1 },
        { "+7", 1, 0, 7 },
        { "9223372036854775807", 1, 0, INT64_MAX },
        { "-9223372036854775808", 1, 0, INT64_MIN },
        { "9223372036854775808", 0, 1, 0 },
        { "-9223372036854775809", 0, 1, 0 },
        { "99999999999999999999", 0, 1, 0 },
        { "", 0, 0, 0 },
        { "-", 0, 0, 0 },
        { " 1", 0, 0, 0 },
        { "1.0", 0, 0, 0 },
        { "99999999999999999999x", 0, 0, 0 },
    };

    return cr_make_param_array(struct int_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct int_case *c, pg_text, integers)
{
    int64_t v = 0;
    bool range;

    cr_assert_eq(tubei_pg_int_read(padded(c->text), strlen(c->text), &v, &range),
                 c->good);
    cr_assert_eq(range, c->range);
    if (c->good)
        cr_assert_eq(v, c->value);
}

struct real_case {
    char text[32];
    int good;
    double value;
};

ParameterizedTestParameters(pg_text, reals)
{
    static struct real_case cases[] = {
        { "1.5", 1, 1.5 },
        { "+2", 1, 2 },
        { "-0.25e2", 1, -25 },
        { "inf", 1, INFINITY },
        { "-Infinity", 1, -INFINITY },
        { "1e400", 0, 0 },
        { "", 0, 0 },
        { "1.5x", 0, 0 },
        { "true", 0, 0 },
        { "\"1\"", 0, 0 },
        { " 1", 0, 0 },
    };

    return cr_make_param_array(struct real_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct real_case *c, pg_text, reals)
{
    double v = 0;
    bool range;

    cr_assert_eq(tubei_pg_real_read(padded(c->text), strlen(c->text), &v, &range),
                 c->good);
    if (c->good)
        cr_assert(v >= c->value && v <= c->value);
}

struct numeric_case {
    char text[40];
    char hex[80]; /* of numeric_send(); "": not a number */
};

ParameterizedTestParameters(pg_text, numerics)
{
    /* As SELECT encode(numeric_send('...'), 'hex') gives them. */
    static struct numeric_case cases[] = {
        { "0", "0000000000000000" },
        { "-0.00", "0000000000000002" },
        { "1", "00010000000000000001" },
        { "-1", "00010000400000000001" },
        { "10000", "00010001000000000001" },
        { "1e4", "00010001000000000001" },
        { "12345678.9", "000300010000000104d2162e2328" },
        { "0.0001", "0001ffff000000040001" },
        { "0.00001", "0001fffe0000000503e8" },
        { "1.5e-3", "0001ffff00000004000f" },
        { "NaN", "00000000c0000000" },
        { ".5", "0001ffff000000011388" },
        { "5.", "00010000000000000005" },
        { ".", "" },
        { "", "" },
        { "1e", "" },
        { "1.2.3", "" },
        { "0x10", "" },
    };

    return cr_make_param_array(struct numeric_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct numeric_case *c, pg_text, numerics)
{
    char out[64];
    char hex[129] = "";
    bool range;
    size_t n = tubei_pg_numeric_read(padded(c->text), strlen(c->text), out, &range);

    for (size_t i = 0; i < n; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)out[i]);
    /* Trailing groups of zeros are allowed on the way in: cut them for the comparison. */
    cr_assert_eq(
        strncmp(hex + 4, c->hex + (n > 0 ? 4 : 0), strlen(c->hex) - (n > 0 ? 4 : 0)), 0,
        "%s: %s", c->text, hex);
    cr_assert_eq(n > 0, c->hex[0] != '\0');
}

Test(pg_text, numbers_that_no_numeric_holds)
{
    char out[1024];
    bool range;

    cr_assert_eq(tubei_pg_numeric_read("1e131072", 8, out, &range), 0);
    cr_assert(range);
    cr_assert_gt(tubei_pg_numeric_read("1e131071", 8, out, &range), 0);
    cr_assert_eq(tubei_pg_numeric_read("1e-16384", 8, out, &range), 0);
    cr_assert(range);
    cr_assert_eq(tubei_pg_numeric_read("1e-99999999999999999999", 23, out, &range), 0);
}

struct inet_case {
    char text[48];
    char hex[48];
};

ParameterizedTestParameters(pg_text, addresses)
{
    static struct inet_case cases[] = {
        { "1.2.3.4", "0220000401020304" },
        { "10.0.0.0/8", "020800040a000000" },
        { "::1", "0380001000000000000000000000000000000001" },
        { "::ffff:1.2.3.4/96", "0360001000000000000000000000ffff01020304" },
        { "1.2.3", "" },
        { "1.2.3.4.5", "" },
        { "1.2.3.256", "" },
        { "1.2.3.4/33", "" },
        { "1.2.3.4/", "" },
        { "::1/129", "" },
        { "1.2.3.4/1x", "" },
        { "", "" },
        { "/8", "" },
        { "fe80::1%eth0", "" },
        { ":", "" },
    };

    return cr_make_param_array(struct inet_case, cases,
                               sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct inet_case *c, pg_text, addresses)
{
    char out[PG_INET_MAX];
    char hex[2 * PG_INET_MAX + 1] = "";
    size_t n = tubei_pg_inet_read(padded(c->text), strlen(c->text), false, out);

    for (size_t i = 0; i < n; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)out[i]);
    cr_assert_str_eq(hex, c->hex);
}

Test(pg_text, identifiers_of_things)
{
    static const char *const good[] = {
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
        "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
    };
    static const char *const bad[] = {
        "",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
        "a0eebc99--9c0b-4ef8-bb6d-6bb9bd380a11",
        "-a0eebc999c0b4ef8bb6d6bb9bd380a11",
        "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-",
        "a0e-ebc999c0b4ef8bb6d6bb9bd380a11",
    };
    char out[PG_UUID_SIZE];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert(tubei_pg_uuid_read(good[i], strlen(good[i]), out), "%s", good[i]);
        cr_assert_eq(memcmp(out,
                            "\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38"
                            "\x0a\x11",
                            16),
                     0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(tubei_pg_uuid_read(bad[i], strlen(bad[i]), out), "%s", bad[i]);
}

Test(pg_text, words_for_booleans)
{
    bool v = false;

    cr_assert(tubei_pg_bool_read("TRUE", 4, &v) && v);
    cr_assert(tubei_pg_bool_read("off", 3, &v) && !v);
    cr_assert_not(tubei_pg_bool_read("", 0, &v));
    cr_assert_not(tubei_pg_bool_read("2", 1, &v));
    cr_assert_not(tubei_pg_bool_read("tru", 3, &v));
}
