/* SPDX-License-Identifier: MIT */
/* n_ask.c -- N8, N10, K24, parts of N9 and N12: who asks what became of a record is told, once. */
#include "conform.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { RECORDS = 300 };

#define LINES                                                         \
  "record item { n int; tag text? }\nrecord small { n int 0..199 }\n" \
  "merge hold=yes of=item as=in"

static int called[8]; /* by outcome */

static void
count(tube_future *f)
{
    __atomic_add_fetch(&called[tube_future_look(f)], 1, __ATOMIC_RELAXED);
}

static const tube_then on_count = { .fn = count };

static void
begin(void)
{
    memset(called, 0, sizeof(called));
}

static int
calls(void)
{
    int all = 0;

    for (size_t i = 0; i < sizeof(called) / sizeof(called[0]); i++)
        all += called[i];
    return all;
}

static tube_inlet *
inlet(tube_pipeline *p)
{
    tube_error err = { 0 };
    tube_inlet *in = tube_inlet_new(p, conform_ref(p, "in"), NULL, &err);

    cr_assert_not_null(in, "%s", err.message);
    return in;
}

static void
push_int(tube_pipeline *p, tube_inlet *in, int64_t v, tube_future *f)
{
    tube_cell row[2];
    tube_status st;

    tube_set_int(&row[0], v);
    tube_set_null(&row[1]);
    while ((st = tube_push(in, row, f)) == TUBE_AGAIN)
        if (conform.caller)
            (void)!conform_step(p);
    cr_assert_eq(st, TUBE_OK, "%d", (int)st);
}

/* Push RECORDS numbers, each with a future, and end well. */
static tube_pipeline *
run(const tube_pipeline_opts *o, const char *rest, const tube_then *then,
    tube_future *f)
{
    char text[512];
    tube_pipeline *p;
    tube_inlet *in;

    begin();
    (void)snprintf(text, sizeof(text), "%s %s", LINES, rest);
    p = conform_start(o, text);
    in = inlet(p);
    for (int i = 0; i < RECORDS; i++) {
        tube_future_init(&f[i], then);
        push_int(p, in, i, &f[i]);
    }
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, conform_ref(p, "in")), TUBE_OK);
    return p;
}

static void
expect(tube_outcome outcome, int n)
{
    cr_assert_eq(called[outcome], n, "outcome %d: %d times, not %d", (int)outcome,
                 called[outcome], n);
}

static void
outcomes(const tube_pipeline_opts *o)
{
    tube_future f[RECORDS];
    tube_error err;
    tube_pipeline *p = run(o, "| where n != 7 | expect small | null", &on_count, f);

    conform_finish(p, TUBE_OK);
    expect(TUBE_COMMITTED, 199);
    expect(TUBE_FILTERED, 1);
    expect(TUBE_REJECTED, 100);
    cr_assert_eq(tube_future_look(&f[7]), TUBE_FILTERED);
    cr_assert_eq(tube_future_reason(p, &f[250], &err), TUBE_REJECTED);
    cr_assert_str_eq(err.stage, "expect");
    cr_assert(strstr(err.message, "n") != NULL, "'%s'", err.message);
    cr_assert_eq(tube_future_reason(p, &f[0], &err), TUBE_COMMITTED);
    cr_assert_str_empty(err.message);
    cr_assert_eq(tube_outstanding(p), 0);
    tube_pipeline_free(p);
}

/* covers: SEED-7 */
Test(N9, committed_filtered_and_rejected_with_its_reason, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(outcomes);
}

static void
several(const tube_pipeline_opts *o)
{
    tube_future f[RECORDS];
    tube_pipeline *p = run(o,
                           "| tee ( where n < 100 | null ) "
                           "( expect small | null ) | null",
                           &on_count, f);

    conform_finish(p, TUBE_OK);
    expect(TUBE_COMMITTED,
           200); /* one of its copies was stored: the others do not count */
    expect(TUBE_REJECTED, 100); /* one was rejected */
    cr_assert_eq(calls(), RECORDS);
    tube_pipeline_free(p);
}

Test(N8, one_to_several_is_the_worst_of_them, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(several);
}

static void
sorted(const tube_pipeline_opts *o)
{
    tube_future f[RECORDS];
    tube_pipeline *p =
        run(o, "| merge by=n ( src 0 n=500 ) | where n < 250 | null", &on_count, f);

    conform_finish(p, TUBE_OK);
    expect(TUBE_COMMITTED, 250);
    expect(TUBE_FILTERED, 50);
    cr_assert_eq(calls(), RECORDS);
    tube_pipeline_free(p);
}

Test(N8, through_stages_that_make_records_anew, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(sorted);
}

static void
split(const tube_pipeline_opts *o)
{
    tube_future f[RECORDS];
    tube_pipeline *p =
        run(o,
            "| parallel 2 ( where n != 3 ) "
            "| route ( when n < 100 | null ) | thru ( keep n ) ( keep n ) "
            "| null",
            &on_count, f);

    conform_finish(p, TUBE_OK);
    expect(TUBE_COMMITTED, RECORDS - 1);
    expect(TUBE_FILTERED, 1);
    cr_assert_eq(calls(), RECORDS);
    tube_pipeline_free(p);
}

Test(N8, through_joints, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(split);
}

/* An emitter that knows nothing of who asks: two of each, none of odd ones. */
static tube_status
doubler_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    tube_batch *out = tube_take(s);

    (void)err;
    if (out == NULL)
        return TUBE_AGAIN;
    TUBE_EACH(b, r)
        if (tube_row(b, r)->integer % 2 == 0)
            for (int i = 0; i < 2; i++)
                *tube_batch_add(out) = *tube_row(b, r);
    return tube_emit(s, &out) == TUBE_END ? TUBE_END : TUBE_OK;
}

static tube_status
doubler_open(tube_stage *s, tube_error *err)
{
    return tube_set_schema(s, tube_schema_column(tube_input(s), 0), 1, err);
}

static const tube_stage_def doubler = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "doubler",
    .summary = "two of each even one",
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .flags = TUBE_EMITS,
    .open = doubler_open,
    .process = doubler_process,
};

static void
emitted(const tube_pipeline_opts *o)
{
    tube_future f[RECORDS];
    tube_pipeline *p = conform_new_with(o, &doubler, 1, LINES " | doubler | null");
    tube_inlet *in;

    begin();
    conform_go(p);
    in = inlet(p);
    for (int i = 0; i < RECORDS; i++) {
        tube_future_init(&f[i], &on_count);
        push_int(p, in, i, &f[i]);
    }
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, conform_ref(p, "in")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(calls(), RECORDS);
    cr_assert_eq(called[TUBE_COMMITTED] + called[TUBE_FILTERED], RECORDS);
    cr_assert_geq(called[TUBE_COMMITTED], RECORDS / 2);
    tube_pipeline_free(p);
}

Test(N8, an_emitter_that_says_nothing_is_told_of_as_a_whole, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(emitted);
}

static void
aborted(const tube_pipeline_opts *o)
{
    tube_future f[RECORDS];
    tube_error err;
    tube_pipeline *p;
    tube_inlet *in;

    begin();
    conform_gate(4, true);
    p = conform_start(o, LINES " | sink 4 gate=yes");
    in = inlet(p);
    for (int i = 0; i < 20; i++) {
        tube_future_init(&f[i], &on_count);
        push_int(p, in, i, &f[i]);
    }
    tube_abort(p);
    conform_finish(p, TUBE_ECANCELED);
    tube_inlet_free(in);
    expect(TUBE_BROKEN, 20);
    cr_assert_eq(tube_future_reason(p, &f[3], &err), TUBE_BROKEN);
    cr_assert_str_eq(err.message, "aborted");
    tube_pipeline_free(p);
    cr_assert_eq(calls(), 20);
}

Test(N10, all_are_told_when_it_is_aborted, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(aborted);
}

static void
freed(const tube_pipeline_opts *o)
{
    tube_future f[5];
    tube_pipeline *p;
    tube_inlet *in;

    begin();
    p = conform_start(o, LINES " | null");
    in = inlet(p);
    for (int i = 0; i < 5; i++) {
        tube_future_init(&f[i], &on_count);
        push_int(p, in, i, &f[i]);
    }
    tube_pipeline_free(p);
    tube_inlet_free(in);
    cr_assert_eq(calls(), 5);
}

Test(N10, and_when_it_is_freed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(freed);
}

static void
bounded(const tube_pipeline_opts *o)
{
    tube_future f[12];
    tube_cell row[2];
    tube_pipeline *p;
    tube_inlet *in;

    conform_gate(4, true);
    p = conform_start(o, LINES " | sink 4 gate=yes");
    in = inlet(p);
    tube_bound(p, 10);
    for (int i = 0; i < 12; i++)
        tube_future_init(&f[i], NULL);
    for (int i = 0; i < 10; i++)
        push_int(p, in, i, &f[i]);
    tube_set_int(&row[0], 11);
    tube_set_null(&row[1]);
    cr_assert_eq(tube_push(in, row, &f[10]), TUBE_AGAIN);
    cr_assert_eq(tube_outstanding(p), 10);
    cr_assert_eq(tube_push(in, row, NULL), TUBE_OK); /* nobody asks: no limit */
    tube_abort(p);
    conform_finish(p, TUBE_ECANCELED);
    cr_assert_eq(tube_future_look(&f[9]), TUBE_BROKEN);
    cr_assert_eq(tube_future_look(&f[10]), 0);
    cr_assert_eq(tube_outstanding(p), 0);
    tube_inlet_free(in);
    tube_pipeline_free(p);
}

Test(N12, those_that_are_open_are_bounded, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(bounded);
}

static pthread_t here;

static void
on_my_thread(tube_future *f)
{
    cr_assert(pthread_equal(here, pthread_self()));
    count(f);
}

static void
looped(const tube_pipeline_opts *o)
{
    tube_error err = { 0 };
    tube_loop *l = tube_loop_new(&err);
    tube_then then = { .fn = on_my_thread, .loop = l };
    struct pollfd fd = { .fd = tube_loop_fd(l), .events = POLLIN };
    tube_future f[RECORDS];
    tube_pipeline *p = run(o, "| null", &then, f);
    int n = 0;

    here = pthread_self();
    cr_assert(!tube_future_cancel(&f[0]) || tube_future_look(&f[0]) == 0);
    conform_finish(p, TUBE_OK);
    while (n < RECORDS && poll(&fd, 1, 1000) == 1)
        n += (int)tube_loop_dispatch(l, 7);
    cr_assert_eq(poll(&fd, 1, 0), 0);
    cr_assert_eq(n, calls());
    cr_assert_geq(n, RECORDS - 1);
    tube_pipeline_free(p);
    tube_loop_free(l);
}

Test(N12, on_a_thread_of_ones_choice, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(looped);
}

static void
together(const tube_pipeline_opts *o)
{
    tube_all all;
    tube_future f[RECORDS];
    tube_pipeline *p;

    tube_all_init(&all, RECORDS + 1, NULL);
    p = run(o, "| where n != 9 | null", &all.part, f);
    cr_assert_eq(tube_future_wait(&all.done, 0), TUBE_ETIME);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(tube_future_look(&all.done), 0);
    tube_all_without(&all, TUBE_DROPPED);
    cr_assert_eq(tube_future_wait(&all.done, TUBE_FOREVER), TUBE_OK);
    cr_assert_eq(tube_future_look(&all.done), TUBE_DROPPED);
    tube_pipeline_free(p);
}

Test(N12, several_are_one, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(together);
}

static void
cancelled(const tube_pipeline_opts *o)
{
    tube_future f[2];
    tube_pipeline *p;
    tube_cell row[2];
    tube_inlet *in;

    begin();
    conform_gate(4, true);
    p = conform_start(o, LINES " | sink 4 gate=yes");
    in = inlet(p);
    for (int i = 0; i < 2; i++) {
        tube_future_init(&f[i], &on_count);
        push_int(p, in, i, &f[i]);
    }
    cr_assert(tube_future_cancel(&f[0]));
    tube_set_null(&row[0]);
    tube_set_null(&row[1]);
    cr_assert_eq(tube_push(in, row, &f[0]), TUBE_EINVAL); /* a record has it */
    conform_gate(4, false);
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, conform_ref(p, "in")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(calls(), 1);
    cr_assert_eq(tube_future_look(&f[0]), TUBE_COMMITTED);
    cr_assert_not(tube_future_cancel(&f[1]));
    tube_pipeline_free(p);
}

Test(N12, a_call_can_be_called_off, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(cancelled);
}

static void *
push_late(void *arg)
{
    tube_cell row[2];
    tube_status st = TUBE_OK;

    tube_set_null(&row[1]);
    for (int i = 0; i < 2000 && st == TUBE_OK; i++) {
        tube_set_int(&row[0], i);
        st = tube_push_within(arg, row, NULL, TUBE_FOREVER);
    }
    cr_assert_eq(st, TUBE_OK);
    return NULL;
}

Test(K24, a_push_that_waits_gets_through_and_one_that_does_not_is_told,
     .timeout = CONFORM_SECONDS)
{
    const tube_pipeline_opts *o = TUBE_PIPELINE_OPTS(.workers = 2);
    pthread_t thread[4];
    tube_pipeline *p;
    tube_inlet *in;
    tube_cell row[2];
    tube_status st = TUBE_OK;

    conform_reset();
    conform_gate(4, true);
    p = conform_start(o, LINES " | sink 4 gate=yes");
    in = inlet(p);
    tube_set_int(&row[0], 1);
    tube_set_null(&row[1]);
    for (int i = 0; i < 1000 && st == TUBE_OK; i++) { /* till all queues are full */
        while ((st = tube_push(in, row, NULL)) == TUBE_OK) {
        }
        cr_assert_eq(st, TUBE_AGAIN);
        st = tube_push_within(in, row, NULL, 20000000);
    }
    cr_assert_eq(st, TUBE_ETIME);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, push_late, in), 0);
    conform_gate(4, false);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    tube_inlet_stop(in, TUBE_STOP_END, NULL);
    cr_assert_eq(tube_push_within(in, row, NULL, TUBE_FOREVER), TUBE_END);
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, conform_ref(p, "in")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    tube_pipeline_free(p);
}
