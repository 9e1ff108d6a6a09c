/* SPDX-License-Identifier: MIT */
/* test_guest_fork.c -- X20: the program forks while a pipeline runs.
 *
 * In the child every call about the pipeline answers at once and changes nothing; the
 * parent's pipeline does not notice.  What the child finds wrong is its exit status: the
 * line of this file.
 */
#include <tubes/db.h>
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND ((uint64_t)1000000000)

/* In the child: Criterion is the parent's. */
#define must(x)                                               \
  do {                                                        \
    if (!(x)) {                                               \
      (void)dprintf(2, "child: line %d: %s\n", __LINE__, #x); \
      _exit(1);                                               \
    }                                                         \
  } while (0)

static const char line[] =
    "10.0.0.1 - - [10/Oct/2020:13:55:36 +0000] \"GET / HTTP/1.1\" "
    "200 12 \"-\" \"guest\"";

typedef struct world {
    tube_pipeline *p;
    tube_inlet *in;
    tube_flush *flush;
    tube_watch *watch;
    tube_ref store;
    tube_pause_id token;
    _Atomic bool stop;
} world;

static tube_pipeline *
make(int32_t workers, const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = workers), &err);

    cr_assert_not_null(p, "%s", err.message);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    return p;
}

static void
never(void *arg, const tube_reason *r)
{
    (void)arg, (void)r;
}

static void
world_make(world *w, const char *db)
{
    tube_error err = { 0 };
    char text[160];

    (void)snprintf(text, sizeof(text),
                   "merge as=in hold=yes of=lines | parse combined | sqlite %s table=t "
                   "as=store",
                   db);
    w->p = make(2, text);
    cr_assert_eq(tube_start(w->p, &err), TUBE_OK, "%s", err.message);
    w->in = tube_inlet_new(w->p, tube_find(w->p, "in"), "lines", &err);
    cr_assert_not_null(w->in, "%s", err.message);
    w->store = tube_find(w->p, "store");
}

/* Every call that could wait, take a lock, or reach into what is the parent's. */
static void
child_calls(world *w)
{
    tube_error err = { 0 };
    tube_ref ref = { 0 };
    tube_reason reason;
    tube_cause cause;
    tube_counts c;
    tube_stage_stats st;
    tube_queue_limits limits = { .batches = 1 };
    tube_pause_id token;
    char *text;

    must(tube_push_line(w->in, line, sizeof(line) - 1, NULL) == TUBE_EFORK);
    tube_inlet_stop(w->in, TUBE_STOP_END, NULL);
    must(tube_inlet_new(w->p, w->store, NULL, &err) == NULL
         && err.status == TUBE_EFORK);
    must(strstr(err.message, "parent") != NULL && err.hint[0] != '\0');
    must(tube_open(w->p, &err) == TUBE_EFORK);
    must(tube_start(w->p, &err) == TUBE_EFORK);
    must(tube_wait(w->p, TUBE_FOREVER, &err) == TUBE_EFORK);
    must(tube_run(w->p, &err) == TUBE_EFORK);
    must(tube_wait_stage(w->p, w->store, TUBE_FOREVER, &err) == TUBE_EFORK);
    must(tube_wait_all(&w->p, 1, TUBE_WAIT_ALL, TUBE_FOREVER, &err) == TUBE_EFORK);
    must(tube_step(w->p) == TUBE_EFORK);
    tube_drain(w->p);
    tube_abort(w->p);
    must(tube_drain_within(w->p, SECOND) == TUBE_EFORK);
    must(tube_find(w->p, "store").id == 0);
    must(tube_ref_at(w->p, 0).id == 0);
    must(tube_reason_of(w->p, ref, &reason) == TUBE_EFORK);
    must(tube_cause_of(w->p, ref, 0, &cause) == TUBE_EFORK);
    must(tube_report(w->p, NULL, 0) == 0);
    must(tube_stop_stage(w->p, w->store, TUBE_STOP_CANCELLED, NULL) == TUBE_EFORK);
    must(tube_watch_done(w->p, ref, never, NULL, &err) == NULL);
    must(err.status == TUBE_EFORK);
    must(tube_watch_cancel(w->watch));
    must(tube_pause(w->p, w->store, ref, "child", &token) == TUBE_EFORK);
    must(tube_resume(w->p, w->token) == TUBE_EFORK);
    must(tube_pauses(w->p, NULL, 0) == 0);
    must(tube_flush_begin(w->p, TUBE_SETTLED, &err) == NULL
         && err.status == TUBE_EFORK);
    must(tube_flush_wait(w->flush, TUBE_FOREVER) == TUBE_EFORK);
    tube_flush_free(w->flush);
    must(tube_attach(w->p, w->store, "null", &ref, &err) == TUBE_EFORK);
    must(tube_divert(w->p, w->store, "null", &ref, &err) == TUBE_EFORK);
    must(tube_detach(w->p, w->store, &err) == TUBE_EFORK);
    must(tube_hold(w->p, w->store) == TUBE_EFORK);
    must(tube_seal(w->p, w->store) == TUBE_EFORK);
    must(tube_queue_resize(w->p, w->store, &limits) == TUBE_EFORK);
    must(tube_queue_reserve(w->p, w->store, 1) == TUBE_EFORK);
    tube_stats(w->p, &c);
    tube_stats_stage(w->p, 0, &st);
    must(tube_stage_count(w->p) == 0 && tube_edge_count(w->p) == 0);
    must(tube_stage_at(w->p, 0).def == NULL);
    must(tube_origin_count(w->p) == 0);
    (void)tube_exit_status(w->p, TUBE_OK);
    text = tube_stats_text(w->p);
    free(text);
    tube_inlet_free(w->in);
    tube_pipeline_free(w->p);
    tube_pipeline_free(w->p); /* still there: it was not ours to free */
}

/* A pipeline of the child's own is like any other. */
static void
child_own(void)
{
#ifndef TUBES_TSAN /* which allows no threads behind fork() */
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 2), NULL);
    tube_counts c;

    must(p != NULL);
    must(tube_series(p, "gen combined 2000 | parse combined | null", NULL) == TUBE_OK);
    must(tube_run(p, NULL) == TUBE_OK);
    tube_stats(p, &c);
    must(c.committed == 2000);
    tube_pipeline_free(p);
#endif
}

/* The child has `seconds`; then it hangs, and that is the failure. */
static void
child_ends_well(pid_t pid, unsigned seconds)
{
    uint64_t end = tube_now() + seconds * SECOND;
    int status = -1;

    cr_assert_geq(pid, 0);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (tube_now() > end) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            cr_assert_fail("the child hangs");
        }
        usleep(500);
    }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child: status %x",
              (unsigned)status);
}

static bool
take_number(void *arg, size_t n, const char *const *name, const char *const *value)
{
    (void)n, (void)name;
    *(long *)arg = strtol(value[0], NULL, 10);
    return true;
}

static void
world_end(world *w, const char *db, uint64_t pushed)
{
    tube_error err = { 0 };
    tube_counts c;
    long n = -1;

    tube_inlet_free(w->in);
    cr_assert_eq(tube_seal(w->p, tube_find(w->p, "in")), TUBE_OK);
    tube_drain(w->p);
    cr_assert_eq(tube_wait(w->p, 30 * SECOND, &err), TUBE_OK, "%s", err.message);
    tube_stats(w->p, &c);
    cr_assert_eq(c.committed, pushed);
    tube_pipeline_free(w->p);
    cr_assert_eq(tube_query(db, "select count(*) from t", take_number, &n, &err),
                 TUBE_OK, "%s", err.message);
    cr_assert_eq(n, (long)pushed);
}

static void
push(world *w)
{
    tube_status st;

    while ((st = tube_push_line(w->in, line, sizeof(line) - 1, NULL)) == TUBE_AGAIN)
        usleep(50);
    cr_assert_eq(st, TUBE_OK);
}

static char folder[] = "/tmp/tubes-fork-XXXXXX";

static void
enter_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void
leave_folder(void)
{
    (void)unlink("f.db");
    (void)unlink("f.db-wal");
    (void)unlink("f.db-shm");
    (void)!chdir("/");
    (void)rmdir(folder);
}

TestSuite(X20, .init = enter_folder, .fini = leave_folder, .timeout = 90);

Test(X20, in_the_child_every_call_answers_and_the_parent_does_not_notice)
{
    world w = { 0 };
    tube_error err = { 0 };
    pid_t pid;

    world_make(&w, "f.db");
    for (int i = 0; i < 500; i++)
        push(&w);
    w.flush = tube_flush_begin(w.p, TUBE_SETTLED, &err);
    w.watch = tube_watch_done(w.p, (tube_ref){ 0 }, never, NULL, &err);
    cr_assert(w.flush != NULL && w.watch != NULL);
    pid = fork();
    if (pid == 0) {
        child_calls(&w);
        child_own();
        _exit(0);
    }
    child_ends_well(pid, 20);
    cr_assert_eq(tube_flush_wait(w.flush, 20 * SECOND), TUBE_OK);
    tube_flush_free(w.flush);
    for (int i = 0; i < 500; i++)
        push(&w);
    cr_assert_eq(tube_pause(w.p, w.store, (tube_ref){ 0 }, "parent", &w.token),
                 TUBE_OK);
    cr_assert_eq(tube_resume(w.p, w.token), TUBE_OK);
    world_end(&w, "f.db", 1000);
    cr_assert_not(tube_watch_cancel(w.watch), "the parent's watch was called");
}

/* Locks are held when fork() comes: by threads that the child does not have. */

static void *
meddle(void *arg)
{
    world *w = arg;

    while (!atomic_load(&w->stop)) {
        tube_pause_id token;
        tube_counts c;

        tube_stats(w->p, &c);
        if (tube_pause(w->p, w->store, (tube_ref){ 0 }, "m", &token) == TUBE_OK)
            (void)!tube_resume(w->p, token);
    }
    return NULL;
}

static _Atomic uint64_t pushed;

static void *
keep_pushing(void *arg)
{
    world *w = arg;

    while (!atomic_load(&w->stop)) {
        push(w);
        atomic_fetch_add(&pushed, 1);
    }
    return NULL;
}

Test(X20, whatever_lock_was_held_the_child_does_not_wait_for_it)
{
    enum { FORKS = 60 };
    world w = { 0 };
    tube_error err = { 0 };
    pthread_t thread[2];

    world_make(&w, "f.db");
    w.watch = tube_watch_done(w.p, (tube_ref){ 0 }, never, NULL, &err);
    cr_assert_eq(pthread_create(&thread[0], NULL, meddle, &w), 0);
    cr_assert_eq(pthread_create(&thread[1], NULL, keep_pushing, &w), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t pid;

        w.flush = tube_flush_begin(w.p, TUBE_HANDED_OVER, &err);
        cr_assert_not_null(w.flush);
        pid = fork();
        if (pid == 0) {
            child_calls(&w);
            _exit(0);
        }
        child_ends_well(pid, 20);
        tube_flush_free(w.flush);
    }
    atomic_store(&w.stop, true);
    (void)pthread_join(thread[0], NULL);
    (void)pthread_join(thread[1], NULL);
    world_end(&w, "f.db", atomic_load(&pushed));
    (void)tube_watch_cancel(w.watch);
}

Test(X20, what_was_not_opened_goes_along_to_the_child)
{
    tube_pipeline *p = make(2, "gen combined 3000 | parse combined | null");
    tube_error err = { 0 };
    pid_t pid = fork();

    if (pid == 0) {
#ifndef TUBES_TSAN
        must(tube_run(p, &err) == TUBE_OK);
#endif
        tube_pipeline_free(p);
        _exit(0);
    }
    child_ends_well(pid, 20);
    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
}
