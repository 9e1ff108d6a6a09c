/* SPDX-License-Identifier: MIT */
/* define.c -- what stands before the pipeline: settings, let, record, adapt.
 *
 * A definition ends with its line, a pipeline with the text.  So that one reader serves
 * both, the end of a definition is looked for first, and a NUL is put there meanwhile.
 */
#include "parse.h"
#include "walk.h"

#include <stdio.h>
#include <string.h>

static const char an_adapter[] = "write: adapt FROM -> TO = stages";
static const char a_let[] = "write: let NAME = stages";

static const char *const keywords[] = { "set", "let", "record", "adapt" };

enum define_keyword { SET, LET, RECORD, ADAPT, KEYWORDS };

/* The keyword that stands here, a blank behind it; KEYWORDS: none. */
static enum define_keyword
define_keyword(const char *p)
{
    enum define_keyword k = SET;

    for (; k < KEYWORDS; k++) {
        size_t n = strlen(keywords[k]);

        if (strncmp(p, keywords[k], n) == 0 && (tubei_lex_blank(p[n]) || p[n] == '\0'))
            break;
    }
    return k;
}

static const char *
define_over_blanks(const char *p)
{
    while (tubei_lex_blank(*p))
        p++;
    return p;
}

const char *
tubei_parse_definition_here(const tubei_lexer *lx)
{
    static const char *const signs[] = { "=", "=", "{", "->" };
    enum define_keyword k = define_keyword(lx->p);
    const char *p = define_over_blanks(lx->line_start);

    if (k == KEYWORDS || p != lx->p)
        return NULL;
    p = define_over_blanks(p + strlen(keywords[k]));
    p = define_over_blanks(p + tubei_lex_name(p));
    return strncmp(p, signs[k], strlen(signs[k])) == 0 ? keywords[k] : NULL;
}

bool
tubei_parse_later(const tubei_parse *t, const char *keyword, const char *name)
{
    const char *start = t->rest != NULL ? t->rest : t->lx.p;
    size_t len = strlen(keyword);
    size_t n = strlen(name);

    for (const char *p = start; *p != '\0'; p++) {
        const char *at;

        if (strncmp(p, keyword, len) != 0 || !tubei_lex_blank(p[len])
            || (p > start && !tubei_lex_blank(p[-1]) && p[-1] != ';'))
            continue;
        at = define_over_blanks(p + len);
        if (strncmp(at, name, n) == 0 && tubei_lex_name(at) == n)
            return true;
    }
    return false;
}

/* Settings. */

static bool
define_setting_list(tubei_parse *t)
{
    tubei_lexer *lx = &t->lx;
    tubei_text *out = &t->pub;

    for (;;) {
        tubei_spot at;
        void *array = out->setting;
        tubei_arg a;

        tubei_lex_skip(lx);
        at = tubei_lex_here(lx);
        if (!tubei_parse_argument(lx, TUBEI_IN_SETTING, &a))
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

static void
define_settings(tubei_parse *t)
{
    tubei_lexer *lx = &t->lx;

    if (define_setting_list(t))
        return;
    while (*lx->p != '\0' && *lx->p != '\n')
        lx->p++;
}

/* Where a definition ends. */

/* True if a quote at `p` begins a string; ' does so in expressions only, where it cannot
 * be a part of a word. */
static bool
define_quote(const char *p, char before)
{
    return *p == '"' || *p == '`'
           || (*p == '\''
               && (tubei_lex_blank(before) || strchr("=(,<>", before) != NULL)
               && p[1 + strcspn(p + 1, "'\n")] == '\'');
}

static const char *
define_over_string(const char *p)
{
    char quote = *p++;

    while (*p != '\0' && *p != quote && (quote == '`' || *p != '\n'))
        p += quote != '`' && *p == '\\' && p[1] != '\0' && p[1] != '\n' ? 2 : 1;
    return *p == quote ? p + 1 : p;
}

/* Over blanks, line ends and comments. */
static const char *
define_over_lines(const char *p)
{
    for (p = define_over_blanks(p); *p == '#'; p = define_over_blanks(p))
        p += strcspn(p, "\n");
    return p;
}

/** A definition, as far as its end is concerned. */
struct define_scan {
    const char *open; /**< the outermost parenthesis */
    uint32_t deep;    /**< open parentheses */
    bool list;        /**< a [ is open */
    bool stage;       /**< something stands behind the last bar */
    char before;      /**< the byte before this one */
};

static void
define_scan_byte(struct define_scan *s, const char *p)
{
    char c = *p;

    if (c == '(' && s->deep++ == 0)
        s->open = p;
    else if (c == ')' && s->deep > 0)
        s->deep--;
    else if (c == '[' && (tubei_lex_blank(s->before) || s->before == '='))
        s->list = true;
    else if (c == ']' || c == '|') /* a list holds no bar */
        s->list = false;
    if (!tubei_lex_blank(c))
        s->stage = c != '|';
    s->before = c;
}

/* The end of a definition: ';', or the end of a line that is complete.  If a parenthesis
 * is open there, `open` is set to it, else to NULL. */
static const char *
define_end(const char *p, const char **open)
{
    struct define_scan s = { .before = ' ' };

    while (*p != '\0') {
        bool outside = s.deep == 0 && !s.list;

        if (define_quote(p, s.before)) {
            p = define_over_string(p);
            s.stage = true;
            s.before = '"';
        } else if (*p == '#'
                   && (tubei_lex_blank(s.before) || strchr("|()[],=", s.before))) {
            p += strcspn(p, "\n");
        } else if (outside && *p == ';') {
            break;
        } else if (outside && *p == '\n' && s.stage) {
            const char *next = define_over_lines(p);

            if (*next != '|')
                break;
            p = next;
        } else {
            define_scan_byte(&s, p++);
        }
    }
    *open = s.deep > 0 ? s.open : NULL;
    return p;
}

static void
define_go(tubei_lexer *lx, const char *to)
{
    while (lx->p < to)
        tubei_lex_step(lx);
}

static void
define_skip(tubei_parse *t)
{
    const char *open;

    define_go(&t->lx, define_end(t->lx.p, &open));
}

/* A parenthesis without an end: what belongs to the definition is not to be known. */
static void
define_open_end(tubei_lexer *lx, const char *open)
{
    define_go(lx, open);
    tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL, "the '(' here has no ')'");
    lx->stop = true;
}

/* The stages of a definition. */
static bool
define_body(tubei_parse *t, const tubei_word *name, tubei_branch *out, uint32_t *deep)
{
    tubei_lexer *lx = &t->lx;
    const char *open;
    char *end = t->text + (define_end(lx->p, &open) - t->text);
    char saved = *end;
    bool good = false;

    if (open != NULL) {
        define_open_end(lx, open);
        return false;
    }
    *end = '\0';
    t->rest = saved == '\0' ? end : end + 1;
    lx->part = true;
    tubei_lex_skip(lx);
    if (*lx->p == '\0') {
        tubei_spot at = { .line = name->line, .column = name->column };

        tubei_lex_complain(lx, at, name->width, a_let,
                           "the definition of '%.*s' is empty", TUBEI_SHOWN,
                           name->text);
    } else {
        good = tubei_parse_series(t, out, deep);
    }
    *end = saved;
    t->rest = NULL;
    lx->part = false;
    define_go(lx, end);
    return good;
}

/* let */

bool
tubei_parse_new_name(tubei_parse *t, const char *example, tubei_word *w)
{
    tubei_lexer *lx = &t->lx;
    tubei_spot at;
    size_t n;

    tubei_lex_skip(lx);
    at = tubei_lex_here(lx);
    n = tubei_lex_name(lx->p);
    if (n > 1 && lx->p[n - 1] == '-' && lx->p[n] == '>')
        n--;
    if (n == 0 || (!tubei_lex_blank(lx->p[n]) && strchr("={-", lx->p[n]) == NULL)) {
        tubei_lex_complain(lx, at, n > 0 ? (uint32_t)n : 1, example,
                           "a name of letters, digits, _ and - should stand here");
        return false;
    }
    lx->p += n;
    *w = tubei_parse_word(at, tubei_lex_copy(lx, at.p, n), (uint32_t)n);
    return w->text != NULL;
}

static bool
define_sign(tubei_parse *t, const char *sign, const char *example)
{
    tubei_lexer *lx = &t->lx;

    tubei_lex_skip(lx);
    if (strncmp(lx->p, sign, strlen(sign)) != 0) {
        tubei_lex_complain(lx, tubei_lex_here(lx), 1, example,
                           "a '%s' should stand here", sign);
        return false;
    }
    lx->p += strlen(sign);
    return true;
}

/* True if the name is free for a definition. */
static bool
define_free_name(tubei_parse *t, const tubei_word *w)
{
    static const char *const reserved[] = { "set",  "let", "record",   "adapt",
                                            "when", "as",  "otherwise" };
    tubei_spot at = { .line = w->line, .column = w->column };
    const tubei_let *other = tubei_parse_let(t, w->text);
    char hint[TUBEI_SHOWN];

    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(w->text, reserved[i]) != 0)
            continue;
        tubei_lex_complain(&t->lx, at, w->width, "choose another name",
                           "'%s' is a word of the language", w->text);
        return false;
    }
    if (other != NULL) {
        snprintf(hint, sizeof(hint), "the first one is in line %u", other->name.line);
        tubei_lex_complain(&t->lx, at, w->width, hint, "'%.*s' is defined twice",
                           TUBEI_SHOWN, w->text);
        return false;
    }
    if (tubei_parse_stage(t, w->text) == NULL && !tubei_parse_family(t, w->text))
        return true;
    tubei_lex_complain(&t->lx, at, w->width, "choose another name",
                       "'%.*s' is a stage already", TUBEI_SHOWN, w->text);
    return false;
}

static void
define_keep_let(tubei_parse *t, const tubei_let *let)
{
    void *array = t->let;

    if (!tubei_lex_grow(&t->lx, &array, t->n_lets, sizeof(*let)))
        return;
    t->let = array;
    t->let[t->n_lets] = *let;
    if (tubei_index_put(&t->lets, &t->memory, let->name.text, t->n_lets))
        t->n_lets++;
    else
        tubei_lex_no_memory(&t->lx);
}

/* What is wrong is kept too, so that its name is known. */
static void
define_let(tubei_parse *t)
{
    tubei_let let = { .stages = 0 };
    tubei_walk w;
    bool is_free;

    if (!tubei_parse_new_name(t, a_let, &let.name)) {
        define_skip(t);
        return;
    }
    is_free = define_free_name(t, &let.name);
    t->own = &let;
    if (!define_sign(t, "=", a_let))
        define_skip(t);
    else
        define_body(t, &let.name, &let.with, &let.deep);
    t->own = NULL;
    for (tubei_walk_begin(&w, &let.with); tubei_walk_next(&w) != NULL;)
        let.stages++;
    if (is_free)
        define_keep_let(t, &let);
}

/* adapt */

static bool
define_is_record(tubei_parse *t, const tubei_word *w)
{
    tubei_spot at = { .line = w->line, .column = w->column };
    char hint[TUBEI_SHOWN * 2];

    if (tubei_index_get(&t->records, w->text, NULL))
        return true;
    if (tubei_parse_later(t, "record", w->text))
        snprintf(hint, sizeof(hint), "move 'record %.*s' up", TUBEI_SHOWN, w->text);
    else
        snprintf(hint, sizeof(hint), "declare it before: record %.*s { ... }",
                 TUBEI_SHOWN, w->text);
    tubei_lex_complain(&t->lx, at, w->width, hint, "there is no record '%.*s'",
                       TUBEI_SHOWN, w->text);
    return false;
}

/* Two records that are declared, and no adapter between them yet. */
static bool
define_check_pair(tubei_parse *t, const tubei_adapt *a)
{
    tubei_spot at = { .line = a->from.line, .column = a->from.column };
    size_t len = strlen(a->from.text) + strlen(a->to.text) + sizeof(" -> ");
    char *pair;

    if (!define_is_record(t, &a->from) || !define_is_record(t, &a->to))
        return false;
    if (strcmp(a->from.text, a->to.text) == 0) {
        tubei_lex_complain(&t->lx, at, a->from.width, NULL,
                           "'%.*s' needs no adapter to itself", TUBEI_SHOWN,
                           a->from.text);
        return false;
    }
    pair = tubei_strings_take(&t->memory, len);
    if (pair == NULL) {
        tubei_lex_no_memory(&t->lx);
        return false;
    }
    snprintf(pair, len, "%s -> %s", a->from.text, a->to.text);
    if (tubei_index_get(&t->adapts, pair, NULL)) {
        tubei_lex_complain(&t->lx, at, a->from.width, NULL,
                           "there is an adapter %.*s -> %.*s already", TUBEI_SHOWN,
                           a->from.text, TUBEI_SHOWN, a->to.text);
        return false;
    }
    if (tubei_index_put(&t->adapts, &t->memory, pair, t->pub.n_adapts))
        return true;
    tubei_lex_no_memory(&t->lx);
    return false;
}

/* An adapter stands between stages, in any number of places. */
static bool
define_check_adapter(tubei_parse *t, tubei_branch *with)
{
    tubei_call *c;
    tubei_walk w;

    for (tubei_walk_begin(&w, with); (c = tubei_walk_next(&w)) != NULL;) {
        tubei_spot at = { .line = c->name.line, .column = c->name.column };

        if (c->common.label[0] != '\0') {
            tubei_lex_complain(&t->lx, at, c->name.width,
                               "an adapter may be put in more than once: leave as= out",
                               "'%s' has a name and stands in an adapter",
                               c->def->name);
            return false;
        }
        if (w.deep == 0 && (c->def->kind == TUBE_SOURCE || c->def->kind == TUBE_SINK)) {
            tubei_lex_complain(
                &t->lx, at, c->name.width, "an adapter stands between two stages",
                "'%s' is a %s and cannot stand in an adapter", c->def->name,
                c->def->kind == TUBE_SOURCE ? "source" : "sink");
            return false;
        }
    }
    return true;
}

static void
define_adapt(tubei_parse *t)
{
    tubei_adapt a = { .with.n = 0 };
    void *array = t->pub.adapt;
    uint32_t deep = 0;
    bool good;

    if (!tubei_parse_new_name(t, an_adapter, &a.from)
        || !define_sign(t, "->", an_adapter)
        || !tubei_parse_new_name(t, an_adapter, &a.to)
        || !define_sign(t, "=", an_adapter)) {
        define_skip(t);
        return;
    }
    good = define_check_pair(t, &a);
    if (!define_body(t, &a.to, &a.with, &deep) || !define_check_adapter(t, &a.with)
        || !good || !tubei_lex_grow(&t->lx, &array, t->pub.n_adapts, sizeof(a)))
        return;
    t->pub.adapt = array;
    t->pub.adapt[t->pub.n_adapts++] = a;
}

void
tubei_parse_definitions(tubei_parse *t)
{
    static void (*const reader[])(tubei_parse *) = { define_settings, define_let,
                                                     tubei_parse_record, define_adapt };
    tubei_lexer *lx = &t->lx;
    enum define_keyword k;

    for (tubei_lex_skip(lx); (k = define_keyword(lx->p)) != KEYWORDS && !lx->stop;
         tubei_lex_skip(lx)) {
        lx->p += strlen(keywords[k]);
        reader[k](t);
        for (tubei_lex_skip(lx); *lx->p == ';'; tubei_lex_skip(lx))
            tubei_lex_step(lx);
    }
}
