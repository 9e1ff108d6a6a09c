/* SPDX-License-Identifier: MIT */
/* sq_txn.h -- batches into the file, all of them in one transaction, once.
 *
 * The position moves first, then come the rows, the rejects and the commit.  After an
 * error whose outcome is not known the file is opened anew and asked where it stands.
 */
#ifndef TUBES_STAGES_SQ_TXN_H
#define TUBES_STAGES_SQ_TXN_H

#include "resume.h"
#include "sq_progress.h"
#include "sq_rows.h"
#include "sq_table.h"

/** A batch that waits. */
typedef struct sq_batch {
    tube_batch *batch;
    resume_hidden *hidden; /**< rows that the file has already; or NULL */
} sq_batch;

typedef struct sq_txn {
    tube_stage *stage;
    const char *path; /**< of the file */
    sq_table table;
    sq_db *db;
    sq_progress progress;
    sq_rows rows;

    sq_source *source; /**< by origin id */
    size_t n_sources;
    size_t sources_room;
    sq_source stream; /**< what has no origin */

    sq_batch *batch; /**< prepared, oldest first */
    size_t n;
    size_t room;
    size_t border; /**< behind the last batch at which no position is owed */
    size_t tx;     /**< batches of the transaction */
    tubei_resume resume;
    sq_move *move;
    size_t n_moves;
    size_t moves_room;
    unsigned looks; /**< for a lock that another process has, since the last success */
    unsigned tries; /**< to open the file anew, since then */
    bool full;      /**< the last try met a full disk */
    bool warned;    /**< that it waits */
} sq_txn;

/**
 * Make it ready: open the file and the statements.
 *
 * @param t  stage, path and table are set
 * @return TUBE_EREACH, TUBE_EDB, TUBE_ECONFIG, TUBE_ENOMEM
 *
 * Threads: the stage's.  Blocks: up to 10 s, while another process writes.
 */
tube_status tubei_sq_txn_attach(sq_txn *t, tube_error *err) TUBE_NODISCARD;

/** Close the file.  Threads: the stage's.  Blocks: as writing a file does. */
void tubei_sq_txn_detach(sq_txn *t);

/** Free what it holds, the table and the file too; the batches must be settled. */
void tubei_sq_txn_free(sq_txn *t);

/** The source of an origin, zeroed if it is new; NULL: out of memory. */
sq_source *tubei_sq_txn_source(sq_txn *t, uint32_t id);

/**
 * Add a batch.
 *
 * @return TUBE_EINVAL, TUBE_ENOMEM: not added
 *
 * Threads: the stage's.  Blocks: no.
 */
tube_status tubei_sq_txn_add(sq_txn *t, tube_batch *b, tube_error *err) TUBE_NODISCARD;

/** Settle the `n` oldest batches.  Threads: the stage's.  Blocks: no. */
void tubei_sq_txn_settle(sq_txn *t, size_t n, tube_outcome how);

/** Take out the last batch; it is not settled. */
void tubei_sq_txn_take_back(sq_txn *t);

/**
 * Commit the first `n` batches, which stay.
 *
 * A lock and a full disk are waited for until the pipeline is aborted.
 *
 * @return TUBE_EFENCED    another process has moved a position
 *         TUBE_ECANCELED  the pipeline was aborted; nothing of it was stored
 *         TUBE_EDB, TUBE_EREACH, TUBE_ENOMEM
 *
 * Threads: the stage's.  Blocks: yes.
 */
tube_status tubei_sq_txn_commit(sq_txn *t, size_t n, tube_error *err) TUBE_NODISCARD;

#endif /* TUBES_STAGES_SQ_TXN_H */
