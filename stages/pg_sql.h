/* SPDX-License-Identifier: MIT */
/* pg_sql.h -- putting SQL together, and reading SQLSTATEs. */
#ifndef TUBES_STAGES_PG_SQL_H
#define TUBES_STAGES_PG_SQL_H

#include <tubes/attr.h>
#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What to do about an error. */
typedef enum pg_cure {
    PG_CURE_ROW,    /**< one row of the transaction is to blame */
    PG_CURE_SOON,   /**< try again, within a second */
    PG_CURE_LATER,  /**< try again, with growing pauses */
    PG_CURE_FENCED, /**< another instance has moved a position */
    PG_CURE_NONE,   /**< no repetition mends it */
} pg_cure;

/** What to do about an error of that SQLSTATE, given whether it names a COPY line.
 * Threads: any.  Blocks: no. */
pg_cure tubei_pg_cure(const char *sqlstate, bool line);

/** A text that grows.  `failed`: out of memory, what was added since is missing. */
typedef struct pg_sql {
    char *text; /**< a string; NULL: nothing was added yet */
    size_t len;
    size_t room;
    bool failed;
} pg_sql;

/** Free the memory; the text is empty then.  Threads: the owner.  Blocks: no. */
void tubei_pg_sql_free(pg_sql *q);

/** Forget the text, keep the memory.  Threads: the owner.  Blocks: no. */
void tubei_pg_sql_clear(pg_sql *q);

/** Append, as printf.  Never a text that came with the data.  Blocks: no. */
void tubei_pg_sql_add(pg_sql *q, const char *fmt, ...) TUBE_PRINTF(2, 3);

/** Append an identifier, quoted; it was checked before.  Blocks: no. */
void tubei_pg_sql_name(pg_sql *q, const char *name);

/** Append "schema"."name", or the name alone if `schema` is "".  Blocks: no. */
void tubei_pg_sql_table(pg_sql *q, const char *schema, const char *name);

/**
 * Check a name that the user gave.
 *
 * @param what  "table", "column", for the message
 * @return TUBE_ECONFIG  empty, or over 63 bytes, which the server would cut off
 */
tube_status tubei_pg_name_check(const char *what, const char *name, tube_error *err);

/** Parts of a table's name as the user writes it: s.t, "S"."T" or t. */
typedef struct pg_name {
    char schema[64]; /**< "": not given */
    char table[64];
} pg_name;

/**
 * Take apart the name of a table; outside of quotes letters become small, as in SQL.
 *
 * @return TUBE_ECONFIG  it is none
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_pg_name_read(const char *text, pg_name *name, tube_error *err);

#endif /* TUBES_STAGES_PG_SQL_H */
