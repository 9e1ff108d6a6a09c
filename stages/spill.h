/* SPDX-License-Identifier: MIT */
/* spill.h -- a temporary file in which batches wait for room in memory.
 *
 * The file has no name: it is gone when it is closed, however that comes about.  Records
 * are appended, and read once, in any order; space is given back a mebibyte at a time,
 * all of it when nothing is left.
 *
 * A record is a head, and for every live row its number, its line and its cells.  The
 * checksum covers all of it, and the head says where the record belongs, so that any
 * change is found, and also a record in another one's place.
 *
 *   head := magic:4 crc32c:4 sequence:8 place:8 size:8 rows:4 width:4 lines:4 0:4
 *   row  := number:4 [ length:4 bytes ] { cell }         (a line if `lines` is 1)
 *   cell := 0:1 | 1:1 value:8                            (NULL, a number)
 *         | 2:1 length:4 bytes | 3:1 length:4 place:4    (a text; one in the line)
 *
 * in the byte order of the machine: no other one ever reads it.
 */
#ifndef TUBES_STAGES_SPILL_H
#define TUBES_STAGES_SPILL_H

#include <tubes/stage.h>

typedef struct tubei_spill tubei_spill;

/** Where a batch lies; size 0: nowhere. */
typedef struct tubei_spilled {
    uint64_t at;
    uint64_t size;
    uint64_t sequence;
} tubei_spilled;

/**
 * Make a file of mode 0600 that nobody else can open.
 *
 * @param dir   NULL or "": $TMPDIR, or else /tmp
 * @param most  bytes that it takes on disk; UINT64_MAX: no limit
 * @param out   free it with tubei_spill_free() (given)
 * @return TUBE_EIO, TUBE_ENOMEM
 *
 * Threads: any.  Blocks: on the disk.
 */
tube_status tubei_spill_new(const char *dir, uint64_t most, tubei_spill **out,
                            tube_error *err) TUBE_NODISCARD;

/** Close it; NULL is fine (taken).  Threads: its owner.  Blocks: on the disk. */
void tubei_spill_free(tubei_spill *f);

/**
 * Append the live rows of a batch.
 *
 * @return TUBE_AGAIN  no room: `most`, or the disk is full; `err` says which
 *         TUBE_EIO, TUBE_ENOMEM
 *
 * Threads: its owner.  Blocks: on the disk.
 */
tube_status tubei_spill_write(tubei_spill *f, const tube_batch *b, tubei_spilled *where,
                              tube_error *err) TUBE_NODISCARD;

/**
 * Read them back, into cells of a batch with the same live rows; text becomes its own.
 *
 * @param where  cleared: the space is given back
 * @return TUBE_EIO     it cannot be read, or is not what was written
 *         TUBE_ENOMEM
 *
 * Threads: its owner.  Blocks: on the disk.
 */
tube_status tubei_spill_read(tubei_spill *f, tubei_spilled *where, tube_batch *b,
                             tube_error *err) TUBE_NODISCARD;

/** A batch is not wanted any more; clears `where`.  Threads: its owner. */
void tubei_spill_forget(tubei_spill *f, tubei_spilled *where);

/** Bytes that the file takes on disk.  Threads: its owner.  Blocks: no. */
uint64_t tubei_spill_bytes(const tubei_spill *f);

/** Its descriptor, for tests.  Threads: its owner.  Blocks: no. */
int tubei_spill_fd(const tubei_spill *f);

#endif /* TUBES_STAGES_SPILL_H */
