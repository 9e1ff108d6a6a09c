/* SPDX-License-Identifier: MIT */
/* stage.h -- one running instance of a stage, and the states it goes through.
 *
 * State word (tests/model/scheduler.pml)
 *   IDLE -> NOTIFIED            notify(); whoever does this publishes the stage
 *   NOTIFIED -> RUNNING         exchange, by the worker that took it from the queue
 *   RUNNING -> RUNNING|NOTIFIED notify()
 *   RUNNING -> IDLE             CAS; if it fails: -> NOTIFIED, and it publishes itself
 *
 * Invariants
 *   S1  a stage is in the run queue, in a slot or running if its word is not IDLE,
 *       and then in one of them only
 *   S2  what a notifier did before notify() is seen by the activation it causes
 *   S3  phases only go forward: GREET, RUN, FINISH, STOP, DONE
 *   S4  a stage takes nothing from an input behind its token
 *   S5  it is DONE when its token is in every ring and it holds no batch
 *   S6  its ports change in its own activations only, by requests; also when DONE
 */
#ifndef TUBES_ENGINE_STAGE_H
#define TUBES_ENGINE_STAGE_H

#include "../data/memory.h"
#include "../text/option.h"
#include "edge.h"

#include <tubes/stage.h>
#include <tubes/stats.h>

#include <stdatomic.h>
#include <stdbool.h>

struct tube_pipeline;

enum { TUBEI_IDLE = 0, TUBEI_NOTIFIED = 1, TUBEI_RUNNING = 2 };

typedef enum tubei_phase {
    TUBEI_PHASE_GREET,  /* before the first batch: greet() */
    TUBEI_PHASE_RUN,    /* takes input, or makes it */
    TUBEI_PHASE_FINISH, /* the input is over: finish() */
    TUBEI_PHASE_STOP,   /* the token waits for its place; a sink for its last answer */
    TUBEI_PHASE_DONE,
} tubei_phase;

/* What a step of an activation says about the next one. */
typedef enum tubei_step {
    TUBEI_GO,   /* look again at once */
    TUBEI_WAIT, /* nothing to do until somebody notifies */
} tubei_step;

/** A request to the stage that owns a thing (S6). */
typedef struct tubei_request {
    struct tubei_request *next;
    enum {
        TUBEI_ADD_INPUT,  /* edge */
        TUBEI_ADD_OUTPUT, /* edge */
        TUBEI_END_OUTPUT, /* edge: no more goes there, for `kind` */
        TUBEI_CLOSE,      /* take no more, for `kind` */
        TUBEI_DIVERT,     /* what comes goes to `stage` */
        TUBEI_GIVEN,      /* diverted: `edge` is your input now */
        TUBEI_MOVED,      /* the consumer of `edge` is `stage` now; answer `who` */
        TUBEI_MOVED_SEEN, /* that was seen */
        TUBEI_WATERMARK,  /* a source: send `mark` */
    } what;
    tubei_edge *edge;
    struct tube_stage *stage;
    struct tube_stage *who;
    tubei_batch *mark;
    tube_stop kind;
    char *message; /* malloc'ed, or NULL */
} tubei_request;

/** Counters: written by the stage's runner, read by anyone. */
typedef struct tubei_counters {
    _Atomic uint64_t activations, batches_in, batches_out, rows_in, rows_out, bytes_in;
    _Atomic uint64_t filtered, rejected, dropped, broken, broken_batches;
    _Atomic uint64_t errors, retries, restarts;
    _Atomic uint64_t busy_ns, blocked_ns, paused_ns, queue_sum;
} tubei_counters;

struct tube_stage {
    struct tube_pipeline *pipeline;
    const tube_stage_def *def;
    const tubei_call *call; /* where it stands in the text; NULL: inserted */
    void *state;
    const tubei_common *common;
    struct tubei_held *text; /* the text that `call` is in; NULL: the pipeline's */
    uint64_t id;             /* of its tube_ref */
    uint32_t index;          /* in the pipeline's table */
    uint32_t copy;           /* of `parallel`, from 1; 0: single */
    uint32_t depth;          /* of turns: forks around it that rejoin */
    bool opened;
    bool dynamic; /* attached while it ran: freed when it has ended */
    const tube_schema *input;
    const tube_schema *output;
    tube_schema *own_schema;    /* set by tube_set_schema() */
    struct tube_stage *partner; /* a join: the fork whose branches it joins */
    const tubei_branch *heads;  /* a fork: how its outputs begin */
    uint32_t n_heads;
    bool reserve_walked; /* it was given its reserve by a join behind it */
    bool adapts;         /* part of an adapter */
    bool ordered;        /* a join that needs its inputs in an order of its own */

    _Atomic uint32_t word;             /* the state word */
    _Atomic uint32_t woke;             /* TUBE_WOKE_ bits for the next activation */
    _Atomic uint32_t pauses;           /* tokens out */
    _Atomic(tubei_request *) requests; /* [Q1] newest first */
    _Atomic bool has_work;             /* and waits, since the last activation */
    _Atomic bool ended;                /* DONE, for others to see */
    _Atomic uint32_t guards;     /* diverts to here that their producers know not of */
    struct tube_stage *next_run; /* under the scheduler's lock */
    struct tube_stage *next_timer; /* under the scheduler's lock */
    uint64_t deadline;             /* under the scheduler's lock; 0: none */
    bool armed; /* under the scheduler's lock: a descriptor is awaited */

    bool reserve_ok; /* an inner stage: has a reserve of one batch */
    _Atomic bool reserve_used;
    _Atomic bool waits_memory;      /* written under the memory's lock */
    struct tube_stage *next_waiter; /* under the memory's lock */

    uint32_t promised; /* under the graph's lock: inputs not over, those to come too */
    bool held_open;    /* under the graph's lock: lives without inputs */
    bool sealed;       /* under the graph's lock: no input can come any more */
    uint32_t fed;      /* under the graph's lock: edges that begin here */
    uint32_t eats;     /* under the graph's lock: edges that end here */

    /* From here on: the runner only. */
    tubei_edge **in; /* NULL where a port was */
    tubei_edge **out;
    uint32_t n_in, n_out;       /* ports, empty ones too */
    uint32_t open_in, open_out; /* those that are not over, not closed */
    uint32_t turn;              /* input that is next */
    uint32_t burst;             /* batches it may still give in this turn */
    uint32_t at;                /* input that `current` came from */
    uint32_t pass_to;           /* output of tube_pass(), or TUBE_ANY_INPUT */
    tube_until until;
    bool any_room;   /* runs when one output has room */
    bool take_turns; /* its join takes turn by turn */
    bool was_full;   /* TUBE_BUFFERS: tell it when there is room */
    tubei_phase phase;
    tubei_batch *current; /* input batch with the stage's cursor in it */
    tubei_reason reason;  /* of the tokens that came, or that this stage begins with */
    tube_stop discarding; /* what comes in goes nowhere: why */
    bool input_over;      /* the last token has come */
    bool no_room;         /* tube_emit() said AGAIN */
    bool fresh;           /* something was processed since the input ran empty */
    bool quick;           /* the clock need not be read between its batches */
    bool slow;            /* the last activation overran the quantum in one call */
    bool failed;
    bool finishing;    /* finish() was called */
    bool wake_failed;  /* and is called again */
    bool quiet_later;  /* QUIET came while there was input: told when it is empty */
    bool emitted;      /* something was made of `current` */
    uint32_t held;     /* batches kept with TUBE_QUEUED */
    tubei_batch *kept; /* these */
    uint32_t attempts; /* failures of one callback in a row */
    uint64_t retry_at; /* 0: no retry is due */
    tube_stop unended_why;
    uint32_t unended;       /* input whose ended() is to be called again, or ANY */
    uint64_t blocked_since; /* 0: not blocked */
    uint64_t paused_since;  /* 0: not paused */
    tubei_batch *mark;      /* a watermark on its way through */
    tubei_batch *orphans;   /* watermarks of sources that were done, oldest first */
    tubei_edge *giving;     /* being diverted: the edge that goes */
    tubei_request *later;   /* a divert that came before the input did */
    uint64_t wants_at;      /* the deadline that the stage asked for; 0: none */
    _Atomic(tubei_edge *)
        moved; /* diverted: whoever notifies us of it means moved_to */
    struct tube_stage *moved_to;
    tubei_counters count;
};

/** Its name for people: as=, else its stage's.  Threads: any.  Blocks: no. */
static inline const char *
tubei_stage_label(const tube_stage *s)
{
    return s->common != NULL && s->common->label != NULL && s->common->label[0] != '\0'
               ? s->common->label
               : s->def->name;
}

/** Let the stage run once more (S2).  Threads: any.  Blocks: no. */
void tubei_stage_notify(tube_stage *s);

/** notify() with a reason for wake().  Threads: any.  Blocks: no. */
void tubei_stage_wake(tube_stage *s, unsigned why);

/** notify() with a request (taken).  Threads: any.  Blocks: no. */
void tubei_stage_request(tube_stage *s, tubei_request *r);

/** Memory is short: tell the stages that hold some (memory.h M3).  Blocks: no. */
void tubei_stage_pressure(tube_stage *s);

/** malloc() failed for this stage: the pipeline fails.  Blocks: no. */
void tubei_stage_nomem(tube_stage *s);

/** Run one activation, at most the quantum: from tube_now(), given, to tube_now(),
 * returned.  Threads: one at a time.  Blocks: as the stage does. */
uint64_t tubei_stage_run(tube_stage *s, uint64_t start);

/* What follows is called by the stage's runner only, and does not block. */

/** The stage keeps a batch from here on, or does not any more. */
void tubei_stage_keep(tube_stage *s, tubei_batch *b);
void tubei_stage_unkeep(tube_stage *s, tubei_batch *b);

/** Settle a batch that goes no further. */
void tubei_stage_settle(tubei_batch *b, const tubei_settled *outcome);

/** All live rows and rejects of `b` in one outcome; frees `b`. */
void tubei_stage_discard(tube_stage *s, tubei_batch *b, tube_stop why);

/** Take no more input: close it, and drop what comes. */
void tubei_stage_close(tube_stage *s, tube_stop why);

/** Fail for good. */
void tubei_stage_fail(tube_stage *s, tube_error *err);

/** Take note of a status; true: it was a failure, and the stage is failing. */
bool tubei_stage_failed(tube_stage *s, tube_status st, tube_error *err);

/** Call wake(); its failures count.  TUBE_AGAIN is passed on. */
tube_status tubei_stage_call_wake(tube_stage *s, unsigned why);

/** Note why this stage ends the stream, if that begins here. */
void tubei_stage_cause(tube_stage *s, tube_stop kind, const char *message,
                       const tube_error *err);

/* ports.c */

/** Take the next thing of an input; TUBEI_NONE: nothing may be taken now. */
tubei_item tubei_ports_next(tube_stage *s, tubei_batch **b);

/** Input `i` has brought its token. */
void tubei_ports_over(tube_stage *s, uint32_t i);

/** May it go on?  Notes outputs that were closed. */
bool tubei_ports_room(tube_stage *s);

/** Send to output `i`; the batch is settled if nobody wants it there. */
tube_status tubei_ports_push(tube_stage *s, uint32_t i, tubei_batch **b);

/** A copy of the token for each output; true: all are in their rings. */
bool tubei_ports_stop(tube_stage *s);

/** True if something waits in an input. */
bool tubei_ports_ready(const tube_stage *s);

/** Tell producers of empty inputs; true: an inlet had something.  */
bool tubei_ports_drained(tube_stage *s);

/** A fan-in lives without inputs no longer. */
void tubei_ports_unhold(tube_stage *s);

/** Call ended() again, which failed; false: it fails still. */
bool tubei_ports_end_again(tube_stage *s);

/** Take no more from an input. */
void tubei_ports_close(tube_stage *s, tubei_edge *e, tube_stop why);

/** Add a port, `last` behind all others, else where one was; its number, or
 * TUBE_ANY_INPUT: out of memory. */
uint32_t tubei_ports_add(tubei_edge ***ports, uint32_t *n, tubei_edge *e, bool last);

/** True if the stage can have no input any more, now or later. */
bool tubei_ports_sealed(tube_stage *s);

/* request.c */

/** Forget what was requested and will never be carried out.  Threads: the last user. */
void tubei_requests_drop(tube_stage *s);

/** Carry out what was requested. */
void tubei_requests_run(tube_stage *s);

/* flush.c */

/** A watermark came in by an input; TUBEI_GO: look again. */
tubei_step tubei_mark_in(tube_stage *s, tubei_batch *mark);

/** Go on with the watermark that is on its way through. */
tubei_step tubei_mark_step(tube_stage *s);

/** A token that came by request. */
void tubei_mark_begin(tube_stage *s, tubei_batch *mark);

/** Perhaps every input has brought its token now. */
void tubei_marks_align(tube_stage *s);

/** Diverted: the tokens that wait here wait there. */
void tubei_marks_divert(tube_stage *s, tube_stage *to);

/** An input goes whose tokens wait: the stage keeps them. */
void tubei_marks_keep(tube_stage *s, tubei_edge *e);

/** The stage takes no more: its tokens go no further. */
void tubei_marks_drop(tube_stage *s);

/** The stage is done: what waited for that goes on. */
void tubei_marks_follow(tube_stage *s);

/** A token is spent. */
void tubei_mark_drop(tubei_batch *mark, bool passed);

/* survive.c */

/** What a failure of a callback means for the stage. */
typedef enum tubei_verdict {
    TUBEI_DEAD,  /* it fails */
    TUBEI_LATER, /* it is called again at retry_at, or anew */
    TUBEI_SKIP,  /* what it failed at is given up */
} tubei_verdict;

/** Set the scheduler's deadline to the nearer of retry_at and wants_at. */
void tubei_stage_arm(tube_stage *s);

tubei_verdict tubei_survive(tube_stage *s, tube_status st, tube_error *err);

/** Reject all live rows of the current batch with the text of a failure. */
void tubei_survive_skip(tube_stage *s, const tube_error *err);

/** Add to a counter of the running stage. */
static inline void
tubei_count(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

#endif /* TUBES_ENGINE_STAGE_H */
