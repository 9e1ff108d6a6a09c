/* SPDX-License-Identifier: MIT */
/* suggest.c -- "did you mean": the nearest of some names.
 *
 * Damerau-Levenshtein distance in its restricted form (no piece is edited twice),
 * which is what typing errors need, and which three rows can hold.
 */
#include "suggest.h"

#include <tubes/stage.h>

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
    LONGEST = 64, /**< bytes of a name that is worth a comparison */
    FAR = 4,      /**< no suggestion is this far away */
};

static const char a_sink[] = "sinks are named: postgres, sqlite, print or null";

/* Words that people bring along from other tools. */
static const struct suggest_foreign {
    const char *word;
    const char *stage;
    const char *hint;
} foreign[] = {
    { "output", "print", a_sink },
    { "sink", "print", a_sink },
    { "out", "print", a_sink },
    { "to", "print", a_sink },
    { "stdout", "print", "records go to standard output with: print" },
    { "echo", "print", "records go to standard output with: print" },
    { "dump", "print", "records go to standard output with: print" },
    { "grep", "where", "keep records that match with: where line ~ `pattern`" },
    { "filter", "where", "keep records with: where status >= 400" },
    { "match", "where", "keep records with: where status >= 400" },
    { "if", "where", "keep records with: where status >= 400" },
    { "input", "file", "read a file with: file access.log" },
    { "source", "file", "read a file with: file access.log" },
    { "read", "file", "read a file with: file access.log" },
    { "cat", "file", "read a file with: file access.log" },
    { "open", "file", "read a file with: file access.log" },
    { "zcat", "file", "file reads .gz and .zst as they are: file access.log.gz" },
    { "tail", "file", "read a file with: file access.log" },
    { "stdin", "file", "read standard input with: file -" },
    { "select", "keep", "choose fields with: keep ip time status" },
    { "cut", "keep", "choose fields with: keep ip time status" },
    { "fields", "keep", "choose fields with: keep ip time status" },
    { "remove", "drop", "take fields out with: drop agent referrer" },
    { "limit", "head", "stop after some records with: head 100" },
    { "first", "head", "stop after some records with: head 100" },
    { "pg", "postgres", "did you mean 'postgres'?" },
    { "pgsql", "postgres", "did you mean 'postgres'?" },
    { "psql", "postgres", "did you mean 'postgres'?" },
    { "postgresql", "postgres", "did you mean 'postgres'?" },
    { "insert", "postgres", "store records with: postgres table=access" },
    { "copy", "postgres", "store records with: postgres table=access" },
    { "sqlite3", "sqlite", "did you mean 'sqlite'?" },
    { "clf", "parse combined", "parse it with: parse combined, or parse common" },
    { "apache", "parse combined", "parse it with: parse combined" },
    { "nginx", "parse combined", "parse it with: parse combined" },
    { "combined", "parse combined", "did you mean 'parse combined'?" },
    { "common", "parse common", "did you mean 'parse common'?" },
    { "json", "parse json", "did you mean 'parse json'?" },
    { "ndjson", "parse json", "did you mean 'parse json'?" },
    { "jsonl", "parse json", "did you mean 'parse json'?" },
    { "discard", "null", "throw records away with: null" },
    { "devnull", "null", "throw records away with: null" },
};

static char
suggest_fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    if (c == '-')
        return '_';
    return c;
}

static uint8_t
suggest_min(unsigned a, unsigned b)
{
    return (uint8_t)(a < b ? a : b);
}

/* Cost of turning the first i bytes of `a` into the first j of `b`, row by row. */
static unsigned
suggest_distance(const char *a, size_t na, const char *b, size_t nb)
{
    uint8_t row[3][LONGEST + 1];

    for (size_t j = 0; j <= nb; j++)
        row[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= na; i++) {
        uint8_t *now = row[i % 3];
        const uint8_t *up = row[(i + 2) % 3];
        const uint8_t *before = row[(i + 1) % 3];

        now[0] = (uint8_t)i;
        for (size_t j = 1; j <= nb; j++) {
            char x = suggest_fold(a[i - 1]);
            char y = suggest_fold(b[j - 1]);
            uint8_t best = suggest_min(up[j] + 1U, now[j - 1] + 1U);

            best = suggest_min(best, up[j - 1] + (x != y ? 1U : 0U));
            if (i > 1 && j > 1 && x == suggest_fold(b[j - 2])
                && y == suggest_fold(a[i - 2]))
                best = suggest_min(best, before[j - 2] + 1U);
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

const char *
tube_nearest(const char *word, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word);
    unsigned limit = FAR;

    if (len == 0 || len > LONGEST)
        return NULL;
    if (len / 3 + 1 < limit)
        limit = (unsigned)(len / 3 + 1);
    for (size_t i = 0; i < n; i++) {
        size_t nb = strlen(names[i]);
        unsigned d;

        if (nb > LONGEST || nb + FAR < len || len + FAR < nb)
            continue;
        d = suggest_distance(word, len, names[i], nb);
        if (d < limit) {
            best = names[i];
            limit = d;
        }
    }
    return best;
}

const char *
tubei_foreign(const char *word, const char **what)
{
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (strcasecmp(word, foreign[i].word) == 0) {
            *what = foreign[i].stage;
            return foreign[i].hint;
        }
    }
    return NULL;
}
