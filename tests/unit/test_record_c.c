/* SPDX-License-Identifier: MIT */
/* test_record_c.c -- records declared in C: every function of <tubes/record.h>. */
#include <tubes/record.h>
#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static tube_status
to_upper(tube_slice in, tube_scratch *memory, tube_cell *out, tube_error *err)
{
    char *text = tube_scratch_take(memory, in.len);

    if (in.len > 0 && in.ptr[0] == '!')
        return tube_fail(err, TUBE_EPARSE, "'!' is no method");
    if (text == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no room");
    for (size_t i = 0; i < in.len; i++)
        text[i] =
            (char)(in.ptr[i] >= 'a' && in.ptr[i] <= 'z' ? in.ptr[i] - 32 : in.ptr[i]);
    tube_set_text(out, text, in.len);
    return TUBE_OK;
}

static void
noon(tube_cell *out)
{
    tube_set_int(out, INT64_C(1706702400000000)); /* 2024-01-31T12:00:00Z */
}

static tube_status even(const void *record, const tube_cell *v, tube_error *err);

#define AUDIT(F)                                                  \
  F(ip, INET, REQUIRED)                                           \
  F(status, INT, REQUIRED, RANGE(100, 599))                       \
  F(method, TEXT, DEFAULT("GET"), RANGE(1, 7), CONVERT(to_upper)) \
  F(bytes, INT, OPTIONAL, AT_LEAST(0), VALIDATE(even))            \
  F(ratio, FLOAT, OPTIONAL, AT_MOST(0.5))                         \
  F(cached, BOOL, DEFAULT("no"))                                  \
  F(token, TEXT, OPTIONAL, RANGE(4, 8), SECRET)                   \
  F(note, JSON, OPTIONAL)                                         \
  F(body, BYTES, OPTIONAL)                                        \
  F(at, TIME, DEFAULT_BY(noon), APART)
TUBE_RECORD(audit, AUDIT)

/* Bytes are even, unless the status says that something is amiss. */
static tube_status
even(const void *record, const tube_cell *v, tube_error *err)
{
    const struct audit *a = record;

    if (v->integer % 2 == 0 || a->status >= 400)
        return TUBE_OK;
    return tube_fail(err, TUBE_EPARSE, "%d is odd", (int)v->integer);
}

static struct audit
good(void)
{
    struct audit a;

    tube_record_defaults(audit_record(), &a);
    a.ip = tube_str("10.0.0.1");
    a.status = 200;
    return a;
}

static bool
said(const tube_record_errors *e, const char *field, const char *words)
{
    for (uint32_t i = 0; i < e->n && i < TUBE_RECORD_ERRORS; i++)
        if (strcmp(e->item[i].field, field) == 0
            && strstr(e->item[i].message, words) != NULL)
            return true;
    for (uint32_t i = 0; i < e->n && i < TUBE_RECORD_ERRORS; i++)
        fprintf(stderr, "'%s': %s\n", e->item[i].field, e->item[i].message);
    return false;
}

/* Declaring. */

Test(record_c, a_table_makes_a_struct_and_its_description)
{
    const tube_record_def *d = audit_record();
    tube_error err = { 0 };

    cr_assert_eq(audit_width, 10);
    cr_assert_eq(d->record.n, 10);
    cr_assert_eq(d->size, sizeof(struct audit));
    cr_assert_str_eq(d->record.name, "audit");
    cr_assert_str_eq(d->record.field[0].column.sql, "inet");
    cr_assert_eq(d->record.field[0].column.type, TUBE_TEXT);
    cr_assert_eq(d->member[3].at, offsetof(struct audit, bytes));
    cr_assert_eq(d->member[3].has, offsetof(struct audit, has_bytes));
    cr_assert_eq(d->member[1].has, SIZE_MAX);
    cr_assert(d->record.field[3].optional && d->record.field[3].ranged);
    cr_assert_eq(d->record.field[3].lo, 0);
    cr_assert(isinf(d->record.field[3].hi));
    cr_assert_eq(d->member[6].flags, TUBE_MEMBER_SECRET);
    cr_assert_eq(tube_record_valid(d, &err), TUBE_OK, "%s", err.message);
}

#define TWICE(F)    F(a, INT, REQUIRED) F(a2, INT, REQUIRED, RANGE(5, 4))
#define HUGE_END(F) F(a, INT, REQUIRED, AT_MOST(9007199254740994.0))
#define HALF(F)     F(a, INT, REQUIRED, AT_MOST(1.5))
#define NO_RANGE(F) F(a, BOOL, REQUIRED, RANGE(0, 1))
#define BAD_DEF(F)  F(a, INT, DEFAULT("much"))
#define BAD_JSON(F) F(a, JSON, DEFAULT("{"))
#define FAR_DEF(F)  F(a, INT, DEFAULT("7"), RANGE(1, 3))
TUBE_RECORD(twice, TWICE)
TUBE_RECORD(huge_end, HUGE_END)
TUBE_RECORD(half, HALF)
TUBE_RECORD(no_range, NO_RANGE)
TUBE_RECORD(bad_def, BAD_DEF)
TUBE_RECORD(bad_json, BAD_JSON)
TUBE_RECORD(far_def, FAR_DEF)

static void
invalid(const tube_record_def *d, const char *words)
{
    tube_error err = { 0 };

    cr_assert_eq(tube_record_valid(d, &err), TUBE_ECONFIG, "%s", d->record.name);
    cr_assert_not_null(strstr(err.message, words), "%s", err.message);
}

Test(record_c, a_wrong_description_is_found)
{
    static const tube_record_field same[] = { { .column = { "x", TUBE_INT, NULL } },
                                              { .column = { "x", TUBE_INT, NULL } } };
    tube_record twins = { "twins", same, 2 };
    tube_record_def d = tube_record_rows(&twins);

    invalid(twice_record(), "holds nothing");
    invalid(huge_end_record(), "too large to be exact");
    invalid(half_record(), "whole numbers");
    invalid(no_range_record(), "no range");
    invalid(bad_def_record(), "'much' is no int");
    invalid(bad_json_record(), "ends too early");
    invalid(far_def_record(), "is 7, not in 1..3");
    invalid(&d, "two fields are named 'x'");
    twins.n = 0;
    d = tube_record_rows(&twins);
    invalid(&d, "0 fields");
}

/* Checking. */

Test(record_c, defaults)
{
    struct audit a;

    memset(&a, 0xee, sizeof(a));
    tube_record_defaults(audit_record(), &a);
    cr_assert_null(a.ip.ptr);
    cr_assert_eq(a.status, 0);
    cr_assert_eq(a.method.len, 3);
    cr_assert_eq(memcmp(a.method.ptr, "GET", 3), 0);
    cr_assert(!a.has_bytes && !a.has_ratio && !a.cached);
    cr_assert_eq(a.at, INT64_C(1706702400000000));
}

Test(record_c, all_errors_of_a_record_at_once)
{
    struct audit a = good();
    tube_record_errors e;
    tube_error err = { 0 };

    cr_assert_eq(tube_record_check(audit_record(), &a, &e), TUBE_OK);
    cr_assert_eq(e.n, 0);
    cr_assert_eq(tube_record_fail(audit_record(), &e, &err), TUBE_OK);
    a.ip.ptr = NULL;
    a.status = 99;
    a.method = tube_str("PROPFIND");
    a.bytes = 3;
    a.has_bytes = true;
    a.ratio = (double)NAN;
    a.has_ratio = true;
    a.token = tube_str("abc");
    cr_assert_eq(tube_record_check(audit_record(), &a, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 6);
    cr_assert(said(&e, "ip", "field 'ip' is null and required"));
    cr_assert(said(&e, "status", "field 'status' is 99, not in 100..599"));
    cr_assert(said(&e, "method", "field 'method' has 8 bytes, not 1..7: 'PROPFIND'"));
    cr_assert(said(&e, "bytes", "field 'bytes': 3 is odd"));
    cr_assert(said(&e, "ratio", "not in ..0.5"));
    cr_assert(said(&e, "token", "field 'token' is out of its range"));
    cr_assert_eq(tube_record_fail(audit_record(), &e, &err), TUBE_EPARSE);
    cr_assert_not_null(strstr(err.message, "no 'audit': field 'ip' is null"), "%s",
                       err.message);
    cr_assert_not_null(strstr(err.message, "more"), "%s", err.message);
    cr_assert_eq(tube_record_check(audit_record(), &a, NULL), TUBE_EPARSE);
}

Test(record_c, range_ends_are_inside_and_validators_see_the_record)
{
    struct audit a = good();

    a.status = 599;
    a.has_bytes = true;
    a.bytes = 3; /* even() looks at the status */
    cr_assert_eq(tube_record_check(audit_record(), &a, NULL), TUBE_OK);
    a.bytes = -1;
    cr_assert_eq(tube_record_check(audit_record(), &a, NULL), TUBE_EPARSE);
    a.has_bytes = false;
    cr_assert_eq(tube_record_check(audit_record(), &a, NULL), TUBE_OK);
    a.status = 600;
    cr_assert_eq(tube_record_check(audit_record(), &a, NULL), TUBE_EPARSE);
}

Test(record_c, comparison_and_hash)
{
    const tube_record_def *d = audit_record();
    struct audit a = good();
    struct audit b = good();

    b.ip = (tube_slice){ "10.0.0.1 and more", 8 };
    b.at = 7; /* apart */
    cr_assert_eq(tube_record_compare(d, &a, &b), 0);
    cr_assert_eq(tube_record_hash(d, &a), tube_record_hash(d, &b));
    b.ip.len = 9;
    cr_assert_lt(tube_record_compare(d, &a, &b), 0);
    cr_assert_gt(tube_record_compare(d, &b, &a), 0);
    cr_assert_neq(tube_record_hash(d, &a), tube_record_hash(d, &b));
    b = good();
    b.status = -5;
    cr_assert_gt(tube_record_compare(d, &a, &b), 0);
    b = good();
    b.has_bytes = true; /* a value comes before none */
    cr_assert_gt(tube_record_compare(d, &a, &b), 0);
    b.has_bytes = false;
    b.bytes = 77; /* no value has no number */
    cr_assert_eq(tube_record_compare(d, &a, &b), 0);
    a.has_ratio = b.has_ratio = true;
    a.ratio = b.ratio = (double)NAN;
    cr_assert_eq(tube_record_compare(d, &a, &b), 0);
    b.ratio = INFINITY;
    cr_assert_gt(tube_record_compare(d, &a, &b), 0, "not a number comes last");
}

/* Texts. */

Test(record_c, printing)
{
    struct audit a = good();
    char out[400];
    size_t n;

    a.method = tube_str("it's\n");
    a.ratio = 0.25;
    a.has_ratio = true;
    a.token = tube_str("secret");
    a.note = tube_str("{\"a\": 1}");
    a.body = (tube_slice){ "\x00\xff", 2 };
    n = tube_record_print(audit_record(), &a, out, sizeof(out));
    cr_assert_str_eq(out, "audit(ip='10.0.0.1', status=200, method='it\\'s\\n',"
                          " bytes=null, ratio=0.25, cached=false, token=***,"
                          " note={\"a\": 1}, body=\\x00ff, at=2024-01-31T12:00:00Z)");
    cr_assert_eq(n, strlen(out));
    cr_assert_eq(tube_record_print(audit_record(), &a, out, n + 1), n);
    cr_assert_eq(tube_record_print(audit_record(), &a, out, n), 0, "no room");
    cr_assert_str_eq(out, "");
    cr_assert_eq(tube_record_print(audit_record(), &a, out, 0), 0);
}

static tube_status
from_json(const char *text, struct audit *a, tube_record_errors *e)
{
    static char memory[4096];
    tube_scratch scratch = { memory, 2 * strlen(text) + TUBE_PAD + 16 };

    return tube_record_from_json(audit_record(), tube_str(text), &scratch, a, e);
}

Test(record_c, json_there_and_back)
{
    static const char text[] =
        "{\"ip\":\"10.0.0.1\",\"status\":404,\"method\":\"PUT\",\"bytes\":12,"
        "\"ratio\":-0.5,\"cached\":true,\"token\":\"a\\u0001\\\"\\u00e9\","
        "\"note\":{\"a\":[1, 2]},\"body\":\"\\\\x00ff\","
        "\"at\":\"2000-01-01T00:00:00.000001Z\"}";
    static const char back[] =
        "{\"ip\":\"10.0.0.1\",\"status\":404,\"method\":\"PUT\",\"bytes\":12,"
        "\"ratio\":-0.5,\"cached\":true,\"token\":\"a\\u0001\\\"\xc3\xa9\","
        "\"note\":{\"a\":[1, 2]},\"body\":\"\\\\x00ff\","
        "\"at\":\"2000-01-01T00:00:00.000001Z\"}";
    tube_record_errors e;
    struct audit a;
    char out[500];

    cr_assert_eq(from_json(text, &a, &e), TUBE_OK, "%s", e.item[0].message);
    cr_assert_eq(a.token.len, 5);
    cr_assert_eq(a.at, INT64_C(946684800000001));
    cr_assert_eq(a.body.len, 2);
    cr_assert_gt(tube_record_json(audit_record(), &a, out, sizeof(out)), 0);
    cr_assert_str_eq(out, back);
}

Test(record_c, json_without_optional_fields_gets_defaults)
{
    tube_record_errors e;
    struct audit a;

    cr_assert_eq(from_json("{\"ip\":\"::1\",\"status\":200,\"bytes\":null,"
                           "\"method\":null}",
                           &a, &e),
                 TUBE_OK, "%s", e.item[0].message);
    cr_assert(!a.has_bytes && !a.cached);
    cr_assert_eq(a.method.len, 3);
    cr_assert_eq(memcmp(a.method.ptr, "GET", 3), 0);
    cr_assert_eq(a.at, INT64_C(1706702400000000));
}

Test(record_c, json_all_errors_at_once)
{
    tube_record_errors e;
    struct audit a;

    cr_assert_eq(from_json("{\"status\":\"200\",\"method\":\"!\",\"bytes\":1.5,"
                           "\"statos\":1,\"ratio\":1,\"cached\":0,\"token\":7,"
                           "\"body\":\"00\",\"at\":\"noon\",\"at\":\"noon\"}",
                           &a, &e),
                 TUBE_EPARSE);
    cr_assert(said(&e, "ip", "null and required"));
    cr_assert(said(&e, "status", "a string, not int"));
    cr_assert(said(&e, "method", "'!' is no method"));
    cr_assert(said(&e, "bytes", "'1.5' is no int of 64 bits"));
    cr_assert(said(&e, "", "no field 'statos', did you mean 'status'?"));
    cr_assert(said(&e, "ratio", "is 1, not in ..0.5"));
    cr_assert(said(&e, "cached", "a number, not bool"));
    cr_assert(said(&e, "token", "it cannot be read"));
    cr_assert(said(&e, "body", "two digits each"));
    cr_assert(said(&e, "at", "'noon' is no time"));
    cr_assert_eq(e.n, 10);
    cr_assert_eq(from_json("{\"ip\":\"::1\",\"status\":200,\"status\":201}", &a, &e),
                 TUBE_EPARSE);
    cr_assert(said(&e, "status", "given twice"));
    cr_assert_eq(from_json("{\"ip\":\"::1\", \"status\":9e99}", &a, &e), TUBE_EPARSE);
    cr_assert_eq(from_json("{\"ip\":\"\\ud800\", \"status\":200}", &a, &e),
                 TUBE_EPARSE);
    cr_assert(said(&e, "ip", "surrogate"));
}

Test(record_c, bytes_are_whole)
{
    static const char *const texts[] = { "\\\\x0", "\\\\x000", "\\\\x0g", "\\\\", "" };
    tube_record_errors e;
    struct audit a;
    char json[100];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        (void)snprintf(json, sizeof(json),
                       "{\"ip\":\"::1\",\"status\":200,\"body\":\"%s\"}", texts[i]);
        cr_assert_eq(from_json(json, &a, &e), TUBE_EPARSE, "%s", json);
        cr_assert(said(&e, "body", "two digits each"), "%s", json);
    }
    cr_assert_eq(
        from_json("{\"ip\":\"::1\",\"status\":200,\"body\":\"\\\\x\"}", &a, &e),
        TUBE_OK);
    cr_assert(a.body.ptr != NULL && a.body.len == 0);
}

Test(record_c, json_that_is_none)
{
    static const char *const texts[] = { "",  "[]",    "{",          "{\"ip\":}",
                                         "7", "{} {}", "{\"ip\" 1}", "{\"ip\":\"a" };
    tube_record_errors e;
    struct audit a;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cr_assert_eq(from_json(texts[i], &a, &e), TUBE_EPARSE, "%s", texts[i]);
        cr_assert_eq(e.n, 1, "%s", texts[i]);
        cr_assert(said(&e, "", "at byte"), "%s", texts[i]);
        cr_assert_null(a.ip.ptr);
    }
}

Test(record_c, too_little_memory_is_said)
{
    static const char text[] = "{\"ip\":\"a\\nb\",\"status\":200}";
    static const char name[] = "{\"\\u0069p\":\"a\"}";
    char memory[sizeof(text) + TUBE_PAD + 8];
    tube_scratch scratch = { memory, 10 };
    tube_record_errors e;
    struct audit a;

    cr_assert_eq(
        tube_record_from_json(audit_record(), tube_str(text), &scratch, &a, &e),
        TUBE_ENOMEM);
    scratch = (tube_scratch){ memory, sizeof(text) - 1 + TUBE_PAD + 2 };
    cr_assert_eq(
        tube_record_from_json(audit_record(), tube_str(text), &scratch, &a, &e),
        TUBE_ENOMEM);
    cr_assert(said(&e, "ip", "no room for 4 bytes"));
    cr_assert_eq(tube_record_from_json(audit_record(), tube_str(text), NULL, &a, NULL),
                 TUBE_ENOMEM);
    scratch = (tube_scratch){ memory, strlen(name) + TUBE_PAD };
    cr_assert_eq(
        tube_record_from_json(audit_record(), tube_str(name), &scratch, &a, &e),
        TUBE_ENOMEM);
}

Test(record_c, pairs_there_and_back)
{
    const tube_record_def *d = audit_record();
    struct audit a = good();
    struct audit b;
    tube_pair pairs[audit_width];
    char memory[1024];
    tube_scratch scratch = { memory, sizeof(memory) };
    tube_record_errors e;

    a.has_bytes = true;
    a.bytes = INT64_MAX - 1;
    a.has_ratio = true;
    a.ratio = 0.1;
    a.cached = true;
    a.note = tube_str("[1]");
    a.at = -1;
    cr_assert_eq(tube_record_pairs(d, &a, &scratch, pairs), TUBE_OK);
    cr_assert_null(pairs[6].value.ptr);
    cr_assert_eq(memcmp(pairs[4].value.ptr, "0.1", 3), 0);
    cr_assert_eq(tube_record_from_pairs(d, pairs, audit_width, &scratch, &b, &e),
                 TUBE_OK, "%s", e.item[0].message);
    cr_assert_eq(tube_record_compare(d, &a, &b), 0);
    cr_assert_eq(a.at, b.at);
    scratch.left = 0;
    cr_assert_eq(tube_record_pairs(d, &a, &scratch, pairs), TUBE_ENOMEM);
}
