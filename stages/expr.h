/* SPDX-License-Identifier: MIT */
/* expr.h -- conditions on a record: `status >= 500 and path startswith "/api"`.
 *
 *   condition := condition "or" condition | condition "and" condition
 *              | "not" condition | "(" condition ")" | FIELD        (a bool)
 *              | value COMPARE value | FIELD "is" ["not"] "null"
 *              | FIELD ["not"] "in" "(" literal { "," literal } ")"
 *              | FIELD ["not"] ("contains" | "startswith" | "endswith") text
 *   COMPARE   := "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
 *   value     := FIELD | literal
 *   literal   := number | text | "true" | "false"
 *   text      := "..." or '...' with \n \r \t \" \' \\ \xHH, or `...` as it is
 *
 * Key words are in small or capital letters.  Text is compared byte by byte.  A time is
 * compared with a text: "2024-01-31", "2024-01-31T12:00:00Z"; without a zone it is UTC.
 * As in SQL, a comparison with NULL is neither true nor false, and only what is true
 * counts.
 */
#ifndef TUBES_STAGES_EXPR_H
#define TUBES_STAGES_EXPR_H

#include <tubes/stage.h>

#include <stdbool.h>

typedef struct tubei_expr tubei_expr;

/**
 * Read a condition, and check it against the records it is for.
 *
 * @param text  of a TUBE_OPT_EXPR option; `err` gets places in the pipeline text (borrowed)
 * @param out   the condition, free it with tubei_expr_free() (given)
 * @return TUBE_ECONFIG  it is wrong, or asks for fields or types that are not there
 *         TUBE_ENOMEM   out of memory
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_expr_new(const tube_expr_text *text, const tube_schema *schema,
                           tubei_expr **out, tube_error *err) TUBE_NODISCARD;

/** Free a condition; NULL is fine (taken).  Threads: any.  Blocks: no. */
void tubei_expr_free(tubei_expr *e);

/** True if the condition is true for a record of the schema.  Threads: any, several at
 * once too.  Blocks: no. */
bool tubei_expr_holds(const tubei_expr *e, const tube_cell *row);

#endif /* TUBES_STAGES_EXPR_H */
