/* SPDX-License-Identifier: MIT */
/* test_sniff.c -- what `tubes load` takes a file for. */
#include "../../cli/sniff.c"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define STAMP "[10/Oct/2000:13:55:36 -0700]"
#define HEAD  "127.0.0.1 - frank " STAMP

static const struct {
    const char *line;
    enum cli_format want;
} lines[] = {
    { HEAD " \"GET / HTTP/1.0\" 200 2326 \"-\" \"curl/7\"", CLI_COMBINED },
    { HEAD " \"GET / HTTP/1.0\" 200 - \"-\" \"-\"\r", CLI_COMBINED },
    { HEAD " \"GET / HTTP/1.0\" 200 2326", CLI_COMMON },
    { HEAD " \"GET / HTTP/1.0\" 200 -\r", CLI_COMMON },
    { HEAD " \"GET /\\\"x HTTP/1.0\" 200 1 \"a\\\"b\" \"c\\\\\"", CLI_COMBINED },
    { "::1 - John Q Public " STAMP " \"-\" 408 -", CLI_COMMON },
    { HEAD " \"GET / HTTP/1.0\" 200 2326 \"-\" \"a\" \"extra\"", CLI_COMBINED },
    { HEAD " \"GET / HTTP/1.0\" 2000 1", CLI_NO_FORMAT },
    { HEAD " \"GET / HTTP/1.0 200 1", CLI_NO_FORMAT },
    { HEAD " \"GET / HTTP/1.0\" 200 1 \"-\"", CLI_NO_FORMAT },
    { HEAD, CLI_NO_FORMAT },
    { "127.0.0.1", CLI_NO_FORMAT },
    { "127.0.0.1 - ", CLI_NO_FORMAT },
    { "", CLI_NO_FORMAT },
    { "{\"a\":1}", CLI_JSON },
    { "  {\"a\":1} \r", CLI_JSON },
    { "{}", CLI_JSON },
    { "{\"a\":1", CLI_NO_FORMAT },
    { "{", CLI_NO_FORMAT },
    { "[1,2]", CLI_NO_FORMAT },
    { "time,status,path", CLI_NO_FORMAT },
    { "Oct 10 13:55:36 host app[1]: x", CLI_NO_FORMAT },
};

Test(sniff, knows_a_line, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        cr_expect_eq(cli_sniff_line(lines[i].line, strlen(lines[i].line)),
                     lines[i].want, "%s", lines[i].line);
}

Test(sniff, stays_inside_of_a_line, .timeout = 10)
{
    /* What stands behind the end must not be looked at: every length is its own line. */
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        for (size_t n = 0; n <= strlen(lines[i].line); n++) {
            char copy[256];

            memset(copy, '"', sizeof(copy));
            memcpy(copy, lines[i].line, n);
            (void)cli_sniff_line(copy, n);
        }
    cr_expect_eq(cli_sniff_line("{\"a\":1}", 6), CLI_NO_FORMAT);
}

static struct cli_sniffed
sniff(const char *text, bool whole)
{
    return cli_sniff(text, strlen(text), whole);
}

#define COMMON   HEAD " \"GET / HTTP/1.0\" 200 2326\n"
#define COMBINED HEAD " \"GET / HTTP/1.0\" 200 2326 \"-\" \"x\"\n"

Test(sniff, goes_by_the_majority, .timeout = 10)
{
    struct cli_sniffed s = sniff(COMBINED "junk\n" COMBINED COMMON, true);

    cr_expect_eq(s.format, CLI_COMBINED);
    cr_expect_eq(s.lines, 4);
    cr_expect_eq(s.fit, 2);
    cr_expect_eq(sniff("junk\njunk\n" COMBINED, true).format, CLI_NO_FORMAT);
    cr_expect_eq(sniff("\xef\xbb\xbf{\"a\":1}\r\n\r\n{}\n", true).format, CLI_JSON);
}

Test(sniff, leaves_out_a_line_that_was_cut, .timeout = 10)
{
    cr_expect_eq(sniff("{\"a\":1}\n{\"a\":", false).lines, 1);
    cr_expect_eq(sniff("{\"a\":1}\n{\"a\":", true).lines, 2);
    cr_expect_eq(sniff("{\"a\":1}", false).lines, 0);
    cr_expect_eq(sniff("{\"a\":1}", true).format, CLI_JSON);
}

Test(sniff, sees_that_there_is_nothing, .timeout = 10)
{
    cr_expect_eq(sniff("", true).lines, 0);
    cr_expect_eq(sniff("\n \r\n\t\n", true).lines, 0);
    cr_expect_eq(sniff("", true).format, CLI_NO_FORMAT);
}

Test(sniff, has_names, .timeout = 10)
{
    cr_expect_eq(cli_format_find("combined"), CLI_COMBINED);
    cr_expect_eq(cli_format_find("json"), CLI_JSON);
    cr_expect_eq(cli_format_find("xml"), CLI_NO_FORMAT);
    cr_expect_str_eq(cli_format_name(CLI_COMMON), "common");
}
