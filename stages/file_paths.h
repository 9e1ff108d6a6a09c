/* SPDX-License-Identifier: MIT */
/* file_paths.h -- the files that paths and patterns stand for, each of them once. */
#ifndef TUBES_STAGES_FILE_PATHS_H
#define TUBES_STAGES_FILE_PATHS_H

#include <tubes/stage.h>

#include <sys/types.h>

/** A file to be read. */
typedef struct tubei_path {
    char *name; /**< real path; of a stream, the path as given */
    dev_t dev;
    ino_t ino;
    bool stream;     /**< standard input or a FIFO: read once, without a position */
    uint64_t size;   /**< set by file.c: bytes, UINT64_MAX: unknown */
    uint32_t origin; /**< set by file.c; TUBE_NO_ORIGIN: a stream, or an empty file */
} tubei_path;

typedef struct tubei_paths {
    tubei_path *item;
    size_t n;
    size_t room;
} tubei_paths;

/**
 * Find the files, in the order of the patterns, those of one pattern sorted by name.
 *
 * A file that is named twice, by whatever paths, is taken once.  A path that exists is
 * no pattern, whatever characters it has.  `-` is standard input.
 *
 * @param p  zeroed; tubei_paths_fini() frees what is in it, also after a failure
 * @return TUBE_EIO     missing, no permission, no match, a directory, socket or device
 *         TUBE_ENOMEM
 *
 * Threads: any.  Blocks: as stat() does.
 */
tube_status tubei_paths_find(tubei_paths *p, const tube_list *patterns,
                             tube_error *err) TUBE_NODISCARD;

/** Free what is inside.  Threads: any.  Blocks: no. */
void tubei_paths_fini(tubei_paths *p);

#endif /* TUBES_STAGES_FILE_PATHS_H */
