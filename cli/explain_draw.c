/* SPDX-License-Identifier: MIT */
/* explain_draw.c -- the graph in a terminal: a line a stage, branches beside rails.
 *
 *   tee
 *   +--+  line text; queue of 16 batches
 *   |  head
 *   |  |  the same fields; queue of 16 batches
 *   |  print
 *   |  line text; queue of 16 batches
 *   null
 */
#include "draw_label.h"
#include "explain.h"
#include "out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/** The pieces of a drawing, three characters wide but the first. */
struct rails {
    const char *down, *open, *close, *dots;
};

static const struct rails ascii_rails = { "|", "+--.", "+--'", "..." };
static const struct rails unicode_rails = { "│", "├──╮", "├──╯", "…" };

enum { RAIL = 3, LEAST = 24 }; /**< characters: of a rail; of text in any case */

struct draw {
    const struct cli_picture *x;
    const struct rails *rails;
    const cli_colors *color;
};

static void
draw_indent(const struct draw *d, uint32_t level)
{
    fputs(d->color->dim, stdout);
    for (uint32_t i = 0; i < level; i++)
        printf("%s  ", d->rails->down);
    fputs(d->color->off, stdout);
}

/* Characters left in a line of that many rails. */
static size_t
draw_room(const struct draw *d, uint32_t level)
{
    size_t used = (size_t)level * RAIL;

    return d->x->width > used + LEAST ? d->x->width - used : LEAST;
}

/* As much of the text as fits. */
static void
draw_cut(const struct draw *d, const char *text, size_t room)
{
    size_t n = strlen(text);
    size_t width = cli_width(text, n);
    size_t dots = d->x->ascii ? 3 : 1;

    if (width <= room) {
        fputs(text, stdout);
        return;
    }
    for (n = 0, width = 0; width + dots < room; n++)
        width += ((unsigned char)text[n + 1] & 0xc0) != 0x80;
    printf("%.*s%s", (int)n, text, d->rails->dots);
}

static bool
draw_stage(const struct draw *d, const struct cli_row *row)
{
    const struct cli_node *u = &d->x->g->node[row->node];
    const char *thread = cli_label_thread(u, d->x->caller);
    char *text = cli_label_stage(d->x->g, row->node, d->x->ascii);
    char behind[64] = "";
    size_t room;

    if (text == NULL)
        return false;
    if (u->copies > 1)
        snprintf(behind, sizeof(behind), "  x%" PRIu32, u->copies);
    snprintf(behind + strlen(behind), sizeof(behind) - strlen(behind), "%s  [%s]",
             u->info.inserted ? "  (inserted)" : "", thread);
    draw_indent(d, row->level);
    room = draw_room(d, row->level);
    room = room > strlen(behind) + LEAST ? room - strlen(behind) : LEAST;
    fputs(d->color->bold, stdout);
    draw_cut(d, text, room);
    printf("%s%s%s%s\n", d->color->off, d->color->dim, behind, d->color->off);
    free(text);
    return true;
}

static bool
draw_edge(const struct draw *d, const struct cli_row *row)
{
    const char *rail = row->kind == CLI_ROW_OPEN    ? d->rails->open
                       : row->kind == CLI_ROW_CLOSE ? d->rails->close
                                                    : d->rails->down;
    uint32_t level = row->level + (row->kind == CLI_ROW_EDGE ? 1 : 2);
    size_t room = draw_room(d, level);
    char *text;

    draw_indent(d, row->level);
    fprintf(stdout, "%s%s%s", d->color->dim, rail, d->color->off);
    if (row->edge == CLI_NO_NODE) {
        putchar('\n');
        return true;
    }
    text = cli_label_edge(d->x->g, row->edge, room, d->x->ascii);
    if (text == NULL)
        return false;
    fputs("  ", stdout);
    draw_cut(d, text, room);
    putchar('\n');
    free(text);
    return true;
}

static void
draw_time(const struct draw *d, const struct cli_row *row)
{
    const struct cli_node *u = &d->x->g->node[row->node];
    const tube_stage_stats *one = &d->x->stats[row->node].busiest;
    const tube_stage_stats *sum = &d->x->stats[row->node].sum;
    double seconds = d->x->seconds;

    draw_indent(d, row->level);
    printf("%s%s%s  busy %s, waiting for room %s", d->color->dim,
           u->n_out > 0 ? d->rails->down : " ", d->color->off,
           cli_percent((double)one->busy_ns / 1e9 / seconds).s,
           cli_percent((double)one->blocked_ns / 1e9 / seconds).s);
    if (u->info.depth > 0 && sum->activations > 0)
        printf(", queue %.1f of %" PRIu32,
               (double)sum->queue_sum / (double)sum->activations, u->info.depth);
    if (sum->rows_in + sum->rows_out > 0)
        printf("; in %s, out %s rows", cli_grouped(sum->rows_in).s,
               cli_grouped(sum->rows_out).s);
    putchar('\n');
}

static void
draw_slowest(const struct draw *d)
{
    uint32_t slow = cli_bottleneck(d->x);
    const tube_stage_stats *st;
    char *name;

    if (slow == CLI_NO_NODE)
        return;
    st = &d->x->stats[slow].busiest;
    name = cli_label_name(d->x->g, slow);
    printf("the slowest stage is %s%s: busy %s, waiting %s of %s\n",
           name == NULL ? "?" : name,
           d->x->g->node[slow].copies > 1 ? " (the busiest of its copies)" : "",
           cli_percent((double)st->busy_ns / 1e9 / d->x->seconds).s,
           cli_percent((double)st->blocked_ns / 1e9 / d->x->seconds).s,
           cli_seconds(d->x->seconds).s);
    free(name);
}

uint32_t
cli_bottleneck(const struct cli_picture *x)
{
    uint32_t which = CLI_NO_NODE;
    uint64_t most = 0;

    for (uint32_t i = 0; x->stats != NULL && i < x->g->n; i++) {
        const tube_stage_stats *st = &x->stats[i].busiest;
        const tube_stage_def *def = x->g->node[i].info.def;
        uint64_t load = st->busy_ns;

        /* A sink that waits for its server has input and no room to go on: the wait
         * is its own.  What others wait for room is the sink's doing, not theirs. */
        if (def != NULL && def->kind == TUBE_SINK)
            load += st->blocked_ns;
        if (load > most) {
            most = load;
            which = i;
        }
    }
    return which;
}

bool
cli_explain_text(const struct cli_picture *x)
{
    struct draw d = { x, x->ascii ? &ascii_rails : &unicode_rails,
                      cli_colors_for(stdout) };
    struct cli_walk *w = cli_walk_begin(x->g);
    struct cli_row row;
    bool good = w != NULL;

    while (good && cli_walk_next(w, &row)) {
        if (row.kind != CLI_ROW_STAGE) {
            good = draw_edge(&d, &row);
            continue;
        }
        good = draw_stage(&d, &row);
        if (good && x->stats != NULL)
            draw_time(&d, &row);
    }
    good = good && !cli_walk_failed(w);
    cli_walk_end(w);
    if (good && x->stats != NULL)
        draw_slowest(&d);
    return good;
}
