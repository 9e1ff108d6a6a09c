/* SPDX-License-Identifier: MIT */
/* tubes/tubes.h -- everything an embedding program needs. */
#ifndef TUBES_TUBES_H
#define TUBES_TUBES_H

#include <tubes/attr.h>
#include <tubes/batch.h>
#include <tubes/error.h>
#include <tubes/graph.h>
#include <tubes/push.h>
#include <tubes/record.h>
#include <tubes/stage.h>
#include <tubes/stats.h>
#include <tubes/version.h>

#include <stdint.h>

TUBES_BEGIN

/** A pipeline: stages, what joins them, and the threads that run them. */
typedef struct tube_pipeline tube_pipeline;

/** One rejected record, as on_reject() sees it.  All borrowed. */
typedef struct tube_reject_info {
    const char *origin;   /**< real path, "-" for a stream */
    uint64_t line;        /**< from 1; 0: unknown */
    uint64_t offset;      /**< of the line's first byte; UINT64_MAX: unknown */
    uint32_t at;          /**< byte in the line; UINT32_MAX: unknown */
    const char *stage;    /**< who refused it */
    const char *sqlstate; /**< "" if no server is to blame */
    const char *reason;
    tube_slice raw; /**< the line; .ptr NULL: there was none */
} tube_reject_info;

/** How to run a pipeline.  Zero means "the default" for every member. */
typedef struct tube_pipeline_opts {
    uint32_t struct_size; /**< set by TUBE_PIPELINE_OPTS */
    int32_t
        workers; /**< threads; 0: one per online CPU; TUBE_CALLER: none, tube_run()'s
                               caller runs all, in an order that `seed` decides */
    uint32_t batch_rows;  /**< records per batch, 1..1024; 0: 1024 */
    uint32_t depth;       /**< batches per edge, a power of two, 2..4096; 0: 16 */
    uint64_t budget;      /**< bytes for batches, at least 4 MiB; 0: 64 MiB */
    uint64_t seed;        /**< with TUBE_CALLER */
    uint64_t max_rejects; /**< stop when more records are rejected; 0: no limit */
    double
        max_reject_share; /**< the same as a share, 0..1, from 1,000 records on; 0: no limit */
    bool fail_on_first_reject; /**< max_rejects of zero */
    bool dry_run;      /**< tube_open() creates nothing; tube_start() is refused */
    bool rejects_only; /**< on_reject() is the only place for rejects: no table */
    void (*on_reject)(void *arg,
                      const tube_reject_info *r); /**< from any worker, one at a time */
    void (*on_warn)(void *arg, const char *line); /**< the same; NULL: stderr */
    void (*on_error)(void *arg,
                     const tube_error *e); /**< up to five errors in a pipeline text */
    void *arg;
    /** Memory of batches, aligned to 64 bytes; NULL: there is none now.  From any thread.
     * Give both of these two or neither: then it is the C library's. */
    void *(*memory_get)(void *arg, size_t bytes);
    /** The same memory back, with the size that was asked for. */
    void (*memory_put)(void *arg, void *ptr, size_t bytes);
} tube_pipeline_opts;

enum { TUBE_CALLER = -1 };

/** TUBE_PIPELINE_OPTS(.workers = 2, .budget = 16 << 20), for tube_pipeline_new(). */
#define TUBE_PIPELINE_OPTS(...) \
  (&(tube_pipeline_opts){ .struct_size = sizeof(tube_pipeline_opts), __VA_ARGS__ })

/** No time limit. */
#define TUBE_FOREVER UINT64_MAX

/**
 * Make an empty pipeline.
 *
 * @param o    copied; NULL: all defaults (borrowed)
 * @return the pipeline, free it with tube_pipeline_free() (given); NULL on failure
 *
 * Threads: any.  Blocks: no.
 */
tube_pipeline *tube_pipeline_new(const tube_pipeline_opts *o,
                                 tube_error *err) TUBE_NODISCARD;

/**
 * Free a pipeline; a running one is aborted and waited for.
 *
 * After fork() an open pipeline is the parent's alone: in the child this does nothing, and
 * every other call answers TUBE_EFORK, NULL or 0.
 *
 * @param p  NULL is fine (taken)
 *
 * Threads: any, the last user of `p`.  Blocks: while it runs.
 */
void tube_pipeline_free(tube_pipeline *p);

/** tube_pipeline_free() for TUBE_AUTO. */
void tube_pipeline_freep(tube_pipeline **p);

/**
 * Add a stage of your own; a built-in of that name is hidden by it.
 *
 * @param def  must outlive `p` (borrowed)
 * @return TUBE_EINVAL: wrong abi, no name, no process(), or `p` was started
 *
 * Threads: the owner of `p`, before tube_series().  Blocks: no.
 */
tube_status tube_define(tube_pipeline *p, const tube_stage_def *def,
                        tube_error *err) TUBE_NODISCARD;

/**
 * Add stages from text and link them one after the other.
 *
 * Checks names, options and flows; opens nothing.  A missing framing stage is
 * inserted, a missing sink is `print`.  See docs/series.md for the language.
 *
 * @return TUBE_ECONFIG: `err` is the first of the errors that on_error() was told
 *
 * Threads: the owner of `p`, once, before tube_start().  Blocks: no.
 */
tube_status tube_series(tube_pipeline *p, const char *text,
                        tube_error *err) TUBE_NODISCARD;

/**
 * Open every stage, from the sink to the source and back: resolve fields, connect,
 * compare with tables, find positions.  Runs nothing; a sink may create its tables.
 *
 * @return TUBE_ECONFIG, TUBE_EIO, TUBE_EDB, TUBE_EREACH: all is closed again
 *
 * Threads: the owner of `p`.  Blocks: while files and servers are opened.
 */
tube_status tube_open(tube_pipeline *p, tube_error *err) TUBE_NODISCARD;

/** tube_open() if that was not done, then let it run.  Blocks: as tube_open(). */
tube_status tube_start(tube_pipeline *p, tube_error *err) TUBE_NODISCARD;

/**
 * Wait until everything is done: every sink has finished and every record is settled.
 *
 * With TUBE_CALLER this is what runs the pipeline.
 *
 * @param timeout_ns  TUBE_FOREVER, or TUBE_ETIME is returned after it
 * @return TUBE_OK  the sources ended, or were drained, and all is committed
 *         other    the first cause, in `err`
 *
 * Threads: any.  Blocks: yes.
 */
tube_status tube_wait(tube_pipeline *p, uint64_t timeout_ns,
                      tube_error *err) TUBE_NODISCARD;

/** tube_start() and tube_wait(). */
tube_status tube_run(tube_pipeline *p, tube_error *err) TUBE_NODISCARD;

/** Stop the sources; what is inside is finished.  Threads: any, also a signal handler's
 * helper thread, not the handler itself.  Blocks: no. */
void tube_drain(tube_pipeline *p);

/** Stop everything; what is not committed is broken.  Threads: any.  Blocks: no. */
void tube_abort(tube_pipeline *p);

/* Looking at a pipeline. */

/** A stage as it stands in the pipeline; borrowed until `p` is freed. */
typedef struct tube_stage_info {
    const tube_stage_def *def; /**< NULL: the place is empty, its stage has ended */
    const tube_schema *output; /**< NULL: bytes, nothing, or not opened yet */
    const char *label;         /**< from `as=`, "" without */
    uint32_t depth;            /**< batches its (first) input edge holds; 0: no input */
    uint32_t copy; /**< which of the copies of `parallel`, from 1; 0: single */
    bool inserted; /**< not in the text: an adapter or the default sink */
} tube_stage_info;

/** An edge as it is now. */
typedef struct tube_edge_info {
    uint32_t from, to;         /**< tube_stage_at(); from UINT32_MAX: an inlet */
    uint32_t output, input;    /**< port numbers at its ends */
    uint32_t depth;            /**< batches */
    uint64_t rows_limit;       /**< UINT64_MAX: none */
    uint64_t bytes_limit;      /**< UINT64_MAX: none */
    const tube_schema *schema; /**< NULL: bytes */
    tube_head head;            /**< how the branch begins that it leads into */
    const char *head_text;     /**< of `when` and `as`; NULL: none */
} tube_edge_info;

/** Number of edges, empty places included.  Threads: any.  Blocks: no. */
uint32_t tube_edge_count(const tube_pipeline *p);

/** Edge `i`; false: that place is empty.  Threads: any.  Blocks: no. */
bool tube_edge_at(const tube_pipeline *p, uint32_t i, tube_edge_info *info);

/** Worker threads; 0: the caller runs it.  Threads: any, after tube_open().  Blocks: no. */
uint32_t tube_worker_count(const tube_pipeline *p);

/** Number of stages, inserted ones included.  Threads: any.  Blocks: no. */
uint32_t tube_stage_count(const tube_pipeline *p);

/** Stage `i` from the source on.  Threads: any, after tube_series().  Blocks: no. */
tube_stage_info tube_stage_at(const tube_pipeline *p, uint32_t i);

/** Value of an option of stage `i` as text, secrets as "***"; NULL: no such option.
 * @param buf  used where text must be made (borrowed)
 * Threads: any, after tube_series().  Blocks: no. */
const char *tube_option_text(const tube_pipeline *p, uint32_t i, const char *name,
                             char *buf, size_t len);

/** The options that every stage has; ends with a row whose name is NULL.  Threads: any.
 * Blocks: no. */
const tube_option *tube_common_options(void);

/** An origin as found by tube_open(). */
typedef struct tube_origin_info {
    const char *name;
    uint64_t size;  /**< bytes; UINT64_MAX unknown */
    tube_mark mark; /**< where reading began */
} tube_origin_info;

/** Number of origins.  Threads: any, after tube_open().  Blocks: no. */
uint32_t tube_origin_count(const tube_pipeline *p);

/** Origin `i`.  Threads: any, after tube_open().  Blocks: no. */
tube_origin_info tube_origin_at(const tube_pipeline *p, uint32_t i);

/** Built-in stage `i`, NULL behind the last.  Threads: any.  Blocks: no. */
const tube_stage_def *tube_builtin(uint32_t i);

/** Built-in stage of that name, or NULL.  Threads: any.  Blocks: no. */
const tube_stage_def *tube_builtin_find(const char *name);

/**
 * The first bytes of a file, decompressed: what `file PATH` would deliver first.
 *
 * @param len  in: room in `buf`; out: bytes there
 * @return TUBE_EIO  no such file, no permission, not a file
 *
 * Threads: any.  Blocks: while it reads.
 */
tube_status tube_peek_file(const char *path, char *buf, size_t *len,
                           tube_error *err) TUBE_NODISCARD;

/** Which parts this build has, ends with a row whose name is NULL. */
typedef struct tube_feature {
    const char *name; /**< "zstd" */
    bool on;
    const char *version; /**< of the library in use, "" if off */
    const char *package; /**< Debian package that turns it on */
} tube_feature;

/** Features of this build.  Threads: any.  Blocks: no. */
const tube_feature *tube_features(void);

TUBES_END

#endif /* TUBES_TUBES_H */
