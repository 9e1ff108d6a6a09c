/* SPDX-License-Identifier: MIT */
/* explain_draw.c -- see explain.h. */
#include "explain.h"
#include "out.h"
#include "schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INNER = 70,   /**< characters in a box */
    BESIDE = 42,  /**< characters beside an edge */
    FIELDS = 2048 /**< bytes of a list of fields */
};

/** The pieces of a box. */
struct draw {
    const char *top_left, *top_right, *low_left, *low_right, *across, *down, *tee;
};

static const struct draw ascii = { "+", "+", "+", "+", "-", "|", "+" };
static const struct draw lines = { "┌", "┐", "└", "┘", "─", "│", "┬" };

static const tube_option *
draw_options(const tube_pipeline *p, uint32_t i)
{
    return tube_stage_at(p, i).def->options;
}

static bool
draw_same(const tube_schema *a, const tube_schema *b)
{
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

/* What goes over the edge behind stage `i`. */
static const char *
draw_flow(const tube_pipeline *p, uint32_t i, char *buf, size_t len)
{
    tube_stage_info info = tube_stage_at(p, i);

    if (info.output == NULL || info.def->out == TUBE_FLOW_BYTES)
        snprintf(buf, len, "%s", cli_flow_name(info.def->out));
    else
        cli_schema_text(info.output, buf, len);
    return buf;
}

static void
draw_rule(const char *left, const char *middle, const char *right, const struct draw *d)
{
    fputs(left, stdout);
    for (int i = 0; i < INNER; i++)
        fputs(middle != NULL && i == INNER / 2 ? middle : d->across, stdout);
    fputs(right, stdout);
    putchar('\n');
}

/* A line in the box, cut to fit. */
static void
draw_line(const struct draw *d, const char *text)
{
    size_t n = strlen(text);
    size_t width = cli_width(text, n);
    const char *dots = "";

    if (width > INNER - 2) {
        for (n = 0, width = 0; width < INNER - 5; n++)
            width += ((unsigned char)text[n + 1] & 0xc0) != 0x80;
        dots = "...";
        width += 3;
    }
    printf("%s %.*s%s%*s %s\n", d->down, (int)n, text, dots, (int)(INNER - 2 - width),
           "", d->down);
}

/* Text under a box, broken at blanks. */
static void
draw_edge(const struct draw *d, const char *text)
{
    while (*text != '\0') {
        size_t n = strlen(text);

        if (n > BESIDE) {
            n = BESIDE;
            while (n > 0 && text[n] != ' ')
                n--;
            n = n == 0 ? BESIDE : n;
        }
        printf("%*s%s  %.*s\n", INNER / 2 + 1, "", d->down, (int)n, text);
        text += n;
        text += strspn(text, " ");
    }
}

static void
draw_time(const tube_pipeline *p, uint32_t i, const struct draw *d, double seconds)
{
    char line[256];
    tube_stage_stats st = { 0 };
    uint32_t depth = tube_stage_at(p, i).depth;

    tube_stats_stage(p, i, &st);
    snprintf(line, sizeof(line), "busy %s, waiting for room %s",
             cli_percent((double)st.busy_ns / 1e9 / seconds).s,
             cli_percent((double)st.blocked_ns / 1e9 / seconds).s);
    if (depth > 0 && st.activations > 0)
        snprintf(line + strlen(line), sizeof(line) - strlen(line),
                 ", queue %.1f of %" PRIu32,
                 (double)st.queue_sum / (double)st.activations, depth);
    draw_line(d, line);
    if (st.rows_in + st.rows_out == 0)
        return;
    snprintf(line, sizeof(line), "in %s, out %s rows", cli_grouped(st.rows_in).s,
             cli_grouped(st.rows_out).s);
    draw_line(d, line);
}

static void
draw_box(const tube_pipeline *p, uint32_t i, const struct draw *d, double seconds)
{
    tube_stage_info info = tube_stage_at(p, i);
    bool last = i + 1 == tube_stage_count(p);
    char line[512];
    char value[400];

    draw_rule(d->top_left, i > 0 ? d->across : NULL, d->top_right, d);
    snprintf(line, sizeof(line), "%s%s", info.def->name,
             info.inserted ? "  (put in between, not in the text)" : "");
    draw_line(d, line);
    for (const tube_option *o = draw_options(p, i); o != NULL && o->name != NULL; o++) {
        const char *text = tube_option_text(p, i, o->name, value, sizeof(value));

        if (text == NULL || text[0] == '\0')
            continue;
        snprintf(line, sizeof(line), "  %-12s %.400s", o->name, text);
        draw_line(d, line);
    }
    if (seconds > 0)
        draw_time(p, i, d, seconds);
    draw_rule(d->low_left, last ? NULL : d->tee, d->low_right, d);
}

int
cli_bottleneck(const tube_pipeline *p)
{
    uint64_t most = 0;
    int which = -1;

    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_stats st = { 0 };
        uint64_t load;

        tube_stats_stage(p, i, &st);
        /* A sink that waits for its server has input and no room to go on: the wait
         * is its own.  What others wait for room is the sink's doing, not theirs. */
        load = st.busy_ns;
        if (tube_stage_at(p, i).def->kind == TUBE_SINK)
            load += st.blocked_ns;
        if (load > most) {
            most = load;
            which = (int)i;
        }
    }
    return which;
}

void
cli_explain_boxes(const tube_pipeline *p, double seconds)
{
    const struct draw *d = cli_unicode() ? &lines : &ascii;
    int slow = seconds > 0 ? cli_bottleneck(p) : -1;
    char buf[FIELDS];

    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        draw_box(p, i, d, seconds);
        if (i + 1 == tube_stage_count(p))
            break;
        if (i > 0
            && draw_same(tube_stage_at(p, i).output, tube_stage_at(p, i - 1).output))
            draw_edge(d, "the same fields");
        else
            draw_edge(d, draw_flow(p, i, buf, sizeof(buf)));
        snprintf(buf, sizeof(buf), "queue of %" PRIu32 " batches",
                 tube_stage_at(p, i + 1).depth);
        draw_edge(d, buf);
    }
    if (slow >= 0) {
        tube_stage_stats st = { 0 };

        tube_stats_stage(p, (uint32_t)slow, &st);
        printf("the slowest stage is %s: busy %s, waiting %s of %s\n",
               tube_stage_at(p, (uint32_t)slow).def->name,
               cli_percent((double)st.busy_ns / 1e9 / seconds).s,
               cli_percent((double)st.blocked_ns / 1e9 / seconds).s,
               cli_seconds(seconds).s);
    }
}

/* Text inside double quotes of both languages. */
static void
draw_quoted(const char *text)
{
    for (; *text != '\0'; text++)
        putchar(*text == '"' ? '\'' : *text == '\\' || *text == '\n' ? ' ' : *text);
}

void
cli_explain_dot(const tube_pipeline *p)
{
    char buf[FIELDS];

    printf("digraph tubes {\n  rankdir=TB;\n  node [shape=box];\n");
    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_info info = tube_stage_at(p, i);

        printf("  s%" PRIu32 " [label=\"%s\"%s];\n", i, info.def->name,
               info.inserted ? ", style=dashed" : "");
    }
    for (uint32_t i = 0; i + 1 < tube_stage_count(p); i++) {
        printf("  s%" PRIu32 " -> s%" PRIu32 " [label=\"", i, i + 1);
        draw_quoted(draw_flow(p, i, buf, sizeof(buf)));
        printf("\\n%" PRIu32 " batches\"];\n", tube_stage_at(p, i + 1).depth);
    }
    printf("}\n");
}

void
cli_explain_mermaid(const tube_pipeline *p)
{
    char buf[FIELDS];

    printf("flowchart TD\n");
    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_info info = tube_stage_at(p, i);

        printf("  s%" PRIu32 "[\"%s%s\"]\n", i, info.def->name,
               info.inserted ? " (put in between)" : "");
    }
    for (uint32_t i = 0; i + 1 < tube_stage_count(p); i++) {
        printf("  s%" PRIu32 " -->|\"", i);
        draw_quoted(draw_flow(p, i, buf, sizeof(buf)));
        printf("; %" PRIu32 " batches\"| s%" PRIu32 "\n", tube_stage_at(p, i + 1).depth,
               i + 1);
    }
}

static void
draw_json_options(const tube_pipeline *p, uint32_t i)
{
    char value[FIELDS];
    bool first = true;

    printf(",\"options\":{");
    for (const tube_option *o = draw_options(p, i); o != NULL && o->name != NULL; o++) {
        const char *text = tube_option_text(p, i, o->name, value, sizeof(value));

        printf("%s", first ? "" : ",");
        first = false;
        cli_json_text(stdout, o->name);
        printf(":");
        cli_json_text(stdout, text);
    }
    printf("}");
}

void
cli_explain_json(const tube_pipeline *p, double seconds)
{
    int slow = seconds > 0 ? cli_bottleneck(p) : -1;

    printf("{\"stages\":[");
    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_info info = tube_stage_at(p, i);
        tube_stage_stats st = { 0 };

        printf("%s{\"stage\":", i > 0 ? "," : "");
        cli_json_text(stdout, info.def->name);
        printf(",\"kind\":\"%s\",\"inserted\":%s,\"gives\":\"%s\",\"queue\":%" PRIu32
               ",\"fields\":",
               cli_kind_name(info.def->kind), info.inserted ? "true" : "false",
               cli_flow_name(info.def->out), info.depth);
        cli_schema_json(stdout, info.output);
        draw_json_options(p, i);
        if (seconds > 0) {
            tube_stats_stage(p, i, &st);
            printf(",\"rows_in\":%" PRIu64 ",\"rows_out\":%" PRIu64
                   ",\"busy_share\":%.4f,\"blocked_share\":%.4f",
                   st.rows_in, st.rows_out, (double)st.busy_ns / 1e9 / seconds,
                   (double)st.blocked_ns / 1e9 / seconds);
        }
        printf("}");
    }
    printf("]");
    if (seconds > 0)
        printf(",\"seconds\":%.6f", seconds);
    if (slow >= 0) {
        printf(",\"bottleneck\":");
        cli_json_text(stdout, tube_stage_at(p, (uint32_t)slow).def->name);
    }
    printf("}\n");
}
