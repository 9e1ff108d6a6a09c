/* SPDX-License-Identifier: MIT */
/* stats_file.c -- see stats_file.h. */
#include "stats_file.h"

#include "command.h"
#include "out.h"
#include "progress.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t usual_ns = 5000000000;

/* What our files begin with.  Anything else is somebody's, and is not replaced. */
static const char mark[] = "# HELP tubes_";

/* errno-like: EEXIST if there is something that we have not written. */
static int
stats_file_foreign(const char *path)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char head[sizeof(mark) - 1];
    struct stat st;
    ssize_t n;
    int wrong = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : errno == ELOOP ? EEXIST : errno;
    n = read(fd, head, sizeof(head));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
        || (n != 0
            && (n != (ssize_t)sizeof(head) || memcmp(head, mark, sizeof(head)) != 0)))
        wrong = EEXIST;
    close(fd);
    return wrong;
}

static int
stats_file_check(const char *path)
{
    int wrong = stats_file_foreign(path);

    if (wrong == EEXIST)
        return cli_complain("give a file of its own, or - for stderr",
                            "--stats %s: it is there, and holds something else", path);
    return wrong == 0 ? -1
                      : cli_complain(NULL, "--stats %s: %s", path, cli_errno(wrong).s);
}

int
cli_stats_file_open(struct cli_stats_file *f, const char *path, int64_t every_ns)
{
    int status;

    if (path == NULL)
        return cli_complain("--stats FILE", "--stats-every without --stats");
    *f = (struct cli_stats_file){ .path = path };
    f->every_ns = every_ns > 0 ? (uint64_t)every_ns : usual_ns;
    if (strcmp(path, "-") == 0)
        return -1;
    if (asprintf(&f->next, "%s.tmp", path) < 0) {
        f->next = NULL;
        f->path = NULL;
        return cli_complain(NULL, "out of memory");
    }
    status = stats_file_check(path);
    return status < 0 ? stats_file_check(f->next) : status;
}

/* 0, or errno. */
static int
stats_file_replace(const struct cli_stats_file *f, const char *text)
{
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY;
    int fd = open(f->next, flags, 0666);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    int wrong;

    if (to == NULL) {
        wrong = errno;
        if (fd >= 0)
            close(fd);
        return wrong;
    }
    wrong = fputs(text, to) < 0 ? errno : 0;
    if (fclose(to) != 0 && wrong == 0)
        wrong = errno;
    if (wrong == 0 && rename(f->next, f->path) != 0)
        wrong = errno;
    if (wrong != 0)
        unlink(f->next);
    return wrong;
}

static int
stats_file_put(struct cli_stats_file *f, const tube_pipeline *p)
{
    char *text = tube_stats_text(p);
    int wrong = 0;

    f->due = tube_now() + f->every_ns;
    if (text == NULL)
        return ENOMEM;
    if (f->next == NULL) {
        /* An empty line tells one time from the next. */
        flockfile(stderr);
        cli_progress_clear();
        fprintf(stderr, "%s\n", text);
        funlockfile(stderr);
    } else {
        wrong = stats_file_replace(f, text);
    }
    free(text);
    return wrong;
}

int
cli_stats_file_begin(struct cli_stats_file *f, const tube_pipeline *p)
{
    int wrong;

    if (f->path == NULL)
        return -1;
    f->due = tube_now() + f->every_ns;
    if (f->next == NULL)
        return -1;
    wrong = stats_file_put(f, p);
    return wrong == 0
               ? -1
               : cli_complain(NULL, "--stats %s: %s", f->path, cli_errno(wrong).s);
}

uint64_t
cli_stats_file_due(const struct cli_stats_file *f)
{
    uint64_t now = tube_now();

    if (f->path == NULL)
        return TUBE_FOREVER;
    return now < f->due ? f->due - now : 0;
}

void
cli_stats_file_write(struct cli_stats_file *f, const tube_pipeline *p)
{
    int wrong;

    if (f->path == NULL)
        return;
    wrong = stats_file_put(f, p);
    if (wrong != 0 && !f->failed)
        cli_say("warning: --stats %s: %s", f->path, cli_errno(wrong).s);
    f->failed = wrong != 0;
}

void
cli_stats_file_close(struct cli_stats_file *f)
{
    free(f->next);
    *f = (struct cli_stats_file){ .path = NULL };
}
