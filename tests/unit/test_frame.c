/* SPDX-License-Identifier: MIT */
/* test_frame.c -- the same frames whatever pieces the bytes come in, and nothing lost. */
#include "frame.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(frame, .timeout = 60);

enum { LOG = 1 << 20 };

static char log_text[LOG];
static size_t log_len;
static uint64_t rng = 1;

static uint32_t
pick(uint32_t n)
{
    rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(rng >> 33) % n;
}

/* "text@offset-end ", '!' too long, '?' garbage, '~' cut; odd bytes as \xHH. */
static void
note(const tubei_frame *f)
{
    static const char sign[] = { ' ', '!', '?', '~' };

    cr_assert_lt(log_len + 4 * f->len + 100, LOG);
    log_text[log_len++] = sign[f->verdict];
    for (size_t i = 0; i < f->len; i++) {
        unsigned char c = (unsigned char)f->text[i];

        if (c > ' ' && c < 0x7f)
            log_text[log_len++] = (char)c;
        else
            log_len += (size_t)snprintf(log_text + log_len, 5, "\\x%02x", c);
    }
    log_len += (size_t)snprintf(log_text + log_len, 80, "@%ju-%ju",
                                (uintmax_t)f->offset, (uintmax_t)f->end);
    if (f->length != f->len)
        log_len +=
            (size_t)snprintf(log_text + log_len, 40, "(%ju)", (uintmax_t)f->length);
}

/* A frame follows the last one without a gap, and points where it says. */
static void
check_frame(const tubei_decoder *d, const tubei_frame *f, uint64_t *end,
            const char *chunk, size_t len)
{
    cr_assert_eq(f->offset, *end);
    cr_assert_lt(f->offset, f->end);
    *end = f->end;
    if (f->in_chunk)
        cr_assert(f->text >= chunk && f->text + f->len <= chunk + len);
    cr_assert_leq(d->held_room, 2 * (d->max + 16));
    note(f);
}

/* Decode `text` in pieces of `step` bytes; 0: of random size. */
static const char *
decode(tubei_decoder *d, const char *text, size_t len, size_t step, bool whole)
{
    uint64_t end = 0;
    tubei_frame f;
    int found;

    log_len = 0;
    log_text[0] = '\0';
    for (size_t at = 0; at < len;) {
        size_t n = step > 0 ? step : 1 + pick(200);
        size_t pos = 0;
        char *chunk;

        n = n < len - at ? n : len - at;
        chunk = malloc(n); /* of its own, so that no byte behind it is read */
        memcpy(chunk, text + at, n);
        while ((found = tubei_decoder_next(d, chunk, n, &pos, &f)) == 1)
            check_frame(d, &f, &end, chunk, n);
        cr_assert_eq(found, 0);
        cr_assert_eq(pos, n);
        at += n;
        free(chunk);
    }
    while ((found = tubei_decoder_end(d, whole, &f)) == 1)
        check_frame(d, &f, &end, NULL, 0);
    cr_assert_eq(found, 0);
    cr_assert(!tubei_decoder_open(d));
    if (!d->fails)
        cr_assert_eq(end, len, "%ju of %zu bytes are in frames", (uintmax_t)end, len);
    log_text[log_len] = '\0';
    return log_text;
}

struct frame_case {
    tubei_framing framing;
    size_t max;
    const char *text;
    size_t len;
    const char *want;
};

#define CASE(framing, max, text, want)                       \
  {                                                          \
    TUBEI_FRAME_##framing, max, text, sizeof(text) - 1, want \
  }

static void
check_cases(const struct frame_case *all, size_t n, bool whole)
{
    for (size_t i = 0; i < n; i++)
        for (size_t step = 0; step <= all[i].len; step++) {
            tubei_decoder d;
            const char *got;

            tubei_decoder_init(&d, all[i].framing, all[i].max, TUBEI_GARBAGE_RESYNC);
            got = decode(&d, all[i].text, all[i].len, step, whole);
            cr_assert_str_eq(got, all[i].want, "case %zu in pieces of %zu:%s", i, step,
                             got);
            tubei_decoder_fini(&d);
        }
}

#define CHECK(cases, whole) \
  check_cases(cases, sizeof(cases) / sizeof((cases)[0]), whole)

Test(frame, lines)
{
    static const struct frame_case all[] = {
        CASE(LINES, 9, "", ""),
        CASE(LINES, 9, "a\nbc\n", " a@0-2 bc@2-5"),
        CASE(LINES, 9, "a\r\n\r\n\nb\rc\r\r\n", " a@0-3 @3-5 @5-6 b\\x0dc\\x0d@6-12"),
        CASE(LINES, 9, "a\nlast", " a@0-2 last@2-6"),
        CASE(LINES, 9, "last\r", " last@0-5"),
        CASE(LINES, 3, "abc\r\nabcd\nefg", " abc@0-5!abcd@5-10 efg@10-13"),
        CASE(LINES, 3, "a\n0123456789\r\nb\n", " a@0-2!0123@2-14(10) b@14-16"),
        CASE(LINES, 3, "0123456789", "!0123@0-10(10)"),
        CASE(LINES, 9, "a\0b\n\xff\n", " a\\x00b@0-4 \\xff@4-6"),
    };

    CHECK(all, true);
}

Test(frame, netstrings)
{
    static const struct frame_case all[] = {
        CASE(NETSTRING, 99, "", ""),
        CASE(NETSTRING, 99, "0:,3:abc,12:hello world!,",
             " @0-3 abc@3-9 hello\\x20world!@9-25"),
        CASE(NETSTRING, 99, "3:\0\n,,", " \\x00\\x0a,@0-6"),
        CASE(NETSTRING, 99, "3:abc,5:ab", " abc@0-6~5:ab@6-10"),
        CASE(NETSTRING, 99, "3:abc,1", " abc@0-6~1@6-7"),
        /* the length was wrong: behind it, the next whole netstring */
        CASE(NETSTRING, 99, "5:abcdefg,3:xyz,", "?5:abcdefg,@0-10 xyz@10-16"),
        CASE(NETSTRING, 99, "30:abc,3:xyz,1:a,1:b,1:c,1:d,1:e,1:f,",
             "?30:abc,@0-7 xyz@7-13 a@13-17 b@17-21 c@21-25 d@25-29 e@29-33 f@33-37"),
        CASE(NETSTRING, 99, "zz 12:30:01 3:xyz,1:a,",
             "?zz\\x2012:30:01\\x20@0-12 xyz@12-18 a@18-22"),
        CASE(NETSTRING, 99, "3:abc,\n3:xyz,\n",
             " abc@0-6?\\x0a@6-7 xyz@7-13?\\x0a@13-14"),
        CASE(NETSTRING, 99, "03:abc,2:de,", "?0@0-1 abc@1-7 de@7-12"),
        CASE(NETSTRING, 99, "00:,1:a,", "?0@0-1 @1-4 a@4-8"),
        CASE(NETSTRING, 99, ":,1:a,", "?:,@0-2 a@2-6"),
        CASE(NETSTRING, 99, "99999999999:a,1:b,", "?99999999999:a,@0-14 b@14-18"),
        CASE(NETSTRING, 99, "xx7:abc", "?xx7:abc@0-7"),
        CASE(NETSTRING, 99, "xx7:1:a,", "?xx7:@0-4 a@4-8"),
        /* too long: it goes by, and the stream goes on behind it */
        CASE(NETSTRING, 4, "1:a,9:123456789,2:bc,", " a@0-4!123456789@4-16 bc@16-21"),
        CASE(NETSTRING, 4, "5:12345x2:bc,", "!12345@0-8 bc@8-13"),
        CASE(NETSTRING, 4, "5:12345xyz2:bc,", "!12345@0-8?yz@8-10 bc@10-15"),
        CASE(NETSTRING, 4, "5:12345x9:ab,1:c,", "!12345@0-8?9:ab,@8-13 c@13-17"),
        CASE(NETSTRING, 4, "1:a,9:123", " a@0-4!123@4-9(9)"),
    };

    CHECK(all, true);
    CHECK(all, false);
}

Test(frame, integers)
{
    static const struct frame_case all[] = {
        CASE(INT8, 99, "\3abc\0\1d", " abc@0-4 @4-5 d@5-7"),
        CASE(INT16, 99, "\0\3abc\0\0\0\1d", " abc@0-5 @5-7 d@7-10"),
        CASE(INT32, 99, "\0\0\0\3abc\0\0\0\0\0\0\0\1d", " abc@0-7 @7-11 d@11-16"),
        CASE(INT8, 99, "\1a\3bc", " a@0-2~\\x03bc@2-5"),
        CASE(INT32, 99, "\0\0\0\1a\0\0", " a@0-5~\\x00\\x00@5-7"),
        CASE(INT8, 2, "\1a\3bcd\1e", " a@0-2!bcd@2-6 e@6-8"),
        CASE(INT16, 300, "\1\2abc", "~\\x01\\x02abc@0-5"),
        CASE(INT32, 2,
             "\xff\xff\xff\xff"
             "abc",
             "!abc@0-7(4294967295)"),
    };

    CHECK(all, true);
}

Test(frame, octets)
{
    static const struct frame_case all[] = {
        CASE(OCTETS, 99, "6 <34>ab6 <34>\na", " <34>ab@0-8 <34>\\x0aa@8-16"),
        CASE(OCTETS, 99, "6 <34>ab8 <34>\na", " <34>ab@0-8~8\\x20<34>\\x0aa@8-16"),
        CASE(OCTETS, 99, "1 a2 bc", " a@0-3 bc@3-7"),
        /* behind garbage it must look like syslog */
        CASE(OCTETS, 99, "\n2 bc4 <1>a", "?\\x0a2\\x20bc@0-5 <1>a@5-11"),
        CASE(OCTETS, 99, "0 4 <1>a", "?0\\x20@0-2 <1>a@2-8"),
        CASE(OCTETS, 99, "04 <1>a", "?0@0-1 <1>a@1-7"),
        CASE(OCTETS, 4, "5 <1>ab4 <1>a", "!<1>ab@0-7 <1>a@7-13"),
        CASE(OCTETS, 4, "x5 <1>ab4 <1>a", "?x5\\x20<1>ab@0-8 <1>a@8-14"),
    };

    CHECK(all, true);
    CHECK(all, false);
}

Test(frame, what_is_cut_off_is_no_line)
{
    static const struct frame_case all[] = {
        CASE(LINES, 9, "a\nlast", " a@0-2~last@2-6"),
        CASE(LINES, 3, "a\nlast", " a@0-2!last@2-6"),
        CASE(LINES, 9, "a\n", " a@0-2"),
    };

    CHECK(all, false);
}

Test(frame, garbage_comes_in_pieces_and_all_of_it)
{
    enum { LEN = 3 * TUBEI_FRAME_KEEP + 100 };
    static char text[LEN + 6];

    memset(text, 'x', LEN);
    memcpy(text + LEN, "3:abc,", 6);
    for (size_t step = 0; step < 9000; step += 1 + step / 3) {
        tubei_decoder d;
        const char *got;
        size_t marks = 0;

        tubei_decoder_init(&d, TUBEI_FRAME_NETSTRING, 1000, TUBEI_GARBAGE_RESYNC);
        got = decode(&d, text, sizeof(text), step, true);
        for (const char *c = got; *c != '\0'; c++)
            marks += *c == '?';
        cr_assert_eq(marks, 4);
        cr_assert_not_null(strstr(got, " abc@12388-12394"), "%s", got + log_len - 30);
        tubei_decoder_fini(&d);
    }
}

Test(frame, garbage_fails_once)
{
    static const char text[] = "3:abc,oops 3:def,";
    char why[TUBEI_FRAME_WHY];

    for (size_t step = 1; step < sizeof(text); step++) {
        tubei_decoder d;
        const char *got;

        tubei_decoder_init(&d, TUBEI_FRAME_NETSTRING, 99, TUBEI_GARBAGE_FAIL);
        got = decode(&d, text, sizeof(text) - 1, step, true);
        cr_assert(strncmp(got, " abc@0-6?o", 10) == 0, "%s", got);
        cr_assert_null(strstr(got, " def@"), "%s", got);
        tubei_decoder_fini(&d);
    }
    tubei_decoder d = { .framing = TUBEI_FRAME_NETSTRING };
    const tubei_frame f = {
        TUBEI_FRAME_GARBAGE, false, "o\1 and more of it", 17, 17, 6, 9
    };

    cr_assert_str_eq(tubei_frame_why(&d, &f, why),
                     "no netstring: 17 bytes from 'o\\x01 and more ' on");
}

Test(frame, a_large_frame_does_not_keep_its_memory)
{
    enum { LEN = 1000000 };
    char *text = malloc(LEN + 9);
    tubei_decoder d;
    tubei_frame f;
    size_t pos = 0;

    cr_assert_not_null(text);
    (void)snprintf(text, 9, "1000000:");
    memset(text + 8, 'x', LEN);
    text[LEN + 8] = ',';
    tubei_decoder_init(&d, TUBEI_FRAME_NETSTRING, LEN, TUBEI_GARBAGE_RESYNC);
    cr_assert_eq(tubei_decoder_next(&d, text, 20, &pos, &f), 0);
    cr_assert_leq(d.held_room, 64, "a length alone takes memory");
    for (size_t at = 20; at < LEN + 9; at += 65536) {
        size_t n = LEN + 9 - at < 65536 ? LEN + 9 - at : 65536;

        pos = 0;
        cr_assert_eq(tubei_decoder_next(&d, text + at, n, &pos, &f),
                     at + n == LEN + 9 ? 1 : 0);
    }
    cr_assert_eq(f.len, LEN);
    cr_assert_eq(memcmp(f.text, text + 8, LEN), 0);
    cr_assert_eq(tubei_decoder_next(&d, "", 0, &(size_t){ 0 }, &f), 0);
    cr_assert_eq(d.held_room, 0);
    tubei_decoder_fini(&d);
    free(text);
}

/* Append a frame as the encoder writes it, and what it will be read as. */
static size_t
add_frame(char *to, tubei_framing framing, char *want, size_t *want_len, uint64_t at)
{
    char text[300];
    size_t len = 1 + pick(pick(4) == 0 ? 250 : 20);
    size_t n;
    tube_slice tail = tubei_frame_tail(framing);

    for (size_t i = 0; i < len; i++)
        do
            text[i] = (char)pick(256);
        while (framing == TUBEI_FRAME_LINES && (text[i] == '\n' || text[i] == '\r'));
    cr_assert_null(tubei_frame_refuses(framing, (tube_slice){ text, len }));
    n = tubei_frame_head(framing, len, to);
    cr_assert_leq(n, TUBEI_FRAME_HEAD);
    memcpy(to + n, text, len);
    memcpy(to + n + len, tail.ptr, tail.len);
    n += len + tail.len;
    log_len = *want_len;
    memcpy(log_text, want, log_len);
    note(&(tubei_frame){
        .text = text, .len = len, .length = len, .offset = at, .end = at + n });
    *want_len = log_len;
    memcpy(want, log_text, log_len);
    return n;
}

Test(frame, what_is_written_is_read_in_any_pieces)
{
    static char text[20000], want[LOG];

    for (int framing = TUBEI_FRAME_LINES; framing <= TUBEI_FRAME_OCTETS; framing++)
        for (int round = 0; round < 60; round++) {
            size_t want_len = 0, len = 0;
            tubei_decoder d;
            const char *got;

            for (int i = 0; i < 40; i++)
                len +=
                    add_frame(text + len, (tubei_framing)framing, want, &want_len, len);
            tubei_decoder_init(&d, (tubei_framing)framing, 300, TUBEI_GARBAGE_RESYNC);
            got = decode(&d, text, len, round < 2 ? 1 : 0, true);
            cr_assert_eq(log_len, want_len, "framing %d: %s", framing, got);
            cr_assert_eq(memcmp(got, want, want_len), 0, "framing %d: %s", framing,
                         got);
            tubei_decoder_fini(&d);
        }
}

/* Bytes that look a little like frames: as one piece and as many, the same. */
Test(frame, garbage_is_the_same_in_any_pieces)
{
    static const char bits[] = "0123456789::,,, <<x\n";
    static char text[600], whole[LOG];

    for (int framing = TUBEI_FRAME_NETSTRING; framing <= TUBEI_FRAME_OCTETS; framing++)
        for (int round = 0; round < 2000; round++) {
            size_t len = 1 + pick(sizeof(text));
            size_t max = 1 + pick(60);

            for (size_t i = 0; i < len; i++)
                text[i] = bits[pick(sizeof(bits) - 1)];
            for (size_t i = 0; i < 4; i++) {
                static const size_t step[] = { sizeof(text), 1, 0, 3 };
                tubei_decoder d;
                const char *got;

                tubei_decoder_init(&d, (tubei_framing)framing, max,
                                   TUBEI_GARBAGE_RESYNC);
                got = decode(&d, text, len, step[i], true);
                if (i == 0)
                    memcpy(whole, got, log_len + 1);
                cr_assert_str_eq(got, whole, "framing %d max %zu of %.*s", framing, max,
                                 (int)len, text);
                tubei_decoder_fini(&d);
            }
        }
}

/* Frames that stand between garbage are found, all of them. */
Test(frame, frames_between_garbage_are_found)
{
    static const char *const junk[] = { "#",        "hello ", "12",  "4:",
                                        "x999:abc", "-1:x,",  "\n\n" };
    char text[200];

    for (size_t i = 0; i < sizeof(junk) / sizeof(*junk); i++)
        for (size_t step = 0; step < 40; step++) {
            tubei_decoder d;
            const char *got;
            size_t len = (size_t)snprintf(
                text, sizeof(text), "3:one,%s5:\"two\",%s5:three,", junk[i], junk[i]);

            tubei_decoder_init(&d, TUBEI_FRAME_NETSTRING, 12, TUBEI_GARBAGE_RESYNC);
            got = decode(&d, text, len, step, true);
            cr_assert_not_null(strstr(got, " one@"), "%s", got);
            if (i == 2) /* "12" and "5:" make a length: 125, which is too long */
                cr_assert_not_null(strchr(got, '!'), "%s", got);
            else
                cr_assert(strstr(got, " \"two\"@") != NULL
                              && strstr(got, " three@") != NULL,
                          "'%s' in pieces of %zu: %s", junk[i], step, got);
            tubei_decoder_fini(&d);
        }
}

Test(frame, encoding)
{
    static const struct {
        tubei_framing framing;
        size_t len;
        const char *head;
        size_t head_len;
        const char *tail;
    } all[] = {
        { TUBEI_FRAME_LINES, 5, "", 0, "\n" },
        { TUBEI_FRAME_NETSTRING, 0, "0:", 2, "," },
        { TUBEI_FRAME_NETSTRING, 12, "12:", 3, "," },
        { TUBEI_FRAME_NETSTRING, UINT32_MAX, "4294967295:", 11, "," },
        { TUBEI_FRAME_INT8, 255, "\xff", 1, "" },
        { TUBEI_FRAME_INT16, 258, "\1\2", 2, "" },
        { TUBEI_FRAME_INT32, 0x1020304, "\1\2\3\4", 4, "" },
        { TUBEI_FRAME_OCTETS, 70, "70 ", 3, "" },
    };

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        char head[TUBEI_FRAME_HEAD];
        tube_slice tail = tubei_frame_tail(all[i].framing);

        cr_assert_eq(tubei_frame_head(all[i].framing, all[i].len, head),
                     all[i].head_len);
        cr_assert_eq(memcmp(head, all[i].head, all[i].head_len), 0, "case %zu", i);
        cr_assert_eq(tail.len, strlen(all[i].tail));
        cr_assert_eq(memcmp(tail.ptr, all[i].tail, tail.len), 0);
    }
}

Test(frame, what_a_frame_cannot_carry_is_refused)
{
    static char text[65536 + 1];

#define REFUSES(framing, len) \
  (tubei_frame_refuses(TUBEI_FRAME_##framing, (tube_slice){ text, len }) != NULL)
    memset(text, 'x', sizeof(text));
    cr_assert(!REFUSES(LINES, 65536));
    cr_assert(!REFUSES(INT8, 255));
    cr_assert(REFUSES(INT8, 256));
    cr_assert(!REFUSES(INT16, 65535));
    cr_assert(REFUSES(INT16, 65536));
    cr_assert(!REFUSES(INT32, 65537));
    cr_assert(!REFUSES(INT32, UINT32_MAX));
    cr_assert(REFUSES(INT32, (size_t)UINT32_MAX + 1));
    cr_assert(!REFUSES(NETSTRING, 0));
    cr_assert(REFUSES(OCTETS, 0));
    cr_assert(!REFUSES(OCTETS, 1));
    text[9] = '\n';
    cr_assert(!REFUSES(LINES, 9));
    cr_assert(REFUSES(LINES, 10));
    cr_assert(!REFUSES(NETSTRING, 10));
#undef REFUSES
}
