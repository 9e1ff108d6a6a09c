/* SPDX-License-Identifier: MIT */
/* test_json.c -- the reader of JSON against tables of texts and against strtod(). */
#include "../../stages/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(json, .timeout = 60);

/* A copy of a text with pads that would change its meaning if they were read. */
static char *
padded(const char *text, size_t len, char pad)
{
    char *p = malloc(len + TUBE_PAD);

    cr_assert_not_null(p);
    memcpy(p, text, len);
    memset(p + len, pad, TUBE_PAD);
    return p;
}

static bool
valid(const char *text, size_t len, char pad, size_t *at, const char **why)
{
    char *p = padded(text, len, pad);
    tubei_json j = tubei_json_start(p, len);
    tubei_json_value v;
    bool good = tubei_json_next(&j, &v) && tubei_json_end(&j);

    *at = (size_t)(j.at - p);
    *why = j.error;
    free(p);
    return good;
}

struct document {
    const char *text;
    size_t at; /* where it is wrong */
    const char *why;
};

static const char cut[] = "the text ends too early";

/* clang-format off */
static const char *const good[] = {
    "0", "-0", "12", "-1.5", "1e5", "1E-5", "1.25e+300", "0.0", "0e1", " 1 ", "\t1\r\n",
    "true", "false", "null", "\"\"", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\u0000\"",
    "\"\\uD834\\uDD1E\"", "\"\\ud800\"", "\"\xC3\xA4\"", "\"\xFF\"", "\"\x7f\"",
    "\"0123456\\n\"", "\"01234567\\n\"", "\"012345678\\n\"", "\"/\\/\\b\\f\\n\\r\\t\"",
    "[]", "[ ]", "[1]", "[1,2]", "[ 1 , 2 ]", "[[]]", "[[],[]]", "[{}]", "[1,[2,{\"a\":3}],4]",
    "{}", "{ }", "{\"a\":1}", "{\"a\":1,\"b\":2}", "{\"\":0}", "{ \"a\" : [ ] , \"b\" : { } }",
    "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":{\"c\":[{\"d\":null}]}}}", "-9223372036854775809",
    "123456789012345678901234567890", "1e99999", "[1,2,3,4,5,6,7,8,9,10]", "\n{\n}\n",
};

static const struct document bad[] = {
    { "", 0, cut }, { " ", 1, cut }, { "-", 1, cut }, { "1.", 2, cut }, { "1e", 2, cut },
    { "1e+", 3, cut }, { "\"", 1, cut }, { "\"a", 2, cut }, { "\"\\", 2, cut },
    { "\"\\\"", 3, cut }, { "\"\\u", 3, cut }, { "\"\\u123", 6, cut }, { "[", 1, cut },
    { "[1", 2, cut }, { "[1,", 3, cut }, { "{", 1, cut }, { "{\"a\"", 4, cut },
    { "{\"a\":", 5, cut }, { "{\"a\":1", 6, cut }, { "{\"a\":1,", 7, cut },
    { "[[]", 3, cut },
    { "x", 0, "expected a value" }, { "nul", 0, "expected a value" },
    { "tru ", 0, "expected a value" }, { "True", 0, "expected a value" },
    { "NaN", 0, "expected a value" }, { "+1", 0, "expected a value" },
    { ".5", 0, "expected a value" }, { "'a'", 0, "expected a value" },
    { "]", 0, "expected a value" }, { "[,1]", 1, "expected a value" },
    { "[1,]", 3, "expected a value" }, { "[1,,2]", 3, "expected a value" },
    { "{\"a\":}", 5, "expected a value" }, { "\xEF\xBB\xBF{}", 0, "expected a value" },
    { "-x", 1, "expected a digit" }, { "--1", 1, "expected a digit" },
    { "[-]", 2, "expected a digit" },
    { "1.x", 2, "expected a digit behind the point" },
    { "[1.]", 3, "expected a digit behind the point" },
    { "[1.e1]", 3, "expected a digit behind the point" },
    { "[1e]", 3, "expected a digit in the exponent" },
    { "[1e+]", 4, "expected a digit in the exponent" },
    { "01", 1, "more text behind the value" }, { "-01", 2, "more text behind the value" },
    { "1 2", 2, "more text behind the value" }, { "{}}", 2, "more text behind the value" },
    { "[] x", 3, "more text behind the value" }, { "truex", 4, "more text behind the value" },
    { "0x10", 1, "more text behind the value" }, { "\"a\"b", 3, "more text behind the value" },
    { "\"\t\"", 1, "control character in a string" },
    { "\"12345678\n\"", 9, "control character in a string" },
    { "\"\x1f\"", 1, "control character in a string" },
    { "\"\\x\"", 2, "no such escape in a string" },
    { "\"\\'\"", 2, "no such escape in a string" },
    { "\"\\U0041\"", 2, "no such escape in a string" },
    { "\"\\u12g4\"", 5, "expected four hexadecimal digits behind '\\u'" },
    { "\"\\u\"", 3, "expected four hexadecimal digits behind '\\u'" },
    { "[1 2]", 3, "expected ',' or ']'" }, { "[1}", 2, "expected ',' or ']'" },
    { "[01]", 2, "expected ',' or ']'" },
    { "{\"a\":1]", 6, "expected ',' or '}'" }, { "{\"a\":1 \"b\":2}", 7, "expected ',' or '}'" },
    { "{1:2}", 1, "expected a name in quotes" }, { "{a:2}", 1, "expected a name in quotes" },
    { "{,}", 1, "expected a name in quotes" }, { "{\"a\":1,}", 7, "expected a name in quotes" },
    { "{\"a\":1,,\"b\":2}", 7, "expected a name in quotes" },
    { "{\"a\" 1}", 5, "expected ':' behind a name" }, { "{\"a\"}", 4, "expected ':' behind a name" },
    { "{\"a\"::1}", 5, "expected a value" },
};
/* clang-format on */

enum { GOOD = sizeof(good) / sizeof(good[0]), BAD = sizeof(bad) / sizeof(bad[0]) };

Test(json, accepts_what_rfc_8259_allows)
{
    size_t at;
    const char *why;

    for (size_t i = 0; i < GOOD; i++)
        for (const char *pad = "\"}]09x\\"; *pad != '\0'; pad++)
            cr_expect(valid(good[i], strlen(good[i]), *pad, &at, &why), "%s: %s at %zu",
                      good[i], why, at);
}

Test(json, says_what_is_wrong_and_where)
{
    for (size_t i = 0; i < BAD; i++) {
        for (const char *pad = "\"}]09x\\"; *pad != '\0'; pad++) {
            size_t at = 0;
            const char *why = "";

            cr_expect(!valid(bad[i].text, strlen(bad[i].text), *pad, &at, &why), "%s",
                      bad[i].text);
            cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].text, why);
            cr_expect_eq(at, bad[i].at, "%s: at %zu", bad[i].text, at);
        }
    }
}

/* The same objects, member by member. */
static bool
walk(const char *text, size_t *at, const char **why)
{
    size_t len = strlen(text);
    char *p = padded(text, len, ',');
    tubei_json j = tubei_json_start(p, len);
    tubei_json_value name;
    tubei_json_value v;
    bool first = true;
    int more = tubei_json_enter(&j) ? 1 : -1;
    bool whole;

    while (more == 1)
        more = tubei_json_member(&j, &first, &name, &v);
    whole = more == 0 && tubei_json_end(&j);
    *at = (size_t)(j.at - p);
    *why = j.error;
    free(p);
    return whole;
}

Test(json, walking_over_an_object_finds_the_same_mistakes)
{
    size_t at = 0;
    const char *why = "";

    for (size_t i = 0; i < GOOD; i++)
        cr_expect_eq(walk(good[i], &at, &why),
                     strchr(good[i], '{') != NULL && strchr("{\n", *good[i]) != NULL,
                     "%s", good[i]);
    for (size_t i = 0; i < BAD; i++) {
        cr_expect(!walk(bad[i].text, &at, &why), "%s", bad[i].text);
        if (*bad[i].text != '{')
            continue;
        cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].text, why);
        cr_expect_eq(at, bad[i].at, "%s: at %zu", bad[i].text, at);
    }
}

Test(json, refuses_a_nul_wherever_it_stands)
{
    static const char text[] = "{\"a\":[1,\"x\"]}";
    char copy[sizeof(text)];
    size_t at;
    const char *why;

    cr_assert(valid(text, sizeof(text) - 1, 'x', &at, &why));
    cr_assert(!valid(text, sizeof(text), 'x', &at, &why));
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        memcpy(copy, text, sizeof(text));
        copy[i] = '\0';
        cr_expect(!valid(copy, sizeof(text) - 1, 'x', &at, &why), "NUL at %zu", i);
    }
}

Test(json, no_beginning_of_an_object_is_whole)
{
    static const char text[] =
        "{\"a\":[1.5e3,\"\\u00e4\",true,null,{\"b\":[]}],\"c\":{}}";
    size_t at;
    const char *why;

    for (size_t len = 0; len < sizeof(text) - 1; len++)
        cr_expect(!valid(text, len, '}', &at, &why) && at <= len, "%zu bytes", len);
    cr_expect(valid(text, sizeof(text) - 1, '}', &at, &why));
}

/* Containers that nest `depth` deep, in turns of '[' and '{"":'. */
static size_t
nest(char *out, unsigned depth)
{
    char *p = out;

    for (unsigned i = 0; i < depth; i++)
        p = stpcpy(p, i % 2 == 0 ? "[" : "{\"\":");
    p = stpcpy(p, "0");
    for (unsigned i = depth; i-- > 0;)
        *p++ = i % 2 == 0 ? ']' : '}';
    return (size_t)(p - out);
}

Test(json, nests_as_deep_as_it_says)
{
    static char text[8 * TUBEI_JSON_DEPTH];
    size_t len = nest(text, TUBEI_JSON_DEPTH);
    size_t at;
    const char *why;

    cr_assert(valid(text, len, 'x', &at, &why), "%s at %zu", why, at);
    len = nest(text, TUBEI_JSON_DEPTH + 1);
    cr_assert(!valid(text, len, 'x', &at, &why));
    cr_assert_str_eq(why, "values nest too deeply");
}

Test(json, a_long_run_of_brackets_is_refused_at_once)
{
    size_t len = 1000000;
    char *text = malloc(len);
    size_t at;
    const char *why;

    cr_assert_not_null(text);
    memset(text, '[', len);
    cr_assert(!valid(text, len, '[', &at, &why));
    cr_assert_eq(at, TUBEI_JSON_DEPTH);
    free(text);
}

Test(json, walks_over_the_members_of_an_object)
{
    char *text = padded(" { \"a\" : 1 , \"b\\n\":[2, 3],\"c\":\"x\\ty\"} ", 38, '"');
    tubei_json j = tubei_json_start(text, 38);
    tubei_json_value name;
    tubei_json_value v;
    bool first = true;

    cr_assert(tubei_json_enter(&j));
    cr_assert_eq(tubei_json_member(&j, &first, &name, &v), 1);
    cr_assert(name.len == 1 && name.text[0] == 'a' && !name.escaped);
    cr_assert(v.kind == TUBEI_JSON_INT && v.len == 1 && v.text[0] == '1');
    cr_assert_eq(tubei_json_member(&j, &first, &name, &v), 1);
    cr_assert(name.len == 3 && name.escaped);
    cr_assert(v.kind == TUBEI_JSON_ARRAY && memcmp(v.text, "[2, 3]", v.len) == 0);
    cr_assert_eq(tubei_json_member(&j, &first, &name, &v), 1);
    cr_assert(v.kind == TUBEI_JSON_STRING && v.escaped && v.len == 4);
    cr_assert_eq(tubei_json_raw(&v).len, 6);
    cr_assert_eq(*tubei_json_raw(&v).ptr, '"');
    cr_assert_eq(tubei_json_member(&j, &first, &name, &v), 0);
    cr_assert(tubei_json_end(&j));
    free(text);
}

Test(json, a_line_may_begin_with_a_byte_order_mark)
{
    char *text = padded("\xEF\xBB\xBF{}", 5, '"');
    tubei_json j = tubei_json_line(text, text + 5);
    tubei_json_value v;

    cr_assert(tubei_json_next(&j, &v) && v.kind == TUBEI_JSON_OBJECT);
    j = tubei_json_line(text + 1, text + 5);
    cr_assert(!tubei_json_next(&j, &v));
    j = tubei_json_line(text, text + 2);
    cr_assert(!tubei_json_next(&j, &v));
    free(text);
}

struct escaped {
    const char *text;
    const char *plain; /* NULL: refused */
    size_t len;
};

/* clang-format off */
static const struct escaped strings[] = {
    { "", "", 0 }, { "abc", "abc", 3 }, { "\\\"\\\\\\/", "\"\\/", 3 },
    { "\\b\\f\\n\\r\\t", "\b\f\n\r\t", 5 }, { "a\\nb", "a\nb", 3 }, { "\\u0041", "A", 1 },
    { "\\u0000x", "\0x", 2 }, { "\\u00e4\\u00C4", "\xC3\xA4\xC3\x84", 4 },
    { "\\u07ff\\u0800", "\xDF\xBF\xE0\xA0\x80", 5 }, { "\\uffff", "\xEF\xBF\xBF", 3 },
    { "\\uD834\\uDD1E", "\xF0\x9D\x84\x9E", 4 }, { "\\uDBFF\\uDFFF", "\xF4\x8F\xBF\xBF", 4 },
    { "\\ud800\\udc00", "\xF0\x90\x80\x80", 4 }, { "\xC3\xA4\\n", "\xC3\xA4\n", 3 },
    { "\\ud800", NULL, 0 }, { "\\udc00", NULL, 0 }, { "\\ud800x", NULL, 0 },
    { "\\ud800\\n", NULL, 0 }, { "\\ud800\\u0041", NULL, 0 }, { "\\ud800\\ud800", NULL, 0 },
    { "\\udc00\\ud800", NULL, 0 }, { "ok \\udfff", NULL, 0 },
    { "\\udc00\\udc00", NULL, 0 }, { "\\ud800\\ue000", NULL, 0 }, { "\\ud800\\udbff", NULL, 0 },
};
/* clang-format on */

Test(json, resolves_escapes)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        const struct escaped *s = &strings[i];
        char quoted[80];
        char out[80];
        char *text;
        tubei_json j;
        tubei_json_value v;
        size_t n;

        snprintf(quoted, sizeof(quoted), "\"%s\"", s->text);
        text = padded(quoted, strlen(quoted), '0');
        j = tubei_json_start(text, strlen(quoted));
        cr_assert(tubei_json_next(&j, &v), "%s: %s", s->text, j.error);
        cr_assert_eq(v.escaped, strchr(s->text, '\\') != NULL);
        n = tubei_json_unescape(&v, out);
        if (s->plain == NULL)
            cr_expect_eq(n, SIZE_MAX, "%s", s->text);
        else
            cr_expect(n == s->len && memcmp(out, s->plain, n) == 0, "%s", s->text);
        free(text);
    }
}

static tubei_json_value
number(const char *text)
{
    tubei_json j = tubei_json_start(text, strlen(text));
    tubei_json_value v;

    cr_assert(tubei_json_next(&j, &v) && tubei_json_end(&j), "%s", text);
    return v;
}

struct whole {
    char text[TUBE_PAD + 32];
    bool fits;
    int64_t value;
};

static const struct whole wholes[] = {
    { "0", true, 0 },
    { "-0", true, 0 },
    { "7", true, 7 },
    { "-42", true, -42 },
    { "9223372036854775807", true, INT64_MAX },
    { "-9223372036854775808", true, INT64_MIN },
    { "9223372036854775808", false, 0 },
    { "-9223372036854775809", false, 0 },
    { "18446744073709551615", false, 0 },
    { "18446744073709551616", false, 0 },
    { "99999999999999999999", false, 0 },
    { "100000000000000000000000", false, 0 },
};

Test(json, whole_numbers_are_exact_or_refused)
{
    for (size_t i = 0; i < sizeof(wholes) / sizeof(wholes[0]); i++) {
        tubei_json_value v = number(wholes[i].text);
        int64_t n = 0;

        cr_assert_eq(v.kind, TUBEI_JSON_INT);
        cr_expect_eq(tubei_json_int(&v, &n), wholes[i].fits, "%s", wholes[i].text);
        if (wholes[i].fits)
            cr_expect_eq(n, wholes[i].value, "%s", wholes[i].text);
    }
}

static void
expect_real(const char *text)
{
    tubei_json_value v = number(text);
    double want = strtod(text, NULL);
    double got;

    cr_expect_eq(tubei_json_real(&v, &got), want - want == 0, "%s", text);
    cr_expect(memcmp(&got, &want, sizeof(got)) == 0, "%s: %a, not %a", text, got, want);
}

/* clang-format off */
static const char reals[][TUBE_PAD + 80] = {
    "0", "-0", "0.0", "-0.0e5", "1", "0.1", "3.14159", "1e22", "1e23", "123456789e-22", "1e-23",
    "9007199254740992", "9007199254740993", "9007199254740993e5", "-9007199254740995.0",
    "1626175065.5934923", "9223372036854775808", "123456789012345678901234567890",
    "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324", "4.9e-324", "2.4e-324", "1e-400",
    "0.000000000000000000000000000000000000001", "17976931348623157000000000e283",
    "9007199254740992.99999999999999999999999999", "1.00000000000000011102230246251565404",
    "1.00000000000000011102230246251565404236316680908203125",
    "2.2250738585072011e-308", "1e-999999999999", "-1e-100001", "0e999999999999999999999", "0.1e1", "1000000000000000000000000e-24",
};
/* clang-format on */

Test(json, real_numbers_are_rounded_as_strtod_does)
{
    for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
        expect_real(reals[i]);
}

Test(json, random_real_numbers_are_rounded_as_strtod_does)
{
    uint64_t random = 7;

    for (int i = 0; i < 200000; i++) {
        char text[TUBE_PAD + 80] = "";
        double x;

        random = random * 6364136223846793005 + 1442695040888963407;
        switch (i % 3) {
        case 0:
            memcpy(&x, &random, sizeof(x));
            if (!(x - x == 0))
                continue;
            snprintf(text, sizeof(text), "%.*g", 1 + i % 20, x);
            break;
        case 1:
            snprintf(text, sizeof(text), "%d.%04de%d", (int)(random >> 50),
                     (int)(random >> 40 & 1023), (int)(random >> 32 & 63) - 32);
            break;
        default:
            snprintf(text, sizeof(text), "%llu%llu.%lluE-%d",
                     (unsigned long long)random, (unsigned long long)random >> 1,
                     (unsigned long long)random >> 2, (int)(random >> 58));
        }
        expect_real(text);
    }
}

/* More digits than are kept decide by whether any of them is not zero. */
Test(json, digits_that_have_no_room_still_count)
{
    static const char half[] =
        "1.00000000000000011102230246251565404236316680908203125";
    char text[2100 + TUBE_PAD];

    for (int last = 0; last < 2; last++) {
        memset(text, '0', sizeof(text));
        memcpy(text, half, sizeof(half) - 1);
        text[2000] = (char)('0' + last);
        text[2001] = '\0';
        expect_real(text);
    }
    memset(text, '0', sizeof(text));
    memcpy(text, "0.", 2);
    strcpy(text + 1900, "15e1900");
    expect_real(text);
}

Test(json, numbers_over_the_range_are_refused)
{
    static const char texts[][TUBE_PAD + 32] = { "1e309", "-1e309", "1.8e308",
                                                 "1e99999", "1e99999999999999999999" };
    double x;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tubei_json_value v = number(texts[i]);

        cr_expect(!tubei_json_real(&v, &x), "%s", texts[i]);
    }
}
