/* SPDX-License-Identifier: MIT */
/* n_fair.c -- slow branches and quiet inputs do not hold up the others: N17, N18. */
#include "f_reasons.h"

#include <unistd.h>

/* N17 */

static const char *const unhurt[] = {
    "src 0 n=900 as=s | tee ( pass id=3 | sink 1 gate=yes ) | sink 2",
    "src 0 n=900 as=s | tee pace=fastest ( sink 1 gate=yes ) ( sink 4 ) | sink 2",
    "src 0 n=900 as=s | tee ( sink 4 ) | tee ( sink 1 gate=yes ) | sink 2",
    "src 0 n=900 as=s | tee ( buffer drop-oldest rows=9 | sink 1 gate=yes ) | sink 2",
};

static void
slow_branch(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < sizeof(unhurt) / sizeof(unhurt[0]); i++) {
        bool drops = strstr(unhurt[i], "drop") != NULL;
        tube_pipeline *p;

        conform_reset();
        p = conform_new(o, unhurt[i]);
        conform_gate(1, true);
        conform_go(p);
        until_finished(p, 2); /* all of it, and the end, though one takes nothing */
        cr_assert_eq(conform.at[2].rows, 900, "%s", unhurt[i]);
        cr_assert_eq(conform.at[1].rows, 0);
        cr_assert_eq(conform.at[1].finished, 0);
        conform_gate(1, false);
        conform_finish(p, TUBE_OK);
        cr_assert_str_eq(conform_log(2, "sink"), numbers(0, 900, "open", "finish"));
        cr_assert(ends_in(conform_log(1, "sink"), "898 899 finish"));
        if (!drops)
            cr_assert_str_eq(conform_log(1, "sink"), numbers(0, 900, "open", "finish"));
        tube_pipeline_free(p);
    }
}

/* covers: TUB-44, PIPE-28 */
Test(N17, a_slow_branch_does_not_pause_its_siblings, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(slow_branch);
}

static void
slowest_pace(const tube_pipeline_opts *o)
{
    int64_t rows;
    tube_pipeline *p = conform_new(
        o,
        "src 0 n=900 | tee pace=slowest ( sink 1 gate=yes queue=4 ) ( sink 4 ) | sink 2");

    conform_gate(1, true);
    conform_go(p);
    conform_quiet(p);
    rows = conform.at[2].rows;
    cr_assert_leq(rows, 10, "%jd rows went on", (intmax_t)rows);
    cr_assert_geq(rows, 4);
    cr_assert_eq(conform.at[4].rows, rows);
    cr_assert_eq(conform.at[1].rows, 0);
    conform_gate(1, false);
    conform_finish(p, TUBE_OK);
    for (int id = 1; id <= 4; id += id == 2 ? 2 : 1)
        cr_assert_str_eq(conform_log(id, "sink"), numbers(0, 900, "open", "finish"));
    tube_pipeline_free(p);
}

/* covers: TUB-44, PIPE-28 */
Test(N17, unless_asked, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(slowest_pace);
}

/* N18 */

/* The order in which a merge takes from two queues of sixteen. */
static void
turns(const tube_pipeline_opts *o, const char *merge, int share)
{
    tube_pause_id m, a, b;
    char text[200];
    const char *log;
    int from_a = 0, n = 0, lo = 0, hi = 0;
    tube_pipeline *p;

    conform_reset();
    (void)snprintf(text, sizeof(text),
                   "%s as=m ( src 0 as=a ) ( src 1 from=1000 as=b ) | sink 4 queue=64",
                   merge);
    p = conform_new(o, text);
    cr_assert_eq(tube_pause(p, conform_ref(p, "m"), WHOLE, "to fill", &m), TUBE_OK);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(tube_pause(p, conform_ref(p, "a"), WHOLE, "no more", &a), TUBE_OK);
    cr_assert_eq(tube_pause(p, conform_ref(p, "b"), WHOLE, "no more", &b), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform.at[4].rows, 0);
    cr_assert_geq(conform.at[0].rows, 16);
    cr_assert_geq(conform.at[1].rows, 16);
    cr_assert_eq(tube_resume(p, m), TUBE_OK);
    conform_quiet(p);
    /* while both have something, any four in a row (or two) hold their shares */
    log = conform_log(4, "rows");
    for (const char *at = log; *at != '\0' && n < 16; at += strcspn(at, " ")) {
        at += strspn(at, " ");
        from_a += strtol(at, NULL, 10) < 1000;
        n++;
        if (n % (share + 1) == 0) {
            lo = (n / (share + 1)) * share - share;
            hi = (n / (share + 1)) * share + share;
            cr_assert(from_a >= lo && from_a <= hi, "%s: %d of %d: %s", merge, from_a,
                      n, log);
        }
    }
    cr_assert_eq(n, 16, "%s", log);
    if (share == 1)
        cr_assert(from_a == 8, "%d of 16: %s", from_a, log);
    else
        cr_assert(from_a >= 11 && from_a <= 13, "%d of 16: %s", from_a, log);
    cr_assert_eq(tube_resume(p, a), TUBE_OK);
    cr_assert_eq(tube_resume(p, b), TUBE_OK);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

static void
weighted(const tube_pipeline_opts *o)
{
    turns(o, "merge", 1);
    turns(o, "merge weights=[3, 1]", 3);
}

/* covers: TUB-50, PIPE-24 */
Test(N18, inputs_get_turns_by_their_weights, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(weighted);
}

static void
quiet_input(const tube_pipeline_opts *o)
{
    uint64_t begun;
    tube_pipeline *p = conform_start(
        o, "merge by=n idle=50ms ( src 0 fed=yes ) ( src 1 fed=yes from=1000 )"
           " ( src 2 fed=yes from=2000 ) | sink 4");

    begun = tube_now();
    conform_feed(0, 5);
    conform_until_rows(p, 4, 5); /* though the others have not said a word */
    conform_feed(1, 1);
    conform_until_rows(p, 4, 6);
    cr_assert_lt(tube_now() - begun, 10 * SECOND);
    cr_assert_str_eq(conform_log(4, "rows"), "0 1 2 3 4 1000");
    conform_feed(2, 2);
    conform_feed(1, 2);
    conform_until_rows(p, 4, 10);
    for (int id = 0; id < 3; id++)
        conform_end(id);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[4].rows, 10);
    cr_assert_eq(conform_counts(p).committed, 10);
    tube_pipeline_free(p);
}

/* covers: PIPE-26 */
Test(N18, a_quiet_input_does_not_hold_a_sorted_merge, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(quiet_input);
}

/* A source that is never at rest: it keeps the pipeline from being quiet. */
static void
busy_elsewhere(const tube_pipeline_opts *o)
{
    uint64_t begun, took;
    tube_pipeline *p = conform_start(
        o, "merge by=n idle=80ms ( src 0 fed=yes ) ( src 1 fed=yes from=1000 )"
           " | tee ( sink 4 ) | sink 5 hold=yes");

    conform_feed(0, 3);
    conform_until_rows(p, 4, 3); /* else who is kept from running seems quiet */
    conform_feed(1, 1);
    begun = tube_now();
    conform_until_rows(p, 4, 4);
    took = tube_now() - begun;
    cr_assert_lt(took, 10 * SECOND);
    cr_assert_str_eq(conform_log(4, "rows"), "0 1 2 1000");
    conform_let(5, 1000);
    conform_feed(0, 1);
    conform_end(0);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: PIPE-26 */
Test(N18, also_while_records_are_held_behind_it, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(busy_elsewhere);
}

/* Where everything waits, nobody is waited for: another source keeps it going. */
static void
now_and_then(const tube_pipeline_opts *o)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_start(
        o, "merge ( src 3 n=-1 | pass id=6 filter=1 )"
           " ( merge by=n idle=400ms ( src 0 fed=yes ) ( src 1 fed=yes from=1000 ) )"
           " | sink 4");
    conform_feed(0, 1);
    conform_until_rows(p, 4, 1);
    conform_feed(1, 1);
    for (int i = 0; i < 8; i++) { /* longer than 400 ms, with shorter silences */
        (void)usleep(60000);
        conform_feed(0, 1);
        conform_until_rows(p, 4, 2 + i);
    }
    conform_end(0);
    conform_until_rows(p, 4, 10);
    cr_assert_str_eq(conform_log(4, "rows"), "0 1 2 3 4 5 6 7 8 1000");
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: PIPE-26 */
Test(N18, who_talks_now_and_then_is_not_quiet, .timeout = CONFORM_SECONDS)
{
    now_and_then(NULL);
    now_and_then(TUBE_PIPELINE_OPTS(.workers = 2));
}

static void
sorted_when_not_quiet(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge by=n idle=10s ( src 0 n=200 step=3 ) ( src 1 n=200 from=1 step=3 )"
           " ( src 2 n=200 from=2 step=3 ) | sink 4");

    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(4, "sink"), numbers(0, 600, "open", "finish"));
    tube_pipeline_free(p);
}

/* covers: PIPE-26 */
Test(N18, while_all_inputs_talk_the_order_is_exact, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sorted_when_not_quiet);
}
