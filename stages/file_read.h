/* SPDX-License-Identifier: MIT */
/* file_read.h -- bytes of a descriptor, decompressed if they are compressed.
 *
 * What it is, is decided by the first bytes (RFC 1952 2.3.1; RFC 8878 3.1.1), never by
 * the name.  Members of a gzip file and frames of a zstd file that follow one another
 * are read as one.  Memory is bounded: 64 KiB of input and the decoder's window, at
 * most 32 KiB for gzip and 128 MiB for zstd.
 */
#ifndef TUBES_STAGES_FILE_READ_H
#define TUBES_STAGES_FILE_READ_H

#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tubei_reader tubei_reader;

/** How to read. */
enum {
    TUBEI_READER_RAW = 1 << 0,  /**< do not decompress */
    TUBEI_READER_POLL = 1 << 1, /**< a pipe, terminal or socket: never wait for it */
};

/** Least room that tubei_reader_read() may be given. */
enum { TUBEI_READER_LEAST = 16 };

/**
 * Make a reader.
 *
 * @param fd     closed by tubei_reader_close() unless it is 0 (taken)
 * @param name   for messages; must outlive the reader (borrowed)
 * @param flags  TUBEI_READER_RAW, TUBEI_READER_POLL
 * @return given: tubei_reader_close(); NULL: out of memory, fd is not closed
 *
 * Threads: any.  Blocks: no.
 */
tubei_reader *tubei_reader_new(int fd, const char *name, unsigned flags);

/**
 * Read what is there, at most `room` bytes.
 *
 * @param room  at least TUBEI_READER_LEAST
 * @param n     bytes read; may be over 0 beside a failure: they are good (borrowed)
 * @return TUBE_OK     *n > 0
 *         TUBE_AGAIN  with TUBEI_READER_POLL: nothing is there now
 *         TUBE_END    nothing is left
 *         TUBE_EIO    cannot be read, is damaged, or ends inside a member or frame
 *         TUBE_ENOMEM
 *
 * Threads: one at a time.  Blocks: while the disk reads; see TUBEI_READER_POLL.
 */
tube_status tubei_reader_read(tubei_reader *r, char *buf, size_t room, size_t *n,
                              tube_error *err) TUBE_NODISCARD;

/**
 * Before the first read of a regular file: begin at byte `offset` of what it holds.
 *
 * Compressed bytes below `offset` are decompressed and thrown away.
 *
 * @param before  set to the byte before `offset`, '\n' if that is 0 (borrowed)
 * @return as tubei_reader_read(); TUBE_EIO also if there are not so many bytes
 *
 * Threads: one at a time.  Blocks: while the disk reads.
 */
tube_status tubei_reader_skip(tubei_reader *r, uint64_t offset, char *before,
                              tube_error *err) TUBE_NODISCARD;

/** Wait until a read can say more than TUBE_AGAIN.  Blocks: yes. */
void tubei_reader_wait(const tubei_reader *r);

/** The descriptor.  Threads: any.  Blocks: no. */
int tubei_reader_fd(const tubei_reader *r);

/** Bytes given so far, skipped ones included.  Threads: one at a time.  Blocks: no. */
uint64_t tubei_reader_offset(const tubei_reader *r);

/** After the first read: are the bytes decompressed?  Threads: one at a time. */
bool tubei_reader_compressed(const tubei_reader *r);

/** Free it; NULL is fine (taken).  Threads: one at a time.  Blocks: no. */
void tubei_reader_close(tubei_reader *r);

#endif /* TUBES_STAGES_FILE_READ_H */
