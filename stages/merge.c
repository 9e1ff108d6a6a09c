/* SPDX-License-Identifier: MIT */
/* merge.c -- several inputs as one, as they come or in the order of a field.
 *
 * in   any records, by several inputs
 * out  all of them; with by=FIELD in the order of that field, if each input is
 */
#include "join_type.h"
#include "merge_sorted.h"

#include <tubes/stage.h>

#include <stdlib.h>

enum { WEIGHT_MOST = 1000 };

struct merge {
    const char *by;   /* option */
    bool desc;        /* option */
    int64_t idle;     /* option */
    int64_t until;    /* option */
    tube_list weight; /* option */
    bool hold;        /* option */
    const char *of;   /* option */
    bool is_sorted;
    merge_sorted sorted;
};

#define AT(member) offsetof(struct merge, member)
static const tube_option options[] = {
    { "by", TUBE_OPT_TEXT, AT(by), "", "field",
      "sorted merge: each input is sorted by this field, and so is the output", 0 },
    { "desc", TUBE_OPT_BOOL, AT(desc), "no", "", "with by: the greatest first", 0 },
    { "idle", TUBE_OPT_TIME, AT(idle), "1s", "",
      "with by: an input that is quiet for so long is not waited for", 0 },
    { "until", TUBE_OPT_ENUM, AT(until), "all", "all|any|error",
      "end when all inputs have ended, when one has, or when one has failed", 0 },
    { "weights", TUBE_OPT_LIST, AT(weight), "", "1..1000 batches",
      "how many batches each input may give in its turn, in the order of the inputs",
      0 },
    { "hold", TUBE_OPT_BOOL, AT(hold), "no", "",
      "go on without inputs until it is sealed", 0 },
    { "of", TUBE_OPT_TEXT, AT(of), "", "record",
      "what comes, if no input says it: a declared record, or lines", 0 },
    { 0 },
};

static const char *const examples[] = {
    "merge ( file access.log ) ( file access.log.1 ) | parse combined",
    "merge by=time ( file access.log | parse combined ) "
    "( file access.log.1 | parse combined ) | print",
    "merge weights=[3, 1] ( gen combined 300 | lines ) ( gen common 100 | lines ) "
    "| print",
    NULL,
};

static tube_status
merge_weights(tube_stage *s, const tube_list *w, tube_error *err)
{
    for (size_t i = 0; i < w->n; i++) {
        char *end = NULL;
        long v = strtol(w->item[i], &end, 10);

        if (end == w->item[i] || *end != '\0' || v < 1 || v > WEIGHT_MOST) {
            (void)tube_fail(err, TUBE_ECONFIG, "weight '%s' is not 1 to %d", w->item[i],
                            WEIGHT_MOST);
            return tube_blame(s, "weights", err);
        }
        if (i >= tube_inputs(s)) {
            (void)tube_fail(err, TUBE_ECONFIG, "%zu weights for %u inputs", w->n,
                            tube_inputs(s));
            return tube_blame(s, "weights", err);
        }
        tube_input_weight(s, (uint32_t)i, (uint32_t)v);
    }
    return TUBE_OK;
}

static tube_status
merge_sort(tube_stage *s, struct merge *m, tube_error *err)
{
    static const char *const only[] = { "desc", "idle" };
    tube_status st;

    m->is_sorted = m->by[0] != '\0';
    for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++)
        if (!m->is_sorted && tube_option_given(s, only[i])) {
            (void)tube_fail(err, TUBE_ECONFIG, "%s= is for a merge with by=", only[i]);
            return tube_blame(s, only[i], err);
        }
    if (!m->is_sorted)
        return TUBE_OK;
    if (m->weight.n > 0) {
        (void)tube_fail(err, TUBE_ECONFIG, "with by= the order decides, not weights=");
        return tube_blame(s, "weights", err);
    }
    m->sorted.idle_ns = (uint64_t)m->idle;
    st = tubei_merge_open(s, &m->sorted, m->by, m->desc, err);
    if (st != TUBE_OK) {
        tubei_merge_close(&m->sorted);
        tube_blame(s, "by", err);
    }
    return st;
}

static tube_status
merge_open(tube_stage *s, tube_error *err)
{
    static const tube_until until[] = { TUBE_UNTIL_ALL, TUBE_UNTIL_ANY,
                                        TUBE_UNTIL_ERROR };
    struct merge *m = tube_state(s);
    tube_status st = tubei_join_type(s, m->of, err);

    if (st == TUBE_OK)
        st = merge_weights(s, &m->weight, err);
    if (st == TUBE_OK)
        st = merge_sort(s, m, err);
    if (st != TUBE_OK)
        return st;
    tube_end_when(s, until[m->until]);
    if (m->hold)
        tube_hold_open(s);
    return TUBE_OK;
}

static uint32_t
merge_select(tube_stage *s)
{
    struct merge *m = tube_state(s);

    return m->is_sorted ? tubei_merge_select(s, &m->sorted) : TUBE_ANY_INPUT;
}

static tube_status
merge_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct merge *m = tube_state(s);

    if (m->is_sorted)
        return tubei_merge_process(s, &m->sorted, b, err);
    return tube_room(s) ? TUBE_OK : TUBE_AGAIN;
}

static tube_status
merge_ended(tube_stage *s, uint32_t input, tube_stop why, tube_error *err)
{
    struct merge *m = tube_state(s);

    (void)why;
    return m->is_sorted ? tubei_merge_ended(s, &m->sorted, input, err) : TUBE_OK;
}

static tube_status
merge_wake(tube_stage *s, unsigned why, tube_error *err)
{
    struct merge *m = tube_state(s);

    return m->is_sorted ? tubei_merge_wake(s, &m->sorted, why, err) : TUBE_OK;
}

static tube_status
merge_finish(tube_stage *s, tube_error *err)
{
    struct merge *m = tube_state(s);

    return m->is_sorted ? tubei_merge_finish(s, &m->sorted, err) : TUBE_OK;
}

static tube_status
merge_reassemble(tube_stage *s, tube_error *err)
{
    struct merge *m = tube_state(s);

    (void)err;
    return m->is_sorted ? tubei_merge_reassemble(s, &m->sorted) : TUBE_OK;
}

static void
merge_close(tube_stage *s)
{
    struct merge *m = tube_state(s);

    tubei_merge_close(&m->sorted);
}

/* It runs though its output is full: a sorted merge goes on when there is room again,
 * without a batch that would make it run. */
const tube_stage_def tube_stage_merge = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "merge",
    .summary = "several inputs as one, as they come or sorted",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct merge),
    .flags = TUBE_JOINS | TUBE_HOLDS | TUBE_BUFFERS,
    .open = merge_open,
    .process = merge_process,
    .wake = merge_wake,
    .finish = merge_finish,
    .close = merge_close,
    .select = merge_select,
    .ended = merge_ended,
    .reassemble = merge_reassemble,
};
