/* SPDX-License-Identifier: MIT */
/* graph_world.h -- one random graph: its text, its stages' books, what was done to it.
 *
 * Everything but the books is the test's own thread's.  A record's number says where it
 * comes from: source << GRAPH_SHIFT | how many of that source came before it.
 *
 *   gsrc n=N [batch=B]       N records, B in a batch
 *   gpass [some=K]           in place; of each K records it filters one and rejects one
 *   gmul [copies=C] [bye=N]  1 to C, greets with one record, says N more at the end
 *   ghold [held=N]           holds N batches
 *   gsink [stop=N]           commits at once; has enough after N
 *   gdb [limit=N] [slow=yes] commits N batches together, slow: 200 us later
 *
 * Each of them takes trap=I: it fails when its counted call is trap I's.
 */
#ifndef TUBES_TESTS_GRAPH_WORLD_H
#define TUBES_TESTS_GRAPH_WORLD_H

#include <tubes/tubes.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    GRAPH_SHIFT = 40,
    GRAPH_SOURCES = 4096,
    GRAPH_ASKED = 4096,
    GRAPH_TRAPS = 8,
    GRAPH_STAGES = 40, /* in a text, more or less */
    GRAPH_TEXT = 16384,
    GRAPH_LOG = 1 << 20,
    GRAPH_THINGS = 64, /* pauses, inlets, flushes that the program has at a time */
};

/* A stage from its open() to its close(). */
typedef struct graph_book {
    tube_kind kind;
    bool closed, greeted, finished, failed, worked, called;
    int64_t *last; /* a sink: by source, the last record; -1: none */
    struct graph_book *next;
} graph_book;

/* A call that fails. */
typedef struct graph_trap {
    uint64_t at, times;
    _Atomic uint64_t calls;
} graph_trap;

typedef struct graph_inlet {
    tube_inlet *in;
    uint32_t source;
    int64_t pushed;
} graph_inlet;

typedef struct graph_flush {
    tube_flush *f;
    bool settled;
} graph_flush;

typedef struct graph_world {
    uint64_t seed, rnd;
    bool threads;
    char text[GRAPH_TEXT];
    size_t text_len;
    uint32_t stages;       /* that may still be written */
    _Atomic bool doubles;  /* a record may come twice */
    _Atomic bool disorder; /* records of a source may overtake each other */
    graph_trap trap[GRAPH_TRAPS];
    uint32_t n_traps;

    pthread_mutex_t lock; /* of the books */
    graph_book *books;
    _Atomic uint32_t sources;
    _Atomic uint64_t committed;
    _Atomic uint64_t fired; /* traps */
    _Atomic bool aborting;  /* tube_abort() was called, or may be */
    char wrong[400];        /* under lock: what was found first, "" nothing */

    tube_pipeline *p;
    bool started;
    bool refused; /* an edit, whose stages were opened and closed again */
    tube_pause_id pause[GRAPH_THINGS];
    uint32_t n_pauses;
    graph_inlet inlet[GRAPH_THINGS];
    uint32_t n_inlets;
    tube_future
        asked[GRAPH_ASKED]; /* about pushed records, the first n_asked of them */
    uint32_t n_asked;
    _Atomic uint32_t told; /* calls of them */
    bool asking;
    graph_flush flush[GRAPH_THINGS];
    uint32_t n_flushes;
    uint64_t steps;
    char log[GRAPH_LOG];
    size_t log_len;
} graph_world;

extern graph_world graph;

/** A random number below `n`, which is not 0. */
uint32_t graph_rnd(uint32_t n);

/** True once in `n` times. */
bool graph_one_in(uint32_t n);

/** Note that something is not as it must be; the first note stays. */
void graph_wrong(const char *fmt, ...) TUBE_PRINTF(1, 2);

/** A line of what the program did. */
void graph_log(const char *fmt, ...) TUBE_PRINTF(1, 2);

/** Forget all, and begin with this seed. */
void graph_reset(uint64_t seed, bool threads);

/** Define the stages above. */
void graph_define(tube_pipeline *p);

/** Write a random pipeline into graph.text, and set its traps. */
void graph_write(void);

/** The same for tube_attach() to a fan-in, to a fan-out, and for tube_divert(). */
const char *graph_write_input(void);
const char *graph_write_branch(void);

/** Do something to the pipeline: act number `k`, which depends on seed and `k` only, so
 * that one can be left out without a change of the others. */
void graph_act(uint32_t k);

/** Take back what would keep it from ending: pauses, inlets, held fan-ins. */
void graph_release(void);

/** It has ended: is everything as it must be?  Frees what the program has. */
void graph_check_end(void);

/** Check the books of the stages, which are closed, and free them. */
void graph_check_books(void);

/** Log where every stage stands.  Step by step only. */
void graph_dump(void);

/** read = committed + filtered + rejected + dropped + broken + in_flight */
void graph_check_counts(void);

#endif /* TUBES_TESTS_GRAPH_WORLD_H */
