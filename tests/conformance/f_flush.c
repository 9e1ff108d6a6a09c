/* SPDX-License-Identifier: MIT */
/* f_flush.c -- a watermark passes every fan-in. */
#include "f_reasons.h"

typedef struct flush_arg {
    tube_flush *f;
    tube_status st;
} flush_arg;

static bool
flush_is_done(void *arg)
{
    flush_arg *a = arg;

    a->st = tube_flush_wait(a->f, 0);
    return a->st != TUBE_ETIME;
}

static tube_flush *
begin(tube_pipeline *p, tube_flush_mode mode)
{
    tube_error err = { 0 };
    tube_flush *f = tube_flush_begin(p, mode, &err);

    cr_assert_not_null(f, "%s", err.message);
    return f;
}

static tube_status
flushed(tube_pipeline *p, tube_flush *f)
{
    flush_arg a = { f, TUBE_ETIME };

    conform_until(p, flush_is_done, &a);
    return a.st;
}

static void
through(const tube_pipeline_opts *o, const char *text, int inputs)
{
    tube_flush *f;
    tube_pipeline *p;

    conform_reset();
    p = conform_start(o, text);
    for (int id = 0; id < inputs; id++)
        conform_feed(id, 3 + id);
    for (int id = 0; id < inputs; id++)
        conform_until_rows(p, id, 3 + id);
    f = begin(p, TUBE_HANDED_OVER);
    cr_assert_eq(flushed(p, f), TUBE_OK, "%s", text);
    /* all of it, from every input, though `hoard` would have held the last of it */
    cr_assert_eq(conform.at[5].rows, inputs == 2 ? 7 : 12, "%s: %jd rows", text,
                 (intmax_t)conform.at[5].rows);
    tube_flush_free(f);
    for (int id = 0; id < inputs; id++)
        conform_end(id);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

static void
through_every_join(const tube_pipeline_opts *o)
{
    through(o, "merge ( src 0 fed=yes ) ( src 1 fed=yes ) | hoard 4 held=9 | sink 5",
            2);
    through(o, "merge ( src 0 fed=yes | hoard 4 held=9 ) ( src 1 fed=yes ) | sink 5",
            2);
    through(
        o,
        "merge ( src 0 fed=yes | hoard 4 held=9 ) ( src 1 fed=yes | hoard 6 held=2 )"
        " ( src 2 fed=yes ) | hoard 7 held=5 | sink 5",
        3);
    through(o, "src 0 fed=yes | merge ( src 1 fed=yes ) | hoard 4 held=9 | sink 5", 2);
    through(o,
            "merge ( merge ( src 0 fed=yes ) ( src 1 fed=yes ) ) ( src 2 fed=yes )"
            " | hoard 4 held=9 | sink 5",
            3);
}

/* covers: PIPE-16, PIPE-13, PIPE-15, PIPE-26 */
Test(F22, a_flush_passes_a_fan_in_from_all_inputs, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(through_every_join);
}

static void
through_sorted(const tube_pipeline_opts *o)
{
    tube_flush *f;
    tube_pipeline *p = conform_start(
        o, "merge by=n ( src 0 fed=yes ) ( src 1 fed=yes from=100 ) | sink 5");

    conform_feed(0, 5);
    conform_feed(1, 2);
    conform_until_rows(p, 0, 5);
    conform_until_rows(p, 1, 2);
    f = begin(p, TUBE_HANDED_OVER);
    cr_assert_eq(flushed(p, f), TUBE_OK);
    cr_assert_str_eq(conform_log(5, "rows"), "0 1 2 3 4 100 101");
    tube_flush_free(f);
    conform_end(0);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: PIPE-16, PIPE-26 */
Test(F22, a_sorted_fan_in_too, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(through_sorted);
}

static void
settled_only_then(const tube_pipeline_opts *o)
{
    tube_flush *handed, *settled;
    tube_pipeline *p =
        conform_start(o, "merge ( src 0 fed=yes ) ( src 1 fed=yes ) | sink 5 hold=yes");

    conform_feed(0, 2);
    conform_feed(1, 1);
    conform_until_rows(p, 0, 2);
    conform_until_rows(p, 1, 1);
    handed = begin(p, TUBE_HANDED_OVER);
    settled = begin(p, TUBE_SETTLED);
    cr_assert_eq(flushed(p, handed), TUBE_OK);
    cr_assert_eq(conform.at[5].rows, 3);
    for (int i = 0; i < 3; i++) {
        conform_quiet(p);
        cr_assert_eq(tube_flush_wait(settled, 0), TUBE_ETIME, "%d of 3 are settled", i);
        cr_assert_eq(conform_counts(p).committed, (uint64_t)i);
        conform_let(5, 1);
    }
    cr_assert_eq(flushed(p, settled), TUBE_OK);
    cr_assert_eq(conform_counts(p).committed, 3);
    tube_flush_free(handed);
    tube_flush_free(settled);
    conform_let(5, 100);
    conform_end(0);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: PIPE-16, PIPE-17, PIPE-36 */
Test(F22, settled_means_settled_behind_a_fan_in, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(settled_only_then);
}

static void
beside_an_ended_input(const tube_pipeline_opts *o)
{
    tube_flush *f;
    tube_ref ref;
    tube_error err = { 0 };
    tube_pipeline *p = conform_start(
        o, "merge as=m ( src 0 fed=yes ) ( src 1 n=2 ) | hoard 4 held=9 | sink 5");

    conform_until_rows(p, 4, 2);
    conform_quiet(p); /* one input is at its end */
    conform_feed(0, 2);
    conform_until_rows(p, 0, 2);
    f = begin(p, TUBE_HANDED_OVER);
    cr_assert_eq(flushed(p, f), TUBE_OK);
    cr_assert_eq(conform.at[5].rows, 4);
    tube_flush_free(f);
    cr_assert_eq(tube_attach(p, conform_ref(p, "m"), "src 2 fed=yes", &ref, &err),
                 TUBE_OK, "%s", err.message);
    conform_feed(2, 3);
    conform_until_rows(p, 2, 3);
    f = begin(p, TUBE_HANDED_OVER);
    cr_assert_eq(flushed(p, f), TUBE_OK);
    cr_assert_eq(conform.at[5].rows, 7, "the input that came later has no flush link");
    tube_flush_free(f);
    conform_end(0);
    conform_end(2);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: PIPE-16, PIPE-25 */
Test(F22, inputs_that_ended_or_came_later_do_not_break_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(beside_an_ended_input);
}
