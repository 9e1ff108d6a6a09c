/* SPDX-License-Identifier: MIT */
/* pg_text.h -- text to PostgreSQL's binary forms, and values to text. */
#ifndef TUBES_STAGES_PG_TEXT_H
#define TUBES_STAGES_PG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sizes of what the functions below write at most. */
enum {
    PG_INET_MAX = 20,
    PG_UUID_SIZE = 16,
    PG_REAL_MAX = 40,    /**< text of a double */
    PG_INTEGER_MAX = 20, /**< text of an int64_t */
    PG_NUMERIC_HEAD = 8, /**< the form is at most 16 bytes longer than the text */
};

/** What is wrong with bytes that are to be text. */
typedef enum pg_text_flaw {
    PG_TEXT_GOOD = 0,
    PG_TEXT_NUL,  /**< holds a NUL byte */
    PG_TEXT_UTF8, /**< is not UTF-8 */
} pg_text_flaw;

/** Check bytes that are to be text.  Threads: any.  Blocks: no. */
pg_text_flaw tubei_pg_text_flaw(const char *p, size_t len);

/** Characters of valid UTF-8.  Threads: any.  Blocks: no. */
size_t tubei_pg_characters(const char *p, size_t len);

/** Optional sign and digits; false: none, or over 64 bits.  `range` tells which. */
bool tubei_pg_int_read(const char *p, size_t len, int64_t *v, bool *range);

/** A decimal number, NaN or Infinity; false: none, or over a double's range. */
bool tubei_pg_real_read(const char *p, size_t len, double *v, bool *range);

/** The words that the server takes for a boolean. */
bool tubei_pg_bool_read(const char *p, size_t len, bool *v);

/**
 * A decimal number in the form that numeric_recv() reads.
 *
 * @param out  16 + len bytes (borrowed)
 * @return bytes written, 0: not a number, or more digits than the type can hold (range)
 */
size_t tubei_pg_numeric_read(const char *p, size_t len, char *out, bool *range);

/**
 * An address, with or without "/bits", in the form that inet_recv() reads.
 *
 * @param cidr  true for the type cidr
 * @param out   PG_INET_MAX bytes (borrowed)
 * @return bytes written, 0: not an address
 */
size_t tubei_pg_inet_read(const char *p, size_t len, bool cidr, char *out);

/** 32 hexadecimal digits, with or without hyphens and braces. */
bool tubei_pg_uuid_read(const char *p, size_t len, char out[PG_UUID_SIZE]);

/** Text of an integer; returns its length. */
size_t tubei_pg_int_write(int64_t v, char out[PG_INTEGER_MAX]);

/** Shortest text that reads back as `v`. */
size_t tubei_pg_real_write(double v, char out[PG_REAL_MAX]);

#endif /* TUBES_STAGES_PG_TEXT_H */
