/* SPDX-License-Identifier: MIT */
/* amp.c -- calls of AMP, the Asynchronous Messaging Protocol, become records.
 *
 * out     the arguments of one command, a record a call
 * source  the protocol of Twisted's twisted.protocols.amp, without StartTLS and
 *         ProtocolSwitch
 *
 * A call that asks (`_ask`) is answered when its record is committed, or with an error
 * when it is not.  Callers may send ahead; answers come in the order in which the
 * records' fates are known.
 */
#include "amp_answer.h"
#include "amp_fields.h"
#include "amp_server.h"

#include <tubes/stage.h>

#include <string.h>

struct amp {
    const char *address; /* option */
    const char *command; /* option */
    tube_list given;     /* option */
    const char *of;      /* option */
    int64_t connections; /* option */
    int64_t window;      /* option */
    int64_t box;         /* option, bytes */

    amp_fields fields;
    amp_server server;
    amp_asked *asked;
    bool listens;
};

#define AT(member) offsetof(struct amp, member)
static const tube_option options[] = {
    { "address", TUBE_OPT_TEXT, AT(address), NULL, "HOST:PORT|:PORT|/PATH",
      "where to listen", TUBE_OPT_POSITIONAL },
    { "command", TUBE_OPT_TEXT, AT(command), NULL, "name", "the command that is taken",
      TUBE_OPT_POSITIONAL },
    { "fields", TUBE_OPT_LIST, AT(given), "", "name:type",
      "its arguments: text, bytes, int, float, bool, time, decimal, json, list/TYPE; "
      "'?' behind it: optional",
      0 },
    { "of", TUBE_OPT_TEXT, AT(of), "", "record", "the same as a declared record", 0 },
    { "connections", TUBE_OPT_INT, AT(connections), "1000", "1..100000 callers",
      "at most so many; others wait", 0 },
    { "window", TUBE_OPT_INT, AT(window), "1000", "1..1000000 calls",
      "of one caller that wait for answers; then it is not read from", 0 },
    { "box", TUBE_OPT_SIZE, AT(box), "1M", "64k..64M", "bytes of one call at most", 0 },
    { 0 },
};

static const char *const examples[] = {
    "amp :4000 Sum fields=[a:int, b:int] | print",
    "record hit { client text; status int; note text ? }\n"
    "amp /run/hits.sock Hit of=hit | sqlite hits.db table=hits",
    NULL,
};

static void
amp_close(tube_stage *s)
{
    struct amp *a = tube_state(s);

    if (a->asked != NULL)
        tubei_amp_asked_close(a->asked);
    if (a->listens)
        tubei_amp_server_close(&a->server);
    tubei_amp_fields_fini(&a->fields);
}

static tube_status
amp_listen(tube_stage *s, const amp_address *at, tube_error *err)
{
    struct amp *a = tube_state(s);
    tube_status st;

    a->server.stage = s;
    a->server.most = (uint32_t)a->connections;
    a->server.window = (uint32_t)a->window;
    a->server.box = (size_t)a->box;
    st = tubei_amp_server_open(&a->server, a->address, at, err);
    if (st != TUBE_OK)
        return tube_blame(s, "address", err);
    a->listens = true;
    return tubei_amp_asked_open(&a->asked, &a->server, err);
}

static tube_status
amp_open(tube_stage *s, tube_error *err)
{
    struct amp *a = tube_state(s);
    amp_address at;
    tube_status st = tubei_amp_fields_given(s, &a->given, a->of, &a->fields, err);

    if (st == TUBE_OK)
        st = tubei_amp_fields_declare(s, &a->fields, err);
    if (st == TUBE_OK && tubei_amp_resolve(a->address, true, &at, err) != TUBE_OK)
        st = tube_blame(s, "address", err);
    if (st == TUBE_OK && !tube_dry_run(s))
        st = amp_listen(s, &at, err);
    if (st != TUBE_OK)
        amp_close(s);
    return st;
}

/* One thing that a caller may do again and again. */
static void
warn_once(tube_stage *s, amp_conn *c, const char *what, tube_slice name)
{
    if (!c->warned)
        tube_warn(s, "%s '%.*s'; a caller's further ones are not told", what,
                  (int)(name.len < 64 ? name.len : 64), name.ptr);
    c->warned = true;
}

static tube_status
take_call(tube_stage *s, amp_conn *c, const amp_box *box, tube_batch *b)
{
    struct amp *a = tube_state(s);
    tube_slice tag = tubei_amp_value(box, "_ask");
    tube_cell *row = tube_batch_add(b);
    uint32_t r = b->n - 1;
    char why[AMP_REASON];
    tube_status st;

    if (row == NULL)
        return TUBE_ENOMEM;
    st = tubei_amp_fields_read(&a->fields, box, b, row, why);
    if (st != TUBE_OK && st != TUBE_EPARSE)
        return st;
    if (tag.ptr != NULL && tubei_amp_ask(a->asked, c, tag, b, r) != TUBE_OK)
        return TUBE_ENOMEM;
    if (st == TUBE_EPARSE)
        tube_reject(s, b, r, UINT32_MAX, "%s", why);
    return TUBE_OK;
}

/* What is in the box? */
static tube_status
take_box(tube_stage *s, amp_conn *c, const amp_box *box, tube_batch *b)
{
    const struct amp *a = tube_state(s);
    tube_slice answer = tubei_amp_value(box, "_answer");
    tube_slice command = tubei_amp_value(box, "_command");
    tube_slice tag = tubei_amp_value(box, "_ask");

    if (answer.ptr == NULL)
        answer = tubei_amp_value(box, "_error");
    if (answer.ptr != NULL) {
        warn_once(s, c, "nothing was asked, and there is an answer to", answer);
    } else if (command.ptr == NULL) {
        tubei_amp_server_drop(c, "a box that is neither a call nor an answer");
    } else if (tag.len > AMP_TAG_MOST) {
        tubei_amp_server_drop(c, "a call with a tag of over 255 bytes");
    } else if (command.len == strlen(a->command)
               && memcmp(command.ptr, a->command, command.len) == 0) {
        return take_call(s, c, box, b);
    } else if (tag.ptr != NULL) {
        tubei_amp_unhandled(c, tag, command);
    } else {
        warn_once(s, c, "nobody takes the command", command);
    }
    return TUBE_OK;
}

static tube_status
amp_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct amp *a = tube_state(s);
    tube_status st = TUBE_OK;
    tube_batch *b;
    amp_conn *c;
    amp_box box;

    (void)none;
    tubei_amp_server_poll(&a->server);
    b = a->server.ready != NULL ? tube_take(s) : NULL;
    while (b != NULL && st == TUBE_OK && b->n < b->cap
           && (c = tubei_amp_server_box(&a->server, &box)) != NULL)
        st = take_box(s, c, &box, b);
    tubei_amp_server_settle(&a->server);
    if (b == NULL)
        return TUBE_AGAIN;
    if (st == TUBE_OK && b->n > 0)
        return tube_emit(s, &b);
    tube_untake(s, &b);
    if (st != TUBE_OK)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    return a->server.ready != NULL ? TUBE_OK : TUBE_AGAIN;
}

static tube_status
amp_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct amp *a = tube_state(s);

    (void)err;
    if ((why & (TUBE_WOKE_FD | TUBE_WOKE_DEADLINE)) == 0)
        return TUBE_OK;
    tubei_amp_server_poll(&a->server);
    tubei_amp_server_settle(&a->server);
    return TUBE_OK;
}

static tube_status
amp_finish(tube_stage *s, tube_error *err)
{
    struct amp *a = tube_state(s);

    (void)err;
    tubei_amp_server_poll(&a->server);
    return tubei_amp_server_finish(&a->server) ? TUBE_OK : TUBE_AGAIN;
}

const tube_stage_def tube_stage_amp = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "amp",
    .summary = "calls of AMP, answered when their records are committed",
    .examples = examples,
    .options = options,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct amp),
    .open = amp_open,
    .process = amp_process,
    .wake = amp_wake,
    .finish = amp_finish,
    .close = amp_close,
};
