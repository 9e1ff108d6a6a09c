/* SPDX-License-Identifier: MIT */
/* expect_check.h -- do records, and does one record, fit a declaration? */
#ifndef TUBES_STAGES_EXPECT_CHECK_H
#define TUBES_STAGES_EXPECT_CHECK_H

#include <tubes/graph.h>
#include <tubes/stage.h>

/** What to look at in every record: one field that is required or has a range. */
typedef struct expect_check {
    const tube_record_field *field;
    tube_field at;   /**< column of the input */
    int64_t lo, hi;  /**< of fields that hold an integer; lo > hi: nothing fits */
    uint64_t lo_len; /**< of fields that hold text */
    uint64_t hi_len;
} expect_check;

/**
 * Compare the fields that come with those that are declared.
 *
 * @param checks  room for record->n
 * @param n       how many there are to make
 * @return TUBE_ECONFIG: all that is wrong is in one message
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_expect_schema(const tube_record *record, const tube_schema *in,
                                expect_check *checks, uint32_t *n,
                                tube_error *err) TUBE_NODISCARD;

/** What is wrong with this cell, in a line; false: nothing.  Threads: any.  Blocks: no. */
bool tubei_expect_cell(const expect_check *c, const tube_cell *cell, char *line,
                       size_t size);

#endif /* TUBES_STAGES_EXPECT_CHECK_H */
