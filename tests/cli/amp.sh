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
