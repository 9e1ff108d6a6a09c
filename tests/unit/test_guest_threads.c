/* SPDX-License-Identifier: MIT */
/* test_guest_threads.c -- our threads in somebody else's process: their names, their number,
 * their signals; and whose memory it is. */
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND ((uint64_t)1000000000)

/* A sink that blocks, and so runs on a thread of the pool. */

static _Atomic bool gate;

static tube_status
sleep_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s, (void)b, (void)err;
    while (atomic_load(&gate))
        usleep(100);
    return TUBE_OK;
}

static const tube_stage_def sleeper = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "sleeper",
    .summary = "blocks while the gate is shut",
    .flags = TUBE_BLOCKS,
    .in = TUBE_FLOW_RECORDS,
    .process = sleep_process,
};

static tube_pipeline *
make(const tube_pipeline_opts *o, const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(o, &err);

    cr_assert_not_null(p, "%s", err.message);
    cr_assert_eq(tube_define(p, &sleeper, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    return p;
}

/* The line of /proc/self/task/TID/status that begins with `key`, without it. */
static void
read_status(const char *tid, const char *key, char *to, size_t len)
{
    char path[64], line[256];
    FILE *f;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", tid);
    to[0] = '\0';
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            (void)snprintf(to, len, "%s", line + strlen(key));
    if (f != NULL)
        (void)fclose(f);
    to[strcspn(to, "\n")] = '\0';
}

static void
check_mask(const char *name, const char *blocked)
{
    static const int shut[] = { SIGHUP,  SIGINT,  SIGTERM, SIGQUIT, SIGPIPE, SIGALRM,
                                SIGCHLD, SIGUSR1, SIGUSR2, SIGPROF, SIGWINCH };
    static const int open[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    unsigned long long mask = strtoull(blocked, NULL, 16);

    for (size_t i = 0; i < sizeof(shut) / sizeof(shut[0]); i++)
        cr_assert(mask >> (shut[i] - 1) & 1, "%s does not block signal %d", name,
                  shut[i]);
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
        cr_assert(!(mask >> (open[i] - 1) & 1), "%s blocks signal %d", name, open[i]);
}

typedef struct threads {
    uint32_t all, workers, pool;
} threads;

static threads
count_threads(bool masks)
{
    threads n = { 0 };
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;

    cr_assert_not_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char name[64], blocked[64];

        if (entry->d_name[0] == '.')
            continue;
        read_status(entry->d_name, "Name:\t", name, sizeof(name));
        read_status(entry->d_name, "SigBlk:\t", blocked, sizeof(blocked));
        if (name[0] == '\0')
            continue; /* it has ended */
        n.all++;
        n.workers += strncmp(name, "tubes-w", 7) == 0;
        n.pool += strncmp(name, "tubes-p", 7) == 0;
        if (masks && strncmp(name, "tubes-", 6) == 0)
            check_mask(name, blocked);
    }
    (void)closedir(dir);
    return n;
}

Test(guest_threads, have_names_and_block_signals_and_are_gone_at_the_end, .timeout = 60)
{
    threads before = count_threads(true);
    threads now;
    uint64_t end = tube_now() + 20 * SECOND;
    tube_error err = { 0 };
    tube_pipeline *p = make(TUBE_PIPELINE_OPTS(.workers = 3),
                            "gen combined 5000 | parse combined | sleeper");
    sigset_t mask;

    cr_assert_eq(before.workers + before.pool, 0);
    atomic_store(&gate, true);
    cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
    do { /* a thread has its name when it runs; who starts one blocks all meanwhile */
        now = count_threads(false);
        cr_assert_lt(tube_now(), end, "%u workers, %u of the pool", now.workers,
                     now.pool);
    } while (now.workers < tube_worker_count(p) || now.pool < 1);
    now = count_threads(true);
    cr_assert_eq(now.workers, 3);
    cr_assert_eq(now.pool, 1);
    cr_assert_eq(now.all, before.all + 4);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    cr_assert_eq(sigismember(&mask, SIGINT), 0, "the caller's mask was left changed");
    atomic_store(&gate, false);
    cr_assert_eq(tube_wait(p, 30 * SECOND, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
    do { /* what is ending blocks everything */
        now = count_threads(false);
        cr_assert_lt(tube_now(), end, "%u threads are left", now.all - before.all);
    } while (now.all > before.all);
}

/* Whose memory. */

typedef struct heap {
    _Atomic int64_t bytes, blocks, calls;
    int64_t refuse_from; /* call; 0: never */
} heap;

static void *
heap_get(void *arg, size_t bytes)
{
    heap *h = arg;
    void *block;

    if (atomic_fetch_add(&h->calls, 1) + 1 >= h->refuse_from && h->refuse_from > 0)
        return NULL;
    block = aligned_alloc(64, bytes);
    atomic_fetch_add(&h->bytes, (int64_t)bytes);
    atomic_fetch_add(&h->blocks, 1);
    return block;
}

static void
heap_put(void *arg, void *ptr, size_t bytes)
{
    heap *h = arg;

    atomic_fetch_sub(&h->bytes, (int64_t)bytes);
    atomic_fetch_sub(&h->blocks, 1);
    free(ptr);
}

Test(guest_memory, of_batches_comes_from_the_program_and_goes_back, .timeout = 60)
{
    heap h = { 0 };
    tube_error err = { 0 };
    tube_pipeline *p =
        make(TUBE_PIPELINE_OPTS(.workers = 2, .budget = 4 << 20, .memory_get = heap_get,
                                .memory_put = heap_put, .arg = &h),
             "gen combined 50000 | parse combined | tee ( sample 1/3 | null ) | null");
    tube_counts c;

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_stats(p, &c);
    cr_assert_gt(atomic_load(&h.calls), 5);
    cr_assert_geq(atomic_load(&h.bytes), 0);
    tube_pipeline_free(p);
    cr_assert_eq(atomic_load(&h.blocks), 0);
    cr_assert_eq(atomic_load(&h.bytes), 0, "a block went back with another size");
}

Test(guest_memory, that_the_program_refuses_is_a_failure_with_words, .timeout = 60)
{
    for (int64_t from = 1; from < 12; from++) {
        heap h = { .refuse_from = from };
        tube_error err = { 0 };
        tube_pipeline *p = make(
            TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .memory_get = heap_get,
                               .memory_put = heap_put, .arg = &h),
            "gen combined 500000 | parse combined | tee ( sample 1/3 | null ) | null");
        tube_status st = tube_run(p, &err);

        cr_assert(st == TUBE_OK || st == TUBE_ENOMEM, "%d: %s", st, err.message);
        cr_assert(from > 1 || st == TUBE_ENOMEM, "it ran without memory");
        tube_pipeline_free(p);
        cr_assert_eq(atomic_load(&h.blocks), 0);
    }
}

Test(guest_memory, hooks_come_in_pairs)
{
    tube_error err = { 0 };

    cr_assert_null(tube_pipeline_new(TUBE_PIPELINE_OPTS(.memory_get = heap_get), &err));
    cr_assert_eq(err.status, TUBE_EINVAL);
    cr_assert(strstr(err.message, "memory_put") != NULL, "%s", err.message);
}
