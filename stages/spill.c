/* SPDX-License-Identifier: MIT */
/* spill.c -- see spill.h; the file, its records and its space. */
#include "spill.h"

#include "buffer_crc.h"
#include "spill_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 1 << 20, /**< space is given back in such pieces */
    KEEP = 1 << 20,  /**< a scratch buffer above that is not kept */
};

#define MAGIC 0x4c505354u

/* What stands before the rows; no padding. */
struct record_head {
    uint32_t magic;
    uint32_t crc; /* of all that is behind it */
    uint64_t sequence;
    uint64_t at;
    uint64_t size;
    uint32_t rows;
    uint32_t width;
    uint32_t lines; /* spill_lines */
    uint32_t zero;
};

enum { CRC_FROM = offsetof(struct record_head, sequence) };

struct tubei_spill {
    int fd;
    char *dir;
    uint64_t most;
    uint64_t tail;     /* where the next record goes */
    uint64_t punched;  /* bytes below it that were given back */
    uint64_t sequence; /* of the next record */
    uint64_t live;     /* records that are wanted */
    uint32_t *chunk;   /* of them, how many lie in each piece of the file */
    size_t chunks;     /* that `chunk` has room for */
    bool holes;        /* the file system can give back pieces */
    char *scratch;
    size_t room; /* of `scratch` */
};

/* Opening. */

static int
open_unnamed(const char *dir)
{
    char name[PATH_MAX];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return fd;
    if (snprintf(name, sizeof(name), "%s/tubes-XXXXXX", dir) >= (int)sizeof(name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(name);
    return fd;
}

tube_status
tubei_spill_new(const char *dir, uint64_t most, tubei_spill **out, tube_error *err)
{
    const char *tmp = secure_getenv("TMPDIR");
    tubei_spill *f = calloc(1, sizeof(*f));

    if (dir == NULL || *dir == '\0')
        dir = tmp != NULL && *tmp != '\0' ? tmp : "/tmp";
    if (f == NULL || (f->dir = strdup(dir)) == NULL) {
        free(f);
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    }
    f->most = most;
    f->holes = true;
    f->fd = open_unnamed(dir);
    if (f->fd < 0) {
        (void)tube_fail_errno(err, "cannot make a temporary file in %s", dir);
        tube_hint(err, "dir= names another directory, on a disk and not in memory");
        free(f->dir);
        free(f);
        return TUBE_EIO;
    }
    *out = f;
    return TUBE_OK;
}

void
tubei_spill_free(tubei_spill *f)
{
    if (f == NULL)
        return;
    (void)close(f->fd);
    free(f->chunk);
    free(f->scratch);
    free(f->dir);
    free(f);
}

uint64_t
tubei_spill_bytes(const tubei_spill *f)
{
    return f->tail - f->punched;
}

int
tubei_spill_fd(const tubei_spill *f)
{
    return f->fd;
}

/* Space. */

static bool
chunks_grow(tubei_spill *f, uint64_t end)
{
    size_t need = (size_t)(end / CHUNK) + 1;
    size_t room = f->chunks > 0 ? f->chunks : 64;
    uint32_t *more;

    if (need <= f->chunks)
        return true;
    while (room < need)
        if (__builtin_mul_overflow(room, 2, &room))
            return false;
    more = reallocarray(f->chunk, room, sizeof(*more));
    if (more == NULL)
        return false;
    memset(more + f->chunks, 0, (room - f->chunks) * sizeof(*more));
    f->chunk = more;
    f->chunks = room;
    return true;
}

static void
chunk_release(tubei_spill *f, uint64_t i)
{
    /* Where the next record goes is not behind the piece yet. */
    if (--f->chunk[i] > 0 || (i + 1) * CHUNK > f->tail || !f->holes)
        return;
    if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(i * CHUNK),
                  CHUNK)
        == 0)
        f->punched += CHUNK;
    else
        f->holes = false;
}

void
tubei_spill_forget(tubei_spill *f, tubei_spilled *where)
{
    if (where->size == 0)
        return;
    for (uint64_t i = where->at / CHUNK; i <= (where->at + where->size - 1) / CHUNK;
         i++)
        chunk_release(f, i);
    *where = (tubei_spilled){ 0 };
    if (--f->live > 0)
        return;
    /* If it cannot be cut, it is only longer than it had to be. */
    (void)!ftruncate(f->fd, 0);
    f->tail = 0;
    f->punched = 0;
}

static bool
scratch_need(tubei_spill *f, size_t size)
{
    char *more;

    if (size <= f->room)
        return true;
    more = realloc(f->scratch, size);
    if (more == NULL)
        return false;
    f->scratch = more;
    f->room = size;
    return true;
}

static void
scratch_done(tubei_spill *f)
{
    if (f->room <= KEEP)
        return;
    free(f->scratch);
    f->scratch = NULL;
    f->room = 0;
}

/* Writing. */

/* False: see errno. */
static bool
write_all(int fd, const char *p, size_t size, uint64_t at)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, p, size, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

static tube_status
write_record(tubei_spill *f, size_t size, tube_error *err)
{
    bool full;

    if (write_all(f->fd, f->scratch, size, f->tail))
        return TUBE_OK;
    full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
    (void)tube_fail_errno(err, "cannot write to the temporary file in %s", f->dir);
    tube_hint(err, "make room there, or name another directory with dir=");
    if (!full)
        return TUBE_EIO;
    /* What was written in part takes room that others need. */
    (void)!ftruncate(f->fd, (off_t)f->tail);
    return TUBE_AGAIN;
}

static void
record_finish(const tubei_spill *f, const tube_batch *b, size_t size, uint32_t lines)
{
    struct record_head h = {
        .magic = MAGIC,
        .sequence = f->sequence,
        .at = f->tail,
        .size = size,
        .rows = tube_batch_count(b),
        .width = b->width,
        .lines = lines,
    };

    memcpy(f->scratch, &h, sizeof(h));
    h.crc = tubei_crc32c(0, f->scratch + CRC_FROM, size - CRC_FROM);
    memcpy(f->scratch, &h, sizeof(h));
}

tube_status
tubei_spill_write(tubei_spill *f, const tube_batch *b, tubei_spilled *where,
                  tube_error *err)
{
    spill_lines lines = tubei_spill_lines(b);
    size_t size;
    uint64_t end;
    tube_status st;

    if (!tubei_spill_measure(b, lines, &size)
        || __builtin_add_overflow(size, sizeof(struct record_head), &size)
        || __builtin_add_overflow(f->tail, size, &end) || end > INT64_MAX
        || !chunks_grow(f, end) || !scratch_need(f, size))
        return tube_fail(err, TUBE_ENOMEM, "no memory to write %u records to a file",
                         tube_batch_count(b));
    if (end - f->punched > f->most) {
        (void)tube_fail(err, TUBE_EIO,
                        "the temporary file in %s is full: %" PRIu64
                        " bytes and max=%" PRIu64,
                        f->dir, tubei_spill_bytes(f), f->most);
        tube_hint(err, "a greater max= lets it grow");
        return TUBE_AGAIN;
    }
    tubei_spill_encode(b, lines, f->scratch + sizeof(struct record_head));
    record_finish(f, b, size, lines);
    st = write_record(f, size, err);
    scratch_done(f);
    if (st != TUBE_OK)
        return st;
    *where = (tubei_spilled){ f->tail, size, f->sequence++ };
    f->tail = end;
    f->live++;
    for (uint64_t i = where->at / CHUNK; i <= (end - 1) / CHUNK; i++)
        f->chunk[i]++;
    return TUBE_OK;
}

/* Reading. */

static tube_status
read_record(const tubei_spill *f, const tubei_spilled *where, char *to, tube_error *err)
{
    uint64_t got = 0;

    while (got < where->size) {
        ssize_t n = pread(f->fd, to + got, where->size - got, (off_t)(where->at + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tube_fail_errno(err, "cannot read the temporary file in %s", f->dir);
        if (n == 0)
            return tube_fail(err, TUBE_EIO,
                             "the temporary file in %s ends at byte %" PRIu64
                             ", before that was read",
                             f->dir, where->at + got);
        got += (uint64_t)n;
    }
    return TUBE_OK;
}

static tube_status
damaged(const tubei_spill *f, const tubei_spilled *where, tube_error *err)
{
    (void)tube_fail(err, TUBE_EIO,
                    "the temporary file in %s is damaged: %" PRIu64 " bytes at %" PRIu64
                    " are not what was written",
                    f->dir, where->size, where->at);
    tube_hint(err, "check the disk; what is in a file as well can be loaded again");
    return TUBE_EIO;
}

/* Is it the record that was written there, unchanged? */
static bool
record_holds(const char *record, const tubei_spilled *where, const tube_batch *b,
             struct record_head *h)
{
    memcpy(h, record, sizeof(*h));
    return h->magic == MAGIC && h->sequence == where->sequence && h->at == where->at
           && h->size == where->size && h->rows == tube_batch_count(b)
           && h->width == b->width
           && h->crc
                  == tubei_crc32c(0, record + CRC_FROM, (size_t)where->size - CRC_FROM);
}

tube_status
tubei_spill_read(tubei_spill *f, tubei_spilled *where, tube_batch *b, tube_error *err)
{
    char *record = tube_batch_alloc(b, where->size);
    struct record_head h;
    tube_status st;

    if (record == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no memory to read %" PRIu64 " bytes back",
                         where->size);
    st = read_record(f, where, record, err);
    if (st != TUBE_OK)
        return st;
    if (!record_holds(record, where, b, &h)
        || !tubei_spill_decode(b, h.lines, record + sizeof(h), where->size - sizeof(h)))
        return damaged(f, where, err);
    tubei_spill_forget(f, where);
    return TUBE_OK;
}
