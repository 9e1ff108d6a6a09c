/* SPDX-License-Identifier: MIT */
/* pg_flow.h -- transactions on their way: sent, answered, asked about, sent again.
 *
 * One transaction is one string of statements and the data of its COPYs:
 *
 *   BEGIN; SET LOCAL ...; DO (compare-and-set of the positions);
 *   [COPY tubes_reject;] [COPY table;] COMMIT
 *
 * Only the tag COMMIT proves it.  After a lost connection the positions are read under
 * lock, and they tell whether it is to be sent again.
 */
#ifndef TUBES_STAGES_PG_FLOW_H
#define TUBES_STAGES_PG_FLOW_H

#include "pg_conn.h"
#include "pg_copy.h"
#include "pg_queue.h"
#include "pg_sql.h"
#include "pg_table.h"

typedef enum pg_state {
    PG_READY = 0, /**< connected, nothing is under way */
    PG_NAMING,    /**< a source for rows without origin is being made */
    PG_SENT,      /**< a transaction is under way, its next answer is awaited */
    PG_FEEDING,   /**< its COPY takes data */
    PG_UNDOING,   /**< ROLLBACK was sent */
    PG_PAUSING,   /**< until `pause`, then as before or with a new connection */
    PG_CONNECTING,
    PG_ASKING, /**< the positions are being read */
    PG_FAILED,
} pg_state;

typedef struct pg_flow {
    tube_stage *stage;
    pg_conn *conn;
    pg_table table;
    pg_copy copy;
    pg_queue queue;
    pg_limits limits;
    uint64_t age;     /**< ns that a row waits at most for others */
    bool keep_commit; /**< the server's synchronous_commit is stronger than on */

    pg_state state;
    pg_sql sql;
    pg_chunk chunk;
    size_t given;     /**< bytes of the chunk that the connection has */
    pg_cursor cursor; /**< next row to be encoded */
    bool last;        /**< the chunk is the COPY's last one */
    bool owed; /**< a transaction was begun, and what is in it is not committed */
    bool with_rejects; /**< it copies into tubes_reject, and that comes first */
    bool refusing;     /**< that COPY is the one that was begun last */
    bool ended;        /**< all data of the transaction is with the connection */
    bool committed;    /**< its tag was seen */
    bool told_count;   /**< that fewer rows were stored than sent */
    pg_answer error;   /**< the first error of the transaction */
    pg_verdict verdict;

    /* After errors: how much is tried at once. */
    uint64_t try_end;     /**< the next transaction ends before this row; 0: anywhere */
    uint64_t try_rows;    /**< ... and has at most so many rows */
    uint64_t suspect_end; /**< a bad row that was not named lies before this; 0: none */

    uint64_t pause;
    uint64_t connect_by;
    unsigned tries; /**< that failed, one after the other */
    bool reconnect; /**< what comes after the pause */
    bool told;      /**< the user knows that the connection is lost */
    uint64_t tell_after;
    uint64_t random;
    int fd;           /**< awaited; -1: none */
    pg_making making; /**< what connecting waits for */

    uint64_t first;   /**< when the oldest row behind the transaction came */
    uint64_t hurry;   /**< batches with a lower number do not wait for more rows */
    uint64_t pressed; /**< batches that had come when memory was short; 0: it was not */
    bool told_owed;   /**< the user knows that memory was short */
    bool finishing;
    uint64_t give_up; /**< aborted: until when the answer to COMMIT is awaited */
} pg_flow;

/** Get ready.  Threads: the stage.  Blocks: no. */
void tubei_pg_flow_init(pg_flow *f, tube_stage *s);

/** Drop the connection and what is left; batches are settled as broken. */
void tubei_pg_flow_fini(pg_flow *f);

/** Can another batch be taken?  Threads: the stage.  Blocks: no. */
bool tubei_pg_flow_full(const pg_flow *f);

/** A batch was prepared: take it.  @return TUBE_EINVAL, TUBE_ENOMEM: not taken. */
tube_status tubei_pg_flow_take(pg_flow *f, tube_batch *b, tube_error *err);

/** Commit what can be committed without waiting for more; what waits, not what comes. */
void tubei_pg_flow_hurry(pg_flow *f);

/** The same, and what no position came for too: at a watermark none is on its way. */
void tubei_pg_flow_flush(pg_flow *f);

/** Memory is short, or (`quiet`) nothing runs: hurry.  If both, and nothing came in between,
 * all may be waiting for what no position came for: it is committed too. */
void tubei_pg_flow_relieve(pg_flow *f, bool quiet);

/**
 * Do all that can be done now, and arrange to be woken for the rest.
 *
 * @return a failure: every batch is settled
 *
 * Threads: the stage.  Blocks: no, apart from looking up the server's name.
 */
tube_status tubei_pg_flow_pump(pg_flow *f, tube_error *err);

/** Aborted: settle all but a transaction whose COMMIT is under way. */
void tubei_pg_flow_abort(pg_flow *f);

/** True if nothing is left.  Threads: the stage.  Blocks: no. */
bool tubei_pg_flow_idle(const pg_flow *f);

#endif /* TUBES_STAGES_PG_FLOW_H */
