/* SPDX-License-Identifier: MIT */
/* limit.c -- let records pass at a rate.
 *
 * in   any records
 * out  the same, later
 *
 * A batch passes as a whole.  What it is short of is waited for while it is held, so
 * that the stages before it are slowed down and nothing is lost.
 */
#include "buffer_bucket.h"

#include <tubes/stage.h>

#include <stdlib.h>

struct limit {
    const char *rows_text;  /* option; "" if not given */
    const char *bytes_text; /* option; "" if not given */
    int64_t burst;          /* option; ns */

    tubei_bucket rows;
    tubei_bucket bytes;
    bool waiting;        /* process() was called with this batch before */
    uint64_t need_rows;  /* of that batch */
    uint64_t need_bytes; /* of that batch */
    bool *is_text;       /* columns whose cells are text */
};

#define AT(member) offsetof(struct limit, member)
static const tube_option options[] = {
    { "rows", TUBE_OPT_TEXT, AT(rows_text), "", NULL, "records: 1000/s, 60/m or 5/h",
      0 },
    { "bytes", TUBE_OPT_TEXT, AT(bytes_text), "", NULL,
      "bytes of their lines, without lines of their text: 64k/s, 1M/s", 0 },
    { "burst", TUBE_OPT_TIME, AT(burst), "100ms", "1ms..1h",
      "after a quiet time, what comes in so long may pass at once", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | limit rows=5000/s | postgres",
    "gen combined 2000 | parse combined | limit rows=100000/s bytes=64M/s burst=1s",
    NULL,
};

/* Read one rate; nothing is done about one that is not given. */
static tube_status
limit_read(tube_stage *s, const char *name, const char *text, bool sizes,
           tubei_bucket *to, tube_error *err)
{
    const struct limit *l = tube_state(s);
    tubei_rate rate;

    if (!tube_option_given(s, name))
        return TUBE_OK;
    if (tubei_rate_read(text, sizes, &rate, err) != TUBE_OK)
        return tube_blame(s, name, err);
    tubei_bucket_init(to, &rate, l->burst);
    return TUBE_OK;
}

static tube_status
limit_open(tube_stage *s, tube_error *err)
{
    struct limit *l = tube_state(s);
    const tube_schema *in = tube_input(s);
    uint32_t width = tube_schema_width(in);
    tube_status st = limit_read(s, "rows", l->rows_text, false, &l->rows, err);

    if (st == TUBE_OK)
        st = limit_read(s, "bytes", l->bytes_text, true, &l->bytes, err);
    if (st != TUBE_OK)
        return st;
    if (l->rows.per_ns <= 0 && l->bytes.per_ns <= 0) {
        (void)tube_fail(err, TUBE_ECONFIG, "no limit is given");
        tube_hint(err, "limit rows=1000/s, limit bytes=1M/s, or both");
        return tube_blame(s, "rows", err);
    }
    l->is_text = calloc(width, sizeof(*l->is_text));
    if (l->is_text == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    for (uint32_t f = 0; f < width; f++) {
        tube_type type = tube_schema_column(in, (tube_field)f)->type;

        l->is_text[f] = type == TUBE_TEXT || type == TUBE_BYTES || type == TUBE_JSON;
    }
    return TUBE_OK;
}

static uint64_t
limit_row_bytes(const struct limit *l, const tube_batch *b, uint32_t r)
{
    const tube_cell *row = tube_row(b, r);
    uint64_t n = 0;

    if (b->raw != NULL)
        return b->raw[r].len;
    for (uint32_t f = 0; f < b->width; f++)
        if (l->is_text[f] && row[f].set)
            n += row[f].len;
    return n;
}

static void
limit_measure(struct limit *l, const tube_batch *b)
{
    l->need_rows = tube_batch_count(b);
    l->need_bytes = 0;
    if (l->bytes.per_ns <= 0)
        return;
    TUBE_EACH(b, r)
        l->need_bytes += limit_row_bytes(l, b, r);
}

static tube_status
limit_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct limit *l = tube_state(s);
    uint64_t now = tube_now();
    uint64_t rows;
    uint64_t bytes;

    (void)err;
    if (!l->waiting)
        limit_measure(l, b);
    rows = tubei_bucket_due(&l->rows, l->need_rows, l->waiting, now);
    bytes = tubei_bucket_due(&l->bytes, l->need_bytes, l->waiting, now);
    if ((rows > now || bytes > now) && l->need_rows > 0 && !tube_aborted(s)) {
        l->waiting = true;
        tube_wait_until(s, rows > bytes ? rows : bytes);
        return TUBE_AGAIN;
    }
    if (l->waiting)
        tube_wait_until(s, 0);
    l->waiting = false;
    tubei_bucket_take(&l->rows, l->need_rows);
    tubei_bucket_take(&l->bytes, l->need_bytes);
    return TUBE_OK;
}

static void
limit_close(tube_stage *s)
{
    struct limit *l = tube_state(s);

    free(l->is_text);
}

const tube_stage_def tube_stage_limit = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "limit",
    .summary = "let records pass at a rate",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct limit),
    .open = limit_open,
    .process = limit_process,
    .close = limit_close,
};
