/* SPDX-License-Identifier: MIT */
/* writer.h -- text that is put together in a buffer and goes on from there. */
#ifndef TUBES_STAGES_WRITER_H
#define TUBES_STAGES_WRITER_H

#include <tubes/batch.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * A buffer and where it empties itself.
 *
 * After a failure all that is put is forgotten, so that one look at `error` behind
 * many calls is enough.
 */
typedef struct tubei_writer {
    char *buf;
    size_t len; /**< bytes in it */
    size_t cap; /**< bytes it holds */
    int fd;     /**< where it goes; -1: nowhere, what does not fit is a failure */
    int error;  /**< errno of the first failure; ENOBUFS: it did not fit; 0 */
} tubei_writer;

/** Append bytes.  Threads: the writer's owner.  Blocks: as write() does. */
void tubei_put(tubei_writer *w, const char *bytes, size_t n);

/** Append a string.  Threads: the writer's owner.  Blocks: as write() does. */
void tubei_put_string(tubei_writer *w, const char *string);

/** Append one byte `n` times.  Threads: the writer's owner.  Blocks: as write() does. */
void tubei_put_fill(tubei_writer *w, char c, size_t n);

/** Append one byte.  Threads: the writer's owner.  Blocks: as write() does. */
static inline void
tubei_put_char(tubei_writer *w, char c)
{
    if (w->len < w->cap)
        w->buf[w->len++] = c;
    else
        tubei_put(w, &c, 1);
}

/**
 * Write out what is in the buffer.
 *
 * A pipe nobody reads from is the error EPIPE, never the signal.
 *
 * @return false: see w->error
 *
 * Threads: the writer's owner.  Blocks: as write() does, also where that says EAGAIN.
 */
bool tubei_flush(tubei_writer *w);

/** Append a whole number.  Threads: the writer's owner.  Blocks: as write() does. */
void tubei_put_int(tubei_writer *w, int64_t v);

/**
 * Append a number as the shortest text that reads back as the same; with a point or an
 * exponent, so that it is not taken for a whole number.
 *
 * @param v  finite
 *
 * Threads: the writer's owner.  Blocks: as write() does.
 */
void tubei_put_real(tubei_writer *w, double v);

/** Append a time, RFC 3339 in UTC.  Threads: the writer's owner.  Blocks: as write(). */
void tubei_put_time(tubei_writer *w, int64_t us);

/**
 * Append a text as a JSON string.
 *
 * Bytes that are no UTF-8 become U+FFFD; control characters are escaped, also those
 * above 0x7e, which a terminal would obey.
 *
 * Threads: the writer's owner.  Blocks: as write() does.
 */
void tubei_put_json_string(tubei_writer *w, tube_slice text);

/**
 * Append a JSON text in one line.
 *
 * Line ends become blanks, bytes that are no UTF-8 become U+FFFD.  An empty text is null.
 *
 * Threads: the writer's owner.  Blocks: as write() does.
 */
void tubei_put_json_text(tubei_writer *w, tube_slice json);

/**
 * Append a cell as a JSON value.
 *
 * Times are strings in RFC 3339, bytes are strings of \x and two digits a byte; NULL and
 * what is no finite number are null.
 *
 * Threads: the writer's owner.  Blocks: as write() does.
 */
void tubei_put_json_cell(tubei_writer *w, tube_type type, const tube_cell *c);

/** Append bytes as \x and two hexadecimal digits each.  Threads: the writer's owner.
 * Blocks: as write() does. */
void tubei_put_hex(tubei_writer *w, tube_slice bytes);

#endif /* TUBES_STAGES_WRITER_H */
