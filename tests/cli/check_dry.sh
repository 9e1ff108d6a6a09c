#!/bin/bash
# SPDX-License-Identifier: MIT
# check_dry.sh -- `check` and `explain` look, and leave nothing behind.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

fail() {
    echo "$*"
    exit 1
}

"$TUBES" gen combined 100 >a.log
text='file a.log | parse combined | sqlite new.db table=access'
"$TUBES" check "$text" >/dev/null || fail "check of a database that is not there"
"$TUBES" explain "$text" >/dev/null || fail "explain of a database that is not there"
[ ! -e new.db ] || fail "check made new.db"

"$TUBES" load --quiet a.log new.db >/dev/null
before=$("$TUBES" sql new.db 'SELECT name FROM sqlite_schema ORDER BY 1')
"$TUBES" check 'file a.log | parse combined | sqlite new.db table=other' >/dev/null
"$TUBES" check 'file a.log | parse combined | sqlite new.db table=access again=yes' >/dev/null
after=$("$TUBES" sql new.db 'SELECT name FROM sqlite_schema ORDER BY 1')
[ "$before" = "$after" ] || fail "check left: $after"
"$TUBES" check "$text" | grep -q 'stored already' || fail "check does not say what is stored"
"$TUBES" load a.log new.db 2>&1 | grep -q 'nothing new' || fail "check moved a position"
