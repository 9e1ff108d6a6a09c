/* SPDX-License-Identifier: MIT */
/* k_flush.c -- K18: a flush is a watermark. */
#include "conform.h"

static tube_flush *
begin(tube_pipeline *p, tube_flush_mode mode)
{
    tube_error err = { 0 };
    tube_flush *f = tube_flush_begin(p, mode, &err);

    cr_assert_not_null(f, "%s", err.message);
    return f;
}

static void
watermark(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | sink 9 hold=yes");
    tube_flush *first, *second, *third;

    conform_feed(1, 3);
    conform_quiet(p);
    third = begin(p, TUBE_HANDED_OVER);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(third, 0), TUBE_OK);
    first = begin(p, TUBE_SETTLED);
    conform_quiet(p);
    conform_feed(1, 2);
    conform_quiet(p);
    second = begin(p, TUBE_SETTLED);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(first, 0), TUBE_ETIME);
    conform_let(9, 2);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(first, 0), TUBE_ETIME, "one of three is open");
    conform_let(9, 1);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(first, 0), TUBE_OK);
    cr_assert_eq(tube_flush_wait(second, 0), TUBE_ETIME);
    conform_let(9, 2);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(second, 0), TUBE_OK);
    cr_assert_eq(tube_flush_wait(first, 0), TUBE_OK, "an answer is for ever");
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_flush_free(first);
    tube_flush_free(second);
    tube_flush_free(third);
    tube_pipeline_free(p);
}

/* covers: PIPE-13, PIPE-14, PIPE-17, pipe flush chaining 1 */
Test(K18, it_asks_for_what_came_before_it_and_nothing_else, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(watermark);
}

/* Five rows in; HANDED_OVER waits for the gate, SETTLED for the commit. */
static void
flush_through(const tube_pipeline_opts *o, const char *text, int64_t rows)
{
    tube_pipeline *p;
    tube_flush *over, *settled;

    conform_reset();
    p = conform_new(o, text);
    conform_gate(9, true);
    conform_go(p);
    conform_feed(1, 5);
    conform_quiet(p);
    over = begin(p, TUBE_HANDED_OVER);
    settled = begin(p, TUBE_SETTLED);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(over, 0), TUBE_ETIME, "%s: the gate is shut", text);
    cr_assert_eq(tube_flush_wait(settled, 0), TUBE_ETIME, "%s", text);
    conform_gate(9, false);
    conform_quiet(p);
    cr_assert_eq(conform.at[9].rows, rows, "%s: %jd rows at the sink", text,
                 (intmax_t)conform.at[9].rows);
    cr_assert_eq(tube_flush_wait(over, CONFORM_DEADLINE), TUBE_OK, "%s", text);
    cr_assert_eq(tube_flush_wait(settled, 0), TUBE_ETIME, "%s: none is committed",
                 text);
    conform_let(9, 1000);
    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(settled, CONFORM_DEADLINE), TUBE_OK, "%s", text);
    cr_assert_eq(conform_counts(p).in_flight, 0);
    tube_flush_free(over);
    tube_flush_free(settled);
    conform_end(1);
    conform_end(2);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

static void
transforms(const tube_pipeline_opts *o)
{
    flush_through(o, "src 1 fed=yes | pass 3 | pass 4 | sink 9 gate=yes hold=yes", 5);
    flush_through(o, "src 1 fed=yes | hoard 3 held=4 | sink 9 gate=yes hold=yes", 5);
    flush_through(
        o,
        "src 1 fed=yes | emit 3 copies=3 | hoard 4 held=2 | sink 9 gate=yes hold=yes",
        15);
}

/* covers: PIPE-13, PIPE-16, PIPE-36, pipe flush chaining 2 */
Test(K18, it_passes_transforms_and_takes_along_what_they_hold,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(transforms);
}

static void
joins(const tube_pipeline_opts *o)
{
    flush_through(o,
                  "merge ( src 1 fed=yes ) ( src 2 fed=yes ) "
                  "| sink 9 gate=yes hold=yes",
                  5);
    flush_through(o,
                  "merge ( src 2 fed=yes | pass 3 ) ( src 1 fed=yes | hoard 4 held=3 ) "
                  "| pass 5 | sink 9 gate=yes hold=yes",
                  5);
    flush_through(o,
                  "merge ( merge ( src 2 fed=yes ) ( src 1 fed=yes ) ) ( src 3 n=0 ) "
                  "| sink 9 gate=yes hold=yes",
                  5);
}

/* covers: PIPE-15, PIPE-16, pipe flush chaining 2 */
Test(K18, it_passes_a_merge_when_it_has_come_in_from_all_inputs,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(joins);
}

static void
forks(const tube_pipeline_opts *o)
{
    flush_through(o, "src 1 fed=yes | tee ( sink 9 gate=yes hold=yes ) | sink 10", 5);
    flush_through(o, "src 1 fed=yes | tee ( sink 10 ) | sink 9 gate=yes hold=yes", 5);
    flush_through(o,
                  "src 1 fed=yes | route ( when n >= 3 | hoard 3 | "
                  "sink 9 gate=yes hold=yes ) | sink 10",
                  2);
    flush_through(o,
                  "src 1 fed=yes | thru ( pass 3 ) ( hoard 4 held=2 ) "
                  "| sink 9 gate=yes hold=yes",
                  10);
    flush_through(o,
                  "src 1 fed=yes | parallel 3 ( hoard 4 held=2 ) order=none "
                  "| sink 9 gate=yes hold=yes",
                  5);
    flush_through(o, "src 1 fed=yes | parallel 2 ( pass 3 ) | sink 9 gate=yes hold=yes",
                  5);
}

/* covers: PIPE-13, PIPE-16, PIPE-28 */
Test(K18, it_waits_for_every_branch_of_a_fork, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(forks);
}

static void
nothing_there(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | pass 2 | sink 9");
    tube_flush *f = begin(p, TUBE_SETTLED);

    conform_quiet(p);
    cr_assert_eq(tube_flush_wait(f, CONFORM_DEADLINE), TUBE_OK);
    tube_flush_free(f);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    f = tube_flush_begin(p, TUBE_SETTLED, NULL);
    if (f != NULL) {
        tube_status st = tube_flush_wait(f, CONFORM_DEADLINE);

        cr_assert(st == TUBE_OK || st == TUBE_END, "%d", (int)st);
    }
    tube_flush_free(f);
    tube_pipeline_free(p);
}

/* covers: PIPE-13, pipe clear 1 */
Test(K18, with_nothing_to_flush_it_is_done, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(nothing_there);
}

static void
consumer_leaves(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "src 1 fed=yes | pass 2 | sink 9 gate=yes as=s");
    tube_flush *before, *open, *last;

    conform_go(p);
    conform_feed(1, 1);
    conform_until_rows(p, 9, 1);
    before = begin(p, TUBE_SETTLED);
    conform_quiet(p);
    conform_gate(9, true);
    conform_feed(1, 3);
    conform_quiet(p);
    open = begin(p, TUBE_HANDED_OVER);
    last = begin(p, TUBE_SETTLED);
    conform_quiet(p);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_CANCELLED, NULL),
                 TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_flush_wait(before, 0), TUBE_OK);
    cr_assert_eq(tube_flush_wait(open, 0), TUBE_END);
    cr_assert_eq(tube_flush_wait(last, 0), TUBE_END);
    tube_flush_free(before);
    tube_flush_free(open);
    tube_flush_free(last);
    tube_pipeline_free(p);
}

/* covers: PIPE-7, pipe close 5 */
Test(K18, a_consumer_that_leaves_before_it_is_told_from_one_that_took_all,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(consumer_leaves);
}
