/* SPDX-License-Identifier: MIT */
/* deep.c -- a series of very many stages is built, run, stopped in the middle, aborted
 * and freed; nothing of it may take quadratic time.
 *
 *   stress/deep [STAGES]     10000
 */
#include "test_stages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SECONDS_MOST = 120 };
#else
enum { SECONDS_MOST = 10 };
#endif

enum { ROWS = 20000 };

static bool failed;
static uint64_t lap_start;

static void
lap(const char *what)
{
    double s = (double)(tube_now() - lap_start) / 1e9;

    printf("  %-28s %7.3f s\n", what, s);
    if (s > SECONDS_MOST) {
        fprintf(stderr, "failed: %s takes %.1f s\n", what, s);
        failed = true;
    }
    lap_start = tube_now();
}

static void
check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "failed: %s\n", what);
    failed = true;
}

/* count N | touch as=t1 | touch as=t2 | ... | collect */
static char *
deep_text(uint32_t n)
{
    size_t room = (size_t)n * 24 + 100;
    char *text = malloc(room);
    size_t len;

    if (text == NULL)
        abort();
    len = (size_t)snprintf(text, room, "count %d", ROWS);
    for (uint32_t i = 1; i + 1 < n; i++)
        len += (size_t)snprintf(text + len, room - len, " | touch as=t%u", i);
    (void)snprintf(text + len, room - len, " | collect");
    return text;
}

typedef enum ending { RUN_OUT, STOP_MIDDLE, ABORT, FREE_RUNNING, NEVER_START } ending;

static void
end(tube_pipeline *p, ending how, uint32_t n)
{
    tube_error err = { 0 };
    char middle[32];

    if (how == STOP_MIDDLE) {
        (void)snprintf(middle, sizeof(middle), "t%u", n / 2);
        check(tube_stop_stage(p, tube_find(p, middle), TUBE_STOP_CANCELLED, "middle")
                  == TUBE_OK,
              "tube_stop_stage");
    } else if (how == ABORT) {
        tube_abort(p);
    }
    if (how == FREE_RUNNING)
        return;
    check(tube_wait(p, 300000000000u, &err)
              == (how == ABORT ? TUBE_ECANCELED : TUBE_OK),
          err.message);
    lap(how == RUN_OUT ? "run" : how == ABORT ? "abort" : "stop in the middle");
    check(test_accounted(p), "accounts");
    check(how != RUN_OUT || seen.rows == ROWS, "rows");
    check(seen.disorder == 0, "order");
}

static void
deep(uint32_t n, int32_t workers, ending how)
{
    static const char *const name[] = { "runs to its end", "is stopped in the middle",
                                        "is aborted", "is freed while it runs",
                                        "is never started" };
    char *text = deep_text(n);
    tube_pipeline *p;

    printf("%u stages, workers %d: %s\n", n, (int)workers, name[how]);
    test_reset();
    lap_start = tube_now();
    p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = workers, .seed = 1, .batch_rows = 50), text);
    lap("tube_series");
    if (tube_open(p, NULL) != TUBE_OK)
        abort();
    lap("tube_open");
    if (how != NEVER_START) {
        if (tube_start(p, NULL) != TUBE_OK)
            abort();
        for (int i = 0; workers == TUBE_CALLER && how != RUN_OUT && i < 20000; i++)
            check(tube_step(p) == TUBE_OK, "tube_step");
        if (workers != TUBE_CALLER && how != RUN_OUT)
            (void)usleep(20000);
        lap("tube_start");
        end(p, how, n);
    }
    check(how == FREE_RUNNING || how == NEVER_START || seen.closed == n, "close()");
    tube_pipeline_free(p);
    lap("tube_pipeline_free");
    check(seen.closed == n, "close()");
    free(text);
}

static unsigned long
peak(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[128];
    unsigned long kib = 0;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    if (f != NULL)
        (void)fclose(f);
    return kib;
}

int
main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 10000;
    unsigned long before = peak();

    for (int how = RUN_OUT; how <= NEVER_START && !failed; how++) {
        deep(n, TUBE_CALLER, (ending)how);
        if (!failed && how != NEVER_START)
            deep(n, 2, (ending)how);
    }
    printf("%lu KiB at most, %.0f bytes a stage\n", peak(),
           (double)(peak() - before) * 1024 / n);
    return failed ? 1 : 0;
}
