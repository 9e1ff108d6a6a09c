/* SPDX-License-Identifier: MIT */
/* test_text.c -- the pipeline text: words, shape, errors and their places. */
#include "../../text/walk.h"
#include "text_shape.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct shape_good good[] = {
    { "file a.log", "file{a.log}" },
    { "  file\ta.log\r\n", "file{a.log}" },
    { "\xef\xbb\xbf"
      "file a.log",
      "file{a.log}" },
    { "file a b|print", "file{a;b}|print{}" },
    { "file a\n| print # the end", "file{a}|print{}" },
    { "# first\nfile a#b # c | d\n|print", "file{a#b}|print{}" },
    { "file /var/log/*.log access.log[0-9]", "file{/var/log/*.log;access.log[0-9]}" },
    { "file \"a b\" `c\\n\"|` \"\"", "file{a b;c\\n\"|;}" },
    { "file \"\\\"\\\\\\n\\x41\"", "file{\"\\\nA}" },
    { "file path=[a, \"b c\" d,]", "file{path=[a][b c][d]}" },
    { "file path = x", "file{path=x}" },
    { "file path=\n  x", "file{path=x}" },
    { "file postgres://u@h/db?a=b", "file{postgres://u@h/db?a=b}" },
    { "postgres table=t dsn=host=localhost", "postgres{table=t;dsn=host=localhost}" },
    { "file a,b", "file{a,b}" },
    { "parse combined", "parse combined{}" },
    { "parse\n combined as=x", "parse combined{}!x" },
    { "gen combined 200", "gen{combined;200}" },
    { "file $TUBES_TEST_X", "file{ex am|ple}" },
    { "file a$b \"$TUBES_TEST_X\"", "file{a$b;$TUBES_TEST_X}" },
    { "where status >= 400 and path !~ `^/|h` | print",
      "where{<status >= 400 and path !~ `^/|h`@1:7>}|print{}" },
    { "where (a = \"x)|\" or b)|print", "where{<(a = \"x)|\" or b)@1:7>}|print{}" },
    { "file x\n| where\n  a = 1 # c | x\n  and b\n|print",
      "file{x}|where{<a = 1        \n  and b@3:3>}|print{}" },
    { "where a = \"\\\"|\"", "where{<a = \"\\\"|\"@1:7>}" },
    { "where a = '|' and b = ')' | print", "where{<a = '|' and b = ')'@1:7>}|print{}" },
    { "set workers=4, depth = 16\nset seed=1\nfile a",
      "set workers=4;set depth=16;set seed=1;file{a}" },
    { "set workers=4 file a", "set workers=4;file{a}" },
};

Test(text, reads, .timeout = 10)
{
    setenv("TUBES_TEST_X", "ex am|ple", 1);
    shape_expect(good, sizeof(good) / sizeof(good[0]));
}

static const struct shape_bad bad[] = {
    { "", "1:1+1 the pipeline is empty", "file access.log" },
    { " # x\n ", "2:2+1 the pipeline is empty", NULL },
    { "file a | postgress table=a", "1:10+9 unknown stage 'postgress'",
      "did you mean 'postgres'?" },
    { "file a\n| parse combined\n| postgress table=a\n",
      "3:3+9 unknown stage 'postgress'", "did you mean 'postgres'?" },
    { "file a | parse combind", "1:10+13 unknown stage 'parse combind'",
      "did you mean 'parse combined'?" },
    { "file a | parse", "1:10+5 'parse' needs a second word",
      "parse combined, parse common" },
    { "file a | parse 12", "1:10+5 'parse' needs a second word", NULL },
    { "file a | output x y=1", "1:10+6 unknown stage 'output'", "print" },
    { "file a | grep x | sink",
      "1:10+4 unknown stage 'grep'\n1:19+4 unknown stage 'sink'", "where" },
    { "file a | nginx", "1:10+5 unknown stage 'nginx'", "parse combined" },
    { "file a | xyzzy", "1:10+5 unknown stage 'xyzzy'", "tubes stages" },
    { "/var/log/a.log | print", "1:1+14 unknown stage '/var/log/a.log'",
      "file /var/log/a.log" },
    { "file \"abc | print", "1:6+1 the string that begins here has no end", NULL },
    { "file \"abc\n\" | print", "1:6+1 the string that begins here has no end",
      "ends in the line" },
    { "file `abc\n | print", "1:6+1 the string that begins here has no end", NULL },
    { "file \"a\\qb\"", "1:8+2 '\\q' is no escape", "backquotes" },
    { "file \"a\\x00b\"", "1:8+2 '\\x' is no escape", NULL },
    { "file a || print", "1:9+1 a stage is missing before '|'", NULL },
    { "| print", "1:1+1 a stage is missing before '|'", NULL },
    { "file a |", "1:8+1 a stage is missing behind '|'", NULL },
    { "file a | print |\n # x\n", "1:16+1 a stage is missing behind '|'", NULL },
    { "file a | where a = 1 || b = 2 | print", "1:22+2 '||' is no operator", "or" },
    { "file a | where (a = 1 | print", "1:16+1 the '(' here has no ')'", NULL },
    { "file a | where a = \"x | print", "1:20+1 the string that begins here has no end",
      NULL },
    { "where | print", "1:1+5 where: option 'expr' is missing", "what must be true" },
    { "file a | where a) | print", "1:17+1 there is no '(' for this ')'", NULL },
    { "file a) | print", "1:7+1 there is no '(' for this ')'", NULL },
    { "(file a | x) | print", "1:1+1 the name of a stage is missing before '('",
      "tee" },
    { "file [a, b | print", "1:6+1 the list that begins here has no ']'", NULL },
    { "file path= | print", "1:12+1 a value is missing before '|'", NULL },
    { "file path=", "1:11+1 a value is missing at the end of the text", NULL },
    { "file a == b", "1:9+1 a value is missing before '='", "quote" },
    { "file a, b", "1:7+1 unexpected ','", "blanks" },
    { "file \"a\"b", "1:9+1 a blank is missing before 'b'", NULL },
    { "file 'a b'", "1:6+1 a string does not begin with '", "`...`" },
    { "file a\"b\"", "1:7+1 a blank is missing before '\"'", NULL },
    { "file [a]b", "1:9+1 a blank is missing before 'b'", NULL },
    { "file $TUBES_TEST_UNSET",
      "1:6+17 $TUBES_TEST_UNSET is not set in the environment", "export" },
    { "file $HOME/x", "1:6+7 '$HOME/x' is not the name of a variable", "as a whole" },
    { "file ${HOME}", "1:6+7 '${HOME}' is not the name of a variable", NULL },
    { "file a\x01", "1:7+1 byte 0x01 cannot stand here", NULL },
    { "set workers 4\nfile a", "1:5+7 a setting is a name, '=' and a value", NULL },
    { "set workers=4 depth=2 file a",
      "1:15+6 the name of a stage is missing before 'depth='", "','" },
    /* A slip in one stage does not hide a wrong option in another. */
    { "file a | prnt | postgres tabel=x",
      "1:10+4 unknown stage 'prnt'\n1:26+5 postgres: unknown option 'tabel'", "print" },
    { "file a fail=no | postgres tabel=x | file b queue=3",
      "1:13+2 file: option 'fail': 'no' is none of the choices\n"
      "1:27+5 postgres: unknown option 'tabel'\n"
      "1:50+1 file: option 'queue': 3 is no power of two",
      "choices: stop|skip|retry|restart" },
    { "a|b|c|d|e|f|g",
      "1:1+1 unknown stage 'a'\n1:3+1 unknown stage 'b'\n1:5+1 unknown stage 'c'\n"
      "1:7+1 unknown stage 'd'\n1:9+1 unknown stage 'e'",
      NULL },
};

Test(text, tells_what_is_wrong_and_where, .timeout = 10)
{
    unsetenv("TUBES_TEST_UNSET");
    shape_refuse(bad, sizeof(bad) / sizeof(bad[0]));
}

Test(text, keeps_the_place_of_every_word, .timeout = 10)
{
    tubei_report r = { 0 };
    tubei_text *t =
        tubei_text_parse("file a\n  \"b c\"\n| gen x seed=7", &shape_lookup, &r);

    cr_assert_not_null(t);
    cr_expect_eq(t->main.call[0].arg[1].value[0].line, 2);
    cr_expect_eq(t->main.call[0].arg[1].value[0].column, 3);
    cr_expect_eq(t->main.call[0].arg[1].value[0].width, 5);
    cr_expect(t->main.call[0].arg[1].value[0].quoted);
    cr_expect_eq(t->main.call[1].name.line, 3);
    cr_expect_eq(t->main.call[1].name.column, 3);
    cr_expect_eq(t->main.call[1].arg[1].key.column, 9);
    cr_expect_eq(t->main.call[1].arg[1].key.width, 4);
    cr_expect_eq(t->main.call[1].arg[1].value[0].column, 14);
    tubei_text_free(t);
}

Test(text, never_shows_what_a_variable_holds, .timeout = 10)
{
    struct shape_heard h = { .n = 0 };
    tubei_report r = { .on_error = shape_listen, .arg = &h };

    setenv("TUBES_TEST_SECRET", "hunter2", 1);
    cr_expect_null(
        tubei_text_parse("prnt | postgres table=t workers=$TUBES_TEST_SECRET "
                         "| print $TUBES_TEST_SECRET | $TUBES_TEST_SECRET",
                         &shape_lookup, &r));
    cr_expect_eq(r.errors, 4, "%s", h.text);
    cr_expect_null(strstr(h.text, "hunter2"), "%s", h.text);
}

/* Every prefix of a text, and every text with one byte changed, ends without a crash;
 * the sanitizers look on. */
Test(text, survives_damage, .timeout = 60)
{
    static const char text[] = "set a=1, b=2\nfile \"a\\n\" [x, `y`] path=$HOME # c\n"
                               "| where (a = \"b\" or c ~ `d`) | parse combined\n"
                               "| tee (print | x) | postgres table=x";
    static const char with[] = "\"`|()[]=,$#\n\\ a";
    char copy[sizeof(text)];

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (size_t k = 0; k < sizeof(with); k++) {
            tubei_report r = { 0 };

            memcpy(copy, text, sizeof(text));
            copy[i] = with[k];
            tubei_text_free(tubei_text_parse(copy, &shape_lookup, &r));
            cr_expect_leq(r.errors, TUBEI_ERRORS);
        }
    }
}
