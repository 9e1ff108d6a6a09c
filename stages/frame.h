/* SPDX-License-Identifier: MIT */
/* frame.h -- records in a stream of bytes: found, whatever pieces it comes in, and written.
 *
 *   lines       text LF, or text CR LF
 *   netstrings  LENGTH ':' bytes ','    LENGTH in decimal, without leading zeros
 *   int8 ...    length in 1, 2 or 4 bytes, the highest first; then the bytes
 *   octets      LENGTH ' ' bytes        RFC 6587 3.4.1, LENGTH without leading zeros, not 0
 *
 * Every byte of the stream lies in exactly one frame, and frames follow each other without
 * a gap: what is no frame is handed out as one too, with a verdict that says so.
 *
 * After garbage the decoder looks for the next plausible start of a frame.  For a
 * netstring that is a length of at most `max` with a comma where it has to be; for octets,
 * a length of at most `max`, a blank and the '<' that a syslog message begins with.  Lines
 * and integers have no garbage: any bytes are a line, any integer is a length.
 */
#ifndef TUBES_STAGES_FRAME_H
#define TUBES_STAGES_FRAME_H

#include <tubes/batch.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum tubei_framing {
    TUBEI_FRAME_LINES,
    TUBEI_FRAME_NETSTRING,
    TUBEI_FRAME_INT8,
    TUBEI_FRAME_INT16,
    TUBEI_FRAME_INT32,
    TUBEI_FRAME_OCTETS,
} tubei_framing;

/** Choices of an option `frame`, in the order of tubei_framing. */
#define TUBEI_FRAME_NAMES "lines|netstring|int8|int16|int32|octets"

/** Choices of an option `garbage`. */
#define TUBEI_GARBAGE_NAMES "resync|fail"

enum { TUBEI_GARBAGE_RESYNC, TUBEI_GARBAGE_FAIL };

enum {
    TUBEI_FRAME_KEEP =
        4096, /**< bytes kept of what is no good; garbage comes in such pieces */
    TUBEI_FRAME_HEAD = 12, /**< bytes before a frame's text at most */
    TUBEI_FRAME_WHY = 160,
};

typedef enum tubei_verdict {
    TUBEI_FRAME_OK,
    TUBEI_FRAME_LONG,    /**< longer than max; the stream goes on behind it */
    TUBEI_FRAME_GARBAGE, /**< bytes that were skipped */
    TUBEI_FRAME_CUT,     /**< the stream ended, or was cut off, inside of it */
} tubei_verdict;

typedef struct tubei_frame {
    tubei_verdict verdict;
    bool
        in_chunk; /**< `text` points into the chunk; else it lives until the next call */
    const char *text;
    size_t len;      /**< bytes there: all if OK, else at most TUBEI_FRAME_KEEP */
    uint64_t length; /**< LONG: bytes of its text; GARBAGE, CUT: bytes there were */
    uint64_t offset; /**< first byte, counted from the start of the stream */
    uint64_t end;    /**< first byte behind it */
} tubei_frame;

/** Of one stream.  Holds the open frame, at most a little more than `max` bytes. */
typedef struct tubei_decoder {
    tubei_framing framing;
    bool fails;   /* on garbage */
    bool dead;    /* it did */
    bool hunting; /* behind garbage, before the next frame */
    char last;    /* lines: newest byte of the open line */
    size_t max;
    uint64_t at;      /* where the next byte to be looked at stands */
    uint64_t length;  /* bytes of the open line, or of the frame that is too long */
    uint64_t long_at; /* where that began */
    uint64_t skip;    /* bytes of it still to come */
    char *held;       /* bytes of the open frame, from held_at on */
    size_t held_at, held_len, held_room;
    char *junk; /* of what is skipped: TUBEI_FRAME_KEEP */
    size_t junk_len;
} tubei_decoder;

/** A decoder at the start of a stream; `max` from 1 on, `garbage` as the option. */
void tubei_decoder_init(tubei_decoder *d, tubei_framing framing, size_t max,
                        int64_t garbage);

/** Free what it holds.  Threads: its owner.  Blocks: no. */
void tubei_decoder_fini(tubei_decoder *d);

/**
 * The next frame of a stream.
 *
 * @param chunk  the next bytes, the same until all `len` are used up (borrowed)
 * @param pos    how many of them are; 0 at first
 * @return 1: a frame; 0: all is used up; -1: out of memory
 *
 * Where garbage is to fail, it is handed out once, with the bytes that are there of it;
 * then the decoder is dead and swallows what comes.
 *
 * Threads: its owner.  Blocks: no.
 */
int tubei_decoder_next(tubei_decoder *d, const char *chunk, size_t len, size_t *pos,
                       tubei_frame *f);

/**
 * What is left behind the last chunk; call it until it returns 0.
 *
 * @param whole  the stream came to its end: an open line is complete; false: it was cut off
 * @return as tubei_decoder_next(); afterwards a new stream may begin
 */
int tubei_decoder_end(tubei_decoder *d, bool whole, tubei_frame *f);

/** True if the stream stands inside of a frame.  Threads: its owner.  Blocks: no. */
bool tubei_decoder_open(const tubei_decoder *d);

/** Why a frame is no good, in TUBEI_FRAME_WHY bytes; returns `why`. */
const char *tubei_frame_why(const tubei_decoder *d, const tubei_frame *f, char *why);

/**
 * Why a text cannot be sent in a frame, or NULL if it can.
 *
 * Threads: any.  Blocks: no.
 */
const char *tubei_frame_refuses(tubei_framing framing, tube_slice text);

/** Bytes of the integer a frame begins with; 0: none.  Threads: any.  Blocks: no. */
size_t tubei_frame_integer(tubei_framing framing);

/**
 * What stands before a text of `len` bytes.
 *
 * @param head  TUBEI_FRAME_HEAD bytes (borrowed)
 * @return bytes
 */
size_t tubei_frame_head(tubei_framing framing, size_t len, char *head);

/** What stands behind it. */
tube_slice tubei_frame_tail(tubei_framing framing);

#endif /* TUBES_STAGES_FRAME_H */
