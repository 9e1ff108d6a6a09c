/* SPDX-License-Identifier: MIT */
/* hops_tbb.cc -- see hops_peers.h.  Arrays go round between source and sink, more of them
 * than can be on their way, by a ring that costs next to nothing. */
#include "hops_peers.h"

#include <atomic>
#include <chrono>
#include <list>
#include <tbb/flow_graph.h>
#include <tbb/global_control.h>
#include <tbb/parallel_pipeline.h>
#include <vector>

namespace
{

constexpr std::size_t tokens = 128; /* more make it no faster */
constexpr std::size_t limit = 1024;
constexpr std::size_t cores = 2;

class work
{
  public:
    work(std::uint64_t items, std::uint32_t batch, std::size_t arrays)
        : items_(items), batch_(batch), cell_(arrays * batch)
    {
        for (std::size_t i = 0; i < arrays; i++)
            free_.push_back(&cell_[i * batch]);
    }

    std::uint64_t *fill()
    {
        if (next_ >= items_)
            return nullptr;
        while (given_.load(std::memory_order_acquire) + free_.size() == taken_) {
        }
        std::uint64_t *p = free_[taken_++ % free_.size()];
        for (std::uint32_t i = 0; i < batch_; i++)
            p[i] = next_++;
        return p;
    }

    std::uint64_t *touch(std::uint64_t *p) const
    {
        for (std::uint32_t i = 0; i < batch_; i++)
            p[i]++;
        return p;
    }

    void add_up(std::uint64_t *p)
    {
        const std::size_t n = given_.load(std::memory_order_relaxed);

        for (std::uint32_t i = 0; i < batch_; i++)
            sum_ += p[i];
        free_[n % free_.size()] = p;
        given_.store(n + 1, std::memory_order_release);
    }

    /* Seconds, if every number arrived and was touched so often. */
    double result(int touches, std::chrono::steady_clock::time_point start) const
    {
        const std::chrono::duration<double> took =
            std::chrono::steady_clock::now() - start;
        const std::uint64_t all =
            next_ * (next_ - 1) / 2 + next_ * static_cast<std::uint64_t>(touches);

        return sum_ == all ? took.count() : -1;
    }

  private:
    /* The source's and the sink's are apart: a cache line for each. */
    alignas(64) std::uint64_t items_, next_ = 0;
    std::uint32_t batch_;
    std::size_t taken_ = 0;
    std::vector<std::uint64_t> cell_;
    std::vector<std::uint64_t *> free_;
    alignas(64) std::uint64_t sum_ = 0;
    std::atomic<std::size_t> given_{ 0 };
};

double
pipeline(std::uint64_t items, std::uint32_t batch, int touches, tbb::filter_mode mode)
{
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism,
                                      cores);
    work w(items, batch, tokens * 2);
    const auto start = std::chrono::steady_clock::now();
    auto chain = tbb::make_filter<void, std::uint64_t *>(
        tbb::filter_mode::serial_in_order, [&](tbb::flow_control &fc) {
            std::uint64_t *p = w.fill();

            if (p == nullptr)
                fc.stop();
            return p;
        });

    for (int i = 0; i < touches; i++)
        chain = chain
                & tbb::make_filter<std::uint64_t *, std::uint64_t *>(
                    mode, [&](std::uint64_t *p) { return w.touch(p); });
    tbb::parallel_pipeline(tokens, chain
                                       & tbb::make_filter<std::uint64_t *, void>(
                                           tbb::filter_mode::serial_in_order,
                                           [&](std::uint64_t *p) { w.add_up(p); }));
    return w.result(touches, start);
}

} /* namespace */

double
bench_tbb_parallel(std::uint64_t items, std::uint32_t batch, int touches)
{
    return pipeline(items, batch, touches, tbb::filter_mode::parallel);
}

double
bench_tbb_serial(std::uint64_t items, std::uint32_t batch, int touches)
{
    return pipeline(items, batch, touches, tbb::filter_mode::serial_in_order);
}

double
bench_tbb_flow(std::uint64_t items, std::uint32_t batch, int touches)
{
    using node = tbb::flow::function_node<std::uint64_t *, std::uint64_t *>;
    using done = tbb::flow::continue_msg;
    const tbb::global_control threads(tbb::global_control::max_allowed_parallelism,
                                      cores);
    work w(items, batch, limit * 2);
    const auto start = std::chrono::steady_clock::now();
    tbb::flow::graph g;
    tbb::flow::input_node<std::uint64_t *> source(g, [&](tbb::flow_control &fc) {
        std::uint64_t *p = w.fill();

        if (p == nullptr)
            fc.stop();
        return p;
    });
    tbb::flow::limiter_node<std::uint64_t *> limiter(g, limit);
    std::list<node> chain;
    tbb::flow::function_node<std::uint64_t *, done> sink(g, tbb::flow::serial,
                                                         [&](std::uint64_t *p) {
                                                             w.add_up(p);
                                                             return done();
                                                         });

    tbb::flow::make_edge(source, limiter);
    for (int i = 0; i < touches; i++) {
        chain.emplace_back(g, tbb::flow::serial,
                           [&](std::uint64_t *p) { return w.touch(p); });
        if (i == 0)
            tbb::flow::make_edge(limiter, chain.back());
        else
            tbb::flow::make_edge(*std::prev(chain.end(), 2), chain.back());
    }
    tbb::flow::make_edge(chain.back(), sink);
    tbb::flow::make_edge(sink, limiter.decrementer());
    source.activate();
    g.wait_for_all();
    return w.result(touches, start);
}
