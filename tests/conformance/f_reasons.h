/* SPDX-License-Identifier: MIT */
/* f_reasons.h -- why something ended: what the tests of F and N ask again and again. */
#ifndef TUBES_TESTS_F_REASONS_H
#define TUBES_TESTS_F_REASONS_H

#include "conform.h"

#include <string.h>

#define MS     ((uint64_t)1000000)
#define SECOND ((uint64_t)1000000000)
#define WHOLE  ((tube_ref){ 0 })

/* Of something that has ended. */
static inline tube_reason
reason_of(const tube_pipeline *p, tube_ref ref)
{
    tube_reason r = { 0 };

    cr_assert_eq(tube_reason_of(p, ref, &r), TUBE_OK, "no reason: not ended, or stale");
    return r;
}

static inline tube_cause
cause_at(const tube_pipeline *p, tube_ref ref, uint32_t i)
{
    tube_cause c = { 0 };

    cr_assert_eq(tube_cause_of(p, ref, i, &c), TUBE_OK, "no cause %u", i);
    return c;
}

/* It ended for one cause only, of this kind, which began at `from`. */
static inline tube_cause
only_cause(const tube_pipeline *p, tube_ref ref, tube_stop kind, tube_ref from)
{
    tube_reason r = reason_of(p, ref);
    tube_cause c;

    cr_assert_eq(r.n_causes, 1, "%u causes, wanted one", r.n_causes);
    cr_assert_eq(r.kind, kind, "kind %d, wanted %d", (int)r.kind, (int)kind);
    cr_assert_eq(r.count[kind], 1);
    c = cause_at(p, ref, 0);
    cr_assert_eq(c.kind, kind);
    cr_assert_eq(c.stage.id, from.id, "it began at '%s'", c.name);
    cr_assert_eq(r.headline, c.sequence);
    return c;
}

/* Of several causes, the one that began at `from`; fails if there is none, or two. */
static inline tube_cause
cause_from(const tube_pipeline *p, tube_ref ref, tube_ref from)
{
    tube_reason r = reason_of(p, ref);
    tube_cause found = { 0 };
    int n = 0;

    for (uint32_t i = 0; i < r.n_causes; i++) {
        tube_cause c = cause_at(p, ref, i);

        if (c.stage.id == from.id) {
            found = c;
            n++;
        }
    }
    cr_assert_eq(n, 1, "%d causes from that stage", n);
    return found;
}

typedef struct ended_arg {
    const tube_pipeline *p;
    tube_ref ref;
} ended_arg;

static inline bool
ended_is(void *arg)
{
    const ended_arg *e = arg;
    tube_reason r;

    return tube_reason_of(e->p, e->ref, &r) != TUBE_AGAIN;
}

/* Let it run until this stage has ended. */
static inline void
until_ended(tube_pipeline *p, tube_ref ref)
{
    ended_arg e = { p, ref };

    conform_until(p, ended_is, &e);
}

static inline bool
finished_is(void *arg)
{
    const _Atomic int64_t *n = arg;

    return atomic_load(n) > 0;
}

/* Let it run until a stage of `id` has finished. */
static inline void
until_finished(tube_pipeline *p, int id)
{
    conform_until(p, finished_is, &conform.at[id].finished);
}

/* How often the word is in a log. */
static inline int
times_in(const char *log, const char *word)
{
    size_t len = strlen(word);
    int n = 0;

    for (const char *at = log; (at = strstr(at, word)) != NULL; at += len)
        n += (at == log || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0');
    return n;
}

static inline bool
ends_in(const char *log, const char *word)
{
    size_t a = strlen(log), b = strlen(word);

    return a >= b && strcmp(log + a - b, word) == 0;
}

/* A watcher, and what it was told. */
typedef struct heard {
    _Atomic int calls;
    tube_reason reason;
} heard;

static inline void
hear(void *arg, const tube_reason *r)
{
    heard *h = arg;

    h->reason = *r;
    atomic_fetch_add(&h->calls, 1);
}

/* "0 1 2 ... n-1" as a log shows it; valid until the next call. */
static inline const char *
numbers(int from, int n, const char *before, const char *behind)
{
    static _Thread_local char text[8192];
    size_t at = 0;

    at += (size_t)snprintf(text, sizeof(text), "%s", before);
    for (int i = 0; i < n && at < sizeof(text); i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d", at == 0 ? "" : " ",
                               from + i);
    if (at < sizeof(text))
        (void)snprintf(text + at, sizeof(text) - at, "%s%s",
                       at == 0 || behind[0] == '\0' ? "" : " ", behind);
    return text;
}

#endif /* TUBES_TESTS_F_REASONS_H */
