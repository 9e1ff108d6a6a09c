/* SPDX-License-Identifier: MIT */
/* spill_rows.h -- the live rows of a batch as bytes; the form is in spill.h. */
#ifndef TUBES_STAGES_SPILL_ROWS_H
#define TUBES_STAGES_SPILL_ROWS_H

#include <tubes/batch.h>

/** What is known about the lines that rows were made of. */
typedef enum spill_lines {
    SPILL_NO_LINES = 0, /**< nothing */
    SPILL_LINES,        /**< they stand before the cells */
    SPILL_LINES_CELLS,  /**< they are the cells */
} spill_lines;

/* All functions below: Threads: the batch's owner.  Blocks: no. */

/** What is known about this batch's. */
spill_lines tubei_spill_lines(const tube_batch *b);

/** Bytes that its rows take; false: more than a size_t holds. */
bool tubei_spill_measure(const tube_batch *b, spill_lines lines, size_t *size);

/** Write them, as many bytes as tubei_spill_measure() says. */
void tubei_spill_encode(const tube_batch *b, spill_lines lines, char *to);

/** Fill cells, and raw lines if there is room for them, with what lies in `from`, which
 * must live as long as the batch; false: it is not what tubei_spill_encode() writes. */
bool tubei_spill_decode(tube_batch *b, uint32_t lines, const char *from, size_t size);

#endif /* TUBES_STAGES_SPILL_ROWS_H */
