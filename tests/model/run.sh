#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh NAME... -- check the Spin models: what must pass passes, every mutant fails.
#
# The commands are in the head of NAME.pml, one a line: "pass FLAGS", "fail FLAGS", and
# "long FLAGS", which passes as well and is run only with TUBES_LONG=1.  By hand:
#   spin -a FLAGS NAME.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if ! command -v spin >/dev/null; then
    echo "model: spin is not installed (Debian package spin)"
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
failures=0

# check NAME WANT FLAGS...: build one verifier, run it, compare with what is wanted.
check() {
    local name=$1 want=$2 errors states
    shift 2
    spin -a "$@" "$here/$name.pml" >spin.out 2>&1 || { cat spin.out; exit 1; }
    "${CC:-cc}" -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c
    ./pan -m1000000 >pan.out
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.out)
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.out)
    if grep -qE 'too small|out of memory|reached -DMEMLIM' pan.out || [ -z "$errors" ]; then
        errors=unfinished
    fi
    case $want,$errors in
    pass,0) echo "ok    $name $* ($states states)" ;;
    fail,[1-9]*) echo "ok    $name $* fails: $(sed -n 's/^pan:1: //p' pan.out)" ;;
    *)
        echo "WRONG $name $*: must $want, errors: $errors"
        failures=$((failures + 1))
        ;;
    esac
}

for name in "$@"; do
    count=0
    while read -r _ word flags; do
        case $word in
        long) [ "${TUBES_LONG:-0}" = 1 ] || continue ;;
        esac
        # Flags end where two blanks begin the remark.
        flags=${flags%%  *}
        case $flags in -*) ;; *) flags= ;; esac
        # shellcheck disable=SC2086
        check "$name" "${word/long/pass}" $flags
        count=$((count + 1))
    done < <(grep -E '^ \* (pass|fail|long)( |$)' "$here/$name.pml")
    [ "$count" -gt 0 ] || { echo "model: no commands in $name.pml"; exit 1; }
done
[ "$failures" -eq 0 ]
