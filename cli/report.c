/* SPDX-License-Identifier: MIT */
/* report.c -- see report.h. */
#include "report.h"

#include "command.h"
#include "out.h"
#include "progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

enum {
    LINE = 4096,  /**< bytes of a line of text that are looked at */
    WIDEST = 100, /**< bytes of it that are shown */
    BEFORE = 60,  /**< of them in front of the place, if the line is longer */
};

/* Behind "password=": to the blank or the quote that ends it. */
static void
report_cover_value(char *p)
{
    char quote = '\0';

    if (*p == '\'' || *p == '"' || *p == '`')
        quote = *p++;
    for (; *p != '\0'; p++) {
        if (quote != '\0' ? *p == quote : strchr(" \t\r\n\"'`|,]&)", *p) != NULL)
            return;
        *p = '*';
    }
}

/* Behind "://": the part between the first ':' and the last '@' of the authority. */
static void
report_cover_url(char *p)
{
    char *colon = NULL;
    char *at = NULL;

    for (; *p != '\0' && strchr("/ \t\r\n\"'`|", *p) == NULL; p++) {
        if (*p == ':' && colon == NULL)
            colon = p;
        if (*p == '@')
            at = p;
    }
    if (colon != NULL && at != NULL && colon < at)
        memset(colon + 1, '*', (size_t)(at - colon - 1));
}

void
cli_cover(char *text)
{
    static const char *const words[] = { "password", "passwd", "sslpassword" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (char *p = text; (p = strcasestr(p, words[i])) != NULL;) {
            p += strlen(words[i]);
            p += strspn(p, " ");
            if (*p == '=')
                report_cover_value(p + 1 + strspn(p + 1, " "));
        }
    }
    for (char *p = text; (p = strstr(p, "://")) != NULL;) {
        p += 3;
        report_cover_url(p);
    }
}

/* Line `n` of the text, covered, without tabs and control bytes. */
static size_t
report_line(const struct cli_source *source, uint32_t n, char *to)
{
    const char *p = source->text;
    size_t len;

    if (strncmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    while (n > 1 && (p = strchr(p, '\n')) != NULL) {
        p++;
        n--;
    }
    len = p == NULL ? 0 : strcspn(p, "\r\n");
    if (len >= LINE)
        len = LINE - 1;
    if (len > 0)
        memcpy(to, p, len);
    to[len] = '\0';
    cli_cover(to);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)to[i] < 0x20 || to[i] == 0x7f)
            to[i] = ' ';
    return len;
}

/** The part of a line that is shown. */
struct report_view {
    size_t from;
    size_t end;
};

static bool
report_inside(const char *line, size_t i)
{
    return ((unsigned char)line[i] & 0xc0) == 0x80;
}

/* Of a long line the part around byte `at`; no letter is cut. */
static struct report_view
report_view(const char *line, size_t len, size_t at)
{
    struct report_view v = { 0, len };

    if (len > WIDEST && at > BEFORE)
        v.from = at - BEFORE;
    while (v.from > 0 && report_inside(line, v.from))
        v.from--;
    if (len - v.from > WIDEST)
        v.end = v.from + WIDEST;
    while (v.end > at && v.end < len && report_inside(line, v.end))
        v.end--;
    return v;
}

static void
report_carets(const char *line, size_t at, size_t width, size_t end)
{
    if (at >= end)
        fputc('^', stderr);
    for (size_t i = at; i < at + width && i < end; i++)
        if (!report_inside(line, i))
            fputc('^', stderr);
}

/* The line and carets under the place. */
static void
report_place(const tube_error *e, const struct cli_source *source,
             const cli_colors *color)
{
    char line[LINE];
    size_t len = report_line(source, e->line, line);
    size_t at = e->column > 0 ? e->column - 1 : 0;
    int digits = snprintf(NULL, 0, "%" PRIu32, e->line);
    struct report_view v;
    size_t before;

    at = at > len ? len : at;
    v = report_view(line, len, at);
    before = cli_width(line + v.from, at - v.from) + (v.from > 0 ? 3 : 0);
    fprintf(stderr, "%s %*s-->%s %s:%" PRIu32 ":%" PRIu32 "\n", color->cyan, digits, "",
            color->off, source->name == NULL ? "<command line>" : source->name, e->line,
            e->column);
    fprintf(stderr, "%s %*" PRIu32 " |%s %s%.*s\n", color->cyan, digits + 2, e->line,
            color->off, v.from > 0 ? "..." : "", (int)(v.end - v.from), line + v.from);
    fprintf(stderr, "%s %*s |%s %*s%s", color->cyan, digits + 2, "", color->off,
            (int)before, "", color->red);
    report_carets(line, at, e->width > 0 ? e->width : 1, v.end);
    fprintf(stderr, "%s\n", color->off);
}

void
cli_report(const tube_error *e, const struct cli_source *source)
{
    const cli_colors *color = cli_colors_for(stderr);
    char message[sizeof(e->message)];
    char hint[sizeof(e->hint)];

    memcpy(message, e->message, sizeof(message));
    memcpy(hint, e->hint, sizeof(hint));
    cli_cover(message);
    cli_cover(hint);
    flockfile(stderr);
    cli_progress_clear();
    fprintf(stderr, "%serror:%s %s%s%s", color->red, color->off, e->stage,
            e->stage[0] != '\0' ? ": " : "", message);
    if (e->sqlstate[0] != '\0')
        fprintf(stderr, " (SQLSTATE %s)", e->sqlstate);
    fputc('\n', stderr);
    if (source != NULL && source->text != NULL && e->line > 0)
        report_place(e, source, color);
    if (hint[0] != '\0')
        fprintf(stderr, "%shelp:%s %s\n", color->cyan, color->off, hint);
    funlockfile(stderr);
}

void
cli_report_json(FILE *to, const tube_error *e, const struct cli_source *source)
{
    char message[sizeof(e->message)];
    char hint[sizeof(e->hint)];

    memcpy(message, e->message, sizeof(message));
    memcpy(hint, e->hint, sizeof(hint));
    cli_cover(message);
    cli_cover(hint);
    fprintf(to, "{\"status\":%d,\"stage\":", (int)e->status);
    cli_json_text(to, e->stage);
    fputs(",\"message\":", to);
    cli_json_text(to, message);
    fputs(",\"help\":", to);
    cli_json_text(to, hint);
    fputs(",\"sqlstate\":", to);
    cli_json_text(to, e->sqlstate);
    if (e->line > 0) {
        fputs(",\"file\":", to);
        cli_json_text(to, source == NULL ? NULL : source->name);
        fprintf(to, ",\"line\":%" PRIu32 ",\"column\":%" PRIu32 ",\"width\":%" PRIu32,
                e->line, e->column, e->width);
    }
    fputc('}', to);
}

void
cli_say(const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    cli_cover(line);
    for (char *p = line; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    flockfile(stderr);
    cli_progress_clear();
    fprintf(stderr, "%s\n", line);
    funlockfile(stderr);
}

int
cli_status(const tube_error *e, bool running)
{
    switch (e->status) {
    case TUBE_EREACH: return CLI_UNREACHABLE;
    case TUBE_EFENCED: return CLI_SUPERSEDED;
    case TUBE_ECONFIG:
    case TUBE_EINVAL:
    case TUBE_EIO:
    case TUBE_EPARSE:
    case TUBE_EDB: return running ? CLI_FAILED : CLI_USAGE;
    case TUBE_OK:
    case TUBE_END:
    case TUBE_AGAIN:
    case TUBE_QUEUED:
    case TUBE_ENOMEM:
    case TUBE_ETIME:
    case TUBE_ECANCELED:
    case TUBE_EFORK: break;
    }
    return CLI_FAILED;
}
