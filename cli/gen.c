/* SPDX-License-Identifier: MIT */
/* gen.c -- tubes gen: sample lines on standard output, the same for the same seed. */
#include "command.h"
#include "quote.h"
#include "session.h"

#include <stdio.h>
#include <string.h>

struct gen {
    int64_t seed; /**< -1: not given */
};

static const struct cli_option options[] = {
    { "seed", 0, CLI_COUNT, offsetof(struct gen, seed), "N",
      "other seeds make other lines" },
    { 0 },
};

static int
gen_run(int argc, char **argv)
{
    struct gen g = { .seed = -1 };
    struct cli_run_opts o = { .workers = -1, .quiet = true };
    struct cli_session s;
    struct cli_words words;
    char seed[40] = "";
    char text[256] = "gen ";
    int status = cli_args(&cli_gen, argc, argv, &g, &words);

    if (status >= 0)
        return status;
    if (words.n < 1 || words.n > 2)
        return cli_complain("tubes gen combined 1000",
                            "tubes gen wants a format and a number of lines");
    for (int i = 0; i < words.n; i++)
        if (!cli_quote(text, sizeof(text), words.word[i], " "))
            return cli_complain(NULL, "'%.40s...' is too long", words.word[i]);
    if (g.seed >= 0)
        snprintf(seed, sizeof(seed), "seed=%jd", (intmax_t)g.seed);
    snprintf(text + strlen(text), sizeof(text) - strlen(text),
             "%s | lines blank=keep cr=keep"
             " | print format=raw",
             seed);
    status = cli_session_new(&s, &o, text, "");
    if (status < 0)
        status = cli_session_open(&s);
    if (status >= 0)
        return status;
    cli_session_run(&s);
    return cli_session_end(&s);
}

const struct cli_command cli_gen = {
    .name = "gen",
    .usage = "FORMAT N",
    .summary = "sample lines: combined, common or json",
    .options = options,
    .run = gen_run,
};
