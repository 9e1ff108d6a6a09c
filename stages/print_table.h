/* SPDX-License-Identifier: MIT */
/* print_table.h -- records as lines whose columns line up. */
#ifndef TUBES_STAGES_PRINT_TABLE_H
#define TUBES_STAGES_PRINT_TABLE_H

#include "writer.h"

#include <tubes/batch.h>

#include <stdbool.h>
#include <stdint.h>

/** Columns and how wide they are.  Made by tubei_table_open(). */
typedef struct tubei_table {
    const tube_schema *schema;
    uint32_t *width; /**< by column */
    uint32_t shown;  /**< columns; those behind have no room */
    uint32_t room;   /**< of the terminal; 0: there is none, nothing is cut */
} tubei_table;

/**
 * Get ready for records of a schema.
 *
 * @param room  columns of the terminal; 0: not for a terminal (borrowed: schema)
 * @return false: out of memory
 *
 * Threads: any.  Blocks: no.
 */
bool tubei_table_open(tubei_table *t, const tube_schema *schema, uint32_t room);

/** Decide the widths by the records of a first batch, and write the heading.
 * Threads: the owner of `t`.  Blocks: as write() does. */
void tubei_table_head(tubei_table *t, const tube_batch *b, tubei_writer *w);

/**
 * Write one record.
 *
 * What a terminal would obey is written as \n, \x1b and so on; NULL is '-'.  On a terminal
 * a value that is too long ends in "...".
 *
 * Threads: the owner of `t`.  Blocks: as write() does.
 */
void tubei_table_row(const tubei_table *t, const tube_cell *row, tubei_writer *w);

/** Free what tubei_table_open() took; a zeroed object is fine.  Threads: the owner.
 * Blocks: no. */
void tubei_table_fini(tubei_table *t);

#endif /* TUBES_STAGES_PRINT_TABLE_H */
