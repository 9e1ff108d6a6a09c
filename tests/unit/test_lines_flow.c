/* SPDX-License-Identifier: MIT */
/* test_lines_flow.c -- positions, line numbers, back-pressure and memory of `lines`. */
#include "lines_feed.h"

#include <sys/resource.h>

TestSuite(lines_flow, .timeout = 100);

static uint64_t
next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

/* Compare with the plainest way to cut an origin into lines. */
static size_t
check_origin(uint32_t i, size_t row)
{
    const struct feed_origin *o = &feed.origin[i];
    const char *p = o->bytes;
    const char *end = p + o->len;

    for (uint64_t line = o->line; p < end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl != NULL ? nl : end) - p);
        const struct feed_row *r = &got.row[row++];

        cr_assert_leq(row, got.n);
        cr_assert_eq(r->origin, feed.id[i]);
        cr_assert_eq(r->line, line);
        cr_assert_eq(r->offset, o->offset + (uint64_t)(p - o->bytes));
        cr_assert_eq(r->outcome, len == 0 ? FILTERED : LIVE);
        cr_assert_eq(r->len, len);
        cr_assert_eq(memcmp(r->text, p, len), 0);
        p += len + 1;
    }
    return row;
}

static void
check_run(const char *text, const tube_pipeline_opts *o)
{
    tube_counts c = feed_run(text, o, TUBE_OK);
    size_t row = 0;
    uint64_t filtered = 0;

    for (uint32_t i = 0; i < feed.n; i++)
        row = check_origin(i, row);
    cr_assert_eq(row, got.n);
    for (size_t i = 0; i < got.n; i++)
        filtered += got.row[i].outcome == FILTERED;
    cr_assert_eq(c.read, got.n);
    cr_assert_eq(c.filtered, filtered);
    cr_assert_eq(c.committed, got.n - filtered);
}

Test(lines_flow, any_cut_gives_the_same_lines_at_the_same_places)
{
    static char bytes[FEED_ORIGINS][3000];
    uint64_t seed = 5;

    for (uint32_t round = 0; round < 400; round++) {
        feed.n = 1 + (uint32_t)next_random(&seed) % FEED_ORIGINS;
        for (uint32_t i = 0; i < feed.n; i++) {
            struct feed_origin *o = &feed.origin[i];
            uint64_t rare = 1 + next_random(&seed) % 200;

            o->len = next_random(&seed) % (round % 3 == 0 ? 5 : sizeof(bytes[i]));
            for (size_t k = 0; k < o->len; k++)
                bytes[i][k] = next_random(&seed) % rare == 0 ? '\n' : 'a';
            o->bytes = bytes[i];
            o->offset = next_random(&seed) % 2 * (next_random(&seed) << 9);
            o->line = o->offset == 0 ? 0 : next_random(&seed);
            o->stream = i == 0 && round % 5 == 0;
            /* The next origin ends this one too, and the end of the input the last. */
            o->open = round % 4 == 0;
        }
        feed.chunk = 1 + next_random(&seed) % (round % 2 == 0 ? 20 : 3000);
        feed.shuffle = round % 3 == 0 ? 0 : next_random(&seed) + 1;
        feed.segments = (uint32_t)next_random(&seed) % 4;
        check_run("feed | lines | keep_all",
                  TUBE_PIPELINE_OPTS(.workers = round % 20 == 0 ? 2 : TUBE_CALLER,
                                     .seed = round + 1,
                                     .batch_rows = (uint32_t)next_random(&seed) % 20,
                                     .depth = 2));
    }
}

/* Origins share a buffer, and may end without a word. */
Test(lines_flow, origins_do_not_run_into_each_other)
{
    static char bytes[4000]; /* enough that rows point into the buffer */

    memset(bytes, 'a', sizeof(bytes));
    memcpy(bytes + sizeof(bytes) - 5, "\nb\n\r", 5); /* its NUL is not fed */
    feed.n = FEED_ORIGINS;
    for (uint32_t i = 0; i < feed.n; i++)
        feed.origin[i] = (struct feed_origin){
            .bytes = i % 2 == 0 ? bytes : "\ny",
            .len = i % 2 == 0 ? sizeof(bytes) - 1 : 2,
            .offset = 1000,
            .open = true,
        };
    for (feed.segments = 0; feed.segments < 4; feed.segments++) {
        feed_run("feed | lines cr=keep | keep_all", NULL, TUBE_OK);
        cr_assert_eq(got.n, 5 * FEED_ORIGINS / 2);
        for (size_t i = 0; i < got.n; i += 5) {
            cr_assert_str_eq(got.row[i + 2].text, "\r");
            cr_assert_eq(got.row[i + 3].outcome, FILTERED);
            cr_assert_str_eq(got.row[i + 4].text, "y");
            cr_assert_eq(got.row[i + 4].offset, 1001);
        }
        feed_run("feed | lines | keep_all", NULL, TUBE_OK);
        cr_assert_eq(got.n, 5 * FEED_ORIGINS / 2);
        for (size_t i = 0; i < got.n; i += 5) {
            cr_assert_eq(got.row[i + 2].outcome, FILTERED);
            cr_assert_eq(got.row[i + 3].outcome, FILTERED);
            cr_assert_eq(got.row[i + 3].len, 0);
            cr_assert_str_eq(got.row[i + 4].text, "y");
        }
    }
}

Test(lines_flow, batches_are_full_before_they_are_many)
{
    static char bytes[3 * TUBE_BUFFER_BYTES];

    memset(bytes, '\n', sizeof(bytes));
    feed.n = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = sizeof(bytes) };
    check_run("feed | lines | keep_all", NULL);
    cr_assert_eq(got.most_rows, TUBE_BATCH_ROWS);
    cr_assert_eq(got.batches, sizeof(bytes) / TUBE_BATCH_ROWS);
    memset(bytes, 'x', sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i += 100)
        bytes[i] = '\n';
    check_run("feed | lines | keep_all", NULL);
    cr_assert_eq(got.batches, 3);
    cr_assert_leq(got.most_text, TUBE_BUFFER_BYTES + 200);
}

/* A line without an end is not kept when the input was cut short. */
Test(lines_flow, a_failed_source_completes_no_line)
{
    feed_text("one\ntwo\nthr");
    feed.origin[0].open = true;
    feed.fail = true;
    feed_run("feed | lines | keep_all", NULL, TUBE_EIO);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(got.hi[0], 8);
    feed.fail = false;
    feed_run("feed | lines | keep_all", NULL, TUBE_OK);
    cr_assert_eq(got.n, 3);
    cr_assert_eq(got.hi[0], 11);
}

Test(lines_flow, rejects_and_blanks_keep_line_numbers_right)
{
    feed_text("1\n\n333333\n4\n\r\n6666666666\n7");
    feed.origin[0].line = 100;
    feed.origin[0].offset = 1000;
    feed.chunk = 4;
    for (uint32_t rows = 1; rows < 9; rows++) {
        tube_counts c = feed_run("feed | lines max_line=5 | keep_all",
                                 TUBE_PIPELINE_OPTS(.batch_rows = rows), TUBE_OK);

        cr_assert_eq(c.read, 7);
        cr_assert_eq(c.filtered, 2);
        cr_assert_eq(c.rejected, 2);
        cr_assert_eq(c.committed, 3);
        for (size_t i = 0; i < 7; i++)
            cr_assert_eq(got.row[i].line, 100 + i);
        cr_assert_eq(got.row[6].offset, 1000 + 25);
        cr_assert_str_eq(got.row[2].reason,
                         "line of 6 bytes is longer than max_line=5");
        cr_assert_str_eq(got.row[5].reason,
                         "line of 10 bytes is longer than max_line=5");
        cr_assert_eq(got.hi[0], 1026);
    }
}

Test(lines_flow, a_line_of_a_gigabyte_is_one_reject)
{
    static char bytes[TUBE_BUFFER_BYTES];
    struct rusage before, after;

    memset(bytes, 'z', sizeof(bytes));
    feed.n = 2;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = sizeof(bytes) };
    feed.origin[1] = (struct feed_origin){ .bytes = "x\n", .len = 2 };
    feed.repeat = (size_t)1 << 14;
    getrusage(RUSAGE_SELF, &before);
    tube_counts c = feed_run("feed | lines | keep_all",
                             TUBE_PIPELINE_OPTS(.budget = 4 << 20), TUBE_OK);
    getrusage(RUSAGE_SELF, &after);
    cr_assert_eq(c.rejected, 1);
    cr_assert_eq(c.bytes, ((uint64_t)1 << 30) + 2 * feed.repeat);
    cr_assert_eq(got.row[0].len, 65536);
    cr_assert_str_eq(got.row[0].reason,
                     "line of 1073741824 bytes is longer than max_line=1048576");
    cr_assert_eq(got.hi[0], (uint64_t)1 << 30);
    cr_assert_leq(c.memory_high, (8 << 20));
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
    cr_assert_leq(after.ru_maxrss - before.ru_maxrss, 32 << 10);
#else
    (void)before; /* a sanitizer's own memory */
#endif
}

Test(lines_flow, a_line_of_max_line_bytes_passes)
{
    static char bytes[TUBE_BUFFER_BYTES];

    memset(bytes, 'z', sizeof(bytes));
    feed.n = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = sizeof(bytes) };
    feed.repeat = 16;
    feed_run("feed | lines | keep_all", NULL, TUBE_OK);
    cr_assert_eq(got.n, 1);
    cr_assert_eq(got.row[0].outcome, LIVE);
    cr_assert_eq(got.row[0].len, 1 << 20);
    feed.repeat = 1024;
    feed_run("feed | lines max_line=64M | keep_all", NULL, TUBE_OK);
    cr_assert_eq(got.row[0].outcome, LIVE);
    cr_assert_eq(got.row[0].len, 64 << 20);
    for (size_t i = 0; i < got.row[0].len; i++)
        cr_assert(got.row[0].text[i] == 'z');
}
