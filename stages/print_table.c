/* SPDX-License-Identifier: MIT */
/* print_table.c -- see print_table.h. */
#include "print_table.h"

#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GAP = 2,        /* blanks between columns */
    NARROW = 12,    /* no text is made narrower to make room for one more column */
    WIDE = 60,      /* without a terminal, columns are filled up to this */
    MORE = 9 + GAP, /* room of the note about columns that are not shown */
    VALUE_MAX = 64, /* text of a value that is none itself */
};

/* What stands for one character. */
struct glyph {
    char text[8];
    uint32_t bytes;
    uint32_t columns;
};

struct range {
    uint32_t first;
    uint32_t last;
};

static bool
in_ranges(uint32_t code, const struct range *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (code >= r[i].first && code <= r[i].last)
            return true;
    return false;
}

/* Control characters, and those that change the direction of what follows. */
static bool
is_control(uint32_t code)
{
    static const struct range control[] = {
        { 0x00, 0x1F },     { 0x7F, 0x9F },     { 0x200E, 0x200F },
        { 0x2028, 0x202E }, { 0x2066, 0x2069 }, { 0xFEFF, 0xFEFF },
    };

    return in_ranges(code, control, sizeof(control) / sizeof(control[0]));
}

/* Columns a terminal gives to a character: the large blocks, not every exception. */
static uint32_t
code_columns(uint32_t code)
{
    static const struct range wide[] = {
        { 0x1100, 0x115F },   { 0x2E80, 0xA4CF },   { 0xAC00, 0xD7A3 },
        { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },   { 0xFF00, 0xFF60 },
        { 0xFFE0, 0xFFE6 },   { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
        { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD },
    };
    static const struct range none[] = {
        { 0x0300, 0x036F },
        { 0x200B, 0x200D },
        { 0x20D0, 0x20FF },
        { 0xFE00, 0xFE0F },
    };

    if (code < 0x300)
        return 1;
    if (in_ranges(code, none, sizeof(none) / sizeof(none[0])))
        return 0;
    return in_ranges(code, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

/* The character at `p`; how many bytes of the text it is. */
static size_t
read_glyph(const char *p, size_t n, struct glyph *g)
{
    static const char letters[] = "\tt\nn\rr";
    uint32_t code;
    size_t taken = tubei_utf8_next(p, n, &code);
    const char *at = code == '\t' || code == '\n' || code == '\r'
                         ? strchr(letters, (int)code)
                         : NULL;

    if (code == TUBEI_UTF8_BAD) {
        taken = 1;
        code = (unsigned char)*p;
    } else if (!is_control(code)) {
        memcpy(g->text, p, taken);
        g->bytes = (uint32_t)taken;
        g->columns = code_columns(code);
        return taken;
    }
    if (at != NULL)
        g->bytes = (uint32_t)snprintf(g->text, sizeof(g->text), "\\%c", at[1]);
    else
        g->bytes =
            (uint32_t)snprintf(g->text, sizeof(g->text),
                               code < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)code);
    g->columns = g->bytes;
    return taken;
}

/* Columns of a text; `limit` or more is as good as `limit`. */
static uint32_t
text_columns(tube_slice text, uint32_t limit)
{
    uint32_t columns = 0;
    struct glyph g;

    for (size_t i = 0; i < text.len && columns < limit;) {
        i += read_glyph(text.ptr + i, text.len - i, &g);
        columns += g.columns;
    }
    return columns < limit ? columns : limit;
}

/* A value as text, which may be put together in `buf`. */
static tube_slice
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through `w` */
value_text(tube_type type, const tube_cell *c, char buf[VALUE_MAX])
{
    tubei_writer w = { .buf = buf, .cap = VALUE_MAX, .fd = -1 };

    if (!c->set)
        return (tube_slice){ "-", 1 };
    switch (type) {
    case TUBE_TEXT:
    case TUBE_BYTES:
    case TUBE_JSON: return tube_text(c);
    case TUBE_TIME: tubei_put_time(&w, c->integer); break;
    case TUBE_BOOL:
    case TUBE_INT:
    case TUBE_FLOAT: tubei_put_json_cell(&w, type, c); break;
    }
    return (tube_slice){ buf, w.len };
}

static bool
to_the_right(tube_type type)
{
    return type == TUBE_INT || type == TUBE_FLOAT;
}

bool
tubei_table_open(tubei_table *t, const tube_schema *schema, uint32_t room)
{
    t->schema = schema;
    t->room = room;
    t->shown = tube_schema_width(schema);
    t->width = calloc(t->shown, sizeof(*t->width));
    return t->width != NULL;
}

void
tubei_table_fini(tubei_table *t)
{
    free(t->width);
    t->width = NULL;
}

static tube_type
type_of(const tubei_table *t, uint32_t i)
{
    return tube_schema_column(t->schema, (tube_field)i)->type;
}

static tube_slice
name_of(const tubei_table *t, uint32_t i)
{
    const char *name = tube_schema_column(t->schema, (tube_field)i)->name;

    return (tube_slice){ name, strlen(name) };
}

static void
widen(tubei_table *t, uint32_t i, tube_slice text)
{
    uint32_t columns = text_columns(text, t->room > 0 ? t->room : WIDE);

    if (columns > t->width[i])
        t->width[i] = columns;
}

/* Numbers and times are of no use when they are cut. */
static bool
may_cut(const tubei_table *t, uint32_t i)
{
    tube_type type = type_of(t, i);

    return type == TUBE_TEXT || type == TUBE_BYTES || type == TUBE_JSON;
}

static uint32_t
capped(const tubei_table *t, uint32_t i, uint32_t cap)
{
    return t->width[i] > cap && may_cut(t, i) ? cap : t->width[i];
}

/* True if the first `n` fields fit into `room` with no text wider than `cap`. */
static bool
fits(const tubei_table *t, uint32_t n, uint32_t cap, uint32_t room)
{
    uint64_t sum = (uint64_t)(n - 1) * GAP;

    for (uint32_t i = 0; i < n; i++)
        sum += capped(t, i, cap);
    return sum <= room;
}

/* Leave out the last fields until texts get a useful width; then give them the most. */
static void
fit(tubei_table *t)
{
    uint32_t room = t->room;
    uint32_t cap = NARROW;
    uint32_t most = t->room;

    while (t->shown > 1 && !fits(t, t->shown, cap, room)) {
        t->shown--;
        room = t->room > MORE ? t->room - MORE : 1;
    }
    while (cap < most) {
        uint32_t middle = cap + (most - cap + 1) / 2;

        if (fits(t, t->shown, middle, room))
            cap = middle;
        else
            most = middle - 1;
    }
    for (uint32_t i = 0; i < t->shown; i++)
        t->width[i] = capped(t, i, cap);
    if (t->width[0] > t->room)
        t->width[0] = t->room;
}

/* Write as much of a text as fits, then dots. */
static uint32_t
put_cut(tubei_writer *w, tube_slice text, uint32_t width)
{
    uint32_t dots = width < 3 ? width : 3;
    uint32_t columns = 0;
    struct glyph g;

    for (size_t i = 0; i < text.len;) {
        i += read_glyph(text.ptr + i, text.len - i, &g);
        if (columns + g.columns > width - dots)
            break;
        tubei_put(w, g.text, g.bytes);
        columns += g.columns;
    }
    tubei_put_fill(w, '.', dots);
    return columns + dots;
}

static void
put_whole(tubei_writer *w, tube_slice text)
{
    struct glyph g;

    for (size_t i = 0; i < text.len;) {
        i += read_glyph(text.ptr + i, text.len - i, &g);
        tubei_put(w, g.text, g.bytes);
    }
}

/* Write one field in its column. */
static void
put_field(const tubei_table *t, uint32_t i, tube_slice text, bool right,
          tubei_writer *w)
{
    uint32_t width = t->width[i];
    uint32_t columns = text_columns(text, width + 1);
    bool last = i + 1 == t->shown;

    if (right && columns < width)
        tubei_put_fill(w, ' ', width - columns);
    if (columns > width && t->room > 0)
        columns = put_cut(w, text, width);
    else
        put_whole(w, text);
    if (!right && !last && columns < width)
        tubei_put_fill(w, ' ', width - columns);
    if (!last)
        tubei_put_fill(w, ' ', GAP);
}

/* Names, and how many columns have no room. */
static void
put_names(const tubei_table *t, uint32_t hidden, tubei_writer *w)
{
    uint32_t i;

    for (i = 0; i < t->shown; i++)
        put_field(t, i, name_of(t, i), to_the_right(type_of(t, i)), w);
    if (hidden > 0) {
        uint32_t columns = text_columns(name_of(t, i - 1), t->width[i - 1]);

        if (!to_the_right(type_of(t, i - 1)))
            tubei_put_fill(w, ' ', t->width[i - 1] - columns);
        tubei_put_fill(w, ' ', GAP);
        tubei_put_char(w, '+');
        tubei_put_int(w, hidden);
        tubei_put_string(w, " more");
    }
    tubei_put_char(w, '\n');
}

void
tubei_table_head(tubei_table *t, const tube_batch *b, tubei_writer *w)
{
    uint32_t n = t->shown;
    char buf[VALUE_MAX];

    for (uint32_t i = 0; i < n; i++) {
        widen(t, i, name_of(t, i));
        TUBE_EACH(b, r)
            widen(t, i, value_text(type_of(t, i), &tube_row(b, r)[i], buf));
    }
    if (t->room > 0)
        fit(t);
    put_names(t, n - t->shown, w);
    for (uint32_t i = 0; i < t->shown; i++) {
        tubei_put_fill(w, '-', t->width[i]);
        tubei_put_fill(w, ' ', i + 1 < t->shown ? GAP : 0);
    }
    tubei_put_char(w, '\n');
}

void
tubei_table_row(const tubei_table *t, const tube_cell *row, tubei_writer *w)
{
    char buf[VALUE_MAX];

    for (uint32_t i = 0; i < t->shown; i++) {
        tube_type type = type_of(t, i);

        put_field(t, i, value_text(type, &row[i], buf), to_the_right(type), w);
    }
    tubei_put_char(w, '\n');
}
