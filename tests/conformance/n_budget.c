/* SPDX-License-Identifier: MIT */
/* n_budget.c -- queues and pipelines are bounded in rows, bytes and age: N14. */
#include "f_reasons.h"

static uint64_t
inside(const tube_pipeline *p, const char *consumer)
{
    tube_ref ref = conform_ref(p, consumer);

    for (uint32_t i = 0; i < tube_edge_count(p); i++) {
        tube_edge_info info;
        tube_edge_stats st;

        if (tube_edge_at(p, i, &info) && tube_ref_at(p, info.to).id == ref.id
            && tube_stats_edge(p, i, &st))
            return st.rows - st.rows_taken;
    }
    cr_assert_fail("no edge before %s", consumer);
    return 0;
}

static bool
step_within(tube_pipeline *p, const char *consumer, uint64_t most)
{
    tube_status st = conform_step(p);

    cr_assert_leq(inside(p, consumer), most,
                  "%ju rows in the queue, wanted at most %ju",
                  (uintmax_t)inside(p, consumer), (uintmax_t)most);
    return st == TUBE_OK;
}

static void
rows_of_a_queue(const tube_pipeline_opts *o)
{
    const tube_queue_limits few = { .rows = 10 }, more = { .rows = 30 },
                            none = { .rows = UINT64_MAX };
    tube_pipeline *p =
        conform_new(o, "src 0 fed=yes batch=4 | sink 1 gate=yes queue=64 as=out");

    conform_gate(1, true);
    cr_assert_eq(tube_queue_resize(p, conform_ref(p, "out"), &few), TUBE_OK);
    conform_go(p);
    conform_feed(0, 400);
    while (conform.caller && step_within(p, "out", 10 + 4 - 1 + 4)) {
    }
    conform_quiet(p);
    /* full at 10: one batch may end above that, and one lies beside the queue */
    cr_assert_geq(inside(p, "out") + 4, 10);
    cr_assert_leq(inside(p, "out"), 10 + 4 - 1 + 4);
    cr_assert_lt(conform.at[0].rows, 40, "%jd rows were made",
                 (intmax_t)conform.at[0].rows);
    cr_assert_eq(tube_queue_resize(p, conform_ref(p, "out"), &more), TUBE_OK);
    conform_quiet(p);
    cr_assert_geq(inside(p, "out") + 4, 30, "the new limit does not hold");
    cr_assert_leq(inside(p, "out"), 30 + 4 - 1 + 4);
    cr_assert_eq(tube_queue_resize(p, conform_ref(p, "out"), &none), TUBE_OK);
    conform_quiet(p);
    cr_assert_gt(inside(p, "out"), 100); /* now its batches are the limit */
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    conform_complete(1, 0, 400, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-13, PIPE-2, PIPE-5 */
Test(N14, a_queue_is_full_at_its_rows, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(rows_of_a_queue);
}

static uint64_t
bytes_of_one(const tube_pipeline_opts *o)
{
    uint64_t bytes;
    tube_pipeline *p = conform_start(o, "src 0 n=4 batch=4 | sink 1 hold=yes");

    conform_until_rows(p, 1, 4);
    conform_quiet(p);
    bytes = conform_counts(p).memory;
    conform_let(1, 1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
    conform_reset();
    return bytes;
}

static void
bytes_of_a_queue(const tube_pipeline_opts *o)
{
    uint64_t one = bytes_of_one(o);
    tube_queue_limits l = { .bytes = 3 * one };
    tube_pipeline *p =
        conform_new(o, "src 0 fed=yes batch=4 | sink 1 gate=yes queue=64 as=out");

    cr_assert_gt(one, 0);
    conform_gate(1, true);
    cr_assert_eq(tube_queue_resize(p, conform_ref(p, "out"), &l), TUBE_OK);
    conform_go(p);
    conform_feed(0, 200);
    conform_quiet(p);
    /* three or four batches inside, one beside, one in the hands of the sink */
    cr_assert_leq(conform.at[0].rows, 4 * 6, "%jd rows", (intmax_t)conform.at[0].rows);
    cr_assert_geq(conform.at[0].rows, 4 * 3);
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    conform_complete(1, 0, 200, 1);
    tube_pipeline_free(p);
}

/* covers: SEED-13 */
Test(N14, and_at_its_bytes, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(bytes_of_a_queue);
}

static bool
aged(void *arg)
{
    return conform_counts(arg).dropped == 20;
}

static void
age_of_a_buffer(const tube_pipeline_opts *o)
{
    uint64_t begun = tube_now(), passed;
    tube_pipeline *p = conform_new(o, "src 0 fed=yes | buffer block age=40ms as=buf"
                                      " | sink 1 gate=yes queue=2");

    conform_gate(1, true);
    conform_go(p);
    conform_feed(0, 5); /* fills what is behind the buffer */
    conform_quiet(p);
    passed = conform_stats(p, "buf").rows_out;
    conform_feed(0, 20 + (int64_t)passed - 5);
    conform_until(p, aged, p);
    cr_assert_gt(tube_now() - begun, 40 * MS);
    conform_gate(1, false);
    conform_quiet(p);
    conform_feed(0, 2); /* what comes now is young */
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_counts(p).dropped, 20);
    cr_assert_eq(conform_counts(p).committed, passed + 2);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N14, a_buffer_gives_up_what_is_too_old, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(age_of_a_buffer);
}

static void
bytes_of_a_buffer(const tube_pipeline_opts *o)
{
    uint64_t one = bytes_of_one(o);
    char text[160];
    tube_pipeline *p;

    (void)snprintf(text, sizeof(text),
                   "src 0 fed=yes batch=4 | buffer drop-newest bytes=%ju as=buf"
                   " | sink 1 gate=yes queue=2",
                   (uintmax_t)(5 * one));
    p = conform_new(o, text);
    conform_gate(1, true);
    conform_go(p);
    conform_feed(0, 20);
    conform_quiet(p);
    conform_feed(0, 380);
    conform_until_rows(p, 0, 400);
    conform_quiet(p);
    cr_assert_eq(conform_counts(p).dropped,
                 400 - conform_stats(p, "buf").rows_out - 5 * 4);
    conform_gate(1, false);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(N14, and_is_full_at_its_bytes, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(bytes_of_a_buffer);
}

enum { CEILING = 4 << 20 };

static tube_pipeline *
under_ceiling(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;

    opts.budget = CEILING;
    conform_reset();
    p = conform_new(&opts, text);
    conform_gate(5, true);
    conform_go(p);
    return p;
}

static const char *const greedy[] = {
    "src 0 n=150000 batch=100 | buffer block bytes=1G | sink 5 gate=yes",
    "src 0 n=150000 batch=100 | tee ( sink 5 gate=yes ) | sink 6",
    ("merge ( src 0 n=75000 batch=100 ) ( src 1 n=75000 batch=100 )"
     " | buffer block bytes=1G | pass id=3 | sink 5 gate=yes"),
};

static void
ceiling(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < sizeof(greedy) / sizeof(greedy[0]); i++) {
        tube_pipeline *p = under_ceiling(o, greedy[i]);
        tube_counts c;

        conform_quiet(p);
        c = conform_counts(p);
        cr_assert_leq(c.memory, CEILING, "%s: %ju bytes", greedy[i],
                      (uintmax_t)c.memory);
        cr_assert_gt(c.memory, CEILING / 4, "%s: the test asks for too little: %ju",
                     greedy[i], (uintmax_t)c.memory);
        conform_gate(5, false);
        conform_finish(p, TUBE_OK);
        c = conform_counts(p);
        cr_assert_leq(c.memory_high, CEILING, "%s: %ju bytes", greedy[i],
                      (uintmax_t)c.memory_high);
        cr_assert_eq(c.dropped + c.broken, 0);
        cr_assert_eq(conform.at[5].rows, 150000);
        tube_pipeline_free(p);
    }
}

/* covers: PIPE-2, TUB-36 */
Test(N14, a_pipeline_waits_for_memory_and_never_takes_more, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(2, ceiling);
    ceiling(TUBE_PIPELINE_OPTS(.workers = 2));
}
