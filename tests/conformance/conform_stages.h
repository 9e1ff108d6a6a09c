/* SPDX-License-Identifier: MIT */
/* conform_stages.h -- what the stages of the conformance tests have in common. */
#ifndef TUBES_TESTS_CONFORM_STAGES_H
#define TUBES_TESTS_CONFORM_STAGES_H

#include "conform.h"

extern const tube_stage_def conform_src, conform_pass, conform_emit, conform_hoard,
    conform_sink;

/* Values of bad=. */
typedef enum conform_bad {
    BAD_NONE,
    BAD_OPEN,
    BAD_GREET,
    BAD_PROCESS,
    BAD_MIDDLE,
    BAD_WAKE,
    BAD_FINISH,
    BAD_ENDED,
    BAD_REASSEMBLE,
} conform_bad;

/* First member of every state. */
typedef struct conform_own {
    int64_t id, bad, at, times;
    bool waits; /* for the id's descriptor */
} conform_own;

#define OWN_OPTIONS(type)                                                              \
  { "id",    TUBE_OPT_INT,       offsetof(type, own.id), "0",                          \
    "0..31", "place in the log", TUBE_OPT_POSITIONAL },                                \
      { "bad",                                                                         \
        TUBE_OPT_ENUM,                                                                 \
        offsetof(type, own.bad),                                                       \
        "none",                                                                        \
        "none|open|greet|process|middle|wake|finish|ended|reassemble",                 \
        "which callback fails",                                                        \
        0 },                                                                           \
      { "at", TUBE_OPT_INT, offsetof(type, own.at), "0", "", "from that call on", 0 }, \
  {                                                                                    \
    "times", TUBE_OPT_INT, offsetof(type, own.times), "1", "", "how often", 0          \
  }

/** Put a word into the log. */
void conform_note(int id, char what, int64_t value);

/** Name of a value of bad=. */
const char *conform_callback(int bad);

/** Fail if call number `call` of `which` is to. */
tube_status conform_turn(tube_stage *s, conform_bad which, int64_t call,
                         tube_error *err);

/** The same, counting the call. */
tube_status conform_called(tube_stage *s, conform_bad which, _Atomic int64_t *count,
                           tube_error *err);

conform_at *conform_at_of(tube_stage *s);

/** In process(): count instances inside. */
void conform_enter(conform_at *a);

/** The number of a row: field n, or the first field; its text as a number. */
int64_t conform_number(const tube_batch *b, uint32_t r);

void conform_note_rows(tube_stage *s, const tube_batch *b);

/** In process(): log a batch, count it if nobody can want it, call the hook. */
void conform_take(tube_stage *s, const tube_batch *b);

/** Wait for a word from the test; listen before looking at it, so that none is lost. */
tube_status conform_own_wait(tube_stage *s);
void conform_own_listen(tube_stage *s);

/* Callbacks as they are for most. */
tube_status conform_own_open(tube_stage *s, tube_error *err);
void conform_own_close(tube_stage *s);
tube_status conform_own_wake(tube_stage *s, unsigned why, tube_error *err);
tube_status conform_own_finish(tube_stage *s, tube_error *err);

#endif /* TUBES_TESTS_CONFORM_STAGES_H */
