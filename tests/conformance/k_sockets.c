/* SPDX-License-Identifier: MIT */
/* k_sockets.c -- half-close in both directions, ends that stay, pauses of transports. */
#include "conform.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char path[80]; /* of the socket */

static struct sockaddr_un
address(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };

    (void)snprintf(path, sizeof(path), "/tmp/tubes-k-%d.sock", (int)getpid());
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return a;
}

static int
unix_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_geq(fd, 0);
    return fd;
}

/* A server of the test's own, to which `connect` and `send` come. */
static int
serve(void)
{
    struct sockaddr_un a = address();
    int fd = unix_socket();

    (void)unlink(path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0, "%s", strerror(errno));
    cr_assert_eq(listen(fd, 8), 0);
    return fd;
}

static void
serve_no_more(int server)
{
    (void)close(server);
    (void)unlink(path);
}

/* A client of `listen`. */
static int
client(void)
{
    struct sockaddr_un a = address();
    int fd = unix_socket();

    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0, "%s",
                 strerror(errno));
    return fd;
}

static void
say(int fd, const char *text)
{
    cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* {"n":K}, as one line each. */
static void
say_numbers(int fd, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        char text[30];

        (void)snprintf(text, sizeof(text), "{\"n\":%d}\n", i);
        say(fd, text);
    }
}

/* Has the other side ended its writing? */
static bool
is_ended(void *arg)
{
    const int *fd = arg;
    char c;
    ssize_t n = recv(*fd, &c, 1, MSG_DONTWAIT);

    cr_assert(n == 0 || (n < 0 && errno == EAGAIN), "%zd: %s", n, strerror(errno));
    return n == 0;
}

/* "BEFORE unix:PATH BEHIND", with edges of two rows. */
static tube_pipeline *
start(const tube_pipeline_opts *o, const char *before, const char *behind)
{
    tube_pipeline_opts opts = *o;
    char text[300];

    (void)address();
    opts.depth = 2;
    opts.batch_rows = 1;
    (void)snprintf(text, sizeof(text), "%s unix:%s %s", before, path, behind);
    return conform_start(&opts, text);
}

#define READ " | parse json types=[n:int] | sink 1 gate=yes as=s"

static void
reading_ends(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start(o, "listen", "as=l" READ);
    int a = client(), b = client();

    conform_gate(1, true);
    say_numbers(a, 0, 50);
    say(a, "{\"n\":50}"); /* the last one without its end */
    cr_assert_eq(shutdown(a, SHUT_WR), 0);
    conform_quiet(p);
    cr_assert(!is_ended(&a), "closed before its records were handed on");
    conform_gate(1, false);
    conform_until_rows(p, 1, 51);
    conform_until(p, is_ended, &a);
    /* that was the end of one connection, not of the flow */
    cr_assert_eq(conform_stop(p, "l"), TUBE_STOP_NONE);
    cr_assert(!is_ended(&b));
    say_numbers(b, 51, 2);
    conform_until_rows(p, 1, 53);
    conform_complete(1, 0, 53, 1);
    cr_assert(!is_ended(&b));
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    cr_assert(is_ended(&b));
    cr_assert_eq(conform_counts(p).committed, 53);
    (void)close(a);
    (void)close(b);
    tube_pipeline_free(p);
}

/* covers: TUB-69, TUB-72, SEED-3, test_readConnectionLost, test_flowToDeliversData,
 * test_listenerCallsFlowConnector, test_fromEndpoint, test_oneConnectionAccepted */
Test(K15, the_end_of_reading_ends_its_records_and_leaves_the_write_side,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(reading_ends);
}

static void
server_ends(const tube_pipeline_opts *o)
{
    int server = serve();
    tube_pipeline *p = start(o, "connect", "as=c" READ);
    int fd;

    conform_gate(1, true);
    conform_quiet(p);
    fd = accept(server, NULL, NULL);
    cr_assert_geq(fd, 0);
    say_numbers(fd, 0, 40);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    conform_quiet(p);
    cr_assert(!is_ended(&fd), "closed before its records were handed on");
    conform_gate(1, false);
    conform_finish(p, TUBE_OK);
    cr_assert(is_ended(&fd));
    conform_complete(1, 0, 40, 1);
    cr_assert_eq(conform_stop(p, "c"), TUBE_STOP_END);
    (void)close(fd);
    serve_no_more(server);
    tube_pipeline_free(p);
}

/* covers: TUB-72, test_connectionLostSendsFlowStopped */
Test(K15, a_server_that_has_said_all_can_still_be_told_something,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(server_ends);
}

static char sent[1 << 16];
static size_t sent_len;

/* Read what `send` wrote; true at its end. */
static bool
is_read(void *arg)
{
    const int *fd = arg;
    ssize_t n;

    do {
        n = recv(*fd, sent + sent_len, sizeof(sent) - sent_len - 1, MSG_DONTWAIT);
        if (n > 0)
            sent_len += (size_t)n;
    } while (n > 0);
    cr_assert(n == 0 || errno == EAGAIN, "%s", strerror(errno));
    sent[sent_len] = '\0';
    return n == 0;
}

static void
peer_says_no_more(const tube_pipeline_opts *o)
{
    int server = serve();
    tube_pipeline *p = start(o, "src 1 n=300 | send", "linger=20s as=s");
    int fd = accept(server, NULL, NULL);
    size_t lines = 0;

    sent_len = 0;
    cr_assert_geq(fd, 0);
    cr_assert_eq(shutdown(fd, SHUT_WR), 0); /* what it hears is another matter */
    conform_until(p, is_read, &fd);
    for (size_t i = 0; i < sent_len; i++)
        lines += sent[i] == '\n';
    cr_assert_eq(lines, 300);
    cr_assert_eq(strncmp(sent, "{\"n\":0,\"tag\":\"a\"}\n", 18), 0, "%.40s", sent);
    conform_finish(p, TUBE_OK);
    (void)close(fd);
    serve_no_more(server);
    tube_pipeline_free(p);
}

static void
sender_ends(const tube_pipeline_opts *o)
{
    int server = serve();
    tube_pipeline *p = start(o, "src 1 n=3 | send", "linger=20s as=s");
    int fd = accept(server, NULL, NULL);

    sent_len = 0;
    conform_until(p, is_read, &fd); /* it writes no more, and still reads */
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_NONE);
    say(fd, "thank you");
    conform_quiet(p);
    cr_assert_eq(conform_stop(p, "s"), TUBE_STOP_NONE);
    (void)close(fd);
    conform_finish(p, TUBE_OK);
    serve_no_more(server);
    tube_pipeline_free(p);
}

/* conform_each_mode() with nobody to run the pipeline while the test accepts */
static void
with_threads(void (*body)(const tube_pipeline_opts *o))
{
    for (int workers = 1; workers <= 4; workers *= 2) {
        conform_reset();
        body(TUBE_PIPELINE_OPTS(.workers = workers));
    }
}

/* covers: TUB-72, SEED-3, test_readConnectionLost, test_linesToBytes,
 * test_drainReceivingWritesToTransport */
Test(K15, a_peer_that_says_no_more_is_still_written_to, .timeout = CONFORM_SECONDS)
{
    with_threads(peer_says_no_more);
}

/* covers: TUB-71, TUB-72, test_flowStoppedStopsConnection */
Test(K15, the_end_of_writing_leaves_the_read_side, .timeout = CONFORM_SECONDS)
{
    with_threads(sender_ends);
}

static void
peer_hears_no_more(const tube_pipeline_opts *o)
{
    int server = serve();
    tube_pipeline *p = start(o, "src 1 n=-1 as=src | send", "as=s");
    int fd = accept(server, NULL, NULL);
    tube_error err;

    (void)close(fd);
    err = conform_finish(p, TUBE_EIO);
    cr_assert_str_eq(err.stage, "s");
    cr_assert_not_null(strstr(err.message, path), "%s", err.message);
    cr_assert_neq(conform_stop(p, "src"), TUBE_STOP_NONE);
    serve_no_more(server);
    tube_pipeline_free(p);
}

/* covers: TUB-72, test_writeConnectionLost, test_connectionLostSendsStopFlow,
 * test_stopProducing */
Test(K15, a_peer_that_hears_no_more_stops_the_sender, .timeout = CONFORM_SECONDS)
{
    with_threads(peer_hears_no_more);
}

static void
sticky(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start(o, "listen", "as=l" READ);
    int fd = client();
    uint64_t before;

    say(fd, "{\"n\":0}\n{\"n\":1}");
    conform_quiet(p);
    cr_assert_str_eq(conform_log(1, "rows"), "0");
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    conform_until_rows(p, 1, 2);
    conform_until(p, is_ended, &fd);
    /* it was told once, and nobody asks again */
    conform_quiet(p);
    before = conform_stats(p, "l").activations;
    (void)usleep(20000);
    conform_quiet(p);
    cr_assert_eq(conform_stats(p, "l").activations, before, "it goes round");
    cr_assert_str_eq(conform_log(1, "rows"), "0 1");
    (void)close(fd);
    tube_drain(p);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_stop(p, "l"), TUBE_STOP_CANCELLED);
    cr_assert_eq(access(path, F_OK), -1, "the file of the socket is left behind");
    tube_pipeline_free(p);
}

/* covers: TUB-70, test_stopping */
Test(F19, an_end_is_told_once_and_stays, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sticky);
}

static void
level_triggered(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start(o, "listen", "as=l" READ);
    tube_pause_id id[2];
    int a = client(), b;

    say_numbers(a, 0, 1);
    conform_until_rows(p, 1, 1);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(tube_pause(p, conform_ref(p, "l"), (tube_ref){ 0 }, "", &id[i]),
                     TUBE_OK);
    conform_quiet(p);
    /* many pieces, a connection and an end, all while nobody looks */
    for (int i = 1; i < 20; i++) {
        say_numbers(a, i, 1);
        (void)usleep(100);
    }
    b = client();
    say_numbers(b, 20, 5);
    cr_assert_eq(shutdown(a, SHUT_WR), 0);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].rows, 1);
    cr_assert_eq(tube_resume(p, id[0]), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].rows, 1, "one of two tokens let it run");
    cr_assert_eq(tube_resume(p, id[1]), TUBE_OK);
    conform_until_rows(p, 1, 25);
    conform_until(p, is_ended, &a);
    conform_complete(1, 0, 25, 1);
    cr_assert(!is_ended(&b));
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    (void)close(a);
    (void)close(b);
    tube_pipeline_free(p);
}

/* covers: TUB-70, TUB-71, test_dataReceivedBeforeFlowing,
 * test_dataReceivedWhenFlowingToNone, test_pauseUnpauseFromOtherDrain,
 * test_acceptBeforeActuallyListening, test_acceptAfterDeferredButBeforeFlowTo */
Test(F19, what_comes_while_paused_waits_and_is_not_lost, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(level_triggered);
}

static void
back_pressure(const tube_pipeline_opts *o)
{
    int server = serve();
    tube_pipeline *p = start(o, "src 1 n=-1 as=src | send", "as=s");
    int fd = accept(server, NULL, NULL);
    int64_t rows;
    char drop[4096];

    conform_quiet(p); /* nobody reads: it comes to rest */
    rows = conform.at[1].rows;
    conform_quiet(p);
    cr_assert_eq(conform.at[1].rows, rows, "the source goes on");
    cr_assert_gt(rows, 0);
    for (int i = 0; i < 2000 && conform.at[1].rows < rows + 100; i++) {
        (void)!recv(fd, drop, sizeof(drop), 0);
        (void)usleep(100);
    }
    cr_assert_geq(conform.at[1].rows, rows + 100, "it does not go on");
    tube_abort(p);
    conform_finish(p, TUBE_ECANCELED);
    (void)close(fd);
    serve_no_more(server);
    tube_pipeline_free(p);
}

/* covers: TUB-71, test_pauseUnpauseFromTransport, test_backpressure */
Test(F19, a_peer_that_does_not_read_pauses_the_source, .timeout = CONFORM_SECONDS)
{
    with_threads(back_pressure);
}

static void
stop_request(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start(o, "listen", "as=l" READ);
    int fd = client();
    tube_counts c;

    say(fd, "{\"n\":0}\n{\"n\":1}\n{\"n\":");
    conform_until_rows(p, 1, 2);
    conform_quiet(p);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    cr_assert(is_ended(&fd));
    c = conform_counts(p);
    cr_assert_eq(c.committed, 2);
    cr_assert_eq(c.rejected, 1, "half a record went without a trace");
    (void)close(fd);
    tube_pipeline_free(p);
}

/* covers: TUB-70, test_stopFlowStopsConnection */
Test(F19, a_stop_closes_the_connections_and_accounts_for_all,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stop_request);
}
