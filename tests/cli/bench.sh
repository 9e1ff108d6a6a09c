#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bench.sh -- tubes bench: figures, files of them, and comparing.
. "$(dirname "$0")/lib.sh"

"$TUBES" gen combined 5000 >a.log
text='file a.log | parse combined | where status >= 500'

run 0 "$TUBES" bench --repeat 3 --workers 1 "$text"
has "$out" "whole"
has "$out" "3 parse combined"
has "$out" "5 null"
run 0 "$TUBES" bench --repeat 3 --workers 1 --json "$text"
printf '%s\n' "$out" >old.json
has "$out" '"name":"whole","workers":1,"unit":"ns/row","median":'
if command -v python3 >/dev/null; then
    python3 -m json.tool old.json >/dev/null
fi

# Against itself from long ago: ten times as fast then is slower now, and the other way
# it is not.
if command -v python3 >/dev/null; then
    python3 - <<'PY'
import json
old = json.load(open("old.json"))
for times, name in ((0.1, "fast.json"), (10, "slow.json")):
    for f in old["figures"]:
        f["runs"] = [r * times for r in f["runs"]]
        f["median"] *= times
    json.dump(old, open(name, "w"))
    for f in old["figures"]:
        f["runs"] = [r / times for r in f["runs"]]
        f["median"] /= times
old["cpu"] = "another"
json.dump(old, open("other.json", "w"))
PY
    run 1 "$TUBES" bench --repeat 3 --workers 1 "$text" --compare fast.json
    has "$err" "SLOWER"
    run 0 "$TUBES" bench --repeat 3 --workers 1 "$text" --compare slow.json
    has "$err" "nothing is slower"
    run 2 "$TUBES" bench --repeat 3 --workers 1 "$text" --compare other.json
    has "$err" "different machines"
fi

run 2 "$TUBES" bench --repeat 3 "$text" --compare nothere.json
run 2 "$TUBES" bench --repeat 3 "$text" --compare a.log
has "$err" "not a result of tubes bench"
run 2 "$TUBES" bench --repeat 1 "$text"
run 2 "$TUBES" bench --repeat 3 'gen combined 10 | parse combined | print'
has "$err" "print would write into the figures"
: >empty
run 2 "$TUBES" bench --repeat 3 'file empty | parse combined | null'
has "$err" "nothing to measure"
