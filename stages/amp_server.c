/* SPDX-License-Identifier: MIT */
/* amp_server.c -- see amp_server.h. */
#include "amp_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS = 64,
    READ_AT_ONCE = 64 << 10,
    IN_FIRST = 16 << 10,
    OUT_MOST = 256 << 10, /* answers that nobody reads */
    TURN = 16,            /* boxes of one connection before it is the next one's turn */
};

#define ACCEPT_AGAIN UINT64_C(100000000)  /* ns, when there is no descriptor left */
#define GIVE_UP      UINT64_C(5000000000) /* ns for the last answers */

/* Where events come from: these, or a connection. */
static char from_listener, from_outcomes;

/* Lists. */

static void
touch(amp_conn *c)
{
    if (c->touched)
        return;
    c->touched = true;
    c->next_touched = c->server->touched;
    c->server->touched = c;
}

static void
make_ready(amp_conn *c)
{
    amp_server *v = c->server;

    if (c->ready)
        return;
    c->ready = true;
    c->next_ready = NULL;
    *v->ready_end = c;
    v->ready_end = &c->next_ready;
}

static void
unready(amp_conn *c)
{
    amp_server *v = c->server;
    amp_conn **p = &v->ready;

    if (!c->ready)
        return;
    while (*p != c)
        p = &(*p)->next_ready;
    *p = c->next_ready;
    if (*p == NULL)
        v->ready_end = p;
    c->ready = false;
}

/* Open and close. */

static bool
watch(const amp_server *v, int op, int fd, unsigned events, void *who)
{
    struct epoll_event ev = { .events = events, .data.ptr = who };

    return epoll_ctl(v->epoll, op, fd, &ev) == 0;
}

tube_status
tubei_amp_server_open(amp_server *v, const char *text, const amp_address *a,
                      tube_error *err)
{
    v->ready_end = &v->ready;
    v->outcomes = -1;
    v->accepting = true;
    v->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (v->epoll < 0)
        return tube_fail_errno(err, "no epoll set");
    for (int i = 0; i < a->n; i++) {
        int fd = tubei_amp_listen(a, i);

        if (fd < 0 && errno == EADDRNOTAVAIL && (v->listeners > 0 || i + 1 < a->n))
            continue; /* a name may stand for addresses of a family that is off */
        if (fd < 0 || !watch(v, EPOLL_CTL_ADD, fd, EPOLLIN, &from_listener)) {
            (void)tube_fail_errno(err, "cannot listen at '%s'", text);
            if (fd >= 0)
                (void)close(fd);
            tubei_amp_server_close(v);
            return TUBE_EIO;
        }
        v->listener[v->listeners++] = fd;
    }
    return TUBE_OK;
}

bool
tubei_amp_server_watch(amp_server *v, int fd, void (*on_outcomes)(void *arg), void *arg)
{
    v->outcomes = fd;
    v->on_outcomes = on_outcomes;
    v->arg = arg;
    return watch(v, EPOLL_CTL_ADD, fd, EPOLLIN, &from_outcomes);
}

static void
conn_free(amp_conn *c)
{
    amp_server *v = c->server;

    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        v->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    free(c->in);
    tubei_amp_out_fini(&c->out);
    free(c);
}

static void
conn_hang_up(amp_conn *c)
{
    if (c->fd < 0)
        return;
    unready(c);
    (void)close(c->fd);
    c->fd = -1;
    c->server->n--;
    touch(c);
}

void
tubei_amp_server_drop(amp_conn *c, const char *why)
{
    if (why != NULL && c->fd >= 0)
        tube_warn(c->server->stage, "hung up on a caller: %s", why);
    conn_hang_up(c);
}

static void
accept_on(amp_server *v, bool on)
{
    if (v->accepting == on)
        return;
    v->accepting = on;
    for (int i = 0; i < v->listeners; i++)
        (void)watch(v, EPOLL_CTL_MOD, v->listener[i], on ? EPOLLIN : 0, &from_listener);
}

static void
accept_one(amp_server *v, int fd)
{
    amp_conn *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->fd = fd;
        c->server = v;
        c->events = EPOLLIN;
    }
    if (c == NULL || !watch(v, EPOLL_CTL_ADD, fd, EPOLLIN, c)) {
        (void)close(fd);
        free(c);
        return;
    }
    c->next = v->conns;
    if (v->conns != NULL)
        v->conns->prev = c;
    v->conns = c;
    v->n++;
}

static void
accept_all(amp_server *v)
{
    for (int i = 0; i < v->listeners; i++) {
        int fd = 0;

        while (v->n < v->most && (fd = tubei_amp_accept(v->listener[i])) >= 0)
            accept_one(v, fd);
        if (fd >= 0 || (errno != EMFILE && errno != ENFILE && errno != ENOMEM))
            continue;
        accept_on(v, false);
        v->accept_at = tube_now() + ACCEPT_AGAIN;
        return;
    }
}

/* Read and write. */

static bool
in_room(amp_conn *c)
{
    size_t used = c->in_len - c->in_at;
    size_t room = c->in_room > 0 ? c->in_room : IN_FIRST;
    char *more;

    if (c->in_at > 0) {
        memmove(c->in, c->in + c->in_at, used);
        c->in_at = 0;
        c->in_len = used;
    }
    if (c->in_room - used >= IN_FIRST / 2)
        return true;
    while (room - used < IN_FIRST / 2)
        room *= 2;
    more = realloc(c->in, room + TUBE_PAD);
    if (more == NULL)
        return false;
    c->in = more;
    c->in_room = room;
    return true;
}

static void
conn_read(amp_conn *c)
{
    size_t most;
    ssize_t n;

    if (c->ready || c->ended)
        return;
    if (!in_room(c)) {
        tubei_amp_server_drop(c, "out of memory");
        return;
    }
    most = c->in_room - c->in_len;
    n = recv(c->fd, c->in + c->in_len, most < READ_AT_ONCE ? most : READ_AT_ONCE, 0);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        conn_hang_up(c);
    if (n < 0)
        return;
    if (n == 0) {
        c->ended = true;
    } else {
        c->in_len += (size_t)n;
        c->more = false;
        make_ready(c);
    }
}

static void
conn_write(amp_conn *c)
{
    while (c->fd >= 0 && c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.data + c->out.sent, c->out.len - c->out.sent,
                         MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0)
            conn_hang_up(c);
        else
            tubei_amp_sent(&c->out, (size_t)n);
    }
}

void
tubei_amp_server_poll(amp_server *v)
{
    struct epoll_event ev[EVENTS];
    int n = epoll_wait(v->epoll, ev, EVENTS, 0);

    if (v->accept_at != 0 && tube_now() >= v->accept_at) {
        v->accept_at = 0;
        accept_on(v, !v->closing && v->n < v->most);
    }
    /* No connection is freed before tubei_amp_server_settle(). */
    for (int i = 0; i < n; i++) {
        amp_conn *c = ev[i].data.ptr;

        if (ev[i].data.ptr == &from_listener) {
            accept_all(v);
        } else if (ev[i].data.ptr == &from_outcomes) {
            v->on_outcomes(v->arg);
        } else if (c->fd >= 0) {
            if ((c->events & EPOLLIN) != 0)
                conn_read(c);
            touch(c); /* writes, and finds out if it is gone */
        }
    }
}

/* Boxes. */

static bool
is_parked(const amp_conn *c)
{
    return c->calls >= c->server->window || c->out.len - c->out.sent > OUT_MOST;
}

/* Look for a box in what was read. */
static bool
conn_box(amp_conn *c, amp_box *box)
{
    tube_slice from = { c->in + c->in_at, c->in_len - c->in_at };
    tube_error err;

    if (from.len == 0)
        return false;
    switch (tubei_amp_scan(&c->scan, from, c->server->box, box, &err)) {
    case AMP_BOX:
        c->scan = (amp_scan){ 0 };
        c->in_at += box->len + 2;
        return true;
    case AMP_BAD: tubei_amp_server_drop(c, err.message); break;
    case AMP_MORE: c->more = true; break;
    }
    return false;
}

amp_conn *
tubei_amp_server_box(amp_server *v, amp_box *box)
{
    while (v->ready != NULL && !v->closing) {
        amp_conn *c = v->ready;

        if (!is_parked(c) && conn_box(c, box)) {
            if (++c->turn % TURN == 0) {
                unready(c);
                make_ready(c);
            }
            return c;
        }
        unready(c);
        touch(c);
    }
    return NULL;
}

void
tubei_amp_server_send(amp_conn *c, amp_pair *pair, uint32_t n)
{
    tube_error err;

    if (c->fd < 0)
        return;
    if (tubei_amp_put(&c->out, pair, n, &err) != TUBE_OK)
        tubei_amp_server_drop(c, err.message);
    touch(c);
}

void
tubei_amp_server_asked(amp_conn *c)
{
    c->calls++;
    c->server->calls++;
}

void
tubei_amp_server_answered(amp_conn *c)
{
    c->calls--;
    c->server->calls--;
    touch(c);
}

/* Behind it all. */

static bool
may_have_box(const amp_conn *c)
{
    return c->in_at < c->in_len && !c->more && !c->server->closing;
}

/* All that it asked is answered, and sent.  The end is only seen when all boxes before it
 * were taken: until then nothing is read. */
static bool
is_over(const amp_conn *c)
{
    return c->fd >= 0 && (c->ended || c->server->closing) && c->calls == 0
           && c->out.len == 0;
}

/* What is not waited for is not in the set: a hang-up would be told there for ever. */
static void
conn_watch(amp_conn *c)
{
    bool reads = !c->ended && !c->ready && !c->server->closing && !is_parked(c);
    unsigned events = (reads ? EPOLLIN : 0u) | (c->out.len > 0 ? EPOLLOUT : 0u);
    int op = events == 0      ? EPOLL_CTL_DEL
             : c->events == 0 ? EPOLL_CTL_ADD
                              : EPOLL_CTL_MOD;

    if (events == c->events)
        return;
    if (!watch(c->server, op, c->fd, events, c))
        conn_hang_up(c);
    c->events = events;
}

static void
conn_settle(amp_conn *c)
{
    conn_write(c);
    if (c->fd >= 0 && !is_parked(c) && may_have_box(c))
        make_ready(c);
    if (is_over(c)) {
        if (c->in_at < c->in_len && !c->server->closing)
            tube_warn(c->server->stage, "a caller left in the middle of a box");
        conn_hang_up(c);
    }
    if (c->fd >= 0)
        conn_watch(c);
    c->touched = false;
    if (c->fd < 0 && c->calls == 0)
        conn_free(c);
}

void
tubei_amp_server_settle(amp_server *v)
{
    amp_conn *c;

    while ((c = v->touched) != NULL) {
        v->touched = c->next_touched;
        conn_settle(c);
    }
    if (v->accept_at == 0)
        accept_on(v, !v->closing && v->n < v->most);
    tube_wait_until(v->stage, v->closing ? v->give_up : v->accept_at);
    tube_wait_fd(v->stage, v->epoll, TUBE_READABLE);
}

static void
stop_listening(amp_server *v)
{
    for (int i = 0; i < v->listeners; i++)
        (void)close(v->listener[i]);
    v->listeners = 0;
}

bool
tubei_amp_server_finish(amp_server *v)
{
    if (!v->closing) {
        v->closing = true;
        stop_listening(v);
        for (amp_conn *c = v->conns; c != NULL; c = c->next)
            touch(c);
    }
    if (v->calls == 0 && v->give_up == 0)
        v->give_up = tube_now() + GIVE_UP;
    if (v->calls == 0 && tube_now() >= v->give_up)
        for (amp_conn *c = v->conns; c != NULL; c = c->next)
            tubei_amp_server_drop(c, "it did not read its answers");
    tubei_amp_server_settle(v);
    return v->conns == NULL;
}

void
tubei_amp_server_close(amp_server *v)
{
    v->touched = NULL;
    for (amp_conn *c = v->conns, *next; c != NULL; c = next) {
        next = c->next;
        conn_write(c);
        if (c->fd >= 0)
            (void)close(c->fd);
        conn_free(c);
    }
    stop_listening(v);
    if (v->epoll >= 0)
        (void)close(v->epoll);
    v->epoll = -1;
}
