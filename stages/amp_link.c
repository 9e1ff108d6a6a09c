/* SPDX-License-Identifier: MIT */
/* amp_link.c -- a connection to a responder of AMP that is made again when it is lost. */
#include "amp_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS          UINT64_C(1000000)
#define PAUSE_FIRST (100 * MS)
#define PAUSE_MOST  (5000 * MS)
#define CONNECT     (10000 * MS)
#define TELL_EVERY  (10000 * MS)

void
tubei_amp_link_close(amp_client *c)
{
    if (c->fd >= 0) {
        tube_forget_fd(c->stage, c->fd);
        (void)close(c->fd);
    }
    c->fd = -1;
    c->link = AMP_LINK_DOWN;
    c->at = 0;
    c->out.len = c->out.sent = 0;
    c->in_at = c->in_len = 0;
    c->scan = (amp_scan){ 0 };
}

static void
pause_link(amp_client *c)
{
    uint64_t ns = PAUSE_FIRST << (c->pauses < 10 ? c->pauses : 10);

    c->pauses++;
    c->at = tube_now() + (ns < PAUSE_MOST ? ns : PAUSE_MOST);
}

static void
tell(amp_client *c, const char *why)
{
    if (c->told_at != 0 && tube_now() < c->told_at + TELL_EVERY)
        return;
    c->told_at = tube_now();
    tube_warn(c->stage, "no connection to '%s', trying again: %s", c->address, why);
}

void
tubei_amp_link_lost(amp_client *c, const char *why)
{
    bool was_up = c->link == AMP_LINK_UP;

    tell(c, why);
    tubei_amp_link_close(c);
    if (was_up && c->open > 0) {
        c->costs++;
        if (c->tries > 0 && c->costs >= c->tries)
            tubei_amp_client_give_up_first(c, why);
    }
    tubei_amp_client_requeue(c);
    pause_link(c);
}

void
tubei_amp_link_alive(amp_client *c)
{
    c->pauses = 0;
    tubei_amp_link_rested(c);
}

void
tubei_amp_link_rested(amp_client *c)
{
    if (c->link == AMP_LINK_UP)
        c->at = c->timeout > 0 ? tube_now() + c->timeout : 0;
}

static void
link_up(amp_client *c)
{
    c->link = AMP_LINK_UP;
    c->tag = c->oldest = 1;
    tubei_amp_link_rested(c);
}

static void
link_begin(amp_client *c)
{
    c->fd = tubei_amp_connect(&c->where, c->which);
    c->which = (c->which + 1) % c->where.n;
    if (c->fd < 0) {
        tubei_amp_link_lost(c, strerror(errno));
        return;
    }
    c->link = AMP_LINK_CONNECTING;
    c->at = tube_now() + CONNECT;
}

static void
link_go_on(amp_client *c)
{
    struct pollfd p = { .fd = c->fd, .events = POLLOUT };
    int failed = 0;
    socklen_t len = sizeof(failed);

    if (poll(&p, 1, 0) == 0) {
        if (tube_now() >= c->at)
            tubei_amp_link_lost(c, "it took too long");
        return;
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
        failed = errno;
    if (failed != 0)
        tubei_amp_link_lost(c, strerror(failed));
    else
        link_up(c);
}

void
tubei_amp_link_step(amp_client *c)
{
    switch (c->link) {
    case AMP_LINK_DOWN:
        if (tube_now() >= c->at)
            link_begin(c);
        break;
    case AMP_LINK_CONNECTING: link_go_on(c); break;
    case AMP_LINK_UP:
        if (c->at == 0 || tube_now() < c->at)
            break;
        if (c->open > 0)
            tubei_amp_link_lost(c, "calls were not answered in time");
        else
            tubei_amp_link_alive(c);
        break;
    }
}

tube_status
tubei_amp_link_first(amp_client *c, tube_error *err)
{
    uint64_t until = tube_now() + CONNECT;
    int failed = ETIMEDOUT;
    socklen_t len = sizeof(failed);

    for (int i = 0; i < c->where.n && tube_now() < until; i++) {
        struct pollfd p = { .events = POLLOUT };

        c->which = i;
        c->fd = tubei_amp_connect(&c->where, i);
        failed = errno;
        if (c->fd < 0)
            continue;
        p.fd = c->fd;
        failed = ETIMEDOUT;
        if (poll(&p, 1, (int)((until - tube_now()) / MS + 1)) > 0
            && getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0
            && failed == 0) {
            link_up(c);
            return TUBE_OK;
        }
        (void)close(c->fd);
        c->fd = -1;
    }
    return tube_fail(err, TUBE_EREACH, "nobody answers at '%s': %s", c->address,
                     strerror(failed));
}

void
tubei_amp_link_wait(amp_client *c)
{
    unsigned events = TUBE_READABLE;

    if (c->link == AMP_LINK_CONNECTING)
        events = TUBE_WRITABLE;
    else if (c->out.len > 0)
        events |= TUBE_WRITABLE;
    if (c->fd >= 0)
        tube_wait_fd(c->stage, c->fd, events);
    tube_wait_until(c->stage, c->at);
}
