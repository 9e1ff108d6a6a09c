#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# load.sh -- tubes load: sniffing, SQLite, once and again.
. "$(dirname "$0")/lib.sh"

"$TUBES" gen combined 2000 >access.log
"$TUBES" gen common 300 >common.log
"$TUBES" gen json 300 >app.json

# One word is enough.
run 0 "$TUBES" load access.log
has "$err" "access.log: combined log format; into table access of tubes.db"
has "$err" "read 2,000 = committed 2,000"
same "$out" ""
same "$(count tubes.db access)" 2000

# What is stored is not stored again; what was added is.
run 0 "$TUBES" load access.log
has "$err" "access.log: nothing new (all $("$TUBES" gen combined 2000 | wc -c |
    sed ':a;s/\B[0-9]\{3\}\>/,&/;ta') bytes are stored already; --again loads them again)"
same "$(count tubes.db access)" 2000
"$TUBES" gen combined 10 --seed 9 >>access.log
run 0 "$TUBES" load access.log
has "$err" "going on behind byte"
same "$(count tubes.db access)" 2010
run 0 "$TUBES" load --again access.log
same "$(count tubes.db access)" 4020

# The other formats; mixtures must be told apart.
run 0 "$TUBES" load common.log c.db
has "$err" "common log format"
same "$(count c.db access)" 300
run 0 "$TUBES" load app.json j.db
has "$err" "JSON lines; into table logs"
same "$(count j.db logs)" 300
run 2 "$TUBES" load access.log app.json m.db
has "$err" "looks like combined, but"
run 0 "$TUBES" load common.log --format common --table hits h.db
same "$(count h.db hits)" 300

# Several files, patterns and names that need quotes.
cp common.log 'a b$c|"d`.log'
run 0 "$TUBES" load 'a b$c|"d`.log' q.db
same "$(count q.db access)" 300
mkdir many
for i in 1 2 3; do cp access.log many/$i.log; done
run 0 "$TUBES" load 'many/*.log' n.db
if command -v gzip >/dev/null; then
    gzip -k common.log
    run 0 "$TUBES" load common.log.gz z.db
    same "$(count z.db access)" 300
    run 0 "$TUBES" load common.log.gz z.db
    same "$(count z.db access)" 300
fi
run 0 "$TUBES" load - --format combined s.db <access.log
same "$(count s.db access)" 2010
run 2 "$TUBES" load - s.db <access.log
has "$err" "--format"

# -n writes nothing, and says what would be done.
run 0 "$TUBES" load -n access.log new.db
has "$out" "file access.log | parse combined | sqlite new.db table=access"
has "$out" "CREATE TABLE"
has "$out" '{"client":'
[ ! -e new.db ] || fail "-n made new.db"

# What cannot be is said before anything begins.
run 2 "$TUBES" load
run 2 "$TUBES" load nothere.log new.db
has "$err" "nothere.log"
run 2 "$TUBES" load . new.db
echo 'something else' >text
run 2 "$TUBES" load text new.db
has "$err" "no known format"
run 2 "$TUBES" load access.log --format xml new.db
has "$err" "unknown format 'xml'"
run 2 "$TUBES" load access.log a.db b.db
has "$err" "two databases"
run 2 "$TUBES" load x.db
has "$err" "which file"
[ ! -e new.db ] || fail "a failed load made new.db"
run 4 "$TUBES" load access.log 'host=/nonexistent dbname=x password=hunter2'
hasnt "$err" hunter2
: >empty
run 0 "$TUBES" load empty new.db
has "$err" "nothing in it"
