/* SPDX-License-Identifier: MIT */
/* load.c -- tubes load: files into a table, without the language. */
#include "load.h"

#include "command.h"
#include "out.h"
#include "report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD = 5 }; /**< files whose state is told one by one */

static const struct cli_option options[] = {
    { "format", 0, CLI_TEXT, offsetof(struct cli_load, format_name), "F",
      "combined, common or json; else the first lines decide" },
    { "table", 't', CLI_TEXT, offsetof(struct cli_load, table), "NAME",
      "table, with its schema if need be (access; logs for json)" },
    { "again", 0, CLI_FLAG, offsetof(struct cli_load, again), NULL,
      "store again what is stored already" },
    { "dry-run", 'n', CLI_FLAG, offsetof(struct cli_load, dry), NULL,
      "show pipeline, table and first records; write nothing" },
    CLI_RUN_OPTIONS(struct cli_load),
    { "json", 0, CLI_FLAG, offsetof(struct cli_load, run.json), NULL,
      "the summary as JSON on stdout" },
    { 0 },
};

static void
load_tell_chosen(const struct cli_load *l)
{
    const char *first = cli_short_path(l->file[0]);
    char more[64] = "";

    if (l->n_files > 1)
        snprintf(more, sizeof(more), " and %d more", l->n_files - 1);
    if (!l->run.quiet)
        cli_say("%s%s: %s; into table %s of %s", first, more,
                l->format == CLI_JSON
                    ? "JSON lines"
                    : (l->format == CLI_COMBINED ? "combined log format"
                                                 : "common log format"),
                l->table, l->db);
}

static void
load_tell_origin(const tube_origin_info *o)
{
    const char *name = cli_short_path(o->name);

    if (o->size != UINT64_MAX && o->mark.low >= o->size)
        cli_say("%s: nothing new (all %s bytes are stored already; --again loads them "
                "again)",
                name, cli_grouped(o->size).s);
    else
        cli_say("%s: going on behind byte %s, where the last load ended", name,
                cli_grouped(o->mark.low).s);
}

/* What an earlier load has stored. */
static void
load_tell_origins(const struct cli_session *s)
{
    uint32_t known = 0;

    for (uint32_t i = 0; i < tube_origin_count(s->p); i++) {
        tube_origin_info o = tube_origin_at(s->p, i);

        if (o.mark.low == 0)
            continue;
        if (known++ < TOLD)
            load_tell_origin(&o);
    }
    if (known > TOLD)
        cli_say("and %" PRIu32 " more of which something is stored already",
                known - TOLD);
}

static int
load_do(struct cli_load *l)
{
    struct cli_session s;
    int status;

    l->text = cli_load_text(l, "");
    if (l->text == NULL)
        return cli_complain(NULL, "out of memory");
    status = cli_session_new(&s, &l->run, l->text, "");
    if (status < 0)
        status = cli_session_open(&s);
    if (status >= 0)
        return status;
    s.json_stdout = true;
    s.target = strdup(l->db);
    if (s.target != NULL)
        cli_cover(s.target);
    if (!l->run.quiet)
        load_tell_origins(&s);
    cli_session_run(&s);
    return cli_session_end(&s);
}

static int
load_run(int argc, char **argv)
{
    struct cli_load l = { .run = { .workers = -1 } };
    struct cli_words words;
    int status = cli_args(&cli_load, argc, argv, &l, &words);

    if (status < 0)
        status = cli_load_words(&l, &words);
    if (status < 0)
        status = cli_load_sniff(&l);
    if (status < 0 && l.empty) {
        cli_say("%s: nothing in it, nothing to load", cli_short_path(l.file[0]));
        status = CLI_DONE;
    }
    if (status < 0 && !l.dry)
        load_tell_chosen(&l);
    if (status < 0)
        status = l.dry ? cli_load_show(&l) : load_do(&l);
    free(l.file);
    free(l.text);
    return status;
}

static const char more[] =
    "DB is a PostgreSQL connection string (it has a '=' or begins with postgres://), or\n"
    "NAME.db for SQLite; without it, tubes.db.  Files may be compressed with gzip or zstd.\n"
    "What is stored already is not stored again: the same command goes on where the last\n"
    "one ended.  Lines that do not fit go to the table tubes_reject, or to --rejects FILE.\n"
    "Exit status: tubes help run\n";

const struct cli_command cli_load = {
    .name = "load",
    .usage = "FILE ... [DB]",
    .summary = "load log files into a table of SQLite or PostgreSQL",
    .more = more,
    .options = options,
    .run = load_run,
};
