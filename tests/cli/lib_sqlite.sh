# SPDX-License-Identifier: MIT
# lib_sqlite.sh -- what the tests of files and SQLite share; sourced.
#
# Works in a folder of its own, which goes away at the end; `same` and `has` count
# failures, which decide the exit status.
set -eu

: "${TUBES:?path of the executable}"
dir=$(mktemp -d "${TMPDIR:-/tmp}/tubes-cli.XXXXXX")
children=()
failures=0

finish() {
    status=$?
    trap - EXIT
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    cd /
    rm -rf "$dir"
    [ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
    exit $status
}
trap finish EXIT
cd "$dir"

# sql DB TEXT: rows, columns separated by |; any statement.
sql() { "${TUBES_TEST_BIN:?folder of the helper programs}/sqlite_exec" "$@"; }

# run STATUS TEXT [OPTION...]: tubes run, silent; its words are in out and err.
run() {
    local want=$1 text=$2 got=0
    shift 2
    "$TUBES" run "$@" "$text" >out 2>err || got=$?
    [ "$want" = "$got" ] && return
    echo "FAILED: exit status $got instead of $want: $text"
    cat err
    failures=$((failures + 1))
}

# same WHAT EXPECTED GOT: a test.
same() {
    [ "$2" = "$3" ] && return
    echo "FAILED: $1"
    printf 'expected: %.400s\n     got: %.400s\n' "$2" "$3"
    failures=$((failures + 1))
}

# has WHAT PATTERN FILE: a test: a line of the file matches.
has() {
    grep -Eq -- "$2" "$3" && return
    echo "FAILED: $1: no line matches $2 in"
    head -n 20 "$3"
    failures=$((failures + 1))
}

# hasnt WHAT PATTERN FILE: a test: no line of the file matches.
hasnt() {
    grep -Eq -- "$2" "$3" || return 0
    echo "FAILED: $1: a line matches $2 in"
    head -n 20 "$3"
    failures=$((failures + 1))
}

# numbered FROM TO: lines of JSON, {"n":FROM,"text":...} to {"n":TO,"text":...}
numbered() { awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++) printf "{\"n\":%d,\"text\":\"line %d of the file\"}\n", i, i }'; }
