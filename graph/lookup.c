/* SPDX-License-Identifier: MIT */
/* lookup.c -- which stages there are, and what `set key=value` says. */
#include "../stages/registry.h"
#include "pipeline.h"

#include <string.h>

/* Looking up. */

static const tube_stage_def *
lookup_find(void *arg, const char *name)
{
    const struct tube_pipeline *p = arg;

    for (uint32_t i = 0; i < p->n_own_defs; i++)
        if (strcmp(p->own_defs[i]->name, name) == 0)
            return p->own_defs[i];
    return tube_builtin_find(name);
}

static const char *
lookup_name_at(void *arg, uint32_t i)
{
    const struct tube_pipeline *p = arg;
    const tube_stage_def *def;

    if (i < p->n_own_defs)
        return p->own_defs[i]->name;
    def = tubei_stage_builtin(i - p->n_own_defs);
    return def != NULL ? def->name : NULL;
}

const tube_stage_def *
tube_builtin(uint32_t i)
{
    return tubei_stage_builtin(i);
}

const tube_stage_def *
tube_builtin_find(const char *name)
{
    const tube_stage_def *def;

    for (uint32_t i = 0; (def = tubei_stage_builtin(i)) != NULL; i++)
        if (strcmp(def->name, name) == 0)
            return def;
    return NULL;
}

/* Settings: `set workers=2`. */

static const tube_option settings[] = {
    { "workers", TUBE_OPT_INT, offsetof(tubei_settings, workers), "-1",
      "-1..256 threads", "threads; 0: the caller's own", 0 },
    { "batch", TUBE_OPT_INT, offsetof(tubei_settings, batch), "0", "0..1024 rows",
      "records per batch", 0 },
    { "depth", TUBE_OPT_INT, offsetof(tubei_settings, depth), "0", "0..4096 batches",
      "batches per edge, a power of two", 0 },
    { "memory", TUBE_OPT_SIZE, offsetof(tubei_settings, memory), "0", "bytes",
      "budget for batches, at least 4M", 0 },
    { 0 },
};

static const tube_stage_def setting_def = {
    .name = "set",
    .options = settings,
    .state_size = sizeof(tubei_settings),
};

tube_status
tubei_settings_apply(struct tube_pipeline *p, tubei_report *report, tube_error *err)
{
    tubei_call call = { .def = &setting_def,
                        .arg = p->text->setting,
                        .n_args = p->text->n_settings };
    tubei_settings set = { 0 };

    call.name = (tubei_word){ .text = "set", .line = 1, .column = 1, .width = 3 };
    if (tubei_option_apply(&setting_def, &call, &set, &p->strings, report) < 0)
        return TUBE_ECONFIG;
    /* what the program gave wins */
    if (set.workers >= 0 && p->opts.workers == 0)
        p->opts.workers = set.workers == 0 ? TUBE_CALLER : (int32_t)set.workers;
    if (p->opts.batch_rows == 0)
        p->opts.batch_rows = (uint32_t)set.batch;
    if (p->opts.depth == 0)
        p->opts.depth = (uint32_t)set.depth;
    if (p->opts.budget == 0)
        p->opts.budget = (uint64_t)set.memory;
    return tubei_opts_check(&p->opts, err);
}

tubei_lookup
tubei_build_lookup(struct tube_pipeline *p)
{
    return (tubei_lookup){ .find = lookup_find, .name_at = lookup_name_at, .arg = p };
}
