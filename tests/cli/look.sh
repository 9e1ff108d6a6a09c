#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# look.sh -- tubes sql, stages, help STAGE, check, explain and gen.
. "$(dirname "$0")/lib.sh"

# gen: the same seed makes the same lines, and a reader may go away.
"$TUBES" gen combined 1000 >a.log
"$TUBES" gen combined 1000 >b.log
cmp a.log b.log
same "$(wc -l <a.log | tr -d ' ')" 1000
"$TUBES" gen combined 1000 --seed 2 >b.log
! cmp -s a.log b.log || fail "another seed made the same lines"
for format in common json; do
    same "$("$TUBES" gen $format 7 | wc -l | tr -d ' ')" 7
done
"$TUBES" gen combined 1000000 2>.err | head -1 >/dev/null
same "$(cat .err)" ""
run 2 "$TUBES" gen combnd 5
has "$err" "did you mean 'combined'?"
run 2 "$TUBES" gen

# sql: tab-separated for programs, bars, JSON, and nothing is changed.
"$TUBES" load -q a.log
run 0 "$TUBES" sql 'select 1 a, null b, 2.5 c'
same "$out" "$(printf 'a\tb\tc\n1\t\\N\t2.5')"
run 0 "$TUBES" sql tubes.db "select 'x' || char(9) || char(10) || '\\' a"
same "$out" "$(printf 'a\nx\\t\\n\\\\')"
run 0 "$TUBES" sql --json 'select 1 a, null b'
same "$out" '{"a":"1","b":null}'
run 0 "$TUBES" sql "select 'one' k, 4 n union all select 'two', 2" --bar n
same "$(printf '%s\n' "$out" | sed -n 2p | tr -cd '#' | wc -c | tr -d ' ')" \
    "$(($(printf '%s\n' "$out" | sed -n 3p | tr -cd '#' | wc -c) * 2))"
run 2 "$TUBES" sql 'select 1 n' --bar m
run 2 "$TUBES" sql 'selec 1'
run 2 "$TUBES" sql 'delete from access'
same "$(count tubes.db access)" 1000
run 4 "$TUBES" sql nothere.db 'select 1'
[ ! -e nothere.db ] || fail "sql made a file"
run 2 "$TUBES" sql

# stages and help: every stage has its options and two examples.
run 0 "$TUBES" stages
stages=$(printf '%s\n' "$out" | sed -n '2,/^$/p' | sed 's/  .*//' | grep .)
has "$stages" "parse combined"
printf '%s\n' "$stages" | while read -r stage; do
    run 0 "$TUBES" help $stage
    has "$out" "$stage"
    has "$out" "tubes run '"
    run 0 "$TUBES" stages $stage --json
    has "$out" "\"stage\":\"$stage\""
done
run 2 "$TUBES" help parse combind
has "$err" "did you mean 'parse combined'?"
run 0 "$TUBES" stages --markdown
has "$out" "## parse combined"
has "$out" 'auto\|never\|print'

# docs/stages.md is what the tool prints.
if [ -n "${TUBES_SOURCE:-}" ]; then
    "$TUBES" stages --markdown | cmp - "$TUBES_SOURCE/docs/stages.md" ||
        fail "print docs/stages.md anew: tubes stages --markdown >docs/stages.md"
fi

# The examples of the help are pipelines that start, but for servers that are not there.
mkdir logs
cp a.log access.log
cp a.log access.log.1
cp a.log logs/a.log
gzip -c a.log >logs/b.log.gz 2>/dev/null || cp a.log logs/b.log.gz
"$TUBES" gen json 100 >app.json
touch events.net events.int32 syslog.tcp
"$TUBES" stages --markdown | sed -n "s/^tubes run '\(.*\)'\$/\1/p" >examples
[ "$(wc -l <examples)" -ge 14 ] || fail "few examples"
while IFS= read -r text; do
    got=0
    PGHOST=/nonexistent "$TUBES" check "$text" >/dev/null 2>.err || got=$?
    [ $got = 0 ] || [ $got = 4 ] || fail "example '$text': $(cat .err)"
done <examples

# check runs nothing.
run 0 "$TUBES" check 'file a.log | parse combined | where status >= 500 | null'
has "$out" "good: file | (lines) | parse combined | where | null"
has "$out" "status smallint"
run 2 "$TUBES" check 'file nothere.log | parse combined'
run 4 "$TUBES" check 'file a.log | parse combined | postgres "host=/nonexistent" table=a'

# explain draws it in four ways, and names what is slow.
run 0 "$TUBES" explain 'file a.log | parse combined | head 3 | null'
has "$out" "lines  (inserted)"
has "$out" "client text, ident text"
has "$out" "queue of 16 batches"
has "$out" "the same fields"
run 0 "$TUBES" explain --dot 'file a.log | parse combined | null'
has "$out" "digraph"
run 0 "$TUBES" explain --mermaid 'file a.log | parse combined | null'
has "$out" "flowchart"
run 0 "$TUBES" explain --json 'file a.log | parse combined | null'
has "$out" '"inserted":true'
run 0 "$TUBES" explain --analyze 'file a.log | parse combined | null'
has "$out" "the slowest stage is "
run 0 "$TUBES" explain --analyze --json 'file a.log | parse combined | null'
has "$out" '"bottleneck":"'
run 2 "$TUBES" explain --dot --json 'gen'
run 0 "$TUBES" explain 'gen | parse combined | head 1 | null'

# JSON is JSON.
if command -v python3 >/dev/null; then
    for command in "stages --json" "version --json" \
        "explain --json gen|parse_combined|null" "check --json gen|parse_combined|null" \
        "run --json gen|parse_combined|null"; do
        set -- $command
        text=${3:-}
        set -- "$1" "$2" ${text:+"$(printf '%s' "$text" | sed 's/_/ /g')"}
        run 0 "$TUBES" "$@"
        printf '%s\n' "$out" | python3 -m json.tool >/dev/null || fail "no JSON: $*"
    done
fi
