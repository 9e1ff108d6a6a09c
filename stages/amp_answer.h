/* SPDX-License-Identifier: MIT */
/* amp_answer.h -- what a caller is told of its record, and when.
 *
 *   outcome     box
 *   committed   _answer, outcome "committed"
 *   filtered    _answer, outcome "filtered"
 *   rejected    _error, _error_code REJECTED, and why; sqlstate if a database said so
 *   dropped     DROPPED
 *   broken      BROKEN: it is not stored
 *   unknown     UNKNOWN: it may be stored
 */
#ifndef TUBES_STAGES_AMP_ANSWER_H
#define TUBES_STAGES_AMP_ANSWER_H

#include "amp_server.h"

#include <tubes/stage.h>

enum { AMP_TAG_MOST = 255 };

typedef struct amp_asked amp_asked;

/** Make `*a` for the calls of a server.  Threads: the stage's. */
tube_status tubei_amp_asked_open(amp_asked **a, amp_server *v,
                                 tube_error *err) TUBE_NODISCARD;

/**
 * Answer when it is known what became of a row; in process(), before tube_emit().
 *
 * @param tag  copied; at most AMP_TAG_MOST bytes
 * @return TUBE_ENOMEM: nobody waits
 *
 * Threads: the stage's.  Blocks: no.
 */
tube_status tubei_amp_ask(amp_asked *a, amp_conn *c, tube_slice tag, tube_batch *b,
                          uint32_t row) TUBE_NODISCARD;

/** Answer what is known by now, and free it.  Threads: the stage's.  Blocks: no. */
void tubei_amp_asked_close(amp_asked *a);

/** Answer with an outcome.  Threads: the stage's.  Blocks: no. */
void tubei_amp_answer(amp_conn *c, tube_slice tag, tube_outcome outcome,
                      const tube_error *why);

/** Answer with an error.  Threads: the stage's.  Blocks: no. */
void tubei_amp_refuse(amp_conn *c, tube_slice tag, const char *code,
                      const char *description);

/** Twisted's words for a command that nobody knows.  Threads: the stage's. */
void tubei_amp_unhandled(amp_conn *c, tube_slice tag, tube_slice command);

#endif /* TUBES_STAGES_AMP_ANSWER_H */
