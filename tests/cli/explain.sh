#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# explain.sh -- tubes explain draws series, branches and joins, in each of its formats.
. "$(dirname "$0")/lib.sh"
export COLUMNS=80

"$TUBES" gen combined 100 >a.log

# drawn TEXT: what explain prints, compared with stdin.
drawn() {
    run 0 "$TUBES" explain "$1"
    same "$out" "$(cat)"
}

drawn 'file a.log | parse combined | head 3 | null' <<'END'
file a.log  [worker]
|  bytes; queue of 16 batches
lines  (inserted)  [worker]
|  line text; queue of 16 batches
parse combined  [worker]
|  client text, ident text, username text, 8 more; queue of 16 batches
head 3  [worker]
|  the same fields; queue of 16 batches
null  [worker]
END

# Branches of a fork, one in another; what goes on straight stays on its rail.
drawn 'gen | lines | tee as=split ( head 5 | print ) ( tee ( null ) | sqlite x.db ) | null' <<'END'
gen  [worker]
|  bytes; queue of 16 batches
lines  [worker]
|  line text; queue of 16 batches
tee as=split  [worker]
+--.  the same fields; queue of 16 batches
|  head 5  [worker]
|  |  the same fields; queue of 16 batches
|  print  [pool]
+--.  the same fields; queue of 16 batches
|  tee  [worker]
|  +--.  the same fields; queue of 16 batches
|  |  null  [worker]
|  |  the same fields; queue of 16 batches
|  sqlite x.db  [pool]
|  the same fields; queue of 16 batches
null  [worker]
END

# Inputs of a join, and a join among them.
drawn 'merge ( gen | lines ) ( merge ( gen json | lines ) ( gen common | lines ) ) | null' <<'END'
gen  [worker]
|  bytes; queue of 16 batches
lines  [worker]
|  line text; queue of 16 batches
|  gen json  [worker]
|  |  bytes; queue of 16 batches
|  lines  [worker]
|  |  line text; queue of 16 batches
|  |  gen common  [worker]
|  |  |  bytes; queue of 16 batches
|  |  lines  [worker]
|  +--'  line text; queue of 16 batches
|  merge  [worker]
+--'  the same fields; queue of 16 batches
merge  [worker]
|  the same fields; queue of 16 batches
null  [worker]
END

# Behind another stage the main flow is the first input.
drawn 'gen | lines | concat ( gen json | lines ) | null' <<'END'
gen  [worker]
|  bytes; queue of 16 batches
lines  [worker]
|  line text; queue of 16 batches
|  gen json  [worker]
|  |  bytes; queue of 16 batches
|  lines  [worker]
+--'  line text; queue of 16 batches
concat  [worker]
|  the same fields; queue of 16 batches
null  [worker]
END

# Branches that come back, and one that does not.
drawn 'gen | parse combined | route ( when status >= 500 | head 3 ) ( otherwise | null ) | null' <<'END'
gen  [worker]
|  bytes; queue of 16 batches
lines  (inserted)  [worker]
|  line text; queue of 16 batches
parse combined  [worker]
|  client text, ident text, username text, 8 more; queue of 16 batches
route  [worker]
+--.  the same fields; queue of 16 batches
|  head 3  [worker]
+--'  the same fields; queue of 16 batches
+--.  the same fields; queue of 16 batches
|  null  [worker]
|  the same fields; queue of 16 batches
rejoin  (inserted)  [worker]
|  the same fields; queue of 16 batches
null  [worker]
END
drawn 'gen | lines | thru ( head 3 ) ( sample 1/2 ) | null' <<'END'
gen  [worker]
|  bytes; queue of 16 batches
lines  [worker]
|  line text; queue of 16 batches
thru  [worker]
+--.  the same fields; queue of 16 batches
|  head 3  [worker]
+--'  the same fields; queue of 16 batches
+--.  the same fields; queue of 16 batches
|  sample 1/2  [worker]
+--'  the same fields; queue of 16 batches
rejoin  (inserted)  [worker]
|  the same fields; queue of 16 batches
null  [worker]
END

# Copies are drawn once.
drawn 'gen | lines | parallel 4 ( parse combined fail=skip | where status > 1 ) | null' <<'END'
gen  [worker]
|  bytes; queue of 16 batches
lines  [worker]
|  line text; queue of 16 batches
parallel 4  [worker]
|  the same fields; queue of 16 batches
parse combined fail=skip  x4  [worker]
|  client text, ident text, username text, 8 more; queue of 16 batches
where status > 1  x4  [worker]
|  the same fields; queue of 16 batches
rejoin  (inserted)  [worker]
|  the same fields; queue of 16 batches
null  [worker]
END

# The width, the locale, the caller, a queue of its own.
run 0 env COLUMNS=500 "$TUBES" explain 'gen | parse combined | null'
has "$out" "agent text; queue of 16 batches"
run 0 env LC_ALL=C.UTF-8 "$TUBES" explain 'gen | lines | tee ( null ) | null'
has "$out" "├──╮  the same fields"
run 0 env LC_ALL=C.UTF-8 "$TUBES" explain --ascii 'gen | lines | tee ( null ) | null'
[ -z "$(printf '%s' "$out" | tr -d '\000-\177')" ] || fail "not ASCII: $out"
run 0 "$TUBES" explain --workers 0 'gen | lines | null'
has "$out" "null  [caller]"
run 0 "$TUBES" explain 'gen | lines queue=4 | null'
has "$out" "bytes; queue of 4 batches"
has "$out" "lines queue=4  [worker]"

# Names and options with all that could do harm; secrets stay covered.
printf 'x\n' >"$(printf 'x\033[31m"<b>&\n`\\|{}.log')"
text='file "x\x1b[31m\"<b>&\n`\\|{}.log" | lines | where line contains "é<&\">\n" | null'
for format in "" --dot --mermaid --json --ascii; do
    run 0 "$TUBES" explain $format "$text"
    [ -z "$(printf '%s' "$out" | tr -d '\012\040-\176\200-\377')" ] ||
        fail "control bytes with '$format': $out"
done
run 0 "$TUBES" explain "$text"
has "$out" 'x\x1b[31m"<b>&\n`'
same "$(printf '%s\n' "$out" | wc -l | tr -d ' ')" 7
secret='gen | parse combined | postgres dsn="host=/nonexistent password=hidden" table=x'
for format in "" --dot --mermaid --json; do
    "$TUBES" explain $format "$secret" >.out 2>&1 || true
    hasnt "$(cat .out)" hidden
done

# Every format of every kind of graph is what its language wants.
texts=(
    'gen | lines | tee as=split ( head 5 | print ) ( tee ( null ) | null ) | null'
    'merge ( gen | lines ) ( gen json | lines ) | null'
    'gen | parse combined | route ( when status >= 500 | head 3 ) ( otherwise | null ) | null'
    'gen | lines | parallel 4 ( thru ( head 3 ) ( head 4 ) ) | null'
    "$text"
)
for text in "${texts[@]}"; do
    run 0 "$TUBES" explain --dot "$text"
    printf '%s\n' "$out" >x.dot
    if command -v dot >/dev/null; then
        dot -Tsvg x.dot >x.svg 2>.err || fail "dot: $(cat .err): $out"
        same "$(cat .err)" ""
        same "$(grep -c 'class="edge"' x.svg)" "$(grep -c -- ' -> ' x.dot)"
    fi
    run 0 "$TUBES" explain --mermaid "$text"
    same "$(printf '%s\n' "$out" | head -1)" "flowchart TD"
    # In a string: letters and digits, harmless marks, #CODE; and line breaks.
    string='"([^]["#&<>`{}|;%\\]|#[0-9]+;|<br/>|; )*"'
    bad=$(printf '%s\n' "$out" | tail -n +2 | grep -vE \
        "^  (s[0-9]+\[$string\]|s[0-9]+ -->\|$string\| s[0-9]+|style s[0-9]+ stroke-dasharray:4 4)\$" || true)
    same "$bad" ""
    run 0 "$TUBES" explain --json "$text"
    if command -v python3 >/dev/null; then
        printf '%s\n' "$out" | python3 -c '
import json, sys
g = json.load(sys.stdin)
index = {s["index"] for s in g["stages"]}
for s in g["stages"]:
    assert set(s) >= {"index", "stage", "label", "kind", "thread", "inserted", "copy",
                      "gives", "queue", "fields", "options"}, s
for e in g["edges"]:
    assert e["from"] in index and e["to"] in index, e
    assert set(e) == {"from", "output", "to", "input", "queue", "rows_limit",
                      "bytes_limit", "fields"}, e
' || fail "JSON of $text: $out"
    fi
done
run 0 "$TUBES" explain --json 'gen | lines as=l queue=4 | parallel 3 ( head 1 ) | null'
has "$out" '"stage":"lines","label":"l","kind":"transform","thread":"worker"'
has "$out" '"queue":"4"'
has "$out" '"copy":3'
run 0 "$TUBES" explain --mermaid 'gen | lines | parallel 3 ( head 1 ) | null'
has "$out" '["head x3<br/>1<br/>worker"]'

# It runs, adds copies up, and names the slowest.
run 0 "$TUBES" explain --analyze \
    'gen combined 20000 | lines | parallel 2 ( parse combined ) | tee ( null ) | null'
has "$out" "; in 20,000, out 20,000 rows"
has "$out" "parse combined  x2  [worker]"
has "$out" "the slowest stage is "
run 0 "$TUBES" explain --analyze --json 'gen combined 2000 | parse combined | tee ( null ) | null'
has "$out" '"bottleneck":"'
has "$out" '"bottleneck_index":'

# The summary of a run: branches are indented, sinks are all there, and it adds up.
run 0 "$TUBES" run 'gen combined 1000 | lines as=l | tee ( head 5 as=few | null ) | null'
has "$err" "lines as=l  "
has "$err" "
  head as=few  "
has "$err" "
  null  "
has "$err" "read 2,000 = committed 1,005 + filtered 995 + rejected 0 + dropped 0"

# Long, broad and deep: neither recursive nor slower than linear.
{
    printf 'gen combined 10 | lines'
    for _ in $(seq 10000); do printf ' | head 5'; done
    printf ' | null'
} >long.tubes
{
    printf 'merge'
    for _ in $(seq 2000); do printf ' ( gen combined 1 | lines )'; done
    printf ' | null'
} >broad.tubes
for what in long:20005 broad:8003; do
    for format in "" --dot --mermaid --json; do
        # 8 MiB of stack are usual; recursion over stages would need more than this.
        got=0
        (ulimit -s 512; timeout 60 "$TUBES" explain $format -f "${what%:*}.tubes" >.out 2>.err) || got=$?
        [ $got = 0 ] || fail "status $got: ${what%:*} $format: $(head -3 .err)"
        [ -n "$format" ] || same "$(wc -l <.out | tr -d ' ')" "${what#*:}"
    done
done
