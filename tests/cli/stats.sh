#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# stats.sh -- --stats keeps counters in a file that is always whole, SIGUSR1 asks for them,
# and the summary copes with branches.
. "$(dirname "$0")/lib.sh"
set -m # so that children do not begin with signals ignored

"$TUBES" gen combined 3000 >a.log

# metric FILE SAMPLE: its number.
metric() {
    awk -v s="$2" 'index($0, s " ") == 1 { print $NF }' "$1"
}

# whole FILE: HELP and TYPE before all samples of a metric, each once, and a last line.
whole() {
    awk '
        function bad(what) { print FILENAME ":" FNR ": " what ": " $0; failed = 1 }
        /^# HELP / { if ($3 in seen) bad("again"); seen[$3] = 1; name = $3; type = ""; next }
        /^# TYPE / { if ($3 != name) bad("no HELP"); type = $4; next }
        {
            base = $1
            sub(/\{.*/, "", base)
            if (type == "summary") sub(/_(sum|count)$/, "", base)
            if (base != name || type == "") bad("not behind its TYPE")
            if ($1 in sample) bad("twice")
            sample[$1] = 1
            if ($NF !~ /^[0-9]+(\.[0-9]+)?$/) bad("no number")
            n++
        }
        END { if (n < 50) bad("only " n " samples"); exit failed }' "$1" >.bad ||
        fail "$(cat .bad)"
    [ "$(tail -c 1 "$1" | wc -l | tr -d ' ')" = 1 ] || fail "$1: cut"
}

# At the end the file says what the summary says.
run 0 "$TUBES" run --stats m.prom 'file a.log | parse combined | where status >= 400 | null'
whole m.prom
errors=$(grep -cE '" [45][0-9][0-9] ' a.log)
same "$(metric m.prom 'tubes_phase_total{phase="read"}')" 3000
same "$(metric m.prom 'tubes_records_total{outcome="committed"}')" "$errors"
same "$(metric m.prom 'tubes_records_total{outcome="filtered"}')" $((3000 - errors))
same "$(metric m.prom 'tubes_stage_rows_in_total{stage="where",index="3",name=""}')" 3000
same "$(metric m.prom 'tubes_input_bytes_total')" "$(wc -c <a.log | tr -d ' ')"
[ ! -e m.prom.tmp ] || fail "m.prom.tmp is left"
if command -v promtool >/dev/null; then
    promtool check metrics <m.prom >.out 2>&1 || fail "promtool: $(cat .out)"
fi

# load, too.
run 0 "$TUBES" load --stats m.prom a.log
same "$(metric m.prom 'tubes_records_total{outcome="committed"}')" 3000

# It is replaced, unless it is somebody else's; `-` is stderr.
cp a.log want
run 2 "$TUBES" run --stats a.log 'file a.log | null'
has "$err" "--stats a.log: it is there, and holds something else"
cmp a.log want || fail "the input was replaced"
ln -s a.log link
run 2 "$TUBES" run --stats link 'file a.log | null'
mkdir dir
run 2 "$TUBES" run --stats dir 'file a.log | null'
run 2 "$TUBES" run --stats nothere/m 'file a.log | null'
has "$err" "No such file"
run 2 "$TUBES" run --stats-every 1s 'file a.log | null'
run 2 "$TUBES" run --stats m --stats-every 0s 'file a.log | null'
run 2 "$TUBES" run --stats m --stats-every 5 'file a.log | null'
run 0 "$TUBES" run -q --stats - 'file a.log | lines | head 3'
same "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 3
printf '%s\n' "$err" >m.err
same "$(metric m.err 'tubes_records_total{outcome="committed"}')" 3
has "$err" "# TYPE tubes_stage_busy_seconds_total counter"

# While it runs: whole at any time, growing, with and without threads; SIGUSR1 tells and
# does not stop.
for workers in 2 0; do
    rm -f m.prom old
    "$TUBES" run --workers $workers --stats m.prom --stats-every 20ms \
        'gen combined 0 | parse combined | null' 2>.err &
    pid=$!
    first=""
    for i in $(seq 300); do
        kill -0 $pid 2>/dev/null || fail "it has ended: $(cat .err)"
        if [ -s m.prom ]; then
            cp m.prom copy
            whole copy
            # Somebody who reads on in the old one keeps that.
            [ -e old ] || ln m.prom old
            now=$(metric copy 'tubes_phase_total{phase="read"}')
            [ -n "$first" ] || [ "$now" = 0 ] || first=$now
            [ -z "$first" ] || [ "$now" -le "$first" ] || break
        fi
        [ "$i" -lt 300 ] || fail "the counters do not grow"
        sleep 0.05
    done
    [ ! m.prom -ef old ] || fail "m.prom was written, not replaced"
    kill -USR1 $pid
    for i in $(seq 100); do
        ! grep -q 'rows/s, ' .err || break
        [ "$i" -lt 100 ] || fail "no answer to SIGUSR1"
        sleep 0.05
    done
    same "$(grep -c '^stage  ' .err)" 1
    grep -q '^read [0-9,]*, parsed [0-9,]*, queued ' .err || fail "no phases: $(cat .err)"
    kill -0 $pid 2>/dev/null || fail "SIGUSR1 has ended it"
    kill -TERM $pid
    got=0
    wait $pid || got=$?
    same "$got" 0
    same "$(grep -c '^stage  ' .err)" 2
    hasnt "$(cat .err)" "does not add up"
    whole m.prom
    read=$(metric m.prom 'tubes_phase_total{phase="read"}')
    same "$(metric m.prom 'tubes_records_total{outcome="committed"}')" "$read"
    same "$(metric m.prom 'tubes_in_flight_records')" 0
done

# A folder that goes away is told once, and the run goes on.
mkdir gone
"$TUBES" run -q --stats gone/m --stats-every 20ms 'gen combined 0 | parse combined | null' 2>.err &
pid=$!
for i in $(seq 100); do
    [ ! -s gone/m ] || break
    sleep 0.05
done
mv gone away
sleep 0.3
kill -TERM $pid
got=0
wait $pid || got=$?
same "$got" 0
same "$(grep -c 'warning: --stats gone/m: No such file' .err)" 1
