/* SPDX-License-Identifier: MIT */
/* tubes/push.h -- records from a program, and the news of what became of each.
 *
 * An inlet is an input of a fan-in that the program feeds.  Who wants to know what becomes
 * of a record lends the engine a tube_future with it: 24 bytes of the program's own,
 * completed exactly once, whatever happens -- also when the pipeline fails, is aborted or
 * is freed.  Nobody asks, nothing is kept.
 *
 *     static void stored(tube_future *f)
 *     {
 *         struct request *r = TUBE_HOST_OF(f, struct request, future);
 *
 *         answer(r, tube_future_look(f) == TUBE_COMMITTED ? 201 : 503);
 *     }
 *
 *     static const tube_then on_stored = { .fn = stored };
 *     ...
 *     tube_future_init(&r->future, &on_stored);
 *     st = tube_push(inlet, cells, &r->future);
 */
#ifndef TUBES_PUSH_H
#define TUBES_PUSH_H

#include <tubes/attr.h>
#include <tubes/batch.h>
#include <tubes/error.h>
#include <tubes/graph.h>
#include <tubes/stage.h>

#include <stddef.h>
#include <stdint.h>

TUBES_BEGIN

/* Futures. */

/** What becomes of one record. */
typedef struct tube_future tube_future;

/** Where futures complete on a thread of the program's choice; tube_loop_new(). */
typedef struct tube_loop tube_loop;

/** What to do with futures when they complete; shared by as many as you like. */
typedef struct tube_then {
    void (*fn)(tube_future *f); /**< once for each; NULL: nobody is called */
    tube_loop
        *loop; /**< called in tube_loop_dispatch(); NULL: at once, by the thread that
                          completes it, which must not wait for anything */
} tube_then;

/** What becomes of one record.  The members are the engine's. */
struct tube_future {
    uint64_t word;
    tube_future *next;
    const tube_then *then;
};

/** The struct of type `type` whose member `member` is at `ptr`. */
#define TUBE_HOST_OF(ptr, type, member) \
  ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/**
 * Make a future, or make it anew.
 *
 * @param f     stays where it is until it is complete (borrowed)
 * @param then  outlives it; NULL: it is looked at or waited for (borrowed)
 *
 * Threads: its owner, while no record has it.  Blocks: no.
 */
void tube_future_init(tube_future *f, const tube_then *then);

/**
 * What became of the record; 0: that is open.
 *
 * A record that became several is what the worst of them is: filtered, committed, dropped,
 * rejected, broken, unknown, from best to worst.  Once it is not 0 the engine is done with
 * the future, but for the call that is due.
 *
 * Threads: any.  Blocks: no.
 */
tube_outcome tube_future_look(const tube_future *f);

/**
 * Wait for it.
 *
 * @return TUBE_OK    complete: tube_future_look() says how
 *         TUBE_ETIME not yet
 *
 * Threads: any but a worker.  Blocks: yes.  With TUBE_CALLER somebody else has to run the
 * pipeline meanwhile.
 */
tube_status tube_future_wait(tube_future *f, uint64_t timeout_ns) TUBE_NODISCARD;

/**
 * Why it is not committed: status, SQLSTATE, the stage, a text.
 *
 * Of the first 4,096 different reasons of a pipeline each is kept; the others have their
 * outcome only.
 *
 * @param p  where it was pushed
 * @return its outcome, as tube_future_look(); `err` is all zero if there is nothing to say
 *
 * Threads: any.  Blocks: no.
 */
tube_outcome tube_future_reason(const struct tube_pipeline *p, const tube_future *f,
                                tube_error *err);

/**
 * Do not call `then` for it.  The record goes on, and the future is still the engine's until
 * it is complete.
 *
 * @return true   it was not called and never will be
 *         false  it was called, or is being called, or will be: it was complete already
 *
 * Threads: any.  Blocks: no.
 */
bool tube_future_cancel(tube_future *f);

/* Several at once. */

/** Completes when all its parts have, as the worst of them.  The members are the engine's. */
typedef struct tube_all {
    tube_then part;
    tube_future done;
} tube_all;

/** Make one for `n` < 2^24 futures, each made with tube_future_init(f, &all->part);
 * `all->done` is complete when they are, at once if n is 0, and calls `then`.
 * Threads: its owner.  Blocks: no. */
void tube_all_init(tube_all *all, uint32_t n, const tube_then *then);

/** A part that will never be pushed: it counts as `outcome`.  Threads: any.  Blocks: no. */
void tube_all_without(tube_all *all, tube_outcome outcome);

/* Loops. */

/**
 * A place where futures complete on a thread of the program's choice: put its descriptor
 * into epoll, poll, libuv, libevent; when it is readable, call tube_loop_dispatch().
 *
 * @return given: tube_loop_free(); NULL: `err`
 *
 * Threads: any.  Blocks: no.
 */
tube_loop *tube_loop_new(tube_error *err) TUBE_NODISCARD;

/** Readable while something is to be dispatched; written once for each burst (borrowed).
 * Threads: any.  Blocks: no. */
int tube_loop_fd(const tube_loop *l);

/**
 * Call `fn` of the futures that have completed, in the order in which they did.
 *
 * @param most  0: all that have by now
 * @return how many were called
 *
 * Threads: one at a time.  Blocks: as long as what is called.
 */
uint32_t tube_loop_dispatch(tube_loop *l, uint32_t most);

/** Free it, behind the end of the pipelines whose futures complete there and a last
 * dispatch; NULL is fine.  Threads: its last user.  Blocks: no. */
void tube_loop_free(tube_loop *l);

/* Inlets. */

/** An input that the program feeds; given by tube_inlet_new(). */
typedef struct tube_inlet tube_inlet;

/**
 * A new input of a fan-in that the program feeds.
 *
 * @param record  name of a `record` of the text; "lines"; NULL: what the fan-in gives
 * @return given: tube_inlet_free(); NULL: `err`; TUBE_END in it: sealed or ended
 *
 * Threads: any, after tube_open().  Blocks: no.
 */
tube_inlet *tube_inlet_new(struct tube_pipeline *p, tube_ref at, const char *record,
                           tube_error *err) TUBE_NODISCARD;

/** At most `n` futures of a pipeline, or as many more as threads push, may be open: a push
 * with one more is refused (TUBE_AGAIN).  0: no limit.  Threads: any.  Blocks: no. */
void tube_bound(struct tube_pipeline *p, uint64_t n);

/** Futures of a pipeline that are not complete.  Threads: any.  Blocks: no. */
uint64_t tube_outstanding(const struct tube_pipeline *p);

/**
 * Push one record, with the text it points to (copied).
 *
 * @param row  cells of the inlet's schema
 * @param f    told what becomes of it; NULL: nobody asks (borrowed until it is complete)
 * @return TUBE_OK      taken
 *         TUBE_AGAIN   full: not taken, and `f` is as it was
 *         TUBE_END     closed, nothing will be taken any more: the same
 *         TUBE_EINVAL  `f` was used before and not made anew: the same
 *         TUBE_EFORK   this is a child of the process that opened the pipeline: the same
 *
 * Threads: any.  Blocks: no; many threads of one inlet may find it taken (TUBE_AGAIN): give
 * each of those that push all the time its own.
 */
tube_status tube_push(tube_inlet *in, const tube_cell *row,
                      tube_future *f) TUBE_NODISCARD;

/**
 * tube_push() that waits for room.
 *
 * @param timeout_ns  TUBE_FOREVER, or TUBE_ETIME is returned after it
 *
 * Threads: any but a worker; not with TUBE_CALLER.  Blocks: yes.
 */
tube_status tube_push_within(tube_inlet *in, const tube_cell *row, tube_future *f,
                             uint64_t timeout_ns) TUBE_NODISCARD;

/** tube_push() of a line, for an inlet of lines. */
tube_status tube_push_line(tube_inlet *in, const char *line, size_t len,
                           tube_future *f) TUBE_NODISCARD;

/** No more: the stop goes behind what was pushed.  Idempotent.  Threads: any.  Blocks: no. */
void tube_inlet_stop(tube_inlet *in, tube_stop kind, const char *message);

/** What its records look like (borrowed).  Threads: any.  Blocks: no. */
const tube_schema *tube_inlet_schema(const tube_inlet *in);

/** Stop it if that was not done, and free it; NULL is fine.  Threads: its last user. */
void tube_inlet_free(tube_inlet *in);

TUBES_END

#endif /* TUBES_PUSH_H */
