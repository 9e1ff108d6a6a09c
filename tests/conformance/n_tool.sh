#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# n_tool.sh -- N32: the first signal drains, the second aborts; the exit status tells why.
. "$(dirname "$0")/../cli/lib.sh"
set -m # so that children do not begin with SIGINT ignored
say() {
    local status=$?
    rm -rf "${folder:?}"
    [ $status = 0 ] && echo "N32 pass" || echo "N32 fail"
    exit $status
}
trap say EXIT

"$TUBES" gen combined 300000 >big.log

# start TEXT...: runs it in the background, its stderr in .err.
start() {
    : >.err
    "$TUBES" run "$@" >.out 2>.err &
    pid=$!
}

# Wait until words are in a file; fails after 20 s, or when it has ended before.
until_in() {
    local i=0
    until grep -q -- "$2" "$1" 2>/dev/null; do
        i=$((i + 1))
        [ $i -lt 400 ] || { err=$(cat .err); fail "no '$2' in $1 after 20 s"; }
        kill -0 "$pid" 2>/dev/null || { err=$(cat .err); fail "it ended before '$2'"; }
        sleep 0.05
    done
}

# ended STATUS: within 20 s, with that status; .err is in $err then.
ended() {
    local i=0 got=0
    while kill -0 "$pid" 2>/dev/null; do
        i=$((i + 1))
        if [ $i -ge 400 ]; then
            kill -KILL "$pid" 2>/dev/null
            err=$(cat .err)
            fail "it did not end in 20 s"
        fi
        sleep 0.05
    done
    wait "$pid" || got=$?
    err=$(cat .err)
    [ "$got" = "$1" ] || fail "status $got, wanted $1"
}

# running: the counters say that records have been committed.
running() {
    local i=0
    until grep -E 'tubes_records_total\{outcome="committed"\} [1-9]' stats.txt >/dev/null \
        2>&1; do
        i=$((i + 1))
        [ $i -lt 400 ] || fail "nothing was committed in 20 s"
        kill -0 "$pid" 2>/dev/null || { err=$(cat .err); fail "it ended by itself"; }
        sleep 0.05
    done
}

number() {
    sed -n "s/^$1 //p" stats.txt
}

# Test(N32, the_first_signal_drains_and_an_endless_source_has_done_its_work)
for name in TERM:0 INT:130; do
    rm -f stats.txt
    start --stats stats.txt --stats-every 50ms 'gen combined 0 | parse combined | null'
    running
    kill -s "${name%:*}" "$pid"
    ended "${name#*:}"
    has "$err" "stopping"
    hasnt "$err" "aborting"
    has "$err" "+ dropped 0"
    # nothing is left inside, and nothing is broken
    same "$(number tubes_in_flight_records)" 0
    same "$(number 'tubes_records_total{outcome="broken"}')" 0
    same "$(number 'tubes_phase_total{phase="read"}')" \
        "$(number 'tubes_records_total{outcome="committed"}')"
done

# Test(N32, a_source_that_would_end_dies_of_the_signal_when_it_is_cut_short)
for name in TERM:143 INT:130; do
    rm -f stats.txt
    start --stats stats.txt --stats-every 20ms \
        'file big.log | parse combined | limit rows=20000/s | null'
    running
    kill -s "${name%:*}" "$pid"
    ended "${name#*:}"
    has "$err" "stopping"
    same "$(number tubes_in_flight_records)" 0
    same "$(number 'tubes_records_total{outcome="broken"}')" 0
done

# Test(N32, the_second_signal_aborts_what_the_first_could_not_finish)
for name in TERM:1 INT:130; do
    rm -f stats.txt
    start --stats stats.txt --stats-every 20ms \
        'gen combined 0 | parse combined | limit rows=2000/s burst=1s | null'
    running
    kill -s "${name%:*}" "$pid"
    until_in .err "stopping"
    kill -s "${name%:*}" "$pid" || fail "it had drained before the second signal"
    ended "${name#*:}"
    has "$err" "aborting"
    # what was not finished is told, and all of it is in an account
    same "$(number tubes_in_flight_records)" 0
    [ "$(number 'tubes_records_total{outcome="broken"}')" -gt 0 ] || fail "nothing is broken"
done

# Test(N32, through_a_fork_and_a_fan_in_as_well)
rm -f stats.txt
start --stats stats.txt --stats-every 50ms \
    'merge ( gen combined 0 ) ( gen combined 0 seed=2 ) | parse combined
     | tee ( where status >= 500 | null as=bad ) | parallel 2 ( where status < 500 ) | null'
running
kill -s TERM "$pid"
ended 0
same "$(number 'tubes_records_total{outcome="broken"}')" 0
same "$(number tubes_in_flight_records)" 0

# Test(N32, the_exit_status_comes_from_the_reason)
run 0 "$TUBES" run 'gen combined 10 | parse combined | null'
run 0 "$TUBES" run 'gen combined 0 | parse combined | head 5 | null' # it has enough
printf 'no line of a log\n' >bad.log
"$TUBES" gen combined 3 >>bad.log
run 3 "$TUBES" run 'file bad.log | parse combined | null'
run 1 "$TUBES" run --strict 'file bad.log | parse combined | null'
run 2 "$TUBES" run 'gen combined 10 | nosuch'
run 2 "$TUBES" run 'gen combined 10 | parse combined | tee ( where nosuch > 1 | null ) | null'
