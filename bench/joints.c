/* SPDX-License-Identifier: MIT */
/* joints.c -- what a joint costs a row, beside the same stages in a straight line.
 *
 * One worker, batches of 1,024 rows of one number: the costs of all stages add up.  A row is
 * one that a source makes; where a joint copies it, both copies are touched and summed up.
 */
#include "graph.h"

enum { ROWS = 8 * 1000 * 1000 };

/* ns a row that a source made */
static double
joint(void *arg)
{
    const graph_run *run = arg;
    double seconds = graph_seconds(run);

    return seconds < 0 ? -1 : seconds * 1e9 / ROWS;
}

#define JOINT(line, made, twice)                                \
  {                                                             \
    .text = (line), .rows = (made), .workers = 1, .touches = 1, \
    .copies = (twice) ? 2 : 1                                   \
  }

/* Two sources make half of the rows each, the same ones. */
static graph_run run[] = {
    JOINT("numbers | touch | add", ROWS, false),
    JOINT("numbers | parallel 2 ( touch ) | add", ROWS, false),
    JOINT("numbers | route ( when n < 4000000 | touch ) ( otherwise | touch ) | add",
          ROWS, false),
    JOINT("numbers | route hash=n ( touch ) ( touch ) | add", ROWS, false),
    JOINT("numbers | tee ( touch | add ) | touch | add", ROWS, true),
    JOINT("numbers | thru ( touch ) ( touch ) | add", ROWS, true),
    JOINT("merge ( numbers ) ( numbers ) | touch | add", ROWS / 2, true),
    JOINT("concat ( numbers ) ( numbers ) | touch | add", ROWS / 2, true),
    JOINT("merge by=n ( numbers ) ( numbers ) | touch | add", ROWS / 2, true),
};

static const struct {
    const char *name, *ratio;
} names[] = {
    { "straight", NULL },
    { "parallel_2", "parallel_2_of_straight" },
    { "route_when", "route_when_of_straight" }, /* all rows of a batch the same way */
    { "route_hash", "route_hash_of_straight" }, /* every other one */
    { "tee_2", "tee_2_of_straight" },
    { "thru_2", "thru_2_of_straight" },
    { "merge_2", "merge_2_of_straight" },
    { "concat_2", "concat_2_of_straight" },
    { "merge_sorted_2", "merge_sorted_2_of_straight" },
};

int
main(int argc, char **argv)
{
    size_t n = sizeof(run) / sizeof(*run);

    bench_begin("joints", argc, argv);
    for (size_t i = 0; i < n; i++)
        bench_add(names[i].name, "ns/row", joint, &run[i]);
    for (size_t i = 1; i < n; i++)
        bench_ratio(names[i].ratio, names[i].name, names[0].name);
    return bench_end();
}
