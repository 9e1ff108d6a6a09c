/* SPDX-License-Identifier: MIT */
/* record_write.c -- records as texts: to be read, as JSON, as pairs. */
#include "pg_text.h"
#include "record_parts.h"
#include "rfc3339.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MOST = 40 };

size_t
tubei_record_written(tubei_writer *w, char *out, size_t room)
{
    size_t n = w->error == 0 ? w->len : 0;

    if (room > 0)
        out[n] = '\0';
    return n;
}

/* 'it\'s' */
static void
put_quoted(tubei_writer *w, tube_slice text)
{
    static const char special[] = "'\\\n\r\t";
    static const char letter[] = "'\\nrt";

    tubei_put_char(w, '\'');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        const char *at = c != 0 ? strchr(special, c) : NULL;
        char hex[8];

        if (at != NULL) {
            tubei_put_char(w, '\\');
            tubei_put_char(w, letter[at - special]);
        } else if (c < 0x20 || c == 0x7f) {
            (void)snprintf(hex, sizeof(hex), "\\x%02x", c);
            tubei_put_string(w, hex);
        } else {
            tubei_put_char(w, (char)c);
        }
    }
    tubei_put_char(w, '\'');
}

static void
put_real(tubei_writer *w, double v)
{
    char text[PG_REAL_MAX];

    tubei_put(w, text, tubei_pg_real_write(v, text));
}

/* A value as it is printed; not of a text: that in quotes, too. */
static void
put_cell(tubei_writer *w, tube_type type, const tube_cell *c)
{
    switch (type) {
    case TUBE_TEXT: put_quoted(w, tube_text(c)); break;
    case TUBE_BYTES: tubei_put_hex(w, tube_text(c)); break;
    case TUBE_JSON: tubei_put_json_text(w, tube_text(c)); break;
    case TUBE_BOOL: tubei_put_string(w, c->integer != 0 ? "true" : "false"); break;
    case TUBE_INT: tubei_put_int(w, c->integer); break;
    case TUBE_FLOAT: put_real(w, c->real); break;
    case TUBE_TIME: tubei_put_time(w, c->integer); break;
    }
}

size_t
tube_record_print(const tube_record_def *d, const void *record, char *out, size_t room)
{
    tubei_writer w = tubei_record_writer(out, room);
    tube_cell c;

    tubei_put_string(&w, d->record.name);
    for (uint32_t i = 0; i < d->record.n; i++) {
        const tube_column *column = tubei_record_column(d, i);

        tubei_put_string(&w, i == 0 ? "(" : ", ");
        tubei_put_string(&w, column->name);
        tubei_put_char(&w, '=');
        (void)tubei_record_get(d, record, i, &c);
        if (!c.set)
            tubei_put_string(&w, "null");
        else if (d->member != NULL && (d->member[i].flags & TUBE_MEMBER_SECRET) != 0)
            tubei_put_string(&w, "***");
        else
            put_cell(&w, column->type, &c);
    }
    tubei_put_char(&w, ')');
    return tubei_record_written(&w, out, room);
}

size_t
tube_record_json(const tube_record_def *d, const void *record, char *out, size_t room)
{
    tubei_writer w = tubei_record_writer(out, room);
    tube_cell c;

    for (uint32_t i = 0; i < d->record.n; i++) {
        const tube_column *column = tubei_record_column(d, i);

        tubei_put_char(&w, i == 0 ? '{' : ',');
        tubei_put_json_string(&w, tube_str(column->name));
        tubei_put_char(&w, ':');
        (void)tubei_record_get(d, record, i, &c);
        tubei_put_json_cell(&w, column->type, &c);
    }
    tubei_put_char(&w, '}');
    return tubei_record_written(&w, out, room);
}

static tube_status
make_pair(tube_type type, const tube_cell *c, tube_scratch *memory, tube_slice *out)
{
    char text[NUMBER_MOST];
    tubei_writer w = { .buf = text, .cap = sizeof(text), .fd = -1 };
    char *copy;

    *out = (tube_slice){ NULL, 0 };
    if (!c->set)
        return TUBE_OK;
    if (tubei_record_is_text(type)) {
        *out = tube_text(c);
        return TUBE_OK;
    }
    put_cell(&w, type, c);
    copy = tube_scratch_take(memory, w.len);
    if (copy == NULL)
        return TUBE_ENOMEM;
    memcpy(copy, text, w.len);
    *out = (tube_slice){ copy, w.len };
    return TUBE_OK;
}

tube_status
tube_record_pairs(const tube_record_def *d, const void *record, tube_scratch *memory,
                  tube_pair *pairs)
{
    tube_status st = TUBE_OK;
    tube_cell c;

    for (uint32_t i = 0; i < d->record.n && st == TUBE_OK; i++) {
        const tube_column *column = tubei_record_column(d, i);

        (void)tubei_record_get(d, record, i, &c);
        pairs[i].name = tube_str(column->name);
        st = make_pair(column->type, &c, memory, &pairs[i].value);
    }
    return st;
}
