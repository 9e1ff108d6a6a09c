/* SPDX-License-Identifier: MIT */
/* conform.h -- what the conformance tests share.
 *
 * One file of tests is one Criterion program, k_pause.c, f_stop.c ...; an id of the
 * list lives in one file, so that print.sh can say "K4 pass" of a program.  A test is
 *
 *     / * covers: TUB-5, test_secondUnpauseFails * /       (a comment right above)
 *     Test(K4, a_second_release_is_an_error, .timeout = CONFORM_SECONDS)
 *
 * Suite: the id (K4, F7, N12, SEED_4).  Name: what is asserted.  `covers:` lists the
 * ancestors' behaviours and tests that it answers, as in ancestors.txt; it may be left
 * out.  document.sh reads both.
 *
 * A body that is right on every scheduler is written once:
 *
 *     static void
 *     two_rows(const tube_pipeline_opts *o)
 *     {
 *         tube_pipeline *p = conform_start(o, "src n=2 | pass | sink");
 *         conform_finish(p, TUBE_OK);
 *         cr_assert_str_eq(conform_log(0, "sink"), "open 0 1 finish");
 *         tube_pipeline_free(p);
 *     }
 *     Test(K2, ...) { conform_each_mode(two_rows); }
 *
 * The stages (records: n INT, tag TEXT = "a".."d" by n mod 4); every one takes
 * [id=]I, 0..31, its place in `conform.at[]` and in the log, and
 * bad=CALLBACK at=CALL times=TIMES to fail (TUBE_EIO "bad CALLBACK of ID") in
 * open|greet|process|middle|wake|finish|ended|reassemble, at the CALL-th call, from 0,
 * TIMES times (-1: for ever).  `middle` (emit): behind the first row of an output.
 *
 *   src [n=N] [from=K] [step=S] [batch=B] [fed=yes]
 *               N numbers (-1: no end) in batches of B; with fed=yes as many as
 *               conform_feed() gave, until conform_end() or conform_break()
 *   pass [add=K] [filter=K] [reject=K] [gate=yes]
 *               in place; every K-th n is taken out
 *   emit [copies=N] [greet=G] [bye=B] [single=yes]
 *               each row N times; G rows -1, -2.. at first, B rows 1001, 1002.. last;
 *               single: one row a batch
 *   hoard [held=N]
 *               holds the last N batches; flush and finish let go; reassembles
 *   sink [stop=N] [gate=yes] [hold=yes]
 *               logs; has enough at n >= stop; gate: takes nothing while
 *               conform_gate(id, true); hold: commits only what conform_let() allows
 *
 * fed, gate and hold need an id that no other stage uses.
 */
#ifndef TUBES_TESTS_CONFORM_H
#define TUBES_TESTS_CONFORM_H

#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <stdatomic.h>

#define CONFORM_SECONDS  60
#define CONFORM_DEADLINE ((uint64_t)20 * 1000000000u) /* of each wait, ns */

enum { CONFORM_IDS = 32 };

/* What the stages of one id did, and what they are told. */
typedef struct conform_at {
    _Atomic int64_t opens, greets, calls, wakes, finishes, reassembles, closes;
    _Atomic int64_t idle;     /* calls of process() that had nothing to do */
    _Atomic int64_t rows;     /* came in, or (src) were made */
    _Atomic int64_t flushes;  /* wake() with TUBE_WOKE_FLUSH */
    _Atomic int64_t finished; /* finish() was done */
    _Atomic int64_t inside;   /* instances in process() now */
    _Atomic int64_t together; /* most of them */
    _Atomic int64_t failures; /* made by bad= */
    _Atomic int64_t fed, let; /* conform_feed(), conform_let(): in all */
    _Atomic bool end, broken, gate;
    int fd; /* wakes the stage of that id */
} conform_at;

typedef struct conform_world {
    conform_at at[CONFORM_IDS];
    bool caller; /* the last pipeline has no threads */
    /* Called by every stage that has an input when it takes a batch; `call` from 0. */
    void (*hook)(int id, int64_t call);
} conform_world;

extern conform_world conform;

/** Forget everything; done before each body of conform_each_mode() and each test. */
void conform_reset(void);

/** Pipeline with the stages above and `text`, not opened; fails the test if it must.
 * `o` NULL: TUBE_CALLER, seed 1. */
tube_pipeline *conform_new(const tube_pipeline_opts *o, const char *text);

/** The same with `n` stages of the test's own. */
tube_pipeline *conform_new_with(const tube_pipeline_opts *o, const tube_stage_def *more,
                                size_t n, const char *text);

/** The same, opened and started. */
tube_pipeline *conform_start(const tube_pipeline_opts *o, const char *text);

/** tube_start(), which must succeed. */
void conform_go(tube_pipeline *p);

/** With TUBE_CALLER: step until nothing can run, with the accounts checked after each
 * step.  With threads: wait until nothing has moved for 50 ms. */
void conform_quiet(tube_pipeline *p);

/** One tube_step(), and the accounts. */
tube_status conform_step(tube_pipeline *p);

/** Let it run until `is(arg)`; fails the test behind the deadline. */
void conform_until(tube_pipeline *p, bool (*is)(void *arg), void *arg);

/** Let it run until at[id].rows >= rows. */
void conform_until_rows(tube_pipeline *p, int id, int64_t rows);

/** Let it run to its end, which must be `want`; then all must be accounted for. */
tube_error conform_finish(tube_pipeline *p, tube_status want);

/** Run `body` with TUBE_CALLER and seeds 1..8, and on one, two and four workers. */
void conform_each_mode(void (*body)(const tube_pipeline_opts *o));

/** Run it with TUBE_CALLER and seeds 1..`seeds` only. */
void conform_each_seed(uint32_t seeds, void (*body)(const tube_pipeline_opts *o));

/* For the stages. */

void conform_feed(int id, int64_t rows);
void conform_end(int id);
void conform_break(int id);
void conform_gate(int id, bool shut);
void conform_let(int id, int64_t batches);

/* What happened. */

/**
 * Log of the stages of `id`: "open greet 0 1 2 flush finish reassemble close", rows
 * as numbers; `finish` when it was done, not when it was called.
 *
 * @param what  NULL: all; "rows": numbers only; "sink": without close; "batches":
 *              numbers, "/" behind each batch
 * @return valid until the next call but three
 */
const char *conform_log(int id, const char *what);

/** The same of all ids in one, with "ID:" before each word: who was first. */
const char *conform_log_all(void);

/** tube_find(), which must succeed. */
tube_ref conform_ref(const tube_pipeline *p, const char *name);

/** tube_reason_of(): its kind, NONE if it has not ended. */
tube_stop conform_stop(const tube_pipeline *p, const char *name);

/** Its stats. */
tube_stage_stats conform_stats(const tube_pipeline *p, const char *name);

/** tube_stats(). */
tube_counts conform_counts(const tube_pipeline *p);

/** read = committed + filtered + rejected + dropped + broken + in_flight. */
void conform_accounts(const tube_pipeline *p);

/** Each of [from, from + n) must be `times` among the rows of `id`, and no other. */
void conform_complete(int id, int64_t from, int64_t n, int64_t times);

/** tube_series() must refuse `text`; if not there, tube_open() must.  The error. */
tube_error conform_refused(const char *text);

#endif /* TUBES_TESTS_CONFORM_H */
