#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# amp.sh -- amp and call with Twisted at the other end: types, thousands of calls, and kills.
#
# Debian package python3-twisted.
. "$(dirname "$0")/lib.sh"

peer=$OLDPWD/tests/cli/amp_peer.py
[ -f "$peer" ] || peer=${TUBES_SOURCE:?}/tests/cli/amp_peer.py
python=
for each in /usr/bin/python3 python3; do
    "$each" -c 'import twisted.protocols.amp' 2>/dev/null && python=$each && break
done
if [ -z "$python" ]; then
    echo "skipped: no Twisted (Debian package python3-twisted)"
    exit 77
fi
calls=${TUBES_AMP_CALLS:-4000}
at=$folder/sock
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT

# Wait until COMMAND succeeds.
until_good() {
    for _ in $(seq 200); do
        "$@" 2>/dev/null && return
        sleep 0.05
    done
    fail "never: $*"
}

# listens: somebody takes connections there.
listens() {
    "$python" -c 'import socket, sys
socket.socket(socket.AF_UNIX).connect(sys.argv[1])' "$at"
}

serve() { # LOG [DIE_AFTER]
    "$python" "$peer" serve "$at" "$@" >>serve.out 2>>serve.err &
    pids+=($!)
    until_good listens
}

# --- call: Twisted answers.

seq 13 $((calls + 12)) | sed 's/.*/{"a":&,"b":81}/' >in.json
serve seen
run 0 "$TUBES" run -q "file in.json | parse json types=[a:int, b:int] | call $at Sum"
kill "${pids[0]}"
wait "${pids[0]}" 2>/dev/null || true
same "$(cat serve.out)" "ready"
same "$(awk '{ print $1 }' seen)" "$(seq 13 $((calls + 12)))"

# An error answer rejects its record, with the other side's words; others go on.
rm -f seen
serve seen
printf '{"a":1,"b":1}\n{"a":2,"b":0}\n{"a":3,"b":1}\n' >zero.json
run 3 "$TUBES" run "file zero.json | parse json types=[a:int, b:int] | call $at Sum" \
    --rejects bad
has "$(cat bad)" "ZERO_DIVISION: b is zero"
has "$err" "= committed 2"
# A missing argument, which Twisted answers with UNKNOWN and hangs up.
run 3 "$TUBES" run "file zero.json | parse json types=[a:int, b:int] |
    call $at Sum fields=[a:int]" --rejects bad
has "$(cat bad)" "UNKNOWN: Unknown Error"
# A value over 65,535 bytes never leaves.
"$python" -c 'print("{\"a\":1,\"b\":2,\"c\":\"%s\"}" % ("x" * 65536))' >long.json
run 3 "$TUBES" run "file long.json | parse json types=[a:int, b:int, c:text] |
    call $at Sum" --rejects bad
has "$(cat bad)" "value of 'c' has 65536 bytes, and AMP carries at most 65,535"
kill "${pids[1]}"
wait "${pids[1]}" 2>/dev/null || true

# It falls dead in the middle, and is there again: each call is answered in the end.
rm -f seen
serve seen $((calls / 3))
"$TUBES" run "file in.json | parse json types=[a:int, b:int] | call $at Sum window=50" \
    >.out 2>.err &
job=$!
wait "${pids[2]}" 2>/dev/null || true
sleep 0.3
serve seen
wait "$job" || fail "call: $(cat .err)"
same "$(awk '{ print $1 }' seen | sort -n | uniq)" "$(seq 13 $((calls + 12)))"
[ "$(wc -l <seen)" -le $((calls + 50)) ] || fail "more than the window was called twice"
has "$(cat .err)" "trying again"
kill "${pids[-1]}"
wait "${pids[-1]}" 2>/dev/null || true

# --- amp: Twisted calls.

pipe="amp $at Sum fields=[a:int, b:int]"
listen() { # PIPELINE...
    "$TUBES" run "$@" >.out 2>.err &
    pids+=($!)
    until_good listens
}
stop() { # ends the last one well
    kill -TERM "${pids[-1]}"
    local got=0
    wait "${pids[-1]}" || got=$?
    [ "$got" = 143 ] || { out=$(cat .out) err=$(cat .err) && fail "amp: status $got"; }
}

# Every type.
listen "record pair { x int; y text }
amp $at Kinds fields=[a:int, name, f:float, when:time, l:list/int, r:list/pair, ok:bool,
    d:decimal, raw-bytes:bytes, none:int?] | print"
"$python" "$peer" types "$at"
stop
same "$(cat .out)" '{"a":-5,"name":"é","f":1e+22,"when":"2012-01-23T12:34:56.054321Z","l":[1,20,300],"r":[{"x":7,"y":"q\""},{"x":9,"y":""}],"ok":true,"d":"1.50E+3","raw_bytes":"\\x00ff","none":null}'

# Byte for byte.
listen "$pipe | null"
run 0 "$python" "$peer" vectors "$at"
same "$out" "sent golden
received golden
outcome committed
unhandled (b'UNHANDLED', \"Unhandled Command: b'Nobody'\")
after an unknown tag: committed"
stop

# Thousands of calls are answered, and are in the table; what is refused is told why.
printf 'create table sums(a integer primary key, b integer);insert into sums values(20,0)' |
    "$python" -c 'import sqlite3, sys
sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())' s.db
listen "$pipe | where a != 30 | sqlite s.db table=sums"
run 0 "$python" "$peer" call "$at" 13 "$calls" told
stop
same "$(grep -c ' committed$' told)" "$((calls - 2))"
same "$(grep ' filtered$' told)" "30 filtered"
has "$(grep '^20 ' told)" "20 error REJECTED "
has "$(grep '^20 ' told)" "UNIQUE"
same "$(count s.db sums)" "$((calls - 1))"

# Killed in the middle: what was called committed is there, and the rest comes.
slow="$pipe | limit rows=$((calls / 2))/s | sqlite k.db table=sums"
listen "$slow"
rm -f told
"$python" "$peer" call "$at" 13 "$calls" told >.call 2>&1 &
job=$!
for _ in 1 2 3; do
    sleep 0.5
    kill -9 "${pids[-1]}"
    wait "${pids[-1]}" 2>/dev/null || true
    [ "$(count k.db "(select distinct a from sums)")" -lt "$calls" ] || fail "too late"
    listen "$slow"
done
wait "$job" || fail "call: $(cat .call)"
stop
same "$(grep -c ' committed$' told)" "$calls"
same "$(count k.db "(select distinct a from sums)")" "$calls"

# Both ends are ours: the far database's words come back.
listen "$pipe | sqlite s.db table=sums"
printf '{"a":20,"b":1}\n{"a":-1,"b":1}\n' >two.json
run 3 "$TUBES" run "file two.json | parse json types=[a:int, b:int] | call $at Sum" \
    --rejects bad
has "$(cat bad)" "UNIQUE"
has "$err" "= committed 1"
stop
