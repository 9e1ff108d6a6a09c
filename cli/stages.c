/* SPDX-License-Identifier: MIT */
/* stages.c -- tubes stages: what stages there are, and how each is used. */
#include "command.h"
#include "out.h"
#include "schema.h"
#include "table.h"

#include <tubes/tubes.h>

#include <stdio.h>
#include <string.h>

enum { NAME = 128, STAGES = 256 };

struct stages {
    bool json;
    bool markdown;
};

static const struct cli_option options[] = {
    { "json", 0, CLI_FLAG, offsetof(struct stages, json), NULL, "as JSON" },
    { "markdown", 0, CLI_FLAG, offsetof(struct stages, markdown), NULL,
      "the text of docs/stages.md" },
    { 0 },
};

static const char *
stages_type(const tube_option *o)
{
    switch (o->type) {
    case TUBE_OPT_TEXT: return "text";
    case TUBE_OPT_INT: return "number";
    case TUBE_OPT_BOOL: return "yes or no";
    case TUBE_OPT_SIZE: return "size";
    case TUBE_OPT_TIME: return "duration";
    case TUBE_OPT_ENUM: return "one of";
    case TUBE_OPT_LIST: return "list";
    case TUBE_OPT_EXPR: return "expression";
    }
    return "?";
}

static bool
stages_last(const tube_option *o)
{
    return o == NULL || o->name == NULL;
}

static const char *
stages_domain(const tube_option *o)
{
    return o->domain == NULL ? "" : o->domain;
}

static const char *
stages_default(const tube_option *o)
{
    return o->def == NULL ? "(required)" : o->def;
}

/* "PATHS ...", "[N]": what stands without a name. */
static void
stages_free_word(FILE *to, const tube_option *o)
{
    fputs(o->def == NULL ? " " : " [", to);
    for (const char *p = o->name; *p != '\0'; p++)
        fputc(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p, to);
    fputs(o->type == TUBE_OPT_LIST ? " ..." : "", to);
    fputs(o->def == NULL ? "" : "]", to);
}

/* An expression takes all that follows, so it comes last. */
static void
stages_synopsis(FILE *to, const tube_stage_def *def)
{
    const tube_option *o;

    fputs(def->name, to);
    for (o = def->options; !stages_last(o); o++)
        if ((o->flags & TUBE_OPT_POSITIONAL) != 0 && o->type != TUBE_OPT_EXPR)
            stages_free_word(to, o);
    if ((def->flags & (TUBE_FORKS | TUBE_JOINS)) != 0)
        fputs(" ( STAGES ) ...", to);
    fputs(" [OPTION=VALUE ...]", to);
    for (o = def->options; !stages_last(o); o++)
        if (o->type == TUBE_OPT_EXPR)
            stages_free_word(to, o);
    fputc('\n', to);
}

static void
stages_option_row(cli_table *t, const tube_option *o)
{
    cli_table_add(t, "%s", o->name);
    cli_table_add(t, "%s", stages_type(o));
    cli_table_add(t, "%s", stages_domain(o));
    cli_table_add(t, "%s", stages_default(o));
    cli_table_add(t, "%s", o->help);
}

static void
stages_describe(const tube_stage_def *def)
{
    const cli_colors *color = cli_colors_for(stdout);
    cli_table t = { .columns = 5 };

    printf("%s", color->bold);
    stages_synopsis(stdout, def);
    printf("%s\n%s (%s, takes %s, gives %s).\n", color->off, def->summary,
           cli_kind_name(def->kind), cli_flow_name(def->in), cli_flow_name(def->out));
    printf("\nOptions\n");
    cli_table_add(&t, "name");
    cli_table_add(&t, "type");
    cli_table_add(&t, "values");
    cli_table_add(&t, "default");
    cli_table_add(&t, "meaning");
    for (const tube_option *o = def->options; !stages_last(o); o++)
        stages_option_row(&t, o);
    for (const tube_option *o = tube_common_options(); !stages_last(o); o++)
        if (!cli_has_option(def, o->name))
            stages_option_row(&t, o);
    cli_table_print(&t, stdout, "  ");
    cli_table_fini(&t);
    if (def->examples != NULL)
        printf("\nExamples\n");
    for (const char *const *e = def->examples; e != NULL && *e != NULL; e++)
        printf("  tubes run '%s'\n", *e);
}

static void
stages_list(void)
{
    cli_table t = { .columns = 5 };
    static const char *const heads[] = { "stage", "kind", "takes", "gives", "does" };
    const tube_stage_def *def;

    for (size_t i = 0; i < t.columns; i++)
        cli_table_add(&t, "%s", heads[i]);
    for (uint32_t i = 0; (def = tube_builtin(i)) != NULL; i++) {
        cli_table_add(&t, "%s", def->name);
        cli_table_add(&t, "%s", cli_kind_name(def->kind));
        cli_table_add(&t, "%s", cli_flow_name(def->in));
        cli_table_add(&t, "%s", cli_flow_name(def->out));
        cli_table_add(&t, "%s", def->summary);
    }
    cli_table_print(&t, stdout, "");
    cli_table_fini(&t);
    printf("\nMore: tubes help STAGE\n");
}

/* `common`: every stage has it. */
static void
stages_json_option(const tube_option *o, bool first, bool common)
{
    printf("%s{\"name\":", first ? "" : ",");
    cli_json_text(stdout, o->name);
    printf(",\"type\":\"%s\",\"values\":", stages_type(o));
    cli_json_text(stdout, stages_domain(o));
    printf(",\"default\":");
    cli_json_text(stdout, o->def);
    printf(",\"positional\":%s,\"secret\":%s,\"common\":%s,\"help\":",
           (o->flags & TUBE_OPT_POSITIONAL) != 0 ? "true" : "false",
           (o->flags & TUBE_OPT_SECRET) != 0 ? "true" : "false",
           common ? "true" : "false");
    cli_json_text(stdout, o->help);
    printf("}");
}

static void
stages_json_one(const tube_stage_def *def)
{
    bool first = true;

    printf("{\"stage\":");
    cli_json_text(stdout, def->name);
    printf(",\"kind\":\"%s\",\"takes\":\"%s\",\"gives\":\"%s\",\"summary\":",
           cli_kind_name(def->kind), cli_flow_name(def->in), cli_flow_name(def->out));
    cli_json_text(stdout, def->summary);
    printf(",\"options\":[");
    for (const tube_option *o = def->options; !stages_last(o); o++) {
        stages_json_option(o, first, false);
        first = false;
    }
    for (const tube_option *o = tube_common_options(); !stages_last(o); o++) {
        if (cli_has_option(def, o->name))
            continue;
        stages_json_option(o, first, true);
        first = false;
    }
    printf("],\"examples\":[");
    for (const char *const *e = def->examples; e != NULL && *e != NULL; e++) {
        printf("%s", e == def->examples ? "" : ",");
        cli_json_text(stdout, *e);
    }
    printf("]}");
}

/* A cell of a Markdown table, in which a bar would end it. */
static void
stages_markdown_cell(const char *text, bool code)
{
    const char *mark = code && text[0] != '\0' ? "`" : "";

    printf(" %s", mark);
    for (; *text != '\0'; text++)
        printf(*text == '|' ? "\\|" : "%c", *text);
    printf("%s |", mark);
}

static void
stages_markdown_options(const tube_option *o)
{
    if (!stages_last(o))
        printf("\n| option | type | values | default | meaning |\n"
               "| --- | --- | --- | --- | --- |\n");
    for (; !stages_last(o); o++) {
        printf("|");
        stages_markdown_cell(o->name, true);
        stages_markdown_cell(stages_type(o), false);
        stages_markdown_cell(stages_domain(o), true);
        stages_markdown_cell(o->def == NULL ? "required" : o->def, o->def != NULL);
        stages_markdown_cell(o->help, false);
        printf("\n");
    }
}

static void
stages_markdown_one(const tube_stage_def *def)
{
    printf("\n## %s\n\n%s. A %s that takes %s and gives %s.\n\n```\n", def->name,
           def->summary, cli_kind_name(def->kind), cli_flow_name(def->in),
           cli_flow_name(def->out));
    stages_synopsis(stdout, def);
    printf("```\n");
    stages_markdown_options(def->options);
    if (def->examples != NULL)
        printf("\n```sh\n");
    for (const char *const *e = def->examples; e != NULL && *e != NULL; e++)
        printf("tubes run '%s'\n", *e);
    if (def->examples != NULL)
        printf("```\n");
}

static void
stages_all(const struct stages *s)
{
    const tube_stage_def *def;

    if (s->markdown)
        printf("# Stages\n\nThis page is printed by `tubes stages --markdown`.\n"
               "\n## Every stage\n\nhas these options, unless it has one of that name "
               "itself.\n");
    else
        printf("[");
    if (s->markdown)
        stages_markdown_options(tube_common_options());
    for (uint32_t i = 0; (def = tube_builtin(i)) != NULL; i++) {
        if (s->markdown) {
            stages_markdown_one(def);
            continue;
        }
        printf("%s", i > 0 ? ",\n" : "");
        stages_json_one(def);
    }
    if (!s->markdown)
        printf("]\n");
}

static int
stages_unknown(const char *name)
{
    const char *names[STAGES + 1];
    const tube_stage_def *def;
    const char *near;
    char hint[160];
    size_t n = 0;

    while (n < STAGES && (def = tube_builtin((uint32_t)n)) != NULL)
        names[n++] = def->name;
    near = tube_nearest(name, names, n);
    if (near != NULL)
        snprintf(hint, sizeof(hint), "did you mean '%s'?   all stages: tubes stages",
                 near);
    else
        snprintf(hint, sizeof(hint),
                 "all stages: tubes stages   all commands: tubes help");
    return cli_complain(hint, "there is no stage '%s'", name);
}

static int
stages_run(int argc, char **argv)
{
    struct stages s = { .json = false };
    struct cli_words words;
    const tube_stage_def *def;
    char name[NAME] = "";
    int status = cli_args(&cli_stages, argc, argv, &s, &words);

    if (status >= 0)
        return status;
    for (int i = 0; i < words.n; i++)
        snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%s",
                 i > 0 ? " " : "", words.word[i]);
    def = words.n > 0 ? tube_builtin_find(name) : NULL;
    if (words.n > 0 && def == NULL)
        return stages_unknown(name);
    if (s.json && def != NULL) {
        stages_json_one(def);
        printf("\n");
    } else if (s.markdown && def != NULL) {
        stages_markdown_one(def);
    } else if (s.json || s.markdown) {
        stages_all(&s);
    } else if (def != NULL) {
        stages_describe(def);
    } else {
        stages_list();
    }
    return cli_flush(CLI_DONE);
}

const struct cli_command cli_stages = {
    .name = "stages",
    .usage = "[NAME]",
    .summary = "the stages there are, or the options of one",
    .options = options,
    .run = stages_run,
};
