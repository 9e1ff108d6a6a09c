/* SPDX-License-Identifier: MIT */
/* hops_peers.h -- the work of hops.c on oneTBB and GStreamer; seconds, negative: failed. */
#ifndef TUBES_BENCH_HOPS_PEERS_H
#define TUBES_BENCH_HOPS_PEERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** `items` numbers, so many in an array, touched by so many filters that may run for
 * several arrays at a time; source and sink keep the order. */
double bench_tbb_parallel(uint64_t items, uint32_t batch, int touches);

/** The same, all filters one array at a time, in order. */
double bench_tbb_serial(uint64_t items, uint32_t batch, int touches);

/** The same as a flow graph of serial nodes behind a limiter. */
double bench_tbb_flow(uint64_t items, uint32_t batch, int touches);

/** So many empty buffers through fakesrc, five identities and fakesink. */
double bench_gst(uint64_t buffers);

#ifdef __cplusplus
}
#endif

#endif /* TUBES_BENCH_HOPS_PEERS_H */
