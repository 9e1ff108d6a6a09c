/* SPDX-License-Identifier: MIT */
/* name.c -- names of stages and definitions, and help for words that are neither. */
#include "parse.h"
#include "suggest.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_LONGEST = 64, /**< bytes of a stage's name */
    HINT = sizeof(((tube_error *)0)->hint),
};

static const char *const heads[] = { "when", "as", "otherwise" };

enum { HEADS = sizeof(heads) / sizeof(heads[0]) };

const tube_stage_def *
tubei_parse_stage(const tubei_parse *t, const char *name)
{
    return t->lookup->find(t->lookup->arg, name);
}

const tubei_let *
tubei_parse_let(const tubei_parse *t, const char *name)
{
    uint32_t i;

    for (; t != NULL; t = t->base)
        if (tubei_index_get(&t->lets, name, &i))
            return &t->let[i];
    return NULL;
}

static bool
name_in_family(const char *stage, const char *family)
{
    size_t n = strlen(family);

    return strncmp(stage, family, n) == 0 && stage[n] == ' ';
}

bool
tubei_parse_family(const tubei_parse *t, const char *name)
{
    const char *other;

    for (uint32_t i = 0; (other = t->lookup->name_at(t->lookup->arg, i)) != NULL; i++)
        if (name_in_family(other, name))
            return true;
    return false;
}

/* Names of a family as a hint: "parse combined, parse common". */
static void
name_family_hint(const tubei_parse *t, const char *name, char *hint, size_t len)
{
    size_t used = 0;
    const char *other;

    for (uint32_t i = 0; (other = t->lookup->name_at(t->lookup->arg, i)) != NULL; i++) {
        int put;

        if (!name_in_family(other, name))
            continue;
        put = snprintf(hint + used, len - used, "%s%s",
                       used > 0 ? ", " : "there is: ", other);
        if (put < 0 || (size_t)put >= len - used)
            return;
        used += (size_t)put;
    }
}

struct name_list {
    const char **name;
    uint32_t n;
};

static void
name_add(tubei_parse *t, struct name_list *l, const char *name)
{
    void *array = l->name;

    if (!tubei_lex_grow(&t->lx, &array, l->n, sizeof(name)) || array == NULL)
        return;
    l->name = array;
    l->name[l->n++] = name;
}

/* The nearest of all names that could stand here; `stages` false: only of those that
 * the text itself brings. */
static const char *
name_nearest(tubei_parse *t, const char *word, bool stages, bool head)
{
    struct name_list l = { .n = 0 };
    const char *name;

    for (size_t i = 0; head && i < HEADS; i++)
        name_add(t, &l, heads[i]);
    for (const tubei_parse *from = t; from != NULL; from = from->base) {
        const tubei_let *let = from->let;

        for (uint32_t i = 0; let != NULL && i < from->n_lets; i++)
            name_add(t, &l, let[i].name.text);
    }
    for (uint32_t i = 0;
         stages && (name = t->lookup->name_at(t->lookup->arg, i)) != NULL; i++)
        name_add(t, &l, name);
    return tube_nearest(word, l.name, l.n);
}

/* A word that is only misplaced; false: it is not. */
static bool
name_misplaced(tubei_parse *t, const tubei_word *w, tubei_spot at)
{
    char hint[HINT];

    if (t->own != NULL && strcmp(t->own->name.text, w->text) == 0) {
        tubei_lex_complain(
            &t->lx, at, w->width,
            "a definition is made of stages and of definitions before it",
            "'%.*s' is used in its own definition", TUBEI_SHOWN, w->text);
    } else if (tubei_parse_later(t, "let", w->text)) {
        snprintf(hint, sizeof(hint), "move 'let %.*s = ...' up", TUBEI_SHOWN, w->text);
        tubei_lex_complain(&t->lx, at, w->width, hint,
                           "'%.*s' is used before its definition", TUBEI_SHOWN,
                           w->text);
    } else {
        return false;
    }
    return true;
}

/* A hint for a word that is no name here. */
static void
name_hint(tubei_parse *t, const tubei_word *w, bool head, char *hint)
{
    const char *stage = NULL;
    const char *foreign = tubei_foreign(w->text, &stage);
    const char *near = name_nearest(t, w->text, false, head);
    bool known = foreign != NULL && tubei_parse_stage(t, stage) != NULL;

    if (near == NULL && !known)
        near = name_nearest(t, w->text, true, head);
    if (strpbrk(w->text, "/.*") != NULL && tubei_parse_stage(t, "file") != NULL)
        snprintf(hint, HINT, "read a file with: file %.*s", TUBEI_SHOWN, w->text);
    else if (near != NULL)
        snprintf(hint, HINT, "did you mean '%s'?   all stages: tubes stages", near);
    else if (known)
        snprintf(hint, HINT, "%s   all stages: tubes stages", foreign);
    else if (head)
        snprintf(hint, HINT,
                 "a branch begins with: when EXPR |, as NAME |, otherwise |");
    else
        snprintf(hint, HINT, "all stages: tubes stages");
}

static void
name_unknown(tubei_parse *t, const tubei_word *w, tubei_spot at, bool head)
{
    char hint[HINT];

    if (name_misplaced(t, w, at))
        return;
    name_hint(t, w, head, hint);
    if (head)
        tubei_lex_complain(&t->lx, at, w->width, hint,
                           "'%.*s' is neither a stage nor the head of a branch",
                           TUBEI_SHOWN, w->text);
    else
        tubei_lex_complain(&t->lx, at, w->width, hint, "unknown stage '%.*s'",
                           TUBEI_SHOWN, w->text);
}

/* The second word of a name such as "parse combined", which joins it in w->text. */
static const tube_stage_def *
name_member(tubei_parse *t, tubei_word *w, tubei_spot at)
{
    char full[NAME_LONGEST];
    char hint[HINT];
    tubei_lexer *lx = &t->lx;
    tubei_lexer ahead = *lx;
    const tube_stage_def *def = NULL;
    size_t n;

    if (!tubei_parse_family(t, w->text))
        return NULL;
    tubei_lex_skip(&ahead);
    n = tubei_lex_name(ahead.p);
    if (n == 0 || !tubei_lex_ends_word(ahead.p[n], TUBEI_IN_STAGE)) {
        name_family_hint(t, w->text, hint, sizeof(hint));
        if (tubei_parse_stage(t, w->text) == NULL)
            tubei_lex_complain(lx, at, w->width, hint, "'%s' needs a second word",
                               w->text);
        return NULL;
    }
    if ((size_t)snprintf(full, sizeof(full), "%s %.*s", w->text, (int)n, ahead.p)
        < sizeof(full))
        def = tubei_parse_stage(t, full);
    if (def == NULL && tubei_parse_stage(t, w->text) != NULL)
        return NULL;
    lx->p = ahead.p + n;
    lx->line = ahead.line;
    lx->line_start = ahead.line_start;
    w->text = tubei_lex_copy(lx, full, strlen(full));
    w->width = tubei_lex_width(lx, at);
    if (def == NULL && w->text != NULL)
        name_unknown(t, w, at, false);
    return def;
}

/* What can stand where a name should, and is none. */
static bool
name_begins(tubei_parse *t)
{
    tubei_lexer *lx = &t->lx;
    tubei_spot at = tubei_lex_here(lx);
    size_t n = tubei_lex_name(lx->p);

    if (*lx->p == '(') {
        tubei_lex_complain(lx, at, 1,
                           "branches stand behind a stage: tee ( print ) | ...",
                           "the name of a stage is missing before '('");
    } else if (*lx->p == ')') {
        tubei_lex_complain(lx, at, 1, NULL, "there is no '(' for this ')'");
    } else if (*lx->p == '$') {
        tubei_lex_complain(lx, at, 1, NULL, "the name of a stage cannot be a variable");
    } else if (n > 0 && lx->p[n] == '=') {
        tubei_lex_complain(lx, at, (uint32_t)n + 1,
                           t->pub.n_settings > 0 ? "settings are separated by ','"
                                                 : NULL,
                           "the name of a stage is missing before '%.*s='",
                           n > TUBEI_SHOWN ? TUBEI_SHOWN : (int)n, at.p);
    } else {
        return true;
    }
    return false;
}

const tube_stage_def *
tubei_parse_name(tubei_parse *t, tubei_word *w, const tubei_let **let, bool head)
{
    tubei_lexer *lx = &t->lx;
    tubei_spot at = tubei_lex_here(lx);
    unsigned errors = lx->report->errors;
    const tube_stage_def *def;

    *let = NULL;
    if (!name_begins(t) || !tubei_lex_value(lx, TUBEI_IN_STAGE, w))
        return NULL;
    def = name_member(t, w, at);
    if (def != NULL || lx->report->errors != errors)
        return def;
    def = tubei_parse_stage(t, w->text);
    if (def == NULL && !w->quoted)
        *let = tubei_parse_let(t, w->text);
    if (def == NULL && *let == NULL)
        name_unknown(t, w, at, head);
    return def;
}
