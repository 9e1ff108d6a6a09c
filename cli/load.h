/* SPDX-License-Identifier: MIT */
/* load.h -- what `tubes load` was asked to do. */
#ifndef TUBES_CLI_LOAD_H
#define TUBES_CLI_LOAD_H

#include "session.h"
#include "sniff.h"

#include <stdbool.h>

struct cli_load {
    struct cli_run_opts run;
    const char *format_name; /**< --format */
    const char *table;       /**< --table, later the one that was chosen */
    bool again;
    bool dry; /**< -n */
    char **file;
    int n_files;
    const char *db;
    bool postgres; /**< `db` is a connection string */
    enum cli_format format;
    bool empty; /**< no file has anything in it */
    char *text; /**< the pipeline; free() it */
};

/** Tell files from the database; -1: done, else the exit status. */
int cli_load_words(struct cli_load *l, const struct cli_words *words);

/** Find out the format, unless it was given; -1: done, else the exit status. */
int cli_load_sniff(struct cli_load *l);

/** Pipeline text that ends with `behind`, "" for the sink; free() it, NULL: no memory. */
char *cli_load_text(const struct cli_load *l, const char *behind);

/** Print what would be done: pipeline, table, first records. */
int cli_load_show(const struct cli_load *l);

#endif /* TUBES_CLI_LOAD_H */
