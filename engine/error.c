/* SPDX-License-Identifier: MIT */
/* error.c -- failures as values. */
#include <tubes/error.h>

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Control bytes in a message could move the cursor of the terminal that shows it. */
static void
error_clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void error_set(tube_error *err, tube_status st, const char *fmt, va_list ap)
    TUBE_PRINTF(3, 0);

static void
error_set(tube_error *err, tube_status st, const char *fmt, va_list ap)
{
    memset(err, 0, sizeof(*err));
    err->status = st;
    err->offset = UINT64_MAX;
    (void)vsnprintf(err->message, sizeof(err->message), fmt, ap);
    error_clean(err->message);
}

tube_status
tube_fail(tube_error *err, tube_status st, const char *fmt, ...)
{
    va_list ap;

    if (err != NULL) {
        va_start(ap, fmt);
        error_set(err, st, fmt, ap);
        va_end(ap);
    }
    return st;
}

tube_status
tube_fail_errno(tube_error *err, const char *fmt, ...)
{
    int saved = errno;
    char text[96] = "";
    va_list ap;

    if (err == NULL)
        return TUBE_EIO;
    va_start(ap, fmt);
    error_set(err, TUBE_EIO, fmt, ap);
    va_end(ap);
    err->sys_errno = saved;
    size_t len = strlen(err->message);
    (void)snprintf(err->message + len, sizeof(err->message) - len, ": %s",
                   strerror_r(saved, text, sizeof(text)));
    return TUBE_EIO;
}

void
tube_hint(tube_error *err, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
    va_end(ap);
    error_clean(err->hint);
}

void
tube_error_print(const tube_error *err, FILE *to)
{
    (void)fprintf(to, "error: %s%s%s", err->stage, err->stage[0] != '\0' ? ": " : "",
                  err->message);
    if (err->sqlstate[0] != '\0')
        (void)fprintf(to, " (%s)", err->sqlstate);
    if (err->offset != UINT64_MAX)
        (void)fprintf(to, " at byte %ju", (uintmax_t)err->offset);
    (void)fputc('\n', to);
    if (err->hint[0] != '\0')
        (void)fprintf(to, "hint: %s\n", err->hint);
}
