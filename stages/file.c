/* SPDX-License-Identifier: MIT */
/* file.c -- bytes of files, one after the other.
 *
 * in      nothing
 * out     bytes; a regular file is an origin, read from where the sinks have got to
 * source  docs/delivery.md: a file is its real path and its first 1,024 bytes
 *
 * A batch holds one read() of a large file, or as many small files as fit, so that
 * 100,000 files are not 100,000 batches.  A file is open only while it is its turn.
 */
#include "file_paths.h"
#include "file_read.h"

#include <tubes/stage.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PRINT_BYTES = 1024,
    FILES_A_CALL = 256, /* so that files without news do not hold up a worker */
    DECOMPRESS_AUTO = 0,
};

struct file {
    tube_list paths;    /* option */
    int64_t decompress; /* option; index in "auto|no" */

    tubei_paths files;
    bool started;         /* process() was called */
    size_t at;            /* the file whose turn it is */
    tubei_reader *reader; /* of that file; NULL: not open */
    uint64_t begun;       /* where reading of it began */
    bool in_line;         /* that is inside of a line, which is stored already */
    char *sample;         /* NULL: nobody asked */
    size_t sample_len;
    size_t sample_at;   /* of a stream: bytes already sent */
    tube_error failure; /* to be returned when what came before it is sent */
};

#define AT(member) offsetof(struct file, member)
static const tube_option options[] = {
    { "paths", TUBE_OPT_LIST, AT(paths), NULL, NULL,
      "files, patterns such as logs/*.gz, or - for standard input",
      TUBE_OPT_POSITIONAL },
    { "decompress", TUBE_OPT_ENUM, AT(decompress), "auto", "auto|no",
      "gzip and zstd are recognised by their first bytes", 0 },
    { 0 },
};

static const char *const examples[] = {
    "file access.log | parse combined | print",
    "file logs/*.log logs/*.gz | parse combined | sqlite tubes.db",
    NULL,
};

static unsigned
reader_flags(const struct file *f)
{
    return f->decompress == DECOMPRESS_AUTO ? 0 : TUBEI_READER_RAW;
}

/* Open a regular file, and see that it is still the one that was found. */
static tube_status
open_regular(const struct file *f, const tubei_path *p, tubei_reader **r,
             tube_error *err)
{
    /* Non-blocking: what was a file may have become a FIFO. */
    int fd = open(p->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat st;

    *r = NULL;
    if (fd < 0)
        return tube_fail_errno(err, "%s", p->name);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_dev == p->dev
        && st.st_ino == p->ino) {
        *r = tubei_reader_new(fd, p->name, reader_flags(f));
        if (*r != NULL)
            return TUBE_OK;
    }
    (void)close(fd);
    (void)tube_fail(err, TUBE_EIO, "%s: another file is there now", p->name);
    tube_hint(err, "run again: what is stored already is not stored twice");
    return TUBE_EIO;
}

static tube_status
open_stream(const struct file *f, const tubei_path *p, tubei_reader **r,
            tube_error *err)
{
    bool is_stdin = strcmp(p->name, "-") == 0;
    struct stat st;
    unsigned poll_it;
    int fd = STDIN_FILENO;

    if (!is_stdin)
        fd = open(p->name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0)
        return tube_fail_errno(err, "%s", p->name);
    poll_it = S_ISREG(st.st_mode) ? 0 : TUBEI_READER_POLL;
    *r = tubei_reader_new(fd, p->name, reader_flags(f) | poll_it);
    if (*r != NULL)
        return TUBE_OK;
    if (!is_stdin)
        (void)close(fd);
    return tube_fail(err, TUBE_ENOMEM, "out of memory");
}

/* The first bytes of a file. */
struct start {
    char *buf;
    size_t room;
    size_t len; /* as many as there are, at most `room` */
    bool compressed;
};

static tube_status
read_start(const struct file *f, const tubei_path *p, struct start *t, tube_error *err)
{
    tubei_reader *r;
    tube_status st = open_regular(f, p, &r, err);

    t->len = 0;
    if (st != TUBE_OK)
        return st;
    while (st == TUBE_OK && t->room - t->len >= TUBEI_READER_LEAST) {
        size_t n;

        st = tubei_reader_read(r, t->buf + t->len, t->room - t->len, &n, err);
        t->len += n;
    }
    t->compressed = tubei_reader_compressed(r);
    tubei_reader_close(r);
    /* What is damaged later on is loaded up to there. */
    return st < TUBE_OK && t->len == 0 ? st : TUBE_OK;
}

/* Make a file known to the sinks; one without a byte in it is passed over. */
static tube_status
add_origin(tube_stage *s, tubei_path *p, tube_error *err)
{
    struct file *f = tube_state(s);
    char print[PRINT_BYTES + TUBEI_READER_LEAST];
    tube_origin o = { .name = p->name, .print = print, .size = UINT64_MAX };
    struct start t = { .buf = print, .room = sizeof(print) };
    struct stat now;
    tube_status st = read_start(f, p, &t, err);

    if (st != TUBE_OK || t.len == 0)
        return st;
    o.print_len = (uint32_t)(t.len < PRINT_BYTES ? t.len : PRINT_BYTES);
    /* Some files of /proc have bytes and say they have none. */
    if (!t.compressed && stat(p->name, &now) == 0 && now.st_size > 0)
        o.size = (uint64_t)now.st_size;
    p->size = o.size;
    return tube_origin_add(s, &o, &p->origin, err);
}

static void
leave_file(tube_stage *s)
{
    struct file *f = tube_state(s);

    if (f->reader != NULL && f->files.item[f->at].stream)
        tube_forget_fd(s, tubei_reader_fd(f->reader));
    tubei_reader_close(f->reader);
    f->reader = NULL;
}

static void
file_close(tube_stage *s)
{
    struct file *f = tube_state(s);

    leave_file(s);
    tubei_paths_fini(&f->files);
    free(f->sample);
}

static tube_status
file_open(tube_stage *s, tube_error *err)
{
    struct file *f = tube_state(s);
    tube_status st = tubei_paths_find(&f->files, &f->paths, err);

    for (size_t i = 0; st == TUBE_OK && i < f->files.n; i++)
        if (!f->files.item[i].stream)
            st = add_origin(s, &f->files.item[i], err);
    if (st == TUBE_OK)
        return TUBE_OK;
    file_close(s);
    return err != NULL && st == TUBE_EIO ? tube_blame(s, "paths", err) : st;
}

/* Bytes still to be read, if all of the files can tell. */
static void
expect_bytes(tube_stage *s)
{
    struct file *f = tube_state(s);
    uint64_t left = 0;

    for (size_t i = 0; i < f->files.n; i++) {
        const tubei_path *p = &f->files.item[i];
        uint64_t low;

        if (!p->stream && p->origin == TUBE_NO_ORIGIN)
            continue;
        if (p->size == UINT64_MAX)
            return;
        low = tube_origin_mark(s, p->origin).low;
        left += p->size > low ? p->size - low : 0;
    }
    tube_expect_bytes(s, left);
}

/* Only lines end with a newline. */
static bool
feeds_frames(const tube_stage *s)
{
    return tube_feeds(s, "netstrings") || tube_feeds(s, "prefixed")
           || tube_feeds(s, "octets");
}

/* A file's turn has come. */
static tube_status
begin_file(tube_stage *s, tube_error *err)
{
    struct file *f = tube_state(s);
    const tubei_path *p = &f->files.item[f->at];
    tube_status st = p->stream ? open_stream(f, p, &f->reader, err)
                               : open_regular(f, p, &f->reader, err);
    char before;

    if (st != TUBE_OK || p->stream)
        return st;
    /* Advice: what comes of it does not matter. */
    (void)posix_fadvise(tubei_reader_fd(f->reader), 0, 0, POSIX_FADV_SEQUENTIAL);
    f->begun = tube_origin_mark(s, p->origin).low;
    st = tubei_reader_skip(f->reader, f->begun, &before, err);
    f->in_line = before != '\n' && !feeds_frames(s);
    return st;
}

/* The file has no more bytes. */
static tube_status
end_file(tube_stage *s, tube_error *err)
{
    struct file *f = tube_state(s);
    const tubei_path *p = &f->files.item[f->at];
    uint64_t offset = tubei_reader_offset(f->reader);
    struct stat st;

    if (p->size != UINT64_MAX && fstat(tubei_reader_fd(f->reader), &st) == 0
        && ((uint64_t)st.st_size < offset || offset < p->size)) {
        (void)tube_fail(err, TUBE_EIO, "%s: cut off while it was read, at byte %llu",
                        p->name, (unsigned long long)offset);
        if (err != NULL)
            err->offset = offset;
        return TUBE_EIO;
    }
    leave_file(s);
    f->at++;
    return TUBE_OK;
}

/* What was read of a stream to find out what it holds comes first. */
static size_t
take_sampled(struct file *f, char *buf, size_t room)
{
    size_t n = f->sample_len - f->sample_at;

    if (!f->files.item[f->at].stream || n == 0)
        return 0;
    n = n < room ? n : room;
    memcpy(buf, f->sample + f->sample_at, n);
    f->sample_at += n;
    return n;
}

/* A line that was stored without its end has got longer: nothing can mend the row. */
static void
warn_in_line(tube_stage *s, const tube_segment *seg)
{
    struct file *f = tube_state(s);

    if (!f->in_line || seg->bytes.len == 0)
        return;
    f->in_line = false;
    if (seg->bytes.ptr[0] != '\n' && seg->bytes.ptr[0] != '\r')
        tube_warn(s,
                  "%s: the line before byte %llu was stored without its end; the rest "
                  "of it is taken for a line",
                  f->files.item[f->at].name, (unsigned long long)seg->offset);
}

/* Read until the file ends, nothing is there now, or `room` is used up. */
static tube_status
read_on(struct file *f, char *buf, size_t room, size_t *len)
{
    while (room - *len >= TUBEI_READER_LEAST) {
        tube_status st = f->failure.status;
        size_t n = 0;

        if (st == TUBE_OK)
            st = tubei_reader_read(f->reader, buf + *len, room - *len, &n, &f->failure);
        *len += n;
        if (st != TUBE_OK)
            return st;
    }
    return TUBE_OK;
}

/* One segment, or none, of the file whose turn it is. */
static tube_status
fill_from(tube_stage *s, tube_batch *b, char *buf, size_t room, size_t *used)
{
    struct file *f = tube_state(s);
    const tubei_path *p = &f->files.item[f->at];
    tube_segment seg = { .bytes.ptr = buf, .origin = p->origin };
    tube_status st = f->reader == NULL ? begin_file(s, &f->failure) : TUBE_OK;

    if (st != TUBE_OK)
        return st;
    seg.offset = tubei_reader_offset(f->reader);
    if (p->stream)
        seg.offset -= f->sample_len - f->sample_at;
    else
        /* The rest of a line that is stored has the number of that line. */
        seg.line = tube_origin_mark(s, p->origin).line - f->in_line;
    seg.bytes.len = take_sampled(f, buf, room);
    st = read_on(f, buf, room, &seg.bytes.len);
    warn_in_line(s, &seg);
    if (st == TUBE_END) {
        st = end_file(s, &f->failure);
        seg.last = st == TUBE_OK;
    }
    /* The end alone is news only where there may be an open line. */
    if (seg.bytes.len > 0 || (seg.last && seg.offset > f->begun))
        (void)tube_batch_segment(b, &seg);
    *used += seg.bytes.len;
    return st;
}

static tube_status
fill(tube_stage *s, tube_batch *b)
{
    struct file *f = tube_state(s);
    char *buf = tube_batch_buffer(b);
    tube_status st = TUBE_OK;
    size_t used = 0;

    for (size_t i = 0; st == TUBE_OK && i < FILES_A_CALL && f->at < f->files.n; i++) {
        const tubei_path *p = &f->files.item[f->at];

        if (TUBE_BUFFER_BYTES - used < TUBEI_READER_LEAST
            || b->n_segments == TUBE_BATCH_EXTENTS)
            break;
        if (p->stream || p->origin != TUBE_NO_ORIGIN)
            st = fill_from(s, b, buf + used, TUBE_BUFFER_BYTES - used, &used);
        else
            f->at++; /* it was empty */
    }
    return st;
}

static tube_status
file_process(tube_stage *s, tube_batch *none, tube_error *err)
{
    struct file *f = tube_state(s);
    tube_batch *b;
    tube_status st;

    (void)none;
    if (!f->started)
        expect_bytes(s);
    f->started = true;
    if (f->at == f->files.n)
        return TUBE_END;
    b = tube_take(s);
    if (b == NULL)
        return TUBE_AGAIN;
    st = fill(s, b);
    if (b->n_segments > 0)
        return tube_emit(s, &b);
    tube_untake(s, &b);
    if (st < TUBE_OK && err != NULL)
        *err = f->failure;
    if (st == TUBE_AGAIN)
        tube_wait_fd(s, tubei_reader_fd(f->reader), TUBE_READABLE);
    return st;
}

/* Wait for the first line of a stream; process() sends it on. */
static void
sample_stream(struct file *f)
{
    const tubei_path *p = &f->files.item[f->at];
    tube_status st = open_stream(f, p, &f->reader, &f->failure);

    while (st >= TUBE_OK && st != TUBE_END
           && TUBE_BUFFER_BYTES - f->sample_len >= TUBEI_READER_LEAST
           && memchr(f->sample, '\n', f->sample_len) == NULL) {
        size_t n;

        if (st == TUBE_AGAIN)
            tubei_reader_wait(f->reader);
        st = tubei_reader_read(f->reader, f->sample + f->sample_len,
                               TUBE_BUFFER_BYTES - f->sample_len, &n, &f->failure);
        f->sample_len += n;
    }
}

static tube_slice
file_sample(tube_stage *s)
{
    struct file *f = tube_state(s);
    const tubei_path *p = f->files.item;
    struct start t = { .room = TUBE_BUFFER_BYTES };
    tube_error ignored; /* process() meets it too */

    while (f->at < f->files.n && !p[f->at].stream && p[f->at].origin == TUBE_NO_ORIGIN)
        f->at++;
    if (f->sample != NULL || f->at == f->files.n)
        return (tube_slice){ f->sample, f->sample_len };
    f->sample = malloc(TUBE_BUFFER_BYTES + TUBE_PAD);
    if (f->sample == NULL)
        return (tube_slice){ NULL, 0 };
    t.buf = f->sample;
    if (p[f->at].stream)
        sample_stream(f);
    else if (read_start(f, &p[f->at], &t, &ignored) == TUBE_OK)
        f->sample_len = t.len;
    return (tube_slice){ f->sample, f->sample_len };
}

const tube_stage_def tube_stage_file = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SOURCE,
    .name = "file",
    .summary = "read files, also compressed ones, or standard input",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_NONE,
    .out = TUBE_FLOW_BYTES,
    .state_size = sizeof(struct file),
    .open = file_open,
    .process = file_process,
    .close = file_close,
    .sample = file_sample,
};
