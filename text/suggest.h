/* SPDX-License-Identifier: MIT */
/* suggest.h -- help for words that are no names here. */
#ifndef TUBES_TEXT_SUGGEST_H
#define TUBES_TEXT_SUGGEST_H

#include <tubes/tubes.h> /* tube_nearest() */

/**
 * What a word of another tool is called here: "tail" -> "file".
 *
 * @param what  set to the stage to use, as typed (borrowed from the program)
 * @return a hint, one line; NULL: not a word we know
 *
 * Threads: any.  Blocks: no.
 */
const char *tubei_foreign(const char *word, const char **what);

#endif /* TUBES_TEXT_SUGGEST_H */
