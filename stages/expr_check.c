/* SPDX-License-Identifier: MIT */
/* expr_check.c -- do the two sides of a comparison go together, and how? */
#include "expr_parts.h"
#include "rfc3339.h"

#include <stdlib.h>

/* Room for one more item of an array that grows by doubling. */
static bool
parser_grow(expr_parser *p, void **array, uint32_t n, uint32_t *room, size_t item)
{
    void *bigger;

    if (n < *room)
        return true;
    *room = *room == 0 ? 16 : *room * 2;
    bigger = reallocarray(*array, *room, item);
    if (bigger == NULL) {
        if (p->x.st == TUBE_OK)
            p->x.st = tube_fail(p->x.err, TUBE_ENOMEM, "no memory for the condition");
        return false;
    }
    *array = bigger;
    return true;
}

uint32_t
tubei_expr_add_step(expr_parser *p, expr_step step)
{
    tubei_expr *e = p->expr;
    void *array = e->step;

    if (!parser_grow(p, &array, e->n_steps, &e->room_steps, sizeof(step)))
        return 0;
    e->step = array;
    e->step[e->n_steps] = step;
    return e->n_steps++;
}

uint32_t
tubei_expr_add_value(expr_parser *p, expr_value value)
{
    tubei_expr *e = p->expr;
    void *array = e->value;

    if (!parser_grow(p, &array, e->n_values, &e->room_values, sizeof(value)))
        return 0;
    e->value = array;
    e->value[e->n_values] = value;
    return e->n_values++;
}

const char *
tubei_expr_type_name(tube_type type)
{
    static const char *const names[] = {
        [TUBE_TEXT] = "text",  [TUBE_BYTES] = "bytes",   [TUBE_BOOL] = "a bool",
        [TUBE_INT] = "an int", [TUBE_FLOAT] = "a float", [TUBE_TIME] = "a time",
        [TUBE_JSON] = "json",
    };

    return names[type];
}

static bool
is_text(tube_type type)
{
    return type == TUBE_TEXT || type == TUBE_BYTES;
}

static bool
is_number(tube_type type)
{
    return type == TUBE_INT || type == TUBE_FLOAT;
}

/* Say that a literal does not go with a field. */
static void
complain_type(expr_parser *p, const expr_side *field, const expr_token *literal)
{
    const char *hint = "write a number, without quotes";

    if (field->type == TUBE_TIME)
        hint = "write \"2024-01-31\" or \"2024-01-31T12:00:00Z\"";
    else if (is_text(field->type))
        hint = "put it in quotes";
    else if (field->type == TUBE_BOOL)
        hint = "write true or false";
    else if (literal->kind == TOKEN_REAL)
        hint = "write a whole number";
    tubei_expr_complain(&p->x, literal, hint, "%s is %s, and %.*s is not",
                        field->token.value.text.ptr, tubei_expr_type_name(field->type),
                        tubei_expr_shown(literal), literal->at);
}

/* A literal as a value to compare a field with. */
static bool
literal_value(expr_parser *p, const expr_side *field, const expr_token *literal,
              expr_class *how, expr_value *value)
{
    expr_token_kind kind = literal->kind;
    bool fits = false;

    *value = literal->value;
    *how = CLASS_INT;
    switch (field->type) {
    case TUBE_TEXT:
    case TUBE_BYTES:
        *how = CLASS_TEXT;
        fits = kind == TOKEN_TEXT;
        break;
    case TUBE_INT:
        *how = kind == TOKEN_REAL ? CLASS_MIXED : CLASS_INT;
        fits = kind == TOKEN_INT || kind == TOKEN_REAL;
        break;
    case TUBE_FLOAT:
        *how = CLASS_REAL;
        fits = kind == TOKEN_INT || kind == TOKEN_REAL;
        if (kind == TOKEN_INT)
            value->real = (double)literal->value.integer;
        break;
    case TUBE_BOOL:
        fits = kind == TOKEN_TRUE || kind == TOKEN_FALSE;
        value->integer = kind == TOKEN_TRUE;
        break;
    case TUBE_TIME:
        fits = kind == TOKEN_TEXT
               && tubei_time_read(literal->value.text.ptr, literal->value.text.len,
                                  TUBEI_TIME_SHORT, &value->integer);
        break;
    case TUBE_JSON: break;
    }
    if (!fits)
        complain_type(p, field, literal);
    return fits;
}

/* Json cannot be compared at all, bools have no order. */
static bool
check_comparable(expr_parser *p, const expr_side *field, const expr_token *compare)
{
    const char *name = field->token.value.text.ptr;
    bool order =
        compare->accept != EQUAL && compare->accept != (LESS | GREATER | UNORDERED);

    if (field->type == TUBE_JSON)
        tubei_expr_complain(&p->x, &field->token,
                            "a json field can be asked: is null, is not null",
                            "%s is json, which is compared with nothing", name);
    else if (field->type == TUBE_BOOL && order)
        tubei_expr_complain(&p->x, compare,
                            "use = or !=", "%s is a bool, which has no order", name);
    return p->x.st == TUBE_OK;
}

static unsigned
mirror(unsigned accept)
{
    unsigned turned = accept & (EQUAL | UNORDERED);

    turned |= (accept & LESS) != 0 ? GREATER : 0;
    return turned | ((accept & GREATER) != 0 ? LESS : 0U);
}

static void
compare_with_literal(expr_parser *p, const expr_side *field, const expr_token *compare,
                     unsigned accept, const expr_token *literal)
{
    expr_step step = { .op = OP_WITH_VALUE, .accept = accept, .a = field->column };
    expr_value value;

    if (!check_comparable(p, field, compare)
        || !literal_value(p, field, literal, &step.how, &value))
        return;
    step.first = tubei_expr_add_value(p, value);
    tubei_expr_add_step(p, step);
}

static void
compare_fields(expr_parser *p, const expr_side *a, const expr_token *compare,
               const expr_side *b)
{
    expr_step step = {
        .op = OP_WITH_FIELD, .accept = compare->accept, .a = a->column, .b = b->column
    };

    if (!check_comparable(p, a, compare) || !check_comparable(p, b, compare))
        return;
    if (is_text(a->type) && is_text(b->type)) {
        step.how = CLASS_TEXT;
    } else if (a->type == b->type) {
        step.how = a->type == TUBE_FLOAT ? CLASS_REAL : CLASS_INT;
    } else if (is_number(a->type) && is_number(b->type)) {
        step.how = CLASS_MIXED;
        if (a->type == TUBE_FLOAT) {
            step.a = b->column;
            step.b = a->column;
            step.accept = mirror(compare->accept);
        }
    } else {
        tubei_expr_complain(&p->x, compare, NULL, "%s is %s, and %s is %s",
                            a->token.value.text.ptr, tubei_expr_type_name(a->type),
                            b->token.value.text.ptr, tubei_expr_type_name(b->type));
        return;
    }
    tubei_expr_add_step(p, step);
}

void
tubei_expr_compare(expr_parser *p, const expr_side *left, const expr_token *compare,
                   const expr_side *right)
{
    if (left->token.kind == TOKEN_NULL || right->token.kind == TOKEN_NULL)
        tubei_expr_complain(&p->x, compare, "write: is null, or: is not null",
                            "nothing is equal to null, nor different from it");
    else if (left->column >= 0 && right->column >= 0)
        compare_fields(p, left, compare, right);
    else if (left->column >= 0)
        compare_with_literal(p, left, compare, compare->accept, &right->token);
    else if (right->column >= 0)
        compare_with_literal(p, right, compare, mirror(compare->accept), &left->token);
    else
        tubei_expr_complain(&p->x, &left->token,
                            "a text stands in quotes, a field does not",
                            "no field is compared here");
}

void
tubei_expr_list_item(expr_parser *p, const expr_side *field, const expr_token *literal,
                     expr_class *how)
{
    static const expr_token equal = { .accept = EQUAL };
    expr_value value;

    if (!check_comparable(p, field, &equal)
        || !literal_value(p, field, literal, how, &value))
        return;
    if (*how == CLASS_MIXED)
        complain_type(p, field, literal);
    tubei_expr_add_value(p, value);
}
