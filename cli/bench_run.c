/* SPDX-License-Identifier: MIT */
/* bench_run.c -- runs a pipeline several times and keeps what it took.
 *
 * Before and behind each run a fixed piece of work is timed, the yardstick: a machine
 * whose clock has changed since the last bench shows there too, and the comparison
 * divides by it.
 */
#include "bench.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    YARD_BYTES = 128 * 1024,
    YARD_ROUNDS = 24,
    MORE = 3,    /**< times as many runs at most as were asked for */
    PASSES = 50, /**< of a run at most */
    PASS_FIGURES = 64,
    RUN_NS = 250000000, /**< a run takes at least that long */
};

static const double wide = 0.06; /* figures that spread more get more runs */

/* Work of the kind the stages do: bytes that are looked at one after the other. */
static double
run_yardstick(void)
{
    static unsigned char bytes[YARD_BYTES];
    static volatile uint64_t sink;
    uint64_t best = UINT64_MAX;

    for (int round = 0; round < YARD_ROUNDS; round++) {
        uint64_t from = tube_now();
        uint64_t h = sink + 14695981039346656037U;
        uint64_t took;

        for (size_t i = 0; i < YARD_BYTES; i++) {
            h = (h ^ bytes[i]) * 1099511628211U;
            bytes[i] = (unsigned char)(h >> 56);
        }
        sink = h;
        took = tube_now() - from;
        best = took < best ? took : best;
    }
    return (double)best;
}

/** What one pass took; a run is the best of some passes. */
struct pass {
    double ns[PASS_FIGURES]; /**< a row; the whole, then stage after stage */
    uint32_t n;
};

/* Rows a stage has seen; those of the whole where it has to do with bytes only. */
static double
run_rows(const tube_pipeline *p, uint32_t i)
{
    tube_stage_stats st = { 0 };
    tube_counts c = { 0 };
    uint64_t rows;

    tube_stats_stage(p, i, &st);
    rows = st.rows_in > st.rows_out ? st.rows_in : st.rows_out;
    tube_stats(p, &c);
    return (double)(rows > 0 ? rows : c.read);
}

static struct bench_figure *
run_figure(struct bench_result *r, const char *name, int workers)
{
    struct bench_figure *f;

    for (unsigned i = 0; i < r->n; i++)
        if (r->figure[i].workers == workers && strcmp(r->figure[i].name, name) == 0)
            return &r->figure[i];
    if (r->n == BENCH_FIGURES)
        return NULL;
    f = &r->figure[r->n++];
    *f = (struct bench_figure){ .workers = workers };
    snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

/* The second number of a schedstat: ns that a thread was ready to run and did not. */
static double
run_delay_of(const char *thread)
{
    char path[300];
    char line[100] = "";
    const char *blank;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", thread);
    f = fopen(path, "re");
    if (f == NULL)
        return 0;
    blank = fgets(line, sizeof(line), f) != NULL ? strchr(line, ' ') : NULL;
    fclose(f);
    return blank != NULL ? strtod(blank, NULL) : 0;
}

/* The same of all our threads: high on a busy machine. */
static double
run_delay(void)
{
    struct dirent **entry = NULL;
    int n = scandir("/proc/self/task", &entry, NULL, NULL);
    double sum = 0;

    for (int i = 0; i < n; i++) {
        if (entry[i]->d_name[0] != '.')
            sum += run_delay_of(entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
    return sum;
}

/* Names, shares and sizes of the figures are those of the best pass. */
static void
run_describe(struct bench_result *r, const struct cli_session *s, int workers,
             double delay)
{
    tube_counts c = { 0 };
    tube_stage_stats st = { 0 };
    struct bench_figure *f = run_figure(r, "whole", workers);
    double all = 0;

    tube_stats(s->p, &c);
    if (f != NULL) {
        f->share = 1;
        f->bytes_a_row = (double)c.bytes / (double)c.read;
        f->delay = delay / 1e9 / s->seconds;
    }
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++) {
        tube_stats_stage(s->p, i, &st);
        all += (double)st.busy_ns;
    }
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++) {
        tube_stage_info info = tube_stage_at(s->p, i);
        char name[72];

        tube_stats_stage(s->p, i, &st);
        snprintf(name, sizeof(name), "%" PRIu32 " %s", i + 1, info.def->name);
        f = run_figure(r, name, workers);
        if (f == NULL)
            continue;
        f->delay = delay / 1e9 / s->seconds;
        f->share = all > 0 ? (double)st.busy_ns / all : 0;
        f->busy = (double)st.busy_ns / 1e9 / s->seconds;
        f->wait = (double)st.blocked_ns / 1e9 / s->seconds;
        f->bytes_a_row = (double)c.bytes / run_rows(s->p, i);
        if (info.depth > 0 && st.activations > 0)
            f->fill = (double)st.queue_sum / (double)st.activations / info.depth;
    }
}

static int
run_collect(struct bench_result *r, const struct cli_session *s, int workers,
            struct pass *best, double delay)
{
    tube_counts c = { 0 };
    double whole;

    tube_stats(s->p, &c);
    if (c.read == 0)
        return cli_complain(
            "what is stored already is not stored again: use null as the "
            "sink, or again=yes",
            "the run has read no record, so there is nothing to measure");
    whole = s->seconds * 1e9 / (double)c.read;
    if (best->n == 0 || whole < best->ns[0]) {
        best->ns[0] = whole;
        run_describe(r, s, workers, delay);
    }
    for (uint32_t i = 0; i < tube_stage_count(s->p) && i + 1 < PASS_FIGURES; i++) {
        tube_stage_stats st = { 0 };
        double ns;

        tube_stats_stage(s->p, i, &st);
        ns = (double)st.busy_ns / run_rows(s->p, i);
        if (best->n == 0 || ns < best->ns[i + 1])
            best->ns[i + 1] = ns;
    }
    best->n = tube_stage_count(s->p) + 1;
    return -1;
}

static int
run_pass(struct bench_result *r, const struct cli_run_opts *o, int workers,
         struct pass *best)
{
    struct cli_run_opts silent = *o;
    struct cli_session s;
    double delay;
    int status;

    silent.workers = workers;
    silent.quiet = true;
    silent.json = false;
    status = cli_session_new(&s, &silent, r->text, NULL);
    if (status < 0)
        status = cli_session_open(&s);
    if (status >= 0)
        return status;
    s.rejects.show = false;
    delay = run_delay();
    cli_session_run(&s);
    delay = run_delay() - delay;
    if (s.error.status != TUBE_OK || s.signo != 0)
        return cli_session_end(&s);
    status = run_collect(r, &s, workers, best, delay > 0 ? delay : 0);
    cli_session_close(&s, 0);
    return status;
}

/* One run: passes until they have taken a while, and the best of each figure.  What a
 * neighbour takes from a pass makes it longer and never shorter. */
static int
run_once(struct bench_result *r, const struct cli_run_opts *o, int workers)
{
    struct pass best = { .n = 0 };
    uint64_t begin = tube_now();
    double yard = run_yardstick();
    unsigned k = 0;
    int status = -1;

    for (int i = 0; status < 0 && i < PASSES; i++) {
        status = run_pass(r, o, workers, &best);
        if (tube_now() - begin > RUN_NS)
            break;
    }
    yard = fmin(yard, run_yardstick());
    for (unsigned i = 0; status < 0 && i < r->n && k < best.n; i++) {
        struct bench_figure *f = &r->figure[i];

        if (f->workers != workers || f->n == BENCH_RUNS)
            continue;
        f->ns[f->n] = best.ns[k++];
        f->yard[f->n] = yard;
        f->n++;
    }
    return status;
}

int
bench_measure(struct bench_result *r, const struct cli_run_opts *o, int64_t workers,
              unsigned repeat)
{
    int first = workers >= 0 ? (int)workers : 1;
    int last = workers >= 0 ? (int)workers : r->machine.cores;
    unsigned most = repeat * MORE < BENCH_RUNS ? repeat * MORE : BENCH_RUNS;
    int status = -1;

    r->figure = calloc(BENCH_FIGURES, sizeof(*r->figure));
    if (r->figure == NULL)
        return cli_complain(NULL, "out of memory");
    for (unsigned n = 0; status < 0 && n < most; n++) {
        bool again = n < repeat;

        /* Numbers of workers take turns, so that a slow minute hits them all. */
        for (int w = first; w <= last && n >= repeat && !again; w++)
            again = bench_figure_spread(run_figure(r, "whole", w)) > wide;
        if (!again)
            break;
        for (int w = first; status < 0 && w <= last; w++)
            status = run_once(r, o, w);
    }
    return status;
}
