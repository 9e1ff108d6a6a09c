/* SPDX-License-Identifier: MIT */
/* sniff.c -- see sniff.h.
 *
 * Looser than the parsers: a line counts as combined if it has the shape, also where
 * the parser would reject it, because the question is what the file is meant to be.
 */
#include "sniff.h"

#include <stdint.h>
#include <string.h>

enum { LINES = 200 };

static const char *const names[] = { NULL, "combined", "common", "json" };

/* Behind the word and the blank at `i`; 0: there are none. */
static size_t
sniff_word(const char *line, size_t len, size_t i)
{
    size_t first = i;

    while (i < len && line[i] != ' ')
        i++;
    return i > first && i < len ? i + 1 : 0;
}

/* Behind the closing byte of what opens at `i`; 0: it does not. */
static size_t
sniff_closed(const char *line, size_t len, size_t i, char open, char close)
{
    if (i >= len || line[i] != open)
        return 0;
    for (i++; i < len && line[i] != close; i++)
        if (line[i] == '\\')
            i++;
    return i < len ? i + 1 : 0;
}

static bool
sniff_blank(const char *line, size_t len, size_t i)
{
    return i < len && line[i] == ' ';
}

/* Behind CLIENT IDENT USER [TIME] "REQUEST" and a blank; 0: that is not what is here. */
static size_t
sniff_head(const char *line, size_t len)
{
    size_t i = sniff_word(line, len, 0);

    i = i > 0 ? sniff_word(line, len, i) : 0;
    if (i == 0)
        return 0;
    /* A user's name may have blanks in it: the bracket ends it. */
    while (i < len && line[i] != '[')
        i++;
    i = sniff_closed(line, len, i, '[', ']');
    if (i == 0 || !sniff_blank(line, len, i))
        return 0;
    i = sniff_closed(line, len, i + 1, '"', '"');
    return i > 0 && sniff_blank(line, len, i) ? i + 1 : 0;
}

/* Behind the digits, or the '-', at `i`. */
static size_t
sniff_number(const char *line, size_t len, size_t i)
{
    while (i < len && ((line[i] >= '0' && line[i] <= '9') || line[i] == '-'))
        i++;
    return i;
}

/* CLIENT IDENT USER [TIME] "REQUEST" STATUS BYTES, and "REFERRER" "AGENT" */
static enum cli_format
sniff_access(const char *line, size_t len)
{
    size_t status = sniff_head(line, len);
    size_t i = sniff_number(line, len, status);

    if (status == 0 || i - status != 3 || !sniff_blank(line, len, i))
        return CLI_NO_FORMAT;
    i = sniff_number(line, len, i + 1);
    if (i >= len)
        return CLI_COMMON;
    i = sniff_blank(line, len, i) ? sniff_closed(line, len, i + 1, '"', '"') : 0;
    i = i > 0 && sniff_blank(line, len, i) ? sniff_closed(line, len, i + 1, '"', '"')
                                           : 0;
    return i > 0 ? CLI_COMBINED : CLI_NO_FORMAT;
}

enum cli_format
cli_sniff_line(const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
        len--;
    while (len > 0 && (line[0] == ' ' || line[0] == '\t')) {
        line++;
        len--;
    }
    if (len >= 2 && line[0] == '{' && line[len - 1] == '}')
        return CLI_JSON;
    return sniff_access(line, len);
}

static bool
sniff_is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

struct cli_sniffed
cli_sniff(const char *text, size_t len, bool whole)
{
    unsigned count[sizeof(names) / sizeof(names[0])] = { 0 };
    struct cli_sniffed s = { .format = CLI_NO_FORMAT };

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    while (len > 0 && s.lines < LINES) {
        const char *end = memchr(text, '\n', len);
        size_t n = end == NULL ? len : (size_t)(end - text);

        if (end == NULL && !whole)
            break;
        if (!sniff_is_blank(text, n)) {
            s.lines++;
            count[cli_sniff_line(text, n)]++;
        }
        n += end != NULL;
        text += n;
        len -= n;
    }
    for (unsigned f = 1; f < sizeof(names) / sizeof(names[0]); f++) {
        if (count[f] > s.fit) {
            s.fit = count[f];
            s.format = (enum cli_format)f;
        }
    }
    if (s.fit * 2 < s.lines)
        s.format = CLI_NO_FORMAT;
    return s;
}

const char *
cli_format_name(enum cli_format f)
{
    return names[f];
}

enum cli_format
cli_format_find(const char *name)
{
    for (unsigned f = 1; f < sizeof(names) / sizeof(names[0]); f++)
        if (strcmp(names[f], name) == 0)
            return (enum cli_format)f;
    return CLI_NO_FORMAT;
}
