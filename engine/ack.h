/* SPDX-License-Identifier: MIT */
/* ack.h -- where every record ended: a counted group for each batch that was read.
 *
 * Invariants
 *   A1  every batch with rows belongs to one group and settles once
 *   A2  a group's outcomes reach the totals together, when its last batch has settled
 *   A3  totals.read = sum of the outcomes + rows of groups not yet complete
 */
#ifndef TUBES_ENGINE_ACK_H
#define TUBES_ENGINE_ACK_H

#include <stdatomic.h>
#include <stdint.h>

/** Outcomes of records.  As a set of counts, and as totals of a pipeline. */
typedef struct tubei_outcomes {
    _Atomic uint64_t committed;
    _Atomic uint64_t filtered;
    _Atomic uint64_t rejected;
    _Atomic uint64_t dropped;
    _Atomic uint64_t broken;
} tubei_outcomes;

typedef struct tubei_totals {
    _Atomic uint64_t read;
    _Atomic uint64_t in_flight;
    tubei_outcomes done;
    _Atomic uint64_t bytes;
    _Atomic uint64_t bytes_total;
} tubei_totals;

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

/** Rows were made (positive) or became others (negative).  Threads: as ref.  Blocks: no. */
void tubei_ack_rows(tubei_ack *a, int64_t rows);

/** Outcomes of one batch, as plain counts. */
typedef struct tubei_settled {
    uint64_t committed, filtered, rejected, dropped, broken;
} tubei_settled;

/** A batch has settled: note its outcomes, drop its reference (A2).  Threads: any.  Blocks: no. */
void tubei_ack_settle(tubei_ack *a, const tubei_settled *s);

#endif /* TUBES_ENGINE_ACK_H */
