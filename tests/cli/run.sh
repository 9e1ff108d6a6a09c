#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh -- tubes run: data on stdout, the rest on stderr, and the exit statuses.
. "$(dirname "$0")/lib.sh"

"$TUBES" gen combined 3000 >a.log

# An empty input is no failure.
run 0 "$TUBES" run 'file - | parse combined | null' </dev/null
has "$err" "read 0 = committed 0 + filtered 0 + rejected 0 + dropped 0"

# A pipeline without a sink prints; any prefix is a pipeline.
run 0 "$TUBES" run -q 'file a.log | parse combined | head 2'
same "$err" ""
same "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 2
has "$out" '{"client":"'
run 0 "$TUBES" run -q 'file a.log'
same "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 3000
run 0 "$TUBES" run -q 'file a.log | lines | print format=raw'
same "$out" "$(cat a.log)"

# The summary adds up, for people and for programs.
run 0 "$TUBES" run 'file a.log | parse combined | where status >= 400 | null'
has "$err" "read 3,000 = committed "
has "$err" "parse combined  3,000  3,000"
errors=$(grep -cE '" [45][0-9][0-9] ' a.log)
run 0 "$TUBES" run --json 'file a.log | parse combined | where status >= 400 | null'
same "$err" ""
has "$out" "\"read\":3000,\"committed\":$errors,\"filtered\":$((3000 - errors)),\"rejected\":0"
has "$out" '"error":null}'
run 0 "$TUBES" run --json 'file a.log | parse combined | head 7 | null'
has "$out" '"committed":7,'
run 0 "$TUBES" run --json 'file a.log | parse combined | head 1'
has "$out" '{"client"'
hasnt "$out" '"committed"'
has "$err" '"committed":1'

# Threads or none, whatever the seed: the same records in the same order.
"$TUBES" run -q 'file a.log | parse combined | where status >= 400' >want
for how in "--workers 1" "--workers 2" "--workers 4" "--workers 0" \
    "--workers 0 --seed 7" "--memory 4M"; do
    "$TUBES" run -q $how 'file a.log | parse combined | where status >= 400' >got
    cmp want got || fail "other records with $how"
done
printf '\xef\xbb\xbfset workers=2, depth=4 # both\nfile a.log\n| parse combined\n| where status >= 400\n' >x.tubes
"$TUBES" run -q -f x.tubes >got
cmp want got || fail "other records from a file"

# A reader that goes away ends it without a word.
set +e
"$TUBES" run -q 'gen combined 300000 | parse combined' 2>.err | head -1 >.out
status=("${PIPESTATUS[@]}")
set -e
same "$(cat .err)" ""
same "$(wc -l <.out | tr -d ' ')" 1
case ${status[0]} in
0 | 141) ;;
*) fail "status ${status[0]} behind a closed pipe" ;;
esac

# A full disk is a failure.
if [ -w /dev/full ]; then
    got=0
    "$TUBES" run -q 'file a.log | parse combined' >/dev/full 2>.err || got=$?
    same "$got" 1
    has "$(cat .err)" "No space left"
fi
