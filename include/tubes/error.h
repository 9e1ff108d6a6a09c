/* SPDX-License-Identifier: MIT */
/* tubes/error.h -- what went wrong, where, and in whose words. */
#ifndef TUBES_ERROR_H
#define TUBES_ERROR_H

#include <tubes/attr.h>

#include <stdint.h>
#include <stdio.h>

TUBES_BEGIN

/**
 * Result of every function that can fail.
 *
 * Zero is success, a positive value is news about the flow and no failure, a
 * negative value is a failure.
 */
typedef enum tube_status {
    TUBE_OK = 0,         /**< done */
    TUBE_END = 1,        /**< no more input will come, or none is wanted */
    TUBE_AGAIN = 2,      /**< nothing to do now, call again later */
    TUBE_QUEUED = 3,     /**< a sink kept the batch; it settles it later */
    TUBE_ENOMEM = -1,    /**< out of memory, or over a configured limit */
    TUBE_EINVAL = -2,    /**< the caller broke the function's contract */
    TUBE_ECONFIG = -3,   /**< an option or the pipeline text is wrong */
    TUBE_EIO = -4,       /**< the operating system refused; see sys_errno */
    TUBE_EPARSE = -5,    /**< the input is malformed; see offset */
    TUBE_EDB = -6,       /**< the database refused; see sqlstate */
    TUBE_ETIME = -7,     /**< the deadline passed */
    TUBE_ECANCELED = -8, /**< aborted, or a neighbour failed */
    TUBE_EREACH = -9,    /**< the sink cannot be reached; safe to run again */
    TUBE_EFENCED = -10,  /**< another instance moved the position */
    TUBE_EFORK = -11,    /**< fork() left the pipeline with the parent process */
} tube_status;

/**
 * One failure, in a form that a program can test and a person can read.
 *
 * Lives in the caller's memory and owns nothing.  Written only on failure, so
 * one object can follow a chain of calls.  Every function takes NULL for it.
 */
typedef struct tube_error {
    tube_status status;
    int sys_errno;     /**< 0 if no system call is to blame */
    char sqlstate[6];  /**< "" if no server is to blame */
    char stage[32];    /**< stage that failed, "" for the pipeline itself */
    uint64_t offset;   /**< byte in the input, UINT64_MAX if unknown */
    uint32_t line;     /**< in the pipeline text, from 1; 0: not in the text */
    uint32_t column;   /**< byte in that line, from 1 */
    uint32_t width;    /**< bytes to underline, at least 1 */
    char message[256]; /**< one line: no capital, no full stop, no newline */
    char hint[160];    /**< the cure, "" if unknown */
} tube_error;

/**
 * Fill `err` and return `st`: `return tube_fail(...)` is one statement.
 *
 * @param err  may be NULL; everything but status and message is cleared (borrowed)
 * @param st   a failure
 * @param fmt  as printf; the text is cut to fit, control bytes become '?'
 * @return `st`
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_fail(tube_error *err, tube_status st, const char *fmt, ...)
    TUBE_PRINTF(3, 4);

/**
 * As tube_fail() with TUBE_EIO, and ": " and the text of errno behind it.
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_fail_errno(tube_error *err, const char *fmt, ...) TUBE_PRINTF(2, 3);

/**
 * Add the cure to a failure: `tube_hint(err, "did you mean '%s'?", s)`.
 *
 * @param err  may be NULL (borrowed)
 *
 * Threads: any.  Blocks: no.
 */
void tube_hint(tube_error *err, const char *fmt, ...) TUBE_PRINTF(2, 3);

/**
 * Print "error: stage: message (SQLSTATE)" and, if there is one, "hint: ...".
 *
 * Threads: any.  Blocks: as stdio does.
 */
void tube_error_print(const tube_error *err, FILE *to);

TUBES_END

#endif /* TUBES_ERROR_H */
