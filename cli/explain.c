/* SPDX-License-Identifier: MIT */
/* explain.c -- tubes explain: the graph, with what flows on every edge. */
#include "explain.h"

#include "command.h"
#include "out.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>

struct explain {
    struct cli_run_opts run;
    const char *file;
    bool dot;
    bool mermaid;
    bool analyze;
};

static const struct cli_option options[] = {
    { "file", 'f', CLI_TEXT, offsetof(struct explain, file), "FILE",
      "read the text from a file, - is standard input" },
    { "dot", 0, CLI_FLAG, offsetof(struct explain, dot), NULL, "for Graphviz" },
    { "mermaid", 0, CLI_FLAG, offsetof(struct explain, mermaid), NULL, "for Mermaid" },
    { "json", 0, CLI_FLAG, offsetof(struct explain, run.json), NULL, "as JSON" },
    { "analyze", 0, CLI_FLAG, offsetof(struct explain, analyze), NULL,
      "run it, and show where the time goes" },
    { "workers", 'w', CLI_COUNT, offsetof(struct explain, run.workers), "N",
      "threads; 0: all in the caller's" },
    { "memory", 0, CLI_SIZE, offsetof(struct explain, run.memory), "SIZE",
      "for records on their way, at least 4M (64M)" },
    { 0 },
};

static void
explain_draw(const struct explain *x, const struct cli_session *s, double seconds)
{
    if (x->dot)
        cli_explain_dot(s->p);
    else if (x->mermaid)
        cli_explain_mermaid(s->p);
    else if (x->run.json)
        cli_explain_json(s->p, seconds);
    else
        cli_explain_boxes(s->p, seconds);
}

/* The records go where the text says; the graph goes to stdout behind them. */
static int
explain_analyze(const struct explain *x, struct cli_session *s)
{
    tube_counts c = { 0 };
    struct cli_run_opts silent = x->run;
    int status;

    silent.quiet = true;
    silent.json = false;
    s->o = &silent;
    cli_session_run(s);
    tube_stats(s->p, &c);
    if (s->error.status == TUBE_OK)
        explain_draw(x, s, s->seconds);
    status = cli_session_end(s);
    if (c.read == 0 && status == CLI_DONE)
        cli_say("nothing was read, so there is nothing to compare");
    return status;
}

static int
explain_run(int argc, char **argv)
{
    struct explain x = { .run = { .workers = -1 } };
    struct cli_session s;
    struct cli_words words;
    char *text = NULL;
    int status = cli_args(&cli_explain, argc, argv, &x, &words);

    if (status < 0 && x.dot + x.mermaid + x.run.json > 1)
        status = cli_complain(NULL, "--dot, --mermaid and --json exclude each other");
    x.run.dry = !x.analyze;
    if (status < 0)
        status = cli_session_text(&words, x.file, &text);
    if (status < 0)
        status = cli_session_new(&s, &x.run, text, x.file);
    if (status < 0)
        status = cli_session_open(&s);
    if (status < 0 && x.analyze) {
        status = explain_analyze(&x, &s);
    } else if (status < 0) {
        explain_draw(&x, &s, 0);
        status = cli_flush(cli_session_close(&s, CLI_DONE));
    }
    free(text);
    return status;
}

const struct cli_command cli_explain = {
    .name = "explain",
    .usage = "'TEXT' | -f FILE",
    .summary = "show the graph of a pipeline: fields, queues, what was put in between",
    .options = options,
    .run = explain_run,
};
