/* SPDX-License-Identifier: MIT */
/* pg_mend.c -- see pg_mend.h. */
#include "pg_mend.h"

#include <string.h>

#define MS             UINT64_C(1000000)
#define PAUSE_FIRST    (100 * MS)
#define PAUSE_SOON     (1000 * MS)  /* longest, where the server will be back at once */
#define PAUSE_LATER    (30000 * MS) /* longest, where it may take a while */
#define CONNECT_WITHIN (10000 * MS)
#define TELL_EVERY     (10000 * MS) /* a server that comes and goes is told of once */

/* xorshift64*: jitter and names of streams need no more. */
uint64_t
tubei_pg_mend_random(pg_flow *f)
{
    f->random ^= f->random >> 12;
    f->random ^= f->random << 25;
    f->random ^= f->random >> 27;
    return f->random * UINT64_C(2685821657736338717);
}

void
tubei_pg_mend_drop(pg_flow *f)
{
    if (f->fd >= 0)
        tube_forget_fd(f->stage, f->fd);
    f->fd = -1;
    if (f->conn != NULL)
        tubei_pg_conn_drop(f->conn);
}

void
tubei_pg_mend_give_up(pg_flow *f)
{
    tubei_pg_queue_uncut(&f->queue);
    tubei_pg_queue_break(&f->queue, f->stage, 0);
    tubei_pg_mend_drop(f);
    f->state = PG_FAILED;
}

/* Twice as long each time, and never the same for two that began together. */
static void
pause_begin(pg_flow *f, pg_cure cure, bool reconnect)
{
    uint64_t most = cure == PG_CURE_SOON ? PAUSE_SOON : PAUSE_LATER;
    uint64_t ns = PAUSE_FIRST << (f->tries < 10 ? f->tries : 10);

    ns = ns < most ? ns : most;
    ns = ns / 2 + tubei_pg_mend_random(f) % (ns / 2);
    f->tries++;
    f->pause = tube_now() + ns;
    f->reconnect = reconnect;
    f->state = PG_PAUSING;
}

void
tubei_pg_mend_lost(pg_flow *f, const pg_answer *why)
{
    pg_answer own;

    if (why == NULL) {
        tubei_pg_conn_error(f->conn, &own);
        why = &own;
    }
    if (f->give_up != 0) {
        tubei_pg_mend_give_up(f);
        return;
    }
    if (!f->told && tube_now() >= f->tell_after) {
        tube_warn(f->stage, "connection lost, connecting again: %s",
                  why->message[0] != '\0' ? why->message : "no reason was given");
        f->told = true;
        f->tell_after = tube_now() + TELL_EVERY;
    }
    tubei_pg_mend_drop(f);
    pause_begin(f, tubei_pg_cure(why->sqlstate, false), true);
}

bool
tubei_pg_mend_paused(pg_flow *f)
{
    if (tube_now() < f->pause)
        return false;
    if (!f->reconnect) {
        f->state = PG_READY;
        return true;
    }
    f->state = PG_CONNECTING;
    f->connect_by = tube_now() + CONNECT_WITHIN;
    f->making = tubei_pg_conn_start(f->conn);
    return true;
}

/* libpq gives no SQLSTATE for a refused connection, only words. */
static bool
refused_for_good(const char *message)
{
    static const char *const words[] = {
        "authentication failed",          "does not exist",
        "no pg_hba.conf entry",           "not permitted to log in",
        "permission denied for database", NULL
    };

    /* A socket that is not there yet is a server that starts. */
    if (strstr(message, "No such file") != NULL)
        return false;
    for (size_t i = 0; words[i] != NULL; i++)
        if (strstr(message, words[i]) != NULL)
            return true;
    return false;
}

static void
connected(pg_flow *f)
{
    pg_queue *q = &f->queue;

    f->error = (pg_answer){ 0 };
    if (q->n_moves == 0) {
        tubei_pg_queue_uncut(q);
        f->state = PG_READY;
        return;
    }
    tubei_pg_sql_clear(&f->sql);
    tubei_pg_sql_add(&f->sql, "BEGIN ISOLATION LEVEL READ COMMITTED;"
                              " SET LOCAL statement_timeout = 60000;"
                              " SET LOCAL search_path = pg_catalog; ");
    tubei_pg_progress_ask(&f->table, q->move, q->n_moves, &f->sql);
    tubei_pg_sql_add(&f->sql, "COMMIT");
    f->verdict = PG_VERDICT_MOVED;
    f->state = PG_ASKING;
    if (f->sql.failed || !tubei_pg_send(f->conn, f->sql.text))
        tubei_pg_mend_lost(f, NULL);
}

bool
tubei_pg_mend_connecting(pg_flow *f, tube_status *st, tube_error *err)
{
    pg_answer why;

    if (f->making == PG_MAKING_READ || f->making == PG_MAKING_WRITE) {
        /* Between two steps the library may have gone on to another address. */
        if (f->fd >= 0)
            tube_forget_fd(f->stage, f->fd);
        f->fd = -1;
        f->making = tubei_pg_conn_poll(f->conn);
        if (tube_now() >= f->connect_by && f->making != PG_MADE)
            f->making = PG_MAKING_FAILED;
    }
    if (f->making == PG_MADE) {
        connected(f);
        return true;
    }
    if (f->making != PG_MAKING_FAILED)
        return false;
    tubei_pg_conn_error(f->conn, &why);
    if (refused_for_good(why.message))
        *st = tube_fail(err, TUBE_EREACH, "%s", why.message);
    else
        tubei_pg_mend_lost(f, &why);
    return true;
}

static void
recovered(pg_flow *f)
{
    if (f->told)
        tube_warn(f->stage, "connected again, nothing was lost");
    f->told = false;
    f->tries = 0;
}

void
tubei_pg_mend_committed(pg_flow *f)
{
    uint64_t now;
    bool named = f->try_end != 0;

    tubei_pg_queue_committed(&f->queue, f->stage);
    recovered(f);
    now = tubei_pg_queue_begin(&f->queue);
    if (now >= f->try_end)
        f->try_end = 0;
    if (now >= f->suspect_end)
        f->suspect_end = 0;
    /* The rows before a bad one were known to be good: that proves nothing. */
    if (!named && f->try_rows < f->limits.rows)
        f->try_rows *= 2;
    if (f->try_rows >= f->limits.rows)
        f->try_rows = UINT64_MAX;
    if (f->give_up != 0)
        tubei_pg_queue_break(&f->queue, f->stage, 0);
    f->owed = f->queue.done > 0 || f->suspect_end != 0 || f->try_end != 0;
    f->state = PG_READY;
}

static tube_status
fenced(const pg_flow *f, tube_error *err)
{
    const pg_queue *q = &f->queue;
    const char *name = "-";

    for (uint32_t i = 0; i < q->sources && q->n_moves == 1; i++)
        if (&q->source[i] == q->move[0].source)
            name = tube_origin_name(f->stage, i);
    if (q->n_moves == 1)
        (void)tube_fail(err, TUBE_EFENCED, "another instance moved the position of %s",
                        name);
    else
        (void)tube_fail(err, TUBE_EFENCED, "another instance moved a position: %s",
                        f->error.message);
    tube_hint(err, "let one of them run; what it stores is not stored twice");
    return TUBE_EFENCED;
}

static tube_status
refused(const pg_flow *f, tube_error *err)
{
    (void)tube_fail(err, TUBE_EDB, "%s", f->error.message);
    if (err != NULL)
        memcpy(err->sqlstate, f->error.sqlstate, sizeof(err->sqlstate));
    return TUBE_EDB;
}

tube_status
tubei_pg_mend_asked(pg_flow *f, tube_error *err)
{
    if (f->error.kind == PG_ERROR) {
        pg_cure cure = tubei_pg_cure(f->error.sqlstate, false);

        if (cure != PG_CURE_SOON && cure != PG_CURE_LATER)
            return refused(f, err);
        tubei_pg_mend_lost(f, &f->error);
        return TUBE_OK;
    }
    switch (f->verdict) {
    case PG_VERDICT_COMMITTED: tubei_pg_mend_committed(f); return TUBE_OK;
    case PG_VERDICT_OPEN:
        recovered(f);
        tubei_pg_queue_uncut(&f->queue);
        f->state = PG_READY;
        return TUBE_OK;
    case PG_VERDICT_MOVED:
    default: return fenced(f, err);
    }
}

/* The server named the row: it goes to the rejects, and the next transaction ends right
 * behind it, because the rows before it are good. */
static void
reject_named(pg_flow *f)
{
    uint64_t number;
    uint32_t row;
    tube_batch *b = tubei_pg_queue_nth(&f->queue, f->error.line, &row, &number);

    tube_reject_sql(f->stage, b, row, f->error.sqlstate, f->error.message);
    f->try_end = f->error.line > 1 ? number + 1 : 0;
    f->try_rows = f->queue.tx_rows > 1 ? f->queue.tx_rows / 2 : 1;
    if (f->suspect_end != 0 && number < f->suspect_end)
        f->suspect_end = 0;
}

/* Nobody named the row: the half of them is tried, until one is left. */
static tube_status
reject_searched(pg_flow *f, tube_error *err)
{
    uint64_t end = tubei_pg_queue_end(&f->queue);
    uint64_t number;
    uint32_t row;
    tube_batch *b;

    if (f->queue.tx_rows > 1) {
        bool smaller = f->suspect_end == 0 || end < f->suspect_end;

        /* Rows without positions of their own cannot be tried apart. */
        f->suspect_end = end;
        return smaller ? TUBE_OK : refused(f, err);
    }
    b = tubei_pg_queue_nth(&f->queue, 1, &row, &number);
    tube_reject_sql(f->stage, b, row, f->error.sqlstate, f->error.message);
    f->suspect_end = 0;
    return TUBE_OK;
}

tube_status
tubei_pg_mend_error(pg_flow *f, tube_error *err)
{
    const pg_answer *e = &f->error;
    pg_cure cure = tubei_pg_cure(e->sqlstate, e->line > 0);
    bool reconnect =
        strcmp(e->sqlstate, "25006") == 0 || strncmp(e->sqlstate, "08", 2) == 0;
    tube_status st = TUBE_OK;

    if (f->give_up != 0) {
        tubei_pg_mend_give_up(f);
        return TUBE_OK;
    }
    switch (cure) {
    case PG_CURE_FENCED: return fenced(f, err);
    case PG_CURE_ROW:
        if (!f->ended || f->queue.tx_rows == 0 || e->line > f->queue.tx_rows)
            return refused(f, err);
        if (e->line > 0)
            reject_named(f);
        else
            st = reject_searched(f, err);
        f->state = PG_READY;
        break;
    case PG_CURE_SOON:
    case PG_CURE_LATER:
        if (strcmp(e->sqlstate, "57014") == 0)
            f->try_rows = f->queue.tx_rows > 1 ? f->queue.tx_rows / 2 : 1;
        if (reconnect)
            tubei_pg_mend_lost(f, e);
        else
            pause_begin(f, cure, false);
        break;
    case PG_CURE_NONE:
    default: return refused(f, err);
    }
    if (!reconnect || cure == PG_CURE_ROW)
        tubei_pg_queue_uncut(&f->queue);
    return st;
}
