/* SPDX-License-Identifier: MIT */
/* conform_stages.c -- the stages of the conformance tests; see conform.h. */
#include "conform_stages.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

conform_at *
conform_at_of(tube_stage *s)
{
    const conform_own *o = tube_state(s);

    return &conform.at[o->id];
}

static void
note(tube_stage *s, char what, int64_t value)
{
    const conform_own *o = tube_state(s);

    conform_note((int)o->id, what, value);
}

tube_status
conform_turn(tube_stage *s, conform_bad which, int64_t call, tube_error *err)
{
    const conform_own *o = tube_state(s);

    if ((int64_t)which != o->bad || call < o->at
        || (o->times >= 0 && call >= o->at + o->times))
        return TUBE_OK;
    atomic_fetch_add(&conform.at[o->id].failures, 1);
    return tube_fail(err, TUBE_EIO, "bad %s of %d", conform_callback((int)which),
                     (int)o->id);
}

tube_status
conform_called(tube_stage *s, conform_bad which, _Atomic int64_t *count,
               tube_error *err)
{
    return conform_turn(s, which, atomic_fetch_add(count, 1), err);
}

void
conform_enter(conform_at *a)
{
    int64_t n = atomic_fetch_add(&a->inside, 1) + 1;
    int64_t most = atomic_load(&a->together);

    while (n > most && !atomic_compare_exchange_weak(&a->together, &most, n)) {
    }
}

/* The number of a row: field n, or the first integer, or its text as a number. */
int64_t
conform_number(const tube_batch *b, uint32_t r)
{
    tube_field f = tube_schema_find(b->schema, "n");
    const tube_cell *c = &tube_row(b, r)[f < 0 ? 0 : f];
    char text[32];
    size_t len;

    if (!c->set)
        return INT64_MIN;
    if (tube_schema_column(b->schema, f < 0 ? 0 : f)->type == TUBE_INT)
        return c->integer;
    len = c->len < sizeof(text) - 1 ? c->len : sizeof(text) - 1;
    memcpy(text, c->text, len);
    text[len] = '\0';
    return strtoll(text, NULL, 10);
}

void
conform_note_rows(tube_stage *s, const tube_batch *b)
{
    conform_at *a = conform_at_of(s);

    TUBE_EACH(b, r)
        note(s, 'r', conform_number(b, r));
    note(s, '/', 0);
    atomic_fetch_add(&a->rows, tube_batch_count(b));
}

void
conform_take(tube_stage *s, const tube_batch *b)
{
    conform_at *a = conform_at_of(s);
    const conform_own *o = tube_state(s);

    if (b->n_live == 0 && b->n_rejected == 0 && b->n_extents == 0)
        atomic_fetch_add(&a->idle, 1);
    conform_note_rows(s, b);
    if (conform.hook != NULL)
        conform.hook((int)o->id, a->calls - 1);
}

static tube_status
own_schema(tube_stage *s, tube_error *err)
{
    const tube_column columns[] = { { .name = "n", .type = TUBE_INT },
                                    { .name = "tag", .type = TUBE_TEXT } };

    return tube_set_schema(s, columns, 2, err);
}

tube_status
conform_own_open(tube_stage *s, tube_error *err)
{
    tube_status st = conform_called(s, BAD_OPEN, &conform_at_of(s)->opens, err);

    if (st == TUBE_OK)
        note(s, 'o', 0);
    return st;
}

void
conform_own_close(tube_stage *s)
{
    conform_own *o = tube_state(s);

    if (o->waits)
        tube_forget_fd(s, conform.at[o->id].fd);
    o->waits = false;
    atomic_fetch_add(&conform_at_of(s)->closes, 1);
    note(s, 'c', 0);
}

tube_status
conform_own_wake(tube_stage *s, unsigned why, tube_error *err)
{
    conform_at *a = conform_at_of(s);

    if ((why & TUBE_WOKE_FLUSH) != 0) {
        atomic_fetch_add(&a->flushes, 1);
        note(s, 'l', 0);
    }
    return conform_called(s, BAD_WAKE, &a->wakes, err);
}

tube_status
conform_own_finish(tube_stage *s, tube_error *err)
{
    conform_at *a = conform_at_of(s);
    tube_status st = conform_called(s, BAD_FINISH, &a->finishes, err);

    if (st == TUBE_OK) {
        atomic_fetch_add(&a->finished, 1);
        note(s, 'f', 0);
    }
    return st;
}

/* Wait for a word from the test. */
tube_status
conform_own_wait(tube_stage *s)
{
    conform_own *o = tube_state(s);

    tube_wait_fd(s, conform.at[o->id].fd, TUBE_READABLE);
    o->waits = true;
    return TUBE_AGAIN;
}

/* Before looking at what the test said, so that no word is lost. */
void
conform_own_listen(tube_stage *s)
{
    uint64_t n;

    if (read(conform_at_of(s)->fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        abort();
}

static tube_cell *
own_row(tube_batch *b, int64_t n)
{
    static const char tags[4][1 + TUBE_PAD] = { "a", "b", "c", "d" };
    tube_cell *row = tube_batch_add(b);

    if (row == NULL)
        return NULL;
    tube_set_int(&row[0], n);
    tube_set_text(&row[1], tags[(uint64_t)n % 4], 1);
    return row;
}

/* src */

struct src {
    conform_own own;
    int64_t n, from, step, batch;
    bool fed;
    int64_t next; /* how many were made */
};

static const tube_option src_options[] = {
    OWN_OPTIONS(struct src),
    { "n", TUBE_OPT_INT, offsetof(struct src, n), "-1", "rows", "how many", 0 },
    { "from", TUBE_OPT_INT, offsetof(struct src, from), "0", "", "first", 0 },
    { "step", TUBE_OPT_INT, offsetof(struct src, step), "1", "", "to the next", 0 },
    { "batch", TUBE_OPT_INT, offsetof(struct src, batch), "1", "rows", "together", 0 },
    { "fed", TUBE_OPT_BOOL, offsetof(struct src, fed), "no", "", "by the test", 0 },
    { 0 },
};

static tube_status
src_open(tube_stage *s, tube_error *err)
{
    tube_status st = own_schema(s, err);

    return st == TUBE_OK ? conform_own_open(s, err) : st;
}

static tube_status
src_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct src *c = tube_state(s);
    conform_at *a = conform_at_of(s);
    int64_t room = c->n < 0 ? c->batch : c->n - c->next;
    tube_batch *b;
    tube_status st = conform_called(s, BAD_PROCESS, &a->calls, err);

    (void)unused;
    if (st != TUBE_OK)
        return st;
    if (c->fed) {
        conform_own_listen(s);
        if (atomic_load(&a->broken))
            return tube_fail(err, TUBE_EIO, "broken %d", (int)c->own.id);
        room = atomic_load(&a->fed) - c->next;
        if (room <= 0 && atomic_load(&a->end))
            return TUBE_END;
        if (room <= 0)
            return conform_own_wait(s);
    }
    if (room <= 0)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    for (int64_t i = 0; i < room && i < c->batch && b->n < b->cap; i++)
        (void)own_row(b, c->from + c->step * c->next++);
    conform_note_rows(s, b);
    return tube_emit(s, &b);
}

/* pass */

struct pass {
    conform_own own;
    int64_t add, filter, reject;
    bool gate;
};

static const tube_option pass_options[] = {
    OWN_OPTIONS(struct pass),
    { "add", TUBE_OPT_INT, offsetof(struct pass, add), "0", "", "to each n", 0 },
    { "filter", TUBE_OPT_INT, offsetof(struct pass, filter), "0", "", "every K-th", 0 },
    { "reject", TUBE_OPT_INT, offsetof(struct pass, reject), "0", "", "every K-th", 0 },
    { "gate", TUBE_OPT_BOOL, offsetof(struct pass, gate), "no", "", "", 0 },
    { 0 },
};

static tube_status
pass_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct pass *c = tube_state(s);
    conform_at *a = conform_at_of(s);
    tube_status st;

    if (c->gate) {
        conform_own_listen(s);
        if (atomic_load(&a->gate))
            return conform_own_wait(s);
    }
    st = conform_called(s, BAD_PROCESS, &a->calls, err);
    if (st != TUBE_OK)
        return st;
    conform_enter(a);
    conform_take(s, b);
    TUBE_EACH(b, r) {
        tube_cell *n = &tube_row(b, r)[0];

        if (c->reject > 0 && n->integer % c->reject == 0)
            tube_reject(s, b, r, UINT32_MAX, "%jd is refused", (intmax_t)n->integer);
        else if (c->filter > 0 && n->integer % c->filter == 0)
            tube_filter(s, b, r);
        else if (c->add != 0)
            tube_set_int(n, n->integer + c->add);
    }
    atomic_fetch_sub(&a->inside, 1);
    return TUBE_OK;
}

/* emit: a cursor in the input, and in what comes before and behind all of it. */

struct emit {
    conform_own own;
    int64_t copies, greet, bye;
    bool single;
    bool inside;
    uint32_t row;
    int64_t done, greeted, said;
};

static const tube_option emit_options[] = {
    OWN_OPTIONS(struct emit),
    { "copies", TUBE_OPT_INT, offsetof(struct emit, copies), "1", "", "of a row", 0 },
    { "greet", TUBE_OPT_INT, offsetof(struct emit, greet), "0", "rows", "first", 0 },
    { "bye", TUBE_OPT_INT, offsetof(struct emit, bye), "0", "rows", "last", 0 },
    { "single", TUBE_OPT_BOOL, offsetof(struct emit, single), "no", "",
      "one row a batch", 0 },
    { 0 },
};

/* Emit rows of the test's own, one a batch: first + step, first + 2 * step... */
static tube_status
emit_words(tube_stage *s, int64_t *said, int64_t n, int64_t first, int64_t step)
{
    while (*said < n) {
        tube_batch *out = tube_take(s);
        tube_status st;

        if (out == NULL)
            return TUBE_AGAIN;
        if (own_row(out, first + step * ++*said) == NULL)
            abort();
        st = tube_emit(s, &out);
        if (st == TUBE_END || (st == TUBE_AGAIN && *said < n))
            return st;
    }
    return TUBE_OK;
}

static tube_status
emit_greet(tube_stage *s, tube_error *err)
{
    struct emit *c = tube_state(s);
    tube_status st = TUBE_OK;

    if (c->greeted == 0) {
        st = conform_called(s, BAD_GREET, &conform_at_of(s)->greets, err);
        if (st == TUBE_OK)
            note(s, 'g', 0);
    }
    if (st == TUBE_OK)
        st = emit_words(s, &c->greeted, c->greet, 0, -1);
    if (st == TUBE_OK)
        c->greeted = 0; /* who calls it again is told all of it again */
    return st;
}

static tube_status
emit_finish(tube_stage *s, tube_error *err)
{
    struct emit *c = tube_state(s);
    tube_status st = emit_words(s, &c->said, c->bye, 1000, 1);

    return st == TUBE_OK ? conform_own_finish(s, err) : st;
}

static void
emit_row(tube_stage *s, const tube_batch *b, tube_batch *out)
{
    struct emit *c = tube_state(s);

    (void)own_row(out, tube_row(b, c->row)->integer);
    if (++c->done >= c->copies) {
        c->done = 0;
        c->row = tube_next(b, c->row + 1);
    }
}

/* Send what there is; behind it `middle` may fail. */
static tube_status
emit_send(tube_stage *s, tube_batch **out, tube_error *err)
{
    struct emit *c = tube_state(s);
    tube_status st = tube_emit(s, out), bad;

    if (st == TUBE_END)
        return st;
    bad = conform_turn(s, BAD_MIDDLE, conform_at_of(s)->calls - 1, err);
    if (bad == TUBE_OK)
        return st;
    c->inside = false;
    return bad;
}

static tube_status
emit_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct emit *c = tube_state(s);
    conform_at *a = conform_at_of(s);
    tube_status st;

    if (!c->inside) {
        st = conform_called(s, BAD_PROCESS, &a->calls, err);
        if (st != TUBE_OK)
            return st;
        conform_take(s, b);
        c->inside = true;
        c->row = c->copies == 0 ? b->n : tube_next(b, 0);
        c->done = 0;
    }
    while (c->row < b->n) {
        tube_batch *out = tube_take(s);

        if (out == NULL)
            return TUBE_AGAIN;
        do {
            emit_row(s, b, out);
        } while (!c->single && c->own.bad != BAD_MIDDLE && c->row < b->n
                 && out->n < out->cap);
        st = emit_send(s, &out, err);
        if (st < 0 || (st != TUBE_OK && c->row < b->n))
            return st;
    }
    c->inside = false;
    return TUBE_OK;
}

const tube_stage_def conform_src = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "src",
    .summary = "numbers",
    .options = src_options,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct src),
    .open = src_open,
    .process = src_process,
    .wake = conform_own_wake,
    .finish = conform_own_finish,
    .close = conform_own_close,
};

const tube_stage_def conform_pass = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "pass",
    .summary = "in place",
    .options = pass_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct pass),
    .open = conform_own_open,
    .process = pass_process,
    .wake = conform_own_wake,
    .finish = conform_own_finish,
    .close = conform_own_close,
};

const tube_stage_def conform_emit = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "emit",
    .summary = "one to n",
    .options = emit_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct emit),
    .flags = TUBE_EMITS,
    .open = src_open,
    .process = emit_process,
    .wake = conform_own_wake,
    .finish = emit_finish,
    .close = conform_own_close,
    .greet = emit_greet,
};
