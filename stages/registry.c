/* SPDX-License-Identifier: MIT */
/* registry.c -- stages.def as a table. */
#include "registry.h"

#define TUBE_STAGE(file) extern const tube_stage_def tube_stage_##file;
#include "stages.def"
#undef TUBE_STAGE

static const tube_stage_def *const builtin[] = {
#define TUBE_STAGE(file) &tube_stage_##file,
#include "stages.def"
#undef TUBE_STAGE
};

const tube_stage_def *
tubei_stage_builtin(uint32_t i)
{
    return i < sizeof(builtin) / sizeof(builtin[0]) ? builtin[i] : NULL;
}
