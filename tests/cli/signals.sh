#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# signals.sh -- a load that is stopped commits what it has read, dies by the signal, and
# goes on where it was when it is started again.
. "$(dirname "$0")/lib.sh"
set -m # so that children do not begin with SIGINT ignored

"$TUBES" gen combined 400000 >big.log

# Wait until a load has committed something: only then a signal is worth something.
wait_for_rows() {
    local i=0
    until [ "$(count "$1" access 2>/dev/null || echo 0)" -gt 0 ] 2>/dev/null; do
        i=$((i + 1))
        [ $i -lt 300 ] || fail "no row after 30 s"
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.1
    done
}

for name in TERM:143 INT:130 HUP:129; do
    signal=${name%:*}
    rm -f x.db*
    "$TUBES" load big.log x.db 2>.err &
    pid=$!
    got=0
    if wait_for_rows x.db $pid; then
        kill -s "$signal" $pid 2>/dev/null || true
    fi
    wait $pid || got=$?
    err=$(cat .err)
    case $got in
    "${name#*:}") has "$err" "stopping" ;;
    0) # done before the signal came
        same "$(count x.db access)" 400000
        ;;
    *) fail "status $got after SIG$signal" ;;
    esac
    has "$err" "+ rejected 0 + dropped 0"
    rows=$(count x.db access)
    run 0 "$TUBES" load big.log x.db
    same "$(count x.db access)" 400000
    echo "SIG$signal: $rows rows, then all"
done

# A source without an end that is told to stop has done its work.
"$TUBES" run 'gen combined 0 | parse combined | null' 2>.err &
pid=$!
sleep 0.3
kill -TERM $pid
got=0
wait $pid || got=$?
err=$(cat .err)
same "$got" 0
has "$err" "read "

# The second aborts.
"$TUBES" run 'gen combined 0 | parse combined | null' 2>.err &
pid=$!
sleep 0.3
kill -INT $pid
kill -INT $pid 2>/dev/null || true
got=0
wait $pid || got=$?
same "$got" 130

# What was ignored from the start stays so, as with nohup.
(
    trap '' HUP
    exec "$TUBES" run 'gen combined 300000 | parse combined | null'
) 2>.err &
pid=$!
sleep 0.1
kill -HUP $pid 2>/dev/null || true
got=0
wait $pid || got=$?
err=$(cat .err)
same "$got" 0
has "$err" "read 300,000 = committed 300,000"
