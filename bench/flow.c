/* SPDX-License-Identifier: MIT */
/* flow.c -- a log into a PostgreSQL table: how near to what the server can take?
 *
 * tubes       file | parse combined | postgres rows=10000: one connection, exactly once;
 *             TUBES_BENCH_SINK has other options for the sink
 * bare_copy   the same rows, encoded beforehand, by a bare libpq loop: as many in a
 *             transaction, and in each the statement that moves a position
 * psql_copy   the same rows, parsed beforehand into a text file, by one \copy of psql
 *
 * Rates count from before the connection to behind its end.  Before each run the table
 * is emptied and a checkpoint made; behind it, count and sum are compared with the log.
 * CPU time is user and system, of the side's process and of all of the server's;
 * `others` is what neither used of the machine's: much of it, and the rest says nothing.
 *
 * TUBES_BENCH_DSN names the database, TUBES_BENCH_LOG the log.  The schema tubes_bench
 * is made, and dropped.
 */
#include "flow.h"

#include "bench.h"

#include <libpq-fe.h>

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

#define SCHEMA  "tubes_bench"
#define COLUMNS "client, ident, username, time, method, path, protocol, status, bytes,"

/* Linux counts CPU time in /proc in hundredths of a second. */
#define TICK_NS UINT64_C(10000000)

enum { GIVE_BYTES = 64 * 1024, HEAD_BYTES = 19, FIELDS = 11, SERVER_END_US = 50000 };

struct side {
    const char *table;
    bool (*load)(void);
    double client; /* us a row, of the last run */
    double server;
    double others; /* % of the machine, likewise */
};

static PGconn *control;
static const char *dsn;
static char *text_file;

/* Rows as the server gave them: binary COPY, without its head and its tail. */
static struct {
    char *data;
    size_t len;
    size_t room;
    uint64_t per_transaction;
} rows;

/* The database. */

static _Noreturn void
die(PGconn *c, const char *what)
{
    fprintf(stderr, "flow: %s: %s\n", what, PQerrorMessage(c));
    exit(1);
}

static void
run_sql(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK)
        die(c, sql);
    PQclear(r);
}

static PGconn *
connect_to(void)
{
    PGconn *c = PQconnectdb(dsn);

    if (PQstatus(c) != CONNECTION_OK)
        die(c, "TUBES_BENCH_DSN");
    run_sql(c, "SET client_min_messages = warning");
    return c;
}

static uint64_t
number_of(const char *sql)
{
    PGresult *r = PQexec(control, sql);
    uint64_t n;

    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
        die(control, sql);
    n = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return n;
}

static bool
table_is_right(const char *table)
{
    struct flow_sum got;
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM " SCHEMA ".%s", table);
    got.rows = number_of(sql);
    snprintf(sql, sizeof(sql), "SELECT coalesce(sum(bytes), 0) FROM " SCHEMA ".%s",
             table);
    got.bytes = number_of(sql);
    return flow_same(table, got);
}

/* CPU time of the server: its main process, whom it has waited for, and its children
 * of now.  0 where it runs elsewhere. */
static uint64_t
server_cpu_ns(void)
{
    static uint64_t main_pid;
    uint64_t ticks = 0;
    DIR *dir = opendir("/proc");
    struct dirent *e;

    if (main_pid == 0)
        main_pid = number_of("SELECT split_part(pg_read_file('postmaster.pid'), "
                             "chr(10), 1)");
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char path[300];
        unsigned long pid, parent, t[4];
        FILE *f;
        int n;

        snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
        if (e->d_name[0] < '1' || e->d_name[0] > '9' || (f = fopen(path, "re")) == NULL)
            continue;
        n = fscanf(f,
                   "%lu (postgres) %*c %lu %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu "
                   "%lu %lu",
                   &pid, &parent, &t[0], &t[1], &t[2], &t[3]);
        fclose(f);
        if (n == 6 && pid == main_pid)
            ticks += t[0] + t[1] + t[2] + t[3];
        else if (n == 6 && parent == main_pid)
            ticks += t[0] + t[1];
    }
    if (dir != NULL)
        closedir(dir);
    return ticks * TICK_NS;
}

static uint64_t
client_cpu_ns(void)
{
    return bench_cpu(RUSAGE_SELF) + bench_cpu(RUSAGE_CHILDREN);
}

/* CPU time of everything on this machine. */
static uint64_t
machine_cpu_ns(void)
{
    unsigned long t[7] = { 0 };
    FILE *f = fopen("/proc/stat", "re");
    int n = 0;

    if (f != NULL) {
        n = fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu", &t[0], &t[1], &t[2], &t[3],
                   &t[4], &t[5], &t[6]);
        fclose(f);
    }
    return n < 7 ? 0 : (t[0] + t[1] + t[2] + t[5] + t[6]) * TICK_NS;
}

/* The sides. */

static bool
load_tubes(void)
{
    const char *options = getenv("TUBES_BENCH_SINK");
    char text[4096];

    snprintf(text, sizeof(text),
             "file `%s` | parse combined | postgres $TUBES_BENCH_DSN table=" SCHEMA
             ".access %s",
             flow_log.path, options != NULL ? options : "rows=10000");
    return flow_run(text, 0, NULL);
}

/* Where the row behind the one at `p` begins. */
static const char *
row_end(const char *p)
{
    p += 2;
    for (int i = 0; i < FIELDS; i++) {
        uint32_t len;

        memcpy(&len, p, sizeof(len));
        len = __builtin_bswap32(len);
        p += sizeof(len) + (len != UINT32_MAX ? len : 0);
    }
    return p;
}

static void
put(PGconn *c, const char *data, size_t len)
{
    for (size_t n; len > 0; data += n, len -= n) {
        n = len < GIVE_BYTES ? len : GIVE_BYTES;
        if (PQputCopyData(c, data, (int)n) != 1)
            die(c, "COPY");
    }
}

/* Rows `at` .. `to`, which lie in `data`. */
static void
bare_transaction(PGconn *c, uint64_t at, uint64_t to, const char *data, size_t len)
{
    static const char head[HEAD_BYTES] = "PGCOPY\n\377\r\n";
    char sql[1024];
    PGresult *r;

    snprintf(sql, sizeof(sql),
             "BEGIN; DO $$BEGIN UPDATE " SCHEMA
             ".bare_progress SET low = %llu, lines = %llu,"
             " rows = rows + %llu, rejects = rejects + 0, updated = now()"
             " WHERE source_id = 1 AND generation = 0 AND low = %llu;"
             " IF NOT FOUND THEN RAISE EXCEPTION 'not at %llu'; END IF; END$$;"
             " COPY " SCHEMA ".bare (" COLUMNS
             " referrer, agent) FROM STDIN (FORMAT binary); COMMIT",
             (unsigned long long)to, (unsigned long long)to,
             (unsigned long long)(to - at), (unsigned long long)at,
             (unsigned long long)at);
    r = PQexec(c, sql);
    if (PQresultStatus(r) != PGRES_COPY_IN)
        die(c, sql);
    PQclear(r);
    put(c, head, sizeof(head));
    put(c, data, len);
    put(c, "\377\377", 2);
    if (PQputCopyEnd(c, NULL) != 1)
        die(c, "COPY");
    while ((r = PQgetResult(c)) != NULL) {
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            die(c, "COPY");
        PQclear(r);
    }
}

static bool
load_bare(void)
{
    PGconn *c = connect_to();
    const char *p = rows.data;

    for (uint64_t at = 0; at < flow_log.sum.rows;) {
        const char *from = p;
        uint64_t to = at + rows.per_transaction;

        if (to > flow_log.sum.rows)
            to = flow_log.sum.rows;
        for (uint64_t i = at; i < to; i++)
            p = row_end(p);
        bare_transaction(c, at, to, from, (size_t)(p - from));
        at = to;
    }
    PQfinish(c);
    return true;
}

static bool
load_psql(void)
{
    extern char **environ;
    char name[] = "psql", flags[] = "-XqAt", d[] = "-d", v[] = "-v", c[] = "-c";
    char stop[] = "ON_ERROR_STOP=1";
    char copy[512];
    char *argv[] = {
        name, flags, v, stop, d, getenv("TUBES_BENCH_DSN"), c, copy, NULL
    };
    int status = -1;
    pid_t child;

    snprintf(copy, sizeof(copy), "\\copy " SCHEMA ".text from '%s'", text_file);
    errno = posix_spawnp(&child, "psql", NULL, NULL, argv, environ);
    if (errno != 0 || waitpid(child, &status, 0) != child)
        perror("flow: psql");
    return status == 0;
}

static void
empty_tables(void)
{
    run_sql(control, "TRUNCATE " SCHEMA ".access, " SCHEMA ".bare, " SCHEMA
                     ".text, " SCHEMA ".tubes_source, " SCHEMA ".tubes_progress");
    run_sql(control, "UPDATE " SCHEMA ".bare_progress SET low = 0, rows = 0");
    run_sql(control, "CHECKPOINT");
}

/* Rows a second of one side. */
static double
run_side(void *arg)
{
    struct side *s = arg;
    double n = (double)flow_log.sum.rows;
    uint64_t client, server, machine, since, wall;
    bool good;

    empty_tables();
    client = client_cpu_ns();
    server = server_cpu_ns();
    machine = machine_cpu_ns();
    since = bench_now();
    good = s->load();
    wall = bench_now() - since;
    machine = machine_cpu_ns() - machine;
    usleep(SERVER_END_US); /* until the server has waited for the process that served */
    client = client_cpu_ns() - client;
    server = server_cpu_ns() - server;
    s->client = (double)client / 1e3 / n;
    s->server = (double)server / 1e3 / n;
    if (machine > client + server)
        s->others = (double)(machine - client - server) * 100 / (double)wall
                    / (double)sysconf(_SC_NPROCESSORS_ONLN);
    return good && table_is_right(s->table) ? n * 1e9 / (double)wall : -1;
}

static double
client_cpu(void *side)
{
    return ((struct side *)side)->client;
}

static double
server_cpu(void *side)
{
    return ((struct side *)side)->server;
}

static double
others_cpu(void *side)
{
    return ((struct side *)side)->others;
}

/* Setting up: load once, and ask the server for the rows. */

static void
keep(const char *data, size_t len)
{
    if (rows.room - rows.len < len) {
        rows.room = 2 * (rows.room + len);
        rows.data = realloc(rows.data, rows.room);
        if (rows.data == NULL)
            exit(1);
    }
    memcpy(rows.data + rows.len, data, len);
    rows.len += len;
}

/* The rows as a COPY that the server wrote, into memory or `to`. */
static void
rows_fetch(const char *how, FILE *to)
{
    char sql[256];
    char *data;
    int len;

    snprintf(sql, sizeof(sql),
             "COPY (SELECT " COLUMNS " referrer, agent FROM " SCHEMA
             ".access) TO STDOUT (FORMAT %s)",
             how);
    PGresult *r = PQexec(control, sql);
    if (PQresultStatus(r) != PGRES_COPY_OUT)
        die(control, sql);
    PQclear(r);
    while ((len = PQgetCopyData(control, &data, 0)) > 0) {
        if (to == NULL)
            keep(data, (size_t)len);
        else if (fwrite(data, 1, (size_t)len, to) != (size_t)len)
            exit(1);
        PQfreemem(data);
    }
    PQclear(PQgetResult(control));
    if (len != -1)
        die(control, sql);
}

static void
text_file_make(void)
{
    const char *dir = getenv("TMPDIR");
    FILE *to;
    int fd = -1;

    if (asprintf(&text_file, "%s/tubes-rows.XXXXXX", dir != NULL ? dir : "/tmp") > 0)
        fd = mkstemp(text_file);
    to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (to == NULL) {
        perror("flow: a file for the rows");
        exit(1);
    }
    rows_fetch("text", to);
    if (fclose(to) != 0)
        exit(1);
}

static void
set_up(void)
{
    uint64_t transactions;

    control = connect_to();
    run_sql(control, "DROP SCHEMA IF EXISTS " SCHEMA " CASCADE; CREATE SCHEMA " SCHEMA);
    if (!load_tubes() || !table_is_right("access"))
        exit(1);
    transactions =
        number_of("SELECT count(DISTINCT xmin::text) FROM " SCHEMA ".access");
    rows.per_transaction = (flow_log.sum.rows + transactions - 1) / transactions;
    fprintf(stderr, "flow: %llu rows, %llu in a transaction\n",
            (unsigned long long)flow_log.sum.rows,
            (unsigned long long)rows.per_transaction);
    run_sql(control, "CREATE TABLE " SCHEMA ".bare (LIKE " SCHEMA ".access);"
                     "CREATE TABLE " SCHEMA ".text (LIKE " SCHEMA ".access);"
                     "CREATE TABLE " SCHEMA ".bare_progress (LIKE " SCHEMA
                     ".tubes_progress INCLUDING ALL) WITH (fillfactor = 50);"
                     "INSERT INTO " SCHEMA ".bare_progress (source_id, generation, low)"
                     " VALUES (1, 0, 0)");
    rows_fetch("binary", NULL);
    memmove(rows.data, rows.data + HEAD_BYTES, rows.len - HEAD_BYTES);
    text_file_make();
}

int
main(int argc, char **argv)
{
    static struct side tubes = { .table = "access", .load = load_tubes };
    static struct side bare = { .table = "bare", .load = load_bare };
    static struct side psql = { .table = "text", .load = load_psql };
    int status;

    bench_begin("flow", argc, argv);
    flow_log_open();
    dsn = getenv("TUBES_BENCH_DSN");
    if (dsn == NULL) {
        fprintf(stderr, "flow: TUBES_BENCH_DSN names no database; see bench/run.sh\n");
        return 2;
    }
    set_up();
    bench_add("tubes", "rows/s", run_side, &tubes);
    bench_add("tubes_cpu", "us/row", client_cpu, &tubes);
    bench_add("tubes_server_cpu", "us/row", server_cpu, &tubes);
    bench_add("tubes_others", "% of machine", others_cpu, &tubes);
    bench_add("bare_copy", "rows/s", run_side, &bare);
    bench_add("bare_copy_cpu", "us/row", client_cpu, &bare);
    bench_add("bare_copy_server_cpu", "us/row", server_cpu, &bare);
    bench_add("bare_copy_others", "% of machine", others_cpu, &bare);
    bench_add("psql_copy", "rows/s", run_side, &psql);
    bench_add("psql_copy_cpu", "us/row", client_cpu, &psql);
    bench_add("psql_copy_server_cpu", "us/row", server_cpu, &psql);
    bench_ratio("tubes_of_bare_copy", "tubes", "bare_copy");
    bench_ratio("tubes_of_psql_copy", "tubes", "psql_copy");
    status = bench_end();
    run_sql(control, "DROP SCHEMA " SCHEMA " CASCADE");
    PQfinish(control);
    unlink(text_file);
    free(text_file);
    free(rows.data);
    return status;
}
