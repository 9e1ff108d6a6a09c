/* SPDX-License-Identifier: MIT */
/* n_buffer.c -- what a full buffer does: N15, with exact numbers. */
#include "f_reasons.h"

enum { FED = 50, ROWS = 10 };

/* Rows that went through the buffer before its output was full. */
static int64_t passed;

/* A shut gate behind a buffer that is offered 50 records; at rest. */
static tube_pipeline *
offered(const tube_pipeline_opts *o, const char *buffer, int64_t taken)
{
    char text[256];
    tube_pipeline *p;

    conform_reset();
    (void)snprintf(text, sizeof(text),
                   "src 0 fed=yes as=s | buffer %s as=buf | sink 1 gate=yes queue=2"
                   " as=out",
                   buffer);
    p = conform_new(o, text);
    conform_gate(1, true);
    conform_go(p);
    conform_feed(0, 5); /* what is behind the buffer is full before it drops any */
    conform_quiet(p);
    conform_feed(0, FED - 5);
    conform_until_rows(p, 0, taken >= 0 ? taken : 2 + ROWS);
    conform_quiet(p);
    passed = (int64_t)conform_stats(p, "buf").rows_out;
    cr_assert(passed >= 2 && passed <= 5, "%jd rows went through", (intmax_t)passed);
    return p;
}

/* Open the gate and the end; `log`: what the sink must have had. */
static void
opened(tube_pipeline *p, const char *log)
{
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    if (log != NULL)
        cr_assert_str_eq(conform_log(1, "sink"), log, "%s", conform_log(1, "sink"));
    cr_assert_eq(conform_counts(p).committed + conform_counts(p).dropped
                     + conform_counts(p).filtered,
                 conform_counts(p).read);
    tube_pipeline_free(p);
}

static uint64_t
dropped(const tube_pipeline *p)
{
    cr_assert_eq(conform_counts(p).dropped, conform_stats(p, "buf").dropped,
                 "a drop without the stage's counter");
    return conform_counts(p).dropped;
}

static void
newest(const tube_pipeline_opts *o)
{
    tube_pipeline *p = offered(o, "drop-newest rows=10", FED);

    cr_assert_eq(dropped(p), (uint64_t)(FED - ROWS - passed));
    opened(p, numbers(0, (int)passed + ROWS, "open", "finish"));
}

/* covers: SEED-12 */
Test(N15, drop_newest_keeps_what_came_first, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(newest);
}

static void
oldest(const tube_pipeline_opts *o)
{
    char before[8200];
    tube_pipeline *p = offered(o, "drop-oldest rows=10", FED);

    cr_assert_eq(dropped(p), (uint64_t)(FED - ROWS - passed));
    (void)snprintf(before, sizeof(before), "%s", numbers(0, (int)passed, "open", ""));
    opened(p, numbers(FED - ROWS, ROWS, before, "finish"));
}

/* covers: SEED-12 */
Test(N15, drop_oldest_keeps_what_came_last, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(oldest);
}

static void
predicate(const tube_pipeline_opts *o)
{
    char before[8200];
    tube_pipeline *p = offered(o, "drop rows=10 when=\"n < 20\"", -1);

    /* those from 20 on are kept, and what has no room then waits in the queue */
    cr_assert_eq(dropped(p), (uint64_t)(20 - passed));
    (void)snprintf(before, sizeof(before), "%s", numbers(0, (int)passed, "open", ""));
    opened(p, numbers(20, FED - 20, before, "finish"));
}

/* covers: SEED-12 */
Test(N15, drop_by_predicate_takes_only_what_may_be_dropped, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(predicate);
}

static void
blocks(const tube_pipeline_opts *o)
{
    tube_pipeline *p = offered(o, "block rows=10", -1);
    tube_stage_stats st = conform_stats(p, "buf");

    cr_assert_eq(dropped(p), 0);
    cr_assert_leq(st.rows_in, (uint64_t)(passed + ROWS + 1), "it took %ju rows",
                  (uintmax_t)st.rows_in);
    opened(p, numbers(0, FED, "open", "finish"));
}

/* covers: SEED-12 */
Test(N15, block_drops_nothing_and_takes_no_more, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(blocks);
}

static bool
some_dropped(void *arg)
{
    return conform_counts(arg).dropped > 0;
}

static void
blocks_for(const tube_pipeline_opts *o)
{
    uint64_t begun = tube_now();
    tube_pipeline *p = offered(o, "block-for rows=10 wait=40ms", -1);

    conform_until(p, some_dropped, p);
    cr_assert_gt(tube_now() - begun, 40 * MS, "it did not wait");
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_counts(p).committed + dropped(p), FED);
    /* what was inside was kept, and the order */
    cr_assert(strncmp(conform_log(1, "rows"), numbers(0, ROWS, "", ""),
                      strlen(numbers(0, ROWS, "", "")))
              == 0);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, block_for_waits_so_long_and_drops_then, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(blocks_for);
}

static void
sampled(const tube_pipeline_opts *o)
{
    tube_pipeline *p = offered(o, "sample rows=10 keep=1/5", -1);

    /* of the five behind the full buffer four go, and the fifth waits */
    cr_assert_eq(dropped(p), 4);
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_counts(p).committed + dropped(p), FED);
    cr_assert_lt(dropped(p), FED - ROWS);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, sample_keeps_its_share_of_what_comes, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sampled);
}

static void
stops(const tube_pipeline_opts *o)
{
    int64_t rows;
    tube_pipeline *p =
        conform_new(o, "src 0 n=50 as=s | tee until=all ( buffer stop rows=10 as=buf"
                       " | sink 1 gate=yes queue=2 as=out ) | sink 2");

    conform_gate(1, true);
    conform_go(p);
    until_finished(p, 2);
    conform_quiet(p);
    passed = (int64_t)conform_stats(p, "buf").rows_out;
    conform_gate(1, false);
    conform_finish(p, TUBE_OK);
    /* it was full with ROWS inside, when some that passed had not passed yet */
    rows = conform.at[1].rows;
    cr_assert_geq(rows, ROWS);
    cr_assert_leq(rows, passed + ROWS);
    cr_assert_str_eq(conform_log(2, "sink"), numbers(0, FED, "open", "finish"));
    cr_assert_str_eq(conform_log(1, "sink"), numbers(0, (int)rows, "open", "finish"));
    cr_assert_eq(conform_stop(p, "out"), TUBE_STOP_SATISFIED);
    cr_assert_eq(conform_counts(p).committed, (uint64_t)(FED + rows));
    cr_assert_eq(conform_counts(p).read, conform_counts(p).committed
                                             + conform_counts(p).filtered
                                             + conform_counts(p).dropped);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, stop_ends_its_branch_and_no_other, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stops);
}

static void
spilled(const tube_pipeline_opts *o)
{
    enum { MANY = 4000 };
    tube_pipeline *p =
        conform_new(o, "src 0 fed=yes batch=10 | buffer spill rows=50 as=buf"
                       " | sink 1 gate=yes queue=2");
    uint64_t memory;

    conform_gate(1, true);
    conform_go(p);
    conform_feed(0, MANY);
    conform_until_rows(p, 0, MANY); /* the source is not stopped */
    conform_quiet(p);
    cr_assert_eq(conform_stats(p, "buf").rows_in, MANY);
    cr_assert_eq(dropped(p), 0);
    memory = conform_counts(p).memory;
    cr_assert_lt(memory, 4u << 20, "%ju bytes are in memory", (uintmax_t)memory);
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_counts(p).committed, MANY);
    conform_complete(1, 0, MANY, 1);
    cr_assert(strncmp(conform_log(1, "rows"), numbers(0, 900, "", ""),
                      strlen(numbers(0, 900, "", "")))
                  == 0,
              "not in order");
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, spill_loses_nothing_and_keeps_the_order_and_the_memory,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(spilled);
}

/* misses: in place; notes the text of records that have no n. */

static char missed_text[4096];

static tube_status
misses_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    TUBE_EACH(b, r) {
        const tube_cell *c = tube_row(b, r);
        size_t at = strlen(missed_text);

        if (!c[0].set)
            (void)snprintf(missed_text + at, sizeof(missed_text) - at, "%.*s;",
                           (int)c[1].len, c[1].text);
    }
    return TUBE_OK;
}

static const tube_stage_def misses_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "misses",
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .process = misses_process,
};

static void
rolled_up(const tube_pipeline_opts *o)
{
    int64_t gone;
    char want[64];
    tube_counts c;
    tube_pipeline *p;

    missed_text[0] = '\0';
    p = conform_new_with(o, &misses_def, 1,
                         "src 0 fed=yes | buffer roll-up rows=10 as=buf"
                         " | pass id=1 gate=yes queue=2 | misses | sink 2");
    conform_gate(1, true);
    conform_go(p);
    conform_feed(0, 5);
    conform_quiet(p);
    conform_feed(0, FED - 5);
    conform_until_rows(p, 0, FED);
    conform_quiet(p);
    passed = (int64_t)conform_stats(p, "buf").rows_out;
    gone = FED - ROWS - passed;
    cr_assert_eq(dropped(p), (uint64_t)gone);
    conform_gate(1, false);
    conform_quiet(p);
    conform_feed(0, 1); /* and behind the gap it goes on */
    conform_end(0);
    conform_finish(p, TUBE_OK);
    (void)snprintf(want, sizeof(want), "missed %jd records;", (intmax_t)gone);
    cr_assert_str_eq(missed_text, want, "%s", missed_text);
    c = conform_counts(p);
    cr_assert_eq(c.dropped, (uint64_t)gone);
    cr_assert_eq(c.committed,
                 (uint64_t)(FED + 1 - gone + 1)); /* and the roll-up itself */
    cr_assert_eq(c.read, c.committed + c.dropped);
    cr_assert_eq(times_in(conform_log(2, "rows"), "50"), 1);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, roll_up_tells_in_the_stream_how_many_are_missed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(rolled_up);
}

/* A share of everything, and a rate. */

static void
sample_exact(const tube_pipeline_opts *o)
{
    tube_counts c;
    tube_pipeline *p =
        conform_start(o, "src 0 n=1000 batch=7 | sample every=10 | sink 1");

    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    cr_assert_eq(c.read, 1000);
    cr_assert_eq(c.committed, 100);
    cr_assert_eq(c.filtered + c.dropped, 900, "900 are in no account");
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, sample_counts_what_it_leaves_out, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sample_exact);
}

static void
limited(const tube_pipeline_opts *o)
{
    uint64_t begun = tube_now(), took;
    tube_pipeline *p =
        conform_start(o, "src 0 n=60 | limit rows=400/s burst=10ms | sink 1");

    conform_finish(p, TUBE_OK);
    took = tube_now() - begun;
    cr_assert_str_eq(conform_log(1, "sink"), numbers(0, 60, "open", "finish"));
    cr_assert_gt(took, 120 * MS, "60 rows at 400/s took %ju ms",
                 (uintmax_t)(took / MS));
    cr_assert_eq(conform_counts(p).dropped, 0);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N15, limit_slows_down_and_drops_nothing, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(limited);
}
