/* SPDX-License-Identifier: MIT */
/* test_metrics.c -- tube_stats_text() is what the format asks for, and says what the
 * counters say.
 *
 * The checker reads the text line by line as a strict reader of the format would:
 * HELP, then TYPE, then all samples of that metric, each with other labels.
 */
#include "test_stages.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES = 128, SAMPLES = 4096, TEXT = 64 };

/** What the checker has seen. */
struct checker {
    char name[NAMES][TEXT]; /* metrics that had a HELP line */
    unsigned n_names;
    char type[TEXT]; /* of the last one; "" between HELP and TYPE */
    char *sample[SAMPLES];
    unsigned n_samples;
    unsigned of_this; /* samples of the last metric */
    const char *wrong;
    char line[512];
};

static size_t
name_length(const char *p)
{
    static const char first[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
    size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"
                         "0123456789");

    return *p != '\0' && strchr(first, *p) != NULL ? n : 0;
}

static const char *
check_help(struct checker *c, const char *p)
{
    size_t n = name_length(p);

    if (n == 0 || n >= TEXT || p[n] != ' ' || p[n + 1] == '\0')
        return "a HELP line without a name or a text";
    if (c->n_names > 0 && (c->type[0] == '\0' || c->of_this == 0))
        return "a metric without TYPE or samples";
    for (unsigned i = 0; i < c->n_names; i++)
        if (strlen(c->name[i]) == n && strncmp(c->name[i], p, n) == 0)
            return "a metric that comes twice";
    if (c->n_names == NAMES)
        return "more metrics than the test has room for";
    snprintf(c->name[c->n_names++], TEXT, "%.*s", (int)n, p);
    c->type[0] = '\0';
    c->of_this = 0;
    for (p += n; *p != '\0'; p++)
        if (*p == '\\' && p[1] != '\\' && p[1] != 'n')
            return "an unknown escape in HELP";
        else if (*p == '\\')
            p++;
    return NULL;
}

static const char *
check_type(struct checker *c, const char *p)
{
    const char *name = c->n_names == 0 ? "" : c->name[c->n_names - 1];
    size_t n = strlen(name);
    bool total;

    if (c->n_names == 0 || strncmp(p, name, n) != 0 || p[n] != ' ')
        return "a TYPE line that is not behind its HELP line";
    if (c->type[0] != '\0')
        return "two TYPE lines";
    snprintf(c->type, sizeof(c->type), "%s", p + n + 1);
    if (strcmp(c->type, "counter") != 0 && strcmp(c->type, "gauge") != 0
        && strcmp(c->type, "summary") != 0)
        return "an unknown type";
    total = n > 6 && strcmp(name + n - 6, "_total") == 0;
    if ((strcmp(c->type, "counter") == 0) != total)
        return "_total is for counters, and for all of them";
    return NULL;
}

/* {name="value",...}; moves behind it. */
static const char *
check_labels(const char **at)
{
    const char *p = *at + 1;

    while (*p != '}') {
        size_t n = name_length(p);

        if (n == 0 || memchr(p, ':', n) != NULL || strncmp(p + n, "=\"", 2) != 0)
            return "a label without a name or a quote";
        for (p += n + 2; *p != '"'; p++) {
            if (*p == '\0')
                return "a label without an end";
            if (*p == '\\' && strchr("\\\"n", p[1]) == NULL)
                return "an unknown escape in a label";
            p += *p == '\\';
        }
        p++;
        if (*p == ',')
            p++;
        else if (*p != '}')
            return "no comma between labels";
    }
    *at = p + 1;
    return NULL;
}

static const char *
check_sample(struct checker *c, const char *line)
{
    const char *name = c->n_names == 0 ? "" : c->name[c->n_names - 1];
    const char *p = line;
    size_t n = name_length(p);
    const char *behind = "";
    const char *wrong = NULL;
    char *end;

    if (c->type[0] == '\0' || n < strlen(name) || strncmp(p, name, strlen(name)) != 0)
        return "a sample that is not behind its TYPE line";
    behind = p + strlen(name);
    if (n != strlen(name)
        && !(strcmp(c->type, "summary") == 0
             && ((n - strlen(name) == 4 && strncmp(behind, "_sum", 4) == 0)
                 || (n - strlen(name) == 6 && strncmp(behind, "_count", 6) == 0))))
        return "a sample of another metric";
    p += n;
    if (*p == '{')
        wrong = check_labels(&p);
    if (wrong != NULL)
        return wrong;
    if (c->n_samples == SAMPLES)
        return "more samples than the test has room for";
    c->sample[c->n_samples++] = strndup(line, (size_t)(p - line));
    for (unsigned i = 0; i + 1 < c->n_samples; i++)
        if (strcmp(c->sample[i], c->sample[c->n_samples - 1]) == 0)
            return "a sample that comes twice";
    c->of_this++;
    if (*p++ != ' ' || strspn(p, "0123456789.") != strlen(p))
        return "no plain number, or something behind it";
    (void)strtod(p, &end);
    return end == p || *end != '\0' ? "no number" : NULL;
}

/* NULL: the text is good. */
static const char *
check(struct checker *c, const char *text)
{
    *c = (struct checker){ .n_names = 0 };
    if (text[0] == '\0' || text[strlen(text) - 1] != '\n')
        return "the last line does not end";
    for (const char *p = text; *p != '\0' && c->wrong == NULL;) {
        size_t n = strcspn(p, "\n");

        cr_assert_lt(n, sizeof(c->line));
        snprintf(c->line, sizeof(c->line), "%.*s", (int)n, p);
        p += n + 1;
        if (strncmp(c->line, "# HELP ", 7) == 0)
            c->wrong = check_help(c, c->line + 7);
        else if (strncmp(c->line, "# TYPE ", 7) == 0)
            c->wrong = check_type(c, c->line + 7);
        else
            c->wrong = check_sample(c, c->line);
    }
    if (c->wrong == NULL && c->of_this == 0)
        c->wrong = "the last metric has no sample";
    for (unsigned i = 0; i < c->n_samples; i++)
        free(c->sample[i]);
    return c->wrong;
}

static char *
text_of(const tube_pipeline *p)
{
    static struct checker c;
    char *text = tube_stats_text(p);
    const char *wrong;

    cr_assert_not_null(text);
    wrong = check(&c, text);
    cr_assert_null(wrong, "%s: %s", wrong == NULL ? "" : wrong, c.line);
    return text;
}

/* The number behind `sample` and a blank at the beginning of a line. */
static double
number(const char *text, const char *sample)
{
    size_t n = strlen(sample);

    for (const char *p = text; p != NULL && *p != '\0';) {
        if (strncmp(p, sample, n) == 0 && p[n] == ' ')
            return strtod(p + n, NULL);
        p = strchr(p, '\n');
        p = p == NULL ? NULL : p + 1;
    }
    cr_assert_fail("no sample %s in\n%s", sample, text);
    return -1;
}

static double
stage_number(const tube_pipeline *p, const char *text, const char *metric, uint32_t i)
{
    tube_stage_info info = tube_stage_at(p, i);
    char sample[256];

    snprintf(sample, sizeof(sample),
             "%s{stage=\"%s\",index=\"%" PRIu32 "\",name=\"%s\"}", metric,
             info.def->name, i, info.label);
    return number(text, sample);
}

static double
edge_number(const tube_pipeline *p, const char *text, const char *metric, uint32_t i)
{
    tube_edge_info e = { 0 };
    char sample[256];

    cr_assert(tube_edge_at(p, i, &e));
    snprintf(sample, sizeof(sample),
             "%s{from=\"%" PRIu32 "\",to=\"%" PRIu32 "\",output=\"%" PRIu32
             "\",input=\"%" PRIu32 "\"}",
             metric, e.from, e.to, e.output, e.input);
    return number(text, sample);
}

static const struct {
    const char *text;
    const char *wrong; /* part of what the checker says; NULL: nothing */
} texts[] = {
    { "# HELP a_total x\n# TYPE a_total counter\na_total 1\n", NULL },
    { "# HELP a x\n# TYPE a gauge\na{l=\"\\\\\\\"\\n\",m=\"\"} 1.5\na{l=\"x\"} 2\n",
      NULL },
    { "# HELP a x\n# TYPE a summary\na_sum 1\na_count 1\n", NULL },
    { "", "does not end" },
    { "# HELP a x\n# TYPE a gauge\na 1", "does not end" },
    { "a 1\n", "behind its TYPE" },
    { "# HELP a x\na 1\n", "behind its TYPE" },
    { "# TYPE a gauge\na 1\n", "behind its HELP" },
    { "# HELP a x\n# TYPE b gauge\n", "behind its HELP" },
    { "# HELP a x\n# TYPE a gauge\n# TYPE a gauge\n", "two TYPE" },
    { "# HELP a x\n# TYPE a odd\na 1\n", "unknown type" },
    { "# HELP aaaaaa x\n# TYPE aaaaaa counter\na 1\n", "_total" },
    { "# HELP a_total x\n# TYPE a_total gauge\na_total 1\n", "_total" },
    { "# HELP a x\n# TYPE a gauge\n", "no sample" },
    { "# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\n# HELP a x\n",
      "twice" },
    { "# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\na{x=\"\"} 1\n",
      "behind its TYPE" },
    { "# HELP a x\n# TYPE a gauge\na_sum 1\n", "another metric" },
    { "# HELP a x\n# TYPE a gauge\na{l=\"x\"} 1\na{l=\"x\"} 2\n", "twice" },
    { "# HELP a x\n# TYPE a gauge\na{l=\"x} 1\n", "without an end" },
    { "# HELP a x\n# TYPE a gauge\na{l=\"\\t\"} 1\n", "unknown escape" },
    { "# HELP a x\n# TYPE a gauge\na{l=\"x\" m=\"\"} 1\n", "no comma" },
    { "# HELP a x\n# TYPE a gauge\na{l=x} 1\n", "quote" },
    { "# HELP a x\n# TYPE a gauge\na{1l=\"\"} 1\n", "quote" },
    { "# HELP a x\n# TYPE a gauge\na 1,5\n", "number" },
    { "# HELP a x\n# TYPE a gauge\na 1 2\n", "number" },
    { "# HELP a x\n# TYPE a gauge\n\na 1\n", "behind its TYPE" },
};

Test(metrics, checker_is_strict, .timeout = 10)
{
    static struct checker c;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *wrong = check(&c, texts[i].text);

        if (texts[i].wrong == NULL)
            cr_expect_null(wrong, "text %zu: %s", i, wrong == NULL ? "" : wrong);
        else
            cr_expect(wrong != NULL && strstr(wrong, texts[i].wrong) != NULL,
                      "text %zu: '%s', wanted '%s'", i, wrong == NULL ? "good" : wrong,
                      texts[i].wrong);
    }
}

Test(metrics, say_what_the_counters_say, .timeout = 60)
{
    tube_pipeline *p =
        test_pipeline(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = 3),
                      "count 50000 | touch filter=3 reject=5 as=odd | touch | collect");
    tube_counts c = { 0 };
    tube_error err = { 0 };
    char *text;

    cr_assert_eq(tube_run(p, &err), TUBE_OK, "%s", err.message);
    tube_stats(p, &c);
    text = text_of(p);
    cr_expect_eq(number(text, "tubes_phase_total{phase=\"read\"}"), 50000);
    cr_expect_eq(number(text, "tubes_records_total{outcome=\"committed\"}"),
                 (double)c.committed);
    cr_expect_eq(number(text, "tubes_records_total{outcome=\"filtered\"}"),
                 (double)c.filtered);
    cr_expect_eq(number(text, "tubes_records_total{outcome=\"rejected\"}"),
                 (double)c.rejected);
    cr_expect_gt(c.filtered, 0);
    cr_expect_gt(c.rejected, 0);
    cr_expect_eq(number(text, "tubes_in_flight_records"), 0);
    cr_expect_eq(number(text, "tubes_memory_high_bytes"), (double)c.memory_high);
    cr_expect_eq(number(text, "tubes_latency_seconds_count"), (double)c.settled);
    cr_expect_float_eq(number(text, "tubes_latency_seconds_sum"),
                       (double)c.latency_ns / 1e9, 1e-9);
    cr_expect_not_null(strstr(text, "{stage=\"touch\",index=\"1\",name=\"odd\"} "));
    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_stats st = { 0 };

        tube_stats_stage(p, i, &st);
        cr_expect_eq(stage_number(p, text, "tubes_stage_rows_in_total", i),
                     (double)st.rows_in);
        cr_expect_eq(stage_number(p, text, "tubes_stage_filtered_total", i),
                     (double)st.filtered);
        cr_expect_eq(stage_number(p, text, "tubes_stage_queue_high_batches", i),
                     (double)st.queue_high);
        cr_expect_float_eq(stage_number(p, text, "tubes_stage_busy_seconds_total", i),
                           (double)st.busy_ns / 1e9, 1e-9);
    }
    for (uint32_t i = 0; i < tube_edge_count(p); i++) {
        tube_edge_stats st = { 0 };

        if (!tube_stats_edge(p, i, &st))
            continue;
        cr_expect_eq(edge_number(p, text, "tubes_edge_rows_total", i), (double)st.rows);
        cr_expect_eq(edge_number(p, text, "tubes_edge_rows_taken_total", i),
                     (double)st.rows_taken);
    }
    free(text);
    tube_pipeline_free(p);
}

/* Every member of the structs is there: one that is added needs a metric. */
Test(metrics, leave_no_counter_out, .timeout = 60)
{
    tube_pipeline *p = test_pipeline(NULL, "count 10 | collect");
    char *text = text_of(p);
    unsigned counts = 0;
    unsigned stages = 0;
    unsigned edges = 0;

    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (*line == '#')
            continue;
        if (strncmp(line, "tubes_stage_", 12) == 0)
            stages++;
        else if (strncmp(line, "tubes_edge_", 11) == 0)
            edges++;
        else
            counts++;
    }
    /* committed is an outcome and a phase; two uint32_t fill one place of eight bytes */
    cr_expect_eq(counts, sizeof(tube_counts) / 8 + 1);
    cr_expect_eq(stages, tube_stage_count(p) * (sizeof(tube_stage_stats) / 8 + 1));
    cr_expect_eq(edges, 1 * (sizeof(tube_edge_stats) / 8 + 1));
    free(text);
    tube_pipeline_free(p);
}

static tube_status
odd_open(tube_stage *s, tube_error *err)
{
    static const tube_column column[] = { { "n", TUBE_INT, NULL } };

    return tube_set_schema(s, column, 1, err);
}

static tube_status
odd_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    (void)s;
    (void)b;
    (void)err;
    return TUBE_END;
}

Test(metrics, escape_labels, .timeout = 60)
{
    static const struct {
        const char *name;
        const char *label;
    } names[] = {
        { "a\"b", "stage=\"a\\\"b\"" },
        { "a\\b", "stage=\"a\\\\b\"" },
        { "a\nb", "stage=\"a\\nb\"" },
        { "caf\xc3\xa9", "stage=\"caf\xc3\xa9\"" },
        { "a\xff"
          "b\xc3",
          "stage=\"a\xef\xbf\xbd"
          "b\xef\xbf\xbd\"" },
        { "\xed\xa0\x80", "stage=\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[32] = "plain";
        tube_stage_def def = { .abi = TUBE_STAGE_ABI,
                               .kind = TUBE_SOURCE,
                               .name = name,
                               .summary = "ends at once",
                               .out = TUBE_FLOW_RECORDS,
                               .open = odd_open,
                               .process = odd_process };
        tube_pipeline *p = test_pipeline_with(&def, 1, "plain | null");
        char *text;

        /* No text can say such a name, but a program's stage may have it. */
        snprintf(name, sizeof(name), "%s", names[i].name);
        text = text_of(p);
        cr_expect_not_null(strstr(text, names[i].label), "%s in\n%s", names[i].label,
                           text);
        free(text);
        tube_pipeline_free(p);
    }
}
