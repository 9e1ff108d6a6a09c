#!/bin/bash
# SPDX-License-Identifier: MIT
# size.sh -- files of a size one can read: 600 lines at most, median of the .c files 300,
# and an engine of 5,000 lines.
. "$(dirname "$0")/lib.sh"

for file in $(sources) $(find tests cmake examples -name '*.sh'); do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || complain "$file:$lines: more than 600 lines"
done
engine=$(cat engine/*.[ch] | wc -l)
[ "$engine" -le 5000 ] || complain "engine: $engine lines, more than 5000"
median=$(wc -l engine/*.c data/*.c graph/*.c text/*.c stages/*.c cli/*.c | grep -v total | sort -n \
    | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }')
[ "$median" -le 300 ] || complain "median of the .c files: $median lines, more than 300"
echo "engine: $engine lines; median of the .c files: $median"
