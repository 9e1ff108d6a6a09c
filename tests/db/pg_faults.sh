#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_faults.sh -- connections and processes that die: each line is stored exactly once.
#
# Names in brackets are those of the fault list: X1 kill, X4 cut, X5 answer lost, X6
# COMMIT lost, X7 late bytes.
. "$(dirname "$0")/lib_pg.sh"

n=100000
log=$dir/access.log
lines $n "$log"
size=$(stat -c %s "$log")

# once WHAT: all lines are there, none twice, and the position is at the end.
once() {
    same "$1: rows, different rows" "$n|$n" \
        "$(sql "SELECT count(*), count(DISTINCT a::text) FROM $schema.access a")"
    same "$1: position" "$size|$n|$n" \
        "$(sql "SELECT low, lines, rows FROM $schema.tubes_progress p
            JOIN $schema.tubes_source s ON s.id = p.source_id
            WHERE target = '$schema.access'::regclass")"
    sql "DROP TABLE $schema.access"
}

# faulty WHAT TIMES MODE...: load through a proxy that acts TIMES times.
faulty() {
    local what=$1 times=$2
    shift 2
    start_proxy "$@"
    tubes_run "file $log | parse combined |
        postgres \"$proxied\" table=$schema.access rows=4000"
    same "$what: exit" 0 $status
    same "$what: times" "$times" "$(stop_proxy)"
    has "$what: the identity" "^read 100,000 = committed 100,000 \+ filtered 0" "$dir/err"
    once "$what"
}

faulty "nothing" 0 pass
faulty "answer of COMMIT lost (X5)" 20 answer 1 20
faulty "connection lost before COMMIT (X6)" 20 before 2 20
faulty "CopyDone arrives after the cut (X7)" 3 late 5 3
faulty "statements lost (X4)" 5 query 3 5
faulty "COPY data lost (X4)" 5 data 3 5
faulty "CopyInResponse lost (X4)" 5 in:G 3 5
faulty "ReadyForQuery lost (X4)" 5 in:Z 2 5
faulty "some CommandComplete lost (X4)" 10 in:C 7 10

# kill -9 at random moments, then the same command (X1).
load="file $log | parse combined | postgres \"$dsn\" table=$schema.access rows=2000"
killed=0
for trial in $(seq 60); do
    "$TUBES" run "$load" >/dev/null 2>"$dir/err" &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % 60 + 20)))"
    kill -9 $pid 2>/dev/null || true
    status=0
    wait $pid 2>/dev/null || status=$?
    [ $status -ne 137 ] || killed=$((killed + 1))
    if [ $status -eq 0 ]; then
        once "after $killed kills"
        [ $killed -lt 20 ] || break
    elif [ $status -ne 137 ]; then
        same "exit of trial $trial" "0 or 137" $status
        cat "$dir/err"
    fi
done
"$TUBES" run "$load" >/dev/null 2>"$dir/err" || same "the last load" 0 $?
once "after $killed kills, at last"
[ $killed -ge 20 ] || same "kills" "20 or more" $killed

# The server's side dies: a backend is ended, again and again.
"$TUBES" run "$load" >/dev/null 2>"$dir/err" &
pid=$!
ended=0
while kill -0 $pid 2>/dev/null && [ $ended -lt 10 ]; do
    sleep 0.03
    [ -z "$(sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'tubes' AND query LIKE '%$schema%'")" ] \
        || ended=$((ended + 1))
done
status=0
wait $pid || status=$?
same "exit after ended backends" 0 $status
[ $ended -gt 0 ] || same "ended backends" "1 or more" 0
once "after $ended ended backends"

# Another process is faster: this one stops and says so.
mkfifo "$dir/slow"
"$TUBES" run "file $log | parse combined | postgres \"$dsn\" table=$schema.access rows=1" \
    >/dev/null 2>"$dir/err" &
pid=$!
until [ -n "$(sql "SELECT 1 FROM pg_tables WHERE schemaname = '$schema'
    AND tablename = 'access'")" ] && [ -n "$(sql "SELECT 1 FROM $schema.access LIMIT 1")" ]
do sleep 0.01; done
sql "UPDATE $schema.tubes_progress p SET low = low + 1 FROM $schema.tubes_source s
    WHERE s.id = p.source_id AND target = '$schema.access'::regclass"
status=0
wait $pid || status=$?
same "exit when another one moved the position" 5 $status
has "and that is said" "another instance moved the position of .*access.log" "$dir/err"
