/* SPDX-License-Identifier: MIT */
/* test_pg_queue.c -- transactions cut from batches: each row once, positions without gap. */
#include "batch.h"
#include "memory.h"
#include "pg_queue.h"
#include "pipeline.h"
#include "schema.h"
#include "stage.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(pg_queue, .timeout = 60);

enum { FILES = 5, LINE = 10 };

static struct tube_pipeline pipeline;
static tube_stage stage;
static pg_queue queue;
static pg_limits limits = { 100, UINT64_C(1) << 40 };
static uint64_t written[FILES]; /* lines that are in batches, by file */

static void
setup(void)
{
    static const tube_stage_def def = { .name = "test" };

    pipeline.memory = tubei_memory_new(64 << 20);
    stage.pipeline = &pipeline;
    stage.def = &def;
    for (uint32_t i = 0; i < FILES; i++)
        tubei_pg_queue_source(&queue, i)->id = 100 - i;
    queue.stream.id = 1000;
}

/* A batch of `rows` records; pieces of files, LINE bytes a line, an equal share each. */
static tube_batch *
batch_new(uint32_t rows, const uint32_t *file, uint32_t extents)
{
    static tube_schema *schema;
    tube_column column = { .name = "f", .type = TUBE_INT };
    tubei_batch *b;

    if (schema == NULL)
        schema = tubei_schema_new(&column, 1, NULL);
    b = tubei_batch_new(pipeline.memory, schema, rows > 0 ? rows : 1, true, NULL);
    cr_assert_not_null(b);
    tube_batch_rows(&b->pub, rows);
    for (uint32_t i = 0; i < extents; i++) {
        uint32_t first = rows * i / extents;
        uint32_t end = rows * (i + 1) / extents;
        tube_extent e = { .origin = file[i], .first_row = first, .lines = end - first };

        if (file[i] != TUBE_NO_ORIGIN) {
            e.lo = written[file[i]] * LINE;
            e.line = written[file[i]];
            written[file[i]] += end - first;
            e.hi = written[file[i]] * LINE;
        }
        for (uint32_t r = first; r < end; r++)
            b->pub.offset[r] = e.lo + (uint64_t)(r - first) * LINE;
        b->pub.extents[b->pub.n_extents++] = e;
    }
    tubei_stage_keep(&stage, b);
    return &b->pub;
}

/* One file, all rows live. */
static tube_batch *
plain(uint32_t rows)
{
    return batch_new(rows, &(uint32_t){ 0 }, 1);
}

/* What an emitter makes of a batch: rows without a position. */
static tube_batch *
made(uint32_t rows)
{
    tube_batch *b = batch_new(rows, NULL, 0);

    b->offset = NULL;
    return b;
}

/* What it sends behind them: the batch, of which nothing lives. */
static tube_batch *
used_up(uint32_t rows)
{
    tube_batch *b = plain(rows);

    memset(b->live, 0, sizeof(b->live));
    b->n_live = 0;
    return b;
}

static void
push(tube_batch *b)
{
    tube_error err = { 0 };

    cr_assert_eq(tubei_pg_queue_push(&queue, &stage, b, 1, &err), TUBE_OK, "%s",
                 err.message);
}

static bool
cut(uint64_t end, uint64_t live)
{
    pg_wanted w = { .end = end, .live = live };

    return tubei_pg_queue_cut(&queue, &limits, &w);
}

static void
cleanup(void)
{
    tubei_pg_queue_break(&queue, &stage, 0);
    cr_assert_eq(stage.held, 0);
    cr_assert_eq(queue.rows, 0);
    cr_assert_eq(queue.bytes, 0);
    cr_assert_eq(queue.owed_rows, 0);
    cr_assert_eq(queue.owed_bytes, 0);
    cr_assert_eq(queue.ready, 0);
    tubei_pg_queue_free(&queue);
}

static uint64_t
count_rows(void)
{
    pg_cursor at = { 0 };
    uint64_t n = 0;
    uint32_t row;

    while (tubei_pg_queue_row(&queue, &at, &row) != NULL)
        n++;
    return n;
}

Test(pg_queue, a_transaction_ends_at_the_first_batch_that_reaches_the_limit)
{
    setup();
    for (int i = 0; i < 5; i++)
        push(plain(40));
    cr_assert(tubei_pg_queue_full(&queue, &limits));
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx, 3);
    cr_assert_eq(queue.tx_rows, 120);
    cr_assert_eq(count_rows(), 120);
    cr_assert_eq(queue.n_moves, 1);
    cr_assert_eq(queue.move[0].hi, 120 * LINE);
    cr_assert_eq(queue.move[0].line, 120);
    cr_assert_not(tubei_pg_queue_full(&queue, &limits), "80 rows wait behind it");
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert_eq(stage.held, 2);
    cr_assert_eq(queue.source[0].low, 120 * LINE);
    tubei_pg_queue_break(&queue, &stage, 0);
    cr_assert_eq(stage.held, 0);
    tubei_pg_queue_free(&queue);
}

Test(pg_queue, a_batch_is_split_at_a_row)
{
    uint64_t number;
    uint32_t row;
    tube_batch *b;

    setup();
    b = plain(50);
    push(b);
    cr_assert(cut(UINT64_MAX, 20));
    cr_assert_eq(queue.tx_rows, 20);
    cr_assert_eq(queue.move[0].hi, 20 * LINE);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert_eq(stage.held, 1, "half of a batch is not settled");
    cr_assert_eq(tubei_pg_queue_begin(&queue), 20);
    cr_assert_eq(tubei_pg_queue_live(&queue, 30), 10);
    cr_assert(cut(33, UINT64_MAX));
    cr_assert_eq(tubei_pg_queue_end(&queue), 33);
    cr_assert_eq(tubei_pg_queue_nth(&queue, 13, &row, &number), b);
    cr_assert_eq(number, 32);
    cr_assert_eq(queue.move[0].hi, 33 * LINE);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx_rows, 17);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert_eq(stage.held, 0);
    tubei_pg_queue_free(&queue);
}

Test(pg_queue, sources_are_locked_in_one_order)
{
    static const uint32_t files[] = { 0, 3, 1 };

    setup();
    push(batch_new(9, files, 3));
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.n_moves, 3);
    for (uint32_t i = 1; i < queue.n_moves; i++)
        cr_assert_lt(queue.move[i - 1].source->id, queue.move[i].source->id);
    tubei_pg_queue_break(&queue, &stage, 0);
    tubei_pg_queue_free(&queue);
}

Test(pg_queue, without_offsets_a_batch_goes_as_a_whole)
{
    tube_batch *b;

    setup();
    b = plain(50);
    b->offset = NULL;
    push(b);
    cr_assert(cut(7, 5));
    cr_assert_eq(queue.tx_rows, 50);
    tubei_pg_queue_break(&queue, &stage, 0);
    tubei_pg_queue_free(&queue);
}

Test(pg_queue, a_transaction_waits_for_the_position_of_its_rows)
{
    setup();
    cr_assert(tubei_resume_at(&queue.resume, 0, 0));
    push(plain(10));
    for (int i = 0; i < 4; i++)
        push(made(50));
    cr_assert_eq(queue.ready, 1);
    cr_assert_not(tubei_pg_queue_full(&queue, &limits), "10 rows may be committed");
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx_rows, 10);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx, 0);
    push(used_up(5));
    cr_assert_eq(queue.ready, 5);
    cr_assert(tubei_pg_queue_full(&queue, &limits));
    push(made(1));
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx, 5, "over the limit, up to the position");
    cr_assert_eq(queue.move[queue.n_moves - 1].source, &queue.stream);
    cr_assert_eq(queue.move[0].hi, 15 * LINE);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert_eq(queue.ready, 0);
    tubei_pg_queue_free_all(&queue);
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx_rows, 1, "unless the position is waived");
    cleanup();
}

Test(pg_queue, rows_of_one_position_are_torn_apart_only_to_find_a_bad_one)
{
    pg_wanted w = { .end = 30, .live = 5, .apart = true };

    setup();
    cr_assert(tubei_resume_at(&queue.resume, 0, 0));
    push(made(20));
    push(made(20));
    push(plain(20)); /* a join: rows of the last branch, and the position */
    push(plain(20));
    cr_assert(cut(30, UINT64_MAX));
    cr_assert_eq(tubei_pg_queue_end(&queue), 60);
    cr_assert(cut(UINT64_MAX, 45));
    cr_assert_eq(tubei_pg_queue_end(&queue), 60);
    cr_assert(tubei_pg_queue_cut(&queue, &limits, &w));
    cr_assert_eq(tubei_pg_queue_end(&queue), 5);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert(cut(30, UINT64_MAX));
    cr_assert_eq(tubei_pg_queue_end(&queue), 60);
    tubei_pg_queue_committed(&queue, &stage);
    cr_assert(cut(UINT64_MAX, 7));
    cr_assert_eq(tubei_pg_queue_end(&queue), 67);
    cleanup();
}

Test(pg_queue, what_was_stored_before_is_passed_over)
{
    const tube_rejected *why;
    const pg_source *source;
    pg_cursor at = { 0 };
    uint64_t line;
    uint32_t row;
    tube_batch *b;

    setup();
    cr_assert(tubei_resume_at(&queue.resume, 0, 15 * LINE));
    queue.resume.origin[0].ahead = true;
    queue.resume.n_ahead = 1;
    queue.source[0].low = 15 * LINE;
    queue.source[0].line = 15;
    push(plain(10));
    b = plain(10);
    tube_reject_sql(&stage, b, 2, "22000", "stored");
    tube_reject_sql(&stage, b, 7, "22000", "new");
    push(b);
    push(plain(10));
    cr_assert(cut(UINT64_MAX, UINT64_MAX));
    cr_assert_eq(queue.tx, 3);
    cr_assert_eq(queue.tx_rows, 4 + 10);
    cr_assert_eq(queue.tx_rejects, 1);
    cr_assert_eq(tubei_pg_queue_row(&queue, &at, &row), b);
    cr_assert_eq(row, 5);
    at = (pg_cursor){ 0 };
    cr_assert_eq(tubei_pg_queue_rejected(&queue, &at, &why, &source, &line), b);
    cr_assert_str_eq(why->reason, "new");
    cr_assert_null(tubei_pg_queue_rejected(&queue, &at, &why, &source, &line));
    cr_assert_eq(queue.n_moves, 1);
    cr_assert_eq(queue.move[0].hi, 30 * LINE);
    cr_assert_eq(queue.move[0].line, 30);
    cr_assert_eq(queue.move[0].rows, 14);
    cr_assert_eq(queue.move[0].rejects, 1);
    cr_assert_eq(tube_batch_count(b), 8, "they settle as committed");
    cr_assert_eq(queue.resume.n_ahead, 0);
    cleanup();
}

/* The rest is a comparison with a model that knows of each row its file and line. */

enum { ROWS_MOST = 4000 };

static struct {
    uint32_t file;
    uint64_t line;
    char state; /* 'l'ive, 'd'ead, 'r'ejected */
    uint8_t seen;
} model[ROWS_MOST];
static uint32_t n_model;
static uint64_t seed;

static uint32_t
below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void
push_some(void)
{
    uint32_t extents = 1 + below(4);
    uint32_t rows = below(5) == 0 ? below(4) : below(60);
    uint32_t file[4];
    tube_batch *b;

    for (uint32_t i = 0; i < extents; i++)
        file[i] = (below(FILES) + i) % FILES; /* may come twice: two pieces of it */
    if (n_model + rows > ROWS_MOST)
        return;
    for (uint32_t i = 0; i < extents; i++)
        for (uint32_t k = i + 1; k < extents; k++)
            if (file[i] == file[k])
                extents = k;
    b = batch_new(rows, file, extents);
    for (uint32_t r = 0; r < rows; r++, n_model++) {
        uint32_t e = 0;

        while (e + 1 < b->n_extents && b->extents[e + 1].first_row <= r)
            e++;
        model[n_model].file = b->extents[e].origin;
        model[n_model].line = b->extents[e].line + r - b->extents[e].first_row;
        model[n_model].seen = 0;
        model[n_model].state = "llllldr"[below(7)];
        if (model[n_model].state == 'd')
            b->live[r / 64] &= ~(UINT64_C(1) << (r % 64));
        if (model[n_model].state == 'r')
            tube_reject_sql(&stage, b, r, "22000", "no");
    }
    push(b);
}

/* The transaction has exactly the live and the rejected rows of [begin, end). */
static void
check_rows(uint64_t begin, uint64_t end, bool commit)
{
    pg_cursor at = { 0 };
    const tube_rejected *why;
    const pg_source *source;
    uint64_t line;
    uint64_t rows = 0;
    uint64_t rejects = 0;
    uint32_t row;
    tube_batch *b;

    while ((b = tubei_pg_queue_row(&queue, &at, &row)) != NULL)
        rows++;
    memset(&at, 0, sizeof(at));
    while ((b = tubei_pg_queue_rejected(&queue, &at, &why, &source, &line)) != NULL) {
        cr_assert_eq(b->offset[why->row], (line - 1) * LINE);
        rejects++;
    }
    cr_assert_eq(rows, queue.tx_rows);
    cr_assert_eq(rejects, queue.tx_rejects);
    for (uint64_t i = begin; i < end; i++) {
        rows -= model[i].state == 'l';
        rejects -= model[i].state == 'r';
        model[i].seen = (uint8_t)(model[i].seen + commit);
    }
    cr_assert(rows == 0 && rejects == 0, "seed %llu", (unsigned long long)seed);
}

/* Each source goes to the last of its lines before `end`. */
static void
check_moves(uint64_t end)
{
    uint64_t low[FILES] = { 0 };
    uint64_t rows = 0;

    for (uint64_t i = 0; i < end; i++)
        low[model[i].file] = (model[i].line + 1) * LINE;
    for (uint32_t i = 0; i < queue.n_moves; i++) {
        const pg_move *m = &queue.move[i];
        size_t file = (size_t)(m->source - queue.source);

        cr_assert_eq(m->hi, low[file], "seed %llu", (unsigned long long)seed);
        cr_assert_eq(m->line * LINE, m->hi);
        cr_assert_gt(m->hi, m->source->low);
        rows += m->rows;
    }
    cr_assert_eq(rows, queue.tx_rows);
    for (uint32_t file = 0; file < FILES; file++) {
        bool moves = false;

        for (uint32_t i = 0; i < queue.n_moves; i++)
            moves |= queue.move[i].source == &queue.source[file];
        cr_assert(moves || low[file] == queue.source[file].low);
    }
}

static void
transaction(void)
{
    uint64_t begin = tubei_pg_queue_begin(&queue);
    uint64_t end = below(3) == 0 && queue.next > begin
                       ? begin + 1 + below((uint32_t)(queue.next - begin))
                       : UINT64_MAX;
    uint64_t live = below(3) == 0 ? 1 + below(40) : UINT64_MAX;
    bool commit = below(4) != 0;

    if (queue.n == 0)
        return;
    cr_assert(cut(end, live));
    cr_assert_gt(queue.tx, 0);
    cr_assert_leq(tubei_pg_queue_end(&queue), end);
    cr_assert_leq(queue.tx_rows, live);
    end = tubei_pg_queue_end(&queue);
    check_rows(begin, end, commit);
    check_moves(end);
    if (commit)
        tubei_pg_queue_committed(&queue, &stage);
    else
        tubei_pg_queue_uncut(&queue);
    cr_assert_eq(tubei_pg_queue_begin(&queue), commit ? end : begin);
}

Test(pg_queue, any_cuts_of_any_batches_give_every_row_once)
{
    setup();
    for (uint64_t round = 1; round <= 300; round++) {
        seed = round;
        n_model = 0;
        memset(written, 0, sizeof(written));
        for (uint32_t i = 0; i < FILES; i++) {
            queue.source[i].low = 0;
            queue.source[i].line = 0;
        }
        queue.next = 0;
        for (int i = 0; i < 60; i++) {
            if (below(2) == 0)
                push_some();
            else
                transaction();
        }
        while (queue.n > 0)
            transaction();
        cr_assert_eq(stage.held, 0);
        for (uint32_t i = 0; i < n_model; i++)
            cr_assert_eq(model[i].seen, 1, "round %llu, row %u",
                         (unsigned long long)round, i);
        for (uint32_t i = 0; i < FILES; i++)
            cr_assert_eq(queue.source[i].low, written[i] * LINE);
    }
    tubei_pg_queue_free(&queue);
}
