/* SPDX-License-Identifier: MIT */
/* expr_eval.c -- is a condition true for a record?
 *
 * The condition is a list of steps over a small stack of truth values.
 */
#include "expr_parts.h"

#include <math.h>
#include <string.h>

/* NO and YES are what a bool cell holds. */
enum { NO, YES, UNKNOWN };

static unsigned
compare_text(tube_slice a, tube_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    if (order == 0 && a.len == b.len)
        return EQUAL;
    return order < 0 || (order == 0 && a.len < b.len) ? LESS : GREATER;
}

static unsigned
compare_int(int64_t a, int64_t b)
{
    return a == b ? EQUAL : a < b ? LESS : GREATER;
}

static unsigned
compare_real(double a, double b)
{
    return a == b ? EQUAL : a < b ? LESS : a > b ? GREATER : UNORDERED;
}

/* Exact, where making a double of `a` would round. */
static unsigned
compare_mixed(int64_t a, double b)
{
    int64_t whole;

    if (isnan(b))
        return UNORDERED;
    if (b >= 0x1p63)
        return LESS;
    if (b < -0x1p63)
        return GREATER;
    whole = (int64_t)b;
    return a != whole ? compare_int(a, whole) : compare_real((double)whole, b);
}

static expr_value
cell_value(const tube_cell *c, expr_class how)
{
    if (how == CLASS_TEXT)
        return (expr_value){ .text = tube_text(c) };
    if (how == CLASS_REAL)
        return (expr_value){ .real = c->real };
    return (expr_value){ .integer = c->integer };
}

static unsigned
compare_values(expr_class how, const expr_value *a, const expr_value *b)
{
    switch (how) {
    case CLASS_TEXT: return compare_text(a->text, b->text);
    case CLASS_INT: return compare_int(a->integer, b->integer);
    case CLASS_REAL: return compare_real(a->real, b->real);
    case CLASS_MIXED: break;
    }
    return compare_mixed(a->integer, b->real);
}

static unsigned
step_in(const tubei_expr *e, const expr_step *s, const tube_cell *c)
{
    expr_value v = cell_value(c, s->how);

    for (uint32_t i = 0; i < s->n; i++)
        if (compare_values(s->how, &v, &e->value[s->first + i]) == EQUAL)
            return YES;
    return NO;
}

static unsigned
step_part(const tubei_expr *e, const expr_step *s, const tube_cell *c)
{
    tube_slice part = e->value[s->first].text;

    if (part.len > c->len)
        return NO;
    if (s->op == OP_CONTAINS)
        return memmem(c->text, c->len, part.ptr, part.len) != NULL;
    if (s->op == OP_STARTSWITH)
        return memcmp(c->text, part.ptr, part.len) == 0;
    return memcmp(c->text + (c->len - part.len), part.ptr, part.len) == 0;
}

/* A step that pushes the answer to a question about column a. */
static unsigned
step_ask(const tubei_expr *e, const expr_step *s, const tube_cell *row)
{
    const tube_cell *c = &row[s->a];
    expr_value a;
    expr_value b;

    if (s->op == OP_IS_NULL)
        return !c->set;
    if (!c->set)
        return UNKNOWN;
    switch (s->op) {
    case OP_FIELD: return c->integer != 0;
    case OP_IN: return step_in(e, s, c);
    case OP_WITH_VALUE:
        a = cell_value(c, s->how);
        b = e->value[s->first];
        break;
    case OP_WITH_FIELD:
        if (!row[s->b].set)
            return UNKNOWN;
        a = cell_value(c, s->how);
        b = cell_value(&row[s->b], s->how == CLASS_MIXED ? CLASS_REAL : s->how);
        break;
    default: return step_part(e, s, c);
    }
    return (compare_values(s->how, &a, &b) & s->accept) != 0;
}

static unsigned
truth_and(unsigned a, unsigned b)
{
    return a == NO || b == NO ? NO : a == UNKNOWN || b == UNKNOWN ? UNKNOWN : YES;
}

static unsigned
truth_not(unsigned a)
{
    return a == UNKNOWN ? UNKNOWN : !a;
}

bool
tubei_expr_holds(const tubei_expr *e, const tube_cell *row)
{
    unsigned stack[EXPR_STACK];
    unsigned *top = stack;

    *top = UNKNOWN;
    for (uint32_t i = 0; i < e->n_steps; i++) {
        const expr_step *s = &e->step[i];

        /* The stack's first place stays unused, so that `top` is always a value. */
        switch (s->op) {
        case OP_NOT: *top = truth_not(*top); break;
        case OP_AND:
            top--;
            /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): two were pushed */
            *top = truth_and(top[0], top[1]);
            break;
        case OP_OR:
            top--;
            /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): two were pushed */
            *top = truth_not(truth_and(truth_not(top[0]), truth_not(top[1])));
            break;
        case OP_SKIP_FALSE: i = *top == NO ? s->first - 1 : i; break;
        case OP_SKIP_TRUE: i = *top == YES ? s->first - 1 : i; break;
        case OP_TRUTH: *++top = s->accept; break;
        default: *++top = step_ask(e, s, row); break;
        }
    }
    return *top == YES;
}
