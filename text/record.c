/* SPDX-License-Identifier: MIT */
/* record.c -- record NAME { field ; field }: what records look like, and what they hold. */
#include "parse.h"
#include "suggest.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIELDS = 1600,    /**< of one record: columns of a PostgreSQL table */
    FIELD_NAME = 63,  /**< bytes */
    RANGE_BOUND = 32, /**< bytes of a number in a range */
};

static const char a_record[] = "write: record NAME { ip inet; status int 100..599 }";

/** What a range means. */
enum record_range { RANGE_NONE, RANGE_WHOLE, RANGE_REAL, RANGE_LENGTH };

static const struct record_type {
    const char *name;
    tube_type type;
    const char *sql;
    enum record_range range;
} types[] = {
    { "text", TUBE_TEXT, NULL, RANGE_LENGTH },
    { "bytes", TUBE_BYTES, NULL, RANGE_LENGTH },
    { "bool", TUBE_BOOL, NULL, RANGE_NONE },
    { "int", TUBE_INT, NULL, RANGE_WHOLE },
    { "float", TUBE_FLOAT, NULL, RANGE_REAL },
    { "time", TUBE_TIME, NULL, RANGE_NONE },
    { "json", TUBE_JSON, NULL, RANGE_LENGTH },
    { "inet", TUBE_TEXT, "inet", RANGE_NONE },
    { "cidr", TUBE_TEXT, "cidr", RANGE_NONE },
    { "uuid", TUBE_TEXT, "uuid", RANGE_NONE },
    { "date", TUBE_TEXT, "date", RANGE_NONE },
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

/** A record while it is read. */
struct record_run {
    tubei_parse *t;
    tubei_lexer *lx;
    tube_record_field *field;
    uint32_t n;
    uint32_t line; /**< that the last field ended in */
    tubei_index names;
};

/* Bytes of the word at `p`. */
static size_t
record_word(const char *p)
{
    size_t n = 0;

    while (p[n] != '\0' && !tubei_lex_blank(p[n]) && strchr(";{}#", p[n]) == NULL)
        n++;
    return n;
}

static int
record_shown(size_t n)
{
    return n > TUBEI_SHOWN ? TUBEI_SHOWN : (int)n;
}

/* A number as in JSON, `n` bytes; in no locale. */
static bool
record_number(const char *p, size_t n, double *to)
{
    static const char digits[] = "0123456789";
    char copy[RANGE_BOUND];
    char *at = copy;
    locale_t plain;

    if (n >= sizeof(copy))
        return false;
    memcpy(copy, p, n);
    copy[n] = '\0';
    at += *at == '-';
    if (strspn(at, digits) == 0)
        return false;
    at += strspn(at, digits);
    if (*at == '.' && strspn(at + 1, digits) > 0)
        at += 1 + strspn(at + 1, digits);
    if ((*at == 'e' || *at == 'E')
        && strspn(at + 1 + strspn(at + 1, "+-"), digits) > 0) {
        at += 1 + (at[1] == '+' || at[1] == '-');
        at += strspn(at, digits);
    }
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (*at != '\0' || plain == (locale_t)0)
        return false;
    *to = strtod_l(copy, NULL, plain);
    freelocale(plain);
    return isfinite(*to);
}

/* One end of a range; true if it is open (n 0) or a number that goes with the type. */
static bool
record_bound(struct record_run *r, enum record_range kind, tubei_spot at, size_t n,
             double *to)
{
    static const double exact = 9007199254740992.0; /* 2^53 */
    const char *why = NULL;

    if (n == 0)
        return true;
    if (!record_number(at.p, n, to))
        why = "is no number";
    else if (kind != RANGE_REAL && (*to > exact || *to < -exact))
        why = "is too large to be exact";
    else if (kind != RANGE_REAL && *to != (double)(int64_t)*to)
        why = "is no whole number";
    else if (kind == RANGE_LENGTH && *to < 0)
        why = "is no length";
    if (why == NULL)
        return true;
    tubei_lex_complain(r->lx, at, (uint32_t)n,
                       kind == RANGE_LENGTH
                           ? "of a text, a range is the number of its bytes: 1..64"
                           : "a range is lo..hi, and each of them may be left out",
                       "'%.*s' %s", record_shown(n), at.p, why);
    return false;
}

static bool
record_range(struct record_run *r, const struct record_type *type, tube_record_field *f)
{
    tubei_spot at = tubei_lex_here(r->lx);
    tubei_spot high = at;
    size_t n = record_word(at.p);
    const char *dots = strstr(at.p, "..");

    if (dots == NULL || dots >= at.p + n || n == strlen("..")) {
        tubei_lex_complain(r->lx, at, (uint32_t)n,
                           "a range is lo..hi, and each of them may be left out: 0..",
                           "'%.*s' is no range", record_shown(n), at.p);
        return false;
    }
    if (type->range == RANGE_NONE) {
        tubei_lex_complain(r->lx, at, (uint32_t)n,
                           "int and float, text, bytes and json do",
                           "type %s takes no range", type->name);
        return false;
    }
    high.p = dots + strlen("..");
    high.column += (uint32_t)(high.p - at.p);
    f->ranged = true;
    if (!record_bound(r, type->range, at, (size_t)(dots - at.p), &f->lo)
        || !record_bound(r, type->range, high, (size_t)(at.p + n - high.p), &f->hi))
        return false;
    if (f->lo > f->hi) {
        tubei_lex_complain(r->lx, at, (uint32_t)n, NULL, "the range '%.*s' is empty",
                           record_shown(n), at.p);
        return false;
    }
    r->lx->p += n;
    return true;
}

static const struct record_type *
record_type(struct record_run *r, const char *field)
{
    tubei_lexer *lx = r->lx;
    tubei_spot at = tubei_lex_here(lx);
    size_t n = record_word(at.p);
    const char *names[TYPES];
    const char *near;
    char word[TUBEI_SHOWN];
    char hint[TUBEI_SHOWN * 3];

    if (n > 0 && at.p[n - 1] == '?')
        n--;
    for (size_t i = 0; i < TYPES; i++) {
        names[i] = types[i].name;
        if (n != strlen(names[i]) || strncmp(at.p, names[i], n) != 0)
            continue;
        lx->p += n;
        return &types[i];
    }
    snprintf(word, sizeof(word), "%.*s", record_shown(n), at.p);
    near = tube_nearest(word, names, TYPES);
    snprintf(hint, sizeof(hint),
             "%s%s%sthere are: text, bytes, bool, int, float, time, "
             "json, inet, cidr, uuid, date",
             near != NULL ? "did you mean '" : "", near != NULL ? near : "",
             near != NULL ? "'?   " : "");
    if (n == 0)
        tubei_lex_complain(lx, at, 1, hint, "field '%.*s' has no type", TUBEI_SHOWN,
                           field);
    else
        tubei_lex_complain(lx, at, (uint32_t)n, hint, "unknown type '%s'", word);
    return NULL;
}

static bool
record_name(struct record_run *r, tubei_word *w)
{
    tubei_lexer *lx = r->lx;
    tubei_spot at = tubei_lex_here(lx);
    size_t n = tubei_lex_name(lx->p);

    if (*lx->p == '"' || *lx->p == '`') {
        if (!tubei_lex_value(lx, TUBEI_IN_STAGE, w))
            return false;
        n = strlen(w->text);
    } else {
        *w =
            tubei_parse_word(at, tubei_lex_copy(lx, lx->p, n), n > 0 ? (uint32_t)n : 1);
        lx->p += n;
    }
    if (n == 0)
        tubei_lex_complain(lx, at, w->width, a_record,
                           "the name of a field should stand here");
    else if (n > FIELD_NAME)
        tubei_lex_complain(lx, at, w->width, NULL,
                           "the name of a field has at most %d bytes", FIELD_NAME);
    else if (tubei_index_get(&r->names, w->text, NULL))
        tubei_lex_complain(lx, at, w->width, NULL, "two fields have the name '%s'",
                           w->text);
    else if (r->n == FIELDS)
        tubei_lex_complain(lx, at, w->width, NULL, "a record has at most %d fields",
                           FIELDS);
    else
        return w->text != NULL;
    return false;
}

/* NAME TYPE ["?"] [lo..hi] */
static bool
record_field(struct record_run *r)
{
    tube_record_field f = { .lo = -(double)INFINITY, .hi = (double)INFINITY };
    const struct record_type *type;
    tubei_lexer *lx = r->lx;
    void *array = r->field;
    tubei_word w;

    if (!record_name(r, &w))
        return false;
    tubei_lex_skip(lx);
    type = record_type(r, w.text);
    if (type == NULL)
        return false;
    f.column = (tube_column){ .name = w.text, .type = type->type, .sql = type->sql };
    r->line = lx->line;
    tubei_lex_skip(lx);
    if (*lx->p == '?') {
        f.optional = true;
        r->line = lx->line;
        tubei_lex_step(lx);
        tubei_lex_skip(lx);
    }
    if (*lx->p != '\0' && strchr("0123456789.+-", *lx->p) != NULL) {
        r->line = lx->line;
        if (!record_range(r, type, &f))
            return false;
    }
    if (!tubei_lex_grow(lx, &array, r->n, sizeof(f)))
        return false;
    r->field = array;
    r->field[r->n++] = f;
    if (tubei_index_put(&r->names, &r->t->memory, w.text, r->n))
        return true;
    tubei_lex_no_memory(lx);
    return false;
}

/* Behind a field: ';', the end of a line, or the end of the record. */
static bool
record_separator(struct record_run *r)
{
    tubei_lexer *lx = r->lx;

    tubei_lex_skip(lx);
    if (*lx->p == ';') {
        tubei_lex_step(lx);
        return true;
    }
    if (*lx->p == '}' || lx->line != r->line)
        return true;
    tubei_lex_complain(lx, tubei_lex_here(lx), 1,
                       *lx->p == '?' ? "'?' stands behind the type: int? 0..9"
                                     : a_record,
                       "a ';' is missing before '%c'", *lx->p);
    return false;
}

/* True if the brace at `p` is closed before another one opens. */
static bool
record_closed(const char *p)
{
    for (p++; *p != '\0' && *p != '{' && *p != '}'; p++)
        if (*p == '#')
            p += strcspn(p, "\n") - 1;
    return *p == '}';
}

static bool
record_fields(struct record_run *r)
{
    tubei_lexer *lx = r->lx;
    bool good = true;

    tubei_lex_step(lx);
    for (tubei_lex_skip(lx); *lx->p != '}' && *lx->p != '\0'; tubei_lex_skip(lx)) {
        bool field = record_field(r) && record_separator(r);

        good = good && field;
        while (!field && *lx->p != '\0' && strchr(";}\n", *lx->p) == NULL)
            tubei_lex_step(lx);
        if (!field && *lx->p == ';')
            tubei_lex_step(lx);
        if (lx->stop)
            return false;
    }
    if (*lx->p == '}')
        tubei_lex_step(lx);
    return good;
}

/* A record that is wrong is kept too, so that its name is known. */
static void
record_keep(struct record_run *r, const tubei_word *name)
{
    tubei_text *out = &r->t->pub;
    tube_record *array = out->record;
    void *grown = array;

    if (!tubei_lex_grow(r->lx, &grown, out->n_records, sizeof(*array)))
        return;
    array = grown;
    array[out->n_records] = (tube_record){ name->text, r->field, r->n };
    out->record = array;
    if (tubei_index_put(&r->t->records, &r->t->memory, name->text, out->n_records))
        out->n_records++;
    else
        tubei_lex_no_memory(r->lx);
}

static bool
record_free_name(struct record_run *r, const tubei_word *w)
{
    tubei_spot at = { .line = w->line, .column = w->column };

    if (strcmp(w->text, "lines") == 0)
        tubei_lex_complain(r->lx, at, w->width, "choose another name",
                           "records of lines are called 'lines' already");
    else if (tubei_index_get(&r->t->records, w->text, NULL))
        tubei_lex_complain(r->lx, at, w->width, NULL, "record '%.*s' is declared twice",
                           TUBEI_SHOWN, w->text);
    else
        return true;
    return false;
}

void
tubei_parse_record(tubei_parse *t)
{
    struct record_run r = { .t = t, .lx = &t->lx };
    tubei_lexer *lx = &t->lx;
    tubei_word name;
    bool is_free;

    if (!tubei_parse_new_name(t, a_record, &name)) {
        lx->stop = true;
        return;
    }
    is_free = record_free_name(&r, &name);
    tubei_lex_skip(lx);
    if (*lx->p != '{' || !record_closed(lx->p)) {
        tubei_lex_complain(lx, tubei_lex_here(lx), 1, a_record,
                           *lx->p == '{' ? "the '{' here has no '}'"
                                         : "a '{' should stand here");
        lx->stop = true;
        return;
    }
    if (record_fields(&r) && r.n == 0)
        tubei_lex_complain(lx, (tubei_spot){ .line = name.line, .column = name.column },
                           name.width, a_record, "record '%.*s' has no fields",
                           TUBEI_SHOWN, name.text);
    if (is_free)
        record_keep(&r, &name);
}
