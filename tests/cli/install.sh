#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# install.sh -- what is installed is enough: tests/consumer builds against it with CMake, with
# pkg-config and with plain -I and -L, as C and as C++, shared and static, and runs; the
# tree can be moved; the names and the versions of the files agree.
. "$(dirname "$0")/lib.sh"

skip() {
    echo "install: $*"
    exit 77
}
[ -z "${TUBES_SANITIZE:-}" ] || skip "a sanitizer's library is not installed"
command -v cmake >/dev/null || skip "cmake is not there"

# quietly COMMAND...: what it says only if it fails.
quietly() {
    "$@" >.log 2>&1 || fail "$* said: $(tail -n 30 .log)"
}

# Installed in one place, used in another: nothing may remember where it was.
quietly cmake --install "$TUBES_BUILD" --prefix "$folder/first"
mv first moved
usr=$folder/moved
lib=$(dirname "$(find "$usr" -name 'libtubes.so' | head -n 1)")
libdir=${lib#"$usr"/}
! grep -rIlF -e "$TUBES_BUILD" -e "$folder/first" -e "$TUBES_SOURCE" "$lib/cmake" "$lib/pkgconfig" \
    "$usr/include" || fail "an installed text names the place where it was built"

version=$("$usr/bin/tubes" version | sed -n '1s/^tubes \([0-9.]*\).*/\1/p')
minor=${version%.*}
[ -f "$lib/libtubes.so.$version" ] || fail "no libtubes.so.$version: $(ls "$lib")"
same "$(readlink "$lib/libtubes.so")" "libtubes.so.$minor"
same "$(readlink "$lib/libtubes.so.$minor")" "libtubes.so.$version"
if command -v readelf >/dev/null; then
    has "$(readelf -d "$lib/libtubes.so")" "Library soname: [libtubes.so.$minor]"
fi
for header in "$TUBES_SOURCE"/include/tubes/*.h; do
    cmp "$header" "$usr/include/tubes/$(basename "$header")" || fail "$header is not installed"
done

if command -v scdoc >/dev/null && [ -f "$TUBES_BUILD/man/tubes.1" ]; then
    for page in man1/tubes.1 man3/libtubes.3 man7/tubes-stages.7; do
        [ -s "$usr/share/man/$page" ] || fail "no $page"
    done
fi

# The pipeline of all of them: 200 lines, of which some have a user's name.
cp -r "$TUBES_SOURCE/tests/consumer" consumer
text='gen combined 200 seed=4 | parse combined | redact agent with=gone | sqlite got.db table=t'
ours="tubes $version: 200 read, 200 committed"
tried() {
    rm -f got.db*
    run 0 env LD_LIBRARY_PATH="${2:-}" "$1" "$text"
    has "$err" "$ours"
    hasnt "$err" ", 0 redacted"
    same "$("$TUBES" sql got.db "select count(*) from t where agent = 'gone'" | tail -n 1)" \
        "$(sed -n 's/.* \([0-9]*\) redacted$/\1/p' <<<"$err")"
    run 1 env LD_LIBRARY_PATH="${2:-}" "$1" 'gen combined 1 | parse combined | redact nothing'
    has "$err" "no text field 'nothing'"
    echo "install: $3 builds and runs"
}

# 1. CMake.
quietly cmake -S consumer -B with-cmake -DCMAKE_PREFIX_PATH="$usr"
quietly cmake --build with-cmake
for program in consumer consumer_static consumer_cxx; do
    tried "with-cmake/$program" "" "CMake's $program"
done
if command -v readelf >/dev/null; then
    has "$(readelf -d with-cmake/consumer)" "[libtubes.so.$minor]"
    hasnt "$(readelf -d with-cmake/consumer_static)" "libtubes"
fi
# A version that we are not is refused.
cp -r consumer newer
sed -i 's/find_package(tubes [0-9.]*/find_package(tubes 99.1/' newer/CMakeLists.txt
! cmake -S newer -B newer/build -DCMAKE_PREFIX_PATH="$usr" >.log 2>&1 \
    || fail "find_package(tubes 99.1) found $version"

# 2. pkg-config, by hand.
if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH=$lib/pkgconfig
    same "$(pkg-config --modversion tubes)" "$version"
    quietly make -C consumer CC="${CC:-cc}"
    tried consumer/consumer "$lib" "pkg-config's"
    quietly make -C consumer clean
    has "$(pkg-config --static --libs tubes)" "-lsqlite3"
    unset PKG_CONFIG_PATH
else
    echo "install: no pkg-config, tubes.pc is not tried"
fi

# 3. A compiler, -I and -L.
quietly make -C consumer CC="${CC:-cc}" PREFIX="$usr" LIBDIR="$libdir"
tried consumer/consumer "" "-I -L"

# The tool that was installed needs nothing of the tree that it came from.
run 0 "$usr/bin/tubes" run 'gen combined 3 | parse combined | keep status'
