/* SPDX-License-Identifier: MIT */
/* bench_compare.c -- which figures differ more than chance explains.
 *
 * A figure is its time over the yardstick's.  It counts as slower if the ratio of the
 * lower quartiles (disturbance only adds time) is above `least` and above what the
 * spread of the runs allows: `factor` standard errors of that ratio, where the spread
 * is taken from the median of the distances from the median, which single bad runs do
 * not move.  Stages that take only a small part of the time are shown and not judged:
 * their time is too short for the clock.  Nor is the whole, if other programs had the
 * cores meanwhile; the stages' times then still tell, with a wider limit.
 */
#include "bench.h"
#include "out.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double least = 0.12; /* what is less is no news */
static const double least_crowded = 0.17;
static const double factor = 5;      /* standard errors */
static const double floor_sd = 0.02; /* nobody measures better */
static const double judged = 0.10;   /* share of the busy time */
static const double crowded = 0.05;  /* share of the time */

static int
compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

double
bench_median(double *v, unsigned n)
{
    if (n == 0)
        return 0;
    qsort(v, n, sizeof(*v), compare_doubles);
    return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double
bench_figure_ns(const struct bench_figure *f)
{
    double v[BENCH_RUNS];

    memcpy(v, f->ns, f->n * sizeof(*v));
    return bench_median(v, f->n);
}

double
bench_figure_spread(const struct bench_figure *f)
{
    double low = f->n > 0 ? f->ns[0] : 0;
    double high = 0;
    double median = bench_figure_ns(f);

    for (unsigned i = 0; i < f->n; i++) {
        low = fmin(low, f->ns[i]);
        high = fmax(high, f->ns[i]);
    }
    return median > 0 ? (high - low) / 2 / median : 0;
}

/* Lower quartile in yardsticks, and the relative standard error of it. */
static double
compare_figure(const struct bench_figure *f, double *error)
{
    double v[BENCH_RUNS];
    double quartile;
    double median;
    double sd;

    for (unsigned i = 0; i < f->n; i++)
        v[i] = f->yard[i] > 0 ? f->ns[i] / f->yard[i] : f->ns[i];
    median = bench_median(v, f->n); /* and sorts */
    quartile = f->n > 0 ? v[f->n / 4] : 0;
    for (unsigned i = 0; i < f->n; i++)
        v[i] = fabs(v[i] - median);
    /* 1.4826: deviation of a normal distribution; 1.36: its quartile's error. */
    sd = median > 0 ? 1.4826 * bench_median(v, f->n) / median : 0;
    *error = 1.36 * fmax(sd, floor_sd) / sqrt(f->n > 0 ? f->n : 1);
    return quartile;
}

struct bench_verdict
bench_compare(const struct bench_figure *before, const struct bench_figure *now)
{
    struct bench_verdict v = { .before = before, .now = now, .ratio = 1 };
    double e1;
    double e2;
    double q1 = compare_figure(before, &e1);
    double q2 = compare_figure(now, &e2);
    bool others = before->delay > crowded || now->delay > crowded;
    bool big = before->share >= judged || now->share >= judged;

    v.crowded = others && strcmp(now->name, "whole") == 0;
    v.limit =
        1 + fmax(others ? least_crowded : least, factor * sqrt(e1 * e1 + e2 * e2));
    if (q1 > 0 && q2 > 0)
        v.ratio = q2 / q1;
    v.slower = big && !v.crowded && v.ratio > v.limit;
    v.faster = big && !v.crowded && 1 / v.ratio > v.limit;
    return v;
}

static bool
compare_machines(const struct bench_machine *a, const struct bench_machine *b)
{
    if (strcmp(a->cpu, b->cpu) == 0 && a->cores == b->cores)
        return true;
    cli_complain("figures of different machines say nothing about the program",
                 "these are different machines: %s with %d cores, %s with %d", a->cpu,
                 a->cores, b->cpu, b->cores);
    return false;
}

static const struct bench_figure *
compare_twin(const struct bench_result *r, const struct bench_figure *f)
{
    for (unsigned i = 0; i < r->n; i++)
        if (r->figure[i].workers == f->workers
            && strcmp(r->figure[i].name, f->name) == 0)
            return &r->figure[i];
    return NULL;
}

static void
compare_row(cli_table *t, const struct bench_verdict *v)
{
    cli_table_add(t, "%d", v->now->workers);
    cli_table_add(t, "%s", v->now->name);
    cli_table_add(t, "%.1f", bench_figure_ns(v->before));
    cli_table_add(t, "%.1f", bench_figure_ns(v->now));
    cli_table_add(t, "%+.1f %%", (v->ratio - 1) * 100);
    cli_table_add(t, "%.1f %%", (v->limit - 1) * 100);
    cli_table_add(t, "%s",
                  v->slower    ? "SLOWER"
                  : v->faster  ? "faster"
                  : v->crowded ? "others had the cores"
                               : "");
}

int
bench_compare_print(const struct bench_result *before, const struct bench_result *now)
{
    static const char *const heads[] = { "workers", "what",  "ns/row before", "ns/row",
                                         "change",  "limit", "verdict" };
    cli_table t = { .columns = sizeof(heads) / sizeof(heads[0]) };
    unsigned pairs = 0;
    int slower = 0;

    if (!compare_machines(&before->machine, &now->machine))
        return -1;
    for (size_t i = 0; i < t.columns; i++)
        cli_table_add(&t, "%s", heads[i]);
    for (unsigned i = 0; i < now->n; i++) {
        const struct bench_figure *twin = compare_twin(before, &now->figure[i]);
        struct bench_verdict v;

        if (twin == NULL || twin->n == 0)
            continue;
        v = bench_compare(twin, &now->figure[i]);
        compare_row(&t, &v);
        slower += v.slower;
        pairs++;
    }
    if (pairs > 0)
        cli_table_print(&t, stderr, "");
    cli_table_fini(&t);
    if (pairs > 0)
        return slower;
    cli_complain(NULL, "no figure of the two has the same stage and number of workers");
    return -1;
}
