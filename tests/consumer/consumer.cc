/* SPDX-License-Identifier: MIT */
/* consumer.cc -- the same in C++17: a pipeline is a unique_ptr. */
#include "redact.h"

#include <tubes/tubes.h>

#include <iostream>
#include <memory>

int
main(int argc, char **argv)
{
    tube_error err{};
    tube_pipeline_opts opts{};

    opts.struct_size = sizeof(opts);
    opts.workers = 1;
    if (argc != 2)
        return 2;
    std::unique_ptr<tube_pipeline, decltype(&tube_pipeline_free)> p(
        tube_pipeline_new(&opts, &err), tube_pipeline_free);
    if (!p || tube_define(p.get(), &redact_stage, &err) < 0
        || tube_series(p.get(), argv[1], &err) < 0 || tube_run(p.get(), &err) < 0) {
        std::cerr << "error: " << err.message << '\n';
        return 1;
    }
    tube_counts counts{};
    tube_stats(p.get(), &counts);
    std::cerr << "tubes " TUBE_VERSION ": " << counts.read << " read, "
              << counts.committed << " committed, " << redact_count() << " redacted\n";
    return 0;
}
