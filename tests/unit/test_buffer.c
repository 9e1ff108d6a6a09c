/* SPDX-License-Identifier: MIT */
/* test_buffer.c -- a sink that takes nothing for a while, and what each policy makes of
 * it: which records come, in which order, and that every other one is counted. */
#include "buffer_feed.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(buffer, .timeout = 60);

/* Between the source and the tap, besides what the buffer keeps: two queues of two
 * batches of ten, what is in hand at both ends, and what went over. */
enum { ELSEWHERE = 10 * (2 * 2 + 6) };

Test(buffer, blocks_and_loses_nothing_by_default)
{
    tube_pipeline *p = feed_pipeline(NULL, "words 5000 | buffer rows=100 | tap");

    feed_stall(p);
    cr_assert_leq(feed_counts(p).read, 100 + ELSEWHERE);
    cr_assert_geq(feed_counts(p).read, 100);
    feed_finish(p);
    cr_assert_eq(tap.rows, 5000);
    cr_assert_eq(tap.gaps, 0);
    tube_pipeline_free(p);
}

Test(buffer, passes_on_at_once_what_need_not_wait)
{
    tube_pipeline *p = feed_pipeline(NULL, "words 5000 | buffer rows=1 | tap");

    tap.open = true;
    feed_finish(p);
    cr_assert_eq(tap.rows, 5000);
    cr_assert_eq(tap.gaps, 0);
    tube_pipeline_free(p);
}

Test(buffer, bytes_are_a_limit_too)
{
    tube_pipeline *p = feed_pipeline(NULL, "words 5000 | buffer bytes=1M | tap");

    feed_stall(p);
    /* a batch of ten has room for 1,024: some 50 KiB */
    cr_assert(feed_counts(p).read > 100 && feed_counts(p).read < 400, "%ju",
              (uintmax_t)feed_counts(p).read);
    feed_finish(p);
    cr_assert_eq(tap.rows, 5000);
    tube_pipeline_free(p);
}

Test(buffer, drop_newest_keeps_the_first)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 5000 | buffer drop-newest rows=105 | tap");
    tube_counts c;

    feed_stall(p);
    c = feed_counts(p);
    cr_assert_eq(c.read, 5000, "the source had to wait");
    feed_finish(p);
    cr_assert_eq(tap.rows + feed_counts(p).dropped, 5000);
    cr_assert(tap.rows >= 105 && tap.rows <= 105 + ELSEWHERE, "%ju",
              (uintmax_t)tap.rows);
    cr_assert_eq(tap.rows % 10, 5, "rows are counted one by one");
    cr_assert_eq(tap.gaps, 0);
    cr_assert_eq(tap.last, (int64_t)tap.rows - 1);
    tube_pipeline_free(p);
}

Test(buffer, drop_oldest_keeps_the_last)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 5000 | buffer drop-oldest rows=105 | tap");

    feed_stall(p);
    cr_assert_eq(feed_counts(p).read, 5000);
    feed_finish(p);
    cr_assert_eq(tap.rows + feed_counts(p).dropped, 5000);
    cr_assert(tap.rows >= 105 && tap.rows <= 105 + ELSEWHERE, "%ju",
              (uintmax_t)tap.rows);
    cr_assert_eq(tap.rows % 10, 5);
    cr_assert_eq(tap.last, 4999);
    cr_assert_eq(tap.gaps, 1);
    tube_pipeline_free(p);
}

Test(buffer, one_batch_larger_than_the_limit_is_cut_to_it)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 1000 batch=100 | buffer drop-oldest rows=7 | tap");

    feed_stall(p);
    feed_finish(p);
    cr_assert_eq(tap.last, 999);
    cr_assert_eq(tap.rows % 100, 7);
    tube_pipeline_free(p);
}

Test(buffer, drop_takes_what_the_condition_says_and_then_blocks)
{
    tube_pipeline *p = feed_pipeline(
        NULL, "words 5000 | buffer drop when=\"n < 1000 and n >= 50\" rows=100 | tap");

    feed_stall(p);
    cr_assert(feed_counts(p).read > 1000 && feed_counts(p).read < 1000 + 2 * ELSEWHERE,
              "%ju", (uintmax_t)feed_counts(p).read);
    feed_finish(p);
    cr_assert_eq(tap.last, 4999);
    cr_assert_eq(tap.rows + feed_counts(p).dropped, 5000);
    cr_assert_geq(tap.rows, 4050);
    cr_assert_leq(tap.rows, 4050 + 100 + ELSEWHERE);
    tube_pipeline_free(p);
}

Test(buffer, sample_keeps_a_share_of_what_comes_too_much)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 5000 | buffer sample keep=1/10 rows=100 | tap");

    feed_stall(p);
    cr_assert_leq(feed_counts(p).read, 100 + ELSEWHERE + 10);
    cr_assert_eq(feed_dropped(p), 9, "of the first batch that there is no room for");
    feed_finish(p);
    cr_assert_eq(tap.rows + feed_counts(p).dropped, 5000);
    cr_assert_eq(tap.last, 4999);
    tube_pipeline_free(p);
}

Test(buffer, roll_up_says_where_how_many_are_missing)
{
    tube_pipeline *p = feed_pipeline(
        NULL, "words 5000 place=yes | buffer roll-up into=t rows=105 | tap");

    feed_stall(p);
    cr_assert_eq(feed_counts(p).read, 5000);
    feed_finish(p);
    cr_assert_eq(tap.told, 1);
    cr_assert_eq(tap.rows + tap.missed, 5000);
    cr_assert_eq(tap.missed, feed_counts(p).dropped);
    cr_assert_eq(tap.gaps, 0, "a gap is told where it is");
    cr_assert_eq(feed_counts(p).read, 5001, "the record that tells it was made");
    tube_pipeline_free(p);
}

Test(buffer, block_for_blocks_so_long_and_then_drops_what_comes)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 300 | buffer block-for wait=20ms rows=100 | tap");
    uint64_t from = tube_now();

    feed_stall(p);
    cr_assert_leq(feed_counts(p).read, 100 + ELSEWHERE);
    cr_assert_eq(feed_counts(p).dropped, 0);
    while (feed_counts(p).dropped == 0)
        feed_step(p);
    cr_assert_geq(tube_now() - from, 19000000);
    feed_finish(p);
    cr_assert_eq(tap.rows + feed_counts(p).dropped, 300);
    cr_assert_leq(feed_counts(p).dropped, 100);
    tube_pipeline_free(p);
}

Test(buffer, stop_ends_the_branch_behind_what_is_inside)
{
    tube_pipeline *p = feed_pipeline(NULL, "words 5000 | buffer stop rows=100 | tap");

    feed_stall(p);
    cr_assert_leq(feed_counts(p).read, 100 + ELSEWHERE + 10);
    feed_finish(p);
    cr_assert_geq(tap.rows, 100);
    cr_assert_eq(tap.gaps, 0);
    cr_assert_eq(feed_counts(p).dropped, 0);
    cr_assert_eq(tap.rows + feed_counts(p).filtered, feed_counts(p).read);
    tube_pipeline_free(p);
}

Test(buffer, what_waited_too_long_is_dropped_with_every_policy)
{
    static const char *const text[] = {
        "words 60 | buffer age=10ms | tap",
        "words 60 | buffer age=10ms drop-newest | tap",
        "words 60 | buffer age=10ms drop-oldest rows=1000 | tap",
        "words 60 | buffer age=10ms spill rows=10 | tap",
        "words 60 | buffer age=10ms roll-up rows=1000 | tap",
    };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        tube_pipeline *p = feed_pipeline(NULL, text[i]);

        feed_stall(p);
        usleep(30000);
        feed_finish(p);
        cr_assert_gt(feed_counts(p).dropped, 0, "%s", text[i]);
        cr_assert_eq(tap.rows + feed_counts(p).dropped, 60, "%s", text[i]);
        cr_assert(tap.told == 0 || tap.missed == feed_counts(p).dropped);
        cr_assert_eq(tap.told > 0, strstr(text[i], "roll-up") != NULL);
        tube_pipeline_free(p);
    }
}

Test(buffer, what_waited_too_long_is_dropped_though_nothing_moves)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 100 wait=yes | buffer age=10ms | tap");
    uint64_t end = tube_now() + (uint64_t)5000000000u;

    tap.asleep = true;
    feed_stall(p);
    while (feed_counts(p).dropped == 0 && tube_now() < end) {
        usleep(1000);
        feed_step(p);
    }
    cr_assert_gt(feed_dropped(p), 0);
    tube_abort(p);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, NULL), TUBE_ECANCELED);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

Test(buffer, old_records_make_room_for_new_ones)
{
    tube_pipeline *p = feed_pipeline(NULL, "words 400 | buffer age=10ms rows=50 | tap");
    uint64_t end = tube_now() + (uint64_t)5000000000u;

    feed_start(p);
    while (feed_counts(p).read < 400 && tube_now() < end)
        feed_step(p);
    cr_assert_eq(feed_counts(p).read, 400, "a closed tap held the source up");
    feed_finish(p);
    cr_assert_eq(tap.rows + feed_counts(p).dropped, 400);
    tube_pipeline_free(p);
}

Test(buffer, rejects_and_positions_go_on_when_the_rows_do_not)
{
    tube_pipeline *p = feed_pipeline(
        NULL,
        "words 5000 place=yes | pick reject=7 | buffer drop-newest rows=100 | tap");
    tube_counts c;

    feed_stall(p);
    feed_finish(p);
    c = feed_counts(p);
    cr_assert_eq(c.rejected, 715);
    cr_assert_eq(tap.rejects, 715);
    cr_assert_eq(tap.place, 5000);
    cr_assert_eq(tap.rows + c.dropped, 5000 - 715);
    tube_pipeline_free(p);
}

Test(buffer, abort_settles_what_is_kept)
{
    static const char *const text[] = {
        "words 5000 | buffer rows=1000 | tap",
        "words 5000 | buffer spill rows=100 | tap",
        "words 5000 | buffer drop-oldest rows=100 | tap",
    };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        tube_pipeline *p = feed_pipeline(NULL, text[i]);

        feed_stall(p);
        tube_abort(p);
        cr_assert_eq(tube_wait(p, TUBE_FOREVER, NULL), TUBE_ECANCELED);
        cr_assert(test_accounted(p), "%s", text[i]);
        cr_assert_gt(feed_counts(p).broken, 100);
        tube_pipeline_free(p);
    }
}

Test(buffer, a_consumer_that_has_enough_ends_it)
{
    static const char *const text[] = {
        "words 5000 | buffer rows=1000 | head 30 | tap",
        "words 5000 | buffer spill rows=100 | head 30 | tap",
        "words 5000 | buffer roll-up rows=100 | head 30 | tap",
    };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        tube_pipeline *p = feed_pipeline(NULL, text[i]);

        feed_stall(p);
        feed_finish(p);
        cr_assert_eq(tap.rows, 30, "%s", text[i]);
        tube_pipeline_free(p);
    }
}

Test(buffer, a_flush_waits_for_what_is_inside)
{
    tube_pipeline *p =
        feed_pipeline(NULL, "words 200 wait=yes | buffer spill rows=50 | tap");
    tube_flush *f;
    tube_error err;

    feed_stall(p);
    f = tube_flush_begin(p, TUBE_SETTLED, &err);
    cr_assert_not_null(f);
    for (int i = 0; i < 1000; i++)
        feed_step(p);
    cr_assert_eq(tube_flush_wait(f, 0), TUBE_ETIME);
    tap.open = true;
    for (int i = 0; i < 100000 && tube_flush_wait(f, 0) == TUBE_ETIME; i++)
        feed_step(p);
    cr_assert_eq(tube_flush_wait(f, 0), TUBE_OK);
    cr_assert_eq(tap.rows, 200);
    tube_flush_free(f);
    tube_drain(p);
    feed_finish(p);
    tube_pipeline_free(p);
}

Test(buffer, memory_that_is_short_makes_it_spill_or_drop_early)
{
    static const char *const text[] = {
        "words 300000 batch=1000 | buffer spill bytes=1G | tap",
        "words 300000 batch=1000 | buffer drop-oldest bytes=1G | tap",
        "words 300000 batch=1000 | buffer drop-newest bytes=1G | tap",
    };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        tube_pipeline *p = feed_pipeline(
            TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .depth = 2, .budget = 4 << 20),
            text[i]);

        feed_stall(p);
        cr_assert_eq(feed_counts(p).read, 300000, "%s: %ju", text[i],
                     (uintmax_t)feed_counts(p).read);
        cr_assert_leq(feed_counts(p).memory_high, 5 << 20);
        feed_finish(p);
        cr_assert_eq(tap.rows + feed_counts(p).dropped, 300000, "%s", text[i]);
        cr_assert_eq(feed_counts(p).dropped == 0, i == 0);
        tube_pipeline_free(p);
    }
}

Test(buffer, a_full_disk_or_max_makes_it_block)
{
    tube_pipeline *p = feed_pipeline(
        NULL, "words 300000 batch=1000 | buffer spill rows=1000 max=1M | tap");

    feed_stall(p);
    cr_assert_lt(feed_counts(p).read, 100000);
    cr_assert_gt(feed_counts(p).read, 10000);
    feed_finish(p);
    cr_assert_eq(feed_warnings, 1);
    cr_assert_eq(tap.rows, 300000);
    tube_pipeline_free(p);
}

Test(buffer, batches_with_rejects_stay_in_memory_within_the_limit)
{
    tube_pipeline *p = feed_pipeline(
        NULL, "words 5000 | pick reject=10 | buffer spill rows=100 | tap");

    feed_stall(p);
    cr_assert_leq(feed_counts(p).read, 100 + 10 + ELSEWHERE * 2);
    feed_finish(p);
    cr_assert_eq(tap.rows, 4500);
    cr_assert_eq(tap.rejects, 500);
    tube_pipeline_free(p);
}

/* Cut all files that have no name. */
static int
cut_unnamed(void)
{
    int n = 0;

    for (int fd = 3; fd < 256; fd++) {
        char name[40];
        char to[200] = "";
        struct stat st;

        (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        if (readlink(name, to, sizeof(to) - 1) > 0 && strstr(to, "(deleted)") != NULL
            && strstr(to, "/tmp/") == to && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
            && st.st_size > 0 && ftruncate(fd, st.st_size / 2) == 0)
            n++;
    }
    return n;
}

Test(buffer, a_file_that_cannot_be_read_back_fails_the_stage)
{
    tube_pipeline *p = feed_pipeline(NULL, "words 5000 | buffer spill rows=100 | tap");
    tube_error err = { 0 };

    (void)unsetenv("TMPDIR");
    feed_stall(p);
    cr_assert_eq(feed_counts(p).read, 5000);
    cr_assert_geq(cut_unnamed(), 1);
    tap.open = true;
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_EIO);
    cr_assert_str_eq(err.stage, "buffer");
    cr_assert_not_null(strstr(err.message, "temporary file in /tmp ends at byte"), "%s",
                       err.message);
    cr_assert(test_accounted(p));
    cr_assert_eq(tap.wrong, 0);
    cr_assert_eq(tap.gaps, 0);
    cr_assert_eq(tap.rows + feed_counts(p).broken, 5000);
    cr_assert_geq(tap.rows, 1000);
    tube_pipeline_free(p);
}

static const char *const policies[] = {
    "block",       "block-for wait=1ms",
    "drop-newest", "drop-oldest",
    "roll-up",     "drop when=\"n in (7, 8, 9) or n > 900\"",
    "spill",       "spill max=64k",
    "stop",        "sample keep=1/3",
    "age=1ms",     "spill age=1ms",
};

enum { POLICIES = sizeof(policies) / sizeof(policies[0]) };

static void
assert_sums(const tube_pipeline *p, const char *text)
{
    tube_counts c = feed_counts(p);

    cr_assert(test_accounted(p), "%s", text);
    cr_assert_eq(tap.wrong, 0, "%s", text);
    cr_assert_eq(tap.rows + tap.told, c.committed, "%s", text);
    cr_assert_eq(tap.told > 0 && tap.missed != c.dropped && c.broken == 0, false, "%s",
                 text);
}

Test(buffer, every_policy_on_threads_with_a_slow_sink)
{
    for (size_t i = 0; i < POLICIES; i++) {
        char text[200];
        tube_pipeline *p;

        (void)snprintf(
            text, sizeof(text),
            "words 20000 batch=50 | pick reject=97 | buffer %s rows=200 | tap",
            policies[i]);
        p = feed_pipeline(
            TUBE_PIPELINE_OPTS(.workers = 2, .depth = 2, .on_warn = feed_warned), text);
        tap.nap = 200;
        feed_finish(p);
        assert_sums(p, text);
        tube_pipeline_free(p);
    }
}

/* xorshift */
static uint32_t
draw(uint64_t *seed, uint32_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 33) % below;
}

static void
run_random(uint64_t seed)
{
    uint64_t r = seed * 0x9e3779b97f4a7c15u + 1;
    const char *policy = policies[draw(&r, POLICIES)];
    uint32_t abort_at = draw(&r, 4) == 0 ? draw(&r, 3000) : UINT32_MAX;
    tube_status st = TUBE_OK;
    tube_pipeline *p;
    char text[200];

    (void)snprintf(text, sizeof(text),
                   "words %u batch=%u | pick reject=%u | buffer %s rows=%u | tap",
                   1 + draw(&r, 3000), 1 + draw(&r, 60), 1 + draw(&r, 100), policy,
                   1 + draw(&r, 300));
    p = feed_pipeline(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .depth = 2,
                                         .seed = seed, .on_warn = feed_warned),
                      text);
    feed_start(p);
    for (uint32_t i = 0; st != TUBE_END && i < 100000; i++) {
        if (draw(&r, 20) == 0)
            tap.open = !tap.open;
        if (i == abort_at)
            tube_abort(p);
        st = tube_step(p);
    }
    tap.open = true;
    st = tube_wait(p, TUBE_FOREVER, NULL);
    cr_assert(st == TUBE_OK || (abort_at != UINT32_MAX && st == TUBE_ECANCELED),
              "seed %ju: %s", (uintmax_t)seed, text);
    assert_sums(p, text);
    tube_pipeline_free(p);
}

Test(buffer, every_policy_with_a_tap_that_opens_and_closes)
{
    for (uint64_t seed = 1; seed <= 300; seed++)
        run_random(seed);
}

Test(buffer, what_is_inside_goes_where_it_is_diverted_to)
{
    static const char *const text[] = {
        "words 600 wait=yes | buffer rows=1000 as=b | tap",
        "words 600 wait=yes | buffer spill rows=50 as=b | tap",
    };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        tube_pipeline *p = feed_pipeline(NULL, text[i]);
        tube_error err = { 0 };
        uint64_t early;

        feed_stall(p);
        cr_assert_eq(feed_counts(p).read, 600);
        cr_assert_eq(tube_divert(p, tube_find(p, "b"), "other", NULL, &err), TUBE_OK,
                     "%s", err.message);
        for (int k = 0; k < 1000; k++)
            feed_step(p);
        cr_assert_geq(other.rows, 500, "%ju", (uintmax_t)other.rows);
        tube_drain(p);
        early = 600 - other.rows;
        feed_finish(p);
        cr_assert_eq(other.wrong, 0);
        cr_assert_eq(other.first, (int64_t)early);
        cr_assert_eq(tap.rows, early);
        cr_assert_eq(tap.gaps, 0);
        tube_pipeline_free(p);
    }
}

Test(buffer, options_of_another_policy_are_refused)
{
    static const struct {
        const char *stage, *message;
    } bad[] = {
        { "buffer wait=1s", "wait= belongs to full=block-for" },
        { "buffer block-for when=\"n > 1\"", "when= belongs to full=drop" },
        { "buffer drop", "which records" },
        { "buffer drop when=\"m > 1\"", "no field 'm'" },
        { "buffer sample keep=5", "'5' is no share" },
        { "buffer roll-up into=x", "no field 'x'" },
        { "buffer roll-up into=n", "field 'n' is no text" },
        { "buffer spill dir=/nowhere", "/nowhere" },
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[100];
        tube_pipeline *p;
        tube_error err = { 0 };

        (void)snprintf(text, sizeof(text), "words 5 | %s | tap", bad[i].stage);
        p = feed_pipeline(NULL, text);
        cr_assert_lt(tube_open(p, &err), 0, "%s", text);
        cr_assert_not_null(strstr(err.message, bad[i].message), "%s: %s", text,
                           err.message);
        cr_assert_str_not_empty(err.hint);
        cr_assert_eq(err.line, 1, "%s", text);
        tube_pipeline_free(p);
    }
}
