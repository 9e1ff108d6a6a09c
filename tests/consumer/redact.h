/* SPDX-License-Identifier: MIT */
/* redact.h -- a stage of this program's own, for tube_define(). */
#ifndef CONSUMER_REDACT_H
#define CONSUMER_REDACT_H

#include <tubes/stage.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Replaces a text field, and counts in `redacted` how often. */
extern const tube_stage_def redact_stage;

/** Fields replaced by all stages of this program. */
long redact_count(void);

#ifdef __cplusplus
}
#endif

#endif /* CONSUMER_REDACT_H */
