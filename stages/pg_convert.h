/* SPDX-License-Identifier: MIT */
/* pg_convert.h -- cells to their wire form, by type of field and family of column. */
#ifndef TUBES_STAGES_PG_CONVERT_H
#define TUBES_STAGES_PG_CONVERT_H

#include "pg_types.h"

/** Families of types: a field fits all of a family or none. */
typedef enum pg_family {
    PG_FAMILY_TEXT,
    PG_FAMILY_BYTES,
    PG_FAMILY_BOOL,
    PG_FAMILY_INT,
    PG_FAMILY_FLOAT,
    PG_FAMILY_NUMERIC,
    PG_FAMILY_TIME,
    PG_FAMILY_DATE,
    PG_FAMILY_INET,
    PG_FAMILY_UUID,
    PG_FAMILY_JSON,
    PG_FAMILIES,
} pg_family;

/** Types that some function must know by their number. */
enum {
    PG_OID_BPCHAR = 1042,
    PG_OID_VARCHAR = 1043,
    PG_OID_CIDR = 650,
    PG_OID_JSON = 114,
    PG_OID_JSONB = 3802,
};

/** How a family takes a field of a type. */
typedef struct pg_way {
    bool fits; /**< false: it does not */
    pg_convert *convert;
    uint32_t room;
    uint32_t room_each;
} pg_way;

/** Threads: any.  Blocks: no. */
const pg_way *tubei_pg_way(pg_family family, tube_type from);

/** Text that must not have more characters than the column.  Threads: any.  Blocks: no. */
pg_convert tubei_pg_limited_text;

#endif /* TUBES_STAGES_PG_CONVERT_H */
