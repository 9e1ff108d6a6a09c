/* SPDX-License-Identifier: MIT */
/* intake.h -- bytes that were received become rows: what listen and connect share.
 *
 * The records of all connections count as one stream, in the order in which they came:
 * so they are numbered, and that is what the offset of a row means.
 */
#ifndef TUBES_STAGES_INTAKE_H
#define TUBES_STAGES_INTAKE_H

#include "frame.h"

#include <tubes/stage.h>

typedef struct tubei_intake {
    int64_t frame;   /* option; a tubei_framing */
    int64_t max;     /* option */
    int64_t garbage; /* option */
    char *buffer;    /* TUBE_BUFFER_BYTES, for what is received */
    size_t len, pos; /* bytes in it, and how many of them are used up */
    tube_batch *out;
    size_t text;      /* bytes of it */
    uint64_t bytes;   /* of the stream */
    uint64_t records; /* of the stream */
} tubei_intake;

/** Options `frame`, `max` and `garbage` of a stage whose state begins with the intake. */
#define TUBEI_INTAKE_OPTIONS                                                        \
  { "frame", TUBE_OPT_ENUM,     offsetof(tubei_intake, frame),                      \
    "lines", TUBEI_FRAME_NAMES, "how records stand in the stream",                  \
    0 },                                                                            \
      { "max", TUBE_OPT_SIZE,  offsetof(tubei_intake, max),                         \
        "1M",  "1..64M bytes", "longest record; a longer one is rejected",          \
        0 },                                                                        \
  {                                                                                 \
    "garbage", TUBE_OPT_ENUM, offsetof(tubei_intake, garbage), "resync",            \
        TUBEI_GARBAGE_NAMES,                                                        \
        "what is no record: reject it and go on at the next one, or reject it and " \
        "end the connection",                                                       \
        0                                                                           \
  }

/** In open(). */
tube_status tubei_intake_open(tube_stage *s, tubei_intake *in, tube_error *err);

/** In close(). */
void tubei_intake_close(tube_stage *s, tubei_intake *in);

/** See that rows can be added; false: return TUBE_AGAIN. */
bool tubei_intake_room(tube_stage *s, tubei_intake *in);

/** True if the batch is to be sent before more is added. */
bool tubei_intake_full(const tubei_intake *in);

/** Send the batch, or give it back if it is empty; as tube_emit(). */
tube_status tubei_intake_emit(tube_stage *s, tubei_intake *in);

/**
 * Receive into the buffer, which must be used up.
 *
 * @return bytes; 0: the peer's end; -1: errno, EAGAIN if there is nothing now
 */
ssize_t tubei_intake_receive(tubei_intake *in, int fd);

/**
 * Add what the decoder finds in the buffer.
 *
 * @return 1: the batch is full; 0: the buffer is used up; -1: out of memory
 */
int tubei_intake_decode(tube_stage *s, tubei_intake *in, tubei_decoder *d);

/** Add what is left in the decoder; as tubei_intake_decode() and tubei_decoder_end(). */
int tubei_intake_end(tube_stage *s, tubei_intake *in, tubei_decoder *d, bool whole);

/** Fail for want of memory. */
tube_status tubei_intake_nomem(const tubei_intake *in, tube_error *err);

#endif /* TUBES_STAGES_INTAKE_H */
