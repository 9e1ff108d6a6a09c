/* SPDX-License-Identifier: MIT */
/* tubes/graph.h -- changing, pausing, flushing and stopping a pipeline while it runs.
 *
 * Everything here is a request to the stage that owns the thing: it is carried out
 * when that stage runs next, between two batches.  Nothing blocks unless it says so.
 * What a program holds is a tube_ref: a number that is never used twice, so that
 * a call about something that has ended says so instead of meeting something else.
 */
#ifndef TUBES_GRAPH_H
#define TUBES_GRAPH_H

#include <tubes/attr.h>
#include <tubes/batch.h>
#include <tubes/error.h>
#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

TUBES_BEGIN

struct tube_pipeline;

/** A stage of a pipeline.  id 0: none. */
typedef struct tube_ref {
    uint64_t id;
} tube_ref;

/**
 * A stage by the name it was given with `as=`, or by its own name if it is the only one.
 *
 * @return id 0: there is none, or more than one
 *
 * Threads: any, after tube_series().  Blocks: no.
 */
tube_ref tube_find(const struct tube_pipeline *p, const char *name);

/** Stage `i` of tube_stage_at(); id 0: that place is empty.  Threads: any.  Blocks: no. */
tube_ref tube_ref_at(const struct tube_pipeline *p, uint32_t i);

/* Why a stream ended. */

/** One beginning of an end. */
typedef struct tube_cause {
    uint64_t sequence; /**< in which order causes came, from 1 */
    tube_stop kind;
    tube_ref stage;     /**< where it began; may have ended since */
    char name[32];      /**< of that stage */
    uint64_t when;      /**< tube_now() */
    uint64_t rows;      /**< records that stage had sent on (a sink: stored) by then */
    tube_status status; /**< a failure if kind is TUBE_STOP_ERROR */
    char message[256];  /**< "" if there is nothing to say */
} tube_cause;

/** What arrived at a stage, or at the end of the pipeline. */
typedef struct tube_reason {
    tube_stop kind;                  /**< worst of all causes */
    uint64_t headline;               /**< sequence of the first cause of that kind */
    uint32_t n_causes;               /**< each one once, whichever ways it came */
    uint32_t count[TUBE_STOP_KINDS]; /**< causes by kind */
} tube_reason;

/**
 * Why a stage's stream ended; `ref.id` 0: why the whole pipeline did.
 *
 * @return TUBE_AGAIN   it has not ended yet
 *         TUBE_EINVAL  the reference is stale
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_reason_of(const struct tube_pipeline *p, tube_ref ref,
                           tube_reason *r) TUBE_NODISCARD;

/** Cause `i` < n_causes of tube_reason_of(), in order of sequence. */
tube_status tube_cause_of(const struct tube_pipeline *p, tube_ref ref, uint32_t i,
                          tube_cause *c) TUBE_NODISCARD;

/* Stopping. */

/**
 * A stage takes no more: what waits before it is dropped (outcome: filtered), those
 * before it learn it, and it finishes and passes the stop on.  A source: it ends.
 *
 * @param kind     TUBE_STOP_SATISFIED or TUBE_STOP_CANCELLED
 * @param message  copied; NULL: none
 * @return TUBE_END     it had ended already
 *         TUBE_EINVAL  the reference is stale, or the kind is no request
 *
 * Threads: any, also before tube_start().  Blocks: no.
 */
tube_status tube_stop_stage(struct tube_pipeline *p, tube_ref ref, tube_stop kind,
                            const char *message) TUBE_NODISCARD;

/** tube_drain(), and tube_abort() if that is not done `ns` later.  Threads: any.
 * Blocks: no. */
tube_status tube_drain_within(struct tube_pipeline *p, uint64_t ns) TUBE_NODISCARD;

/** Records that were not finished when a pipeline was aborted or failed. */
typedef struct tube_unfinished {
    tube_ref stage;
    char name[32];
    uint64_t records; /**< broken there */
    uint64_t batches;
} tube_unfinished;

/** Fill up to `n` rows; returns how many stages left something unfinished.  Threads: any.
 * Blocks: no. */
uint32_t tube_report(const struct tube_pipeline *p, tube_unfinished *out, uint32_t n);

/* Waiting. */

/**
 * Wait until a stage has taken its stop and settled all it had; id 0: tube_wait().
 *
 * @return TUBE_OK  its stream ended without a failure
 *         other    the failure, in `err`; TUBE_ETIME
 *
 * Threads: any.  Blocks: yes.
 */
tube_status tube_wait_stage(struct tube_pipeline *p, tube_ref ref, uint64_t timeout_ns,
                            tube_error *err) TUBE_NODISCARD;

/** When tube_wait_all() returns. */
typedef enum tube_wait_policy {
    TUBE_WAIT_ALL = 1,     /**< when all are done */
    TUBE_WAIT_ANY,         /**< when one is done */
    TUBE_WAIT_FIRST_ERROR, /**< when one has failed, or all are done */
} tube_wait_policy;

/**
 * Wait for several pipelines; the first failure, in order of `p`, is the result.
 *
 * Those of TUBE_CALLER are run in turn meanwhile.
 *
 * @return as tube_wait()
 *
 * Threads: any.  Blocks: yes.
 */
tube_status tube_wait_all(struct tube_pipeline *const *p, uint32_t n,
                          tube_wait_policy policy, uint64_t timeout_ns,
                          tube_error *err) TUBE_NODISCARD;

/** Exit status of a program that did nothing but this: 0, 1, 2, 3, 4, 5 as in the README.
 * Threads: any.  Blocks: no. */
int tube_exit_status(const struct tube_pipeline *p, tube_status st);

/** Given by tube_watch_done(). */
typedef struct tube_watch tube_watch;

/**
 * Be called once when a stage (id 0: the pipeline) is done, on the thread that ends it;
 * at once if that was long ago.
 *
 * @return given: tube_watch_cancel(); NULL: stale reference, out of memory
 *
 * Threads: any.  Blocks: no.
 */
tube_watch *tube_watch_done(struct tube_pipeline *p, tube_ref ref,
                            void (*fn)(void *arg, const tube_reason *r), void *arg,
                            tube_error *err) TUBE_NODISCARD;

/** Free it; true: it had not been called and never will be.  Threads: any.  Blocks:
 * while the call runs on another thread. */
bool tube_watch_cancel(tube_watch *w);

/**
 * With TUBE_CALLER: run one activation.
 *
 * @return TUBE_OK     something ran; every counter is exact now
 *         TUBE_AGAIN  nothing can run before somebody pushes, resumes, or time passes
 *         TUBE_END    the pipeline is done
 *
 * Threads: one at a time.  Blocks: no.
 */
tube_status tube_step(struct tube_pipeline *p) TUBE_NODISCARD;

/* Pausing. */

/** A single-use token. */
typedef struct tube_pause_id {
    uint64_t id;
} tube_pause_id;

/**
 * Do not run a stage until this token, and every other one, is released.
 *
 * What comes to it waits in its queue, which fills, and so on up to the source.  The
 * pipeline's abort overrides pauses.
 *
 * @param owner  released when that stage ends; id 0: the program, until it resumes
 * @param why    copied, at most 63 bytes
 * @return TUBE_END     the stage has ended
 *         TUBE_EINVAL  a reference is stale
 *
 * Threads: any.  Blocks: no; an activation that runs goes on to its end.
 */
tube_status tube_pause(struct tube_pipeline *p, tube_ref ref, tube_ref owner,
                       const char *why, tube_pause_id *id) TUBE_NODISCARD;

/** Release a token; TUBE_EINVAL: it was released before, or never was one.  Threads: any.
 * Blocks: no. */
tube_status tube_resume(struct tube_pipeline *p, tube_pause_id id) TUBE_NODISCARD;

/** One pause. */
typedef struct tube_pause_info {
    tube_pause_id id;
    tube_ref stage;
    tube_ref owner;
    char why[64];
    uint64_t since; /**< tube_now() */
} tube_pause_info;

/** Fill up to `n` rows; returns how many pauses there are.  Threads: any.  Blocks: no. */
uint32_t tube_pauses(const struct tube_pipeline *p, tube_pause_info *out, uint32_t n);

/* Flushing. */

/** How far what was before has to be. */
typedef enum tube_flush_mode {
    TUBE_HANDED_OVER = 1, /**< every sink has taken what was before */
    TUBE_SETTLED, /**< every sink has settled it: committed, rejected, dropped */
} tube_flush_mode;

/** Given by tube_flush_begin(). */
typedef struct tube_flush tube_flush;

/**
 * A watermark: everything that sources and inlets sent on before this call passes every
 * stage, partial batches go on, sinks commit.
 *
 * @return given: tube_flush_free(); NULL: out of memory, not started
 *
 * Threads: any.  Blocks: no.
 */
tube_flush *tube_flush_begin(struct tube_pipeline *p, tube_flush_mode mode,
                             tube_error *err) TUBE_NODISCARD;

/**
 * Wait for it.
 *
 * @return TUBE_OK     as the mode says
 *         TUBE_END    some stage stopped, failed or was aborted before it
 *         TUBE_ETIME  not yet
 *
 * Threads: any.  Blocks: yes; timeout 0 only looks.
 */
tube_status tube_flush_wait(tube_flush *f, uint64_t timeout_ns) TUBE_NODISCARD;

/** Forget it; NULL is fine.  Threads: its last user.  Blocks: no. */
void tube_flush_free(tube_flush *f);

/* Changing the graph. */

/**
 * Add an input to a fan-in (`text` begins with a source) or a branch to a fan-out (it
 * ends in a sink).
 *
 * @param text  stages only: no settings, no definitions
 * @param ref   its stage next to `at`; may be NULL
 * @return TUBE_END      the fan-in is sealed or has ended; a branch of a fan-out that has
 *                       ended is attached and learns of the end at once
 *         TUBE_ECONFIG  the text is wrong, or its records do not fit
 *
 * Threads: any, after tube_open().  Blocks: while its stages open.
 */
tube_status tube_attach(struct tube_pipeline *p, tube_ref at, const char *text,
                        tube_ref *ref, tube_error *err) TUBE_NODISCARD;

/**
 * Take an input of a fan-in or a branch of a fan-out away, `ref` from tube_attach() or
 * any stage of it.  An input's sources stop, a branch gets its stop; what is inside goes on.
 *
 * @return TUBE_END     it had ended already
 *         TUBE_EINVAL  stale, or not part of an input or a branch
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_detach(struct tube_pipeline *p, tube_ref ref,
                        tube_error *err) TUBE_NODISCARD;

/**
 * From now on what comes to a stage goes to new stages instead: what waits before it,
 * what it gives back in reassemble(), then what comes.  The old stage stops
 * (TUBE_STOP_CANCELLED) and passes that on; a stop that is on its way goes to the new ones.
 *
 * @param text  ends in a sink
 * @param ref   the first of the new stages; may be NULL
 * @return TUBE_END      the stage has ended
 *         TUBE_ECONFIG  the text is wrong, or its first stage does not take these records
 *
 * Threads: any, after tube_open(); also from the stage's own process().
 * Blocks: while the new stages open.
 */
tube_status tube_divert(struct tube_pipeline *p, tube_ref at, const char *text,
                        tube_ref *ref, tube_error *err) TUBE_NODISCARD;

/** A fan-in does not end while it is held, though it may have no input.  `hold=yes` in the
 * text does the same.  TUBE_END: it has ended.  Threads: any.  Blocks: no. */
tube_status tube_hold(struct tube_pipeline *p, tube_ref at) TUBE_NODISCARD;

/** No more inputs: it ends when those it has have ended.  Threads: any.  Blocks: no. */
tube_status tube_seal(struct tube_pipeline *p, tube_ref at) TUBE_NODISCARD;

/** Limits of the queue before a stage; 0: as it is. */
typedef struct tube_queue_limits {
    uint32_t batches; /**< 1 to twice the depth it was made with */
    uint64_t rows;    /**< UINT64_MAX: no limit */
    uint64_t bytes;   /**< of batches in the queue; UINT64_MAX: no limit */
} tube_queue_limits;

/** Change limits, from now on, in both directions.  TUBE_EINVAL: out of range, stale,
 * no input.  Threads: any.  Blocks: no. */
tube_status tube_queue_resize(struct tube_pipeline *p, tube_ref ref,
                              const tube_queue_limits *l) TUBE_NODISCARD;

/**
 * Keep room for `rows` records that will come: it counts as taken until they come.
 *
 * @return TUBE_EINVAL  stale, no input, or more than its limit of rows
 *
 * Threads: any.  Blocks: no.
 */
tube_status tube_queue_reserve(struct tube_pipeline *p, tube_ref ref,
                               uint64_t rows) TUBE_NODISCARD;

/* Types. */

/**
 * An adapter: how records of `from` become records of `to`.
 *
 * Put in where a stage expects `to` and gets what has the fields of `from`: an exact pair
 * first, then the one whose `from` has the most of the fields.  It may refuse in open().
 *
 * @param from  name of a `record` of the text
 * @param to    the same
 * @param text      stages
 * @return TUBE_ECONFIG: the pair is there already
 *
 * Threads: the owner of `p`, before tube_series().  Blocks: no.
 */
tube_status tube_adapter(struct tube_pipeline *p, const char *from, const char *to,
                         const char *text, tube_error *err) TUBE_NODISCARD;

/** One field of a record that was declared with `record NAME { ... }`. */
typedef struct tube_record_field {
    tube_column column;
    bool optional;
    bool
        ranged; /**< lo..hi, inclusive: numbers their value, text its length in bytes */
    double lo, hi; /**< -INFINITY, INFINITY: open */
} tube_record_field;

/** A declared record. */
typedef struct tube_record {
    const char *name;
    const tube_record_field *field;
    uint32_t n;
} tube_record;

/** A record of the text, NULL if there is none (borrowed).  Threads: any, after
 * tube_series().  Blocks: no. */
const tube_record *tube_record_find(const struct tube_pipeline *p, const char *name);

TUBES_END

#endif /* TUBES_GRAPH_H */
