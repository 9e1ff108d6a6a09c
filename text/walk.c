/* SPDX-License-Identifier: MIT */
/* walk.c -- see walk.h. */
#include "walk.h"

#include <stddef.h>
#include <string.h>

void
tubei_walk_begin(tubei_walk *w, tubei_branch *branch)
{
    w->deep = 0;
    w->at[0] = (tubei_walk_at){ .branch = branch };
}

tubei_call *
tubei_walk_next(tubei_walk *w)
{
    for (;;) {
        tubei_walk_at *at = &w->at[w->deep];
        tubei_call *last = at->call > 0 ? &at->branch->call[at->call - 1] : NULL;

        if (last != NULL && at->next < last->n_branches) {
            w->at[++w->deep] = (tubei_walk_at){ .branch = &last->branch[at->next++] };
        } else if (at->call < at->branch->n) {
            at->next = 0;
            return &at->branch->call[at->call++];
        } else if (w->deep-- == 0) {
            w->deep = 0;
            return NULL;
        }
    }
}

static void *
walk_copy(tubei_strings *m, const void *from, size_t n, size_t item)
{
    void *to = tubei_strings_take(m, n * item);

    if (to != NULL)
        memcpy(to, from, n * item);
    return to;
}

/* A stage is given before the walk goes into its branches, so it meets the copies. */
bool
tubei_walk_unshare(tubei_call *c, tubei_strings *m)
{
    tubei_branch whole = { .call = c, .n = 1 };
    tubei_walk w;

    tubei_walk_begin(&w, &whole);
    while ((c = tubei_walk_next(&w)) != NULL) {
        if (c->n_branches == 0)
            continue;
        c->branch = walk_copy(m, c->branch, c->n_branches, sizeof(*c->branch));
        for (uint32_t i = 0; c->branch != NULL && i < c->n_branches; i++) {
            tubei_branch *b = &c->branch[i];

            if (b->n > 0)
                b->call = walk_copy(m, b->call, b->n, sizeof(*b->call));
            if (b->n > 0 && b->call == NULL)
                return false;
        }
        if (c->branch == NULL)
            return false;
    }
    return true;
}
