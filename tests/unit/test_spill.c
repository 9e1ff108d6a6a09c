/* SPDX-License-Identifier: MIT */
/* test_spill.c -- batches that go to a temporary file come back as they were, or the
 * damage is told. */
#include "batch.h"
#include "buffer_crc.h"
#include "memory.h"
#include "schema.h"
#include "spill.h"
#include "spill_rows.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WIDTH = 5, MADE = 64, MEBIBYTE = 1 << 20 };

static const tube_column columns[WIDTH] = {
    { .name = "path", .type = TUBE_TEXT },   { .name = "status", .type = TUBE_INT },
    { .name = "share", .type = TUBE_FLOAT }, { .name = "body", .type = TUBE_JSON },
    { .name = "at", .type = TUBE_TIME },
};

static tubei_memory *memory;
static tube_schema *schema;
static tube_schema *line_schema;
static tube_batch *made[MADE]; /* freed at the end */
static uint32_t n_made;

static void
setup(void)
{
    memory = tubei_memory_new(256 << 20);
    schema = tubei_schema_new(columns, WIDTH, NULL);
    line_schema = tubei_schema_new(&columns[0], 1, NULL);
    cr_assert(memory != NULL && schema != NULL && line_schema != NULL);
}

static void
teardown(void)
{
    while (n_made > 0)
        tubei_batch_free(tubei_batch_of(made[--n_made]));
    tubei_schema_free(schema);
    tubei_schema_free(line_schema);
    tubei_memory_free(memory);
}

TestSuite(spill, .timeout = 60, .init = setup, .fini = teardown);

static tube_batch *
make(const tube_schema *of, uint32_t rows, bool framed)
{
    tubei_batch *b = tubei_batch_new(memory, of, rows, framed, NULL);

    cr_assert(b != NULL && n_made < MADE);
    tube_batch_rows(&b->pub, rows);
    made[n_made++] = &b->pub;
    return &b->pub;
}

static tubei_spill *
spill_new(uint64_t most)
{
    tubei_spill *f;
    tube_error err;

    cr_assert_eq(tubei_spill_new(NULL, most, &f, &err), TUBE_OK, "%s", err.message);
    return f;
}

static const char *
own_text(tube_batch *b, const char *text, size_t len)
{
    char *to = tube_batch_alloc(b, len);

    cr_assert_not_null(to);
    memcpy(to, text, len);
    return to;
}

/* Rows with numbers, NULLs, text of many lengths; every third one is dead. */
static tube_batch *
batch_new(uint32_t rows, uint32_t text)
{
    tube_batch *b = make(schema, rows, false);
    char body[4096];

    memset(body, 'x', sizeof(body));
    for (uint32_t r = 0; r < rows; r++) {
        tube_cell *row = tube_row(b, r);
        uint32_t len = text > 0 ? text : r % 50;

        memcpy(body, &r, sizeof(r));
        tube_set_text(&row[0], own_text(b, body, len), len);
        tube_set_int(&row[1], (int64_t)r - 7);
        tube_set_real(&row[2], r / 3.0);
        tube_set_null(&row[3]);
        tube_set_int(&row[4], INT64_MIN + r);
        if (r % 5 == 0)
            tube_set_null(&row[r / 5 % WIDTH]);
        if (r % 3 == 2) {
            b->live[r / 64] &= ~((uint64_t)1 << (r % 64));
            b->n_live--;
        }
    }
    return b;
}

static bool
text_column(const tube_batch *b, uint32_t f)
{
    tube_type type = tube_schema_column(b->schema, (tube_field)f)->type;

    return type == TUBE_TEXT || type == TUBE_JSON;
}

static void
assert_same(const tube_batch *a, const tube_batch *b)
{
    cr_assert_eq(a->n_live, b->n_live);
    TUBE_EACH(a, r) {
        for (uint32_t f = 0; f < a->width; f++) {
            const tube_cell *x = tube_row(a, r) + f;
            const tube_cell *y = tube_row(b, r) + f;

            cr_assert_eq(x->set, y->set, "row %u, field %u", r, f);
            if (x->set && text_column(a, f))
                cr_assert(x->len == y->len && memcmp(x->text, y->text, x->len) == 0,
                          "row %u, field %u", r, f);
            else if (x->set)
                cr_assert_eq(x->integer, y->integer, "row %u, field %u", r, f);
        }
    }
}

/* The same live rows, cells and lines undefined. */
static tube_batch *
emptied(const tube_batch *of, bool lines)
{
    tube_batch *b = make(of->schema, of->n, false);
    size_t raw = of->n * sizeof(tube_cell);

    memcpy(b->live, of->live, sizeof(of->live));
    b->n_live = of->n_live;
    memset(b->cells, 0xa5, of->width * raw);
    if (lines)
        b->raw = (const tube_cell *)(const void *)own_text(b, (char *)b->cells, raw);
    return b;
}

Test(spill, the_checksum_is_crc32c)
{
    char bytes[300];
    char zeros[32] = { 0 };

    cr_assert_eq(tubei_crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(tubei_crc32c_table(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(tubei_crc32c(0, zeros, 32), 0x8a9136aau);
    cr_assert_eq(tubei_crc32c(tubei_crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 167 + 13);
    for (size_t from = 0; from < 16; from++)
        for (size_t n = 0; from + n <= sizeof(bytes); n++)
            cr_assert_eq(tubei_crc32c(7, bytes + from, n),
                         tubei_crc32c_table(7, bytes + from, n));
}

Test(spill, rows_come_back_as_they_were)
{
    tubei_spill *f;
    tube_error err;

    f = spill_new(UINT64_MAX);
    for (uint32_t rows = 1; rows <= TUBE_BATCH_ROWS; rows = rows * 3 + 1) {
        tube_batch *b = batch_new(rows, 0);
        tube_batch *back = emptied(b, false);
        tubei_spilled where;

        cr_assert_eq(tubei_spill_write(f, b, &where, &err), TUBE_OK);
        cr_assert_eq(tubei_spill_read(f, &where, back, &err), TUBE_OK, "%s",
                     err.message);
        cr_assert_eq(where.size, 0);
        assert_same(b, back);
    }
    tubei_spill_free(f);
}

Test(spill, a_text_of_the_line_is_a_part_of_it_again)
{
    static const char line[] = "GET /index.html 200";
    tube_batch *b;
    tube_batch *back;
    tube_cell raw;
    tubei_spill *f;
    tubei_spilled where;
    tube_error err;

    f = spill_new(UINT64_MAX);
    b = batch_new(1, 3);
    tube_set_text(&raw, own_text(b, line, sizeof(line) - 1), sizeof(line) - 1);
    tube_set_text(tube_row(b, 0), raw.text + 4, 11);
    tube_set_text(tube_row(b, 0) + 3, own_text(b, "{}", 2), 2);
    b->raw = &raw;
    back = emptied(b, true);
    cr_assert_eq(tubei_spill_write(f, b, &where, &err), TUBE_OK);
    cr_assert_eq(tubei_spill_read(f, &where, back, &err), TUBE_OK, "%s", err.message);
    assert_same(b, back);
    cr_assert_eq(back->raw[0].len, sizeof(line) - 1);
    cr_assert_eq(memcmp(back->raw[0].text, line, sizeof(line) - 1), 0);
    cr_assert_eq(tube_row(back, 0)->text, back->raw[0].text + 4);
    tubei_spill_free(f);
}

Test(spill, lines_are_written_once_and_are_the_raw_lines_again)
{
    tube_batch *b;
    tube_batch *back;
    tubei_spill *f;
    tubei_spilled where;
    tube_error err;

    f = spill_new(UINT64_MAX);
    b = make(line_schema, 2, true);
    tube_set_text(tube_row(b, 0), own_text(b, "first", 5), 5);
    tube_set_text(tube_row(b, 1), own_text(b, "", 0), 0);
    back = emptied(b, true);
    cr_assert_eq(tubei_spill_write(f, b, &where, &err), TUBE_OK);
    cr_assert_lt(where.size, 48 + 2 * 9 + 2 * 5, "the text is there twice");
    cr_assert_eq(tubei_spill_read(f, &where, back, &err), TUBE_OK, "%s", err.message);
    assert_same(b, back);
    cr_assert_eq(memcmp(back->raw[0].text, "first", 5), 0);
    cr_assert_eq(back->raw[1].len, 0);
    tubei_spill_free(f);
}

Test(spill, a_stripped_batch_takes_its_rows_back)
{
    tube_batch *same = batch_new(500, 0);
    tubei_batch *b = tubei_batch_of(batch_new(500, 0));
    tubei_spill *f = spill_new(UINT64_MAX);
    tubei_spilled where;
    tube_error err;

    cr_assert_eq(tubei_spill_write(f, &b->pub, &where, &err), TUBE_OK);
    cr_assert(tubei_batch_strip(&b));
    cr_assert(tubei_batch_refill(&b, NULL));
    made[1] = &b->pub;
    cr_assert_eq(tubei_spill_read(f, &where, &b->pub, &err), TUBE_OK);
    assert_same(same, &b->pub);
    tubei_spill_free(f);
}

Test(spill, rows_of_a_wrong_form_are_refused_though_the_checksum_holds)
{
    tube_batch *b = batch_new(6, 0);
    tube_batch *back = emptied(b, false);
    char bytes[4096];
    size_t size;

    cr_assert(tubei_spill_measure(b, SPILL_NO_LINES, &size));
    cr_assert_lt(size, sizeof(bytes) - 1);
    tubei_spill_encode(b, SPILL_NO_LINES, bytes);
    cr_assert(tubei_spill_decode(back, SPILL_NO_LINES, bytes, size));
    for (size_t n = 0; n < size; n++)
        cr_assert_not(tubei_spill_decode(back, SPILL_NO_LINES, bytes, n));
    cr_assert_not(tubei_spill_decode(back, SPILL_NO_LINES, bytes, size + 1));
    bytes[0] ^= 1; /* the number of the first row */
    cr_assert_not(tubei_spill_decode(back, SPILL_NO_LINES, bytes, size));
    bytes[0] ^= 1;
    bytes[4] = 9; /* how its first cell begins */
    cr_assert_not(tubei_spill_decode(back, SPILL_NO_LINES, bytes, size));
}

static void
flip(int fd, uint64_t bit)
{
    unsigned char byte;

    cr_assert_eq(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (unsigned char)(1 << (bit % 8));
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
}

Test(spill, any_flipped_bit_is_found)
{
    tubei_spill *f;
    tubei_spilled where;
    tube_batch *b;
    tube_batch *back;
    tube_error err;

    f = spill_new(UINT64_MAX);
    b = batch_new(6, 0);
    back = emptied(b, false);
    cr_assert_eq(tubei_spill_write(f, b, &where, &err), TUBE_OK);
    for (uint64_t bit = 0; bit < where.size * 8; bit++) {
        flip(tubei_spill_fd(f), bit);
        cr_assert_eq(tubei_spill_read(f, &where, back, &err), TUBE_EIO, "bit %ju",
                     (uintmax_t)bit);
        flip(tubei_spill_fd(f), bit);
    }
    cr_assert_not_null(strstr(err.message, "damaged"));
    cr_assert_eq(tubei_spill_read(f, &where, back, &err), TUBE_OK);
    assert_same(b, back);
    tubei_spill_free(f);
}

Test(spill, any_cut_is_found)
{
    tubei_spill *f;
    tubei_spilled where;
    tube_batch *b;
    tube_error err;

    f = spill_new(UINT64_MAX);
    b = batch_new(6, 0);
    cr_assert_eq(tubei_spill_write(f, b, &where, &err), TUBE_OK);
    for (uint64_t size = where.size; size-- > 0;) {
        cr_assert_eq(ftruncate(tubei_spill_fd(f), (off_t)size), 0);
        cr_assert_eq(tubei_spill_read(f, &where, b, &err), TUBE_EIO);
    }
    cr_assert_not_null(strstr(err.message, "ends at byte"));
    tubei_spill_free(f);
}

Test(spill, records_that_changed_places_are_found)
{
    tubei_spill *f;
    tubei_spilled where[2];
    tube_batch *b;
    char bytes[2][4096];
    tube_error err;

    f = spill_new(UINT64_MAX);
    b = batch_new(6, 10);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(tubei_spill_write(f, b, &where[i], &err), TUBE_OK);
    cr_assert(where[0].size == where[1].size && where[0].size < sizeof(bytes[0]));
    for (int i = 0; i < 2; i++)
        cr_assert_gt(
            pread(tubei_spill_fd(f), bytes[i], where[i].size, (off_t)where[i].at), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_gt(
            pwrite(tubei_spill_fd(f), bytes[1 - i], where[i].size, (off_t)where[i].at),
            0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(tubei_spill_read(f, &where[i], b, &err), TUBE_EIO);
    tubei_spill_free(f);
}

static uint64_t
on_disk(const tubei_spill *f)
{
    struct stat st;

    cr_assert_eq(fstat(tubei_spill_fd(f), &st), 0);
    return (uint64_t)st.st_blocks * 512;
}

Test(spill, space_is_given_back_in_whatever_order_it_is_read)
{
    enum { RECORDS = 100 };
    tubei_spill *f;
    tubei_spilled where[RECORDS];
    tube_batch *b;
    tube_error err;
    uint64_t full;

    f = spill_new(UINT64_MAX);
    b = batch_new(100, 2000);
    for (int i = 0; i < RECORDS; i++)
        cr_assert_eq(tubei_spill_write(f, b, &where[i], &err), TUBE_OK);
    full = on_disk(f);
    cr_assert_gt(full, 12 * MEBIBYTE);
    for (int i = 10; i < 90; i++)
        tubei_spill_forget(f, &where[(i * 37 % 80) + 10]);
    cr_assert_lt(tubei_spill_bytes(f), 5 * MEBIBYTE);
    cr_assert_leq(on_disk(f), tubei_spill_bytes(f) + MEBIBYTE, "%ju of %ju",
                  (uintmax_t)on_disk(f), (uintmax_t)full);
    for (int i = 0; i < RECORDS; i++) {
        if (i >= 10 && i < 90)
            continue;
        cr_assert_eq(tubei_spill_read(f, &where[i], b, &err), TUBE_OK, "%d", i);
    }
    cr_assert_eq(on_disk(f), 0);
    cr_assert_eq(tubei_spill_bytes(f), 0);
    tubei_spill_free(f);
}

Test(spill, no_more_is_written_than_allowed)
{
    tubei_spill *f;
    tubei_spilled where[20];
    tube_batch *b;
    tube_error err;
    int n = 0;

    f = spill_new(3 * MEBIBYTE);
    b = batch_new(300, 2000);
    while (tubei_spill_write(f, b, &where[n], &err) == TUBE_OK)
        cr_assert_lt(++n, 20);
    cr_assert_gt(n, 5);
    cr_assert_not_null(strstr(err.message, "max=3145728"));
    for (int i = 0; i < 4; i++)
        tubei_spill_forget(f, &where[i]);
    cr_assert_eq(tubei_spill_write(f, b, &where[0], &err), TUBE_OK);
    cr_assert_leq(tubei_spill_bytes(f), 3 * MEBIBYTE);
    tubei_spill_free(f);
}

Test(spill, a_disk_that_is_full_leaves_what_was_written)
{
    struct rlimit limit = { 600000, 600000 };
    tubei_spill *f;
    tubei_spilled where[20];
    tube_batch *b;
    tube_batch *back;
    tube_error err;
    tube_status st;
    int n = 0;

    f = spill_new(UINT64_MAX);
    b = batch_new(100, 2000);
    back = emptied(b, false);
    (void)signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    while ((st = tubei_spill_write(f, b, &where[n], &err)) == TUBE_OK)
        cr_assert_lt(++n, 20);
    cr_assert_eq(st, TUBE_AGAIN);
    cr_assert_gt(n, 2);
    cr_assert_not_null(strstr(err.message, "cannot write to the temporary file in /"));
    cr_assert_str_not_empty(err.hint);
    for (int i = 0; i < n; i++)
        cr_assert_eq(tubei_spill_read(f, &where[i], back, &err), TUBE_OK);
    assert_same(b, back);
    cr_assert_eq(tubei_spill_write(f, b, &where[0], &err), TUBE_OK);
    tubei_spill_free(f);
}

Test(spill, the_file_has_no_name_and_is_nobody_elses)
{
    char dir[] = "/tmp/test_spill.XXXXXX";
    struct stat st;
    tubei_spill *f;
    tube_error err;
    DIR *d;
    int n = 0;

    cr_assert_not_null(mkdtemp(dir));
    (void)umask(0);
    cr_assert_eq(tubei_spill_new(dir, UINT64_MAX, &f, &err), TUBE_OK);
    cr_assert_eq(fstat(tubei_spill_fd(f), &st), 0);
    cr_assert_eq(st.st_nlink, 0);
    cr_assert_eq(st.st_mode & 0777, 0600);
    d = opendir(dir);
    while (readdir(d) != NULL)
        n++;
    cr_assert_eq(n, 2);
    (void)closedir(d);
    tubei_spill_free(f);
    cr_assert_eq(rmdir(dir), 0);
    cr_assert_eq(tubei_spill_new(dir, UINT64_MAX, &f, &err), TUBE_EIO);
    cr_assert_not_null(strstr(err.message, dir));
}
