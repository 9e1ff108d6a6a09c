/* SPDX-License-Identifier: MIT */
/* where.c -- keep the records for which a condition is true.
 *
 * in   any records
 * out  those for which it is true; where it is false, or unknown because of a NULL,
 *      they are filtered
 */
#include "expr.h"

#include <tubes/stage.h>

struct where {
    tube_expr_text text; /* option */
    tubei_expr *expr;
};

static const tube_option options[] = {
    { "expr", TUBE_OPT_EXPR, offsetof(struct where, text), NULL, "condition",
      "condition on fields: = != < <= > >=, and, or, not, is null, in (..), contains, "
      "startswith, endswith",
      TUBE_OPT_POSITIONAL },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | where status >= 500 and bytes is not null",
    "gen combined 1000 | parse combined | where path startswith \"/api\" or method in "
    "(\"PUT\", \"DELETE\")",
    NULL,
};

static tube_status
where_open(tube_stage *s, tube_error *err)
{
    struct where *w = tube_state(s);

    return tubei_expr_new(&w->text, tube_input(s), &w->expr, err);
}

static tube_status
where_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct where *w = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        if (!tubei_expr_holds(w->expr, tube_row(b, r)))
            tube_filter(s, b, r);
    }
    return TUBE_OK;
}

static void
where_close(tube_stage *s)
{
    struct where *w = tube_state(s);

    tubei_expr_free(w->expr);
}

const tube_stage_def tube_stage_where = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "where",
    .summary = "keep the records for which a condition is true",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct where),
    .flags = TUBE_STATELESS,
    .open = where_open,
    .process = where_process,
    .close = where_close,
};
