/* SPDX-License-Identifier: MIT */
/* test_corpus_access.c -- access logs that others wrote, and what they read in them.
 *
 * The corpus is not part of the tree: it is $TUBES_CORPUS, or ../shared/corpus beside
 * the source, or absent.  test_clf.c has cases of its own for all that it shows.
 */
#include "../../stages/clf.h"
#include "../../stages/json.h"
#include "../../stages/rfc3339.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tests run in the folder of the source. */
#ifndef TUBES_SOURCE_DIR
#  define TUBES_SOURCE_DIR "."
#endif

TestSuite(corpus, .timeout = 60);

struct file {
    char *bytes; /* padded */
    size_t len;
};

static bool
file_read(const char *name, struct file *f)
{
    const char *root = getenv("TUBES_CORPUS");
    char path[4096];
    FILE *from;
    long len;

    snprintf(path, sizeof(path), "%s/%s",
             root != NULL ? root : TUBES_SOURCE_DIR "/../shared/corpus", name);
    from = fopen(path, "re");
    if (from == NULL)
        return false;
    cr_assert_eq(fseek(from, 0, SEEK_END), 0);
    len = ftell(from);
    rewind(from);
    cr_assert_geq(len, 0);
    f->len = (size_t)len;
    f->bytes = calloc(1, f->len + TUBE_PAD);
    cr_assert(f->bytes != NULL);
    cr_assert_eq(fread(f->bytes, 1, f->len, from), f->len);
    fclose(from);
    return true;
}

/* The next line of a file; false: there is none. */
static bool
file_line(const struct file *f, size_t *at, tube_slice *line)
{
    const char *nl;

    if (*at >= f->len)
        return false;
    nl = memchr(f->bytes + *at, '\n', f->len - *at);
    line->ptr = f->bytes + *at;
    line->len = (size_t)((nl != NULL ? nl : f->bytes + f->len) - line->ptr);
    *at += line->len + 1;
    return true;
}

/* Member `name` of a JSON object; false: it has none. */
static bool
member(tube_slice object, const char *name, tubei_json_value *v)
{
    tubei_json j = tubei_json_start(object.ptr, object.len);
    tubei_json_value key;
    bool first = true;

    if (!tubei_json_enter(&j))
        return false;
    while (tubei_json_member(&j, &first, &key, v) == 1)
        if (key.len == strlen(name) && memcmp(key.text, name, key.len) == 0)
            return true;
    return false;
}

static bool
same_text(const tubei_json_value *v, const char *text)
{
    return v->kind == TUBEI_JSON_STRING && v->len == strlen(text)
           && memcmp(v->text, text, v->len) == 0;
}

/* Which field others call so, or -1. */
static int
field_of(const tubei_json_value *name)
{
    static const struct {
        const char *name;
        int field;
    } names[] = {
        { "client", TUBEI_CLF_CLIENT },    { "ident", TUBEI_CLF_IDENT },
        { "user", TUBEI_CLF_USERNAME },    { "timestamp", TUBEI_CLF_STAMP },
        { "method", TUBEI_CLF_METHOD },    { "path", TUBEI_CLF_PATH },
        { "target", TUBEI_CLF_PATH },      { "protocol", TUBEI_CLF_PROTOCOL },
        { "status", TUBEI_CLF_STATUS },    { "bytes", TUBEI_CLF_BYTES },
        { "referer", TUBEI_CLF_REFERRER }, { "agent", TUBEI_CLF_AGENT },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (same_text(name, names[i].name))
            return names[i].field;
    return -1;
}

/* What others expect in field `f`, against ours; `-` and nothing are the same. */
static void
check_field(tube_slice line, int f, const tubei_json_value *want, const tube_cell *cell)
{
    static char text[1 << 16];
    int64_t number = 0;
    size_t len;

    if (want->kind == TUBEI_JSON_NULL || same_text(want, "-")) {
        cr_assert(!cell->set, "field %d of %.*s", f, (int)line.len, line.ptr);
        return;
    }
    /* One peer shows a byte count of `-` as 0. */
    if (f == TUBEI_CLF_BYTES && !cell->set && want->len == 1 && *want->text == '0')
        return;
    cr_assert(cell->set, "field %d of %.*s", f, (int)line.len, line.ptr);
    if (f == TUBEI_CLF_STAMP)
        cr_assert(tubei_time_read(want->text, want->len, TUBEI_TIME_SHORT, &number));
    else if (f == TUBEI_CLF_STATUS || f == TUBEI_CLF_BYTES)
        cr_assert(tubei_json_int(want, &number));
    if (f == TUBEI_CLF_STAMP || f == TUBEI_CLF_STATUS || f == TUBEI_CLF_BYTES) {
        cr_assert_eq(cell->integer, number, "field %d of %.*s", f, (int)line.len,
                     line.ptr);
        return;
    }
    cr_assert_leq(want->len, sizeof(text));
    len = tubei_json_unescape(want, text);
    cr_assert_eq(cell->len, len, "field %d of %.*s", f, (int)line.len, line.ptr);
    cr_assert_eq(memcmp(cell->text, text, len), 0, "field %d of %.*s", f, (int)line.len,
                 line.ptr);
}

static void
check_expect(tube_slice line, uint32_t width, const tubei_json_value *expect)
{
    struct tubei_clf p = { .scan = tubei_scan() };
    struct tubei_clf_error e;
    tube_cell cells[TUBEI_CLF_COMBINED];
    tubei_json j = tubei_json_start(expect->text, expect->len);
    tubei_json_value name, v;
    bool first = true;
    bool ok = tubei_clf_parse(&p, line, cells, width, &e);

    if (member(tubei_json_raw(expect), "$error", &v)) {
        cr_assert(!ok, "%.*s", (int)line.len, line.ptr);
        return;
    }
    cr_assert(ok, "%u: %s: %.*s", e.at, e.reason, (int)line.len, line.ptr);
    cr_assert(tubei_json_enter(&j));
    while (tubei_json_member(&j, &first, &name, &v) == 1) {
        int f = field_of(&name);

        if (f >= 0)
            check_field(line, f, &v, &cells[f]);
    }
}

/* Columns of the format that a case is in, or 0: it is not ours. */
static uint32_t
width_of(tube_slice object)
{
    tubei_json_value format, args, v;
    bool with = member(object, "args", &args);

    if (!member(object, "format", &format))
        return 0;
    if (same_text(&format, "access_combined"))
        return TUBEI_CLF_COMBINED;
    if (same_text(&format, "access_common"))
        return with ? 0 : TUBEI_CLF_COMMON;
    if (!with || !member(tubei_json_raw(&args), "format", &v)
        || !(same_text(&format, "apache") || same_text(&format, "nginx")))
        return 0;
    return same_text(&v, "combined") ? TUBEI_CLF_COMBINED
           : same_text(&v, "common") ? TUBEI_CLF_COMMON
                                     : 0;
}

/* Score the cases of a source; how many there were. */
static uint32_t
score_cases(const char *name)
{
    struct file f;
    tube_slice object;
    size_t at = 0;
    uint32_t n = 0;

    cr_assert(file_read(name, &f), "%s", name);
    while (file_line(&f, &at, &object)) {
        uint32_t width = width_of(object);
        tubei_json_value line, expect;

        if (width == 0 || !member(object, "line", &line)
            || !member(object, "expect", &expect))
            continue;
        char *text = calloc(1, line.len + TUBE_PAD);
        cr_assert(text != NULL);
        check_expect((tube_slice){ text, tubei_json_unescape(&line, text) }, width,
                     &expect);
        free(text);
        n++;
    }
    free(f.bytes);
    return n;
}

/* What each of the first lines of a log says; how many. */
static uint32_t
score_lines(const struct file *log)
{
    struct tubei_clf p = { .scan = tubei_scan() };
    struct tubei_clf_error e;
    tube_cell cells[TUBEI_CLF_COMBINED];
    struct file expects;
    tube_slice line, object;
    size_t at = 0, expects_at = 0;
    uint32_t scored = 0;
    int64_t latest = 0, number;

    cr_assert(file_read("elastic-apache/apache_logs.1.expect.jsonl", &expects));
    for (; file_line(&expects, &expects_at, &object); scored++) {
        tubei_json_value v, expect;

        cr_assert(file_line(log, &at, &line));
        cr_assert(member(object, "n", &v) && tubei_json_int(&v, &number));
        cr_assert_eq(number, (int64_t)scored + 1);
        cr_assert(member(object, "expect", &expect));
        check_expect(line, TUBEI_CLF_COMBINED, &expect);
        /* The peer's clock does not go back: it shows the latest time so far. */
        cr_assert(tubei_clf_parse(&p, line, cells, TUBEI_CLF_COMBINED, &e));
        if (cells[TUBEI_CLF_STAMP].integer > latest)
            latest = cells[TUBEI_CLF_STAMP].integer;
        cr_assert(member(tubei_json_raw(&expect), "time_wallclock", &v));
        check_field(line, TUBEI_CLF_STAMP, &v,
                    &(tube_cell){ .integer = latest, .set = 1 });
    }
    free(expects.bytes);
    return scored;
}

/* A log of 5,000 lines: what they say, and their totals. */
static uint32_t
score_log(void)
{
    struct tubei_clf p = { .scan = tubei_scan() };
    struct tubei_clf_error e;
    tube_cell cells[TUBEI_CLF_COMBINED];
    uint32_t status[600] = { 0 };
    struct file log;
    tube_slice line;
    uint32_t scored, number = 0;
    int64_t bytes = 0;

    cr_assert(file_read("elastic-apache/apache_logs.1.log", &log));
    scored = score_lines(&log);
    for (size_t at = 0; file_line(&log, &at, &line); number++) {
        cr_assert(tubei_clf_parse(&p, line, cells, TUBEI_CLF_COMBINED, &e), "%s",
                  e.reason);
        status[cells[TUBEI_CLF_STATUS].integer % 600]++;
        bytes += cells[TUBEI_CLF_BYTES].set ? cells[TUBEI_CLF_BYTES].integer : 0;
    }
    cr_assert_eq(number, 5000);
    cr_assert_eq(bytes, 1312869333);
    cr_assert_eq(status[200], 4450);
    cr_assert_eq(status[304], 305);
    cr_assert_eq(status[301], 113);
    cr_assert_eq(status[404], 108);
    cr_assert_eq(status[206], 21);
    cr_assert_eq(status[500], 2);
    cr_assert_eq(status[403], 1);
    free(log.bytes);
    return scored;
}

Test(corpus, access_logs)
{
    struct file f;
    uint32_t logs, fluentd, vrl;

    if (!file_read("MANIFEST.tsv", &f)) {
        puts("corpus: absent");
        return;
    }
    free(f.bytes);
    logs = score_log();
    fluentd = score_cases("fluentd/cases.jsonl");
    vrl = score_cases("vrl/cases.jsonl");
    cr_assert_eq(logs, 2000);
    cr_assert_eq(fluentd, 1);
    cr_assert_geq(vrl, 2);
    printf("corpus: %u scored\n", logs + fluentd + vrl);
}
