/* SPDX-License-Identifier: MIT */
/* report.h -- errors for people, with the line of the pipeline text they are about. */
#ifndef TUBES_CLI_REPORT_H
#define TUBES_CLI_REPORT_H

#include <tubes/error.h>

#include <stdbool.h>
#include <stdio.h>

/** A pipeline text and where it came from. */
struct cli_source {
    const char *text;
    const char *name; /**< of the file; NULL: the command line */
};

/** Print an error on stderr; `source` may be NULL.  Passwords are covered. */
void cli_report(const tube_error *e, const struct cli_source *source);

/** Print an error as a JSON object. */
void cli_report_json(FILE *to, const tube_error *e, const struct cli_source *source);

/** One line for people on stderr, as printf, without a newline in `fmt`; it does not
 * run into the progress line. */
void cli_say(const char *fmt, ...) TUBE_PRINTF(1, 2);

/** Cover passwords in `text` with '*', byte for byte, so that places stay true. */
void cli_cover(char *text);

/** Exit status for a failure, which happened before or after the pipeline was started:
 * what cannot be opened is a wrong argument, what fails later is a failure. */
int cli_status(const tube_error *e, bool running);

#endif /* TUBES_CLI_REPORT_H */
