/* SPDX-License-Identifier: MIT */
/* rejects.h -- records that were refused: to a file, or the first of them to stderr. */
#ifndef TUBES_CLI_REJECTS_H
#define TUBES_CLI_REJECTS_H

#include <tubes/tubes.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cli_rejects {
    const char *path; /**< NULL: no file */
    FILE *file;
    bool created; /**< the file was not there before */
    bool show;    /**< the first ones go to stderr */
    unsigned shown;
    int failed; /**< errno of the first write that failed, 0: none did */
};

/** Open the file for appending, mode 0600; -1: done, else an exit status. */
int cli_rejects_open(struct cli_rejects *r, const char *path);

/** Check that the pipeline does not read that file; -1: it does not, else CLI_USAGE. */
int cli_rejects_check(const struct cli_rejects *r, const tube_pipeline *p);

/** Take one reject; false: it could not be written. */
bool cli_rejects_add(struct cli_rejects *r, const tube_reject_info *info);

/** Print one reject as a JSON object and a newline. */
void cli_rejects_json(FILE *to, const tube_reject_info *info);

/** Close the file; `undo` removes one that was created and has nothing in it. */
void cli_rejects_close(struct cli_rejects *r, bool undo);

#endif /* TUBES_CLI_REJECTS_H */
