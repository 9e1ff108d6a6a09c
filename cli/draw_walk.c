/* SPDX-License-Identifier: MIT */
/* draw_walk.c -- the order in which the stages of a graph are drawn.
 *
 * What goes on straight stays on its rail: the last output of a fork, the first input
 * of a join.  All else stands to the right, one branch after the other, each from its
 * beginning to where it ends or joins.  A frame is a rail with something to its right
 * still to be drawn, so the frames are the rails to the left of the row.
 */
#include "draw_graph.h"

#include <stdlib.h>

/** A fork or a join that is not done. */
struct walk_frame {
    uint32_t node;
    uint32_t next;     /**< output or input that is drawn next */
    uint32_t rejoin;   /**< of a fork: where its branches come back to */
    uint32_t straight; /**< of a fork: the edge that goes on; CLI_NO_NODE: none */
    bool join;
};

enum walk_state {
    WALK_ROOT,  /**< look for something that is not drawn */
    WALK_NODE,  /**< draw `at`, a stage */
    WALK_EDGE,  /**< follow `at`, an edge, straight down */
    WALK_ENTER, /**< follow `at`, an edge that was drawn when its branch opened */
    WALK_POP,   /**< the chain has ended: what else has the innermost frame? */
    WALK_END,
};

/** What is known of a stage while we walk. */
struct walk_mark {
    uint32_t arrived; /**< inputs that were drawn */
    uint32_t home;    /**< rail of a join; CLI_NO_NODE: not known yet */
    bool drawn;
};

struct cli_walk {
    const struct cli_graph *g;
    struct walk_mark *mark;
    bool *walked; /**< by edge */
    struct walk_frame *frame;
    uint32_t n_frames;
    uint32_t room;
    uint32_t root; /**< all before it are drawn */
    enum walk_state state;
    uint32_t at;
    bool odd; /**< second round over the roots: those with inputs too */
    bool failed;
};

struct cli_walk *
cli_walk_begin(const struct cli_graph *g)
{
    struct cli_walk *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->g = g;
    w->mark = calloc((size_t)g->n + 1, sizeof(*w->mark));
    w->walked = calloc((size_t)g->n_edges + 1, sizeof(*w->walked));
    w->state = WALK_ROOT;
    if (w->mark == NULL || w->walked == NULL) {
        cli_walk_end(w);
        return NULL;
    }
    for (uint32_t i = 0; i < g->n; i++)
        w->mark[i].home = CLI_NO_NODE;
    return w;
}

void
cli_walk_end(struct cli_walk *w)
{
    if (w == NULL)
        return;
    free(w->mark);
    free(w->walked);
    free(w->frame);
    free(w);
}

bool
cli_walk_failed(const struct cli_walk *w)
{
    return w->failed;
}

static void
walk_go(struct cli_walk *w, enum walk_state state, uint32_t at)
{
    w->state = state;
    w->at = at;
}

static bool
walk_push(struct cli_walk *w, struct walk_frame f)
{
    if (w->n_frames == w->room) {
        uint32_t room = w->room == 0 ? 16 : w->room * 2;
        struct walk_frame *frame = reallocarray(w->frame, room, sizeof(*frame));

        if (frame == NULL) {
            w->failed = true;
            w->state = WALK_END;
            return false;
        }
        w->frame = frame;
        w->room = room;
    }
    w->frame[w->n_frames++] = f;
    return true;
}

static uint32_t
walk_out(const struct cli_walk *w, uint32_t node, uint32_t j)
{
    return w->g->out[w->g->node[node].first_out + j];
}

static uint32_t
walk_in(const struct cli_walk *w, uint32_t node, uint32_t j)
{
    return w->g->in[w->g->node[node].first_in + j];
}

/* The source that feeds `node` through first inputs. */
static uint32_t
walk_source_of(const struct cli_walk *w, uint32_t node)
{
    for (uint32_t n = 0; n < w->g->n; n++) {
        if (w->mark[node].drawn || w->g->node[node].n_in == 0)
            break;
        node = w->g->edge[walk_in(w, node, 0)].from;
    }
    return node;
}

/* A drawing begins with the source of the first input of the first input: a later one
 * would be drawn as if all else joined it. */
static uint32_t
walk_first_source(const struct cli_walk *w, uint32_t root)
{
    uint32_t node = root;

    for (uint32_t n = 0; n < w->g->n && w->g->node[node].n_out > 0; n++) {
        uint32_t e = walk_out(w, node, w->g->node[node].n_out - 1);

        node = w->g->edge[e].to;
        if (w->mark[node].drawn)
            break;
        if (walk_in(w, node, 0) != e && !w->g->node[node].info.inserted)
            root = walk_source_of(w, node);
    }
    return root;
}

static bool
walk_visible(const struct cli_walk *w, uint32_t i)
{
    const struct cli_node *u = &w->g->node[i];

    return u->info.def != NULL && !u->hidden && !w->mark[i].drawn;
}

static void
walk_root(struct cli_walk *w)
{
    for (; w->root < w->g->n; w->root++) {
        uint32_t i = w->root;

        if (!walk_visible(w, i) || (!w->odd && w->g->node[i].n_in > 0))
            continue;
        walk_go(w, WALK_NODE, w->odd ? i : walk_first_source(w, i));
        return;
    }
    if (w->odd) {
        w->state = WALK_END;
        return;
    }
    w->odd = true;
    w->root = 0;
}

static bool
walk_node(struct cli_walk *w, struct cli_row *row)
{
    const struct cli_node *u = &w->g->node[w->at];
    struct walk_frame f = { .node = w->at, .rejoin = CLI_NO_NODE };

    *row = (struct cli_row){ CLI_ROW_STAGE, w->n_frames, w->at, CLI_NO_NODE };
    w->mark[w->at].drawn = true;
    f.straight = CLI_NO_NODE;
    if (u->n_out == 0) {
        w->state = WALK_POP;
    } else if (u->n_out == 1) {
        walk_go(w, WALK_EDGE, walk_out(w, w->at, 0));
    } else {
        if (u->info.def->rejoin != TUBE_REJOIN_ALL)
            f.straight = walk_out(w, w->at, u->n_out - 1);
        w->state = WALK_POP;
        return walk_push(w, f);
    }
    return true;
}

/* At a join: on its own rail, or from the branch to the right of it? */
static bool
walk_is_home(struct cli_walk *w, uint32_t to)
{
    struct walk_frame *top = w->n_frames == 0 ? NULL : &w->frame[w->n_frames - 1];
    struct walk_mark *m = &w->mark[to];

    /* The only joins that are put in are those behind a fork whose branches return. */
    if (m->home == CLI_NO_NODE && w->g->node[to].info.inserted && top != NULL
        && !top->join) {
        top->rejoin = to;
        m->home = w->n_frames - 1;
    }
    if (m->home == CLI_NO_NODE)
        m->home = w->n_frames;
    return m->home == w->n_frames;
}

/* Follow an edge; false: no row was made. */
static bool
walk_edge(struct cli_walk *w, struct cli_row *row)
{
    uint32_t e = w->at;
    uint32_t to = w->g->edge[e].to;
    uint32_t n_in = w->g->node[to].n_in;
    bool told = w->state == WALK_ENTER;

    w->walked[e] = true;
    w->mark[to].arrived++;
    *row = (struct cli_row){ CLI_ROW_EDGE, w->n_frames, CLI_NO_NODE, e };
    if (n_in > 1 && !walk_is_home(w, to)) {
        row->kind = CLI_ROW_CLOSE;
        row->level = w->n_frames - 1;
        row->edge = told ? CLI_NO_NODE : e;
        w->state = WALK_POP;
        return w->n_frames > 0;
    }
    if (w->mark[to].arrived < n_in) {
        w->state = WALK_POP;
        if (!walk_push(w, (struct walk_frame){ .node = to, .join = true }))
            return false;
    } else {
        walk_go(w, w->mark[to].drawn ? WALK_POP : WALK_NODE, to);
    }
    return !told;
}

static void
walk_pop_join(struct cli_walk *w, struct walk_frame *f)
{
    uint32_t node = f->node;

    for (; f->next < w->g->node[node].n_in; f->next++) {
        uint32_t e = walk_in(w, node, f->next);
        uint32_t from;

        if (w->walked[e])
            continue;
        from = walk_source_of(w, w->g->edge[e].from);
        if (!w->mark[from].drawn) {
            walk_go(w, WALK_NODE, from);
            return;
        }
        w->walked[e] = true;
    }
    w->n_frames--;
    walk_go(w, w->mark[node].drawn ? WALK_POP : WALK_NODE, node);
}

/* Behind the last branch of a fork. */
static void
walk_leave_fork(struct cli_walk *w, const struct walk_frame *f)
{
    struct walk_frame gone = *f;

    w->n_frames--;
    if (gone.straight != CLI_NO_NODE) {
        walk_go(w, WALK_EDGE, gone.straight);
    } else if (gone.rejoin == CLI_NO_NODE || w->mark[gone.rejoin].drawn) {
        w->state = WALK_POP;
    } else if (w->mark[gone.rejoin].arrived >= w->g->node[gone.rejoin].n_in) {
        walk_go(w, WALK_NODE, gone.rejoin);
    } else {
        w->state = WALK_POP;
        (void)walk_push(w, (struct walk_frame){ .node = gone.rejoin, .join = true });
    }
}

static bool
walk_pop(struct cli_walk *w, struct cli_row *row)
{
    struct walk_frame *f;
    uint32_t e;

    if (w->n_frames == 0) {
        w->state = WALK_ROOT;
        return false;
    }
    f = &w->frame[w->n_frames - 1];
    if (f->join) {
        walk_pop_join(w, f);
        return false;
    }
    if (f->next == w->g->node[f->node].n_out
        || walk_out(w, f->node, f->next) == f->straight) {
        walk_leave_fork(w, f);
        return false;
    }
    e = walk_out(w, f->node, f->next++);
    walk_go(w, WALK_ENTER, e);
    *row = (struct cli_row){ CLI_ROW_OPEN, w->n_frames - 1, CLI_NO_NODE, e };
    return true;
}

bool
cli_walk_next(struct cli_walk *w, struct cli_row *row)
{
    while (w->state != WALK_END) {
        bool made = false;

        switch (w->state) {
        case WALK_ROOT: walk_root(w); break;
        case WALK_NODE: made = walk_node(w, row); break;
        case WALK_EDGE:
        case WALK_ENTER: made = walk_edge(w, row); break;
        case WALK_POP: made = walk_pop(w, row); break;
        case WALK_END: break;
        }
        if (made)
            return true;
    }
    return false;
}
