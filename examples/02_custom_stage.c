/* SPDX-License-Identifier: MIT */
/* 02_custom_stage.c -- a stage of your own between two built-in ones.
 *
 * `big` keeps responses of at least `min` bytes.
 */
#include <tubes/tubes.h>

struct big {
    int64_t min; /* option */
    tube_field bytes;
};

static const tube_option big_options[] = {
    { "min", TUBE_OPT_SIZE, offsetof(struct big, min), "64k", "bytes", "smallest kept",
      TUBE_OPT_POSITIONAL },
    { 0 },
};

static tube_status
big_open(tube_stage *s, tube_error *err)
{
    struct big *g = tube_state(s);

    g->bytes = tube_schema_find(tube_input(s), "bytes");
    return g->bytes >= 0
               ? TUBE_OK
               : tube_fail(err, TUBE_ECONFIG, "the records have no field 'bytes'");
}

static tube_status
big_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct big *g = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        const tube_cell *bytes = tube_row(b, r) + g->bytes;

        if (!bytes->set || bytes->integer < g->min)
            tube_filter(s, b, r);
    }
    return TUBE_OK;
}

static const tube_stage_def big = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "big",
    .summary = "keep large responses",
    .options = big_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct big),
    .open = big_open,
    .process = big_process,
};

int
main(void)
{
    TUBE_AUTO(tube_pipeline) *p = tube_pipeline_new(NULL, NULL);
    tube_error err = { 0 };

    if (p == NULL || tube_define(p, &big, &err) < 0
        || tube_series(
               p, "gen combined 2000 | parse combined | big 900k | keep path bytes",
               &err)
               < 0
        || tube_run(p, &err) < 0) {
        tube_error_print(&err, stderr);
        return 1;
    }
    return 0;
}
