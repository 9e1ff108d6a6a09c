/* SPDX-License-Identifier: MIT */
/* fan_in.c -- very many producers before one fan-in.
 *
 *   stress/fan_in [PRODUCERS [COMERS [SEED]]]     10000, 20000, 1
 *
 * Inlets that push a little and stop in any order, some before the start, from one, two
 * and three threads and step by step: every record comes once, one stop at the sink with
 * all causes, at most 1 KiB for a producer beside its queue.  Then inputs of stages that
 * come and go: what they take is given back.
 */
#include "../../engine/ring.h"
#include "test_stages.h"

#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PUSHES_MOST = 100,
    THREADS_MOST = 3,
    INLET_SLOTS = 16, /* of the ring of an inlet's queue */
    OWN_BYTES = 1024,
    COMERS_AT_ONCE = 100,
    GROWTH_BYTES = 300, /* for each input that came: its cause stays */
};

typedef struct producer {
    tube_inlet *in;
    uint32_t pushes, done;
    bool early; /* it stops before the start */
} producer;

typedef struct crew {
    pthread_t thread;
    uint32_t first, end;
    uint64_t rnd;
} crew;

static struct {
    tube_pipeline *p;
    tube_ref at;
    bool caller;
    uint32_t n;
    producer *all;
    uint8_t *hits; /* by record: only the sink writes */
    _Atomic uint64_t pushed;
    _Atomic uint32_t finished;
} fan;

static bool failed;

static uint32_t
below(uint64_t *rnd, uint32_t n)
{
    *rnd ^= *rnd >> 12;
    *rnd ^= *rnd << 25;
    *rnd ^= *rnd >> 27;
    return (uint32_t)(((*rnd * 0x2545F4914F6CDD1Du >> 32) * n) >> 32);
}

static void
check(bool ok, const char *what, uint64_t is, uint64_t must)
{
    if (ok)
        return;
    fprintf(stderr, "failed: %s: %" PRIu64 ", not %" PRIu64 "\n", what, is, must);
    failed = true;
}

/* some: records of one number each */

struct some {
    int64_t n, from;
};

static const tube_option some_options[] = {
    { "n", TUBE_OPT_INT, offsetof(struct some, n), NULL, "records", "", 0 },
    { "from", TUBE_OPT_INT, offsetof(struct some, from), "0", "", "", 0 },
    { 0 },
};

static tube_status
some_open(tube_stage *s, tube_error *err)
{
    const tube_column column = { .name = "n", .type = TUBE_INT };

    return tube_set_schema(s, &column, 1, err);
}

static tube_status
some_process(tube_stage *s, tube_batch *unused, tube_error *err)
{
    struct some *g = tube_state(s);
    tube_batch *b;

    (void)unused;
    (void)err;
    if (g->n == 0)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    for (; g->n > 0; g->n--)
        tube_set_int(tube_batch_add(b), g->from++);
    return tube_emit(s, &b);
}

static const tube_stage_def some_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "some",
    .summary = "numbers",
    .options = some_options,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct some),
    .open = some_open,
    .process = some_process,
};

/* hits */

static tube_status
hits_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)err;
    TUBE_EACH(b, r)
        fan.hits[tube_row(b, r)->integer]++;
    return TUBE_OK;
}

static tube_status
hits_finish(tube_stage *s, tube_error *err)
{
    (void)s;
    (void)err;
    atomic_fetch_add(&fan.finished, 1);
    return TUBE_OK;
}

static const tube_stage_def hits_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "hits",
    .summary = "counts every record by its number",
    .in = TUBE_FLOW_RECORDS,
    .process = hits_process,
    .finish = hits_finish,
};

static uint64_t
heap(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* One record of a producer; false: there is no room now. */
static bool
push(producer *m)
{
    tube_cell cell = { .set = 1 };
    tube_status st;

    cell.integer = (m - fan.all) * PUSHES_MOST + m->done;
    st = tube_push(m->in, &cell, NULL);
    if (st == TUBE_AGAIN)
        return false;
    check(st == TUBE_OK, "tube_push", (uint64_t)st, TUBE_OK);
    m->done++;
    atomic_fetch_add(&fan.pushed, 1);
    return true;
}

static void
stop(producer *m, uint64_t *rnd)
{
    if (below(rnd, 2) == 0)
        tube_inlet_stop(m->in, TUBE_STOP_END, NULL);
    tube_inlet_free(m->in);
    m->in = NULL;
}

/* A few records of one, a few of another; who has no more stops. */
static void *
crew_work(void *arg)
{
    crew *c = arg;
    uint32_t n = c->end - c->first;
    producer **left = calloc(n + 1, sizeof(*left));

    for (uint32_t i = 0; i < n; i++)
        left[i] = &fan.all[c->first + i];
    while (n > 0) {
        uint32_t i = below(&c->rnd, n);
        producer *m = left[i];
        bool room = m->in != NULL;

        for (uint32_t k = below(&c->rnd, 20); room && k > 0 && m->done < m->pushes; k--)
            room = push(m);
        if (m->in != NULL && !room) {
            if (!fan.caller)
                (void)usleep(10);
            else if (tube_step(fan.p) != TUBE_OK)
                check(false, "no room, and nothing runs", 0, 1);
        }
        if (m->in != NULL && m->done == m->pushes)
            stop(m, &c->rnd);
        if (m->in == NULL)
            left[i] = left[--n];
    }
    free((void *)left);
    return NULL;
}

static void
make(int32_t workers, uint64_t seed)
{
    tube_pipeline_opts o = { .struct_size = sizeof(o),
                             .workers = workers,
                             .seed = seed };
    tube_error err = { 0 };

    memset((void *)&fan, 0, sizeof(fan));
    fan.caller = workers == TUBE_CALLER;
    fan.p = tube_pipeline_new(&o, &err);
    if (fan.p == NULL || tube_define(fan.p, &hits_def, &err) != TUBE_OK
        || tube_define(fan.p, &some_def, &err) != TUBE_OK
        || tube_series(fan.p, "merge hold=yes as=m ( some n=0 ) | hits as=sink", &err)
               != TUBE_OK
        || tube_open(fan.p, &err) != TUBE_OK) {
        tube_error_print(&err, stderr);
        abort();
    }
    fan.at = tube_find(fan.p, "m");
}

/* Make them, and let some be over before anything runs. */
static void
hire(uint32_t n, uint64_t *rnd)
{
    uint64_t before = heap();
    tubei_ring *ring = tubei_ring_new(INLET_SLOTS);
    uint64_t queue = heap() - before;
    uint64_t own;
    tube_error err = { 0 };

    tubei_ring_free(ring);
    fan.n = n;
    fan.all = calloc(n, sizeof(*fan.all));
    fan.hits = calloc(n, PUSHES_MOST);
    before = heap();
    for (uint32_t i = 0; i < n; i++) {
        fan.all[i].in = tube_inlet_new(fan.p, fan.at, NULL, &err);
        fan.all[i].pushes = below(rnd, 10) == 0 ? 0 : below(rnd, PUSHES_MOST);
        if (fan.all[i].in == NULL) {
            tube_error_print(&err, stderr);
            abort();
        }
    }
    own = (heap() - before) / n;
    if (own > 0) { /* a sanitizer's heap tells nothing */
        printf("%" PRIu64 " bytes a producer, of them %" PRIu64 " queue\n", own, queue);
        check(own - queue <= OWN_BYTES, "bytes a producer beside its queue",
              own - queue, OWN_BYTES);
    }
    for (uint32_t i = 0; i < n; i += 1 + below(rnd, 50)) {
        for (uint32_t k = below(rnd, 3); k > 0 && fan.all[i].done < fan.all[i].pushes;
             k--)
            (void)push(&fan.all[i]);
        stop(&fan.all[i], rnd);
    }
}

static void
check_end(uint64_t causes)
{
    tube_reason r = { 0 };
    tube_error err = { 0 };
    uint64_t wrong = 0;
    uint64_t rows = 0;

    check(tube_wait(fan.p, 120000000000u, &err) == TUBE_OK, err.message, 1, 0);
    for (uint64_t i = 0; i < (uint64_t)fan.n * PUSHES_MOST; i++) {
        wrong += fan.hits[i] != (i % PUSHES_MOST < fan.all[i / PUSHES_MOST].done);
        rows += fan.hits[i];
    }
    check(wrong == 0, "records that did not come once", wrong, 0);
    check(rows == atomic_load(&fan.pushed), "records", rows, atomic_load(&fan.pushed));
    check(atomic_load(&fan.finished) == 1, "stops at the sink",
          atomic_load(&fan.finished), 1);
    check(tube_reason_of(fan.p, tube_find(fan.p, "sink"), &r) == TUBE_OK
              && r.n_causes == causes,
          "causes", r.n_causes, causes);
    check(test_accounted(fan.p), "accounts", 0, 1);
    tube_pipeline_free(fan.p);
    free(fan.all);
    free(fan.hits);
}

static void
many_inlets(uint32_t n, uint32_t threads, uint64_t seed)
{
    crew crews[THREADS_MOST];
    uint64_t rnd = seed * 0x9E3779B97F4A7C15u;
    uint64_t start = tube_now();
    tube_error err = { 0 };
    uint32_t each;

    make(threads == 0 ? TUBE_CALLER : 2, seed);
    hire(n, &rnd);
    if (tube_start(fan.p, &err) != TUBE_OK)
        abort();
    each = threads == 0 ? n : n / threads;
    for (uint32_t i = 0; i == 0 || i < threads; i++) {
        crews[i] = (crew){ .first = i * each,
                           .end = i + 1 < threads ? (i + 1) * each : n,
                           .rnd = rnd + i + 1 };
        if (threads == 0)
            (void)crew_work(&crews[i]);
        else
            (void)pthread_create(&crews[i].thread, NULL, crew_work, &crews[i]);
    }
    for (uint32_t i = 0; i < threads; i++)
        (void)pthread_join(crews[i].thread, NULL);
    check(tube_seal(fan.p, fan.at) == TUBE_OK, "tube_seal", 1, 0);
    check_end((uint64_t)n + 1);
    printf("%u inlets, %u threads: %" PRIu64 " records, %.2f s\n", n, threads,
           atomic_load(&fan.pushed), (double)(tube_now() - start) / 1e9);
}

static uint64_t
resident(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    if (f == NULL || fscanf(f, "%*s %lu", &pages) != 1)
        pages = 0;
    if (f != NULL)
        (void)fclose(f);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Inputs that are stages come, send five records, and go. */
static void
many_comers(uint32_t n, bool caller)
{
    uint64_t start = tube_now();
    uint64_t first = 0;
    uint64_t last;
    char text[64];

    make(caller ? TUBE_CALLER : 2, 1);
    fan.hits = calloc(n, 5);
    if (tube_start(fan.p, NULL) != TUBE_OK)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        tube_error err = { 0 };
        tube_ref ref;

        (void)snprintf(text, sizeof(text), "some n=5 from=%u", i * 5);
        if (tube_attach(fan.p, fan.at, text, &ref, &err) != TUBE_OK) {
            tube_error_print(&err, stderr);
            abort();
        }
        if (i % COMERS_AT_ONCE == COMERS_AT_ONCE - 1) {
            while (caller && tube_step(fan.p) == TUBE_OK) {
            }
            if (!caller)
                (void)!tube_wait_stage(fan.p, ref, 10000000000u, NULL);
        }
        if (i == n / 10)
            first = resident();
    }
    last = resident();
    check(tube_seal(fan.p, fan.at) == TUBE_OK, "tube_seal", 1, 0);
    check(tube_wait(fan.p, 60000000000u, NULL) == TUBE_OK, "tube_wait", 1, 0);
    for (uint32_t i = 0; i < n * 5; i++)
        check(fan.hits[i] == 1, "times that a record came", fan.hits[i], 1);
    check(test_accounted(fan.p), "accounts", 0, 1);
    check(tube_stage_count(fan.p) < 3 * COMERS_AT_ONCE + 100 || !caller,
          "places of stages", tube_stage_count(fan.p), 3 * COMERS_AT_ONCE + 100);
    printf("%u inputs came and went%s: %.2f s, %u places, %.0f bytes each stay\n", n,
           caller ? "" : " (threads)", (double)(tube_now() - start) / 1e9,
           tube_stage_count(fan.p), ((double)last - (double)first) / (n * 0.9));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    check(last < first + (uint64_t)n * GROWTH_BYTES + (4u << 20), "growth of memory",
          last - first, (uint64_t)n * GROWTH_BYTES);
#endif
    tube_pipeline_free(fan.p);
    free(fan.hits);
}

int
main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000;
    uint32_t comers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 20000;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;

    for (uint32_t threads = 0; threads <= THREADS_MOST && !failed; threads++)
        many_inlets(n, threads, seed + threads);
    if (!failed)
        many_comers(comers, true);
    if (!failed)
        many_comers(comers, false);
    return failed ? 1 : 0;
}
