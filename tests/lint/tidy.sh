#!/bin/bash
# SPDX-License-Identifier: MIT
# tidy.sh -- clang-tidy with .clang-tidy; minutes, so only with TUBES_LONG=1.
. "$(dirname "$0")/lib.sh"

[ "${TUBES_LONG:-0}" = 1 ] || skip "takes minutes: tests/run.sh --long"
command -v clang-tidy >/dev/null || skip "clang-tidy is not installed"
database=$TUBES_BUILD/compile_commands.json
[ -f "$database" ] || skip "no compile_commands.json"
# One file a call: with several, version 14 takes every va_list for uninitialised.
printf '%s\n' engine/*.c data/*.c graph/*.c text/*.c stages/*.c cli/*.c \
    | xargs -P "$(nproc)" -n 1 clang-tidy -quiet -p "$TUBES_BUILD" || found=1
