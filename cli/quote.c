/* SPDX-License-Identifier: MIT */
/* quote.c -- see quote.h. */
#include "quote.h"

#include <stdio.h>
#include <string.h>

static bool
quote_bare(const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_./-:*?@%+";
    size_t n = strspn(word, plain);

    return n > 0 && word[n] == '\0';
}

bool
cli_quote(char *to, size_t len, const char *word, const char *behind)
{
    size_t used = strlen(to);
    bool bare = quote_bare(word);

    if (len - used < strlen(word) * 4 + strlen(behind) + 3)
        return false;
    if (!bare)
        to[used++] = '"';
    for (; *word != '\0'; word++) {
        unsigned char c = (unsigned char)*word;

        if (c < 0x20 || c == 0x7f) {
            used += (size_t)snprintf(to + used, len - used, "\\x%02x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            to[used++] = '\\';
        to[used++] = *word;
    }
    if (!bare)
        to[used++] = '"';
    memcpy(to + used, behind, strlen(behind) + 1);
    return true;
}
