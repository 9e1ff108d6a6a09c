/* SPDX-License-Identifier: MIT */
/* main.c -- finds the command and runs it. */
#include "command.h"
#include "out.h"
#include "signals.h"

#include <tubes/tubes.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { COMMANDS = 32 };

const struct cli_command *const cli_commands[] = {
    &cli_run,  &cli_load, &cli_check, &cli_explain, &cli_bench, &cli_stages,
    &cli_help, &cli_gen,  &cli_sql,   &cli_version, NULL,
};

static void
main_usage(FILE *to)
{
    fprintf(to,
            "tubes carries records from sources through transforms into databases.\n\n"
            "  tubes load access.log                      into tubes.db (SQLite)\n"
            "  tubes load access.log postgres://host/db   into PostgreSQL\n"
            "  tubes run 'file access.log | parse combined | where status >= 500'\n\n"
            "Commands\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        fprintf(to, "  %-9s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fprintf(to, "\nMore: tubes help COMMAND, tubes help STAGE\n");
}

static const struct cli_command *
main_find(const char *name)
{
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return &cli_version;
    for (size_t i = 0; cli_commands[i] != NULL; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static int
main_unknown(const char *word)
{
    const char *names[COMMANDS];
    const char *near;
    char hint[128];
    size_t n = 0;

    while (n < COMMANDS && cli_commands[n] != NULL) {
        names[n] = cli_commands[n]->name;
        n++;
    }
    near = tube_nearest(word, names, n);
    if (strchr(word, '|') != NULL || tube_builtin_find(word) != NULL)
        snprintf(hint, sizeof(hint), "a pipeline is run with: tubes run '...'");
    else if (access(word, R_OK) == 0)
        snprintf(hint, sizeof(hint), "a file is loaded with: tubes load %s", word);
    else if (near != NULL)
        snprintf(hint, sizeof(hint),
                 "did you mean 'tubes %s'?   all commands: tubes help", near);
    else
        snprintf(hint, sizeof(hint), "all commands: tubes help");
    return cli_complain(hint, "unknown command '%s'", word);
}

/* A file opened later must not become stdout because that was closed. */
static void
main_standard_files(void)
{
    /* The wrong way round: what was closed still fails when it is used. */
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static int
help_run(int argc, char **argv)
{
    const struct cli_command *c;
    struct cli_words words;
    int status = cli_args(&cli_help, argc, argv, NULL, &words);

    if (status >= 0)
        return status;
    if (words.n == 0) {
        main_usage(stdout);
        return cli_flush(CLI_DONE);
    }
    c = words.n == 1 ? main_find(words.word[0]) : NULL;
    if (c == NULL)
        return cli_stages.run(argc, argv);
    cli_usage(c);
    /* "gen" is a command and a stage. */
    if (tube_builtin_find(words.word[0]) != NULL) {
        printf("\n");
        return cli_stages.run(argc, argv);
    }
    return cli_flush(CLI_DONE);
}

const struct cli_command cli_help = {
    .name = "help",
    .usage = "[COMMAND | STAGE]",
    .summary = "how a command or a stage is used",
    .run = help_run,
};

int
main(int argc, char **argv)
{
    const struct cli_command *c;

    main_standard_files();
    cli_signals_init();
    if (argc < 2) {
        main_usage(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        main_usage(stdout);
        return cli_flush(CLI_DONE);
    }
    c = main_find(argv[1]);
    if (c == NULL)
        return main_unknown(argv[1]);
    return c->run(argc - 1, argv + 1);
}
