#!/bin/bash
# SPDX-License-Identifier: MIT
# Loading again: what is stored is not stored twice, what is new is.
. "$(dirname "$0")/lib_sqlite.sh"

# count DB: rows, distinct rows, and the positions in the order of their rows.
count() { sql "$1" "SELECT count(*), count(DISTINCT line), (SELECT group_concat(generation || ':' || low || ':' || lines)
    FROM (SELECT * FROM tubes_progress ORDER BY source_id, generation)) FROM logs"; }
load() { run "${2:-0}" "file $1 | lines | sqlite t.db ${3:-}"; }

printf 'one\ntwo\n' >a.log
load a.log
load a.log
same "the same file again" "2|2|0:8:2" "$(count t.db)"
load "./../$(basename "$dir")/a.log"
ln -s a.log link.log
load link.log
same "by another path" "2|2|0:8:2" "$(count t.db)"

printf 'three\n' >>a.log
load a.log
same "a file that has grown" "3|3|0:14:3" "$(count t.db)"
same "its fingerprint grows with it" "14|6F6E650A74776F0A74687265650A" "$(sql t.db 'SELECT fp_len, hex(fp) FROM tubes_source')"

load a.log 0 again=yes
same "once more on purpose" "6|3|0:14:3,1:14:3" "$(count t.db)"
load a.log
same "and not once more" "6|3|0:14:3,1:14:3" "$(count t.db)"

printf 'one\n' >a.log
load a.log
same "its beginning is another file: too short for the fingerprint" "7|3|0:14:3,1:14:3,0:4:1" "$(count t.db)"

# Longer than the fingerprint, then cut: the next life of the same file.
awk 'BEGIN { for (i = 1; i <= 300; i++) printf "line %04d\n", i }' >b.log
load b.log 0 table=b
head -n 200 b.log >c.log && cat c.log >b.log
load b.log 0 table=b
has "the user is told" "b.log is shorter than what was loaded of it" err
same "a file that was cut" "500|300|0:3000:300,1:2000:200" \
    "$(sql t.db "SELECT count(*), count(DISTINCT line), (SELECT group_concat(generation || ':' || low || ':' || lines)
        FROM tubes_progress WHERE source_id = (SELECT id FROM tubes_source WHERE path LIKE '%/b.log')) FROM b")"

# The same path with other bytes in it is another source.
awk 'BEGIN { for (i = 1; i <= 300; i++) printf "news %04d\n", i }' >b.log
load b.log 0 table=b
same "a file that was replaced" "800|600" "$(sql t.db 'SELECT count(*), count(DISTINCT line) FROM b')"

# A table that is dropped and made anew starts anew; a renamed one does not.
sql t.db "DROP TABLE b"
load b.log 0 table=b
same "a table that was dropped" "300|300" "$(sql t.db 'SELECT count(*), count(DISTINCT line) FROM b')"
sql t.db "ALTER TABLE b RENAME TO old"
load b.log 0 table=old
same "a table that was renamed" "300" "$(sql t.db 'SELECT count(*) FROM old')"
load b.log 0 table=b
same "a new one of its name" "300" "$(sql t.db 'SELECT count(*) FROM b')"
hasnt "which is no surprise" "not the one" err
sql t.db "DROP TABLE b; CREATE TABLE b (line TEXT); INSERT INTO b VALUES ('mine')"
load b.log 0 table=b
has "a table of other making is told" "table 'b' is not the one that was loaded before" err
same "and starts anew" "301" "$(sql t.db 'SELECT count(*) FROM b')"
sql t.db "VACUUM; UPDATE b SET line = 'changed' WHERE line = 'mine'; DELETE FROM b WHERE line = 'changed'"
load b.log 0 table=b
same "emptying and packing it changes nothing" "300" "$(sql t.db 'SELECT count(*) FROM b')"

# A last line without its end is stored; what it grows into cannot be mended.
printf 'x\ny' >open.log
load open.log 0 table=o
printf '\n' >>open.log
load open.log 0 table=o
hasnt "its end is no news" "without its end" err
printf 'z\nzz' >>open.log
load open.log 0 table=o
printf 'zz\nzzz\n' >>open.log
load open.log 0 table=o
has "the user is told" "open.log: the line before byte 8 was stored without its end" err
same "an open line" "x,y,z,zz,zz,zzz" "$(sql t.db 'SELECT group_concat(line) FROM o')"
same "all bytes and lines are accounted for" "15|5" "$(sql t.db "SELECT low, lines FROM tubes_progress
    WHERE source_id = (SELECT id FROM tubes_source WHERE path LIKE '%/open.log')")"

# What only looks leaves no position behind.
"$TUBES" check "file a.log | lines | sqlite looked.db" >out 2>err || same "check" 0 $?
run 0 "file a.log | lines | sqlite looked.db"
same "loaded after a check" 1 "$(sql looked.db 'SELECT count(*) FROM logs')"

# The limits of a transaction do not change what is stored.
awk 'BEGIN { for (i = 1; i <= 20000; i++) printf "line %d\n", i }' >many.log
for limits in rows=1 rows=100 bytes=1 bytes=1000 age=0s age=1ms "rows=1000000 bytes=1G age=1h"; do
    rm -f l.db*
    [ "$limits" = rows=1 ] && lines=300 || lines=20000
    head -n $lines many.log >some.log
    run 0 "file some.log | lines | sqlite l.db $limits"
    same "$limits" "$lines|$lines" "$(sql l.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
done

# Memory is short long before a limit is met: what is kept is let go of.
awk 'BEGIN { for (i = 1; i <= 300000; i++) printf "line %d\n", i }' >large.log
rm -f l.db*
run 0 "file large.log | lines | sqlite l.db rows=1000000000 bytes=1G age=1h" --memory 4M
same "little memory" "300000|300000" "$(sql l.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
