/* SPDX-License-Identifier: MIT */
/* progress.c -- see progress.h. */
#include "progress.h"

#include "out.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    SLOW_START_NS = 500000000, /**< what is done within this shows no line */
    COLUMNS = 80,
};

/* A line is on the terminal.  Warnings clear it from the threads of the engine. */
static atomic_bool shown;

void
cli_progress_begin(struct cli_progress *g, bool wanted)
{
    const char *term = secure_getenv("TERM");

    *g = (struct cli_progress){ .start_ns = tube_now() };
    g->last_ns = g->start_ns;
    g->on =
        wanted && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

void
cli_progress_clear(void)
{
    if (atomic_exchange(&shown, false))
        fputs("\r\033[K", stderr);
}

static void
progress_rates(struct cli_progress *g, const tube_counts *c)
{
    uint64_t now = tube_now();
    double seconds = (double)(now - g->last_ns) / 1e9;
    uint64_t rows = c->committed + c->filtered + c->rejected + c->dropped;
    bool first = g->rows_a_second <= 0 && g->bytes_a_second <= 0;
    double keep = first ? 0 : 0.8;

    if (seconds <= 0)
        return;
    g->rows_a_second =
        keep * g->rows_a_second + (1 - keep) * (double)(rows - g->last_rows) / seconds;
    g->bytes_a_second = keep * g->bytes_a_second
                        + (1 - keep) * (double)(c->bytes - g->last_bytes) / seconds;
    g->last_ns = now;
    g->last_rows = rows;
    g->last_bytes = c->bytes;
}

void
cli_progress_text(const struct cli_progress *g, const tube_counts *c, char *to,
                  size_t len)
{
    char left[32] = "";
    char right[128] = "";

    if (c->bytes_total > 0) {
        double share = (double)c->bytes / (double)c->bytes_total;
        double rest = (double)c->bytes_total - (double)c->bytes;

        snprintf(left, sizeof(left), "%.0f %%  ", (share > 1 ? 1 : share) * 100);
        if (g->bytes_a_second > 0 && rest > 0)
            snprintf(right, sizeof(right), "  ETA %s",
                     cli_seconds(rest / g->bytes_a_second).s);
    }
    snprintf(to, len, "%s%s  %s rows/s  %s/s%s%s%s", left,
             cli_count(c->committed, "row", "rows").s,
             cli_grouped((uint64_t)(g->rows_a_second > 0 ? g->rows_a_second : 0)).s,
             cli_bytes(g->bytes_a_second > 0 ? g->bytes_a_second : 0).s, right,
             c->rejected > 0 ? "  rejected " : "",
             c->rejected > 0 ? cli_grouped(c->rejected).s : "");
}

void
cli_progress_show(struct cli_progress *g, const tube_pipeline *p)
{
    struct winsize size = { 0 };
    size_t columns = COLUMNS;
    tube_counts c = { 0 };
    char line[256];

    if (!g->on)
        return;
    tube_stats(p, &c);
    progress_rates(g, &c);
    if (tube_now() - g->start_ns < SLOW_START_NS)
        return;
    cli_progress_text(g, &c, line, sizeof(line));
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
        columns = size.ws_col;
    if (columns < sizeof(line))
        line[columns - 1] = '\0';
    flockfile(stderr);
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    atomic_store(&shown, true);
    funlockfile(stderr);
}
