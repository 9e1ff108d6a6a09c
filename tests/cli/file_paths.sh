#!/bin/bash
# SPDX-License-Identifier: MIT
# Paths and patterns: what is read, in which order, once; what is refused, and how.
. "$(dirname "$0")/lib_sqlite.sh"

# lines TEXT: the lines that come out of a source, in a row.
lines() { "$TUBES" run "$1 | lines | print" 2>err | sed 's/^{"line":"\(.*\)"}$/\1/' | paste -sd' '; }

mkdir -p logs/sub empty
echo a >logs/a.log
echo b >logs/b.log
printf 'c1\nc2' >logs/c.txt
echo brackets >'logs/[x].log'
echo blank >'logs/a b.log'
: >logs/nothing.log
ln -s a.log logs/link.log
ln logs/b.log logs/twin.log

same "the order of the paths" "b a" "$(lines 'file logs/b.log logs/a.log')"
same "a pattern is sorted by name" "brackets blank a b" "$(lines 'file logs/*.log')"
same "a file named twice is read once, where it was first" "b a" \
    "$(lines 'file logs/b.log logs/a.log ./logs/link.log logs/twin.log logs/../logs/b.log')"
same "the end of a file ends its last line" "c1 c2 a" "$(lines 'file logs/c.txt logs/a.log')"
same "a path that exists is no pattern" "brackets" "$(lines 'file "logs/[x].log"')"
same "a path with a blank" "blank" "$(lines 'file "logs/a b.log"')"
same "an empty file is nothing" "" "$(lines 'file logs/nothing.log')"
same "nor is it in the way" "a b" "$(lines 'file logs/nothing.log logs/a.log logs/b.log')"
run 0 "file logs/nothing.log | lines | sqlite e.db"
same "an empty file has no position" 0 "$(sql e.db 'SELECT count(*) FROM tubes_source')"

# refused WHAT TEXT MESSAGE...: exit status 2, the message, and the place in the text.
refused() {
    run 2 "$2 | lines | null"
    has "$1" "$3" err
    has "$1: where" '\^' err
}
refused "missing" "file logs/a.log logs/none.log" 'error: file: logs/none.log: No such file'
refused "no match" "file logs/*.zip" "error: file: no file matches 'logs/\*.zip'"
refused "a folder" "file logs" 'error: file: logs: is a directory'
has "the cure" "'logs/\*'" err
refused "a folder that a pattern matches" "file logs/*" 'logs/sub: is a directory'
refused "a device" "file /dev/null" '/dev/null: is a device'
refused "xz" "file x.xz" 'No such file'
printf '\3757zXZ\0\0\0\0\0\0\0' >x.xz
refused "xz" "file x.xz" 'x.xz: xz is not supported'
has "the cure" "xz -dc" err
refused "no path" "file" "paths"
if [ "$(id -u)" != 0 ]; then
    echo secret >secret.log
    chmod 0 secret.log
    refused "no permission" "file secret.log" 'secret.log: Permission denied'
fi
[ -z "$(ls -A empty)" ]
cd empty
for text in "file ../logs/none.log" "file ../logs" "file ../x.xz"; do
    run 2 "$text | lines | sqlite t.db" >/dev/null
    rm -f out err
    same "nothing was started: $text" "" "$(ls -A)"
done
cd ..

# A FIFO is a stream: read, without a position.
mkfifo pipe
seq 3 >pipe &
children+=($!)
run 0 "file pipe logs/a.log | lines | sqlite f.db"
same "a FIFO and a file" "1,2,3,a" "$(sql f.db 'SELECT group_concat(line) FROM logs')"
same "their sources" "-|3
a.log|1" "$(sql f.db "SELECT replace(path, rtrim(path, replace(path, '/', '')), ''), rows FROM tubes_source
    JOIN tubes_progress ON id = source_id ORDER BY rows DESC")"

# A file that is another one when its turn comes.
mkfifo late
echo old >swapped.log
"$TUBES" run "file late swapped.log | lines | null" >out 2>err &
load=$!
exec 3>late
echo new >other
mv other swapped.log
exec 3>&-
status=0
wait $load || status=$?
same "exit status of a run whose file was swapped" 1 $status
has "why" "swapped.log: another file is there now" err

# One that becomes shorter than it was when it was found.
awk 'BEGIN { for (i = 1; i <= 100; i++) print "line", i }' >cut.log
run 0 "file cut.log | lines | sqlite cut.db"
awk 'BEGIN { for (i = 101; i <= 200; i++) print "line", i }' >>cut.log
"$TUBES" run "file late cut.log | lines | sqlite cut.db" >out 2>err &
load=$!
exec 3>late
until [ "$(sql cut.db "SELECT count(*) FROM tubes_source")" = 1 ] && sleep 0.3; do sleep 0.05; done
truncate -s 20 cut.log
exec 3>&-
status=0
wait $load || status=$?
same "exit status of a run whose file was cut" 1 $status
has "why" "cut.log: (cut off while it was read|.*ends before)" err
same "nothing of it was invented" "100" "$(sql cut.db 'SELECT count(*) FROM logs')"
