/* SPDX-License-Identifier: MIT */
/* session.c -- see session.h. */
#include "session.h"

#include "out.h"
#include "progress.h"
#include "signals.h"
#include "summary.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_LONGEST = 1 << 20,
    TICK_NS = 200000000, /**< between two looks at the progress line */
};

static void
session_on_reject(void *arg, const tube_reject_info *info)
{
    struct cli_session *s = arg;

    /* Nothing may count as rejected that is written nowhere. */
    if (!cli_rejects_add(&s->rejects, info))
        tube_abort(s->p);
}

static void
session_on_warn(void *arg, const char *line)
{
    (void)arg;
    cli_say("warning: %s", line);
}

static void
session_on_error(void *arg, const tube_error *e)
{
    struct cli_session *s = arg;

    s->told++;
    cli_report(e, &s->source);
}

static int
session_failed(struct cli_session *s)
{
    int status = cli_status(&s->error, s->running);

    if (s->told == 0)
        cli_report(&s->error, &s->source);
    if (s->o->json) {
        printf("{\"exit\":%d,\"error\":", status);
        cli_report_json(stdout, &s->error, &s->source);
        printf("}\n");
    }
    return status;
}

/* Stage `i`, if it is a sink. */
static const tube_stage_def *
session_sink_at(const struct cli_session *s, uint32_t i)
{
    const tube_stage_def *def = tube_stage_at(s->p, i).def;

    return def != NULL && def->kind == TUBE_SINK ? def : NULL;
}

const char *
cli_session_sink(const struct cli_session *s)
{
    for (uint32_t i = s->p == NULL ? 0 : tube_stage_count(s->p); i-- > 0;) {
        const tube_stage_def *def = session_sink_at(s, i);

        if (def != NULL)
            return def->name;
    }
    return "";
}

bool
cli_session_has_sink(const struct cli_session *s, const char *name)
{
    for (uint32_t i = s->p == NULL ? 0 : tube_stage_count(s->p); i-- > 0;) {
        const tube_stage_def *def = session_sink_at(s, i);

        if (def != NULL && strcmp(def->name, name) == 0)
            return true;
    }
    return false;
}

/* True if every sink has a table for them. */
static bool
session_keeps_rejects(const struct cli_session *s)
{
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++) {
        const tube_stage_def *def = session_sink_at(s, i);

        if (def != NULL && strcmp(def->name, "postgres") != 0
            && strcmp(def->name, "sqlite") != 0)
            return false;
    }
    return true;
}

int
cli_session_new(struct cli_session *s, const struct cli_run_opts *o, const char *text,
                const char *name)
{
    tube_pipeline_opts po = { .struct_size = sizeof(po) };

    *s = (struct cli_session){ .o = o };
    if (name == NULL || name[0] != '\0')
        s->source = (struct cli_source){ text, name };
    if (o->rejects != NULL) {
        int status = cli_rejects_open(&s->rejects, o->rejects);

        if (status >= 0)
            return status;
    }
    if (o->stats != NULL || o->stats_every > 0) {
        int status = cli_stats_file_open(&s->stats, o->stats, o->stats_every);

        if (status >= 0)
            return cli_session_close(s, status);
    }
    po.workers = o->workers < 0    ? 0
                 : o->workers == 0 ? TUBE_CALLER
                                   : (int32_t)(o->workers > 4096 ? 4096 : o->workers);
    po.budget = (uint64_t)o->memory;
    po.seed = (uint64_t)o->seed;
    po.max_rejects = o->max_rejects.count;
    po.max_reject_share = o->max_rejects.share;
    po.fail_on_first_reject = o->strict
                              || (o->max_rejects.given && o->max_rejects.count == 0
                                  && !(o->max_rejects.share > 0));
    po.rejects_only = o->rejects != NULL;
    po.dry_run = o->dry;
    po.on_reject = session_on_reject;
    po.on_warn = session_on_warn;
    po.on_error = session_on_error;
    po.arg = s;
    s->p = tube_pipeline_new(&po, &s->error);
    if (s->p == NULL || tube_series(s->p, text, &s->error) != TUBE_OK)
        return cli_session_close(s, session_failed(s));
    s->rejects.show = s->rejects.file == NULL && !session_keeps_rejects(s);
    return -1;
}

int
cli_session_open(struct cli_session *s)
{
    int status = cli_rejects_check(&s->rejects, s->p);

    if (status >= 0)
        return cli_session_close(s, status);
    s->told = 0;
    if (tube_open(s->p, &s->error) != TUBE_OK)
        return cli_session_close(s, session_failed(s));
    status = cli_rejects_check(&s->rejects, s->p);
    if (status < 0 && !cli_graph_init(&s->graph, s->p))
        status = cli_complain(NULL, "out of memory");
    if (status < 0)
        status = cli_stats_file_begin(&s->stats, s->p);
    return status >= 0 ? cli_session_close(s, status) : -1;
}

/* SIGUSR1. */
static void
session_tell(void *arg)
{
    const struct cli_session *s = arg;
    tube_counts c = { 0 };

    tube_stats(s->p, &c);
    flockfile(stderr);
    cli_progress_clear();
    cli_summary_print(stderr, s, &c, true);
    fflush(stderr);
    funlockfile(stderr);
}

/* How long nothing but the pipeline needs attention. */
static uint64_t
session_patience(const struct cli_session *s, const struct cli_progress *g)
{
    uint64_t stats = cli_stats_file_due(&s->stats);
    uint64_t tick = g->on ? (uint64_t)TICK_NS : TUBE_FOREVER;

    return tick < stats ? tick : stats;
}

void
cli_session_run(struct cli_session *s)
{
    struct cli_progress g;
    bool to_terminal = cli_session_has_sink(s, "print");
    tube_status st;

    cli_progress_begin(&g, !s->o->quiet && !to_terminal);
    s->begin = tube_now();
    cli_signals_hold();
    st = tube_start(s->p, &s->error);
    if (st == TUBE_OK && cli_signals_watch(s->p, session_tell, s) != 0) {
        st = tube_fail(&s->error, TUBE_ENOMEM, "no thread to wait for signals");
        tube_abort(s->p);
    }
    s->running = true;
    while (st == TUBE_OK) {
        st = tube_wait(s->p, session_patience(s, &g), &s->error);
        if (st != TUBE_ETIME)
            break;
        if (cli_stats_file_due(&s->stats) == 0)
            cli_stats_file_write(&s->stats, s->p);
        cli_progress_show(&g, s->p);
        st = TUBE_OK;
    }
    if (st == TUBE_OK)
        s->error = (tube_error){ .status = TUBE_OK };
    s->signo = cli_signals_unwatch();
    cli_progress_clear();
    s->seconds = (double)(tube_now() - s->begin) / 1e9;
    cli_stats_file_write(&s->stats, s->p);
}

int
cli_session_close(struct cli_session *s, int status)
{
    cli_graph_fini(&s->graph);
    tube_pipeline_free(s->p);
    cli_stats_file_close(&s->stats);
    cli_rejects_close(&s->rejects, !s->running);
    free(s->target);
    s->p = NULL;
    s->target = NULL;
    return status;
}

/* A source that can end and was told to stop has not delivered all: `load && rm` must
 * not remove the rest. */
static bool
session_source_endless(const struct cli_session *s, uint32_t i)
{
    const tube_stage_def *def = tube_stage_at(s->p, i).def;
    char buf[16];
    const char *text;

    if (def == NULL || def->kind != TUBE_SOURCE)
        return false;
    text = tube_option_text(s->p, i, "follow", buf, sizeof(buf));
    if (text != NULL && strcmp(text, "yes") == 0)
        return true;
    text = tube_option_text(s->p, i, "n", buf, sizeof(buf));
    return text != NULL && strcmp(text, "0") == 0;
}

/* True if a source is: then the others have not been waited for either. */
static bool
session_endless(const struct cli_session *s)
{
    for (uint32_t i = 0; i < tube_stage_count(s->p); i++)
        if (session_source_endless(s, i))
            return true;
    return false;
}

static void
session_broken_pipe(const struct cli_session *s)
{
    if (s->error.status == TUBE_EIO && s->error.sys_errno == EPIPE
        && cli_session_has_sink(s, "print")) {
        tube_pipeline_free(s->p);
        cli_signals_die(SIGPIPE);
    }
}

static int
session_status(struct cli_session *s, const tube_counts *c)
{
    if (s->rejects.failed != 0) {
        errno = s->rejects.failed;
        tube_fail_errno(&s->error, "--rejects %s", s->rejects.path);
    }
    if (s->error.status != TUBE_OK)
        return cli_status(&s->error, true);
    if (!cli_summary_adds_up(c)) {
        tube_fail(&s->error, TUBE_EINVAL,
                  "the counters do not add up: this is a defect");
        return CLI_FAILED;
    }
    return c->rejected > 0 ? CLI_REJECTS : CLI_DONE;
}

int
cli_session_end(struct cli_session *s)
{
    tube_counts c = { 0 };
    bool dies = s->signo != 0 && !(s->signo == SIGTERM && session_endless(s));
    int signo = s->signo;
    int status;

    session_broken_pipe(s);
    tube_stats(s->p, &c);
    status = session_status(s, &c);
    if (s->error.status != TUBE_OK && !(dies && s->error.status == TUBE_ECANCELED))
        cli_report(&s->error, &s->source);
    if (s->o->json)
        cli_summary_json(s->json_stdout ? stdout : stderr, s, &c, status);
    else if (!s->o->quiet)
        cli_summary_print(stderr, s, &c, false);
    dies = dies && (s->error.status == TUBE_OK || s->error.status == TUBE_ECANCELED);
    status = cli_flush(cli_session_close(s, status));
    if (dies)
        cli_signals_die(signo);
    return status;
}

static int
session_read(const char *file, char **text)
{
    FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    char *buf = malloc(TEXT_LONGEST + 2);
    size_t n = 0;
    int status = -1;

    if (f == NULL || buf == NULL) {
        status = cli_complain(NULL, "-f %s: %s", file, cli_errno(errno).s);
    } else {
        n = fread(buf, 1, TEXT_LONGEST + 1, f);
        if (ferror(f))
            status = cli_complain(NULL, "-f %s: %s", file, cli_errno(errno).s);
        else if (n > TEXT_LONGEST)
            status = cli_complain(NULL, "-f %s: longer than 1 MiB", file);
        else if (memchr(buf, '\0', n) != NULL)
            status = cli_complain(NULL, "-f %s: a NUL byte, so this is no text", file);
    }
    if (f != NULL && f != stdin)
        fclose(f);
    if (buf == NULL || status >= 0) {
        free(buf);
        return status;
    }
    buf[n] = '\0';
    *text = buf;
    return -1;
}

int
cli_session_text(const struct cli_words *words, const char *file, char **text)
{
    if (file != NULL && words->n > 0)
        return cli_complain("give the text, or -f FILE",
                            "unexpected word '%s' beside -f", words->word[0]);
    if (file != NULL)
        return session_read(file, text);
    if (words->n == 0)
        return cli_complain("tubes run 'file access.log | parse combined'",
                            "the text of a pipeline is missing");
    if (words->n > 1)
        return cli_complain(
            "put the whole text between single quotes: 'file a.log | print'",
            "unexpected word '%s' behind the pipeline", words->word[1]);
    *text = strdup(words->word[0]);
    return *text != NULL ? -1 : cli_complain(NULL, "out of memory");
}
