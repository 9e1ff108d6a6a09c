#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh -- put each known defect back into a copy of the tree and see its test turn red.
#
#     tests/sabotage/run.sh [ID...]     F1 F2 ...; without: every ID.patch there is
#
# One copy and one build serve all ids: patch, make the one test program, run the suite
# of that id, take the patch back.  The suite must be green before and red behind it, by
# a failed assertion or a test that hangs; a crash or a program that does not build
# proves nothing.  `F1 red` and what it said, or `F1 STILL GREEN`; exit 1 if one is not red.
#
# TUBES_BUILD_OPTIONS  more options for cmake
# TUBES_SABOTAGE_DIR   work there and leave it
set -u

test_wait=4   # seconds that a test waits for something; 20 is too long where it never comes
suite_wait=60 # seconds for a suite

command -v patch >/dev/null || {
    echo "patch is not installed (Debian package patch)"
    exit 77
}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
if [ -n "${TUBES_SABOTAGE_DIR:-}" ]; then
    dir=$TUBES_SABOTAGE_DIR
    mkdir -p "$dir"
    rm -rf "$dir/tree"
else
    dir=$(mktemp -d "${TMPDIR:-/tmp}/tubes-sabotage.XXXXXX")
    trap 'rm -rf "$dir"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
fi
tree=$dir/tree
build=$dir/build
out=$dir/out
# The compiler's cache does not mind that the folder has another name each time.
export CCACHE_BASEDIR=$dir CCACHE_NOHASHDIR=1

if [ $# -eq 0 ]; then
    while read -r id; do set -- "$@" "$id"; done \
        < <(basename -s .patch -a "$here"/*.patch | sort -V)
fi

# program_of ID: the test program that has its suite.
program_of() {
    local file
    file=$(cd "$tree/tests/conformance" && grep -l "^Test($1," -- *.c) || return 1
    [ "$(wc -l <<<"$file")" -eq 1 ] && echo "conform_${file%.c}"
}

# make_it TARGET...: quietly, all of it if it fails.
make_it() {
    cmake --build "$build" -j "$(nproc)" --target "$@" >"$dir/make.log" 2>&1
}

# suite PROGRAM ID: run it; green, red (an assertion failed, or a test hung), or neither.
suite() {
    local status=0
    timeout -k 5 $suite_wait "$build/tests/$1" --tap --jobs 1 --filter "$2/*" \
        >"$out" 2>&1 || status=$?
    awk -v id="$2::" -v status=$status '
        /^(not )?ok / && index($0, id) { ours = 1; n++ }
        /^(not )?ok / && !index($0, id) { ours = 0 }
        /^not ok / && ours { bad++ }
        ours && /Assertion failed: |^not ok .* timed out/ { proof++ }
        END {
            if (status == 124 || status == 137 || proof > 0)
                print "red"
            else
                print (n == 0 ? "empty" : bad ? "crashed" : status ? "odd" : "green")
        }' "$out"
}

# why ID: how many of its tests failed, and what the first of them said.
why() {
    awk -v id="$1::" '
        /^(not )?ok / { ours = index($0, id) }
        /^(not )?ok / && ours { n++ }
        /^not ok / && ours {
            bad++
            test = $4
            sub(/^.*::/, "", test)
            if (said == "" && /timed out|unexpected signal/)
                said = $0
        }
        ours && said == "" && sub(/^ *Assertion failed: /, "") { said = test ": " $0 }
        END { printf "%d of %d tests: %.140s\n", bad, n, n == 0 ? "it hangs" : said }' "$out"
}

mkdir -p "$tree"
for part in CMakeLists.txt Doxyfile.in man cmake data engine graph include stages text tests; do
    cp -r "$root/$part" "$tree/"
done
sed -i "s/)20 \* 1000000000u/)$test_wait * 1000000000u/; s/ in 20 s/ in $test_wait s/" \
    "$tree"/tests/conformance/conform.[ch]
# shellcheck disable=SC2086
cmake -S "$tree" -B "$build" -DCMAKE_BUILD_TYPE=Debug -DTUBES_BENCH=OFF \
    ${TUBES_BUILD_OPTIONS:-} >"$dir/make.log" 2>&1 || {
    cat "$dir/make.log"
    exit 1
}
programs=()
for id in "$@"; do
    program=$(program_of "$id") || { echo "$id has no suite"; exit 1; }
    [ -f "$here/$id.patch" ] || { echo "$id has no patch"; exit 1; }
    programs+=("$program")
done
make_it "${programs[@]}" || {
    tail -n 40 "$dir/make.log"
    exit 1
}

failures=0
complain() {
    echo "$1"
    failures=$((failures + 1))
}

# sabotage ID PROGRAM: what became of it, in one line.
sabotage() {
    local result
    if ! patch -d "$tree" -p1 -F1 -s --dry-run <"$here/$1.patch" >"$dir/patch.log" 2>&1; then
        complain "$1 PATCH DOES NOT APPLY: $(head -n 1 "$dir/patch.log")"
        return
    fi
    patch -d "$tree" -p1 -F1 -s --no-backup-if-mismatch <"$here/$1.patch"
    if make_it "$2"; then
        result=$(suite "$2" "$1")
        case $result in
        red) echo "$1 red, $(why "$1")" ;;
        green) complain "$1 STILL GREEN" ;;
        *) complain "$1 $result, which is not red: $(why "$1")" ;;
        esac
    else
        complain "$1 PATCH DOES NOT BUILD: $(grep -m 1 'error' "$dir/make.log")"
    fi
    patch -d "$tree" -p1 -F1 -s -R --no-backup-if-mismatch <"$here/$1.patch"
}

i=0
for id in "$@"; do
    result=$(suite "${programs[i]}" "$id")
    [ "$result" = green ] || complain "$id IS NOT GREEN without its patch: $result, $(why "$id")"
    i=$((i + 1))
done
i=0
for id in "$@"; do
    sabotage "$id" "${programs[i]}"
    i=$((i + 1))
done
[ $failures -eq 0 ]
