/* SPDX-License-Identifier: MIT */
/* tubes/stage.h -- what a stage is made of.  Include this to write one.
 *
 * A stage is a table and a few functions in one file.  It runs on one thread at
 * a time, and never sees a lock, an atomic or a queue.  docs/writing-a-stage.md
 * walks through one.
 *
 *              process(s, b)                          batch afterwards
 *   source     b is NULL: tube_take(), fill, tube_emit()
 *   transform  changes b; TUBE_OK hands it on,        the engine's
 *              TUBE_END too: no more input is wanted
 *   emitter    (TUBE_EMITS) reads b, tube_take(),     the engine's, which recycles it
 *              fill, tube_emit(); TUBE_OK: b is used up
 *   sink       TUBE_OK: b is committed                the engine's
 *              TUBE_QUEUED: kept, tube_settle() later the sink's
 *
 * TUBE_AGAIN from process() or finish() means "call me again, with the same b,
 * when there is room or memory, when the descriptor or deadline I wait for is
 * due": the stage keeps a cursor in its state.  A sink that returns TUBE_AGAIN
 * has not taken b; TUBE_END from a sink means that b is done with, as after TUBE_OK,
 * and that nothing more is wanted.  A sink settles only batches that it has kept: the
 * one that process() was called with belongs to the engine until TUBE_QUEUED.
 */
#ifndef TUBES_STAGE_H
#define TUBES_STAGE_H

#include <tubes/batch.h>
#include <tubes/error.h>

#include <stddef.h>
#include <stdint.h>

TUBES_BEGIN

typedef struct tube_stage tube_stage; /**< one running instance */

enum { TUBE_STAGE_ABI = 1 };

/** Where in a pipeline a stage stands. */
typedef enum tube_kind { TUBE_SOURCE = 1, TUBE_TRANSFORM, TUBE_SINK } tube_kind;

/** Why a stream ends.  Ordered: of two reasons the worse one wins. */
typedef enum tube_stop {
    TUBE_STOP_NONE = 0,
    TUBE_STOP_END,       /**< the source came to its end */
    TUBE_STOP_SATISFIED, /**< a consumer has enough */
    TUBE_STOP_CANCELLED, /**< drained, or asked to stop */
    TUBE_STOP_TIMEOUT,
    TUBE_STOP_ERROR,
    TUBE_STOP_ABORT,
    TUBE_STOP_KINDS, /**< how many */
} tube_stop;

/** What a stage takes or gives. */
typedef enum tube_flow {
    TUBE_FLOW_NONE = 0, /**< nothing: the input of a source, the output of a sink */
    TUBE_FLOW_BYTES,    /**< batches of segments */
    TUBE_FLOW_LINES,    /**< records of one text field, `line`; raw and offset set */
    TUBE_FLOW_RECORDS,  /**< records of any schema */
} tube_flow;

/** How the text of an option becomes a member of the state. */
typedef enum tube_option_type {
    TUBE_OPT_TEXT = 1, /**< const char * */
    TUBE_OPT_INT,      /**< int64_t; domain "1..64 threads" is checked */
    TUBE_OPT_BOOL,     /**< bool; yes or no */
    TUBE_OPT_SIZE,     /**< int64_t, bytes; "64k", "16M", "1G" (powers of 1024) */
    TUBE_OPT_TIME,     /**< int64_t, nanoseconds; "250ms", "5s", "2m" */
    TUBE_OPT_ENUM,     /**< int64_t, index in the domain "a|b|c" */
    TUBE_OPT_LIST,     /**< tube_list; [a, b], or several positional words */
    TUBE_OPT_EXPR,     /**< tube_expr_text: the rest of the stage's text, unparsed */
} tube_option_type;

/** Words of a TUBE_OPT_LIST. */
typedef struct tube_list {
    const char *const *item; /**< strings */
    size_t n;
} tube_list;

/** An expression as it stands in the pipeline text, and where. */
typedef struct tube_expr_text {
    const char *text; /**< string */
    uint32_t line;    /**< in the pipeline text, from 1 */
    uint32_t column;  /**< of its first byte, from 1 */
} tube_expr_text;

enum {
    TUBE_OPT_POSITIONAL = 1 << 0, /**< may be given without its name */
    TUBE_OPT_SECRET = 1 << 1,     /**< never printed */
};

/** What became of a record. */
typedef enum tube_outcome {
    TUBE_COMMITTED = 1, /**< live rows are committed, rejected ones are rejected */
    TUBE_BROKEN,        /**< nothing of it was stored: failed or aborted */
    TUBE_FILTERED,      /**< taken out by a stage */
    TUBE_DROPPED,       /**< by an overflow policy */
    TUBE_REJECTED,      /**< refused, with a reason, by a stage or by the database */
    TUBE_UNKNOWN, /**< the answer to COMMIT was lost, and nobody can ask any more */
} tube_outcome;

/** One row of an option table: the parser, the help and the manual all read it. */
typedef struct tube_option {
    const char *name;
    tube_option_type type;
    size_t offset;      /**< of the member in the state struct */
    const char *def;    /**< default, as the user would type it; NULL: required */
    const char *domain; /**< unit ("rows"), range ("1..64 threads") or choices */
    const char *help;   /**< one line, no capital, no full stop */
    uint32_t flags;     /**< TUBE_OPT_POSITIONAL, TUBE_OPT_SECRET */
} tube_option;

/** A place records come from, as a source describes it. */
typedef struct tube_origin {
    const char *name;   /**< real path */
    const char *print;  /**< its first bytes (decompressed) */
    uint32_t print_len; /**< bytes of `print`, 1..1024 */
    uint64_t size;      /**< bytes now; UINT64_MAX if unknown */
} tube_origin;

/** Where to go on in an origin. */
typedef struct tube_mark {
    uint64_t low;  /**< every byte below is stored or rejected already */
    uint64_t line; /**< lines below it */
} tube_mark;

/** Reasons for a call of wake(), as bits. */
enum {
    TUBE_WOKE_FD = 1 << 0,       /**< the awaited descriptor is ready */
    TUBE_WOKE_DEADLINE = 1 << 1, /**< the deadline has passed */
    TUBE_WOKE_EMPTY = 1 << 2,    /**< the input queue has just run empty */
    TUBE_WOKE_QUIET =
        1 << 3, /**< the whole pipeline waits for input: do not hold back */
    TUBE_WOKE_PRESSURE = 1 << 4, /**< memory is short: let go of what you hold */
    TUBE_WOKE_ABORT = 1 << 5,    /**< the pipeline was aborted: settle what you hold */
    TUBE_WOKE_FLUSH = 1 << 6,    /**< a watermark: emit partial batches, commit now */
    TUBE_WOKE_ROOM = 1 << 7,     /**< TUBE_BUFFERS: an output has room again */
};

/** Stage flags. */
enum {
    TUBE_EMITS = 1 << 0, /**< a transform that makes batches of its own */
    TUBE_BLOCKS =
        1 << 1, /**< process() may block: it runs on a thread of the elastic pool */
    TUBE_FRAMES =
        1 << 2,          /**< bytes to records: sets extents with tube_batch_extent() */
    TUBE_HOLDS = 1 << 3, /**< may return TUBE_QUEUED, and wants QUIET and PRESSURE */
    TUBE_STATELESS = 1 << 4, /**< no state changes between batches */
    TUBE_JOINS = 1 << 5,   /**< several inputs: what stands in parentheses; select() */
    TUBE_FORKS = 1 << 6,   /**< several outputs: what stands in parentheses */
    TUBE_BUFFERS = 1 << 7, /**< runs though its output is full; emits if tube_room() */
    TUBE_PORTS_KEYED = 1 << 8, /**< branches may begin with `when EXPR`, `as NAME`,
                                    `otherwise` */
    TUBE_EXPECTS = 1 << 9, /**< option `record` names the record that must come in; an
                                adapter may make it */
};

/** How a branch of a TUBE_PORTS_KEYED stage begins. */
typedef enum tube_head {
    TUBE_HEAD_NONE = 0,
    TUBE_HEAD_WHEN,      /**< when EXPR */
    TUBE_HEAD_AS,        /**< as NAME */
    TUBE_HEAD_OTHERWISE, /**< otherwise */
} tube_head;

/** How a fork's branches come together again. */
typedef enum tube_rejoin {
    TUBE_REJOIN_NO = 0, /**< branches end in sinks; the main flow is the last output */
    TUBE_REJOIN_OPEN,   /**< those without a sink come back, in any order; as NO */
    TUBE_REJOIN_ALL,    /**< all come back, and nothing passes by */
} tube_rejoin;

/** A stage: what it is called, its options, what it takes and gives, its callbacks. */
typedef struct tube_stage_def {
    uint32_t abi; /**< TUBE_STAGE_ABI */
    tube_kind kind;
    const char *name;            /**< as typed; two words for the parse family */
    const char *summary;         /**< one line */
    const char *const *examples; /**< whole pipelines that run; ends with NULL */
    const tube_option *options;  /**< ends with { 0 }; NULL: none */
    tube_flow in;
    tube_flow out;
    size_t state_size; /**< bytes; zeroed, then options are stored */
    uint32_t flags;

    /** Check, resolve, acquire, tube_set_schema().  If it fails, close() is not called. */
    tube_status (*open)(tube_stage *s, tube_error *err);

    /** See the head of this file. */
    tube_status (*process)(tube_stage *s, tube_batch *b, tube_error *err);

    /** Something happened that the stage may wait for; NULL: does not care. */
    tube_status (*wake)(tube_stage *s, unsigned why, tube_error *err);

    /** No more input: emit or commit what is left; TUBE_AGAIN as in process(). */
    tube_status (*finish)(tube_stage *s, tube_error *err);

    /** Release what open() acquired; once, after the last call of the others. */
    void (*close)(tube_stage *s);

    /** Sinks that keep positions: where is this origin?  After all open(), before any batch. */
    tube_status (*locate)(tube_stage *s, uint32_t id, const tube_origin *o,
                          tube_mark *m, tube_error *err);

    /** Sources: the first bytes there will be, decompressed, at most 64 KiB; they live
     *  until close().  After open(), before process().  .ptr NULL: unknown. */
    tube_slice (*sample)(tube_stage *s);

    /** A greeting: emit before the first batch; once, and not behind a stop.
     *  TUBE_AGAIN as in process(). */
    tube_status (*greet)(tube_stage *s, tube_error *err);

    /** TUBE_JOINS: the input to take from next, or TUBE_ANY_INPUT.  It waits for that
     *  one, others may have something or not; one that has ended counts as any.
     *  NULL: any, in turn. */
    uint32_t (*select)(tube_stage *s);

    /** TUBE_JOINS: an input has ended, and all of it was processed. */
    tube_status (*ended)(tube_stage *s, uint32_t input, tube_stop why, tube_error *err);

    /** Diverted: give back what open() to now was taken in and not sent on, as batches
     *  of the input's kind, oldest first, with tube_give_back(). */
    tube_status (*reassemble)(tube_stage *s, tube_error *err);

    /** TUBE_FORKS. */
    tube_rejoin rejoin;
} tube_stage_def;

#define TUBE_ANY_INPUT \
  UINT32_MAX /**< what select() says if it waits for none of them */

/* All functions below: called by the stage itself, from its callbacks.  Threads:
 * the one that runs the stage.  Blocks: no. */

/** State of this instance; its type is private to the stage's file. */
void *tube_state(tube_stage *s);

/* Several inputs, several outputs.  A port's number does not change; numbers of ports
 * that have ended are used again for later ones. */

/** Inputs there are: every number is below. */
uint32_t tube_inputs(const tube_stage *s);

/** Outputs there are: every number is below. */
uint32_t tube_outputs(const tube_stage *s);

/** In process(): the input that the batch came from. */
uint32_t tube_input_at(const tube_stage *s);

/** False: the input has ended, or there is none of that number. */
bool tube_input_open(const tube_stage *s, uint32_t input);

/** True if something waits there. */
bool tube_input_ready(const tube_stage *s, uint32_t input);

/** False: nobody takes anything there any more. */
bool tube_output_open(const tube_stage *s, uint32_t output);

/** True if there is room for a batch.  If not, process() may return TUBE_AGAIN: it is
 * called again when there is. */
bool tube_output_room(tube_stage *s, uint32_t output);

/** TUBE_BUFFERS, TUBE_FORKS: true if every open output has room; if not, wake() is told
 * TUBE_WOKE_ROOM (TUBE_BUFFERS) when there is. */
bool tube_room(tube_stage *s);

/** How output `i` begins in the text; `when` and `name` are borrowed, NULL if not given. */
tube_head tube_output_head(const tube_stage *s, uint32_t output,
                           const tube_expr_text **when, const char **name);

/** In open() of a TUBE_FORKS: run when all outputs have room (true, as it begins), or when
 * any has: then what is sent to a full one waits in the memory budget. */
void tube_pace_all(tube_stage *s, bool all);

/** In open() of a TUBE_FORKS that rejoins: its join takes turn by turn, one turn from each
 * branch in order; the fork gives turns to its open outputs in that same order, and says
 * tube_end_turn() of the last batch of each. */
void tube_take_turns(tube_stage *s);

/** In open() of a join: true if its fork takes turns. */
bool tube_joins_turns(const tube_stage *s);

/** When a join or a fork ends. */
typedef enum tube_until {
    TUBE_UNTIL_ALL = 1, /**< when all of its ports have ended */
    TUBE_UNTIL_ANY,     /**< when one has */
    TUBE_UNTIL_ERROR,   /**< when one has failed, or all have ended */
} tube_until;

/** In open() of a TUBE_JOINS or TUBE_FORKS: when it ends; TUBE_UNTIL_ALL without. */
void tube_end_when(tube_stage *s, tube_until until);

/** In open() of a TUBE_JOINS: it lives on without inputs until it is sealed. */
void tube_hold_open(tube_stage *s);

/** In open() of a TUBE_JOINS: all inputs are needed in an order of its own, so every
 * source before it gets a reserve of memory. */
void tube_ordered(tube_stage *s);

/** In open() of a TUBE_JOINS: batches taken in one turn from input `input`, 1..1000; 1. */
void tube_input_weight(tube_stage *s, uint32_t input, uint32_t weight);

/**
 * A copy of `b` with the same live rows, that shares its input bytes and its text.
 *
 * It carries the same extents, so that each copy moves the positions of its sink; rejects
 * stay with `b`.  Its rows count as read once more when they are emitted.
 *
 * @return NULL: no memory in the budget; return TUBE_AGAIN now
 */
tube_batch *tube_copy(tube_stage *s, tube_batch *b);

/** In a copy that was not emitted yet, or in `b` of a fork that has a copy for them
 * elsewhere: keep only these rows; what is taken out was given to other ports. */
void tube_keep_rows(tube_stage *s, tube_batch *b, const uint64_t *rows);

/** tube_emit() to one output. */
tube_status tube_emit_to(tube_stage *s, uint32_t output, tube_batch **b) TUBE_NODISCARD;

/** In process() of a TUBE_FORKS: `b` itself goes to this output after TUBE_OK; without
 * it, what lives in `b` then is dropped (and counted). */
void tube_pass(tube_stage *s, uint32_t output);

/** In a TUBE_FORKS: `b` is the last of a turn: tube_turn_ended() tells it at the join. */
void tube_end_turn(tube_stage *s, tube_batch *b);

/** In process() of a TUBE_JOINS: true if `b` is the last that was made of one turn; clears
 * it. */
bool tube_turn_ended(tube_stage *s, tube_batch *b);

/**
 * In a transform that returned TUBE_QUEUED for it: send a kept batch on.
 *
 * @param b  set to NULL (taken), whatever is returned
 * @return as tube_emit()
 */
tube_status tube_release(tube_stage *s, tube_batch **b) TUBE_NODISCARD;

/** All live rows of a batch in one outcome, TUBE_FILTERED or TUBE_DROPPED; its rejects and
 * its position travel on if `b` is process()'s, or is tube_release()d later. */
void tube_drop(tube_stage *s, tube_batch *b, tube_outcome why);

/** One live row: its outcome is "dropped". */
void tube_drop_row(tube_stage *s, tube_batch *b, uint32_t row);

/**
 * Give up the cells and the input bytes of a kept batch, but not its position and its
 * place in the accounts (spilled).
 *
 * @param b  replaced by another one, which has no cells
 * @return false: it cannot be (it carries rejects, or there is no memory)
 */
bool tube_strip(tube_stage *s, tube_batch **b);

/** Replace a stripped batch by one with cells, and raw lines if it had some, undefined.
 * TUBE_AGAIN: no memory. */
tube_status tube_refill(tube_stage *s, tube_batch **b) TUBE_NODISCARD;

/** The raw lines of a refilled batch, to be written; NULL: it has none. */
tube_cell *tube_batch_raw(tube_batch *b);

/** True if nothing lives in a batch, and it carries neither rejects nor a position nor the
 * end of a turn: nobody misses it. */
bool tube_batch_spent(const tube_batch *b);

/** Bytes of memory that a batch occupies. */
uint64_t tube_batch_bytes(const tube_batch *b);

/** In reassemble(): hand a batch back, oldest first (taken). */
void tube_give_back(tube_stage *s, tube_batch **b);

struct tube_record;

/** The declared record of that name, or NULL. */
const struct tube_record *tube_record_of(const tube_stage *s, const char *name);

/** Records that come in (borrowed); NULL for bytes and for a source. */
const tube_schema *tube_input(const tube_stage *s);

/** Name of the stage as typed, for messages (borrowed). */
const char *tube_stage_name(const tube_stage *s);

/**
 * In open(): say what records go out.  Without it they are as they come in.
 *
 * @param columns  copied
 * @return TUBE_ECONFIG  two columns of one name, no column, a name over 63 bytes
 */
tube_status tube_set_schema(tube_stage *s, const tube_column *columns, uint32_t n,
                            tube_error *err) TUBE_NODISCARD;

/** Records that go out, as set; only after tube_set_schema() (borrowed). */
const tube_schema *tube_output(const tube_stage *s);

/** In open(): the first bytes that the pipeline's source will give, or .ptr NULL. */
tube_slice tube_sample(tube_stage *s);

/** Point an error at the place where option `name` was given; returns err->status. */
tube_status tube_blame(const tube_stage *s, const char *name, tube_error *err);

/** True if the user gave this option. */
bool tube_option_given(const tube_stage *s, const char *name);

/**
 * In open() of a source: make an origin known.
 *
 * When every stage is open, the engine asks the sinks that keep positions where to
 * go on; from the first process() on tube_origin_mark() tells.
 *
 * @param o   copied
 * @param id  for segments, tube_origin_mark() and tube_origin_name()
 * @return TUBE_ENOMEM
 */
tube_status tube_origin_add(tube_stage *s, const tube_origin *o, uint32_t *id,
                            tube_error *err) TUBE_NODISCARD;

/** From the first process() on: where to go on in an origin. */
tube_mark tube_origin_mark(const tube_stage *s, uint32_t id);

/**
 * In finish(): true if the input came to its end; false if it was cut short by a
 * drain, a failure or a cancellation, so that what is incomplete must not be kept.
 */
bool tube_input_complete(const tube_stage *s);

/** Name of an origin, "-" for TUBE_NO_ORIGIN (borrowed). */
const char *tube_origin_name(const tube_stage *s, uint32_t id);

/** In process() of a source: true if a stage of that name takes what it sends. */
bool tube_feeds(const tube_stage *s, const char *name);

/** In a source: how many bytes there will be, for the progress line. */
void tube_expect_bytes(tube_stage *s, uint64_t bytes);

/**
 * An empty batch for the stage's output.
 *
 * @return NULL: no memory in the budget; return TUBE_AGAIN now, you are called
 *         again when there is some
 */
tube_batch *tube_take(tube_stage *s);

/**
 * Memory for one segment: TUBE_BUFFER_BYTES and TUBE_PAD, held by the batch.
 *
 * At most one a batch.  Counted in the budget with the batch itself.
 */
char *tube_batch_buffer(tube_batch *b);

/** Append a segment to a batch of bytes; false: no room (TUBE_BATCH_EXTENTS). */
bool tube_batch_segment(tube_batch *b, const tube_segment *seg);

/**
 * In a framing stage: let `b` hold the memory of `from`, so that cells may point there.
 *
 * @return false: `b` holds as much as it can; emit it first
 */
bool tube_batch_hold(tube_batch *b, tube_batch *from);

/**
 * In a framing stage: rows from `first_row` on lie in [lo, hi) of an origin.
 *
 * An extent that continues the batch's last one makes that longer.
 *
 * @return false: no room (TUBE_BATCH_EXTENTS); emit the batch first
 */
bool tube_batch_extent(tube_batch *b, const tube_extent *e);

/**
 * Send a batch downstream.
 *
 * @param b  set to NULL (taken), whatever is returned
 * @return TUBE_OK     go on
 *         TUBE_AGAIN  taken, but return TUBE_AGAIN now: there is no more room
 *         TUBE_END    taken, but nobody wants more: return TUBE_END
 */
tube_status tube_emit(tube_stage *s, tube_batch **b) TUBE_NODISCARD;

/** Give back a batch that was taken and is not wanted; sets it to NULL. */
void tube_untake(tube_stage *s, tube_batch **b);

/**
 * In process() of a transform that changes the schema: give `b` cells of the
 * stage's output schema, all of them undefined.
 *
 * The old cells stay readable as b->old until process() returns.  The stage then
 * sets every cell of every live row.
 *
 * @return TUBE_AGAIN  no memory in the budget: return TUBE_AGAIN now
 */
tube_status tube_reshape(tube_stage *s, tube_batch *b) TUBE_NODISCARD;

/** Take a live row out: its outcome is "filtered". */
void tube_filter(tube_stage *s, tube_batch *b, uint32_t row);

/**
 * Take all live rows from `row` on out of the batch, as if they had not been read:
 * positions end before them.  They count as filtered.
 */
void tube_batch_cut(tube_stage *s, tube_batch *b, uint32_t row);

/**
 * Take a live row out: its outcome is "rejected", and it travels on with its reason.
 *
 * @param at   byte in the raw line, UINT32_MAX if unknown
 * @param fmt  reason: one line, no capital, no full stop
 */
void tube_reject(tube_stage *s, tube_batch *b, uint32_t row, uint32_t at,
                 const char *fmt, ...) TUBE_PRINTF(5, 6);

/** tube_reject() in the words of a database. */
void tube_reject_sql(tube_stage *s, tube_batch *b, uint32_t row, const char *sqlstate,
                     const char *reason);

/**
 * True if rejects are written by the embedding program (tube_pipeline_opts.on_reject
 * with `rejects_only`), so that a sink keeps no table of them.
 */
bool tube_rejects_elsewhere(const tube_stage *s);

/**
 * In a sink, before COMMIT: hand the batch's rejects to on_reject().
 *
 * Does so once for a reject, however often it is called; the engine does it at
 * tube_settle() for sinks that do not.
 */
void tube_publish_rejects(tube_stage *s, tube_batch *b);

struct tube_future;

/**
 * In a source, before tube_emit(): tell `f` what becomes of a row (<tubes/push.h>).
 *
 * @param f  lives until it is complete (borrowed)
 */
void tube_ask(tube_stage *s, tube_batch *b, uint32_t row, struct tube_future *f);

/** Why the record that `f` was hung on is not committed: tube_future_reason(). */
tube_outcome tube_ask_reason(tube_stage *s, const struct tube_future *f,
                             tube_error *err);

/** In a sink: true if somebody waits to be told about a row of `b`: do not hold it back
 * for others once the input is empty. */
bool tube_is_asked(const tube_batch *b);

/**
 * In a stage that makes records of others: row `to_row` of `to` is, or is part of, what
 * becomes of row `row` of `from`, which is in hand.  Who asks about that is told the worst
 * that befalls any record it became.  In an emitter that never says so, all records of a
 * batch share what becomes of all that was made of it.
 *
 * @return false: out of memory
 */
bool tube_carry(tube_batch *to, uint32_t to_row, tube_batch *from, uint32_t row);

/** Settle a batch that process() kept with TUBE_QUEUED; sets it to NULL.  TUBE_COMMITTED,
 * TUBE_BROKEN and TUBE_UNKNOWN. */
void tube_settle(tube_stage *s, tube_batch **b, tube_outcome outcome);

/** Wait for `fd`, once: TUBE_READABLE and TUBE_WRITABLE.  wake() tells. */
void tube_wait_fd(tube_stage *s, int fd, unsigned events);

enum { TUBE_READABLE = 1, TUBE_WRITABLE = 2 };

/** Stop waiting for a descriptor; before it is closed. */
void tube_forget_fd(tube_stage *s, int fd);

/** Monotonic clock, ns. */
uint64_t tube_now(void);

/** Be woken at `when` (tube_now() + ns); 0: no longer.  One deadline a stage. */
void tube_wait_until(tube_stage *s, uint64_t when);

/** In open() and locate(): true if nothing may be created, only looked at. */
bool tube_dry_run(const tube_stage *s);

/** True once the pipeline is aborted: do not begin anything. */
bool tube_aborted(const tube_stage *s);

/** The name nearest to `word` in `names`, or NULL if none is near: "did you mean".
 * Damerau-Levenshtein distance of at most a third of its length. */
const char *tube_nearest(const char *word, const char *const *names, size_t n);

/** Diagnostics to the embedding program: one line, "stage: text". */
void tube_warn(tube_stage *s, const char *fmt, ...) TUBE_PRINTF(2, 3);

TUBES_END

#endif /* TUBES_STAGE_H */
