/* SPDX-License-Identifier: MIT */
/* hops.c -- what it costs to hand an item from stage to stage, beside others who do that.
 *
 * A source, three stages that add one, a sink that sums up: 64 items a batch, and items
 * that come one by one.  On two cores, in the same rounds: oneTBB's parallel_pipeline and
 * flow graph with plain arrays of numbers, and five `identity` elements of GStreamer, where
 * these were found.
 *
 *     many_*  64 items a batch
 *     push_*  the program hands over one item at a time; what moves is the engine's affair
 *     one_*   one item a batch, from the first stage to the last
 */
#include "graph.h"
#include "hops_peers.h"

#include <sched.h>

enum { TOUCHES = 3, MANY = 64, MILLION = 1000 * 1000 };

static double
rate(double seconds, uint64_t items)
{
    return seconds < 0 ? -1 : (double)items / seconds / MILLION;
}

static double
engine(void *arg)
{
    const graph_run *run = arg;

    return rate(graph_seconds(run), run->rows);
}

/* The program is one of the cores, a worker the other. */
static tube_status
push_all(tube_inlet *in, uint64_t rows)
{
    tube_cell row;

    for (uint64_t i = 0; i < rows; i++) {
        tube_status st;

        tube_set_int(&row, (int64_t)i);
        while ((st = tube_push(in, &row, NULL)) == TUBE_AGAIN)
            sched_yield();
        if (st != TUBE_OK)
            return st;
    }
    return TUBE_OK;
}

static double
push(void *arg)
{
    const graph_run *run = arg;
    tube_pipeline *p = graph_new(run);
    tube_error err = { 0 };
    tube_inlet *in;
    tube_status st = TUBE_EINVAL;
    uint64_t since;

    if (p == NULL)
        return -1;
    in = tube_inlet_new(p, tube_find(p, "in"), NULL, &err);
    since = bench_now();
    if (in != NULL && tube_start(p, &err) == TUBE_OK) {
        st = push_all(in, run->rows);
        tube_inlet_stop(in, TUBE_STOP_END, NULL);
        if (tube_seal(p, tube_find(p, "in")) < 0)
            st = TUBE_EINVAL;
    }
    tube_inlet_free(in);
    if (st == TUBE_OK)
        st = tube_wait(p, TUBE_FOREVER, &err);
    since = bench_now() - since;
    return graph_end(p, st, &err) ? rate((double)since * 1e-9, run->rows) : -1;
}

#define FIVE "numbers | touch | touch | touch | add"
#define PUSHED \
  "record item { n int }\nmerge hold=yes of=item as=in | touch | touch | touch | add"

static graph_run many = {
    .text = FIVE, .rows = 16 * MILLION, .batch = MANY, .workers = 2, .touches = TOUCHES
};
static graph_run many_alone = {
    .text = FIVE, .rows = 16 * MILLION, .batch = MANY, .workers = 1, .touches = TOUCHES
};
static graph_run one = {
    .text = FIVE, .rows = MILLION, .batch = 1, .workers = 2, .touches = TOUCHES
};
static graph_run one_alone = {
    .text = FIVE, .rows = MILLION, .batch = 1, .workers = 1, .touches = TOUCHES
};
static graph_run pushed = {
    .text = PUSHED, .rows = 4 * MILLION, .workers = 1, .touches = TOUCHES
};

#ifdef TUBES_HAVE_TBB

typedef struct peer {
    double (*run)(uint64_t items, uint32_t batch, int touches);
    uint64_t items;
    uint32_t batch;
} peer;

static double
beside(void *arg)
{
    const peer *p = arg;

    return rate(p->run(p->items, p->batch, TOUCHES), p->items);
}

static void
add_tbb(void)
{
    static peer row[] = {
        { bench_tbb_parallel, 32 * MILLION, MANY },
        { bench_tbb_serial, 32 * MILLION, MANY },
        { bench_tbb_flow, 16 * MILLION, MANY },
        { bench_tbb_parallel, MILLION, 1 },
        { bench_tbb_serial, MILLION, 1 },
        { bench_tbb_flow, MILLION / 2, 1 },
    };

    bench_add("many_tbb", "Mitems/s", beside, &row[0]);
    bench_add("many_tbb_serial", "Mitems/s", beside, &row[1]);
    bench_add("many_tbb_flow", "Mitems/s", beside, &row[2]);
    bench_add("one_tbb", "Mitems/s", beside, &row[3]);
    bench_add("one_tbb_serial", "Mitems/s", beside, &row[4]);
    bench_add("one_tbb_flow", "Mitems/s", beside, &row[5]);
}

#endif

#ifdef TUBES_HAVE_GST

static double
gstreamer(void *unused)
{
    enum { BUFFERS = 200 * 1000 };

    (void)unused;
    return rate(bench_gst(BUFFERS), BUFFERS);
}

#endif

int
main(int argc, char **argv)
{
    bench_begin("hops", argc, argv);
    bench_add("many_engine", "Mitems/s", engine, &many);
    bench_add("many_engine_1", "Mitems/s", engine, &many_alone);
    bench_add("push_engine", "Mitems/s", push, &pushed);
    bench_add("one_engine", "Mitems/s", engine, &one);
    bench_add("one_engine_1", "Mitems/s", engine, &one_alone);
#ifdef TUBES_HAVE_TBB
    add_tbb();
#else
    fprintf(stderr, "hops: built without oneTBB (Debian package libtbb-dev)\n");
#endif
#ifdef TUBES_HAVE_GST
    bench_add("one_gst", "Mitems/s", gstreamer, NULL);
#else
    fprintf(stderr, "hops: built without GStreamer (Debian package "
                    "libgstreamer1.0-dev)\n");
#endif
    bench_goal("many_of_tbb", "many_engine", "many_tbb", "G8", 1.0);
    bench_goal("many_of_flow", "many_engine", "many_tbb_flow", "G8", 1.0);
    bench_goal("push_of_tbb", "push_engine", "one_tbb", "G8", 3.0);
    bench_goal("push_of_gst", "push_engine", "one_gst", "G8", 3.0);
    bench_ratio("one_of_tbb", "one_engine", "one_tbb");
    bench_ratio("one_of_gst", "one_engine", "one_gst");
    return bench_end();
}
