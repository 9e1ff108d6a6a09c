/* SPDX-License-Identifier: MIT */
/* listen.c -- records from whoever connects.
 *
 * in      nothing
 * out     records of one field, `line`
 *
 * Every connection has a decoder of its own, so that garbage in one says nothing about the
 * others.  The peer's end of writing is the end of that connection's records; its
 * reading side is closed when the last of them has been handed on.
 *
 * A stage waits for one descriptor: here an epoll that holds all of them.  It is level
 * triggered, and nobody reads while the stage does not run, so what a pause keeps waiting
 * waits in the kernel, and then at the peer.
 */
#include "intake.h"
#include "socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    ROUNDS = 16,  /* of EVENTS a call, so that a flood of no records is no trap */
    ACCEPTS = 64, /* at a time */
    REST_NS = 100 * 1000 * 1000,
};

/* Of one connection. */
struct peer {
    int fd;
    bool over;  /* nothing is read any more; what is in the decoder goes out */
    bool whole; /* because the peer said that this is the end */
    uint64_t active;
    struct peer *prev, *next;
    tubei_decoder decoder;
};

/* Peers, the one that was silent for longest first. */
struct peers {
    struct peer *first, *last;
};

struct listen {
    tubei_intake intake; /* first: its options take it for the state */
    const char *address; /* option */
    int64_t connections; /* option */
    int64_t idle;        /* option */

    tubei_address at;
    tubei_listener listener;
    int epoll;
    bool accepting;
    bool told;     /* that there are no descriptors left */
    uint64_t rest; /* no descriptors: accept again then */
    int64_t n;
    struct peers open;
    struct peers done; /* their records are in the batch: close behind it */
    struct peer *turn; /* whose bytes, or whose end, are being looked at */
    struct epoll_event event[EVENTS];
    int events, at_event;
};

#define AT(member) offsetof(struct listen, member)
static const tube_option options[] = {
    { "address", TUBE_OPT_TEXT, AT(address), NULL, NULL,
      TUBEI_ADDRESS_HELP "; tcp:*:PORT is any, and port 0 takes a free one",
      TUBE_OPT_POSITIONAL },
    TUBEI_INTAKE_OPTIONS,
    { "connections", TUBE_OPT_INT, AT(connections), "256", "1..65536 connections",
      "at a time; whoever comes then waits to be accepted", 0 },
    { "idle", TUBE_OPT_TIME, AT(idle), "0s", "0s..365h",
      "end a connection that was silent for so long; 0s is never", 0 },
    { 0 },
};

static const char *const examples[] = {
    "listen tcp:127.0.0.1:6514 frame=octets | print",
    "listen unix:/run/app.sock idle=1m | parse json types=[user:text, n:int] | "
    "sqlite events.db table=events",
    NULL,
};

static void
peers_remove(struct peers *list, struct peer *p)
{
    *(p->prev != NULL ? &p->prev->next : &list->first) = p->next;
    *(p->next != NULL ? &p->next->prev : &list->last) = p->prev;
}

static void
peers_append(struct peers *list, struct peer *p)
{
    p->prev = list->last;
    p->next = NULL;
    *(list->last != NULL ? &list->last->next : &list->first) = p;
    list->last = p;
}

/* Open, close. */

static bool
watch(struct listen *l, int fd, void *who)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = who };

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

static void
unwatch(struct listen *l, int fd)
{
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void
accepting(struct listen *l, bool on)
{
    if (on == l->accepting || l->listener.fd < 0)
        return;
    if (!on)
        unwatch(l, l->listener.fd);
    l->accepting = on && watch(l, l->listener.fd, NULL);
}

static void
peers_close(struct listen *l, struct peers *list)
{
    while (list->first != NULL) {
        struct peer *p = list->first;

        list->first = p->next;
        (void)close(p->fd);
        tubei_decoder_fini(&p->decoder);
        free(p);
        l->n--;
    }
    list->last = NULL;
}

static void
listen_close(tube_stage *s)
{
    struct listen *l = tube_state(s);

    if (l->epoll >= 0) {
        tube_forget_fd(s, l->epoll);
        (void)close(l->epoll);
    }
    l->epoll = -1;
    tubei_listener_close(&l->listener);
    peers_close(l, &l->open);
    peers_close(l, &l->done);
    tubei_intake_close(s, &l->intake);
}

static tube_status
listen_open(tube_stage *s, tube_error *err)
{
    struct listen *l = tube_state(s);
    char name[200];
    tube_status st;

    l->epoll = l->listener.fd = -1;
    st = tubei_address_read(&l->at, l->address, true, err);
    if (st == TUBE_OK && !tube_dry_run(s))
        st = tubei_listener_open(&l->listener, &l->at, err);
    if (st != TUBE_OK)
        return err != NULL ? tube_blame(s, "address", err) : st;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    st = l->epoll < 0 ? tube_fail_errno(err, "no descriptor to wait with")
                      : tubei_intake_open(s, &l->intake, err);
    if (st != TUBE_OK) {
        listen_close(s);
        return st;
    }
    if (l->at.path == NULL && l->listener.fd >= 0
        && strcmp(strrchr(l->address, ':'), ":0") == 0) {
        tubei_listener_name(&l->listener, name, sizeof(name));
        tube_warn(s, "listening at %s", name);
    }
    return TUBE_OK;
}

/* Connections. */

/* Nothing is read from `p` any more. */
static void
peer_over(struct listen *l, struct peer *p, bool whole)
{
    unwatch(l, p->fd); /* to close it is not enough: a fork may have it too */
    p->over = true;
    p->whole = whole;
    l->turn = p;
}

/* Take what there is, at most a buffer of it; false: nothing, and it is not the end. */
static bool
peer_read(struct listen *l, struct peer *p)
{
    ssize_t n = tubei_intake_receive(&l->intake, p->fd);

    if (n < 0 && (errno == EAGAIN))
        return false;
    if (n <= 0) {
        peer_over(l, p, n == 0);
        return true;
    }
    l->turn = p;
    if (l->idle > 0) {
        p->active = tube_now();
        peers_remove(&l->open, p);
        peers_append(&l->open, p);
    }
    return true;
}

static bool
peer_add(struct listen *l, int fd)
{
    struct peer *p = calloc(1, sizeof(*p));

    if (p == NULL || !watch(l, fd, p)) {
        free(p);
        return false;
    }
    p->fd = fd;
    p->active = tube_now();
    tubei_decoder_init(&p->decoder, (tubei_framing)l->intake.frame,
                       (size_t)l->intake.max, l->intake.garbage);
    peers_append(&l->open, p);
    l->n++;
    return true;
}

/* No descriptors, no memory: not now. */
static void
accept_later(tube_stage *s, struct listen *l, const char *what)
{
    if (!l->told)
        tube_warn(s, "%s: connections wait", what);
    l->told = true;
    l->rest = tube_now() + REST_NS;
    accepting(l, false);
}

static void
accept_some(tube_stage *s, struct listen *l)
{
    for (int i = 0; i < ACCEPTS && l->n < l->connections; i++) {
        int fd = accept4(l->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0 && peer_add(l, fd))
            continue;
        if (fd >= 0)
            (void)close(fd);
        if (fd >= 0 || errno == ENOMEM || errno == ENOBUFS)
            accept_later(s, l, "out of memory");
        else if (errno == EMFILE || errno == ENFILE)
            accept_later(s, l, "no descriptors left");
        else if (errno != EAGAIN)
            continue; /* that one went away before it was accepted */
        break;
    }
}

/* What is in the buffer or the decoder of the peer whose turn it is becomes rows. */
static int
listen_turn(tube_stage *s, struct listen *l)
{
    struct peer *p = l->turn;
    int more;

    if (!p->over) {
        more = tubei_intake_decode(s, &l->intake, &p->decoder);
        if (more != 0)
            return more;
        l->turn = NULL;
        if (p->decoder.dead)
            peer_over(l, p, false);
        return 0;
    }
    more = tubei_intake_end(s, &l->intake, &p->decoder, p->whole);
    if (more != 0)
        return more;
    l->turn = NULL;
    peers_remove(&l->open, p);
    peers_append(&l->done, p);
    return 0;
}

/* Is somebody silent for too long, though he could have been heard? */
static bool
listen_expire(struct listen *l)
{
    struct peer *p = l->open.first;

    if (l->idle == 0 || p == NULL || tube_now() < p->active + (uint64_t)l->idle)
        return false;
    if (!peer_read(l, p))
        peer_over(l, p, false);
    return true;
}

/* Find out who has something; false: nobody. */
static bool
listen_poll(struct listen *l)
{
    if (l->rest != 0 && tube_now() >= l->rest)
        l->rest = 0;
    accepting(l, l->rest == 0 && l->n < l->connections);
    l->at_event = 0;
    l->events = epoll_wait(l->epoll, l->event, EVENTS, 0);
    return l->events > 0;
}

/* Gather rows until the batch is full or nobody has anything; <0: out of memory. */
static int
listen_gather(tube_stage *s, struct listen *l)
{
    int rounds = 0;

    while (!tubei_intake_full(&l->intake)) {
        struct peer *p;

        if (l->turn != NULL) {
            if (listen_turn(s, l) < 0)
                return -1;
            continue;
        }
        if (l->at_event >= l->events) {
            if (listen_expire(l))
                continue;
            if (rounds++ == ROUNDS || !listen_poll(l))
                break;
        }
        p = l->event[l->at_event++].data.ptr;
        if (p == NULL)
            accept_some(s, l);
        else if (!p->over)
            (void)peer_read(l, p);
    }
    return rounds > ROUNDS ? 1 : 0;
}

/* Send what there is; whose records are with the next stage now is closed. */
static tube_status
listen_emit(tube_stage *s, struct listen *l)
{
    tube_status st = tubei_intake_emit(s, &l->intake);

    peers_close(l, &l->done);
    return st;
}

static tube_status
listen_wait(tube_stage *s, struct listen *l)
{
    uint64_t until = l->rest;

    if (l->idle > 0 && l->open.first != NULL) {
        uint64_t due = l->open.first->active + (uint64_t)l->idle;

        until = until == 0 || due < until ? due : until;
    }
    accepting(l, l->rest == 0 && l->n < l->connections);
    tube_wait_until(s, until);
    tube_wait_fd(s, l->epoll, TUBE_READABLE);
    return TUBE_AGAIN;
}

static tube_status
listen_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct listen *l = tube_state(s);
    bool made, more;
    int st;

    (void)none;
    if (!tubei_intake_room(s, &l->intake))
        return TUBE_AGAIN;
    st = listen_gather(s, l);
    if (st < 0)
        return tubei_intake_nomem(&l->intake, err);
    made = l->intake.out->n > 0;
    more = st > 0 || tubei_intake_full(&l->intake);
    if (made || more)
        return listen_emit(s, l);
    (void)listen_emit(s, l);
    return listen_wait(s, l);
}

/* Drained: what is complete goes out; what is not is rejected, for nobody has the rest. */
static tube_status
listen_finish(tube_stage *s, tube_error *err)
{
    struct listen *l = tube_state(s);

    accepting(l, false);
    tubei_listener_close(&l->listener);
    while (l->turn != NULL || l->open.first != NULL) {
        tube_status st;

        if (l->turn == NULL)
            peer_over(l, l->open.first, false);
        if (!tubei_intake_room(s, &l->intake))
            return TUBE_AGAIN;
        if (listen_turn(s, l) < 0)
            return tubei_intake_nomem(&l->intake, err);
        if (!tubei_intake_full(&l->intake))
            continue;
        st = listen_emit(s, l);
        if (st == TUBE_AGAIN)
            return st;
    }
    (void)listen_emit(s, l);
    return TUBE_OK;
}

const tube_stage_def tube_stage_listen = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "listen",
    .summary = "records from whoever connects to a socket",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_NONE,
    .out = TUBE_FLOW_LINES,
    .state_size = sizeof(struct listen),
    .flags = TUBE_FRAMES,
    .open = listen_open,
    .process = listen_process,
    .finish = listen_finish,
    .close = listen_close,
};
