/* SPDX-License-Identifier: MIT */
/* rfc3339.h -- times as text, "2024-01-31T12:00:00.5+01:00", and back. */
#ifndef TUBES_STAGES_RFC3339_H
#define TUBES_STAGES_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TUBEI_TIME_MAX = 40 };

/** How much of a time must be there. */
typedef enum tubei_time_form {
    TUBEI_TIME_FULL = 1, /**< all of RFC 3339's date-time, with its zone */
    TUBEI_TIME_SHORT,    /**< a date is enough; what is missing is 0, and UTC */
} tubei_time_form;

/**
 * Read a time as microseconds since 1970 in UTC.
 *
 * A blank may stand for the 'T'.  Digits behind the sixth of a fraction are cut off, a
 * leap second is the first second of the next minute.
 *
 * @return false: it is none
 *
 * Threads: any.  Blocks: no.
 */
bool tubei_time_read(const char *text, size_t len, tubei_time_form form, int64_t *us);

/**
 * Write a time in UTC, with microseconds if there are any.
 *
 * Years outside of 0 to 9999 get a sign and as many digits as they need.
 *
 * @param out  not ended by a NUL (borrowed)
 * @return bytes written
 *
 * Threads: any.  Blocks: no.
 */
size_t tubei_time_write(int64_t us, char out[TUBEI_TIME_MAX]);

#endif /* TUBES_STAGES_RFC3339_H */
