/* SPDX-License-Identifier: MIT */
/* k_amp.h -- the other end of AMP for k_amp.c: a socket, bytes, and what was told. */
#ifndef TUBES_TESTS_K_AMP_H
#define TUBES_TESTS_K_AMP_H

#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Sum(a=13, b=81), the first of a connection; total=94; and a call that asks nothing. */
static const char sum[] = "\0\4_ask\0\1"
                          "1\0\10_command\0\3Sum\0\1a\0\2"
                          "13\0\1b\0\2"
                          "81\0";
static const char total[] = "\0\7_answer\0\1"
                            "1\0\5total\0\2"
                            "94\0";
static const char plain[] = "\0\10_command\0\3Sum\0\1a\0\2"
                            "13\0\1b\0\2"
                            "81\0";

/* The other end of a socket. */
struct peer {
    int listener, fd;
    size_t want; /* bytes to wait for */
    size_t n;
    bool over; /* it was hung up on */
    char got[256 << 10];
};

static struct peer peer;
static char path[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char rejects[1024], warnings[1024]; /* under lock while the pipeline runs */

static void
add_line(char *to, const char *line)
{
    size_t n;

    pthread_mutex_lock(&lock);
    n = strlen(to);
    (void)snprintf(to + n, sizeof(rejects) - n, "%s;", line);
    pthread_mutex_unlock(&lock);
}

static void
note_reject(void *arg, const tube_reject_info *r)
{
    char line[400];

    (void)arg;
    (void)snprintf(line, sizeof(line), "%s%s%s", r->sqlstate,
                   r->sqlstate[0] != '\0' ? " " : "", r->reason);
    add_line(rejects, line);
}

static void
note_warning(void *arg, const char *line)
{
    (void)arg;
    add_line(warnings, line);
}

static struct sockaddr_un
new_path(void)
{
    static int paths;
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    (void)snprintf(path, sizeof(path), "/tmp/tubes-k-amp-%d-%d", (int)getpid(),
                   paths++);
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    (void)unlink(path);
    rejects[0] = warnings[0] = '\0';
    peer = (struct peer){ .listener = -1, .fd = -1 };
    return un;
}

static tube_pipeline *
start(const tube_pipeline_opts *o, const char *format)
{
    tube_pipeline_opts opts = *o;
    char text[400];
    const char *at = strchr(format, '@');

    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - format), format, path,
                   at + 1);
    opts.on_reject = note_reject;
    opts.on_warn = note_warning;
    return conform_start(&opts, text);
}

static void
hang_up(void)
{
    if (peer.fd >= 0)
        (void)close(peer.fd);
    peer.fd = -1;
    peer.n = 0;
    peer.over = false;
}

static void
end(tube_pipeline *p)
{
    tube_pipeline_free(p);
    hang_up();
    if (peer.listener >= 0)
        (void)close(peer.listener);
    (void)unlink(path);
}

/* Call us: the peer is a server. */
static void
listen_for(void)
{
    struct sockaddr_un un = new_path();

    peer.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(peer.listener, (struct sockaddr *)&un, sizeof(un)), 0);
    cr_assert_eq(listen(peer.listener, 8), 0);
}

static bool
has_caller(void *arg)
{
    (void)arg;
    if (peer.fd < 0)
        peer.fd = accept4(peer.listener, NULL, NULL, SOCK_NONBLOCK);
    return peer.fd >= 0;
}

/* The peer is a client. */
static void
connect_to(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    peer.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(connect(peer.fd, (struct sockaddr *)&un, sizeof(un)), 0);
    cr_assert_eq(fcntl(peer.fd, F_SETFL, O_NONBLOCK), 0);
}

static void
say(const char *bytes, size_t n)
{
    ssize_t sent = send(peer.fd, bytes, n, MSG_NOSIGNAL);

    /* who is hung up on cannot say more; a test that needs it said misses the answer */
    cr_assert(sent == (ssize_t)n || errno == EPIPE || errno == ECONNRESET);
}

#define SAY(text) say(text, sizeof(text))

static bool
has_bytes(void *arg)
{
    ssize_t n = recv(peer.fd, peer.got + peer.n, sizeof(peer.got) - peer.n, 0);

    (void)arg;
    if (n > 0)
        peer.n += (size_t)n;
    peer.over = n == 0 || (n < 0 && errno == ECONNRESET);
    return peer.n >= peer.want || peer.over;
}

/* Let it run until `n` bytes are there that were not forgotten, or nobody is. */
static void
hear(tube_pipeline *p, size_t n)
{
    peer.want = n;
    conform_until(p, has_bytes, NULL);
}

static void
hear_exactly(tube_pipeline *p, const char *bytes, size_t n)
{
    hear(p, n);
    cr_assert_geq(peer.n, n, "%zu of %zu bytes", peer.n, n);
    cr_assert(memcmp(peer.got, bytes, n) == 0, "other bytes: %.*s", (int)n, peer.got);
    memmove(peer.got, peer.got + n, peer.n - n);
    peer.n -= n;
}

#define HEAR(p, text) hear_exactly(p, text, sizeof(text))

static bool
has_warning(void *arg)
{
    bool has;

    pthread_mutex_lock(&lock);
    has = strstr(warnings, arg) != NULL;
    pthread_mutex_unlock(&lock);
    return has;
}

static void
warned(tube_pipeline *p, const char *of)
{
    char words[64];

    (void)snprintf(words, sizeof(words), "%s", of);
    conform_until(p, has_warning, words);
}

static void
finish(tube_pipeline *p, uint64_t committed, uint64_t rejected)
{
    tube_counts c;

    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    cr_assert_eq(c.committed, committed, "%ju committed", (uintmax_t)c.committed);
    cr_assert_eq(c.rejected, rejected, "%ju rejected: %s", (uintmax_t)c.rejected,
                 rejects);
    end(p);
}

#endif /* TUBES_TESTS_K_AMP_H */
