#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 at 20 random moments, each followed by the same command: every line of every
# file is in the table once, and every bad one in tubes_reject once.
. "$(dirname "$0")/lib_sqlite.sh"

rows=30000
mkdir logs
numbered 1 15000 >logs/a.json
{ numbered 15001 15100; echo 'not json'; numbered 15101 20000; } >logs/b.json
numbered 20001 $rows >logs/c.json
flow="file logs/* | parse json | sqlite t.db rows=1000 age=5ms"

# How long a whole run takes decides when to strike.
start=$(date +%s%N)
run 3 "file logs/* | parse json | sqlite whole.db rows=1000 age=5ms"
whole=$((($(date +%s%N) - start) / 1000000 + 5))

RANDOM=${SEED:=$$}
echo "seed $SEED, a whole run takes $whole ms"
struck=0
complete=0
for round in $(seq 200); do
    [ $struck -lt 20 ] || break
    # Begin anew when everything is there, so that all 20 meet a run at work.
    if [ $complete = 1 ]; then rm -f t.db*; fi
    "$TUBES" run "$flow" >/dev/null 2>&1 &
    pid=$!
    ms=$((RANDOM % whole))
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
    kill -9 $pid 2>/dev/null || true
    status=0
    wait $pid 2>/dev/null || status=$?
    complete=1
    [ $status = 137 ] || continue
    complete=0
    struck=$((struck + 1))
    [ -s t.db ] || continue
    [ "$(sql t.db "SELECT count(*) FROM sqlite_schema WHERE name = 'logs'")" = 1 ] || continue
    same "round $round: rows and rejects are what the positions say" \
        "$(sql t.db 'SELECT ifnull(sum(rows), 0), ifnull(sum(rejects), 0) FROM tubes_progress')" \
        "$(sql t.db 'SELECT (SELECT count(DISTINCT n) FROM logs), (SELECT count(*) FROM tubes_reject)')"
    same "round $round: no row twice" 0 "$(sql t.db 'SELECT count(*) - count(DISTINCT n) FROM logs')"
done
same "runs that were struck" 20 $struck
"$TUBES" run "$flow" >out 2>err || [ $? = 3 ] || { cat err; exit 1; }
same "every line once" "$rows|$rows|$((rows * (rows + 1) / 2))" \
    "$(sql t.db 'SELECT count(*), count(DISTINCT n), sum(n) FROM logs')"
same "every text belongs to its number" 0 \
    "$(sql t.db "SELECT count(*) FROM logs WHERE text <> 'line ' || n || ' of the file'")"
same "the bad line once" "101|not json" "$(sql t.db 'SELECT line_no, line FROM tubes_reject')"
same "what the positions say" "$rows|1" "$(sql t.db 'SELECT sum(rows), sum(rejects) FROM tubes_progress')"
run 0 "$flow"
same "nothing is left" "$rows" "$(sql t.db 'SELECT count(*) FROM logs')"
