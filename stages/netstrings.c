/* SPDX-License-Identifier: MIT */
/* netstrings.c -- cut bytes into netstrings.
 *
 * in      bytes
 * out     records of one field, `line`: the text of a netstring
 * source  D. J. Bernstein, Netstrings, 1997: LENGTH ':' bytes ','; 0 or no leading zero
 */
#include "framer.h"

static const tube_option options[] = {
    TUBEI_FRAMER_MAX,
    TUBEI_FRAMER_GARBAGE,
    { 0 },
};

static tube_status
netstrings_open(tube_stage *s, tube_error *err)
{
    return tubei_framer_open(s, TUBEI_FRAME_NETSTRING, err);
}

static const char *const examples[] = {
    "file events.net | netstrings | parse json types=[status:int, path:text] | print",
    NULL,
};

const tube_stage_def tube_stage_netstrings = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "netstrings",
    .summary = "cut bytes into netstrings",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_BYTES,
    .out = TUBE_FLOW_LINES,
    .state_size = sizeof(tubei_framer),
    .flags = TUBE_EMITS | TUBE_FRAMES,
    .open = netstrings_open,
    .process = tubei_framer_process,
    .finish = tubei_framer_finish,
    .close = tubei_framer_close,
};
