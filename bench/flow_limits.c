/* SPDX-License-Identifier: MIT */
/* flow_limits.c -- what `tubes run` takes while it must wait: memory, CPU, wake-ups.
 *
 * locked   its table is locked by another session from the start on
 * stopped  the server's process is stopped in the middle of the load (SIGSTOP)
 * idle     standard input is a pipe that has given some lines and stays silent
 *
 * For each, `seconds` of waiting are looked at (TUBES_BENCH_SECONDS; 10), from a second
 * after its begin on.  Then the way is made free, and all must be in the table in the
 * end.  Memory is VmHWM, where the budget is 64 MiB; CPU time and wake-ups are those of
 * all threads.
 *
 * TUBES_BENCH_DSN names the database, whose server must run on this machine and allow to
 * be stopped; TUBES_BENCH_LOG the log; TUBES the tool, otherwise the one beside us.
 */
#include "bench.h"
#include "flow.h"

#include <libpq-fe.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define SCHEMA "tubes_bench"

enum { IDLE_LINES = 2000, STEP_US = 10000, PATIENCE_US = 60 * 1000000 };

/* What was seen of a process. */
struct seen {
    uint64_t cpu_ns;   /* while it waited */
    uint64_t switches; /* while it waited */
    uint64_t high_kib; /* VmHWM, up to its end */
};

static PGconn *control;
static unsigned seconds = 10;
static char tool[PATH_MAX];

/* The database. */

static _Noreturn void
die(const char *what, const char *why)
{
    fprintf(stderr, "flow_limits: %s: %s\n", what, why);
    exit(1);
}

static PGconn *
connect_to(void)
{
    PGconn *c = PQconnectdb(getenv("TUBES_BENCH_DSN"));

    if (PQstatus(c) != CONNECTION_OK)
        die("TUBES_BENCH_DSN", PQerrorMessage(c));
    return c;
}

static void
run_sql(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        die(sql, PQerrorMessage(c));
    PQclear(r);
}

/* The first value; 0 for none. */
static uint64_t
number_of(const char *sql)
{
    PGresult *r = PQexec(control, sql);
    uint64_t n = 0;

    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0)
        n = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
    else if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die(sql, PQerrorMessage(control));
    PQclear(r);
    return n;
}

/* Ask until the answer is not 0. */
static uint64_t
number_awaited(const char *sql)
{
    for (int t = 0; t < PATIENCE_US; t += STEP_US) {
        uint64_t n = number_of(sql);

        if (n != 0)
            return n;
        usleep(STEP_US);
    }
    die(sql, "still nothing");
}

static bool
table_is_right(const char *who)
{
    struct flow_sum got = { 0 };

    got.rows = number_of("SELECT count(*) FROM " SCHEMA ".access");
    got.bytes = number_of("SELECT sum(bytes) FROM " SCHEMA ".access");
    return flow_same(who, got);
}

static void
table_make(void)
{
    run_sql(control, "SET client_min_messages = warning;"
                     "DROP SCHEMA IF EXISTS " SCHEMA " CASCADE; CREATE SCHEMA " SCHEMA
                     "; CREATE TABLE " SCHEMA ".access (client text, ident text,"
                     " username text, time timestamptz, method text, path text,"
                     " protocol text, status smallint, bytes bigint, referrer text,"
                     " agent text)");
}

/* The process. */

static pid_t
start(const char *text, int in)
{
    extern char **environ;
    char run[] = "run", quiet[] = "-q";
    char *pipeline = strdup(text);
    char *argv[] = { tool, run, quiet, pipeline, NULL };
    posix_spawn_file_actions_t files;
    pid_t child;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
    errno = posix_spawn(&child, tool, &files, NULL, argv, environ);
    if (errno != 0)
        die(tool, strerror(errno));
    posix_spawn_file_actions_destroy(&files);
    free(pipeline);
    return child;
}

static pid_t
start_load(void)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "file `%s` | parse combined | postgres $TUBES_BENCH_DSN table=" SCHEMA
             ".access",
             flow_log.path);
    return start(text, STDIN_FILENO);
}

/* The number behind `key` in a file of /proc; 0 if it is not there. */
static uint64_t
proc_number(const char *file, const char *key)
{
    char line[256];
    uint64_t n = 0;
    FILE *f = fopen(file, "re");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            n = strtoull(line + strlen(key), NULL, 10);
    if (f != NULL)
        fclose(f);
    return n;
}

static void
look_at_memory(pid_t child, struct seen *s)
{
    char file[64];
    uint64_t high;

    snprintf(file, sizeof(file), "/proc/%d/status", (int)child);
    high = proc_number(file, "VmHWM:");
    s->high_kib = high > s->high_kib ? high : s->high_kib;
}

/* CPU time and context switches so far, of all threads. */
static struct seen
look_at_threads(pid_t child)
{
    struct seen s = { 0 };
    char file[320];
    DIR *dir;
    struct dirent *e;

    snprintf(file, sizeof(file), "/proc/%d/task", (int)child);
    dir = opendir(file);
    if (dir == NULL)
        die(file, strerror(errno));
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "/proc/%d/task/%s/schedstat", (int)child,
                 e->d_name);
        s.cpu_ns += proc_number(file, "");
        snprintf(file, sizeof(file), "/proc/%d/task/%s/status", (int)child, e->d_name);
        s.switches += proc_number(file, "voluntary_ctxt_switches:")
                      + proc_number(file, "nonvoluntary_ctxt_switches:");
    }
    closedir(dir);
    return s;
}

/* It waits now, or soon: look at it. */
static struct seen
look(pid_t child)
{
    struct seen before, s;

    sleep(1);
    before = look_at_threads(child);
    sleep(seconds);
    s = look_at_threads(child);
    s.cpu_ns -= before.cpu_ns;
    s.switches -= before.switches;
    look_at_memory(child, &s);
    return s;
}

/* Wait for its end; false: it failed. */
static bool
finish(pid_t child, struct seen *s)
{
    int status = -1;

    while (waitpid(child, &status, WNOHANG) == 0) {
        look_at_memory(child, s);
        usleep(STEP_US);
    }
    if (status != 0)
        fprintf(stderr, "flow_limits: tubes ended with status %d\n", status);
    return status == 0;
}

/* The runs.  Each figure of one is a figure of the bench. */

static double
memory(const struct seen *s)
{
    return (double)s->high_kib / 1024;
}

static double
cpu_share(void *arg)
{
    const struct seen *s = arg;

    return (double)s->cpu_ns / 1e7 / seconds;
}

static double
run_locked(void *arg)
{
    struct seen *s = arg;
    PGconn *other = connect_to();
    pid_t child;
    bool good;

    table_make();
    run_sql(other, "BEGIN; LOCK TABLE " SCHEMA ".access");
    child = start_load();
    number_awaited("SELECT count(*) FROM pg_locks WHERE NOT granted");
    *s = look(child);
    run_sql(other, "COMMIT");
    PQfinish(other);
    good = finish(child, s);
    return good && table_is_right("locked") ? memory(s) : -1;
}

static double
run_stopped(void *arg)
{
    struct seen *s = arg;
    pid_t child, backend;
    bool good;

    table_make();
    child = start_load();
    number_awaited("SELECT count(*) FROM pg_tables WHERE schemaname = '" SCHEMA
                   "' AND tablename = 'tubes_progress'");
    number_awaited("SELECT sum(rows) FROM " SCHEMA ".tubes_progress");
    backend = (pid_t)number_of("SELECT pid FROM pg_stat_activity"
                               " WHERE application_name = 'tubes'");
    if (backend <= 0 || kill(backend, SIGSTOP) != 0)
        die("cannot stop the server's process", strerror(errno));
    *s = look(child);
    kill(backend, SIGCONT);
    good = finish(child, s);
    return good && table_is_right("stopped") ? memory(s) : -1;
}

static void
feed(int to)
{
    char line[16384];
    FILE *f = fopen(flow_log.path, "re");

    for (int i = 0; i < IDLE_LINES && fgets(line, sizeof(line), f) != NULL; i++)
        if (write(to, line, strlen(line)) < 0)
            die("pipe", strerror(errno));
    fclose(f);
}

/* Wake-ups a second of a pipeline that waits for input. */
static double
run_idle(void *text)
{
    struct seen s;
    int end[2];
    pid_t child;
    bool good;

    table_make();
    if (pipe2(end, O_CLOEXEC) != 0)
        die("pipe", strerror(errno));
    child = start(text, end[0]);
    close(end[0]);
    feed(end[1]);
    if (strstr(text, "postgres") != NULL)
        while (number_of("SELECT count(*) FROM " SCHEMA ".access") < IDLE_LINES)
            usleep(STEP_US);
    s = look(child);
    close(end[1]);
    good = finish(child, &s);
    return good ? (double)s.switches / seconds : -1;
}

static void
tool_find(void)
{
    const char *given = getenv("TUBES");
    ssize_t n = -1;

    if (given == NULL)
        n = readlink("/proc/self/exe", tool, sizeof(tool) - 16);
    if (n > 0 && strrchr(tool, '/') != NULL)
        memcpy(strrchr(tool, '/'), "/../tubes", sizeof("/../tubes"));
    else if (given != NULL)
        snprintf(tool, sizeof(tool), "%s", given);
    if (access(tool, X_OK) != 0)
        die("TUBES", "names no tool to run");
}

int
main(int argc, char **argv)
{
    static struct seen locked, stopped;
    static char null[] = "file - | parse combined | null";
    static char postgres[] =
        "file - | parse combined | postgres $TUBES_BENCH_DSN table=" SCHEMA ".access";
    const char *wish = getenv("TUBES_BENCH_SECONDS");
    int status;

    bench_begin("flow_limits", argc, argv);
    flow_log_open();
    tool_find();
    if (wish != NULL && strtoul(wish, NULL, 10) > 0)
        seconds = (unsigned)strtoul(wish, NULL, 10);
    if (getenv("TUBES_BENCH_DSN") == NULL)
        die("TUBES_BENCH_DSN", "names no database; see bench/run.sh");
    control = connect_to();
    bench_add("locked_memory", "MiB", run_locked, &locked);
    bench_add("locked_cpu", "% of a core", cpu_share, &locked);
    bench_add("stopped_memory", "MiB", run_stopped, &stopped);
    bench_add("stopped_cpu", "% of a core", cpu_share, &stopped);
    bench_add("idle_null_wakes", "/s", run_idle, null);
    bench_add("idle_postgres_wakes", "/s", run_idle, postgres);
    status = bench_end();
    run_sql(control, "DROP SCHEMA " SCHEMA " CASCADE");
    PQfinish(control);
    return status;
}
