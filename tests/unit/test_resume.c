/* SPDX-License-Identifier: MIT */
/* test_resume.c -- where a sink may commit, and what it has already. */
#include "../../stages/resume.h"
#include "batch.h"
#include "memory.h"
#include "pipeline.h"
#include "schema.h"
#include "stage.h"

#include <tubes/db.h>
#include <tubes/graph.h>
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 10 };

static struct tube_pipeline pipeline;
static tube_stage stage;
static tubei_resume resume;

/* Origins 0 and 1 are stored up to lines `a` and `b`; both are read from their start. */
static void
setup(uint64_t a, uint64_t b)
{
    static const tube_stage_def def = { .name = "test" };

    pipeline.memory = tubei_memory_new(8 << 20);
    stage.pipeline = &pipeline;
    stage.def = &def;
    cr_assert(tubei_resume_at(&resume, 0, a * LINE));
    cr_assert(tubei_resume_at(&resume, 1, b * LINE));
    resume.origin[0].ahead = a > 0;
    resume.origin[1].ahead = b > 0;
    resume.n_ahead = (a > 0 ? 1u : 0u) + (b > 0 ? 1u : 0u);
}

/* What a test has made, for the end of it. */
static tubei_batch *made_batches[32];
static uint32_t n_made;

static void
free_all(void)
{
    while (n_made > 0)
        tubei_batch_free(made_batches[--n_made]);
}

TestSuite(resume, .timeout = 60, .fini = free_all);

static tube_batch *
batch_new(uint32_t rows, bool offsets)
{
    static tube_schema *schema;
    tube_column column = { .name = "f", .type = TUBE_INT };
    tubei_batch *b;

    if (schema == NULL)
        schema = tubei_schema_new(&column, 1, NULL);
    b = tubei_batch_new(pipeline.memory, schema, rows > 0 ? rows : 1, offsets, NULL);
    cr_assert_not_null(b);
    cr_assert_lt(n_made, 32u);
    made_batches[n_made++] = b;
    tube_batch_rows(&b->pub, rows);
    return &b->pub;
}

/* The next rows of a batch are lines [from, to) of an origin; its position moves or not. */
static void
lines(tube_batch *b, uint32_t first, uint32_t origin, uint64_t from, uint64_t to,
      bool position)
{
    tube_extent *e = &b->extents[b->n_extents++];

    *e = (tube_extent){
        .origin = origin, .first_row = first, .lo = from * LINE, .line = from
    };
    e->hi = position ? to * LINE : e->lo;
    e->lines = position ? to - from : 0;
    for (uint64_t i = from; b->offset != NULL && i < to && first < b->n; i++, first++)
        b->offset[first] = i * LINE;
}

static bool
note(const tube_batch *b)
{
    tube_error err = { 0 };
    bool border = false;

    cr_assert_eq(tubei_resume_note(&resume, &stage, b, &border, &err), TUBE_OK, "%s",
                 err.message);
    return border;
}

static resume_hidden *
hide(tube_batch *b)
{
    resume_hidden *hidden;
    tube_error err = { 0 };

    cr_assert_eq(tubei_resume_hide(&resume, &stage, b, &hidden, &err), TUBE_OK, "%s",
                 err.message);
    return hidden;
}

static uint32_t
live(const tube_batch *b)
{
    uint32_t n = 0;

    TUBE_EACH(b, r)
        n++;
    return n;
}

Test(resume, a_border_is_where_no_position_is_owed)
{
    tube_batch *made;
    tube_batch *b;

    setup(0, 0);
    made = batch_new(5, false);
    b = batch_new(4, true);
    lines(b, 0, 0, 0, 4, true);
    cr_assert(note(b));
    cr_assert_not(note(made), "what an emitter makes waits for the batch behind it");
    b = batch_new(0, true);
    cr_assert_not(note(b), "nothing is no position");
    lines(b, 0, 0, 4, 6, true);
    cr_assert(note(b));
}

Test(resume, an_extent_without_bytes_owes_the_position_of_its_origin)
{
    tube_batch *b;

    setup(0, 0);
    b = batch_new(3, true);
    lines(b, 0, 0, 0, 3, false);
    cr_assert_not(note(b));
    b = batch_new(3, true);
    lines(b, 0, 1, 0, 3, true);
    cr_assert_not(note(b), "another origin's position");
    b = batch_new(0, true);
    lines(b, 0, 0, 0, 3, true);
    cr_assert(note(b));
    b = batch_new(0, true);
    lines(b, 0, 0, 3, 3, false);
    cr_assert(note(b), "there are no rows in it");
}

Test(resume, what_is_known_of_no_origin_owes_nothing)
{
    tube_batch *b;

    setup(0, 0);
    b = batch_new(3, false);
    lines(b, 0, TUBE_NO_ORIGIN, 0, 0, false);
    cr_assert(note(b));
    tubei_resume_fini(&resume);
    cr_assert(note(batch_new(3, false)));
}

Test(resume, positions_follow_each_other)
{
    tube_error err = { 0 };
    tube_batch *b;
    bool border;

    setup(4, 0);
    pipeline.origins = calloc(1, sizeof(*pipeline.origins));
    pipeline.origins[0].name = strdup("file");
    pipeline.n_origins = 1;
    b = batch_new(3, true);
    lines(b, 0, 0, 0, 3, true);
    cr_assert(note(b));
    b = batch_new(3, true);
    lines(b, 0, 0, 3, 6, true);
    cr_assert(note(b));
    b = batch_new(3, true);
    lines(b, 0, 0, 7, 9, true);
    cr_assert_eq(tubei_resume_note(&resume, &stage, b, &border, &err), TUBE_EINVAL);
    cr_assert_str_eq(err.message, "file: bytes 60 to 70 are missing");
    b = batch_new(3, true);
    lines(b, 0, 0, 5, 9, true);
    cr_assert_eq(tubei_resume_note(&resume, &stage, b, &border, &err), TUBE_EINVAL);
    cr_assert_str_eq(err.message, "file: bytes 50 to 60 came twice");
}

Test(resume, rows_below_are_hidden_and_come_back)
{
    resume_hidden *hidden;
    tube_batch *b;

    setup(6, 2);
    b = batch_new(10, true);
    lines(b, 0, 0, 4, 8, true);
    lines(b, 4, 1, 0, 6, true);
    tube_reject_sql(&stage, b, 1, "22000", "stored");
    tube_reject_sql(&stage, b, 3, "22000", "new");
    cr_assert(note(b));
    hidden = hide(b);
    tubei_resume_pass(&resume);
    cr_assert_not_null(hidden);
    cr_assert_eq(live(b), 1 + 4);
    cr_assert_eq(tube_batch_count(b), 8, "for those who settle it nothing has changed");
    cr_assert(tubei_resume_is_hidden(hidden, 0));
    cr_assert(tubei_resume_is_hidden(hidden, 1), "a reject");
    cr_assert_not(tubei_resume_is_hidden(hidden, 3), "a reject");
    cr_assert(tubei_resume_is_hidden(hidden, 5));
    cr_assert_not(tubei_resume_is_hidden(hidden, 6));
    cr_assert_not(tubei_resume_is_ahead(&resume));
    tubei_resume_show(b, hidden);
    cr_assert_eq(live(b), 8);
}

Test(resume, it_is_ahead_until_its_low_has_passed)
{
    tube_batch *b;

    setup(6, 0);
    b = batch_new(5, true);
    lines(b, 0, 0, 0, 5, true);
    cr_assert(note(b));
    cr_assert_not_null(hide(b));
    tubei_resume_pass(&resume);
    cr_assert(tubei_resume_is_ahead(&resume));
    b = batch_new(1, true);
    lines(b, 0, 0, 5, 6, true);
    cr_assert(note(b));
    cr_assert_not_null(hide(b));
    tubei_resume_pass(&resume);
    cr_assert_not(tubei_resume_is_ahead(&resume));
}

/* A join sends the rows of one branch, then those of the other with the position. */
Test(resume, rows_are_known_by_their_offsets_and_the_position_behind_them)
{
    tube_batch *first;
    tube_batch *second;

    setup(5, 0);
    first = batch_new(8, true);
    second = batch_new(8, true);
    lines(first, 0, 0, 0, 8, true);
    first->n_extents = 0;
    lines(second, 0, 0, 0, 8, true);
    cr_assert_not(note(first));
    cr_assert(note(second));
    (void)hide(first);
    (void)hide(second);
    cr_assert_eq(live(first), 3);
    cr_assert_eq(live(second), 3);
}

/* What an emitter has made has no offsets: only a whole position tells. */
Test(resume, what_cannot_be_told_apart_is_an_error)
{
    static const struct {
        uint64_t from, to;
        uint32_t live;
        bool good;
    } c[] = {
        { 0, 5, 0, true }, { 2, 5, 0, true }, { 5, 8, 4, true }, { 4, 6, 0, false }
    };

    for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        resume_hidden *hidden;
        tube_error err = { 0 };
        tube_batch *made;
        tube_batch *b;
        tube_status st;

        setup(5, 0);
        made = batch_new(4, false);
        b = batch_new(0, true);
        lines(b, 0, 0, c[i].from, c[i].to, true);
        cr_assert_not(note(made));
        cr_assert(note(b));
        st = tubei_resume_hide(&resume, &stage, made, &hidden, &err);
        cr_assert_eq(st == TUBE_OK, c[i].good, "%zu", i);
        cr_assert(st != TUBE_OK || live(made) == c[i].live, "%zu", i);
        tubei_resume_fini(&resume);
    }
}

/* A row behind an extent of another file, whose own extent a join took away. */
Test(resume, an_offset_beside_its_extent_is_nobodys)
{
    tube_batch *b;

    setup(50, 0);
    b = batch_new(4, true);
    lines(b, 0, 0, 60, 62, true);
    b->offset[2] = 3 * LINE;
    b->offset[3] = 4 * LINE;
    resume.origin[0].next = 60 * LINE;
    cr_assert(note(b));
    cr_assert_null(hide(b));
    cr_assert_eq(live(b), 4);
}

/* The SQLite sink with rows whose position comes later, or never. */

static uint64_t moving; /* whether a second batch brings the position */

static tube_status
late_open(tube_stage *s, tube_error *err)
{
    tube_column column = { .name = "n", .type = TUBE_INT };
    tube_origin o = { .name = "/x", .print = "x", .print_len = 1, .size = 60 };
    tube_status st = tube_set_schema(s, &column, 1, err);

    return st == TUBE_OK ? tube_origin_add(s, &o, tube_state(s), err) : st;
}

static tube_status
late_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    uint32_t *state = tube_state(s); /* the origin; batches that were made */
    tube_extent e = { .origin = state[0], .hi = state[1] > 0 ? 60 : 0 };
    tube_batch *b;

    (void)none;
    (void)err;
    if (state[1] > moving)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    for (int i = 0; i < 3; i++)
        tube_set_int(tube_batch_add(b), i);
    cr_assert(tube_batch_extent(b, &e));
    state[1]++;
    return tube_emit(s, &b);
}

static const tube_stage_def late = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "late",
    .out = TUBE_FLOW_RECORDS,
    .state_size = 2 * sizeof(uint32_t),
    .open = late_open,
    .process = late_process,
};

static bool
print_row(void *arg, size_t n, const char *const *name, const char *const *value)
{
    char *out = arg;

    (void)name;
    cr_assert_eq(n, 2);
    (void)snprintf(out, 32, "%s %s", value[0], value[1]);
    return true;
}

/* Rows that were stored, and the file's position. */
static void
check_late(uint64_t moves, const char *want)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM logs), ifnull((SELECT low FROM tubes_progress JOIN"
        " tubes_source ON id = source_id WHERE path = '/x'), 'nowhere')";
    char path[64];
    char text[96];
    char out[32] = "";
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(), &err);

    moving = moves;
    (void)snprintf(path, sizeof(path), "/tmp/test_resume.%ld", (long)getpid());
    (void)snprintf(text, sizeof(text), "late | sqlite %s", path);
    cr_assert_eq(tube_define(p, &late, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
    cr_assert_eq(tube_query(path, sql, print_row, out, &err), TUBE_OK, "%s",
                 err.message);
    cr_assert_str_eq(out, want);
    (void)unlink(path);
}

Test(resume, sqlite_stores_rows_whose_position_never_comes)
{
    check_late(0, "3 nowhere");
}

Test(resume, sqlite_stores_rows_whose_position_comes_later)
{
    check_late(1, "6 60");
}

/* A flush commits what waits, also without a position, which is not on its way then; the
 * merge lives on, so that the end does not do it. */
Test(resume, sqlite_commits_at_a_flush)
{
    char path[64];
    char text[160];
    char out[32] = "";
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(), &err);

    moving = 0;
    (void)snprintf(path, sizeof(path), "/tmp/test_resume.%ld", (long)getpid());
    (void)snprintf(text, sizeof(text),
                   "merge hold=yes ( late ) | sqlite %s age=1h rows=1000000", path);
    cr_assert_eq(tube_define(p, &late, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
    /* the first ones may come before the records */
    for (int i = 0; i < 1000 && strcmp(out, "3 0") != 0; i++) {
        tube_flush *f = tube_flush_begin(p, TUBE_SETTLED, &err);

        cr_assert_not_null(f, "%s", err.message);
        cr_assert_eq(tube_flush_wait(f, UINT64_C(10000000000)), TUBE_OK);
        tube_flush_free(f);
        cr_assert_eq(
            tube_query(path, "SELECT count(*), 0 FROM logs", print_row, out, &err),
            TUBE_OK, "%s", err.message);
    }
    cr_assert_str_eq(out, "3 0");
    tube_pipeline_free(p);
    (void)unlink(path);
}
