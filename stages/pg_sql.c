/* SPDX-License-Identifier: MIT */
/* pg_sql.c -- see pg_sql.h. */
#include "pg_sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MOST = 63 }; /* what is longer, the server cuts off */

static bool
state_is(const char *sqlstate, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strncmp(sqlstate, *list, strlen(*list)) == 0)
            return true;
    return false;
}

pg_cure
tubei_pg_cure(const char *sqlstate, bool line)
{
    static const char *const fenced[] = { "TB002", NULL };
    static const char *const soon[] = { "08", "57P01", "57P02", "57P03", NULL };
    static const char *const later[] = { "25006", "40", "53",    "55P03", "57014",
                                         "57P05", "58", "25P03", NULL };
    static const char *const row[] = { "22", "23", NULL };
    /* The statement or the server is wrong, whichever row it was at. */
    static const char *const never[] = {
        "0A", "25", "26", "28", "2F", "34", "3D", "3F",
        "42", "55", "57", "F0", "HV", "TB", "XX", NULL
    };

    if (*sqlstate == '\0' || state_is(sqlstate, soon))
        return PG_CURE_SOON;
    if (state_is(sqlstate, fenced))
        return PG_CURE_FENCED;
    if (state_is(sqlstate, later))
        return PG_CURE_LATER;
    if (state_is(sqlstate, row))
        return PG_CURE_ROW;
    return line && !state_is(sqlstate, never) ? PG_CURE_ROW : PG_CURE_NONE;
}

void
tubei_pg_sql_free(pg_sql *q)
{
    free(q->text);
    *q = (pg_sql){ 0 };
}

void
tubei_pg_sql_clear(pg_sql *q)
{
    q->len = 0;
    q->failed = false;
    if (q->text != NULL)
        q->text[0] = '\0';
}

static bool
sql_room(pg_sql *q, size_t more)
{
    size_t room = q->room > 0 ? q->room : 1024;
    char *text;

    while (room - q->len <= more)
        if (__builtin_mul_overflow(room, (size_t)2, &room))
            return false;
    if (room == q->room)
        return true;
    text = realloc(q->text, room);
    if (text == NULL)
        return false;
    q->text = text;
    q->room = room;
    return true;
}

static size_t sql_format(pg_sql *q, const char *fmt, va_list ap) TUBE_PRINTF(2, 0);

/* Bytes that it takes; they are there if there was room for them. */
static size_t
sql_format(pg_sql *q, const char *fmt, va_list ap)
{
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): the caller has begun it */
    int n = vsnprintf(q->text + q->len, q->room - q->len, fmt, ap);

    q->failed |= n < 0;
    return n < 0 ? 0 : (size_t)n;
}

void
tubei_pg_sql_add(pg_sql *q, const char *fmt, ...)
{
    size_t n = 0;

    /* Once to see how long it is, if that is more than there is room for. */
    do {
        va_list ap;

        q->failed |= !sql_room(q, n);
        if (q->failed)
            return;
        va_start(ap, fmt);
        n = sql_format(q, fmt, ap);
        va_end(ap);
    } while (q->room - q->len <= n);
    q->len += n;
}

void
tubei_pg_sql_name(pg_sql *q, const char *name)
{
    char quoted[2 * NAME_MOST + 3];
    size_t n = 0;

    /* As PQescapeIdentifier() does it, without a connection: in UTF-8, the only
     * encoding that is spoken here, a byte that looks like a quote is one. */
    quoted[n++] = '"';
    for (size_t i = 0; i < NAME_MOST && name[i] != '\0'; i++) {
        if (name[i] == '"')
            quoted[n++] = '"';
        quoted[n++] = name[i];
    }
    quoted[n++] = '"';
    quoted[n] = '\0';
    tubei_pg_sql_add(q, "%s", quoted);
}

void
tubei_pg_sql_table(pg_sql *q, const char *schema, const char *name)
{
    if (*schema != '\0') {
        tubei_pg_sql_name(q, schema);
        tubei_pg_sql_add(q, ".");
    }
    tubei_pg_sql_name(q, name);
}

tube_status
tubei_pg_name_check(const char *what, const char *name, tube_error *err)
{
    if (*name == '\0')
        return tube_fail(err, TUBE_ECONFIG, "a %s without a name", what);
    if (strlen(name) > NAME_MOST)
        return tube_fail(err, TUBE_ECONFIG, "name of %s '%.70s' is over %d bytes", what,
                         name, NAME_MOST);
    return TUBE_OK;
}

/* One part of a name; *p is moved behind it. */
static bool
name_part(const char **p, char out[NAME_MOST + 1])
{
    bool quoted = **p == '"';
    size_t n = 0;

    *p += quoted;
    for (; **p != '\0'; (*p)++) {
        char c = **p;

        if (quoted && c == '"' && (*p)[1] != '"')
            break;
        if (!quoted && (c == '.' || c == '"' || c == ' '))
            break;
        if (n == NAME_MOST)
            return false;
        *p += quoted && c == '"';
        out[n++] = (char)(!quoted && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out[n] = '\0';
    if (quoted && *(*p)++ != '"')
        return false;
    return n > 0;
}

tube_status
tubei_pg_name_read(const char *text, pg_name *name, tube_error *err)
{
    const char *p = text;
    bool good = name_part(&p, name->table);

    name->schema[0] = '\0';
    if (good && *p == '.') {
        p++;
        memcpy(name->schema, name->table, sizeof(name->schema));
        good = name_part(&p, name->table);
    }
    if (good && *p == '\0')
        return TUBE_OK;
    (void)tube_fail(err, TUBE_ECONFIG, "'%.100s' is not the name of a table", text);
    tube_hint(err,
              "name, schema.name, or \"Name\" in double quotes; at most %d bytes each",
              NAME_MOST);
    return TUBE_ECONFIG;
}
