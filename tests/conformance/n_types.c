/* SPDX-License-Identifier: MIT */
/* n_types.c -- the whole graph is checked before anything runs, and the report is readable. */
#include "f_reasons.h"

enum { TOLD = 8 };

typedef struct report {
    tube_error e[TOLD];
    int n;
} report;

static void
told(void *arg, const tube_error *e)
{
    report *r = arg;

    if (r->n < TOLD)
        r->e[r->n] = *e;
    r->n++;
}

/* widen [v=N]: a field more, and n + 1000 N. */
struct widen {
    int64_t v;
    bool refuse;
};

static const tube_option widen_options[] = {
    { "v", TUBE_OPT_INT, offsetof(struct widen, v), "0", "", "", 0 },
    { "refuse", TUBE_OPT_BOOL, offsetof(struct widen, refuse), "no", "", "", 0 },
    { 0 },
};

static tube_status
widen_open(tube_stage *s, tube_error *err)
{
    const struct widen *c = tube_state(s);
    const tube_schema *in = tube_input(s);
    tube_column column[9];
    uint32_t n = 0;

    if (c->refuse)
        return tube_fail(err, TUBE_ECONFIG, "this adapter refuses");
    for (; n < tube_schema_width(in) && n < 8; n++)
        column[n] = *tube_schema_column(in, (tube_field)n);
    column[n++] = (tube_column){ .name = "extra", .type = TUBE_INT };
    return tube_set_schema(s, column, n, err);
}

static tube_status
widen_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    const struct widen *c = tube_state(s);

    (void)err;
    if (tube_reshape(s, b) != TUBE_OK)
        return TUBE_AGAIN;
    TUBE_EACH(b, r) {
        const tube_cell *old = b->old + (size_t)r * b->old_width;
        tube_cell *row = tube_row(b, r);

        for (uint32_t f = 0; f < b->old_width; f++)
            row[f] = old[f];
        row[0].integer += 1000 * c->v;
        tube_set_int(&row[b->width - 1], c->v);
    }
    return TUBE_OK;
}

static const tube_stage_def widen_def = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_TRANSFORM,
    .name = "widen",
    .options = widen_options,
    .in = TUBE_FLOW_RECORDS,
    .out = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct widen),
    .open = widen_open,
    .process = widen_process,
};

/* Like conform_refused(), with the whole report. */
static report
reported(const char *text)
{
    report r = { .n = 0 };
    tube_error err = { 0 };
    tube_pipeline *p;
    tube_status st;

    conform_reset();
    p = conform_new_with(
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .on_error = told, .arg = &r),
        &widen_def, 1, "src 0 n=0 | sink 1");
    tube_pipeline_free(p); /* that much is right */
    p = tube_pipeline_new(
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .on_error = told, .arg = &r), &err);
    cr_assert_not_null(p);
    st = tube_series(p, text, &err);
    cr_assert_eq(st, TUBE_ECONFIG, "%s: %d", text, (int)st);
    cr_assert_gt(r.n, 0, "%s: nobody was told", text);
    cr_assert_str_eq(err.message, r.e[0].message);
    tube_pipeline_free(p);
    return r;
}

static void
readable(const tube_error *e, uint32_t line, uint32_t column, uint32_t width,
         const char *word)
{
    cr_assert_eq(e->line, line, "%s: line %u", e->message, e->line);
    cr_assert_eq(e->column, column, "%s: column %u", e->message, e->column);
    cr_assert_eq(e->width, width, "%s: width %u", e->message, e->width);
    cr_assert_not_null(strstr(e->message, word), "%s: nothing of %s", e->message, word);
}

Test(N29, errors_in_several_branches_are_all_told_with_their_places,
     .timeout = CONFORM_SECONDS)
{
    report r = reported("gen combined 3\n"
                        "| tee ( wheree n > 1 | null )\n"
                        "      ( head nn=5 | null )\n"
                        "| nul");

    cr_assert_eq(r.n, 3, "%d errors", r.n);
    readable(&r.e[0], 2, 9, 6, "wheree");
    cr_assert_not_null(strstr(r.e[0].hint, "where"), "%s", r.e[0].hint);
    readable(&r.e[1], 3, 14, 2, "nn");
    readable(&r.e[2], 4, 3, 3, "nul");
}

Test(N29, at_most_five_errors_are_told, .timeout = CONFORM_SECONDS)
{
    report r = reported("gen | a1 | a2 | a3 | a4 | a5 | a6 | a7");

    cr_assert_eq(r.n, 5, "%d errors", r.n);
}

static void
refused(const char *text, const char *stage, const char *word)
{
    tube_error err;

    conform_reset();
    err = conform_refused(text);
    cr_assert_eq(err.status, TUBE_ECONFIG, "%s: %d", text, (int)err.status);
    cr_assert_not_null(strstr(err.message, word), "%s: %s", text, err.message);
    if (stage != NULL)
        cr_assert_str_eq(err.stage, stage, "%s: %s: %s", text, err.stage, err.message);
    for (int id = 0; id < 8; id++) {
        cr_assert_eq(conform.at[id].calls, 0, "%s: %d ran", text, id);
        cr_assert_eq(conform.at[id].opens, conform.at[id].closes, "%s: %d", text, id);
    }
}

Test(N29, nothing_runs_if_any_two_stages_do_not_fit, .timeout = CONFORM_SECONDS)
{
    refused("src 0 n=1 | tee ( where nosuch > 1 | sink 1 ) | sink 2", "where",
            "nosuch");
    refused("src 0 n=1 | tee ( pass id=3 | sink 1 ) | keep nosuch | sink 2", "keep",
            "nosuch");
    refused("src 0 n=1 | route ( when nosuch = 1 | sink 1 ) | sink 2", "route",
            "nosuch");
    refused("src 0 n=1 | route to=nosuch ( as a | sink 1 ) | sink 2", "route",
            "nosuch");
    refused("src 0 n=1 | route hash=nosuch ( sink 1 ) | sink 2", "route", "nosuch");
    refused("src 0 n=1 | parallel 2 ( pass id=3 ) order=key key=nosuch | sink 2", NULL,
            "nosuch");
    refused("merge by=nosuch ( src 0 n=1 ) ( src 1 n=1 ) | sink 2", "merge", "nosuch");
    refused("src 0 n=1 | where n = \"x\" | sink 2", "where", "n");
}

Test(N29, inputs_of_a_fan_in_must_be_of_one_type, .timeout = CONFORM_SECONDS)
{
    refused("merge ( src 0 n=1 ) ( src 1 n=1 | keep n ) | sink 2", NULL, "tag");
    refused("concat ( src 0 n=1 | keep tag ) ( src 1 n=1 | keep n ) | sink 2", NULL,
            "n");
    refused("merge ( src 0 n=1 ) ( gen combined 1 ) | sink 2", NULL, "");
    refused("src 0 n=1 | thru ( pass id=1 ) ( keep n ) | sink 2", NULL, "tag");
    refused("src 0 n=1 | route ( when n = 1 | keep n ) | sink 2", NULL, "tag");
}

/* Adapters. */

static tube_pipeline *
with_widen(const tube_pipeline_opts *o, const char *text)
{
    conform_reset();
    return conform_new_with(o, &widen_def, 1, text);
}

static uint32_t
inserted(const tube_pipeline *p, const char *name)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_info info = tube_stage_at(p, i);

        n += info.def != NULL && info.inserted && strcmp(info.def->name, name) == 0;
    }
    return n;
}

#define RECORDS                                           \
  "record base { n int } record full { n int; tag text }" \
  " record more { n int; tag text; extra int } record tagged { tag text } "

static void
adapted(const tube_pipeline_opts *o, const char *text, const char *log)
{
    tube_pipeline *p = with_widen(o, text);

    conform_go(p);
    cr_assert_eq(inserted(p, "widen"), 1, "%s: it does not show", text);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), log, "%s: %s", text,
                     conform_log(1, "sink"));
    tube_pipeline_free(p);
}

static void
adapters(const tube_pipeline_opts *o)
{
    tube_pipeline *p;

    adapted(o,
            RECORDS "adapt full -> more = widen v=1\nsrc 0 n=2 | expect more | sink 1",
            "open 1000 1001 finish");
    /* that which takes the most of the fields */
    adapted(o,
            RECORDS "adapt base -> more = widen v=1\nadapt full -> more = widen v=2\n"
                    " src 0 n=2 | expect more | sink 1",
            "open 2000 2001 finish");
    /* an exact pair before all others */
    adapted(o,
            RECORDS "adapt base -> more = widen v=1\nadapt full -> more = widen v=2\n"
                    " src 0 n=2 | expect full | expect more | sink 1",
            "open 2000 2001 finish");
    /* none where none is needed */
    p = with_widen(o, RECORDS
                   "adapt full -> base = widen\nsrc 0 n=2 | expect base | sink 1");
    conform_go(p);
    cr_assert_eq(inserted(p, "widen"), 0);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(1, "sink"), "open 0 1 finish");
    tube_pipeline_free(p);
}

/* covers: ZOP-1, ZOP-5 */
Test(N29, an_adapter_that_fits_is_put_in_and_shows, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(adapters);
}

static void
not_adapted(const char *text, const char *word)
{
    tube_error err = { 0 };
    tube_pipeline *p;
    tube_status st;

    conform_reset();
    p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER), &err);
    tube_pipeline_free(p);
    p = with_widen(NULL, "src 0 n=0 | sink 1");
    tube_pipeline_free(p);
    p = tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER), &err);
    cr_assert_eq(tube_define(p, &widen_def, &err), TUBE_OK);
    st = tube_series(p, text, &err);
    if (st == TUBE_OK)
        st = tube_open(p, &err);
    cr_assert_eq(st, TUBE_ECONFIG, "%s: %d", text, (int)st);
    cr_assert_not_null(strstr(err.message, word), "%s: %s", text, err.message);
    tube_pipeline_free(p);
}

#define MADE "gen json 3 | parse json types=[n:int, tag:text] unknown=ignore"

/* covers: ZOP-2, ZOP-4, ZOP-5 */
Test(N29, an_adapter_may_refuse_is_not_chained_and_is_never_guessed,
     .timeout = CONFORM_SECONDS)
{
    not_adapted(RECORDS "adapt full -> more = widen refuse=yes\n" MADE
                        " | expect more | null",
                "refuses");
    not_adapted(RECORDS
                "adapt base -> more = widen\nadapt tagged -> more = widen\n" MADE
                " | expect more | null",
                "more");
    not_adapted(RECORDS "record far { n int; tag text; extra int; last int }"
                        " adapt full -> more = widen\nadapt more -> far = widen\n" MADE
                        " | expect far | null",
                "far");
}

Test(N29, adapters_from_the_program, .timeout = CONFORM_SECONDS)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(NULL, &err);

    cr_assert_not_null(p);
    cr_assert_eq(tube_define(p, &widen_def, &err), TUBE_OK);
    cr_assert_eq(tube_adapter(p, "full", "more", "widen v=3", &err), TUBE_OK, "%s",
                 err.message);
    cr_assert_eq(tube_adapter(p, "full", "more", "widen v=4", &err), TUBE_ECONFIG);
    cr_assert_eq(tube_series(p, RECORDS MADE " | expect more | null", &err), TUBE_OK,
                 "%s", err.message);
    cr_assert_eq(tube_open(p, &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(inserted(p, "widen"), 1);
    cr_assert_not_null(tube_record_find(p, "more"));
    cr_assert_eq(tube_record_find(p, "more")->n, 3);
    cr_assert_null(tube_record_find(p, "less"));
    tube_pipeline_free(p);
}
