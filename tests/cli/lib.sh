# SPDX-License-Identifier: MIT
# lib.sh -- read by the tests of the tool: a folder of their own, and what they expect.
#
#   run STATUS COMMAND...   runs it; stdout is in $out, stderr in $err
#   has TEXT WORDS          the words are somewhere in TEXT; hasnt: they are not
#   same GOT WANTED

set -eu
: "${TUBES:?is the path of the tubes executable}"
case $TUBES in
/*) ;;
*) TUBES=$PWD/$TUBES ;;
esac
unset TUBES_DSN PGHOST PGDATABASE 2>/dev/null || true
export NO_COLOR=1 LC_ALL=C

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

fail() {
    echo "FAILED: $*" >&2
    if [ -n "${err:-}" ]; then
        echo "--- stderr" >&2
        printf '%s\n' "$err" >&2
    fi
    if [ -n "${out:-}" ]; then
        echo "--- stdout" >&2
        printf '%s\n' "$out" | head -50 >&2
    fi
    exit 1
}

run() {
    local want=$1 got=0
    shift
    "$@" >.out 2>.err || got=$?
    out=$(cat .out)
    err=$(cat .err)
    [ "$got" = "$want" ] || fail "status $got, wanted $want: $*"
}

has() {
    case $1 in
    *"$2"*) ;;
    *) fail "no '$2' in: $1" ;;
    esac
}

hasnt() {
    case $1 in
    *"$2"*) fail "'$2' in: $1" ;;
    esac
}

same() {
    [ "$1" = "$2" ] || fail "got '$1', wanted '$2'"
}

# Rows of a table in an SQLite file.
count() {
    "$TUBES" sql "$1" "select count(*) from $2" | tail -1
}
