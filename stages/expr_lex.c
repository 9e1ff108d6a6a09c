/* SPDX-License-Identifier: MIT */
/* expr_lex.c -- names, literals and operators of a condition. */
#include "expr_parts.h"
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
tubei_expr_complain(expr_lexer *x, const expr_token *t, const char *hint,
                    const char *fmt, ...)
{
    char message[sizeof(x->err->message)];
    const char *line_start = x->text->text;
    tube_error *err = x->err;
    va_list ap;

    if (x->st != TUBE_OK)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    x->st = tube_fail(err, TUBE_ECONFIG, "%s", message);
    if (hint != NULL)
        tube_hint(err, "%s", hint);
    err->line = x->text->line;
    err->column = x->text->column;
    for (const char *p = x->text->text; p < t->at; p++) {
        if (*p == '\n') {
            err->line++;
            err->column = 1;
            line_start = p + 1;
        }
    }
    err->column += (uint32_t)(t->at - line_start);
    err->width = 1;
    while (err->width < t->width && t->at[err->width] != '\n')
        err->width++;
}

int
tubei_expr_shown(const expr_token *t)
{
    int n = 0;

    while ((size_t)n < t->width && n < 40 && t->at[n] != '\n')
        n++;
    return n;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Names of fields come from JSON too: "@timestamp", "http.status", "user-agent". */
static bool
is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c)
           || (unsigned char)c >= 0x80 || (c != '\0' && strchr("_@.-", c) != NULL);
}

static char
small_letter(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
is_word(const expr_token *t, const char *word)
{
    size_t i = 0;

    while (i < t->width && word[i] != '\0' && small_letter(t->at[i]) == word[i])
        i++;
    return i == t->width && word[i] == '\0';
}

static void
lex_word(expr_lexer *x, expr_token *t)
{
    static const struct {
        const char *word;
        expr_token_kind kind;
    } known[] = {
        { "and", TOKEN_AND },
        { "or", TOKEN_OR },
        { "not", TOKEN_NOT },
        { "is", TOKEN_IS },
        { "in", TOKEN_IN },
        { "null", TOKEN_NULL },
        { "true", TOKEN_TRUE },
        { "false", TOKEN_FALSE },
        { "contains", TOKEN_CONTAINS },
        { "startswith", TOKEN_STARTSWITH },
        { "endswith", TOKEN_ENDSWITH },
    };

    while (is_name(*x->p))
        x->p++;
    t->width = (size_t)(x->p - t->at);
    t->kind = TOKEN_FIELD;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (is_word(t, known[i].word))
            t->kind = known[i].kind;
    if (t->kind != TOKEN_FIELD)
        return;
    memcpy(x->memory, t->at, t->width);
    x->memory[t->width] = '\0';
    t->value.text = (tube_slice){ x->memory, t->width };
    x->memory += t->width + 1;
}

static size_t
skip_digits(const char *p)
{
    size_t n = 0;

    while (is_digit(p[n]))
        n++;
    return n;
}

static void
lex_number(expr_lexer *x, expr_token *t)
{
    tubei_json_value v = { .kind = TUBEI_JSON_INT };
    const char *p = x->p;
    size_t exponent;

    p += *p == '-' || *p == '+';
    v.text = *x->p == '+' ? p : x->p;
    p += skip_digits(p);
    if (*p == '.' && is_digit(p[1])) {
        v.kind = TUBEI_JSON_REAL;
        p += 1 + skip_digits(p + 1);
    }
    exponent = p[0] != '\0' && (p[1] == '-' || p[1] == '+') ? 2 : 1;
    if ((*p == 'e' || *p == 'E') && is_digit(p[exponent])) {
        v.kind = TUBEI_JSON_REAL;
        p += exponent + skip_digits(p + exponent);
    }
    v.len = (size_t)(p - v.text);
    while (is_name(*p))
        p++;
    t->width = (size_t)(p - t->at);
    if (v.text + v.len != p) {
        tubei_expr_complain(x, t, "a text stands in quotes", "'%.*s' is no number",
                            tubei_expr_shown(t), t->at);
    } else if (v.kind == TUBEI_JSON_INT && tubei_json_int(&v, &t->value.integer)) {
        t->kind = TOKEN_INT;
    } else if (tubei_json_real(&v, &t->value.real)) {
        t->kind = TOKEN_REAL;
    } else {
        tubei_expr_complain(x, t, NULL, "this number is out of range");
    }
    x->p = p;
}

static int
hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = small_letter(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Resolve the escape at the cursor's backslash; false: it is none. */
static bool
lex_escape(expr_lexer *x, char *out)
{
    static const char letters[] = "nrt\"'\\";
    static const char meant[] = "\n\r\t\"'\\";
    const char *p = x->p + 1;
    const char *at = *p != '\0' ? strchr(letters, *p) : NULL;

    if (*p == 'x' && hex_value(p[1]) >= 0 && hex_value(p[2]) >= 0) {
        *out = (char)(hex_value(p[1]) * 16 + hex_value(p[2]));
        x->p += 4;
        return true;
    }
    if (at == NULL)
        return false;
    *out = meant[at - letters];
    x->p += 2;
    return true;
}

static void
lex_text(expr_lexer *x, expr_token *t)
{
    char quote = *x->p++;
    char *start = x->memory;

    t->width = 1;
    while (*x->p != quote) {
        if (*x->p == '\0' || (*x->p == '\n' && quote != '`')) {
            tubei_expr_complain(x, t, NULL, "the text that begins here has no end");
            return;
        }
        if (*x->p != '\\' || quote == '`') {
            *x->memory++ = *x->p++;
        } else if (!lex_escape(x, x->memory++)) {
            *t = (expr_token){ .kind = TOKEN_BAD, .at = x->p, .width = 2 };
            tubei_expr_complain(x, t,
                                "known are \\n \\r \\t \\\" \\' \\\\ \\xHH; "
                                "between backquotes nothing is special",
                                "no such escape");
            return;
        }
    }
    x->p++;
    t->kind = TOKEN_TEXT;
    t->width = (size_t)(x->p - t->at);
    t->value.text = (tube_slice){ start, (size_t)(x->memory - start) };
}

static void
lex_stranger(expr_lexer *x, expr_token *t)
{
    static const char no_regex[] =
        "there are no regular expressions here; use contains, "
        "startswith or endswith";
    static const struct {
        const char *sign;
        const char *cure;
    } foreign[] = {
        { "=~", no_regex },      { "!~", no_regex },     { "~", no_regex },
        { "&&", "write 'and'" }, { "||", "write 'or'" }, { "!", "write 'not'" },
    };

    t->width = 1;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        size_t n = strlen(foreign[i].sign);

        if (strncmp(t->at, foreign[i].sign, n) != 0)
            continue;
        t->width = n;
        tubei_expr_complain(x, t, foreign[i].cure, "'%s' is no operator",
                            foreign[i].sign);
        return;
    }
    if (*t->at > ' ' && *t->at < 0x7f)
        tubei_expr_complain(x, t, "a text stands in quotes", "unexpected '%c'", *t->at);
    else
        tubei_expr_complain(x, t, NULL, "unexpected byte 0x%02x",
                            (unsigned char)*t->at);
}

static void
lex_sign(expr_lexer *x, expr_token *t)
{
    static const struct {
        const char *sign;
        expr_token_kind kind;
        unsigned accept;
    } known[] = {
        { "==", TOKEN_COMPARE, EQUAL },
        { "!=", TOKEN_COMPARE, LESS | GREATER | UNORDERED },
        { "<>", TOKEN_COMPARE, LESS | GREATER | UNORDERED },
        { "<=", TOKEN_COMPARE, LESS | EQUAL },
        { ">=", TOKEN_COMPARE, GREATER | EQUAL },
        { "<", TOKEN_COMPARE, LESS },
        { ">", TOKEN_COMPARE, GREATER },
        { "=", TOKEN_COMPARE, EQUAL },
        { "(", TOKEN_OPEN, 0 },
        { ")", TOKEN_CLOSE, 0 },
        { ",", TOKEN_COMMA, 0 },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t n = strlen(known[i].sign);

        if (strncmp(x->p, known[i].sign, n) == 0 && strncmp(x->p, "=~", 2) != 0) {
            t->kind = known[i].kind;
            t->accept = known[i].accept;
            t->width = n;
            x->p += n;
            return;
        }
    }
    lex_stranger(x, t);
}

expr_token
tubei_expr_token(expr_lexer *x)
{
    expr_token t = { .kind = TOKEN_BAD };

    while (*x->p == ' ' || *x->p == '\t' || *x->p == '\n' || *x->p == '\r')
        x->p++;
    t.at = x->p;
    if (*x->p == '\0') {
        t.kind = TOKEN_END;
        t.width = 1;
    } else if (is_digit(*x->p)
               || ((*x->p == '-' || *x->p == '+') && is_digit(x->p[1]))) {
        lex_number(x, &t);
    } else if (*x->p == '"' || *x->p == '\'' || *x->p == '`') {
        lex_text(x, &t);
    } else if (is_name(*x->p) && *x->p != '-' && *x->p != '.') {
        lex_word(x, &t);
    } else {
        lex_sign(x, &t);
    }
    return t;
}
