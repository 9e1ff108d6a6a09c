/* SPDX-License-Identifier: MIT */
/* test_gen.c -- made-up lines: always the same, well formed, shaped as promised. */
#include "../../stages/gen_line.h"
#include "../../stages/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(gen, .timeout = 60);

enum { LINES = 100000 };

static char line[TUBEI_GEN_LINE_MAX + TUBE_PAD];

static uint64_t
hash_lines(tubei_gen_format format, int64_t seed, int n)
{
    tubei_gen g;
    uint64_t h = UINT64_C(14695981039346656037);

    tubei_gen_init(&g, format, seed);
    while (n-- > 0) {
        size_t len = tubei_gen_line(&g, line);

        for (size_t i = 0; i < len; i++)
            h = (h ^ (unsigned char)line[i]) * UINT64_C(1099511628211);
    }
    return h;
}

/* Measurements and samples of other machines and days stay comparable. */
Test(gen, makes_the_same_bytes_on_every_machine)
{
    cr_expect_eq(hash_lines(TUBEI_GEN_COMBINED, 1, LINES), UINT64_C(0x1408ece16a1c534f),
                 "%jx", (uintmax_t)hash_lines(TUBEI_GEN_COMBINED, 1, LINES));
    cr_expect_eq(hash_lines(TUBEI_GEN_COMMON, 1, LINES), UINT64_C(0x4863ab39e713e792),
                 "%jx", (uintmax_t)hash_lines(TUBEI_GEN_COMMON, 1, LINES));
    cr_expect_eq(hash_lines(TUBEI_GEN_JSON, -7, LINES), UINT64_C(0x2e7f3be52c5f64f4),
                 "%jx", (uintmax_t)hash_lines(TUBEI_GEN_JSON, -7, LINES));
    cr_expect_neq(hash_lines(TUBEI_GEN_COMBINED, 1, 10),
                  hash_lines(TUBEI_GEN_COMBINED, 2, 10));
}

Test(gen, lines_fit_their_room_and_end_once)
{
    static const tubei_gen_format formats[] = { TUBEI_GEN_COMBINED, TUBEI_GEN_JSON };

    for (size_t f = 0; f < 2; f++) {
        tubei_gen g;

        tubei_gen_init(&g, formats[f], 5);
        for (int i = 0; i < LINES; i++) {
            size_t len = tubei_gen_line(&g, line);

            cr_assert(len > 50 && len < TUBEI_GEN_LINE_MAX - 256, "%zu bytes", len);
            cr_assert_eq((char *)memchr(line, '\n', len), line + len - 1);
            for (size_t k = 0; k + 1 < len; k++)
                cr_assert(line[k] >= ' ' && line[k] < 0x7f);
        }
    }
}

/* Quotes that no backslash precedes. */
static int
quotes(size_t len)
{
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += line[i] == '"' && line[i - 1] != '\\';
    return n;
}

static void
expect_share(const char *what, int n, double low, double high)
{
    double share = (double)n / LINES;

    cr_expect(share >= low && share <= high, "%s: %.4f of the lines", what, share);
}

Test(gen, combined_lines_are_shaped_as_promised)
{
    char before[64] = "";
    int v6 = 0;
    int users = 0;
    int escaped = 0;
    int found = 0;
    int queries = 0;
    tubei_gen g;

    tubei_gen_init(&g, TUBEI_GEN_COMBINED, 1);
    for (int i = 0; i < LINES; i++) {
        size_t len = tubei_gen_line(&g, line);
        char client[64];
        char user[64];
        char stamp[64];
        int status;

        line[len] = '\0';
        cr_assert_eq(sscanf(line, "%63s - %63s [%63[^]]] \"%*s %*s %*[^\"]\" %d",
                            client, user, stamp, &status),
                     4, "%s", line);
        cr_assert_eq(quotes(len), 6, "%s", line);
        cr_assert(strncmp(stamp + 7, "2024:", 5) == 0, "%s", stamp);
        /* Within a month the text of a time grows as the time does. */
        if (strncmp(stamp + 2, before + 2, 9) == 0)
            cr_assert(strcmp(stamp, before) >= 0, "%s before %s", before, stamp);
        strcpy(before, stamp);
        v6 += strchr(client, ':') != NULL;
        users += strcmp(user, "-") != 0;
        escaped += strstr(line, "\\\"") != NULL;
        found += status == 200;
        queries += strchr(line, '?') != NULL;
    }
    expect_share("IPv6", v6, 0.01, 0.05);
    expect_share("user names", users, 0.02, 0.04);
    expect_share("escaped quotes", escaped, 0.003, 0.007);
    expect_share("status 200", found, 0.77, 0.81);
    expect_share("queries", queries, 0.3, 0.55);
    cr_expect(strcmp(before, "01/Jan/2024:06") > 0, "%s", before);
}

Test(gen, json_lines_are_json_objects_of_the_same_fields)
{
    static const char *const names[] = { "time",   "client",   "user",  "method",
                                         "path",   "status",   "bytes", "seconds",
                                         "cached", "referrer", "agent" };
    tubei_gen g;

    tubei_gen_init(&g, TUBEI_GEN_JSON, 1);
    for (int i = 0; i < LINES; i++) {
        size_t len = tubei_gen_line(&g, line);
        tubei_json j = tubei_json_start(line, len);
        tubei_json_value name;
        tubei_json_value v;
        bool first = true;
        size_t n = 0;

        cr_assert(tubei_json_enter(&j));
        while (tubei_json_member(&j, &first, &name, &v) == 1) {
            cr_assert(n < 11 && strlen(names[n]) == name.len
                      && memcmp(names[n], name.text, name.len) == 0);
            n++;
        }
        cr_assert_eq(n, 11);
        cr_assert(tubei_json_end(&j), "%.*s", (int)len, line);
    }
}
