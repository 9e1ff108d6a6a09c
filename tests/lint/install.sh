#!/bin/bash
# SPDX-License-Identifier: MIT
# install.sh -- a program of somebody else's builds against what is installed, found by
# pkg-config and by CMake, with the shared library and with the static one.
. "$(dirname "$0")/lib.sh"

command -v cmake >/dev/null || skip "cmake is not installed"
dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT
cmake --install "$TUBES_BUILD" --prefix "$dir/usr" >"$dir/log" 2>&1 \
    || { cat "$dir/log"; exit 1; }

mkdir "$dir/app"
cat >"$dir/app/app.c" <<'END'
#include <tubes/tubes.h>

int
main(void)
{
    tube_error err = { 0 };
    TUBE_AUTO(tube_pipeline) *p = tube_pipeline_new(NULL, &err);

    if (p == NULL || tube_series(p, "gen combined 10 | lines | null", &err)
        || tube_run(p, &err)) {
        tube_error_print(&err, stderr);
        return 1;
    }
    return 0;
}
END
cat >"$dir/app/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.21)
project(app C)
find_package(tubes 0.1 REQUIRED)
add_executable(app_shared app.c)
target_link_libraries(app_shared tubes::shared)
add_executable(app_static app.c)
target_link_libraries(app_static tubes::static)
END
if ! { cmake -S "$dir/app" -B "$dir/build" -DCMAKE_PREFIX_PATH="$dir/usr" \
    && cmake --build "$dir/build"; } >"$dir/log" 2>&1; then
    complain "$(tail -n 20 "$dir/log")"
fi
for kind in shared static; do
    "$dir/build/app_$kind" || complain "install: the program with the $kind library fails"
done

if command -v pkg-config >/dev/null; then
    lib=$(dirname "$(find "$dir/usr" -name tubes.pc)")
    # shellcheck disable=SC2046
    PKG_CONFIG_PATH=$lib "${CC:-cc}" "$dir/app/app.c" -o "$dir/app/app" \
        $(PKG_CONFIG_PATH=$lib pkg-config --define-variable=prefix="$dir/usr" --cflags --libs tubes) \
        || complain "install: pkg-config's flags do not build a program"
    LD_LIBRARY_PATH=$(dirname "$lib") "$dir/app/app" || complain "install: its program fails"
else
    echo "lint: no pkg-config, tubes.pc is not tried"
fi
"$dir/usr/bin/tubes" version >/dev/null || complain "install: tubes does not run"
