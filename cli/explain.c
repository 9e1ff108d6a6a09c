/* SPDX-License-Identifier: MIT */
/* explain.c -- tubes explain: the graph, with what flows on every edge. */
#include "explain.h"

#include "command.h"
#include "out.h"
#include "session.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 100, NARROWEST = 40, WIDEST = 100000 };

struct explain {
    struct cli_run_opts run;
    const char *file;
    bool dot;
    bool mermaid;
    bool ascii;
    bool analyze;
};

static const struct cli_option options[] = {
    { "file", 'f', CLI_TEXT, offsetof(struct explain, file), "FILE",
      "read the text from a file, - is standard input" },
    { "dot", 0, CLI_FLAG, offsetof(struct explain, dot), NULL, "for Graphviz" },
    { "mermaid", 0, CLI_FLAG, offsetof(struct explain, mermaid), NULL, "for Mermaid" },
    { "json", 0, CLI_FLAG, offsetof(struct explain, run.json), NULL, "as JSON" },
    { "ascii", 0, CLI_FLAG, offsetof(struct explain, ascii), NULL,
      "draw with - and |, whatever the locale can show" },
    { "analyze", 0, CLI_FLAG, offsetof(struct explain, analyze), NULL,
      "run it, and show where the time goes" },
    { "workers", 'w', CLI_COUNT, offsetof(struct explain, run.workers), "N",
      "threads; 0: all in the caller's" },
    { "memory", 0, CLI_SIZE, offsetof(struct explain, run.memory), "SIZE",
      "for records on their way, at least 4M (64M)" },
    { 0 },
};

/* Characters in a line: of the terminal, else what COLUMNS says. */
static size_t
explain_width(void)
{
    const char *env = secure_getenv("COLUMNS");
    long columns = env == NULL ? 0 : strtol(env, NULL, 10);
    struct winsize size = { 0 };

    if (columns <= 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        columns = size.ws_col;
    if (columns <= 0)
        columns = COLUMNS;
    return columns < NARROWEST ? NARROWEST
                               : (size_t)(columns > WIDEST ? WIDEST : columns);
}

static int
explain_draw(const struct explain *x, const struct cli_session *s, double seconds)
{
    struct cli_picture pic = { .g = &s->graph, .seconds = seconds };
    struct cli_node_stats *stats = NULL;
    bool text = !x->dot && !x->mermaid && !x->run.json;
    bool good = true;

    pic.caller = x->run.workers == 0;
    pic.ascii = x->ascii || (text && !cli_unicode());
    pic.width = explain_width();
    if (seconds > 0) {
        stats = cli_graph_stats(&s->graph);
        pic.stats = stats;
        good = stats != NULL;
    }
    if (good)
        good = x->dot        ? cli_explain_dot(&pic)
               : x->mermaid  ? cli_explain_mermaid(&pic)
               : x->run.json ? cli_explain_json(&pic)
                             : cli_explain_text(&pic);
    free(stats);
    return good ? CLI_DONE : cli_complain(NULL, "out of memory");
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
        (void)explain_draw(x, s, s->seconds);
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
        status = explain_draw(&x, &s, 0);
        status = cli_flush(cli_session_close(&s, status));
    }
    free(text);
    return status;
}

static const char more[] =
    "COLUMNS=N in the environment makes room for N characters in a line.  The formats are\n"
    "described in docs/seeing.md.\n";

const struct cli_command cli_explain = {
    .name = "explain",
    .usage = "'TEXT' | -f FILE",
    .summary = "show the graph of a pipeline: fields, queues, what was put in between",
    .more = more,
    .options = options,
    .run = explain_run,
};
