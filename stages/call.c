/* SPDX-License-Identifier: MIT */
/* call.c -- for each record a call of AMP, the Asynchronous Messaging Protocol.
 *
 * in      any records: their fields are the arguments
 * source  the protocol of Twisted's twisted.protocols.amp
 *
 * A record is committed when its call is answered, rejected when the answer is an error.
 * When the connection is lost, what was not answered is called for again: the other side
 * may see a call twice.
 */
#include "amp_client.h"
#include "amp_fields.h"

#include <tubes/stage.h>

struct call {
    const char *address; /* option */
    const char *command; /* option */
    tube_list given;     /* option */
    const char *of;      /* option */
    int64_t window;      /* option */
    bool ask;            /* option */
    int64_t timeout;     /* option, ns */
    int64_t tries;       /* option */

    amp_fields fields;
    amp_client client;
    bool opened;
};

#define AT(member) offsetof(struct call, member)
static const tube_option options[] = {
    { "address", TUBE_OPT_TEXT, AT(address), NULL, "HOST:PORT|/PATH", "the responder",
      TUBE_OPT_POSITIONAL },
    { "command", TUBE_OPT_TEXT, AT(command), NULL, "name", "what is called",
      TUBE_OPT_POSITIONAL },
    { "fields", TUBE_OPT_LIST, AT(given), "", "name:type",
      "its arguments, see amp; without them all fields of the records", 0 },
    { "of", TUBE_OPT_TEXT, AT(of), "", "record", "the same as a declared record", 0 },
    { "window", TUBE_OPT_INT, AT(window), "100", "1..65536 calls",
      "that may wait for an answer", 0 },
    { "ask", TUBE_OPT_BOOL, AT(ask), "yes", "",
      "no: no answer is wanted; what was sent counts as committed", 0 },
    { "timeout", TUBE_OPT_TIME, AT(timeout), "60s", "",
      "without any answer so long, the connection is lost; 0: wait for ever", 0 },
    { "tries", TUBE_OPT_INT, AT(tries), "10", "0..1000000 connections",
      "that one call may cost before it is rejected; 0: any number", 0 },
    { 0 },
};

static const char *const examples[] = {
    "gen combined 1000 | parse combined | call localhost:4000 Hit",
    "file access.log | parse combined | keep client status | "
    "call /run/hits.sock Hit window=1000",
    NULL,
};

static void
call_close(tube_stage *s)
{
    struct call *k = tube_state(s);

    if (k->opened)
        tubei_amp_client_close(&k->client);
    tubei_amp_fields_fini(&k->fields);
}

static tube_status
call_fields(tube_stage *s, tube_error *err)
{
    struct call *k = tube_state(s);
    tube_status st = tubei_amp_fields_given(s, &k->given, k->of, &k->fields, err);

    return st == TUBE_OK ? tubei_amp_fields_match(s, &k->fields, err) : st;
}

static tube_status
call_open(tube_stage *s, tube_error *err)
{
    struct call *k = tube_state(s);
    tube_status st = call_fields(s, err);

    k->client = (amp_client){ .stage = s,
                              .address = k->address,
                              .command = tubei_amp_str(k->command),
                              .fields = &k->fields,
                              .asks = k->ask,
                              .window = (uint32_t)k->window,
                              .timeout = (uint64_t)k->timeout,
                              .tries = (uint32_t)k->tries,
                              .fd = -1 };
    if (st == TUBE_OK
        && tubei_amp_resolve(k->address, false, &k->client.where, err) != TUBE_OK)
        st = tube_blame(s, "address", err);
    if (st == TUBE_OK) {
        k->opened = true;
        st = tubei_amp_client_open(&k->client, err);
    }
    if (st != TUBE_OK)
        call_close(s);
    return st;
}

static tube_status
call_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct call *k = tube_state(s);
    bool done = false;
    tube_status st = tubei_amp_client_pump(&k->client, err);

    if (st != TUBE_OK)
        return st;
    if (b->n_live == 0)
        return TUBE_OK;
    if (!tubei_amp_client_has_room(&k->client))
        return TUBE_AGAIN;
    st = tubei_amp_client_take(&k->client, b, &done, err);
    if (st != TUBE_OK)
        return st;
    return done ? TUBE_OK : TUBE_QUEUED;
}

static tube_status
call_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct call *k = tube_state(s);

    if ((why & TUBE_WOKE_ABORT) != 0) {
        tubei_amp_client_abort(&k->client);
        return TUBE_OK;
    }
    if ((why & (TUBE_WOKE_FD | TUBE_WOKE_DEADLINE)) == 0)
        return TUBE_OK;
    return tubei_amp_client_pump(&k->client, err);
}

static tube_status
call_finish(tube_stage *s, tube_error *err)
{
    struct call *k = tube_state(s);
    tube_status st = tubei_amp_client_pump(&k->client, err);

    if (st != TUBE_OK)
        return st;
    return tubei_amp_client_idle(&k->client) ? TUBE_OK : TUBE_AGAIN;
}

const tube_stage_def tube_stage_call = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "call",
    .summary = "for each record a call of AMP; committed when it is answered",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct call),
    .flags = TUBE_HOLDS,
    .open = call_open,
    .process = call_process,
    .wake = call_wake,
    .finish = call_finish,
    .close = call_close,
};
