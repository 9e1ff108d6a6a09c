#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_branches.sh -- forks, joins, emitters and several sinks: kill -9 at 20 random moments
# each, then the same command once more: every sink has every row that goes to it as often
# as it should, and no more.
. "$(dirname "$0")/lib_pg.sh"

rows=20000
kills=20

# numbers FROM TO: lines with a number, and the same modulo 4
numbers() {
    awk -v a="$1" -v b="$2" 'BEGIN { for (i = a; i <= b; i++)
        printf "{\"n\":%d,\"k\":%d,\"text\":\"line %d of the file\"}\n", i, i % 4, i }'
}

# count TABLE: rows, different rows, their sum
count() { sql "SELECT count(*), count(DISTINCT n), coalesce(sum(n), 0) FROM $schema.$1"; }

# times N TEXT: what count() must say if number i is there N times; N is awk's
times() {
    awk -v r=$rows 'BEGIN { for (i = 1; i <= r; i++) { w = '"$1"'; c += w; d += w > 0; t += i * w }
        printf "%d|%d|%.0f", c, d, t }'
}

# to TABLE OPTION...: a sink
to() { echo "postgres \"$dsn\" table=$schema.$*"; }

forget() { sql "DROP SCHEMA $schema CASCADE; CREATE SCHEMA $schema"; }

mkdir "$dir/logs"
numbers 1 $((rows / 2)) >"$dir/logs/a.json"
numbers $((rows / 2 + 1)) $rows >"$dir/logs/b.json"
numbers 1 $rows | sed '5000s/.*/not json/' >"$dir/bad.json"
awk -v d="$dir" '{ print > (d "/" (int(NR / 7) % 2 ? "odd" : "even")) }' "$dir"/logs/*.json
all=$(times 1)

# One sink is ahead by hand.
in=$dir/in.json
head -n 7001 "$dir/bad.json" >"$in"
tubes_run "file $in | parse json | $(to ahead rows=100)"
same "exit with a reject" 3 $status
cp "$dir/bad.json" "$in"
place="SELECT low, lines, rows, rejects FROM $schema.tubes_progress
    JOIN $schema.tubes_source ON id = source_id WHERE target = '$schema"
tubes_run "file $in | parse json | tee ( $(to behind rows=300) ) | $(to ahead rows=100)"
same "exit with another sink" 3 $status
same "the one that was behind has all" "$(times 'i != 5000')" "$(count behind)"
same "and so has the one that was ahead" "$(times 'i != 5000')" "$(count ahead)"
same "its reject is there once" "5000|not json" \
    "$(sql "SELECT line_no, convert_from(line, 'UTF8') FROM $schema.tubes_reject")"
same "and its position at the end" "$(stat -c %s "$in")|$rows|$((rows - 1))|1" \
    "$(sql "$place.ahead'::regclass")"
same "as is the other's" "$(stat -c %s "$in")|$rows|$((rows - 1))|0" \
    "$(sql "$place.behind'::regclass")"
numbers $((rows + 1)) $((rows + 500)) >>"$in"
tubes_run "file $in | parse json | tee ( $(to behind rows=300) ) | $(to ahead rows=100)"
has "only what is new is read" "^read 1,000 = committed 1,000" "$dir/err"

# Rows that the server refuses, though they cannot be told apart by positions.
forget
sql "CREATE TABLE $schema.strict (n bigint PRIMARY KEY CHECK (n <> 777))"
tubes_run "file $dir/logs/* | parse json | thru ( where k = 1 | keep n ) ( where k <> 1 | keep n ) |
    $(to strict)"
same "exit with a row that is refused" 3 $status
same "all but that row" "$(times 'i != 777')" "$(count strict)"
same "which is a reject" "23514" "$(sql "SELECT sqlstate FROM $schema.tubes_reject")"
sql "CREATE TABLE $schema.late (n bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)"
tubes_run "file $dir/logs/* | parse json | thru ( where n < 300 | keep n ) ( where n = 250 | keep n ) |
    $(to late rows=100)"
same "one that nobody names is found" "299|299" \
    "$(sql "SELECT count(*), count(DISTINCT n) FROM $schema.late")"

# A flush commits what waits behind a transaction that is under way, and what has no position.
forget
sql "CREATE TABLE $schema.slow (n bigint);
    CREATE FUNCTION $schema.wait() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END';
    CREATE TRIGGER wait AFTER INSERT ON $schema.slow FOR EACH STATEMENT EXECUTE FUNCTION $schema.wait()"
status=0
"$TUBES_TEST_BIN/pg_flush" "merge hold=yes ( late ) | $(to slow rows=3 age=1h)" 2>"$dir/err" || status=$?
same "exit of a flush" 0 $status
same "rows behind a flush" "6|6" "$(sql "SELECT count(*), count(DISTINCT n) FROM $schema.slow")"

# What is made of one batch is more than there is memory: it cannot wait for its position.
forget
numbers 1 300 >"$dir/few.json"
status=0
"$TUBES_TEST_BIN/twice_run" "set memory=4M; file $dir/few.json | parse json | twice times=1000 | $(to large)" \
    >/dev/null 2>"$dir/err" || status=$?
same "exit with little memory" 0 $status
same "more than memory holds" "300000|300" "$(sql "SELECT count(*), count(DISTINCT n) FROM $schema.large")"
has "is told" "memory is short: records are stored before the position" "$dir/err"

# strike NAME PROGRAM FLOW TABLE WANTED [TABLE WANTED...]
RANDOM=${SEED:=$$}
echo "seed $SEED"
strike() {
    local name=$1 flow=$3 struck=0 complete=1 start whole ms pid
    local run=("$2")
    shift 3
    [ "${run[0]}" != "$TUBES" ] || run+=(run)
    forget
    start=$(date +%s%N)
    "${run[@]}" "$flow" >/dev/null 2>"$dir/err" || same "$name: $(cat "$dir/err")" 0 $?
    whole=$((($(date +%s%N) - start) / 1000000 + 5))
    for _ in $(seq $((kills * 10))); do
        [ $struck -lt $kills ] || break
        # Begin anew when everything is there, so that all meet a run at work.
        if [ $complete = 1 ]; then forget; fi
        "${run[@]}" "$flow" >/dev/null 2>&1 &
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
        again "$name, after $struck" "$@"
        complete=1
    done
    same "$name: runs that were struck" $kills $struck
    again "$name" "$@"
    again "$name, once more" "$@"
}

again() {
    local what=$1
    shift
    "${run[@]}" "$flow" >/dev/null 2>"$dir/err" || same "$what: $(cat "$dir/err")" 0 $?
    while [ $# -gt 0 ]; do
        same "$what: $1" "$2" "$(count "$1")"
        shift 2
    done
}

file="file $dir/logs/* | parse json"
strike "two tables" "$TUBES" "$file | tee ( $(to a rows=3000 age=5ms) ) | $(to b rows=700 age=5ms)" \
    a "$all" b "$all"
strike "a route that joins" "$TUBES" "$file | route ( when k = 1 | keep n k text ) ( when k = 2 | where n > 0 ) |
    $(to a rows=500 age=1ms)" a "$all"
strike "thru" "$TUBES" "$file | thru ( where k = 1 ) ( where n > 0 ) | $(to a rows=500 age=1ms)" \
    a "$(times '1 + (i % 4 == 1)')"
strike "parallel" "$TUBES" "$file | parallel 2 order=input ( where n > 0 ) | $(to a rows=500 age=1ms)" \
    a "$all"
strike "merge" "$TUBES" "merge ( file $dir/logs/a.json | parse json ) ( file $dir/logs/b.json | parse json ) |
    $(to a rows=500 age=1ms)" a "$all"
strike "a sorted merge" "$TUBES" "merge by=n ( file $dir/odd | parse json ) ( file $dir/even | parse json ) |
    $(to a rows=500 age=1ms)" a "$all"
strike "an emitter" "$TUBES_TEST_BIN/twice_run" "$file | twice | $(to a rows=500 age=1ms)" \
    a "$(times 2)"

# One table and one file.
sqlite=$dir/both.db
rm -f "$sqlite"
tubes_run "$file | head 3000 | tee ( $(to both) ) | sqlite $sqlite"
rm -f "$sqlite"
forget_both() { sql "TRUNCATE $schema.both, $schema.tubes_progress, $schema.tubes_source"; }
forget_both
for round in $(seq 7); do
    for _ in 1 2 3; do
        "$TUBES" run "$file | tee ( $(to both rows=300) ) | sqlite $sqlite rows=1000" >/dev/null 2>&1 &
        pid=$!
        sleep "0.$(printf '%03d' $((RANDOM % 120)))"
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    tubes_run "$file | tee ( $(to both rows=300) ) | sqlite $sqlite rows=1000"
    same "round $round: the table" "$all" "$(count both)"
    same "round $round: the file" "${all//|/	}" \
        "$("$TUBES" sql "$sqlite" 'SELECT count(*), count(DISTINCT n), sum(n) FROM logs' | tail -1)"
    rm -f "$sqlite"*
    forget_both
done
