#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# rejects.sh -- records that are refused: shown, kept, counted, limited; exit status 3.
. "$(dirname "$0")/lib.sh"

{
    echo 'not a line of a log'
    "$TUBES" gen combined 90
    printf 'x \377 "\\\n'
    for i in 3 4 5 6 7 8; do echo "bad $i"; done
} >a.log

# With print and null the first five are shown, with file, line and byte.
run 3 "$TUBES" run 'file a.log | parse combined | null'
has "$err" "a.log:1:"
has "$err" "a.log:92:"
same "$(printf '%s\n' "$err" | grep -c '^a\.log:[0-9]*:[0-9]*: ')" 5
has "$err" "read 98 = committed 90 + filtered 0 + rejected 8 + dropped 0"
has "$err" "rejected: 8 records"

# With --rejects they are kept, one JSON object a line, private.
run 3 "$TUBES" run --rejects r.ndjson 'file a.log | parse combined | null'
has "$err" "rejected: 8 records in r.ndjson"
hasnt "$err" "a.log:1:"
same "$(stat -c %a r.ndjson)" 600
same "$(wc -l <r.ndjson | tr -d ' ')" 8
first=$(head -1 r.ndjson)
has "$first" '"file":"'"$folder"'/a.log","line":1,"offset":0,'
has "$first" '"stage":"parse combined","error":"'
has "$first" '"raw":"not a line of a log"}'
has "$(sed -n 2p r.ndjson)" '"encoding":"base64","raw":"eCD/ICJc"}'
has "$(sed -n 3p r.ndjson)" '"line":93,'
if command -v python3 >/dev/null; then
    python3 -c '
import json
log = open("a.log", "rb").read()
for line in open("r.ndjson"):
    r = json.loads(line)
    if "encoding" in r:
        import base64
        r["raw"] = base64.b64decode(r["raw"])
    else:
        r["raw"] = r["raw"].encode()
    assert log[r["offset"]:].startswith(r["raw"] + b"\n"), r
    assert log[:r["offset"]].count(b"\n") == r["line"] - 1, r
'
fi

# The file is appended to, and no link is followed.
run 3 "$TUBES" run --rejects r.ndjson 'file a.log | parse combined | null'
same "$(wc -l <r.ndjson | tr -d ' ')" 16
ln -s elsewhere link
run 2 "$TUBES" run --rejects link 'file a.log | parse combined | null'
[ ! -e elsewhere ] || fail "the link was followed"
: >elsewhere
run 2 "$TUBES" run --rejects link 'file a.log | parse combined | null'
[ ! -s elsewhere ] || fail "the link was followed"
run 2 "$TUBES" run --rejects . 'file a.log | parse combined | null'
run 2 "$TUBES" run --rejects no/such/r 'file a.log | parse combined | null'

# What would be read as input is refused, and nothing is left behind.
run 2 "$TUBES" run --rejects x.log 'file *.log | parse combined | null'
has "$err" "matched by the input"
[ ! -e x.log ] || fail "x.log was left behind"
run 2 "$TUBES" run --rejects "$folder/x.log" 'file "*.log" | parse combined | null'
run 2 "$TUBES" run --rejects ./a.log 'file nothere.log a.log | parse combined | null'
has "$err" "matched by the input"
run 2 "$TUBES" load --rejects new.ndjson nothere.log x.db
[ ! -e new.ndjson ] || fail "new.ndjson was left behind"

# A limit stops it, as a number and as a share; the status is that of a failure.
run 1 "$TUBES" run --max-rejects 2 'file a.log | parse combined | null'
has "$err" "rejected, more than the limit"
run 3 "$TUBES" run --max-rejects 8 'file a.log | parse combined | null'
run 1 "$TUBES" run --strict 'file a.log | parse combined | null'
run 1 "$TUBES" run --max-rejects 0 'file a.log | parse combined | null'
{
    "$TUBES" gen combined 2000
    cat a.log
} >b.log
run 1 "$TUBES" run --max-rejects 0.1% 'file b.log | parse combined | null'
run 3 "$TUBES" run --max-rejects 5% 'file b.log | parse combined | null'

# In a database they are a table, unless there is a file.
run 3 "$TUBES" load a.log x.db
has "$err" "table tubes_reject of x.db"
same "$(count x.db tubes_reject)" 8
same "$(count x.db access)" 90
run 3 "$TUBES" load --rejects r2.ndjson a.log y.db
same "$(wc -l <r2.ndjson | tr -d ' ')" 8
same "$(count y.db access)" 90
same "$(count y.db tubes_reject 2>/dev/null || echo none)" 0
run 3 "$TUBES" load --json a.log z.db
has "$out" '"exit":3,'
has "$out" '"rejected":8,'
has "$out" '"rejects":"table tubes_reject of z.db"'

# A reject that cannot be written fails the run, and its rows are not committed.
{
    "$TUBES" gen combined 100
    for i in $(seq 3000); do echo "bad line $i"; done
} >bad.log
got=0
(
    trap '' XFSZ
    ulimit -f 200
    exec "$TUBES" load --rejects small.ndjson bad.log w.db --format combined 2>.err
) || got=$?
err=$(cat .err)
same "$got" 1
has "$err" "--rejects small.ndjson: File too large"
same "$(count w.db access)" 0
