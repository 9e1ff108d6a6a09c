/* SPDX-License-Identifier: MIT */
/* test_scan.c -- the scanners against a plain loop, and against each other. */
#include "../../stages/scan.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST = 700 };

/* Text that ends where the pad ends at a page that cannot be read. */
static char *wall;

static void
raise_wall(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);

    cr_assert(p != MAP_FAILED);
    cr_assert_eq(mprotect(p + page, page, PROT_NONE), 0);
    wall = p + page;
}

TestSuite(scan, .init = raise_wall, .timeout = 60);

/* Put a text before the wall; what is behind it must not count. */
static const char *
place(const char *text, size_t len)
{
    char *to = wall - TUBE_PAD - len;

    memcpy(to, text, len);
    memset(to + len, '\n', TUBE_PAD);
    for (size_t i = 0; i < TUBE_PAD; i += 2)
        to[len + i] = i % 4 == 0 ? '"' : '\0';
    return to;
}

static const struct tubei_scan *
twin(size_t i)
{
    static const struct tubei_scan *all[2];

    all[0] = &tubei_scan_portable;
    all[1] = tubei_scan();
    return all[i];
}

static uint32_t
plain_lines(const char *text, size_t len, uint32_t *at, uint32_t max, bool *plain)
{
    uint32_t n = 0;

    for (size_t i = 0; i < len && n < max; i++) {
        if (text[i] <= 0)
            *plain = false;
        if (text[i] == '\n')
            at[n++] = (uint32_t)i;
    }
    return n;
}

static uint32_t
plain_quotes(const char *text, size_t len, uint32_t *at, uint32_t max)
{
    bool escaped = false;
    uint32_t n = 0;

    for (size_t i = 0; i < len && n < max; i++) {
        if (text[i] == '"' && !escaped)
            at[n++] = (uint32_t)i;
        escaped = text[i] == '\\' && !escaped;
    }
    return n;
}

static void
check(const char *from, size_t len, uint32_t max)
{
    const char *text = place(from, len);
    uint32_t want[MOST + TUBEI_SCAN_SLACK];
    uint32_t at[MOST + TUBEI_SCAN_SLACK];
    bool want_plain = true;
    uint32_t n_lines = plain_lines(text, len, want, max, &want_plain);
    bool all_plain = true;

    for (size_t i = 0; i < len; i++)
        all_plain = all_plain && text[i] > 0;
    for (size_t k = 0; k < 2; k++) {
        const struct tubei_scan *scan = twin(k);
        bool plain = true;
        uint32_t n = scan->lines(text, len, at, max, &plain);

        cr_assert_eq(n, n_lines, "%s: %u lines, not %u", scan->name, n, n_lines);
        cr_assert_eq(memcmp(at, want, n * sizeof(*at)), 0, "%s", scan->name);
        /* Bytes behind the last newline may be seen, those behind the text may not. */
        cr_assert(!plain || want_plain, "%s", scan->name);
        cr_assert(plain || !all_plain, "%s", scan->name);
    }
    uint32_t n_quotes = plain_quotes(text, len, want, max);
    for (size_t k = 0; k < 2; k++) {
        const struct tubei_scan *scan = twin(k);
        uint32_t n = scan->quotes(text, len, at, max);

        cr_assert_eq(n, n_quotes, "%s: %u quotes, not %u", scan->name, n, n_quotes);
        cr_assert_eq(memcmp(at, want, n * sizeof(*at)), 0, "%s", scan->name);
    }
}

static uint32_t
next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

Test(scan, twins_agree_with_a_plain_loop)
{
    /* One above a newline and a quote: a borrow would show. */
    static const char dense[] = "\n\v\"#\\\\\\\\ab";
    char text[MOST];
    uint64_t seed = 2;

    for (int round = 0; round < 20000; round++) {
        size_t len = next_random(&seed) % (round % 2 == 0 ? 80 : MOST);
        uint32_t rare = 1 + next_random(&seed) % 40;
        uint32_t odd = next_random(&seed) % 4;

        for (size_t i = 0; i < len; i++) {
            text[i] = 'x';
            if (next_random(&seed) % rare == 0)
                text[i] = dense[next_random(&seed) % (sizeof(dense) - 1)];
            if (odd == 0 && next_random(&seed) % 200 == 0)
                text[i] = (char)(next_random(&seed) % 2 == 0 ? 0 : 0x80);
        }
        check(text, len, 1 + next_random(&seed) % (round % 3 == 0 ? 7 : MOST));
    }
}

Test(scan, every_byte_is_judged_at_every_place)
{
    char text[130];

    for (size_t i = 0; i < sizeof(text); i++)
        for (int c = 0; c < 256; c++) {
            memset(text, 'x', sizeof(text));
            text[i] = (char)c;
            check(text, sizeof(text), MOST);
        }
}

Test(scan, full_of_newlines_and_quotes)
{
    char text[MOST];

    memset(text, '\n', sizeof(text));
    for (uint32_t max = 1; max <= MOST; max++)
        check(text, sizeof(text), max);
    memset(text, '"', sizeof(text));
    for (uint32_t max = 1; max <= MOST; max++)
        check(text, sizeof(text), max);
}

Test(scan, long_runs_of_backslashes)
{
    char text[MOST];

    for (size_t run = 0; run < 140; run++)
        for (size_t before = 0; before < 70; before += 3) {
            memset(text, 'x', before);
            memset(text + before, '\\', run);
            memcpy(text + before + run, "\"\"y", 3);
            check(text, before + run + 3, MOST);
        }
}

Test(scan, words_end_at_a_blank_or_at_the_end)
{
    char text[40];

    for (size_t len = 0; len < sizeof(text); len++)
        for (size_t blank = 0; blank <= len; blank++) {
            memset(text, '!',
                   sizeof(text)); /* one above a blank: a borrow would show */
            if (blank < len)
                text[blank] = ' ';
            const char *p = place(text, len);
            wall[-TUBE_PAD] = ' ';
            cr_assert_eq(tubei_word_end(p, p + len) - p, (ptrdiff_t)blank);
        }
}

Test(scan, chosen_is_one_of_the_twins)
{
    const struct tubei_scan *scan = tubei_scan();

    cr_assert(strcmp(scan->name, "portable") == 0 || strcmp(scan->name, "avx2") == 0);
#if defined(__x86_64__)
    cr_assert_eq(scan == &tubei_scan_avx2, __builtin_cpu_supports("avx2") != 0);
#endif
}
