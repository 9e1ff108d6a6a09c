/* SPDX-License-Identifier: MIT */
/* json_read.c -- see json_read.h. */
#include "json_read.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16 };

/* \uXXXX as UTF-8; surrogates become '?', since our own writer makes none. */
static size_t
json_escape_unicode(const char *p, char *to)
{
    char hex[5] = "";
    unsigned long c;
    char *end;

    memcpy(hex, p, strnlen(p, 4));
    c = strtoul(hex, &end, 16);
    if (end != hex + 4 || (c >= 0xd800 && c < 0xe000)) {
        to[0] = '?';
        return 1;
    }
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    to[0] = (char)(0xe0 | c >> 12);
    to[1] = (char)(0x80 | (c >> 6 & 63));
    to[2] = (char)(0x80 | (c & 63));
    return 3;
}

/* The escape behind the backslash where `p` stands; how many bytes it makes, 0: none. */
static size_t
json_escape(struct cli_json *j, char *to)
{
    static const char from[] = "nrtbf";
    static const char into[] = "\n\r\t\b\f";
    const char *at;
    size_t n;

    j->p++;
    if (*j->p == '\0')
        return 0;
    if (*j->p == 'u') {
        n = json_escape_unicode(j->p + 1, to);
        j->p += strnlen(j->p + 1, 4);
        return n;
    }
    at = strchr(from, *j->p);
    to[0] = *j->p;
    if (at != NULL)
        to[0] = into[at - from];
    return 1;
}

/* The string at the quote where `p` stands. */
static bool
json_string(struct cli_json *j, char *to, size_t len)
{
    size_t n = 0;

    for (j->p++; *j->p != '"'; j->p++) {
        char c[4] = { *j->p };
        size_t bytes = 1;

        if (*j->p == '\\')
            bytes = json_escape(j, c);
        if (*j->p == '\0' || bytes == 0)
            return false;
        if (n + bytes < len) {
            memcpy(to + n, c, bytes);
            n += bytes;
        }
    }
    j->p++;
    to[n] = '\0';
    return true;
}

static enum cli_json_event
json_scalar(struct cli_json *j)
{
    size_t n = strspn(j->p, "abcdefghijklmnopqrstuvwxyz");
    char *end;

    if (n > 0 && n < sizeof(j->text)) {
        memcpy(j->text, j->p, n);
        j->text[n] = '\0';
        j->p += n;
        return CLI_JSON_WORD;
    }
    if (strchr("-0123456789", *j->p) == NULL)
        return CLI_JSON_BROKEN;
    j->number = strtod(j->p, &end);
    j->p = end;
    return CLI_JSON_NUMBER;
}

static enum cli_json_event
json_bracket(struct cli_json *j)
{
    bool open = *j->p == '{' || *j->p == '[';

    j->p++;
    j->depth += open ? 1 : -1;
    if (j->depth < 0 || j->depth > DEEPEST)
        return CLI_JSON_BROKEN;
    return open ? CLI_JSON_OPEN : CLI_JSON_CLOSE;
}

enum cli_json_event
cli_json_next(struct cli_json *j)
{
    for (;;) {
        j->p += strspn(j->p, " \t\r\n,");
        if (*j->p == '\0')
            return j->depth == 0 ? CLI_JSON_END_OF_TEXT : CLI_JSON_BROKEN;
        if (strchr("{}[]", *j->p) != NULL)
            return json_bracket(j);
        if (*j->p != '"')
            return json_scalar(j);
        if (!json_string(j, j->text, sizeof(j->text)))
            return CLI_JSON_BROKEN;
        j->p += strspn(j->p, " \t\r\n");
        if (*j->p != ':')
            return CLI_JSON_STRING;
        j->p++;
        memcpy(j->key, j->text, sizeof(j->key) - 1);
        j->key[sizeof(j->key) - 1] = '\0';
    }
}
