/* SPDX-License-Identifier: MIT */
/* rejects.c -- see rejects.h. */
#include "rejects.h"

#include "command.h"
#include "out.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 5, PATTERNS = 64 * 1024 };

static const char a_file[] =
    "rejected lines are private: the file is created with mode "
    "0600, and symbolic links are not followed";

int
cli_rejects_open(struct cli_rejects *r, const char *path)
{
    int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat st;
    int fd;

    r->path = path;
    fd = open(path, flags | O_CREAT | O_EXCL, 0600);
    r->created = fd >= 0;
    if (fd < 0 && errno == EEXIST)
        fd = open(path, flags);
    if (fd < 0)
        return cli_complain(errno == ELOOP ? a_file : NULL, "--rejects %s: %s", path,
                            cli_errno(errno).s);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return cli_complain(NULL, "--rejects %s: not a file", path);
    }
    r->file = fdopen(fd, "a");
    if (r->file != NULL)
        return -1;
    close(fd);
    return cli_complain(NULL, "--rejects %s: %s", path, cli_errno(errno).s);
}

static bool
rejects_same(const struct stat *file, const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && st.st_dev == file->st_dev
           && st.st_ino == file->st_ino;
}

/* The file is there by now, so a pattern that would match it does. */
static bool
rejects_matches(const struct stat *file, const char *pattern)
{
    glob_t g = { 0 };
    bool hit = rejects_same(file, pattern);

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread is running yet */
    if (!hit && glob(pattern, 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc && !hit; i++)
            hit = rejects_same(file, g.gl_pathv[i]);
    globfree(&g);
    return hit;
}

/* A database would write over what is appended to its file. */
static bool
rejects_is_target(const struct stat *file, const tube_pipeline *p, uint32_t stage)
{
    static const char *const ends[] = { "", "-wal", "-journal", "-shm" };
    char buf[4096];
    char name[4096 + 16];
    const tube_stage_def *def = tube_stage_at(p, stage).def;
    const char *path = def == NULL || def->kind != TUBE_SINK
                           ? NULL
                           : tube_option_text(p, stage, "path", buf, sizeof(buf));

    for (size_t i = 0; path != NULL && i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        if (rejects_same(file, name))
            return true;
    }
    return false;
}

/* Words of a list as tube_option_text() writes it: [a, `b c`, "d"]. */
static char *
rejects_word(char **p)
{
    char *first;
    char quote;

    *p += strspn(*p, "[], ");
    if (**p == '\0')
        return NULL;
    quote = '\0';
    if (**p == '`' || **p == '"')
        quote = *(*p)++;
    first = *p;
    *p += quote != '\0' ? strcspn(*p, quote == '"' ? "\"" : "`") : strcspn(*p, ",");
    /* The list's own bracket, not one of a pattern inside. */
    if (quote == '\0' && **p == '\0' && *p > first && (*p)[-1] == ']')
        (*p)[-1] = '\0';
    if (**p != '\0')
        *(*p)++ = '\0';
    return first;
}

/* Is it among the paths of a source?  As cli_rejects_check(). */
static int
rejects_check_source(const struct cli_rejects *r, const tube_pipeline *p,
                     uint32_t stage, const struct stat *file)
{
    const tube_stage_def *def = tube_stage_at(p, stage).def;
    char *buf;
    const char *list;
    int status = -1;

    if (def == NULL || def->kind != TUBE_SOURCE)
        return -1;
    buf = malloc(PATTERNS);
    list = buf == NULL ? NULL : tube_option_text(p, stage, "paths", buf, PATTERNS);
    if (list != NULL) {
        char *copy = strdup(list);
        char *at = copy;

        for (char *w; copy != NULL && status < 0 && (w = rejects_word(&at)) != NULL;)
            if (rejects_matches(file, w))
                status = cli_complain("write them somewhere else, so that they are not "
                                      "read as input",
                                      "--rejects %s is matched by the input '%s'",
                                      r->path, w);
        free(copy);
    }
    free(buf);
    return status;
}

int
cli_rejects_check(const struct cli_rejects *r, const tube_pipeline *p)
{
    struct stat file;
    int status = -1;

    if (r->file == NULL)
        return -1;
    if (fstat(fileno(r->file), &file) != 0)
        return cli_complain(NULL, "--rejects %s: %s", r->path, cli_errno(errno).s);
    for (uint32_t i = 0; status < 0 && i < tube_stage_count(p); i++) {
        status = rejects_check_source(r, p, i, &file);
        if (status < 0 && rejects_is_target(&file, p, i))
            status =
                cli_complain("give a file of its own",
                             "--rejects %s is the database that is loaded", r->path);
    }
    for (uint32_t i = 0; status < 0 && i < tube_origin_count(p); i++)
        if (rejects_same(&file, tube_origin_at(p, i).name))
            status = cli_complain(NULL, "--rejects %s is one of the inputs", r->path);
    return status;
}

static void
rejects_base64(FILE *to, const char *p, size_t len)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789+/";

    fputc('"', to);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)(unsigned char)p[i] << 16;

        if (i + 1 < len)
            v |= (uint32_t)(unsigned char)p[i + 1] << 8;
        if (i + 2 < len)
            v |= (unsigned char)p[i + 2];
        fputc(digit[v >> 18], to);
        fputc(digit[v >> 12 & 63], to);
        fputc(i + 1 < len ? digit[v >> 6 & 63] : '=', to);
        fputc(i + 2 < len ? digit[v & 63] : '=', to);
    }
    fputc('"', to);
}

static bool
rejects_is_text(const char *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = cli_utf8(p + i, len - i);

        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

static void
rejects_number(FILE *to, const char *name, uint64_t v, bool known)
{
    if (known)
        fprintf(to, ",\"%s\":%" PRIu64, name, v);
    else
        fprintf(to, ",\"%s\":null", name);
}

void
cli_rejects_json(FILE *to, const tube_reject_info *info)
{
    bool text = info->raw.ptr == NULL || rejects_is_text(info->raw.ptr, info->raw.len);

    fputs("{\"file\":", to);
    cli_json_text(to, info->origin);
    rejects_number(to, "line", info->line, info->line > 0);
    rejects_number(to, "offset", info->offset, info->offset != UINT64_MAX);
    rejects_number(to, "column", (uint64_t)info->at + 1, info->at != UINT32_MAX);
    fputs(",\"stage\":", to);
    cli_json_text(to, info->stage);
    if (info->sqlstate != NULL && info->sqlstate[0] != '\0') {
        fputs(",\"sqlstate\":", to);
        cli_json_text(to, info->sqlstate);
    }
    fputs(",\"error\":", to);
    cli_json_text(to, info->reason);
    fputs(text ? ",\"raw\":" : ",\"encoding\":\"base64\",\"raw\":", to);
    if (info->raw.ptr == NULL)
        fputs("null", to);
    else if (text)
        cli_json_string(to, info->raw.ptr, info->raw.len);
    else
        rejects_base64(to, info->raw.ptr, info->raw.len);
    fputs("}\n", to);
}

static void
rejects_say(const tube_reject_info *info)
{
    const char *name = cli_short_path(info->origin);

    if (info->line > 0 && info->at != UINT32_MAX)
        cli_say("%s:%" PRIu64 ":%" PRIu64 ": %s", name, info->line,
                (uint64_t)info->at + 1, info->reason);
    else if (info->line > 0)
        cli_say("%s:%" PRIu64 ": %s", name, info->line, info->reason);
    else
        cli_say("%s: %s: %s", name, info->stage, info->reason);
}

bool
cli_rejects_add(struct cli_rejects *r, const tube_reject_info *info)
{
    if (r->file != NULL) {
        if (r->failed != 0)
            return false;
        errno = 0;
        cli_rejects_json(r->file, info);
        /* At once: the transaction that counts it as rejected follows. */
        if (fflush(r->file) != 0 || ferror(r->file))
            r->failed = errno != 0 ? errno : EIO;
        return r->failed == 0;
    }
    if (r->show && r->shown < SHOWN) {
        r->shown++;
        rejects_say(info);
    }
    return true;
}

void
cli_rejects_close(struct cli_rejects *r, bool undo)
{
    struct stat st;

    if (r->file == NULL)
        return;
    if (undo && r->created && fstat(fileno(r->file), &st) == 0 && st.st_size == 0)
        unlink(r->path);
    if (fclose(r->file) != 0 && r->failed == 0)
        r->failed = errno;
    r->file = NULL;
}
