/* SPDX-License-Identifier: MIT */
/* ack.h -- where every record ended: a counted group for each batch that was read.
 *
 * Invariants
 *   A1  every batch with rows belongs to one group and settles once
 *   A2  outcomes reach the totals when a batch settles; the group is released when its
 *       last one has
 *   A3  totals.read = sum of the outcomes + in_flight
 */
#ifndef TUBES_DATA_ACK_H
#define TUBES_DATA_ACK_H

#include <tubes/stage.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TUBEI_AGES = 1024,  /* a quarter of a second each: four minutes, then modulo */
    TUBEI_STRIPES = 16, /* threads count apart, so that no cache line goes to and fro */
};

/** Counts of one worker; those of stripe 0, of all threads that have none. */
typedef struct tubei_stripe {
    _Alignas(64) _Atomic uint64_t read;
    _Atomic uint64_t
        in_flight; /* its sum over the stripes is a number, its parts are not */
    _Atomic uint64_t committed, filtered, rejected, dropped, broken;
    _Atomic uint64_t released;   /* rows of complete groups */
    _Atomic uint64_t settled;    /* complete groups */
    _Atomic uint64_t latency_ns; /* of these */
} tubei_stripe;

typedef struct tubei_totals {
    tubei_stripe stripe[TUBEI_STRIPES];
    _Atomic uint64_t latency_max_ns;
    _Atomic uint32_t born[TUBEI_AGES]; /* open groups by the time they were made */
    _Atomic uint64_t bytes;
    _Atomic uint64_t bytes_total;
} tubei_totals;

/** Sum of a member over the stripes: tubei_totals_sum(t, offsetof(tubei_stripe, read)). */
uint64_t tubei_totals_sum(const tubei_totals *t, size_t member);

/** What a worker has for the groups of its pipeline: some to use again, and a stripe. */
typedef struct tubei_ack_store {
    struct tubei_ack *head;
    uint32_t n;
    uint32_t stripe;      /* 1..: nobody else writes it; 0: shared */
    tubei_totals *totals; /* whose stripe */
} tubei_ack_store;

/** The running thread's; NULL: it has none. */
extern _Thread_local tubei_ack_store *tubei_acks_here;

/** Free them all.  Threads: its owner.  Blocks: no. */
void tubei_acks_empty(tubei_ack_store *s);

typedef struct tubei_ack tubei_ack;

/**
 * A group with one reference and no rows.
 *
 * @param t  where the outcomes go; outlives the group (borrowed)
 * @return given: tubei_ack_unref(); NULL: out of memory
 *
 * Threads: any.  Blocks: no.
 */
tubei_ack *tubei_ack_new(tubei_totals *t);

/** One more batch belongs to the group.  Threads: any that has a reference.  Blocks: no. */
void tubei_ack_ref(tubei_ack *a);

/** Age of the oldest open group, ns.  Threads: any.  Blocks: no. */
uint64_t tubei_ack_oldest(const tubei_totals *t);

/** Rows were made (positive) or became others (negative).  Threads: as ref.  Blocks: no. */
void tubei_ack_rows(tubei_ack *a, int64_t rows);

/** Outcomes of one batch, as plain counts. */
typedef struct tubei_settled {
    uint64_t committed, filtered, rejected, dropped, broken;
} tubei_settled;

struct tubei_group_asks;

/** Futures that complete with the group, as the worst outcome in it; `next` is their link.
 * Threads: any that has a reference.  Blocks: no. */
void tubei_ack_asks(tubei_ack *a, struct tubei_group_asks *g,
                    struct tubei_group_asks **next);

/** The group has settled (asks.c). */
void tubei_group_asks_end(struct tubei_group_asks *g, tube_outcome outcome);

/** A batch has settled: count its outcomes, drop its reference (A2).  Threads: any.  Blocks: no. */
void tubei_ack_settle(tubei_ack *a, const tubei_settled *s);

#endif /* TUBES_DATA_ACK_H */
