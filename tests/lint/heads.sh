#!/bin/bash
# SPDX-License-Identifier: MIT
# heads.sh -- a licence line in every source, and a sentence that says what the file is for.
. "$(dirname "$0")/lib.sh"

for file in $(sources) stages/stages.def; do
    [ "$file" = stages/stages.def ] || [ "$(head -n 1 "$file")" = '/* SPDX-License-Identifier: MIT */' ] \
        || complain "$file:1: no SPDX line"
    name=$(basename "$file")
    head -n 2 "$file" | grep -qF -- "$name -- " \
        || complain "$file:2: no '/* $name -- what it is for. */'"
done
for file in $(find . -path ./build -prune -o -path ./.git -prune -o \
    \( -name '*.sh' -o -name 'CMakeLists.txt' -o -name '*.cmake' -o -name '*.pml' \) \
    -print | sort); do
    head -n 2 "$file" | grep -qF 'SPDX-License-Identifier: MIT' \
        || complain "$file:1: no SPDX line"
done
