/* SPDX-License-Identifier: MIT */
/* out.c -- see out.h. */
#include "out.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cli_text
cli_grouped(uint64_t n)
{
    cli_text t;
    char *p = t.s + sizeof(t.s) - 1;
    char *first;
    int digits = 0;

    *p = '\0';
    do {
        if (digits > 0 && digits % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + n % 10);
        n /= 10;
        digits++;
    } while (n > 0);
    first = t.s;
    memmove(first, p, (size_t)(t.s + sizeof(t.s) - p));
    return t;
}

cli_text
cli_bytes(double bytes)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    size_t i = 0;
    cli_text t;

    while (bytes >= 999.5 && i + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1000;
        i++;
    }
    snprintf(t.s, sizeof(t.s), i == 0 || bytes >= 99.95 ? "%.0f %s" : "%.1f %s", bytes,
             units[i]);
    return t;
}

cli_text
cli_seconds(double seconds)
{
    uint64_t whole = (uint64_t)(seconds + 0.5);
    cli_text t;

    if (seconds < 0.0000995)
        snprintf(t.s, sizeof(t.s), seconds > 0 ? "%.0f us" : "%.0f", seconds * 1e6);
    else if (seconds < 0.0995)
        snprintf(t.s, sizeof(t.s), "%.*f ms", seconds < 0.00995 ? 1 : 0, seconds * 1e3);
    else if (seconds < 59.95)
        snprintf(t.s, sizeof(t.s), seconds < 9.995 ? "%.2f s" : "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(t.s, sizeof(t.s), "%" PRIu64 ":%02" PRIu64 " min", whole / 60,
                 whole % 60);
    else
        snprintf(t.s, sizeof(t.s), "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " h",
                 whole / 3600, whole / 60 % 60, whole % 60);
    return t;
}

cli_text
cli_percent(double share)
{
    cli_text t;

    snprintf(t.s, sizeof(t.s), share > 0 && share < 0.0995 ? "%.1f %%" : "%.0f %%",
             share * 100);
    return t;
}

cli_text
cli_errno(int number)
{
    cli_text t;
    const char *s = strerror_r(number, t.s, sizeof(t.s));

    if (s != t.s)
        snprintf(t.s, sizeof(t.s), "%s", s);
    return t;
}

cli_text
cli_count(uint64_t n, const char *one, const char *many)
{
    cli_text t;

    snprintf(t.s, sizeof(t.s), "%.48s %.40s", cli_grouped(n).s, n == 1 ? one : many);
    return t;
}

const cli_colors *
cli_colors_for(FILE *to)
{
    static const cli_colors with = {
        "\033[1m", "\033[1;31m", "\033[33m", "\033[36m", "\033[2m", "\033[0m",
    };
    static const cli_colors without = { "", "", "", "", "", "" };
    const char *no = secure_getenv("NO_COLOR");
    const char *term = secure_getenv("TERM");

    if ((no != NULL && no[0] != '\0') || !isatty(fileno(to)) || term == NULL
        || strcmp(term, "dumb") == 0)
        return &without;
    return &with;
}

bool
cli_unicode(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *v = secure_getenv(names[i]);

        if (v != NULL && v[0] != '\0')
            return strstr(v, "UTF-8") != NULL || strstr(v, "utf8") != NULL
                   || strstr(v, "UTF8") != NULL || strstr(v, "utf-8") != NULL;
    }
    return false;
}

/* Bytes that the first byte of a character announces, 0: it begins none. */
static size_t
out_utf8_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

size_t
cli_utf8(const char *p, size_t len)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t n = out_utf8_length(u[0]);

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    switch (u[0]) {
    case 0xe0: return u[1] < 0xa0 ? 0 : n; /* longer than need be */
    case 0xed: return u[1] > 0x9f ? 0 : n; /* surrogates */
    case 0xf0: return u[1] < 0x90 ? 0 : n;
    case 0xf4: return u[1] > 0x8f ? 0 : n; /* above U+10FFFF */
    default: return n;
    }
}

size_t
cli_width(const char *text, size_t len)
{
    size_t width = 0;

    for (size_t i = 0; i < len; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static void
out_json_byte(FILE *to, unsigned char c)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char into[] = "\"\\nrtbf";
    const char *at = c == '\0' ? NULL : strchr(from, c);

    if (at != NULL)
        fprintf(to, "\\%c", into[at - from]);
    else if (c < 0x20 || c == 0x7f)
        fprintf(to, "\\u%04x", c);
    else
        fputc(c, to);
}

void
cli_json_string(FILE *to, const char *text, size_t len)
{
    fputc('"', to);
    for (size_t i = 0; i < len;) {
        size_t n = cli_utf8(text + i, len - i);

        if (n == 0)
            fputs("\\ufffd", to);
        else if (n == 1)
            out_json_byte(to, (unsigned char)text[i]);
        else
            fwrite(text + i, 1, n, to);
        i += n == 0 ? 1 : n;
    }
    fputc('"', to);
}

void
cli_json_text(FILE *to, const char *text)
{
    if (text == NULL)
        fputs("null", to);
    else
        cli_json_string(to, text, strlen(text));
}

const char *
cli_short_path(const char *path)
{
    static char cwd[4096];
    size_t n;

    if (cwd[0] == '\0' && getcwd(cwd, sizeof(cwd)) == NULL)
        return path;
    n = strlen(cwd);
    if (n > 1 && strncmp(path, cwd, n) == 0 && path[n] == '/')
        return path + n + 1;
    return path;
}
