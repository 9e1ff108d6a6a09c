/* SPDX-License-Identifier: MIT */
/* summary.h -- what a run did: read, committed, rejected, and how fast. */
#ifndef TUBES_CLI_SUMMARY_H
#define TUBES_CLI_SUMMARY_H

#include "session.h"

#include <tubes/tubes.h>

#include <stdbool.h>
#include <stdio.h>

/** True if every record that was read is accounted for. */
bool cli_summary_adds_up(const tube_counts *c);

/** Print the summary for people; `running`: the pipeline has not come to its end. */
void cli_summary_print(FILE *to, const struct cli_session *s, const tube_counts *c,
                       bool running);

/** Print it as one JSON object on one line. */
void cli_summary_json(FILE *to, const struct cli_session *s, const tube_counts *c,
                      int status);

/** Where the rejects of a session are, in words; `buf` may be used. */
const char *cli_summary_rejects(const struct cli_session *s, char *buf, size_t len);

#endif /* TUBES_CLI_SUMMARY_H */
