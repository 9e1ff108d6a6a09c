/* SPDX-License-Identifier: MIT */
/* record_parts.h -- what the functions of <tubes/record.h> share.
 *
 * record_struct.c  where values lie: structs, cells, defaults
 * record_check.c   what is wrong with a record, and with a description
 * record_read.c    values from texts, records from values, records from pairs
 * record_json.c    records from JSON
 * record_write.c   records as texts
 * record_ddl.c     the declaration as text of a pipeline and as a table
 * record_fits.c    versions
 * record_copy.c    binary COPY
 */
#ifndef TUBES_STAGES_RECORD_PARTS_H
#define TUBES_STAGES_RECORD_PARTS_H

#include "writer.h"

#include <tubes/record.h>

#include <errno.h>

enum { TUBEI_RECORD_FIELDS = 1600 };

/** One bit a field. */
typedef struct tubei_record_bits {
    uint64_t word[TUBEI_RECORD_FIELDS / 64];
} tubei_record_bits;

static inline bool
tubei_record_has(const tubei_record_bits *b, uint32_t i)
{
    return (b->word[i / 64] >> (i % 64) & 1) != 0;
}

static inline void
tubei_record_mark(tubei_record_bits *b, uint32_t i)
{
    b->word[i / 64] |= UINT64_C(1) << (i % 64);
}

/** A record while it is made. */
typedef struct tubei_record_run {
    const tube_record_def *d;
    tube_scratch *memory;
    void *record;
    tube_record_errors *errors;
    tubei_record_bits seen; /**< fields that were given */
    tubei_record_bits bad;  /**< and are wrong */
    tube_status status;     /**< TUBE_ENOMEM once that came up */
} tubei_record_run;

static inline bool
tubei_record_is_text(tube_type type)
{
    return type == TUBE_TEXT || type == TUBE_BYTES || type == TUBE_JSON;
}

/** Column of field `i`. */
static inline const tube_column *
tubei_record_column(const tube_record_def *d, uint32_t i)
{
    return &d->record.field[i].column;
}

/** How the text writes a column's type: "inet". */
const char *tubei_record_type(const tube_column *c);

/** Field of that name, or -1. */
tube_field tubei_record_find(const tube_record_def *d, tube_slice name);

/** Value of a field; false: its text is over 4 GiB, `c` is cut. */
bool tubei_record_get(const tube_record_def *d, const void *record, uint32_t i,
                      tube_cell *c);

/** Write a value, or none. */
void tubei_record_put(const tube_record_def *d, void *record, uint32_t i,
                      const tube_cell *c);

/** Every field without a value, or 0. */
void tubei_record_clear(const tube_record_def *d, void *record);

/** What a field holds if it is not given; false: it has no default, or one that cannot
 * be read. */
bool tubei_record_default(const tube_record_def *d, uint32_t i, tube_cell *c);

/** Change the type of a value, from INT to FLOAT; false: it is not exact there. */
bool tubei_record_widen(tube_cell *c, tube_type from, tube_type to, tube_error *err);

/** True if there is a default. */
bool tubei_record_defaulted(const tube_record_def *d, uint32_t i);

/** Forget all errors; NULL is fine. */
void tubei_record_no_errors(tube_record_errors *e);

/** One more; `field` NULL: it is about none; `e` may be NULL. */
void tubei_record_wrong(tube_record_errors *e, const char *field, const char *fmt, ...)
    TUBE_PRINTF(3, 4);

/** The first bytes of a text as they can stand in a line; returns `out`. */
const char *tubei_record_show(tube_slice text, char *out, size_t room);

/** All validators, but of fields that are `bad` already (NULL: none). */
tube_status tubei_record_look(const tube_record_def *d, const void *record,
                              const tubei_record_bits *bad, tube_record_errors *e);

/** Read a value of a type; only JSON takes memory. */
tube_status tubei_record_read_as(tube_type type, tube_slice in, tube_scratch *memory,
                                 tube_cell *c, tube_error *err);

/** Read a value by the field's own converter, or by its type. */
tube_status tubei_record_read(const tube_record_def *d, uint32_t i, tube_slice in,
                              tube_scratch *memory, tube_cell *c, tube_error *err);

/** Begin a record: no field is given. */
void tubei_record_begin(tubei_record_run *r);

/** A field is given: note it; false: it was given before, which is noted as wrong. */
bool tubei_record_given(tubei_record_run *r, uint32_t i);

/** What became of reading a field: put it, or note what is wrong. */
void tubei_record_took(tubei_record_run *r, uint32_t i, tube_status st,
                       const tube_cell *c, const tube_error *err);

/** A name that is no field's. */
void tubei_record_unknown(tubei_record_run *r, tube_slice name);

/** Defaults for what was not given, then all validators. */
tube_status tubei_record_finish(tubei_record_run *r);

/** End a text: its length, or 0 if it did not fit. */
size_t tubei_record_written(tubei_writer *w, char *out, size_t room);

/** Begin one. */
static inline tubei_writer
tubei_record_writer(char *out, size_t room)
{
    return (tubei_writer){
        .buf = out,
        .cap = room > 1 ? room - 1 : 0,
        .fd = -1,
        .error = room > 1 ? 0 : ENOBUFS, /* a buffer of no bytes is never full */
    };
}

#endif /* TUBES_STAGES_RECORD_PARTS_H */
