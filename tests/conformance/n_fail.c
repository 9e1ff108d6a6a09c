/* SPDX-License-Identifier: MIT */
/* n_fail.c -- every callback fails in every phase, under every policy: N26, N27. */
#include "conform_stages.h"
#include "f_reasons.h"

/* What the source gives, and who fails in the middle of it. */
enum { GIVEN = 12, BATCHES = 6 };

enum policy { P_STOP, P_SKIP, P_RETRY, P_RESTART, POLICIES };

static const char *const policy_name[] = { "stop", "skip", "retry", "restart" };

static tube_pipeline *
failing(const tube_pipeline_opts *o, const char *shape, const char *bad, int at,
        int times, enum policy how)
{
    char text[400], options[128];
    size_t before = strcspn(shape, "$");

    (void)snprintf(options, sizeof(options), "bad=%s at=%d times=%d fail=%s retries=3",
                   bad, at, times, policy_name[how]);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)before, shape, options,
                   shape + before + 1);
    conform_reset();
    return conform_start(o, text);
}

/* The accounts are exact, and whoever was opened was closed. */
static void
settled(tube_pipeline *p, const char *what)
{
    tube_counts c = conform_counts(p);

    cr_assert_eq(c.read, c.committed + c.filtered + c.rejected + c.dropped + c.broken,
                 "%s", what);
    cr_assert_eq(c.in_flight + c.memory, 0, "%s", what);
    tube_pipeline_free(p);
    for (int id = 0; id < 3; id++)
        cr_assert_eq(conform.at[id].opens, conform.at[id].closes, "%s: %d: %jd, %jd",
                     what, id, (intmax_t)conform.at[id].opens,
                     (intmax_t)conform.at[id].closes);
}

/* And the sink, which did not fail, had its stop once, behind all. */
static void
over(tube_pipeline *p, const char *what)
{
    cr_assert_eq(times_in(conform_log(2, NULL), "finish"), 1, "%s: %s", what,
                 conform_log(2, NULL));
    cr_assert(ends_in(conform_log(2, "sink"), "finish"), "%s", what);
    settled(p, what);
}

/* The stage in the middle fails in process(), at the first, a middle and the last call. */
static const char *const middles[] = {
    "src 0 n=12 batch=2 | pass id=1 $ as=bad | sink 2",
    "src 0 n=12 batch=2 | emit 1 $ as=bad | sink 2",
    "src 0 n=12 batch=2 | hoard 1 held=0 $ as=bad | sink 2",
};

enum { MIDDLES = sizeof(middles) / sizeof(middles[0]) };

static const int phases[] = { 0, 3, BATCHES - 1 };

static void
process_stop(const tube_pipeline_opts *o)
{
    for (size_t m = 0; m < MIDDLES; m++)
        for (size_t i = 0; i < 3; i++) {
            tube_error err;
            tube_pipeline *p = failing(o, middles[m], "process", phases[i], 1, P_STOP);

            err = conform_finish(p, TUBE_EIO);
            cr_assert_str_eq(err.message, "bad process of 1");
            cr_assert_eq(conform.at[1].failures, 1);
            cr_assert_str_eq(conform_log(2, "sink"),
                             numbers(0, 2 * phases[i], "open", "finish"), "%s",
                             middles[m]);
            cr_assert_eq(conform_counts(p).committed, (uint64_t)(2 * phases[i]));
            over(p, middles[m]);
        }
}

static void
process_skip(const tube_pipeline_opts *o)
{
    for (size_t m = 0; m < MIDDLES; m++)
        for (size_t i = 0; i < 3; i++) {
            char before[8200];
            tube_pipeline *p = failing(o, middles[m], "process", phases[i], 1, P_SKIP);
            int gone = 2 * phases[i];

            conform_finish(p, TUBE_OK);
            (void)snprintf(before, sizeof(before), "%s", numbers(0, gone, "open", ""));
            cr_assert_str_eq(conform_log(2, "sink"),
                             numbers(gone + 2, GIVEN - gone - 2, before, "finish"),
                             "%s: %s", middles[m], conform_log(2, "sink"));
            cr_assert_eq(conform_counts(p).rejected, 2, "%s", middles[m]);
            cr_assert_eq(conform_counts(p).committed, GIVEN - 2);
            cr_assert_eq(conform_stats(p, "bad").errors, 1);
            cr_assert_eq(conform_stats(p, "bad").rejected, 2);
            cr_assert_eq(tube_exit_status(p, TUBE_OK), 3);
            over(p, middles[m]);
        }
}

static void
process_again(const tube_pipeline_opts *o, enum policy how)
{
    for (size_t m = 0; m < MIDDLES; m++)
        for (size_t i = 0; i < 3; i++) {
            /* a restarted stage counts on, so that it fails at two calls in a row */
            tube_pipeline *p = failing(o, middles[m], "process", phases[i], 2, how);
            tube_stage_stats st;

            conform_finish(p, TUBE_OK);
            cr_assert_str_eq(conform_log(2, "rows"), numbers(0, GIVEN, "", ""),
                             "%s: %s", middles[m], conform_log(2, "rows"));
            st = conform_stats(p, "bad");
            cr_assert_eq(st.errors, 2);
            cr_assert_eq(st.retries, how == P_RETRY ? 2 : 0);
            cr_assert_eq(st.restarts, how == P_RESTART ? 2 : 0);
            cr_assert_eq(conform.at[1].opens, how == P_RESTART ? 3 : 1);
            cr_assert_eq(conform_counts(p).rejected, 0);
            over(p, middles[m]);
        }
}

static void
process_retry(const tube_pipeline_opts *o)
{
    process_again(o, P_RETRY);
}

static void
process_restart(const tube_pipeline_opts *o)
{
    process_again(o, P_RESTART);
}

/* covers: TUB-38, test_receivedRaises */
Test(N26, process_stop_ends_it_where_it_failed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(process_stop);
}

/* covers: PIPE-22 */
Test(N26, process_skip_rejects_its_records_and_goes_on, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(process_skip);
}

/* covers: TUB-40 */
Test(N26, process_retry_calls_again_with_the_same_records, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(3, process_retry);
    process_retry(TUBE_PIPELINE_OPTS(.workers = 2));
}

Test(N26, process_restart_opens_it_anew, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(3, process_restart);
    process_restart(TUBE_PIPELINE_OPTS(.workers = 2));
}

/* store: a sink that keeps nothing; conform's own looks after its failures itself. */

struct store {
    int64_t bad, times;
};

static const tube_option store_options[] = {
    { "bad", TUBE_OPT_INT, offsetof(struct store, bad), "-1", "", "at that call", 0 },
    { "times", TUBE_OPT_INT, offsetof(struct store, times), "1", "", "", 0 },
    { 0 },
};

static tube_status
store_open(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    atomic_fetch_add(&conform.at[2].opens, 1);
    return TUBE_OK;
}

static tube_status
store_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct store *c = tube_state(s);
    int64_t n = atomic_fetch_add(&conform.at[2].calls, 1);

    if (c->bad >= 0 && n >= c->bad && (c->times < 0 || n < c->bad + c->times))
        return tube_fail(err, TUBE_EDB, "bad store");
    TUBE_EACH(b, r)
        conform_note(2, 'r', tube_row(b, r)->integer);
    return TUBE_OK;
}

static tube_status
store_finish(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    conform_note(2, 'f', 0);
    return TUBE_OK;
}

static void
store_close(tube_stage *s)
{
    (void)s;
    atomic_fetch_add(&conform.at[2].closes, 1);
}

static const tube_stage_def store_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "store",
    .options = store_options,
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct store),
    .open = store_open,
    .process = store_process,
    .finish = store_finish,
    .close = store_close,
};

static void
sink_fails(const tube_pipeline_opts *o, int at, enum policy how, tube_status want)
{
    char text[160];
    tube_counts c;
    tube_pipeline *p;

    conform_reset();
    (void)snprintf(text, sizeof(text),
                   "src 0 n=12 batch=2 | pass id=1 | store bad=%d fail=%s as=bad", at,
                   policy_name[how]);
    p = conform_new_with(o, &store_def, 1, text);
    conform_go(p);
    conform_finish(p, want);
    c = conform_counts(p);
    cr_assert_eq(c.rejected, how == P_SKIP ? 2 : 0, "%s", text);
    cr_assert_eq(c.committed,
                 how == P_STOP   ? (uint64_t)(2 * at)
                 : how == P_SKIP ? GIVEN - 2
                                 : GIVEN,
                 "%s", text);
    cr_assert_eq(conform.at[2].opens, how == P_RESTART ? 2 : 1, "%s", text);
    if (how >= P_RETRY)
        cr_assert_str_eq(conform_log(2, "rows"), numbers(0, GIVEN, "", ""), "%s", text);
    if (how == P_STOP)
        settled(p, text);
    else
        over(p, text);
}

/* Sinks and sources. */

static void
ends_of_the_graph(const tube_pipeline_opts *o)
{
    static const char *const src = "src 0 n=12 batch=2 $ as=bad | pass id=1 | sink 2";

    for (size_t i = 0; i < 3; i++) {
        tube_pipeline *p;

        for (int how = 0; how < POLICIES; how++)
            sink_fails(o, phases[i], (enum policy)how,
                       how == P_STOP ? TUBE_EDB : TUBE_OK);
        p = failing(o, src, "process", phases[i], 1, P_RETRY);
        conform_finish(p, TUBE_OK);
        cr_assert_str_eq(conform_log(2, "sink"), numbers(0, GIVEN, "open", "finish"));
        over(p, src);
        p = failing(o, src, "process", phases[i], 1, P_STOP);
        conform_finish(p, TUBE_EIO);
        cr_assert_str_eq(conform_log(2, "sink"),
                         numbers(0, 2 * phases[i], "open", "finish"));
        over(p, src);
        p = failing(o, src, "process", phases[i], 1,
                    P_SKIP); /* it has nothing to skip */
        conform_finish(p, TUBE_EIO);
        over(p, src);
    }
}

/* covers: PIPE-22 */
Test(N26, sinks_and_sources_have_the_same_choice, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(3, ends_of_the_graph);
    ends_of_the_graph(TUBE_PIPELINE_OPTS(.workers = 2));
}

/* The last attempt. */

static void
gives_up(const tube_pipeline_opts *o)
{
    for (int how = P_RETRY; how <= P_RESTART; how++)
        for (size_t m = 0; m < MIDDLES; m++) {
            tube_error err;
            tube_stage_stats st;
            tube_pipeline *p =
                failing(o, middles[m], "process", 3, -1, (enum policy)how);

            err = conform_finish(p, TUBE_EIO);
            cr_assert_str_eq(err.message, "bad process of 1");
            st = conform_stats(p, "bad");
            cr_assert_eq(how == P_RETRY ? st.retries : st.restarts, 3);
            cr_assert_eq(st.errors, 4);
            cr_assert_eq(conform_counts(p).committed, 6);
            cr_assert_gt(conform_counts(p).broken, 0);
            over(p, middles[m]);
        }
}

Test(N26, behind_the_last_attempt_it_stops, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(2, gives_up);
    gives_up(TUBE_PIPELINE_OPTS(.workers = 2));
}

static void
backs_off(const tube_pipeline_opts *o)
{
    uint64_t begun = tube_now();
    tube_pipeline *p = failing(o, middles[0], "process", 3, 3, P_RETRY);

    conform_finish(p, TUBE_OK);
    /* 10, 20 and 40 ms, each a quarter less at least */
    cr_assert_gt(tube_now() - begun, 50 * MS, "it did not wait longer each time");
    over(p, "backoff");
}

Test(N26, retries_come_later_and_later, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(backs_off);
}

/* The other callbacks. */

static const struct other {
    const char *shape;
    const char *bad;
    bool feeds; /* the source is told to go on for ever: it is ended by the test */
} others[] = {
    { "src 0 n=12 batch=2 | emit 1 greet=2 $ as=bad | sink 2", "greet", false },
    { "src 0 n=12 batch=2 | emit 1 $ as=bad | sink 2", "middle", false },
    { "src 0 n=12 batch=2 | pass id=1 $ as=bad | sink 2", "finish", false },
    { "src 0 n=12 batch=2 | emit 1 bye=2 $ as=bad | sink 2", "finish", false },
    { "src 0 n=12 batch=2 | hoard 1 held=2 $ as=bad | sink 2", "finish", false },
    { "src 0 n=12 batch=2 $ as=bad | pass id=1 | sink 2", "finish", false },
    { "src 0 fed=yes batch=2 | hoard 1 held=2 $ as=bad | sink 2", "wake", true },
};

enum { OTHERS = sizeof(others) / sizeof(others[0]) };

static void
other_fails(const tube_pipeline_opts *o, const struct other *t, enum policy how,
            int times)
{
    char what[80];
    tube_error err = { 0 };
    tube_pipeline *p = failing(o, t->shape, t->bad, 0, times, how);
    tube_status st;

    (void)snprintf(what, sizeof(what), "%s fail=%s times=%d", t->bad, policy_name[how],
                   times);
    if (t->feeds) {
        tube_flush *f;

        conform_feed(0, GIVEN);
        conform_quiet(p);
        f = tube_flush_begin(p, TUBE_HANDED_OVER, NULL);
        cr_assert_not_null(f);
        conform_quiet(p);
        conform_end(0);
        tube_flush_free(f);
    }
    until_ended(p, WHOLE);
    st = tube_wait(p, CONFORM_DEADLINE, &err);
    cr_assert_geq(conform.at[strstr(t->shape, "src 0 n=12 batch=2 $") ? 0 : 1].failures,
                  1, "%s: it was not called", what);
    if (how == P_STOP || (times < 0 && how == P_RETRY))
        cr_assert_eq(st, TUBE_EIO, "%s: %d", what, (int)st);
    if (how == P_RESTART && times < 0 && st == TUBE_OK) /* a part was sent: not again */
        cr_assert(strcmp(t->bad, "middle") == 0 && conform_counts(p).rejected > 0, "%s",
                  what);
    if (how == P_RETRY && times == 1 && strcmp(t->bad, "middle") != 0) {
        cr_assert_eq(st, TUBE_OK, "%s: %d %s", what, (int)st, err.message);
        cr_assert_geq(conform.at[2].rows, GIVEN, "%s: records are missing", what);
        cr_assert_eq(conform_counts(p).rejected + conform_counts(p).broken, 0, "%s",
                     what);
    }
    if (st == TUBE_OK && how == P_SKIP && strcmp(t->bad, "middle") != 0)
        cr_assert_geq(conform.at[2].rows, GIVEN, "%s: %jd rows", what,
                      (intmax_t)conform.at[2].rows);
    if (st != TUBE_OK)
        cr_assert_eq(st, TUBE_EIO, "%s: %d %s", what, (int)st, err.message);
    cr_assert_neq(conform_stop(p, "bad"), TUBE_STOP_NONE, "%s: it is wedged", what);
    over(p, what);
}

static void
others_fail(const tube_pipeline_opts *o)
{
    for (size_t i = 0; i < OTHERS; i++)
        for (int how = 0; how < POLICIES; how++) {
            other_fails(o, &others[i], (enum policy)how, 1);
            other_fails(o, &others[i], (enum policy)how, -1);
        }
}

/* covers: test_stoppedRaises, test_nextOnIteratorRaises, test_startedRaises */
Test(N26, greet_middle_finish_and_wake_under_every_policy,
     .timeout = 2 * CONFORM_SECONDS)
{
    conform_each_seed(2, others_fail);
    others_fail(TUBE_PIPELINE_OPTS(.workers = 2));
}

/* A join whose callbacks fail. */

static _Atomic int join_failures, join_ended;

struct badjoin {
    int64_t ended; /* fail so often */
};

static const tube_option badjoin_options[] = {
    { "ended", TUBE_OPT_INT, offsetof(struct badjoin, ended), "0", "", "", 0 },
    { 0 },
};

static tube_status
badjoin_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_OK;
}

static tube_status
badjoin_ended(tube_stage *s, uint32_t input, tube_stop why, tube_error *err)
{
    const struct badjoin *c = tube_state(s);

    (void)input;
    (void)why;
    if (atomic_load(&join_failures) < c->ended || c->ended < 0) {
        atomic_fetch_add(&join_failures, 1);
        return tube_fail(err, TUBE_EIO, "bad ended");
    }
    atomic_fetch_add(&join_ended, 1);
    return TUBE_OK;
}

static const tube_stage_def badjoin_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "badjoin",
    .options = badjoin_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct badjoin),
    .flags = TUBE_JOINS,
    .process = badjoin_process,
    .ended = badjoin_ended,
};

static void
ended_fails(const tube_pipeline_opts *o)
{
    for (int how = 0; how < POLICIES; how++)
        for (int times = -1; times <= 1; times += 2) {
            char text[160];
            tube_pipeline *p;
            tube_status st;

            conform_reset();
            atomic_store(&join_failures, 0);
            atomic_store(&join_ended, 0);
            (void)snprintf(text, sizeof(text),
                           "badjoin ended=%d fail=%s retries=3 as=bad ( src 0 n=6 )"
                           " ( src 1 n=6 from=6 ) | sink 2",
                           times, policy_name[how]);
            p = conform_new_with(o, &badjoin_def, 1, text);
            conform_go(p);
            until_ended(p, WHOLE);
            st = tube_wait(p, CONFORM_DEADLINE, NULL);
            cr_assert_geq(atomic_load(&join_failures), 1);
            if (how == P_STOP || (times < 0 && how != P_SKIP))
                cr_assert_eq(st, TUBE_EIO, "%s: %d", text, (int)st);
            if (how == P_RETRY && times > 0) {
                cr_assert_eq(st, TUBE_OK, "%s: %d", text, (int)st);
                conform_complete(2, 0, 12, 1);
                cr_assert_eq(join_ended, 2, "%s: it was not called again", text);
            }
            over(p, text);
        }
}

Test(N26, ended_under_every_policy, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(2, ended_fails);
    ended_fails(TUBE_PIPELINE_OPTS(.workers = 2));
}

static void
open_fails(const tube_pipeline_opts *o)
{
    for (int how = 0; how < POLICIES; how++)
        for (int who = 0; who < 3; who++) {
            char text[200];
            tube_error err = { 0 };
            tube_pipeline *p;

            conform_reset();
            (void)snprintf(text, sizeof(text),
                           "src 0 n=3 %s fail=%s | pass id=1 %s fail=%s"
                           " | sink 2 %s",
                           who == 0 ? "bad=open" : "", policy_name[how],
                           who == 1 ? "bad=open" : "", policy_name[how],
                           who == 2 ? "bad=open" : "");
            p = conform_new(o, text);
            cr_assert_eq(tube_start(p, &err), TUBE_EIO, "%s", text);
            cr_assert_eq(
                conform.at[0].calls + conform.at[1].calls + conform.at[2].calls, 0);
            tube_pipeline_free(p);
            for (int id = 0; id < 3; id++) /* whoever was opened was closed */
                cr_assert_leq(conform.at[id].opens - conform.at[id].closes, id == who,
                              "%s: %d", text, id);
        }
}

/* covers: TUB-15 */
Test(N26, a_failing_open_starts_nothing_and_leaves_nothing_open,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(open_fails);
}

static void
reassemble_fails(const tube_pipeline_opts *o)
{
    for (int how = 0; how < POLICIES; how++) {
        char text[160];
        tube_error err = { 0 };
        tube_ref ref;
        tube_pipeline *p;
        tube_status st;

        conform_reset();
        (void)snprintf(text, sizeof(text),
                       "src 0 fed=yes | hoard 1 held=3"
                       " bad=reassemble fail=%s as=bad | sink 2",
                       policy_name[how]);
        p = conform_start(o, text);
        conform_feed(0, 5);
        conform_until_rows(p, 1, 5);
        conform_quiet(p);
        st = tube_divert(p, conform_ref(p, "bad"), "sink 3", &ref, &err);
        cr_assert(st == TUBE_OK || st == TUBE_EIO, "%d: %s", (int)st, err.message);
        conform_quiet(p);
        conform_feed(0, 5);
        conform_end(0);
        until_ended(p, WHOLE);
        st = tube_wait(p, CONFORM_DEADLINE, NULL);
        cr_assert(st == TUBE_OK || st == TUBE_EIO, "%s: %d", text, (int)st);
        cr_assert_eq(conform.at[1].failures, 1);
        /* what it did not give back is in the accounts, whichever way it went */
        over(p, text);
        cr_assert_eq(conform.at[3].opens, conform.at[3].closes);
    }
}

/* covers: test_reassembleRaises */
Test(N26, reassemble_under_every_policy, .timeout = CONFORM_SECONDS)
{
    conform_each_seed(2, reassemble_fails);
    reassemble_fails(TUBE_PIPELINE_OPTS(.workers = 2));
}
