/* SPDX-License-Identifier: MIT */
/* guest_fork.c -- fork while a session with the server is open, and end the child in every
 * way there is: guest_fork DSN TABLE.
 *
 * Were the session closed in the child, by the library or by exit(), the server would see
 * that on the shared socket, and the parent's sink would have to say that it reconnects.
 */
#include <tubes/tubes.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EACH = 200 };

static int warnings;

static void
warned(void *arg, const char *line)
{
    (void)arg;
    warnings++;
    (void)fprintf(stderr, "warning: %s\n", line);
}

static bool
push(tube_inlet *in, int from)
{
    char line[160];

    for (int i = from; i < from + EACH; i++) {
        int len =
            snprintf(line, sizeof(line),
                     "10.0.0.1 - - [10/Oct/2020:13:55:36 +0000] \"GET /%d HTTP/1.1\" "
                     "200 12 \"-\" \"guest\"",
                     i);
        tube_status st;

        while ((st = tube_push_line(in, line, (size_t)len, NULL)) == TUBE_AGAIN)
            (void)usleep(100);
        if (st != TUBE_OK)
            return false;
    }
    return true;
}

static void
child(tube_pipeline *p, tube_inlet *in, int way)
{
    if (tube_push_line(in, "x", 1, NULL) != TUBE_EFORK)
        _exit(9);
    tube_abort(p);
    tube_inlet_free(in);
    tube_pipeline_free(p);
    if (way == 0)
        exit(0);
    if (way == 1)
        (void)execl("/bin/true", "true", (char *)NULL);
    _exit(way == 2 ? 0 : 9);
}

/* Committed, so that the session is idle when the child comes. */
static bool
settled(tube_pipeline *p)
{
    tube_flush *f = tube_flush_begin(p, TUBE_SETTLED, NULL);
    bool ok =
        f != NULL && tube_flush_wait(f, (uint64_t)20 * 1000 * 1000 * 1000) == TUBE_OK;

    tube_flush_free(f);
    return ok;
}

int
main(int argc, char **argv)
{
    TUBE_AUTO(tube_pipeline) *p =
        tube_pipeline_new(TUBE_PIPELINE_OPTS(.workers = 2, .on_warn = warned), NULL);
    tube_error err = { 0 };
    tube_inlet *in = NULL;
    char text[1024];
    int status = -1;

    if (p == NULL || argc != 3)
        return 2;
    (void)snprintf(text, sizeof(text),
                   "merge as=in hold=yes of=lines | parse combined | "
                   "postgres `%s` table=%s",
                   argv[1], argv[2]);
    if (tube_series(p, text, &err) < 0 || tube_start(p, &err) < 0
        || (in = tube_inlet_new(p, tube_find(p, "in"), "lines", &err)) == NULL) {
        tube_error_print(&err, stderr);
        return 1;
    }
    for (int way = 0; way < 3; way++) {
        pid_t pid;

        if (!push(in, way * EACH) || !settled(p))
            return 3;
        pid = fork();
        if (pid == 0)
            child(p, in, way);
        if (waitpid(pid, &status, 0) != pid || status != 0) {
            (void)fprintf(stderr, "way %d: the child's status is %x\n", way,
                          (unsigned)status);
            return 4;
        }
    }
    if (!push(in, 3 * EACH) || !settled(p))
        return 5;
    tube_inlet_free(in);
    tube_drain(p);
    if (tube_wait(p, TUBE_FOREVER, &err) < 0) {
        tube_error_print(&err, stderr);
        return 6;
    }
    return warnings > 0 ? 7 : 0;
}
