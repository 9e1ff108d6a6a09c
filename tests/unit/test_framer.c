/* SPDX-License-Identifier: MIT */
/* test_framer.c -- netstrings, prefixed and octets as stages: rows, places, ends. */
#include "frame.h"
#include "lines_feed.h"

TestSuite(framer, .timeout = 100);

static uint64_t seed = 7;

static uint32_t
pick(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(seed >> 33) % n;
}

/* Rows as "text@offset/line" with a blank behind each; '!' rejected. */
static const char *
shown(void)
{
    static char out[4096];
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < got.n && n < sizeof(out) - 200; i++) {
        const struct feed_row *r = &got.row[i];

        n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.100s@%ju/%ju ",
                              r->outcome == LIVE ? "" : "!", r->text,
                              (uintmax_t)r->offset, (uintmax_t)r->line);
    }
    return out;
}

/* However the bytes are cut into segments and batches. */
static void
check(const char *text, const char *bytes, size_t len, tube_status want_status,
      const char *want)
{
    feed.n = 1;
    feed.origin[0].bytes = bytes;
    feed.origin[0].len = len;
    for (size_t chunk = 0; chunk < 9; chunk++)
        for (uint32_t segments = 0; segments < 3; segments++)
            for (uint32_t rows = 0; rows < 3; rows++) {
                feed.chunk = chunk;
                feed.segments = segments;
                feed_run(text,
                         TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .depth = 2,
                                            .batch_rows = rows),
                         want_status);
                cr_assert_str_eq(shown(), want, "%s of %s, %zu %u %u: %s", text, bytes,
                                 chunk, segments, rows, shown());
            }
    feed.chunk = feed.segments = 0;
}

#define CHECK(text, bytes, status, want) \
  check("feed | " text " | keep_all", bytes, sizeof(bytes) - 1, status, want)

Test(framer, netstrings)
{
    CHECK("netstrings", "", TUBE_OK, "");
    CHECK("netstrings", "3:abc,0:,1:d,", TUBE_OK, "abc@0/0 @6/1 d@9/2 ");
    CHECK("netstrings", "1:a,x2:bc,", TUBE_OK, "a@0/0 !x@4/1 bc@5/2 ");
    CHECK("netstrings", "1:a,3:b", TUBE_OK, "a@0/0 !3:b@4/1 ");
    CHECK("netstrings", "zzz", TUBE_OK, "!zzz@0/0 ");
    CHECK("netstrings max=2", "1:a,3:bcd,1:e,", TUBE_OK, "a@0/0 !bcd@4/1 e@10/2 ");
    /* a place in the middle of the origin */
    feed.origin[0].offset = 1000;
    feed.origin[0].line = 17;
    CHECK("netstrings", "1:a,x2:bc,", TUBE_OK, "a@1000/17 !x@1004/18 bc@1005/19 ");
}

Test(framer, prefixed)
{
    CHECK("prefixed 8", "\3abc\0\1d", TUBE_OK, "abc@0/0 @4/1 d@5/2 ");
    CHECK("prefixed 16", "\0\3abc\0\1d", TUBE_OK, "abc@0/0 d@5/1 ");
    CHECK("prefixed bits=32 max=2", "\0\0\0\3abc\0\0\0\1d", TUBE_OK, "!abc@0/0 d@7/1 ");
    CHECK("prefixed 8", "\1a\3bc", TUBE_OK, "a@0/0 !\3bc@2/1 ");
}

Test(framer, octets)
{
    CHECK("octets", "6 <34>ab5 <34>c", TUBE_OK, "<34>ab@0/0 <34>c@8/1 ");
    CHECK("octets", "6 <34>ab\n5 <34>c", TUBE_OK, "<34>ab@0/0 !\n@8/1 <34>c@9/2 ");
}

Test(framer, garbage_fails_behind_what_was_good)
{
    CHECK("netstrings garbage=fail", "3:abc,1:d,oops1:e,", TUBE_EPARSE,
          "abc@0/0 d@6/1 ");
    CHECK("octets garbage=fail", "1 a2 bcx1 d", TUBE_EPARSE, "a@0/0 bc@3/1 ");
}

Test(framer, a_failure_says_where)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(NULL, &err);

    feed_text("3:abc,oops");
    feed.origin[0].offset = 70;
    feed_rewind();
    cr_assert_eq(tube_define(p, &feed_def, &err), TUBE_OK);
    cr_assert_eq(tube_define(p, &keep_def, &err), TUBE_OK);
    cr_assert_eq(tube_series(p, "feed | netstrings garbage=fail | keep_all", &err),
                 TUBE_OK);
    cr_assert_eq(tube_run(p, &err), TUBE_EPARSE);
    cr_assert_str_eq(err.message,
                     "no netstring: 4 bytes from 'oops' on, at byte 76 of o0");
    cr_assert_eq(err.offset, 76);
    cr_assert_str_eq(err.stage, "netstrings");
    tube_pipeline_free(p);
}

/* The next run reads again what this one did not get whole. */
Test(framer, what_a_failure_cut_off_is_left)
{
    feed.fail = true;
    feed.origin[0].open = true;
    CHECK("netstrings", "3:abc,5:ab", TUBE_EIO, "abc@0/0 ");
    CHECK("netstrings", "3:abc,oops", TUBE_EIO, "abc@0/0 ");
    cr_assert_eq(got.hi[0], 6);
    CHECK("prefixed 8", "\3abc\5", TUBE_EIO, "abc@0/0 ");
    feed.origin[0].open = false; /* it ended before the failure */
    CHECK("prefixed 8", "\3abc\5", TUBE_EIO, "abc@0/0 !\5@4/1 ");
}

/* Text of random frames and garbage. */
static size_t
random_bytes(char *to, size_t room)
{
    static const char junk[] = "x:,1234567890 ";
    size_t n = 0;

    while (n + 400 < room && pick(60) != 0) {
        size_t len = pick(pick(3) == 0 ? 300 : 10);

        n += tubei_frame_head(TUBEI_FRAME_NETSTRING, len, to + n);
        for (size_t i = 0; i < len; i++)
            to[n++] = (char)pick(256);
        to[n++] = ',';
        for (size_t i = pick(4) == 0 ? pick(30) : 0; i > 0; i--)
            to[n++] = junk[pick(sizeof(junk) - 1)];
    }
    return n;
}

/* Compare with what the decoder makes of each origin as one piece. */
static size_t
check_origin(uint32_t i, size_t row)
{
    const struct feed_origin *o = &feed.origin[i];
    uint64_t line = o->line;
    tubei_decoder d;
    tubei_frame f;
    size_t pos = 0;

    tubei_decoder_init(&d, TUBEI_FRAME_NETSTRING, 200, TUBEI_GARBAGE_RESYNC);
    while (tubei_decoder_next(&d, o->bytes, o->len, &pos, &f) == 1
           || tubei_decoder_end(&d, true, &f) == 1) {
        const struct feed_row *r = &got.row[row++];

        cr_assert_leq(row, got.n);
        cr_assert_eq(r->origin, feed.id[i]);
        cr_assert_eq(r->line, line++);
        cr_assert_eq(r->offset, o->offset + f.offset);
        cr_assert_eq(r->outcome, f.verdict == TUBEI_FRAME_OK ? LIVE : REJECTED);
        cr_assert_eq(r->len, f.len);
        cr_assert(f.len == 0 || memcmp(r->text, f.text, f.len) == 0);
    }
    tubei_decoder_fini(&d);
    return row;
}

Test(framer, any_cut_gives_the_same_records_at_the_same_places)
{
    static char bytes[FEED_ORIGINS][20000];

    for (uint32_t round = 0; round < 150; round++) {
        size_t row = 0;

        feed.n = 1 + pick(FEED_ORIGINS);
        for (uint32_t i = 0; i < feed.n; i++)
            feed.origin[i] = (struct feed_origin){
                .bytes = bytes[i],
                .len = random_bytes(bytes[i], round % 3 == 0 ? 500 : sizeof(bytes[i])),
                .offset = pick(2) * (uint64_t)pick(1 << 20),
                .line = pick(1000),
                .open = round % 4 == 0,
            };
        feed.chunk = 1 + pick(round % 2 == 0 ? 20 : 30000);
        feed.shuffle = round % 3 == 0 ? 0 : pick(1 << 30) + 1;
        feed.segments = pick(4);
        feed_run("feed | netstrings max=200 | keep_all",
                 TUBE_PIPELINE_OPTS(.workers = round % 20 == 0 ? 2 : TUBE_CALLER,
                                    .seed = round + 1, .batch_rows = pick(20),
                                    .depth = 2),
                 TUBE_OK);
        for (uint32_t i = 0; i < feed.n; i++)
            row = check_origin(i, row);
        cr_assert_eq(row, got.n);
    }
}

/* A record over many buffers, and rows that point into theirs. */
Test(framer, large_records)
{
    enum { LEN = 300000 };
    static char bytes[2 * LEN + 100];
    size_t n = 0;

    for (int i = 0; i < 2; i++) {
        n += tubei_frame_head(TUBEI_FRAME_INT32, LEN, bytes + n);
        memset(bytes + n, 'a' + i, LEN);
        n += LEN;
        n += tubei_frame_head(TUBEI_FRAME_INT32, 1, bytes + n);
        bytes[n++] = 'z';
    }
    feed.n = 1;
    feed.origin[0] = (struct feed_origin){ .bytes = bytes, .len = n };
    for (feed.chunk = 0; feed.chunk < 4000; feed.chunk += 1999) {
        feed_run("feed | prefixed 32 | keep_all", NULL, TUBE_OK);
        cr_assert_eq(got.n, 4);
        cr_assert_eq(got.row[2].len, LEN);
        cr_assert_eq(memcmp(got.row[2].text, bytes + LEN + 9 + 4, LEN), 0);
        cr_assert_str_eq(got.row[3].text, "z");
    }
}
