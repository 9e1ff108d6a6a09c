/* SPDX-License-Identifier: MIT */
/* framer.h -- a stage that cuts bytes into frames: what netstrings, prefixed and octets are. */
#ifndef TUBES_STAGES_FRAMER_H
#define TUBES_STAGES_FRAMER_H

#include "frame.h"

#include <tubes/stage.h>

/** State of such a stage, or its beginning. */
typedef struct tubei_framer {
    int64_t max;     /* option */
    int64_t garbage; /* option */
    tubei_decoder decoder;

    /* How far the input batch has been read. */
    uint32_t segment;
    size_t pos;
    enum { FRAMER_BEFORE, FRAMER_READ, FRAMER_BEHIND } step; /* of that segment */

    /* The origin that is being read. */
    bool started; /* false: the next segment begins one */
    uint32_t origin;
    uint64_t base; /* where its decoder began */
    uint64_t line; /* frames so far */

    tube_batch *out;
    bool failed; /* on garbage, behind what lies in `out` */
    tube_error failure;
} tubei_framer;

/** Option `max` of such a stage, whose state is the framer or begins with it. */
#define TUBEI_FRAMER_MAX                                                     \
  {                                                                          \
    "max", TUBE_OPT_SIZE, offsetof(tubei_framer, max), "1M", "1..64M bytes", \
        "longest record; a longer one is rejected", 0                        \
  }

/** Option `garbage`. */
#define TUBEI_FRAMER_GARBAGE                                                 \
  {                                                                          \
    "garbage", TUBE_OPT_ENUM, offsetof(tubei_framer, garbage), "resync",     \
        TUBEI_GARBAGE_NAMES,                                                 \
        "what is no record: reject it and go on at the next one, or fail", 0 \
  }

/** In open().  Threads: the stage's.  Blocks: no. */
tube_status tubei_framer_open(tube_stage *s, tubei_framing framing, tube_error *err);

/** process() of such a stage; its state is the framer, or begins with it. */
tube_status tubei_framer_process(tube_stage *s, tube_batch *in, tube_error *err);

/** finish() of such a stage. */
tube_status tubei_framer_finish(tube_stage *s, tube_error *err);

/** close() of such a stage. */
void tubei_framer_close(tube_stage *s);

/**
 * Add a frame to a batch as a row, rejected unless it is good.
 *
 * @param copy  its text is copied; else the batch must hold the memory it lies in
 * @param base  where the decoder's stream begins
 * @return false: out of memory
 *
 * Threads: the stage's.  Blocks: no.
 */
bool tubei_frame_add(tube_stage *s, tube_batch *b, const tubei_decoder *d,
                     const tubei_frame *f, bool copy, uint64_t base);

#endif /* TUBES_STAGES_FRAMER_H */
