#!/bin/bash
# SPDX-License-Identifier: MIT
# must_fail.sh WORDS PROGRAM -- pass if PROGRAM fails and prints WORDS.
#
# ctest's own WILL_FAIL does not do: it counts an abort as a failure, inverted or not.
set -u

out=$("$2" 2>&1)
status=$?
if [ "$status" -eq 0 ]; then
    printf '%s\n' "$out"
    echo "must_fail: $2 passed, with a bug planted in it" >&2
    exit 1
fi
if ! grep -qF "$1" <<<"$out"; then
    printf '%s\n' "$out"
    echo "must_fail: $2 failed with status $status, but does not say '$1'" >&2
    exit 1
fi
echo "failed as it must: $1"
