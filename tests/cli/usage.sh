#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# usage.sh -- the command line itself: help, wrong words, exit status 2.
. "$(dirname "$0")/lib.sh"

run 2 "$TUBES"
has "$err" "tubes load access.log"
for flag in help --help -h; do
    run 0 "$TUBES" $flag
    has "$out" "Commands"
    same "$err" ""
done
for command in run load check explain bench stages help gen sql version; do
    has "$out" "  $command "
    run 0 "$TUBES" help $command
    has "$out" "tubes $command"
    run 0 "$TUBES" $command --help
    has "$out" "tubes $command"
    run 2 "$TUBES" $command --no-such-option
    has "$err" "tubes $command has no option '--no-such-option'"
    run 0 "$TUBES" help
done

run 2 "$TUBES" lod
has "$err" "unknown command 'lod'"
has "$err" "did you mean 'tubes load'?"
run 2 "$TUBES" 'file a | print'
has "$err" "tubes run '...'"
run 2 "$TUBES" run --jsn x
has "$err" "did you mean '--json'?"
run 2 "$TUBES" run --workers
has "$err" "--workers wants a value"
run 2 "$TUBES" run --workers=x 'gen'
has "$err" "'x' is no value for --workers"
run 2 "$TUBES" run --quiet=1 'gen'
has "$err" "takes no value"
for bad in 101% 0% % 1.5 -1 x; do
    run 2 "$TUBES" run --max-rejects "$bad" 'gen combined 1'
    has "$err" "no value for --max-rejects"
done
run 2 "$TUBES" run --memory 1Q 'gen'
run 2 "$TUBES" run
has "$err" "the text of a pipeline is missing"
run 2 "$TUBES" run 'gen' 'print'
has "$err" "single quotes"
run 2 "$TUBES" run -f nothere.tubes
has "$err" "nothere.tubes: No such file"
printf 'gen\0' >nul.tubes
run 2 "$TUBES" run -f nul.tubes
has "$err" "NUL"

run 0 "$TUBES" version
has "$out" "tubes 0."
has "$out" "sqlite"
run 0 "$TUBES" version --json
has "$out" '"version":"0.'
has "$out" '"features":[{'

# Standard output that cannot be written is a failure.
if [ -w /dev/full ]; then
    got=0
    "$TUBES" stages >/dev/full 2>/dev/null || got=$?
    same "$got" 1
fi

# With its standard files closed it still does not write into anything else.
got=0
"$TUBES" version >&- 2>&- <&- || got=$?
same "$got" 1
