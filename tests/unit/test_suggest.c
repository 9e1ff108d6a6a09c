/* SPDX-License-Identifier: MIT */
/* test_suggest.c -- "did you mean". */
#include "../../text/suggest.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const names[] = { "file",     "gen",    "lines", "parse combined",
                                     "postgres", "sqlite", "print", "null",
                                     "workers",  "Head" };

static const struct {
    const char *word;
    const char *want; /* NULL: nothing is near */
} cases[] = {
    { "postgress", "postgres" },
    { "postrges", "postgres" },
    { "psotgers", "postgres" },
    { "pritn", "print" },
    { "print", "print" },
    { "PRINT", "print" },
    { "fiel", "file" },
    { "fil", "file" },
    { "parse combind", "parse combined" },
    { "parse-combined", "parse combined" },
    { "head", "Head" },
    { "sqllite", "sqlite" },
    { "nul", "null" },
    { "xx", NULL },
    { "g", NULL },
    { "", NULL },
    { "kafka", NULL },
    { "elasticsearch", NULL },
    { "wrkrs", NULL },
    { "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggg", NULL },
};

Test(suggest, names_the_nearest, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got =
            tube_nearest(cases[i].word, names, sizeof(names) / sizeof(names[0]));

        if (cases[i].want == NULL)
            cr_expect_null(got, "'%s' gave '%s'", cases[i].word, got);
        else
            cr_expect(got != NULL && strcmp(got, cases[i].want) == 0, "'%s' gave '%s'",
                      cases[i].word, got == NULL ? "nothing" : got);
    }
}

Test(suggest, prefers_the_first_of_equals, .timeout = 10)
{
    static const char *const two[] = { "bat", "cat" };

    cr_assert_eq(tube_nearest("rat", two, 2), two[0]);
}

Test(suggest, knows_words_of_other_tools, .timeout = 10)
{
    static const char *const foreign[] = { "output", "grep", "sink",       "filter",
                                           "cat",    "tail", "stdout",     "pg",
                                           "insert", "clf",  "postgresql", "nginx" };

    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        const char *stage = NULL;

        cr_expect_not_null(tubei_foreign(foreign[i], &stage), "%s", foreign[i]);
        cr_expect_not_null(stage, "%s", foreign[i]);
    }
    cr_expect_null(tubei_foreign("xyzzy", &(const char *){ NULL }));
}
