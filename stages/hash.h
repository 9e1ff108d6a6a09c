/* SPDX-License-Identifier: MIT */
/* hash.h -- a keyed hash of a cell: which of several ways a record takes.
 *
 * The same value gives the same hash in every run and on every machine of one byte
 * order; it is no guard against keys that are made to collide.
 */
#ifndef TUBES_STAGES_HASH_H
#define TUBES_STAGES_HASH_H

#include <tubes/stage.h>

#include <stdint.h>
#include <string.h>

/** One step: 64 bits more. */
static inline uint64_t
tubei_hash_add(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9fb21c651e98df25u;
    return h ^ (h >> 29);
}

/** Bytes; those behind them are not looked at. */
static inline uint64_t
tubei_hash_bytes(const char *p, size_t len, uint64_t key)
{
    uint64_t h = tubei_hash_add(key ^ 0x2545f4914f6cdd1du, len);
    uint64_t v = 0;

    for (; len >= sizeof(v); p += sizeof(v), len -= sizeof(v)) {
        memcpy(&v, p, sizeof(v));
        h = tubei_hash_add(h, v);
    }
    v = 0;
    memcpy(&v, p, len);
    h = tubei_hash_add(h, v);
    h = (h ^ (h >> 32)) * 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

/** A cell; values that compare equal have one hash, NULL has its own. */
static inline uint64_t
tubei_hash_cell(const tube_cell *c, tube_type type, uint64_t key)
{
    double real = c->real;

    if (!c->set)
        return tubei_hash_bytes("", 0, ~key);
    switch (type) {
    case TUBE_TEXT:
    case TUBE_BYTES:
    case TUBE_JSON: return tubei_hash_bytes(c->text, c->len, key);
    case TUBE_FLOAT:
        if (real == 0)
            real = 0; /* of the two zeros the positive one */
        if (real != real)
            real = (double)__builtin_nanf(""); /* of all NaNs one */
        return tubei_hash_bytes((const char *)&real, sizeof(real), key);
    case TUBE_BOOL:
    case TUBE_INT:
    case TUBE_TIME: break;
    }
    return tubei_hash_bytes((const char *)&c->integer, sizeof(c->integer), key);
}

/** Which of `n` parts a hash belongs to. */
static inline uint32_t
tubei_hash_part(uint64_t h, uint32_t n)
{
    return (uint32_t)(((h >> 32) * n) >> 32);
}

#endif /* TUBES_STAGES_HASH_H */
