/* SPDX-License-Identifier: MIT */
/* expr_parts.h -- what expr.c, expr_lex.c and expr_eval.c share; use expr.h. */
#ifndef TUBES_STAGES_EXPR_PARTS_H
#define TUBES_STAGES_EXPR_PARTS_H

#include "expr.h"

#include <tubes/stage.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXPR_DEPTH = 64, /* open parentheses at most */
    /* Values that wait: on each level one for an "or" and one for an "and"; then the
     * last one, and a place that stays empty. */
    EXPR_STACK = 2 * (EXPR_DEPTH + 1) + 2,
    EXPR_PENDING = 4 * (EXPR_DEPTH + 1), /* operators: or, and, not, ( on each level */
};

typedef enum expr_token_kind {
    TOKEN_BAD, /* the lexer has said why */
    TOKEN_END,
    TOKEN_FIELD,
    TOKEN_TEXT,
    TOKEN_INT,
    TOKEN_REAL,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_COMPARE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_IS,
    TOKEN_IN,
    TOKEN_CONTAINS,
    TOKEN_STARTSWITH,
    TOKEN_ENDSWITH,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
} expr_token_kind;

/* Results of a comparison as bits; NaN gives UNORDERED. */
enum { LESS = 1, EQUAL = 2, GREATER = 4, UNORDERED = 8 };

/* A literal, or nothing for the other tokens. */
typedef struct expr_value {
    union {
        tube_slice text; /* of a field's name too; then a NUL is behind it */
        int64_t integer;
        double real;
    };
} expr_value;

typedef struct expr_token {
    expr_token_kind kind;
    const char *at; /* in the text */
    size_t width;
    unsigned accept; /* TOKEN_COMPARE: which results make it true */
    expr_value value;
} expr_token;

/* The text, how far it is read, and what is wrong with it. */
typedef struct expr_lexer {
    const tube_expr_text *text;
    const char *p;
    char *memory; /* of names and texts; there is always enough left */
    tube_status st;
    tube_error *err;
} expr_lexer;

/* How two values are compared. */
typedef enum expr_class {
    CLASS_TEXT,  /* bytes */
    CLASS_INT,   /* whole numbers, times, bools */
    CLASS_REAL,  /* doubles */
    CLASS_MIXED, /* a whole number with a double */
} expr_class;

typedef enum expr_op {
    OP_FIELD,      /* push column a, a bool */
    OP_TRUTH,      /* push `accept` */
    OP_IS_NULL,    /* push whether column a is NULL */
    OP_WITH_FIELD, /* push column a compared with column b */
    OP_WITH_VALUE, /* push column a compared with value `first` */
    OP_IN,         /* push whether column a is one of n values */
    OP_CONTAINS,   /* push whether value `first` is in column a */
    OP_STARTSWITH,
    OP_ENDSWITH,
    OP_NOT, /* change the top value */
    OP_AND, /* make one value of the two on top */
    OP_OR,
    OP_SKIP_FALSE, /* if the top value is false, go to step `first` */
    OP_SKIP_TRUE,
} expr_op;

typedef struct expr_step {
    expr_op op;
    expr_class how;
    unsigned accept; /* results of the comparison that make it true */
    tube_field a;
    tube_field b;
    uint32_t first; /* value or step */
    uint32_t n;
} expr_step;

struct tubei_expr {
    expr_step *step;
    uint32_t n_steps;
    uint32_t room_steps;
    expr_value *value;
    uint32_t n_values;
    uint32_t room_values;
    char *memory;
};

/* An operator whose right side is being read. */
typedef struct expr_pending {
    expr_token_kind kind; /* TOKEN_OR, TOKEN_AND, TOKEN_NOT, TOKEN_OPEN */
    uint32_t skip;        /* step that skips the right side */
    expr_token token;
} expr_pending;

/* Once `x.st` is a failure, whatever else is done has no effect. */
typedef struct expr_parser {
    expr_lexer x;
    expr_token next;
    const tube_schema *schema;
    tubei_expr *expr;
    expr_pending pending[EXPR_PENDING];
    uint32_t n_pending;
    uint32_t depth;
} expr_parser;

/* One side of a comparison. */
typedef struct expr_side {
    expr_token token;
    tube_field column; /* -1: a literal */
    tube_type type;
} expr_side;

/* All functions below: Threads: the parser's.  Blocks: no. */

/* Read the next token; TOKEN_BAD if there is none. */
expr_token tubei_expr_token(expr_lexer *x);

/* Fail, with a place in the text; the first complaint stays.  `hint` may be NULL. */
void tubei_expr_complain(expr_lexer *x, const expr_token *t, const char *hint,
                         const char *fmt, ...) TUBE_PRINTF(4, 5);

/* Bytes of a token to show in a message. */
int tubei_expr_shown(const expr_token *t);

/* Append a step, or a value; which it is. */
uint32_t tubei_expr_add_step(expr_parser *p, expr_step step);
uint32_t tubei_expr_add_value(expr_parser *p, expr_value value);

/* Name of a type, with its article. */
const char *tubei_expr_type_name(tube_type type);

/* Add the step that compares two sides, at least one of them a field. */
void tubei_expr_compare(expr_parser *p, const expr_side *left,
                        const expr_token *compare, const expr_side *right);

/* Add a literal to what a field is looked up in; `how` is the same for all of a list. */
void tubei_expr_list_item(expr_parser *p, const expr_side *field,
                          const expr_token *literal, expr_class *how);

#endif /* TUBES_STAGES_EXPR_PARTS_H */
