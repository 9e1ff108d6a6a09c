/* SPDX-License-Identifier: MIT */
/* option.h -- option tables: from words to the state of a stage, and back to text. */
#ifndef TUBES_TEXT_OPTION_H
#define TUBES_TEXT_OPTION_H

#include "strpool.h"
#include "text.h"

#include <tubes/stage.h>

#include <stdbool.h>
#include <stddef.h>

/**
 * Store defaults and given values of all options in `state`.
 *
 * Positional words fill the TUBE_OPT_POSITIONAL options in table order; a list
 * takes all that are left.  Texts are never NULL, lists never have a NULL item.
 *
 * @param def     whose table                                         (borrowed)
 * @param call    what was given; NULL: nothing                       (borrowed)
 * @param state   of def->state_size bytes; NULL: only check          (borrowed)
 * @param m       gets strings and lists, must outlive `state`        (borrowed)
 * @param report  is told what is wrong                               (borrowed)
 * @return TUBE_OK
 *         TUBE_ECONFIG  errors were reported, `state` is not to be used
 *         TUBE_ENOMEM   the same
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_option_apply(const tube_stage_def *def, const tubei_call *call,
                               void *state, tubei_strings *m,
                               tubei_report *report) TUBE_NODISCARD;

/** Option of that name, or NULL.  Threads: any.  Blocks: no. */
const tube_option *tubei_option_find(const tube_stage_def *def, const char *name);

/** True if `call`, which may be NULL, gives a value for option `o` of its stage.
 * Threads: any.  Blocks: no. */
bool tubei_option_given(const tubei_call *call, const tube_option *o);

/** Point `err` at the value of option `name` in the text, or at the stage's name if it
 * was not given, and put the stage's name in it.  Threads: any.  Blocks: no. */
void tubei_option_blame(const tubei_call *call, const char *name, tube_error *err);

/**
 * Value of an option as the user would type it; secrets as "***".
 *
 * @param buf  used where text must be made; the text is cut to fit   (borrowed)
 * @return `buf`, or text that lives as long as `state`
 *
 * Threads: any.  Blocks: no.
 */
const char *tubei_option_text(const tube_option *o, const void *state, char *buf,
                              size_t len);

/** Options that every stage has, with members of tubei_common; ends with { 0 }.  A stage's
 * own option of the same name goes first.  Threads: any.  Blocks: no. */
const tube_option *tubei_common_options(void);

/** What they are for a stage that the text says nothing about.  Threads: any.
 * Blocks: no. */
tubei_common tubei_common_defaults(void);

#endif /* TUBES_TEXT_OPTION_H */
