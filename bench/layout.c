/* SPDX-License-Identifier: MIT */
/* layout.c -- cells by row against cells by column, before one of them is fixed.
 *
 * Both layouts are made here, as small as they can be, and go the same way: parse
 * (split a line at its tabs, a slice a field), convert (a quarter of the fields to
 * integers, in place), filter (keep the rows whose first integer is odd: half), encode
 * (binary COPY).  Everything but the place of a cell is shared.  The figures
 * stage by stage say where a difference comes from; "whole" is what decides.
 *
 *   NAME = layout / fields / rows in a batch / part
 */
#include "bench/bench.h"

#include <stdbool.h>

#if defined(__SSE2__)
#  include <emmintrin.h>
#endif

enum {
    ROWS_MAX = 1024,
    FIELDS_MAX = 32,
    DISTINCT = 8192, /* different lines, so that no branch is learned by heart */
    LINES = 400000,
    PAD = 64,
    EVERY = 4, /* each fourth field is an integer */
};

enum part { WHOLE, PARSE, CONVERT, FILTER, ENCODE, PARTS };

static const char *const part_name[PARTS] = { "whole", "parse", "convert", "filter",
                                              "encode" };

struct cell {
    union {
        const char *text;
        int64_t integer;
    };
    uint32_t len;
    uint32_t set;
};

struct column {
    union {
        const char *text[ROWS_MAX];
        int64_t integer[ROWS_MAX];
    };
    uint32_t len[ROWS_MAX];
    uint8_t set[ROWS_MAX];
};

/* One configuration and the memory that its batches use again and again. */
struct setup {
    bool by_column;
    uint32_t fields, rows;
    uint32_t kept; /* fields that are encoded, the first ones */
    enum part part;
    uint32_t inputs;
    char **input; /* lines of a batch each: fields end with a tab, the last with \n */
};

static struct cell *cells;
static struct column *columns;
static uint64_t live[ROWS_MAX / 64];
static char *out;

static inline bool
is_integer(uint32_t field)
{
    return field % EVERY == EVERY - 1;
}

/* End of the field that begins at `p`; the input is padded. */
static inline const char *
field_end(const char *p)
{
#if defined(__SSE2__)
    for (;; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i end = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\t')),
                                   _mm_cmpeq_epi8(v, _mm_set1_epi8('\n')));
        uint32_t hits = (uint32_t)_mm_movemask_epi8(end);

        if (hits != 0)
            return p + __builtin_ctz(hits);
    }
#else
    while (*p != '\t' && *p != '\n')
        p++;
    return p;
#endif
}

static inline int64_t
to_integer(const char *p, uint32_t len)
{
    int64_t v = 0;

    for (uint32_t i = 0; i < len; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

static inline char *
put_length(char *o, int32_t len)
{
    uint32_t be = __builtin_bswap32((uint32_t)len);

    memcpy(o, &be, sizeof(be));
    return o + sizeof(be);
}

static inline char *
put_integer(char *o, int64_t v)
{
    uint64_t be = __builtin_bswap64((uint64_t)v);

    o = put_length(o, 8);
    memcpy(o, &be, sizeof(be));
    return o + sizeof(be);
}

static inline char *
put_text(char *o, const char *p, uint32_t len)
{
    o = put_length(o, (int32_t)len);
    if (len <= 32)
        memcpy(o, p, 32); /* both sides are padded */
    else
        memcpy(o, p, len);
    return o + len;
}

static inline char *
put_width(char *o, uint32_t fields)
{
    uint16_t be = __builtin_bswap16((uint16_t)fields);

    memcpy(o, &be, sizeof(be));
    return o + sizeof(be);
}

/* By row. */

static void
rows_parse(const struct setup *s, const char *p)
{
    for (uint32_t r = 0; r < s->rows; r++) {
        struct cell *c = cells + (size_t)r * s->fields;

        for (uint32_t f = 0; f < s->fields; f++) {
            const char *end = field_end(p);

            c[f].text = p;
            c[f].len = (uint32_t)(end - p);
            c[f].set = end != p;
            p = end + 1;
        }
    }
}

static void
rows_convert(const struct setup *s)
{
    for (uint32_t r = 0; r < s->rows; r++) {
        struct cell *c = cells + (size_t)r * s->fields;

        for (uint32_t f = EVERY - 1; f < s->fields; f += EVERY)
            if (c[f].set)
                c[f].integer = to_integer(c[f].text, c[f].len);
    }
}

static void
rows_filter(const struct setup *s)
{
    memset(live, 0, sizeof(live));
    for (uint32_t r = 0; r < s->rows; r++) {
        const struct cell *c = cells + (size_t)r * s->fields + (EVERY - 1);

        live[r / 64] |= (uint64_t)(c->set & (uint32_t)c->integer & 1u) << (r % 64);
    }
}

static char *
rows_encode(const struct setup *s, char *o)
{
    for (uint32_t w = 0; w * 64 < s->rows; w++)
        for (uint64_t bits = live[w]; bits != 0; bits &= bits - 1) {
            uint32_t r = w * 64 + (uint32_t)__builtin_ctzll(bits);
            const struct cell *c = cells + (size_t)r * s->fields;

            o = put_width(o, s->kept);
            for (uint32_t f = 0; f < s->kept; f++)
                if (!c[f].set)
                    o = put_length(o, -1);
                else if (is_integer(f))
                    o = put_integer(o, c[f].integer);
                else
                    o = put_text(o, c[f].text, c[f].len);
        }
    return o;
}

/* By column. */

static void
columns_parse(const struct setup *s, const char *p)
{
    for (uint32_t r = 0; r < s->rows; r++)
        for (uint32_t f = 0; f < s->fields; f++) {
            const char *end = field_end(p);

            columns[f].text[r] = p;
            columns[f].len[r] = (uint32_t)(end - p);
            columns[f].set[r] = end != p;
            p = end + 1;
        }
}

static void
columns_convert(const struct setup *s)
{
    for (uint32_t f = EVERY - 1; f < s->fields; f += EVERY) {
        struct column *c = &columns[f];

        for (uint32_t r = 0; r < s->rows; r++)
            if (c->set[r])
                c->integer[r] = to_integer(c->text[r], c->len[r]);
    }
}

static void
columns_filter(const struct setup *s)
{
    const struct column *c = &columns[EVERY - 1];

    memset(live, 0, sizeof(live));
    for (uint32_t r = 0; r < s->rows; r++)
        live[r / 64] |= (uint64_t)(c->set[r] & (uint32_t)c->integer[r] & 1u)
                        << (r % 64);
}

static char *
columns_encode(const struct setup *s, char *o)
{
    for (uint32_t w = 0; w * 64 < s->rows; w++)
        for (uint64_t bits = live[w]; bits != 0; bits &= bits - 1) {
            uint32_t r = w * 64 + (uint32_t)__builtin_ctzll(bits);

            o = put_width(o, s->kept);
            for (uint32_t f = 0; f < s->kept; f++) {
                const struct column *c = &columns[f];

                if (!c->set[r])
                    o = put_length(o, -1);
                else if (is_integer(f))
                    o = put_integer(o, c->integer[r]);
                else
                    o = put_text(o, c->text[r], c->len[r]);
            }
        }
    return o;
}

/* One batch; adds what the wanted part took. */
static void
layout_batch(const struct setup *s, const char *in, uint64_t *ns)
{
    uint64_t t[PARTS] = { bench_now(), 0, 0, 0, 0 };
    char *end;

    if (s->by_column)
        columns_parse(s, in);
    else
        rows_parse(s, in);
    t[PARSE] = s->part != WHOLE ? bench_now() : 0;
    if (s->by_column)
        columns_convert(s);
    else
        rows_convert(s);
    t[CONVERT] = s->part != WHOLE ? bench_now() : 0;
    if (s->by_column)
        columns_filter(s);
    else
        rows_filter(s);
    t[FILTER] = s->part != WHOLE ? bench_now() : 0;
    end = s->by_column ? columns_encode(s, out) : rows_encode(s, out);
    t[ENCODE] = bench_now();
    bench_keep(end);
    *ns += s->part == WHOLE ? t[ENCODE] - t[0] : t[s->part] - t[s->part - 1];
}

static double
layout_run(void *arg)
{
    const struct setup *s = arg;
    uint32_t batches = LINES / s->rows;
    uint64_t ns = 0;

    for (uint32_t b = 0; b < batches; b++)
        layout_batch(s, s->input[b % s->inputs], &ns);
    return (double)ns / ((double)batches * s->rows);
}

/* One batch of lines of about `width` bytes; both layouts see the same ones. */
static char *
make_lines(uint32_t fields, uint32_t rows, uint32_t width, uint64_t *random)
{
    char *text = calloc(1, (size_t)rows * (width * 2 + fields * 8) + PAD);
    uint64_t x = *random;
    char *p = text;

    for (uint32_t i = 0; p != NULL && i < rows * fields; i++) {
        uint32_t f = i % fields, len;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        len = (uint32_t)(is_integer(f) ? 1 + x % 6 : x % (2 * width / fields));
        for (uint32_t k = 0; k < len; k++)
            *p++ = is_integer(f) ? (char)('1' + (x >> (k * 5)) % 9) : 'a';
        *p++ = f + 1 < fields ? '\t' : '\n';
    }
    *random = x;
    return text;
}

static bool
make_inputs(struct setup *s, uint32_t width)
{
    uint64_t random = 88172645463325252u;

    s->inputs = DISTINCT / s->rows;
    s->input = calloc(s->inputs, sizeof(*s->input));
    for (uint32_t i = 0; s->input != NULL && i < s->inputs; i++) {
        s->input[i] = make_lines(s->fields, s->rows, width, &random);
        if (s->input[i] == NULL)
            return false;
    }
    return s->input != NULL;
}

/* Both must make the same bytes, else the figures compare different work. */
static bool
layouts_agree(struct setup s)
{
    static char *kept;
    size_t len[2];

    kept = kept != NULL ? kept : malloc(4u << 20);
    if (kept == NULL)
        return false;
    for (int i = 0; i < 2; i++) {
        uint64_t ns = 0;

        s.by_column = i == 1;
        s.part = WHOLE;
        layout_batch(&s, s.input[0], &ns);
        len[i] = (size_t)((s.by_column ? columns_encode(&s, out) : rows_encode(&s, out))
                          - out);
        if (i == 0)
            memcpy(kept, out, len[i]);
    }
    return len[0] == len[1] && len[0] > 0 && memcmp(kept, out, len[0]) == 0;
}

/* Figures of one shape: both layouts, all parts, and the ratio that decides. */
static bool
add_shape(const char *shape, uint32_t fields, uint32_t kept, uint32_t rows,
          uint32_t width)
{
    struct setup s = { .fields = fields, .rows = rows, .kept = kept };
    char *name[2][PARTS], *ratio;

    if (!make_inputs(&s, width) || !layouts_agree(s))
        return false;
    for (int p = 0; p < PARTS; p++)
        for (int i = 0; i < 2; i++) {
            struct setup *own = malloc(sizeof(*own));

            s.by_column = i == 1;
            s.part = (enum part)p;
            if (own == NULL
                || asprintf(&name[i][p], "%s/%s/%u/%s", i ? "columns" : "rows", shape,
                            rows, part_name[p])
                       < 0)
                return false;
            *own = s;
            bench_add(name[i][p], "ns/row", layout_run, own);
        }
    if (asprintf(&ratio, "columns_over_rows/%s/%u", shape, rows) < 0)
        return false;
    bench_ratio(ratio, name[1][WHOLE], name[0][WHOLE]);
    return true;
}

int
main(int argc, char **argv)
{
    bench_begin("layout", argc, argv);
    cells = calloc((size_t)ROWS_MAX * FIELDS_MAX, sizeof(*cells));
    columns = calloc(FIELDS_MAX, sizeof(*columns));
    out = malloc(4u << 20);
    if (cells == NULL || columns == NULL || out == NULL
        || !add_shape("8", 8, 8, 1024, 240) || !add_shape("8", 8, 8, 270, 240)
        || !add_shape("32", 32, 32, 1024, 480) || !add_shape("32", 32, 32, 136, 480)
        || !add_shape("4of32", 32, 4, 1024, 480)) {
        fprintf(stderr, "layout: out of memory, or the layouts disagree\n");
        return 1;
    }
    return bench_end();
}
