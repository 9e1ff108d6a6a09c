/* SPDX-License-Identifier: MIT */
/* session.h -- one pipeline from its text to the exit status. */
#ifndef TUBES_CLI_SESSION_H
#define TUBES_CLI_SESSION_H

#include "command.h"
#include "draw_graph.h"
#include "rejects.h"
#include "report.h"
#include "stats_file.h"

#include <tubes/tubes.h>

#include <stdbool.h>
#include <stdint.h>

/** Options that every command which runs a pipeline has. */
struct cli_run_opts {
    int64_t workers; /**< -1: not given, 0: the caller's thread */
    int64_t seed;
    int64_t memory; /**< bytes, 0: not given */
    const char *rejects;
    const char *stats;   /**< NULL: no file of counters */
    int64_t stats_every; /**< ns, 0: not given */
    struct cli_limit max_rejects;
    bool strict;
    bool json;
    bool quiet;
    bool dry; /**< open, create nothing, do not run */
};

/** Rows of a command's option table; `type` has a member `run`. */
#define CLI_RUN_OPTIONS(type)                                                        \
  { "workers", 'w',                                                                  \
    CLI_COUNT, offsetof(type, run.workers),                                          \
    "N",       "threads; 0: all in the caller's, in an order that --seed decides" }, \
      { "seed", 0, CLI_COUNT, offsetof(type, run.seed), "N", "with --workers 0" },   \
      { "memory", 0,                                                                 \
        CLI_SIZE, offsetof(type, run.memory),                                        \
        "SIZE",   "for records on their way, at least 4M (64M)" },                   \
      { "rejects", 0,                                                                \
        CLI_TEXT,  offsetof(type, run.rejects),                                      \
        "FILE",    "write refused records there, one JSON object a line" },          \
      { "max-rejects", 0,                                                            \
        CLI_LIMIT,     offsetof(type, run.max_rejects),                              \
        "N|P%",        "stop when more records are refused" },                       \
      { "strict", 0,                                                                 \
        CLI_FLAG, offsetof(type, run.strict),                                        \
        NULL,     "the same as --max-rejects 0" },                                   \
      { "stats",  0,                                                                 \
        CLI_TEXT, offsetof(type, run.stats),                                         \
        "FILE",   "keep all counters there as Prometheus text; - is stderr" },       \
      { "stats-every", 0,                                                            \
        CLI_TIME,      offsetof(type, run.stats_every),                              \
        "TIME",        "write them so often (5s), and at the end" },                 \
  {                                                                                  \
    "quiet", 'q', CLI_FLAG, offsetof(type, run.quiet), NULL,                         \
        "no progress line, no summary"                                               \
  }

struct cli_session {
    const struct cli_run_opts *o;
    struct cli_source source;
    tube_pipeline *p;
    struct cli_graph graph; /**< from cli_session_open() on */
    struct cli_rejects rejects;
    struct cli_stats_file stats;
    tube_error error; /**< status TUBE_OK: none so far */
    unsigned told;    /**< errors of the text that were told already */
    bool running;
    uint64_t begin; /**< tube_now() */
    double seconds; /**< from start to the last commit */
    int signo;      /**< that stopped it, 0: none */
    char *target;   /**< where records went, for the summary; NULL: unknown */
    bool json_stdout;
};

/** Make a pipeline of `text`; -1: done, else the exit status, the error is told.
 * `name` is the file it is from, NULL: the command line, "": the tool itself, which
 * does not show it to people. */
int cli_session_new(struct cli_session *s, const struct cli_run_opts *o,
                    const char *text, const char *name);

/** Open its stages; as cli_session_new(). */
int cli_session_open(struct cli_session *s);

/** Run it to the end, with progress line and signals; the status is in s->error. */
void cli_session_run(struct cli_session *s);

/** Print the summary, free all, return the exit status or die by the signal. */
int cli_session_end(struct cli_session *s);

/** Free all without a summary; returns `status`. */
int cli_session_close(struct cli_session *s, int status);

/** Name of the last sink. */
const char *cli_session_sink(const struct cli_session *s);

/** True if a stage of that name is among the sinks. */
bool cli_session_has_sink(const struct cli_session *s, const char *name);

/**
 * The pipeline text of a command: the words joined, or the file after -f ("-": stdin).
 *
 * @param text  set to the text, free() it
 * @return -1: done, else the exit status, the error is told
 */
int cli_session_text(const struct cli_words *words, const char *file, char **text);

#endif /* TUBES_CLI_SESSION_H */
