/* SPDX-License-Identifier: MIT */
/* pipeline.c -- the same graphs on many workers, few and none: nothing is lost,
 * doubled or reordered, nothing hangs, everything is given back.
 *
 *   stress/pipeline [rounds [seed]]
 */
#include "test_stages.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct graph {
    const char *text;
    uint64_t rows; /* that reach the sink; UINT64_MAX: not to be foretold */
} graph;

static const graph graphs[] = {
    { "count 50000 | collect", 50000 },
    { "count 50000 | touch | touch | touch | collect", 50000 },
    { "count 50000 | touch filter=3 reject=5 | touch | collect", 26667 },
    { "count 300 | repeat 100 | touch | collect", 30000 },
    { "count 3 | repeat 20000 | gated limit=1000", 60000 },
    { "count 50000 | touch | gated limit=3000", 50000 },
    { "count 50000 | touch | blocking", 50000 },
    { "count 50000 | touch fail=30000 | gated", UINT64_MAX },
    { "count 50000 | touch | collect fail=30000", UINT64_MAX },
    { "count 50000 | touch | collect stop=30000", UINT64_MAX },
    { "count 50000 fail=30000 | touch | collect", 30000 },
    { "count 0 | touch | gated", 0 },
    { "count 20000 | farewell 60 | farewell 60 rude=yes | touch | collect", 20120 },
    { "count 20000 | farewell 60 | farewell 60 | gated limit=1000", 20120 },
    { "count 500000 | touch | gated limit=100000000 quiet=no", 500000 },
    { "count 300000 | repeat 2 | touch | gated limit=100000000 quiet=no", 600000 },
};

static const uint32_t worker_counts[] = { 2, 1, 3, 0, 8 };
static uint64_t seed = 1;

static uint64_t
rnd(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * 0x2545F4914F6CDD1Du;
}

static void *
interrupt(void *arg)
{
    tube_pipeline *p = arg;

    usleep((useconds_t)(rnd() % 3000));
    if (rnd() % 2 == 0)
        tube_drain(p);
    else
        tube_abort(p);
    return NULL;
}

static bool
run(const graph *g, uint32_t workers, bool interrupted)
{
    uint32_t batch = (uint32_t)(1 + rnd() % 1024);
    uint32_t depth = 2u << (rnd() % 9);
    tube_pipeline *p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = workers == 0 ? TUBE_CALLER : (int32_t)workers,
                           .batch_rows = batch, .depth = depth, .seed = rnd(),
                           .budget = 4u << 20),
        g->text);
    pthread_t thread = { 0 };
    tube_error err = { 0 };
    tube_status st;
    bool ok;

    test_reset();
    st = tube_start(p, &err);
    if (st == TUBE_OK && interrupted)
        (void)pthread_create(&thread, NULL, interrupt, p);
    if (st == TUBE_OK)
        st = tube_wait(p, 30000000000u, &err);
    if (interrupted)
        (void)pthread_join(thread, NULL);
    ok = st != TUBE_ETIME && test_accounted(p) && seen.disorder == 0
         && seen.closed == tube_stage_count(p)
         && (interrupted || g->rows == UINT64_MAX || g->rows == seen.rows);
    if (!ok) {
        tube_counts c;

        tube_stats(p, &c);
        fprintf(stderr,
                "failed: %s\nworkers %u batch %u depth %u interrupted %d status %d %s\n"
                "rows %" PRIu64 " disorder %" PRIu64 " closed %" PRIu64 " read %" PRIu64
                " in flight %" PRIu64 " memory %" PRIu64 "\n",
                g->text, workers, batch, depth, interrupted, (int)st, err.message,
                (uint64_t)seen.rows, (uint64_t)seen.disorder, (uint64_t)seen.closed,
                c.read, c.in_flight, c.memory);
    }
    if (st == TUBE_ETIME)
        abort();
    tube_pipeline_free(p);
    return ok;
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    bool ok = true;

    if (argc > 2)
        seed = strtoull(argv[2], NULL, 10);
    printf("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < rounds && ok; i++)
        for (size_t g = 0; g < sizeof(graphs) / sizeof(graphs[0]) && ok; g++)
            for (size_t w = 0; w < 5 && ok; w++)
                ok = run(&graphs[g], worker_counts[w], rnd() % 3 == 0);
    return ok ? 0 : 1;
}
