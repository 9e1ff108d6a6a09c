/* SPDX-License-Identifier: MIT */
/* gen.c -- make up lines of a web server's log, for trials and measurements.
 *
 * out  bytes without a position; the same for the same options, on any machine
 */
#include "gen_line.h"

#include <tubes/stage.h>

#include <stdlib.h>

struct gen {
    int64_t format; /* option: a tubei_gen_format */
    int64_t n;      /* option: lines; 0: endless */
    int64_t seed;   /* option */
    int64_t made;   /* lines so far */
    uint64_t offset;
    char *sample; /* NULL: nobody asked */
    tubei_gen state;
};

static const tube_option options[] = {
    { "format", TUBE_OPT_ENUM, offsetof(struct gen, format), "combined",
      "combined|common|json", "what the lines look like", TUBE_OPT_POSITIONAL },
    { "n", TUBE_OPT_INT, offsetof(struct gen, n), "1000", "0.. lines",
      "how many lines; 0: endless", TUBE_OPT_POSITIONAL },
    { "seed", TUBE_OPT_INT, offsetof(struct gen, seed), "1", "",
      "other seeds make other lines", 0 },
    { 0 },
};

static const char *const examples[] = {
    "gen combined 1000 | parse combined | where status >= 500 | print",
    "gen json 1000 seed=7 | parse json | head 3 | print",
    NULL,
};

static tube_status
gen_open(tube_stage *s, tube_error *err)
{
    struct gen *g = tube_state(s);

    (void)err;
    tubei_gen_init(&g->state, (tubei_gen_format)g->format, g->seed);
    return TUBE_OK;
}

/* Fill a buffer with whole lines. */
static size_t
gen_fill(const struct gen *g, tubei_gen *state, int64_t *made, char *buf)
{
    size_t len = 0;

    while (len + TUBEI_GEN_LINE_MAX <= TUBE_BUFFER_BYTES
           && (g->n == 0 || *made < g->n)) {
        len += tubei_gen_line(state, buf + len);
        ++*made;
    }
    return len;
}

static tube_slice
gen_sample(tube_stage *s)
{
    struct gen *g = tube_state(s);
    tubei_gen state;
    int64_t made = 0;

    if (g->sample == NULL)
        g->sample = malloc(TUBE_BUFFER_BYTES + TUBE_PAD);
    if (g->sample == NULL)
        return (tube_slice){ NULL, 0 };
    tubei_gen_init(&state, (tubei_gen_format)g->format, g->seed);
    return (tube_slice){ g->sample, gen_fill(g, &state, &made, g->sample) };
}

static tube_status
gen_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct gen *g = tube_state(s);
    tube_segment segment = { .origin = TUBE_NO_ORIGIN,
                             .offset = g->offset,
                             .line = (uint64_t)g->made };
    tube_batch *b;
    tube_status st;
    char *buf;

    (void)none;
    (void)err;
    if (g->n > 0 && g->made == g->n)
        return TUBE_END;
    b = tube_take(s);
    buf = b != NULL ? tube_batch_buffer(b) : NULL;
    if (buf == NULL) {
        tube_untake(s, &b);
        return TUBE_AGAIN;
    }
    segment.bytes = (tube_slice){ buf, gen_fill(g, &g->state, &g->made, buf) };
    segment.last = g->made == g->n;
    g->offset += segment.bytes.len;
    (void)tube_batch_segment(b, &segment); /* an empty batch has room for one */
    st = tube_emit(s, &b);
    return st == TUBE_OK && segment.last ? TUBE_END : st;
}

static void
gen_close(tube_stage *s)
{
    struct gen *g = tube_state(s);

    free(g->sample);
}

const tube_stage_def tube_stage_gen = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "gen",
    .summary = "make up lines of a web server's log",
    .examples = examples,
    .options = options,
    .out = TUBE_FLOW_BYTES,
    .state_size = sizeof(struct gen),
    .open = gen_open,
    .process = gen_process,
    .close = gen_close,
    .sample = gen_sample,
};
