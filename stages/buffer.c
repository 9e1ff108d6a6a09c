/* SPDX-License-Identifier: MIT */
/* buffer.c -- keep records while what follows is busy, and decide what happens when that
 * takes too long.
 *
 * in      any records
 * out     the same in the same order, without those that were dropped
 * source  docs/flow-control.md
 *
 * A batch that lost all of its rows still goes on in its place: it carries positions.
 * Writing to the temporary file of full=spill is not worth a thread of its own: what is
 * written is in the page cache, and read back soon.
 */
#include "buffer_full.h"
#include "fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_NS = 5 * 1000 * 1000 }; /**< no memory: ask again then */

#define AT(member) offsetof(buffer, member)
static const tube_option options[] = {
    { "full", TUBE_OPT_ENUM, AT(full), "block",
      "block|block-for|drop-newest|drop-oldest|drop|sample|roll-up|spill|stop",
      "what happens when it is full", TUBE_OPT_POSITIONAL },
    { "rows", TUBE_OPT_INT, AT(rows), "0", "0.. rows", "keep so many; 0: any number",
      0 },
    { "bytes", TUBE_OPT_SIZE, AT(bytes), "16M", "1.. bytes", "keep so much in memory",
      0 },
    { "age", TUBE_OPT_TIME, AT(age), "0", NULL,
      "records that wait longer are dropped; 0: none", 0 },
    { "wait", TUBE_OPT_TIME, AT(wait), "1s", NULL,
      "full=block-for: block so long, then drop what comes", 0 },
    { "when", TUBE_OPT_TEXT, AT(when), "", NULL,
      "full=drop: records for which this is true are dropped, others wait", 0 },
    { "keep", TUBE_OPT_TEXT, AT(keep), "1/10", NULL,
      "full=sample: keep this share of what comes, and let that wait", 0 },
    { "into", TUBE_OPT_TEXT, AT(into), "", "field",
      "full=roll-up: field for \"missed N records\"; the first text if not given", 0 },
    { "dir", TUBE_OPT_TEXT, AT(dir), "", NULL,
      "full=spill: directory of the temporary file; $TMPDIR or /tmp if not given", 0 },
    { "max", TUBE_OPT_SIZE, AT(max), "1G", "1.. bytes",
      "full=spill: most on disk, then block", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | buffer spill bytes=32M max=10G | postgres",
    "gen combined 1000 | parse combined | buffer drop-oldest rows=500 age=5s | print",
    "gen combined 1000 | parse combined | buffer drop when=\"status < 400\" | print",
    NULL,
};

/* Opening. */

/* Options that only one policy reads. */
static const struct {
    const char *name;
    buffer_policy with;
    const char *policy;
} belongs[] = {
    { "wait", BUFFER_BLOCK_FOR, "block-for" }, { "when", BUFFER_DROP, "drop" },
    { "keep", BUFFER_SAMPLE, "sample" },       { "into", BUFFER_ROLL_UP, "roll-up" },
    { "dir", BUFFER_SPILL, "spill" },          { "max", BUFFER_SPILL, "spill" },
};

static tube_status
check_options(tube_stage *s, tube_error *err)
{
    const buffer *bf = tube_state(s);

    for (size_t i = 0; i < sizeof(belongs) / sizeof(belongs[0]); i++) {
        if (!tube_option_given(s, belongs[i].name)
            || bf->full == (int64_t)belongs[i].with)
            continue;
        (void)tube_fail(err, TUBE_ECONFIG, "%s= belongs to full=%s", belongs[i].name,
                        belongs[i].policy);
        tube_hint(err, "write 'buffer %s %s=...', or leave %s= out", belongs[i].policy,
                  belongs[i].name, belongs[i].name);
        return tube_blame(s, belongs[i].name, err);
    }
    return TUBE_OK;
}

static tube_status
open_when(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_expr_text text = { bf->when, 1, 1 };

    if (*bf->when == '\0') {
        (void)tube_fail(err, TUBE_ECONFIG, "which records may be dropped?");
        tube_hint(err, "buffer drop when=\"status < 400\"");
        return tube_blame(s, "when", err);
    }
    if (tubei_expr_new(&text, tube_input(s), &bf->expr, err) == TUBE_ECONFIG)
        return tube_blame(s, "when", err);
    return bf->expr != NULL ? TUBE_OK : TUBE_ENOMEM;
}

static tube_status
open_into(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    const tube_schema *in = tube_input(s);
    bool given = *bf->into != '\0';

    bf->column = given ? tube_schema_find(in, bf->into) : 0;
    if (bf->column < 0) {
        (void)tubei_fields_unknown(in, bf->into, err);
        return tube_blame(s, "into", err);
    }
    for (; bf->column < (tube_field)tube_schema_width(in); bf->column++) {
        if (tube_schema_column(in, bf->column)->type == TUBE_TEXT)
            return TUBE_OK;
        if (given)
            break;
    }
    if (given)
        (void)tube_fail(err, TUBE_ECONFIG, "field '%s' is no text", bf->into);
    else
        (void)tube_fail(
            err, TUBE_ECONFIG,
            "no field is text, so none can tell how many records are missed");
    tube_hint(err, "full=drop-newest drops the same records and counts them");
    return tube_blame(s, given ? "into" : "full", err);
}

static tube_status
buffer_open(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_status st = check_options(s, err);

    if (st != TUBE_OK)
        return st;
    switch ((buffer_policy)bf->full) {
    case BUFFER_DROP: return open_when(s, err);
    case BUFFER_ROLL_UP: return open_into(s, err);
    case BUFFER_SAMPLE:
        st = tubei_ratio_read(bf->keep, &bf->ratio, err);
        return st == TUBE_OK ? st : tube_blame(s, "keep", err);
    case BUFFER_SPILL:
        st = tubei_spill_new(bf->dir, (uint64_t)bf->max, &bf->spill, err);
        return st == TUBE_EIO ? tube_blame(s, "dir", err) : st;
    default: return TUBE_OK;
    }
}

static void
buffer_close(tube_stage *s)
{
    buffer *bf = tube_state(s);

    tubei_buffer_free(&bf->q);
    tubei_expr_free(bf->expr);
    tubei_spill_free(bf->spill);
}

/* Waiting. */

static void
sooner(uint64_t *when, uint64_t other)
{
    if (*when == 0 || other < *when)
        *when = other;
}

/* Ask for the first moment at which something happens without anybody's doing. */
static void
arm(tube_stage *s)
{
    buffer *bf = tube_state(s);
    uint64_t when = bf->retry;

    if (bf->holding && bf->full == BUFFER_BLOCK_FOR)
        sooner(&when, bf->held_since + (uint64_t)bf->wait);
    for (uint32_t i = 0; bf->age > 0 && i < bf->q.n; i++) {
        const buffer_entry *e = tubei_buffer_at(&bf->q, i);

        if (e->rows == 0 && e->where.size == 0)
            continue;
        sooner(&when, e->since + (uint64_t)bf->age + 1);
        break;
    }
    if (when != bf->deadline)
        tube_wait_until(s, when);
    bf->deadline = when;
}

/* Sending on. */

/* Nobody wants anything any more: the engine settles what comes to a closed output. */
static tube_status
let_go(tube_stage *s)
{
    buffer *bf = tube_state(s);

    for (; bf->q.n > 0; tubei_buffer_pop(&bf->q)) {
        buffer_entry *e = tubei_buffer_at(&bf->q, 0);
        tube_batch *b = tubei_buffer_take(&bf->q);

        tubei_spill_forget(bf->spill, &e->where);
        if (b != NULL)
            (void)!tube_release(s, &b);
    }
    return TUBE_END;
}

/* Bring an entry's rows back from the file. */
static tube_status
read_back(tube_stage *s, buffer_entry *e, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_status st;

    if (e->where.size == 0)
        return TUBE_OK;
    if (!e->stripped) { /* there was no memory for that: nothing was given up */
        tubei_spill_forget(bf->spill, &e->where);
        return TUBE_OK;
    }
    if (tube_refill(s, &e->batch) != TUBE_OK)
        return TUBE_AGAIN;
    st = tubei_spill_read(bf->spill, &e->where, e->batch, err);
    if (st == TUBE_OK)
        e->stripped = false;
    else
        (void)!tube_strip(s, &e->batch); /* it is read once more, if at all */
    return st;
}

/* Send the first entry's batch, or what is left of it. */
static tube_status
send_batch(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    buffer_entry *e = tubei_buffer_at(&bf->q, 0);
    tube_batch *b;
    tube_status st;

    if (e->batch == NULL)
        return TUBE_OK;
    st = read_back(s, e, err);
    if (st != TUBE_OK)
        return st;
    b = tubei_buffer_take(&bf->q);
    st = tube_release(s, &b);
    return st == TUBE_AGAIN ? TUBE_OK : st;
}

/* Tell how many records are missing behind the first entry. */
static tube_status
send_missed(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    buffer_entry *e = tubei_buffer_at(&bf->q, 0);
    buffer_entry *next = bf->q.n > 1 ? tubei_buffer_at(&bf->q, 1) : NULL;
    char line[48];
    int len = snprintf(line, sizeof(line), "missed %" PRIu64 " record%s", e->missed,
                       e->missed == 1 ? "" : "s");
    tube_batch *b;
    char *text;
    tube_status st;

    if (e->missed == 0)
        return TUBE_OK;
    if (next != NULL && next->rows == 0 && next->where.size == 0) {
        next->missed += e->missed; /* the gap goes on */
        e->missed = 0;
        return TUBE_OK;
    }
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    text = tube_batch_alloc(b, (size_t)len);
    if (text == NULL) {
        tube_untake(s, &b);
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    memcpy(text, line, (size_t)len);
    tube_set_text(tube_batch_add(b) + bf->column, text, (size_t)len);
    e->missed = 0;
    st = tube_emit(s, &b);
    return st == TUBE_AGAIN ? TUBE_OK : st;
}

/* As long as there is room; TUBE_OK also if something is left. */
static tube_status
send_on(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_status st = TUBE_OK;

    bf->retry = 0;
    tubei_buffer_strip(s);
    tubei_buffer_expire(s, tube_now());
    while (bf->q.n > 0 && tube_room(s)) {
        st = send_batch(s, err);
        if (st == TUBE_OK && !tube_room(s))
            return TUBE_OK;
        if (st == TUBE_OK)
            st = send_missed(s, err);
        if (st != TUBE_OK)
            break;
        tubei_buffer_pop(&bf->q);
    }
    if (st == TUBE_END)
        return let_go(s);
    if (st != TUBE_AGAIN)
        return st;
    /* No memory: it may be this buffer that has it. */
    bf->retry = tube_now() + RETRY_NS;
    return bf->full == BUFFER_SPILL ? tubei_buffer_relieve(s, err) : TUBE_OK;
}

/* Keep the batch that was just found room for; what is left of one that lost all rows
 * goes on at once, if its place does not matter. */
static tube_status
keep(tube_stage *s, tube_batch *b, uint64_t now)
{
    buffer *bf = tube_state(s);
    bool spent = tube_batch_spent(b);

    if (!spent)
        (void)tubei_buffer_push(&bf->q, b, &bf->where, now);
    if (bf->missed > 0)
        tubei_buffer_at(&bf->q, bf->q.n - 1)->missed += bf->missed;
    return spent ? TUBE_OK : TUBE_QUEUED;
}

/* The batch that process() was called with has gone its way, or waits. */
static void
hold(tube_stage *s, bool waits, uint64_t now)
{
    buffer *bf = tube_state(s);

    if (waits && !bf->holding)
        bf->held_since = now;
    bf->holding = waits;
    if (!waits) {
        bf->thinned = false;
        bf->missed = 0;
        bf->where = (tubei_spilled){ 0 };
    }
    arm(s);
}

static tube_status
buffer_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    buffer *bf = tube_state(s);
    uint64_t now = tube_now();
    tube_status st = send_on(s, err);

    if (st == TUBE_OK && (bf->q.n > 0 || !tube_room(s))) {
        if (!tubei_buffer_reserve(&bf->q))
            st = tube_fail(err, TUBE_ENOMEM, "out of memory");
        else
            st = tubei_buffer_make_room(s, b, now, err);
        if (st == TUBE_OK)
            st = keep(s, b, now);
    }
    hold(s, st == TUBE_AGAIN, now);
    return st;
}

/* Aborted: nothing of it is stored. */
static void
give_up(tube_stage *s)
{
    buffer *bf = tube_state(s);

    for (; bf->q.n > 0; tubei_buffer_pop(&bf->q)) {
        tube_batch *b = tubei_buffer_take(&bf->q);

        if (b != NULL)
            tube_settle(s, &b, TUBE_BROKEN);
    }
}

static tube_status
buffer_wake(tube_stage *s, unsigned why, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_status st = TUBE_OK;

    if ((why & TUBE_WOKE_ABORT) != 0) {
        give_up(s);
        return TUBE_OK;
    }
    if ((why & TUBE_WOKE_DEADLINE) != 0)
        bf->deadline = 0;
    if ((why & TUBE_WOKE_PRESSURE) != 0)
        st = tubei_buffer_relieve(s, err);
    if (st == TUBE_OK)
        st = send_on(s, err);
    arm(s);
    return st == TUBE_OK && (why & TUBE_WOKE_FLUSH) != 0 && bf->q.n > 0 ? TUBE_AGAIN
                                                                        : st;
}

static tube_status
buffer_finish(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    tube_status st;

    bf->holding = false;
    st = send_on(s, err);
    arm(s);
    return st == TUBE_OK && bf->q.n > 0 ? TUBE_AGAIN : st;
}

/* What cannot be read back for want of memory, and what there is to tell, goes on as it
 * would have. */
static tube_status
buffer_reassemble(tube_stage *s, tube_error *err)
{
    buffer *bf = tube_state(s);
    buffer_entry left = { 0 };
    tube_status st = TUBE_OK;

    tubei_buffer_strip(s);
    while (bf->q.n > 0) {
        buffer_entry *e = tubei_buffer_at(&bf->q, 0);
        tube_batch *b;

        if (e->batch != NULL)
            st = read_back(s, e, err);
        if (st != TUBE_OK)
            break;
        left.missed += e->missed;
        b = tubei_buffer_take(&bf->q);
        if (b != NULL)
            tube_give_back(s, &b);
        tubei_buffer_pop(&bf->q);
    }
    if (bf->q.n > 0)
        tubei_buffer_at(&bf->q, 0)->missed += left.missed;
    else if (left.missed > 0)
        *tubei_buffer_push(&bf->q, NULL, &left.where, 0) = left;
    return st;
}

const tube_stage_def tube_stage_buffer = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "buffer",
    .summary = "keep records while what follows is busy, up to a limit",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(buffer),
    .flags = TUBE_HOLDS | TUBE_BUFFERS,
    .open = buffer_open,
    .process = buffer_process,
    .wake = buffer_wake,
    .finish = buffer_finish,
    .close = buffer_close,
    .reassemble = buffer_reassemble,
};
