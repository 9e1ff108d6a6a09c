/* SPDX-License-Identifier: MIT */
/* resume.h -- what a sink that keeps positions must pass over, and where it may commit.
 *
 * With several sinks the source starts where the one that is furthest behind has to go
 * on.  The others get rows that they have stored: those below their own low at the time
 * when the run began.  Such rows are hidden: committed, but not stored again.
 *
 * A position may come behind its rows: an emitter sends what it made of a batch, and the
 * batch with the position last; where branches join, it comes with the last of them.  Until
 * then the rows are owed a position, and a transaction that ended there would let them be
 * stored again after a crash.  A border is where nothing is owed.
 *
 * Invariants
 *   R1  up to a border, every row that comes from an origin has its position there
 *   R2  extents of an origin that hold bytes follow each other without gap
 */
#ifndef TUBES_STAGES_RESUME_H
#define TUBES_STAGES_RESUME_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

/** Batches without a position that hold less memory are not what others wait for. */
enum { TUBEI_RESUME_LARGE = 256 * 1024 };

/** One origin, as this sink stands to it. */
typedef struct resume_origin {
    uint64_t low;  /**< what is below was stored before this run */
    uint64_t next; /**< where the next extent that goes beyond `low` has to begin */
    bool known;
    bool ahead; /**< rows below `low` are still to come */
    bool owed;  /**< rows of it came, and their position did not */
} resume_origin;

typedef struct tubei_resume {
    resume_origin *origin; /**< by id */
    uint32_t room;
    uint32_t n_known;
    uint32_t n_ahead;
    uint32_t n_owed;
    bool owed_any; /**< rows came that no extent names */
    bool begun;
    tube_extent *group; /**< positions since the last border, while some are ahead */
    uint32_t n_group;
    uint32_t group_room;
} tubei_resume;

/** Rows of one batch that were stored before this run. */
typedef struct resume_hidden {
    uint64_t below[TUBE_BATCH_ROWS / 64]; /**< all of them, rejects too */
    uint64_t live[TUBE_BATCH_ROWS / 64];  /**< those that are live when it is settled */
    uint32_t n_live;
} resume_hidden;

/* All functions below: Threads: the stage's.  Blocks: no. */

/** In locate(): this sink has an origin up to `low`; false: out of memory. */
bool tubei_resume_at(tubei_resume *r, uint32_t origin, uint64_t low);

/** Before the first batch: compare with where the sources start. */
void tubei_resume_begin(tubei_resume *r, const tube_stage *s);

/**
 * Take note of a batch, in the order in which they come.
 *
 * @param border  true: behind it nothing is owed
 * @return TUBE_EINVAL  bytes are missing before it (R2); TUBE_ENOMEM
 */
tube_status tubei_resume_note(tubei_resume *r, const tube_stage *s, const tube_batch *b,
                              bool *border, tube_error *err) TUBE_NODISCARD;

/** True if batches may hold rows that were stored before. */
static inline bool
tubei_resume_is_ahead(const tubei_resume *r)
{
    return r->n_ahead > 0;
}

/**
 * At a border, for each batch since the one before: hide what was stored.
 *
 * The rows are no longer live, but still counted in n_live, for tube_settle().
 *
 * @param hidden  NULL: nothing is; else it lives as long as `b`
 * @return TUBE_EINVAL  rows and position came apart, and some of the rows are stored;
 *         TUBE_ENOMEM
 */
tube_status tubei_resume_hide(const tubei_resume *r, const tube_stage *s, tube_batch *b,
                              resume_hidden **hidden, tube_error *err) TUBE_NODISCARD;

/** Behind that: the border is passed. */
void tubei_resume_pass(tubei_resume *r);

/** Before tube_settle(): hidden rows are live again. */
void tubei_resume_show(tube_batch *b, const resume_hidden *hidden);

/** True if a row is hidden; `hidden` may be NULL. */
static inline bool
tubei_resume_is_hidden(const resume_hidden *hidden, uint32_t row)
{
    return hidden != NULL && (hidden->below[row / 64] >> (row % 64) & 1) != 0;
}

/** Where its rows, rejects too, end that lie in extent `i`. */
static inline uint32_t
tubei_resume_extent_end(const tube_batch *b, uint32_t i)
{
    return i + 1 < b->n_extents ? b->extents[i + 1].first_row : b->n;
}

/** Live rows of rows [from, to). */
uint32_t tubei_resume_live(const tube_batch *b, uint32_t from, uint32_t to);

/** True if rows [from, to) have one that is live or rejected. */
bool tubei_resume_has_rows(const tube_batch *b, uint32_t from, uint32_t to);

/** Free what it holds. */
void tubei_resume_fini(tubei_resume *r);

#endif /* TUBES_STAGES_RESUME_H */
