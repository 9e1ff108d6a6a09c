/* SPDX-License-Identifier: MIT */
/* test_expect.c -- what fits a declaration passes, and what does not is told why. */
#include "expect_check.h"
#include "schema.h"
#include "test_stages.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

TestSuite(expect, .timeout = 30);

enum { FIELDS = 4 };

/* One cell against one field: "" if it fits. */
static const char *
verdict(const tube_record_field *f, const tube_cell *cell)
{
    static char line[256];
    tube_record record = { "r", f, 1 };
    tube_schema *in = tubei_schema_new(&f->column, 1, NULL);
    expect_check check;
    uint32_t n;
    tube_error err;

    line[0] = '\0';
    cr_assert_eq(tubei_expect_schema(&record, in, &check, &n, &err), TUBE_OK);
    if (n == 1 && !tubei_expect_cell(&check, cell, line, sizeof(line)))
        line[0] = '\0';
    tubei_schema_free(in);
    return line;
}

static const char *
int_verdict(double lo, double hi, int64_t v)
{
    tube_record_field f = { { "f", TUBE_INT, NULL }, false, true, lo, hi };
    tube_cell cell;

    tube_set_int(&cell, v);
    return verdict(&f, &cell);
}

static const char *
real_verdict(double lo, double hi, double v)
{
    tube_record_field f = { { "f", TUBE_FLOAT, NULL }, false, true, lo, hi };
    tube_cell cell;

    tube_set_real(&cell, v);
    return verdict(&f, &cell);
}

static const char *
text_verdict(double lo, double hi, const char *v)
{
    tube_record_field f = { { "f", TUBE_TEXT, NULL }, false, true, lo, hi };
    tube_cell cell;

    tube_set_text(&cell, v, strlen(v));
    return verdict(&f, &cell);
}

Test(expect, numbers_lie_in_their_range)
{
    cr_assert_str_empty(int_verdict(100, 599, 100));
    cr_assert_str_empty(int_verdict(100, 599, 599));
    cr_assert_str_eq(int_verdict(100, 599, 99), "field 'f' is 99, not in 100..599");
    cr_assert_str_eq(int_verdict(100, 599, 600), "field 'f' is 600, not in 100..599");
    cr_assert_str_eq(int_verdict(0, INFINITY, -1), "field 'f' is -1, not in 0..");
    cr_assert_str_eq(int_verdict(-INFINITY, -1, 0), "field 'f' is 0, not in ..-1");
    cr_assert_str_empty(int_verdict(0, INFINITY, INT64_MAX));
    cr_assert_str_empty(int_verdict(-INFINITY, 0, INT64_MIN));
    cr_assert_str_empty(real_verdict(0.5, 1.5, 0.5));
    cr_assert_str_eq(real_verdict(0.5, 1.5, 1.75),
                     "field 'f' is 1.75, not in 0.5..1.5");
    cr_assert_str_not_empty(real_verdict(-INFINITY, INFINITY, NAN));
    cr_assert_str_not_empty(real_verdict(0, 1, NAN));
}

Test(expect, integers_are_compared_exactly)
{
    const int64_t odd = ((int64_t)1 << 53) + 1;

    cr_assert_str_not_empty(int_verdict(0, 0x1p53, odd));
    cr_assert_str_empty(int_verdict(0x1p53, INFINITY, odd));
    cr_assert_str_not_empty(int_verdict(0.5, 1, 0));
    cr_assert_str_empty(int_verdict(0.5, 1, 1));
    cr_assert_str_not_empty(int_verdict(0, 0.5, 1));
    cr_assert_str_empty(int_verdict(-0x1p63, 0x1p63, INT64_MIN));
    cr_assert_str_not_empty(int_verdict(0x1p63, INFINITY, INT64_MAX));
    cr_assert_str_not_empty(int_verdict(-INFINITY, -0x1p64, INT64_MIN));
}

Test(expect, texts_have_a_length_in_bytes)
{
    cr_assert_str_empty(text_verdict(1, 3, "abc"));
    cr_assert_str_empty(text_verdict(1, 3, "a"));
    cr_assert_str_eq(text_verdict(1, 3, ""), "field 'f' has 0 bytes, not 1..3: ''");
    cr_assert_str_eq(text_verdict(1, 3, "a\nb\xff"),
                     "field 'f' has 4 bytes, not 1..3: 'a?b?'");
    cr_assert_str_eq(
        text_verdict(0, 3, "0123456789012345678901234567890123456789x"),
        "field 'f' has 41 bytes, not 0..3: '0123456789012345678901234567890123456789...'");
}

Test(expect, what_is_required_is_there)
{
    tube_record_field f = { { "f", TUBE_INT, NULL }, false, false, 0, 0 };
    tube_cell cell;

    tube_set_null(&cell);
    cr_assert_str_eq(verdict(&f, &cell), "field 'f' is null and required");
    f.optional = true;
    cr_assert_str_empty(verdict(&f, &cell));
    f.ranged = true;
    f.lo = 1;
    f.hi = 2;
    cr_assert_str_empty(verdict(&f, &cell));
    f.optional = false;
    cr_assert_str_eq(verdict(&f, &cell), "field 'f' is null and required");
}

Test(expect, all_that_is_wrong_with_the_fields_is_told_at_once)
{
    static const tube_column have[FIELDS] = {
        { "path", TUBE_TEXT, NULL },
        { "status", TUBE_TEXT, NULL },
        { "more", TUBE_INT, NULL },
        { "share", TUBE_INT, NULL },
    };
    static const tube_record_field want[] = {
        { { "path", TUBE_TEXT, "varchar(9)" }, false, false, 0, 0 },
        { { "status", TUBE_INT, NULL }, false, false, 0, 0 },
        { { "share", TUBE_FLOAT, NULL }, true, false, 0, 0 },
        { { "bytes", TUBE_INT, NULL }, false, false, 0, 0 },
        { { "agent", TUBE_TEXT, NULL }, true, false, 0, 0 },
    };
    tube_record record = { "hit", want, 5 };
    tube_schema *in = tubei_schema_new(have, FIELDS, NULL);
    expect_check check[5];
    uint32_t n;
    tube_error err;

    cr_assert_eq(tubei_expect_schema(&record, in, check, &n, &err), TUBE_ECONFIG);
    cr_assert_str_eq(err.message, "records are no 'hit': 'status' is text, not int, "
                                  "'share' is int, not float, no int 'bytes'");
    cr_assert_not_null(strstr(err.hint, "path text, status text, more int"));
    record.n = 1; /* .sql may differ */
    cr_assert_eq(tubei_expect_schema(&record, in, check, &n, &err), TUBE_OK);
    cr_assert_eq(n, 1);
    tubei_schema_free(in);
}

static uint32_t refusals;

static void
on_reject(void *arg, const tube_reject_info *r)
{
    (void)arg;
    refusals++;
    cr_assert_str_eq(r->stage, "expect");
    cr_assert_not_null(strstr(r->reason, "field 'n' is "));
    cr_assert_not_null(strstr(r->reason, "not in 10..19"));
}

Test(expect, records_that_do_not_fit_are_rejected_one_by_one)
{
    tube_pipeline *p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .batch_rows = 7,
                           .on_reject = on_reject, .rejects_only = true),
        "record small { n int 10..19; }\ncount 100 | expect small | collect");
    tube_error err = { 0 };
    tube_counts c;

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_stats(p, &c);
    cr_assert_eq(c.committed, 10);
    cr_assert_eq(c.rejected, 90);
    cr_assert_eq(refusals, 90);
    cr_assert_eq(seen.sum, 145);
    cr_assert(test_accounted(p));
    tube_pipeline_free(p);
}

static tube_counts
counts_of(const char *text)
{
    tube_pipeline *p = test_pipeline(
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .rejects_only = true), text);
    tube_error err = { 0 };
    tube_counts c;

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s: %s", text, err.message);
    tube_stats(p, &c);
    tube_pipeline_free(p);
    return c;
}

Test(expect, a_field_is_found_wherever_it_is)
{
    tube_counts want = counts_of("gen combined 3000 | parse combined"
                                 " | where status >= 200 and status <= 299 | null");
    tube_counts got =
        counts_of("record ok { status int 200..299; path text; }\n"
                  "gen combined 3000 | parse combined | expect ok | null");

    cr_assert(want.committed > 100 && want.committed < 2900);
    cr_assert_eq(got.committed, want.committed);
    cr_assert_eq(got.rejected, want.filtered + want.rejected);
}

static void
refused(const char *text, const char *message)
{
    tube_pipeline *p = test_pipeline(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER), text);
    tube_error err = { 0 };

    cr_assert_eq(tube_open(p, &err), TUBE_ECONFIG, "%s", text);
    cr_assert_not_null(strstr(err.message, message), "%s: %s", text, err.message);
    cr_assert_str_not_empty(err.hint);
    tube_pipeline_free(p);
}

Test(expect, records_of_other_fields_do_not_start)
{
    refused("record r { n text; }\ncount 5 | expect r | collect", "'n'");
    refused("record r { m int; }\ncount 5 | expect r | collect", "'m'");
    refused("record r { n int; }\ncount 5 | expect other | collect",
            "no record 'other' is declared");
}
