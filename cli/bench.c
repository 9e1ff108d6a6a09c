/* SPDX-License-Identifier: MIT */
/* bench.c -- tubes bench: how fast is a pipeline, and which stage takes the time? */
#include "bench.h"

#include "command.h"
#include "out.h"
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    struct cli_run_opts run;
    const char *file;
    const char *old;
    int64_t repeat;
    int64_t workers; /**< -1: each number from 1 to the cores */
};

static const struct cli_option options[] = {
    { "file", 'f', CLI_TEXT, offsetof(struct bench, file), "FILE",
      "read the text from a file, - is standard input" },
    { "repeat", 'r', CLI_COUNT, offsetof(struct bench, repeat), "N",
      "runs with each number of workers, 3 to 21 (5); more if they spread" },
    { "workers", 'w', CLI_COUNT, offsetof(struct bench, workers), "N",
      "only this number of workers" },
    { "memory", 0, CLI_SIZE, offsetof(struct bench, run.memory), "SIZE",
      "for records on their way, at least 4M (64M)" },
    { "json", 0, CLI_FLAG, offsetof(struct bench, run.json), NULL, "figures as JSON" },
    { "compare", 0, CLI_TEXT, offsetof(struct bench, old), "OLD.json",
      "say what is slower than then; exit status 1 if something is" },
    { 0 },
};

static void
bench_print(const struct bench_result *r)
{
    static const char *const heads[] = { "workers", "what",   "rows/s",
                                         "ns/row",  "spread", "MB/s",
                                         "busy",    "wait",   "queue" };
    cli_table t = { .columns = sizeof(heads) / sizeof(heads[0]) };

    for (size_t i = 0; i < t.columns; i++)
        cli_table_add(&t, "%s", heads[i]);
    for (unsigned i = 0; i < r->n; i++) {
        const struct bench_figure *f = &r->figure[i];
        bool whole = strcmp(f->name, "whole") == 0;
        double ns = bench_figure_ns(f);

        cli_table_add(&t, "%d", f->workers);
        cli_table_add(&t, "%s", f->name);
        cli_table_add(&t, "%s", ns > 0 ? cli_grouped((uint64_t)(1e9 / ns)).s : "-");
        cli_table_add(&t, "%.1f", ns);
        cli_table_add(&t, "%s", cli_percent(bench_figure_spread(f)).s);
        cli_table_add(&t, "%.1f", ns > 0 ? f->bytes_a_row / ns * 1e3 : 0);
        cli_table_add(&t, "%s", whole ? "-" : cli_percent(f->busy).s);
        cli_table_add(&t, "%s", whole ? "-" : cli_percent(f->wait).s);
        cli_table_add(&t, "%s", whole ? "-" : cli_percent(f->fill).s);
    }
    cli_table_print(&t, stdout, "");
    cli_table_fini(&t);
    printf(
        "whole: by the clock; stages: by the time inside of each; medians of %u runs, "
        "half the range as spread\n%s, %d cores, %s, tubes %s (%s)\n",
        r->n > 0 ? r->figure[0].n : 0, r->machine.cpu, r->machine.cores,
        r->machine.kernel, r->version, r->commit);
}

/* Without a sink in the text records would be printed: here they are thrown away. */
static int
bench_text(struct bench_result *r, const struct cli_run_opts *o, const char *name)
{
    struct cli_session s;
    struct cli_run_opts silent = { .workers = o->workers, .memory = o->memory };
    int status = cli_session_new(&s, &silent, r->text, name);
    uint32_t n;
    char *text = NULL;

    if (status >= 0)
        return status;
    n = tube_stage_count(s.p);
    if (strcmp(cli_session_sink(&s), "print") == 0) {
        if (!tube_stage_at(s.p, n - 1).inserted)
            status = cli_complain("use null, or leave it out",
                                  "print would write into the figures");
        else if (asprintf(&text, "%s\n| null", r->text) < 0)
            status = cli_complain(NULL, "out of memory");
    }
    cli_session_close(&s, 0);
    if (status < 0 && text != NULL) {
        free(r->text);
        r->text = text;
    }
    return status;
}

static int
bench_do(const struct bench *b, struct bench_result *now,
         const struct bench_result *old)
{
    int status = bench_text(now, &b->run, b->file);
    int slower = 0;

    if (status < 0)
        status = bench_measure(now, &b->run, b->workers, (unsigned)b->repeat);
    if (status >= 0)
        return status;
    if (b->run.json)
        bench_json(stdout, now);
    else
        bench_print(now);
    if (old != NULL && (old->text == NULL || strcmp(old->text, now->text) != 0))
        cli_say("another pipeline was measured then: %s",
                old->text == NULL ? "" : old->text);
    if (old != NULL)
        slower = bench_compare_print(old, now);
    if (slower < 0)
        return CLI_USAGE;
    if (old != NULL)
        fprintf(stderr, "%s\n",
                slower > 0 ? "something is slower" : "nothing is slower");
    return cli_flush(slower > 0 ? CLI_FAILED : CLI_DONE);
}

static int
bench_run(int argc, char **argv)
{
    struct bench b = { .run = { .workers = -1 }, .repeat = 5, .workers = -1 };
    struct bench_result now = { .n = 0 };
    struct bench_result old = { .n = 0 };
    struct cli_words words;
    int status = cli_args(&cli_bench, argc, argv, &b, &words);

    if (status < 0 && (b.repeat < 3 || b.repeat > 21))
        status = cli_complain(NULL, "--repeat can be 3 to 21");
    if (status < 0 && b.old != NULL)
        status = bench_read(b.old, &old);
    if (status < 0)
        status = cli_session_text(&words, b.file, &now.text);
    if (status < 0) {
        bench_here(&now);
        status = bench_do(&b, &now, b.old != NULL ? &old : NULL);
    }
    bench_fini(&now);
    bench_fini(&old);
    return status;
}

static const char more[] =
    "Each stage alone is measured by the time it was busy in the run of the whole, so it\n"
    "counts no waiting.  Figures of different machines are not compared.\n";

const struct cli_command cli_bench = {
    .name = "bench",
    .usage = "'TEXT' | -f FILE",
    .summary = "how fast a pipeline is, and each stage in it",
    .more = more,
    .options = options,
    .run = bench_run,
};
