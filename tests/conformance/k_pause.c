/* SPDX-License-Identifier: MIT */
/* k_pause.c -- K4, K5, K12: pause tokens. */
#include "conform.h"

#include <string.h>

static tube_pause_id
paused(tube_pipeline *p, const char *name)
{
    tube_pause_id id = { 0 };

    cr_assert_eq(tube_pause(p, conform_ref(p, name), (tube_ref){ 0 }, "test", &id),
                 TUBE_OK);
    cr_assert_neq(id.id, 0);
    return id;
}

static void
counted(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | pass 2 as=p | sink 9");
    tube_pause_id id[4];

    for (int i = 0; i < 4; i++)
        id[i] = paused(p, "p");
    for (int i = 1; i < 4; i++)
        cr_assert_neq(id[i].id, id[i - 1].id);
    conform_feed(1, 3);
    for (int i = 0; i < 4; i++) {
        conform_quiet(p);
        cr_assert_eq(conform.at[2].calls, 0, "ran with %d tokens out", 4 - i);
        cr_assert_eq(conform_counts(p).pauses, (uint64_t)(4 - i));
        cr_assert_eq(tube_resume(p, id[(i + 2) % 4]), TUBE_OK);
    }
    conform_quiet(p);
    cr_assert_str_eq(conform_log(9, "rows"), "0 1 2");
    cr_assert_eq(conform_counts(p).pauses, 0);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: TUB-11, test_pauseOnce, test_pauseThenUnpause, test_repeatedlyPause,
 * test_pauseFlow, test_unpauseFlow */
Test(K4, a_stage_runs_when_the_last_of_its_tokens_is_back, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(counted);
}

static void
single_use(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | pass 2 as=p | sink 9");
    tube_pause_id a = paused(p, "p"), b = paused(p, "p");

    cr_assert_eq(tube_resume(p, a), TUBE_OK);
    cr_assert_eq(tube_resume(p, a), TUBE_EINVAL);
    cr_assert_eq(tube_resume(p, (tube_pause_id){ 0 }), TUBE_EINVAL);
    cr_assert_eq(tube_resume(p, (tube_pause_id){ b.id + 12345 }), TUBE_EINVAL);
    conform_feed(1, 1);
    conform_quiet(p);
    cr_assert_eq(conform.at[9].rows, 0, "released by somebody else's token");
    cr_assert_eq(tube_resume(p, b), TUBE_OK);
    conform_until_rows(p, 9, 1);
    a = paused(p, "p"); /* a new cycle works */
    conform_feed(1, 1);
    conform_quiet(p);
    cr_assert_eq(conform.at[9].rows, 1);
    cr_assert_eq(tube_resume(p, a), TUBE_OK);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_resume(p, b), TUBE_EINVAL);
    tube_pipeline_free(p);
}

/* covers: TUB-5, TUB-12, test_secondUnpauseFails, test_reentrantResume */
Test(K4, a_second_release_of_a_token_is_an_error_and_releases_nothing,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(single_use);
}

static tube_pipeline *hooked;
static tube_pause_id taken[2];

static void
pause_itself(int id, int64_t call)
{
    if (id == 2 && call == 1)
        for (int i = 0; i < 2; i++)
            taken[i] = paused(hooked, "p");
}

static void
from_inside(const tube_pipeline_opts *o)
{
    hooked = conform_new(o, "src 1 n=6 | pass 2 as=p | sink 9");
    conform.hook = pause_itself;
    conform_go(hooked);
    conform_quiet(hooked);
    /* the activation goes on to its end: the batch at hand, and a few behind it */
    cr_assert_geq(conform.at[9].rows, 2);
    cr_assert_eq(conform.at[9].finished, 0);
    cr_assert_eq(tube_resume(hooked, taken[0]), TUBE_OK);
    conform_quiet(hooked);
    cr_assert_eq(conform.at[9].finished, 0);
    cr_assert_eq(tube_resume(hooked, taken[1]), TUBE_OK);
    conform_finish(hooked, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 3 4 5 finish");
    tube_pipeline_free(hooked);
}

/* covers: TUB-12, TUB-21, test_reentrantPause, test_tubePausesItself,
 * test_flowToWillNotResumeFlowPausedInFlowingFrom */
Test(K4, a_stage_may_be_paused_from_its_own_process, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(from_inside);
}

/* K5 */

static void
resourced(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(
        o, "merge hold=yes as=m ( src 1 fed=yes as=one ) | pass 2 as=p | sink 9");
    tube_ref m = conform_ref(p, "m"), two;
    tube_pause_id id;

    conform_feed(1, 1);
    conform_until_rows(p, 9, 1);
    id = paused(p, "p");
    conform_feed(1, 2);
    conform_quiet(p);
    cr_assert_eq(tube_detach(p, conform_ref(p, "one"), NULL), TUBE_OK);
    conform_quiet(p); /* a while without any source */
    cr_assert_eq(conform_counts(p).pauses, 1);
    cr_assert_eq(tube_attach(p, m, "src 3 n=2 from=10", &two, NULL), TUBE_OK);
    conform_quiet(p);
    cr_assert_str_eq(conform_log(9, "rows"), "0");
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    cr_assert_eq(tube_seal(p, m), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 10 11 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-22, test_drainPausesFlowWhenPreviouslyPaused,
 * test_drainRemainsPausedAcrossDetachedState, test_noDrainThenLoseFount,
 * test_drainFlowingFromNoneAlsoUnpauses, test_siphonFlowingFromSomethingThenNothing,
 * test_flowingFromTwice */
Test(K5, a_pause_survives_another_source_and_a_time_without_one,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(resourced);
}

static void
source_freed(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "merge hold=yes as=m ( src 1 as=one n=-1 ) "
                                        "| pass 2 as=p | sink 9");
    tube_pause_id id = paused(p, "p");

    conform_quiet(p);
    cr_assert_eq(tube_detach(p, conform_ref(p, "one"), NULL), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].finished, 1, "the source hangs in a pause of another");
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, conform.at[1].rows);
    tube_pipeline_free(p);
}

/* covers: TUB-22, TUB-48, test_switchFlowToNone, test_drainFlowingFromNoneAlsoUnpauses,
 * test_pauseWhenSwitchedToNoDrain, test_flowStopped (fan in) */
Test(K5, a_source_taken_away_from_a_paused_stage_is_free, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(source_freed);
}

static void
listed(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "merge hold=yes as=m ( src 1 fed=yes as=one ) | sink 9 as=s");
    tube_pause_info info[4];
    tube_pause_id id = paused(p, "s");

    cr_assert_eq(tube_detach(p, conform_ref(p, "one"), NULL), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(tube_pauses(p, info, 4), 1);
    cr_assert_eq(info[0].id.id, id.id);
    cr_assert_eq(info[0].stage.id, conform_ref(p, "s").id);
    cr_assert_eq(info[0].owner.id, 0);
    cr_assert_str_eq(info[0].why, "test");
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    cr_assert_eq(tube_pauses(p, info, 4), 0);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}

/* covers: TUB-14, TUB-22 */
Test(K5, a_pause_is_still_in_the_list_when_its_source_has_gone,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(listed);
}

/* K12 */

static void
later_input(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "merge hold=yes as=m ( src 1 n=2 ) | sink 9");
    tube_ref m, in;
    tube_pause_id id, again;
    int64_t made;

    conform_go(p);
    conform_until_rows(p, 9, 2);
    m = conform_ref(p, "m");
    id = paused(p, "m");
    again = paused(p, "m");
    cr_assert_eq(tube_attach(p, m, "src 2", &in, NULL), TUBE_OK);
    cr_assert_eq(tube_attach(p, m, "src 3 n=5", NULL, NULL), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform.at[9].rows, 2);
    made = conform.at[2].rows;
    cr_assert_leq(made, 16 + 2, "%jd rows into a paused fan-in", (intmax_t)made);
    cr_assert_eq(tube_resume(p, id), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform.at[9].rows, 2, "one of two tokens is still out");
    cr_assert_eq(tube_resume(p, again), TUBE_OK);
    conform_until_rows(p, 9, 2 + 5 + 100);
    cr_assert_eq(tube_detach(p, in, NULL), TUBE_OK);
    cr_assert_eq(tube_seal(p, m), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[3].rows, 5);
    cr_assert_eq(conform.at[9].rows, 7 + conform.at[2].rows);
    tube_pipeline_free(p);
}

/* covers: TUB-51, TUB-52, test_pauseNewFountWhenPaused, test_pauseWhenNoDrain,
 * test_dontUnpauseWhenNoDrain */
Test(K12, a_paused_fan_in_holds_back_inputs_that_come_later, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(later_input);
}
