/* SPDX-License-Identifier: MIT */
/* writer.c -- see writer.h. */
#include "writer.h"

#include "rfc3339.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The signal that comes with EPIPE would end the program, and its disposition is the
 * program's business: so it is held back in this thread, and taken out if it came. */
static ssize_t
write_quietly(int fd, const char *p, size_t n)
{
    static const struct timespec at_once = { 0 };
    sigset_t pipe_only;
    sigset_t before;
    sigset_t pending;
    bool was_pending;
    ssize_t written;
    int error;

    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    written = write(fd, p, n);
    error = errno;
    if (written < 0 && error == EPIPE && !was_pending)
        while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

static bool
write_all(tubei_writer *w, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write_quietly(w->fd, p, n);

        if (written >= 0) {
            p += written;
            n -= (size_t)written;
        } else if (errno == EAGAIN) {
            /* Whoever shares the descriptor has made it non-blocking. */
            struct pollfd room = { .fd = w->fd, .events = POLLOUT };

            (void)poll(&room, 1, -1);
        } else if (errno != EINTR) {
            w->error = errno;
            return false;
        }
    }
    return true;
}

bool
tubei_flush(tubei_writer *w)
{
    if (w->error == 0 && (w->len > 0 || w->cap == 0) && w->fd < 0)
        w->error = ENOBUFS;
    else if (w->error == 0)
        (void)write_all(w, w->buf, w->len);
    if (w->fd >= 0)
        w->len = 0;
    return w->error == 0;
}

void
tubei_put(tubei_writer *w, const char *bytes, size_t n)
{
    while (n > w->cap - w->len) {
        size_t part = w->cap - w->len;

        memcpy(w->buf + w->len, bytes, part);
        w->len += part;
        bytes += part;
        n -= part;
        if (!tubei_flush(w))
            return;
    }
    memcpy(w->buf + w->len, bytes, n);
    w->len += n;
}

void
tubei_put_string(tubei_writer *w, const char *string)
{
    tubei_put(w, string, strlen(string));
}

void
tubei_put_fill(tubei_writer *w, char c, size_t n)
{
    while (n-- > 0)
        tubei_put_char(w, c);
}

void
tubei_put_int(tubei_writer *w, int64_t v)
{
    char digit[20];
    size_t at = sizeof(digit);
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do
        digit[--at] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    if (v < 0)
        digit[--at] = '-';
    tubei_put(w, digit + at, sizeof(digit) - at);
}

/* What the locale has for a decimal point, be it several bytes, becomes one. */
static size_t
mend_point(char *text)
{
    size_t n = 0;
    bool in_point = false;

    for (const char *p = text; *p != '\0'; p++) {
        bool of_number =
            (*p >= '0' && *p <= '9') || *p == 'e' || *p == '+' || *p == '-';

        if (of_number)
            text[n++] = *p;
        else if (!in_point)
            text[n++] = '.';
        in_point = !of_number;
    }
    return n;
}

void
tubei_put_real(tubei_writer *w, double v)
{
    char text[48];
    size_t n;

    if (v > -1e15 && v < 1e15 && v == (double)(int64_t)v && !(v == 0 && 1 / v < 0)) {
        tubei_put_int(w, (int64_t)v);
        tubei_put(w, ".0", 2);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    n = mend_point(text);
    tubei_put(w, text, n);
    if (memchr(text, '.', n) == NULL && memchr(text, 'e', n) == NULL)
        tubei_put(w, ".0", 2);
}

void
tubei_put_time(tubei_writer *w, int64_t us)
{
    char text[TUBEI_TIME_MAX];

    tubei_put(w, text, tubei_time_write(us, text));
}
