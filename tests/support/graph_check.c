/* SPDX-License-Identifier: MIT */
/* graph_check.c -- what must be true of every graph, between two steps and at its end. */
#include "graph_world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull;

void
graph_wrong(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    pthread_mutex_lock(&graph.lock);
    if (graph.wrong[0] == '\0')
        (void)vsnprintf(graph.wrong, sizeof(graph.wrong), fmt, ap);
    pthread_mutex_unlock(&graph.lock);
    va_end(ap);
}

void
graph_reset(uint64_t seed, bool threads)
{
    memset((void *)&graph, 0, sizeof(graph));
    (void)pthread_mutex_init(&graph.lock, NULL);
    graph.seed = seed;
    graph.rnd = (seed + 1) * 0x9E3779B97F4A7C15u;
    graph.rnd |= graph.rnd == 0;
    for (int i = 0; i < 8; i++)
        (void)graph_rnd(2);
    graph.threads = threads;
}

void
graph_check_counts(void)
{
    tube_counts c;

    tube_stats(graph.p, &c);
    if (c.read
        != c.committed + c.filtered + c.rejected + c.dropped + c.broken + c.in_flight)
        graph_wrong(
            "read %llu, committed %llu filtered %llu rejected %llu dropped %llu "
            "broken %llu in flight %llu",
            (ull)c.read, (ull)c.committed, (ull)c.filtered, (ull)c.rejected,
            (ull)c.dropped, (ull)c.broken, (ull)c.in_flight);
    if (c.committed > atomic_load(&graph.committed)
        || (c.in_flight == 0 && c.committed < atomic_load(&graph.committed)))
        graph_wrong("committed %llu, and sinks have %llu", (ull)c.committed,
                    (ull)atomic_load(&graph.committed));
    if (c.in_flight > UINT64_MAX / 2)
        graph_wrong("in flight %lld", (long long)c.in_flight);
}

void
graph_check_end(void)
{
    tube_pause_info pause;
    tube_reason r;
    tube_counts c;

    graph_check_counts();
    tube_stats(graph.p, &c);
    if (c.in_flight != 0 || c.memory != 0)
        graph_wrong("at the end %llu in flight, %llu bytes", (ull)c.in_flight,
                    (ull)c.memory);
    if (tube_pauses(graph.p, &pause, 1) != 0 || c.pauses != 0)
        graph_wrong("a pause is left: %s", pause.why);
    if (tube_reason_of(graph.p, (tube_ref){ 0 }, &r) != TUBE_OK)
        graph_wrong("no reason for the end");
    else if (r.kind == TUBE_STOP_ABORT && !atomic_load(&graph.aborting))
        graph_wrong("it aborts itself");
    while (graph.n_flushes > 0) {
        tube_flush *f = graph.flush[--graph.n_flushes].f;

        if (tube_flush_wait(f, 0) == TUBE_ETIME)
            graph_wrong("a flush is not completed");
        tube_flush_free(f);
    }
    while (graph.n_inlets > 0) {
        tube_inlet *in = graph.inlet[--graph.n_inlets].in;
        const tube_cell cell = { .set = 1 };

        if (tube_push(in, &cell, NULL) != TUBE_END)
            graph_wrong("an inlet takes records behind the end");
        tube_inlet_free(in);
    }
}

/* A stage that was not hurt by a failure or an abort has finished, once. */
static void
check_book(const graph_book *k)
{
    bool hurt = k->failed || atomic_load(&graph.aborting)
                || (k->kind == TUBE_SOURCE && atomic_load(&graph.fired) > 0)
                || (graph.refused && !k->called);

    if (!k->closed)
        graph_wrong("a stage was not closed");
    if (!k->finished && !hurt)
        graph_wrong("a stage of kind %d was not finished", (int)k->kind);
}

/* Who asked was told, once. */
static void
check_asked(void)
{
    if (atomic_load(&graph.told) != graph.n_asked)
        graph_wrong("%u futures, %u calls", graph.n_asked, atomic_load(&graph.told));
    for (uint32_t i = 0; i < graph.n_asked; i++)
        if (tube_future_look(&graph.asked[i]) == 0)
            graph_wrong("future %u is open", i);
}

void
graph_check_books(void)
{
    check_asked();
    while (graph.books != NULL) {
        graph_book *k = graph.books;

        graph.books = k->next;
        check_book(k);
        free(k->last);
        free(k);
    }
}
