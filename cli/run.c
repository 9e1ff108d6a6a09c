/* SPDX-License-Identifier: MIT */
/* run.c -- tubes run: a pipeline until its sources end. */
#include "command.h"
#include "session.h"

#include <stdlib.h>

struct run {
    struct cli_run_opts run;
    const char *file;
};

static const struct cli_option options[] = {
    { "file", 'f', CLI_TEXT, offsetof(struct run, file), "FILE",
      "read the text from a file, - is standard input" },
    CLI_RUN_OPTIONS(struct run),
    { "json", 0, CLI_FLAG, offsetof(struct run, run.json), NULL,
      "the summary as JSON: on stdout, on stderr if the sink is print" },
    { 0 },
};

static int
run_run(int argc, char **argv)
{
    struct run r = { .run = { .workers = -1 } };
    struct cli_session s;
    struct cli_words words;
    char *text = NULL;
    int status = cli_args(&cli_run, argc, argv, &r, &words);

    if (status < 0)
        status = cli_session_text(&words, r.file, &text);
    if (status < 0)
        status = cli_session_new(&s, &r.run, text, r.file);
    if (status < 0)
        status = cli_session_open(&s);
    if (status < 0) {
        s.json_stdout = !cli_session_has_sink(&s, "print");
        cli_session_run(&s);
        status = cli_session_end(&s);
    }
    free(text);
    return status;
}

static const char more[] =
    "Exit status\n"
    "  0  everything is committed\n"
    "  1  failed on the way\n"
    "  2  the text, an option or an input is wrong; nothing was started\n"
    "  3  finished, but some records were rejected: the summary says where they are\n"
    "  4  the sink cannot be reached; it is safe to run again\n"
    "  5  another instance has gone on with the same source\n"
    "The first SIGINT or SIGTERM stops reading and commits what was read, the second\n"
    "aborts.  SIGUSR1 prints the counters on stderr.  The language: docs/series.md,\n"
    "counters: docs/seeing.md\n";

const struct cli_command cli_run = {
    .name = "run",
    .usage = "'TEXT' | -f FILE",
    .summary = "run a pipeline",
    .more = more,
    .options = options,
    .run = run_run,
};
