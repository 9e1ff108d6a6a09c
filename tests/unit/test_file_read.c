/* SPDX-License-Identifier: MIT */
/* test_file_read.c -- plain, compressed, cut and damaged bytes of a descriptor. */
#include "../../stages/file_read.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define HELLO "hello\nworld\n"

/* clang-format off */
static const unsigned char gz[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48,
    0xcd, 0xc9, 0xc9, 0xe7, 0x2a, 0xcf, 0x2f, 0xca, 0x49, 0xe1, 0x02, 0x00,
    0xff, 0x5d, 0xc5, 0xc4, 0x0c, 0x00, 0x00, 0x00,
};
static const unsigned char zst[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x0c, 0x61, 0x00, 0x00, 0x68, 0x65, 0x6c,
    0x6c, 0x6f, 0x0a, 0x77, 0x6f, 0x72, 0x6c, 0x64, 0x0a,
};
static const unsigned char skipped_frame[] = {
    0x5a, 0x2a, 0x4d, 0x18, 0x02, 0x00, 0x00, 0x00, 0xab, 0xcd,
};
/* A frame that asks for a window of 1 GiB. */
static const unsigned char large_window[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x61, 0x00, 0x00, 'h', 'e', 'l',
};
/* clang-format on */

struct text {
    char bytes[512];
    size_t len;
};

static void
append(struct text *t, const void *bytes, size_t len)
{
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

static int
file_of(const void *bytes, size_t len)
{
    FILE *f = tmpfile();
    int fd;

    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, len, f), len);
    cr_assert_eq(fflush(f), 0);
    fd = dup(fileno(f));
    fclose(f);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* All of a reader, `step` bytes at a time; the status that ended it. */
static tube_status
drain(tubei_reader *r, size_t step, struct text *out, tube_error *err)
{
    tube_status st;

    do {
        size_t n = 99;

        st = tubei_reader_read(r, out->bytes + out->len, step, &n, err);
        cr_assert_leq(n, step);
        cr_assert(st != TUBE_OK || n > 0);
        out->len += n;
    } while (st == TUBE_OK);
    return st;
}

static tube_status
read_back(const void *bytes, size_t len, size_t step, struct text *out, tube_error *err)
{
    tubei_reader *r = tubei_reader_new(file_of(bytes, len), "t.log", 0);
    tube_status st = drain(r, step, out, err);

    tubei_reader_close(r);
    if (st == TUBE_EIO && strstr(err->message, "this build cannot read") != NULL)
        cr_skip_test("built without it");
    return st;
}

static bool
is(const struct text *t, const char *want)
{
    return t->len == strlen(want) && memcmp(t->bytes, want, t->len) == 0;
}

Test(file_read, plain_bytes_come_unchanged, .timeout = 10)
{
    static const char odd[] = "a\0b\r\n\xff\xfe\n\x1f\x8b";
    struct text out = { .len = 0 };
    tube_error err;

    cr_assert_eq(read_back(odd, sizeof(odd), 16, &out, &err), TUBE_END);
    cr_assert_eq(out.len, sizeof(odd));
    cr_assert_eq(memcmp(out.bytes, odd, sizeof(odd)), 0);
}

Test(file_read, beginnings_of_magic_numbers_are_plain, .timeout = 10)
{
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        { "", 0 },
        { "\x1f", 1 },
        { "\x1f\x8b", 2 },
        { "\x28\xb5\x2f", 3 },
        { "BZh91AY&S", 9 },
        { "BZh91AY&Sx", 10 },
        { "BZhello\n", 8 },
        { "\xfd\x37zXZ", 5 },
        { "\x1f\x8b\x07no", 5 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text out = { .len = 0 };
        tube_error err;

        cr_assert_eq(read_back(cases[i].text, cases[i].len, 16, &out, &err), TUBE_END);
        cr_expect_eq(out.len, cases[i].len, "case %zu", i);
        cr_expect_eq(memcmp(out.bytes, cases[i].text, out.len), 0, "case %zu", i);
    }
}

Test(file_read, members_and_frames_that_follow_are_read_as_one, .timeout = 10)
{
    for (size_t step = 16; step <= 64; step += 24) {
        struct text in = { .len = 0 };
        struct text out = { .len = 0 };
        tube_error err;

        append(&in, gz, sizeof(gz));
        append(&in, gz, sizeof(gz));
        cr_assert_eq(read_back(in.bytes, in.len, step, &out, &err), TUBE_END);
        cr_expect(is(&out, HELLO HELLO), "gzip, step %zu", step);
    }
}

Test(file_read, zstd_frames_that_follow_are_read_as_one, .timeout = 10)
{
    for (size_t step = 16; step <= 64; step += 24) {
        struct text in = { .len = 0 };
        struct text out = { .len = 0 };
        tube_error err;

        append(&in, skipped_frame, sizeof(skipped_frame));
        append(&in, zst, sizeof(zst));
        append(&in, skipped_frame, sizeof(skipped_frame));
        append(&in, zst, sizeof(zst));
        cr_assert_eq(read_back(in.bytes, in.len, step, &out, &err), TUBE_END);
        cr_expect(is(&out, HELLO HELLO), "zstd, step %zu", step);
    }
}

/* Whatever byte it is cut behind: what could be read is given, then it is an error. */
static void
check_cuts(const unsigned char *bytes, size_t len, size_t magic)
{
    for (size_t cut = magic; cut < len; cut++) {
        struct text out = { .len = 0 };
        tube_error err;

        cr_assert_eq(read_back(bytes, cut, 32, &out, &err), TUBE_EIO, "cut %zu", cut);
        cr_expect_leq(out.len, sizeof(HELLO) - 1);
        cr_expect_eq(memcmp(out.bytes, HELLO, out.len), 0, "cut %zu", cut);
        cr_expect_eq(err.offset, out.len, "cut %zu", cut);
        cr_expect_not_null(strstr(err.message, "t.log: "));
    }
}

Test(file_read, cut_gzip_is_an_error_behind_what_is_there, .timeout = 10)
{
    check_cuts(gz, sizeof(gz), 3);
}

Test(file_read, cut_zstd_is_an_error_behind_what_is_there, .timeout = 10)
{
    check_cuts(zst, sizeof(zst), 4);
}

Test(file_read, garbage_behind_a_member_is_an_error, .timeout = 10)
{
    struct text in = { .len = 0 };
    struct text out = { .len = 0 };
    tube_error err;

    append(&in, gz, sizeof(gz));
    append(&in, "junk", 4);
    cr_assert_eq(read_back(in.bytes, in.len, 64, &out, &err), TUBE_EIO);
    cr_expect(is(&out, HELLO));
    cr_expect_eq(err.offset, sizeof(HELLO) - 1);
}

Test(file_read, garbage_behind_a_frame_is_an_error, .timeout = 10)
{
    struct text in = { .len = 0 };
    struct text out = { .len = 0 };
    tube_error err;

    append(&in, zst, sizeof(zst));
    append(&in, "junkjunk", 8);
    cr_assert_eq(read_back(in.bytes, in.len, 64, &out, &err), TUBE_EIO);
    cr_expect(is(&out, HELLO));
}

Test(file_read, a_wrong_checksum_is_an_error, .timeout = 10)
{
    struct text in = { .len = 0 };
    struct text out = { .len = 0 };
    tube_error err;

    append(&in, gz, sizeof(gz));
    in.bytes[sizeof(gz) - 8] ^= 1;
    cr_assert_eq(read_back(in.bytes, in.len, 64, &out, &err), TUBE_EIO);
}

Test(file_read, a_window_over_128_mib_is_refused, .timeout = 10)
{
    struct text out = { .len = 0 };
    tube_error err;

    cr_assert_eq(read_back(large_window, sizeof(large_window), 64, &out, &err),
                 TUBE_EIO);
    cr_expect_not_null(strstr(err.message, "memory"), "%s", err.message);
}

Test(file_read, xz_and_bzip2_are_named, .timeout = 10)
{
    struct text out = { .len = 0 };
    tube_error err;

    cr_assert_eq(read_back("\xfd\x37zXZ\0\0\0\0\0", 10, 64, &out, &err), TUBE_EIO);
    cr_expect_not_null(strstr(err.hint, "xz -dc"));
    cr_assert_eq(read_back("BZh91AY&SY", 10, 64, &out, &err), TUBE_EIO);
    cr_expect_not_null(strstr(err.hint, "bzip2 -dc"));
    cr_expect_eq(out.len, 0);
}

Test(file_read, raw_bytes_are_not_decompressed, .timeout = 10)
{
    tubei_reader *r =
        tubei_reader_new(file_of(gz, sizeof(gz)), "t.log", TUBEI_READER_RAW);
    struct text out = { .len = 0 };
    tube_error err;

    cr_assert_eq(drain(r, 64, &out, &err), TUBE_END);
    cr_expect_eq(out.len, sizeof(gz));
    cr_expect_not(tubei_reader_compressed(r));
    tubei_reader_close(r);
}

static void
check_skip(const void *bytes, size_t len, unsigned flags)
{
    for (size_t skip = 0; skip < sizeof(HELLO) - 1; skip++) {
        tubei_reader *r = tubei_reader_new(file_of(bytes, len), "t.log", flags);
        struct text out = { .len = 0 };
        char before = 0;
        tube_error err;

        cr_assert_eq(tubei_reader_skip(r, skip, &before, &err), TUBE_OK, "%s",
                     err.message);
        cr_expect_eq(tubei_reader_offset(r), skip);
        cr_expect_eq(before, skip == 0 ? '\n' : HELLO[skip - 1], "skip %zu", skip);
        cr_assert_eq(drain(r, 64, &out, &err), TUBE_END);
        cr_expect(is(&out, &HELLO[skip]), "skip %zu", skip);
        cr_expect_eq(tubei_reader_offset(r), sizeof(HELLO) - 1);
        tubei_reader_close(r);
    }
}

Test(file_read, reading_begins_at_any_byte, .timeout = 10)
{
    struct text out = { .len = 0 };
    tube_error err;

    check_skip(HELLO, sizeof(HELLO) - 1, 0);
    check_skip(HELLO, sizeof(HELLO) - 1, TUBEI_READER_RAW);
    cr_assert_eq(read_back(gz, sizeof(gz), 64, &out, &err), TUBE_END);
    check_skip(gz, sizeof(gz), 0);
    cr_assert_eq(read_back(zst, sizeof(zst), 64, &out, &err), TUBE_END);
    check_skip(zst, sizeof(zst), 0);
}

Test(file_read, bytes_that_are_not_there_cannot_be_skipped, .timeout = 10)
{
    tubei_reader *plain = tubei_reader_new(file_of(HELLO, 12), "t.log", 0);
    tubei_reader *packed = tubei_reader_new(file_of(gz, sizeof(gz)), "t.log", 0);
    char before;
    tube_error err;

    cr_expect_eq(tubei_reader_skip(plain, 13, &before, &err), TUBE_EIO);
    cr_expect_eq(tubei_reader_skip(packed, 13, &before, &err), TUBE_EIO);
    tubei_reader_close(plain);
    tubei_reader_close(packed);
}

Test(file_read, a_pipe_is_never_waited_for, .timeout = 10)
{
    int end[2];
    struct text out = { .len = 0 };
    tube_error err;
    tubei_reader *r;

    cr_assert_eq(pipe(end), 0);
    r = tubei_reader_new(end[0], "-", TUBEI_READER_POLL);
    cr_expect_eq(drain(r, 64, &out, &err), TUBE_AGAIN);
    /* One byte that may be the first of a gzip file is kept back, and comes later. */
    cr_assert_eq(write(end[1], "\x1f", 1), 1);
    cr_expect_eq(drain(r, 64, &out, &err), TUBE_AGAIN);
    cr_expect_eq(out.len, 0);
    cr_assert_eq(write(end[1], "ab\n", 3), 3);
    cr_expect_eq(drain(r, 64, &out, &err), TUBE_AGAIN);
    cr_expect(is(&out, "\x1f"
                       "ab\n"));
    cr_assert_eq(write(end[1], "c", 1), 1);
    close(end[1]);
    tubei_reader_wait(r);
    cr_expect_eq(drain(r, 64, &out, &err), TUBE_END);
    cr_expect(is(&out, "\x1f"
                       "ab\nc"));
    tubei_reader_close(r);
}

Test(file_read, a_compressed_pipe_comes_in_bits, .timeout = 10)
{
    int end[2];
    struct text out = { .len = 0 };
    tube_error err;
    tubei_reader *r;

    cr_assert_eq(read_back(gz, sizeof(gz), 64, &out, &err), TUBE_END);
    out.len = 0;
    cr_assert_eq(pipe(end), 0);
    r = tubei_reader_new(end[0], "-", TUBEI_READER_POLL);
    for (size_t i = 0; i < sizeof(gz); i++) {
        cr_assert_eq(write(end[1], &gz[i], 1), 1);
        cr_expect_eq(drain(r, 64, &out, &err), TUBE_AGAIN, "byte %zu", i);
    }
    close(end[1]);
    cr_expect_eq(drain(r, 64, &out, &err), TUBE_END);
    cr_expect(is(&out, HELLO));
    tubei_reader_close(r);
}

/* 64 MiB of zeros are 64 KiB of gzip: they are read without being held. */
Test(file_read, a_bomb_streams, .timeout = 60)
{
    static char buf[65536];
    FILE *bomb = popen("head -c 64M /dev/zero | gzip -c", "r");
    tubei_reader *r = tubei_reader_new(dup(fileno(bomb)), "bomb.gz", 0);
    struct rusage before;
    struct rusage after;
    uint64_t sum = 0;
    tube_error err;
    tube_status st;
    size_t n;

    (void)getrusage(RUSAGE_SELF, &before);
    while ((st = tubei_reader_read(r, buf, sizeof(buf), &n, &err)) == TUBE_OK)
        sum += n;
    (void)getrusage(RUSAGE_SELF, &after);
    tubei_reader_close(r);
    (void)pclose(bomb);
    if (st == TUBE_EIO && strstr(err.message, "this build cannot read") != NULL)
        cr_skip_test("built without it");
    cr_expect_eq(st, TUBE_END);
    cr_expect_eq(sum, UINT64_C(64) << 20);
    cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 8 * 1024);
}

Test(file_read, a_directory_cannot_be_read, .timeout = 10)
{
    tubei_reader *r = tubei_reader_new(open("/", O_RDONLY), "/", 0);
    struct text out = { .len = 0 };
    tube_error err;

    cr_expect_eq(drain(r, 64, &out, &err), TUBE_EIO);
    cr_expect_neq(err.sys_errno, 0);
    tubei_reader_close(r);
}
