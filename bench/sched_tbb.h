/* SPDX-License-Identifier: MIT */
/* sched_tbb.h -- the work of sched.c on oneTBB's parallel_pipeline. */
#ifndef TUBES_BENCH_SCHED_TBB_H
#define TUBES_BENCH_SCHED_TBB_H

#ifdef __cplusplus
extern "C" {
#endif

/** The callbacks that the engine's stages run; a batch is whatever `make` gave. */
typedef struct bench_work {
    void *(*make)(void);
    void (*unmake)(void *batch);
    int (*fill)(void *batch, long first); /* rows */
    void (*touch)(void *batch);
    void (*add_up)(const void *batch);
} bench_work;

/** ns a row, of `rows` rows, touched by so many serial stages. */
double bench_sched_tbb(const bench_work *work, long rows, int stages);
#ifdef __cplusplus
}
#endif

#endif /* TUBES_BENCH_SCHED_TBB_H */
