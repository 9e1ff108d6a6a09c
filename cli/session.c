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

const char *
cli_session_sink(const struct cli_session *s)
{
    uint32_t n = s->p == NULL ? 0 : tube_stage_count(s->p);

    return n == 0 ? "" : tube_stage_at(s->p, n - 1).def->name;
}

static bool
session_keeps_rejects(const struct cli_session *s)
{
    const char *sink = cli_session_sink(s);

    return strcmp(sink, "postgres") == 0 || strcmp(sink, "sqlite") == 0;
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
    return status >= 0 ? cli_session_close(s, status) : -1;
}

void
cli_session_run(struct cli_session *s)
{
    struct cli_progress g;
    uint64_t begin = tube_now();
    bool to_terminal = strcmp(cli_session_sink(s), "print") == 0;
    tube_status st;

    cli_progress_begin(&g, !s->o->quiet && !to_terminal);
    cli_signals_hold();
    st = tube_start(s->p, &s->error);
    if (st == TUBE_OK && cli_signals_watch(s->p) != 0) {
        st = tube_fail(&s->error, TUBE_ENOMEM, "no thread to wait for signals");
        tube_abort(s->p);
    }
    s->running = true;
    while (st == TUBE_OK) {
        st = tube_wait(s->p, g.on ? TICK_NS : TUBE_FOREVER, &s->error);
        if (st != TUBE_ETIME)
            break;
        cli_progress_show(&g, s->p);
        st = TUBE_OK;
    }
    if (st == TUBE_OK)
        s->error = (tube_error){ .status = TUBE_OK };
    s->signo = cli_signals_unwatch();
    cli_progress_clear();
    s->seconds = (double)(tube_now() - begin) / 1e9;
}

int
cli_session_close(struct cli_session *s, int status)
{
    tube_pipeline_free(s->p);
    cli_rejects_close(&s->rejects, !s->running);
    free(s->target);
    s->p = NULL;
    s->target = NULL;
    return status;
}

/* A source that can end and was told to stop has not delivered all: `load && rm` must
 * not remove the rest. */
static bool
session_endless(const struct cli_session *s)
{
    char buf[16];
    const char *follow = tube_option_text(s->p, 0, "follow", buf, sizeof(buf));
    const char *n;

    if (follow != NULL && strcmp(follow, "yes") == 0)
        return true;
    n = tube_option_text(s->p, 0, "n", buf, sizeof(buf));
    return n != NULL && strcmp(n, "0") == 0;
}

static void
session_broken_pipe(const struct cli_session *s)
{
    if (s->error.status == TUBE_EIO && s->error.sys_errno == EPIPE
        && strcmp(cli_session_sink(s), "print") == 0) {
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
        cli_summary_print(stderr, s, &c);
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
