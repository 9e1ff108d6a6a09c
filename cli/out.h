/* SPDX-License-Identifier: MIT */
/* out.h -- numbers, colours and JSON, as people and programs read them. */
#ifndef TUBES_CLI_OUT_H
#define TUBES_CLI_OUT_H

#include <tubes/attr.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Text of a number; make one where it is used, it lives as long as the statement's block. */
typedef struct cli_text {
    char s[96];
} cli_text;

/** "1,234,567" */
cli_text cli_grouped(uint64_t n);

/** "46.1 MB": powers of 1000, as disks and networks are measured. */
cli_text cli_bytes(double bytes);

/** "4 ms", "0.61 s", "2:05 min", "3:02:05 h" */
cli_text cli_seconds(double seconds);

/** "46.1 %" */
cli_text cli_percent(double share);

/** What the operating system calls an errno. */
cli_text cli_errno(int number);

/** "1 row", "2 rows" */
cli_text cli_count(uint64_t n, const char *one, const char *many);

/** Colours of what is printed to `to`: empty strings unless it is a terminal. */
typedef struct cli_colors {
    const char *bold, *red, *yellow, *cyan, *dim, *off;
} cli_colors;

const cli_colors *cli_colors_for(FILE *to);

/** True if the user's locale can show box drawing. */
bool cli_unicode(void);

/** Print a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD. */
void cli_json_string(FILE *to, const char *text, size_t len);

/** The same for a string with a NUL; NULL becomes null. */
void cli_json_text(FILE *to, const char *text);

/** Bytes of the UTF-8 character at `p` of `len` bytes, 0: it is none. */
size_t cli_utf8(const char *p, size_t len);

/** Places on a terminal that `len` bytes take, one a character. */
size_t cli_width(const char *text, size_t len);

/** The path without the working directory in front, for messages. */
const char *cli_short_path(const char *path);

#endif /* TUBES_CLI_OUT_H */
