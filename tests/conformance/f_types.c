/* SPDX-License-Identifier: MIT */
/* f_types.c -- who expects less takes more; who expects more does not take less. */
#include "f_reasons.h"

#define RECORDS                                                         \
  "record base { n int } record full { n int; tag text }"               \
  " record more { n int; tag text; extra int } record other { n text }" \
  " record maybe { n int; extra int? } "

static void
accepted(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p;

    conform_reset();
    p = conform_start(o, text);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 finish", "%s: %s", text,
                     conform_log(9, "sink"));
    tube_pipeline_free(p);
}

static void
more_is_fine(const tube_pipeline_opts *o)
{
    accepted(o, RECORDS "src 0 n=2 | expect full | sink 9");
    accepted(o, RECORDS "src 0 n=2 | expect base | sink 9");
    accepted(o, RECORDS "src 0 n=2 | expect maybe | sink 9");
    accepted(o, RECORDS "src 0 n=2 | keep n | expect base | sink 9");
    accepted(o, RECORDS "src 0 n=2 | expect full | expect base | expect full | sink 9");
    accepted(o,
             RECORDS "src 0 n=2 | tee ( expect base | sink 1 ) | expect full | sink 9");
    accepted(o, RECORDS "merge ( src 0 n=2 ) ( src 1 n=0 ) | expect base | sink 9");
}

/* covers: TUB-9, test_flowFromTypeCheckSucceeds */
Test(F18, who_expects_less_takes_records_that_have_more, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(more_is_fine);
}

static void
refused(const char *text, const char *record, const char *field)
{
    tube_error err;

    conform_reset();
    err = conform_refused(text);
    cr_assert_eq(err.status, TUBE_ECONFIG, "%s: %d", text, (int)err.status);
    cr_assert_not_null(strstr(err.message, record), "%s: %s", text, err.message);
    cr_assert_not_null(strstr(err.message, field), "%s: %s", text, err.message);
    cr_assert_eq(conform.at[0].calls, 0, "%s: it ran", text);
    cr_assert_eq(conform.at[0].opens, conform.at[0].closes, "%s", text);
    cr_assert_eq(conform.at[9].opens, conform.at[9].closes, "%s", text);
}

/* covers: TUB-9, test_flowFromTypeCheckFails */
Test(F18, who_expects_more_refuses_records_that_have_less, .timeout = CONFORM_SECONDS)
{
    refused(RECORDS "src 0 n=2 | expect more | sink 9", "'more'", "'extra'");
    refused(RECORDS "src 0 n=2 | keep n | expect full | sink 9", "'full'", "'tag'");
    refused(RECORDS "src 0 n=2 | keep tag | expect base | sink 9", "'base'", "'n'");
    refused(RECORDS "src 0 n=2 | expect other | sink 9", "'other'", "'n'");
    refused(RECORDS "src 0 n=2 | expect base | keep n | expect full | sink 9", "'full'",
            "'tag'");
    refused(RECORDS "src 0 n=2 | tee ( keep n | expect full | sink 1 ) | sink 9",
            "'full'", "'tag'");
    refused(RECORDS "merge ( src 0 n=2 | keep n ) ( src 1 n=2 | keep n ) | expect full"
                    " | sink 9",
            "'full'", "'tag'");
}

static void
later_ones(const tube_pipeline_opts *o)
{
    tube_ref ref;
    tube_error err = { 0 };
    tube_pipeline *p = conform_new(
        o,
        RECORDS "merge as=m ( src 0 fed=yes ) | keep n | tee as=t ( sink 1 ) | sink 9");

    conform_go(p);
    conform_feed(0, 1);
    conform_until_rows(p, 9, 1);
    cr_assert_eq(
        tube_attach(p, conform_ref(p, "t"), "expect full | sink 2", &ref, &err),
        TUBE_ECONFIG);
    cr_assert_not_null(strstr(err.message, "'tag'"), "%s", err.message);
    cr_assert_eq(tube_attach(p, conform_ref(p, "m"), "src 3 n=1 | keep n", &ref, &err),
                 TUBE_ECONFIG, "an input without what the others have");
    cr_assert_eq(
        tube_attach(p, conform_ref(p, "t"), "expect base | sink 4", &ref, &err),
        TUBE_OK, "%s", err.message);
    conform_quiet(p);
    conform_feed(0, 1);
    conform_until_rows(p, 4, 1);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 finish"); /* nothing was hurt */
    cr_assert_str_eq(conform_log(4, "sink"), "open 1 finish");
    cr_assert_eq(conform.at[2].rows + conform.at[3].rows, 0);
    tube_pipeline_free(p);
}

/* covers: TUB-9, TUB-49 */
Test(F18, also_when_it_is_attached_later, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(later_ones);
}

static void
diverted(const tube_pipeline_opts *o)
{
    tube_ref ref;
    tube_error err = { 0 };
    tube_pipeline *p =
        conform_start(o, RECORDS "src 0 fed=yes | keep n | pass id=1 as=mid | sink 9");

    conform_feed(0, 1);
    conform_until_rows(p, 9, 1);
    cr_assert_eq(
        tube_divert(p, conform_ref(p, "mid"), "expect full | sink 2", &ref, &err),
        TUBE_ECONFIG);
    cr_assert_not_null(strstr(err.message, "'tag'"), "%s", err.message);
    conform_feed(0, 1);
    conform_end(0);
    conform_finish(p, TUBE_OK);
    cr_assert_str_eq(conform_log(9, "sink"), "open 0 1 finish");
    tube_pipeline_free(p);
}

/* covers: TUB-9 */
Test(F18, and_when_the_flow_is_diverted, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(diverted);
}
