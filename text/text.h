/* SPDX-License-Identifier: MIT */
/* text.h -- the pipeline text: words, stages, settings, each with its place.
 *
 * The grammar is in docs/series.md.  This part knows names of stages and the
 * shape of their arguments; what the arguments mean is option.h's.
 */
#ifndef TUBES_TEXT_TEXT_H
#define TUBES_TEXT_TEXT_H

#include <tubes/error.h>
#include <tubes/graph.h>
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

/** What every stage has: as= fail= retries= queue=. */
typedef struct tubei_common {
    const char *label; /**< "" if not given */
    int64_t fail;      /**< tubei_fail */
    int64_t retries;   /**< of fail=retry and fail=restart, in a row */
    int64_t queue;     /**< batches in the queue before it; 0: as the pipeline */
} tubei_common;

/** What to do when a callback fails. */
typedef enum tubei_fail {
    TUBEI_FAIL_STOP,    /**< the stage, with the failure as its reason */
    TUBEI_FAIL_SKIP,    /**< the batch's records are rejected */
    TUBEI_FAIL_RETRY,   /**< call again, later and later */
    TUBEI_FAIL_RESTART, /**< close, open, call again */
} tubei_fail;

/** A stage with its arguments. */
typedef struct tubei_call {
    tubei_word name;           /**< "parse combined" is one name */
    const tube_stage_def *def; /**< never NULL in what tubei_text_parse() returns */
    tubei_arg *arg;            /**< those of def->options */
    uint32_t n_args;
    tube_expr_text expr; /**< text NULL: none */
    tubei_common common;
    struct tubei_branch *branch; /**< what stands in parentheses, in order */
    uint32_t n_branches;
} tubei_call;

/** Stages in series: the pipeline, a branch, a definition. */
typedef struct tubei_branch {
    tube_head head;      /**< NONE unless the stage is TUBE_PORTS_KEYED */
    tube_expr_text when; /**< TUBE_HEAD_WHEN */
    tubei_word as;       /**< TUBE_HEAD_AS */
    tubei_word open;     /**< the parenthesis, for messages */
    tubei_call *call;
    uint32_t n;
} tubei_branch;

/** adapt FROM -> TO = pipeline */
typedef struct tubei_adapt {
    tubei_word from, to;
    tubei_branch with;
} tubei_adapt;

/** A text, taken apart.  Definitions with `let` are written out where they are used. */
typedef struct tubei_text {
    tubei_branch main;
    tubei_arg *setting; /**< each has a key and one value or more */
    uint32_t n_settings;
    tube_record *record;
    uint32_t n_records;
    tubei_adapt *adapt;
    uint32_t n_adapts;
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
 * The options of all stages are checked too, those of definitions that are not used
 * included, so that one round tells all there is to mend.
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

/**
 * Take a part of a text apart, to be added to a pipeline that was made of `base`.
 *
 * It is a pipeline only, without settings and definitions; it may use those of `base`,
 * and none of its labels may stand in base->main.
 *
 * @param base  must outlive the part; NULL: there is none            (borrowed)
 * @return as tubei_text_parse(); places are those in `text`
 *
 * Threads: any.  Blocks: no.
 */
tubei_text *tubei_text_parse_part(const char *text, const tubei_lookup *lookup,
                                  const tubei_text *base,
                                  tubei_report *report) TUBE_NODISCARD;

/** Free a text and all its words; NULL is fine (taken).  Threads: any.  Blocks: no. */
void tubei_text_free(tubei_text *t);

/** Tell one error, unless enough were told.  Threads: any.  Blocks: as on_error(). */
void tubei_report_add(tubei_report *r, const tube_error *e);

#endif /* TUBES_TEXT_TEXT_H */
