/* SPDX-License-Identifier: MIT */
/* explain_dot.c -- the graph for Graphviz and for Mermaid. */
#include "draw_label.h"
#include "explain.h"
#include "out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 60 }; /**< characters of a list of fields at an edge */

/* A string of DOT in double quotes.  Graphviz reads HTML's entities in it, and escapes
 * of its own. */
static void
dot_text(const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '"': fputs("\\\"", stdout); break;
        case '\\': fputs("\\\\", stdout); break;
        case '&': fputs("&amp;", stdout); break;
        case '<': fputs("&lt;", stdout); break;
        case '>': fputs("&gt;", stdout); break;
        default: putchar(*text); break;
        }
}

/* A string of Mermaid in double quotes.  What could begin markup, an entity, a directive
 * or a comment becomes #CODE; */
static void
mermaid_text(const char *text)
{
    static const char plain[] = " .,:/=+-_()'*?!@$";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
            || (c >= 'a' && c <= 'z') || strchr(plain, c) != NULL)
            putchar(c);
        else
            printf("#%d;", c);
    }
}

/** What tells the two languages apart. */
struct dot {
    void (*text)(const char *text);
    const char *newline;
    bool mermaid;
};

static bool
dot_stage(const struct dot *d, const struct cli_picture *x, uint32_t i)
{
    const struct cli_node *u = &x->g->node[i];
    char *name = cli_label_name(x->g, i);
    char *more = cli_label_options(x->g, i, x->ascii);

    if (name != NULL && more != NULL) {
        printf(d->mermaid ? "  s%" PRIu32 "[\"" : "  s%" PRIu32 " [label=\"", i);
        d->text(name);
        if (u->copies > 1)
            printf(" x%" PRIu32, u->copies);
        fputs(u->info.inserted ? " (inserted)" : "", stdout);
        if (more[0] == ' ') {
            fputs(d->newline, stdout);
            d->text(more + 1);
        }
        printf("%s%s\"]", d->newline, cli_label_thread(u, x->caller));
        if (!d->mermaid && u->info.inserted)
            printf(" [style=dashed]");
        fputs(d->mermaid ? "\n" : ";\n", stdout);
        if (d->mermaid && u->info.inserted)
            printf("  style s%" PRIu32 " stroke-dasharray:4 4\n", i);
    }
    free(name);
    free(more);
    return name != NULL && more != NULL;
}

static bool
dot_edge(const struct dot *d, const struct cli_picture *x, uint32_t i)
{
    const tube_edge_info *e = &x->g->edge[i];
    char *text = cli_label_edge(x->g, i, FIELDS, x->ascii);

    if (text == NULL)
        return false;
    if (d->mermaid)
        printf("  s%" PRIu32 " -->|\"", e->from);
    else
        printf("  s%" PRIu32 " -> s%" PRIu32 " [label=\"", e->from, e->to);
    d->text(text);
    if (d->mermaid)
        printf("\"| s%" PRIu32 "\n", e->to);
    else
        printf("\"];\n");
    free(text);
    return true;
}

static bool
dot_graph(const struct dot *d, const struct cli_picture *x)
{
    bool good = true;

    for (uint32_t i = 0; good && i < x->g->n; i++)
        if (x->g->node[i].info.def != NULL && !x->g->node[i].hidden)
            good = dot_stage(d, x, i);
    for (uint32_t i = 0; good && i < x->g->n_edges; i++)
        if (!x->g->node[x->g->edge[i].from].hidden
            && !x->g->node[x->g->edge[i].to].hidden)
            good = dot_edge(d, x, i);
    return good;
}

bool
cli_explain_dot(const struct cli_picture *x)
{
    static const struct dot d = { dot_text, "\\n", false };
    bool good;

    printf("digraph tubes {\n  rankdir=TB;\n  node [shape=box];\n");
    good = dot_graph(&d, x);
    printf("}\n");
    return good;
}

bool
cli_explain_mermaid(const struct cli_picture *x)
{
    static const struct dot d = { mermaid_text, "<br/>", true };

    printf("flowchart TD\n");
    return dot_graph(&d, x);
}
