/* SPDX-License-Identifier: MIT */
/* tubes/batch.h -- records, and the batches that carry them.
 *
 * A batch is up to TUBE_BATCH_ROWS records of one schema.  Cells lie by row:
 * cell f of row r is cells[r * width + f] (docs/design/001-batch-layout.md).
 * Rows are never moved; a row that is filtered out or rejected only loses its
 * bit in `live`, so that row r stays the r-th line of its extent.
 *
 * Text is never copied on its way: cells point into the input buffer that the
 * batch holds, or into the batch's own memory.  Wherever it points, TUBE_PAD
 * bytes behind its end can be read (their content is not defined), so that
 * scanners need no special case at the end.
 */
#ifndef TUBES_BATCH_H
#define TUBES_BATCH_H

#include <tubes/attr.h>
#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

TUBES_BEGIN

enum {
    TUBE_BATCH_ROWS = 1024,        /**< rows in a batch at most */
    TUBE_BATCH_EXTENTS = 16,       /**< extents in a batch at most */
    TUBE_BUFFER_BYTES = 64 * 1024, /**< usual size of an input buffer */
    TUBE_PAD = 64,                 /**< readable bytes behind every text */
};

/** Bytes, not a string: no NUL at the end.  Lives as long as its batch. */
typedef struct tube_slice {
    const char *ptr;
    size_t len; /**< bytes */
} tube_slice;

/** Type of a field.  The comment names the member of the cell that holds it. */
typedef enum tube_type {
    TUBE_TEXT = 1, /**< text, len: characters, by convention UTF-8, not checked */
    TUBE_BYTES,    /**< text, len: any bytes */
    TUBE_BOOL,     /**< integer: 0 or 1 */
    TUBE_INT,      /**< integer */
    TUBE_FLOAT,    /**< real */
    TUBE_TIME,     /**< integer: microseconds since 1970-01-01 00:00 UTC */
    TUBE_JSON,     /**< text, len: one JSON value */
} tube_type;

/** One value.  `set` false is NULL; then the rest is undefined. */
typedef struct tube_cell {
    union {
        const char *text;
        int64_t integer;
        double real;
    };
    uint32_t len; /**< bytes of text */
    uint32_t set; /**< 0: NULL, 1: a value */
} tube_cell;

/** Column of a schema; negative is "no such field". */
typedef int tube_field;

/** One field, as declared. */
typedef struct tube_column {
    const char *name; /**< at most 63 bytes */
    tube_type type;
    const char *sql; /**< PostgreSQL type for a new table; NULL: by `type` */
} tube_column;

/** The columns of a record. */
typedef struct tube_schema tube_schema;

/** Number of fields.  Threads: any.  Blocks: no. */
uint32_t tube_schema_width(const tube_schema *s);

/** Field `f`, which must be in range (borrowed).  Threads: any.  Blocks: no. */
const tube_column *tube_schema_column(const tube_schema *s, tube_field f);

/** Field of that name, or -1.  Threads: any.  Blocks: no. */
tube_field tube_schema_find(const tube_schema *s, const char *name);

/** Where bytes came from, and which.  A position, once committed, is `hi`. */
typedef struct tube_extent {
    uint32_t origin;    /**< from tube_origin_add(); UINT32_MAX: no position */
    uint32_t first_row; /**< first row of the batch that lies in it */
    uint64_t lo;        /**< first byte */
    uint64_t hi;        /**< first byte behind it */
    uint64_t line;      /**< number of the line at `lo`, from 0 */
    uint64_t lines;     /**< lines in it */
} tube_extent;

/** No origin: nothing to keep a position of. */
#define TUBE_NO_ORIGIN UINT32_MAX

/** A piece of an origin in a batch of bytes. */
typedef struct tube_segment {
    tube_slice bytes;
    uint32_t origin; /**< or TUBE_NO_ORIGIN */
    bool last;       /**< the origin ends here: an open line is complete */
    uint64_t offset; /**< of the first byte */
    uint64_t line;   /**< lines before `offset`; meaningful where the origin starts */
} tube_segment;

/** A row that does not go on, and why.  Text lives as long as the batch. */
typedef struct tube_rejected {
    uint32_t row;
    uint32_t at;        /**< byte in the raw line; UINT32_MAX if unknown */
    char sqlstate[6];   /**< "" if no server is to blame */
    const char *stage;  /**< name of the stage that refused it */
    const char *reason; /**< one line */
} tube_rejected;

enum {
    TUBE_PLAIN = 1 << 0, /**< every byte of every raw line is 0x01..0x7f */
};

/**
 * A batch, as its owner of the moment sees it.
 *
 * Stages read all of it; they write cells, and the rest by the functions below.
 */
typedef struct tube_batch {
    const tube_schema *schema; /**< NULL: a batch of bytes */
    tube_cell *cells;          /**< row r at cells + r * width */
    uint32_t width;            /**< fields */
    uint32_t n;                /**< rows, those that are no longer live included */
    uint32_t n_live;           /**< of them, those that are */
    uint32_t cap;              /**< rows that fit, at most TUBE_BATCH_ROWS */
    uint32_t flags;            /**< TUBE_PLAIN */
    uint32_t n_extents;
    uint32_t n_segments;
    uint32_t n_rejected;
    const tube_cell *raw; /**< the line each row was made of, by row; or NULL */
    uint64_t *offset;     /**< its first byte in the origin, by row; or NULL */
    const tube_cell *old; /**< in process(), after tube_reshape(): the old cells */
    uint32_t old_width;
    tube_extent *extents;   /**< ordered by first_row */
    tube_segment *segments; /**< of a batch of bytes */
    tube_rejected *rejected;
    uint64_t
        live[TUBE_BATCH_ROWS / 64]; /**< bit r: row r is live; none at or above n */
} tube_batch;

/** Cells of row `r`.  Threads: the batch's owner.  Blocks: no. */
static inline tube_cell *
tube_row(const tube_batch *b, uint32_t r)
{
    return b->cells + (size_t)r * b->width;
}

/** First live row at or after `r`, or b->n.  Threads: the owner.  Blocks: no. */
static inline uint32_t
tube_next(const tube_batch *b, uint32_t r)
{
    uint32_t w = r / 64;
    uint64_t bits;

    if (r >= b->n)
        return b->n;
    bits = b->live[w] >> (r % 64);
    if ((bits & 1) != 0) /* nearly always: no wait for a count of zeros */
        return r;
    if (bits != 0)
        return r + (uint32_t)__builtin_ctzll(bits);
    while (++w * 64 < b->n)
        if (b->live[w] != 0)
            return w * 64 + (uint32_t)__builtin_ctzll(b->live[w]);
    return b->n;
}

/** Visit every live row; dropping or rejecting the visited one is allowed. */
#define TUBE_EACH(b, r) \
  for (uint32_t r = tube_next(b, 0); (r) < (b)->n; (r) = tube_next(b, (r) + 1))

/** Live rows.  Threads: the owner.  Blocks: no. */
static inline uint32_t
tube_batch_count(const tube_batch *b)
{
    return b->n_live;
}

/** Fill a cell.  Threads: the owner.  Blocks: no. */
static inline void
tube_set_null(tube_cell *c)
{
    c->integer = 0;
    c->len = 0;
    c->set = 0;
}

/** See tube_set_null(). */
static inline void
tube_set_int(tube_cell *c, int64_t v)
{
    c->integer = v;
    c->len = 0;
    c->set = 1;
}

/** See tube_set_null(). */
static inline void
tube_set_real(tube_cell *c, double v)
{
    c->real = v;
    c->len = 0;
    c->set = 1;
}

/** See tube_set_null(); the text must live as long as the batch and be padded. */
static inline void
tube_set_text(tube_cell *c, const char *text, size_t len)
{
    c->text = text;
    c->len = (uint32_t)len;
    c->set = 1;
}

/** Text of a cell.  Threads: the owner.  Blocks: no. */
static inline tube_slice
tube_text(const tube_cell *c)
{
    tube_slice text = { c->text, c->len };

    return text;
}

/**
 * Memory that lives as long as the batch, padded, not zeroed.
 *
 * @return NULL: out of memory
 *
 * Threads: the batch's owner.  Blocks: no.
 */
char *tube_batch_alloc(tube_batch *b, size_t bytes);

/**
 * Append one row to a batch of records and return its cells, all NULL.
 *
 * For sources and for stages that emit.  A batch takes TUBE_BATCH_ROWS rows.
 *
 * @return NULL: the batch is full
 *
 * Threads: the batch's owner.  Blocks: no.
 */
tube_cell *tube_batch_add(tube_batch *b);

/**
 * Say that the first `n` rows are there and live: the fast way to fill a batch.
 *
 * The caller has written their cells and, in a framing stage, their offsets.
 *
 * Threads: the batch's owner.  Blocks: no.
 */
void tube_batch_rows(tube_batch *b, uint32_t n);

TUBES_END

#endif /* TUBES_BATCH_H */
