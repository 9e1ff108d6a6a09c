/* SPDX-License-Identifier: MIT */
/* test_listen.c -- listen: addresses, many connections, bad ones. */
#include "socket.h"
#include "sockets_peer.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

TestSuite(listen, .timeout = 60, .init = make_dir, .fini = remove_dir);

/* Addresses. */

static tube_error
refused(const char *text, bool for_listening)
{
    tube_error err = { 0 };
    tubei_address a;

    cr_assert_lt(tubei_address_read(&a, text, for_listening, &err), 0, "%s", text);
    return err;
}

Test(listen, addresses)
{
    static const char *const bad[] = {
        "",          "x",           "tcp:",     "tcp:host",
        "tcp::80",   "tcp:host:",   "tcp:h:x",  "tcp:h:1x",
        "tcp:1:2:3", "tcp:[::1]",   "tcp:[]:1", "unix:",
        "udp:h:1",   "tcp:h:65536", "tcp:h:-1", "tcp:h:999999999999999999999",
    };
    char longest[200] = "unix:";
    tube_error err;
    tubei_address a;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        (void)refused(bad[i], true);
    cr_assert_eq(tubei_address_read(&a, "tcp:127.0.0.1:514", false, &err), TUBE_OK);
    cr_assert_eq(a.any.ss_family, AF_INET);
    cr_assert_eq(ntohs(((struct sockaddr_in *)(void *)&a.any)->sin_port), 514);
    cr_assert_eq(tubei_address_read(&a, "tcp:[::1]:514", false, &err), TUBE_OK);
    cr_assert_eq(a.any.ss_family, AF_INET6);
    cr_assert_eq(tubei_address_read(&a, "tcp:*:0", true, &err), TUBE_OK);
    (void)refused("tcp:*:1", false);
    (void)refused("tcp:127.0.0.1:0", false);
    memset(longest + 5, 'x', 107);
    cr_assert_eq(tubei_address_read(&a, longest, false, &err), TUBE_OK);
    cr_assert_str_eq(a.path, longest + 5);
    longest[5 + 107] = 'x';
    err = refused(longest, false);
    cr_assert_not_null(strstr(err.message, "1 to 107 bytes"), "%s", err.message);
    err = refused("udp:h:1", false);
    cr_assert_str_eq(err.message, "'udp:h:1' is no address");
    cr_assert_neq(err.hint[0], '\0');
}

Test(listen, files_of_sockets)
{
    tubei_listener l, other;
    tubei_address a;
    tube_error err;
    struct stat st;
    int fd;

    cr_assert_eq(tubei_address_read(&a, address, true, &err), TUBE_OK);
    cr_assert_eq(tubei_listener_open(&l, &a, &err), TUBE_OK);
    cr_assert_eq(fcntl(l.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    cr_assert_eq(tubei_listener_open(&other, &a, &err), TUBE_EIO, "two listen");
    cr_assert_not_null(strstr(err.message, "somebody listens"), "%s", err.message);
    (void)close(l.fd); /* as if it had been killed */
    cr_assert_eq(lstat(path, &st), 0);
    cr_assert_eq(tubei_listener_open(&other, &a, &err), TUBE_OK, "%s", err.message);
    l.fd = -1;
    tubei_listener_close(&other);
    cr_assert_eq(access(path, F_OK), -1);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    cr_assert_eq(tubei_listener_open(&l, &a, &err), TUBE_EIO);
    cr_assert_not_null(strstr(err.message, "is no socket"), "%s", err.message);
    cr_assert_eq(access(path, F_OK), 0, "the file is gone");
}

/* A file that somebody else has put there meanwhile stays. */
Test(listen, a_file_of_somebody_else_stays)
{
    tubei_listener l;
    tubei_address a;
    tube_error err;

    cr_assert_eq(tubei_address_read(&a, address, true, &err), TUBE_OK);
    cr_assert_eq(tubei_listener_open(&l, &a, &err), TUBE_OK);
    (void)close(serving());
    tubei_listener_close(&l);
    cr_assert_eq(access(path, F_OK), 0);
}

Test(listen, a_free_port_is_told)
{
    tube_pipeline *p = begin("listen tcp:127.0.0.1:0 | words");
    struct sockaddr_in a = { .sin_family = AF_INET };
    const char *colon;
    int fd;

    cr_assert_eq(strncmp(got.warn, "listen: listening at tcp:127.0.0.1:", 35), 0, "%s",
                 got.warn);
    colon = strrchr(got.warn, ':');
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    say(fd, "hello\n");
    until(&got.rows, 1);
    cr_assert_str_eq(got.text, "[hello]");
    (void)close(fd);
    (void)drained(p);
}

/* Connections. */

Test(listen, each_connection_has_a_decoder_of_its_own)
{
    tube_pipeline *p = listening("frame=netstring max=20");
    int a = client(), b = client(), c = client();

    say(a, "5:he");
    say(b, "garbage 3:");
    say(c, "6:wor");
    (void)usleep(20000);
    say(a, "llo,");
    until(&got.rows, 1);
    say(c, "lds,1:x,");
    until(&got.rows, 3);
    say(b, "abc,");
    until(&got.rows, 4);
    cr_assert_str_eq(got.text, "[hello][worlds][x][abc]");
    until(&got.rejected, 1);
    cr_assert_str_eq(got.reject, "garbage : no netstring: 8 bytes from 'garbage ' on");
    (void)close(a);
    (void)close(b);
    (void)close(c);
    cr_assert_eq(drained(p).rejected, 1);
}

Test(listen, garbage_may_end_its_connection_only)
{
    tube_pipeline *p = listening("frame=octets garbage=fail");
    int a = client(), b = client();

    say(a, "2 ab");
    say(b, "2 cdwhat is this? 2 ef");
    until(&got.rejected, 1);
    until_ended(b);
    say(a, "3 ghi");
    until(&got.rows, 3);
    cr_assert(strstr(got.text, "[ef]") == NULL && strstr(got.text, "[ghi]") != NULL,
              "%s", got.text);
    (void)close(a);
    (void)close(b);
    (void)drained(p);
}

Test(listen, too_long_is_rejected_and_the_next_one_comes)
{
    tube_pipeline *p = listening("max=5");
    int a = client();

    say(a, "12345\n123456\n\n12\r\n");
    until(&got.rows, 2);
    cr_assert_str_eq(got.text, "[12345][12]");
    until(&got.rejected, 1);
    cr_assert_str_eq(got.reject, "123456: line of 6 bytes is longer than max=5");
    (void)close(a);
    tube_counts c = drained(p);
    cr_assert_eq(c.filtered, 1, "the blank line");
}

Test(listen, an_open_record_at_the_end)
{
    tube_pipeline *p = listening("");
    int a = client(), b = client();

    say(a, "whole");
    (void)shutdown(a, SHUT_WR); /* its end is the line's */
    until(&got.rows, 1);
    until_ended(a);
    say(b, "half");
    (void)usleep(50000);
    tube_counts c = drained(p);
    cr_assert_eq(c.committed, 1);
    cr_assert_eq(c.rejected, 1);
    cr_assert_str_eq(got.reject,
                     "half: the stream ends inside of this line, after 4 bytes");
    (void)close(a);
    (void)close(b);
}

/* Who comes when there are enough waits, and is not refused. */
Test(listen, no_more_connections_than_wanted)
{
    tube_pipeline *p = listening("connections=2");
    tube_stage_stats st;
    uint64_t before;
    int fd[6];

    for (int round = 0; round < 3; round++) { /* the count does not drift */
        for (int i = 0; i < 6; i++) {
            fd[i] = client();
            say(fd[i], "x\n");
        }
        until(&got.rows, 6 * round + 2);
        (void)usleep(30000);
        cr_assert_eq(number(&got.rows), 6 * round + 2, "more than two were heard");
        tube_stats_stage(p, 0, &st);
        before = st.activations;
        (void)usleep(30000);
        tube_stats_stage(p, 0, &st);
        cr_assert_eq(st.activations, before, "it goes round");
        for (int i = 0; i < 6; i++) {
            (void)shutdown(fd[i], SHUT_WR);
            until_ended(fd[i]);
            (void)close(fd[i]);
        }
        until(&got.rows, 6 * round + 6);
    }
    cr_assert_eq(drained(p).committed, 18);
}

Test(listen, silence_ends_a_connection)
{
    tube_pipeline *p = listening("idle=150ms");
    int a = client(), b = client();

    for (int i = 0; i < 8; i++) {
        say(a, "x\n");
        (void)usleep(50000);
    }
    until_ended(b);
    until(&got.rows, 8);
    say(a, "y\n");
    until(&got.rows, 9);
    until_ended(a);
    (void)close(a);
    (void)close(b);
    (void)drained(p);
}

/* Silence that the stage itself makes, being paused, is none. */
Test(listen, a_pause_is_not_silence)
{
    tube_pipeline *p = listening("idle=50ms as=l");
    tube_pause_id id;
    int a = client();

    say(a, "x\n");
    until(&got.rows, 1);
    cr_assert_eq(tube_pause(p, tube_find(p, "l"), (tube_ref){ 0 }, "", &id), TUBE_OK);
    say(a, "y\n");
    (void)usleep(150000);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    until(&got.rows, 2);
    (void)close(a);
    (void)drained(p);
}

Test(listen, a_reset_is_the_end_of_one_connection)
{
    tube_pipeline *p = begin("listen tcp:127.0.0.1:0 | words");
    struct sockaddr_in to = { .sin_family = AF_INET };
    const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((uint16_t)strtoul(strrchr(got.warn, ':') + 1, NULL, 10));
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    say(fd, "one\ntw");
    until(&got.rows, 1);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)close(fd);
    until(&got.rejected, 1);
    cr_assert_eq(strncmp(got.reject, "tw: the stream ends", 19), 0, "%s", got.reject);
    cr_assert_eq(drained(p).committed, 1);
}

/* A process that was forked meanwhile has the connection too; it is over all the same. */
Test(listen, a_fork_does_not_matter)
{
    tube_pipeline *p = listening("as=l");
    int a = client(), b = client();
    uint64_t before, after;
    tube_stage_stats st;
    pid_t child;

    say(a, "x\n");
    say(b, "y\n");
    until(&got.rows, 2);
    child = fork();
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    cr_assert_gt(child, 0);
    say(a, "z\n");
    (void)shutdown(a, SHUT_WR);
    until(&got.rows, 3);
    (void)usleep(50000);
    tube_stats_stage(p, 0, &st);
    before = st.activations;
    (void)usleep(100000);
    tube_stats_stage(p, 0, &st);
    after = st.activations;
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    cr_assert_eq(after, before, "it goes round: %ju times",
                 (uintmax_t)(after - before));
    (void)close(a);
    (void)close(b);
    (void)drained(p);
}

Test(listen, large_records_from_many)
{
    enum { LEN = 300000, PEERS = 8 };
    tube_pipeline *p = listening("frame=int32 | where line = `` ");
    static char text[LEN + 4];
    int fd[PEERS];

    text[0] = 0;
    text[1] = LEN >> 16;
    text[2] = (char)(LEN >> 8 & 0xff);
    text[3] = (char)(LEN & 0xff);
    for (int i = 0; i < PEERS; i++)
        fd[i] = client();
    for (int k = 0; k < 20; k++)
        for (int i = 0; i < PEERS; i++)
            for (size_t at = 0; at < sizeof(text);) {
                ssize_t n = send(fd[i], text + at, sizeof(text) - at, MSG_NOSIGNAL);

                cr_assert_gt(n, 0);
                at += (size_t)n;
            }
    for (int i = 0; i < PEERS; i++) {
        (void)shutdown(fd[i], SHUT_WR);
        until_ended(fd[i]);
        (void)close(fd[i]);
    }
    tube_counts c = drained(p);
    cr_assert_eq(c.filtered, 20 * PEERS);
    cr_assert_leq(c.memory_high, 64 << 20);
}
