/* SPDX-License-Identifier: MIT */
/* pipeline.h -- the graph as a whole: stages, edges, origins, how it ends.
 *
 * Invariants
 *   G1  the tables of stages and edges change under `lock`; a stage or an edge that was
 *       there at tube_start() is there until tube_pipeline_free()
 *   G2  an attached stage is freed when it is done and idle, and nobody has an edge to it
 *   G3  `live` counts the stages that are not DONE, those to be attached too; at 0 the
 *       pipeline is done, and nothing can be attached any more
 *   G4  nobody calls back to the program, and nobody waits, under `lock`
 */
#ifndef TUBES_GRAPH_PIPELINE_H
#define TUBES_GRAPH_PIPELINE_H

#include "../data/ack.h"
#include "../data/asks.h"
#include "../data/memory.h"
#include "../data/stop.h"
#include "../engine/edge.h"
#include "../engine/sched.h"
#include "../engine/stage.h"
#include "../text/strpool.h"
#include "../text/text.h"
#include "latch.h"

#include <tubes/tubes.h>

/** An origin, as the engine keeps it. */
typedef struct tubei_origin {
    char *name;
    char *print;
    uint32_t print_len;
    uint64_t size;
    tube_mark mark;
} tubei_origin;

/** What leads from where to where; the edge itself knows only its neighbours. */
typedef struct tubei_link {
    tubei_edge *edge; /* NULL: the place is empty */
    tube_stage *from; /* NULL: an inlet */
    tube_stage *to;
    uint32_t output, input; /* port numbers as they were when it was made */
} tubei_link;

/** An adapter that the program or the text has defined. */
typedef struct tubei_adapter {
    const char *from, *to;
    const char *source; /* the program's; NULL: the text's */
    const tubei_branch *with;
    tubei_text *text; /* NULL: part of the pipeline's */
} tubei_adapter;

struct tube_pipeline {
    uint32_t magic;
    _Atomic uint32_t home; /* tubei_process when it was opened; 0: it is not open */
    tube_pipeline_opts opts;
    tubei_text *text;
    tubei_strings strings; /* strings and lists of options */
    const tube_stage_def **own_defs;
    uint32_t n_own_defs;
    tubei_adapter *adapters;
    uint32_t n_adapters;

    pthread_mutex_t lock; /* the graph's: from here to `sources` */
    tube_stage **stages;
    uint32_t n; /* places, empty ones too */
    tubei_link *links;
    uint32_t n_links;
    uint64_t next_id;
    uint32_t dead; /* attached stages that are done */
    uint32_t live_dynamic;
    uint64_t flushes;
    struct tubei_pause *pause;
    uint32_t n_pauses;
    uint64_t next_pause;
    struct tube_watch *watches;
    struct tube_inlet *inlets;
    tubei_reason end; /* of all sinks that are done */
    tubei_origin *origins;
    uint32_t n_origins;
    pthread_cond_t stage_done;
    pthread_mutex_t edit_lock;   /* one edit at a time: opening, linking, starting */
    struct tubei_piece *opening; /* under edit_lock: adapters become part of it */
    tube_stage *buried; /* under edit_lock: to be closed and freed, by next_run */

    tubei_memory *memory;
    tubei_sched *sched;
    tubei_totals totals;
    tubei_asking asking;
    tubei_causes causes;
    tubei_reason abort_reason; /* written before causes.abort is set */
    _Atomic uint64_t rejects;  /* seen so far, stored or not */
    _Atomic bool draining;
    _Atomic uint64_t deadline; /* of tube_drain_within(); 0: none */
    _Atomic uint32_t live;     /* G3 */
    _Atomic bool done;         /* all of them are */
    tubei_latch done_future;
    pthread_mutex_t tell_lock; /* on_reject() and on_warn(), one at a time */
    _Atomic bool opened;       /* written by the owner, read by drain() and abort() */
    _Atomic bool started;
    bool counted;        /* under lock: `live` says how many stages are not done */
    bool located;        /* the sinks were asked for positions */
    _Atomic bool closed; /* written under close_lock */
    pthread_mutex_t close_lock; /* the first of several waiters closes */
};

enum { TUBEI_PIPELINE_MAGIC = 0x7475b001 };

/** Which of a line of forks this process is, from 1. */
extern _Atomic uint32_t tubei_process;

/** Notice forks from now on; what tubei_process is. */
uint32_t tubei_forks_watch(void);

/** Did fork() take us away from what was opened in process `home`?  Its threads are not
 * here, and whoever had a lock never gives it back. */
static inline bool
tubei_is_away(uint32_t home)
{
    return home != 0
           && home != atomic_load_explicit(&tubei_process, memory_order_relaxed);
}

/** The same of a pipeline. */
static inline bool
tubei_forked(const struct tube_pipeline *p)
{
    return tubei_is_away(atomic_load_explicit(&p->home, memory_order_relaxed));
}

/** TUBE_EFORK, in words. */
tube_status tubei_fork_fail(tube_error *err);

/** A stage failed: note the cause.  The failure travels on with its token.  Blocks: no. */
void tubei_pipeline_fail(struct tube_pipeline *p, const tube_stage *s, tube_error *err);

/** A stage is DONE.  Threads: its runner.  Blocks: no. */
void tubei_pipeline_stage_done(tube_stage *s);

/** One more record was rejected: the limit may be reached.  Blocks: no. */
void tubei_pipeline_rejected(struct tube_pipeline *p);

/** Everything is over: were there too many rejects? */
void tubei_pipeline_rejects_end(struct tube_pipeline *p);

/** What the scheduler tells (sched.h).  `arg` is the pipeline. */
void tubei_pipeline_quiet(void *arg);
void tubei_pipeline_stuck(void *arg);
void tubei_pipeline_alarm(void *arg);

/** Does it run without being told by a neighbour?  Threads: any. */
bool tubei_stage_is_root(const tube_stage *s);

/** Aborted.  Threads: any.  Blocks: no. */
bool tubei_pipeline_aborted(const struct tube_pipeline *p);

/** A sink that keeps positions, or NULL. */
const tube_stage *tubei_pipeline_keeper(struct tube_pipeline *p);

/** Every source before `s` gets a reserve of memory.  Threads: the owner, opening. */
void tubei_pipeline_reserve(tube_stage *s);

/** One end of an edge does not need it any more (G2). */
void tubei_pipeline_edge_release(struct tube_pipeline *p, tubei_edge *e);

/** The same.  Threads: under `lock`. */
void tubei_edge_unref(struct tube_pipeline *p, tubei_edge *e);

/** The pipeline goes: what is in an edge is broken. */
void tubei_pipeline_edge_empty(tubei_edge *e);

/** The stage of a reference, NULL if it is stale.  Threads: under `lock`. */
tube_stage *tubei_pipeline_find(const struct tube_pipeline *p, tube_ref ref);

/** Find and lock: NULL, and not locked, if tubei_pipeline_stale() says why. */
tube_stage *tubei_pipeline_enter(struct tube_pipeline *p, tube_ref ref);

/** There was none: TUBE_EINVAL, or TUBE_EFORK. */
tube_status tubei_pipeline_stale(const struct tube_pipeline *p, tube_error *err);

/** Open a stage that is linked: its inputs must be open.  Threads: one at a time. */
tube_status tubei_stage_open(tube_stage *s, tube_error *err);

/** Under `lock` and `edit_lock`: take attached stages that have ended out of the graph (G2). */
void tubei_pipeline_reap(struct tube_pipeline *p);

/** Under `edit_lock`, not under `lock`: close and free what was taken out. */
void tubei_pipeline_bury(struct tube_pipeline *p);

/** Nobody runs stages any more: carry out what was asked of those that are done. */
void tubei_pipeline_rest(struct tube_pipeline *p);

/* build.c */

/** What `set key=value` says; -1 or 0: nothing. */
typedef struct tubei_settings {
    int64_t workers, batch, depth, memory;
} tubei_settings;

/** Stages of a text, with adapters and default sinks put between; told errors are in
 * `report`.  Threads: the owner.  Blocks: no. */
tube_status tubei_build(struct tube_pipeline *p, const char *text, tubei_report *report,
                        tube_error *err);

/** The text of an attached piece: kept as long as its stages.  Under `edit_lock`. */
typedef struct tubei_held {
    tubei_text *text;
    uint32_t refs;
} tubei_held;

/** One user less; NULL is fine. */
void tubei_held_unref(tubei_held *h);

/** A piece of graph that is being made: in the tables when it is committed. */
typedef struct tubei_piece {
    struct tube_pipeline *p;
    tubei_report *report;
    tube_stage **stage; /* in the order in which they must open */
    uint32_t n, room;
    tubei_link *link;
    uint32_t n_links, links_room;
    tube_stage *last; /* the open end; NULL: nothing yet, or it ends in a sink */
    tube_flow flow;   /* of the open end */
    uint32_t depth;   /* forks around it that rejoin */
    uint32_t copy;    /* of `parallel`, from 1; 0: single */
    bool dynamic;
    tubei_edge *joint; /* by which it will hang on the graph */
    tubei_held *held;  /* the text it is made of, NULL: the pipeline's */
} tubei_piece;

/** Make stages behind the open end.  Errors are reported.  Threads: the owner. */
tube_status tubei_piece_build(tubei_piece *b, const tubei_branch *branch);

/** Put what is missing behind an open end: lines, print. */
tube_status tubei_piece_end(tubei_piece *b);

/** Put `lines` behind an open end of bytes. */
tube_status tubei_piece_frame(tubei_piece *b);

/** A new edge with a port at each end that is not NULL. */
tubei_edge *tubei_piece_link(tubei_piece *b, tube_stage *from, tube_stage *to,
                             uint32_t depth);

/** Into the tables; false: out of memory.  Threads: under `lock`, or the owner. */
bool tubei_piece_commit(tubei_piece *b);

/** Add the stages and links of `from` to `b`; false: out of memory. */
bool tubei_piece_add(tubei_piece *b, tubei_piece *from);

/** Close and free what was not committed; after a commit, only the list. */
void tubei_piece_free(tubei_piece *b);

/** Free one stage, or NULL. */
void tubei_stage_free(tube_stage *s);

/** Take the settings of the text; what the program gave wins. */
tube_status tubei_settings_apply(struct tube_pipeline *p, tubei_report *report,
                                 tube_error *err);

/** Look-up of stages by name, for tubei_text_parse(). */
tubei_lookup tubei_build_lookup(struct tube_pipeline *p);

/** What the options may be, and defaults for those that are zero.  Threads: any. */
tube_status tubei_opts_check(tube_pipeline_opts *o, tube_error *err);

/* types.c */

/** Before a stage opens: do its inputs fit it, and each other?  Puts adapters between. */
tube_status tubei_types_fit(tube_stage *s, tube_error *err);

/** Adapters of the program and of the text, now that both are there. */
tube_status tubei_types_adapters(struct tube_pipeline *p, tubei_report *report,
                                 tube_error *err);

/* pause.c */

/** A stage has ended: the tokens it owns are released, those on it are void.  Threads:
 * under `lock`. */
void tubei_pauses_end(struct tube_pipeline *p, tube_stage *s);

/* wait.c */

/** Call the watches of a stage (NULL: of the pipeline).  Threads: any, not under `lock`. */
void tubei_watches_call(struct tube_pipeline *p, const tube_stage *s);

/** The pipeline goes: watches live on, and are never called. */
void tubei_watches_orphan(struct tube_pipeline *p);

/** A reason as the program sees it. */
tube_reason tubei_reason_public(struct tube_pipeline *p, const tubei_reason *r);

/** TUBE_CALLER: run what can be run, or sleep a little; false: `until` has passed. */
bool tubei_caller_runs(struct tube_pipeline *p, uint64_t until);

/** Abort if the deadline of tube_drain_within() has passed. */
void tubei_deadline_look(struct tube_pipeline *p);

/* flush_api.c */

void tubei_flush_ref(struct tube_flush *f);
void tubei_flush_unref(struct tube_flush *f, bool passed);
uint64_t tubei_flush_number(const struct tube_flush *f);
bool tubei_flush_settles(const struct tube_flush *f);

/* inlet.c */

/** Move what the inlet has at hand to its queue; true: there was something. */
bool tubei_inlet_pull(struct tube_inlet *in);

/** Its consumer takes no more: nothing but its token comes. */
void tubei_inlet_close(struct tube_inlet *in, tube_stop kind, const tubei_reason *why);

/** Its token was taken: it has no edge any more. */
void tubei_inlet_over(struct tube_inlet *in);

/** Its consumer is another stage now. */
void tubei_inlet_moved(struct tube_inlet *in, tube_stage *to);

/** Put a watermark behind what was pushed; false: it has stopped, or no memory. */
bool tubei_inlet_mark(struct tube_inlet *in, struct tube_flush *f);

/** The next one in the pipeline's list, and whether it may still push.  Under `lock`. */
const struct tube_inlet *tubei_inlet_next(const struct tube_inlet *in);
bool tubei_inlet_open(const struct tube_inlet *in);

/** The pipeline drains: what was pushed is the last. */
void tubei_inlets_stop(struct tube_pipeline *p, tube_stop kind, const char *message);

/** Stop those of one fan-in; how many.  Under `lock`. */
uint32_t tubei_inlets_stop_at(struct tube_pipeline *p, const tube_stage *at,
                              const char *message);

/** The pipeline goes: the inlets live on, closed. */
void tubei_inlets_orphan(struct tube_pipeline *p);

#endif /* TUBES_GRAPH_PIPELINE_H */
