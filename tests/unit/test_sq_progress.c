/* SPDX-License-Identifier: MIT */
/* test_sq_progress.c -- which file it is, how far it is loaded, and who may go on. */
#include "../../stages/sq_progress.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char path[64];
static sq_db *db;
static sq_progress progress;

static void
start(void)
{
    tube_error err;

    (void)snprintf(path, sizeof(path), "/tmp/test_sq_progress.%ld", (long)getpid());
    (void)unlink(path);
    cr_assert_eq(tubei_sq_open(path, SQ_CREATE, &db, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tubei_sq_progress_create(db), SQ_DONE);
    cr_assert_eq(tubei_sq_progress_create(db), SQ_DONE, "twice");
    cr_assert_eq(tubei_sq_progress_attach(&progress, db), SQ_DONE);
}

static void
end(void)
{
    tubei_sq_progress_detach(&progress);
    tubei_sq_close(db);
    (void)unlink(path);
}

static sq_source
locate(const char *print, uint64_t size, bool again, sq_found *how)
{
    tube_origin o = { .name = "/a.log",
                      .print = print,
                      .print_len = (uint32_t)strlen(print),
                      .size = size };
    sq_source src;

    cr_assert_eq(tubei_sq_progress_locate(&progress, "t1", &o, again, &src, how),
                 SQ_DONE);
    return src;
}

/* Move a position in a transaction, as the sink does after it was committed. */
static bool
move(sq_source *src, uint64_t lo, uint64_t hi)
{
    sq_move m = {
        .source = src, .lo = lo, .hi = hi, .line = hi / 10, .rows = 2, .rejects = 1
    };
    bool moved = false;

    cr_assert_eq(tubei_sq_exec(db, "BEGIN IMMEDIATE"), SQ_DONE);
    cr_assert_eq(tubei_sq_progress_move(&progress, "t1", &m, &moved), SQ_DONE);
    if (!moved) {
        cr_assert_eq(tubei_sq_exec(db, "ROLLBACK"), SQ_DONE);
        return false;
    }
    cr_assert_eq(tubei_sq_progress_count(&progress, &m), SQ_DONE);
    cr_assert_eq(tubei_sq_exec(db, "COMMIT"), SQ_DONE);
    src->low = hi;
    src->line = hi / 10;
    src->begun = true;
    return true;
}

static sq_verdict
ask(sq_source *src, uint64_t lo, uint64_t hi)
{
    sq_move m = { .source = src, .lo = lo, .hi = hi };
    sq_verdict verdict;

    cr_assert_eq(tubei_sq_progress_ask(&progress, &m, 1, &verdict), SQ_DONE);
    return verdict;
}

TestSuite(sq_progress, .init = start, .fini = end, .timeout = 20);

Test(sq_progress, a_new_file_begins_at_0)
{
    sq_found how;
    sq_source src = locate("first line\n", 100, false, &how);

    cr_expect_eq(how, SQ_FOUND_NEW);
    cr_expect_neq(src.id, 0);
    cr_expect_eq(src.low, 0);
    cr_expect_not(src.begun);
    /* Looking does not begin anything. */
    cr_expect_eq(locate("first line\n", 100, true, &how).id, src.id);
    cr_expect_eq(how, SQ_FOUND_NEW);
}

Test(sq_progress, a_known_file_goes_on)
{
    sq_found how;
    sq_source src = locate("first line\n", 100, false, &how);
    sq_source seen;

    cr_assert(move(&src, 0, 50));
    cr_assert(move(&src, 50, 100));
    seen = locate("first line\n", 100, false, &how);
    cr_expect_eq(how, SQ_FOUND_KNOWN);
    cr_expect_eq(seen.id, src.id);
    cr_expect_eq(seen.low, 100);
    cr_expect_eq(seen.line, 10);
    cr_expect(seen.begun);
}

Test(sq_progress, exactly_the_stored_bytes_are_compared)
{
    sq_found how;
    sq_source src = locate("abc", 3, false, &how);

    cr_assert(move(&src, 0, 3));
    cr_expect_eq(locate("abX", 3, false, &how).low, 0, "another beginning");
    cr_expect_eq(locate("abcdef", 6, false, &how).low, 3, "it has grown");
    cr_expect_eq(how, SQ_FOUND_KNOWN);
    /* The fingerprint has grown with it: another file of those first bytes is new. */
    cr_expect_eq(locate("abcXYZ", 6, false, &how).low, 0);
    cr_expect_eq(locate("abcdefgh", 8, false, &how).low, 3);
}

/* A file that was cut and grows again begins with the bytes of both its lives: the later
 * one counts, or the lines of its second life would be taken for stored. */
Test(sq_progress, of_two_that_fit_the_newer_one_is_meant)
{
    sq_found how;
    sq_source first = locate("abc", 3, false, &how);
    sq_source cut;

    cr_assert(move(&first, 0, 3));
    cut = locate("ab", 2, false, &how);
    cr_expect_eq(how, SQ_FOUND_NEW);
    cr_assert(move(&cut, 0, 2));
    cr_expect_eq(locate("abcdef", 6, false, &how).low, 2);
    cr_expect_eq(how, SQ_FOUND_KNOWN);
}

Test(sq_progress, a_target_has_its_own_positions)
{
    tube_origin o = { .name = "/a.log", .print = "abc", .print_len = 3, .size = 3 };
    sq_found how;
    sq_source src = locate("abc", 3, false, &how);
    sq_source other;

    cr_assert(move(&src, 0, 3));
    cr_assert_eq(tubei_sq_progress_locate(&progress, "t2", &o, false, &other, &how),
                 SQ_DONE);
    cr_expect_eq(how, SQ_FOUND_NEW);
    o.name = "/b.log";
    cr_assert_eq(tubei_sq_progress_locate(&progress, "t1", &o, false, &other, &how),
                 SQ_DONE);
    cr_expect_eq(how, SQ_FOUND_NEW);
    cr_expect_neq(other.id, src.id);
}

Test(sq_progress, a_shorter_file_begins_its_next_life)
{
    sq_found how;
    sq_source src = locate("abc", 30, false, &how);
    sq_source next;

    cr_assert(move(&src, 0, 30));
    next = locate("abc", 29, false, &how);
    cr_expect_eq(how, SQ_FOUND_SHORTER);
    cr_expect_eq(next.id, src.id);
    cr_expect_eq(next.generation, 1);
    cr_expect_eq(next.low, 0);
    cr_assert(move(&next, 0, 29));
    cr_expect_eq(locate("abc", 29, false, &how).low, 29);
    cr_expect_eq(how, SQ_FOUND_KNOWN);
    cr_expect_eq(locate("abc", UINT64_MAX, false, &how).low, 29,
                 "a size that is not known");
}

Test(sq_progress, again_begins_the_next_life_on_purpose)
{
    sq_found how;
    sq_source src = locate("abc", 30, false, &how);
    sq_source next;

    cr_assert(move(&src, 0, 10));
    next = locate("abc", 30, true, &how);
    cr_expect_eq(how, SQ_FOUND_AGAIN);
    cr_expect_eq(next.generation, 1);
    cr_expect_eq(locate("abc", 30, false, &how).low, 10, "not before it has rows");
    cr_assert(move(&next, 0, 10));
    next = locate("abc", 30, false, &how);
    cr_expect_eq(next.generation, 1);
    cr_expect_eq(next.low, 10);
}

Test(sq_progress, only_one_moves_a_position)
{
    sq_found how;
    sq_source one = locate("abc", 30, false, &how);
    sq_source two = locate("abc", 30, false, &how);
    sq_source three = locate("abc", 30, false, &how);

    cr_expect(move(&one, 0, 10));
    cr_expect_not(move(&two, 0, 10), "both began at 0");
    three.begun = true;
    cr_expect_not(move(&three, 0, 20));
    two = one;
    cr_expect(move(&two, 10, 20));
    cr_expect_not(move(&one, 10, 15), "the other one went on");
    cr_expect_not(move(&two, 19, 30), "a gap");
    cr_expect_eq(locate("abc", 30, false, &how).low, 20);
}

Test(sq_progress, what_became_of_a_transaction)
{
    sq_found how;
    sq_source src = locate("abc", 30, false, &how);
    sq_source before = src;

    cr_expect_eq(ask(&src, 0, 10), SQ_OPEN, "nothing was ever committed");
    cr_assert(move(&src, 0, 10));
    cr_expect_eq(ask(&before, 0, 10), SQ_COMMITTED, "the first one was");
    cr_expect_eq(ask(&before, 0, 11), SQ_MOVED, "by somebody else");
    cr_expect_eq(ask(&src, 10, 20), SQ_OPEN);
    before = src;
    cr_assert(move(&src, 10, 20));
    cr_expect_eq(ask(&before, 10, 20), SQ_COMMITTED);
    cr_expect_eq(ask(&before, 10, 25), SQ_MOVED);
}

Test(sq_progress, of_several_sources_all_or_none)
{
    tube_origin o = { .name = "/b.log", .print = "abc", .print_len = 3, .size = 3 };
    sq_found how;
    sq_source a = locate("abc", 30, false, &how);
    sq_source b;
    sq_move m[2] = { { .source = &a, .lo = 0, .hi = 10 },
                     { .source = &b, .lo = 0, .hi = 10 } };
    sq_verdict verdict;

    cr_assert_eq(tubei_sq_progress_locate(&progress, "t1", &o, false, &b, &how),
                 SQ_DONE);
    cr_assert_eq(tubei_sq_progress_ask(&progress, m, 2, &verdict), SQ_DONE);
    cr_expect_eq(verdict, SQ_OPEN);
    cr_assert(move(&a, 0, 10));
    cr_assert_eq(tubei_sq_progress_ask(&progress, m, 2, &verdict), SQ_DONE);
    cr_expect_eq(verdict, SQ_MOVED);
    cr_assert(move(&b, 0, 10));
    cr_assert_eq(tubei_sq_progress_ask(&progress, m, 2, &verdict), SQ_DONE);
    cr_expect_eq(verdict, SQ_COMMITTED);
}

Test(sq_progress, a_stream_is_never_found_again)
{
    sq_source one = tubei_sq_progress_stream();
    sq_source two = tubei_sq_progress_stream();

    cr_expect_neq(one.generation, two.generation);
    cr_expect_eq(ask(&one, 0, 5), SQ_OPEN);
    cr_expect(move(&one, 0, 5));
    cr_expect(move(&two, 0, 5));
    cr_expect_neq(one.id, two.id);
    cr_expect_eq(ask(&one, 0, 5), SQ_COMMITTED);
    cr_expect(move(&one, 5, 7));
}
