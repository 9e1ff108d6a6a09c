/* SPDX-License-Identifier: MIT */
/* amp_fields.h -- arguments of a command: records to boxes and back. */
#ifndef TUBES_STAGES_AMP_FIELDS_H
#define TUBES_STAGES_AMP_FIELDS_H

#include "amp_arg.h"

#include <tubes/stage.h>

/** One argument. */
typedef struct amp_field {
    char *key;  /**< on the wire; a string */
    char *name; /**< of the column: the key with '_' for each '-' */
    uint32_t key_len;
    uint32_t column; /**< of the record */
    bool optional;   /**< NULL: the key is not there */
    amp_arg arg;
} amp_field;

typedef struct amp_fields {
    amp_field *field;
    uint32_t n;
} amp_fields;

enum { AMP_REASON = 320 };

/**
 * In open(): the arguments as given, "a:int", "b:text?", "c" (text).
 *
 * @param fields  words of the option `fields`; none: see `of`
 * @param of      name of a record, "": none
 * @param f       tubei_amp_fields_fini(), also after a failure; empty if nothing was given
 * @return TUBE_ECONFIG, TUBE_ENOMEM
 *
 * Threads: the stage's.  Blocks: no.
 */
tube_status tubei_amp_fields_given(tube_stage *s, const tube_list *fields,
                                   const char *of, amp_fields *f,
                                   tube_error *err) TUBE_NODISCARD;

/** In open() of a source: they are what goes out.  Threads: the stage's.  Blocks: no. */
tube_status tubei_amp_fields_declare(tube_stage *s, const amp_fields *f,
                                     tube_error *err) TUBE_NODISCARD;

/** In open() of a sink: find them in the input; of none that were given make one for
 * each column.  Threads: the stage's.  Blocks: no. */
tube_status tubei_amp_fields_match(tube_stage *s, amp_fields *f,
                                   tube_error *err) TUBE_NODISCARD;

/**
 * Fill a row from a box.
 *
 * @param row  all NULL
 * @param why  set with TUBE_EPARSE: "argument 'a': '12x' is no Integer"
 * @return TUBE_OK, TUBE_EPARSE, TUBE_ENOMEM
 *
 * Threads: the batch's owner.  Blocks: no.
 */
tube_status tubei_amp_fields_read(const amp_fields *f, const amp_box *box,
                                  tube_batch *b, tube_cell *row,
                                  char why[AMP_REASON]) TUBE_NODISCARD;

/**
 * Pairs of a row.
 *
 * @param pair     room for f->n (set)
 * @param n        how many there are (set)
 * @param scratch  emptied first; the pairs point into it
 * @return as tubei_amp_fields_read()
 *
 * Threads: the owner of `scratch`.  Blocks: no.
 */
tube_status tubei_amp_fields_write(const amp_fields *f, const tube_cell *row,
                                   amp_pair *pair, uint32_t *n, amp_out *scratch,
                                   char why[AMP_REASON]) TUBE_NODISCARD;

/** Free them.  Threads: the stage's.  Blocks: no. */
void tubei_amp_fields_fini(amp_fields *f);

#endif /* TUBES_STAGES_AMP_FIELDS_H */
