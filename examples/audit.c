/* SPDX-License-Identifier: MIT */
/* audit.c -- a server that answers "stored" when a record is committed, not before.
 *
 * audit SOCKET DATABASE: each line of a client is a record, answered with `stored N` or
 * `refused N: why`, N the number of the line; answers may overtake others.  One thread
 * waits for all: clients, SIGTERM, and the news of what was committed.
 */
#include <tubes/tubes.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MOST = 4096, ANSWER_MOST = 160, ANSWERS = 512, BOUND = 1024, LOOK_MS = 10 };

/* Lives as long as its connection and its requests, of which there are `open`. */
struct client {
    struct client *next;
    int fd;    /* -1: gone, and nobody reads the answers */
    bool eof;  /* no more is read */
    bool full; /* its next line was not taken yet */
    int64_t id, line;
    size_t open, n_in, n_out;
    char in[LINE_MOST], out[(ANSWERS + 1) * ANSWER_MOST];
};

struct request {
    tube_future future;
    struct client *client;
    int64_t line;
};

static int epoll_fd, listen_fd, signal_fd;
static tube_pipeline *pipeline;
static tube_inlet *inlet;
static tube_loop *loop;
static struct client *clients;
static bool draining;
static bool waiting; /* for room, of which no descriptor tells */

/* There is room: no line is pushed that could not be answered. */
static void
answer(struct client *c, int64_t line, const char *why)
{
    if (c->fd >= 0)
        c->n_out += (size_t)snprintf(c->out + c->n_out, ANSWER_MOST, "%s %jd%s%.100s\n",
                                     why == NULL ? "stored" : "refused", (intmax_t)line,
                                     why == NULL ? "" : ": ", why == NULL ? "" : why);
}

/* Called by tube_loop_dispatch(), once for each record that was taken. */
static void
on_done(tube_future *f)
{
    struct request *r = TUBE_HOST_OF(f, struct request, future);
    tube_error err;
    tube_outcome outcome = tube_future_reason(pipeline, f, &err);
    const char *why = err.message[0] != '\0' ? err.message : "not stored";

    answer(r->client, r->line, outcome == TUBE_COMMITTED ? NULL : why);
    r->client->open--;
    free(r);
}

/* False: there is no room now, the line stays where it is. */
static bool
push(struct client *c, const char *text, size_t len)
{
    static tube_then then;
    struct request *r = malloc(sizeof(*r));
    tube_status st = TUBE_ENOMEM;
    tube_cell row[3];

    then = (tube_then){ .fn = on_done, .loop = loop };
    tube_set_int(&row[0], c->id);
    tube_set_int(&row[1], c->line + 1);
    tube_set_text(&row[2], text, len);
    if (r != NULL) {
        r->client = c;
        r->line = c->line + 1;
        tube_future_init(&r->future, &then);
        st = tube_push(inlet, row, &r->future);
    }
    if (st != TUBE_OK)
        free(r);
    if (st == TUBE_AGAIN)
        return false;
    c->line++;
    if (st == TUBE_OK)
        c->open++;
    else
        answer(c, c->line, "nothing is stored any more");
    return true;
}

static void
push_lines(struct client *c)
{
    size_t done = 0;
    char *end;

    c->full = false;
    while (!c->full && (end = memchr(c->in + done, '\n', c->n_in - done)) != NULL) {
        c->full = c->n_out + c->open * ANSWER_MOST
                      >= (size_t)ANSWERS * ANSWER_MOST - ANSWER_MOST
                  || !push(c, c->in + done, (size_t)(end - c->in) - done);
        if (!c->full)
            done = (size_t)(end - c->in) + 1;
    }
    c->n_in -= done;
    memmove(c->in, c->in + done, c->n_in);
    if (c->n_in == sizeof(c->in) && !c->full) {
        c->n_in = 0; /* what comes behind it is no line */
        c->eof = true;
        answer(c, ++c->line, "the line is too long");
    }
}

static void
leave(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd); /* epoll forgets it */
    c->fd = -1;
    c->eof = true;
    c->n_out = 0;
}

/* Do for a client what can be done now, and wait for the rest. */
static void
tend(struct client *c)
{
    struct epoll_event e = { .data.ptr = c };
    ssize_t n;

    push_lines(c);
    if (c->n_out > 0) {
        n = send(c->fd, c->out, c->n_out, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) {
            c->n_out -= (size_t)n;
            memmove(c->out, c->out + n, c->n_out);
        }
    }
    if (c->eof && !c->full && c->open == 0 && c->n_out == 0)
        leave(c);
    e.events = (c->n_out > 0 ? EPOLLOUT : 0u) | (c->eof || c->full ? 0u : EPOLLIN);
    if (c->fd >= 0)
        (void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

static void
tend_all(void)
{
    struct client *c, **at = &clients;

    waiting = false;
    while ((c = *at) != NULL) {
        c->eof = c->eof || draining;
        tend(c);
        waiting = waiting || c->full;
        if (c->fd < 0 && c->open == 0 && !c->full) {
            *at = c->next;
            free(c);
        } else {
            at = &c->next;
        }
    }
}

static void
on_client(struct client *c, uint32_t events)
{
    ssize_t n = 0;

    if ((events & EPOLLIN) != 0 && !c->eof && !c->full) {
        n = recv(c->fd, c->in + c->n_in, sizeof(c->in) - c->n_in, MSG_DONTWAIT);
        if (n > 0)
            c->n_in += (size_t)n;
        else if (n == 0)
            c->eof = true;
    }
    if (n <= 0 && (events & (EPOLLHUP | EPOLLERR)) != 0)
        leave(c); /* what was pushed is stored all the same */
}

static void
watch(int fd, void *who)
{
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = who };

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0)
        exit(1);
}

static void
on_accept(void)
{
    static int64_t id;
    struct client *c = calloc(1, sizeof(*c));
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (c == NULL || fd < 0) {
        free(c);
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    *c = (struct client){ .next = clients, .fd = fd, .id = ++id };
    clients = c;
    watch(fd, c);
}

/* What was read is stored and answered, the rest is left to its clients. */
static void
drain(void)
{
    draining = true;
    (void)close(listen_fd);
    (void)close(signal_fd);
    if (tube_seal(pipeline, tube_find(pipeline, "in")) != TUBE_OK)
        fputs("audit: the pipeline had ended\n", stderr);
}

static void
serve(void)
{
    struct epoll_event e;

    while (!draining || clients != NULL) {
        /* One at a time: none is about a client that was freed.  The pipeline has room
         * again when news comes, or a little later: hence LOOK_MS. */
        if (epoll_wait(epoll_fd, &e, 1, waiting ? LOOK_MS : -1) > 0) {
            if (e.data.ptr == &listen_fd)
                on_accept();
            else if (e.data.ptr == &signal_fd)
                drain();
            else if (e.data.ptr == &loop)
                (void)tube_loop_dispatch(loop, 0);
            else
                on_client(e.data.ptr, e.events);
        }
        tend_all();
    }
}

static bool
begin(const char *path, const char *database, tube_error *err)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char text[4352];
    sigset_t term;

    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    (void)snprintf(text, sizeof(text),
                   "record audit { client int; line int; text text 1.. }\n"
                   "merge hold=yes of=audit as=in | expect audit "
                   "| sqlite `%s` table=audit",
                   database);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, NULL); /* before there are other threads */
    pipeline = tube_pipeline_new(NULL, err);
    if (pipeline == NULL || tube_series(pipeline, text, err) != TUBE_OK
        || tube_start(pipeline, err) != TUBE_OK)
        return false;
    tube_bound(pipeline, BOUND);
    inlet = tube_inlet_new(pipeline, tube_find(pipeline, "in"), "audit", err);
    loop = inlet != NULL ? tube_loop_new(err) : NULL;
    if (loop == NULL)
        return false;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    signal_fd = signalfd(-1, &term, SFD_CLOEXEC);
    listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)unlink(path);
    if (bind(listen_fd, (const struct sockaddr *)&at, sizeof(at)) != 0
        || listen(listen_fd, 64) != 0) {
        (void)tube_fail(err, TUBE_EIO, "cannot listen on %s", path);
        return false;
    }
    watch(listen_fd, &listen_fd);
    watch(signal_fd, &signal_fd);
    watch(tube_loop_fd(loop), &loop);
    return true;
}

int
main(int argc, char **argv)
{
    tube_error err = { 0 };
    tube_status st = TUBE_ECONFIG;

    if (argc == 3 && begin(argv[1], argv[2], &err)) {
        serve();
        tube_inlet_stop(inlet, TUBE_STOP_END, "asked to stop");
        st = tube_wait(pipeline, TUBE_FOREVER, &err);
        (void)unlink(argv[1]);
    } else if (argc != 3) {
        fputs("usage: audit SOCKET DATABASE\n", stderr);
    }
    if (err.status < 0)
        tube_error_print(&err, stderr);
    tube_inlet_free(inlet);
    tube_pipeline_free(pipeline);
    tube_loop_free(loop);
    return st == TUBE_OK ? 0 : 1;
}
