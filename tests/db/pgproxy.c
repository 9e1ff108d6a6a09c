/* SPDX-License-Identifier: MIT */
/* pgproxy.c -- a PostgreSQL proxy that loses things at chosen messages.
 *
 *     pgproxy DIR PORT TARGET_DIR TARGET_PORT MODE [EVERY [TIMES]]
 *
 * Listens on the Unix socket of DIR and PORT and forwards to that of the target, which
 * is the folder of a socket, or a host's name.  A "load" is a query with a COPY in it.
 * On every EVERY-th event (1), at most TIMES times (all), it acts:
 *
 *   pass     never
 *   answer   the server's answer "COMMIT" to a load is swallowed, the connection cut
 *   before   the last CopyDone of a load is not forwarded, the connection cut
 *   late     the same, but the CopyDone reaches the server 500 ms after the cut
 *   query    a load is not forwarded, the connection cut
 *   data     the second message of COPY data of a load is not forwarded, ...
 *   in:X     a load's server message of type X is not forwarded, ...
 *
 * Prints "ready", and at SIGTERM "acted N" with the number of times that it did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER = 64 << 10, KEPT = 1 << 20, LATE_MS = 500 };

static const char *target;
static const char *target_port;
static const char *mode;
static unsigned every = 1;
static unsigned times = UINT32_MAX;
static atomic_uint events;
static atomic_uint acted;

struct link {
    int client;
    int server;
    atomic_bool load;   /* the last query had a COPY in it */
    atomic_uint copies; /* of it, not ended yet */
    atomic_uint data;   /* messages of data of it */
    atomic_bool cut;
    atomic_int ends;
};

static bool
due(void)
{
    unsigned n = atomic_fetch_add(&events, 1) + 1;

    if (n % every != 0 || atomic_load(&acted) >= times)
        return false;
    atomic_fetch_add(&acted, 1);
    return true;
}

static bool
is_mode(const char *word)
{
    return strcmp(mode, word) == 0;
}

static void
cut(struct link *l)
{
    atomic_store(&l->cut, true);
    (void)shutdown(l->client, SHUT_RDWR);
    (void)shutdown(l->server, SHUT_RDWR);
}

static bool
put(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool
get(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t k = recv(fd, p, n, 0);

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static uint32_t
length_at(const char *p)
{
    uint32_t n;

    memcpy(&n, p, sizeof(n));
    return ntohl(n);
}

static void
note_query(struct link *l, const char *sql)
{
    unsigned copies = 0;

    for (const char *p = sql; (p = strstr(p, "FROM STDIN")) != NULL; p++)
        copies++;
    atomic_store(&l->load, copies > 0);
    atomic_store(&l->copies, copies);
    atomic_store(&l->data, 0);
}

/* The client's message of that type comes; false: the connection is no more. */
static bool
client_message(struct link *l, char type, const char *body)
{
    if (type == 'Q') {
        note_query(l, body);
        if (is_mode("query") && atomic_load(&l->load) && due())
            return false;
    }
    if (!atomic_load(&l->load))
        return true;
    if (type == 'd' && atomic_fetch_add(&l->data, 1) == 1 && is_mode("data") && due())
        return false;
    if (type != 'c' || atomic_fetch_sub(&l->copies, 1) != 1)
        return true;
    if (is_mode("before") && due())
        return false;
    if (is_mode("late") && due()) {
        static const char copy_done[] = { 'c', 0, 0, 0, 4 };

        atomic_store(&l->cut, true);
        (void)shutdown(l->client, SHUT_RDWR);
        (void)poll(NULL, 0, LATE_MS);
        (void)put(l->server, copy_done, sizeof(copy_done));
        (void)poll(NULL, 0, LATE_MS);
        return false;
    }
    return true;
}

static bool
server_message(struct link *l, char type, const char *body)
{
    if (!atomic_load(&l->load))
        return true;
    if (is_mode("answer") && type == 'C' && strcmp(body, "COMMIT") == 0 && due())
        return false;
    return strncmp(mode, "in:", 3) != 0 || type != mode[3] || !due();
}

/* Does the content of such a message matter?  All others only pass through. */
static bool
is_kept(char type, uint32_t len)
{
    return (type == 'Q' || type == 'C') && len < KEPT;
}

/* Forward `left` bytes without looking at them. */
static bool
pass(int from, int to, uint32_t left, char *buf)
{
    while (left > 0) {
        size_t n = left < BUFFER ? left : BUFFER;

        if (!get(from, buf, n) || !put(to, buf, n))
            return false;
        left -= (uint32_t)n;
    }
    return true;
}

static bool
forward(struct link *l, bool from_client, char *buf)
{
    int from = from_client ? l->client : l->server;
    int to = from_client ? l->server : l->client;
    char head[5];
    uint32_t len;
    bool good = true;

    if (!get(from, head, sizeof(head)))
        return false;
    len = length_at(head + 1) - 4;
    buf[0] = '\0';
    if (is_kept(head[0], len)) {
        if (!get(from, buf, len))
            return false;
        buf[len] = '\0';
    }
    if (from_client)
        good = client_message(l, head[0], buf);
    else
        good = server_message(l, head[0], buf);
    if (!good || atomic_load(&l->cut) || !put(to, head, sizeof(head)))
        return false;
    return is_kept(head[0], len) ? put(to, buf, len) : pass(from, to, len, buf);
}

/* The first message has no type; a request for encryption comes before it. */
static bool
start(struct link *l, char *buf)
{
    for (;;) {
        uint32_t len;
        char answer;

        if (!get(l->client, buf, 8) || !put(l->server, buf, 8))
            return false;
        len = length_at(buf);
        if (len != 8)
            return len > 8 && len < BUFFER && pass(l->client, l->server, len - 8, buf);
        if (!get(l->server, &answer, 1) || !put(l->client, &answer, 1))
            return false;
    }
}

static void
end(struct link *l)
{
    cut(l);
    if (atomic_fetch_add(&l->ends, 1) == 0)
        return;
    close(l->client);
    close(l->server);
    free(l);
}

static void *
back(void *arg)
{
    struct link *l = arg;
    char *buf = malloc(KEPT + 1);

    while (buf != NULL && forward(l, false, buf)) {
        /* until one side is gone */
    }
    free(buf);
    /* A late CopyDone must still find the server's side open. */
    while (is_mode("late") && atomic_load(&l->cut) && poll(NULL, 0, 3 * LATE_MS) != 0) {
        /* poll() only sleeps */
    }
    end(l);
    return NULL;
}

static int
target_open(void)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd;

    if (target[0] == '/') {
        (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.%s", target,
                       target_port);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
            return fd;
        close(fd);
        return -1;
    }
    if (getaddrinfo(target, target_port, &hints, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static void *
forth(void *arg)
{
    struct link *l = arg;
    char *buf = malloc(KEPT + 1);
    pthread_t other;

    if (buf == NULL || !start(l, buf) || pthread_create(&other, NULL, back, l) != 0) {
        atomic_store(&l->ends, 1); /* there is no other end */
        free(buf);
        end(l);
        return NULL;
    }
    (void)pthread_detach(other);
    while (forward(l, true, buf)) {
        /* until one side is gone */
    }
    free(buf);
    end(l);
    return NULL;
}

static void
serve(int client)
{
    struct link *l = calloc(1, sizeof(*l));
    pthread_t thread;

    if (l == NULL)
        abort();
    l->client = client;
    l->server = target_open();
    if (l->server < 0 || pthread_create(&thread, NULL, forth, l) != 0) {
        close(client);
        free(l);
        return;
    }
    (void)pthread_detach(thread);
}

/* The only thing that ends the program. */
static void *
wait_for_end(void *arg)
{
    int number;

    (void)sigwait(arg, &number);
    printf("acted %u\n", atomic_load(&acted));
    (void)fflush(stdout);
    _exit(0);
}

int
main(int argc, char **argv)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    sigset_t set;

    if (argc < 6)
        return 2;
    target = argv[3];
    target_port = argv[4];
    mode = argv[5];
    if (argc > 6)
        every = (unsigned)strtoul(argv[6], NULL, 10);
    if (argc > 7)
        times = (unsigned)strtoul(argv[7], NULL, 10);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&thread, NULL, wait_for_end, &set) != 0)
        return 1;
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.%s", argv[1], argv[2]);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 64) != 0) {
        perror(a.sun_path);
        return 1;
    }
    printf("ready\n");
    (void)fflush(stdout);
    for (;;) {
        int client = accept(fd, NULL, NULL);

        if (client >= 0)
            serve(client);
    }
}
