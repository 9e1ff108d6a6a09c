/* SPDX-License-Identifier: MIT */
/* asks.c -- what it costs to be told what became of each record, and how long one takes.
 *
 * The program pushes rows one by one into a fan-in and a sink that sums up, at most 1 M
 * futures of its own under way: nobody asks; a future each, called by the worker; a future
 * each, called by a loop that the pushing thread polls.  `more` is the difference to
 * nobody in the same round, 0 if noise hides it (and for -f without `nobody`, nothing).
 *
 *     two_*   the program is one core, a worker the other: time of a row
 *     alone_* TUBE_CALLER, all on one core: work of a row, no cache line goes to and fro
 *     group   making, counting and settling the group of a batch, for a row of it
 *     lone_*  a row through four hops 1 ms after the last one, until tube_future_wait() is
 *             back; bare_*: the same with two semaphores and nothing else
 */
#include "data/ack.h"
#include "graph.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

enum { MILLION = 1000 * 1000, BURST = 1024, GROUP = 256, LONE = 500 };
enum { ASKS_NOBODY, ASKS_INLINE, ASKS_LOOP };

typedef struct asks_run {
    graph_run graph;
    int how;     /* and its place in its array */
    double last; /* its figure of this round */
    tube_pipeline *p;
    tube_inlet *in;
    tube_then then;
} asks_run;

static tube_future asks_future[MILLION]; /* used in turn */
static uint64_t asks_committed;          /* both written by one thread at a time */
static _Atomic uint64_t asks_called;

static void
asks_done(tube_future *f)
{
    asks_committed += tube_future_look(f) == TUBE_COMMITTED;
    atomic_store_explicit(&asks_called, asks_called + 1, memory_order_release);
}

static void
asks_pass(const asks_run *a)
{
    struct pollfd fd = { .events = POLLIN };

    if (a->then.loop != NULL) {
        fd.fd = tube_loop_fd(a->then.loop);
        if (poll(&fd, 1, 0) > 0)
            (void)tube_loop_dispatch(a->then.loop, 0);
    }
    if (a->graph.workers != TUBE_CALLER || tube_step(a->p) != TUBE_OK)
        sched_yield();
}

static tube_status
asks_push(const asks_run *a, tube_error *err)
{
    uint64_t rows = a->graph.rows, want = a->how == ASKS_NOBODY ? 0 : rows;
    tube_status st = TUBE_OK;
    tube_cell row;

    tube_bound(a->p, MILLION);
    for (uint64_t i = 0; i < rows && st == TUBE_OK; i++) {
        tube_future *f = want > 0 ? &asks_future[i % MILLION] : NULL;

        if (i % BURST == 0)
            do /* futures return in order */
                asks_pass(a);
            while (want > 0 && i + BURST > asks_called + MILLION);
        if (f != NULL)
            tube_future_init(f, &a->then);
        tube_set_int(&row, (int64_t)i);
        while ((st = tube_push(a->in, &row, f)) == TUBE_AGAIN)
            asks_pass(a);
    }
    tube_inlet_stop(a->in, TUBE_STOP_END, NULL);
    if (st != TUBE_OK || tube_seal(a->p, tube_find(a->p, "in")) < 0)
        return tube_fail(err, TUBE_EINVAL, "not pushed");
    while (a->then.loop != NULL && asks_called < want)
        asks_pass(a);
    st = tube_wait(a->p, TUBE_FOREVER, err);
    if (st == TUBE_OK && (asks_called != want || asks_committed != want))
        st = tube_fail(err, TUBE_EINVAL, "not every future was committed");
    return st;
}

static bool
asks_start(asks_run *a, tube_error *err)
{
    memset(asks_future, 0, sizeof(asks_future)); /* the pages are there */
    asks_called = asks_committed = 0;
    a->p = graph_new(&a->graph);
    a->in = a->p ? tube_inlet_new(a->p, tube_find(a->p, "in"), NULL, err) : NULL;
    return a->in != NULL && tube_start(a->p, err) == TUBE_OK;
}

static double
asks_rows(void *arg)
{
    asks_run *a = arg;
    tube_error err = { 0 };
    tube_loop *loop = a->how == ASKS_LOOP ? tube_loop_new(&err) : NULL;
    uint64_t since;
    tube_status st;

    a->then = (tube_then){ .fn = asks_done, .loop = loop };
    if ((a->how == ASKS_LOOP && loop == NULL) || !asks_start(a, &err))
        return -1;
    since = bench_now();
    st = asks_push(a, &err);
    since = bench_now() - since;
    tube_inlet_free(a->in);
    a->last = graph_end(a->p, st, &err) ? (double)since / (double)a->graph.rows : -1;
    tube_loop_free(loop);
    return a->last;
}

static double
asks_more(void *arg)
{
    const asks_run *a = arg;

    return fmax(a->last - (a - a->how)->last, 0);
}

static double
asks_group(void *unused)
{
    static tubei_totals totals;
    tubei_settled settled = { .committed = GROUP };
    uint64_t since = bench_now();

    (void)unused;
    for (int i = 0; i < MILLION; i++) {
        tubei_ack *ack = tubei_ack_new(&totals);

        if (ack == NULL)
            return -1;
        tubei_ack_rows(ack, GROUP);
        tubei_ack_settle(ack, &settled);
    }
    return (double)(bench_now() - since) / MILLION / GROUP;
}

static asks_run lone;
static sem_t asks_to, asks_fro;

static void *
asks_echo(void *unused)
{
    for (int i = 0; i < LONE; i++) {
        (void)sem_wait(&asks_to);
        (void)sem_post(&asks_fro);
    }
    return unused;
}

static double
asks_times(double *us, bool bare)
{
    bool ok = true;

    for (int i = 0; i < LONE; i++) {
        tube_future *f = &asks_future[i];
        uint64_t since = usleep(1000) == 0 ? bench_now() : 0;
        tube_cell row;

        tube_set_int(&row, i);
        if (bare)
            ok = sem_post(&asks_to) == 0 && sem_wait(&asks_fro) == 0 && ok;
        else
            ok = ok && tube_push(lone.in, &row, f) == TUBE_OK
                 && tube_future_wait(f, TUBE_FOREVER) == TUBE_OK
                 && tube_future_look(f) == TUBE_COMMITTED;
        us[i] = (double)(bench_now() - since) * 1e-3;
    }
    qsort(us, LONE, sizeof(*us), bench_order);
    return ok ? us[LONE / 2] : -1;
}

static double
asks_bare(void *us)
{
    pthread_t echo;

    if (sem_init(&asks_to, 0, 0) != 0 || sem_init(&asks_fro, 0, 0) != 0
        || pthread_create(&echo, NULL, asks_echo, NULL) != 0)
        return -1;
    (void)asks_times(us, true);
    return pthread_join(echo, NULL) == 0 ? ((double *)us)[LONE / 2] : -1;
}

static double
asks_lone(void *us)
{
    tube_error err = { 0 };
    double p50 = asks_start(&lone, &err) ? asks_times(us, false) : -1;

    tube_inlet_free(lone.in);
    if (p50 < 0 || tube_seal(lone.p, tube_find(lone.p, "in")) < 0)
        return -1;
    return graph_end(lone.p, tube_wait(lone.p, TUBE_FOREVER, &err), &err) ? p50 : -1;
}

/* Of the run before it. */
static double
asks_p99(void *us)
{
    return ((double *)us)[LONE * 99 / 100];
}

#define INTO "record item { n int }\nmerge hold=yes of=item as=in | "
#define RUN(who, what) \
  .graph = { INTO "add", 4 * MILLION, 0, who, 0, 0, NULL }, .how = what
static asks_run two[] = { { RUN(1, ASKS_NOBODY) },
                          { RUN(1, ASKS_INLINE) },
                          { RUN(1, ASKS_LOOP) } };
static asks_run alone[] = { { RUN(-1, ASKS_NOBODY) },
                            { RUN(-1, ASKS_INLINE) },
                            { RUN(-1, ASKS_LOOP) } };
static asks_run lone = { .graph = { INTO "touch | touch | touch | add", LONE, 0, 1, 3,
                                    0, NULL } };

#define ROWS(of)                                              \
  bench_add(#of "_nobody", "ns/row", asks_rows, &of[0]);      \
  bench_add(#of "_inline", "ns/row", asks_rows, &of[1]);      \
  bench_add(#of "_loop", "ns/row", asks_rows, &of[2]);        \
  bench_add(#of "_inline_more", "ns/row", asks_more, &of[1]); \
  bench_add(#of "_loop_more", "ns/row", asks_more, &of[2])

int
main(int argc, char **argv)
{
    static double us[2][LONE];

    bench_begin("asks", argc, argv);
    ROWS(two);
    ROWS(alone);
    bench_add("group", "ns/row", asks_group, NULL);
    bench_add("bare_p50", "us", asks_bare, us[0]);
    bench_add("bare_p99", "us", asks_p99, us[0]);
    bench_add("lone_p50", "us", asks_lone, us[1]);
    bench_add("lone_p99", "us", asks_p99, us[1]);
    return bench_end();
}
