/* SPDX-License-Identifier: MIT */
/* summary.c -- see summary.h. */
#include "summary.h"

#include "out.h"
#include "table.h"

#include <inttypes.h>
#include <string.h>

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
    const char *sink = cli_session_sink(s);

    if (s->o->rejects != NULL)
        return s->o->rejects;
    if (strcmp(sink, "postgres") != 0 && strcmp(sink, "sqlite") != 0)
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

static void
summary_stages(FILE *to, const struct cli_session *s)
{
    cli_table t = { .columns = 8 };
    static const char *const heads[] = { "stage",    "in",   "out",  "filtered",
                                         "rejected", "busy", "wait", "rows/s alone" };

    for (size_t i = 0; i < t.columns; i++)
        cli_table_add(&t, "%s", heads[i]);
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++) {
        tube_stage_info info = tube_stage_at(s->p, i);
        tube_stage_stats st = { 0 };
        uint64_t rows;

        tube_stats_stage(s->p, i, &st);
        rows = st.rows_in > st.rows_out ? st.rows_in : st.rows_out;
        cli_table_add(&t, "%s", info.def->name);
        summary_number(&t, st.rows_in, info.def->in >= TUBE_FLOW_LINES);
        summary_number(&t, st.rows_out, info.def->out >= TUBE_FLOW_LINES);
        summary_number(&t, st.filtered, info.def->kind == TUBE_TRANSFORM);
        summary_number(&t, st.rejected, info.def->kind != TUBE_SOURCE);
        cli_table_add(&t, "%s", cli_seconds((double)st.busy_ns / 1e9).s);
        cli_table_add(&t, "%s", cli_seconds((double)st.blocked_ns / 1e9).s);
        summary_number(&t,
                       (uint64_t)summary_rate((double)rows, (double)st.busy_ns / 1e9),
                       rows > 0 && st.busy_ns > 0);
    }
    cli_table_print(&t, to, "");
    cli_table_fini(&t);
}

void
cli_summary_print(FILE *to, const struct cli_session *s, const tube_counts *c)
{
    const cli_colors *color = cli_colors_for(to);
    char buf[256];
    const char *rejects = cli_summary_rejects(s, buf, sizeof(buf));

    summary_stages(to, s);
    fprintf(to, "%sread %s = committed %s + filtered %s + rejected %s + dropped %s",
            color->bold, cli_grouped(c->read).s, cli_grouped(c->committed).s,
            cli_grouped(c->filtered).s, cli_grouped(c->rejected).s,
            cli_grouped(c->dropped).s);
    if (c->broken > 0)
        fprintf(to, " + broken %s", cli_grouped(c->broken).s);
    if (c->in_flight > 0)
        fprintf(to, " + in flight %s", cli_grouped(c->in_flight).s);
    fprintf(to, "%s%s\n", color->off,
            cli_summary_adds_up(c) ? "" : "  (does not add up)");
    fprintf(to, "%s in %s: %s rows/s", cli_bytes((double)c->bytes).s,
            cli_seconds(s->seconds).s,
            cli_grouped((uint64_t)summary_rate((double)c->read, s->seconds)).s);
    fprintf(to, ", %s/s", cli_bytes(summary_rate((double)c->bytes, s->seconds)).s);
    fprintf(to, ", %s of memory at most\n", cli_bytes((double)c->memory_high).s);
    if (c->rejected > 0 && rejects != NULL)
        fprintf(to, "%srejected: %s in %s%s\n", color->yellow,
                cli_count(c->rejected, "record", "records").s, rejects, color->off);
    else if (c->rejected > s->rejects.shown && rejects == NULL)
        fprintf(to, "%srejected: %s; --rejects FILE keeps them all%s\n", color->yellow,
                cli_count(c->rejected, "record", "records").s, color->off);
}

static void
summary_json_stage(FILE *to, const struct cli_session *s, uint32_t i)
{
    tube_stage_info info = tube_stage_at(s->p, i);
    tube_stage_stats st = { 0 };

    tube_stats_stage(s->p, i, &st);
    fprintf(to, "%s{\"stage\":", i > 0 ? "," : "");
    cli_json_text(to, info.def->name);
    fprintf(to,
            ",\"inserted\":%s,\"rows_in\":%" PRIu64 ",\"rows_out\":%" PRIu64
            ",\"bytes_in\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"rejected\":%" PRIu64,
            info.inserted ? "true" : "false", st.rows_in, st.rows_out, st.bytes_in,
            st.filtered, st.rejected);
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
    fputs(",\"target\":", to);
    cli_json_text(to, s->target);
    fputs(",\"rejects\":", to);
    cli_json_text(to,
                  c->rejected > 0 ? cli_summary_rejects(s, buf, sizeof(buf)) : NULL);
    fprintf(to, ",\"signal\":%d,\"stages\":[", s->signo);
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++)
        summary_json_stage(to, s, i);
    fputs("],\"error\":", to);
    if (s->error.status == TUBE_OK)
        fputs("null", to);
    else
        cli_report_json(to, &s->error, &s->source);
    fputs("}\n", to);
}
