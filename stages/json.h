/* SPDX-License-Identifier: MIT */
/* json.h -- read JSON (RFC 8259) out of a text in place.
 *
 * A cursor walks over one text; values are slices of it.  Nothing is allocated and
 * nothing recurses: containers may nest TUBEI_JSON_DEPTH deep.
 *
 * What the grammar leaves open is decided like this: numbers of any size are valid,
 * and tubei_json_int() and tubei_json_real() say whether they fit; bytes of strings
 * are not checked to be UTF-8, that is for whoever stores them; an escaped lone
 * surrogate is valid, but tubei_json_unescape() refuses it; a name may occur twice.
 */
#ifndef TUBES_STAGES_JSON_H
#define TUBES_STAGES_JSON_H

#include <tubes/batch.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TUBEI_JSON_DEPTH = 512 };

typedef enum tubei_json_kind {
    TUBEI_JSON_NULL = 1,
    TUBEI_JSON_BOOL,
    TUBEI_JSON_INT,  /**< a number without fraction and exponent */
    TUBEI_JSON_REAL, /**< any other number */
    TUBEI_JSON_STRING,
    TUBEI_JSON_OBJECT,
    TUBEI_JSON_ARRAY,
} tubei_json_kind;

/** A place in a text, which must be padded by TUBE_PAD bytes. */
typedef struct tubei_json {
    const char *at;    /**< next byte; after a failure, the byte that is wrong */
    const char *end;   /**< behind the text */
    const char *error; /**< why it is wrong, NULL: it is not */
} tubei_json;

/** One value, as it stands in the text. */
typedef struct tubei_json_value {
    tubei_json_kind kind;
    bool escaped;     /**< a string with a backslash in it */
    const char *text; /**< of a string: behind the quote */
    size_t len;       /**< of a string: without the quotes */
} tubei_json_value;

/** Start at the first byte of a padded text. */
static inline tubei_json
tubei_json_start(const char *text, size_t len)
{
    return (tubei_json){ text, text + len, NULL };
}

/** Start at the first byte of a padded line, or behind the byte order mark there. */
static inline tubei_json
tubei_json_line(const char *text, const char *end)
{
    size_t mark = end - text >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

    return (tubei_json){ text + mark, end, NULL };
}

/** The value's text, quotes included.  Threads: any.  Blocks: no. */
static inline tube_slice
tubei_json_raw(const tubei_json_value *v)
{
    size_t quote = v->kind == TUBEI_JSON_STRING;

    return (tube_slice){ v->text - quote, v->len + 2 * quote };
}

/** Read one value, blanks before it included; false: see j->error.
 * Threads: any.  Blocks: no. */
bool tubei_json_next(tubei_json *j, tubei_json_value *v);

/** Go behind the '{' of an object; false: there is none.  Threads: any.  Blocks: no. */
bool tubei_json_enter(tubei_json *j);

/**
 * Read the next member of the object that was entered.
 *
 * @param first  true for the first call; set to false
 * @return 1: a member; 0: the object has ended; -1: see j->error
 *
 * Threads: any.  Blocks: no.
 */
int tubei_json_member(tubei_json *j, bool *first, tubei_json_value *name,
                      tubei_json_value *v);

/** True if only blanks are left; else j->error says so.  Threads: any.  Blocks: no. */
bool tubei_json_end(tubei_json *j);

/**
 * Write a string's characters, escapes resolved.
 *
 * @param out  v->len bytes (borrowed)
 * @return bytes written; SIZE_MAX: a surrogate without its partner
 *
 * Threads: any.  Blocks: no.
 */
size_t tubei_json_unescape(const tubei_json_value *v, char *out);

/** Value of a number of kind INT; false: over 64 bits.  Threads: any.  Blocks: no. */
bool tubei_json_int(const tubei_json_value *v, int64_t *out);

/** Nearest double of any number; false: over its range.  Threads: any.  Blocks: no. */
bool tubei_json_real(const tubei_json_value *v, double *out);

#endif /* TUBES_STAGES_JSON_H */
