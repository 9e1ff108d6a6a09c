/* SPDX-License-Identifier: MIT */
/* test_out.c -- what the tool prints: numbers, JSON, quoted words, covered secrets. */
#include "../../cli/out.c"
#include "../../cli/progress.c"
#include "../../cli/quote.c"
#include "../../cli/report.c"

#include <criterion/criterion.h>
#include <string.h>

Test(out, groups_digits, .timeout = 10)
{
    cr_expect_str_eq(cli_grouped(0).s, "0");
    cr_expect_str_eq(cli_grouped(999).s, "999");
    cr_expect_str_eq(cli_grouped(1000).s, "1,000");
    cr_expect_str_eq(cli_grouped(48511203).s, "48,511,203");
    cr_expect_str_eq(cli_grouped(UINT64_MAX).s, "18,446,744,073,709,551,615");
    cr_expect_str_eq(cli_count(1, "row", "rows").s, "1 row");
    cr_expect_str_eq(cli_count(0, "row", "rows").s, "0 rows");
}

Test(out, rounds_for_people, .timeout = 10)
{
    cr_expect_str_eq(cli_bytes(0).s, "0 B");
    cr_expect_str_eq(cli_bytes(999).s, "999 B");
    cr_expect_str_eq(cli_bytes(1000).s, "1.0 kB");
    cr_expect_str_eq(cli_bytes(46.1e6).s, "46.1 MB");
    cr_expect_str_eq(cli_bytes(999.6e6).s, "1.0 GB");
    cr_expect_str_eq(cli_seconds(0).s, "0");
    cr_expect_str_eq(cli_seconds(0.000012).s, "12 us");
    cr_expect_str_eq(cli_seconds(0.0042).s, "4.2 ms");
    cr_expect_str_eq(cli_seconds(0.61).s, "0.61 s");
    cr_expect_str_eq(cli_seconds(12.34).s, "12.3 s");
    cr_expect_str_eq(cli_seconds(125).s, "2:05 min");
    cr_expect_str_eq(cli_seconds(59.96).s, "1:00 min");
    cr_expect_str_eq(cli_seconds(10925).s, "3:02:05 h");
    cr_expect_str_eq(cli_percent(0.461).s, "46 %");
    cr_expect_str_eq(cli_percent(0.0461).s, "4.6 %");
}

static const struct {
    const char *text;
    size_t len;
    const char *want;
} strings[] = {
    { "", 0, "\"\"" },
    { "a\"b\\c", 5, "\"a\\\"b\\\\c\"" },
    { "\n\t\r\x01\x7f", 5, "\"\\n\\t\\r\\u0001\\u007f\"" },
    { "a\0b", 3, "\"a\\u0000b\"" },
    { "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
      "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
    { "\xff", 1, "\"\\ufffd\"" },
    { "\xc3", 1, "\"\\ufffd\"" },
    { "\xed\xa0\x80", 3, "\"\\ufffd\\ufffd\\ufffd\"" },
    { "\xc0\x80", 2, "\"\\ufffd\\ufffd\"" },
};

Test(out, writes_json_strings, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        char *got = NULL;
        size_t len = 0;
        FILE *f = open_memstream(&got, &len);

        cli_json_string(f, strings[i].text, strings[i].len);
        fclose(f);
        cr_expect_str_eq(got, strings[i].want, "case %zu: %s", i, got);
        free(got);
    }
}

static const struct {
    const char *word;
    const char *want;
} words[] = {
    { "access.log", "access.log|" },
    { "/a/b-c_d*?.gz", "/a/b-c_d*?.gz|" },
    { "", "\"\"|" },
    { "a b", "\"a b\"|" },
    { "a=b", "\"a=b\"|" },
    { "$HOME", "\"$HOME\"|" },
    { "[a]", "\"[a]\"|" },
    { "a\"b\\c`", "\"a\\\"b\\\\c`\"|" },
    { "a\nb\x01", "\"a\\x0ab\\x01\"|" },
    { "#", "\"#\"|" },
};

Test(out, quotes_words, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        char got[64] = "";

        cr_expect(cli_quote(got, sizeof(got), words[i].word, "|"));
        cr_expect_str_eq(got, words[i].want, "%s", got);
        got[0] = '\0';
        cr_expect_not(cli_quote(got, strlen(words[i].word) + 2, words[i].word, "|"));
        cr_expect_str_eq(got, "");
    }
}

static const struct {
    const char *text;
    const char *want;
} secrets[] = {
    { "host=h password=hunter2 dbname=d", "host=h password=******* dbname=d" },
    { "dsn=\"host=h password=hunter2\"", "dsn=\"host=h password=*******\"" },
    { "password = 'a b' x", "password = '***' x" },
    { "PassWord=x|y", "PassWord=*|y" },
    { "sslpassword=abc", "sslpassword=***" },
    { "postgres://me:hunter2@h/db", "postgres://me:*******@h/db" },
    { "postgres://me:a@b@h/db x", "postgres://me:***@h/db x" },
    { "postgresql://h/db?password=hunter2&x=1",
      "postgresql://h/db?password=*******&x=1" },
    { "postgres://me@h:5432/db", "postgres://me@h:5432/db" },
    { "no secret: a@b", "no secret: a@b" },
    { "password", "password" },
    { "password=", "password=" },
};

Test(out, covers_passwords, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        char got[128];

        snprintf(got, sizeof(got), "%s", secrets[i].text);
        cli_cover(got);
        cr_expect_str_eq(got, secrets[i].want, "%s", got);
    }
}

Test(out, tells_progress, .timeout = 10)
{
    struct cli_progress g = { .rows_a_second = 512345, .bytes_a_second = 100e6 };
    tube_counts c = { .committed = 1234567,
                      .bytes = 300000000,
                      .bytes_total = 500000000 };
    char line[256];

    cli_progress_text(&g, &c, line, sizeof(line));
    cr_expect_str_eq(line, "60 %  1,234,567 rows  512,345 rows/s  100 MB/s  ETA 2.00 s",
                     "%s", line);
    c.bytes_total = 0;
    c.rejected = 3;
    cli_progress_text(&g, &c, line, sizeof(line));
    cr_expect_str_eq(line, "1,234,567 rows  512,345 rows/s  100 MB/s  rejected 3", "%s",
                     line);
}
