/* SPDX-License-Identifier: MIT */
/* sniff.h -- which format do these lines have? */
#ifndef TUBES_CLI_SNIFF_H
#define TUBES_CLI_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

/** What `parse X` can read and lines show. */
enum cli_format { CLI_NO_FORMAT, CLI_COMBINED, CLI_COMMON, CLI_JSON };

struct cli_sniffed {
    enum cli_format format; /**< CLI_NO_FORMAT: none has half of the lines */
    unsigned lines;         /**< looked at, blank ones not counted */
    unsigned fit;           /**< of them in that format */
};

/**
 * Look at the first lines of a file.
 *
 * @param whole  the file ends behind `text`: its last line is complete
 */
struct cli_sniffed cli_sniff(const char *text, size_t len, bool whole);

/** Format of one line without its end. */
enum cli_format cli_sniff_line(const char *line, size_t len);

/** "combined", "common", "json"; NULL for CLI_NO_FORMAT. */
const char *cli_format_name(enum cli_format f);

/** The same, the other way; CLI_NO_FORMAT: no such format. */
enum cli_format cli_format_find(const char *name);

#endif /* TUBES_CLI_SNIFF_H */
