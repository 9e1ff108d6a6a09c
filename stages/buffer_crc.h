/* SPDX-License-Identifier: MIT */
/* buffer_crc.h -- CRC-32C (Castagnoli), by the CPU's instruction where there is one. */
#ifndef TUBES_STAGES_BUFFER_CRC_H
#define TUBES_STAGES_BUFFER_CRC_H

#include <stddef.h>
#include <stdint.h>

/** Checksum of `len` bytes; `crc`: of those before them, 0 at the start.  Threads: any. */
uint32_t tubei_crc32c(uint32_t crc, const void *data, size_t len);

/** The same without the instruction.  Threads: any. */
uint32_t tubei_crc32c_table(uint32_t crc, const void *data, size_t len);

#endif /* TUBES_STAGES_BUFFER_CRC_H */
