/* SPDX-License-Identifier: MIT */
/* amp_box.h -- boxes of AMP, the Asynchronous Messaging Protocol: bytes to keys and values
 * and back.
 *
 * A box is  { u16 length of a key, the key, u16 length of a value, the value }...  and an
 * empty key behind the last; numbers have their high byte first.  Keys are 1 to 255 bytes,
 * values 0 to 65,535; their order means nothing, and of a key that comes twice the last
 * one counts.  What is written has its keys in the order of their bytes.
 */
#ifndef TUBES_STAGES_AMP_BOX_H
#define TUBES_STAGES_AMP_BOX_H

#include <tubes/batch.h>
#include <tubes/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AMP_KEY_MOST = 255, AMP_VALUE_MOST = 65535, AMP_PAIRS_MOST = 1024 };

typedef struct amp_pair {
    tube_slice key;
    tube_slice value;
} amp_pair;

/** Bytes of one box, the empty key at its end left out. */
typedef struct amp_box {
    const char *at;
    size_t len;
} amp_box;

/** Where the search for the end of a box stands; zeroed: at its beginning. */
typedef struct amp_scan {
    size_t at; /**< of the next key, from the beginning of the box */
    uint32_t pairs;
} amp_scan;

typedef enum amp_found {
    AMP_MORE = 0, /**< the box goes on behind these bytes */
    AMP_BOX,
    AMP_BAD, /**< no AMP: see the error */
} amp_found;

/**
 * Look for the end of a box; goes on where the call before it stopped.
 *
 * @param s     zeroed before the first bytes of a box, and behind AMP_BOX
 * @param from  all bytes since the beginning of the box, `n` of them (borrowed)
 * @param most  bytes that a box may have
 * @param box   set with AMP_BOX; box->len + 2 bytes are used up (points into `from`)
 *
 * Threads: any.  Blocks: no.
 */
amp_found tubei_amp_scan(amp_scan *s, tube_slice from, size_t most, amp_box *box,
                         tube_error *err);

/** Next pair of a box that was found; `*at` is 0 for the first; false: there is none.
 * Threads: any.  Blocks: no. */
bool tubei_amp_next(const amp_box *box, size_t *at, amp_pair *pair);

/** Value of a key, the last one of that name; .ptr NULL: there is none.
 * Threads: any.  Blocks: no. */
tube_slice tubei_amp_value(const amp_box *box, const char *key);

/** Bytes to be sent; zeroed: none. */
typedef struct amp_out {
    char *data;
    size_t len;
    size_t room;
    size_t sent; /**< of them, those that are gone */
} amp_out;

/** Room for `n` bytes more; false: out of memory.  Threads: its owner.  Blocks: no. */
bool tubei_amp_room(amp_out *o, size_t n);

/**
 * Append a box.
 *
 * @param pair  is put in order
 * @return TUBE_EINVAL  a key or a value is too long, a key is empty or comes twice:
 *                      nothing was written
 *         TUBE_ENOMEM  the same
 *
 * Threads: the owner of `o`.  Blocks: no.
 */
tube_status tubei_amp_put(amp_out *o, amp_pair *pair, uint32_t n,
                          tube_error *err) TUBE_NODISCARD;

/** Forget what was sent.  Threads: its owner.  Blocks: no. */
void tubei_amp_sent(amp_out *o, size_t n);

/** Free it.  Threads: its owner.  Blocks: no. */
void tubei_amp_out_fini(amp_out *o);

/** A slice of a string. */
static inline tube_slice
tubei_amp_str(const char *s)
{
    return (tube_slice){ s, __builtin_strlen(s) };
}

static inline uint32_t
tubei_amp_u16(const char *p)
{
    return (uint32_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static inline void
tubei_amp_set_u16(char *p, size_t v)
{
    p[0] = (char)(unsigned char)(v >> 8);
    p[1] = (char)(unsigned char)(v & 0xff);
}

#endif /* TUBES_STAGES_AMP_BOX_H */
