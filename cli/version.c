/* SPDX-License-Identifier: MIT */
/* version.c -- tubes version: this build and what is in it. */
#include "command.h"
#include "out.h"

#include <tubes/tubes.h>

#include <stdio.h>

#ifndef TUBES_COMMIT
#  define TUBES_COMMIT "unknown"
#endif

struct version {
    bool json;
};

static const struct cli_option options[] = {
    { "json", 0, CLI_FLAG, offsetof(struct version, json), NULL, "as JSON" },
    { 0 },
};

static void
version_json(void)
{
    printf("{\"version\":");
    cli_json_text(stdout, TUBE_VERSION);
    printf(",\"commit\":");
    cli_json_text(stdout, TUBES_COMMIT);
    printf(",\"features\":[");
    for (const tube_feature *f = tube_features(); f->name != NULL; f++) {
        printf("%s{\"name\":", f == tube_features() ? "" : ",");
        cli_json_text(stdout, f->name);
        printf(",\"on\":%s,\"version\":", f->on ? "true" : "false");
        cli_json_text(stdout, f->version);
        printf(",\"package\":");
        cli_json_text(stdout, f->package);
        printf("}");
    }
    printf("]}\n");
}

static int
version_run(int argc, char **argv)
{
    struct version v = { .json = false };
    struct cli_words words;
    int status = cli_args(&cli_version, argc, argv, &v, &words);

    if (status >= 0)
        return status;
    if (v.json) {
        version_json();
        return cli_flush(CLI_DONE);
    }
    printf("tubes %s (%s)\n", TUBE_VERSION, TUBES_COMMIT);
    for (const tube_feature *f = tube_features(); f->name != NULL; f++) {
        if (f->on)
            printf("  %-10s %s\n", f->name, f->version);
        else
            printf("  %-10s off; apt install %s, and build again\n", f->name,
                   f->package);
    }
    return cli_flush(CLI_DONE);
}

const struct cli_command cli_version = {
    .name = "version",
    .usage = "",
    .summary = "version, commit, and the libraries in use",
    .options = options,
    .run = version_run,
};
