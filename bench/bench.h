/* SPDX-License-Identifier: MIT */
/* bench.h -- measure, repeat, compare, print.  All a bench needs, in one header.
 *
 *     static double
 *     ring_push_pop(void *arg)             one run; returns the figure, in its unit
 *     {
 *         uint64_t t = bench_now();
 *         ...
 *         return (double)(bench_now() - t) / ITEMS;
 *     }
 *
 *     int
 *     main(int argc, char **argv)
 *     {
 *         bench_begin("ring", argc, argv);
 *         bench_add("push_pop", "ns/item", ring_push_pop, &r);
 *         bench_add("memcpy", "ns/item", plain_copy, &r);
 *         bench_ratio("memcpy_share", "memcpy", "push_pop");
 *         return bench_end();
 *     }
 *
 * bench_end() runs every figure once to warm up, then in rounds, each figure once a
 * round: what disturbs the machine disturbs all of them.  The figure is the median of
 * the rounds; spread is the distance of the quartiles as a share of the median.  A
 * ratio is the median of the rounds' own ratios, first name over second.  CPU seconds are
 * those of the process in one run, all of its threads, and no child's.
 *
 * stdout gets one JSON line a figure, stderr a table.  A run that fails returns a
 * negative number; the bench then exits with status 1.
 *
 *     -n N     rounds (15)         -f TEXT  only figures whose name contains TEXT
 *     -w N     warm-up rounds (1)
 */
#ifndef TUBES_BENCH_H
#define TUBES_BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

typedef double bench_fn(void *arg);

enum { BENCH_MAX = 64, BENCH_ROUNDS_MAX = 1000 };

/** A figure, or with `over` a ratio of two. */
struct bench_figure {
    const char *name;
    const char *unit;
    bench_fn *fn;
    void *arg;
    int num, den;     /* of a ratio: figures */
    const char *goal; /* what asks for a ratio of `least`; NULL: nobody */
    double least;
    double *run; /* by round */
    double *cpu; /* seconds, by round */
    double median, spread, min, max, cpu_median;
};

static struct {
    const char *name, *filter;
    int rounds, warmup, n;
    struct bench_figure figure[BENCH_MAX];
    char cpu[128];
    struct utsname host;
} bench;

/** Monotonic clock, ns. */
static inline uint64_t
bench_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/** CPU time of this process so far (RUSAGE_SELF) or of ended children, ns. */
static inline uint64_t
bench_cpu(int who)
{
    struct rusage u;

    getrusage(who, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u
           + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

/** Make the compiler believe that what `p` points to is used. */
static inline void
bench_keep(const void *p)
{
    __asm__ volatile("" : : "r"(p) : "memory");
}

/** Read the command line; call first. */
static inline void
bench_begin(const char *name, int argc, char **argv)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    int c;

    bench.name = name;
    bench.rounds = 15;
    bench.warmup = 1;
    while ((c = getopt(argc, argv, "n:w:f:")) != -1) {
        long v = optarg ? strtol(optarg, NULL, 10) : 0;

        if (c == 'n' && v >= 1 && v <= BENCH_ROUNDS_MAX)
            bench.rounds = (int)v;
        else if (c == 'w' && v >= 0 && v <= BENCH_ROUNDS_MAX)
            bench.warmup = (int)v;
        else if (c == 'f')
            bench.filter = optarg;
        else {
            fprintf(stderr, "usage: %s [-n ROUNDS] [-w WARMUP] [-f TEXT]\n", argv[0]);
            exit(2);
        }
    }
    uname(&bench.host);
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            snprintf(bench.cpu, sizeof(bench.cpu), "%.100s", strchr(line, ':') + 2);
            bench.cpu[strcspn(bench.cpu, "\n\"\\")] = '\0';
            break;
        }
    if (f != NULL)
        fclose(f);
#ifndef __OPTIMIZE__
    fprintf(stderr, "%s: built without optimisation, figures mean nothing\n", name);
#endif
}

static inline struct bench_figure *
bench_slot(const char *name, const char *unit)
{
    struct bench_figure *g;

    if (bench.n == BENCH_MAX) {
        fprintf(stderr, "%s: more than %d figures\n", bench.name, BENCH_MAX);
        exit(1);
    }
    g = &bench.figure[bench.n];
    *g = (struct bench_figure){ .name = name, .unit = unit, .num = -1, .den = -1 };
    g->run = calloc(BENCH_ROUNDS_MAX, sizeof(*g->run));
    g->cpu = calloc(BENCH_ROUNDS_MAX, sizeof(*g->cpu));
    if (g->run == NULL || g->cpu == NULL)
        exit(1);
    bench.n++;
    return g;
}

/** Add a figure; `name` and `unit` must live on.  The unit says what better is: a
 * figure with "/s" in its unit should be high, any other low. */
static inline void
bench_add(const char *name, const char *unit, bench_fn *fn, void *arg)
{
    struct bench_figure *g;

    if (bench.filter != NULL && strstr(name, bench.filter) == NULL)
        return;
    g = bench_slot(name, unit);
    g->fn = fn;
    g->arg = arg;
}

static inline int
bench_index(const char *name)
{
    for (int i = 0; i < bench.n; i++)
        if (strcmp(bench.figure[i].name, name) == 0)
            return i;
    return -1;
}

/** bench_ratio() that is to reach `least`, which `goal` asks for ("G8"): figures of goals
 * are printed once more at the end, with both of their sides. */
static inline void
bench_goal(const char *name, const char *num, const char *den, const char *goal,
           double least)
{
    int a = bench_index(num), b = bench_index(den);

    if (a >= 0 && b >= 0) {
        struct bench_figure *g = bench_slot(name, "ratio");

        g->num = a;
        g->den = b;
        g->goal = goal;
        g->least = least;
    }
}

/** Add the ratio `num` / `den` of two figures added before; none if one of them is not. */
static inline void
bench_ratio(const char *name, const char *num, const char *den)
{
    bench_goal(name, num, den, NULL, 0);
}

static inline int
bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline void
bench_reduce(struct bench_figure *g)
{
    size_t n = (size_t)bench.rounds;
    double *v = g->run;

    qsort(v, n, sizeof(*v), bench_order);
    qsort(g->cpu, n, sizeof(*g->cpu), bench_order);
    g->cpu_median = g->cpu[n / 2];
    g->median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
    g->min = v[0];
    g->max = v[n - 1];
    g->spread = v[(3 * (n - 1) + 2) / 4] - v[(n - 1) / 4];
    if (g->median != 0)
        g->spread /= fabs(g->median);
}

static inline void
bench_print(const struct bench_figure *g)
{
#ifdef TUBES_COMMIT
    const char *commit = TUBES_COMMIT;
#else
    const char *commit = "unknown";
#endif

    printf("{\"bench\":\"%s\",\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,"
           "\"spread\":%.4f,\"min\":%.6g,\"max\":%.6g,\"n\":%d,",
           bench.name, g->name, g->unit, g->median, g->spread, g->min, g->max,
           bench.rounds);
    if (g->fn != NULL)
        printf("\"cpu_s\":%.4g,", g->cpu_median);
    if (g->goal != NULL)
        printf("\"goal\":\"%s\",\"least\":%.4g,\"ours\":%.6g,\"ceiling\":%.6g,"
               "\"ceiling_name\":\"%s\",\"side_unit\":\"%s\",",
               g->goal, g->least, bench.figure[g->num].median,
               bench.figure[g->den].median, bench.figure[g->den].name,
               bench.figure[g->den].unit);
    printf("\"commit\":\"%s\",\"cpu\":\"%s\",\"cores\":%ld,\"kernel\":\"%s\"}\n",
           commit, bench.cpu, sysconf(_SC_NPROCESSORS_ONLN), bench.host.release);
    fprintf(stderr, "%-36s %12.5g %-10s  +-%4.1f%%  %12.5g .. %-12.5g", g->name,
            g->median, g->unit, g->spread * 50, g->min, g->max);
    if (g->fn != NULL)
        fprintf(stderr, " %8.3g s", g->cpu_median);
    fputc('\n', stderr);
}

static inline void
bench_print_goals(void)
{
    bool any = false;

    for (int i = 0; i < bench.n; i++) {
        const struct bench_figure *g = &bench.figure[i];
        const struct bench_figure *ours = &bench.figure[g->num < 0 ? 0 : g->num];
        const struct bench_figure *ceiling = &bench.figure[g->den < 0 ? 0 : g->den];

        if (g->goal == NULL)
            continue;
        if (!any)
            fprintf(stderr, "\n%-4s %-28s %7s %8s %6s  %10s  %s\n", "goal", "ratio",
                    "least", "figure", "", "ours", "ceiling");
        any = true;
        fprintf(stderr, "%-4s %-28s %7.3g %8.3g %-6s  %10.4g  %.4g %s %s\n", g->goal,
                g->name, g->least, g->median, g->median >= g->least ? "" : "missed",
                ours->median, ceiling->median, ceiling->unit, ceiling->name);
    }
}

/** Run what was added, print it; the exit status. */
static inline int
bench_end(void)
{
    for (int round = -bench.warmup; round < bench.rounds; round++)
        for (int i = 0; i < bench.n; i++) {
            struct bench_figure *g = &bench.figure[i];
            uint64_t cpu = bench_cpu(RUSAGE_SELF);
            double v = g->fn != NULL ? g->fn(g->arg) : 0;

            if (v < 0) {
                fprintf(stderr, "%s: %s failed\n", bench.name, g->name);
                return 1;
            }
            if (round >= 0) {
                g->run[round] = v;
                g->cpu[round] = (double)(bench_cpu(RUSAGE_SELF) - cpu) * 1e-9;
            }
        }
    for (int i = 0; i < bench.n; i++)
        for (int r = 0; bench.figure[i].fn == NULL && r < bench.rounds; r++)
            bench.figure[i].run[r] = bench.figure[bench.figure[i].num].run[r]
                                     / bench.figure[bench.figure[i].den].run[r];
    fprintf(stderr, "%-36s %12s %-10s  %6s  %12s %24s\n", bench.name, "median", "unit",
            "spread", "range", "CPU");
    for (int i = 0; i < bench.n; i++) {
        bench_reduce(&bench.figure[i]);
        bench_print(&bench.figure[i]);
    }
    bench_print_goals();
    for (int i = 0; i < bench.n; i++) {
        free(bench.figure[i].run);
        free(bench.figure[i].cpu);
    }
    return 0;
}

#endif /* TUBES_BENCH_H */
