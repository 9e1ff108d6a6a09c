/* SPDX-License-Identifier: MIT */
/* seed_done.c -- SEED-2, 5, 6, 12, 13: to know that all is done, and what keeps it. */
#include "conform.h"

#include <string.h>
#include <unistd.h>

/* SEED-2 */

static void
parsed_then_committed(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=50 batch=10 | emit 2 copies=2 | sink 9 hold=yes");
    tube_error err;
    tube_counts c;

    conform_until_rows(p, 9, 100);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].finished, 1);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(tube_wait(p, 1000000, &err), TUBE_ETIME);
        c = conform_counts(p);
        cr_assert_eq(c.committed, (uint64_t)i * 20);
        cr_assert_eq(c.in_flight, 100 - (uint64_t)i * 20);
        cr_assert_eq(conform.at[9].finished, 0);
        conform_let(9, 1);
        conform_quiet(p);
    }
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].finished, 1);
    tube_pipeline_free(p);
    for (int id = 1; id <= 9; id++)
        cr_assert_eq(conform.at[id].opens, conform.at[id].closes);
}

/* covers: SEED-2, PIPE-17 */
Test(SEED_2, done_is_when_the_last_record_is_committed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(parsed_then_committed);
}

static void
from_bytes(const tube_pipeline_opts *o)
{
    char name[] = "/tmp/tubes-conform-XXXXXX";
    int fd = mkstemp(name);
    char text[128];
    tube_pipeline *p;
    tube_counts c;

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "1\n22\n333\n4444", 13), 13);
    (void)close(fd);
    (void)snprintf(text, sizeof(text), "file \"%s\" | lines | sink 9", name);
    p = conform_start(o, text);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 1 22 333 4444 finish");
    c = conform_counts(p);
    cr_assert_eq(c.read, 4);
    cr_assert_eq(c.committed, 4);
    cr_assert_eq(c.bytes, 13);
    tube_pipeline_free(p);
    (void)unlink(name);
}

/* covers: SEED-2, TUB-61, TUB-63, test_stringToLines */
Test(SEED_2, the_line_splitter_passes_the_stop_and_the_last_line,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(from_bytes);
}

/* SEED-5 */

typedef struct told {
    _Atomic int calls;
    tube_reason reason;
    uint64_t committed;
    tube_pipeline *p;
} told;

static void
note_done(void *arg, const tube_reason *r)
{
    told *t = arg;

    t->reason = *r;
    t->committed = conform_counts(t->p).committed;
    atomic_fetch_add(&t->calls, 1);
}

static bool
was_told(void *arg)
{
    return ((told *)arg)->calls > 0;
}

static void
waits_for_work(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 n=4 | tee ( sink 9 hold=yes as=slow ) | sink 10 as=s");
    told slow = { .p = p }, quick = { .p = p }, all = { .p = p }, late = { .p = p };
    tube_watch *w[4];

    w[0] = tube_watch_done(p, conform_ref(p, "slow"), note_done, &slow, NULL);
    w[1] = tube_watch_done(p, conform_ref(p, "s"), note_done, &quick, NULL);
    w[2] = tube_watch_done(p, (tube_ref){ 0 }, note_done, &all, NULL);
    cr_assert(w[0] != NULL && w[1] != NULL && w[2] != NULL);
    conform_until(p, was_told, &quick);
    conform_quiet(p);
    cr_assert_eq(slow.calls, 0, "stopped, but not all is committed");
    cr_assert_eq(all.calls, 0);
    conform_let(9, 4);
    conform_until(p, was_told, &slow);
    conform_finish(p, TUBE_OK);
    conform_until(p, was_told, &all);
    cr_assert_eq(slow.calls, 1);
    cr_assert_eq(quick.calls, 1);
    cr_assert_eq(all.calls, 1);
    cr_assert_eq(all.committed, 8);
    cr_assert_eq(slow.reason.kind, TUBE_STOP_END);
    w[3] = tube_watch_done(p, (tube_ref){ 0 }, note_done, &late, NULL);
    cr_assert_eq(late.calls, 1, "long done is told at once");
    for (int i = 0; i < 4; i++)
        cr_assert_not(tube_watch_cancel(w[i]), "it was called");
    tube_pipeline_free(p);
}

/* covers: SEED-5, test_fountToDeferred */
Test(SEED_5, done_is_told_once_when_stopped_and_all_work_is_done,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(waits_for_work);
}

static void
failure_is_told(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | pass 2 | sink 9 as=s");
    told t = { .p = p }, never = { .p = p };
    tube_ref s = conform_ref(p, "s");
    tube_watch *w = tube_watch_done(p, s, note_done, &t, NULL);
    tube_watch *gone = tube_watch_done(p, s, note_done, &never, NULL);
    tube_error err = { 0 };

    cr_assert(w != NULL && gone != NULL);
    conform_feed(1, 2);
    conform_until_rows(p, 9, 2);
    cr_assert(tube_watch_cancel(gone));
    conform_break(1);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(t.calls, 1);
    cr_assert_eq(t.reason.kind, TUBE_STOP_ERROR);
    cr_assert_eq(never.calls, 0);
    cr_assert_eq(tube_wait_stage(p, s, CONFORM_DEADLINE, &err), TUBE_EIO);
    cr_assert_str_eq(err.message, "broken 1");
    (void)tube_watch_cancel(w);
    tube_pipeline_free(p);
}

/* covers: SEED-5, test_fountToDeferred */
Test(SEED_5, a_failure_is_told_as_a_failure_and_a_watch_can_be_cancelled,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(failure_is_told);
}

/* SEED-6 */

static void
several(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_pipeline *p[3] = { conform_start(o, "src 1 n=100 | sink 9"),
                            conform_start(o, "src 2 fed=yes | sink 10"),
                            conform_start(o, "src 3 fed=yes | sink 11") };
    tube_status st;

    cr_assert_eq(tube_wait_all(p, 3, TUBE_WAIT_ANY, CONFORM_DEADLINE, &err), TUBE_OK);
    cr_assert_eq(conform.at[9].finished, 1);
    cr_assert_eq(tube_wait_all(p, 3, TUBE_WAIT_ALL, 20000000, &err), TUBE_ETIME);
    cr_assert_eq(tube_wait_all(p, 3, TUBE_WAIT_FIRST_ERROR, 20000000, &err),
                 TUBE_ETIME);
    conform_break(3);
    st = tube_wait_all(p, 3, TUBE_WAIT_FIRST_ERROR, CONFORM_DEADLINE, &err);
    cr_assert_eq(st, TUBE_EIO);
    cr_assert_str_eq(err.message, "broken 3");
    cr_assert_eq(conform.at[10].finished, 0);
    conform_feed(2, 7);
    conform_end(2);
    cr_assert_eq(tube_wait_all(p, 3, TUBE_WAIT_ALL, CONFORM_DEADLINE, &err), TUBE_EIO);
    cr_assert_eq(conform.at[10].rows, 7);
    cr_assert_eq(tube_exit_status(p[0], TUBE_OK), 0);
    cr_assert_eq(tube_exit_status(p[2], TUBE_EIO), 1);
    for (int i = 0; i < 3; i++)
        tube_pipeline_free(p[i]);
}

/* covers: SEED-6 */
Test(SEED_6, a_program_waits_for_all_of_its_pipelines, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(several);
}

/* SEED-12 */

static void
drop_for_the_slow(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(
        o, "src 1 fed=yes | tee ( buffer rows=10 full=drop-newest | sink 10 gate=yes ) "
           "| sink 9");

    conform_gate(10, true);
    conform_go(p);
    conform_feed(1, 2000);
    conform_until_rows(p, 9, 2000);
    conform_quiet(p);
    cr_assert_eq(conform.at[10].rows, 0);
    conform_gate(10, false);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_gt(conform_counts(p).dropped, 0);
    cr_assert_eq(conform_counts(p).dropped + (uint64_t)conform.at[10].rows, 2000);
    tube_pipeline_free(p);
}

/* covers: SEED-12 */
Test(SEED_12, a_slow_writer_does_not_stop_the_one_who_produces_logs,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(drop_for_the_slow);
}

/* SEED-13 */

static void
opposite_direction(const tube_pipeline_opts *o)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;
    tube_edge_stats e = { 0 };
    tube_edge_info at = { 0 };
    uint64_t made;

    opts.depth = 4;
    p = conform_start(&opts, "src 1 n=20 | sink 9 gate=yes hold=yes as=s");
    conform_until_rows(p, 9, 20);
    conform_quiet(p);
    cr_assert_eq(conform_counts(p).committed, 0);
    conform_let(9, 5);
    conform_quiet(p);
    cr_assert_eq(conform_counts(p).committed, 5, "confirmed while no data moves");
    cr_assert_eq(conform_counts(p).released, 5);
    conform_let(9, 15);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);

    conform_reset();
    p = conform_new(&opts, "src 1 as=a | sink 9 gate=yes as=s");
    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert(tube_edge_at(p, 0, &at));
    cr_assert(tube_stats_edge(p, 0, &e));
    cr_assert_eq(at.depth, 4);
    cr_assert_geq(e.queue, 3, "fullness is %u of 4", e.queue);
    cr_assert_gt(e.full, 0);
    made = (uint64_t)conform.at[1].rows;
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_SATISFIED, "enough"),
                 TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform_counts(p).read, made);
    cr_assert_eq(conform_stop(p, "a"), TUBE_STOP_SATISFIED);
    tube_pipeline_free(p);
}

/* covers: SEED-13, TUB-53 */
Test(SEED_13, fullness_confirmations_and_stops_go_the_other_way,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(opposite_direction);
}
