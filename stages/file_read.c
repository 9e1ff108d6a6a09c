/* SPDX-License-Identifier: MIT */
/* file_read.c -- see file_read.h. */
#include "file_read.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef TUBES_HAVE_ZLIB
#  include <zlib.h>
#endif
#ifdef TUBES_HAVE_ZSTD
#  include <zstd.h>
#endif

enum {
    IN_BYTES = 64 * 1024,
    MAGIC_MOST = 10,
    WINDOW_LOG_MOST = 27, /* 128 MiB */
};

typedef enum format { UNKNOWN, PLAIN, GZIP, ZSTD, XZ, BZIP2 } format;

struct tubei_reader {
    int fd;
    unsigned flags;
    const char *name;
    format format;
    uint64_t offset; /* bytes given */
    char head[MAGIC_MOST];
    size_t n_head; /* bytes in `head`: too few to know the format */
    char *in;      /* compressed bytes, IN_BYTES of room; NULL: none were seen */
    size_t in_len;
    size_t in_at;  /* next byte of `in` */
    bool inside;   /* a member or frame has begun and not ended */
    bool in_ended; /* nothing comes behind `in` */
#ifdef TUBES_HAVE_ZLIB
    z_stream gzip;
#endif
#ifdef TUBES_HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
};

struct magic {
    format format;
    unsigned char len;
    unsigned char byte[MAGIC_MOST];
    unsigned char ignore[MAGIC_MOST]; /* bits that may be anything */
};

static const struct magic magics[] = {
    { GZIP, 3, { 0x1f, 0x8b, 0x08 }, { 0 } },
    { ZSTD, 4, { 0x28, 0xb5, 0x2f, 0xfd }, { 0 } },
    { ZSTD, 4, { 0x50, 0x2a, 0x4d, 0x18 }, { 0x0f } }, /* a frame to be skipped */
    { XZ, 6, { 0xfd, '7', 'z', 'X', 'Z', 0 }, { 0 } },
    { BZIP2,
      10,
      { 'B', 'Z', 'h', 0, '1', 'A', 'Y', '&', 'S', 'Y' },
      { 0, 0, 0, 0xff } },
};

static bool
magic_fits(const struct magic *m, const char *text, size_t len)
{
    for (size_t i = 0; i < len && i < m->len; i++)
        if ((((unsigned char)text[i] ^ m->byte[i]) & ~m->ignore[i] & 0xff) != 0)
            return false;
    return true;
}

/* UNKNOWN: more bytes are needed to tell. */
static format
detect(const char *text, size_t len, bool ended)
{
    format found = PLAIN;

    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        const struct magic *m = &magics[i];

        if (!magic_fits(m, text, len))
            continue;
        if (len >= m->len)
            return m->format;
        if (!ended)
            found = UNKNOWN;
    }
    return found;
}

tubei_reader *
tubei_reader_new(int fd, const char *name, unsigned flags)
{
    tubei_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->fd = fd;
    r->name = name;
    r->flags = flags;
    r->format = (flags & TUBEI_READER_RAW) != 0 ? PLAIN : UNKNOWN;
    return r;
}

void
tubei_reader_close(tubei_reader *r)
{
    if (r == NULL)
        return;
#ifdef TUBES_HAVE_ZLIB
    if (r->format == GZIP)
        (void)inflateEnd(&r->gzip);
#endif
#ifdef TUBES_HAVE_ZSTD
    (void)ZSTD_freeDStream(r->zstd);
#endif
    free(r->in);
    if (r->fd != STDIN_FILENO)
        (void)close(r->fd);
    free(r);
}

int
tubei_reader_fd(const tubei_reader *r)
{
    return r->fd;
}

uint64_t
tubei_reader_offset(const tubei_reader *r)
{
    return r->offset;
}

bool
tubei_reader_compressed(const tubei_reader *r)
{
    return r->format == GZIP || r->format == ZSTD;
}

void
tubei_reader_wait(const tubei_reader *r)
{
    struct pollfd p = { .fd = r->fd, .events = POLLIN };

    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        continue;
}

/* A failure at the present place. */
static tube_status
fail_here(const tubei_reader *r, uint64_t offset, const char *what, tube_error *err)
{
    tube_status st = tube_fail(err, TUBE_EIO, "%s: %s at byte %llu%s", r->name, what,
                               (unsigned long long)offset,
                               tubei_reader_compressed(r) ? " of what it holds" : "");

    if (err != NULL)
        err->offset = offset;
    return st;
}

/* One read(); TUBE_AGAIN only where waiting is not allowed. */
static tube_status
read_some(const tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    bool may_poll = (r->flags & TUBEI_READER_POLL) != 0;
    struct pollfd p = { .fd = r->fd, .events = POLLIN };
    ssize_t got;

    *n = 0;
    if (may_poll && poll(&p, 1, 0) == 0)
        return TUBE_AGAIN;
    do
        got = read(r->fd, buf, room);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        *n = (size_t)got;
        return TUBE_OK;
    }
    if (got == 0)
        return TUBE_END;
    if (errno == EAGAIN && may_poll)
        return TUBE_AGAIN;
    (void)tube_fail_errno(err, "%s: cannot read at byte %llu", r->name,
                          (unsigned long long)r->offset);
    if (err != NULL)
        err->offset = r->offset;
    return TUBE_EIO;
}

/* See that `in` has bytes, or know that none come. */
static tube_status
refill(tubei_reader *r, tube_error *err)
{
    tube_status st;

    if (r->in_at < r->in_len || r->in_ended)
        return TUBE_OK;
    st = read_some(r, r->in, IN_BYTES, &r->in_len, err);
    r->in_at = 0;
    r->in_ended = st == TUBE_END;
    return st == TUBE_END ? TUBE_OK : st;
}

#ifdef TUBES_HAVE_ZLIB
static tube_status
gzip_begin(tubei_reader *r, tube_error *err)
{
    /* 15: the largest window; 16: a gzip header and no other. */
    if (inflateInit2(&r->gzip, 15 + 16) != Z_OK) {
        r->format = PLAIN;
        return tube_fail(err, TUBE_ENOMEM, "%s: out of memory", r->name);
    }
    return TUBE_OK;
}

static tube_status
gzip_decode(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    int rc;

    *n = 0;
    if (!r->inside && r->in_at < r->in_len) {
        if (r->in[r->in_at] != 0x1f)
            return fail_here(r, r->offset, "what follows is not gzip", err);
        (void)inflateReset(&r->gzip);
        r->inside = true;
    }
    r->gzip.next_in = (unsigned char *)r->in + r->in_at;
    r->gzip.avail_in = (uInt)(r->in_len - r->in_at);
    r->gzip.next_out = (unsigned char *)buf;
    r->gzip.avail_out = (uInt)room;
    rc = inflate(&r->gzip, Z_NO_FLUSH);
    r->in_at = r->in_len - r->gzip.avail_in;
    *n = room - r->gzip.avail_out;
    if (rc == Z_STREAM_END)
        r->inside = false;
    if (rc == Z_MEM_ERROR)
        return tube_fail(err, TUBE_ENOMEM, "%s: out of memory", r->name);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return fail_here(r, r->offset + *n, "damaged gzip data", err);
    return TUBE_OK;
}
#else
static tube_status
gzip_begin(tubei_reader *r, tube_error *err)
{
    r->format = PLAIN;
    (void)tube_fail(err, TUBE_EIO, "%s: gzip, which this build cannot read", r->name);
    tube_hint(err,
              "apt install zlib1g-dev and build again, or: zcat FILE | tubes load -");
    return TUBE_EIO;
}

static tube_status
gzip_decode(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    (void)buf;
    (void)room;
    *n = 0;
    return gzip_begin(r, err);
}
#endif

#ifdef TUBES_HAVE_ZSTD
static tube_status
zstd_begin(tubei_reader *r, tube_error *err)
{
    r->zstd = ZSTD_createDStream();
    if (r->zstd == NULL)
        return tube_fail(err, TUBE_ENOMEM, "%s: out of memory", r->name);
    (void)ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MOST);
    return TUBE_OK;
}

static tube_status
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written through `out` */
zstd_decode(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    ZSTD_inBuffer in = { r->in, r->in_len, r->in_at };
    ZSTD_outBuffer out = { .dst = buf, .size = room };
    size_t rc = ZSTD_decompressStream(r->zstd, &out, &in);

    r->in_at = in.pos;
    *n = out.pos;
    if (ZSTD_isError(rc)) {
        char what[96];

        (void)snprintf(what, sizeof(what), "cannot decode zstd (%s)",
                       ZSTD_getErrorName(rc));
        return fail_here(r, r->offset + *n, what, err);
    }
    r->inside = rc != 0;
    return TUBE_OK;
}
#else
static tube_status
zstd_begin(tubei_reader *r, tube_error *err)
{
    r->format = PLAIN;
    (void)tube_fail(err, TUBE_EIO, "%s: zstd, which this build cannot read", r->name);
    tube_hint(
        err,
        "apt install libzstd-dev and build again, or: zstdcat FILE | tubes load -");
    return TUBE_EIO;
}

static tube_status
zstd_decode(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    (void)buf;
    (void)room;
    *n = 0;
    return zstd_begin(r, err);
}
#endif

static tube_status
decode(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    tube_status st = TUBE_OK;

    *n = 0;
    while (*n < room) {
        size_t got = 0;
        size_t before = r->in_at;

        st = refill(r, err);
        if (st != TUBE_OK)
            break;
        if (r->in_ended && !r->inside) {
            st = TUBE_END;
            break;
        }
        st = (r->format == GZIP ? gzip_decode : zstd_decode)(r, buf + *n, room - *n,
                                                             &got, err);
        *n += got;
        r->offset += got;
        if (st != TUBE_OK)
            break;
        if (r->in_ended && r->inside && got == 0 && r->in_at == before) {
            st = fail_here(r, r->offset, "the compressed data is cut off", err);
            break;
        }
    }
    return *n > 0 && st > TUBE_OK ? TUBE_OK : st;
}

/* `buf` holds the first `n` bytes, and they are compressed: decode from here on. */
static tube_status
begin(tubei_reader *r, const char *buf, size_t n, tube_error *err)
{
    r->in = malloc(IN_BYTES);
    if (r->in == NULL) {
        r->format = PLAIN;
        return tube_fail(err, TUBE_ENOMEM, "%s: out of memory", r->name);
    }
    memcpy(r->in, buf, n);
    r->in_len = n;
    r->in_at = 0;
    return r->format == GZIP ? gzip_begin(r, err) : zstd_begin(r, err);
}

static tube_status
unsupported(tubei_reader *r, tube_error *err)
{
    const char *what = r->format == XZ ? "xz" : "bzip2";

    (void)tube_fail(err, TUBE_EIO, "%s: %s is not supported", r->name, what);
    tube_hint(err, "%s -dc FILE | tubes load -, or decompress=no", what);
    return TUBE_EIO;
}

/* The first read: plain bytes go straight to the caller, others to `in`. */
static tube_status
read_first(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    size_t most = room < IN_BYTES ? room : IN_BYTES;
    size_t have;
    tube_status st;

    do {
        size_t got;

        memcpy(buf, r->head, r->n_head);
        st = read_some(r, buf + r->n_head, most - r->n_head, &got, err);
        have = r->n_head + got;
        if (st != TUBE_OK && st != TUBE_END)
            return st;
        r->format = detect(buf, have, st == TUBE_END);
        if (r->format == UNKNOWN) {
            memcpy(r->head, buf, have);
            r->n_head = have;
        }
    } while (r->format == UNKNOWN);
    if (r->format == PLAIN) {
        *n = have;
        r->offset = have;
        return have > 0 ? TUBE_OK : TUBE_END;
    }
    if (r->format == XZ || r->format == BZIP2)
        return unsupported(r, err);
    st = begin(r, buf, have, err);
    return st == TUBE_OK ? decode(r, buf, room, n, err) : st;
}

tube_status
tubei_reader_read(tubei_reader *r, char *buf, size_t room, size_t *n, tube_error *err)
{
    tube_status st;

    *n = 0;
    if (r->format == UNKNOWN)
        return read_first(r, buf, room, n, err);
    if (r->format != PLAIN)
        return decode(r, buf, room, n, err);
    st = read_some(r, buf, room, n, err);
    r->offset += *n;
    return st;
}

static tube_status
seek_plain(tubei_reader *r, uint64_t offset, char *before, tube_error *err)
{
    if (offset > INT64_MAX || lseek(r->fd, (off_t)(offset - 1), SEEK_SET) < 0)
        return tube_fail_errno(err, "%s: cannot go to byte %llu", r->name,
                               (unsigned long long)offset);
    r->format = PLAIN;
    r->offset = offset;
    switch (read(r->fd, before, 1)) {
    case 1: return TUBE_OK;
    case 0: return fail_here(r, offset, "cut off while it was read", err);
    default: return tube_fail_errno(err, "%s: cannot read", r->name);
    }
}

tube_status
tubei_reader_skip(tubei_reader *r, uint64_t offset, char *before, tube_error *err)
{
    char buf[4096];
    tube_status st = TUBE_OK;

    *before = '\n';
    if (offset == 0)
        return TUBE_OK;
    if (r->format == UNKNOWN) {
        ssize_t got = pread(r->fd, buf, MAGIC_MOST, 0);

        if (got < 0)
            return tube_fail_errno(err, "%s: cannot read", r->name);
        r->format = detect(buf, (size_t)got, true);
        if (r->format == XZ || r->format == BZIP2)
            return unsupported(r, err);
        if (r->format != PLAIN)
            st = begin(r, "", 0, err);
    }
    if (r->format == PLAIN && st == TUBE_OK)
        return seek_plain(r, offset, before, err);
    while (st == TUBE_OK && r->offset < offset) {
        uint64_t left = offset - r->offset;
        size_t room = left < sizeof(buf) ? (size_t)left : sizeof(buf);
        size_t n;

        st = tubei_reader_read(r, buf, room, &n, err);
        if (n > 0)
            *before = buf[n - 1];
    }
    return st == TUBE_END ? fail_here(r, r->offset, "ends before what was stored", err)
                          : st;
}
