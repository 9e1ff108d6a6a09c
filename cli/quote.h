/* SPDX-License-Identifier: MIT */
/* quote.h -- words for a pipeline text, whatever is in them. */
#ifndef TUBES_CLI_QUOTE_H
#define TUBES_CLI_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

/** Append `word`, quoted if it must be, and `behind` to the string in `to`, which has
 * room for `len` bytes; false: it does not fit, and nothing was appended. */
bool cli_quote(char *to, size_t len, const char *word, const char *behind);

#endif /* TUBES_CLI_QUOTE_H */
