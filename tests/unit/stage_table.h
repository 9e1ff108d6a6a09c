/* SPDX-License-Identifier: MIT */
/* stage_table.h -- a few stages with options of every kind, for tests of the text. */
#ifndef TUBES_TESTS_STAGE_TABLE_H
#define TUBES_TESTS_STAGE_TABLE_H

#include "../../text/text.h"

#include <tubes/stage.h>

#include <stddef.h>
#include <string.h>

struct every {
    tube_list path;
    const char *table;
    const char *dsn;
    int64_t workers;
    int64_t size;
    int64_t age;
    int64_t mode;
    bool flag;
    const char *word;
    tube_expr_text expr;
};

#define AT(member) offsetof(struct every, member)

static const tube_option file_options[] = {
    { "path", TUBE_OPT_LIST, AT(path), NULL, "paths", "files to read",
      TUBE_OPT_POSITIONAL },
    { 0 },
};

static const tube_option where_options[] = {
    { "expr", TUBE_OPT_EXPR, AT(expr), NULL, "", "what must be true", 0 },
    { 0 },
};

static const tube_option sink_options[] = {
    { "table", TUBE_OPT_TEXT, AT(table), NULL, "", "name of the table", 0 },
    { "dsn", TUBE_OPT_TEXT, AT(dsn), "", "", "server", TUBE_OPT_SECRET },
    { "workers", TUBE_OPT_INT, AT(workers), "4", "1..64 threads", "threads", 0 },
    { "size", TUBE_OPT_SIZE, AT(size), "4M", "64k..1G bytes", "bytes", 0 },
    { "age", TUBE_OPT_TIME, AT(age), "200ms", "", "age", 0 },
    { "create", TUBE_OPT_ENUM, AT(mode), "auto", "auto|never|print", "make it", 0 },
    { "flag", TUBE_OPT_BOOL, AT(flag), "no", "", "a flag", 0 },
    { "ignore", TUBE_OPT_LIST, AT(path), "[a, b]", "fields", "fields", 0 },
    { 0 },
};

static const tube_option two_options[] = {
    { "format", TUBE_OPT_TEXT, AT(word), NULL, "", "format", TUBE_OPT_POSITIONAL },
    { "count", TUBE_OPT_INT, AT(workers), "1", "records", "how many",
      TUBE_OPT_POSITIONAL },
    { "seed", TUBE_OPT_INT, AT(size), "0", "", "seed", 0 },
    { 0 },
};

#undef AT

static const tube_stage_def stage_table[] = {
    { .name = "file", .options = file_options, .state_size = sizeof(struct every) },
    { .name = "where", .options = where_options, .state_size = sizeof(struct every) },
    { .name = "postgres", .options = sink_options, .state_size = sizeof(struct every) },
    { .name = "gen", .options = two_options, .state_size = sizeof(struct every) },
    { .name = "parse combined", .state_size = sizeof(struct every) },
    { .name = "parse common", .state_size = sizeof(struct every) },
    { .name = "print", .state_size = sizeof(struct every) },
    { .name = "lines", .state_size = sizeof(struct every) },
};

enum { STAGE_TABLE = sizeof(stage_table) / sizeof(stage_table[0]) };

static const tube_stage_def *
table_find(void *arg, const char *name)
{
    (void)arg;
    for (size_t i = 0; i < STAGE_TABLE; i++)
        if (strcmp(stage_table[i].name, name) == 0)
            return &stage_table[i];
    return NULL;
}

static const char *
table_name_at(void *arg, uint32_t i)
{
    (void)arg;
    return i < STAGE_TABLE ? stage_table[i].name : NULL;
}

static const tubei_lookup table_lookup = { table_find, table_name_at, NULL };

#endif /* TUBES_TESTS_STAGE_TABLE_H */
