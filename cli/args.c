/* SPDX-License-Identifier: MIT */
/* args.c -- the command line of a command, by its table of options. */
#include "command.h"
#include "out.h"
#include "report.h"

#include <tubes/tubes.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPTIONS = 32 };

struct args {
    const struct cli_command *command;
    char *to;
};

static bool
args_last(const struct cli_option *o)
{
    return o == NULL || o->name == NULL;
}

void
cli_usage(const struct cli_command *c)
{
    const cli_colors *color = cli_colors_for(stdout);

    printf("%stubes %s%s %s\n\n%s.\n", color->bold, c->name, color->off, c->usage,
           c->summary);
    if (!args_last(c->options))
        printf("\nOptions\n");
    for (const struct cli_option *o = c->options; !args_last(o); o++) {
        char left[48];

        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
                 o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
    if (c->more != NULL)
        printf("\n%s", c->more);
}

int
cli_complain(const char *hint, const char *fmt, ...)
{
    char message[sizeof(((tube_error *)0)->message)];
    tube_error e = { 0 };
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof(message), fmt, ap);
    va_end(ap);
    tube_fail(&e, TUBE_ECONFIG, "%s", message);
    if (hint != NULL)
        tube_hint(&e, "%s", hint);
    cli_report(&e, NULL);
    return CLI_USAGE;
}

static int
args_unknown(const struct args *a, const char *word)
{
    const char *names[OPTIONS];
    char name[64];
    const char *near;
    size_t n = 0;

    for (const struct cli_option *o = a->command->options; !args_last(o); o++)
        if (n < OPTIONS)
            names[n++] = o->name;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    near = tube_nearest(name + strspn(name, "-"), names, n);
    if (near != NULL) {
        char hint[96];

        snprintf(hint, sizeof(hint), "did you mean '--%s'?", near);
        return cli_complain(hint, "tubes %s has no option '%s'", a->command->name,
                            name);
    }
    snprintf(name, sizeof(name), "all options: tubes help %s", a->command->name);
    return cli_complain(name, "tubes %s has no option '%.*s'", a->command->name,
                        (int)strcspn(word, "="), word);
}

static bool
args_number(const char **p, uint64_t *to)
{
    const char *first = *p;

    for (*to = 0; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(*to, 10, to)
            || __builtin_add_overflow(*to, (uint64_t)(**p - '0'), to))
            return false;
    return *p != first;
}

static bool
args_size(const char *text, int64_t *to)
{
    static const char units[] = "kKmMgGtT";
    uint64_t n;
    const char *unit;
    unsigned shift = 0;

    if (!args_number(&text, &n))
        return false;
    unit = *text == '\0' ? NULL : strchr(units, *text);
    if (unit != NULL) {
        shift = 10 * ((unsigned)(unit - units) / 2 + 1);
        text++;
    }
    if (*text != '\0' || n > (uint64_t)INT64_MAX >> shift)
        return false;
    *to = (int64_t)(n << shift);
    return true;
}

static bool
args_time(const char *text, int64_t *to)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = { { "ms", 1000000 },
                  { "s", 1000000000 },
                  { "m", 60 * UINT64_C(1000000000) },
                  { "h", 3600 * UINT64_C(1000000000) } };
    uint64_t n;

    if (!args_number(&text, &n) || n == 0)
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcmp(text, units[i].name) == 0 && n <= INT64_MAX / units[i].ns) {
            *to = (int64_t)(n * units[i].ns);
            return true;
        }
    return false;
}

static bool
args_limit(const char *text, struct cli_limit *to)
{
    size_t digits = strspn(text, "0123456789.");
    const char *p = text;
    double percent;

    *to = (struct cli_limit){ .given = true };
    if (args_number(&p, &to->count) && *p == '\0')
        return true;
    if (digits == 0 || strcmp(text + digits, "%") != 0)
        return false;
    percent = strtod(text, NULL); /* no setlocale() here: it reads a point */
    to->count = 0;
    to->share = percent / 100;
    return percent > 0 && percent <= 100;
}

static int
args_store(const struct args *a, const struct cli_option *o, const char *value)
{
    char *at = a->to + o->offset;
    uint64_t n = 0;
    const char *p = value;
    bool good = true;

    switch (o->kind) {
    case CLI_FLAG: *(bool *)(void *)at = true; break;
    case CLI_TEXT: *(const char **)(void *)at = value; break;
    case CLI_SIZE: good = args_size(value, (int64_t *)(void *)at); break;
    case CLI_TIME: good = args_time(value, (int64_t *)(void *)at); break;
    case CLI_LIMIT: good = args_limit(value, (struct cli_limit *)(void *)at); break;
    case CLI_COUNT:
        good = args_number(&p, &n) && *p == '\0' && n <= INT64_MAX;
        *(int64_t *)(void *)at = (int64_t)n;
        break;
    }
    if (good)
        return -1;
    return cli_complain(o->help, "'%s' is no value for --%s %s", value, o->name,
                        o->value);
}

static const struct cli_option *
args_find(const struct args *a, const char *word)
{
    size_t n = strcspn(word, "=");

    for (const struct cli_option *o = a->command->options; !args_last(o); o++) {
        if (word[1] != '-' && word[1] == o->letter && word[2] == '\0')
            return o;
        if (word[1] == '-' && strlen(o->name) == n - 2
            && strncmp(word + 2, o->name, n - 2) == 0)
            return o;
    }
    return NULL;
}

/* The option argv[*i], and its value, which may be the next word. */
static int
args_option(const struct args *a, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    const struct cli_option *o = args_find(a, word);
    const char *value = word[1] == '-' ? strchr(word, '=') : NULL;

    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        cli_usage(a->command);
        return cli_flush(CLI_DONE);
    }
    if (o == NULL)
        return args_unknown(a, word);
    if (o->kind == CLI_FLAG && value != NULL)
        return cli_complain(NULL, "--%s takes no value", o->name);
    if (o->kind == CLI_FLAG)
        return args_store(a, o, "");
    if (value != NULL)
        return args_store(a, o, value + 1);
    if (*i + 1 >= argc)
        return cli_complain(o->help, "--%s wants a value: %s", o->name, o->value);
    return args_store(a, o, argv[++*i]);
}

int
cli_args(const struct cli_command *c, int argc, char **argv, void *to,
         struct cli_words *words)
{
    struct args a = { c, to };
    bool only_words = false;

    *words = (struct cli_words){ .word = argv + 1 };
    for (int i = 1; i < argc; i++) {
        int status;

        if (only_words || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[1 + words->n++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            only_words = true;
            continue;
        }
        status = args_option(&a, argc, argv, &i);
        if (status >= 0)
            return status;
    }
    return -1;
}

int
cli_flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    return status == CLI_DONE ? CLI_FAILED : status;
}
