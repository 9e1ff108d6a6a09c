/* SPDX-License-Identifier: MIT */
/* load_plan.c -- from the words of `tubes load` to the text of a pipeline. */
#include "command.h"
#include "load.h"
#include "out.h"
#include "quote.h"
#include "report.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    PEEK = 64 * 1024,
    FIXED = 512, /**< bytes of a pipeline text besides the words in it */
};

static bool
load_ends(const char *word, const char *end)
{
    size_t n = strlen(word);
    size_t m = strlen(end);

    return n > m && strcmp(word + n - m, end) == 0;
}

static bool
load_is_url(const char *word)
{
    return strncmp(word, "postgres://", 11) == 0
           || strncmp(word, "postgresql://", 13) == 0;
}

static bool
load_is_database(const char *word)
{
    struct stat st;

    if (load_is_url(word) || load_ends(word, ".db"))
        return true;
    return strchr(word, '=') != NULL && stat(word, &st) != 0;
}

int
cli_load_words(struct cli_load *l, const struct cli_words *words)
{
    l->file = calloc((size_t)words->n + 1, sizeof(*l->file));
    if (l->file == NULL)
        return cli_complain(NULL, "out of memory");
    for (int i = 0; i < words->n; i++) {
        char *w = words->word[i];

        if (w[0] == '\0')
            return cli_complain(NULL, "an empty word is no file");
        if (!load_is_database(w)) {
            l->file[l->n_files++] = w;
            continue;
        }
        if (l->db != NULL)
            return cli_complain("load into one after the other",
                                "two databases: %s and %s", l->db, w);
        l->db = w;
    }
    if (l->n_files == 0)
        return cli_complain("tubes load access.log", "which file shall be loaded?");
    if (l->db == NULL)
        l->db = "tubes.db";
    l->postgres = load_is_url(l->db) || !load_ends(l->db, ".db");
    return -1;
}

/* Sniff one file; a line count of 0 says that it is empty. */
static int
load_sniff_file(const char *path, struct cli_sniffed *found)
{
    char *buf = malloc(PEEK);
    size_t len = PEEK;
    tube_error err = { 0 };
    int status = -1;

    *found = (struct cli_sniffed){ .format = CLI_NO_FORMAT };
    if (buf == NULL)
        return cli_complain(NULL, "out of memory");
    if (tube_peek_file(path, buf, &len, &err) != TUBE_OK) {
        cli_report(&err, NULL);
        status = cli_status(&err, false);
    } else {
        *found = cli_sniff(buf, len, len < PEEK);
    }
    free(buf);
    return status;
}

/* What all files agree on so far, and the first of them. */
struct load_vote {
    enum cli_format format;
    const char *file;
    bool any; /**< a file that is not empty */
};

static int
load_vote(struct load_vote *v, const char *path)
{
    struct cli_sniffed s;
    int status = load_sniff_file(path, &s);

    if (status >= 0 || s.lines == 0)
        return status;
    v->any = true;
    if (s.format == CLI_NO_FORMAT)
        return cli_complain(
            "known formats: combined, common, json; choose with --format",
            "%s: the first lines look like no known format", path);
    if (v->format == CLI_NO_FORMAT) {
        v->format = s.format;
        v->file = path;
    }
    if (v->format != s.format)
        return cli_complain("load them one after the other, or choose with --format",
                            "%s looks like %s, but %s like %s", v->file,
                            cli_format_name(v->format), path,
                            cli_format_name(s.format));
    return -1;
}

/* The files behind one word, which may be a pattern. */
static int
load_vote_word(struct load_vote *v, char *word, glob_t *keep)
{
    struct stat st;
    size_t first = keep->gl_pathc;
    int status = -1;

    if (strcmp(word, "-") == 0)
        return cli_complain("say what comes: --format combined",
                            "standard input cannot be looked at before it is read");
    if (stat(word, &st) == 0 || strpbrk(word, "*?[") == NULL)
        return load_vote(v, word);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread is running yet */
    if (glob(word, first > 0 ? GLOB_APPEND : 0, NULL, keep) != 0)
        return load_vote(v, word);
    for (size_t i = first; status < 0 && i < keep->gl_pathc; i++)
        status = load_vote(v, keep->gl_pathv[i]);
    return status;
}

int
cli_load_sniff(struct cli_load *l)
{
    struct load_vote v = { .format = CLI_NO_FORMAT };
    glob_t keep = { 0 };
    int status = -1;

    if (l->format_name != NULL) {
        l->format = cli_format_find(l->format_name);
        if (l->format == CLI_NO_FORMAT)
            return cli_complain("known formats: combined, common, json",
                                "--format: unknown format '%s'", l->format_name);
    } else {
        for (int i = 0; status < 0 && i < l->n_files; i++)
            status = load_vote_word(&v, l->file[i], &keep);
        l->format = v.format;
        l->empty = !v.any;
        globfree(&keep);
    }
    if (l->table == NULL)
        l->table = l->format == CLI_JSON ? "logs" : "access";
    return status;
}

static bool
load_sink(const struct cli_load *l, char *text, size_t len)
{
    bool good = cli_quote(text, len, l->db, " table=");

    good = good && cli_quote(text, len, l->table, l->again ? " again=yes" : "");
    return good;
}

char *
cli_load_text(const struct cli_load *l, const char *behind)
{
    size_t len = FIXED + strlen(l->db) * 4 + strlen(l->table) * 4 + strlen(behind);
    bool good = true;
    char *text;

    for (int i = 0; i < l->n_files; i++)
        len += strlen(l->file[i]) * 4 + 4;
    text = malloc(len);
    if (text == NULL)
        return NULL;
    snprintf(text, len, "file ");
    for (int i = 0; i < l->n_files; i++)
        good = good && cli_quote(text, len, l->file[i], " ");
    snprintf(text + strlen(text), len - strlen(text), "| parse %s | ",
             cli_format_name(l->format));
    if (behind[0] != '\0') {
        snprintf(text + strlen(text), len - strlen(text), "%s", behind);
        return text;
    }
    snprintf(text + strlen(text), len - strlen(text), "%s",
             l->postgres ? "postgres dsn=" : "sqlite ");
    if (good && load_sink(l, text, len))
        return text;
    free(text);
    return NULL;
}

/* Run `text` to its end without a word. */
static int
load_run_quietly(char *text)
{
    struct cli_run_opts o = { .workers = 0, .quiet = true };
    struct cli_session s;
    int status;

    if (text == NULL)
        return cli_complain(NULL, "out of memory");
    status = cli_session_new(&s, &o, text, "");
    if (status < 0)
        status = cli_session_open(&s);
    if (status < 0) {
        cli_session_run(&s);
        status = cli_session_end(&s);
    }
    free(text);
    return status;
}

static void
load_ignore_error(void *arg, const tube_error *e)
{
    (void)arg;
    (void)e;
}

/* With create=print the sink prints how it would make the table; SQLite's then refuses
 * to go on, which is no failure here. */
static int
load_show_table(const struct cli_load *l)
{
    tube_pipeline_opts o = { .struct_size = sizeof(o), .on_error = load_ignore_error };
    tube_pipeline *p;
    tube_error err = { 0 };
    char *base = cli_load_text(l, "");
    char *text = NULL;
    tube_status st = TUBE_ENOMEM;
    int status = -1;

    if (base != NULL && asprintf(&text, "%s create=print", base) < 0)
        text = NULL;
    p = text == NULL ? NULL : tube_pipeline_new(&o, &err);
    if (p != NULL)
        st = tube_series(p, text, &err);
    if (st == TUBE_OK)
        st = tube_open(p, &err);
    if (st == TUBE_OK && !l->postgres)
        printf("-- %s is there already\n", l->table);
    if (st != TUBE_OK && (p == NULL || strstr(err.hint, "statement above") == NULL)) {
        cli_report(&err, NULL);
        status = cli_status(&err, false);
    }
    tube_pipeline_free(p);
    free(base);
    free(text);
    return status;
}

int
cli_load_show(const struct cli_load *l)
{
    char *text = cli_load_text(l, "");
    int status;

    if (text == NULL)
        return cli_complain(NULL, "out of memory");
    cli_cover(text);
    printf("# pipeline\n%s\n\n# table\n", text);
    free(text);
    fflush(stdout);
    status = load_show_table(l);
    if (status >= 0)
        return status;
    printf("\n# first records\n");
    fflush(stdout);
    status = load_run_quietly(cli_load_text(l, "head 5 | print"));
    return cli_flush(status == CLI_REJECTS ? CLI_DONE : status);
}
