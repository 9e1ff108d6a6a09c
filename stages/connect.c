/* SPDX-License-Identifier: MIT */
/* connect.c -- records from a server that is connected to.
 *
 * in      nothing
 * out     records of one field, `line`
 *
 * The server's end of writing is the end of the records; its reading side is closed when
 * the last of them has been handed on.
 */
#include "intake.h"
#include "socket.h"

#include <errno.h>
#include <string.h>

enum { READS = 64 }; /* a call, so that a flood of no records is no trap */

struct connect {
    tubei_intake intake; /* first: its options take it for the state */
    const char *address; /* option */
    int64_t timeout;     /* option */
    int64_t reconnect;   /* option */

    tubei_address to;
    tubei_dialer dialer;
    tubei_decoder decoder;
    uint64_t again;     /* connect again then; 0: now */
    bool over;          /* nothing is read any more; what is in the decoder goes out */
    bool whole;         /* because the server said that this is the end */
    bool told;          /* that it cannot be reached, since it last could */
    tube_error failure; /* that ended the connection */
};

#define AT(member) offsetof(struct connect, member)
static const tube_option options[] = {
    { "address", TUBE_OPT_TEXT, AT(address), NULL, NULL, TUBEI_ADDRESS_HELP,
      TUBE_OPT_POSITIONAL },
    TUBEI_INTAKE_OPTIONS,
    { "timeout", TUBE_OPT_TIME, AT(timeout), "10s", "1ms..1h",
      "an attempt to connect takes at most", 0 },
    { "reconnect", TUBE_OPT_TIME, AT(reconnect), "0s", "0s..24h",
      "connect again after so long, whyever the connection ended; 0s: end with it", 0 },
    { 0 },
};

static const char *const examples[] = {
    "connect tcp:127.0.0.1:6514 frame=netstring | parse json types=[n:int] | "
    "print",
    "connect unix:/run/app.sock reconnect=1s | sqlite events.db table=events",
    NULL,
};

static tube_status
connect_open(tube_stage *s, tube_error *err)
{
    struct connect *c = tube_state(s);
    tube_status st = tubei_address_read(&c->to, c->address, false, err);

    if (st != TUBE_OK)
        return err != NULL ? tube_blame(s, "address", err) : st;
    tubei_dialer_init(&c->dialer, &c->to, (uint64_t)c->timeout);
    tubei_decoder_init(&c->decoder, (tubei_framing)c->intake.frame,
                       (size_t)c->intake.max, c->intake.garbage);
    return tubei_intake_open(s, &c->intake, err);
}

static void
connect_close(tube_stage *s)
{
    struct connect *c = tube_state(s);

    tubei_dialer_close(s, &c->dialer);
    tubei_decoder_fini(&c->decoder);
    tubei_intake_close(s, &c->intake);
}

/* The connection is over, or none was made: again, or is this the end? */
static tube_status
connect_next(tube_stage *s, struct connect *c, tube_error *err)
{
    tubei_dialer_close(s, &c->dialer);
    c->over = false;
    if (c->reconnect == 0) {
        if (c->failure.status == TUBE_OK)
            return TUBE_END;
        if (err != NULL)
            *err = c->failure;
        return c->failure.status;
    }
    if (c->failure.status != TUBE_OK && !c->told) {
        tube_warn(s, "%s: connecting again", c->failure.message);
        c->told = true;
    }
    c->failure.status = TUBE_OK;
    c->again = tube_now() + (uint64_t)c->reconnect;
    return TUBE_OK;
}

/* Have a connection; TUBE_AGAIN: wait. */
static tube_status
connect_ready(tube_stage *s, struct connect *c, tube_error *err)
{
    tube_status st;

    if (c->dialer.connected)
        return TUBE_OK;
    if (c->again > tube_now()) {
        tube_wait_until(s, c->again);
        return TUBE_AGAIN;
    }
    c->again = 0;
    st = tubei_dialer_step(s, &c->dialer, &c->failure);
    if (st == TUBE_OK)
        c->failure.status = TUBE_OK;
    if (st >= TUBE_OK)
        return st;
    st = connect_next(s, c, err);
    if (st != TUBE_OK)
        return st;
    tube_wait_until(s, c->again);
    return TUBE_AGAIN;
}

/* Take what there is; false: nothing, and it is not the end. */
static bool
connect_read(struct connect *c)
{
    ssize_t n = tubei_intake_receive(&c->intake, c->dialer.fd);

    if (n < 0 && errno == EAGAIN)
        return false;
    c->told = c->told && n <= 0;
    if (n > 0)
        return true;
    if (n < 0)
        (void)tube_fail_errno(&c->failure, "the connection to '%s' broke", c->to.text);
    c->over = true;
    c->whole = n == 0;
    return true;
}

/* Garbage, and the user does not want to go on behind it. */
static void
connect_dead(struct connect *c)
{
    (void)tube_fail(&c->failure, TUBE_EPARSE, "'%s' sent what is no record",
                    c->to.text);
    tube_hint(&c->failure, "garbage=resync rejects it and goes on at the next record");
    c->over = true;
    c->whole = false;
}

/* Gather rows until the batch is full or it took long (1), nothing more is there (0) or the connection is
 * over and all of it is in the batch (2); -1: out of memory. */
static int
connect_gather(tube_stage *s, struct connect *c)
{
    for (int reads = 0; reads < READS; reads++) {
        int more = c->over ? tubei_intake_end(s, &c->intake, &c->decoder, c->whole)
                           : tubei_intake_decode(s, &c->intake, &c->decoder);

        if (more != 0)
            return more;
        if (c->over)
            return 2;
        if (c->decoder.dead)
            connect_dead(c);
        else if (!connect_read(c))
            return 0;
    }
    return 1;
}

static tube_status
connect_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct connect *c = tube_state(s);
    tube_status st = connect_ready(s, c, err);
    bool made;
    int found;

    (void)none;
    if (st != TUBE_OK)
        return st;
    if (!tubei_intake_room(s, &c->intake))
        return TUBE_AGAIN;
    found = connect_gather(s, c);
    if (found < 0)
        return tubei_intake_nomem(&c->intake, err);
    made = c->intake.out->n > 0;
    st = tubei_intake_emit(s, &c->intake);
    if (st != TUBE_OK || found == 1 || (made && found == 0))
        return st;
    if (found == 2)
        return connect_next(s, c, err);
    tube_wait_fd(s, c->dialer.fd, TUBE_READABLE);
    return TUBE_AGAIN;
}

/* Drained: what is complete goes out; what is not is rejected, for nobody has the rest. */
static tube_status
connect_finish(tube_stage *s, tube_error *err)
{
    struct connect *c = tube_state(s);

    for (;;) {
        int more;

        if (!tubei_intake_room(s, &c->intake))
            return TUBE_AGAIN;
        more = tubei_intake_decode(s, &c->intake, &c->decoder);
        if (more == 0)
            more = tubei_intake_end(s, &c->intake, &c->decoder, false);
        if (more < 0)
            return tubei_intake_nomem(&c->intake, err);
        if (tubei_intake_emit(s, &c->intake) == TUBE_AGAIN && more > 0)
            return TUBE_AGAIN;
        if (more == 0)
            break;
    }
    tubei_dialer_close(s, &c->dialer);
    return TUBE_OK;
}

const tube_stage_def tube_stage_connect = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "connect",
    .summary = "records from a server that is connected to",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_NONE,
    .out = TUBE_FLOW_LINES,
    .state_size = sizeof(struct connect),
    .flags = TUBE_FRAMES,
    .open = connect_open,
    .process = connect_process,
    .finish = connect_finish,
    .close = connect_close,
};
