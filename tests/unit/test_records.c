/* SPDX-License-Identifier: MIT */
/* test_records.c -- parse json, where, keep, drop, head, gen and print in pipelines. */
#include "test_stages.h"

#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

TestSuite(records, .timeout = 60);

/* What a run has printed, rejected and counted. */
static char printed[1 << 20];
static char rejected[1 << 14];
static tube_counts counts;
static tube_error failure;

static void
note_reject(void *arg, const tube_reject_info *r)
{
    size_t n = strlen(rejected);

    (void)arg;
    snprintf(rejected + n, sizeof(rejected) - n, "%ju@%d %s: %s\n", (uintmax_t)r->line,
             (int)r->at, r->stage, r->reason);
}

static void
ignore(void *arg, const tube_error *e)
{
    (void)arg;
    (void)e;
}

static void
read_all(FILE *from)
{
    size_t n;

    rewind(from);
    n = fread(printed, 1, sizeof(printed) - 1, from);
    printed[n] = '\0';
    fclose(from);
}

static tube_status
run_opts(const char *text, tube_pipeline_opts *o)
{
    tube_pipeline *p;
    tube_status st;
    FILE *out = tmpfile();
    int keep = dup(STDOUT_FILENO);

    cr_assert(out != NULL && keep >= 0);
    fflush(stdout);
    dup2(fileno(out), STDOUT_FILENO);
    memset(&failure, 0, sizeof(failure));
    rejected[0] = '\0';
    o->struct_size = sizeof(*o);
    o->on_reject = note_reject;
    o->on_error = ignore;
    p = tube_pipeline_new(o, &failure);
    cr_assert_not_null(p);
    st = tube_series(p, text, &failure);
    if (st == TUBE_OK)
        st = tube_run(p, &failure);
    tube_stats(p, &counts);
    tube_pipeline_free(p);
    dup2(keep, STDOUT_FILENO);
    close(keep);
    read_all(out);
    cr_expect_eq(counts.read, counts.committed + counts.filtered + counts.rejected
                                  + counts.dropped + counts.broken);
    return st;
}

static tube_status
run(const char *text)
{
    tube_pipeline_opts o = { .workers = TUBE_CALLER };

    return run_opts(text, &o);
}

/* Run `file F | text` for a file F that holds `input`. */
static tube_status
run_on(const char *input, size_t len, const char *text)
{
    char name[] = "/tmp/tubes-records-XXXXXX";
    char whole[4096];
    int fd = mkstemp(name);
    tube_status st;

    cr_assert(fd >= 0 && write(fd, input, len) == (ssize_t)len);
    close(fd);
    snprintf(whole, sizeof(whole), "file %s | %s", name, text);
    st = run(whole);
    unlink(name);
    return st;
}

static void
expect(const char *input, const char *text, const char *out, const char *rejects)
{
    tube_status st = run_on(input, strlen(input), text);

    cr_expect_eq(st, TUBE_OK, "%s: %s", text, failure.message);
    cr_expect_str_eq(printed, out, "%s on %s\nprinted %s", text, input, printed);
    cr_expect_str_eq(rejected, rejects, "%s on %s\nrejected %s", text, input, rejected);
}

static void
expect_failure(const char *input, const char *text, const char *message,
               const char *hint)
{
    tube_status st = run_on(input, strlen(input), text);

    cr_expect_eq(st, TUBE_ECONFIG, "%s: status %d", text, (int)st);
    cr_expect_str_eq(failure.message, message, "%s: %s", text, failure.message);
    cr_expect(strncmp(failure.hint, hint, strlen(hint)) == 0, "%s: %s", text,
              failure.hint);
    cr_expect_str_eq(printed, "");
}

/* parse json */

Test(records, json_values_get_the_types_asked_for)
{
    expect(
        "{\"t\":\"2024-02-29T12:00:00.5+01:00\",\"s\":\"a\\u00e4\\n\",\"i\":-7,\"f\":1.5,"
        "\"b\":true,\"j\":[1, {\"x\":null}]}\n"
        "{}\n"
        "{\"j\":\"\",\"b\":false,\"f\":3,\"i\":1e2,\"s\":12.50,\"t\":null}\n",
        "parse json types=[t:time, s:text, i:int, f:float, b:bool, j:json] | print",
        "{\"t\":\"2024-02-29T11:00:00.500000Z\",\"s\":\"a\xC3\xA4\\n\",\"i\":-7,\"f\":1.5,"
        "\"b\":true,\"j\":[1, {\"x\":null}]}\n"
        "{\"t\":null,\"s\":null,\"i\":null,\"f\":null,\"b\":null,\"j\":null}\n"
        "{\"t\":null,\"s\":\"12.50\",\"i\":100,\"f\":3.0,\"b\":false,\"j\":\"\"}\n",
        "");
}

Test(records, json_numbers_and_bools_may_stand_in_quotes)
{
    expect("{\"i\":\"12\",\"f\":\"1.5e3\",\"b\":\"true\"}\n",
           "parse json types=[i:int, f:float, b:bool] | print",
           "{\"i\":12,\"f\":1500.0,\"b\":true}\n", "");
}

Test(records, json_text_takes_any_value_as_it_stands)
{
    expect(
        "{\"s\":{\"a\": [1]}}\n{\"s\":true}\n{\"s\":-0.0}\n{\"s\":null}\n{\"s\":\"null\"}\n",
        "parse json types=[s:text] | print",
        "{\"s\":\"{\\\"a\\\": [1]}\"}\n{\"s\":\"true\"}\n{\"s\":\"-0.0\"}\n{\"s\":null}\n"
        "{\"s\":\"null\"}\n",
        "");
}

Test(records, a_json_value_that_does_not_fit_rejects_its_row_and_names_the_field)
{
    expect(
        "{\"i\":1.5}\n{\"i\":1}\n{\"i\": \"x\"}\n{\"i\":9223372036854775808}\n{\"f\":1e999}\n"
        "{\"b\":1}\n{\"t\":5}\n{\"t\":\"2024-02-30T00:00:00Z\"}\n{\"i\":[1]}\n{\"i\":\"\"}\n"
        "{\"i\":1e300}\n{\"b\":\"yes\"}\n{\"i\":\"\\u0031\"}\n",
        "parse json types=[i:int, f:float, b:bool, t:time] | keep i | print",
        "{\"i\":1}\n",
        "1@5 parse json: field 'i': 1.5 is no int\n"
        "3@6 parse json: field 'i': \"x\" is no int\n"
        "4@5 parse json: field 'i': 9223372036854775808 is no int\n"
        "5@5 parse json: field 'f': 1e999 is no float\n"
        "6@5 parse json: field 'b': 1 is no bool\n"
        "7@5 parse json: field 't': 5 is no time\n"
        "8@5 parse json: field 't': \"2024-02-30T00:00:00Z\" is no time\n"
        "9@5 parse json: field 'i': [1] is no int\n"
        "10@5 parse json: field 'i': \"\" is no int\n"
        "11@5 parse json: field 'i': 1e300 is no int\n"
        "12@5 parse json: field 'b': \"yes\" is no bool\n"
        "13@5 parse json: field 'i': \"\\u0031\" is no int\n");
}

Test(records, text_that_is_no_json_object_is_rejected_with_its_place)
{
    expect(
        "{\"a\":1}\n{\"a\":1\n{\"a\":}\n[1]\n7\n{\"a\":1} x\n{\"a\":\"\\ud800\"}\n{\"\\udc00\":1}\n"
        "{\"a\":\"\t\"}\n{'a':1}\n{\"a\":1,}\n",
        "parse json types=[a:text] | print", "{\"a\":\"1\"}\n",
        "2@6 parse json: invalid JSON: the text ends too early\n"
        "3@5 parse json: invalid JSON: expected a value\n"
        "4@0 parse json: invalid JSON: expected an object\n"
        "5@0 parse json: invalid JSON: expected an object\n"
        "6@8 parse json: invalid JSON: more text behind the value\n"
        "7@6 parse json: half of a surrogate pair in a string\n"
        "8@2 parse json: half of a surrogate pair in a string\n"
        "9@6 parse json: invalid JSON: control character in a string\n"
        "10@1 parse json: invalid JSON: expected a name in quotes\n"
        "11@7 parse json: invalid JSON: expected a name in quotes\n");
}

Test(records, the_last_of_json_members_with_one_name_counts)
{
    expect("{\"a\":1,\"b\":2,\"a\":3}\n{\"a\":1,\"a\":null}\n{\"b\":1,\"a\":2}\n",
           "parse json types=[a:int, b:int] | print",
           "{\"a\":3,\"b\":2}\n{\"a\":null,\"b\":null}\n{\"a\":2,\"b\":1}\n", "");
}

Test(records, names_with_escapes_are_names)
{
    expect("{\"\\u0061\":1,\"b\\n\":2}\n", "parse json | print",
           "{\"a\":1,\"b\\n\":2}\n", "");
    expect("{\"\\u0061\":1}\n", "parse json types=[a:int] | print", "{\"a\":1}\n", "");
}

Test(records, a_nul_in_json_text_is_kept)
{
    expect("{\"a\":\"x\\u0000y\"}\n", "parse json | print", "{\"a\":\"x\\u0000y\"}\n",
           "");
}

Test(records, other_json_fields_are_rejected_ignored_or_collected)
{
    static const char input[] =
        "{\"x\":[1, 2],\"a\":1,\"y\\n\":\"z\",\"x\":null}\n{\"a\":2}\n{\"b\":3}\n";

    expect(
        input, "parse json types=[a:int] | print", "{\"a\":2}\n",
        "1@2 parse json: field 'x' is none of the columns; name it in types=, or use "
        "rest= or unknown=ignore\n"
        "3@2 parse json: field 'b' is none of the columns; name it in types=, or use "
        "rest= or unknown=ignore\n");
    expect(input, "parse json types=[a:int] unknown=ignore | print",
           "{\"a\":1}\n{\"a\":2}\n{\"a\":null}\n", "");
    expect(input, "parse json types=[a:int] rest=more | print",
           "{\"a\":1,\"more\":{\"x\":[1, 2],\"y\\n\":\"z\",\"x\":null}}\n"
           "{\"a\":2,\"more\":null}\n{\"a\":null,\"more\":{\"b\":3}}\n",
           "");
}

Test(records, names_of_fields_in_reasons_are_short_and_printable)
{
    expect(
        "{\"\\u001b[31m\xFF\xC3\xA4\":1}\n"
        "{\"0123456789012345678901234567890123456789012345678901234567890123456789"
        "\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\":1}\n",
        "parse json types=[a:int] | print", "",
        "1@2 parse json: field '?[31m?\xC3\xA4' is none of the columns; name it in "
        "types=, or use rest= or unknown=ignore\n"
        "2@2 parse json: field "
        "'0123456789012345678901234567890123456789012345678901234567890123456789"
        "\xC3\xA4\xC3\xA4\xC3\xA4...' is none of the columns; name it in types=, or use "
        "rest= or unknown=ignore\n");
}

Test(records, json_types_are_inferred_from_the_first_rows)
{
    expect(
        "{\"n\":null,\"b\":true,\"i\":1,\"f\":1,\"big\":1,\"t\":\"2024-01-01T00:00:00Z\"}\n"
        "not json\n"
        "{\"b\":null,\"f\":2.5,\"big\":18446744073709551616,\"s\":\"x\",\"j\":{},\"m\":1}\n"
        "{\"t\":\"2024-01-01T00:00:01Z\",\"s\":\"2024-01-01T00:00:00Z\",\"m\":\"y\",\"j\":1}\n",
        "parse json | print",
        "{\"n\":null,\"b\":true,\"i\":1,\"f\":1.0,\"big\":1.0,\"t\":\"2024-01-01T00:00:00Z\","
        "\"s\":null,\"j\":null,\"m\":null}\n"
        "{\"n\":null,\"b\":null,\"i\":null,\"f\":2.5,\"big\":1.8446744073709552e+19,\"t\":null,"
        "\"s\":\"x\",\"j\":{},\"m\":\"1\"}\n"
        "{\"n\":null,\"b\":null,\"i\":null,\"f\":null,\"big\":null,\"t\":\"2024-01-01T00:00:01Z\","
        "\"s\":\"2024-01-01T00:00:00Z\",\"j\":1,\"m\":\"y\"}\n",
        "2@0 parse json: invalid JSON: expected an object\n");
}

Test(records, inferred_json_types_are_fixed_afterwards)
{
    expect(
        "{\"a\":1}\n{\"a\":2.5,\"b\":1}\n{\"b\":1}\n{\"a\":3}",
        "parse json sample=1 | print", "{\"a\":1}\n{\"a\":3}\n",
        "2@5 parse json: field 'a': 2.5 is no int\n"
        "3@2 parse json: field 'b' is none of the columns; name it in types=, or use "
        "rest= or unknown=ignore\n");
    expect("{\"a\":1}\n{\"a\":2.5,\"b\":1}\n", "parse json sample=2 | print",
           "{\"a\":1.0,\"b\":null}\n{\"a\":2.5,\"b\":1}\n", "");
}

Test(records, json_inference_needs_something_to_go_by)
{
    expect_failure("", "parse json | print",
                   "the input gives nothing to infer types from",
                   "say which fields there are: types=");
    expect_failure("x\n[]\n{}\n", "parse json | print",
                   "no line in the beginning of the input is a JSON object with fields",
                   "say which fields there are: types=");
    expect_failure("{\"\":1}\n", "parse json | print",
                   "the input's field '' cannot be a column",
                   "a name has 1 to 63 bytes");
    expect_failure("{\"a\\u0000b\":1}\n", "parse json | print",
                   "the input's field 'a?b' cannot be a column",
                   "a name has 1 to 63 bytes");
    expect_failure("{\"\xFF\":1}\n", "parse json | print",
                   "the input's field '?' cannot be a column",
                   "a name has 1 to 63 bytes");
    expect("{\"\":1,\"a\":2}\n", "parse json rest=r | print",
           "{\"a\":2,\"r\":{\"\":1}}\n", "");
    expect("{\"\":1,\"a\":2}\n", "parse json unknown=ignore | print", "{\"a\":2}\n",
           "");
    expect("x\n", "parse json rest=r | print", "",
           "1@0 parse json: invalid JSON: expected an object\n");
    expect("", "parse json types=[a:int] | print", "", "");
}

Test(records, the_rest_column_is_no_field)
{
    expect("{\"r\":1,\"a\":2}\n", "parse json rest=r | print",
           "{\"a\":2,\"r\":{\"r\":1}}\n", "");
    expect_failure("", "parse json types=[r:int] rest=r | print",
                   "two columns are named 'r'", "");
}

Test(records, words_of_types_are_checked)
{
    expect_failure("", "parse json types=[a] | print",
                   "'a' is not of the form name:type", "types=[");
    expect_failure("", "parse json types=[:int] | print",
                   "':int' is not of the form name:type", "");
    expect_failure("", "parse json types=[a:itn] | print", "no type 'itn'",
                   "did you mean 'int'?");
    expect_failure("", "parse json types=[a:int, a:text] | print",
                   "field 'a' has two types", "");
}

/* Many columns: the table of names grows, and every one is still found. */
Test(records, json_objects_may_have_many_fields)
{
    static char input[1 << 16];
    char *p = stpcpy(input, "{");

    for (int i = 0; i < 1000; i++)
        p += sprintf(p, "%s\"field-%d\":%d", i > 0 ? "," : "", i, i);
    p = stpcpy(p, "}\n{");
    for (int i = 999; i >= 0; i--)
        p += sprintf(p, "\"field-%d\":%d%s", i, -i, i > 0 ? "," : "}\n");
    expect(input, "parse json | keep field-0 field-500 field-999 | print",
           "{\"field-0\":0,\"field-500\":500,\"field-999\":999}\n"
           "{\"field-0\":0,\"field-500\":-500,\"field-999\":-999}\n",
           "");
}

/* The columns' array is full here: what comes behind the last one is looked up. */
Test(records, a_json_field_may_follow_the_last_column)
{
    expect("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
           "\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"b\":2}\n",
           "parse json | keep a b p | print", "{\"a\":1,\"b\":2,\"p\":1}\n", "");
}

/* where, keep, drop, head */

static const char people[] = "{\"name\":\"ann\",\"age\":31,\"boss\":\"eve\"}\n"
                             "{\"name\":\"bob\",\"age\":17,\"boss\":null}\n"
                             "{\"name\":\"eve\",\"age\":52,\"boss\":null}\n";

Test(records, where_keeps_what_is_true)
{
    expect(people, "parse json | where age >= 18 and name != \"x\" | keep name | print",
           "{\"name\":\"ann\"}\n{\"name\":\"eve\"}\n", "");
    cr_expect_eq(counts.filtered, 1);
    expect(people, "parse json | where boss != \"ann\" | keep name | print",
           "{\"name\":\"ann\"}\n", "");
    cr_expect_eq(counts.filtered, 2);
    expect(people, "where line contains \"bob\" | print format=raw",
           "{\"name\":\"bob\",\"age\":17,\"boss\":null}\n", "");
}

Test(records, where_points_into_the_pipeline_text)
{
    (void)run("gen json 10 | parse json\n| where status = 200\n  and byts > 7 | print");
    cr_expect_str_eq(failure.message, "no field 'byts'");
    cr_expect_str_eq(failure.hint, "did you mean 'bytes'?");
    cr_expect_eq(failure.line, 3);
    cr_expect_eq(failure.column, 7);
    cr_expect_eq(failure.width, 4);
}

Test(records, keep_takes_fields_in_the_order_given)
{
    expect(people, "parse json | keep boss name | print",
           "{\"boss\":\"eve\",\"name\":\"ann\"}\n{\"boss\":null,\"name\":\"bob\"}\n"
           "{\"boss\":null,\"name\":\"eve\"}\n",
           "");
    expect(people, "parse json | drop age name | print",
           "{\"boss\":\"eve\"}\n{\"boss\":null}\n{\"boss\":null}\n", "");
}

Test(records, keep_and_drop_want_fields_that_are_there)
{
    expect_failure(people, "parse json | keep nmae | print", "no field 'nmae'",
                   "did you mean 'name'?");
    expect_failure(people, "parse json | drop frequency | print",
                   "no field 'frequency'", "fields: name, age, boss");
    expect_failure(people, "parse json | keep name name | print",
                   "field 'name' is named twice", "");
    expect_failure(people, "parse json | drop name age boss | print",
                   "no field would be left", "");
}

Test(records, head_ends_the_input)
{
    expect(people, "parse json | head 2 | keep name | print",
           "{\"name\":\"ann\"}\n{\"name\":\"bob\"}\n", "");
    expect(people, "parse json | head 3 | keep age | print",
           "{\"age\":31}\n{\"age\":17}\n{\"age\":52}\n", "");
    expect(people, "parse json | head 0 | print", "", "");
    expect(people, "parse json | where age > 20 | head 1 | keep name | print",
           "{\"name\":\"ann\"}\n", "");
    cr_expect_eq(counts.committed, 1);
}

Test(records, head_stops_an_endless_source)
{
    tube_pipeline_opts o = { .workers = 2 };

    cr_expect_eq(run_opts("gen combined 0 | head 5000 | null", &o), TUBE_OK);
    cr_expect_eq(counts.committed, 5000);
    o = (tube_pipeline_opts){ .workers = TUBE_CALLER, .seed = 3, .batch_rows = 7 };
    cr_expect_eq(run_opts("gen common 0 | parse common | head 5000 | null", &o),
                 TUBE_OK);
    cr_expect_eq(counts.committed, 5000);
}

/* gen */

Test(records, made_up_lines_parse_without_a_reject)
{
    cr_expect_eq(run("gen combined 20000 | parse combined | null"), TUBE_OK);
    cr_expect(counts.committed == 20000 && counts.rejected == 0, "%s", rejected);
    cr_expect_eq(run("gen common 20000 seed=4 | parse common | null"), TUBE_OK);
    cr_expect(counts.committed == 20000 && counts.rejected == 0, "%s", rejected);
    cr_expect_eq(run("gen json 20000 seed=5 | parse json | null"), TUBE_OK);
    cr_expect(counts.committed == 20000 && counts.rejected == 0, "%s", rejected);
}

/* print */

Test(records, print_writes_lines_as_they_came)
{
    expect("a\xFF\n\tb\nlast", "print format=raw", "a\xFF\n\tb\nlast\n", "");
    expect(people, "parse json | where age = 17 | keep boss | print format=raw",
           "{\"name\":\"bob\",\"age\":17,\"boss\":null}\n", "");
}

Test(records, print_makes_tables)
{
    expect(
        people, "parse json | print format=table",
        "name  age  boss\n----  ---  ----\nann    31  eve\nbob    17  -\neve    52  -\n",
        "");
}

Test(records, print_prints_all_of_more_than_a_buffer)
{
    size_t lines = 0;

    cr_expect_eq(run("gen json 3000 | parse json | keep path agent | print"), TUBE_OK);
    for (const char *p = printed; *p != '\0'; p++)
        lines += *p == '\n';
    cr_expect_eq(lines, 3000);
    cr_expect_eq(strncmp(printed, "{\"path\":\"/", 10), 0);
}

Test(records, print_ends_quietly_where_nobody_reads)
{
    static const char *const texts[] = { "gen combined 0 | print format=raw",
                                         "gen json 0 | parse json | print" };

    for (int i = 0; i < 2; i++) {
        int fd[2];
        tube_error err = { 0 };
        tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 2), &err);
        int keep = dup(STDOUT_FILENO);

        cr_assert(p != NULL && pipe(fd) == 0);
        close(fd[0]);
        dup2(fd[1], STDOUT_FILENO);
        cr_expect_eq(tube_series(p, texts[i], &err), TUBE_OK);
        cr_expect_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
        dup2(keep, STDOUT_FILENO);
        close(fd[1]);
        tube_stats(p, &counts);
        cr_expect_eq(counts.read, counts.committed + counts.filtered);
        tube_pipeline_free(p);
    }
}

Test(records, print_fits_its_table_into_a_terminal)
{
    struct winsize size = { .ws_row = 20, .ws_col = 40 };
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    int keep = dup(STDOUT_FILENO);
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 2), &err);
    ssize_t n;
    int end;

    cr_assert(p != NULL && terminal >= 0 && grantpt(terminal) == 0
              && unlockpt(terminal) == 0);
    end = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    cr_assert(end >= 0 && ioctl(end, TIOCSWINSZ, &size) == 0);
    dup2(end, STDOUT_FILENO);
    cr_expect_eq(
        tube_series(p, "gen json 3 | parse json | keep status agent | print", &err),
        TUBE_OK);
    cr_expect_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    dup2(keep, STDOUT_FILENO);
    tube_pipeline_free(p);
    n = read(terminal, printed, sizeof(printed) - 1);
    cr_assert_gt(n, 0);
    printed[n] = '\0';
    cr_expect(strncmp(printed,
                      "status  agent\r\n------  --------------------------------\r\n",
                      49)
                  == 0,
              "%s", printed);
    cr_expect_not_null(strstr(printed, "...\r\n"), "%s", printed);
    close(end);
    close(terminal);
}

Test(records, print_has_no_raw_lines_of_records_that_were_not_made_of_lines)
{
    tube_error err = { 0 };
    tube_pipeline *p = test_pipeline(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER),
                                     "count 5 | print format=raw");

    cr_expect_eq(tube_run(p, &err), TUBE_ECONFIG);
    cr_expect_str_eq(err.message, "these records were not made of lines");
    tube_pipeline_free(p);
}

Test(records, print_says_when_the_disk_is_full)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 2), &err);
    FILE *full = fopen("/dev/full", "w");
    int keep = dup(STDOUT_FILENO);

    if (full == NULL)
        cr_skip_test("there is no /dev/full");
    dup2(fileno(full), STDOUT_FILENO);
    cr_expect_eq(tube_series(p, "gen combined 5 | print format=raw", &err), TUBE_OK);
    cr_expect_eq(tube_run(p, &err), TUBE_EIO);
    dup2(keep, STDOUT_FILENO);
    cr_expect_eq(err.sys_errno, ENOSPC);
    cr_expect_str_eq(err.message,
                     "cannot write to standard output: No space left on device");
    fclose(full);
    tube_pipeline_free(p);
}

/* Any number of workers and any size of batches prints the same. */
Test(records, the_schedule_does_not_show)
{
    static char first[sizeof(printed)];
    static const char text[] = "gen json 2000 | parse json | where status != 200 | "
                               "drop agent | head 300 | print";
    tube_pipeline_opts o = { .workers = 1 };

    cr_assert_eq(run_opts(text, &o), TUBE_OK);
    strcpy(first, printed);
    cr_assert(strlen(first) > 10000);
    for (int i = 0; i < 20; i++) {
        o = (tube_pipeline_opts){ .workers = i % 4 == 0 ? 2 : TUBE_CALLER,
                                  .seed = (uint64_t)i,
                                  .batch_rows = (uint32_t)(1 + i * 53 % 1000) };
        cr_assert_eq(run_opts(text, &o), TUBE_OK);
        cr_assert_str_eq(printed, first);
    }
}
