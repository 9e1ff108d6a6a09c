/* SPDX-License-Identifier: MIT */
/* n_wait.c -- draining with a deadline, its report, and waiting: N5, N6. */
#include "f_reasons.h"

/* N5 */

static void
in_time(const tube_pipeline_opts *o)
{
    tube_unfinished left[4];
    tube_pipeline *p = conform_start(o, "src 0 | pass id=1 | hoard 2 held=3 | sink 3");

    conform_until_rows(p, 3, 5);
    cr_assert_eq(tube_drain_within(p, 20 * SECOND), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_report(p, left, 4), 0, "something was not finished");
    cr_assert_eq(conform_counts(p).read, conform_counts(p).committed);
    cr_assert_eq(conform_stop(p, "sink"), TUBE_STOP_CANCELLED);
    tube_pipeline_free(p);
}

Test(N5, what_is_drained_in_time_leaves_nothing_behind, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(in_time);
}

static tube_status
drained_too_late(tube_pipeline *p)
{
    uint64_t begun = tube_now();

    cr_assert_eq(tube_drain_within(p, 60 * MS), TUBE_OK);
    conform_quiet(p);
    cr_assert(tube_now() > begun + 60 * MS || !ended_is(&(ended_arg){ p, WHOLE }),
              "it did not wait for its deadline");
    until_ended(p, WHOLE);
    cr_assert_gt(tube_now(), begun + 60 * MS);
    return tube_wait(p, SECOND, NULL);
}

static void
too_late(const tube_pipeline_opts *o)
{
    tube_unfinished left[4] = { 0 };
    tube_counts c;
    tube_pipeline *p = conform_new(
        o, "src 0 fed=yes batch=2 | pass id=1 gate=yes as=mid | sink 2 as=out");

    conform_go(p);
    conform_feed(0, 4);
    conform_until_rows(p, 2, 4);
    conform_gate(1, true);
    conform_feed(0, 6);
    conform_until_rows(p, 0, 10);
    conform_quiet(p);
    cr_assert_eq(drained_too_late(p), TUBE_ECANCELED);
    c = conform_counts(p);
    cr_assert_eq(c.read, 10);
    cr_assert_eq(c.committed, 4);
    cr_assert_eq(c.broken, 6);
    cr_assert_eq(c.in_flight, 0);
    cr_assert_eq(tube_report(p, left, 4), 1);
    cr_assert_str_eq(left[0].name, "mid");
    cr_assert_eq(left[0].stage.id, conform_ref(p, "mid").id);
    cr_assert_eq(left[0].records, 6, "%ju records", (uintmax_t)left[0].records);
    cr_assert_eq(left[0].batches, 3, "%ju batches", (uintmax_t)left[0].batches);
    cr_assert_eq(tube_report(p, NULL, 0), 1);
    cr_assert_str_eq(conform_log(2, "rows"), "0 1 2 3");
    tube_pipeline_free(p);
}

Test(N5, behind_the_deadline_it_says_what_lay_where, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(too_late);
}

static void
at_several_stages(const tube_pipeline_opts *o)
{
    tube_unfinished left[4] = { 0 };
    uint64_t records = 0;
    uint32_t n;
    tube_counts c;
    tube_pipeline *p = conform_new(
        o,
        "src 0 fed=yes | tee ( pass id=1 gate=yes as=mid | sink 2 ) | sink 3 hold=yes"
        " as=out");

    conform_gate(1, true);
    conform_feed(0, 5);
    conform_go(p);
    conform_until_rows(p, 3, 5);
    conform_let(3, 2);
    conform_quiet(p);
    cr_assert_eq(drained_too_late(p), TUBE_ECANCELED);
    c = conform_counts(p);
    cr_assert_eq(c.committed, 2);
    cr_assert_eq(c.broken, 8);
    n = tube_report(p, left, 4);
    cr_assert_eq(n, 2, "%u stages", n);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(left[i].records, strcmp(left[i].name, "mid") == 0 ? 5 : 3,
                     "%s: %ju", left[i].name, (uintmax_t)left[i].records);
        records += left[i].records;
    }
    cr_assert_eq(records, c.broken);
    tube_pipeline_free(p);
}

Test(N5, the_report_adds_up_to_what_is_broken, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(at_several_stages);
}

/* N6 */

static void
stage_done(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_pipeline *p =
        conform_new(o, "src 0 n=3 | tee ( sink 1 as=fast ) | sink 2 hold=yes as=slow");

    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "fast"), SECOND, &err), TUBE_OK);
    /* it has its stop, and has settled nothing yet */
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "slow"), 5 * MS, &err), TUBE_ETIME);
    cr_assert_eq(tube_wait_stage(p, WHOLE, 5 * MS, &err), TUBE_ETIME);
    conform_let(2, 2);
    conform_quiet(p);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "slow"), 5 * MS, &err), TUBE_ETIME,
                 "one record is open");
    conform_let(2, 1);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "slow"), 0, &err), TUBE_OK);
    cr_assert_eq(tube_wait_stage(p, WHOLE, 0, &err), TUBE_OK);
    cr_assert_eq(tube_wait_stage(p, (tube_ref){ 987654 }, 0, &err), TUBE_EINVAL);
    tube_pipeline_free(p);
}

/* covers: SEED-5 */
Test(N6, done_is_stop_received_and_every_record_settled, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(stage_done);
}

static void
one_sink_failed(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_pipeline *p = conform_start(
        o,
        "src 0 n=9 | tee until=all ( sink 1 bad=process at=2 as=bad ) | sink 2 as=good");

    conform_finish(p, TUBE_EIO);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "good"), SECOND, &err), TUBE_OK);
    cr_assert_eq(tube_wait_stage(p, conform_ref(p, "bad"), SECOND, &err), TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 1");
    tube_pipeline_free(p);
}

/* covers: SEED-5 */
Test(N6, each_sink_has_a_result_of_its_own, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(one_sink_failed);
}

enum { THREE = 3 };

static void
start_three(const tube_pipeline_opts *o, tube_pipeline **p, const char *const *text)
{
    conform_reset();
    for (int i = 0; i < THREE; i++)
        p[i] = conform_start(o, text[i]);
}

static void
end_three(tube_pipeline **p)
{
    for (int i = 0; i < THREE; i++)
        tube_pipeline_free(p[i]);
}

static void
all_of_them(const tube_pipeline_opts *o)
{
    static const char *const fine[] = { "src 0 n=5 | sink 1", "src 0 n=50 | sink 2",
                                        "src 0 n=9 | pass id=4 | sink 3" };
    static const char *const mixed[] = { "src 0 n=50 | sink 1",
                                         "src 4 n=50 bad=process at=3 | sink 2",
                                         "src 5 n=50 bad=process at=9 | sink 3" };
    tube_pipeline *p[THREE];
    tube_error err = { 0 };

    start_three(o, p, fine);
    cr_assert_eq(tube_wait_all(p, THREE, TUBE_WAIT_ALL, CONFORM_DEADLINE, &err),
                 TUBE_OK);
    cr_assert_eq(conform.at[1].rows + conform.at[2].rows + conform.at[3].rows, 64);
    cr_assert_eq(tube_wait_all(p, THREE, TUBE_WAIT_FIRST_ERROR, 0, &err), TUBE_OK);
    end_three(p);

    start_three(o, p, mixed);
    cr_assert_eq(tube_wait_all(p, THREE, TUBE_WAIT_ALL, CONFORM_DEADLINE, &err),
                 TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 4",
                     "the first in order, not in time");
    cr_assert_eq(conform.at[1].rows, 50, "it did not wait for all");
    end_three(p);
}

/* covers: SEED-6 */
Test(N6, wait_all_waits_for_all_and_tells_the_first_failure, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(all_of_them);
}

static void
any_of_them(const tube_pipeline_opts *o)
{
    static const char *const text[] = { "src 0 fed=yes | sink 1", "src 4 n=3 | sink 2",
                                        "src 5 fed=yes | sink 3" };
    static const char *const fails[] = { "src 0 fed=yes | sink 1", "src 4 n=3 | sink 2",
                                         "src 5 bad=process at=3 | sink 3" };
    tube_pipeline *p[THREE];
    tube_error err = { 0 };

    start_three(o, p, text);
    cr_assert_eq(tube_wait_all(p, THREE, TUBE_WAIT_ANY, CONFORM_DEADLINE, &err),
                 TUBE_OK);
    cr_assert_eq(conform.at[2].finished, 1);
    cr_assert_eq(tube_wait_all(p, THREE, TUBE_WAIT_ALL, 20 * MS, &err), TUBE_ETIME);
    end_three(p);

    start_three(o, p, fails);
    cr_assert_eq(tube_wait_all(p, THREE, TUBE_WAIT_FIRST_ERROR, CONFORM_DEADLINE, &err),
                 TUBE_EIO);
    cr_assert_str_eq(err.message, "bad process of 5");
    cr_assert_eq(conform.at[1].finished, 0, "that one goes on");
    end_three(p);
}

/* covers: SEED-6 */
Test(N6, or_for_any_or_for_the_first_error, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(any_of_them);
}

static void
exit_status(const tube_pipeline_opts *o, const char *text, tube_status st, int status)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_start(o, text);
    conform_finish(p, st);
    cr_assert_eq(tube_exit_status(p, st), status, "%s: %d", text,
                 tube_exit_status(p, st));
    tube_pipeline_free(p);
}

static void
exit_statuses(const tube_pipeline_opts *o)
{
    tube_pipeline *p;

    exit_status(o, "src 0 n=3 | sink 1", TUBE_OK, 0);
    exit_status(o, "src 0 n=3 | pass id=2 filter=2 | sink 1", TUBE_OK, 0);
    exit_status(o, "src 0 | sink 1 stop=5", TUBE_OK, 0);
    exit_status(o, "src 0 n=9 | sink 1 bad=process at=2", TUBE_EIO, 1);
    exit_status(o, "src 0 n=9 | pass id=2 reject=3 | sink 1", TUBE_OK, 3);
    conform_reset();
    p = conform_new(o, "src 0 n=1 | sink 1");
    cr_assert_eq(tube_exit_status(p, TUBE_ECONFIG), 2); /* nothing was started */
    conform_go(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_exit_status(p, TUBE_ECONFIG), 1);
    cr_assert_eq(tube_exit_status(p, TUBE_EREACH), 4);
    cr_assert_eq(tube_exit_status(p, TUBE_EFENCED), 5);
    cr_assert_eq(tube_exit_status(p, TUBE_ECANCELED), 1);
    tube_pipeline_free(p);
}

Test(N6, the_exit_status_tells_how_it_went, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(exit_statuses);
}
