#!/bin/bash
# SPDX-License-Identifier: MIT
# clang.sh -- the other compiler has no warning either.
. "$(dirname "$0")/lib.sh"

command -v clang >/dev/null || skip "clang is not installed"
warnings=${TUBES_TEST_BIN:-}/warnings-clang.txt
[ -f "$warnings" ] || skip "no list of warnings: run this by ctest"
export flags="-std=gnu11 -D_GNU_SOURCE -DTUBES_COMMIT=\"none\" -DTUBES_HAVE_ZLIB -DTUBES_HAVE_ZSTD -Iinclude -I. -iquote engine -iquote data -iquote graph -iquote text -iquote stages -iquote tests/support -isystem /usr/include/postgresql -Werror $(tr '\n' ' ' <"$warnings")"
# shellcheck disable=SC2016
printf '%s\n' engine/*.c data/*.c graph/*.c text/*.c stages/*.c cli/*.c examples/*.c bench/*.c tests/stress/*.c \
    | grep -v '\*' | xargs -P 2 -I{} bash -c 'clang $flags -fsyntax-only "$1"' _ {} \
    || found=1
