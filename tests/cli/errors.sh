#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# errors.sh -- errors in a pipeline: the words, the place, exit status 2, nothing begun.
. "$(dirname "$0")/lib.sh"

"$TUBES" gen combined 5 >a.log

# The whole picture, byte for byte.
printf 'file "a.log"\n| parse combined\n| postgress table=access\n' >access.tubes
run 2 "$TUBES" run -f access.tubes
same "$err" "error: unknown stage 'postgress'
  --> access.tubes:3:3
   3 | | postgress table=access
     |   ^^^^^^^^^
help: did you mean 'postgres'?   all stages: tubes stages"
same "$out" ""
run 2 "$TUBES" run -f - <access.tubes
has "$err" "-->"

# A table of texts: what is wrong, and where.
while IFS='~' read -r text place words; do
    [ -n "$text" ] || continue
    run 2 "$TUBES" run "$text"
    has "$err" "$words"
    [ -z "$place" ] || has "$err" "<command line>:$place"
    same "$out" ""
done <<'TABLE'
~~
|~1:1~a stage is missing
file a.log |~1:12~a stage is missing behind
file a.log || print~1:13~a stage is missing before
file a.log | output~1:14~print
file a.log | grep x~1:14~where
file a.log | parse~1:14~parse combined, parse common, parse json
file a.log | parse nginx~1:14~unknown stage 'parse nginx'
file a.log | head n=x~1:21~no whole number
file a.log | head m=1~1:19~unknown option 'm'
file a.log | head 1 2~1:21~unexpected word '2'
file a.log | where~1:14~missing
file a.log | parse combined | where stauts > 1~1:37~did you mean 'status'?
file a.log | parse combined | where status >~1:45~expected
file "a.log~1:6~has no end
file~1:1~'paths' is missing
file nothere.log~1:6~No such file
file .~1:6~directory
file *.nothing~1:6~no file matches
file $NO_SUCH_VARIABLE_HERE~1:6~not set in the environment
parse combined~1:1~source
file a.log | print (print)~1:20~takes no branches
file a.log | null | print~1:21~sink
file a.log | gen~1:14~source
TABLE

# No cascades, and never more than five.
run 2 "$TUBES" run 'a | b | c | d | e | f | g'
same "$(printf '%s\n' "$err" | grep -c '^error:')" 5
run 2 "$TUBES" run 'file a.log | prnt "unfinished | x'
same "$(printf '%s\n' "$err" | grep -c '^error:')" 2

# A tab is one place, a letter of two bytes too; a long line is shown around the place.
printf 'file\ta.log | parse\tcombined | where path = "\303\244\303\266" | xx\n' >tab.tubes
run 2 "$TUBES" run -f tab.tubes
has "$err" '   1 | file a.log | parse combined | where path = '
same "$(printf '%s\n' "$err" | sed -n 4p)" "     | $(printf '%50s' '')^^"
run 2 "$TUBES" run "file $(printf 'x%.0s' $(seq 300)) | xx"
has "$err" '| ...x'
has "$err" ' | xx'

# Secrets are in no output, whatever goes wrong.
run 2 "$TUBES" run 'file a.log | prnt | postgres table=a dsn="host=x password=hunter2"'
hasnt "$err" hunter2
run 2 "$TUBES" run 'file a.log | prnt | postgres postgres://me:hunter2@h/db x y'
hasnt "$err" hunter2
SECRET=hunter2 run 2 "$TUBES" run 'file a.log | head $SECRET'
hasnt "$err" hunter2

# The same for programs.
run 2 "$TUBES" check --json 'file a.log | prnt'
has "$out" '"message":"unknown stage '"'prnt'"'"'
has "$out" '"line":1,"column":14,"width":4'
