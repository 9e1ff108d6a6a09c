/* SPDX-License-Identifier: MIT */
/* graph_stages.c -- stages that keep books of what the engine does to them. */
#include "graph_world.h"

#include <stdlib.h>
#include <string.h>

graph_world graph;

enum { HELD_MOST = 64 };

/* The head of every state. */
struct own {
    int64_t trap;
    graph_book *book;
};

#define AT(type, member) offsetof(struct type, member)
#define OWN_OPTIONS(type)                                     \
  {                                                           \
    "trap", TUBE_OPT_INT, AT(type, own.trap), "-1", "", "", 0 \
  }

static graph_book *
book_of(tube_stage *s)
{
    struct own *o = tube_state(s);

    return o->book;
}

static void
wrong(tube_stage *s, const char *what)
{
    graph_wrong("%s: %s", tube_stage_name(s), what);
}

/* A callback is called: may it be, and does it fail? */
static tube_status
called(tube_stage *s, const char *what, tube_error *err)
{
    const struct own *o = tube_state(s);
    graph_trap *t = o->trap >= 0 ? &graph.trap[o->trap] : NULL;
    uint64_t call;

    o->book->called = true;
    if (o->book->closed)
        graph_wrong("%s: %s() behind close()", tube_stage_name(s), what);
    if (t == NULL)
        return TUBE_OK;
    call = atomic_fetch_add(&t->calls, 1);
    if (call < t->at || call >= t->at + t->times)
        return TUBE_OK;
    o->book->failed = true;
    atomic_fetch_add(&graph.fired, 1);
    return tube_fail(err, TUBE_EIO, "trap %d in %s()", (int)o->trap, what);
}

static tube_status
worked(tube_stage *s, tube_error *err)
{
    graph_book *k = book_of(s);

    if (k->finished)
        wrong(s, "process() behind finish()");
    k->worked = true;
    return called(s, "process", err);
}

static tube_status
own_open(tube_stage *s, tube_error *err)
{
    struct own *o = tube_state(s);

    o->book = calloc(1, sizeof(*o->book));
    if (o->book == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    pthread_mutex_lock(&graph.lock);
    o->book->next = graph.books;
    graph.books = o->book;
    pthread_mutex_unlock(&graph.lock);
    return TUBE_OK;
}

static void
own_close(tube_stage *s)
{
    graph_book *k = book_of(s);

    if (k->closed)
        wrong(s, "close() twice");
    k->closed = true;
}

static tube_status
own_finish(tube_stage *s, tube_error *err)
{
    graph_book *k = book_of(s);
    tube_status st = called(s, "finish", err);

    if (st == TUBE_OK && k->finished)
        wrong(s, "finish() twice");
    k->finished = k->finished || st == TUBE_OK;
    return st;
}

static tube_status
own_wake(tube_stage *s, unsigned why, tube_error *err)
{
    (void)why;
    return called(s, "wake", err);
}

/* gsrc */

struct gsrc {
    struct own own;
    int64_t n, batch;
    int64_t next;
    uint64_t source;
};

static const tube_option gsrc_options[] = {
    OWN_OPTIONS(gsrc),
    { "n", TUBE_OPT_INT, AT(gsrc, n), NULL, "", "records", 0 },
    { "batch", TUBE_OPT_INT, AT(gsrc, batch), "1024", "", "records", 0 },
    { 0 },
};

static tube_status
gsrc_open(tube_stage *s, tube_error *err)
{
    const tube_column column = { .name = "n", .type = TUBE_INT };
    struct gsrc *g = tube_state(s);
    tube_status st = own_open(s, err);

    if (st != TUBE_OK)
        return st;
    g->own.book->kind = TUBE_SOURCE;
    g->source = atomic_fetch_add(&graph.sources, 1) % GRAPH_SOURCES;
    return tube_set_schema(s, &column, 1, err);
}

static tube_status
gsrc_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct gsrc *g = tube_state(s);
    tube_status st = worked(s, err);
    tube_batch *b;
    tube_cell *row;

    (void)unused;
    if (st != TUBE_OK)
        return st;
    if (g->next >= g->n)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    while (g->next < g->n && b->n < (uint64_t)g->batch
           && (row = tube_batch_add(b)) != NULL)
        tube_set_int(row, (int64_t)(g->source << GRAPH_SHIFT) | g->next++);
    return tube_emit(s, &b);
}

/* gpass */

struct gpass {
    struct own own;
    int64_t some;
};

static const tube_option gpass_options[] = {
    OWN_OPTIONS(gpass),
    { "some", TUBE_OPT_INT, AT(gpass, some), "0", "", "of so many", 0 },
    { 0 },
};

static tube_status
gpass_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct gpass *g = tube_state(s);
    tube_status st = worked(s, err);

    if (st != TUBE_OK || g->some == 0)
        return st;
    TUBE_EACH(b, r) {
        int64_t part = tube_row(b, r)->integer % g->some;

        if (part == 1)
            tube_filter(s, b, r);
        else if (part == 2)
            tube_reject(s, b, r, UINT32_MAX, "part 2");
    }
    return TUBE_OK;
}

/* gmul */

struct gmul {
    struct own own;
    int64_t copies, bye;
    uint64_t source; /* of what it makes itself */
    int64_t said;
    uint32_t row;
    int64_t done; /* copies of that row */
    bool inside;
};

static const tube_option gmul_options[] = {
    OWN_OPTIONS(gmul),
    { "copies", TUBE_OPT_INT, AT(gmul, copies), "2", "", "", 0 },
    { "bye", TUBE_OPT_INT, AT(gmul, bye), "0", "", "records", 0 },
    { 0 },
};

static tube_status
gmul_open(tube_stage *s, tube_error *err)
{
    struct gmul *g = tube_state(s);

    g->source = atomic_fetch_add(&graph.sources, 1) % GRAPH_SOURCES;
    return own_open(s, err);
}

static tube_status
gmul_say(tube_stage *s, struct gmul *g)
{
    tube_batch *b = tube_take(s);

    if (b == NULL)
        return TUBE_AGAIN;
    tube_set_int(tube_batch_add(b), (int64_t)(g->source << GRAPH_SHIFT) | g->said++);
    return tube_emit(s, &b);
}

static tube_status
gmul_greet(tube_stage *s, tube_error *err)
{
    struct gmul *g = tube_state(s);
    graph_book *k = book_of(s);
    tube_status st;

    if (k->greeted || k->worked || k->finished)
        wrong(s, "greet() twice or too late");
    if ((st = called(s, "greet", err)) < 0)
        return st;
    if (g->said == 0) {
        st = gmul_say(s, g);
        if (g->said == 0)
            return st;
    }
    k->greeted = true;
    return TUBE_OK;
}

/* What is left of the batch, one output batch a time. */
static tube_status
gmul_copy(tube_stage *s, struct gmul *g, tube_batch *b)
{
    tube_batch *out = tube_take(s);
    tube_cell *row;
    tube_status st;

    if (out == NULL)
        return TUBE_AGAIN;
    while (g->row < b->n && (row = tube_batch_add(out)) != NULL) {
        *row = *tube_row(b, g->row);
        if (++g->done >= g->copies) {
            g->done = 0;
            g->row = tube_next(b, g->row + 1);
        }
    }
    st = tube_emit(s, &out);
    return st == TUBE_AGAIN && g->row >= b->n ? TUBE_OK : st;
}

static tube_status
gmul_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct gmul *g = tube_state(s);
    tube_status st = worked(s, err);

    if (st != TUBE_OK)
        return st;
    if (!g->inside) {
        g->inside = true;
        g->row = tube_next(b, 0);
        g->done = 0;
    }
    while (g->row < b->n && st == TUBE_OK)
        st = gmul_copy(s, g, b);
    if (st == TUBE_OK || st == TUBE_END)
        g->inside = false;
    return st;
}

static tube_status
gmul_finish(tube_stage *s, tube_error *err)
{
    struct gmul *g = tube_state(s);
    tube_status st = TUBE_OK;

    while (g->bye > 0 && st == TUBE_OK) {
        int64_t before = g->said;

        st = gmul_say(s, g);
        g->bye -= g->said - before;
    }
    return st == TUBE_AGAIN && g->bye > 0 ? st : own_finish(s, err);
}

/* Batches that are kept. */

struct kept {
    tube_batch *b[HELD_MOST];
    uint32_t n;
};

static void
kept_settle(tube_stage *s, struct kept *k, tube_outcome outcome)
{
    for (uint32_t i = 0; i < k->n; i++) {
        if (outcome == TUBE_COMMITTED)
            atomic_fetch_add(&graph.committed, tube_batch_count(k->b[i]));
        tube_settle(s, &k->b[i], outcome);
    }
    k->n = 0;
}

/* ghold */

struct ghold {
    struct own own;
    int64_t held;
    struct kept kept;
};

static const tube_option ghold_options[] = {
    OWN_OPTIONS(ghold),
    { "held", TUBE_OPT_INT, AT(ghold, held), "3", "1..60", "batches", 0 },
    { 0 },
};

static tube_status
ghold_release(tube_stage *s, uint32_t left)
{
    struct ghold *g = tube_state(s);
    tube_status st = TUBE_OK;
    uint32_t i = 0;

    while (g->kept.n - i > left && st != TUBE_AGAIN)
        st = tube_release(s, &g->kept.b[i++]);
    g->kept.n -= i;
    memmove(g->kept.b, g->kept.b + i, g->kept.n * sizeof(g->kept.b[0]));
    return st;
}

static tube_status
ghold_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct ghold *g = tube_state(s);
    tube_status st = worked(s, err);

    if (st != TUBE_OK)
        return st;
    if (g->kept.n >= (uint64_t)g->held) {
        st = ghold_release(s, (uint32_t)g->held - 1);
        if (st == TUBE_END || g->kept.n == HELD_MOST)
            return st == TUBE_END ? st : TUBE_AGAIN;
    }
    g->kept.b[g->kept.n++] = b;
    return TUBE_QUEUED;
}

static tube_status
ghold_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct ghold *g = tube_state(s);

    if ((why & TUBE_WOKE_ABORT) != 0) {
        kept_settle(s, &g->kept, TUBE_BROKEN);
        return TUBE_OK;
    }
    if ((why & (TUBE_WOKE_FLUSH | TUBE_WOKE_PRESSURE | TUBE_WOKE_QUIET)) == 0)
        return TUBE_OK;
    (void)ghold_release(s, 0);
    return g->kept.n > 0 ? TUBE_AGAIN : own_wake(s, why, err);
}

static tube_status
ghold_finish(tube_stage *s, tube_error *err)
{
    struct ghold *g = tube_state(s);
    tube_status st = ghold_release(s, 0);

    return g->kept.n > 0 && st == TUBE_AGAIN ? st : own_finish(s, err);
}

static tube_status
ghold_reassemble(tube_stage *s, tube_error *err)
{
    struct ghold *g = tube_state(s);

    (void)err;
    for (uint32_t i = 0; i < g->kept.n; i++)
        tube_give_back(s, &g->kept.b[i]);
    g->kept.n = 0;
    return TUBE_OK;
}

/* Sinks. */

static tube_status
sink_open(tube_stage *s, tube_error *err)
{
    tube_status st = own_open(s, err);
    graph_book *k = st == TUBE_OK ? book_of(s) : NULL;

    if (k == NULL)
        return st;
    k->kind = TUBE_SINK;
    k->last = malloc(GRAPH_SOURCES * sizeof(*k->last));
    if (k->last == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    memset(k->last, 0xff, GRAPH_SOURCES * sizeof(*k->last));
    return TUBE_OK;
}

/* Each record once, and those of a source in order, if the graph lets it be so. */
static void
sink_look(tube_stage *s, const tube_batch *b)
{
    graph_book *k = book_of(s);

    TUBE_EACH(b, r) {
        int64_t n = tube_row(b, r)->integer;
        int64_t *last = &k->last[(n >> GRAPH_SHIFT) % GRAPH_SOURCES];

        if (!graph.disorder && (n < *last || (n == *last && !graph.doubles)))
            graph_wrong("%s: record %lld of source %lld behind %lld",
                        tube_stage_name(s), (long long)(n & ((1LL << GRAPH_SHIFT) - 1)),
                        (long long)(n >> GRAPH_SHIFT),
                        (long long)(*last & ((1LL << GRAPH_SHIFT) - 1)));
        *last = n;
    }
}

struct gsink {
    struct own own;
    int64_t stop;
    int64_t seen;
};

static const tube_option gsink_options[] = {
    OWN_OPTIONS(gsink),
    { "stop", TUBE_OPT_INT, AT(gsink, stop), "-1", "", "records", 0 },
    { 0 },
};

static tube_status
gsink_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct gsink *g = tube_state(s);
    tube_status st = worked(s, err);

    if (st != TUBE_OK)
        return st;
    sink_look(s, b);
    atomic_fetch_add(&graph.committed, tube_batch_count(b));
    g->seen += tube_batch_count(b);
    return g->stop >= 0 && g->seen >= g->stop ? TUBE_END : TUBE_OK;
}

struct gdb {
    struct own own;
    int64_t limit;
    bool slow;
    bool committing;
    struct kept kept;
};

static const tube_option gdb_options[] = {
    OWN_OPTIONS(gdb),
    { "limit", TUBE_OPT_INT, AT(gdb, limit), "8", "1..60", "batches", 0 },
    { "slow", TUBE_OPT_BOOL, AT(gdb, slow), "no", "", "", 0 },
    { 0 },
};

static void
gdb_commit(tube_stage *s)
{
    struct gdb *g = tube_state(s);

    g->committing = g->slow && g->kept.n > 0;
    if (g->committing)
        tube_wait_until(s, tube_now() + 200000);
    else
        kept_settle(s, &g->kept, TUBE_COMMITTED);
}

static tube_status
gdb_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct gdb *g = tube_state(s);
    tube_status st;

    if (g->committing || g->kept.n == HELD_MOST)
        return TUBE_AGAIN;
    st = worked(s, err);
    if (st != TUBE_OK)
        return st;
    sink_look(s, b);
    g->kept.b[g->kept.n++] = b;
    if (g->kept.n >= (uint64_t)g->limit)
        gdb_commit(s);
    return TUBE_QUEUED;
}

static tube_status
gdb_wake(tube_stage *s, unsigned why, tube_error *err)
{
    enum { COMMIT_AT = TUBE_WOKE_FLUSH | TUBE_WOKE_PRESSURE | TUBE_WOKE_QUIET };
    struct gdb *g = tube_state(s);

    (void)err;
    if (book_of(s)->closed)
        wrong(s, "wake() behind close()");
    if (g->committing && (why & (TUBE_WOKE_DEADLINE | TUBE_WOKE_ABORT)) != 0) {
        g->committing = false;
        kept_settle(s, &g->kept, TUBE_COMMITTED);
    }
    if ((why & TUBE_WOKE_ABORT) != 0)
        kept_settle(s, &g->kept, TUBE_BROKEN);
    else if ((why & COMMIT_AT) != 0 && !g->committing)
        gdb_commit(s);
    return TUBE_OK;
}

static tube_status
gdb_finish(tube_stage *s, tube_error *err)
{
    struct gdb *g = tube_state(s);

    if (!g->committing)
        gdb_commit(s);
    return g->kept.n > 0 ? TUBE_AGAIN : own_finish(s, err);
}

#define STAGE(which, what, takes, gives, bits)                                \
  .abi = TUBE_STAGE_ABI, .kind = (what), .name = #which, .summary = "",       \
  .options = which##_options, .in = (takes), .out = (gives), .flags = (bits), \
  .state_size = sizeof(struct which), .process = which##_process, .close = own_close

static const tube_stage_def defs[] = {
    { STAGE(gsrc, TUBE_SOURCE, TUBE_FLOW_NONE, TUBE_FLOW_RECORDS, 0), .open = gsrc_open,
      .finish = own_finish, .wake = own_wake },
    { STAGE(gpass, TUBE_TRANSFORM, TUBE_FLOW_RECORDS, TUBE_FLOW_RECORDS, 0),
      .open = own_open, .finish = own_finish, .wake = own_wake },
    { STAGE(gmul, TUBE_TRANSFORM, TUBE_FLOW_RECORDS, TUBE_FLOW_RECORDS, TUBE_EMITS),
      .open = gmul_open, .greet = gmul_greet, .finish = gmul_finish, .wake = own_wake },
    { STAGE(ghold, TUBE_TRANSFORM, TUBE_FLOW_RECORDS, TUBE_FLOW_RECORDS, TUBE_HOLDS),
      .open = own_open, .finish = ghold_finish, .wake = ghold_wake,
      .reassemble = ghold_reassemble },
    { STAGE(gsink, TUBE_SINK, TUBE_FLOW_RECORDS, TUBE_FLOW_NONE, 0), .open = sink_open,
      .finish = own_finish, .wake = own_wake },
    { STAGE(gdb, TUBE_SINK, TUBE_FLOW_RECORDS, TUBE_FLOW_NONE, TUBE_HOLDS),
      .open = sink_open, .finish = gdb_finish, .wake = gdb_wake },
};

void
graph_define(tube_pipeline *p)
{
    for (size_t i = 0; i < sizeof(defs) / sizeof(defs[0]); i++)
        if (tube_define(p, &defs[i], NULL) != TUBE_OK)
            graph_wrong("tube_define() failed");
}
