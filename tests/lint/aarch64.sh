#!/bin/bash
# SPDX-License-Identifier: MIT
# aarch64.sh -- the library compiles for arm64, where SIMD has its portable twin.
#
# Only objects: headers of libpq, SQLite, zlib and zstd are the same on both machines.
. "$(dirname "$0")/lib.sh"

cc=$(command -v aarch64-linux-gnu-gcc || true)
[ -n "$cc" ] || skip "no cross compiler (Debian package gcc-aarch64-linux-gnu)"
dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT
echo '#include <stdlib.h>' >"$dir/try.c"
"$cc" -fsyntax-only "$dir/try.c" 2>/dev/null \
    || skip "the cross compiler has no libc (Debian package libc6-dev-arm64-cross)"

# Of this machine's headers only those folders and files, not its libc.
for path in /usr/include "/usr/include/$(uname -m)-linux-gnu" /usr/local/include; do
    for file in "$path"/{ck_*,gcc,postgresql,libpq-fe.h,postgres_ext.h,pg_config_ext.h} \
        "$path"/{sqlite3.h,zlib.h,zconf.h,zstd.h,zstd_errors.h}; do
        [ ! -e "$file" ] || ln -sfn "$file" "$dir/"
    done
done
# The one thing in them that a machine decides: arm64 orders memory weakly.
if [ -e "$dir/ck_md.h" ]; then
    md=$(readlink -f "$dir/ck_md.h")
    rm "$dir/ck_md.h"
    sed 's/CK_MD_TSO/CK_MD_RMO/' "$md" >"$dir/ck_md.h"
fi
export cc dir
export flags="-std=gnu11 -D_GNU_SOURCE -DTUBES_COMMIT=\"none\" -O2 -Wall -Wextra -Werror=implicit-function-declaration -Iinclude -I. -isystem $dir -isystem $dir/postgresql -DTUBES_HAVE_ZLIB -DTUBES_HAVE_ZSTD"
# shellcheck disable=SC2016
printf '%s\n' engine/*.c data/*.c graph/*.c text/*.c stages/*.c | xargs -P 2 -I{} bash -c \
    '$cc $flags -c "$1" -o "$dir/$(echo "$1" | tr / _).o" || { echo "$1:1: not for aarch64"; exit 1; }' _ {} \
    || found=1
echo "aarch64: $(ls "$dir"/*.o | wc -l) objects"
