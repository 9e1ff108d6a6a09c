/* SPDX-License-Identifier: MIT */
/* call.c -- the arguments of a stage: words, names with values, lists, an expression. */
#include "option.h"
#include "parse.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool
call_add_value(tubei_lexer *lx, tubei_arg *a, const tubei_word *w)
{
    void *array = a->value;

    if (!tubei_lex_grow(lx, &array, a->n, sizeof(*a->value)))
        return false;
    a->value = array;
    a->value[a->n++] = *w;
    return true;
}

/* [ value { , value } ]; the commas may be left out. */
static bool
call_list(tubei_lexer *lx, tubei_arg *a)
{
    tubei_spot from = tubei_lex_here(lx);

    a->list = true;
    tubei_lex_step(lx);
    for (;;) {
        tubei_word w;

        tubei_lex_skip(lx);
        if (*lx->p == ']') {
            tubei_lex_step(lx);
            return tubei_lex_apart(lx, TUBEI_IN_STAGE);
        }
        if (*lx->p == '\0' || *lx->p == '|' || *lx->p == ')') {
            tubei_lex_complain(lx, from, 1, NULL,
                               "the list that begins here has no ']'");
            return false;
        }
        if (!tubei_lex_value(lx, TUBEI_IN_LIST, &w) || !call_add_value(lx, a, &w))
            return false;
        tubei_lex_skip(lx);
        if (*lx->p == ',')
            tubei_lex_step(lx);
    }
}

bool
tubei_parse_argument(tubei_lexer *lx, tubei_place place, tubei_arg *a)
{
    tubei_word w;

    *a = (tubei_arg){ .n = 0 };
    if (!tubei_lex_key(lx, &a->key))
        return false;
    if (*lx->p == '[')
        return call_list(lx, a);
    return tubei_lex_value(lx, place, &w) && call_add_value(lx, a, &w);
}

bool
tubei_parse_takes_expression(const tube_stage_def *def)
{
    for (const tube_option *o = def->options; o != NULL && o->name != NULL; o++)
        if (o->type == TUBE_OPT_EXPR)
            return true;
    return false;
}

/* True if an expression may begin here: not if one goes on here, or ends. */
static bool
call_expression_begins(const char *p)
{
    static const char *const between[] = { "and",      "or",         "in",      "is",
                                           "contains", "startswith", "endswith" };
    size_t n = tubei_lex_name(p);

    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++)
        if (n == strlen(between[i]) && strncasecmp(p, between[i], n) == 0)
            return false;
    return n > 0 || (*p >= '0' && *p <= '9') || (*p != '\0' && strchr("(\"`'", *p));
}

/* True if `queue=4` or another option stands here.  A field may have that name, and
 * `queue = 4 and ...` is a condition: it is an option if a condition begins behind it. */
static bool
call_option_ahead(const tubei_lexer *lx, const tube_stage_def *def)
{
    const tube_stage_def common = { .options = tubei_common_options() };
    tubei_report quiet = { 0 };
    tubei_lexer ahead = *lx;
    const tube_option *o;
    tubei_word w;

    ahead.report = &quiet;
    if (!tubei_lex_key(&ahead, &w) || w.text == NULL)
        return false;
    o = tubei_option_find(def, w.text);
    if (o == NULL)
        o = tubei_option_find(&common, w.text);
    if (o == NULL || o->type == TUBE_OPT_EXPR
        || !tubei_lex_value(&ahead, TUBEI_IN_STAGE, &w))
        return false;
    tubei_lex_skip(&ahead);
    return call_expression_begins(ahead.p);
}

bool
tubei_parse_expression(tubei_parse *t, tubei_call *c)
{
    tubei_lexer *lx = &t->lx;

    for (tubei_lex_skip(lx); call_option_ahead(lx, c->def); tubei_lex_skip(lx)) {
        void *array = c->arg;

        if (!tubei_lex_grow(lx, &array, c->n_args, sizeof(*c->arg)))
            return false;
        c->arg = array;
        if (!tubei_parse_argument(lx, TUBEI_IN_STAGE, &c->arg[c->n_args]))
            return false;
        c->n_args++;
    }
    return tubei_lex_expression(lx, &c->expr);
}

bool
tubei_parse_call_end(tubei_parse *t, tubei_call *c)
{
    tubei_report *report = t->lx.report;
    bool common = tubei_parse_common(t, c);
    tube_status own = tubei_option_apply(c->def, c, NULL, &t->memory, report);

    t->lx.stop |= report->errors >= TUBEI_ERRORS;
    return common && own == TUBE_OK;
}
