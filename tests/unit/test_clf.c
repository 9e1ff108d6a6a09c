/* SPDX-License-Identifier: MIT */
/* test_clf.c -- lines in the common and the combined format, good and bad. */
#include "../../stages/clf.h"
#include "../../stages/number.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(clf, .timeout = 60);

enum { COMMON = TUBEI_CLF_COMMON, COMBINED = TUBEI_CLF_COMBINED, SHOWN = 2048 };

/* Fields as text, with a '|' behind each; NULL is nothing at all. */
static void
show(const tube_cell *cells, uint32_t width, char out[SHOWN])
{
    size_t n = 0;

    for (uint32_t f = 0; f < width; f++) {
        const tube_cell *c = &cells[f];
        bool number =
            f == TUBEI_CLF_STAMP || f == TUBEI_CLF_STATUS || f == TUBEI_CLF_BYTES;

        if (!c->set)
            n += (size_t)snprintf(out + n, SHOWN - n, "~|");
        else if (number)
            n += (size_t)snprintf(out + n, SHOWN - n, "%" PRId64 "|", c->integer);
        else
            n += (size_t)snprintf(out + n, SHOWN - n, "%.*s|", (int)c->len, c->text);
        cr_assert_lt(n, SHOWN);
    }
}

/* Parse a line that stands alone in memory, `behind` it up to the end of the pad. */
static void
parse(const struct tubei_scan *scan, const char *line, size_t len, uint32_t width,
      char behind, char out[SHOWN])
{
    struct tubei_clf p = { .scan = scan };
    struct tubei_clf_error e = { .at = UINT32_MAX };
    tube_cell cells[COMBINED];
    char *text = malloc(len + TUBE_PAD);

    cr_assert(text != NULL);
    memcpy(text, line, len);
    memset(text + len, behind, TUBE_PAD);
    if (tubei_clf_parse(&p, (tube_slice){ text, len }, cells, width, &e)) {
        show(cells, width, out);
    } else {
        cr_assert_leq(e.at, len);
        snprintf(out, SHOWN, "%u: %s", e.at, e.reason);
    }
    free(text);
}

/* The same whatever the scanner is, and whatever is behind the line. */
static void
parse_all(const char *line, size_t len, uint32_t width, char out[SHOWN])
{
    static const char behind[] = "\n \"]-7\\";
    char other[SHOWN];

    parse(&tubei_scan_portable, line, len, width, '\0', out);
    for (size_t i = 0; i < sizeof(behind) - 1; i++) {
        parse(i % 2 == 0 ? tubei_scan() : &tubei_scan_portable, line, len, width,
              behind[i], other);
        cr_assert_str_eq(other, out, "%.*s", (int)len, line);
    }
}

struct sample {
    uint32_t width;
    const char *line;
    const char *want;
};

static void
check(const struct sample *all, size_t n)
{
    char out[SHOWN];

    for (size_t i = 0; i < n; i++) {
        parse_all(all[i].line, strlen(all[i].line), all[i].width, out);
        cr_assert_str_eq(out, all[i].want, "%s\nis   %s\nwant %s", all[i].line, out,
                         all[i].want);
    }
}

#define CHECK(samples) check(samples, sizeof(samples) / sizeof((samples)[0]))

/* clang-format off */
#define T     "[10/Oct/2000:13:55:36 -0700]"
#define T_US  "971211336000000"
#define HEAD  "1.2.3.4 - - " T " "
#define HEAD_ "1.2.3.4|~|~|" T_US "|"
/* clang-format on */

Test(clf, common)
{
    static const struct sample all[] = {
        { COMMON, "127.0.0.1 bob frank " T " \"GET /apache_pb.gif HTTP/1.0\" 200 2326",
          "127.0.0.1|bob|frank|" T_US "|GET|/apache_pb.gif|HTTP/1.0|200|2326|" },
        { COMMON, "- - - [-] \"-\" - -", "~|~|~|~|~|~|~|~|~|" },
        { COMMON, "- - - - - - -", "~|~|~|~|~|~|~|~|~|" },
        { COMMON, "- - - - \"GET / HTTP/1.1\" 200 1", "~|~|~|~|GET|/|HTTP/1.1|200|1|" },
        { COMMON, HEAD "\"HEAD /x HTTP/2.0\" 304 -", HEAD_ "HEAD|/x|HTTP/2.0|304|~|" },
        { COMMON, HEAD "- 408 -", HEAD_ "~|~|~|408|~|" },
        { COMMON, HEAD "\"-\" 408 0", HEAD_ "~|~|~|408|0|" },
        { COMMON, HEAD "\"GET / HTTP/1.1\" 200 5  \t\r",
          HEAD_ "GET|/|HTTP/1.1|200|5|" },
    };

    CHECK(all);
}

Test(clf, combined)
{
    static const struct sample all[] = {
        { COMBINED,
          "224.92.49.50 bob frank [25/Feb/2021:12:44:08 +0000] \"PATCH /one-to-one "
          "HTTP/1.1\" 401 84170 \"http://www.seniorinfo.example/vertical\" "
          "\"Mozilla/5.0 (X11; Linux i686; rv:5.0) Gecko/1945-10-12\"",
          "224.92.49.50|bob|frank|1614257048000000|PATCH|/one-to-one|HTTP/1.1|401|84170|"
          "http://www.seniorinfo.example/vertical|"
          "Mozilla/5.0 (X11; Linux i686; rv:5.0) Gecko/1945-10-12|" },
        { COMBINED,
          "2001:db8:1:2:3:4:5:6 - - " T " \"GET /c?a=1 HTTP/2.0\" 200 9 \"\" \"\"",
          "2001:db8:1:2:3:4:5:6|~|~|" T_US "|GET|/c?a=1|HTTP/2.0|200|9|||" },
        { COMBINED, "host.example.org - - " T " \"GET / HTTP/1.0\" 500 803 \"-\" \"-\"",
          "host.example.org|~|~|" T_US "|GET|/|HTTP/1.0|500|803|~|~|" },
        { COMBINED, HEAD "\"GET / HTTP/1.0\" 500 803 - -",
          HEAD_ "GET|/|HTTP/1.0|500|803|~|~|" },
        { COMBINED, HEAD "- 400 0 - \"x\"  ", HEAD_ "~|~|~|400|0|~|x|" },
        { COMBINED, HEAD "\"GET / HTTP/1.0\" 200 1 \"--\" \" \"\r",
          HEAD_ "GET|/|HTTP/1.0|200|1|--| |" },
    };

    CHECK(all);
}

Test(clf, user_names)
{
    static const struct sample all[] = {
        { COMMON, "h i Jane Q. Public " T " \"-\" 1 2",
          "h|i|Jane Q. Public|" T_US "|~|~|~|1|2|" },
        { COMMON, "h - x [y] z " T " \"-\" 1 2", "h|~|x [y] z|" T_US "|~|~|~|1|2|" },
        { COMMON, "h - x [ " T " \"-\" 1 2", "h|~|x [|" T_US "|~|~|~|1|2|" },
        { COMMON, "h - - x" T " \"-\" 1 2",
          "4: expected a user name and '[' before the time stamp" },
        { COMMON, "h - a b [-] \"-\" 1 2", "h|~|a b|~|~|~|~|1|2|" },
        { COMMON, "h -  " T " \"-\" 1 2", "h|~||" T_US "|~|~|~|1|2|" },
        { COMMON, "h - DOMAIN\\jane " T " \"-\" 1 2",
          "h|~|DOMAIN\\jane|" T_US "|~|~|~|1|2|" },
        { COMMON, "h - a\\\"b " T " \"-\" 1 2", "h|~|a\\\"b|" T_US "|~|~|~|1|2|" },
        { COMMON, "h - a\"b " T " \"-\" 1 2", "h|~|a\"b|" T_US "|~|~|~|1|2|" },
        /* A virtual host in front: one field too many. */
        { COMMON, "site:80 1.2.3.4 - - " T " \"-\" 1 2",
          "18: expected '[' after the user name, found '-'" },
        { COMMON, "site:80 1.2.3.4 - frank " T " \"-\" 1 2",
          "18: expected '[' after the user name, found 'frank'" },
    };

    CHECK(all);
}

Test(clf, requests)
{
    static const struct sample all[] = {
        { COMMON, HEAD "\"GET /\" 200 777", HEAD_ "GET|/|~|200|777|" },
        { COMMON, HEAD "\"GET /a b\" 200 7", HEAD_ "~|GET /a b|~|200|7|" },
        { COMMON, HEAD "\"GET \" 400 7", HEAD_ "~|GET |~|400|7|" },
        { COMMON, HEAD "\"POST /\" 400 7", HEAD_ "~|POST /|~|400|7|" },
        { COMMON, HEAD "\"GET /a b HTTP/1.1\" 200 7",
          HEAD_ "GET|/a b|HTTP/1.1|200|7|" },
        { COMMON, HEAD "\"GET  HTTP/1.1\" 400 7", HEAD_ "~|GET  HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\"GET HTTP/1.1\" 400 7", HEAD_ "GET|HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\"/x HTTP/1.1\" 400 7", HEAD_ "~|/x HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\" /x HTTP/1.1\" 400 7", HEAD_ "~| /x HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\"GET /x HTTP/1.1 \" 400 7",
          HEAD_ "~|GET /x HTTP/1.1 |~|400|7|" },
        { COMMON, HEAD "\"GET /x FTP\" 400 7", HEAD_ "~|GET /x FTP|~|400|7|" },
        { COMMON, HEAD "\"G\xc3\x84T /x HTTP/1.1\" 400 7",
          HEAD_ "~|G\xc3\x84T /x HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\"G[T /x HTTP/1.1\" 400 7",
          HEAD_ "~|G[T /x HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\"G@T /x HTTP/1.1\" 400 7",
          HEAD_ "~|G@T /x HTTP/1.1|~|400|7|" },
        { COMMON, HEAD "\"get /x HTTP/1.1\" 200 7", HEAD_ "get|/x|HTTP/1.1|200|7|" },
        { COMMON, HEAD "\"M-SEARCH * HTTP/1.1\" 200 7",
          HEAD_ "M-SEARCH|*|HTTP/1.1|200|7|" },
        { COMMON, HEAD "\"PROPFIND /x HTTP/1.1\" 200 7",
          HEAD_ "PROPFIND|/x|HTTP/1.1|200|7|" },
        { COMMON, HEAD "\"BASELINE-CONTROL /x HTTP/1.1\" 200 7",
          HEAD_ "BASELINE-CONTROL|/x|HTTP/1.1|200|7|" },
        { COMMON, HEAD "\"BASELINE(CONTROL /x HTTP/1.1\" 200 7",
          HEAD_ "~|BASELINE(CONTROL /x HTTP/1.1|~|200|7|" },
        { COMMON, HEAD "\"GET /x HTTP/2\" 200 7", HEAD_ "GET|/x|HTTP/2|200|7|" },
        { COMMON, HEAD "\"GET /x HTTP/1.x\" 200 7",
          HEAD_ "~|GET /x HTTP/1.x|~|200|7|" },
        { COMMON, HEAD "\"GET /x HTTP/1.\" 200 7", HEAD_ "~|GET /x HTTP/1.|~|200|7|" },
        { COMMON, HEAD "\"GET /x HTTP/.1\" 200 7", HEAD_ "~|GET /x HTTP/.1|~|200|7|" },
        { COMMON, HEAD "\"GET /x HTTP/\" 200 7", HEAD_ "~|GET /x HTTP/|~|200|7|" },
        { COMMON, HEAD "\"OPTIONS rtsp://x/y RTSP/1.0\" 200 7",
          HEAD_ "OPTIONS|rtsp://x/y|RTSP/1.0|200|7|" },
        { COMMON, HEAD "\"CONNECT x.org:443 HTTP/1.1\" 405 7",
          HEAD_ "CONNECT|x.org:443|HTTP/1.1|405|7|" },
        { COMMON, HEAD "\"\" 400 0", HEAD_ "~||~|400|0|" },
        { COMMON, HEAD "\"batman\" 400 157", HEAD_ "~|batman|~|400|157|" },
        { COMMON, HEAD "\"\\x16\\x03\\x01 t\\xDF\" 400 157",
          HEAD_ "~|\\x16\\x03\\x01 t\\xDF|~|400|157|" },
        { COMMON, HEAD "\"lv|'|'|VHJ=|'|'|Win XP|'|'|No\" 400 157",
          HEAD_ "~|lv|'|'|VHJ=|'|'|Win XP|'|'|No|~|400|157|" },
    };

    CHECK(all);
}

Test(clf, quotes)
{
    static const struct sample all[] = {
        { COMBINED,
          HEAD "\"GET /\\\"x\\\" HTTP/1.1\" 200 7 \"a\\\\\" \"b \\\"c\\\" d\"",
          HEAD_ "GET|/\\\"x\\\"|HTTP/1.1|200|7|a\\\\|b \\\"c\\\" d|" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"\\\\\\\"\" \"\\\\\\\\\"",
          HEAD_ "GET|/|HTTP/1.1|200|7|\\\\\\\"|\\\\\\\\|" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\" \"open",
          "68: the quote before the user agent is not closed" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\" \"open\\\"",
          "68: the quote before the user agent is not closed" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\" \"a\"b\"",
          "71: expected the end of the line after the user agent" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\"x \"a\"",
          "67: expected a blank after the referrer" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\" \"a\" \"1.2.3.4\"",
          "71: expected the end of the line after the user agent" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\" a",
          "68: expected '\"' before the user agent" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\"",
          "67: expected a blank after the referrer" },
        { COMBINED, HEAD "\"GET / HTTP/1.1\" 200 7",
          "63: expected a blank after the byte count" },
        { COMMON, HEAD "\"GET / HTTP/1.1\" 200 7 \"r\" \"a\"",
          "63: expected the end of the line after the byte count" },
        { COMMON, HEAD "GET / HTTP/1.1 200 7", "41: expected '\"' before the request" },
        { COMMON, HEAD "\"GET / HTTP/1.1 200 7",
          "41: the quote before the request is not closed" },
        { COMMON, HEAD "\"GET / HTTP/1.1\"200 7",
          "57: expected a blank after the request" },
    };

    CHECK(all);
}

Test(clf, numbers)
{
    static const struct sample all[] = {
        { COMMON, HEAD "\"-\" 0 0", HEAD_ "~|~|~|0|0|" },
        { COMMON, HEAD "\"-\" 32767 9223372036854775807",
          HEAD_ "~|~|~|32767|9223372036854775807|" },
        { COMMON, HEAD "\"-\" 00200 000000000000000000000000012345678",
          HEAD_ "~|~|~|200|12345678|" },
        { COMMON, HEAD "\"-\" 32768 1", "45: status '32768' is more than 32767" },
        { COMMON, HEAD "\"-\" 200 9223372036854775808",
          "49: byte count '9223372036854775808' is more than 9223372036854775807" },
        { COMMON, HEAD "\"-\" 200 99999999999999999999999999999999",
          "49: byte count '999999999999999999999999' is more than 9223372036854775807" },
        /* 2 to the 64th, and more: no sum may wrap around. */
        { COMMON, HEAD "\"-\" 200 18446744073709551616",
          "49: byte count '18446744073709551616' is more than 9223372036854775807" },
        { COMMON, HEAD "\"-\" 200 184467440737095516160",
          "49: byte count '184467440737095516160' is more than 9223372036854775807" },
        { COMMON, HEAD "\"-\" abc 1", "45: status 'abc' is not a number" },
        { COMMON, HEAD "\"-\" 2\t0 1", "45: status '2?0' is not a number" },
        { COMMON, HEAD "\"-\" +20 1", "45: status '+20' is not a number" },
        { COMMON, HEAD "\"-\" 200 -1", "49: byte count '-1' is not a number" },
        { COMMON, HEAD "\"-\" 200 1.5", "49: byte count '1.5' is not a number" },
        { COMMON, HEAD "\"-\" 200 12345678x",
          "49: byte count '12345678x' is not a number" },
        { COMMON, HEAD "\"-\"  1", "45: expected the status" },
        { COMMON, HEAD "\"-\" 200", "48: expected a blank after the status" },
        { COMMON, HEAD "\"-\"", "44: expected a blank after the request" },
    };

    CHECK(all);
}

Test(clf, heads)
{
    static const struct sample all[] = {
        { COMMON, "", "0: expected the client" },
        { COMMON, " ", "0: expected the client" },
        { COMMON, "x", "1: expected a blank after the client" },
        { COMMON, "x ", "1: expected a blank after the client" },
        { COMMON, "x  - " T " \"-\" 1 2", "2: expected the ident" },
        { COMMON, "x y", "3: expected a blank after the ident" },
        { COMMON, "x y z", "4: expected a user name and '[' before the time stamp" },
        { COMMON, "x - - [10/Oct/2000:13:55:36 -0700 \"-\" 1 2",
          "33: expected ']' after the time stamp" },
        { COMMON, "x - - [10/Oct/2000:13:55:36 -07001] \"-\" 1 2",
          "33: expected ']' after the time stamp" },
        { COMMON, "x - - [10/Oct/2000", "18: expected ']' after the time stamp" },
        { COMMON, "x - - [10/Foo/2000:13:55:36 -0700] \"-\" 1 2",
          "10: bad month 'Foo' in the time stamp" },
        { COMMON, "x - - [10/Oct/2000:33:55:36 -0700] \"-\" 1 2",
          "19: bad time of day '33:55:36' in the time stamp" },
        { COMMON, "x - - " T "\"-\" 1 2", "34: expected a blank after the time stamp" },
        { COMMON, "x - - " T, "34: expected a blank after the time stamp" },
        { COMMON, "x - - " T " ", "34: expected a blank after the time stamp" },
        { COMBINED, "- - - [1234] - - - - - ",
          "22: expected ']' after the time stamp" },
        { COMMON, "x - - [-]", "9: expected a blank after the time stamp" },
        /* A bracket where the one of a time stamp would be. */
        { COMMON, "x - - [-] \"GET /aaaaaaaaaaa]aaaa HTTP/1.1\" 200 1",
          "x|~|~|~|GET|/aaaaaaaaaaa]aaaa|HTTP/1.1|200|1|" },
        { COMMON, "{\"a\": 1}", "8: expected a blank after the ident" },
        { COMMON, "[Thu Oct 13 12:24:49 2022] [error] [client 1.2.3.4] no user",
          "54: expected ']' after the time stamp" },
    };

    CHECK(all);
}

static const char *const good =
    "93.180.71.3 - frank " T " \"GET /a\\\"b?c=d HTTP/1.1\" 304 12345 "
    "\"http://x.example/\" \"Debian APT-HTTP/1.3 (0.8.16~exp12)\"";

Test(clf, prefixes_of_a_line)
{
    char out[SHOWN];

    size_t count = (size_t)(strstr(good, "12345") - good);

    for (size_t len = 0; len < strlen(good); len++) {
        bool common = len > count && len <= count + strlen("12345 ");

        parse_all(good, len, COMMON, out);
        cr_assert_eq(strstr(out, ": ") == NULL, common, "%s", out);
        parse_all(good, len, COMBINED, out);
        cr_assert(strstr(out, ": ") != NULL, "%s", out);
    }
    parse_all(good, strlen(good), COMBINED, out);
    cr_assert_str_eq(out,
                     "93.180.71.3|~|frank|" T_US "|GET|/a\\\"b?c=d|HTTP/1.1|304|"
                     "12345|http://x.example/|Debian APT-HTTP/1.3 (0.8.16~exp12)|");
}

Test(clf, damaged_lines)
{
    static const char bytes[] = "\" [\\-]\t\r\n/:09az\x80\xff";
    uint64_t seed = 3;
    size_t len = strlen(good);
    char out[SHOWN];
    char text[300];

    for (int round = 0; round < 30000; round++) {
        memcpy(text, good, len);
        for (uint64_t hits = 1 + (seed >> 60); hits > 0; hits--) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            text[(seed >> 20) % len] = bytes[(seed >> 40) % sizeof(bytes)];
        }
        parse_all(text, len, round % 2 == 0 ? COMMON : COMBINED, out);
    }
}

Test(clf, a_long_line)
{
    enum { LONG = 1 << 20 };
    struct tubei_clf p = { .scan = tubei_scan() };
    struct tubei_clf_error e;
    tube_cell cells[COMBINED];
    char *text = malloc(LONG + 200 + TUBE_PAD);

    cr_assert(text != NULL);
    char *to = stpcpy(text, HEAD "\"GET /");
    memset(to, 'a', LONG);
    stpcpy(to + LONG, " HTTP/1.1\" 200 1 \"r\" \"u\"");
    cr_assert(
        tubei_clf_parse(&p, (tube_slice){ text, strlen(text) }, cells, COMBINED, &e));
    cr_assert_eq(cells[TUBEI_CLF_PATH].len, LONG + 1);
    cr_assert_eq(cells[TUBEI_CLF_AGENT].text[0], 'u');
    free(text);
}

Test(clf, decimals)
{
    for (uint64_t v = 0; v < 3000000000; v = v * 5 / 4 + 1) {
        char text[32 + TUBE_PAD] = { 0 };
        int64_t got = -1;
        int n = snprintf(text, sizeof(text), "%" PRIu64, v);

        cr_assert(tubei_decimal(text, (size_t)n, &got) && (uint64_t)got == v);
        for (int i = 0; i < n; i++)
            for (int c = 0; c < 256; c++) {
                char old = text[i];

                text[i] = (char)c;
                cr_assert_eq(tubei_decimal(text, (size_t)n, &got),
                             c >= '0' && c <= '9');
                text[i] = old;
            }
    }
    cr_assert(!tubei_decimal("", 0, &(int64_t){ 0 }));
}
