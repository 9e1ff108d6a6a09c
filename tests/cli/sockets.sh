#!/bin/bash
# SPDX-License-Identifier: MIT
# Sockets: one tool sends, another listens; signals, old socket files, wrong addresses.
. "$(dirname "$0")/lib.sh"

# until COMMAND...: at most 20 s.
until_true() {
    for _ in $(seq 2000); do
        "$@" && return
        sleep 0.01
    done
    fail "not in 20 s: $*"
}
has_rows() { [ -s d.db ] && [ "$("$TUBES" sql d.db "select count(*) from logs" 2>/dev/null | tail -1)" = "$1" ]; }
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

seq 50000 >a.txt
for frame in lines netstring int8 int16 int32 octets; do
    "$TUBES" run "listen unix:s frame=$frame | print format=raw" >got 2>log &
    listener=$!
    until_true test -S s
    run 0 "$TUBES" run "file a.txt | lines | send unix:s frame=$frame"
    until_true has_lines got 50000
    kill -TERM $listener
    wait $listener || true
    cmp -s a.txt got || fail "frame=$frame: other lines came"
    [ ! -e s ] || fail "the socket is left behind"
    has "$(cat log)" "committed 50,000"
done

# A killed listener leaves its file; the next one replaces it, unless somebody listens.
"$TUBES" run "listen unix:s | print format=raw" >got 2>log &
listener=$!
until_true test -S s
run 2 "$TUBES" run "listen unix:s | print"
has "$err" "somebody listens at 's' already"
{ kill -9 $listener && wait $listener; } 2>/dev/null || true
[ -S s ] || fail "there is no old socket"
"$TUBES" run "listen unix:s | head 2 | print format=raw" >got 2>log &
listener=$!
until_true sh -c "printf 'one\ntwo\n' >f; '$TUBES' run 'file f | lines | send unix:s' >/dev/null 2>&1"
wait $listener || fail "the listener: $(cat log)"
same "$(cat got)" "one
two"

# A free port, which is told; records of several fields are objects.
"$TUBES" run "listen tcp:127.0.0.1:0 frame=netstring | parse json types=[status:int, path:text] unknown=ignore | sqlite d.db" >out.l 2>log &
listener=$!
until_true grep -q "listening at" log
address=$(sed -n 's/.*listening at //p' log)
run 0 "$TUBES" run "gen combined 3000 | parse combined | send $address frame=netstring"
until_true has_rows 3000
kill -TERM $listener
wait $listener || true
same "$(count d.db logs)" 3000

# connect: to its end.
"$TUBES" run "listen unix:x | print format=raw" >got 2>log &
listener=$!
until_true test -S x
run 4 "$TUBES" run "connect unix:nowhere | print"
has "$err" "cannot connect to 'unix:nowhere': No such file or directory"
kill -TERM $listener
wait $listener || true

# What is wrong is pointed at.
: >file
run 2 "$TUBES" run "listen unix:file frame=line | print"
has "$err" "did you mean 'lines'?"
run 2 "$TUBES" run "listen unix:file | print"
has "$err" "'file' is there and is no socket"
run 2 "$TUBES" run "listen nothing | print"
has "$err" "'nothing' is no address"
has "$err" "or unix:PATH"
run 0 "$TUBES" check "listen unix:checked | parse json types=[n:int] | print"
[ ! -e checked ] || fail "check made a socket"

# Framing stages, and where garbage was.
printf '3:abc,oops2:de,5:fg' >n.net
run 3 "$TUBES" run "file n.net | netstrings | print format=raw"
same "$out" "abc
de"
has "$err" "n.net:2: no netstring: 4 bytes from 'oops' on"
has "$err" "n.net:4: the stream ends inside of this netstring, after 4 bytes"
run 1 "$TUBES" run "file n.net | netstrings garbage=fail | print format=raw"
has "$err" "at byte 6 of"
printf '\0\3abc\0\2de' >n.int16
run 0 "$TUBES" run "file n.int16 | prefixed 16 | print format=raw"
same "$out" "abc
de"
printf '6 <34>ab9 <165>1 cd' >n.tcp
run 0 "$TUBES" run "file n.tcp | octets | print format=raw"
same "$out" "<34>ab
<165>1 cd"

# A file that has got longer is read on at the next record.
printf '1:a,1:b,' >grows
run 0 "$TUBES" run "file grows | netstrings | sqlite g.db"
printf '1:c,' >>grows
run 0 "$TUBES" run "file grows | netstrings | sqlite g.db"
hasnt "$err" "without its end"
same "$(count g.db logs)" 3
