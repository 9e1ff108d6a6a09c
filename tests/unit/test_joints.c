/* SPDX-License-Identifier: MIT */
/* test_joints.c -- the stages that join and fork: which records go where, and positions. */
#include "joints_stages.h"
#include "test_stages.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

enum { SEEDS = 30, THREADED = 4 };

static tube_pipeline *
make(const char *text, uint64_t seed, tube_error *err)
{
    int32_t workers = seed < SEEDS - THREADED ? TUBE_CALLER : 2;
    tube_pipeline *p = tube_pipeline_new(
        TUBE_PIPELINE_OPTS(.workers = workers, .seed = seed, .depth = 2), err);

    cr_assert(p != NULL);
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        cr_assert_eq(tube_define(p, &stages[i], err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, err), TUBE_OK, "%s: %s", text, err->message);
    memset(seen_by, 0, sizeof(seen_by));
    return p;
}

static tube_counts
run(const char *text, uint64_t seed)
{
    tube_error err = { 0 };
    tube_pipeline *p = make(text, seed, &err);
    tube_counts c;

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s: %s", text, err.message);
    tube_stats(p, &c);
    cr_assert(test_accounted(p), "%s, seed %ju", text, (uintmax_t)seed);
    tube_pipeline_free(p);
    for (uint32_t i = 0; i < LEDGERS; i++) {
        cr_assert_eq(seen_by[i].early, 0, "%s, seed %ju: ledger %u is ahead of %ju",
                     text, (uintmax_t)seed, i, (uintmax_t)seen_by[i].early);
        cr_assert_eq(seen_by[i].broken, 0, "%s, seed %ju: ledger %u: %ju gaps", text,
                     (uintmax_t)seed, i, (uintmax_t)seen_by[i].broken);
    }
    return c;
}

/* Ledger 0 gets `rows` records and all of the position of `n`. */
static void
all_orders(const char *text, uint64_t n, uint64_t rows)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run(text, seed);
        cr_assert_eq(seen_by[0].rows + seen_by[0].rejected, rows,
                     "%s, seed %ju: %ju rows", text, (uintmax_t)seed,
                     (uintmax_t)seen_by[0].rows);
        cr_assert_eq(seen_by[0].low, n * BYTES, "%s, seed %ju: position %ju", text,
                     (uintmax_t)seed, (uintmax_t)seen_by[0].low);
        cr_assert_eq(seen_by[0].line, n);
    }
}

/* Joins. */

Test(joints, merge_takes_all_of_every_input, .timeout = 60)
{
    tube_counts c;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        c = run("merge weights=[3, 1] ( places 1000 ) ( places 700 | sieve 10 ) "
                "| ledger times=0",
                seed);
        cr_assert_eq(c.committed, 1630);
        cr_assert_eq(c.rejected, 70);
    }
}

Test(joints, concat_takes_one_input_after_the_other, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run("concat ( places 1000 | where k < 300 ) "
                  "( places 1000 | where k >= 300 and k < 700 ) "
                  "( places 1000 | where k >= 700 ) | ledger times=0",
                  seed);
        cr_assert_eq(seen_by[0].rows, 1000);
        cr_assert_eq(seen_by[0].disorder, 0);
    }
}

Test(joints, a_sorted_merge_keeps_positions_behind_rows, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run("merge by=k ( places 1000 | sieve 7 ) ( places 900 rows=33 ) "
                  "| ledger times=0",
                  seed);
        cr_assert_eq(seen_by[0].rows + seen_by[0].rejected, 1900);
        cr_assert_eq(seen_by[0].disorder, 0);
    }
    all_orders("merge by=k ( places 3000 ) | ledger", 3000, 3000);
}

/* Forks. */

Test(joints, tee_gives_every_branch_all_records_and_positions, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tube_counts c = run("places 2000 | tee ( ledger 1 ) ( where k < 100 | ledger 2 "
                            "times=0 ) | ledger 0",
                            seed);

        cr_assert_eq(seen_by[0].rows, 2000);
        cr_assert_eq(seen_by[1].rows, 2000);
        cr_assert_eq(seen_by[2].rows, 100);
        for (uint32_t i = 0; i < 3; i++)
            cr_assert_eq(seen_by[i].low, 2000 * BYTES);
        cr_assert_eq(c.read, 6000);
        cr_assert_eq(c.committed, 4100);
        cr_assert_eq(c.filtered, 1900);
    }
}

Test(joints, a_branch_of_tee_that_has_enough_leaves_the_others_alone, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run("places 2000 | tee pace=slowest ( until 120 | ledger 1 ) | ledger 0",
                  seed);
        cr_assert_eq(seen_by[0].rows, 2000);
        cr_assert_eq(seen_by[1].rows, 120);
        cr_assert_eq(seen_by[1].low, 120 * BYTES);
        (void)run("places 2000 | tee until=all ( ledger 1 ) | until 120 | ledger 0",
                  seed);
        cr_assert_eq(seen_by[0].rows, 120);
        cr_assert_eq(seen_by[1].rows, 2000);
        cr_assert_eq(seen_by[1].low, 2000 * BYTES);
    }
}

Test(joints, route_by_condition_to_sinks_and_back, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run(
            "places 2000 | sieve 11 | route ( when k < 500 | ledger 1 times=0 ) "
            "( when k < 900 | alone ) ( when k < 1000 | until 0 ) | ledger times=0",
            seed);
        cr_assert_eq(seen_by[1].rows, 454);
        cr_assert_eq(seen_by[0].rejected, 182);
        cr_assert_eq(seen_by[0].low, 2000 * BYTES);
        cr_assert_eq(seen_by[1].low, 2000 * BYTES);
    }
    all_orders("places 2000 | sieve 11 | route ( when k < 500 | alone ) "
               "( when k < 900 | sieve 3 ) | ledger",
               2000, 2000);
}

Test(joints, route_by_hash_and_by_name, .timeout = 60)
{
    tube_counts c;

    all_orders(
        "places 2000 | route hash=k ( alone ) ( where k >= 0 ) ( alone ) | ledger",
        2000, 2000);
    c = run("gen combined 1000 | parse combined | route to=method ( as GET | null ) "
            "( as POST | null ) ( otherwise | null ) | head 0",
            0);
    cr_assert_eq(c.committed, 1000);
}

Test(joints, thru_gives_each_item_to_each_branch_in_order, .timeout = 60)
{
    all_orders("places 2000 | thru ( alone ) ( where k >= 0 ) | ledger times=2", 2000,
               4000);
    all_orders("places 2000 | sieve 10 | thru ( alone ) ( alone ) ( where k >= 0 ) "
               "| ledger times=0",
               2000, 5600);
}

Test(joints, thru_by_record_is_in_the_order_of_the_records, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run("places 300 | thru by=record ( alone ) ( where k >= 0 ) | ledger "
                  "times=2",
                  seed);
        cr_assert_eq(seen_by[0].rows, 600);
        cr_assert_eq(seen_by[0].disorder, 0, "seed %ju", (uintmax_t)seed);
        cr_assert_eq(seen_by[0].low, 300 * BYTES);
    }
}

Test(joints, positions_survive_a_branch_that_ends_early, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run("places 2000 | thru ( where k >= 0 ) ( until 120 ) | ledger times=0",
                  seed);
        cr_assert_eq(seen_by[0].rows, 2120);
        cr_assert_eq(seen_by[0].low, 2000 * BYTES, "seed %ju: %ju", (uintmax_t)seed,
                     (uintmax_t)seen_by[0].low);
        (void)run("places 2000 | thru ( until 120 ) ( where k >= 0 ) | ledger times=0",
                  seed);
        cr_assert_eq(seen_by[0].low, 2000 * BYTES);
    }
}

Test(joints, parallel_keeps_the_order_of_the_input, .timeout = 60)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        (void)run("places 3000 | parallel 3 ( alone ) | ledger", seed);
        cr_assert_eq(seen_by[0].rows, 3000);
        cr_assert_eq(seen_by[0].disorder, 0, "seed %ju", (uintmax_t)seed);
        cr_assert_eq(seen_by[0].low, 3000 * BYTES);
    }
}

Test(joints, parallel_in_any_order_and_by_key, .timeout = 60)
{
    all_orders("places 3000 | parallel 3 order=none ( alone ) | ledger", 3000, 3000);
    all_orders("places 3000 | sieve 9 | parallel 3 order=key key=k ( alone ) | ledger",
               3000, 3000);
}

Test(joints, records_of_a_key_take_the_same_way, .timeout = 60)
{
    tube_counts one = run("gen combined 3000 | parse combined | once | null", 0);

    cr_assert(one.committed > 2);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        tube_counts c = run("gen combined 3000 | parse combined | parallel 3 order=key "
                            "key=method ( once ) | null",
                            seed);

        cr_assert_eq(c.committed, one.committed);
        c = run(
            "gen combined 3000 | parse combined | route hash=method ( once ) ( once ) "
            "( once | null ) | null",
            seed);
        cr_assert_eq(c.committed, one.committed);
    }
}

Test(joints, forks_inside_of_forks, .timeout = 120)
{
    all_orders(
        "places 1000 | thru ( thru ( alone ) ( sieve 3 ) ) ( route ( when k < 300 "
        "| alone ) ) | ledger times=3",
        1000, 3000);
    all_orders(
        "places 1000 | parallel 2 ( thru ( alone ) ( sieve 3 ) ) | ledger times=2",
        1000, 2000);
    all_orders("places 1000 | parallel 2 ( route ( when k < 300 | alone ) ) | ledger",
               1000, 1000);
    all_orders("places 1000 | route ( when k < 300 | parallel 2 ( alone ) ) | ledger",
               1000, 1000);
}

/* Ends that come too soon. */

static const char *const graphs[] = {
    "merge by=k ( places 3000 | sieve 7 ) ( places 2900 rows=33 ) | ledger times=0",
    "places 3000 | tee ( alone | ledger 1 ) ( where k < 100 | ledger 2 times=0 ) "
    "| ledger",
    "places 3000 | sieve 11 | route ( when k < 500 | alone ) ( when k < 900 | ledger 1 "
    "times=0 ) | ledger times=0",
    "places 3000 | thru ( alone ) ( thru by=record ( sieve 3 ) ( alone ) ) "
    "| ledger times=0",
    "places 3000 | parallel 3 ( alone ) | ledger",
    "places 3000 | parallel 2 order=key key=k ( alone ) | ledger",
};

/* What was cut short is accounted for, and no position is ahead of its rows. */
static void
cut_short(const char *text, uint64_t seed, bool abort)
{
    tube_error err = { 0 };
    tube_pipeline *p = make(text, seed, &err);
    tube_status st = TUBE_OK;

    cr_assert_eq(tube_start(p, &err), TUBE_OK);
    for (uint64_t i = 0; seed < SEEDS - THREADED && i < 7 * seed && st == TUBE_OK; i++)
        st = tube_step(p);
    if (seed >= SEEDS - THREADED)
        usleep((useconds_t)(seed % 4) * 300);
    if (abort)
        tube_abort(p);
    else
        tube_drain(p);
    st = tube_wait(p, (uint64_t)20 * 1000000000, &err);
    cr_assert_neq(st, TUBE_ETIME, "%s, seed %ju", text, (uintmax_t)seed);
    cr_assert(test_accounted(p), "%s, seed %ju", text, (uintmax_t)seed);
    tube_pipeline_free(p);
    for (uint32_t i = 0; i < LEDGERS; i++)
        cr_assert_eq(seen_by[i].early + seen_by[i].broken, 0, "%s, seed %ju", text,
                     (uintmax_t)seed);
}

Test(joints, what_is_aborted_or_drained_is_accounted_for, .timeout = 120)
{
    for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            cut_short(graphs[i], seed, true);
            cut_short(graphs[i], seed, false);
        }
}

Test(joints, little_memory_is_enough, .timeout = 120)
{
    for (size_t i = 0; i < sizeof(graphs) / sizeof(graphs[0]); i++)
        for (uint64_t seed = 0; seed < 10; seed++) {
            tube_error err = { 0 };
            char text[512];
            tube_pipeline *p;

            (void)snprintf(text, sizeof(text), "set memory=4M\n%s", graphs[i]);
            p = make(text, seed, &err);
            cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s: %s", text, err.message);
            cr_assert(test_accounted(p));
            tube_pipeline_free(p);
        }
}

/* Mistakes in the text. */

static void
refused(const char *text, const char *why)
{
    tube_error err = { 0 };
    tube_pipeline *p = make(text, 0, &err);

    cr_assert_eq(tube_open(p, &err), TUBE_ECONFIG, "%s", text);
    cr_assert(strstr(err.message, why) != NULL, "%s: %s", text, err.message);
    tube_pipeline_free(p);
}

Test(joints, options_that_do_not_go_together_are_refused)
{
    refused("merge by=x ( places 1 )", "no field 'x'");
    refused("merge idle=1s ( places 1 )", "idle= is for a merge with by=");
    refused("merge weights=[1, 2] ( places 1 )", "2 weights for 1 inputs");
    refused("merge weights=[0] ( places 1 )", "weight '0'");
    refused("places 1 | route ( null )", "branch 1 must begin with 'when");
    refused("places 1 | route ( as a | null )", "'as NAME' is for to=");
    refused("places 1 | route to=k ( as a | null )", "the field is no text");
    refused("places 1 | route hash=k ( when k = 1 | null )", "with hash=");
    refused("places 1 | route hash=k to=k ( null )", "exclude each other");
    refused("places 1 | parallel 2 key=k ( alone )", "key= is for order=key");
    refused("places 1 | parallel 2 order=key ( alone )", "order=key needs key=");
    refused("places 1 | parallel 2 order=key key=z ( alone )", "no field 'z'");
}
