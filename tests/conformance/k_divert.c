/* SPDX-License-Identifier: MIT */
/* k_divert.c -- K9: other stages take over in the middle of a stream. */
#include "conform.h"

#include <string.h>

static void
divert(tube_pipeline *p, const char *at, const char *text)
{
    tube_error err = { 0 };
    tube_status st = tube_divert(p, conform_ref(p, at), text, NULL, &err);

    cr_assert_eq(st, TUBE_OK, "%s -> %s: %d %s", at, text, (int)st, err.message);
}

static void
later_rows(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | pass 2 as=p | sink 9 as=s");

    conform_feed(1, 2);
    conform_until_rows(p, 9, 2);
    divert(p, "p", "pass 3 add=100 | sink 10");
    conform_feed(1, 2);
    conform_until_rows(p, 10, 2);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, NULL), "open 0 1 finish close");
    cr_assert_str_eq(conform_log(10, NULL), "open 102 103 finish close");
    cr_assert_eq(conform.at[2].finishes, 1);
    cr_assert_eq(conform.at[2].rows, 2);
    tube_pipeline_free(p);
}

/* covers: TUB-66, test_tubeDiverting */
Test(K9, what_comes_later_goes_to_the_new_stages, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(later_rows);
}

static void
reassembled(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | hoard 2 held=3 as=k | sink 9");

    conform_feed(1, 5);
    conform_until_rows(p, 9, 2);
    conform_quiet(p);
    divert(p, "k", "sink 10");
    conform_feed(1, 2);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 2 3 4 5 6 finish");
    cr_assert_eq(conform.at[2].reassembles, 1);
    cr_assert_eq(conform_counts(p).committed, 7);
    tube_pipeline_free(p);
}

/* covers: TUB-4, TUB-66, test_tubeDivertingReassembly */
Test(K9, what_a_stage_had_taken_in_is_given_back_and_comes_first,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(reassembled);
}

static void
while_paused(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | hoard 2 held=2 as=k | sink 9");
    tube_pause_id id;

    conform_feed(1, 3);
    conform_until_rows(p, 9, 1);
    conform_quiet(p);
    cr_assert_eq(tube_pause(p, conform_ref(p, "k"), (tube_ref){ 0 }, "test", &id),
                 TUBE_OK);
    conform_feed(1, 4);
    conform_quiet(p);
    divert(p, "k", "pass 3 | sink 10");
    conform_until_rows(p, 10, 6);
    /* the token went with the stage or is to be given back: both are right */
    (void)!tube_resume(p, id);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 1 2 3 4 5 6 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-66, TUB-23, test_divertWhilePaused */
Test(K9, a_paused_stage_is_relieved_of_all_that_waits_before_it,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(while_paused);
}

static void
nested(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | hoard 2 held=2 as=a | sink 9");
    int64_t fed = 0;
    static const char *const text[] = { "hoard 3 held=3 as=b | sink 10",
                                        "hoard 4 held=1 as=c | sink 11",
                                        "pass 5 as=d | sink 12" };
    static const char *const at[] = { "a", "b", "c" };

    for (int i = 0; i < 3; i++) {
        conform_feed(1, 3);
        fed += 3;
        conform_quiet(p);
        divert(p, at[i], text[i]);
    }
    conform_feed(1, 2);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 1 2 finish");
    cr_assert_str_eq(conform_log(11, "sink"), "open 3 4 5 6 7 finish");
    cr_assert_str_eq(conform_log(12, "sink"), "open 8 9 10 finish");
    cr_assert_eq(conform_counts(p).committed, (uint64_t)fed + 2);
    tube_pipeline_free(p);
}

/* covers: TUB-66, test_diverterInYourDiverterSoYouCanDivertWhileYouDivert,
 * test_rawMode, test_switchingWithMoreDataToDeliver */
Test(K9, what_was_diverted_is_diverted_again, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(nested);
}

static tube_pipeline *hooked;

static void
divert_inside(int id, int64_t call)
{
    if (id == 2 && call == 1)
        divert(hooked, "p", "pass 3 as=q | sink 10");
    if (id == 3 && call == 1)
        divert(hooked, "q", "sink 11");
}

static void
from_process(const tube_pipeline_opts *o)
{
    hooked = conform_new(o, "src 1 n=40 batch=2 | pass 2 as=p | sink 9");
    conform.hook = divert_inside;
    conform_go(hooked);
    conform_finish(hooked, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 3 finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 4 5 6 7 finish");
    cr_assert_eq(conform.at[11].rows, 32);
    cr_assert_eq(strncmp(conform_log(11, "sink"), "open 8 9 10 11 12", 17), 0);
    tube_pipeline_free(hooked);
}

/* covers: TUB-66, test_tubeDiverting_ReEntrantResumeReceive,
 * test_tubeDiverting_LotsOfStuffAtOnce,
 * test_diverterInYourDiverterSoYouCanDivertWhileYouDivert */
Test(K9, a_stage_diverts_itself_behind_the_batch_at_hand, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(from_process);
}

static void
shut_behind_three(int id, int64_t call)
{
    if (id == 10 && call == 2)
        conform_gate(10, true);
}

static void
inside_a_record(const tube_pipeline_opts *o)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;

    opts.depth = 4;
    p = conform_new(&opts,
                    "src 1 n=1 | emit 2 copies=60 single=yes bye=1 | sink 9 gate=yes"
                    " as=s");
    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(conform.at[2].finished, 0);
    conform.hook = shut_behind_three;
    divert(p, "s", "sink 10 gate=yes as=t");
    conform_quiet(p);
    cr_assert_str_eq(conform_log(10, "sink"), "open 0 0 0");
    divert(p, "t", "pass 3 | sink 11");
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open finish");
    cr_assert_str_eq(conform_log(10, "sink"), "open 0 0 0 finish");
    cr_assert_eq(conform.at[11].rows, 58);
    cr_assert_not_null(strstr(conform_log(11, "sink"), " 0 1001 finish"));
    tube_pipeline_free(p);
}

/* covers: TUB-66, test_tubeDivertingControlsWhereOutputGoes, TUB-23 */
Test(K9, the_output_is_switched_in_the_middle_of_what_one_record_becomes,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(inside_a_record);
}

static void
behind_its_stop(const tube_pipeline_opts *o)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;

    opts.depth = 4;
    p = conform_new(&opts, "src 1 n=2 | emit 2 bye=60 as=e | sink 9 gate=yes");
    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p); /* in the middle of its farewell: it has taken the stop */
    cr_assert_eq(conform.at[1].finished, 1);
    cr_assert_eq(conform.at[2].rows, 2);
    divert(p, "e", "sink 10 as=t");
    conform_gate(9, false);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(10, "sink"), "open finish");
    cr_assert_eq(conform.at[9].finished, 1);
    tube_pipeline_free(p);
}

/* covers: TUB-66 */
Test(K9, a_stage_that_has_taken_its_stop_gives_that_back_too,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(behind_its_stop);
}

static void
refused(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, "src 1 fed=yes | pass 2 as=p | sink 9");
    tube_ref at = conform_ref(p, "p");
    tube_error err = { 0 };

    conform_feed(1, 1);
    conform_until_rows(p, 9, 1);
    cr_assert_eq(tube_divert(p, at, "no such stage", NULL, &err), TUBE_ECONFIG);
    cr_assert_neq(err.message[0], '\0');
    cr_assert_eq(tube_divert(p, at, "pass 3 bad=open | sink 10", NULL, &err), TUBE_EIO);
    cr_assert_eq(tube_divert(p, (tube_ref){ 1u << 30 }, "sink 10", NULL, &err),
                 TUBE_EINVAL);
    conform_feed(1, 1);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 finish");
    cr_assert_eq(conform.at[10].rows, 0);
    cr_assert_eq(conform.at[10].opens, conform.at[10].closes);
    cr_assert_eq(tube_divert(p, at, "sink 10", NULL, &err), TUBE_END);
    tube_pipeline_free(p);
}

/* covers: TUB-66, TUB-15, test_flowFromTypeCheckFails */
Test(K9, stages_that_do_not_open_change_nothing, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(refused);
}

static void
bad_reassemble(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_start(o, "src 1 fed=yes | hoard 2 held=3 bad=reassemble as=k | sink 9");

    conform_feed(1, 5);
    conform_until_rows(p, 9, 2);
    conform_quiet(p);
    divert(p, "k", "sink 10");
    conform_end(1);
    conform_finish(p, TUBE_EIO);
    cr_assert_eq(conform.at[2].failures, 1);
    cr_assert_eq(conform.at[2].closes, 1);
    cr_assert_eq(conform.at[9].finished + conform.at[10].finished, 2);
    cr_assert_eq(conform_counts(p).committed + conform_counts(p).broken, 5);
    tube_pipeline_free(p);
}

/* covers: test_reassembleRaises */
Test(K9, a_reassembly_that_fails_is_a_failure_and_nothing_hangs,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(bad_reassemble);
}
