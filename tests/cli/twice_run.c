/* SPDX-License-Identifier: MIT */
/* twice_run.c -- run a pipeline in which the stage `twice` is known: an emitter that makes
 * two of each record, or more, in batches of its own.
 */
#include <tubes/stage.h>
#include <tubes/tubes.h>

#include <stdio.h>
#include <string.h>

struct twice {
    int64_t times; /* option */
    int64_t most;  /* option: rows in a batch */
    uint32_t row;  /* cursor in the batch that comes in */
    int64_t made;  /* of that row */
    tube_batch *out;
};

static const tube_option options[] = {
    { "times", TUBE_OPT_INT, offsetof(struct twice, times), "2", "1..1000000 records",
      "made of each", 0 },
    { "most", TUBE_OPT_INT, offsetof(struct twice, most), "100", "1..1024 rows",
      "rows in a batch", 0 },
    { 0 },
};

/* Its text is copied: it may lie in memory of its batch. */
static bool
copy_row(tube_batch *out, tube_cell *to, const tube_cell *from)
{
    for (uint32_t f = 0; f < out->width; f++) {
        tube_type type = tube_schema_column(out->schema, (tube_field)f)->type;
        char *text;

        to[f] = from[f];
        if (!from[f].set
            || (type != TUBE_TEXT && type != TUBE_BYTES && type != TUBE_JSON))
            continue;
        text = tube_batch_alloc(out, from[f].len);
        if (text == NULL)
            return false;
        memcpy(text, from[f].text, from[f].len);
        to[f].text = text;
    }
    return true;
}

static tube_status
twice_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct twice *t = tube_state(s);
    tube_status st;

    for (t->row = tube_next(b, t->row); t->row < b->n;) {
        tube_cell *row;

        if (t->out == NULL)
            t->out = tube_take(s);
        if (t->out == NULL)
            return TUBE_AGAIN;
        row = tube_batch_add(t->out);
        if (row == NULL || !copy_row(t->out, row, tube_row(b, t->row)))
            return tube_fail(err, TUBE_ENOMEM, "no room");
        if (++t->made == t->times) {
            t->made = 0;
            t->row = tube_next(b, t->row + 1);
        }
        if (t->out->n < (uint32_t)t->most && t->out->n < t->out->cap)
            continue;
        st = tube_emit(s, &t->out);
        if (st != TUBE_OK)
            return st;
    }
    st = t->out != NULL ? tube_emit(s, &t->out) : TUBE_OK;
    if (st == TUBE_OK) /* else it is called again, and stands behind the last row */
        t->row = 0;
    return st;
}

static void
twice_close(tube_stage *s)
{
    struct twice *t = tube_state(s);

    tube_untake(s, &t->out);
}

static const tube_stage_def twice = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "twice",
    .summary = "two of each record",
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct twice),
    .flags = TUBE_EMITS,
    .process = twice_process,
    .close = twice_close,
};

int
main(int argc, char **argv)
{
    tube_pipeline *p;
    tube_error err = { 0 };
    tube_status st;

    if (argc != 2)
        return 2;
    p = tube_pipeline_new(TUBE_PIPELINE_OPTS(), &err);
    if (p == NULL)
        return 1;
    st = tube_define(p, &twice, &err);
    if (st == TUBE_OK)
        st = tube_series(p, argv[1], &err);
    if (st == TUBE_OK)
        st = tube_run(p, &err);
    if (st < 0)
        (void)fprintf(stderr, "%s: %s\n", err.stage, err.message);
    tube_pipeline_free(p);
    return st < 0 ? 1 : 0;
}
