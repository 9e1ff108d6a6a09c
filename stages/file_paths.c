/* SPDX-License-Identifier: MIT */
/* file_paths.c -- see file_paths.h. */
#include "file_paths.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
tubei_paths_fini(tubei_paths *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->item[i].name);
    free(p->item);
    *p = (tubei_paths){ 0 };
}

static tube_status
refuse(const char *path, const struct stat *st, tube_error *err)
{
    if (S_ISDIR(st->st_mode)) {
        (void)tube_fail(err, TUBE_EIO, "%s: is a directory", path);
        tube_hint(err, "name the files in it: '%s%s*'", path,
                  path[strlen(path) - 1] == '/' ? "" : "/");
        return TUBE_EIO;
    }
    (void)tube_fail(err, TUBE_EIO, "%s: is a %s, not a file", path,
                    S_ISSOCK(st->st_mode) ? "socket" : "device");
    tube_hint(err, "standard input is read with '-'");
    return TUBE_EIO;
}

static tubei_path *
make_room(tubei_paths *p)
{
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 16 : p->room * 2;
        tubei_path *item = reallocarray(p->item, room, sizeof(*item));

        if (item == NULL)
            return NULL;
        p->item = item;
        p->room = room;
    }
    return &p->item[p->n];
}

static tube_status
add(tubei_paths *p, const char *path, tube_error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    tubei_path *item = make_room(p);
    struct stat st;

    if (item == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    if ((is_stdin ? fstat(STDIN_FILENO, &st) : stat(path, &st)) != 0)
        return tube_fail_errno(err, "%s", is_stdin ? "standard input" : path);
    if (!is_stdin && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        return refuse(path, &st, err);
    *item = (tubei_path){ .dev = st.st_dev,
                          .ino = st.st_ino,
                          .stream = is_stdin || S_ISFIFO(st.st_mode),
                          .size = UINT64_MAX,
                          .origin = TUBE_NO_ORIGIN };
    item->name = item->stream ? strdup(path) : realpath(path, NULL);
    if (item->name == NULL)
        return tube_fail_errno(err, "%s", path);
    p->n++;
    return TUBE_OK;
}

static tube_status
add_pattern(tubei_paths *p, const char *pattern, tube_error *err)
{
    glob_t g = { 0 };
    tube_status st = TUBE_OK;
    int rc;

    errno = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): only with GLOB_TILDE */
    rc = glob(pattern, GLOB_ERR, NULL, &g);
    if (rc == GLOB_NOMATCH)
        st = tube_fail(err, TUBE_EIO, "no file matches '%s'", pattern);
    else if (rc == GLOB_NOSPACE)
        st = tube_fail(err, TUBE_ENOMEM, "out of memory");
    else if (rc != 0)
        st = tube_fail_errno(err, "%s: a directory of this pattern cannot be read",
                             pattern);
    for (size_t i = 0; st == TUBE_OK && i < g.gl_pathc; i++)
        st = add(p, g.gl_pathv[i], err);
    globfree(&g);
    return st;
}

static int
by_file(const void *a, const void *b)
{
    const tubei_path *const *x = a;
    const tubei_path *const *y = b;

    if ((*x)->dev != (*y)->dev)
        return (*x)->dev < (*y)->dev ? -1 : 1;
    if ((*x)->ino != (*y)->ino)
        return (*x)->ino < (*y)->ino ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

/* Keep the first of each file, in place and in order. */
static tube_status
drop_twins(tubei_paths *p, tube_error *err)
{
    tubei_path **sorted = reallocarray(NULL, p->n + 1, sizeof(tubei_path *));
    size_t n = 0;

    if (sorted == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    for (size_t i = 0; i < p->n; i++)
        sorted[i] = &p->item[i];
    qsort(sorted, p->n, sizeof(tubei_path *), by_file);
    for (size_t i = p->n; i-- > 1;)
        if (sorted[i]->dev == sorted[i - 1]->dev
            && sorted[i]->ino == sorted[i - 1]->ino) {
            free(sorted[i]->name);
            sorted[i]->name = NULL;
        }
    free(sorted);
    for (size_t i = 0; i < p->n; i++)
        if (p->item[i].name != NULL)
            p->item[n++] = p->item[i];
    p->n = n;
    return TUBE_OK;
}

tube_status
tubei_paths_find(tubei_paths *p, const tube_list *patterns, tube_error *err)
{
    tube_status st = TUBE_OK;

    for (size_t i = 0; st == TUBE_OK && i < patterns->n; i++) {
        const char *text = patterns->item[i];
        struct stat there;
        bool literal = strcmp(text, "-") == 0 || lstat(text, &there) == 0
                       || strpbrk(text, "*?[") == NULL;

        st = literal ? add(p, text, err) : add_pattern(p, text, err);
    }
    return st == TUBE_OK ? drop_twins(p, err) : st;
}
