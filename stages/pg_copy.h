/* SPDX-License-Identifier: MIT */
/* pg_copy.h -- rows to the bytes of a binary COPY. */
#ifndef TUBES_STAGES_PG_COPY_H
#define TUBES_STAGES_PG_COPY_H

#include "pg_table.h"

#include <tubes/stage.h>

enum {
    PG_COPY_HEAD = 19,          /**< bytes before the first row */
    PG_COPY_TAIL = 2,           /**< bytes behind the last */
    PG_CHUNK_BYTES = 128 << 10, /**< what is given to the connection at once */
};

/** How rows of one table are encoded. */
typedef struct pg_copy {
    const pg_table *table;
    const tube_schema *fields;
    struct pg_send *send; /**< for each column */
    uint32_t n;
    uint32_t *texts; /**< fields whose texts are sent as they are */
    uint32_t n_texts;
    size_t slack; /**< bytes of a row in which every text is short */
} pg_copy;

/** Bytes on their way to the connection. */
typedef struct pg_chunk {
    char *data;
    size_t len;
    size_t room;
} pg_chunk;

/** Make the plan of a table that was compared with the fields.
 * @return TUBE_ENOMEM.  Threads: the owner.  Blocks: no. */
tube_status tubei_pg_copy_plan(pg_copy *p, const pg_table *t, const tube_schema *fields,
                               tube_error *err) TUBE_NODISCARD;

/** Free it; a zeroed one is fine.  Threads: the owner.  Blocks: no. */
void tubei_pg_copy_free(pg_copy *p);

/**
 * Bring all live rows of a batch into wire form; rows that the server would refuse for
 * what can be seen here are rejected.  Once for each batch; in pg_prepare.c.
 *
 * @return TUBE_ENOMEM
 *
 * Threads: the owner of `b`.  Blocks: no.
 */
tube_status tubei_pg_copy_prepare(const pg_copy *p, tube_stage *s, tube_batch *b,
                                  tube_error *err) TUBE_NODISCARD;

/**
 * Encode one prepared row.
 *
 * @param out  written from here on (borrowed)
 * @param end  behind the last byte that may be written
 * @return behind the row; NULL: there was not enough room
 *
 * Threads: any.  Blocks: no.
 */
char *tubei_pg_copy_row(const pg_copy *p, const tube_cell *row, char *out,
                        const char *end);

/** Room that tubei_pg_copy_row() needs for a row.  Threads: any.  Blocks: no. */
size_t tubei_pg_copy_room(const pg_copy *p, const tube_cell *row);

/** Make room for `more` bytes; false: out of memory.  Threads: the owner. */
bool tubei_pg_chunk_room(pg_chunk *c, size_t more);

/** Append what every COPY begins or ends with.  Threads: the owner.  Blocks: no. */
void tubei_pg_chunk_head(pg_chunk *c);
void tubei_pg_chunk_tail(pg_chunk *c);

/** Append one prepared row; false: out of memory.  Threads: the owner.  Blocks: no. */
bool tubei_pg_chunk_row(pg_chunk *c, const pg_copy *p, const tube_cell *row);

/** A row of tubes_reject. */
typedef struct pg_refused {
    int64_t source;
    int32_t generation;
    bool has_offset;
    uint64_t offset;
    uint64_t line; /**< from 1; 0: unknown */
    const tube_cell *raw;
    const tube_rejected *why;
} pg_refused;

/** Columns of tubes_reject in the order in which they are sent. */
#define PG_REFUSED_COLUMNS \
  "(source_id, generation, off, line_no, line, stage, sqlstate, reason)"

/** Append it; false: out of memory.  Threads: the owner.  Blocks: no. */
bool tubei_pg_chunk_refused(pg_chunk *c, const pg_refused *r);

#endif /* TUBES_STAGES_PG_COPY_H */
