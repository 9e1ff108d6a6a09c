/* SPDX-License-Identifier: MIT */
/* json_write.c -- cells and texts as JSON, see writer.h. */
#include "scan.h"
#include "utf8.h"
#include "writer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD";

/* True if any of 8 bytes is a quote, a backslash, below 0x20 or above 0x7e. */
static bool
needs_care(const char *p)
{
    uint64_t w = tubei_load8(p);
    uint64_t quote = w ^ ('"' * TUBEI_ONES);
    uint64_t slash = w ^ ('\\' * TUBEI_ONES);
    uint64_t rubout = w ^ (0x7f * TUBEI_ONES);

    return (((quote - TUBEI_ONES) | (slash - TUBEI_ONES) | (rubout - TUBEI_ONES)
             | (w - 0x20 * TUBEI_ONES) | w)
            & TUBEI_HIGHS)
           != 0;
}

/* First byte from `p` on that a JSON string cannot hold as it is. */
static const char *
plain_run(const char *p, const char *end)
{
    while (end - p >= 8 && !needs_care(p))
        p += 8;
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f && *p != '"'
           && *p != '\\')
        p++;
    return p;
}

static void
put_escape(tubei_writer *w, uint32_t code)
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *at = code != 0 && code < 0x80 ? strchr(special, (int)code) : NULL;
    char text[8];

    if (at != NULL) {
        tubei_put_char(w, '\\');
        tubei_put_char(w, letters[at - special]);
        return;
    }
    (void)snprintf(text, sizeof(text), "\\u%04x", (unsigned)code);
    tubei_put(w, text, 6);
}

void
tubei_put_json_string(tubei_writer *w, tube_slice text)
{
    const char *p = text.ptr;
    const char *end = p + text.len;

    tubei_put_char(w, '"');
    while (p < end) {
        const char *stop = plain_run(p, end);
        uint32_t code;
        size_t n;

        tubei_put(w, p, (size_t)(stop - p));
        p = stop;
        if (p == end)
            break;
        n = tubei_utf8_next(p, (size_t)(end - p), &code);
        if (code == TUBEI_UTF8_BAD)
            tubei_put(w, replacement, 3);
        else if (code < 0xA0)
            put_escape(w, code);
        else
            tubei_put(w, p, n);
        p += n;
    }
    tubei_put_char(w, '"');
}

void
tubei_put_json_text(tubei_writer *w, tube_slice json)
{
    const char *p = json.ptr;
    const char *end = p + json.len;

    if (json.len == 0)
        tubei_put(w, "null", 4);
    while (p < end) {
        const char *stop = p;
        uint32_t code;
        size_t n;

        while (stop < end && (unsigned char)*stop >= 0x20
               && (unsigned char)*stop < 0x7f)
            stop++;
        tubei_put(w, p, (size_t)(stop - p));
        p = stop;
        if (p == end)
            break;
        n = tubei_utf8_next(p, (size_t)(end - p), &code);
        if (code == TUBEI_UTF8_BAD)
            tubei_put(w, replacement, 3);
        else if (code < 0x20)
            tubei_put_char(w, ' ');
        else if (code < 0xA0)
            put_escape(w, code);
        else
            tubei_put(w, p, n);
        p += n;
    }
}

void
tubei_put_hex(tubei_writer *w, tube_slice bytes)
{
    static const char hex[] = "0123456789abcdef";

    tubei_put(w, "\\x", 2);
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        tubei_put_char(w, hex[c >> 4]);
        tubei_put_char(w, hex[c & 15]);
    }
}

void
tubei_put_json_cell(tubei_writer *w, tube_type type, const tube_cell *c)
{
    bool real = type == TUBE_FLOAT;

    if (!c->set || (real && !isfinite(c->real))) {
        tubei_put(w, "null", 4);
        return;
    }
    switch (type) {
    case TUBE_TEXT: tubei_put_json_string(w, tube_text(c)); break;
    case TUBE_JSON: tubei_put_json_text(w, tube_text(c)); break;
    case TUBE_BOOL: tubei_put_string(w, c->integer ? "true" : "false"); break;
    case TUBE_INT: tubei_put_int(w, c->integer); break;
    case TUBE_FLOAT: tubei_put_real(w, c->real); break;
    case TUBE_TIME:
        tubei_put_char(w, '"');
        tubei_put_time(w, c->integer);
        tubei_put_char(w, '"');
        break;
    case TUBE_BYTES:
        tubei_put(w, "\"\\", 2);
        tubei_put_hex(w, tube_text(c));
        tubei_put_char(w, '"');
        break;
    }
}
