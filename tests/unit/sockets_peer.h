/* SPDX-License-Identifier: MIT */
/* sockets_peer.h -- the other end of a socket, and what became of the records. */
#ifndef TUBES_TESTS_SOCKETS_PEER_H
#define TUBES_TESTS_SOCKETS_PEER_H

#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[40], path[60], address[80];

static void
make_dir(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/tubes-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/s", dir);
    (void)snprintf(address, sizeof(address), "unix:%s", path);
}

static void
remove_dir(void)
{
    (void)unlink(path);
    cr_assert_eq(rmdir(dir), 0, "something is left in %s", dir);
}

/* What came: "[line]" each, in the order in which it came. */
static struct {
    pthread_mutex_t lock;
    char text[1 << 18];
    size_t len;
    int rows, rejected, warned;
    char reject[1000], warn[1000];
} got = { .lock = PTHREAD_MUTEX_INITIALIZER };

static tube_status
words_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    pthread_mutex_lock(&got.lock);
    TUBE_EACH(b, r) {
        const tube_cell *c = tube_row(b, r);

        got.len += (size_t)snprintf(got.text + got.len, sizeof(got.text) - got.len,
                                    "[%.*s]", (int)c->len, c->text);
        cr_assert_lt(got.len, sizeof(got.text));
        got.rows++;
    }
    pthread_mutex_unlock(&got.lock);
    return TUBE_OK;
}

static const tube_stage_def words_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "words",
    .in = TUBE_FLOW_LINES,
    .process = words_process,
};

static void
rejected(void *arg, const tube_reject_info *r)
{
    (void)arg;
    pthread_mutex_lock(&got.lock);
    got.rejected++;
    (void)snprintf(got.reject, sizeof(got.reject), "%.*s: %s", (int)r->raw.len,
                   r->raw.ptr, r->reason);
    pthread_mutex_unlock(&got.lock);
}

static void
warned(void *arg, const char *line)
{
    (void)arg;
    pthread_mutex_lock(&got.lock);
    got.warned++;
    (void)snprintf(got.warn, sizeof(got.warn), "%s", line);
    pthread_mutex_unlock(&got.lock);
}

static tube_pipeline *
begin(const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(
        TUBE_PIPELINE_OPTS(.workers = 2, .on_reject = rejected, .on_warn = warned),
        &err);

    got.len = 0;
    got.rows = got.rejected = got.warned = 0;
    got.text[0] = '\0';
    cr_assert_eq(tube_define(p, &words_def, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
    return p;
}

static inline tube_pipeline *
listening(const char *options)
{
    char text[300];

    (void)snprintf(text, sizeof(text), "listen %s %s | words", address, options);
    return begin(text);
}

static tube_counts
end(tube_pipeline *p, tube_status want)
{
    tube_error err = { 0 };
    tube_counts c;

    cr_assert_eq(tube_wait(p, UINT64_C(20000000000), &err), want, "%s", err.message);
    tube_stats(p, &c);
    cr_assert_eq(c.read, c.committed + c.filtered + c.rejected + c.dropped + c.broken);
    tube_pipeline_free(p);
    return c;
}

static inline tube_counts
drained(tube_pipeline *p)
{
    tube_drain(p);
    return end(p, TUBE_OK);
}

static inline int
client(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0, "%s",
                 strerror(errno));
    return fd;
}

static inline int
serving(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)unlink(path);
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    cr_assert_eq(listen(fd, 4), 0);
    return fd;
}

static inline void
say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text),
                 "%s", strerror(errno));
}

static int
number(const int *of)
{
    int n;

    pthread_mutex_lock(&got.lock);
    n = *of;
    pthread_mutex_unlock(&got.lock);
    return n;
}

static inline void
until(const int *of, int n)
{
    for (int i = 0; i < 20000 && number(of) < n; i++)
        (void)usleep(1000);
    cr_assert_geq(number(of), n, "%d of %d came: %s", number(of), n, got.text);
}

/* The other side has ended its writing. */
static inline void
until_ended(int fd)
{
    char c;

    cr_assert_eq(recv(fd, &c, 1, 0), 0);
}

#endif /* TUBES_TESTS_SOCKETS_PEER_H */
