/* SPDX-License-Identifier: MIT */
/* text.c -- see text.h.
 *
 * One pass, without recursion.  After an error the rest of that stage is skipped, up
 * to the next `|`, so that one slip is one message; a string without an end takes
 * the rest of the text with it, so it ends the pass.
 */
#include "text.h"

#include "lexer.h"
#include "option.h"
#include "suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_LONGEST = 1 << 20, /**< bytes of a pipeline text */
    TEXT_NAMES = 256,       /**< stages that are asked for a suggestion */
    TEXT_NAME = 64,         /**< bytes of a stage's name */
    SHOWN = 48,             /**< bytes of a word in a message */
};

struct text {
    tubei_text pub; /**< first: what the caller sees is this object */
    tubei_strings memory;
    tubei_lexer lx;
    const tubei_lookup *lookup;
};

void
tubei_report_add(tubei_report *r, const tube_error *e)
{
    if (r->errors >= TUBEI_ERRORS)
        return;
    if (r->errors++ == 0)
        r->first = *e;
    if (r->on_error != NULL)
        r->on_error(r->arg, e);
}

static bool
text_add_value(tubei_lexer *lx, tubei_arg *a, const tubei_word *w)
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
text_list(tubei_lexer *lx, tubei_arg *a)
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
        if (*lx->p == '\0' || *lx->p == '|') {
            tubei_lex_complain(lx, from, 1, NULL,
                               "the list that begins here has no ']'");
            return false;
        }
        if (!tubei_lex_value(lx, TUBEI_IN_LIST, &w) || !text_add_value(lx, a, &w))
            return false;
        tubei_lex_skip(lx);
        if (*lx->p == ',')
            tubei_lex_step(lx);
    }
}

static bool
text_argument(tubei_lexer *lx, tubei_place place, tubei_arg *a)
{
    tubei_word w;

    *a = (tubei_arg){ .n = 0 };
    if (!tubei_lex_key(lx, &a->key))
        return false;
    if (*lx->p == '[')
        return text_list(lx, a);
    return tubei_lex_value(lx, place, &w) && text_add_value(lx, a, &w);
}

static bool
text_settings(struct text *t)
{
    tubei_lexer *lx = &t->lx;
    tubei_text *out = &t->pub;

    for (;;) {
        tubei_spot at;
        void *array = out->setting;
        tubei_arg a;

        tubei_lex_skip(lx);
        at = tubei_lex_here(lx);
        if (!text_argument(lx, TUBEI_IN_SETTING, &a))
            return false;
        if (a.key.text == NULL) {
            tubei_lex_complain(lx, at, tubei_lex_width(lx, at),
                               "write: set workers=4, depth=16",
                               "a setting is a name, '=' and a value");
            return false;
        }
        if (!tubei_lex_grow(lx, &array, out->n_settings, sizeof(a)))
            return false;
        out->setting = array;
        out->setting[out->n_settings++] = a;
        tubei_lex_skip(lx);
        if (*lx->p != ',')
            return true;
        tubei_lex_step(lx);
    }
}

/* The word `word` where the text stands, a blank behind it. */
static bool
text_at_word(const tubei_lexer *lx, const char *word)
{
    size_t n = strlen(word);

    return strncmp(lx->p, word, n) == 0
           && (tubei_lex_blank(lx->p[n]) || lx->p[n] == '\0');
}

static bool
text_takes_expression(const tube_stage_def *def)
{
    for (const tube_option *o = def->options; o != NULL && o->name != NULL; o++)
        if (o->type == TUBE_OPT_EXPR)
            return true;
    return false;
}

static const tube_stage_def *
text_find(const struct text *t, const char *name)
{
    return t->lookup->find(t->lookup->arg, name);
}

/* Names of a family, "parse combined, parse common", as a hint; false: no family. */
static bool
text_family(const struct text *t, const char *name, char *hint, size_t len)
{
    size_t n = strlen(name);
    size_t used = 0;
    const char *other;

    for (uint32_t i = 0; (other = t->lookup->name_at(t->lookup->arg, i)) != NULL; i++) {
        int put;

        if (strncmp(other, name, n) != 0 || other[n] != ' ')
            continue;
        put = snprintf(hint + used, len - used, "%s%s",
                       used > 0 ? ", " : "there is: ", other);
        if (put < 0 || (size_t)put >= len - used)
            return true;
        used += (size_t)put;
    }
    return used > 0;
}

static const char *
text_nearest(const struct text *t, const char *name)
{
    const char *names[TEXT_NAMES];
    uint32_t n = 0;

    while (n < TEXT_NAMES && (names[n] = t->lookup->name_at(t->lookup->arg, n)) != NULL)
        n++;
    return tube_nearest(name, names, n);
}

static void
text_unknown(struct text *t, const tubei_word *w, tubei_spot at)
{
    char hint[sizeof(((tube_error *)0)->hint)];
    const char *stage = NULL;
    const char *foreign = tubei_foreign(w->text, &stage);
    const char *near = text_nearest(t, w->text);

    if (strpbrk(w->text, "/.*") != NULL && text_find(t, "file") != NULL) {
        snprintf(hint, sizeof(hint), "read a file with: file %.*s", SHOWN, w->text);
    } else if (foreign != NULL && text_find(t, stage) != NULL) {
        snprintf(hint, sizeof(hint), "%s   all stages: tubes stages", foreign);
    } else if (near != NULL) {
        snprintf(hint, sizeof(hint), "did you mean '%s'?   all stages: tubes stages",
                 near);
    } else {
        snprintf(hint, sizeof(hint), "all stages: tubes stages");
    }
    tubei_lex_complain(&t->lx, at, w->width, hint, "unknown stage '%.*s'", SHOWN,
                       w->text);
}

/* The second word of a name such as "parse combined", which joins it in w->text. */
static const tube_stage_def *
text_member(struct text *t, tubei_word *w, tubei_spot at)
{
    char full[TEXT_NAME];
    char hint[sizeof(((tube_error *)0)->hint)];
    tubei_lexer *lx = &t->lx;
    tubei_lexer ahead = *lx;
    const tube_stage_def *def = NULL;
    size_t n;

    if (!text_family(t, w->text, hint, sizeof(hint)))
        return NULL;
    tubei_lex_skip(&ahead);
    n = tubei_lex_name(ahead.p);
    if (n == 0 || !tubei_lex_ends_word(ahead.p[n], TUBEI_IN_STAGE)) {
        if (text_find(t, w->text) == NULL)
            tubei_lex_complain(lx, at, w->width, hint, "'%s' needs a second word",
                               w->text);
        return NULL;
    }
    if ((size_t)snprintf(full, sizeof(full), "%s %.*s", w->text, (int)n, ahead.p)
        < sizeof(full))
        def = text_find(t, full);
    if (def == NULL && text_find(t, w->text) != NULL)
        return NULL;
    lx->p = ahead.p + n;
    lx->line = ahead.line;
    lx->line_start = ahead.line_start;
    w->text = tubei_lex_copy(lx, full, strlen(full));
    w->width = tubei_lex_width(lx, at);
    if (def == NULL && w->text != NULL)
        text_unknown(t, w, at);
    return def;
}

/* The name of a stage; NULL: there is none, which was reported. */
static const tube_stage_def *
text_stage_name(struct text *t, tubei_word *w)
{
    tubei_lexer *lx = &t->lx;
    tubei_spot at = tubei_lex_here(lx);
    unsigned errors = lx->report->errors;
    const tube_stage_def *def;
    size_t n = tubei_lex_name(lx->p);

    if (*lx->p == '(' || *lx->p == ')') {
        tubei_lex_complain(lx, at, 1, NULL,
                           *lx->p == '(' ? "branches ( ... ) are not supported yet"
                                         : "there is no '(' for this ')'");
        return NULL;
    }
    if (*lx->p == '$') {
        tubei_lex_complain(lx, at, 1, NULL, "the name of a stage cannot be a variable");
        return NULL;
    }
    if (n > 0 && lx->p[n] == '=') {
        tubei_lex_complain(lx, at, (uint32_t)n + 1,
                           t->pub.n_settings > 0 ? "settings are separated by ','"
                                                 : NULL,
                           "the name of a stage is missing before '%.*s='",
                           n > SHOWN ? SHOWN : (int)n, at.p);
        return NULL;
    }
    if (!tubei_lex_value(lx, TUBEI_IN_STAGE, w))
        return NULL;
    def = text_member(t, w, at);
    if (def == NULL && lx->report->errors == errors) {
        def = text_find(t, w->text);
        if (def == NULL)
            text_unknown(t, w, at);
    }
    return def;
}

static bool
text_arguments(struct text *t, tubei_call *c)
{
    tubei_lexer *lx = &t->lx;

    for (tubei_lex_skip(lx); *lx->p != '\0' && *lx->p != '|'; tubei_lex_skip(lx)) {
        void *array = c->arg;

        if (*lx->p == '(' || *lx->p == ')') {
            tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL,
                               *lx->p == '(' ? "branches ( ... ) are not supported yet"
                                             : "there is no '(' for this ')'");
            return false;
        }
        if (!tubei_lex_grow(lx, &array, c->n_args, sizeof(*c->arg)))
            return false;
        c->arg = array;
        if (!text_argument(lx, TUBEI_IN_STAGE, &c->arg[c->n_args]))
            return false;
        c->n_args++;
    }
    return true;
}

static void
text_stage(struct text *t)
{
    tubei_lexer *lx = &t->lx;
    tubei_call c = { .n_args = 0 };
    void *array = t->pub.call;
    bool good;

    c.def = text_stage_name(t, &c.name);
    if (c.def == NULL) {
        tubei_lex_recover(lx);
        return;
    }
    good = text_takes_expression(c.def) ? tubei_lex_expression(lx, &c.expr)
                                        : text_arguments(t, &c);
    if (good && *lx->p == ')') {
        tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL,
                           "there is no '(' for this ')'");
        good = false;
    }
    if (!good)
        tubei_lex_recover(lx);
    else if (tubei_lex_grow(lx, &array, t->pub.n, sizeof(c))) {
        t->pub.call = array;
        t->pub.call[t->pub.n++] = c;
    }
}

static void
text_pipeline(struct text *t)
{
    tubei_lexer *lx = &t->lx;
    tubei_spot bar = { .p = NULL };

    tubei_lex_skip(lx);
    if (*lx->p == '\0') {
        tubei_lex_complain(lx, tubei_lex_here(lx), 1,
                           "it begins with a source: file access.log | parse combined",
                           "the pipeline is empty");
        return;
    }
    while (!lx->stop) {
        tubei_lex_skip(lx);
        if (*lx->p == '|') {
            tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL,
                               "a stage is missing before '|'");
        } else if (*lx->p == '\0') {
            tubei_lex_complain(lx, bar, 1, NULL, "a stage is missing behind '|'");
            return;
        } else {
            text_stage(t);
        }
        if (*lx->p != '|')
            return;
        bar = tubei_lex_here(lx);
        tubei_lex_step(lx);
    }
}

static void
text_all(struct text *t)
{
    static const char *const later[] = { "let", "record" };
    tubei_lexer *lx = &t->lx;

    for (tubei_lex_skip(lx); text_at_word(lx, "set"); tubei_lex_skip(lx)) {
        lx->p += strlen("set");
        if (!text_settings(t))
            return;
    }
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (text_at_word(lx, later[i]) && text_find(t, later[i]) == NULL) {
            tubei_lex_complain(lx, tubei_lex_here(lx), (uint32_t)strlen(later[i]), NULL,
                               "definitions with '%s' are not supported yet", later[i]);
            return;
        }
    }
    text_pipeline(t);
}

/* Reported together with what is wrong elsewhere. */
static void
text_check_options(struct text *t, tubei_report *report)
{
    for (uint32_t i = 0; i < t->pub.n; i++) {
        const tubei_call *c = &t->pub.call[i];

        if (tubei_option_apply(c->def, c, NULL, &t->memory, report) != TUBE_OK
            && report->errors >= TUBEI_ERRORS)
            return;
    }
}

tubei_text *
tubei_text_parse(const char *text, const tubei_lookup *lookup, tubei_report *report)
{
    struct text *t = calloc(1, sizeof(*t));
    unsigned before = report->errors;
    tube_error e = { 0 };

    if (t == NULL) {
        tube_fail(&e, TUBE_ENOMEM, "no memory for the pipeline text");
        tubei_report_add(report, &e);
        return NULL;
    }
    if (strnlen(text, TEXT_LONGEST + 1) > TEXT_LONGEST) {
        tube_fail(&e, TUBE_ECONFIG, "the pipeline text is longer than 1 MiB");
        tubei_report_add(report, &e);
        free(t);
        return NULL;
    }
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    t->lookup = lookup;
    t->lx = (tubei_lexer){
        .p = text, .line_start = text, .line = 1, .memory = &t->memory, .report = report
    };
    text_all(t);
    if (report->errors == before)
        return &t->pub;
    text_check_options(t, report);
    tubei_text_free(&t->pub);
    return NULL;
}

void
tubei_text_free(tubei_text *t)
{
    struct text *whole = (struct text *)t;

    if (whole == NULL)
        return;
    tubei_strings_free(&whole->memory);
    free(whole);
}
