/* SPDX-License-Identifier: MIT */
/* pg_convert.c -- cells to their wire form, by type of field and family of column.
 *
 * source  PostgreSQL's *_in() functions for what a text may look like
 */
#include "pg_convert.h"

#include "json.h"
#include "pg_text.h"
#include "rfc3339.h"

#include <float.h>
#include <math.h>
#include <string.h>

pg_fault
tubei_pg_check_text(const char *p, size_t len)
{
    switch (tubei_pg_text_flaw(p, len)) {
    case PG_TEXT_NUL: return PG_FAULT_NUL;
    case PG_TEXT_UTF8: return PG_FAULT_UTF8;
    case PG_TEXT_GOOD:
    default: return PG_FAULT_NONE;
    }
}

/* Four hexadecimal digits, already known to be such. */
static unsigned
escape_value(const char *p)
{
    unsigned v = 0;

    for (int i = 0; i < 4; i++)
        v = v * 16 + (unsigned)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

pg_fault
tubei_pg_check_jsonb(const char *p, size_t len)
{
    const char *end = p + len;
    bool high = false; /* a high surrogate waits for its partner, at `next` */
    const char *next = NULL;

    while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL && end - p >= 2) {
        unsigned v;

        if (p[1] != 'u' || end - p < 6) {
            p += 2;
            continue;
        }
        v = escape_value(p + 2);
        if (v == 0 || (high && p != next))
            return PG_FAULT_ESCAPE;
        if ((v >= 0xdc00 && v < 0xe000) != high)
            return PG_FAULT_ESCAPE;
        high = v >= 0xd800 && v < 0xdc00;
        p += 6;
        next = p;
        if (high && (end - p < 2 || p[0] != '\\' || p[1] != 'u'))
            return PG_FAULT_ESCAPE;
    }
    return high ? PG_FAULT_ESCAPE : PG_FAULT_NONE;
}

/* Converters.  The first group leaves the text where it is. */

/* varchar(n) and char(n): blanks behind the limit are cut off by the server. */
pg_fault
tubei_pg_limited_text(const pg_column *col, tube_cell *c, char **mem)
{
    pg_fault f = tubei_pg_check_text(c->text, c->len);
    size_t len = c->len;

    (void)mem;
    if (f != PG_FAULT_NONE || c->len <= (uint32_t)col->limit)
        return f;
    while (len > 0 && c->text[len - 1] == ' ')
        len--;
    return tubei_pg_characters(c->text, len) > (size_t)col->limit ? PG_FAULT_LENGTH
                                                                  : PG_FAULT_NONE;
}

static pg_fault
text_to_json(const pg_column *col, tube_cell *c, char **mem)
{
    tubei_json j = tubei_json_start(c->text, c->len);
    tubei_json_value v;
    pg_fault f = tubei_pg_check_text(c->text, c->len);

    (void)mem;
    if (f != PG_FAULT_NONE)
        return f;
    if (!tubei_json_next(&j, &v) || !tubei_json_end(&j))
        return PG_FAULT_SYNTAX;
    return col->oid == PG_OID_JSONB ? tubei_pg_check_jsonb(c->text, c->len)
                                    : PG_FAULT_NONE;
}

static pg_fault
json_to_json(const pg_column *col, tube_cell *c, char **mem)
{
    pg_fault f = tubei_pg_check_text(c->text, c->len);

    (void)mem;
    if (f != PG_FAULT_NONE || col->oid != PG_OID_JSONB)
        return f;
    return tubei_pg_check_jsonb(c->text, c->len);
}

/* The second group ends in an integer or a double. */

static pg_fault
int_fits(const pg_column *col, tube_cell *c, char **mem)
{
    int64_t v = c->integer;

    (void)mem;
    if (col->wire == PG_WIRE_INT2 ? v != (int16_t)v
                                  : col->wire == PG_WIRE_INT4 && v != (int32_t)v)
        return PG_FAULT_RANGE;
    return PG_FAULT_NONE;
}

static pg_fault
text_to_int(const pg_column *col, tube_cell *c, char **mem)
{
    int64_t v;
    bool range;

    if (!tubei_pg_int_read(c->text, c->len, &v, &range))
        return range ? PG_FAULT_RANGE : PG_FAULT_SYNTAX;
    tube_set_int(c, v);
    return int_fits(col, c, mem);
}

static pg_fault
real_to_int(const pg_column *col, tube_cell *c, char **mem)
{
    double v = c->real;

    if (isnan(v) || v < -0x1p63 || v >= 0x1p63)
        return PG_FAULT_RANGE;
    if (fabs(v - trunc(v)) > 0)
        return PG_FAULT_SYNTAX;
    tube_set_int(c, (int64_t)v);
    return int_fits(col, c, mem);
}

static pg_fault
real_fits(const pg_column *col, tube_cell *c, char **mem)
{
    (void)mem;
    if (col->wire == PG_WIRE_FLOAT4 && isfinite(c->real)
        && fabs(c->real) > (double)FLT_MAX)
        return PG_FAULT_RANGE;
    return PG_FAULT_NONE;
}

static pg_fault
int_to_real(const pg_column *col, tube_cell *c, char **mem)
{
    tube_set_real(c, (double)c->integer);
    return real_fits(col, c, mem);
}

static pg_fault
text_to_real(const pg_column *col, tube_cell *c, char **mem)
{
    double v;
    bool range;

    if (!tubei_pg_real_read(c->text, c->len, &v, &range))
        return range ? PG_FAULT_RANGE : PG_FAULT_SYNTAX;
    tube_set_real(c, v);
    return real_fits(col, c, mem);
}

static pg_fault
text_to_bool(const pg_column *col, tube_cell *c, char **mem)
{
    bool v;

    (void)col;
    (void)mem;
    if (!tubei_pg_bool_read(c->text, c->len, &v))
        return PG_FAULT_SYNTAX;
    tube_set_int(c, v);
    return PG_FAULT_NONE;
}

static pg_fault
int_to_bool(const pg_column *col, tube_cell *c, char **mem)
{
    (void)col;
    (void)mem;
    return c->integer == 0 || c->integer == 1 ? PG_FAULT_NONE : PG_FAULT_RANGE;
}

static pg_fault
text_to_time(const pg_column *col, tube_cell *c, char **mem)
{
    int64_t us;

    (void)col;
    (void)mem;
    if (!tubei_time_read(c->text, c->len, TUBEI_TIME_SHORT, &us))
        return PG_FAULT_SYNTAX;
    tube_set_int(c, us);
    return PG_FAULT_NONE;
}

static pg_fault
time_to_date(const pg_column *col, tube_cell *c, char **mem)
{
    const int64_t day = INT64_C(86400000000);
    int64_t days = c->integer / day - (c->integer % day < 0);

    (void)col;
    (void)mem;
    tube_set_int(c, days - 10957); /* since 2000-01-01 */
    return PG_FAULT_NONE;
}

static pg_fault
text_to_date(const pg_column *col, tube_cell *c, char **mem)
{
    pg_fault f = text_to_time(col, c, mem);

    return f != PG_FAULT_NONE ? f : time_to_date(col, c, mem);
}

/* The third group makes new bytes. */

static pg_fault
take_bytes(tube_cell *c, char **mem, size_t len)
{
    tube_set_text(c, *mem, len);
    *mem += len;
    return PG_FAULT_NONE;
}

static pg_fault
limit_bytes(const pg_column *col, tube_cell *c, char **mem, size_t len)
{
    if (col->limit > 0 && len > (size_t)col->limit)
        return PG_FAULT_LENGTH;
    return take_bytes(c, mem, len);
}

static pg_fault
int_to_text(const pg_column *col, tube_cell *c, char **mem)
{
    return limit_bytes(col, c, mem, tubei_pg_int_write(c->integer, *mem));
}

static pg_fault
real_to_text(const pg_column *col, tube_cell *c, char **mem)
{
    if (!isfinite(c->real) && tubei_pg_type_is_json(col->oid))
        return PG_FAULT_RANGE;
    return limit_bytes(col, c, mem, tubei_pg_real_write(c->real, *mem));
}

static pg_fault
bool_to_text(const pg_column *col, tube_cell *c, char **mem)
{
    const char *word = c->integer != 0 ? "true" : "false";
    size_t len = strlen(word);

    memcpy(*mem, word, len);
    return limit_bytes(col, c, mem, len);
}

static pg_fault
time_to_text(const pg_column *col, tube_cell *c, char **mem)
{
    return limit_bytes(col, c, mem, tubei_time_write(c->integer, *mem));
}

static pg_fault
text_to_numeric(const pg_column *col, tube_cell *c, char **mem)
{
    bool range;
    size_t len = tubei_pg_numeric_read(c->text, c->len, *mem, &range);

    (void)col;
    if (len == 0)
        return range ? PG_FAULT_RANGE : PG_FAULT_SYNTAX;
    return take_bytes(c, mem, len);
}

static pg_fault
number_to_numeric(tube_cell *c, char **mem, const char *text, size_t len)
{
    bool range;
    size_t n = tubei_pg_numeric_read(text, len, *mem, &range);

    return n > 0 ? take_bytes(c, mem, n) : PG_FAULT_RANGE;
}

static pg_fault
int_to_numeric(const pg_column *col, tube_cell *c, char **mem)
{
    char text[PG_INTEGER_MAX];

    (void)col;
    return number_to_numeric(c, mem, text, tubei_pg_int_write(c->integer, text));
}

static pg_fault
real_to_numeric(const pg_column *col, tube_cell *c, char **mem)
{
    char text[PG_REAL_MAX];

    (void)col;
    return number_to_numeric(c, mem, text, tubei_pg_real_write(c->real, text));
}

static pg_fault
text_to_inet(const pg_column *col, tube_cell *c, char **mem)
{
    size_t len = tubei_pg_inet_read(c->text, c->len, col->oid == PG_OID_CIDR, *mem);

    return len > 0 ? take_bytes(c, mem, len) : PG_FAULT_SYNTAX;
}

static pg_fault
text_to_uuid(const pg_column *col, tube_cell *c, char **mem)
{
    (void)col;
    if (!tubei_pg_uuid_read(c->text, c->len, *mem))
        return PG_FAULT_SYNTAX;
    return take_bytes(c, mem, PG_UUID_SIZE);
}

#define AS_IT_IS     \
  {                  \
    true, NULL, 0, 0 \
  }
#define BY(f)     \
  {               \
    true, f, 0, 0 \
  }
#define MAKING(f, n) \
  {                  \
    true, f, n, 0    \
  }
#define GROWING(f, n) \
  {                   \
    true, f, n, 1     \
  }

static const pg_way ways[PG_FAMILIES][TUBE_JSON + 1] = {
    [PG_FAMILY_TEXT] = {
        [TUBE_TEXT] = AS_IT_IS,
        [TUBE_BYTES] = AS_IT_IS,
        [TUBE_JSON] = AS_IT_IS,
        [TUBE_BOOL] = MAKING(bool_to_text, 8),
        [TUBE_INT] = MAKING(int_to_text, PG_INTEGER_MAX),
        [TUBE_FLOAT] = MAKING(real_to_text, PG_REAL_MAX),
        [TUBE_TIME] = MAKING(time_to_text, TUBEI_TIME_MAX),
    },
    [PG_FAMILY_BYTES] = {
        [TUBE_TEXT] = AS_IT_IS,
        [TUBE_BYTES] = AS_IT_IS,
        [TUBE_JSON] = AS_IT_IS,
    },
    [PG_FAMILY_BOOL] = {
        [TUBE_BOOL] = AS_IT_IS,
        [TUBE_INT] = BY(int_to_bool),
        [TUBE_TEXT] = BY(text_to_bool),
        [TUBE_BYTES] = BY(text_to_bool),
    },
    [PG_FAMILY_INT] = {
        [TUBE_INT] = BY(int_fits),
        [TUBE_BOOL] = AS_IT_IS,
        [TUBE_FLOAT] = BY(real_to_int),
        [TUBE_TEXT] = BY(text_to_int),
        [TUBE_BYTES] = BY(text_to_int),
    },
    [PG_FAMILY_FLOAT] = {
        [TUBE_FLOAT] = BY(real_fits),
        [TUBE_INT] = BY(int_to_real),
        [TUBE_TEXT] = BY(text_to_real),
        [TUBE_BYTES] = BY(text_to_real),
    },
    [PG_FAMILY_NUMERIC] = {
        [TUBE_INT] = MAKING(int_to_numeric, 16 + PG_INTEGER_MAX),
        [TUBE_FLOAT] = MAKING(real_to_numeric, 320),
        [TUBE_TEXT] = GROWING(text_to_numeric, 16),
        [TUBE_BYTES] = GROWING(text_to_numeric, 16),
    },
    [PG_FAMILY_TIME] = {
        [TUBE_TIME] = AS_IT_IS,
        [TUBE_TEXT] = BY(text_to_time),
        [TUBE_BYTES] = BY(text_to_time),
    },
    [PG_FAMILY_DATE] = {
        [TUBE_TIME] = BY(time_to_date),
        [TUBE_TEXT] = BY(text_to_date),
        [TUBE_BYTES] = BY(text_to_date),
    },
    [PG_FAMILY_INET] = {
        [TUBE_TEXT] = MAKING(text_to_inet, PG_INET_MAX),
        [TUBE_BYTES] = MAKING(text_to_inet, PG_INET_MAX),
    },
    [PG_FAMILY_UUID] = {
        [TUBE_TEXT] = MAKING(text_to_uuid, PG_UUID_SIZE),
        [TUBE_BYTES] = MAKING(text_to_uuid, PG_UUID_SIZE),
    },
    [PG_FAMILY_JSON] = {
        [TUBE_JSON] = BY(json_to_json),
        [TUBE_TEXT] = BY(text_to_json),
        [TUBE_BYTES] = BY(text_to_json),
        [TUBE_BOOL] = MAKING(bool_to_text, 8),
        [TUBE_INT] = MAKING(int_to_text, PG_INTEGER_MAX),
        [TUBE_FLOAT] = MAKING(real_to_text, PG_REAL_MAX),
    },
};

const pg_way *
tubei_pg_way(pg_family family, tube_type from)
{
    return &ways[family][from];
}
