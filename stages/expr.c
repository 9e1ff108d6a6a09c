/* SPDX-License-Identifier: MIT */
/* expr.c -- read a condition and make steps of it.
 *
 * Operators wait on a stack until what binds more loosely comes, so nothing recurses,
 * and the stacks here and in expr_eval.c have sizes that EXPR_DEPTH decides.
 */
#include "expr.h"

#include "expr_parts.h"
#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
parser_advance(expr_parser *p)
{
    p->next = tubei_expr_token(&p->x);
}

static bool
parser_take(expr_parser *p, expr_token_kind kind)
{
    bool is = p->next.kind == kind;

    if (is)
        parser_advance(p);
    return is;
}

static void
complain_expected(expr_parser *p, const char *what)
{
    if (p->next.kind == TOKEN_END)
        tubei_expr_complain(&p->x, &p->next, NULL, "expected %s, and here is the end",
                            what);
    else
        tubei_expr_complain(&p->x, &p->next, NULL, "expected %s before '%.*s'", what,
                            tubei_expr_shown(&p->next), p->next.at);
}

/* A name that is no field: on the right of a comparison it may be a text. */
static void
complain_unknown(expr_parser *p, const expr_token *t, bool right)
{
    tube_error e = { 0 };
    const char *name = t->value.text.ptr;
    char hint[sizeof(e.hint) * 2];

    tubei_fields_unknown(p->schema, name, &e);
    (void)snprintf(hint, sizeof(hint), "a text stands in quotes: \"%.40s\"; %s", name,
                   e.hint);
    tubei_expr_complain(&p->x, t, right ? hint : e.hint, "%s", e.message);
}

/* Read one side of a comparison; false: it is wrong. */
static bool
parse_side(expr_parser *p, expr_side *side, bool right)
{
    side->token = p->next;
    side->column = -1;
    side->type = TUBE_TEXT;
    if (p->next.kind < TOKEN_FIELD || p->next.kind > TOKEN_NULL) {
        complain_expected(p, "a field or a value");
        return false;
    }
    parser_advance(p);
    if (side->token.kind != TOKEN_FIELD)
        return true;
    side->column = tube_schema_find(p->schema, side->token.value.text.ptr);
    if (side->column < 0)
        complain_unknown(p, &side->token, right);
    else
        side->type = tube_schema_column(p->schema, side->column)->type;
    return side->column >= 0;
}

static void
parse_compare(expr_parser *p, const expr_side *left)
{
    expr_token compare = p->next;
    expr_side right;

    parser_advance(p);
    if (parse_side(p, &right, true))
        tubei_expr_compare(p, left, &compare, &right);
}

static void
parse_is_null(expr_parser *p, const expr_side *left)
{
    bool negated;

    parser_advance(p);
    negated = parser_take(p, TOKEN_NOT);
    if (!parser_take(p, TOKEN_NULL)) {
        complain_expected(p, "null");
        return;
    }
    tubei_expr_add_step(p, (expr_step){ .op = OP_IS_NULL, .a = left->column });
    if (negated)
        tubei_expr_add_step(p, (expr_step){ .op = OP_NOT });
}

static void
parse_in(expr_parser *p, const expr_side *left)
{
    expr_step step = {
        .op = OP_IN, .a = left->column, .first = p->expr->n_values, .n = 0
    };

    parser_advance(p);
    if (p->next.kind != TOKEN_OPEN) {
        complain_expected(p, "'('");
        return;
    }
    do {
        expr_side item;

        parser_advance(p);
        if (!parse_side(p, &item, true))
            return;
        if (item.column >= 0 || item.token.kind == TOKEN_NULL)
            tubei_expr_complain(&p->x, &item.token, NULL,
                                "only texts, numbers, true and false stand in a list");
        else
            tubei_expr_list_item(p, left, &item.token, &step.how);
        step.n++;
    } while (p->x.st == TUBE_OK && p->next.kind == TOKEN_COMMA);
    if (!parser_take(p, TOKEN_CLOSE))
        complain_expected(p, "',' or ')'");
    tubei_expr_add_step(p, step);
}

static void
parse_part(expr_parser *p, const expr_side *left)
{
    expr_token word = p->next;
    expr_step step = { .op = (expr_op)(OP_CONTAINS + (word.kind - TOKEN_CONTAINS)),
                       .a = left->column };

    parser_advance(p);
    if (left->type != TUBE_TEXT && left->type != TUBE_BYTES)
        tubei_expr_complain(
            &p->x, &left->token, NULL, "%s is %s, and '%.*s' is for text",
            left->token.value.text.ptr, tubei_expr_type_name(left->type),
            tubei_expr_shown(&word), word.at);
    if (p->next.kind != TOKEN_TEXT) {
        complain_expected(p, "a text in quotes");
        return;
    }
    step.first = tubei_expr_add_value(p, p->next.value);
    tubei_expr_add_step(p, step);
    parser_advance(p);
}

/* A field or a literal that stands alone. */
static void
parse_alone(expr_parser *p, const expr_side *left)
{
    expr_token_kind kind = left->token.kind;

    if (kind == TOKEN_TRUE || kind == TOKEN_FALSE)
        tubei_expr_add_step(
            p, (expr_step){ .op = OP_TRUTH, .accept = kind == TOKEN_TRUE });
    else if (left->column >= 0 && left->type == TUBE_BOOL)
        tubei_expr_add_step(p, (expr_step){ .op = OP_FIELD, .a = left->column });
    else
        tubei_expr_complain(&p->x, &left->token,
                            "compare it: = != < <= > >=, is null, in (..), contains",
                            "'%.*s' alone is no condition",
                            tubei_expr_shown(&left->token), left->token.at);
}

/* What stands between two of: and, or, not, parentheses. */
static void
parse_predicate(expr_parser *p)
{
    expr_side left;
    expr_token_kind kind;
    bool negated;

    if (!parse_side(p, &left, false))
        return;
    if (p->next.kind == TOKEN_COMPARE) {
        parse_compare(p, &left);
        return;
    }
    negated = parser_take(p, TOKEN_NOT);
    kind = p->next.kind;
    if (kind < TOKEN_IS || kind > TOKEN_ENDSWITH || (negated && kind == TOKEN_IS)) {
        if (negated)
            complain_expected(p, "in, contains, startswith or endswith");
        else
            parse_alone(p, &left);
        return;
    }
    if (left.column < 0)
        complain_expected(p, "a field");
    else if (kind == TOKEN_IS)
        parse_is_null(p, &left);
    else if (kind == TOKEN_IN)
        parse_in(p, &left);
    else
        parse_part(p, &left);
    if (negated)
        tubei_expr_add_step(p, (expr_step){ .op = OP_NOT });
}

/* Finish the operator on top of the stack: its right side is complete. */
static void
pending_finish(expr_parser *p)
{
    expr_pending *top = &p->pending[--p->n_pending];

    if (top->kind == TOKEN_NOT) {
        tubei_expr_add_step(p, (expr_step){ .op = OP_NOT });
        return;
    }
    tubei_expr_add_step(p,
                        (expr_step){ .op = top->kind == TOKEN_AND ? OP_AND : OP_OR });
    if (p->x.st == TUBE_OK)
        p->expr->step[top->skip].first = p->expr->n_steps;
}

/* Finish what binds at least as tightly as `kind`, down to an open parenthesis. */
static void
pending_unwind(expr_parser *p, expr_token_kind kind)
{
    while (p->n_pending > 0) {
        expr_token_kind top = p->pending[p->n_pending - 1].kind;

        if (top == TOKEN_OPEN || (kind == TOKEN_AND && top == TOKEN_OR))
            return;
        pending_finish(p);
    }
}

static void
pending_push(expr_parser *p, const expr_token *t, uint32_t skip)
{
    if (t->kind == TOKEN_OPEN && p->depth++ == EXPR_DEPTH)
        tubei_expr_complain(&p->x, t, NULL, "parentheses nest more than %d deep",
                            EXPR_DEPTH);
    else
        p->pending[p->n_pending++] = (expr_pending){ t->kind, skip, *t };
}

/* In front of a value: all "not" and "(". */
static void
parse_prefixes(expr_parser *p)
{
    while (p->x.st == TUBE_OK
           && (p->next.kind == TOKEN_NOT || p->next.kind == TOKEN_OPEN)) {
        bool twice = p->next.kind == TOKEN_NOT && p->n_pending > 0
                     && p->pending[p->n_pending - 1].kind == TOKEN_NOT;

        /* Two in a row are none, so that a level holds one at most. */
        if (twice)
            p->n_pending--;
        else
            pending_push(p, &p->next, 0);
        parser_advance(p);
    }
}

/* Behind a value: all ")", then "and" or "or"; false: it is the end. */
static bool
parse_infix(expr_parser *p)
{
    expr_token t;

    while (p->next.kind == TOKEN_CLOSE) {
        pending_unwind(p, TOKEN_CLOSE);
        if (p->n_pending == 0) {
            tubei_expr_complain(&p->x, &p->next, NULL, "this ')' closes nothing");
            return false;
        }
        p->n_pending--;
        p->depth--;
        parser_advance(p);
    }
    t = p->next;
    if (t.kind != TOKEN_AND && t.kind != TOKEN_OR) {
        if (t.kind != TOKEN_END)
            complain_expected(p, "'and' or 'or'");
        return false;
    }
    pending_unwind(p, t.kind);
    pending_push(p, &t,
                 tubei_expr_add_step(p, (expr_step){ .op = t.kind == TOKEN_AND
                                                               ? OP_SKIP_FALSE
                                                               : OP_SKIP_TRUE }));
    parser_advance(p);
    return true;
}

static void
parse_all(expr_parser *p)
{
    parser_advance(p);
    do {
        parse_prefixes(p);
        if (p->x.st == TUBE_OK)
            parse_predicate(p);
    } while (p->x.st == TUBE_OK && parse_infix(p) && p->x.st == TUBE_OK);
    if (p->x.st != TUBE_OK)
        return;
    pending_unwind(p, TOKEN_CLOSE);
    if (p->n_pending > 0)
        tubei_expr_complain(&p->x, &p->pending[p->n_pending - 1].token, NULL,
                            "the '(' here has no ')'");
}

tube_status
tubei_expr_new(const tube_expr_text *text, const tube_schema *schema, tubei_expr **out,
               tube_error *err)
{
    size_t len = strlen(text->text);
    tube_error unheard = { 0 };
    expr_parser p = { .schema = schema };

    *out = NULL;
    p.expr = calloc(1, sizeof(*p.expr));
    if (p.expr != NULL)
        p.expr->memory = malloc(2 * len + 1); /* a NUL for every name at most */
    if (p.expr == NULL || p.expr->memory == NULL) {
        tubei_expr_free(p.expr);
        return tube_fail(err, TUBE_ENOMEM, "no memory for the condition");
    }
    p.x = (expr_lexer){ .text = text,
                        .p = text->text,
                        .memory = p.expr->memory,
                        .st = TUBE_OK,
                        .err = err != NULL ? err : &unheard };
    parse_all(&p);
    if (p.x.st == TUBE_OK)
        *out = p.expr;
    else
        tubei_expr_free(p.expr);
    return p.x.st;
}

void
tubei_expr_free(tubei_expr *e)
{
    if (e == NULL)
        return;
    free(e->step);
    free(e->value);
    free(e->memory);
    free(e);
}
