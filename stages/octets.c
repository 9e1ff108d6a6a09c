/* SPDX-License-Identifier: MIT */
/* octets.c -- cut bytes into octet-counted messages.
 *
 * in      bytes
 * out     records of one field, `line`: the message behind a length
 * source  RFC 6587 3.4.1: LENGTH ' ' bytes; no leading zero, not 0
 */
#include "framer.h"

static const tube_option options[] = {
    TUBEI_FRAMER_MAX,
    TUBEI_FRAMER_GARBAGE,
    { 0 },
};

static tube_status
octets_open(tube_stage *s, tube_error *err)
{
    return tubei_framer_open(s, TUBEI_FRAME_OCTETS, err);
}

static const char *const examples[] = {
    "file syslog.tcp | octets | print",
    NULL,
};

const tube_stage_def tube_stage_octets = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "octets",
    .summary = "cut bytes into octet-counted messages, as syslog over TCP does",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_BYTES,
    .out = TUBE_FLOW_LINES,
    .state_size = sizeof(tubei_framer),
    .flags = TUBE_EMITS | TUBE_FRAMES,
    .open = octets_open,
    .process = tubei_framer_process,
    .finish = tubei_framer_finish,
    .close = tubei_framer_close,
};
