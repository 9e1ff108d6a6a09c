/* SPDX-License-Identifier: MIT */
/* check.c -- tubes check: is this pipeline right?  Opens everything, runs nothing. */
#include "command.h"
#include "out.h"
#include "schema.h"
#include "session.h"

#include <inttypes.h>
#include <stdlib.h>

struct check {
    struct cli_run_opts run;
    const char *file;
};

static const struct cli_option options[] = {
    { "file", 'f', CLI_TEXT, offsetof(struct check, file), "FILE",
      "read the text from a file, - is standard input" },
    { "json", 0, CLI_FLAG, offsetof(struct check, run.json), NULL,
      "the answer as JSON" },
    { 0 },
};

static void
check_json(const struct cli_session *s)
{
    printf("{\"exit\":0,\"stages\":[");
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++) {
        tube_stage_info info = tube_stage_at(s->p, i);

        printf("%s{\"stage\":", i > 0 ? "," : "");
        cli_json_text(stdout, info.def->name);
        printf(",\"inserted\":%s,\"fields\":", info.inserted ? "true" : "false");
        cli_schema_json(stdout, info.output);
        printf("}");
    }
    printf("],\"error\":null}\n");
}

static void
check_print(const struct cli_session *s)
{
    uint32_t n = tube_stage_count(s->p);
    const tube_schema *last = NULL;
    char buf[512];

    for (uint32_t i = 0; i < n; i++)
        if (tube_stage_at(s->p, i).output != NULL)
            last = tube_stage_at(s->p, i).output;
    printf("good: ");
    for (uint32_t i = 0; i < n; i++) {
        tube_stage_info info = tube_stage_at(s->p, i);

        printf("%s%s%s%s", i > 0 ? " | " : "", info.inserted ? "(" : "", info.def->name,
               info.inserted ? ")" : "");
    }
    printf("\n");
    if (last != NULL)
        printf("fields at the end: %s\n", cli_schema_text(last, buf, sizeof(buf)));
    for (uint32_t i = 0; i < tube_origin_count(s->p); i++) {
        tube_origin_info o = tube_origin_at(s->p, i);

        printf("input: %s, %s", cli_short_path(o.name),
               o.size == UINT64_MAX ? "size unknown" : cli_bytes((double)o.size).s);
        if (o.mark.low > 0)
            printf(", %s bytes of it are stored already", cli_grouped(o.mark.low).s);
        printf("\n");
    }
}

static int
check_run(int argc, char **argv)
{
    struct check c = { .run = { .workers = -1, .dry = true } };
    struct cli_session s;
    struct cli_words words;
    char *text = NULL;
    int status = cli_args(&cli_check, argc, argv, &c, &words);

    if (status < 0)
        status = cli_session_text(&words, c.file, &text);
    if (status < 0)
        status = cli_session_new(&s, &c.run, text, c.file);
    if (status < 0)
        status = cli_session_open(&s);
    if (status < 0) {
        if (c.run.json)
            check_json(&s);
        else
            check_print(&s);
        status = cli_flush(cli_session_close(&s, CLI_DONE));
    }
    free(text);
    return status;
}

const struct cli_command cli_check = {
    .name = "check",
    .usage = "'TEXT' | -f FILE",
    .summary = "check a pipeline, its files and its tables; run nothing",
    .options = options,
    .run = check_run,
};
