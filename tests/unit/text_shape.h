/* SPDX-License-Identifier: MIT */
/* text_shape.h -- stages with branches beside stage_table.h, and texts in a form to
 * compare. */
#ifndef TUBES_TESTS_TEXT_SHAPE_H
#define TUBES_TESTS_TEXT_SHAPE_H

#include "../../text/option.h"
#include "../../text/text.h"
#include "stage_table.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const tube_option route_options[] = {
    { "to", TUBE_OPT_TEXT, offsetof(struct every, word), "", "", "field", 0 },
    { "queue", TUBE_OPT_TEXT, offsetof(struct every, table), "", "", "its own", 0 },
    { 0 },
};

static const tube_option parallel_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct every, workers), "2", "1..64 copies", "copies",
      TUBE_OPT_POSITIONAL },
    { "order", TUBE_OPT_ENUM, offsetof(struct every, mode), "input", "input|none|key",
      "order", 0 },
    { 0 },
};

static const tube_stage_def fork_table[] = {
    { .name = "tee", .flags = TUBE_FORKS, .state_size = sizeof(struct every) },
    { .name = "route",
      .flags = TUBE_FORKS | TUBE_PORTS_KEYED,
      .options = route_options,
      .rejoin = TUBE_REJOIN_OPEN,
      .state_size = sizeof(struct every) },
    { .name = "thru",
      .flags = TUBE_FORKS,
      .rejoin = TUBE_REJOIN_ALL,
      .state_size = sizeof(struct every) },
    { .name = "parallel",
      .flags = TUBE_FORKS,
      .options = parallel_options,
      .rejoin = TUBE_REJOIN_ALL,
      .state_size = sizeof(struct every) },
    { .name = "merge", .flags = TUBE_JOINS, .state_size = sizeof(struct every) },
    { .name = "outlet", .kind = TUBE_SINK },
    { .name = "inlet", .kind = TUBE_SOURCE },
};

enum { FORK_TABLE = sizeof(fork_table) / sizeof(fork_table[0]) };

static const tube_stage_def *
shape_find(void *arg, const char *name)
{
    for (size_t i = 0; i < FORK_TABLE; i++)
        if (strcmp(fork_table[i].name, name) == 0)
            return &fork_table[i];
    return table_find(arg, name);
}

static const char *
shape_name_at(void *arg, uint32_t i)
{
    return i < FORK_TABLE ? fork_table[i].name : table_name_at(arg, i - FORK_TABLE);
}

static const tubei_lookup shape_lookup = { shape_find, shape_name_at, NULL };

static void
shape_call(const tubei_call *c, FILE *f)
{
    static const char *const fails[] = { "stop", "skip", "retry", "restart" };
    tubei_common plain = tubei_common_defaults();

    fprintf(f, "%s{", c->name.text);
    for (uint32_t k = 0; k < c->n_args; k++) {
        const tubei_arg *a = &c->arg[k];

        fprintf(f, "%s%s%s", k > 0 ? ";" : "", a->key.text == NULL ? "" : a->key.text,
                a->key.text == NULL ? "" : "=");
        for (uint32_t j = 0; j < a->n; j++)
            fprintf(f, "%s%s%s", a->list ? "[" : "", a->value[j].text,
                    a->list ? "]" : "");
    }
    if (c->expr.text != NULL)
        fprintf(f, "<%s@%u:%u>", c->expr.text, c->expr.line, c->expr.column);
    fprintf(f, "}");
    if (c->common.label[0] != '\0')
        fprintf(f, "!%s", c->common.label);
    if (c->common.fail != plain.fail || c->common.retries != plain.retries
        || c->common.queue != plain.queue)
        fprintf(f, "!%s,%" PRId64 ",%" PRId64, fails[c->common.fail], c->common.retries,
                c->common.queue);
}

static void
shape_branch(const tubei_branch *b, FILE *f)
{
    if (b->head == TUBE_HEAD_WHEN)
        fprintf(f, "when <%s@%u:%u>:", b->when.text, b->when.line, b->when.column);
    else if (b->head == TUBE_HEAD_AS)
        fprintf(f, "as %s:", b->as.text);
    else if (b->head == TUBE_HEAD_OTHERWISE)
        fprintf(f, "otherwise:");
    for (uint32_t i = 0; i < b->n; i++) {
        fprintf(f, "%s", i > 0 ? "|" : "");
        shape_call(&b->call[i], f);
        for (uint32_t k = 0; k < b->call[i].n_branches; k++) {
            fprintf(f, "(");
            shape_branch(&b->call[i].branch[k], f);
            fprintf(f, ")");
        }
    }
}

static void
shape_record(const tube_record *r, FILE *f)
{
    static const char *const types[] = { "",    "text",  "bytes", "bool",
                                         "int", "float", "time",  "json" };

    fprintf(f, "record %s", r->name);
    for (uint32_t i = 0; i < r->n; i++) {
        const tube_record_field *d = &r->field[i];

        fprintf(f, " %s:%s%s%s%s", d->column.name, types[d->column.type],
                d->column.sql == NULL ? "" : "/",
                d->column.sql == NULL ? "" : d->column.sql, d->optional ? "?" : "");
        if (d->ranged)
            fprintf(f, "[%g..%g]", d->lo, d->hi);
    }
    fprintf(f, ";");
}

/* All that was read: stage{key=[a][b];positional}!label(branch). */
static void
shape(const tubei_text *t, char *buf, size_t len)
{
    FILE *f = fmemopen(buf, len, "w");

    for (uint32_t i = 0; i < t->n_settings; i++)
        fprintf(f, "set %s=%s;", t->setting[i].key.text, t->setting[i].value[0].text);
    for (uint32_t i = 0; i < t->n_records; i++)
        shape_record(&t->record[i], f);
    for (uint32_t i = 0; i < t->n_adapts; i++) {
        fprintf(f, "adapt %s>%s ", t->adapt[i].from.text, t->adapt[i].to.text);
        shape_branch(&t->adapt[i].with, f);
        fprintf(f, ";");
    }
    shape_branch(&t->main, f);
    fclose(f);
}

/* A text, and what it is read as. */
struct shape_good {
    const char *text;
    const char *want;
};

static inline void
shape_expect(const struct shape_good *good, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tubei_report r = { 0 };
        char got[2048] = "";
        tubei_text *t = tubei_text_parse(good[i].text, &shape_lookup, &r);

        cr_expect_not_null(t, "%s: %u:%u %s", good[i].text, r.first.line,
                           r.first.column, r.first.message);
        if (t == NULL)
            continue;
        shape(t, got, sizeof(got));
        cr_expect_str_eq(got, good[i].want, "%s: %s", good[i].text, got);
        tubei_text_free(t);
    }
}

/* A text that is refused, all messages, and a part of the hint of the first. */
struct shape_bad {
    const char *text;
    const char *want;
    const char *hint; /* NULL: does not matter */
};

struct shape_heard {
    char text[2048];
    size_t n;
};

static inline void
shape_listen(void *arg, const tube_error *e)
{
    struct shape_heard *h = arg;

    cr_expect_eq(e->status, TUBE_ECONFIG);
    h->n +=
        (size_t)snprintf(h->text + h->n, sizeof(h->text) - h->n, "%s%u:%u+%u %s%s%s",
                         h->n > 0 ? "\n" : "", e->line, e->column, e->width, e->stage,
                         e->stage[0] != '\0' ? ": " : "", e->message);
}

static inline void
shape_refuse(const struct shape_bad *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct shape_heard h = { .n = 0 };
        tubei_report r = { .on_error = shape_listen, .arg = &h };
        tubei_text *t = tubei_text_parse(bad[i].text, &shape_lookup, &r);

        cr_expect_null(t, "'%s' was taken", bad[i].text);
        cr_expect_str_eq(h.text, bad[i].want, "'%s':\n%s", bad[i].text, h.text);
        cr_expect_gt(r.errors, 0);
        if (bad[i].hint != NULL)
            cr_expect_not_null(strstr(r.first.hint, bad[i].hint), "'%s': hint '%s'",
                               bad[i].text, r.first.hint);
        tubei_text_free(t);
    }
}

#endif /* TUBES_TESTS_TEXT_SHAPE_H */
