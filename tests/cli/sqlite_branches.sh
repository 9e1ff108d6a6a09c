#!/bin/bash
# SPDX-License-Identifier: MIT
# Forks, joins and several sinks: kill -9 at 20 random moments each, then the same command
# once more: every sink has every row that goes to it as often as it should, and no more.
. "$(dirname "$0")/lib_sqlite.sh"

rows=20000
kills=20

# numbers FROM TO: lines with a number, and the same modulo 4
numbers() {
    awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++)
        printf "{\"n\":%d,\"k\":%d,\"text\":\"line %d of the file\"}\n", i, i % 4, i }'
}

# count DB: rows, different rows, their sum
count() { sql "$1" 'SELECT count(*), count(DISTINCT n), ifnull(sum(n), 0) FROM logs'; }

# times FROM TO STEP N: what count() must say of numbers that are there N times each
times() {
    awk -v a="$1" -v b="$2" -v s="$3" -v n="$4" 'BEGIN {
        for (i = a; i <= b; i += s) { c++; t += i }
        printf "%d|%d|%.0f", c * n, c, t * n }'
}

mkdir logs
numbers 1 $((rows / 2)) >logs/a.json
numbers $((rows / 2 + 1)) $rows >logs/b.json
numbers 1 $rows >all.json
awk '{ print > (int(NR / 7) % 2 ? "x.json" : "y.json") }' all.json
all=$(times 1 $rows 1 1)

# One sink is ahead by hand.
head -n 7001 all.json | sed '5000s/.*/not json/' >in.json
run 3 "file in.json | parse json | sqlite ahead.db rows=100"
same "the one that is ahead" "7000|1" \
    "$(sql ahead.db 'SELECT sum(rows), sum(rejects) FROM tubes_progress')"
sed '5000s/.*/not json/' all.json >in.json
run 3 "file in.json | parse json | tee ( sqlite behind.db rows=300 ) | sqlite ahead.db"
with=$(count behind.db)
same "the one that was behind has all" "$((rows - 1))|$((rows - 1))" "${with%|*}"
same "and so has the one that was ahead" "$with" "$(count ahead.db)"
same "its reject is there once" "5000|not json" "$(sql ahead.db 'SELECT line_no, line FROM tubes_reject')"
same "and its position at the end" "$(stat -c %s in.json)|$rows|$((rows - 1))|1" \
    "$(sql ahead.db 'SELECT low, lines, rows, rejects FROM tubes_progress')"
same "as is the other's" "$(stat -c %s in.json)|$rows|$((rows - 1))" \
    "$(sql behind.db 'SELECT low, lines, rows FROM tubes_progress')"
numbers $((rows + 1)) $((rows + 500)) >>in.json
run 0 "file in.json | parse json | tee ( sqlite behind.db rows=300 ) | sqlite ahead.db"
has "only what is new is read" "^read 1,000 = committed 1,000" err
echo 'no json' >>in.json
numbers $((rows + 501)) $((rows + 600)) >>in.json
run 3 "file in.json | parse json | tee ( sqlite behind.db rows=300 ) | sqlite ahead.db"
same "a reject's line is counted from the file's beginning" "5000,$((rows + 501))" \
    "$(sql ahead.db 'SELECT group_concat(line_no) FROM tubes_reject')"

# Where rows and their position came apart, several sinks that are out of step are told
# apart by the rows' own offsets.
run 0 "file logs/a.json | parse json | thru ( keep n k ) ( keep n k ) | sqlite thru_a.db rows=1"
head -n 2500 logs/a.json >c.json
run 0 "file c.json | parse json | thru ( keep n ) ( keep n ) | sqlite thru_c.db rows=1"
cp all.json c.json
run 0 "file c.json | parse json | thru ( keep n ) ( keep n ) | tee ( sqlite thru_b.db ) | sqlite thru_c.db"
same "every row twice behind thru" "$(times 1 $rows 1 2)" "$(count thru_b.db)"
same "also in the sink that was ahead" "$(times 1 $rows 1 2)" "$(count thru_c.db)"

# What is made of one batch is more than there is memory: it cannot wait for its position.
numbers 1 300 >few.json
for flow in "sqlite large.db" "tee ( sqlite large.db ) | null"; do
    rm -f large.db*
    "$TUBES_TEST_BIN/twice_run" "set memory=4M; file few.json | parse json | twice times=1000 | $flow" \
        >out 2>err || same "more than memory" 0 $?
    same "more than memory holds" "300000|300" "$(sql large.db 'SELECT count(*), count(DISTINCT n) FROM logs')"
    has "is told" "memory is short: records are stored before the position" err
done

# strike NAME FLOW DB WANTED [DB WANTED...]: DB stands in FLOW as DB.db
RANDOM=${SEED:=$$}
echo "seed $SEED"
strike() {
    local name=$1 flow=$2 struck=0 complete=1 start whole ms pid status
    shift 2
    rm -f ./*.db*
    start=$(date +%s%N)
    finish_run
    whole=$((($(date +%s%N) - start) / 1000000 + 5))
    for _ in $(seq $((kills * 10))); do
        [ $struck -lt $kills ] || break
        # Begin anew when everything is there, so that all meet a run at work.
        if [ $complete = 1 ]; then rm -f ./*.db*; fi
        "${start_run[@]}" "$flow" >/dev/null 2>&1 &
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
        [ $((struck % 3)) = 0 ] || continue
        finish_run
        check "$name, after $struck" "$@"
        complete=1
    done
    same "$name: runs that were struck" $kills $struck
    finish_run
    check "$name" "$@"
    finish_run
    check "$name, once more" "$@"
}

# What runs a flow: the tool, or a program that knows one stage more.
start_run=("$TUBES" run)
finish_run() {
    "${start_run[@]}" "$flow" >out 2>err || same "$name: $(tail -n 3 err)" 0 $?
}

check() {
    local what=$1
    shift
    while [ $# -gt 0 ]; do
        same "$what: $1" "$2" "$(count "$1.db")"
        shift 2
    done
}

file="file logs/* | parse json"
rest=$(awk -v r=$rows 'BEGIN { for (i = 1; i <= r; i++) if (i % 4 != 1) { c++; t += i }
    printf "%d|%d|%.0f", c, c, t }')
strike "two sinks" "$file | tee ( sqlite a.db rows=3000 age=5ms ) | sqlite b.db rows=700 age=5ms" \
    a "$all" b "$all"
strike "three sinks" "$file | tee ( sqlite a.db rows=3000 ) ( where k = 1 | sqlite b.db rows=1 ) |
    sqlite c.db rows=700 age=5ms" a "$all" b "$(times 1 $rows 4 1)" c "$all"
strike "a route with sinks" "$file | route ( when k = 1 | sqlite a.db rows=500 age=1ms ) |
    sqlite b.db rows=300" a "$(times 1 $rows 4 1)" b "$rest"
strike "a route that joins" "$file | route ( when k = 1 | keep n k text ) ( when k = 2 | where n > 0 ) |
    sqlite a.db rows=500 age=1ms" a "$all"
strike "thru" "$file | thru ( where k = 1 ) ( where n > 0 ) | sqlite a.db rows=500 age=1ms" \
    a "$(awk -v r=$rows 'BEGIN { for (i = 1; i <= r; i++) { w = 1 + (i % 4 == 1); c += w; t += i * w }
        printf "%d|%d|%.0f", c, r, t }')"
strike "thru and two sinks" "$file | thru ( keep n ) ( keep n ) | tee ( sqlite a.db rows=3000 ) |
    sqlite b.db rows=500 age=1ms" a "$(times 1 $rows 1 2)" b "$(times 1 $rows 1 2)"
strike "parallel" "$file | parallel 2 ( where n > 0 ) | sqlite a.db rows=500 age=1ms" a "$all"
strike "merge" "merge ( file logs/a.json | parse json ) ( file logs/b.json | parse json ) |
    sqlite a.db rows=500 age=1ms" a "$all"
strike "a sorted merge" "merge by=n ( file x.json | parse json ) ( file y.json | parse json ) |
    sqlite a.db rows=500 age=1ms" a "$all"
start_run=("$TUBES_TEST_BIN/twice_run")
strike "an emitter" "$file | twice | sqlite a.db rows=500 age=1ms" a "$(times 1 $rows 1 2)"
strike "an emitter and two sinks" "set batch=1; $file | twice | tee ( sqlite a.db rows=3000 ) |
    sqlite b.db rows=700 age=1ms" a "$(times 1 $rows 1 2)" b "$(times 1 $rows 1 2)"
