/* SPDX-License-Identifier: MIT */
/* k_record.c -- a record declared once: its values, its errors, its forms. */
#include "conform.h"

#include <tubes/record.h>

#include <string.h>

/* What ran, in order: c converter, v validator, with the field's first letter. */
static char ran[64];

static void
note(char what, char field)
{
    size_t n = strlen(ran);

    cr_assert_lt(n + 3, sizeof(ran));
    ran[n] = what;
    ran[n + 1] = field;
    ran[n + 2] = '\0';
}

static tube_status
a_converter(tube_slice in, tube_scratch *memory, tube_cell *out, tube_error *err)
{
    (void)memory;
    note('c', 'a');
    if (in.len != 1)
        return tube_fail(err, TUBE_EPARSE, "one letter, please");
    tube_set_int(out, in.ptr[0] - 'a');
    return TUBE_OK;
}

static tube_status
b_converter(tube_slice in, tube_scratch *memory, tube_cell *out, tube_error *err)
{
    (void)memory;
    (void)err;
    note('c', 'b');
    tube_set_int(out, (int64_t)in.len);
    return TUBE_OK;
}

static tube_status a_validator(const void *record, const tube_cell *v, tube_error *err);
static tube_status b_validator(const void *record, const tube_cell *v, tube_error *err);

static int64_t calls;

static void
next(tube_cell *out)
{
    tube_set_int(out, ++calls);
}

#define PART(F)                                                        \
  F(a, INT, REQUIRED, CONVERT(a_converter), VALIDATE(a_validator))     \
  F(b, INT, DEFAULT("7"), CONVERT(b_converter), VALIDATE(b_validator)) \
  F(c, INT, DEFAULT_BY(next), APART)                                   \
  F(d, TEXT, OPTIONAL, RANGE(2, 4), SECRET)
TUBE_RECORD(part, PART)

/* It sees the record with all its values. */
static tube_status
a_validator(const void *record, const tube_cell *v, tube_error *err)
{
    const struct part *p = record;

    note('v', 'a');
    return v->integer <= p->b ? TUBE_OK : tube_fail(err, TUBE_EPARSE, "a is above b");
}

static tube_status
b_validator(const void *record, const tube_cell *v, tube_error *err)
{
    (void)record;
    note('v', 'b');
    return v->integer != 3 ? TUBE_OK : tube_fail(err, TUBE_EPARSE, "3 is not liked");
}

static tube_status
made(const char *json, struct part *p, tube_record_errors *e)
{
    static char memory[1024];
    tube_scratch scratch = { memory, sizeof(memory) };

    ran[0] = '\0';
    return tube_record_from_json(part_record(), tube_str(json), &scratch, p, e);
}

/* covers: CHR-2, CHR-3 */
Test(K28, what_is_missing_gets_its_default_anew_for_each_record)
{
    struct part p;
    struct part q;

    calls = 0;
    cr_assert_eq(made("{\"a\":\"c\"}", &p, NULL), TUBE_OK);
    cr_assert_eq(made("{\"a\":\"c\",\"c\":9}", &q, NULL), TUBE_OK);
    cr_assert(p.a == 2 && p.b == 7 && p.c == 1 && p.d.ptr == NULL);
    cr_assert(q.c == 9 && calls == 1, "made though it was given");
    tube_record_defaults(part_record(), &q);
    cr_assert(q.b == 7 && q.c == 2);
}

/* covers: CHR-3 */
Test(K28, what_is_required_and_missing_is_an_error)
{
    struct part p;
    tube_record_errors e;

    cr_assert_eq(made("{}", &p, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 1);
    cr_assert_str_eq(e.item[0].field, "a");
    cr_assert_eq(made("{\"a\":null}", &p, &e), TUBE_EPARSE);
    cr_assert_eq(made("{\"a\":\"c\",\"z\":1}", &p, &e), TUBE_EPARSE);
    cr_assert_not_null(strstr(e.item[0].message, "no field 'z'"));
}

/* covers: CHR-10 */
Test(K28, converters_run_field_by_field_and_then_all_validators)
{
    struct part p;
    tube_record_errors e;

    cr_assert_eq(made("{\"b\":\"four\",\"a\":\"d\"}", &p, &e), TUBE_OK);
    cr_assert_str_eq(ran, "cbcavavb");
    cr_assert(p.a == 3 && p.b == 4);
    cr_assert_eq(made("{\"a\":\"f\",\"b\":\"four\"}", &p, &e), TUBE_EPARSE);
    cr_assert_str_eq(e.item[0].message, "field 'a': a is above b");
    /* one that could not be converted is not looked at, the others are */
    cr_assert_eq(made("{\"a\":\"ff\",\"b\":\"ccc\"}", &p, &e), TUBE_EPARSE);
    cr_assert_str_eq(ran, "cacbvb");
    cr_assert_eq(e.n, 2);
    cr_assert_str_eq(e.item[0].message, "field 'a': one letter, please");
    cr_assert_str_eq(e.item[1].message, "field 'b': 3 is not liked");
}

#define TYPED(F) F(n, INT, REQUIRED) F(t, TEXT, REQUIRED) F(x, FLOAT, DEFAULT("1"))
TUBE_RECORD(typed, TYPED)

/* covers: CHR-4 */
Test(K28, a_value_of_another_type_is_refused)
{
    static const char *const wrong[] = { "{\"n\":\"1\",\"t\":\"\"}",
                                         "{\"n\":1.0,\"t\":\"\"}", "{\"n\":1,\"t\":2}",
                                         "{\"n\":true,\"t\":\"\"}",
                                         "{\"n\":1,\"t\":\"\",\"x\":\"2\"}" };
    char memory[500];
    tube_scratch scratch = { memory, sizeof(memory) };
    tube_record_errors e;
    struct typed t;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        scratch = (tube_scratch){ memory, sizeof(memory) };
        cr_assert_eq(
            tube_record_from_json(typed_record(), tube_str(wrong[i]), &scratch, &t, &e),
            TUBE_EPARSE, "%s", wrong[i]);
        cr_assert_eq(e.n, 1, "%s", wrong[i]);
    }
    cr_assert_eq(tube_record_from_json(typed_record(),
                                       tube_str("{\"n\":1,\"t\":\"\",\"x\":2}"),
                                       &scratch, &t, &e),
                 TUBE_OK, "a whole number is a number");
}

/* covers: CHR-6 */
Test(K28, records_compare_as_tuples_without_what_is_apart)
{
    struct part p = { .a = 1, .b = 2, .c = 3 };
    struct part q = { .a = 1, .b = 2, .c = 4 };

    cr_assert_eq(tube_record_compare(part_record(), &p, &q), 0);
    cr_assert_eq(tube_record_hash(part_record(), &p),
                 tube_record_hash(part_record(), &q));
    q.b = 3;
    q.a = 0;
    cr_assert_gt(tube_record_compare(part_record(), &p, &q), 0);
    cr_assert_lt(tube_record_compare(part_record(), &q, &p), 0);
    q = p;
    q.d = tube_str("");
    cr_assert_gt(tube_record_compare(part_record(), &p, &q), 0, "no value is last");
}

/* covers: CHR-7 */
Test(K28, a_record_prints_its_fields_in_order_and_no_secret)
{
    struct part p = { .a = 1, .b = 2, .c = 3, .d = { "pass", 4 } };
    tube_record_errors e;
    char out[100];

    cr_assert_gt(tube_record_print(part_record(), &p, out, sizeof(out)), 0);
    cr_assert_str_eq(out, "part(a=1, b=2, c=3, d=***)");
    p.d.len = 1;
    cr_assert_eq(tube_record_check(part_record(), &p, &e), TUBE_EPARSE);
    cr_assert_null(strstr(e.item[0].message, "'p'"), "%s", e.item[0].message);
}

/* covers: CHR-8 */
Test(K28, what_reads_a_record_leaves_it_as_it_was)
{
    struct part p;
    struct part before;
    tube_cell row[part_width];
    tube_pair pairs[part_width];
    char out[200];
    char memory[200];
    tube_scratch scratch = { memory, sizeof(memory) };
    const struct part *frozen = &p;

    memset(&p, 0, sizeof(p));
    p.a = 1;
    p.b = 2;
    p.d = tube_str("pass");
    before = p;
    ran[0] = '\0';
    cr_assert_eq(tube_record_check(part_record(), frozen, NULL), TUBE_OK);
    cr_assert_gt(tube_record_print(part_record(), frozen, out, sizeof(out)), 0);
    cr_assert_gt(tube_record_json(part_record(), frozen, out, sizeof(out)), 0);
    cr_assert_eq(tube_record_cells(part_record(), frozen, NULL, row), TUBE_OK);
    cr_assert_eq(tube_record_pairs(part_record(), frozen, &scratch, pairs), TUBE_OK);
    cr_assert_eq(memcmp(&p, &before, sizeof(p)), 0);
    p.a = 5; /* the row is a copy */
    cr_assert_eq(row[0].integer, 1);
}

/* covers: CHR-9 */
Test(K28, the_description_can_be_looked_at)
{
    const tube_record *r = &part_record()->record;

    cr_assert_str_eq(r->name, "part");
    cr_assert_eq(r->n, part_width);
    cr_assert_str_eq(r->field[3].column.name, "d");
    cr_assert_eq(r->field[3].column.type, TUBE_TEXT);
    cr_assert(r->field[3].optional && r->field[3].ranged);
    cr_assert_str_eq(part_record()->member[1].def, "7");
}

/* N28: one declaration, every form. */

#define HIT_1(F)                            \
  F(path, TEXT, REQUIRED, RANGE(1, 64))     \
  F(status, INT, REQUIRED, RANGE(100, 599)) \
  F(bytes, INT, OPTIONAL, AT_LEAST(0))
#define HIT_2(F)                              \
  F(path, TEXT, REQUIRED, RANGE(1, 64))       \
  F(status, FLOAT, REQUIRED, RANGE(100, 599)) \
  F(bytes, INT, OPTIONAL, AT_LEAST(0))        \
  F(agent, TEXT, OPTIONAL)
TUBE_RECORD(hit, HIT_1)
TUBE_RECORD(hit_2, HIT_2)

/* covers: CHR-11 */
Test(N28, all_errors_of_a_record_at_once)
{
    struct hit h = { .status = 99, .bytes = -1, .has_bytes = true };
    tube_record_errors e;
    tube_error err;

    cr_assert_eq(tube_record_check(hit_record(), &h, &e), TUBE_EPARSE);
    cr_assert_eq(e.n, 3);
    cr_assert_eq(tube_record_fail(hit_record(), &e, &err), TUBE_EPARSE);
    cr_assert_str_eq(err.message, "no 'hit': field 'path' is null and required;"
                                  " field 'status' is 99, not in 100..599;"
                                  " field 'bytes' is -1, not in 0..");
}

Test(N28, the_struct_passes_through_all_forms_unchanged)
{
    struct hit h = { .path = { "/a\n", 3 }, .status = 200 };
    struct hit back;
    tube_pair pairs[hit_width];
    tube_cell row[hit_width];
    char json[200];
    char memory[1000];
    tube_scratch scratch = { memory, sizeof(memory) };

    cr_assert_gt(tube_record_json(hit_record(), &h, json, sizeof(json)), 0);
    cr_assert_str_eq(json, "{\"path\":\"/a\\n\",\"status\":200,\"bytes\":null}");
    cr_assert_eq(
        tube_record_from_json(hit_record(), tube_str(json), &scratch, &back, NULL),
        TUBE_OK);
    cr_assert_eq(tube_record_compare(hit_record(), &h, &back), 0);
    cr_assert_eq(tube_record_pairs(hit_record(), &h, &scratch, pairs), TUBE_OK);
    cr_assert_eq(
        tube_record_from_pairs(hit_record(), pairs, hit_width, &scratch, &back, NULL),
        TUBE_OK);
    cr_assert_eq(tube_record_compare(hit_record(), &h, &back), 0);
    cr_assert_eq(tube_record_cells(hit_record(), &h, NULL, row), TUBE_OK);
    cr_assert_eq(tube_record_from_cells(hit_record(), row, NULL, &back, NULL), TUBE_OK);
    cr_assert_eq(tube_record_compare(hit_record(), &h, &back), 0);
}

#define BASE(F) F(n, INT, REQUIRED, RANGE(1, 2))
TUBE_RECORD(base, BASE)

/* The declaration of C stands in the text, and is what `expect` and adapters go by. */
static void
expected(const tube_pipeline_opts *o)
{
    char text[400];
    size_t n = tube_record_text(base_record(), text, sizeof(text));
    tube_pipeline *p;

    (void)snprintf(text + n, sizeof(text) - n, "src 0 n=4 | expect base | sink 1");
    p = conform_start(o, text);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), "open 1 2 finish");
    tube_pipeline_free(p);
}

/* covers: SEED-14 */
Test(N28, the_declaration_of_c_is_a_record_of_the_text, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(expected);
}

Test(N28, tables_and_rows_of_a_binary_copy)
{
    struct hit h = { .path = { "/", 1 }, .status = 200 };
    tube_error err;
    tube_record_copy *c = tube_record_copy_new(hit_record(), &err);
    tube_slice bytes;
    char ddl[200];

    cr_assert_not_null(c);
    cr_assert_gt(
        tube_record_ddl(hit_record(), TUBE_POSTGRESQL, "hit", ddl, sizeof(ddl)), 0);
    cr_assert_str_eq(ddl, "CREATE TABLE \"hit\" (\n    \"path\" text NOT NULL,\n"
                          "    \"status\" bigint NOT NULL,\n    \"bytes\" bigint\n)");
    cr_assert_eq(tube_record_copy_row(c, &h, &bytes, NULL), TUBE_OK);
    cr_assert_eq(bytes.len, 2 + 5 + 12 + 4);
    cr_assert_eq(memcmp(bytes.ptr,
                        "\0\3\0\0\0\1/\0\0\0\x08\0\0\0\0\0\0\0\xc8\xff\xff\xff\xff",
                        bytes.len),
                 0);
    tube_record_copy_free(c);
}

Test(N28, an_added_optional_field_and_a_widened_type_are_a_new_version)
{
    struct hit h = { .path = { "/", 1 }, .status = 200 };
    struct hit_2 now;
    tube_record_errors e;

    cr_assert_eq(tube_record_fits(hit_record(), hit_2_record(), &e), TUBE_OK);
    cr_assert_eq(tube_record_upgrade(hit_record(), &h, hit_2_record(), &now, &e),
                 TUBE_OK);
    cr_assert(now.status == 200.0 && !now.has_bytes && now.agent.ptr == NULL);
    cr_assert_eq(tube_record_fits(hit_2_record(), hit_record(), &e), TUBE_ECONFIG);
    cr_assert_eq(e.n, 2);
    cr_assert_str_eq(e.item[0].message, "field 'status' was float and is int");
    cr_assert_str_eq(e.item[1].message, "field 'agent' is gone");
}
