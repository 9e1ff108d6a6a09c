/* SPDX-License-Identifier: MIT */
/* pg_copy.c -- see pg_copy.h.
 *
 * source  "Binary Format" of COPY in PostgreSQL's manual
 */
#include "pg_copy.h"

#include "utf8.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* What the encoder must know of a column, close together. */
struct pg_send {
    uint32_t field;
    pg_wire wire;
};

enum { SHORT_TEXT = 32 };

#define US_1970_TO_2000 INT64_C(946684800000000)

tube_status
tubei_pg_copy_plan(pg_copy *p, const pg_table *t, const tube_schema *fields,
                   tube_error *err)
{
    p->table = t;
    p->fields = fields;
    p->n = t->n;
    p->slack = 2;
    p->send = calloc(t->n, sizeof(*p->send));
    p->texts = calloc(t->n, sizeof(*p->texts));
    if (p->send == NULL || p->texts == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < t->n; i++) {
        p->send[i].field = (uint32_t)t->column[i].field;
        p->send[i].wire = t->column[i].wire;
        p->slack += 4 + 1 + SHORT_TEXT;
        if (p->send[i].wire == PG_WIRE_BYTES || p->send[i].wire == PG_WIRE_JSONB)
            p->texts[p->n_texts++] = p->send[i].field;
    }
    return TUBE_OK;
}

void
tubei_pg_copy_free(pg_copy *p)
{
    free(p->send);
    free(p->texts);
    *p = (pg_copy){ 0 };
}

static inline char *
put16(char *p, uint16_t v)
{
    v = htobe16(v);
    memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
}

static inline char *
put32(char *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
}

static inline char *
put64(char *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof(v));
    return p + sizeof(v);
}

static inline char *
put_float4(char *p, double v)
{
    float f = (float)v;
    uint32_t bits;

    memcpy(&bits, &f, sizeof(bits));
    return put32(put32(p, 4), bits);
}

static inline char *
put_float8(char *p, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    return put64(put32(p, 8), bits);
}

/* Text has TUBE_PAD readable bytes behind it and `out` has slack, so that a short one
 * needs no exact copy. */
static inline char *
put_text(char *p, const tube_cell *c, const char *end)
{
    p = put32(p, c->len);
    if (c->len <= SHORT_TEXT) {
        memcpy(p, c->text, SHORT_TEXT);
        return p + c->len;
    }
    if ((ptrdiff_t)c->len > end - p)
        return NULL;
    memcpy(p, c->text, c->len);
    return p + c->len;
}

static inline char *
put_jsonb(char *p, const tube_cell *c, const char *end)
{
    char *length = p;

    *(p + 4) = 1; /* version of the format */
    if ((ptrdiff_t)c->len > end - p)
        return NULL;
    memcpy(p + 5, c->text, c->len);
    (void)put32(length, c->len + 1);
    return p + 5 + c->len;
}

char *
tubei_pg_copy_row(const pg_copy *p, const tube_cell *row, char *out, const char *end)
{
    const struct pg_send *send = p->send;
    const struct pg_send *last = send + p->n;

    if (end - out < (ptrdiff_t)p->slack)
        return NULL;
    /* From here on only long texts can meet the end: the slack is kept behind it. */
    end -= p->slack;
    out = put16(out, (uint16_t)p->n);
    for (; send < last; send++) {
        const tube_cell *c = &row[send->field];

        if (!c->set) {
            out = put32(out, UINT32_MAX);
            continue;
        }
        switch (send->wire) {
        case PG_WIRE_BYTES: out = put_text(out, c, end); break;
        case PG_WIRE_INT2: out = put16(put32(out, 2), (uint16_t)c->integer); break;
        case PG_WIRE_INT4: out = put32(put32(out, 4), (uint32_t)c->integer); break;
        case PG_WIRE_INT8: out = put64(put32(out, 8), (uint64_t)c->integer); break;
        case PG_WIRE_TIME:
            out =
                put64(put32(out, 8), (uint64_t)c->integer - (uint64_t)US_1970_TO_2000);
            break;
        case PG_WIRE_BOOL:
            out = put32(out, 1);
            *out++ = (char)(c->integer != 0);
            break;
        case PG_WIRE_FLOAT4: out = put_float4(out, c->real); break;
        case PG_WIRE_FLOAT8: out = put_float8(out, c->real); break;
        case PG_WIRE_JSONB: out = put_jsonb(out, c, end); break;
        }
        if (out == NULL)
            return NULL;
    }
    return out;
}

size_t
tubei_pg_copy_room(const pg_copy *p, const tube_cell *row)
{
    size_t room = 2 * p->slack;

    for (uint32_t i = 0; i < p->n; i++) {
        const tube_cell *c = &row[p->send[i].field];

        if (c->set
            && (p->send[i].wire == PG_WIRE_BYTES || p->send[i].wire == PG_WIRE_JSONB))
            room += c->len;
    }
    return room;
}

bool
tubei_pg_chunk_room(pg_chunk *c, size_t more)
{
    size_t room = c->room > 0 ? c->room : PG_CHUNK_BYTES + (64 << 10);
    char *data;

    while (room - c->len < more)
        if (__builtin_mul_overflow(room, (size_t)2, &room))
            return false;
    if (room == c->room)
        return true;
    data = realloc(c->data, room);
    if (data == NULL)
        return false;
    c->data = data;
    c->room = room;
    return true;
}

void
tubei_pg_chunk_head(pg_chunk *c)
{
    static const char head[PG_COPY_HEAD] = "PGCOPY\n\377\r\n";

    memcpy(c->data + c->len, head, sizeof(head));
    c->len += sizeof(head);
}

void
tubei_pg_chunk_tail(pg_chunk *c)
{
    (void)put16(c->data + c->len, UINT16_MAX);
    c->len += PG_COPY_TAIL;
}

bool
tubei_pg_chunk_row(pg_chunk *c, const pg_copy *p, const tube_cell *row)
{
    char *end = tubei_pg_copy_row(p, row, c->data + c->len, c->data + c->room);

    if (end == NULL) {
        if (!tubei_pg_chunk_room(c, tubei_pg_copy_room(p, row)))
            return false;
        end = tubei_pg_copy_row(p, row, c->data + c->len, c->data + c->room);
        if (end == NULL)
            return false;
    }
    c->len = (size_t)(end - c->data);
    return true;
}

static char *
put_string(char *p, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0)
        return put32(p, UINT32_MAX);
    p = put32(p, (uint32_t)len);
    /* Words about data may hold pieces of it, in any encoding. */
    for (size_t i = 0; i < len;) {
        uint32_t code;
        size_t n = tubei_utf8_next(text + i, len - i, &code);

        if (code != TUBEI_UTF8_BAD)
            memcpy(p, text + i, n);
        else
            memset(p, '?', n);
        p += n;
        i += n;
    }
    return p;
}

bool
tubei_pg_chunk_refused(pg_chunk *c, const pg_refused *r)
{
    size_t words = strlen(r->why->stage) + strlen(r->why->reason);
    size_t line = r->raw != NULL && r->raw->set ? r->raw->len : 0;
    char *p;

    if (!tubei_pg_chunk_room(c, words + line + 128))
        return false;
    p = put16(c->data + c->len, 8);
    p = put64(put32(p, 8), (uint64_t)r->source);
    p = put32(put32(p, 4), (uint32_t)r->generation);
    p = r->has_offset ? put64(put32(p, 8), r->offset) : put32(p, UINT32_MAX);
    p = r->line > 0 ? put64(put32(p, 8), r->line) : put32(p, UINT32_MAX);
    if (r->raw != NULL && r->raw->set) {
        p = put32(p, r->raw->len);
        memcpy(p, r->raw->text, line);
        p += line;
    } else {
        p = put32(p, UINT32_MAX);
    }
    p = put_string(put_string(put_string(p, r->why->stage), r->why->sqlstate),
                   r->why->reason);
    c->len = (size_t)(p - c->data);
    return true;
}
