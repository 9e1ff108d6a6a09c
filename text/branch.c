/* SPDX-License-Identifier: MIT */
/* branch.c -- stages in series, and what stands in parentheses behind them.
 *
 * One pass with a stack of its own, TUBEI_DEEP levels.  After an error the rest of that
 * stage is skipped, up to the `|` or the `)` behind it, so that one slip is one message;
 * what leaves open where the text goes on (a string without an end) ends the pass.
 */
#include "parse.h"
#include "walk.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { BRANCH_COPIES = 1 << 18 }; /**< stages written out for names of definitions */

/** One level of parentheses. */
struct branch_level {
    tubei_branch branch; /**< what was read of it */
    tubei_spot bar;      /**< its last '|'; p NULL: there was none */
    tubei_call call;     /**< its last stage, while arguments may come */
    unsigned errors;     /**< told before that stage began */
    tubei_index as;      /**< of that stage: names of its branches */
    bool otherwise;      /**< of that stage: one branch begins so */
};

struct branch_reader {
    tubei_parse *t;
    tubei_lexer *lx;
    uint32_t deep;
    uint32_t deepest; /**< with what was written out */
    struct branch_level level[TUBEI_DEEP + 1];
};

/** What may stand next. */
enum branch_next {
    NEXT_STAGE,
    NEXT_ARGUMENT, /**< or a branch, or the end of the stage */
    NEXT_BAR,      /**< or the end of the branch */
    NEXT_NOTHING,
};

static struct branch_level *
branch_top(struct branch_reader *r)
{
    return &r->level[r->deep];
}

static enum branch_next
branch_recover(struct branch_reader *r)
{
    tubei_lex_recover(r->lx, r->deep > 0);
    return NEXT_BAR;
}

static bool
branch_append(struct branch_reader *r, const tubei_call *c)
{
    tubei_branch *b = &branch_top(r)->branch;
    void *array = b->call;

    if (!tubei_lex_grow(r->lx, &array, b->n, sizeof(*c)))
        return false;
    b->call = array;
    b->call[b->n++] = *c;
    return true;
}

/* The parentheses that are open at the end of the text. */
static enum branch_next
branch_unfinished(struct branch_reader *r)
{
    const tubei_word *open = &branch_top(r)->branch.open;
    tubei_spot at = { .line = open->line, .column = open->column };

    tubei_lex_complain(r->lx, at, 1, NULL, "the '(' here has no ')'");
    r->lx->stop = true;
    return NEXT_NOTHING;
}

static bool
branch_in_copies(struct branch_reader *r, const tubei_let *let, const tubei_word *w)
{
    tubei_spot at = { .line = w->line, .column = w->column };

    if (let->stages > BRANCH_COPIES - r->t->copied) {
        tubei_lex_complain(r->lx, at, w->width, NULL,
                           "with '%.*s' written out there are more than %d stages",
                           TUBEI_SHOWN, w->text, BRANCH_COPIES);
        r->lx->stop = true;
        return false;
    }
    if (r->deep + let->deep > TUBEI_DEEP) {
        tubei_lex_complain(r->lx, at, w->width, NULL,
                           "with '%.*s' written out branches stand in more than %d "
                           "parentheses",
                           TUBEI_SHOWN, w->text, TUBEI_DEEP);
        return false;
    }
    r->t->copied += let->stages;
    if (r->deep + let->deep > r->deepest)
        r->deepest = r->deep + let->deep;
    return true;
}

/* The stages of a definition in place of its name. */
static bool
branch_write_out(struct branch_reader *r, const tubei_let *let, const tubei_word *w)
{
    if (!branch_in_copies(r, let, w))
        return false;
    for (uint32_t i = 0; i < let->with.n; i++) {
        tubei_call c = let->with.call[i];

        if (!tubei_walk_unshare(&c, &r->t->memory)) {
            tubei_lex_no_memory(r->lx);
            return false;
        }
        if (!branch_append(r, &c))
            return false;
    }
    return true;
}

/* What stands behind the name of a definition. */
static enum branch_next
branch_behind_name(struct branch_reader *r, const tubei_word *w)
{
    char hint[TUBEI_SHOWN + 64];
    tubei_lexer *lx = r->lx;

    tubei_lex_skip(lx);
    if (*lx->p == '\0' || *lx->p == '|' || *lx->p == ')')
        return NEXT_BAR;
    snprintf(hint, sizeof(hint), "write them into the definition: let %.*s = ...",
             TUBEI_SHOWN, w->text);
    tubei_lex_complain(lx, tubei_lex_here(lx), 1, hint,
                       "'%.*s' is a definition and takes no %s", TUBEI_SHOWN, w->text,
                       *lx->p == '(' ? "branches" : "arguments");
    return branch_recover(r);
}

/* A stage is read as a whole. */
static enum branch_next
branch_call_end(struct branch_reader *r)
{
    struct branch_level *l = branch_top(r);
    tubei_call *c = &l->call;
    tubei_spot at = { .line = c->name.line, .column = c->name.column };

    if ((c->def->flags & TUBE_FORKS) != 0 && c->n_branches == 0
        && r->lx->report->errors == l->errors)
        tubei_lex_complain(
            r->lx, at, c->name.width,
            (c->def->flags & TUBE_PORTS_KEYED) != 0
                ? "branches stand in parentheses behind it: ( when EXPR | ... )"
                : "branches stand in parentheses behind it: ( ... ) ( ... )",
            "'%s' needs a branch", c->def->name);
    if (tubei_parse_call_end(r->t, c) && !branch_append(r, c))
        return NEXT_NOTHING;
    return NEXT_BAR;
}

static bool
branch_takes(const tube_stage_def *def)
{
    return (def->flags & (TUBE_JOINS | TUBE_FORKS)) != 0
           || def->rejoin != TUBE_REJOIN_NO;
}

/* True if the head `word` stands here. */
static bool
branch_head_is(const tubei_lexer *lx, const char *word)
{
    size_t n = tubei_lex_name(lx->p);

    return n == strlen(word) && strncmp(lx->p, word, n) == 0
           && tubei_lex_ends_word(lx->p[n], TUBEI_IN_STAGE);
}

/* as NAME, each name once. */
static bool
branch_head_as(struct branch_reader *r, struct branch_level *fork, tubei_branch *b)
{
    tubei_lexer *lx = r->lx;
    tubei_spot at;

    tubei_lex_skip(lx);
    at = tubei_lex_here(lx);
    if (*lx->p == '|' || *lx->p == ')') {
        tubei_lex_complain(lx, at, 1, "write: ( as NAME | ... )",
                           "'as' needs the name of the branch");
        return false;
    }
    if (!tubei_lex_value(lx, TUBEI_IN_STAGE, &b->as))
        return false;
    if (tubei_index_get(&fork->as, b->as.text, NULL)) {
        if (b->as.env)
            tubei_lex_complain(lx, at, b->as.width, NULL,
                               "two branches have this name");
        else
            tubei_lex_complain(lx, at, b->as.width, NULL,
                               "two branches have the name '%.*s'", TUBEI_SHOWN,
                               b->as.text);
        return false;
    }
    if (tubei_index_put(&fork->as, &r->t->memory, b->as.text, 0))
        return true;
    tubei_lex_no_memory(lx);
    return false;
}

static bool
branch_head_when(struct branch_reader *r, tubei_branch *b)
{
    tubei_lexer *lx = r->lx;

    if (!tubei_lex_expression(lx, &b->when))
        return false;
    if (b->when.text != NULL)
        return true;
    tubei_lex_complain(lx, tubei_lex_here(lx), 1, "write: ( when status >= 500 | ... )",
                       "'when' needs a condition");
    return false;
}

/* Read a head if there is one; what is behind it is read by branch_head_end(). */
static bool
branch_head(struct branch_reader *r, struct branch_level *fork, tubei_branch *b)
{
    static const char *const words[] = { [TUBE_HEAD_WHEN] = "when",
                                         [TUBE_HEAD_AS] = "as",
                                         [TUBE_HEAD_OTHERWISE] = "otherwise" };
    tubei_lexer *lx = r->lx;
    tubei_spot at = tubei_lex_here(lx);
    tube_head head = TUBE_HEAD_WHEN;

    while (head <= TUBE_HEAD_OTHERWISE && !branch_head_is(lx, words[head]))
        head++;
    if (head > TUBE_HEAD_OTHERWISE)
        return true;
    if ((fork->call.def->flags & TUBE_PORTS_KEYED) == 0) {
        tubei_lex_complain(lx, at, (uint32_t)strlen(words[head]),
                           "'when', 'as' and 'otherwise' belong to branches of: route",
                           "a branch of '%s' has no '%s'", fork->call.def->name,
                           words[head]);
        return false;
    }
    lx->p += strlen(words[head]);
    b->head = head;
    if (head == TUBE_HEAD_WHEN)
        return branch_head_when(r, b);
    if (head == TUBE_HEAD_AS)
        return branch_head_as(r, fork, b);
    if (fork->otherwise) {
        tubei_lex_complain(lx, at, (uint32_t)strlen(words[head]), NULL,
                           "two branches begin with 'otherwise'");
        return false;
    }
    fork->otherwise = true;
    return true;
}

static enum branch_next
branch_head_end(struct branch_reader *r)
{
    tubei_lexer *lx = r->lx;

    tubei_lex_skip(lx);
    if (*lx->p == '|' || *lx->p == ')' || *lx->p == '\0')
        return NEXT_BAR;
    tubei_lex_complain(lx, tubei_lex_here(lx), 1, "write: ( otherwise | print )",
                       "a '|' is missing behind the head of the branch");
    return branch_recover(r);
}

static enum branch_next
branch_open(struct branch_reader *r)
{
    struct branch_level *fork = branch_top(r);
    tubei_lexer *lx = r->lx;
    tubei_spot at = tubei_lex_here(lx);

    if (!branch_takes(fork->call.def)) {
        tubei_lex_complain(lx, at, 1,
                           "those that do: merge, concat, tee, route, thru, parallel",
                           "'%s' takes no branches", fork->call.def->name);
        return branch_recover(r);
    }
    if (r->deep == TUBEI_DEEP) {
        tubei_lex_complain(lx, at, 1, "put the inner part into its own: let NAME = ...",
                           "more than %d parentheses are open", TUBEI_DEEP);
        return branch_recover(r);
    }
    r->deep++;
    if (r->deep > r->deepest)
        r->deepest = r->deep;
    *branch_top(r) =
        (struct branch_level){ .branch.open = tubei_parse_word(at, "(", 1) };
    tubei_lex_step(lx);
    tubei_lex_skip(lx);
    if (!branch_head(r, fork, &branch_top(r)->branch))
        return branch_recover(r);
    return branch_top(r)->branch.head == TUBE_HEAD_NONE ? NEXT_STAGE
                                                        : branch_head_end(r);
}

static enum branch_next
branch_close(struct branch_reader *r)
{
    tubei_branch b = branch_top(r)->branch;
    tubei_call *c;
    void *array;

    tubei_lex_step(r->lx);
    r->deep--;
    c = &branch_top(r)->call;
    array = c->branch;
    if (!tubei_lex_grow(r->lx, &array, c->n_branches, sizeof(b)))
        return NEXT_NOTHING;
    c->branch = array;
    c->branch[c->n_branches++] = b;
    return NEXT_ARGUMENT;
}

/* Where a stage should stand. */
static enum branch_next
branch_no_stage(struct branch_reader *r)
{
    struct branch_level *l = branch_top(r);
    tubei_lexer *lx = r->lx;
    char c = *lx->p;

    if (c == '|') {
        tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL,
                           "a stage is missing before '|'");
        return NEXT_BAR;
    }
    if (c == '\0' && r->deep > 0)
        return branch_unfinished(r);
    if (l->bar.p != NULL)
        tubei_lex_complain(lx, l->bar, 1, NULL, "a stage is missing behind '|'");
    else
        tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL, "the branch is empty");
    return c == ')' && r->deep > 0 ? branch_close(r) : NEXT_NOTHING;
}

static enum branch_next
branch_stage(struct branch_reader *r)
{
    struct branch_level *l = branch_top(r);
    tubei_lexer *lx = r->lx;
    const tubei_let *let;
    bool head;

    tubei_lex_skip(lx);
    if (*lx->p == '|' || *lx->p == '\0' || (*lx->p == ')' && r->deep > 0))
        return branch_no_stage(r);
    head = r->deep > 0 && l->bar.p == NULL
           && (l[-1].call.def->flags & TUBE_PORTS_KEYED) != 0;
    l->call = (tubei_call){ .n_args = 0 };
    l->as = (tubei_index){ .n = 0 };
    l->otherwise = false;
    l->errors = lx->report->errors;
    l->call.def = tubei_parse_name(r->t, &l->call.name, &let, head);
    if (let != NULL)
        return branch_write_out(r, let, &l->call.name)
                   ? branch_behind_name(r, &l->call.name)
                   : branch_recover(r);
    if (l->call.def == NULL)
        return branch_recover(r);
    if (!tubei_parse_takes_expression(l->call.def))
        return NEXT_ARGUMENT;
    if (!tubei_parse_expression(r->t, &l->call))
        return branch_recover(r);
    return branch_call_end(r);
}

static enum branch_next
branch_argument(struct branch_reader *r)
{
    tubei_call *c = &branch_top(r)->call;
    tubei_lexer *lx = r->lx;
    void *array = c->arg;
    const char *keyword;

    tubei_lex_skip(lx);
    if (*lx->p == '\0' || *lx->p == '|' || *lx->p == ')')
        return branch_call_end(r);
    if (*lx->p == '(')
        return branch_open(r);
    keyword = tubei_parse_definition_here(lx);
    if (keyword != NULL) {
        tubei_lex_complain(lx, tubei_lex_here(lx), (uint32_t)strlen(keyword),
                           "move it up, or the pipeline down",
                           "'%s' stands before the pipeline only", keyword);
        lx->stop = true;
        return NEXT_NOTHING;
    }
    if (!tubei_lex_grow(lx, &array, c->n_args, sizeof(*c->arg)))
        return NEXT_NOTHING;
    c->arg = array;
    if (!tubei_parse_argument(lx, TUBEI_IN_STAGE, &c->arg[c->n_args]))
        return branch_recover(r);
    c->n_args++;
    return NEXT_ARGUMENT;
}

/* Behind a stage, or behind what was skipped. */
static enum branch_next
branch_bar(struct branch_reader *r)
{
    tubei_lexer *lx = r->lx;

    if (*lx->p == '|') {
        branch_top(r)->bar = tubei_lex_here(lx);
        tubei_lex_step(lx);
        return NEXT_STAGE;
    }
    if (*lx->p == ')' && r->deep > 0)
        return branch_close(r);
    if (*lx->p == ')') {
        tubei_lex_complain(lx, tubei_lex_here(lx), 1, NULL,
                           "there is no '(' for this ')'");
        return branch_recover(r);
    }
    return r->deep > 0 ? branch_unfinished(r) : NEXT_NOTHING;
}

bool
tubei_parse_series(tubei_parse *t, tubei_branch *out, uint32_t *deep)
{
    struct branch_reader r = { .t = t, .lx = &t->lx };
    unsigned errors = t->lx.report->errors;
    enum branch_next next = NEXT_STAGE;

    r.level[0].branch.open = tubei_parse_word(tubei_lex_here(&t->lx), "", 1);
    while (next != NEXT_NOTHING && !t->lx.stop) {
        switch (next) {
        case NEXT_STAGE: next = branch_stage(&r); break;
        case NEXT_ARGUMENT: next = branch_argument(&r); break;
        case NEXT_BAR: next = branch_bar(&r); break;
        case NEXT_NOTHING: break;
        }
    }
    *out = r.level[0].branch;
    *deep = r.deepest;
    return t->lx.report->errors == errors;
}
