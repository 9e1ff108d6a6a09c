/* SPDX-License-Identifier: MIT */
/* graph.c -- a pipeline that is fed, watched and changed by its program while it runs.
 *
 * Lines of a log go into first.db, those of requests that failed are counted beside it.
 * Then another input and another branch come and go, and the records are diverted to
 * second.db.  docs/embedding.md goes through it.
 */
#include <tubes/tubes.h>

#include <time.h>

static const char text[] = "merge as=in hold=yes of=lines | parse combined "
                           "| tee as=split ( where status >= 500 | null as=failed ) "
                           "| sqlite first.db table=access as=store";

/* Hand over `n` lines.  Full is no failure: a server might drop the line and count it. */
static tube_status
feed(tube_inlet *in, unsigned n)
{
    const struct timespec pause = { .tv_nsec = 1000 * 1000 };

    for (unsigned i = 0; i < n; i++) {
        char line[160];
        int len = snprintf(line, sizeof(line),
                           "192.0.2.%u - - [10/Oct/2026:13:55:%02u +0000] "
                           "\"GET /item/%u HTTP/1.1\" %d 512 \"-\" \"example/1.0\"",
                           i % 250, i % 60, i, i % 10 == 0 ? 503 : 200);
        tube_status st;

        while ((st = tube_push_line(in, line, (size_t)len, NULL)) == TUBE_AGAIN)
            (void)nanosleep(&pause, NULL);
        if (st != TUBE_OK)
            return st;
    }
    return TUBE_OK;
}

/* Everything that was sent on before this is stored when it returns. */
static tube_status
flush(tube_pipeline *p, tube_error *err)
{
    tube_flush *f = tube_flush_begin(p, TUBE_SETTLED, err);
    tube_status st = f != NULL ? tube_flush_wait(f, TUBE_FOREVER) : TUBE_ENOMEM;
    tube_counts c;

    tube_flush_free(f);
    tube_stats(p, &c);
    printf("%ju read, %ju committed, %ju filtered, %ju in flight\n", (uintmax_t)c.read,
           (uintmax_t)c.committed, (uintmax_t)c.filtered, (uintmax_t)c.in_flight);
    return st;
}

/* One more input, and one more branch, until they are done or taken away. */
static tube_status
come_and_go(tube_pipeline *p, tube_error *err)
{
    tube_ref input = { 0 }, branch = { 0 };
    tube_status st =
        tube_attach(p, tube_find(p, "split"), "sample 1/2 | null", &branch, err);

    if (st == TUBE_OK)
        st = tube_attach(p, tube_find(p, "in"), "gen combined 1000", &input, err);
    if (st == TUBE_OK)
        st = tube_wait_stage(p, input, TUBE_FOREVER, err);
    if (st == TUBE_OK)
        st = flush(p, err);
    if (st == TUBE_OK)
        st = tube_detach(p, branch, err);
    return st;
}

/* What comes while the store is paused waits before it, and goes to the new one. */
static tube_status
rotate(tube_pipeline *p, tube_inlet *in, tube_error *err)
{
    tube_ref store = tube_find(p, "store");
    tube_pause_info waits[1];
    tube_pause_id token;
    tube_status st = tube_pause(p, store, (tube_ref){ 0 }, "a new file", &token);

    if (st == TUBE_OK)
        st = feed(in, 100);
    if (st == TUBE_OK && tube_pauses(p, waits, 1) == 1)
        printf("paused: %s\n", waits[0].why);
    if (st == TUBE_OK) /* who was diverted is not paused any more */
        st = tube_divert(p, store, "sqlite second.db table=access", NULL, err);
    return st;
}

static void
print_causes(const tube_pipeline *p)
{
    const tube_ref whole = { 0 };
    tube_reason why;
    tube_cause c;

    if (tube_reason_of(p, whole, &why) != TUBE_OK)
        return;
    for (uint32_t i = 0; i < why.n_causes; i++)
        if (tube_cause_of(p, whole, i, &c) == TUBE_OK)
            printf("cause: %s: %s\n", c.name, c.message[0] != '\0' ? c.message : "end");
}

static tube_status
run(tube_pipeline *p, tube_inlet *in, tube_error *err)
{
    tube_status st = feed(in, 500);

    if (st == TUBE_OK)
        st = flush(p, err);
    if (st == TUBE_OK)
        st = come_and_go(p, err);
    if (st == TUBE_OK)
        st = rotate(p, in, err);
    tube_inlet_stop(in, TUBE_STOP_END, "no more requests");
    if (st == TUBE_OK)
        st = tube_seal(p, tube_find(p, "in"));
    if (st == TUBE_OK)
        st = tube_wait(p, TUBE_FOREVER, err);
    return st;
}

int
main(void)
{
    TUBE_AUTO(tube_pipeline) *p = tube_pipeline_new(NULL, NULL);
    tube_error err = { 0 };
    tube_inlet *in = NULL;
    tube_status st = TUBE_ENOMEM;

    if (p != NULL && tube_series(p, text, &err) == TUBE_OK
        && tube_start(p, &err) == TUBE_OK)
        in = tube_inlet_new(p, tube_find(p, "in"), "lines", &err);
    if (in != NULL) {
        st = run(p, in, &err);
        print_causes(p);
    }
    tube_inlet_free(in);
    if (err.status < 0)
        tube_error_print(&err, stderr);
    return st == TUBE_OK ? 0 : 1;
}
