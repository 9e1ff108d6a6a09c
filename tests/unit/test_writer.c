/* SPDX-License-Identifier: MIT */
/* test_writer.c -- text put together in a buffer, as JSON, and into descriptors. */
#include "../../stages/json.h"
#include "../../stages/utf8.h"
#include "../../stages/writer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TestSuite(writer, .timeout = 60);

static char buf[1024];

static tubei_writer
memory(void)
{
    return (tubei_writer){ .buf = buf, .cap = sizeof(buf), .fd = -1 };
}

static void
expect(const tubei_writer *w, const char *want)
{
    cr_expect(w->len == strlen(want) && memcmp(w->buf, want, w->len) == 0,
              "%.*s, not %s", (int)w->len, w->buf, want);
}

struct sample {
    const char *text;
    size_t len;
    const char *json;
};

#define TEXT(s) s, sizeof(s) - 1

/* clang-format off */
static const struct sample strings[] = {
    { TEXT(""), "\"\"" },
    { TEXT("plain text of some length"), "\"plain text of some length\"" },
    { TEXT("\"quoted\" \\ and"), "\"\\\"quoted\\\" \\\\ and\"" },
    { TEXT("0123456\n89\t"), "\"0123456\\n89\\t\"" },
    { TEXT("\b\f\r"), "\"\\b\\f\\r\"" },
    { TEXT("a\0b\x1f\x1b[31m\x7f"), "\"a\\u0000b\\u001f\\u001b[31m\\u007f\"" },
    { TEXT("\xC2\x9B" "31m"), "\"\\u009b31m\"" },
    { TEXT("\xC2\xA0\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), "\"\xC2\xA0\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"" },
    { TEXT("\xFF"), "\"\xEF\xBF\xBD\"" },
    { TEXT("a\x80z"), "\"a\xEF\xBF\xBDz\"" },
    { TEXT("\xE2\x82"), "\"\xEF\xBF\xBD\"" },
    { TEXT("\xE2\x82z"), "\"\xEF\xBF\xBDz\"" },
    { TEXT("\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"" },
    { TEXT("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"" },
    { TEXT("\xF4\x90\x80\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"" },
    { TEXT("\xF0\x9F\x98"), "\"\xEF\xBF\xBD\"" },
    { TEXT("\xE0\x80\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"" },
};

static const struct sample texts[] = {
    { TEXT("{\"a\": [1]}"), "{\"a\": [1]}" },
    { TEXT("{\"a\":\n\r\t1}"), "{\"a\":   1}" },
    { TEXT("\"\xFF\xC3\xA4\""), "\"\xEF\xBF\xBD\xC3\xA4\"" },
    { TEXT("\"\x7f\""), "\"\\u007f\"" },
    { TEXT(""), "null" },
};
/* clang-format on */

Test(writer, escapes_json_strings)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        tubei_writer w = memory();

        tubei_put_json_string(&w, (tube_slice){ strings[i].text, strings[i].len });
        expect(&w, strings[i].json);
    }
}

Test(writer, finds_every_special_byte_at_every_place)
{
    char text[40];

    for (unsigned c = 0; c < 128; c++) {
        for (size_t at = 0; at < sizeof(text); at++) {
            tubei_writer w = memory();
            tubei_json j;
            tubei_json_value v;
            char back[256];

            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            memset(buf, '"', sizeof(buf));
            tubei_put_json_string(&w, (tube_slice){ text, sizeof(text) });
            j = tubei_json_start(buf, w.len);
            cr_assert(tubei_json_next(&j, &v) && tubei_json_end(&j), "%02x at %zu", c,
                      at);
            cr_assert(tubei_json_unescape(&v, back) == sizeof(text)
                          && memcmp(back, text, sizeof(text)) == 0,
                      "%02x at %zu", c, at);
            cr_assert_eq(v.escaped, c < 0x20 || c == 0x7f || c == '"' || c == '\\');
        }
    }
}

Test(writer, keeps_json_texts_in_one_line)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        tubei_writer w = memory();

        tubei_put_json_text(&w, (tube_slice){ texts[i].text, texts[i].len });
        expect(&w, texts[i].json);
    }
}

Test(writer, writes_cells_by_their_type)
{
    tubei_writer w = memory();
    tube_cell c;

    tube_set_null(&c);
    tubei_put_json_cell(&w, TUBE_TEXT, &c);
    tube_set_text(&c, "a\"", 2);
    tubei_put_json_cell(&w, TUBE_TEXT, &c);
    tubei_put_json_cell(&w, TUBE_BYTES, &c);
    tube_set_text(&c, "[1]", 3);
    tubei_put_json_cell(&w, TUBE_JSON, &c);
    tube_set_int(&c, 1);
    tubei_put_json_cell(&w, TUBE_BOOL, &c);
    tubei_put_json_cell(&w, TUBE_INT, &c);
    tubei_put_json_cell(&w, TUBE_TIME, &c);
    tube_set_int(&c, INT64_MIN);
    tubei_put_json_cell(&w, TUBE_INT, &c);
    tube_set_real(&c, 0.5);
    tubei_put_json_cell(&w, TUBE_FLOAT, &c);
    tube_set_real(&c, (double)NAN);
    tubei_put_json_cell(&w, TUBE_FLOAT, &c);
    tube_set_real(&c, -(double)INFINITY);
    tubei_put_json_cell(&w, TUBE_FLOAT, &c);
    expect(&w, "null\"a\\\"\"\"\\\\x6122\"[1]true1\"1970-01-01T00:00:00.000001Z\""
               "-92233720368547758080.5nullnull");
}

static void
expect_real(double v, const char *want)
{
    tubei_writer w = memory();

    tubei_put_real(&w, v);
    expect(&w, want);
}

Test(writer, real_numbers_are_short_and_have_a_point)
{
    expect_real(0, "0.0");
    expect_real(-0.0, "-0.0");
    expect_real(1, "1.0");
    expect_real(-12345, "-12345.0");
    expect_real(0.1, "0.1");
    expect_real(1.0 / 3, "0.3333333333333333");
    expect_real(1626175065.5934923, "1626175065.5934923");
    expect_real(9223372036854775808.0, "9.223372036854776e+18");
    expect_real(1e15, "1e+15");
    expect_real(123456789012345678.0, "1.2345678901234568e+17");
    expect_real(5e-324, "4.94065645841247e-324");
    expect_real(1e300, "1e+300");
}

Test(writer, real_numbers_read_back_as_they_were)
{
    uint64_t random = 3;

    for (int i = 0; i < 100000; i++) {
        tubei_writer w = memory();
        tubei_json j;
        tubei_json_value v;
        double x;
        double y;

        random = random * 6364136223846793005 + 1442695040888963407;
        memcpy(&x, &random, sizeof(x));
        if (!isfinite(x))
            continue;
        tubei_put_real(&w, x);
        buf[w.len] = '0';
        j = tubei_json_start(buf, w.len);
        cr_assert(tubei_json_next(&j, &v) && tubei_json_end(&j)
                  && v.kind == TUBEI_JSON_REAL);
        cr_assert(tubei_json_real(&v, &y) && memcmp(&x, &y, sizeof(x)) == 0, "%a", x);
    }
}

Test(writer, the_locale_does_not_matter)
{
    static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE",
                                         "ps_AF" };
    tubei_json_value v = { .kind = TUBEI_JSON_REAL,
                           .text = "1234.5678901234567",
                           .len = 18 };
    double x = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (setlocale(LC_ALL, names[i]) == NULL)
            continue;
        expect_real(0.25, "0.25");
        expect_real(1.5e300, "1.5e+300");
        cr_expect(tubei_json_real(&v, &x) && x > 1234.5 && x < 1234.6);
    }
    setlocale(LC_ALL, "C");
}

Test(writer, what_does_not_fit_is_a_failure_and_stays_one)
{
    tubei_writer w = { .buf = buf, .cap = 4, .fd = -1 };

    tubei_put(&w, "abcd", 4);
    cr_assert_eq(w.error, 0);
    tubei_put_char(&w, 'e');
    cr_assert_eq(w.error, ENOBUFS);
    tubei_put_string(&w, "more");
    tubei_put_fill(&w, ' ', 100);
    cr_assert_eq(w.len, 4);
}

Test(writer, a_reader_that_went_away_is_an_error_and_no_signal)
{
    int fd[2];
    tubei_writer w = { .buf = buf, .cap = 16 };
    sigset_t pending;

    cr_assert_eq(pipe(fd), 0);
    close(fd[0]);
    w.fd = fd[1];
    for (int i = 0; i < 100; i++)
        tubei_put_string(&w, "some text");
    cr_assert_eq(w.error, EPIPE);
    cr_assert(!tubei_flush(&w));
    cr_assert_eq(sigpending(&pending), 0);
    cr_assert_eq(sigismember(&pending, SIGPIPE), 0);
    close(fd[1]);
}

Test(writer, a_full_disk_is_an_error)
{
    tubei_writer w = { .buf = buf, .cap = 16, .fd = open("/dev/full", O_WRONLY) };

    if (w.fd < 0)
        return;
    tubei_put_string(&w, "a text that is longer than the buffer");
    cr_assert_eq(w.error, ENOSPC);
    close(w.fd);
}

struct drain {
    int fd;
    size_t n;
};

static void *
drain_slowly(void *arg)
{
    struct drain *d = arg;
    char part[4096];
    ssize_t n;

    while ((n = read(d->fd, part, sizeof(part))) > 0)
        d->n += (size_t)n;
    return NULL;
}

Test(writer, waits_where_a_pipe_says_eagain)
{
    int fd[2];
    struct drain d = { 0 };
    tubei_writer w = { .buf = buf, .cap = sizeof(buf) };
    pthread_t thread;

    cr_assert_eq(pipe(fd), 0);
    cr_assert_eq(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
    d.fd = fd[0];
    w.fd = fd[1];
    tubei_put_fill(&w, 'x', 60000);
    cr_assert(tubei_flush(&w));
    cr_assert_eq(pthread_create(&thread, NULL, drain_slowly, &d), 0);
    tubei_put_fill(&w, 'x', 1000000);
    cr_assert(tubei_flush(&w));
    close(fd[1]);
    pthread_join(thread, NULL);
    cr_assert_eq(d.n, 1060000);
    close(fd[0]);
}

/* Every sequence of up to three bytes against the definition, and some of four. */
Test(writer, utf8_is_decoded_as_it_is_defined)
{
    for (uint32_t code = 0x80; code <= 0x10FFFF; code++) {
        char p[5] = { 0 };
        size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        uint32_t got;
        size_t n;

        for (size_t i = len; i-- > 1;)
            p[i] = (char)(0x80 | (code >> 6 * (len - 1 - i) & 0x3F));
        p[0] = (char)((len == 2   ? 0xC0
                       : len == 3 ? 0xE0
                                  : 0xF0)
                      | code >> 6 * (len - 1));
        n = tubei_utf8_next(p, len, &got);
        if (code >= 0xD800 && code < 0xE000)
            cr_assert(n == 1 && got == TUBEI_UTF8_BAD, "%x", code);
        else
            cr_assert(n == len && got == code, "%x: %zu %x", code, n, got);
        n = tubei_utf8_next(p, len - 1, &got);
        cr_assert(got == TUBEI_UTF8_BAD && n >= 1 && n < len, "%x", code);
    }
}
