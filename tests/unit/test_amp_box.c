/* SPDX-License-Identifier: MIT */
/* test_amp_box.c -- AMP's boxes and argument types against what Twisted 24.7 sends. */
#include "../../stages/amp_arg.h"
#include "../../stages/amp_box.h"
#include "batch.h"
#include "memory.h"
#include "schema.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BOX_MOST ((size_t)1 << 20)

static tubei_memory *memory;
static tube_schema *schema;
static tubei_batch *batch;

static void
setup(void)
{
    static const tube_column one = { .name = "v", .type = TUBE_TEXT };

    memory = tubei_memory_new(64 << 20);
    schema = tubei_schema_new(&one, 1, NULL);
    batch = tubei_batch_new(memory, schema, 4, false, NULL);
    cr_assert_not_null(batch);
}

static void
teardown(void)
{
    tubei_batch_free(batch);
    tubei_schema_free(schema);
    tubei_memory_free(memory);
}

TestSuite(amp_box, .timeout = 60, .init = setup, .fini = teardown);

/* Sum(a=13, b=81), the first call of a connection, its answer; NoAns(x="é"). */
static const char sum[] = "\0\4_ask\0\1"
                          "1\0\10_command\0\3Sum\0\1a\0\2"
                          "13\0\1b\0\2"
                          "81\0";
static const char answer[] = "\0\7_answer\0\1"
                             "1\0\5total\0\2"
                             "94\0";
static const char no_answer[] = "\0\10_command\0\5NoAns\0\1x\0\2\303\251\0";

#define BYTES(text) ((tube_slice){ (text), sizeof(text) })

static bool
is(tube_slice got, const char *want, size_t len)
{
    return got.len == len && (len == 0 || memcmp(got.ptr, want, len) == 0);
}

static bool
value_is(const amp_box *box, const char *key, const char *want)
{
    return is(tubei_amp_value(box, key), want, strlen(want));
}

Test(amp_box, writes_the_golden_vectors_whatever_the_order)
{
    amp_pair call[] = { { tubei_amp_str("b"), tubei_amp_str("81") },
                        { tubei_amp_str("_command"), tubei_amp_str("Sum") },
                        { tubei_amp_str("a"), tubei_amp_str("13") },
                        { tubei_amp_str("_ask"), tubei_amp_str("1") } };
    amp_pair reply[] = { { tubei_amp_str("total"), tubei_amp_str("94") },
                         { tubei_amp_str("_answer"), tubei_amp_str("1") } };
    amp_pair plain[] = { { tubei_amp_str("x"), tubei_amp_str("\303\251") },
                         { tubei_amp_str("_command"), tubei_amp_str("NoAns") } };
    amp_out o = { 0 };
    tube_error err;

    cr_assert_eq(tubei_amp_put(&o, call, 4, &err), TUBE_OK);
    cr_assert(is((tube_slice){ o.data, o.len }, sum, sizeof(sum)));
    tubei_amp_sent(&o, o.len);
    cr_assert_eq(tubei_amp_put(&o, reply, 2, &err), TUBE_OK);
    cr_assert(is((tube_slice){ o.data, o.len }, answer, sizeof(answer)));
    tubei_amp_sent(&o, o.len);
    cr_assert_eq(tubei_amp_put(&o, plain, 2, &err), TUBE_OK);
    cr_assert(is((tube_slice){ o.data, o.len }, no_answer, sizeof(no_answer)));
    tubei_amp_out_fini(&o);
}

/* Find a box in a stream that comes `step` bytes at a time. */
static amp_found
scan_in_steps(tube_slice all, size_t step, amp_box *box, tube_error *err)
{
    amp_scan s = { 0 };
    amp_found found = AMP_MORE;

    for (size_t n = 0; found == AMP_MORE && n < all.len;) {
        char *copy;

        n = n + step < all.len ? n + step : all.len;
        copy = malloc(n); /* so that a sanitizer sees a byte too far */
        cr_assert_not_null(copy);
        memcpy(copy, all.ptr, n);
        found = tubei_amp_scan(&s, (tube_slice){ copy, n }, BOX_MOST, box, err);
        cr_assert(found != AMP_BOX || box->at == copy);
        free(copy);
    }
    box->at = all.ptr;
    return found;
}

Test(amp_box, reads_the_golden_vectors_in_any_pieces)
{
    amp_box box;
    tube_error err;

    for (size_t step = 1; step <= sizeof(sum); step++) {
        cr_assert_eq(scan_in_steps(BYTES(sum), step, &box, &err), AMP_BOX);
        cr_assert_eq(box.len + 2, sizeof(sum));
        cr_assert(value_is(&box, "_ask", "1"));
        cr_assert(value_is(&box, "_command", "Sum"));
        cr_assert(value_is(&box, "a", "13"));
        cr_assert(value_is(&box, "b", "81"));
        cr_assert_null(tubei_amp_value(&box, "c").ptr);
        cr_assert_null(tubei_amp_value(&box, "_comman").ptr);
    }
    cr_assert_eq(scan_in_steps(BYTES(answer), 1, &box, &err), AMP_BOX);
    cr_assert(value_is(&box, "total", "94"));
    cr_assert_eq(scan_in_steps(BYTES(no_answer), 1, &box, &err), AMP_BOX);
    cr_assert(value_is(&box, "x", "\303\251"));
    cr_assert_eq(scan_in_steps((tube_slice){ sum, sizeof(sum) - 1 }, 1, &box, &err),
                 AMP_MORE);
}

Test(amp_box, an_empty_box_ends_at_once)
{
    amp_box box;
    amp_pair p;
    size_t at = 0;
    tube_error err;

    cr_assert_eq(scan_in_steps((tube_slice){ "\0\0", 2 }, 1, &box, &err), AMP_BOX);
    cr_assert_eq(box.len, 0);
    cr_assert_not(tubei_amp_next(&box, &at, &p));
}

Test(amp_box, of_a_key_that_comes_twice_the_last_one_counts)
{
    static const char twice[] = "\0\1a\0\1"
                                "1\0\1b\0\0\0\1a\0\1"
                                "2\0";
    amp_box box;
    tube_error err;

    cr_assert_eq(scan_in_steps(BYTES(twice), 1, &box, &err), AMP_BOX);
    cr_assert(value_is(&box, "a", "2"));
    cr_assert(value_is(&box, "b", ""));
    cr_assert_not_null(tubei_amp_value(&box, "b").ptr);
}

/* covers AMP-2: what is no AMP is noticed at its second byte. */
Test(amp_box, a_key_over_255_bytes_is_no_amp)
{
    amp_box box;
    tube_error err;

    cr_assert_eq(scan_in_steps(BYTES("\1\0"), 1, &box, &err), AMP_BAD);
    cr_assert(strstr(err.message, "a key of 256 bytes") != NULL, "%s", err.message);
    cr_assert_eq(scan_in_steps(BYTES("GET / HTTP/1.1"), 1, &box, &err), AMP_BAD);
    cr_assert_eq(scan_in_steps((tube_slice){ "\0\1a\0\0\1\0", 7 }, 1, &box, &err),
                 AMP_BAD);
}

Test(amp_box, a_box_may_be_too_large)
{
    static char pairs[5 * (AMP_PAIRS_MOST + 1)];
    amp_scan s = { 0 };
    amp_box box;
    tube_error err;

    for (size_t i = 0; i <= AMP_PAIRS_MOST; i++)
        memcpy(pairs + 5 * i, "\0\1a\0", 5);
    cr_assert_eq(tubei_amp_scan(&s, (tube_slice){ pairs, 5 * AMP_PAIRS_MOST }, BOX_MOST,
                                &box, &err),
                 AMP_MORE);
    cr_assert_eq(
        tubei_amp_scan(&s, (tube_slice){ pairs, sizeof(pairs) }, BOX_MOST, &box, &err),
        AMP_BAD);
    s = (amp_scan){ 0 };
    cr_assert_eq(tubei_amp_scan(&s, BYTES(sum), 20, &box, &err), AMP_BAD);
}

static tube_status
put_one(amp_out *o, size_t key, size_t value, tube_error *err)
{
    static char bytes[70000];
    amp_pair p = { { bytes, key }, { bytes, value } };

    memset(bytes, 'x', sizeof(bytes));
    return tubei_amp_put(o, &p, 1, err);
}

/* covers AMP-3: nothing of it is written. */
Test(amp_box, keys_and_values_have_a_limit)
{
    amp_out o = { 0 };
    tube_error err;
    amp_box box;
    amp_pair twice[] = { { tubei_amp_str("a"), tubei_amp_str("1") },
                         { tubei_amp_str("a"), tubei_amp_str("2") } };

    cr_assert_eq(put_one(&o, 255, 65535, &err), TUBE_OK);
    cr_assert_eq(o.len, 2 + 255 + 2 + 65535 + 2);
    cr_assert_eq(scan_in_steps((tube_slice){ o.data, o.len }, 9999, &box, &err),
                 AMP_BOX);
    cr_assert_eq(box.len + 2, o.len);
    tubei_amp_sent(&o, o.len);
    cr_assert_eq(put_one(&o, 256, 1, &err), TUBE_EINVAL);
    cr_assert(strstr(err.message, "256 bytes") != NULL, "%s", err.message);
    cr_assert_eq(put_one(&o, 1, 65536, &err), TUBE_EINVAL);
    cr_assert(strstr(err.message, "65536 bytes, and AMP carries at most 65,535")
                  != NULL,
              "%s", err.message);
    cr_assert_eq(put_one(&o, 0, 1, &err), TUBE_EINVAL);
    cr_assert_eq(tubei_amp_put(&o, twice, 2, &err), TUBE_EINVAL);
    cr_assert_eq(o.len, 0);
    tubei_amp_out_fini(&o);
}

/* Values. */

static tube_status
read_value(amp_type type, const char *text, tube_cell *cell, char why[AMP_WHY])
{
    const amp_arg arg = { .type = type };

    return tubei_amp_read(&arg, tubei_amp_str(text), &batch->pub, cell, why);
}

static tube_status
read_padded(amp_type type, const char *text, tube_cell *cell, char why[AMP_WHY])
{
    static char padded[256 + TUBE_PAD];

    (void)snprintf(padded, sizeof(padded), "%s", text);
    return read_value(type, padded, cell, why);
}

static const char *
written(const amp_arg *arg, const tube_cell *cell, char why[AMP_WHY])
{
    static char text[256];
    amp_out scratch = { 0 };
    tube_slice v;
    bool made;

    if (tubei_amp_write(arg, cell, &scratch, &v, &made, why) != TUBE_OK) {
        tubei_amp_out_fini(&scratch);
        return NULL;
    }
    if (made)
        v.ptr = scratch.data + scratch.len - v.len;
    cr_assert_lt(v.len, sizeof(text));
    memcpy(text, v.ptr, v.len);
    text[v.len] = '\0';
    tubei_amp_out_fini(&scratch);
    return text;
}

Test(amp_box, integers_are_read_as_by_int)
{
    static const struct {
        const char *text;
        int64_t v;
        const char *bad;
    } table[] = {
        { "0", 0, NULL },
        { " 12 ", 12, NULL },
        { "+5", 5, NULL },
        { "1_000", 1000, NULL },
        { "-007", -7, NULL },
        { "9223372036854775807", INT64_MAX, NULL },
        { "-9223372036854775808", INT64_MIN, NULL },
        { "9223372036854775808", 0, "is over 64 bits" },
        { "", 0, "is no Integer" },
        { "-", 0, "is no Integer" },
        { "1__0", 0, "is no Integer" },
        { "_1", 0, "is no Integer" },
        { "1_", 0, "is no Integer" },
        { "1 2", 0, "is no Integer" },
        { "0x10", 0, "is no Integer" },
        { "1.0", 0, "is no Integer" },
        { "+-1", 0, "is no Integer" },
    };
    const amp_arg integer = { .type = AMP_INT };
    char why[AMP_WHY];
    tube_cell c;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        tube_status st = read_value(AMP_INT, table[i].text, &c, why);

        cr_assert_eq(st, table[i].bad == NULL ? TUBE_OK : TUBE_EPARSE, "%s",
                     table[i].text);
        if (st == TUBE_OK)
            cr_assert_eq(c.integer, table[i].v, "%s", table[i].text);
        else
            cr_assert(strstr(why, table[i].bad) != NULL, "%s", why);
    }
    tube_set_int(&c, INT64_MIN);
    cr_assert_str_eq(written(&integer, &c, why), "-9223372036854775808");
}

/* What Python's repr() gives; at powers of two the nearest short number is another one. */
static const struct {
    double v;
    const char *text;
} reprs[] = {
    { 1.5, "1.5" },
    { 1e22, "1e+22" },
    { 1e16, "1e+16" },
    { 1e15, "1000000000000000.0" },
    { 123456789012345680.0, "1.2345678901234568e+17" },
    { 1234567890123456.7, "1234567890123456.8" },
    { 0.0001, "0.0001" },
    { 0.00001, "1e-05" },
    { 0.1, "0.1" },
    { 1.0 / 3, "0.3333333333333333" },
    { 100, "100.0" },
    { 0.0, "0.0" },
    { -0.0, "-0.0" },
    { -2.5, "-2.5" },
    { 5e-324, "5e-324" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
    { 0x1p-44, "5.684341886080802e-14" },
    { 0x1p-140, "7.174648137343064e-43" },
    { 0x1p89, "6.189700196426902e+26" },
    { 0x1p-1017, "7.120236347223045e-307" },
    { 9007199254740993.0, "9007199254740992.0" },
};

Test(amp_box, floats_are_what_repr_writes_and_float_reads)
{
    static const char *const bad[] = { "",    ".",   "1e",   "e5",   "1.5.2", "0x1p3",
                                       "1,5", "--1", "nanx", "1_.5", "in",    "1e+" };
    const amp_arg real = { .type = AMP_FLOAT };
    char why[AMP_WHY];
    tube_cell c;

    for (size_t i = 0; i < sizeof(reprs) / sizeof(reprs[0]); i++) {
        tube_set_real(&c, reprs[i].v);
        cr_assert_str_eq(written(&real, &c, why), reprs[i].text);
        cr_assert_eq(read_value(AMP_FLOAT, reprs[i].text, &c, why), TUBE_OK);
        cr_assert(c.real == reprs[i].v && !signbit(c.real) == !signbit(reprs[i].v),
                  "%s", reprs[i].text);
    }
    cr_assert_eq(read_value(AMP_FLOAT, " +Nan ", &c, why), TUBE_OK);
    cr_assert(isnan(c.real));
    cr_assert_str_eq(written(&real, &c, why), "nan");
    cr_assert_eq(read_value(AMP_FLOAT, "-infinity", &c, why), TUBE_OK);
    cr_assert_str_eq(written(&real, &c, why), "-inf");
    cr_assert_eq(read_value(AMP_FLOAT, "1e999", &c, why), TUBE_OK);
    cr_assert(isinf(c.real));
    cr_assert_eq(read_value(AMP_FLOAT, "1_0.5e0_1", &c, why), TUBE_OK);
    cr_assert_eq(c.real, 105.0);
    cr_assert_eq(read_value(AMP_FLOAT, ".5", &c, why), TUBE_OK);
    cr_assert_eq(c.real, 0.5);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(read_value(AMP_FLOAT, bad[i], &c, why), TUBE_EPARSE, "%s", bad[i]);
}

Test(amp_box, times_have_32_characters)
{
    static const char *const bad[] = {
        "2012-01-23T12:34:56.054321Z",      "2012-02-30T12:34:56.054321+00:00",
        "2012-01-23 12:34:56.054321+00:00", "2012-01-23T24:00:00.000000+00:00",
        "0000-01-23T12:34:56.054321+00:00", "2012-01-23T12:34:56.054321 00:00",
        "2012-01-23T12:34:56.05432x+00:00", "2012-01-23T12:34:56.054321+24:00",
    };
    const amp_arg stamp = { .type = AMP_TIME };
    const int64_t us = INT64_C(1327322096054321);
    char why[AMP_WHY];
    tube_cell c;

    cr_assert_eq(read_value(AMP_TIME, "2012-01-23T12:34:56.054321-00:00", &c, why),
                 TUBE_OK);
    cr_assert_eq(c.integer, us);
    cr_assert_str_eq(written(&stamp, &c, why), "2012-01-23T12:34:56.054321-00:00");
    cr_assert_eq(read_value(AMP_TIME, "2012-01-23T12:34:56.054321-01:23", &c, why),
                 TUBE_OK);
    cr_assert_eq(c.integer, us + INT64_C(83) * 60 * 1000000);
    cr_assert_eq(read_value(AMP_TIME, "0001-01-01T00:00:00.000000+00:00", &c, why),
                 TUBE_OK);
    cr_assert_str_eq(written(&stamp, &c, why), "0001-01-01T00:00:00.000000-00:00");
    c.integer--;
    cr_assert_null(written(&stamp, &c, why));
    cr_assert_eq(read_value(AMP_TIME, "9999-12-31T23:59:59.999999+00:00", &c, why),
                 TUBE_OK);
    cr_assert_str_eq(written(&stamp, &c, why), "9999-12-31T23:59:59.999999-00:00");
    c.integer++;
    cr_assert_null(written(&stamp, &c, why));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(read_value(AMP_TIME, bad[i], &c, why), TUBE_EPARSE, "%s", bad[i]);
}

Test(amp_box, booleans_text_and_decimals)
{
    static const char *const good[] = { "1",    "1.50E+3",   "-0.1", "NaN",
                                        "sNaN", "-Infinity", "NaN12" };
    const amp_arg truth = { .type = AMP_BOOL };
    char why[AMP_WHY];
    tube_cell c;

    cr_assert_eq(read_value(AMP_BOOL, "True", &c, why), TUBE_OK);
    cr_assert_str_eq(written(&truth, &c, why), "True");
    cr_assert_eq(read_value(AMP_BOOL, "False", &c, why), TUBE_OK);
    cr_assert_str_eq(written(&truth, &c, why), "False");
    cr_assert_eq(read_value(AMP_BOOL, "true", &c, why), TUBE_EPARSE);
    cr_assert_eq(read_value(AMP_BOOL, "1", &c, why), TUBE_EPARSE);
    cr_assert_eq(read_value(AMP_TEXT, "\303\251", &c, why), TUBE_OK);
    cr_assert(is(tube_text(&c), "\303\251", 2));
    cr_assert_eq(read_value(AMP_TEXT, "a\377\n", &c, why), TUBE_EPARSE);
    cr_assert_str_eq(why, "'a?"
                          "?' is no UTF-8");
    cr_assert_eq(read_value(AMP_BYTES, "\377", &c, why), TUBE_OK);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_assert_eq(read_value(AMP_DECIMAL, good[i], &c, why), TUBE_OK, "%s", good[i]);
    cr_assert_eq(read_value(AMP_DECIMAL, "1,5", &c, why), TUBE_EPARSE);
    cr_assert_eq(read_padded(AMP_JSON, "{\"a\":[1]}", &c, why), TUBE_OK);
    cr_assert_eq(read_padded(AMP_JSON, "{\"a\":[1}", &c, why), TUBE_EPARSE);
    cr_assert_str_eq(why, "'{\"a\":[1}' is no JSON");
    cr_assert_eq(read_value(AMP_DECIMAL, "", &c, why), TUBE_EPARSE);
}

/* Lists. */

static void
list_is(const amp_arg *arg, tube_slice wire, const char *json)
{
    amp_out back = { 0 };
    char why[AMP_WHY] = "";
    tube_cell c;

    cr_assert_eq(tubei_amp_read(arg, wire, &batch->pub, &c, why), TUBE_OK, "%s", why);
    cr_assert(is(tube_text(&c), json, strlen(json)), "%.*s", (int)c.len, c.text);
    cr_assert_eq(tubei_amp_list_write(arg, &c, &back, why), TUBE_OK, "%s", why);
    cr_assert(is((tube_slice){ back.data, back.len }, wire.ptr, wire.len));
    tubei_amp_out_fini(&back);
}

#define LIST(text) ((tube_slice){ (text), sizeof(text) - 1 })

Test(amp_box, lists_are_json_arrays_and_back)
{
    const amp_arg ints = { .type = AMP_LIST, .element = AMP_INT };
    const amp_arg texts = { .type = AMP_LIST, .element = AMP_TEXT };
    const amp_arg bytes = { .type = AMP_LIST, .element = AMP_BYTES };
    const amp_arg reals = { .type = AMP_LIST, .element = AMP_FLOAT };
    const amp_arg truths = { .type = AMP_LIST, .element = AMP_BOOL };
    const amp_arg times = { .type = AMP_LIST, .element = AMP_TIME };
    const amp_arg decimals = { .type = AMP_LIST, .element = AMP_DECIMAL };

    list_is(&ints,
            LIST("\0\1"
                 "1\0\2"
                 "20\0\3"
                 "300"),
            "[1,20,300]");
    list_is(&ints, LIST(""), "[]");
    list_is(&texts, LIST("\0\1a\0\0\0\3\"\n\\"), "[\"a\",\"\",\"\\\"\\n\\\\\"]");
    list_is(&bytes, LIST("\0\2\377\0\0\0"), "[\"\\\\xff00\",\"\\\\x\"]");
    list_is(&reals,
            LIST("\0\3"
                 "1.5\0\3nan\0\4-inf"),
            "[1.5,\"nan\",\"-inf\"]");
    list_is(&truths, LIST("\0\4True\0\5False"), "[true,false]");
    list_is(&times,
            LIST("\0\40"
                 "2012-01-23T12:34:56.054321-00:00"),
            "[\"2012-01-23T12:34:56.054321Z\"]");
    list_is(&decimals,
            LIST("\0\4"
                 "1E+2"),
            "[\"1E+2\"]");
}

Test(amp_box, lists_of_records_are_boxes)
{
    static const tube_record_field fields[] = {
        { .column = { .name = "a", .type = TUBE_INT } },
        { .column = { .name = "b", .type = TUBE_TEXT }, .optional = true },
    };
    static const tube_record record = { "pair", fields, 2 };
    const amp_arg arg = { .type = AMP_RECORDS, .record = &record };
    char why[AMP_WHY];
    tube_cell c;

    list_is(&arg,
            LIST("\0\1a\0\1"
                 "7\0\0\0\1a\0\1"
                 "9\0\0"),
            "[{\"a\":7},{\"a\":9}]");
    list_is(&arg,
            LIST("\0\1a\0\1"
                 "7\0\1b\0\2\303\251\0\0"),
            "[{\"a\":7,\"b\":\"\303\251\"}]");
    cr_assert_eq(tubei_amp_read(&arg, LIST("\0\0"), &batch->pub, &c, why), TUBE_EPARSE);
    cr_assert_str_eq(why, "has no 'a' in one of its boxes");
    cr_assert_eq(tubei_amp_read(&arg, LIST("\0\1a\0\1"), &batch->pub, &c, why),
                 TUBE_EPARSE);
}

static const char *
list_refused(const amp_arg *arg, const char *json)
{
    static char why[AMP_WHY];
    static char padded[256 + TUBE_PAD];
    amp_out o = { 0 };
    tube_cell c;

    (void)snprintf(padded, sizeof(padded), "%s", json);
    tube_set_text(&c, padded, strlen(json));
    cr_assert_eq(tubei_amp_list_write(arg, &c, &o, why), TUBE_EPARSE, "%s", json);
    tubei_amp_out_fini(&o);
    return why;
}

Test(amp_box, what_is_no_list_is_refused)
{
    static const tube_record_field fields[] = {
        { .column = { .name = "a", .type = TUBE_INT } },
    };
    static const tube_record record = { "one", fields, 1 };
    const amp_arg ints = { .type = AMP_LIST, .element = AMP_INT };
    const amp_arg records = { .type = AMP_RECORDS, .record = &record };
    char why[AMP_WHY];
    tube_cell c;

    cr_assert_eq(tubei_amp_read(&ints, LIST("\0\1"), &batch->pub, &c, why),
                 TUBE_EPARSE);
    cr_assert_str_eq(why, "ends in the middle of an element");
    why[0] = '\0';
    cr_assert_eq(tubei_amp_read(&ints, LIST("\0"), &batch->pub, &c, why), TUBE_EPARSE);
    cr_assert_str_eq(why, "ends in the middle of an element");
    cr_assert_eq(tubei_amp_read(&ints, LIST("\0\1x"), &batch->pub, &c, why),
                 TUBE_EPARSE);
    cr_assert_str_eq(list_refused(&ints, "{}"), "is no JSON array");
    cr_assert_str_eq(list_refused(&ints, "[1,2"), "is no JSON array");
    cr_assert_str_eq(list_refused(&ints, "[1,\"2\"]"),
                     "holds \"2\", which is not of the list's type");
    cr_assert_str_eq(list_refused(&records, "[{\"a\":1,\"c\":2}]"),
                     "holds \"c\", which is no field of the record, or is there twice");
    cr_assert_str_eq(list_refused(&records, "[{}]"),
                     "holds {}, which lacks a field that is required");
    cr_assert_str_eq(list_refused(&records, "[1]"), "holds 1, which is no object");
}
