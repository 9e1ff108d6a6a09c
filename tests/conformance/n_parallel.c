/* SPDX-License-Identifier: MIT */
/* n_parallel.c -- n workers on one stage, and the same graph on any of them: N22, N24. */
#include "f_reasons.h"

#include <unistd.h>

/* uneven: takes its time with some rows; counts in its own state; knows which key it saw. */

enum { KEYS = 4, COPIES = 64 };

static struct {
    _Atomic int opens, closes, inside, together;
    _Atomic uint64_t total;              /* sum of what each copy counted */
    _Atomic(const void *) copy_of[KEYS]; /* which copy has this key */
    _Atomic int strays;                  /* rows of a key that another copy has */
    _Atomic int64_t last[KEYS];
    _Atomic int disorder;
} work;

struct uneven {
    int64_t spin;
    bool keyed;
    uint64_t rows; /* of this copy */
};

static const tube_option uneven_options[] = {
    { "spin", TUBE_OPT_INT, offsetof(struct uneven, spin), "0", "us", "", 0 },
    { "keyed", TUBE_OPT_BOOL, offsetof(struct uneven, keyed), "no", "", "", 0 },
    { 0 },
};

static tube_status
uneven_open(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    atomic_fetch_add(&work.opens, 1);
    return TUBE_OK;
}

static void
uneven_key(const void *self, int64_t n)
{
    int key = (int)((uint64_t)n % KEYS);
    const void *none = NULL;

    if (!atomic_compare_exchange_strong(&work.copy_of[key], &none, self)
        && none != self)
        atomic_fetch_add(&work.strays, 1);
    if (atomic_exchange(&work.last[key], n + 1) > n)
        atomic_fetch_add(&work.disorder, 1);
}

static tube_status
uneven_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct uneven *c = tube_state(s);
    int n = atomic_fetch_add(&work.inside, 1) + 1, most = atomic_load(&work.together);

    (void)err;
    while (n > most && !atomic_compare_exchange_weak(&work.together, &most, n)) {
    }
    TUBE_EACH(b, r) {
        int64_t v = tube_row(b, r)->integer;

        if (c->spin > 0 && v % 3 == 0)
            (void)usleep((unsigned)c->spin);
        if (c->keyed)
            uneven_key(c, v);
        c->rows++;
    }
    atomic_fetch_sub(&work.inside, 1);
    return TUBE_OK;
}

static void
uneven_close(tube_stage *s)
{
    const struct uneven *c = tube_state(s);

    atomic_fetch_add(&work.total, c->rows);
    atomic_fetch_add(&work.closes, 1);
}

static const tube_stage_def uneven_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "uneven",
    .options = uneven_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct uneven),
    .open = uneven_open,
    .process = uneven_process,
    .close = uneven_close,
};

static tube_pipeline *
work_start(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p;

    conform_reset();
    memset((void *)&work, 0, sizeof(work));
    p = conform_new_with(o, &uneven_def, 1, text);
    return p;
}

static void
all_worked(tube_pipeline *p, int copies, uint64_t rows)
{
    uint64_t seen = 0;

    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_info info = tube_stage_at(p, i);

        if (info.def != NULL && strcmp(info.def->name, "uneven") == 0) {
            cr_assert(info.copy >= 1 && info.copy <= (uint32_t)copies);
            seen |= (uint64_t)1 << info.copy;
        }
    }
    cr_assert(seen == 0 || seen == ((uint64_t)2 << copies) - 2,
              "copies are not numbered");
    tube_pipeline_free(p);
    cr_assert_eq(work.opens, copies);
    cr_assert_eq(work.closes, copies);
    cr_assert_eq(work.total, rows, "%ju rows went through the copies",
                 (uintmax_t)work.total);
}

static void
in_order(const tube_pipeline_opts *o)
{
    static const char *const text[] = {
        "src 0 n=600 batch=3 | parallel 3 ( uneven spin=30 ) order=input | sink 1",
        "src 0 n=600 batch=3 | parallel 3 ( uneven spin=30 ) | sink 1", /* the default */
        "src 0 n=600 batch=3 | parallel 3 ( uneven spin=30 | emit 2 single=yes"
        " | pass id=3 ) order=input | sink 1",
        "src 0 n=600 batch=3 | parallel 3 ( uneven spin=30 | hoard 2 held=2 )"
        " order=input | sink 1",
    };

    for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        tube_pipeline *p = work_start(o, text[i]);

        conform_go(p);
        conform_finish(p, TUBE_OK);
        cr_assert_str_eq(conform_log(1, "sink"), numbers(0, 600, "open", "finish"),
                         "%s", text[i]);
        all_worked(p, 3, 600);
    }
}

/* covers: PIPE-23, SEED-17 */
Test(N22, in_the_order_of_the_input, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(in_order);
}

static void
by_key(const tube_pipeline_opts *o)
{
    tube_pipeline *p = work_start(
        o, "src 0 n=600 batch=5 | parallel 3 ( uneven keyed=yes spin=20 ) order=key"
           " key=tag | sink 1");

    conform_go(p);
    conform_finish(p, TUBE_OK);
    conform_complete(1, 0, 600, 1);
    cr_assert_eq(work.strays, 0, "%d rows of a key were at another copy", work.strays);
    cr_assert_eq(work.disorder, 0, "%d rows of a key came out of order", work.disorder);
    all_worked(p, 3, 600);
}

/* covers: PIPE-23 */
Test(N22, per_key, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(by_key);
}

static void
as_they_come(const tube_pipeline_opts *o)
{
    tube_pipeline *p = work_start(
        o, "src 0 n=600 batch=5 | parallel 4 ( uneven spin=20 ) order=none | sink 1");

    conform_go(p);
    conform_finish(p, TUBE_OK);
    conform_complete(1, 0, 600, 1);
    cr_assert_eq(times_in(conform_log(1, NULL), "finish"), 1);
    all_worked(p, 4, 600);
}

/* covers: PIPE-23, AMP-13 */
Test(N22, or_as_they_come, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(as_they_come);
}

static const char *const orders[] = { "order=input", "order=none", "order=key key=n" };

static void
bounded(const tube_pipeline_opts *o)
{
    for (int i = 0; i < 3; i++) {
        char text[200];
        tube_pipeline *p;

        (void)snprintf(text, sizeof(text),
                       "src 0 | parallel 2 ( uneven ) %s | sink 1 gate=yes", orders[i]);
        p = work_start(o, text);
        conform_gate(1, true);
        conform_go(p);
        conform_quiet(p);
        /* five queues of sixteen, and what is in hands */
        cr_assert_lt(conform.at[0].rows, 8 * 16 + 16, "%s: %jd", text,
                     (intmax_t)conform.at[0].rows);
        cr_assert_leq(work.together, 2);
        conform_gate(1, false);
        tube_drain(p);
        conform_finish(p, TUBE_OK);
        conform_complete(1, 0, conform.at[0].rows, 1);
        tube_pipeline_free(p);
    }
}

/* covers: PIPE-23, AMP-13 */
Test(N22, it_is_bounded, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(bounded);
}

static void
cancelled(const tube_pipeline_opts *o)
{
    for (int i = 0; i < 9; i++) {
        char text[200];
        tube_pipeline *p;

        (void)snprintf(text, sizeof(text),
                       "src 0 | parallel 3 ( uneven ) %s | sink 1 as=out",
                       orders[i % 3]);
        p = work_start(o, text);
        conform_go(p);
        conform_until_rows(p, 1, 20);
        if (i < 3)
            tube_abort(p);
        else if (i < 6)
            cr_assert_eq(
                tube_stop_stage(p, conform_ref(p, "out"), TUBE_STOP_SATISFIED, NULL),
                TUBE_OK);
        else
            tube_drain(p);
        conform_finish(p, i < 3 ? TUBE_ECANCELED : TUBE_OK);
        cr_assert_eq(times_in(conform_log(1, NULL), "finish"), i >= 3);
        tube_pipeline_free(p);
        cr_assert_eq(work.closes, 3);
    }
}

/* covers: PIPE-23, AMPO-10 */
Test(N22, and_can_be_cancelled, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(cancelled);
}

static void
at_once(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        work_start(o, "src 0 n=300 | parallel 2 ( uneven spin=300 ) | sink 1");

    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(work.together, 2, "no two copies ran at a time");
    tube_pipeline_free(p);
}

/* covers: PIPE-23, SEED-17 */
Test(N22, copies_run_at_the_same_time, .timeout = CONFORM_SECONDS)
{
    at_once(TUBE_PIPELINE_OPTS(.workers = 2));
}

/* N24: graphs whose output does not depend on the schedule. */

static const char *const graphs[] = {
    "src 0 n=300 batch=7 | pass id=9 filter=5 | emit 8 copies=2 bye=3 | sink 1",
    "src 0 n=300 batch=7 | parallel 3 ( pass id=9 reject=4 ) order=input | sink 1",
    "src 0 n=200 batch=7 | thru ( pass id=8 add=1000 ) ( emit 9 copies=2 ) | sink 1",
    "merge by=n ( src 0 n=100 step=2 ) ( src 2 n=100 from=1 step=2 ) | sink 1",
    "concat ( src 0 n=100 batch=3 ) ( src 2 n=100 from=500 ) | hoard 9 held=4 | sink 1",
    ("src 0 n=300 batch=7 | tee ( sink 3 ) | route to=tag ( as a | sink 4 )"
     " ( as b | pass id=9 | sink 5 ) | sink 1"),
    "src 0 n=300 batch=7 | route hash=tag ( sink 3 ) ( sink 4 ) ( sink 5 ) | sink 1",
    "src 0 n=90 batch=7 bad=process at=9 | pass id=9 | sink 1",
};

enum { GRAPHS = sizeof(graphs) / sizeof(graphs[0]), RESULT = 1 << 15 };

/* What came out, all sinks, and all accounts. */
static void
result_of(const tube_pipeline_opts *o, size_t i, char *to)
{
    tube_status want = strstr(graphs[i], "bad") != NULL ? TUBE_EIO : TUBE_OK;
    size_t at = 0;
    tube_counts c;
    tube_pipeline *p;

    conform_reset();
    p = conform_start(o, graphs[i]);
    conform_finish(p, want);
    c = conform_counts(p);
    for (int id = 1; id <= 5; id++)
        if (id != 2)
            at +=
                (size_t)snprintf(to + at, RESULT - at, "%s\n", conform_log(id, "sink"));
    at +=
        (size_t)snprintf(to + at, RESULT - at, "%ju %ju %ju %ju %ju", (uintmax_t)c.read,
                         (uintmax_t)c.committed, (uintmax_t)c.filtered,
                         (uintmax_t)c.rejected, (uintmax_t)c.broken);
    cr_assert_lt(at, RESULT);
    tube_pipeline_free(p);
}

/* covers: SEED-15 */
Test(N24, one_thread_seeded_or_a_pool_give_the_same_results, .timeout = CONFORM_SECONDS)
{
    static char first[RESULT], other[RESULT];

    for (size_t i = 0; i < GRAPHS; i++) {
        result_of(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = 1), i, first);
        for (uint64_t seed = 2; seed <= 12; seed++) {
            result_of(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = seed), i,
                      other);
            cr_assert_str_eq(other, first, "%s: seed %ju", graphs[i], (uintmax_t)seed);
        }
        for (int32_t workers = 1; workers <= 4; workers++) {
            result_of(TUBE_PIPELINE_OPTS(.workers = workers), i, other);
            cr_assert_str_eq(other, first, "%s: %d workers", graphs[i], (int)workers);
        }
    }
}

/* The order of everything that happens, all stages. */
static void
trace_of(uint64_t seed, size_t i, char *to)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_start(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = seed),
                      graphs[i]);
    (void)conform_finish(p, strstr(graphs[i], "bad") != NULL ? TUBE_EIO : TUBE_OK);
    (void)snprintf(to, RESULT, "%s", conform_log_all());
    tube_pipeline_free(p);
}

/* covers: SEED-15 */
Test(N24, a_seed_is_a_replay, .timeout = CONFORM_SECONDS)
{
    static char first[RESULT], again[RESULT];
    int differ = 0;

    for (size_t i = 0; i < GRAPHS; i++)
        for (uint64_t seed = 1; seed <= 6; seed++) {
            trace_of(seed, i, first);
            trace_of(seed, i, again);
            cr_assert_str_eq(again, first, "%s: seed %ju is not replayed", graphs[i],
                             (uintmax_t)seed);
            trace_of(seed + 100, i, again);
            differ += strcmp(again, first) != 0;
        }
    cr_assert_gt(differ, (int)GRAPHS, "seeds decide nothing");
}
