/* SPDX-License-Identifier: MIT */
/* buffer_feed.h -- a source of words and a sink with a tap, for tests of the buffer. */
#ifndef TUBES_TESTS_BUFFER_FEED_H
#define TUBES_TESTS_BUFFER_FEED_H

#include "test_stages.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** What the sink saw. */
static struct {
    _Atomic bool open;        /* while it is not, nothing is taken */
    _Atomic bool asleep;      /* it does not even look whether it is open */
    _Atomic uint32_t nap;     /* us, before each batch */
    _Atomic uint64_t rows;    /* that were no notes of missing ones */
    _Atomic uint64_t rejects; /* that came with them */
    _Atomic uint64_t told;    /* notes of missing records */
    _Atomic uint64_t missed;  /* records in them */
    _Atomic uint64_t gaps;    /* in the numbers, that nobody told of */
    _Atomic uint64_t wrong;   /* disorder, or text that is not the record's */
    int64_t last;
    uint64_t place; /* every byte below has come */
} tap;

/* words n=N [batch=10] [wait=yes] [place=yes]: n, t = "word N"; the place is a position
 * with each batch, byte N for record N */

struct words {
    int64_t n, batch, next;
    bool wait, place;
    uint32_t origin;
};

static const tube_option words_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct words, n), NULL, "rows", "how many",
      TUBE_OPT_POSITIONAL },
    { "batch", TUBE_OPT_INT, offsetof(struct words, batch), "10", "rows", "", 0 },
    { "wait", TUBE_OPT_BOOL, offsetof(struct words, wait), "no", "", "at the end", 0 },
    { "place", TUBE_OPT_BOOL, offsetof(struct words, place), "no", "", "known", 0 },
    { 0 },
};

static tube_status
words_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = { { .name = "n", .type = TUBE_INT },
                                           { .name = "t", .type = TUBE_TEXT } };

    const tube_origin o = { "words", "w", 1, UINT64_MAX };
    struct words *w = tube_state(s);

    if (w->place && tube_origin_add(s, &o, &w->origin, err) != TUBE_OK)
        return err->status;
    return tube_set_schema(s, columns, 2, err);
}

static tube_status
words_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct words *w = tube_state(s);
    tube_extent at = { .lo = (uint64_t)w->next };
    tube_batch *b;

    (void)unused;
    (void)err;
    if (w->next == w->n && w->wait) {
        tube_wait_until(s, tube_now() + (uint64_t)3600 * 1000000000u);
        return TUBE_AGAIN;
    }
    if (w->next == w->n)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    for (int64_t i = 0; i < w->batch && w->next < w->n; i++, w->next++) {
        tube_cell *row = tube_batch_add(b);
        char *text = tube_batch_alloc(b, 32);
        int len = snprintf(text, 32, "word %" PRId64, w->next);

        tube_set_int(&row[0], w->next);
        tube_set_text(&row[1], text, (size_t)len);
    }
    at.origin = w->origin;
    at.hi = (uint64_t)w->next;
    if (w->place && !tube_batch_extent(b, &at))
        return tube_fail(err, TUBE_EINVAL, "no room for a position");
    return tube_emit(s, &b);
}

static const tube_stage_def words_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "words",
    .summary = "numbered words",
    .options = words_options,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct words),
    .open = words_open,
    .process = words_process,
};

/* pick reject=K: every K-th */

static const tube_option pick_options[] = {
    { "reject", TUBE_OPT_INT, 0, NULL, "", "every so many", 0 },
    { 0 },
};

static tube_status
pick_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const int64_t *every = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        int64_t n = tube_row(b, r)->integer;

        if (n % *every == 0)
            tube_reject(s, b, r, UINT32_MAX, "%" PRId64 " is refused", n);
    }
    return TUBE_OK;
}

static const tube_stage_def pick_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "pick",
    .summary = "rejects some",
    .options = pick_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(int64_t),
    .process = pick_process,
};

/* tap */

static void
tap_note(const tube_cell *row)
{
    char text[64] = "";
    uint64_t n = 0;

    memcpy(text, row[1].text, row[1].len < 63 ? row[1].len : 63);
    if (sscanf(text, "missed %" SCNu64 " record", &n) != 1)
        tap.wrong++;
    tap.told++;
    tap.missed += n;
    tap.last += (int64_t)n;
}

static void
tap_row(const tube_cell *row)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "word %" PRId64, row[0].integer);

    if (row[0].integer <= tap.last || row[1].len != (uint32_t)len
        || memcmp(row[1].text, text, (size_t)len) != 0)
        tap.wrong++;
    tap.gaps += row[0].integer != tap.last + 1;
    tap.last = row[0].integer;
    tap.rows++;
}

static tube_status
tap_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)err;
    if (!tap.open) {
        tube_wait_until(s, tube_now() + (tap.asleep ? UINT64_C(1) << 50 : 1000000));
        return TUBE_AGAIN;
    }
    if (tap.nap > 0)
        usleep(tap.nap);
    TUBE_EACH(b, r) {
        const tube_cell *row = tube_row(b, r);

        if (row[0].set)
            tap_row(row);
        else
            tap_note(row);
    }
    for (uint32_t i = 0; i < b->n_extents; i++) {
        tap.wrong += b->extents[i].lo != tap.place;
        tap.place = b->extents[i].hi;
    }
    tap.rejects += b->n_rejected;
    return TUBE_OK;
}

static const tube_stage_def tap_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "tap",
    .summary = "takes nothing while it is closed",
    .in = TUBE_FLOW_RECORDS,
    .process = tap_process,
};

/* other: takes all; for records that are sent another way */

static struct {
    uint64_t rows, wrong;
    int64_t first, last;
} other;

static tube_status
other_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    TUBE_EACH(b, r) {
        const tube_cell *row = tube_row(b, r);

        if (other.rows++ == 0)
            other.first = row[0].integer;
        else
            other.wrong += row[0].integer != other.last + 1;
        other.wrong += row[1].len < 6 || memcmp(row[1].text, "word ", 5) != 0;
        other.last = row[0].integer;
    }
    return TUBE_OK;
}

static const tube_stage_def other_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "other",
    .summary = "takes all",
    .in = TUBE_FLOW_RECORDS,
    .process = other_process,
};

/* Pipelines. */

static bool feed_started;
static _Atomic uint32_t feed_warnings;

static void
feed_warned(void *arg, const char *line)
{
    (void)arg;
    (void)line;
    feed_warnings++;
}

/** With words, pick, tap and other; o NULL: on this thread, queues of two batches. */
static tube_pipeline *
feed_pipeline(const tube_pipeline_opts *o, const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(
        o != NULL ? o
                  : TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .depth = 2,
                                       .on_warn = feed_warned),
        &err);

    test_reset();
    memset((void *)&tap, 0, sizeof(tap));
    memset(&other, 0, sizeof(other));
    tap.last = -1;
    feed_started = false;
    feed_warnings = 0;
    cr_assert_not_null(p);
    cr_assert_eq(tube_define(p, &words_def, &err), TUBE_OK);
    cr_assert_eq(tube_define(p, &tap_def, &err), TUBE_OK);
    cr_assert_eq(tube_define(p, &pick_def, &err), TUBE_OK);
    cr_assert_eq(tube_define(p, &other_def, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s: %s", text, err.message);
    return p;
}

static inline tube_counts
feed_counts(const tube_pipeline *p)
{
    tube_counts c;

    tube_stats(p, &c);
    return c;
}

/** Dropped by any stage, of batches that are not settled too. */
static inline uint64_t
feed_dropped(const tube_pipeline *p)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_stats st;

        tube_stats_stage(p, i, &st);
        n += st.dropped;
    }
    return n;
}

static inline void
feed_start(tube_pipeline *p)
{
    tube_error err = { 0 };

    if (!feed_started)
        cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
    feed_started = true;
}

static inline void
feed_step(tube_pipeline *p)
{
    cr_assert_geq(tube_step(p), TUBE_OK);
}

/** Run until nothing moves any more, the tap being closed. */
static inline void
feed_stall(tube_pipeline *p)
{
    tube_status st;

    feed_start(p);
    while ((st = tube_step(p)) == TUBE_OK) {
    }
    cr_assert_eq(st, TUBE_AGAIN);
}

/** Open the tap, and see that all ends well. */
static inline void
feed_finish(tube_pipeline *p)
{
    tube_error err = { 0 };

    tap.open = true;
    feed_start(p);
    cr_assert_eq(tube_wait(p, TUBE_FOREVER, &err), TUBE_OK, "%s", err.message);
    cr_assert(test_accounted(p));
    cr_assert_eq(tap.wrong, 0);
}

#endif /* TUBES_TESTS_BUFFER_FEED_H */
