/* SPDX-License-Identifier: MIT */
/* fields.h -- find fields by name, and records of some of the fields. */
#ifndef TUBES_STAGES_FIELDS_H
#define TUBES_STAGES_FIELDS_H

#include <tubes/stage.h>

#include <stdbool.h>
#include <stdint.h>

/** Which input column each output column is a copy of. */
typedef struct tubei_fields {
    uint32_t *from;
    uint32_t n;
} tubei_fields;

/**
 * Fail because a schema has no such field: "no field 'statsu'", and which it may be.
 *
 * @return TUBE_ECONFIG
 *
 * Threads: any.  Blocks: no.
 */
tube_status tubei_fields_unknown(const tube_schema *schema, const char *name,
                                 tube_error *err);

/**
 * In open(): keep the fields that are named, in that order, or all others.
 *
 * Sets the stage's schema.
 *
 * @param f  free it with tubei_fields_fini() in close()
 * @return TUBE_ECONFIG  no such field, one named twice, or none left
 *         TUBE_ENOMEM   out of memory
 *
 * Threads: the stage's.  Blocks: no.
 */
tube_status tubei_fields_open(tube_stage *s, tubei_fields *f, const tube_list *names,
                              bool keep, tube_error *err);

/** In process(): give the batch the fields chosen.  Threads: the stage's.  Blocks: no. */
tube_status tubei_fields_process(tube_stage *s, const tubei_fields *f, tube_batch *b);

/** Free what tubei_fields_open() took.  Threads: the stage's.  Blocks: no. */
void tubei_fields_fini(tubei_fields *f);

#endif /* TUBES_STAGES_FIELDS_H */
