/* SPDX-License-Identifier: MIT */
/* lines_feed.h -- feed bytes to `lines` cut as a test wants them, and keep what comes. */
#ifndef TUBES_TESTS_LINES_FEED_H
#define TUBES_TESTS_LINES_FEED_H

#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEED_ORIGINS = 40, FEED_ROWS = 200000 };

/** One origin; `offset` and `line` are where it begins. */
struct feed_origin {
    const char *bytes;
    size_t len;
    uint64_t offset, line;
    bool stream; /* without a position */
    bool open;   /* its last segment does not say that it ends */
};

/** What the source does. */
static struct {
    struct feed_origin origin[FEED_ORIGINS];
    uint32_t id[FEED_ORIGINS];
    uint32_t n;
    size_t chunk;      /* bytes a segment; 0: as many as fit */
    uint64_t shuffle;  /* not 0: chunks of random size, up to `chunk` */
    uint32_t segments; /* a batch; 0: as many as fit */
    size_t repeat;     /* not 0: origin 0 comes that often, as one */
    bool fail;         /* at the end */
    uint32_t at;       /* cursor */
    size_t pos;
    size_t round;
} feed;

enum feed_outcome { LIVE, FILTERED, REJECTED };

/** A row as the sink saw it. */
struct feed_row {
    char *text;
    size_t len;
    uint64_t offset, line;
    uint32_t origin;
    enum feed_outcome outcome;
    bool plain;
    char reason[100];
};

static struct {
    struct feed_row *row;
    size_t n;
    uint32_t batches;
    uint32_t most_rows;
    size_t most_text;
    uint64_t hi[FEED_ORIGINS + 1]; /* end of the last extent, by origin */
} got;

static tube_status
feed_open(tube_stage *s, tube_error *err)
{
    for (uint32_t i = 0; i < feed.n; i++) {
        char name[20];
        const tube_origin o = { name, "x", 1, feed.origin[i].len };

        snprintf(name, sizeof(name), "o%u", i);
        feed.id[i] = TUBE_NO_ORIGIN;
        if (!feed.origin[i].stream
            && tube_origin_add(s, &o, &feed.id[i], err) != TUBE_OK)
            return err->status;
    }
    return TUBE_OK;
}

static size_t
feed_size(size_t room)
{
    const struct feed_origin *o = &feed.origin[feed.at];
    size_t size = feed.chunk > 0 ? feed.chunk : TUBE_BUFFER_BYTES;

    if (feed.shuffle != 0) {
        feed.shuffle =
            feed.shuffle * UINT64_C(6364136223846793005) + 1442695040888963407;
        size = 1 + (feed.shuffle >> 33) % size;
    }
    size = size < room ? size : room;
    return size < o->len - feed.pos ? size : o->len - feed.pos;
}

static tube_status
feed_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    tube_batch *b;
    size_t used = 0;

    (void)none;
    if (feed.at == feed.n)
        return feed.fail ? tube_fail(err, TUBE_EIO, "the feed fails") : TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    while (feed.at < feed.n && used < TUBE_BUFFER_BYTES
           && (feed.segments == 0 || b->n_segments < feed.segments)) {
        const struct feed_origin *o = &feed.origin[feed.at];
        size_t size = feed_size(TUBE_BUFFER_BYTES - used);
        char *to = tube_batch_buffer(b) + used;
        bool end = feed.pos + size == o->len && feed.round + 1 >= feed.repeat;
        const tube_segment seg = {
            .bytes = { to, size },
            .origin = feed.id[feed.at],
            .offset = o->offset + feed.round * o->len + feed.pos,
            .line = o->line,
            .last = end && !o->open,
        };

        memcpy(to, o->bytes + feed.pos, size);
        if (!tube_batch_segment(b, &seg))
            break;
        used += size;
        feed.pos += size;
        if (feed.pos < o->len)
            continue;
        feed.pos = 0;
        feed.round = end ? 0 : feed.round + 1;
        feed.at += end;
    }
    /* What lies behind the text must not count. */
    memset(tube_batch_buffer(b) + used, '\n', TUBE_PAD);
    return tube_emit(s, &b);
}

/* The extent of row r; also that extents of an origin follow each other. */
static const tube_extent *
feed_extent(const tube_batch *b, uint32_t r)
{
    const tube_extent *e = NULL;

    for (uint32_t i = 0; i < b->n_extents && b->extents[i].first_row <= r; i++)
        e = &b->extents[i];
    cr_assert(e != NULL);
    cr_assert_lt(r - e->first_row, e->lines);
    cr_assert(b->offset[r] >= e->lo && b->offset[r] <= e->hi);
    return e;
}

static void
feed_extents_check(const tube_batch *b)
{
    uint64_t lines = 0;

    for (uint32_t i = 0; i < b->n_extents; i++) {
        const tube_extent *e = &b->extents[i];
        uint64_t *hi = &got.hi[e->origin == TUBE_NO_ORIGIN ? FEED_ORIGINS : e->origin];

        cr_assert_eq(e->first_row, lines);
        cr_assert_lt(e->lo, e->hi);
        if (*hi != 0 && e->origin != TUBE_NO_ORIGIN)
            cr_assert_eq(e->lo, *hi);
        *hi = e->hi;
        lines += e->lines;
    }
    cr_assert_eq(lines, b->n);
}

static tube_status
keep_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    size_t text = 0;

    (void)s;
    (void)err;
    feed_extents_check(b);
    for (uint32_t r = 0; r < b->n; r++) {
        struct feed_row *row = &got.row[got.n++];
        const tube_extent *e = feed_extent(b, r);
        const tube_cell *c = tube_row(b, r);

        cr_assert_lt(got.n, FEED_ROWS);
        cr_assert_eq(c->set, 1);
        cr_assert_eq(c->text, b->raw[r].text);
        *row = (struct feed_row){
            .text = malloc(c->len + 1),
            .len = c->len,
            .offset = b->offset[r],
            .line = e->line + (r - e->first_row),
            .origin = e->origin,
            .outcome = (b->live[r / 64] >> r % 64 & 1) != 0 ? LIVE : FILTERED,
            .plain = (b->flags & TUBE_PLAIN) != 0,
        };
        memcpy(row->text, c->text, c->len);
        row->text[c->len] = '\0';
        text += c->len;
        for (uint32_t i = 0; i < b->n_rejected; i++)
            if (b->rejected[i].row == r) {
                row->outcome = REJECTED;
                snprintf(row->reason, sizeof(row->reason), "%s", b->rejected[i].reason);
            }
    }
    got.batches++;
    got.most_rows = b->n > got.most_rows ? b->n : got.most_rows;
    got.most_text = text > got.most_text ? text : got.most_text;
    return TUBE_OK;
}

static const tube_stage_def feed_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "feed",
    .summary = "bytes as a test wants them",
    .out = TUBE_FLOW_BYTES,
    .open = feed_open,
    .process = feed_process,
};

static const tube_stage_def keep_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "keep_all",
    .summary = "keeps what comes, for the test",
    .in = TUBE_FLOW_RECORDS,
    .process = keep_process,
};

/** Forget what came, and wind the feed back. */
static void
feed_rewind(void)
{
    for (size_t i = 0; i < got.n; i++)
        free(got.row[i].text);
    if (got.row == NULL)
        got.row = calloc(FEED_ROWS, sizeof(*got.row));
    cr_assert(got.row != NULL);
    got.n = 0;
    got.batches = got.most_rows = 0;
    got.most_text = 0;
    memset(got.hi, 0, sizeof(got.hi));
    feed.at = 0;
    feed.pos = feed.round = 0;
}

/** Run "feed | lines ... | keep_all"; nothing may be lost on the way. */
static tube_counts
feed_run(const char *text, const tube_pipeline_opts *o, tube_status want)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(o, &err);
    tube_counts c;

    feed_rewind();
    cr_assert(p != NULL, "%s", err.message);
    cr_assert_eq(tube_define(p, &feed_def, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_define(p, &keep_def, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_run(p, &err), want, "%s", err.message);
    tube_stats(p, &c);
    cr_assert_eq(c.read, c.committed + c.filtered + c.rejected + c.dropped + c.broken);
    cr_assert_eq(c.in_flight, 0);
    tube_pipeline_free(p);
    return c;
}

static inline void
feed_text(const char *bytes)
{
    feed.n = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = strlen(bytes) };
}

#endif /* TUBES_TESTS_LINES_FEED_H */
