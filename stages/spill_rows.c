/* SPDX-License-Identifier: MIT */
/* spill_rows.c -- see spill_rows.h. */
#include "spill_rows.h"

#include <tubes/stage.h>

#include <string.h>

/* How a cell begins. */
enum { CELL_NULL, CELL_NUMBER, CELL_TEXT, CELL_IN_LINE };

static bool
is_text(const tube_batch *b, uint32_t f)
{
    tube_type type = tube_schema_column(b->schema, (tube_field)f)->type;

    return type == TUBE_TEXT || type == TUBE_BYTES || type == TUBE_JSON;
}

/* The line a row was made of, NULL if it is not written. */
static const tube_cell *
line_of(const tube_batch *b, uint32_t r, spill_lines lines)
{
    return lines == SPILL_LINES ? &b->raw[r] : NULL;
}

static bool
lies_in(const tube_cell *cell, const tube_cell *line)
{
    uintptr_t at;

    if (line == NULL || !line->set)
        return false;
    at = (uintptr_t)cell->text - (uintptr_t)line->text;
    return at <= line->len && cell->len <= line->len - at;
}

spill_lines
tubei_spill_lines(const tube_batch *b)
{
    if (b->raw == NULL)
        return SPILL_NO_LINES;
    return b->raw == b->cells && b->width == 1 ? SPILL_LINES_CELLS : SPILL_LINES;
}

/* Writing. */

static size_t
cell_size(const tube_batch *b, uint32_t f, const tube_cell *cell, const tube_cell *line)
{
    if (!cell->set)
        return 1;
    if (!is_text(b, f))
        return 1 + sizeof(int64_t);
    if (lies_in(cell, line))
        return 1 + 2 * sizeof(uint32_t);
    return 1 + sizeof(uint32_t) + cell->len;
}

bool
tubei_spill_measure(const tube_batch *b, spill_lines lines, size_t *size)
{
    size_t n = 0;
    bool over = false;

    TUBE_EACH(b, r) {
        const tube_cell *row = tube_row(b, r);
        const tube_cell *line = line_of(b, r, lines);

        over |= __builtin_add_overflow(n, sizeof(r), &n);
        if (line != NULL)
            over |= __builtin_add_overflow(n, sizeof(line->len) + line->len, &n);
        for (uint32_t f = 0; f < b->width; f++)
            over |= __builtin_add_overflow(n, cell_size(b, f, &row[f], line), &n);
    }
    *size = n;
    return !over;
}

static char *
put(char *to, const void *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n);
    return to + n;
}

static char *
put_cell(char *to, const tube_batch *b, uint32_t f, const tube_cell *cell,
         const tube_cell *line)
{
    uint32_t at;

    if (!cell->set) {
        *to = CELL_NULL;
        return to + 1;
    }
    if (!is_text(b, f)) {
        *to = CELL_NUMBER;
        return put(to + 1, &cell->integer, sizeof(cell->integer));
    }
    *to = lies_in(cell, line) ? CELL_IN_LINE : CELL_TEXT;
    if (*to == CELL_TEXT)
        return put(put(to + 1, &cell->len, sizeof(cell->len)), cell->text, cell->len);
    at = (uint32_t)((uintptr_t)cell->text - (uintptr_t)line->text);
    return put(put(to + 1, &cell->len, sizeof(cell->len)), &at, sizeof(at));
}

void
tubei_spill_encode(const tube_batch *b, spill_lines lines, char *to)
{
    TUBE_EACH(b, r) {
        const tube_cell *row = tube_row(b, r);
        const tube_cell *line = line_of(b, r, lines);

        to = put(to, &r, sizeof(r));
        if (line != NULL) {
            to = put(to, &line->len, sizeof(line->len));
            to = put(to, line->text, line->len);
        }
        for (uint32_t f = 0; f < b->width; f++)
            to = put_cell(to, b, f, &row[f], line);
    }
}

/* Reading. */

struct reader {
    const char *at;
    size_t left;
};

static bool
get(struct reader *in, void *to, size_t n)
{
    if (n > in->left)
        return false;
    memcpy(to, in->at, n);
    in->at += n;
    in->left -= n;
    return true;
}

/* A length, and so many bytes. */
static bool
get_text(struct reader *in, tube_cell *to)
{
    uint32_t len;

    if (!get(in, &len, sizeof(len)) || len > in->left)
        return false;
    tube_set_text(to, in->at, len);
    in->at += len;
    in->left -= len;
    return true;
}

static bool
get_in_line(struct reader *in, tube_cell *to, const tube_cell *line)
{
    uint32_t len;
    uint32_t at;

    if (line == NULL || !get(in, &len, sizeof(len)) || !get(in, &at, sizeof(at))
        || at > line->len || len > line->len - at)
        return false;
    tube_set_text(to, line->text + at, len);
    return true;
}

static bool
get_cell(struct reader *in, tube_cell *to, bool text, const tube_cell *line)
{
    unsigned char kind;
    int64_t number;

    if (!get(in, &kind, sizeof(kind)))
        return false;
    switch (kind) {
    case CELL_NULL: tube_set_null(to); return true;
    case CELL_NUMBER:
        if (text || !get(in, &number, sizeof(number)))
            return false;
        tube_set_int(to, number); /* of a float: the same bits */
        return true;
    case CELL_TEXT: return text && get_text(in, to);
    case CELL_IN_LINE: return text && get_in_line(in, to, line);
    default: return false;
    }
}

static bool
get_row(struct reader *in, tube_batch *b, uint32_t r, uint32_t lines)
{
    tube_cell *raw = tube_batch_raw(b);
    tube_cell *row = tube_row(b, r);
    tube_cell unseen;
    tube_cell *line = raw != NULL ? &raw[r] : &unseen;
    uint32_t number;

    if (!get(in, &number, sizeof(number)) || number != r
        || (lines == SPILL_LINES && !get_text(in, line)))
        return false;
    for (uint32_t f = 0; f < b->width; f++)
        if (!get_cell(in, &row[f], is_text(b, f), lines == SPILL_LINES ? line : NULL))
            return false;
    if (raw != NULL && raw != b->cells && lines == SPILL_LINES_CELLS)
        *line = row[0];
    return true;
}

bool
tubei_spill_decode(tube_batch *b, uint32_t lines, const char *from, size_t size)
{
    struct reader in = { from, size };

    TUBE_EACH(b, r)
        if (!get_row(&in, b, r, lines))
            return false;
    return in.left == 0;
}
