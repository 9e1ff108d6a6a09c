#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_end.sh -- how a run ends: slow and failing commits, signals, streams, lost servers.
. "$(dirname "$0")/lib_pg.sh"

log=$dir/access.log
lines 20000 "$log"
into="parse combined | postgres \"$dsn\" table=$schema.access"

# The end waits for a COMMIT that takes its time.
sql "CREATE FUNCTION $schema.slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_catalog.pg_sleep(5); RETURN NULL; END'"
tubes_run "file $log | head 0 | $into" # makes the tables
tubes_run "file $log | head 1 | $into"
sql "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON $schema.access DEFERRABLE
    INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.method = 'slow') EXECUTE FUNCTION $schema.slow()"
sed -n '2s|"[A-Z]* |"slow |p' "$log" >"$dir/slow"
start=$(date +%s%N)
tubes_run "file $dir/slow | $into"
took=$(( ($(date +%s%N) - start) / 1000000 ))
same "a slow COMMIT: exit" 0 $status
[ $took -ge 5000 ] || same "a slow COMMIT is waited for" "5000 ms or more" $took
same "its row" 1 "$(sql "SELECT count(*) FROM $schema.access WHERE method = 'slow'")"

# The last COMMIT fails for a reason that is no row's: not exit 0, and nothing stored.
sql "CREATE OR REPLACE FUNCTION $schema.slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''XX000''; END'"
sed -n '3s|"[A-Z]* |"slow |p' "$log" >"$dir/failing"
tubes_run "file $dir/failing | $into"
same "a failing COMMIT: exit" 1 $status
has "a failing COMMIT: its SQLSTATE" XX000 "$dir/err"
same "nothing of it" 1 "$(sql "SELECT count(*) FROM $schema.access WHERE method = 'slow'")"
sql "DROP TABLE $schema.access"

# SIGTERM in the middle: what was read is committed, and the next run goes on.
mkfifo "$dir/fifo"
"$TUBES" run "file - | $into" <"$dir/fifo" >/dev/null 2>"$dir/err" &
pid=$!
exec 3>"$dir/fifo"
head -n 5000 "$log" >&3
for _ in $(seq 200); do
    [ "$(sql "SELECT count(*) FROM pg_tables WHERE schemaname = '$schema'
        AND tablename = 'access'")" = 1 ] \
        && [ "$(sql "SELECT count(*) FROM $schema.access")" = 5000 ] && break
    sleep 0.02
done
same "a quiet source is committed without waiting for more" 5000 \
    "$(sql "SELECT count(*) FROM $schema.access")"
kill -TERM $pid
status=0
wait $pid || status=$?
exec 3>&-
has "drained" '^read 5,000 = committed 5,000' "$dir/err"
sql "DROP TABLE $schema.access"

# The same stream, with answers lost: nothing is repeated.
start_proxy answer 1 5
"$TUBES" run "file - | parse combined | postgres \"$proxied\" table=$schema.access rows=2000" \
    <"$log" >/dev/null 2>"$dir/err" || same "a stream with faults: exit" 0 $?
same "a stream with faults: times" 5 "$(stop_proxy)"
same "a stream with faults: rows" "20000|20000" \
    "$(sql "SELECT count(*), count(DISTINCT a::text) FROM $schema.access a")"
start_proxy before 2 5
"$TUBES" run "file - | parse combined | postgres \"$proxied\" table=$schema.access rows=2000" \
    <"$log" >/dev/null 2>"$dir/err" || same "a stream with cuts: exit" 0 $?
same "a stream with cuts: times" 5 "$(stop_proxy)"
same "a stream with cuts: rows" "40000|20000" \
    "$(sql "SELECT count(*), count(DISTINCT a::text) FROM $schema.access a")"
sql "DROP TABLE $schema.access"

# The server goes away for good: it is asked again and again, gently, until we are told
# to stop; then nothing more is stored and that is said.
large=$dir/large.log
lines 200000 "$large"
start_proxy pass
"$TUBES" run "file $large | parse combined | postgres \"$proxied\" table=$schema.access rows=500" \
    >/dev/null 2>"$dir/err" &
pid=$!
until [ "$(sql "SELECT count(*) FROM pg_tables WHERE schemaname = '$schema'
    AND tablename = 'access'")" = 1 ] \
    && [ "$(sql "SELECT count(*) > 0 FROM $schema.access")" = t ]; do sleep 0.005; done
kill "$proxy"
rm -f "$dir/.s.PGSQL.5555"
sleep 1
kill -TERM $pid
sleep 0.2
before=$(awk '{ print $14 + $15 }' /proc/$pid/stat)
sleep 1
after=$(awk '{ print $14 + $15 }' /proc/$pid/stat)
[ $((after - before)) -le 5 ] \
    || same "waiting costs nothing" "5 ticks at most" $((after - before))
kill -TERM $pid
status=0
wait $pid || status=$?
[ $status -ne 0 ] || same "an aborted run" "not 0" 0
has "it tried again" 'connection lost, connecting again' "$dir/err"
same "what was stored is what the position says" \
    "$(sql "SELECT count(*) FROM $schema.access")" \
    "$(sql "SELECT rows FROM $schema.tubes_progress p JOIN $schema.tubes_source s
        ON s.id = source_id WHERE target = '$schema.access'::regclass")"
tubes_run "file $large | $into"
same "then all is there" "200000|200000" \
    "$(sql "SELECT count(*), count(DISTINCT a::text) FROM $schema.access a")"
