/* SPDX-License-Identifier: MIT */
/* lines.c -- cut bytes into lines.
 *
 * In: bytes.  Out: records of one field, `line`.  A line ends with LF, or where its
 * origin ends.  NUL bytes and invalid UTF-8 pass unchanged; a byte order mark at the
 * start of an origin is taken off.
 *
 * Rows point into the input buffer.  What stands behind the last newline is held in
 * memory of the stage until the line's end comes; of a line that is too long only the
 * first bytes are held, so that no input can make the stage grow beyond max_line.
 */
#include "scan.h"

#include <tubes/stage.h>

#include <stdlib.h>
#include <string.h>

enum {
    CR_STRIP = 0,
    BLANK_SKIP = 0,
    KEEP = 64 * 1024, /* bytes of a line that is too long, for its reject */
    MARK = 3,         /* bytes of a byte order mark in UTF-8 */
    SMALL = TUBE_BUFFER_BYTES / 4,
};

struct lines {
    int64_t max_line;
    int64_t cr;
    int64_t blank;
    const struct tubei_scan *scan;

    /* How far the input batch has been read. */
    uint32_t segment;
    size_t pos;

    /* The open line, whose end has not come. */
    bool started;    /* false: the next segment begins an origin */
    bool held_plain; /* as TUBE_PLAIN */
    uint32_t origin;
    uint64_t lo;     /* its first byte */
    uint64_t line;   /* its number */
    uint64_t length; /* bytes that have come */
    char *held;      /* as many of them as are kept */
    size_t held_len;
    size_t held_room;
    char last; /* the newest of them */

    /* The output batch. */
    tube_batch *out;
    uint32_t rows;
    bool plain;
    bool odd_rows;
    uint64_t odd[TUBE_BATCH_ROWS / 64];   /* bit r: row r is blank or too long */
    uint64_t odd_length[TUBE_BATCH_ROWS]; /* its bytes; only where that bit is set */
    uint32_t at[TUBE_BATCH_ROWS + TUBEI_SCAN_SLACK]; /* newlines, for one call */
};

static const tube_option lines_options[] = {
    { "max_line", TUBE_OPT_SIZE, offsetof(struct lines, max_line), "1M", "1..64M bytes",
      "longest line; a longer one is rejected", 0 },
    { "cr", TUBE_OPT_ENUM, offsetof(struct lines, cr), "strip", "strip|keep",
      "what to do with a carriage return at the end of a line", 0 },
    { "blank", TUBE_OPT_ENUM, offsetof(struct lines, blank), "skip", "skip|keep",
      "what to do with an empty line; one that is skipped counts as filtered", 0 },
    { 0 },
};

static tube_status
lines_open(tube_stage *s, tube_error *err)
{
    static const tube_column columns[] = { { "line", TUBE_TEXT, NULL } };
    struct lines *l = tube_state(s);

    l->scan = tubei_scan();
    return tube_set_schema(s, columns, 1, err);
}

static void
lines_close(tube_stage *s)
{
    struct lines *l = tube_state(s);

    tube_untake(s, &l->out);
    free(l->held);
}

/* Keep the next bytes of the open line; all of them while it can still be short enough,
 * with a mark at its start and a CR at its end. */
static bool
lines_hold(struct lines *l, const char *text, size_t len)
{
    size_t most = (size_t)(l->max_line > KEEP ? l->max_line : KEEP) + MARK + 1;
    size_t take = len < most - l->held_len ? len : most - l->held_len;

    l->length += len;
    if (l->held_len + take > l->held_room) {
        size_t room = 2 * (l->held_len + take) < most ? 2 * (l->held_len + take) : most;
        char *more = realloc(l->held, room);

        if (more == NULL)
            return false;
        l->held = more;
        l->held_room = room;
    }
    if (take > 0)
        memcpy(l->held + l->held_len, text, take);
    l->held_len += take;
    if (len > 0)
        l->last = text[len - 1];
    return true;
}

static void
lines_odd(struct lines *l, uint32_t row, uint64_t length)
{
    l->odd_rows = true;
    l->odd[row / 64] |= UINT64_C(1) << row % 64;
    l->odd_length[row] = length;
}

/* Add the line at l->lo, of which `len` bytes out of `length` are there. */
static void
lines_add(struct lines *l, const char *text, size_t len, uint64_t length)
{
    uint64_t offset = l->lo;

    if (offset == 0 && len >= MARK && memcmp(text, "\xef\xbb\xbf", MARK) == 0) {
        offset += MARK;
        text += MARK;
        len -= MARK;
        length -= MARK;
    }
    if (length > 0 && l->cr == CR_STRIP && l->last == '\r')
        length--;
    if (len > length)
        len = length;
    if (length == 0 || length > (uint64_t)l->max_line) {
        lines_odd(l, l->rows, length);
        len = len < KEEP ? len : KEEP;
    }
    l->out->offset[l->rows] = offset;
    tube_set_text(&l->out->cells[l->rows++], text, len);
}

/* Add the open line, which ends with these bytes. */
static bool
lines_end(struct lines *l, const char *text, size_t len)
{
    size_t kept;
    char *whole;

    if (l->length == 0) {
        if (len > 0)
            l->last = text[len - 1];
        lines_add(l, text, len, len);
        return true;
    }
    l->plain = l->plain && l->held_plain;
    if (!lines_hold(l, text, len))
        return false;
    kept = l->held_len < l->length ? KEEP + MARK : l->held_len;
    whole = tube_batch_alloc(l->out, kept);
    if (whole == NULL)
        return false;
    memcpy(whole, l->held, kept);
    lines_add(l, whole, kept, l->length);
    l->held_len = 0;
    l->length = 0;
    return true;
}

/* Add the lines of `text` that lie behind `start` and end at one of the `n` newlines.
 * This loop and the scanner are all that most input sees. */
static size_t
lines_add_many(struct lines *l, const char *text, uint64_t offset, size_t start,
               uint32_t n)
{
    tube_cell *cell = l->out->cells + l->rows;
    uint64_t *place = l->out->offset + l->rows;
    uint32_t max = (uint32_t)l->max_line;
    bool strip = l->cr == CR_STRIP;
    uint32_t row = l->rows;

    for (uint32_t i = start > 0; i < n; i++, row++, cell++, place++) {
        size_t end = l->at[i];
        uint32_t len = (uint32_t)(end - start);

        len -= strip && text[end - (len != 0)] == '\r';
        *place = offset + start;
        if (__builtin_expect(len - 1 >= max, 0)) {
            lines_odd(l, row, len);
            len = len < KEEP ? len : KEEP;
        }
        tube_set_text(cell, text + start, len);
        start = end + 1;
    }
    l->rows = row;
    return start;
}

/* Say where the rows from `first` on were. */
static bool
lines_extent(struct lines *l, uint32_t first, uint64_t lo, uint64_t line)
{
    const tube_extent e = {
        .origin = l->origin,
        .first_row = first,
        .lo = lo,
        .hi = l->lo,
        .line = line,
        .lines = l->line - line,
    };

    return l->rows == first || tube_batch_extent(l->out, &e);
}

/* The origin ends here: an open line is complete. */
static bool
lines_last(struct lines *l)
{
    uint32_t first = l->rows;
    uint64_t lo = l->lo;
    uint64_t length = l->length;

    l->started = false;
    if (length == 0)
        return true;
    if (!lines_end(l, "", 0))
        return false;
    l->lo += length;
    l->line++;
    return lines_extent(l, first, lo, l->line - 1);
}

/* Add what the scanner found in `text`, which begins at l->pos of its segment, as rows;
 * `copy`: do not let them point there. */
static bool
lines_found(struct lines *l, const char *text, uint32_t n, bool copy)
{
    uint32_t first = l->rows;
    uint64_t lo = l->lo;
    uint64_t offset = l->lo + l->length;
    size_t start = 0;

    if (copy) {
        size_t len = l->at[n - 1] + 1;
        char *mine = tube_batch_alloc(l->out, len);

        if (mine == NULL)
            return false;
        text = memcpy(mine, text, len);
    }
    if (l->length > 0 || lo == 0) {
        if (!lines_end(l, text, l->at[0]))
            return false;
        start = l->at[0] + 1;
    }
    start = lines_add_many(l, text, offset, start, n);
    l->pos += start;
    l->lo = offset + start;
    l->line += n;
    return lines_extent(l, first, lo, l->line - n);
}

/* Read a segment as far as there is room for rows. */
static bool
lines_segment(struct lines *l, const tube_segment *seg, bool copy)
{
    uint32_t room;
    bool plain = true;

    if (l->started && l->pos == 0 && seg->origin != l->origin && !lines_last(l))
        return false;
    if (!l->started) {
        l->started = true;
        l->origin = seg->origin;
        l->lo = seg->offset;
        l->line = seg->line;
    }
    room = l->out->cap - l->rows;
    const char *text = seg->bytes.ptr + l->pos;
    uint32_t n = l->scan->lines(text, seg->bytes.len - l->pos, l->at, room, &plain);

    l->plain = l->plain && plain;
    if (n > 0 && !lines_found(l, text, n, copy))
        return false;
    if (n == room)
        return true;
    l->held_plain = plain && (l->length == 0 || l->held_plain);
    if (!lines_hold(l, seg->bytes.ptr + l->pos, seg->bytes.len - l->pos))
        return false;
    l->segment++;
    l->pos = 0;
    return !seg->last || lines_last(l);
}

/* Send the output batch. */
static tube_status
lines_emit(tube_stage *s, struct lines *l)
{
    if (l->out == NULL)
        return TUBE_OK;
    if (l->rows == 0) {
        tube_untake(s, &l->out);
        return TUBE_OK;
    }
    tube_batch_rows(l->out, l->rows);
    if (l->plain)
        l->out->flags |= TUBE_PLAIN;
    for (uint32_t w = 0; l->odd_rows && w < TUBE_BATCH_ROWS / 64; w++)
        for (; l->odd[w] != 0; l->odd[w] &= l->odd[w] - 1) {
            uint32_t row = w * 64 + (uint32_t)__builtin_ctzll(l->odd[w]);

            if (l->odd_length[row] > 0)
                tube_reject(s, l->out, row, UINT32_MAX,
                            "line of %llu bytes is longer than max_line=%lld",
                            (unsigned long long)l->odd_length[row],
                            (long long)l->max_line);
            else if (l->blank == BLANK_SKIP)
                tube_filter(s, l->out, row);
        }
    l->odd_rows = false;
    return tube_emit(s, &l->out);
}

/* See that there is an output batch with room for one more row and two more extents. */
static tube_status
lines_room(tube_stage *s, struct lines *l, tube_batch *hold, tube_error *err)
{
    tube_status st;

    if (l->out != NULL && l->rows < l->out->cap
        && l->out->n_extents + 2 <= TUBE_BATCH_EXTENTS)
        return TUBE_OK;
    st = lines_emit(s, l);
    if (st != TUBE_OK)
        return st;
    l->out = tube_take(s);
    if (l->out == NULL)
        return TUBE_AGAIN;
    l->rows = 0;
    l->plain = true;
    if (hold != NULL && !tube_batch_hold(l->out, hold))
        return tube_fail(err, TUBE_EINVAL, "the input batch has too many buffers");
    return TUBE_OK;
}

static tube_status
lines_nomem(const struct lines *l, tube_error *err)
{
    tube_fail(err, TUBE_ENOMEM, "no memory for a line of %llu bytes and more",
              (unsigned long long)l->length);
    tube_hint(err, "set max_line to less than %lld", (long long)l->max_line);
    return TUBE_ENOMEM;
}

static tube_status
lines_process(tube_stage *s, tube_batch *in, tube_error *err)
{
    struct lines *l = tube_state(s);
    size_t bytes = 0;
    tube_status st;
    bool copy;

    /* A few lines do not pin a whole buffer. */
    for (uint32_t i = 0; i < in->n_segments; i++)
        bytes += in->segments[i].bytes.len;
    copy = bytes < SMALL;
    while (l->segment < in->n_segments) {
        st = lines_room(s, l, copy ? NULL : in, err);
        if (st != TUBE_OK)
            return st;
        if (!lines_segment(l, &in->segments[l->segment], copy))
            return lines_nomem(l, err);
    }
    st = lines_emit(s, l);
    if (st == TUBE_OK)
        l->segment = 0;
    return st;
}

static tube_status
lines_finish(tube_stage *s, tube_error *err)
{
    struct lines *l = tube_state(s);
    tube_status st;

    if (l->length == 0 || !tube_input_complete(s))
        return TUBE_OK;
    st = lines_room(s, l, NULL, err);
    if (st != TUBE_OK)
        return st;
    return lines_last(l) ? lines_emit(s, l) : lines_nomem(l, err);
}

static const char *const lines_examples[] = {
    "file access.log | lines | print",
    "file access.log | lines max_line=64k blank=keep | print",
    NULL,
};

const tube_stage_def tube_stage_lines = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "lines",
    .summary = "cut bytes into lines",
    .examples = lines_examples,
    .options = lines_options,
    .in = TUBE_FLOW_BYTES,
    .out = TUBE_FLOW_LINES,
    .state_size = sizeof(struct lines),
    .flags = TUBE_EMITS | TUBE_FRAMES,
    .open = lines_open,
    .process = lines_process,
    .finish = lines_finish,
    .close = lines_close,
};
