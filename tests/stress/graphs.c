/* SPDX-License-Identifier: MIT */
/* graphs.c -- random graphs, and random things done to them while they run.
 *
 *   stress/graphs [N [SEED]]                N graphs, one activation at a time
 *   stress/graphs --threads SECONDS [SEED]  the same on 2, 3 and 4 workers
 *
 * Step by step: after each step every record is in one place, and sinks have seen what
 * is counted as committed.  In both: it ends, all is given back, every stage has been
 * greeted, finished and closed once at most, every flush is completed.  A seed that
 * fails is printed with all that was done; `graphs 1 SEED` does it again.
 */
#include "graph_world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEPS_MOST = 300000,
    NAPS_MOST = 5000,
    ACTS_MOST = 120,
    EARLY_MOST = 10,
    LIKE = 20
};

/* What a failing run is tried again without. */
static bool skip_act[ACTS_MOST + EARLY_MOST];
static bool skip_trap[GRAPH_TRAPS];

static void
tell(const char *text, size_t len)
{
    ssize_t n = write(STDERR_FILENO, text, len);

    (void)n;
}

/* Only what may be called here: the log is a buffer. */
static void
crashed(int sig)
{
    static const char head[] = "\ncrashed; what was done:\n";

    tell(head, sizeof(head) - 1);
    tell(graph.log, graph.log_len);

    (void)signal(sig, SIG_DFL);
    (void)raise(sig);
}

static void
no_warning(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static void
act(uint32_t k)
{
    if (!skip_act[k])
        graph_act(k);
}

static bool
make(int32_t workers)
{
    tube_error err = { 0 };

    graph.p = tube_pipeline_new(
        TUBE_PIPELINE_OPTS(.workers = workers, .seed = graph_rnd(1000000),
                           .batch_rows = 1 + graph_rnd(graph_one_in(2) ? 20 : 1024),
                           .depth = 2u << graph_rnd(4), .budget = 16u << 20,
                           .on_warn = no_warning),
        &err);
    if (graph.p == NULL)
        return false;
    graph_define(graph.p);
    graph_write();
    graph_log("seed %" PRIu64 " workers %d\n%s", graph.seed, (int)workers, graph.text);
    for (uint32_t i = 0; i < graph.n_traps; i++)
        graph_log("trap %u at call %" PRIu64 ", %" PRIu64 " times", i, graph.trap[i].at,
                  graph.trap[i].times);
    for (uint32_t i = 0; i < GRAPH_TRAPS; i++)
        if (skip_trap[i])
            graph.trap[i].at = UINT64_MAX / 2;
    if (tube_series(graph.p, graph.text, &err) != TUBE_OK
        || tube_open(graph.p, &err) != TUBE_OK) {
        graph_wrong("refused: %s", err.message);
        return false;
    }
    for (uint32_t i = graph_one_in(3) ? graph_rnd(EARLY_MOST) : 0; i > 0; i--)
        act(ACTS_MOST + i);
    if (tube_start(graph.p, &err) != TUBE_OK) {
        graph_wrong("does not start: %s", err.message);
        return false;
    }
    graph.started = true;
    return true;
}

/* Run to the end, with fewer and fewer things done to it. */
static void
run_steps(void)
{
    uint32_t acts = graph_rnd(ACTS_MOST);
    uint32_t pace = 1 + graph_rnd(40);
    uint32_t naps = 0;
    tube_status st = TUBE_OK;

    while (st != TUBE_END && graph.wrong[0] == '\0') {
        if (acts > 0 && (st == TUBE_AGAIN || graph_one_in(pace))) {
            act(--acts);
            if (acts == 0)
                graph_release();
        } else if (acts == 0 && graph.steps == 0) {
            graph_release();
        }
        st = tube_step(graph.p);
        graph.steps++;
        graph_check_counts();
        if (st == TUBE_AGAIN && acts == 0) {
            (void)usleep(200);
            naps++;
        }
        if (graph.steps > STEPS_MOST || naps > NAPS_MOST)
            graph_wrong("it does not end");
    }
}

static void
run_threads(void)
{
    uint32_t acts = graph_rnd(ACTS_MOST);
    tube_error err = { 0 };

    while (acts > 0) {
        graph.steps++;
        act(--acts);
        if (graph_one_in(3))
            (void)usleep(graph_rnd(300));
    }
    graph_release();
    if (tube_wait(graph.p, 10000000000u, &err) == TUBE_ETIME)
        graph_wrong("it does not end");
}

static bool
run(uint64_t seed, bool threads)
{
    tube_error err = { 0 };
    tube_status st;
    bool made;

    graph_reset(seed, threads);
    made = make(threads ? (int32_t)(2 + graph_rnd(3)) : TUBE_CALLER);
    if (made) {
        if (threads)
            run_threads();
        else
            run_steps();
    }
    if (made && graph.wrong[0] == '\0') {
        st = tube_wait(graph.p, 0, &err);
        if (st == TUBE_ENOMEM || st == TUBE_EINVAL || st == TUBE_ETIME)
            graph_wrong("tube_wait: %d %s", (int)st, err.message);
        graph_check_end();
    }
    if (graph.wrong[0] == '\0') {
        tube_pipeline_free(graph.p);
        graph_check_books();
    } else if (graph.p != NULL) {
        graph_dump();
    }
    return graph.wrong[0] == '\0';
}

/* Leave out of a failing run what it fails without, and tell the rest. */
static void
tell_failure(uint64_t seed, bool threads)
{
    char what[LIKE];

    fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, graph.wrong);
    memcpy(what, graph.wrong, LIKE);
    for (uint32_t k = 0; !threads && k < ACTS_MOST + EARLY_MOST; k++) {
        skip_act[k] = true;
        skip_act[k] = !run(seed, threads) && strncmp(what, graph.wrong, LIKE) == 0;
    }
    for (uint32_t k = 0; !threads && k < GRAPH_TRAPS; k++) {
        skip_trap[k] = true;
        skip_trap[k] = !run(seed, threads) && strncmp(what, graph.wrong, LIKE) == 0;
    }
    if (!threads)
        (void)run(seed, threads);
    tell(graph.log, graph.log_len);
    fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, graph.wrong);
}

int
main(int argc, char **argv)
{
    bool threads = argc > 1 && strcmp(argv[1], "--threads") == 0;
    char **arg = argv + (threads ? 2 : 1);
    uint64_t n = *arg != NULL ? strtoull(*arg, NULL, 10) : 200;
    uint64_t seed = *arg != NULL && arg[1] != NULL ? strtoull(arg[1], NULL, 10) : 1;
    uint64_t until = threads ? tube_now() + n * 1000000000u : 0;
    uint64_t i;

    (void)signal(SIGABRT, crashed);
    for (i = 0; threads ? tube_now() < until : i < n; i++)
        if (!run(seed + i, threads)) {
            tell_failure(seed + i, threads);
            _exit(1); /* what failed was not freed */
        }
    printf("%" PRIu64 " graphs from seed %" PRIu64 "\n", i, seed);
    return 0;
}
