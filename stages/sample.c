/* SPDX-License-Identifier: MIT */
/* sample.c -- keep some of the records, picked by chance or by count.
 *
 * in   any records
 * out  the picked ones; the others are filtered
 *
 * Whether record number i is picked depends on i and the seed alone, not on batches or
 * threads: the same input gives the same sample.
 */
#include "buffer_ratio.h"

#include <tubes/stage.h>

struct sample {
    const char *share; /* option; "" if not given */
    int64_t every;     /* option; 0 if not given */
    int64_t seed;      /* option */

    tubei_ratio ratio;
    uint64_t key;  /* of the seed */
    uint64_t next; /* number of the next record */
};

#define AT(member) offsetof(struct sample, member)
static const tube_option options[] = {
    { "share", TUBE_OPT_TEXT, AT(share), "", NULL,
      "how many pass, by chance: 1/100 or 10%", TUBE_OPT_POSITIONAL },
    { "every", TUBE_OPT_INT, AT(every), "0", "0.. records",
      "instead: the first of every so many passes", 0 },
    { "seed", TUBE_OPT_INT, AT(seed), "0", NULL,
      "another seed picks other records, the same one the same", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | sample 1/100 | print",
    "gen combined 100000 | parse combined | sample every=1000 | keep path status",
    NULL,
};

/* Spreads 64 bits over 64 bits, each on all (the finalizer of splitmix64). */
static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static tube_status
sample_open(tube_stage *s, tube_error *err)
{
    struct sample *sm = tube_state(s);
    bool share = tube_option_given(s, "share");
    bool every = tube_option_given(s, "every");

    sm->key = mix((uint64_t)sm->seed);
    if (!share && !every) {
        (void)tube_fail(err, TUBE_ECONFIG, "how many records are to pass?");
        tube_hint(err, "sample 1/100, sample 10%% or sample every=100");
        return tube_blame(s, "share", err);
    }
    if (share && every) {
        (void)tube_fail(err, TUBE_ECONFIG, "a share and every= are given");
        tube_hint(err, "a share picks by chance, every= by count; give one of them");
        return tube_blame(s, "every", err);
    }
    if (every && sm->every == 0) {
        (void)tube_fail(err, TUBE_ECONFIG, "every=0 picks nothing");
        tube_hint(err, "every=100 passes one record in a hundred");
        return tube_blame(s, "every", err);
    }
    if (share && tubei_ratio_read(sm->share, &sm->ratio, err) != TUBE_OK)
        return tube_blame(s, "share", err);
    return TUBE_OK;
}

static bool
picked(const struct sample *sm, uint64_t i)
{
    __extension__ unsigned __int128 wide;

    if (sm->every > 0)
        return i % (uint64_t)sm->every == 0;
    wide = mix(sm->key ^ i);
    return (uint64_t)((wide * sm->ratio.den) >> 64) < sm->ratio.num;
}

static tube_status
sample_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct sample *sm = tube_state(s);

    (void)err;
    TUBE_EACH(b, r) {
        if (!picked(sm, sm->next++))
            tube_filter(s, b, r);
    }
    return TUBE_OK;
}

const tube_stage_def tube_stage_sample = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "sample",
    .summary = "keep some of the records, by chance or by count",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct sample),
    .open = sample_open,
    .process = sample_process,
};
