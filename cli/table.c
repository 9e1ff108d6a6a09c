/* SPDX-License-Identifier: MIT */
/* table.c -- see table.h. */
#include "table.h"

#include "out.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WIDEST = 100 }; /**< columns wider than this are not filled up */

void
cli_table_add(cli_table *t, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;

    if (t->n == t->room) {
        size_t room = t->room == 0 ? 64 : t->room * 2;
        char **cell = reallocarray(t->cell, room, sizeof(*cell));

        if (cell == NULL) {
            t->failed = true;
            return;
        }
        t->cell = cell;
        t->room = room;
    }
    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        text = NULL;
    va_end(ap);
    if (text == NULL)
        t->failed = true;
    else
        t->cell[t->n++] = text;
}

/* Digits with what may stand beside them: "1,234", "46.1 MB", "-5", "12 %", "-". */
static bool
table_number(const char *s)
{
    if (s[0] == '-' || s[0] == '<' || s[0] == '+' || s[0] == '\0')
        return s[0] == '\0' || s[1] == '\0' || (s[1] >= '0' && s[1] <= '9');
    return s[0] >= '0' && s[0] <= '9';
}

static size_t
table_width(const cli_table *t, size_t column, bool *number)
{
    size_t widest = 0;

    *number = t->n > t->columns;
    for (size_t i = column; i < t->n; i += t->columns) {
        size_t w = cli_width(t->cell[i], strlen(t->cell[i]));

        if (w > widest)
            widest = w;
        if (i >= t->columns && !table_number(t->cell[i]))
            *number = false;
    }
    return widest > WIDEST ? WIDEST : widest;
}

/* Control bytes of data would move the cursor. */
static void
table_put(FILE *to, const char *s)
{
    for (; *s != '\0'; s++)
        fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, to);
}

static void
table_row(const cli_table *t, size_t first, const size_t *width, const bool *number,
          FILE *to)
{
    size_t owed = 0;

    for (size_t c = 0; c < t->columns && first + c < t->n; c++) {
        const char *s = t->cell[first + c];
        size_t w = cli_width(s, strlen(s));
        size_t fill = w < width[c] ? width[c] - w : 0;

        /* Blanks are owed until something follows, so that no line ends in them. */
        owed += number[c] ? fill : 0;
        if (s[0] != '\0') {
            fprintf(to, "%*s", (int)owed, "");
            owed = 0;
            table_put(to, s);
        }
        owed += (number[c] ? 0 : fill) + 2;
    }
}

void
cli_table_print(const cli_table *t, FILE *to, const char *indent)
{
    const cli_colors *color = cli_colors_for(to);
    size_t *width;
    bool *number;

    if (t->failed || t->columns == 0)
        return;
    width = calloc(t->columns, sizeof(*width));
    number = calloc(t->columns, sizeof(*number));
    for (size_t c = 0; width != NULL && number != NULL && c < t->columns; c++)
        width[c] = table_width(t, c, &number[c]);
    for (size_t i = 0; width != NULL && number != NULL && i < t->n; i += t->columns) {
        fputs(i == 0 ? color->bold : "", to);
        fputs(indent, to);
        table_row(t, i, width, number, to);
        fputs(i == 0 ? color->off : "", to);
        fputc('\n', to);
    }
    free(width);
    free(number);
}

void
cli_table_fini(cli_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->cell[i]);
    free(t->cell);
    *t = (cli_table){ .columns = t->columns };
}
