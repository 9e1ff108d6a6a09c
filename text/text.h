/* SPDX-License-Identifier: MIT */
/* text.h -- the pipeline text: words, stages, settings, each with its place.
 *
 * The grammar is in docs/series.md.  This part knows names of stages and the
 * shape of their arguments; what the arguments mean is option.h's.
 */
#ifndef TUBES_TEXT_TEXT_H
#define TUBES_TEXT_TEXT_H

#include <tubes/error.h>
#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

enum { TUBEI_ERRORS = 5 }; /**< errors told at most in one text */

/** A word of the text. */
typedef struct tubei_word {
    const char *text; /**< string: unquoted, unescaped, $NAME resolved */
    uint32_t line;    /**< from 1 */
    uint32_t column;  /**< byte in the line, from 1 */
    uint32_t width;   /**< bytes in that line, quotes included, at least 1 */
    bool quoted;      /**< "..." or `...` */
    bool env;         /**< it was $NAME: never print its text */
} tubei_word;

/** One argument of a stage, or one setting. */
typedef struct tubei_arg {
    tubei_word key; /**< key.text NULL: positional */
    tubei_word *value;
    uint32_t n;
    bool list; /**< written as [..] */
} tubei_arg;

/** A stage with its arguments. */
typedef struct tubei_call {
    tubei_word name;           /**< "parse combined" is one name */
    const tube_stage_def *def; /**< never NULL in what tubei_text_parse() returns */
    tubei_arg *arg;
    uint32_t n_args;
    tube_expr_text expr; /**< text NULL: none */
} tubei_call;

/** A text, taken apart. */
typedef struct tubei_text {
    tubei_call *call;
    uint32_t n;
    tubei_arg *setting; /**< each has a key and one value or more */
    uint32_t n_settings;
} tubei_text;

/** Where errors go, and how many have gone there. */
typedef struct tubei_report {
    void (*on_error)(void *arg, const tube_error *e); /**< NULL: nobody listens */
    void *arg;
    unsigned errors; /**< told so far, at most TUBEI_ERRORS */
    tube_error first;
} tubei_report;

/** The stages there are. */
typedef struct tubei_lookup {
    /** Stage of that full name ("parse combined"), or NULL. */
    const tube_stage_def *(*find)(void *arg, const char *name);
    /** Name `i`, NULL behind the last. */
    const char *(*name_at)(void *arg, uint32_t i);
    void *arg;
} tubei_lookup;

/**
 * Take a pipeline text apart, and look up its stages.
 *
 * If something is wrong, the options of the stages that are right are checked
 * too, so that one round tells all there is to mend.
 *
 * @param text    string                                             (borrowed)
 * @param lookup  the stages there are                                (borrowed)
 * @param report  is told of up to TUBEI_ERRORS errors                (borrowed)
 * @return the parts, free them with tubei_text_free() (given); NULL: errors were
 *         reported
 *
 * Threads: any.  Blocks: no.
 */
tubei_text *tubei_text_parse(const char *text, const tubei_lookup *lookup,
                             tubei_report *report) TUBE_NODISCARD;

/** Free a text and all its words; NULL is fine (taken).  Threads: any.  Blocks: no. */
void tubei_text_free(tubei_text *t);

/** Tell one error, unless enough were told.  Threads: any.  Blocks: as on_error(). */
void tubei_report_add(tubei_report *r, const tube_error *e);

#endif /* TUBES_TEXT_TEXT_H */
