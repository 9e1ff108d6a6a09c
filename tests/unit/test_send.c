/* SPDX-License-Identifier: MIT */
/* test_send.c -- connect and send: what is handed over, lost connections, odd records. */
#include "sockets_peer.h"

#include <poll.h>

TestSuite(send, .timeout = 60, .init = make_dir, .fini = remove_dir);

enum { ROOM = 1 << 22 };

static char *heard;
static size_t heard_len;

/* Read all that the connection brings, to its end. */
static void
hear(int fd)
{
    ssize_t n;

    if (heard == NULL)
        heard = malloc(ROOM);
    cr_assert_not_null(heard);
    for (heard_len = 0; (n = recv(fd, heard + heard_len, ROOM - heard_len, 0)) > 0;)
        heard_len += (size_t)n;
    cr_assert_eq(n, 0);
    cr_assert_lt(heard_len, ROOM);
    heard[heard_len] = '\0';
}

static int
taken(int server)
{
    int fd = accept(server, NULL, NULL);

    cr_assert_geq(fd, 0, "%s", strerror(errno));
    return fd;
}

/* A source of lines given by the test. */
static const char *const *lines;
static size_t n_lines, at_line;

static tube_status
said_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    tube_batch *b;

    (void)none;
    (void)err;
    if (at_line == n_lines)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    while (at_line < n_lines && b->n < b->cap) {
        const char *text = lines[at_line++];
        tube_cell *row = tube_batch_add(b);
        size_t len = text != NULL ? strlen(text) : 0;
        char *mine = tube_batch_alloc(b, len);

        if (text == NULL)
            continue; /* NULL */
        memcpy(mine, text, len);
        tube_set_text(row, mine, len);
    }
    return tube_emit(s, &b);
}

static tube_status
said_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = { { "what", TUBE_TEXT, NULL } };

    return tube_set_schema(s, columns, 1, err);
}

static const tube_stage_def said_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "said",
    .out = TUBE_FLOW_RECORDS,
    .open = said_open,
    .process = said_process,
};

static tube_pipeline *
sending(const char *before, const char *options)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(
        TUBE_PIPELINE_OPTS(.workers = 2, .on_reject = rejected, .on_warn = warned),
        &err);
    char text[300];

    got.rows = got.rejected = got.warned = 0;
    at_line = 0;
    (void)snprintf(text, sizeof(text), "%s | send %s %s", before, address, options);
    cr_assert_eq(tube_define(p, &said_def, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
    return p;
}

/* Send `all`, and compare what comes. */
static void
check(const char *options, const char *const *all, size_t n, const char *want,
      size_t len, int rejects)
{
    int server = serving();
    tube_pipeline *p;
    tube_counts c;
    int fd;

    lines = all;
    n_lines = n;
    p = sending("said", options);
    fd = taken(server);
    hear(fd);
    (void)close(fd);
    c = end(p, TUBE_OK);
    cr_assert_eq(heard_len, len, "%s: %.*s", options, (int)heard_len, heard);
    cr_assert_eq(memcmp(heard, want, len), 0, "%s: %.*s", options, (int)heard_len,
                 heard);
    cr_assert_eq(c.rejected, (uint64_t)rejects);
    cr_assert_eq(c.committed, n - (size_t)rejects);
    (void)close(server);
}

#define CHECK(options, all, want, rejects) \
  check(options, all, sizeof(all) / sizeof(*(all)), want, sizeof(want) - 1, rejects)

Test(send, frames)
{
    static const char *const all[] = { "a", "bc", "two words" };

    CHECK("", all, "a\nbc\ntwo words\n", 0);
    CHECK("frame=netstring", all, "1:a,2:bc,9:two words,", 0);
    CHECK("frame=int8", all, "\1a\2bc\11two words", 0);
    CHECK("frame=int16", all, "\0\1a\0\2bc\0\11two words", 0);
    CHECK("frame=int32", all, "\0\0\0\1a\0\0\0\2bc\0\0\0\11two words", 0);
    CHECK("frame=octets", all, "1 a2 bc9 two words", 0);
}

Test(send, what_a_frame_cannot_carry_is_rejected)
{
    static char text[300];
    const char *const all[] = { "a", "b\nc", "", text, NULL, "d" };

    memset(text, 'x', sizeof(text) - 1);
    CHECK("frame=int8", all, "\1a\3b\nc\0\0\1d", 1);
    cr_assert_not_null(strstr(got.reject, "longer than the 255 bytes"), "%s",
                       got.reject);
    check("frame=lines", all, 3, "a\n\n", 3, 1);
    cr_assert_not_null(strstr(got.reject, "has a line end"), "%s", got.reject);
    check("frame=octets", all, 3, "1 a3 b\nc", 8, 1);
    cr_assert_not_null(strstr(got.reject, "is empty"), "%s", got.reject);
}

Test(send, objects)
{
    int server = serving();
    tube_pipeline *p = sending(
        "gen json 2000 | parse json types=[path:text, status:int] unknown=ignore",
        "frame=netstring");
    int fd = taken(server);
    size_t objects = 0;

    hear(fd);
    (void)close(fd);
    (void)end(p, TUBE_OK);
    for (char *c = heard; (c = strstr(c, ":{\"path\":")) != NULL; c++)
        objects++;
    cr_assert_eq(objects, 2000, "%zu %.300s", objects, heard);
    (void)close(server);
}

/* A peer that reads late, in small pieces, and says things meanwhile. */
Test(send, a_slow_peer_gets_all_of_it)
{
    int server = serving();
    tube_pipeline *p = sending("gen combined 20000 | lines", "");
    int fd = taken(server);
    size_t n = 0, bytes = 0;
    char text[3000];
    ssize_t len;

    (void)usleep(100000);
    while ((len = recv(fd, text, sizeof(text), 0)) > 0) {
        for (ssize_t i = 0; i < len; i++)
            n += text[i] == '\n';
        bytes += (size_t)len;
        if (n % 7 == 0)
            (void)!send(fd, text, 100, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    cr_assert_eq(len, 0);
    cr_assert_eq(n, 20000);
    (void)close(fd);
    tube_counts c = end(p, TUBE_OK);
    cr_assert_eq(c.committed, 20000);
    cr_assert_eq(c.bytes, bytes);
    (void)close(server);
}

Test(send, nobody_there)
{
    static const char *const all[] = { "a" };
    tube_pipeline *p;

    lines = all;
    n_lines = 1;
    p = sending("said", "");
    (void)end(p, TUBE_EREACH);
}

enum { ROWS = 30000, WIDE = 200 };

/* Lines "NNNNNNNN...", all of the same length. */
static void
number_lines(size_t n)
{
    static const char *all[ROWS];
    char *text = malloc(n * WIDE);

    cr_assert_not_null(text);
    memset(text, 'x', n * WIDE);
    for (size_t i = 0; i < n; i++) {
        all[i] = text + i * WIDE;
        (void)snprintf(text + i * WIDE, WIDE, "%08zu", i);
        text[i * WIDE + 8] = ' ';
        text[i * WIDE + WIDE - 1] = '\0';
    }
    lines = all;
    n_lines = n;
}

/* Read at most about `most` bytes; whole lines have growing numbers.  True at the end. */
static bool
hear_numbers(int fd, size_t most, long *last, size_t *whole)
{
    char text[WIDE];
    size_t have = 0;
    ssize_t n = 1;

    for (size_t bytes = 0; bytes < most && n > 0; bytes += (size_t)n) {
        long number;

        n = recv(fd, text + have, WIDE - have, 0);
        have += n > 0 ? (size_t)n : 0;
        if (have < WIDE)
            continue;
        cr_assert_eq(text[WIDE - 1], '\n', "a connection begins inside of a record");
        number = strtol(text, NULL, 10);
        cr_assert_gt(number, *last, "a record came twice");
        *last = number;
        *whole += 1;
        have = 0;
    }
    return n == 0;
}

/* With reconnect, the record that was not taken whole is the next connection's first:
 * here all that was taken is heard, so none is missing and none comes twice. */
Test(send, goes_on_where_it_was)
{
    int server = serving();
    size_t whole = 0;
    long last = -1;
    tube_pipeline *p;
    int fd;

    number_lines(ROWS);
    p = sending("said", "reconnect=10ms");
    for (int connections = 0; connections < 5; connections++) {
        fd = taken(server);
        (void)usleep(30000); /* until no more goes in */
        cr_assert_eq(shutdown(fd, SHUT_RD), 0);
        cr_assert(hear_numbers(fd, SIZE_MAX, &last, &whole));
        cr_assert_eq(last + 1, (long)whole);
        (void)close(fd);
    }
    fd = taken(server);
    cr_assert(hear_numbers(fd, SIZE_MAX, &last, &whole));
    (void)close(fd);
    cr_assert_eq(whole, ROWS);
    cr_assert_eq(end(p, TUBE_OK).committed, ROWS);
    cr_assert_gt(got.warned, 0);
    (void)close(server);
}

/* `fail=retry` sends the batch again from its first record. */
Test(send, what_is_tried_again_begins_anew)
{
    enum { BATCH = TUBE_BATCH_ROWS * 3 };
    size_t whole = 0;
    long last = -1;
    tube_pipeline *p;
    int server;
    int fd;

    number_lines(BATCH);
    p = sending("said", "fail=retry retries=50");
    (void)usleep(30000);
    server = serving();
    fd = taken(server);
    cr_assert(!hear_numbers(fd, 1000, &last, &whole));
    (void)usleep(50000); /* it is inside of a batch now, and waits */
    (void)close(fd);
    fd = taken(server);
    last = -1;
    whole = 0;
    cr_assert(hear_numbers(fd, SIZE_MAX, &last, &whole));
    (void)close(fd);
    cr_assert_eq(whole % TUBE_BATCH_ROWS, 0, "%zu are no whole batches", whole);
    cr_assert_eq(last, BATCH - 1);
    cr_assert_eq(end(p, TUBE_OK).committed, BATCH);
    (void)close(server);
}

/* connect */

static tube_pipeline *
connected(const char *options)
{
    char text[300];

    (void)snprintf(text, sizeof(text), "connect %s %s | words", address, options);
    return begin(text);
}

Test(send, connect_ends_with_its_server)
{
    int server = serving();
    tube_pipeline *p = connected("frame=netstring");
    int fd = taken(server);

    say(fd, "3:abc,2:d");
    until(&got.rows, 1);
    say(fd, "e,garbage1:f,4:cut");
    (void)close(fd);
    cr_assert_eq(end(p, TUBE_OK).rejected, 2);
    cr_assert_str_eq(got.text, "[abc][de][f]");
    (void)close(server);
}

Test(send, connect_comes_again)
{
    int server = serving();
    tube_pipeline *p = connected("reconnect=20ms");

    for (int i = 1; i <= 3; i++) {
        int fd = taken(server);
        char text[20];

        (void)snprintf(text, sizeof(text), "line %d", i);
        say(fd, text); /* its end is the end of the connection */
        (void)close(fd);
        until(&got.rows, i);
    }
    cr_assert_str_eq(got.text, "[line 1][line 2][line 3]");
    cr_assert_eq(got.warned, 0);
    (void)close(server);
    (void)unlink(path);
    until(&got.warned, 1);
    (void)usleep(100000);
    cr_assert_eq(number(&got.warned), 1, "it says so each time");
    server = serving();
    int fd = taken(server);
    say(fd, "x\n");
    until(&got.rows, 4);
    tube_drain(p);
    cr_assert_eq(end(p, TUBE_OK).committed, 4);
    until_ended(fd);
    (void)close(fd);
    (void)close(server);
}

Test(send, connect_fails_without_a_server)
{
    tube_pipeline *p = connected("");

    (void)end(p, TUBE_EREACH);
    int server = serving();
    p = connected("frame=netstring garbage=fail");
    int fd = taken(server);
    say(fd, "1:a,oops");
    (void)end(p, TUBE_EPARSE);
    cr_assert_str_eq(got.text, "[a]");
    (void)close(fd);
    (void)close(server);
}

/* A server that takes nobody: the attempt ends in time. */
Test(send, an_attempt_takes_so_long_and_no_longer)
{
    int server = serving(), full[16], n = 0;
    uint64_t since = tube_now();
    tube_pipeline *p;

    for (; n < 16; n++) { /* its queue is full */
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        full[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
        if (connect(full[n], (struct sockaddr *)&a, sizeof(a)) != 0)
            break;
    }
    cr_assert_lt(n, 16);
    p = connected("timeout=200ms");
    (void)end(p, TUBE_EREACH);
    cr_assert_geq(tube_now() - since, UINT64_C(200000000));
    cr_assert_leq(tube_now() - since, UINT64_C(5000000000));
    for (int i = 0; i <= n; i++)
        (void)close(full[i]);
    (void)close(server);
}

/* From one pipeline into another, over TCP. */
Test(send, all_of_it_arrives)
{
    tube_pipeline *to = begin("listen tcp:127.0.0.1:0 frame=netstring | words");
    const char *at = strstr(got.warn, "tcp:");
    char there[80];
    tube_pipeline *from;

    (void)snprintf(there, sizeof(there), "%s", at);
    (void)snprintf(address, sizeof(address), "%s", there);
    from = sending("gen combined 300 | lines", "frame=netstring");
    (void)end(from, TUBE_OK);
    until(&got.rows, 300);
    tube_drain(to);
    cr_assert_eq(end(to, TUBE_OK).committed, 300);
}
