#!/bin/bash
# SPDX-License-Identifier: MIT
# exports.sh -- the public headers are the list of symbols: what they declare is exported by
# the shared library, and nothing that they do not declare; its name says the version.
. "$(dirname "$0")/lib.sh"

shared=$TUBES_LIBRARY/libtubes.so
[ -z "${TUBES_SANITIZE:-}" ] || skip "a sanitizer adds symbols of its own"
command -v gcc >/dev/null || skip "gcc is not there to list the declarations (-aux-info)"
dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT

for header in include/tubes/*.h; do
    echo "#include <tubes/$(basename "$header")>"
done >"$dir/all.c"
gcc -std=c11 -Iinclude -aux-info "$dir/prototypes" -fsyntax-only "$dir/all.c"
grep -F 'include/tubes/' "$dir/prototypes" | grep -v ' \*/ static ' \
    | sed -n 's/^[^(]*\b\(tube_[a-z0-9_]*\) (.*/\1/p' | sort -u >"$dir/declared"
# Objects: extern const tube_... NAME;
sed -n 's/^extern .*\b\(tube_[a-z0-9_]*\)\(\[[^]]*\]\)\{0,1\};.*/\1/p' include/tubes/*.h \
    | sort -u >"$dir/objects"
sort -u -o "$dir/declared" "$dir/declared" "$dir/objects"
nm -D --defined-only "$shared" | awk '$2 !~ /[aA]/ { sub(/@.*/, "", $3); print $3 }' \
    | sort -u >"$dir/exported"

[ "$(wc -l <"$dir/declared")" -gt 100 ] || complain "include/tubes: declarations not found"
for name in $(comm -23 "$dir/declared" "$dir/exported"); do
    complain "include/tubes: $name() is declared, and not in $(basename "$shared")"
done
for name in $(comm -13 "$dir/declared" "$dir/exported"); do
    complain "$shared: exports $name, which no public header declares"
done

version=$(sed -n 's/.*TUBE_VERSION "\([0-9.]*\)".*/\1/p' include/tubes/version.h)
soname=$(readelf -d "$shared" 2>/dev/null | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ -z "$soname" ] || [ "$soname" = "libtubes.so.${version%.*}" ] \
    || complain "$shared: its soname is $soname, wanted libtubes.so.${version%.*}"
echo "exports: $(wc -l <"$dir/exported") symbols, $soname"
