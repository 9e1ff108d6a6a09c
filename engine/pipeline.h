/* SPDX-License-Identifier: MIT */
/* pipeline.h -- the graph as a whole: stages, edges, origins, how it ends. */
#ifndef TUBES_ENGINE_PIPELINE_H
#define TUBES_ENGINE_PIPELINE_H

#include "../text/strpool.h"
#include "../text/text.h"
#include "ack.h"
#include "edge.h"
#include "future.h"
#include "memory.h"
#include "sched.h"
#include "stage.h"
#include "stop.h"

#include <tubes/tubes.h>

/** An origin, as the engine keeps it. */
typedef struct tubei_origin {
    char *name;
    char *print;
    uint32_t print_len;
    uint64_t size;
    tube_mark mark;
} tubei_origin;

struct tube_pipeline {
    uint32_t magic;
    tube_pipeline_opts opts;
    tubei_text *text;
    tubei_strings strings; /* strings and lists of options */
    const tube_stage_def **own_defs;
    uint32_t n_own_defs;

    tube_stage *stages; /* from the source on */
    uint32_t n;
    tubei_edge *edges; /* edge i leads from stage i to stage i + 1 */
    tubei_origin *origins;
    uint32_t n_origins;

    tubei_memory *memory;
    tubei_sched *sched;
    tubei_totals totals;
    tubei_cause cause;
    _Atomic uint64_t rejects; /* seen so far, stored or not */
    _Atomic bool draining;
    _Atomic uint32_t live; /* stages that are not DONE */
    _Atomic bool done;     /* all of them are */
    tubei_future done_future;
    pthread_mutex_t tell_lock; /* on_reject() and on_warn(), one at a time */
    _Atomic bool opened;       /* written by the owner, read by drain() and abort() */
    _Atomic bool started;
    _Atomic bool closed;        /* written under close_lock */
    pthread_mutex_t close_lock; /* the first of several waiters closes */
};

enum { TUBEI_PIPELINE_MAGIC = 0x7475b001 };

/** A stage failed: note the cause.  The failure travels on with its token.  Blocks: no. */
void tubei_pipeline_fail(struct tube_pipeline *p, const tube_stage *s, tube_error *err);

/** A stage is DONE.  Threads: its runner.  Blocks: no. */
void tubei_pipeline_stage_done(struct tube_pipeline *p);

/** One more record was rejected: the limit may be reached.  Blocks: no. */
void tubei_pipeline_rejected(struct tube_pipeline *p);

/** Aborted.  Threads: any.  Blocks: no. */
bool tubei_pipeline_aborted(const struct tube_pipeline *p);

/** What `set key=value` says; -1 or 0: nothing. */
typedef struct tubei_settings {
    int64_t workers, batch, depth, memory;
} tubei_settings;

/** Stages of a text, with adapters and a default sink put between; told errors are in
 * `report`.  Threads: the owner.  Blocks: no. */
tube_status tubei_series_build(struct tube_pipeline *p, const char *text,
                               tubei_report *report, tube_error *err);

/** What the options may be, and defaults for those that are zero.  Threads: any. */
tube_status tubei_opts_check(tube_pipeline_opts *o, tube_error *err);

#endif /* TUBES_ENGINE_PIPELINE_H */
