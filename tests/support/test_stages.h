/* SPDX-License-Identifier: MIT */
/* test_stages.h -- stages that do just what a test of the engine needs. */
#ifndef TUBES_TESTS_TEST_STAGES_H
#define TUBES_TESTS_TEST_STAGES_H

#include <tubes/tubes.h>

#include <stdatomic.h>

/* What the stages below saw, for the test to look at. */
typedef struct test_seen {
    _Atomic uint64_t rows;     /* that reached the sink */
    _Atomic uint64_t sum;      /* of their numbers */
    _Atomic uint64_t disorder; /* numbers that were not greater than the one before */
    _Atomic uint64_t finished; /* calls of the sink's finish() that ended it */
    _Atomic uint64_t closed;   /* calls of close() */
    _Atomic uint64_t inside;   /* stages inside process() now */
    _Atomic uint64_t together; /* most of them at a time */
    _Atomic uint64_t made;     /* rows that sources and repeaters made */
    _Atomic bool gate;         /* while set, `gated` does not settle */
} test_seen;

extern test_seen seen;

/**
 * tube_pipeline_new() with all test stages defined; aborts the test if it fails.
 *
 *   count n=N [from=K] [fail=N] [wait=yes]   records of one INT, n: K, K + 1, ...
 *   touch [reject=K] [filter=K] [fail=N] [spin=NS]   in place; every K-th is taken out
 *   repeat n=N        each record becomes N
 *   farewell n=N      copies, and makes N batches of one record in finish()
 *   collect [fail=N] [blocks]                checks order, adds up
 *   gated [limit=ROWS]                       keeps batches; commits like a database
 *   blocking                                 `collect` on the elastic pool
 *   sleepy                                   takes nothing and waits for nothing
 */
tube_pipeline *test_pipeline(const tube_pipeline_opts *o, const char *text);

/** The same with `n` more stages and no options. */
tube_pipeline *test_pipeline_with(const tube_stage_def *more, size_t n,
                                  const char *text);

/** read = committed + filtered + rejected + dropped + broken, and nothing in flight. */
bool test_accounted(const tube_pipeline *p);

/** Forget what was seen. */
void test_reset(void);

#endif /* TUBES_TESTS_TEST_STAGES_H */
