/* SPDX-License-Identifier: MIT */
/* head.c -- pass the first records, then end the input.
 *
 * in   any records
 * out  the first `n` of them
 */
#include <tubes/stage.h>

struct head {
    int64_t n;      /* option */
    int64_t passed; /* records handed on so far */
};

static const tube_option options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct head, n), "10", "0.. records",
      "how many records pass", TUBE_OPT_POSITIONAL },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | head 5",
    "gen combined 0 | parse combined | where status >= 500 | head 20 | print",
    NULL,
};

static tube_status
head_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct head *h = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        if (h->passed == h->n) {
            tube_batch_cut(s, b, r);
            break;
        }
        h->passed++;
    }
    return h->passed == h->n ? TUBE_END : TUBE_OK;
}

const tube_stage_def tube_stage_head = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "head",
    .summary = "pass the first records, then end the input",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct head),
    .process = head_process,
};
