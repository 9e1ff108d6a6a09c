/* SPDX-License-Identifier: MIT */
/* progress.h -- one line on the terminal while a pipeline runs. */
#ifndef TUBES_CLI_PROGRESS_H
#define TUBES_CLI_PROGRESS_H

#include <tubes/tubes.h>

#include <stdbool.h>
#include <stdint.h>

/** Rates are those of the last seconds, so that a stall shows. */
struct cli_progress {
    bool on;
    uint64_t start_ns;
    uint64_t last_ns;
    uint64_t last_rows;
    uint64_t last_bytes;
    double rows_a_second;
    double bytes_a_second;
};

/** Begin; it stays silent unless stderr is a terminal. */
void cli_progress_begin(struct cli_progress *g, bool wanted);

/** Draw the line anew. */
void cli_progress_show(struct cli_progress *g, const tube_pipeline *p);

/** Take the line away, if there is one; before other text goes to stderr. */
void cli_progress_clear(void);

/** What the line says, for `width` columns. */
void cli_progress_text(const struct cli_progress *g, const tube_counts *c, char *to,
                       size_t len);

#endif /* TUBES_CLI_PROGRESS_H */
