/* SPDX-License-Identifier: MIT */
/* test_sample.c -- shares are read, and picked whatever the batches are. */
#include "buffer_ratio.h"
#include "test_stages.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(sample, .timeout = 30);

Test(sample, shares_are_read)
{
    static const struct {
        const char *text;
        uint64_t num, den;
    } good[] = {
        { "1/100", 1, 100 },
        { "3/3", 3, 3 },
        { "10%", 10, 100 },
        { "2.5%", 25, 1000 },
        { "0.01%", 1, 10000 },
        { "100%", 100, 100 },
        { "1/1000000000000", 1, 1000000000000u },
    };
    static const char *const bad[] = {
        "",
        "1",
        "/5",
        "5/",
        "0/5",
        "0%",
        "6/5",
        "101%",
        "1/0",
        "1/-5",
        "-1/5",
        "1/5x",
        "10%%",
        "10 %",
        ".5%",
        "5.%",
        "1e3%",
        "1/2/3",
        "%",
        "100.5%",
        "1/99999999999999999999",
        "0.0000000000000001%",
    };
    tubei_ratio r;
    tube_error err;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_assert_eq(tubei_ratio_read(good[i].text, &r, &err), TUBE_OK, "%s",
                     good[i].text);
        cr_assert(r.num == good[i].num && r.den == good[i].den, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(tubei_ratio_read(bad[i], &r, &err), TUBE_ECONFIG, "%s", bad[i]);
        cr_assert_not_null(strstr(err.message, bad[i]));
        cr_assert_str_not_empty(err.hint);
    }
}

static tube_counts
run(const char *text, uint32_t batch)
{
    tube_pipeline *p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .batch_rows = batch), text);
    tube_error err = { 0 };
    tube_counts c;

    test_reset();
    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s: %s", text, err.message);
    cr_assert(test_accounted(p));
    cr_assert_eq(seen.disorder, 0);
    tube_stats(p, &c);
    tube_pipeline_free(p);
    return c;
}

Test(sample, a_share_is_about_that_and_the_rest_is_filtered)
{
    tube_counts c = run("count 200000 | sample 1/100 | collect", 1000);

    /* 2000 expected, standard deviation 44.5 */
    cr_assert(c.committed > 1780 && c.committed < 2220, "%ju", (uintmax_t)c.committed);
    cr_assert_eq(c.committed + c.filtered, 200000);
    c = run("count 200000 | sample 12.5% | collect", 1000);
    cr_assert(c.committed > 24260 && c.committed < 25740, "%ju",
              (uintmax_t)c.committed);
    c = run("count 1000 | sample 100% | collect", 1000);
    cr_assert_eq(c.committed, 1000);
}

Test(sample, the_same_seed_picks_the_same_records_in_any_batches)
{
    uint64_t sum;

    run("count 50000 | sample 5% seed=7 | collect", 1000);
    sum = seen.sum;
    cr_assert_gt(sum, 0);
    run("count 50000 | sample 5% seed=7 | collect", 77);
    cr_assert_eq(seen.sum, sum);
    run("count 50000 | sample 5% seed=8 | collect", 1000);
    cr_assert_neq(seen.sum, sum);
}

Test(sample, every_passes_the_first_of_so_many)
{
    tube_counts c = run("count 1000 | sample every=300 | collect", 70);

    cr_assert_eq(c.committed, 4);
    cr_assert_eq(seen.sum, 0 + 300 + 600 + 900);
    cr_assert_eq(c.filtered, 996);
}

static void
refused(const char *text, const char *message)
{
    tube_pipeline *p = test_pipeline(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER), text);
    tube_error err = { 0 };

    cr_assert_eq(tube_open(p, &err), TUBE_ECONFIG, "%s", text);
    cr_assert_not_null(strstr(err.message, message), "%s: %s", text, err.message);
    cr_assert_str_not_empty(err.hint);
    cr_assert_eq(err.line, 1, "%s", text);
    tube_pipeline_free(p);
}

Test(sample, what_cannot_be_meant_is_refused)
{
    refused("count 5 | sample | collect", "how many");
    refused("count 5 | sample 1/0 | collect", "'1/0' is no share");
    refused("count 5 | sample 7 | collect", "'7' is no share");
    refused("count 5 | sample every=0 | collect", "picks nothing");
    refused("count 5 | sample 1/5 every=5 | collect", "a share and every=");
}
