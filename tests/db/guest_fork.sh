#!/bin/bash
# SPDX-License-Identifier: MIT
# guest_fork.sh -- X20: a child of the program ends, and the parent's session does not.
. "$(dirname "$0")/lib_pg.sh"

status=0
"$TUBES_TEST_BIN/guest_fork" "$dsn" "$schema.t" 2>"$dir/err" || status=$?
same "the program ends well: $(cat "$dir/err")" 0 "$status"
same "all rows are there once" "800|800" \
    "$(sql "SELECT count(*), count(DISTINCT path) FROM $schema.t")"
