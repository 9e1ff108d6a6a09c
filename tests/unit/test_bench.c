/* SPDX-License-Identifier: MIT */
/* test_bench.c -- results of `tubes bench`: statistics, JSON and back, verdicts. */
#include "../../cli/bench_compare.c"
#include "../../cli/bench_file.c"
#include "../../cli/json_read.c"
#include "../../cli/out.c"
#include "../../cli/table.c"

#include <criterion/criterion.h>
#include <unistd.h>

static unsigned complaints;

int
cli_complain(const char *hint, const char *fmt, ...)
{
    (void)hint;
    (void)fmt;
    complaints++;
    return CLI_USAGE;
}

/* A generator of our own: the same numbers everywhere. */
static double
uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (double)(*state >> 11) / 9007199254740992.0;
}

/* Sum of 12 uniforms: near enough to a normal distribution. */
static double
normal(uint64_t *state)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum;
}

static struct bench_figure
figure(double ns, double noise, unsigned n, uint64_t *seed)
{
    struct bench_figure f = { .name = "whole", .workers = 1, .n = n, .share = 1 };

    for (unsigned i = 0; i < n; i++) {
        f.ns[i] = ns * (1 + noise * normal(seed));
        f.yard[i] = 1000;
    }
    return f;
}

Test(bench, finds_the_median, .timeout = 10)
{
    double odd[] = { 3, 1, 2 };
    double even[] = { 4, 1, 3, 2 };

    cr_expect_eq(bench_median(odd, 3), 2);
    cr_expect_eq(bench_median(even, 4), 2.5);
    cr_expect_eq(bench_median(odd, 0), 0);
}

Test(bench, flags_a_slow_down_of_a_fifth, .timeout = 10)
{
    uint64_t seed = 7;

    for (int i = 0; i < 200; i++) {
        struct bench_figure a = figure(100, 0.02, 5, &seed);
        struct bench_figure b = figure(120, 0.02, 5, &seed);

        cr_expect(bench_compare(&a, &b).slower, "round %d: ratio %f", i,
                  bench_compare(&a, &b).ratio);
        cr_expect(bench_compare(&b, &a).faster);
        cr_expect_not(bench_compare(&b, &a).slower);
    }
}

Test(bench, flags_nothing_between_equal_builds, .timeout = 10)
{
    uint64_t seed = 11;

    for (int i = 0; i < 5000; i++) {
        double noise = i % 2 == 0 ? 0.02 : 0.08;
        struct bench_figure a = figure(100, noise, 5 + (unsigned)i % 11, &seed);
        struct bench_figure b = figure(100, noise, 5 + (unsigned)i % 11, &seed);

        cr_expect_not(bench_compare(&a, &b).slower, "round %d: ratio %f, limit %f", i,
                      bench_compare(&a, &b).ratio, bench_compare(&a, &b).limit);
    }
}

Test(bench, sees_through_a_slower_clock, .timeout = 10)
{
    uint64_t seed = 3;
    struct bench_figure a = figure(100, 0.01, 5, &seed);
    struct bench_figure b = figure(150, 0.01, 5, &seed);

    for (unsigned i = 0; i < b.n; i++)
        b.yard[i] = 1500;
    cr_expect_not(bench_compare(&a, &b).slower);
}

Test(bench, does_not_judge_what_is_small_or_crowded, .timeout = 10)
{
    uint64_t seed = 5;
    struct bench_figure a = figure(100, 0.01, 5, &seed);
    struct bench_figure b = figure(140, 0.01, 5, &seed);

    cr_expect(bench_compare(&a, &b).slower);
    a.share = b.share = 0.05;
    cr_expect_not(bench_compare(&a, &b).slower);
    a.share = b.share = 1;
    b.delay = 0.3;
    cr_expect_not(bench_compare(&a, &b).slower);
    cr_expect(bench_compare(&a, &b).crowded);
    snprintf(a.name, sizeof(a.name), "3 where");
    snprintf(b.name, sizeof(b.name), "3 where");
    cr_expect(bench_compare(&a, &b).slower);
}

static struct bench_result
result(struct bench_figure *f, unsigned n)
{
    struct bench_result r = { .figure = f, .n = n };

    bench_here(&r);
    snprintf(r.machine.cpu, sizeof(r.machine.cpu), "a \"CPU\" \\ \xc3\xa9");
    r.text = strdup("file \"a\tb\" | where x = `{[}]`");
    return r;
}

/* What bench_json() writes, changed by `edit`, read again. */
static int
through_a_file(const struct bench_result *r, struct bench_result *back,
               void (*edit)(char *text))
{
    char path[] = "/tmp/tubes_test_bench_XXXXXX";
    int fd = mkstemp(path);
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    int status;

    bench_json(f, r);
    fclose(f);
    if (edit != NULL)
        edit(text);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    free(text);
    status = bench_read(path, back);
    unlink(path);
    return status;
}

Test(bench, comes_back_from_a_file, .timeout = 10)
{
    uint64_t seed = 9;
    struct bench_figure f[2] = { figure(100, 0.05, 5, &seed),
                                 figure(7, 0.05, 64, &seed) };
    struct bench_result r = result(f, 2);
    struct bench_result back;

    snprintf(f[1].name, sizeof(f[1].name), "2 parse combined");
    f[1].share = 0.25;
    f[1].delay = 0.5;
    cr_assert_eq(through_a_file(&r, &back, NULL), -1);
    cr_expect_eq(back.n, 2);
    cr_expect_str_eq(back.machine.cpu, r.machine.cpu);
    cr_expect_eq(back.machine.cores, r.machine.cores);
    cr_expect_str_eq(back.text, r.text);
    cr_expect_str_eq(back.figure[1].name, "2 parse combined");
    cr_expect_eq(back.figure[1].n, 64);
    cr_expect_eq(back.figure[1].share, 0.25);
    cr_expect_eq(back.figure[1].delay, 0.5);
    cr_expect_float_eq(back.figure[1].ns[63], f[1].ns[63], 1e-3);
    cr_expect_float_eq(back.figure[0].yard[0], 1000, 1e-3);
    cr_expect_eq(bench_compare_print(&back, &r), 0);
    snprintf(back.machine.cpu, sizeof(back.machine.cpu), "another");
    cr_expect_eq(bench_compare_print(&back, &r), -1);
    free(r.text);
    bench_fini(&back);
}

static void
change_a_median(char *text)
{
    char *at = strstr(text, "\"median\":");

    at[9] = at[9] == '9' ? '8' : '9';
}

static void
cut(char *text)
{
    text[strlen(text) / 2] = '\0';
}

Test(bench, refuses_a_file_that_was_damaged, .timeout = 10)
{
    uint64_t seed = 9;
    struct bench_figure f = figure(100, 0.05, 5, &seed);
    struct bench_result r = result(&f, 1);
    struct bench_result back;

    complaints = 0;
    cr_expect_eq(through_a_file(&r, &back, change_a_median), CLI_USAGE);
    bench_fini(&back);
    cr_expect_eq(through_a_file(&r, &back, cut), CLI_USAGE);
    bench_fini(&back);
    cr_expect_eq(bench_read("/nonexistent/x", &back), CLI_USAGE);
    bench_fini(&back);
    cr_expect_eq(complaints, 3);
    free(r.text);
}
