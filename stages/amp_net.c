/* SPDX-License-Identifier: MIT */
/* amp_net.c -- see amp_net.h. */
#include "amp_net.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { HOST = 256, BACKLOG = 128 };

static tube_status
no_address(const char *text, tube_error *err)
{
    (void)tube_fail(err, TUBE_ECONFIG, "'%s' is no address", text);
    tube_hint(err, "HOST:PORT, :PORT or /PATH");
    return TUBE_ECONFIG;
}

static tube_status
resolve_path(const char *text, amp_address *a, tube_error *err)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    if (strlen(text) >= sizeof(un.sun_path))
        return tube_fail(err, TUBE_ECONFIG, "path '%s' has over %zu bytes", text,
                         sizeof(un.sun_path) - 1);
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", text);
    memcpy(&a->at[0], &un, sizeof(un));
    a->len[0] = sizeof(un);
    a->n = 1;
    return TUBE_OK;
}

tube_status
tubei_amp_resolve(const char *text, bool listen, amp_address *a, tube_error *err)
{
    const struct addrinfo wanted = { .ai_family = AF_UNSPEC,
                                     .ai_socktype = SOCK_STREAM,
                                     .ai_flags = listen ? AI_PASSIVE : 0 };
    const char *port = strrchr(text, ':');
    char host[HOST];
    size_t len;
    struct addrinfo *found = NULL;
    int failed;

    *a = (amp_address){ .n = 0 };
    if (strncmp(text, "unix:", 5) == 0)
        text += 5;
    if (text[0] == '/' || text[0] == '.')
        return resolve_path(text, a, err);
    if (port == NULL || port[1] == '\0'
        || strspn(port + 1, "0123456789") < strlen(port + 1)
        || strtoul(port + 1, NULL, 10) > 65535)
        return no_address(text, err);
    len = (size_t)(port - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= sizeof(host))
        return no_address(text, err);
    memcpy(host, text, len);
    host[len] = '\0';
    failed = getaddrinfo(len > 0 ? host : NULL, port + 1, &wanted, &found);
    if (failed != 0)
        return tube_fail(err, TUBE_EREACH, "there is no host '%s': %s", host,
                         gai_strerror(failed));
    for (struct addrinfo *i = found; i != NULL && a->n < AMP_ADDRESSES;
         i = i->ai_next) {
        memcpy(&a->at[a->n], i->ai_addr, i->ai_addrlen);
        a->len[a->n++] = i->ai_addrlen;
    }
    freeaddrinfo(found);
    return TUBE_OK;
}

static int
make_socket(const amp_address *a, int i)
{
    int fd = socket(a->at[i].ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int on = 1;

    if (fd < 0)
        return -1;
    if (a->at[i].ss_family != AF_UNIX)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (a->at[i].ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    return fd;
}

static int
give_up(int fd)
{
    int saved = errno;

    (void)close(fd);
    errno = saved;
    return -1;
}

/* A socket in the file system outlives who listened there. */
static void
remove_stale(const amp_address *a, int i)
{
    struct sockaddr_un un;
    struct stat st;
    int fd;

    memcpy(&un, &a->at[i], sizeof(un));
    if (lstat(un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = make_socket(a, i);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)&a->at[i], a->len[i]) != 0
        && errno == ECONNREFUSED)
        (void)unlink(un.sun_path);
    (void)close(fd);
}

int
tubei_amp_listen(const amp_address *a, int i)
{
    const int on = 1;
    int fd = make_socket(a, i);

    if (fd < 0)
        return -1;
    if (a->at[i].ss_family == AF_UNIX)
        remove_stale(a, i);
    else
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (const struct sockaddr *)&a->at[i], a->len[i]) != 0
        || listen(fd, BACKLOG) != 0)
        return give_up(fd);
    return fd;
}

int
tubei_amp_connect(const amp_address *a, int i)
{
    int fd = make_socket(a, i);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&a->at[i], a->len[i]) != 0
        && errno != EINPROGRESS)
        return give_up(fd);
    return fd;
}

int
tubei_amp_accept(int listener)
{
    const int on = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) /* where there is no TCP it says no, and that is fine */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}
