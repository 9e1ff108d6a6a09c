/* SPDX-License-Identifier: MIT */
/* summary.c -- see summary.h. */
#include "summary.h"

#include "draw_label.h"
#include "out.h"
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 20 }; /**< branches within branches that are indented */

static uint64_t
summary_sum(const tube_counts *c)
{
    return c->committed + c->filtered + c->rejected + c->dropped + c->broken
           + c->in_flight;
}

bool
cli_summary_adds_up(const tube_counts *c)
{
    return c->read == summary_sum(c);
}

const char *
cli_summary_rejects(const struct cli_session *s, char *buf, size_t len)
{
    if (s->o->rejects != NULL)
        return s->o->rejects;
    if (!cli_session_has_sink(s, "postgres") && !cli_session_has_sink(s, "sqlite"))
        return NULL;
    snprintf(buf, len, "table tubes_reject%s%s", s->target != NULL ? " of " : "",
             s->target != NULL ? s->target : "");
    return buf;
}

static double
summary_rate(double n, double seconds)
{
    return seconds > 0 ? n / seconds : 0;
}

/* "-" where a stage has nothing to count, so that zeros mean something. */
static void
summary_number(cli_table *t, uint64_t n, bool has)
{
    if (has)
        cli_table_add(t, "%s", cli_grouped(n).s);
    else
        cli_table_add(t, "-");
}

/** Columns that are there only if one of their numbers is not zero. */
struct summary_rare {
    bool dropped;
    bool errors;
};

static void
summary_heads(cli_table *t, const struct summary_rare *rare)
{
    t->columns = 8U + rare->dropped + rare->errors;
    cli_table_add(t, "stage");
    cli_table_add(t, "in");
    cli_table_add(t, "out");
    cli_table_add(t, "filtered");
    cli_table_add(t, "rejected");
    if (rare->dropped)
        cli_table_add(t, "dropped");
    if (rare->errors)
        cli_table_add(t, "errors");
    cli_table_add(t, "busy");
    cli_table_add(t, "wait");
    cli_table_add(t, "rows/s alone");
}

static void
summary_stage(cli_table *t, const struct cli_graph *g, const struct cli_row *row,
              const tube_stage_stats *st, const struct summary_rare *rare)
{
    const struct cli_node *u = &g->node[row->node];
    const tube_stage_def *def = u->info.def;
    uint64_t rows = st->rows_in > st->rows_out ? st->rows_in : st->rows_out;
    char *name = cli_label_name(g, row->node);
    char copies[16] = "";

    if (u->copies > 1)
        snprintf(copies, sizeof(copies), " x%" PRIu32, u->copies);
    cli_table_add(t, "%*s%s%s", (int)(row->level < DEEPEST ? row->level : DEEPEST) * 2,
                  "", name == NULL ? "?" : name, copies);
    free(name);
    summary_number(t, st->rows_in, def->in >= TUBE_FLOW_LINES);
    summary_number(t, st->rows_out, def->out >= TUBE_FLOW_LINES);
    summary_number(t, st->filtered, def->kind == TUBE_TRANSFORM || st->filtered > 0);
    summary_number(t, st->rejected, def->kind != TUBE_SOURCE || st->rejected > 0);
    if (rare->dropped)
        summary_number(t, st->dropped, true);
    if (rare->errors)
        summary_number(t, st->errors, true);
    cli_table_add(t, "%s", cli_seconds((double)st->busy_ns / 1e9).s);
    cli_table_add(t, "%s", cli_seconds((double)st->blocked_ns / 1e9).s);
    summary_number(t, (uint64_t)summary_rate((double)rows, (double)st->busy_ns / 1e9),
                   rows > 0 && st->busy_ns > 0);
}

static void
summary_stages(FILE *to, const struct cli_session *s)
{
    struct cli_node_stats *stats = cli_graph_stats(&s->graph);
    struct cli_walk *w = stats == NULL ? NULL : cli_walk_begin(&s->graph);
    struct summary_rare rare = { false, false };
    cli_table t = { .columns = 0 };
    struct cli_row row;

    for (uint32_t i = 0; stats != NULL && i < s->graph.n; i++) {
        rare.dropped = rare.dropped || stats[i].sum.dropped > 0;
        rare.errors = rare.errors || stats[i].sum.errors > 0;
    }
    summary_heads(&t, &rare);
    while (w != NULL && cli_walk_next(w, &row))
        if (row.kind == CLI_ROW_STAGE)
            summary_stage(&t, &s->graph, &row, &stats[row.node].sum, &rare);
    cli_table_print(&t, to, "");
    cli_table_fini(&t);
    cli_walk_end(w);
    free(stats);
}

/* How far the records are, while they are on their way. */
static void
summary_phases(FILE *to, const tube_counts *c)
{
    fprintf(to, "read %s", cli_grouped(c->read).s);
    fprintf(to, ", parsed %s", cli_grouped(c->parsed).s);
    fprintf(to, ", queued %s", cli_grouped(c->queued).s);
    fprintf(to, ", sent %s", cli_grouped(c->sent).s);
    fprintf(to, ", committed %s", cli_grouped(c->committed).s);
    fprintf(to, ", released %s", cli_grouped(c->released).s);
    fprintf(to, "; the oldest unconfirmed: %s",
            cli_seconds((double)c->unconfirmed_ns / 1e9).s);
    if (c->pauses > 0)
        fprintf(to, "; %s", cli_count(c->pauses, "pause", "pauses").s);
    fputc('\n', to);
}

static void
summary_identity(FILE *to, const tube_counts *c, bool running)
{
    const cli_colors *color = cli_colors_for(to);

    fprintf(to, "%sread %s = committed %s + filtered %s + rejected %s + dropped %s",
            color->bold, cli_grouped(c->read).s, cli_grouped(c->committed).s,
            cli_grouped(c->filtered).s, cli_grouped(c->rejected).s,
            cli_grouped(c->dropped).s);
    if (c->broken > 0)
        fprintf(to, " + broken %s", cli_grouped(c->broken).s);
    if (c->in_flight > 0)
        fprintf(to, " + in flight %s", cli_grouped(c->in_flight).s);
    /* Counters that are read while they grow may miss each other a little. */
    fprintf(to, "%s%s\n", color->off,
            running || cli_summary_adds_up(c) ? "" : "  (does not add up)");
}

static void
summary_rejected(FILE *to, const struct cli_session *s, const tube_counts *c)
{
    const cli_colors *color = cli_colors_for(to);
    char buf[256];
    const char *rejects = cli_summary_rejects(s, buf, sizeof(buf));

    if (c->rejected > 0 && rejects != NULL)
        fprintf(to, "%srejected: %s in %s%s\n", color->yellow,
                cli_count(c->rejected, "record", "records").s, rejects, color->off);
    else if (c->rejected > s->rejects.shown && rejects == NULL)
        fprintf(to, "%srejected: %s; --rejects FILE keeps them all%s\n", color->yellow,
                cli_count(c->rejected, "record", "records").s, color->off);
}

void
cli_summary_print(FILE *to, const struct cli_session *s, const tube_counts *c,
                  bool running)
{
    double seconds = running ? (double)(tube_now() - s->begin) / 1e9 : s->seconds;

    summary_stages(to, s);
    if (running)
        summary_phases(to, c);
    summary_identity(to, c, running);
    fprintf(to, "%s in %s: %s rows/s", cli_bytes((double)c->bytes).s,
            cli_seconds(seconds).s,
            cli_grouped((uint64_t)summary_rate((double)c->read, seconds)).s);
    fprintf(to, ", %s/s", cli_bytes(summary_rate((double)c->bytes, seconds)).s);
    fprintf(to, ", %s of memory at most\n", cli_bytes((double)c->memory_high).s);
    if (!running)
        summary_rejected(to, s, c);
}

static void
summary_json_stage(FILE *to, const struct cli_session *s, uint32_t i)
{
    const tube_stage_info *info = &s->graph.node[i].info;
    tube_stage_stats st = { 0 };

    tube_stats_stage(s->p, i, &st);
    fprintf(to, "{\"index\":%" PRIu32 ",\"stage\":", i);
    cli_json_text(to, info->def->name);
    fputs(",\"label\":", to);
    cli_json_text(to, info->label == NULL ? "" : info->label);
    fprintf(to,
            ",\"copy\":%" PRIu32 ",\"inserted\":%s,\"rows_in\":%" PRIu64
            ",\"rows_out\":%" PRIu64 ",\"bytes_in\":%" PRIu64 ",\"filtered\":%" PRIu64
            ",\"rejected\":%" PRIu64,
            info->copy, info->inserted ? "true" : "false", st.rows_in, st.rows_out,
            st.bytes_in, st.filtered, st.rejected);
    fprintf(to,
            ",\"dropped\":%" PRIu64 ",\"broken\":%" PRIu64 ",\"errors\":%" PRIu64
            ",\"retries\":%" PRIu64 ",\"restarts\":%" PRIu64,
            st.dropped, st.broken, st.errors, st.retries, st.restarts);
    fprintf(to,
            ",\"busy_seconds\":%.6f,\"blocked_seconds\":%.6f,\"activations\":%" PRIu64
            ",\"queue_high\":%" PRIu32 "}",
            (double)st.busy_ns / 1e9, (double)st.blocked_ns / 1e9, st.activations,
            st.queue_high);
}

void
cli_summary_json(FILE *to, const struct cli_session *s, const tube_counts *c,
                 int status)
{
    char buf[256];
    bool first = true;

    fprintf(to,
            "{\"exit\":%d,\"read\":%" PRIu64 ",\"committed\":%" PRIu64
            ",\"filtered\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"dropped\":%" PRIu64
            ",\"broken\":%" PRIu64 ",\"in_flight\":%" PRIu64,
            status, c->read, c->committed, c->filtered, c->rejected, c->dropped,
            c->broken, c->in_flight);
    fprintf(to,
            ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"rows_per_second\":%.1f"
            ",\"bytes_per_second\":%.1f,\"memory_high\":%" PRIu64,
            c->bytes, s->seconds, summary_rate((double)c->read, s->seconds),
            summary_rate((double)c->bytes, s->seconds), c->memory_high);
    fprintf(to,
            ",\"parsed\":%" PRIu64 ",\"queued\":%" PRIu64 ",\"sent\":%" PRIu64
            ",\"released\":%" PRIu64 ",\"latency_mean\":%.6f,\"latency_max\":%.6f",
            c->parsed, c->queued, c->sent, c->released,
            summary_rate((double)c->latency_ns / 1e9, (double)c->settled),
            (double)c->latency_max_ns / 1e9);
    fputs(",\"target\":", to);
    cli_json_text(to, s->target);
    fputs(",\"rejects\":", to);
    cli_json_text(to,
                  c->rejected > 0 ? cli_summary_rejects(s, buf, sizeof(buf)) : NULL);
    fprintf(to, ",\"signal\":%d,\"stages\":[", s->signo);
    for (uint32_t i = 0; i < s->graph.n; i++) {
        if (s->graph.node[i].info.def == NULL)
            continue;
        fputs(first ? "" : ",", to);
        summary_json_stage(to, s, i);
        first = false;
    }
    fputs("],\"error\":", to);
    if (s->error.status == TUBE_OK)
        fputs("null", to);
    else
        cli_report_json(to, &s->error, &s->source);
    fputs("}\n", to);
}
