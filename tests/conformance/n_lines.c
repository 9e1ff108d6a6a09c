/* SPDX-License-Identifier: MIT */
/* n_lines.c -- framing: CR, LF, NUL, bytes that are no UTF-8, and garbage. */
#include "f_lines.h"

/* The same bytes in pieces of every size: the same lines. */
static void
in_all_pieces(const tube_pipeline_opts *o, const char *text, size_t len,
              const char *options, const char *lines)
{
    for (size_t step = 1; step <= len; step++) {
        char pipe[120];
        tube_counts c;

        (void)snprintf(pipe, sizeof(pipe), "bytes step=%zu | lines %s | words", step,
                       options);
        c = lines_run(o, text, len, pipe, TUBE_OK);
        cr_assert_str_eq(lines_got, lines, "%s: %s", pipe, lines_got);
        cr_assert_eq(c.read, c.committed + c.rejected + c.filtered, "%s", pipe);
        cr_assert_eq(lines_finished, 1);
    }
}

static void
ends_of_lines(const tube_pipeline_opts *o)
{
    static const char text[] = "a\r\nb\rc\n\r\nd\r\r\n\ne\r";
    const size_t len = sizeof(text) - 1;

    in_all_pieces(o, text, len, "", "[a][b\\x0dc][d\\x0d][e]");
    in_all_pieces(o, text, len, "blank=keep", "[a][b\\x0dc][][d\\x0d][][e]");
    in_all_pieces(o, text, len, "cr=keep",
                  "[a\\x0d][b\\x0dc][\\x0d][d\\x0d\\x0d][e\\x0d]");
    in_all_pieces(o, text, len, "cr=keep blank=keep",
                  "[a\\x0d][b\\x0dc][\\x0d][d\\x0d\\x0d][][e\\x0d]");
}

/* covers: TUB-61, test_stringToLines */
Test(N30, CR_and_LF_follow_the_policy_wherever_the_input_is_cut,
     .timeout = CONFORM_SECONDS)
{
    conform_each_seed(4, ends_of_lines);
}

static void
odd_bytes(const tube_pipeline_opts *o)
{
    static const char text[] = "a\0b\n\xff\xfe\n\xc3\n\xa4z\n\0\n\xef\xbb\xbf!";

    in_all_pieces(o, text, sizeof(text) - 1, "",
                  "[a\\x00b][\\xff\\xfe][\\xc3][\\xa4z][\\x00][\\xef\\xbb\\xbf!]");
}

/* covers: TUB-61 */
Test(N30, NUL_and_bytes_that_are_no_UTF8_pass_unchanged, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(4, odd_bytes);
}

static void
byte_order_mark(const tube_pipeline_opts *o)
{
    static const char text[] = "\xef\xbb\xbf"
                               "first\nsecond";

    in_all_pieces(o, text, sizeof(text) - 1, "", "[first][second]");
}

Test(N30, a_byte_order_mark_is_taken_off_at_the_start_only, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(4, byte_order_mark);
}

static void
cut_off(const tube_pipeline_opts *o)
{
    static const char text[] = "alpha\nbet";

    for (int step = 1; step < 10; step++) {
        char pipe[80];

        (void)snprintf(pipe, sizeof(pipe), "bytes step=%d last=no fail=yes | words",
                       step);
        (void)lines_run(o, text, sizeof(text) - 1, pipe, TUBE_EIO);
        cr_assert_str_eq(lines_got, "[alpha]", "half a line was taken for a whole: %s",
                         lines_got);
    }
}

Test(N30, what_a_failure_cut_off_is_no_line, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(cut_off);
}

static void
resynchronises(const tube_pipeline_opts *o)
{
    static const char text[] = "{\"n\":1}\n"
                               "\xff\xfe no json\n"
                               "{\"n\":2}\r\n"
                               "\0\0\0\n"
                               "{\"n\":\n"
                               "{\"n\":3}\n"
                               "{\"n\":\"four\"}\n"
                               "{\"n\":5}";

    for (size_t step = 1; step < sizeof(text); step++) {
        char pipe[120];
        tube_counts c;

        (void)snprintf(pipe, sizeof(pipe),
                       "bytes step=%zu | parse json types=[n:int] | sink 1", step);
        c = lines_run(o, text, sizeof(text) - 1, pipe, TUBE_OK);
        cr_assert_str_eq(conform_log(1, "sink"), "open 1 2 3 5 finish", "%s: %s", pipe,
                         conform_log(1, "sink"));
        cr_assert_eq(c.read, 8);
        cr_assert_eq(c.committed, 4);
        cr_assert_eq(c.rejected, 4);
        cr_assert(strncmp(lines_rejects, "2@8: ", 5) == 0, "%s", lines_rejects);
        cr_assert_not_null(strstr(lines_rejects, ";4@28: "), "%s", lines_rejects);
        cr_assert_not_null(strstr(lines_rejects, ";5@32: "), "%s", lines_rejects);
        cr_assert_not_null(strstr(lines_rejects, ";7@46: "), "%s", lines_rejects);
    }
}

/* covers: TUB-64 */
Test(N30, behind_garbage_the_next_line_is_read_as_if_nothing_had_been,
     .timeout = CONFORM_SECONDS)
{
    conform_each_seed(4, resynchronises);
}

static void
long_garbage(const tube_pipeline_opts *o)
{
    enum { LONG = 200000 };
    static char text[LONG + 64];
    tube_counts c;

    memset(text, '\xfe', LONG);
    memcpy(text + LONG, "\n{\"n\":1}\n{\"n\":2}", 16);
    for (int i = 0; i < 2; i++) {
        c = lines_run(o, text, LONG + 16,
                      i == 0 ? "bytes step=4096 | lines max_line=64k"
                               " | parse json types=[n:int] | sink 1"
                             : "bytes step=65536 | lines max_line=64k"
                               " | parse json types=[n:int] | sink 1",
                      TUBE_OK);
        cr_assert_str_eq(conform_log(1, "sink"), "open 1 2 finish");
        cr_assert_eq(c.rejected, 1);
        cr_assert_eq(c.committed, 2);
    }
}

/* covers: TUB-64 */
Test(N30, also_behind_garbage_without_an_end, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(long_garbage);
}
