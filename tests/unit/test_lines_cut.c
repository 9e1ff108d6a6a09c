/* SPDX-License-Identifier: MIT */
/* test_lines_cut.c -- what a line is: its text, its outcome, its place. */
#include "lines_feed.h"

TestSuite(lines_cut, .timeout = 60);

/* Rows as "text@offset/line" with a blank behind each; '-' filtered, '!' rejected. */
static const char *
shown(void)
{
    static char out[4096];
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < got.n && n < sizeof(out) - 200; i++) {
        const struct feed_row *r = &got.row[i];

        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.100s@%ju/%ju ",
                              r->outcome == LIVE       ? ""
                              : r->outcome == FILTERED ? "-"
                                                       : "!",
                              r->text, (uintmax_t)r->offset, (uintmax_t)r->line);
    }
    return out;
}

struct cut {
    const char *bytes;
    const char *options;
    const char *want;
};

/* However the bytes are cut into segments and batches. */
static void
check(const struct cut *t)
{
    char text[100];

    snprintf(text, sizeof(text), "feed | lines %s | keep_all", t->options);
    feed_text(t->bytes);
    for (size_t chunk = 0; chunk < 5; chunk++)
        for (uint32_t segments = 0; segments < 3; segments++)
            for (uint32_t rows = 0; rows < 3; rows++) {
                feed.chunk = chunk;
                feed.segments = segments;
                feed_run(text,
                         TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .depth = 2,
                                            .batch_rows = rows),
                         TUBE_OK);
                cr_assert_str_eq(shown(), t->want, "%s with %s, %zu %u %u", t->bytes,
                                 t->options, chunk, segments, rows);
            }
}

static void
check_all(const struct cut *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        check(&all[i]);
}

#define CHECK(cuts) check_all(cuts, sizeof(cuts) / sizeof((cuts)[0]))

Test(lines_cut, ends)
{
    static const struct cut all[] = {
        { "", "", "" },
        { "a\n", "", "a@0/0 " },
        { "a", "", "a@0/0 " },
        { "a\nb", "", "a@0/0 b@2/1 " },
        { "a\nbc\n", "", "a@0/0 bc@2/1 " },
        { "one\ntwo\nthree\nfour", "", "one@0/0 two@4/1 three@8/2 four@14/3 " },
    };

    CHECK(all);
}

Test(lines_cut, carriage_returns)
{
    static const struct cut all[] = {
        { "a\r\nb\r\nc\r", "", "a@0/0 b@3/1 c@6/2 " },
        { "a\r\nb\r\n", "cr=keep", "a\r@0/0 b\r@3/1 " },
        { "a\r\r\n\rb\n", "", "a\r@0/0 \rb@4/1 " },
        { "\r\n\r\r\nx\n", "", "-@0/0 \r@2/1 x@5/2 " },
        { "\r\n", "cr=keep", "\r@0/0 " },
    };

    CHECK(all);
}

Test(lines_cut, blank_lines)
{
    static const struct cut all[] = {
        { "\n", "", "-@0/0 " },
        { "\n\na\n\nb\n\n", "", "-@0/0 -@1/1 a@2/2 -@4/3 b@5/4 -@7/5 " },
        { "\n\na\n\n", "blank=keep", "@0/0 @1/1 a@2/2 @4/3 " },
    };

    CHECK(all);
}

Test(lines_cut, byte_order_marks)
{
    static const struct cut all[] = {
        { "\xef\xbb\xbf", "", "-@3/0 " },
        { "\xef\xbb\xbf\r\n", "", "-@3/0 " },
        { "\xef\xbb\xbf"
          "a\n\xef\xbb\xbf"
          "b\n",
          "",
          "a@3/0 \xef\xbb\xbf"
          "b@5/1 " },
        { "\xef\xbb\n", "", "\xef\xbb@0/0 " },
        { "\xef\xbb\xbf"
          "four\nfive\n",
          "max_line=4", "four@3/0 five@8/1 " },
    };

    CHECK(all);
}

Test(lines_cut, long_lines)
{
    static const struct cut all[] = {
        { "1234\n12345\n12\n123456\n1234\r\n", "max_line=4",
          "1234@0/0 !12345@5/1 12@11/2 !123456@14/3 1234@21/4 " },
        { "1234\n12345\r\n1234\r\n", "max_line=4 cr=keep",
          "1234@0/0 !12345\r@5/1 !1234\r@12/2 " },
        { "12345", "max_line=4", "!12345@0/0 " },
        { "1234", "max_line=4", "1234@0/0 " },
        { "1\n\n22\n3", "max_line=1", "1@0/0 -@2/1 !22@3/2 3@6/3 " },
        { "123456789012345678\nx\n", "max_line=4", "!123456789012345678@0/0 x@19/1 " },
    };

    CHECK(all);
    cr_assert_str_eq(got.row[0].reason, "line of 18 bytes is longer than max_line=4");
}

/* Of a line of `len` bytes: what is kept, and the length that the reason tells. */
static void
check_long(const char *bytes, size_t len, size_t kept, size_t told)
{
    static const size_t chunks[] = { 0, 1, 1000, 65535 };
    char reason[100];

    snprintf(reason, sizeof(reason), "line of %zu bytes is longer than max_line=70000",
             told);
    feed.n = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = len };
    for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
        feed.chunk = chunks[i];
        feed_run("feed | lines max_line=70000 | keep_all", NULL, TUBE_OK);
        cr_assert_eq(got.n, 2);
        cr_assert_eq(got.row[0].outcome, told > 70000 ? REJECTED : LIVE);
        cr_assert_eq(got.row[0].len, kept, "%zu, not %zu", got.row[0].len, kept);
        cr_assert_eq(got.row[0].text[0], 'y');
        if (told > 70000)
            cr_assert_str_eq(got.row[0].reason, reason);
        cr_assert_str_eq(got.row[1].text, "z");
        cr_assert_eq(got.row[1].offset, len - 1);
    }
}

Test(lines_cut, the_first_64_kib_of_a_long_line_are_kept)
{
    static char bytes[200100];
    const size_t kept = 65536;

    for (size_t n = 69995; n < 70010; n++) {
        memset(bytes, 'y', n);
        memcpy(bytes + n, "\nz", 2);
        check_long(bytes, n + 2, n > 70000 ? kept : n, n);
        memcpy(bytes + n - 1, "\r\nz", 3);
        check_long(bytes, n + 2, n - 1 > 70000 ? kept : n - 1, n - 1);
        memset(bytes + n - 1, 'y', 1);
        memcpy(bytes, "\xef\xbb\xbf", 3);
        memcpy(bytes + n, "\nz", 2);
        check_long(bytes, n + 2, n - 3 > 70000 ? kept : n - 3, n - 3);
    }
    memset(bytes, 'y', 200000);
    memcpy(bytes + 200000, "\nz", 2);
    check_long(bytes, 200002, kept, 200000);
}

Test(lines_cut, any_byte_but_newline_passes)
{
    char bytes[255 * 3];
    size_t n = 0;

    for (int c = 0; c < 256; c++)
        if (c != '\n') {
            bytes[n++] = (char)c;
            bytes[n++] = 'x';
            bytes[n++] = '\n';
        }
    feed.n = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = n };
    feed_run("feed | lines | keep_all", NULL, TUBE_OK);
    cr_assert_eq(got.n, 255);
    for (size_t i = 0; i < 255; i++) {
        cr_assert_eq(got.row[i].len, 2);
        cr_assert_eq(memcmp(got.row[i].text, bytes + 3 * i, 2), 0);
    }
}

/* True if all rows are plain, false if none is. */
static bool
all_plain(const char *bytes, size_t len, size_t chunk)
{
    feed.n = 1;
    feed.chunk = chunk;
    feed.segments = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = len };
    feed_run("feed | lines | keep_all", NULL, TUBE_OK);
    for (size_t i = 1; i < got.n; i++)
        cr_assert_eq(got.row[i].plain, got.row[0].plain);
    return got.row[0].plain;
}

Test(lines_cut, plain_text_is_marked_so)
{
    char bytes[300];

    for (size_t chunk = 0; chunk <= 100; chunk += 50) {
        memset(bytes, 'x', sizeof(bytes));
        bytes[150] = '\x7f';
        bytes[151] = '\x01';
        bytes[152] = '\r';
        cr_assert(all_plain(bytes, sizeof(bytes), chunk)); /* one line */
        for (size_t i = 0; i < sizeof(bytes); i += 7) {
            char old = bytes[i];

            bytes[i] = '\0';
            cr_assert(!all_plain(bytes, sizeof(bytes), chunk), "NUL at %zu", i);
            bytes[i] = (char)0x80;
            cr_assert(!all_plain(bytes, sizeof(bytes), chunk), "0x80 at %zu", i);
            bytes[i] = old;
        }
    }
    for (size_t i = 9; i < sizeof(bytes); i += 10)
        bytes[i] = '\n';
    cr_assert(all_plain(bytes, sizeof(bytes), 0));
    bytes[155] = (char)0xff;
    cr_assert(!all_plain(bytes, sizeof(bytes), 0));
}

Test(lines_cut, options_are_checked)
{
    static const char *const bad[] = { "lines max_line=0", "lines max_line=65M",
                                       "lines cr=crop", "lines blank=no" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        tube_pipeline *p = tube_pipeline_new(NULL, NULL);
        tube_error err = { 0 };

        cr_assert_eq(tube_series(p, bad[i], &err), TUBE_ECONFIG, "%s", bad[i]);
        tube_pipeline_free(p);
    }
}
