/* SPDX-License-Identifier: MIT */
/* tubes/record.h -- records declared once, in C: layout, checks, texts, tables.
 *
 *     #define AUDIT(F)                                   \
 *         F(ip,     INET,  REQUIRED)                     \
 *         F(status, INT,   REQUIRED, RANGE(100, 599))    \
 *         F(method, TEXT,  DEFAULT("GET"), RANGE(1, 16)) \
 *         F(bytes,  INT,   OPTIONAL, AT_LEAST(0))        \
 *         F(at,     TIME,  DEFAULT_BY(now))
 *     TUBE_RECORD(audit, AUDIT)
 *
 * declares `struct audit`, its description `audit_record()`, and `audit_width`, the number
 * of its fields.  A row of the table is a name, a type, whether a value must be there, and
 * up to six rules in any order:
 *
 *     TEXT BYTES JSON INET CIDR UUID DATE    tube_slice; .ptr NULL: no value
 *     INT   int64_t          TIME  int64_t, microseconds since 1970 in UTC
 *     FLOAT double           BOOL  bool
 *
 *     REQUIRED                a value must be there
 *     OPTIONAL                it may be missing: `bool has_NAME` stands beside a number
 *     DEFAULT("text")         what is missing is that, read by its type
 *     DEFAULT_BY(f)           what is missing is what the tube_maker `f` makes
 *
 *     RANGE(lo, hi)           and AT_LEAST(lo), AT_MOST(hi): of numbers their value, of
 *                             texts their length in bytes
 *     CONVERT(f)              the tube_converter `f` reads its text
 *     VALIDATE(f)             the tube_validator `f` looks at its value
 *     SECRET                  its value is not printed
 *     APART                   it does not count when records are compared
 *
 * None of these words may be a macro of yours.  Every function below takes such a
 * description; of a `record` of the pipeline text tube_record_rows() makes one whose
 * records are rows of cells.
 *
 * A record is a value: what takes one as `const void *` neither changes it nor keeps a
 * pointer to it, and what is pushed is copied, texts too.  Texts of a record that is made
 * here lie where they were: in the memory of its JSON, in the row, in the pairs, in the
 * older version.
 */
#ifndef TUBES_RECORD_H
#define TUBES_RECORD_H

#include <tubes/attr.h>
#include <tubes/batch.h>
#include <tubes/error.h>
#include <tubes/graph.h>

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

TUBES_BEGIN

/* Descriptions. */

/** Memory of yours in which texts are made, from its front on. */
typedef struct tube_scratch {
    char *at;
    size_t left; /**< bytes */
} tube_scratch;

/** Bytes of it; NULL: it is used up.  Threads: its owner.  Blocks: no. */
char *tube_scratch_take(tube_scratch *memory, size_t bytes);

/**
 * Read a value from its text: into `out`, whose type is the field's.
 *
 * @param in      any bytes
 * @param memory  for a text that has to be made; `in` may stay in `out`, too
 * @return        a failure: tube_fail(err, TUBE_EPARSE, "...") without the field's name
 */
typedef tube_status tube_converter(tube_slice in, tube_scratch *memory, tube_cell *out,
                                   tube_error *err);

/**
 * Look at a value, which is of its type and in its range.
 *
 * @param record  all of it; fields that are wrong are as if they had not been given
 * @return        a failure: tube_fail(err, TUBE_EPARSE, "...") without the field's name
 */
typedef tube_status tube_validator(const void *record, const tube_cell *value,
                                   tube_error *err);

/** Make a value for one record; a text must stay. */
typedef void tube_maker(tube_cell *out);

enum {
    TUBE_MEMBER_SECRET = 1 << 0,
    TUBE_MEMBER_APART = 1 << 1,
};

/** What C knows of a field. */
typedef struct tube_record_member {
    size_t at;       /**< offset in the struct */
    size_t has;      /**< of its `has_NAME`; SIZE_MAX: it has none */
    const char *def; /**< default, as text; NULL: none */
    tube_maker *make;
    tube_converter *convert; /**< NULL: by its type */
    tube_validator *check;
    unsigned flags; /**< TUBE_MEMBER_SECRET, TUBE_MEMBER_APART */
} tube_record_member;

/** A record, and where its values lie. */
typedef struct tube_record_def {
    tube_record record;
    const tube_record_member
        *member; /**< one a field; NULL: records are rows of cells */
    size_t size; /**< bytes of the struct; 0: rows of cells */
} tube_record_def;

/** One that was declared in the pipeline text: its records are arrays of tube_cell, one
 * for each field, in order.  Threads: any.  Blocks: no. */
tube_record_def tube_record_rows(const tube_record *r);

/**
 * Is the description itself right: names, ranges, defaults?  Ask once, at the start.
 *
 * @return TUBE_ECONFIG
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_valid(const tube_record_def *d, tube_error *err) TUBE_NODISCARD;

/** A string as a slice; NULL: no value.  Threads: any.  Blocks: no. */
static inline tube_slice
tube_str(const char *string)
{
    tube_slice s = { string, string != NULL ? strlen(string) : 0 };

    return s;
}

/* What is wrong with a record: all of it. */

enum { TUBE_RECORD_ERRORS = 16 };

/** One field that is wrong. */
typedef struct tube_record_error {
    char field[64]; /**< "" if it is none */
    char message[192];
} tube_record_error;

/** All that is wrong with a record. */
typedef struct tube_record_errors {
    uint32_t n; /**< how many there are; those behind the 16th are not kept */
    tube_record_error item[TUBE_RECORD_ERRORS];
} tube_record_errors;

/** All of them as one failure: "no 'audit': field 'status' is 99, not in 100..599; ...".
 * TUBE_EPARSE; TUBE_OK if there is none.  Threads: any.  Blocks: no. */
tube_status tube_record_fail(const tube_record_def *d, const tube_record_errors *errors,
                             tube_error *err);

/* A record's life.  `errors` is written always, and may be NULL. */

/** All fields as if none was given: defaults, and no value or zero where there is none.
 * Threads: any.  Blocks: no. */
void tube_record_defaults(const tube_record_def *d, void *record);

/**
 * Are all required values there, in range, and good for their validators?
 *
 * A required number of a struct is always there.  A field has one error at most.
 *
 * @return TUBE_EPARSE
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_check(const tube_record_def *d, const void *record,
                              tube_record_errors *errors) TUBE_NODISCARD;

/** As tuples of their fields in order: below, above or equal to 0.  No value comes last,
 * and so does what is not a number; texts are compared by bytes.  Threads: any.  Blocks:
 * no. */
int tube_record_compare(const tube_record_def *d, const void *a, const void *b);

/** Records that compare equal have one hash.  Threads: any.  Blocks: no. */
uint64_t tube_record_hash(const tube_record_def *d, const void *record);

/* Records as texts.  Each function returns the bytes it wrote, without the NUL behind
 * them; if they do not fit 0, and `out` is "". */

/** `audit(ip='10.0.0.1', status=200, bytes=null)`, in one line.  Threads: any.  Blocks:
 * no. */
size_t tube_record_print(const tube_record_def *d, const void *record, char *out,
                         size_t room);

/** One JSON object, as the stage `print` writes it.  Threads: any.  Blocks: no. */
size_t tube_record_json(const tube_record_def *d, const void *record, char *out,
                        size_t room);

/**
 * Read an object: defaults and converters, field by field, then all validators.
 *
 * A member that is null counts as missing; one that is no field, or comes twice, is
 * wrong.  Your validator is not asked about a field that is wrong already.
 *
 * @param memory  2 * json.len + TUBE_PAD bytes are enough, and what own converters take;
 *                the record's texts lie there
 * @param record  written in any case, usable if TUBE_OK
 * @return TUBE_EPARSE  see `errors`
 *         TUBE_ENOMEM  too little memory
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_from_json(const tube_record_def *d, tube_slice json,
                                  tube_scratch *memory, void *record,
                                  tube_record_errors *errors) TUBE_NODISCARD;

/** A name and a value as text; .ptr NULL: no value. */
typedef struct tube_pair {
    tube_slice name;
    tube_slice value;
} tube_pair;

/**
 * The values as texts that tube_record_from_pairs() reads: a form, or a call of AMP.
 *
 * @param pairs  one for each field, in order; of those without a value .ptr is NULL
 * @return TUBE_ENOMEM  40 bytes for each number and time are enough
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_pairs(const tube_record_def *d, const void *record,
                              tube_scratch *memory, tube_pair *pairs) TUBE_NODISCARD;

/** As tube_record_from_json(); texts stay where they are, JSON takes TUBE_PAD and its
 * length of the memory. */
tube_status tube_record_from_pairs(const tube_record_def *d, const tube_pair *pairs,
                                   uint32_t n, tube_scratch *memory, void *record,
                                   tube_record_errors *errors) TUBE_NODISCARD;

/* Records as rows of cells, for tube_push() and from batches. */

/** Where a field lies in a row. */
typedef struct tube_record_slot {
    tube_field column; /**< -1: nowhere */
    tube_type type;    /**< of that column */
} tube_record_slot;

/**
 * Find the columns that records go into: all fields must have one, of their type, or
 * FLOAT for an INT.
 *
 * @param slots  one for each field
 * @return TUBE_ECONFIG  with all that does not fit
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_slots_to(const tube_record_def *d, const tube_schema *schema,
                                 tube_record_slot *slots,
                                 tube_error *err) TUBE_NODISCARD;

/** Find the columns that records are made of: all fields must have one but those that
 * are optional or have a default; INT may be for a FLOAT.  See tube_record_slots_to(). */
tube_status tube_record_slots_from(const tube_record_def *d, const tube_schema *schema,
                                   tube_record_slot *slots,
                                   tube_error *err) TUBE_NODISCARD;

/**
 * Fill a row from a record: only the cells of its fields; their texts are the record's.
 *
 * @param slots  NULL: the row has the record's fields, in order
 * @return TUBE_EINVAL  a text is over 4 GiB, or a whole number goes into a FLOAT and is
 *                      not exact there
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_cells(const tube_record_def *d, const void *record,
                              const tube_record_slot *slots,
                              tube_cell *row) TUBE_NODISCARD;

/** Make a record of a row: defaults, then all validators; its texts are the row's.
 * TUBE_EPARSE: see `errors`.  See tube_record_cells(). */
tube_status tube_record_from_cells(const tube_record_def *d, const tube_cell *row,
                                   const tube_record_slot *slots, void *record,
                                   tube_record_errors *errors) TUBE_NODISCARD;

/* The declaration in other forms. */

/** `record audit { ip inet; status int 100..599; ... }`: to stand before a pipeline.
 * Defaults, converters, own validators have no form there.  As tube_record_print(). */
size_t tube_record_text(const tube_record_def *d, char *out, size_t room);

/** Whose CREATE TABLE. */
typedef enum tube_dialect { TUBE_POSTGRESQL = 1, TUBE_SQLITE } tube_dialect;

/** CREATE TABLE: the columns that the sinks make, with NOT NULL where a value must be
 * there, and what DEFAULT() says.  As tube_record_print(). */
size_t tube_record_ddl(const tube_record_def *d, tube_dialect dialect,
                       const char *table, char *out, size_t room);

/* Versions. */

/**
 * Is every record of `old` one of `now`?
 *
 * Fields may be added that are optional or have a default; a field may become optional,
 * its range wider, an INT a FLOAT.
 *
 * @return TUBE_ECONFIG  all that is in the way
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_record_fits(const tube_record_def *old, const tube_record_def *now,
                             tube_record_errors *errors) TUBE_NODISCARD;

/** Make a record of `now` of one of `old`.  TUBE_EPARSE: a whole number is too large to be
 * exact as a float, or a validator refuses.  See tube_record_fits(). */
tube_status tube_record_upgrade(const tube_record_def *old, const void *from,
                                const tube_record_def *now, void *to,
                                tube_record_errors *errors) TUBE_NODISCARD;

/* Binary COPY, for a table made by tube_record_ddl(). */

/** A COPY that is being written. */
typedef struct tube_record_copy tube_record_copy;

enum {
    TUBE_COPY_HEAD = 19, /**< bytes that tube_record_copy_head() writes */
    TUBE_COPY_TAIL = 2,  /**< tube_record_copy_tail() */
};

/** An encoder; given: tube_record_copy_free(); NULL: `err`.  It has memory of its own in
 * which values are converted.  Threads: any.  Blocks: no. */
tube_record_copy *tube_record_copy_new(const tube_record_def *d,
                                       tube_error *err) TUBE_NODISCARD;

/** What stands before the first record.  Threads: any.  Blocks: no. */
void tube_record_copy_head(char out[TUBE_COPY_HEAD]);

/** What stands behind the last.  Threads: any.  Blocks: no. */
void tube_record_copy_tail(char out[TUBE_COPY_TAIL]);

/**
 * Encode a record, as the sink `postgres` does.
 *
 * @param bytes  the encoded record, valid until the next call
 * @return TUBE_EPARSE  the server would refuse a value: see `errors`
 *         TUBE_ENOMEM
 *
 * Threads: one at a time.  Blocks: no.
 */
tube_status tube_record_copy_row(tube_record_copy *c, const void *record,
                                 tube_slice *bytes,
                                 tube_record_errors *errors) TUBE_NODISCARD;

/** Free it; NULL is fine.  Threads: its last user.  Blocks: no. */
void tube_record_copy_free(tube_record_copy *c);

TUBES_END

/* The table macro.  What begins with TUBE_REC_ is how it works, and no part of the
 * interface.
 *
 * A table is expanded once for the struct, once for the fields, once for the members.  The
 * first rule says whether there must be a value, and is chosen by its name; the other six
 * are folded: each becomes a tuple of what it sets and whether it sets it, and a macro
 * takes from all tuples what one member of the description needs. */

/** Declare a record by a table of its fields: the head of this file has one. */
#define TUBE_RECORD(name, table)                                                    \
  struct name {                                                                     \
    table(TUBE_REC_STRUCT)                                                          \
  };                                                                                \
  enum { name##_width = 0 table(TUBE_REC_ONE) };                                    \
  static inline const tube_record_def *name##_record(void)                          \
  {                                                                                 \
    typedef struct name tube_rec_self;                                              \
    static const tube_record_field tube_rec_field[] = { table(TUBE_REC_FIELD) };    \
    static const tube_record_member tube_rec_member[] = { table(TUBE_REC_MEMBER) }; \
    static const tube_record_def tube_rec_def = { { #name, tube_rec_field,          \
                                                    name##_width },                 \
                                                  tube_rec_member,                  \
                                                  sizeof(tube_rec_self) };          \
    return &tube_rec_def;                                                           \
  }

#define TUBE_REC_CAT(a, b)         TUBE_REC_CAT_(a, b)
#define TUBE_REC_CAT_(a, b)        a##b
#define TUBE_REC_CAT3(a, b, c)     TUBE_REC_CAT3_(a, b, c)
#define TUBE_REC_CAT3_(a, b, c)    a##b##c
#define TUBE_REC_FIRST(...)        TUBE_REC_FIRST_(__VA_ARGS__, ~)
#define TUBE_REC_FIRST_(a, ...)    a
#define TUBE_REC_ONE(n, type, ...) +1

/* Types: in C, as columns, and S for texts, N for numbers. */
#define TUBE_REC_C_TEXT  tube_slice
#define TUBE_REC_C_BYTES tube_slice
#define TUBE_REC_C_JSON  tube_slice
#define TUBE_REC_C_INET  tube_slice
#define TUBE_REC_C_CIDR  tube_slice
#define TUBE_REC_C_UUID  tube_slice
#define TUBE_REC_C_DATE  tube_slice
#define TUBE_REC_C_INT   int64_t
#define TUBE_REC_C_TIME  int64_t
#define TUBE_REC_C_FLOAT double
#define TUBE_REC_C_BOOL  bool
#define TUBE_REC_T_TEXT  TUBE_TEXT, NULL
#define TUBE_REC_T_BYTES TUBE_BYTES, NULL
#define TUBE_REC_T_JSON  TUBE_JSON, NULL
#define TUBE_REC_T_INET  TUBE_TEXT, "inet"
#define TUBE_REC_T_CIDR  TUBE_TEXT, "cidr"
#define TUBE_REC_T_UUID  TUBE_TEXT, "uuid"
#define TUBE_REC_T_DATE  TUBE_TEXT, "date"
#define TUBE_REC_T_INT   TUBE_INT, NULL
#define TUBE_REC_T_TIME  TUBE_TIME, NULL
#define TUBE_REC_T_FLOAT TUBE_FLOAT, NULL
#define TUBE_REC_T_BOOL  TUBE_BOOL, NULL
#define TUBE_REC_K_TEXT  S
#define TUBE_REC_K_BYTES S
#define TUBE_REC_K_JSON  S
#define TUBE_REC_K_INET  S
#define TUBE_REC_K_CIDR  S
#define TUBE_REC_K_UUID  S
#define TUBE_REC_K_DATE  S
#define TUBE_REC_K_INT   N
#define TUBE_REC_K_TIME  N
#define TUBE_REC_K_FLOAT N
#define TUBE_REC_K_BOOL  N

/* Must there be a value?  Only a number that may be missing needs a flag. */
#define TUBE_REC_HAS_S_REQUIRED      0
#define TUBE_REC_HAS_S_OPTIONAL      0
#define TUBE_REC_HAS_S_DEFAULT(x)    0
#define TUBE_REC_HAS_S_DEFAULT_BY(f) 0
#define TUBE_REC_HAS_N_REQUIRED      0
#define TUBE_REC_HAS_N_OPTIONAL      1
#define TUBE_REC_HAS_N_DEFAULT(x)    0
#define TUBE_REC_HAS_N_DEFAULT_BY(f) 0
#define TUBE_REC_OPT_REQUIRED        0
#define TUBE_REC_OPT_OPTIONAL        1
#define TUBE_REC_OPT_DEFAULT(x)      0
#define TUBE_REC_OPT_DEFAULT_BY(f)   0
#define TUBE_REC_DEF_REQUIRED        NULL, NULL
#define TUBE_REC_DEF_OPTIONAL        NULL, NULL
#define TUBE_REC_DEF_DEFAULT(x)      "" x, NULL
#define TUBE_REC_DEF_DEFAULT_BY(f)   NULL, f

#define TUBE_REC_HAS(type, ...)                                    \
  TUBE_REC_CAT(TUBE_REC_CAT3(TUBE_REC_HAS_, TUBE_REC_K_##type, _), \
               TUBE_REC_FIRST(__VA_ARGS__))
#define TUBE_REC_FLAG_0(n)
#define TUBE_REC_FLAG_1(n)    bool has_##n;
#define TUBE_REC_FLAG_AT_0(n) SIZE_MAX
#define TUBE_REC_FLAG_AT_1(n) offsetof(tube_rec_self, has_##n)

#define TUBE_REC_STRUCT(n, type, ...) \
  TUBE_REC_C_##type n;                \
  TUBE_REC_CAT(TUBE_REC_FLAG_, TUBE_REC_HAS(type, __VA_ARGS__))(n)

/* Rules: (ranged, lo, hi, converts, converter, checks, validator, flags). */
#define TUBE_REC_NO_C             (tube_converter *)0
#define TUBE_REC_NO_V             (tube_validator *)0
#define TUBE_REC_RULE_NONE        (0, 0., 0., 0, TUBE_REC_NO_C, 0, TUBE_REC_NO_V, 0u)
#define TUBE_REC_RULE_RANGE(l, h) (1, l, h, 0, TUBE_REC_NO_C, 0, TUBE_REC_NO_V, 0u)
#define TUBE_REC_RULE_AT_LEAST(l) TUBE_REC_RULE_RANGE(l, (double)INFINITY)
#define TUBE_REC_RULE_AT_MOST(h)  TUBE_REC_RULE_RANGE(-(double)INFINITY, h)
#define TUBE_REC_RULE_CONVERT(f)  (0, 0., 0., 1, f, 0, TUBE_REC_NO_V, 0u)
#define TUBE_REC_RULE_VALIDATE(f) (0, 0., 0., 0, TUBE_REC_NO_C, 1, f, 0u)
#define TUBE_REC_RULE_SECRET      TUBE_REC_RULE_FLAG(TUBE_MEMBER_SECRET)
#define TUBE_REC_RULE_APART       TUBE_REC_RULE_FLAG(TUBE_MEMBER_APART)
#define TUBE_REC_RULE_FLAG(f) \
  (0, 0., 0., 0, TUBE_REC_NO_C, 0, TUBE_REC_NO_V, (unsigned)f)
#define TUBE_REC_AT_MOST_SIX_RULES_NONE 0u

#define TUBE_REC_RANGED(k, l, h, kc, c, kv, v, f) k +
#define TUBE_REC_LO(k, l, h, kc, c, kv, v, f) \
  TUBE_REC_CAT(TUBE_REC_PICK_, k)((double)(l))
#define TUBE_REC_HI(k, l, h, kc, c, kv, v, f) \
  TUBE_REC_CAT(TUBE_REC_PICK_, k)((double)(h))
#define TUBE_REC_CONVERTS(k, l, h, kc, c, kv, v, f) kc +
#define TUBE_REC_CONVERT(k, l, h, kc, c, kv, v, f)  TUBE_REC_CAT(TUBE_REC_PICK_, kc)(c)
#define TUBE_REC_CHECKS(k, l, h, kc, c, kv, v, f)   kv +
#define TUBE_REC_CHECK(k, l, h, kc, c, kv, v, f)    TUBE_REC_CAT(TUBE_REC_PICK_, kv)(v)
#define TUBE_REC_FLAGS(k, l, h, kc, c, kv, v, f)    f |
#define TUBE_REC_PICK_0(x)
#define TUBE_REC_PICK_1(x) x,

/* The same of all six, by one of the macros above. */
#define TUBE_REC_FOLD(what, ...) \
  TUBE_REC_FOLD_(what, __VA_ARGS__, NONE, NONE, NONE, NONE, NONE, NONE, NONE, ~)
#define TUBE_REC_FOLD_(what, first, a, b, c, d, e, f, end, ...) \
  TUBE_REC_APPLY(what, TUBE_REC_RULE_##a)                       \
  TUBE_REC_APPLY(what, TUBE_REC_RULE_##b)                       \
  TUBE_REC_APPLY(what, TUBE_REC_RULE_##c)                       \
  TUBE_REC_APPLY(what, TUBE_REC_RULE_##d)                       \
  TUBE_REC_APPLY(what, TUBE_REC_RULE_##e)                       \
  TUBE_REC_APPLY(what, TUBE_REC_RULE_##f)
#define TUBE_REC_APPLY(what, rule) what rule
#define TUBE_REC_END(...) \
  TUBE_REC_END_(__VA_ARGS__, NONE, NONE, NONE, NONE, NONE, NONE, NONE, ~)
#define TUBE_REC_END_(first, a, b, c, d, e, f, end, ...) \
  TUBE_REC_AT_MOST_SIX_RULES_##end

/* 0; does not compile if a rule is there twice. */
#define TUBE_REC_ONCE(n) ((unsigned)sizeof(char[(n) <= 1 ? 1 : -1]) - 1u)

#define TUBE_REC_FIELD(n, type, ...)                                            \
  { { #n, TUBE_REC_T_##type },                                                  \
    TUBE_REC_CAT(TUBE_REC_OPT_, TUBE_REC_FIRST(__VA_ARGS__)) != 0,              \
    (TUBE_REC_FOLD(TUBE_REC_RANGED, __VA_ARGS__) 0) != 0,                       \
    TUBE_REC_FIRST(TUBE_REC_FOLD(TUBE_REC_LO, __VA_ARGS__) - (double)INFINITY), \
    TUBE_REC_FIRST(TUBE_REC_FOLD(TUBE_REC_HI, __VA_ARGS__) + (double)INFINITY) },

#define TUBE_REC_MEMBER(n, type, ...)                                           \
  { offsetof(tube_rec_self, n),                                                 \
    TUBE_REC_CAT(TUBE_REC_FLAG_AT_, TUBE_REC_HAS(type, __VA_ARGS__))(n),        \
    TUBE_REC_CAT(TUBE_REC_DEF_, TUBE_REC_FIRST(__VA_ARGS__)),                   \
    TUBE_REC_FIRST(TUBE_REC_FOLD(TUBE_REC_CONVERT, __VA_ARGS__) TUBE_REC_NO_C), \
    TUBE_REC_FIRST(TUBE_REC_FOLD(TUBE_REC_CHECK, __VA_ARGS__) TUBE_REC_NO_V),   \
    (TUBE_REC_FOLD(TUBE_REC_FLAGS, __VA_ARGS__) TUBE_REC_END(__VA_ARGS__))      \
        + TUBE_REC_ONCE(TUBE_REC_FOLD(TUBE_REC_RANGED, __VA_ARGS__) 0)          \
        + TUBE_REC_ONCE(TUBE_REC_FOLD(TUBE_REC_CONVERTS, __VA_ARGS__) 0)        \
        + TUBE_REC_ONCE(TUBE_REC_FOLD(TUBE_REC_CHECKS, __VA_ARGS__) 0) },

#endif /* TUBES_RECORD_H */
