/* SPDX-License-Identifier: MIT */
/* test_merge_sorted.c -- the order of a sorted merge, its heap, and the merge at work. */
#include "merge_heap.h"
#include "test_stages.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t
next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static tube_cell
number(int64_t v)
{
    tube_cell c;

    tube_set_int(&c, v);
    return c;
}

static tube_cell
real(double v)
{
    tube_cell c;

    tube_set_real(&c, v);
    return c;
}

static tube_cell
text(const char *v)
{
    tube_cell c;

    tube_set_text(&c, v, strlen(v));
    return c;
}

static tube_cell
null(void)
{
    tube_cell c;

    tube_set_null(&c);
    return c;
}

static int
compare(tube_type type, bool desc, tube_cell a, tube_cell b)
{
    merge_order o = { .type = type, .desc = desc };
    int forth = tubei_merge_compare(&o, &a, &b);
    int back = tubei_merge_compare(&o, &b, &a);

    cr_assert_eq((forth > 0) - (forth < 0), (back < 0) - (back > 0));
    return (forth > 0) - (forth < 0);
}

Test(merge_order, compares_by_type)
{
    cr_assert_eq(compare(TUBE_INT, false, number(-5), number(3)), -1);
    cr_assert_eq(compare(TUBE_INT, false, number(INT64_MIN), number(INT64_MAX)), -1);
    cr_assert_eq(compare(TUBE_TIME, false, number(7), number(7)), 0);
    cr_assert_eq(compare(TUBE_BOOL, false, number(0), number(1)), -1);
    cr_assert_eq(compare(TUBE_FLOAT, false, real(-0.5), real(0.25)), -1);
    cr_assert_eq(compare(TUBE_TEXT, false, text("ab"), text("abc")), -1);
    cr_assert_eq(compare(TUBE_TEXT, false, text("b"), text("abc")), 1);
    cr_assert_eq(compare(TUBE_TEXT, false, text("\xc3\xa9"), text("z")), 1);
    cr_assert_eq(compare(TUBE_INT, true, number(-5), number(3)), 1);
}

Test(merge_order, puts_null_first_in_both_directions_and_nan_behind_numbers)
{
    cr_assert_eq(compare(TUBE_INT, false, null(), number(INT64_MIN)), -1);
    cr_assert_eq(compare(TUBE_INT, true, null(), number(INT64_MIN)), -1);
    cr_assert_eq(compare(TUBE_TEXT, false, null(), null()), 0);
    cr_assert_eq(compare(TUBE_FLOAT, false, real((double)__builtin_nanf("")), real(1)),
                 1);
    cr_assert_eq(compare(TUBE_FLOAT, false, real((double)__builtin_nanf("")),
                         real((double)__builtin_nanf(""))),
                 0);
}

/* Take all entries out, and see that they come in order. */
static void
drain(merge_heap *h, uint32_t n)
{
    merge_entry last = { 0 };

    for (uint32_t i = 0; i < n; i++) {
        const merge_entry *second = tubei_merge_heap_second(h);
        merge_entry top = h->entry[0];

        cr_assert_eq(h->n, n - i);
        cr_assert(i == 0 || !tubei_merge_before(&h->order, &top, &last));
        last = second != NULL ? *second : top;
        tubei_merge_heap_pop(h);
        cr_assert(second == NULL || h->entry[0].input == last.input);
        last = top;
    }
    cr_assert_eq(h->n, 0);
}

Test(merge_heap, gives_the_least_first_and_of_equals_the_lower_input)
{
    uint64_t x = 88172645463325252u;

    for (uint32_t n = 1; n <= 64; n++) {
        merge_heap h = { .order = { .type = TUBE_INT } };

        cr_assert(tubei_merge_heap_reserve(&h, n));
        for (uint32_t i = 0; i < n; i++) {
            tube_cell key = number((int64_t)(next_random(&x) % 16));

            tubei_merge_heap_push(&h, &key, i);
        }
        for (uint32_t k = 0; k < n; k++) {
            tube_cell key = number((int64_t)(next_random(&x) % 16));

            tubei_merge_heap_replace(&h, &key);
        }
        drain(&h, n);
        tubei_merge_heap_fini(&h);
    }
}

Test(merge_heap, lets_an_input_be_taken_out_of_the_middle)
{
    uint64_t x = 123456789;

    for (uint32_t n = 2; n <= 40; n++) {
        merge_heap h = { .order = { .type = TUBE_INT, .desc = true } };

        cr_assert(tubei_merge_heap_reserve(&h, n));
        for (uint32_t i = 0; i < n; i++) {
            tube_cell key = number((int64_t)(next_random(&x) % 1000));

            tubei_merge_heap_push(&h, &key, i);
        }
        tubei_merge_heap_remove(&h, n); /* not there */
        tubei_merge_heap_remove(&h, (uint32_t)(next_random(&x) % n));
        drain(&h, n - 1);
        tubei_merge_heap_fini(&h);
    }
}

/* keys: a sorted source.  Records of k, an int, and t, the same as text. */

struct keys {
    int64_t n, from, step, rows, nulls, back;
    bool wait;
    int64_t done;
    int64_t key;
    uint64_t random;
};

#define AT(member) offsetof(struct keys, member)
static const tube_option keys_options[] = {
    { "n", TUBE_OPT_INT, AT(n), NULL, "rows", "how many", TUBE_OPT_POSITIONAL },
    { "from", TUBE_OPT_INT, AT(from), "0", "", "first", 0 },
    { "step", TUBE_OPT_INT, AT(step), "1", "", "0 to so much at a time, negative: down",
      0 },
    { "rows", TUBE_OPT_INT, AT(rows), "100", "", "in a batch", 0 },
    { "nulls", TUBE_OPT_INT, AT(nulls), "0", "", "first rows without a key", 0 },
    { "wait", TUBE_OPT_BOOL, AT(wait), "no", "", "wait at the end", 0 },
    { "back", TUBE_OPT_INT, AT(back), "0", "", "every such row is out of order", 0 },
    { 0 },
};

static tube_status
keys_open(tube_stage *s, tube_error *err)
{
    const tube_column column[] = { { .name = "k", .type = TUBE_INT },
                                   { .name = "t", .type = TUBE_TEXT } };
    struct keys *k = tube_state(s);

    k->key = k->from;
    k->random = (uint64_t)(k->from * 7919 + k->n * 31 + 1);
    return tube_set_schema(s, column, 2, err);
}

static void
keys_row(struct keys *k, tube_batch *b, tube_cell *row)
{
    int64_t width = k->step < 0 ? -k->step : k->step;
    int64_t by = (int64_t)(next_random(&k->random) % (uint64_t)(width + 1));
    int64_t key = k->key += k->step < 0 ? -by : by;
    char *t;

    if (k->done++ < k->nulls)
        return;
    if (k->back > 0 && k->done % k->back == 0)
        key -= 1000;
    t = tube_batch_alloc(b, 32);
    if (t == NULL)
        abort();
    (void)snprintf(t, 32, "%011lld", (long long)key);
    tube_set_int(&row[0], key);
    tube_set_text(&row[1], t, 11);
}

static tube_status
keys_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct keys *k = tube_state(s);
    tube_batch *b;

    (void)unused;
    (void)err;
    if (k->done == k->n && !k->wait)
        return TUBE_END;
    if (k->done == k->n) {
        tube_wait_until(s, tube_now() + 3600000000000u);
        return TUBE_AGAIN;
    }
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    for (int64_t i = 0; i < k->rows && k->done < k->n; i++) {
        tube_cell *row = tube_batch_add(b);

        if (row == NULL)
            break;
        keys_row(k, b, row);
    }
    return tube_emit(s, &b);
}

/* ordered: a sink that checks. */

static struct {
    uint64_t rows, disorder, wrong_text, nulls_late, batches;
    int64_t sum;
} got;

struct ordered {
    bool desc;
    bool any, past_nulls;
    int64_t last;
};

static const tube_option ordered_options[] = {
    { "desc", TUBE_OPT_BOOL, offsetof(struct ordered, desc), "no", "", "", 0 },
    { 0 },
};

static tube_status
ordered_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct ordered *o = tube_state(s);
    char want[32];

    (void)err;
    got.batches++;
    TUBE_EACH(b, r) {
        const tube_cell *c = tube_row(b, r);
        int64_t k = c[0].integer;

        got.rows++;
        if (!c[0].set) {
            got.nulls_late += o->past_nulls;
            continue;
        }
        o->past_nulls = true;
        got.sum += k;
        (void)snprintf(want, sizeof(want), "%011lld", (long long)k);
        got.wrong_text += c[1].len != 11 || memcmp(c[1].text, want, 11) != 0;
        if (o->any)
            got.disorder += o->desc ? k > o->last : k < o->last;
        o->any = true;
        o->last = k;
    }
    return TUBE_OK;
}

static const tube_stage_def stages[] = {
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SOURCE,
      .name = "keys",
      .summary = "sorted numbers",
      .options = keys_options,
      .out = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct keys),
      .open = keys_open,
      .process = keys_process },
    { .abi = TUBE_STAGE_ABI,
      .kind = TUBE_SINK,
      .name = "ordered",
      .summary = "checks",
      .options = ordered_options,
      .in = TUBE_FLOW_RECORDS,
      .state_size = sizeof(struct ordered),
      .process = ordered_process },
};

static uint64_t warnings;

static void
count_warning(void *arg, const char *line)
{
    (void)arg;
    (void)line;
    __atomic_add_fetch(&warnings, 1, __ATOMIC_RELAXED);
}

static tube_pipeline *
make(const char *pipeline, int32_t workers, uint64_t seed)
{
    tube_pipeline *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = workers, .seed = seed,
                                             .depth = 2, .on_warn = count_warning),
                          NULL);
    tube_error err = { 0 };

    memset(&got, 0, sizeof(got));
    warnings = 0;
    cr_assert(p != NULL);
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
        cr_assert_eq(tube_define(p, &stages[i], &err), TUBE_OK);
    cr_assert_eq(tube_series(p, pipeline, &err), TUBE_OK, "%s: %s", pipeline,
                 err.message);
    return p;
}

static tube_counts
run(const char *pipeline, int32_t workers, uint64_t seed)
{
    tube_pipeline *p = make(pipeline, workers, seed);
    tube_error err = { 0 };
    tube_counts c;

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s: %s", pipeline, err.message);
    cr_assert(test_accounted(p), "%s, seed %ju", pipeline, (uintmax_t)seed);
    tube_stats(p, &c);
    tube_pipeline_free(p);
    return c;
}

static void
all_orders(const char *pipeline, uint64_t rows)
{
    tube_counts c;

    for (uint64_t seed = 0; seed < 30; seed++) {
        c = run(pipeline, seed < 25 ? TUBE_CALLER : 2, seed);
        cr_assert_eq(got.rows, rows, "%s, seed %ju: %ju rows", pipeline,
                     (uintmax_t)seed, (uintmax_t)got.rows);
        cr_assert_eq(got.disorder, 0, "%s, seed %ju", pipeline, (uintmax_t)seed);
        cr_assert_eq(got.wrong_text, 0, "%s, seed %ju", pipeline, (uintmax_t)seed);
        cr_assert_eq(got.nulls_late, 0, "%s, seed %ju", pipeline, (uintmax_t)seed);
        cr_assert_eq(warnings, 0);
        cr_assert_eq(c.committed, rows);
    }
}

Test(merge_sorted, two_inputs_that_overlap, .timeout = 60)
{
    all_orders("merge by=k ( keys 5000 step=3 ) ( keys 3000 step=5 rows=37 ) | ordered",
               8000);
}

Test(merge_sorted, many_inputs_some_empty, .timeout = 60)
{
    all_orders("merge by=k ( keys 500 step=9 ) ( keys 0 ) ( keys 900 step=2 rows=1 ) "
               "( keys 1 from=77 ) ( keys 400 from=-50 step=4 rows=1000 ) | ordered",
               1801);
}

Test(merge_sorted, by_text_in_copied_memory, .timeout = 60)
{
    all_orders("merge by=t ( keys 2000 step=3 ) ( keys 2000 step=3 from=10 ) | ordered",
               4000);
}

Test(merge_sorted, the_greatest_first, .timeout = 60)
{
    all_orders("merge by=k desc=yes ( keys 2000 from=9000 step=-3 ) "
               "( keys 1000 from=8000 step=-2 rows=7 ) | ordered desc=yes",
               3000);
}

Test(merge_sorted, null_keys_come_first, .timeout = 60)
{
    all_orders(
        "merge by=k ( keys 300 nulls=150 rows=10 ) ( keys 300 nulls=20 rows=64 ) "
        "| ordered",
        600);
}

Test(merge_sorted, inputs_that_do_not_overlap_are_passed_on_as_they_are, .timeout = 60)
{
    all_orders(
        "merge by=k ( keys 20000 rows=1000 ) ( keys 20000 from=50000 rows=1000 ) "
        "| ordered",
        40000);
    cr_assert_eq(got.batches, 40, "%ju batches", (uintmax_t)got.batches);
}

Test(merge_sorted, rows_out_of_order_are_delivered_and_warned_of_once, .timeout = 60)
{
    (void)run("merge by=k ( keys 3000 back=100 ) ( keys 3000 back=70 ) | ordered",
              TUBE_CALLER, 1);
    cr_assert_eq(got.rows, 6000);
    cr_assert(got.disorder > 0);
    cr_assert_eq(warnings, 1);
}

Test(merge_sorted, rejected_and_filtered_rows_are_accounted_for, .timeout = 60)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        tube_counts c = run("merge by=k ( keys 2000 step=2 | where k > 500 ) "
                            "( keys 2000 step=3 ) | where k <= 1000 | ordered",
                            TUBE_CALLER, seed);

        cr_assert_eq(got.disorder, 0);
        cr_assert_eq(c.committed, got.rows);
        cr_assert_eq(c.committed + c.filtered, 4000);
    }
}

/* All rows of the others come though one input is open and has nothing. */
static void
does_not_wait(const char *pipeline, uint64_t rows)
{
    tube_pipeline *p = make(pipeline, 2, 0);
    uint64_t end = tube_now() + 10000000000u;
    tube_counts c = { 0 };

    cr_assert_eq(tube_start(p, NULL), TUBE_OK);
    while (c.committed < rows && tube_now() < end) {
        usleep(1000);
        tube_stats(p, &c);
    }
    cr_assert_eq(c.committed, rows, "%s: %ju rows", pipeline, (uintmax_t)c.committed);
    cr_assert_eq(got.disorder, 0);
    tube_drain(p);
    cr_assert_neq(tube_wait(p, 10000000000u, NULL), TUBE_ETIME);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

Test(merge_sorted, does_not_wait_for_a_quiet_input, .timeout = 60)
{
    does_not_wait("merge by=k ( keys 3000 ) ( keys 0 wait=yes ) | ordered", 3000);
    does_not_wait("merge by=k idle=1h ( keys 3000 ) ( keys 10 from=100 wait=yes ) "
                  "( keys 10 wait=yes ) | ordered",
                  3020);
}
