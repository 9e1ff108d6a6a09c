#!/bin/bash
# SPDX-License-Identifier: MIT
# shell.sh -- scripts parse, stop at the first failure, and can be run.
. "$(dirname "$0")/lib.sh"

scripts=$(find . -path ./build -prune -o -path ./.git -prune -o -name '*.sh' -print \
    | sort; ls .ci/run)
for file in $scripts; do
    bash -n "$file" || complain "$file: does not parse"
    case $(basename "$file") in lib*) continue ;; esac
    head -n 1 "$file" | grep -qE '^#!(/bin/|/usr/bin/env )(ba)?sh$' \
        || complain "$file:1: no #! line of a shell"
    grep -qE '^set -e?u|^\. ' "$file" || complain "$file: neither set -eu nor a lib"
done
for file in tests/run.sh examples/quickstart.sh cmake/packages.sh .ci/run; do
    [ -x "$file" ] || complain "$file: not executable"
done
