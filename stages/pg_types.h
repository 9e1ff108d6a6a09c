/* SPDX-License-Identifier: MIT */
/* pg_types.h -- types of PostgreSQL: which field fits which column, and how it is sent.
 *
 * A value goes to the server in two steps.  Converting, once for each row, checks it
 * and gives its cell the wire form: an integer, a double, or bytes.  Encoding, at each
 * try of a transaction, only copies the wire form, and cannot fail.
 */
#ifndef TUBES_STAGES_PG_TYPES_H
#define TUBES_STAGES_PG_TYPES_H

#include <tubes/batch.h>
#include <tubes/error.h>

#include <stdbool.h>
#include <stdint.h>

/** How a converted cell is sent. */
typedef enum pg_wire {
    PG_WIRE_BYTES = 1, /**< text, len */
    PG_WIRE_JSONB,     /**< the same behind a byte with the version, 1 */
    PG_WIRE_INT2,
    PG_WIRE_INT4,
    PG_WIRE_INT8,
    PG_WIRE_TIME, /**< integer, microseconds since 1970; sent since 2000 */
    PG_WIRE_BOOL,
    PG_WIRE_FLOAT4,
    PG_WIRE_FLOAT8,
} pg_wire;

/** Why a value cannot be stored. */
typedef enum pg_fault {
    PG_FAULT_NONE = 0,
    PG_FAULT_NUL,
    PG_FAULT_UTF8,
    PG_FAULT_SYNTAX,
    PG_FAULT_RANGE,
    PG_FAULT_LENGTH,
    PG_FAULT_ESCAPE,
    PG_FAULT_NULL,
    PG_FAULT_SIZE,
    PG_FAULTS,
} pg_fault;

struct pg_column;

/**
 * Give a set cell its wire form.
 *
 * @param mem  room for what pg_column.room and .room_each promise; moved on
 */
typedef pg_fault pg_convert(const struct pg_column *col, tube_cell *c, char **mem);

/** A column of the target that takes a field. */
typedef struct pg_column {
    char name[64];
    char type[64]; /**< as the server writes it, for messages */
    uint32_t oid;  /**< of the base type */
    int32_t limit; /**< characters; 0: any */
    tube_field field;
    tube_type from; /**< type of the field */
    pg_wire wire;
    bool not_null;
    bool text;           /**< sent as it is, once its bytes were checked */
    pg_convert *convert; /**< NULL: nothing to do */
    uint32_t room;       /**< bytes of memory that convert() needs for a cell */
    uint32_t room_each;  /**< and for each byte of its text */
} pg_column;

/** A column's type as the catalog has it. */
typedef struct pg_catalog_type {
    uint32_t oid;      /**< of the base type, behind any domains */
    int32_t modifier;  /**< atttypmod, -1: none */
    char kind;         /**< typtype: 'b', 'e' ... */
    const char *name;  /**< typname */
    const char *whole; /**< format_type(): as the user knows it */
} pg_catalog_type;

/**
 * Choose how a field of type `from` goes into a column.
 *
 * @param col  name is set; the rest but field and not_null is filled
 * @return TUBE_ECONFIG  no such type is known, or the field does not fit it
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_pg_type_choose(const pg_catalog_type *t, tube_type from,
                                 const char *field, pg_column *col, tube_error *err);

/** Type of the column that a new table gets for a field.  Threads: any.  Blocks: no. */
const char *tubei_pg_type_for(tube_type from);

/** True if JSON can be sent to that type: json, jsonb.  Threads: any.  Blocks: no. */
bool tubei_pg_type_is_json(uint32_t oid);

/** Check bytes for a text column.  Threads: any.  Blocks: no. */
pg_fault tubei_pg_check_text(const char *p, size_t len);

/** Check that valid JSON is what jsonb takes: no \u0000, no lone surrogate. */
pg_fault tubei_pg_check_jsonb(const char *p, size_t len);

/** SQLSTATE that the server would have given.  Threads: any.  Blocks: no. */
const char *tubei_pg_fault_state(pg_fault f);

/** One line about a cell as it was before it was converted, cut to 80 bytes of value. */
void tubei_pg_fault_text(pg_fault f, const pg_column *col, const tube_cell *c,
                         char *out, size_t room);

#endif /* TUBES_STAGES_PG_TYPES_H */
