/* SPDX-License-Identifier: MIT */
/* f_lines.c -- the last line is delivered, and no line is too long to go on behind it. */
#include "f_lines.h"

static void
expect_lines(const tube_pipeline_opts *o, const char *text, const char *pipe,
             const char *lines, const char *rejects)
{
    tube_counts c = lines_run(o, text, strlen(text), pipe, TUBE_OK);

    cr_assert_str_eq(lines_got, lines, "%s: %s", pipe, lines_got);
    cr_assert_str_eq(lines_rejects, rejects, "%s: %s", pipe, lines_rejects);
    cr_assert_eq(lines_finished, 1, "%s: the stop was swallowed", pipe);
    cr_assert_eq(c.read, c.committed + c.rejected + c.filtered);
    cr_assert_eq(c.dropped + c.broken, 0);
}

static void
last_line(const tube_pipeline_opts *o)
{
    static const char text[] = "alpha\nbeta\r\ngamma";

    for (int step = 1; step <= 18; step++)
        for (int last = 0; last < 2; last++) {
            char pipe[80];

            (void)snprintf(pipe, sizeof(pipe), "bytes step=%d last=%s | words", step,
                           last ? "yes" : "no");
            expect_lines(o, text, pipe, "[alpha][beta][gamma]", "");
        }
    expect_lines(o, "x", "bytes | words", "[x]", "");
    expect_lines(o, "x\n", "bytes | words", "[x]", "");
    expect_lines(o, "x\r", "bytes last=no | words", "[x]", "");
}

/* covers: TUB-63, SEED-2, test_stringToLines */
Test(F16, the_last_line_needs_no_end, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(last_line);
}

static void
over_long(const tube_pipeline_opts *o)
{
    static const char text[] = "short\n0123456789\nnext\nabcdefghij\nlast";

    for (int step = 1; step <= 36; step += step < 12 ? 1 : 6) {
        char pipe[80];

        (void)snprintf(pipe, sizeof(pipe), "bytes step=%d | lines max_line=8 | words",
                       step);
        expect_lines(o, text, pipe, "[short][next][last]",
                     "2@6: line of 10 bytes is longer than max_line=8;"
                     "4@22: line of 10 bytes is longer than max_line=8;");
    }
}

/* covers: TUB-64 */
Test(F16, a_line_that_is_too_long_is_rejected_and_those_behind_it_come,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(over_long);
}

static void
over_long_in_pieces(const tube_pipeline_opts *o)
{
    enum { LONG = 300000, ROUNDS = 3 };
    static char text[ROUNDS * (LONG + 8) + LONG];
    size_t at = 0;
    tube_counts c;

    for (int i = 0; i < ROUNDS; i++) {
        memset(text + at, 'x', LONG);
        at += LONG;
        memcpy(text + at, "\nok\n", 4);
        at += 4;
    }
    memset(text + at, 'y', LONG); /* and one that has no end at all */
    at += LONG;
    c = lines_run(o, text, at, "bytes step=1000 | lines max_line=16k | words", TUBE_OK);
    cr_assert_str_eq(lines_got, "[ok][ok][ok]", "%s", lines_got);
    cr_assert_eq(c.rejected, ROUNDS + 1);
    cr_assert_eq(c.committed, ROUNDS);
    cr_assert(strncmp(lines_rejects, "1@0: line of 300000 bytes is longer than", 40)
                  == 0,
              "%s", lines_rejects);
    cr_assert_not_null(strstr(lines_rejects, ";7@900012: line of 300000 bytes"), "%s",
                       lines_rejects);
    cr_assert_eq(lines_finished, 1);
}

/* covers: TUB-64 */
Test(F16, nor_does_one_that_comes_in_pieces_spoil_the_stream,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(over_long_in_pieces);
}

static void
longest(const tube_pipeline_opts *o)
{
    /* exactly as long as allowed, with and without its end */
    expect_lines(o, "12345678\n12345678\r\n12345678",
                 "bytes step=5 | lines max_line=8 | words",
                 "[12345678][12345678][12345678]", "");
    expect_lines(o, "123456789", "bytes step=2 last=no | lines max_line=8 | words", "",
                 "1@0: line of 9 bytes is longer than max_line=8;");
}

/* covers: TUB-64 */
Test(F16, the_limit_is_exact, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(longest);
}
