#!/bin/bash
# SPDX-License-Identifier: MIT
# format.sh -- C files are formatted by .clang-format (cmake --build ... -t format).
. "$(dirname "$0")/lib.sh"

tool=$(command -v clang-format-14 || command -v clang-format || true)
[ -n "$tool" ] || skip "clang-format is not installed"
case $("$tool" --version) in
*' 14.'*) ;;
*) skip "clang-format is not version 14, and versions differ" ;;
esac
# shellcheck disable=SC2016
find "${code_dirs[@]}" -name '*.[ch]' | sort | xargs -P 2 -I{} sh -c \
    '"$1" --dry-run -Werror "$2" >/dev/null 2>&1 || { echo "$2: not formatted"; exit 1; }' \
    _ "$tool" {} || found=1
