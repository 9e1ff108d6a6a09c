/* SPDX-License-Identifier: MIT */
/* parse.h -- what the readers of the parts of a text share. */
#ifndef TUBES_TEXT_PARSE_H
#define TUBES_TEXT_PARSE_H

#include "index.h"
#include "lexer.h"
#include "strpool.h"
#include "text.h"

#include <stdbool.h>
#include <stdint.h>

enum { TUBEI_SHOWN = 48 }; /**< bytes of a word in a message */

/** let NAME = pipeline */
typedef struct tubei_let {
    tubei_word name;
    tubei_branch with;
    uint32_t stages; /**< all in it, those in parentheses too */
    uint32_t deep;   /**< parentheses in parentheses */
} tubei_let;

/** Where a label was given. */
typedef struct tubei_label {
    const char *text; /**< the very string of tubei_common */
    tubei_word at;
} tubei_label;

/** A text while it is read, and what is kept of it. */
typedef struct tubei_parse {
    tubei_text pub; /**< first: what the caller sees is this object */
    tubei_strings memory;
    tubei_lexer lx;
    const tubei_lookup *lookup;
    const struct tubei_parse *base; /**< a part: whose definitions it may use */
    char *text;                     /**< a copy, see tubei_parse_definitions() */
    const char *rest;     /**< behind the definition that is read; NULL: it is none */
    const tubei_let *own; /**< the definition that is read; NULL: it is none */
    tubei_let *let;
    uint32_t n_lets;
    tubei_label *label; /**< as they were read */
    uint32_t n_labels;
    uint32_t copied;     /**< stages that were written out so far */
    tubei_index lets;    /**< number in `let` */
    tubei_index records; /**< number in pub.record */
    tubei_index adapts;  /**< "FROM -> TO" */
    tubei_index labels;  /**< those in pub.main */
} tubei_parse;

/* All functions below: Threads: the text's owner.  Blocks: no.  Those that return
 * false have reported why. */

/** define.c: all that stands before the pipeline. */
void tubei_parse_definitions(tubei_parse *t);

/** define.c: the word that begins a definition, if a whole one may stand here; else NULL. */
const char *tubei_parse_definition_here(const tubei_lexer *lx);

/** define.c: true if `keyword name` stands in what was not read yet. */
bool tubei_parse_later(const tubei_parse *t, const char *keyword, const char *name);

/** define.c: read the name of something that is declared. */
bool tubei_parse_new_name(tubei_parse *t, const char *example,
                          tubei_word *w) TUBE_NODISCARD;

/** record.c: NAME { fields }, where the text stands. */
void tubei_parse_record(tubei_parse *t);

/** branch.c: a pipeline, to the end of the text; false: errors were reported. */
bool tubei_parse_series(tubei_parse *t, tubei_branch *out, uint32_t *deep);

/** call.c: one argument or setting. */
bool tubei_parse_argument(tubei_lexer *lx, tubei_place place,
                          tubei_arg *a) TUBE_NODISCARD;

/** call.c: the arguments of a stage that ends in an expression. */
bool tubei_parse_expression(tubei_parse *t, tubei_call *c) TUBE_NODISCARD;

/** call.c: true if the rest of its text is an expression. */
bool tubei_parse_takes_expression(const tube_stage_def *def);

/** call.c: common options out of the others, then check all. */
bool tubei_parse_call_end(tubei_parse *t, tubei_call *c);

/** name.c: the stage of that name, or NULL. */
const tube_stage_def *tubei_parse_stage(const tubei_parse *t, const char *name);

/** name.c: the definition of that name, or NULL. */
const tubei_let *tubei_parse_let(const tubei_parse *t, const char *name);

/** name.c: true if names of stages begin with this word: "parse". */
bool tubei_parse_family(const tubei_parse *t, const char *name);

/**
 * name.c: the name of a stage or a definition, where the text stands.
 *
 * @param let   set if it is one, the result is NULL then
 * @param head  the head of a branch could stand here too
 * @return NULL and *let NULL: neither
 */
const tube_stage_def *tubei_parse_name(tubei_parse *t, tubei_word *w,
                                       const tubei_let **let, bool head);

/** common.c: move as= fail= retries= queue= out of the arguments, into c->common. */
bool tubei_parse_common(tubei_parse *t, tubei_call *c) TUBE_NODISCARD;

/** text.c: the word that stands at `at`, for messages. */
tubei_word tubei_parse_word(tubei_spot at, const char *text, uint32_t width);

#endif /* TUBES_TEXT_PARSE_H */
