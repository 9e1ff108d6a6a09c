/* SPDX-License-Identifier: MIT */
/* pg_conn.c -- see pg_conn.h; the only file that includes libpq's header. */
#include "pg_conn.h"

#include <tubes/stage.h>

#include <libpq-fe.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS = 12 };

struct pg_conn {
    char *dsn;
    bool service; /* a service file may set what we would set */
    PGconn *pq;
    PGresult *rows;
};

static void
notice_ignore(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* Name of a misspelt connection option, if that is all the message quotes. */
static bool
dsn_unknown_option(const char *message, char *name, size_t room)
{
    static const char head[] = "invalid connection option \"";
    const char *at = strstr(message, head);
    const char *end;

    if (at == NULL)
        return false;
    at += sizeof(head) - 1;
    end = strchr(at, '"');
    if (end == NULL || (size_t)(end - at) >= room)
        return false;
    memcpy(name, at, (size_t)(end - at));
    name[end - at] = '\0';
    return true;
}

/* The parser's message quotes the piece it stumbled over, which may be a part of a
 * password: only its words before the quotes are shown, and an option's name if it is
 * nearly a known one. */
static tube_status
dsn_fail(const char *message, tube_error *err)
{
    char name[64];
    char words[160];
    size_t len = message != NULL ? strcspn(message, "\"\n") : 0;

    if (message != NULL && dsn_unknown_option(message, name, sizeof(name))) {
        PQconninfoOption *known = PQconndefaults();
        const char *keyword[128];
        size_t n = 0;

        for (; known != NULL && n < 128 && known[n].keyword != NULL; n++)
            keyword[n] = known[n].keyword;
        const char *near = tube_nearest(name, keyword, n);
        if (near != NULL) {
            (void)tube_fail(err, TUBE_ECONFIG,
                            "the connection string has no option '%s'", name);
            tube_hint(err, "did you mean '%s'?", near);
            PQconninfoFree(known);
            return TUBE_ECONFIG;
        }
        PQconninfoFree(known);
    }
    (void)snprintf(words, sizeof(words), "%.*s", (int)(len < 120 ? len : 120),
                   message != NULL ? message : "out of memory");
    (void)tube_fail(err, TUBE_ECONFIG, "malformed connection string: %s", words);
    tube_hint(err, "host=... dbname=... user=..., or postgresql://user@host/dbname");
    return TUBE_ECONFIG;
}

static bool
dsn_is_conninfo(const char *dsn)
{
    return strchr(dsn, '=') != NULL || strncmp(dsn, "postgres://", 11) == 0
           || strncmp(dsn, "postgresql://", 13) == 0;
}

tube_status
tubei_pg_conn_new(const char *dsn, pg_conn **conn, tube_error *err)
{
    bool service = secure_getenv("PGSERVICE") != NULL;
    pg_conn *c;

    if (dsn_is_conninfo(dsn)) {
        char *message = NULL;
        PQconninfoOption *o = PQconninfoParse(dsn, &message);

        if (o == NULL) {
            (void)dsn_fail(message, err);
            PQfreemem(message);
            return TUBE_ECONFIG;
        }
        for (PQconninfoOption *i = o; i->keyword != NULL; i++)
            service |= strcmp(i->keyword, "service") == 0 && i->val != NULL;
        PQconninfoFree(o);
    }
    c = calloc(1, sizeof(*c));
    if (c != NULL)
        c->dsn = strdup(dsn);
    if (c == NULL || c->dsn == NULL) {
        free(c);
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    c->service = service;
    *conn = c;
    return TUBE_OK;
}

static void
rows_drop(pg_conn *c)
{
    PQclear(c->rows);
    c->rows = NULL;
}

void
tubei_pg_conn_drop(pg_conn *c)
{
    rows_drop(c);
    PQfinish(c->pq);
    c->pq = NULL;
}

void
tubei_pg_conn_free(pg_conn *c)
{
    if (c == NULL)
        return;
    tubei_pg_conn_drop(c);
    free(c->dsn);
    free(c);
}

/* A later parameter wins over an earlier one, and the connection string stands at
 * `dbname`: what comes before it is a default, what comes behind it is a must.  What a
 * service file says is weaker than any parameter, so with one there are no defaults. */
static void
parameters_fill(const pg_conn *c, const char *key[PARAMETERS],
                const char *value[PARAMETERS])
{
    static const char *const usual[][2] = {
        { "connect_timeout", "10" }, { "keepalives", "1" },
        { "keepalives_idle", "10" }, { "keepalives_interval", "5" },
        { "keepalives_count", "3" }, { "tcp_user_timeout", "20000" },
    };
    size_t n = 0;

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) && !c->service; i++) {
        if (i == 0 && secure_getenv("PGCONNECT_TIMEOUT") != NULL)
            continue;
        key[n] = usual[i][0];
        value[n++] = usual[i][1];
    }
    key[n] = "fallback_application_name";
    value[n++] = "tubes";
    if (*c->dsn != '\0') {
        key[n] = "dbname";
        value[n++] = c->dsn;
    }
    key[n] = "client_encoding";
    value[n++] = "UTF8";
    key[n] = NULL;
    value[n] = NULL;
}

/* One line out of what libpq says, without the password if it should be in it. */
static void
message_copy(const pg_conn *c, const char *from, char *to, size_t room)
{
    const char *secret = c->pq != NULL ? PQpass(c->pq) : NULL;
    size_t hide = secret != NULL ? strlen(secret) : 0;
    size_t n = 0;

    while (*from != '\0' && n + 1 < room) {
        if (hide > 3 && strncmp(from, secret, hide) == 0 && n + 4 < room) {
            memcpy(to + n, "***", 3);
            n += 3;
            from += hide;
            continue;
        }
        char ch = *from++;
        if (ch == '\n' || ch == '\t' || ch == '\r')
            ch = ' ';
        if (ch != ' ' || (n > 0 && to[n - 1] != ' '))
            to[n++] = ch;
    }
    while (n > 0 && to[n - 1] == ' ')
        n--;
    to[n] = '\0';
}

void
tubei_pg_conn_error(const pg_conn *c, pg_answer *a)
{
    memset(a, 0, sizeof(*a));
    a->kind = PG_LOST;
    message_copy(c, c->pq != NULL ? PQerrorMessage(c->pq) : "out of memory", a->message,
                 sizeof(a->message));
}

static tube_status
conn_unreachable(const pg_conn *c, tube_error *err)
{
    pg_answer a;

    tubei_pg_conn_error(c, &a);
    return tube_fail(err, TUBE_EREACH, "%s", a.message);
}

static bool
conn_made(pg_conn *c)
{
    PQsetNoticeProcessor(c->pq, notice_ignore, NULL);
    return PQsetnonblocking(c->pq, 1) == 0;
}

tube_status
tubei_pg_conn_open(pg_conn *c, tube_error *err)
{
    const char *key[PARAMETERS];
    const char *value[PARAMETERS];
    tube_status st;

    tubei_pg_conn_drop(c);
    parameters_fill(c, key, value);
    c->pq = PQconnectdbParams(key, value, 1);
    if (c->pq != NULL && PQstatus(c->pq) == CONNECTION_OK && conn_made(c))
        return TUBE_OK;
    st = conn_unreachable(c, err);
    tubei_pg_conn_drop(c);
    return st;
}

pg_making
tubei_pg_conn_start(pg_conn *c)
{
    const char *key[PARAMETERS];
    const char *value[PARAMETERS];

    tubei_pg_conn_drop(c);
    parameters_fill(c, key, value);
    c->pq = PQconnectStartParams(key, value, 1);
    if (c->pq == NULL || PQstatus(c->pq) == CONNECTION_BAD)
        return PG_MAKING_FAILED;
    return PG_MAKING_WRITE;
}

pg_making
tubei_pg_conn_poll(pg_conn *c)
{
    switch (PQconnectPoll(c->pq)) {
    case PGRES_POLLING_READING: return PG_MAKING_READ;
    case PGRES_POLLING_WRITING: return PG_MAKING_WRITE;
    case PGRES_POLLING_OK: return conn_made(c) ? PG_MADE : PG_MAKING_FAILED;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
    default: return PG_MAKING_FAILED;
    }
}

int
tubei_pg_conn_fd(const pg_conn *c)
{
    return c->pq != NULL ? PQsocket(c->pq) : -1;
}

int
tubei_pg_conn_version(const pg_conn *c)
{
    return PQserverVersion(c->pq);
}

bool
tubei_pg_conn_in_transaction(const pg_conn *c)
{
    PGTransactionStatusType t = PQtransactionStatus(c->pq);

    return t == PQTRANS_INTRANS || t == PQTRANS_INERROR;
}

/* "COPY logs, line 17, column status": the number behind the table's name, whatever
 * the language of the words between.  The outermost context is the last line. */
static uint64_t
context_line(const char *context, const char *relation)
{
    const char *last = context != NULL ? strrchr(context, '\n') : NULL;
    const char *at;
    uint64_t line = 0;

    if (context == NULL || relation == NULL)
        return 0;
    last = last != NULL ? last + 1 : context;
    if (strstr(last, "COPY") == NULL || (at = strstr(last, relation)) == NULL)
        return 0;
    at += strlen(relation);
    at += strcspn(at, "0123456789");
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(line, UINT64_C(10), &line)
            || __builtin_add_overflow(line, (uint64_t)(*at - '0'), &line))
            return 0;
    return line;
}

static const char *
field_or(const PGresult *r, int code, const char *otherwise)
{
    const char *text = PQresultErrorField(r, code);

    return text != NULL ? text : otherwise;
}

static void
answer_error(const pg_conn *c, const PGresult *r, const char *relation, pg_answer *a)
{
    const char *primary = field_or(r, PG_DIAG_MESSAGE_PRIMARY, PQresultErrorMessage(r));
    const char *detail = field_or(r, PG_DIAG_MESSAGE_DETAIL, NULL);
    const char *severity = field_or(r, PG_DIAG_SEVERITY_NONLOCALIZED, "");
    char text[640];

    (void)snprintf(text, sizeof(text), "%s%s%s", primary, detail != NULL ? ": " : "",
                   detail != NULL ? detail : "");
    message_copy(c, text, a->message, sizeof(a->message));
    (void)snprintf(a->sqlstate, sizeof(a->sqlstate), "%s",
                   field_or(r, PG_DIAG_SQLSTATE, ""));
    a->line = context_line(field_or(r, PG_DIAG_CONTEXT, NULL), relation);
    /* After FATAL the server closes; an error without a code is the library's own. */
    a->kind = strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0
                      || PQstatus(c->pq) == CONNECTION_BAD || a->sqlstate[0] == '\0'
                  ? PG_LOST
                  : PG_ERROR;
}

static void
answer_read(pg_conn *c, PGresult *r, const char *relation, pg_answer *a)
{
    switch (PQresultStatus(r)) {
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        a->kind = PG_COMMAND;
        (void)snprintf(a->tag, sizeof(a->tag), "%s", PQcmdStatus(r));
        break;
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        a->kind = PG_ROWS;
        rows_drop(c);
        c->rows = r;
        return;
    case PGRES_COPY_IN: a->kind = PG_COPY_IN; break;
    default: answer_error(c, r, relation, a);
    }
    PQclear(r);
}

static tube_status
answer_fail(const pg_answer *a, tube_error *err)
{
    tube_status st = a->kind == PG_LOST ? TUBE_EREACH : TUBE_EDB;

    (void)tube_fail(err, st, "%s", a->message);
    if (err != NULL)
        memcpy(err->sqlstate, a->sqlstate, sizeof(a->sqlstate));
    return st;
}

tube_status
tubei_pg_run(pg_conn *c, const char *sql, const char *const *value, int n,
             tube_error *err)
{
    PGresult *r;
    pg_answer a = { 0 };

    if (c->pq == NULL)
        return tube_fail(err, TUBE_EREACH, "not connected");
    rows_drop(c);
    r = PQexecParams(c->pq, sql, n, NULL, value, NULL, NULL, 0);
    if (r == NULL)
        return conn_unreachable(c, err);
    answer_read(c, r, NULL, &a);
    return a.kind == PG_COMMAND || a.kind == PG_ROWS ? TUBE_OK : answer_fail(&a, err);
}

tube_status
tubei_pg_rows_begin(pg_conn *c, const char *sql, tube_error *err)
{
    rows_drop(c);
    /* The protocol with parameters, though there are none: it takes one statement. */
    if (c->pq == NULL
        || PQsendQueryParams(c->pq, sql, 0, NULL, NULL, NULL, NULL, 0) != 1
        || PQsetSingleRowMode(c->pq) != 1)
        return conn_unreachable(c, err);
    return TUBE_OK;
}

tube_status
tubei_pg_rows_next(pg_conn *c, bool *more, tube_error *err)
{
    PGresult *r = PQgetResult(c->pq);
    pg_answer a = { 0 };

    *more = r != NULL;
    if (r == NULL)
        return TUBE_OK;
    answer_read(c, r, NULL, &a);
    if (a.kind == PG_ROWS)
        return TUBE_OK;
    if (a.kind == PG_COMMAND)
        return tube_fail(err, TUBE_EDB, "the statement returns no rows");
    return answer_fail(&a, err);
}

int
tubei_pg_columns(const pg_conn *c)
{
    return c->rows != NULL ? PQnfields(c->rows) : 0;
}

const char *
tubei_pg_column_name(const pg_conn *c, int column)
{
    return PQfname(c->rows, column);
}

int
tubei_pg_rows(const pg_conn *c)
{
    return c->rows != NULL ? PQntuples(c->rows) : 0;
}

const char *
tubei_pg_value(const pg_conn *c, int row, int column)
{
    return PQgetisnull(c->rows, row, column) ? NULL : PQgetvalue(c->rows, row, column);
}

int64_t
tubei_pg_integer(const pg_conn *c, int row, int column)
{
    const char *text = tubei_pg_value(c, row, column);

    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

bool
tubei_pg_send(pg_conn *c, const char *sql)
{
    return c->pq != NULL && PQsendQuery(c->pq, sql) == 1;
}

void
tubei_pg_answer(pg_conn *c, const char *relation, pg_answer *a)
{
    PGresult *r;

    memset(a, 0, sizeof(*a));
    if (PQconsumeInput(c->pq) == 0 && PQstatus(c->pq) == CONNECTION_BAD) {
        /* What came before the end, such as the reason for it, is still to be read. */
        a->kind = PG_LOST;
    } else if (PQisBusy(c->pq)) {
        a->kind = PG_NOTHING;
        return;
    }
    r = PQgetResult(c->pq);
    if (r != NULL) {
        answer_read(c, r, relation, a);
        return;
    }
    if (a->kind == PG_LOST || PQstatus(c->pq) == CONNECTION_BAD)
        tubei_pg_conn_error(c, a);
    else
        a->kind = PG_DONE;
}

int
tubei_pg_flush(pg_conn *c)
{
    int left = PQflush(c->pq);

    if (left == 1 && PQconsumeInput(c->pq) == 0)
        return -1;
    return PQstatus(c->pq) == CONNECTION_OK ? left : -1;
}

bool
tubei_pg_copy(pg_conn *c, const char *data, size_t len)
{
    return PQputCopyData(c->pq, data, (int)len) == 1;
}

bool
tubei_pg_copy_end(pg_conn *c)
{
    return PQputCopyEnd(c->pq, NULL) == 1;
}
