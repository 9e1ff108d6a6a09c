/* SPDX-License-Identifier: MIT */
/* clf.h -- access log lines in the common and the combined format. */
#ifndef TUBES_STAGES_CLF_H
#define TUBES_STAGES_CLF_H

#include "civil.h"
#include "scan.h"

#include <tubes/stage.h>

/** Fields of a line; the common format ends before TUBEI_CLF_REFERRER. */
enum tubei_clf_field {
    TUBEI_CLF_CLIENT,
    TUBEI_CLF_IDENT,
    TUBEI_CLF_USERNAME,
    TUBEI_CLF_STAMP,
    TUBEI_CLF_METHOD,
    TUBEI_CLF_PATH,
    TUBEI_CLF_PROTOCOL,
    TUBEI_CLF_STATUS,
    TUBEI_CLF_BYTES,
    TUBEI_CLF_REFERRER,
    TUBEI_CLF_AGENT,
    TUBEI_CLF_COMBINED,
    TUBEI_CLF_COMMON = TUBEI_CLF_REFERRER,
};

/** A parser; one for each thread. */
struct tubei_clf {
    const struct tubei_scan *scan; /**< tubei_scan() or, in tests, its twin */
    struct tubei_clf_clock clock;
};

/**
 * Take one line apart.
 *
 *     client ident username [time] "method path protocol" status bytes
 *     client ident username [time] "method path protocol" status bytes "referrer" "agent"
 *
 * - A field that is `-` is NULL, with or without its brackets or quotes; a quoted
 *   field that is empty is an empty text.
 * - Text stays as it stands in the line: \" and \\ do not end a quoted field, and are
 *   not replaced.
 * - A user name may contain blanks, but not begin with "- ": that is a line with one
 *   field too many.
 * - A path may contain blanks.  "GET /path" is a method and a path.  A request of any
 *   other form is the path, with neither method nor protocol.
 * - Blanks, tabs and carriage returns at the end of the line do not count.
 *
 * @param line   padded
 * @param cells  `width` of them, which point into the line afterwards
 * @param width  TUBEI_CLF_COMMON or TUBEI_CLF_COMBINED
 * @return false: malformed, as told in `e`; the cells are undefined
 */
bool tubei_clf_parse(struct tubei_clf *p, tube_slice line, tube_cell *cells,
                     uint32_t width, struct tubei_clf_error *e);

/** open() of the stages, whose state is a struct tubei_clf. */
tube_status tubei_clf_open(tube_stage *s, uint32_t width, tube_error *err);

/** process() of the stages. */
tube_status tubei_clf_process(tube_stage *s, tube_batch *b);

#endif /* TUBES_STAGES_CLF_H */
