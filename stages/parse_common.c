/* SPDX-License-Identifier: MIT */
/* parse_common.c -- split access log lines in the common format into 9 fields.
 *
 * In: lines.  Out: records, see the columns in clf.c.  The format is that of the
 * Apache HTTP Server's mod_log_config, "common"; clf.h says what counts as well-formed.
 */
#include "clf.h"

static tube_status
parse_open(tube_stage *s, tube_error *err)
{
    return tubei_clf_open(s, TUBEI_CLF_COMMON, err);
}

static tube_status
parse_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)err;
    return tubei_clf_process(s, b);
}

static const char *const parse_examples[] = {
    "file access.log | parse common | print",
    NULL,
};

const tube_stage_def tube_stage_parse_common = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "parse common",
    .summary = "split access log lines in the common format into 9 fields",
    .examples = parse_examples,
    .in = TUBE_FLOW_LINES,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct tubei_clf),
    .open = parse_open,
    .process = parse_process,
};
