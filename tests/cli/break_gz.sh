#!/bin/bash
# SPDX-License-Identifier: MIT
# Compressed files that are cut, damaged, joined or followed by something else: all whole
# lines before the damage are stored once, and the exit status tells.
. "$(dirname "$0")/lib.sh"
"$TUBES" version | grep -q gzip || { echo "built without gzip"; exit 77; }
command -v gzip >/dev/null || exit 77

seq 30000 >lines
gzip -k lines
size=$(stat -c %s lines.gz)
cat lines.gz lines.gz >joined.gz
head -c $((size / 2)) lines.gz >cut.gz
head -c $((size - 8)) lines.gz >cut8.gz
{ cat lines.gz; echo garbage; } >behind.gz
{ head -c $((size - 8)) lines.gz; printf 'abcd'; tail -c 4 lines.gz; } >crc.gz
printf '\037\213' >magic.gz
: >empty

# twice STATUS FILE ROWS: loaded twice, stored once.
twice() {
    rm -f t.db*
    run "$1" "$TUBES" run -q "file $2 | lines | sqlite t.db"
    run "$1" "$TUBES" run -q "file $2 | lines | sqlite t.db"
    [ "$3" = some ] || same "$(count t.db logs)" "$3"
}

twice 0 joined.gz 60000
twice 1 cut8.gz 30000
twice 1 behind.gz 30000
twice 1 crc.gz 30000
twice 0 empty 0
twice 1 cut.gz some
rows=$(count t.db logs)
[ "$rows" -gt 5000 ] && [ "$rows" -lt 30000 ] || fail "$rows rows of half a file"
same "$("$TUBES" sql t.db 'select max(cast(line as integer)) from logs' | tail -1)" "$rows"
rm -f t.db*
run 3 "$TUBES" run -q 'file magic.gz | lines | sqlite t.db'
same "$(count t.db tubes_reject)" 1
