/* SPDX-License-Identifier: MIT */
/* frame_text.c -- frames written, and in words what is wrong with one; see frame.h. */
#include "frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 12 };

size_t
tubei_frame_integer(tubei_framing framing)
{
    return framing == TUBEI_FRAME_INT8    ? 1
           : framing == TUBEI_FRAME_INT16 ? 2
           : framing == TUBEI_FRAME_INT32 ? 4
                                          : 0;
}

static const char *
frame_name(tubei_framing framing)
{
    static const char *const names[] = { "line",        "netstring",
                                         "int8 frame",  "int16 frame",
                                         "int32 frame", "octet-counted frame" };

    return names[framing];
}

/* Bytes as text in quotes, odd ones as \xHH. */
static void
quote(char *to, size_t room, tube_slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && i < SHOWN && n + 5 < room; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (c >= ' ' && c < 0x7f)
            to[n++] = (char)c;
        else
            n += (size_t)snprintf(to + n, 5, "\\x%02x", c);
    }
    to[n] = '\0';
}

const char *
tubei_frame_why(const tubei_decoder *d, const tubei_frame *f, char *why)
{
    const char *name = frame_name(d->framing);
    char shown[4 * SHOWN + 6];

    why[0] = '\0';
    switch (f->verdict) {
    case TUBEI_FRAME_OK: break;
    case TUBEI_FRAME_LONG:
        (void)snprintf(why, TUBEI_FRAME_WHY,
                       "%s of %" PRIu64 " bytes is longer than max=%zu", name,
                       f->length, d->max);
        break;
    case TUBEI_FRAME_GARBAGE:
        quote(shown, sizeof(shown), (tube_slice){ f->text, f->len });
        (void)snprintf(why, TUBEI_FRAME_WHY, "no %s: %" PRIu64 " bytes from '%s' on",
                       name, f->length, shown);
        break;
    case TUBEI_FRAME_CUT:
        (void)snprintf(why, TUBEI_FRAME_WHY,
                       "the stream ends inside of this %s, after %" PRIu64 " bytes",
                       name, f->length);
        break;
    }
    return why;
}

const char *
tubei_frame_refuses(tubei_framing framing, tube_slice text)
{
    switch (framing) {
    case TUBEI_FRAME_LINES:
        return text.len > 0 && memchr(text.ptr, '\n', text.len) != NULL
                   ? "has a line end, which frame=lines cannot carry"
                   : NULL;
    case TUBEI_FRAME_INT8:
        return text.len > UINT8_MAX ? "is longer than the 255 bytes of frame=int8"
                                    : NULL;
    case TUBEI_FRAME_INT16:
        return text.len > UINT16_MAX ? "is longer than the 65,535 bytes of frame=int16"
                                     : NULL;
    case TUBEI_FRAME_OCTETS:
        return text.len == 0 ? "is empty, which frame=octets cannot carry" : NULL;
    case TUBEI_FRAME_NETSTRING:
    case TUBEI_FRAME_INT32: break;
    }
    return text.len > UINT32_MAX ? "is longer than 4 GiB" : NULL;
}

size_t
tubei_frame_head(tubei_framing framing, size_t len, char *head)
{
    size_t n = tubei_frame_integer(framing);

    if (framing == TUBEI_FRAME_LINES)
        return 0;
    if (n == 0)
        return (size_t)snprintf(head, TUBEI_FRAME_HEAD, "%" PRIu32 "%c", (uint32_t)len,
                                framing == TUBEI_FRAME_OCTETS ? ' ' : ':');
    for (size_t i = 0; i < n; i++)
        head[i] = (char)(len >> 8 * (n - 1 - i) & 0xff);
    return n;
}

tube_slice
tubei_frame_tail(tubei_framing framing)
{
    if (framing == TUBEI_FRAME_LINES)
        return (tube_slice){ "\n", 1 };
    return (tube_slice){ ",", framing == TUBEI_FRAME_NETSTRING };
}
