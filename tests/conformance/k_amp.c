/* SPDX-License-Identifier: MIT */
/* k_amp.c -- K25, F23: AMP byte for byte, against a peer that knows nothing of tubes.
 *
 * The vectors are what Twisted 24.7 sent and received.
 */
#include "k_amp.h"

/* The sink calls. */

#define CALLS(n, more) "src 1 n=" n " from=13 batch=4 | call @ Sum fields=[n:int] " more

/* Sum(n=N) with a tag. */
static size_t
call_of(char *to, const char *tag, int n)
{
    char number[16];
    int digits = snprintf(number, sizeof(number), "%d", n);
    size_t len = strlen(tag);

    memcpy(to, "\0\4_ask\0", 7);
    to[7] = (char)len;
    memcpy(to + 8, tag, len);
    memcpy(to + 8 + len, "\0\10_command\0\3Sum\0\1n\0", 19);
    to[27 + len] = (char)digits;
    memcpy(to + 28 + len, number, (size_t)digits);
    memcpy(to + 28 + len + (size_t)digits, "\0", 2);
    return 30 + len + (size_t)digits;
}

static void
hear_call(tube_pipeline *p, const char *tag, int n)
{
    char want[64];

    hear_exactly(p, want, call_of(want, tag, n));
}

static void
answer(const char *tag)
{
    char box[64];
    size_t len = strlen(tag);

    memcpy(box, "\0\7_answer\0", 10);
    box[10] = (char)len;
    memcpy(box + 11, tag, len);
    memcpy(box + 11 + len, "\0", 2);
    say(box, 13 + len);
}

static void
refuse(const char *tag, const char *more, size_t n)
{
    char box[256];

    memcpy(box, "\0\6_error\0\1", 10);
    box[10] = tag[0];
    memcpy(box + 11, more, n);
    say(box, 11 + n);
}

static tube_pipeline *
start_calls(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p;

    listen_for();
    p = start(o, text);
    conform_until(p, has_caller, NULL);
    return p;
}

static void
calls_sum(const tube_pipeline_opts *o)
{
    static const char line[] = "{\"a\":13,\"b\":81}\n";
    tube_pipeline *p;
    char text[200];
    char file[80];
    int fd;

    listen_for();
    (void)snprintf(file, sizeof(file), "%s.json", path);
    fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(write(fd, line, sizeof(line) - 1), (ssize_t)sizeof(line) - 1);
    (void)close(fd);
    (void)snprintf(text, sizeof(text),
                   "file %s | parse json types=[b:int, a:int] | call @ Sum", file);
    p = start(o, text);
    conform_until(p, has_caller, NULL);
    HEAR(p, sum);
    cr_assert_eq(conform_counts(p).committed, 0, "not before the answer");
    SAY(total);
    finish(p, 1, 0);
    (void)unlink(file);
}

/* covers: AMP-1, AMP-4 */
Test(K25, a_call_and_its_answer_are_the_golden_vectors, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(calls_sum);
}

static const char *const tags[] = { "1", "2", "3", "4", "5", "6", "7",  "8", "9",
                                    "a", "b", "c", "d", "e", "f", "10", "11" };

static void
counts_tags(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_calls(o, CALLS("17", "window=17"));

    for (int i = 0; i < 17; i++)
        hear_call(p, tags[i], 13 + i);
    for (int i = 16; i >= 0; i--) /* in any order */
        answer(tags[i]);
    finish(p, 17, 0);
}

/* covers: AMP-5, AMP-13 */
Test(K25, tags_count_up_in_hexadecimal, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(counts_tags);
}

static void
keeps_window(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_calls(o, CALLS("5", "window=2"));
    char third[64];

    hear_call(p, "1", 13);
    hear_call(p, "2", 14);
    conform_quiet(p);
    (void)has_bytes(NULL);
    cr_assert_eq(peer.n, 0, "a third call");
    answer("2");
    hear_call(p, "3", 15);
    answer("1");
    answer("3");
    hear(p, 2 * call_of(third, "4", 16));
    answer("4");
    answer("5");
    finish(p, 5, 0);
}

/* covers: AMP-13 */
Test(K25, no_more_calls_are_open_than_the_window_has, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(keeps_window);
}

static void
is_refused(const tube_pipeline_opts *o)
{
    static const char zero[] = "\0\13_error_code\0\15ZERO_DIVISION"
                               "\0\22_error_description\0\11b is zero\0";
    static const char unique[] = "\0\13_error_code\0\10REJECTED\0\22_error_description"
                                 "\0\5twice\0\10sqlstate\0\5"
                                 "23505\0";
    tube_pipeline *p = start_calls(o, CALLS("3", ""));

    hear_call(p, "1", 13);
    hear_call(p, "2", 14);
    hear_call(p, "3", 15);
    refuse("2", zero, sizeof(zero));
    refuse("1", unique, sizeof(unique));
    answer("3");
    finish(p, 1, 2);
    cr_assert(strstr(rejects, "ZERO_DIVISION: b is zero;") != NULL, "%s", rejects);
    cr_assert(strstr(rejects, "23505 REJECTED: twice;") != NULL, "%s", rejects);
}

/* covers: AMP-8, AMP-10 */
Test(K25, an_error_answer_rejects_its_record_with_its_words, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(is_refused);
}

static void
is_lost(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_calls(o, CALLS("4", "window=3"));

    hear_call(p, "1", 13);
    hear_call(p, "2", 14);
    hear_call(p, "3", 15);
    answer("2");
    hear_call(p, "4", 16);
    hang_up();
    conform_until(p, has_caller, NULL);
    /* One alone, till it is known that it is not what costs the connections. */
    hear_call(p, "1", 13);
    conform_quiet(p);
    (void)has_bytes(NULL);
    cr_assert_eq(peer.n, 0, "a second call");
    answer("1");
    hear_call(p, "2", 15);
    hear_call(p, "3", 16);
    answer("2");
    answer("3");
    finish(p, 4, 0);
}

/* covers: AMP-12 */
Test(K25, what_a_lost_connection_did_not_answer_is_called_for_again,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(is_lost);
}

/* covers: AMP-12 */
Test(K25, a_call_that_costs_every_connection_is_rejected_alone,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p;

    conform_reset();
    p = start_calls(TUBE_PIPELINE_OPTS(.workers = 1), CALLS("3", "tries=3"));
    for (int i = 0; i < 3; i++) {
        hear_call(p, "1", 13);
        hang_up();
        conform_until(p, has_caller, NULL);
    }
    hear_call(p, "1", 14);
    hear_call(p, "2", 15);
    answer("1");
    answer("2");
    finish(p, 2, 1);
    cr_assert(strstr(rejects, "lost 3 times over this call") != NULL, "%s", rejects);
}

/* covers: AMP-2 */
Test(K25, a_responder_that_speaks_something_else_is_hung_up_on,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p;

    conform_reset();
    p = start_calls(TUBE_PIPELINE_OPTS(.workers = 1), CALLS("1", ""));
    hear_call(p, "1", 13);
    SAY("HTTP/1.1 400 Bad Request");
    hear(p, 1);
    cr_assert(peer.over);
    hang_up();
    conform_until(p, has_caller, NULL);
    hear_call(p, "1", 13);
    answer("1");
    warned(p, "no AMP");
    finish(p, 1, 0);
}

/* The source is called. */

#define SERVER "amp @ Sum fields=[a:int, b:int?] box=64k | sink 9 gate=yes as=s"

static tube_pipeline *
start_server(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p;

    (void)new_path();
    p = start(o, text);
    connect_to();
    return p;
}

static void
takes_any_pieces(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_server(o, SERVER);

    for (size_t step = 1; step < sizeof(plain); step += 5)
        for (size_t at = 0; at < sizeof(plain); at += step) {
            say(plain + at, at + step < sizeof(plain) ? step : sizeof(plain) - at);
            conform_quiet(p);
        }
    conform_until_rows(p, 9, 6);
    tube_drain(p);
    cr_assert_str_eq(conform_log(9, "rows"), "13 13 13 13 13 13");
    finish(p, 6, 0);
}

/* covers: AMP-1, AMP-11 */
Test(K25, a_call_in_any_pieces_is_a_record, .timeout = CONFORM_SECONDS)
{
    conform_reset();
    takes_any_pieces(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = 1));
    conform_reset();
    takes_any_pieces(TUBE_PIPELINE_OPTS(.workers = 2));
}

/* Calls that nobody waits for: what is wrong with them is known from the rejects. */
static void
checks_arguments(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_server(o, SERVER);

    SAY("\0\10_command\0\3Sum\0\1a\0\3"
        "1x2\0");
    SAY("\0\10_command\0\3Sum\0\1b\0\1"
        "1\0");
    SAY("\0\10_command\0\3Sum\0\1a\0\5 1_0 \0\5other\0\1x\0");
    SAY("\0\10_command\0\3Sum\0\1a\0\1"
        "1\0\1a\0\1"
        "2\0");
    conform_until_rows(p, 9, 2);
    cr_assert_str_eq(conform_log(9, "rows"), "10 2");
    tube_drain(p);
    finish(p, 2, 2);
    cr_assert_str_eq(rejects, "argument 'a': '1x2' is no Integer;"
                              "argument 'a': is missing;");
}

/* covers: AMP-8, AMP-14, AMP-15 */
Test(K25, arguments_are_read_as_twisted_does_and_unknown_ones_passed_over,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(checks_arguments);
}

static const char unhandled[] = "\0\6_error\0\1"
                                "1\0\13_error_code\0\11UNHANDLED\0\22_error_description"
                                "\0\33Unhandled Command: b\"No'\\n\"\0";

static void
does_not_know(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_server(o, SERVER);

    SAY("\0\10_command\0\4No'\n\0\4_ask\0\1"
        "1\0");
    HEAR(p, unhandled);
    SAY("\0\10_command\0\2No\0"); /* nobody waits for that */
    SAY(plain);
    conform_until_rows(p, 9, 1);
    warned(p, "nobody takes the command 'No'");
    tube_drain(p);
    finish(p, 1, 0);
}

/* covers: AMP-9 */
Test(K25, an_unknown_command_is_answered_unhandled_and_the_connection_stays,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(does_not_know);
}

static void
hung_up(tube_pipeline *p, const char *bytes, size_t n, const char *why)
{
    say(bytes, n);
    hear(p, 1);
    cr_assert(peer.over && peer.n == 0);
    warned(p, why);
    hang_up();
    connect_to();
}

/* covers: AMP-2, AMP-6 */
Test(K25, what_is_no_amp_is_hung_up_on_and_others_go_on, .timeout = CONFORM_SECONDS)
{
    static char large[70000];
    tube_pipeline *p;

    conform_reset();
    p = start_server(TUBE_PIPELINE_OPTS(.workers = 1), SERVER);
    hung_up(p, "GET / HTTP/1.1\r\n", 16, "a key of 18245 bytes");
    hung_up(p, "\0\1a\0\1x\1\0", 8, "a key of 256 bytes");
    hung_up(p, "\0\0", 2, "neither a call nor an answer");
    hung_up(p, "\0\1a\0\1x\0\0", 8, "neither a call nor an answer");
    memcpy(large, "\0\1a\377\377", 5);
    hung_up(p, large, sizeof(large), "too large");
    SAY(plain);
    conform_until_rows(p, 9, 1);
    tube_drain(p);
    finish(p, 1, 0);
}

/* covers: AMP-19 */
Test(K25, a_caller_that_leaves_in_the_middle_of_a_box_leaves_what_was_whole,
     .timeout = CONFORM_SECONDS)
{
    tube_pipeline *p;

    conform_reset();
    p = start_server(TUBE_PIPELINE_OPTS(.workers = 1), SERVER);
    SAY(plain);
    say(plain, 20);
    hang_up();
    conform_until_rows(p, 9, 1);
    warned(p, "in the middle of a box");
    tube_drain(p);
    finish(p, 1, 0);
}

static const char committed[] = "\0\7_answer\0\1"
                                "1\0\7outcome\0\11committed\0";

static void
answers_behind_commit(const tube_pipeline_opts *o)
{
    tube_pipeline *p;

    (void)new_path();
    conform_gate(9, true);
    p = start(o, SERVER);
    connect_to();
    SAY(sum);
    conform_quiet(p);
    (void)has_bytes(NULL);
    cr_assert_eq(peer.n, 0, "an answer before the record was stored");
    conform_gate(9, false);
    HEAR(p, committed);
    tube_drain(p);
    finish(p, 1, 0);
}

/* covers: AMP-1, AMP-4 */
Test(K25, a_call_is_answered_when_its_record_is_committed, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(answers_behind_commit);
}

static const char refused[] = "\0\6_error\0\1"
                              "2\0\13_error_code\0\10REJECTED\0\22_error_description"
                              "\0\42argument 'a': 'many' is no Integer\0";

static void
tells_the_reason(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_server(o, SERVER);

    SAY("\0\4_ask\0\1"
        "2\0\10_command\0\3Sum\0\1a\0\4many\0");
    HEAR(p, refused);
    SAY(sum); /* the connection stays */
    HEAR(p, committed);
    tube_drain(p);
    finish(p, 1, 1);
}

/* covers: AMP-8 */
Test(K25, an_error_answer_carries_the_reason_of_the_reject, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(tells_the_reason);
}

static void
drains(const tube_pipeline_opts *o)
{
    tube_pipeline *p;

    (void)new_path();
    conform_gate(9, true);
    p = start(o, SERVER);
    connect_to();
    SAY(sum);
    conform_quiet(p);
    tube_drain(p);
    conform_quiet(p);
    conform_gate(9, false);
    HEAR(p, committed);
    hear(p, 1);
    cr_assert(peer.over, "the connection is closed behind the last answer");
    finish(p, 1, 0);
}

/* covers: AMP-12 */
Test(K25, a_drain_answers_what_was_taken, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(drains);
}

static void
leaves(const tube_pipeline_opts *o)
{
    tube_pipeline *p;

    (void)new_path();
    conform_gate(9, true);
    p = start(o, SERVER);
    connect_to();
    SAY(sum);
    conform_quiet(p);
    hang_up();
    connect_to();
    SAY(sum);
    conform_gate(9, false);
    HEAR(p, committed);
    tube_drain(p);
    finish(p, 2, 0);
}

/* covers: AMP-12 */
Test(K25, a_caller_that_is_gone_misses_its_answer_and_no_other,
     .timeout = CONFORM_SECONDS)
{
    conform_each_mode(leaves);
}

/* F23 */

static void
knows_no_tag(const tube_pipeline_opts *o)
{
    static const char *const wrong[] = {
        "3", "0", "01", "A", "-1", "1 ", "", "ffffffffffffffff", "10000000000000001"
    };
    tube_pipeline *p = start_calls(o, CALLS("2", ""));

    hear_call(p, "1", 13);
    hear_call(p, "2", 14);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        answer(wrong[i]);
    answer("1");
    answer("1");
    warned(p, "a call that is not open, tag '3'");
    conform_quiet(p);
    cr_assert_eq(conform_counts(p).committed, 0, "2 is open");
    answer("2");
    finish(p, 2, 0);
}

/* covers: AMP-7 */
Test(F23, answers_to_no_call_hurt_no_other, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(knows_no_tag);
}

static void
asked_nothing(const tube_pipeline_opts *o)
{
    tube_pipeline *p = start_server(o, SERVER);

    SAY(total);
    SAY("\0\6_error\0\1"
        "1\0");
    SAY(plain);
    conform_until_rows(p, 9, 1);
    warned(p, "nothing was asked");
    tube_drain(p);
    finish(p, 1, 0);
}

/* covers: AMP-7 */
Test(F23, an_answer_to_who_asked_nothing_is_passed_over, .timeout = CONFORM_SECONDS)
{
    conform_each_mode(asked_nothing);
}
