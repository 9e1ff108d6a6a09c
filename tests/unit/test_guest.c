/* SPDX-License-Identifier: MIT */
/* test_guest.c -- what the library leaves alone in the process that it runs in. */
#include <tubes/db.h>
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECOND ((uint64_t)1000000000)

enum { LINES = 20000, STORM = 10000 };

static char folder[] = "/tmp/tubes-guest-XXXXXX";

static void
enter_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void
leave_folder(void)
{
    static const char *const made[] = {
        "access.log", "said",     "a.db",     "a.db-wal",     "a.db-shm",
        "b.db",       "b.db-wal", "b.db-shm", "b.db-journal", "a.db-journal",
    };

    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        (void)unlink(made[i]);
    (void)!chdir("/");
    (void)rmdir(folder);
}

static int
format_line(char *to, size_t len, int n)
{
    return snprintf(to, len,
                    "10.0.0.%d - - [10/Oct/2020:13:55:36 +0000] \"GET /%d HTTP/1.1\" "
                    "200 %d \"-\" \"guest\"\n",
                    n % 250, n, n);
}

static void
write_log(const char *path, int lines)
{
    FILE *f = fopen(path, "we");
    char line[160];

    cr_assert_not_null(f);
    for (int i = 0; i < lines; i++) {
        (void)format_line(line, sizeof(line), i);
        cr_assert_geq(fputs(line, f), 0);
    }
    cr_assert_eq(fclose(f), 0);
}

static bool
take_number(void *arg, size_t n, const char *const *name, const char *const *value)
{
    (void)n, (void)name;
    *(long *)arg = strtol(value[0], NULL, 10);
    return true;
}

static long
number_of(const char *db, const char *sql)
{
    tube_error err = { 0 };
    long n = -1;

    cr_assert_eq(tube_query(db, sql, take_number, &n, &err), TUBE_OK, "%s",
                 err.message);
    return n;
}

static tube_pipeline *
make(const tube_pipeline_opts *o, const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(o, &err);

    cr_assert_not_null(p, "%s", err.message);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    return p;
}

static void
start(tube_pipeline *p)
{
    tube_error err = { 0 };

    cr_assert_eq(tube_start(p, &err), TUBE_OK, "%s", err.message);
}

static void
finish(tube_pipeline *p)
{
    tube_error err = { 0 };

    cr_assert_eq(tube_wait(p, 30 * SECOND, &err), TUBE_OK, "%s", err.message);
}

TestSuite(guest, .init = enter_folder, .fini = leave_folder, .timeout = 60);

/* No global state. */

static _Atomic int marked[2];

static tube_status
mark_first(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s, (void)err;
    atomic_fetch_add(&marked[0], (int)b->n);
    return TUBE_OK;
}

static tube_status
mark_second(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s, (void)err;
    atomic_fetch_add(&marked[1], (int)b->n);
    return TUBE_OK;
}

#define MARK(fn)                                                                       \
  {                                                                                    \
    .abi = TUBE_STAGE_ABI, .kind = TUBE_TRANSFORM, .name = "mark", .summary = "count", \
    .in = TUBE_FLOW_RECORDS, .out = TUBE_FLOW_RECORDS, .process = fn                   \
  }
static const tube_stage_def marks[2] = { MARK(mark_first), MARK(mark_second) };

static tube_pipeline *
marking(int which, const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 2), &err);

    cr_assert_not_null(p);
    cr_assert_eq(tube_define(p, &marks[which], &err), TUBE_OK);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s", err.message);
    return p;
}

Test(guest, two_pipelines_have_stages_of_the_same_name_and_know_nothing_of_each_other)
{
    tube_pipeline *a = marking(0, "gen combined 3000 | parse combined | mark | null");
    tube_pipeline *b = marking(1, "gen combined 500 | parse combined | mark | null");
    tube_counts c;

    start(b);
    start(a);
    finish(a);
    tube_stats(a, &c);
    cr_assert_eq(c.committed, 3000);
    tube_pipeline_free(a);
    finish(b);
    tube_stats(b, &c);
    cr_assert_eq(c.committed, 500);
    tube_pipeline_free(b);
    cr_assert_eq(atomic_load(&marked[0]), 3000);
    cr_assert_eq(atomic_load(&marked[1]), 500);
}

/* Bits of `order`: start the second first, stop and free the first first, and so on. */
static void
two_in_order(unsigned order)
{
    tube_pipeline *p[2] = { make(TUBE_PIPELINE_OPTS(.workers = 1),
                                 "gen combined 0 | parse combined | null"),
                            make(TUBE_PIPELINE_OPTS(.workers = 2),
                                 "gen combined 0 seed=2 | parse combined | null") };
    unsigned first = order & 1;
    tube_counts c;

    start(p[first]);
    start(p[1 - first]);
    first = order >> 1 & 1;
    if (order & 4) {
        tube_drain(p[first]);
        finish(p[first]);
    }
    tube_pipeline_free(p[first]); /* else: aborted and waited for */
    do
        tube_stats(p[1 - first], &c);
    while (c.committed < 10000); /* the other one runs on */
    tube_drain(p[1 - first]);
    finish(p[1 - first]);
    tube_stats(p[1 - first], &c);
    cr_assert_eq(c.read, c.committed);
    tube_pipeline_free(p[1 - first]);
}

Test(guest, pipelines_start_and_go_in_any_order)
{
    for (unsigned order = 0; order < 8; order++)
        two_in_order(order);
}

/* Signals, folder, locale, what is printed. */

static void
handlers(struct sigaction *all)
{
    for (int n = 1; n < NSIG; n++)
        (void)sigaction(n, NULL, &all[n]);
}

static void
ignore_line(void *arg, const char *line)
{
    (void)arg, (void)line;
}

/* Both ways in which a pipeline ends. */
static void
run_good_and_bad(void)
{
    tube_error err = { 0 };
    tube_pipeline *p = make(TUBE_PIPELINE_OPTS(.workers = 2, .on_warn = ignore_line),
                            "file access.log | parse combined | sqlite a.db table=t");

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
    p = tube_pipeline_new(NULL, &err);
    cr_assert_eq(tube_series(p, "file access.log | parse nothing", &err), TUBE_ECONFIG);
    tube_pipeline_free(p);
    p = make(TUBE_PIPELINE_OPTS(.fail_on_first_reject = true, .on_warn = ignore_line),
             "file access.log | parse json | sqlite b.db table=t");
    cr_assert_lt(tube_run(p, &err), 0);
    tube_pipeline_free(p);
    p = make(NULL, "file nothere.log | lines | null");
    cr_assert_eq(tube_run(p, &err), TUBE_EIO);
    tube_pipeline_free(p);
}

Test(guest, handlers_masks_folder_locale_and_umask_stay_as_they_were)
{
    static struct sigaction before[NSIG], after[NSIG];
    sigset_t mask_before, mask_after;
    char dir_before[4096], dir_after[4096];
    mode_t umask_before = umask(027);

    (void)umask(umask_before);
    write_log("access.log", 2000);
    handlers(before);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    cr_assert_not_null(getcwd(dir_before, sizeof(dir_before)));
    run_good_and_bad();
    handlers(after);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    for (int n = 1; n < NSIG; n++) {
        cr_assert_eq(before[n].sa_handler, after[n].sa_handler, "signal %d", n);
        cr_assert_eq(before[n].sa_flags, after[n].sa_flags, "signal %d", n);
        cr_assert_eq(sigismember(&mask_before, n), sigismember(&mask_after, n),
                     "signal %d", n);
    }
    cr_assert_str_eq(getcwd(dir_after, sizeof(dir_after)), dir_before);
    cr_assert_str_eq(setlocale(LC_ALL, NULL), "C");
    cr_assert_eq(umask(umask_before), umask_before);
}

Test(guest, nothing_is_printed)
{
    int out = dup(STDOUT_FILENO);
    int err = dup(STDERR_FILENO);
    int said = open("said", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct stat st;

    write_log("access.log", 2000);
    (void)fflush(NULL);
    cr_assert(dup2(said, STDOUT_FILENO) >= 0 && dup2(said, STDERR_FILENO) >= 0);
    run_good_and_bad();
    (void)fflush(NULL);
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(err, STDERR_FILENO);
    cr_assert_eq(fstat(said, &st), 0);
    cr_assert_eq(st.st_size, 0, "%ld bytes were printed", (long)st.st_size);
}

/* Descriptors. */

typedef struct descriptors {
    bool open[1024];
} descriptors;

/* Those that are open now, but the one that looks. */
static descriptors
look_at_descriptors(void)
{
    descriptors d = { { false } };
    DIR *dir = opendir("/proc/self/fd");
    const struct dirent *entry;

    cr_assert_not_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        long fd = strtol(entry->d_name, NULL, 10);

        if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < 1024)
            d.open[fd] = true;
    }
    (void)closedir(dir);
    return d;
}

/* Counts new descriptors whose name has `what` in it; each must be closed on exec. */
static int
count_new(const descriptors *before, const char *what)
{
    descriptors now = look_at_descriptors();
    int n = 0;

    for (int fd = 0; fd < 1024; fd++) {
        char path[64], name[512] = "";
        int flags;

        if (!now.open[fd] || before->open[fd])
            continue;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (readlink(path, name, sizeof(name) - 1) < 0)
            continue; /* closed meanwhile */
        flags = fcntl(fd, F_GETFD);
        cr_assert(flags < 0 || (flags & FD_CLOEXEC) != 0, "%s stays open on exec",
                  name);
        n += strstr(name, what) != NULL;
    }
    return n;
}

Test(guest, descriptors_are_closed_on_exec_and_after_the_end)
{
    descriptors before = look_at_descriptors();
    tube_error err = { 0 };
    tube_pause_id token;
    tube_pipeline *p;
    uint64_t end = tube_now() + 20 * SECOND;

    write_log("access.log", 200000);
    p = make(
        TUBE_PIPELINE_OPTS(.workers = 2, .budget = 8 << 20, .on_warn = ignore_line),
        "file access.log | parse combined | buffer spill bytes=1M max=4M | "
        "sqlite a.db table=t as=store");
    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_pause(p, tube_find(p, "store"), (tube_ref){ 0 }, "test", &token),
                 TUBE_OK);
    start(p);
    while (count_new(&before, "access.log") == 0
           || count_new(&before, "(deleted)") == 0)
        cr_assert_lt(tube_now(), end, "not everything was opened in 20 s");
    cr_assert_geq(count_new(&before, "a.db"), 1);
    cr_assert_geq(count_new(&before, "eventpoll"), 1);
    cr_assert_geq(count_new(&before, "eventfd"), 1);
    cr_assert_eq(tube_resume(p, token), TUBE_OK);
    finish(p);
    tube_pipeline_free(p);
    cr_assert_eq(count_new(&before, ""), 0);
}

/* X21: signals all the time, and a handler that does not restart system calls. */

static _Atomic int handled;

static void
count_signal(int signo)
{
    (void)signo;
    atomic_fetch_add(&handled, 1);
}

typedef struct storm {
    pthread_t target; /* who runs or waits */
    int to;           /* the pipe that the source reads */
    bool workers;     /* hit every other thread as well */
} storm;

static void
hit_all_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        long tid = strtol(entry->d_name, NULL, 10);

        if (tid > 0 && tid != syscall(SYS_gettid))
            (void)syscall(SYS_tgkill, getpid(), tid, SIGUSR1);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

/* One that arrives before the next one is sent: pending signals are not counted. */
static void
hit(pthread_t target)
{
    int before = atomic_load(&handled);
    uint64_t end = tube_now() + SECOND;

    (void)pthread_kill(target, SIGUSR1);
    while (atomic_load(&handled) == before && tube_now() < end) {
    }
}

static void *
rage(void *arg)
{
    const storm *s = arg;
    char line[160];

    for (int i = 0; i < LINES; i++) {
        int len = format_line(line, sizeof(line), i);

        cr_assert_eq(write(s->to, line, (size_t)len), len);
        if (i % (LINES / STORM) == 0)
            hit(s->target);
        if (s->workers && i % 50 == 0)
            hit_all_threads();
    }
    (void)close(s->to);
    return NULL;
}

static void
weather(int32_t workers, const char *db)
{
    struct sigaction act = { .sa_handler = count_signal }; /* no SA_RESTART */
    int ends[2], in = dup(STDIN_FILENO);
    storm s = { .target = pthread_self(), .workers = workers > 0 };
    sigset_t usr1, was;
    tube_error err = { 0 };
    pthread_t thread;
    tube_pipeline *p;
    tube_counts c;
    char text[120];

    (void)sigaction(SIGUSR1, &act, NULL);
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_geq(dup2(ends[0], STDIN_FILENO), 0);
    (void)close(ends[0]);
    s.to = ends[1];
    (void)snprintf(text, sizeof(text), "file - | parse combined | sqlite %s table=t",
                   db);
    p = make(TUBE_PIPELINE_OPTS(.workers = workers), text);
    atomic_store(&handled, 0);
    (void)sigemptyset(&usr1);
    (void)sigaddset(&usr1, SIGUSR1);
    (void)pthread_sigmask(SIG_BLOCK, &usr1, &was); /* the one that makes the storm */
    cr_assert_eq(pthread_create(&thread, NULL, rage, &s), 0);
    (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    (void)pthread_join(thread, NULL);
    tube_stats(p, &c);
    cr_assert_eq(c.read, LINES);
    cr_assert_eq(c.committed, LINES);
    tube_pipeline_free(p);
    (void)dup2(in, STDIN_FILENO);
    (void)close(in);
    cr_assert_geq(atomic_load(&handled), STORM, "%d signals came",
                  atomic_load(&handled));
    cr_assert_eq(number_of(db, "select count(distinct path) from t"), LINES);
    cr_assert_eq(number_of(db, "select count(*) from t"), LINES);
}

Test(guest, a_storm_of_signals_loses_nothing_in_the_callers_thread)
{
    weather(TUBE_CALLER, "a.db");
}

Test(guest, a_storm_of_signals_loses_nothing_with_workers)
{
    weather(2, "b.db");
}
