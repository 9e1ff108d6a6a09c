#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# programs.sh -- the example programs do what their first lines say.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

"$TUBES" gen combined 3000 >access.log
out=$("$TUBES_EXAMPLES/01_minimal" access.log)
[ "$out" = "3000 read, 3000 committed, 0 rejected" ] || { echo "01_minimal said: $out"; exit 1; }
out=$("$TUBES_EXAMPLES/01_minimal" access.log)
[ "$out" = "0 read, 0 committed, 0 rejected" ] || { echo "again, it said: $out"; exit 1; }

"$TUBES_EXAMPLES/02_custom_stage" >big.ndjson
[ -s big.ndjson ] || { echo "02_custom_stage printed nothing"; exit 1; }
if grep -vE '"bytes":[0-9]{6,}' big.ndjson; then
    echo "02_custom_stage let a small response through"
    exit 1
fi

"$TUBES_EXAMPLES/graph" >graph.txt || { echo "graph failed"; cat graph.txt; exit 1; }
sort >want.txt <<'END'
1000 read, 550 committed, 450 filtered, 0 in flight
4000 read, 2063 committed, 1937 filtered, 0 in flight
paused: a new file
cause: gen: end
cause: inlet: no more requests
cause: store: diverted
END
sort graph.txt | diff want.txt - || { echo "graph said something else"; exit 1; }
rows=$(for db in first second; do "$TUBES" sql $db.db 'SELECT count(*) FROM access' | tail -n 1; done)
[ "$rows" = $'1500\n100' ] || { echo "graph stored in first.db and second.db: $rows"; exit 1; }
