#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_load.sh -- a log into PostgreSQL: new table, old table, again, shorter, renamed.
. "$(dirname "$0")/lib_pg.sh"

log=$dir/access.log
lines 25000 "$log"
load="file $log | parse combined | postgres \"$dsn\" table=$schema.access"
totals="SELECT count(*), count(DISTINCT a::text), sum(bytes), min(time), max(status)
    FROM $schema.access a"
place="SELECT generation, low, lines, rows, rejects FROM $schema.tubes_progress
    ORDER BY source_id, generation"
size=$(stat -c %s "$log")

tubes_run "$load"
same "exit of a first load" 0 $status
has "the identity" '^read 25,000 = committed 25,000 \+ filtered 0 \+ rejected 0' "$dir/err"
same "types of a new table" "text text text timestamptz text text text int2 int8 text text" \
    "$(sql "SELECT string_agg(t.typname, ' ' ORDER BY attnum) FROM pg_attribute a
        JOIN pg_type t ON t.oid = atttypid
        WHERE attrelid = '$schema.access'::regclass AND attnum > 0")"
same "rows, and all different" "25000|25000" "$(sql "$totals" | cut -d'|' -f1,2)"
same "position" "0|$size|25000|25000|0" "$(sql "$place")"
first=$(sql "$totals")

# What mawk finds in the file is in the table.
same "sum of bytes" "$(awk '{ n += $10 } END { printf "%.0f", n }' "$log")" \
    "$(sql "SELECT sum(bytes) FROM $schema.access")"
same "rows of a status" "$(awk '$9 == 404' "$log" | wc -l)" \
    "$(sql "SELECT count(*) FROM $schema.access WHERE status = 404")"

tubes_run "$load"
same "exit of a second load" 0 $status
has "nothing is read twice" '^read 0 = committed 0' "$dir/err"
same "nothing is stored twice" "$first" "$(sql "$totals")"

# It grows: only what is new.
lines 26000 "$dir/more"
tail -n 1000 "$dir/more" >>"$log"
tubes_run "$load"
has "only the new lines" '^read 1,000 = committed 1,000' "$dir/err"
same "rows after growing" 26000 "$(sql "SELECT count(*) FROM $schema.access")"

# On purpose, from the start.
tubes_run "$load again=yes"
has "all of it again" '^read 26,000 = committed 26,000' "$dir/err"
same "rows of two generations" 52000 "$(sql "SELECT count(*) FROM $schema.access")"
same "two generations" "0|26000
1|26000" "$(sql "$place" | cut -d'|' -f1,3)"

# Cut, but with the same beginning: from the start, with a word about it.
head -n 500 "$dir/more" >"$log"
tubes_run "$load"
has "a shorter file is read from its start" '^read 500 = committed 500' "$dir/err"
has "and that is said" 'it was cut' "$dir/err"
same "three generations" 3 "$(sql "SELECT count(*) FROM $schema.tubes_progress")"

# Another file of the same name is another source.
"$TUBES" run "gen combined 100 seed=99 | lines | print format=raw" >"$log" 2>/dev/null
tubes_run "$load"
has "another file" '^read 100 = committed 100' "$dir/err"
same "two sources" 2 "$(sql "SELECT count(*) FROM $schema.tubes_source")"

# A table that was dropped starts anew.
sql "DROP TABLE $schema.access"
tubes_run "$load"
has "a new table starts anew" '^read 100 = committed 100' "$dir/err"
same "rows of the new table" 100 "$(sql "SELECT count(*) FROM $schema.access")"

# The file that was short when it was first seen is known by its short beginning.
head -c 300 "$dir/more" | head -n 1 >"$dir/short"
tubes_run "file $dir/short | parse combined | postgres \"$dsn\" table=$schema.access"
sed -n 2,10p "$dir/more" >>"$dir/short"
tubes_run "file $dir/short | parse combined | postgres \"$dsn\" table=$schema.access"
has "a short file that grew" '^read 9 = committed 9' "$dir/err"
same "its fingerprint has grown" 1024 \
    "$(sql "SELECT fp_len FROM $schema.tubes_source WHERE path = '$dir/short'")"

# Everything filtered: the position moves all the same.
tubes_run "file $dir/more | parse combined | where status = 999 |
    postgres \"$dsn\" table=$schema.access"
has "all filtered" '^read 26,000 = committed 0 \+ filtered 26,000' "$dir/err"
same "the position is at the end" "$(stat -c %s "$dir/more")" \
    "$(sql "SELECT low FROM $schema.tubes_progress JOIN $schema.tubes_source
        ON id = source_id WHERE path = '$dir/more'")"

# Standard input has no position to go back to, and one of its own.
"$TUBES" run "file - | parse combined | postgres \"$dsn\" table=$schema.stream" \
    <"$dir/more" >/dev/null 2>"$dir/err"
same "rows of a stream" 26000 "$(sql "SELECT count(*) FROM $schema.stream")"
same "its source" "-|26000" "$(sql "SELECT path, low FROM $schema.tubes_progress
    JOIN $schema.tubes_source ON id = source_id
    WHERE target = '$schema.stream'::regclass")"
"$TUBES" run "file - | parse combined | postgres \"$dsn\" table=$schema.empty" \
    </dev/null >/dev/null 2>"$dir/err" || same "an empty stream" 0 $?
has "nothing read" '^read 0 = committed 0' "$dir/err"
