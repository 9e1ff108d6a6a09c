/* SPDX-License-Identifier: MIT */
/* pg_flush.c -- run a pipeline from the source `late`, flush it, and end without a word.
 *
 * The source gives two batches of three records: one with its position, one whose position
 * never comes.
 */
#include <tubes/graph.h>
#include <tubes/stage.h>
#include <tubes/tubes.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 60, BATCHES = 2, ROWS = 3 };

struct late {
    uint32_t origin;
    int made; /* batches */
};

static tube_status
late_open(tube_stage *s, tube_error *err)
{
    struct late *l = tube_state(s);
    tube_column column = { .name = "n", .type = TUBE_INT };
    tube_origin o = { .name = "/late", .print = "x", .print_len = 1, .size = BYTES };
    tube_status st = tube_set_schema(s, &column, 1, err);

    return st == TUBE_OK ? tube_origin_add(s, &o, &l->origin, err) : st;
}

static tube_status
late_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct late *l = tube_state(s);
    tube_extent e = { .origin = l->origin, .hi = BYTES };
    tube_batch *b;

    (void)none;
    if (l->made == BATCHES)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    for (int i = 0; i < ROWS; i++)
        tube_set_int(tube_batch_add(b), ROWS * l->made + i);
    if (l->made++ > 0)
        e.lo = e.hi;
    if (!tube_batch_extent(b, &e))
        return tube_fail(err, TUBE_ENOMEM, "no room");
    return tube_emit(s, &b);
}

static const tube_stage_def late = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "late",
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct late),
    .open = late_open,
    .process = late_process,
};

int
main(int argc, char **argv)
{
    struct timespec while_it_sends = { .tv_nsec = 200000000 };
    tube_error err = { 0 };
    tube_flush *f;
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(), &err);
    tube_status st;

    if (argc != 2 || p == NULL)
        return 2;
    st = tube_define(p, &late, &err);
    if (st == TUBE_OK)
        st = tube_series(p, argv[1], &err);
    if (st == TUBE_OK)
        st = tube_start(p, &err);
    if (st != TUBE_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    (void)nanosleep(&while_it_sends, NULL);
    f = tube_flush_begin(p, TUBE_SETTLED, &err);
    st = f != NULL ? tube_flush_wait(f, UINT64_C(10000000000)) : TUBE_ENOMEM;
    _exit(st == TUBE_OK ? 0 : 1);
}
