/* SPDX-License-Identifier: MIT */
/* value.h -- one value of an option: text to member, member to text. */
#ifndef TUBES_TEXT_VALUE_H
#define TUBES_TEXT_VALUE_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <stddef.h>

/**
 * Turn text into the member of a scalar option: int, bool, size, time, enum.
 *
 * @param o     type and domain                                       (borrowed)
 * @param text  as the user typed it                                  (borrowed)
 * @param to    int64_t, or bool for TUBE_OPT_BOOL                    (borrowed)
 * @param err   message without the name of the option, e.g. "'x' is no number"
 * @return TUBE_OK, TUBE_ECONFIG
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_value_read(const tube_option *o, const char *text, void *to,
                             tube_error *err) TUBE_NODISCARD;

/**
 * Text of a scalar member as the user would type it, with the greatest unit that is
 * exact.
 *
 * @return `buf`
 *
 * Threads: any.  Blocks: no.
 */
const char *tubei_value_text(const tube_option *o, const void *from, char *buf,
                             size_t len);

#endif /* TUBES_TEXT_VALUE_H */
