/* SPDX-License-Identifier: MIT */
/* consumer.c -- somebody else's program: a pipeline with a stage of its own.
 *
 *     consumer TEXT     runs it; `redact FIELD [with=TEXT]` is one more stage
 */
#include "redact.h"

#include <tubes/tubes.h>

#include <inttypes.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
    TUBE_AUTO(tube_pipeline) *p = tube_pipeline_new(NULL, NULL);
    tube_error err = { 0 };
    tube_counts counts;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: consumer TEXT\n");
        return 2;
    }
    if (p == NULL || tube_define(p, &redact_stage, &err) < 0
        || tube_series(p, argv[1], &err) < 0 || tube_run(p, &err) < 0) {
        tube_error_print(&err, stderr);
        return 1;
    }
    tube_stats(p, &counts);
    (void)fprintf(stderr,
                  "tubes %s: %" PRIu64 " read, %" PRIu64 " committed, %ld redacted\n",
                  TUBE_VERSION, counts.read, counts.committed, redact_count());
    return 0;
}
