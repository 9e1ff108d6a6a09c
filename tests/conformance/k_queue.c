/* SPDX-License-Identifier: MIT */
/* k_queue.c -- K17, K22, K24: both ends of a queue, its budget, verdicts of a push. */
#include "conform.h"

#include <pthread.h>
#include <unistd.h>

#define RECORD "record row { n int; tag text }\n"

static tube_inlet *
inlet(tube_pipeline *p, const char *at)
{
    tube_error err = { 0 };
    tube_inlet *in = tube_inlet_new(p, conform_ref(p, at), "row", &err);

    cr_assert_not_null(in, "%s", err.message);
    return in;
}

static tube_status
push(tube_inlet *in, int64_t n)
{
    static const char tag[1 + TUBE_PAD] = "x";
    tube_cell row[2];

    tube_set_int(&row[0], n);
    tube_set_text(&row[1], tag, 1);
    return tube_push(in, row, NULL);
}

/* K17 */

static void
producer_closes(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, RECORD "merge hold=yes of=row as=m | sink 9 gate=yes as=s");
    tube_inlet *in;

    conform_gate(9, true);
    conform_go(p);
    in = inlet(p, "m");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(push(in, i), TUBE_OK);
    tube_inlet_stop(in, TUBE_STOP_END, NULL);
    cr_assert_eq(push(in, 3), TUBE_END);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_quiet(p);
    conform_gate(9, false);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 2 finish");
    tube_inlet_stop(in, TUBE_STOP_END, NULL); /* once more is nothing */
    tube_inlet_free(in);
    tube_pipeline_free(p);
}

/* covers: PIPE-6, PIPE-2, pipe close 1, pipe close 3, pipe close 4, pipe pushback 1,
 * pipe create_reader 3, test_stopIterationStopsIteration */
Test(K17, closing_the_producer_keeps_what_it_gave, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(producer_closes);
}

static void
consumer_closes(const tube_pipeline_opts *o)
{
    tube_pipeline *p =
        conform_new(o, RECORD "merge hold=yes of=row as=m | sink 9 gate=yes as=s");
    tube_inlet *in;

    conform_gate(9, true);
    conform_go(p);
    in = inlet(p, "m");
    for (int i = 0; i < 3; i++)
        cr_assert_eq(push(in, i), TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "s"), TUBE_STOP_CANCELLED, NULL),
                 TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(push(in, 3), TUBE_END);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open finish");
    cr_assert_eq(conform_counts(p).filtered, 3);
    tube_inlet_free(in);
    tube_pipeline_free(p);
}

/* covers: PIPE-7, PIPE-8, pipe close 2, pipe pushback 2, pipe create_writer 1,
 * pipe map 1, pipe of_sequence 2 */
Test(K17, closing_the_consumer_discards_and_closes_the_producer,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(consumer_closes);
}

/* K22 */

static void
resized(const tube_pipeline_opts *o)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;
    tube_ref s;

    opts.depth = 8;
    opts.batch_rows = 1;
    p = conform_new(&opts, "src 1 fed=yes | sink 9 gate=yes as=s");
    s = conform_ref(p, "s");
    conform_gate(9, true);
    conform_go(p);
    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .batches = 2 }),
                 TUBE_OK);
    conform_quiet(p);
    conform_feed(1, 1000);
    conform_quiet(p);
    cr_assert_leq(conform.at[1].rows, 2 + 2);
    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .batches = 16 }),
                 TUBE_OK);
    conform_quiet(p);
    cr_assert_geq(conform.at[1].rows, 16);
    cr_assert_leq(conform.at[1].rows, 16 + 2);
    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .batches = 17 }),
                 TUBE_EINVAL);
    /* smaller than what is inside: nothing is lost, nothing more comes */
    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .batches = 1 }),
                 TUBE_OK);
    conform_quiet(p);
    cr_assert_leq(conform.at[1].rows, 16 + 2);
    conform_gate(9, false);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 1000, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-1, PIPE-3, PIPE-5, pipe pushback 3, pipe pushback 4 */
Test(K22, a_queue_is_made_smaller_and_larger_while_it_runs, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(resized);
}

static void
rows_and_bytes(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "src 1 batch=10 | sink 9 gate=yes as=s");
    tube_ref s = conform_ref(p, "s"), a = conform_ref(p, "src");
    int64_t made;

    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .rows = 40 }), TUBE_OK);
    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    made = conform.at[1].rows;
    cr_assert_geq(made, 40);
    cr_assert_leq(made, 40 + 20);
    cr_assert_eq(
        tube_queue_resize(p, s, &(tube_queue_limits){ .rows = UINT64_MAX, .bytes = 1 }),
        TUBE_OK);
    conform_quiet(p);
    cr_assert_eq(conform.at[1].rows, made);
    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .bytes = UINT64_MAX }),
                 TUBE_OK);
    conform_quiet(p);
    cr_assert_geq(conform.at[1].rows, 160, "16 batches fit");
    cr_assert_eq(tube_queue_resize(p, a, &(tube_queue_limits){ .rows = 5 }),
                 TUBE_EINVAL, "a source has no queue");
    conform_gate(9, false);
    conform_until_rows(p, 9, 500);
    tube_drain(p);
    conform_finish(p, TUBE_OK);
    cr_assert_eq(conform.at[9].rows, conform.at[1].rows);
    tube_pipeline_free(p);
}

/* covers: PIPE-5, PIPE-28 */
Test(K22, rows_and_bytes_are_limits_of_their_own, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(rows_and_bytes);
}

static void
reserved(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "src 1 fed=yes batch=5 | sink 9 gate=yes as=s");
    tube_ref s = conform_ref(p, "s");

    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .rows = 20 }), TUBE_OK);
    conform_gate(9, true);
    conform_go(p);
    conform_quiet(p);
    cr_assert_eq(tube_queue_reserve(p, s, 21), TUBE_EINVAL);
    cr_assert_eq(tube_queue_reserve(p, s, 10), TUBE_OK);
    conform_feed(1, 100);
    conform_quiet(p);
    cr_assert_geq(conform.at[1].rows, 10, "what comes is what room was kept for");
    cr_assert_leq(conform.at[1].rows, 20 + 10);
    conform_gate(9, false);
    conform_end(1);
    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 100, 1);
    tube_pipeline_free(p);
}

static void
reserved_all(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_new(o, "src 1 n=100 batch=5 | sink 9 as=s");
    tube_ref s = conform_ref(p, "s");

    cr_assert_eq(tube_queue_resize(p, s, &(tube_queue_limits){ .rows = 20 }), TUBE_OK);
    cr_assert_eq(tube_queue_reserve(p, s, 20), TUBE_OK);
    conform_go(p);
    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, 100, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-5 */
Test(K22, room_that_is_all_reserved_lets_in_what_it_was_kept_for,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(reserved_all);
}

/* covers: PIPE-5 */
Test(K22, reserved_room_is_given_back_by_what_comes, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(reserved);
}

/* K24 */

static void
verdicts(const tube_pipeline_opts *o)
{
    tube_pipeline_opts opts = *o;
    tube_pipeline *p;
    tube_inlet *in;
    int64_t taken = 0;
    uint64_t was;

    opts.budget = 4u << 20;
    opts.depth = 2;
    p = conform_new(&opts, RECORD "merge hold=yes of=row as=m | sink 9 gate=yes");
    conform_gate(9, true);
    conform_go(p);
    in = inlet(p, "m");
    cr_assert_eq(tube_schema_width(tube_inlet_schema(in)), 2);
    for (int64_t before = -1; before != taken;) {
        before = taken;
        while (push(in, taken) == TUBE_OK)
            cr_assert_lt(taken++, 10000000, "it is never full");
        conform_quiet(p);
    }
    cr_assert_gt(taken, 0);
    cr_assert_eq(push(in, taken), TUBE_AGAIN);
    was = conform_counts(p).read;
    cr_assert_eq(push(in, taken), TUBE_AGAIN);
    cr_assert_eq(conform_counts(p).read, was, "refused and yet read");
    conform_gate(9, false);
    conform_quiet(p);
    cr_assert_eq(push(in, taken), TUBE_OK);
    taken++;
    tube_inlet_free(in);
    cr_assert_eq(tube_seal(p, conform_ref(p, "m")), TUBE_OK);
    conform_finish(p, TUBE_OK);
    conform_complete(9, 0, taken, 1);
    tube_pipeline_free(p);
}

/* covers: PIPE-9, PIPE-35, PIPE-4 */
Test(K24, taken_or_full_and_full_takes_nothing, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(verdicts);
}

static void
closed(const tube_pipeline_opts *o)
{
    tube_pipeline *p = conform_start(o, RECORD "merge hold=yes of=row as=m | sink 9");
    tube_ref m = conform_ref(p, "m");
    tube_inlet *in = inlet(p, "m"), *late;
    tube_error err = { 0 };

    cr_assert_eq(push(in, 0), TUBE_OK);
    conform_until_rows(p, 9, 1);
    cr_assert_eq(tube_stop_stage(p, m, TUBE_STOP_SATISFIED, NULL), TUBE_OK);
    conform_finish(p, TUBE_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(push(in, 1), TUBE_END);
    late = tube_inlet_new(p, m, "row", &err);
    cr_assert_null(late);
    cr_assert_eq(err.status, TUBE_END);
    tube_inlet_free(in);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 finish");
    tube_pipeline_free(p);
}

/* covers: PIPE-9, TUB-54 */
Test(K24, after_the_stop_every_push_says_closed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(closed);
}

enum { PUSHERS = 4 };

typedef struct pusher {
    pthread_t thread;
    tube_inlet *in;
    _Atomic int64_t taken;
    tube_status last;
} pusher;

static void *
push_on(void *arg)
{
    pusher *t = arg;

    for (;;) {
        t->last = push(t->in, t->taken);
        if (t->last == TUBE_OK)
            atomic_fetch_add(&t->taken, 1);
        else if (t->last == TUBE_AGAIN)
            (void)usleep(100);
        else
            return NULL;
    }
}

static void
raced(int32_t workers)
{
    tube_pipeline *p;
    pusher t[PUSHERS] = { 0 };
    uint64_t taken = 0;
    tube_counts c;

    conform_reset();
    p = conform_start(TUBE_PIPELINE_OPTS(.workers = workers),
                      RECORD "merge hold=yes of=row as=m | pass 2 | sink 9");
    for (int i = 0; i < PUSHERS; i++) {
        t[i].in = inlet(p, "m");
        cr_assert_eq(pthread_create(&t[i].thread, NULL, push_on, &t[i]), 0);
    }
    conform_until_rows(p, 9, 2000);
    cr_assert_eq(tube_stop_stage(p, conform_ref(p, "m"), TUBE_STOP_CANCELLED, NULL),
                 TUBE_OK);
    for (int i = 0; i < PUSHERS; i++) {
        cr_assert_eq(pthread_join(t[i].thread, NULL), 0);
        cr_assert_eq(t[i].last, TUBE_END);
        taken += (uint64_t)t[i].taken;
    }
    conform_finish(p, TUBE_OK);
    c = conform_counts(p);
    cr_assert_eq(c.read, taken, "%ju taken, %ju read", (uintmax_t)taken,
                 (uintmax_t)c.read);
    cr_assert_eq(c.committed + c.filtered, taken);
    for (int i = 0; i < PUSHERS; i++)
        tube_inlet_free(t[i].in);
    tube_pipeline_free(p);
}

/* covers: PIPE-9, PIPE-35 */
Test(K24, no_push_is_lost_in_a_race_with_the_stop, .timeout = CONFORM_SECONDS)
{
    for (int i = 0; i < 10; i++)
        raced(1 + i % 3);
}
