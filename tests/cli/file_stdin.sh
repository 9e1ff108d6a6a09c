#!/bin/bash
# SPDX-License-Identifier: MIT
# Standard input: pipes, files, nothing; what comes is passed on when it comes.
. "$(dirname "$0")/lib_sqlite.sh"

# wait_for DB SQL WANT: until a query says what it should, at most 10 s.
wait_for() {
    for i in $(seq 1000); do
        [ -s "$1" ] && [ "$(sql "$1" "$2" 2>/dev/null)" = "$3" ] && return
        sleep 0.01
    done
    echo "FAILED: $2 is not $3"
    failures=$((failures + 1))
}

run 0 "file - | lines | sqlite e.db" </dev/null
same "nothing" 0 "$(sql e.db 'SELECT count(*) FROM logs')"
: | "$TUBES" run "file - | lines | sqlite e.db" >out 2>err || same "an empty pipe" 0 $?
same "an empty pipe" 0 "$(sql e.db 'SELECT count(*) FROM logs')"

awk 'BEGIN { for (i = 1; i <= 100000; i++) printf "line %d\n", i }' >a.log
run 0 "file - | lines | sqlite s.db" <a.log
same "a file" "100000|100000" "$(sql s.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
cat a.log | "$TUBES" run "file - | lines | sqlite p.db" >out 2>err || same "exit status" 0 $?
same "a pipe" "100000|100000" "$(sql p.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
same "has no position, but an account" "-|100000|100000" "$(sql p.db 'SELECT path, low, rows FROM tubes_source JOIN tubes_progress ON id = source_id')"
cat a.log | "$TUBES" run "file - | lines | sqlite p.db" >out 2>err
same "the same once more is more" 200000 "$(sql p.db 'SELECT count(*) FROM logs')"

# Standard input comes when its turn is, and once.
echo first >first.log
seq 2 | "$TUBES" run "file first.log - - a.log | lines | head 4 | sqlite o.db" >out 2>err || same "exit status" 0 $?
same "the order" "first,1,2,line 1" "$(sql o.db 'SELECT group_concat(line) FROM logs')"

# What comes slowly is stored when it comes, and half a line when its end comes.
mkfifo pipe
"$TUBES" run "file - | lines | sqlite slow.db" <pipe >out 2>err &
load=$!
children+=($load)
exec 3>pipe
printf 'one\ntw' >&3
wait_for slow.db 'SELECT group_concat(line) FROM logs' one
printf 'o\nthree\n' >&3
wait_for slow.db 'SELECT group_concat(line) FROM logs' one,two,three
printf 'four' >&3
sleep 0.3
same "half a line waits" "one,two,three" "$(sql slow.db 'SELECT group_concat(line) FROM logs')"
exec 3>&-
wait $load || same "exit status" 0 $?
same "the end ends the last line" "one,two,three,four" "$(sql slow.db 'SELECT group_concat(line) FROM logs')"

# One byte at a time, also of what looks like a compressed file at first.
{ printf '\037'; sleep 0.05; printf '\213'; sleep 0.05; printf 'no\n'; } | "$TUBES" run "file - | lines | print" >out 2>err ||
    same "exit status" 0 $?
same "two bytes of gzip are not gzip" 1 "$(wc -l <out)"

# A look at the beginning, to infer types, takes nothing away; also if it comes in bits.
{ printf '{"n":1'; sleep 0.1; printf ',"s":"a"}\n{"n":2,"s":"b"}\n'; sleep 0.1; printf '{"n":3,"s":"c"}\n'; } |
    "$TUBES" run "file - | parse json | sqlite j.db" >out 2>err || same "exit status" 0 $?
same "after the look" "1a,2b,3c" "$(sql j.db "SELECT group_concat(n || s) FROM logs")"
gzip -c a.log | "$TUBES" run "file - first.log | lines | head 100001 | sqlite g.db" >out 2>err || same "exit status" 0 $?
same "compressed, and another file behind it" "100001|first" "$(sql g.db 'SELECT count(*), (SELECT line FROM logs ORDER BY rowid DESC LIMIT 1) FROM logs')"
awk 'BEGIN { for (i = 1; i <= 5000; i++) printf "{\"n\":%d}\n", i }' | gzip -c |
    "$TUBES" run "file - | parse json | sqlite gj.db" >out 2>err || same "exit status" 0 $?
same "a look at the beginning of a compressed pipe" "5000|12502500" "$(sql gj.db 'SELECT count(*), sum(n) FROM logs')"

# Whoever has enough does not wait for more.
mkfifo endless
yes >endless 2>/dev/null &
children+=($!)
timeout 20 "$TUBES" run "file endless | lines | head 3 | print" >out 2>err || same "exit status" 0 $?
same "enough" 3 "$(wc -l <out)"

# Idle, it does not run.
if [ -z "${TUBES_SANITIZE:-}" ]; then
    "$TUBES" run "file - | lines | null" <pipe >out 2>err &
    load=$!
    children+=($load)
    exec 3>pipe
    echo x >&3
    sleep 0.5
    before=$(awk '{ print $14 + $15 }' /proc/$load/stat)
    sleep 1
    same "ticks of an idle second" 0 $(($(awk '{ print $14 + $15 }' /proc/$load/stat) - before))
    exec 3>&-
    wait $load || same "exit status" 0 $?
fi
