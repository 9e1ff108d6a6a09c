/* SPDX-License-Identifier: MIT */
/* stats_file.h -- --stats: the counters of a run in a file that is always whole. */
#ifndef TUBES_CLI_STATS_FILE_H
#define TUBES_CLI_STATS_FILE_H

#include <tubes/tubes.h>

#include <stdbool.h>
#include <stdint.h>

struct cli_stats_file {
    const char *path; /**< NULL: nothing is written; "-": stderr */
    char *next;       /**< written first, then renamed */
    uint64_t every_ns;
    uint64_t due; /**< tube_now() */
    bool failed;  /**< that was told */
};

/** Take what was given; -1: done, else the exit status.  `path` NULL: `every_ns` was
 * given alone. */
int cli_stats_file_open(struct cli_stats_file *f, const char *path, int64_t every_ns);

/** Write it for the first time, before anything runs; as cli_stats_file_open(). */
int cli_stats_file_begin(struct cli_stats_file *f, const tube_pipeline *p);

/** Nanoseconds until it should be written again; TUBE_FOREVER: never. */
uint64_t cli_stats_file_due(const struct cli_stats_file *f);

/** Write it; a failure is told once, and tried again. */
void cli_stats_file_write(struct cli_stats_file *f, const tube_pipeline *p);

/** Free what it has; the file stays. */
void cli_stats_file_close(struct cli_stats_file *f);

#endif /* TUBES_CLI_STATS_FILE_H */
