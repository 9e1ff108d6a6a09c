/* SPDX-License-Identifier: MIT */
/* conform.c -- see conform.h. */
#include "conform.h"

#include "conform_stages.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STEPS = 2000000, TEXTS = 4, TEXT_BYTES = 1 << 20, NAMES = 10 };

typedef struct word {
    int id;
    char what;
    int64_t value;
} word;

conform_world conform;

static pthread_mutex_t words_lock = PTHREAD_MUTEX_INITIALIZER;
static word *words;
static size_t n_words, room_words;

void
conform_note(int id, char what, int64_t value)
{
    (void)pthread_mutex_lock(&words_lock);
    if (n_words == room_words) {
        room_words = room_words * 2 + 4096;
        words = realloc(words, room_words * sizeof(*words));
        if (words == NULL)
            abort();
    }
    words[n_words++] = (word){ id, what, value };
    (void)pthread_mutex_unlock(&words_lock);
}

const char *
conform_callback(int bad)
{
    static const char *const names[NAMES] = { "none",    "open",   "greet",
                                              "process", "middle", "wake",
                                              "finish",  "ended",  "reassemble" };

    return names[bad];
}

void
conform_reset(void)
{
    for (int i = 0; i < CONFORM_IDS; i++) {
        if (conform.at[i].fd > 0)
            (void)close(conform.at[i].fd);
        memset((void *)&conform.at[i], 0, sizeof(conform.at[i]));
        conform.at[i].fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        cr_assert_gt(conform.at[i].fd, 0);
    }
    conform.hook = NULL;
    n_words = 0;
}

/* In a test that is not run by conform_each_mode(). */
static void
prepare(void)
{
    if (conform.at[0].fd == 0)
        conform_reset();
}

/* Pipelines. */

static void
define(tube_pipeline *p)
{
    const tube_stage_def *const defs[] = { &conform_src, &conform_pass, &conform_emit,
                                           &conform_hoard, &conform_sink };
    tube_error err = { 0 };

    for (size_t i = 0; i < sizeof(defs) / sizeof(defs[0]); i++)
        cr_assert_eq(tube_define(p, defs[i], &err), TUBE_OK, "%s", err.message);
}

tube_pipeline *
conform_new_with(const tube_pipeline_opts *o, const tube_stage_def *more, size_t n,
                 const char *text)
{
    const tube_pipeline_opts *plain =
        TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = 1);
    tube_error err = { 0 };
    tube_pipeline *p;

    prepare();
    conform.caller = o == NULL || o->workers == TUBE_CALLER;
    p = tube_pipeline_new(o != NULL ? o : plain, &err);
    cr_assert_not_null(p, "%s", err.message);
    define(p);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(tube_define(p, &more[i], &err), TUBE_OK, "%s", err.message);
    cr_assert_eq(tube_series(p, text, &err), TUBE_OK, "%s: %s", text, err.message);
    return p;
}

tube_pipeline *
conform_new(const tube_pipeline_opts *o, const char *text)
{
    return conform_new_with(o, NULL, 0, text);
}

void
conform_go(tube_pipeline *p)
{
    tube_error err = { 0 };
    tube_status st = tube_start(p, &err);

    cr_assert_eq(st, TUBE_OK, "tube_start: %d %s: %s", (int)st, err.stage, err.message);
}

tube_pipeline *
conform_start(const tube_pipeline_opts *o, const char *text)
{
    tube_pipeline *p = conform_new(o, text);

    conform_go(p);
    return p;
}

tube_error
conform_refused(const char *text)
{
    tube_error err = { 0 };
    tube_pipeline *p = tube_pipeline_new(NULL, &err);
    tube_status st;

    prepare();
    cr_assert_not_null(p);
    define(p);
    st = tube_series(p, text, &err);
    if (st == TUBE_OK)
        st = tube_open(p, &err);
    cr_assert_neq(st, TUBE_OK, "%s: was accepted", text);
    tube_pipeline_free(p);
    return err;
}

/* Running. */

tube_status
conform_step(tube_pipeline *p)
{
    tube_status st = tube_step(p);

    conform_accounts(p);
    return st;
}

/* A sum that changes whenever something happens. */
static uint64_t
motion(const tube_pipeline *p)
{
    tube_counts c = conform_counts(p);
    uint64_t sum = c.read + c.committed + c.broken + c.filtered + c.in_flight;

    for (uint32_t i = 0; i < tube_stage_count(p); i++) {
        tube_stage_stats st;

        tube_stats_stage(p, i, &st);
        sum += st.activations;
    }
    (void)pthread_mutex_lock(&words_lock);
    sum += n_words;
    (void)pthread_mutex_unlock(&words_lock);
    return sum;
}

void
conform_quiet(tube_pipeline *p)
{
    uint64_t end = tube_now() + CONFORM_DEADLINE, since = tube_now(), last = motion(p);

    if (conform.caller) {
        for (int i = 0; conform_step(p) == TUBE_OK; i++)
            cr_assert_lt(i, STEPS, "no rest after %d steps", i);
        return;
    }
    while (tube_now() < since + 50000000u) {
        uint64_t now = motion(p);

        cr_assert(tube_now() < end, "no rest in 20 s");
        if (now != last)
            since = tube_now();
        last = now;
        (void)usleep(2000);
    }
}

void
conform_until(tube_pipeline *p, bool (*is)(void *arg), void *arg)
{
    for (uint64_t end = tube_now() + CONFORM_DEADLINE; !is(arg);) {
        cr_assert(tube_now() < end, "not in 20 s");
        if (!conform.caller || conform_step(p) != TUBE_OK)
            (void)usleep(300);
    }
}

typedef struct enough {
    int id;
    int64_t rows;
} enough;

static bool
has_rows(void *arg)
{
    const enough *e = arg;

    return conform.at[e->id].rows >= e->rows;
}

void
conform_until_rows(tube_pipeline *p, int id, int64_t rows)
{
    enough e = { id, rows };

    conform_until(p, has_rows, &e);
}

tube_error
conform_finish(tube_pipeline *p, tube_status want)
{
    tube_error err = { 0 };
    uint64_t end = tube_now() + CONFORM_DEADLINE;
    tube_status st;
    tube_counts c;

    while (conform.caller && (st = conform_step(p)) != TUBE_END) {
        cr_assert(tube_now() < end, "not done in 20 s");
        if (st == TUBE_AGAIN)
            (void)usleep(300);
    }
    st = tube_wait(p, CONFORM_DEADLINE, &err);
    cr_assert_eq(st, want, "ended with %d, not %d: %s: %s", (int)st, (int)want,
                 err.stage, err.message);
    conform_accounts(p);
    c = conform_counts(p);
    cr_assert_eq(c.in_flight, 0, "%ju in flight", (uintmax_t)c.in_flight);
    cr_assert_eq(c.memory, 0, "%ju bytes in use", (uintmax_t)c.memory);
    return err;
}

static void
run_with(const tube_pipeline_opts *o, void (*body)(const tube_pipeline_opts *o))
{
    conform_reset();
    body(o);
}

void
conform_each_seed(uint32_t seeds, void (*body)(const tube_pipeline_opts *o))
{
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run_with(TUBE_PIPELINE_OPTS(.workers = TUBE_CALLER, .seed = seed), body);
}

void
conform_each_mode(void (*body)(const tube_pipeline_opts *o))
{
    conform_each_seed(8, body);
    for (int32_t workers = 1; workers <= 4; workers *= 2)
        run_with(TUBE_PIPELINE_OPTS(.workers = workers), body);
}

/* Words for the stages. */

static void
tell(int id)
{
    uint64_t one = 1;

    cr_assert_eq(write(conform.at[id].fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

void
conform_feed(int id, int64_t rows)
{
    prepare();
    atomic_fetch_add(&conform.at[id].fed, rows);
    tell(id);
}

void
conform_end(int id)
{
    prepare();
    atomic_store(&conform.at[id].end, true);
    tell(id);
}

void
conform_break(int id)
{
    prepare();
    atomic_store(&conform.at[id].broken, true);
    tell(id);
}

void
conform_gate(int id, bool shut)
{
    if (conform.at[id].fd == 0)
        conform_reset();
    atomic_store(&conform.at[id].gate, shut);
    tell(id);
}

void
conform_let(int id, int64_t batches)
{
    prepare();
    atomic_fetch_add(&conform.at[id].let, batches);
    tell(id);
}

/* The log. */

static char *
next_text(void)
{
    static char *text[TEXTS];
    static unsigned turn;
    unsigned i = turn++ % TEXTS;

    if (text[i] == NULL)
        text[i] = malloc(TEXT_BYTES);
    cr_assert_not_null(text[i]);
    text[i][0] = '\0';
    return text[i];
}

static const char *
word_text(char what)
{
    switch (what) {
    case 'o': return "open";
    case 'g': return "greet";
    case 'f': return "finish";
    case 'l': return "flush";
    case 'a': return "reassemble";
    case 'c': return "close";
    default: return "/";
    }
}

static bool
word_wanted(char what, const char *kinds)
{
    return strchr(kinds, what) != NULL;
}

static const char *
render(int id, const char *kinds)
{
    char *text = next_text();
    size_t len = 0;

    (void)pthread_mutex_lock(&words_lock);
    for (size_t i = 0; i < n_words && len < TEXT_BYTES - 64; i++) {
        const word *w = &words[i];
        const char *gap = len > 0 ? " " : "";
        int n = 0;

        if ((id >= 0 && w->id != id) || !word_wanted(w->what, kinds))
            continue;
        if (id < 0)
            n = snprintf(text + len, TEXT_BYTES - len, "%s%d:", gap, w->id);
        else
            n = snprintf(text + len, TEXT_BYTES - len, "%s", gap);
        len += (size_t)n;
        if (w->what == 'r')
            n = snprintf(text + len, TEXT_BYTES - len, "%jd", (intmax_t)w->value);
        else
            n = snprintf(text + len, TEXT_BYTES - len, "%s", word_text(w->what));
        len += (size_t)n;
    }
    (void)pthread_mutex_unlock(&words_lock);
    return text;
}

const char *
conform_log(int id, const char *what)
{
    const char *kinds = "rogflac";

    if (what != NULL && strcmp(what, "rows") == 0)
        kinds = "r";
    else if (what != NULL && strcmp(what, "batches") == 0)
        kinds = "r/";
    else if (what != NULL)
        kinds = "rogfla";
    return render(id, kinds);
}

const char *
conform_log_all(void)
{
    return render(-1, "rogflac");
}

static int
by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void
conform_complete(int id, int64_t from, int64_t n, int64_t times)
{
    int64_t *row = malloc((n_words + 1) * sizeof(*row));
    size_t rows = 0;

    cr_assert_not_null(row);
    for (size_t i = 0; i < n_words; i++)
        if (words[i].id == id && words[i].what == 'r')
            row[rows++] = words[i].value;
    cr_assert_eq((int64_t)rows, n * times, "%zu rows, not %jd", rows,
                 (intmax_t)(n * times));
    qsort(row, rows, sizeof(*row), by_value);
    for (size_t i = 0; i < rows; i++)
        cr_assert_eq(row[i], from + (int64_t)i / times, "row %zu in order is %jd", i,
                     (intmax_t)row[i]);
    free(row);
}

/* Looking. */

tube_ref
conform_ref(const tube_pipeline *p, const char *name)
{
    tube_ref ref = tube_find(p, name);

    cr_assert_neq(ref.id, 0, "no stage '%s', or several", name);
    return ref;
}

tube_stop
conform_stop(const tube_pipeline *p, const char *name)
{
    tube_reason r = { 0 };
    tube_status st = tube_reason_of(p, conform_ref(p, name), &r);

    cr_assert(st == TUBE_OK || st == TUBE_AGAIN, "%s: %d", name, (int)st);
    return st == TUBE_OK ? r.kind : TUBE_STOP_NONE;
}

tube_stage_stats
conform_stats(const tube_pipeline *p, const char *name)
{
    tube_ref ref = conform_ref(p, name);
    tube_stage_stats st = { 0 };

    for (uint32_t i = 0; i < tube_stage_count(p); i++)
        if (tube_ref_at(p, i).id == ref.id)
            tube_stats_stage(p, i, &st);
    return st;
}

tube_counts
conform_counts(const tube_pipeline *p)
{
    tube_counts c;

    tube_stats(p, &c);
    return c;
}

void
conform_accounts(const tube_pipeline *p)
{
    tube_counts c = conform_counts(p);

    if (conform.caller)
        cr_assert_eq(
            c.read,
            c.committed + c.filtered + c.rejected + c.dropped + c.broken + c.in_flight,
            "read %ju, committed %ju, filtered %ju, rejected %ju, dropped %ju, "
            "broken %ju, in flight %ju",
            (uintmax_t)c.read, (uintmax_t)c.committed, (uintmax_t)c.filtered,
            (uintmax_t)c.rejected, (uintmax_t)c.dropped, (uintmax_t)c.broken,
            (uintmax_t)c.in_flight);
}
