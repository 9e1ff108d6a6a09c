/* SPDX-License-Identifier: MIT */
/* command.h -- the commands, their options, and the exit statuses they share. */
#ifndef TUBES_CLI_COMMAND_H
#define TUBES_CLI_COMMAND_H

#include <tubes/attr.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a command returns to the shell. */
enum cli_exit {
    CLI_DONE = 0,        /**< everything is committed */
    CLI_FAILED = 1,      /**< failed on the way */
    CLI_USAGE = 2,       /**< command line, pipeline or input is wrong; nothing began */
    CLI_REJECTS = 3,     /**< finished, but some records were rejected */
    CLI_UNREACHABLE = 4, /**< the sink is not there; safe to run again */
    CLI_SUPERSEDED = 5,  /**< another instance moved the position */
};

/** How the text of an option becomes a member. */
enum cli_kind {
    CLI_FLAG = 1, /**< bool */
    CLI_TEXT,     /**< const char * */
    CLI_COUNT,    /**< int64_t, not negative */
    CLI_SIZE,     /**< int64_t, "64k", "16M", "1G" */
    CLI_LIMIT,    /**< struct cli_limit, "100" or "1%" */
    CLI_TIME,     /**< int64_t, ns, more than none: "500ms", "5s", "1m", "1h" */
};

/** A number of records, or a share of them. */
struct cli_limit {
    uint64_t count;
    double share;
    bool given;
};

/** One row of a command's options. */
struct cli_option {
    const char *name; /**< "max-rejects" */
    char letter;      /**< 'q', or 0 */
    enum cli_kind kind;
    size_t offset;     /**< of the member */
    const char *value; /**< "FILE"; NULL for a flag */
    const char *help;
};

struct cli_command {
    const char *name;
    const char *usage;   /**< behind the name */
    const char *summary; /**< one line */
    const char *more;    /**< text under the options of the help, or NULL */
    const struct cli_option *options;  /**< ends with { 0 }; NULL: none */
    int (*run)(int argc, char **argv); /**< argv[0] is the command's name */
};

extern const struct cli_command cli_bench;
extern const struct cli_command cli_check;
extern const struct cli_command cli_explain;
extern const struct cli_command cli_gen;
extern const struct cli_command cli_help;
extern const struct cli_command cli_load;
extern const struct cli_command cli_run;
extern const struct cli_command cli_sql;
extern const struct cli_command cli_stages;
extern const struct cli_command cli_version;

/** All commands, in the order of the help; NULL behind the last. */
extern const struct cli_command *const cli_commands[];

/** Words of a command line that are no options. */
struct cli_words {
    char **word; /**< in argv */
    int n;
};

/**
 * Read a command line into `to`; options and words may be mixed, "--" ends options.
 *
 * Words are moved to the front of `argv`, behind the command's name.
 *
 * @return -1: go on; else the exit status to leave with (also after --help)
 */
int cli_args(const struct cli_command *c, int argc, char **argv, void *to,
             struct cli_words *words);

/** Print how a command is used. */
void cli_usage(const struct cli_command *c);

/** Print "error: ..." and a hint, which may be NULL; returns CLI_USAGE. */
int cli_complain(const char *hint, const char *fmt, ...) TUBE_PRINTF(2, 3);

/** Flush standard output; returns `status`, or CLI_FAILED if that failed. */
int cli_flush(int status);

#endif /* TUBES_CLI_COMMAND_H */
