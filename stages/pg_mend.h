/* SPDX-License-Identifier: MIT */
/* pg_mend.h -- what follows from an answer: commit, retry, reject, reconnect, give up. */
#ifndef TUBES_STAGES_PG_MEND_H
#define TUBES_STAGES_PG_MEND_H

#include "pg_flow.h"

/* All functions: Threads: the stage.  Blocks: no. */

/** The transaction is committed: settle it, and try more at once next time. */
void tubei_pg_mend_committed(pg_flow *f);

/** f->error is an error of a transaction that is rolled back: decide what next.
 * @return a failure that no repetition mends */
tube_status tubei_pg_mend_error(pg_flow *f, tube_error *err);

/** The connection is gone, or of no use: make a new one after a pause.
 * @param why  what is known of the reason; NULL: what the connection says (borrowed) */
void tubei_pg_mend_lost(pg_flow *f, const pg_answer *why);

/** In a pause: true if it is over. */
bool tubei_pg_mend_paused(pg_flow *f);

/** While connecting: true if something has changed. */
bool tubei_pg_mend_connecting(pg_flow *f, tube_status *st, tube_error *err);

/** All answers to the question about positions are read. */
tube_status tubei_pg_mend_asked(pg_flow *f, tube_error *err);

/** Settle everything as broken and be done. */
void tubei_pg_mend_give_up(pg_flow *f);

/** Close the connection and wait for it no longer. */
void tubei_pg_mend_drop(pg_flow *f);

/** Next number of a sequence that differs from run to run. */
uint64_t tubei_pg_mend_random(pg_flow *f);

#endif /* TUBES_STAGES_PG_MEND_H */
