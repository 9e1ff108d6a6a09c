/* SPDX-License-Identifier: MIT */
/* draw_label.c -- see draw_label.h. */
#include "draw_label.h"

#include "out.h"
#include "schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE = 4096 }; /**< bytes of a value that must be made */

/** How an option is written. */
struct label_style {
    bool ascii;
    bool bare; /**< without its name */
};

static uint32_t
label_code_point(const unsigned char *c, size_t n)
{
    uint32_t u = n == 2 ? c[0] & 0x1fU : n == 3 ? c[0] & 0x0fU : c[0] & 0x07U;

    for (size_t i = 1; i < n; i++)
        u = u << 6 | (c[i] & 0x3fU);
    return u;
}

/* Controls of the upper half, and what turns or joins the text around it. */
static bool
label_harmful(uint32_t u)
{
    return (u >= 0x80 && u < 0xa0) || u == 0x061c || (u >= 0x200b && u <= 0x200f)
           || (u >= 0x2028 && u <= 0x202e) || (u >= 0x2060 && u <= 0x206f)
           || u == 0xfeff;
}

static void
label_byte(FILE *to, unsigned char c)
{
    if (c == '\n')
        fputs("\\n", to);
    else if (c == '\t')
        fputs("\\t", to);
    else if (c < 0x20 || c >= 0x7f)
        fprintf(to, "\\x%02x", c);
    else
        fputc(c, to);
}

void
cli_visible(FILE *to, const char *text, bool ascii)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len;) {
        size_t n = cli_utf8(text + i, len - i);
        uint32_t u;

        if (n <= 1) {
            label_byte(to, (unsigned char)text[i++]);
            continue;
        }
        u = label_code_point((const unsigned char *)text + i, n);
        if (ascii || label_harmful(u))
            fprintf(to, "\\u{%" PRIx32 "}", u);
        else
            fwrite(text + i, 1, n, to);
        i += n;
    }
}

bool
cli_option_differs(const tube_pipeline *p, uint32_t stage, const tube_option *o,
                   const char **text, char *buf, size_t len)
{
    const char *def = o->def == NULL ? "" : o->def;

    *text = tube_option_text(p, stage, o->name, buf, len);
    if (*text == NULL || strcmp(*text, def) == 0)
        return false;
    /* No value, however it is written. */
    return !((*text)[0] == '\0' || strcmp(*text, "[]") == 0) || o->def == NULL;
}

/* A value as one would type it: bare where blanks do no harm. */
static void
label_value(FILE *to, const tube_option *o, const char *text, bool ascii)
{
    if (o->type == TUBE_OPT_EXPR || o->type == TUBE_OPT_LIST
        || (text[0] != '\0' && strpbrk(text, " \t\n|#\"\\()") == NULL)) {
        cli_visible(to, text, ascii);
        return;
    }
    fputc('"', to);
    while (*text != '\0') {
        size_t n = strcspn(text, "\"\\");
        char *part = strndup(text, n);

        cli_visible(to, part == NULL ? "" : part, ascii);
        free(part);
        text += n;
        if (*text != '\0')
            fprintf(to, "\\%c", *text++);
    }
    fputc('"', to);
}

/* A list without its brackets: [a, b] -> a, b. */
static void
label_bare(FILE *to, const tube_option *o, const char *text, bool ascii)
{
    size_t n = strlen(text);
    char *inner;

    if (o->type != TUBE_OPT_LIST || n < 2 || text[0] != '[' || text[n - 1] != ']') {
        label_value(to, o, text, ascii);
        return;
    }
    inner = strndup(text + 1, n - 2);
    cli_visible(to, inner == NULL ? text : inner, ascii);
    free(inner);
}

/* One option; false: it is as it would be anyway, and nothing was written. */
static bool
label_option(FILE *to, const struct cli_graph *g, uint32_t node, const tube_option *o,
             const struct label_style *style)
{
    char buf[VALUE];
    const char *text;

    if (!cli_option_differs(g->p, node, o, &text, buf, sizeof(buf)))
        return false;
    fputc(' ', to);
    if (style->bare) {
        label_bare(to, o, text, style->ascii);
    } else {
        fprintf(to, "%s=", o->name);
        label_value(to, o, text, style->ascii);
    }
    return true;
}

static void
label_name(FILE *to, const struct cli_node *u, bool ascii)
{
    cli_visible(to, u->info.def == NULL ? "(ended)" : u->info.def->name, ascii);
    if (u->info.label != NULL && u->info.label[0] != '\0') {
        fputs(" as=", to);
        cli_visible(to, u->info.label, ascii);
    }
}

/* As in a text: what has its place, what has a name, and an expression behind all. */
static void
label_options(FILE *to, const struct cli_graph *g, uint32_t node, bool ascii)
{
    const tube_stage_def *def = g->node[node].info.def;
    struct label_style style = { .ascii = ascii, .bare = true };
    const tube_option *o;

    if (def == NULL)
        return;
    for (o = def->options; o != NULL && o->name != NULL; o++) {
        bool place = (o->flags & TUBE_OPT_POSITIONAL) != 0;
        struct label_style one = { ascii, style.bare && place };

        if (o->type == TUBE_OPT_EXPR)
            continue;
        /* Behind one that is left out no other has its place. */
        if (!label_option(to, g, node, o, &one) && place)
            style.bare = false;
    }
    style.bare = false;
    for (o = tube_common_options(); o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, "as") != 0 && !cli_has_option(def, o->name))
            label_option(to, g, node, o, &style);
    style.bare = true;
    for (o = def->options; o != NULL && o->name != NULL; o++)
        if (o->type == TUBE_OPT_EXPR)
            label_option(to, g, node, o, &style);
}

static char *
label_end(FILE *f, char **text)
{
    if (f == NULL || fclose(f) != 0) {
        free(*text);
        return NULL;
    }
    return *text;
}

char *
cli_label_stage(const struct cli_graph *g, uint32_t node, bool ascii)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (f != NULL) {
        label_name(f, &g->node[node], ascii);
        label_options(f, g, node, ascii);
    }
    return label_end(f, &text);
}

char *
cli_label_name(const struct cli_graph *g, uint32_t node)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (f != NULL)
        label_name(f, &g->node[node], !cli_unicode());
    return label_end(f, &text);
}

char *
cli_label_options(const struct cli_graph *g, uint32_t node, bool ascii)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (f != NULL)
        label_options(f, g, node, ascii);
    return label_end(f, &text);
}

static bool
label_same_fields(const tube_schema *a, const tube_schema *b)
{
    if (a == b)
        return a != NULL;
    if (a == NULL || b == NULL || tube_schema_width(a) != tube_schema_width(b))
        return false;
    for (tube_field f = 0; f < (tube_field)tube_schema_width(a); f++) {
        const tube_column *x = tube_schema_column(a, f);
        const tube_column *y = tube_schema_column(b, f);

        if (x->type != y->type || strcmp(x->name, y->name) != 0)
            return false;
    }
    return true;
}

/* As many fields as fit, and how many do not. */
static void
label_fields(FILE *to, const tube_schema *s, size_t room, bool ascii)
{
    uint32_t n = tube_schema_width(s);
    size_t used = 0;

    for (uint32_t i = 0; i < n; i++) {
        const tube_column *c = tube_schema_column(s, (tube_field)i);
        const char *type = cli_column_type(c);
        size_t width = cli_width(c->name, strlen(c->name)) + 1
                       + cli_width(type, strlen(type)) + (i > 0 ? 2 : 0);
        size_t rest = i + 1 < n ? sizeof(", 1000 more") - 1 : 0;

        if (i > 0 && used + width + rest > room) {
            fprintf(to, ", %" PRIu32 " more", n - i);
            return;
        }
        fputs(i > 0 ? ", " : "", to);
        cli_visible(to, c->name, ascii);
        fputc(' ', to);
        cli_visible(to, type, ascii);
        used += width;
    }
}

static void
label_queue(FILE *to, const tube_edge_info *e)
{
    fprintf(to, "; queue of %s", cli_count(e->depth, "batch", "batches").s);
    if (e->rows_limit != UINT64_MAX)
        fprintf(to, ", %s", cli_count(e->rows_limit, "row", "rows").s);
    if (e->bytes_limit != UINT64_MAX)
        fprintf(to, ", %s", cli_bytes((double)e->bytes_limit).s);
}

static const tube_schema *
label_schema_before(const struct cli_graph *g, uint32_t node)
{
    const struct cli_node *u = &g->node[node];

    return u->n_in == 0 ? NULL : g->edge[g->in[u->first_in]].schema;
}

char *
cli_label_edge(const struct cli_graph *g, uint32_t edge, size_t room, bool ascii)
{
    const tube_edge_info *e = &g->edge[edge];
    char *queue = NULL;
    char *text = NULL;
    size_t len = 0;
    size_t width;
    FILE *f = open_memstream(&queue, &len);

    if (f != NULL)
        label_queue(f, e);
    if (label_end(f, &queue) == NULL)
        return NULL;
    width = cli_width(queue, len);
    f = open_memstream(&text, &len);
    if (f != NULL) {
        if (e->schema == NULL)
            fputs(cli_flow_name(TUBE_FLOW_BYTES), f);
        else if (label_same_fields(e->schema, label_schema_before(g, e->from)))
            fputs("the same fields", f);
        else
            label_fields(f, e->schema, room > width ? room - width : 0, ascii);
        fputs(queue, f);
    }
    free(queue);
    return label_end(f, &text);
}

const char *
cli_label_thread(const struct cli_node *u, bool caller)
{
    if (caller)
        return "caller";
    if (u->info.def != NULL && (u->info.def->flags & TUBE_BLOCKS) != 0)
        return "pool";
    return "worker";
}
