/* SPDX-License-Identifier: MIT */
/* sql.c -- tubes sql: look at what was loaded.
 *
 * A table on a terminal; tab-separated values elsewhere, with \N for NULL and \t \n
 * \r \\ as COPY writes them, because that is what programs read.
 */
#include "command.h"
#include "out.h"
#include "report.h"
#include "table.h"

#include <tubes/db.h>
#include <tubes/tubes.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    BAR_ROWS = 100,     /**< of bars, more are cut off and counted */
    TABLE_ROWS = 10000, /**< of a table on a terminal, more are cut off and counted */
    COLUMNS = 80,
    LEAST_BAR = 10,
};

struct sql {
    bool json;
    const char *bar;
    bool table; /**< on a terminal, or with --bar */
    cli_table t;
    size_t rows;
    size_t left_out;
    int bar_column; /**< -1: not looked for yet, -2: there is none */
    double *size;   /**< of each bar */
};

static const struct cli_option options[] = {
    { "bar", 0, CLI_TEXT, offsetof(struct sql, bar), "COLUMN",
      "draw the numbers of this column as bars" },
    { "json", 0, CLI_FLAG, offsetof(struct sql, json), NULL, "one JSON object a row" },
    { 0 },
};

static void
sql_json_row(size_t n, const char *const *name, const char *const *value)
{
    for (size_t i = 0; i < n; i++) {
        printf("%s", i == 0 ? "{" : ",");
        cli_json_text(stdout, name[i]);
        printf(":");
        cli_json_text(stdout, value[i]);
    }
    printf("}\n");
}

static void
sql_tsv_value(const char *v)
{
    static const char from[] = "\t\n\r\\";
    static const char into[] = "tnr\\";

    if (v == NULL) {
        fputs("\\N", stdout);
        return;
    }
    for (; *v != '\0'; v++) {
        const char *at = strchr(from, *v);

        if (at != NULL)
            printf("\\%c", into[at - from]);
        else
            putchar(*v);
    }
}

static void
sql_tsv_row(const struct sql *q, size_t n, const char *const *name,
            const char *const *value)
{
    for (size_t i = 0; q->rows == 1 && i < n; i++)
        printf("%s%s", name[i], i + 1 < n ? "\t" : "\n");
    for (size_t i = 0; i < n; i++) {
        sql_tsv_value(value[i]);
        putchar(i + 1 < n ? '\t' : '\n');
    }
}

static void
sql_find_bar(struct sql *q, size_t n, const char *const *name)
{
    q->bar_column = -2;
    for (size_t i = 0; i < n; i++)
        if (strcmp(name[i], q->bar) == 0)
            q->bar_column = (int)i;
    if (q->bar_column < 0) {
        char hint[160];
        const char *near = tube_nearest(q->bar, name, n);

        snprintf(hint, sizeof(hint), "did you mean '%s'?", near == NULL ? "" : near);
        cli_complain(near == NULL ? NULL : hint, "--bar: the result has no column '%s'",
                     q->bar);
    }
}

static bool
sql_table_row(struct sql *q, size_t n, const char *const *name,
              const char *const *value)
{
    if (q->rows == 1) {
        q->t.columns = n;
        for (size_t i = 0; i < n; i++)
            cli_table_add(&q->t, "%s", name[i]);
        if (q->bar != NULL)
            sql_find_bar(q, n, name);
    }
    if (q->bar_column == -2)
        return false;
    if (q->rows > (q->bar != NULL ? BAR_ROWS : TABLE_ROWS)) {
        q->left_out++;
        return true;
    }
    for (size_t i = 0; i < n; i++)
        cli_table_add(&q->t, "%s", value[i] == NULL ? "null" : value[i]);
    if (q->bar_column >= 0 && value[q->bar_column] != NULL)
        q->size[q->rows - 1] = strtod(value[q->bar_column], NULL);
    return true;
}

static bool
sql_row(void *arg, size_t n, const char *const *name, const char *const *value)
{
    struct sql *q = arg;

    q->rows++;
    if (q->table)
        return sql_table_row(q, n, name, value);
    if (q->json)
        sql_json_row(n, name, value);
    else
        sql_tsv_row(q, n, name, value);
    return !ferror(stdout);
}

static size_t
sql_columns(void)
{
    struct winsize size = { 0 };

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20)
        return size.ws_col;
    return COLUMNS;
}

static void
sql_print_bar(double size, size_t room, size_t gap)
{
    const char *block = cli_unicode() ? "█" : "#";

    if (size > 0)
        printf("%*s", (int)gap, "");
    for (size_t k = 0; (double)k < size && k < room; k++)
        fputs(block, stdout);
    putchar('\n');
}

/* Bars take what the columns leave: each line of the table gets one behind it. */
static void
sql_print_bars(struct sql *q)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    double most = 0;
    size_t widest = 0;
    size_t room;
    char *line;

    if (f == NULL)
        return;
    cli_table_print(&q->t, f, "");
    fclose(f);
    for (char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1)
        if (cli_width(p, strcspn(p, "\n")) > widest)
            widest = cli_width(p, strcspn(p, "\n"));
    room =
        sql_columns() > widest + 2 + LEAST_BAR ? sql_columns() - widest - 2 : LEAST_BAR;
    for (size_t i = 0; i < q->rows && i < BAR_ROWS; i++)
        most = q->size[i] > most ? q->size[i] : most;
    line = text;
    for (size_t i = 0; *line != '\0'; i++) {
        size_t n = strcspn(line, "\n");
        double size = i == 0 || most <= 0 ? 0 : q->size[i - 1] / most * (double)room;

        fwrite(line, 1, n, stdout);
        sql_print_bar(size, room, widest - cli_width(line, n) + 2);
        line += n + 1;
    }
    free(text);
}

static int
sql_end(struct sql *q, tube_status st, const tube_error *err)
{
    int status = CLI_DONE;

    if (st != TUBE_OK) {
        cli_report(err, NULL);
        status = cli_status(err, false);
    } else if (q->bar_column == -2) {
        status = CLI_USAGE;
    } else if (q->table && q->bar != NULL) {
        sql_print_bars(q);
    } else if (q->table) {
        cli_table_print(&q->t, stdout, "");
    }
    if (st == TUBE_OK && q->left_out > 0)
        cli_say("%s more", cli_count(q->left_out, "row", "rows").s);
    if (st == TUBE_OK && q->rows == 0)
        cli_say("no rows");
    cli_table_fini(&q->t);
    free(q->size);
    return cli_flush(status);
}

static int
sql_run(int argc, char **argv)
{
    struct sql q = { .bar_column = -1 };
    struct cli_words words;
    tube_error err = { 0 };
    const char *db = "tubes.db";
    tube_status st;
    int status = cli_args(&cli_sql, argc, argv, &q, &words);

    if (status >= 0)
        return status;
    if (words.n < 1 || words.n > 2)
        return cli_complain("tubes sql tubes.db 'select status, count(*) from access "
                            "group by status'",
                            "tubes sql wants a database, or none, and a statement");
    if (words.n == 2)
        db = words.word[0];
    q.table = !q.json && (q.bar != NULL || isatty(STDOUT_FILENO));
    q.size = calloc(BAR_ROWS, sizeof(*q.size));
    if (q.size == NULL)
        return cli_complain(NULL, "out of memory");
    st = tube_query(db, words.word[words.n - 1], sql_row, &q, &err);
    return sql_end(&q, st, &err);
}

static const char more[] =
    "DB is a PostgreSQL connection string (it has a '=' or begins with postgres://) or\n"
    "an SQLite file; without it, tubes.db.  Nothing is changed.  Rows are a table on a\n"
    "terminal and tab-separated values elsewhere.\n";

const struct cli_command cli_sql = {
    .name = "sql",
    .usage = "[DB] 'SELECT ...'",
    .summary = "look at what was loaded",
    .more = more,
    .options = options,
    .run = sql_run,
};
