/* SPDX-License-Identifier: MIT */
/* amp_answer.c -- see amp_answer.h. */
#include "amp_answer.h"

#include <tubes/push.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 200 };

void
tubei_amp_refuse(amp_conn *c, tube_slice tag, const char *code, const char *description)
{
    amp_pair pair[] = {
        { tubei_amp_str("_error"), tag },
        { tubei_amp_str("_error_code"), tubei_amp_str(code) },
        { tubei_amp_str("_error_description"), tubei_amp_str(description) },
    };

    tubei_amp_server_send(c, pair, 3);
}

static void
refuse_with(amp_conn *c, tube_slice tag, const char *code, const tube_error *why)
{
    amp_pair pair[] = {
        { tubei_amp_str("_error"), tag },
        { tubei_amp_str("_error_code"), tubei_amp_str(code) },
        { tubei_amp_str("_error_description"), tubei_amp_str(why->message) },
        { tubei_amp_str("sqlstate"), tubei_amp_str(why->sqlstate) },
    };

    tubei_amp_server_send(c, pair, why->sqlstate[0] != '\0' ? 4 : 3);
}

void
tubei_amp_answer(amp_conn *c, tube_slice tag, tube_outcome outcome,
                 const tube_error *why)
{
    const char *good = outcome == TUBE_COMMITTED ? "committed" : "filtered";
    amp_pair pair[] = {
        { tubei_amp_str("_answer"), tag },
        { tubei_amp_str("outcome"), tubei_amp_str(good) },
    };

    switch (outcome) {
    case TUBE_COMMITTED:
    case TUBE_FILTERED: tubei_amp_server_send(c, pair, 2); break;
    case TUBE_DROPPED: refuse_with(c, tag, "DROPPED", why); break;
    case TUBE_REJECTED: refuse_with(c, tag, "REJECTED", why); break;
    case TUBE_BROKEN: refuse_with(c, tag, "BROKEN", why); break;
    case TUBE_UNKNOWN:
    default: refuse_with(c, tag, "UNKNOWN", why); break;
    }
}

/* One byte as Python's repr() writes it between quotes. */
static size_t
repr_byte(char to[8], unsigned char byte, char quote)
{
    static const char plain[] = "\t\n\r";
    const char *at = byte != 0 ? strchr(plain, byte) : NULL;

    if (at != NULL)
        return (size_t)snprintf(to, 8, "\\%c", "tnr"[at - plain]);
    if (byte < ' ' || byte > '~')
        return (size_t)snprintf(to, 8, "\\x%02x", byte);
    return (size_t)snprintf(to, 8, "%s%c", byte == quote || byte == '\\' ? "\\" : "",
                            byte);
}

void
tubei_amp_unhandled(amp_conn *c, tube_slice tag, tube_slice command)
{
    char text[64 + 4 * SHOWN];
    size_t shown = command.len < SHOWN ? command.len : SHOWN;
    bool single = memchr(command.ptr, '\'', shown) != NULL;
    bool both = single && memchr(command.ptr, '"', shown) != NULL;
    char quote = single && !both ? '"' : '\'';
    size_t n = (size_t)snprintf(text, sizeof(text), "Unhandled Command: b%c", quote);

    for (size_t i = 0; i < shown; i++)
        n += repr_byte(text + n, (unsigned char)command.ptr[i], quote);
    (void)snprintf(text + n, sizeof(text) - n, "%c", quote);
    tubei_amp_refuse(c, tag, "UNHANDLED", text);
}

/* Waiting. */

/* One call that waits. */
struct one {
    tube_future future;
    amp_conn *conn;
    size_t len;
    char tag[];
};

struct amp_asked {
    amp_server *server;
    tube_loop *loop;
    tube_then then;
};

/* In tube_loop_dispatch(), so on the stage's thread. */
static void
told(tube_future *f)
{
    struct one *o = TUBE_HOST_OF(f, struct one, future);
    const amp_asked *a = TUBE_HOST_OF((uintptr_t)f->then, amp_asked, then);
    tube_error why = { 0 };
    tube_outcome outcome = tube_ask_reason(a->server->stage, f, &why);

    tubei_amp_answer(o->conn, (tube_slice){ o->tag, o->len }, outcome, &why);
    tubei_amp_server_answered(o->conn);
    free(o);
}

static void
dispatch(void *arg)
{
    amp_asked *a = arg;

    (void)tube_loop_dispatch(a->loop, 0);
}

tube_status
tubei_amp_asked_open(amp_asked **to, amp_server *v, tube_error *err)
{
    amp_asked *a = calloc(1, sizeof(*a));

    *to = a;
    if (a == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    a->server = v;
    a->loop = tube_loop_new(err);
    if (a->loop == NULL)
        return TUBE_EIO;
    a->then = (tube_then){ .fn = told, .loop = a->loop };
    if (!tubei_amp_server_watch(v, tube_loop_fd(a->loop), dispatch, a))
        return tube_fail_errno(err, "cannot wait for outcomes");
    return TUBE_OK;
}

tube_status
tubei_amp_ask(amp_asked *a, amp_conn *c, tube_slice tag, tube_batch *b, uint32_t row)
{
    struct one *o = malloc(sizeof(*o) + tag.len);

    if (o == NULL)
        return TUBE_ENOMEM;
    o->conn = c;
    o->len = tag.len;
    memcpy(o->tag, tag.ptr, tag.len);
    tube_future_init(&o->future, &a->then);
    tubei_amp_server_asked(c);
    tube_ask(a->server->stage, b, row, &o->future);
    return TUBE_OK;
}

void
tubei_amp_asked_close(amp_asked *a)
{
    if (a->loop != NULL)
        dispatch(a);
    /* A stage that failed while others run is closed before its records are settled: their
     * futures are the engine's, and who asked is told nothing by a connection that ends. */
    if (a->server->calls > 0)
        return;
    tube_loop_free(a->loop);
    free(a);
}
