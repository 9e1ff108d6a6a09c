/* SPDX-License-Identifier: MIT */
/* table.h -- columns that line up. */
#ifndef TUBES_CLI_TABLE_H
#define TUBES_CLI_TABLE_H

#include <tubes/attr.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** Cells by row; the first row is the heading. */
typedef struct cli_table {
    char **cell;
    size_t columns;
    size_t n;    /**< cells */
    size_t room; /**< of `cell` */
    bool failed; /**< no memory: nothing is printed */
} cli_table;

/** Add a cell at the end; a row is full after `columns` cells. */
void cli_table_add(cli_table *t, const char *fmt, ...) TUBE_PRINTF(2, 3);

/** Print heading and rows, two blanks between columns; a column whose cells all look
 * like numbers stands to the right.  Each line begins with `indent`. */
void cli_table_print(const cli_table *t, FILE *to, const char *indent);

/** Free the cells. */
void cli_table_fini(cli_table *t);

#endif /* TUBES_CLI_TABLE_H */
