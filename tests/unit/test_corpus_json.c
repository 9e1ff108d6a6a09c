/* SPDX-License-Identifier: MIT */
/* test_corpus_json.c -- JSON as other projects' tests expect it, where their cases lie
 * beside the tree.  test_json.c and test_records.c have cases of their own for all that
 * these show. */
#include "../../stages/json.h"

#include <tubes/tubes.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TUBES_SOURCE_DIR
#  define TUBES_SOURCE_DIR "." /* where ctest starts the tests */
#endif

TestSuite(corpus_json, .timeout = 60);

static char text[1 << 18]; /* a line of the cases */
static char input[1 << 18];
static char printed[1 << 18];

/* Open a file of the corpus, wherever it is. */
static FILE *
open_cases(const char *name)
{
    const char *dir = getenv("TUBES_CORPUS");
    char path[4096];

    snprintf(path, sizeof(path), "%s/%s/cases.jsonl",
             dir != NULL ? dir : TUBES_SOURCE_DIR "/../shared/corpus", name);
    return fopen(path, "r");
}

/* Member `name` of the object that `json` is; false: there is none. */
static bool
member(tube_slice json, const char *name, tubei_json_value *v)
{
    tubei_json j = tubei_json_start(json.ptr, json.len);
    tubei_json_value key;
    bool first = true;
    bool found = false;

    cr_assert(tubei_json_enter(&j));
    while (!found && tubei_json_member(&j, &first, &key, v) == 1)
        found = key.len == strlen(name) && memcmp(key.text, name, key.len) == 0;
    return found;
}

static size_t
decode64(const tubei_json_value *v, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t n = 0;
    int have = 0;

    for (size_t i = 0; i < v->len && v->text[i] != '='; i++) {
        bits = bits << 6 | (uint32_t)(strchr(letters, v->text[i]) - letters);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have);
        }
    }
    return n;
}

/* Read the next case of a format: its input, and what is expected of it. */
static bool
next_case(FILE *cases, const char *format, size_t *len, tube_slice *expect)
{
    tubei_json_value v;
    tube_slice line;

    while (fgets(text, sizeof(text) - TUBE_PAD, cases) != NULL) {
        line = (tube_slice){ text, strlen(text) };
        if (!member(line, "format", &v) || v.len != strlen(format)
            || memcmp(v.text, format, v.len) != 0 || member(line, "args", &v))
            continue;
        if (member(line, "line", &v))
            *len = tubei_json_unescape(&v, input);
        else
            *len = member(line, "line_b64", &v) ? decode64(&v, input) : SIZE_MAX;
        cr_assert(*len < sizeof(input) - TUBE_PAD && member(line, "expect", &v));
        *expect = tubei_json_raw(&v);
        return true;
    }
    return false;
}

/* Documents that are valid, not valid, or (null) up to the reader; how many are scored. */
static int
score_documents(FILE *cases)
{
    tube_slice expect;
    size_t len;
    int n = 0;

    while (next_case(cases, "json_document", &len, &expect)) {
        tubei_json j = tubei_json_start(input, len);
        tubei_json_value v;
        tubei_json_value want;
        bool valid = tubei_json_next(&j, &v) && tubei_json_end(&j);

        cr_assert(member(expect, "$valid", &want));
        cr_expect(j.at >= input && j.at <= input + len);
        if (want.kind == TUBEI_JSON_NULL)
            continue;
        cr_expect_eq(valid, *want.text == 't', "%.*s", (int)len, input);
        n++;
    }
    return n;
}

static bool
is_number(const tubei_json_value *v)
{
    return v->kind == TUBEI_JSON_INT || v->kind == TUBEI_JSON_REAL;
}

static bool same(tube_slice a, tube_slice b);

static bool
same_array(tube_slice a, tube_slice b)
{
    tubei_json ja = tubei_json_start(a.ptr + 1, a.len - 1);
    tubei_json jb = tubei_json_start(b.ptr + 1, b.len - 1);
    tubei_json_value va;
    tubei_json_value vb;

    for (;;) {
        bool more = tubei_json_next(&ja, &va);

        if (more != tubei_json_next(&jb, &vb))
            return false;
        if (!more)
            return true;
        if (!same(tubei_json_raw(&va), tubei_json_raw(&vb)))
            return false;
        ja.at += *ja.at == ',';
        jb.at += *jb.at == ',';
    }
}

static bool
same_object(tube_slice a, tube_slice b)
{
    tubei_json ja = tubei_json_start(a.ptr, a.len);
    tubei_json jb = tubei_json_start(b.ptr, b.len);
    tubei_json_value name;
    tubei_json_value va;
    tubei_json_value vb;
    bool first = true;
    int n = 0;

    cr_assert(tubei_json_enter(&ja) && tubei_json_enter(&jb));
    for (; tubei_json_member(&ja, &first, &name, &va) == 1; n++) {
        char key[64] = "";

        memcpy(key, name.text, name.len < 63 ? name.len : 63);
        if (!member(b, key, &vb) || !same(tubei_json_raw(&va), tubei_json_raw(&vb)))
            return false;
    }
    for (first = true; tubei_json_member(&jb, &first, &name, &vb) == 1;)
        n--;
    return n == 0;
}

/* Numbers may differ in the last bit: one case wants a reader that rounds badly. */
static bool
same(tube_slice a, tube_slice b)
{
    tubei_json ja = tubei_json_start(a.ptr, a.len);
    tubei_json jb = tubei_json_start(b.ptr, b.len);
    tubei_json_value va;
    tubei_json_value vb;
    double x;
    double y;

    cr_assert(tubei_json_next(&ja, &va) && tubei_json_next(&jb, &vb));
    if (is_number(&va) && is_number(&vb))
        return tubei_json_real(&va, &x) && tubei_json_real(&vb, &y)
               && (x == y || nextafter(x, y) == y);
    if (va.kind != vb.kind)
        return false;
    if (va.kind == TUBEI_JSON_OBJECT)
        return same_object(a, b);
    if (va.kind == TUBEI_JSON_ARRAY)
        return same_array(a, b);
    return va.len == vb.len && memcmp(va.text, vb.text, va.len) == 0;
}

/* What the pipeline makes of one line. */
static size_t
parse_and_print(const char *line, size_t len)
{
    char name[] = "/tmp/tubes-corpus-XXXXXX";
    char flow[100];
    int in = mkstemp(name);
    int keep = dup(STDOUT_FILENO);
    FILE *out = tmpfile();
    tube_error err = { 0 };
    tube_pipeline *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER), &err);
    size_t n;

    cr_assert(in >= 0 && keep >= 0 && out != NULL && p != NULL);
    cr_assert_eq(write(in, line, len), (ssize_t)len);
    close(in);
    fflush(stdout);
    dup2(fileno(out), STDOUT_FILENO);
    snprintf(flow, sizeof(flow), "file %s | parse json | print", name);
    cr_expect_eq(tube_series(p, flow, &err), TUBE_OK, "%s", err.message);
    cr_expect_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_pipeline_free(p);
    dup2(keep, STDOUT_FILENO);
    close(keep);
    unlink(name);
    rewind(out);
    n = fread(printed, 1, sizeof(printed) - TUBE_PAD, out);
    fclose(out);
    return n;
}

static int
score_lines(FILE *cases)
{
    tube_slice expect;
    size_t len;
    int n = 0;

    for (; next_case(cases, "json", &len, &expect); n++) {
        size_t got = parse_and_print(input, len);

        cr_expect(got > 0 && same((tube_slice){ printed, got }, expect),
                  "%.*s\nprinted %.*s", (int)len, input, (int)got, printed);
    }
    return n;
}

Test(corpus_json, agrees_with_other_readers)
{
    FILE *documents = open_cases("json-test-suite");
    FILE *lines = open_cases("vrl");
    int n = 0;

    if (documents == NULL && lines == NULL) {
        printf("corpus: absent\n");
        return;
    }
    cr_assert(documents != NULL && lines != NULL, "half of the corpus is absent");
    n += score_documents(documents);
    n += score_lines(lines);
    fclose(documents);
    fclose(lines);
    cr_expect_gt(n, 0);
    printf("corpus: %d scored\n", n);
}
