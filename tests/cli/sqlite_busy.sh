#!/bin/bash
# SPDX-License-Identifier: MIT
# Other processes on the same database file: locks are waited for, and nobody stores
# what another one has stored.
. "$(dirname "$0")/lib_sqlite.sh"

awk 'BEGIN { for (i = 1; i <= 50000; i++) printf "line %d\n", i }' >a.log
awk 'BEGIN { for (i = 50001; i <= 100000; i++) printf "line %d\n", i }' >b.log

# A writer that holds the lock, before the start and in the middle.
run 0 "file b.log | lines | sqlite t.db table=other"
sql t.db "BEGIN IMMEDIATE" 1500 >held &
children+=($!)
until [ -s held ]; do sleep 0.01; done
start=$(date +%s%N)
run 0 "file a.log | lines | sqlite t.db"
[ $((($(date +%s%N) - start) / 1000000)) -ge 1000 ] || { echo "FAILED: did not wait"; failures=1; }
same "after the lock was gone" "50000|50000" "$(sql t.db 'SELECT count(*), count(DISTINCT line) FROM logs')"

mkfifo pipe
"$TUBES" run "file pipe | lines | sqlite t.db table=slow rows=10" >out 2>err &
load=$!
exec 3>pipe
echo first >&3
until [ "$(sql t.db "SELECT count(*) FROM sqlite_schema WHERE name = 'slow'")" = 1 ] &&
    [ "$(sql t.db 'SELECT count(*) FROM slow')" = 1 ]; do sleep 0.05; done
: >held
sql t.db "BEGIN IMMEDIATE" 1500 >held &
children+=($!)
until [ -s held ]; do sleep 0.01; done
seq 1000 >&3
exec 3>&-
wait $load || same "exit status with a lock in the middle" 0 $?
same "a lock in the middle" 1001 "$(sql t.db 'SELECT count(*) FROM slow')"

# A reader holds up nobody.
sql t.db "BEGIN; SELECT count(*) FROM logs" 5000 >held &
reader=$!
children+=($reader)
until grep -q held held; do sleep 0.01; done
start=$(date +%s%N)
run 0 "file b.log | lines | sqlite t.db"
[ $((($(date +%s%N) - start) / 1000000)) -lt 4000 ] || { echo "FAILED: waited for a reader"; failures=1; }
same "beside a reader" "100000|100000" "$(sql t.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
kill $reader

# Two that load the same file: one of them gives way; two with a file each do not.
for round in 1 2 3 4 5 6; do
    rm -f two.db*
    "$TUBES" run "file a.log | lines | sqlite two.db rows=500" >out1 2>err1 &
    one=$!
    "$TUBES" run "file a.log | lines | sqlite two.db rows=500" >out2 2>err2 &
    two=$!
    first=0 second=0
    wait $one || first=$?
    wait $two || second=$?
    case $first$second in
    00 | 05 | 50) ;;
    *) echo "FAILED: exit statuses $first and $second"; cat err1 err2; failures=1 ;;
    esac
    [ $first = 5 ] && has "why" "another process has loaded .*a.log into table 'logs' meanwhile" err1
    [ $second = 5 ] && has "why" "another process has loaded .*a.log into table 'logs' meanwhile" err2
    same "two on one file, round $round" "50000|50000" "$(sql two.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
    rm -f two.db*
    "$TUBES" run "file a.log | lines | sqlite two.db rows=2000" >out1 2>err1 &
    one=$!
    run 0 "file b.log | lines | sqlite two.db rows=2000"
    wait $one || { same "the other one" 0 $?; cat err1; }
    same "two on two files, round $round" "100000|100000" "$(sql two.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
done


# One that is stopped for so long that another one does its work: it finds out.
rm -f two.db*
awk 'BEGIN { for (i = 1; i <= 3000000; i++) printf "line %d\n", i }' >big.log
"$TUBES" run "file big.log | lines | sqlite two.db rows=1 age=0s" >out1 2>err1 &
zombie=$!
children+=($zombie)
until [ -s two.db ] && [ "$(sql two.db 'SELECT count(*) FROM tubes_progress' 2>/dev/null)" = 1 ]; do sleep 0.01; done
free=no
for try in $(seq 200); do # until it is stopped between two transactions
    kill -STOP $zombie
    if PATIENCE_MS=50 sql two.db "BEGIN IMMEDIATE" 2>/dev/null; then free=yes; break; fi
    kill -CONT $zombie
    sleep 0.01
done
same "stopped between two transactions" yes $free
before=$(sql two.db 'SELECT count(*) FROM logs')
[ "$before" -gt 0 ] && [ "$before" -lt 3000000 ] || { echo "FAILED: $before rows when it was stopped"; failures=1; }
run 0 "file big.log | lines | sqlite two.db"
kill -CONT $zombie
status=0
wait $zombie || status=$?
same "exit status of the one that was stopped" 5 $status
has "why" "another process has loaded .*big.log" err1
same "every line once" "3000000|3000000" "$(sql two.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
