/* SPDX-License-Identifier: MIT */
/* lexer.h -- words, strings and expressions of the pipeline text, and their places. */
#ifndef TUBES_TEXT_LEXER_H
#define TUBES_TEXT_LEXER_H

#include "strpool.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Where reading stands. */
typedef struct tubei_lexer {
    const char *p;
    const char *line_start;
    uint32_t line;
    bool stop; /**< an error that leaves nothing to go on with */
    bool part; /**< its end is that of a definition */
    tubei_strings *memory;
    tubei_report *report;
} tubei_lexer;

/** A spot in the text. */
typedef struct tubei_spot {
    const char *p;
    uint32_t line;
    uint32_t column;
} tubei_spot;

/** What a bare word stands in, which decides what ends it. */
typedef enum tubei_place {
    TUBEI_IN_STAGE,
    TUBEI_IN_LIST,
    TUBEI_IN_SETTING
} tubei_place;

/* All functions below: Threads: the lexer's owner.  Blocks: no.  Those that return
 * false have reported why. */

/** Where it stands now. */
tubei_spot tubei_lex_here(const tubei_lexer *t);

/** Bytes from `from` to here, within the first line of them; at least 1. */
uint32_t tubei_lex_width(const tubei_lexer *t, tubei_spot from);

/** Report an error of `width` bytes at a spot; `hint` may be NULL. */
void tubei_lex_complain(tubei_lexer *t, tubei_spot at, uint32_t width, const char *hint,
                        const char *fmt, ...) TUBE_PRINTF(5, 6);

/** Report that there is no memory, and stop. */
void tubei_lex_no_memory(tubei_lexer *t);

/** Copy of `len` bytes of text with a NUL behind them; NULL: no memory, reported. */
char *tubei_lex_copy(tubei_lexer *t, const char *from, size_t len);

/**
 * Make room for one more item in an array of `n` items of `item` bytes.
 *
 * Arrays grow by doubling; what they grew out of stays in the pool.
 */
bool tubei_lex_grow(tubei_lexer *t, void **array, uint32_t n, size_t item);

/** True for blank, tab and line ends. */
bool tubei_lex_blank(char c);

/** Bytes of the name at `p`: a letter or '_', then letters, digits, '_' and '-'. */
size_t tubei_lex_name(const char *p);

/** True if `c` ends a bare word. */
bool tubei_lex_ends_word(char c, tubei_place place);

/** Over one byte. */
void tubei_lex_step(tubei_lexer *t);

/** Over blanks and comments. */
void tubei_lex_skip(tubei_lexer *t);

/** After an error: to the bar behind this stage, to the parenthesis that ends this
 * branch, or to the end. */
void tubei_lex_recover(tubei_lexer *t, bool in_branch);

/** Read the value that must stand here. */
bool tubei_lex_value(tubei_lexer *t, tubei_place place, tubei_word *w) TUBE_NODISCARD;

/** Check that what stands here does not stick to the value before it. */
bool tubei_lex_apart(tubei_lexer *t, tubei_place place) TUBE_NODISCARD;

/** If `NAME =` stands here, read both; else set key->text to NULL. */
bool tubei_lex_key(tubei_lexer *t, tubei_word *key) TUBE_NODISCARD;

/**
 * Read an expression: all up to the bar or the closing parenthesis behind it.
 *
 * Comments become blanks, so that places inside stay true.
 */
bool tubei_lex_expression(tubei_lexer *t, tube_expr_text *expr) TUBE_NODISCARD;

#endif /* TUBES_TEXT_LEXER_H */
