/* SPDX-License-Identifier: MIT */
/* schema.h -- fields and types of records, in words. */
#ifndef TUBES_CLI_SCHEMA_H
#define TUBES_CLI_SCHEMA_H

#include <tubes/batch.h>
#include <tubes/stage.h>

#include <stddef.h>
#include <stdio.h>

/** "text", "int", ... */
const char *cli_type_name(tube_type t);

/** The SQL type a column asks for, else the name of its type. */
const char *cli_column_type(const tube_column *c);

/** "client text, status smallint, ...", cut with "..." to fit; returns `buf`. */
const char *cli_schema_text(const tube_schema *s, char *buf, size_t len);

/** [{"name":..,"type":..},..], or null for no schema. */
void cli_schema_json(FILE *to, const tube_schema *s);

/** "bytes", "lines", "records", "nothing" */
const char *cli_flow_name(tube_flow f);

/** "source", "transform", "sink" */
const char *cli_kind_name(tube_kind k);

/** True if the stage has an option of that name itself; then it hides the one that every
 * stage has. */
bool cli_has_option(const tube_stage_def *def, const char *name);

#endif /* TUBES_CLI_SCHEMA_H */
