#!/bin/bash
# SPDX-License-Identifier: MIT
# Many small files: all of them, in order, few open at a time, in bounded memory.
. "$(dirname "$0")/lib_sqlite.sh"

n=20000
[ -z "${TUBES_SANITIZE:-}" ] || n=2000
mkdir many
awk -v n=$n 'BEGIN { for (i = 1; i <= n; i++) { f = sprintf("many/%06d.log", i)
    printf "%s\n%s\n", "first of " i, "last of " i > f; close(f) } }'
ulimit -n 64
"$TUBES" run --json "file many/*.log | lines | sqlite t.db" >out 2>err || { same "exit status" 0 $?; cat err; }
same "every line once" "$((2 * n))|$((2 * n))" "$(sql t.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
same "in order" 0 "$(sql t.db "SELECT count(*) FROM logs WHERE line <> iif(rowid % 2, 'first', 'last') || ' of ' || ((rowid + 1) / 2)")"
same "a position for each" "$n|$n" "$(sql t.db 'SELECT count(*), sum(lines = 2 AND rows = 2) FROM tubes_progress')"
batches=$(sed 's/.*"stage":"lines".*"activations":\([0-9]*\).*"stage":"sqlite".*/\1/' out)
[ "$batches" -lt $((n / 4)) ] || { echo "FAILED: $batches activations of the framing for $n files"; failures=1; }
echo more >>many/000777.log
run 0 "file many/*.log | lines | sqlite t.db"
same "one of them has grown" "$((2 * n + 1))" "$(sql t.db 'SELECT count(*) FROM logs')"
run 0 "file many/*.log | lines | sqlite t.db"
same "nothing is new" "$((2 * n + 1))" "$(sql t.db 'SELECT count(*) FROM logs')"
