/* SPDX-License-Identifier: MIT */
/* socket.c -- see socket.h. */
#include "socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024, HOST = 256, AGAIN_NS = 50 * 1000 * 1000 };

/* Addresses. */

static tube_status
address_unix(tubei_address *a, const char *path, tube_error *err)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&a->any;
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(un->sun_path))
        return tube_fail(err, TUBE_ECONFIG,
                         "'%s': the path of a socket has 1 to %zu bytes", a->text,
                         sizeof(un->sun_path) - 1);
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    a->path = path;
    return TUBE_OK;
}

static tube_status
address_form(const tubei_address *a, tube_error *err)
{
    (void)tube_fail(err, TUBE_ECONFIG, "'%s' is no address", a->text);
    tube_hint(err, "tcp:HOST:PORT such as tcp:127.0.0.1:6514, or unix:PATH");
    return TUBE_ECONFIG;
}

/* The port of HOST:PORT, and the host without its brackets. */
static const char *
address_split(const char *text, char *host)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;

    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        return NULL; /* of 1:2:3 nobody knows where the port begins */
    }
    if (len == 0 || len >= HOST)
        return NULL;
    memcpy(host, text, len);
    host[len] = '\0';
    return colon + 1;
}

static tube_status
address_tcp(tubei_address *a, const char *text, bool listening, tube_error *err)
{
    struct addrinfo want = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found;
    char host[HOST];
    const char *port = address_split(text, host);
    bool any = port != NULL && strcmp(host, "*") == 0;
    unsigned long number = 0;
    int rc;

    if (port == NULL || *port == '\0' || strspn(port, "0123456789") != strlen(port))
        return address_form(a, err);
    number = strtoul(port, NULL, 10);
    if (any && !listening)
        return tube_fail(err, TUBE_ECONFIG, "'%s': '*' is no host to connect to",
                         a->text);
    if (number > UINT16_MAX || (number == 0 && !listening))
        return tube_fail(err, TUBE_ECONFIG, "'%s': ports are 1 to 65535", a->text);
    if (any)
        want.ai_flags |= AI_PASSIVE;
    rc = getaddrinfo(any ? NULL : host, port, &want, &found);
    if (rc != 0)
        return tube_fail(err, TUBE_EREACH, "'%s': %s", a->text, gai_strerror(rc));
    memcpy(&a->any, found->ai_addr, found->ai_addrlen);
    a->len = found->ai_addrlen;
    freeaddrinfo(found);
    return TUBE_OK;
}

tube_status
tubei_address_read(tubei_address *a, const char *text, bool listening, tube_error *err)
{
    *a = (tubei_address){ .text = text };
    if (strncmp(text, "unix:", 5) == 0)
        return address_unix(a, text + 5, err);
    if (strncmp(text, "tcp:", 4) == 0)
        return address_tcp(a, text + 4, listening, err);
    return address_form(a, err);
}

static int
address_socket(const tubei_address *a)
{
    return socket(a->any.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static const struct sockaddr *
address_any(const tubei_address *a)
{
    return (const struct sockaddr *)(const void *)&a->any;
}

/* Listening. */

/* See that nobody listens at the path, and that nothing else is there. */
static tube_status
path_free(const tubei_address *a, tube_error *err)
{
    struct stat st;
    bool stale;
    int fd;

    if (lstat(a->path, &st) != 0)
        return errno == ENOENT ? TUBE_OK : tube_fail_errno(err, "'%s'", a->path);
    if (!S_ISSOCK(st.st_mode)) {
        (void)tube_fail(err, TUBE_EIO, "'%s' is there and is no socket", a->path);
        tube_hint(err, "another path, or remove the file");
        return TUBE_EIO;
    }
    fd = address_socket(a);
    if (fd < 0)
        return tube_fail_errno(err, "no socket");
    stale = connect(fd, address_any(a), a->len) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    if (!stale) {
        (void)tube_fail(err, TUBE_EIO, "somebody listens at '%s' already", a->path);
        tube_hint(err, "another path, or end the other program");
        return TUBE_EIO;
    }
    if (unlink(a->path) != 0 && errno != ENOENT)
        return tube_fail_errno(err, "cannot remove the old socket '%s'", a->path);
    return TUBE_OK;
}

tube_status
tubei_listener_open(tubei_listener *l, const tubei_address *a, tube_error *err)
{
    tube_status st = a->path != NULL ? path_free(a, err) : TUBE_OK;
    const int one = 1;
    struct stat made;

    *l = (tubei_listener){ .fd = -1 };
    if (st != TUBE_OK)
        return st;
    l->fd = address_socket(a);
    if (l->fd < 0)
        return tube_fail_errno(err, "no socket for '%s'", a->text);
    if (a->path == NULL)
        (void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(l->fd, address_any(a), a->len) != 0) {
        st = tube_fail_errno(err, "cannot listen at '%s'", a->text);
        (void)close(l->fd);
        l->fd = -1;
        return st;
    }
    if (a->path != NULL && lstat(a->path, &made) == 0) {
        l->path = a->path;
        l->dev = made.st_dev;
        l->ino = made.st_ino;
    }
    if (listen(l->fd, BACKLOG) == 0)
        return TUBE_OK;
    st = tube_fail_errno(err, "cannot listen at '%s'", a->text);
    tubei_listener_close(l);
    return st;
}

void
tubei_listener_name(const tubei_listener *l, char *to, size_t room)
{
    struct sockaddr_storage any = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof(any);
    char host[HOST];
    char port[8];

    to[0] = '\0';
    if (l->path != NULL) {
        (void)snprintf(to, room, "unix:%s", l->path);
        return;
    }
    if (getsockname(l->fd, (struct sockaddr *)(void *)&any, &len) != 0
        || getnameinfo((const struct sockaddr *)(const void *)&any, len, host,
                       sizeof(host), port, sizeof(port),
                       NI_NUMERICHOST | NI_NUMERICSERV)
               != 0)
        return;
    (void)snprintf(to, room, any.ss_family == AF_INET6 ? "tcp:[%s]:%s" : "tcp:%s:%s",
                   host, port);
}

void
tubei_listener_close(tubei_listener *l)
{
    struct stat now;

    if (l->path != NULL && lstat(l->path, &now) == 0 && now.st_dev == l->dev
        && now.st_ino == l->ino)
        (void)unlink(l->path);
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    l->path = NULL;
}

/* Connecting. */

void
tubei_dialer_init(tubei_dialer *d, const tubei_address *to, uint64_t timeout)
{
    *d = (tubei_dialer){ .to = to, .timeout = timeout, .fd = -1 };
}

static tube_status
dialer_failed(tube_stage *s, tubei_dialer *d, int error, tube_error *err)
{
    tubei_dialer_close(s, d);
    d->until = 0;
    errno = error;
    (void)tube_fail_errno(err, "cannot connect to '%s'", d->to->text);
    if (err != NULL)
        err->status = TUBE_EREACH;
    return TUBE_EREACH;
}

/* Begin an attempt; its outcome may be there at once. */
static int
dialer_begin(tubei_dialer *d)
{
    d->fd = address_socket(d->to);
    if (d->fd < 0)
        return errno;
    if (connect(d->fd, address_any(d->to), d->to->len) == 0)
        return 0;
    return errno;
}

tube_status
tubei_dialer_step(tube_stage *s, tubei_dialer *d, tube_error *err)
{
    uint64_t now = tube_now();
    int error = EINPROGRESS;

    if (d->connected)
        return TUBE_OK;
    if (d->until == 0)
        d->until = now + d->timeout;
    if (d->fd < 0) {
        error = dialer_begin(d);
    } else {
        struct pollfd p = { .fd = d->fd, .events = POLLOUT };
        socklen_t len = sizeof(error);

        if (poll(&p, 1, 0) > 0
            && getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
            error = errno;
    }
    if (error == 0) {
        d->connected = true;
        d->until = 0;
        tube_wait_until(s, 0);
        return TUBE_OK;
    }
    if (now >= d->until && (error == EINPROGRESS || error == EAGAIN))
        error = ETIMEDOUT;
    if (error == EINPROGRESS) {
        tube_wait_fd(s, d->fd, TUBE_WRITABLE);
        tube_wait_until(s, d->until);
        return TUBE_AGAIN;
    }
    if (error != EAGAIN)
        return dialer_failed(s, d, error, err);
    /* A Unix socket at which too many wait: nothing tells when there is room. */
    tubei_dialer_close(s, d);
    tube_wait_until(s, now + AGAIN_NS);
    return TUBE_AGAIN;
}

void
tubei_dialer_close(tube_stage *s, tubei_dialer *d)
{
    if (d->fd < 0)
        return;
    tube_forget_fd(s, d->fd);
    (void)close(d->fd);
    d->fd = -1;
    d->connected = false;
}
