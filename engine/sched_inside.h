/* SPDX-License-Identifier: MIT */
/* sched_inside.h -- what sched.c and caller.c share. */
#ifndef TUBES_ENGINE_SCHED_INSIDE_H
#define TUBES_ENGINE_SCHED_INSIDE_H

#include "park.h"
#include "pool.h"
#include "runq.h"
#include "sched.h"

#include <pthread.h>

enum {
    CHAIN_RUNS = 3,        /* runs out of the slot in a row */
    CHAIN_NS = 200 * 1000, /* and for how long */
    LOOK_RUNS = 64,        /* activations between two looks at the descriptors */
    LOOK_NS = 1000 * 1000, /* and how long */
    EVENTS = 32,
};

typedef struct tubei_worker {
    tubei_sched *sched;
    pthread_t thread;
    tubei_park park;
    struct tubei_worker *next_idle; /* under lock */
    tube_stage *slot;               /* owner only */
    tube_stage *running;            /* owner only */
    uint64_t now;         /* owner only: the last time it looked at the clock */
    uint64_t chain_start; /* owner only */
    uint64_t last_look;   /* owner only */
    uint32_t chain;       /* owner only */
    uint32_t runs;        /* owner only */
    uint32_t slotted;     /* owner only: slot activations not yet in `published` */
    tubei_magazine magazine;
    tubei_ack_store acks;
} tubei_worker;

struct tubei_sched {
    pthread_mutex_t lock;
    tubei_runq queue; /* under lock, as all of this block */
    uint32_t busy;    /* workers that are neither idle nor in epoll_wait */
    tubei_worker *idle;
    tubei_worker *seat;
    uint64_t seat_until; /* when the holder will look by itself */
    tube_stage *timers;
    uint64_t alarm; /* 0: none */
    uint32_t armed;
    uint64_t published; /* activations asked for by anything but quiet() */
    uint64_t quiet_at;  /* `published` when quiet() was last told */
    uint64_t stuck_at;  /* the same of stuck() */
    bool telling;       /* somebody is inside quiet() or stuck() */
    bool begun; /* tubei_sched_begun() was called: from now on quiet means quiet */
    bool ended;

    tubei_poller poller;
    tubei_pool *pool;
    tubei_memory *memory;
    tubei_sched_ops ops;
    uint64_t seed; /* caller only */
    bool caller;
    uint32_t n_workers;
    uint32_t n_started;
    tubei_worker *workers; /* with `caller`, one: the caller */
};

/** This thread runs as that worker (NULL: as none) from here on; which one it was. */
tubei_worker *tubei_sched_self(tubei_worker *w);

/** Holding the seat, not the lock: wait, and notify whose time has come. */
void tubei_sched_poll_once(tubei_sched *s, uint64_t timeout_ns, bool sleeping);

/** Under the lock, which it gives up meanwhile: sit in epoll_wait. */
void tubei_sched_sit(tubei_sched *s, tubei_worker *w, uint64_t until);

/** Under the lock, which it gives up meanwhile: if nothing runs anywhere, say so, once
 * for all that was published before; true: look at the queue again. */
bool tubei_sched_quiet(tubei_sched *s, uint32_t others);

#endif /* TUBES_ENGINE_SCHED_INSIDE_H */
