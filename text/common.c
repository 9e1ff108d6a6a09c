/* SPDX-License-Identifier: MIT */
/* common.c -- the options that every stage has: as= fail= retries= queue=.
 *
 * A stage that has an option of such a name itself keeps it.
 */
#include "option.h"
#include "parse.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    LABEL = 31, /**< bytes of a label: it is tube_cause.name, and a word of reports */
    QUEUE_LEAST = 2,
};

static const tube_option common_options[] = {
    { "as", TUBE_OPT_TEXT, offsetof(tubei_common, label), "", "name",
      "name of this stage, by which a program finds it", 0 },
    { "fail", TUBE_OPT_ENUM, offsetof(tubei_common, fail), "stop",
      "stop|skip|retry|restart", "what to do when the stage fails", 0 },
    { "retries", TUBE_OPT_INT, offsetof(tubei_common, retries), "5", "0..1000 times",
      "with fail=retry and fail=restart: how often in a row", 0 },
    { "queue", TUBE_OPT_INT, offsetof(tubei_common, queue), "0", "0..4096 batches",
      "queue before it, a power of two; 0: as the pipeline", 0 },
    { 0 },
};

const tube_option *
tubei_common_options(void)
{
    return common_options;
}

tubei_common
tubei_common_defaults(void)
{
    return (tubei_common){ .label = "", .fail = TUBEI_FAIL_STOP, .retries = 5 };
}

/* True if the argument belongs to every stage, and not to this one. */
static bool
common_is(const tube_stage_def *def, const tubei_arg *a)
{
    for (const tube_option *o = common_options; a->key.text != NULL && o->name != NULL;
         o++)
        if (strcmp(o->name, a->key.text) == 0)
            return tubei_option_find(def, o->name) == NULL;
    return false;
}

/* The value of one of the arguments. */
static const tubei_word *
common_word(const tubei_call *ours, const char *option)
{
    for (uint32_t i = 0; i < ours->n_args; i++)
        if (strcmp(ours->arg[i].key.text, option) == 0)
            return ours->arg[i].value;
    return NULL;
}

/* Point at the value of an option, and say what is wrong with it. */
static bool
common_complain(tubei_parse *t, const tubei_call *ours, const char *option,
                const char *what, const char *hint)
{
    const tubei_word *w = common_word(ours, option);
    tube_error e = { 0 };

    if (w != NULL && w->env)
        tube_fail(&e, TUBE_ECONFIG, "the value of option '%s' is wrong", option);
    else
        tube_fail(&e, TUBE_ECONFIG, "option '%s': %s", option, what);
    tube_hint(&e, "%s", hint);
    tubei_option_blame(ours, option, &e);
    tubei_report_add(t->lx.report, &e);
    return false;
}

/* A name of letters, digits, '_' and '-', which is kept with its place. */
static bool
common_label(tubei_parse *t, const tubei_call *ours, const char *label)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_-";
    const tubei_word *w = common_word(ours, "as");
    void *array = t->label;
    size_t n = strlen(label);
    char what[TUBEI_SHOWN + sizeof("'' is no name")];

    if (w == NULL)
        return true;
    if (w->env)
        return common_complain(t, ours, "as", "",
                               "names are shown, so they cannot come from $NAME");
    if (n == 0 || label[strspn(label, good)] != '\0') {
        snprintf(what, sizeof(what), "'%.*s' is no name", TUBEI_SHOWN, label);
        return common_complain(t, ours, "as", what,
                               "a name is made of letters, digits, _ and -");
    }
    if (n > LABEL)
        return common_complain(t, ours, "as", "the name is too long",
                               "a name has at most 31 bytes");
    if (!tubei_lex_grow(&t->lx, &array, t->n_labels, sizeof(*t->label)))
        return false;
    t->label = array;
    t->label[t->n_labels++] = (tubei_label){ .text = label, .at = *w };
    return true;
}

static bool
common_check(tubei_parse *t, const tubei_call *ours, const tubei_common *got)
{
    char what[TUBEI_SHOWN];

    if (!common_label(t, ours, got->label))
        return false;
    if ((got->queue & (got->queue - 1)) == 0
        && (got->queue == 0 || got->queue >= QUEUE_LEAST))
        return true;
    snprintf(what, sizeof(what), "%" PRId64 " is no power of two", got->queue);
    return common_complain(t, ours, "queue", what,
                           "it can be 2, 4, 8 and so on up to 4096, or 0");
}

/* The arguments of `c` that are common, out of its list. */
static bool
common_take(tubei_parse *t, tubei_call *c, tubei_call *ours)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < c->n_args; i++) {
        void *array = ours->arg;

        if (!common_is(c->def, &c->arg[i])) {
            c->arg[left++] = c->arg[i];
            continue;
        }
        if (!tubei_lex_grow(&t->lx, &array, ours->n_args, sizeof(*ours->arg)))
            return false;
        ours->arg = array;
        ours->arg[ours->n_args++] = c->arg[i];
    }
    c->n_args = left;
    return true;
}

bool
tubei_parse_common(tubei_parse *t, tubei_call *c)
{
    tube_stage_def def = { .name = c->def->name, .options = common_options };
    tubei_call ours = { .name = c->name, .def = &def };

    c->common = tubei_common_defaults();
    if (!common_take(t, c, &ours))
        return false;
    if (ours.n_args == 0)
        return true;
    return tubei_option_apply(&def, &ours, &c->common, &t->memory, t->lx.report)
               == TUBE_OK
           && common_check(t, &ours, &c->common);
}
