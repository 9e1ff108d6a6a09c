/* SPDX-License-Identifier: MIT */
/* bench_file.c -- results as JSON, and where they were made. */
#include "bench.h"
#include "json_read.h"
#include "out.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#ifndef TUBES_COMMIT
#  define TUBES_COMMIT "unknown"
#endif

enum { FILE_LONGEST = 16 << 20 };

static void
file_cpu(char *to, size_t len)
{
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[512];
    struct utsname u;

    snprintf(to, len, "%s", uname(&u) == 0 ? u.machine : "unknown");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        const char *colon = strchr(line, ':');

        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            snprintf(to, len, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (f != NULL)
        fclose(f);
}

void
bench_here(struct bench_result *r)
{
    cpu_set_t set;
    struct utsname u;

    file_cpu(r->machine.cpu, sizeof(r->machine.cpu));
    r->machine.cores =
        sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    if (uname(&u) == 0)
        snprintf(r->machine.kernel, sizeof(r->machine.kernel), "%.60s %.60s", u.sysname,
                 u.release);
    snprintf(r->version, sizeof(r->version), "%s", TUBE_VERSION);
    snprintf(r->commit, sizeof(r->commit), "%s", TUBES_COMMIT);
}

static void
file_numbers(FILE *to, const char *name, const double *v, unsigned n)
{
    fprintf(to, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++)
        fprintf(to, "%s%.4f", i > 0 ? "," : "", v[i]);
    fputc(']', to);
}

static void
file_figure(FILE *to, const struct bench_figure *f)
{
    double ns = bench_figure_ns(f);

    fputs("{\"name\":", to);
    cli_json_text(to, f->name);
    fprintf(to, ",\"workers\":%d,\"unit\":\"ns/row\",\"median\":%.4f,\"spread\":%.4f",
            f->workers, ns, bench_figure_spread(f));
    file_numbers(to, "runs", f->ns, f->n);
    file_numbers(to, "yardstick_ns", f->yard, f->n);
    fprintf(to, ",\"rows_per_second\":%.1f,\"megabytes_per_second\":%.3f",
            ns > 0 ? 1e9 / ns : 0, ns > 0 ? f->bytes_a_row / ns * 1e3 : 0);
    fprintf(to,
            ",\"bytes_per_row\":%.4f,\"share\":%.4f,\"busy\":%.4f,\"wait\":%.4f,"
            "\"queue_fill\":%.4f,\"delay\":%.4f}",
            f->bytes_a_row, f->share, f->busy, f->wait, f->fill, f->delay);
}

void
bench_json(FILE *to, const struct bench_result *r)
{
    fputs("{\"tool\":\"tubes bench\",\"version\":", to);
    cli_json_text(to, r->version);
    fputs(",\"commit\":", to);
    cli_json_text(to, r->commit);
    fputs(",\"cpu\":", to);
    cli_json_text(to, r->machine.cpu);
    fprintf(to, ",\"cores\":%d,\"kernel\":", r->machine.cores);
    cli_json_text(to, r->machine.kernel);
    fputs(",\"text\":", to);
    cli_json_text(to, r->text);
    fputs(",\"figures\":[\n", to);
    for (unsigned i = 0; i < r->n; i++) {
        file_figure(to, &r->figure[i]);
        fputs(i + 1 < r->n ? ",\n" : "\n", to);
    }
    fputs("]}\n", to);
}

/* Members of the outermost object. */
static void
file_read_head(struct bench_result *r, const struct cli_json *j, bool string)
{
    if (string && strcmp(j->key, "cpu") == 0)
        snprintf(r->machine.cpu, sizeof(r->machine.cpu), "%.127s", j->text);
    else if (string && strcmp(j->key, "commit") == 0)
        snprintf(r->commit, sizeof(r->commit), "%.63s", j->text);
    else if (string && strcmp(j->key, "text") == 0 && r->text == NULL)
        r->text = strdup(j->text);
    else if (!string && strcmp(j->key, "cores") == 0)
        r->machine.cores = (int)j->number;
}

static void
file_read_member(struct bench_figure *f, const struct cli_json *j, double *median)
{
    if (strcmp(j->key, "workers") == 0)
        f->workers = (int)j->number;
    else if (strcmp(j->key, "share") == 0)
        f->share = j->number;
    else if (strcmp(j->key, "delay") == 0)
        f->delay = j->number;
    else if (strcmp(j->key, "median") == 0)
        *median = j->number;
}

/* What of the file is being read. */
struct file_reader {
    struct bench_result *r;
    struct cli_json j;
    struct bench_figure *f;
    unsigned yards;
    double median;
};

/* A number in one of the two arrays of a figure. */
static bool
file_read_run(struct file_reader *x)
{
    if (strcmp(x->j.key, "runs") == 0) {
        if (x->f->n == BENCH_RUNS)
            return false;
        x->f->ns[x->f->n++] = x->j.number;
    } else if (strcmp(x->j.key, "yardstick_ns") == 0) {
        if (x->yards == BENCH_RUNS)
            return false;
        x->f->yard[x->yards++] = x->j.number;
    }
    return true;
}

/* The figures lie three deep: object, array, object; their runs four deep. */
static bool
file_read_event(struct file_reader *x, enum cli_json_event e)
{
    bool string = e == CLI_JSON_STRING;

    if (e == CLI_JSON_OPEN && x->j.depth == 3) {
        if (x->r->n == BENCH_FIGURES)
            return false;
        x->f = &x->r->figure[x->r->n++];
        x->yards = 0;
        x->median = -1;
    } else if (e == CLI_JSON_CLOSE && x->j.depth == 2 && x->f != NULL) {
        double ns = bench_figure_ns(x->f);

        /* Both are written: a file that was changed by hand in one place is no help. */
        if (x->yards != x->f->n || fabs(ns - x->median) > 1e-3 * ns + 1e-3)
            return false;
        x->f = NULL;
    } else if (x->j.depth == 1 && (string || e == CLI_JSON_NUMBER)) {
        file_read_head(x->r, &x->j, string);
    } else if (x->f != NULL && x->j.depth == 3 && string) {
        if (strcmp(x->j.key, "name") == 0)
            snprintf(x->f->name, sizeof(x->f->name), "%.71s", x->j.text);
    } else if (x->f != NULL && x->j.depth == 3 && e == CLI_JSON_NUMBER) {
        file_read_member(x->f, &x->j, &x->median);
    } else if (x->f != NULL && x->j.depth == 4 && e == CLI_JSON_NUMBER) {
        return file_read_run(x);
    }
    return true;
}

static bool
file_parse(const char *text, struct bench_result *r)
{
    struct file_reader x = { .r = r, .j = { .p = text } };
    enum cli_json_event e;

    while ((e = cli_json_next(&x.j)) != CLI_JSON_END_OF_TEXT)
        if (e == CLI_JSON_BROKEN || !file_read_event(&x, e))
            return false;
    return r->n > 0 && r->machine.cores > 0;
}

int
bench_read(const char *path, struct bench_result *r)
{
    FILE *f = fopen(path, "re");
    char *text = malloc(FILE_LONGEST + 1);
    size_t n = 0;
    int status = -1;

    *r = (struct bench_result){ .figure = calloc(BENCH_FIGURES, sizeof(*r->figure)) };
    if (f == NULL) {
        status = cli_complain(NULL, "--compare %s: %s", path, cli_errno(errno).s);
    } else if (text == NULL || r->figure == NULL) {
        status = cli_complain(NULL, "out of memory");
    } else {
        n = fread(text, 1, FILE_LONGEST, f);
        text[n] = '\0';
        if (!file_parse(text, r))
            status = cli_complain("make one with: tubes bench 'TEXT' --json > OLD.json",
                                  "--compare %s: not a result of tubes bench", path);
    }
    if (f != NULL)
        fclose(f);
    free(text);
    return status;
}

void
bench_fini(struct bench_result *r)
{
    free(r->figure);
    free(r->text);
    *r = (struct bench_result){ .n = 0 };
}
