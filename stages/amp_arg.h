/* SPDX-License-Identifier: MIT */
/* amp_arg.h -- AMP's argument types: what stands in a box for a value, and cells.
 *
 *   word      AMP's type       cell          on the wire
 *   text      Unicode, Path    TUBE_TEXT     UTF-8
 *   bytes     String           TUBE_BYTES    as they are
 *   int       Integer          TUBE_INT      decimal digits
 *   float     Float            TUBE_FLOAT    shortest digits that read back the same
 *   bool      Boolean          TUBE_BOOL     True, False
 *   time      DateTime         TUBE_TIME     32 characters, always UTC: "-00:00"
 *   decimal   Decimal          TUBE_TEXT     a decimal number, its digits kept
 *   json                       TUBE_JSON     the text of a JSON value
 *   list/T    ListOf(T)        TUBE_JSON     elements, each behind its u16 length
 *   list/R    AmpList          TUBE_JSON     boxes with the fields of `record` R
 */
#ifndef TUBES_STAGES_AMP_ARG_H
#define TUBES_STAGES_AMP_ARG_H

#include "amp_box.h"
#include "writer.h"

#include <tubes/graph.h>
#include <tubes/stage.h>

typedef enum amp_type {
    AMP_TEXT = 1,
    AMP_BYTES,
    AMP_INT,
    AMP_FLOAT,
    AMP_BOOL,
    AMP_TIME,
    AMP_DECIMAL,
    AMP_JSON,
    AMP_LIST,    /**< ListOf: `element` */
    AMP_RECORDS, /**< AmpList: `record` */
} amp_type;

/** Type of one argument. */
typedef struct amp_arg {
    amp_type type;
    amp_type element;          /**< of AMP_LIST: no list itself */
    const tube_record *record; /**< of AMP_RECORDS (borrowed) */
} amp_arg;

enum { AMP_WHY = 160, AMP_NUMBER = 48 };

/** Cells that hold such an argument.  Threads: any.  Blocks: no. */
tube_type tubei_amp_cell_type(amp_type type);

/** The type that fields of a record have on the wire.  Threads: any.  Blocks: no. */
amp_type tubei_amp_type_of(tube_type type);

/** "int", "list/int"; record names by tube_record_of(); false: no such type.
 * Threads: the stage's.  Blocks: no. */
bool tubei_amp_type_read(const tube_stage *s, const char *word, amp_arg *arg);

/**
 * A value of a box to a cell.
 *
 * @param value  padded by TUBE_PAD bytes, as what lies in a buffer is
 * @param b    its text is copied there
 * @param why  set if the value is none of that type: "is no integer"
 * @return TUBE_OK, TUBE_EPARSE (see why), TUBE_ENOMEM
 *
 * Threads: the batch's owner.  Blocks: no.
 */
tube_status tubei_amp_read(const amp_arg *arg, tube_slice value, tube_batch *b,
                           tube_cell *cell, char why[AMP_WHY]) TUBE_NODISCARD;

/**
 * A cell that is not NULL to a value of a box.
 *
 * @param scratch  what has to be made is put here, at its end
 * @param value    set; points to the cell's text or into `scratch`, so a later call may
 *                 move it: if *made is true, .ptr is to be taken as the last value->len
 *                 bytes of it
 * @return as tubei_amp_read()
 *
 * Threads: the owner of `scratch`.  Blocks: no.
 */
tube_status tubei_amp_write(const amp_arg *arg, const tube_cell *cell, amp_out *scratch,
                            tube_slice *value, bool *made,
                            char why[AMP_WHY]) TUBE_NODISCARD;

/* amp_number.c */

/** As Python's int() reads it.  False: none; *wide: one over 64 bits. */
bool tubei_amp_int_read(tube_slice text, int64_t *v, bool *wide);

/** As Python's float() reads it. */
bool tubei_amp_float_read(tube_slice text, double *v);

/** As Python's repr() writes it; bytes written. */
size_t tubei_amp_float_write(double v, char out[AMP_NUMBER]);

/** "2012-01-23T12:34:56.054321-01:23" to microseconds UTC. */
bool tubei_amp_time_read(tube_slice text, int64_t *us);

/** The same back, in UTC; 0: a year that has no four digits. */
size_t tubei_amp_time_write(int64_t us, char out[AMP_NUMBER]);

/** True for what Python's Decimal() reads. */
bool tubei_amp_decimal_check(tube_slice text);

/* amp_list.c: lists are JSON in a cell. */

tube_status tubei_amp_list_read(const amp_arg *arg, tube_slice value, tube_batch *b,
                                tube_cell *cell, char why[AMP_WHY]) TUBE_NODISCARD;
tube_status tubei_amp_list_write(const amp_arg *arg, const tube_cell *cell,
                                 amp_out *scratch, char why[AMP_WHY]) TUBE_NODISCARD;

#endif /* TUBES_STAGES_AMP_ARG_H */
