/* SPDX-License-Identifier: MIT */
/* n_see.c -- accounts and counters, at every moment: N7, N10, N31. */
#include "f_lines.h"

#include <pthread.h>
#include <unistd.h>

/* N7 */

static void
phases_grow(const tube_counts *was, const tube_counts *is)
{
    cr_assert_geq(is->read, was->read);
    cr_assert_geq(is->parsed, was->parsed);
    cr_assert_geq(is->queued, was->queued);
    cr_assert_geq(is->sent, was->sent);
    cr_assert_geq(is->committed, was->committed);
    cr_assert_geq(is->released, was->released);
    cr_assert_geq(is->read, is->parsed);
    cr_assert_geq(is->queued, is->sent);
    cr_assert_geq(is->sent, is->committed);
}

static const char seven[] =
    "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\nno\n{\"n\":4}\n{\"n\":5}\n{\"n\":6}";

static void
phases_apart(const tube_pipeline_opts *o)
{
    tube_counts was = { 0 }, is;
    tube_pipeline *p;

    lines_text = seven;
    lines_len = sizeof(seven) - 1;
    p = conform_new_with(o, lines_defs, 2,
                         "bytes step=9 | parse json types=[n:int] | pass id=1 filter=5"
                         " | sink 2 hold=yes gate=yes as=out");
    conform_gate(2, true);
    conform_go(p);
    while (conform.caller && conform_step(p) == TUBE_OK) {
        is = conform_counts(p);
        phases_grow(&was, &is);
        was = is;
    }
    conform_quiet(p);
    is = conform_counts(p);
    cr_assert_eq(is.read, 7);
    cr_assert_eq(is.parsed, 6);
    cr_assert_eq(is.rejected + is.filtered + is.in_flight, 7);
    cr_assert_eq(is.queued, 5, "%ju queued", (uintmax_t)is.queued);
    cr_assert_leq(is.sent, 1, "%ju sent: the sink takes nothing", (uintmax_t)is.sent);
    conform_gate(2, false);
    conform_until_rows(p, 2, 5);
    conform_quiet(p);
    is = conform_counts(p);
    phases_grow(&was, &is);
    cr_assert_eq(is.sent, 5);
    cr_assert_eq(is.committed, 0, "the sink has answered nothing");
    cr_assert_gt(is.unconfirmed_ns, 0);
    was = is;
    (void)usleep(20000); /* so that there is a latency to see */
    conform_let(2, 1);
    conform_quiet(p);
    is = conform_counts(p);
    phases_grow(&was, &is);
    cr_assert_geq(is.committed, 1);
    cr_assert_lt(is.committed, 5);
    conform_let(2, 100);
    conform_finish(p, TUBE_OK);
    is = conform_counts(p);
    phases_grow(&was, &is);
    cr_assert_eq(is.committed, 5);
    cr_assert_eq(is.rejected, 1);
    cr_assert_eq(is.filtered, 1);
    cr_assert_eq(is.released, 7, "%ju released", (uintmax_t)is.released);
    cr_assert_eq(is.unconfirmed_ns, 0);
    cr_assert_gt(is.settled, 0);
    cr_assert_gt(is.latency_ns, 0);
    cr_assert_geq(is.latency_ns, is.latency_max_ns);
    tube_pipeline_free(p);
}

/* covers: SEED-2 */
Test(N7, read_parsed_queued_sent_committed_and_released_are_apart,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(phases_apart);
}

static void
released_together(const tube_pipeline_opts *o)
{
    tube_counts c;
    tube_pipeline *p =
        conform_start(o, "src 0 n=4 batch=4 | tee ( sink 1 hold=yes ) | sink 2");

    conform_until_rows(p, 2, 4);
    conform_until_rows(p, 1, 4);
    conform_quiet(p);
    c = conform_counts(p);
    cr_assert_eq(c.committed, 4, "%ju committed: one of two sinks has",
                 (uintmax_t)c.committed);
    cr_assert_eq(c.in_flight, 4);
    cr_assert_eq(c.released, 0, "the other copy is not settled");
    conform_let(1, 1);
    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    cr_assert_eq(c.committed, 8);
    cr_assert_eq(c.released, 8);
    tube_pipeline_free(p);
}

Test(N7, what_was_made_of_one_batch_is_released_together, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(released_together);
}

/* N10 */

static const char *const graphs[] = {
    "src 0 n=60 batch=4 | pass id=1 filter=5 reject=7 | hoard 2 held=3 | sink 3",
    "src 0 n=60 batch=4 | emit 1 copies=3 greet=2 bye=2 | sink 3",
    "src 0 n=60 batch=4 | emit 1 copies=0 | sink 3",
    "src 0 n=60 batch=4 | tee ( pass id=1 filter=2 | sink 2 ) ( sink 5 stop=9 ) | sink 3",
    "src 0 n=60 batch=4 | thru ( pass id=1 filter=2 ) ( emit 2 copies=2 ) | sink 3",
    "src 0 n=60 batch=4 | route to=tag ( as a | sink 1 ) ( as b | pass id=2 ) | sink 3",
    "src 0 n=60 batch=4 | parallel 3 ( pass id=1 reject=3 | hoard 2 ) | sink 3 hold=yes",
    "merge by=n ( src 0 n=40 batch=3 ) ( src 4 n=40 batch=2 from=20 ) | sink 3",
    "src 0 n=60 batch=4 | buffer drop-oldest rows=6 | pass id=1 | sink 3 queue=2",
    "src 0 n=60 batch=4 | tee until=all ( sink 2 bad=process at=3 ) | sink 3",
    "src 0 n=60 batch=4 | pass id=1 bad=process at=5 fail=skip | head 30 | sink 3",
};

enum { GRAPHS = sizeof(graphs) / sizeof(graphs[0]) };

enum ending { BY_ITSELF, BY_ABORT, BY_DRAIN, BY_STOP, BY_FREE, ENDINGS };

/* So many steps, and then an end; after each step the identity is looked at. */
static void
ends_at_step(size_t g, uint64_t seed, int steps, enum ending how)
{
    uint64_t begun = tube_now();
    tube_counts c;
    tube_status st = TUBE_OK;
    tube_pipeline *p;

    conform_reset();
    p = conform_start(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = seed),
                      graphs[g]);
    for (int i = 0; i < steps && st != TUBE_END; i++)
        st = conform_step(p);
    conform_let(3, 1000);
    if (how == BY_ABORT)
        tube_abort(p);
    else if (how == BY_DRAIN)
        tube_drain(p);
    else if (how == BY_STOP)
        (void)!tube_stop_stage(p, tube_find(p, "sink"), TUBE_STOP_SATISFIED, NULL);
    if (how == BY_FREE) {
        tube_pipeline_free(p);
        return;
    }
    while (conform_step(p) != TUBE_END)
        cr_assert_lt(tube_now() - begun, CONFORM_DEADLINE, "%s: seed %ju, step %d, %d",
                     graphs[g], (uintmax_t)seed, steps, (int)how);
    (void)!tube_wait(p, CONFORM_DEADLINE, NULL);
    c = conform_counts(p);
    cr_assert_eq(c.in_flight, 0, "%s: seed %ju, step %d, %d: %ju", graphs[g],
                 (uintmax_t)seed, steps, (int)how, (uintmax_t)c.in_flight);
    cr_assert_eq(c.memory, 0, "%s: seed %ju, step %d, %d: %ju", graphs[g],
                 (uintmax_t)seed, steps, (int)how, (uintmax_t)c.memory);
    if (how == BY_ITSELF && strstr(graphs[g], "bad") == NULL)
        cr_assert_eq(c.broken, 0);
    tube_pipeline_free(p);
}

/* covers: PIPE-31 */
Test(N10, the_accounts_are_exact_at_every_step_whenever_it_ends,
     .timeout = 3 * CONFORM_SECONDS)
{
    for (size_t g = 0; g < GRAPHS; g++)
        for (int steps = 0; steps < 90; steps += steps < 30 ? 1 : 7)
            for (int how = 0; how < ENDINGS; how++)
                ends_at_step(g, (uint64_t)steps + 1, steps, (enum ending)how);
}

static void
accounts_of_all(const tube_pipeline_opts *o)
{
    for (size_t g = 0; g < GRAPHS; g++) {
        bool fails = strstr(graphs[g], "until=all ( sink 2 bad") != NULL;
        tube_pipeline *p;

        conform_reset();
        p = conform_start(o, graphs[g]);
        conform_let(3, 1000);
        conform_finish(p, fails ? TUBE_EIO : TUBE_OK);
        {
            tube_counts c = conform_counts(p);

            cr_assert_eq(c.read,
                         c.committed + c.filtered + c.rejected + c.dropped + c.broken,
                         "%s", graphs[g]);
        }
        tube_pipeline_free(p);
    }
}

/* covers: PIPE-31 */
Test(N10, and_at_the_end_on_any_number_of_threads, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(accounts_of_all);
}

/* N31 */

static _Atomic bool looking;

/* Reads all there is, over and over, from a thread of its own. */
static void *
look(void *arg)
{
    const tube_pipeline *p = arg;
    tube_counts was = { 0 };
    uint64_t rows = 0, n = 0;

    while (atomic_load(&looking)) {
        tube_counts is = conform_counts(p);
        uint64_t in = 0;

        cr_assert(is.read >= was.read && is.committed >= was.committed
                  && is.sent >= was.sent && is.released >= was.released);
        was = is;
        for (uint32_t i = 0; i < tube_stage_count(p); i++) {
            tube_stage_stats st;

            tube_stats_stage(p, i, &st);
            in += st.rows_in;
        }
        cr_assert_geq(in, rows, "a stage's counter went back");
        rows = in;
        for (uint32_t i = 0; i < tube_edge_count(p); i++) {
            tube_edge_stats st;

            if (tube_stats_edge(p, i, &st))
                cr_assert_leq(st.rows_taken, st.rows + 1024);
        }
        free(tube_stats_text(p));
        n++;
    }
    return (void *)(uintptr_t)n;
}

static void
while_it_runs(const tube_pipeline_opts *o)
{
    pthread_t t;
    void *looks = NULL;
    tube_pipeline *p =
        conform_new(o, "src 0 n=30000 batch=30 | tee ( pass id=1 filter=2 | sink 2 )"
                       " | parallel 2 ( pass id=3 ) | sink 4");

    atomic_store(&looking, true);
    conform_go(p);
    cr_assert_eq(pthread_create(&t, NULL, look, p), 0);
    conform_finish(p, TUBE_OK);
    (void)usleep(5000);
    atomic_store(&looking, false);
    cr_assert_eq(pthread_join(t, &looks), 0);
    cr_assert_gt((uintptr_t)looks, 0);
    tube_pipeline_free(p);
}

Test(N31, all_counters_can_be_read_from_any_thread_while_it_runs,
     .timeout = CONFORM_SECONDS)
{
    while_it_runs(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = 3));
    conform_reset();
    while_it_runs(TUBE_PIPELINE_OPTS(.workers = 2));
}

static void
what_they_say(const tube_pipeline_opts *o)
{
    tube_stage_stats st;
    bool found = false;
    tube_pipeline *p =
        conform_new(o, "src 0 n=20 as=s | buffer drop-newest rows=5 as=buf"
                       " | pass id=1 reject=4 filter=3 as=mid queue=2"
                       " | sink 2 gate=yes queue=4 as=out");

    conform_gate(2, true);
    conform_go(p);
    conform_until_rows(p, 0, 20);
    conform_quiet(p);
    st = conform_stats(p, "out");
    cr_assert_geq(st.queue, 3);
    cr_assert_leq(st.queue_high, 4);
    for (uint32_t i = 0; i < tube_edge_count(p); i++) {
        tube_edge_info info;
        tube_edge_stats e;

        if (!tube_edge_at(p, i, &info) || !tube_stats_edge(p, i, &e)
            || tube_ref_at(p, info.to).id != conform_ref(p, "out").id)
            continue;
        found = true;
        cr_assert_eq(tube_ref_at(p, info.from).id, conform_ref(p, "mid").id);
        cr_assert_eq(info.depth, 4);
        cr_assert_eq(e.queue, st.queue);
        cr_assert_eq(e.queue_high, st.queue_high);
        cr_assert_geq(e.rows, e.rows_taken);
        cr_assert_gt(e.full, 0, "it was full, and does not say so");
        cr_assert_not_null(info.schema);
    }
    cr_assert(found);
    (void)usleep(20000); /* that much it is blocked, at least */
    conform_gate(2, false);
    conform_finish(p, TUBE_OK);
    st = conform_stats(p, "buf");
    cr_assert_eq(st.rows_in, 20);
    cr_assert_eq(st.rows_in, st.rows_out + st.dropped);
    cr_assert_gt(st.dropped, 0);
    cr_assert_eq(conform_counts(p).dropped, st.dropped);
    st = conform_stats(p, "mid");
    cr_assert_eq(st.rows_in, st.rows_out + st.filtered + st.rejected);
    cr_assert_gt(st.filtered, 0);
    cr_assert_gt(st.rejected, 0);
    cr_assert_gt(st.activations, 0);
    cr_assert_gt(st.busy_ns, 0);
    st = conform_stats(p, "out");
    cr_assert_eq(st.rows_in, conform_counts(p).committed);
    cr_assert_geq(st.blocked_ns, 15 * MS, "blocked for %ju us",
                  (uintmax_t)(st.blocked_ns / 1000));
    tube_pipeline_free(p);
}

Test(N31, depth_drops_blocked_time_and_rows_of_each_stage_and_edge,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(what_they_say);
}

/* The value of a metric whose line begins like that; -1: there is none. */
static double
metric(const char *text, const char *line)
{
    const char *at = text;
    size_t len = strlen(line);

    while (at != NULL && strncmp(at, line, len) != 0) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    at = at != NULL ? strchr(at + len - 1, ' ') : NULL;
    return at != NULL ? strtod(at + 1, NULL) : -1;
}

static void
metrics(const tube_pipeline_opts *o)
{
    char *text;
    tube_pipeline *p = conform_start(
        o, "src 0 n=30 as=s | pass id=1 filter=3 reject=4 as=mid | sink 2 as=out");

    conform_finish(p, TUBE_OK);
    text = tube_stats_text(p);
    cr_assert_not_null(text);
    cr_assert_eq(metric(text, "tubes_records_total{outcome=\"committed\"} "),
                 (double)conform_counts(p).committed, "%s", text);
    cr_assert_eq(metric(text, "tubes_records_total{outcome=\"rejected\"} "),
                 (double)conform_counts(p).rejected);
    cr_assert_eq(metric(text, "tubes_phase_total{phase=\"read\"} "), 30);
    cr_assert_eq(metric(text, "tubes_in_flight_records "), 0);
    for (const char *line = text; *line != '\0';) { /* every line is of the format */
        size_t len = strcspn(line, "\n");
        const char *space = memchr(line, ' ', len);

        cr_assert_not_null(space, "%.*s", (int)len, line);
        if (*line == '#')
            cr_assert(strncmp(line, "# HELP tubes_", 13) == 0
                          || strncmp(line, "# TYPE tubes_", 13) == 0,
                      "%.*s", (int)len, line);
        else
            cr_assert_eq(strncmp(line, "tubes_", 6), 0, "%.*s", (int)len, line);
        line += len + (line[len] == '\n');
    }
    cr_assert_not_null(strstr(text, "tubes_stage_filtered_total{"));
    cr_assert_not_null(strstr(text, "tubes_edge_queue_high_batches{"));
    cr_assert_not_null(strstr(text, "mid"));
    free(text);
    tube_pipeline_free(p);
}

Test(N31, as_Prometheus_text, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(metrics);
}

/* The tool, which stands one folder above this program, or where $TUBES says. */
static const char *
tool(const char *arguments)
{
    static char out[1 << 16];
    char path[600], command[900];
    const char *given = getenv("TUBES");
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 20);
    char *slash;
    size_t len;
    FILE *f;

    cr_assert_gt(n, 0);
    path[n] = '\0';
    slash = strrchr(path, '/');
    (void)snprintf(slash, 20, "/../tubes");
    (void)snprintf(command, sizeof(command), "NO_COLOR=1 %s %s",
                   given != NULL ? given : path, arguments);
    f = popen(command, "r"); /* NOLINT: the arguments are constants */
    cr_assert_not_null(f);
    len = fread(out, 1, sizeof(out) - 1, f);
    out[len] = '\0';
    cr_assert_eq(pclose(f), 0, "%s", command);
    return out;
}

static void
has(const char *text, const char *words)
{
    cr_assert_not_null(strstr(text, words), "no '%s' in: %s", words, text);
}

#define DRAWN \
  "'gen combined 100 | parse combined | tee ( head 3 | null as=few ) | null as=all'"

Test(N31, the_graph_as_text_dot_mermaid_and_json, .timeout = CONFORM_SECONDS)
{
    const char *text = tool("explain --ascii " DRAWN);

    has(text, "parse combined");
    has(text, "tee");
    has(text, "few");
    has(text, "inserted"); /* the framing stage that nobody wrote */
    has(text, "16 batches");
    text = tool("explain --dot " DRAWN);
    has(text, "digraph");
    has(text, "->");
    has(text, "few");
    text = tool("explain --mermaid " DRAWN);
    has(text, "flowchart");
    has(text, "-->");
    text = tool("explain --json " DRAWN);
    has(text, "\"few\"");
    has(text, "\"status\"");
    text = tool("explain --analyze " DRAWN);
    has(text, "100");
}

Test(N31, and_the_counters_of_a_run, .timeout = CONFORM_SECONDS)
{
    const char *text =
        tool("run --quiet --stats - 'gen combined 100 | parse combined | null' 2>&1");

    cr_assert_eq(metric(text, "tubes_records_total{outcome=\"committed\"} "), 100, "%s",
                 text);
}
