/* SPDX-License-Identifier: MIT */
/* sched_tbb.cc -- see sched_tbb.h.  Serial, in-order filters: the order that the engine
 * keeps too.  Batches come from a free list, as ours come from a magazine. */
#include "sched_tbb.h"

#include <tbb/concurrent_queue.h>
#include <tbb/parallel_pipeline.h>

#include <chrono>
#include <vector>

double
bench_sched_tbb(const bench_work *work, long rows, int stages)
{
    constexpr std::size_t tokens = 16;
    std::vector<void *> all;
    tbb::concurrent_queue<void *> free_list;
    long next = 0;

    for (std::size_t i = 0; i < tokens * 2; i++) {
        all.push_back(work->make());
        free_list.push(all.back());
    }
    const auto start = std::chrono::steady_clock::now();
    tbb::filter<void, void *> chain = tbb::make_filter<void, void *>(
        tbb::filter_mode::serial_in_order, [&](tbb::flow_control &fc) -> void * {
            void *b = nullptr;

            if (next >= rows) {
                fc.stop();
                return nullptr;
            }
            while (!free_list.try_pop(b)) { }
            next += work->fill(b, next);
            return b;
        });
    for (int i = 0; i < stages; i++)
        chain = chain
                & tbb::make_filter<void *, void *>(tbb::filter_mode::serial_in_order,
                                                   [=](void *b) {
                                                       work->touch(b);
                                                       return b;
                                                   });
    tbb::parallel_pipeline(
        tokens, chain
                    & tbb::make_filter<void *, void>(tbb::filter_mode::serial_in_order,
                                                     [&](void *b) {
                                                         work->add_up(b);
                                                         free_list.push(b);
                                                     }));
    const std::chrono::duration<double, std::nano> took =
        std::chrono::steady_clock::now() - start;
    for (void *b : all)
        work->unmake(b);
    return took.count() / static_cast<double>(rows);
}
