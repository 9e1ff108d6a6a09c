/* SPDX-License-Identifier: MIT */
/* lexer.c -- see lexer.h. */
#include "lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 48 }; /**< bytes of a word in a message */

tubei_spot
tubei_lex_here(const tubei_lexer *t)
{
    return (tubei_spot){ t->p, t->line, (uint32_t)(t->p - t->line_start) + 1 };
}

uint32_t
tubei_lex_width(const tubei_lexer *t, tubei_spot from)
{
    uint32_t width = 0;

    while (from.p + width < t->p && from.p[width] != '\n')
        width++;
    return width > 0 ? width : 1;
}

static void
lexer_tell(tubei_lexer *t, tube_error *e, tubei_spot at, uint32_t width)
{
    e->line = at.line;
    e->column = at.column;
    e->width = width;
    tubei_report_add(t->report, e);
    t->stop |= t->report->errors >= TUBEI_ERRORS; /* nobody hears more */
}

void
tubei_lex_complain(tubei_lexer *t, tubei_spot at, uint32_t width, const char *hint,
                   const char *fmt, ...)
{
    char message[sizeof(((tube_error *)0)->message)];
    tube_error e = { 0 };
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    tube_fail(&e, TUBE_ECONFIG, "%s", message);
    if (hint != NULL)
        tube_hint(&e, "%s", hint);
    lexer_tell(t, &e, at, width);
}

void
tubei_lex_no_memory(tubei_lexer *t)
{
    tube_error e = { 0 };

    tube_fail(&e, TUBE_ENOMEM, "no memory for the pipeline text");
    tubei_report_add(t->report, &e);
    t->stop = true;
}

static void *
lexer_take(tubei_lexer *t, size_t bytes)
{
    void *p = tubei_strings_take(t->memory, bytes);

    if (p == NULL)
        tubei_lex_no_memory(t);
    return p;
}

char *
tubei_lex_copy(tubei_lexer *t, const char *from, size_t len)
{
    char *p = tubei_strings_copy(t->memory, from, len);

    if (p == NULL)
        tubei_lex_no_memory(t);
    return p;
}

bool
tubei_lex_grow(tubei_lexer *t, void **array, uint32_t n, size_t item)
{
    void *bigger;

    if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
        return true;
    bigger = lexer_take(t, (n == 0 ? 4 : (size_t)n * 2) * item);
    if (bigger == NULL)
        return false;
    if (n > 0)
        memcpy(bigger, *array, n * item);
    *array = bigger;
    return true;
}

bool
tubei_lex_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
tubei_lex_step(tubei_lexer *t)
{
    if (*t->p++ == '\n') {
        t->line++;
        t->line_start = t->p;
    }
}

void
tubei_lex_skip(tubei_lexer *t)
{
    for (;;) {
        if (*t->p == '#')
            while (*t->p != '\0' && *t->p != '\n')
                t->p++;
        if (!tubei_lex_blank(*t->p))
            return;
        tubei_lex_step(t);
    }
}

/* Over a quoted string, from its first quote to behind its last; false: it has none. */
static bool
lexer_over_string(tubei_lexer *t)
{
    tubei_spot from = tubei_lex_here(t);
    char quote = *t->p;

    tubei_lex_step(t);
    while (*t->p != '\0' && *t->p != quote && (quote == '`' || *t->p != '\n')) {
        if (quote != '`' && *t->p == '\\' && t->p[1] != '\0' && t->p[1] != '\n')
            tubei_lex_step(t);
        tubei_lex_step(t);
    }
    if (*t->p == quote) {
        tubei_lex_step(t);
        return true;
    }
    tubei_lex_complain(t, from, 1,
                       quote != '`' ? "a string ends in the line it begins in" : NULL,
                       "the string that begins here has no end");
    t->stop = true;
    return false;
}

void
tubei_lex_recover(tubei_lexer *t, bool in_branch)
{
    uint32_t deep = 0;

    while (!t->stop && *t->p != '\0' && (*t->p != '|' || deep > 0)) {
        if (*t->p == ')' && deep == 0 && in_branch)
            return;
        if (*t->p == '"' || *t->p == '`') {
            lexer_over_string(t);
            continue;
        }
        if (*t->p == '(')
            deep++;
        else if (*t->p == ')' && deep > 0)
            deep--;
        tubei_lex_step(t);
        if (tubei_lex_blank(t->p[-1]))
            tubei_lex_skip(t);
    }
}

static int
lexer_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape behind its backslash; how many bytes it has, 0: it is none. */
static size_t
lexer_escape(const char *p, char *to)
{
    static const char from[] = "nrt\"\\$";
    static const char into[] = "\n\r\t\"\\$";
    const char *at = strchr(from, *p);

    if (*p == 'x' && lexer_hex(p[1]) >= 0 && lexer_hex(p[2]) >= 0) {
        *to = (char)(lexer_hex(p[1]) * 16 + lexer_hex(p[2]));
        return *to == '\0' ? 0 : 3;
    }
    if (at == NULL || *at == '\0')
        return 0;
    *to = into[at - from];
    return 1;
}

/* "..." or `...` where the text stands. */
static bool
lexer_string(tubei_lexer *t, tubei_word *w)
{
    tubei_spot from = tubei_lex_here(t);
    bool raw = *t->p == '`';
    char *out;
    size_t n = 0;

    if (!lexer_over_string(t))
        return false;
    w->quoted = true;
    w->width = tubei_lex_width(t, from);
    out = tubei_lex_copy(t, from.p + 1, (size_t)(t->p - from.p) - 2);
    if (out == NULL)
        return false;
    w->text = out;
    if (raw)
        return true;
    for (const char *p = from.p + 1; p < t->p - 1; n++) {
        size_t taken = 1;

        if (*p != '\\') {
            out[n] = *p++;
            continue;
        }
        taken = lexer_escape(p + 1, &out[n]);
        if (taken == 0) {
            from.column += (uint32_t)(p - from.p);
            from.p = p;
            tubei_lex_complain(t, from, 2,
                               "known are \\n \\r \\t \\\" \\\\ \\xHH; between "
                               "backquotes nothing is special",
                               "'\\%c' is no escape",
                               p[1] > ' ' && p[1] < 0x7f ? p[1] : '?');
            return false;
        }
        p += 1 + taken;
    }
    out[n] = '\0';
    return true;
}

static bool
lexer_name_byte(char c, bool first)
{
    char low = (char)(c | 0x20); /* not isalpha(), which asks the locale */

    return (low >= 'a' && low <= 'z') || c == '_'
           || (!first && ((c >= '0' && c <= '9') || c == '-'));
}

size_t
tubei_lex_name(const char *p)
{
    size_t n = 0;

    while (lexer_name_byte(p[n], n == 0))
        n++;
    return n;
}

bool
tubei_lex_ends_word(char c, tubei_place place)
{
    if (c == '\0' || tubei_lex_blank(c) || strchr("|()\"`", c) != NULL)
        return true;
    if (c == ',')
        return place != TUBEI_IN_STAGE;
    if (c == ';')
        return place == TUBEI_IN_SETTING;
    return c == ']' && place == TUBEI_IN_LIST;
}

/* $NAME: the whole value, looked up in the environment. */
static bool
lexer_environment(tubei_lexer *t, tubei_word *w, tubei_spot from)
{
    const char *name = w->text + 1;
    const char *value;

    if (*name == '\0' || name[tubei_lex_name(name)] != '\0'
        || strchr(name, '-') != NULL) {
        tubei_lex_complain(
            t, from, w->width,
            "a value is one $NAME as a whole; quote it if the $ is meant",
            "'%.*s' is not the name of a variable", SHOWN, w->text);
        return false;
    }
    value = secure_getenv(name);
    if (value == NULL) {
        tubei_lex_complain(t, from, w->width, "export it before tubes is started",
                           "$%.*s is not set in the environment", SHOWN, name);
        return false;
    }
    w->env = true;
    w->text = tubei_lex_copy(t, value, strlen(value));
    return w->text != NULL;
}

static bool
lexer_bare(tubei_lexer *t, tubei_place place, tubei_word *w)
{
    tubei_spot from = tubei_lex_here(t);

    while (!tubei_lex_ends_word(*t->p, place)) {
        unsigned char c = (unsigned char)*t->p;

        if (c < 0x20 || c == 0x7f) {
            tubei_lex_complain(t, tubei_lex_here(t), 1, "quote it: \"\\xHH\"",
                               "byte 0x%02x cannot stand here", c);
            return false;
        }
        t->p++;
    }
    w->width = tubei_lex_width(t, from);
    w->text = tubei_lex_copy(t, from.p, (size_t)(t->p - from.p));
    if (w->text == NULL)
        return false;
    if (place == TUBEI_IN_STAGE && t->p[-1] == ',') {
        from = tubei_lex_here(t);
        from.p--;
        from.column--;
        tubei_lex_complain(t, from, 1,
                           "separate words with blanks, or write a list: [a, b]",
                           "unexpected ','");
        return false;
    }
    return *from.p != '$' || lexer_environment(t, w, from);
}

bool
tubei_lex_apart(tubei_lexer *t, tubei_place place)
{
    if (*t->p != '"' && *t->p != '`'
        && (tubei_lex_ends_word(*t->p, place) || *t->p == ','))
        return true;
    tubei_lex_complain(t, tubei_lex_here(t), 1, "a value is a word, a string or a list",
                       "a blank is missing before '%c'", *t->p);
    return false;
}

/* One value: what stands next must be one. */
bool
tubei_lex_value(tubei_lexer *t, tubei_place place, tubei_word *w)
{
    tubei_spot from = tubei_lex_here(t);
    char c = *t->p;
    bool good;

    *w = (tubei_word){ .line = from.line, .column = from.column, .width = 1 };
    if (c == '\0' || (c != '"' && c != '`' && tubei_lex_ends_word(c, place)) || c == '='
        || c == '[') {
        if (c == '\0')
            tubei_lex_complain(t, from, 1, NULL,
                               "a value is missing at the end of the %s",
                               t->part ? "definition" : "text");
        else
            tubei_lex_complain(t, from, 1,
                               c == '=' || c == '[' ? "quote it if it is meant" : NULL,
                               "a value is missing before '%c'", c);
        return false;
    }
    if (c == '\'') {
        tubei_lex_complain(t, from, 1,
                           "the shell keeps '...' to itself; here it is \"...\" "
                           "with escapes, or `...` without",
                           "a string does not begin with '");
        return false;
    }
    good = c == '"' || c == '`' ? lexer_string(t, w) : lexer_bare(t, place, w);
    if (!good)
        return false;
    if (*t->p == '"' || *t->p == '`' || !tubei_lex_ends_word(*t->p, place)) {
        tubei_lex_complain(t, tubei_lex_here(t), 1,
                           "a value is a word or a string, not both",
                           "a blank is missing before '%c'", *t->p);
        return false;
    }
    return true;
}

/* If NAME = stands here, the name; the text then stands behind the sign. */
bool
tubei_lex_key(tubei_lexer *t, tubei_word *key)
{
    tubei_spot from = tubei_lex_here(t);
    size_t n = tubei_lex_name(t->p);
    tubei_lexer ahead = *t;

    *key = (tubei_word){ .text = NULL };
    if (n == 0)
        return true;
    ahead.p += n;
    tubei_lex_skip(&ahead);
    if (*ahead.p != '=')
        return true;
    *key = (tubei_word){ .text = tubei_lex_copy(t, t->p, n),
                         .line = from.line,
                         .column = from.column,
                         .width = (uint32_t)n };
    t->p = ahead.p + 1;
    t->line = ahead.line;
    t->line_start = ahead.line_start;
    tubei_lex_skip(t);
    return key->text != NULL;
}

/* Blank out comments: an expression keeps its places, and knows nothing of them. */
static void
lexer_uncomment(char *s)
{
    char quote = '\0';

    for (bool comment = false; *s != '\0'; s++) {
        if (comment) {
            comment = *s != '\n';
            if (comment)
                *s = ' ';
        } else if (quote != '\0') {
            if (*s == '\\' && quote != '`' && s[1] != '\0')
                s++;
            else if (*s == quote)
                quote = '\0';
        } else if (*s == '"' || *s == '`' || *s == '\'') {
            quote = *s;
        } else if (*s == '#' && tubei_lex_blank(s[-1])) {
            comment = true;
            *s = ' ';
        }
    }
}

/* One byte of an expression, or a string or comment in it as a whole. */
static bool
lexer_over_piece(tubei_lexer *t)
{
    if (*t->p == '"' || *t->p == '`' || *t->p == '\'')
        return lexer_over_string(t);
    if (*t->p == '#' && tubei_lex_blank(t->p[-1]))
        tubei_lex_skip(t);
    else
        tubei_lex_step(t);
    return true;
}

/* To the bar, the closing parenthesis or the end that closes an expression. */
static bool
lexer_over_expression(tubei_lexer *t)
{
    tubei_spot open = { 0 };
    uint32_t deep = 0;

    while (*t->p != '\0' && *t->p != '|' && (deep > 0 || *t->p != ')')) {
        if (*t->p == '(' && deep++ == 0)
            open = tubei_lex_here(t);
        deep -= *t->p == ')';
        if (!lexer_over_piece(t))
            return false;
    }
    if (deep > 0) {
        tubei_lex_complain(t, open, 1, NULL, "the '(' here has no ')'");
        return false;
    }
    if (t->p[0] == '|' && t->p[1] == '|') {
        tubei_lex_complain(t, tubei_lex_here(t), 2, "write 'or'",
                           "'||' is no operator");
        t->p += 2;
        return false;
    }
    return true;
}

bool
tubei_lex_expression(tubei_lexer *t, tube_expr_text *expr)
{
    tubei_spot from;
    size_t n;
    char *copy;

    tubei_lex_skip(t);
    from = tubei_lex_here(t);
    if (!lexer_over_expression(t))
        return false;
    n = (size_t)(t->p - from.p);
    if (n == 0)
        return true;
    copy = tubei_lex_copy(t, from.p, n);
    if (copy == NULL)
        return false;
    lexer_uncomment(copy);
    while (n > 0 && tubei_lex_blank(copy[n - 1]))
        copy[--n] = '\0';
    *expr = (tube_expr_text){ .text = copy, .line = from.line, .column = from.column };
    return true;
}
