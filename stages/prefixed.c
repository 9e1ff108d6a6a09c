/* SPDX-License-Identifier: MIT */
/* prefixed.c -- cut bytes into records that begin with their length.
 *
 * in      bytes
 * out     records of one field, `line`: the bytes behind a length
 * source  the Int8, Int16 and Int32 receivers of Twisted: the highest byte first, the
 *         length not counted
 */
#include "framer.h"

struct prefixed {
    tubei_framer framer; /* first: its functions take it for the state */
    int64_t bits;        /* option; index in "8|16|32" */
};

static const tube_option options[] = {
    { "bits", TUBE_OPT_ENUM, offsetof(struct prefixed, bits), NULL, "8|16|32",
      "size of the length", TUBE_OPT_POSITIONAL },
    TUBEI_FRAMER_MAX, /* any integer is a length: there is no garbage */
    { 0 },
};

static tube_status
prefixed_open(tube_stage *s, tube_error *err)
{
    static const tubei_framing framing[] = { TUBEI_FRAME_INT8, TUBEI_FRAME_INT16,
                                             TUBEI_FRAME_INT32 };
    const struct prefixed *p = tube_state(s);

    return tubei_framer_open(s, framing[p->bits], err);
}

static const char *const examples[] = {
    "file events.int32 | prefixed 32 | parse json types=[status:int, path:text] | print",
    NULL,
};

const tube_stage_def tube_stage_prefixed = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "prefixed",
    .summary = "cut bytes into records that begin with their length",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_BYTES,
    .out = TUBE_FLOW_LINES,
    .state_size = sizeof(struct prefixed),
    .flags = TUBE_EMITS | TUBE_FRAMES,
    .open = prefixed_open,
    .process = tubei_framer_process,
    .finish = tubei_framer_finish,
    .close = tubei_framer_close,
};
