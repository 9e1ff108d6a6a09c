/* SPDX-License-Identifier: MIT */
/* test_define.c -- the pipeline text: branches, let, record, adapt, parts. */
#include "../../text/walk.h"
#include "text_shape.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct shape_good branches[] = {
    { "file a | tee (print) | print", "file{a}|tee{}(print{})|print{}" },
    { "file a|tee(print)(parse combined|print)|print",
      "file{a}|tee{}(print{})(parse combined{}|print{})|print{}" },
    { "merge (file a | lines) (file b) as=m | print",
      "merge{}!m(file{a}|lines{})(file{b})|print{}" },
    { "file a | merge | print", "file{a}|merge{}|print{}" },
    { "file a | parallel (lines) 4 order=none | print",
      "file{a}|parallel{4;order=none}(lines{})|print{}" },
    { "file a | parallel 4 order=none (lines)",
      "file{a}|parallel{4;order=none}(lines{})" },
    { "tee (tee (tee (print) ) (print # )\n) | print)",
      "tee{}(tee{}(tee{}(print{}))(print{})|print{})" },
    { "route (when a = 1 | print) ( as b|print) (otherwise|print) | print",
      "route{}(when <a = 1@1:13>:print{})(as b:print{})(otherwise:print{})|print{}" },
    { "route to=f (when a = \")\" ) (as \"b c\") (otherwise) | print",
      "route{to=f}(when <a = \")\"@1:18>:)(as b c:)(otherwise:)|print{}" },
    { "route (when(a = 1 or (b = 2))|print)",
      "route{}(when <(a = 1 or (b = 2))@1:12>:print{})" },
    { "route (print) (lines | print)", "route{}(print{})(lines{}|print{})" },
    { "tee (where a = 1 and (b = 2)) (where c in (1, 2) | print)",
      "tee{}(where{<a = 1 and (b = 2)@1:12>})(where{<c in (1, 2)@1:38>}|print{})" },
    { "thru (lines as=a fail=skip) (lines retries=7) queue=64",
      "thru{}!stop,5,64(lines{}!a!skip,5,0)(lines{}!stop,7,0)" },
    /* The stage's own option of that name. */
    { "route queue=mine as=r (print)", "route{queue=mine}!r(print{})" },
    /* An option before an expression; the same word as a field. */
    { "where as=x fail=skip status = 1 | print",
      "where{<status = 1@1:22>}!x!skip,5,0|print{}" },
    { "where queue=4 (a = 1)", "where{<(a = 1)@1:15>}!stop,5,4" },
    { "where queue=4 not b", "where{<not b@1:15>}!stop,5,4" },
    { "where queue=4", "where{<queue=4@1:7>}" },
    { "where queue = 4 AND b = 2", "where{<queue = 4 AND b = 2@1:7>}" },
    { "where queue == 4 | print", "where{<queue == 4@1:7>}|print{}" },
    { "tee (where as = \"a\") | print", "tee{}(where{<as = \"a\"@1:12>})|print{}" },
};

Test(branch, is_read, .timeout = 10)
{
    shape_expect(branches, sizeof(branches) / sizeof(branches[0]));
}

static const struct shape_bad bad_branches[] = {
    { "file a | print (print | prnt) | file x", "1:16+1 'print' takes no branches",
      "tee" },
    { "file a | tee | print", "1:10+3 'tee' needs a branch", "( ... )" },
    { "file a | route to=x", "1:10+5 'route' needs a branch", "when EXPR" },
    { "tee () | print", "1:6+1 the branch is empty", NULL },
    { "tee ( # x\n )|print", "2:2+1 the branch is empty", NULL },
    { "route ( | print)", "1:9+1 a stage is missing before '|'", NULL },
    { "tee (print | ) | print", "1:12+1 a stage is missing behind '|'", NULL },
    { "route (otherwise | ) | print", "1:18+1 a stage is missing behind '|'", NULL },
    { "tee (print | print", "1:5+1 the '(' here has no ')'", NULL },
    { "tee (print) (lines | tee (print) | prnt",
      "1:36+4 unknown stage 'prnt'\n1:13+1 the '(' here has no ')'", NULL },
    { "tee (print | ", "1:5+1 the '(' here has no ')'", NULL },
    { "tee (", "1:5+1 the '(' here has no ')'", NULL },
    { "tee (print)) | print", "1:12+1 there is no '(' for this ')'", NULL },
    { "tee (prnt) (print | pint) | lins",
      "1:6+4 unknown stage 'prnt'\n1:21+4 unknown stage 'pint'\n"
      "1:29+4 unknown stage 'lins'",
      "print" },
    /* One slip is one message, and what stands beside it is read. */
    { "tee (prnt (a) x=1 | file) | postgres tabel=x",
      "1:6+4 unknown stage 'prnt'\n1:21+4 file: option 'path' is missing\n"
      "1:38+5 postgres: unknown option 'tabel'",
      NULL },
    { "tee (print \"a | x) | print", "1:12+1 the string that begins here has no end",
      NULL },
    { "tee (file [a, b) | print", "1:11+1 the list that begins here has no ']'", NULL },
    { "tee (where a = 1)) | print", "1:18+1 there is no '(' for this ')'", NULL },
    { "route (whn a = 1 | print) (print)",
      "1:8+3 'whn' is neither a stage nor the head of a branch", "'when'" },
    { "route (xyzzy a = 1 | print) (print)",
      "1:8+5 'xyzzy' is neither a stage nor the head of a branch", "otherwise |" },
    { "route (print | whn a)", "1:16+3 unknown stage 'whn'", NULL },
    { "route (when | print)", "1:13+1 'when' needs a condition", "status" },
    { "route (when) (print)", "1:12+1 'when' needs a condition", NULL },
    { "route (as | print)", "1:11+1 'as' needs the name of the branch", "as NAME" },
    { "route (as a print)", "1:13+1 a '|' is missing behind the head of the branch",
      NULL },
    { "route (otherwise print) (as b | print)",
      "1:18+1 a '|' is missing behind the head of the branch", "otherwise |" },
    { "route (as a|print) (as b|print) (as a|print)",
      "1:37+1 two branches have the name 'a'", NULL },
    { "route (otherwise) (otherwise)", "1:20+9 two branches begin with 'otherwise'",
      NULL },
    { "tee (when a = 1 | print) | print", "1:6+4 a branch of 'tee' has no 'when'",
      "route" },
    { "print as=x | lines as=y | print as=x", "1:36+1 two stages have the name 'x'",
      NULL },
    { "tee (print as=x) | print as=x", "1:29+1 two stages have the name 'x'", NULL },
    { "tee (print as=a.b)", "1:15+3 print: option 'as': 'a.b' is no name", NULL },
};

Test(branch, tells_what_is_wrong_and_where, .timeout = 10)
{
    shape_refuse(bad_branches, sizeof(bad_branches) / sizeof(bad_branches[0]));
}

/* `n` tees, each in the branch of the one before. */
static char *
nested(size_t n)
{
    size_t len = n * strlen("tee()") + strlen("print") + 1;
    char *text = malloc(len);
    size_t used = 0;

    cr_assert_not_null(text);
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, len - used, "tee(");
    used += (size_t)snprintf(text + used, len - used, "print");
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, len - used, ")");
    return text;
}

Test(branch, nests_to_a_limit, .timeout = 10)
{
    tubei_report r = { 0 };
    tubei_walk w;
    uint32_t deep = 0;
    char *text = nested(TUBEI_DEEP);
    tubei_text *t = tubei_text_parse(text, &shape_lookup, &r);

    cr_assert_not_null(t, "%s", r.first.message);
    for (tubei_walk_begin(&w, &t->main); tubei_walk_next(&w) != NULL;)
        deep = w.deep;
    cr_expect_eq(deep, TUBEI_DEEP);
    tubei_text_free(t);
    free(text);
    text = nested(TUBEI_DEEP + 1);
    cr_expect_null(tubei_text_parse(text, &shape_lookup, &r));
    cr_expect_eq(r.errors, 1);
    cr_expect_str_eq(r.first.message, "more than 32 parentheses are open");
    cr_expect_eq(r.first.column, TUBEI_DEEP * 4 + 4);
    free(text);
    text = nested(100000);
    r = (tubei_report){ 0 };
    cr_expect_null(tubei_text_parse(text, &shape_lookup, &r));
    cr_expect_eq(r.errors, 1);
    free(text);
}

Test(branch, ten_thousand_stages_and_branches, .timeout = 20)
{
    enum { MANY = 10000, EACH = 48 };
    char *text = calloc(MANY, EACH);
    size_t n = 0;
    tubei_report r = { 0 };
    tubei_text *t;

    for (size_t i = 0; i < MANY; i++)
        n += (size_t)snprintf(text + n, EACH, "%sprint as=p%zu", i > 0 ? "|" : "", i);
    t = tubei_text_parse(text, &shape_lookup, &r);
    cr_assert_not_null(t, "%s", r.first.message);
    cr_expect_eq(t->main.n, MANY);
    tubei_text_free(t);
    n = (size_t)snprintf(text, EACH, "route to=x");
    for (size_t i = 0; i < MANY; i++)
        n += (size_t)snprintf(text + n, EACH, "(as b%zu|print as=p%zu)", i, i);
    t = tubei_text_parse(text, &shape_lookup, &r);
    cr_assert_not_null(t, "%s", r.first.message);
    cr_assert_eq(t->main.call->n_branches, MANY);
    cr_expect_str_eq(t->main.call->branch[MANY - 1].as.text, "b9999");
    cr_expect_eq(t->main.call->branch[1].open.column, 30);
    tubei_text_free(t);
    free(text);
}

static const struct shape_good lets[] = {
    { "let x = file a\nx | print", "file{a}|print{}" },
    { "let x = file a | parse combined\nlet y = x | lines\n\ny|print",
      "file{a}|parse combined{}|lines{}|print{}" },
    /* A definition ends with its line, unless a bar or a parenthesis says it goes on. */
    { "let x = file a\n  # more\n\n  | lines # c\n| print\nx",
      "file{a}|lines{}|print{}" },
    { "let x =\n  file a |\n  lines\nx", "file{a}|lines{}" },
    { "let x = file [a,\n b]\nx", "file{[a][b]}" },
    { "let x = tee (\n print\n) | lines\nfile a | x",
      "file{a}|tee{}(print{})|lines{}" },
    { "let x = file a; let y = lines; ; x | y", "file{a}|lines{}" },
    { "let x = file a;x", "file{a}" },
    { "let x = where a = \"\\n;(\" and b = '('\nfile a | x|print",
      "file{a}|where{<a = \"\\n;(\" and b = '('@1:15>}|print{}" },
    { "let x = where (a = 1\n  or b = 2)\nfile a | x",
      "file{a}|where{<(a = 1\n  or b = 2)@1:15>}" },
    { "let x = file a # (not open\nx", "file{a}" },
    { "let x = file it's.log\nx # it's", "file{it's.log}" },
    /* In branches, more than once, as the head of a series and as its end. */
    { "let out = lines | print\nlet in = file a\nmerge (in) (in | out) | out",
      "merge{}(file{a})(file{a}|lines{}|print{})|lines{}|print{}" },
    { "let f = tee (print as=a) | print\nroute (when x | f) | print",
      "route{}(when <x@2:13>:tee{}(print{}!a)|print{})|print{}" },
    { "let a = print as=one\nlet b = a\nfile x", "file{x}" },
    { "set batch=1; let x = file a\nset depth=4\nx",
      "set batch=1;set depth=4;file{a}" },
    /* Lines of the pipeline that only look like a definition. */
    { "file a\n let\n letters", "file{a;let;letters}" },
    { "let set-up = file a\nset-up", "file{a}" },
};

Test(let, is_written_out, .timeout = 10)
{
    shape_expect(lets, sizeof(lets) / sizeof(lets[0]));
}

Test(let, copies_what_it_writes_out, .timeout = 10)
{
    tubei_report r = { 0 };
    tubei_text *t = tubei_text_parse("let a = tee (print) (tee (lines))\na | a | a",
                                     &shape_lookup, &r);
    tubei_call *one;
    tubei_call *two;

    cr_assert_not_null(t, "%s", r.first.message);
    cr_assert_eq(t->main.n, 3);
    one = &t->main.call[0];
    two = &t->main.call[1];
    cr_expect_neq(one->branch, two->branch);
    cr_expect_neq(one->branch[0].call, two->branch[0].call);
    cr_expect_neq(one->branch[1].call->branch, two->branch[1].call->branch);
    cr_expect_neq(one->branch[1].call->branch->call, two->branch[1].call->branch->call);
    cr_expect_str_eq(two->branch[1].call->branch->call->name.text, "lines");
    cr_expect_eq(two->name.line, 1);
    tubei_text_free(t);
}

static const struct shape_bad bad_lets[] = {
    { "let x = file a", "1:15+1 the pipeline is empty", NULL },
    { "let x = \nfile a\n", "3:1+1 the pipeline is empty", NULL },
    { "let x = ; file a", "1:5+1 the definition of 'x' is empty", "let NAME" },
    { "let x file a\nx", "1:7+1 a '=' should stand here", "let NAME" },
    { "let = file a\nfile b",
      "1:5+1 a name of letters, digits, _ and - should stand here", NULL },
    { "let a.b = file a\nfile b",
      "1:5+1 a name of letters, digits, _ and - should stand here", NULL },
    { "let file = lines\nfile a", "1:5+4 'file' is a stage already", "another name" },
    { "let parse = lines\nfile a", "1:5+5 'parse' is a stage already", NULL },
    { "let when = lines\nfile a", "1:5+4 'when' is a word of the language", NULL },
    { "let x = lines\nlet x = print\nx", "2:5+1 'x' is defined twice", "line 1" },
    { "let x = lines | x\nx", "1:17+1 'x' is used in its own definition", NULL },
    { "let x = y\nlet y = lines\nx", "1:9+1 'y' is used before its definition",
      "move 'let y" },
    { "x | print\n", "1:1+1 unknown stage 'x'", NULL },
    { "let outlets = lines\nfile a | outlest", "2:10+7 unknown stage 'outlest'",
      "did you mean 'outlets'?" },
    /* One word away from a definition is nearer than a word of another tool. */
    { "let outputs = lines\nfile a | output", "2:10+6 unknown stage 'output'",
      "did you mean 'outputs'?" },
    { "let x = lines\nfile a | x depth=3 | prnt",
      "2:12+1 'x' is a definition and takes no arguments\n2:22+4 unknown stage 'prnt'",
      "let x = ..." },
    { "let x = tee (print)\nfile a | x (print) | print",
      "2:12+1 'x' is a definition and takes no branches", NULL },
    { "let x = lines\nx)", "2:2+1 there is no '(' for this ')'", NULL },
    { "let x = file a)\nx", "1:15+1 there is no '(' for this ')'", NULL },
    { "let x = tee (print\nfile a | x", "1:13+1 the '(' here has no ')'", NULL },
    { "let x = file \"a\nfile b", "1:14+1 the string that begins here has no end",
      NULL },
    { "let x = file path=\nx", "1:19+1 a value is missing at the end of the definition",
      NULL },
    { "let x = file a | lines |\n", "1:24+1 a stage is missing behind '|'", NULL },
    /* One that is not used is checked too, and one that is wrong is known. */
    { "let x = prnt\nlet y = x | postgres tabel=a\nlet z = where\nfile a | y",
      "1:9+4 unknown stage 'prnt'\n2:22+5 postgres: unknown option 'tabel'\n"
      "3:9+5 where: option 'expr' is missing",
      NULL },
    { "let x = file a;b\nx", "1:16+1 unknown stage 'b'", NULL },
    { "let x = print as=a\nx | x", "1:18+1 two stages would have the name 'a'",
      "more than once" },
    { "let x = print as=a\nx | lines as=a", "2:14+1 two stages have the name 'a'",
      NULL },
    { "file a | print\nlet x = lines\n", "2:1+3 'let' stands before the pipeline only",
      "up" },
    { "file a\n set workers=4\n", "2:2+3 'set' stands before the pipeline only", "up" },
    { "set workers 4\nlet x file a\nx | prnt",
      "1:5+7 a setting is a name, '=' and a value\n2:7+1 a '=' should stand here\n"
      "3:5+4 unknown stage 'prnt'",
      NULL },
};

Test(let, tells_what_is_wrong_and_where, .timeout = 10)
{
    shape_refuse(bad_lets, sizeof(bad_lets) / sizeof(bad_lets[0]));
}

/* Definitions that double, and parentheses that add up, meet a limit. */
Test(let, is_bounded, .timeout = 20)
{
    char text[4096];
    size_t n = (size_t)snprintf(text, sizeof(text), "let a0 = print\n");
    tubei_report r = { 0 };

    for (int i = 1; i < 64; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "let a%d = a%d | a%d\n", i,
                              i - 1, i - 1);
    snprintf(text + n, sizeof(text) - n, "file x");
    cr_expect_null(tubei_text_parse(text, &shape_lookup, &r));
    cr_expect_eq(r.errors, 1, "%u", r.errors);
    cr_expect_not_null(strstr(r.first.message, "more than 262144 stages"), "%s",
                       r.first.message);
    r = (tubei_report){ 0 };
    n = (size_t)snprintf(text, sizeof(text), "let a0 = print\n");
    for (int i = 1; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "let a%d = tee (a%d)\n", i,
                              i - 1);
    snprintf(text + n, sizeof(text) - n, "file x");
    cr_expect_null(tubei_text_parse(text, &shape_lookup, &r));
    cr_expect_eq(r.first.line, TUBEI_DEEP + 2);
    cr_expect_not_null(strstr(r.first.message, "more than 32 parentheses"), "%s",
                       r.first.message);
}

/* Texts of nearly 1 MiB that are wrong all over, or hard to find the end of. */
Test(define, takes_no_time_for_a_long_text, .timeout = 10)
{
    static const struct {
        const char *first;
        const char *again;
        const char *last;
        unsigned errors;
    } texts[] = {
        { "a", "|a", "", TUBEI_ERRORS },
        { "tee(prnt)", "|tee(prnt)", "", TUBEI_ERRORS },
        { "let x = file a", "\n", "| print\nx", 0 },
        { "let x = where a = '", " '", "\nfile a", 0 },
        { "", "let x = prnt\n", "file a", TUBEI_ERRORS },
        { "let x = (", "\n#", "", 1 },
    };
    enum { LONG = (1 << 20) - 64 };
    char *text = malloc(LONG + 64);

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t n = (size_t)snprintf(text, LONG, "%s", texts[i].first);
        tubei_report r = { 0 };

        while (n < LONG)
            n += (size_t)snprintf(text + n, 32, "%s", texts[i].again);
        snprintf(text + n, 32, "%s", texts[i].last);
        tubei_text_free(tubei_text_parse(text, &shape_lookup, &r));
        cr_expect_eq(r.errors, texts[i].errors, "%zu: %u %s", i, r.errors,
                     r.first.message);
    }
    free(text);
}

static const struct shape_good records[] = {
    { "record r { ip inet }\nfile a", "record r ip:text/inet;file{a}" },
    { "record r{a text?;b bytes ?;c bool;d int;e float?;f time;g json;}\nfile a",
      "record r a:text? b:bytes? c:bool d:int e:float? f:time g:json;file{a}" },
    { "record r { # of\n  a cidr # x }\n  b uuid; c date\n\n}\n; file a",
      "record r a:text/cidr b:text/uuid c:text/date;file{a}" },
    { "record r { a int 100..599; b int? 0..; c text ..255; d float -0.5..1e3 }\nfile a",
      "record r a:int[100..599] b:int?[0..inf] c:text[-inf..255] d:float[-0.5..1000];"
      "file{a}" },
    { "record r { a bytes 1..1; b json 2..; c\nint ? -9007199254740992..-1 }\nfile a",
      "record r a:bytes[1..1] b:json[2..inf] c:int?[-9.0072e+15..-1];file{a}" },
    { "record r { \"a b\" int; `c\"` int }\nfile a",
      "record r a b:int c\":int;file{a}" },
    { "record r { a int }\nrecord s { a int }\n"
      "adapt r -> s = where a = 1 | lines\nadapt s->r = lines; file a",
      "record r a:int;record s a:int;adapt r>s where{<a = 1@3:22>}|lines{};"
      "adapt s>r lines{};file{a}" },
};

Test(record, is_read, .timeout = 10)
{
    setlocale(LC_ALL, "");
    shape_expect(records, sizeof(records) / sizeof(records[0]));
}

static const struct shape_bad bad_records[] = {
    { "record r { ip inett; b strng }\nfile a",
      "1:15+5 unknown type 'inett'\n1:24+5 unknown type 'strng'",
      "did you mean 'inet'?" },
    { "record r { ip }\nfile a", "1:15+1 field 'ip' has no type", "text, bytes" },
    { "record r { ip; b int }\nfile a", "1:14+1 field 'ip' has no type", NULL },
    { "record r { 7 int }\nfile a", "1:12+1 the name of a field should stand here",
      NULL },
    { "record r { \"\" int }\nfile a", "1:12+2 the name of a field should stand here",
      NULL },
    { "record r { a int; b int; a text }\nfile a",
      "1:26+1 two fields have the name 'a'", NULL },
    { "record r { a int b int }\nfile a", "1:18+1 a ';' is missing before 'b'", NULL },
    { "record r { a int 0..9? }\nfile a", "1:21+2 '9?' is no number", NULL },
    { "record r { a int 0..9 ? }\nfile a", "1:23+1 a ';' is missing before '?'",
      "behind the type" },
    { "record r { a int 5 }\nfile a", "1:18+1 '5' is no range", "lo..hi" },
    { "record r { a int .. }\nfile a", "1:18+2 '..' is no range", NULL },
    { "record r { a int 9..1 }\nfile a", "1:18+4 the range '9..1' is empty", NULL },
    { "record r { a int 0.5..1 }\nfile a", "1:18+3 '0.5' is no whole number", NULL },
    { "record r { a int 0..1e300 }\nfile a", "1:21+5 '1e300' is too large to be exact",
      NULL },
    { "record r { a float 0..1e999 }\nfile a", "1:23+5 '1e999' is no number", NULL },
    { "record r { a float 0x1..2 }\nfile a", "1:20+3 '0x1' is no number", NULL },
    { "record r { a float 1...5 }\nfile a", "1:23+2 '.5' is no number", NULL },
    { "record r { a float 1e+..5 }\nfile a", "1:20+3 '1e+' is no number", NULL },
    { "record r { a float 1,5..2 }\nfile a", "1:20+3 '1,5' is no number", NULL },
    { "record r { a text -1..2 }\nfile a", "1:19+2 '-1' is no length", "bytes" },
    { "record r { a time 1..2 }\nfile a", "1:19+4 type time takes no range", "int" },
    { "record r { a inet 1..2 }\nfile a", "1:19+4 type inet takes no range", NULL },
    { "record r { }\nfile a", "1:8+1 record 'r' has no fields", NULL },
    { "record r a int\nfile a", "1:10+1 a '{' should stand here", "record NAME" },
    { "record { a int }\nfile a",
      "1:8+1 a name of letters, digits, _ and - should stand here", NULL },
    { "record r { a int\nfile a", "1:10+1 the '{' here has no '}'", NULL },
    { "record r { a int\nrecord s { b int }\nfile a", "1:10+1 the '{' here has no '}'",
      NULL },
    { "record lines { a int }\nfile a",
      "1:8+5 records of lines are called 'lines' already", NULL },
    { "record r { a int }\nrecord r { b int }\nfile a",
      "2:8+1 record 'r' is declared twice", NULL },
    { "record r { a int }\nadapt r -> s = lines\nfile a",
      "2:12+1 there is no record 's'", "declare it" },
    { "record r { a int }\nadapt r -> s = lines\nrecord s { a int }\nfile a",
      "2:12+1 there is no record 's'", "move 'record s' up" },
    { "record r { a int }\nadapt r -> r = lines\nfile a",
      "2:7+1 'r' needs no adapter to itself", NULL },
    { "record r { a int }\nrecord s { a int }\nadapt r -> s = lines\n"
      "adapt r -> s = prnt\nfile a",
      "4:7+1 there is an adapter r -> s already\n4:16+4 unknown stage 'prnt'", NULL },
    { "record r { a int }\nrecord s { a int }\nadapt r s = lines\nfile a",
      "3:9+1 a '->' should stand here", "adapt FROM" },
    { "record r { a int }\nrecord s { a int }\nadapt r -> s lines\nfile a",
      "3:14+1 a '=' should stand here", NULL },
    { "record r { a int }\nrecord s { a int }\nadapt r -> s =;\nfile a",
      "3:12+1 the definition of 's' is empty", NULL },
    { "record r { a int }\nrecord s { a int }\nadapt r -> s = inlet | lines\nfile a",
      "3:16+5 'inlet' is a source and cannot stand in an adapter", NULL },
    { "record r { a int }\nrecord s { a int }\nadapt r -> s = lines | outlet\nfile a",
      "3:24+6 'outlet' is a sink and cannot stand in an adapter", NULL },
    { "record r { a int }\nrecord s { a int }\nadapt r -> s = tee (lines as=x)\nfile a",
      "3:21+5 'lines' has a name and stands in an adapter", "more than once" },
};

Test(record, tells_what_is_wrong_and_where, .timeout = 10)
{
    shape_refuse(bad_records, sizeof(bad_records) / sizeof(bad_records[0]));
}

Test(record, has_at_most_1600_fields, .timeout = 10)
{
    enum { MOST = 1600, EACH = 16 };
    char *text = calloc(MOST + 3, EACH);

    for (size_t more = 0; more < 2; more++) {
        size_t n = (size_t)snprintf(text, EACH, "record r {");
        tubei_report r = { 0 };
        tubei_text *t;

        for (size_t i = 0; i < MOST + more; i++)
            n += (size_t)snprintf(text + n, EACH, "f%zu int;", i);
        snprintf(text + n, EACH, "}\nfile a");
        t = tubei_text_parse(text, &shape_lookup, &r);
        cr_expect_eq(t != NULL, more == 0, "%s", r.first.message);
        if (t != NULL)
            cr_expect_eq(t->record->n, MOST);
        else
            cr_expect_str_eq(r.first.message, "a record has at most 1600 fields");
        tubei_text_free(t);
    }
    free(text);
}

static const struct {
    const char *text;
    const char *want; /* shape, or message */
} parts[] = {
    { "file b | lines as=b", "file{b}|lines{}!b" },
    { "twice | print", "lines{}|tee{}(lines{})|print{}" },
    { "named", "two stages would have the name 'a'" },
    { "other", "print{}!o" },
    { "other | other", "two stages would have the name 'o'" },
    { "print as=a", "two stages have the name 'a'" },
    { "print as=n | print as=n", "two stages have the name 'n'" },
    { "let x = file a\nx", "'let' cannot stand here" },
    { "set workers=4\nfile a", "'set' cannot stand here" },
    { "record r { a int }\nfile a", "'record' cannot stand here" },
    { "", "the pipeline is empty" },
    { "twcie", "unknown stage 'twcie'" },
};

Test(part, may_use_what_the_text_defined, .timeout = 10)
{
    tubei_report r = { 0 };
    tubei_text *base =
        tubei_text_parse("let twice = lines | tee (lines)\n"
                         "let named = print as=a\nlet other = print as=o\n"
                         "file a as=f | tee (named)",
                         &shape_lookup, &r);

    cr_assert_not_null(base, "%s", r.first.message);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char got[512] = "";
        tubei_text *t;

        r = (tubei_report){ 0 };
        t = tubei_text_parse_part(parts[i].text, &shape_lookup, base, &r);
        if (t != NULL)
            shape(t, got, sizeof(got));
        cr_expect_eq(t == NULL, r.errors == 1);
        cr_expect_str_eq(t != NULL ? got : r.first.message, parts[i].want, "%s: %s %s",
                         parts[i].text, got, r.first.message);
        tubei_text_free(t);
    }
    r = (tubei_report){ 0 };
    cr_expect_null(tubei_text_parse_part("twcie", &shape_lookup, base, &r));
    cr_expect_not_null(strstr(r.first.hint, "'twice'"), "%s", r.first.hint);
    r = (tubei_report){ 0 };
    cr_expect_null(tubei_text_parse_part("twice", &shape_lookup, NULL, &r));
    tubei_text_free(base);
}

/* Every text with one byte changed or cut ends without a crash and with few messages; the
 * sanitizers look on. */
Test(define, survives_damage, .timeout = 60)
{
    static const char text[] =
        "set a=1; let x = tee (print | x) # c\n | where (a = 'b;')\n"
        "record r { a int? 0..9; \"b\" text }\nrecord s{a inet\n}\n"
        "adapt r -> s = lines | x\n"
        "route queue=4 (when a = 1 | x) (as b) (otherwise | print as=p) | x\n"
        "| merge (file a [b]) | where fail=skip a = \"1\" | parallel 2 (lines) n=3";
    static const char with[] = "\"`'|()[]{}=,;$#\n\\ ?.a->";
    char copy[sizeof(text)];
    tubei_text *t;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (size_t k = 0; k < sizeof(with); k++) {
            tubei_report r = { 0 };

            memcpy(copy, text, sizeof(text));
            copy[i] = with[k];
            t = tubei_text_parse(copy, &shape_lookup, &r);
            cr_expect_eq(t == NULL, r.errors > 0);
            cr_expect_leq(r.errors, TUBEI_ERRORS);
            tubei_text_free(t);
        }
    }
}
